//! An authorization code. <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2> (S26, S27)

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Code {
    /// [`super::digest`] of the code.
    pub digest: String,
    pub grant: String,
    pub client_id: String,
    pub redirect_uri: String,
    pub challenge: String,
    pub nonce: Option<String>,
    pub dpop_key: Option<String>,
    /// From then on it is good for nothing.
    pub expires_s: i64,
    /// Once it was used it stays for as long as its tokens may live, so that a second use is seen.
    pub used: bool,
    pub kept_until_s: i64,
}

/// ≤ 60 s (S26).
pub const CODE_LIFETIME_S: i64 = 60;

impl Row for Code {
    const KIND: RowKind = RowKind::Code;

    fn key(&self) -> &str {
        &self.digest
    }

    fn owner(&self) -> &str {
        &self.grant
    }

    #[allow(
        clippy::misnamed_getters,
        reason = "the row outlives the code, to see one used twice"
    )]
    fn expires_s(&self) -> i64 {
        self.kept_until_s
    }
}
