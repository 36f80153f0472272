//! Reports on the log are what a recount of its raw Records says, for random people and times, on each store.

use crate::audited::{FROM_US, Ward, row_of, store};
use crate::house::{House, app_in, call, in_role_of, json, role, text, type_id};
use crate::placement::observation;
use serde_json::{Value, json as value};
use ward_access::Caller;
use ward_audit::{Alert, Decision, Detail, Entity, Outcome, Record};
use ward_fhir::date::instant_text;
use ward_resources::route::Method::Get;
use ward_storage::RecordQuestion;
use ward_testkit::Random;

const RECORDS: usize = 400;
const CASES: usize = 1_000;
const HOUR_MS: usize = 3_600_000;

fn auditor() -> Caller {
    let policies: [(&str, &[&str], &[&str]); 1] = [("AuditEvent", &[], &["read", "search-type"])];
    in_role_of(&role(&policies), "user/AuditEvent.rs", None)
}

/// In the record of one patient, by an app.
fn bound(patient: &str) -> Caller {
    let policies: [(&str, &[&str], &[&str]); 2] = [
        ("AuditEvent", &[], &["read", "search-type"]),
        ("Patient", &[], &["read", "search-type"]),
    ];
    let scopes = "patient/AuditEvent.rs patient/Patient.rs";
    in_role_of(&role(&policies), scopes, Some(patient))
}

async fn filled(house: &House, random: &mut Random) -> Ward {
    let ward = Ward::furnish(house).await;
    let record = |random: &mut Random| {
        let purposes = [
            "",
            "TREAT",
            "HPAYMT",
            "HRESCH",
            "PUBHLTH",
            "TREAT HRESCH",
            "BTG",
            "HCOMPL",
        ];
        Record {
            purpose: random.one_of(&purposes).into(),
            ..ward.record(random)
        }
    };
    let records: Vec<Record> = (0..RECORDS).map(|_| record(random)).collect();
    let (first, second) = records.split_at(RECORDS / 2);
    store(house, "one", first).await;
    store(house, "two", second).await;
    ward
}

pub async fn reports_are_what_a_recount_says(house: House) {
    let mut random = Random::seeded();
    let ward = filled(&house, &mut random).await;
    let raw = raw(&house).await;
    let (auditor, bound) = (auditor(), bound("Patient/a"));
    let (mut entries, mut pages) = (0, 0);
    for case in 0..CASES {
        let (path, patient) = &ward.patients[random.below(ward.patients.len())];
        let person = random.one_of(&["Practitioner/p1", "Practitioner/p2"]);
        let (name, of) = match random.below(3) {
            0 => ("access-report", path.as_str()),
            1 => ("disclosures", path.as_str()),
            _ => ("activity", person),
        };
        let caller = match of == "Patient/a" && random.coin() {
            true => &bound,
            false => &auditor,
        };
        let ms = |random: &mut Random| FROM_US + 1_000 * random.below(HOUR_MS) as i64;
        let start = random.coin().then(|| ms(&mut random));
        let end = random.coin().then(|| ms(&mut random));
        let most = if random.coin() { 10 } else { 300 };
        let count = 1 + random.below(most);
        let expected: Vec<String> = raw
            .iter()
            .filter(|(_, record, _)| start.is_none_or(|start| record.at_us >= start))
            .filter(|(_, record, _)| end.is_none_or(|end| record.at_us < end + 1_000))
            .filter(|(_, record, about)| match name {
                "access-report" => is_access(record, about, *patient),
                "disclosures" => is_disclosure(record, about, *patient, path),
                _ => record.user == person && record.detail.received.is_empty(),
            })
            .map(|(id, record, _)| format!("{id} {} {}", instant_text(record.at_us), record.user))
            .collect();
        let mut url = format!("{of}/${name}?_count={count}");
        for (parameter, at) in [("start", start), ("end", end)] {
            if let Some(at) = at {
                url += &format!("&{parameter}={}", instant_text(at));
            }
        }
        let (found, asked) = all(&house, caller, &url).await;
        assert_eq!(found, expected, "case {case}: {url}");
        entries += found.len();
        pages += asked;
    }
    println!("{CASES} cases, {entries} entries, {pages} pages");
    assert!(entries > CASES && pages > CASES);
}

/// All Records of the store, newest first: id of the event, the Record, and what the event is about. Put apart here again.
async fn raw(house: &House) -> Vec<(String, Record, Vec<Entity>)> {
    let everything = RecordQuestion {
        limit: 1_000_000,
        newest_first: true,
        ..RecordQuestion::default()
    };
    let mut events = Vec::new();
    for stored in house.engine.store().records(&everything).await.unwrap() {
        for (nth, about) in apart(&stored.record).into_iter().enumerate() {
            let id = house.engine.store().event_id(stored.id << 16 | nth as i64);
            events.push((format!("AuditEvent/{id}"), stored.record.clone(), about));
        }
    }
    events
}

fn apart(record: &Record) -> Vec<Vec<Entity>> {
    let mut events: Vec<Vec<Entity>> = Vec::new();
    if ["create", "update", "patch", "delete"].contains(&record.interaction.as_str()) {
        events.extend(record.entities.iter().map(|entity| vec![*entity]));
    } else {
        let mut patients: Vec<i64> = Vec::new();
        for entity in &record.entities {
            if entity.patient != 0 && !patients.contains(&entity.patient) {
                patients.push(entity.patient);
            }
        }
        events.resize(patients.len().max(1), Vec::new());
        for entity in &record.entities {
            let at = patients
                .iter()
                .position(|patient| *patient == entity.patient);
            events[at.unwrap_or(0)].push(*entity);
        }
    }
    if events.is_empty() {
        events.push(Vec::new());
    }
    events
}

fn is_access(record: &Record, about: &[Entity], patient: i64) -> bool {
    let is_theirs = about.iter().any(|entity| entity.patient == patient);
    let is_other = matches!(record.interaction.as_str(), "token" | "sign-in");
    record.outcome == Outcome::Success
        && record.detail.received.is_empty()
        && is_theirs
        && !is_other
}

fn is_disclosure(record: &Record, about: &[Entity], patient: i64, path: &str) -> bool {
    let given = about
        .iter()
        .any(|entity| entity.patient == patient && entity.action == b'R');
    let of_care = ["TREAT", "HPAYMT", "BTG", "HCOMPL"];
    is_access(record, about, patient)
        && given
        && record.user != path
        && !of_care.contains(&record.purpose.as_str())
}

/// Entries of all pages, and how many pages there are.
async fn all(house: &House, caller: &Caller, url: &str) -> (Vec<String>, usize) {
    let (mut found, mut next, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let reply = house.ask(caller, Get, &format!("{url}{next}"), None).await;
        assert_eq!(reply.status, 200, "{url}{next}: {}", text(&reply));
        let body = json(&reply);
        let parameters = body["parameter"].as_array().unwrap();
        for entry in parameters
            .iter()
            .filter(|parameter| parameter["part"].is_array())
        {
            let user = part(entry, "user").map_or("", |part| part["valueString"].as_str().unwrap());
            let when = part(entry, "when").unwrap()["valueInstant"]
                .as_str()
                .unwrap();
            let event = part(entry, "event").unwrap()["valueString"]
                .as_str()
                .unwrap();
            found.push(format!("{event} {when} {user}"));
        }
        pages += 1;
        match parameters
            .iter()
            .find(|parameter| parameter["name"] == "next")
        {
            Some(last) => next = format!("&after={}", last["valueString"].as_str().unwrap()),
            None => return (found, pages),
        }
    }
}

fn part<'a>(entry: &'a Value, name: &str) -> Option<&'a Value> {
    entry["part"]
        .as_array()
        .unwrap()
        .iter()
        .find(|part| part["name"] == name)
}

pub async fn patients_ask_about_themselves(house: House) {
    filled(&house, &mut Random::seeded()).await;
    let bound = bound("Patient/a");
    for name in ["access-report", "disclosures"] {
        let own = house
            .ask(&bound, Get, &format!("Patient/a/${name}"), None)
            .await;
        assert_eq!(own.status, 200, "{}", text(&own));
        // Of others they are told no more than of somebody who is not there.
        let other = house
            .ask(&bound, Get, &format!("Patient/b/${name}"), None)
            .await;
        let absent = house
            .ask(&bound, Get, &format!("Patient/nobody/${name}"), None)
            .await;
        assert_eq!((other.status, absent.status), (404, 404));
        assert_eq!(json(&other), json(&absent));
        let unknown = house
            .ask(&auditor(), Get, &format!("Patient/nobody/${name}"), None)
            .await;
        assert_eq!(unknown.status, 404);
    }
    let activity = house
        .ask(&bound, Get, "Practitioner/p1/$activity", None)
        .await;
    assert_eq!(activity.status, 403, "{}", text(&activity));
    // Who may not search the log asks none of these.
    let policies: [(&str, &[&str], &[&str]); 2] = [
        ("Patient", &[], &["read", "search-type"]),
        ("Practitioner", &[], &["read", "search-type"]),
    ];
    let physician = in_role_of(&role(&policies), "user/*.rs", None);
    for url in [
        "Patient/a/$access-report",
        "Patient/a/$disclosures",
        "Practitioner/p1/$activity",
    ] {
        let refused = house.ask(&physician, Get, url, None).await;
        assert_eq!(refused.status, 403, "{url}: {}", text(&refused));
    }
}

/// T44, R17: notes of psychotherapy are not their patient's to see, and no alert is told to whom it is about.
pub async fn t44_what_is_hidden_from_its_reader_is_in_no_report(house: House) {
    Ward::furnish(&house).await;
    let mut note = observation("Patient/a");
    note["id"] = value!("note");
    note["meta"] = value!({ "security": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN" }] });
    house.put(&note).await;
    let patient = row_of(&house, "Patient/a").await;
    let read = |rid| Entity {
        ty: type_id("Observation").0,
        rid,
        version: 1,
        patient,
        action: b'R',
    };
    let note = read(row_of(&house, "Observation/note").await);
    let plain = read(row_of(&house, "Observation/of-a").await);
    let alone = research(vec![note]);
    let both = research(vec![note, plain]);
    let alert = Record {
        interaction: "alert".into(),
        user: String::new(),
        purpose: String::new(),
        decision: Decision {
            alert: Alert::of_number(2),
            ..Decision::default()
        },
        detail: Detail {
            patient,
            ..Detail::default()
        },
        ..research(Vec::new())
    };
    store(&house, "one", &[alone, both, alert]).await;
    let own = app_in(None, "patient/*.rs", "Patient/a");
    for name in ["access-report", "disclosures"] {
        let url = format!("Patient/a/${name}");
        let told = house.ask(&own, Get, &url, None).await;
        assert_eq!(told.status, 200, "{}", text(&told));
        let entries = json(&told)["parameter"].as_array().unwrap().clone();
        let counts = entries.iter().filter(|entry| entry.get("part").is_some());
        let counts: Vec<u64> = counts
            .map(|entry| part(entry, "resources").unwrap()["valueUnsignedInt"].as_u64())
            .map(Option::unwrap)
            .collect();
        // What was written before is behind these.
        assert_eq!(counts[..2], [1, 0], "{}", text(&told));
        assert!(text(&told).contains("Observation/of-a"), "{}", text(&told));
        assert!(!text(&told).contains("Observation/note"), "{}", text(&told));
        // Who looks after the whole log is told all that is in it.
        let all = text(&house.ask(&auditor(), Get, &url, None).await);
        assert!(all.contains("Observation/note"), "{all}");
    }
    let events = text(&house.ask(&own, Get, "AuditEvent?_count=100", None).await);
    assert!(events.contains("Observation/of-a"), "{events}");
    assert!(!events.contains("Observation/note"), "{events}");
    assert!(!events.contains("\"A2\""), "{events}");
    let url = "AuditEvent?subtype=A2&_total=accurate";
    for (caller, total) in [(&own, 0), (&auditor(), 1)] {
        let found = json(&house.ask(caller, Get, url, None).await);
        assert_eq!(found["total"], total, "{found}");
    }
}

/// A Record of what somebody read for research.
fn research(entities: Vec<Entity>) -> Record {
    Record {
        at_us: FROM_US,
        request_id: [1; 16],
        interaction: "read".into(),
        client_id: "desk".into(),
        user: "Practitioner/p1".into(),
        purpose: "HRESCH".into(),
        source: String::new(),
        outcome: Outcome::Success,
        status: 200,
        query: String::new(),
        entities,
        decision: Decision::default(),
        detail: Detail::default(),
    }
}

pub async fn names_are_told_where_the_installation_tells_them(house: House) {
    filled(&house, &mut Random::seeded()).await;
    let report = "Patient/a/$access-report?_count=1000";
    let urls = [report, "AuditEvent?_count=1000"];
    let bound = bound("Patient/a");
    for url in urls {
        let said = text(&house.ask(&bound, Get, url, None).await);
        assert!(
            said.contains("Kim Adler") && said.contains("\"nurse\""),
            "{url}"
        );
    }
    let settings = ward_resources::Settings {
        staff_names_to_patients: false,
        ..house.engine.settings().clone()
    };
    let house = house.restarted(settings).await;
    for url in urls {
        let said = text(&house.ask(&bound, Get, url, None).await);
        assert!(
            !said.contains("Adler") && !said.contains("Practitioner/p1"),
            "{url}"
        );
        assert!(said.contains("\"nurse\""), "{url}");
        let said = text(&house.ask(&auditor(), Get, url, None).await);
        assert!(said.contains("Kim Adler"), "{url}");
    }
    // Themselves they are told of by name.
    let own = text(&house.ask(&bound, Get, report, None).await);
    assert!(own.contains("Patient/a"));
}

pub async fn wrong_reports_are_told_what_is_wrong(house: House) {
    Ward::furnish(&house).await;
    for (query, status, said) in [
        ("start=yesterday", 400, "start is a date"),
        ("end=2026-02-30", 400, "end is a date"),
        ("_count=0", 400, "_count is a number from 1 to 1000"),
        ("_count=1001", 400, "_count is a number from 1 to 1000"),
        ("after=AuditEvent/1", 400, "after is the event of an entry"),
        ("_sort=date", 400, "a report has no parameter '_sort'"),
    ] {
        let url = format!("Patient/a/$access-report?{query}");
        let reply = house.ask(&auditor(), Get, &url, None).await;
        assert_eq!(reply.status, status, "{url}: {}", text(&reply));
        assert!(text(&reply).contains(said), "{url}: {}", text(&reply));
    }
}

/// A filter in the scopes opens no report: not of others, and not of what it leaves out.
pub async fn filtered_scopes_open_no_report(house: House) {
    let mut random = Random::seeded();
    filled(&house, &mut random).await;
    let policies: [(&str, &[&str], &[&str]); 2] = [
        ("AuditEvent", &[], &["read", "search-type"]),
        ("Patient", &[], &["read", "search-type"]),
    ];
    let filtered = "AuditEvent.rs?type=http://terminology.hl7.org/CodeSystem/audit-event-type|rest";
    let by = |level: &str, patient| {
        let scopes = format!("{level}/{filtered} {level}/Patient.rs");
        in_role_of(&role(&policies), &scopes, patient)
    };
    for caller in [by("patient", Some("Patient/a")), by("user", None)] {
        for url in [
            "Patient/a/$access-report",
            "Patient/b/$access-report",
            "Patient/b/$disclosures",
            "Practitioner/p1/$activity",
        ] {
            let reply = house.ask(&caller, Get, url, None).await;
            assert_eq!(reply.status, 403, "{url}: {}", text(&reply));
        }
    }
    let others = "AuditEvent?patient=Patient/b";
    let app = by("patient", Some("Patient/a"));
    let found = house.ask(&app, Get, others, None).await;
    assert_eq!(found.status, 200, "{}", text(&found));
    assert!(!text(&found).contains("\"entry\""), "{}", text(&found));
}

/// Whatever is in the log of the patient; and the report is in the log itself.
pub async fn a_report_takes_as_many_statements(house: House) {
    let mut random = Random::seeded();
    let ward = Ward::furnish(&house).await;
    let mut said = Vec::new();
    for node in ["one", "two", "three"] {
        let records: Vec<Record> = (0..60).map(|_| ward.record(&mut random)).collect();
        store(&house, node, &records).await;
        for url in [
            "Patient/a/$access-report",
            "Patient/a/$disclosures",
            "Practitioner/p1/$activity",
        ] {
            let asked = call(Get, &format!("{url}?_count=10"), None);
            let auditor = auditor();
            let asking = house.engine.answer(&auditor, &asked);
            let (reply, statements) = house.statements(asking).await;
            assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
            said.push((url, statements));
        }
    }
    println!("{said:?}");
    assert!(
        said.iter().all(|(_, statements)| *statements <= 20),
        "{said:?}"
    );
    let own = row_of(&house, "Patient/a").await;
    let logged = house.records();
    let reports: Vec<&Record> = logged
        .iter()
        .filter(|r| r.interaction == "operation")
        .collect();
    assert_eq!(reports.len(), 9);
    assert!(
        reports[0]
            .entities
            .iter()
            .all(|entity| entity.patient == own)
    );
}
