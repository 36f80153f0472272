use super::*;
use crate::decision::Decision;
use crate::detail::Detail;
use crate::entry;
use crate::record::{Entity, Outcome};
use crate::segment::SEGMENT_HEADER_BYTES;
use std::os::unix::fs::FileExt;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        Folder(std::env::temp_dir().join(format!("ward-audit-{}", ward_seal::random::uuid())))
    }

    fn first_segment(&self) -> PathBuf {
        segment::path(&self.0, 1)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn key() -> RecordKey {
    RecordKey::new(&[3; 32])
}

fn record(number: i64) -> Record {
    Record {
        at_us: number,
        request_id: [1; 16],
        interaction: "read".into(),
        client_id: "app".into(),
        user: "Patient/1".into(),
        purpose: String::new(),
        source: "127.0.0.1".into(),
        outcome: Outcome::Success,
        status: 200,
        query: String::new(),
        entities: vec![Entity {
            ty: 1,
            rid: number,
            version: 1,
            patient: number,
            action: b'R',
        }],
        decision: Decision::default(),
        detail: Detail::default(),
    }
}

async fn filled(folder: &Folder, count: i64) -> Log {
    let log = Log::open(&folder.0, key()).unwrap();
    for number in 1..=count {
        assert_eq!(log.append(&record(number)).await.unwrap(), number as u64);
    }
    log
}

fn numbers(log: &Log, from: u64) -> Vec<i64> {
    let found = log.records_from(from, usize::MAX).unwrap();
    found.iter().map(|(_, record)| record.at_us).collect()
}

/// (offset, length) of each entry of the first segment.
fn offsets(folder: &Folder) -> Vec<(u64, usize)> {
    let bytes = std::fs::read(folder.first_segment()).unwrap();
    let mut at = SEGMENT_HEADER_BYTES as usize;
    let mut found = vec![];
    while let Some(entry) = entry::parse(&bytes[at..]) {
        found.push((at as u64, entry::size(entry.payload.len())));
        at += found.last().unwrap().1;
    }
    found
}

fn overwrite(folder: &Folder, at: u64, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(folder.first_segment())
        .unwrap();
    file.write_all_at(bytes, at).unwrap();
}

#[tokio::test]
async fn appends_read_back_and_survive_reopening() {
    let folder = Folder::new();
    let log = filled(&folder, 5).await;
    assert_eq!(log.last_seq(), 5);
    assert_eq!(numbers(&log, 0), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(&log, 4), [4, 5]);
    assert_eq!(
        log.read_from(2, 2)
            .unwrap()
            .iter()
            .map(|(seq, _)| *seq)
            .collect::<Vec<_>>(),
        [2, 3]
    );
    assert!(log.read_from(6, 10).unwrap().is_empty());
    drop(log);
    let log = Log::open(&folder.0, key()).unwrap();
    assert_eq!(log.append(&record(6)).await.unwrap(), 6);
    assert_eq!(numbers(&log, 1), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_at_once_are_all_there_in_order() {
    let folder = Folder::new();
    let log = Log::open(&folder.0, key()).unwrap();
    let append = |number| {
        let log = log.clone();
        tokio::spawn(async move { (log.append(&record(number)).await.unwrap(), number) })
    };
    let tasks: Vec<_> = (0..1000).map(append).collect();
    let mut answers = vec![];
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(
        answers.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        (1..=1000).collect::<Vec<_>>()
    );
    let expected: Vec<_> = answers.iter().map(|(_, number)| *number).collect();
    assert_eq!(
        numbers(&log, 1),
        expected,
        "each answer names the entry that holds it"
    );
    drop(log);
    assert_eq!(numbers(&Log::open(&folder.0, key()).unwrap(), 1), expected);
}

#[tokio::test]
async fn a_torn_last_entry_is_cleared() {
    for cut in [1, 8, 23, 24, 30] {
        let folder = Folder::new();
        drop(filled(&folder, 3).await);
        let (at, length) = offsets(&folder)[2];
        overwrite(&folder, at + cut, &vec![0; length - cut as usize]);
        let log = Log::open(&folder.0, key()).unwrap();
        assert_eq!(log.last_seq(), 2, "cut after {cut} bytes");
        assert_eq!(log.append(&record(9)).await.unwrap(), 3);
        assert_eq!(numbers(&log, 1), [1, 2, 9]);
    }
}

/// A flush of three entries of which the disk kept only the last two: none of them was acknowledged.
#[tokio::test]
async fn intact_entries_of_a_torn_flush_are_cleared_too() {
    let folder = Folder::new();
    drop(filled(&folder, 1).await);
    let mut flush = vec![];
    let mut starts = vec![];
    for number in 2..=4 {
        starts.push(flush.len());
        entry::append(&mut flush, |out| record(number).encode(out)).unwrap();
    }
    for (place, at) in starts.iter().enumerate() {
        entry::finish(&mut flush[*at..], 2 + place as u64, place as u32);
    }
    flush[..starts[1]].fill(0xaa);
    let (at, length) = offsets(&folder)[0];
    overwrite(&folder, at + length as u64, &flush);
    let log = Log::open(&folder.0, key()).unwrap();
    assert_eq!(log.last_seq(), 1);
    log.append(&record(7)).await.unwrap();
    drop(log);
    assert_eq!(
        numbers(&Log::open(&folder.0, key()).unwrap(), 1),
        [1, 7],
        "nothing of it comes back"
    );
}

#[tokio::test]
async fn damage_in_the_middle_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(filled(&folder, 4).await);
    let (at, length) = offsets(&folder)[1];
    for (offset, byte) in [(at, 0), (at + 8, 9), (at + 26, 0x55), (at, 0xff)] {
        let good = std::fs::read(folder.first_segment()).unwrap();
        overwrite(&folder, offset, &[byte]);
        let damaged = std::fs::read(folder.first_segment()).unwrap();
        let error = Log::open(&folder.0, key()).err().unwrap();
        assert!(
            matches!(&error, LogError::Corrupt { offset, .. } if *offset == at),
            "{error}"
        );
        assert_eq!(std::fs::read(folder.first_segment()).unwrap(), damaged);
        overwrite(&folder, 0, &good);
    }
    overwrite(&folder, at, &vec![0; length]);
    assert!(matches!(
        Log::open(&folder.0, key()).err(),
        Some(LogError::Corrupt { .. })
    ));
    overwrite(&folder, 3, b"x");
    assert!(matches!(
        Log::open(&folder.0, key()).err(),
        Some(LogError::Corrupt { offset: 0, .. })
    ));
}

#[tokio::test]
async fn rolls_over_trims_and_reads_across_segments() {
    let folder = Folder::new();
    let log = Log::open_sized(&folder.0, 0, FIRST_SEGMENT_BYTES, key()).unwrap();
    for byte in 0..5u8 {
        log.append_sealed(&vec![byte + 1; 900 << 10]).await.unwrap();
    }
    let firsts = folder::segments(&folder.0).unwrap();
    assert_eq!(firsts, [1, 3, 5]);
    let mut read = vec![];
    while let Some((last, _)) = {
        let found = log.read_from(read.len() as u64 + 1, 2).unwrap();
        read.extend(found.iter().map(|(seq, bytes)| (*seq, bytes[0])));
        found.last().cloned()
    } {
        assert_eq!(last, read.len() as u64);
    }
    assert_eq!(
        read,
        (1..=5).map(|seq| (seq, seq as u8)).collect::<Vec<_>>()
    );
    log.trim(4).unwrap();
    assert_eq!(folder::segments(&folder.0).unwrap(), [3, 5]);
    log.trim(u64::MAX).unwrap();
    assert_eq!(
        folder::segments(&folder.0).unwrap(),
        [5],
        "the last segment stays"
    );
    assert_eq!(log.read_from(1, 1).unwrap()[0].0, 5);
    drop(log);
    let log = Log::open(&folder.0, key()).unwrap();
    assert_eq!(log.append(&record(1)).await.unwrap(), 6);
}

#[tokio::test]
async fn a_missing_segment_is_refused() {
    let folder = Folder::new();
    let log = Log::open_sized(&folder.0, 0, FIRST_SEGMENT_BYTES, key()).unwrap();
    for _ in 0..5 {
        log.append_sealed(&vec![1; 900 << 10]).await.unwrap();
    }
    drop(log);
    std::fs::remove_file(segment::path(&folder.0, 3)).unwrap();
    assert!(matches!(
        Log::open(&folder.0, key()).err(),
        Some(LogError::Corrupt { .. })
    ));
}

#[tokio::test]
async fn one_owner_at_a_time() {
    let folder = Folder::new();
    let log = Log::open(&folder.0, key()).unwrap();
    assert!(matches!(
        Log::open(&folder.0, key()).err(),
        Some(LogError::Locked(_))
    ));
    let other = log.clone();
    drop(log);
    assert!(matches!(
        Log::open(&folder.0, key()).err(),
        Some(LogError::Locked(_))
    ));
    assert!(matches!(
        folder::Claim::of(&folder.0).err(),
        Some(LogError::Locked(_))
    ));
    drop(other);
    let claim = folder::Claim::of(&folder.0).unwrap();
    assert!(matches!(
        Log::open(&folder.0, key()).err(),
        Some(LogError::Locked(_))
    ));
    drop(claim);
    Log::open(&folder.0, key()).unwrap();
}

#[tokio::test]
async fn a_log_older_than_its_store_is_refused() {
    let folder = Folder::new();
    let log = Log::open_after(&folder.0, 100, key()).unwrap();
    assert_eq!(log.append(&record(1)).await.unwrap(), 101);
    drop(log);
    assert!(Log::open_after(&folder.0, 100, key()).is_ok());
    assert!(matches!(
        Log::open_after(&folder.0, 102, key()).err(),
        Some(LogError::Behind {
            stored: 102,
            log: 101
        })
    ));
}

#[tokio::test]
async fn a_refusing_disk_fails_the_log_for_ever() {
    let folder = Folder::new();
    drop(filled(&folder, 1).await);
    let lock = folder::claim(&folder.0).unwrap();
    let (found, next_seq) = scan::recover(&folder.0, &[1]).unwrap().unwrap();
    let file = File::open(folder.first_segment()).unwrap();
    let read_only = Segment { file, ..found };
    let (path, firsts) = (&folder.0, vec![1]);
    let log = Log::start(
        path,
        lock,
        firsts,
        read_only,
        SEGMENT_BYTES,
        next_seq,
        key(),
    )
    .unwrap();
    for number in 2..5 {
        assert!(matches!(
            log.append(&record(number)).await,
            Err(LogError::Io(_))
        ));
    }
    assert_eq!(numbers(&log, 1), [1]);
    drop(log);
    assert_eq!(numbers(&Log::open(&folder.0, key()).unwrap(), 1), [1]);
}

#[tokio::test]
async fn entries_beyond_the_limit_are_refused() {
    let folder = Folder::new();
    let log = Log::open(&folder.0, key()).unwrap();
    assert!(matches!(
        log.append_sealed(&vec![1; ENTRY_BYTES_MAX + 1]).await,
        Err(LogError::TooLong)
    ));
    assert!(matches!(
        log.append_sealed(&[]).await,
        Err(LogError::TooLong)
    ));
    assert_eq!(
        log.append_sealed(&vec![1; ENTRY_BYTES_MAX]).await.unwrap(),
        1
    );
}

/// Who gives up waiting (a client that went away) harms nobody, and its entry is kept.
#[tokio::test]
async fn giving_up_leaves_the_entry() {
    let folder = Folder::new();
    let log = Log::open(&folder.0, key()).unwrap();
    let first = record(1);
    let mut waiting = Box::pin(log.append(&first));
    assert!(futures_poll_once(&mut waiting).is_pending());
    drop(waiting);
    assert_eq!(log.append(&record(2)).await.unwrap(), 2);
    assert_eq!(numbers(&log, 1), [1, 2]);
}

fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}
