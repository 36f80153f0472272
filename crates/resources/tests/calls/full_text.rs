//! `_text` and `_content` of types that are indexed by words: the answers are those of a look at each resource, before, while and after
//! the index is built, and when a type is no longer to have it.

use crate::house::{House, app, call, json, loader, text, type_id};
use crate::indexing::build;
use serde_json::{Value, json as value};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ward_access::Caller;
use ward_consent::labels::RuleSet;
use ward_resources::reindex::Indexer;
use ward_resources::route::Method::{Delete, Get, Put};
use ward_resources::visibility::Labeller;
use ward_resources::{ConsentSettings, Engine, Settings};

/// Ids in their order, with the total.
async fn found(house: &House, caller: &Caller, url: &str) -> (Vec<String>, Value) {
    let reply = house.ask(caller, Get, url, None).await;
    assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
    let page = json(&reply);
    let entries = page["entry"].as_array().cloned().unwrap_or_default();
    let ids = entries.iter().map(|e| &e["resource"]["id"]);
    let ids = ids.map(|id| id.as_str().unwrap().to_owned());
    (ids.collect(), page["total"].clone())
}

async fn sorted(house: &House, url: &str) -> Vec<String> {
    let mut ids = found(house, &loader(), url).await.0;
    ids.sort();
    ids
}

/// What is decided by looking at each resource.
async fn looked_at(engine: &Engine, query: &str) -> String {
    let query = format!("{query}&explain=true");
    let reply = engine.answer(&loader(), &call(Get, &query, None)).await;
    let text = text(&reply);
    let begin = "looking at each resource: ";
    let (_, rest) = text.split_once(begin).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Builds the index to its end, once the process before no longer holds the work.
async fn settled(house: &House) {
    let begun = Instant::now();
    loop {
        let told = house.ask(&loader(), Get, "$reindex", None).await;
        if told.status != 202 {
            break;
        }
        let waited = begun.elapsed();
        assert!(waited < SETTLED_WITHIN, "not built: {}", text(&told));
        build(&house.engine).await;
        // Settings without rules of labels label all rows anew.
        let mut labeller = Labeller::default();
        while house.engine.label(&mut labeller).await.unwrap() {}
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Far more than a process that has ended holds the work.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

fn with_words(types: &[&str]) -> Settings {
    // What rules of labels add to resources is tested with the labels.
    let labels = Arc::new(RuleSet::empty());
    let consent = ConsentSettings::default().with_labels(labels);
    Settings {
        consent,
        full_text: types.iter().map(|name| type_id(name)).collect(),
        ..Settings::default()
    }
}

/// A house of people, their narratives and what is observed of them; not indexed by words.
async fn furnished(house: House) -> House {
    for (id, name, said) in [
        ("a", "Kidney Smith", "Chronic kidney disease, stage 3"),
        ("b", "Kid Berg", "chronic pain of the <b>knee</b>"),
        ("c", "Åse", "a kidney was removed; never chronic"),
        ("d", "Muller", "nothing"),
    ] {
        let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{said}</p></div>");
        let body = value!({ "resourceType": "Patient", "id": id, "name": [{ "text": name }],
            "text": { "status": "generated", "div": div },
            "identifier": [{ "value": format!("urn1414213562{id}") }] });
        house.put(&body).await;
        let body = value!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": format!("finding of {name}") },
            "subject": { "reference": format!("Patient/{id}") } });
        house.put(&body).await;
    }
    house
}

/// Question, what is found, and what of it the resources themselves decide where they are indexed by words.
const ASKED: &[(&str, &[&str], &str)] = &[
    ("Patient?_text=kidney", &["a", "c"], "nothing"),
    ("Patient?_text=KID", &["a", "c"], "nothing"),
    ("Patient?_content=kid", &["a", "b", "c"], "nothing"),
    ("Patient?_content=idney", &[], "nothing"),
    ("Patient?_text=chronic kidney", &["a", "c"], "nothing"),
    ("Patient?_text=kidney NOT removed", &["a"], "nothing"),
    ("Patient?_text=pain OR stage", &["a", "b"], "nothing"),
    ("Patient?_text=\"chronic kid\"", &["a"], "_text"),
    (
        "Patient?_text=\"chronic pain\" OR nothing",
        &["b", "d"],
        "_text",
    ),
    ("Patient?_text=kidney NOT \"chronic kid\"", &["c"], "_text"),
    ("Patient?_text=of", &["b"], "_text"),
    ("Patient?_text=kidney of", &[], "_text"),
    ("Patient?_content=ase", &["c"], "nothing"),
    ("Patient?_content=M%C3%9CLLER", &["d"], "nothing"),
    ("Patient?_content=urn1414213562b", &["b"], "nothing"),
    (
        "Patient?_content=urn14142",
        &["a", "b", "c", "d"],
        "nothing",
    ),
    ("Patient?_content=urn1", &["a", "b", "c", "d"], "nothing"),
    ("Patient?_content=urn9", &[], "nothing"),
    (
        "Patient?_filter=_text eq kidney and not (_text eq removed)",
        &["a"],
        "nothing",
    ),
    ("Patient?_text=kidney&_id=c,d", &["c"], "nothing"),
    (
        "Observation?_content=finding",
        &["a", "b", "c", "d"],
        "nothing",
    ),
    (
        "?_type=Patient,Observation&_content=muller",
        &["d", "d"],
        "nothing",
    ),
];

async fn demand_all(house: &House, is_indexed: bool) {
    for (query, expected, decided) in ASKED {
        let query = query.replace(' ', "%20");
        assert_eq!(sorted(house, &query).await, *expected, "{query}");
        let (_, total) = found(house, &loader(), &format!("{query}&_count=0")).await;
        assert_eq!(total, expected.len(), "{query}");
        let page = found(house, &loader(), &format!("{query}&_count=1"))
            .await
            .0;
        assert_eq!(page.len(), expected.len().min(1), "{query}");
        let looked = looked_at(&house.engine, &query).await;
        if is_indexed {
            assert_eq!(looked, *decided, "{query}");
        } else {
            assert!(
                looked.starts_with("_text") || looked.starts_with("_content"),
                "{query}: {looked}"
            );
        }
    }
}

pub async fn words_are_answered_as_by_looking(house: House) {
    let house = furnished(house).await;
    build(&house.engine).await;
    demand_all(&house, false).await;
    let chain = "Observation?patient._text=kidney";
    let reply = house.ask(&loader(), Get, chain, None).await;
    assert_eq!(reply.status, 400, "{}", text(&reply));
    // Switched on: the same at once, and when the index is there by it alone.
    let house = house
        .restarted(with_words(&["Patient", "Observation"]))
        .await;
    demand_all(&house, false).await;
    let mut indexer = Indexer::default();
    house.engine.index(&mut indexer).await.unwrap();
    demand_all(&house, false).await;
    while house.engine.index(&mut indexer).await.unwrap() {}
    demand_all(&house, true).await;
    for (url, expected) in [
        (chain, vec!["a", "c"]),
        ("Observation?patient._text=kidney&_content=ase", vec!["c"]),
        ("Patient?_has:Observation:patient:_content=berg", vec!["b"]),
        (
            "Patient?_text=chronic&_sort=-_score,_id",
            vec!["a", "b", "c"],
        ),
    ] {
        assert_eq!(sorted(&house, url).await, expected, "{url}");
    }
    let reply = house
        .ask(&loader(), Delete, "Patient?_text=nothing", None)
        .await;
    assert_eq!(reply.status, 400, "{}", text(&reply));
    assert!(
        text(&reply).contains("indexed by words"),
        "{}",
        text(&reply)
    );
    // A change takes words away and brings others, a deletion takes all.
    let body = value!({ "resourceType": "Patient", "id": "a", "name": [{ "text": "Lung" }] });
    house.put(&body).await;
    house.ask(&loader(), Delete, "Observation/c", None).await;
    house.ask(&loader(), Delete, "Patient/c", None).await;
    assert_eq!(sorted(&house, "Patient?_content=kidney").await, [""; 0]);
    assert_eq!(sorted(&house, "Patient?_content=lung").await, ["a"]);
    // Switched off for one type, which keeps its answers, and on again.
    let house = house.restarted(with_words(&["Observation"])).await;
    assert_eq!(sorted(&house, "Patient?_content=lung").await, ["a"]);
    settled(&house).await;
    assert_eq!(
        looked_at(&house.engine, "Patient?_content=lung").await,
        "_content"
    );
    assert_eq!(
        looked_at(&house.engine, "Observation?_content=berg").await,
        "nothing"
    );
    let body = value!({ "resourceType": "Patient", "id": "b", "name": [{ "text": "Lung" }] });
    house.put(&body).await;
    let house = house
        .restarted(with_words(&["Observation", "Patient"]))
        .await;
    assert_eq!(sorted(&house, "Patient?_content=lung").await, ["a", "b"]);
    settled(&house).await;
    assert_eq!(
        looked_at(&house.engine, "Patient?_content=lung").await,
        "nothing"
    );
    assert_eq!(sorted(&house, "Patient?_content=lung").await, ["a", "b"]);
    assert_eq!(sorted(&house, "Patient?_content=berg").await, [""; 0]);
    let told = house.ask(&loader(), Get, "$reindex", None).await;
    assert_eq!(told.status, 200, "{}", text(&told));
    assert!(text(&told).contains("fullText"), "{}", text(&told));
}

/// More distinct words than the index keeps of a resource.
fn wordy(id: &str, last: &str) -> Value {
    let words: Vec<String> = (0..2_100).map(|at| format!("word{at}")).collect();
    value!({ "resourceType": "Patient", "id": id, "name": [{ "text": format!("{} {last}", words.join(" ")) }] })
}

pub async fn more_words_than_are_kept_are_found(house: House) {
    let house = house.restarted(with_words(&["Patient"])).await;
    build(&house.engine).await;
    house.put(&wordy("long", "zebra")).await;
    house.put(&wordy("other", "zoo")).await;
    let short =
        value!({ "resourceType": "Patient", "id": "short", "name": [{ "text": "zebra word77" }] });
    house.put(&short).await;
    for (url, expected) in [
        ("Patient?_content=zebra", vec!["long", "short"]),
        ("Patient?_content=zeb%20NOT%20word77", vec![]),
        ("Patient?_content=word2099", vec!["long", "other"]),
        ("Patient?_content=word77%20zebra", vec!["long", "short"]),
        ("Patient?_content=%22word2099%20zoo%22", vec!["other"]),
        (
            "Patient?_filter=not%20(_content%20eq%20zebra)",
            vec!["other"],
        ),
    ] {
        assert_eq!(sorted(&house, url).await, expected, "{url}");
    }
}

/// On PostgreSQL the page, one that looks for resources with more words than are kept, and one whether another process has changed
/// what is indexed. On SQLite the second, and in one snapshot (its begin and its end) the terms of the beginning and the page.
pub async fn a_word_takes_as_many_statements(house: House) {
    let house = furnished(house).await;
    let is_shared = house.engine.store().is_shared();
    let house = house
        .restarted(with_words(&["Patient", "Observation"]))
        .await;
    build(&house.engine).await;
    let mut counted = Vec::new();
    for query in [
        "Patient?_content=kidney&_count=10",
        "Patient?_text=kidney&_count=10",
        "Patient?_text=nowhere&_count=10",
        "Observation?_content=finding&_count=10",
    ] {
        // Caches are warm after the first.
        house.ask(&loader(), Get, query, None).await;
        let asked = async { house.ask(&loader(), Get, query, None).await };
        counted.push(house.statements(asked).await.1);
    }
    assert_eq!(counted, [if is_shared { 3 } else { 5 }; 4]);
}

pub async fn who_may_not_see_a_word_is_not_told_by_it(house: House) {
    let house = furnished(house).await;
    let house = house
        .restarted(with_words(&["Patient", "Observation"]))
        .await;
    build(&house.engine).await;
    house.put(&wordy("long", "zebra")).await;
    let own = app("patient/*.rs", "Patient/b");
    for (url, expected) in [
        ("Patient?_text=kidney", vec![]),
        ("Patient?_text=chronic", vec!["b"]),
        ("Patient?_content=zebra", vec![]),
        ("Patient?_content=urn1414213562a", vec![]),
        ("Observation?_content=finding", vec!["b"]),
        ("Observation?patient._text=chronic", vec!["b"]),
        ("Observation?patient._text=kidney", vec![]),
    ] {
        let url = format!("{url}&_total=accurate");
        let (ids, total) = found(&house, &own, &url).await;
        assert_eq!(ids, expected, "{url}");
        assert_eq!(total, expected.len(), "{url}");
    }
}

/// Another process writes and asks over the same database.
pub async fn processes_agree_on_whose_words_are_indexed(house: House) {
    let house = furnished(house).await;
    let house = house.restarted(with_words(&["Patient"])).await;
    let Some(other) = house.another().await else {
        return;
    };
    build(&house.engine).await;
    let body = value!({ "resourceType": "Patient", "id": "a", "name": [{ "text": "Kidney" }] });
    let put = call(Put, "Patient/a", Some(&body));
    assert_eq!(other.answer(&loader(), &put).await.status, 200);
    for engine in [&house.engine, &other] {
        let asked = call(Get, "Patient?_content=kidney&_count=0", None);
        assert_eq!(json(&engine.answer(&loader(), &asked).await)["total"], 2);
    }
    other.watch_search_parameters().await;
    for engine in [&house.engine, &other] {
        assert_eq!(
            looked_at(engine, "Patient?_content=kidney").await,
            "nothing"
        );
    }
}

/// More words begin so than are merged: few rows are gathered, many are walked over until a page is full.
pub async fn many_words_may_begin_alike(house: House) {
    let house = house.restarted(with_words(&["Patient"])).await;
    build(&house.engine).await;
    for at in 0..120 {
        let gender = if at % 3 == 0 { "female" } else { "male" };
        let rare = if at % 40 == 7 {
            format!("lym{at}")
        } else {
            String::new()
        };
        let body = value!({ "resourceType": "Patient", "id": format!("p{at}"), "gender": gender,
            "name": [{ "text": format!("tum{:02}x {rare}z", at % 40) }] });
        house.put(&body).await;
    }
    let of = async |query: &str| found(&house, &loader(), query).await;
    for (words, plain) in [
        ("Patient?_content=tum&_count=10", "Patient?_count=10"),
        ("Patient?_content=tum&_count=1", "Patient?_count=1"),
        ("Patient?_content=tum&_count=200", "Patient?_count=200"),
        (
            "Patient?_content=tum&gender=female&_count=1",
            "Patient?gender=female&_count=1",
        ),
        ("Patient?_content=tum&_count=0", "Patient?_count=0"),
        (
            "Patient?_content=tum&_sort=_id&_count=9",
            "Patient?_sort=_id&_count=9",
        ),
        (
            "Patient?_filter=not%20(_content%20eq%20tum)&_count=9",
            "Patient?_id=nobody",
        ),
        (
            "Patient?_content=tum%20lym&_count=9",
            "Patient?_id=p7,p47,p87",
        ),
        ("Patient?_content=tum07&_count=9", "Patient?_id=p7,p47,p87"),
    ] {
        assert_eq!(of(words).await.0, of(plain).await.0, "{words}");
        assert_eq!(looked_at(&house.engine, words).await, "nothing", "{words}");
    }
    assert_eq!(of("Patient?_content=tum&_count=0").await.1, 120);
    // Page after page.
    let mut next = Some("Patient?_content=tum&_count=2".to_owned());
    let mut seen = Vec::new();
    while let Some(url) = next {
        let page = json(&house.ask(&loader(), Get, &url, None).await);
        let entries = page["entry"].as_array().unwrap().iter();
        seen.extend(entries.map(|e| e["resource"]["id"].as_str().unwrap().to_owned()));
        next = page["link"].as_array().unwrap().iter().find_map(|link| {
            let url = link["url"]
                .as_str()
                .filter(|_| link["relation"] == "next")?;
            Some(url.split_once("/fhir/").unwrap().1.to_owned())
        });
    }
    assert_eq!(seen, of("Patient?_count=200").await.0);
}
