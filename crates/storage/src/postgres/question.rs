//! A question to the PostgreSQL tables: what is in reach, and what drives each of its statements.

use super::choice::{self, Walk};
use super::connection::{Connection, Failure};
use super::lower::{Branch, Lowering};
use super::names;
use super::statement::Value;
use super::tables::Tables;
use crate::core::Core;
use crate::estimate::Counts;
use crate::index::{CATEGORY, CODE, EVERY, typed};
use crate::names::Names;
use crate::question::{Node, Reach, Resolver, terms_of};
use std::collections::HashMap;
use std::sync::Arc;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::plan::Plan;

pub struct Question<'a> {
    pub access: &'a Access,
    pub reach: Reach,
    /// The conjunction.
    pub members: Vec<Node>,
    counts: Counts,
    page_rows: u64,
    pub tables: Arc<Tables>,
}

impl<'a> Question<'a> {
    /// `None`: nothing is in reach. Without `counted` every term counts as rare.
    pub async fn new(
        connection: &Connection,
        core: &Core,
        access: &'a Access,
        plan: &Plan,
        counted: bool,
    ) -> Result<Option<Question<'a>>, Failure> {
        let mut reach = Reach::new(access, Action::Search, &plan.types);
        if reach.types().len() > TYPES_FEW {
            let used = used_types(connection, &reach.types()).await?;
            reach.retain(|ty| used.contains(&ty));
        }
        if reach.is_empty() {
            return Ok(None);
        }
        let types = reach.types();
        let found = names::find(connection, core, &Names::of(&plan.filter, &types, true)?).await?;
        let mut resolver = Resolver {
            access,
            key: &core.term_key,
            found: &found,
            phrase: 0,
            homes: true,
        };
        let members = resolver.members(&plan.filter, &types)?;
        let counts = if counted {
            counts(connection, &members, &types).await?
        } else {
            Counts::new()
        };
        Ok(Some(Question {
            access,
            reach,
            members,
            counts,
            page_rows: u64::from(plan.count) + 1,
            tables: connection.tables.clone(),
        }))
    }

    /// Rows behind each term that was counted.
    pub fn counters(&self) -> Vec<(TypeId, u64)> {
        let mut terms = Vec::new();
        terms_of(&self.members, &self.reach.types(), &mut terms);
        let count = |(ty, t): (TypeId, _)| Some((ty, *self.counts.get(&typed(t, ty))?));
        terms.into_iter().filter_map(count).collect()
    }

    /// The statements that together cover what is in reach, without overlap.
    pub fn parts(&self, walk: Walk) -> Vec<Lowering<'_>> {
        let mut parts = Vec::new();
        let mut add = |ty: TypeId, branch| {
            parts.push(Lowering {
                ty,
                table: self.tables.of(ty),
                branch,
                members: &self.members,
                shape: choice::shape(
                    &self.members,
                    ty,
                    branch,
                    walk,
                    self.page_rows,
                    &self.counts,
                ),
                counts: &self.counts,
                tables: &self.tables,
            })
        };
        for ty in &self.reach.everything {
            add(*ty, Branch::All);
        }
        for (keys, types) in &self.reach.limited {
            for ty in types {
                add(*ty, Branch::Home(keys));
                add(*ty, Branch::Member(keys));
            }
        }
        parts
    }
}

/// Types that have or had rows, by the counters.
pub async fn used_types(connection: &Connection, types: &[TypeId]) -> Result<Vec<TypeId>, Failure> {
    let by_key: HashMap<i64, TypeId> = types.iter().map(|ty| (typed(EVERY, *ty), *ty)).collect();
    let rows = connection
        .rows(COUNTS, &[Value::Ints(by_key.keys().copied().collect())])
        .await?;
    let mut used = Vec::new();
    for row in rows {
        used.extend(by_key.get(&row.int(0)?));
    }
    Ok(used)
}

async fn counts(
    connection: &Connection,
    members: &[Node],
    types: &[TypeId],
) -> Result<Counts, Failure> {
    let mut terms = Vec::new();
    terms_of(members, types, &mut terms);
    let mut counts = Counts::new();
    if terms.is_empty() {
        return Ok(counts);
    }
    let mut every: Vec<TypeId> = terms
        .iter()
        .map(|(ty, _)| *ty)
        .chain(types.iter().copied())
        .collect();
    every.sort_unstable();
    every.dedup();
    let mut keys: Vec<i64> = every.into_iter().map(|ty| typed(EVERY, ty)).collect();
    for (ty, term) in terms.into_iter().take(COUNTED_TERMS_MAX) {
        keys.extend([0, CODE, CATEGORY].map(|column| typed(term, ty) ^ column));
    }
    for row in connection.rows(COUNTS, &[Value::Ints(keys)]).await? {
        counts.insert(row.int(0)?, row.int(1)?.max(0) as u64);
    }
    Ok(counts)
}

const COUNTS: &str = "select h, sum(n)::bigint from term_count where h = any($1) group by h";

/// More types than this are first cut to those that have rows.
const TYPES_FEW: usize = 4;
/// Terms whose counters are looked up for the choice.
const COUNTED_TERMS_MAX: usize = 256;
