//! A computer of the house that several people use: a browser to which staff gave a secret.

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SharedComputer {
    /// Digest of the secret that its browser keeps.
    pub key: String,
    /// Names it, and is no secret: key of its [`super::Workstation`].
    pub id: String,
    /// As people call it.
    pub name: String,
    /// User name of who set it up.
    pub account: String,
    /// When, and when somebody signed in there last, to a day: seconds since 1970.
    pub set_up_s: i64,
    pub used_s: i64,
}

/// After so long without use it is forgotten, as its browser forgets the secret.
pub const SHARED_COMPUTER_LIFETIME_S: i64 = 400 * 24 * 3600;

impl Row for SharedComputer {
    const KIND: RowKind = RowKind::SharedComputer;

    fn key(&self) -> &str {
        &self.key
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn expires_s(&self) -> i64 {
        self.used_s.saturating_add(SHARED_COMPUTER_LIFETIME_S)
    }
}
