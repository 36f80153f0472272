//! Asking others at a URL: key sets of clients, discovery and tokens of another provider. The one client that does it for
//! the whole server lives above this floor, with the guard against addresses that are nobody's business.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The guarded client for outgoing URLs.
pub trait Fetch: Send + Sync {
    /// What is at `url`, at most `bytes_max` bytes of it, whatever its status; redirects are answers, never followed. Takes
    /// 3 s at most. Errors say which rule refused the URL, or that the other side did not answer.
    fn get<'a>(&'a self, url: &'a str, bytes_max: usize) -> Fetching<'a>;
    /// Sends a form to a URL; else as [`Fetch::get`].
    fn post<'a>(&'a self, posted: Posted<'a>, bytes_max: usize) -> Fetching<'a>;
}

/// Whom the server asks, and by which rules.
#[derive(Clone)]
pub struct Outgoing {
    /// URLs that clients gave us.
    pub clients: Arc<dyn Fetch>,
    /// The upstream provider, which the installation named.
    pub upstream: Arc<dyn Fetch>,
}

impl Outgoing {
    /// The same for both.
    pub fn all(fetch: Arc<dyn Fetch>) -> Outgoing {
        Outgoing {
            clients: fetch.clone(),
            upstream: fetch,
        }
    }
}

/// What is sent to a URL: the headers are those of its sender, and nothing is added but what HTTP needs.
#[derive(Clone, Copy)]
pub struct Posted<'a> {
    pub url: &'a str,
    /// Names in lower case. May hold a secret.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

/// The pending answer of [`Fetch::get`] and [`Fetch::post`].
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// Not a URL, not https, with a user name in it, or of a port that is not permitted.
    UrlRefused,
    /// Its host is, or resolves to, an address that is not public.
    AddressRefused,
    /// Its host is not known, does not answer in time, or breaks off; or TLS failed.
    Unreachable,
    /// More than the caller takes.
    TooLarge,
}

impl Fetched {
    /// The value of a header that was sent once. `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut of_name = self.headers.iter().filter(|(known, _)| known == name);
        match (of_name.next(), of_name.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// Seconds for which the answer may be kept (RFC 9111 §5.2.2): `max-age` of `Cache-Control`, 0 for `no-store` and
    /// `no-cache`. `None`: it does not say.
    pub fn max_age_s(&self) -> Option<u64> {
        let directives = self.header("cache-control")?.split(',').map(str::trim);
        let mut age = None;
        for directive in directives {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return Some(0),
                // A number that cannot be read is as if the answer were stale (§4.2.1).
                "max-age" => age = Some(value.trim_matches('"').parse().unwrap_or(0)),
                _ => {}
            }
        }
        age
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FetchError::UrlRefused => {
                "the URL must be https, on a permitted port, and without a user name"
            }
            FetchError::AddressRefused => "the host of the URL has no public address",
            FetchError::Unreachable => "the host of the URL does not answer",
            FetchError::TooLarge => "the answer is too large",
        })
    }
}

impl std::error::Error for FetchError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(headers: &[(&str, &str)]) -> Fetched {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Fetched {
            status: 200,
            headers: headers.iter().map(own).collect(),
            body: Vec::new(),
        }
    }

    #[test]
    fn an_answer_says_how_long_it_may_be_kept() {
        for (value, age) in [
            ("max-age=300", Some(300)),
            ("public, Max-Age=\"60\"", Some(60)),
            ("no-store", Some(0)),
            ("max-age=300, no-cache", Some(0)),
            ("max-age=soon", Some(0)),
            ("max-age=-1", Some(0)),
            ("public", None),
        ] {
            assert_eq!(
                with(&[("cache-control", value)]).max_age_s(),
                age,
                "{value}"
            );
        }
        assert_eq!(with(&[]).max_age_s(), None);
        let twice = [
            ("cache-control", "max-age=1"),
            ("cache-control", "max-age=2"),
        ];
        assert_eq!(with(&twice).header("cache-control"), None);
    }
}
