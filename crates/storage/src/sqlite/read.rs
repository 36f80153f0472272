//! Read, vread and reading several at once. <https://hl7.org/fhir/R4/http.html#read>
//!
//! Absent and forbidden rows are told apart nowhere: the predicate is in the statement.

use super::connection::{Columns, Connection};
use super::lower::{Probe, Sql};
use super::rows::{Kind, Rows};
use super::statement::Value;
use crate::contract::{Op, Rid, StoreError};
use crate::core::{Core, LoadedKeys, StoredRow};
use crate::keys::StoredKey;
use crate::reach::Reach;
use std::collections::HashMap;
use std::fmt::Write as _;
use ward_access::{Access, Action, Sight};
use ward_fhir::TypeId;

/// The current version of one row.
pub fn current(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    action: Action,
    ty: TypeId,
    rid: Rid,
) -> Result<Option<StoredRow>, StoreError> {
    let mut found = None;
    match access.sight(ty, action) {
        Sight::Nothing => {}
        Sight::Everything => {
            let mut sql = Sql::new(access);
            let (rid, ty) = (sql.int(rid), sql.int(i64::from(ty.0)));
            let visible = sql.visible("x");
            let _ = write!(
                sql.text,
                "select {COLUMNS} from resource x where x.rid = {rid} and x.typ = {ty} and {visible}"
            );
            connection.each(&sql.text, &sql.values, |row| {
                found = Some(stored(row)?);
                Ok(())
            })?;
        }
        Sight::Patients(_) | Sight::Matching(_) => {
            found = many(connection, core, access, action, &[(ty, rid)])?
                .pop()
                .map(|(_, row)| row);
        }
    }
    Ok(found)
}

pub fn is_live(connection: &mut Connection, ty: TypeId, rid: Rid) -> Result<bool, StoreError> {
    let mut is_live = false;
    let values = [Value::Int(rid), Value::Int(i64::from(ty.0))];
    connection.each(LIVE, &values, |_| {
        is_live = true;
        Ok(())
    })?;
    Ok(is_live)
}

/// Current versions with their position in `keys`, by one statement.
pub fn many(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    action: Action,
    keys: &[(TypeId, Rid)],
) -> Result<Vec<(usize, StoredRow)>, StoreError> {
    let mut found = Vec::with_capacity(keys.len());
    let Some(sql) = many_statement(core, access, action, keys)? else {
        return Ok(found);
    };
    connection.each(&sql.text, &sql.values, |row| {
        found.push((row.int(COLUMN_COUNT)? as usize, stored(row)?));
        Ok(())
    })?;
    Ok(found)
}

/// `None`: nothing is in reach.
pub(super) fn many_statement(
    core: &Core,
    access: &Access,
    action: Action,
    keys: &[(TypeId, Rid)],
) -> Result<Option<Sql>, StoreError> {
    many_of(core, access, action, keys, &format!("{COLUMNS}, b.a"))
}

/// The same with these columns of the row `x` and the key `b`.
pub(super) fn many_of(
    core: &Core,
    access: &Access,
    action: Action,
    keys: &[(TypeId, Rid)],
    columns: &str,
) -> Result<Option<Sql>, StoreError> {
    let mut types: Vec<TypeId> = keys.iter().map(|(ty, _)| *ty).collect();
    types.sort_unstable();
    types.dedup();
    let reach = Reach::new(&core.term_key, access, action, &types)?;
    if types.is_empty() || reach.is_empty() {
        return Ok(None);
    }
    let mut packed = Rows::new(&[Kind::Int; 3]);
    for (at, (ty, rid)) in keys.iter().enumerate() {
        packed.int(at as i64);
        packed.int(i64::from(ty.0));
        packed.int(*rid);
    }
    let mut sql = Sql::new(access);
    let packed = sql.bind(packed.into_value());
    let _ = write!(
        sql.text,
        "select {columns} from rows({packed}) b cross join resource x on x.rid = b.c where x.typ = b.b and "
    );
    let probe = Probe::new(reach.single().map(|(ty, _)| ty));
    probe.access(&mut sql, &reach);
    // One type in reach, but others may have been asked for.
    if let Some((ty, _)) = reach.single() {
        let ty = sql.int(i64::from(ty.0));
        let _ = write!(sql.text, " and x.typ = {ty}");
    }
    Ok(Some(sql))
}

/// One version, current or superseded; the caller must see both it and the current one.
pub fn version(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    ty: TypeId,
    rid: Rid,
    version: u32,
) -> Result<Option<StoredRow>, StoreError> {
    let reach = Reach::new(&core.term_key, access, Action::Read, &[ty])?;
    let mut found = None;
    if reach.is_empty() {
        return Ok(found);
    }
    let mut sql = Sql::new(access);
    let (r, t, v) = (
        sql.int(rid),
        sql.int(i64::from(ty.0)),
        sql.int(i64::from(version)),
    );
    let columns = COLUMNS.replace("x.", "v.");
    let own = sql.visible("v");
    let _ = write!(
        sql.text,
        "select {columns} from resource x cross join \
         (select {CURRENT_COLUMNS}, y.g from resource y where y.rid = {r} and y.ver = {v} union all \
          select {CURRENT_COLUMNS}, 0 as g from history y where y.rid = {r} and y.ver = {v}) v \
         where x.rid = {r} and x.typ = {t} and {own} and "
    );
    Probe::new(Some(ty)).access(&mut sql, &reach);
    connection.each(&sql.text, &sql.values, |row| {
        found = Some(stored(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Bodies of a page, in its order. The rows were chosen on the same snapshot; the mask is tested again all the same.
pub fn bodies(
    connection: &mut Connection,
    access: &Access,
    rids: &[Rid],
) -> Result<Vec<StoredRow>, StoreError> {
    if rids.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = Vec::with_capacity(rids.len());
    let mut sql = Sql::new(access);
    let packed = sql.bind(Rows::of(rids.iter().copied()).into_value());
    let visible = sql.visible("x");
    // The packed rows are the outer loop, so the order is kept.
    let _ = write!(
        sql.text,
        "select {COLUMNS} from rows({packed}) b cross join resource x on x.rid = b.a where {visible}"
    );
    connection.each(&sql.text, &sql.values, |row| {
        rows.push(stored(row)?);
        Ok(())
    })?;
    Ok(rows)
}

/// Row ids of client-chosen ids.
pub fn aliases(
    connection: &mut Connection,
    keys: &[(TypeId, &str)],
) -> Result<Vec<Option<Rid>>, StoreError> {
    let mut rids = vec![None; keys.len()];
    if keys.is_empty() {
        return Ok(rids);
    }
    let mut packed = Rows::new(&[Kind::Int, Kind::Int, Kind::Text]);
    for (at, (ty, id)) in keys.iter().enumerate() {
        packed.int(at as i64);
        packed.int(i64::from(ty.0));
        packed.bytes(Some(id.as_bytes()));
    }
    connection.each(ALIASES, &[packed.into_value()], |row| {
        let slot = rids
            .get_mut(row.int(0)? as usize)
            .ok_or(StoreError::Integrity)?;
        *slot = Some(row.int(1)?);
        Ok(())
    })?;
    Ok(rids)
}

/// Loads the newest data key of each patient that has one.
pub fn patient_keys(
    connection: &mut Connection,
    core: &Core,
    patients: &[Rid],
) -> Result<(), StoreError> {
    if patients.is_empty() {
        return Ok(());
    }
    load_keys(
        connection,
        core,
        PATIENT_KEYS,
        Rows::of(patients.iter().copied()),
    )
    .map(drop)
}

/// Loads the data keys of stored rows that are not in memory.
pub fn row_keys(
    connection: &mut Connection,
    core: &Core,
    missing: &[(Rid, u32)],
) -> Result<LoadedKeys, StoreError> {
    let mut packed = Rows::new(&[Kind::Int; 2]);
    for (patient, id) in missing {
        packed.int(*patient);
        packed.int(i64::from(*id));
    }
    if packed.is_empty() {
        Ok(LoadedKeys::default())
    } else {
        load_keys(connection, core, ROW_KEYS, packed)
    }
}

fn load_keys(
    connection: &mut Connection,
    core: &Core,
    sql: &str,
    packed: Rows,
) -> Result<LoadedKeys, StoreError> {
    let mut keys = HashMap::new();
    connection.each(sql, &[packed.into_value()], |row| {
        let (patient, id) = (row.int(0)?, row.int(1)? as u32);
        keys.insert(
            (patient, id),
            StoredKey {
                patient,
                id,
                wrapped: row.blob(2),
            },
        );
        Ok(())
    })?;
    keys.into_iter()
        .map(|(id, key)| Ok((id, core.keys.admit(&key)?)))
        .collect()
}

/// Reads the columns of `COLUMNS`.
pub fn stored(row: &Columns) -> Result<StoredRow, StoreError> {
    Ok(StoredRow {
        rid: row.int(0)?,
        ty: TypeId(row.int(1)? as u16),
        version: row.int(2)? as u32,
        updated_us: row.int(3)?,
        op: Op::from_number(row.int(4)?)?,
        patient: row.int(5)?,
        alias: row.text(6),
        sealed: row.blob(7),
        generation: row.int(8)? as u32,
        visibility: row.int(9)? as i32,
    })
}

/// What `stored` reads, of a row `x`.
pub const COLUMNS: &str = "x.rid, x.typ, x.ver, x.upd, x.op, x.c, x.alias, x.body, x.g, x.k";
pub const COLUMN_COUNT: usize = 10;
const CURRENT_COLUMNS: &str = "y.rid, y.typ, y.ver, y.upd, y.op, y.c, y.k, y.alias, y.body";
const LIVE: &str = "select 1 from resource x where x.rid = ?1 and x.typ = ?2 and x.op <> 2";
const ALIASES: &str =
    "select b.a, x.rid from rows(?1) b cross join alias x on x.typ = b.b and x.id = b.c";
const PATIENT_KEYS: &str =
    "select k.c, k.id, k.wrapped from rows(?1) b cross join data_key k on k.c = b.a";
const ROW_KEYS: &str =
    "select k.c, k.id, k.wrapped from rows(?1) b cross join data_key k on k.c = b.a and k.id = b.b";
