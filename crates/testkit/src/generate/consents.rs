//! Random Consents of R4, in both encodings, and security labels, from a world so small that they meet data and callers.

use crate::Random;
use serde_json::{Map, Value, json};

/// Clinical codes that the labelling rules know, and one that they do not.
pub const SENSITIVE: &[&str] = &["B20", "F10.20", "F33.0", "Z30.09", "J45.909"];
pub const ICD: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const LABELS: &[&str] = &["HIV", "MH", "PSY", "SUD", "SEX", "PSYTHPN", "PRS"];
const LEVELS: &[&str] = &["L", "N", "R", "V"];
const PURPOSES: &[&str] = &["TREAT", "ETREAT", "HPAYMT", "HOPERAT", "HRESCH", "PATRQT"];
const ACTORS: &[&str] = &[
    "Practitioner/practitioner-0",
    "Practitioner/practitioner-1",
    "Practitioner/practitioner-2",
    "PractitionerRole/role-1",
    "Organization/organization-0",
    "Organization/organization-1",
    "Organization/organization-2",
    "urn:ward:client:client",
    "Practitioner/nobody",
];
const ACTIONS: &[&str] = &["access", "disclose", "collect", "use", "correct"];
const WRITTEN: &[&str] = &["2020", "2021-05", "2021-05-01", "2022-01-01T10:00:00Z"];
const PERIODS: &[(&str, &str)] = &[
    ("2020-01-01", "2020-12-31"),
    ("2022-01-01", "2090-01-01"),
    ("2080-01-01", "2090-01-01"),
    ("2022-01-01", TURN),
    (TURN, "2090-01-01"),
];
/// When some of them begin, and others end.
const TURN: &str = "2023-12-01";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// A Consent of a patient (`Patient/id`) about data of these paths (`Type/id`). Most are in force; some can be evaluated by nobody.
pub fn consent(random: &mut Random, id: &str, patient: &str, data: &[String]) -> Value {
    let mut body = json!({ "resourceType": "Consent", "id": id, "status": "active", "patient": { "reference": patient },
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "dateTime": random.one_of(WRITTEN) });
    if random.once_in(8) {
        body["status"] = json!(random.one_of(&["inactive", "draft", "entered-in-error"]));
    }
    if random.once_in(3) {
        let at = random.below(3);
        body["organization"] = json!([{ "reference": format!("Organization/organization-{at}") }]);
    }
    if random.once_in(4) {
        body["verification"] = json!([{ "verified": true }]);
    }
    let mut root = Map::new();
    match random.below(6) {
        0..3 => body["policyRule"] = policy("OPTIN"),
        3 => body["policyRule"] = policy("OPTOUT"),
        _ => {
            body["policy"] = json!([{ "uri": "http://example.org/privacy" }]);
            root = criteria(random, data);
            root.insert("type".into(), kind(random));
        }
    }
    if random.once_in(8) {
        root.insert("period".into(), period(random));
    }
    let nested = nested(random, data, 0);
    if !nested.is_empty() {
        root.insert("provision".into(), nested.into());
    }
    if !root.is_empty() {
        body["provision"] = root.into();
    }
    body
}

/// What a client states of how sensitive a resource is; mostly nothing.
pub fn labels(random: &mut Random) -> Vec<Value> {
    let mut labels = Vec::new();
    if random.once_in(4) {
        labels.push(label(random.one_of(LEVELS)));
    }
    if random.once_in(4) {
        labels.push(label(random.one_of(LABELS)));
    }
    labels
}

fn nested(random: &mut Random, data: &[String], level: usize) -> Vec<Value> {
    let most = [4, 3, 2][level.min(2)];
    let count = if level > 2 { 0 } else { random.below(most) };
    let one = |random: &mut Random| {
        let mut provision = criteria(random, data);
        provision.insert("type".into(), kind(random));
        let inner = nested(random, data, level + 1);
        if !inner.is_empty() {
            provision.insert("provision".into(), inner.into());
        }
        Value::Object(provision)
    };
    (0..count).map(|_| one(random)).collect()
}

fn criteria(random: &mut Random, data: &[String]) -> Map<String, Value> {
    let mut all = Map::new();
    for _ in 0..1 + random.below(2) {
        let (name, value) = criterion(random, data);
        all.insert(name.into(), value);
    }
    all
}

fn criterion(random: &mut Random, data: &[String]) -> (&'static str, Value) {
    let some = |random: &mut Random, list: &[&'static str]| -> Vec<&'static str> {
        (0..=random.below(2)).map(|_| random.one_of(list)).collect()
    };
    match random.below(10) {
        0 | 1 => (
            "actor",
            some(random, ACTORS).into_iter().map(actor).collect(),
        ),
        2 => (
            "purpose",
            some(random, PURPOSES).into_iter().map(purpose).collect(),
        ),
        3 => (
            "action",
            some(random, ACTIONS).into_iter().map(action).collect(),
        ),
        4 | 5 => {
            let list = if random.coin() { LABELS } else { LEVELS };
            (
                "securityLabel",
                some(random, list).into_iter().map(label).collect(),
            )
        }
        6 => {
            let types = &["Observation", "Condition", "Encounter", "DiagnosticReport"];
            (
                "class",
                some(random, types).into_iter().map(class).collect(),
            )
        }
        7 => (
            "code",
            some(random, SENSITIVE).into_iter().map(code).collect(),
        ),
        8 => (
            "dataPeriod",
            json!({ "start": "2020-01-01", "end": random.one_of(&["2020-02-29", "2020-12-31"]) }),
        ),
        _ => ("data", json!([about(random, data)])),
    }
}

/// Of one resource, or of what somebody wrote.
fn about(random: &mut Random, data: &[String]) -> Value {
    let (meaning, reference) = match random.coin() && !data.is_empty() {
        true => ("instance", data[random.below(data.len())].clone()),
        false => ("authoredby", random.one_of(&ACTORS[..3]).to_owned()),
    };
    json!({ "meaning": meaning, "reference": { "reference": reference } })
}

fn kind(random: &mut Random) -> Value {
    json!(random.one_of(&["permit", "deny"]))
}

fn period(random: &mut Random) -> Value {
    let (start, end) = PERIODS[random.below(PERIODS.len())];
    json!({ "start": start, "end": end })
}

fn policy(code: &str) -> Value {
    json!({ "coding": [{ "system": ACT_CODE, "code": code }] })
}

fn label(code: &str) -> Value {
    let system = if code.len() == 1 {
        CONFIDENTIALITY
    } else {
        ACT_CODE
    };
    json!({ "system": system, "code": code })
}

fn actor(reference: &str) -> Value {
    let role = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] });
    json!({ "role": role, "reference": { "reference": reference } })
}

fn purpose(code: &str) -> Value {
    json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code })
}

fn action(code: &str) -> Value {
    json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": code }] })
}

fn class(ty: &str) -> Value {
    json!({ "system": "http://hl7.org/fhir/resource-types", "code": ty })
}

fn code(code: &str) -> Value {
    json!({ "coding": [{ "system": ICD, "code": code }] })
}
