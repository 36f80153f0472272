//! What is begun with an account and not finished: an invitation, or a secret that no code has proved yet.

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Digest of the invitation's token, or the id of the session that the secret was shown to.
    pub id: String,
    pub account: String,
    /// Base32; empty for an invitation.
    pub totp: String,
    pub expires_s: i64,
}

/// How long an invitation is good for.
pub const INVITATION_LIFETIME_S: i64 = 24 * 3600;
/// Time to put a secret into an authenticator app.
pub const SECRET_SHOWN_S: i64 = 15 * 60;

impl Row for Enrolment {
    const KIND: RowKind = RowKind::Enrolment;

    fn key(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
