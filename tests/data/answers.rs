//! Questions over 80 Synthea patients whose answers were found by brute force: asked over HTTP, every page walked, on both
//! stores. <https://hl7.org/fhir/R4/search.html>

use super::import::{Import, import};
use super::{by_several, home, lines};
use serde_json::{Value, json};
use std::sync::Mutex;
use ward_testkit::{Backend, Client, Server, Start, official_suite_run, shared_data};

const QUESTIONS: usize = 135;
const PAGE: usize = 500;

#[test]
fn answers_over_http_are_exact_on_sqlite() {
    on(Backend::Sqlite);
}

#[test]
fn answers_over_http_are_exact_on_postgres() {
    on(Backend::Postgres);
}

fn on(backend: Backend) {
    let Some(folder) = shared_data() else { return };
    if !ward_testkit::backends().contains(&backend) {
        return;
    }
    let home = home(backend);
    let file = home.folder.path().join("synthea.ndjson");
    let bundles = lines(&folder.join("examples/synthea-r4-dev-80.ndjson.gz"));
    let kept: Vec<String> = bundles.iter().map(|text| with_own_ids(text)).collect();
    std::fs::write(&file, kept.join("\n")).unwrap();
    let outcome = import(&[file.to_str().unwrap()], &Import::into(&home));
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.text, outcome.errors);

    let server = Server::start_in(Start::empty(backend), home);
    let ward = server.client("loader");
    let cases = lines(&folder.join("tests/search-answers/synthea-dev-80.json.gz")).join("\n");
    let cases: Value = serde_json::from_str(&cases).unwrap();
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), QUESTIONS);
    let wrong = Mutex::new(Vec::new());
    by_several(cases.len(), |n| {
        let case = &cases[n];
        let query = case["query"].as_str().unwrap();
        let mut found = walk(&ward, query);
        found.sort();
        let count = found.len();
        found.dedup();
        let hash = ward_seal::hash::sha256(found.join("\n").as_bytes());
        let hash: String = hash.iter().map(|b| format!("{b:02x}")).collect();
        let is_right = count == found.len()
            && Some(count as u64) == case["total"].as_u64()
            && hash == case["ids_sha256"];
        if !is_right {
            let text = format!(
                "{query}: {count} found, {} distinct, expected {}",
                found.len(),
                case["total"]
            );
            wrong.lock().unwrap().push(text);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "on {backend:?}:\n{}", wrong.join("\n"));
    official_suite_run("search-answers", cases.len());
}

/// The bundle with every entry under the id that its resource names; references follow by themselves.
fn with_own_ids(bundle: &str) -> String {
    let mut bundle: Value = serde_json::from_str(bundle).unwrap();
    for entry in bundle["entry"].as_array_mut().unwrap() {
        let resource = &entry["resource"];
        let (ty, id) = (
            resource["resourceType"].as_str().unwrap(),
            resource["id"].as_str().unwrap(),
        );
        entry["request"] = json!({ "method": "PUT", "url": format!("{ty}/{id}") });
    }
    bundle.to_string()
}

/// `Type/id` of every page.
fn walk(ward: &Client, query: &str) -> Vec<String> {
    let query = query.trim_end_matches('?');
    let separator = if query.contains('?') { '&' } else { '?' };
    let mut next = Some(format!("{query}{separator}_count={PAGE}"));
    let mut found = Vec::new();
    while let Some(url) = next {
        let page = ward.get(&url).expect(200).json();
        for entry in page["entry"].as_array().into_iter().flatten() {
            let url = entry["fullUrl"].as_str().unwrap();
            found.push(url.rsplit_once("/fhir/").unwrap().1.to_owned());
        }
        let links = page["link"].as_array().unwrap();
        let link = links.iter().find(|l| l["relation"] == "next");
        next = link.map(|l| l["url"].as_str().unwrap().to_owned());
        assert!(found.len() < 100_000, "the pages of {query} do not end");
    }
    found
}
