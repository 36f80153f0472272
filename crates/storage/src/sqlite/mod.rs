//! The embedded store: one file, one writer thread, one read connection per thread.
//!
//! Point reads, searches and history run on the calling thread: a point read costs about as much as handing it over. What turns
//! out to take long goes on elsewhere (`long`).

mod checkpoint;
mod choice;
mod connection;
mod delta;
mod drive;
mod explain;
mod ffi;
mod gathered;
mod held;
mod history;
mod hop;
mod indexing;
mod left;
mod long;
mod lower;
mod map;
mod named;
mod names;
mod near;
mod places;
mod question;
mod read;
mod records;
mod rotate;
mod rows;
mod schema;
mod search;
mod several;
mod staged;
mod state;
mod statement;
mod tables;
mod tree;
mod updated;
mod visibility;
mod walk;
mod write;
mod writer;

use crate::contract::{
    CommitError, Current, Explanation, HistoryQuery, Indexed, Indexing, Op, OpenError, Rid, Row,
    StoreError, StoreSettings, Tidied, Unit,
};
use crate::core::{Core, Hits, LoadedKeys, Prepared, StoredRow};
use crate::meter::Meter;
use bytes::Bytes;
use checkpoint::Checkpointer;
use connection::{Connection, SqliteError};
use places::Places;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{mpsc, oneshot};
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_seal::{MasterKey, StoreSecret};
use ward_search::entries::Term;
use ward_search::plan::Plan;
use writer::Job;

pub use rotate::rotate;
pub use staged::Staged;

#[derive(Clone)]
pub struct Sqlite {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    core: Arc<Core>,
    jobs: mpsc::Sender<Job>,
    /// Of reads that take long; see `long`.
    long: Places,
    /// Of the work of this process.
    progress: Mutex<String>,
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, String> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// Open read connections of this thread, by store; those of closed stores go when a new one is opened.
    static READERS: RefCell<Vec<(Weak<Shared>, Connection)>> = const { RefCell::new(Vec::new()) };
}

impl Sqlite {
    pub fn open(
        path: &Path,
        settings: StoreSettings,
        master: MasterKey,
    ) -> Result<Sqlite, OpenError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder)
                .map_err(|e| OpenError::Database(format!("cannot create its folder: {e}")))?;
        }
        create_private(path).map_err(|e| OpenError::Database(format!("cannot create it: {e}")))?;
        let meter = Arc::new(Meter::new(settings.slow_statement_ms));
        let failed = |error: SqliteError| OpenError::Database(error.0);
        let mut connection = Connection::writer(path, meter.clone()).map_err(failed)?;
        schema::migrate(&mut connection)?;
        let begun = writer::transaction(&mut connection, |connection| {
            let secret = match check_identity(connection, &master)? {
                Ok(secret) => secret,
                Err(refused) => return Ok(Err(refused)),
            };
            let indexing = indexing::load(connection)?;
            Ok(Ok((secret, writer::claim_block(connection)?, indexing)))
        });
        let (secret, block, indexing) = begun.map_err(|_| {
            OpenError::Database("the meta table cannot be read or written".into())
        })??;
        let core = Arc::new(Core::new(settings, master, &secret, meter, block));
        records::bring_over(&mut connection, &core.records)?;
        let checkpointer = Checkpointer::start(path).map_err(failed)?;
        core.indexing.learn(indexing);
        let (jobs, queue) = mpsc::channel(writer::QUEUE_MAX);
        let for_writer = core.clone();
        let mut wal = path.as_os_str().to_owned();
        wal.push("-wal");
        std::thread::Builder::new()
            .name("ward-sqlite-writer".into())
            .spawn(move || writer::run(connection, checkpointer, wal.into(), &for_writer, queue))
            .map_err(|e| OpenError::Database(format!("no thread for the writer: {e}")))?;
        Ok(Sqlite {
            shared: Arc::new(Shared {
                path: path.to_owned(),
                core,
                jobs,
                long: Places::new(long::reads_max()),
                progress: Mutex::default(),
            }),
        })
    }

    pub fn core(&self) -> &Core {
        &self.shared.core
    }

    pub fn locate(&self, keys: &[(TypeId, &str)]) -> Result<Vec<Option<Rid>>, StoreError> {
        self.read_with(|connection| read::aliases(connection, keys))
    }

    pub fn read(
        &self,
        access: &Access,
        action: Action,
        ty: TypeId,
        rid: Rid,
    ) -> Result<Current, StoreError> {
        let stored = self.read_with(|connection| {
            read::current(connection, self.core(), access, action, ty, rid)
        })?;
        stored.map_or(Ok(Current::Absent), |stored| {
            Ok(current(self.open_rows(vec![stored])?.pop()))
        })
    }

    pub fn parameters_mark(&self) -> Result<i64, StoreError> {
        let mark =
            self.read_with(|connection| schema::get_int(connection, tables::PARAMETERS_MARK))?;
        Ok(mark.unwrap_or(0))
    }

    pub fn load_indexing(&self) -> Result<Arc<Indexing>, StoreError> {
        let read = self.read_with(indexing::load)?;
        Ok(self.core().indexing.learn(read))
    }

    pub async fn change_indexing(
        &self,
        from: i64,
        generation: u32,
        state: Bytes,
    ) -> Result<bool, StoreError> {
        let job = |answer| Job::Indexing(from, generation, state, answer);
        Ok(self.ask(job).await?.is_some())
    }

    pub async fn remove_left_phrases(&self, most: u32) -> Result<Tidied, StoreError> {
        self.ask(|answer| Job::LeftPhrases(most, answer)).await
    }

    /// As many as are known are looked up by a read.
    pub async fn intern_classes(&self, classes: &[Bytes]) -> Result<Vec<i32>, StoreError> {
        let known = self.read_with(|connection| visibility::ids(connection, classes))?;
        if let Some(ids) = known.iter().copied().collect() {
            return Ok(ids);
        }
        let classes = classes.to_vec();
        self.ask(|answer| Job::Classes(classes, answer)).await
    }

    pub fn policies(&self, patients: &[Rid]) -> Result<Vec<i64>, StoreError> {
        self.read_with(|connection| visibility::policies(connection, patients))
    }

    pub fn visible(
        &self,
        access: &Access,
        keys: &[(TypeId, Rid)],
    ) -> Result<Vec<bool>, StoreError> {
        self.read_with(|connection| visibility::visible(connection, self.core(), access, keys))
    }

    pub fn at_home(
        &self,
        access: &Access,
        patient: Rid,
        after: Rid,
        most: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let stored = self.read_with(|c| visibility::at_home(c, access, patient, after, most))?;
        self.open_rows(stored)
    }

    pub fn deleted_at_home(
        &self,
        access: &Access,
        patient: Rid,
        most: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let stored = self.read_with(|c| visibility::deleted_at_home(c, access, patient, most))?;
        self.open_rows(stored)
    }

    pub fn referrers(
        &self,
        access: &Access,
        ty: TypeId,
        targets: &[Term],
        page: (Rid, u32),
    ) -> Result<Vec<(Rid, Rid)>, StoreError> {
        self.read_with(|c| visibility::referrers(c, access, ty, targets, page))
    }

    pub fn due(&self, now_us: i64, most: u32) -> Result<Vec<Rid>, StoreError> {
        self.read_with(|connection| visibility::due(connection, now_us, most))
    }

    pub fn closed(&self, late_us: i64) -> Result<Vec<Rid>, StoreError> {
        self.read_with(|connection| visibility::closed(connection, late_us))
    }

    pub fn superseded(&self, access: &Access, rids: &[Rid]) -> Result<Vec<Row>, StoreError> {
        let stored = self.read_with(|c| visibility::superseded(c, access, rids))?;
        self.open_rows(stored)
    }

    pub fn classes(&self, from: i32, most: u32) -> Result<Vec<Bytes>, StoreError> {
        self.read_with(|connection| visibility::classes(connection, from, most))
    }

    pub fn indexed(
        &self,
        ty: TypeId,
        after: Option<Indexed>,
        most: u32,
    ) -> Result<Vec<Indexed>, StoreError> {
        self.read_with(|connection| indexing::rows(connection, ty, after, most))
    }

    pub fn work(&self, progress: &str) -> bool {
        *self.shared.progress() = progress.to_owned();
        true
    }

    pub fn progress(&self) -> String {
        self.shared.progress().clone()
    }

    pub fn counted(&self, types: &[TypeId]) -> Result<Vec<u64>, StoreError> {
        self.read_with(|connection| indexing::counted(connection, types))
    }

    pub fn is_live(&self, ty: TypeId, rid: Rid) -> Result<bool, StoreError> {
        self.read_with(|connection| read::is_live(connection, ty, rid))
    }

    pub fn read_many(
        &self,
        access: &Access,
        action: Action,
        keys: &[(TypeId, Rid)],
    ) -> Result<Vec<Current>, StoreError> {
        let found = self.read_with(|c| read::many(c, self.core(), access, action, keys))?;
        let (at, stored): (Vec<usize>, Vec<StoredRow>) = found.into_iter().unzip();
        let mut all = vec![Current::Absent; keys.len()];
        for (at, row) in at.into_iter().zip(self.open_rows(stored)?) {
            *all.get_mut(at).ok_or(StoreError::Integrity)? = current(Some(row));
        }
        Ok(all)
    }

    pub fn read_version(
        &self,
        access: &Access,
        ty: TypeId,
        rid: Rid,
        version: u32,
    ) -> Result<Option<Row>, StoreError> {
        let stored = self.read_with(|c| read::version(c, self.core(), access, ty, rid, version))?;
        stored.map_or(Ok(None), |stored| Ok(self.open_rows(vec![stored])?.pop()))
    }

    /// At most `count + 1` versions.
    pub async fn versions(
        &self,
        access: &Access,
        query: &HistoryQuery,
    ) -> Result<Vec<Row>, StoreError> {
        let core = self.core();
        let stored = match self.at_once(|c| history::history(c, core, access, query))? {
            Some(stored) => stored,
            None => {
                let (access, query) = (access.clone(), query.clone());
                let caller = access.fingerprint();
                self.at_length(caller, move |core, c| {
                    history::history(c, core, &access, &query)
                })
                .await?
            }
        };
        self.open_rows(stored)
    }

    pub async fn search(&self, access: &Access, plan: &Plan) -> Result<Hits, StoreError> {
        let core = self.core();
        let once = self.at_once(|c| c.snapshot(|c| search::search(c, core, access, plan)))?;
        let found = match once {
            Some(found) => found,
            None => {
                let (access, plan) = (access.clone(), plan.clone());
                self.at_length(access.fingerprint(), move |core, c| {
                    c.snapshot(|c| search::search(c, core, &access, &plan))
                })
                .await?
            }
        };
        let rows = self.open_rows(found.rows)?;
        Ok(Hits {
            rows: found.positions.into_iter().zip(rows).collect(),
            more: found.more,
            total: found.total,
        })
    }

    pub fn used(&self, types: &[TypeId]) -> Result<Vec<TypeId>, StoreError> {
        self.read_with(|connection| question::used_types(connection, types))
    }

    pub fn explain(&self, access: &Access, plan: &Plan) -> Result<Explanation, StoreError> {
        self.read_with(|connection| {
            connection.within(self.core().timeout(), |connection| {
                connection
                    .snapshot(|connection| explain::explain(connection, self.core(), access, plan))
            })
        })
    }

    pub fn explain_many(
        &self,
        access: &Access,
        action: Action,
        keys: &[(TypeId, Rid)],
    ) -> Result<Explanation, StoreError> {
        self.read_with(|connection| {
            connection.snapshot(|connection| {
                explain::read_many(connection, self.core(), access, action, keys)
            })
        })
    }

    /// Its writes are made and held open by the writer; see `staged`.
    pub async fn stage(&self, unit: Unit) -> Result<Staged, CommitError> {
        let prepared = self.prepare(unit)?;
        let (answer, staged) = oneshot::channel();
        self.shared
            .jobs
            .send(Job::Stage(prepared, answer))
            .await
            .map_err(|_| CommitError::Unavailable)?;
        staged.await.unwrap_or(Err(CommitError::Unavailable))
    }

    fn prepare(&self, unit: Unit) -> Result<Prepared, CommitError> {
        let missing = self.core().keys_missing(&unit);
        if !missing.is_empty() {
            self.read_with(|connection| read::patient_keys(connection, self.core(), &missing))
                .map_err(|_| CommitError::Unavailable)?;
        }
        Ok(self.core().prepare(unit))
    }

    pub async fn commit(&self, unit: Unit) -> Result<(), CommitError> {
        let prepared = self.prepare(unit)?;
        let (answer, outcome) = oneshot::channel();
        self.shared
            .jobs
            .send(Job::Commit(prepared, answer))
            .await
            .map_err(|_| CommitError::Unavailable)?;
        outcome.await.unwrap_or(Err(CommitError::Unavailable))
    }

    pub async fn reserve(
        &self,
        wanted: Vec<(TypeId, String, Rid)>,
    ) -> Result<Vec<Rid>, StoreError> {
        self.ask(|answer| Job::Reserve(wanted, answer)).await
    }

    /// Asks the writer for a further block of row ids; false when its queue is full.
    pub fn refill(&self) -> bool {
        self.shared.jobs.try_send(Job::Block).is_ok()
    }

    /// To be called every second: in a quiet one the WAL is moved into the file.
    pub fn rest(&self) {
        // A full queue is no rest.
        let _ = self.shared.jobs.try_send(Job::Rest);
    }

    pub fn ready(&self) -> bool {
        !self.shared.jobs.is_closed()
            && self
                .read_with(|connection| connection.run("select 1", &[]))
                .is_ok()
    }

    /// Commits what is queued, moves the WAL into the file and ends the writer. Later commits are refused.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.shared.jobs.send(Job::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }

    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        let (answer, outcome) = oneshot::channel();
        self.shared
            .jobs
            .send(job(answer))
            .await
            .map_err(|_| StoreError::Unavailable)?;
        outcome.await.unwrap_or(Err(StoreError::Unavailable))
    }

    /// Runs on this thread's own connection, opened on first use.
    fn read_with<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        READERS.with_borrow_mut(|readers| {
            let own = Arc::as_ptr(&self.shared);
            let at = match readers
                .iter()
                .position(|(store, _)| std::ptr::eq(store.as_ptr(), own))
            {
                Some(at) => at,
                None => {
                    readers.retain(|(store, _)| store.strong_count() > 0);
                    let connection =
                        Connection::reader(&self.shared.path, self.core().meter.clone()).map_err(
                            |error| {
                                tracing::error!(reason = error.0, "no read connection");
                                StoreError::Unavailable
                            },
                        )?;
                    readers.push((Arc::downgrade(&self.shared), connection));
                    readers.len() - 1
                }
            };
            body(&mut readers[at].1)
        })
    }

    fn open_rows(&self, stored: Vec<StoredRow>) -> Result<Vec<Row>, StoreError> {
        let core = self.core();
        let (held, missing) = core.keys_held(&[], &stored)?;
        let loaded = match missing.is_empty() {
            true => LoadedKeys::default(),
            false => self.read_with(|connection| read::row_keys(connection, core, &missing))?,
        };
        core.rows(stored, held, &loaded)
    }
}

/// A new file is its owner's only; SQLite gives the files beside it the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn current(row: Option<Row>) -> Current {
    match row {
        None => Current::Absent,
        Some(row) if row.op == Op::Delete => Current::Deleted(row),
        Some(row) => Current::Live(row),
    }
}

/// Refuses another master key and otherwise numbered definitions; a new store remembers both, and gets its secret.
fn check_identity(
    connection: &mut Connection,
    master: &MasterKey,
) -> Result<Result<StoreSecret, OpenError>, StoreError> {
    let given = i64::from(master.id());
    let definitions = crate::store::definitions_mark();
    let Some(store) = schema::get_int(connection, schema::MASTER)? else {
        let secret = StoreSecret::generate();
        schema::put(connection, schema::MASTER, given.to_le_bytes().to_vec())?;
        schema::put(connection, schema::SECRET, master.wrap_secret(&secret))?;
        schema::put(connection, schema::DEFINITIONS, definitions.to_vec())?;
        return Ok(Ok(secret));
    };
    if store != given {
        return Ok(Err(OpenError::WrongMaster {
            store: store as u32,
            given: given as u32,
        }));
    }
    if schema::get(connection, schema::DEFINITIONS)?.as_deref() != Some(&definitions[..]) {
        return Ok(Err(OpenError::Definitions));
    }
    let wrapped = schema::get(connection, schema::SECRET)?.unwrap_or_default();
    Ok(master
        .unwrap_secret(&wrapped)
        .map_err(|_| OpenError::Secret))
}
