//! Random questions, each parameter with values that the data may have.

use super::{
    ABSENT, CODES, CONTENTS, COUNTS, DATES, EXACT, LABS, MRN, NUMBERS, OTHER, VALUES, day, id,
    words,
};
use crate::Random;
use crate::naive::{HIERARCHICAL, Kind, PARAMETERS, Parameter, Question};

pub const URLS: &[&str] = &[
    "http://example.org/vs/",
    "http://example.org/vs/a",
    "http://example.org/vs/a/b",
    "http://example.org/codes",
];
const PREFIXES: &[&str] = &["", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];

/// What a question may have beside criteria.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub includes: bool,
}

pub fn question(random: &mut Random, wish: Wish) -> Question {
    let ty = random.one_of(&[
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
    ]);
    let mut pairs = Vec::new();
    let path = match random.below(14) {
        0 => return over_types(random),
        1 => compartment(random, "Patient", ty),
        2 if [
            "Observation",
            "Condition",
            "MedicationRequest",
            "ServiceRequest",
            "DiagnosticReport",
        ]
        .contains(&ty) =>
        {
            compartment(random, "Encounter", ty)
        }
        _ => ty.to_owned(),
    };
    for _ in 0..[1, 1, 1, 2, 2, 3, 0][random.below(7)] {
        pairs.push(criterion(random, ty, HOPS_MAX));
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

fn compartment(random: &mut Random, owner: &str, ty: &str) -> String {
    format!("{owner}/{}/{ty}", some_id(random, owner))
}

/// Types are all or some, criteria those that all have.
fn over_types(random: &mut Random) -> Question {
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
            let types = [type_of(random), type_of(random)];
            shared.extend(shared_by(&types));
            pairs.push(("_type".to_owned(), types.join(",")));
            String::new()
        }
    };
    if random.coin() {
        pairs.push(common(random, None));
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
pub fn criterion(random: &mut Random, ty: &str, depth: usize) -> (String, String) {
    if random.once_in(8) {
        return common(random, Some(ty));
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
        let targets: Vec<&str> = link.more.split(',').filter(|t| is_made(t)).collect();
        if !targets.is_empty() {
            let target = random.one_of(&targets);
            let (name, value) = criterion(random, target, depth - 1);
            // Without a type it leads to all of them that know the name.
            let ty = match random.once_in(3) {
                true => String::new(),
                false => format!(":{target}"),
            };
            return (format!("{}{ty}.{name}", link.code), value);
        }
    }
    let back: Vec<&Parameter> = PARAMETERS
        .iter()
        .filter(|p| p.kind == Kind::Reference && p.more.split(',').any(|t| t == ty))
        .collect();
    if depth > 0 && !back.is_empty() && random.once_in(6) {
        let link = random.one_of(&back);
        let (name, value) = criterion(random, link.ty, depth - 1);
        return (format!("_has:{}:{}:{name}", link.ty, link.code), value);
    }
    let own: Vec<&Parameter> = PARAMETERS.iter().filter(|p| p.ty == ty).collect();
    let parameter = random.one_of(&own);
    let (mut modifier, mut value) = asked(random, parameter);
    // Ward refuses it behind a hop: each resource would have to be looked at.
    while is_looked_at(parameter, &modifier, &value) && depth < HOPS_MAX {
        (modifier, value) = asked(random, parameter);
    }
    (format!("{}{modifier}", parameter.code), value)
}

/// No index answers it.
fn is_looked_at(parameter: &Parameter, modifier: &str, value: &str) -> bool {
    match parameter.kind {
        Kind::Token => modifier == ":text",
        Kind::Contact => value.contains('|'),
        _ => false,
    }
}

const HOPS_MAX: usize = 3;

fn is_made(ty: &str) -> bool {
    COUNTS.iter().any(|(made, _)| *made == ty)
}

/// A parameter of every type; ids are of `ty`, if it is one.
fn common(random: &mut Random, ty: Option<&str>) -> (String, String) {
    match random.below(4) {
        0 => {
            let ids: Vec<String> = (0..=random.below(3))
                .map(|_| {
                    let ty = ty.unwrap_or(type_of(random));
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
            let (mut modifier, mut value) = asked(random, own[0]);
            while modifier == ":text" {
                (modifier, value) = asked(random, own[0]);
            }
            (format!("{code}{modifier}"), value)
        }
    }
}

/// A modifier and a list of values that fit it.
fn asked(random: &mut Random, parameter: &Parameter) -> (String, String) {
    if parameter.kind != Kind::Composite && random.once_in(10) {
        return (
            ":missing".into(),
            random.one_of(&["true", "false"]).to_owned(),
        );
    }
    let identifies = parameter.code == "identifier";
    let is_coded = !["active", "gender", "status", "intent"].contains(&parameter.code);
    let modifier = match parameter.kind {
        Kind::Truth => random.one_of(&["", ":not"]),
        Kind::Token => match random.below(8) {
            0 => ":not",
            1 if is_coded => ":text",
            2 if identifies => ":of-type",
            _ => "",
        },
        Kind::String => random.one_of(&["", "", ":exact", ":contains", ":text"]),
        Kind::Reference => match random.below(6) {
            0 if !parameter.paths[0].contains('>') => ":identifier",
            1 if is_hierarchical(parameter) => random.one_of(&[":above", ":below"]),
            _ => "",
        },
        Kind::Uri if parameter.code == "url" => random.one_of(&["", ":below", ":above"]),
        _ => "",
    };
    let count = [1, 1, 1, 2, 3][random.below(5)];
    let values: Vec<String> = (0..count)
        .map(|_| value(random, parameter, modifier))
        .collect();
    (modifier.to_owned(), values.join(","))
}

fn value(random: &mut Random, parameter: &Parameter, modifier: &str) -> String {
    match (parameter.kind, modifier) {
        (Kind::Token, ":text") => random
            .one_of(&["body", "heart", "rate", "puls", "eight", "medical"])
            .to_owned(),
        (Kind::Token, ":of-type") => {
            let code = random.one_of(&["MR", "mr"]);
            format!("{LABS}|{code}|{}", random.one_of(VALUES).to_lowercase())
        }
        (Kind::Token, _) => token(random, parameter),
        (Kind::Truth, _) => random.one_of(&["true", "false"]).to_owned(),
        (Kind::Contact, _) => {
            let value = random.one_of(&["555-1", "555-2", "a@example.org", "a@EXAMPLE.org", "555"]);
            match random.below(4) {
                0 => format!("{}|{value}", random.one_of(&["phone", "email", ""])),
                1 if random.coin() => format!("{}|", random.one_of(&["phone", "email"])),
                _ => value.to_owned(),
            }
        }
        (Kind::String, _) => string(random, modifier),
        (Kind::Date, _) if parameter.code == "birthdate" => {
            let date = day(random);
            prefixed(random, &[date])
        }
        (Kind::Date, _) => prefixed(random, DATES),
        (Kind::Number, _) => prefixed(random, &["0", "0.5", "0.50", "0.2", "0.25", "1", "0.3"]),
        (Kind::Quantity, _) => quantity(random),
        (Kind::Reference, ":identifier") => identifier(random),
        (Kind::Reference, ":above" | ":below") => part(random, parameter),
        (Kind::Reference, _) => reference(random, parameter),
        (Kind::Uri, ":below") => random
            .one_of(&[
                "http://example.org/",
                "http://example.org/vs/",
                "http://example.org/vs/a/",
            ])
            .to_owned(),
        (Kind::Uri, ":above") => random
            .one_of(&[
                "http://example.org/vs/a/b",
                "http://example.org/codes",
                "http://example.org/vs/",
            ])
            .to_owned(),
        (Kind::Uri, _) if parameter.code == "_profile" => random
            .one_of(&[
                "http://example.org/profile/a",
                "http://example.org/profile/b|1.0",
                "http://example.org/profile/c",
            ])
            .to_owned(),
        (Kind::Uri, _) if parameter.code == "_source" => {
            format!("http://example.org/source/{}", random.below(3))
        }
        (Kind::Uri, _) if random.once_in(3) => {
            let (url, version) = (random.one_of(URLS), random.one_of(&["1", "2-a", "3"]));
            format!("{url}|{version}")
        }
        (Kind::Uri, _) => random.one_of(URLS).to_owned(),
        (Kind::Composite, _) => {
            let first = coded(random);
            let second = if parameter.more.ends_with("valueQuantity") {
                quantity(random)
            } else {
                coded(random)
            };
            format!("{first}${second}")
        }
    }
}

fn prefixed(random: &mut Random, values: &[&str]) -> String {
    format!("{}{}", random.one_of(PREFIXES), random.one_of(values))
}

fn token(random: &mut Random, parameter: &Parameter) -> String {
    let plain: &[&str] = match parameter.code {
        "identifier" => return identifier(random),
        "active" => return random.one_of(&["true", "false"]).to_owned(),
        "gender" => &["male", "female", "Female", "unknown"],
        "status" => &[
            "final",
            "finished",
            "active",
            "preliminary",
            "planned",
            "draft",
            "partial",
        ],
        "intent" => &["order", "plan"],
        "clinical-status" => &["active", "inactive"],
        _ => return coded(random),
    };
    let code = random.one_of(plain);
    match random.below(4) {
        0 if !parameter.more.is_empty() => format!("{}|{code}", parameter.more),
        1 if parameter.code != "clinical-status" => format!("|{code}"),
        _ => code.to_owned(),
    }
}

fn coded(random: &mut Random) -> String {
    let (system, code) = (random.one_of(&[LABS, OTHER, EXACT]), random.one_of(CODES));
    match random.below(6) {
        0 => format!("{system}|"),
        1 => format!("|{code}"),
        2 | 3 => format!("{system}|{code}"),
        _ => code.to_owned(),
    }
}

fn identifier(random: &mut Random) -> String {
    let value = random.one_of(VALUES);
    match random.below(3) {
        0 => format!("{MRN}|{value}"),
        1 => format!("|{value}"),
        _ => value.to_owned(),
    }
}

fn string(random: &mut Random, modifier: &str) -> String {
    if modifier == ":text" && random.coin() {
        return random
            .one_of(&["zebra", "smith", "berg", "lüden", "Å", "ith"])
            .to_owned();
    }
    let word = words(random);
    if modifier == ":exact" || random.once_in(10) {
        return word.to_owned();
    }
    let letters: Vec<char> = word.chars().collect();
    let start = if modifier == ":contains" {
        random.below(letters.len())
    } else {
        0
    };
    let end = start + 1 + random.below(letters.len() - start);
    let part: String = letters[start..end].iter().collect();
    let part = part.trim().to_owned();
    if part.is_empty() { "s".into() } else { part }
}

fn quantity(random: &mut Random) -> String {
    let numbers = if random.once_in(4) {
        &["5.0", "1.50", "100.00", "0.10"]
    } else {
        NUMBERS
    };
    let number = prefixed(random, numbers);
    let code = random.one_of(&["mg", "g", "kg", "cm", "m"]);
    match random.below(6) {
        0 | 1 => format!("{number}|http://unitsofmeasure.org|{code}"),
        2 => format!("{number}||{code}"),
        3 => format!("{number}||{}", random.one_of(&["tablets", "TAB"])),
        4 => format!("{number}|{OTHER}|TAB"),
        _ => number,
    }
}

fn reference(random: &mut Random, parameter: &Parameter) -> String {
    let targets: Vec<&str> = parameter.more.split(',').filter(|t| is_made(t)).collect();
    if targets.is_empty() {
        return format!("Device/{ABSENT}");
    }
    let ty = random.one_of(&targets);
    let id = some_id(random, ty);
    match random.below(9) {
        0 | 1 => id,
        2 => format!("http://127.0.0.1:8080/fhir/{ty}/{id}"),
        3 => format!("http://elsewhere.example.org/fhir/{ty}/{id}"),
        4 => format!("{ty}/{id}/_history/1"),
        _ => format!("{ty}/{id}"),
    }
}

fn is_hierarchical(parameter: &Parameter) -> bool {
    let mut targets = parameter.more.split(',');
    targets.any(|t| HIERARCHICAL.contains(&t))
}

/// What others are part of, or the other way round.
fn part(random: &mut Random, parameter: &Parameter) -> String {
    let targets = parameter.more.split(',');
    let parts: Vec<&str> = targets.filter(|t| HIERARCHICAL.contains(t)).collect();
    let ty = random.one_of(&parts);
    let id = some_id(random, ty);
    match random.below(5) {
        0 | 1 => id,
        2 => format!("http://127.0.0.1:8080/fhir/{ty}/{id}"),
        _ => format!("{ty}/{id}"),
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
    let own = |p: &&Parameter| p.ty == ty && p.kind != Kind::Composite && !is_combined(p);
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

fn type_of(random: &mut Random) -> &'static str {
    COUNTS[random.below(COUNTS.len())].0
}

/// Mostly of one that there is.
fn some_id(random: &mut Random, ty: &str) -> String {
    if random.once_in(12) {
        return ABSENT.to_owned();
    }
    let count = COUNTS.iter().find(|(t, _)| *t == ty).map_or(1, |(_, n)| *n);
    id(ty, random.below(count))
}
