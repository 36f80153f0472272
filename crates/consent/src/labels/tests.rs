mod carry;
mod changes;
mod classes;
mod clearance;
mod groups;
mod guide;
mod masking;
mod output;
mod rules;
mod service;

use super::*;
use ward_fhir::Document;
use ward_fhir::json::{Stamp, read, write};
use ward_fhir::tree::Limits;

fn document(json: &str) -> Document {
    read(json.as_bytes(), None, &Limits::default()).expect("a resource of R4")
}

fn json(document: &Document) -> String {
    let mut out = Vec::new();
    write(document.root(), Stamp::default(), &mut out);
    String::from_utf8(out).expect("JSON is text")
}

fn starter() -> &'static RuleSet {
    static STARTER: std::sync::OnceLock<RuleSet> = std::sync::OnceLock::new();
    STARTER.get_or_init(RuleSet::starter)
}

/// Level and codes, as `R ETH SUD`.
fn told(labels: &Labels) -> String {
    let mut words = vec![labels.level().code().to_owned()];
    words.extend(labels.iter().map(|held| held.label.code.to_string()));
    words.join(" ")
}

/// What a create of it gets.
fn created(json: &str) -> Labels {
    let document = document(json);
    let client = Labels::stated(document.root()).expect("few labels");
    label(document.root(), &Labels::none(), &client, None, starter()).expect("few labels")
}

/// The body that a create of it leaves.
fn stored(body: &str) -> Document {
    with_security(document(body).root(), &created(body), starter())
}

/// An Observation with one coding, and with what `meta` says.
fn observation(meta: &str, system: &str, code: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"o"{meta},"status":"final","code":{{"coding":[{{"system":"{system}","code":"{code}"}}]}}}}"#
    )
}

fn condition(code: &str) -> String {
    format!(
        r#"{{"resourceType":"Condition","subject":{{"reference":"Patient/p"}},"code":{{"coding":[{{"system":"{ICD}","code":"{code}"}}]}}}}"#
    )
}

fn security(codings: &[(&str, &str)]) -> String {
    if codings.is_empty() {
        return String::new();
    }
    let each = codings
        .iter()
        .map(|(system, code)| format!(r#"{{"system":"{system}","code":"{code}"}}"#));
    let each: Vec<String> = each.collect();
    format!(r#","meta":{{"security":[{}]}}"#, each.join(","))
}

const LOINC: &str = "http://loinc.org";
const ICD: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const GLUCOSE: &str = "2339-0";
const VIRAL_LOAD: &str = "20447-9";
