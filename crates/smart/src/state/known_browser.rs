//! A browser in which somebody has signed in with two factors.

use super::{Row, RowKind, digest};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KnownBrowser {
    /// Digest of the secret that the browser keeps, with the user name: to name it is not to have it.
    pub id: String,
    pub account: String,
    /// Name of the shared computer that it is.
    pub computer: Option<String>,
    /// Address of the last sign-in with two factors.
    pub source: String,
    /// The first and the last of them: seconds since 1970.
    pub since_s: i64,
    pub signed_in_s: i64,
}

/// From the last sign-in with two factors.
pub const KNOWN_BROWSER_LIFETIME_S: i64 = 180 * 24 * 3600;

impl KnownBrowser {
    /// Of one browser each account has a row of its own, and none tells that they are of one browser.
    pub fn key_of(secret: &str, account: &str) -> String {
        digest(&format!("{secret}\n{account}"))
    }
}

impl Row for KnownBrowser {
    const KIND: RowKind = RowKind::KnownBrowser;

    fn key(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn expires_s(&self) -> i64 {
        self.signed_in_s.saturating_add(KNOWN_BROWSER_LIFETIME_S)
    }
}
