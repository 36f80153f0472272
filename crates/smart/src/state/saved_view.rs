//! What somebody looks for in the audit log again and again.

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedView {
    /// Random.
    pub id: String,
    /// User name of whose it is.
    pub account: String,
    pub name: String,
    /// Of the page: `patient=…&kind=…`.
    pub query: String,
}

impl Row for SavedView {
    const KIND: RowKind = RowKind::SavedView;

    fn key(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn expires_s(&self) -> i64 {
        NEVER
    }
}
