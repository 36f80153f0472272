//! State rows over all nodes. Rows are locked in one order everywhere; whoever comes second to a row sees what the first has
//! committed, so of two changes that meet, one wins.

use super::Postgres;
use super::connection::{Columns, Connection, Failure};
use super::statement::Value;
use super::write::or_back;
use crate::contract::StoreError;
use crate::state::sealed::{Change, Changes, Hash, List, Put, StateRow, What};
use std::sync::atomic::Ordering;

impl Postgres {
    pub async fn state(
        &self,
        kind: u8,
        key: &Hash,
        now_us: i64,
    ) -> Result<Option<StateRow>, StoreError> {
        let values = [number(kind), Value::Bytes(key.to_vec()), Value::Int(now_us)];
        let line = self.shared.reads.line().await?;
        Ok(rows(&line, GET, &values).await?.pop())
    }

    pub async fn states(&self, list: &List) -> Result<Vec<StateRow>, StoreError> {
        let mut values = vec![
            number(list.kind),
            Value::Int(list.after),
            Value::Int(i64::from(list.most)),
            Value::Int(list.now_us),
        ];
        let sql = match list.owner {
            None => LIST,
            Some(owner) => {
                values.push(Value::Bytes(owner.to_vec()));
                LIST_OWNED
            }
        };
        let pooled = self.shared.reads.get().await?;
        let found = rows(&pooled, sql, &values).await;
        Self::done(pooled, found)
    }

    /// The change that met something else, if any did; then nothing was written.
    pub async fn change_state(&self, changes: &Changes) -> Result<Option<usize>, StoreError> {
        if self.shared.closing.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable);
        }
        let mut attempts = 0;
        loop {
            let pooled = self.shared.writes.get().await?;
            let changed = match changes.changes.as_slice() {
                // A statement is a transaction.
                [one] if !changes.announce => apply_one(&pooled, one, changes.now_us)
                    .await
                    .map(|met| (!met).then_some(one.at)),
                _ => change(&pooled, changes).await,
            };
            attempts += 1;
            // A transaction that holds other rows first can be in the way: expiring ones takes them as they come.
            if changed == Err(Failure::Conflict) && attempts <= RETRIES_MAX {
                pooled.release();
                continue;
            }
            return Self::done(pooled, changed);
        }
    }

    pub async fn state_revision(&self) -> Result<i64, StoreError> {
        let line = self.shared.reads.line().await?;
        let found = line.rows(REVISION, &[]).await?;
        found.first().ok_or(StoreError::Integrity)?.int(0)
    }

    pub async fn expire_states(&self, most: u32, now_us: i64) -> Result<u64, StoreError> {
        let values = [Value::Int(i64::from(most)), Value::Int(now_us)];
        let pooled = self.shared.writes.get().await?;
        let forgotten = pooled.run(EXPIRE, &values).await;
        Ok(Self::done(pooled, forgotten)? as u64)
    }
}

/// All of them in one transaction, or none and the one that met something else.
async fn change(connection: &Connection, changes: &Changes) -> Result<Option<usize>, Failure> {
    let done = async {
        connection.batch("begin").await?;
        for change in &changes.changes {
            if !apply_one(connection, change, changes.now_us).await? {
                connection.batch("rollback").await?;
                return Ok(Some(change.at));
            }
        }
        // Last: every other announced change waits for this row until the commit.
        if changes.announce {
            connection.run(ANNOUNCE, &[]).await?;
        }
        connection.batch("commit").await?;
        Ok(None)
    };
    or_back(connection, done.await).await
}

/// Whether it met what it expected. One statement.
async fn apply_one(connection: &Connection, change: &Change, now_us: i64) -> Result<bool, Failure> {
    let row = [number(change.kind), Value::Bytes(change.key.to_vec())];
    let now = Value::Int(now_us);
    let changed = match &change.what {
        What::Insert(put) => {
            let values = [&row[..], &put_values(put), &[now]].concat();
            connection.run(INSERT, &values).await?
        }
        What::Replace(from, put) => {
            let expected = [now, Value::Int(*from)];
            let values = [&row[..], &put_values(put), &expected].concat();
            connection.run(REPLACE, &values).await?
        }
        What::Remove(Some(version)) => {
            let expected = [now, Value::Int(*version)];
            let values = [&row[..], &expected].concat();
            connection.run(REMOVE_VERSION, &values).await?
        }
        What::Remove(None) => {
            connection.run(REMOVE, &row).await?;
            1
        }
    };
    Ok(changed > 0)
}

fn put_values(put: &Put) -> [Value; 4] {
    [
        Value::Bytes(put.owner.clone()),
        Value::Int(put.version),
        Value::Int(put.expires_us),
        Value::Bytes(put.body.clone()),
    ]
}

fn number(kind: u8) -> Value {
    Value::Int(i64::from(kind))
}

async fn rows(
    connection: &Connection,
    sql: &str,
    values: &[Value],
) -> Result<Vec<StateRow>, Failure> {
    let found = connection.rows(sql, values).await?;
    Ok(found.iter().map(read).collect::<Result<_, StoreError>>()?)
}

fn read(row: &Columns) -> Result<StateRow, StoreError> {
    Ok(StateRow {
        place: row.int(0)?,
        key: row.blob(1),
        owner: row.blob(2),
        version: row.int(3)?,
        expires_us: row.int(4)?,
        body: row.blob(5),
    })
}

/// Further attempts of changes that met a deadlock.
const RETRIES_MAX: usize = 3;

const GET: &str = "select seq, key, owner, version, expires, body from state where kind = $1::smallint and key = $2 and expires > $3";
const LIST: &str = "select seq, key, owner, version, expires, body from state \
    where kind = $1::smallint and seq > $2 and expires > $4 order by seq limit $3";
const LIST_OWNED: &str = "select seq, key, owner, version, expires, body from state \
    where kind = $1::smallint and owner = $5 and seq > $2 and expires > $4 order by seq limit $3";
/// A row in place of an expired one is a new one, with a place of its own.
const INSERT: &str = "insert into state as s (kind, key, owner, version, expires, body) \
    values ($1::smallint, $2, nullif($3, ''::bytea), $4, $5, $6) on conflict (kind, key) do update set seq = default, \
    owner = excluded.owner, version = excluded.version, expires = excluded.expires, body = excluded.body where s.expires <= $7";
const REPLACE: &str = "update state set owner = nullif($3, ''::bytea), version = $4, expires = $5, body = $6 \
    where kind = $1::smallint and key = $2 and version = $8 and expires > $7";
const REMOVE: &str = "delete from state where kind = $1::smallint and key = $2";
const REMOVE_VERSION: &str =
    "delete from state where kind = $1::smallint and key = $2 and version = $4 and expires > $3";
const ANNOUNCE: &str = "update state_mark set revision = revision + 1 where one = 1";
const REVISION: &str = "select revision from state_mark where one = 1";
/// Rows that somebody changes at this moment are left for the next time.
const EXPIRE: &str = "delete from state where seq = any(array(select seq from state where expires <= $2 \
    and expires < 9223372036854775807 order by expires limit $1 for update skip locked))";
