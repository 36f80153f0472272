//! A person's account.

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
