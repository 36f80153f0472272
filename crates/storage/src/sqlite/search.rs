//! Search on one snapshot: row ids of the page by index, and around them, in the same statement, their bodies.
//! <https://hl7.org/fhir/R4/search.html>

use super::connection::{Columns, Connection};
use super::drive::{Driver, Extent};
use super::lower::Sql;
use super::question::Question;
use super::read::{self, COLUMN_COUNT, COLUMNS};
use super::rows::Rows;
use super::several;
use super::statement::Value;
use crate::contract::{Rid, StoreError};
use crate::core::{Core, StoredRow};
use crate::counted::{self, Counter};
use crate::index::typed;
use crate::order::{Key, Order};
use std::collections::HashMap;
use std::fmt::Write as _;
use ward_access::{Access, Action};
use ward_search::entries::Term;
use ward_search::plan::{Plan, Position, SortKey, SortValue, Total};

/// Everything but opening the bodies.
pub struct Found {
    /// In page order.
    pub rows: Vec<StoredRow>,
    /// Of each row.
    pub positions: Vec<Position>,
    pub more: bool,
    pub total: Option<u64>,
}

pub fn search(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Found, StoreError> {
    if several::is_asked_of_each(plan) {
        return several::search(connection, core, access, plan);
    }
    let Some(question) = Question::new(connection, core, access, Action::Search, plan)? else {
        return Ok(Found {
            rows: Vec::new(),
            positions: Vec::new(),
            more: false,
            total: (plan.total != Total::None).then_some(0),
        });
    };
    let total = match plan.total {
        Total::None => None,
        Total::Estimate | Total::Accurate => Some(question.total(connection)?),
    };
    // `_count=0` asks for the total only.
    let mut hits = if plan.count == 0 {
        Vec::new()
    } else {
        question.hits(connection, plan)?
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

/// A row of a page and where it stands.
type Hit = (Position, StoredRow);

/// Row ids that match, at most `plan.count + 1` (guards of conditional interactions).
pub fn rids(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Vec<Rid>, StoreError> {
    match Question::new(connection, core, access, Action::Search, plan)? {
        Some(question) => Ok(question
            .page(connection, plan)?
            .into_iter()
            .map(|p| p.rid)
            .collect()),
        None => Ok(Vec::new()),
    }
}

impl Question<'_> {
    /// One more than the page holds, with their bodies.
    fn hits(&self, connection: &mut Connection, plan: &Plan) -> Result<Vec<Hit>, StoreError> {
        // What a first try finds may be too little: its bodies are fetched once it is not.
        if let Some((sql, keys)) = self.near_statement(plan)? {
            let positions = self.positions(connection, plan, &sql, &keys)?;
            if positions.len() > plan.count as usize {
                return self.opened(connection, positions);
            }
        }
        let (sql, keys) = self.page_statement(plan)?;
        let statement = with_bodies(&sql, keys.len());
        let mut hits = Vec::with_capacity(plan.count as usize + 1);
        connection.last(&statement, &sql.values, |row| {
            if row.int(COLUMN_COUNT + keys.len())? == 0 {
                return Err(StoreError::Integrity);
            }
            let stored = read::stored(row)?;
            let position = position(row, stored.rid, COLUMN_COUNT, &keys)?;
            hits.push((position, stored));
            Ok(())
        })?;
        Ok(hits)
    }

    fn opened(
        &self,
        connection: &mut Connection,
        positions: Vec<Position>,
    ) -> Result<Vec<Hit>, StoreError> {
        let rids: Vec<Rid> = positions.iter().map(|p| p.rid).collect();
        let rows = read::bodies(connection, self.access, &rids)?;
        if rows.len() != positions.len() {
            return Err(StoreError::Integrity);
        }
        Ok(positions.into_iter().zip(rows).collect())
    }

    /// One more than the page holds.
    pub(super) fn page(
        &self,
        connection: &mut Connection,
        plan: &Plan,
    ) -> Result<Vec<Position>, StoreError> {
        if let Some((sql, keys)) = self.near_statement(plan)? {
            let positions = self.positions(connection, plan, &sql, &keys)?;
            if positions.len() > plan.count as usize {
                return Ok(positions);
            }
        }
        let (sql, keys) = self.page_statement(plan)?;
        self.positions(connection, plan, &sql, &keys)
    }

    fn positions(
        &self,
        connection: &mut Connection,
        plan: &Plan,
        sql: &Sql,
        keys: &[Key],
    ) -> Result<Vec<Position>, StoreError> {
        let mut positions = Vec::with_capacity(plan.count as usize + 1);
        connection.each(&sql.text, &sql.values, |row| {
            positions.push(position(row, row.int(0)?, 1, keys)?);
            Ok(())
        })?;
        Ok(positions)
    }

    /// The same as `page_statement` over the next rows in the order of pages; less than a page tells nothing.
    pub(super) fn near_statement(
        &self,
        plan: &Plan,
    ) -> Result<Option<(Sql, Vec<Key>)>, StoreError> {
        let mut sql = Sql::new(self.access);
        let Some((driver, bounds)) = self.near(&mut sql, plan) else {
            return Ok(None);
        };
        let order = Order::new(&plan.sort, |key| self.sort_key(key));
        sql.push("select x.rid, x.d");
        self.drive_within(&mut sql, driver, &bounds, Extent::Page);
        let limit = sql.int(i64::from(plan.count) + 1);
        let by = order.by(&order.keys);
        let _ = write!(sql.text, " order by {by} limit {limit}");
        Ok(Some((sql, order.keys)))
    }

    /// Selects row ids and the values of the sort keys.
    pub(super) fn page_statement(&self, plan: &Plan) -> Result<(Sql, Vec<Key>), StoreError> {
        let order = Order::new(&plan.sort, |key| self.sort_key(key));
        let mut sql = Sql::new(self.access);
        // Constants of a sort key are bound before those of the conditions; numbering does not mind.
        let keys: Vec<Key> = order
            .keys
            .iter()
            .map(|key| key.with_parameter(|p| sql.int(p)))
            .collect();
        let mut after = |sql: &mut Sql| after(sql, plan, &order, &keys);
        let (bounds, extent) = match self.latest(&mut sql, plan, &mut after)? {
            Some(bounds) => (bounds, Extent::Page),
            None if plan.sort.is_empty() => (self.bounds_after(&mut sql, plan), Extent::Page),
            None => (self.bounds_after(&mut sql, plan), Extent::Whole),
        };
        let merged = self.merged().filter(|_| plan.sort.is_empty());
        let drivers = merged
            .as_deref()
            .unwrap_or(std::slice::from_ref(&self.driver));
        for (at, driver) in drivers.iter().enumerate() {
            sql.push(if at == 0 { "" } else { " union " });
            sql.push("select x.rid");
            for key in &keys {
                let _ = write!(sql.text, ", {}", key.expression);
            }
            self.drive_within(&mut sql, *driver, &bounds, extent);
            after(&mut sql)?;
            self.onward(&mut sql, plan);
        }
        let limit = sql.int(i64::from(plan.count) + 1);
        // A union is ordered by its columns.
        let by = match drivers.len() {
            1 => order.by(&keys),
            _ => "2 desc, 1 desc".into(),
        };
        let _ = write!(sql.text, " order by {by} limit {limit}");
        Ok((sql, keys))
    }

    fn sort_key(&self, key: &SortKey) -> Key {
        let p = |param: u16| match self.reach.single() {
            Some((ty, _)) => (
                Some(i64::from(crate::index::parameter(param, ty))),
                String::new(),
            ),
            None => (None, format!("((x.typ << 16) | {param})")),
        };
        match *key {
            SortKey::Updated { descending } => Key::int(
                match self.driver {
                    Driver::Updates(_) => "x.upd",
                    _ => "(select r.upd from resource r where r.rid = x.rid)",
                },
                descending,
            ),
            SortKey::Id { descending } => Key::int("x.rid", descending),
            // Over several types each is asked by its own key: see `several`.
            SortKey::Each { descending, .. } | SortKey::Absent { descending, .. } => Key::nullable(
                "null".to_owned(),
                (None, String::new()),
                key.is_text(),
                descending,
            ),
            // Gathered by `examine`, which asks for the rows in no order of these.
            SortKey::Quantity { descending, .. }
            | SortKey::Text { descending, .. }
            | SortKey::Score { descending } => Key::int("x.rid", descending),
            SortKey::Date { param, descending } => {
                let column = if descending { "max(s.hi)" } else { "min(s.lo)" };
                Key::nullable(
                    format!(
                        "(select {column} from date s indexed by date_r where s.rid = x.rid and s.p = {{p}})"
                    ),
                    p(param),
                    false,
                    descending,
                )
            }
            SortKey::String { param, descending } => {
                let column = if descending { "max(s.v)" } else { "min(s.v)" };
                Key::nullable(
                    format!(
                        "(select {column} from str s indexed by str_r where s.rid = x.rid and s.p = {{p}})"
                    ),
                    p(param),
                    true,
                    descending,
                )
            }
        }
    }

    pub(super) fn total(&self, connection: &mut Connection) -> Result<u64, StoreError> {
        if let Some(total) = self.counted_total(connection)? {
            return Ok(total);
        }
        let sql = self.total_statement();
        let mut total = 0;
        connection.each(&sql.text, &sql.values, |row| {
            total = row.int(0)? as u64;
            Ok(())
        })?;
        Ok(total)
    }

    pub(super) fn total_statement(&self) -> Sql {
        let mut sql = Sql::new(self.access);
        sql.push("select count(*)");
        self.from(&mut sql);
        sql
    }

    /// Exact without a scan: counted terms, or a whole type, for a caller who is not bound to compartments.
    pub(super) fn counted_total(
        &self,
        connection: &mut Connection,
    ) -> Result<Option<u64>, StoreError> {
        let Some((terms, sql)) = self.counted_statement() else {
            return Ok(None);
        };
        let types = &self.reach.everything;
        let mut counters = HashMap::new();
        connection.each(&sql.text, &sql.values, |row| {
            let count = |at: usize| row.int(at).map(|n| n.max(0) as u64);
            let (visible, all) = (count(1)?, count(2)?);
            counters.insert(row.int(0)?, Counter { visible, all });
            Ok(())
        })?;
        let Some(told) = counted::told(&terms, types, &counters) else {
            return Ok(None);
        };
        let mut is_exact = true;
        if !told.absent.is_empty() {
            let absent = Rows::of(told.absent.iter().map(|(ty, term)| typed(*term, *ty)));
            connection.each(ANY_WITH, &[absent.into_value()], |_| {
                is_exact = false;
                Ok(())
            })?;
        }
        Ok(is_exact.then_some(told.total))
    }

    /// What `counted_total` asks, and of which terms; `None`: the counters do not tell.
    pub(super) fn counted_statement(&self) -> Option<(Vec<Term>, Sql)> {
        let terms = counted::terms(self.members())
            .filter(|_| self.reach.limited.is_empty() && self.access.closed().is_empty())?;
        let mut sql = Sql::new(self.access);
        let keys = sql.ints(counted::keys(&terms, &self.reach.everything));
        let visible = sql.visible("x");
        let _ = write!(
            sql.text,
            "select x.h, coalesce(sum(x.n) filter (where {visible}), 0), sum(x.n) from term_count x where x.h in {keys} group by x.h"
        );
        Some((terms, sql))
    }
}

/// ` and …`: the rows after the position of the plan.
fn after(sql: &mut Sql, plan: &Plan, order: &Order, keys: &[Key]) -> Result<(), StoreError> {
    let Some(after) = &plan.after else {
        return Ok(());
    };
    let condition = order.after(after, keys, &mut |value| match value {
        SortValue::Integer(v) => sql.bind(Value::Int(*v)),
        SortValue::Text(v) => sql.bind(Value::Text(v.clone())),
        SortValue::Missing | SortValue::Real(_) => "null".into(),
    })?;
    let _ = write!(sql.text, " and {condition}");
    Ok(())
}

/// The same rows in their order, each with what `read::stored` reads before its sort keys, and whether it is visible after
/// them. The rows were chosen by their index entries; the mask is tested again all the same.
fn with_bodies(page: &Sql, keys: usize) -> String {
    let names: Vec<String> = (0..keys).map(|at| format!("k{at}")).collect();
    let named: String = names.iter().map(|name| format!(", {name}")).collect();
    let values: String = names.iter().map(|name| format!(", p.{name}")).collect();
    let (page, visible) = (&page.text, page.visible("x"));
    format!(
        "with p(rid{named}) as ({page}) select {COLUMNS}{values}, {visible} from p left join resource x on x.rid = p.rid"
    )
}

/// The place of a row whose sort keys begin at a column.
fn position(row: &Columns, rid: Rid, first: usize, keys: &[Key]) -> Result<Position, StoreError> {
    let each = keys.iter().enumerate();
    let values = each.map(|(at, key)| value(row, first + at, key));
    Ok(Position {
        values: values.collect::<Result<_, _>>()?,
        rid,
        part: 0,
    })
}

fn value(row: &Columns, at: usize, key: &Key) -> Result<SortValue, StoreError> {
    if row.is_null(at) {
        Ok(SortValue::Missing)
    } else if key.text {
        Ok(row.text(at).map_or(SortValue::Missing, SortValue::Text))
    } else {
        row.int(at).map(SortValue::Integer)
    }
}

const ANY_WITH: &str = "select 1 from term where h in (select a from rows(?1)) limit 1";
