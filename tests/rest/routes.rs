//! The route × caller matrix: every interaction on every level, asked by every kind of caller.
//! <https://hl7.org/fhir/R4/http.html#summary>
//!
//! The matrix is the file `routes.md`; `WARD_BLESS=1` writes it anew. Read every changed cell: a new 200 is a finding.

use super::backend_service::{BackendService, Holder};
use super::expect_file;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use ward_testkit::{Answer, Backend, Client, Server, Start, backends, free_port};

const CALLERS: [&str; 12] = [
    "anonymous",
    "expired",
    "elsewhere",
    "revoked",
    "bound",
    "lab",
    "billing",
    "app",
    "auditor",
    "clinician",
    "admin",
    "loader",
];

/// What one row may use: a story that is fresh for each caller, around a patient who is the app's own.
struct Story {
    /// The app's patient.
    own: String,
    other: String,
    observation: String,
    others_observation: String,
    claim: String,
    encounter: String,
    organization: String,
    /// Selects the observation.
    identifier: String,
}

/// One request: interaction, what is asked, and how.
struct Route {
    interaction: &'static str,
    shown: &'static str,
    ask: fn(&Story) -> (&'static str, String, Option<Value>),
}

fn route(
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

fn observation(subject: &str, identifier: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "code": { "text": "pulse" }, "subject": { "reference": subject },
        "identifier": [{ "system": "http://example.org/routes", "value": identifier }] })
}

fn with_id(mut body: Value, path: &str) -> Value {
    body["id"] = json!(path.split('/').next_back());
    body
}

fn person() -> Value {
    json!({ "resourceType": "Patient", "name": [{ "family": "Routes" }] })
}

fn search(story: &Story) -> String {
    format!(
        "Observation?identifier=http://example.org/routes|{}",
        story.identifier
    )
}

fn bundle(kind: &str, story: &Story) -> Value {
    json!({ "resourceType": "Bundle", "type": kind, "entry": [
        { "resource": observation(&story.own, "bundled"), "request": { "method": "POST", "url": "Observation" } }] })
}

fn replace_status() -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": "Observation.status" }, { "name": "value", "valueCode": "amended" }] }] })
}

fn tag() -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "tag": [{ "code": "routes" }] } }] })
}

fn reads() -> Vec<Route> {
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

fn writes() -> Vec<Route> {
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

fn operations() -> Vec<Route> {
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
fn outside() -> Vec<Route> {
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
fn state() -> Value {
    json!({ "resourceType": "Basic", "code": { "coding": [{ "system": "http://example.org/routes", "code": "x" }] } })
}

fn claim(subject: &str) -> Value {
    json!({ "resourceType": "Claim", "status": "active", "use": "claim", "created": "2020-01-01", "patient": { "reference": subject },
        "type": { "text": "x" }, "provider": { "display": "x" }, "priority": { "text": "x" }, "insurance": [{ "sequence": 1, "focal": true, "coverage": { "display": "x" } }] })
}

fn audit_event() -> Value {
    json!({ "resourceType": "AuditEvent", "type": { "code": "rest" }, "recorded": "2020-01-01T00:00:00Z",
        "agent": [{ "requestor": true }], "source": { "observer": { "display": "x" } } })
}

fn tell(loader: &Client, own: &str, other: &str) -> Story {
    let create = |body: Value| {
        let ty = body["resourceType"].as_str().unwrap();
        format!("{ty}/{}", loader.post(ty, &body).expect(201).id())
    };
    let identifier = super::unique("route");
    let encounter = json!({ "resourceType": "Encounter", "status": "finished", "class": { "code": "AMB" }, "subject": { "reference": own } });
    Story {
        observation: create(observation(own, &identifier)),
        others_observation: create(observation(other, "other")),
        claim: create(claim(own)),
        encounter: create(encounter),
        organization: create(json!({ "resourceType": "Organization", "name": "Ward" })),
        own: own.to_owned(),
        other: other.to_owned(),
        identifier,
    }
}

fn clients(server: &Server, own: &str, void: &[(&str, String)]) -> Vec<Client> {
    let token_of = |caller: &str| void.iter().find(|(name, _)| *name == caller);
    let client = |caller: &&str| match *caller {
        "anonymous" => server.anonymous(),
        caller if let Some((_, token)) = token_of(caller) => {
            Client::new(&server.base, Some(token.clone()))
        }
        "app" => server.app(own.rsplit('/').next().unwrap()),
        caller => server.client(caller),
    };
    CALLERS.iter().map(client).collect()
}

/// The status; of a batch with one entry, also that of the entry.
fn ask(caller: &str, client: &Client, route: &Route, story: &Story) -> String {
    let (method, path, body) = (route.ask)(story);
    let is_outside = path.starts_with('/');
    let path = match is_outside {
        true => format!("{}{path}", client.base.strip_suffix("/fhir").unwrap()),
        false => path,
    };
    let request = match method {
        "POST-IF" => client.request("POST", &path).header(
            "If-None-Exist",
            &format!("identifier=http://example.org/routes|{}", story.identifier),
        ),
        method => client.request(method, &path),
    };
    let answer = match body {
        Some(body) => request.json(&body).send(),
        None => request.send(),
    };
    assert!(answer.status < 500, "{}: {}", route.shown, answer.text());
    if is_outside {
        // No resource of the FHIR base: see `start/health.rs`, `app_state.rs`.
        return answer.status.to_string();
    }
    demand_within(caller, route, story, &answer);
    if answer.status == 200 && route.interaction == "batch" {
        let entry = answer.json()["entry"][0]["response"]["status"]
            .as_str()
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .to_owned();
        return format!("200 ({entry})");
    }
    answer.status.to_string()
}

/// A 200 says little: what came with it must be within the caller's scopes, and for the app within its patient's compartment.
fn demand_within(caller: &str, route: &Route, story: &Story, answer: &Answer) {
    let types: &[&str] = match caller {
        "lab" => &[
            "Observation",
            "DiagnosticReport",
            "Specimen",
            "ServiceRequest",
            "Patient",
            "Encounter",
            "Practitioner",
            "Organization",
        ],
        "billing" => &[
            "Claim",
            "ExplanationOfBenefit",
            "Coverage",
            "Patient",
            "Encounter",
            "Organization",
            "Practitioner",
        ],
        "auditor" => &["AuditEvent"],
        "admin" => &["ValueSet"],
        "anonymous" | "expired" | "elsewhere" | "revoked" | "bound" => &[],
        _ => &[
            "Patient",
            "Observation",
            "Claim",
            "Encounter",
            "Organization",
            "ValueSet",
            "AuditEvent",
        ],
    };
    if answer.status != 200 || !answer.text().starts_with("{\"resourceType\":\"Bundle\"") {
        return;
    }
    let bundle = answer.json();
    for entry in bundle["entry"].as_array().into_iter().flatten() {
        let Some(resource) = entry.get("resource") else {
            continue;
        };
        let ty = resource["resourceType"].as_str().unwrap();
        assert!(
            types.contains(&ty),
            "{caller} got a {ty} by {}",
            route.shown
        );
        let of_other = resource
            .to_string()
            .contains(story.other.trim_start_matches("Patient/"));
        assert!(
            caller != "app" || !of_other,
            "the app got another patient's {ty} by {}",
            route.shown
        );
    }
}

/// A server, and tokens of the demo's loader that will not do there: of an hour ago, of the same server at another address,
/// taken back, and without the proof that they are bound to.
fn with_void_tokens(backend: Backend) -> (Server, Vec<(&'static str, String)>) {
    let here = Start::empty(backend).at(free_port());
    let an_hour_ago = here
        .clone()
        .variable("LD_PRELOAD", FAKETIME)
        .variable("FAKETIME", "-3600s");
    let former = Server::start(an_hour_ago);
    let mut service = BackendService::of(&former);
    service.clock_s = -3600;
    let expired = service.token();
    let (_, home) = former.stop();
    let other = Server::start_in(Start::empty(backend), home);
    let elsewhere = BackendService::of(&other).token();
    let (_, home) = other.stop();
    let server = Server::start_in(here, home);
    let service = BackendService::of(&server);
    let revoked = service.token();
    service.revoke(&revoked);
    let bound = service.bound_token(&mut Holder::new());
    let void = [
        ("expired", expired),
        ("elsewhere", elsewhere),
        ("revoked", revoked),
        ("bound", bound),
    ];
    (server, void.into())
}

/// Debian's libfaketime: the process that has it sees another time.
const FAKETIME: &str = "/usr/$LIB/faketime/libfaketimeMT.so.1";

#[test]
fn every_route_answers_every_caller_as_expected() {
    for backend in backends() {
        println!("on {backend:?}");
        let (server, void) = with_void_tokens(backend);
        let loader = &server.client("loader");
        let patient = || {
            format!(
                "Patient/{}",
                loader.post("Patient", &person()).expect(201).id()
            )
        };
        let (own, other) = (patient(), patient());
        let clients = clients(&server, &own, &void);
        let mut matrix = format!(
            "{HEAD}| interaction | request | {} |\n|---|---|{}\n",
            CALLERS.join(" | "),
            "---|".repeat(CALLERS.len())
        );
        let routes: Vec<Route> = reads()
            .into_iter()
            .chain(writes())
            .chain(operations())
            .chain(outside())
            .collect();
        for route in &routes {
            let mut story = tell(loader, &own, &other);
            let mut cells = Vec::with_capacity(CALLERS.len());
            for (caller, client) in CALLERS.into_iter().zip(&clients) {
                cells.push(ask(caller, client, route, &story));
                if !matches!((route.ask)(&story).0, "GET" | "HEAD") {
                    story = tell(loader, &own, &other);
                }
            }
            let _ = writeln!(
                matrix,
                "| {} | `{}` | {} |",
                route.interaction,
                route.shown,
                cells.join(" | ")
            );
        }
        expect_file("routes.md", &matrix);
        // The statement is asked for by an interaction that no statement names.
        let covered: BTreeSet<&str> = routes
            .iter()
            .map(|r| r.interaction)
            .filter(|code| !code.is_empty() && *code != "capabilities")
            .collect();
        let stated = served(loader);
        let stated: BTreeSet<&str> = stated.iter().map(String::as_str).collect();
        assert_eq!(covered, stated, "in the matrix and in the statement");
    }
}

/// Interactions and operations that the CapabilityStatement names on any level.
fn served(loader: &Client) -> BTreeSet<String> {
    let statement = loader.get("metadata").expect(200).json();
    let rest = &statement["rest"][0];
    let mut served = BTreeSet::new();
    let resources = rest["resource"].as_array().unwrap();
    for level in resources.iter().chain([rest]) {
        for (list, member) in [("interaction", "code"), ("operation", "name")] {
            let items = level[list].as_array().into_iter().flatten();
            served.extend(items.map(|item| item[member].as_str().unwrap().to_owned()));
        }
    }
    assert!(served.len() > 10, "{served:?}");
    served
}

const HEAD: &str = "# Routes and callers

Every interaction on every level, asked by every demo caller, and by the loader with tokens that will not do: `expired`, of the
same server at another address (`elsewhere`), `revoked`, and `bound` to a key that nothing proves: HTTP status. `own` is in the compartment of the app's patient,
`other` in that of another one, `shared` in none, `absent` was never there. Each write meets fresh resources. What comes with a
200 is checked to lie within the caller's scopes and compartment. Paths with a leading slash lie outside the FHIR base.
Checked by `tests/rest/routes.rs` on both stores; `WARD_BLESS=1` writes it anew.

";
