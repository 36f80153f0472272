use super::sample::{entries, extractor, lines, registry, synthea};
use crate::compartment::Compartments;
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;

#[test]
fn the_specification_examples_extract() {
    let Some(lines) = lines("data/examples/r4-examples-4.0.1.ndjson.gz") else {
        return;
    };
    let (extractor, compartment) = (extractor(), Compartments::new(r4(), None));
    let mut read = 0;
    for line in &lines {
        let Ok(document) = ward_fhir::json::read(line.as_bytes(), None, &Limits::default()) else {
            continue;
        };
        read += 1;
        let found = extractor.extract(document.root(), &|_| None);
        assert!(
            found.terms.is_sorted()
                && found.strings.is_sorted()
                && found.dates.is_sorted()
                && found.targets.is_sorted()
        );
        assert!(found.terms.windows(2).all(|w| w[0].term != w[1].term));
        assert_eq!(found, extractor.extract(document.root(), &|_| None));
        compartment.patients(document.root());
    }
    eprintln!("{read} of {} examples read and extracted", lines.len());
    assert!(read >= 700);
}

#[test]
fn rows_and_time_per_synthea_resource() {
    let Some(resources) = synthea() else { return };
    let extractor = extractor();
    let mut by_type: std::collections::BTreeMap<&str, (Vec<u128>, [usize; 6])> = Default::default();
    for (name, document) in &resources {
        let from = std::time::Instant::now();
        let found = extractor.extract(document.root(), &|_| None);
        let ns = from.elapsed().as_nanos();
        let (times, sums) = by_type.entry(name.split('/').next().unwrap()).or_default();
        times.push(ns);
        let lists = [
            found.terms.len(),
            found.strings.len(),
            found.dates.len(),
            found.quantities.len(),
            found.targets.len(),
            found.vocabulary.len(),
        ];
        for (sum, n) in sums.iter_mut().zip(lists) {
            *sum += n;
        }
    }
    eprintln!(
        "type, count: median us; terms strings dates quantities targets vocabulary per resource"
    );
    for (ty, (mut times, sums)) in by_type {
        times.sort_unstable();
        let per: Vec<String> = sums
            .iter()
            .map(|s| format!("{:.1}", *s as f64 / times.len() as f64))
            .collect();
        eprintln!(
            "{ty} {}: {:.1}; {}",
            times.len(),
            times[times.len() / 2] as f64 / 1e3,
            per.join(" ")
        );
        // The row budget: a parameter or a marker too many shows here.
        assert!(ty != "Observation" || sums[0] <= 7 * times.len());
    }
}

const OBSERVATION: &str = r#"{"resourceType":"Observation","id":"o","status":"final",
 "category":[{"coding":[{"system":"http://c","code":"vital-signs"}]}],
 "code":{"coding":[{"system":"http://loinc.org","code":"8302-2"},{"code":"height"}],"text":"Height"},
 "subject":{"reference":"http://ward.test/fhir/Patient/1/_history/3"},"encounter":{"reference":"Encounter/2"},
 "performer":[{"identifier":{"system":"urn:npi","value":"77"}},{"reference":"http://other.test/fhir/Practitioner/9"}],
 "effectivePeriod":{"start":"2020-01-01"},
 "valueQuantity":{"value":170.5,"unit":"cm","system":"http://unitsofmeasure.org","code":"cm"}}"#;

#[test]
fn an_observation_leaves_what_it_should() {
    let found = entries(OBSERVATION);
    let key = super::sample::KEY;
    let registry = registry();
    let ty = r4().resource_type("Observation").unwrap();
    let id = |code: &str| registry.find(ty, code).unwrap().def.number();
    let code = id("code");
    assert_eq!(found.code, key.token(code, "http://loinc.org", "8302-2"));
    assert_eq!(
        found.category,
        key.token(id("category"), "http://c", "vital-signs")
    );
    assert_eq!(found.date_us, Some(1_577_836_800_000_000));
    assert_eq!(found.value, Some(170.5));
    assert!(
        found.has_term(key.token(code, "", "height"))
            && found.has_term(key.code(id("status"), "final"))
    );
    assert!(found.has_term(key.reference(id("subject"), "Patient", "1")));
    assert!(found.has_term(key.url(id("subject"), "Patient/1/_history/3")));
    assert!(found.has_term(key.identifier(id("performer"), "urn:npi", "77")));
    assert!(found.has_term(key.url(id("performer"), "http://other.test/fhir/Practitioner/9")));
    assert!(!found.has_term(key.reference(id("performer"), "Practitioner", "9")));
    assert!(
        found
            .vocabulary
            .iter()
            .any(|v| v.form == key.code(code, "8302-2") && v.term == found.code)
    );
    let mut targets = vec![key.target("Patient", "1"), key.target("Encounter", "2")];
    targets.sort_unstable();
    assert_eq!(found.targets, targets);
    assert_eq!(
        found
            .dates
            .iter()
            .map(|d| (d.low_us, d.high_us))
            .collect::<Vec<_>>(),
        [(1_577_836_800_000_000, i64::MAX)]
    );
    assert_eq!(found.quantities.len(), 2);
    assert!(
        found
            .terms
            .iter()
            .all(|t| t.counted
                == [code, id("category"), id("status"), id("date")].contains(&t.param))
    );
}

#[test]
fn values_without_content_contribute_nothing() {
    let found = entries(
        r#"{"resourceType":"Observation","_status":{"extension":[{"url":"http://x","valueBoolean":true}]},"code":{"text":"x"}}"#,
    );
    assert_eq!(
        (
            found.code,
            found.strings.len(),
            found.dates.len(),
            found.targets.len()
        ),
        (0, 0, 0, 0)
    );
}
