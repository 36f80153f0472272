//! The tables of the PostgreSQL store (layout F): one wide row per resource in a table per type (see `tables`), bodies inline.
//!
//! Hot parameters are columns, with B-trees that carry patient, date and visibility `w`; every term is in `terms` under
//! GIN; dates, quantities and strings lie in the row as arrays, where probes read them without a join (a narrow row of
//! its own would cost 60 bytes of heap before any index). String prefixes and rare ranges of quantities have a table besides.
//!
//! | index of a type's table | answers |
//! |---|---|
//! | `_c (c, d)`, `_cc (c, code, d)`, `_ck (c, cat, d)` | what a caller bound to patients sees, by code or category, newest first |
//! | `_h (code, d)`, `_p` the same for rarely visible rows | a broad code, newest first |
//! | `_t` GIN over `terms` | every other term; also who refers to a resource |
//! | `_d (d)`, `_u (upd)` | a type without a usable condition, history and `_lastUpdated` |
//!
//! `state` holds rows with an expiry: one by `(kind, key)`, the list of a kind or of an owner by `seq`, what has expired.
//! `g` says by which generation of search parameters a row is indexed (`indexing` holds what they are).
//! `self` is the row's own target term: `self # spread` is the term by which others refer to it under a parameter.
//! `upd` is indexed for type history, so an update is never heap-only. `term_count` has a row per connection that counts
//! (`slot`), since one row for all would make every commit wait for the flush of another.

use super::connection::{Connection, Failure};
use super::statement::Value;
use super::tables;
use crate::contract::OpenError;
use crate::store::resource_types;

/// What this binary reads and writes. Rows of earlier formats lack terms and counters that searches rely on.
const FORMAT: i64 = 5;
/// Only one node migrates at a time.
pub const MIGRATION_LOCK: i64 = 0x7761_7264_0001;

const META: &str = "create table if not exists meta (key text primary key, value bytea not null)";

const TABLES: &str = "
create table resource (
  rid bigint not null, upd bigint not null, c bigint not null, d bigint not null, code bigint not null, cat bigint not null,
  self bigint not null, v float8, ver int not null, w int not null, g int not null, typ smallint not null, op smallint not null,
  k smallint not null, alias text collate \"C\", terms bigint[] not null, dates bigint[] not null, qh bigint[] not null, qv float8[] not null,
  strs text[] collate \"C\" not null, body bytea not null) partition by list (typ);
alter table resource alter column body set storage external;
create table history (
  rid bigint not null, upd bigint not null, til bigint not null, c bigint not null, ver int not null, w int not null,
  typ smallint not null, op smallint not null, k smallint not null, alias text collate \"C\", body bytea not null,
  primary key (rid, ver));
alter table history alter column body set storage external;
create index history_u on history (typ, upd, rid, ver);
create table string_term (p int not null, v text collate \"C\" not null, rid bigint not null, primary key (p, v, rid));
create table quantity_term (h bigint not null, v float8 not null, rid bigint not null, primary key (h, v, rid));
create table block (one smallint primary key, next bigint not null);
create table vocabulary (form bigint not null, term bigint not null, primary key (form, term));
create table phrase (p int not null, v text collate \"C\" not null, term bigint not null, primary key (p, v, term));
create table term_count (h bigint not null, n bigint not null, w int not null, slot smallint not null, primary key (h, w, slot))
  with (fillfactor = 70);
create table id_alias (rid bigint not null, typ smallint not null, id text collate \"C\" not null, primary key (typ, id));
create table data_key (c bigint not null, id bigint not null, wrapped bytea not null, primary key (c, id));
create table record (seq bigint generated always as identity primary key, node_seq bigint, node text collate \"C\", body bytea not null);
create table record_mark (node text collate \"C\" primary key, seq bigint not null);
create table indexing (one smallint primary key, revision bigint not null, generation int not null, state bytea not null);
insert into indexing (one, revision, generation, state) values (1, 0, 0, '');
create table work (one smallint primary key, node text not null, till timestamptz not null, progress text not null);
create table state (
  seq bigint generated always as identity primary key, version bigint not null, expires bigint not null, kind smallint not null,
  key bytea not null, owner bytea, body bytea not null);
create unique index state_k on state (kind, key);
create index state_l on state (kind, seq);
create index state_o on state (kind, owner, seq) where owner is not null;
create index state_x on state (expires) where expires < 9223372036854775807;
create table state_mark (one smallint primary key, revision bigint not null);
insert into state_mark (one, revision) values (1, 0);
";

/// Over the text of the format, types included though their tables come later: what is made then must be what was meant.
fn checksum() -> Vec<u8> {
    let types = resource_types().iter().map(|ty| tables::definition(*ty));
    let text = TABLES.to_owned() + &types.collect::<String>();
    ward_seal::hash::sha256(text.as_bytes()).to_vec()
}

/// Makes what is missing, once over all nodes. Refuses a newer format, an older one, and tables that are not ours.
pub async fn migrate(connection: &Connection) -> Result<(), OpenError> {
    let migrated = async {
        connection.batch(&format!("set statement_timeout = 0; select pg_advisory_lock({MIGRATION_LOCK}); begin; {META}")).await?;
        let inside = migrate_inside(connection).await?;
        connection
            .batch(if inside.is_ok() { "commit" } else { "rollback" })
            .await?;
        connection
            .batch(&format!("select pg_advisory_unlock({MIGRATION_LOCK})"))
            .await?;
        Ok::<_, Failure>(inside)
    };
    migrated
        .await
        .map_err(|_| OpenError::Database("its tables cannot be created or read".into()))?
}

async fn migrate_inside(connection: &Connection) -> Result<Result<(), OpenError>, Failure> {
    match get_int(connection, "format").await? {
        None => {
            connection.batch(TABLES).await?;
            put(connection, "format", FORMAT.to_le_bytes().to_vec()).await?;
            put(connection, "checksum", checksum()).await?;
        }
        Some(found) if found > FORMAT => {
            return Ok(Err(OpenError::Newer {
                found: found as usize,
                known: FORMAT as usize,
            }));
        }
        Some(found) if found < FORMAT => {
            return Ok(Err(OpenError::Older {
                found: found.max(0) as usize,
                oldest: FORMAT as usize,
            }));
        }
        Some(_) if get(connection, "checksum").await? != Some(checksum()) => {
            return Ok(Err(OpenError::Altered));
        }
        Some(_) => {}
    }
    Ok(Ok(()))
}

/// Of `meta`: which master key wraps the secret and the data keys.
pub const MASTER: &str = "master";
/// Of `meta`: the store's secret, wrapped.
pub const SECRET: &str = "secret";

pub async fn get(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    let rows = connection
        .rows(
            "select value from meta where key = $1",
            &[Value::Text(key.into())],
        )
        .await?;
    Ok(rows.first().map(|row| row.blob(0)))
}

pub async fn get_int(connection: &Connection, key: &str) -> Result<Option<i64>, Failure> {
    let value = get(connection, key).await?;
    Ok(value
        .and_then(|bytes| bytes.try_into().ok())
        .map(i64::from_le_bytes))
}

/// Keeps what is there already: the first node to write wins.
pub async fn put(connection: &Connection, key: &str, value: Vec<u8>) -> Result<(), Failure> {
    let values = [Value::Text(key.into()), Value::Bytes(value)];
    connection
        .run(
            "insert into meta (key, value) values ($1, $2) on conflict (key) do nothing",
            &values,
        )
        .await
        .map(drop)
}

/// The same with several, all or none of them: what another node has put stays as a whole.
pub async fn put_all(connection: &Connection, new: &[(&str, Vec<u8>)]) -> Result<(), Failure> {
    let keys = new.iter().map(|(key, _)| Some((*key).to_owned())).collect();
    let values = new.iter().map(|(_, value)| value.clone()).collect();
    connection
        .run(PUT_ALL, &[Value::Texts(keys), Value::Blobs(values)])
        .await
        .map(drop)
}

/// Claims `size` counters; the first of them. One row, locked for the moment of the update.
pub async fn claim(connection: &Connection, size: i64) -> Result<i64, Failure> {
    let sql = "insert into block as b (one, next) values (1, $1 * 2) on conflict (one) do update set next = b.next + $1 returning next - $1";
    connection
        .rows(sql, &[Value::Int(size)])
        .await?
        .first()
        .ok_or(Failure::Refused(crate::contract::StoreError::Integrity))?
        .int(0)
        .map_err(Failure::from)
}

/// In the order given: a second node waits at the first key, and then keeps all that is there.
const PUT_ALL: &str = "insert into meta (key, value) select key, value from unnest($1, $2) with ordinality u (key, value, at) \
    order by at on conflict (key) do nothing";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Meter;
    use std::sync::Arc;
    use std::time::Duration;
    use ward_testkit::postgres::Database;

    #[tokio::test]
    async fn only_databases_of_known_tables_are_opened() {
        if !ward_testkit::backends().contains(&ward_testkit::Backend::Postgres) {
            return;
        }
        let database = Database::create();
        let (meter, tables) = (Arc::new(Meter::new(1_000)), Arc::default());
        let timeout = Duration::from_secs(30);
        let connection = Connection::establish(&database.url, meter, tables, timeout).await;
        let connection = connection.unwrap();
        migrate(&connection).await.unwrap();
        migrate(&connection).await.unwrap();
        // A type's table that is made later goes with those from before.
        let ty = resource_types()[0];
        connection.batch(&tables::definition(ty)).await.unwrap();
        assert_eq!(migrate(&connection).await, Ok(()));
        let set = async |key: &str, value: Vec<u8>| {
            let values = [Value::Text(key.into()), Value::Bytes(value)];
            let sql = "update meta set value = $2 where key = $1";
            connection.run(sql, &values).await.unwrap();
            migrate(&connection).await
        };
        assert_eq!(set("checksum", vec![0]).await, Err(OpenError::Altered));
        let of_format = |format: i64| format.to_le_bytes().to_vec();
        assert!(matches!(
            set("format", of_format(FORMAT + 1)).await,
            Err(OpenError::Newer { .. })
        ));
        assert!(matches!(
            set("format", of_format(FORMAT - 1)).await,
            Err(OpenError::Older { .. })
        ));
    }
}
