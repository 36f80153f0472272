//! What refers to resources of one page, in several types at once: one statement, of a part for each type.
//! <https://hl7.org/fhir/R4/search.html#revinclude>

use super::choice::Walk;
use super::connection::{Columns, Connection, Failure};
use super::lower::Sql;
use super::question::Question;
use super::read::COLUMN_COUNT;
use super::search::{self, Found};
use crate::contract::StoreError;
use crate::core::Core;
use std::fmt::Write as _;
use ward_access::Access;
use ward_search::plan::{Plan, Total};

/// A page for each plan, all of one moment. References are not counted, so nothing is to be known before. `Integrity`: a plan
/// that is sorted, or asks for a total.
pub async fn referring(
    connection: &Connection,
    core: &Core,
    access: &Access,
    plans: &[Plan],
) -> Result<Vec<Found>, Failure> {
    if let [plan] = plans {
        return Ok(vec![search::within(connection, core, access, plan).await?]);
    }
    let mut questions = Vec::with_capacity(plans.len());
    for plan in plans {
        if !plan.sort.is_empty() || plan.total != Total::None {
            return Err(StoreError::Integrity.into());
        }
        questions.push(Question::new(connection, core, access, plan, false).await?);
    }
    let sql = statement(access, &questions, plans)?;
    let mut of_each: Vec<Vec<Columns>> = plans.iter().map(|_| Vec::new()).collect();
    if !sql.text.is_empty() {
        for row in connection.rows(&sql.text, &sql.values).await? {
            let at = usize::try_from(row.int(PLAN)?).unwrap_or(usize::MAX);
            let rows = of_each.get_mut(at).ok_or(StoreError::Integrity)?;
            rows.push(row);
        }
    }
    let each = questions.iter().zip(plans).zip(of_each);
    let found = each.map(|((question, plan), rows)| {
        let hits = match question {
            Some(question) => question.hits(rows, plan)?.0,
            None => Vec::new(),
        };
        Ok(Found::of(hits, None, plan))
    });
    found.collect()
}

/// The rows of every page, each with the number of its plan behind its sort key. Empty: nothing is in reach.
fn statement(
    access: &Access,
    questions: &[Option<Question<'_>>],
    plans: &[Plan],
) -> Result<Sql, StoreError> {
    let mut sql = Sql::new(access);
    for (at, (question, plan)) in questions.iter().zip(plans).enumerate() {
        let Some(question) = question else { continue };
        for part in question.parts(&|_, _| Walk::Natural) {
            let union = if sql.text.is_empty() {
                ""
            } else {
                " union all "
            };
            let _ = write!(sql.text, "{union}select p.*, {at}::bigint from (");
            question.page_of(&mut sql, part, false, plan)?;
            sql.push(") p");
        }
    }
    Ok(sql)
}

/// The column of a plan's number.
const PLAN: usize = COLUMN_COUNT + 1;
