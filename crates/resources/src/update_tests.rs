//! What is asked of resources that the caller's mask hides: nothing is told of them, nothing happens to them, and who sees them
//! stays as it was whatever others write.

use crate::call::{Body, Call, Format};
use crate::document::reread;
use crate::engine::{Engine, Settings};
use crate::place::{self, Literally};
use crate::reply::Reply;
use crate::route::{Method, route};
use crate::search::decode_query;
use crate::visibility::{By, Draft, decide_one};
use crate::write::{Identity, Replaced};
use std::sync::atomic::{AtomicI64, Ordering};
use ward_access::{Access, Action, Caller, Facts, Maintenance, Mask, decide, maintenance};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_seal::MasterKey;
use ward_storage::{Current, Row, Store, StoreSettings, Unit, Write};

/// Seen by the caller with the mask, and hidden from them.
const SEEN: i32 = 3;
const HIDDEN: i32 = 5;

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
        let caller = Caller::new(ward_access::Identity {
            subject: "client".into(),
            client_id: "client".into(),
            scopes: ward_access::Scopes::parse("system/*.cruds").unwrap(),
            ..ward_access::Identity::default()
        });
        let by = |mask| decide(&caller, &Facts::of(mask));
        House {
            everything: by(Mask::every()),
            masked: by(Mask::of(&[0, 1, 2, SEEN])),
            engine,
            caller,
            _folder: folder,
        }
    }

    async fn ask(&self, access: &Access, method: Method, url: &str, body: Option<&str>) -> Reply {
        self.answer(access, &call(method, url, body)).await
    }

    async fn answer(&self, access: &Access, call: &Call) -> Reply {
        self.engine
            .answer_within(&self.caller, access, call, false)
            .await
    }

    async fn masked(&self, method: Method, url: &str, body: Option<&str>) -> Reply {
        self.ask(&self.masked, method, url, body).await
    }

    async fn row(&self, id: &str) -> Row {
        let rid = self.engine.store.locate(&[(observation(), id)]).await;
        let rid = rid.unwrap()[0].unwrap();
        let access = maintenance(Maintenance::Reindex);
        let read = self
            .engine
            .store
            .read(&access, Action::Read, observation(), rid);
        match read.await.unwrap() {
            Current::Live(row) | Current::Deleted(row) => row,
            Current::Absent => panic!("{id} is not there"),
        }
    }

    /// Stores a resource of this visibility.
    async fn put(&self, id: &str, visibility: i32) {
        let url = format!("Observation/{id}");
        let reply = self
            .ask(&self.everything, Method::Put, &url, Some(&of(id)))
            .await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let row = self.row(id).await;
        let document = reread(&row.body).unwrap();
        let place = place::destination(&self.engine, document.root(), Some(row.rid), &Literally);
        let placement = place.await.unwrap().settle(&self.engine).await.unwrap();
        let draft = Draft {
            node: document.root(),
            identity: Identity {
                ty: row.ty,
                rid: row.rid,
                id: id.into(),
                register: false,
            },
            placement,
            replaced: Replaced::Version(row),
            by: By::Body,
        };
        let decided = decide_one(&self.engine, draft, &Literally).await.unwrap();
        let write = Write {
            visibility,
            policy: Some(0),
            ..decided.unit.writes[0].clone()
        };
        let unit = Unit {
            writes: vec![write],
            ..Unit::default()
        };
        self.engine.store.commit(unit).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_hidden_is_neither_told_nor_changed() {
    let house = House::open().await;
    house.put("hidden", HIDDEN).await;
    let before = house.row("hidden").await;
    let body = of("hidden");
    let unknown = house.masked(Method::Get, "Observation/nobody", None).await;
    let patch = r#"{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},
        {"name":"path","valueString":"Observation.status"},{"name":"value","valueCode":"amended"}]}]}"#;
    for (method, url, body) in [
        (Method::Get, "Observation/hidden", None),
        (Method::Get, "Observation/hidden/_history/1", None),
        (Method::Get, "Observation/hidden/_history/2", None),
        (Method::Put, "Observation/hidden", Some(body.as_str())),
        // What the criteria match nothing, and the id is not free.
        (Method::Put, "Observation?code=hidden", Some(body.as_str())),
        (Method::Patch, "Observation/hidden", Some(patch)),
    ] {
        let reply = house.masked(method, url, body).await;
        assert_eq!(reply.status, 404, "{method:?} {url}: {reply:?}");
        assert_eq!(reply.json(), unknown.json(), "{method:?} {url}");
    }
    let history = house
        .masked(Method::Get, "Observation/hidden/_history", None)
        .await;
    let of_nobody = house
        .masked(Method::Get, "Observation/nobody/_history", None)
        .await;
    assert_eq!(history.status, of_nobody.status);
    let transaction = transaction("PUT", "Observation/hidden", &body);
    let reply = house.masked(Method::Post, "", Some(&transaction)).await;
    assert_eq!(reply.status, 404, "{reply:?}");
    let reply = house
        .masked(Method::Delete, "Observation/hidden", None)
        .await;
    assert_eq!(reply.status, 204);
    let after = house.row("hidden").await;
    assert_eq!((after.version, after.op), (before.version, before.op));
    assert_eq!(after.visibility, HIDDEN);
}

#[tokio::test]
async fn what_is_in_a_closed_record_is_not_told_of() {
    let house = House::open().await;
    let patient = r#"{"resourceType":"Patient","id":"p"}"#;
    let body = of("closed").replace(
        "\"status\"",
        "\"subject\":{\"reference\":\"Patient/p\"},\"status\"",
    );
    for (url, body) in [("Patient/p", patient), ("Observation/closed", &body)] {
        let reply = house
            .ask(&house.everything, Method::Put, url, Some(body))
            .await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }
    let home = house.row("closed").await.patient;
    let without = house.everything.without(&[home]);
    let unknown = house
        .ask(&without, Method::Get, "Observation/nobody", None)
        .await;
    for (method, body) in [(Method::Get, None), (Method::Put, Some(&*body))] {
        let reply = house
            .ask(&without, method, "Observation/closed", body)
            .await;
        assert_eq!((reply.status, reply.json()), (404, unknown.json()));
    }
}

#[tokio::test]
async fn ids_that_nothing_has_are_free() {
    let house = House::open().await;
    for id in [
        "new",
        &house
            .engine
            .store
            .public_id(house.engine.store.allocate(None)),
    ] {
        let url = format!("Observation/{id}");
        let reply = house.masked(Method::Put, &url, Some(&of(id))).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let again = house.masked(Method::Put, &url, Some(&of(id))).await;
        assert_eq!(again.status, 200, "{again:?}");
    }
    // An id that a reference has reserved has no resource yet.
    let referring = of("referring").replace(
        "\"status\"",
        "\"hasMember\":[{\"reference\":\"Observation/later\"}],\"subject\":{\"reference\":\"Patient/later\"},\"status\"",
    );
    let reply = house
        .masked(Method::Put, "Observation/referring", Some(&referring))
        .await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let patient = r#"{"resourceType":"Patient","id":"later"}"#;
    let reply = house
        .masked(Method::Put, "Patient/later", Some(patient))
        .await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let reply = house
        .masked(
            Method::Post,
            "",
            Some(&transaction("PUT", "Observation/later", &of("later"))),
        )
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// T38.
#[tokio::test]
async fn what_is_hidden_meets_no_condition() {
    let house = House::open().await;
    house.put("hidden", HIDDEN).await;
    let body = of("x").replace("\"id\":\"x\",", "");
    let mut asked = call(Method::Post, "Observation", Some(&body));
    asked.conditions.if_none_exist = Some("code=hidden".into());
    assert_eq!(house.answer(&house.everything, &asked).await.status, 200);
    assert_eq!(house.answer(&house.masked, &asked).await.status, 201);
}

#[tokio::test]
async fn a_deletion_keeps_who_sees_a_resource() {
    let house = House::open().await;
    for (id, visibility) in [("shown", SEEN), ("hidden", HIDDEN)] {
        house.put(id, visibility).await;
        let url = format!("Observation/{id}");
        let is_seen = async || house.masked(Method::Get, &url, None).await.status;
        let expected = |status: u16| if visibility == SEEN { status } else { 404 };
        assert_eq!(is_seen().await, expected(200));
        let reply = house.ask(&house.everything, Method::Delete, &url, None);
        assert_eq!(reply.await.status, 204);
        assert_eq!(house.row(id).await.visibility, visibility);
        assert_eq!(is_seen().await, expected(410));
        let reply = house.masked(Method::Put, &url, Some(&of(id))).await;
        assert_eq!(reply.status, expected(201), "{reply:?}");
    }
}

fn observation() -> TypeId {
    r4().resource_type("Observation").unwrap()
}

fn of(id: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"coding":[{{"code":"hidden"}}]}}}}"#
    )
}

fn transaction(method: &str, url: &str, resource: &str) -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{resource},"request":{{"method":"{method}","url":"{url}"}}}}]}}"#
    )
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
