//! The store for more than one process or machine: PostgreSQL 15 or newer.

mod choice;
mod connection;
mod delta;
mod explain;
mod facts;
mod held;
mod history;
mod hop;
mod indexing;
mod keyed;
mod left;
mod lower;
mod names;
mod once;
mod page;
mod parts;
mod pool;
mod probe;
mod question;
mod reach;
mod read;
mod referring;
mod rotate;
mod rowset;
mod schema;
mod search;
mod sizes;
mod staged;
mod state;
mod statement;
mod tables;
mod total;
mod transaction;
mod tree;
mod visibility;
mod write;
mod writer;

use crate::allocator::BLOCK;
use crate::contract::{
    CommitError, Current, Explanation, HistoryQuery, Indexed, Indexing, Op, OpenError, Rid, Row,
    StoreError, StoreSettings, Tidied, Unit,
};
use crate::core::{Core, Hits, LoadedKeys, Prepared, StoredRow};
use crate::meter::Meter;
use bytes::Bytes;
use connection::{Connection, Failure};
use facts::Remembered;
use pool::{Pool, Pooled};
use statement::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tables::Tables;
use tokio::sync::{mpsc, oneshot};
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_seal::{MasterKey, StoreSecret};
use ward_search::plan::Plan;
use writer::Commit;

pub use rotate::rotate;
pub use staged::Staged;

#[derive(Clone)]
pub struct Postgres {
    shared: Arc<Shared>,
}

struct Shared {
    core: Arc<Core>,
    reads: Pool,
    writes: Arc<Pool>,
    remembered: Remembered,
    queue: mpsc::Sender<Commit>,
    /// Of the node that numbers audit records: it holds the lock as long as it is open.
    numbering: tokio::sync::Mutex<Option<Pooled>>,
    /// Commits under way.
    in_flight: AtomicUsize,
    closing: AtomicBool,
    /// This process among those of the database: the block of row ids that it began with is nobody else's.
    node: String,
}

/// A statement of a commit that takes longer has met a lock that nobody gives up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs one read on a connection of the pool.
macro_rules! reading {
    ($store:expr, $connection:ident => $read:expr) => {{
        let pooled = $store.shared.reads.get().await?;
        let $connection: &Connection = &pooled;
        let result = $read.await;
        Postgres::done(pooled, result)
    }};
}

/// Runs one read of rows by their keys on the connection that such reads share.
macro_rules! brief {
    ($store:expr, $connection:ident => $read:expr) => {{
        let line = $store.shared.reads.line().await?;
        let $connection: &Connection = &line;
        $read.await
    }};
}

mod policies;
mod records;

impl Postgres {
    pub async fn open(
        url: &str,
        settings: StoreSettings,
        master: MasterKey,
    ) -> Result<Postgres, OpenError> {
        let meter = Arc::new(Meter::new(settings.slow_statement_ms));
        let tables = Arc::new(Tables::default());
        let connection = Connection::establish(url, meter.clone(), tables.clone(), WRITE_TIMEOUT)
            .await
            .map_err(OpenError::Database)?;
        schema::migrate(&connection).await?;
        let unreadable =
            |_: Failure| OpenError::Database("the meta table cannot be read or written".into());
        let secret = check_identity(&connection, &master)
            .await
            .map_err(unreadable)??;
        tables::load(&connection).await.map_err(unreadable)?;
        let indexing = indexing::load(&connection).await.map_err(unreadable)?;
        let block = schema::claim(&connection, BLOCK)
            .await
            .map_err(unreadable)?;
        let reads = Pool::new(
            url,
            meter.clone(),
            tables.clone(),
            Duration::from_millis(settings.statement_timeout_ms),
            settings.read_connections_max,
            false,
        );
        let writes = Arc::new(Pool::new(
            url,
            meter.clone(),
            tables,
            WRITE_TIMEOUT,
            // One more for the numbering.
            writer::DIRECT_MAX + writer::WRITERS + 1,
            true,
        ));
        let core = Arc::new(Core::new(settings, master, &secret, meter, block));
        core.indexing.learn(indexing);
        let brought = records::bring_over(&connection, &core.records).await;
        brought
            .map_err(|_| OpenError::Database("its audit records cannot be brought over".into()))?;
        let queue = writer::start(writes.clone(), core.clone())
            .map_err(|e| OpenError::Database(format!("no thread for the writers: {e}")))?;
        Ok(Postgres {
            shared: Arc::new(Shared {
                core,
                reads,
                writes,
                remembered: Remembered::default(),
                queue,
                numbering: tokio::sync::Mutex::default(),
                in_flight: AtomicUsize::new(0),
                closing: AtomicBool::new(false),
                node: block.to_string(),
            }),
        })
    }

    pub fn core(&self) -> &Core {
        &self.shared.core
    }

    pub async fn locate(&self, keys: &[(TypeId, &str)]) -> Result<Vec<Option<Rid>>, StoreError> {
        Ok(brief!(self, connection => read::aliases(connection, keys))?)
    }

    pub async fn read(
        &self,
        access: &Access,
        action: Action,
        ty: TypeId,
        rid: Rid,
    ) -> Result<Current, StoreError> {
        Ok(self
            .read_many(access, action, &[(ty, rid)])
            .await?
            .pop()
            .unwrap_or(Current::Absent))
    }

    pub async fn parameters_mark(&self) -> Result<i64, StoreError> {
        let rows = reading!(self, connection => connection.rows(delta::PARAMETERS_MARK, &[]))?;
        rows.first().ok_or(StoreError::Integrity)?.int(0)
    }

    pub async fn load_indexing(&self) -> Result<Arc<Indexing>, StoreError> {
        let read = reading!(self, connection => indexing::load(connection))?;
        Ok(self.core().indexing.learn(read))
    }

    pub async fn change_indexing(
        &self,
        from: i64,
        generation: u32,
        state: Bytes,
    ) -> Result<bool, StoreError> {
        let pooled = self.shared.writes.get().await?;
        let changed = indexing::change(&pooled, from, generation, &state).await;
        let changed = Self::done(pooled, changed)?;
        self.load_indexing().await?;
        Ok(changed)
    }

    pub async fn remove_left_phrases(&self, most: u32) -> Result<Tidied, StoreError> {
        let kept_s = self.shared.core.settings.texts_kept_s;
        let pooled = self.shared.writes.get().await?;
        let removed = left::remove(&pooled, most, kept_s).await;
        Self::done(pooled, removed)
    }

    pub async fn indexed(
        &self,
        ty: TypeId,
        after: Option<Indexed>,
        most: u32,
    ) -> Result<Vec<Indexed>, StoreError> {
        reading!(self, connection => indexing::rows(connection, ty, after, most))
    }

    pub async fn work(&self, progress: &str) -> Result<bool, StoreError> {
        let pooled = self.shared.writes.get().await?;
        let held = indexing::work(&pooled, &self.shared.node, progress).await;
        Self::done(pooled, held)
    }

    pub async fn progress(&self) -> Result<String, StoreError> {
        reading!(self, connection => indexing::progress(connection))
    }

    pub async fn counted(&self, types: &[TypeId]) -> Result<Vec<u64>, StoreError> {
        reading!(self, connection => indexing::counted(connection, types))
    }

    pub async fn is_live(&self, ty: TypeId, rid: Rid) -> Result<bool, StoreError> {
        reading!(self, connection => read::is_live(connection, ty, rid))
    }

    pub async fn read_many(
        &self,
        access: &Access,
        action: Action,
        keys: &[(TypeId, Rid)],
    ) -> Result<Vec<Current>, StoreError> {
        let found = match keys {
            [_] => {
                brief!(self, connection => read::many(connection, self.core(), access, action, keys))?
            }
            _ => {
                reading!(self, connection => read::many(connection, self.core(), access, action, keys))?
            }
        };
        let (at, stored): (Vec<usize>, Vec<StoredRow>) = found.into_iter().unzip();
        let mut all = vec![Current::Absent; keys.len()];
        for (at, row) in at.into_iter().zip(self.open_rows(stored).await?) {
            *all.get_mut(at).ok_or(StoreError::Integrity)? = current(row);
        }
        Ok(all)
    }

    pub async fn read_version(
        &self,
        access: &Access,
        ty: TypeId,
        rid: Rid,
        version: u32,
    ) -> Result<Option<Row>, StoreError> {
        let stored = brief!(self, connection => read::version(connection, self.core(), access, ty, rid, version))?;
        Ok(self.open_rows(stored.into_iter().collect()).await?.pop())
    }

    /// At most `count + 1` versions.
    pub async fn versions(
        &self,
        access: &Access,
        query: &HistoryQuery,
    ) -> Result<Vec<Row>, StoreError> {
        let stored =
            reading!(self, connection => history::history(connection, self.core(), access, query))?;
        self.open_rows(stored).await
    }

    pub async fn search(&self, access: &Access, plan: &Plan) -> Result<Hits, StoreError> {
        let (core, remembered) = (self.core(), &self.shared.remembered);
        let found = reading!(self, connection => search::search(connection, core, remembered, access, plan))?;
        self.opened(found).await
    }

    /// A page for each, by one statement.
    pub async fn referring(
        &self,
        access: &Access,
        plans: &[Plan],
    ) -> Result<Vec<Hits>, StoreError> {
        let core = self.core();
        let found =
            reading!(self, connection => referring::referring(connection, core, access, plans))?;
        let mut hits = Vec::with_capacity(found.len());
        for found in found {
            hits.push(self.opened(found).await?);
        }
        Ok(hits)
    }

    async fn opened(&self, found: search::Found) -> Result<Hits, StoreError> {
        let rows = self.open_rows(found.rows).await?;
        Ok(Hits {
            rows: found.positions.into_iter().zip(rows).collect(),
            more: found.more,
            total: found.total,
        })
    }

    pub async fn used(&self, types: &[TypeId]) -> Result<Vec<TypeId>, StoreError> {
        reading!(self, connection => question::used_types(connection, types))
    }

    pub async fn explain(&self, access: &Access, plan: &Plan) -> Result<Explanation, StoreError> {
        reading!(self, connection => explain::explain(connection, self.core(), access, plan))
    }

    pub async fn explain_many(
        &self,
        access: &Access,
        action: Action,
        keys: &[(TypeId, Rid)],
    ) -> Result<Explanation, StoreError> {
        reading!(self, connection => explain::read_many(connection, self.core(), access, action, keys))
    }

    /// Its writes are made and held open on a connection of its own; see `staged`.
    pub async fn stage(&self, unit: Unit) -> Result<Staged, CommitError> {
        let prepared = self.prepare(unit).await?;
        if self.shared.closing.load(Ordering::Acquire) {
            return Err(CommitError::Unavailable);
        }
        let opened = writer::open(&self.shared.writes, self.core(), &prepared).await;
        match opened {
            Ok(pooled) => Ok(Staged::new(self.clone(), prepared, pooled)),
            Err(error) => {
                self.core().settled(&prepared, false);
                Err(error)
            }
        }
    }

    async fn prepare(&self, unit: Unit) -> Result<Prepared, CommitError> {
        let missing = self.core().keys_missing(&unit);
        if !missing.is_empty() {
            self.load_keys(&missing)
                .await
                .map_err(|_| CommitError::Unavailable)?;
        }
        Ok(self.core().prepare(unit))
    }

    pub async fn commit(&self, unit: Unit) -> Result<(), CommitError> {
        let prepared = self.prepare(unit).await?;
        let under_way = InFlight::enter(&self.shared.in_flight);
        if self.shared.closing.load(Ordering::Acquire) {
            return Err(CommitError::Unavailable);
        }
        // Conditional ones wait for each other in the database: together in one batch they do not.
        if under_way.before < writer::DIRECT_MAX && !prepared.unit.is_conditional() {
            let outcomes = writer::commit(&self.shared.writes, self.core(), &[&prepared]).await;
            return outcomes
                .into_iter()
                .next()
                .unwrap_or(Err(CommitError::Unavailable));
        }
        let (answer, outcome) = oneshot::channel();
        self.shared
            .queue
            .send((prepared, answer))
            .await
            .map_err(|_| CommitError::Unavailable)?;
        outcome.await.unwrap_or(Err(CommitError::Unavailable))
    }

    pub async fn reserve(
        &self,
        wanted: Vec<(TypeId, String, Rid)>,
    ) -> Result<Vec<Rid>, StoreError> {
        let typ = Value::Ints(wanted.iter().map(|w| i64::from(w.0.0)).collect());
        let ids = Value::Texts(wanted.iter().map(|w| Some(w.1.clone())).collect());
        let rids = Value::Ints(wanted.iter().map(|w| w.2).collect());
        self.write_with(RESERVE, vec![typ, ids, rids]).await?;
        let keys: Vec<(TypeId, &str)> = wanted.iter().map(|w| (w.0, w.1.as_str())).collect();
        self.locate(&keys)
            .await?
            .into_iter()
            .map(|rid| rid.ok_or(StoreError::Integrity))
            .collect()
    }

    /// Claims a further block of row ids in the background; false when that cannot be started.
    pub fn refill(&self) -> bool {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return false;
        };
        let store = self.clone();
        runtime.spawn(async move {
            let claimed = async {
                let connection = store.shared.writes.get().await?;
                let block = schema::claim(&connection, BLOCK).await?;
                connection.release();
                Ok::<i64, Failure>(block)
            };
            store.core().allocator.keep_spare(claimed.await.ok());
        });
        true
    }

    pub async fn ready(&self) -> bool {
        let asked = async { reading!(self, connection => connection.batch("select 1")) };
        asked.await.is_ok()
    }

    async fn load_keys(&self, patients: &[Rid]) -> Result<(), StoreError> {
        Ok(brief!(self, connection => read::patient_keys(connection, self.core(), patients))?)
    }

    /// Waits for the commits under way. Later ones are refused.
    pub async fn close(&self) {
        self.shared.closing.store(true, Ordering::Release);
        for _ in 0..CLOSE_WAITS {
            if self.shared.in_flight.load(Ordering::Acquire) == 0 {
                break;
            }
            tokio::time::sleep(CLOSE_WAIT).await;
        }
        self.stop_numbering().await;
        self.shared.writes.close();
        self.shared.reads.close();
    }

    /// Gives the connection back unless it broke.
    fn done<T>(pooled: Pooled, result: Result<T, Failure>) -> Result<T, StoreError> {
        if !matches!(result, Err(Failure::Broken)) {
            pooled.release();
        }
        Ok(result?)
    }

    /// One statement in its own transaction.
    async fn write_with(&self, sql: &str, values: Vec<Value>) -> Result<(), StoreError> {
        let pooled = self.shared.writes.get().await?;
        let result = pooled.run(sql, &values).await.map(drop);
        Self::done(pooled, result)
    }

    async fn open_rows(&self, stored: Vec<StoredRow>) -> Result<Vec<Row>, StoreError> {
        let core = self.core();
        let (held, missing) = core.keys_held(&[], &stored)?;
        let loaded = match missing.is_empty() {
            true => LoadedKeys::default(),
            false => brief!(self, connection => read::row_keys(connection, core, &missing))?,
        };
        core.rows(stored, held, &loaded)
    }
}

fn current(row: Row) -> Current {
    if row.op == Op::Delete {
        Current::Deleted(row)
    } else {
        Current::Live(row)
    }
}

/// Counts a commit for as long as it is under way, also when its caller goes away.
struct InFlight<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl InFlight<'_> {
    fn enter(count: &AtomicUsize) -> InFlight<'_> {
        InFlight {
            count,
            before: count.fetch_add(1, Ordering::AcqRel),
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Refuses another master key and otherwise numbered definitions; a new store remembers both, and gets its secret: of several
/// nodes the first one gives it, all of it in one statement.
async fn check_identity(
    connection: &Connection,
    master: &MasterKey,
) -> Result<Result<StoreSecret, OpenError>, Failure> {
    let given = i64::from(master.id());
    let definitions = crate::store::definitions_mark();
    if schema::get_int(connection, schema::MASTER).await?.is_none() {
        let new = [
            (schema::MASTER, given.to_le_bytes().to_vec()),
            (schema::SECRET, master.wrap_secret(&StoreSecret::generate())),
            (schema::DEFINITIONS, definitions.to_vec()),
        ];
        schema::put_all(connection, &new).await?;
    }
    let keys = [schema::MASTER, schema::SECRET, schema::DEFINITIONS];
    let [store, secret, known] = schema::get_all(connection, keys).await?;
    let store = store.and_then(|id| id.try_into().ok());
    let store = store.map_or(0, i64::from_le_bytes);
    if store != given {
        return Ok(Err(OpenError::WrongMaster {
            store: store as u32,
            given: given as u32,
        }));
    }
    if known.as_deref() != Some(&definitions[..]) {
        return Ok(Err(OpenError::Definitions));
    }
    Ok(master
        .unwrap_secret(&secret.unwrap_or_default())
        .map_err(|_| OpenError::Secret))
}

/// Waiting for commits under way when closing: 10 s in all.
const CLOSE_WAIT: Duration = Duration::from_millis(10);
const CLOSE_WAITS: usize = 1_000;

const RESERVE: &str = "insert into id_alias (typ, id, rid) select typ::smallint, id, rid from unnest($1, $2, $3) u (typ, id, rid) \
    order by 1, id collate \"C\" on conflict (typ, id) do nothing";
