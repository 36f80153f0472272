//! What the callers of a demo store sign in with. It is kept with the store rather than in one data folder, so that every server
//! over it has the same callers, and a folder that lost its files gets them back.

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};

/// Not printable: nothing here belongs into a log.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoSecrets {
    pub systems: Vec<SystemSecret>,
    pub people: Vec<PersonSecret>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemSecret {
    pub client_id: String,
    /// P-384 private key: PKCS #8, base64.
    pub pkcs8: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonSecret {
    pub username: String,
    pub password: String,
    /// Secret of the authenticator app, base32.
    pub totp: String,
}

impl Row for DemoSecrets {
    const KIND: RowKind = RowKind::DemoSecrets;

    /// A store has one.
    fn key(&self) -> &str {
        DemoSecrets::KEY
    }

    fn expires_s(&self) -> i64 {
        NEVER
    }
}

impl DemoSecrets {
    pub const KEY: &'static str = "demo";
}
