//! Every search that the test metadata of US Core 3.1.1, 6.1.0 and 7.0.0 asks for, over the guides' own examples: alone and
//! combined, with each comparator, with several values, with what is to be included; where there is a hit and where there is
//! none. The answers must be exactly those of a naive reading of the JSON. <https://hl7.org/fhir/us/core/>
//!
//! Four parameters are not R4's: the guides' own definitions of them are stored first. What is not answered is listed with
//! its reason in `not-answered.tsv`, and nothing else may be missing.

mod examples;
mod naive;
mod parameter;
mod question;
mod questions;
mod yaml;

use super::lines;
use examples::World;
use question::Question;
use questions::questions;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Mutex;
use ward_testkit::{Backend, Client, Server, Start, official_suite_run, shared_data};

const VERSIONS: [&str; 3] = ["3.1.1", "6.1.0", "7.0.0"];
/// Version, resource type, what is asked for, reason.
const NOT_ANSWERED: &str = include_str!("not-answered.tsv");

#[test]
fn us_core_searches_are_answered_on_sqlite() {
    on(Backend::Sqlite);
}

#[test]
fn us_core_searches_are_answered_on_postgres() {
    on(Backend::Postgres);
}

fn on(backend: Backend) {
    let Some(folder) = shared_data() else { return };
    if !ward_testkit::backends().contains(&backend) {
        return;
    }
    let folder = folder.join("us-core");
    let server = Server::start(Start::empty(backend));
    let ward = server.client("loader");
    let world = World::load(&ward, &folder, &VERSIONS);
    let mut asked = Vec::new();
    for version in VERSIONS {
        let text =
            lines(&folder.join(format!("us-core-{version}-test-metadata.yml.gz"))).join("\n");
        for group in yaml::parse(&text)["groups"].as_array().unwrap() {
            let made = questions(group, &world).into_iter();
            asked.extend(made.map(|question| (version, question)));
        }
    }
    // What R4 does not define the guides do: it is answered once their definition is stored.
    let of_r4 = served(&ward);
    let beyond = asked.iter().flat_map(|(_, question)| question.names());
    let beyond: BTreeSet<String> = beyond.filter(|name| !of_r4.contains(name)).collect();
    beyond.iter().for_each(|name| world.define(&ward, name));
    let served = served(&ward);
    let mut unanswered = BTreeSet::new();
    asked.retain(|(version, question)| {
        let unserved = question.unserved(&served);
        unanswered.extend(
            unserved
                .iter()
                .map(|what| format!("{version}\t{}\t{what}", question.ty)),
        );
        unserved.is_none()
    });
    check_unanswered(&unanswered);
    check_both_ways(&asked);
    let wrong = Mutex::new(Vec::new());
    super::by_several(asked.len(), |n| {
        let (version, question) = &asked[n];
        if let Some(problem) = question.problem(&ward, n % 2 == 0) {
            wrong.lock().unwrap().push(format!("{version} {problem}"));
        }
    });
    let wrong = wrong.into_inner().unwrap();
    let shown: Vec<&str> = wrong.iter().take(40).map(String::as_str).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} wrong on {backend:?}:\n{}",
        wrong.len(),
        asked.len(),
        shown.join("\n")
    );
    println!(
        "{} questions, {} not answered",
        asked.len(),
        unanswered.len()
    );
    official_suite_run("us-core", asked.len());
}

/// `Type.parameter` of everything that the CapabilityStatement offers.
fn served(ward: &Client) -> BTreeSet<String> {
    let statement = ward.get("metadata").expect(200).json();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let mut served = BTreeSet::new();
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        for parameter in resource["searchParam"].as_array().into_iter().flatten() {
            served.insert(format!(
                "{}.{}",
                text(resource, "type"),
                text(parameter, "name")
            ));
        }
    }
    served
}

/// Every search and combination is asked where something is found and where nothing is.
fn check_both_ways(asked: &[(&str, Question)]) {
    let searches = || {
        asked
            .iter()
            .filter(|(_, q)| !q.needs[0].starts_with("_") || q.needs[0] == "_id")
    };
    let of = |(version, question): &(&str, Question)| {
        format!("{version} {} {}", question.ty, question.needs.join("+"))
    };
    let found = |is_hit: bool| -> BTreeSet<String> {
        let chosen = searches().filter(|(_, q)| q.matches.is_empty() != is_hit);
        chosen.map(of).collect()
    };
    let (hit, none) = (found(true), found(false));
    let differing: Vec<_> = hit.symmetric_difference(&none).collect();
    assert!(differing.is_empty(), "one way only: {differing:#?}");
}

fn check_unanswered(found: &BTreeSet<String>) {
    let rows = NOT_ANSWERED.lines().skip(1);
    let listed: BTreeSet<String> = rows
        .map(|row| {
            let (entry, reason) = row.rsplit_once('\t').unwrap();
            assert!(!reason.is_empty(), "no reason: {row}");
            entry.to_owned()
        })
        .collect();
    let differing: Vec<_> = found.symmetric_difference(&listed).collect();
    assert!(
        differing.is_empty(),
        "not-answered.tsv differs: {differing:#?}"
    );
}
