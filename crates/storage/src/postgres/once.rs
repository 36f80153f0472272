//! A search by what is remembered (see `facts`): a page, or a total that is counted, is one statement. Where ranges are to be
//! counted first, or both page and total are asked for, it is a transaction.

use super::connection::Failure;
use super::connection::{Columns, Connection};
use super::facts::{Remembered, Told};
use super::lower::Sql;
use super::question::{Question, SIZED_MAX};
use super::search::Found;
use super::transaction::Transaction;
use crate::contract::StoreError;
use crate::question::Node;
use ward_search::entries::Term;
use ward_search::plan::{Plan, Total};

/// What was sent before the page, by which it was chosen how that is asked for.
#[derive(Default)]
struct Before {
    /// The conjunction as it was then.
    members: Option<Vec<Node>>,
    sizes: Vec<(Sql, Vec<Columns>)>,
}

impl Question<'_> {
    /// `None`: something else is so than what is remembered, and by that it would have been asked otherwise; or what is asked
    /// takes statements whose number is known to none.
    pub async fn at_once(
        mut self,
        connection: &Connection,
        remembered: &Remembered,
        plan: &Plan,
    ) -> Result<Option<Found>, Failure> {
        let counted = match plan.total {
            Total::None => None,
            Total::Estimate | Total::Accurate => self.counted_statement(),
        };
        if counted.is_some() == (plan.total == Total::None)
            || (plan.count == 0 && counted.is_none())
        {
            return Ok(None);
        }
        let mut transaction = Transaction::new(connection);
        let found = self
            .answered(&mut transaction, remembered, counted, plan)
            .await;
        transaction.end(&found).await?;
        found
    }

    async fn answered(
        &mut self,
        transaction: &mut Transaction<'_>,
        remembered: &Remembered,
        mut counted: Option<(Vec<Term>, Sql)>,
        plan: &Plan,
    ) -> Result<Option<Found>, Failure> {
        let mut page = None;
        let mut before = Before::default();
        if plan.count > 0 {
            before = self.sized(transaction).await?;
            page = Some(self.page_statement(plan)?);
        } else if let Some((_, sql)) = &mut counted {
            self.needed.forms_by(sql);
        }
        let last: Vec<&Sql> = counted.iter().map(|c| &c.1).chain(&page).collect();
        let mut rows = transaction.last(&last).await?.into_iter();
        let mut total = None;
        if let Some((terms, _)) = &counted {
            let mut rows = rows.next().unwrap_or_default();
            if plan.count == 0 && !self.are_forms(&mut rows, remembered)? {
                return Ok(None);
            }
            let told = self.told_total(terms, &rows)?;
            match told.filter(|told| told.absent.is_empty()) {
                Some(told) => total = Some(told.total),
                None => return Ok(None),
            }
        }
        let (Some(page), Some(rows)) = (page, rows.next()) else {
            return Ok(Some(Found::of(Vec::new(), total, plan)));
        };
        let (hits, told) = self.hits(rows, plan)?;
        if told != self.told {
            remembered.learn(&self.needed, &told);
            if !self.is_same(told, before, &page, plan)? {
                return Ok(None);
            }
        }
        Ok(Some(Found::of(hits, total, plan)))
    }

    /// Takes what `forms_by` asks out of the rows of a total: whether forms are what is remembered.
    fn are_forms(
        &self,
        rows: &mut Vec<Columns>,
        remembered: &Remembered,
    ) -> Result<bool, StoreError> {
        let forms = Told::forms_taken_from(rows)?;
        let are_same = forms == self.told.forms;
        if !are_same {
            remembered.learn_forms(&self.needed, &forms);
        }
        Ok(are_same)
    }

    /// Counts the ranges that are to be counted.
    async fn sized(&mut self, transaction: &mut Transaction<'_>) -> Result<Before, Failure> {
        let mut before = Before::default();
        while let Some(sizes) = self.sizes().filter(|_| before.sizes.len() < SIZED_MAX) {
            let sql = sizes.sql.clone();
            let rows = transaction.rows(&[&sql]).await?.pop().unwrap_or_default();
            before.members.get_or_insert_with(|| self.members.clone());
            let is_further = self.size(sizes, &rows)?;
            before.sizes.push((sql, rows));
            if !is_further {
                break;
            }
        }
        Ok(before)
    }

    /// Whether by what is so the same would have been sent.
    fn is_same(
        &mut self,
        told: Told,
        before: Before,
        page: &Sql,
        plan: &Plan,
    ) -> Result<bool, StoreError> {
        if told.forms != self.told.forms {
            return Ok(false);
        }
        self.count(told.counts);
        self.members = before
            .members
            .unwrap_or_else(|| std::mem::take(&mut self.members));
        if before.sizes.is_empty() && self.sizes().is_some() {
            return Ok(false);
        }
        // What was counted then is known by now.
        self.broad = self.broad.filter(|_| before.sizes.is_empty());
        for (sql, rows) in &before.sizes {
            match self.sizes() {
                Some(sizes) if sizes.sql == *sql => drop(self.size(sizes, rows)?),
                _ => return Ok(false),
            }
        }
        Ok(self.page_statement(plan)? == *page)
    }
}
