//! Every expression of the R4 definitions compiles, and the invariants run over every example of the specification.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use ward_fhir::schema::{Schema, r4};
use ward_fhir::tree::{Limits, Node};
use ward_fhirpath::{Context, Expression, compile};

#[test]
fn every_invariant_compiles() {
    for invariant in &r4().invariants {
        compile(invariant.expression)
            .unwrap_or_else(|e| panic!("{}: {e}: {}", invariant.key, invariant.expression));
    }
    println!("{} invariants compile", r4().invariants.len());
}

#[test]
fn every_search_parameter_compiles() {
    let mut count = 0;
    for parameter in &r4().search_parameters {
        let own = (!parameter.expression.is_empty()).then_some(parameter.expression);
        let components = parameter
            .components
            .iter()
            .map(|(_, expression)| *expression);
        for expression in own.into_iter().chain(components) {
            compile(expression).unwrap_or_else(|e| panic!("{}: {e}: {expression}", parameter.url));
            count += 1;
        }
    }
    println!("{count} search parameter expressions compile");
    assert!(count > 1_300);
}

/// No invariant may end in an error, and those that do not hold are known faults of the examples.
#[test]
fn invariants_hold_on_the_examples() {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/examples/r4-examples-4.0.1.ndjson.gz"
    ));
    let Ok(file) = std::fs::File::open(path) else {
        println!("shared data absent: skipped");
        return;
    };
    let schema = r4();
    let compiled: Vec<Expression> = schema
        .invariants
        .iter()
        .map(|i| compile(i.expression).unwrap())
        .collect();
    let cx = Context::at(0);
    let (mut checks, mut empty) = (0, 0);
    let mut broken: BTreeMap<&str, usize> = BTreeMap::new();
    for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
        let Ok(document) =
            ward_fhir::json::read(line.unwrap().as_bytes(), None, &Limits::default())
        else {
            continue;
        };
        for node in document.root().descendants_and_self() {
            for index in invariants_of(schema, node) {
                let invariant = &schema.invariants[usize::from(index)];
                checks += 1;
                match compiled[usize::from(index)].test(node, &cx) {
                    Ok(Some(true)) => {}
                    Ok(None) => empty += 1,
                    Ok(Some(false)) if invariant.is_error => {
                        *broken.entry(invariant.key).or_default() += 1
                    }
                    Ok(Some(false)) => {}
                    Err(e) => panic!("{} at {}: {e}", invariant.key, node.expression()),
                }
            }
        }
    }
    println!("{checks} checks, {empty} empty, broken: {broken:?}");
    assert!(checks > 50_000);
    // Five narratives of the specification are empty or hold an image from elsewhere.
    assert_eq!(
        broken.keys().copied().collect::<Vec<_>>(),
        ["txt-1", "txt-2"]
    );
}

fn invariants_of(schema: &Schema, node: Node<'_>) -> impl Iterator<Item = u16> {
    let own = schema.ty(node.ty()).invariants.iter();
    own.chain(node.element().into_iter().flat_map(|e| e.invariants.iter()))
        .copied()
        .collect::<Vec<_>>()
        .into_iter()
}
