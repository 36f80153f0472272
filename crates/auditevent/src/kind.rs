//! Which kind of event a Record is: type, subtypes, action, who is source and who destination, what it is about, and by which profile.
//! Only what the context of a Record keeps decides it: interaction, subtype, status, decision, types and actions of entities, client.
//! <https://profiles.ihe.net/ITI/BALP/content.html>

use crate::code::{self, Code};
use crate::profile::Profile;
use ward_audit::{Entity, Record};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;

#[derive(Clone)]
pub(crate) struct Kind {
    pub(crate) ty: Code,
    pub(crate) subtypes: Vec<Code>,
    /// C R U D E
    pub(crate) action: &'static str,
    pub(crate) agents: Agents,
    pub(crate) about: About,
    pub(crate) profile: Profile,
}

/// Who is what to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agents {
    /// Data, or a question, goes from the client to the server.
    In,
    /// Data goes from the server to the client.
    Out,
    /// The client has something deleted of which the server is the custodian.
    Deletion,
    /// The client asks the authorization server.
    Authorization,
    /// Whether the user may, for the organization they are of.
    Decision,
    /// The server itself, started by somebody or by nobody.
    Activity,
}

/// What its entities are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Data,
    /// A question, and what it changed.
    Query,
    /// A request for a token.
    Token,
    Consents,
    /// Something of the server's own, named, with what was decided about it.
    Named,
}

impl Kind {
    pub(crate) fn of(record: &Record) -> Kind {
        let subtype = record.detail.subtype.as_str();
        if matches!(subtype, "AuthZ-Consent" | "AuthZ-Role") {
            return decision(subtype == "AuthZ-Consent");
        }
        if !record.detail.received.is_empty() {
            return received();
        }
        let mut kind = match rest(record) {
            Some(kind) => kind,
            None => own(record),
        };
        kind.add(further(subtype));
        if changes_consents(record) {
            kind.add(code::own(CONSENT_CHANGE));
        }
        // An access token's profile has room for no more than the one.
        if kind.profile != Profile::Token
            && let Some(alert) = record.decision.alert
        {
            kind.add(code::alert(&alert.to_string()));
        }
        kind
    }

    fn new(ty: Code, subtypes: Vec<Code>, action: &'static str, agents: Agents) -> Kind {
        Kind {
            ty,
            subtypes,
            action,
            agents,
            about: About::Named,
            profile: Profile::None,
        }
    }

    fn about(self, about: About, profile: Profile) -> Kind {
        Kind {
            about,
            profile,
            ..self
        }
    }

    fn add(&mut self, subtype: Option<Code>) {
        let is_full = self.profile == Profile::Token;
        let new = subtype.filter(|code| !is_full && !self.subtypes.contains(code));
        self.subtypes.extend(new);
    }

    /// Whether the user brings data, and does not get it.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self.action, "C" | "U" | "D")
    }
}

/// Whether it was refused: who asks may not, or there is nothing for them. Absent and hidden look alike here, too.
pub(crate) fn is_denied(record: &Record) -> bool {
    matches!(record.status, 401 | 403 | 404)
}

fn rest(record: &Record) -> Option<Kind> {
    let mut kind = interaction(record)?;
    if is_relabelling(record) {
        kind.ty = code::SECURITY_ALERT;
        kind.subtypes.insert(0, code::OBJECT_ATTRIBUTES);
        kind.profile = Profile::None;
    }
    if is_of_audit_log(record) {
        kind.ty = code::AUDIT_LOG_USED;
        kind.action = "R";
        kind.profile = Profile::None;
    }
    if is_denied(record) {
        kind.ty = code::SECURITY_ALERT;
        kind.profile = Profile::None;
    }
    Some(kind)
}

fn interaction(record: &Record) -> Option<Kind> {
    let kind = |subtypes, action, agents| Kind::new(code::REST, subtypes, action, agents);
    let one = |name, action, agents| kind(vec![code::rest(name)], action, agents);
    Some(match record.interaction.as_str() {
        "read" => one("read", "R", Agents::Out).about(About::Data, Profile::Read),
        "vread" => one("vread", "R", Agents::Out).about(About::Data, Profile::Read),
        "history-instance" => history("history-instance"),
        "history-type" => history("history-type"),
        "history-system" => history("history-system"),
        "create" => one("create", "C", Agents::In).about(About::Data, Profile::Create),
        "update" => one("update", "U", Agents::In).about(About::Data, Profile::Update),
        "patch" => one("patch", "U", Agents::In).about(About::Data, Profile::Update),
        "delete" => one("delete", "D", Agents::Deletion).about(About::Data, Profile::Delete),
        "search" => one("search", "E", Agents::In).about(About::Query, Profile::Query),
        "search-type" => one("search-type", "E", Agents::In).about(About::Query, Profile::Query),
        "search-system" => {
            one("search-system", "E", Agents::In).about(About::Query, Profile::Query)
        }
        "operation" => operation(record),
        "batch" => one("batch", "E", Agents::In).about(About::Data, Profile::None),
        "transaction" => one("transaction", "E", Agents::In).about(About::Data, Profile::None),
        "capabilities" => one("capabilities", "R", Agents::Out).about(About::Data, Profile::None),
        "notify" => {
            let subtypes = [Some(code::rest("operation")), code::own("notify")];
            kind(subtypes.into_iter().flatten().collect(), "R", Agents::Out)
                .about(About::Data, Profile::None)
        }
        "unknown" => kind(code::own("unknown").into_iter().collect(), "E", Agents::In)
            .about(About::Data, Profile::None),
        _ => return None,
    })
}

/// A history shows states of versions, as a `vread` does, and BALP has no other pattern for it.
fn history(level: &'static str) -> Kind {
    let subtypes = vec![code::rest(level), code::rest("vread")];
    Kind::new(code::REST, subtypes, "R", Agents::Out).about(About::Data, Profile::Read)
}

/// One that changes nothing is a question like a search, and as such has BALP's pattern for it.
fn operation(record: &Record) -> Kind {
    let mut subtypes = vec![code::rest("operation")];
    let name = record.detail.subtype.as_str();
    let is_question = !record.entities.iter().any(is_changed) && !NO_QUESTIONS.contains(&name);
    let profile = match is_question {
        true => Profile::Query,
        false => Profile::None,
    };
    subtypes.extend(is_question.then(|| code::rest("search")));
    Kind::new(code::REST, subtypes, "E", Agents::In).about(About::Query, profile)
}

fn decision(by_consent: bool) -> Kind {
    let subtype = match by_consent {
        true => code::BY_CONSENT,
        false => code::BY_ROLE,
    };
    Kind::new(code::SECURITY_ALERT, vec![subtype], "E", Agents::Decision)
        .about(About::Consents, Profile::Decision)
}

/// What another system sent is rendered as it was sent; this says of it only how it came.
fn received() -> Kind {
    let subtypes = code::own("audit-event").into_iter().collect();
    Kind::new(code::IMPORT, subtypes, "C", Agents::In)
}

/// What is no interaction of the FHIR API: of the authorization server, of the command line, of the server itself.
fn own(record: &Record) -> Kind {
    let name = record.interaction.as_str();
    let decided = !record.detail.subtype.is_empty();
    let is_empty = record.entities.is_empty();
    let word = || code::own(name).into_iter().collect::<Vec<_>>();
    let authentication = |subtypes| {
        Kind::new(
            code::USER_AUTHENTICATION,
            subtypes,
            "E",
            Agents::Authorization,
        )
    };
    let security = |subtype| {
        Kind::new(
            code::SECURITY_ALERT,
            vec![subtype],
            "E",
            Agents::Authorization,
        )
    };
    let activity =
        |subtypes| Kind::new(code::APPLICATION_ACTIVITY, subtypes, "E", Agents::Activity);
    match name {
        _ if record.detail.subtype == PAGE => page(name),
        "sign-in" | "upstream" => authentication(vec![code::LOGIN]),
        "sign-out" => authentication(vec![code::LOGOUT]),
        "token" => authentication(vec![code::ITI_71]).about(About::Token, Profile::Token),
        "authorize"
        | "pushed-authorization-request"
        | "choose-patient"
        | "approve"
        | "launch"
        | "introspect"
        | "revoke"
        | "second-factor"
        | "enrol"
        | "sessions"
        | "apps" => authentication(word()),
        "break-glass" => break_glass(record),
        "access-reviews" if TAKES.contains(&record.detail.subtype.as_str()) => {
            security(code::SECURITY_ROLES)
        }
        "accounts" if decided && record.detail.subtype.contains("role") => {
            security(code::SECURITY_ROLES)
        }
        "roles" if decided => security(code::SECURITY_ROLES),
        "accounts" if decided => security(code::USER_ATTRIBUTES),
        "clients" | "computers" | "developer" | "register" | "keys" | "policy" if decided => {
            security(code::SECURITY_CONFIGURATION)
        }
        "register" => security(code::SECURITY_CONFIGURATION),
        "rotate-key" => own_alert(vec![code::SECURITY_CONFIGURATION]),
        "configuration" => own_alert(vec![code::SOFTWARE_CONFIGURATION]),
        "audit-start" => own_alert(vec![code::AUDIT_STARTED]),
        "audit-stop" => own_alert(vec![code::AUDIT_STOPPED]),
        "record-budget" => Kind::new(code::SECURITY_ALERT, word(), "E", Agents::In),
        "alert" => own_alert(word()),
        "audit-log" | "audit-export" | "audit-verify" => {
            Kind::new(code::AUDIT_LOG_USED, word(), "R", Agents::In)
        }
        "audit-retention" | "audit-redaction" => {
            Kind::new(code::AUDIT_LOG_USED, word(), "D", Agents::Activity)
        }
        "export" if is_empty => Kind::new(code::EXPORT, word(), "R", Agents::Out),
        "import" if is_empty => Kind::new(code::IMPORT, word(), "C", Agents::In),
        "export" => disclosed(code::EXPORT, word(), "R", Profile::DisclosureSource),
        "import" => disclosed(code::IMPORT, word(), "C", Profile::DisclosureRecipient),
        "start" => activity(vec![code::APPLICATION_START]),
        "stop" => activity(vec![code::APPLICATION_STOP]),
        "discovery" | "consents" | "reviews" | "access-reviews" | "clients" | "accounts"
        | "computers" | "developer" => page(name),
        _ => activity(word()),
    }
}

/// Somebody looks at what the authorization server shows, and nothing is done.
fn page(name: &str) -> Kind {
    let subtypes = code::own(name).into_iter().collect();
    let ty = code::APPLICATION_ACTIVITY;
    Kind::new(ty, subtypes, "E", Agents::Authorization)
}

/// Declared, which the privacy office has to look at, or ended; the page alone is neither.
fn break_glass(record: &Record) -> Kind {
    let (ty, subtypes) = match (record.decision.break_glass, record.decision.alert) {
        (true, Some(_)) => (code::SECURITY_ALERT, vec![code::OVERRIDE_STARTED]),
        (true, None) => (code::SECURITY_ALERT, vec![code::OVERRIDE_STOPPED]),
        (false, _) => (
            code::APPLICATION_ACTIVITY,
            code::own("break-glass").into_iter().collect(),
        ),
    };
    Kind::new(ty, subtypes, "E", Agents::Decision)
}

/// What the server says of itself, or is told on the command line.
fn own_alert(subtypes: Vec<Code>) -> Kind {
    Kind::new(code::SECURITY_ALERT, subtypes, "E", Agents::Activity)
}

fn disclosed(ty: Code, how: Vec<Code>, action: &'static str, profile: Profile) -> Kind {
    let agents = match action {
        "R" => Agents::Out,
        _ => Agents::In,
    };
    let subtypes = [vec![code::DISCLOSE], how].concat();
    Kind::new(ty, subtypes, action, agents).about(About::Data, profile)
}

/// What the subtype of the Record adds to those of its interaction.
fn further(subtype: &str) -> Option<Code> {
    match subtype {
        "login" => Some(code::LOGIN),
        "logout" => Some(code::LOGOUT),
        _ if subtype.starts_with('$') => code::operation(subtype),
        _ => code::own(subtype),
    }
}

fn changes_consents(record: &Record) -> bool {
    let is_consent = |entity: &&Entity| is_changed(entity) && type_name(entity.ty) == "Consent";
    record.entities.iter().any(|entity| is_consent(&entity))
}

pub(crate) fn is_changed(entity: &Entity) -> bool {
    matches!(entity.action, b'C' | b'U' | b'D')
}

/// Labels that follow from other resources.
fn is_relabelling(record: &Record) -> bool {
    record.client_id == LABELLING || record.detail.subtype == "label-change"
}

fn is_of_audit_log(record: &Record) -> bool {
    let of_log = |entity: &Entity| type_name(entity.ty) == "AuditEvent";
    let subtype = record.detail.subtype.as_str();
    OF_AUDIT_LOG.contains(&subtype) || record.entities.iter().any(of_log)
}

/// Empty: there is no such type.
pub(crate) fn type_name(ty: u16) -> &'static str {
    match usize::from(ty) < r4().types.len() {
        true => r4().ty(TypeId(ty)).name,
        false => "",
    }
}

/// Subtypes of what is asked of the log.
const OF_AUDIT_LOG: [&str; 7] = [
    "audit-log",
    "$access-report",
    "$activity",
    "$audit-checkpoint",
    "$audit-consistency",
    "$disclosures",
    "$proof",
];
/// Subtype of a page that somebody looks at.
const PAGE: &str = "page";
/// Decisions of access reviews by which somebody may less.
const TAKES: [&str; 2] = ["revoke", "suspend"];
/// Operations that do something.
const NO_QUESTIONS: [&str; 4] = ["$meta-add", "$meta-delete", "$reindex", "$validate"];
const CONSENT_CHANGE: &str = "consent-change";
/// As whom the server itself labels.
const LABELLING: &str = "urn:ward:labelling";
