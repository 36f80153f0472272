//! Microseconds a resource of labelling: `zcat FILE.ndjson.gz | label_speed [rounds]`; Bundles are taken apart; the best round
//! counts.

use std::io::{Read, Write};
use std::time::{Duration, Instant};
use ward_consent::labels::{Labels, RuleSet, label};
use ward_fhir::Document;
use ward_fhir::json::read;
use ward_fhir::tree::Limits;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(10), |n| n.parse())?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut documents = Vec::new();
    for line in text.lines() {
        if let Ok(document) = read(line.as_bytes(), None, &Limits::default()) {
            take_apart(document, &mut documents);
        }
    }
    let (rules, none) = (RuleSet::starter(), Labels::none());
    let mut best = Duration::MAX;
    let mut labelled = 0;
    for _ in 0..rounds {
        let start = Instant::now();
        let of = |d: &&Document| {
            let labels = label(d.root(), &none, &none, None, &rules);
            labels.is_ok_and(|labels| !labels.is_empty())
        };
        labelled = documents.iter().filter(of).count();
        best = best.min(start.elapsed());
    }
    let nodes: usize = documents.iter().map(Document::len).sum();
    let us = best.as_secs_f64() * 1e6;
    writeln!(
        std::io::stderr(),
        "{} resources, {nodes} nodes, {labelled} labelled: {:.2} us a resource, {:.1} ns a node",
        documents.len(),
        us / documents.len() as f64,
        us * 1e3 / nodes as f64
    )?;
    Ok(())
}

fn take_apart(document: Document, into: &mut Vec<Document>) {
    let root = document.root();
    if root.type_name() != "Bundle" {
        into.push(document);
        return;
    }
    let resources = root.all("entry").filter_map(|entry| entry.get("resource"));
    let extracted: Vec<Document> = resources.map(Document::extract).collect();
    into.extend(extracted);
}
