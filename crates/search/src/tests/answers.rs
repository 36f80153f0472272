//! The brute-force answers over the Synthea patients, from extraction and the reference semantics alone.

use super::sample::{BASE, KEY, extractor, lines, registry, synthea};
use crate::compartment::Compartments;
use crate::entries::Entries;
use crate::evaluate::{Candidate, Others, Undecided, World, matches};
use crate::plan::Filter;
use crate::query::{Options, parse};
use crate::terminology::Embedded;
use std::collections::HashMap;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;

type Data = HashMap<TypeId, Vec<(String, Entries)>>;

/// All resources, by type, with names as `Type/id`.
struct Everything<'a>(&'a Data);

impl Others for Everything<'_> {
    fn any(
        &self,
        ty: TypeId,
        test: &mut dyn FnMut(Candidate<'_>) -> Result<bool, Undecided>,
    ) -> Result<bool, Undecided> {
        for (name, entries) in self.0.get(&ty).into_iter().flatten() {
            if test(candidate(ty, name, entries))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn candidate<'a>(ty: TypeId, name: &'a str, entries: &'a Entries) -> Candidate<'a> {
    Candidate {
        id: name.split('/').nth(1).unwrap_or_default(),
        ty,
        updated_us: 0,
        entries,
        node: None,
    }
}

#[test]
fn answers_are_exact() {
    let (Some(resources), Some(cases)) = (
        synthea(),
        lines("data/tests/search-answers/synthea-dev-80.json.gz"),
    ) else {
        return;
    };
    let extractor = extractor();
    let mut data = Data::new();
    for (name, document) in &resources {
        let entries = extractor.extract(document.root(), &|_| None);
        let of_type = data.entry(document.root().ty()).or_default();
        of_type.push((name.clone(), entries));
    }
    let cases: serde_json::Value = serde_json::from_str(&cases.join("\n")).unwrap();
    let mut covered = 0;
    for case in cases["cases"].as_array().unwrap() {
        let query = case["query"].as_str().unwrap();
        let (ty, filter) = plan(query);
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
    assert_eq!(covered, 135);
    println!("official suite run: search-answers {covered}");
}

fn plan(query: &str) -> (&str, Filter) {
    let ty = |name: &str| r4().resource_type(name).unwrap();
    let registry = registry();
    let (path, text) = query.split_once('?').unwrap_or((query, ""));
    if let Some((patient, name)) = path
        .strip_prefix("Patient/")
        .and_then(|rest| rest.split_once('/'))
    {
        let compartment = Compartments::new(r4(), Some(BASE));
        return (name, compartment.filter(&registry, &KEY, ty(name), patient));
    }
    let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|p| p.split_once('=')).collect();
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: 20,
        count_max: 100,
        terminology: &Embedded,
    };
    let (plan, _) = parse(&extractor(), &[ty(path)], &pairs, &options)
        .unwrap_or_else(|f| panic!("{query}: {:?}", f.issues));
    (path, plan.filter)
}

fn answer<'a>(data: &'a Data, ty: &str, filter: &Filter) -> Vec<&'a str> {
    let ty = r4().resource_type(ty).unwrap();
    let everything = Everything(data);
    let world = World {
        key: Some(&KEY),
        others: Some(&everything),
    };
    let of_type = data.get(&ty).into_iter().flatten();
    of_type
        .filter(|(name, entries)| matches(filter, candidate(ty, name, entries), world) == Ok(true))
        .map(|(name, _)| name.as_str())
        .collect()
}
