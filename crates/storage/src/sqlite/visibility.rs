//! Classes of visibility and their ids, which are dense and never given twice.

use super::connection::Connection;
use super::rows::{Kind, Rows};
use super::statement::Value;
use crate::contract::{NOBODY, StoreError, VISIBILITY_IDS_MAX};
use bytes::Bytes;

/// The ids that classes have, in that order.
pub fn ids(connection: &mut Connection, classes: &[Bytes]) -> Result<Vec<Option<i32>>, StoreError> {
    let mut packed = Rows::new(&[Kind::Int, Kind::Blob]);
    for (at, class) in classes.iter().enumerate() {
        packed.int(at as i64);
        packed.bytes(Some(class));
    }
    let mut ids = vec![None; classes.len()];
    connection.each(IDS, &[packed.into_value()], |row| {
        let slot = ids.get_mut(row.int(0)? as usize);
        *slot.ok_or(StoreError::Integrity)? = Some(row.int(1)? as i32);
        Ok(())
    })?;
    Ok(ids)
}

/// The same, and those without an id get the next ones; `NOBODY` where none is left. Inside the writer's transaction.
pub fn intern(connection: &mut Connection, classes: &[Bytes]) -> Result<Vec<i32>, StoreError> {
    let known = ids(connection, classes)?;
    let mut next = 0;
    connection.each(NEXT, &[], |row| {
        next = row.int(0)?;
        Ok(())
    })?;
    let mut packed = Rows::new(&[Kind::Int, Kind::Blob]);
    let unknown = classes.iter().zip(&known).filter(|(_, id)| id.is_none());
    let mut new: Vec<&Bytes> = Vec::new();
    for (class, _) in unknown {
        if !new.contains(&class) && next < VISIBILITY_IDS_MAX as i64 {
            packed.int(next);
            packed.bytes(Some(class));
            new.push(class);
            next += 1;
        }
    }
    if !packed.is_empty() {
        connection.run(PUT, &[packed.into_value()])?;
    }
    let given = ids(connection, classes)?;
    Ok(given.into_iter().map(|id| id.unwrap_or(NOBODY)).collect())
}

pub fn classes(
    connection: &mut Connection,
    from: i32,
    most: u32,
) -> Result<Vec<Bytes>, StoreError> {
    let values = [Value::Int(i64::from(from)), Value::Int(i64::from(most))];
    let mut found = Vec::new();
    connection.each(CLASSES, &values, |row| {
        if row.int(0)? != i64::from(from) + found.len() as i64 {
            return Err(StoreError::Integrity);
        }
        found.push(Bytes::from(row.blob(1)));
        Ok(())
    })?;
    Ok(found)
}

const IDS: &str = "select b.a, v.k from rows(?1) b cross join vis_class v on v.class = b.b";
const NEXT: &str = "select coalesce(max(k), -1) + 1 from vis_class";
const PUT: &str = "insert into vis_class (k, class) select a, b from rows(?1)";
const CLASSES: &str = "select k, class from vis_class where k >= ?1 order by k limit ?2";
