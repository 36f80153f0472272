//! Where a string can stand in a search, and which rows it may ask for there.

use serde_json::Value;
use std::collections::BTreeSet;
use ward_search::normal::{lower_case, normalise};
use ward_testkit::naive::{World, split};

pub struct Asked {
    pub path: String,
    pub pairs: Vec<(String, String)>,
}

pub enum Rows {
    AtMost(BTreeSet<String>),
    /// When it is answered at all.
    Exactly(BTreeSet<String>),
}

pub struct Place {
    pub name: &'static str,
    pub ask: fn(&str) -> Asked,
    /// Worked out by looking at the values of each resource.
    pub rows: fn(&World, &str) -> Rows,
    /// Its statements may be asked for.
    pub explains: bool,
}

const fn value(
    name: &'static str,
    ask: fn(&str) -> Asked,
    rows: fn(&World, &str) -> Rows,
) -> Place {
    Place {
        name,
        ask,
        rows,
        explains: true,
    }
}

/// A part of the question that is no value: beside it stands a criterion that one resource meets.
const fn part(name: &'static str, ask: fn(&str) -> Asked) -> Place {
    Place {
        name,
        ask,
        rows: one,
        explains: true,
    }
}

const fn path(name: &'static str, ask: fn(&str) -> Asked) -> Place {
    Place {
        name,
        ask,
        rows: none,
        explains: false,
    }
}

pub const PLACES: &[Place] = &[
    value(
        "string",
        |s| of("Patient", "family", s),
        |w, s| at_most(families(w, s, begins_a_part)),
    ),
    value(
        "name",
        |s| of("Patient", "name", s),
        |w, s| at_most(families(w, s, begins_a_part)),
    ),
    value(
        "string:exact",
        |s| of("Patient", "family:exact", &escaped(s)),
        |w, s| Rows::Exactly(equal(w, s)),
    ),
    value(
        "string:contains",
        |s| of("Patient", "family:contains", s),
        |w, s| at_most(families(w, s, |t, v| t.contains(v))),
    ),
    value(
        "string:text",
        |s| of("Patient", "family:text", s),
        |w, s| at_most(families(w, s, |t, v| t.contains(v))),
    ),
    value(
        "token",
        |s| of("Patient", "identifier", &escaped(s)),
        |w, s| Rows::Exactly(equal(w, s)),
    ),
    value(
        "token, as it is",
        |s| of("Patient", "identifier", s),
        |w, s| at_most(identifiers(w, s)),
    ),
    value(
        "token with a system",
        |s| {
            of(
                "Patient",
                "identifier",
                &format!("http://example.org/mrn|{}", escaped(s)),
            )
        },
        |w, s| Rows::Exactly(equal(w, s)),
    ),
    value(
        "system of a token",
        |s| of("Patient", "identifier", &format!("{}|", escaped(s))),
        none,
    ),
    value(
        "token:of-type",
        |s| of("Patient", "identifier:of-type", s),
        none,
    ),
    value("token:text", |s| of("Observation", "code:text", s), codes),
    value("token:in", |s| of("Observation", "code:in", s), none),
    value("token:below", |s| of("Observation", "code:below", s), none),
    value("code", |s| of("Patient", "gender", s), none),
    value("date", |s| of("Patient", "birthdate", s), none),
    value(
        "date after a prefix",
        |s| of("Patient", "birthdate", &format!("ge{s}")),
        none,
    ),
    value(
        "quantity",
        |s| of("Observation", "value-quantity", s),
        unlisted,
    ),
    value(
        "unit",
        |s| {
            of(
                "Observation",
                "value-quantity",
                &format!("1||{}", escaped(s)),
            )
        },
        none,
    ),
    value("number", |s| of("RiskAssessment", "probability", s), none),
    value("reference", |s| of("Observation", "subject", s), subjects),
    value(
        "reference of a type",
        |s| of("Observation", "subject:Patient", s),
        subjects,
    ),
    value(
        "reference:identifier",
        |s| of("Observation", "subject:identifier", s),
        none,
    ),
    value(
        "reference:below",
        |s| of("Encounter", "location:below", s),
        none,
    ),
    value(
        "uri",
        |s| of("ValueSet", "url", s),
        |w, s| at_most(urls(w, s, |url, v| url == v)),
    ),
    value(
        "uri:below",
        |s| of("ValueSet", "url:below", s),
        |w, s| at_most(urls(w, s, |url, v| url.starts_with(v))),
    ),
    value(
        "uri:above",
        |s| of("ValueSet", "url:above", s),
        |w, s| at_most(urls(w, s, |url, v| v.starts_with(url))),
    ),
    value(
        "composite",
        |s| of("Observation", "code-value-quantity", s),
        none,
    ),
    value(
        "half of a composite",
        |s| {
            of(
                "Observation",
                "code-value-quantity",
                &format!("{}$ge0", escaped(s)),
            )
        },
        none,
    ),
    value("near", |s| of("Location", "near", s), none),
    value("missing", |s| of("Patient", "family:missing", s), none),
    value("_id", |s| of("Patient", "_id", s), none),
    value("_lastUpdated", |s| of("Patient", "_lastUpdated", s), none),
    value("_tag", |s| of("Patient", "_tag", s), none),
    value("_profile", |s| of("Patient", "_profile", s), none),
    value("_source", |s| of("Patient", "_source", s), none),
    value("_list", |s| of("Patient", "_list", s), none),
    value("_filter", |s| of("Patient", "_filter", s), none),
    value(
        "a text of _filter",
        |s| {
            of(
                "Patient",
                "_filter",
                &format!("family eq {}", Value::String(escaped(s))),
            )
        },
        |w, s| at_most(folded(w, s)),
    ),
    value(
        "a chained value",
        |s| of("Observation", "subject:Patient.family:exact", &escaped(s)),
        none_but_observed,
    ),
    value(
        "a value behind _has",
        |s| of("Patient", "_has:Observation:subject:code", &escaped(s)),
        none,
    ),
    part("_text", |s| beside("_text", s)),
    part("_content", |s| beside("_content", s)),
    part("_query", |s| beside("_query", s)),
    part("_type", |s| beside("_type", s)),
    part("_sort", |s| beside("_sort", s)),
    part("_sort, backwards", |s| beside("_sort", &format!("-{s}"))),
    part("_elements", |s| beside("_elements", s)),
    part("_summary", |s| beside("_summary", s)),
    part("_count", |s| beside("_count", s)),
    part("_total", |s| beside("_total", s)),
    part("_include", |s| beside("_include", s)),
    part("_include of a parameter", |s| {
        beside("_include", &format!("Patient:{s}"))
    }),
    part("_revinclude", |s| beside("_revinclude", s)),
    part("_revinclude of a parameter", |s| {
        beside("_revinclude", &format!("Observation:{s}:Patient"))
    }),
    part("_contained", |s| beside("_contained", s)),
    part("explain", |s| beside("explain", s)),
    part("name of a parameter", |s| beside(s, "x")),
    part("name and value", |s| beside(s, s)),
    part("modifier", |s| beside(&format!("family:{s}"), "Smith")),
    part("modifier of a token", |s| {
        beside(&format!("identifier:{s}"), "x")
    }),
    part("modifier of a reference", |s| {
        beside(&format!("general-practitioner:{s}"), "x")
    }),
    part("type of a chain", |s| {
        beside(&format!("general-practitioner:{s}.name"), "x")
    }),
    part("end of a chain", |s| {
        beside(&format!("general-practitioner.{s}"), "x")
    }),
    part("middle of a chain", |s| {
        beside(&format!("link:Patient.{s}.name"), "x")
    }),
    part("type of _has", |s| {
        beside(&format!("_has:{s}:subject:code"), "x")
    }),
    part("reference of _has", |s| {
        beside(&format!("_has:Observation:{s}:code"), "x")
    }),
    part("parameter of _has", |s| {
        beside(&format!("_has:Observation:subject:{s}"), "x")
    }),
    part("modifier of _filter", |s| {
        beside(&format!("_filter:{s}"), "family pr true")
    }),
    path("_cursor", |s| of("Patient", "_cursor", s)),
    path("type", |s| at(s.to_owned())),
    path("id", |s| at(format!("Patient/{s}"))),
    path("version", |s| at(format!("Patient/patient-0/_history/{s}"))),
    path("history of an id", |s| at(format!("Patient/{s}/_history"))),
    path("owner of a compartment", |s| {
        at(format!("Patient/{s}/Observation"))
    }),
    path("type in a compartment", |s| {
        at(format!("Patient/patient-0/{s}"))
    }),
    path("operation", |s| at(format!("Patient/${s}"))),
    path("_since of a history", |s| {
        of("Patient/_history", "_since", s)
    }),
];

fn of(ty: &str, name: &str, value: &str) -> Asked {
    Asked {
        path: ty.to_owned(),
        pairs: vec![
            (name.to_owned(), value.to_owned()),
            ("_count".into(), "200".into()),
        ],
    }
}

fn beside(name: &str, value: &str) -> Asked {
    Asked {
        path: "Patient".to_owned(),
        pairs: vec![
            ("_id".into(), "patient-0".into()),
            (name.to_owned(), value.to_owned()),
        ],
    }
}

fn at(path: String) -> Asked {
    Asked {
        path,
        pairs: Vec::new(),
    }
}

/// As one value, whatever it holds.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, ',' | '|' | '$' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn at_most(rows: BTreeSet<String>) -> Rows {
    Rows::AtMost(rows)
}

fn none(_: &World, _: &str) -> Rows {
    Rows::AtMost(BTreeSet::new())
}

/// Beside the string's own, a list may hold a quantity like any other.
fn unlisted(world: &World, text: &str) -> Rows {
    if !text.contains(',') {
        return none(world, text);
    }
    at_most(world.resources.iter().map(|s| s.path()).collect())
}

fn one(_: &World, _: &str) -> Rows {
    Rows::AtMost(BTreeSet::from(["Patient/patient-0".to_owned()]))
}

/// Resources one of whose texts at the pointer passes.
fn where_text(world: &World, pointer: &str, test: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let passes = |body: &Value| {
        body.pointer(pointer)
            .and_then(Value::as_str)
            .is_some_and(&test)
    };
    let found = world.resources.iter().filter(|s| passes(&s.body));
    found.map(|s| s.path()).collect()
}

fn equal(world: &World, text: &str) -> BTreeSet<String> {
    where_text(world, "/name/0/family", |t| t == text)
}

fn folded(world: &World, text: &str) -> BTreeSet<String> {
    let wanted = normalise(text);
    where_text(world, "/name/0/family", |t| normalise(t) == wanted)
}

/// Without the backslashes of the escapes.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(',' | '|' | '$' | '\\')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

fn families(world: &World, list: &str, test: fn(&str, &str) -> bool) -> BTreeSet<String> {
    let values: Vec<String> = split(list, ',')
        .iter()
        .map(|v| normalise(&plain(v)))
        .collect();
    where_text(world, "/name/0/family", |t| {
        let text = normalise(t);
        values.iter().any(|v| test(&text, v))
    })
}

/// A name begins with it, or a part of one after a space or hyphen does.
fn begins_a_part(name: &str, value: &str) -> bool {
    let mut found = name.match_indices(value);
    found.any(|(at, _)| at == 0 || name[..at].ends_with([' ', '-']))
}

/// Case does not count.
fn identifiers(world: &World, list: &str) -> BTreeSet<String> {
    let values = split(list, ',');
    where_text(world, "/identifier/0/value", |t| {
        values.iter().any(|v| match split(v, '|').as_slice() {
            [code] => lower_case(&plain(code)) == lower_case(t),
            [system, code] => {
                let is_it = code.is_empty() || lower_case(&plain(code)) == lower_case(t);
                plain(system) == "http://example.org/mrn" && is_it
            }
            _ => false,
        })
    })
}

fn urls(world: &World, list: &str, test: fn(&str, &str) -> bool) -> BTreeSet<String> {
    let values: Vec<String> = split(list, ',').iter().map(|v| plain(v)).collect();
    where_text(world, "/url", |t| values.iter().any(|v| test(t, v)))
}

fn codes(world: &World, list: &str) -> Rows {
    let values: Vec<String> = split(list, ',')
        .iter()
        .map(|v| normalise(&plain(v)))
        .collect();
    let found = where_text(world, "/code/text", |t| {
        let text = normalise(t);
        values.iter().any(|v| text.contains(v))
    });
    at_most(found)
}

/// What a list names beside the string's own.
fn subjects(world: &World, list: &str) -> Rows {
    let values: Vec<String> = split(list, ',').iter().map(|v| plain(v)).collect();
    let is_named = |t: &str| values.iter().any(|v| t == v || t == format!("Patient/{v}"));
    at_most(where_text(world, "/subject/reference", is_named))
}

/// Observations are of those without hostile names.
fn none_but_observed(world: &World, text: &str) -> Rows {
    let people = equal(world, text);
    let found = world.resources.iter().filter(|s| {
        let subject = s.body["subject"]["reference"].as_str();
        subject.is_some_and(|subject| people.contains(subject))
    });
    Rows::Exactly(found.map(|s| s.path()).collect())
}
