//! What is asked: one interaction with its parameters, body and preconditions. An HTTP request and a Bundle entry
//! become the same Call. <https://hl7.org/fhir/R4/http.html>

use crate::break_glass::BrokenGlass;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;
use ward_access::Action;
use ward_fhir::TypeId;

/// One interaction of the RESTful API, with its level told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interaction {
    Read {
        ty: TypeId,
        id: String,
    },
    Vread {
        ty: TypeId,
        id: String,
        version: String,
    },
    Create {
        ty: TypeId,
    },
    Update {
        ty: TypeId,
        id: String,
    },
    ConditionalUpdate {
        ty: TypeId,
    },
    Patch {
        ty: TypeId,
        id: String,
    },
    ConditionalPatch {
        ty: TypeId,
    },
    Delete {
        ty: TypeId,
        id: String,
    },
    ConditionalDelete {
        ty: TypeId,
    },
    HistoryInstance {
        ty: TypeId,
        id: String,
    },
    HistoryType {
        ty: TypeId,
    },
    HistorySystem,
    SearchType {
        ty: TypeId,
    },
    SearchSystem,
    /// `/Patient/1/Observation`; `None` is `*`.
    SearchCompartment {
        compartment: TypeId,
        id: String,
        ty: Option<TypeId>,
    },
    Capabilities,
    /// None was understood: what is refused before it is routed is recorded as this.
    Unknown,
    /// `openapi.json`: the same for clients that know no FHIR.
    OpenApi,
    /// POST of a batch or transaction to the base.
    Bundle,
    Operation {
        name: String,
        target: Target,
        /// And not asked by GET, where both may be.
        posted: bool,
    },
}

/// The level an operation is invoked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    System,
    Type(TypeId),
    Instance(TypeId, String),
}

impl Interaction {
    /// Whether answering may change the store.
    pub fn may_write(&self) -> bool {
        match self {
            Interaction::Create { .. }
            | Interaction::Update { .. }
            | Interaction::ConditionalUpdate { .. }
            | Interaction::Patch { .. }
            | Interaction::ConditionalPatch { .. }
            | Interaction::Delete { .. }
            | Interaction::ConditionalDelete { .. }
            | Interaction::Bundle => true,
            Interaction::Operation { name, .. } => crate::operations::changes_state(name),
            _ => false,
        }
    }

    /// Whether it changes or deletes what is there. A Bundle's entries may.
    pub fn changes(&self) -> bool {
        let is_other = matches!(self, Interaction::Create { .. } | Interaction::Bundle);
        self.may_write() && !is_other
    }

    pub fn is_patch(&self) -> bool {
        matches!(
            self,
            Interaction::Patch { .. } | Interaction::ConditionalPatch { .. }
        )
    }

    /// Whether it asks for what is there of many: its record says how, and how much was found.
    pub fn lists(&self) -> bool {
        matches!(
            self,
            Interaction::SearchType { .. }
                | Interaction::SearchSystem
                | Interaction::SearchCompartment { .. }
                | Interaction::HistoryInstance { .. }
                | Interaction::HistoryType { .. }
                | Interaction::HistorySystem
                | Interaction::Operation { .. }
        )
    }

    /// The one resource that it is about.
    pub fn target(&self) -> Option<(TypeId, &str)> {
        match self {
            Interaction::Read { ty, id }
            | Interaction::Vread { ty, id, .. }
            | Interaction::Update { ty, id }
            | Interaction::Patch { ty, id }
            | Interaction::Delete { ty, id }
            | Interaction::HistoryInstance { ty, id }
            | Interaction::Operation {
                target: Target::Instance(ty, id),
                ..
            } => Some((*ty, id)),
            Interaction::SearchCompartment {
                compartment, id, ..
            } => Some((*compartment, id)),
            _ => None,
        }
    }

    /// Answered without a token: it tells of the server and of nobody's data.
    pub fn is_public(&self) -> bool {
        matches!(self, Interaction::Capabilities | Interaction::OpenApi)
    }

    /// The permission it needs first (S66, S67): of a type, or of any. Operations and entries of a Bundle need several.
    pub fn needs(&self) -> Option<(Option<TypeId>, Action)> {
        match self {
            Interaction::Read { ty, .. }
            | Interaction::Vread { ty, .. }
            | Interaction::HistoryInstance { ty, .. } => Some((Some(*ty), Action::Read)),
            Interaction::Create { ty } => Some((Some(*ty), Action::Create)),
            Interaction::Update { ty, .. }
            | Interaction::ConditionalUpdate { ty }
            | Interaction::Patch { ty, .. }
            | Interaction::ConditionalPatch { ty } => Some((Some(*ty), Action::Update)),
            Interaction::Delete { ty, .. } | Interaction::ConditionalDelete { ty } => {
                Some((Some(*ty), Action::Delete))
            }
            Interaction::SearchType { ty } | Interaction::HistoryType { ty } => {
                Some((Some(*ty), Action::Search))
            }
            Interaction::SearchCompartment { ty, .. } => Some((*ty, Action::Search)),
            Interaction::SearchSystem | Interaction::HistorySystem => Some((None, Action::Search)),
            Interaction::Bundle
            | Interaction::Operation { .. }
            | Interaction::Capabilities
            | Interaction::OpenApi
            | Interaction::Unknown => None,
        }
    }

    /// Every code that [`Interaction::code`] tells; a Bundle turns out to be a batch or a transaction.
    pub const CODES: [&'static str; 16] = [
        "read",
        "vread",
        "create",
        "update",
        "patch",
        "delete",
        "history-instance",
        "history-type",
        "history-system",
        "search-type",
        "search-system",
        "capabilities",
        "unknown",
        "batch",
        "transaction",
        "operation",
    ];

    /// The code of <https://hl7.org/fhir/R4/valueset-type-restful-interaction.html>, as audit and capabilities use it.
    pub fn code(&self) -> &'static str {
        match self {
            Interaction::Read { .. } => "read",
            Interaction::Vread { .. } => "vread",
            Interaction::Create { .. } => "create",
            Interaction::Update { .. } | Interaction::ConditionalUpdate { .. } => "update",
            Interaction::Patch { .. } | Interaction::ConditionalPatch { .. } => "patch",
            Interaction::Delete { .. } | Interaction::ConditionalDelete { .. } => "delete",
            Interaction::HistoryInstance { .. } => "history-instance",
            Interaction::HistoryType { .. } => "history-type",
            Interaction::HistorySystem => "history-system",
            Interaction::SearchType { .. } | Interaction::SearchCompartment { .. } => "search-type",
            Interaction::SearchSystem => "search-system",
            Interaction::Capabilities | Interaction::OpenApi => "capabilities",
            Interaction::Unknown => "unknown",
            // What it turns out to be is known once its body is read: see `Reply::interaction`.
            Interaction::Bundle => "batch",
            Interaction::Operation { .. } => "operation",
        }
    }
}

/// How a body is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Xml,
    JsonPatch,
    XmlPatch,
    /// Not FHIR: the raw form of a Binary, with its media type.
    Raw(String),
}

#[derive(Clone, Debug)]
pub struct Body {
    pub bytes: Bytes,
    pub format: Format,
}

/// Preconditions as sent (header or Bundle.entry.request). <https://hl7.org/fhir/R4/http.html#cond-update>
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    /// Microseconds since 1970.
    pub if_modified_since: Option<i64>,
    /// Query of `If-None-Exist`.
    pub if_none_exist: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    Minimal,
    Representation,
    OperationOutcome,
}

/// The Prefer header. <https://hl7.org/fhir/R4/http.html#ops>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    /// Not stated: the representation, and in Bundles nothing.
    pub returns: Option<Return>,
    /// `handling=strict`: unknown search parameters are refused.
    pub strict: bool,
    /// `handling=lenient`, said and not merely left out: a Consent that cannot be evaluated is taken, and denies.
    pub lenient: bool,
}

/// Longer ones of clients are left out.
pub const CLIENT_REQUEST_ID_BYTES_MAX: usize = 128;
/// Of [`Call::asked`]: what is longer is cut.
pub const ASKED_BYTES_MAX: usize = 4_096;
/// Parameters that are refused or mean nothing here, and whose values are nobody's to read.
const SECRETS: [&str; 10] = [
    "access_token",
    "refresh_token",
    "id_token",
    "id_token_hint",
    "client_secret",
    "client_assertion",
    "password",
    "secret",
    "token",
    "code_verifier",
];

#[derive(Clone, Debug)]
pub struct Call {
    pub interaction: Interaction,
    /// Decoded query (and form) parameters in order, without `_format` and `_pretty`.
    pub parameters: Vec<(String, String)>,
    /// `_format` and `_pretty` as asked: nothing that is answered depends on them, and the links of a page hand them on.
    pub written_as: Vec<(String, String)>,
    pub body: Option<Body>,
    pub conditions: Conditions,
    pub prefer: Prefer,
    /// The client accepts this raw media type for a Binary instead of FHIR.
    pub raw_accepted: bool,
    /// `X-Security-Context` of a raw Binary.
    pub security_context: Option<String>,
    pub request_id: [u8; 16],
    /// `X-Request-Id` as the client sent it, at most [`CLIENT_REQUEST_ID_BYTES_MAX`] printable characters.
    pub client_request_id: Option<Arc<str>>,
    /// How something was asked of many, for the record: see [`Call::asked_by`].
    pub asked: String,
    /// When it came.
    pub begun: Instant,
    /// Address of the peer, for the record.
    pub source: Arc<str>,
    /// Patients whose records may leave to the client within an hour; 0: no limit. `None`: what the installation says.
    pub patients_per_hour: Option<u32>,
    /// The broken glass that is in force for the caller and that the Call is asked by.
    pub break_glass: Option<BrokenGlass>,
    /// The server asks for itself, and for no client.
    pub is_own: bool,
    #[cfg(feature = "bench")]
    pub steps: crate::bench::Steps,
}

impl Call {
    pub fn new(interaction: Interaction, request_id: [u8; 16], source: Arc<str>) -> Self {
        Self {
            interaction,
            parameters: Vec::new(),
            written_as: Vec::new(),
            body: None,
            conditions: Conditions::default(),
            prefer: Prefer::default(),
            raw_accepted: false,
            security_context: None,
            request_id,
            client_request_id: None,
            asked: String::new(),
            begun: Instant::now(),
            source,
            patients_per_hour: None,
            break_glass: None,
            is_own: false,
            #[cfg(feature = "bench")]
            steps: crate::bench::Steps::ALL,
        }
    }

    /// Keeps for the record how a search, a history or an operation was asked: the path below the base, query and form as they were sent,
    /// at most [`ASKED_BYTES_MAX`]. Of what holds a credential the path alone. To be called when the parameters are known.
    pub fn asked_by(&mut self, path: &str, queries: &[&str]) {
        if !self.interaction.lists() {
            return;
        }
        let holds_secret = |(name, _): &(String, String)| SECRETS.contains(&name.as_str());
        let is_secret = self.parameters.iter().any(holds_secret);
        let mut asked = path.to_owned();
        let sent = queries
            .iter()
            .filter(|query| !query.is_empty() && !is_secret);
        for (n, query) in sent.enumerate() {
            asked.push(if n == 0 { '?' } else { '&' });
            asked.push_str(query);
        }
        asked.truncate(asked.floor_char_boundary(ASKED_BYTES_MAX));
        self.asked = asked;
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each kind one. What is added to the enum has to be added here: see the match.
    fn each() -> Vec<Interaction> {
        let (ty, id) = (TypeId(1), String::new());
        let of = |name: &str| Interaction::Operation {
            name: name.into(),
            target: Target::System,
            posted: false,
        };
        vec![
            Interaction::Read { ty, id: id.clone() },
            Interaction::Vread {
                ty,
                id: id.clone(),
                version: id.clone(),
            },
            Interaction::Create { ty },
            Interaction::Update { ty, id: id.clone() },
            Interaction::ConditionalUpdate { ty },
            Interaction::Patch { ty, id: id.clone() },
            Interaction::ConditionalPatch { ty },
            Interaction::Delete { ty, id: id.clone() },
            Interaction::ConditionalDelete { ty },
            Interaction::HistoryInstance { ty, id: id.clone() },
            Interaction::HistoryType { ty },
            Interaction::HistorySystem,
            Interaction::SearchType { ty },
            Interaction::SearchSystem,
            Interaction::SearchCompartment {
                compartment: ty,
                id,
                ty: None,
            },
            Interaction::Capabilities,
            Interaction::Unknown,
            Interaction::OpenApi,
            Interaction::Bundle,
            of("meta"),
        ]
    }

    fn place(interaction: &Interaction) -> usize {
        match interaction {
            Interaction::Read { .. } => 0,
            Interaction::Vread { .. } => 1,
            Interaction::Create { .. } => 2,
            Interaction::Update { .. } => 3,
            Interaction::ConditionalUpdate { .. } => 4,
            Interaction::Patch { .. } => 5,
            Interaction::ConditionalPatch { .. } => 6,
            Interaction::Delete { .. } => 7,
            Interaction::ConditionalDelete { .. } => 8,
            Interaction::HistoryInstance { .. } => 9,
            Interaction::HistoryType { .. } => 10,
            Interaction::HistorySystem => 11,
            Interaction::SearchType { .. } => 12,
            Interaction::SearchSystem => 13,
            Interaction::SearchCompartment { .. } => 14,
            Interaction::Capabilities => 15,
            Interaction::Unknown => 16,
            Interaction::OpenApi => 17,
            Interaction::Bundle => 18,
            Interaction::Operation { .. } => 19,
        }
    }

    #[test]
    fn codes_are_those_of_the_interactions() {
        let each = each();
        let mut told: Vec<&str> = Vec::new();
        for (at, interaction) in each.iter().enumerate() {
            assert_eq!(place(interaction), at);
            told.push(interaction.code());
        }
        // What a Bundle may turn out to be.
        told.push("transaction");
        told.sort_unstable();
        told.dedup();
        let mut listed = Interaction::CODES.to_vec();
        listed.sort_unstable();
        assert_eq!(listed, told);
    }

    #[test]
    fn what_is_asked_is_kept_without_credentials() {
        let asked = |queries: &[&str]| {
            let mut call = Call::new(Interaction::SearchSystem, [0; 16], "test".into());
            call.parameters = queries
                .iter()
                .flat_map(|query| crate::search::decode_query(query).unwrap())
                .collect();
            call.asked_by("Patient", queries);
            call.asked
        };
        assert_eq!(asked(&[""]), "Patient");
        assert_eq!(
            asked(&["name=%C3%A9", "birthdate=2000"]),
            "Patient?name=%C3%A9&birthdate=2000"
        );
        for secret in [
            "access_token=x",
            "name=a&client_secret=b",
            "%61ccess_token=x",
        ] {
            assert_eq!(asked(&[secret]), "Patient", "{secret}");
        }
        let long = format!("name={}", "é".repeat(ASKED_BYTES_MAX));
        assert!(asked(&[&long]).len() <= ASKED_BYTES_MAX);
        let mut read = Call::new(
            Interaction::Read {
                ty: TypeId(1),
                id: "1".into(),
            },
            [0; 16],
            "test".into(),
        );
        read.asked_by("Patient/1", &["_elements=name"]);
        assert_eq!(read.asked, "");
    }
}
