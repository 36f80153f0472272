//! Classes of visibility and their ids, which are dense and never given twice; versions of policies, and what a record holds.

use super::connection::{Connection, Failure};
use super::lower::Sql;
use super::read::{self, COLUMNS, NO_GENERATION};
use super::statement::Value;
use super::write::{or_back, visibility_lock};
use crate::contract::{Rid, StoreError};
use crate::core::{Core, StoredRow};
use crate::visibility::{NOBODY, RID_BITS, RecordMark, VISIBILITY_IDS_MAX};
use bytes::Bytes;
use futures_util::future::try_join_all;
use std::fmt::Write as _;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::entries::Term;

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

/// Versions of policies, in the order of the patients.
pub async fn policies(connection: &Connection, patients: &[Rid]) -> Result<Vec<i64>, Failure> {
    let values = [Value::Ints(patients.to_vec())];
    let mut versions = vec![0; patients.len()];
    for row in connection.rows(POLICIES, &values).await? {
        let at = row.int(0)? as usize;
        let slot = at.checked_sub(1).and_then(|at| versions.get_mut(at));
        *slot.ok_or(StoreError::Integrity)? = row.int(1)?;
    }
    Ok(versions)
}

/// Which of the rows the access lets through, in the order of the keys.
pub async fn visible(
    connection: &Connection,
    core: &Core,
    access: &Access,
    keys: &[(TypeId, Rid)],
) -> Result<Vec<bool>, Failure> {
    let mut types: Vec<TypeId> = keys.iter().map(|(ty, _)| *ty).collect();
    types.sort_unstable();
    types.dedup();
    let each = types.iter();
    let statements = each
        .map(|ty| visible_of(connection, core, access, *ty, keys))
        .collect::<Result<Vec<Sql>, StoreError>>()?;
    let asked = statements.iter();
    let results = try_join_all(asked.map(|sql| connection.rows(&sql.text, &sql.values))).await?;
    let mut visible = vec![false; keys.len()];
    for row in results.iter().flatten() {
        let slot = visible.get_mut(row.int(0)? as usize);
        *slot.ok_or(StoreError::Integrity)? = true;
    }
    Ok(visible)
}

/// Of a type that the access does not reach, by mask and closed records alone.
fn visible_of(
    connection: &Connection,
    core: &Core,
    access: &Access,
    ty: TypeId,
    keys: &[(TypeId, Rid)],
) -> Result<Sql, StoreError> {
    let numbered = keys.iter().enumerate().filter(|(_, key)| key.0 == ty);
    let (at, rids) = numbered.map(|(at, key)| (at as i64, key.1)).unzip();
    let mut sql = Sql::new(access);
    let (rids, at) = (sql.bind(Value::Ints(rids)), sql.bind(Value::Ints(at)));
    let visible = sql.visible("x");
    let _ = write!(
        sql.text,
        "select b.at from unnest({rids}, {at}) b(rid, at) join {} x on x.rid = b.rid where {visible}",
        connection.tables.of(ty)
    );
    if access.may(ty, Action::Read) {
        read::bound(&mut sql, connection, core, access, (ty, Action::Read))?;
    }
    Ok(sql)
}

/// What the live rows at home with a patient come to.
pub async fn record(connection: &Connection, patient: Rid) -> Result<RecordMark, Failure> {
    let values = [Value::Int(patient), Value::Int(RID_BITS)];
    let rows = connection.rows(RECORD, &values).await?;
    let row = rows.first().ok_or(StoreError::Integrity)?;
    Ok(RecordMark {
        rows: row.int(0)?,
        versions: row.int(1)?,
        rids: row.int(2)?,
    })
}

/// In an order that no index has: they are found by their patient.
pub async fn at_home(
    connection: &Connection,
    access: &Access,
    patient: Rid,
    after: Rid,
    most: u32,
) -> Result<Vec<StoredRow>, Failure> {
    let mut sql = Sql::new(access);
    let (c, after) = (sql.int(patient), sql.int(after));
    let (most, visible) = (sql.int(i64::from(most)), sql.visible("x"));
    let _ = write!(
        sql.text,
        "select {COLUMNS} from resource x where x.c = {c} and x.op <> 2 and x.rid + 0 > {after} and {visible} \
         order by x.rid + 0 limit {most}"
    );
    stored(connection, &sql).await
}

pub async fn deleted_at_home(
    connection: &Connection,
    access: &Access,
    patient: Rid,
    most: u32,
) -> Result<Vec<StoredRow>, Failure> {
    let mut sql = Sql::new(access);
    let (c, most) = (sql.int(patient), sql.int(i64::from(most)));
    let visible = sql.visible("x");
    let _ = write!(
        sql.text,
        "select {COLUMNS} from resource x where x.c = {c} and x.op = 2 and {visible} limit {most}"
    );
    stored(connection, &sql).await
}

/// Rows that refer to targets, with their homes; in an order that no index has: they are found by their terms.
pub async fn referrers(
    connection: &Connection,
    access: &Access,
    ty: TypeId,
    targets: &[Term],
    (after, most): (Rid, u32),
) -> Result<Vec<(Rid, Rid)>, Failure> {
    let mut sql = Sql::new(access);
    let targets = sql.bind(Value::Ints(targets.to_vec()));
    let (after, most) = (sql.int(after), sql.int(i64::from(most)));
    let visible = sql.visible("x");
    let _ = write!(
        sql.text,
        "select x.rid, x.c from {} x where x.terms && {targets} and x.op <> 2 and x.rid + 0 > {after} and {visible} \
         order by x.rid + 0 limit {most}",
        connection.tables.of(ty)
    );
    let rows = connection.rows(&sql.text, &sql.values).await?;
    let pair = |row: &super::connection::Columns| Ok((row.int(0)?, row.int(1)?));
    Ok(rows.iter().map(pair).collect::<Result<_, StoreError>>()?)
}

/// Patients whose policy is due and whom nobody else has; until a time they are the asker's.
pub async fn take_due(
    connection: &Connection,
    now_us: i64,
    held_until_us: i64,
    most: u32,
) -> Result<Vec<Rid>, Failure> {
    let values = [now_us, held_until_us, i64::from(most)].map(Value::Int);
    patients(connection, TAKE_DUE, &values).await
}

/// Patients whose records are closed, or late.
pub async fn closed(connection: &Connection, late_us: i64) -> Result<Vec<Rid>, Failure> {
    patients(connection, CLOSED, &[Value::Int(late_us)]).await
}

async fn patients(
    connection: &Connection,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Rid>, Failure> {
    let rows = connection.rows(sql, values).await?;
    Ok(rows
        .iter()
        .map(|row| row.int(0))
        .collect::<Result<_, _>>()?)
}

pub async fn superseded(
    connection: &Connection,
    access: &Access,
    rids: &[Rid],
) -> Result<Vec<StoredRow>, Failure> {
    let mut sql = Sql::new(access);
    let rids = sql.bind(Value::Ints(rids.to_vec()));
    let columns = COLUMNS.replace("x.g", NO_GENERATION).replace("x.", "y.");
    let (own, current) = (sql.visible("y"), sql.visible("x"));
    let _ = write!(
        sql.text,
        "select {columns} from history y where y.rid = any({rids}) and {own} \
         and exists (select 1 from resource x where x.rid = y.rid and x.typ = y.typ and {current})"
    );
    stored(connection, &sql).await
}

async fn stored(connection: &Connection, sql: &Sql) -> Result<Vec<StoredRow>, Failure> {
    let rows = connection.rows(&sql.text, &sql.values).await?;
    Ok(rows.iter().map(read::stored).collect::<Result<_, _>>()?)
}

fn packed(classes: &[Bytes]) -> Value {
    Value::Blobs(classes.iter().map(|class| class.to_vec()).collect())
}

const POLICIES: &str =
    "select u.at, p.version from unnest($1) with ordinality u (c, at) join policy p on p.c = u.c";
const TAKE_DUE: &str = "update policy p set held = $2 from (select c from policy where due <= $1 and due < 9223372036854775807 and held <= $1 \
    order by due limit $3 for update skip locked) u where p.c = u.c returning p.c";
const CLOSED: &str = "select c from policy where closed union select c from policy where due < $1 and due < 9223372036854775807";
const RECORD: &str = "select count(*), coalesce(sum(x.ver), 0)::bigint, coalesce(sum(x.rid & $2), 0)::bigint from resource x \
    where x.c = $1 and x.op <> 2";
const IDS: &str = "select u.at, v.w from unnest($1) with ordinality u (class, at) join vis_class v on sha256(v.class) = sha256(u.class)";
/// In the order given, each new class once.
const PUT: &str = "insert into vis_class (w, class) select n.w::int, n.class from \
    (select (select max(v.w) from vis_class v) + row_number() over (order by min(u.at)) as w, u.class \
     from unnest($1) with ordinality u (class, at) \
     where not exists (select 1 from vis_class v where sha256(v.class) = sha256(u.class)) group by u.class) n where n.w < $2";
const CLASSES: &str = "select w, class from vis_class where w >= $1::int order by w limit $2";
