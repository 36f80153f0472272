//! String parameters. <https://hl7.org/fhir/R4/search.html#string>

use super::{Ask, Form};
use crate::definition::starts_of;
use crate::edition::Edition;
use crate::escape::unescape;
use crate::extract::Collector;
use crate::normal::normalise;
use crate::plan::Filter;
use crate::registry::{Leaf, Owner};
use ward_fhir::{Failure, Node};

/// Modifiers answered now, beside `:missing`.
pub(crate) const MODIFIERS: &[&str] = &["exact", "contains", "text"];

/// The parts of a HumanName or Address that a parameter over the whole element reads.
const NAME_PARTS: &[&str] = &["text", "family", "given", "prefix", "suffix"];
const ADDRESS_PARTS: &[&str] = &[
    "text",
    "line",
    "city",
    "district",
    "state",
    "postalCode",
    "country",
];

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    match leaf.form {
        Form::HumanName => parts(out, node, leaf, NAME_PARTS),
        Form::Address => parts(out, node, leaf, ADDRESS_PARTS),
        _ => {
            if let Some(text) = node.value() {
                out.string(leaf, text);
            }
        }
    }
}

fn parts(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf, names: &[&str]) {
    for child in node.children().filter(|c| names.contains(&c.name())) {
        if let Some(text) = child.value() {
            out.string(leaf, text);
        }
    }
}

/// Starts with (default; of a name each of its parts may), `:contains`, `:exact`; `:text`, which R4 defines for tokens: a word
/// begins with it.
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    if ask.modifier == Some("exact") {
        let text = unescape(value);
        return Ok(Filter::AnyTerm(
            ask.parameter
                .owners
                .iter()
                .map(|o| ask.key.exact(o.param, &text))
                .collect(),
        ));
    }
    let wanted = wanted(ask, value)?;
    let one: fn(u16, String) -> Filter = match ask.modifier {
        None if !ask.parameter.of_names => |param, value| Filter::StringPrefix { param, value },
        None if ask.oldest < Edition::Second => a_start_or_whole,
        None => a_start,
        Some("contains") => |param, value| Filter::StringContains { param, value },
        Some("text") => a_word,
        Some(other) => return Err(ask.bad_modifier(other, &KNOWN)),
    };
    Ok(any(&ask.parameter.owners, |owner| {
        one(owner.param, wanted.clone())
    }))
}

/// The normalised text of a value. Errors: nothing is left of it.
pub(crate) fn wanted(ask: &Ask<'_>, value: &str) -> Result<String, Failure> {
    let wanted = normalise(&unescape(value));
    if wanted.is_empty() {
        return Err(ask.bad("has nothing that a text could begin with"));
    }
    Ok(wanted)
}

const KNOWN: [&str; 4] = ["missing", "exact", "contains", "text"];

/// A part of a name begins with it.
fn a_start(param: u16, value: String) -> Filter {
    let param = starts_of(param);
    Filter::StringPrefix { param, value }
}

/// Of rows of the first edition the whole name does.
fn a_start_or_whole(param: u16, value: String) -> Filter {
    let start = a_start(param, value.clone());
    Filter::Or(vec![start, Filter::StringPrefix { param, value }])
}

/// Words are set apart by spaces and hyphens.
fn a_word(param: u16, value: String) -> Filter {
    let after = |sign: char| Filter::StringContains {
        param,
        value: format!("{sign}{value}"),
    };
    let (space, hyphen) = (after(' '), after('-'));
    Filter::Or(vec![Filter::StringPrefix { param, value }, space, hyphen])
}

/// One filter per owner.
pub(crate) fn any(owners: &[Owner], one: impl Fn(&Owner) -> Filter) -> Filter {
    match owners {
        [] => Filter::Nothing,
        [owner] => one(owner),
        several => Filter::Or(several.iter().map(one).collect()),
    }
}
