//! The contract both stores keep, and the same conformance suite checks.

use crate::records::NewRecord;
use crate::visibility::{RecordMark, Revision};
use bytes::Bytes;
use std::sync::Arc;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::entries::{Entries, Term};
use ward_search::plan::{Plan, Position};

/// Row id: time-ordered counter << 12 | 12 bits of hash(home patient). Positive.
pub type Rid = i64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Create,
    Update,
    Delete,
}

/// One version of one resource.
#[derive(Clone, Debug)]
pub struct Row {
    pub ty: TypeId,
    pub rid: Rid,
    /// Public logical id.
    pub id: Arc<str>,
    pub version: u32,
    pub updated_us: i64,
    pub op: Op,
    /// Home patient (0: none).
    pub patient: Rid,
    /// The stored JSON, as it goes out. Empty for a deletion.
    pub body: Bytes,
    /// By which search parameters the current version is indexed; 0 for versions of the history.
    pub generation: u32,
    /// Visibility id of this version: see [`Write::visibility`].
    pub visibility: i32,
}

/// Generations of the search parameters that clients define: which set of them the entries of a write were extracted by.
/// 0 is the set of the R4 package alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Of `entries`; must be the store's own at commit.
    pub new: u32,
    /// Of `old_entries`; must be the one by which the replaced version is indexed at commit.
    pub old: u32,
}

/// By what rows are indexed, as it was read last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexing {
    /// Rises with every change.
    pub revision: i64,
    /// The one that every commit must have been extracted by.
    pub generation: u32,
    /// What the generations are: for whoever extracts.
    pub state: Bytes,
}

/// What came of a look at texts that rows have lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    pub looked_at: u32,
    /// Those that nothing has any more.
    pub removed: u32,
}

/// By what one live row is indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexed {
    pub rid: Rid,
    pub generation: u32,
    /// With the rid: where a walk over the rows goes on after this one.
    pub place: i64,
}

/// A change of one resource, complete: storage compresses, seals, diffs and writes it.
#[derive(Clone, Debug)]
pub struct Write {
    pub ty: TypeId,
    pub rid: Rid,
    /// Client-chosen id. To be given with every first version under such an id, also when `reserve` has registered
    /// it; later versions keep it by themselves. `None`: the id derives from the rid.
    pub alias: Option<String>,
    pub expect: Expect,
    /// The new version number.
    pub version: u32,
    pub updated_us: i64,
    pub op: Op,
    /// Home patient; decides the data key. A Patient is its own home.
    pub patient: Rid,
    /// Who sees the row is decided by this: id of its visibility class ([`crate::Store::intern_classes`]), or [`crate::NOBODY`]. `w` on
    /// PostgreSQL, `k` on SQLite.
    pub visibility: i32,
    /// By which version of the home patient's policy that was worked out ([`crate::Store::policies`]): it must be the store's at
    /// commit. `None`: a row keeps the id that it has, whatever `visibility` says, and a first version is of version 0.
    pub policy: Option<i64>,
    pub body: Bytes,
    pub entries: Entries,
    /// Entries of the version being replaced (empty on create): storage touches only the difference.
    pub old_entries: Entries,
    pub generation: Generation,
}

/// What must be current at commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /** No row yet. */
    Absent,
    /** This is the current version (a deletion counts as one). */
    Version(u32),
    /** This is the current version and it stays: only its index entries, its generation and (where `policy` says by what) its
    visibility id are written anew. No version comes of it, no history and no time. */
    Stays(u32),
}

impl Expect {
    /// The version that must be current; `None`: no row.
    pub(crate) fn version(self) -> Option<u32> {
        match self {
            Expect::Absent => None,
            Expect::Version(version) | Expect::Stays(version) => Some(version),
        }
    }
}

/// What must still hold inside the commit's own transaction.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a few per unit, moved once")]
pub enum Guard {
    /// A conditional interaction: the plan matches exactly these rids (seen through `access`), and no other conditional
    /// interaction changes that before the commit. Equal questions have one `key`.
    Matches {
        key: Term,
        plan: Plan,
        access: Access,
        rids: Vec<Rid>,
    },
    /// No current resource refers to this target, which the unit deletes, other than the ones written in this unit.
    Unreferenced { target: Term },
    /// This row exists and is not deleted, and stays so.
    Exists { ty: TypeId, rid: Rid },
    /// This is the row's current version, and no deletion.
    Unchanged { ty: TypeId, rid: Rid, version: u32 },
    /// The live rows at home with the patient are those that were read.
    Record { patient: Rid, mark: RecordMark },
}

/// All or nothing: one interaction, or one whole transaction Bundle. `records` commit with it.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    pub writes: Vec<Write>,
    pub guards: Vec<Guard>,
    /// Superseded versions that get another visibility id.
    pub revisions: Vec<Revision>,
    /// Patients whose policy gets the next version: nothing that was worked out by the one before is committed any more. No other
    /// unit writes to their records meanwhile.
    pub raises: Vec<Rid>,
    /// When policies must be decided anew by time, after `raises`.
    pub turns: Vec<Turn>,
    pub records: Vec<NewRecord>,
}

/// What is still to be decided of a patient's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub patient: Rid,
    /// When, in microseconds since 1970; `None`: nothing changes by time.
    pub due_us: Option<i64>,
    /// Whether nobody sees the record until then ([`ward_access::Access::without`]).
    pub is_closed: bool,
}

impl Unit {
    /// Whether the outcome of a search decides if it may be written.
    pub fn is_conditional(&self) -> bool {
        self.guards
            .iter()
            .any(|guard| matches!(guard, Guard::Matches { .. }))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// Write number `0` met another version than expected.
    Version(usize),
    /// Guard number `0` no longer holds: evaluate again.
    Guard(usize),
    /// The visibility of write number `0` was worked out by another version of the policy: read [`crate::Store::policies`] and
    /// evaluate again.
    Policy(usize),
    /// Extracted by other search parameters than rows are indexed by now: read [`Indexing`] and evaluate again.
    Generation,
    /// Could not be made durable; nothing was written.
    Unavailable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The database cannot be reached or refused.
    Unavailable,
    /// The deadline passed; the statement was cancelled.
    Timeout,
    /// No index answers it within the budget of examined rows.
    TooCostly,
    /// More entries of the index fit parts of the filter than a statement takes: those whose bits are set, by their place among
    /// its phrases and tuples ([`ward_search::check::loosen`]). How many fit is of the whole store, so it refuses nothing: they are
    /// to be decided by each row.
    Wide(u64),
    /// A body did not open under its key, or a row contradicts itself.
    Integrity,
}

#[derive(Clone, Debug)]
pub enum HistoryScope {
    Instance { ty: TypeId, rid: Rid },
    Type(TypeId),
    System,
}

impl HistoryScope {
    /// What it takes to see the versions.
    pub fn action(&self) -> Action {
        match self {
            HistoryScope::Instance { .. } => Action::Read,
            HistoryScope::Type(_) | HistoryScope::System => Action::Search,
        }
    }
}

#[derive(Clone, Debug)]
pub struct HistoryQuery {
    pub scope: HistoryScope,
    /// Only versions at or after (`_since`).
    pub since_us: Option<i64>,
    /// Only versions current at some time in [low, high] (`_at`).
    pub at_us: Option<(i64, i64)>,
    pub count: u32,
    /// Continue after this version (newest first).
    pub after: Option<(i64, Rid, u32)>,
}

#[derive(Clone, Debug)]
pub struct Page {
    pub rows: Vec<Row>,
    pub more: bool,
    /** Position of the last row, when `more`. */
    pub next: Option<Position>,
    /// Where each row of a search stands; empty for others.
    pub positions: Vec<Position>,
    pub total: Option<u64>,
}

/// How a store would answer a plan: text of statements and numbers of rows. No value that is stored or asked for is in it.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    pub statements: Vec<Explained>,
    /// Rows behind each counted term of the question by the counters that chose what drives: a type, and how many. Empty
    /// where there was nothing to choose.
    pub counters: Vec<(TypeId, u64)>,
}

/// One statement of a search.
#[derive(Clone, Debug)]
pub struct Explained {
    /// `page` or `total`.
    pub purpose: &'static str,
    /// With numbered placeholders.
    pub sql: String,
    /// What the database would do: steps with the names of tables and indexes, indented as they nest.
    pub steps: Vec<String>,
}

/// Current state of one resource as a write needs it.
#[derive(Clone, Debug)]
pub enum Current {
    Absent,
    Live(Row),
    Deleted(Row),
}

impl Current {
    /// The row, deleted or not.
    pub fn row(&self) -> Option<&Row> {
        match self {
            Current::Absent => None,
            Current::Live(row) | Current::Deleted(row) => Some(row),
        }
    }
}

/// Which database, and its limits.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    pub database: Database,
    /// A search, history or total that takes longer ends with `StoreError::Timeout`.
    pub statement_timeout_ms: u64,
    /// Slower statements are logged (text only, never a value).
    pub slow_statement_ms: u64,
    /// PostgreSQL: statements of reads under way at once, which each need a connection. Reads by key share one more for each worker.
    pub read_connections_max: usize,
    /// So long what nobody uses any more stays among the texts by which codes and URIs are found; a process takes what it has stored
    /// of them for known for half of it. Longer than any commit takes.
    pub texts_kept_s: u64,
}

#[derive(Clone, Debug)]
pub enum Database {
    /// One file, with `-wal` and `-shm` beside it. Created when absent.
    Sqlite { path: std::path::PathBuf },
    /// `postgres://user:password@host:port/database`, or with `?host=/socket/directory`.
    Postgres { url: String },
}

impl StoreSettings {
    pub fn new(database: Database) -> StoreSettings {
        StoreSettings {
            database,
            statement_timeout_ms: 10_000,
            slow_statement_ms: 500,
            read_connections_max: 24,
            texts_kept_s: 1_200,
        }
    }

    pub fn sqlite(path: impl Into<std::path::PathBuf>) -> StoreSettings {
        Self::new(Database::Sqlite { path: path.into() })
    }

    pub fn postgres(url: impl Into<String>) -> StoreSettings {
        Self::new(Database::Postgres { url: url.into() })
    }
}

/// Why a store did not open. The text says what to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    Database(String),
    /// Written by a newer version.
    Newer {
        found: usize,
        known: usize,
    },
    /// Written by a version from before the first format that is kept.
    Older {
        found: usize,
        oldest: usize,
    },
    /// The format's checksum is not the one of this version's migrations.
    Altered,
    /// The store was made with another master key.
    WrongMaster {
        store: u32,
        given: u32,
    },
    /// The store's secret does not open, although the master key is the one it was wrapped under.
    Secret,
    /// Resource types are numbered otherwise than when the store was made.
    Definitions,
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::Database(reason) => write!(f, "the database cannot be opened: {reason}"),
            OpenError::Newer { found, known } => {
                write!(
                    f,
                    "the store has format {found}, this version knows {known}: start the version that wrote it, or a newer one"
                )
            }
            OpenError::Older { found, oldest } => {
                write!(
                    f,
                    "the store has format {found}, this version reads {oldest} and later: start the version that wrote it, or begin with an empty store and import again"
                )
            }
            OpenError::Altered => write!(
                f,
                "the store's format checksum does not fit this version: restore a backup or start the version that wrote it"
            ),
            OpenError::WrongMaster { store, given } => {
                write!(
                    f,
                    "the store was made with master key {store:08x}, the one given is {given:08x}: mend the master key setting"
                )
            }
            OpenError::Secret => write!(
                f,
                "the store's secret is missing or damaged: restore a backup"
            ),
            OpenError::Definitions => write!(
                f,
                "the store was made with other FHIR definitions than this version carries"
            ),
        }
    }
}

impl std::error::Error for OpenError {}
