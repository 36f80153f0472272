//! Search: one statement per type (two for a caller bound to patients), sent together, merged in order.
//! <https://hl7.org/fhir/R4/search.html>

use super::choice::Walk;
use super::connection::{Connection, Failure};
use super::lower::{Lowering, Sql, VISIBLE, sort_key};
use super::question::Question;
use super::read::{self, COLUMN_COUNT, COLUMNS};
use super::statement::Value;
use crate::contract::{Rid, StoreError};
use crate::core::{Core, StoredRow};
use crate::counted::{self, Counter};
use crate::order::{Key, Order};
use futures_util::future::{join, try_join_all};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use ward_access::Access;
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::{Plan, Position, SortValue, Total};

/// Everything but opening the bodies.
pub struct Found {
    /// In page order.
    pub rows: Vec<StoredRow>,
    /// Of each row.
    pub positions: Vec<Position>,
    pub more: bool,
    pub total: Option<u64>,
}

/// Runs on one snapshot: the counters decide which index holds every hit, so they must be of the same moment.
pub async fn search(
    connection: &Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Found, Failure> {
    // Polled first, so it goes out first; the first statement follows without waiting for it.
    let begin = connection.batch("begin isolation level repeatable read read only");
    let (begun, found) = join(begin, inside(connection, core, access, plan, true)).await;
    begun?;
    if !matches!(found, Err(Failure::Broken)) {
        connection.batch("commit").await?;
    }
    found
}

/// The same inside a transaction that is open already, whose statements see what others commit in between: the counters
/// are not asked which index holds every hit.
pub async fn within(
    connection: &Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Found, Failure> {
    inside(connection, core, access, plan, false).await
}

async fn inside(
    connection: &Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
    counted: bool,
) -> Result<Found, Failure> {
    let Some(question) = Question::new(connection, core, access, plan, counted).await? else {
        return Ok(Found {
            rows: Vec::new(),
            positions: Vec::new(),
            more: false,
            total: (plan.total != Total::None).then_some(0),
        });
    };
    let total = match plan.total {
        Total::None => None,
        Total::Estimate | Total::Accurate => Some(question.total(connection).await?),
    };
    // `_count=0` asks for the total only.
    let mut hits = if plan.count == 0 {
        Vec::new()
    } else {
        question.page(connection, plan).await?
    };
    let more = hits.len() > plan.count as usize;
    hits.truncate(plan.count as usize);
    let (positions, rows) = hits.into_iter().unzip();
    Ok(Found {
        rows,
        positions,
        more,
        total,
    })
}

/// Row ids that match, at most `plan.count + 1`; inside the transaction of a commit.
pub async fn rids(
    connection: &Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Vec<Rid>, Failure> {
    match Question::new(connection, core, access, plan, false).await? {
        Some(question) => Ok(question
            .page(connection, plan)
            .await?
            .into_iter()
            .map(|(position, _)| position.rid)
            .collect()),
        None => Ok(Vec::new()),
    }
}
impl Question<'_> {
    async fn page(
        &self,
        connection: &Connection,
        plan: &Plan,
    ) -> Result<Vec<(Position, StoredRow)>, Failure> {
        let order = Order::new(&plan.sort, sort_key);
        let statements = self.page_statements(plan)?;
        let results = try_join_all(
            statements
                .iter()
                .map(|sql| connection.rows(&sql.text, &sql.values)),
        )
        .await?;
        let mut hits = Vec::new();
        for row in results.iter().flatten() {
            let value = |(at, key): (usize, &Key)| match (row.is_null(COLUMN_COUNT + at), key.text)
            {
                (true, _) => Ok(SortValue::Missing),
                (false, true) => Ok(row
                    .text(COLUMN_COUNT + at)
                    .map_or(SortValue::Missing, SortValue::Text)),
                (false, false) => row.int(COLUMN_COUNT + at).map(SortValue::Integer),
            };
            let values = order
                .keys
                .iter()
                .enumerate()
                .map(value)
                .collect::<Result<_, _>>()?;
            let stored = read::stored(row)?;
            self.tables.learn(stored.ty);
            let position = Position {
                values,
                rid: stored.rid,
            };
            hits.push((position, stored));
        }
        if statements.len() > 1 {
            hits.sort_by(|(a, _), (b, _)| order.compare(a, b));
            // Long rows may lie within the bounds of the others.
            hits.dedup_by_key(|(position, _)| position.rid);
            hits.truncate(plan.count as usize + 1);
        }
        Ok(hits)
    }

    pub(super) fn page_statements(&self, plan: &Plan) -> Result<Vec<Sql>, StoreError> {
        let walk = self.walk(plan);
        let parts = self.parts(walk).into_iter();
        parts.map(|part| self.page_of(part, walk, plan)).collect()
    }

    fn page_of(&self, mut part: Lowering, walk: Walk, plan: &Plan) -> Result<Sql, StoreError> {
        let order = Order::new(&plan.sort, sort_key);
        let is_walked = !part.shape.fenced && part.shape.driving.is_empty();
        let order = if part.shape.fenced {
            order.fenced()
        } else {
            order
        };
        let mut sql = Sql::new(self.access);
        let _ = write!(sql.text, "select {COLUMNS}");
        for key in &order.keys {
            let _ = write!(sql.text, ", {}", key.expression);
        }
        let first = plan.after.as_ref().and_then(|after| after.values.first());
        let last = match first {
            Some(SortValue::Integer(us)) if is_walked => Some(*us),
            _ => None,
        };
        let until = |to: Option<i64>| to.into_iter().chain(last).min();
        // One upper end is all that an index range takes.
        if walk == Walk::Natural && part.window.to_us.is_some() {
            part.window.to_us = until(part.window.to_us);
        }
        part.from(&mut sql);
        after(&mut sql, plan, &order)?;
        if is_walked && walk == Walk::Latest {
            // No row begins after its latest date, if it has one.
            part.window.to_us = until(part.window.to_us);
            let long = self.sorted.and_then(|s| s.long(part.ty, &self.counts));
            let long = long.ok_or(StoreError::Integrity)?;
            edge(&mut sql, &part, plan, &order, (last, long.reach_us))?;
        }
        let limit = sql.int(i64::from(plan.count) + 1);
        let _ = write!(
            sql.text,
            " order by {} limit {limit}",
            order.by(&order.keys)
        );
        Ok(sql)
    }

    async fn total(&self, connection: &Connection) -> Result<u64, Failure> {
        if let Some(total) = self.counted_total(connection).await? {
            return Ok(total);
        }
        let statements = self.total_statements();
        let results = try_join_all(
            statements
                .iter()
                .map(|sql| connection.rows(&sql.text, &sql.values)),
        )
        .await?;
        let counts = results
            .iter()
            .flatten()
            .map(|row| row.int(0))
            .collect::<Result<Vec<i64>, _>>()?;
        Ok(counts.iter().sum::<i64>() as u64)
    }

    pub(super) fn total_statements(&self) -> Vec<Sql> {
        let count = |part: Lowering| {
            let mut sql = Sql::new(self.access);
            sql.push("select count(*)");
            part.from(&mut sql);
            sql
        };
        self.parts(Walk::None).into_iter().map(count).collect()
    }

    /// Exact without a scan: counted terms, or a whole type, for a caller who is not bound to compartments.
    pub(super) async fn counted_total(
        &self,
        connection: &Connection,
    ) -> Result<Option<u64>, Failure> {
        let Some((terms, sql)) = self.counted_statement() else {
            return Ok(None);
        };
        let mut counters = HashMap::new();
        for row in connection.rows(&sql.text, &sql.values).await? {
            let count = |at: usize| row.int(at).map(|n| n.max(0) as u64);
            let (visible, all) = (count(1)?, count(2)?);
            counters.insert(row.int(0)?, Counter { visible, all });
        }
        let Some(told) = counted::told(&terms, &self.reach.everything, &counters) else {
            return Ok(None);
        };
        let mut absent: BTreeMap<TypeId, Vec<Term>> = BTreeMap::new();
        for (ty, term) in told.absent {
            absent.entry(ty).or_default().push(term);
        }
        // With a limit the planner would rather look at every row.
        let count = |ty: TypeId| {
            let table = self.tables.of(ty);
            format!("select count(*) from {table} x where x.terms && $1 and x.op <> 2")
        };
        let statements = absent.into_iter();
        let statements: Vec<_> = statements
            .map(|(ty, terms)| (count(ty), [Value::Ints(terms)]))
            .collect();
        let counts = try_join_all(
            statements
                .iter()
                .map(|(sql, values)| connection.rows(sql, values)),
        )
        .await?;
        for row in counts.iter().flatten() {
            if row.int(0)? > 0 {
                return Ok(None);
            }
        }
        Ok(Some(told.total))
    }

    /// What `counted_total` asks, and of which terms; `None`: the counters do not tell.
    pub(super) fn counted_statement(&self) -> Option<(Vec<Term>, Sql)> {
        let terms = counted::terms(&self.members).filter(|_| self.reach.limited.is_empty())?;
        let mut sql = Sql::new(self.access);
        let keys = sql.bind(Value::Ints(counted::keys(&terms, &self.reach.everything)));
        let _ = write!(
            sql.text,
            "select x.h, coalesce(sum(x.n) filter (where {VISIBLE}), 0)::bigint, sum(x.n)::bigint from term_count x where x.h = any({keys}) group by x.h",
        );
        Some((terms, sql))
    }
}

/// ` and …`: the rows after the position of the plan.
fn after(sql: &mut Sql, plan: &Plan, order: &Order) -> Result<(), StoreError> {
    let Some(after) = &plan.after else {
        return Ok(());
    };
    let condition = order.after(after, &order.keys, &mut |value| match value {
        SortValue::Integer(v) => sql.int(*v),
        SortValue::Text(v) => format!("{} collate \"C\"", sql.bind(Value::Text(v.clone()))),
        SortValue::Missing | SortValue::Real(_) => "null".into(),
    })?;
    let _ = write!(sql.text, " and {condition}");
    Ok(())
}

/// ` and …`: as many matches as the page holds, in the order of the clinical date, tell a date that every row of the page
/// reaches; no row that begins more than a reach before it does, longer ones apart. Rows without a date are on the page only where
/// the dated ones do not fill it: then no bound holds. `last`: the date of the row before the page.
fn edge(
    sql: &mut Sql,
    part: &Lowering,
    plan: &Plan,
    order: &Order,
    (last, reach_us): (Option<i64>, i64),
) -> Result<(), StoreError> {
    let (wanted, reach) = (sql.int(i64::from(plan.count) + 1), sql.int(reach_us));
    let from = (">=", format!("min(e.d) - {reach}"), sql.int(i64::MIN));
    let to = last.map(|us| ("<=", sql.int(us), sql.int(i64::MAX)));
    for (sign, full, otherwise) in std::iter::once(from).chain(to) {
        let _ = write!(
            sql.text,
            " and x.d {sign} (select case when count(*) = {wanted} then {full} else {otherwise} end from (select x.d"
        );
        part.from(sql);
        let [key] = order.keys.as_slice() else {
            return Err(StoreError::Integrity);
        };
        let _ = write!(sql.text, " and {} is not null", key.expression);
        after(sql, plan, order)?;
        let _ = write!(
            sql.text,
            " order by x.d desc, x.rid desc limit {wanted}) e)"
        );
    }
    Ok(())
}
