//! Random questions over random data, answered by the engine and by looking at every resource (`ward_testkit::naive`): the
//! same ids in the same order, the same totals, the same includes on every page, after any number of updates and deletions.

use crate::house::{House, json, loader, text};
use crate::pinned::{
    BEGIN_US, cases, delete, open_with_words, pages, put, random, search, set_clock,
};
use crate::shrink;
use serde_json::Value;
use std::collections::BTreeSet;
use ward_resources::Reply;
use ward_resources::reindex::Indexer;
use ward_resources::route::Method;
use ward_testkit::generate::{COUNTS, MORE, Wish, fixed, id, question, resource};
use ward_testkit::naive::{Question, World, answer, included};
use ward_testkit::{Backend, Random};

/// Questions asked of one state of the data.
const QUESTIONS: usize = 250;
/// Changes between two states.
const CHANGES: usize = 12;
/// States of one store; then a new one begins.
const STATES: usize = 10;
const WISH: Wish = Wish {
    includes: true,
    more: true,
};
/// Microseconds between two writes.
const STEP_US: i64 = 977_000_000;

pub async fn searches_agree_with_looking_at_everything(backend: Backend) {
    let mut random = random();
    let mut done = 0;
    while done < cases() {
        let mut state = State {
            house: some_words(&mut random, backend).await,
            indexer: Indexer::default(),
            world: World::default(),
            at_us: BEGIN_US,
        };
        for at in 0..STATES {
            if at == 0 {
                state.fill(&mut random).await;
            } else {
                state.change(&mut random).await;
            }
            state.label().await;
            state.index(&mut random).await;
            for _ in 0..QUESTIONS.min(cases() - done) {
                let asked = question(&mut random, WISH);
                state.demand(&asked).await;
                done += 1;
            }
        }
    }
    println!("{done} questions agree on {backend:?}");
}

/// Some types are indexed by their words.
async fn some_words(random: &mut Random, backend: Backend) -> House {
    let types = COUNTS.iter().chain(MORE).map(|(ty, _)| *ty);
    let types: Vec<&str> = types.filter(|_| random.coin()).collect();
    open_with_words(backend, &types).await
}

struct State {
    house: House,
    indexer: Indexer,
    world: World,
    at_us: i64,
}

impl State {
    async fn fill(&mut self, random: &mut Random) {
        for body in fixed() {
            self.put(body).await;
        }
        for (ty, count) in COUNTS.iter().chain(MORE) {
            for at in 0..*count {
                let body = resource(random, ty, &id(ty, at));
                self.put(body).await;
            }
        }
    }

    /// Labels that were carried to resources and taken back are versions of their own.
    async fn label(&mut self) {
        let stored: Vec<(String, Value)> = self
            .world
            .resources
            .iter()
            .map(|stored| (stored.path(), stored.body.clone()))
            .collect();
        for (path, mut body) in stored {
            let reply = self.house.ask(&loader(), Method::Get, &path, None).await;
            let security = json(&reply)["meta"]["security"].clone();
            let said = body.get("meta").and_then(|meta| meta.get("security"));
            if said.unwrap_or(&Value::Null) == &security {
                continue;
            }
            if security.is_null() {
                body["meta"].as_object_mut().unwrap().remove("security");
            } else {
                body["meta"]["security"] = security;
            }
            self.world.put(body, reply.last_modified_us.unwrap());
        }
    }

    /// Builds on the index of words: not at all, of some of the types, or to its end.
    async fn index(&mut self, random: &mut Random) {
        for _ in 0..[0, 1, 3, 5, 100][random.below(5)] {
            if !self.house.engine.index(&mut self.indexer).await.unwrap() {
                break;
            }
        }
    }

    /// Updates, deletions, and what was deleted comes back.
    async fn change(&mut self, random: &mut Random) {
        for _ in 0..CHANGES {
            let (ty, count) = match random.once_in(4) {
                true => MORE[random.below(MORE.len())],
                false => COUNTS[random.below(COUNTS.len())],
            };
            let id = id(ty, random.below(count));
            let path = format!("{ty}/{id}");
            if random.once_in(3) && self.world.get(&path).is_some() {
                self.tick();
                delete(&self.house, &path, self.at_us).await;
                self.world.remove(&path);
            } else {
                let body = resource(random, ty, &id);
                self.put(body).await;
            }
        }
    }

    async fn put(&mut self, body: Value) {
        self.tick();
        put(&self.house, &body, self.at_us).await;
        self.world.put(body, self.at_us);
    }

    fn tick(&mut self) {
        self.at_us += STEP_US;
        self.world.now_us = self.at_us;
    }

    async fn demand(&mut self, asked: &Question) {
        set_clock(self.world.now_us);
        let Err(what) = compare(&self.house, &self.world, asked).await else {
            return;
        };
        println!("shrinking: {}: {what}", asked.text());
        let refused = what.starts_with("status");
        // A refusal stays one, and a difference does not become one.
        let fails = async |house: &House, world: &World, asked: &Question| {
            set_clock(world.now_us);
            let found = compare(house, world, asked).await;
            found.is_err_and(|what| what.starts_with("status") == refused)
        };
        let small = shrink::case(&self.house, &mut self.world, asked, fails).await;
        set_clock(self.world.now_us);
        let what = match compare(&self.house, &self.world, &small).await {
            Err(what) => what,
            Ok(()) => format!("only together with what was before: {what}"),
        };
        panic!("{}", shrink::report(&self.world, &small, &what));
    }
}

/// What the engine and the evaluator say differently.
async fn compare(house: &House, world: &World, asked: &Question) -> Result<(), String> {
    let expected = answer(world, asked);
    let count: usize = asked.value("_count").map_or(20, |c| c.parse().unwrap());
    let only_total = count == 0 || asked.value("_summary") == Some("count");
    let replies = pages(house, &loader(), search(asked), true).await;
    for reply in &replies {
        if reply.status != 200 {
            return Err(format!("status {}: {}", reply.status, text(reply)));
        }
    }
    let total = json(&replies[0])["total"].as_u64();
    if (only_total || asked.value("_total").is_some()) && total != Some(expected.len() as u64) {
        return Err(format!("total {total:?}, expected {}", expected.len()));
    }
    if only_total {
        let none = replies.len() == 1 && entries(&replies[0], "match").is_empty();
        return none
            .then_some(())
            .ok_or_else(|| "entries beside the total".into());
    }
    let found: Vec<Vec<String>> = replies.iter().map(|r| entries(r, "match")).collect();
    let mut wanted: Vec<Vec<String>> = expected.chunks(count).map(<[_]>::to_vec).collect();
    if wanted.is_empty() {
        wanted.push(Vec::new());
    }
    if found != wanted {
        return Err(format!("found    {found:?}\nexpected {wanted:?}"));
    }
    for (reply, page) in replies.iter().zip(&wanted) {
        let found = entries(reply, "include");
        let set: BTreeSet<String> = found.iter().cloned().collect();
        let wanted = included(world, asked, page);
        if set != wanted || found.len() != set.len() {
            return Err(format!("included {found:?}\nexpected {wanted:?}"));
        }
    }
    Ok(())
}

/// `Type/id` of a page's entries of one search mode.
fn entries(reply: &Reply, mode: &str) -> Vec<String> {
    let bundle = json(reply);
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let of_mode = entries.iter().filter(|e| e["search"]["mode"] == mode);
    let path = |e: &Value| {
        let part = |name: &str| e["resource"][name].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", part("resourceType"), part("id"))
    };
    of_mode.map(path).collect()
}
