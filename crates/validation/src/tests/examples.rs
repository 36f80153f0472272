//! The specification's examples and the Synthea bundles, and the quick forms of invariants against FHIRPath.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};

use ward_fhir::tree::Limits;
use ward_fhir::{Document, Issue, json};

use crate::native;
use crate::plan::{Check, Plan};
use crate::reference::Targets;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
/// Type/id, rule, count, reason; in the order of the first two.
const REJECTED: &str = include_str!("rejected-examples.tsv");

fn documents(file: &str) -> Option<impl Iterator<Item = Document>> {
    let Ok(file) = std::fs::File::open(format!("{SHARED}/data/examples/{file}")) else {
        eprintln!("shared data absent: skipped");
        return None;
    };
    let lines = BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines();
    let read = |line: String| {
        json::read(line.as_bytes(), None, &Limits::default()).expect("every example can be read")
    };
    Some(lines.map(move |line| read(line.expect("gzip"))))
}

/// `validation.invariant dom-3`: the dotted code, and the key of an invariant.
fn rule(issue: &Issue) -> String {
    let key = issue
        .diagnostics
        .split_once(": ")
        .map(|(key, _)| key)
        .filter(|key| !key.contains(' '));
    [Some(issue.kind.row().2), key]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn examples_are_accepted_but_for_the_listed() {
    let Some(documents) = documents("r4-examples-4.0.1.ndjson.gz") else {
        return;
    };
    let mut rejected: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = 0;
    for document in documents {
        count += 1;
        let root = document.root();
        for issue in crate::r4().validate(root) {
            let id = root.text("id").unwrap_or_default();
            *rejected
                .entry(format!("{}/{id}\t{}", root.type_name(), rule(&issue)))
                .or_default() += 1;
        }
    }
    assert_eq!(count, 715);
    let found: Vec<String> = rejected
        .iter()
        .map(|(what, count)| format!("{what}\t{count}"))
        .collect();
    let lines = REJECTED.lines().filter(|l| !l.starts_with('#'));
    let listed: Vec<&str> = lines
        .filter_map(|l| l.rsplit_once('\t').map(|(fact, _reason)| fact))
        .collect();
    assert_eq!(found, listed, "found, listed");
}

#[test]
fn synthea_bundles_are_accepted() {
    let Some(documents) = documents("synthea-r4-dev-80.ndjson.gz") else {
        return;
    };
    for document in documents {
        let issues = crate::r4().validate(document.root());
        assert!(issues.is_empty(), "{:?}", issues.first());
    }
}

#[test]
fn every_invariant_of_the_definitions_is_supported() {
    assert_eq!(crate::r4().unsupported(), []);
}

/// Every quick form says what FHIRPath says, on every node of every example that it applies to.
#[test]
fn quick_forms_agree_with_fhirpath() {
    let plan = &crate::r4().plan;
    let (Some(examples), Some(synthea)) = (
        documents("r4-examples-4.0.1.ndjson.gz"),
        documents("synthea-r4-dev-80.ndjson.gz"),
    ) else {
        return;
    };
    let context = crate::Context::default();
    let mut compared = BTreeSet::new();
    for document in examples.chain(synthea.take(4)) {
        let mut targets = Targets::new(plan.schema, &context, document.root());
        for node in document.root().descendants_and_self() {
            let members = node.children().filter_map(ward_fhir::Node::member);
            let present = members.fold(0, |all, m| all | plan.members[m.0 as usize].bit);
            for check in checks(plan, node) {
                let (Check::Existence { rule, .. } | Check::Other { rule }) = check;
                let rule = &plan.rules[*rule as usize];
                let quick = match check {
                    Check::Existence { program, .. } => Some(program.holds(present)),
                    Check::Other { .. } => {
                        rule.native.and_then(|native| native(&mut targets, node))
                    }
                };
                let expression = rule.invariant.expression;
                let (Some(quick), Some(path)) = (quick, &rule.path) else {
                    continue;
                };
                let agrees = path.holds(node).is_ok_and(|by_path| by_path == quick);
                let departs = native::DEPARTS.contains(&(expression, quick));
                assert!(agrees || departs, "{expression} at {}", node.expression());
                compared.insert(expression);
            }
        }
    }
    assert!(
        compared.len() > 60,
        "{} expressions compared",
        compared.len()
    );
}

fn checks<'a>(plan: &'a Plan, node: ward_fhir::Node<'a>) -> impl Iterator<Item = &'a Check> {
    let of_type = plan.types[node.ty().0 as usize].checks.iter();
    let of_element = node
        .element_id()
        .map(|e| plan.elements[e.0 as usize].checks.iter());
    of_type.chain(
        of_element
            .into_iter()
            .flatten()
            .filter(move |(ty, _)| *ty == node.ty())
            .map(|(_, check)| check),
    )
}
