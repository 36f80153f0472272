//! A session as it is remembered.

use super::{Row, RowKind};
use crate::people::session::Session;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    #[serde(flatten)]
    pub session: Session,
    pub expires_s: i64,
}

impl Row for SessionRow {
    const KIND: RowKind = RowKind::Session;

    /// The id is the digest of the cookie: to name a session is not to have it.
    fn key(&self) -> &str {
        &self.session.id
    }

    fn owner(&self) -> &str {
        &self.session.account
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
