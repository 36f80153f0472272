//! Every example of the specification: imported into a store without a server, then read back from a server, in JSON
//! and (one of each type) through XML. <https://hl7.org/fhir/R4/downloads.html>

use super::import::{Import, import};
use super::json::Json;
use super::{by_several, home, lines};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use ward_testkit::{Backend, Client, Server, Start, official_suite_run, shared_data};

const COUNT: usize = 715;
/// `Type/id`, words of the answer, reason. The import carries out the transactions and batches among the examples.
const REJECTED: &str = include_str!("rejected-examples.tsv");

struct Example {
    name: String,
    sent: Json,
    /// 1 is the first, as `ward import` counts.
    number: usize,
}

#[test]
fn the_examples_of_the_specification_are_read_back_as_sent_on_sqlite() {
    on(Backend::Sqlite);
}

#[test]
fn the_examples_of_the_specification_are_read_back_as_sent_on_postgres() {
    on(Backend::Postgres);
}

fn on(backend: Backend) {
    let Some(folder) = shared_data() else { return };
    if !ward_testkit::backends().contains(&backend) {
        return;
    }
    let source = folder.join("examples/r4-examples-4.0.1.ndjson.gz");
    let texts = lines(&source);
    let examples = examples(&texts);
    assert_eq!(examples.len(), COUNT);
    let home = home(backend);
    let outcome = import(&[source.to_str().unwrap()], &Import::into(&home));
    let rejected = check_rejected(&examples, &outcome.text);
    assert_eq!(outcome.code, Some(2), "{}", outcome.text);

    let server = Server::start_in(Start::empty(backend), home);
    let ward = server.client("loader");
    for bundle in examples.iter().filter(|e| is_request(&e.sent)) {
        let text = &texts[bundle.number - 1];
        ward.request("PUT", &bundle.name)
            .body("application/fhir+json", text.clone().into())
            .send()
            .expect(201);
    }
    let stored: Vec<&Example> = examples
        .iter()
        .filter(|e| is_request(&e.sent) || !rejected.contains(e.name.as_str()))
        .collect();
    let problems = Mutex::new(Vec::new());
    by_several(stored.len(), |n| {
        let problem = read_back(&ward, stored[n]);
        problems.lock().unwrap().extend(problem);
    });
    let one_of_each: BTreeMap<&str, &Example> = stored
        .iter()
        .rev()
        .map(|e| (e.sent.text("resourceType"), *e))
        .collect();
    let one_of_each: Vec<&Example> = one_of_each.into_values().collect();
    by_several(one_of_each.len(), |n| {
        let problem = through_xml(&ward, one_of_each[n]);
        problems.lock().unwrap().extend(problem);
    });
    let problems = problems.into_inner().unwrap();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
    println!(
        "{} examples stored and read back, {} of them through XML, {} rejected",
        stored.len(),
        one_of_each.len(),
        rejected.len()
    );
    official_suite_run("r4-examples", COUNT);
}

fn examples(lines: &[String]) -> Vec<Example> {
    let example = |(n, line): (usize, &String)| {
        let sent = Json::parse(line);
        Example {
            name: format!("{}/{}", sent.text("resourceType"), sent.text("id")),
            sent,
            number: n + 1,
        }
    };
    lines.iter().enumerate().map(example).collect()
}

fn is_request(sent: &Json) -> bool {
    sent.text("resourceType") == "Bundle" && matches!(sent.text("type"), "transaction" | "batch")
}

/// The rejected examples are those of the list, each for the reason given there.
fn check_rejected<'a>(examples: &'a [Example], text: &'a str) -> BTreeSet<&'a str> {
    let found: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| failed(line, examples))
        .collect();
    let listed: BTreeMap<&str, &str> = REJECTED
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(listed)
        .collect();
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        listed.keys().collect::<Vec<_>>(),
        "{text}"
    );
    for (name, words) in listed {
        assert!(
            found[name].contains(words),
            "{name} was rejected with: {}",
            found[name]
        );
    }
    found.into_keys().collect()
}

fn listed(line: &str) -> (&str, &str) {
    let mut columns = line.split('\t');
    (columns.next().unwrap(), columns.next().unwrap())
}

/// `  document 7: 422: ...`
fn failed<'a>(line: &'a str, examples: &'a [Example]) -> Option<(&'a str, &'a str)> {
    let (number, problem) = line.strip_prefix("  document ")?.split_once(": ")?;
    let number: usize = number.parse().unwrap();
    examples
        .iter()
        .find(|e| e.number == number)
        .map(|e| (e.name.as_str(), problem))
}

fn read_back(ward: &Client, example: &Example) -> Option<String> {
    // Asked for as FHIR: a Binary would come as what it holds.
    let answer = ward
        .request("GET", &example.name)
        .header("Accept", "application/fhir+json")
        .send();
    if answer.status != 200 {
        return Some(format!("{}: {}", example.name, answer.status));
    }
    let read = Json::parse(&answer.text()).unversioned();
    read.difference(&example.sent.clone().unversioned())
        .map(|d| format!("{}{d}", example.name))
}

/// What is written as XML and sent back as a new resource is the same resource.
fn through_xml(ward: &Client, example: &Example) -> Option<String> {
    let xml = ward.get(&format!("{}?_format=xml", example.name));
    let ty = example.sent.text("resourceType");
    let request = ward
        .request("POST", ty)
        .header("Accept", "application/fhir+json")
        .header("Prefer", "return=representation");
    let made = request.body("application/fhir+xml", xml.bytes).send();
    if made.status != 201 {
        return Some(format!(
            "{} through XML: {} {}",
            example.name,
            made.status,
            made.text()
        ));
    }
    let made = Json::parse(&made.text()).unversioned().without("id");
    made.difference(&example.sent.clone().unversioned().without("id"))
        .map(|d| format!("{} through XML{d}", example.name))
}
