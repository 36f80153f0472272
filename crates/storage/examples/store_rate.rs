//! How fast a store reads and commits; creates as ratios to the raw insert of the same machine, taken in turns.
//!
//! `cargo build --release -p ward-storage --examples`, then
//! `store_rate sqlite FOLDER | postgres URL  [ROWS [STAGES [SECONDS [PID]]]]`; STAGES is a comma-separated list of `create` (with 1, 8
//! and 32 clients), `create32` (four rounds), `record` (creates with their Record and without, in turns), `update`, `read` and `search`. PID, the first process of the database,
//! adds the CPU of its processes. The PostgreSQL floor and store need a durable cluster (fsync on).
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use ward_access::{Access, Action, Maintenance, maintenance};
use ward_audit::{Decision, Detail, Entity, Outcome, Record};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_seal::MasterKey;
use ward_search::entries::{DateEntry, Entries, QuantityEntry, TermEntry};
use ward_search::plan::{Filter, Plan, Total};
use ward_storage::{Expect, Generation, Op, Rid, Store, StoreSettings, Unit, Write};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, place, rest @ ..] = words.as_slice() else {
        return println!("sqlite FOLDER | postgres URL  [ROWS [STAGES [SECONDS [PID]]]]");
    };
    let word = |at: usize, default: &'static str| rest.get(at).map_or(default, String::as_str);
    let rows: usize = word(0, "20000").parse().unwrap();
    let cell = Duration::from_secs(word(2, "3").parse().unwrap());
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
    let bench = Arc::new(Bench::new(store, cell, word(3, "")).await);
    bench.units(300, rows).await;
    for stage in word(1, "create,update,read,search").split(',') {
        let clients: &[usize] = match stage {
            "create" => &[1, 8, 32],
            "create32" => &[32; 4],
            _ => &[],
        };
        for clients in clients {
            let floor = raw_insert(kind, place, *clients, cell);
            let rate = bench.creates(*clients, true).await;
            println!("  {:.2} of {floor:.0} raw inserts/s", rate / floor);
        }
        match stage {
            "record" => {
                for clients in [1, 8, 32] {
                    bench.recorded(clients).await;
                }
            }
            "update" => bench.updates().await,
            "read" => {
                for tasks in [1, 2, 8] {
                    bench.reads(tasks).await;
                }
            }
            "search" => bench.searches().await,
            _ => {}
        }
    }
    bench.store.close().await;
}

/// What the example beside this one measures now.
fn raw_insert(kind: &str, place: &str, clients: usize, cell: Duration) -> f64 {
    let program = std::env::current_exe()
        .unwrap()
        .with_file_name("raw_insert");
    let folder = tempfile::tempdir_in(if kind == "sqlite" { place } else { "." }).unwrap();
    let place = if kind == "sqlite" {
        folder.path().to_str().unwrap()
    } else {
        place
    };
    let output = std::process::Command::new(program)
        .args([
            kind,
            place,
            &clients.to_string(),
            &cell.as_secs().to_string(),
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let number = text.split([':', ',']).nth(1).unwrap();
    number.trim().parse().unwrap()
}

/// As the write of these versions is recorded.
fn record_of(writes: &[Write]) -> Record {
    let entity = |write: &Write| Entity {
        ty: write.ty.0,
        rid: write.rid,
        version: write.version,
        patient: write.patient,
        action: b'C',
    };
    Record {
        at_us: writes.first().map_or(0, |write| write.updated_us),
        request_id: [7; 16],
        interaction: "create".into(),
        client_id: "feed".into(),
        user: format!("Practitioner/{:020}", writes.len() % 400),
        purpose: "TREAT".into(),
        source: "10.20.30.40".into(),
        outcome: Outcome::Success,
        status: 201,
        query: String::new(),
        entities: writes.iter().map(entity).collect(),
        decision: Decision::default(),
        detail: Detail {
            token_id: "0123456789abcdefghijkl".into(),
            roles: "physician".into(),
            elapsed_us: Some(1_000),
            hashes: vec![[7; 32]; writes.len()],
            ..Detail::default()
        },
    }
}

/// CPU seconds of this process, and of a process with its children.
fn cpu(database: &str) -> [f64; 2] {
    // After the name in parentheses: state, parent, …, user and system time in hundredths of a second.
    let times = |pid: &str| -> Option<(String, f64)> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks: f64 = fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?;
        Some((fields[1].to_owned(), ticks / 100.0))
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let of_database = processes
        .filter_map(|p| times(p.file_name().to_str()?))
        .filter(|(parent, _)| parent == database);
    let own = times("self").map_or(0.0, |(_, seconds)| seconds);
    [own, of_database.map(|(_, seconds)| seconds).sum()]
}

struct Bench {
    store: Store,
    access: Access,
    observation: TypeId,
    patients: Vec<Rid>,
    made: std::sync::Mutex<Vec<Write>>,
    clock: AtomicI64,
    cell: Duration,
    database: String,
}

impl Bench {
    async fn new(store: Store, cell: Duration, database: &str) -> Bench {
        let patient = r4().resource_type("Patient").unwrap();
        let mut bench = Bench {
            store,
            access: maintenance(Maintenance::DemoImport),
            observation: r4().resource_type("Observation").unwrap(),
            patients: Vec::new(),
            made: Default::default(),
            clock: AtomicI64::new(1_700_000_000_000_000),
            cell,
            database: database.to_owned(),
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
            policy: None,
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
                        in_tuple: false,
                    },
                    QuantityEntry {
                        term: 61,
                        low: value,
                        high: value,
                        in_tuple: false,
                    },
                ],
                targets,
                ..Entries::default()
            },
            old_entries: Entries::default(),
            generation: Generation::default(),
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
                    records: vec![self.store.new_record(&record_of(&writes))],
                    writes,
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

    async fn creates(self: &Arc<Self>, tasks: usize, is_recorded: bool) -> f64 {
        let done = Arc::new(AtomicUsize::new(0));
        let (begun, before) = (Instant::now(), cpu(&self.database));
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let (bench, done) = (self.clone(), done.clone());
                tokio::spawn(async move {
                    let mut turn = task;
                    while begun.elapsed() < bench.cell {
                        turn += tasks;
                        let write =
                            bench.observation_of(bench.patients[turn * 7 % bench.patients.len()]);
                        let record = record_of(std::slice::from_ref(&write));
                        bench
                            .store
                            .commit(Unit {
                                records: is_recorded
                                    .then(|| bench.store.new_record(&record))
                                    .into_iter()
                                    .collect(),
                                writes: vec![write],
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
        let (count, after) = (done.load(Ordering::Relaxed) as f64, cpu(&self.database));
        let rate = count / begun.elapsed().as_secs_f64();
        let each = |at: usize| (after[at] - before[at]) * 1e6 / count;
        println!(
            "create x{tasks}: {rate:.0}/s, CPU each: {:.0} us here, {:.0} us in the database",
            each(0),
            each(1)
        );
        rate
    }

    /// What the Record takes of a create: the medians of rounds in turns.
    async fn recorded(self: &Arc<Self>, clients: usize) {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            with.push(self.creates(clients, true).await);
            without.push(self.creates(clients, false).await);
        }
        with.sort_by(f64::total_cmp);
        without.sort_by(f64::total_cmp);
        println!(
            "  x{clients}: {:.3} of the creates without a Record",
            with[2] / without[2]
        );
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
                    while begun.elapsed() < bench.cell {
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
