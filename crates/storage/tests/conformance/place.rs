//! A store in a private place, and short ways to write to it.

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::sqlite::SqliteConnection;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use ward_access::{
    Access, Action, Caller, Criterion, Facts, Granular, Identity, Maintenance, Mask, PatientKey,
    Scopes, decide, maintenance,
};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_seal::MasterKey;
use ward_search::compartment::Compartments;
use ward_search::entries::{Entries, TermEntry};
use ward_search::extract::Extractor;
use ward_search::plan::{Filter, Plan, Total};
use ward_search::registry::Registry;
use ward_storage::{
    CommitError, Current, Expect, Generation, Op, OpenError, Rid, Row, Store, StoreSettings, Unit,
    Write,
};
use ward_testkit::postgres::Database;

/// Where a store lives: survives closing and opening it again.
pub enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(Database),
}

impl Place {
    pub fn sqlite() -> Place {
        Place::Sqlite(tempfile::tempdir().unwrap())
    }

    /// A copy of a database that was migrated once.
    pub async fn postgres() -> Place {
        static TEMPLATE: tokio::sync::OnceCell<Database> = tokio::sync::OnceCell::const_new();
        static COPYING: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let template = TEMPLATE.get_or_init(async || {
            let database = Database::create();
            Store::open(StoreSettings::postgres(&database.url), master())
                .await
                .unwrap()
                .close()
                .await;
            database
        });
        let template = template.await;
        // One copy at a time: a copy keeps others from connecting to the template.
        let _copying = COPYING.lock().unwrap();
        Place::Postgres(Database::copy(template))
    }

    /// A copy from which everything is removed whose visibility is none of these, or which is at home with one of the patients: of them
    /// the counters stay. No store may be open on the place.
    pub async fn reduced(&self, visible: &[i32], closed: &[Rid]) -> Place {
        let list = |ids: Vec<String>| ids.join(", ");
        let ids = list(visible.iter().map(i32::to_string).collect());
        let homes = list(closed.iter().map(Rid::to_string).collect());
        match self {
            Place::Sqlite(folder) => {
                let copy = tempfile::tempdir().unwrap();
                let file = |folder: &tempfile::TempDir| folder.path().join("ward.db");
                std::fs::copy(file(folder), file(&copy)).unwrap();
                let copy = Place::Sqlite(copy);
                let of_rows = [
                    "history", "term", "str", "date", "qty", "qty_code", "target",
                ];
                let orphans = of_rows.map(|table| {
                    format!("delete from {table} where rid not in (select rid from resource);")
                });
                let hidden = ["resource", "history", "term_count"]
                    .map(|table| format!("delete from {table} where k not in ({ids});"));
                let at_home = ["resource", "history"]
                    .map(|table| format!("delete from {table} where c in ({homes});"));
                copy.run(&(hidden.concat() + &at_home.concat() + &orphans.concat()))
                    .await;
                copy
            }
            Place::Postgres(database) => {
                let copy = Place::Postgres(Database::copy(database));
                let hidden = ["resource", "history", "term_count"].map(|table| {
                    format!("delete from {table} where w <> all(array[{ids}]::int[]);")
                });
                let orphans = ["history", "string_term", "quantity_term"].map(|table| {
                    format!("delete from {table} t where not exists (select from resource x where x.rid = t.rid);")
                });
                let at_home = ["resource", "history"].map(|table| {
                    format!("delete from {table} where c = any(array[{homes}]::bigint[]);")
                });
                copy.run(&(hidden.concat() + &at_home.concat() + &orphans.concat()))
                    .await;
                copy
            }
        }
    }

    pub fn settings(&self) -> StoreSettings {
        match self {
            Place::Sqlite(folder) => StoreSettings::sqlite(folder.path().join("ward.db")),
            Place::Postgres(database) => StoreSettings::postgres(&database.url),
        }
    }

    pub async fn open(&self) -> Store {
        Store::open(self.settings(), master()).await.unwrap()
    }

    pub async fn open_with(&self, master: &MasterKey) -> Result<Store, OpenError> {
        Store::open(self.settings(), master.clone()).await
    }

    /// Runs a statement beside the store, as an operator or a fault would.
    pub async fn run(&self, sql: &str) {
        match self {
            Place::Sqlite(folder) => {
                let path = folder.path().join("ward.db");
                let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                connection.batch_execute(sql).unwrap();
            }
            Place::Postgres(database) => {
                database.ask(sql);
            }
        }
    }

    /// The same where it may be refused: whether it was done.
    pub async fn can_run(&self, sql: &str) -> bool {
        match self {
            Place::Sqlite(folder) => {
                let path = folder.path().join("ward.db");
                let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                connection.batch_execute(sql).is_ok()
            }
            Place::Postgres(database) => {
                let connected = tokio_postgres::connect(&database.url, tokio_postgres::NoTls);
                let (client, driver) = connected.await.unwrap();
                let driving = tokio::spawn(driver);
                let done = client.batch_execute(sql).await;
                drop(client);
                driving.await.unwrap().unwrap();
                done.is_ok()
            }
        }
    }

    /// The bytes in which state rows lie: the whole file with its log, or the columns of the table.
    pub async fn stored_state(&self) -> Vec<u8> {
        self.stored("select key || coalesce(owner, '') || body from state")
            .await
    }

    /// The whole file with its log, or what the statement says.
    pub async fn stored(&self, sql: &str) -> Vec<u8> {
        let database = match self {
            Place::Sqlite(folder) => {
                let files = ["ward.db", "ward.db-wal"];
                let read = files.map(|file| std::fs::read(folder.path().join(file)).unwrap());
                return read.concat();
            }
            Place::Postgres(database) => database,
        };
        let (client, driver) = tokio_postgres::connect(&database.url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let driving = tokio::spawn(driver);
        let rows = client.query(sql, &[]).await.unwrap();
        drop(client);
        driving.await.unwrap().unwrap();
        rows.iter()
            .flat_map(|row| row.get::<_, Vec<u8>>(0))
            .collect()
    }

    /// What the background would do in time: statistics, and lists and maps brought up to date.
    pub async fn analyse(&self) {
        let Place::Postgres(database) = self else {
            return;
        };
        let (client, driver) = tokio_postgres::connect(&database.url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let driving = tokio::spawn(driver);
        client.batch_execute("vacuum analyze").await.unwrap();
        drop(client);
        driving.await.unwrap().unwrap();
    }

    /// Compares with the checked-in file of this store, or writes it when `WARD_BLESS` is set.
    pub fn golden(&self, folder: &str, text: &str) {
        let name = match self {
            Place::Sqlite(_) => "sqlite.txt",
            Place::Postgres(_) => "postgres.txt",
        };
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
        let path = here.join(folder).join(name);
        if std::env::var_os("WARD_BLESS").is_some() {
            return std::fs::write(path, text).unwrap();
        }
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        let differing = known.lines().zip(text.lines()).find(|(a, b)| a != b);
        assert!(
            known == text,
            "{folder}/{name} differs (WARD_BLESS=1 rewrites it): {differing:?}"
        );
    }
}

pub fn master() -> MasterKey {
    MasterKey::from_bytes([42; 32])
}

pub fn ty(name: &str) -> TypeId {
    r4().resource_type(name).unwrap()
}

/// Sees every row.
pub fn all() -> Access {
    maintenance(Maintenance::DemoImport)
}

/// Sees every row whose visibility is one of these.
pub fn only(visible: &[i32]) -> Access {
    scoped_by(&Mask::of(visible), "system/*.cruds", None)
}

/// A patient's app.
pub fn app(store: &Store, patient: Rid) -> Access {
    app_by(&Mask::every(), store, patient)
}

pub fn app_by(mask: &Mask, store: &Store, patient: Rid) -> Access {
    scoped_by(mask, "patient/*.cruds", Some((store, patient)))
}

/// A system with these scopes, or an app launched for a patient.
pub fn scoped(scopes: &str, patient: Option<(&Store, Rid)>) -> Access {
    scoped_by(&Mask::every(), scopes, patient)
}

pub fn scoped_by(mask: &Mask, scopes: &str, patient: Option<(&Store, Rid)>) -> Access {
    let is_app = patient.is_some();
    let identity = Identity {
        subject: if is_app { "someone" } else { "client" }.into(),
        client_id: "client".into(),
        fhir_user: is_app.then(|| "Patient/1".into()),
        patient: is_app.then(|| "1".into()),
        scopes: Scopes::parse(scopes).unwrap(),
        ..Identity::default()
    };
    let key = patient.map(|(store, rid)| PatientKey {
        rid,
        membership: store.term_key().membership(rid),
    });
    decide(
        &Caller::new(identity),
        &Facts {
            patient: key,
            ..Facts::of(mask.clone())
        },
    )
}

/// A system or a clinician with granular scopes, compiled for this store. The launch patient is `Patient/1` by name.
pub fn granular(store: &Store, scopes: &str, patient: Option<Rid>) -> Access {
    granular_by(&Mask::every(), store, scopes, patient)
}

pub fn granular_by(mask: &Mask, store: &Store, scopes: &str, patient: Option<Rid>) -> Access {
    let is_person = !scopes.contains("system/");
    let caller = Caller::new(Identity {
        subject: if is_person { "someone" } else { "client" }.into(),
        client_id: "client".into(),
        fhir_user: is_person.then(|| "Practitioner/1".into()),
        roles: is_person.then(|| "physician".into()).into_iter().collect(),
        patient: patient.map(|_| "1".into()),
        scopes: Scopes::parse(scopes).unwrap(),
        ..Identity::default()
    });
    assert!(caller.scopes.refused().is_empty(), "{scopes}");
    let key = store.term_key().clone();
    let extractor = Extractor::new(Arc::new(Registry::new(r4())), key, None);
    let criterion = |scope: &Granular| {
        let compiled = Criterion::compile(&extractor, scope.ty(), scope.query()).unwrap();
        Some(Arc::new(compiled))
    };
    let facts = Facts {
        patient: patient.map(|rid| PatientKey {
            rid,
            membership: store.term_key().membership(rid),
        }),
        criteria: caller.granular().iter().map(criterion).collect(),
        ..Facts::of(mask.clone())
    };
    decide(&caller, &facts)
}

/// Whose compartments the references of a body are in.
pub fn memberships() -> &'static Compartments {
    static MEMBERSHIPS: LazyLock<Compartments> = LazyLock::new(|| Compartments::new(r4(), None));
    &MEMBERSHIPS
}

/// Rising microseconds, so that no two versions share one.
pub fn now() -> i64 {
    static NOW: AtomicI64 = AtomicI64::new(1_700_000_000_000_000);
    NOW.fetch_add(1_000, Ordering::Relaxed)
}

/// The first version of a row.
pub fn create(ty: TypeId, rid: Rid, patient: Rid, body: &str) -> Write {
    Write {
        ty,
        rid,
        alias: None,
        expect: Expect::Absent,
        version: 1,
        updated_us: now(),
        op: Op::Create,
        patient,
        visibility: 0,
        policy: Some(0),
        body: body.to_owned().into(),
        entries: Entries::default(),
        old_entries: Entries::default(),
        generation: Generation::default(),
    }
}

/// The version after `write`.
pub fn update(write: &Write, body: &str, entries: Entries) -> Write {
    Write {
        alias: None,
        expect: Expect::Version(write.version),
        version: write.version + 1,
        updated_us: now(),
        op: Op::Update,
        body: body.to_owned().into(),
        old_entries: write.entries.clone(),
        entries,
        ..write.clone()
    }
}

pub fn delete(write: &Write) -> Write {
    Write {
        op: Op::Delete,
        ..update(write, "", Entries::default())
    }
}

pub fn unit(writes: Vec<Write>) -> Unit {
    Unit {
        writes,
        guards: Vec::new(),
        ..Unit::default()
    }
}

pub async fn commit(store: &Store, write: &Write) -> Result<(), CommitError> {
    store.commit(unit(vec![write.clone()])).await
}

/// A new patient, committed.
pub async fn patient(store: &Store) -> Rid {
    let rid = store.allocate(None);
    commit(
        store,
        &create(ty("Patient"), rid, rid, &format!("{{\"patient\":{rid}}}")),
    )
    .await
    .unwrap();
    rid
}

pub async fn read(store: &Store, access: &Access, ty: TypeId, rid: Rid) -> Current {
    store.read(access, Action::Read, ty, rid).await.unwrap()
}

pub fn live(current: Current) -> Row {
    match current {
        Current::Live(row) => row,
        other => panic!("not live: {other:?}"),
    }
}

pub fn term(term: i64) -> TermEntry {
    TermEntry {
        term,
        param: 1,
        counted: true,
    }
}

pub fn terms(list: &[i64]) -> Entries {
    let mut entries = Entries::default();
    list.iter().for_each(|t| entries.add_term(term(*t)));
    entries
}

pub fn plan(ty: TypeId, filter: Filter) -> Plan {
    Plan {
        types: vec![ty],
        filter,
        sort: Vec::new(),
        count: 50,
        total: Total::None,
        after: None,
    }
}

/// Row ids of a search, in order.
pub async fn found(store: &Store, access: &Access, plan: &Plan) -> Vec<Rid> {
    store
        .search(access, plan)
        .await
        .unwrap()
        .rows
        .iter()
        .map(|row| row.rid)
        .collect()
}
