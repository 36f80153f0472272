//! What may be seen once: `jti` of assertions and of DPoP proofs, steps of one-time passwords. Whoever inserts the row first
//! was first, on whichever node (S55, S106).

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Which thing: begins with what it is a `jti` of.
    #[serde(skip)]
    pub what: String,
    pub expires_s: i64,
}

impl Row for Replay {
    const KIND: RowKind = RowKind::Replay;

    fn key(&self) -> &str {
        &self.what
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}

impl Replay {
    /// `use_` says what it is of, `issuer` whose, `id` which. Keys have a bounded length whatever is sent.
    pub fn of(use_: &str, issuer: &str, id: &str, expires_s: i64) -> Replay {
        let lengths = [use_.len(), issuer.len()].map(|n| (n as u64).to_le_bytes());
        let digest = ward_seal::hash::sha256_of(&[
            &lengths[0],
            &lengths[1],
            use_.as_bytes(),
            issuer.as_bytes(),
            id.as_bytes(),
        ]);
        Replay {
            what: ward_seal::base64url(&digest),
            expires_s,
        }
    }
}
