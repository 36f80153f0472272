//! One SQLite connection with its settings, and running statements on it by column number.

use super::ffi::{self, Cut, Leash};
use super::statement::{Statement, Value};
use crate::contract::StoreError;
use crate::meter::{self, Meter, STATEMENTS_PREPARED_MAX};
use diesel::connection::{CacheSize, Connection as _, LoadConnection, SimpleConnection};
use diesel::row::{Field as _, Row as _};
use diesel::sqlite::{SqliteConnection, SqliteValue};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct Connection {
    inner: SqliteConnection,
    meter: Arc<Meter>,
    /// Texts of prepared statements, by hash.
    prepared: HashSet<u64>,
    /// A snapshot is asked for, and no statement has run on it.
    is_unbegun: bool,
}

/// Why a connection could not be had or used, for the log; never a stored value.
#[derive(Debug)]
pub struct SqliteError(pub String);

/// Page size of a new store. A create touches some twenty pages, and the log takes each of them whole: pages of 8 KB gave
/// 0.45 to 0.7 of the creates for 1 % less of a store.
const PAGE_BYTES: u32 = 4_096;
/// Address space for reading without copies; grows with the file up to this.
const MMAP_BYTES: u64 = 64 << 30;
/// Page cache of the writer; readers use the map.
const WRITER_CACHE_KIB: u32 = 65_536;
/// WAL pages before a checkpoint (64 MB): longer runs write hot pages back less often. 16,000 against 4,000 gave 1.3-1.9
/// times the creates at 8 and 32 clients, and made point reads look further. A writer that rests checkpoints sooner.
pub const CHECKPOINT_PAGES: u32 = 16_000;
/// WAL pages after which SQLite itself makes a checkpoint within a commit: reached only if the thread for it cannot keep up.
const CHECKPOINT_PAGES_MAX: u32 = 8 * CHECKPOINT_PAGES;
/// Bytes that a WAL may keep which a long read or a large transaction has made longer than that.
const WAL_BYTES_MAX: u32 = CHECKPOINT_PAGES * (PAGE_BYTES + 24);
/// Waiting for another process (a second `ward` on the same file).
const BUSY_MS: u32 = 5_000;

impl Connection {
    /// The only connection that writes.
    pub fn writer(path: &Path, meter: Arc<Meter>) -> Result<Connection, SqliteError> {
        let mut connection = Self::open(path, meter)?;
        connection.batch(&format!(
            "pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -{WRITER_CACHE_KIB}; \
             pragma wal_autocheckpoint = {CHECKPOINT_PAGES_MAX}; pragma journal_size_limit = {WAL_BYTES_MAX}; pragma foreign_keys = off; pragma temp_store = memory;"
        ))?;
        Ok(connection)
    }

    /// Moves the WAL into the file and makes it empty, unless somebody reads from it: they are not waited for.
    pub fn checkpoint(&mut self) -> Result<(), SqliteError> {
        self.batch("pragma busy_timeout = 0")?;
        let done = self.batch("pragma wal_checkpoint(truncate)");
        self.batch(&format!("pragma busy_timeout = {BUSY_MS}"))?;
        done
    }

    pub fn reader(path: &Path, meter: Arc<Meter>) -> Result<Connection, SqliteError> {
        let mut connection = Self::open(path, meter)?;
        connection.batch("pragma query_only = on; pragma temp_store = memory")?;
        Ok(connection)
    }

    /// For the checkpoints; the others set more.
    pub fn open(path: &Path, meter: Arc<Meter>) -> Result<Connection, SqliteError> {
        ffi::register();
        let inner = SqliteConnection::establish(&path.to_string_lossy())
            .map_err(|e| SqliteError(e.to_string()))?;
        let mut connection = Connection {
            inner,
            meter,
            prepared: HashSet::new(),
            is_unbegun: false,
        };
        connection.batch(&format!("pragma busy_timeout = {BUSY_MS}; pragma page_size = {PAGE_BYTES}; pragma mmap_size = {MMAP_BYTES}"))?;
        Ok(connection)
    }

    /// Settings and schema, not counted.
    pub fn batch(&mut self, sql: &str) -> Result<(), SqliteError> {
        self.inner
            .batch_execute(sql)
            .map_err(|e| SqliteError(e.to_string()))
    }

    /// Runs a statement that returns nothing; the number of rows changed.
    pub fn run(&mut self, sql: &str, values: &[Value]) -> Result<usize, StoreError> {
        let begun = self.meter.begin();
        let done = self
            .inner
            .execute_returning_count(&Statement { sql, values });
        self.meter.end(begun, sql);
        done.map_err(|e| refused(sql, &e))
    }

    /// Calls `each` for every row.
    pub fn each(
        &mut self,
        sql: &str,
        values: &[Value],
        each: impl FnMut(&Columns) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if std::mem::take(&mut self.is_unbegun) {
            self.run("begin", &[])?;
        }
        self.last(sql, values, each)
    }

    /// The same for the last statement of a snapshot: one that is its first as well sees one state by itself.
    pub fn last(
        &mut self,
        sql: &str,
        values: &[Value],
        mut each: impl FnMut(&Columns) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.rows_until(sql, values, |row| each(row).map(|()| false))
    }

    /// As [`Connection::each`], but rows behind one that says `true` are not read.
    pub fn each_until(
        &mut self,
        sql: &str,
        values: &[Value],
        each: impl FnMut(&Columns) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        if std::mem::take(&mut self.is_unbegun) {
            self.run("begin", &[])?;
        }
        self.rows_until(sql, values, each)
    }

    fn rows_until(
        &mut self,
        sql: &str,
        values: &[Value],
        mut each: impl FnMut(&Columns) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.remember(sql);
        let begun = self.meter.begin();
        let rows = self
            .inner
            .load(Statement { sql, values })
            .map_err(|e| refused(sql, &e))?;
        for row in rows {
            let row = row.map_err(|e| refused(sql, &e))?;
            if each(&Columns(&row))? {
                break;
            }
        }
        self.meter.end(begun, sql);
        Ok(())
    }

    /// Diesel keeps every statement it has prepared; callers decide how many shapes of search there are.
    fn remember(&mut self, sql: &str) {
        if self.prepared.insert(meter::mark(sql)) && self.prepared.len() > STATEMENTS_PREPARED_MAX {
            self.prepared.clear();
            self.inner
                .set_prepared_statement_cache_size(CacheSize::Disabled);
            self.inner
                .set_prepared_statement_cache_size(CacheSize::Unbounded);
        }
    }

    /// Runs `body` with a limit on every statement in it.
    pub fn within<T>(
        &mut self,
        limit: Duration,
        body: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let leash = Leash {
            deadline: Instant::now() + limit,
            looks: None,
            gone: None,
        };
        self.leashed(leash, body).map_err(|(error, cut)| match cut {
            Some(_) => StoreError::Timeout,
            None => error,
        })
    }

    /// Runs `body`, whose statements the leash may cut off: then why comes with the error.
    pub fn leashed<T>(
        &mut self,
        leash: Leash,
        body: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, (StoreError, Option<Cut>)> {
        ffi::set_leash(Some(leash));
        let result = body(self);
        let cut = ffi::set_leash(None);
        result.map_err(|error| (error, cut))
    }

    /// Runs `body` on one snapshot, which its first statement begins.
    pub fn snapshot<T>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.is_unbegun = true;
        let result = body(self);
        if std::mem::take(&mut self.is_unbegun) {
            return result;
        }
        // A failed end would leave the thread's connection inside a transaction: nothing can be read on it any more.
        match self.run("commit", &[]) {
            Ok(_) => result,
            Err(error) => {
                let _ = self.run("rollback", &[]);
                result.and(Err(error))
            }
        }
    }
}

fn refused(sql: &str, error: &diesel::result::Error) -> StoreError {
    // Interrupted on purpose: the deadline is told where it is answered, the rest is nobody's concern.
    if ffi::cut().is_some_and(|cut| cut != Cut::Deadline) {
        return StoreError::Unavailable;
    }
    // SQLite's messages name tables and columns, never values.
    tracing::warn!(statement = meter::name(sql), %error, "statement refused");
    StoreError::Unavailable
}

/// The current row of a result.
pub struct Columns<'a, 'conn: 'a, 'query: 'a>(
    &'a <SqliteConnection as LoadConnection>::Row<'conn, 'query>,
);

impl Columns<'_, '_, '_> {
    pub fn int(&self, at: usize) -> Result<i64, StoreError> {
        self.value(at, |v| v.read_long())
            .ok_or(StoreError::Integrity)
    }

    pub fn text(&self, at: usize) -> Option<String> {
        self.value(at, |v| v.read_text().to_owned())
    }

    pub fn is_null(&self, at: usize) -> bool {
        self.value(at, |_| ()).is_none()
    }

    /// NULL reads as empty.
    pub fn blob(&self, at: usize) -> Vec<u8> {
        self.value(at, |v| v.read_blob().to_vec())
            .unwrap_or_default()
    }

    fn value<T>(
        &self,
        at: usize,
        read: impl FnOnce(&mut SqliteValue<'_, '_, '_>) -> T,
    ) -> Option<T> {
        let field = self.0.get(at)?;
        field.value().map(|mut value| read(&mut value))
    }
}
