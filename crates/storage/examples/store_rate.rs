//! How fast a store reads and commits, as ratios to what this machine can do at all.
//!
//! `cargo run --release -p ward-storage --example store_rate -- sqlite FOLDER | postgres URL [rows]`
//! The PostgreSQL floor and store need a durable cluster (fsync on).
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use ward_access::{Access, Action, Maintenance, maintenance};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_seal::MasterKey;
use ward_search::entries::{DateEntry, Entries, QuantityEntry, TermEntry};
use ward_search::plan::{Filter, Plan, Total};
use ward_storage::{Expect, Op, Rid, Store, StoreSettings, Unit, Write};

const CELL: Duration = Duration::from_secs(3);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, place, rest @ ..] = arguments.as_slice() else {
        return println!("sqlite FOLDER | postgres URL [rows]");
    };
    let rows: usize = rest.first().map_or(20_000, |n| n.parse().unwrap());
    let settings = if kind == "sqlite" {
        StoreSettings::sqlite(format!("{place}/ward.db"))
    } else {
        StoreSettings::postgres(place)
    };
    let opened = Instant::now();
    let store = Store::open(settings, MasterKey::from_bytes([1; 32]))
        .await
        .unwrap();
    println!("open {:?}", opened.elapsed());
    let floor = if kind == "sqlite" {
        floor_sqlite(place)
    } else {
        floor_postgres(place).await
    };
    let bench = Arc::new(Bench::new(store).await);
    bench.units(300, rows).await;
    for tasks in [1, 8, 32] {
        let rate = bench.creates(tasks).await;
        println!(
            "create x{tasks}: {rate:.0}/s, {:.2} of the raw durable insert x{tasks} ({:.0}/s)",
            rate / floor(tasks),
            floor(tasks)
        );
    }
    bench.updates().await;
    for tasks in [1, 2, 8] {
        bench.reads(tasks).await;
    }
    bench.searches().await;
    bench.store.close().await;
}

struct Bench {
    store: Store,
    access: Access,
    observation: TypeId,
    patients: Vec<Rid>,
    made: std::sync::Mutex<Vec<Write>>,
    clock: AtomicI64,
}

impl Bench {
    async fn new(store: Store) -> Bench {
        let patient = r4().resource_type("Patient").unwrap();
        let mut bench = Bench {
            store,
            access: maintenance(Maintenance::DemoImport),
            observation: r4().resource_type("Observation").unwrap(),
            patients: Vec::new(),
            made: Default::default(),
            clock: AtomicI64::new(1_700_000_000_000_000),
        };
        for _ in 0..200 {
            let rid = bench.store.allocate(None);
            let mut write = bench.observation_of(rid);
            (write.rid, write.ty) = (rid, patient);
            bench
                .store
                .commit(Unit {
                    writes: vec![write],
                    ..Unit::default()
                })
                .await
                .unwrap();
            bench.patients.push(rid);
        }
        bench
    }

    fn observation_of(&self, patient: Rid) -> Write {
        let rid = self.store.allocate(Some(patient));
        let now = self.clock.fetch_add(1_000_000, Ordering::Relaxed);
        let mixed = |salt: u64, of: u64| {
            ((rid as u64 ^ salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) % of
        };
        let code = 1_000 + mixed(1, 80) as i64 * mixed(9, 2) as i64;
        let mut terms: Vec<TermEntry> = [
            code,
            10 + mixed(2, 3) as i64,
            20,
            30 + mixed(3, 2) as i64,
            40,
            50,
        ]
        .into_iter()
        .map(|term| TermEntry {
            term,
            param: 1,
            counted: true,
        })
        .collect();
        terms.extend(
            [patient, patient ^ mixed(4, 50) as i64, rid].map(|term| TermEntry {
                term,
                param: 2,
                counted: false,
            }),
        );
        terms.sort();
        terms.dedup_by_key(|t| t.term);
        let value = mixed(5, 1000) as f64 / 10.0;
        let mut targets = vec![patient.wrapping_mul(31), 77, 78 + mixed(6, 20) as i64];
        targets.sort_unstable();
        Write {
            ty: self.observation,
            rid,
            alias: None,
            expect: Expect::Absent,
            version: 1,
            updated_us: now,
            op: Op::Create,
            patient,
            visibility: 0,
            body: body(rid, value).into(),
            entries: Entries {
                date_us: Some(now),
                code,
                category: terms[0].term,
                value: Some(value),
                terms,
                dates: vec![DateEntry {
                    param: 7,
                    low_us: now,
                    high_us: now + 999_999,
                }],
                quantities: vec![
                    QuantityEntry {
                        term: 60,
                        low: value,
                        high: value,
                    },
                    QuantityEntry {
                        term: 61,
                        low: value,
                        high: value,
                    },
                ],
                targets,
                ..Entries::default()
            },
            old_entries: Entries::default(),
        }
    }

    async fn units(&self, size: usize, rows: usize) {
        let begun = Instant::now();
        for unit in 0..rows / size {
            let patient = self.patients[unit % self.patients.len()];
            let writes: Vec<Write> = (0..size).map(|_| self.observation_of(patient)).collect();
            self.made
                .lock()
                .unwrap()
                .extend(writes.iter().step_by(10).cloned());
            self.store
                .commit(Unit {
                    writes,
                    record: vec![7; 200],
                    ..Unit::default()
                })
                .await
                .unwrap();
        }
        println!(
            "units of {size}: {:.0} rows/s",
            rows as f64 / begun.elapsed().as_secs_f64()
        );
    }

    async fn creates(self: &Arc<Self>, tasks: usize) -> f64 {
        let done = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let (bench, done) = (self.clone(), done.clone());
                tokio::spawn(async move {
                    let mut turn = task;
                    while begun.elapsed() < CELL {
                        turn += tasks;
                        let write =
                            bench.observation_of(bench.patients[turn * 7 % bench.patients.len()]);
                        bench
                            .store
                            .commit(Unit {
                                writes: vec![write],
                                record: vec![7; 200],
                                ..Unit::default()
                            })
                            .await
                            .unwrap();
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for task in running {
            task.await.unwrap();
        }
        done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
    }

    async fn updates(&self) {
        let made = self.made.lock().unwrap().clone();
        let begun = Instant::now();
        for writes in made.chunks(100) {
            let changed = |w: &Write| Write {
                expect: Expect::Version(1),
                version: 2,
                updated_us: w.updated_us + 1,
                op: Op::Update,
                old_entries: w.entries.clone(),
                ..w.clone()
            };
            self.store
                .commit(Unit {
                    writes: writes.iter().map(changed).collect(),
                    ..Unit::default()
                })
                .await
                .unwrap();
        }
        println!(
            "updates without index changes, 100 a unit: {:.0} rows/s",
            made.len() as f64 / begun.elapsed().as_secs_f64()
        );
    }

    async fn reads(self: &Arc<Self>, tasks: usize) {
        let made: Arc<Vec<Rid>> =
            Arc::new(self.made.lock().unwrap().iter().map(|w| w.rid).collect());
        let done = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let (bench, done, made) = (self.clone(), done.clone(), made.clone());
                tokio::spawn(async move {
                    let mut turn = task;
                    while begun.elapsed() < CELL {
                        for _ in 0..50 {
                            turn += 7;
                            bench
                                .store
                                .read(
                                    &bench.access,
                                    Action::Read,
                                    bench.observation,
                                    made[turn % made.len()],
                                )
                                .await
                                .unwrap();
                        }
                        done.fetch_add(50, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for task in running {
            task.await.unwrap();
        }
        println!(
            "reads x{tasks}: {:.0}/s",
            done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
        );
    }

    async fn searches(&self) {
        let patient = self.patients[3];
        let shapes = [
            ("patient", Filter::AnyTerm(vec![patient])),
            (
                "patient + category",
                Filter::And(vec![
                    Filter::AnyTerm(vec![patient]),
                    Filter::AnyTerm(vec![11]),
                ]),
            ),
            ("code", Filter::AnyTerm(vec![1_000])),
            ("all", Filter::All),
        ];
        for (name, filter) in shapes {
            for total in [Total::None, Total::Accurate] {
                let plan = Plan {
                    types: vec![self.observation],
                    filter: filter.clone(),
                    sort: Vec::new(),
                    count: 20,
                    total,
                    after: None,
                };
                let page = self.store.search(&self.access, &plan).await.unwrap();
                let begun = Instant::now();
                for _ in 0..100 {
                    self.store.search(&self.access, &plan).await.unwrap();
                }
                println!(
                    "search {name}, total {total:?} = {:?}, {} rows: {:.0} us",
                    page.total,
                    page.rows.len(),
                    begun.elapsed().as_micros() as f64 / 100.0
                );
            }
        }
    }
}

/// About 1.6 KB, templated like a laboratory result.
fn body(rid: Rid, value: f64) -> String {
    let coding = |n: u64| {
        format!(
            r#"{{"system":"http://loinc.org","code":"{n}-4","display":"Laboratory observation number {n} in serum or plasma"}}"#
        )
    };
    let noise: String = (0..12)
        .map(|i| {
            format!(
                "{:016x}",
                (rid as u64 + i).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            )
        })
        .collect();
    let codings: Vec<String> = (0..8)
        .map(|i| coding((rid as u64 >> 12) % 900 + i))
        .collect();
    format!(
        r#"{{"resourceType":"Observation","id":"{rid:020}","meta":{{"versionId":"1","lastUpdated":"2024-01-01T00:00:00.000Z"}},"status":"final","identifier":[{{"value":"{noise}"}}],"code":{{"coding":[{}]}},"valueQuantity":{{"value":{value},"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}}}"#,
        codings.join(",")
    )
}

type Floor = Box<dyn Fn(usize) -> f64>;

/// One durable transaction per 300-byte body; SQLite has one writer, so more clients do not help without batching.
fn floor_sqlite(folder: &str) -> Floor {
    use libsqlite3_sys as sqlite;
    let path = std::ffi::CString::new(format!("{folder}/floor.db")).unwrap();
    let run = |batch: i64| {
        // SAFETY: one connection on one thread, statements finalised before it closes, the blob outlives its use.
        unsafe {
            let mut db = std::ptr::null_mut();
            assert_eq!(
                sqlite::sqlite3_open(path.as_ptr(), &mut db),
                sqlite::SQLITE_OK
            );
            let exec = |sql: &std::ffi::CStr| {
                assert_eq!(
                    sqlite::sqlite3_exec(
                        db,
                        sql.as_ptr(),
                        None,
                        std::ptr::null_mut(),
                        std::ptr::null_mut()
                    ),
                    sqlite::SQLITE_OK
                )
            };
            exec(c"pragma page_size=8192; pragma journal_mode=wal; pragma synchronous=full; create table if not exists body(rid integer primary key, body blob)");
            let mut insert = std::ptr::null_mut();
            assert_eq!(
                sqlite::sqlite3_prepare_v2(
                    db,
                    c"insert into body(body) values (?1)".as_ptr(),
                    -1,
                    &mut insert,
                    std::ptr::null_mut()
                ),
                sqlite::SQLITE_OK
            );
            let body = [7u8; 300];
            let (begun, mut rows) = (Instant::now(), 0i64);
            while begun.elapsed() < CELL {
                exec(c"begin immediate");
                for _ in 0..batch {
                    sqlite::sqlite3_bind_blob(
                        insert,
                        1,
                        body.as_ptr().cast(),
                        300,
                        sqlite::SQLITE_STATIC(),
                    );
                    assert_eq!(sqlite::sqlite3_step(insert), sqlite::SQLITE_DONE);
                    sqlite::sqlite3_reset(insert);
                }
                exec(c"commit");
                rows += batch;
            }
            sqlite::sqlite3_finalize(insert);
            sqlite::sqlite3_close(db);
            rows as f64 / begun.elapsed().as_secs_f64()
        }
    };
    let (single, batched) = (run(1), run(32));
    println!("floor: {single:.0} durable bodies/s alone, {batched:.0} in transactions of 32");
    Box::new(move |_| single)
}

/// One durable single-row statement per 300-byte body, on as many connections as there are clients.
async fn floor_postgres(url: &str) -> Floor {
    let mut rates = Vec::new();
    for clients in [1usize, 8, 32] {
        let (first, driver) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(driver);
        first.batch_execute("create table if not exists floor_body(rid bigint generated always as identity primary key, body bytea)").await.unwrap();
        let mut connections = vec![first];
        for _ in 1..clients {
            let (client, driver) = tokio_postgres::connect(url, tokio_postgres::NoTls)
                .await
                .unwrap();
            tokio::spawn(driver);
            connections.push(client);
        }
        let (begun, done) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
        let running: Vec<_> = connections
            .into_iter()
            .map(|client| {
                let done = done.clone();
                tokio::spawn(async move {
                    let insert = client
                        .prepare("insert into floor_body(body) values ($1)")
                        .await
                        .unwrap();
                    while begun.elapsed() < CELL {
                        client.execute(&insert, &[&vec![7u8; 300]]).await.unwrap();
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for task in running {
            task.await.unwrap();
        }
        rates.push((
            clients,
            done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64(),
        ));
    }
    println!("floor: durable bodies/s by clients: {rates:.0?}");
    Box::new(move |clients| rates.iter().find(|r| r.0 == clients).map_or(1.0, |r| r.1))
}
