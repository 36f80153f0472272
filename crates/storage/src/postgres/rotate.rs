//! Exchanging the master key of a database.

use super::connection::{Connection, Failure};
use super::schema;
use super::statement::Value;
use super::write::generation_lock;
use crate::contract::{OpenError, StoreError};
use crate::keys::StoredKey;
use crate::meter::Meter;
use crate::rotation::{Exchange, KEYS_AT_ONCE, RotateError, Rotation};
use std::sync::Arc;
use std::time::Duration;

/// See `rotation::rotate_master`.
pub async fn rotate(url: &str, keys: &Exchange<'_>) -> Result<Rotation, RotateError> {
    let connection = establish(url).await?;
    if connection.rows(META_TABLE, &[]).await?.is_empty() {
        return Err(RotateError::Absent);
    }
    alone(&connection).await?;
    schema::migrate(&connection).await?;
    begin(&connection).await?;
    let done = rewrap(&connection, keys).await;
    let end = if done.is_ok() { "commit" } else { "rollback" };
    connection.batch(end).await?;
    done
}

async fn establish(url: &str) -> Result<Connection, RotateError> {
    let (meter, tables) = (Arc::new(Meter::new(u64::MAX)), Arc::default());
    Connection::establish(url, meter, tables, STATEMENT_TIMEOUT)
        .await
        .map_err(|reason| RotateError::Open(OpenError::Database(reason)))
}

/// Waits a little for the connections of servers that are ending.
async fn alone(connection: &Connection) -> Result<(), RotateError> {
    let mut waits = 0;
    loop {
        let rows = connection.rows(OTHERS, &[]).await?;
        let others = rows.first().map_or(Ok(0), |row| row.int(0))?;
        if others == 0 {
            return Ok(());
        }
        if waits == OTHERS_WAITS {
            return Err(RotateError::InUse(others as u64));
        }
        waits += 1;
        tokio::time::sleep(OTHERS_WAIT).await;
    }
}

/// Every commit holds this lock shared: those under way have ended, and what comes later sees which key there is.
async fn begin(connection: &Connection) -> Result<(), Failure> {
    let lock = generation_lock();
    let begin = format!("begin; select pg_advisory_xact_lock({lock})");
    connection.batch(&begin).await
}

/// All of it inside the transaction that is open.
async fn rewrap(connection: &Connection, keys: &Exchange<'_>) -> Result<Rotation, RotateError> {
    let master = schema::get_int(connection, schema::MASTER).await?;
    let secret = schema::get(connection, schema::SECRET).await?;
    let Some(secret) = keys.secret(master, &secret.unwrap_or_default())? else {
        return Ok(Rotation::before());
    };
    schema::set(connection, schema::SECRET, secret).await?;
    let mut rotation = Rotation::default();
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let some = next(connection, after).await?;
        let Some(last) = some.last() else { break };
        after = (last.patient, i64::from(last.id));
        rotation.data_keys += some.len() as u64;
        let patients = some.iter().map(|key| key.patient).collect();
        let ids = some.iter().map(|key| i64::from(key.id)).collect();
        let wrapped = some
            .iter()
            .map(|key| key.rewrapped(keys.old, keys.new))
            .collect::<Result<_, _>>()?;
        let values = [
            Value::Ints(patients),
            Value::Ints(ids),
            Value::Blobs(wrapped),
        ];
        connection.run(PUT, &values).await?;
    }
    let master = i64::from(keys.new.id()).to_le_bytes().to_vec();
    schema::set(connection, schema::MASTER, master).await?;
    Ok(rotation)
}

async fn next(connection: &Connection, after: (i64, i64)) -> Result<Vec<StoredKey>, Failure> {
    let values = [after.0, after.1, KEYS_AT_ONCE as i64].map(Value::Int);
    let rows = connection.rows(NEXT, &values).await?;
    let read = |row: &super::connection::Columns| {
        Ok(StoredKey {
            patient: row.int(0)?,
            id: row.int(1)? as u32,
            wrapped: row.blob(2),
        })
    };
    Ok(rows.iter().map(read).collect::<Result<_, StoreError>>()?)
}

impl From<Failure> for RotateError {
    fn from(failure: Failure) -> RotateError {
        StoreError::from(failure).into()
    }
}

/// Waiting for a commit under way at most.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);
/// 5 s in all.
const OTHERS_WAIT: Duration = Duration::from_millis(100);
const OTHERS_WAITS: usize = 50;

const META_TABLE: &str = "select 1 where to_regclass('meta') is not null";
const OTHERS: &str = "select count(*) from pg_stat_activity \
    where datname = current_database() and application_name = 'ward' and pid <> pg_backend_pid()";
const NEXT: &str =
    "select c, id, wrapped from data_key where (c, id) > ($1, $2) order by c, id limit $3";
const PUT: &str = "update data_key k set wrapped = u.wrapped from unnest($1, $2, $3) u (c, id, wrapped) where k.c = u.c and k.id = u.id";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::StoreSettings;
    use crate::store::Store;
    use ward_seal::MasterKey;
    use ward_testkit::postgres::Database;

    /// What a process leaves that ends between the first statement and the commit: the database takes it back.
    #[tokio::test]
    async fn an_exchange_that_is_cut_off_leaves_the_old_key() {
        if !ward_testkit::backends().contains(&ward_testkit::Backend::Postgres) {
            return;
        }
        let database = Database::create();
        let [old, new] = [1, 2].map(|byte| MasterKey::from_bytes([byte; 32]));
        let open = async |master: &MasterKey| {
            let settings = StoreSettings::postgres(&database.url);
            Store::open(settings, master.clone()).await
        };
        open(&old).await.unwrap().close().await;
        let keys = Exchange {
            old: &old,
            new: &new,
        };
        let connection = establish(&database.url).await.unwrap();
        begin(&connection).await.unwrap();
        let rewrapped = rewrap(&connection, &keys).await;
        assert_eq!(rewrapped, Ok(Rotation::default()));
        drop(connection);
        assert!(matches!(
            open(&new).await,
            Err(OpenError::WrongMaster { .. })
        ));
        let store = open(&old).await.unwrap();
        let id = store.public_id(4_711);
        store.close().await;
        drop(store);
        let done = rotate(&database.url, &keys).await;
        assert_eq!(done, Ok(Rotation::default()));
        let again = rotate(&database.url, &keys).await;
        assert_eq!(again, Ok(Rotation::before()));
        assert!(matches!(
            open(&old).await,
            Err(OpenError::WrongMaster { .. })
        ));
        assert_eq!(open(&new).await.unwrap().public_id(4_711), id);
    }
}
