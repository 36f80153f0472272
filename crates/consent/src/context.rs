//! A residual against a caller: allow, deny, or ask the interpreter about this one row.

use crate::action::Actions;
use crate::class::Class;
use crate::facts::{Caller, Relation};
use crate::provision::Effect;
use crate::residual::{Atom, Levels, Residual};
use crate::rules::Rules;
use crate::settle::{Asked, Obligations, Verdict, settle};

/// Who asks, for many rows of many patients at once.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub caller: &'a Caller,
    /// What holds for every patient that is not excepted by `varies`.
    pub relation: &'a Relation,
    pub varies: Varies,
    pub rules: &'a Rules,
    /// Microseconds since 1970.
    pub now_us: i64,
}

/// What differs between the patients, or the people, that one context is made for. Where it matters the answer is to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Varies {
    /// Some of the patients are treated by the caller.
    pub treats: bool,
    /// For some of the patients the glass is broken.
    pub break_glass: bool,
    /// Several people of the same organizations: actors that are no Organizations are not all known.
    pub people: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Allow(Obligations),
    Deny,
    /// It depends on what the context does not say, or is private: the interpreter knows.
    Ask,
}

impl Residual {
    /// Cost: a look into the caller's actors for each atom on one path.
    pub fn decide(&self, class: &Class, context: &Context<'_>) -> Outcome {
        self.settled(class, context, Outcome::of)
            .unwrap_or(Outcome::Ask)
    }

    /// The verdict with the rule that decided, where all that is possible comes to the same one. Cost as of [`Residual::decide`].
    pub fn verdict(&self, class: &Class, context: &Context<'_>) -> Option<Verdict> {
        self.settled(class, context, |verdict| verdict)
    }

    /// What all possible verdicts have in common; `None`: they differ.
    fn settled<T: Copy + PartialEq>(
        &self,
        class: &Class,
        context: &Context<'_>,
        of: impl Fn(Verdict) -> T,
    ) -> Option<T> {
        let mut found: Option<T> = None;
        for relation in context.relations() {
            let levels = context.levels(self, class, &relation);
            for is_author in context.is_author(class) {
                let asked = Asked {
                    class,
                    caller: context.caller,
                    relation: &relation,
                    rules: context.rules,
                    now_us: context.now_us,
                    is_author,
                };
                for level in levels.iter() {
                    let told = of(settle(level, &asked));
                    if *found.get_or_insert(told) != told {
                        return None;
                    }
                }
            }
        }
        found
    }
}

impl Outcome {
    fn of(verdict: Verdict) -> Outcome {
        match verdict.effect {
            Effect::Permit => Outcome::Allow(verdict.obligations),
            Effect::Deny => Outcome::Deny,
        }
    }
}

impl Context<'_> {
    /// Every relation that is possible: at most four.
    fn relations(&self) -> Vec<Relation> {
        let mut all = vec![self.relation.clone()];
        if self.varies.treats {
            let other = |relation: &Relation| Relation {
                treats: !relation.treats,
                ..relation.clone()
            };
            all.extend(all.iter().map(other).collect::<Vec<_>>());
        }
        if self.varies.break_glass {
            let other = |relation: &Relation| Relation {
                break_glass_until_us: match relation.has_broken_glass(self.now_us) {
                    true => None,
                    false => Some(i64::MAX),
                },
                ..relation.clone()
            };
            all.extend(all.iter().map(other).collect::<Vec<_>>());
        }
        all
    }

    /// Whether the caller wrote the row; both where that is not known.
    fn is_author(&self, class: &Class) -> Vec<bool> {
        let is = class.is_by(self.caller);
        let is_known = is || !self.varies.people || class.authors.is_empty();
        if is_known {
            vec![is]
        } else {
            vec![false, true]
        }
    }

    fn levels(&self, residual: &Residual, class: &Class, relation: &Relation) -> Levels {
        let custodian = class.custodian.as_ref();
        let actions = self.caller.actions(relation.kind, custodian);
        let glass = relation.has_broken_glass(self.now_us);
        residual.levels(|atom| self.truth(atom, actions, glass))
    }

    fn truth(&self, atom: &Atom, actions: Actions, glass: bool) -> Option<bool> {
        match atom {
            Atom::Action(action) => Some(actions.has(*action)),
            Atom::Purpose(code) => Some(self.caller.has_purpose(code, glass)),
            Atom::Kind(kind) => (!self.varies.people).then(|| self.caller.could_be(*kind)),
            Atom::Actor(who) => {
                let is = self.caller.actors.contains(who);
                let is_known = is || !self.varies.people || who.starts_with("Organization/");
                is_known.then_some(is)
            }
        }
    }
}
