//! What is asked: one interaction with its parameters, body and preconditions. An HTTP request and a Bundle entry
//! become the same Call. <https://hl7.org/fhir/R4/http.html>

use crate::break_glass::BrokenGlass;
use bytes::Bytes;
use std::sync::Arc;
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
    /// Address of the peer, for the record.
    pub source: Arc<str>,
    /// Patients whose records may leave to the client within an hour; 0: no limit. `None`: what the installation says.
    pub patients_per_hour: Option<u32>,
    /// The broken glass that is in force for the caller and that the Call is asked by.
    pub break_glass: Option<BrokenGlass>,
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
            source,
            patients_per_hour: None,
            break_glass: None,
        }
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}
