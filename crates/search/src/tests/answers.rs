//! The brute-force answers over the Synthea patients, from extraction and the reference semantics alone.

use super::sample::{BASE, KEY, extractor, lines, registry, synthea};
use crate::compartment::Compartments;
use crate::entries::Entries;
use crate::evaluate::{Candidate, matches};
use crate::plan::Filter;
use crate::query::{Options, parse};
use ward_fhir::schema::r4;

#[test]
fn answers_are_exact() {
    let (Some(resources), Some(cases)) = (
        synthea(),
        lines("data/tests/search-answers/synthea-dev-80.json.gz"),
    ) else {
        return;
    };
    let extractor = extractor();
    let data: Vec<(String, Entries)> = resources
        .iter()
        .map(|(n, d)| (n.clone(), extractor.extract(d.root(), &|_| None)))
        .collect();
    let cases: serde_json::Value = serde_json::from_str(&cases.join("\n")).unwrap();
    let (mut covered, mut later) = (0, Vec::new());
    for case in cases["cases"].as_array().unwrap() {
        let query = case["query"].as_str().unwrap();
        let Some((ty, filter)) = plan(query) else {
            later.push(query);
            continue;
        };
        let found: Vec<&str> = answer(&data, ty, &filter);
        assert_eq!(
            found.len() as u64,
            case["total"].as_u64().unwrap(),
            "{query}"
        );
        let hash: String = ward_seal::hash::sha256(found.join("\n").as_bytes())
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(hash, case["ids_sha256"].as_str().unwrap(), "{query}");
        covered += 1;
    }
    eprintln!(
        "{covered} of {} questions answered exactly; for later: {later:#?}",
        covered + later.len()
    );
    assert!(covered >= 125);
    println!("official suite run: search-answers {covered}");
}

/// `None`: not answered yet.
fn plan(query: &str) -> Option<(&str, Filter)> {
    let registry = registry();
    let (path, text) = query.split_once('?').unwrap_or((query, ""));
    if let Some((patient, ty)) = path
        .strip_prefix("Patient/")
        .and_then(|rest| rest.split_once('/'))
    {
        let compartment = Compartments::new(r4(), Some(BASE));
        return Some((
            ty,
            compartment.filter(&registry, &KEY, r4().resource_type(ty)?, patient),
        ));
    }
    let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|p| p.split_once('=')).collect();
    let options = Options {
        strict: true,
        base: Some(BASE),
        now_us: 0,
        count_default: 20,
        count_max: 100,
    };
    let (plan, _) = parse(
        &registry,
        &[r4().resource_type(path)?],
        &pairs,
        &KEY,
        &options,
    )
    .ok()?;
    Some((path, plan.filter))
}

fn answer<'a>(data: &'a [(String, Entries)], ty: &str, filter: &Filter) -> Vec<&'a str> {
    let of_type = data
        .iter()
        .filter(|(name, _)| name.split('/').next() == Some(ty));
    of_type
        .filter(|(name, entries)| {
            let id = name.split('/').nth(1).unwrap_or_default();
            matches(
                filter,
                Candidate {
                    id,
                    updated_us: 0,
                    entries,
                },
            )
        })
        .map(|(name, _)| name.as_str())
        .collect()
}
