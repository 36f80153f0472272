//! Search: by what is remembered, and else on one snapshot. <https://hl7.org/fhir/R4/search.html>

use super::connection::{Connection, Failure};
use super::facts::Remembered;
use super::question::Question;
use super::transaction::Transaction;
use crate::contract::Rid;
use crate::core::{Core, StoredRow};
use ward_access::Access;
use ward_search::plan::{Plan, Position, Total};

/// Everything but opening the bodies.
pub struct Found {
    /// In page order.
    pub rows: Vec<StoredRow>,
    /// Of each row.
    pub positions: Vec<Position>,
    pub more: bool,
    pub total: Option<u64>,
}

/// Asked for by what is remembered, and by what is looked up first where that is not enough or not so.
pub async fn search(
    connection: &Connection,
    core: &Core,
    remembered: &Remembered,
    access: &Access,
    plan: &Plan,
) -> Result<Found, Failure> {
    let tables = &connection.tables;
    if let Some(question) = Question::remembered(core, tables, remembered, access, plan)?
        && let Some(found) = question.at_once(connection, remembered, plan).await?
    {
        return Ok(found);
    }
    // On one snapshot: the counters decide which index holds every hit, so they must be of the same moment.
    let mut transaction = Transaction::new(connection);
    let asked = async {
        let question = Question::new(connection, core, access, plan, true).await?;
        question
            .as_ref()
            .inspect(|q| remembered.learn(&q.needed, &q.told));
        inside(connection, question, plan).await
    };
    let found = transaction.begin_with(asked).await;
    transaction.end(&found).await?;
    found
}

/// The same without counters: inside a transaction that is open already, whose statements see what others commit in between,
/// they would not tell which index holds every hit; and of what nobody counts they tell nothing.
pub async fn within(
    connection: &Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Found, Failure> {
    let question = Question::new(connection, core, access, plan, false).await?;
    inside(connection, question, plan).await
}

async fn inside(
    connection: &Connection,
    question: Option<Question<'_>>,
    plan: &Plan,
) -> Result<Found, Failure> {
    let Some(question) = question else {
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
    let hits = if plan.count == 0 {
        Vec::new()
    } else {
        question.page(connection, plan).await?
    };
    Ok(Found::of(hits, total, plan))
}

impl Found {
    /// `hits`: one more than the page holds tells that there are more.
    pub(super) fn of(
        mut hits: Vec<(Position, StoredRow)>,
        total: Option<u64>,
        plan: &Plan,
    ) -> Found {
        let more = hits.len() > plan.count as usize;
        hits.truncate(plan.count as usize);
        let (positions, rows) = hits.into_iter().unzip();
        Found {
            rows,
            positions,
            more,
            total,
        }
    }
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
        let sql = self.page_statement(plan)?;
        let rows = connection.rows(&sql.text, &sql.values).await?;
        Ok(self.hits(rows, plan)?.0)
    }
}
