//! Who is signed in at a computer that several people use: one at a time (C5).

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workstation {
    pub name: String,
    /// Id of the session.
    pub session: String,
    pub expires_s: i64,
}

impl Row for Workstation {
    const KIND: RowKind = RowKind::Workstation;

    fn key(&self) -> &str {
        &self.name
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
