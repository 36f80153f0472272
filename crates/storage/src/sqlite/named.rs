//! A page of the rows that have a name. Gathered and sorted they cost more the more there are, which is as many times more as the
//! data grows; along the order of pages a page of them lies within as many rows as the name is rare.
//!
//! Of 162 patients of a family among 6,670 a page of 20 takes 0.29 ms along 860 entries of the index of dates and 0.52 ms by looking
//! all of them up.

use super::connection::Connection;
use super::drive::Driver;
use super::lower::{Probe, Sql};
use super::question::{Question, every};
use crate::broad::Broad;
use crate::contract::StoreError;
use crate::estimate::{self, SET_ROWS_MAX};
use crate::question::Node;
use std::fmt::Write as _;

impl Question<'_> {
    /// Where a name alone is asked for: walks along the type and passes over who has another one, if that is cheaper than to gather
    /// all who have it. Statements: one for a name that was not counted a moment ago, and where it fills two pages one for a type that
    /// was not.
    pub(super) fn walk_for_name(
        &mut self,
        connection: &mut Connection,
        broad: &Broad,
    ) -> Result<(), StoreError> {
        let (Driver::Member(at), [member], Some((ty, None)), Some(page_rows)) = (
            self.driver,
            self.members(),
            self.reach.single(),
            self.page_rows,
        ) else {
            return Ok(());
        };
        let Some(name) = estimate::name(member) else {
            return Ok(());
        };
        let rows = match broad.rows(name, ty) {
            Some(rows) => rows,
            None => {
                let rows = self.probe().count(connection, member)?;
                broad.learn_rows(name, ty, rows);
                rows
            }
        };
        if !(PAGES_GATHERED * page_rows..=SET_ROWS_MAX).contains(&rows) {
            return Ok(());
        }
        let every = match broad.every(ty) {
            Some(every) => every,
            None => {
                let every = every(connection, ty)?;
                broad.learn_every(ty, every);
                every
            }
        };
        if is_walked(rows, every, page_rows) {
            self.driver = Driver::Types;
            self.in_set = Some(at);
        }
        Ok(())
    }
}

/// Whether a walk over `every` row is expected to cost less than half of gathering the rows of the name, and a few times as much at
/// most, where all who have it come last.
fn is_walked(rows: u64, every: u64, page_rows: u64) -> bool {
    let gathered = rows.saturating_mul(GATHERED_NS);
    let cost = |walked: u64| walked.saturating_mul(PASSED_NS) + rows.saturating_mul(IN_SET_NS);
    let expected = every.saturating_mul(page_rows) / rows.max(1);
    cost(expected) < gathered / 2 && cost(every) < gathered.saturating_mul(WORSE_MAX)
}

impl Probe {
    /// The row is in the set of those that have a name. An expression of the row id keeps the planner from looking them up one by one.
    pub(super) fn in_set(&self, sql: &mut Sql, name: &Node) {
        let _ = write!(sql.text, "(+{}.rid) in (", self.row);
        self.named(sql, name);
        sql.push(")");
    }

    /// `select …`: the rows with a name, some twice.
    fn named(&self, sql: &mut Sql, name: &Node) {
        match name {
            Node::Text { param, test, value } => {
                let condition = self.text(sql, *param, *test, value);
                let _ = write!(sql.text, "select s.rid from str s where {condition}");
            }
            _ => sql.push("select 0 as rid where 0"),
        }
    }

    /// How many these are: one more than are put into a set at most.
    fn count(&self, connection: &mut Connection, name: &Node) -> Result<u64, StoreError> {
        let mut sql = Sql::default();
        sql.push("select count(*) from (");
        self.named(&mut sql, name);
        let limit = sql.int(SET_ROWS_MAX as i64 + 1);
        let _ = write!(sql.text, " limit {limit})");
        let mut rows = 0;
        connection.each(&sql.text, &sql.values, |row| {
            rows = row.int(0)?.max(0) as u64;
            Ok(())
        })?;
        Ok(rows)
    }
}

/// A name that fills no more pages is gathered without further thought.
const PAGES_GATHERED: u64 = 2;
/// An entry of the index of dates that is passed over, since its row is in no set.
const PASSED_NS: u64 = 150;
/// A row id that is put into a set.
const IN_SET_NS: u64 = 350;
/// A row that is looked up by its id and sorted.
const GATHERED_NS: u64 = 4_000;
/// How many times the cost of gathering a walk may cost.
const WORSE_MAX: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_walked_to_where_it_is_neither_rare_nor_few() {
        assert!(is_walked(162, 6_670, 21));
        assert!(!is_walked(12, 667, 21), "few are soon gathered");
        assert!(is_walked(600, 6_670, 21));
        assert!(!is_walked(100, 100_000, 21), "a page of them is far");
        assert!(!is_walked(2_000, 1_000_000, 21), "the last may be farther");
        assert!(
            is_walked(1_620, 66_700, 21),
            "ten times of both is the same"
        );
    }
}
