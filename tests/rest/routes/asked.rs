//! What is asked of every route, and the story around it.

use serde_json::{Value, json};

/// What one row may use: a story that is fresh for each caller, around a patient who is the app's own.
pub struct Story {
    /// The app's patient.
    pub own: String,
    pub other: String,
    pub observation: String,
    pub others_observation: String,
    pub claim: String,
    pub encounter: String,
    pub organization: String,
    /// Selects the observation.
    pub identifier: String,
}

/// One request: interaction, what is asked, and how.
pub struct Route {
    pub interaction: &'static str,
    pub shown: &'static str,
    pub ask: fn(&Story) -> (&'static str, String, Option<Value>),
}

pub fn route(
    interaction: &'static str,
    shown: &'static str,
    ask: fn(&Story) -> (&'static str, String, Option<Value>),
) -> Route {
    Route {
        interaction,
        shown,
        ask,
    }
}

pub fn observation(subject: &str, identifier: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "code": { "text": "pulse" }, "subject": { "reference": subject },
        "identifier": [{ "system": "http://example.org/routes", "value": identifier }] })
}

pub fn with_id(mut body: Value, path: &str) -> Value {
    body["id"] = json!(path.split('/').next_back());
    body
}

pub fn person() -> Value {
    json!({ "resourceType": "Patient", "name": [{ "family": "Routes" }] })
}

/// That a patient keeps everything from one person.
fn consent(patient: &str) -> Value {
    let coded =
        |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code }] });
    json!({ "resourceType": "Consent", "status": "active", "patient": { "reference": patient },
        "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [coded("http://loinc.org", "59284-0")], "policy": [{ "uri": "urn:example:routes" }],
        "provision": { "type": "deny" } })
}

pub fn search(story: &Story) -> String {
    format!(
        "Observation?identifier=http://example.org/routes|{}",
        story.identifier
    )
}

pub fn bundle(kind: &str, story: &Story) -> Value {
    json!({ "resourceType": "Bundle", "type": kind, "entry": [
        { "resource": observation(&story.own, "bundled"), "request": { "method": "POST", "url": "Observation" } }] })
}

pub fn replace_status() -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": "Observation.status" }, { "name": "value", "valueCode": "amended" }] }] })
}

pub fn tag() -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "tag": [{ "code": "routes" }] } }] })
}

pub fn reads() -> Vec<Route> {
    vec![
        route("capabilities", "GET metadata", |_| {
            ("GET", "metadata".into(), None)
        }),
        route("capabilities", "GET openapi.json", |_| {
            ("GET", "openapi.json".into(), None)
        }),
        route("read", "GET Patient/own", |s| ("GET", s.own.clone(), None)),
        route("read", "HEAD Patient/own", |s| {
            ("HEAD", s.own.clone(), None)
        }),
        route("read", "GET Patient/other", |s| {
            ("GET", s.other.clone(), None)
        }),
        route("read", "GET Patient/absent", |_| {
            ("GET", "Patient/absent".into(), None)
        }),
        route("read", "GET Observation/own", |s| {
            ("GET", s.observation.clone(), None)
        }),
        route("read", "GET Observation/other", |s| {
            ("GET", s.others_observation.clone(), None)
        }),
        route("read", "GET Claim/own", |s| ("GET", s.claim.clone(), None)),
        route("read", "GET Encounter/own", |s| {
            ("GET", s.encounter.clone(), None)
        }),
        route("read", "GET Organization/shared", |s| {
            ("GET", s.organization.clone(), None)
        }),
        route("read", "GET AuditEvent/absent", |_| {
            ("GET", "AuditEvent/absent".into(), None)
        }),
        route("vread", "GET Observation/own/_history/1", |s| {
            ("GET", format!("{}/_history/1", s.observation), None)
        }),
        route("vread", "GET Observation/other/_history/1", |s| {
            ("GET", format!("{}/_history/1", s.others_observation), None)
        }),
        route("history-instance", "GET Observation/own/_history", |s| {
            ("GET", format!("{}/_history", s.observation), None)
        }),
        route("history-instance", "GET Observation/other/_history", |s| {
            ("GET", format!("{}/_history", s.others_observation), None)
        }),
        route("history-type", "GET Observation/_history", |_| {
            ("GET", "Observation/_history".into(), None)
        }),
        route("history-type", "GET Claim/_history", |_| {
            ("GET", "Claim/_history".into(), None)
        }),
        route("history-system", "GET _history", |_| {
            ("GET", "_history".into(), None)
        }),
        route("search-type", "GET Patient?", |_| {
            ("GET", "Patient?_count=1".into(), None)
        }),
        route("search-type", "GET Observation?", |s| {
            ("GET", search(s), None)
        }),
        route("search-type", "POST Observation/_search", |_| {
            ("POST", "Observation/_search".into(), None)
        }),
        route("search-type", "GET Claim?", |_| {
            ("GET", "Claim?_count=1".into(), None)
        }),
        route("search-type", "GET AuditEvent?", |_| {
            ("GET", "AuditEvent?_count=1".into(), None)
        }),
        route("search-type", "GET ValueSet?", |_| {
            ("GET", "ValueSet?_count=1".into(), None)
        }),
        route("search-system", "GET ?_lastUpdated", |_| {
            ("GET", "?_lastUpdated=gt2000&_count=1".into(), None)
        }),
        route("search-system", "POST _search", |_| {
            ("POST", "_search".into(), None)
        }),
        route("search-type", "GET Patient/own/Observation", |s| {
            ("GET", format!("{}/Observation", s.own), None)
        }),
        route("search-type", "GET Patient/other/Observation", |s| {
            ("GET", format!("{}/Observation", s.other), None)
        }),
        route("search-type", "GET Encounter/own/Observation", |s| {
            ("GET", format!("{}/Observation", s.encounter), None)
        }),
        route("search-type", "GET Encounter/own/*", |s| {
            ("GET", format!("{}/*", s.encounter), None)
        }),
        route("search-type", "GET Patient?_revinclude=*", |_| {
            ("GET", "Patient?_count=1&_revinclude=*".into(), None)
        }),
        route("search-type", "GET Patient/own/*", |s| {
            ("GET", format!("{}/*", s.own), None)
        }),
        route("search-type", "POST Patient/own/Observation/_search", |s| {
            ("POST", format!("{}/Observation/_search", s.own), None)
        }),
    ]
}

pub fn writes() -> Vec<Route> {
    vec![
        route("create", "POST Patient", |_| {
            ("POST", "Patient".into(), Some(person()))
        }),
        route("create", "POST Observation", |s| {
            (
                "POST",
                "Observation".into(),
                Some(observation(&s.own, "created")),
            )
        }),
        route("create", "POST Claim", |s| {
            ("POST", "Claim".into(), Some(claim(&s.own)))
        }),
        route("create", "POST Organization", |_| {
            (
                "POST",
                "Organization".into(),
                Some(json!({ "resourceType": "Organization", "name": "x" })),
            )
        }),
        route("create", "POST ValueSet", |_| {
            (
                "POST",
                "ValueSet".into(),
                Some(json!({ "resourceType": "ValueSet", "status": "draft" })),
            )
        }),
        route("create", "POST AuditEvent", |_| {
            ("POST", "AuditEvent".into(), Some(audit_event()))
        }),
        route("create", "POST Observation If-None-Exist", |s| {
            (
                "POST-IF",
                "Observation".into(),
                Some(observation(&s.own, &s.identifier)),
            )
        }),
        route("update", "PUT Patient/own", |s| {
            ("PUT", s.own.clone(), Some(with_id(person(), &s.own)))
        }),
        route("update", "PUT Patient/other", |s| {
            ("PUT", s.other.clone(), Some(with_id(person(), &s.other)))
        }),
        route("update", "PUT Observation/own", |s| {
            (
                "PUT",
                s.observation.clone(),
                Some(with_id(observation(&s.own, &s.identifier), &s.observation)),
            )
        }),
        route("update", "PUT Observation/new", |s| {
            (
                "PUT",
                format!("Observation/{}", s.identifier),
                Some(with_id(observation(&s.own, "new"), &s.identifier)),
            )
        }),
        route("update", "PUT Observation?", |s| {
            ("PUT", search(s), Some(observation(&s.own, &s.identifier)))
        }),
        route("patch", "PATCH Observation/own", |s| {
            ("PATCH", s.observation.clone(), Some(replace_status()))
        }),
        route("patch", "PATCH Observation?", |s| {
            ("PATCH", search(s), Some(replace_status()))
        }),
        route("delete", "DELETE Observation/own", |s| {
            ("DELETE", s.observation.clone(), None)
        }),
        route("delete", "DELETE Observation/absent", |_| {
            ("DELETE", "Observation/absent".into(), None)
        }),
        route("delete", "DELETE Observation?", |s| {
            ("DELETE", search(s), None)
        }),
        route("batch", "POST batch (an Observation)", |s| {
            ("POST", String::new(), Some(bundle("batch", s)))
        }),
        route("transaction", "POST transaction (an Observation)", |s| {
            ("POST", String::new(), Some(bundle("transaction", s)))
        }),
    ]
}

pub fn operations() -> Vec<Route> {
    vec![
        route("everything", "GET Patient/$everything", |_| {
            (
                "GET",
                "Patient/$everything?_type=Patient&_count=1".into(),
                None,
            )
        }),
        route("everything", "GET Patient/own/$everything", |s| {
            ("GET", format!("{}/$everything", s.own), None)
        }),
        route("lastn", "GET Observation/$lastn?patient=own", |s| {
            (
                "GET",
                format!("Observation/$lastn?patient={}&category=laboratory", s.own),
                None,
            )
        }),
        route("lastn", "GET Observation/$lastn?patient=other", |s| {
            (
                "GET",
                format!("Observation/$lastn?patient={}&category=laboratory", s.other),
                None,
            )
        }),
        route("everything", "GET Patient/other/$everything", |s| {
            ("GET", format!("{}/$everything", s.other), None)
        }),
        route("everything", "GET Encounter/own/$everything", |s| {
            ("GET", format!("{}/$everything", s.encounter), None)
        }),
        route("meta", "GET Observation/own/$meta", |s| {
            ("GET", format!("{}/$meta", s.observation), None)
        }),
        route("meta", "GET Observation/$meta", |_| {
            ("GET", "Observation/$meta".into(), None)
        }),
        route("meta", "GET $meta", |_| ("GET", "$meta".into(), None)),
        route("reindex", "GET $reindex", |_| {
            ("GET", "$reindex".into(), None)
        }),
        route("reindex", "POST Observation/$reindex", |_| {
            ("POST", "Observation/$reindex".into(), None)
        }),
        route(
            "audit-checkpoint",
            "GET AuditEvent/$audit-checkpoint",
            |_| ("GET", "AuditEvent/$audit-checkpoint".into(), None),
        ),
        route(
            "audit-consistency",
            "GET AuditEvent/$audit-consistency",
            |_| ("GET", "AuditEvent/$audit-consistency?from=0".into(), None),
        ),
        route("proof", "GET AuditEvent/absent/$proof", |_| {
            ("GET", "AuditEvent/absent/$proof".into(), None)
        }),
        route("consent-decision", "GET $consent-decision", |s| {
            let asked = format!(
                "$consent-decision?user=Practitioner/x&role=nurse&resource={}",
                s.observation
            );
            ("GET", asked, None)
        }),
        route(
            "consent-decision",
            "GET Patient/own/$consent-decision",
            |s| {
                let asked = format!("{}/$consent-decision?user=Practitioner/x&role=nurse", s.own);
                ("GET", asked, None)
            },
        ),
        route(
            "effective-access",
            "GET Patient/own/$effective-access",
            |s| {
                let asked = format!("{}/$effective-access?user=Practitioner/x&role=nurse", s.own);
                ("GET", asked, None)
            },
        ),
        route("access-report", "GET Patient/own/$access-report", |s| {
            ("GET", format!("{}/$access-report", s.own), None)
        }),
        route("access-report", "GET Patient/other/$access-report", |s| {
            ("GET", format!("{}/$access-report", s.other), None)
        }),
        route("disclosures", "GET Patient/own/$disclosures", |s| {
            ("GET", format!("{}/$disclosures", s.own), None)
        }),
        route("disclosures", "GET Patient/other/$disclosures", |s| {
            ("GET", format!("{}/$disclosures", s.other), None)
        }),
        route("activity", "GET Practitioner/absent/$activity", |_| {
            ("GET", "Practitioner/absent/$activity".into(), None)
        }),
        route("access-impact", "POST Patient/own/$access-impact", |s| {
            (
                "POST",
                format!("{}/$access-impact", s.own),
                Some(consent(&s.own)),
            )
        }),
        route("access-impact", "POST Patient/other/$access-impact", |s| {
            (
                "POST",
                format!("{}/$access-impact", s.other),
                Some(consent(&s.other)),
            )
        }),
        route("meta-add", "POST Observation/own/$meta-add", |s| {
            ("POST", format!("{}/$meta-add", s.observation), Some(tag()))
        }),
        route("meta-delete", "POST Observation/own/$meta-delete", |s| {
            (
                "POST",
                format!("{}/$meta-delete", s.observation),
                Some(tag()),
            )
        }),
        route("validate", "POST Observation/$validate", |s| {
            (
                "POST",
                "Observation/$validate".into(),
                Some(observation(&s.own, "x")),
            )
        }),
        route("validate", "GET Observation/own/$validate", |s| {
            ("GET", format!("{}/$validate", s.observation), None)
        }),
        route("validate", "POST Observation/own/$validate", |s| {
            (
                "POST",
                format!("{}/$validate", s.observation),
                Some(observation(&s.own, "x")),
            )
        }),
        route("", "GET Observation/own/$frobnicate", |s| {
            ("GET", format!("{}/$frobnicate", s.observation), None)
        }),
        route("", "GET Pancake/1", |_| ("GET", "Pancake/1".into(), None)),
        route("", "DELETE metadata", |_| {
            ("DELETE", "metadata".into(), None)
        }),
        route("", "OPTIONS Patient", |_| {
            ("OPTIONS", "Patient".into(), None)
        }),
    ]
}

/// Beside the FHIR base.
pub fn outside() -> Vec<Route> {
    vec![
        route("", "GET /", |_| ("GET", "/".into(), None)),
        route("", "GET /health/live", |_| {
            ("GET", "/health/live".into(), None)
        }),
        route("", "GET /health/ready", |_| {
            ("GET", "/health/ready".into(), None)
        }),
        route("", "GET /elsewhere", |_| ("GET", "/elsewhere".into(), None)),
        route("", "GET /app-state/metadata", |_| {
            ("GET", "/app-state/metadata".into(), None)
        }),
        route("", "GET /app-state/Basic", |_| {
            ("GET", "/app-state/Basic?subject:missing=true".into(), None)
        }),
        route("", "GET /app-state/Basic/absent", |_| {
            ("GET", "/app-state/Basic/absent".into(), None)
        }),
        route("", "POST /app-state/Basic", |_| {
            ("POST", "/app-state/Basic".into(), Some(state()))
        }),
        route("", "PUT /app-state/Basic/absent", |_| {
            let body = with_id(state(), "Basic/absent");
            ("PUT", "/app-state/Basic/absent".into(), Some(body))
        }),
        route("", "DELETE /app-state/Basic/absent", |_| {
            ("DELETE", "/app-state/Basic/absent".into(), None)
        }),
    ]
}

/// Of an app, about nobody.
pub fn state() -> Value {
    json!({ "resourceType": "Basic", "code": { "coding": [{ "system": "http://example.org/routes", "code": "x" }] } })
}

pub fn claim(subject: &str) -> Value {
    json!({ "resourceType": "Claim", "status": "active", "use": "claim", "created": "2020-01-01", "patient": { "reference": subject },
        "type": { "text": "x" }, "provider": { "display": "x" }, "priority": { "text": "x" }, "insurance": [{ "sequence": 1, "focal": true, "coverage": { "display": "x" } }] })
}

pub fn audit_event() -> Value {
    json!({ "resourceType": "AuditEvent", "type": { "code": "rest" }, "recorded": "2020-01-01T00:00:00Z",
        "agent": [{ "requestor": true }], "source": { "observer": { "display": "x" } } })
}
