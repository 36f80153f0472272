//! What other systems sent is found by the time that it says, whenever it came, and however large it is: pages are bounded in bytes. What
//! names thousands of patients takes no more than what it is.

use crate::audit_events::{auditor, matching};
use crate::audited::{FROM_US, Ward, entity, ids, pages, store};
use crate::house::{House, json, text};
use serde_json::{Value, json as value};
use ward_audit::{Decision, Detail, Entity, Outcome, Record};
use ward_resources::route::Method::Get;

const DAY_US: i64 = 86_400_000_000;
const EVENT_BYTES: usize = 250_000;
const PAGE_BYTES_MAX: usize = 8 << 20;
const PATIENTS: i64 = 3_000;

fn record(at_us: i64, received: Option<Value>) -> Record {
    let received = received.map(|event| event.to_string().into_bytes());
    let interaction = if received.is_some() { "create" } else { "read" };
    Record {
        at_us,
        request_id: [7; 16],
        interaction: interaction.into(),
        client_id: "pacs".into(),
        user: String::new(),
        purpose: "TREAT".into(),
        source: "10.0.0.1".into(),
        outcome: Outcome::Success,
        status: 201,
        query: String::new(),
        entities: Vec::new(),
        decision: Decision::default(),
        detail: Detail {
            received: received.unwrap_or_default(),
            ..Detail::default()
        },
    }
}

fn sent(recorded: &str, note: &str) -> Value {
    value!({ "resourceType": "AuditEvent", "type": { "code": "rest" }, "action": "R", "recorded": recorded, "outcome": "0", "outcomeDesc": note,
        "agent": [{ "requestor": true, "who": { "reference": "Practitioner/p1" } }], "source": { "observer": { "display": "pacs" } },
        "entity": [{ "what": { "reference": "Patient/a" } }] })
}

const TIMES: [&str; 16] = [
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999Z",
    "2024-02-29T12:00:00-11:00",
    "2025-05-15T15:06:40Z",
    "2025-06-14T15:06:39Z",
    "2025-06-15T15:06:40Z",
    "2025-06-16T15:06:40Z",
    "2025-06-16T15:06:41+00:00",
    "2025-06-17T23:59:59.999+14:00",
    "2025-06-18T00:00:00-12:00",
    "2025-07-01T00:00:00Z",
    "2026-01-01T00:00:00Z",
    "2090-06-01T08:00:00.5Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-12:00",
];

const ASKED: [&str; 14] = [
    "0001",
    "1970",
    "2024-02-29",
    "2024-03-01T00:00:00Z",
    "2025",
    "2025-06",
    "2025-06-16",
    "2025-06-15T15:06:40Z",
    "2025-06-17T10:00:00+14:00",
    "2025-06-18T12:00:00Z",
    "2026",
    "2090-06-01T08:00:00.500Z",
    "9999",
    "9999-12-31",
];

pub async fn it_is_found_by_the_time_it_says(house: House) {
    Ward::furnish(&house).await;
    let mut records = Vec::new();
    for (n, time) in TIMES.iter().enumerate() {
        for came_us in [FROM_US, FROM_US + 40 * DAY_US] {
            records.push(record(came_us + n as i64, Some(sent(time, "x"))));
        }
        records.push(record(FROM_US + n as i64 * 3 * DAY_US, None));
    }
    store(&house, "one", &records).await;
    let auditor = auditor();
    let all = pages(&house, &auditor, "AuditEvent?_count=200").await.0;
    assert!(all.len() >= records.len());
    let mut questions: Vec<Vec<(&str, String)>> = Vec::new();
    for asked in ASKED {
        for prefix in ["", "ne", "ge", "gt", "sa", "le", "lt", "eb"] {
            questions.push(vec![("date", format!("{prefix}{asked}"))]);
        }
        questions.push(vec![
            ("date", format!("ge{asked}")),
            ("patient", "Patient/a".into()),
        ]);
        questions.push(vec![
            ("date", format!("lt{asked}")),
            ("agent", "Practitioner/p1".into()),
            ("entity", "Patient/a".into()),
        ]);
        questions.push(vec![
            ("date", format!("lt{asked}")),
            ("_lastUpdated", "ge2025-07".into()),
        ]);
        questions.push(vec![
            ("date", format!("ge{asked}")),
            ("_lastUpdated", "lt2025-07".into()),
            ("action", "R".into()),
        ]);
        questions.push(vec![
            ("date", format!("ge{asked}")),
            ("date", "lt2091".into()),
        ]);
    }
    for question in questions {
        let question: Vec<(String, String)> = question
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let expected = matching(&house, &all, &question);
        let query: Vec<String> = question
            .iter()
            .map(|(name, value)| format!("{name}={}", value.replace('+', "%2B")))
            .collect();
        let url = format!("AuditEvent?{}&_count=40&_total=accurate", query.join("&"));
        let (found, total) = pages(&house, &auditor, &url).await;
        assert_eq!(ids(&found), ids(&expected), "{url}");
        assert_eq!(total, Some(expected.len() as u64), "{url}");
        let timely = pages(&house, &auditor, &format!("{url}&_sort=date"))
            .await
            .0;
        assert_eq!(timely.len(), expected.len(), "{url}");
    }
}

/// Many of one moment, as those of a Bundle are.
pub async fn a_page_of_large_ones_is_shorter(house: House) {
    const LARGE: usize = 40;
    let note = "x".repeat(EVENT_BYTES);
    let large = |n: usize| {
        let at_us = FROM_US + if n < 4 { n as i64 * 1_000 } else { 5_000 };
        record(at_us, Some(sent("2025-06-15T15:06:40Z", &note)))
    };
    let records: Vec<Record> = (0..LARGE).map(large).collect();
    store(&house, "one", &records).await;
    let auditor = auditor();
    for url in [
        "AuditEvent?agent=Practitioner/p1&_count=100",
        "AuditEvent?date=ge2025&outcome=0&_count=100&_total=accurate",
        "AuditEvent?agent=Practitioner/p1&_count=100&_sort=-date",
        "AuditEvent?agent=Practitioner/p1&_count=100&_sort=action",
    ] {
        let first = house.ask(&auditor, Get, url, None).await;
        let body = text(&first);
        assert!(body.len() < PAGE_BYTES_MAX + 100_000, "{}", body.len());
        let bundle = json(&first);
        let entries = bundle["entry"].as_array().unwrap().len();
        let fit = PAGE_BYTES_MAX / (EVENT_BYTES + 1_000);
        assert!((fit..LARGE).contains(&entries), "{url}: {entries}");
        let (found, _) = pages(&house, &auditor, url).await;
        let mut found = ids(&found);
        assert_eq!(found.len(), LARGE, "{url}");
        found.sort();
        found.dedup();
        assert_eq!(found.len(), LARGE, "{url}: each once");
    }
    let counted = house
        .ask(&auditor, Get, "AuditEvent?outcome=0&_summary=count", None)
        .await;
    assert_eq!(json(&counted)["total"], LARGE, "{}", text(&counted));
}

/// Each page takes as many statements, and an event is found by its id among all of them.
pub async fn events_of_thousands_of_patients_are_paged(house: House) {
    let of = |patient: i64| Entity {
        rid: 1_000_000 + patient,
        ..entity("Observation", 0, 500_000 + patient)
    };
    let many = Record {
        interaction: "search-type".into(),
        entities: (0..PATIENTS).map(of).collect(),
        ..record(FROM_US, None)
    };
    store(&house, "one", &[many]).await;
    let auditor = auditor();
    let mut url = "AuditEvent?agent:identifier=|pacs&_count=500".to_owned();
    let (mut found, mut taken) = (Vec::new(), Vec::new());
    for page in 0..6 {
        let (reply, statements) = house.statements(house.ask(&auditor, Get, &url, None)).await;
        let bundle = json(&reply);
        let entries = bundle["entry"].as_array().unwrap().iter();
        found.extend(entries.map(|entry| entry["resource"].clone()));
        taken.push(statements);
        let links = bundle["link"].as_array().unwrap();
        let next = links.iter().find(|link| link["relation"] == "next");
        assert_eq!(next.is_some(), page < 5, "{page}");
        if let Some(next) = next {
            let next = next["url"].as_str().unwrap();
            url = next.split_once("/fhir/").unwrap().1.to_owned();
        }
    }
    assert_eq!(found.len() as i64, PATIENTS);
    // The first one learns the contexts.
    assert!(taken[1..].iter().all(|n| *n <= taken[0]), "{taken:?}");
    let mut names = ids(&found);
    let last = names.last().unwrap().clone();
    names.sort();
    names.dedup();
    assert_eq!(names.len() as i64, PATIENTS);
    let one = pages(&house, &auditor, &format!("AuditEvent?_id={last}"))
        .await
        .0;
    assert_eq!(one, std::slice::from_ref(found.last().unwrap()));
}

pub async fn many_ids_are_one_statement(house: House) {
    let records: Vec<Record> = (0..90).map(|n| record(FROM_US + n, None)).collect();
    store(&house, "one", &records).await;
    let auditor = auditor();
    let all = pages(
        &house,
        &auditor,
        "AuditEvent?_count=100&agent:identifier=|pacs",
    )
    .await
    .0;
    let names = ids(&all);
    assert_eq!(names.len(), 90);
    let mut taken = Vec::new();
    for count in [1, 2, 90] {
        let mut asked = names[..count].to_vec();
        asked.reverse();
        asked.push("00000000000000000000".into());
        let url = format!("AuditEvent?_count=100&_id={}", asked.join(","));
        let (reply, statements) = house.statements(house.ask(&auditor, Get, &url, None)).await;
        let bundle = json(&reply);
        let found = bundle["entry"].as_array().unwrap().iter();
        let found: Vec<Value> = found.map(|entry| entry["resource"].clone()).collect();
        assert_eq!(found, all[..count], "in the order of the log");
        taken.push(statements);
    }
    assert!(taken.iter().all(|n| *n == taken[0]), "{taken:?}");
    let url = format!(
        "AuditEvent?_count=40&_sort=date&_total=accurate&_id={}",
        names.join(",")
    );
    let (found, total) = pages(&house, &auditor, &url).await;
    let mut found = ids(&found);
    found.reverse();
    assert_eq!((found, total), (names, Some(90)));
}
