//! Random questions, each parameter with values that the data may have.

mod value;

use self::value::{asked, prefixed, some_id};
use super::{CONTENTS, COUNTS, MORE};
use crate::Random;
use crate::naive::{Kind, PARAMETERS, Parameter, Question};

pub const URLS: &[&str] = &[
    "http://example.org/vs/",
    "http://example.org/vs/a",
    "http://example.org/vs/a/b",
    "http://example.org/codes",
];
/// What a question may have beside criteria.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub includes: bool,
    /// The types that only some tests have are there too, and what never changes.
    pub more: bool,
}

pub fn question(random: &mut Random, wish: Wish) -> Question {
    let ty = match wish.more && random.once_in(4) {
        true => MORE[random.below(MORE.len())].0,
        false => of_counted(random),
    };
    let mut pairs = Vec::new();
    let path = match random.below(14) {
        0 => return over_types(random, wish),
        1 if ty != "Location" && ty != "Bundle" => compartment(random, "Patient", ty),
        2 if [
            "Observation",
            "Condition",
            "MedicationRequest",
            "ServiceRequest",
            "DiagnosticReport",
            "ChargeItem",
            "DocumentReference",
        ]
        .contains(&ty) =>
        {
            compartment(random, "Encounter", ty)
        }
        _ => ty.to_owned(),
    };
    for _ in 0..[1, 1, 1, 2, 2, 3, 0][random.below(7)] {
        pairs.push(criterion(random, wish, ty, HOPS_MAX));
    }
    if random.once_in(3) {
        pairs.push(("_sort".to_owned(), sort(random, ty)));
    }
    if wish.includes && random.once_in(6) {
        includes(random, ty, &mut pairs);
    }
    shape(random, &mut pairs);
    Question { path, pairs }
}

/// Those of which there are most are asked for most.
fn of_counted(random: &mut Random) -> &'static str {
    random.one_of(&[
        "Observation",
        "Observation",
        "Observation",
        "Patient",
        "Patient",
        "Encounter",
        "Condition",
        "MedicationRequest",
        "ServiceRequest",
        "DiagnosticReport",
        "Practitioner",
        "Organization",
        "ValueSet",
        "RiskAssessment",
    ])
}

fn compartment(random: &mut Random, owner: &str, ty: &str) -> String {
    format!("{owner}/{}/{ty}", some_id(random, owner))
}

/// Types are all or some, criteria those that all have.
fn over_types(random: &mut Random, wish: Wish) -> Question {
    let mut pairs = Vec::new();
    let mut shared: Vec<&'static str> = vec!["_lastUpdated", "_id"];
    let path = match random.below(4) {
        n @ (0 | 1) => {
            let owner = ["Patient", "Encounter"][n];
            shared.extend(OF_COMPARTMENTS);
            format!("{owner}/{}/*", some_id(random, owner))
        }
        2 => String::new(),
        _ => {
            let types = [type_of(random, wish), type_of(random, wish)];
            shared.extend(shared_by(&types));
            pairs.push(("_type".to_owned(), types.join(",")));
            String::new()
        }
    };
    if random.coin() {
        pairs.push(common(random, wish, None));
    }
    if random.coin() {
        pairs.push(("_sort".to_owned(), sort_by(random, &shared)));
    }
    shape(random, &mut pairs);
    Question { path, pairs }
}

/// Of one kind in every type of the compartments that has it.
const OF_COMPARTMENTS: [&str; 4] = ["date", "date", "status", "code"];

/// Codes by which both types are sorted.
fn shared_by(types: &[&str; 2]) -> Vec<&'static str> {
    let own = |ty: &str| sortable(ty);
    let of_both = |p: &&Parameter| {
        own(types[1])
            .iter()
            .any(|o| (o.code, o.kind) == (p.code, p.kind))
    };
    own(types[0])
        .into_iter()
        .filter(of_both)
        .map(|p| p.code)
        .collect()
}

fn shape(random: &mut Random, pairs: &mut Vec<(String, String)>) {
    let mut add = |name: &str, value: &str| pairs.push((name.to_owned(), value.to_owned()));
    match random.below(8) {
        0 => add("_summary", "count"),
        1 => add("_count", "0"),
        2 | 3 => add("_count", random.one_of(&["1", "2", "3", "7"])),
        _ => add("_count", "100"),
    }
    if random.coin() {
        add("_total", "accurate");
    }
}

/// `depth`: hops that may still be made.
fn criterion(random: &mut Random, wish: Wish, ty: &str, depth: usize) -> (String, String) {
    if random.once_in(8) {
        return common(random, wish, Some(ty));
    }
    // Behind a hop Ward refuses it of types that are not indexed by words.
    if depth == HOPS_MAX && random.once_in(10) {
        let name = random.one_of(&["_text", "_content", "_content"]);
        return (name.to_owned(), random.one_of(CONTENTS).to_owned());
    }
    let links: Vec<&Parameter> = PARAMETERS
        .iter()
        .filter(|p| p.kind == Kind::Reference && p.ty == ty)
        .collect();
    if depth > 0 && !links.is_empty() && random.once_in(4) {
        let link = random.one_of(&links);
        let targets: Vec<&str> = link.more.split(',').filter(|t| wish.has(t)).collect();
        if !targets.is_empty() {
            let target = random.one_of(&targets);
            let (name, value) = criterion(random, wish, target, depth - 1);
            // Without a type it leads to all of them that know the name; those of a List are too many.
            let ty = match link.code != "item" && random.once_in(3) {
                true => String::new(),
                false => format!(":{target}"),
            };
            return (format!("{}{ty}.{name}", link.code), value);
        }
    }
    let back: Vec<&Parameter> = PARAMETERS
        .iter()
        .filter(|p| p.kind == Kind::Reference && p.more.split(',').any(|t| t == ty))
        .filter(|p| wish.has(p.ty))
        .collect();
    if depth > 0 && !back.is_empty() && random.once_in(6) {
        let link = random.one_of(&back);
        let (name, value) = criterion(random, wish, link.ty, depth - 1);
        return (format!("_has:{}:{}:{name}", link.ty, link.code), value);
    }
    // Ward refuses positions behind a hop, whatever is asked of them.
    let own: Vec<&Parameter> = PARAMETERS
        .iter()
        .filter(|p| p.ty == ty && (depth == HOPS_MAX || p.kind != Kind::Position))
        .collect();
    let parameter = random.one_of(&own);
    let (mut modifier, mut value) = asked(random, wish, parameter);
    // Ward refuses it behind a hop: each resource would have to be looked at.
    while is_looked_at(parameter, &modifier, &value) && depth < HOPS_MAX {
        (modifier, value) = asked(random, wish, parameter);
    }
    (format!("{}{modifier}", parameter.code), value)
}

/// No index answers it.
fn is_looked_at(parameter: &Parameter, modifier: &str, value: &str) -> bool {
    match parameter.kind {
        Kind::Token => modifier == ":text",
        Kind::Contact => value.contains('|'),
        // That several numbers are of one element.
        Kind::Composite => modifier.is_empty() && parameter.more.matches('$').count() == 2,
        _ => false,
    }
}

const HOPS_MAX: usize = 3;

impl Wish {
    /// Whether there are resources of the type.
    fn has(self, ty: &str) -> bool {
        let more = if self.more { MORE } else { &[] };
        COUNTS.iter().chain(more).any(|(made, _)| *made == ty)
    }
}

/// A parameter of every type; ids are of `ty`, if it is one.
fn common(random: &mut Random, wish: Wish, ty: Option<&str>) -> (String, String) {
    if wish.more && random.once_in(6) {
        let lists: Vec<String> = (0..=random.below(2))
            .map(|_| some_id(random, "List"))
            .collect();
        return ("_list".into(), lists.join(","));
    }
    match random.below(4) {
        0 => {
            let ids: Vec<String> = (0..=random.below(3))
                .map(|_| {
                    let ty = ty.unwrap_or(type_of(random, wish));
                    some_id(random, ty)
                })
                .collect();
            let name = random.one_of(&["_id", "_id", "_id:not"]);
            (name.into(), ids.join(","))
        }
        1 => (
            "_lastUpdated".into(),
            prefixed(random, &["2023-11-15", "2023-11", "2023-11-15T04:13:20Z"]),
        ),
        _ => {
            let codes = ["_tag", "_security", "_profile", "_source"];
            let code = random.one_of(&codes);
            let own: Vec<&Parameter> = PARAMETERS.iter().filter(|p| p.code == code).collect();
            let (mut modifier, mut value) = asked(random, wish, own[0]);
            while modifier == ":text" {
                (modifier, value) = asked(random, wish, own[0]);
            }
            (format!("{code}{modifier}"), value)
        }
    }
}

fn sort(random: &mut Random, ty: &str) -> String {
    let own = sortable(ty);
    let keys: Vec<String> = (0..=random.below(3))
        .map(|_| {
            let code = match random.below(5) {
                0 => random.one_of(&["_lastUpdated", "_id"]),
                _ => random.one_of(&own).code,
            };
            key(random, code)
        })
        .collect();
    keys.join(",")
}

fn sort_by(random: &mut Random, codes: &[&str]) -> String {
    let count = 1 + random.below(3);
    let keys: Vec<String> = (0..count)
        .map(|_| {
            let code = random.one_of(codes);
            key(random, code)
        })
        .collect();
    keys.join(",")
}

fn key(random: &mut Random, code: &str) -> String {
    format!("{}{code}", if random.coin() { "-" } else { "" })
}

/// Parameters of a type whose values have an order.
fn sortable(ty: &str) -> Vec<&'static Parameter> {
    let own = |p: &&Parameter| {
        let is_ordered = !matches!(p.kind, Kind::Composite | Kind::Position);
        p.ty == ty && is_ordered && !is_combined(p)
    };
    PARAMETERS.iter().filter(own).collect()
}

/// Read from the entries of several parameters.
fn is_combined(parameter: &Parameter) -> bool {
    parameter.code.starts_with("combo-")
        || parameter
            .paths
            .iter()
            .any(|p| p.contains('>') || p.contains('['))
}

fn includes(random: &mut Random, ty: &str, pairs: &mut Vec<(String, String)>) {
    let references = |p: &&Parameter| p.kind == Kind::Reference;
    let all: Vec<&Parameter> = PARAMETERS.iter().filter(references).collect();
    let own: Vec<&Parameter> = all.iter().copied().filter(|p| p.ty == ty).collect();
    let back: Vec<&Parameter> = all
        .iter()
        .copied()
        .filter(|p| p.more.split(',').any(|t| t == ty))
        .collect();
    let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
    if !own.is_empty() && random.coin() {
        match random.below(5) {
            0 => add("_include", "*".into()),
            1 => add("_include", format!("{ty}:*")),
            _ => {
                let p = random.one_of(&own);
                add("_include", named(random, p));
            }
        }
    }
    if !back.is_empty() && random.coin() {
        let p = random.one_of(&back);
        add("_revinclude", format!("{}:{}", p.ty, p.code));
    }
    if random.coin() {
        let p = random.one_of(&all);
        add(
            random.one_of(&["_include:iterate", "_revinclude:iterate"]),
            format!("{}:{}", p.ty, p.code),
        );
    }
}

fn named(random: &mut Random, parameter: &Parameter) -> String {
    let targets: Vec<&str> = parameter.more.split(',').collect();
    match random.below(3) {
        0 => format!(
            "{}:{}:{}",
            parameter.ty,
            parameter.code,
            random.one_of(&targets)
        ),
        _ => format!("{}:{}", parameter.ty, parameter.code),
    }
}

fn type_of(random: &mut Random, wish: Wish) -> &'static str {
    match wish.more && random.once_in(4) {
        true => MORE[random.below(MORE.len())].0,
        false => COUNTS[random.below(COUNTS.len())].0,
    }
}
