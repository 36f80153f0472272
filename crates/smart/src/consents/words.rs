//! A Consent in plain words, whoever wrote it and in whichever encoding: what its provisions say as they are read for decisions.

use super::choice::{CATEGORIES, PURPOSES};
use crate::authorize::things_of_type;
use crate::dates;
use crate::page::{ConsentShown, RuleShown};
use serde_json::Value;
use std::collections::HashMap;
use ward_consent::{
    Action, Actions, Actor, Confidentiality, Consent, Content, Criteria, Data, Effect, Label,
    Meaning, Part, Period, Provision, Ref,
};
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_resources::Settings;

/// Names of who is named, by `Type/id`.
pub(super) type Names = HashMap<String, String>;

/// Rules of one consent that are shown; of others it is said that they are there.
const RULES_SHOWN_MAX: usize = 24;
/// Things of one kind that are named in a rule.
const NAMED_MAX: usize = 6;

/// A Consent as it is read for decisions; `None` where it is no FHIR.
pub(super) fn read(consent: &Value, site: &Settings) -> Option<Consent> {
    let text = consent.to_string();
    let ty = r4().resource_type("Consent");
    let document = ward_fhir::json::read(text.as_bytes(), ty, &Limits::default()).ok()?;
    Some(ward_consent::read(
        document.root(),
        &site.consent.rules,
        Some(&site.base),
    ))
}

/// Everybody whom the consent names, in order.
pub(super) fn named(consent: &Consent) -> Vec<Ref> {
    let criteria = consent.root.walk().map(|provision| &provision.criteria);
    let actors = criteria.flat_map(|criteria| &criteria.actors);
    let mut named: Vec<Ref> = actors.filter_map(|actor| actor.who.clone()).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// `newer`: another one in force takes its place (R8).
pub(super) fn shown(
    resource: &Value,
    consent: &Consent,
    names: &Names,
    newer: bool,
    now_s: i64,
) -> ConsentShown {
    let rules = rules(consent, names);
    let (state, is_in_force) = state(resource, consent, newer, now_s);
    ConsentShown {
        id: consent.id.clone(),
        title: title(consent, &rules),
        state,
        is_in_force,
        is_permit: consent.root.effect == Effect::Permit,
        rules,
        given: given(resource, consent),
        doubt: doubt(consent, is_in_force),
    }
}

/// Whether it still counts, now or later.
pub(super) fn stands(consent: &Consent, now_s: i64) -> bool {
    consent.is_active && now_s.saturating_mul(1_000_000) < consent.period.until
}

fn state(resource: &Value, consent: &Consent, newer: bool, now_s: i64) -> (String, bool) {
    let now_us = now_s.saturating_mul(1_000_000);
    let day = |us: i64| dates::day(us.div_euclid(1_000_000));
    match resource["status"].as_str().unwrap_or_default() {
        "inactive" => ("withdrawn".to_owned(), false),
        "entered-in-error" => ("entered by mistake".to_owned(), false),
        "rejected" => ("rejected".to_owned(), false),
        "draft" | "proposed" => ("not given yet".to_owned(), false),
        _ if now_us >= consent.period.until => {
            (format!("over since {}", day(consent.period.until)), false)
        }
        _ if now_us < consent.period.from => (format!("from {}", day(consent.period.from)), false),
        _ if newer => ("replaced by a newer one".to_owned(), false),
        _ => ("in force".to_owned(), true),
    }
}

fn given(resource: &Value, consent: &Consent) -> String {
    let date = consent.date.map(|span| span.low.div_euclid(1_000_000));
    let day = date.map(dates::day).filter(|day| !day.is_empty());
    let here = resource["identifier"]
        .as_array()
        .is_some_and(|all| all.iter().any(|one| one["system"] == super::own::CHOICE));
    match (day, here) {
        (Some(day), true) => format!("{day}, on this page"),
        (Some(day), false) => day,
        (None, true) => "on this page".to_owned(),
        (None, false) => "the day is not recorded".to_owned(),
    }
}

fn doubt(consent: &Consent, is_in_force: bool) -> Option<String> {
    if !is_in_force {
        return None;
    }
    if !consent.faults.is_empty() {
        return Some(
            "The server cannot read this consent, so what it is about is kept from everybody but you. Ask the hospital to mend it."
                .to_owned(),
        );
    }
    let says =
        "This consent can be read in two ways. What either would keep private is kept private.";
    (!consent.doubts.is_empty()).then(|| says.to_owned())
}

fn title(consent: &Consent, rules: &[RuleShown]) -> String {
    match (rules, consent.root.effect) {
        _ if !consent.faults.is_empty() => "A consent that cannot be read".to_owned(),
        ([rule], Effect::Deny) => format!("Kept from {}", lower(&rule.who)),
        ([rule], Effect::Permit) => format!("Open to {}", lower(&rule.who)),
        (_, Effect::Deny) => "Kept private, with exceptions".to_owned(),
        (_, Effect::Permit) => "Open, with exceptions".to_owned(),
    }
}

/// What is said to be nobody's name in particular stands in the middle of a sentence, too.
fn lower(who: &str) -> String {
    let general = [EVERYBODY, ANYBODY, ELSEWHERE];
    match general.contains(&who) {
        true => who[..1].to_lowercase() + &who[1..],
        false => who.to_owned(),
    }
}

fn rules(consent: &Consent, names: &Names) -> Vec<RuleShown> {
    if !consent.faults.is_empty() {
        return Vec::new();
    }
    let mut rules = Vec::new();
    walk(&consent.root, consent.period, 0, names, &mut rules);
    let beyond = rules.len().saturating_sub(RULES_SHOWN_MAX);
    rules.truncate(RULES_SHOWN_MAX);
    if beyond > 0 {
        rules.push(RuleShown {
            is_exception: true,
            who: format!("and {beyond} further exceptions"),
            ..RuleShown::default()
        });
    }
    rules
}

fn walk(p: &Provision, period: Period, depth: usize, names: &Names, out: &mut Vec<RuleShown>) {
    out.push(rule(p, period, depth, names));
    for child in &p.children {
        let within = child.criteria.period.unwrap_or(period);
        walk(child, within, depth + 1, names, out);
    }
}

fn rule(p: &Provision, period: Period, depth: usize, names: &Names) -> RuleShown {
    RuleShown {
        is_permit: p.effect == Effect::Permit,
        is_exception: depth > 0,
        who: who(p, names),
        what: what(&p.criteria, names),
        purposes: purposes(&p.criteria),
        until: until(period),
    }
}

/// From whom something is kept: patients see their own record whatever they say.
const EVERYBODY: &str = "Everybody but you";
/// To whom something is open.
const ANYBODY: &str = "Everybody";
const ELSEWHERE: &str = "Other organizations";

fn who(p: &Provision, names: &Names) -> String {
    let actors = p.criteria.actors.iter();
    let recipients: Vec<&Actor> = actors.filter(|a| a.part == Part::Recipient).collect();
    if !recipients.is_empty() {
        let named = recipients.iter().map(|actor| name(actor, names));
        return listed(named.collect(), "or");
    }
    let only_disclosed = p.criteria.actions == Actions::of([Action::Disclose]);
    match p.is_opt_out {
        true => "Everybody but you and those who treat you where an entry is kept".to_owned(),
        false if only_disclosed => ELSEWHERE.to_owned(),
        false if p.effect == Effect::Permit => ANYBODY.to_owned(),
        false => EVERYBODY.to_owned(),
    }
}

fn name(actor: &Actor, names: &Names) -> String {
    match &actor.who {
        Some(who) => names
            .get(&**who)
            .cloned()
            .unwrap_or_else(|| format!("somebody who is known here as {who}")),
        None => "somebody who is not known here".to_owned(),
    }
}

fn what(criteria: &Criteria, names: &Names) -> String {
    let mut parts: Vec<String> = Vec::new();
    let labels = labels(&criteria.labels);
    if !labels.is_empty() {
        parts.push(listed(labels, "or"));
    }
    let contents: Vec<String> = criteria.contents.iter().map(content).collect();
    if !contents.is_empty() {
        parts.push(listed(contents, "or"));
    }
    if !criteria.codes.is_empty() {
        let codes = criteria.codes.iter().map(|code| code.code.to_string());
        parts.push(format!(
            "entries with the code {}",
            listed(codes.collect(), "or")
        ));
    }
    parts.extend(criteria.data.iter().map(entry).take(NAMED_MAX));
    if let Some(period) = criteria.data_period {
        parts.push(dated(period));
    }
    for actor in criteria.actors.iter().filter(|a| a.part != Part::Recipient) {
        let verb = if actor.part == Part::Author {
            "wrote"
        } else {
            "keeps"
        };
        parts.push(format!("what {} {verb}", name(actor, names)));
    }
    match parts.is_empty() {
        true => "Your whole record".to_owned(),
        false => capital(&parts.join("; of these only ")),
    }
}

/// Labels that together are one of the categories of the form stand as that.
fn labels(labels: &[Label]) -> Vec<String> {
    let is_there = |code: &&str| {
        let is = |label: &Label| matches!(label, Label::Sensitivity(l) if *l.code == **code);
        labels.iter().any(is)
    };
    let mut words = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for category in &CATEGORIES {
        if category.labels.iter().all(&is_there) {
            words.push(
                title_of(category.words)
                    .to_lowercase()
                    .replace("hiv", "HIV"),
            );
            said.extend(category.labels);
        }
    }
    for label in labels {
        match label {
            Label::Sensitivity(l) if said.contains(&&*l.code) => {}
            Label::Sensitivity(l) => words.push(format!("what is marked {}", l.code)),
            Label::Confidentiality(level) => words.push(confidential(*level).to_owned()),
        }
    }
    words
}

fn confidential(level: Confidentiality) -> &'static str {
    match level.code() {
        "U" | "L" | "M" => "what is hardly confidential",
        "N" => "what is ordinarily confidential",
        "R" => "what is restricted",
        _ => "what is very restricted",
    }
}

fn content(content: &Content) -> String {
    match content {
        Content::Type(ty) => things_of_type(ty),
        Content::Profile(url) => format!("entries of the form {url}"),
        Content::Document(code) => format!("documents of the type {}", code.code),
    }
}

fn entry(data: &Data) -> String {
    let Data { meaning, reference } = data;
    match meaning {
        Meaning::Instance => format!("the entry {reference}"),
        Meaning::Related => format!("the entry {reference} and what it is about"),
        Meaning::Dependents => format!("the entry {reference} and what belongs to it"),
        Meaning::AuthoredBy => format!("what {reference} wrote"),
    }
}

fn dated(period: Period) -> String {
    let day = |us: i64| dates::day(us.div_euclid(1_000_000));
    match (period.from, period.until) {
        (i64::MIN, until) => format!("entries up to {}", day(until - 1)),
        (from, i64::MAX) => format!("entries from {} on", day(from)),
        (from, until) => format!("entries from {} to {}", day(from), day(until - 1)),
    }
}

fn purposes(criteria: &Criteria) -> String {
    let word = |code: &str| {
        let known = PURPOSES.iter().find(|(known, _)| *known == code);
        match (known, code) {
            (Some((_, words)), _) => title_of(words).to_lowercase(),
            (None, "BTG") => "an emergency that is declared and reviewed".to_owned(),
            (None, "HLEGAL") => "legal matters".to_owned(),
            (None, "PATRQT") => "requests of yours".to_owned(),
            (None, code) => format!("the purpose {code}"),
        }
    };
    let purposes = criteria
        .purposes
        .iter()
        .map(|code| word(code))
        .collect::<Vec<_>>();
    let done = doing(criteria.actions);
    match purposes.is_empty() {
        true => format!("Whatever it is for{done}"),
        false => format!("For {}{done}", listed(purposes, "or")),
    }
}

/// What may be done with it, where that is not everything. What is only disclosed is said by who it is for.
fn doing(actions: Actions) -> String {
    if actions.is_empty() || actions == Actions::of([Action::Disclose]) {
        return String::new();
    }
    let done = |action| match action {
        Action::Access => "seen",
        Action::Collect => "added to",
        Action::Use => "used",
        Action::Disclose => "passed on",
        Action::Correct => "changed",
    };
    let all = Action::ALL
        .into_iter()
        .filter(|action| actions.has(*action));
    format!(
        ", when it is {}",
        listed(all.map(|a| done(a).to_owned()).collect(), "or")
    )
}

fn until(period: Period) -> String {
    match period.until {
        i64::MAX => "Until it is withdrawn".to_owned(),
        until => format!("Until {}", dates::day((until - 1).div_euclid(1_000_000))),
    }
}

/// `a, b or c`
fn listed(mut words: Vec<String>, and: &str) -> String {
    let beyond = words.len().saturating_sub(NAMED_MAX);
    words.truncate(NAMED_MAX);
    if beyond > 0 {
        words.push(format!("{beyond} more"));
    }
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {and} {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// `Bills` of `Bills: what is charged`.
pub(super) fn title_of(words: &str) -> &str {
    words.split(": ").next().unwrap_or(words)
}

pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
