//! A person's account.

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};
use ward_seal::webauthn::Passkey;

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// In lower case.
    pub username: String,
    /// As pages greet.
    pub name: String,
    /// `sub`: random, never another person's.
    pub subject: String,
    /// `Practitioner/1`, relative to the FHIR base.
    pub fhir_user: Option<String>,
    /// Logical id of the person's own record, when this is a patient's account.
    pub patient: Option<String>,
    pub roles: Vec<String>,
    /// Nobody signs in with it, and nothing it agreed to holds.
    pub closed: bool,
    /// PHC text. `None`: there is no password that would do.
    pub password: Option<String>,
    /// Secret of the authenticator app, base32.
    pub totp: Option<String>,
    /// The last step whose code was used.
    pub totp_step: Option<u64>,
    /// Digests of the recovery codes that are left.
    pub recovery_codes: Vec<String>,
    pub passkeys: Vec<NamedPasskey>,
    /// Its owner signs in with the upstream provider.
    pub upstream: bool,
    /// Seconds since 1970.
    pub created_s: i64,
    pub last_sign_in_s: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedPasskey {
    /// As its owner calls it.
    pub label: String,
    pub added_s: i64,
    pub passkey: Passkey,
}

impl NamedPasskey {
    /// base64url of the credential's id: key of its `Credential`, and what pages name it by.
    pub fn id(&self) -> String {
        ward_seal::base64url(&self.passkey.credential_id)
    }
}

impl Account {
    /// Whether a password alone is not all that there is to prove.
    pub fn has_second_factor(&self) -> bool {
        self.totp.is_some() || !self.passkeys.is_empty()
    }

    /// Whether anybody can sign in with it.
    pub fn is_claimed(&self) -> bool {
        self.password.is_some() || !self.passkeys.is_empty() || self.upstream
    }
}

impl Row for Account {
    const KIND: RowKind = RowKind::Account;

    fn key(&self) -> &str {
        &self.username
    }

    fn expires_s(&self) -> i64 {
        NEVER
    }
}
