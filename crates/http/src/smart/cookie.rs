//! The session cookie. Over TLS its name begins with `__Host-`, so that no other host and no page in clear can set it.
//! <https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html#name-the-__host-prefix>

use crate::server::Service;
use actix_web::http::header::{self, HeaderMap};
use ward_smart::Cookie;

/// What the cookie is called here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// `__Host-ward-session`, for the server's origin over TLS only.
    Secure,
    /// `ward-session`, for a server on loopback without TLS.
    Clear,
}

impl Name {
    /// By how the server is addressed, be TLS its own or that of a proxy before it.
    pub fn of(service: &Service) -> Name {
        if service.engine.settings().base.starts_with("https://") {
            Name::Secure
        } else {
            Name::Clear
        }
    }

    /// The cookie's value; `None` where two are sent: one of them is not ours.
    pub fn value(self, headers: &HeaderMap) -> Option<String> {
        let mut values = headers
            .get_all(header::COOKIE)
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, value)| *name == self.as_str() && is_value(value))
            .map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value.to_owned()),
            _ => None,
        }
    }

    /// The `Set-Cookie` header for what becomes of the cookie. Without `Max-Age`: browsers forget it when they are closed.
    pub fn set(self, cookie: &Cookie) -> Option<String> {
        let (value, end) = match cookie {
            Cookie::Keep => return None,
            Cookie::Set(value) if is_value(value) => (value.as_str(), ""),
            Cookie::Set(_) => return None,
            Cookie::Clear => ("", "; Max-Age=0"),
        };
        let secure = if self == Name::Secure { "; Secure" } else { "" };
        Some(format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{end}",
            self.as_str()
        ))
    }

    fn as_str(self) -> &'static str {
        match self {
            Name::Secure => "__Host-ward-session",
            Name::Clear => "ward-session",
        }
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
    fn one_cookie_of_the_name_is_read() {
        let read = |lines: &[&str]| Name::Secure.value(&headers(lines));
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
            &[],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
        assert_eq!(
            read(&[&format!("__Host-ward-session={}", "a".repeat(257))]),
            None
        );
    }

    #[test]
    fn what_is_set_is_for_us_alone() {
        let set = Name::Secure.set(&Cookie::Set("x".into()));
        assert_eq!(
            set.as_deref(),
            Some("__Host-ward-session=x; Path=/; HttpOnly; SameSite=Lax; Secure")
        );
        let cleared = Name::Clear.set(&Cookie::Clear);
        assert_eq!(
            cleared.as_deref(),
            Some("ward-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
        );
        assert_eq!(Name::Clear.set(&Cookie::Keep), None);
        assert_eq!(
            Name::Clear.set(&Cookie::Set("x; Domain=evil.example".into())),
            None
        );
    }
}
