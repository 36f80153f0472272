//! Base64 and base64url as the standards write them (RFC 4648 §4, §5).

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{
    GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD,
};

/// With padding.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Whitespace is skipped, as FHIR's base64Binary permits it. `None`: not base64.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|b| b.is_ascii_whitespace()) {
        let dense: String = text.split_ascii_whitespace().collect();
        return STANDARD.decode(dense).ok();
    }
    STANDARD.decode(text).ok()
}

/// Without padding.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Padding is refused, so that a value has one spelling. `None`: not base64url.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    const STRICT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, STRICT);
    ENGINE.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        assert_eq!(base64(b"a>?"), "YT4/");
        assert_eq!(base64url(b"a>?"), "YT4_");
        assert_eq!(from_base64(" YT4/\n"), Some(b"a>?".to_vec()));
        assert_eq!(from_base64url("YT4_"), Some(b"a>?".to_vec()));
        assert_eq!(from_base64url("YQ=="), None);
        assert_eq!(from_base64("YT4_"), None);
    }
}
