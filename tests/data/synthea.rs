//! 80 Synthea patients as transactions: every entry is read back as sent, apart from its id and the references that the
//! transaction resolved. <https://hl7.org/fhir/R4/http.html#trules>

use super::import::{Import, import};
use super::json::Json;
use super::{by_several, home, lines};
use std::collections::HashMap;
use std::sync::Mutex;
use ward_testkit::{Backend, Client, Server, Start, official_suite_run, shared_data};

const COUNT: usize = 80;
/// Bundles that go in through `ward import`, the rest over HTTP.
const IMPORTED: usize = 4;
/// Reads in one batch.
const READS_PER_BATCH: usize = 200;

#[test]
fn synthea_patients_are_read_back_as_sent_on_sqlite() {
    on(Backend::Sqlite);
}

#[test]
fn synthea_patients_are_read_back_as_sent_on_postgres() {
    on(Backend::Postgres);
}

fn on(backend: Backend) {
    let Some(folder) = shared_data() else { return };
    if !ward_testkit::backends().contains(&backend) {
        return;
    }
    let bundles = lines(&folder.join("examples/synthea-r4-dev-80.ndjson.gz"));
    assert_eq!(bundles.len(), COUNT);
    let home = home(backend);
    let part = home.folder.path().join("part.ndjson");
    std::fs::write(&part, bundles[..IMPORTED].join("\n")).unwrap();
    let outcome = import(&[part.to_str().unwrap()], &Import::into(&home));
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.text, outcome.errors);

    let server = Server::start_in(Start::empty(backend), home);
    let ward = server.client("loader");
    check_imported(&ward, &bundles[..IMPORTED]);
    let (problems, read) = (Mutex::new(Vec::new()), Mutex::new(0));
    by_several(COUNT - IMPORTED, |n| {
        let sent = Json::parse(&bundles[IMPORTED + n]);
        let ids = post(&ward, &bundles[IMPORTED + n], &sent);
        let found = read_back(&ward, &sent, &ids);
        problems.lock().unwrap().extend(
            found
                .into_iter()
                .map(|p| format!("bundle {}: {p}", IMPORTED + n + 1)),
        );
        *read.lock().unwrap() += ids.len();
    });
    let problems = problems.into_inner().unwrap();
    let shown: Vec<&str> = problems.iter().take(20).map(String::as_str).collect();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        shown.join("\n")
    );
    println!("{} entries read back", read.into_inner().unwrap());
    official_suite_run("synthea", COUNT);
}

/// The imported part, by number: as many resources of each type as were sent.
fn check_imported(ward: &Client, bundles: &[String]) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for bundle in bundles {
        for entry in Json::parse(bundle).items("entry") {
            *counts
                .entry(
                    entry
                        .member("resource")
                        .unwrap()
                        .text("resourceType")
                        .to_owned(),
                )
                .or_default() += 1;
        }
    }
    for (ty, count) in counts {
        let total = ward.get(&format!("{ty}?_summary=count")).expect(200).json()["total"].as_u64();
        assert_eq!(total, Some(count as u64), "{ty}");
    }
}

/// `fullUrl` to `Type/id`, in the order of the entries.
fn post(ward: &Client, text: &str, sent: &Json) -> Vec<(String, String)> {
    let answer = ward
        .request("POST", "")
        .body("application/fhir+json", text.as_bytes().to_vec())
        .send()
        .expect(200);
    let answer = Json::parse(&answer.text());
    let entries = sent.items("entry").iter().zip(answer.items("entry"));
    let made: Vec<(String, String)> = entries
        .map(|(sent, made)| (sent.text("fullUrl").to_owned(), location(made)))
        .collect();
    assert_eq!(made.len(), sent.items("entry").len());
    made
}

/// `Type/id` out of `[base/]Type/id/_history/1`.
fn location(entry: &Json) -> String {
    let location = entry.member("response").unwrap().text("location");
    let versionless = location.split("/_history/").next().unwrap();
    let parts: Vec<&str> = versionless.rsplit('/').take(2).collect();
    format!("{}/{}", parts[1], parts[0])
}

fn read_back(ward: &Client, sent: &Json, ids: &[(String, String)]) -> Vec<String> {
    let resolved: HashMap<&str, &str> = ids
        .iter()
        .map(|(url, id)| (url.as_str(), id.as_str()))
        .collect();
    let resolve = |text: String| {
        resolved
            .get(text.as_str())
            .map_or(text.clone(), |id| (*id).to_owned())
    };
    let mut problems = Vec::new();
    let entries: Vec<_> = sent.items("entry").iter().zip(ids).collect();
    for chunk in entries.chunks(READS_PER_BATCH) {
        let reads: Vec<_> = chunk
            .iter()
            .map(|(_, (_, id))| serde_json::json!({ "request": { "method": "GET", "url": id } }))
            .collect();
        let answer = ward
            .post(
                "",
                &serde_json::json!({ "resourceType": "Bundle", "type": "batch", "entry": reads }),
            )
            .expect(200);
        let answer = Json::parse(&answer.text());
        assert_eq!(answer.items("entry").len(), chunk.len());
        for ((entry, (_, id)), read) in chunk.iter().zip(answer.items("entry")) {
            let Some(read) = read.member("resource") else {
                problems.push(format!("{id} was not read"));
                continue;
            };
            let expected = entry
                .member("resource")
                .unwrap()
                .clone()
                .each_text(&resolve)
                .with("id", id.split_once('/').unwrap().1);
            problems.extend(
                read.clone()
                    .unversioned()
                    .difference(&expected.unversioned())
                    .map(|d| format!("{id}{d}")),
            );
        }
    }
    problems
}
