//! Records of the audit log in PostgreSQL: one statement puts those of a batch with their keys and contexts into its transaction.

mod follow;

use super::Postgres;
use super::connection::{Columns, Connection, Failure};
use super::explain::explained;
use super::lower::Sql;
use super::schema::MIGRATION_LOCK;
use super::statement::Value;
use super::write::or_back;
use crate::audit_row::RecordKeys;
use crate::contract::{Explanation, StoreError};
use crate::records::question::{self, Asked, Dialect, LATE_MIN_US, Search};
use crate::records::{NewRecord, RecordQuestion, SealedRecord};
use futures_util::future::join;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Records of an older store that are brought over in one transaction.
const BROUGHT_AT_ONCE: i64 = 2_000;

impl Postgres {
    pub async fn store_records(
        &self,
        node: &str,
        records: Vec<(u64, NewRecord)>,
    ) -> Result<u64, StoreError> {
        let name = Value::Text(node.to_owned());
        if !records.is_empty() {
            let numbers = records.iter().map(|(seq, _)| *seq as i64).collect();
            let mut values = values(records.iter().map(|(_, record)| record));
            values.extend([name.clone(), Value::Ints(numbers)]);
            self.write_with(&DRAIN, values).await?;
        }
        let rows = reading!(self, connection => connection.rows(HIGHEST_RECORD, &[name]))?;
        Ok(rows.first().ok_or(StoreError::Integrity)?.int(0)? as u64)
    }

    /// Their numbers.
    pub async fn keep_records(&self, records: &[NewRecord]) -> Result<Vec<i64>, StoreError> {
        let pooled = self.shared.writes.get().await?;
        let rows = pooled.rows(&KEEP, &values(records)).await;
        let rows = Self::done(pooled, rows)?;
        rows.iter().map(|row| row.int(0)).collect()
    }

    pub async fn records(
        &self,
        question: &RecordQuestion,
    ) -> Result<Vec<SealedRecord>, StoreError> {
        reading!(self, connection => in_order(connection, page(connection, question)))
    }

    pub async fn record(&self, id: i64) -> Result<Option<SealedRecord>, StoreError> {
        let rows = reading!(self, connection => connection.rows(RECORD, &[Value::Int(id)]))?;
        Ok(rows.first().map(|row| SealedRecord {
            id,
            sealed: row.blob(0),
        }))
    }

    pub async fn records_by_id(&self, ids: &[i64]) -> Result<Vec<SealedRecord>, StoreError> {
        let ids = [Value::Ints(ids.to_vec())];
        let rows = reading!(self, connection => connection.rows(RECORDS, &ids))?;
        rows.iter().map(sealed).collect()
    }

    /// `limit` of the question is how many are counted.
    pub async fn count_records(
        &self,
        question: &RecordQuestion,
    ) -> Result<(u64, bool), StoreError> {
        reading!(self, connection => in_order(connection, count(connection, question)))
    }

    pub async fn record_contexts(&self, known: usize) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        reading!(self, connection => contexts(connection, known))
    }

    pub async fn explain_records(
        &self,
        question: &RecordQuestion,
    ) -> Result<Explanation, StoreError> {
        reading!(self, connection => in_order(connection, explain(connection, question)))
    }
}

/// Asks in one transaction, by plans that read the indexes in their order: of rows whose number nobody has estimated yet, or of times, the planner
/// expects so few that it would rather collect and sort them. (A plan is kept with its statement, which is asked for here alone.)
async fn in_order<T>(
    connection: &Connection,
    asked: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    // Polled first, so it goes out first.
    let (begun, told) = join(connection.batch(BEGIN), asked).await;
    if begun == Err(Failure::Broken) || matches!(told, Err(Failure::Broken)) {
        return Err(Failure::Broken);
    }
    connection.batch("commit").await?;
    begun?;
    told
}

/// What [`PUT`] is asked with.
pub fn values<'r>(records: impl IntoIterator<Item = &'r NewRecord>) -> Vec<Value> {
    let mut columns: [Vec<i64>; 5] = Default::default();
    let (mut sealed, mut keys, mut places) = (Vec::new(), Vec::new(), Vec::new());
    let mut contexts = BTreeMap::new();
    for (place, record) in (1..).zip(records) {
        let of = &record.columns;
        let row = [of.at_us, of.ctx, of.actor, of.patient, of.events];
        let each = columns.iter_mut().zip(row);
        each.for_each(|(column, value)| column.push(value));
        sealed.push(record.sealed.clone());
        keys.extend_from_slice(&of.keys);
        places.resize(keys.len(), place);
        contexts.extend(
            record
                .context
                .as_ref()
                .map(|sealed| (of.ctx, sealed.clone())),
        );
    }
    let (ids, contexts) = contexts.into_iter().unzip();
    let mut values: Vec<Value> = columns.into_iter().map(Value::Ints).collect();
    values.extend([
        Value::Blobs(sealed),
        Value::Ints(keys),
        Value::Ints(places),
        Value::Ints(ids),
        Value::Blobs(contexts),
    ]);
    values
}

/// Seals the Records of a store from before they were, and brings them over, oldest first, once over all nodes. In transactions of their
/// own: what is cut off goes on with the next opening.
pub async fn bring_over(connection: &Connection, keys: &RecordKeys) -> Result<(), Failure> {
    if connection.rows(BEFORE, &[]).await?.is_empty() {
        return Ok(());
    }
    let lock = format!("select pg_advisory_lock({MIGRATION_LOCK})");
    connection.batch(&lock).await?;
    let brought = bring_all(connection, keys).await;
    let unlock = format!("select pg_advisory_unlock({MIGRATION_LOCK})");
    let unlocked = connection.batch(&unlock).await;
    brought.and(unlocked)
}

async fn bring_all(connection: &Connection, keys: &RecordKeys) -> Result<(), Failure> {
    // Another node may have done it while this one waited.
    while !connection.rows(BEFORE, &[]).await?.is_empty() {
        connection.batch("begin").await?;
        or_back(connection, bring_some(connection, keys).await).await?;
        connection.batch("commit").await?;
    }
    Ok(())
}

async fn bring_some(connection: &Connection, keys: &RecordKeys) -> Result<(), Failure> {
    let some = [Value::Int(BROUGHT_AT_ONCE)];
    let rows = connection.rows(SOME_BEFORE, &some).await?;
    let Some(last) = rows.last() else {
        return connection.batch("drop table record_before").await;
    };
    let records: Vec<NewRecord> = rows
        .iter()
        .map(|row| NewRecord::drained(keys, &row.blob(1)))
        .collect();
    connection.run(&PUT, &values(&records)).await?;
    let last = Value::Int(last.int(0)?);
    connection.run(REMOVE_BEFORE, &[last]).await.map(drop)
}

async fn page(
    connection: &Connection,
    question: &RecordQuestion,
) -> Result<Vec<SealedRecord>, Failure> {
    let Some(mut search) = begun(connection, question).await? else {
        return Ok(Vec::new());
    };
    loop {
        let sql = statement(search.page());
        let mut rows = connection.rows(&sql.text, &sql.values).await?;
        rows.truncate(question.limit);
        let found: Vec<SealedRecord> = rows.iter().map(sealed).collect::<Result<_, _>>()?;
        let bytes = found.iter().map(|record| record.sealed.len()).sum();
        if question.is_filled(found.len(), bytes) || !search.widen() {
            return Ok(found);
        }
    }
}

fn sealed(row: &Columns) -> Result<SealedRecord, StoreError> {
    Ok(SealedRecord {
        id: row.int(0)?,
        sealed: row.blob(1),
    })
}

async fn count(connection: &Connection, question: &RecordQuestion) -> Result<(u64, bool), Failure> {
    let Some(mut search) = begun(connection, question).await? else {
        return Ok((0, true));
    };
    loop {
        let columns = numbers::<4>(connection, search.count()).await?;
        if let Some(counted) = search.counted(columns.map(|n| n.unwrap_or(0))) {
            return Ok(counted);
        }
        search.widen();
    }
}

async fn explain(
    connection: &Connection,
    question: &RecordQuestion,
) -> Result<Explanation, Failure> {
    let Some(search) = begun(connection, question).await? else {
        return Ok(Explanation::default());
    };
    let of = [
        ("bounds", Some(search.bounds())),
        ("sizes", search.sizes()),
        ("page", Some(search.page())),
    ];
    let planned = of
        .into_iter()
        .filter_map(|(purpose, asked)| Some((purpose, statement(asked?))))
        .collect();
    Ok(Explanation {
        statements: explained(connection, planned).await?,
        ..Explanation::default()
    })
}

/// Ready for its page or count; `None`: nothing meets it.
async fn begun<'q>(
    connection: &Connection,
    question: &'q RecordQuestion,
) -> Result<Option<Search<'q>>, Failure> {
    let Some(mut search) = Search::new(Dialect::Postgres, question) else {
        return Ok(None);
    };
    let bounds = numbers(connection, search.bounds()).await?;
    let [low, high, newest] = bounds.map(|n| n.unwrap_or(0));
    search.bounded(low, high, newest);
    if let Some(sizes) = search.sizes() {
        let sizes = numbers::<{ question::SIZES_MAX }>(connection, sizes).await?;
        search.sized(&sizes);
    }
    Ok(Some(search))
}

/// The first columns of the one row; those that it has not are none.
async fn numbers<const N: usize>(
    connection: &Connection,
    asked: Asked,
) -> Result<[Option<i64>; N], Failure> {
    let columns = asked.columns;
    let sql = statement(asked);
    let rows = connection.rows(&sql.text, &sql.values).await?;
    let mut numbers = [None; N];
    for row in rows.iter().take(1) {
        for (at, number) in numbers.iter_mut().enumerate().take(columns) {
            *number = (!row.is_null(at)).then(|| row.int(at)).transpose()?;
        }
    }
    Ok(numbers)
}

async fn contexts(connection: &Connection, known: usize) -> Result<Vec<(i64, Vec<u8>)>, Failure> {
    let rows = connection.rows(CONTEXT_COUNT, &[]).await?;
    let count = rows.first().ok_or(StoreError::Integrity)?.int(0)?;
    if usize::try_from(count) == Ok(known) {
        return Ok(Vec::new());
    }
    let rows = connection.rows(CONTEXTS, &[]).await?;
    let read = |row: &Columns| Ok((row.int(0)?, row.blob(1)));
    Ok(rows.iter().map(read).collect::<Result<_, StoreError>>()?)
}

fn statement(asked: Asked) -> Sql {
    let value = |value| match value {
        question::Value::Int(value) => Value::Int(value),
        question::Value::Ints(values) => Value::Ints(values),
    };
    Sql::plain(asked.text, asked.values.into_iter().map(value).collect())
}

/// Numbers are taken in the order of the Records. How late one of them is is told in powers of two, as the embedded store does.
fn put(rows: &str, new: &str) -> String {
    format!(
        "with {rows}new as (select nextval('record_id') as id, u.* from unnest($1, $2, $3, $4, $5, $6) with ordinality \
         u (at_us, ctx, actor, patient, events, sealed, n){new}), \
         put as (insert into record (id, at_us, ctx, actor, patient, events, sealed) \
         select id, at_us, ctx, actor, patient, events::smallint, sealed from new), \
         keys as (insert into record_key (key, id) select k.key, new.id from unnest($7, $8) k (key, n) join new on new.n = k.n), \
         contexts as (insert into record_context (id, sealed) select c.id, c.sealed from unnest($9, $10) c (id, sealed) order by c.id \
         on conflict (id) do nothing), \
         late as (insert into record_late (late_us) select 1::bigint << (ceil(log(2, l.late_us))::int + 1) from \
         (select greatest((select max(r.at_us) from record r), max(new.at_us)) - min(new.at_us) as late_us from new where new.ctx <> 0) l \
         where l.late_us > {LATE_MIN_US} / 2 on conflict do nothing) "
    )
}

/// Those of units.
pub static PUT: LazyLock<String> = LazyLock::new(|| put("", "") + "select");
/// Those that come by themselves: their numbers.
pub static KEEP: LazyLock<String> =
    LazyLock::new(|| put("", "") + "select new.id from new order by new.n");
/// Those of a node (`$11`, their numbers `$12`). Numbers at or below its mark are there already. A node's Records are drained by its one
/// process.
static DRAIN: LazyLock<String> = LazyLock::new(|| {
    let rows = "mark as (select m.seq from record_mark m where m.node = $11), ";
    let new = " where $12[u.n] > coalesce((select mark.seq from mark), 0)";
    put(rows, new)
        + "insert into record_mark (node, seq) select $11, max(u.seq) from unnest($12) u (seq) \
           on conflict (node) do update set seq = greatest(record_mark.seq, excluded.seq)"
});
const BEGIN: &str = "begin isolation level repeatable read read only; set local enable_bitmapscan = off; set local enable_seqscan = off";
const HIGHEST_RECORD: &str = "select coalesce((select seq from record_mark where node = $1), 0)";
const RECORDS: &str = "select id, sealed from record where id = any($1) order by id";
const RECORD: &str = "select sealed from record where id = $1";
const CONTEXT_COUNT: &str = "select count(*) from record_context";
const CONTEXTS: &str = "select id, sealed from record_context";
const BEFORE: &str = "select 1 where to_regclass('record_before') is not null";
const SOME_BEFORE: &str = "select seq, body from record_before order by seq limit $1";
const REMOVE_BEFORE: &str = "delete from record_before where seq <= $1";
