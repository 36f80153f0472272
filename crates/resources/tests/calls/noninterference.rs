//! The property of access: every answer on the data D to a caller P equals the answer on D|P, a copy from which everything
//! that P may not see was physically removed (it never held it), both to P and to a caller who may see all.
//!
//! Compared are status, version, time, location and the whole body, byte by byte; of cursors, which are sealed under a nonce, the
//! length, and that nothing in them lies open. Both stores get the same ids and the same times, so nothing else differs.

use crate::cursors::{are_sealed, with_lengths};
use crate::house::{House, loader, text};
use crate::indexing::build;
use crate::party::{Held, Mode, Party, patients};
use crate::past;
use crate::pinned::{
    BEGIN_US, cases, delete, open_with_words, pages, put, random, search, set_clock,
};
use crate::shrink::simpler;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use ward_access::Caller;
use ward_resources::route::Method::Get;
use ward_resources::search::encode_query;
use ward_resources::{Call, Reply};
use ward_testkit::generate::{ABSENT, COUNTS, Wish, id, question, resource};
use ward_testkit::naive::Question;
use ward_testkit::{Backend, Random};

/// Callers of one data set, and what each asks.
const PARTIES: usize = 4;
/// A new store costs more on PostgreSQL: there fewer of them are asked more.
fn questions(backend: Backend) -> usize {
    match backend {
        Backend::Sqlite => 250,
        Backend::Postgres => 625,
    }
}

pub async fn what_may_not_be_seen_changes_no_answer(backend: Backend) {
    let mut random = random();
    let mut done = 0;
    while done < cases() {
        let writes = writes(&mut random);
        let whole = stored(backend, &writes, &|_| true).await;
        for _ in 0..PARTIES {
            let last = last(&writes);
            let bodies: Vec<&Value> = last.values().map(|held| held.body).collect();
            let party = Party::any(&mut random, &patients(), &bodies);
            let copy = stored(backend, &writes, &|path| party.keeps(&last[path])).await;
            for _ in 0..questions(backend).min(cases() - done) {
                let asked = ask(&mut random, party.mode);
                done += 1;
                let told = compare([&whole, &copy], &writes, &party, &asked).await;
                if let Err(what) = told {
                    println!("shrinking: {}: {what}", asked.text());
                    panic!("{}", shrunk(backend, &writes, &party, asked, what).await);
                }
            }
        }
    }
    println!("{done} answers are the same without what may not be seen, on {backend:?}");
}

/// One write of the data's story; no body: a deletion.
#[derive(Clone)]
pub struct Write {
    pub path: String,
    pub body: Option<Value>,
    pub at_us: i64,
}

/// Creations, then updates and deletions. An update leaves a resource in the compartments it was in: what of its history the
/// former patient may see is tested by itself. Patients stay, for what is launched for a deleted one reaches nothing.
pub fn writes(random: &mut Random) -> Vec<Write> {
    let mut writes: Vec<Write> = Vec::new();
    let mut at_us = BEGIN_US;
    let mut add = |path: String, body: Option<Value>| {
        at_us += 977_000_000;
        writes.push(Write { path, body, at_us });
    };
    let mut current: BTreeMap<String, Value> = BTreeMap::new();
    for (ty, count) in COUNTS {
        for at in 0..*count {
            let body = resource(random, ty, &id(ty, at));
            let path = format!("{ty}/{}", id(ty, at));
            add(path.clone(), Some(body.clone()));
            current.insert(path, body);
        }
    }
    for _ in 0..25 {
        let (ty, count) = COUNTS[random.below(COUNTS.len())];
        let id = id(ty, random.below(count));
        let path = format!("{ty}/{id}");
        if random.once_in(3) && ty != "Patient" {
            if current.remove(&path).is_some() {
                add(path, None);
            }
        } else if let Some(before) = current.get(&path) {
            let made = resource(random, ty, &id);
            let body = with_people_of(before, made);
            add(path.clone(), Some(body.clone()));
            current.insert(path, body);
        }
    }
    writes
}

/// An update that moves nothing to another patient. What the people of the one are and the other contains cannot be mixed: of
/// such only what is said about it changes.
pub fn with_people_of(before: &Value, made: Value) -> Value {
    if before.get("contained").is_some() || made.get("contained").is_some() {
        let mut body = before.clone();
        body["meta"] = serde_json::json!({ "tag": [{ "code": "changed" }] });
        return body;
    }
    let mut body = made;
    for element in ["subject", "performer", "asserter"] {
        let object = body.as_object_mut().unwrap();
        match before.get(element) {
            Some(kept) => drop(object.insert(element.into(), kept.clone())),
            None => drop(object.remove(element)),
        }
    }
    body
}

/// What each path held last.
pub fn last(writes: &[Write]) -> BTreeMap<&str, Held<'_>> {
    let mut held: BTreeMap<&str, Held> = BTreeMap::new();
    for write in writes {
        let path = write.path.as_str();
        if let Some(body) = &write.body {
            let is_deleted = false;
            held.insert(path, Held { body, is_deleted });
        } else if let Some(held) = held.get_mut(path) {
            held.is_deleted = true;
        }
    }
    held
}

pub async fn stored(backend: Backend, writes: &[Write], is_kept: &dyn Fn(&str) -> bool) -> House {
    let house = open_with_words(backend, WORDS_OF).await;
    for write in writes.iter().filter(|w| is_kept(&w.path)) {
        match &write.body {
            Some(body) => put(&house, body, write.at_us).await,
            None => delete(&house, &write.path, write.at_us).await,
        }
    }
    build(&house.engine).await;
    set_clock(BEGIN_US + 1_000_000_000_000);
    house
}

const WISH: Wish = Wish {
    includes: true,
    more: false,
};

/// Types that are indexed by their words; of the others each resource is looked at.
pub const WORDS_OF: &[&str] = &["Patient", "Observation", "Condition"];

/// Something to ask, as it can be made smaller.
pub fn ask(random: &mut Random, mode: Mode) -> Question {
    let plain = |path: String, pairs: &[(&str, &str)]| Question {
        path,
        pairs: pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
    };
    let (ty, count) = COUNTS[random.below(COUNTS.len())];
    let id = if random.once_in(8) {
        ABSENT.to_owned()
    } else {
        id(ty, random.below(count))
    };
    let few = random.one_of(&["1", "3", "50"]);
    let reading = [
        plain(format!("{ty}/{id}"), &[]),
        plain(format!("{ty}/{id}/_history"), &[("_count", few)]),
        plain(format!("{ty}/{id}/_history/{}", 1 + random.below(3)), &[]),
    ];
    let patient = format!("Patient/patient-{}", random.below(6));
    let searching = [
        plain(format!("{ty}/_history"), &[("_count", few)]),
        plain(
            "_history".into(),
            &[("_count", random.one_of(&["7", "200"]))],
        ),
        plain(
            "_history".into(),
            &[("_count", "50"), ("_since", "2023-11-15")],
        ),
        plain(
            "Observation/$lastn".into(),
            &[("patient", &patient), ("max", few)],
        ),
        plain("Observation".into(), &[("_filter", random.one_of(FILTERS))]),
        plain(
            "Patient".into(),
            &[
                ("_content", random.one_of(&["smith", "Berg", "mrn"])),
                ("_total", "accurate"),
            ],
        ),
        plain(ty.into(), &[("_total", "estimate"), ("_count", few)]),
    ];
    let everything = [
        plain(format!("{patient}/$everything"), &[("_count", few)]),
        plain(
            format!("Encounter/encounter-{}/$everything", random.below(7)),
            &[],
        ),
        plain("Patient/$everything".into(), &[("_count", few)]),
    ];
    let (reads, searches) = (mode != Mode::Searching, mode != Mode::Reading);
    match random.below(10) {
        0 | 1 if reads => reading[random.below(3)].clone(),
        2 if reads && searches => everything[random.below(everything.len())].clone(),
        3 if searches => searching[random.below(searching.len())].clone(),
        _ if searches => question(random, WISH),
        _ => reading[random.below(3)].clone(),
    }
}

const FILTERS: &[&str] = &[
    "code eq c1",
    "not (code eq c1) and status eq final",
    "subject pr false or code eq c2",
    "encounter.status eq finished",
    "date ge 2020-03-01 or value-quantity gt 5",
];

pub fn call(asked: &Question) -> Call {
    if asked.path.contains('$') || asked.path.contains("_history") || asked.pairs.is_empty() {
        let url = format!("{}?{}", asked.path, encode_query(&asked.pairs));
        return crate::house::call(Get, &url, None);
    }
    search(asked)
}

/// What differs between D and D|P.
async fn compare(
    houses: [&House; 2],
    writes: &[Write],
    party: &Party,
    asked: &Question,
) -> Result<(), String> {
    let [whole, copy] = houses;
    let replies = pages(whole, &party.caller, call(asked), true).await;
    let on_whole: Vec<String> = replies.iter().map(said).collect();
    let on_copy = answers(copy, &party.caller, asked).await;
    if on_whole != on_copy {
        return Err(difference("asked by P", &on_whole, &on_copy));
    }
    are_sealed(&replies[..replies.len().min(2)])?;
    if asked.path.contains("_history") {
        past::check(writes, party, asked, &replies)?;
    }
    // Whom the scopes stop at the door is refused whatever there is.
    let stopped = on_whole[0].contains("status 403");
    // What is in two patients' compartments is not found by way of the other one's: less than may be seen, never more.
    let of_another = party.is_elsewhere(&asked.path);
    // Of a resource that is seen some former versions may not be, which the copy cannot leave out.
    let is_partly = party.is_granular() && asked.path.contains("_history");
    let last = last(writes);
    // By what is not seen nothing is found.
    let is_beyond = party.asks_beyond(asked, &last);
    if party.mode == Mode::Whole && !stopped && !of_another && !is_partly && !is_beyond {
        // To one who sees all what dangles is shown as it is stored; to P nothing is that is not there.
        let left = |said: &String| party.referring(said, &last, &|_| true);
        let to_all = answers(copy, &loader(), asked).await;
        let to_all: Vec<String> = to_all.iter().map(left).collect();
        let on_whole: Vec<String> = on_whole.iter().map(left).collect();
        if on_whole != to_all {
            return Err(difference("asked by one who sees all", &on_whole, &to_all));
        }
    }
    Ok(())
}

pub async fn answers(house: &House, caller: &Caller, asked: &Question) -> Vec<String> {
    let replies = pages(house, caller, call(asked), true).await;
    replies.iter().map(said).collect()
}

pub fn said(reply: &Reply) -> String {
    format!(
        "status {} version {:?} at {:?} location {:?}\n{}",
        reply.status,
        reply.version,
        reply.last_modified_us,
        reply.location,
        with_lengths(&text(reply))
    )
}

pub fn difference(how: &str, whole: &[String], copy: &[String]) -> String {
    let pages = whole.iter().zip(copy).position(|(a, b)| a != b);
    let at = pages.unwrap_or(whole.len().min(copy.len()));
    let none = "no such page".to_owned();
    let page = |pages: &[String]| pages.get(at).unwrap_or(&none).clone();
    format!(
        "{how}, page {at}\non D:   {}\non D|P: {}",
        page(whole),
        page(copy)
    )
}

/// Stores are made anew without one resource after the other, as long as the answers still differ.
async fn shrunk(
    backend: Backend,
    writes: &[Write],
    party: &Party,
    asked: Question,
    what: String,
) -> String {
    let mut kept: BTreeSet<String> = writes.iter().map(|w| w.path.clone()).collect();
    let (mut asked, mut what) = (asked, what);
    let paths: Vec<String> = kept.iter().cloned().collect();
    // By tens, then by one.
    for size in [10, 1] {
        for some in paths.chunks(size) {
            let fewer: BTreeSet<String> =
                kept.iter().filter(|p| !some.contains(p)).cloned().collect();
            if fewer.len() == kept.len() {
                continue;
            }
            if let Err(found) = again(backend, writes, party, &fewer, &asked).await {
                (kept, what) = (fewer, found);
            }
        }
    }
    while let Some((simple, found)) = simpler_failure(backend, writes, party, &kept, &asked).await {
        (asked, what) = (simple, found);
    }
    let last = last(writes);
    let story = writes.iter().filter(|w| kept.contains(&w.path)).map(|w| {
        let seen = if party.sees(&last[w.path.as_str()]) {
            "seen"
        } else {
            "hidden"
        };
        let body = w.body.as_ref().map_or("deleted".into(), Value::to_string);
        format!("  {seen} {} at {}: {body}", w.path, w.at_us)
    });
    let story: Vec<String> = story.collect();
    format!(
        "{}\nby {}\n{what}\nwrites:\n{}",
        asked.text(),
        party.scopes,
        story.join("\n")
    )
}

async fn again(
    backend: Backend,
    writes: &[Write],
    party: &Party,
    kept: &BTreeSet<String>,
    asked: &Question,
) -> Result<(), String> {
    let last = last(writes);
    let whole = stored(backend, writes, &|path| kept.contains(path)).await;
    let copy = stored(backend, writes, &|path| {
        kept.contains(path) && party.keeps(&last[path])
    })
    .await;
    let told: Vec<Write> = writes
        .iter()
        .filter(|w| kept.contains(&w.path))
        .cloned()
        .collect();
    compare([&whole, &copy], &told, party, asked).await
}

async fn simpler_failure(
    backend: Backend,
    writes: &[Write],
    party: &Party,
    kept: &BTreeSet<String>,
    asked: &Question,
) -> Option<(Question, String)> {
    for simple in simpler(asked) {
        if let Err(what) = again(backend, writes, party, kept, &simple).await {
            return Some((simple, what));
        }
    }
    None
}
