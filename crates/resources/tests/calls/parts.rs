//! Non-interference of elements: every answer on the data D to a caller who sees a part of some types equals the answer on D|P,
//! where the elements that P does not see were never stored; and what P writes does the same on both and leaves the rest.
//!
//! Which elements are seen is worked out here from the definitions, not by `access`.

use crate::house::{House, call, in_role_of, json, loader, role, text};
use crate::noninterference::{Write, answers, ask, difference, last, said, stored, writes};
use crate::party::Mode;
use crate::pinned::{BEGIN_US, cases, random, set_clock};
use serde_json::{Value, json as value};
use std::collections::{BTreeMap, BTreeSet};
use ward_access::{Caller, Roles};
use ward_fhir::schema::r4;
use ward_resources::Call;
use ward_resources::route::Method::{Get, Patch, Put};
use ward_testkit::generate::{COUNTS, id, resource};
use ward_testkit::{Backend, Random};

/// What is asked of one pair of stores.
pub fn questions(backend: Backend) -> usize {
    match backend {
        Backend::Sqlite => 150,
        Backend::Postgres => 400,
    }
}

/// Writes of one caller on one pair of stores, and for how many cases one counts.
const WRITES: usize = 20;
const CASES_PER_WRITE: usize = 20;

pub async fn elements_that_are_not_seen_change_no_answer(backend: Backend) {
    let mut random = random();
    let (mut done, mut answered) = (0, 0);
    while done < cases() {
        let clerk = Clerk::any(&mut random, &["read", "search-type"]);
        let story = writes(&mut random);
        let story = clerk.plain(&mut random, story);
        let (whole, copy) = clerk.stores(backend, &story).await;
        for _ in 0..questions(backend).min(cases() - done) {
            let asked = ask(&mut random, Mode::Whole);
            done += 1;
            let on_whole = answers(&whole, &clerk.caller, &asked).await;
            let on_copy = answers(&copy, &clerk.caller, &asked).await;
            if on_whole != on_copy {
                let what = difference("asked by P", &on_whole, &on_copy);
                panic!("{} by {:?}\n{what}", asked.text(), clerk.parts);
            }
            answered += usize::from(on_whole[0].starts_with("status 200"));
            clerk.check_all(&on_whole);
        }
    }
    println!(
        "{done} answers, {answered} of them 200, are the same without elements that are not seen, on {backend:?}"
    );
    assert!(answered > done / 10, "hardly anything is answered");
}

pub async fn elements_that_are_not_seen_change_no_write(backend: Backend) {
    let mut random = random();
    let (mut done, mut changed) = (0, 0);
    while done < cases().div_ceil(CASES_PER_WRITE) {
        let clerk = Clerk::any(&mut random, &["create", "read", "update", "search-type"]);
        let story = writes(&mut random);
        let story = clerk.plain(&mut random, story);
        let (whole, copy) = clerk.stores(backend, &story).await;
        let paths: Vec<String> = last(&story).keys().map(|path| (*path).to_owned()).collect();
        for at in 0..WRITES {
            let asked = clerk.write(&mut random);
            let before = clerk.hidden(&whole, &paths).await;
            let mut outcomes = Vec::new();
            for house in [&whole, &copy] {
                set_clock(BEGIN_US + 1_000_000_000_000 + at as i64 * 1_000_000);
                outcomes.push(said(&house.engine.answer(&clerk.caller, &asked).await));
            }
            let what = format!(
                "{:?} {:?} {:?}",
                asked.interaction, asked.parameters, asked.body
            );
            assert_eq!(outcomes[0], outcomes[1], "{what} by {:?}", clerk.parts);
            let after = clerk.hidden(&whole, &paths).await;
            // What was deleted may have come back.
            for (path, hidden) in before {
                assert_eq!(
                    after.get(&path),
                    Some(&hidden),
                    "{what} by {:?}",
                    clerk.parts
                );
            }
            done += 1;
            changed += usize::from(outcomes[0].starts_with("status 20"));
        }
    }
    println!("{done} writes, {changed} of them done, keep what is not seen, on {backend:?}");
    assert!(changed > done / 20, "hardly anything is written");
}

/// Sees a part of some types and the whole of others.
pub struct Clerk {
    pub caller: Caller,
    site: Roles,
    /// By type the names of the elements that are seen, in JSON without type (`onset`).
    pub parts: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Of which the whole or a part is seen.
    pub types: BTreeSet<&'static str>,
}

impl Clerk {
    pub fn any(random: &mut Random, interactions: &[&str]) -> Clerk {
        let mut parts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut policies: Vec<(&str, Vec<&str>)> = Vec::new();
        for (ty, _) in COUNTS {
            let rare = matches!(*ty, "Organization" | "Practitioner" | "ValueSet");
            if random.once_in(if rare { 8 } else { 3 }) {
                let named = named(random, ty);
                parts.insert(*ty, named.iter().copied().chain(needed(ty)).collect());
                policies.push((*ty, named));
            } else if !random.once_in(5) {
                policies.push((*ty, Vec::new()));
            }
        }
        if parts.is_empty() {
            let named = vec!["code", "encounter", "onset"];
            policies.retain(|(ty, _)| *ty != "Condition");
            parts.insert(
                "Condition",
                named.iter().copied().chain(needed("Condition")).collect(),
            );
            policies.push(("Condition", named));
        }
        let types = policies.iter().map(|(ty, _)| *ty).collect();
        let policies: Vec<_> = policies
            .iter()
            .map(|(ty, named)| (*ty, named.as_slice(), interactions))
            .collect();
        let site = role(&policies);
        Clerk {
            caller: in_role_of(&site, "user/*.cruds", None),
            site,
            parts,
            types,
        }
    }

    /// The same person through an app that was launched for a patient.
    pub fn launched(&self, patient: &str) -> Caller {
        in_role_of(&self.site, "patient/*.cruds", Some(patient))
    }

    /// The story without what would be no valid resource once its hidden elements are gone: references into what is contained,
    /// and contained resources that refer to one another.
    pub fn plain(&self, random: &mut Random, story: Vec<Write>) -> Vec<Write> {
        let is_plain = |body: &Value| match body["contained"].as_array() {
            None => true,
            Some(contained) => {
                let ty = body["resourceType"].as_str().unwrap();
                !self.parts.contains_key(ty) && contained.len() == 1
            }
        };
        let plain = |write: Write| {
            let body = write.body.map(|mut body| {
                while !is_plain(&body) {
                    let ty = body["resourceType"].as_str().unwrap().to_owned();
                    let id = body["id"].as_str().unwrap().to_owned();
                    body = resource(random, &ty, &id);
                }
                body
            });
            Write { body, ..write }
        };
        story.into_iter().map(plain).collect()
    }

    /// One of the whole, one that never held what is not seen.
    async fn stores(&self, backend: Backend, story: &[Write]) -> (House, House) {
        let whole = stored(backend, story, &|_| true).await;
        let copy = stored(backend, &self.story_of_seen(story), &|_| true).await;
        (whole, copy)
    }

    pub fn story_of_seen(&self, story: &[Write]) -> Vec<Write> {
        let reduced = story.iter().map(|write| Write {
            body: write.body.as_ref().map(|body| self.reduced(body)),
            ..write.clone()
        });
        reduced.collect()
    }

    /// Without the elements that are not seen, those of contained resources too.
    fn reduced(&self, body: &Value) -> Value {
        let ty = body["resourceType"].as_str().unwrap();
        let mut kept = serde_json::Map::new();
        for (name, element) in body.as_object().unwrap() {
            let is_seen = name == "resourceType" || self.sees(ty, name);
            if is_seen && name == "contained" {
                let inside = element.as_array().unwrap().iter();
                let inside: Vec<Value> = inside.map(|inner| self.reduced(inner)).collect();
                kept.insert(name.clone(), Value::Array(inside));
            } else if is_seen {
                kept.insert(name.clone(), element.clone());
            }
        }
        Value::Object(kept)
    }

    fn sees(&self, ty: &str, member: &str) -> bool {
        let parts = self.parts.get(ty);
        parts.is_none_or(|parts| element(ty, member).is_some_and(|name| parts.contains(name)))
    }

    /// What answers to a question say, page by page.
    pub fn check_all(&self, answers: &[String]) {
        for answer in answers {
            let body = answer.split_once('\n').map_or("", |(_, body)| body);
            self.check(&serde_json::from_str(body).unwrap_or_default());
        }
    }

    /// No resource of an answer has an element that is not seen, and each of which a part is shown says so.
    fn check(&self, answer: &Value) {
        match answer {
            Value::Array(list) => list.iter().for_each(|one| self.check(one)),
            Value::Object(members) => {
                if let Some(ty) = members.get("resourceType").and_then(Value::as_str)
                    && self.parts.contains_key(ty)
                {
                    let mut names = members.keys().filter(|name| *name != "resourceType");
                    let hidden = names.find(|name| !self.sees(ty, name));
                    assert_eq!(hidden, None, "{answer}");
                    let tags = members["meta"]["tag"].to_string();
                    assert!(tags.contains("SUBSETTED"), "{answer}");
                }
                members.values().for_each(|one| self.check(one));
            }
            _ => {}
        }
    }

    /// What is not seen of the resources, as one reads it who sees all.
    async fn hidden(&self, house: &House, paths: &[String]) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        for path in paths {
            let reply = house.engine.answer(&loader(), &call(Get, path, None)).await;
            if reply.status != 200 {
                continue;
            }
            let Value::Object(mut body) = json(&reply) else {
                panic!("{}", text(&reply))
            };
            let ty = body["resourceType"].as_str().unwrap().to_owned();
            assert!(!text(&reply).contains("SUBSETTED"), "{}", text(&reply));
            body.retain(|name, _| name != "resourceType" && !self.sees(&ty, name));
            all.insert(path.clone(), Value::Object(body));
        }
        all
    }

    /// Something to write, of a type that is seen in part.
    fn write(&self, random: &mut Random) -> Call {
        let types: Vec<&str> = self.parts.keys().copied().collect();
        let ty = random.one_of(&types);
        let count = COUNTS.iter().find(|(name, _)| *name == ty).unwrap().1;
        let id = id(ty, random.below(count + 1));
        let url = format!("{ty}/{id}");
        let mut body = resource(random, ty, &id);
        while body.get("contained").is_some() {
            body = resource(random, ty, &id);
        }
        if !random.once_in(4) {
            body = self.reduced(&body);
        }
        match random.below(4) {
            0 => {
                let criteria = format!("{ty}?_id={id}&_lastUpdated=gt2000");
                call(Put, &criteria, Some(&body))
            }
            1 => {
                let members = body.as_object().unwrap();
                let names: Vec<&String> = members.keys().filter(|n| *n != "resourceType").collect();
                let name = names[random.below(names.len())];
                let element = element(ty, name).unwrap();
                let part =
                    |name: &str, value: Value| value!({ "name": name, "valueString": value });
                let operation = [
                    value!({ "name": "type", "valueCode": "delete" }),
                    part("path", value!(format!("{ty}.{element}"))),
                ];
                let patch = value!({ "resourceType": "Parameters",
                    "parameter": [{ "name": "operation", "part": operation }] });
                call(Patch, &url, Some(&patch))
            }
            _ => call(Put, &url, Some(&body)),
        }
    }
}

/// Some elements of a type: about half of those that are made, so that some data is left and some is gone.
pub fn named(random: &mut Random, ty: &str) -> Vec<&'static str> {
    let ty = r4().resource_type(ty).unwrap();
    let named = r4().elements_of(ty).iter().map(|element| element.name);
    let mut named: Vec<&str> = named
        .filter(|name| *name != "contained" && random.coin())
        .collect();
    // One of the two an Organization must have.
    if r4().ty(ty).name == "Organization" {
        named.extend(["identifier", "name"]);
    }
    if named.is_empty() {
        named.push("extension");
    }
    named
}

/// What is there whatever is named.
fn needed(ty: &str) -> Vec<&'static str> {
    let ty = r4().resource_type(ty).unwrap();
    let all = r4().elements_of(ty).iter();
    let needed = all.filter(|element| {
        let is_always = ["id", "meta", "implicitRules"].contains(&element.name);
        is_always || element.min > 0 || element.is_modifier
    });
    needed.map(|element| element.name).collect()
}

/// The element that a member of the JSON is: `onset` for `onsetDateTime` and `_onsetDateTime`.
fn element(ty: &str, member: &str) -> Option<&'static str> {
    let member = member.trim_start_matches('_');
    let ty = r4().resource_type(ty).unwrap();
    let elements = r4().elements_of(ty).iter();
    let is_it = |name: &str, is_choice: bool| match member.strip_prefix(name) {
        Some("") => !is_choice,
        Some(rest) => is_choice && rest.starts_with(char::is_uppercase),
        None => false,
    };
    let mut found = elements.filter(|element| is_it(element.name, element.is_choice));
    found.next().map(|element| element.name)
}
