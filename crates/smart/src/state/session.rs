//! A session as it is remembered.

use super::{Row, RowKind};
use crate::people::session::Session;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    #[serde(flatten)]
    pub session: Session,
    pub begun_s: i64,
    pub last_used_s: i64,
    /// Seconds without use after which it has ended.
    pub idle_s: i64,
    /// When it ends however much it is used: seconds since 1970.
    pub ends_s: i64,
    /// At a computer that several people use.
    pub shared: bool,
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

    /// Idle for too long or at its end, whichever is first: then it is absent to whoever asks.
    fn expires_s(&self) -> i64 {
        self.last_used_s
            .saturating_add(self.idle_s)
            .min(self.ends_s)
    }
}
