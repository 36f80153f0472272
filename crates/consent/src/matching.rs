//! Criteria against a row: what of R4 needs no caller. R5 falls out of [`Tri`].

use crate::code::{Coding, Ref};
use crate::facts::{Lookup, Row, is_there};
use crate::provision::{
    Actor, Consent, Content, Criteria, Data, Effect, Label, Meaning, Part, Provision,
};
use crate::read::without_version;
use crate::rules::{LabelRule, Rules};
use crate::sensitivity::is_within;
use crate::tri::{Tri, any};

/// All but actors, actions, purposes and the period.
pub(crate) fn row_matches(p: &Provision, row: &Row, lookup: &dyn Lookup) -> Tri {
    let c = &p.criteria;
    let about = |is_absent: bool, matches: &dyn Fn() -> Tri| {
        if is_absent { Tri::Yes } else { matches() }
    };
    about(c.contents.is_empty(), &|| contents(c, row, lookup))
        .min(about(c.labels.is_empty(), &|| labels(p, row, lookup)))
        .min(about(c.data_period.is_none(), &|| {
            c.data_period
                .map_or(Tri::Yes, |period| period.holds(row.date))
        }))
        .min(about(c.data.is_empty(), &|| {
            any(c
                .data
                .iter()
                .map(|data| is_data(data, p.effect, row, lookup)))
        }))
        .min(about(c.codes.is_empty(), &|| {
            any(c
                .codes
                .iter()
                .map(|code| has_code(code, &row.codes, lookup)))
        }))
}

/// What a row says of an actor that is no recipient, or of one that cannot be told.
pub(crate) fn actor_matches(actor: &Actor, row: &Row, lookup: &dyn Lookup) -> Tri {
    let Some(who) = &actor.who else {
        return Tri::Unknown;
    };
    match actor.part {
        Part::Recipient => Tri::No,
        Part::Author => is_author(who, row),
        Part::Custodian => match &row.custodian {
            None => Tri::Unknown,
            Some(custodian) if custodian == who => Tri::Yes,
            Some(custodian) => lookup.belongs(custodian, who).into(),
        },
    }
}

/// Whether a permit lists every label of the row that must be listed by name (`LabelRule::is_named`).
pub(crate) fn names(p: &Provision, row: &Row, rules: &Rules, lookup: &dyn Lookup) -> bool {
    let listed = |label: &Coding, rule: &LabelRule| {
        p.criteria.labels.iter().any(|criterion| match criterion {
            Label::Confidentiality(_) => false,
            Label::Sensitivity(listed) => {
                lookup.is_label_within(label, listed) && lookup.is_label_within(listed, &rule.label)
            }
        })
    };
    let mut found = false;
    for rule in rules.of(&row.sensitivities).filter(|rule| rule.is_named) {
        let labels = row.sensitivities.iter();
        for label in labels.filter(|label| is_within(label, &rule.label)) {
            found = true;
            if !listed(label, rule) {
                return false;
            }
        }
    }
    found
}

/// Whether a consent speaks of whoever keeps the row, or of their people: then they are not exempt from it (R10a). So it
/// does where it cannot be told.
pub(crate) fn speaks_of_custodian(consent: &Consent, row: &Row, lookup: &dyn Lookup) -> bool {
    let Some(custodian) = &row.custodian else {
        return true;
    };
    let may_belong = |member: &Ref, whole: &Ref| lookup.belongs(member, whole) != Some(false);
    let is_of = |who: &Ref| {
        who == custodian
            || may_belong(who, custodian)
            || (who.starts_with("Organization/") && may_belong(custodian, who))
    };
    let actors = consent.root.walk().flat_map(|p| &p.criteria.actors);
    actors
        .filter(|actor| actor.part != Part::Author)
        .any(|actor| actor.who.as_ref().is_none_or(is_of))
}

/// The first permit to somebody who is not there any more (R11).
pub(crate) fn broken<'c>(consent: &'c Consent, lookup: &dyn Lookup) -> Option<&'c Provision> {
    gone(consent, lookup).find(|p| p.effect == Effect::Permit)
}

/// Provisions for a recipient who is not there any more, or never was.
pub fn gone<'c>(consent: &'c Consent, lookup: &dyn Lookup) -> impl Iterator<Item = &'c Provision> {
    let is_gone = |who: Option<&Ref>| who.is_none_or(|who| !is_there(who, lookup));
    consent.root.walk().filter(move |p| {
        let actors = p.criteria.actors.iter();
        let mut recipients = actors.filter(|actor| actor.part == Part::Recipient);
        recipients.any(|actor| is_gone(actor.who.as_ref()))
    })
}

fn contents(c: &Criteria, row: &Row, lookup: &dyn Lookup) -> Tri {
    any(c.contents.iter().map(|content| match content {
        Content::Type(name) => (**name == *row.type_name()).into(),
        Content::Profile(url) => {
            let mut profiles = row.profiles.iter();
            profiles
                .any(|profile| without_version(profile) == &**url)
                .into()
        }
        Content::Document(class) => has_code(class, &row.documents, lookup),
    }))
}

/// A permit covers a confidentiality and what is lower, a deny what is higher. Sensitivities are those listed or below; a permit
/// that lists some covers no row with others beside them (L3).
fn labels(p: &Provision, row: &Row, lookup: &dyn Lookup) -> Tri {
    let is_covered = |label: &Coding| {
        p.criteria.labels.iter().any(|criterion| match criterion {
            Label::Sensitivity(listed) => lookup.is_label_within(label, listed),
            Label::Confidentiality(_) => false,
        })
    };
    let by_level = p.criteria.labels.iter().any(|criterion| match criterion {
        Label::Confidentiality(level) if p.effect == Effect::Permit => {
            row.confidentiality <= *level
        }
        Label::Confidentiality(level) => row.confidentiality >= *level,
        Label::Sensitivity(_) => false,
    });
    let mut sensitivities = row.sensitivities.iter();
    let by_sensitivity = match p.effect {
        Effect::Permit => !row.sensitivities.is_empty() && sensitivities.all(is_covered),
        Effect::Deny => sensitivities.any(is_covered),
    };
    (by_level || by_sensitivity).into()
}

fn has_code(listed: &Coding, codes: &[Coding], lookup: &dyn Lookup) -> Tri {
    if codes.contains(listed) {
        return Tri::Yes;
    }
    let same_system = codes.iter().filter(|code| code.system == listed.system);
    any(same_system.map(|code| lookup.subsumes(listed, code).into()))
}

fn is_data(data: &Data, effect: Effect, row: &Row, lookup: &dyn Lookup) -> Tri {
    let it = &data.reference;
    let is_it = *it == row.reference;
    let refers = || row.refers_to.contains(it);
    match data.meaning {
        Meaning::AuthoredBy => is_author(it, row),
        _ if is_it => Tri::Yes,
        Meaning::Instance => Tri::No,
        Meaning::Dependents => refers().into(),
        Meaning::Related if effect == Effect::Deny && refers() => Tri::Yes,
        Meaning::Related => lookup.refers(it, &row.reference).into(),
    }
}

fn is_author(who: &Ref, row: &Row) -> Tri {
    let authors = row.authors.as_ref();
    authors.map(|authors| authors.contains(who)).into()
}
