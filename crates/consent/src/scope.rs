//! What a consent permits, in words: what goes to whoever gets data because of it (42 CFR 2.32, R16).

use crate::action::Action;
use crate::period::Period;
use crate::provision::{Consent, Part, Provision};
use ward_fhir::date::instant_text;

/// To whom, for what and how long the provision at an expression permits, within those that it is nested in. Which data it opens is not
/// said beyond what it goes with: a consent may name more than its reader is to know of (R23).
pub fn scope(consent: &Consent, expression: &str) -> String {
    let version = match consent.version.as_str() {
        "" => String::new(),
        version => format!(", version {version},"),
    };
    let mut text = format!(
        "disclosed with the patient's consent: Consent/{}{version} permits it",
        consent.id
    );
    let within = within(&consent.root, expression);
    for (word, said) in [
        (" to ", said(&within, recipients)),
        (" for ", said(&within, purposes)),
        (" to be done: ", said(&within, actions)),
    ] {
        if !said.is_empty() {
            text.push_str(word);
            text.push_str(&said);
        }
    }
    let periods = within.iter().filter_map(|one| one.criteria.period);
    let all = [consent.period].into_iter().chain(periods);
    let from = all.clone().map(|period| period.from).max();
    let until = all.map(|period| period.until).min();
    for (word, at, open) in [
        (" from ", from, Period::ALWAYS.from),
        (" until ", until, Period::ALWAYS.until),
    ] {
        if let Some(at) = at.filter(|at| *at != open) {
            text.push_str(word);
            text.push_str(&instant_text(at));
        }
    }
    text
}

/// The provision and those above it that bind it, outermost first.
fn within<'c>(root: &'c Provision, expression: &str) -> Vec<&'c Provision> {
    let is_above = |one: &&Provision| {
        let rest = expression.strip_prefix(one.expression.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            && (!one.is_open || one.expression == expression)
    };
    root.walk().filter(is_above).collect()
}

/// What the innermost that says something says.
fn said(within: &[&Provision], of: impl Fn(&Provision) -> Vec<String>) -> String {
    let mut innermost = within.iter().rev();
    let said = innermost.find_map(|one| Some(of(one)).filter(|said| !said.is_empty()));
    said.unwrap_or_default().join(", ")
}

fn recipients(provision: &Provision) -> Vec<String> {
    let actors = provision.criteria.actors.iter();
    let named = actors.filter(|actor| actor.part == Part::Recipient);
    named
        .filter_map(|actor| actor.who.as_deref().map(str::to_owned))
        .collect()
}

fn purposes(provision: &Provision) -> Vec<String> {
    let purposes = provision.criteria.purposes.iter();
    purposes.map(|purpose| purpose.to_string()).collect()
}

fn actions(provision: &Provision) -> Vec<String> {
    let asked = Action::ALL.into_iter();
    let has = |action: &Action| provision.criteria.actions.has(*action);
    asked.filter(has).map(|a| a.code().to_owned()).collect()
}

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;
