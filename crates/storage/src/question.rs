//! A plan and an access before they become SQL: what is in reach, and the filter with its names looked up.

use crate::contract::{Rid, StoreError};
use std::sync::Arc;
use ward_access::{Access, Action, PatientKey, Sight};
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::{DateTest, Filter, NumberTest};

/// The types of a plan that the access opens, by how far.
pub struct Reach {
    pub everything: Vec<TypeId>,
    pub limited: Vec<(Arc<[PatientKey]>, Vec<TypeId>)>,
}

impl Reach {
    /// `types` empty: all resource types.
    pub fn new(access: &Access, action: Action, types: &[TypeId]) -> Reach {
        let mut reach = Reach {
            everything: Vec::new(),
            limited: Vec::new(),
        };
        let all;
        let types = if types.is_empty() {
            all = crate::store::resource_types();
            all
        } else {
            types
        };
        for ty in types {
            match access.sight(*ty, action) {
                Sight::Nothing => {}
                Sight::Everything => reach.everything.push(*ty),
                Sight::Patients(keys) if keys.is_empty() => {}
                Sight::Patients(keys) => {
                    match reach.limited.iter_mut().find(|(known, _)| known == keys) {
                        Some((_, types)) => types.push(*ty),
                        None => reach.limited.push((keys.clone(), vec![*ty])),
                    }
                }
            }
        }
        reach
    }

    pub fn types(&self) -> Vec<TypeId> {
        self.everything
            .iter()
            .chain(self.limited.iter().flat_map(|(_, types)| types))
            .copied()
            .collect()
    }

    /// Leaves types out.
    pub fn retain(&mut self, keep: impl Fn(TypeId) -> bool) {
        self.everything.retain(|ty| keep(*ty));
        self.limited
            .iter_mut()
            .for_each(|(_, types)| types.retain(|ty| keep(*ty)));
        self.limited.retain(|(_, types)| !types.is_empty());
    }

    pub fn is_empty(&self) -> bool {
        self.everything.is_empty() && self.limited.is_empty()
    }

    /// The only type in reach, and whose compartments bound it.
    pub fn single(&self) -> Option<(TypeId, Option<&Arc<[PatientKey]>>)> {
        match (self.everything.as_slice(), self.limited.as_slice()) {
            ([ty], []) => Some((*ty, None)),
            ([], [(keys, types)]) if types.len() == 1 => Some((types[0], Some(keys))),
            _ => None,
        }
    }
}

/// A filter whose logical ids and wider forms have been looked up.
#[derive(Clone, Debug)]
pub enum Node {
    All,
    Nothing,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Terms(Vec<Term>),
    Prefix { param: u16, value: String },
    Contains { param: u16, value: String },
    Date { param: u16, test: DateTest },
    Updated(DateTest),
    Rids(Vec<Rid>),
    Quantity { term: Term, test: NumberTest },
}

/// Nesting of a filter; deeper ones are refused rather than recursed into.
pub const FILTER_DEPTH_MAX: usize = 64;

/// Answers for a list of names.
type LookUp<'a, N, V> = &'a mut dyn FnMut(&[N]) -> Result<Vec<V>, StoreError>;

/// Looks up what a filter names: `ids` and `forms` answer for the lists they were asked.
pub fn resolve(
    filter: &Filter,
    depth: usize,
    ids: LookUp<String, Rid>,
    forms: LookUp<Term, Term>,
) -> Result<Node, StoreError> {
    if depth > FILTER_DEPTH_MAX {
        return Err(StoreError::Integrity);
    }
    let mut all = |list: &[Filter]| {
        list.iter()
            .map(|f| resolve(f, depth + 1, ids, forms))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(match filter {
        Filter::All => Node::All,
        Filter::Nothing => Node::Nothing,
        Filter::And(list) => Node::And(all(list)?),
        Filter::Or(list) => Node::Or(all(list)?),
        Filter::Not(inner) => Node::Not(Box::new(resolve(inner, depth + 1, ids, forms)?)),
        Filter::AnyTerm(terms) => Node::Terms(terms.clone()),
        Filter::AnyForm(wide) => Node::Terms(forms(wide)?),
        Filter::StringPrefix { param, value } => Node::Prefix {
            param: *param,
            value: value.clone(),
        },
        Filter::StringContains { param, value } => Node::Contains {
            param: *param,
            value: value.clone(),
        },
        Filter::Date { param, test } => Node::Date {
            param: *param,
            test: *test,
        },
        Filter::Updated(test) => Node::Updated(*test),
        Filter::Ids(list) => Node::Rids(ids(list)?),
        Filter::Quantity { term, test } => Node::Quantity {
            term: *term,
            test: *test,
        },
        Filter::Types(_)
        | Filter::StringEquals { .. }
        | Filter::StringEnds { .. }
        | Filter::Chain { .. }
        | Filter::Has { .. }
        | Filter::Tuple(_)
        | Filter::Phrase { .. }
        | Filter::Check(_)
        | Filter::List(_) => return Err(StoreError::Integrity),
    })
}

/// Collects what `resolve` will ask for, for a store that cannot answer in between.
pub fn names(
    filter: &Filter,
    depth: usize,
    ids: &mut Vec<String>,
    forms: &mut Vec<Term>,
) -> Result<(), StoreError> {
    if depth > FILTER_DEPTH_MAX {
        return Err(StoreError::Integrity);
    }
    match filter {
        Filter::And(list) | Filter::Or(list) => list
            .iter()
            .try_for_each(|f| names(f, depth + 1, ids, forms)),
        Filter::Not(inner) => names(inner, depth + 1, ids, forms),
        Filter::Ids(list) => {
            ids.extend_from_slice(list);
            Ok(())
        }
        Filter::AnyForm(list) => {
            forms.extend_from_slice(list);
            Ok(())
        }
        _ => Ok(()),
    }
}
