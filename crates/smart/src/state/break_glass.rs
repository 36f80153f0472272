//! That somebody has broken the glass of one patient's record (R22).

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BreakGlass {
    /// Names it in the header `Ward-Break-Glass`. It opens nothing without a token of its person and session.
    pub id: String,
    /// `sub` of the person.
    pub subject: String,
    /// `sid` of the session in which it was declared: with that it is of no use any more.
    pub session: String,
    /// The app that declared it, which alone uses it; `None`: declared at our page, for any app of the session.
    pub client_id: Option<String>,
    /// Logical id.
    pub patient: String,
    /// Logical id of the Task by which the privacy officer reviews it.
    pub task: String,
    /// Seconds since 1970.
    pub declared_s: i64,
    pub expires_s: i64,
}

impl Row for BreakGlass {
    const KIND: RowKind = RowKind::BreakGlass;

    fn key(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.subject
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
