//! A pushed authorization request. <https://www.rfc-editor.org/rfc/rfc9126> (S35)

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PushedRequest {
    pub request_uri: String,
    pub client_id: String,
    pub parameters: Vec<(String, String)>,
    /// Thumbprint of the key of the DPoP proof that came with it.
    pub dpop_key: Option<String>,
    pub expires_s: i64,
}

/// ≤ 90 s (S35).
pub const PUSHED_LIFETIME_S: i64 = 90;

impl Row for PushedRequest {
    const KIND: RowKind = RowKind::PushedRequest;

    fn key(&self) -> &str {
        &self.request_uri
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
