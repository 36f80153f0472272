//! What an access token says. <https://www.rfc-editor.org/rfc/rfc9068#section-2.2>

use serde::{Deserialize, Serialize};
use ward_access::{Caller, Identity, Purposes, Registered, Scopes};

/// What is granted to whom: the part of a token that is not about the token itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Purposes of use; empty: those of the roles that the rota gives, and of a system none.
    pub purposes: Purposes,
    /// `sid`: the session it dies with.
    pub session: Option<String>,
    /// Name of the shared computer at which it was agreed to.
    pub workstation: Option<String>,
    /// How the person was authenticated.
    pub acr: Option<String>,
    pub amr: Vec<String>,
    /// What the user agreed to, of which this is a token.
    pub grant: Option<String>,
    pub confirmation: Option<Confirmation>,
    /// Cut to [`TOKEN_LIFETIME_S_MAX`].
    pub lifetime_s: i64,
}

/// `cnf`: who may use the token. <https://www.rfc-editor.org/rfc/rfc7800>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// Thumbprint of a DPoP key (RFC 9449 §6).
    #[serde(rename = "jkt")]
    DpopKey(String),
    /// Thumbprint of a client certificate (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(String),
}

/// How long a token of a user is good for (S40).
pub const TOKEN_LIFETIME_S: i64 = 3600;
/// How long a token of a backend service is good for (S40).
pub const SYSTEM_TOKEN_LIFETIME_S: i64 = 300;
/// Longest lifetime that is given or accepted: revocations are kept for as long.
pub const TOKEN_LIFETIME_S_MAX: i64 = 3600;
/// Bytes of scope that a token carries; a longer one is kept in the store, and the token names it (S49).
pub const SCOPE_IN_TOKEN_BYTES_MAX: usize = 2048;

/// The payload as it is signed. Members that repeat are refused by the derived reader; unknown ones are passed over, as
/// RFC 7519 §4 demands.
#[derive(Serialize, Deserialize)]
pub(crate) struct Payload {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub client_id: String,
    pub scope: String,
    /// The scope is not here: it is kept under the token's `jti`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub scope_apart: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    #[serde(rename = "fhirUser", skip_serializing_if = "Option::is_none")]
    pub fhir_user: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Codes separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose_of_use: Option<String>,
    #[serde(rename = "sid", skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Ours, for the records: the shared computer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workstation: Option<String>,
    /// <https://www.rfc-editor.org/rfc/rfc9068#section-2.2.1>
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    #[serde(rename = "cnf", skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
    pub jti: String,
    pub iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    pub exp: i64,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Payload {
    pub(crate) fn new(claims: &Claims, iss: &str, aud: &str, jti: String, now_s: i64) -> Payload {
        let claims = claims.clone();
        let scope_apart = claims.scope.len() > SCOPE_IN_TOKEN_BYTES_MAX;
        Payload {
            iss: iss.to_owned(),
            aud: aud.to_owned(),
            sub: claims.subject,
            client_id: claims.client_id,
            scope: if scope_apart {
                String::new()
            } else {
                claims.scope
            },
            scope_apart,
            patient: claims.patient,
            fhir_user: claims.fhir_user,
            roles: claims.roles,
            purpose_of_use: (!claims.purposes.is_empty()).then(|| claims.purposes.to_string()),
            session: claims.session,
            workstation: claims.workstation,
            acr: claims.acr,
            amr: claims.amr,
            grant: claims.grant,
            confirmation: claims.confirmation,
            jti,
            iat: now_s,
            nbf: None,
            exp: now_s.saturating_add(claims.lifetime_s.clamp(0, TOKEN_LIFETIME_S_MAX)),
        }
    }

    /// `None`: more scopes than are read, or a purpose that is none: for which roles are silent cannot be said.
    pub(crate) fn caller(&self) -> Option<Caller> {
        let scopes = Scopes::parse(&self.scope).ok()?;
        let purposes = Purposes::parse(self.purpose_of_use.as_deref().unwrap_or_default()).ok()?;
        Some(Caller::new(Identity {
            subject: self.sub.clone(),
            client_id: self.client_id.clone(),
            fhir_user: self.fhir_user.clone(),
            patient: self.patient.clone(),
            scopes,
            roles: self.roles.clone(),
            purposes,
            client: Registered::default(),
            session: self.session.clone(),
            workstation: self.workstation.clone(),
            authenticated: authenticated(self.acr.as_deref(), &self.amr),
            token_id: self.jti.clone(),
            expires_s: self.exp,
        }))
    }
}

/// As records hold it: the word of `acr` first.
pub(crate) fn authenticated(acr: Option<&str>, amr: &[String]) -> Option<String> {
    let words = acr.into_iter().chain(amr.iter().map(String::as_str));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}
