//! What extraction reads of each resource of the specification's examples, against FHIRPath: the parameter's expression, evaluated
//! by `ward_fhirpath`, selects the same elements, but for what `selection.tsv` lists with its reason.
//! <https://hl7.org/fhir/R4/searchparameter.html#selection>

mod comparison;
mod everything;

use self::comparison::{Comparison, Difference};
use self::everything::{Maker, VARIANTS};
use super::sample::{document, extractor, lines, registry};
use super::small::Small;
use crate::registry::Marks;
use std::collections::{BTreeMap, BTreeSet};
use ward_fhir::Node;
use ward_fhir::schema::{TypeKind, r4};
use ward_fhir::tree::{Document, Limits};

#[test]
fn extraction_reads_what_the_expressions_select() {
    let Some(lines) = lines("data/examples/r4-examples-4.0.1.ndjson.gz") else {
        return;
    };
    let mut comparison = Comparison::new(extractor());
    let mut read = 0;
    for line in &lines {
        let document = ward_fhir::json::read(line.as_bytes(), None, &Limits::default());
        let Ok(document) = document else { continue };
        read += 1;
        // Those inside others too: they are read by the same programs.
        let all = document.root().descendants_and_self();
        all.filter(|n| n.is_resource())
            .for_each(|resource| comparison.resource(resource));
    }
    told("examples", &comparison);
    demand_listed(&comparison.differences, include_str!("selection.tsv"));
    assert_eq!((read, lines.len()), (715, 715));
    assert!(comparison.compared > 48_000 && comparison.selected > 34_000);
    println!("official suite run: extraction {read}");
}

/// The same over resources that hold every element which an expression names: no parameter of any type is left out.
#[test]
fn every_parameter_is_compared() {
    let mut comparison = Comparison::new(extractor());
    let registry = registry();
    let types = r4().types.iter();
    let types = types.filter(|t| t.kind == TypeKind::Resource && !t.is_abstract);
    let mut wanted = BTreeSet::new();
    for ty in types {
        let maker = Maker::new(&registry, ty.id);
        for variant in 0..VARIANTS {
            comparison.resource(maker.resource(variant).root());
        }
        for parameter in registry.of(ty.id).all() {
            let is_read = parameter.is_served() && !parameter.is_column();
            let code = format!("{}.{}", ty.name, parameter.code());
            let parts = parameter.def.components().len();
            match parts {
                _ if !is_read || parameter.def.expression().is_empty() => {}
                0 => drop(wanted.insert(code)),
                _ => wanted.extend((1..=parts).map(|at| format!("{code}${at}"))),
            }
        }
    }
    told("made resources", &comparison);
    demand_listed(&comparison.differences, include_str!("selection/made.tsv"));
    let left_out: Vec<&String> = wanted.difference(&comparison.reached).collect();
    assert!(left_out.is_empty(), "{left_out:?}");
    println!("{} parameters and components compared", wanted.len());
}

fn told(what: &str, comparison: &Comparison) {
    println!(
        "{what}: {} parameters of resources compared, {} elements selected, of {} parameters and components",
        comparison.compared,
        comparison.selected,
        comparison.reached.len()
    );
}

/// `P.exists() and P != false` looks at the value.
#[test]
fn a_truth_is_false_where_its_element_says_so() {
    for (deceased, expected) in [
        ("", "false"),
        (r#","deceasedBoolean":false"#, "false"),
        (r#","deceasedBoolean":true"#, "true"),
        (r#","deceasedDateTime":"2020""#, "true"),
    ] {
        let patient = format!(r#"{{"resourceType":"Patient","id":"p"{deceased}}}"#);
        let small = Small::new(&[&patient]);
        for value in ["true", "false"] {
            let found = if value == expected { "Patient/p" } else { "" };
            assert_eq!(
                small.find(&format!("Patient?deceased={value}")),
                found,
                "{patient}"
            );
        }
    }
}

#[test]
fn a_canonical_is_no_uri() {
    let map = |id: &str, source: &str| {
        format!(r#"{{"resourceType":"ConceptMap","id":"{id}","status":"active",{source}}}"#)
    };
    let small = Small::new(&[
        &map("uri", r#""sourceUri":"http://example.org/v""#),
        &map("canonical", r#""sourceCanonical":"http://example.org/v""#),
    ]);
    for (query, found) in [
        (
            "ConceptMap?source-uri=http://example.org/v",
            "ConceptMap/uri",
        ),
        (
            "ConceptMap?source=http://example.org/v",
            "ConceptMap/canonical",
        ),
        ("ConceptMap?source-uri:missing=true", "ConceptMap/canonical"),
    ] {
        assert_eq!(small.find(query), found, "{query}");
    }
}

/// The type of a target is that of the resource beside or around it.
#[test]
fn references_inside_a_resource_have_the_type_of_their_target() {
    let extractor = extractor();
    let container = document(
        r##"{"resourceType":"QuestionnaireResponse","status":"completed","contained":[
            {"resourceType":"Patient","id":"p"},{"resourceType":"ServiceRequest","id":"s","status":"active","intent":"order","subject":{"reference":"#p"}},
            {"resourceType":"ServiceRequest","id":"t","status":"active","intent":"order","subject":{"reference":"#absent"}}]}"##,
    );
    let bundle = document(
        r#"{"resourceType":"Bundle","type":"collection","entry":[
            {"fullUrl":"urn:uuid:04121321-4af5-424c-a0e1-ed3aab1c349d","resource":{"resourceType":"Patient"}},
            {"resource":{"resourceType":"ServiceRequest","status":"active","intent":"order","subject":{"reference":"urn:uuid:04121321-4af5-424c-a0e1-ed3aab1c349d"}}}]}"#,
    );
    let present = |document: &Document| -> Vec<bool> {
        let all = document.root().descendants_and_self();
        let requests = all.filter(|n| n.is_resource() && n.type_name() == "ServiceRequest");
        let ty = r4().resource_type("ServiceRequest").unwrap();
        let parameter = extractor.registry().find(ty, "patient").unwrap();
        let marker = extractor.key().marker(parameter.def.number());
        let is_marked = |n: Node<'_>| extractor.extract(n, &|_| None).has_term(marker);
        let found = requests.map(|n| is_marked(n) == (parameter.marks == Marks::Present));
        found.collect()
    };
    assert_eq!(present(&container), [true, false]);
    assert_eq!(present(&bundle), [true]);
}

/// Each difference has its line, and each line its difference: the list cannot go stale.
fn demand_listed(found: &BTreeMap<Difference, String>, list: &str) {
    let listed: BTreeSet<&str> = list
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty())
        .map(|l| l.rsplit_once('\t').expect("a reason").0)
        .collect();
    let lines: BTreeMap<String, &String> = found
        .iter()
        .map(|((parameter, element, how), at)| (format!("{parameter}\t{element}\t{how}"), at))
        .collect();
    let new: Vec<_> = lines
        .iter()
        .filter(|(line, _)| !listed.contains(line.as_str()))
        .collect();
    new.iter()
        .for_each(|(line, at)| println!("{line}\tfirst in {at}"));
    let gone: Vec<_> = listed
        .iter()
        .filter(|line| !lines.contains_key(**line))
        .collect();
    assert!(new.is_empty(), "{} differences not listed", new.len());
    assert!(
        gone.is_empty(),
        "agrees now, take it off the list: {gone:?}"
    );
}
