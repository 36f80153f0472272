//! Since when what the server publishes of its organization is as it is.

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brands {
    /// Digest of all that is said.
    pub said: String,
    /// Seconds since 1970.
    pub since_s: i64,
}

impl Row for Brands {
    const KIND: RowKind = RowKind::Brands;

    /// A store has one.
    fn key(&self) -> &str {
        Brands::KEY
    }

    fn expires_s(&self) -> i64 {
        NEVER
    }
}

impl Brands {
    pub const KEY: &'static str = "brands";
}
