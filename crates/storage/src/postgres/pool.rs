//! Connections kept by the threads that use them: no hand-over between workers, and a limit over all of them.

use super::connection::{Connection, Failure};
use super::tables::Tables;
use crate::contract::StoreError;
use crate::meter::Meter;
use std::cell::RefCell;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub struct Pool {
    id: u64,
    url: String,
    meter: Arc<Meter>,
    tables: Arc<Tables>,
    timeout: Duration,
    /// Connections of this pool count, and so need a slot.
    counting: bool,
    permits: Arc<Semaphore>,
}

/// A connection in use, given back by `release`. Dropped otherwise: whoever asked has gone away or did not trust it any
/// more, maybe in the middle of a statement, which is cancelled in the database.
pub struct Pooled {
    /// Gone once given back.
    held: Option<Held>,
    pool: u64,
}

struct Held {
    connection: Connection,
    permit: OwnedSemaphorePermit,
}

thread_local! {
    static IDLE: RefCell<Vec<(u64, Connection)>> = const { RefCell::new(Vec::new()) };
}

/// Idle connections one thread keeps for one pool.
const IDLE_MAX: usize = 16;
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
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Pool {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            url: url.to_owned(),
            meter,
            tables,
            timeout,
            counting,
            permits: Arc::new(Semaphore::new(connections_max)),
        }
    }

    /// An idle connection of this thread, or a new one.
    pub async fn get(&self) -> Result<Pooled, Failure> {
        let permit = self.permit().await?;
        let idle = IDLE.with_borrow_mut(|idle| {
            idle.retain(|(_, connection)| !connection.is_closed());
            let at = idle.iter().rposition(|(pool, _)| *pool == self.id)?;
            Some(idle.swap_remove(at).1)
        });
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Pooled {
            held: Some(Held { connection, permit }),
            pool: self.id,
        })
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
        IDLE.with_borrow_mut(|idle| idle.retain(|(pool, _)| *pool != self.id));
    }
}

impl Pooled {
    /// To be called only when no transaction is open.
    pub fn release(mut self) {
        let Some(Held {
            mut connection,
            permit,
        }) = self.held.take()
        else {
            return;
        };
        connection.tidy();
        IDLE.with_borrow_mut(|idle| {
            if idle.iter().filter(|(pool, _)| *pool == self.pool).count() < IDLE_MAX {
                idle.push((self.pool, connection));
            }
        });
        drop(permit);
    }
}

impl Drop for Pooled {
    /// The permit is kept until the statement has ended, so that the database never has more to do than it is to have.
    fn drop(&mut self) {
        let Some(Held { connection, permit }) = self.held.take() else {
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
