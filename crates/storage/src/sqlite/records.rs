//! Records of the audit log in the embedded store: the writer puts them in the batch's own transaction, without gaps between their
//! numbers.

mod follow;

use super::Sqlite;
use super::connection::Connection;
use super::explain::explained;
use super::rows::{Kind, Rows};
use super::statement::Value;
use super::writer::{self, Job};
use crate::audit_row::RecordKeys;
use crate::contract::{Explanation, OpenError, StoreError};
use crate::records::question::{self, Asked, Dialect, LATE_MIN_US, Search};
use crate::records::{NewRecord, RecordQuestion, SealedRecord};
use std::collections::BTreeMap;

/// In place of a caller: questions on Records share their places.
const AUDITORS: u64 = u64::MAX;
/// Records of an older store that are brought over in one transaction.
const BROUGHT_AT_ONCE: i64 = 2_000;

impl Sqlite {
    pub async fn store_records(
        &self,
        node: &str,
        records: Vec<(u64, NewRecord)>,
    ) -> Result<u64, StoreError> {
        let node = node.to_owned();
        self.ask(|answer| Job::Records(node, records, answer)).await
    }

    /// Their numbers.
    pub async fn keep_records(&self, records: Vec<NewRecord>) -> Result<Vec<i64>, StoreError> {
        self.ask(|answer| Job::Keep(records, answer)).await
    }

    pub async fn records(
        &self,
        question: &RecordQuestion,
    ) -> Result<Vec<SealedRecord>, StoreError> {
        if let Some(found) = self.at_once(|c| c.snapshot(|c| page(c, question)))? {
            return Ok(found);
        }
        let question = question.clone();
        self.at_length(AUDITORS, move |_, c| c.snapshot(|c| page(c, &question)))
            .await
    }

    pub fn record(&self, id: i64) -> Result<Option<SealedRecord>, StoreError> {
        let mut found = None;
        self.read_with(|connection| {
            connection.each(RECORD, &[Value::Int(id)], |row| {
                found = Some(SealedRecord {
                    id,
                    sealed: row.blob(0),
                });
                Ok(())
            })
        })?;
        Ok(found)
    }

    pub fn records_by_id(&self, ids: &[i64]) -> Result<Vec<SealedRecord>, StoreError> {
        let mut found = Vec::new();
        let ids = [Rows::of(ids.to_vec()).into_value()];
        self.read_with(|connection| {
            connection.each(RECORDS, &ids, |row| {
                found.push(SealedRecord {
                    id: row.int(0)?,
                    sealed: row.blob(1),
                });
                Ok(())
            })
        })?;
        Ok(found)
    }

    /// `limit` of the question is how many are counted.
    pub async fn count_records(
        &self,
        question: &RecordQuestion,
    ) -> Result<(u64, bool), StoreError> {
        if let Some(found) = self.at_once(|c| c.snapshot(|c| count(c, question)))? {
            return Ok(found);
        }
        let question = question.clone();
        self.at_length(AUDITORS, move |_, c| c.snapshot(|c| count(c, &question)))
            .await
    }

    pub async fn record_contexts(&self, known: usize) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        let read = move |connection: &mut Connection| contexts(connection, known);
        match self.at_once(|connection| connection.snapshot(read))? {
            Some(found) => Ok(found),
            None => self.at_length(AUDITORS, move |_, c| c.snapshot(read)).await,
        }
    }

    pub fn explain_records(&self, question: &RecordQuestion) -> Result<Explanation, StoreError> {
        self.read_with(|connection| connection.snapshot(|connection| explain(connection, question)))
    }
}

/// Adds Records in their order. Statements: two, and one each for keys, new contexts and late ones where there are any.
pub fn put<'r>(
    connection: &mut Connection,
    records: impl IntoIterator<Item = &'r NewRecord>,
) -> Result<(), StoreError> {
    let mut records = records.into_iter().peekable();
    if records.peek().is_none() {
        return Ok(());
    }
    let (mut id, mut newest_us) = (0, 0);
    connection.each(LAST, &[], |row| {
        (id, newest_us) = (row.int(0)?, row.int(1)?);
        Ok(())
    })?;
    use Kind::{Blob, Int};
    let mut rows = Rows::new(&[Int, Int, Int, Int, Int, Int, Blob]);
    let (mut keys, mut contexts, mut late_us) = (Vec::new(), BTreeMap::new(), 0);
    for record in records {
        id += 1;
        let columns = &record.columns;
        for value in [
            id,
            columns.at_us,
            columns.ctx,
            columns.actor,
            columns.patient,
            columns.events,
        ] {
            rows.int(value);
        }
        rows.bytes(Some(&record.sealed));
        keys.extend(columns.keys.iter().map(|key| (*key, id)));
        contexts.extend(
            record
                .context
                .as_deref()
                .map(|sealed| (columns.ctx, sealed)),
        );
        // What cannot be read has no time.
        if columns.ctx != 0 {
            newest_us = newest_us.max(columns.at_us);
            late_us = late_us.max(newest_us.saturating_sub(columns.at_us));
        }
    }
    let mut packed = Rows::new(&[Int, Blob]);
    for (ctx, sealed) in contexts {
        packed.int(ctx);
        packed.bytes(Some(sealed));
    }
    run(connection, PUT_CONTEXTS, packed)?;
    run(connection, PUT, rows)?;
    keys.sort_unstable();
    let mut packed = Rows::new(&[Int, Int]);
    for (key, id) in keys {
        packed.int(key);
        packed.int(id);
    }
    run(connection, PUT_KEYS, packed)?;
    if late_us > LATE_MIN_US / 2 {
        // At least twice as late, in powers of two, so that few rows say it.
        let late_us = (late_us as u64 * 2).next_power_of_two() as i64;
        connection.run(PUT_LATE, &[Value::Int(late_us)])?;
    }
    Ok(())
}

/// The numbers of Records that come by themselves.
pub fn keep(connection: &mut Connection, records: &[NewRecord]) -> Result<Vec<i64>, StoreError> {
    put(connection, records)?;
    let mut last = 0;
    connection.each(LAST, &[], |row| {
        last = row.int(0)?;
        Ok(())
    })?;
    let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
    Ok((last - count + 1..=last).collect())
}

/// Numbers at or below the node's mark are there already: a drain that is repeated after a crash adds nothing.
pub fn drain(
    connection: &mut Connection,
    node: &str,
    records: &[(u64, NewRecord)],
) -> Result<u64, StoreError> {
    let node = Value::Text(node.to_owned());
    let mut highest = 0;
    connection.each(RECORD_MARK, std::slice::from_ref(&node), |row| {
        highest = row.int(0)? as u64;
        Ok(())
    })?;
    let new = records.iter().filter(|(seq, _)| *seq > highest);
    let last = new.clone().map(|(seq, _)| *seq).max();
    let Some(last) = last else {
        return Ok(highest);
    };
    put(connection, new.map(|(_, record)| record))?;
    connection.run(PUT_RECORD_MARK, &[node, Value::Int(last as i64)])?;
    Ok(last)
}

/// Seals the Records of a store from before they were, and brings them over, oldest first. In transactions of their own: what is cut off
/// goes on with the next opening.
pub fn bring_over(connection: &mut Connection, keys: &RecordKeys) -> Result<(), OpenError> {
    let failed = |_| OpenError::Database("its audit records cannot be brought over".into());
    let mut is_there = false;
    let looked = connection.each(BEFORE, &[], |_| {
        is_there = true;
        Ok(())
    });
    looked.map_err(failed)?;
    while is_there {
        let brought = writer::transaction(connection, |connection| bring_some(connection, keys));
        is_there = brought.map_err(failed)?;
    }
    Ok(())
}

/// Whether there may be more.
fn bring_some(connection: &mut Connection, keys: &RecordKeys) -> Result<bool, StoreError> {
    let (mut records, mut last) = (Vec::new(), None);
    connection.each(SOME_BEFORE, &[Value::Int(BROUGHT_AT_ONCE)], |row| {
        last = Some(row.int(0)?);
        records.push(NewRecord::drained(keys, &row.blob(1)));
        Ok(())
    })?;
    let Some(last) = last else {
        connection.run("drop table record_before", &[])?;
        return Ok(false);
    };
    put(connection, &records)?;
    connection.run(REMOVE_BEFORE, &[Value::Int(last)])?;
    Ok(true)
}

fn page(
    connection: &mut Connection,
    question: &RecordQuestion,
) -> Result<Vec<SealedRecord>, StoreError> {
    let Some(mut search) = begun(connection, question)? else {
        return Ok(Vec::new());
    };
    loop {
        let (mut found, mut bytes) = (Vec::new(), 0);
        let (text, values) = statement(search.page());
        connection.each_until(&text, &values, |row| {
            let sealed = row.blob(1);
            bytes += sealed.len();
            found.push(SealedRecord {
                id: row.int(0)?,
                sealed,
            });
            Ok(question.is_filled(found.len(), bytes))
        })?;
        if question.is_filled(found.len(), bytes) || !search.widen() {
            return Ok(found);
        }
    }
}

fn count(
    connection: &mut Connection,
    question: &RecordQuestion,
) -> Result<(u64, bool), StoreError> {
    let Some(mut search) = begun(connection, question)? else {
        return Ok((0, true));
    };
    loop {
        let columns = numbers::<4>(connection, search.count())?.map(|n| n.unwrap_or(0));
        if let Some(counted) = search.counted(columns) {
            return Ok(counted);
        }
        search.widen();
    }
}

fn explain(
    connection: &mut Connection,
    question: &RecordQuestion,
) -> Result<Explanation, StoreError> {
    let Some(search) = begun(connection, question)? else {
        return Ok(Explanation::default());
    };
    let of = [
        ("bounds", Some(search.bounds())),
        ("sizes", search.sizes()),
        ("page", Some(search.page())),
    ];
    let mut explanation = Explanation::default();
    for (purpose, asked) in of {
        let Some(asked) = asked else { continue };
        let (text, values) = statement(asked);
        let told = explained(connection, purpose, &text, &values)?;
        explanation.statements.push(told);
    }
    Ok(explanation)
}

/// Ready for its page or count; `None`: nothing meets it.
fn begun<'q>(
    connection: &mut Connection,
    question: &'q RecordQuestion,
) -> Result<Option<Search<'q>>, StoreError> {
    let Some(mut search) = Search::new(Dialect::Sqlite, question) else {
        return Ok(None);
    };
    let [low, high, newest] = numbers(connection, search.bounds())?.map(|n| n.unwrap_or(0));
    search.bounded(low, high, newest);
    if let Some(sizes) = search.sizes() {
        search.sized(&numbers::<SIZES_MAX>(connection, sizes)?);
    }
    Ok(Some(search))
}

/// The first columns of the one row; those that it has not are none.
fn numbers<const N: usize>(
    connection: &mut Connection,
    asked: Asked,
) -> Result<[Option<i64>; N], StoreError> {
    let columns = asked.columns;
    let (text, values) = statement(asked);
    let mut numbers = [None; N];
    connection.each(&text, &values, |row| {
        for (at, number) in numbers.iter_mut().enumerate().take(columns) {
            *number = (!row.is_null(at)).then(|| row.int(at)).transpose()?;
        }
        Ok(())
    })?;
    Ok(numbers)
}

fn contexts(connection: &mut Connection, known: usize) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let mut count = 0;
    connection.each(CONTEXT_COUNT, &[], |row| {
        count = row.int(0)?;
        Ok(())
    })?;
    let mut found = Vec::new();
    if usize::try_from(count) != Ok(known) {
        connection.each(CONTEXTS, &[], |row| {
            found.push((row.int(0)?, row.blob(1)));
            Ok(())
        })?;
    }
    Ok(found)
}

fn statement(asked: Asked) -> (String, Vec<Value>) {
    let value = |value| match value {
        question::Value::Int(value) => Value::Int(value),
        question::Value::Ints(values) => Rows::of(values).into_value(),
    };
    (asked.text, asked.values.into_iter().map(value).collect())
}

fn run(connection: &mut Connection, sql: &str, rows: Rows) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    connection.run(sql, &[rows.into_value()]).map(drop)
}

const SIZES_MAX: usize = question::SIZES_MAX;
/// The newest is never taken out: the removal comes after it.
const LAST: &str = "select coalesce((select max(id) from record), 0), coalesce((select max(at_us) from record), 0)";
const PUT: &str = "insert into record (id, at_us, ctx, actor, patient, events, sealed) select a, b, c, d, e, f, g from rows(?1)";
const PUT_KEYS: &str = "insert into record_key (key, id) select a, b from rows(?1)";
const PUT_CONTEXTS: &str = "insert into record_context (id, sealed) select a, b from rows(?1) where true on conflict (id) do nothing";
const PUT_LATE: &str = "insert into record_late (late_us) values (?1) on conflict do nothing";
const RECORDS: &str =
    "select id, sealed from record where id in (select a from rows(?1)) order by id";
const RECORD: &str = "select sealed from record where id = ?1";
/// Since none is removed, the last number is how many there are.
const CONTEXT_COUNT: &str = "select coalesce(max(seq), 0) from record_context";
const CONTEXTS: &str = "select id, sealed from record_context order by seq";
const RECORD_MARK: &str = "select seq from record_mark where node = ?1";
const PUT_RECORD_MARK: &str = "insert into record_mark (node, seq) values (?1, ?2) on conflict (node) do update set seq = excluded.seq";
const BEFORE: &str = "select 1 from sqlite_master where type = 'table' and name = 'record_before'";
const SOME_BEFORE: &str = "select seq, body from record_before order by seq limit ?1";
const REMOVE_BEFORE: &str = "delete from record_before where seq <= ?1";
