//! Who is signed in at a computer that several people use: one at a time (C5).

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workstation {
    /// Id of the shared computer, or a browser's own place.
    pub name: String,
    /// Id of the session.
    pub session: String,
    /// Whose it is.
    #[serde(default)]
    pub account: String,
    /// Its `sid`.
    #[serde(default)]
    pub sid: String,
    /// Whoever is signed in is no patient.
    #[serde(default)]
    pub staff: bool,
    /// Before this the session has not ended by idling: seconds since 1970.
    #[serde(default)]
    pub due_s: i64,
    pub expires_s: i64,
}

impl Workstation {
    /// A row of before names the session alone.
    pub fn sid(&self) -> &str {
        match self.sid.as_str() {
            "" => &self.session,
            sid => sid,
        }
    }
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
