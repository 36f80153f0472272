//! Uri parameters, and canonicals as references. <https://hl7.org/fhir/R4/search.html#uri>

use super::{Ask, Form};
use crate::escape::unescape;
use crate::extract::Collector;
use crate::plan::Filter;
use crate::registry::Leaf;
use ward_fhir::{Failure, Node};

/// Modifiers answered now, beside `:missing`.
pub(crate) const MODIFIERS: &[&str] = &[];

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let Some(text) = node.value() else { return };
    if leaf.form == Form::Canonical {
        canonical(out, text, leaf);
    } else {
        let term = out.key().url(leaf.param, text);
        out.term(leaf, term, false);
    }
}

/// Under its url, and under url and version when it names one; a fragment does not count.
fn canonical(out: &mut Collector<'_>, text: &str, leaf: &Leaf) {
    let text = text.split_once('#').map_or(text, |(before, _)| before);
    let url = text.split_once('|').map_or(text, |(url, _)| url);
    if url.is_empty() {
        return;
    }
    let key = out.key();
    out.term(leaf, key.url(leaf.param, url), false);
    if url.len() != text.len() {
        out.term(leaf, key.url(leaf.param, text), false);
    }
}

/// The exact url; for canonicals `url` or `url|version`.
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    if let Some(modifier) = ask.modifier {
        return Err(ask.bad_modifier(modifier, &["missing"]));
    }
    let url = unescape(value);
    Ok(Filter::AnyTerm(
        ask.parameter
            .owners
            .iter()
            .map(|o| ask.key.url(o.param, &url))
            .collect(),
    ))
}
