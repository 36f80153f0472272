//! One `name=value` of a query against one resource: chains, `_has`, modifiers, and the comma list.
//! <https://hl7.org/fhir/R4/search.html#combining>

use super::parameters::{Kind, Parameter, find};
use super::{
    Stored, World, composite, contained, date, hierarchy, list, number, position, reference,
    string, terminology, token, uri, walk, words,
};
use serde_json::Value;

pub fn matches(world: &World, stored: &Stored, name: &str, value: &str) -> bool {
    if let Some(rest) = name.strip_prefix("_has:") {
        return has(world, stored, rest, value);
    }
    if let Some((link, rest)) = name.split_once('.') {
        return chain(world, stored, link, rest, value);
    }
    let (code, modifier) = name.split_once(':').unwrap_or((name, ""));
    match code {
        "_id" => {
            let is_named = split(value, ',').iter().any(|id| *id == stored.id());
            is_named != (modifier == "not")
        }
        "_text" | "_content" => words::matches(&stored.body, code == "_content", value),
        "_list" => split(value, ',')
            .iter()
            .any(|id| list::has(world, stored, id)),
        "_lastUpdated" if contained::is_contained(stored) => false,
        "_lastUpdated" => {
            let at = (stored.updated_us, stored.updated_us);
            let values = split(value, ',');
            values.iter().any(|v| date::compare(v, at, world.now_us))
        }
        _ => {
            let found = find(stored.ty(), code);
            found.is_some_and(|p| parameter(world, &stored.body, p, modifier, value))
        }
    }
}

/// `reference[:Type].rest`: some current resource that it refers to matches the rest.
fn chain(world: &World, stored: &Stored, link: &str, rest: &str, value: &str) -> bool {
    let (code, ty) = match link.split_once(':') {
        Some((code, ty)) => (code, Some(ty)),
        None => (link, None),
    };
    let Some(parameter) = find(stored.ty(), code) else {
        return false;
    };
    let paths = targets(&stored.body, parameter);
    let inside = paths.iter().filter_map(|path| contained::get(stored, path));
    let found = paths.iter().filter_map(|path| world.get(path));
    found
        .chain(inside.collect::<Vec<_>>().iter())
        .filter(|t| ty.is_none_or(|ty| ty == t.ty()))
        .any(|target| matches(world, target, rest, value))
}

/// `_has:Type:reference:rest`: some current resource of the type that refers to this one matches the rest.
fn has(world: &World, stored: &Stored, text: &str, value: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let (Some(ty), Some(code), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Some(parameter) = find(ty, code) else {
        return false;
    };
    let own = stored.path();
    // To a contained resource only its container refers, and what stands beside it.
    let beside = contained::members(stored);
    let sources = match contained::is_contained(stored) {
        true => &beside,
        false => &world.resources,
    };
    sources
        .iter()
        .filter(|s| s.ty() == ty)
        .filter(|s| targets(&s.body, parameter).contains(&own))
        .any(|source| matches(world, source, rest, value))
}

/// `Type/id` of every resource of this store that a parameter of the resource refers to, and `Type/#id` of those in its container.
pub fn targets(body: &Value, parameter: &Parameter) -> Vec<String> {
    let ends = parameter.paths.iter().flat_map(|p| walk::elements(body, p));
    let found = ends.filter_map(|e| {
        let text = e["reference"].as_str()?;
        contained::path(body, text).or_else(|| reference::local(text))
    });
    let found = found.filter(|path| {
        let ty = path.split('/').next().unwrap_or_default();
        parameter.more.split(',').any(|t| t == ty)
    });
    found.collect()
}

fn parameter(
    world: &World,
    body: &Value,
    parameter: &Parameter,
    modifier: &str,
    value: &str,
) -> bool {
    let ends: Vec<&Value> = match parameter.kind {
        Kind::Composite => Vec::new(),
        _ => parameter
            .paths
            .iter()
            .flat_map(|p| walk::elements(body, p))
            .collect(),
    };
    if parameter.kind == Kind::Truth {
        let is_true = ends.iter().any(|e| **e != Value::Bool(false));
        return truth(is_true, modifier, value);
    }
    if modifier == "missing" {
        let present = match parameter.kind {
            Kind::Composite => composite::is_present(body, parameter),
            kind => ends.iter().any(|e| walk::has_value(e, kind)),
        };
        return present == (value == "false");
    }
    let values = split(value, ',');
    let mut values = values.iter();
    let any =
        |test: &dyn Fn(&Value, &str) -> bool, value: &str| ends.iter().any(|e| test(e, value));
    match (parameter.kind, modifier) {
        (Kind::Token | Kind::Media, "not") => {
            !values.any(|v| any(&|e, v| token::matches(e, v, parameter.more), v))
        }
        (Kind::Token, "in" | "not-in") => {
            let is_in = |e: &Value, v: &str| terminology::is_in(world, e, v, parameter.more);
            values.any(|v| any(&is_in, v)) == (modifier == "in")
        }
        (Kind::Token, "above" | "below") => {
            let above = modifier == "above";
            let is_around =
                |e: &Value, v: &str| terminology::is_around(world, e, v, parameter.more, above);
            values.any(|v| any(&is_around, v))
        }
        (Kind::Media, "below") => values.any(|v| any(&token::media_below, v)),
        (Kind::Caseless, "not") => !values.any(|v| any(&token::caseless, v)),
        (Kind::Caseless, _) => values.any(|v| any(&token::caseless, v)),
        (Kind::Token, "text") => values.any(|v| any(&token::text, v)),
        (Kind::Token, "of-type") => values.any(|v| any(&token::of_type, v)),
        (Kind::Token | Kind::Media, _) => {
            values.any(|v| any(&|e, v| token::matches(e, v, parameter.more), v))
        }
        (Kind::Contact, "not") => !values.any(|v| any(&token::contact, v)),
        (Kind::Contact, _) => values.any(|v| any(&token::contact, v)),
        (Kind::String, "exact") => values.any(|v| any(&string::exact, v)),
        (Kind::String, "text") => values.any(|v| any(&string::text, v)),
        (Kind::String, "contains") => values.any(|v| any(&string::contains, v)),
        (Kind::String, _) if parameter.is_of_names() => {
            values.any(|v| any(&string::starts_a_part, v))
        }
        (Kind::String, _) => values.any(|v| any(&string::starts, v)),
        (Kind::Date, _) => {
            let test = |e: &Value, v: &str| {
                date::range(e).is_some_and(|at| date::compare(v, at, world.now_us))
            };
            values.any(|v| any(&test, v))
        }
        (Kind::Number, _) => values.any(|v| any(&number::matches, v)),
        (Kind::Quantity, _) => values.any(|v| any(&number::quantity, v)),
        (Kind::Reference, "identifier") => {
            values.any(|v| any(&|e, v| token::matches(&e["identifier"], v, ""), v))
        }
        (Kind::Reference, "above" | "below") => values.any(|v| {
            let around = hierarchy::around(world, parameter.more, v, modifier == "above");
            targets(body, parameter).iter().any(|t| around.contains(t))
        }),
        (Kind::Canonical, "below") => values.any(|v| any(&uri::below_canonical, v)),
        (Kind::Canonical, _) => values.any(|v| any(&uri::canonical, v)),
        (Kind::Inline, _) => {
            let first = ends.first();
            values.any(|v| first.is_some_and(|inside| reference::is_to(inside, v)))
        }
        (Kind::Position, _) => values.any(|v| any(&position::near, v)),
        (Kind::Reference, only) => {
            values.any(|v| any(&|e, v| reference::matches(e, v, only, parameter.more), v))
        }
        (Kind::Uri, "below") if parameter.code == "_profile" => {
            values.any(|v| any(&uri::below_canonical, v))
        }
        (Kind::Uri, "below") => values.any(|v| any(&uri::below, v)),
        (Kind::Uri, "above") => values.any(|v| any(&uri::above, v)),
        (Kind::Uri, _) => {
            let has_version = |v: &&str| parameter.code == "url" && uri::version(body, v);
            values.any(|v| any(&uri::matches, v) || has_version(v))
        }
        (Kind::Composite, _) => {
            values.any(|v| composite::matches(body, parameter, v, world.now_us))
        }
        (Kind::Truth, _) => false,
    }
}

/// One boolean, which is never missing.
fn truth(is_true: bool, modifier: &str, value: &str) -> bool {
    let own = if is_true { "true" } else { "false" };
    let is_named = split(value, ',').contains(&own);
    match modifier {
        "missing" => value == "false",
        "not" => !is_named,
        _ => is_named,
    }
}

/// At separators that no backslash stands before. Nothing generated needs more of the escaping, so the parts stay escaped.
pub fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if c == separator && !escaped {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

/// Without the backslashes.
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match (c, next) {
            ('\\', Some(next @ (',' | '$' | '|' | '\\'))) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}
