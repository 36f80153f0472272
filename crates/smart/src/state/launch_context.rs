//! What an EHR has open when it launches an app.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#apps-that-launch-from-the-ehr>

use super::{LaunchValues, Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchContext {
    /// The value of `launch`.
    pub id: String,
    /// The app that may use it; `None`: any.
    pub client_id: Option<String>,
    /// The person at the EHR, as `fhirUser` or `sub`; `None`: whoever signs in.
    pub user: Option<String>,
    pub values: LaunchValues,
    /// Origins of the EHR, which may show the pages of this launch within its own.
    pub framed_by: Vec<String>,
    pub expires_s: i64,
}

/// ≤ 5 min (S28).
pub const LAUNCH_LIFETIME_S: i64 = 300;

impl Row for LaunchContext {
    const KIND: RowKind = RowKind::LaunchContext;

    fn key(&self) -> &str {
        &self.id
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
