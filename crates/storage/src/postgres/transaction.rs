//! Reading on one snapshot, with as little waiting as there can be: a statement that is alone needs no transaction, and
//! statements that keep their place in the pipeline are sent behind the beginning and before the end.
//! <https://www.postgresql.org/docs/current/transaction-iso.html>

use super::connection::{Columns, Connection, Failure};
use super::lower::Sql;
use futures_util::future::{join, try_join_all};

pub struct Transaction<'a> {
    connection: &'a Connection,
    is_open: bool,
}

impl<'a> Transaction<'a> {
    /// Nothing is sent.
    pub fn new(connection: &'a Connection) -> Transaction<'a> {
        Transaction {
            connection,
            is_open: false,
        }
    }

    /// Begins, and what is asked first goes out without waiting for that.
    pub async fn begin_with<T>(
        &mut self,
        asked: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        if self.is_open {
            return asked.await;
        }
        self.is_open = true;
        // Polled first, so it goes out first.
        let begin = self.connection.batch(BEGIN);
        let (begun, told) = join(begin, asked).await;
        begun?;
        told
    }

    /// The rows of each statement.
    pub async fn rows(&mut self, statements: &[&Sql]) -> Result<Vec<Vec<Columns>>, Failure> {
        let connection = self.connection;
        let each = statements.iter();
        let asked = each.map(|sql| connection.rows(&sql.text, &sql.values));
        self.begin_with(try_join_all(asked)).await
    }

    /// The same of what nothing follows.
    pub async fn last(&mut self, statements: &[&Sql]) -> Result<Vec<Vec<Columns>>, Failure> {
        let connection = self.connection;
        match statements {
            [alone] if !self.is_open => {
                return Ok(vec![connection.rows(&alone.text, &alone.values).await?]);
            }
            _ => {}
        }
        // What is yet to be prepared would come after the end.
        let mut texts = statements.iter().map(|sql| &sql.text);
        if !texts.all(|text| connection.is_prepared(text)) {
            return self.rows(statements).await;
        }
        let end = connection.batch(END);
        let (rows, ended) = join(self.rows(statements), end).await;
        self.is_open = ended.is_err();
        rows
    }

    /// To be called whatever came out, before the connection is given back.
    pub async fn end<T>(&mut self, outcome: &Result<T, Failure>) -> Result<(), Failure> {
        if !std::mem::take(&mut self.is_open) || matches!(outcome, Err(Failure::Broken)) {
            return Ok(());
        }
        self.connection.batch(END).await
    }
}

const BEGIN: &str = "begin isolation level repeatable read read only";
const END: &str = "commit";
