//! S110, S111: what apps keep here.

use crate::house::{BASE, House, ISSUER};
use serde_json::{Value, json};
use ward_access::{Caller, Identity, Scopes};
use ward_fhir::schema::r4;
use ward_resources::{Body, Call, Format, Interaction, Reply, route};
use ward_smart::{APP_STATE_BYTES_MAX, APP_STATES_MAX, Endpoint};

const USER: &str = "https://ward.example/fhir/Practitioner/doctor";
const PATIENT: &str = "https://ward.example/fhir/Patient/p";

/// A practitioner, with the record of a patient.
fn caller(client: &str, scopes: &str) -> Caller {
    Caller::new(Identity {
        subject: "someone".into(),
        client_id: client.into(),
        fhir_user: Some("Practitioner/doctor".into()),
        patient: Some("p".into()),
        scopes: Scopes::parse(scopes).unwrap(),
        ..Identity::default()
    })
}

fn app() -> Caller {
    caller("app", "user/Basic.cruds")
}

fn preferences(subject: Option<&str>, text: &str) -> Value {
    let mut basic = json!({ "resourceType": "Basic",
        "code": { "coding": [{ "system": "https://app.example", "code": "preferences" }] },
        "extension": [{ "url": "https://app.example/preferences", "valueString": text }] });
    if let Some(subject) = subject {
        basic["subject"] = json!({ "reference": subject });
    }
    basic
}

enum Asking<'a> {
    Create,
    Read(&'a str),
    Update(&'a str),
    Delete(&'a str),
    Search(&'a str),
}

async fn ask(
    house: &House,
    caller: &Caller,
    asking: Asking<'_>,
    if_match: Option<&str>,
    body: Option<&Value>,
) -> Reply {
    let ty = r4().resource_type("Basic").unwrap();
    let mut parameters = Vec::new();
    let id = str::to_owned;
    let interaction = match asking {
        Asking::Create => Interaction::Create { ty },
        Asking::Read(of) => Interaction::Read { ty, id: id(of) },
        Asking::Update(of) => Interaction::Update { ty, id: id(of) },
        Asking::Delete(of) => Interaction::Delete { ty, id: id(of) },
        Asking::Search(query) => {
            parameters = ward_resources::search::decode_query(query).unwrap();
            Interaction::SearchType { ty }
        }
    };
    let mut call = Call::new(interaction, [7; 16], "test".into());
    call.parameters = parameters;
    call.conditions.if_match = if_match.map(str::to_owned);
    call.body = body.map(|body| Body {
        bytes: body.to_string().into(),
        format: Format::Json,
    });
    house.server.app_state(caller, &call).await
}

async fn create(house: &House, caller: &Caller, body: &Value) -> Reply {
    ask(house, caller, Asking::Create, None, Some(body)).await
}

async fn search(house: &House, caller: &Caller, query: &str) -> Reply {
    ask(house, caller, Asking::Search(query), None, None).await
}

fn said(reply: &Reply) -> Value {
    serde_json::from_slice(reply.json().unwrap_or(b"null")).unwrap()
}

fn id_of(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{}", said(reply));
    said(reply)["id"].as_str().unwrap().to_owned()
}

fn of_user() -> String {
    format!("subject={USER}")
}

pub async fn s110_an_app_keeps_reads_changes_and_deletes(house: House) {
    let app = app();
    let made = create(&house, &app, &preferences(Some(USER), "a")).await;
    let id = id_of(&made);
    assert_eq!(
        (made.version, made.location.as_deref()),
        (Some(1), Some(&*format!("Basic/{id}")))
    );
    let kept = said(&made);
    assert_eq!(kept["meta"]["versionId"], "1");
    assert_eq!(kept["extension"], preferences(None, "a")["extension"]);
    assert_eq!(
        said(&ask(&house, &app, Asking::Read(&id), None, None).await),
        kept
    );
    let mut next = preferences(Some(USER), "b");
    next["id"] = json!(id);
    let changed = ask(
        &house,
        &app,
        Asking::Update(&id),
        Some("W/\"1\""),
        Some(&next),
    )
    .await;
    assert_eq!(
        (changed.status, changed.version),
        (200, Some(2)),
        "{}",
        said(&changed)
    );
    let of_all = create(&house, &app, &preferences(None, "for all")).await;
    id_of(&of_all);
    let mut shortcuts = preferences(Some(USER), "c");
    shortcuts["code"]["coding"][0]["code"] = json!("shortcuts");
    id_of(&create(&house, &app, &shortcuts).await);
    for (query, texts) in [
        (of_user(), vec!["b", "c"]),
        (
            format!("{}&code=https://app.example|preferences", of_user()),
            vec!["b"],
        ),
        (
            format!("{}&code=https://app.example|nothing", of_user()),
            vec![],
        ),
        (
            "subject:missing=true&code=https://app.example|preferences".into(),
            vec!["for all"],
        ),
        (format!("subject={PATIENT}"), vec![]),
    ] {
        let bundle = said(&search(&house, &app, &query).await);
        assert_eq!(bundle["total"], texts.len(), "{query}: {bundle}");
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        let found: Vec<_> = entries
            .iter()
            .map(|e| e["resource"]["extension"][0]["valueString"].clone())
            .collect();
        assert_eq!(found, texts, "{query}");
        for entry in entries {
            let url = entry["fullUrl"].as_str().unwrap();
            assert!(
                url.starts_with(&format!("{ISSUER}/app-state/Basic/")),
                "{url}"
            );
        }
    }
    let gone = ask(&house, &app, Asking::Delete(&id), Some("W/\"2\""), None).await;
    assert_eq!(gone.status, 204);
    assert_eq!(
        ask(&house, &app, Asking::Read(&id), None, None)
            .await
            .status,
        404
    );
    let config = house
        .ask(Endpoint::SmartConfiguration, &crate::asks::Ask::get(""))
        .await;
    let config = crate::answers::json_of(config);
    assert_eq!(
        config["associated_endpoints"],
        json!([{ "url": format!("{ISSUER}/app-state"), "capabilities": ["smart-app-state"] }])
    );
}

pub async fn s110_a_change_names_the_current_version(house: House) {
    let app = app();
    let id = id_of(&create(&house, &app, &preferences(Some(USER), "a")).await);
    let mut next = preferences(Some(USER), "b");
    next["id"] = json!(id);
    let update = async |tag: Option<&str>, body: &Value| {
        ask(&house, &app, Asking::Update(&id), tag, Some(body))
            .await
            .status
    };
    assert_eq!(update(None, &next).await, 428);
    for stale in ["W/\"2\"", "\"0\"", "*", "1"] {
        assert_eq!(update(Some(stale), &next).await, 412, "{stale}");
    }
    // Neither becomes another's or of another kind.
    let mut moved = next.clone();
    moved["subject"]["reference"] = json!(PATIENT);
    let mut renamed = next.clone();
    renamed["code"]["coding"][0]["code"] = json!("other");
    for other in [&moved, &renamed] {
        assert_eq!(update(Some("W/\"1\""), other).await, 412, "{other}");
    }
    // Of two at once one succeeds.
    let both = tokio::join!(update(Some("W/\"1\""), &next), update(Some("\"1\""), &next));
    let mut both = [both.0, both.1];
    both.sort_unstable();
    assert_eq!(both, [200, 412]);
    let delete = async |tag: Option<&str>| {
        ask(&house, &app, Asking::Delete(&id), tag, None)
            .await
            .status
    };
    assert_eq!(delete(None).await, 428);
    assert_eq!(delete(Some("W/\"1\"")).await, 412);
    assert_eq!(delete(Some("W/\"2\"")).await, 204);
    assert_eq!(delete(Some("W/\"2\"")).await, 412);
    assert_eq!(update(Some("W/\"2\""), &next).await, 412);
    assert_eq!(update(Some("W/\"3\""), &next).await, 412);
}

pub async fn s110_what_is_no_state_is_refused(house: House) {
    let app = app();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = preferences(Some(USER), "a");
        change(&mut body);
        body
    };
    let second = json!({ "system": "https://app.example", "code": "second" });
    for (body, status) in [
        (
            with(&|b| b["subject"] = json!({ "reference": "Practitioner/doctor" })),
            400,
        ),
        (
            with(&|b| {
                b["subject"] =
                    json!({ "reference": "https://other.example/fhir/Practitioner/doctor" })
            }),
            400,
        ),
        (
            with(&|b| b["subject"] = json!({ "reference": format!("{BASE}/Observation/1") })),
            400,
        ),
        (
            with(&|b| b["subject"] = json!({ "reference": format!("{BASE}/Practitioner/other") })),
            403,
        ),
        (with(&|b| b["subject"] = json!({ "display": "me" })), 422),
        (
            with(&|b| {
                b["code"]["coding"]
                    .as_array_mut()
                    .unwrap()
                    .push(second.clone())
            }),
            422,
        ),
        (with(&|b| b["code"] = json!({ "text": "preferences" })), 422),
        (
            with(&|b| b["code"]["coding"][0] = json!({ "code": "preferences" })),
            422,
        ),
        (
            with(&|b| b["extension"] = json!([{ "url": "https://a", "valueInteger": 1 }])),
            422,
        ),
        (
            with(&|b| {
                b["extension"] = json!([{ "url": "https://a", "extension": [{ "url": "b", "valueString": "c" }] }])
            }),
            422,
        ),
        (
            with(&|b| b["author"] = json!({ "reference": "Practitioner/doctor" })),
            422,
        ),
        (
            with(&|b| b["modifierExtension"] = json!([{ "url": "https://a", "valueString": "b" }])),
            422,
        ),
        (
            preferences(Some(USER), &"x".repeat(APP_STATE_BYTES_MAX)),
            413,
        ),
        (json!({ "resourceType": "Patient" }), 400),
    ] {
        let reply = create(&house, &app, &body).await;
        assert_eq!(reply.status, status, "{}", said(&reply));
    }
    // As much as is promised is kept.
    let room = APP_STATE_BYTES_MAX - preferences(None, "").to_string().len();
    let large = preferences(None, &"x".repeat(room));
    assert_eq!(large.to_string().len(), APP_STATE_BYTES_MAX);
    let kept = create(&house, &app, &large).await;
    assert_eq!(said(&kept)["extension"], large["extension"]);
    for query in [
        "",
        "code=https://app.example|preferences",
        "subject:missing=false",
        "subject:missing=true&code=a",
        "subject:missing=true&subject:missing=true",
        "subject:missing=true&_sort=code",
    ] {
        assert_eq!(search(&house, &app, query).await.status, 400, "{query}");
    }
    for _ in 0..APP_STATES_MAX {
        id_of(&create(&house, &app, &preferences(Some(USER), "a")).await);
    }
    assert_eq!(
        create(&house, &app, &preferences(Some(USER), "a"))
            .await
            .status,
        422
    );
    id_of(&create(&house, &app, &preferences(Some(PATIENT), "a")).await);
}

pub async fn s110_scopes_say_whose_state_and_which_code(house: House) {
    let id = id_of(&create(&house, &app(), &preferences(Some(USER), "a")).await);
    let own = "code=https://app.example|preferences";
    for (scopes, reads, searches, patients, all) in [
        ("user/Basic.cruds", 200, 200, 201, 201),
        ("user/*.cruds", 200, 200, 201, 201),
        ("user/Basic.rs", 200, 200, 403, 403),
        ("user/Basic.c", 403, 403, 201, 201),
        ("patient/Basic.cruds", 404, 403, 201, 403),
        (
            "user/Basic.cruds?code=https://app.example|preferences",
            200,
            200,
            201,
            201,
        ),
        (
            "user/Basic.cruds?code=https://app.example|shortcuts",
            404,
            200,
            403,
            403,
        ),
        ("user/Observation.cruds openid", 403, 403, 403, 403),
        ("system/Basic.cruds", 403, 403, 403, 403),
    ] {
        let caller = caller("app", scopes);
        let read = ask(&house, &caller, Asking::Read(&id), None, None).await;
        assert_eq!(read.status, reads, "{scopes}: {}", said(&read));
        let found = search(&house, &caller, &format!("{}&{own}", of_user())).await;
        assert_eq!(found.status, searches, "{scopes}: {}", said(&found));
        if searches == 200 {
            assert_eq!(said(&found)["total"], usize::from(reads == 200), "{scopes}");
        }
        for (subject, status) in [(Some(PATIENT), patients), (None, all)] {
            let made = create(&house, &caller, &preferences(subject, "a")).await;
            assert_eq!(made.status, status, "{scopes} {subject:?}: {}", said(&made));
        }
    }
    // What may not be seen cannot be changed, nor told from what is not there.
    let narrow = caller("app", "user/Basic.cruds?code=https://app.example|shortcuts");
    let deleted = ask(&house, &narrow, Asking::Delete(&id), Some("W/\"1\""), None).await;
    let absent = ask(
        &house,
        &narrow,
        Asking::Delete("absent"),
        Some("W/\"1\""),
        None,
    )
    .await;
    assert_eq!((deleted.status, said(&deleted)), (412, said(&absent)));
}

pub async fn s111_each_client_has_its_own(house: House) {
    let (app, other) = (app(), caller("other", "user/Basic.cruds"));
    let id = id_of(&create(&house, &app, &preferences(Some(USER), "a")).await);
    assert_eq!(
        ask(&house, &other, Asking::Read(&id), None, None)
            .await
            .status,
        404
    );
    assert_eq!(said(&search(&house, &other, &of_user()).await)["total"], 0);
    let mut next = preferences(Some(USER), "b");
    next["id"] = json!(id);
    let update = ask(
        &house,
        &other,
        Asking::Update(&id),
        Some("W/\"1\""),
        Some(&next),
    )
    .await;
    assert_eq!(update.status, 412);
    assert_eq!(
        ask(&house, &other, Asking::Delete(&id), Some("W/\"1\""), None)
            .await
            .status,
        412
    );
    // The clinical store has never met it.
    let loader = Caller::new(Identity {
        subject: "loader".into(),
        client_id: "loader".into(),
        scopes: Scopes::parse("system/*.cruds").unwrap(),
        ..Identity::default()
    });
    let ty = r4().resource_type("Basic").unwrap();
    for interaction in [
        Interaction::SearchType { ty },
        Interaction::HistorySystem,
        Interaction::SearchSystem,
    ] {
        let call = Call::new(interaction, [1; 16], "test".into());
        let reply = house.engine.answer(&loader, &call).await;
        assert!(!said(&reply).to_string().contains(&id), "{}", said(&reply));
    }
    let read = Interaction::Read { ty, id: id.clone() };
    let reply = house
        .engine
        .answer(&loader, &Call::new(read, [1; 16], "test".into()))
        .await;
    assert_eq!(reply.status, 404);
    // Nor is it written there: by its id something else is made, which is no app's.
    let mut ordinary = Call::new(
        Interaction::Update { ty, id: id.clone() },
        [1; 16],
        "test".into(),
    );
    ordinary.body = Some(Body {
        bytes: next.to_string().into(),
        format: Format::Json,
    });
    assert_eq!(house.engine.answer(&loader, &ordinary).await.status, 201);
    let own = said(&ask(&house, &app, Asking::Read(&id), None, None).await);
    assert_eq!(own["extension"][0]["valueString"], "a");
    // What it is for is on record, and nothing of it.
    let records = house.engine.log().records_from(1, 1_000).unwrap();
    let records = records.into_iter().map(|(_, record)| record);
    let records: Vec<_> = records.filter(|r| r.interaction == "app-state").collect();
    assert_eq!(records.len(), 6, "{records:?}");
    assert!(
        records
            .iter()
            .all(|r| r.entities.is_empty() && r.user == "Practitioner/doctor")
    );
}

/// Not by `$everything` either, of whom it is about, by an app that keeps it or by anybody who may see everything.
pub async fn s111_it_is_no_part_of_a_record(house: House) {
    house.patient("p", "Lovelace").await;
    house
        .put(
            json!({ "resourceType": "Basic", "id": "ordinary", "code": { "text": "x" },
            "subject": { "reference": "Patient/p" } }),
        )
        .await;
    let kept = id_of(&create(&house, &app(), &preferences(Some(PATIENT), "canary")).await);
    let loader = Caller::new(Identity {
        subject: "loader".into(),
        client_id: "loader".into(),
        scopes: Scopes::parse("system/*.cruds").unwrap(),
        ..Identity::default()
    });
    for (path, query) in [
        ("Patient/p/$everything", ""),
        ("Patient/p/$everything", "_type=Basic"),
        ("Patient/$everything", "_type=Basic,Patient"),
    ] {
        let interaction = route::route(route::Method::Get, path).unwrap();
        let mut call = Call::new(interaction, [1; 16], "test".into());
        call.parameters = ward_resources::search::decode_query(query).unwrap();
        let reply = house.engine.answer(&loader, &call).await;
        let record = said(&reply).to_string();
        assert!(record.contains("\"ordinary\""), "{query}: {record}");
        assert!(
            !record.contains(&kept) && !record.contains("canary"),
            "{record}"
        );
    }
}
