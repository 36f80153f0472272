//! Consents as tests write them: a base, and provisions within provisions. <https://hl7.org/fhir/R4/consent.html>

use serde_json::{Value, json};

const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const ACTION: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";
pub const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
pub const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
/// Before every moment at which a test runs.
const WRITTEN: &str = "2025-06-01T12:00:00Z";

/// `Consent.provision`, or one of those within it.
#[derive(Clone)]
pub struct Provision(Value);

pub fn permit() -> Provision {
    Provision(json!({ "type": "permit" }))
}

pub fn deny() -> Provision {
    Provision(json!({ "type": "deny" }))
}

impl Provision {
    pub fn actor(self, reference: &str) -> Provision {
        self.actor_as("IRCP", reference)
    }

    /// A role that is a code of v3-ParticipationType.
    pub fn actor_as(self, role: &str, reference: &str) -> Provision {
        let role = json!({ "coding": [{ "system": PARTICIPATION, "code": role }] });
        self.and(
            "actor",
            json!({ "role": role, "reference": { "reference": reference } }),
        )
    }

    pub fn purpose(self, code: &str) -> Provision {
        self.and("purpose", json!({ "system": ACT_REASON, "code": code }))
    }

    pub fn action(self, code: &str) -> Provision {
        self.and(
            "action",
            json!({ "coding": [{ "system": ACTION, "code": code }] }),
        )
    }

    /// A level of confidentiality (one letter) or a sensitivity.
    pub fn label(self, code: &str) -> Provision {
        self.and("securityLabel", label(code))
    }

    pub fn class(self, ty: &str) -> Provision {
        self.and("class", json!({ "system": RESOURCE_TYPES, "code": ty }))
    }

    pub fn code(self, system: &str, code: &str) -> Provision {
        self.and(
            "code",
            json!({ "coding": [{ "system": system, "code": code }] }),
        )
    }

    /// `meaning`: `instance`, `related`, `dependents` or `authoredby`.
    pub fn data(self, meaning: &str, reference: &str) -> Provision {
        self.and(
            "data",
            json!({ "meaning": meaning, "reference": { "reference": reference } }),
        )
    }

    pub fn data_period(mut self, start: &str, end: &str) -> Provision {
        self.0["dataPeriod"] = json!({ "start": start, "end": end });
        self
    }

    pub fn period(mut self, start: &str, end: &str) -> Provision {
        self.0["period"] = json!({ "start": start, "end": end });
        self
    }

    /// Nested in it.
    pub fn but(self, nested: Provision) -> Provision {
        self.and("provision", nested.0)
    }

    fn and(mut self, name: &str, value: Value) -> Provision {
        match self.0[name].as_array_mut() {
            Some(all) => all.push(value),
            None => self.0[name] = json!([value]),
        }
        self
    }
}

/// A level of confidentiality (one letter) or a sensitivity, as a Coding.
pub fn label(code: &str) -> Value {
    let system = match code.len() {
        1 => CONFIDENTIALITY,
        _ => ACT_CODE,
    };
    match code.strip_prefix("ward:") {
        Some(own) => json!({ "system": "urn:ward:label", "code": own }),
        None => json!({ "system": system, "code": code }),
    }
}

/// Base R4: the base is a policy.
pub fn opt_in() -> Provisions {
    Provisions::of("OPTIN")
}

pub fn opt_out() -> Provisions {
    Provisions::of("OPTOUT")
}

/// IHE PCF: the root has a type.
pub fn rooted(root: Provision) -> Provisions {
    let mut body = bare();
    // R4 wants one; what it says is not known to anybody.
    body["policy"] = json!([{ "uri": "http://hospital.example/privacy" }]);
    body["provision"] = root.0;
    Provisions(body)
}

/// A Consent in force, as far as it does not name its patient.
#[derive(Clone)]
pub struct Provisions(Value);

impl Provisions {
    fn of(policy: &str) -> Provisions {
        let mut body = bare();
        body["policyRule"] = json!({ "coding": [{ "system": ACT_CODE, "code": policy }] });
        Provisions(body)
    }

    /// A provision within the root, which has no type.
    pub fn but(mut self, nested: Provision) -> Provisions {
        if self.0.get("provision").is_none() {
            self.0["provision"] = json!({});
        }
        self.0["provision"] = Provision(self.0["provision"].take()).but(nested).0;
        self
    }

    /// When it applies.
    pub fn during(mut self, start: &str, end: &str) -> Provisions {
        if self.0.get("provision").is_none() {
            self.0["provision"] = json!({});
        }
        self.0["provision"]["period"] = json!({ "start": start, "end": end });
        self
    }

    pub fn status(self, status: &str) -> Provisions {
        self.set("status", json!(status))
    }

    pub fn written(self, at: &str) -> Provisions {
        self.set("dateTime", json!(at))
    }

    /// Whose consent form it is: consents of different organizations are of different groups (R8).
    pub fn of_organization(self, reference: &str) -> Provisions {
        self.set("organization", json!([{ "reference": reference }]))
    }

    pub fn set(mut self, name: &str, value: Value) -> Provisions {
        self.0[name] = value;
        self
    }

    /// The resource, for a patient (`Patient/id`).
    pub fn for_patient(&self, patient: &str) -> Value {
        let mut body = self.0.clone();
        body["patient"] = json!({ "reference": patient });
        body
    }
}

fn bare() -> Value {
    json!({ "resourceType": "Consent", "status": "active", "dateTime": WRITTEN,
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }] })
}
