//! Token parameters. <https://hl7.org/fhir/R4/search.html#token>

mod contact;
mod media;
mod set;

pub(crate) use media::is_media_type;

use super::string::{any, wanted};
use super::{Ask, Form};
use crate::check::fresh;
use crate::entries::Term;
use crate::escape::{split_once, unescape};
use crate::extract::Collector;
use crate::normal::lower_case;
use crate::plan::{Filter, PhraseTest};
use crate::registry::{Leaf, Parameter};
use crate::words::words;
use std::borrow::Cow;
use ward_fhir::schema::Schema;
use ward_fhir::{Failure, MemberId, Node};

/// Modifiers of the parameter beside `:missing`. `:of-type` is of identifiers, `:text` of what has texts, those that ask a
/// terminology of what has a code.
pub(crate) fn modifiers(schema: &'static Schema, parameter: &Parameter) -> Vec<&'static str> {
    let has = |form: &Form| parameter.forms.contains(form);
    let is_coded = has(&Form::Coding) || has(&Form::Concept);
    let mut known = vec!["not"];
    if is_coded || has(&Form::Identifier) {
        known.push("text");
    }
    if is_coded || bound(schema, parameter).next().is_some() {
        known.extend(["in", "not-in", "above", "below"]);
    } else if media::is_asked(schema, parameter) {
        known.push("below");
    }
    if has(&Form::Identifier) {
        known.push("of-type");
    }
    known
}

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    match leaf.form {
        Form::Coding => coding(out, node, leaf, None),
        Form::Concept => concept(out, node, leaf),
        Form::Identifier => identifier(out, node, leaf),
        Form::Contact => caseless(out, node.text("value"), leaf),
        Form::StringToken => caseless(out, node.value(), leaf),
        form => plain(out, node.value(), leaf, form == Form::Code),
    }
}

/// Its text is a phrase of each of its codings, or of itself where it has none.
fn concept(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let words = words();
    let text = node
        .children()
        .find(|c| c.member() == Some(words.concept_text))
        .and_then(Node::value);
    let mut bare = true;
    for child in node.children_of(words.concept_coding) {
        coding(out, child, leaf, text);
        bare = false;
    }
    if let Some(text) = text.filter(|_| bare) {
        out.text(leaf, text);
    }
}

fn coding(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf, text: Option<&str>) {
    let words = words();
    let (mut system, mut code, mut display) = (None, None, None);
    for child in node.children() {
        match child.member() {
            Some(m) if m == words.coding_system => system = child.value(),
            Some(m) if m == words.coding_code => code = child.value(),
            Some(m) if m == words.coding_display => display = child.value(),
            _ => {}
        }
    }
    if system.is_none() && code.is_none() {
        [display, text]
            .into_iter()
            .flatten()
            .for_each(|t| out.text(leaf, t));
        return;
    }
    let term = out.coded(leaf, system.unwrap_or(""), code.unwrap_or(""));
    for phrase in [display, text.filter(|t| Some(*t) != display)]
        .into_iter()
        .flatten()
    {
        out.phrase(leaf, phrase, term);
    }
}

fn plain(out: &mut Collector<'_>, value: Option<&str>, leaf: &Leaf, counted: bool) {
    if let Some(value) = value {
        let term = out.key().code(leaf.param, value);
        out.term(leaf, term, counted);
        out.hot(leaf, term);
        if leaf.media {
            out.media(leaf, media::phrase(value), term);
        }
    }
}

fn caseless(out: &mut Collector<'_>, value: Option<&str>, leaf: &Leaf) {
    let value = value.map(|value| out.caseless(value));
    plain(out, value.as_deref(), leaf, false);
}

fn identifier(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let words = words();
    let (system, value) = pair(node, words.identifier_system, words.identifier_value);
    let key = out.key();
    if let Some(system) = system {
        out.term(leaf, key.system(leaf.param, system), false);
    }
    let Some(value) = value.map(|value| out.caseless(value)) else {
        return;
    };
    out.term(
        leaf,
        key.token(leaf.param, system.unwrap_or(""), &value),
        false,
    );
    out.term(leaf, key.code(leaf.param, &value), false);
    let types = node
        .children_of(words.identifier_type)
        .flat_map(Node::children);
    for child in types {
        match child.member() {
            Some(m) if m == words.concept_coding => {
                if let (system, Some(code)) = pair(child, words.coding_system, words.coding_code) {
                    let term = key.of_type(leaf.param, system.unwrap_or(""), code, &value);
                    out.term(leaf, term, false);
                }
            }
            // The specification's `:text` of an Identifier: a term for the text, since values are each their own.
            Some(m) if m == words.concept_text => {
                child.value().into_iter().for_each(|t| out.text(leaf, t));
            }
            _ => {}
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

/// What one element of the value list asks. `code`, `system|code`, `|code`, `system|`; with `:of-type` `system|code|value`;
/// with `:text` a text; with `:in` a value set.
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let is_known = |modifier| modifiers(ask.schema, ask.parameter).contains(&modifier);
    match ask.modifier {
        None => {}
        Some(other) if !is_known(other) => return Err(ask.bad_modifier(other, &known(ask))),
        Some("of-type") => return of_type(ask, value),
        Some("text") => return text(ask, value),
        Some("in") => return set::members(ask, value),
        Some("above") => return set::hierarchy(ask, value, set::Direction::Above),
        Some("below") if media::is_asked(ask.schema, ask.parameter) => {
            return media::below(ask, value);
        }
        Some("below") => return set::hierarchy(ask, value, set::Direction::Below),
        Some(other) => return Err(ask.bad_modifier(other, &known(ask))),
    }
    if value == "|" {
        return Err(ask.bad("must have a system, a code or both around '|'"));
    }
    if let Some(filter) = contact::of_system(ask, value) {
        return Ok(filter);
    }
    let mut found = Wanted::default();
    match split_once(value, b'|') {
        None => any_system(ask, &unescape(value), &mut found),
        Some((system, "")) => any_code(ask, &unescape(system), &mut found),
        Some((system, code)) => both(ask, &unescape(system), &unescape(code), &mut found),
    }
    Ok(found.filter())
}

fn known(ask: &Ask<'_>) -> Vec<&'static str> {
    std::iter::once("missing")
        .chain(modifiers(ask.schema, ask.parameter))
        .collect()
}

/// A word of the display or text begins with it. Displays of one code differ, so each hit is looked at.
fn text(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let value = wanted(ask, value)?;
    let phrase = any(&ask.parameter.owners, |owner| Filter::Phrase {
        param: owner.param,
        test: PhraseTest::Words,
        value: value.clone(),
    });
    let name = format!("{}:text", ask.code());
    let check = fresh(ask.extractor, name, phrase.clone());
    Ok(Filter::And(vec![phrase, check]))
}

/// Terms to ask for, and wider forms of others.
#[derive(Default)]
pub(super) struct Wanted {
    terms: Vec<Term>,
    forms: Vec<Term>,
}

impl Wanted {
    pub(super) fn filter(self) -> Filter {
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
    let values = spelled(ask, code, |form| !is_coded(form));
    for owner in &ask.parameter.owners {
        if has_coded(ask) {
            found.forms.push(ask.key.code(owner.param, code));
        }
        let terms = values.iter().map(|value| ask.key.code(owner.param, value));
        found.terms.extend(terms);
    }
}

/// How rows have a value in elements of these forms: codes as they are written, and of a string the case does not count.
/// <https://hl7.org/fhir/R4/search.html#token>
fn spelled<'v>(ask: &Ask<'_>, value: &'v str, is_read: impl Fn(Form) -> bool) -> Vec<Cow<'v, str>> {
    let forms = ask.parameter.forms.iter().filter(|form| is_read(**form));
    let forms: Vec<&Form> = forms.collect();
    let is_caseless =
        |form: &Form| matches!(form, Form::Identifier | Form::Contact | Form::StringToken);
    let mut values = Vec::new();
    if forms.iter().any(|form| is_caseless(form)) {
        values = caseless_spellings(ask, value);
    }
    if forms.iter().any(|form| !is_caseless(form)) && !values.iter().any(|known| known == value) {
        values.push(Cow::Borrowed(value));
    }
    values
}

/// Rows of the first edition are found as it is written.
pub(crate) fn caseless_spellings<'v>(ask: &Ask<'_>, value: &'v str) -> Vec<Cow<'v, str>> {
    let mut values = vec![lower_case(value)];
    if ask.is_behind && values[0] != value {
        values.push(Cow::Borrowed(value));
    }
    values
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

pub(super) fn both(ask: &Ask<'_>, system: &str, code: &str, found: &mut Wanted) {
    let is_pair = |form| is_coded(form) || form == Form::Identifier;
    let pairs = spelled(ask, code, is_pair);
    let mut plain = Vec::new();
    if system.is_empty() || implied(ask, system).any(|c| c == code) {
        plain = spelled(ask, code, |form| !is_pair(form));
    }
    for owner in &ask.parameter.owners {
        let pairs = pairs.iter();
        let plain = plain.iter();
        let terms = pairs.map(|value| ask.key.token(owner.param, system, value));
        found.terms.extend(terms);
        let terms = plain.map(|value| ask.key.code(owner.param, value));
        found.terms.extend(terms);
    }
}

/// Codes of `system` in the value sets that the parameter's `code` elements are bound to: their system is implied.
pub(super) fn implied<'a>(
    ask: &'a Ask<'_>,
    system: &'a str,
) -> impl Iterator<Item = &'static str> + use<'a> {
    pairs(ask)
        .filter(move |(s, _)| *s == system)
        .map(|(_, code)| code)
}

/// The same for every system.
pub(super) fn pairs<'a>(
    ask: &'a Ask<'_>,
) -> impl Iterator<Item = (&'static str, &'static str)> + use<'a> {
    bound(ask.schema, ask.parameter)
}

/// Systems and codes of the value sets that the elements are bound to.
fn bound<'a>(
    schema: &'static Schema,
    parameter: &'a Parameter,
) -> impl Iterator<Item = (&'static str, &'static str)> + use<'a> {
    let elements = parameter
        .atoms
        .iter()
        .filter_map(|a| a.hops.last())
        .map(move |hop| schema.member(hop.member).element);
    let bindings = elements.filter_map(move |e| schema.element(e).binding.as_ref());
    let sets = bindings.filter_map(move |b| schema.value_set(b.value_set)?.codes.as_ref());
    sets.flatten().copied()
}

fn of_type(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let parts = split_once(value, b'|')
        .and_then(|(system, rest)| split_once(rest, b'|').map(|(code, v)| (system, code, v)));
    let Some((system, code, value)) =
        parts.filter(|(_, code, value)| !code.is_empty() && !value.is_empty())
    else {
        return Err(ask.bad("must be 'system|code|value' with ':of-type'"));
    };
    let (system, code, value) = (unescape(system), unescape(code), unescape(value));
    let mut terms = Vec::new();
    let values = caseless_spellings(ask, &value);
    for owner in &ask.parameter.owners {
        let each = values.iter();
        terms.extend(each.map(|value| ask.key.of_type(owner.param, &system, &code, value)));
    }
    Ok(Filter::AnyTerm(terms))
}

fn has_coded(ask: &Ask<'_>) -> bool {
    ask.parameter.forms.iter().any(|f| is_coded(*f))
}

fn is_coded(form: Form) -> bool {
    matches!(form, Form::Coding | Form::Concept)
}
