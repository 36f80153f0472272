//! String parameters. <https://hl7.org/fhir/R4/search.html#string>

use super::{Ask, Form};
use crate::escape::unescape;
use crate::extract::Collector;
use crate::normal::{STRING_CHARS_MAX, normalise};
use crate::plan::Filter;
use crate::registry::{Leaf, Owner};
use ward_fhir::{Failure, Node};

/// Modifiers answered now, beside `:missing`.
pub(crate) const MODIFIERS: &[&str] = &["exact", "contains"];

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

/// Starts with (default), `:contains`, `:exact`.
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let text = unescape(value);
    if ask.modifier == Some("exact") {
        return Ok(Filter::AnyTerm(
            ask.parameter
                .owners
                .iter()
                .map(|o| ask.key.exact(o.param, &text))
                .collect(),
        ));
    }
    if text.chars().count() > STRING_CHARS_MAX {
        return Err(ask.bad(&format!(
            "may have {STRING_CHARS_MAX} characters at most; use ':exact' for a longer text"
        )));
    }
    let wanted = normalise(&text);
    if wanted.is_empty() {
        return Ok(Filter::Nothing);
    }
    let one: fn(u16, String) -> Filter = match ask.modifier {
        None => |param, value| Filter::StringPrefix { param, value },
        Some("contains") => |param, value| Filter::StringContains { param, value },
        Some(other) => return Err(ask.bad_modifier(other, &["missing", "exact", "contains"])),
    };
    Ok(any(&ask.parameter.owners, |owner| {
        one(owner.param, wanted.clone())
    }))
}

/// One filter per owner.
pub(crate) fn any(owners: &[Owner], one: impl Fn(&Owner) -> Filter) -> Filter {
    match owners {
        [] => Filter::Nothing,
        [owner] => one(owner),
        several => Filter::Or(several.iter().map(one).collect()),
    }
}
