//! What the Consents among the official examples of R4 compile to.

use crate::fixture::read_text;
use crate::{Consent, Effect, Label, Part, Period, Provision, Rules};
use std::fmt::Write;

#[test]
fn official_examples_compile_to() {
    let file = "../../../shared/data/examples/r4-examples-4.0.1.ndjson.gz";
    let Ok(packed) = std::fs::read(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))) else {
        assert!(
            std::env::var_os("WARD_SHARED").is_none(),
            "the reference data is announced but absent"
        );
        println!("shared data absent: skipped");
        return;
    };
    let mut text = String::new();
    let mut reader = flate2::read::GzDecoder::new(&packed[..]);
    std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
    let is_consent = |line: &&str| line.contains(r#""resourceType":"Consent""#);
    let consents = text.lines().filter(is_consent);
    let read: Vec<Consent> = consents
        .map(|line| read_text(line, &Rules::default()))
        .collect();
    assert_eq!(read.len(), 12);
    let mut out = String::new();
    for consent in &read {
        describe(consent, &mut out);
    }
    assert_eq!(out, include_str!("examples.txt"), "{out}");
    println!("official suite run: consent-examples {}", read.len());
}

fn describe(consent: &Consent, out: &mut String) {
    let _ = writeln!(
        out,
        "{}{}",
        consent.id,
        time(" in force", Some(consent.period))
    );
    for fault in &consent.faults {
        let _ = writeln!(
            out,
            "  denies everything: {:?} {}",
            fault.reason, fault.expression
        );
    }
    for doubt in &consent.doubts {
        let _ = writeln!(out, "  in doubt: {:?} {}", doubt.reason, doubt.expression);
    }
    if consent.faults.is_empty() {
        provision(&consent.root, 1, out);
    }
}

fn provision(p: &Provision, level: usize, out: &mut String) {
    let effect = match p.effect {
        _ if p.is_opt_out => "opt-out",
        Effect::Deny => "deny",
        Effect::Permit => "permit",
    };
    let c = &p.criteria;
    let actors = c.actors.iter().map(|actor| {
        let part = match actor.part {
            Part::Recipient => "to",
            Part::Author => "by",
            Part::Custodian => "kept by",
        };
        format!("{part} {}", actor.who.as_deref().unwrap_or("anybody"))
    });
    let actions = crate::Action::ALL
        .into_iter()
        .filter(|action| c.actions.has(*action));
    let labels = c.labels.iter().map(|label| match label {
        Label::Confidentiality(level) => level.code().to_owned(),
        Label::Sensitivity(label) => label.code.to_string(),
    });
    let lists = [
        actors.collect::<Vec<_>>(),
        actions.map(|action| action.code().to_owned()).collect(),
        c.purposes
            .iter()
            .map(|purpose| purpose.to_string())
            .collect(),
        c.contents
            .iter()
            .map(|content| format!("{content:?}"))
            .collect(),
        c.codes.iter().map(|code| code.code.to_string()).collect(),
        labels.collect(),
        c.data
            .iter()
            .map(|data| format!("{:?} {}", data.meaning, data.reference))
            .collect(),
    ];
    let said = lists.iter().filter(|list| !list.is_empty());
    let said: String = said
        .map(|list| format!(" [{}]", list.join(" or ")))
        .collect();
    let _ = writeln!(
        out,
        "{:indent$}{effect}{said}{}{}",
        "",
        time(" in", c.period),
        time(" of", c.data_period),
        indent = 2 * level
    );
    for child in &p.children {
        provision(child, level + 1, out);
    }
}

fn time(word: &str, period: Option<Period>) -> String {
    match period {
        None | Some(Period::ALWAYS) => String::new(),
        Some(period) => {
            let text = |at| ward_fhir::date::instant_text(at);
            format!("{word} {} to {}", text(period.from), text(period.until))
        }
    }
}
