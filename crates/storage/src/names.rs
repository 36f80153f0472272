//! What a filter names and only the store can tell: rows behind logical ids, terms of wider forms and of phrases. The stores
//! look it up, a statement for each kind that is asked.

use crate::contract::{Rid, StoreError};
use crate::core::Core;
use crate::question::{FILTER_DEPTH_MAX, TERMS_MAX, TUPLE_RANGES_MAX, home_patient};
use std::collections::HashMap;
use ward_access::Access;
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::{Filter, PhraseTest, Tuple, TupleEnd};

/// What a filter names, to be looked up before it can be resolved.
#[derive(Default)]
pub struct Names {
    /// Logical ids with the types they may be of.
    pub ids: Vec<(TypeId, String)>,
    pub forms: Vec<Term>,
    pub phrases: Vec<Phrase>,
    pub tuples: Vec<(Tuple, Level)>,
    /// Whether rows are looked for at their home.
    homes: bool,
}

/// A phrase that is asked for of the rows of a level.
pub struct Phrase {
    pub param: u16,
    pub test: PhraseTest,
    pub value: String,
    pub level: Level,
}

/// The rows that a condition is asked of: those that are searched, or those at the other end of a hop.
#[derive(Clone)]
pub struct Level {
    pub types: Vec<TypeId>,
    pub is_hop: bool,
}

impl Level {
    /// What opens its rows.
    pub fn access<'a>(&self, access: &'a Access) -> &'a Access {
        match self.is_hop {
            true => access.of_hops(),
            false => access,
        }
    }
}

/// The answers to `Names`.
#[derive(Default)]
pub struct Found {
    pub ids: HashMap<(TypeId, String), Rid>,
    pub forms: HashMap<Term, Vec<Term>>,
    /// In the order asked. `None`: rows in reach have more than [`TERMS_MAX`] that fit.
    pub phrases: Vec<Option<Vec<Term>>>,
    /// Of each tuple, in the order asked.
    pub tuples: Vec<Parts>,
}

/// Terms of the parts of a tuple. A quantity has one.
pub struct Parts {
    pub first: Vec<Term>,
    pub second: Vec<Term>,
    most: usize,
}

/// A part of a tuple.
#[derive(Clone, Copy)]
pub enum Part {
    First,
    Second,
}

impl Parts {
    pub fn of(&mut self, part: Part) -> &mut Vec<Term> {
        match part {
            Part::First => &mut self.first,
            Part::Second => &mut self.second,
        }
    }

    /// Whether their product is more than a statement combines.
    pub fn are_wide(&self) -> bool {
        self.first.len().saturating_mul(self.second.len()) > self.most
    }
}

impl Names {
    /// Everything that the filter over `types` names; with `homes` the patients whose homes are told by references too.
    pub fn of(filter: &Filter, types: &[TypeId], homes: bool) -> Result<Names, StoreError> {
        let mut names = Names {
            homes,
            ..Names::default()
        };
        let level = Level {
            types: types.to_vec(),
            is_hop: false,
        };
        names.add(filter, &level, 0)?;
        Ok(names)
    }

    /// What the ids tell by themselves, and those that only the aliases tell.
    pub fn decode<'a>(&'a self, core: &Core) -> (Found, Vec<(TypeId, &'a str)>) {
        let mut found = Found::default();
        let mut foreign = Vec::new();
        for (ty, id) in &self.ids {
            match core.cipher.decode(id) {
                Some(rid) => drop(found.ids.insert((*ty, id.clone()), rid)),
                None => foreign.push((*ty, id.as_str())),
            }
        }
        (found, foreign)
    }

    fn add(&mut self, filter: &Filter, level: &Level, depth: usize) -> Result<(), StoreError> {
        if depth > FILTER_DEPTH_MAX {
            return Err(StoreError::Integrity);
        }
        match filter {
            Filter::And(list) | Filter::Or(list) => {
                list.iter().try_for_each(|f| self.add(f, level, depth + 1))
            }
            Filter::Not(inner) => self.add(inner, level, depth + 1),
            Filter::Chain {
                target: ty, filter, ..
            }
            | Filter::Has {
                source: ty, filter, ..
            } => {
                let other = Level {
                    types: vec![*ty],
                    is_hop: true,
                };
                self.add(filter, &other, depth + 1)
            }
            Filter::Ids(list) => {
                for ty in &level.types {
                    self.ids.extend(list.iter().map(|id| (*ty, id.clone())));
                }
                Ok(())
            }
            Filter::AnyPatient { param, ids, .. } => {
                let patient = home_patient(*param, &level.types).filter(|_| self.homes);
                if let Some(patient) = patient {
                    self.ids.extend(ids.iter().map(|id| (patient, id.clone())));
                }
                Ok(())
            }
            Filter::AnyForm(list) => {
                self.forms.extend_from_slice(list);
                Ok(())
            }
            Filter::Word(word) => {
                self.forms.push(word.form);
                Ok(())
            }
            Filter::Phrase { param, test, value } => {
                self.phrases.push(Phrase {
                    param: *param,
                    test: *test,
                    value: value.clone(),
                    level: level.clone(),
                });
                Ok(())
            }
            Filter::Tuple(tuple) => {
                self.tuples.push((tuple.clone(), level.clone()));
                self.add(&tuple.first, level, depth + 1)?;
                match &tuple.second {
                    TupleEnd::Term(second) => self.add(second, level, depth + 1),
                    TupleEnd::Quantity { .. } => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

impl Found {
    /// The rows behind `foreign` ids, in their order.
    pub fn add_aliases(&mut self, foreign: &[(TypeId, &str)], rids: Vec<Option<Rid>>) {
        for ((ty, id), rid) in foreign.iter().zip(rids) {
            if let Some(rid) = rid {
                self.ids.insert((*ty, (*id).to_owned()), rid);
            }
        }
    }

    pub fn add_form(&mut self, form: Term, term: Term) {
        self.forms.entry(form).or_default().push(term);
    }

    /// The terms of wider forms, each once.
    pub fn widened(&self, forms: &[Term]) -> Vec<Term> {
        let of = |form| self.forms.get(form).into_iter().flatten().copied();
        let mut terms: Vec<Term> = forms.iter().flat_map(of).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// Of the whole store. `Integrity`: a part that is neither terms nor forms of them.
    pub fn parts(&self, tuple: &Tuple) -> Result<Parts, StoreError> {
        let terms = |filter: &Filter| match filter {
            Filter::AnyTerm(terms) => Ok(terms.clone()),
            Filter::AnyForm(forms) => Ok(self.widened(forms)),
            _ => Err(StoreError::Integrity),
        };
        let (second, most) = match &tuple.second {
            TupleEnd::Term(second) => (terms(second)?, TERMS_MAX),
            TupleEnd::Quantity { unit, .. } => (vec![*unit], TUPLE_RANGES_MAX),
        };
        Ok(Parts {
            first: terms(&tuple.first)?,
            second,
            most,
        })
    }
}

/// Terms of the stored phrases that fit one that is asked for: 8 bytes for each.
pub struct Fitting<'a> {
    test: PhraseTest,
    value: &'a str,
    terms: Vec<Term>,
}

impl<'a> Fitting<'a> {
    pub fn new(test: PhraseTest, value: &'a str) -> Self {
        Fitting {
            test,
            value,
            terms: Vec::new(),
        }
    }

    /// A phrase that the statement proposes. SQL finds a word anywhere; it must begin the phrase, or stand behind what is
    /// neither letter nor digit.
    pub fn propose(&mut self, term: Term, phrase: Option<&str>) {
        let fits = self.test != PhraseTest::Words
            || phrase.is_some_and(|p| ward_search::evaluate::phrase_fits(self.test, p, self.value));
        if fits {
            self.terms.push(term);
        }
    }

    /// Each once.
    pub fn terms(mut self) -> Vec<Term> {
        self.terms.sort_unstable();
        self.terms.dedup();
        self.terms
    }
}
