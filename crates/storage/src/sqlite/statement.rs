//! A statement that diesel caches by its text. `sql_query` marks itself as not cacheable, so each of its runs prepares anew.
//!
//! Parameters are numbered in the text (`?1`), so one may be used twice. Diesel only binds what it has written itself:
//! its placeholders go into a trailing comment.

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary, Double, Text, Untyped};
use diesel::sqlite::Sqlite;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    Shared(std::sync::Arc<[u8]>),
}

#[derive(Clone, Copy)]
pub struct Statement<'a> {
    pub sql: &'a str,
    pub values: &'a [Value],
}

impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

impl QueryFragment<Sqlite> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(self.sql);
        out.push_sql(" --");
        for value in self.values {
            match value {
                Value::Int(v) => out.push_bind_param::<BigInt, i64>(v)?,
                Value::Real(v) => out.push_bind_param::<Double, f64>(v)?,
                Value::Text(v) => out.push_bind_param::<Text, str>(v.as_str())?,
                Value::Blob(v) => out.push_bind_param::<Binary, [u8]>(v.as_slice())?,
                Value::Shared(v) => out.push_bind_param::<Binary, [u8]>(v)?,
            }
        }
        Ok(())
    }
}
