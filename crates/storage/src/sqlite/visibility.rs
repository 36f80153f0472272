//! Classes of visibility and their ids, which are dense and never given twice; versions of policies, and what a record holds.

use super::connection::Connection;
use super::lower::Sql;
use super::read::{self, COLUMNS};
use super::rows::{Kind, Rows};
use super::statement::Value;
use crate::contract::{Rid, StoreError};
use crate::core::{Core, StoredRow};
use crate::visibility::{NOBODY, RID_BITS, RecordMark, VISIBILITY_IDS_MAX};
use bytes::Bytes;
use std::fmt::Write as _;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::entries::Term;

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

/// Versions of policies, in the order of the patients.
pub fn policies(connection: &mut Connection, patients: &[Rid]) -> Result<Vec<i64>, StoreError> {
    let mut packed = Rows::new(&[Kind::Int; 2]);
    for (at, patient) in patients.iter().enumerate() {
        packed.int(at as i64);
        packed.int(*patient);
    }
    let mut versions = vec![0; patients.len()];
    connection.each(POLICIES, &[packed.into_value()], |row| {
        let slot = versions.get_mut(row.int(0)? as usize);
        *slot.ok_or(StoreError::Integrity)? = row.int(1)?;
        Ok(())
    })?;
    Ok(versions)
}

/// Which of the rows the access lets through, in the order of the keys.
pub fn visible(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    keys: &[(TypeId, Rid)],
) -> Result<Vec<bool>, StoreError> {
    let mut visible = vec![false; keys.len()];
    let within = read::many_of(core, access, Action::Read, keys, "b.a")?;
    let beyond = beyond(access, keys);
    for sql in within.into_iter().chain(beyond) {
        connection.each(&sql.text, &sql.values, |row| {
            let slot = visible.get_mut(row.int(0)? as usize);
            *slot.ok_or(StoreError::Integrity)? = true;
            Ok(())
        })?;
    }
    Ok(visible)
}

/// Rows of types that the access does not reach, by mask and closed records alone. `None`: there are none.
fn beyond(access: &Access, keys: &[(TypeId, Rid)]) -> Option<Sql> {
    let mut packed = Rows::new(&[Kind::Int; 3]);
    for (at, (ty, rid)) in keys.iter().enumerate() {
        if !access.may(*ty, Action::Read) {
            packed.int(at as i64);
            packed.int(i64::from(ty.0));
            packed.int(*rid);
        }
    }
    if packed.is_empty() {
        return None;
    }
    let mut sql = Sql::new(access);
    let packed = sql.bind(packed.into_value());
    let visible = sql.visible("x");
    let _ = write!(
        sql.text,
        "select b.a from rows({packed}) b cross join resource x on x.rid = b.c where x.typ = b.b and {visible}"
    );
    Some(sql)
}

/// What the live rows at home with a patient come to.
pub fn record(connection: &mut Connection, patient: Rid) -> Result<RecordMark, StoreError> {
    let mut mark = RecordMark::default();
    let values = [Value::Int(patient), Value::Int(RID_BITS)];
    connection.each(RECORD, &values, |row| {
        mark = RecordMark {
            rows: row.int(0)?,
            versions: row.int(1)?,
            rids: row.int(2)?,
        };
        Ok(())
    })?;
    Ok(mark)
}

/// `+`: the index of patients finds them, not the row ids.
pub fn at_home(
    connection: &mut Connection,
    access: &Access,
    patient: Rid,
    after: Rid,
    most: u32,
) -> Result<Vec<StoredRow>, StoreError> {
    let mut sql = Sql::new(access);
    let (c, after) = (sql.int(patient), sql.int(after));
    let (most, visible) = (sql.int(i64::from(most)), sql.visible("x"));
    let _ = write!(
        sql.text,
        "select {COLUMNS} from resource x where x.c = {c} and x.c <> 0 and x.op <> 2 and +x.rid > {after} and {visible} \
         order by +x.rid limit {most}"
    );
    stored(connection, &sql)
}

pub fn deleted_at_home(
    connection: &mut Connection,
    access: &Access,
    patient: Rid,
    most: u32,
) -> Result<Vec<StoredRow>, StoreError> {
    let mut sql = Sql::new(access);
    let (c, most) = (sql.int(patient), sql.int(i64::from(most)));
    let visible = sql.visible("x");
    let _ = write!(
        sql.text,
        "select {COLUMNS} from resource x where x.c = {c} and x.c <> 0 and x.op = 2 and {visible} limit {most}"
    );
    stored(connection, &sql)
}

/// Rows that refer to targets, with their homes. The row ids are those of the index of targets.
pub fn referrers(
    connection: &mut Connection,
    access: &Access,
    ty: TypeId,
    targets: &[Term],
    (after, most): (Rid, u32),
) -> Result<Vec<(Rid, Rid)>, StoreError> {
    let mut sql = Sql::new(access);
    let targets = sql.bind(Rows::of(targets.iter().copied()).into_value());
    let (ty, after) = (sql.int(i64::from(ty.0)), sql.int(after));
    let (most, visible) = (sql.int(i64::from(most)), sql.visible("x"));
    let _ = write!(
        sql.text,
        "select distinct x.rid, x.c from rows({targets}) b cross join target t on t.t = b.a cross join resource x on x.rid = t.rid \
         where t.rid > {after} and x.typ = {ty} and x.op <> 2 and {visible} order by x.rid limit {most}"
    );
    let mut found = Vec::new();
    connection.each(&sql.text, &sql.values, |row| {
        found.push((row.int(0)?, row.int(1)?));
        Ok(())
    })?;
    Ok(found)
}

/// Patients whose policy is due.
pub fn due(connection: &mut Connection, now_us: i64, most: u32) -> Result<Vec<Rid>, StoreError> {
    let values = [Value::Int(now_us), Value::Int(i64::from(most))];
    patients(connection, DUE, &values)
}

/// Patients whose records are closed, or late.
pub fn closed(connection: &mut Connection, late_us: i64) -> Result<Vec<Rid>, StoreError> {
    patients(connection, CLOSED, &[Value::Int(late_us)])
}

fn patients(
    connection: &mut Connection,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Rid>, StoreError> {
    let mut found = Vec::new();
    connection.each(sql, values, |row| {
        found.push(row.int(0)?);
        Ok(())
    })?;
    Ok(found)
}

pub fn superseded(
    connection: &mut Connection,
    access: &Access,
    rids: &[Rid],
) -> Result<Vec<StoredRow>, StoreError> {
    let mut sql = Sql::new(access);
    let packed = sql.bind(Rows::of(rids.iter().copied()).into_value());
    let columns = COLUMNS.replace("x.g", "0").replace("x.", "y.");
    let (own, current) = (sql.visible("y"), sql.visible("x"));
    let _ = write!(
        sql.text,
        "select {columns} from rows({packed}) b cross join resource x on x.rid = b.a cross join history y on y.rid = b.a \
         where {own} and {current}"
    );
    stored(connection, &sql)
}

fn stored(connection: &mut Connection, sql: &Sql) -> Result<Vec<StoredRow>, StoreError> {
    let mut rows = Vec::new();
    connection.each(&sql.text, &sql.values, |row| {
        rows.push(read::stored(row)?);
        Ok(())
    })?;
    Ok(rows)
}

const POLICIES: &str = "select b.a, p.version from rows(?1) b cross join policy p on p.c = b.b";
const DUE: &str =
    "select c from policy where due <= ?1 and due < 9223372036854775807 order by due limit ?2";
const CLOSED: &str = "select c from policy where closed <> 0 union select c from policy where due < ?1 and due < 9223372036854775807";
const RECORD: &str = "select count(*), coalesce(sum(x.ver), 0), coalesce(sum(x.rid & ?2), 0) from resource x \
    where x.c = ?1 and x.c <> 0 and x.op <> 2";
const IDS: &str = "select b.a, v.k from rows(?1) b cross join vis_class v on v.class = b.b";
const NEXT: &str = "select coalesce(max(k), -1) + 1 from vis_class";
const PUT: &str = "insert into vis_class (k, class) select a, b from rows(?1)";
const CLASSES: &str = "select k, class from vis_class where k >= ?1 order by k limit ?2";
