//! `docs/guide/labels.md` says what the starter set is: its tables are made from it.

use super::*;

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/labels.md");

#[test]
fn the_guide_has_the_tables_of_the_starter_set() {
    let written = std::fs::read_to_string(GUIDE).expect("the guide is there");
    let mut guide = written.clone();
    let tables = [
        ("labels", label_table()),
        ("rules", rule_table()),
        ("groups", group_table()),
    ];
    for (name, table) in tables {
        let (start, end) = (
            format!("<!-- {name} -->\n"),
            format!("<!-- end of {name} -->"),
        );
        let from = guide.find(&start).expect("a mark of the table") + start.len();
        let to = guide.find(&end).expect("a mark of its end");
        guide.replace_range(from..to, &table);
    }
    if std::env::var_os("WARD_BLESS").is_some() {
        std::fs::write(GUIDE, &guide).expect("the guide can be written");
    }
    assert!(
        written == guide,
        "the tables of the guide differ: WARD_BLESS=1 writes them"
    );
}

fn label_table() -> String {
    let mut table = "| label | level | what | law | comes with | without a consent |\n|---|---|---|---|---|---|\n".to_owned();
    for definition in starter().definitions() {
        let also: Vec<&str> = definition.also.iter().map(|l| &*l.code).collect();
        let defaults: Vec<&str> = definition.defaults.iter().map(|d| d.word()).collect();
        let row = [
            &definition.label.code,
            definition.level.code(),
            &definition.about,
            definition.basis.as_deref().unwrap_or_default(),
            &also.join(", "),
            &defaults.join(", "),
        ];
        table.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    table
}

fn rule_table() -> String {
    let mut table = "| rule | gives | what | codes |\n|---|---|---|---|\n".to_owned();
    for rule in starter().rules() {
        let gives: Vec<&str> = rule.gives.iter().map(|label| &*label.code).collect();
        let mut codes: std::collections::BTreeMap<&str, Vec<&str>> = Default::default();
        for listed in &rule.codes {
            codes
                .entry(short(&listed.system))
                .or_default()
                .push(&listed.code);
        }
        let codes = codes
            .iter()
            .map(|(system, codes)| format!("{system} {}", codes.join(" ")));
        let codes = codes.collect::<Vec<_>>().join("; ");
        let (name, gives) = (&rule.name, gives.join(", "));
        table.push_str(&format!(
            "| {name} | {gives} | {} | {codes} |\n",
            rule.about
        ));
    }
    table
}

fn group_table() -> String {
    let mut table = "| group | elements (`*` is every type that has it) |\n|---|---|\n".to_owned();
    for group in Group::ALL {
        let paths: Vec<String> = group
            .paths()
            .iter()
            .map(|path| format!("`{path}`"))
            .collect();
        table.push_str(&format!("| {} | {} |\n", group.word(), paths.join(", ")));
    }
    table
}

fn short(system: &str) -> &str {
    match system {
        ICD => "ICD-10-CM",
        LOINC => "LOINC",
        "http://snomed.info/sct" => "SNOMED CT",
        "http://www.nlm.nih.gov/research/umls/rxnorm" => "RxNorm",
        "http://www.whocc.no/atc" => "ATC",
        "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets" => "HCPCS",
        other => other.rsplit('/').next().unwrap_or(other),
    }
}
