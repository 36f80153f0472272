//! That tokens are void: of a client or a subject those that were issued up to a moment, of the rest all.

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Revocation {
    /// `client:ID`, `sub:SUBJECT`, `sid:SESSION`, `grant:ID`, `jti:ID`.
    pub what: String,
    /// Tokens of a client or a subject with `iat` up to this are void: seconds since 1970.
    pub before_s: i64,
    /// Tells revocations of the same apart, so that a later one never meets an earlier one.
    pub id: String,
    /// From then on every token that it is about has expired anyway.
    pub expires_s: i64,
}

impl Row for Revocation {
    const KIND: RowKind = RowKind::Revocation;

    fn key(&self) -> &str {
        &self.id
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
