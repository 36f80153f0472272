//! The floor of a durable create: one body and its row id, nothing else, on disk before it is acknowledged.
//!
//! `raw_insert sqlite FOLDER | postgres URL  CLIENTS SECONDS [BYTES]` prints
//! `{"per_second": N, "batched_per_second": M}`, for `cargo xtask bench floor`.
//!
//! `per_second`: every insert is a transaction of its own, by CLIENTS clients at once. PostgreSQL shares a flush between
//! the commits that meet, one connection for each client. SQLite has one writer, so the clients take turns; a busy wait
//! between connections would only make the floor lower.
//! `batched_per_second`: what is waiting is committed together, as our writers do: the upper bound of any group commit.
//!
//! A body is 300 bytes, which is what a 1.6 KB Observation becomes when it is compressed and sealed; BYTES measures others.
//! The PostgreSQL table is dropped again. Durability is that of the stores: `synchronous_commit = on`, `synchronous = full`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Bodies in one commit of the batched floor, as in the stores.
const BATCH_MAX: usize = 128;
const BYTES: usize = 300;

#[derive(Clone, Copy)]
struct Load {
    clients: usize,
    time: Duration,
    bytes: usize,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [store, place, clients, seconds, rest @ ..] = words.as_slice() else {
        return println!("raw_insert sqlite FOLDER | postgres URL  CLIENTS SECONDS [BYTES]");
    };
    let load = Load {
        clients: clients.parse().unwrap(),
        time: Duration::from_secs(seconds.parse().unwrap()),
        bytes: rest.first().map_or(BYTES, |bytes| bytes.parse().unwrap()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (single, batched) = match store.as_str() {
        "sqlite" => (sqlite::single(place, load), sqlite::batched(place, load)),
        "postgres" => runtime.block_on(postgres::both(place, load)),
        _ => return println!("sqlite or postgres"),
    };
    println!("{{\"per_second\": {single:.0}, \"batched_per_second\": {batched:.0}}}");
}

mod postgres {
    use super::*;
    use tokio_postgres::{Client, NoTls};

    pub async fn both(url: &str, load: Load) -> (f64, f64) {
        let first = connect(url).await;
        first
            .batch_execute(
                "drop table if exists raw_insert; \
                 create table raw_insert (rid bigint generated always as identity primary key, body bytea not null); \
                 alter table raw_insert alter column body set storage external",
            )
            .await
            .unwrap();
        let single = single(url, load).await;
        let batched = batched(url, load).await;
        first.batch_execute("drop table raw_insert").await.unwrap();
        (single, batched)
    }

    /// One prepared statement, one implicit transaction for each body.
    async fn single(url: &str, load: Load) -> f64 {
        let mut clients = Vec::new();
        for _ in 0..load.clients {
            let client = connect(url).await;
            let insert = client
                .prepare("insert into raw_insert (body) values ($1)")
                .await;
            clients.push((client, insert.unwrap()));
        }
        let (begun, done) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
        let running = clients.into_iter().map(|(client, insert)| {
            let done = done.clone();
            tokio::spawn(async move {
                let body = vec![7u8; load.bytes];
                while begun.elapsed() < load.time {
                    client.execute(&insert, &[&body]).await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        finish(running.collect(), begun, &done).await
    }

    /// As many writers as the store has; each takes what its clients have queued, one statement and one flush for all.
    async fn batched(url: &str, load: Load) -> f64 {
        let (begun, done) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
        let mut running = Vec::new();
        let mut queues = Vec::new();
        for _ in 0..2 {
            let client = connect(url).await;
            let insert = client
                .prepare("insert into raw_insert (body) select unnest($1::bytea[])")
                .await
                .unwrap();
            let (queue, mut waiting) =
                tokio::sync::mpsc::channel::<(Vec<u8>, tokio::sync::oneshot::Sender<()>)>(1_024);
            queues.push(queue);
            running.push(tokio::spawn(async move {
                let mut batch = Vec::new();
                while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
                    let (bodies, answers): (Vec<Vec<u8>>, Vec<_>) = batch.drain(..).unzip();
                    client.execute(&insert, &[&bodies]).await.unwrap();
                    answers
                        .into_iter()
                        .for_each(|answer| answer.send(()).unwrap());
                }
            }));
        }
        for client in 0..load.clients {
            let (queue, done) = (queues[client % queues.len()].clone(), done.clone());
            running.push(tokio::spawn(async move {
                while begun.elapsed() < load.time {
                    let (answer, durable) = tokio::sync::oneshot::channel();
                    queue.send((vec![7; load.bytes], answer)).await.unwrap();
                    durable.await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        drop(queues);
        finish(running, begun, &done).await
    }

    async fn finish(
        running: Vec<tokio::task::JoinHandle<()>>,
        begun: Instant,
        done: &AtomicUsize,
    ) -> f64 {
        for task in running {
            task.await.unwrap();
        }
        done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
    }

    async fn connect(url: &str) -> Client {
        let (client, driver) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(driver);
        client
            .batch_execute("set synchronous_commit = on")
            .await
            .unwrap();
        client
    }
}

mod sqlite {
    use super::*;
    use libsqlite3_sys as sqlite;
    use std::ffi::{CStr, CString};
    use std::sync::{Mutex, mpsc};

    /// The clients take turns at one connection.
    pub fn single(folder: &str, load: Load) -> f64 {
        let (file, done) = (
            Mutex::new(File::open(folder, "single")),
            AtomicUsize::new(0),
        );
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..load.clients {
                scope.spawn(|| {
                    let body = vec![7u8; load.bytes];
                    while begun.elapsed() < load.time {
                        file.lock().unwrap().commit(std::slice::from_ref(&body));
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
    }

    /// One writer takes what the clients have queued.
    pub fn batched(folder: &str, load: Load) -> f64 {
        let (queue, waiting) = mpsc::channel::<(Vec<u8>, mpsc::SyncSender<()>)>();
        let done = AtomicUsize::new(0);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..load.clients {
                let (queue, done) = (queue.clone(), &done);
                scope.spawn(move || {
                    let (answer, durable) = mpsc::sync_channel(1);
                    while begun.elapsed() < load.time {
                        queue.send((vec![7; load.bytes], answer.clone())).unwrap();
                        durable.recv().unwrap();
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            drop(queue);
            let mut file = File::open(folder, "batched");
            while let Ok(first) = waiting.recv() {
                let rest = waiting.try_iter().take(BATCH_MAX - 1);
                let (bodies, answers): (Vec<Vec<u8>>, Vec<_>) =
                    std::iter::once(first).chain(rest).unzip();
                file.commit(&bodies);
                answers
                    .into_iter()
                    .for_each(|answer| answer.send(()).unwrap());
            }
        });
        done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
    }

    /// A database of one table, with the pragmas of the store.
    struct File {
        db: *mut sqlite::sqlite3,
        insert: *mut sqlite::sqlite3_stmt,
    }

    // SAFETY: SQLite is built with its mutexes; besides, only one thread at a time holds the value.
    unsafe impl Send for File {}

    impl File {
        fn open(folder: &str, name: &str) -> File {
            std::fs::create_dir_all(folder).unwrap();
            let path = CString::new(format!("{folder}/raw-{name}-{}.db", std::process::id()));
            let mut file = File {
                db: std::ptr::null_mut(),
                insert: std::ptr::null_mut(),
            };
            // SAFETY: the path ends in a zero byte and the out pointer is valid.
            let opened = unsafe { sqlite::sqlite3_open(path.unwrap().as_ptr(), &mut file.db) };
            assert_eq!(opened, sqlite::SQLITE_OK);
            file.run(c"pragma page_size = 8192; pragma journal_mode = wal; pragma synchronous = full; create table body (rid integer primary key, body blob)");
            let sql = c"insert into body (body) values (?1)";
            // SAFETY: as above; the text is zero-terminated.
            let prepared = unsafe {
                sqlite::sqlite3_prepare_v2(
                    file.db,
                    sql.as_ptr(),
                    -1,
                    &mut file.insert,
                    std::ptr::null_mut(),
                )
            };
            assert_eq!(prepared, sqlite::SQLITE_OK);
            file
        }

        fn run(&mut self, sql: &CStr) {
            let (none, text) = (std::ptr::null_mut(), std::ptr::null_mut());
            // SAFETY: the connection is open and the text zero-terminated.
            let done = unsafe { sqlite::sqlite3_exec(self.db, sql.as_ptr(), None, none, text) };
            assert_eq!(done, sqlite::SQLITE_OK);
        }

        fn commit(&mut self, bodies: &[Vec<u8>]) {
            self.run(c"begin immediate");
            for body in bodies {
                // SAFETY: the statement is prepared, and the body outlives the step that reads it.
                unsafe {
                    sqlite::sqlite3_bind_blob(
                        self.insert,
                        1,
                        body.as_ptr().cast(),
                        body.len() as i32,
                        sqlite::SQLITE_STATIC(),
                    );
                    assert_eq!(sqlite::sqlite3_step(self.insert), sqlite::SQLITE_DONE);
                    sqlite::sqlite3_reset(self.insert);
                }
            }
            self.run(c"commit");
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            // SAFETY: the statement ends before its connection, and neither is used again.
            unsafe {
                sqlite::sqlite3_finalize(self.insert);
                sqlite::sqlite3_close(self.db);
            }
        }
    }
}
