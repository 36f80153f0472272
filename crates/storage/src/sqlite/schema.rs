//! The tables of the embedded store, and bringing an older file up to date (expand/contract, one transaction each).
//!
//! Every index entry carries the patient `c`, the clinical date `d` and the visibility class `k`, so that a
//! compartment, a page in date order and the Access predicate are decided inside one index range.
//!
//! | key | answers | example |
//! |---|---|---|
//! | `term (h, d, rid)` + c, k | token, reference, uri, exact string, membership; in page order | all results with this code, newest first |
//! | `resource_c (c, typ, d)` | what a caller bound to patients sees | the Observations of one patient |
//! | `resource_d (typ, d)` | a type without a usable condition | all Patients |
//! | `resource_u (typ, upd)`, `resource_s (upd)`, `history_u`, `history_s` | history, `_lastUpdated` | what changed since |
//! | `str (p, v, rid)`, `date (p, lo, rid, hi)`, `qty (h, lo, rid, hi)` | prefixes and ranges | names that start with `smi` |
//! | `qty_w (h \| 0, hi)` | quantities that are no single value, so that all others are ranges of `qty` by either end | `value-quantity=gt5` |
//! | `qty_code (h, v, rid)` | the same under a row's primary code: candidates, which are few where the range is rare for the code | `code=8480-6&value-quantity=lt80` |
//! | `str_r (rid, p)`, `date_r (rid, p)` | the same as probes of a candidate, and sort keys | |
//! | `target (t, rid)` | who refers to a resource | may it be deleted? |
//! | `phrase (p, v, term)` | texts of codings, uris: one row per distinct one of the store | `code:text=hemo` |
//! | `phrase_left (since)` | of which a row has lost one and when (seconds): see `left` | |
//! | `state_k (kind, key)`, `state_l (kind, seq)`, `state_o (kind, owner, seq)`, `state_x (expires)` | rows with an expiry: one, the list of a kind, of an owner, what has expired | a session |
//! | `vis_class (k)`, `vis_class_c (class)` | what a visibility id stands for | |
//! | `policy (c)` | by which version of a patient's policy rows get their visibility | |
//! | `policy_d (due)`, `policy_x (c)` | whose policy is to be decided anew by a time, whose record is closed until then | a consent that ends |
//! | `resource_x (c)` | what was deleted of a patient's record | |
//! | `record (id)`, `record_a (actor)`, `record_c (ctx)`, `record_p (patient)`, `record_key (key, id)` | Records, newest or oldest first | what a person did |
//! | `record_t (at_us)` | between which ids the Records of a time lie, with `record_late` | since Monday |
//! | `removed (id)` | what is left of a Record that was taken out: its entry, the removal, time and commitment | a proof of it |
//! | `record_context (id)` | what many Records have in common: see `audit_row` | |
//! | `term_count (h, k)` | how many rows have a counted term (or are of a type), by visibility | exact totals, choice of the driving range |
//!
//! `qty_w` has the term as an expression, so that no other index stands in for it. (`indexed by` names no partial index safely: the
//! planner refuses the statement where a condition that no row meets lets it drop the index's own.)
//! `g` says by which generation of search parameters a row is indexed (`indexing` holds what they are).
//! `q` has the distinct lower ends of the row's quantities, packed as the function `rows` reads them (NULL: none): with them a
//! candidate is a few points of `qty`, which has no order by row.
//! `self` is the row's own target term: with a parameter's spread it is the term by which others refer to the row.
//!
//! Departs from the measured layout D: references are terms (one table less to write), and there is no `(c, h, d)` index:
//! a patient's range probed for a category by point took 137 us against 85-96 with it, and it would be a third more rows.

use super::connection::{Connection, SqliteError};
use super::statement::Value;
use crate::contract::{OpenError, StoreError};
use crate::migrations::Chain;

/// What was made before the oldest format lacks rows that searches rely on, and has no secret of its own.
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
    ],
};

/// A store without rows has none that an earlier edition of extraction wrote; any other one is told by its empty state.
const EDITION: &str = "
update indexing set revision = revision + 1, state = cast('edition 2' as blob) where state = x'' and not exists (select 1 from resource);
";

/// The same for the third, where the second was the newest before.
const EDITION_3: &str = "
update indexing set revision = revision + 1, state = cast('edition 3' as blob)
where state = cast('edition 2' as blob) and not exists (select 1 from resource);
";

/// What visibility ids stand for, and by which version of a patient's policy they are worked out. Rows written before have id 0,
/// the class of which nothing is known.
const CLASSES: &str = "
create table vis_class (k integer primary key, class blob not null);
create unique index vis_class_c on vis_class (class);
insert into vis_class (k, class) values (0, x'');
create table policy (c integer primary key, version integer not null);
";

/// When a policy changes by time, and who is hidden until that is done. Whose Consents are there already has a policy that is to be
/// decided at once.
const TURNS: &str = "
alter table policy add column due integer not null default 9223372036854775807;
alter table policy add column held integer not null default 0;
alter table policy add column closed integer not null default 0;
create index policy_d on policy (due) where due < 9223372036854775807;
create index policy_x on policy (c) where closed <> 0;
create index resource_x on resource (c) where c <> 0 and op = 2;
insert into policy (c, version, due) select distinct c, 1, 0 from resource where typ = 89 and c <> 0 and op <> 2
  on conflict (c) do update set version = version + 1, due = 0;
";

/// Records sealed, with what finds them. Those in clear wait in their old table until the store is opened with its secret
/// (`records::bring_over`). What is in these tables stays as it is; that numbers have no gaps is seen to here.
const RECORDS: &str = "
alter table record rename to record_before;
create table record (
  id integer primary key, at_us integer not null, ctx integer not null, actor integer not null, patient integer not null,
  events integer not null, sealed blob not null);
create index record_t on record (at_us);
create index record_c on record (ctx);
create index record_a on record (actor);
create index record_p on record (patient) where patient <> 0;
create table record_key (key integer not null, id integer not null, primary key (key, id)) without rowid;
create table record_context (seq integer primary key, id integer not null unique, sealed blob not null);
create table record_late (late_us integer primary key);
create trigger record_next before insert on record when new.id <> coalesce((select max(id) from record), 0) + 1
  begin select raise(abort, 'audit records are numbered without gaps'); end;
create trigger record_u before update on record begin select raise(abort, 'audit records are not changed'); end;
create trigger record_d before delete on record begin select raise(abort, 'audit records are not removed'); end;
create trigger record_key_u before update on record_key begin select raise(abort, 'audit records are not changed'); end;
create trigger record_key_d before delete on record_key begin select raise(abort, 'audit records are not removed'); end;
create trigger record_context_u before update on record_context begin select raise(abort, 'audit records are not changed'); end;
create trigger record_context_d before delete on record_context begin select raise(abort, 'audit records are not removed'); end;
create trigger record_late_u before update on record_late begin select raise(abort, 'audit records are not changed'); end;
create trigger record_late_d before delete on record_late begin select raise(abort, 'audit records are not removed'); end;
";

/// The tree of the audit log (`tree::rows` says what the rows are). Nothing in its tables is changed but what is counted, and how far what
/// is published elsewhere has come.
const TREE: &str = "
create table leaf_run (first integer primary key, cluster integer not null, base integer not null, xid integer not null, last integer not null,
  records blob not null, hashes blob not null);
create index leaf_run_l on leaf_run (xid, last);
create table tile (level integer not null, place integer not null, hashes blob not null, primary key (level, place)) without rowid;
create table checkpoint (n integer primary key, size integer not null, note blob not null);
create index checkpoint_s on checkpoint (size);
create table cosignature (n integer not null, name text not null, line text not null, primary key (n, name)) without rowid;
create table log_key (n integer primary key, origin text not null, sealed blob not null);
create table answered (node text not null, class integer not null, answers integer not null, primary key (node, class)) without rowid;
create table anchor (name text primary key, n integer not null, size integer not null, at integer not null) without rowid;
create table witnessed (origin text primary key, key text not null, size integer not null, root blob not null) without rowid;
create trigger leaf_run_u before update on leaf_run begin select raise(abort, 'the audit log is not changed'); end;
create trigger leaf_run_d before delete on leaf_run begin select raise(abort, 'the audit log is not changed'); end;
create trigger tile_u before update on tile begin select raise(abort, 'the audit log is not changed'); end;
create trigger tile_d before delete on tile begin select raise(abort, 'the audit log is not changed'); end;
create trigger checkpoint_u before update on checkpoint begin select raise(abort, 'the audit log is not changed'); end;
create trigger checkpoint_d before delete on checkpoint begin select raise(abort, 'the audit log is not changed'); end;
create trigger cosignature_u before update on cosignature begin select raise(abort, 'the audit log is not changed'); end;
create trigger cosignature_d before delete on cosignature begin select raise(abort, 'the audit log is not changed'); end;
create trigger log_key_u before update on log_key begin select raise(abort, 'the audit log is not changed'); end;
create trigger log_key_d before delete on log_key begin select raise(abort, 'the audit log is not changed'); end;
create trigger answered_d before delete on answered begin select raise(abort, 'the audit log is not changed'); end;
";

/// What is left of Records that were taken out: a Record can be deleted if it stands here, and what stands here stays.
const REMOVED: &str = "
create table removed (id integer primary key, seq integer not null, removal integer not null, at_us integer not null, commitment blob not null);
drop trigger record_d;
drop trigger record_key_d;
create trigger record_d before delete on record when not exists (select 1 from removed r where r.id = old.id)
  begin select raise(abort, 'audit records are not removed without a tombstone'); end;
create trigger record_key_d before delete on record_key when not exists (select 1 from removed r where r.id = old.id)
  begin select raise(abort, 'audit records are not removed without a tombstone'); end;
create trigger removed_u before update on removed begin select raise(abort, 'the audit log is not changed'); end;
create trigger removed_d before delete on removed begin select raise(abort, 'the audit log is not changed'); end;
";

const TABLES: &str = "
create table resource (
  rid integer primary key, typ integer not null, ver integer not null, upd integer not null, op integer not null,
  c integer not null, d integer not null, k integer not null, self integer not null,
  g integer not null, q blob, alias text, body blob not null);
create index resource_d on resource (typ, d) where op <> 2;
create index resource_u on resource (typ, upd);
create index resource_s on resource (upd);
create index resource_c on resource (c, typ, d) where c <> 0 and op <> 2;
create table history (
  rid integer not null, ver integer not null, typ integer not null, upd integer not null, til integer not null,
  op integer not null, c integer not null, k integer not null, alias text, body blob not null);
create unique index history_r on history (rid, ver);
create index history_u on history (typ, upd, rid, ver);
create index history_s on history (upd, rid, ver);
create table term (h integer not null, d integer not null, rid integer not null, c integer not null, k integer not null,
  primary key (h, d, rid)) without rowid;
create table str (p integer not null, v text not null, rid integer not null, c integer not null, k integer not null,
  primary key (p, v, rid)) without rowid;
create index str_r on str (rid, p);
create table date (p integer not null, lo integer not null, hi integer not null, rid integer not null, c integer not null, k integer not null,
  primary key (p, lo, rid, hi)) without rowid;
create index date_r on date (rid, p, hi);
create table qty (h integer not null, lo real not null, hi real not null, rid integer not null, c integer not null, k integer not null,
  primary key (h, lo, rid, hi)) without rowid;
create index qty_w on qty (h | 0, hi) where hi <> lo;
create table qty_code (h integer not null, v real not null, rid integer not null, primary key (h, v, rid)) without rowid;
create table target (t integer not null, rid integer not null, primary key (t, rid)) without rowid;
create table vocabulary (form integer not null, term integer not null, primary key (form, term)) without rowid;
create table phrase (p integer not null, v text not null, term integer not null, primary key (p, v, term)) without rowid;
create table term_count (h integer not null, k integer not null, n integer not null, primary key (h, k)) without rowid;
create table alias (typ integer not null, id text not null, rid integer not null, primary key (typ, id)) without rowid;
create table data_key (c integer not null, id integer not null, wrapped blob not null, primary key (c, id)) without rowid;
create table record (seq integer primary key, node text, node_seq integer, body blob not null);
create table record_mark (node text primary key, seq integer not null) without rowid;
create table indexing (one integer primary key, revision integer not null, generation integer not null, state blob not null);
insert into indexing (one, revision, generation, state) values (1, 0, 0, x'');
create table state (
  seq integer primary key autoincrement, kind integer not null, key blob not null, owner blob, version integer not null,
  expires integer not null, body blob not null);
create unique index state_k on state (kind, key);
create index state_l on state (kind, seq);
create index state_o on state (kind, owner, seq) where owner is not null;
create index state_x on state (expires) where expires < 9223372036854775807;
create table state_mark (one integer primary key, revision integer not null);
insert into state_mark (one, revision) values (1, 0);
";

/// Phrases that a row has lost, and those of stores from before: they are removed once nothing has their term.
const LEFT_PHRASES: &str = "
create table phrase_left (p integer not null, v text not null, term integer not null, since integer not null,
  primary key (p, v, term)) without rowid;
create index phrase_left_s on phrase_left (since);
insert into phrase_left (p, v, term, since) select p, v, term, 0 from phrase;
";

const META: &str =
    "create table if not exists meta (key text primary key, value blob not null) without rowid";

/// Applies what is missing, all of it or nothing. Refuses a file of a newer format, of an older one than is kept, and one whose
/// steps were not ours.
pub fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    migrate_by(connection, CHAIN)
}

fn migrate_by(connection: &mut Connection, chain: Chain<'_>) -> Result<(), OpenError> {
    connection.batch("begin immediate").map_err(failed)?;
    let done = migrate_inside(connection, chain);
    connection
        .batch(if done.is_ok() { "commit" } else { "rollback" })
        .map_err(failed)?;
    done
}

fn migrate_inside(connection: &mut Connection, chain: Chain<'_>) -> Result<(), OpenError> {
    connection.batch(META).map_err(failed)?;
    let format = get_int(connection, "format").map_err(unreadable)?;
    let checksum = get(connection, "checksum").map_err(unreadable)?;
    let missing = chain.missing(format, checksum.as_deref())?;
    for step in missing {
        connection.batch(step).map_err(failed)?;
    }
    if !missing.is_empty() {
        let format = (chain.newest() as i64).to_le_bytes().to_vec();
        put(connection, "format", format).map_err(unreadable)?;
        put(connection, "checksum", chain.checksum().to_vec()).map_err(unreadable)?;
    }
    Ok(())
}

/// Of `meta`: which master key wraps the secret and the data keys.
pub const MASTER: &str = "master";
/// Of `meta`: the store's secret, wrapped.
pub const SECRET: &str = "secret";
/// Of `meta`: how resource types are numbered.
pub const DEFINITIONS: &str = "definitions";

pub fn get(connection: &mut Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut value = None;
    connection.each(
        "select value from meta where key = ?1",
        &[Value::Text(key.into())],
        |row| {
            value = Some(row.blob(0));
            Ok(())
        },
    )?;
    Ok(value)
}

pub fn get_int(connection: &mut Connection, key: &str) -> Result<Option<i64>, StoreError> {
    let value = get(connection, key)?;
    value
        .map(|bytes| {
            bytes
                .try_into()
                .map(i64::from_le_bytes)
                .map_err(|_| StoreError::Integrity)
        })
        .transpose()
}

pub fn put(connection: &mut Connection, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
    let values = [Value::Text(key.into()), Value::Blob(value)];
    connection.run("insert into meta (key, value) values (?1, ?2) on conflict (key) do update set value = excluded.value", &values).map(drop)
}

fn failed(error: SqliteError) -> OpenError {
    OpenError::Database(error.0)
}

fn unreadable(_: StoreError) -> OpenError {
    OpenError::Database("the meta table cannot be read or written".into())
}

#[cfg(test)]
mod tests {
    use super::super::rows::{Kind, Rows};
    use super::*;
    use crate::contract::StoreSettings;
    use crate::meter::Meter;
    use crate::records::clear::{all, assert_are_there, clear_record};
    use crate::store::Store;
    use std::sync::Arc;
    use ward_fhir::TypeId;
    use ward_seal::MasterKey;

    fn connection(folder: &tempfile::TempDir) -> Connection {
        let path = folder.path().join("ward.db");
        Connection::writer(&path, Arc::new(Meter::new(1_000))).unwrap()
    }

    #[test]
    fn only_files_of_known_tables_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = connection(&folder);
        migrate(&mut connection).unwrap();
        let made = get(&mut connection, "checksum").unwrap().unwrap();
        migrate(&mut connection).unwrap();
        let format = CHAIN.newest();
        assert_eq!(get_int(&mut connection, "format"), Ok(Some(format as i64)));
        put(&mut connection, "checksum", vec![0]).unwrap();
        assert_eq!(migrate(&mut connection), Err(OpenError::Altered));
        put(&mut connection, "checksum", made).unwrap();
        let mut of_format = |format: usize| {
            let bytes = (format as i64).to_le_bytes().to_vec();
            put(&mut connection, "format", bytes).unwrap();
            migrate(&mut connection)
        };
        let (found, known) = (format + 1, format);
        assert_eq!(of_format(found), Err(OpenError::Newer { found, known }));
        let (found, oldest) = (CHAIN.oldest - 1, CHAIN.oldest);
        assert_eq!(of_format(found), Err(OpenError::Older { found, oldest }));
        assert_eq!(of_format(format), Ok(()));
    }

    /// A file with rows in it is brought up to a format that a further step makes, and by a step that fails not at all.
    #[tokio::test]
    async fn a_file_of_an_earlier_step_is_brought_up_to_date_with_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings::sqlite(folder.path().join("ward.db"));
        let master = MasterKey::from_bytes([1; 32]);
        let store = Store::open(settings.clone(), master.clone()).await.unwrap();
        let wanted: Vec<String> = (0..300).map(|n| format!("id-{n}")).collect();
        let ids: Vec<_> = wanted.iter().map(|id| (TypeId(1), id.as_str())).collect();
        let rids = store.reserve(&ids).await.unwrap();
        store.close().await;

        let mut connection = connection(&folder);
        let further = [CHAIN.steps, &[FURTHER]].concat();
        let broken = [
            &further[..],
            &["create table half (a); select * from nowhere"],
        ]
        .concat();
        let chain = |steps| Chain {
            oldest: CHAIN.oldest,
            steps,
        };
        assert!(matches!(
            migrate_by(&mut connection, chain(&broken)),
            Err(OpenError::Database(_))
        ));
        assert_eq!(migrate(&mut connection), Ok(()), "nothing has changed");
        let further = chain(&further);
        assert_eq!(migrate_by(&mut connection, further), Ok(()));
        assert_eq!(migrate_by(&mut connection, further), Ok(()));
        let (found, known) = (CHAIN.newest() + 1, CHAIN.newest());
        let newer = Err(OpenError::Newer { found, known });
        assert_eq!(migrate(&mut connection), newer);
        let mut rows = Vec::new();
        let read = connection.each(
            "select id, rid, length from alias order by rid",
            &[],
            |row| {
                rows.push((row.text(0).unwrap(), row.int(1)?, row.int(2)?));
                Ok(())
            },
        );
        read.unwrap();
        let mut expected: Vec<_> = wanted
            .iter()
            .zip(rids)
            .map(|(id, rid)| (id.clone(), rid, id.len() as i64))
            .collect();
        expected.sort_unstable_by_key(|row| row.1);
        assert_eq!(rows, expected);
        assert!(matches!(
            Store::open(settings, master).await,
            Err(OpenError::Newer { .. })
        ));
    }

    /// Records from before they were sealed are brought over when the store is opened, in their order, however many transactions that takes.
    #[tokio::test]
    async fn records_in_clear_are_sealed_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut old = connection(&folder);
        migrate_by(&mut old, before_sealing()).unwrap();
        let clear: Vec<Vec<u8>> = (0..4_500).map(clear_record).collect();
        let mut rows = Rows::new(&[Kind::Int, Kind::Blob]);
        for (at, body) in clear.iter().enumerate() {
            rows.int(at as i64 * 3 + 1);
            rows.bytes(Some(body));
        }
        let put =
            "insert into record (seq, node, node_seq, body) select a, 'node', a, b from rows(?1)";
        old.run(put, &[rows.into_value()]).unwrap();
        old.batch("insert into record_mark values ('node', 9)")
            .unwrap();
        drop(old);
        let settings = StoreSettings::sqlite(folder.path().join("ward.db"));
        for _ in 0..2 {
            let store = Store::open(settings.clone(), MasterKey::from_bytes([1; 32]));
            let store = store.await.unwrap();
            assert_are_there(&store, &clear).await;
            let numbers = all(&store).await.into_iter().map(|row| row.id);
            assert!(numbers.eq(1..=4_500));
            assert_eq!(store.store_records("node", &[]).await, Ok(9));
            store.close().await;
        }
        let mut left = 0;
        let tables = "select 1 from sqlite_master where name like 'record_before%'";
        let mut new = connection(&folder);
        let counted = new.each(tables, &[], |_| {
            left += 1;
            Ok(())
        });
        assert_eq!((counted, left), (Ok(()), 0));
    }

    fn before_sealing() -> Chain<'static> {
        let sealing = CHAIN.steps.iter().position(|step| *step == RECORDS);
        Chain {
            oldest: CHAIN.oldest,
            steps: &CHAIN.steps[..sealing.unwrap()],
        }
    }

    /// What a step of a later version may be: a column that is filled from what is there, and an index.
    const FURTHER: &str = "
alter table alias add column length integer not null default 0;
update alias set length = length(id);
create index alias_l on alias (length);
";
}
