//! What a filter names and only the store can tell: rows behind logical ids, terms of wider forms and of phrases. The stores
//! look it up, a statement for each kind that is asked.

use crate::contract::{Rid, StoreError};
use crate::core::Core;
use crate::question::{FILTER_DEPTH_MAX, TERMS_MAX, home_patient};
use std::collections::HashMap;
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::{Filter, PhraseTest, TupleEnd};

/// What a filter names, to be looked up before it can be resolved.
#[derive(Default)]
pub struct Names {
    /// Logical ids with the types they may be of.
    pub ids: Vec<(TypeId, String)>,
    pub forms: Vec<Term>,
    pub phrases: Vec<(u16, PhraseTest, String)>,
    /// Whether rows are looked for at their home.
    homes: bool,
}

/// The answers to `Names`.
#[derive(Default)]
pub struct Found {
    pub ids: HashMap<(TypeId, String), Rid>,
    pub forms: HashMap<Term, Vec<Term>>,
    /// In the order asked. `None`: more fit than [`TERMS_MAX`].
    pub phrases: Vec<Option<Vec<Term>>>,
}

impl Names {
    /// Everything that the filter over `types` names; with `homes` the patients whose homes are told by references too.
    pub fn of(filter: &Filter, types: &[TypeId], homes: bool) -> Result<Names, StoreError> {
        let mut names = Names {
            homes,
            ..Names::default()
        };
        names.add(filter, types, 0)?;
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

    fn add(&mut self, filter: &Filter, types: &[TypeId], depth: usize) -> Result<(), StoreError> {
        if depth > FILTER_DEPTH_MAX {
            return Err(StoreError::Integrity);
        }
        match filter {
            Filter::And(list) | Filter::Or(list) => {
                list.iter().try_for_each(|f| self.add(f, types, depth + 1))
            }
            Filter::Not(inner) => self.add(inner, types, depth + 1),
            Filter::Chain { target, filter, .. } => self.add(filter, &[*target], depth + 1),
            Filter::Has { source, filter, .. } => self.add(filter, &[*source], depth + 1),
            Filter::Ids(list) => {
                for ty in types {
                    self.ids.extend(list.iter().map(|id| (*ty, id.clone())));
                }
                Ok(())
            }
            Filter::AnyPatient { param, ids, .. } => {
                let patient = home_patient(*param, types).filter(|_| self.homes);
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
                self.phrases.push((*param, *test, value.clone()));
                Ok(())
            }
            Filter::Tuple(tuple) => {
                self.add(&tuple.first, types, depth + 1)?;
                match &tuple.second {
                    TupleEnd::Term(second) => self.add(second, types, depth + 1),
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
}

/// Terms of the stored phrases that fit one that is asked for.
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
        if fits && self.terms.len() <= TERMS_MAX {
            self.terms.push(term);
        }
    }

    /// Each once; `None`: too many.
    pub fn terms(mut self) -> Option<Vec<Term>> {
        if self.terms.len() > TERMS_MAX {
            return None;
        }
        self.terms.sort_unstable();
        self.terms.dedup();
        Some(self.terms)
    }
}
