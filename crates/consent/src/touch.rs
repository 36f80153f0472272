//! Which rows a change of consents can touch, so that only they are looked at again.

use crate::code::{Coding, Ref};
use crate::facts::{Lookup, Row};
use crate::group::current;
use crate::matching::{broken, row_matches};
use crate::period::Period;
use crate::provision::{Actor, Consent, Content, Criteria, Data, Effect, Label, Part, Provision};
use crate::sensitivity::Confidentiality;
use crate::tri::Tri;
use std::collections::BTreeMap;

/// Rows of the patient. More may be told than really change, never fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touch {
    Everything,
    /// Rows for which all filters of one of these hold. None: no row.
    Rows(Vec<Vec<Filter>>),
}

/// One criterion on the side of the row. What is listed is one of; rows of which it cannot be told are meant, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    Contents(Vec<Content>),
    /// Or what they include.
    Codes(Vec<Coding>),
    /// Confidentiality from `lowest` up, or up to `highest`; or one of the sensitivities, or below it.
    Labels {
        lowest: Option<Confidentiality>,
        highest: Option<Confidentiality>,
        sensitivities: Vec<Coding>,
    },
    /// With a clinical date in it, wholly or in part; or without one.
    Dated(Period),
    /// Related: whichever refers to the other.
    Data(Vec<Data>),
}

/// Consents of one patient at a moment.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    pub consents: &'a [Consent],
    /// Microseconds since 1970.
    pub now_us: i64,
}

/// Rows whose residual may differ between two moments: a consent is written or withdrawn, or a period begins or ends
/// ([`crate::next_change`]). What look-ups and rules say must be the same at both.
pub fn touched(
    before: Moment<'_>,
    after: Moment<'_>,
    subjects: &[Ref],
    lookup: &dyn Lookup,
) -> Touch {
    let mut old = before.groups(subjects, lookup);
    let new = after.groups(subjects, lookup);
    let mut touch = Touch::nothing();
    for (group, new) in new {
        let old = old.remove(&group).unwrap_or_default();
        touch = touch.and(between(&old, &new));
    }
    old.into_values()
        .fold(touch, |touch, old| touch.and(between(&old, &[])))
}

/// What counts of one consent at one moment.
#[derive(Clone, PartialEq)]
struct Standing<'c> {
    is_faulty: bool,
    is_verified: bool,
    root: Provision,
    /// Whose mention ends an exemption (R10a), of an opt-out.
    speaks_of: Vec<&'c Actor>,
}

impl<'a> Moment<'a> {
    fn groups(&self, subjects: &[Ref], lookup: &dyn Lookup) -> BTreeMap<String, Vec<Standing<'a>>> {
        let mut groups: BTreeMap<String, Vec<Standing<'a>>> = BTreeMap::new();
        for consent in current(self.consents, subjects, self.now_us)
            .into_iter()
            .flatten()
        {
            let group = groups.entry(consent.group.clone()).or_default();
            group.push(self.standing(consent, lookup));
        }
        groups
    }

    fn standing(&self, consent: &'a Consent, lookup: &dyn Lookup) -> Standing<'a> {
        let all = consent.root.walk().flat_map(|p| &p.criteria.actors);
        let named = all.filter(|actor| consent.root.is_opt_out && actor.part != Part::Author);
        let mut speaks_of: Vec<&Actor> = named.collect();
        speaks_of.sort_unstable();
        speaks_of.dedup();
        Standing {
            is_faulty: !consent.faults.is_empty() || broken(consent, lookup).is_some(),
            is_verified: consent.is_verified,
            root: at(&consent.root, self.now_us),
            speaks_of,
        }
    }
}

/// As it is at a moment: without what is out of its period, and without places in the resource.
fn at(p: &Provision, now_us: i64) -> Provision {
    let counts = |p: &&Provision| {
        p.criteria
            .period
            .is_none_or(|period| period.contains(now_us))
    };
    Provision {
        expression: String::new(),
        criteria: Criteria {
            period: None,
            ..p.criteria.clone()
        },
        children: p
            .children
            .iter()
            .filter(counts)
            .map(|p| at(p, now_us))
            .collect(),
        ..*p
    }
}

fn between(old: &[Standing<'_>], new: &[Standing<'_>]) -> Touch {
    if old == new {
        return Touch::nothing();
    }
    if let ([old], [new]) = (old, new)
        && old.is_like(new)
    {
        let only = |a: &Provision, b: &Provision| -> Touch {
            let gone = a
                .children
                .iter()
                .filter(|child| !b.children.contains(child));
            gone.fold(Touch::nothing(), |touch, p| touch.and(Touch::of(p)))
        };
        return only(&old.root, &new.root).and(only(&new.root, &old.root));
    }
    let all = old.iter().chain(new);
    all.fold(Touch::nothing(), |touch, standing| {
        touch.and(standing.touch())
    })
}

impl Standing<'_> {
    /// Whether only children differ. That some are there twice changes nothing.
    fn is_like(&self, other: &Standing<'_>) -> bool {
        !self.is_faulty && self.bare() == other.bare()
    }

    fn bare(&self) -> Self {
        Standing {
            root: Provision {
                children: Vec::new(),
                ..self.root.clone()
            },
            ..self.clone()
        }
    }

    fn touch(&self) -> Touch {
        if self.is_faulty {
            return Touch::Everything;
        }
        Touch::of(&self.root)
    }
}

impl Touch {
    pub fn nothing() -> Touch {
        Touch::Rows(Vec::new())
    }

    /// Both.
    pub fn and(self, other: Touch) -> Touch {
        match (self, other) {
            (Touch::Rows(mut these), Touch::Rows(those)) => {
                these.extend(those);
                Touch::Rows(these)
            }
            _ => Touch::Everything,
        }
    }

    /// Whether a row is meant.
    pub fn covers(&self, row: &Row, lookup: &dyn Lookup) -> bool {
        match self {
            Touch::Everything => true,
            Touch::Rows(any) => any
                .iter()
                .any(|all| all.iter().all(|filter| filter.covers(row, lookup))),
        }
    }

    /// Rows of which a provision says anything.
    fn of(p: &Provision) -> Touch {
        let filters = filters(p);
        let own = if filters.is_empty() {
            Touch::Everything
        } else {
            Touch::Rows(vec![filters])
        };
        let free = p.children.iter().filter(|_| p.is_open);
        free.fold(own, |touch, child| touch.and(Touch::of(child)))
    }
}

/// What must hold of a row so that it matches.
fn filters(p: &Provision) -> Vec<Filter> {
    let c = &p.criteria;
    let mut filters = Vec::new();
    if !c.contents.is_empty() {
        filters.push(Filter::Contents(c.contents.clone()));
    }
    if !c.codes.is_empty() {
        filters.push(Filter::Codes(c.codes.clone()));
    }
    if !c.labels.is_empty() {
        filters.push(labels(p));
    }
    if !c.data.is_empty() {
        filters.push(Filter::Data(c.data.clone()));
    }
    filters.extend(c.data_period.map(Filter::Dated));
    filters
}

fn labels(p: &Provision) -> Filter {
    let levels = || {
        p.criteria.labels.iter().filter_map(|label| match label {
            Label::Confidentiality(level) => Some(*level),
            Label::Sensitivity(_) => None,
        })
    };
    let sensitivity = |label: &Label| match label {
        Label::Confidentiality(_) => None,
        Label::Sensitivity(label) => Some(label.clone()),
    };
    let is_deny = p.effect == Effect::Deny;
    Filter::Labels {
        lowest: levels().min().filter(|_| is_deny),
        highest: levels().max().filter(|_| !is_deny),
        sensitivities: p.criteria.labels.iter().filter_map(sensitivity).collect(),
    }
}

impl Filter {
    pub fn covers(&self, row: &Row, lookup: &dyn Lookup) -> bool {
        let mut criteria = Criteria::default();
        match self {
            Filter::Contents(contents) => criteria.contents = contents.clone(),
            Filter::Codes(codes) => criteria.codes = codes.clone(),
            Filter::Dated(period) => criteria.data_period = Some(*period),
            Filter::Data(data) => criteria.data = data.clone(),
            Filter::Labels {
                lowest,
                highest,
                sensitivities,
            } => {
                let is_below = |label: &Coding| {
                    let mut wide = sensitivities.iter();
                    wide.any(|wide| lookup.is_label_within(label, wide))
                };
                return lowest.is_some_and(|lowest| row.confidentiality >= lowest)
                    || highest.is_some_and(|highest| row.confidentiality <= highest)
                    || row.sensitivities.iter().any(is_below);
            }
        }
        // A deny reaches further than a permit with the same criteria.
        let mut provision = Provision::bare(Effect::Deny, "");
        provision.criteria = criteria;
        row_matches(&provision, row, lookup) != Tri::No
    }
}

#[cfg(test)]
#[path = "touch_tests.rs"]
mod tests;
