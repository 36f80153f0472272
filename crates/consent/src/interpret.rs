//! The whole truth about one question, rule by rule (R24). It is what every shorter way must agree with.

use crate::class::Class;
use crate::code::Ref;
use crate::facts::{Caller, Kind, Lookup, Relation, Row, is_there};
use crate::fault::{Fault, Reason};
use crate::group::current;
use crate::level::Level;
use crate::matching::{actor_matches, broken, gone, names, row_matches, speaks_of_custodian};
use crate::provision::{Actor, Consent, Effect, Part, Provision};
use crate::rules::Rules;
use crate::settle::{Asked, Verdict, settle};
use crate::tri::{Tri, any};

/// One caller, one row, one moment.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// All of the patient, in any order.
    pub consents: &'a [Consent],
    /// The patient, and records that were merged into it.
    pub subjects: &'a [Ref],
    pub row: &'a Row,
    pub caller: &'a Caller,
    pub relation: &'a Relation,
    /// Microseconds since 1970.
    pub now_us: i64,
    pub rules: &'a Rules,
    pub lookup: &'a dyn Lookup,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub verdict: Verdict,
    /// What the consents come to by themselves.
    pub level: Level,
    /// Consents that say something, those that decided first.
    pub path: Vec<Step>,
    /// Consents that could not be evaluated, and who is named and gone: each of them is an alert (A24, T24).
    pub faults: Vec<(String, Fault)>,
}

/// What one consent says, and by which of its provisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub consent: String,
    pub version: String,
    /// FHIRPath into the Consent.
    pub expression: String,
    pub level: Level,
}

/// Cost: linear in all provisions and what they list.
pub fn interpret(question: &Question<'_>) -> Decision {
    let mut faults = Vec::new();
    let mut path = Vec::new();
    let mut level = Level::Silent;
    for group in current(question.consents, question.subjects, question.now_us) {
        let says = |consent| question.consent(consent, &mut faults);
        let steps: Vec<Step> = group.into_iter().map(says).collect();
        let lowest = steps.iter().map(|step| step.level).min();
        level = level.join(lowest.unwrap_or(Level::Silent));
        path.extend(steps.into_iter().filter(|step| step.level != Level::Silent));
    }
    path.sort_by_key(|step| step.level != level);
    let class = Class::of(question.row, question.rules);
    let verdict = settle(level, &question.asked(&class));
    Decision {
        verdict,
        level,
        path,
        faults,
    }
}

/// What a provision comes to, and which decided.
#[derive(Clone, Copy)]
struct Said<'c> {
    level: Level,
    by: Option<&'c Provision>,
}

/// What is the same for all provisions of one consent.
struct Within<'q, 'a> {
    question: &'q Question<'a>,
    counts_permits: bool,
    is_exempting: bool,
}

impl<'a> Question<'a> {
    fn consent(&self, consent: &Consent, faults: &mut Vec<(String, Fault)>) -> Step {
        let gone = gone(consent, self.lookup).map(|at| Fault {
            reason: Reason::ActorGone,
            expression: at.expression.clone(),
        });
        let found = consent.faults.iter().cloned().chain(gone);
        faults.extend(found.map(|fault| (consent.id.clone(), fault)));
        let step = |level, expression: &str| Step {
            consent: consent.id.clone(),
            version: consent.version.clone(),
            expression: expression.to_owned(),
            level,
        };
        let unread = consent.faults.first().map(|fault| &fault.expression);
        let broken = || broken(consent, self.lookup).map(|at| &at.expression);
        if let Some(expression) = unread.or_else(broken) {
            return step(Level::Refused, expression);
        }
        let within = Within {
            question: self,
            counts_permits: consent.is_verified || !self.rules.verified_only,
            is_exempting: !speaks_of_custodian(consent, self.row, self.lookup),
        };
        let said = within.provision(&consent.root, false);
        let expression = said.by.map_or("Consent", |by| &by.expression);
        step(said.level, expression)
    }

    fn asked<'s>(&'s self, class: &'s Class) -> Asked<'s> {
        Asked {
            class,
            caller: self.caller,
            relation: self.relation,
            rules: self.rules,
            now_us: self.now_us,
            is_author: class.is_by(self.caller),
        }
    }
}

impl Within<'_, '_> {
    /// R6, R7. Where it is not known whether the provision matches, the lower of both (R5).
    fn provision<'c>(&self, p: &'c Provision, is_named: bool) -> Said<'c> {
        let matches = self.matches(p);
        if matches == Tri::No && !p.is_open {
            return Said::nothing();
        }
        let here = is_named || self.names(p);
        let inherited = if p.is_open { is_named } else { here };
        let mut inner = Said::nothing();
        for child in &p.children {
            inner = inner.join(self.provision(child, inherited));
        }
        let is_exempting = self.is_exempting && p.is_opt_out;
        let own = Said {
            level: Level::of(p.effect, is_exempting, here, self.counts_permits),
            by: Some(p),
        };
        let matched = inner.or(own);
        let unmatched = if p.is_open { inner } else { Said::nothing() };
        match matches {
            Tri::Yes => matched,
            Tri::No => unmatched,
            Tri::Unknown if matched.level <= unmatched.level => matched,
            Tri::Unknown => unmatched,
        }
    }

    fn names(&self, p: &Provision) -> bool {
        let Question {
            row, rules, lookup, ..
        } = *self.question;
        names(p, row, rules, lookup)
    }

    fn matches(&self, p: &Provision) -> Tri {
        let Question { row, lookup, .. } = *self.question;
        let in_period = p
            .criteria
            .period
            .is_none_or(|period| period.contains(self.question.now_us));
        Tri::from(in_period)
            .min(self.purpose(p))
            .min(self.action(p))
            .min(self.actor(p))
            .min(row_matches(p, row, lookup))
    }

    fn purpose(&self, p: &Provision) -> Tri {
        let Question {
            caller,
            relation,
            now_us,
            ..
        } = *self.question;
        let glass = relation.has_broken_glass(now_us);
        let mut listed = p.criteria.purposes.iter();
        let is_absent = p.criteria.purposes.is_empty();
        (is_absent || listed.any(|purpose| caller.has_purpose(purpose, glass))).into()
    }

    /// A permit must list all that is done, a deny one of it.
    fn action(&self, p: &Provision) -> Tri {
        let Question {
            caller,
            relation,
            row,
            ..
        } = *self.question;
        let done = caller.actions(relation.kind, row.custodian.as_ref());
        let listed = p.criteria.actions;
        let matches = match p.effect {
            _ if listed.is_empty() => true,
            Effect::Permit => done.is_within(listed),
            Effect::Deny => done.meets(listed),
        };
        matches.into()
    }

    fn actor(&self, p: &Provision) -> Tri {
        if p.criteria.actors.is_empty() {
            return Tri::Yes;
        }
        let Question { row, lookup, .. } = *self.question;
        any(p.criteria.actors.iter().map(|actor| {
            let of_row = actor_matches(actor, row, lookup);
            of_row.max(self.recipient(actor))
        }))
    }

    fn recipient(&self, actor: &Actor) -> Tri {
        let Question { caller, lookup, .. } = *self.question;
        match &actor.who {
            Some(who) if actor.part == Part::Recipient => {
                if caller.actors.contains(who) {
                    Tri::Yes
                } else if !is_there(who, lookup) && caller.could_be(Kind::of(who)) {
                    Tri::Unknown
                } else {
                    Tri::No
                }
            }
            _ => Tri::No,
        }
    }
}

impl<'c> Said<'c> {
    fn nothing() -> Said<'c> {
        Said {
            level: Level::Silent,
            by: None,
        }
    }

    fn or(self, own: Said<'c>) -> Said<'c> {
        if self.level.or(own.level) == self.level {
            self
        } else {
            own
        }
    }

    fn join(self, other: Said<'c>) -> Said<'c> {
        if self.level.join(other.level) == self.level {
            self
        } else {
            other
        }
    }
}

#[cfg(test)]
#[path = "truth_table_tests.rs"]
mod truth_table;

#[cfg(test)]
#[path = "interpret_tests.rs"]
mod tests;
