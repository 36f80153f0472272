//! A refresh token, and for a while the mark that it was used (S92).

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefreshToken {
    /// [`super::digest`] of the token.
    pub digest: String,
    pub grant: String,
    pub client_id: String,
    /// Thumbprint of the DPoP key that it is bound to.
    pub dpop_key: Option<String>,
    /// Set when it was exchanged for its successor.
    pub used_s: Option<i64>,
    pub expires_s: i64,
}

impl Row for RefreshToken {
    const KIND: RowKind = RowKind::RefreshToken;

    fn key(&self) -> &str {
        &self.digest
    }

    fn owner(&self) -> &str {
        &self.grant
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
