//! A scope that is too long for a header: the token names it, the text lies here (S49).

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScopeText {
    /// Of the token that has it.
    pub token_id: String,
    pub scope: String,
    pub expires_s: i64,
}

impl Row for ScopeText {
    const KIND: RowKind = RowKind::ScopeText;

    fn key(&self) -> &str {
        &self.token_id
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
