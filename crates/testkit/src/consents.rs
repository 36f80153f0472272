//! A small random hospital for tests of who sees what: staff of two organizations, patients with data of every sensitivity and with
//! consents in both encodings, and callers that these are about.

use crate::random::Random;
use serde_json::{Value, json};

/// The organization that runs the server of these tests.
pub const HERE: &str = "Organization/h1";
/// Resources of one patient beside the Patient, the RelatedPerson and the Consents.
pub const RESOURCES: usize = 8;

const PEOPLE: [&str; 4] = ["t", "x", "o", "left"];
const ORGANIZATIONS: [&str; 3] = ["h1", "h2", "h2-cardiology"];
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const LEVELS: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// Who asks, as the parameters of `$consent-decision` name them.
#[derive(Clone, Debug)]
pub struct Asker {
    /// `Practitioner/t`; empty: a service.
    pub user: String,
    pub client: String,
    pub role: Option<&'static str>,
    pub purpose: Option<&'static str>,
}

/// Organizations, people and what they are for. `t` is of `h1`, `o` of a part of `h2`, `x` of nothing that is known.
pub fn staff() -> Vec<Value> {
    let mut all: Vec<Value> = ORGANIZATIONS
        .iter()
        .map(|id| json!({ "resourceType": "Organization", "id": id, "name": id }))
        .collect();
    all[2]["partOf"] = refers("Organization/h2");
    all.extend(
        PEOPLE.iter().map(
            |id| json!({ "resourceType": "Practitioner", "id": id, "name": [{ "family": id }] }),
        ),
    );
    for (id, person, organization) in [("t-h1", "t", "h1"), ("o-h2", "o", "h2-cardiology")] {
        all.push(json!({
            "resourceType": "PractitionerRole", "id": id, "active": true,
            "practitioner": refers(&format!("Practitioner/{person}")),
            "organization": refers(&format!("Organization/{organization}"))
        }));
    }
    all
}

/// A patient with somebody who acts for them, and resources of all kinds; consents apart.
pub fn patient(r: &mut Random, id: &str) -> Vec<Value> {
    let own = format!("Patient/{id}");
    let mut all = vec![
        json!({ "resourceType": "Patient", "id": id, "birthDate": "1980-01-01" }),
        json!({ "resourceType": "RelatedPerson", "id": format!("{id}-mother"), "patient": refers(&own) }),
        json!({
            "resourceType": "Encounter", "id": format!("{id}-e"), "status": "finished",
            "class": { "system": ACT_CODE, "code": "AMB" }, "subject": refers(&own),
            "period": { "start": "2019-05-01", "end": "2019-05-02" }
        }),
    ];
    all.extend((0..RESOURCES).map(|n| resource(r, id, n)));
    all
}

/// `Type/id` of what [`patient`] makes.
pub fn names(resources: &[Value]) -> Vec<String> {
    let name = |resource: &Value| {
        let text = |member: &str| resource[member].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", text("resourceType"), text("id"))
    };
    resources.iter().map(name).collect()
}

fn resource(r: &mut Random, patient: &str, n: usize) -> Value {
    let id = format!("{patient}-{n}");
    let subject = refers(&format!("Patient/{patient}"));
    let author = refers(&format!("Practitioner/{}", r.one_of(&PEOPLE[..3])));
    let date = r.one_of(&["2018-12-31", "2019-05-04", "2020-02-03", "2025-12-31"]);
    let encounter = refers(&format!("Encounter/{patient}-e"));
    let mut made = match r.below(4) {
        0 => {
            // Alcohol use disorder, schizophrenia, asthma, an infection with HIV.
            let code = r.one_of(&["F10.2", "F20.9", "J45.9", "B20"]);
            let code = coded("http://hl7.org/fhir/sid/icd-10-cm", code);
            json!({
                "resourceType": "Condition", "code": code, "subject": subject,
                "recorder": author, "recordedDate": date
            })
        }
        1 => json!({
            "resourceType": "DocumentReference", "status": "current", "subject": subject,
            "author": [author], "date": format!("{date}T10:00:00Z"),
            "custodian": refers(&format!("Organization/{}", r.one_of(&ORGANIZATIONS))),
            "content": [{ "attachment": { "contentType": "text/plain", "data": "YQ==" } }]
        }),
        _ => {
            // Glucose, and the load of HIV.
            let code = coded("http://loinc.org", r.one_of(&["2345-7", "20447-9"]));
            json!({
                "resourceType": "Observation", "status": "final", "code": code,
                "subject": subject, "performer": [author], "effectiveDateTime": date
            })
        }
    };
    made["id"] = json!(id);
    if r.once_in(3) && made["resourceType"] != "DocumentReference" {
        made["encounter"] = encounter;
    }
    if r.once_in(3) {
        made["meta"] = json!({ "security": [label(r)] });
    }
    made
}

fn label(r: &mut Random) -> Value {
    let code = r.one_of(&[
        "R", "V", "HIV", "MH", "PSY", "PSYTHPN", "SUD", "ETH", "SEX", "SDV", "PRS", "ADOL",
    ]);
    match code {
        "R" | "V" => coding(LEVELS, code),
        _ => coding(ACT_CODE, code),
    }
}

/// A Consent of a patient that can be evaluated.
pub fn consent(r: &mut Random, patient: &str, id: &str) -> Value {
    let mut consent = json!({
        "resourceType": "Consent", "id": id, "status": "active",
        "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [coded("http://loinc.org", "59284-0")],
        "patient": refers(&format!("Patient/{patient}")),
        "performer": [refers(&format!("Patient/{patient}"))],
        "dateTime": r.one_of(&["2024-01-01", "2025-03-01", "2025-12-31T10:00:00Z"])
    });
    if r.once_in(6) {
        consent["status"] = json!("inactive");
    }
    if r.once_in(3) {
        let organization = r.one_of(&ORGANIZATIONS[..2]);
        consent["organization"] = json!([refers(&format!("Organization/{organization}"))]);
    }
    let base = r.below(4);
    let mut root = match base {
        0 => {
            consent["policyRule"] = coded(ACT_CODE, "OPTIN");
            json!({})
        }
        1 => {
            consent["policyRule"] = coded(ACT_CODE, "OPTOUT");
            json!({})
        }
        _ => {
            consent["policy"] = json!([{ "uri": format!("urn:test:{}", r.below(3)) }]);
            let mut root = criteria(r, patient, false);
            root["type"] = json!(r.one_of(&["permit", "deny"]));
            root
        }
    };
    let nested: Vec<Value> = (0..r.below(3)).map(|_| provision(r, patient, 1)).collect();
    if !nested.is_empty() {
        root["provision"] = nested.into();
    }
    if root.as_object().is_some_and(|root| !root.is_empty()) {
        consent["provision"] = root;
    }
    consent
}

fn provision(r: &mut Random, patient: &str, level: usize) -> Value {
    let permit = r.coin();
    let mut provision = criteria(r, patient, true);
    provision["type"] = json!(if permit { "permit" } else { "deny" });
    if level < 3 && r.once_in(3) {
        provision["provision"] = json!([self::provision(r, patient, level + 1)]);
    }
    provision
}

fn criteria(r: &mut Random, patient: &str, with_period: bool) -> Value {
    let mut criteria = json!({});
    for _ in 0..r.below(3) {
        match r.below(8) {
            0 | 1 => {
                let part = r.one_of(&["IRCP", "IRCP", "IRCP", "AUT", "CST"]);
                let who = match part {
                    "CST" => r.one_of(&["Organization/h1", "Organization/h2"]).to_owned(),
                    _ => actor(r, patient),
                };
                let role = coded(
                    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                    part,
                );
                criteria["actor"] = json!([{ "role": role, "reference": refers(&who) }]);
            }
            2 => {
                let purpose = r.one_of(&PURPOSES);
                criteria["purpose"] = json!([coding(ACT_REASON, purpose)]);
            }
            3 => {
                let action = r.one_of(&["access", "disclose", "use"]);
                let action = coded(
                    "http://terminology.hl7.org/CodeSystem/consentaction",
                    action,
                );
                criteria["action"] = json!([action]);
            }
            4 => criteria["securityLabel"] = json!([label(r)]),
            5 => {
                let ty = r.one_of(&["Observation", "Condition", "DocumentReference"]);
                criteria["class"] = json!([coding("http://hl7.org/fhir/resource-types", ty)]);
            }
            6 => {
                let meaning = r.one_of(&["instance", "related", "dependents"]);
                let reference = refers(&format!("Encounter/{patient}-e"));
                criteria["data"] = json!([{ "meaning": meaning, "reference": reference }]);
            }
            _ if with_period && r.once_in(3) => {
                criteria["period"] = json!({ "end": r.one_of(&["2025-01-01", "2040-01-01"]) });
            }
            _ => criteria["dataPeriod"] = json!({ "start": "2019-01-01", "end": "2019-12-31" }),
        }
    }
    criteria
}

fn actor(r: &mut Random, patient: &str) -> String {
    let mother = format!("RelatedPerson/{patient}-mother");
    r.one_of(&[
        "Practitioner/t",
        "Practitioner/x",
        "Practitioner/o",
        "PractitionerRole/o-h2",
        "Organization/h1",
        "Organization/h2",
        "Organization/h2-cardiology",
        &mother,
    ])
    .to_owned()
}

/// Somebody who may ask about a patient.
pub fn asker(r: &mut Random, patient: &str) -> Asker {
    let staff = |user: &str, role, purpose| Asker {
        user: user.to_owned(),
        client: "desk".to_owned(),
        role: Some(role),
        purpose,
    };
    match r.below(8) {
        0 => Asker {
            user: format!("Patient/{patient}"),
            client: "app".to_owned(),
            role: None,
            purpose: None,
        },
        1 => Asker {
            user: format!("RelatedPerson/{patient}-mother"),
            client: "app".to_owned(),
            role: None,
            purpose: None,
        },
        2 => Asker {
            user: String::new(),
            client: "service".to_owned(),
            role: None,
            purpose: Some(r.one_of(&PURPOSES)).filter(|_| r.coin()),
        },
        3 => staff("Practitioner/x", "billing-clerk", Some("HPAYMT")),
        4 => staff("Practitioner/x", "nurse", Some("TREAT")),
        5 => staff("Practitioner/o", "physician", Some("TREAT")),
        6 => staff("Practitioner/o", "physician", Some("ETREAT")),
        _ => staff(
            "Practitioner/t",
            "physician",
            Some("TREAT").filter(|_| r.coin()),
        ),
    }
}

const PURPOSES: [&str; 6] = ["TREAT", "ETREAT", "HPAYMT", "HOPERAT", "HRESCH", "HLEGAL"];

fn refers(to: &str) -> Value {
    json!({ "reference": to })
}

fn coded(system: &str, code: &str) -> Value {
    json!({ "coding": [coding(system, code)] })
}

fn coding(system: &str, code: &str) -> Value {
    json!({ "system": system, "code": code })
}
