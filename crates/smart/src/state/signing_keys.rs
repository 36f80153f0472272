//! The keys that tokens are signed with. They are one row: to exchange one is to replace the row that was read, so that of
//! several nodes that would do it at once one does, and the others read what it made.

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRing {
    pub keys: Vec<RingKey>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingKey {
    pub algorithm: KeyAlgorithm,
    /// The private key, base64 of PKCS #8. The row is sealed as a whole.
    pub pkcs8: String,
    /// It signs from then on, until a younger key does: seconds since 1970.
    pub signs_from_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// Access tokens.
    #[serde(rename = "ES256")]
    Es256,
    /// id_tokens: by RS256, which every OpenID client can check (S87), or by PS256.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Row for KeyRing {
    const KIND: RowKind = RowKind::SigningKeys;

    fn key(&self) -> &str {
        "ring"
    }

    fn expires_s(&self) -> i64 {
        NEVER
    }
}

/// Without the key.
impl std::fmt::Debug for RingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "RingKey({:?} from {})",
            self.algorithm, self.signs_from_s
        )
    }
}
