//! A statement that diesel caches by its text (see the SQLite twin), with the array types batches are made of.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Nullable, Text, Untyped};

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Int(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
    Shared(std::sync::Arc<[u8]>),
    Ints(Vec<i64>),
    Bools(Vec<bool>),
    Reals(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
    Blobs(Vec<Vec<u8>>),
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

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.sql);
        out.push_sql(" --");
        for value in self.values {
            match value {
                Value::Int(v) => out.push_bind_param::<BigInt, i64>(v)?,
                Value::Real(v) => out.push_bind_param::<Double, f64>(v)?,
                Value::Text(v) => out.push_bind_param::<Text, str>(v.as_str())?,
                Value::Bytes(v) => out.push_bind_param::<Binary, [u8]>(v.as_slice())?,
                Value::Shared(v) => out.push_bind_param::<Binary, [u8]>(v)?,
                Value::Ints(v) => out.push_bind_param::<Array<BigInt>, Vec<i64>>(v)?,
                Value::Bools(v) => out.push_bind_param::<Array<Bool>, Vec<bool>>(v)?,
                Value::Reals(v) => {
                    out.push_bind_param::<Array<Nullable<Double>>, Vec<Option<f64>>>(v)?
                }
                Value::Texts(v) => {
                    out.push_bind_param::<Array<Nullable<Text>>, Vec<Option<String>>>(v)?
                }
                Value::Blobs(v) => out.push_bind_param::<Array<Binary>, Vec<Vec<u8>>>(v)?,
            }
        }
        Ok(())
    }
}
