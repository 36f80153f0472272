//! What an app keeps for a user, for a patient, or for all who use it (S110).

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppState {
    /// Of the client and the id: no client can name another's.
    key: String,
    /// Of the client and the subject.
    owner: String,
    /// Logical id, random.
    pub id: String,
    /// Absolute URL of the person or patient; `None`: of all who use the app.
    pub subject: Option<String>,
    pub code: AppCode,
    /// URL and text of each extension, in order.
    pub extensions: Vec<(String, String)>,
    /// From 1 on.
    pub version: u32,
    /// Microseconds since 1970.
    pub updated_us: i64,
}

/// `Basic.code.coding`, by which the app tells its states apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppCode {
    pub system: String,
    pub code: String,
    pub display: Option<String>,
}

impl AppState {
    /// The first version.
    pub fn new(client_id: &str, subject: Option<String>, code: AppCode) -> AppState {
        let id = ward_seal::random::uuid();
        AppState {
            key: AppState::key_of(client_id, &id),
            owner: AppState::owner_of(client_id, subject.as_deref()),
            id,
            subject,
            code,
            version: 1,
            ..AppState::default()
        }
    }

    /// A client's id has no line break.
    pub fn key_of(client_id: &str, id: &str) -> String {
        format!("{client_id}\n{id}")
    }

    pub fn owner_of(client_id: &str, subject: Option<&str>) -> String {
        format!("{client_id}\n{}", subject.unwrap_or_default())
    }
}

impl Row for AppState {
    const KIND: RowKind = RowKind::AppState;

    fn key(&self) -> &str {
        &self.key
    }

    fn owner(&self) -> &str {
        &self.owner
    }

    fn expires_s(&self) -> i64 {
        NEVER
    }
}
