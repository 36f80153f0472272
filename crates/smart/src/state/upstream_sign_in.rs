//! A sign-in that is under way at the upstream provider: what must fit when the browser comes back. Used once.

use super::{Row, RowKind, digest};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamSignIn {
    /// Digest of `state`.
    pub id: String,
    /// Digest of the cookie of the browser that went there: no other may come back (login CSRF).
    pub browser: String,
    /// `nonce` of the id_token.
    pub nonce: String,
    /// `code_verifier` (PKCE).
    pub verifier: String,
    /// Seconds that the sign-in there may be old.
    pub max_age_s: i64,
    /// Where the person goes on to: id of an authorization, or the path of a page.
    pub tx: Option<String>,
    pub to: Option<String>,
    pub shared: bool,
    /// Seconds since 1970.
    pub begun_s: i64,
    pub expires_s: i64,
}

/// Time that a person has to sign in at the provider.
pub const UPSTREAM_SIGN_IN_LIFETIME_S: i64 = 600;

impl UpstreamSignIn {
    pub fn key_of(state: &str) -> String {
        digest(state)
    }
}

impl Row for UpstreamSignIn {
    const KIND: RowKind = RowKind::UpstreamSignIn;

    fn key(&self) -> &str {
        &self.id
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
