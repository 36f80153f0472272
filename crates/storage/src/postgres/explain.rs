//! How a search would be answered, without answering it. <https://www.postgresql.org/docs/15/sql-explain.html>
//!
//! Statements run by one plan for all values, so that plan is asked for: of a prepared statement, with nothing bound.

use super::connection::{Connection, Failure};
use super::lower::Sql;
use super::question::Question;
use super::read;
use super::statement::Value;
use crate::contract::{Explained, Explanation, Rid};
use crate::core::Core;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::plan::{Plan, Total};

pub async fn explain(
    connection: &Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Explanation, Failure> {
    let Some(question) = Question::new(connection, core, access, plan, true).await? else {
        return Ok(Explanation::default());
    };
    let mut planned: Vec<(&'static str, Sql)> = Vec::new();
    if plan.total != Total::None {
        match question.counted_statement() {
            Some((_, sql)) if question.counted_total(connection).await?.is_some() => {
                planned.push(("total", sql));
            }
            _ => planned.extend(
                question
                    .total_statements()
                    .into_iter()
                    .map(|s| ("total", s)),
            ),
        }
    }
    if plan.count > 0 {
        planned.push(("page", question.page_statement(plan)?));
    }
    Ok(Explanation {
        statements: explained(connection, planned).await?,
        counters: question.counters(),
    })
}

/// How several rows would be read at once.
pub async fn read_many(
    connection: &Connection,
    core: &Core,
    access: &Access,
    action: Action,
    keys: &[(TypeId, Rid)],
) -> Result<Explanation, Failure> {
    let each = read::many_statements(connection, core, access, action, keys)?;
    let planned = each.into_iter().map(|sql| ("rows", sql)).collect();
    Ok(Explanation {
        statements: explained(connection, planned).await?,
        ..Explanation::default()
    })
}

pub async fn explained(
    connection: &Connection,
    planned: Vec<(&'static str, Sql)>,
) -> Result<Vec<Explained>, Failure> {
    let mut statements = Vec::with_capacity(planned.len());
    for (purpose, sql) in planned {
        let steps = steps(connection, &sql).await?;
        statements.push(Explained {
            purpose,
            sql: sql.text,
            steps,
        });
    }
    Ok(statements)
}

async fn steps(connection: &Connection, sql: &Sql) -> Result<Vec<String>, Failure> {
    let listed = |each: Vec<&str>| match each.is_empty() {
        true => String::new(),
        false => format!("({})", each.join(", ")),
    };
    let types = listed(sql.values.iter().map(type_name).collect());
    let nothing = listed(vec!["null"; sql.values.len()]);
    let prepare = format!("prepare {NAME} {types} as {}", sql.text);
    connection.batch(&prepare).await?;
    let asked = format!("explain (costs off) execute {NAME} {nothing}");
    let rows = connection.rows(&asked, &[]).await;
    connection.batch(&format!("deallocate {NAME}")).await?;
    let lines = rows?.iter().filter_map(|row| row.text(0)).collect();
    Ok(nodes(lines))
}

/// Nodes with their indexes, without conditions.
fn nodes(lines: Vec<String>) -> Vec<String> {
    let is_node = |line: &&String| {
        let text = line.trim_start();
        ["->", "SubPlan", "InitPlan", "CTE"]
            .iter()
            .any(|start| text.starts_with(start))
    };
    let (first, rest) = lines.split_at(lines.len().min(1));
    let rest = rest.iter().filter(is_node);
    first.iter().chain(rest).cloned().collect()
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Int(_) => "bigint",
        Value::Real(_) => "float8",
        Value::Text(_) => "text",
        Value::Bytes(_) | Value::Shared(_) => "bytea",
        Value::Ints(_) => "bigint[]",
        Value::Bools(_) => "boolean[]",
        Value::Reals(_) => "float8[]",
        Value::Texts(_) => "text[]",
        Value::Blobs(_) => "bytea[]",
    }
}

/// Of the one statement that a connection has under examination.
const NAME: &str = "ward_explained";
