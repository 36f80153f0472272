//! The tree of the audit log on PostgreSQL: a step is one transaction, on the one node that holds the lock.
//!
//! Identity numbers become visible out of order. So a record carries its transaction id, and a step takes what lies below the oldest
//! transaction that is still running: nothing can appear there any more.

use super::Postgres;
use super::connection::{Columns, Connection, Failure};
use super::pool::Pooled;
use super::records::{KEEP, values};
use super::statement::Value;
use super::write::or_back;
use crate::contract::StoreError;
use crate::tree::keys::SealedKey;
use crate::tree::numbering::{self, Asked, Numbered, RECORDS_PER_STEP_MAX};
use crate::tree::published::Given;
use crate::tree::rows::{self, Cell, Cells, Insert, Listed, Place, Reads, Stored};
use crate::tree::standing::{Found, NumberError, Standing};
use crate::tree::taking::Taking;
use std::collections::HashSet;

/// Held by the node that numbers, as long as its connection lasts: so its place is right from step to step.
const NUMBERING_LOCK: i64 = 0x7761_7264_0003;
/// Held while records are taken out.
const TAKING_LOCK: i64 = 0x7761_7264_0004;
/// Entries before the end that may stand behind each other otherwise than their records, when a cluster changes.
const OVERLAP: i64 = 100_000;

impl Reads for Connection {
    async fn cells(
        &self,
        sql: &str,
        values: &[i64],
        kinds: &str,
    ) -> Result<Vec<Cells>, StoreError> {
        let values: Vec<Value> = values.iter().map(|value| Value::Int(*value)).collect();
        let rows = self.rows(sql, &values).await?;
        rows.iter().map(|row| cells(row, kinds)).collect()
    }
}

impl Reads for Postgres {
    async fn cells(
        &self,
        sql: &str,
        values: &[i64],
        kinds: &str,
    ) -> Result<Vec<Cells>, StoreError> {
        let pooled = self.shared.reads.get().await?;
        let connection: &Connection = &pooled;
        let found = connection.cells(sql, values, kinds).await;
        if found.is_ok() {
            pooled.release();
        }
        found
    }
}

/// What is running, and where: lowest transaction under way, the next one, and the cluster.
struct Moment {
    horizon: i64,
    next: i64,
    cluster: i64,
}

impl Postgres {
    /// A step from where this process stands; see [`crate::Store::number_records`].
    pub async fn number(
        &self,
        standing: Option<Standing>,
        origin: &str,
        asked: Asked,
    ) -> Result<(Option<Standing>, Numbered), NumberError> {
        let mut held = self.shared.numbering.lock().await;
        if held.as_ref().is_none_or(|pooled| pooled.is_closed()) {
            *held = self.numbering_connection().await?;
        }
        let Some(pooled) = held.as_ref() else {
            return Ok((None, Numbered::default()));
        };
        let connection: &Connection = pooled;
        let done = async {
            connection.batch("begin").await.map_err(StoreError::from)?;
            self.step(connection, standing, origin, asked).await
        };
        let done = done.await;
        let end = if done.is_ok() { "commit" } else { "rollback" };
        if let Err(failure) = connection.batch(end).await {
            *held = None;
            return Err(StoreError::from(failure).into());
        }
        done
    }

    pub async fn listed(
        &self,
        asked: Listed,
        first: &[i64],
        second: &[i64],
    ) -> Result<Vec<Cells>, StoreError> {
        let first = Value::Ints(first.to_vec());
        let (sql, values) = match asked {
            Listed::Columns => (COLUMNS_OF, vec![first]),
            Listed::Sealed => (SEALED_OF, vec![first]),
            Listed::Keys => (KEYS_OF, vec![first, Value::Ints(second.to_vec())]),
        };
        let pooled = self.shared.reads.get().await?;
        let rows = pooled.rows(sql, &values).await;
        let rows = Self::done(pooled, rows)?;
        rows.iter().map(|row| cells(row, asked.kinds())).collect()
    }

    /// A connection that holds the lock. `None`: another node's does.
    async fn numbering_connection(&self) -> Result<Option<Pooled>, StoreError> {
        let pooled = self.shared.writes.get().await?;
        let held = pooled.cells(LOCK, &[NUMBERING_LOCK], "i").await?;
        if held.first().ok_or(StoreError::Integrity)?.int(0)? == 0 {
            pooled.release();
            return Ok(None);
        }
        Ok(Some(pooled))
    }

    /// Lets another node number.
    pub async fn stop_numbering(&self) {
        let mut held = self.shared.numbering.lock().await;
        if let Some(pooled) = held.take()
            && pooled.cells(UNLOCK, &[NUMBERING_LOCK], "i").await.is_ok()
        {
            pooled.release();
        }
    }

    async fn step(
        &self,
        connection: &Connection,
        standing: Option<Standing>,
        origin: &str,
        asked: Asked,
    ) -> Result<(Option<Standing>, Numbered), NumberError> {
        let core = self.core();
        let mut head = rows::head(connection).await?;
        if head.key < 0 {
            add_key(connection, core.log_keys.generate(0, origin)).await?;
            head = rows::head(connection).await?;
        }
        let stood = numbering::stand(connection, &core.log_keys, head, standing, asked.least);
        let mut standing = stood.await?;
        let counted = rows::counted(connection).await?;
        let moment = moment(connection).await?;
        if standing.head.run < 0 {
            standing.place.cluster = moment.cluster;
        }
        let (records, place) = match standing.place.cluster == moment.cluster {
            true => (unnumbered(connection, standing.place, &moment).await?, None),
            false => moved(connection, &standing, &moment).await?,
        };
        let found = Found {
            counted,
            counted_below: moment.next,
            horizon: moment.horizon,
            is_all: (records.len() as i64) < RECORDS_PER_STEP_MAX || place.is_some(),
            is_gapless: false,
            records,
            place,
            next_key: numbering::next_key(connection, &core.log_keys, head, &standing).await?,
            stops: asked.stops,
        };
        let (count, more) = (found.len(), !found.is_all);
        let Some((insert, seen)) = standing.step(found, &core.records.sealing, asked.now_us)?
        else {
            let numbered = numbering::done(&standing, 0, false, Default::default(), None);
            return Ok((Some(standing), numbered));
        };
        let note = insert.checkpoints.last().map(|last| last.note.clone());
        add(connection, insert).await?;
        let numbered = numbering::done(&standing, count, more, seen, note.as_deref());
        Ok((Some(standing), numbered))
    }

    pub async fn add_log_key(&self, key: SealedKey) -> Result<(), StoreError> {
        let pooled = self.shared.writes.get().await?;
        let done = add_key(&pooled, key).await;
        if done.is_ok() {
            pooled.release();
        }
        done
    }

    pub async fn add_answered(&self, node: &str, answered: &[(u8, u64)]) -> Result<(), StoreError> {
        if answered.is_empty() {
            return Ok(());
        }
        let classes = answered.iter().map(|(class, _)| i64::from(*class));
        let values = vec![
            Value::Text(node.to_owned()),
            Value::Ints(classes.collect()),
            Value::Ints(
                answered
                    .iter()
                    .map(|(_, answers)| *answers as i64)
                    .collect(),
            ),
        ];
        self.change(ADD_ANSWERED, values).await.map(drop)
    }

    /// `None`: not all of the records are there any more, or another process takes some out; nothing was changed. Else the number of the
    /// removal's note.
    pub async fn take_out(&self, taking: &Taking) -> Result<Option<i64>, StoreError> {
        let pooled = self.shared.writes.get().await?;
        let done = or_back(&pooled, take_out(&pooled, taking).await).await;
        Self::done(pooled, done)
    }

    /// The record with its transaction, if there is one.
    pub async fn record_placed(&self, id: i64) -> Result<Option<Stored>, StoreError> {
        let rows = self.cells(RECORD, &[id], "iiib").await?;
        rows.first().map(stored).transpose()
    }

    pub async fn give(&self, sql: &'static str, given: Vec<Given>) -> Result<usize, StoreError> {
        let value = |given| match given {
            Given::Int(value) => Value::Int(value),
            Given::Text(value) => Value::Text(value),
            Given::Bytes(value) => Value::Bytes(value),
        };
        self.change(sql, given.into_iter().map(value).collect())
            .await
    }

    /// A statement of the tree's small tables; how many rows it has changed.
    pub async fn change(&self, sql: &'static str, values: Vec<Value>) -> Result<usize, StoreError> {
        let pooled = self.shared.writes.get().await?;
        let changed = pooled.run(sql, &values).await;
        Self::done(pooled, changed)
    }
}

async fn moment(connection: &Connection) -> Result<Moment, StoreError> {
    let rows = connection.cells(MOMENT, &[], "iii").await?;
    let row = rows.first().ok_or(StoreError::Integrity)?;
    Ok(Moment {
        horizon: row.int(0)?,
        next: row.int(1)?,
        cluster: row.int(2)?,
    })
}

async fn unnumbered(
    connection: &Connection,
    place: Place,
    moment: &Moment,
) -> Result<Vec<Stored>, StoreError> {
    let values = [
        place.xid,
        place.last,
        place.base,
        moment.horizon,
        RECORDS_PER_STEP_MAX,
    ];
    let rows = connection.cells(UNNUMBERED, &values, "iiib").await?;
    rows.iter().map(stored).collect()
}

/// The first step in another cluster: nobody writes meanwhile, and what stands in no run is taken, whatever its transaction.
async fn moved(
    connection: &Connection,
    standing: &Standing,
    moment: &Moment,
) -> Result<(Vec<Stored>, Option<Place>), StoreError> {
    connection.batch(STAND_STILL).await?;
    let size = standing.sequencer.size() as i64;
    let runs = rows::runs(connection, (size - OVERLAP).max(0), i64::MAX).await?;
    let numbered: HashSet<i64> = runs
        .iter()
        .flat_map(|run| run.entries.iter().map(|of| of.id))
        .collect();
    let from = numbered.iter().min().map_or(0, |lowest| lowest + 1);
    let rows = connection.cells(ALL_FROM, &[from], "iiib").await?;
    let all: Result<Vec<Stored>, StoreError> = rows.iter().map(stored).collect();
    let mut all = all?;
    let base = all.iter().map(|record| record.id).max();
    let base = base.into_iter().chain(numbered.iter().copied()).max();
    all.retain(|record| !numbered.contains(&record.id));
    let place = Place {
        cluster: moment.cluster,
        base: base.unwrap_or(0),
        xid: 0,
        last: 0,
    };
    Ok((all, Some(place)))
}

async fn add(connection: &Connection, insert: Insert) -> Result<(), StoreError> {
    if let Some(run) = insert.run {
        let place = run.place;
        let ints = [run.first, place.cluster, place.base, place.xid, place.last];
        let mut values: Vec<Value> = ints.into_iter().map(Value::Int).collect();
        values.extend([Value::Bytes(run.records), Value::Bytes(run.hashes)]);
        connection.run(ADD_RUN, &values).await?;
    }
    for (level, place, hashes) in insert.tiles {
        let values = [Value::Int(level), Value::Int(place), Value::Bytes(hashes)];
        connection.run(ADD_TILE, &values).await?;
    }
    for checkpoint in insert.checkpoints {
        let values = [
            Value::Int(checkpoint.n),
            Value::Int(checkpoint.size),
            Value::Bytes(checkpoint.note.into_bytes()),
        ];
        connection.run(ADD_CHECKPOINT, &values).await?;
    }
    Ok(())
}

/// The right to delete is there for the transaction alone, and the triggers ask for a row of `removed` that it has inserted.
async fn take_out(connection: &Connection, taking: &Taking) -> Result<Option<i64>, Failure> {
    connection.batch("begin").await?;
    let ids = || Value::Ints(taking.ids());
    let held = connection.rows(TAKING, &[Value::Int(TAKING_LOCK)]).await?;
    let held = held.first().ok_or(StoreError::Integrity)?.int(0)? == 1;
    if !held || !are_there(connection, taking).await? {
        connection.batch("rollback").await?;
        return Ok(None);
    }
    let kept = connection.rows(&KEEP, &values(&taking.records)).await?;
    let removal = kept.first().ok_or(StoreError::Integrity)?.int(0)?;
    let left = || taking.left.iter();
    let hashes = left().map(|left| left.commitment.0.to_vec());
    let rows = [
        ids(),
        Value::Ints(left().map(|left| left.seq as i64).collect()),
        Value::Ints(left().map(|left| left.at_us).collect()),
        Value::Blobs(hashes.collect()),
        Value::Int(removal),
    ];
    connection.run(ADD_LEFT, &rows).await?;
    connection.batch(GRANT).await?;
    let (keys, of) = taking.keys.clone();
    let keys = [Value::Ints(keys), Value::Ints(of)];
    connection.run(DELETE_KEYS, &keys).await?;
    connection.run(DELETE_RECORDS, &[ids()]).await?;
    connection.batch(REVOKE).await?;
    connection.batch("commit").await?;
    Ok(Some(removal))
}

/// All the records, and nothing that is left of one.
async fn are_there(connection: &Connection, taking: &Taking) -> Result<bool, Failure> {
    let rows = connection.rows(THERE, &[Value::Ints(taking.ids())]).await?;
    let row = rows.first().ok_or(StoreError::Integrity)?;
    Ok((row.int(0)?, row.int(1)?) == (taking.left.len() as i64, 0))
}

async fn add_key(connection: &Connection, key: SealedKey) -> Result<(), StoreError> {
    let values = [
        Value::Int(key.n),
        Value::Text(key.origin),
        Value::Bytes(key.sealed),
    ];
    connection.run(ADD_KEY, &values).await?;
    Ok(())
}

fn stored(row: &Cells) -> Result<Stored, StoreError> {
    Ok(Stored {
        id: row.int(0)?,
        xid: row.int(1)?,
        at_us: row.int(2)?,
        sealed: row.bytes(3)?.to_vec(),
    })
}

fn cells(row: &Columns, kinds: &str) -> Result<Cells, StoreError> {
    let cell = |(at, kind): (usize, char)| {
        Ok(match kind {
            'i' => Cell::Int(row.int(at)?),
            'b' => Cell::Bytes(row.blob(at)),
            _ => Cell::Text(row.text(at).ok_or(StoreError::Integrity)?),
        })
    };
    kinds
        .chars()
        .enumerate()
        .map(cell)
        .collect::<Result<_, _>>()
        .map(Cells)
}

const LOCK: &str = "select pg_try_advisory_lock($1)::int";
const UNLOCK: &str = "select pg_advisory_unlock($1)::int";
const MOMENT: &str = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, \
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint, system_identifier from pg_control_system()";
const UNNUMBERED: &str = "select id, xid::text::bigint, at_us, sealed from record \
    where xid >= $1::bigint::text::xid8 and (xid > $1::bigint::text::xid8 or id > $2) and id > $3 and xid < $4::bigint::text::xid8 \
    order by xid, id limit $5";
/// Waits for whoever has inserted a record, and lets nobody insert another until the step has ended.
const STAND_STILL: &str = "lock table record in share mode";
const ALL_FROM: &str =
    "select id, xid::text::bigint, at_us, sealed from record where id >= $1 order by id";
const RECORD: &str = "select id, xid::text::bigint, at_us, sealed from record where id = $1";
const TAKING: &str = "select pg_try_advisory_xact_lock($1)::int";
const THERE: &str = "select (select count(*) from record where id = any($1)), (select count(*) from removed where id = any($1))";
const ADD_LEFT: &str = "insert into removed (id, seq, at_us, commitment, removal) \
    select id, seq, at_us, commitment, $5 from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) u (id, seq, at_us, commitment)";
const GRANT: &str = "grant delete on record, record_key to current_user";
const REVOKE: &str = "revoke delete on record, record_key from current_user";
const COLUMNS_OF: &str = "select r.id, r.ctx, r.actor, r.patient, r.events::bigint from record r where r.id = any($1::bigint[])";
const SEALED_OF: &str = "select r.id, r.sealed from record r where r.id = any($1::bigint[])";
const KEYS_OF: &str = "select k.key, k.id from unnest($1::bigint[], $2::bigint[]) u (key, id) \
    join record_key k on k.key = u.key and k.id = u.id";
const DELETE_KEYS: &str = "delete from record_key k using unnest($1::bigint[], $2::bigint[]) u (key, id) where k.key = u.key and k.id = u.id";
const DELETE_RECORDS: &str = "delete from record where id = any($1)";
const ADD_RUN: &str = "insert into leaf_run (first, cluster, base, xid, last, records, hashes) values ($1, $2, $3, $4, $5, $6, $7)";
const ADD_TILE: &str = "insert into tile (level, place, hashes) values ($1::bigint::int, $2, $3)";
const ADD_CHECKPOINT: &str = "insert into checkpoint (n, size, note) values ($1, $2, $3)";
const ADD_KEY: &str =
    "insert into log_key (n, origin, sealed) values ($1, $2, $3) on conflict do nothing";
const ADD_ANSWERED: &str = "insert into answered as a (node, class, answers) \
    select $1, class::smallint, answers from unnest($2::bigint[], $3::bigint[]) u (class, answers) \
    on conflict (node, class) do update set answers = a.answers + excluded.answers";
