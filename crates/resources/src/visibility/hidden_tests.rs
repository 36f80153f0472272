//! Rows of classes that are interned by hand, asked for through the door.

use crate::call::{Body, Call, Format};
use crate::document::reread;
use crate::engine::{Engine, Settings};
use crate::place::{self, Literally};
use crate::reply::Reply;
use crate::route::{Method, route};
use crate::search::decode_query;
use crate::visibility::{By, CLASSES_KEPT, Draft, VisibilityClass, decide_one};
use crate::write::{Identity, Replaced};
use serde_json::Value;
use std::sync::atomic::{AtomicI64, Ordering};
use ward_access::{
    Access, Action, Caller, Facts, Maintenance, Mask, PatientKey, Scopes, decide, maintenance,
};
use ward_consent::labels::RowClass;
use ward_consent::{Class, NoLookup, Row, Specialiser};
use ward_fhir::TypeId;
use ward_fhir::json;
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_seal::MasterKey;
use ward_storage::{Current, Store, StoreSettings, Unit, Write};
use ward_testkit::postgres::Database;
use ward_testkit::{Backend, backends};

const OPTIN: &str = r#""policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]}"#;
const OPTOUT: &str = r#""policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTOUT"}]}"#;
const CORRECT: &str = r#""action":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":"correct"}]}],"#;

struct House {
    engine: Engine,
    _folder: tempfile::TempDir,
    _database: Option<Database>,
}

impl House {
    /// Patient p with an Observation that comes to be hidden and one that does not, and a report of both.
    async fn open(backend: Backend) -> House {
        let folder = tempfile::tempdir().unwrap();
        let (settings, database) = match backend {
            Backend::Sqlite => (StoreSettings::sqlite(folder.path().join("ward.db")), None),
            Backend::Postgres => {
                let database = Database::create();
                (StoreSettings::postgres(&database.url), Some(database))
            }
        };
        let store = Store::open(settings, MasterKey::from_bytes([42; 32])).await;
        let store = store.unwrap();
        let log = ward_audit::Log::open(&folder.path().join("log"), store.record_key()).unwrap();
        let settings = Settings::default();
        let house = House {
            engine: Engine::new(store, log, settings, clock, [9; 32]),
            _folder: folder,
            _database: database,
        };
        let observation = |id: &str| {
            format!(
                r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"coding":[{{"system":"urn:c","code":"asked"}},{{"system":"urn:c","code":"only-{id}"}}]}},
                "subject":{{"reference":"Patient/p"}}}}"#
            )
        };
        house
            .put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#)
            .await;
        house.put("Observation/o", &observation("o")).await;
        house.put("Observation/shown", &observation("shown")).await;
        house
            .put(
                "DiagnosticReport/r",
                r#"{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"r"},"subject":{"reference":"Patient/p"},
                "result":[{"reference":"Observation/o"},{"reference":"Observation/shown"}]}"#,
            )
            .await;
        house
    }

    async fn put(&self, url: &str, body: &str) {
        let reply = self.ask(&loader(), Method::Put, url, Some(body)).await;
        assert!(reply.status < 300, "{reply:?}");
    }

    async fn ask(&self, caller: &Caller, method: Method, url: &str, body: Option<&str>) -> Reply {
        self.engine.answer(caller, &call(method, url, body)).await
    }

    async fn get(&self, caller: &Caller, url: &str) -> Reply {
        self.ask(caller, Method::Get, url, None).await
    }

    async fn status(&self, caller: &Caller, url: &str) -> u16 {
        self.get(caller, url).await.status
    }

    /// Ids of a Bundle's entries in order of their letters, and its total.
    async fn entries(&self, caller: &Caller, url: &str) -> (String, Option<u64>) {
        let reply = self.get(caller, url).await;
        assert_eq!(reply.status, 200, "{url}: {reply:?}");
        let bundle: Value = serde_json::from_slice(reply.json().unwrap()).unwrap();
        let entries = bundle["entry"].as_array().into_iter().flatten();
        let id = |entry: &Value| entry["resource"]["id"].as_str().unwrap().to_owned();
        let mut ids: Vec<String> = entries.map(id).collect();
        ids.sort();
        ids.dedup();
        (ids.join(" "), bundle["total"].as_u64())
    }

    /// Interns the class behind the engine's back: what another process does.
    async fn interned(&self, consent: &str) -> i32 {
        let bytes = class(&self.engine, consent).to_bytes().unwrap();
        let ids = self.engine.store.intern_classes(&[bytes]).await;
        ids.unwrap()[0]
    }

    /// Another version of `Observation/o`, of this class.
    async fn decide_anew(&self, visibility: i32) {
        self.decide_one_anew(("Observation", "o"), visibility).await;
    }

    /// The same of any resource.
    async fn decide_one_anew(&self, (ty, id): (&str, &str), visibility: i32) {
        let (engine, ty) = (&self.engine, type_id(ty));
        let rid = engine.store.locate(&[(ty, id)]).await.unwrap()[0].unwrap();
        let access = maintenance(Maintenance::Reindex);
        let read = engine.store.read(&access, Action::Read, ty, rid).await;
        let Ok(Current::Live(row)) = read else {
            panic!("{read:?}");
        };
        let document = reread(&row.body).unwrap();
        let place = place::destination(engine, document.root(), Some(rid), &Literally).await;
        let placement = place.unwrap().settle(engine).await.unwrap();
        let identity = Identity {
            ty,
            rid,
            id: id.into(),
            register: false,
        };
        let replaced = Replaced::Version(row);
        let draft = Draft {
            node: document.root(),
            identity,
            placement,
            replaced,
            by: By::Body,
        };
        let decided = decide_one(engine, draft, &Literally).await.unwrap();
        let write = Write {
            visibility,
            ..decided.unit.writes[0].clone()
        };
        let unit = Unit {
            writes: vec![write],
            ..Unit::default()
        };
        engine.store.commit(unit).await.unwrap();
    }
}

/// What a consent of Patient/p comes to for a row that is kept here.
fn class(engine: &Engine, members: &str) -> VisibilityClass {
    let site = engine.consent();
    let text = format!(
        r#"{{"resourceType":"Consent","id":"c","status":"active","patient":{{"reference":"Patient/p"}},
        "scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},
        "category":[{{"coding":[{{"system":"http://loinc.org","code":"59284-0"}}]}}],{members}}}"#
    );
    let document = json::read(text.as_bytes(), None, &Limits::default()).unwrap();
    let consents = [ward_consent::read(document.root(), &site.rules, None)];
    assert!(consents[0].faults.is_empty(), "{:?}", consents[0].faults);
    let row = Row {
        reference: "Observation/o".into(),
        authors: Some(Vec::new()),
        custodian: Some(site.organization.clone()),
        ..Row::default()
    };
    let subjects = ["Patient/p".into()];
    let mut policy = Specialiser::new(&consents, &subjects, 0, &site.rules, &NoLookup);
    VisibilityClass {
        is_shared: false,
        residual: policy.residual(&row).as_ref().clone(),
        class: Class::of(&row, &site.rules),
        labels: RowClass::unlabelled(),
    }
}

/// All is permitted but this to one person.
fn deny(what: &str, user: &str) -> String {
    format!(
        r#"{OPTIN},"provision":{{"provision":[{{"type":"deny",{what}"actor":[{{"role":{{"coding":[{{
        "system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}}]}},"reference":{{"reference":"{user}"}}}}]}}]}}"#
    )
}

fn loader() -> Caller {
    Caller::new(ward_access::Identity {
        subject: "client".into(),
        client_id: "client".into(),
        scopes: Scopes::parse("system/*.cruds").unwrap(),
        ..ward_access::Identity::default()
    })
}

fn doctor(user: &str) -> Caller {
    Caller::new(ward_access::Identity {
        subject: user.into(),
        client_id: "desk".into(),
        fhir_user: Some(user.into()),
        roles: vec!["physician".into()],
        scopes: Scopes::parse("user/*.cruds").unwrap(),
        ..ward_access::Identity::default()
    })
}

fn patient() -> Caller {
    Caller::new(ward_access::Identity {
        subject: "p".into(),
        client_id: "app".into(),
        fhir_user: Some("Patient/p".into()),
        patient: Some("p".into()),
        scopes: Scopes::parse("patient/*.rs").unwrap(),
        ..ward_access::Identity::default()
    })
}

/// Every way by which `Observation/o` could be met, and what its being hidden makes of it.
async fn agrees(house: &House, caller: &Caller, is_seen: bool) {
    let status = if is_seen { 200 } else { 404 };
    for url in [
        "Observation/o",
        "Observation/o/_history/1",
        "Observation/o/_history/2",
        "Observation/o/_history",
        "Observation/o/$meta",
    ] {
        assert_eq!(house.status(caller, url).await, status, "{url}");
    }
    let both = ("o shown".to_owned(), Some(2));
    let one = ("shown".to_owned(), Some(1));
    let expected = if is_seen { both } else { one };
    for url in [
        "Observation?_total=accurate",
        "Observation?code=asked&_total=accurate",
        "Observation?patient=p&_total=accurate",
        "Observation?_id=o,shown&_total=accurate",
        "Patient/p/Observation?_total=accurate",
    ] {
        let found = house.entries(caller, url).await;
        assert_eq!(found, expected, "{url}");
    }
    let counted = house.entries(caller, "Observation?_summary=count").await;
    assert_eq!(counted.1, expected.1);
    for (url, others) in [
        ("DiagnosticReport?_include=DiagnosticReport:result", " r"),
        ("Patient?_revinclude=Observation:patient", " p"),
        ("Patient/p/$everything", " p r"),
        ("Observation/_history", ""),
    ] {
        let found = house.entries(caller, url).await.0;
        let mut wanted: Vec<&str> = expected
            .0
            .split(' ')
            .chain(others.split_whitespace())
            .collect();
        wanted.sort_unstable();
        assert_eq!(found, wanted.join(" "), "{url}");
    }
    for url in [
        "DiagnosticReport?result.code=only-o",
        "Patient?_has:Observation:patient:code=only-o",
    ] {
        let found = house.entries(caller, url).await.0;
        assert_eq!(!found.is_empty(), is_seen, "{url}");
    }
    let batch = r#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Observation/o"}}]}"#;
    let reply = house.ask(caller, Method::Post, "", Some(batch)).await;
    let answered: Value = serde_json::from_slice(reply.json().unwrap()).unwrap();
    let told = answered["entry"][0]["response"]["status"].as_str().unwrap();
    assert!(told.starts_with(&status.to_string()), "{told}");
}

async fn a_class_hides_a_row_from_whom_it_denies(backend: Backend) {
    let house = House::open(backend).await;
    let (denied, other) = (doctor("Practitioner/x"), doctor("Practitioner/y"));
    for caller in [&denied, &other, &loader(), &patient()] {
        assert_eq!(house.status(caller, "Observation/o").await, 200);
    }
    let class = house.interned(&deny("", "Practitioner/x")).await;
    house.decide_anew(class).await;
    // Nobody sees what this process has no judgement of.
    for caller in [&denied, &other, &loader(), &patient()] {
        assert_eq!(house.status(caller, "Observation/o").await, 404);
    }
    agrees(&house, &other, false).await;
    house.engine.watch_classes().await.unwrap();
    agrees(&house, &denied, false).await;
    agrees(&house, &other, true).await;
    for caller in [&loader(), &patient()] {
        assert_eq!(house.status(caller, "Observation/o").await, 200);
    }
}

async fn what_may_be_read_need_not_be_changed(backend: Backend) {
    let house = House::open(backend).await;
    let (denied, other) = (doctor("Practitioner/x"), doctor("Practitioner/y"));
    let class = house.interned(&deny(CORRECT, "Practitioner/x")).await;
    house.engine.watch_classes().await.unwrap();
    house.decide_anew(class).await;
    agrees(&house, &denied, true).await;
    let body = r#"{"resourceType":"Observation","id":"o","status":"amended","code":{"text":"c"},"subject":{"reference":"Patient/p"}}"#;
    let transaction = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{body},"request":{{"method":"PUT","url":"Observation/o"}}}}]}}"#
    );
    let batch = transaction.replace("\"transaction\"", "\"batch\"");
    let put = |caller| house.ask(caller, Method::Put, "Observation/o", Some(body));
    assert_eq!(put(&denied).await.status, 404);
    let reply = house.ask(&denied, Method::Post, "", Some(&transaction));
    assert_eq!(reply.await.status, 404);
    let reply = house.ask(&denied, Method::Post, "", Some(&batch)).await;
    assert_eq!(reply.status, 200);
    let answered: Value = serde_json::from_slice(reply.json().unwrap()).unwrap();
    let told = answered["entry"][0]["response"]["status"].as_str().unwrap();
    assert!(told.starts_with("404"), "{told}");
    assert_eq!(put(&other).await.status, 200);
}

async fn a_broken_glass_opens_one_record(backend: Backend) {
    let mut house = House::open(backend).await;
    // The registrar's purpose is no treatment: an opt-out is over them, and over a glass that opens defaults only.
    let class = house.interned(OPTOUT).await;
    house.decide_anew(class).await;
    house.engine.watch_classes().await.unwrap();
    let registrar = Caller::new(ward_access::Identity {
        roles: vec!["registrar".into()],
        ..ward_access::Identity::clone(&doctor("Practitioner/x"))
    });
    let engine = &mut house.engine;
    for (reach, is_open) in [
        (ward_consent::Reach::Defaults, false),
        (ward_consent::Reach::OptOut, true),
    ] {
        engine.settings.consent.rules.break_glass = reach;
        engine.visibility.rules_changed();
        let patient = r4().resource_type("Patient").unwrap();
        let rid = engine.store.locate(&[(patient, "p")]).await.unwrap()[0].unwrap();
        let key: PatientKey = engine.patient_key(rid);
        let caller = loader();
        let plain = decide(&caller, &Facts::of(Mask::of(&[0])));
        let until_us = engine.now_us() + 60_000_000;
        let opened = engine
            .break_glass(&registrar, &plain, (key, until_us))
            .await;
        let opened: Access = opened.unwrap();
        assert_eq!(opened.mask().shows(class), is_open);
        assert!(!opened.of_hops().mask().shows(class));
        for action in Action::ALL {
            let may = matches!(action, Action::Read | Action::Search);
            assert_eq!(opened.may(type_id("Observation"), action), may);
            assert!(!opened.may(type_id("Organization"), action));
        }
        let status = async |url: &str| {
            let call = call(Method::Get, url, None);
            let reply = engine.answer_within(&registrar, &opened, &call, false);
            reply.await.status
        };
        let expected = if is_open { 200 } else { 404 };
        assert_eq!(status("Observation/o").await, expected);
        assert_eq!(status("Observation/shown").await, 200);
        let late = engine.break_glass(&registrar, &plain, (key, engine.now_us()));
        assert!(!late.await.unwrap().mask().shows(class));
    }
}

/// T26: of nobody's rows behind a broken glass as much is told as without it, be it at the other end of a chain or by a reference. `n` is from before
/// classes were worked out, like a row of any record that an emergency opens.
async fn t26_what_is_nobodys_is_seen_as_without_the_glass(backend: Backend) {
    let mut house = House::open(backend).await;
    for id in ["n", "m"] {
        let person = format!(
            r#"{{"resourceType":"Practitioner","id":"{id}","name":[{{"family":"named{id}"}}]}}"#
        );
        house.put(&format!("Practitioner/{id}"), &person).await;
        let by = format!(
            r#"{{"resourceType":"Observation","id":"by-{id}","status":"final","code":{{"text":"c"}},"subject":{{"reference":"Patient/p"}},
            "performer":[{{"reference":"Practitioner/{id}"}}]}}"#
        );
        house.put(&format!("Observation/by-{id}"), &by).await;
    }
    house.decide_one_anew(("Practitioner", "n"), 0).await;
    house.engine.settings.consent.rules.default = ward_consent::Default::Deny;
    house.engine.visibility.rules_changed();
    let doctor = doctor("Practitioner/x");
    for (path, status) in [("n", 404), ("m", 200)] {
        let path = format!("Practitioner/{path}");
        assert_eq!(house.status(&doctor, &path).await, status, "{path}");
    }
    let until_us = house.engine.now_us() + 60_000_000;
    let behind = async |url: &str| -> Value {
        let glass = crate::BrokenGlass {
            patient: "p".into(),
            until_us,
        };
        let mut call = call(Method::Get, url, None);
        call.break_glass = Some(glass);
        let reply = house.engine.answer(&doctor, &call).await;
        assert_eq!(reply.status, 200, "{url}: {reply:?}");
        serde_json::from_slice(reply.json().unwrap()).unwrap()
    };
    for (name, found) in [("namedn", 0), ("namedm", 1)] {
        let url = format!("Observation?performer:Practitioner.name={name}&_total=accurate");
        assert_eq!(behind(&url).await["total"], found, "{url}");
    }
    let named = async |id: &str| {
        let read = behind(&format!("Observation/{id}")).await;
        read.to_string().contains("Practitioner/")
    };
    assert!(!named("by-n").await && named("by-m").await);
}

async fn classes_that_nobody_reads_end_all_answers(backend: Backend) {
    let mut house = House::open(backend).await;
    house.engine.visibility.classes.age(CLASSES_KEPT);
    // A Call reads them itself.
    assert_eq!(house.status(&loader(), "Observation/o").await, 200);
    house.engine.store.close().await;
    let is_told = async |house: &House| {
        let reply = house.get(&loader(), "Observation/o").await;
        let text = String::from_utf8_lossy(reply.json().unwrap()).into_owned();
        reply.status == 503 && text.contains("who may see what")
    };
    assert!(!is_told(&house).await, "what was read holds for a while");
    house.engine.visibility.classes.age(CLASSES_KEPT);
    assert_eq!(is_told(&house).await, backend == Backend::Postgres);
}

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() { super::$name(super::Backend::Sqlite).await })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if super::backends().contains(&super::Backend::Postgres) {
                    super::$name(super::Backend::Postgres).await
                }
            })*
        }
    };
}

on_both!(
    a_class_hides_a_row_from_whom_it_denies,
    what_may_be_read_need_not_be_changed,
    a_broken_glass_opens_one_record,
    t26_what_is_nobodys_is_seen_as_without_the_glass,
    classes_that_nobody_reads_end_all_answers,
);

fn type_id(name: &str) -> TypeId {
    r4().resource_type(name).unwrap()
}

fn call(method: Method, url: &str, body: Option<&str>) -> Call {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut call = Call::new(route(method, path).unwrap(), [7; 16], "test".into());
    call.parameters = decode_query(query).unwrap();
    call.body = body.map(|text| Body {
        bytes: text.to_owned().into(),
        format: Format::Json,
    });
    call
}

/// Microseconds that rise, so that no two versions share one.
fn clock() -> i64 {
    static NOW: AtomicI64 = AtomicI64::new(1_700_000_000_000_000);
    NOW.fetch_add(1_000, Ordering::Relaxed)
}
