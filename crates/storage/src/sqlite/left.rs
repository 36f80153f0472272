//! Phrases that rows have lost: once nothing has the term of one, it is removed. What is left to be looked at are rows, so whoever
//! is interrupted goes on where it was.
//!
//! By the writer, so that nothing is written between the look and the removal.

use super::connection::Connection;
use super::question::used_types;
use super::rows::{Kind, Rows};
use super::statement::Value;
use crate::contract::{StoreError, Tidied};
use crate::store::resource_types;

/// Looks at some that were lost `kept_s` ago or earlier.
pub fn remove(connection: &mut Connection, most: u32, kept_s: u64) -> Result<Tidied, StoreError> {
    let types = used_types(connection, resource_types())?;
    let types = Rows::of(types.iter().map(|ty| i64::from(ty.0))).into_value();
    let kept = Value::Int(i64::try_from(kept_s).unwrap_or(i64::MAX));
    let three = || Rows::new(&[Kind::Int, Kind::Text, Kind::Int]);
    let (mut looked_at, mut unused) = (three(), three());
    let mut tidied = Tidied::default();
    connection.each(LEFT, &[types, kept, Value::Int(i64::from(most))], |row| {
        let (p, v, term) = (row.int(0)?, row.text(1).unwrap_or_default(), row.int(2)?);
        let note = |rows: &mut Rows| {
            rows.int(p);
            rows.bytes(Some(v.as_bytes()));
            rows.int(term);
        };
        note(&mut looked_at);
        if row.int(3)? == 0 {
            note(&mut unused);
            tidied.removed += 1;
        }
        tidied.looked_at += 1;
        Ok(())
    })?;
    if tidied.looked_at > 0 {
        connection.run(REMOVE, &[unused.into_value()])?;
        connection.run(DONE, &[looked_at.into_value()])?;
    }
    Ok(tidied)
}

const LEFT: &str = "select l.p, l.v, l.term, exists (select 1 from rows(?1) y cross join term t on t.h = typed(l.term, y.a)) \
    from phrase_left l where l.since <= unixepoch() - ?2 order by l.since limit ?3";
const REMOVE: &str = "delete from phrase where (p, v, term) in (select a, b, c from rows(?1))";
const DONE: &str = "delete from phrase_left where (p, v, term) in (select a, b, c from rows(?1))";
