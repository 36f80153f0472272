//! Proof Key for Code Exchange, method S256 and no other. <https://www.rfc-editor.org/rfc/rfc7636>

use crate::encoding::{base64url, from_base64url};
use crate::hash::{constant_time_eq, sha256};

/// Characters of a `code_verifier` (§4.1).
pub const VERIFIER_CHARS_MIN: usize = 43;
pub const VERIFIER_CHARS_MAX: usize = 128;

/// Whether this can be a `code_challenge`: base64url of a SHA-256 hash.
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && from_base64url(text).is_some()
}

/// Whether `verifier` is well-formed and the one that `challenge` was made from. Compared in constant time.
pub fn verify(challenge: &str, verifier: &str) -> bool {
    let well_formed = (VERIFIER_CHARS_MIN..=VERIFIER_CHARS_MAX).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    let made = self::challenge(verifier);
    constant_time_eq(made.as_bytes(), challenge.as_bytes()) && well_formed
}

/// The challenge of a verifier.
pub fn challenge(verifier: &str) -> String {
    base64url(&sha256(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn rfc_7636_appendix_b() {
        assert_eq!(challenge(VERIFIER), CHALLENGE);
        assert!(verify(CHALLENGE, VERIFIER));
        assert!(is_challenge(CHALLENGE));
    }

    #[test]
    fn others_are_refused() {
        assert!(!verify(CHALLENGE, CHALLENGE), "plain is not accepted");
        assert!(!verify(VERIFIER, VERIFIER));
        assert!(!verify("", ""));
        let short = "a".repeat(42);
        let long = "a".repeat(129);
        let space = format!("{}+", "a".repeat(43));
        for malformed in [short, long, space] {
            assert!(!verify(&challenge(&malformed), &malformed), "{malformed}");
        }
        for bad in [
            "",
            "plain",
            &CHALLENGE[1..],
            &format!("{CHALLENGE}="),
            &CHALLENGE.replace('-', "+"),
        ] {
            assert!(!is_challenge(bad), "{bad}");
        }
    }
}
