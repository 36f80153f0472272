//! The two cookies of the pages: one opens a session, the other tells a browser again for long and opens nothing. Over TLS their
//! names begin with `__Host-`, so that no other host and no page in clear can set them.
//! <https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html#name-the-__host-prefix>

use crate::server::Service;
use actix_web::http::header::{self, HeaderMap};
use ward_smart::Cookie;

/// What the cookies are called here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookies {
    /// `__Host-ward-session` and `__Host-ward-browser`, for the server's origin over TLS only.
    Secure,
    /// `ward-session` and `ward-browser`, for a server on loopback without TLS.
    Clear,
}

/// How long a browser keeps its own secret after a sign-in with two factors: the longest that browsers allow.
const DEVICE_MAX_AGE_S: u32 = 400 * 24 * 3600;

impl Cookies {
    /// By how the server is addressed, be TLS its own or that of a proxy before it.
    pub fn of(service: &Service) -> Cookies {
        if service.engine.settings().base.starts_with("https://") {
            Cookies::Secure
        } else {
            Cookies::Clear
        }
    }

    pub fn session(self, headers: &HeaderMap) -> Option<String> {
        value(headers, self.names().0)
    }

    pub fn device(self, headers: &HeaderMap) -> Option<String> {
        value(headers, self.names().1)
    }

    /// The `Set-Cookie` header for what becomes of the session. Without `Max-Age`: browsers forget it when they are closed.
    pub fn set_session(self, cookie: &Cookie) -> Option<String> {
        match cookie {
            Cookie::Keep => None,
            Cookie::Set(value) => self.set(self.names().0, value, ""),
            Cookie::Clear => Some(self.header(self.names().0, "", "; Max-Age=0")),
        }
    }

    /// The same for the secret that the browser keeps.
    pub fn set_device(self, secret: &str) -> Option<String> {
        let end = format!("; Max-Age={DEVICE_MAX_AGE_S}");
        self.set(self.names().1, secret, &end)
    }

    fn set(self, name: &str, value: &str, end: &str) -> Option<String> {
        is_value(value).then(|| self.header(name, value, end))
    }

    fn header(self, name: &str, value: &str, end: &str) -> String {
        let secure = match self {
            Cookies::Secure => "; Secure",
            Cookies::Clear => "",
        };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{end}")
    }

    /// Of the session, and of the browser.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Cookies::Secure => ("__Host-ward-session", "__Host-ward-browser"),
            Cookies::Clear => ("ward-session", "ward-browser"),
        }
    }
}

/// A cookie's value; `None` where two are sent: one of them is not ours.
fn value(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let mut values = headers
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, value)| *name == wanted && is_value(value))
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.to_owned()),
        _ => None,
    }
}

/// What we set is base64url; nothing else is taken for it.
fn is_value(value: &str) -> bool {
    (1..=VALUE_BYTES_MAX).contains(&value.len())
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

const VALUE_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn one_cookie_of_each_name_is_read() {
        let read = |lines: &[&str]| Cookies::Secure.session(&headers(lines));
        assert_eq!(
            read(&["a=b; __Host-ward-session=x_1-Z; c=d"]).as_deref(),
            Some("x_1-Z")
        );
        for none in [
            &["ward-session=x"][..],
            &["__host-ward-session=x"],
            &["__Host-ward-session="],
            &["__Host-ward-session=\"x\""],
            &["__Host-ward-session=x; __Host-ward-session=y"],
            &["__Host-ward-session=x", "__Host-ward-session=x"],
            &["x__Host-ward-session=x"],
            &["__Host-ward-browser=x"],
            &[],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
        assert_eq!(
            read(&[&format!("__Host-ward-session={}", "a".repeat(257))]),
            None
        );
        let both = headers(&["__Host-ward-session=x; __Host-ward-browser=y"]);
        assert_eq!(Cookies::Secure.session(&both).as_deref(), Some("x"));
        assert_eq!(Cookies::Secure.device(&both).as_deref(), Some("y"));
        assert_eq!(Cookies::Clear.device(&both), None);
    }

    #[test]
    fn what_is_set_is_for_us_alone() {
        let set = Cookies::Secure.set_session(&Cookie::Set("x".into()));
        assert_eq!(
            set.as_deref(),
            Some("__Host-ward-session=x; Path=/; HttpOnly; SameSite=Lax; Secure")
        );
        let cleared = Cookies::Clear.set_session(&Cookie::Clear);
        assert_eq!(
            cleared.as_deref(),
            Some("ward-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
        );
        assert_eq!(Cookies::Clear.set_session(&Cookie::Keep), None);
        let foreign = "x; Domain=evil.example";
        assert_eq!(
            Cookies::Clear.set_session(&Cookie::Set(foreign.into())),
            None
        );
        assert_eq!(Cookies::Clear.set_device(foreign), None);
        assert_eq!(
            Cookies::Secure.set_device("y").as_deref(),
            Some("__Host-ward-browser=y; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=34560000")
        );
    }
}
