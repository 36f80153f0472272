//! What 200 provisions cost: `cargo run --release -p ward-consent --example bounds`. Exits with 1 where a bound is not kept.
#![allow(clippy::print_stdout)]

use std::time::Instant;
use ward_consent::*;
use ward_fhir::tree::Limits;

const PROVISIONS: usize = 200;
const COMPILE_US_MAX: f64 = 5_000.0;
const DECIDE_US_MAX: f64 = 50.0;

struct House;

impl Lookup for House {
    fn subsumes(&self, _: &Coding, _: &Coding) -> Option<bool> {
        Some(false)
    }
    fn is_there(&self, _: &str) -> bool {
        true
    }
    fn refers(&self, _: &str, _: &str) -> Option<bool> {
        Some(false)
    }
    fn belongs(&self, _: &str, _: &str) -> Option<bool> {
        Some(false)
    }
}

fn main() {
    let kept = [
        measure("for 200 people", |n| actor("Practitioner", n)),
        measure("for 200 organizations, purposes and actions", |n| {
            let (actor, purpose) = (actor("Organization", n), PURPOSES[n % 3]);
            format!(
                r#"{actor},"purpose":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"{purpose}"}}]"#
            )
        }),
        measure("of 200 codes, dates and labels", |n| {
            let (label, year) = (LABELS[n % 4], 1990 + n % 30);
            format!(
                r#""code":[{{"coding":[{{"system":"http://loinc.org","code":"{n}"}}]}}],"dataPeriod":{{"start":"{year}"}},"securityLabel":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{label}"}}]"#
            )
        }),
        measure("of all kinds, nested", |n| {
            let (label, actor) = (LABELS[n % 4], actor("Practitioner", n));
            format!(
                r#""securityLabel":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{label}"}}],"provision":[{{"type":"permit",{actor}}}]"#
            )
        }),
        measure("too wide for a residual", |n| {
            let mut purposes = String::new();
            for at in [n % 16, n / 16] {
                let comma = if purposes.is_empty() { "" } else { "," };
                purposes += &format!(
                    r#"{comma}{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"{}"}}"#,
                    PURPOSES[at]
                );
            }
            format!(r#"{},"purpose":[{purposes}]"#, actor("Practitioner", n))
        }),
    ];
    if kept.contains(&false) {
        std::process::exit(1);
    }
}

const LABELS: [&str; 4] = ["HIV", "PSY", "SUD", "SEX"];
const PURPOSES: [&str; 16] = [
    "TREAT", "HPAYMT", "HRESCH", "HMARKT", "PUBHLTH", "PATRQT", "COC", "FRAUD", "TRAIN", "GOV",
    "DONAT", "CLMATTCH", "COVAUTH", "REMITADV", "BIORCH", "DSRCH",
];

fn actor(kind: &str, n: usize) -> String {
    format!(
        r#""actor":[{{"role":{{"text":"recipient"}},"reference":{{"reference":"{kind}/{n}"}}}}]"#
    )
}

/// Whether the bounds are kept by a consent of as many provisions.
fn measure(name: &str, criteria: impl Fn(usize) -> String) -> bool {
    let has_children = criteria(0).contains("\"provision\"");
    let count = if has_children {
        PROVISIONS / 2
    } else {
        PROVISIONS
    };
    let nested: Vec<String> = (0..count)
        .map(|n| format!(r#"{{"type":"deny",{}}}"#, criteria(n)))
        .collect();
    let text = format!(
        r#"{{"resourceType":"Consent","id":"c","status":"active","scope":{{"coding":[{{"code":"patient-privacy"}}]}},"patient":{{"reference":"Patient/p"}},"provision":{{"type":"permit","provision":[{}]}}}}"#,
        nested.join(",")
    );
    let document = ward_fhir::json::read(text.as_bytes(), None, &Limits::default());
    let document = document.expect("a Consent of this program");
    let (rules, house, subjects) = (Rules::default(), House, [Ref::from("Patient/p")]);
    let row = Row {
        reference: "Observation/1".into(),
        codes: vec![Coding::new("http://loinc.org", "199")],
        sensitivities: vec![Coding::new(
            "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "HIV",
        )],
        date: Span::parse("2000-01-01"),
        authors: Some(Vec::new()),
        custodian: Some("Organization/H1".into()),
        ..Row::default()
    };
    let read = || ward_consent::read(document.root(), &rules, None);
    let consents = [read()];
    let new = || Specialiser::new(&consents, &subjects, 0, &rules, &house);
    let read_us = best(200, || drop(read()));
    let compile_us = best(200, || drop(new().residual(&row)));
    let mut specialiser = new();
    let residual = specialiser.residual(&row);
    let next_row_us = best(200, || drop(specialiser.residual(&row)));
    let caller = Caller {
        actors: ["Practitioner/999", "Organization/H1"]
            .map(Ref::from)
            .into(),
        purposes: ["TREAT".into()].into(),
        action: Action::Access,
        is_privacy: false,
    };
    let relation = Relation::default();
    let context = Context {
        caller: &caller,
        relation: &relation,
        varies: Varies::default(),
        rules: &rules,
        now_us: 0,
    };
    let class = Class::of(&row, &rules);
    let decide_us = best(2_000, || {
        std::hint::black_box(residual.decide(&class, &context));
    });
    let question = Question {
        consents: &consents,
        subjects: &subjects,
        row: &row,
        caller: &caller,
        relation: &relation,
        now_us: 0,
        rules: &rules,
        lookup: &house,
    };
    let interpret_us = best(500, || drop(interpret(&question)));
    println!(
        "{name}: read {read_us:.0} us, compile for one row {compile_us:.0}, next like row {next_row_us:.1}, decide {decide_us:.2}, interpret {interpret_us:.1}; {} bytes{}",
        residual.to_bytes().len(),
        if residual.is_private() {
            ", private"
        } else {
            ""
        }
    );
    read_us + compile_us <= COMPILE_US_MAX && decide_us.max(interpret_us) <= DECIDE_US_MAX
}

/// Microseconds of the fastest of several runs.
fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..runs {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64() * 1e6);
    }
    best
}
