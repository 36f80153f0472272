//! A secret that client and server share. <https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1> (S45)

use super::unknown;
use crate::answer::{ErrorCode, OAuthError};
use crate::state::{Client, digest};
use ward_seal::from_base64;
use ward_seal::hash::constant_time_eq;

/// Id and secret of an `Authorization: Basic` header.
pub(super) struct Basic {
    pub client_id: String,
    pub secret: String,
}

impl Basic {
    /// `None`: another scheme, or no header. Both parts are form-urlencoded before they are joined (RFC 6749 §2.3.1).
    pub(super) fn read(authorization: Option<&str>) -> Result<Option<Basic>, OAuthError> {
        let Some((scheme, coded)) = authorization.and_then(|value| value.split_once(' ')) else {
            return Ok(None);
        };
        if !scheme.eq_ignore_ascii_case("Basic") {
            return Ok(None);
        }
        let malformed = || {
            OAuthError::new(
                ErrorCode::InvalidRequest,
                "the Authorization header is not well-formed Basic",
            )
        };
        let text = from_base64(coded.trim())
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(malformed)?;
        let (id, secret) = text.split_once(':').ok_or_else(malformed)?;
        Ok(Some(Basic {
            client_id: form_decoded(id).ok_or_else(malformed)?,
            secret: form_decoded(secret).ok_or_else(malformed)?,
        }))
    }
}

/// Compares digests, in constant time.
pub(super) fn check(client: &Client, secret: &str) -> Result<(), OAuthError> {
    let expected = client.secret_digest.as_deref().unwrap_or_default();
    let given = digest(secret);
    if constant_time_eq(expected.as_bytes(), given.as_bytes()) {
        Ok(())
    } else {
        Err(unknown())
    }
}

/// `application/x-www-form-urlencoded` of one value. `None`: not UTF-8, or a broken escape.
fn form_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_seal::base64;

    #[test]
    fn s45_id_and_secret_are_form_urlencoded() {
        let header = format!("Basic {}", base64(b"my%20app:a%3Ab+c%2B"));
        let basic = Basic::read(Some(&header)).unwrap().unwrap();
        assert_eq!(
            (basic.client_id.as_str(), basic.secret.as_str()),
            ("my app", "a:b c+")
        );
        assert!(Basic::read(Some("Bearer x")).unwrap().is_none());
        assert!(Basic::read(None).unwrap().is_none());
        for broken in ["", "!!!", "bm9jb2xvbg==", "JTI6eA=="] {
            assert!(
                Basic::read(Some(&format!("Basic {broken}"))).is_err(),
                "{broken}"
            );
        }
    }
}
