//! Values of every kind of parameter, with the modifiers that they take.

use super::{URLS, Wish};
use crate::Random;
use crate::generate::{
    ABSENT, AGES, CODES, DATES, EXACT, LABS, LENGTHS, MEDIA, MRN, NUMBERS, OTHER, PLACES, VALUES,
    count, day, id, words,
};
use crate::naive::{HIERARCHICAL, Kind, Parameter};

/// A modifier and a list of values that fit it.
pub(super) fn asked(random: &mut Random, wish: Wish, parameter: &Parameter) -> (String, String) {
    if random.once_in(10) {
        return (
            ":missing".into(),
            random.one_of(&["true", "false"]).to_owned(),
        );
    }
    let identifies = parameter.code == "identifier";
    let is_coded = !is_plain(parameter);
    let modifier = match parameter.kind {
        Kind::Truth => random.one_of(&["", ":not"]),
        Kind::Contact | Kind::Caseless => random.one_of(&["", "", ":not"]),
        Kind::Media => random.one_of(&["", ":below", ":below", ":not"]),
        Kind::Token => match random.below(10) {
            0 => ":not",
            1 if is_coded => ":text",
            2 if identifies => ":of-type",
            3 | 4 if has_terms(wish, parameter) => {
                random.one_of(&[":in", ":not-in", ":above", ":below"])
            }
            _ => "",
        },
        Kind::String => random.one_of(&["", "", ":exact", ":contains", ":text"]),
        Kind::Reference => match random.below(6) {
            0 => ":identifier",
            1 if is_hierarchical(parameter) => random.one_of(&[":above", ":below"]),
            2 => return of_type(random, wish, parameter),
            _ => "",
        },
        Kind::Canonical => random.one_of(&["", ":below"]),
        Kind::Uri => random.one_of(&["", "", ":below", ":above"]),
        _ => "",
    };
    let count = [1, 1, 1, 2, 3][random.below(5)];
    let values: Vec<String> = (0..count)
        .map(|_| value(random, parameter, modifier))
        .collect();
    (modifier.to_owned(), values.join(","))
}

/// Of `asked` without a modifier, or with this one.
pub(super) fn value(random: &mut Random, parameter: &Parameter, modifier: &str) -> String {
    match (parameter.kind, modifier) {
        (Kind::Token, ":text") => random
            .one_of(&["body", "heart", "rate", "puls", "eight", "medical"])
            .to_owned(),
        (Kind::Token, ":of-type") => {
            let code = random.one_of(&["MR", "mr"]);
            format!("{LABS}|{code}|{}", random.one_of(VALUES).to_lowercase())
        }
        (Kind::Token, ":in" | ":not-in") => value_set(random, parameter),
        (Kind::Token, ":above" | ":below") => related(random, parameter),
        (Kind::Token, _) => token(random, parameter),
        (Kind::Media, ":below") => random
            .one_of(&[
                "text/xml",
                "TEXT/xml",
                "text",
                "image",
                "text/xml;charset=utf-8",
                "app",
            ])
            .to_owned(),
        (Kind::Media, _) => random.one_of(MEDIA).to_owned(),
        (Kind::Caseless, _) => random.one_of(&["1", "2-A", "2-a", "|2-a", "3"]).to_owned(),
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
        (Kind::Number, _) => prefixed(
            random,
            if parameter.ty == "MolecularSequence" {
                WHOLES
            } else {
                PARTS
            },
        ),
        (Kind::Quantity, _) => quantity(random, parameter),
        (Kind::Reference, ":identifier") => identifier(random),
        (Kind::Reference, ":above" | ":below") => part(random, parameter),
        (Kind::Reference, _) => reference(random, parameter),
        (Kind::Position, _) => near(random),
        (Kind::Inline, _) => {
            let at = random.below(3);
            let ty = random.one_of(&[
                "",
                "Composition/",
                "http://127.0.0.1:8080/fhir/Composition/",
            ]);
            format!("{ty}composition-{at}")
        }
        (Kind::Canonical, _) => random
            .one_of(&[
                "http://example.org/protocol/a",
                "http://example.org/protocol/a|1.0",
                "http://example.org/protocol/a|1",
                "http://example.org/protocol/",
            ])
            .to_owned(),
        (Kind::Uri, ":below") if parameter.code != "url" => random
            .one_of(&[
                "http://example.org/",
                "http://example.org/profile/a",
                "http://example.org/profile/b|1",
                "http://example.org/source/",
                "http://example.org/documents/1",
                "http://example.org/lab",
            ])
            .to_owned(),
        (Kind::Uri, ":above") if parameter.code != "url" => random
            .one_of(&[
                "http://example.org/profile/ab",
                "http://example.org/source/1",
                "http://example.org/documents/12",
                "http://example.org/labs",
            ])
            .to_owned(),
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
        (Kind::Uri, _) if parameter.code == "location" => {
            format!("http://example.org/documents/{}", random.below(4))
        }
        (Kind::Uri, _) if parameter.code == "reference" => random.one_of(&[LABS, OTHER]).to_owned(),
        (Kind::Uri, _) if random.once_in(3) => {
            let (url, version) = (random.one_of(URLS), random.one_of(&["1", "2-a", "3"]));
            format!("{url}|{version}")
        }
        (Kind::Uri, _) => random.one_of(URLS).to_owned(),
        (Kind::Composite, _) => {
            let parts = parameter.more.split('$').enumerate();
            let values: Vec<String> = parts
                .map(|(at, part)| component(random, at, part))
                .collect();
            values.join("$")
        }
    }
}

/// The value of one part of a composite.
fn component(random: &mut Random, at: usize, part: &str) -> String {
    let first = part.split(',').next().unwrap_or_default();
    match first {
        "valueQuantity" => quantity_in(random, NUMBERS, &["mg", "g", "kg", "cm", "m"]),
        "start" | "end" | "windowStart" | "windowEnd" => prefixed(random, WHOLES),
        "valueDateTime" => prefixed(random, DATES),
        "valueString" => string(random, ""),
        "valueCodeableConcept" if part.contains("Boolean") && random.coin() => {
            random.one_of(&["true", "false"]).to_owned()
        }
        "target" => {
            let id = some_id(random, "DocumentReference");
            format!("{}{id}", random.one_of(&["", "DocumentReference/"]))
        }
        "code" if part == "code" && at == 0 && random.once_in(4) => random
            .one_of(&["replaces", "appends", "|replaces"])
            .to_owned(),
        _ => coded(random),
    }
}

pub(super) fn prefixed(random: &mut Random, values: &[&str]) -> String {
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
        "type" if parameter.ty == "Group" => &["person", "animal"],
        "type" if parameter.ty == "Bundle" => &["document", "message"],
        "relation" => &["replaces", "appends"],
        "actual" | "exclude" => return random.one_of(&["true", "false"]).to_owned(),
        "value" if random.coin() => return random.one_of(&["true", "false"]).to_owned(),
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

fn quantity(random: &mut Random, parameter: &Parameter) -> String {
    match parameter.code {
        "onset-age" | "abatement-age" => quantity_in(random, AGES, &["a", "mo", "d", "mg"]),
        "length" => quantity_in(random, LENGTHS, &["min", "h", "d"]),
        "price-override" => {
            let number = prefixed(random, NUMBERS);
            match random.below(4) {
                0 => format!(
                    "{number}|urn:iso:std:iso:4217|{}",
                    random.one_of(&["EUR", "USD"])
                ),
                1 => format!("{number}||EUR"),
                2 => format!("{number}|http://unitsofmeasure.org|EUR"),
                _ => number,
            }
        }
        _ => quantity_in(random, NUMBERS, &["mg", "g", "kg", "cm", "m"]),
    }
}

fn quantity_in(random: &mut Random, numbers: &[&str], units: &[&str]) -> String {
    let numbers = if random.once_in(4) {
        &["5.0", "1.50", "100.00", "0.10"]
    } else {
        numbers
    };
    let number = prefixed(random, numbers);
    let code = random.one_of(units);
    match random.below(6) {
        0 | 1 => format!("{number}|http://unitsofmeasure.org|{code}"),
        2 => format!("{number}||{code}"),
        3 => format!("{number}||{}", random.one_of(&["tablets", "TAB"])),
        4 => format!("{number}|{OTHER}|TAB"),
        _ => number,
    }
}

/// A place, and how far around it: never so far that rounding decides.
fn near(random: &mut Random) -> String {
    let (latitude, longitude) = PLACES[random.below(PLACES.len())];
    let around = random.one_of(&[
        "",
        "|50",
        "|0.1|km",
        "|500|m",
        "|10|[mi_i]",
        "|300",
        "|5000|km",
    ]);
    format!("{latitude}|{longitude}{around}")
}

/// A terminology says which of its codes are meant.
fn has_terms(wish: Wish, parameter: &Parameter) -> bool {
    let has_code = parameter.code == "gender" || !is_plain(parameter);
    let is_identifier = parameter.code == "identifier" || parameter.code.starts_with('_');
    wish.more && has_code && !is_identifier
}

/// It reads codes or booleans, which have no texts.
fn is_plain(parameter: &Parameter) -> bool {
    match parameter.code {
        "active" | "actual" | "exclude" | "gender" | "intent" | "relation" | "status" => true,
        "type" => ["Bundle", "Group"].contains(&parameter.ty),
        "code" => parameter.ty == "ValueSet",
        _ => false,
    }
}

fn value_set(random: &mut Random, parameter: &Parameter) -> String {
    let genders = "http://hl7.org/fhir/ValueSet/administrative-gender";
    if parameter.code == "gender" && !random.once_in(4) {
        return genders.to_owned();
    }
    let names = [
        genders,
        "http://example.org/terms",
        "http://example.org/terms|1",
        "ValueSet/terms",
        "http://127.0.0.1:8080/fhir/ValueSet/terms",
    ];
    random.one_of(&names).to_owned()
}

/// A code that may have others above it or below.
fn related(random: &mut Random, parameter: &Parameter) -> String {
    let clinical = "http://terminology.hl7.org/CodeSystem/condition-clinical";
    match parameter.code {
        "gender" => {
            let code = random.one_of(&["male", "female"]);
            let system = random.one_of(&["", "http://hl7.org/fhir/administrative-gender|"]);
            format!("{system}{code}")
        }
        "clinical-status" => {
            format!(
                "{clinical}|{}",
                random.one_of(&["inactive", "resolved", "active"])
            )
        }
        _ => format!("{LABS}|{}", random.one_of(CODES)),
    }
}

/// `:[type]`, with values of that type and of others.
fn of_type(random: &mut Random, wish: Wish, parameter: &Parameter) -> (String, String) {
    let sole = parameter.paths[0].split_once('>').map(|(_, ty)| ty);
    let targets: Vec<&str> = parameter.more.split(',').collect();
    let ty = sole.unwrap_or_else(|| random.one_of(&targets));
    let made = wish.has(ty);
    let values: Vec<String> = (0..=random.below(2))
        .map(|_| match random.below(4) {
            0 | 1 if made => some_id(random, ty),
            2 if made => format!("{ty}/{}", some_id(random, ty)),
            _ => reference(random, parameter),
        })
        .collect();
    (format!(":{ty}"), values.join(","))
}

fn reference(random: &mut Random, parameter: &Parameter) -> String {
    let all = Wish {
        includes: false,
        more: true,
    };
    let targets: Vec<&str> = parameter.more.split(',').filter(|t| all.has(t)).collect();
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

/// Mostly of one that there is.
pub(super) fn some_id(random: &mut Random, ty: &str) -> String {
    if random.once_in(12) {
        return ABSENT.to_owned();
    }
    id(ty, random.below(count(ty)))
}

const PREFIXES: &[&str] = &["", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];
const WHOLES: &[&str] = &["0", "1", "5", "10", "15", "20", "100"];
const PARTS: &[&str] = &[
    "0", "0.5", "0.50", "0.2", "0.25", "1", "0.3", "0.8", "10", "50",
];
