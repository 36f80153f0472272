//! AuditEvents are found as whoever looked at each of them would: random questions over random Records, on each store.

use crate::audited::{FROM_US, Ward, ids, pages, row_of, store};
use crate::house::{House, call, in_role_of, json, loader, role, system, text, type_id};
use crate::placement::{entry, transaction};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;
use std::sync::Arc;
use ward_access::Caller;
use ward_audit::{Entity, Record};
use ward_fhir::json::read;
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_resources::route::Method::{Delete, Get, Patch, Post, Put};
use ward_search::check::decide;
use ward_search::extract::Extractor;
use ward_search::query::{Options, parse};
use ward_search::registry::Registry;
use ward_search::terminology::Embedded;
use ward_testkit::Random;

const RECORDS: usize = 240;
/// Of resources that are on one page and were not on the one before, at most.
const TYPES: u64 = 4;
const QUESTIONS: usize = 150;

pub fn auditor() -> Caller {
    let policies: [(&str, &[&str], &[&str]); 1] = [("AuditEvent", &[], &["read", "search-type"])];
    in_role_of(&role(&policies), "user/AuditEvent.rs", None)
}

/// In the record of one patient, by an app.
fn bound(patient: &str) -> Caller {
    let policies: [(&str, &[&str], &[&str]); 2] = [
        ("AuditEvent", &[], &["read", "search-type"]),
        ("Patient", &[], &["read", "search-type"]),
    ];
    in_role_of(
        &role(&policies),
        "patient/AuditEvent.rs patient/Patient.rs",
        Some(patient),
    )
}

async fn filled(house: &House, random: &mut Random) -> (Ward, Vec<Record>) {
    let ward = Ward::furnish(house).await;
    let records: Vec<Record> = (0..RECORDS).map(|_| ward.record(random)).collect();
    let (first, second) = records.split_at(RECORDS / 2);
    store(house, "one", first).await;
    store(house, "two", second).await;
    (ward, records)
}

pub async fn answers_are_those_of_looking_at_each(house: House) {
    let mut random = Random::seeded();
    let (ward, records) = filled(&house, &mut random).await;
    let auditor = auditor();
    let everything = pages(&house, &auditor, "AuditEvent?_count=100&_total=accurate").await;
    let events: usize = records.iter().map(Record::events).sum();
    assert!(
        everything.0.len() >= events,
        "{} of {events}",
        everything.0.len()
    );
    assert_eq!(everything.1, Some(everything.0.len() as u64));
    let bound = bound("Patient/a");
    let own = pages(&house, &bound, "AuditEvent?_count=100").await.0;
    assert_eq!(ids(&own), ids(&about(&everything.0, "Patient/a")));
    for number in 0..QUESTIONS {
        let question = question(&ward, &mut random);
        // Who may not see all that a reference may be to does not ask by what stands beside it.
        let is_told = question
            .iter()
            .all(|(name, _)| !name.ends_with("identifier"));
        let (caller, all) = match is_told && random.once_in(4) {
            true => (&bound, &own),
            false => (&auditor, &everything.0),
        };
        let expected = matching(&house, all, &question);
        let count = 1 + random.below(expected.len().clamp(5, 60));
        let (sort, is_total) = (SORTS[random.below(SORTS.len())], random.coin());
        let total = if is_total { "&_total=accurate" } else { "" };
        let query: Vec<String> = question.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let url = format!("AuditEvent?{}{sort}{total}&_count={count}", query.join("&"));
        let (found, told) = pages(&house, caller, &url).await;
        let shown = format!("question {number}: {url}");
        if sort.is_empty() {
            assert_eq!(ids(&found), ids(&expected), "{shown}");
        } else {
            assert_eq!(set(&found), set(&expected), "{shown}");
            assert_eq!(found.len(), expected.len(), "{shown}");
            ordered(&found, sort, &shown);
        }
        assert_eq!(told, is_total.then_some(expected.len() as u64), "{shown}");
    }
}

const SORTS: [&str; 6] = [
    "",
    "",
    "&_sort=-date",
    "&_sort=date",
    "&_sort=-_lastUpdated",
    "&_sort=action",
];

fn ordered(found: &[Value], sort: &str, shown: &str) {
    let key = |event: &Value| match sort.contains("action") {
        true => event["action"].to_string(),
        false => event["meta"]["lastUpdated"].to_string(),
    };
    let mut keys: Vec<String> = found.iter().map(key).collect();
    if sort.contains("=-") {
        keys.reverse();
    }
    assert!(keys.is_sorted(), "{shown}: {keys:?}");
}

/// Those whose one patient it is, as far as this server wrote them.
fn about(events: &[Value], patient: &str) -> Vec<Value> {
    let names = |event: &&Value| {
        let entities = event["entity"].as_array().into_iter().flatten();
        let mut people = entities.filter(|e| e["role"]["code"] == "1");
        people.any(|e| e["what"]["reference"] == patient)
    };
    let events = events.iter().filter(names);
    events.cloned().collect()
}

pub fn matching(house: &House, all: &[Value], question: &[(String, String)]) -> Vec<Value> {
    let key = house.engine.store().term_key().clone();
    let registry = Arc::new(Registry::new(r4()));
    let extractor = Extractor::new(registry, key, Some("http://127.0.0.1:8080/fhir"));
    let options = Options {
        strict: true,
        now_us: FROM_US,
        count_default: 20,
        count_max: 1_000,
        terminology: &Embedded,
    };
    let types = [type_id("AuditEvent")];
    let (plan, _) = parse(&extractor, &types, question, &options).unwrap();
    let meets = |event: &&Value| {
        let document = read(event.to_string().as_bytes(), None, &Limits::default()).unwrap();
        decide(&extractor, [&plan.filter], document.root()) == [true]
    };
    all.iter().filter(meets).cloned().collect()
}

/// One to three criteria, as somebody who knows the log might give them.
fn question(ward: &Ward, random: &mut Random) -> Vec<(String, String)> {
    let some = 1 + random.below(3);
    (0..some).map(|_| criterion(ward, random)).collect()
}

fn criterion(ward: &Ward, random: &mut Random) -> (String, String) {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let row = &ward.rows[random.below(ward.rows.len())].0;
    let patient = &ward.patients[random.below(ward.patients.len())].0;
    match random.below(9) {
        0 => pair(
            "patient",
            random
                .one_of(&[
                    patient.as_str(),
                    patient.trim_start_matches("Patient/"),
                    "Patient/none",
                ])
                .into(),
        ),
        1 => pair(
            random.one_of(&["entity", "entity", "entity:Observation"]),
            row.clone(),
        ),
        2 => pair(
            "agent",
            random
                .one_of(&[
                    "Practitioner/p1",
                    "p2",
                    "Patient/a",
                    "Practitioner/p1,Practitioner/p2",
                    "http://elsewhere.example/Practitioner/9",
                ])
                .into(),
        ),
        3 => {
            let at = FROM_US / 1_000_000 + random.below(3_600) as i64;
            let at = jiff_text(at);
            let prefix = random.one_of(&["ge", "lt", "gt", "le", "ne", "sa", "eb", ""]);
            pair(
                random.one_of(&["date", "_lastUpdated"]),
                format!("{prefix}{at}"),
            )
        }
        4 => {
            let missing = [
                "agent",
                "patient",
                "entity",
                "purpose",
                "altid",
                "subtype",
                "entity-role",
                "agent-name",
            ];
            pair(
                &format!("{}:missing", random.one_of(&missing)),
                random.one_of(&["true", "false"]).into(),
            )
        }
        5 => pair(
            "address",
            random.one_of(&["10.0.0.1", "10.0", "ward"]).into(),
        ),
        _ => {
            let (name, value) = VALUES[random.below(VALUES.len())];
            pair(name, value.into())
        }
    }
}

fn jiff_text(at_s: i64) -> String {
    ward_fhir::date::instant_text(at_s * 1_000_000)
}

const VALUES: [(&str, &str); 27] = [
    ("action", "R"),
    ("action:not", "R"),
    ("action", "C,U,D"),
    ("type", "rest"),
    (
        "type",
        "http://dicom.nema.org/resources/ontology/DCM|110113",
    ),
    ("type:not", "rest"),
    ("type:text", "restful"),
    ("subtype", "read"),
    (
        "subtype",
        "http://hl7.org/fhir/restful-interaction|search-type",
    ),
    ("subtype:not", "vread"),
    ("outcome", "0"),
    ("outcome", "4,8"),
    ("outcome:not", "4"),
    ("entity-type", "2"),
    ("entity-type", "Observation"),
    ("entity-type:not", "2"),
    ("entity-role", "24"),
    ("entity-role:not", "1"),
    ("agent-role", "nurse"),
    ("agent-name", "kim"),
    ("agent-name:contains", "brandt"),
    ("purpose", "TREAT"),
    ("purpose:not", "TREAT"),
    ("policy", "urn:ietf:params:oauth:jti:jti-1"),
    ("site", "elsewhere"),
    ("agent:identifier", "|lab"),
    ("altid", "nobody"),
];

fn set(events: &[Value]) -> BTreeSet<String> {
    ids(events).into_iter().collect()
}

/// What others do changes nothing of what a patient is told, and what stands beside it is not told.
pub async fn a_patient_is_told_of_nobody_else(house: House) {
    let mut random = Random::seeded();
    let (ward, _) = filled(&house, &mut random).await;
    let bound = bound("Patient/a");
    let urls = [
        "AuditEvent?_count=7",
        "AuditEvent?_sort=-date&_total=accurate",
        "AuditEvent?type=rest&_total=accurate",
        "Patient/a/AuditEvent?_count=50",
    ];
    let mut before = Vec::new();
    for url in urls {
        before.push(pages(&house, &bound, url).await);
    }
    let own = row_of(&house, "Patient/a").await;
    let others: Vec<Record> = std::iter::repeat_with(|| ward.record(&mut random))
        .filter(|record| {
            record.entities.iter().all(|e| e.patient != own) && record.detail.patient != own
        })
        .take(100)
        .collect();
    store(&house, "three", &others).await;
    for (url, before) in urls.iter().zip(&before) {
        assert_eq!(pages(&house, &bound, url).await, *before, "{url}");
    }
    for event in before.iter().flat_map(|(found, _)| found) {
        assert_eq!(event["extension"], Value::Null, "{event}");
        let entities = event["entity"].as_array().into_iter().flatten();
        assert!(entities.clone().all(|e| e["query"].is_null()), "{event}");
        // The version before is named there, by a text of which nothing would be cut.
        assert!(entities.clone().all(|e| e["detail"].is_null()), "{event}");
        let names = event.to_string();
        assert!(
            ["b", "c", "d"]
                .iter()
                .all(|id| !names.contains(&format!("\"Patient/{id}"))),
            "{event}"
        );
    }
    // Of another there is nothing, and no trace of it.
    let all = pages(&house, &auditor(), "AuditEvent?patient=Patient/b")
        .await
        .0;
    assert!(!all.is_empty());
    for id in ids(&all) {
        let url = format!("AuditEvent/{id}");
        let hidden = house.ask(&bound, Get, &url, None).await;
        let absent = house
            .ask(&bound, Get, "AuditEvent/00000000000000000000", None)
            .await;
        assert_eq!(
            (hidden.status, text(&hidden)),
            (404, text(&absent)),
            "{url}"
        );
    }
    assert_eq!(
        pages(&house, &bound, "AuditEvent?patient=Patient/b")
            .await
            .0
            .len(),
        0
    );
}

/// read, vread and history of one; an id is of no other type, and nothing else is one.
pub async fn an_event_is_read_by_its_id(house: House) {
    let mut random = Random::seeded();
    filled(&house, &mut random).await;
    let auditor = auditor();
    let (found, _) = pages(&house, &auditor, "AuditEvent?_count=100").await;
    let ids = ids(&found);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for (event, id) in found.iter().zip(&ids).step_by(7) {
        let read = house
            .ask(&auditor, Get, &format!("AuditEvent/{id}"), None)
            .await;
        assert_eq!((read.status, read.version), (200, Some(1)));
        assert_eq!(json(&read), *event);
        let first = house
            .ask(&auditor, Get, &format!("AuditEvent/{id}/_history/1"), None)
            .await;
        assert_eq!(json(&first), *event);
        let history = house
            .ask(&auditor, Get, &format!("AuditEvent/{id}/_history"), None)
            .await;
        assert_eq!(json(&history)["entry"][0]["resource"], *event);
        for url in [
            format!("AuditEvent/{id}/_history/2"),
            format!("Patient/{id}"),
            format!("AuditEvent/{id}0"),
        ] {
            let caller = if url.starts_with("Patient") {
                loader()
            } else {
                auditor.clone()
            };
            assert_eq!(
                house.ask(&caller, Get, &url, None).await.status,
                404,
                "{url}"
            );
        }
        let one = pages(&house, &auditor, &format!("AuditEvent?_id={id}"))
            .await
            .0;
        assert_eq!(one, std::slice::from_ref(event));
    }
    let patient = row_of(&house, "Patient/a").await;
    let id = house.engine.store().public_id(patient);
    assert_eq!(
        house
            .ask(&auditor, Get, &format!("AuditEvent/{id}"), None)
            .await
            .status,
        404
    );
}

/// At every door, whatever the rights.
pub async fn no_door_changes_one(house: House) {
    let mut random = Random::seeded();
    filled(&house, &mut random).await;
    let id = ids(&pages(&house, &auditor(), "AuditEvent?_count=1&outcome=0")
        .await
        .0)[0]
        .clone();
    let path = format!("AuditEvent/{id}");
    let body = value!({ "resourceType": "AuditEvent", "id": id, "type": { "code": "rest" }, "recorded": "2024-01-01T00:00:00Z",
        "agent": [{ "requestor": true }], "source": { "observer": { "display": "x" } } });
    let before = house.ask(&auditor(), Get, &path, None).await;
    for caller in [loader(), auditor(), system("system/Observation.rs")] {
        let each = [
            (Put, path.as_str()),
            (Patch, path.as_str()),
            (Delete, path.as_str()),
            (Put, "AuditEvent/other"),
            (Put, "AuditEvent?type=rest"),
            (Delete, "AuditEvent?type=rest"),
        ];
        for (method, url) in each {
            let reply = house.ask(&caller, method, url, Some(&body)).await;
            assert_eq!(reply.status, 405, "{url}: {}", text(&reply));
        }
        let entries = [
            entry("PUT", &path, body.clone()),
            entry("PUT", "AuditEvent?type=rest", body.clone()),
            value!({ "request": { "method": "DELETE", "url": path } }),
        ];
        for asked in entries {
            let mut bundle = transaction(vec![asked]);
            let reply = house.ask(&caller, Post, "", Some(&bundle)).await;
            assert_eq!(reply.status, 405, "{bundle}: {}", text(&reply));
            bundle["type"] = value!("batch");
            let reply = json(&house.ask(&caller, Post, "", Some(&bundle)).await);
            let status = &reply["entry"][0]["response"]["status"];
            assert!(
                status.as_str().unwrap().starts_with("405"),
                "{bundle}: {reply}"
            );
        }
    }
    let after = house.ask(&auditor(), Get, &path, None).await;
    assert_eq!(text(&after), text(&before));
}

/// Chains and includes lead to what the caller may search, ITI-81's identifiers to what an event says itself as well.
pub async fn chains_lead_from_an_event(house: House) {
    let mut random = Random::seeded();
    filled(&house, &mut random).await;
    let all = system("system/*.rs");
    let count = async |caller: &Caller, url: &str| pages(&house, caller, url).await.0.len();
    let of_p1 = count(&all, "AuditEvent?agent=Practitioner/p1").await;
    assert!(of_p1 > 0);
    for url in [
        "AuditEvent?agent:Practitioner.name=adler",
        "AuditEvent?agent.identifier=urn:staff|staff-p1",
    ] {
        assert_eq!(count(&all, url).await, of_p1, "{url}");
        assert_eq!(
            count(&auditor(), url).await,
            0,
            "{url}: who sees no Practitioner"
        );
    }
    let of_b = count(&all, "AuditEvent?patient=Patient/b").await;
    assert!(of_b > 0);
    for url in [
        "AuditEvent?patient.identifier=urn:mrn|b",
        "AuditEvent?patient.family=Familyb",
        "Patient/b/AuditEvent",
    ] {
        assert_eq!(count(&all, url).await, of_b, "{url}");
    }
    let by_lab = count(&auditor(), "AuditEvent?agent:identifier=|lab").await;
    assert!(by_lab > 0);
    assert_eq!(
        count(&auditor(), "AuditEvent?agent.identifier=|lab").await,
        by_lab
    );
    let url = "AuditEvent?patient=Patient/b&_include=AuditEvent:patient&_count=5";
    let bundle = json(&house.ask(&all, Get, url, None).await);
    let entries = bundle["entry"].as_array().unwrap();
    let mut included = entries.iter().filter(|e| e["search"]["mode"] == "include");
    assert!(included.any(|e| e["resource"]["id"] == "b"), "{bundle}");
    for url in [
        "Patient?_has:AuditEvent:patient:type=rest",
        "Provenance?target:AuditEvent.type=rest",
        "Patient?_revinclude=AuditEvent:patient",
        "?_type=Patient,AuditEvent",
    ] {
        let reply = house.ask(&all, Get, url, None).await;
        assert_eq!(reply.status, 400, "{url}: {}", text(&reply));
        assert!(text(&reply).contains("AuditEvent"), "{}", text(&reply));
    }
}

/// A page takes as many statements however long the log is, and who reads the log is in it.
pub async fn reading_the_log_is_logged_and_costs_the_same(house: House) {
    let mut random = Random::seeded();
    let (ward, _) = filled(&house, &mut random).await;
    let auditor = auditor();
    let urls = [
        "AuditEvent?_count=5",
        "AuditEvent?patient=Patient/b&_count=5",
        "AuditEvent?type=rest&_count=5",
        "AuditEvent?agent=Practitioner/p1&date=ge2025&_count=5",
    ];
    let mut before = Vec::new();
    for url in urls {
        house.ask(&auditor, Get, url, None).await;
        before.push(
            house
                .statements(house.ask(&auditor, Get, url, None))
                .await
                .1,
        );
    }
    let more: Vec<Record> = (0..RECORDS).map(|_| ward.record(&mut random)).collect();
    store(&house, "three", &more).await;
    for (url, before) in urls.iter().zip(before) {
        house.ask(&auditor, Get, url, None).await;
        let (reply, after) = house.statements(house.ask(&auditor, Get, url, None)).await;
        assert_eq!(reply.status, 200, "{url}");
        // On PostgreSQL the resources of each type on the page are a statement; decisions name organizations.
        assert!(after <= before + TYPES + 2, "{url}: {after} after {before}");
        println!("{url}: {after} statements");
    }
    let read = house.records().pop().unwrap();
    let of_log = |entity: &Entity| entity.ty == type_id("AuditEvent").0;
    assert!(
        !read.entities.is_empty() && read.entities.iter().all(of_log),
        "{read:?}"
    );
    // By which URL, and whether anything is found, is one.
    for url in [
        "AuditEvent?entity-name=nothing",
        "?_type=AuditEvent&entity-name=nothing",
    ] {
        let reply = house.ask(&auditor, Get, url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        let asked = house.records().pop().unwrap();
        assert_eq!(asked.detail.subtype, "audit-log", "{url}");
    }
    store(&house, "four", std::slice::from_ref(&read)).await;
    let used = pages(&house, &auditor, "AuditEvent?type=110101&_count=1")
        .await
        .0;
    assert_eq!(used[0]["type"]["code"], "110101", "{used:?}");
    assert_eq!(used[0]["agent"][2]["who"]["reference"], "Practitioner/1");
}

/// A Bundle of those that other systems send takes as many statements whatever it holds.
pub async fn those_of_a_bundle_are_looked_up_together(house: House) {
    Ward::furnish(&house).await;
    let event = |n: usize| {
        let patient = format!("Patient/{}", ["a", "b", "c"][n % 3]);
        value!({ "resource": { "resourceType": "AuditEvent", "type": { "code": "rest" }, "recorded": "2024-01-01T00:00:00Z",
            "agent": [{ "requestor": true }], "source": { "observer": { "display": "pacs" } },
            "entity": [{ "what": { "reference": patient } }] } })
    };
    let bundle = |count: usize| {
        let entries: Vec<Value> = (0..count).map(event).collect();
        value!({ "resourceType": "Bundle", "type": "collection", "entry": entries })
    };
    let mut taken = Vec::new();
    for count in [3, 3, 30] {
        let asked = bundle(count);
        let asking = house.ask(&loader(), Post, "", Some(&asked)).await;
        assert_eq!(asking.status, 200, "{}", text(&asking));
        taken.push(house.engine.store().statements());
    }
    // The first one brings what all of them have in common.
    assert_eq!(taken[2] - taken[1], taken[1] - taken[0], "{taken:?}");
    let all = pages(&house, &auditor(), "AuditEvent?patient=Patient/b&_count=50")
        .await
        .0;
    let sent = all
        .iter()
        .filter(|event| event["source"]["observer"]["display"] == "pacs");
    assert_eq!(sent.count(), 12, "each is found by its patient");
}

/// What cannot be asked is refused with a word on what can.
pub async fn wrong_questions_are_told_what_is_wrong(house: House) {
    let auditor = auditor();
    for (url, status, word) in [
        ("AuditEvent?date=yesterday", 400, "date"),
        ("AuditEvent?agent:Pancake=1", 400, "agent"),
        ("AuditEvent/_history", 400, "one version"),
        ("AuditEvent?_contained=true", 400, "contain no resources"),
        ("Encounter/1/AuditEvent", 400, "compartment"),
    ] {
        let reply = house.ask(&auditor, Get, url, None).await;
        assert_eq!(reply.status, status, "{url}: {}", text(&reply));
        assert!(text(&reply).contains(word), "{url}: {}", text(&reply));
    }
    let reply = house.ask(&auditor, Get, "AuditEvent?pateint=1", None).await;
    assert!(
        text(&reply).contains("Did you mean patient"),
        "{}",
        text(&reply)
    );
    let mut strict = call(Get, "AuditEvent?pateint=1", None);
    strict.prefer.strict = true;
    assert_eq!(house.engine.answer(&auditor, &strict).await.status, 400);
}
