//! Whose a passkey is: authenticators name the credential, and people need not type who they are.

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// base64url of the credential's id.
    pub id: String,
    /// User name of the account that has it.
    pub account: String,
}

impl Row for Credential {
    const KIND: RowKind = RowKind::Credential;

    fn key(&self) -> &str {
        &self.id
    }

    fn expires_s(&self) -> i64 {
        NEVER
    }
}
