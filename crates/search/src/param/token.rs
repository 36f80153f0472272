//! Token parameters. <https://hl7.org/fhir/R4/search.html#token>

pub(crate) mod case;
mod contact;
mod media;
mod set;

pub(crate) use media::is_media_type;

use self::case::{Case, folded_since, spelled};
use super::string::{any, wanted};
use super::{Ask, Form};
use crate::check::fresh;
use crate::edition::Edition;
use crate::entries::Term;
use crate::escape::{split_once, unescape};
use crate::extract::Collector;
use crate::normal::lower_case;
use crate::plan::{Filter, PhraseTest};
use crate::registry::{Leaf, Owner, Parameter};
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
        Form::Contact => plain(out, node.text("value"), leaf),
        _ => plain(out, node.value(), leaf),
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

fn plain(out: &mut Collector<'_>, value: Option<&str>, leaf: &Leaf) {
    if let Some(value) = value {
        let term = out.plain(leaf, value, leaf.form == Form::Code);
        out.hot(leaf, term);
        if leaf.media {
            out.media(leaf, media::phrase(value), term);
        }
    }
}

fn identifier(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let words = words();
    let (system, value) = pair(node, words.identifier_system, words.identifier_value);
    let key = out.key();
    if let Some(system) = system {
        out.term(leaf, key.system(leaf.param, system), false);
    }
    let Some(value) = value else {
        return;
    };
    out.plain(leaf, value, false);
    let value = out.caseless(value);
    let term = key.token(leaf.param, system.unwrap_or(""), &value);
    out.term(leaf, term, false);
    let types = node
        .children_of(words.identifier_type)
        .flat_map(Node::children);
    for child in types {
        match child.member() {
            Some(m) if m == words.concept_coding => {
                if let (system, Some(code)) = pair(child, words.coding_system, words.coding_code) {
                    let system = system.unwrap_or("");
                    let code = out.code(system, code);
                    out.term(leaf, key.of_type(leaf.param, system, &code, &value), false);
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
    let folded = lower_case(code);
    for owner in &ask.parameter.owners {
        if has_coded(ask) {
            found.forms.push(ask.key.code(owner.param, code));
            if folded != code {
                found.forms.push(ask.key.caseless(owner.param, &folded));
            }
        }
        if ask.parameter.forms.iter().any(|form| !is_coded(*form)) {
            found.terms.extend(plain_terms(ask, owner, code));
        }
    }
}

/// By which rows have a value that names no system.
fn plain_terms(ask: &Ask<'_>, owner: &Owner, value: &str) -> Vec<Term> {
    let (key, param, folded) = (ask.key, owner.param, lower_case(value));
    if owner.case == Case::Exact || folded == value {
        return vec![key.code(param, value)];
    }
    let since = ask.parameter.forms.iter().map(|form| folded_since(*form));
    let is_behind = since.max().is_some_and(|since| ask.oldest < since);
    let mut terms = match owner.case {
        Case::Mixed => vec![key.caseless(param, &folded), key.code(param, value)],
        _ => vec![key.code(param, &folded)],
    };
    match owner.case {
        // Before the third edition there was no other term.
        Case::Mixed if ask.oldest < Edition::Third => terms.push(key.code(param, &folded)),
        Case::Folded if is_behind => terms.push(key.code(param, value)),
        _ => {}
    }
    terms
}

/// Of what is no code. Rows of the first edition are found as it is written.
pub(crate) fn caseless_spellings<'v>(ask: &Ask<'_>, value: &'v str) -> Vec<Cow<'v, str>> {
    spellings(value, lower_case(value), ask.oldest < Edition::Second)
}

/// A code of a system, which may be none (empty). Rows from before the third edition are found as it is written.
fn code_spellings<'v>(ask: &Ask<'_>, system: &str, code: &'v str) -> Vec<Cow<'v, str>> {
    let newest = spelled(ask.schema, Edition::NEWEST, system, code);
    spellings(code, newest, ask.oldest < Edition::Third)
}

fn spellings<'v>(value: &'v str, newest: Cow<'v, str>, is_behind: bool) -> Vec<Cow<'v, str>> {
    let is_other = is_behind && newest != value;
    let written = is_other.then_some(Cow::Borrowed(value));
    std::iter::once(newest).chain(written).collect()
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
            found.terms.extend(plain_terms(ask, owner, code));
        }
    }
}

pub(super) fn both(ask: &Ask<'_>, system: &str, code: &str, found: &mut Wanted) {
    let forms = &ask.parameter.forms;
    let mut pairs = Vec::new();
    if has_coded(ask) {
        pairs = code_spellings(ask, system, code);
    }
    if forms.contains(&Form::Identifier) {
        pairs.extend(caseless_spellings(ask, code));
    }
    pairs.dedup();
    let is_plain = |form: &Form| !is_coded(*form) && *form != Form::Identifier;
    let is_same = |c: &str| {
        let newest = |code| spelled(ask.schema, Edition::NEWEST, system, code);
        newest(c) == newest(code)
    };
    let has_plain =
        forms.iter().any(is_plain) && (system.is_empty() || implied(ask, system).any(is_same));
    for owner in &ask.parameter.owners {
        let pairs = pairs.iter();
        let terms = pairs.map(|value| ask.key.token(owner.param, system, value));
        found.terms.extend(terms);
        if has_plain {
            found.terms.extend(plain_terms(ask, owner, code));
        }
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
    let codes = code_spellings(ask, &system, &code);
    for owner in &ask.parameter.owners {
        for code in &codes {
            let each = values.iter();
            terms.extend(each.map(|value| ask.key.of_type(owner.param, &system, code, value)));
        }
    }
    Ok(Filter::AnyTerm(terms))
}

fn has_coded(ask: &Ask<'_>) -> bool {
    ask.parameter.forms.iter().any(|f| is_coded(*f))
}

fn is_coded(form: Form) -> bool {
    matches!(form, Form::Coding | Form::Concept)
}
