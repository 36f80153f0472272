//! What clients define is answered the same before, while and after its index is built.

use crate::house::{House, app, call, json, loader, text};
use crate::parameters::{define, parameter};
use serde_json::{Value, json as value};
use ward_resources::Engine;
use ward_resources::reindex::Indexer;
use ward_resources::route::Method::{Delete, Get};

/// Builds the index to its end.
pub async fn build(engine: &Engine) {
    let mut indexer = Indexer::default();
    while engine.index(&mut indexer).await.unwrap() {}
}

/// Whether the index alone answers the question.
async fn by_index(engine: &Engine, query: &str) -> bool {
    let query = format!("{query}&explain=true");
    let reply = engine.answer(&loader(), &call(Get, &query, None)).await;
    text(&reply).contains("looking at each resource: nothing")
}

/// Status, ids in their order, and the total.
async fn answer(engine: &Engine, query: &str) -> (u16, Vec<String>, Value) {
    let query = format!("{query}&_total=accurate");
    let mut call = call(Get, &query, None);
    call.prefer.strict = true;
    let reply = engine.answer(&loader(), &call).await;
    if reply.status != 200 {
        return (reply.status, Vec::new(), Value::Null);
    }
    let page = json(&reply);
    let entries = page["entry"].as_array().cloned().unwrap_or_default();
    let ids = entries
        .iter()
        .map(|e| e["resource"]["id"].as_str().unwrap().to_owned());
    (200, ids.collect(), page["total"].clone())
}

fn patient(at: usize) -> Value {
    let colour = ["red", "green", "blue"][at % 3];
    let mut extension = vec![
        value!({ "url": "http://example.org/colour", "valueCode": colour }),
        value!({ "url": "http://example.org/since", "valueDate": format!("19{:02}-0{}", 50 + at % 40, 1 + at % 9) }),
        value!({ "url": "http://example.org/nick", "valueString": format!("nick {}", (at * 7) % 10) }),
        value!({ "url": "http://example.org/size", "valueDecimal": (at * 3) % 17 }),
    ];
    if at.is_multiple_of(5) {
        extension.truncate(1);
    }
    extension.push(value!({ "url": "http://example.org/friend",
        "valueReference": { "reference": format!("Patient/p{}", at / 2) } }));
    value!({ "resourceType": "Patient", "id": format!("p{at}"), "gender": if at.is_multiple_of(2) { "male" } else { "female" },
        "extension": extension })
}

fn of_type(id: &str, ty: &str) -> Value {
    let expression = format!("Patient.extension('http://example.org/{id}').value");
    let mut body = parameter(id, id, &expression);
    body["type"] = value!(ty);
    if ty == "reference" {
        body["target"] = value!(["Patient"]);
    }
    body
}

async fn define_all(house: &House) {
    for (id, ty) in [
        ("colour", "token"),
        ("since", "date"),
        ("nick", "string"),
        ("size", "number"),
        ("friend", "reference"),
    ] {
        assert_eq!(define(house, &of_type(id, ty)).await, 201, "{id}");
    }
}

/// Questions that are answered without an index too.
const ASKED: &[&str] = &[
    "Patient?colour=red",
    "Patient?colour:not=red",
    "Patient?colour=red,blue&gender=male",
    "Patient?colour:missing=true",
    "Patient?since=ge1970&_sort=since",
    "Patient?since=lt1970&_sort=-since,_id",
    "Patient?since:missing=true",
    "Patient?_sort=-since&_count=7",
    "Patient?nick=NICK 3",
    "Patient?nick:contains=k 4&_sort=_id",
    "Patient?nick:exact=nick 3",
    "Patient?_sort=nick&_count=9",
    "Patient?_sort=-nick,_id",
    "Patient?size=gt5&_sort=size",
    "Patient?size=3",
    "Patient?friend=Patient/p3",
    "Patient?friend:missing=true",
    "Patient?_filter=colour eq red and size gt 3",
    "Patient?_sort=colour,_id",
];

/// Questions that only an index answers.
const BY_INDEX_ONLY: &[&str] = &[
    "Patient?friend.gender=male",
    "Patient?friend:Patient.colour=red",
    "Patient?friend.friend.colour=blue",
    "Patient?_has:Patient:friend:colour=red",
    "Patient?_id=p3&_revinclude=Patient:friend",
];

pub async fn answers_are_the_same_before_and_after(house: House) {
    let engine = &house.engine;
    for at in 0..70 {
        house.put(&patient(at)).await;
    }
    define_all(&house).await;
    let mut before = Vec::new();
    for query in ASKED {
        let found = answer(engine, query).await;
        assert_eq!(found.0, 200, "{query}");
        assert!(!by_index(engine, "Patient?colour=red").await);
        before.push(found);
    }
    for query in BY_INDEX_ONLY {
        assert_eq!(answer(engine, query).await.0, 400, "{query}");
    }
    build(engine).await;
    for (query, before) in ASKED.iter().zip(&before) {
        assert_eq!(answer(engine, query).await, *before, "{query}");
    }
    for query in [
        "Patient?colour=red",
        "Patient?since=ge1970",
        "Patient?friend=Patient/p3",
    ] {
        assert!(by_index(engine, query).await, "{query}");
    }
    // p6 and p7 refer to p3; chains lead to whom they mean.
    let ids = |found: (u16, Vec<String>, Value)| {
        assert_eq!(found.0, 200);
        let mut ids = found.1;
        ids.sort();
        ids
    };
    let included = ids(answer(engine, "Patient?_id=p3&_revinclude=Patient:friend").await);
    assert_eq!(included, ["p3", "p6", "p7"]);
    let red: Vec<usize> = (0..70).filter(|at| at % 3 == 0).collect();
    let mut chained: Vec<String> = (0..70)
        .filter(|at| red.contains(&(at / 2)))
        .map(|at| format!("p{at}"))
        .collect();
    chained.sort();
    let query = "Patient?friend:Patient.colour=red&_count=100";
    assert_eq!(ids(answer(engine, query).await), chained);
    let mut reversed: Vec<String> = (0..35)
        .filter(|at| red.contains(&(at * 2)) || red.contains(&(at * 2 + 1)))
        .map(|at| format!("p{at}"))
        .collect();
    reversed.sort();
    let query = "Patient?_has:Patient:friend:colour=red&_count=100";
    assert_eq!(ids(answer(engine, query).await), reversed);
    // Bringing the index up makes no version.
    let history = house.ask(&loader(), Get, "Patient/p3/_history", None).await;
    assert_eq!(json(&history)["total"].as_u64().unwrap_or(1), 1);
    // It is told, and who may see little sees little.
    let statement = text(&house.ask(&loader(), Get, "metadata", None).await);
    assert!(statement.contains("Patient:friend"));
    let caller = app("patient/*.cruds", "Patient/p3");
    let seen = house
        .ask(&caller, Get, "Patient?colour=red&_total=accurate", None)
        .await;
    assert_eq!(json(&seen)["total"], 1, "{}", text(&seen));
    let conditional = house
        .ask(&loader(), Delete, "Patient?colour=red", None)
        .await;
    assert_eq!(conditional.status, 400, "{}", text(&conditional));
}

/// Each step of the work is followed by writes and by questions, whose answers are exact all the while.
pub async fn answers_are_exact_while_it_is_built(house: House) {
    let engine = &house.engine;
    for at in 0..160 {
        house.put(&patient(at)).await;
    }
    define(&house, &of_type("colour", "token")).await;
    let mut indexer = Indexer::default();
    let mut red: Vec<usize> = (0..160).filter(|at| at % 3 == 0).collect();
    let (mut steps, mut at) = (0, 0);
    loop {
        let more = engine.index(&mut indexer).await.unwrap();
        steps += 1;
        for _ in 0..6 {
            at = (at + 37) % 160;
            if at % 2 == 0 {
                house
                    .ask(&loader(), Delete, &format!("Patient/p{at}"), None)
                    .await;
                red.retain(|r| *r != at);
            } else {
                let mut body = patient(at);
                body["extension"][0]["valueCode"] = value!("red");
                house.put(&body).await;
                red.push(at);
            }
        }
        red.sort_unstable();
        red.dedup();
        let found = answer(engine, "Patient?colour=red&_count=0").await;
        assert_eq!(found.2, red.len(), "after {steps} steps");
        if !more {
            break;
        }
    }
    assert!(steps > 4, "{steps}");
    assert!(by_index(engine, "Patient?colour=red").await);
    let mut found = answer(engine, "Patient?colour=red&_count=200").await.1;
    found.sort();
    let mut expected: Vec<String> = red.iter().map(|at| format!("p{at}")).collect();
    expected.sort();
    assert_eq!(found, expected);
}

pub async fn a_change_and_an_end_leave_nothing_behind(house: House) {
    let engine = &house.engine;
    for at in 0..20 {
        house.put(&patient(at)).await;
    }
    define(&house, &of_type("colour", "token")).await;
    define(&house, &of_type("nick", "string")).await;
    build(engine).await;
    let all = answer(engine, "Patient?colour=red").await;
    // The same name for other elements: nothing of the former answers.
    let other = parameter(
        "colour",
        "colour",
        "Patient.extension('http://example.org/other').value",
    );
    assert_eq!(define(&house, &other).await, 200);
    assert_eq!(answer(engine, "Patient?colour=red").await.1, [""; 0]);
    build(engine).await;
    assert!(by_index(engine, "Patient?colour=red").await);
    assert_eq!(answer(engine, "Patient?colour=red").await.1, [""; 0]);
    // What did not change is answered by the index all the while.
    assert_eq!(define(&house, &of_type("colour", "token")).await, 200);
    assert!(by_index(engine, "Patient?nick=nick").await);
    assert!(!by_index(engine, "Patient?colour=red").await);
    assert_eq!(answer(engine, "Patient?colour=red").await, all);
    build(engine).await;
    assert_eq!(answer(engine, "Patient?colour=red").await, all);
    // Retired, and back again before and after its entries are taken away.
    for is_built in [false, true] {
        let mut retired = of_type("colour", "token");
        retired["status"] = value!("retired");
        assert_eq!(define(&house, &retired).await, 200);
        assert_eq!(answer(engine, "Patient?colour=red").await.0, 400);
        if is_built {
            build(engine).await;
        }
        // Written meanwhile.
        house.put(&patient(0)).await;
        house.ask(&loader(), Delete, "Patient/p1", None).await;
        house.put(&patient(1)).await;
        assert_eq!(define(&house, &of_type("colour", "token")).await, 200);
        let mut found = answer(engine, "Patient?colour=red").await;
        found.1.sort();
        build(engine).await;
        let mut again = answer(engine, "Patient?colour=red").await;
        again.1.sort();
        assert_eq!(again, found);
        assert_eq!(again.2, all.2);
    }
    house
        .ask(&loader(), Delete, "SearchParameter/colour", None)
        .await;
    house
        .ask(&loader(), Delete, "SearchParameter/nick", None)
        .await;
    build(engine).await;
    assert_eq!(answer(engine, "Patient?nick=nick").await.0, 400);
    house.put(&patient(3)).await;
    let found = answer(engine, "Patient?gender=male&_count=0").await;
    assert_eq!(found.2, 10);
}

/// Another process builds, writes and asks over the same database.
pub async fn processes_agree_on_what_is_indexed(house: House) {
    let Some(other) = house.another().await else {
        return;
    };
    for at in 0..30 {
        house.put(&patient(at)).await;
    }
    define(&house, &of_type("colour", "token")).await;
    other.watch_search_parameters().await;
    // It has not heard of the first process's work, whose writes are exact all the same.
    build(&house.engine).await;
    assert!(by_index(&house.engine, "Patient?colour=red").await);
    let put = |at: usize, colour: &'static str| {
        let mut body = patient(at);
        body["extension"][0]["valueCode"] = value!(colour);
        call(
            ward_resources::route::Method::Put,
            &format!("Patient/p{at}"),
            Some(&body),
        )
    };
    for at in [0, 1] {
        let reply = other.answer(&loader(), &put(at, "green")).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
    }
    for engine in [&house.engine, &other] {
        assert_eq!(answer(engine, "Patient?colour=red&_count=0").await.2, 9);
        assert_eq!(answer(engine, "Patient?colour=green&_count=0").await.2, 11);
    }
    other.watch_search_parameters().await;
    assert!(by_index(&other, "Patient?colour=red").await);
    // The first ends it and goes on; the other, which still thinks it is indexed, asks the index and is told otherwise.
    house
        .ask(&loader(), Delete, "SearchParameter/colour", None)
        .await;
    build(&house.engine).await;
    house.put(&patient(40)).await;
    assert_eq!(answer(&other, "Patient?colour=red").await.0, 400);
    let reply = other.answer(&loader(), &put(2, "red")).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
}

/// While a parameter ends and comes back, is built and rows are written, every answer is whole or says that it is not known.
pub async fn no_answer_is_half(house: House) {
    let other = house.another().await;
    let asked_of = other.as_ref().unwrap_or(&house.engine);
    for at in 0..60 {
        house.put(&patient(at)).await;
    }
    define(&house, &of_type("colour", "token")).await;
    build(&house.engine).await;
    let ended = std::cell::Cell::new(false);
    let change = async {
        for round in 0..6 {
            let mut retired = of_type("colour", "token");
            retired["status"] = value!("retired");
            define(&house, &retired).await;
            build(&house.engine).await;
            // As red as before, and indexed by no parameter of clients.
            for at in 0..6 {
                house.put(&patient(at * 3)).await;
            }
            define(&house, &of_type("colour", "token")).await;
            if round % 2 == 0 {
                build(&house.engine).await;
            }
        }
        ended.set(true);
    };
    let ask = async {
        let (mut whole, mut unknown, mut asked) = (0, 0, 0);
        while !ended.get() {
            asked += 1;
            if asked % 20 == 0 {
                asked_of.watch_search_parameters().await;
            }
            for query in [
                "Patient?colour=red&_count=0",
                "Patient?colour=red&_count=60",
            ] {
                let found = answer(asked_of, query).await;
                match found.0 {
                    200 => {
                        assert_eq!(found.2, 20, "{query}");
                        assert!(found.1.len() == 20 || query.ends_with("_count=0"));
                        whole += 1;
                    }
                    400 => unknown += 1,
                    other => panic!("{other}"),
                }
            }
            tokio::task::yield_now().await;
        }
        (whole, unknown)
    };
    let ((), (whole, unknown)) = tokio::join!(change, ask);
    println!("{whole} whole, {unknown} unknown");
    // However seldom the other met it whole meanwhile: once it is built and known, it is.
    build(&house.engine).await;
    asked_of.watch_search_parameters().await;
    let found = answer(asked_of, "Patient?colour=red&_count=60").await;
    assert_eq!(found.0, 200);
    assert_eq!(found.2, 20);
}
