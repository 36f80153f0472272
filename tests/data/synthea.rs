//! 80 Synthea patients as transactions: whatever `ward import` stored is read back as it was sent, in JSON and in XML, apart from
//! its id and the references that the transaction resolved. <https://hl7.org/fhir/R4/http.html#trules>

use super::import::{Import, import};
use super::json::Json;
use super::twins::{Records, pair};
use super::{by_several, home, lines, pages, xml};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Mutex, OnceLock};
use ward_testkit::{Backend, Client, Server, Start, official_suite_run, shared_data};

const COUNT: usize = 80;
const ENTRIES: usize = 24_746;
/// Problems that are shown.
const SHOWN_MAX: usize = 20;

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
    let source = folder.join("examples/synthea-r4-dev-80.ndjson.gz");
    let home = home(backend);
    let outcome = import(&[source.to_str().unwrap()], &Import::into(&home));
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.text, outcome.errors);
    let said = format!("{ENTRIES} resources stored, 0 documents failed");
    assert!(outcome.text.contains(&said), "{}", outcome.text);

    let sent = sent(&source);
    let server = Server::start_in(Start::empty(backend), home);
    let ward = server.client("loader");
    let pairs = check_json(&ward, sent);
    assert_eq!(pairs.len(), ENTRIES);
    check_xml(&ward, sent, &pairs);
    println!("{ENTRIES} resources read back in JSON and in XML");
    official_suite_run("synthea", COUNT);
}

fn fail(problems: &[String]) -> ! {
    let shown: Vec<&str> = problems
        .iter()
        .take(SHOWN_MAX)
        .map(String::as_str)
        .collect();
    panic!("{} problems:\n{}", problems.len(), shown.join("\n"));
}

/// Every entry without its id, under its `fullUrl` and the number of its bundle; references name entries in the same way.
fn sent(source: &Path) -> &'static Records {
    static SENT: OnceLock<Records> = OnceLock::new();
    SENT.get_or_init(|| {
        let bundles = lines(source);
        assert_eq!(bundles.len(), COUNT);
        let records = Mutex::new(HashMap::new());
        by_several(bundles.len(), |n| {
            let entries = Json::parse(&bundles[n]).into_items("entry");
            let urls: Vec<String> = entries
                .iter()
                .map(|e| e.text("fullUrl").to_owned())
                .collect();
            let known: BTreeSet<&str> = urls.iter().map(String::as_str).collect();
            assert_eq!(known.len(), entries.len(), "entries of one fullUrl");
            let of_bundle = |text: String| {
                if known.contains(text.as_str()) {
                    format!("{n} {text}")
                } else {
                    text
                }
            };
            for (entry, url) in entries.into_iter().zip(&urls) {
                let resource = entry
                    .into_member("resource")
                    .unwrap()
                    .without("id")
                    .unversioned();
                let resource = resource.each_text(&of_bundle);
                records
                    .lock()
                    .unwrap()
                    .insert(of_bundle(url.clone()), resource);
            }
        });
        let records = records.into_inner().unwrap();
        assert_eq!(records.len(), ENTRIES);
        Records(records)
    })
}

/// All resources of the sent types, without their ids, under `Type/id`.
fn stored(ward: &Client, sent: &Records) -> Records {
    let types = types(sent.0.values());
    let records = Mutex::new(HashMap::new());
    by_several(types.len(), |n| {
        pages::in_json(ward, types[n], |resource| {
            let name = format!("{}/{}", resource.text("resourceType"), resource.text("id"));
            let resource = resource.without("id").unversioned();
            let before = records.lock().unwrap().insert(name.clone(), resource);
            assert!(before.is_none(), "{name} is on two pages");
        });
    });
    Records(records.into_inner().unwrap())
}

fn types<'a>(resources: impl Iterator<Item = &'a Json>) -> Vec<&'a str> {
    let types: BTreeSet<&str> = resources.map(|r| r.text("resourceType")).collect();
    types.into_iter().collect()
}

/// The stored name of every sent resource, after all were compared in JSON.
fn check_json<'a>(ward: &Client, sent: &'a Records) -> HashMap<&'a str, String> {
    let stored = stored(ward, sent);
    let pairs = pair(sent, &stored).unwrap_or_else(|problems| fail(&problems));
    let pairs: HashMap<&str, String> = pairs
        .into_iter()
        .map(|(sent_name, name)| (sent_name, name.to_owned()))
        .collect();
    let different = pairs.iter().filter_map(|(sent_name, name)| {
        let expected = as_stored(&sent.0[*sent_name], &pairs);
        let difference = stored.0[name].difference(&expected)?;
        Some(format!("{name}{difference}"))
    });
    let different: Vec<String> = different.collect();
    if !different.is_empty() {
        fail(&different);
    }
    pairs
}

/// With the references that the transaction resolved.
fn as_stored(sent: &Json, pairs: &HashMap<&str, String>) -> Json {
    sent.clone()
        .each_text(&|text| pairs.get(text.as_str()).cloned().unwrap_or(text))
}

/// Every page once more in XML: each sent resource, and no other.
fn check_xml(ward: &Client, sent: &Records, pairs: &HashMap<&str, String>) {
    let types = types(sent.0.values());
    let by_name: HashMap<&str, &str> = pairs.iter().map(|(s, name)| (name.as_str(), *s)).collect();
    let (problems, read) = (Mutex::new(Vec::new()), Mutex::new(BTreeSet::new()));
    by_several(types.len(), |n| {
        pages::in_xml(ward, types[n], |resource| {
            let id = resource.value("id").unwrap();
            let name = format!("{}/{id}", resource.name);
            let difference = match by_name.get(name.as_str()) {
                Some(sent_name) => {
                    let expected = as_stored(&sent.0[*sent_name], pairs).with("id", &id);
                    xml::difference(&expected, &resource.unversioned())
                }
                None => Some(" was not sent".to_owned()),
            };
            let problem = difference.map(|d| format!("{name} in XML{d}"));
            problems.lock().unwrap().extend(problem);
            read.lock().unwrap().insert(name);
        });
    });
    let problems = problems.into_inner().unwrap();
    if !problems.is_empty() {
        fail(&problems);
    }
    assert_eq!(read.into_inner().unwrap().len(), pairs.len());
}
