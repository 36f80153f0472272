//! By what rows are indexed: the generations of search parameters, and a walk over the rows of a type.

use super::connection::Connection;
use super::rows::Rows;
use super::statement::Value;
use crate::contract::{Indexed, Indexing, StoreError};
use crate::index::{EVERY, typed};
use bytes::Bytes;
use ward_fhir::TypeId;

pub fn load(connection: &mut Connection) -> Result<Indexing, StoreError> {
    let mut found = Indexing::default();
    connection.each(
        "select revision, generation, state from indexing where one = 1",
        &[],
        |row| {
            found = Indexing {
                revision: row.int(0)?,
                generation: row.int(1)? as u32,
                state: Bytes::from(row.blob(2)),
            };
            Ok(())
        },
    )?;
    Ok(found)
}

/// `None`: the revision is another one by now.
pub fn change(
    connection: &mut Connection,
    from: i64,
    generation: u32,
    state: &Bytes,
) -> Result<Option<Indexing>, StoreError> {
    if load(connection)?.revision != from {
        return Ok(None);
    }
    let next = Indexing {
        revision: from + 1,
        generation,
        state: state.clone(),
    };
    let values = [
        Value::Int(next.revision),
        Value::Int(i64::from(generation)),
        Value::Blob(state.to_vec()),
    ];
    connection.run(
        "update indexing set revision = ?1, generation = ?2, state = ?3 where one = 1",
        &values,
    )?;
    Ok(Some(next))
}

/// Live rows of a type in the order of their clinical date, which only a write changes that also brings the generation up.
pub fn rows(
    connection: &mut Connection,
    ty: TypeId,
    after: Option<Indexed>,
    most: u32,
) -> Result<Vec<Indexed>, StoreError> {
    let (place, rid) = after.map_or((i64::MIN, i64::MIN), |row| (row.place, row.rid));
    let values = [
        Value::Int(i64::from(ty.0)),
        Value::Int(place),
        Value::Int(rid),
        Value::Int(i64::from(most)),
    ];
    let mut found = Vec::with_capacity(most as usize);
    connection.each(ROWS, &values, |row| {
        found.push(Indexed {
            rid: row.int(0)?,
            generation: row.int(1)? as u32,
            place: row.int(2)?,
        });
        Ok(())
    })?;
    Ok(found)
}

/// How many live rows of each type there are, by the counters.
pub fn counted(connection: &mut Connection, types: &[TypeId]) -> Result<Vec<u64>, StoreError> {
    let keys: Vec<i64> = types.iter().map(|ty| typed(EVERY, *ty)).collect();
    let mut counts = vec![0; types.len()];
    let packed = Rows::of(keys.iter().copied()).into_value();
    connection.each(COUNTED, &[packed], |row| {
        let (key, count) = (row.int(0)?, row.int(1)?);
        if let Some(at) = keys.iter().position(|k| *k == key) {
            counts[at] = count.max(0) as u64;
        }
        Ok(())
    })?;
    Ok(counts)
}

const COUNTED: &str =
    "select h, sum(n) from term_count where h in (select a from rows(?1)) group by h";
const ROWS: &str = "select r.rid, r.g, r.d from resource r indexed by resource_d \
    where r.typ = ?1 and r.op <> 2 and (r.d, r.rid) > (?2, ?3) order by r.d, r.rid limit ?4";
