//! Totals that the counters tell, without a look at the rows.
//!
//! One counted term is a total as it is. Several are where no row has two of them: a row has one primary code and one first
//! category, and the counters tell whether all rows of a term have it there.

use crate::index::{CATEGORY, CODE, EVERY, typed};
use crate::question::Node;
use std::collections::HashMap;
use ward_fhir::TypeId;
use ward_search::entries::Term;

/// Live rows behind a key of `term_count`.
#[derive(Clone, Copy, Default)]
pub struct Counter {
    /// Those that the caller's mask shows.
    pub visible: u64,
    pub all: u64,
}

/// Sum over the types, if no row has any of `absent`.
pub struct Told {
    pub total: u64,
    /// Terms without a counter: nothing has ever had them, or they are not counted.
    pub absent: Vec<(TypeId, Term)>,
}

/// The terms whose rows a filter asks for, each once; `None`: it asks for more than terms.
pub fn terms(members: &[Node]) -> Option<Vec<Term>> {
    match members {
        [Node::Terms(terms)] if (1..=TERMS_MAX).contains(&terms.len()) => {
            let mut terms = terms.clone();
            terms.sort_unstable();
            terms.dedup();
            Some(terms)
        }
        [Node::All] | [] => Some(vec![EVERY]),
        _ => None,
    }
}

/// Keys of the counters that `told` needs.
pub fn keys(terms: &[Term], types: &[TypeId]) -> Vec<i64> {
    let columns: &[i64] = match terms.len() {
        1 => &[0],
        _ => &[0, CODE, CATEGORY],
    };
    let of = |ty: &TypeId| {
        let (ty, terms) = (*ty, terms.iter());
        terms.flat_map(move |term| columns.iter().map(move |column| typed(*term, ty) ^ column))
    };
    types.iter().flat_map(of).collect()
}

/// `None`: the counters do not tell.
pub fn told(terms: &[Term], types: &[TypeId], counters: &HashMap<i64, Counter>) -> Option<Told> {
    let mut told = Told {
        total: 0,
        absent: Vec::new(),
    };
    let mut known = 0;
    for ty in types {
        let of = |term: Term, column: i64| counters.get(&(typed(term, *ty) ^ column));
        let present: Vec<Term> = terms
            .iter()
            .copied()
            .filter(|term| of(*term, 0).is_some())
            .collect();
        known += present.len();
        let used = |term: &&Term| of(**term, 0).is_some_and(|counter| counter.all > 0);
        let all_in = |column: i64| {
            let all = |term, column| of(term, column).copied().unwrap_or_default().all;
            let mut used = present.iter().filter(used);
            used.all(|term| all(*term, column) == all(*term, 0))
        };
        if present.iter().filter(used).count() > 1 && !all_in(CODE) && !all_in(CATEGORY) {
            return None;
        }
        let visible = present.iter().filter_map(|term| of(*term, 0));
        told.total += visible.map(|counter| counter.visible).sum::<u64>();
        let absent = terms.iter().filter(|term| !present.contains(term));
        told.absent.extend(absent.map(|term| (*ty, *term)));
    }
    if known == 0 {
        return None;
    }
    // Of one term the types without it have no counter.
    if terms.len() == 1 {
        told.absent.clear();
    }
    Some(told)
}

/// Terms of a filter whose counters are summed.
const TERMS_MAX: usize = 100;
