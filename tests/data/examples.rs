//! Every example of the specification: imported into a store without a server, then read back from a server in JSON and in
//! XML, and sent once more as XML. <https://hl7.org/fhir/R4/downloads.html>

use super::import::{Import, import};
use super::json::Json;
use super::xml::{self, Element};
use super::{by_several, home, lines};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use ward_testkit::{Backend, Client, Server, Start, official_suite_run, shared_data};

const COUNT: usize = 715;
const JSON: &str = "application/fhir+json";
const XML: &str = "application/fhir+xml";
/// Tables of `Type/id`, words of the answer, reason. The import carries out the transactions and batches among the examples.
const REJECTED: &str = include_str!("../../docs/rejected-examples.md");
const REJECTED_COUNT: usize = 18;

/// Refused because of the order alone.
const AFTER_OTHERS: [&str; 2] = [
    "Bundle/bundle-request-medsallergies",
    "Bundle/bundle-request-simplesummary",
];

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
    let (events, texts): (Vec<String>, Vec<String>) =
        lines(&source).into_iter().partition(|text| is_event(text));
    assert_eq!(events.len() + texts.len(), COUNT);
    let examples = examples(&texts);
    let home = home(backend);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, texts: &[String]| {
        let path = folder.path().join(name);
        std::fs::write(&path, texts.join("\n")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let refused = import(&[&file("events.ndjson", &events)], &Import::into(&home));
    assert_eq!(
        refused
            .text
            .matches("405: an AuditEvent is never changed")
            .count(),
        events.len(),
        "{}",
        refused.text
    );
    let outcome = import(&[&file("examples.ndjson", &texts)], &Import::into(&home));
    let rejected = check_rejected(&examples, &outcome.text);
    assert_eq!(outcome.code, Some(2), "{}", outcome.text);

    let server = Server::start_in(Start::empty(backend), home);
    let ward = server.client("loader");
    for bundle in examples.iter().filter(|e| is_request(&e.sent)) {
        let text = &texts[bundle.number - 1];
        ward.request("PUT", &bundle.name)
            .body(JSON, text.clone().into())
            .send()
            .expect(201);
    }
    for name in AFTER_OTHERS {
        check_batch(&ward, name, &examples, &texts);
    }
    // Whose Consents are in force: what of their records is denied is not read back.
    let consenting: Vec<String> = texts
        .iter()
        .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap())
        .filter(|sent| sent["resourceType"] == "Consent" && sent["status"] == "active")
        .filter_map(|sent| Some(sent["patient"]["reference"].as_str()?.to_owned()))
        .collect();
    let is_consenting = |e: &Example| {
        let text = &texts[e.number - 1];
        let mut patients = consenting.iter();
        patients.any(|who| e.name == *who || text.contains(&format!("\"{who}\"")))
    };
    let stored: Vec<&Example> = examples
        .iter()
        .filter(|e| is_request(&e.sent) || !rejected.contains(e.name.as_str()))
        // A Consent is read by its patient and the privacy officer alone (R23): tests/consent.
        .filter(|e| e.sent.text("resourceType") != "Consent" && !is_consenting(e))
        .filter(|e| !is_cut(&ward, e))
        .collect();
    let problems = Mutex::new(Vec::new());
    by_several(stored.len(), |n| {
        let problem = read_back(&ward, stored[n]);
        problems.lock().unwrap().extend(problem);
    });
    by_several(stored.len(), |n| {
        let problem = through_xml(&ward, stored[n]);
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
        "{} examples stored, read back in JSON and in XML and sent again as XML, {} rejected",
        stored.len(),
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

/// Nobody writes one under an id of their own.
fn is_event(text: &str) -> bool {
    Json::parse(text).text("resourceType") == "AuditEvent"
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
    let listed: BTreeMap<&str, &str> = REJECTED.lines().filter_map(listed).collect();
    assert_eq!(listed.len(), REJECTED_COUNT);
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

/// A row "| `Type/id` | `words` | reason |".
fn listed(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("| `")?.split_once("` | `")?;
    let (words, _) = rest.split_once("` | ")?;
    Some((name, words))
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

/// A batch that reads what is stored by now: its first entry is answered.
fn check_batch(ward: &Client, name: &str, examples: &[Example], texts: &[String]) {
    let batch = examples.iter().find(|e| e.name == name).unwrap();
    let text = texts[batch.number - 1].clone();
    let request = ward.request("POST", "").body(JSON, text.into_bytes());
    let answer = request.send().expect(200).json();
    assert_eq!(answer["entry"][0]["resource"]["id"], "example", "{answer}");
}

/// Whether it comes without references to what those Consents deny, marked so (R17): tests/consent.
fn is_cut(ward: &Client, example: &Example) -> bool {
    let answer = ward.request("GET", &example.name).header("Accept", JSON);
    answer.send().text().contains("\"SUBSETTED\"")
}

fn read_back(ward: &Client, example: &Example) -> Option<String> {
    // Asked for as FHIR: a Binary would come as what it holds.
    let answer = ward
        .request("GET", &example.name)
        .header("Accept", JSON)
        .send();
    if answer.status != 200 {
        return Some(format!("{}: {}", example.name, answer.status));
    }
    let read = Json::parse(&answer.text()).unversioned();
    read.difference(&example.sent.clone().unversioned())
        .map(|d| format!("{}{d}", example.name))
}

/// What is read as XML is what was sent, and what is sent again as XML is read as the same in JSON.
fn through_xml(ward: &Client, example: &Example) -> Option<String> {
    let Example { name, sent, .. } = example;
    let xml = ward.request("GET", name).header("Accept", XML).send();
    let xml = xml.expect(200).text();
    let sent = sent.clone().unversioned();
    if let Some(difference) = xml::difference(&sent, &Element::read(&xml).unversioned()) {
        return Some(format!("{name} in XML{difference}"));
    }
    let stored_as = match send_again(ward, example, xml.into_bytes()) {
        Ok(stored_as) => stored_as,
        Err(problem) => return Some(problem),
    };
    let read = ward.request("GET", &stored_as).header("Accept", JSON);
    let read = Json::parse(&read.send().expect(200).text());
    read.unversioned()
        .without("id")
        .difference(&sent.without("id"))
        .map(|d| format!("{name} through XML{d}"))
}

/// Under its own id: where it can be read.
fn send_again(ward: &Client, example: &Example, xml: Vec<u8>) -> Result<String, String> {
    let name = &example.name;
    let (status, version) = (200, "W/\"2\"");
    let request = ward.request("PUT", name).header("Accept", XML);
    let answer = request.body(XML, xml).send();
    // Two took labels from what refers to them: a version of its own.
    let etag = answer.header("etag");
    let is_relabelled = matches!(
        name.as_str(),
        "CarePlan/f202" | "DiagnosticReport/example-pgx"
    );
    if answer.status != status || (etag != Some(version) && !is_relabelled) {
        let text = answer.text();
        return Err(format!("{name} as XML: {} {text}", answer.status));
    }
    let location = answer.header("location").unwrap_or(name).to_owned();
    let version_less = location.split("/_history/").next().unwrap();
    Ok(version_less.to_owned())
}
