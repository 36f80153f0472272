//! Headers that say who asks: each at most once (S103), so that no two readers can take a different one for the right one.

use actix_web::http::header::{HeaderMap, HeaderName};

/// <https://www.rfc-editor.org/rfc/rfc9449#section-4.1>
pub const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The value of a header. `Err`: it was sent twice, or is not visible ASCII.
pub fn one_header<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, &'static str> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .map(Some)
            .map_err(|_| "a header with credentials is not ASCII text"),
        (Some(_), Some(_)) => Err("a header with credentials was sent twice"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{AUTHORIZATION, HeaderValue};

    #[test]
    fn s103_credentials_are_sent_once() {
        let mut headers = HeaderMap::new();
        assert_eq!(one_header(&headers, &AUTHORIZATION), Ok(None));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        assert_eq!(one_header(&headers, &AUTHORIZATION), Ok(Some("Bearer a")));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        assert!(one_header(&headers, &AUTHORIZATION).is_err());
        let mut headers = HeaderMap::new();
        headers.append(DPOP, HeaderValue::from_bytes(b"\xff").unwrap());
        assert!(one_header(&headers, &DPOP).is_err());
    }
}
