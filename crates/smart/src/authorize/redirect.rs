//! Where the answer of an authorization goes, and how it gets there. <https://www.rfc-editor.org/rfc/rfc9700#section-4.1> (S21, S22, S25, S31)

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::request::Parameters;
use crate::state::{Authorization, Client};

/// A redirect URI that is registered, with the `state` to give back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    uri: String,
    state: Option<String>,
}

/// Bytes of `state` (S21). A longer one is a mistake that no redirect should carry on.
pub(crate) const STATE_BYTES_MAX: usize = 8 * 1024;

impl Redirect {
    /// Error: a page, because nothing may be sent to a place that is not registered.
    pub(crate) fn of(client: &Client, parameters: &Parameters) -> Result<Redirect, OAuthError> {
        let page = |why| OAuthError::new(ErrorCode::InvalidRequest, why);
        let uri = parameters
            .get("redirect_uri")
            .ok_or_else(|| page("the app's link names no redirect_uri, or more than one"))?;
        if !is_registered(client, uri) {
            return Err(page(
                "the redirect_uri is not one that is registered for this app",
            ));
        }
        let state = parameters.get("state");
        if state.is_some_and(|state| state.len() > STATE_BYTES_MAX) {
            return Err(page("state is too long"));
        }
        Ok(Redirect {
            uri: uri.to_owned(),
            state: state.map(str::to_owned),
        })
    }

    pub(crate) fn to(authorization: &Authorization) -> Redirect {
        Redirect {
            uri: authorization.redirect_uri.clone(),
            state: Some(authorization.state.clone()),
        }
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// `code`, `state` and `iss` (RFC 9207).
    pub(crate) fn code(&self, issuer: &str, code: &str) -> Answer {
        self.answer(issuer, &[("code", code)])
    }

    pub(crate) fn error(&self, issuer: &str, error: &OAuthError) -> Answer {
        let parameters = [
            ("error", error.code.as_str()),
            ("error_description", &error.description),
        ];
        self.answer(issuer, &parameters)
    }

    fn answer(&self, issuer: &str, parameters: &[(&str, &str)]) -> Answer {
        let state = self.state.as_deref().map(|state| ("state", state));
        let all = parameters
            .iter()
            .copied()
            .chain(state)
            .chain([("iss", issuer)]);
        let mut to = self.uri.clone();
        let mut separator = if to.contains('?') { '&' } else { '?' };
        for (name, value) in all {
            to.push(separator);
            to.push_str(name);
            to.push('=');
            percent_encode(value, &mut to);
            separator = '&';
        }
        Answer::redirect(to)
    }
}

/// Whether the client is sent back there, as it is registered now.
pub(crate) fn is_registered(client: &Client, uri: &str) -> bool {
    let mut registered = client.redirect_uris.iter();
    registered.any(|known| known == uri || client.native && same_loopback(known, uri))
}

/// Whether both are the same but for the port, on a loopback address literal (RFC 8252 §7.3). `localhost` is a name, and names
/// can be made to point elsewhere.
fn same_loopback(registered: &str, given: &str) -> bool {
    let split = |uri: &str| {
        let rest = uri.strip_prefix("http://")?;
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let host = ["127.0.0.1", "[::1]"]
            .into_iter()
            .find(|host| authority.starts_with(host))?;
        let port = &authority[host.len()..];
        let is_port = port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|port| port.len() <= 5 && port.parse::<u16>().is_ok());
        is_port.then(|| (host, path.to_owned()))
    };
    split(registered).is_some_and(|registered| Some(registered) == split(given))
}

/// Everything but the unreserved characters of RFC 3986 §2.3.
pub(crate) fn percent_encode(value: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(native: bool, uris: &[&str]) -> Client {
        Client {
            native,
            redirect_uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
            ..Client::default()
        }
    }

    fn of(client: &Client, uri: &str) -> Result<Redirect, OAuthError> {
        let pairs = [("redirect_uri", uri), ("state", "s t&ü")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Redirect::of(client, &Parameters::new(pairs.to_vec()))
    }

    #[test]
    fn s22_redirect_uris_compare_character_by_character() {
        let app = client(false, &["https://app.example/cb"]);
        assert!(of(&app, "https://app.example/cb").is_ok());
        for other in [
            "https://app.example/cb/",
            "https://app.example/cb?x=1",
            "https://app.example/cb#x",
            "https://app.example:444/cb",
            "https://app.example:443/cb",
            "https://app.example/CB",
            "https://app.example/x/../cb",
            "https://app.example/%63b",
            "https://user@app.example/cb",
            "https://app.example.evil.example/cb",
            "http://app.example/cb",
            "https://APP.example/cb",
            "",
        ] {
            assert!(of(&app, other).is_err(), "{other}");
        }
    }

    #[test]
    fn s22_only_native_apps_choose_a_port_on_loopback() {
        let uris = [
            "http://127.0.0.1/cb",
            "http://[::1]:1/cb",
            "http://localhost/cb",
        ];
        let native = client(true, &uris);
        for good in [
            "http://127.0.0.1:49152/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:9/cb",
        ] {
            assert!(of(&native, good).is_ok(), "{good}");
        }
        for bad in [
            "http://127.0.0.1:49152/cb/x",
            "http://127.0.0.1:49152/cb?x",
            "http://127.0.0.1:x/cb",
            "http://127.0.0.1:70000/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:1@evil.example/cb",
            "http://localhost:49152/cb",
            "https://127.0.0.1:49152/cb",
        ] {
            assert!(of(&native, bad).is_err(), "{bad}");
        }
        assert!(of(&client(false, &uris), "http://127.0.0.1:49152/cb").is_err());
    }

    #[test]
    fn s21_s25_state_comes_back_and_the_issuer_is_named() {
        let app = client(false, &["https://app.example/cb?a=b"]);
        let redirect = of(&app, "https://app.example/cb?a=b").unwrap();
        let Answer::Redirect { to, .. } = redirect.code("https://ward.example", "c") else {
            panic!("no redirect")
        };
        assert_eq!(
            to,
            "https://app.example/cb?a=b&code=c&state=s%20t%26%C3%BC&iss=https%3A%2F%2Fward.example"
        );
    }
}
