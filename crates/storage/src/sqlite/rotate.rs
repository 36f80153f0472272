//! Exchanging the master key of a file.

use super::connection::{Connection, SqliteError};
use super::rows::{Kind, Rows};
use super::schema;
use super::statement::Value;
use crate::contract::{OpenError, StoreError};
use crate::keys::StoredKey;
use crate::meter::Meter;
use crate::rotation::{Exchange, KEYS_AT_ONCE, RotateError, Rotation};
use std::path::Path;
use std::sync::Arc;

/// See `rotation::rotate_master`. Blocks on the disk.
pub fn rotate(path: &Path, keys: &Exchange<'_>) -> Result<Rotation, RotateError> {
    if !path.exists() {
        return Err(RotateError::Absent);
    }
    let meter = Arc::new(Meter::new(u64::MAX));
    let mut connection = Connection::writer(path, meter).map_err(failed)?;
    let mut tables = 0;
    connection.each(META_TABLES, &[], |row| {
        tables = row.int(0)?;
        Ok(())
    })?;
    if tables == 0 {
        return Err(RotateError::Absent);
    }
    schema::migrate(&mut connection)?;
    connection.batch("begin immediate").map_err(failed)?;
    let done = rewrap(&mut connection, keys);
    let end = if done.is_ok() { "commit" } else { "rollback" };
    connection.batch(end).map_err(failed)?;
    // What the log has of the old wrapping goes with it, unless somebody reads from it.
    connection.checkpoint().map_err(failed)?;
    done
}

/// All of it inside the transaction that is open.
fn rewrap(connection: &mut Connection, keys: &Exchange<'_>) -> Result<Rotation, RotateError> {
    let master = schema::get_int(connection, schema::MASTER)?;
    let secret = schema::get(connection, schema::SECRET)?.unwrap_or_default();
    let Some(secret) = keys.secret(master, &secret)? else {
        return Ok(Rotation::before());
    };
    schema::put(connection, schema::SECRET, secret)?;
    let mut rotation = Rotation::default();
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let some = next(connection, after)?;
        let Some(last) = some.last() else { break };
        after = (last.patient, i64::from(last.id));
        rotation.data_keys += some.len() as u64;
        let mut rows = Rows::new(&[Kind::Int, Kind::Int, Kind::Blob]);
        for key in &some {
            rows.int(key.patient);
            rows.int(i64::from(key.id));
            rows.bytes(Some(&key.rewrapped(keys.old, keys.new)?));
        }
        connection.run(PUT, &[rows.into_value()])?;
    }
    let master = i64::from(keys.new.id()).to_le_bytes().to_vec();
    schema::put(connection, schema::MASTER, master)?;
    Ok(rotation)
}

fn next(connection: &mut Connection, after: (i64, i64)) -> Result<Vec<StoredKey>, StoreError> {
    let values = [after.0, after.1, KEYS_AT_ONCE as i64].map(Value::Int);
    let mut some = Vec::with_capacity(KEYS_AT_ONCE);
    connection.each(NEXT, &values, |row| {
        some.push(StoredKey {
            patient: row.int(0)?,
            id: row.int(1)? as u32,
            wrapped: row.blob(2),
        });
        Ok(())
    })?;
    Ok(some)
}

fn failed(error: SqliteError) -> RotateError {
    RotateError::Open(OpenError::Database(error.0))
}

const META_TABLES: &str = "select count(*) from sqlite_schema where name = 'meta'";
const NEXT: &str =
    "select c, id, wrapped from data_key where (c, id) > (?1, ?2) order by c, id limit ?3";
const PUT: &str = "insert into data_key (c, id, wrapped) select a, b, c from rows(?1) where true \
    on conflict (c, id) do update set wrapped = excluded.wrapped";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::StoreSettings;
    use crate::store::Store;
    use ward_seal::MasterKey;

    /// What a process leaves that ends between the first statement and the commit: the database takes it back.
    #[tokio::test]
    async fn an_exchange_that_is_cut_off_leaves_the_old_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ward.db");
        let [old, new] = [1, 2].map(|byte| MasterKey::from_bytes([byte; 32]));
        let open = async |master: &MasterKey| {
            Store::open(StoreSettings::sqlite(&path), master.clone()).await
        };
        open(&old).await.unwrap().close().await;
        let keys = Exchange {
            old: &old,
            new: &new,
        };
        let mut connection = Connection::writer(&path, Arc::new(Meter::new(1_000))).unwrap();
        connection.batch("begin immediate").unwrap();
        assert_eq!(rewrap(&mut connection, &keys), Ok(Rotation::default()));
        drop(connection);
        assert!(matches!(
            open(&new).await,
            Err(OpenError::WrongMaster { .. })
        ));
        let store = open(&old).await.unwrap();
        let id = store.public_id(4_711);
        store.close().await;
        assert_eq!(rotate(&path, &keys), Ok(Rotation::default()));
        assert_eq!(rotate(&path, &keys), Ok(Rotation::before()));
        assert!(matches!(
            open(&old).await,
            Err(OpenError::WrongMaster { .. })
        ));
        assert_eq!(open(&new).await.unwrap().public_id(4_711), id);
    }
}
