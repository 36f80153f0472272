//! What a person has agreed to: one client, one scope, one context. Every token of a user comes from one.

use super::{Row, RowKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grant {
    pub id: String,
    pub client_id: String,
    pub subject: String,
    /// User name of the account.
    pub account: String,
    pub fhir_user: Option<String>,
    pub roles: Vec<String>,
    /// What was granted; a token may have less.
    pub scope: String,
    /// Purposes of use that were asserted, separated by spaces; `None`: none was.
    pub purpose_of_use: Option<String>,
    /// Logical id of the patient in context.
    pub patient: Option<String>,
    pub launch: LaunchValues,
    /// `sid` of the session in which it was agreed to; ends with it unless `offline`.
    pub session: String,
    pub auth_time_s: i64,
    pub acr: String,
    pub amr: Vec<String>,
    /// Name of the shared computer at which it was agreed to.
    #[serde(default)]
    pub computer: Option<String>,
    /// Refresh tokens outlive the session (`offline_access`).
    pub offline: bool,
    /// There are refresh tokens at all.
    pub refreshable: bool,
    pub approved_s: i64,
    pub last_used_s: Option<i64>,
    pub expires_s: i64,
}

/// What an EHR launch adds to the token response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchValues {
    /// It came from an EHR.
    pub from_ehr: bool,
    pub patient: Option<String>,
    pub encounter: Option<String>,
    /// Items of `fhirContext`.
    pub fhir_context: Vec<Value>,
    pub intent: Option<String>,
    /// What it is for: purposes of use, separated by spaces.
    pub purpose_of_use: Option<String>,
    /// `false`: the EHR shows who the patient is.
    pub need_patient_banner: Option<bool>,
}

impl Row for Grant {
    const KIND: RowKind = RowKind::Grant;

    fn key(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.subject
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
