//! Patient, people and data of the truth table (security requirements, section 3.3), for tests.

use crate::Action;
use crate::code::{CONFIDENTIALITY, Coding, Ref};
use crate::facts::{Caller, Kinship, Lookup, Relation, Row};
use crate::interpret::{Decision, Question, interpret};
use crate::labels::{RuleSet, WARD_LABEL};
use crate::period::Span;
use crate::provision::{Consent, Effect};
use crate::rules::Rules;
use crate::sensitivity::Confidentiality;
use std::sync::LazyLock;
use ward_fhir::tree::Limits;

pub(crate) const HIV_LOAD: (&str, &str) = ("http://loinc.org", "20447-9");

/// 2026-01-01
pub(crate) fn now() -> i64 {
    Span::parse("2026-01-01").unwrap().low
}

/// The hospital's departments, and a terminology that can be down.
#[derive(Clone, Debug)]
pub(crate) struct House {
    pub terminology_is_up: bool,
    pub gone: Vec<&'static str>,
}

pub(crate) fn house() -> House {
    House {
        terminology_is_up: true,
        gone: Vec::new(),
    }
}

impl Lookup for House {
    fn subsumes(&self, ancestor: &Coding, code: &Coding) -> Option<bool> {
        let pairs = [
            ("hiv", "20447-9"),
            ("labs", "20447-9"),
            ("labs", "hiv"),
            ("labs", "2345-7"),
        ];
        self.terminology_is_up
            .then(|| pairs.contains(&(&*ancestor.code, &*code.code)))
    }
    fn is_there(&self, reference: &str) -> bool {
        !self.gone.contains(&reference)
    }
    fn refers(&self, from: &str, to: &str) -> Option<bool> {
        Some((from, to) == ("Encounter/E1", "Condition/C1"))
    }
    fn belongs(&self, member: &str, organization: &str) -> Option<bool> {
        let pairs = [
            ("Practitioner/drT", "Organization/H1"),
            ("Practitioner/drX", "Organization/H1"),
            ("Practitioner/drO", "Organization/H2"),
            ("Organization/H2-cardiology", "Organization/H2"),
        ];
        Some(pairs.contains(&(member, organization)))
    }
    fn is_label_within(&self, label: &Coding, wide: &Coding) -> bool {
        static STARTER: LazyLock<RuleSet> = LazyLock::new(RuleSet::starter);
        STARTER.is_label_within(label, wide)
    }
}

/// One Consent of the patient: members of its JSON beside `resourceType`, `status`, `scope`, `patient`.
pub(crate) fn consent(members: &str) -> Consent {
    consent_by(members, &Rules::default())
}

pub(crate) fn consent_by(members: &str, rules: &Rules) -> Consent {
    let default = |name: &str, value: &str| {
        let is_given = members.contains(&format!("\"{name}\""));
        if is_given {
            String::new()
        } else {
            format!("\"{name}\":{value},")
        }
    };
    let text = format!(
        r#"{{"resourceType":"Consent","id":"c1",{}{}{}{}{members}}}"#,
        default("status", "\"active\""),
        default(
            "scope",
            r#"{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]}"#
        ),
        default("patient", r#"{"reference":"Patient/p"}"#),
        default(
            "category",
            r#"[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}]"#
        ),
    );
    read_text(&text, rules)
}

pub(crate) fn read_text(text: &str, rules: &Rules) -> Consent {
    let document = ward_fhir::json::read(text.as_bytes(), None, &Limits::default());
    let document = document.unwrap_or_else(|failure| panic!("{text}: {failure:?}"));
    crate::read::read(document.root(), rules, None)
}

pub(crate) const OPTIN: &str = r#""policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]}"#;
pub(crate) const OPTOUT: &str = r#""policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTOUT"}]}"#;

/// A base with nested provisions.
pub(crate) fn based(base: &str, nested: &[String]) -> Consent {
    if nested.is_empty() {
        return consent(base);
    }
    consent(&format!(
        r#"{base},"provision":{{"provision":[{}]}}"#,
        nested.join(",")
    ))
}

/// A root with type and nested provisions (IHE PCF).
pub(crate) fn rooted(kind: &str, criteria: &[String], nested: &[String]) -> Consent {
    consent(&format!(
        r#""provision":{}"#,
        provision(kind, criteria, nested)
    ))
}

pub(crate) fn provision(kind: &str, criteria: &[String], nested: &[String]) -> String {
    let mut members = vec![format!(r#""type":"{kind}""#)];
    members.extend(criteria.iter().cloned());
    if !nested.is_empty() {
        members.push(format!(r#""provision":[{}]"#, nested.join(",")));
    }
    format!("{{{}}}", members.join(","))
}

pub(crate) fn deny(criteria: &[String]) -> String {
    provision("deny", criteria, &[])
}

pub(crate) fn permit(criteria: &[String]) -> String {
    provision("permit", criteria, &[])
}

pub(crate) fn actor(reference: &str) -> String {
    actors("IRCP", &[reference])
}

pub(crate) fn actors(role: &str, references: &[&str]) -> String {
    let one = |reference: &&str| {
        format!(
            r#"{{"role":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"{role}"}}]}},"reference":{{"reference":"{reference}"}}}}"#
        )
    };
    format!(r#""actor":[{}]"#, list(references, one))
}

pub(crate) fn purpose(codes: &[&str]) -> String {
    let one = |code: &&str| {
        format!(
            r#"{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"{code}"}}"#
        )
    };
    format!(r#""purpose":[{}]"#, list(codes, one))
}

pub(crate) fn action(codes: &[&str]) -> String {
    let one = |code: &&str| {
        format!(
            r#"{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":"{code}"}}]}}"#
        )
    };
    format!(r#""action":[{}]"#, list(codes, one))
}

pub(crate) fn label(codes: &[&str]) -> String {
    let one = |code: &&str| {
        let coding = match Confidentiality::parse(code) {
            Some(_) => Coding::new(CONFIDENTIALITY, code),
            None => sensitivity(code),
        };
        format!(
            r#"{{"system":"{}","code":"{}"}}"#,
            coding.system, coding.code
        )
    };
    format!(r#""securityLabel":[{}]"#, list(codes, one))
}

pub(crate) fn class(types: &[&str]) -> String {
    let one =
        |ty: &&str| format!(r#"{{"system":"http://hl7.org/fhir/resource-types","code":"{ty}"}}"#);
    format!(r#""class":[{}]"#, list(types, one))
}

pub(crate) fn code(codes: &[&str]) -> String {
    let one =
        |code: &&str| format!(r#"{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}}"#);
    format!(r#""code":[{}]"#, list(codes, one))
}

pub(crate) fn data(meaning: &str, reference: &str) -> String {
    format!(r#""data":[{{"meaning":"{meaning}","reference":{{"reference":"{reference}"}}}}]"#)
}

pub(crate) fn data_period(start: &str, end: &str) -> String {
    format!(r#""dataPeriod":{{"start":"{start}","end":"{end}"}}"#)
}

pub(crate) fn period(start: &str, end: &str) -> String {
    format!(r#""period":{{"start":"{start}","end":"{end}"}}"#)
}

fn list<T>(all: &[T], one: impl Fn(&T) -> String) -> String {
    all.iter().map(one).collect::<Vec<_>>().join(",")
}

fn row(reference: &str, date: &str) -> Row {
    Row {
        reference: reference.into(),
        authors: Some(vec!["Practitioner/drT".into()]),
        date: Span::parse(date),
        custodian: Some("Organization/H1".into()),
        ..Row::default()
    }
}

/// Glucose.
pub(crate) fn o1() -> Row {
    Row {
        codes: vec![Coding::new("http://loinc.org", "2345-7")],
        ..row("Observation/O1", "2025-03-01")
    }
}

/// HIV viral load.
pub(crate) fn o2() -> Row {
    Row {
        codes: vec![Coding::new(HIV_LOAD.0, HIV_LOAD.1)],
        ..labelled(
            row("Observation/O2", "2025-03-02"),
            Confidentiality::Restricted,
            &["HIV"],
        )
    }
}

/// Alcohol use disorder, met in the encounter E1.
pub(crate) fn c1() -> Row {
    Row {
        refers_to: vec!["Encounter/E1".into()],
        ..labelled(
            row("Condition/C1", "2025-04-01"),
            Confidentiality::Restricted,
            &["ETH", "ETHUD", "SUD"],
        )
    }
}

pub(crate) fn labelled(row: Row, confidentiality: Confidentiality, codes: &[&str]) -> Row {
    Row {
        confidentiality,
        sensitivities: codes.iter().map(|code| sensitivity(code)).collect(),
        ..row
    }
}

/// Of v3-ActCode, or `ward:` and a code of ours.
fn sensitivity(code: &str) -> Coding {
    match code.strip_prefix("ward:") {
        Some(code) => Coding::new(WARD_LABEL, code),
        None => Coding::act(code),
    }
}

pub(crate) fn caller(actors: &[&str], purpose: &str) -> Caller {
    Caller {
        actors: actors.iter().map(|actor| Ref::from(*actor)).collect(),
        purposes: purpose.split_whitespace().map(Into::into).collect(),
        action: Action::Access,
        is_privacy: false,
    }
}

/// Treats the patient at H1, if the relation says so.
pub(crate) fn dr_t(purpose: &str) -> Caller {
    caller(
        &[
            "Practitioner/drT",
            "PractitionerRole/drT-H1",
            "Organization/H1",
        ],
        purpose,
    )
}

/// Another at H1.
pub(crate) fn dr_x(purpose: &str) -> Caller {
    caller(
        &[
            "Practitioner/drX",
            "PractitionerRole/drX-H1",
            "Organization/H1",
        ],
        purpose,
    )
}

/// In a department of H2.
pub(crate) fn dr_o(purpose: &str) -> Caller {
    caller(
        &[
            "Practitioner/drO",
            "PractitionerRole/drO-H2",
            "Organization/H2-cardiology",
            "Organization/H2",
        ],
        purpose,
    )
}

pub(crate) fn treats() -> Relation {
    Relation {
        treats: true,
        ..Relation::default()
    }
}

pub(crate) fn kin(kind: Kinship) -> Relation {
    Relation {
        kind,
        ..Relation::default()
    }
}

pub(crate) fn broken_glass() -> Relation {
    Relation {
        break_glass_until_us: Some(now() + 1),
        ..treats()
    }
}

pub(crate) fn dated(date: &str) -> Row {
    Row {
        date: Span::parse(date),
        ..o1()
    }
}

pub(crate) fn deny_hiv() -> String {
    deny(&[label(&["HIV"])])
}

/// A question with all that most rows of the table share.
pub(crate) struct Table {
    pub consents: Vec<Consent>,
    pub rules: Rules,
    pub house: House,
    pub relation: Relation,
    pub subjects: Vec<Ref>,
    pub now_us: i64,
}

pub(crate) fn table(consents: Vec<Consent>) -> Table {
    Table {
        consents,
        rules: Rules::default(),
        house: house(),
        relation: Relation::default(),
        subjects: vec!["Patient/p".into()],
        now_us: now(),
    }
}

impl Table {
    pub fn with(self, relation: Relation) -> Table {
        Table { relation, ..self }
    }
    pub fn decide(&self, caller: &Caller, row: &Row) -> Decision {
        interpret(&Question {
            consents: &self.consents,
            subjects: &self.subjects,
            row,
            caller,
            relation: &self.relation,
            now_us: self.now_us,
            rules: &self.rules,
            lookup: &self.house,
        })
    }
    pub fn shows(&self, caller: &Caller, row: &Row) -> bool {
        self.decide(caller, row).verdict.effect == Effect::Permit
    }
}
