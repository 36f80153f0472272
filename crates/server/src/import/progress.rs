//! How far an import is: on a terminal one line that is drawn anew, elsewhere a plain line now and then.

use super::lock;
use super::reader::SourceFile;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A terminal's line is drawn anew this often at most.
const BAR_INTERVAL: Duration = Duration::from_millis(100);
/// A plain line comes this often at most.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Cells of the bar. With a name of `NAME_CHARS_MAX` the line fits into 80 columns.
const BAR_CELLS: u64 = 14;
const NAME_CHARS_MAX: usize = 14;

/// Counts for all files of one call. Bytes are those on disk: a packed file is as long as its package.
pub struct Progress {
    bytes_all: u64,
    files_all: usize,
    is_terminal: bool,
    begun: Instant,
    bytes_read: AtomicU64,
    resources: AtomicU64,
    shown: Mutex<Shown>,
}

/// The file that is read now, and when that was said last.
#[derive(Default)]
struct Shown {
    name: String,
    number: usize,
    at: Duration,
}

impl Progress {
    pub fn new(files: &[SourceFile]) -> Progress {
        Progress {
            bytes_all: files.iter().map(|f| f.bytes).sum(),
            files_all: files.len(),
            is_terminal: std::io::stderr().is_terminal(),
            begun: Instant::now(),
            bytes_read: AtomicU64::new(0),
            resources: AtomicU64::new(0),
            shown: Mutex::new(Shown::default()),
        }
    }

    /// The next file is read.
    pub fn open(&self, file: &SourceFile) {
        let mut shown = lock(&self.shown);
        let name = file.path.file_name().unwrap_or_default();
        shown.name = name.to_string_lossy().into_owned();
        shown.number += 1;
    }

    /// So many more bytes of the file were read.
    pub fn read(&self, bytes: usize) {
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// One more document is done, which made so many resources.
    pub fn document(&self, resources: usize) {
        self.resources
            .fetch_add(resources as u64, Ordering::Relaxed);
        if let Some(text) = self.news(self.begun.elapsed()) {
            write(&text);
        }
    }

    /// Takes the bar away, so that something else can be printed in its place.
    pub fn clear(&self) {
        if self.is_terminal {
            write("\r\x1b[K");
        }
    }

    /// What is to be written `elapsed` after the begin, if it is time for it.
    fn news(&self, elapsed: Duration) -> Option<String> {
        let interval = match self.is_terminal {
            true => BAR_INTERVAL,
            false => LINE_INTERVAL,
        };
        let mut shown = lock(&self.shown);
        if elapsed < shown.at + interval {
            return None;
        }
        shown.at = elapsed;
        Some(match self.is_terminal {
            true => self.bar(&shown, elapsed),
            false => self.line(&shown, elapsed),
        })
    }

    /// `[2/9] name [####----------]  30 % 1234 stored, 812/s, 9 s left`
    fn bar(&self, shown: &Shown, elapsed: Duration) -> String {
        let percent = self.percent();
        let full = percent * BAR_CELLS / 100;
        let name: String = shown.name.chars().take(NAME_CHARS_MAX).collect();
        let left = self.left_s(elapsed);
        let left = left.map_or(String::new(), |s| format!(", {s} s left"));
        format!(
            "\r\x1b[K[{}/{}] {name} [{}{}] {percent:>3} % {}{left}",
            shown.number,
            self.files_all,
            "#".repeat(full as usize),
            "-".repeat((BAR_CELLS - full) as usize),
            self.rate(elapsed),
        )
    }

    fn line(&self, shown: &Shown, elapsed: Duration) -> String {
        let left = self.left_s(elapsed);
        let left = left.map_or(String::new(), |s| format!(", about {s} s left"));
        format!(
            "file {} of {}, {}: {} % of all bytes read, {}{left}\n",
            shown.number,
            self.files_all,
            shown.name,
            self.percent(),
            self.rate(elapsed),
        )
    }

    fn percent(&self) -> u64 {
        // A file may grow while it is read.
        let read = self.bytes_read.load(Ordering::Relaxed).min(self.bytes_all);
        read * 100 / self.bytes_all.max(1)
    }

    fn rate(&self, elapsed: Duration) -> String {
        let resources = self.resources.load(Ordering::Relaxed);
        let rate = resources as f64 / elapsed.as_secs_f64().max(0.001);
        format!("{resources} stored, {rate:.0}/s")
    }

    /// Seconds that the rest takes at the speed so far; nothing before enough was read to tell.
    fn left_s(&self, elapsed: Duration) -> Option<u64> {
        let percent = self.percent();
        (1..100)
            .contains(&percent)
            .then(|| elapsed.as_secs() * (100 - percent) / percent)
    }
}

/// A closed standard error is no reason to stop.
fn write(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn progress(is_terminal: bool) -> Progress {
        let file = |name: &str, bytes| SourceFile {
            path: PathBuf::from(name),
            identity: PathBuf::from(name),
            bytes,
            modified_s: 0,
        };
        let files = [
            file("one.ndjson", 100),
            file("the-second-of-many-patients.ndjson.gz", 900),
        ];
        let progress = Progress {
            is_terminal,
            ..Progress::new(&files)
        };
        progress.open(&files[0]);
        progress.read(100);
        progress.open(&files[1]);
        progress.read(200);
        progress.resources.store(600, Ordering::Relaxed);
        progress
    }

    #[test]
    fn a_terminal_has_one_line_within_80_columns() {
        let progress = progress(true);
        assert_eq!(progress.news(Duration::from_millis(90)), None);
        assert_eq!(
            progress.news(Duration::from_secs(3)).as_deref(),
            Some("\r\x1b[K[2/2] the-second-of- [####----------]  30 % 600 stored, 200/s, 7 s left")
        );
        assert_eq!(progress.news(Duration::from_millis(3_050)), None);
        progress.read(500);
        progress.resources.store(1_000_000, Ordering::Relaxed);
        let bar = progress.news(Duration::from_secs(200)).unwrap_or_default();
        assert!(bar.chars().count() - "\r\x1b[K".len() < 80, "{bar}");
        progress.read(10_000);
        let bar = progress.news(Duration::from_secs(400)).unwrap_or_default();
        assert!(
            bar.ends_with("[##############] 100 % 1000000 stored, 2500/s"),
            "{bar}"
        );
    }

    #[test]
    fn elsewhere_plain_lines_come_now_and_then() {
        let progress = progress(false);
        assert_eq!(progress.news(Duration::from_secs(4)), None);
        assert_eq!(
            progress.news(Duration::from_secs(6)).as_deref(),
            Some(
                "file 2 of 2, the-second-of-many-patients.ndjson.gz: 30 % of all bytes read, 600 stored, 100/s, about 14 s left\n"
            )
        );
        assert_eq!(progress.news(Duration::from_secs(10)), None);
        assert!(progress.news(Duration::from_secs(11)).is_some());
    }

    #[test]
    fn nothing_to_read_is_no_division_by_zero() {
        let progress = Progress::new(&[]);
        assert_eq!(
            (progress.percent(), progress.left_s(Duration::ZERO)),
            (0, None)
        );
    }
}
