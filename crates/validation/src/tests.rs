mod examples;
mod official_cases;
mod rules;

use ward_fhir::tree::Limits;
use ward_fhir::{Document, Issue, json};

fn read(text: &str) -> Document {
    json::read(text.as_bytes(), None, &Limits::default())
        .unwrap_or_else(|f| panic!("{:?}", f.issues))
}

fn validate(text: &str) -> Vec<Issue> {
    crate::r4().validate(read(text).root())
}
