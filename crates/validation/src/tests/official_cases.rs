//! Cases of the official validator (`data/tests/fhir-test-cases`) that need nothing but the base definitions: what it
//! accepts, we accept. The other direction is not asked: it also checks terminologies, displays and best practice.

use std::collections::HashMap;
use std::io::Read;

use serde_json::Value;
use ward_fhir::tree::Limits;
use ward_fhir::{json, xml};

const CASES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/tests/fhir-test-cases/validator-r4-dev-half.tgz"
);
/// Accepted by the official validator only by an option of its own: comments in JSON.
const REFUSED: [&str; 1] = ["json-comments-2-yes"];
/// What makes a case more than one of the base definitions.
const BEYOND_BASE: [&str; 8] = [
    "profile",
    "profiles",
    "packages",
    "logical",
    "supporting",
    "matchetype",
    "fetcher",
    "use-test",
];

type Files = HashMap<String, Vec<u8>>;

#[test]
fn what_the_official_validator_accepts_we_accept() {
    let Some(files) = files() else { return };
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
    let cases = manifest["test-cases"].as_array().expect("a list");
    let (mut accepted, mut refused) = (0, Vec::new());
    for case in cases.iter().filter(|c| is_base(c)) {
        let (Some(name), Some(file)) = (case["name"].as_str(), case["file"].as_str()) else {
            continue;
        };
        let Some(body) = files.get(file).filter(|_| is_accepted(&files, case)) else {
            continue;
        };
        accepted += 1;
        if !we_accept(file, body) {
            refused.push(name);
        }
    }
    assert!(accepted > 30, "{accepted} cases");
    assert_eq!(refused, REFUSED);
}

fn we_accept(file: &str, body: &[u8]) -> bool {
    let limits = Limits::default();
    let document = if file.ends_with(".xml") {
        xml::read(body, None, &limits)
    } else {
        json::read(body, None, &limits)
    };
    document.is_ok_and(|d| crate::r4().validate(d.root()).is_empty())
}

fn is_base(case: &Value) -> bool {
    let version = case["version"].as_str().unwrap_or_default();
    version.starts_with("4.0") && BEYOND_BASE.iter().all(|option| case.get(option).is_none())
}

/// By the expected outcome, beside the case or in a file of its own.
fn is_accepted(files: &Files, case: &Value) -> bool {
    let outcome = match &case["java"] {
        Value::String(file) => {
            let Some(body) = files.get(&format!("outcomes/{file}")) else {
                return false;
            };
            serde_json::from_slice(body).expect("JSON")
        }
        Value::Object(inline) if inline.contains_key("outcome") => inline["outcome"].clone(),
        Value::Object(inline) => return inline.get("errorCount").is_none_or(|c| c == 0),
        _ => return false,
    };
    let issues = outcome["issue"].as_array().map_or(&[][..], Vec::as_slice);
    !issues
        .iter()
        .any(|i| i["severity"] == "error" || i["severity"] == "fatal")
}

fn files() -> Option<Files> {
    let Ok(file) = std::fs::File::open(CASES) else {
        eprintln!("shared data absent: skipped");
        return None;
    };
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut files = Files::new();
    for entry in archive.entries().expect("tar") {
        let mut entry = entry.expect("tar");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        let mut body = Vec::new();
        entry.read_to_end(&mut body).expect("gzip");
        files.insert(path.trim_start_matches("validator/").to_owned(), body);
    }
    Some(files)
}
