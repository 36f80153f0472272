//! Words that occur nowhere else are sent in every way there is; then the log at its most talkative, the metrics and the
//! local audit log are searched for them.

use crate::apps::{self, Place};
use crate::upstream::browser::Browser;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::Path;
use ward_testkit::{Answer, Client, Server, Start, backends};

/// What all words begin with: letters that no text of ours has.
const MARK: &str = "zqxcanary";

/// Hands out words, each for one place.
#[derive(Default)]
struct Words(RefCell<usize>);

impl Words {
    fn next(&self) -> String {
        *self.0.borrow_mut() += 1;
        format!("{MARK}{}", self.0.borrow())
    }
}

#[test]
fn s50_neither_logs_nor_metrics_hold_a_value() {
    for backend in backends() {
        let start = Start::empty(backend)
            .with("server.metrics_listen", "127.0.0.1:0")
            .with("log.format", "json")
            .with("log.filter", "trace");
        let server = Server::start(start);
        let ward = server.client("loader");
        let words = Words::default();
        let patient = written(&ward, &words);
        asked(&ward, &words, &patient);
        refused(&ward, &words, &patient);
        unauthorized(&server, &words);
        at_pages(&server, &words);
        assert!(*words.0.borrow() > 40, "every place has its word");
        let metrics = server.metrics();
        assert!(metrics.contains("ward_answers_total{interaction=\"create\",status=\"201\"}"));
        demand_none("metrics", &metrics);
        let (_, home) = server.stop();
        let folder = home.folder.path();
        let log = std::fs::read_to_string(folder.join("server.log")).unwrap();
        assert!(log.contains("\"message\":\"serving\"") && log.contains("\"level\":\"TRACE\""));
        assert!(log.contains("\"message\":\"stopped\""));
        demand_none("the log", &log);
        demand_none("the audit log", &text_of(&folder.join("audit-log")));
    }
}

/// What people type and are shown while they sign in and choose whose record an app sees.
fn at_pages(server: &Server, words: &Words) {
    let place = Place::of(server);
    let sign_in = format!("{}/auth/sign-in", place.origin);
    let mut nobody = Browser::new();
    let page = nobody.get(&sign_in);
    let typed = [("username", words.next()), ("password", words.next())];
    let typed = [
        ("username", typed[0].1.as_str()),
        ("password", typed[1].1.as_str()),
    ];
    assert_eq!(nobody.submit(&page, &typed).status, 400);
    let mut browser = apps::signed_in(server, &place, "clinician");
    let (state, nonce) = (words.next(), words.next());
    let callback = format!("{}/demo/app/", place.origin);
    let url = apps::request(
        &place,
        "demo-app",
        &[
            ("redirect_uri", Some(&callback)),
            ("scope", Some("launch/patient patient/Patient.rs")),
            ("state", Some(&state)),
            ("nonce", Some(&nonce)),
        ],
    );
    let page = browser.get(&url);
    assert_eq!(page.path(), "/auth/patient", "{page:?}");
    assert!(
        page.html().to_lowercase().contains(MARK),
        "who is stored is shown"
    );
    let page = browser.submit(&page, &[("name", &words.next())]);
    assert_eq!(page.path(), "/auth/patient", "{page:?}");
    let page = browser.submit(&page, &[("patient", &words.next())]);
    assert_eq!(page.path(), "/auth/patient", "{page:?}");
}

fn demand_none(place: &str, text: &str) {
    let folded = text.to_lowercase();
    let found = folded.match_indices(MARK).next();
    let context = found.map(|(at, _)| {
        let near = folded[at.saturating_sub(300)..].chars();
        near.take(600).collect::<String>()
    });
    assert_eq!(context, None, "{place} holds a value");
}

/// All files below a folder, as far as they are text.
pub fn text_of(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => text.push_str(&text_of(&path)),
            false => text.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap())),
        }
    }
    assert!(!text.is_empty(), "{}", folder.display());
    text
}

fn person(words: &Words) -> Value {
    json!({ "resourceType": "Patient",
        "identifier": [{ "system": format!("http://{}.example.org", words.next()), "value": words.next() }],
        "name": [{ "family": words.next(), "given": [words.next()] }],
        "address": [{ "city": words.next() }],
        "text": { "status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>", words.next()) } })
}

/// What is stored, in every way of storing. Path of the patient.
fn written(ward: &Client, words: &Words) -> String {
    let created = ward.post("Patient", &person(words)).expect(201);
    let path = format!("Patient/{}", created.id());
    let mut changed = person(words);
    changed["id"] = json!(created.id());
    ward.put(&path, &changed).expect(200);
    let chosen = words.next();
    changed["id"] = json!(chosen);
    ward.put(&format!("Patient/{chosen}"), &changed).expect(201);
    let patch = json!([{ "op": "replace", "path": "/name/0/family", "value": words.next() }]);
    let patch = patch.to_string().into_bytes();
    let patched = ward
        .request("PATCH", &path)
        .body("application/json-patch+json", patch);
    patched.send().expect(200);
    let patch = json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": "Patient.name.family" },
        { "name": "value", "valueString": words.next() }] }] });
    ward.request("PATCH", &path).json(&patch).send().expect(200);
    let unless = format!("identifier={}", words.next());
    let conditional = ward
        .request("POST", "Patient")
        .header("If-None-Exist", &unless);
    conditional.json(&person(words)).send().expect(201);
    ward.put(
        &format!("Patient?identifier={}", words.next()),
        &person(words),
    )
    .expect(201);
    ward.delete(&format!("Patient?identifier={}", words.next()))
        .expect(204);
    let observed = json!({ "resourceType": "Observation", "status": "final", "subject": { "reference": path },
        "code": { "coding": [{ "system": "http://example.org", "code": words.next() }], "text": words.next() }, "valueString": words.next() });
    ward.post("Observation", &observed).expect(201);
    let tag = json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "tag": [{ "code": words.next() }] } }] });
    ward.post(&format!("{path}/$meta-add"), &tag).expect(200);
    let binary = words.next().into_bytes();
    ward.request("POST", "Binary")
        .body("text/plain", binary)
        .send()
        .expect(201);
    for kind in ["batch", "transaction"] {
        let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": [
            { "resource": person(words), "request": { "method": "POST", "url": "Patient" } },
            { "request": { "method": "GET", "url": format!("Patient?name={}", words.next()) } }] });
        ward.post("", &bundle).expect(200);
    }
    path
}

fn asked(ward: &Client, words: &Words, patient: &str) {
    ward.get(patient).expect(200);
    ward.get(&format!("{patient}/_history")).expect(200);
    ward.get(&format!("{patient}/$everything")).expect(200);
    for query in [
        format!("Patient?name={}", words.next()),
        format!("Patient?identifier={}|{}", words.next(), words.next()),
        format!("Patient?name:contains={}&_total=accurate", words.next()),
        format!("Observation?patient.family={}", words.next()),
        format!("Patient?_has:Observation:patient:code={}", words.next()),
        format!("Patient?_content={}", words.next()),
        format!("Patient?_filter=name eq {}", words.next()),
        // Names of parameters are in the records of requests, their values are not.
        format!("Patient?nosuch={}", words.next()),
        format!("Observation?code:text={}&explain=true", words.next()),
    ] {
        ward.get(&query).expect(200);
    }
    let form = format!("family={}", words.next()).into_bytes();
    let posted = ward.request("POST", "Patient/_search");
    let form = posted.body("application/x-www-form-urlencoded", form);
    form.send().expect(200);
}

fn refused(ward: &Client, words: &Words, patient: &str) {
    ward.get(&format!("Patient/{}", words.next())).expect(404);
    ward.get(&format!("Patient/{}/_history/1", words.next()))
        .expect(404);
    ward.get(&words.next()).expect(404);
    ward.get(&format!("Patient/1/${}", words.next()))
        .expect(404);
    ward.get(&format!("Patient?birthdate={}", words.next()))
        .expect(400);
    ward.get(&format!("Patient/_history?_since={}", words.next()))
        .expect(400);
    ward.get(&format!("Patient?_cursor={}", words.next()))
        .expect(400);
    let mut unknown = person(words);
    unknown[words.next()] = json!(words.next());
    ward.post("Patient", &unknown).expect(400);
    let mut coded = person(words);
    coded["gender"] = json!(words.next());
    assert!(ward.post("Patient", &coded).status >= 400);
    let malformed = format!("{{\"resourceType\":\"Patient\",\"{}\":", words.next());
    let malformed = malformed.into_bytes();
    ward.request("POST", "Patient")
        .body("application/fhir+json", malformed)
        .send()
        .expect(400);
    let other = words.next().into_bytes();
    let typed = format!("text/{}", words.next());
    ward.request("POST", "Patient")
        .body(&typed, other)
        .send()
        .expect(415);
    let stale = ward.request("PUT", patient).header("If-Match", "W/\"1\"");
    let mut changed = person(words);
    changed["id"] = json!(patient.split('/').next_back());
    stale.json(&changed).send().expect(412);
    // Somebody refers to the patient.
    ward.delete(patient).expect(409);
    let tested = json!([{ "op": "test", "path": "/name/0/family", "value": words.next() }]);
    let tested = tested.to_string().into_bytes();
    let patched = ward
        .request("PATCH", patient)
        .body("application/json-patch+json", tested);
    assert!(patched.send().status >= 400);
    let entry = |body: Value| json!({ "resource": body, "request": { "method": "POST", "url": "Patient" } });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry(person(words)), entry(unknown)] });
    ward.post("", &bundle).expect(400);
    let validated: Answer = ward.post("Patient/$validate", &coded).expect(200);
    assert!(validated.text().contains("gender"));
}

fn unauthorized(server: &Server, words: &Words) {
    let secret = format!("{}.{}.{}", words.next(), words.next(), words.next());
    Client::new(&server.base, Some(secret))
        .get("Patient")
        .expect(401);
    let billing = server.client("billing");
    billing
        .get(&format!("Observation?code={}", words.next()))
        .expect(403);
    let lab = server.client("lab").request("GET", "Patient");
    let lab = lab.header("X-Request-Id", &words.next());
    lab.header("Accept", &format!("text/{}", words.next()))
        .send()
        .expect(406);
}
