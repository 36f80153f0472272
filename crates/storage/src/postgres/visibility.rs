//! Classes of visibility and their ids, which are dense and never given twice.

use super::connection::{Connection, Failure};
use super::statement::Value;
use super::write::{or_back, visibility_lock};
use crate::contract::{NOBODY, StoreError, VISIBILITY_IDS_MAX};
use bytes::Bytes;

/// The ids that classes have, in that order.
pub async fn ids(connection: &Connection, classes: &[Bytes]) -> Result<Vec<Option<i32>>, Failure> {
    let mut ids = vec![None; classes.len()];
    for row in connection.rows(IDS, &[packed(classes)]).await? {
        let at = row.int(0)? as usize;
        let slot = at.checked_sub(1).and_then(|at| ids.get_mut(at));
        *slot.ok_or(StoreError::Integrity)? = Some(row.int(1)? as i32);
    }
    Ok(ids)
}

/// The same, and those without an id get the next ones; `NOBODY` where none is left. Whoever interns waits for the one before:
/// what was looked up before the lock is looked up again.
pub async fn intern(connection: &Connection, classes: &[Bytes]) -> Result<Vec<i32>, Failure> {
    let lock = visibility_lock();
    let values = [packed(classes), Value::Int(VISIBILITY_IDS_MAX as i64)];
    let done = async {
        connection
            .batch(&format!("begin; select pg_advisory_xact_lock({lock})"))
            .await?;
        connection.run(PUT, &values).await?;
        let given = ids(connection, classes).await?;
        connection.batch("commit").await?;
        Ok(given.into_iter().map(|id| id.unwrap_or(NOBODY)).collect())
    };
    or_back(connection, done.await).await
}

pub async fn classes(connection: &Connection, from: i32, most: u32) -> Result<Vec<Bytes>, Failure> {
    let values = [Value::Int(i64::from(from)), Value::Int(i64::from(most))];
    let rows = connection.rows(CLASSES, &values).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        if row.int(0)? != i64::from(from) + found.len() as i64 {
            return Err(StoreError::Integrity.into());
        }
        found.push(Bytes::from(row.blob(1)));
    }
    Ok(found)
}

fn packed(classes: &[Bytes]) -> Value {
    Value::Blobs(classes.iter().map(|class| class.to_vec()).collect())
}

const IDS: &str = "select u.at, v.w from unnest($1) with ordinality u (class, at) join vis_class v on sha256(v.class) = sha256(u.class)";
/// In the order given, each new class once.
const PUT: &str = "insert into vis_class (w, class) select n.w::int, n.class from \
    (select (select max(v.w) from vis_class v) + row_number() over (order by min(u.at)) as w, u.class \
     from unnest($1) with ordinality u (class, at) \
     where not exists (select 1 from vis_class v where sha256(v.class) = sha256(u.class)) group by u.class) n where n.w < $2";
const CLASSES: &str = "select w, class from vis_class where w >= $1::int order by w limit $2";
