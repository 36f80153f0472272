//! Binaries whose context is closed to the caller change no answer: what is asked before there are any is asked again.

use crate::cursors::with_lengths;
use crate::house::{House, call, json, system, text};
use crate::pinned::pages;
use crate::placement::patient;
use serde_json::{Value, json as value};
use ward_access::Caller;
use ward_resources::route::Method::Get;

/// More than are read at a time to be counted.
const CLOSED: usize = 60;

const ASKED: &[&str] = &[
    "Binary",
    "Binary?_count=1&_total=accurate",
    "Binary?_count=3&_total=estimate",
    "Binary?_summary=count",
    "Binary?_count=0",
    "Binary?_sort=_lastUpdated&_count=2&_total=accurate",
    "Binary?_id=bound-0&_summary=count",
    "Binary?_id=bound-0,open-1&_count=1&_total=accurate",
    "Binary?_id=bound-0,open-1&_total=accurate",
    "?_type=Binary&_summary=count",
    "?_type=Binary,Patient&_count=2&_total=accurate",
    "?_id=bound-3&_total=accurate",
    "?_id=bound-3,open-2&_total=accurate",
    "Binary/_history?_count=2",
    "Binary/_history?_count=4",
    "_history?_count=1",
    "_history?_count=0",
    "Binary/open-1/_history?_count=1",
];

pub async fn a_closed_binary_changes_no_answer(house: House) {
    let person = house.put(&patient("1")).await;
    for at in 0..4 {
        house.put(&binary(&format!("open-{at}"), None)).await;
    }
    let only = system("system/Binary.rs");
    let before = answers(&house, &only).await;
    for at in 0..CLOSED {
        let context = if at % 2 == 0 {
            person.as_str()
        } else {
            "Patient/never"
        };
        house
            .put(&binary(&format!("bound-{at}"), Some(context)))
            .await;
    }
    let after = answers(&house, &only).await;
    for (url, (before, after)) in ASKED.iter().zip(before.iter().zip(&after)) {
        assert_eq!(before, after, "{url}");
    }
    let both = system("system/Binary.rs system/Patient.rs");
    for (url, total) in [
        ("Binary?_summary=count", 4 + CLOSED / 2),
        ("Binary?_count=5&_total=accurate", 4 + CLOSED / 2),
        ("?_type=Binary,Patient&_summary=count", 5 + CLOSED / 2),
        ("?_type=Patient&_summary=count", 1),
        ("Binary?_id=bound-0,bound-1&_total=accurate", 1),
    ] {
        let reply = house.ask(&both, Get, url, None).await;
        assert_eq!(json(&reply)["total"], total, "{url}: {}", text(&reply));
    }
    let pages = pages(&house, &both, call(Get, "Binary?_count=7", None), true).await;
    let sizes: Vec<usize> = pages
        .iter()
        .map(|page| json(page)["entry"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(sizes, [7, 7, 7, 7, 6]);
}

async fn answers(house: &House, caller: &Caller) -> Vec<Vec<String>> {
    let mut answers = Vec::new();
    for url in ASKED {
        let pages = pages(house, caller, call(Get, url, None), true).await;
        let said = |reply| with_lengths(&text(reply));
        answers.push(pages.iter().map(said).collect());
        assert_eq!(pages[0].status, 200, "{url}: {}", text(&pages[0]));
    }
    answers
}

fn binary(id: &str, context: Option<&str>) -> Value {
    let mut body = value!({ "resourceType": "Binary", "id": id, "contentType": "text/plain", "data": "SGVsbG8=" });
    if let Some(context) = context {
        body["securityContext"] = value!({ "reference": context });
    }
    body
}
