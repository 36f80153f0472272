//! The registration of a client (C17): what it is, who answers for it, how it proves itself and how far it may go.
//! <https://www.rfc-editor.org/rfc/rfc7591#section-2>

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};
use ward_access::{Clearance, Registered};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Client {
    pub client_id: String,
    /// As people see it.
    pub name: String,
    /// The organization that answers for it.
    pub owner: String,
    /// What it is for, in words.
    pub purpose: String,
    /// Mail addresses.
    pub contacts: Vec<String>,
    pub website: Option<String>,
    /// From then on it gets no new tokens until somebody has looked at it again: seconds since 1970.
    pub review_due_s: Option<i64>,
    pub kind: Kind,
    pub state: ClientState,
    /// An administrator has checked who the owner is.
    pub verified: bool,
    /// The hospital approved it for its staff, who are not asked each time. Patients always are.
    pub approved_for_staff: bool,
    /// Compared character by character (S22).
    pub redirect_uris: Vec<String>,
    /// Runs on the user's own device: the port of a loopback redirect URI is free.
    pub native: bool,
    /// Where an EHR launches it.
    pub launch_uri: Option<String>,
    /// The widest scope it can be granted.
    pub scope: String,
    pub authentication: Authentication,
    /// SHA-256 of the secret, base64url. Secrets are 256 random bits, so that a slow hash would add nothing.
    pub secret_digest: Option<String>,
    pub keys: Option<KeysAt>,
    /// SHA-256 of its certificate, hexadecimal. Whatever it proves itself by: it gets nothing without this certificate, and its tokens
    /// are bound to it unless they are to a key of its own.
    pub certificate: Option<String>,
    /// Its authorization requests must be pushed (RFC 9126).
    pub require_par: bool,
    pub sender_constraint: SenderConstraint,
    /// The FAPI 2.0 security profile (S108): what it demands is in `fapi.rs`.
    pub fapi2: bool,
    /// `id_token_signed_response_alg`
    pub id_token_signed_by: IdTokenAlgorithm,
    /// Addresses it may come from: `192.0.2.7`, `192.0.2.0/24`. Empty: any.
    pub addresses: Vec<String>,
    pub budgets: Budgets,
    /// Origins of browsers whose scripts may read its answers (S12).
    pub origins: Vec<String>,
    /// A backend service that acts for a person or about a patient (S61).
    pub acts_for: Option<ActsFor>,
    /// May make launch contexts: it is an EHR.
    pub may_launch: bool,
    /// Origins of an EHR's pages that may show those of its launches within themselves (S30): `https://ehr.example`. Empty: none.
    pub frame_origins: Vec<String>,
    /// May ask about every token, not only its own: it is a resource server.
    pub may_introspect: bool,
    /// Purposes of use that it may assert, codes of v3 PurposeOfUse separated by spaces; the first holds where it asserts none.
    /// `None`: a system has none, and people act for what their roles are for.
    pub purpose_of_use: Option<String>,
    /// `Organization/id`: whose client it is, and for whose people. `None`: nobody has said.
    pub organization: Option<String>,
    /// How sensitive data it sees, as [`Clearance`] is written. `None`: what is usual.
    pub clearance: Option<String>,
    /// Whether a system is shown the labels of resources (R16).
    pub sees_labels: bool,
    pub created_s: i64,
    /// Network from which somebody who is no administrator registered it; empty: an administrator did.
    pub registered_from: String,
    /// To about an hour.
    pub last_used_s: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Cannot keep a secret: an app in a browser or on a phone.
    #[default]
    Public,
    /// An app with a server of its own.
    Confidential,
    /// Acts by itself: a backend service.
    System,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientState {
    /// Registered, and approved by nobody: gets no tokens.
    #[default]
    Pending,
    Active,
    /// Stopped: what it was granted is void.
    Suspended,
}

/// `token_endpoint_auth_method`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    #[default]
    None,
    /// Basic or in the body: RFC 6749 §2.3.1.
    ClientSecretBasic,
    PrivateKeyJwt,
    /// By the thumbprint of its certificate.
    TlsClientAuth,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeysAt {
    /// The JWK Set itself, as JSON.
    Here(String),
    /// `jwks_uri`
    Url(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SenderConstraint {
    #[default]
    None,
    Dpop,
    Mtls,
}

/// What an id_token is signed with. RS256 is what every OpenID client can check; FAPI 2.0 has one of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum IdTokenAlgorithm {
    #[default]
    Rs256,
    Ps256,
    Es256,
}

/// How much it may ask for; `None`: the installation's limits; 0: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budgets {
    /// In units of cost, of which a read takes one (`rates.client_per_minute`).
    pub requests_per_minute: Option<u32>,
    /// Patients whose records it may touch within an hour.
    pub patients_per_hour: Option<u32>,
}

/// Whom a backend service's tokens speak for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActsFor {
    pub subject: String,
    pub fhir_user: Option<String>,
    pub roles: Vec<String>,
    /// Logical id.
    pub patient: Option<String>,
}

/// How long a registration waits for an administrator before it is forgotten.
pub const PENDING_LIFETIME_S: i64 = 30 * 24 * 3600;

impl Row for Client {
    const KIND: RowKind = RowKind::Client;

    fn key(&self) -> &str {
        &self.client_id
    }

    fn expires_s(&self) -> i64 {
        match self.state {
            ClientState::Pending => self.created_s.saturating_add(PENDING_LIFETIME_S),
            ClientState::Active | ClientState::Suspended => NEVER,
        }
    }
}

impl Client {
    /// Whether its registration must be looked at before it gets further tokens (AT17b).
    pub fn is_review_due(&self, now_s: i64) -> bool {
        self.review_due_s.is_some_and(|due_s| due_s <= now_s)
    }

    /// Anybody registered it, and no administrator has looked at it yet.
    pub fn waits_for_approval(&self) -> bool {
        self.state == ClientState::Pending && !self.registered_from.is_empty()
    }

    /// Whether it is the same, whenever it was used.
    pub fn is_but_for_its_use(&self, other: &Client) -> bool {
        let last_used_s = self.last_used_s;
        *self
            == Client {
                last_used_s,
                ..other.clone()
            }
    }

    /// What its tokens must be bound to.
    pub fn constraint(&self) -> SenderConstraint {
        match (self.sender_constraint, &self.certificate, self.fapi2) {
            (SenderConstraint::None, Some(_), _) => SenderConstraint::Mtls,
            (SenderConstraint::None, None, true) => SenderConstraint::Dpop,
            (constraint, ..) => constraint,
        }
    }

    /// Proves itself by a key that never leaves it.
    pub fn has_key(&self) -> bool {
        matches!(
            self.authentication,
            Authentication::PrivateKeyJwt | Authentication::TlsClientAuth
        )
    }

    /// What its id_tokens are signed with: never by RS256 under FAPI 2.0.
    pub fn id_token_algorithm(&self) -> IdTokenAlgorithm {
        match (self.id_token_signed_by, self.fapi2) {
            (IdTokenAlgorithm::Rs256, true) => IdTokenAlgorithm::Ps256,
            (registered, _) => registered,
        }
    }

    /// What consents and labels ask of it. A clearance that cannot be read is for what is normal.
    pub fn registered(&self) -> Registered {
        let clearance = self.clearance.as_deref();
        Registered {
            organization: self.organization.clone(),
            clearance: clearance.map(|text| Clearance::parse(text).unwrap_or_default()),
            sees_labels: self.sees_labels,
            acts_for: self.acts_for.is_some(),
        }
    }

    /// Whether its authorization requests must be pushed.
    pub fn must_push(&self) -> bool {
        self.require_par || self.fapi2
    }
}

impl SenderConstraint {
    pub const ALL: [SenderConstraint; 3] = [
        SenderConstraint::None,
        SenderConstraint::Dpop,
        SenderConstraint::Mtls,
    ];

    pub fn word(self) -> &'static str {
        match self {
            SenderConstraint::None => "none",
            SenderConstraint::Dpop => "dpop",
            SenderConstraint::Mtls => "mtls",
        }
    }
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Public => "public",
            Kind::Confidential => "confidential",
            Kind::System => "system",
        }
    }
}

impl Authentication {
    /// As `token_endpoint_auth_method` says it.
    pub fn method(self) -> &'static str {
        match self {
            Authentication::None => "none",
            Authentication::ClientSecretBasic => "client_secret_basic",
            Authentication::PrivateKeyJwt => "private_key_jwt",
            Authentication::TlsClientAuth => "tls_client_auth",
        }
    }
}

impl IdTokenAlgorithm {
    pub const ALL: [IdTokenAlgorithm; 3] = [
        IdTokenAlgorithm::Rs256,
        IdTokenAlgorithm::Ps256,
        IdTokenAlgorithm::Es256,
    ];

    /// As `id_token_signed_response_alg` says it.
    pub fn name(self) -> &'static str {
        match self {
            IdTokenAlgorithm::Rs256 => "RS256",
            IdTokenAlgorithm::Ps256 => "PS256",
            IdTokenAlgorithm::Es256 => "ES256",
        }
    }

    pub fn of(name: &str) -> Option<IdTokenAlgorithm> {
        IdTokenAlgorithm::ALL
            .into_iter()
            .find(|one| one.name() == name)
    }
}
