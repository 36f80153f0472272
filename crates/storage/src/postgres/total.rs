//! How many resources match: told by counters, or counted. <https://hl7.org/fhir/R4/search.html#total>

use super::choice::Walk;
use super::connection::{Columns, Connection, Failure};
use super::lower::{Lowering, Sql};
use super::question::Question;
use super::statement::Value;
use crate::contract::StoreError;
use crate::counted::{self, Counter};
use futures_util::future::try_join_all;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use ward_fhir::TypeId;
use ward_search::entries::Term;

impl Question<'_> {
    pub(super) async fn total(&self, connection: &Connection) -> Result<u64, Failure> {
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
        self.parts(&|_, _| Walk::None)
            .into_iter()
            .map(count)
            .collect()
    }

    /// Exact without a scan: counted terms, or a whole type, for a caller who is not bound to compartments.
    pub(super) async fn counted_total(
        &self,
        connection: &Connection,
    ) -> Result<Option<u64>, Failure> {
        let Some((terms, sql)) = self.counted_statement() else {
            return Ok(None);
        };
        let rows = connection.rows(&sql.text, &sql.values).await?;
        let Some(told) = self.told_total(&terms, &rows)? else {
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

    /// What `counted_statement` has told; `None`: not the total.
    pub(super) fn told_total(
        &self,
        terms: &[Term],
        rows: &[Columns],
    ) -> Result<Option<counted::Told>, StoreError> {
        let mut counters = HashMap::new();
        for row in rows {
            let count = |at: usize| row.int(at).map(|n| n.max(0) as u64);
            let (visible, all) = (count(1)?, count(2)?);
            counters.insert(row.int(0)?, Counter { visible, all });
        }
        Ok(counted::told(terms, &self.reach.everything, &counters))
    }

    /// What `counted_total` asks, and of which terms; `None`: the counters do not tell.
    pub(super) fn counted_statement(&self) -> Option<(Vec<Term>, Sql)> {
        let terms = counted::terms(&self.members)
            .filter(|_| self.reach.limited.is_empty() && self.access.closed().is_empty())?;
        let mut sql = Sql::new(self.access);
        let keys = sql.bind(Value::Ints(counted::keys(&terms, &self.reach.everything)));
        let visible = sql.visible("x");
        let _ = write!(
            sql.text,
            "select x.h, coalesce(sum(x.n) filter (where {visible}), 0)::bigint, sum(x.n)::bigint from term_count x where x.h = any({keys}) group by x.h",
        );
        Some((terms, sql))
    }
}
