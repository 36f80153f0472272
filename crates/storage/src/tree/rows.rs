//! The rows of the tree as both stores have them, and the statements that read them.
//!
//! | table | a row is |
//! |---|---|
//! | `leaf_run (first)` | the entries of one step: number of the first, which records they are of, their hashes; where the next step goes on (`cluster`, `base`, `xid`, `last`) |
//! | `tile (level, place)` | a full tile of level 1 and up |
//! | `checkpoint (n)` | a signed note |
//! | `cosignature (n, name)` | what a witness has signed below it; `name` is its key |
//! | `log_key (n)` | a key that signs, sealed |
//! | `answered (node, class)` | of how many events a node's answers have left |
//! | `anchor (name)` | how far what is published elsewhere has come |
//! | `witnessed (origin)` | what was last signed of another's log |
//! | `removed (id)` | what is left of a record that was taken out |
//!
//! Nothing is changed or deleted in the first five and the last: triggers refuse it. `cluster`, `base` and `xid` are PostgreSQL's, 0 on SQLite.

use crate::contract::StoreError;
use std::collections::{HashMap, HashSet};
use ward_audit::counted::Counted;
use ward_audit::leaf::{Class, Content, Leaf};
use ward_audit::note::VerifierKey;
use ward_audit::run::{self, Of};
use ward_audit::tree::Hash;
use ward_audit::witness::Seen;

/// What reads them: a connection, or a store with connections of its own.
pub(crate) trait Reads {
    /// `kinds`: of each column `i` (integer), `b` (bytes) or `t` (text). Places are written `$1`.
    async fn cells(&self, sql: &str, values: &[i64], kinds: &str)
    -> Result<Vec<Cells>, StoreError>;
}

/// One row.
pub(crate) struct Cells(pub Vec<Cell>);

pub(crate) enum Cell {
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
}

impl Cells {
    pub fn int(&self, at: usize) -> Result<i64, StoreError> {
        match self.0.get(at) {
            Some(Cell::Int(value)) => Ok(*value),
            _ => Err(StoreError::Integrity),
        }
    }

    pub fn bytes(&self, at: usize) -> Result<&[u8], StoreError> {
        match self.0.get(at) {
            Some(Cell::Bytes(value)) => Ok(value),
            _ => Err(StoreError::Integrity),
        }
    }

    pub fn text(&self, at: usize) -> Result<&str, StoreError> {
        match self.0.get(at) {
            Some(Cell::Text(value)) => Ok(value),
            _ => Err(StoreError::Integrity),
        }
    }
}

/// Where the step after a run goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The system identifier of the cluster that gave out the transaction ids.
    pub cluster: i64,
    /// Records up to this number stand in runs already, and no other of them is to come.
    pub base: i64,
    pub xid: i64,
    /// The record of the last entry.
    pub last: i64,
}

pub(crate) struct Run {
    pub first: i64,
    pub place: Place,
    pub entries: Vec<Of>,
    pub hashes: Vec<Hash>,
}

impl Run {
    pub fn end(&self) -> i64 {
        self.first + self.hashes.len() as i64
    }

    fn of(cells: &Cells) -> Result<Run, StoreError> {
        let entries = run::decode(cells.bytes(5)?).ok_or(StoreError::Integrity)?;
        let hashes = hashes(cells.bytes(6)?)?;
        if entries.len() != hashes.len() {
            return Err(StoreError::Integrity);
        }
        Ok(Run {
            first: cells.int(0)?,
            place: Place {
                cluster: cells.int(1)?,
                base: cells.int(2)?,
                xid: cells.int(3)?,
                last: cells.int(4)?,
            },
            entries,
            hashes,
        })
    }
}

pub(crate) struct StoredNote {
    pub n: i64,
    pub size: i64,
    pub note: String,
}

/// A record as the sequencer reads it.
pub(crate) struct Stored {
    pub id: i64,
    pub xid: i64,
    pub at_us: i64,
    pub sealed: Vec<u8>,
}

/// How much there is: whoever wrote last has left these numbers. -1: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// `first` of the last run.
    pub run: i64,
    pub checkpoint: i64,
    pub key: i64,
}

/// What a step adds, if the head is still as it was.
pub(crate) struct Insert {
    pub head: Head,
    pub run: Option<NewRun>,
    /// Level, place, hashes.
    pub tiles: Vec<(i64, i64, Vec<u8>)>,
    pub checkpoints: Vec<StoredNote>,
}

pub(crate) struct NewRun {
    pub first: i64,
    pub place: Place,
    pub records: Vec<u8>,
    pub hashes: Vec<u8>,
}

pub(crate) async fn head(reads: &impl Reads) -> Result<Head, StoreError> {
    let rows = reads.cells(HEAD, &[], "iii").await?;
    let row = rows.first().ok_or(StoreError::Integrity)?;
    Ok(Head {
        run: row.int(0)?,
        checkpoint: row.int(1)?,
        key: row.int(2)?,
    })
}

/// The runs that have an entry of `from..end`, in order.
pub(crate) async fn runs(reads: &impl Reads, from: i64, end: i64) -> Result<Vec<Run>, StoreError> {
    let rows = reads.cells(RUNS, &[from, end], RUN_KINDS).await?;
    rows.iter().map(Run::of).collect()
}

/// The classes of the entries `from..end`, in order.
pub(crate) async fn classes(
    reads: &impl Reads,
    from: i64,
    end: i64,
) -> Result<Vec<Class>, StoreError> {
    let rows = reads.cells(RUN_RECORDS, &[from, end], "ib").await?;
    let mut classes = Vec::new();
    for row in rows {
        let entries = run::decode(row.bytes(1)?).ok_or(StoreError::Integrity)?;
        let numbered = (row.int(0)?..).zip(entries);
        let wanted = numbered.filter(|(seq, _)| (from..end).contains(seq));
        classes.extend(wanted.map(|(_, of)| of.class));
    }
    Ok(classes)
}

/// Those that begin with an entry of `places`: as many `$1,$2,…` as there are `firsts`.
pub(crate) async fn runs_at(
    reads: &impl Reads,
    places: &str,
    firsts: &[i64],
) -> Result<Vec<Run>, StoreError> {
    let sql = format!("{RUNS_AT} where first in ({places})");
    let rows = reads.cells(&sql, firsts, RUN_KINDS).await?;
    rows.iter().map(Run::of).collect()
}

/// The run that the record is in, if it is in one. `xid`: that of the record, 0 on SQLite.
pub(crate) async fn run_of(
    reads: &impl Reads,
    xid: i64,
    id: i64,
) -> Result<Option<Run>, StoreError> {
    let holds = |run: &Run| run.entries.iter().any(|of| of.id == id);
    for (sql, values) in [(RUN_OF, &[xid, id][..]), (RUN_MOVED, &[])] {
        let rows = reads.cells(sql, values, RUN_KINDS).await?;
        let runs: Result<Vec<Run>, StoreError> = rows.iter().map(Run::of).collect();
        if let Some(run) = runs?.into_iter().find(holds) {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

/// Tiles of a level, `from..end`.
pub(crate) async fn tiles(
    reads: &impl Reads,
    level: u32,
    from: u64,
    end: u64,
) -> Result<Vec<(u64, Vec<Hash>)>, StoreError> {
    let values = [i64::from(level), from as i64, end as i64];
    let rows = reads.cells(TILES, &values, "ib").await?;
    rows.iter()
        .map(|row| Ok((row.int(0)? as u64, hashes(row.bytes(1)?)?)))
        .collect()
}

pub(crate) async fn last_note(reads: &impl Reads) -> Result<Option<StoredNote>, StoreError> {
    let rows = reads.cells(LAST_NOTE, &[], NOTE_KINDS).await?;
    rows.first().map(note).transpose()
}

/// The last one of a size.
pub(crate) async fn note_of(
    reads: &impl Reads,
    size: i64,
) -> Result<Option<StoredNote>, StoreError> {
    let rows = reads.cells(NOTE_OF, &[size], NOTE_KINDS).await?;
    rows.first().map(note).transpose()
}

/// Those from `from` on, at most `most`.
pub(crate) async fn notes(
    reads: &impl Reads,
    from: i64,
    most: i64,
) -> Result<Vec<StoredNote>, StoreError> {
    let rows = reads.cells(NOTES, &[from, most], NOTE_KINDS).await?;
    rows.iter().map(note).collect()
}

/// Lines of witnesses below the checkpoints `from..end`.
pub(crate) async fn cosignatures(
    reads: &impl Reads,
    from: i64,
    end: i64,
) -> Result<Vec<(i64, String)>, StoreError> {
    let rows = reads.cells(COSIGNATURES, &[from, end], "it").await?;
    rows.iter()
        .map(|row| Ok((row.int(0)?, row.text(1)?.to_owned())))
        .collect()
}

pub(crate) async fn counted(reads: &impl Reads) -> Result<Counted, StoreError> {
    let mut counted = Counted::default();
    for row in reads.cells(COUNTED, &[], "ii").await? {
        let class = u8::try_from(row.int(0)?).map_err(|_| StoreError::Integrity)?;
        counted.add(Class(class), row.int(1)? as u64);
    }
    Ok(counted)
}

/// Records by their numbers in the store, `from..=to`.
pub(crate) async fn stored(
    reads: &impl Reads,
    from: i64,
    to: i64,
) -> Result<Vec<Stored>, StoreError> {
    let rows = reads.cells(STORED, &[from, to], "iib").await?;
    rows.iter()
        .map(|row| {
            Ok(Stored {
                id: row.int(0)?,
                xid: 0,
                at_us: row.int(1)?,
                sealed: row.bytes(2)?.to_vec(),
            })
        })
        .collect()
}

/// What is asked of rows by lists of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// Of records: number, context, actor, patient, events.
    Columns,
    /// Of records: number, sealed bytes.
    Sealed,
    /// Of keys and their records, those that there are.
    Keys,
}

impl Listed {
    pub fn kinds(self) -> &'static str {
        match self {
            Listed::Columns => "iiiii",
            Listed::Sealed => "ib",
            Listed::Keys => "ii",
        }
    }
}

/// Keys and their records behind one, in their order.
pub(crate) async fn keys(
    reads: &impl Reads,
    (key, id): (i64, i64),
    most: usize,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let rows = reads.cells(KEYS, &[key, id, most as i64], "ii").await?;
    rows.iter()
        .map(|row| Ok((row.int(0)?, row.int(1)?)))
        .collect()
}

/// By how many microseconds records came later than newer ones, at most.
pub(crate) async fn late_us(reads: &impl Reads) -> Result<i64, StoreError> {
    let rows = reads.cells(LATE, &[], "i").await?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// What is left of a record that was taken out.
#[derive(Clone, Debug)]
pub(crate) struct Left {
    pub id: i64,
    /// Its entry.
    pub seq: u64,
    /// The record that is the removal's note.
    pub removal: i64,
    pub at_us: i64,
    pub commitment: Hash,
}

impl Left {
    pub fn leaf(&self, seq: u64, class: Class) -> Leaf {
        let commitment = self.commitment;
        Leaf {
            seq,
            at_us: self.at_us,
            class,
            content: Content::Redacted { commitment },
        }
    }
}

/// Of the records `from..=to` that were taken out, by their numbers.
pub(crate) async fn left(
    reads: &impl Reads,
    from: i64,
    to: i64,
) -> Result<HashMap<i64, Left>, StoreError> {
    let rows = reads.cells(LEFT, &[from, to], "iiiib").await?;
    let read = |row: &Cells| {
        let left = Left {
            id: row.int(0)?,
            seq: row.int(1)? as u64,
            removal: row.int(2)?,
            at_us: row.int(3)?,
            commitment: *hashes(row.bytes(4)?)?
                .first()
                .ok_or(StoreError::Integrity)?,
        };
        Ok((left.id, left))
    };
    rows.iter().map(read).collect()
}

/// The numbers of the records that there are of `from..=to`.
pub(crate) async fn ids(
    reads: &impl Reads,
    from: i64,
    to: i64,
) -> Result<HashSet<i64>, StoreError> {
    let rows = reads.cells(IDS, &[from, to], "i").await?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// How far what is published under a name has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anchored {
    /// The checkpoint that was published last; -1: none.
    pub n: i64,
    pub size: u64,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

pub(crate) async fn anchors(reads: &impl Reads) -> Result<Vec<(String, Anchored)>, StoreError> {
    let rows = reads.cells(ANCHORS, &[], "tiii").await?;
    rows.iter()
        .map(|row| {
            let anchored = Anchored {
                n: row.int(1)?,
                size: row.int(2)? as u64,
                at_us: row.int(3)?,
            };
            Ok((row.text(0)?.to_owned(), anchored))
        })
        .collect()
}

/// What was last signed of the logs of others.
pub(crate) async fn witnessed(reads: &impl Reads) -> Result<Vec<Seen>, StoreError> {
    let rows = reads.cells(WITNESSED, &[], "tib").await?;
    rows.iter()
        .map(|row| {
            let hashes = hashes(row.bytes(2)?)?;
            Ok(Seen {
                key: VerifierKey::parse(row.text(0)?).ok_or(StoreError::Integrity)?,
                size: row.int(1)? as u64,
                root: *hashes.first().ok_or(StoreError::Integrity)?,
            })
        })
        .collect()
}

/// Keys of the witnesses that have signed.
pub(crate) async fn witnesses(reads: &impl Reads) -> Result<Vec<String>, StoreError> {
    let rows = reads.cells(WITNESSES, &[], "t").await?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

pub(crate) fn hashes(bytes: &[u8]) -> Result<Vec<Hash>, StoreError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    match rest.is_empty() {
        true => Ok(hashes.iter().map(|hash| Hash(*hash)).collect()),
        false => Err(StoreError::Integrity),
    }
}

pub(crate) fn packed(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

fn note(cells: &Cells) -> Result<StoredNote, StoreError> {
    Ok(StoredNote {
        n: cells.int(0)?,
        size: cells.int(1)?,
        note: String::from_utf8(cells.bytes(2)?.to_vec()).map_err(|_| StoreError::Integrity)?,
    })
}

const RUN_KINDS: &str = "iiiiibb";
const NOTE_KINDS: &str = "iib";

const HEAD: &str = "select coalesce((select max(first) from leaf_run), -1), coalesce((select max(n) from checkpoint), -1), \
    coalesce((select max(n) from log_key), -1)";
const RUNS: &str = "select first, cluster, base, xid, last, records, hashes from leaf_run \
    where first >= coalesce((select max(first) from leaf_run where first <= $1), 0) and first < $2 order by first";
const RUN_RECORDS: &str = "select first, records from leaf_run \
    where first >= coalesce((select max(first) from leaf_run where first <= $1), 0) and first < $2 order by first";
const RUNS_AT: &str = "select first, cluster, base, xid, last, records, hashes from leaf_run";
/// After a restore into another cluster transaction ids begin anew: a few runs behind each other are looked at.
const RUN_OF: &str = "select first, cluster, base, xid, last, records, hashes from leaf_run \
    where (xid, last) >= ($1, $2) order by xid, last limit 3";
/// What the first step in another cluster took, whatever its transactions.
const RUN_MOVED: &str = "select first, cluster, base, xid, last, records, hashes from leaf_run \
    where xid = 0 and last = 0 order by first";
const TILES: &str =
    "select place, hashes from tile where level = $1 and place >= $2 and place < $3 order by place";
const LAST_NOTE: &str = "select n, size, note from checkpoint order by n desc limit 1";
const NOTE_OF: &str =
    "select n, size, note from checkpoint where size = $1 order by n desc limit 1";
const NOTES: &str = "select n, size, note from checkpoint where n >= $1 order by n limit $2";
const COSIGNATURES: &str =
    "select n, line from cosignature where n >= $1 and n < $2 order by n, name";
const COUNTED: &str =
    "select class, cast(sum(answers) as bigint) from answered group by class order by class";
const STORED: &str = "select id, at_us, sealed from record where id >= $1 and id <= $2 order by id";
const IDS: &str = "select id from record where id >= $1 and id <= $2";
const KEYS: &str =
    "select key, id from record_key where (key, id) > ($1, $2) order by key, id limit $3";
const LATE: &str = "select coalesce(max(late_us), 0) from record_late";
const LEFT: &str =
    "select id, seq, removal, at_us, commitment from removed where id >= $1 and id <= $2";
const ANCHORS: &str = "select name, n, size, at from anchor order by name";
const WITNESSED: &str = "select key, size, root from witnessed order by origin";
const WITNESSES: &str = "select distinct name from cosignature order by name";
