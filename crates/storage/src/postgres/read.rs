//! Read, vread and reading several at once. <https://hl7.org/fhir/R4/http.html#read>
//!
//! Absent and forbidden rows are told apart nowhere: the predicate is in the statement.

use super::connection::{Columns, Connection, Failure};
use super::lower::Sql;
use super::probe::Probe;
use super::statement::Value;
use crate::contract::{Op, Rid, StoreError};
use crate::core::{Core, LoadedKeys, StoredRow};
use crate::estimate::Counts;
use crate::keys::StoredKey;
use crate::reach::Reach;
use futures_util::future::try_join_all;
use std::fmt::Write as _;
use ward_access::{Access, Action, PatientKey, Sight};
use ward_fhir::TypeId;

pub async fn is_live(connection: &Connection, ty: TypeId, rid: Rid) -> Result<bool, Failure> {
    let sql = format!(
        "select 1 from {} x where x.rid = $1 and x.op <> 2",
        connection.tables.of(ty)
    );
    Ok(!connection.rows(&sql, &[Value::Int(rid)]).await?.is_empty())
}

/// Current versions with their position in `keys`; one statement for each type, sent together.
pub async fn many(
    connection: &Connection,
    core: &Core,
    access: &Access,
    action: Action,
    keys: &[(TypeId, Rid)],
) -> Result<Vec<(usize, StoredRow)>, Failure> {
    let statements = many_statements(connection, core, access, action, keys)?;
    let results = try_join_all(
        statements
            .iter()
            .map(|sql| connection.rows(&sql.text, &sql.values)),
    )
    .await?;
    let mut found = Vec::with_capacity(keys.len());
    for row in results.iter().flatten() {
        let row = (row.int(COLUMN_COUNT)? as usize, stored(row)?);
        connection.tables.learn(row.1.ty);
        found.push(row);
    }
    Ok(found)
}

pub fn many_statements(
    connection: &Connection,
    core: &Core,
    access: &Access,
    action: Action,
    keys: &[(TypeId, Rid)],
) -> Result<Vec<Sql>, StoreError> {
    let mut types: Vec<TypeId> = keys.iter().map(|(ty, _)| *ty).collect();
    types.sort_unstable();
    types.dedup();
    let each = types.iter();
    each.filter_map(|ty| many_of(connection, core, access, (*ty, action), keys).transpose())
        .collect()
}

fn many_of(
    connection: &Connection,
    core: &Core,
    access: &Access,
    (ty, action): (TypeId, Action),
    keys: &[(TypeId, Rid)],
) -> Result<Option<Sql>, StoreError> {
    if *access.sight(ty, action) == Sight::Nothing {
        return Ok(None);
    }
    let (at, rids): (Vec<i64>, Vec<i64>) = keys
        .iter()
        .enumerate()
        .filter(|(_, key)| key.0 == ty)
        .map(|(at, key)| (at as i64, key.1))
        .unzip();
    let mut sql = Sql::new(access);
    let visible = sql.visible("x");
    if let ([at], [rid]) = (at.as_slice(), rids.as_slice()) {
        let (rid, at) = (sql.int(*rid), sql.int(*at));
        let _ = write!(
            sql.text,
            "select {COLUMNS}, {at}::bigint from {} x where x.rid = {rid} and {visible}",
            connection.tables.of(ty)
        );
    } else {
        let (rids, at) = (sql.bind(Value::Ints(rids)), sql.bind(Value::Ints(at)));
        let _ = write!(
            sql.text,
            "select {COLUMNS}, b.at from unnest({rids}, {at}) b(rid, at) join {} x on x.rid = b.rid where {visible}",
            connection.tables.of(ty)
        );
    }
    bound(&mut sql, connection, core, access, (ty, action))?;
    Ok(Some(sql))
}

/// ` and …`: what bounds the caller, on a row `x` found otherwise.
pub fn bound(
    sql: &mut Sql,
    connection: &Connection,
    core: &Core,
    access: &Access,
    (ty, action): (TypeId, Action),
) -> Result<(), StoreError> {
    match access.sight(ty, action) {
        Sight::Nothing => sql.push(" and false"),
        Sight::Everything => {}
        Sight::Patients(keys) => {
            sql.push(" and ");
            compartment(sql, "x", keys);
        }
        Sight::Matching(_) => {
            let reach = Reach::new(&core.term_key, access, action, &[ty])?;
            if let Some((_, Some(keys))) = reach.single() {
                sql.push(" and ");
                compartment(sql, "x", keys);
            }
            let probe = Probe {
                row: "x".into(),
                ty,
                counts: &Counts::new(),
                tables: &connection.tables,
            };
            for condition in reach.conditions() {
                sql.push(" and ");
                probe.test(sql, condition);
            }
        }
    }
    Ok(())
}

/// In the compartment of one of the patients, of a row found otherwise.
pub fn compartment(sql: &mut Sql, row: &str, keys: &[PatientKey]) {
    let homes = sql.bind(Value::Ints(keys.iter().map(|k| k.rid).collect()));
    let terms = sql.bind(Value::Ints(keys.iter().map(|k| k.membership).collect()));
    let _ = write!(
        sql.text,
        "({row}.c = any({homes}) or ({row}.terms || '{{}}'::bigint[]) && {terms})"
    );
}

/// One version, current or superseded; the caller must see both it and the current one.
pub async fn version(
    connection: &Connection,
    core: &Core,
    access: &Access,
    ty: TypeId,
    rid: Rid,
    version: u32,
) -> Result<Option<StoredRow>, Failure> {
    if *access.sight(ty, Action::Read) == Sight::Nothing {
        return Ok(None);
    }
    let mut sql = Sql::new(access);
    let (r, v) = (sql.int(rid), sql.int(i64::from(version)));
    let table = connection.tables.of(ty);
    let columns = COLUMNS.replace("x.", "v.");
    let inner = COLUMNS.replace("x.", "y.");
    let past = inner.replace("y.g", NO_GENERATION);
    let (own, current) = (sql.visible("v"), sql.visible("x"));
    let _ = write!(
        sql.text,
        "select {columns} from {table} x join \
         (select {inner} from {table} y where y.rid = {r} and y.ver = {v} union all \
          select {past} from history y where y.rid = {r} and y.ver = {v}) v on v.rid = x.rid \
         where x.rid = {r} and {current} and {own}"
    );
    bound(&mut sql, connection, core, access, (ty, Action::Read))?;
    Ok(connection
        .rows(&sql.text, &sql.values)
        .await?
        .first()
        .map(stored)
        .transpose()?)
}

/// Row ids of client-chosen ids.
pub async fn aliases(
    connection: &Connection,
    keys: &[(TypeId, &str)],
) -> Result<Vec<Option<Rid>>, Failure> {
    let mut rids = vec![None; keys.len()];
    if keys.is_empty() {
        return Ok(rids);
    }
    let types = Value::Ints(keys.iter().map(|(ty, _)| i64::from(ty.0)).collect());
    let ids = Value::Texts(keys.iter().map(|(_, id)| Some((*id).to_owned())).collect());
    let at = Value::Ints((0..keys.len() as i64).collect());
    for row in connection.rows(ALIASES, &[types, ids, at]).await? {
        let slot = rids
            .get_mut(row.int(0)? as usize)
            .ok_or(StoreError::Integrity)?;
        *slot = Some(row.int(1)?);
    }
    Ok(rids)
}

/// Loads the newest data key of each patient that has one.
pub async fn patient_keys(
    connection: &Connection,
    core: &Core,
    patients: &[Rid],
) -> Result<(), Failure> {
    load_keys(
        connection,
        core,
        PATIENT_KEYS,
        &[Value::Ints(patients.to_vec())],
    )
    .await
    .map(drop)
}

/// Loads the data keys of stored rows that are not in memory.
pub async fn row_keys(
    connection: &Connection,
    core: &Core,
    missing: &[(Rid, u32)],
) -> Result<LoadedKeys, Failure> {
    let (patients, ids) = missing
        .iter()
        .map(|(patient, id)| (*patient, i64::from(*id)))
        .unzip();
    load_keys(
        connection,
        core,
        ROW_KEYS,
        &[Value::Ints(patients), Value::Ints(ids)],
    )
    .await
}

async fn load_keys(
    connection: &Connection,
    core: &Core,
    sql: &str,
    values: &[Value],
) -> Result<LoadedKeys, Failure> {
    let mut loaded = LoadedKeys::new();
    for row in connection.rows(sql, values).await? {
        let key = StoredKey {
            patient: row.int(0)?,
            id: row.int(1)? as u32,
            wrapped: row.blob(2),
        };
        loaded.insert((key.patient, key.id), core.keys.admit(&key)?);
    }
    Ok(loaded)
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
pub const COLUMNS: &str = "x.rid, x.typ, x.ver, x.upd, x.op, x.c, x.alias, x.body, x.g, x.w";
pub const COLUMN_COUNT: usize = 10;
/// In place of `g` for versions of the history.
pub const NO_GENERATION: &str = "0 as g";
const ALIASES: &str = "select b.at, x.rid from unnest($1, $2, $3) b(typ, id, at) join id_alias x on x.typ = b.typ::smallint and x.id = b.id collate \"C\"";
const PATIENT_KEYS: &str = "select c, id, wrapped from data_key where c = any($1)";
const ROW_KEYS: &str = "select k.c, k.id, k.wrapped from unnest($1, $2) b(c, id) join data_key k on k.c = b.c and k.id = b.id";
