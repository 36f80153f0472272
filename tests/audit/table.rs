//! The table: what is asked, and the events that it leaves, as the document holds them.

use super::left::Left;
use std::collections::BTreeMap;
use std::fmt::Write;
use ward_audit::{Outcome, Record};
use ward_resources::operations::SERVED;
use ward_smart::Endpoint;
use ward_testkit::Backend;

/// What is asked, section by section.
#[derive(Default)]
pub struct Table {
    sections: Vec<Section>,
}

struct Section {
    title: &'static str,
    words: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<(String, Vec<Cell>)>,
}

/// How the Records of one cell are found.
pub enum Cell {
    /// Requests of this `X-Request-Id`.
    Named(String),
    /// What lies in the log between two requests of these.
    Between(String, String),
    /// What the server leaves of itself by this name.
    Itself(&'static str),
}

impl Table {
    pub fn section(&mut self, title: &'static str, words: &'static str, columns: &[&'static str]) {
        self.sections.push(Section {
            title,
            words,
            columns: columns.to_vec(),
            rows: Vec::new(),
        });
    }

    pub fn row(&mut self, what: &str, cells: Vec<Cell>) {
        let section = self.sections.last_mut().expect("a section");
        section.rows.push((what.to_owned(), cells));
    }

    /// The document.
    pub fn written(&self, left: &Left) -> String {
        let mut text = HEAD.to_owned();
        for section in &self.sections {
            let Section { title, words, .. } = section;
            let _ = writeln!(text, "\n## {title}\n{words}\n");
            let _ = writeln!(text, "| what | {} |", section.columns.join(" | "));
            let _ = writeln!(text, "|---|{}", "---|".repeat(section.columns.len()));
            for (what, cells) in &section.rows {
                let cells: Vec<String> = cells.iter().map(|cell| told(left, cell)).collect();
                let _ = writeln!(text, "| {what} | {} |", cells.join(" | "));
            }
        }
        text
    }
}

fn told(left: &Left, cell: &Cell) -> String {
    let records = match cell {
        Cell::Named(name) => left.named(name),
        Cell::Between(from, to) => between(left, from, to),
        Cell::Itself(name) => {
            let own = |record: &&Record| record.interaction == *name;
            left.records.iter().filter(own).take(1).collect()
        }
    };
    records.iter().for_each(|record| demand_whole(record));
    shown(&records)
}

/// Of requests that came one after the other: those between the two that mark the step, with all that they left.
fn between<'a>(left: &'a Left, from: &str, to: &str) -> Vec<&'a Record> {
    let place = |name: &str| {
        let named = |record: &Record| record.detail.client_request_id == name;
        let place = left.records.iter().position(named);
        place.unwrap_or_else(|| panic!("no record of {name}"))
    };
    let step = &left.records[place(from) + 1..place(to)];
    // What the server does of itself is nobody's step; what commits with data lies elsewhere.
    let of_people = |record: &&Record| {
        let by_itself = OF_ITSELF.contains(&record.client_id.as_str());
        !by_itself && record.detail.subtype != "idle" && record.interaction != "keys"
    };
    let logged = step.iter().filter(of_people);
    let mut found: Vec<&Record> = Vec::new();
    for record in logged {
        for record in left.with(record) {
            if !found.iter().any(|known| std::ptr::eq(*known, record)) {
                found.push(record);
            }
        }
    }
    found
}

/// `2 × read 404`: events, interaction with subtype, status; the outcome where the status does not say it.
fn shown(records: &[&Record]) -> String {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut order = Vec::new();
    for record in records {
        let kind = kind(record);
        if !kinds.contains_key(&kind) {
            order.push(kind.clone());
        }
        // How many patients are on a page is not the route's to say.
        let is_change = CHANGES.contains(&record.interaction.as_str());
        *kinds.entry(kind).or_default() += if is_change { record.events() } else { 1 };
    }
    let one = |kind: &String| match kinds[kind] {
        1 => kind.clone(),
        n => format!("{n} × {kind}"),
    };
    match order.is_empty() {
        true => "-".to_owned(),
        false => order.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

fn kind(record: &Record) -> String {
    let subtype = &record.detail.subtype;
    let slash = if subtype.is_empty() { "" } else { "/" };
    let by_status = match record.status {
        0..=399 => Outcome::Success,
        400..=499 => Outcome::Minor,
        503 => Outcome::Major,
        _ => Outcome::Serious,
    };
    let outcome = match (record.outcome == by_status, record.outcome) {
        (true, _) => "",
        (_, Outcome::Success) => " (done)",
        (_, Outcome::Minor) => " (refused)",
        (_, Outcome::Serious) => " (alarm)",
        (_, Outcome::Major) => " (unavailable)",
    };
    let alert = record.decision.alert.map(|alert| format!(" {alert}"));
    let hidden = if record.detail.patient == 0 {
        ""
    } else {
        " +patient"
    };
    let glass = if record.decision.break_glass {
        " BTG"
    } else {
        ""
    };
    format!(
        "{}{slash}{subtype} {}{outcome}{hidden}{glass}{}",
        record.interaction,
        record.status,
        alert.unwrap_or_default()
    )
}

/// What every Record of a request says, whatever it was.
fn demand_whole(record: &Record) {
    let said = format!("{record:?}");
    let is_of_request = record.client_id != "ward";
    assert!(
        !is_of_request || record.detail.elapsed_us.is_some() || record.status == 405,
        "{said}"
    );
    assert!(record.at_us > 0 && record.request_id != [0; 16], "{said}");
    let entities = record.entities.iter();
    let versions = entities.filter(|entity| b"CU".contains(&entity.action));
    let written = record.outcome == Outcome::Success && record.interaction != "break-glass";
    assert!(
        !written || versions.count() == record.detail.hashes.len(),
        "{said}"
    );
    let lists = [
        "search-type",
        "search-system",
        "history-instance",
        "history-type",
        "history-system",
    ];
    let is_list = lists.contains(&record.interaction.as_str()) && record.status == 200;
    assert!(!is_list || record.detail.results.is_some(), "{said}");
    assert!(!is_list || !record.detail.request.is_empty(), "{said}");
}

/// Both stores leave the same.
pub fn demand_same(first: &str, second: &str, backends: (&Backend, &Backend)) {
    let differ = first.lines().zip(second.lines()).find(|(a, b)| a != b);
    if let Some((one, other)) = differ {
        panic!("{:?}: {one}\n{:?}: {other}", backends.0, backends.1);
    }
}

/// Whatever can be asked has a row: interactions, operations, endpoints.
pub fn demand_complete(document: &str) {
    let has = |event: &str| {
        let plain = [" ", "/"].map(|after| format!(" {event}{after}"));
        plain.iter().any(|event| document.contains(event))
    };
    for code in ward_resources::Interaction::CODES {
        assert!(has(code), "no row leaves {code}");
    }
    for operation in SERVED {
        let event = format!("operation/${}", operation.name);
        assert!(document.contains(&event), "no row leaves {event}");
    }
    for endpoint in Endpoint::ALL {
        assert!(has(endpoint.interaction()), "no row leaves {endpoint:?}");
        let asked = format!("`GET {}`", endpoint.path());
        assert!(document.contains(&asked), "no row asks {endpoint:?}");
    }
}

const CHANGES: [&str; 4] = ["create", "update", "patch", "delete"];

/// As whom the server does what nobody asks for at the moment.
const OF_ITSELF: [&str; 3] = ["ward", "ward-detection", "urn:ward:labelling"];

const HEAD: &str = "# Events of the audit log

What each request leaves in the audit log, no more and no less: `interaction/subtype status`, and how many AuditEvents where it is not one.
`-`: none, because it holds nobody's data and changes nothing. `+patient`: a patient is named who was not disclosed. `BTG`: the glass is broken.
`(refused)`, `(alarm)`: the outcome, where the HTTP status does not say it. `A16`, `A24`: an alert. Every event that is about a patient
names one; a change leaves one for each resource (counted here), what shows many one for each patient among them (counted once). Checked by `tests/audit` on both stores, against the Records as
they are stored; `WARD_BLESS=1` writes it anew. Read every changed cell.
";
