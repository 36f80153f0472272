//! How a search would be answered, without answering it. <https://sqlite.org/eqp.html>

use super::connection::Connection;
use super::question::Question;
use super::read;
use super::several;
use super::statement::Value;
use crate::contract::{Explained, Explanation, Rid, StoreError};
use crate::core::Core;
use std::collections::HashMap;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::plan::{Plan, Total};

pub fn explain(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Explanation, StoreError> {
    if !several::is_asked_of_each(plan) {
        return explain_one(connection, core, access, plan);
    }
    let mut whole = Explanation::default();
    for of_type in several::plans(connection, core, access, plan)? {
        let part = explain_one(connection, core, access, &of_type)?;
        whole.statements.extend(part.statements);
        whole.counters.extend(part.counters);
    }
    Ok(whole)
}

fn explain_one(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Explanation, StoreError> {
    let Some(question) = Question::new(connection, core, access, Action::Search, plan)? else {
        return Ok(Explanation::default());
    };
    let mut statements = Vec::new();
    if plan.total != Total::None {
        let told = question.counted_total(connection)?;
        let counted = told.and_then(|_| question.counted_statement());
        let sql = counted.map_or_else(|| question.total_statement(), |(_, sql)| sql);
        statements.push(explained(connection, "total", &sql.text, &sql.values)?);
    }
    if plan.count > 0 {
        if let Some((sql, _)) = question.near_statement(plan)? {
            statements.push(explained(connection, "page", &sql.text, &sql.values)?);
        }
        let (sql, _) = question.page_statement(plan)?;
        statements.push(explained(connection, "page", &sql.text, &sql.values)?);
    }
    Ok(Explanation {
        statements,
        counters: question.counters(),
    })
}

/// How several rows would be read at once.
pub fn read_many(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    action: Action,
    keys: &[(TypeId, Rid)],
) -> Result<Explanation, StoreError> {
    let mut statements = Vec::new();
    if let Some(sql) = read::many_statement(core, access, action, keys)? {
        statements.push(explained(connection, "rows", &sql.text, &sql.values)?);
    }
    Ok(Explanation {
        statements,
        ..Explanation::default()
    })
}

pub fn explained(
    connection: &mut Connection,
    purpose: &'static str,
    sql: &str,
    values: &[Value],
) -> Result<Explained, StoreError> {
    let mut depths: HashMap<i64, usize> = HashMap::new();
    let mut steps = Vec::new();
    connection.each(&format!("explain query plan {sql}"), values, |row| {
        let depth = depths.get(&row.int(1)?).map_or(0, |above| above + 1);
        depths.insert(row.int(0)?, depth);
        steps.push("  ".repeat(depth) + &row.text(3).unwrap_or_default());
        Ok(())
    })?;
    Ok(Explained {
        purpose,
        sql: sql.to_owned(),
        steps,
    })
}
