//! Binaries whose context is closed to the caller change no answer: what is asked before there are any is asked again.

use crate::cursors::with_lengths;
use crate::house::{House, call, json, system, text};
use crate::pinned::pages;
use crate::placement::patient;
use serde_json::{Value, json as value};
use ward_access::Caller;
use ward_resources::route::Method::Get;
use ward_resources::route::Method::{Delete, Post, Put};

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

const TAGS: &str = "urn:tags";

/// What is closed is met by no condition of a write: all is as where there is none.
pub async fn a_closed_binary_meets_no_condition(house: House) {
    let person = house.put(&patient("1")).await;
    for at in 0..CLOSED {
        let body = tagged(binary(&format!("bound-{at}"), Some(&person)), "secret");
        house.put(&body).await;
    }
    house.put(&tagged(binary("open", None), "mixed")).await;
    house
        .put(&tagged(binary("shut", Some(&person)), "mixed"))
        .await;
    let only = system("system/Binary.cruds");
    let both = system("system/Binary.cruds system/Patient.rs");
    let create = |caller, tag: &str| {
        let mut call = call(Post, "Binary", Some(&binary("x", None)));
        call.conditions.if_none_exist = Some(format!("_tag={TAGS}|{tag}"));
        (caller, call)
    };
    let made = tagged(binary("x", None), "never");
    let with = |caller, method, tag: &str, body| {
        (
            caller,
            call(method, &format!("Binary?_tag={TAGS}|{tag}"), body),
        )
    };
    for ((caller, call), status) in [
        (create(&only, "secret"), 201),
        (create(&only, "never"), 201),
        (create(&both, "secret"), 412),
        (create(&only, "mixed"), 200),
        (create(&both, "mixed"), 412),
        (with(&only, Delete, "secret", None), 204),
        (with(&only, Delete, "never", None), 204),
        (with(&both, Delete, "secret", None), 412),
        (with(&both, Put, "secret", Some(&made)), 412),
        (
            with(
                &only,
                Put,
                "mixed",
                Some(&tagged(binary("open", None), "mixed")),
            ),
            200,
        ),
    ] {
        let reply = house.engine.answer(caller, &call).await;
        let what = format!("{:?} {:?}", call.interaction, call.conditions.if_none_exist);
        assert_eq!(reply.status, status, "{what}: {}", text(&reply));
    }
    let url = format!("Binary?_tag={TAGS}|secret&_summary=count");
    let count = house.ask(&both, Get, &url, None).await;
    assert_eq!(json(&count)["total"], CLOSED, "nothing was deleted");
}

/// Nor is it at the far end of a chain.
pub async fn a_chain_leads_to_no_closed_binary(house: House) {
    let person = house.put(&patient("1")).await;
    house
        .put(&tagged(binary("bound", Some(&person)), "secret"))
        .await;
    house.put(&tagged(binary("open", None), "plain")).await;
    for (id, item) in [("of-bound", "bound"), ("of-open", "open")] {
        let list = value!({ "resourceType": "List", "id": id, "status": "current", "mode": "working",
            "entry": [{ "item": { "reference": format!("Binary/{item}") } }] });
        house.put(&list).await;
    }
    let only = system("system/Binary.rs system/List.cruds");
    let both = system("system/Binary.rs system/List.cruds system/Patient.rs");
    for (url, seen, by_both) in [
        ("List?item:Binary._tag=urn:tags|secret", "", "of-bound"),
        ("List?item:Binary._id=bound", "", "of-bound"),
        ("List?item._tag=urn:tags|secret", "", "of-bound"),
        ("List?item:Binary._tag=urn:tags|plain", "of-open", "of-open"),
        (
            "List?item:Binary._tag:not=urn:tags|never",
            "of-open",
            "of-open of-bound",
        ),
        ("List?_filter=item._tag eq urn:tags|secret", "", "of-bound"),
        (
            "List?item:Binary._tag=urn:tags|secret&_summary=count",
            "0",
            "1",
        ),
    ] {
        for (caller, expected) in [(&only, seen), (&both, by_both)] {
            let reply = house.ask(caller, Get, &url.replace(' ', "%20"), None).await;
            let found = json(&reply);
            assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
            if url.contains("_summary") {
                assert_eq!(found["total"].to_string(), expected, "{url}");
                continue;
            }
            let entries = found["entry"].as_array().into_iter().flatten();
            let ids = entries.map(|e| e["resource"]["id"].as_str().unwrap());
            assert_eq!(ids.collect::<Vec<_>>().join(" "), expected, "{url}");
        }
    }
    let list = value!({ "resourceType": "List", "status": "current", "mode": "working" });
    for (caller, status) in [(&both, 200), (&only, 201)] {
        let mut create = call(Post, "List", Some(&list));
        create.conditions.if_none_exist = Some("item:Binary._tag=urn:tags|secret".to_owned());
        let reply = house.engine.answer(caller, &create).await;
        assert_eq!(reply.status, status, "{}", text(&reply));
    }
}

fn tagged(mut body: Value, code: &str) -> Value {
    body["meta"] = value!({ "tag": [{ "system": TAGS, "code": code }] });
    body
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
