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
//! `record` holds Records by `id`, in partitions of about a month (`parts`), with `_c (ctx, id)`, `_a (actor, id)`, `_p (patient, id)` and `record_key (key, id)` for whatever they are
//! about besides; `removed` by `id` what is left of those that were taken out; `_t (at_us)` and `record_late` say between which ids those of a time lie; `record_context` what many have in common.
//! `vis_class` says what the visibility ids stand for, `policy` by which version of a patient's policy rows get theirs, when that is to be
//! decided anew (`due`, by whoever has it until `held`), and whose record is closed until then.
//! `g` says by which generation of search parameters a row is indexed (`indexing` holds what they are).
//! `self` is the row's own target term: `self # spread` is the term by which others refer to it under a parameter.
//! `upd` is indexed for type history, so an update is never heap-only. `term_count` has a row per connection that counts
//! (`slot`), since one row for all would make every commit wait for the flush of another.

use super::connection::{Connection, Failure};
use super::parts::PARTS;
use super::statement::Value;
use crate::contract::OpenError;
use crate::migrations::Chain;

/// What was made before the oldest format lacks terms and counters that searches rely on, and has no secret of its own.
const CHAIN: Chain<'_> = Chain {
    oldest: 6,
    steps: &[
        TABLES,
        LEFT_PHRASES,
        EDITION,
        EDITION_3,
        CLASSES,
        TURNS,
        RECORDS,
        TREE,
        REMOVED,
        PARTS,
    ],
};

/// A store without rows has none that an earlier edition of extraction wrote; any other one is told by its empty state. The
/// tables of types stay as they are.
const EDITION: &str = "-- tables of types: e0d6e9cfefab734cf57ab392db4b6ebf23655e7fe3b877c456b2e54966ce0cb2
update indexing set revision = revision + 1, state = 'edition 2' where length(state) = 0 and not exists (select from resource);
";

/// The same for the third, where the second was the newest before.
const EDITION_3: &str = "-- tables of types: e0d6e9cfefab734cf57ab392db4b6ebf23655e7fe3b877c456b2e54966ce0cb2
update indexing set revision = revision + 1, state = 'edition 3' where state = 'edition 2' and not exists (select from resource);
";

/// What visibility ids stand for, and by which version of a patient's policy they are worked out. Rows written before have id 0,
/// the class of which nothing is known.
const CLASSES: &str =
    "-- tables of types: e0d6e9cfefab734cf57ab392db4b6ebf23655e7fe3b877c456b2e54966ce0cb2
create table vis_class (w int primary key, class bytea not null);
create unique index vis_class_c on vis_class (sha256(class));
insert into vis_class (w, class) values (0, '');
create table policy (c bigint primary key, version bigint not null);
";

/// When a policy changes by time, and who is hidden until that is done. Whose Consents are there already has a policy that is to be
/// decided at once.
const TURNS: &str =
    "-- tables of types: e0d6e9cfefab734cf57ab392db4b6ebf23655e7fe3b877c456b2e54966ce0cb2
alter table policy add column due bigint not null default 9223372036854775807;
alter table policy add column held bigint not null default 0;
alter table policy add column closed boolean not null default false;
create index policy_d on policy (due) where due < 9223372036854775807;
create index policy_x on policy (c) where closed;
create index resource_x on resource (c) where op = 2;
insert into policy as p (c, version, due) select distinct c, 1, 0 from resource where typ = 89 and c <> 0 and op <> 2
  on conflict (c) do update set version = p.version + 1, due = 0;
";

/// Records sealed, with what finds them. Those in clear wait in their old table until the store is opened with its secret
/// (`records::bring_over`). What is in these tables stays as it is, also for the owner and whoever may do everything. `xid` says in which
/// order Records became visible.
const RECORDS: &str =
    "-- tables of types: e0d6e9cfefab734cf57ab392db4b6ebf23655e7fe3b877c456b2e54966ce0cb2
alter table record rename to record_before;
alter index record_pkey rename to record_before_pkey;
create sequence record_id;
create table record (
  id bigint not null, xid xid8 not null default pg_current_xact_id(), at_us bigint not null, ctx bigint not null, actor bigint not null,
  patient bigint not null, events smallint not null, sealed bytea not null, primary key (id));
alter table record alter column sealed set storage external;
create index record_t on record (at_us);
create index record_x on record (xid);
create index record_c on record (ctx, id);
create index record_a on record (actor, id);
create index record_p on record (patient, id) where patient <> 0;
create table record_key (key bigint not null, id bigint not null, primary key (key, id));
create table record_context (id bigint primary key, sealed bytea not null);
create table record_late (late_us bigint primary key);
create function record_stays() returns trigger language plpgsql as
  $$ begin raise exception 'audit records are not changed or removed'; end $$;
create trigger record_stays before update or delete or truncate on record for each statement execute function record_stays();
create trigger record_stays before update or delete or truncate on record_key for each statement execute function record_stays();
create trigger record_stays before update or delete or truncate on record_context for each statement execute function record_stays();
create trigger record_stays before update or delete or truncate on record_late for each statement execute function record_stays();
alter table record enable always trigger record_stays;
alter table record_key enable always trigger record_stays;
alter table record_context enable always trigger record_stays;
alter table record_late enable always trigger record_stays;
revoke update, delete, truncate on record, record_key, record_context, record_late from public, current_user;
";

/// The tree of the audit log (`tree::rows` says what the rows are). Nothing in its tables is changed but what is counted, and how far what
/// is published elsewhere has come.
const TREE: &str =
    "-- tables of types: e0d6e9cfefab734cf57ab392db4b6ebf23655e7fe3b877c456b2e54966ce0cb2
create table leaf_run (first bigint primary key, cluster bigint not null, base bigint not null, xid bigint not null, last bigint not null,
  records bytea not null, hashes bytea not null);
create index leaf_run_l on leaf_run (xid, last);
create table tile (place bigint not null, level int not null, hashes bytea not null, primary key (level, place));
create table checkpoint (n bigint primary key, size bigint not null, note bytea not null);
create index checkpoint_s on checkpoint (size);
create table cosignature (n bigint not null, name text collate \"C\" not null, line text not null, primary key (n, name));
create table log_key (n bigint primary key, origin text not null, sealed bytea not null);
create table answered (answers bigint not null, class smallint not null, node text collate \"C\" not null, primary key (node, class));
create table anchor (n bigint not null, size bigint not null, at bigint not null, name text collate \"C\" primary key);
create table witnessed (size bigint not null, origin text collate \"C\" primary key, key text not null, root bytea not null);
create function audit_log_stays() returns trigger language plpgsql as
  $$ begin raise exception 'the audit log is not changed'; end $$;
create trigger leaf_run_stays before update or delete or truncate on leaf_run for each statement execute function audit_log_stays();
create trigger tile_stays before update or delete or truncate on tile for each statement execute function audit_log_stays();
create trigger checkpoint_stays before update or delete or truncate on checkpoint for each statement execute function audit_log_stays();
create trigger cosignature_stays before update or delete or truncate on cosignature for each statement execute function audit_log_stays();
create trigger log_key_stays before update or delete or truncate on log_key for each statement execute function audit_log_stays();
create trigger answered_stays before delete or truncate on answered for each statement execute function audit_log_stays();
alter table leaf_run enable always trigger leaf_run_stays;
alter table tile enable always trigger tile_stays;
alter table checkpoint enable always trigger checkpoint_stays;
alter table cosignature enable always trigger cosignature_stays;
alter table log_key enable always trigger log_key_stays;
alter table answered enable always trigger answered_stays;
revoke update, delete, truncate on leaf_run, tile, checkpoint, cosignature, log_key from public, current_user;
revoke delete, truncate on answered from public, current_user;
";

/// What is left of Records that were taken out: a Record can be deleted if it was put here in the same transaction, and what stands here
/// stays.
const REMOVED: &str =
    "-- tables of types: e0d6e9cfefab734cf57ab392db4b6ebf23655e7fe3b877c456b2e54966ce0cb2
create table removed (
  id bigint primary key, xid xid8 not null default pg_current_xact_id(), seq bigint not null, removal bigint not null, at_us bigint not null,
  commitment bytea not null);
create function record_goes() returns trigger language plpgsql as
  $$ begin
    if exists (select from removed r where r.id = old.id and r.xid = pg_current_xact_id()) then return old; end if;
    raise exception 'audit records are not removed without a tombstone';
  end $$;
drop trigger record_stays on record;
drop trigger record_stays on record_key;
create trigger record_stays before update or truncate on record for each statement execute function record_stays();
create trigger record_stays before update or truncate on record_key for each statement execute function record_stays();
create trigger record_goes before delete on record for each row execute function record_goes();
create trigger record_goes before delete on record_key for each row execute function record_goes();
create trigger removed_stays before update or delete or truncate on removed for each statement execute function audit_log_stays();
alter table record enable always trigger record_stays;
alter table record_key enable always trigger record_stays;
alter table record enable always trigger record_goes;
alter table record_key enable always trigger record_goes;
alter table removed enable always trigger removed_stays;
revoke update, delete, truncate on removed from public, current_user;
";

/// Only one node migrates at a time.
pub const MIGRATION_LOCK: i64 = 0x7761_7264_0001;

const META: &str = "create table if not exists meta (key text primary key, value bytea not null)";

/// Each step begins with the digest of the tables that types are to have from then on (a test compares the newest one): they
/// are made later, and what is made then must be what was meant. A step that changes them changes those that are there, too.
const TABLES: &str = "-- tables of types: e0d6e9cfefab734cf57ab392db4b6ebf23655e7fe3b877c456b2e54966ce0cb2
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

/// Phrases that a row has lost, and those of stores from before: they are removed once nothing has their term.
const LEFT_PHRASES: &str = "-- tables of types: e0d6e9cfefab734cf57ab392db4b6ebf23655e7fe3b877c456b2e54966ce0cb2
create table phrase_left (since bigint not null, term bigint not null, p int not null, v text collate \"C\" not null, primary key (p, v, term));
create index phrase_left_s on phrase_left (since);
insert into phrase_left (since, term, p, v) select 0, term, p, v from phrase;
";

/// Applies what is missing, once over all nodes, all of it or nothing. Refuses a database of a newer format, of an older one
/// than is kept, and one whose steps were not ours.
pub async fn migrate(connection: &Connection) -> Result<(), OpenError> {
    migrate_by(connection, CHAIN).await
}

async fn migrate_by(connection: &Connection, chain: Chain<'_>) -> Result<(), OpenError> {
    let migrated = async {
        connection.batch(&format!("set statement_timeout = 0; select pg_advisory_lock({MIGRATION_LOCK}); begin; {META}")).await?;
        let inside = migrate_inside(connection, chain).await;
        let end = match inside {
            Ok(Ok(())) => "commit",
            _ => "rollback",
        };
        connection.batch(end).await?;
        connection
            .batch(&format!("select pg_advisory_unlock({MIGRATION_LOCK})"))
            .await?;
        inside
    };
    migrated
        .await
        .map_err(|_| OpenError::Database("its tables cannot be created or read".into()))?
}

async fn migrate_inside(
    connection: &Connection,
    chain: Chain<'_>,
) -> Result<Result<(), OpenError>, Failure> {
    let format = get_int(connection, "format").await?;
    let checksum = get(connection, "checksum").await?;
    let missing = match chain.missing(format, checksum.as_deref()) {
        Ok(missing) => missing,
        Err(refused) => return Ok(Err(refused)),
    };
    for step in missing {
        connection.batch(step).await?;
    }
    if !missing.is_empty() {
        let format = (chain.newest() as i64).to_le_bytes().to_vec();
        set(connection, "format", format).await?;
        set(connection, "checksum", chain.checksum().to_vec()).await?;
    }
    Ok(Ok(()))
}

/// Of `meta`: which master key wraps the secret and the data keys.
pub const MASTER: &str = "master";
/// Of `meta`: the store's secret, wrapped.
pub const SECRET: &str = "secret";
/// Of `meta`: how resource types are numbered.
pub const DEFINITIONS: &str = "definitions";

pub async fn get(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    let rows = connection
        .rows(
            "select value from meta where key = $1",
            &[Value::Text(key.into())],
        )
        .await?;
    Ok(rows.first().map(|row| row.blob(0)))
}

/// Several at once, as they are at one moment.
pub async fn get_all<const N: usize>(
    connection: &Connection,
    keys: [&str; N],
) -> Result<[Option<Vec<u8>>; N], Failure> {
    let asked = keys.iter().map(|key| Some((*key).to_owned())).collect();
    let mut found = [const { None }; N];
    for row in connection.rows(GET_ALL, &[Value::Texts(asked)]).await? {
        let key = row.text(0);
        if let Some(at) = keys.iter().position(|k| Some(*k) == key.as_deref()) {
            found[at] = Some(row.blob(1));
        }
    }
    Ok(found)
}

pub async fn get_int(connection: &Connection, key: &str) -> Result<Option<i64>, Failure> {
    let value = get(connection, key).await?;
    Ok(value
        .and_then(|bytes| bytes.try_into().ok())
        .map(i64::from_le_bytes))
}

pub async fn set(connection: &Connection, key: &str, value: Vec<u8>) -> Result<(), Failure> {
    let values = [Value::Text(key.into()), Value::Bytes(value)];
    connection.run(SET, &values).await.map(drop)
}

/// All of them or none: what another node has put first stays as a whole.
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

const GET_ALL: &str = "select key, value from meta where key = any($1)";
const SET: &str = "insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value";
/// In the order given: a second node waits at the first key, and then keeps all that is there.
const PUT_ALL: &str = "insert into meta (key, value) select key, value from unnest($1, $2) with ordinality u (key, value, at) \
    order by at on conflict (key) do nothing";

#[cfg(test)]
mod tests {
    use super::super::tables;
    use super::*;
    use crate::contract::StoreSettings;
    use crate::meter::Meter;
    use crate::records::clear::{assert_are_there, clear_record};
    use crate::store::{Store, resource_types};
    use std::sync::Arc;
    use std::time::Duration;
    use ward_fhir::TypeId;
    use ward_seal::MasterKey;
    use ward_testkit::postgres::Database;

    fn database() -> Option<Database> {
        let tested = ward_testkit::backends().contains(&ward_testkit::Backend::Postgres);
        tested.then(Database::create)
    }

    async fn connection(database: &Database) -> Connection {
        let (meter, tables) = (Arc::new(Meter::new(1_000)), Arc::default());
        let timeout = Duration::from_secs(30);
        let connection = Connection::establish(&database.url, meter, tables, timeout).await;
        connection.unwrap()
    }

    #[test]
    fn the_newest_step_names_the_tables_of_types() {
        let types: String = resource_types()
            .iter()
            .map(|ty| tables::definition(*ty))
            .collect();
        let digest = ward_seal::hash::sha256(types.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let newest = CHAIN.steps.last().unwrap();
        let first = newest.lines().next().unwrap();
        assert_eq!(
            first,
            format!("-- tables of types: {digest}"),
            "tables that exist must be changed by a further step"
        );
    }

    #[tokio::test]
    async fn only_databases_of_known_tables_are_opened() {
        let Some(database) = database() else { return };
        let connection = connection(&database).await;
        migrate(&connection).await.unwrap();
        migrate(&connection).await.unwrap();
        let set = async |key: &str, value: Vec<u8>| {
            set(&connection, key, value).await.unwrap();
            migrate(&connection).await
        };
        assert_eq!(set("checksum", vec![0]).await, Err(OpenError::Altered));
        let made = CHAIN.checksum().to_vec();
        assert_eq!(set("checksum", made).await, Ok(()));
        let of_format = |format: usize| (format as i64).to_le_bytes().to_vec();
        let (found, known) = (CHAIN.newest() + 1, CHAIN.newest());
        let newer = Err(OpenError::Newer { found, known });
        assert_eq!(set("format", of_format(found)).await, newer);
        let (found, oldest) = (CHAIN.oldest - 1, CHAIN.oldest);
        let older = Err(OpenError::Older { found, oldest });
        assert_eq!(set("format", of_format(found)).await, older);
    }

    /// A database with rows in it is brought up to a format that a further step makes, and by a step that fails not at all.
    #[tokio::test]
    async fn a_database_of_an_earlier_step_is_brought_up_to_date_with_its_rows() {
        let Some(database) = database() else { return };
        let settings = StoreSettings::postgres(&database.url);
        let master = MasterKey::from_bytes([1; 32]);
        let store = Store::open(settings.clone(), master.clone()).await.unwrap();
        let wanted: Vec<String> = (0..300).map(|n| format!("id-{n}")).collect();
        let ids: Vec<_> = wanted.iter().map(|id| (TypeId(1), id.as_str())).collect();
        let rids = store.reserve(&ids).await.unwrap();
        store.close().await;

        let connection = connection(&database).await;
        // The table of a type that was written before.
        let ty = resource_types()[0];
        connection.batch(&tables::definition(ty)).await.unwrap();
        let further = [CHAIN.steps, &[FURTHER]].concat();
        let broken = [
            &further[..],
            &["create table half (a int); select * from nowhere"],
        ]
        .concat();
        let chain = |steps| Chain {
            oldest: CHAIN.oldest,
            steps,
        };
        assert!(matches!(
            migrate_by(&connection, chain(&broken)).await,
            Err(OpenError::Database(_))
        ));
        assert_eq!(migrate(&connection).await, Ok(()), "nothing has changed");
        // Two nodes start at once.
        let further = chain(&further);
        let other = self::connection(&database).await;
        let both = tokio::join!(
            migrate_by(&connection, further),
            migrate_by(&other, further)
        );
        assert_eq!(both, (Ok(()), Ok(())));
        let (found, known) = (CHAIN.newest() + 1, CHAIN.newest());
        let newer = Err(OpenError::Newer { found, known });
        assert_eq!(migrate(&connection).await, newer);
        let sql = "select id, rid, length from id_alias order by rid";
        let rows: Vec<_> = connection
            .rows(sql, &[])
            .await
            .unwrap()
            .iter()
            .map(|row| {
                (
                    row.text(0).unwrap(),
                    row.int(1).unwrap(),
                    row.int(2).unwrap(),
                )
            })
            .collect();
        let mut expected: Vec<_> = wanted
            .iter()
            .zip(rids)
            .map(|(id, rid)| (id.clone(), rid, id.len() as i64))
            .collect();
        expected.sort_unstable_by_key(|row| row.1);
        assert_eq!(rows, expected);
        let of_type = format!("select further from {}", tables::table(ty));
        assert!(connection.rows(&of_type, &[]).await.unwrap().is_empty());
        assert!(matches!(
            Store::open(settings, master).await,
            Err(OpenError::Newer { .. })
        ));
    }

    /// Records from before they were sealed are brought over when the store is opened, in their order, by one of two nodes that start.
    #[tokio::test]
    async fn records_in_clear_are_sealed_and_stay() {
        let Some(database) = database() else { return };
        let old = connection(&database).await;
        migrate_by(&old, before_sealing()).await.unwrap();
        let clear: Vec<Vec<u8>> = (0..4_500).map(clear_record).collect();
        let put = "insert into record (node, node_seq, body) select 'node', n, body from unnest($1) with ordinality u (body, n)";
        let values = [Value::Blobs(clear.clone())];
        old.run(put, &values).await.unwrap();
        let mark = "insert into record_mark values ('node', 9)";
        old.batch(mark).await.unwrap();
        let settings = StoreSettings::postgres(&database.url);
        let open = || Store::open(settings.clone(), MasterKey::from_bytes([1; 32]));
        let (one, other) = tokio::join!(open(), open());
        for store in [one.unwrap(), other.unwrap(), open().await.unwrap()] {
            assert_are_there(&store, &clear).await;
            assert_eq!(store.store_records("node", &[]).await, Ok(9));
        }
        let left = "select to_regclass('record_before') is not null";
        assert_eq!(database.ask(left), "f");
    }

    fn before_sealing() -> Chain<'static> {
        let sealing = CHAIN.steps.iter().position(|step| *step == RECORDS);
        Chain {
            oldest: CHAIN.oldest,
            steps: &CHAIN.steps[..sealing.unwrap()],
        }
    }

    /// What a step of a later version may be: a column that is filled from what is there, one for all types, and an index.
    const FURTHER: &str = "
alter table id_alias add column length int not null default 0;
update id_alias set length = length(id);
create index id_alias_l on id_alias (length);
alter table resource add column further int;
";
}
