//! What an access opens of the types that are asked for, before it becomes SQL.
//!
//! A granular scope is a filter like one that is asked for, so it becomes nodes like one: what bounds the caller can drive a
//! statement as well as what the caller asks.

use crate::clinical::Clinical;
use crate::contract::StoreError;
use crate::question::{Node, all, either};
use crate::store::resource_types;
use std::sync::Arc;
use ward_access::{Access, Action, Grant, PatientKey, Sight};
use ward_fhir::TypeId;
use ward_search::entries::TermKey;
use ward_search::plan::Filter;

/// The types of a plan that the access opens, by how far.
pub struct Reach {
    pub everything: Vec<TypeId>,
    pub limited: Vec<(Arc<[PatientKey]>, Vec<TypeId>)>,
    /// What a row must match besides.
    conditions: Vec<Node>,
}

impl Reach {
    /// `types` empty: all resource types. `Integrity`: a grant that is no matter of index entries.
    pub fn new(
        key: &TermKey,
        access: &Access,
        action: Action,
        types: &[TypeId],
    ) -> Result<Reach, StoreError> {
        let mut reach = Reach {
            everything: Vec::new(),
            limited: Vec::new(),
            conditions: Vec::new(),
        };
        let mut matching: Vec<(&Arc<[Grant]>, Vec<TypeId>)> = Vec::new();
        let types = if types.is_empty() {
            resource_types()
        } else {
            types
        };
        for ty in types {
            match access.sight(*ty, action) {
                Sight::Nothing => {}
                Sight::Everything => reach.everything.push(*ty),
                Sight::Patients(keys) if keys.is_empty() => {}
                Sight::Patients(keys) => reach.limit(keys, *ty),
                Sight::Matching(grants) => {
                    match matching.iter_mut().find(|(known, _)| *known == grants) {
                        Some((_, types)) => types.push(*ty),
                        None => matching.push((grants, vec![*ty])),
                    }
                }
            }
        }
        if !matching.is_empty() {
            reach.condition(key, &matching)?;
        }
        Ok(reach)
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

    /// What a row must match besides.
    pub fn conditions(&self) -> &[Node] {
        &self.conditions
    }

    /// Moves the conditions into a conjunction, where they may drive. What is asked for already is not asked twice.
    pub fn conditions_into(&mut self, members: &mut Vec<Node>) {
        for condition in std::mem::take(&mut self.conditions) {
            let is_same = |member: &Node| match (member, &condition) {
                (Node::Terms(asked), Node::Terms(granted)) => asked == granted,
                _ => false,
            };
            if !members.iter().any(is_same) {
                members.push(condition);
            }
        }
    }

    fn limit(&mut self, keys: &Arc<[PatientKey]>, ty: TypeId) {
        match self.limited.iter_mut().find(|(known, _)| known == keys) {
            Some((_, types)) => types.push(ty),
            None => self.limited.push((keys.clone(), vec![ty])),
        }
    }

    /// Types that only grants open. Where those of a type are all bound to the same compartments, these bound the type; else
    /// the condition does.
    fn condition(
        &mut self,
        key: &TermKey,
        matching: &[(&Arc<[Grant]>, Vec<TypeId>)],
    ) -> Result<(), StoreError> {
        let free = self.types();
        let mut any = Vec::new();
        for (grants, types) in matching {
            let bound = grants.first().and_then(|grant| grant.patients.as_ref());
            let is_one = grants.iter().all(|g| g.patients.as_ref() == bound);
            match bound.filter(|_| is_one) {
                Some(keys) => types.iter().for_each(|ty| self.limit(keys, *ty)),
                None => self.everything.extend(types),
            }
            any.push((types, granted(key, grants, types, is_one)?));
        }
        let node = match (free.is_empty(), any.len()) {
            (true, 1) => any.remove(0).1,
            _ => {
                let of = |(types, node): (&Vec<TypeId>, Node)| {
                    all(vec![Node::Types(types.clone()), node])
                };
                let others = (!free.is_empty()).then_some(Node::Types(free));
                Node::Or(others.into_iter().chain(any.into_iter().map(of)).collect())
            }
        };
        self.conditions = match node {
            Node::And(list) => list,
            other => vec![other],
        };
        Ok(())
    }
}

/// Whose compartments bound grants, and what of them is opened.
type Bounded<'a> = (Option<&'a Arc<[PatientKey]>>, Vec<Node>);

/// What rows of the types match that one of the grants opens. `is_one`: the compartments are seen to elsewhere.
fn granted(
    key: &TermKey,
    grants: &[Grant],
    types: &[TypeId],
    is_one: bool,
) -> Result<Node, StoreError> {
    let mut by_bound: Vec<Bounded<'_>> = Vec::new();
    for grant in grants {
        let node = match &grant.criterion {
            None => Node::All,
            Some(criterion) => node(key, criterion.filter(), types)?,
        };
        let bound = grant.patients.as_ref();
        match by_bound.iter_mut().find(|(known, _)| *known == bound) {
            Some((_, nodes)) => nodes.push(node),
            None => by_bound.push((bound, vec![node])),
        }
    }
    let of = |(bound, nodes): Bounded<'_>| {
        let is_all = nodes.iter().any(|node| matches!(node, Node::All));
        let matched = if is_all { Node::All } else { either(nodes) };
        match bound.filter(|_| !is_one) {
            None => matched,
            Some(keys) if is_all => Node::Compartment(keys.clone()),
            Some(keys) => all(vec![Node::Compartment(keys.clone()), matched]),
        }
    };
    Ok(either(by_bound.into_iter().map(of).collect()))
}

/// A criterion's filter; nothing in it is to be looked up.
fn node(key: &TermKey, filter: &Filter, types: &[TypeId]) -> Result<Node, StoreError> {
    let list = |list: &[Filter]| -> Result<Vec<Node>, StoreError> {
        list.iter().map(|one| node(key, one, types)).collect()
    };
    Ok(match filter {
        Filter::AnyTerm(terms) => Node::Terms(terms.clone()),
        Filter::And(inner) => all(list(inner)?),
        Filter::Or(inner) => either(list(inner)?),
        Filter::Date { param, test } => Node::Date {
            param: *param,
            test: *test,
            clinical: match types {
                [ty] => Clinical::of(key, *ty, *param),
                _ => None,
            },
        },
        _ => return Err(StoreError::Integrity),
    })
}
