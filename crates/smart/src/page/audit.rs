//! The audit log, for auditors and privacy officers.

use super::{Form, Person};

/// The log as it was asked for. The filter is sent by GET; a saved view by POST: fields `decision` = `save` with `name`, or
/// `decision` = `forget` with `view`.
#[derive(Clone, Debug)]
pub struct AuditLog {
    pub form: Form,
    pub person: Person,
    pub filter: AuditFilter,
    /// What of the filter cannot be asked: field and why.
    pub errors: Vec<(String, String)>,
    pub shown: AuditShown,
    /// Name and link of each way to look at what the filter finds; the first is the list.
    pub ways: Vec<(String, String, bool)>,
    /// Name, link and id of each saved view.
    pub views: Vec<(String, String, String)>,
    pub notice: Option<String>,
    pub error: Option<String>,
}

/// Kinds of events that the filter offers: field, words, and the search parameter with its value.
pub const AUDIT_KINDS: [AuditChoice; 7] = [
    ("", "Everything", "", ""),
    (
        "read",
        "Read",
        "subtype",
        "read,vread,history-instance,history-type,history-system",
    ),
    (
        "search",
        "Searched",
        "subtype",
        "search-type,search-system,search",
    ),
    ("change", "Written or deleted", "action", "C,U,D"),
    ("sign-in", "Sign-in and tokens", "type", "110114"),
    ("refused", "Decisions and refusals", "type", "110113"),
    ("log", "The log itself read", "type", "110101"),
];
/// How they ended, likewise.
pub const AUDIT_OUTCOMES: [AuditChoice; 3] = [
    ("", "Any outcome", "", ""),
    ("success", "Done", "outcome", "0"),
    ("failure", "Refused or failed", "outcome", "4,8,12"),
];
/// Field, words, search parameter, value.
pub type AuditChoice = (&'static str, &'static str, &'static str, &'static str);

/// As it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub patient: String,
    pub user: String,
    pub client: String,
    pub kind: String,
    pub outcome: String,
    pub from: String,
    pub to: String,
    /// The way to look at it, kept by the form.
    pub way: String,
}

#[derive(Clone, Debug)]
pub enum AuditShown {
    /// The filter cannot be asked.
    Nothing,
    List(AuditList),
    Event(AuditDetail),
    Timeline(Timeline),
    Volume(Volume),
    Map(AccessMap),
    Proof(ProofStatus),
}

#[derive(Clone, Debug, Default)]
pub struct AuditList {
    pub events: Vec<AuditRow>,
    /// How many there are, in words.
    pub total: String,
    pub first: Option<String>,
    pub next: Option<String>,
    /// What is found, as a file with a proof of each event, and as a report to be printed.
    pub ndjson: String,
    pub report: String,
}

#[derive(Clone, Debug, Default)]
pub struct AuditRow {
    /// Link to the event.
    pub link: String,
    pub when: String,
    pub who: String,
    pub client: String,
    pub what: String,
    pub patient: String,
    pub outcome: String,
    pub is_failed: bool,
    pub is_emergency: bool,
}

/// One event with everything that is recorded of it.
#[derive(Clone, Debug, Default)]
pub struct AuditDetail {
    pub title: String,
    /// Label and value.
    pub facts: Vec<(String, String)>,
    /// What shows that it is in the log, to be checked without this server; `Err`: why there is none.
    pub proof: Option<Result<String, String>>,
    /// The AuditEvent itself.
    pub json: String,
    pub back: String,
}

/// Accesses along time: a row for each person who saw the patient, or each patient whom the person saw.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    pub from: String,
    pub to: String,
    pub rows: Vec<TimelineRow>,
    /// What is not shown, in words.
    pub more: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct TimelineRow {
    pub name: String,
    /// The list of these.
    pub link: String,
    pub points: Vec<TimelinePoint>,
}

#[derive(Clone, Debug, Default)]
pub struct TimelinePoint {
    /// Between the ends, in thousandths.
    pub at: u32,
    pub is_failed: bool,
    pub is_emergency: bool,
}

/// How many events there were in each of some equal parts of the time.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    pub bars: Vec<VolumeBar>,
}

#[derive(Clone, Debug, Default)]
pub struct VolumeBar {
    pub from: String,
    pub link: String,
    pub events: u64,
}

/// Who has seen whom: people on one side, patients on the other.
#[derive(Clone, Debug, Default)]
pub struct AccessMap {
    /// Name and link of each.
    pub people: Vec<(String, String)>,
    pub patients: Vec<(String, String)>,
    /// Place of the person, of the patient, and how often.
    pub accesses: Vec<(usize, usize, u32)>,
    pub more: Option<String>,
}

/// Whether the log can be proved.
#[derive(Clone, Debug, Default)]
pub struct ProofStatus {
    /// The last checkpoint is there, and young enough.
    pub is_well: bool,
    pub says: String,
    pub facts: Vec<(String, String)>,
    /// The signed note, to be kept elsewhere.
    pub note: Option<String>,
}

/// What is found, to be printed.
#[derive(Clone, Debug, Default)]
pub struct AuditReport {
    pub title: String,
    pub facts: Vec<(String, String)>,
    pub rows: Vec<AuditRow>,
    /// What is not in it, in words.
    pub more: Option<String>,
    pub proof: ProofStatus,
}
