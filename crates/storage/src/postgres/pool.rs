//! Connections kept for the threads that opened them, and a limit over all of them.
//!
//! A connection costs its opener a password exchange and the database a process, some 5 CPU-ms together: it is kept until
//! the pool is closed. It is driven by the thread that opened it, so that thread has it first; at the limit another takes
//! it, at the price of waking its driver.

use super::connection::{Connection, Failure};
use super::tables::Tables;
use crate::contract::StoreError;
use crate::meter::Meter;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub struct Pool {
    url: String,
    meter: Arc<Meter>,
    tables: Arc<Tables>,
    timeout: Duration,
    /// Connections of this pool count, and so need a slot.
    counting: bool,
    connections_max: usize,
    /// One for each connection in use.
    permits: Arc<Semaphore>,
    idle: Arc<Idle>,
    lines: Mutex<HashMap<ThreadId, Arc<Connection>>>,
    /// Held while a line is opened.
    opening: tokio::sync::Mutex<()>,
}

/// Connections that nobody uses, with the threads that drive them; the one used last is at the end.
type Idle = Mutex<Vec<(ThreadId, Connection)>>;

/// A connection in use, given back by `release`. Dropped otherwise: whoever asked has gone away or did not trust it any
/// more, maybe in the middle of a statement, which is cancelled in the database.
pub struct Pooled {
    /// Gone once given back.
    held: Option<Held>,
    idle: Arc<Idle>,
}

struct Held {
    driver: ThreadId,
    connection: Connection,
    permit: OwnedSemaphorePermit,
}

/// Waiting for a connection before the answer is 'unavailable'.
const WAIT: Duration = Duration::from_secs(10);
/// Connections that count, over all nodes of one database.
const SLOTS: i64 = 4_096;
/// First key of the session locks on slots ("ward" and a number).
const SLOT_LOCKS: i64 = 0x7761_7201;

impl Pool {
    pub fn new(
        url: &str,
        meter: Arc<Meter>,
        tables: Arc<Tables>,
        timeout: Duration,
        connections_max: usize,
        counting: bool,
    ) -> Pool {
        Pool {
            url: url.to_owned(),
            meter,
            tables,
            timeout,
            counting,
            connections_max,
            permits: Arc::new(Semaphore::new(connections_max)),
            idle: Arc::default(),
            lines: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// The connection that this thread's reads of single rows share, beyond the limit: they go out one behind the other
    /// without waiting for each other's answers. For statements that end at once whatever is stored; who stops waiting
    /// for one leaves it to end.
    pub async fn line(&self) -> Result<Arc<Connection>, Failure> {
        let thread = std::thread::current().id();
        if let Some(line) = self.open_line(thread) {
            return Ok(line);
        }
        let _opening = self.opening.lock().await;
        if let Some(line) = self.open_line(thread) {
            return Ok(line);
        }
        if self.permits.is_closed() {
            return Err(Failure::Refused(StoreError::Unavailable));
        }
        let line = Arc::new(self.connect().await?);
        let mut lines = lock(&self.lines);
        lines.retain(|_, line| !line.is_closed());
        lines.insert(thread, line.clone());
        Ok(line)
    }

    fn open_line(&self, thread: ThreadId) -> Option<Arc<Connection>> {
        lock(&self.lines)
            .get(&thread)
            .filter(|line| !line.is_closed() && !line.is_full())
            .cloned()
    }

    /// An idle connection, or a new one while there are fewer than the pool may have.
    pub async fn get(&self) -> Result<Pooled, Failure> {
        let permit = self.permit().await?;
        let (driver, connection) = match self.take() {
            Some(idle) => idle,
            None => (std::thread::current().id(), self.connect().await?),
        };
        Ok(Pooled {
            held: Some(Held {
                driver,
                connection,
                permit,
            }),
            idle: self.idle.clone(),
        })
    }

    /// The connection that this thread used last; that of another thread where one more would be too many.
    fn take(&self) -> Option<(ThreadId, Connection)> {
        let thread = std::thread::current().id();
        let mut idle = lock(&self.idle);
        idle.retain(|(_, connection)| !connection.is_closed());
        let in_use = self.connections_max - self.permits.available_permits();
        let at = idle
            .iter()
            .rposition(|(driver, _)| *driver == thread)
            .or_else(|| (in_use + idle.len() > self.connections_max).then_some(0))?;
        Some(idle.remove(at))
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let permit = tokio::time::timeout(WAIT, self.permits.clone().acquire_owned()).await;
        permit
            .ok()
            .and_then(Result::ok)
            .ok_or(Failure::Refused(StoreError::Unavailable))
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let established = Connection::establish(
            &self.url,
            self.meter.clone(),
            self.tables.clone(),
            self.timeout,
        )
        .await;
        let mut connection = established.map_err(|reason| {
            tracing::error!(reason, "no connection to the database");
            Failure::Refused(StoreError::Unavailable)
        })?;
        if self.counting {
            // The first number that no other session holds; freed with the session.
            let sql = format!(
                "select i from generate_series(1, {SLOTS}) i where pg_try_advisory_lock({SLOT_LOCKS}, i) limit 1"
            );
            let rows = connection.rows(&sql, &[]).await?;
            connection.slot = rows
                .first()
                .ok_or(Failure::Refused(StoreError::Unavailable))?
                .int(0)?;
        }
        Ok(connection)
    }

    /// No more connections; those in use end with their work.
    pub fn close(&self) {
        self.permits.close();
        lock(&self.idle).clear();
        lock(&self.lines).clear();
    }
}

impl Pooled {
    /// To be called only when no transaction is open.
    pub fn release(mut self) {
        let Some(held) = self.held.take() else {
            return;
        };
        let Held {
            driver,
            mut connection,
            permit,
        } = held;
        connection.tidy();
        if !permit.semaphore().is_closed() {
            lock(&self.idle).push((driver, connection));
        }
        drop(permit);
    }
}

impl Drop for Pooled {
    /// The permit is kept until the statement has ended, so that the database never has more to do than it is to have.
    fn drop(&mut self) {
        let Some(Held {
            connection, permit, ..
        }) = self.held.take()
        else {
            return;
        };
        if connection.is_closed() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                connection.break_off().await;
                drop(permit);
            });
        }
    }
}

impl Deref for Pooled {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        let held = self.held.as_ref();
        &held
            .expect("held until it is given back, which takes this value")
            .connection
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
