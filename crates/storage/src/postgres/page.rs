//! The page of a search: one statement, of a part for each type (two for a caller bound to patients) that are merged in order.
//! <https://hl7.org/fhir/R4/search.html#sort>

use super::choice::Walk;
use super::connection::Columns;
use super::facts::Told;
use super::lower::{Keys, Lowering, Shape, Sql, sort_key};
use super::question::Question;
use super::read::{self, COLUMN_COUNT, COLUMNS};
use super::statement::Value;
use crate::clinical::Window;
use crate::contract::StoreError;
use crate::core::StoredRow;
use crate::order::{Key, Order};
use std::fmt::Write as _;
use ward_search::plan::{Plan, Position, SortValue};

impl Question<'_> {
    /// The rows of `page_statement` in page order, and what it told.
    pub(super) fn hits(
        &self,
        mut rows: Vec<Columns>,
        plan: &Plan,
    ) -> Result<(Vec<(Position, StoredRow)>, Told), StoreError> {
        let told = Told::taken_from(&mut rows)?;
        let order = Order::new(&plan.sort, sort_key);
        let mut hits = Vec::with_capacity(rows.len());
        for row in &rows {
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
                part: 0,
            };
            hits.push((position, stored));
        }
        // Of a union nothing says in which order its rows come.
        hits.sort_by(|(a, _), (b, _)| order.compare(a, b));
        // Long rows may lie within the bounds of the others.
        hits.dedup_by_key(|(position, _)| position.rid);
        hits.truncate(plan.count as usize + 1);
        Ok((hits, told))
    }

    /// The page of each part, and what is so of what decided how it is asked for.
    pub(super) fn page_statement(&self, plan: &Plan) -> Result<Sql, StoreError> {
        let parts = self.parts(&|ty, is_bound| self.walk(plan, ty, is_bound));
        let mut sql = Sql::new(self.access);
        let is_near = match parts.as_slice() {
            [part] => self.near(&mut sql, part, plan)?,
            _ => false,
        };
        let is_union = parts.len() > 1 || is_near || !self.needed.is_empty();
        for (at, part) in parts.into_iter().enumerate() {
            sql.push(if at > 0 { " union all " } else { "" });
            sql.push(if is_union { "(" } else { "" });
            self.page_of(&mut sql, part, is_near, plan)?;
            sql.push(if is_union { ")" } else { "" });
        }
        let order = Order::new(&plan.sort, sort_key);
        let type_of = |key: &Key| if key.text { "text" } else { "bigint" };
        let types: Vec<&str> = order.keys.iter().map(type_of).collect();
        self.needed.told_by(&mut sql, &types);
        Ok(sql)
    }

    /// `with near …`, where that is worth trying: the matches among the next rows in page order. As many as the page wants are
    /// the page; fewer tell nothing.
    fn near(&self, sql: &mut Sql, part: &Lowering, plan: &Plan) -> Result<bool, StoreError> {
        let Some(rows) = part.shape.near else {
            return Ok(false);
        };
        let order = Order::new(&plan.sort, sort_key);
        let mut looked_at = Sql::default();
        std::mem::swap(&mut looked_at.values, &mut sql.values);
        let _ = write!(
            looked_at.text,
            "(select * from {} x where x.op <> 2",
            part.table
        );
        after(&mut looked_at, plan, &order)?;
        let limit = looked_at.int(rows as i64);
        let _ = write!(
            looked_at.text,
            " order by x.d desc, x.rid desc limit {limit})"
        );
        sql.values = looked_at.values;
        let near = Lowering {
            table: looked_at.text,
            shape: Shape::default(),
            window: Window::default(),
            ..*part
        };
        let _ = write!(sql.text, "with near as materialized (select {COLUMNS}, x.d");
        near.from(sql);
        let limit = sql.int(i64::from(plan.count) + 1);
        let _ = write!(
            sql.text,
            " order by x.d desc, x.rid desc limit {limit}) select * from near union all "
        );
        Ok(true)
    }

    pub(super) fn page_of(
        &self,
        sql: &mut Sql,
        mut part: Lowering,
        is_near: bool,
        plan: &Plan,
    ) -> Result<(), StoreError> {
        if let Some(keys) = part.shape.keyed {
            return keyed_page(sql, &part, keys, is_near, plan);
        }
        let order = Order::new(&plan.sort, |key| sort_key(&key.of_type(part.ty)));
        let is_walked = !part.shape.fenced && part.shape.driving.is_empty();
        let order = if part.shape.fenced {
            order.fenced()
        } else {
            order
        };
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
        if part.walk == Walk::Natural && part.window.to_us.is_some() {
            part.window.to_us = until(part.window.to_us);
        }
        part.from(sql);
        after(sql, plan, &order)?;
        if is_near {
            sql.push(" and ");
            short_of(sql, plan);
        }
        if is_walked && part.walk == Walk::Latest {
            // No row begins after its latest date, if it has one.
            part.window.to_us = until(part.window.to_us);
            let long = self
                .sorted(part.ty)
                .and_then(|s| s.long(part.ty, &self.counts));
            let long = long.ok_or(StoreError::Integrity)?;
            edge(sql, &part, plan, &order, (last, long.reach_us))?;
        }
        let limit = sql.int(i64::from(plan.count) + 1);
        let _ = write!(
            sql.text,
            " order by {} limit {limit}",
            order.by(&order.keys)
        );
        Ok(())
    }
}

/// The page of a part whose keys the indexes tell.
fn keyed_page(
    sql: &mut Sql,
    part: &Lowering,
    keys: Keys,
    is_near: bool,
    plan: &Plan,
) -> Result<(), StoreError> {
    let _ = write!(sql.text, "select {COLUMNS}, k.d");
    part.keyed(sql, keys, plan)?;
    if is_near {
        sql.push(" where ");
        short_of(sql, plan);
    }
    let limit = sql.int(i64::from(plan.count) + 1);
    let _ = write!(sql.text, " order by k.d desc, k.rid desc limit {limit}");
    Ok(())
}

/// Near rows are no page.
fn short_of(sql: &mut Sql, plan: &Plan) {
    let wanted = sql.int(i64::from(plan.count) + 1);
    let _ = write!(sql.text, "(select count(*) from near) < {wanted}");
}

/// ` and …`: the rows after the position of the plan.
pub(super) fn after(sql: &mut Sql, plan: &Plan, order: &Order) -> Result<(), StoreError> {
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
