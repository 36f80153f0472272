//! The tree of the audit log in the embedded store. What a step needs is read and hashed on the thread that asks for it; the writer only
//! inserts, if nobody else has meanwhile.

use super::Sqlite;
use super::connection::{Columns, Connection};
use super::records;
use super::rows::{Kind, Rows};
use super::statement::Value;
use super::writer::Job;
use crate::contract::StoreError;
use crate::tree::keys::SealedKey;
use crate::tree::numbering::{self, Asked, Numbered, RECORDS_PER_STEP_MAX};
use crate::tree::published::Given;
use crate::tree::rows::{self, Cell, Cells, Head, Insert, Listed, Reads, Stored};
use crate::tree::standing::{Found, NumberError, Standing};
use crate::tree::taking::Taking;

impl Reads for Sqlite {
    async fn cells(
        &self,
        sql: &str,
        values: &[i64],
        kinds: &str,
    ) -> Result<Vec<Cells>, StoreError> {
        self.read_with(|connection| read(connection, sql, values, kinds))
    }
}

impl Sqlite {
    /// A step from where this process stands; see [`crate::Store::number_records`].
    pub async fn number(
        &self,
        standing: Option<Standing>,
        origin: &str,
        asked: Asked,
    ) -> Result<(Option<Standing>, Numbered), NumberError> {
        let core = self.core();
        let mut head = rows::head(self).await?;
        if head.key < 0 {
            self.add_log_key(core.log_keys.generate(0, origin)).await?;
            head = rows::head(self).await?;
        }
        let stood = numbering::stand(self, &core.log_keys, head, standing, asked.least);
        let mut standing = stood.await?;
        let counted = rows::counted(self).await?;
        let records = self.unnumbered(standing.place.last).await?;
        let found = Found {
            counted,
            counted_below: 0,
            horizon: 0,
            is_all: (records.len() as i64) < RECORDS_PER_STEP_MAX,
            is_gapless: true,
            records,
            place: None,
            next_key: numbering::next_key(self, &core.log_keys, head, &standing).await?,
            stops: asked.stops,
        };
        let (count, more) = (found.len(), !found.is_all);
        let Some((insert, seen)) = standing.step(found, &core.records.sealing, asked.now_us)?
        else {
            let numbered = numbering::done(&standing, 0, false, Default::default(), None);
            return Ok((Some(standing), numbered));
        };
        let note = insert.checkpoints.last().map(|last| last.note.clone());
        if !self.ask(|answer| Job::Number(insert, answer)).await? {
            // Another process was faster: from where it stands.
            let more = true;
            return Ok((
                None,
                Numbered {
                    more,
                    ..Numbered::default()
                },
            ));
        }
        let numbered = numbering::done(&standing, count, more, seen, note.as_deref());
        Ok((Some(standing), numbered))
    }

    pub async fn add_log_key(&self, key: SealedKey) -> Result<(), StoreError> {
        let values = vec![
            Value::Int(key.n),
            Value::Text(key.origin),
            Value::Blob(key.sealed),
        ];
        self.change(ADD_KEY, values).await.map(drop)
    }

    pub async fn add_answered(&self, node: &str, answered: &[(u8, u64)]) -> Result<(), StoreError> {
        let mut packed = Rows::new(&[Kind::Int, Kind::Int]);
        for (class, answers) in answered {
            packed.int(i64::from(*class));
            packed.int(*answers as i64);
        }
        if packed.is_empty() {
            return Ok(());
        }
        let values = vec![Value::Text(node.to_owned()), packed.into_value()];
        self.change(ADD_ANSWERED, values).await.map(drop)
    }

    pub async fn give(&self, sql: &'static str, given: Vec<Given>) -> Result<usize, StoreError> {
        let value = |given| match given {
            Given::Int(value) => Value::Int(value),
            Given::Text(value) => Value::Text(value),
            Given::Bytes(value) => Value::Blob(value),
        };
        self.change(sql, given.into_iter().map(value).collect())
            .await
    }

    /// A statement of the tree's small tables, by the writer; how many rows it has changed.
    pub async fn change(&self, sql: &'static str, values: Vec<Value>) -> Result<usize, StoreError> {
        let sql = sql.replace('$', "?");
        self.ask(|answer| Job::Change(sql, values, answer)).await
    }

    /// `None`: not all of the records are there any more, and nothing was changed. Else the number of the removal's note.
    pub async fn take_out(&self, taking: Taking) -> Result<Option<i64>, StoreError> {
        self.ask(|answer| Job::TakeOut(taking, answer)).await
    }

    pub fn listed(
        &self,
        asked: Listed,
        first: &[i64],
        second: &[i64],
    ) -> Result<Vec<Cells>, StoreError> {
        let (sql, rows) = match asked {
            Listed::Columns => (COLUMNS_OF, Rows::of(first.iter().copied())),
            Listed::Sealed => (SEALED_OF, Rows::of(first.iter().copied())),
            Listed::Keys => (KEYS_OF, pairs(first, second)),
        };
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        self.read_with(|connection| {
            connection.each(sql, &[rows.into_value()], |row| {
                found.push(cells(row, asked.kinds())?);
                Ok(())
            })
        })?;
        Ok(found)
    }

    async fn unnumbered(&self, last: i64) -> Result<Vec<Stored>, StoreError> {
        let values = [last, RECORDS_PER_STEP_MAX];
        let rows = self.cells(UNNUMBERED, &values, "iib").await?;
        rows.into_iter()
            .map(|row| {
                Ok(Stored {
                    id: row.int(0)?,
                    xid: 0,
                    at_us: row.int(1)?,
                    sealed: row.bytes(2)?.to_vec(),
                })
            })
            .collect()
    }
}

/// Whether the head was still as it was; else nothing was inserted.
pub fn insert(connection: &mut Connection, insert: &Insert) -> Result<bool, StoreError> {
    let mut head = None;
    for row in read(connection, HEAD, &[], "ii")? {
        head = Some((row.int(0)?, row.int(1)?));
    }
    let Head {
        run, checkpoint, ..
    } = insert.head;
    if head != Some((run, checkpoint)) {
        return Ok(false);
    }
    if let Some(run) = &insert.run {
        let place = run.place;
        let values = [
            Value::Int(run.first),
            Value::Int(place.last),
            Value::Blob(run.records.clone()),
            Value::Blob(run.hashes.clone()),
        ];
        connection.run(ADD_RUN, &values)?;
    }
    for (level, place, hashes) in &insert.tiles {
        let values = [
            Value::Int(*level),
            Value::Int(*place),
            Value::Blob(hashes.clone()),
        ];
        connection.run(ADD_TILE, &values)?;
    }
    for checkpoint in &insert.checkpoints {
        let values = [
            Value::Int(checkpoint.n),
            Value::Int(checkpoint.size),
            Value::Blob(checkpoint.note.clone().into_bytes()),
        ];
        connection.run(ADD_CHECKPOINT, &values)?;
    }
    Ok(true)
}

/// See [`Sqlite::take_out`]. What is deleted is overwritten in the file.
pub fn take_out(connection: &mut Connection, taking: &Taking) -> Result<Option<i64>, StoreError> {
    let ids = || Rows::of(taking.ids()).into_value();
    let mut there = (0, 0);
    connection.each(THERE, &[ids()], |row| {
        there = (row.int(0)?, row.int(1)?);
        Ok(())
    })?;
    if there != (taking.left.len() as i64, 0) {
        return Ok(None);
    }
    let kept = records::keep(connection, &taking.records)?;
    let removal = *kept.first().ok_or(StoreError::Integrity)?;
    use Kind::{Blob, Int};
    let mut rows = Rows::new(&[Int, Int, Int, Int, Blob]);
    for left in &taking.left {
        for value in [left.id, left.seq as i64, removal, left.at_us] {
            rows.int(value);
        }
        rows.bytes(Some(&left.commitment.0));
    }
    connection.run(ADD_LEFT, &[rows.into_value()])?;
    let keys = pairs(&taking.keys.0, &taking.keys.1);
    let overwrites = |connection: &mut Connection, sql| {
        connection.batch(sql).map_err(|_| StoreError::Unavailable)
    };
    overwrites(connection, "pragma secure_delete = on")?;
    let deleted = match keys.is_empty() {
        true => Ok(0),
        false => connection.run(DELETE_KEYS, &[keys.into_value()]),
    };
    let deleted = deleted.and_then(|_| connection.run(DELETE_RECORDS, &[ids()]));
    overwrites(connection, "pragma secure_delete = off")?;
    deleted.map(|_| Some(removal))
}

fn pairs(first: &[i64], second: &[i64]) -> Rows {
    let mut rows = Rows::new(&[Kind::Int, Kind::Int]);
    for (first, second) in first.iter().zip(second) {
        rows.int(*first);
        rows.int(*second);
    }
    rows
}

fn read(
    connection: &mut Connection,
    sql: &str,
    values: &[i64],
    kinds: &str,
) -> Result<Vec<Cells>, StoreError> {
    let values: Vec<Value> = values.iter().map(|value| Value::Int(*value)).collect();
    let mut found = Vec::new();
    connection.each(&sql.replace('$', "?"), &values, |row| {
        found.push(cells(row, kinds)?);
        Ok(())
    })?;
    Ok(found)
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

const UNNUMBERED: &str = "select id, at_us, sealed from record where id > $1 order by id limit $2";
const COLUMNS_OF: &str = "select r.id, r.ctx, r.actor, r.patient, r.events from rows(?1) v cross join record r on r.id = v.a";
const SEALED_OF: &str = "select r.id, r.sealed from rows(?1) v cross join record r on r.id = v.a";
const KEYS_OF: &str =
    "select k.key, k.id from rows(?1) v cross join record_key k on k.key = v.a and k.id = v.b";
const HEAD: &str = "select coalesce((select max(first) from leaf_run), -1), coalesce((select max(n) from checkpoint), -1)";
const THERE: &str = "select (select count(*) from rows(?1) v cross join record r on r.id = v.a), \
    (select count(*) from rows(?1) v cross join removed g on g.id = v.a)";
const ADD_LEFT: &str =
    "insert into removed (id, seq, removal, at_us, commitment) select a, b, c, d, e from rows(?1)";
const DELETE_KEYS: &str = "delete from record_key where (key, id) in (select a, b from rows(?1))";
const DELETE_RECORDS: &str = "delete from record where id in (select a from rows(?1))";
const ADD_RUN: &str = "insert into leaf_run (first, cluster, base, xid, last, records, hashes) values (?1, 0, 0, 0, ?2, ?3, ?4)";
const ADD_TILE: &str = "insert into tile (level, place, hashes) values (?1, ?2, ?3)";
const ADD_CHECKPOINT: &str = "insert into checkpoint (n, size, note) values (?1, ?2, ?3)";
const ADD_KEY: &str = "insert or ignore into log_key (n, origin, sealed) values (?1, ?2, ?3)";
const ADD_ANSWERED: &str = "insert into answered (node, class, answers) select ?1, a, b from rows(?2) where true \
    on conflict (node, class) do update set answers = answers + excluded.answers";
