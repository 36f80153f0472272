//! An authorization request on its way through the pages.

use super::{LaunchValues, Row, RowKind};
use serde::{Deserialize, Serialize};

/// What a checked authorization request asks for, and what its user has chosen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Authorization {
    /// Random; in the links of the pages (`tx`).
    pub id: String,
    pub client_id: String,
    pub redirect_uri: String,
    pub state: String,
    pub nonce: Option<String>,
    /// What may be granted at most, in the words of the request.
    pub scope: String,
    /// Purposes of use that are asserted, by the request or its launch, separated by spaces; `None`: none is.
    pub purpose_of_use: Option<String>,
    /// `code_challenge`, always S256.
    pub challenge: String,
    pub dpop_key: Option<String>,
    /// From an EHR launch.
    pub launch: Option<LaunchValues>,
    /// Whom the launch was made for: `fhirUser` or `sub`.
    pub launch_user: Option<String>,
    /// Origins of the EHR that launched it, which may show its pages within its own (S30).
    pub framed_by: Vec<String>,
    /// No page may be shown (`prompt=none`).
    pub silent: bool,
    /// The user must be asked, whatever was agreed before (`prompt=consent`).
    pub ask: bool,
    /// The sign-in must be this young: seconds since 1970.
    pub signed_in_from_s: Option<i64>,
    /// The least word of `acr` that will do.
    pub acr: Option<String>,
    /// The session that made the choices; another begins anew.
    pub session: Option<String>,
    /// Logical id of the patient chosen.
    pub patient: Option<String>,
    pub expires_s: i64,
}

/// Time that a person has to sign in and decide.
pub const AUTHORIZATION_LIFETIME_S: i64 = 600;

impl Row for Authorization {
    const KIND: RowKind = RowKind::Authorization;

    fn key(&self) -> &str {
        &self.id
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}
