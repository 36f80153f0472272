//! References to what the caller does not see, through every interaction: hidden and never there are the same, who sees everything
//! gets what is stored, and what is not seen is not lost.

use crate::call::{Body, Call, Format};
use crate::engine::{Engine, Settings};
use crate::reply::Reply;
use crate::route::{Method, route};
use crate::search::decode_query;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};
use ward_access::{Access, Caller, Facts, Hides, Identity, Mask, Scopes, decide};
use ward_fhir::schema::r4;
use ward_seal::MasterKey;
use ward_storage::{Store, StoreSettings};

/// Patient `q`, whose record is closed to the caller with the mask.
struct House {
    engine: Engine,
    caller: Caller,
    everything: Access,
    masked: Access,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open() -> House {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings::sqlite(folder.path().join("ward.db"));
        let store = Store::open(settings, MasterKey::from_bytes([42; 32]));
        let store = store.await.unwrap();
        let log = ward_audit::Log::open(&folder.path().join("log"), store.record_key()).unwrap();
        let engine = Engine::new(store, log, Settings::default(), clock, [9; 32]);
        let caller = system("system/*.cruds");
        let everything = decide(&caller, &Facts::of(Mask::every()));
        let mut house = House {
            masked: everything.clone(),
            everything,
            engine,
            caller,
            _folder: folder,
        };
        house
            .put(&json!({ "resourceType": "Patient", "id": "p" }))
            .await;
        house
            .put(&json!({ "resourceType": "Patient", "id": "q" }))
            .await;
        house.put(&observation("hidden", "q", &[])).await;
        house.put(&observation("shown", "p", &[])).await;
        house.masked = house.masked_by(&house.caller).await;
        house
    }

    /// The mask shows whatever classes there are here.
    async fn masked_by(&self, caller: &Caller) -> Access {
        let facts = Facts::of(all_known());
        let ty = r4().resource_type("Patient").unwrap();
        let located = self.engine.store.locate(&[(ty, "q")]).await.unwrap();
        decide(caller, &facts).without(&[located[0].unwrap()])
    }

    async fn ask(&self, access: &Access, method: Method, url: &str, body: Option<&Value>) -> Reply {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let mut call = Call::new(route(method, path).unwrap(), [7; 16], "test".into());
        call.parameters = decode_query(query).unwrap();
        call.body = body.map(|body| Body {
            bytes: body.to_string().into(),
            format: match body.is_array() {
                true => Format::JsonPatch,
                false => Format::Json,
            },
        });
        call.prefer.returns = Some(crate::call::Return::Representation);
        let answer = self
            .engine
            .answer_within(&self.caller, access, &call, false);
        answer.await
    }

    async fn masked(&self, method: Method, url: &str, body: Option<&Value>) -> Reply {
        self.ask(&self.masked, method, url, body).await
    }

    async fn put(&self, body: &Value) {
        let url = format!(
            "{}/{}",
            body["resourceType"].as_str().unwrap(),
            body["id"].as_str().unwrap()
        );
        let reply = self
            .ask(&self.everything, Method::Put, &url, Some(body))
            .await;
        assert!(reply.status < 300, "{reply:?}");
    }

    /// What is stored, without meta.
    async fn stored(&self, url: &str) -> Value {
        let reply = self.ask(&self.everything, Method::Get, url, None).await;
        let mut body = body(&reply);
        body.as_object_mut().unwrap().remove("meta");
        body
    }
}

/// A choice of ids, all that rows have here among them.
fn all_known() -> Mask {
    Mask::of_bits(&[0xff; 8])
}

fn system(scopes: &str) -> Caller {
    Caller::new(Identity {
        subject: "client".into(),
        client_id: "client".into(),
        scopes: Scopes::parse(scopes).unwrap(),
        ..Identity::default()
    })
}

fn observation(id: &str, patient: &str, members: &[&str]) -> Value {
    let mut body = json!({ "resourceType": "Observation", "id": id,
        "text": { "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">words</div>" },
        "status": "final", "code": { "text": "c" }, "subject": { "reference": format!("Patient/{patient}") } });
    let members = members
        .iter()
        .map(|id| json!({ "reference": format!("Observation/{id}"), "display": id }));
    let members: Vec<Value> = members.collect();
    if !members.is_empty() {
        body["hasMember"] = members.into();
    }
    body
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(reply.json().unwrap_or_else(|| panic!("{reply:?}"))).unwrap()
}

/// The members of each Observation `name` in an answer.
fn members(answer: &Value, name: &str) -> Vec<Value> {
    let mut found = Vec::new();
    match answer {
        Value::Array(items) => items
            .iter()
            .for_each(|item| found.extend(members(item, name))),
        Value::Object(object) => {
            if object.get("id") == Some(&json!(name)) {
                assert_eq!(object.get("text"), None, "{answer}");
                let tags = answer["meta"]["tag"].to_string();
                assert!(tags.contains("SUBSETTED"), "{answer}");
                found.push(answer["hasMember"].clone());
            }
            object
                .values()
                .for_each(|value| found.extend(members(value, name)));
        }
        _ => {}
    }
    found
}

#[tokio::test]
async fn no_answer_refers_to_what_is_not_seen() {
    let house = House::open().await;
    let absent = observation("a", "p", &["hidden", "shown", "never"]);
    house.put(&absent).await;
    house.put(&absent).await;
    let left = json!([{ "type": "Observation" }, { "reference": "Observation/shown", "display": "shown" }, { "type": "Observation" }]);
    let bundle = |kind: &str| {
        json!({ "resourceType": "Bundle", "type": kind, "entry": [
        { "request": { "method": "GET", "url": "Observation/a" } },
        { "request": { "method": "GET", "url": "Observation?code:text=c" } }] })
    };
    let (batch, transaction) = (bundle("batch"), bundle("transaction"));
    for (method, url, sent, times) in [
        (Method::Get, "Observation/a", None, 1),
        (Method::Get, "Observation/a/_history/1", None, 1),
        (Method::Get, "Observation/a/_history", None, 2),
        (Method::Get, "Observation/_history?_count=1", None, 1),
        (Method::Get, "Observation?_count=5", None, 1),
        (Method::Get, "Observation?_elements=hasMember", None, 1),
        (
            Method::Get,
            "Patient?_id=p&_revinclude=Observation:patient",
            None,
            1,
        ),
        (Method::Get, "Patient/p/Observation", None, 1),
        (Method::Get, "Patient/p/$everything", None, 1),
        (Method::Post, "", Some(&batch), 2),
        (Method::Post, "", Some(&transaction), 2),
        (Method::Put, "Observation/a", Some(&absent), 1),
    ] {
        let reply = house.masked(method, url, sent).await;
        assert!(reply.status < 300, "{url}: {reply:?}");
        let found = members(&body(&reply), "a");
        assert_eq!(found, vec![left.clone(); times], "{url}");
    }
    // Stating all again loses nothing, and who sees everything has it as it is.
    assert_eq!(house.stored("Observation/a").await, absent);
}

/// A copy that never had it answers the same.
#[tokio::test]
async fn what_is_hidden_and_what_never_was_are_one() {
    let house = House::open().await;
    house.put(&observation("a", "p", &["hidden"])).await;
    house.put(&observation("b", "p", &["never"])).await;
    let answers = async |name: &str| {
        let url = format!("Observation/{name}");
        let read = house.masked(Method::Get, &url, None).await;
        let without = observation(name, "p", &[]);
        let put = house.masked(Method::Put, &url, Some(&without)).await;
        let named = [&read, &put].map(|reply| (reply.status, reply.version, body(reply)));
        let mut said = format!("{named:?}").replace(&format!("{name:?}"), "id");
        // Times differ.
        while let Some(at) = said.find("lastUpdated") {
            said.replace_range(at..at + 50, "at");
        }
        said
    };
    assert_eq!(answers("a").await, answers("b").await);
}

#[tokio::test]
async fn what_is_not_seen_is_not_lost() {
    let house = House::open().await;
    let whole = observation("a", "p", &["hidden", "shown"]);
    house.put(&whole).await;
    let url = "Observation/a";
    let without = observation("a", "p", &["shown"]);
    let transaction = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "resource": without, "request": { "method": "PUT", "url": url } }] });
    for (method, url, sent) in [
        (Method::Put, url, &without),
        (Method::Put, "Observation?_id=a", &without),
        (Method::Post, "", &transaction),
        // It is not there to be tested, nor to be moved by.
        (
            Method::Patch,
            url,
            &json!([{ "op": "test", "path": "/hasMember/0/reference", "value": "Observation/hidden" }]),
        ),
        (
            Method::Patch,
            url,
            &json!([{ "op": "remove", "path": "/hasMember/0" }]),
        ),
        (
            Method::Patch,
            url,
            &json!([{ "op": "copy", "from": "/hasMember/0", "path": "/hasMember/1" }]),
        ),
        (
            Method::Patch,
            url,
            &json!([{ "op": "replace", "path": "/text/status", "value": "additional" }]),
        ),
    ] {
        let reply = house.masked(method, url, Some(sent)).await;
        assert_eq!(reply.status, 422, "{sent}: {reply:?}");
        assert_eq!(house.stored("Observation/a").await, whole, "{sent}");
    }
    let patch = json!([{ "op": "replace", "path": "/status", "value": "amended" },
        { "op": "add", "path": "/hasMember/-", "value": { "reference": "Observation/shown" } }]);
    // Without words that go with it.
    let mut plain = observation("b", "p", &["hidden", "shown"]);
    plain.as_object_mut().unwrap().remove("text");
    house.put(&plain).await;
    let removed = json!([{ "op": "remove", "path": "/hasMember/0" }]);
    let reply = house
        .masked(Method::Patch, "Observation/b", Some(&removed))
        .await;
    assert_eq!(reply.status, 422, "{reply:?}");
    let reply = house.masked(Method::Patch, url, Some(&patch)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let shown = json!({ "reference": "Observation/shown" });
    assert_eq!(members(&body(&reply), "a")[0][2], shown);
    let mut patched = whole;
    patched["status"] = "amended".into();
    patched["hasMember"].as_array_mut().unwrap().push(shown);
    assert_eq!(house.stored(url).await, patched);
}

/// Of types that the caller does not read at all nothing is told but what consents and labels leave.
#[tokio::test]
async fn a_type_that_is_not_read_is_not_named() {
    let house = House::open().await;
    let mut report = json!({ "resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": { "text": "c" },
        "result": [{ "reference": "Observation/hidden" }, { "reference": "Observation/shown" }, { "reference": "Observation/never" }] });
    house.put(&report).await;
    let caller = system("system/DiagnosticReport.rs");
    let masked = house.masked_by(&caller).await;
    let reply = house
        .ask(&masked, Method::Get, "DiagnosticReport/r", None)
        .await;
    assert_eq!(
        body(&reply)["result"],
        json!([{ "reference": "Observation/shown" }])
    );
    let open = decide(&caller, &Facts::of(Mask::every()));
    let reply = house
        .ask(&open, Method::Get, "DiagnosticReport/r", None)
        .await;
    let mut told = body(&reply);
    told.as_object_mut().unwrap().remove("meta");
    assert_eq!(told, report.take());
}

/// One statement for all that a page names, and none from whom nothing is hidden.
#[tokio::test]
async fn a_page_takes_one_statement_more() {
    let house = House::open().await;
    let store = &house.engine.store;
    let id = store.public_id(store.allocate(None));
    for name in ["a", "b", "c"] {
        house.put(&observation(name, "p", &[&id, "shown"])).await;
    }
    let quiet = Facts::of(all_known().hiding(Hides::NOTHING));
    let quiet = decide(&house.caller, &quiet);
    let mut taken = Vec::new();
    // The first search also learns what is counted.
    for access in [&house.everything, &house.everything, &quiet, &house.masked] {
        let before = store.statements();
        let reply = house
            .ask(access, Method::Get, "Observation?_count=10", None)
            .await;
        assert_eq!(reply.status, 200);
        taken.push(store.statements() - before);
    }
    assert_eq!(taken[1], taken[2]);
    // And one for the ids that clients chose.
    assert_eq!(taken[3], taken[2] + 2);
}

/// Microseconds that rise, so that no two versions share one.
fn clock() -> i64 {
    static NOW: AtomicI64 = AtomicI64::new(1_700_000_000_000_000);
    NOW.fetch_add(1_000, Ordering::Relaxed)
}

#[path = "search/targets_tests.rs"]
mod asked;
