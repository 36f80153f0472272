//! The longest lists of values and the most parameters that a search may have are answered on each store, whatever they ask of.

use crate::house::{House, app, json, loader, text};
use serde_json::json as value;
use ward_access::Caller;
use ward_resources::Call;
use ward_resources::route::{Method, route};

/// As many as one parameter may have.
const VALUES: usize = 500;
/// As many as a search may have.
const PARAMETERS: usize = 100;

async fn fill(house: &House) {
    for body in [
        value!({ "resourceType": "Patient", "id": "p", "active": true, "birthDate": "1980-02-03", "gender": "female",
            "name": [{ "family": "Lovelace", "given": ["Ada"] }],
            "identifier": [{ "system": "http://example.org/mrn", "value": "17" }] }),
        value!({ "resourceType": "Observation", "id": "o", "status": "final", "subject": { "reference": "Patient/p" },
            "code": { "coding": [{ "system": "http://loinc.org", "code": "8480-6" }], "text": "Systolic" },
            "effectiveDateTime": "2020-01-01", "valueQuantity": { "value": 120, "unit": "mmHg",
            "system": "http://unitsofmeasure.org", "code": "mm[Hg]" } }),
        value!({ "resourceType": "RiskAssessment", "id": "r", "status": "final", "subject": { "reference": "Patient/p" },
            "prediction": [{ "probabilityDecimal": 0.5 }] }),
        value!({ "resourceType": "ValueSet", "id": "v", "status": "active", "url": "http://example.org/vs/a" }),
    ] {
        house.put(&body).await;
    }
}

/// What a criterion finds whose last value is the only one that fits: the type, the parameter, a value that does not fit with
/// `#` for a number of its own or `@` for a time, and the one that does.
const LISTS: &[(&str, &str, &str, &str)] = &[
    ("Patient", "family", "x#", "love"),
    ("Patient", "name", "x#", "ada"),
    ("Patient", "family:exact", "x#", "Lovelace"),
    ("Patient", "family:contains", "x#", "lace"),
    ("Patient", "family:text", "x#", "love"),
    ("Patient", "identifier", "x#", "17"),
    (
        "Patient",
        "identifier",
        "http://example.org/#|17",
        "http://example.org/mrn|17",
    ),
    ("Patient", "gender:not", "x#", "male"),
    ("Patient", "birthdate", "1970-01-01T00:@", "1980"),
    ("Patient", "birthdate", "lt1#", "ge1979"),
    ("Patient", "birthdate", "ap1#", "ne1979"),
    ("Patient", "_id", "x#", "p"),
    ("Patient", "_tag:not", "x#", "y"),
    ("Patient", "_lastUpdated", "lt1#", "gt2000"),
    ("Patient", "_has:Observation:subject:code", "x#", "8480-6"),
    (
        "Patient",
        "_has:Observation:subject:code-value-quantity",
        "x#$1",
        "8480-6$120",
    ),
    ("Observation", "code:text", "x#", "systolic"),
    ("Observation", "subject", "Patient/x#", "Patient/p"),
    ("Observation", "subject", "http://example.org/#", "p"),
    ("Observation", "subject:Patient.family", "x#", "love"),
    (
        "Observation",
        "subject:Patient.family:contains",
        "x#",
        "lace",
    ),
    ("Observation", "subject:Patient.identifier", "x#", "17"),
    ("Observation", "subject:Patient.birthdate", "lt1#", "1980"),
    ("Observation", "value-quantity", "#000", "120"),
    ("Observation", "value-quantity", "gt#000", "lt121"),
    ("Observation", "value-quantity", "ne120", "ap119"),
    (
        "Observation",
        "value-quantity",
        "#000||mm[Hg]",
        "120||mm[Hg]",
    ),
    ("Observation", "code-value-quantity", "x#$1", "8480-6$120"),
    ("Observation", "code-value-quantity", "x#$gt1", "8480-6$gt1"),
    (
        "Observation",
        "code-value-quantity",
        "8480-6$#000",
        "8480-6$le120",
    ),
    ("RiskAssessment", "probability", "#000", "0.5"),
    ("RiskAssessment", "probability", "gt#", "lt0.6"),
    (
        "ValueSet",
        "url",
        "http://example.org/#",
        "http://example.org/vs/a",
    ),
    (
        "ValueSet",
        "url:below",
        "http://example.org/#",
        "http://example.org/vs",
    ),
    (
        "ValueSet",
        "url:above",
        "http://example.org/#",
        "http://example.org/vs/a/b",
    ),
    ("", "_tag:not", "x#", "y"),
    ("", "_id", "x#", "p"),
];

/// The number of matches, or why there is none.
async fn found(
    house: &House,
    caller: &Caller,
    path: &str,
    pairs: Vec<(String, String)>,
) -> Result<usize, String> {
    let mut call = Call::new(route(Method::Get, path).unwrap(), [7; 16], "test".into());
    call.parameters = pairs;
    let reply = house.engine.answer(caller, &call).await;
    if reply.status != 200 {
        return Err(format!("{}: {}", reply.status, text(&reply)));
    }
    let bundle = json(&reply);
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let matches = entries.iter().filter(|e| e["search"]["mode"] == "match");
    let told = usize::try_from(bundle["total"].as_u64().unwrap_or(0)).unwrap();
    match matches.count().max(told) {
        0 => Err("nothing is found".into()),
        some => Ok(some),
    }
}

fn listed(filler: &str, last: &str) -> String {
    let filler = |n: usize| {
        let time = format!("{:02}:{:02}", n / 60, n % 60);
        filler.replace('#', &format!("{n:03}")).replace('@', &time)
    };
    let mut values: Vec<String> = (0..VALUES - 1).map(filler).collect();
    values.push(last.to_owned());
    values.join(",")
}

pub async fn the_longest_lists_are_answered(house: House) {
    fill(&house).await;
    let callers = [loader(), app("patient/*.rs", "p")];
    let mut problems = Vec::new();
    for (path, name, filler, last) in LISTS {
        for (caller, more) in [
            (&callers[0], ("_sort", "_lastUpdated")),
            (&callers[1], ("_sort", "-_id")),
            (&callers[1], ("_summary", "count")),
        ] {
            let (more, by) = more;
            let pairs = vec![
                ((*name).to_owned(), listed(filler, last)),
                (more.to_owned(), by.to_owned()),
            ];
            if let Err(why) = found(&house, caller, path, pairs).await {
                problems.push(format!(
                    "{path}?{name}={filler},…,{last}&{more}={by}: {why}"
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

pub async fn the_most_parameters_are_answered(house: House) {
    fill(&house).await;
    let mut problems = Vec::new();
    for (path, name, _, last) in LISTS {
        // Hops have bounds of their own.
        let most = match name.contains(':') {
            true => PARAMETERS / 10,
            false => PARAMETERS,
        };
        let pairs = vec![((*name).to_owned(), (*last).to_owned()); most];
        if let Err(why) = found(&house, &loader(), path, pairs).await {
            problems.push(format!("{path}?{name}={last}, {most} times: {why}"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
