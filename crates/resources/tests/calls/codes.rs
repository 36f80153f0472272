//! Where the case of a code counts, from stored resources to totals. <https://hl7.org/fhir/R4/search.html#token>

use crate::house::{House, call, json, loader, text};
use crate::indexing::build;
use bytes::Bytes;
use serde_json::{Value, json as value};
use ward_resources::reindex::Indexer;
use ward_resources::route::Method::{Get, Post};

const ACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const LAB: &str = "http://my.example.org/lab";

fn condition(id: &str, coding: Value) -> Value {
    value!({ "resourceType": "Condition", "id": id, "subject": { "reference": "Patient/p" },
        "code": { "coding": [coding] }, "encounter": { "reference": "Encounter/e" } })
}

async fn stored(house: &House) {
    let set = |id: &str, compose: Value| {
        value!({ "resourceType": "ValueSet", "id": id, "status": "active", "url": format!("http://my.example.org/{id}"),
            "compose": compose })
    };
    for body in [
        value!({ "resourceType": "Patient", "id": "p", "gender": "male" }),
        value!({ "resourceType": "Encounter", "id": "e", "status": "finished", "class": { "system": ACT, "code": "AMB" },
            "type": [{ "coding": [{ "system": LAB, "code": "Visit" }] }], "subject": { "reference": "Patient/p" } }),
        condition("lab", value!({ "system": LAB, "code": "Ab-1" })),
        condition("lower", value!({ "system": LAB, "code": "ab-1" })),
        condition("below", value!({ "system": LAB, "code": "AB-1-C" })),
        condition("exact", value!({ "system": ACT, "code": "ab-1" })),
        condition("act", value!({ "system": ACT, "code": "IMP" })),
        condition("bare", value!({ "code": "Xy" })),
        // What it says of itself is not asked for: the codes may have been there before.
        value!({ "resourceType": "CodeSystem", "status": "active", "id": "cs", "url": LAB, "content": "complete",
            "caseSensitive": true, "concept": [{ "code": "AB-1", "concept": [{ "code": "Ab-1-c" }] }, { "code": "B" }] }),
        set(
            "one",
            value!({ "include": [{ "system": LAB, "concept": [{ "code": "aB-1" }, { "code": "AB-1-c" }] }],
                "exclude": [{ "system": LAB, "concept": [{ "code": "ab-1-C" }] }] }),
        ),
        set(
            "act",
            value!({ "include": [{ "system": ACT, "concept": [{ "code": "imp" }] }] }),
        ),
    ] {
        house.put(&body).await;
    }
}

/// The same whatever wrote the rows.
const ALWAYS: &[(&str, &[&str])] = &[
    (
        "Condition?code=http://my.example.org/lab|AB-1-C",
        &["below"],
    ),
    ("Condition?code=AB-1-C", &["below"]),
    ("Condition?code=IMP", &["act"]),
    ("Condition?code=imp", &[]),
    ("Condition?code=|Xy", &["bare"]),
    (
        "Condition?code=http://my.example.org/lab|",
        &["below", "lab", "lower"],
    ),
    ("Condition?_filter=code eq IMP", &["act"]),
    ("Condition?code:in=http://my.example.org/act", &[]),
    ("Encounter?_has:Condition:encounter:code=Xy", &["e"]),
    ("Condition?encounter.type=Visit&code=Xy", &["bare"]),
    ("Encounter?class=amb", &[]),
    ("Patient?gender=Male", &[]),
];

const NEW: &[(&str, &[&str])] = &[
    (
        "Condition?code=http://my.example.org/lab|AB-1",
        &["lab", "lower"],
    ),
    ("Condition?code=AB-1", &["lab", "lower"]),
    ("Condition?code=ab-1", &["exact", "lab", "lower"]),
    ("Condition?code=|XY", &["bare"]),
    ("Condition?code=xY,IMP", &["act", "bare"]),
    (
        "Condition?code:not=AB-1",
        &["act", "bare", "below", "exact"],
    ),
    (
        "Condition?_filter=code eq AB-1 or code eq imp",
        &["lab", "lower"],
    ),
    (
        "Condition?code:in=http://my.example.org/one",
        &["lab", "lower"],
    ),
    (
        "Condition?code:not-in=http://my.example.org/one",
        &["act", "bare", "below", "exact"],
    ),
    (
        "Condition?code:below=http://my.example.org/lab|ab-1",
        &["below", "lab", "lower"],
    ),
    (
        "Condition?code:above=http://my.example.org/lab|ab-1-c",
        &["below", "lab", "lower"],
    ),
    ("Encounter?_has:Condition:encounter:code=xY", &["e"]),
    ("Condition?encounter.type=VISIT&code=xy", &["bare"]),
];

async fn demand(house: &House, questions: &[(&str, &[&str])], when: &str) {
    for (query, expected) in questions {
        let query = query.replace('|', "%7C").replace(' ', "%20");
        let found = house.found(&loader(), &query).await;
        assert_eq!(found, *expected, "{when}: {query}");
        let counted = format!("{query}&_total=accurate&_count=1");
        let reply = house.ask(&loader(), Get, &counted, None).await;
        assert_eq!(json(&reply)["total"], expected.len(), "{when}: {query}");
    }
}

pub async fn case_counts_where_the_code_system_says_so(house: House) {
    stored(&house).await;
    demand(&house, ALWAYS, "at once").await;
    demand(&house, NEW, "at once").await;
    // A condition of a write finds it, and nothing is made.
    let body = condition("other", value!({ "system": LAB, "code": "AB-1-C" }));
    let mut asked = call(Post, "Condition", Some(&body));
    asked.conditions.if_none_exist = Some(format!("code={LAB}|ab-1-C"));
    let reply = house.engine.answer(&loader(), &asked).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
}

/// Neither a statement nor a look at resources more than in the spelling of the store.
pub async fn another_case_costs_the_same(house: House) {
    stored(&house).await;
    for (stored, other) in [
        (
            "Condition?code=http://my.example.org/lab|ab-1",
            "Condition?code=http://my.example.org/lab|aB-1",
        ),
        ("Condition?code=ab-1", "Condition?code=AB-1"),
        ("Condition?code:not=xy", "Condition?code:not=XY"),
        (
            "Condition?encounter.type=visit",
            "Condition?encounter.type=VISIT",
        ),
        (
            "Encounter?_has:Condition:encounter:code=xy",
            "Encounter?_has:Condition:encounter:code=XY",
        ),
    ] {
        let mut counted = Vec::new();
        for query in [stored, other] {
            let query = format!("{}&_total=accurate", query.replace('|', "%7C"));
            // Caches are warm after the first.
            house.ask(&loader(), Get, &query, None).await;
            let asked = async { house.ask(&loader(), Get, &query, None).await };
            counted.push(house.statements(asked).await.1);
            let explained = format!("{query}&explain=true");
            let reply = house.ask(&loader(), Get, &explained, None).await;
            let by_index = text(&reply).contains("looking at each resource: nothing");
            assert!(by_index, "{query}");
        }
        assert_eq!(counted[0], counted[1], "{other}");
    }
}

/// Rows that the second edition of extraction wrote are found as before until they are indexed anew.
pub async fn rows_of_the_second_edition_are_brought_up(house: House) {
    let store = house.engine.store();
    let now = store.load_indexing().await.unwrap();
    let before = Bytes::from_static(b"edition 2");
    let changed = store.change_indexing(now.revision, now.generation, before);
    assert!(changed.await.unwrap());
    stored(&house).await;
    demand(&house, ALWAYS, "before").await;
    let mut indexer = Indexer::default();
    while house.engine.index(&mut indexer).await.unwrap() {
        demand(&house, ALWAYS, "meanwhile").await;
    }
    demand(&house, ALWAYS, "after").await;
    demand(&house, NEW, "after").await;
    // Nothing of the second edition is left behind.
    let body = condition("lab", value!({ "system": LAB, "code": "B" }));
    house.put(&body).await;
    let nothing: &[(&str, &[&str])] = &[("Condition?code=Ab-1", &["lower"])];
    demand(&house, nothing, "changed").await;
    build(&house.engine).await;
    assert_eq!(house.engine.store().indexing().generation, 1);
}
