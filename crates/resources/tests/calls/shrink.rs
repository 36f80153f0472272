//! From a failing case to a small one: resources, criteria and values are left out one by one as long as it still fails.

use crate::house::House;
use crate::pinned::{delete, put};
use ward_testkit::naive::{Question, Stored, World};

/// Tries of one shrinking.
const TRIES_MAX: usize = 600;

/// Leaves out what the failure does not need. `fails` looks at the house and the world as they are then.
pub async fn case(
    house: &House,
    world: &mut World,
    question: &Question,
    fails: impl AsyncFn(&House, &World, &Question) -> bool,
) -> Question {
    let mut question = question.clone();
    let mut tries = 0;
    let mut smaller = true;
    while smaller && tries < TRIES_MAX {
        smaller = false;
        for simpler in simpler(&question) {
            tries += 1;
            if fails(house, world, &simpler).await {
                question = simpler;
                smaller = true;
                break;
            }
        }
        if smaller {
            continue;
        }
        let paths: Vec<String> = world.resources.iter().map(Stored::path).collect();
        for path in paths.iter().rev() {
            let before = world.clone();
            let body = world.get(path).map(|s| (s.body.clone(), s.updated_us));
            delete(house, path, world.now_us).await;
            world.remove(path);
            tries += 1;
            if fails(house, world, &question).await {
                smaller = true;
            } else if let Some((body, updated_us)) = body {
                put(house, &body, updated_us).await;
                *world = before;
            }
        }
    }
    question
}

/// Questions with one thing less.
pub fn simpler(question: &Question) -> Vec<Question> {
    let mut found = Vec::new();
    for at in 0..question.pairs.len() {
        let mut less = question.clone();
        less.pairs.remove(at);
        found.push(less);
        let (name, value) = &question.pairs[at];
        let with = |name: &str, value: &str| {
            let mut other = question.clone();
            other.pairs[at] = (name.to_owned(), value.to_owned());
            other
        };
        let values: Vec<&str> = value.split(',').collect();
        if values.len() > 1 {
            found.extend(values.iter().map(|one| with(name, one)));
        }
        // A chain from its second hop on is another question; a shorter one is found by its own cases.
        if let Some((code, modifier)) = name.split_once(':')
            && !code.starts_with('_')
            && !modifier.contains(['.', ':'])
        {
            found.push(with(code, value));
        }
    }
    found
}

/// What is needed to see it again.
pub fn report(world: &World, question: &Question, what: &str) -> String {
    let resources = world.resources.iter();
    let bodies: Vec<String> = resources
        .map(|s| format!("  {} (updated {})", s.body, s.updated_us))
        .collect();
    format!(
        "{}\n{what}\nresources:\n{}",
        question.text(),
        bodies.join("\n")
    )
}
