//! One PostgreSQL connection, and running statements on it by column number. Statements polled together are pipelined.

use super::reach::reach;
use super::statement::{Statement, Value};
use super::tables::Tables;
use crate::contract::StoreError;
use crate::meter::{self, Meter, STATEMENTS_PREPARED_MAX};
use diesel::connection::CacheSize;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::row::{Field as _, Row as _};
use diesel_async::{
    AsyncConnection as _, AsyncConnectionCore as _, AsyncPgConnection, SimpleAsyncConnection as _,
};
use futures_util::TryStreamExt as _;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_postgres::{CancelToken, NoTls};

pub struct Connection {
    inner: AsyncPgConnection,
    meter: Arc<Meter>,
    pub tables: Arc<Tables>,
    /// Statements (by hash of their text) that this connection has prepared: only those keep their place in a pipeline.
    prepared: Mutex<HashSet<u64>>,
    /// Number of this connection among those that count, so that no two update the same counter row.
    pub slot: i64,
    timeout: Duration,
    closed: Arc<AtomicBool>,
    cancel: CancelToken,
}

/// Time to end a statement that nobody waits for.
const BREAK_OFF: Duration = Duration::from_secs(5);
/// A cancellation is repeated after this, then after twice as long.
const CANCEL_AGAIN: Duration = Duration::from_millis(20);
const CANCEL_AGAIN_MAX: Duration = Duration::from_millis(320);

/// Tells when the task that drives a connection is over, or gone with its runtime.
struct Ended(Arc<AtomicBool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Why a statement failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A unique key, another generation (`rowset`), a deadlock or a serialisation conflict with another transaction: worth another try.
    Conflict,
    Timeout,
    /// The connection is gone.
    Broken,
    /// Refused for another reason, or a row contradicts itself.
    Refused(StoreError),
}

impl Connection {
    /// `timeout` bounds every statement.
    pub async fn establish(
        url: &str,
        meter: Arc<Meter>,
        tables: Arc<Tables>,
        timeout: Duration,
    ) -> Result<Connection, String> {
        let (client, driver) = reach(url).await?;
        let cancel = client.cancel_token();
        let closed = Arc::new(AtomicBool::new(false));
        let ended = Ended(closed.clone());
        tokio::spawn(async move {
            let _ended = ended;
            let _ = driver.await;
        });
        let inner = AsyncPgConnection::try_from(client)
            .await
            .map_err(|e| e.to_string())?;
        let connection = Connection {
            inner,
            meter,
            tables,
            prepared: Mutex::default(),
            slot: 0,
            timeout,
            closed,
            cancel,
        };
        // One plan per statement shape: planning is a large share of a short query. Parallel workers never pay here.
        let settings = format!(
            "set statement_timeout = {}; set plan_cache_mode = force_generic_plan; set jit = off; \
             set max_parallel_workers_per_gather = 0; set synchronous_commit = on; set application_name = 'ward'",
            timeout.as_millis()
        );
        connection
            .batch(&settings)
            .await
            .map_err(|_| "its settings were refused".to_owned())?;
        Ok(connection)
    }

    /// Known without a round trip when the other side has hung up.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Ends what the database still does for this connection, and the connection: what comes after a cancelled statement
    /// could be met by the cancellation instead, so it is not used again. A cancellation that comes before its statement has begun,
    /// or meets the first of several that were sent together, ends none or only that one: it is repeated until the database has let
    /// go of the connection.
    pub async fn break_off(self) {
        let Connection {
            inner,
            cancel,
            closed,
            ..
        } = self;
        // Nothing more is asked: the driver is over when what was sent has been answered.
        drop(inner);
        let ended = async {
            let mut wait = CANCEL_AGAIN;
            while !closed.load(Ordering::Acquire) {
                // One that cannot be sent is followed by the next.
                let _ = cancel.cancel_query(NoTls).await;
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(CANCEL_AGAIN_MAX);
            }
        };
        if tokio::time::timeout(BREAK_OFF, ended).await.is_err() {
            tracing::warn!(
                "a statement that nobody waits for could not be cancelled; its time limit ends it"
            );
        }
    }

    /// Text without parameters, by the simple protocol: transaction control, settings, migrations.
    pub async fn batch(&self, sql: &str) -> Result<(), Failure> {
        let mut inner = &self.inner;
        inner
            .batch_execute(sql)
            .await
            .map_err(|e| self.failure(sql, &e, Duration::ZERO))
    }

    pub async fn run(&self, sql: &str, values: &[Value]) -> Result<usize, Failure> {
        let begun = self.meter.begin();
        let mut inner = &self.inner;
        let done = inner
            .execute_returning_count(Statement { sql, values })
            .await;
        self.meter.end(begun, sql);
        self.remember(sql, done.is_ok());
        done.map_err(|e| self.failure(sql, &e, begun.elapsed()))
    }

    pub async fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Columns>, Failure> {
        let begun = self.meter.begin();
        let mut inner = &self.inner;
        let loaded = async {
            inner
                .load(Statement { sql, values })
                .await?
                .map_ok(Columns)
                .try_collect::<Vec<_>>()
                .await
        };
        let rows = loaded.await;
        self.meter.end(begun, sql);
        self.remember(sql, rows.is_ok());
        rows.map_err(|e| self.failure(sql, &e, begun.elapsed()))
    }

    /// Whether a statement would go out at once instead of being prepared first.
    pub fn is_prepared(&self, sql: &str) -> bool {
        self.prepared().contains(&meter::mark(sql))
    }

    /// Whether it has prepared more statements than it is to keep.
    pub fn is_full(&self) -> bool {
        self.prepared().len() > STATEMENTS_PREPARED_MAX
    }

    /// Forgets all prepared statements when there are too many. Not while any is running.
    pub fn tidy(&mut self) {
        if self.is_full() {
            self.prepared().clear();
            self.inner
                .set_prepared_statement_cache_size(CacheSize::Disabled);
            self.inner
                .set_prepared_statement_cache_size(CacheSize::Unbounded);
        }
    }

    fn remember(&self, sql: &str, done: bool) {
        if done && !self.is_prepared(sql) {
            self.prepared().insert(meter::mark(sql));
        }
    }

    fn prepared(&self) -> std::sync::MutexGuard<'_, HashSet<u64>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self, sql: &str, error: &Error, took: Duration) -> Failure {
        let failure = match error {
            Error::DatabaseError(
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::SerializationFailure,
                _,
            ) => Failure::Conflict,
            Error::DatabaseError(
                DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection,
                _,
            )
            | Error::BrokenTransactionManager => Failure::Broken,
            // The driver passes no error code on, and messages are in the server's language.
            Error::DatabaseError(..) if took >= self.timeout => Failure::Timeout,
            Error::DatabaseError(_, information) if information.message().contains("deadlock") => {
                Failure::Conflict
            }
            _ => Failure::Refused(StoreError::Unavailable),
        };
        if !matches!(failure, Failure::Conflict) {
            // Of the server's message only the kind: it may quote a value.
            tracing::warn!(statement = meter::name(sql), ?failure, "statement failed");
        }
        failure
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> StoreError {
        match failure {
            Failure::Timeout => StoreError::Timeout,
            Failure::Conflict | Failure::Broken => StoreError::Unavailable,
            Failure::Refused(error) => error,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Refused(error)
    }
}

/// One row of a result.
pub struct Columns(<AsyncPgConnection as diesel_async::AsyncConnectionCore>::Row<'static, 'static>);

impl Columns {
    /// Any integer type.
    pub fn int(&self, at: usize) -> Result<i64, StoreError> {
        let read = |bytes: &[u8]| match *bytes {
            [a, b] => Some(i64::from(i16::from_be_bytes([a, b]))),
            [a, b, c, d] => Some(i64::from(i32::from_be_bytes([a, b, c, d]))),
            _ => bytes.try_into().ok().map(i64::from_be_bytes),
        };
        self.bytes(at, read).flatten().ok_or(StoreError::Integrity)
    }

    pub fn text(&self, at: usize) -> Option<String> {
        self.bytes(at, |bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// NULL reads as empty.
    pub fn blob(&self, at: usize) -> Vec<u8> {
        self.bytes(at, <[u8]>::to_vec).unwrap_or_default()
    }

    pub fn is_null(&self, at: usize) -> bool {
        self.bytes(at, |_| ()).is_none()
    }

    fn bytes<T>(&self, at: usize, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let field = self.0.get(at)?;
        field.value().map(|value| read(value.as_bytes()))
    }
}
