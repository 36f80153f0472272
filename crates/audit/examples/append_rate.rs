//! Appends per second at 1, 8, 32 and 64 waiting callers, beside the bare fdatasync rate of the disk.
//!
//! `cargo run --release -p ward-audit --example append_rate -- DIR`

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};
use ward_audit::{Decision, Detail, Entity, Log, Outcome, Record, RecordKey};

const MEASURED_S: u64 = 3;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: append_rate DIR")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "fdatasync of 512 B in place: {:.0}/s",
        fdatasync_rate(&folder.join("floor"))?
    )?;
    for callers in [1, 8, 32, 64] {
        let key = RecordKey::new(&[7; 32]);
        let log = Log::open(&folder.join(format!("log-{callers}")), key)?;
        let (rate, median_us, p99_us) = append_rate(&log, callers).await;
        writeln!(
            out,
            "{callers:3} callers: {rate:8.0} appends/s, median {median_us} us, p99 {p99_us} us"
        )?;
    }
    Ok(())
}

fn fdatasync_rate(path: &Path) -> std::io::Result<f64> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    file.write_all_at(&vec![0; 16 << 20], 0)?;
    file.sync_all()?;
    let (start, mut count) = (Instant::now(), 0u64);
    while start.elapsed() < Duration::from_secs(MEASURED_S) {
        file.write_all_at(&[1; 512], count * 512 % (16 << 20))?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

async fn append_rate(log: &Log, callers: usize) -> (f64, u128, u128) {
    let until = Instant::now() + Duration::from_secs(MEASURED_S);
    let tasks: Vec<_> = (0..callers)
        .map(|_| tokio::spawn(append_until(log.clone(), until)))
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap_or_default());
    }
    times.sort_unstable();
    let at = |part: usize| {
        times
            .get(times.len() * part / 100)
            .map_or(0, Duration::as_micros)
    };
    (times.len() as f64 / MEASURED_S as f64, at(50), at(99))
}

async fn append_until(log: Log, until: Instant) -> Vec<Duration> {
    let record = sample();
    let mut times = Vec::new();
    while Instant::now() < until {
        let start = Instant::now();
        if log.append(&record).await.is_err() {
            break;
        }
        times.push(start.elapsed());
    }
    times
}

fn sample() -> Record {
    Record {
        at_us: 1_700_000_000_000_000,
        request_id: [7; 16],
        interaction: "read".into(),
        client_id: "demo-app".into(),
        user: "Patient/0123456789abcdefghij".into(),
        purpose: "PATRQT".into(),
        source: "127.0.0.1".into(),
        outcome: Outcome::Success,
        status: 200,
        query: String::new(),
        entities: vec![Entity {
            ty: 101,
            rid: 1 << 45,
            version: 1,
            patient: 1 << 44,
            action: b'R',
        }],
        decision: Decision::default(),
        detail: Detail::default(),
    }
}
