//! State rows of the embedded store: changes by the writer, each list of them under a savepoint of the batch's transaction.

use super::connection::{Columns, Connection};
use super::statement::Value;
use super::writer::Job;
use super::{Sqlite, connection};
use crate::contract::StoreError;
use crate::state::sealed::{Change, Changes, Hash, List, Put, StateRow, What};

impl Sqlite {
    pub fn state(&self, kind: u8, key: &Hash, now_us: i64) -> Result<Option<StateRow>, StoreError> {
        let values = [number(kind), Value::Blob(key.to_vec()), Value::Int(now_us)];
        let mut found = self.read_with(|connection| rows(connection, GET, &values))?;
        Ok(found.pop())
    }

    pub fn states(&self, list: &List) -> Result<Vec<StateRow>, StoreError> {
        let mut values = vec![
            number(list.kind),
            Value::Int(list.after),
            Value::Int(i64::from(list.most)),
            Value::Int(list.now_us),
        ];
        let sql = match list.owner {
            None => LIST,
            Some(owner) => {
                values.push(Value::Blob(owner.to_vec()));
                LIST_OWNED
            }
        };
        self.read_with(|connection| rows(connection, sql, &values))
    }

    /// The change that met something else, if any did; then nothing was written.
    pub async fn change_state(&self, changes: Changes) -> Result<Option<usize>, StoreError> {
        self.ask(|answer| Job::State(changes, answer)).await
    }

    pub fn state_revision(&self) -> Result<i64, StoreError> {
        let mut revision = Err(StoreError::Integrity);
        self.read_with(|connection| {
            connection.each(REVISION, &[], |row| {
                revision = row.int(0);
                Ok(())
            })
        })?;
        revision
    }

    pub async fn expire_states(&self, most: u32, now_us: i64) -> Result<u64, StoreError> {
        self.ask(|answer| Job::Expire(most, now_us, answer)).await
    }
}

/// All of them, or none and the one that met something else.
pub fn change(connection: &mut Connection, changes: &Changes) -> Result<Option<usize>, StoreError> {
    connection.run("savepoint state", &[])?;
    let refused = apply(connection, changes)?;
    if refused.is_some() {
        connection.run("rollback to state", &[])?;
    }
    connection.run("release state", &[])?;
    Ok(refused)
}

/// Forgets expired rows; how many.
pub fn expire(connection: &mut Connection, most: u32, now_us: i64) -> Result<u64, StoreError> {
    let values = [Value::Int(i64::from(most)), Value::Int(now_us)];
    Ok(connection.run(EXPIRE, &values)? as u64)
}

fn apply(connection: &mut Connection, changes: &Changes) -> Result<Option<usize>, StoreError> {
    for change in &changes.changes {
        if !apply_one(connection, change, changes.now_us)? {
            return Ok(Some(change.at));
        }
    }
    if changes.announce {
        connection.run(ANNOUNCE, &[])?;
    }
    Ok(None)
}

/// Whether it met what it expected.
fn apply_one(
    connection: &mut Connection,
    change: &Change,
    now_us: i64,
) -> Result<bool, StoreError> {
    let row = [number(change.kind), Value::Blob(change.key.to_vec())];
    let now = Value::Int(now_us);
    let changed = match &change.what {
        What::Insert(put) => {
            // A row in place of an expired one is a new one, with a place of its own.
            connection.run(REMOVE_EXPIRED, &[&row[..], &[now]].concat())?;
            connection.run(INSERT, &[&row[..], &put_values(put)].concat())?
        }
        What::Replace(from, put) => {
            let expected = [now, Value::Int(*from)];
            connection.run(REPLACE, &[&row[..], &put_values(put), &expected].concat())?
        }
        What::Remove(Some(version)) => {
            let expected = [now, Value::Int(*version)];
            connection.run(REMOVE_VERSION, &[&row[..], &expected].concat())?
        }
        What::Remove(None) => {
            connection.run(REMOVE, &row)?;
            1
        }
    };
    Ok(changed > 0)
}

fn put_values(put: &Put) -> [Value; 4] {
    [
        Value::Blob(put.owner.clone()),
        Value::Int(put.version),
        Value::Int(put.expires_us),
        Value::Blob(put.body.clone()),
    ]
}

fn number(kind: u8) -> Value {
    Value::Int(i64::from(kind))
}

fn rows(
    connection: &mut connection::Connection,
    sql: &str,
    values: &[Value],
) -> Result<Vec<StateRow>, StoreError> {
    let mut found = Vec::new();
    connection.each(sql, values, |row| {
        found.push(read(row)?);
        Ok(())
    })?;
    Ok(found)
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

const GET: &str = "select seq, key, owner, version, expires, body from state where kind = ?1 and key = ?2 and expires > ?3";
const LIST: &str = "select seq, key, owner, version, expires, body from state indexed by state_l \
    where kind = ?1 and seq > ?2 and expires > ?4 order by seq limit ?3";
const LIST_OWNED: &str = "select seq, key, owner, version, expires, body from state indexed by state_o \
    where kind = ?1 and owner = ?5 and seq > ?2 and expires > ?4 order by seq limit ?3";
const INSERT: &str = "insert into state (kind, key, owner, version, expires, body) \
    values (?1, ?2, nullif(?3, x''), ?4, ?5, ?6) on conflict (kind, key) do nothing";
const REPLACE: &str = "update state set owner = nullif(?3, x''), version = ?4, expires = ?5, body = ?6 \
    where kind = ?1 and key = ?2 and version = ?8 and expires > ?7";
const REMOVE: &str = "delete from state where kind = ?1 and key = ?2";
const REMOVE_VERSION: &str =
    "delete from state where kind = ?1 and key = ?2 and version = ?4 and expires > ?3";
const REMOVE_EXPIRED: &str = "delete from state where kind = ?1 and key = ?2 and expires <= ?3";
const ANNOUNCE: &str = "update state_mark set revision = revision + 1 where one = 1";
const REVISION: &str = "select revision from state_mark where one = 1";
const EXPIRE: &str = "delete from state where seq in \
    (select seq from state indexed by state_x where expires <= ?2 and expires < 9223372036854775807 order by expires limit ?1)";
