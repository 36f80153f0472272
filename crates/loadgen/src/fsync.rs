//! Floor: how many durable writes per second the disk allows, one after the other.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use crate::arguments::Fsync;
use crate::record::empty_histogram;

/// A file is written from its beginning again after so many bytes, so that it stays small.
const FILE_BYTES_MAX: usize = 64 << 20;

#[allow(clippy::print_stdout)] // the result of this program
pub fn run(options: &Fsync, as_json: bool) -> Result<(), String> {
    let path = options
        .folder
        .join(format!(".ward-loadgen-fsync-{}", std::process::id()));
    let outcome = measure(options, &path).map_err(|e| format!("{}: {e}", options.folder.display()));
    // The file is ours alone; there is nothing more to do when it is gone already.
    let _ = fs::remove_file(&path);
    let (per_second, latencies) = outcome?;
    let ms = |q: f64| latencies.value_at_quantile(q) as f64 / 1000.0;
    if as_json {
        let value = serde_json::json!({
            "workload": "fsync", "bytes": options.bytes, "per_second": per_second,
            "p50_ms": ms(0.5), "p99_ms": ms(0.99),
        });
        println!("{value}");
    } else {
        println!(
            "fsync: {per_second:.0} per s of {} bytes, p50 {:.2} ms, p99 {:.2} ms",
            options.bytes,
            ms(0.5),
            ms(0.99)
        );
    }
    Ok(())
}

fn measure(
    options: &Fsync,
    path: &std::path::Path,
) -> std::io::Result<(f64, hdrhistogram::Histogram<u64>)> {
    use std::io::{Seek, SeekFrom};
    let mut file = OpenOptions::new().create_new(true).write(true).open(path)?;
    let block = vec![0x5a; options.bytes.max(1)];
    let mut latencies = empty_histogram();
    let mut written = 0;
    let begun = Instant::now();
    let end = begun + Duration::from_secs(options.duration.max(1));
    while Instant::now() < end {
        if written + block.len() > FILE_BYTES_MAX {
            file.seek(SeekFrom::Start(0))?;
            written = 0;
        }
        let one = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        latencies.saturating_record(u64::try_from(one.elapsed().as_micros()).unwrap_or(u64::MAX));
        written += block.len();
    }
    Ok((
        latencies.len() as f64 / begun.elapsed().as_secs_f64(),
        latencies,
    ))
}
