//! The secret of a store: made once, at random, and kept wrapped under the master key. What must stay the same for as long as
//! the data lives (public ids, index terms, keys of state rows) derives from it, so that the master key can be exchanged.

use crate::{hash, random};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// 32 bytes that are wiped on drop. Clones share one copy.
#[derive(Clone)]
pub struct StoreSecret(Arc<Zeroizing<[u8; 32]>>);

impl StoreSecret {
    /// A new random one.
    pub fn generate() -> StoreSecret {
        let mut bytes = Zeroizing::new([0; 32]);
        random::fill(&mut *bytes);
        StoreSecret(Arc::new(bytes))
    }

    /// Independent 32 bytes for a purpose (HKDF-SHA-256).
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        hash::hkdf_sha256(b"ward store secret", &self.0[..], purpose.as_bytes())
    }

    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> StoreSecret {
        StoreSecret(Arc::new(Zeroizing::new(*bytes)))
    }

    /// The raw secret, for wrapping only.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Shows that there is a secret, never the secret.
impl fmt::Debug for StoreSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_by_purpose_and_shows_nothing() {
        let secret = StoreSecret::from_bytes(&[1; 32]);
        assert_eq!(secret.derive("id"), secret.clone().derive("id"));
        assert_ne!(secret.derive("id"), secret.derive("term"));
        assert_ne!(
            secret.derive("id"),
            StoreSecret::from_bytes(&[2; 32]).derive("id")
        );
        assert_ne!(
            StoreSecret::generate().bytes(),
            StoreSecret::generate().bytes()
        );
        assert_eq!(format!("{secret:?}"), "StoreSecret(..)");
    }
}
