//! A question to the PostgreSQL tables: what is in reach, and what drives each of its statements.

use super::choice::{self, Walk};
use super::connection::{Connection, Failure};
use super::lower::{Branch, Lowering};
use super::names;
use super::sizes;
use super::statement::Value;
use super::tables::Tables;
use crate::clinical::{self, Clinical, Window};
use crate::core::Core;
use crate::estimate::Counts;
use crate::index::{CATEGORY, CODE, EVERY, typed};
use crate::names::Names;
use crate::quantity::is_asked;
use crate::question::{Node, Resolver, terms_of};
use crate::reach::Reach;
use std::collections::HashMap;
use std::sync::Arc;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::plan::{Plan, SortValue};

pub struct Question<'a> {
    pub access: &'a Access,
    pub reach: Reach,
    /// The conjunction.
    pub members: Vec<Node>,
    pub(super) counts: Counts,
    page_rows: u64,
    /// What is asked is sorted by the latest clinical dates.
    pub(super) sorted: Option<Clinical>,
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
        let mut reach = Reach::new(&core.term_key, access, Action::Search, &plan.types)?;
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
        let mut members = resolver.members(&plan.filter, &types)?;
        reach.conditions_into(&mut members);
        let page_rows = u64::from(plan.count) + 1;
        let sorted = Clinical::sorted(&core.term_key, &types, &plan.sort);
        let counts = if counted {
            let mut marks = Vec::new();
            if let Some((ty, _)) = reach.single() {
                marks = clinical::marks(&members, ty);
                marks.extend(sorted.iter().flat_map(|c| c.counted(ty)));
            }
            let counts = counts(connection, &members, &types, &marks).await?;
            // What a caller bound to patients sees is few rows as it is.
            if let Some((ty, None)) = reach.single() {
                sizes::count(connection, &mut members, ty, &counts, page_rows).await?;
            }
            counts
        } else {
            Counts::new()
        };
        Ok(Some(Question {
            access,
            reach,
            members,
            counts,
            page_rows,
            sorted,
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
            let part = self.part(ty, branch, walk);
            let long = part.window.long;
            parts.push(part);
            if let Some(long) = long {
                parts.push(self.part(ty, Branch::Long(long), walk));
            }
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

    fn part<'q>(&'q self, ty: TypeId, branch: Branch<'q>, walk: Walk) -> Lowering<'q> {
        let (members, counts) = (&self.members, &self.counts);
        let shape = choice::shape(members, ty, branch, walk, self.page_rows, counts);
        let mut window = Window::default();
        // What is gathered would only invite another index.
        if !shape.fenced && shape.driving.is_empty() {
            window = Window::of(members, ty, counts);
            if walk == Walk::Latest && window.long.is_none() {
                window.long = self.sorted.and_then(|s| s.long(ty, counts)?.rows);
            }
            if walk == Walk::None || !matches!(branch, Branch::All) {
                window = window.without_long();
            }
        }
        Lowering {
            ty,
            table: self.tables.of(ty),
            branch,
            members,
            shape,
            window,
            counts,
            tables: &self.tables,
        }
    }

    /// How the plan's page is walked.
    pub fn walk(&self, plan: &Plan) -> Walk {
        Walk::of(plan, self.is_latest(plan))
    }

    /// Whether the natural order tells where the latest dates end, for every statement.
    fn is_latest(&self, plan: &Plan) -> bool {
        let dated = match plan.after.as_ref().map(|position| position.values.first()) {
            None | Some(Some(SortValue::Integer(_))) => true,
            Some(_) => false,
        };
        match (self.sorted, self.reach.single()) {
            (Some(sorted), Some((ty, keys))) if dated => match sorted.long(ty, &self.counts) {
                Some(long) => long.rows.is_none() || keys.is_none(),
                None => false,
            },
            _ => false,
        }
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
    marks: &[i64],
) -> Result<Counts, Failure> {
    let mut terms = Vec::new();
    terms_of(members, types, &mut terms);
    let mut counts = Counts::new();
    let hops: Vec<TypeId> = members.iter().filter_map(hop_type).collect();
    if terms.is_empty() && marks.is_empty() && hops.is_empty() && !is_asked(members) {
        return Ok(counts);
    }
    let of_terms = terms.iter().map(|(ty, _)| *ty);
    let mut every: Vec<TypeId> = of_terms.chain(hops).chain(types.iter().copied()).collect();
    every.sort_unstable();
    every.dedup();
    let mut keys: Vec<i64> = every.into_iter().map(|ty| typed(EVERY, ty)).collect();
    for (ty, term) in terms.into_iter().take(COUNTED_TERMS_MAX) {
        keys.extend([0, CODE, CATEGORY].map(|column| typed(term, ty) ^ column));
    }
    keys.extend(marks);
    for row in connection.rows(COUNTS, &[Value::Ints(keys)]).await? {
        counts.insert(row.int(0)?, row.int(1)?.max(0) as u64);
    }
    for mark in marks {
        counts.entry(*mark).or_insert(0);
    }
    Ok(counts)
}

fn hop_type(node: &Node) -> Option<TypeId> {
    match node {
        Node::Chain(hop) | Node::Has(hop) => Some(hop.ty),
        _ => None,
    }
}

const COUNTS: &str = "select h, sum(n)::bigint from term_count where h = any($1) group by h";

/// More types than this are first cut to those that have rows.
const TYPES_FEW: usize = 4;
/// Terms whose counters are looked up for the choice.
const COUNTED_TERMS_MAX: usize = 256;
