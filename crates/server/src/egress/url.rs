//! Which URLs may be asked at all, before any name is resolved.

use super::address::{is_private, is_public};
use reqwest::Url;
use std::net::IpAddr;
use ward_smart::fetch::FetchError;

/// Longest URL that is looked at.
pub const URL_BYTES_MAX: usize = 2048;

pub struct Rules {
    pub ports: Vec<u16>,
    /// Development: also http, and any port, to loopback.
    pub loopback_http: bool,
    /// Hosts that may have private addresses, each at one port, by https.
    pub private: Vec<Private>,
}

/// A host that the installation vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Private {
    /// In lower case.
    pub host: String,
    pub port: u16,
}

impl Private {
    /// `id.hospital.internal`, `10.1.2.3:8443`. `None`: it is neither.
    pub fn parse(text: &str) -> Option<Private> {
        let url = Url::parse(&format!("https://{text}/")).ok()?;
        let is_host = url.path() == "/" && url.username().is_empty() && url.password().is_none();
        let plain = !text.contains(['/', '?', '#', '@', '\\']);
        let host = url.host_str().filter(|_| is_host && plain)?;
        Some(Private {
            host: host.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

impl Private {
    /// The host and port of a URL. `None`: it is none.
    pub fn of_url(text: &str) -> Option<Private> {
        let url = Url::parse(text).ok()?;
        Some(Private {
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

/// A URL that has passed.
#[derive(Debug)]
pub struct Permitted(pub Url);

impl Rules {
    pub fn check(&self, text: &str) -> Result<Permitted, FetchError> {
        // What a parser would drop or mend in silence is refused, so that it means the same to everybody.
        let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        if text.len() > URL_BYTES_MAX || !plain {
            return Err(FetchError::UrlRefused);
        }
        let url = Url::parse(text).map_err(|_| FetchError::UrlRefused)?;
        // The parser also takes `https:host` and `https:///host`.
        let authority = text
            .get(url.scheme().len()..)
            .and_then(|t| t.strip_prefix("://"));
        if authority.is_none_or(|authority| authority.starts_with('/')) {
            return Err(FetchError::UrlRefused);
        }
        let credentials = !url.username().is_empty() || url.password().is_some();
        if credentials || url.fragment().is_some() {
            return Err(FetchError::UrlRefused);
        }
        let host = Host::of(&url)?;
        let port = url.port_or_known_default().ok_or(FetchError::UrlRefused)?;
        let local = self.loopback_http && host.is_loopback();
        let named = url.host_str().unwrap_or_default();
        let is_one = |one: &Private| one.host == named && one.port == port;
        let private = self.private.iter().any(is_one);
        let scheme = url.scheme() == "https" || url.scheme() == "http" && local;
        if !scheme || !(local || private || self.ports.contains(&port)) {
            return Err(FetchError::UrlRefused);
        }
        match host {
            Host::Address(address) if private && is_private(address) => Ok(Permitted(url)),
            Host::Address(address) if !local && !is_public(address) => {
                Err(FetchError::AddressRefused)
            }
            Host::Name(_) if !local && host.is_loopback() => Err(FetchError::AddressRefused),
            _ => Ok(Permitted(url)),
        }
    }
}

/// Whether a URL is http at this machine, where nobody else hears what is sent. `http://127.0.0.1.evil.example` is not.
pub fn is_http_here(text: &str) -> bool {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "http");
    url.is_some_and(|url| Host::of(&url).is_ok_and(|host| host.is_loopback()))
}

enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

impl<'a> Host<'a> {
    /// The parser has brought decimal, octal and hexadecimal forms of IPv4 addresses to one.
    fn of(url: &'a Url) -> Result<Host<'a>, FetchError> {
        let host = url.host_str().ok_or(FetchError::UrlRefused)?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        match bare.unwrap_or(host).parse() {
            Ok(address) => Ok(Host::Address(address)),
            Err(_) if bare.is_some() => Err(FetchError::UrlRefused),
            Err(_) => Ok(Host::Name(host)),
        }
    }

    fn is_loopback(&self) -> bool {
        match self {
            Host::Address(address) => address.is_loopback(),
            // RFC 6761 §6.3: whatever a resolver says.
            Host::Name(name) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost")
            }
        }
    }
}
