//! Attempts to prove something that is guessed at: a password, a code.

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// Digest of what is guessed at, and from where.
    pub what: String,
    /// Attempts since the last that succeeded or was forgotten.
    pub attempts: u32,
    pub last_s: i64,
    pub expires_s: i64,
}

impl Row for Throttle {
    const KIND: RowKind = RowKind::Throttle;

    fn key(&self) -> &str {
        &self.what
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
