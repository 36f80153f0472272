//! By what rows are indexed: the generations of search parameters, a walk over the rows of a type, and whose work it is.

use super::connection::{Connection, Failure};
use super::statement::Value;
use super::write::{generation_lock, or_back};
use crate::contract::{Indexed, Indexing, Rid, StoreError};
use crate::index::{EVERY, typed};
use crate::store::WORK_KEPT_S;
use bytes::Bytes;
use ward_fhir::TypeId;

pub async fn load(connection: &Connection) -> Result<Indexing, Failure> {
    let rows = connection.rows(LOAD, &[]).await?;
    let row = rows.first().ok_or(StoreError::Integrity)?;
    Ok(Indexing {
        revision: row.int(0)?,
        generation: row.int(1)? as u32,
        state: Bytes::from(row.blob(2)),
    })
}

/// Whether the revision was still `from`. Commits hold the lock shared until they have ended, and look at the generation
/// after they have got it: so all of the one before are done when this is, and the next ones see the new one.
pub async fn change(
    connection: &Connection,
    from: i64,
    generation: u32,
    state: &Bytes,
) -> Result<bool, Failure> {
    let lock = generation_lock();
    let values = [
        Value::Int(from),
        Value::Int(i64::from(generation)),
        Value::Bytes(state.to_vec()),
    ];
    let done = async {
        connection
            .batch(&format!("begin; select pg_advisory_xact_lock({lock})"))
            .await?;
        let changed = connection.run(CHANGE, &values).await?;
        connection.batch("commit").await?;
        Ok(changed > 0)
    };
    or_back(connection, done.await).await
}

/// Live rows of a type in the order of their ids.
pub async fn rows(
    connection: &Connection,
    ty: TypeId,
    after: Option<Indexed>,
    most: u32,
) -> Result<Vec<Indexed>, Failure> {
    let sql = format!(
        "select x.rid, x.g from {} x where x.rid > $1 and x.op <> 2 order by x.rid limit $2",
        connection.tables.of(ty)
    );
    let after: Rid = after.map_or(i64::MIN, |row| row.rid);
    let values = [Value::Int(after), Value::Int(i64::from(most))];
    let rows = connection.rows(&sql, &values).await?;
    let read = |row: &super::connection::Columns| {
        Ok(Indexed {
            rid: row.int(0)?,
            generation: row.int(1)? as u32,
            place: 0,
        })
    };
    Ok(rows.iter().map(read).collect::<Result<_, StoreError>>()?)
}

pub async fn work(connection: &Connection, node: &str, progress: &str) -> Result<bool, Failure> {
    let values = [
        Value::Text(node.to_owned()),
        Value::Text(progress.to_owned()),
        Value::Int(i64::from(WORK_KEPT_S)),
    ];
    Ok(connection.run(WORK, &values).await? > 0)
}

pub async fn progress(connection: &Connection) -> Result<String, Failure> {
    let rows = connection.rows(PROGRESS, &[]).await?;
    Ok(rows.first().and_then(|row| row.text(0)).unwrap_or_default())
}

/// How many live rows of each type there are, by the counters.
pub async fn counted(connection: &Connection, types: &[TypeId]) -> Result<Vec<u64>, Failure> {
    let keys: Vec<i64> = types.iter().map(|ty| typed(EVERY, *ty)).collect();
    let mut counts = vec![0; types.len()];
    for row in connection
        .rows(COUNTED, &[Value::Ints(keys.clone())])
        .await?
    {
        let (key, count) = (row.int(0)?, row.int(1)?);
        if let Some(at) = keys.iter().position(|k| *k == key) {
            counts[at] = count.max(0) as u64;
        }
    }
    Ok(counts)
}

const LOAD: &str = "select revision, generation::bigint, state from indexing where one = 1";
const CHANGE: &str = "update indexing set revision = revision + 1, generation = $2::int, state = $3 where one = 1 and revision = $1";
const WORK: &str = "insert into work as w (one, node, till, progress) values (1, $1, clock_timestamp() + make_interval(secs => $3), $2) \
    on conflict (one) do update set node = excluded.node, till = excluded.till, progress = excluded.progress \
    where w.node = excluded.node or w.till < clock_timestamp()";
const PROGRESS: &str = "select progress from work where one = 1";
const COUNTED: &str = "select h, sum(n)::bigint from term_count where h = any($1) group by h";
