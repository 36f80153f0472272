//! What an access token says. <https://www.rfc-editor.org/rfc/rfc9068#section-2.2>

use serde::{Deserialize, Serialize};
use ward_access::{Caller, Identity, Scopes};

/// What is granted to whom: the part of a token that is not about the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The user, or the client itself where it acts for nobody.
    pub subject: String,
    pub client_id: String,
    /// Separated by spaces.
    pub scope: String,
    /// Logical id of the launch patient.
    pub patient: Option<String>,
    /// `Practitioner/1`, relative to the FHIR base.
    pub fhir_user: Option<String>,
    pub roles: Vec<String>,
    /// Purpose of use.
    pub purpose: Option<String>,
    pub session: Option<String>,
    /// Cut to [`TOKEN_LIFETIME_S_MAX`].
    pub lifetime_s: i64,
}

/// How long a token is good for unless said otherwise.
pub const TOKEN_LIFETIME_S: i64 = 3600;
/// Longest lifetime that is given or accepted.
pub const TOKEN_LIFETIME_S_MAX: i64 = 24 * 3600;

/// The payload as it is signed. Members that repeat are refused by the derived reader; unknown ones are passed over, as
/// RFC 7519 §4 demands.
#[derive(Serialize, Deserialize)]
pub(crate) struct Payload {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub client_id: String,
    pub scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    #[serde(rename = "fhirUser", skip_serializing_if = "Option::is_none")]
    pub fhir_user: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(rename = "purpose_of_use", skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(rename = "sid", skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    pub jti: String,
    pub iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    pub exp: i64,
}

impl Payload {
    pub(crate) fn new(claims: &Claims, iss: &str, aud: &str, jti: String, now_s: i64) -> Payload {
        let claims = claims.clone();
        Payload {
            iss: iss.to_owned(),
            aud: aud.to_owned(),
            sub: claims.subject,
            client_id: claims.client_id,
            scope: claims.scope,
            patient: claims.patient,
            fhir_user: claims.fhir_user,
            roles: claims.roles,
            purpose: claims.purpose,
            session: claims.session,
            jti,
            iat: now_s,
            nbf: None,
            exp: now_s.saturating_add(claims.lifetime_s.clamp(0, TOKEN_LIFETIME_S_MAX)),
        }
    }

    /// `None`: more scopes than are read.
    pub(crate) fn into_caller(self) -> Option<Caller> {
        let scopes = Scopes::parse(&self.scope).ok()?;
        Some(Caller::new(Identity {
            subject: self.sub,
            client_id: self.client_id,
            fhir_user: self.fhir_user,
            patient: self.patient,
            scopes,
            roles: self.roles,
            purpose: self.purpose,
            session: self.session,
            token_id: self.jti,
            expires_s: self.exp,
        }))
    }
}
