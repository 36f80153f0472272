//! Token parameters. <https://hl7.org/fhir/R4/search.html#token>

use super::{Ask, Form};
use crate::entries::Term;
use crate::escape::{split_once, unescape};
use crate::extract::Collector;
use crate::plan::Filter;
use crate::registry::Leaf;
use crate::words::words;
use ward_fhir::{Failure, MemberId, Node};

/// Modifiers answered now, beside `:missing`.
pub(crate) const MODIFIERS: &[&str] = &["not", "of-type"];

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    match leaf.form {
        Form::Coding => coding(out, node, leaf),
        Form::Concept => {
            let member = words().concept_coding;
            for child in node.children().filter(|c| c.member() == Some(member)) {
                coding(out, child, leaf);
            }
        }
        Form::Identifier => identifier(out, node, leaf),
        Form::Contact => plain(out, node.text("value"), leaf, false),
        form => plain(out, node.value(), leaf, form == Form::Code),
    }
}

fn coding(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let words = words();
    let (system, code) = pair(node, words.coding_system, words.coding_code);
    if system.is_some() || code.is_some() {
        out.coded(leaf, system.unwrap_or(""), code.unwrap_or(""));
    }
}

fn plain(out: &mut Collector<'_>, value: Option<&str>, leaf: &Leaf, counted: bool) {
    if let Some(value) = value {
        let term = out.key().code(leaf.param, value);
        out.term(leaf, term, counted);
        out.hot(leaf, term);
    }
}

fn identifier(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let words = words();
    let (system, value) = pair(node, words.identifier_system, words.identifier_value);
    let key = out.key();
    if let Some(system) = system {
        out.term(leaf, key.system(leaf.param, system), false);
    }
    let Some(value) = value else { return };
    out.term(
        leaf,
        key.token(leaf.param, system.unwrap_or(""), value),
        false,
    );
    out.term(leaf, key.code(leaf.param, value), false);
    let types = node
        .children()
        .filter(|c| c.member() == Some(words.identifier_type))
        .flat_map(Node::children);
    for coding in types.filter(|c| c.member() == Some(words.concept_coding)) {
        if let (system, Some(code)) = pair(coding, words.coding_system, words.coding_code) {
            out.term(
                leaf,
                key.of_type(leaf.param, system.unwrap_or(""), code, value),
                false,
            );
        }
    }
}

fn pair(node: Node<'_>, first: MemberId, second: MemberId) -> (Option<&str>, Option<&str>) {
    let mut found = (None, None);
    for child in node.children() {
        match child.member() {
            Some(m) if m == first => found.0 = child.value(),
            Some(m) if m == second => found.1 = child.value(),
            _ => {}
        }
    }
    found
}

/// What one element of the value list asks. `code`, `system|code`, `|code`, `system|`; with `:of-type` `system|code|value`.
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    match ask.modifier {
        None => {}
        Some("of-type") => return of_type(ask, value),
        Some(other) => return Err(ask.bad_modifier(other, &["missing", "not", "of-type"])),
    }
    if value == "|" {
        return Err(ask.bad("must have a system, a code or both around '|'"));
    }
    let mut found = Wanted::default();
    match split_once(value, b'|') {
        None => any_system(ask, &unescape(value), &mut found),
        Some((system, "")) => any_code(ask, &unescape(system), &mut found),
        Some((system, code)) => both(ask, &unescape(system), &unescape(code), &mut found),
    }
    Ok(found.filter())
}

#[derive(Default)]
struct Wanted {
    terms: Vec<Term>,
    forms: Vec<Term>,
}

impl Wanted {
    fn filter(self) -> Filter {
        match (self.terms.is_empty(), self.forms.is_empty()) {
            (true, true) => Filter::Nothing,
            (false, true) => Filter::AnyTerm(self.terms),
            (true, false) => Filter::AnyForm(self.forms),
            (false, false) => Filter::Or(vec![
                Filter::AnyTerm(self.terms),
                Filter::AnyForm(self.forms),
            ]),
        }
    }
}

fn any_system(ask: &Ask<'_>, code: &str, found: &mut Wanted) {
    for owner in &ask.parameter.owners {
        let term = ask.key.code(owner.param, code);
        if has_coded(ask) {
            found.forms.push(term);
        }
        if ask.parameter.forms.iter().any(|f| !is_coded(*f)) {
            found.terms.push(term);
        }
    }
}

fn any_code(ask: &Ask<'_>, system: &str, found: &mut Wanted) {
    for owner in &ask.parameter.owners {
        let term = ask.key.system(owner.param, system);
        if has_coded(ask) {
            found.forms.push(term);
        }
        if ask.parameter.forms.contains(&Form::Identifier) {
            found.terms.push(term);
        }
        for code in implied(ask, system) {
            found.terms.push(ask.key.code(owner.param, code));
        }
    }
}

fn both(ask: &Ask<'_>, system: &str, code: &str, found: &mut Wanted) {
    for owner in &ask.parameter.owners {
        if has_coded(ask) || ask.parameter.forms.contains(&Form::Identifier) {
            found.terms.push(ask.key.token(owner.param, system, code));
        }
        let plain = ask
            .parameter
            .forms
            .iter()
            .any(|f| matches!(f, Form::Code | Form::PlainToken | Form::Contact));
        if plain && (system.is_empty() || implied(ask, system).any(|c| c == code)) {
            found.terms.push(ask.key.code(owner.param, code));
        }
    }
}

/// Codes of `system` in the value sets that the parameter's `code` elements are bound to: their system is implied.
fn implied<'a>(ask: &'a Ask<'_>, system: &'a str) -> impl Iterator<Item = &'static str> + use<'a> {
    let schema = ask.schema;
    let elements = ask
        .parameter
        .atoms
        .iter()
        .filter_map(|a| a.hops.last())
        .map(move |hop| schema.member(hop.member).element);
    let bindings = elements.filter_map(move |e| schema.element(e).binding.as_ref());
    let sets = bindings.filter_map(move |b| schema.value_set(b.value_set)?.codes.as_ref());
    sets.flatten()
        .filter(move |(s, _)| *s == system)
        .map(|(_, code)| *code)
}

fn of_type(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    if !ask.parameter.forms.contains(&Form::Identifier) {
        return Err(ask.bad_modifier("of-type", &["missing", "not"]));
    }
    let parts = split_once(value, b'|')
        .and_then(|(system, rest)| split_once(rest, b'|').map(|(code, v)| (system, code, v)));
    let Some((system, code, value)) =
        parts.filter(|(_, code, value)| !code.is_empty() && !value.is_empty())
    else {
        return Err(ask.bad("must be 'system|code|value' with ':of-type'"));
    };
    let (system, code, value) = (unescape(system), unescape(code), unescape(value));
    let terms = ask
        .parameter
        .owners
        .iter()
        .map(|o| ask.key.of_type(o.param, &system, &code, &value))
        .collect();
    Ok(Filter::AnyTerm(terms))
}

fn has_coded(ask: &Ask<'_>) -> bool {
    ask.parameter.forms.iter().any(|f| is_coded(*f))
}

fn is_coded(form: Form) -> bool {
    matches!(form, Form::Coding | Form::Concept)
}
