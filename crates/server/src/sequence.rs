//! Numbers and signs what was recorded, within a second, for as long as the server runs; walks the log, counts it, and publishes its checkpoints
//! elsewhere (decision 0023). What is wrong is an alarm: a line in the log, and a Record with the alert A25.

pub mod alarm;
pub mod anchor_file;
pub mod anchors;
pub mod held;
pub mod retain;
pub mod witness;

use crate::wiring::clock_us;
use alarm::Alarms;
use anchors::Anchors;
use held::Held;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ward_audit::issuer::IssueError;
use ward_resources::Engine;
use ward_storage::{Gap, NumberError, Numbered, Numbering, Recount, Store, StoreError, Walk};

const STEP_INTERVAL: Duration = Duration::from_millis(250);
/// After a failure that is an alarm.
const RETRY: Duration = Duration::from_secs(2);
const WALK_INTERVAL: Duration = Duration::from_secs(30);
const TEND_INTERVAL: Duration = Duration::from_secs(60);
/// Ids of records that have a partition made ahead, in PostgreSQL: ten minutes of the heaviest load.
const AHEAD: i64 = 6_000_000;
const ANCHOR_INTERVAL: Duration = Duration::from_secs(5);
/// A store that cannot be reached is an alarm after so long: nothing is numbered meanwhile.
const UNREACHABLE_MAX: Duration = Duration::from_secs(60);

/// Numbers until `stop` is set; then numbers what is left, and signs that the log stops. `origin`: of a log without a key.
pub async fn number(engine: Arc<Engine>, origin: String, stop: Arc<AtomicBool>) {
    let mut numbering = Numbering::new(&origin);
    let mut alarms = Alarms::new(engine.clone());
    let mut reached = Instant::now();
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        let step = engine
            .store()
            .number_records(&mut numbering, clock_us())
            .await;
        let is_done = !matches!(&step, Ok(numbered) if numbered.more);
        let wait = match step {
            Ok(numbered) => {
                reached = Instant::now();
                told(&mut alarms, &numbered).await;
                STEP_INTERVAL
            }
            Err(NumberError::Store(StoreError::Unavailable | StoreError::Timeout))
                if reached.elapsed() < UNREACHABLE_MAX =>
            {
                STEP_INTERVAL
            }
            Err(error) => {
                alarms.raise("sequence", &words(&error)).await;
                RETRY
            }
        };
        if stopping && is_done {
            break;
        }
        if is_done {
            tokio::time::sleep(wait).await;
        }
    }
    let stopped = engine.store().stop_numbering(&mut numbering, clock_us());
    if let Err(error) = stopped.await {
        tracing::error!(%error, "the audit log's last checkpoint was not made");
    }
}

/// Walks and publishes until `stop` is set.
pub async fn watch(engine: Arc<Engine>, mut anchors: Anchors, stop: Arc<AtomicBool>) {
    let mut alarms = Alarms::new(engine.clone());
    let (mut walk, mut held) = (Walk::default(), Held::default());
    let mut recount = Recount::default();
    let (mut walked, mut anchored) = (Instant::now(), Instant::now());
    let mut tended: Option<Instant> = None;
    while !stop.load(Ordering::Relaxed) {
        if tended.is_none_or(|tended| tended.elapsed() >= TEND_INTERVAL) {
            tended = Some(Instant::now());
            tend(engine.store()).await;
        }
        if walked.elapsed() >= WALK_INTERVAL {
            walked = Instant::now();
            look(&engine, &mut walk, &mut alarms).await;
            count(&engine, &mut recount, &mut alarms).await;
        }
        if anchored.elapsed() >= ANCHOR_INTERVAL {
            anchored = Instant::now();
            anchors.publish(&engine, &mut alarms).await;
            held.look(&engine, clock_us(), &mut alarms).await;
        }
        tokio::time::sleep(STEP_INTERVAL).await;
    }
    anchors.publish_last(&engine, &mut alarms).await;
}

/// Records that come when none was made ahead lie in the last partition.
async fn tend(store: &Store) {
    if store.tend_records(clock_us(), AHEAD).await.is_err() {
        tracing::warn!("the partitions of the audit records could not be seen to");
    }
}

/// The same for as long as it lasts: a clock that was set back comes nearer.
fn words(error: &NumberError) -> String {
    match error {
        NumberError::Issue(IssueError::ClockBack { .. }) => {
            "the clock is behind the last checkpoint of the audit log: nothing is numbered".into()
        }
        error => error.to_string(),
    }
}

async fn look(engine: &Engine, walk: &mut Walk, alarms: &mut Alarms) {
    match engine.store().walk_log(walk, clock_us()).await {
        Ok(None) => {}
        Ok(Some(gap)) => alarms.raise("walk", &said(&gap)).await,
        Err(StoreError::Integrity) => {
            let what = "rows of the audit log's tree are missing or damaged";
            alarms.raise("walk", what).await;
        }
        Err(_) => tracing::warn!("the audit log could not be walked"),
    }
}

fn said(gap: &Gap) -> String {
    let first = gap.entry.map(|entry| format!(", the first is {entry}"));
    let named: Vec<String> = gap.named.iter().map(|one| format!("; {one}")).collect();
    format!(
        "audit entries are not as they were recorded: {} deleted, {} changed, {} found by what they do not say{}{}",
        gap.missing,
        gap.changed,
        gap.misfiled,
        first.unwrap_or_default(),
        named.concat()
    )
}

/// More answers than Records (A25): something is not recorded, or was put out of the count.
async fn count(engine: &Engine, recount: &mut Recount, alarms: &mut Alarms) {
    match engine.store().recount_log(recount).await {
        Ok(None) => {}
        Ok(Some(more)) => {
            let what = format!(
                "{} answers of class {} have left and {} are recorded, up to entry {}",
                more.answers, more.class.0, more.recorded, more.size
            );
            alarms.raise("counts", &what).await;
        }
        Err(StoreError::Integrity) => {
            let what = "the audit log cannot be counted: rows of its tree are missing or damaged";
            alarms.raise("counts", what).await;
        }
        Err(_) => tracing::warn!("the audit log could not be counted"),
    }
}

async fn told(alarms: &mut Alarms, numbered: &Numbered) {
    if numbered.missing > 0 {
        let what = format!(
            "{} audit records are missing before entry {}",
            numbered.missing, numbered.size
        );
        alarms.raise("missing", &what).await;
    }
    if numbered.unreadable > 0 {
        let what = format!(
            "{} audit records before entry {} do not open: they are not as they were recorded",
            numbered.unreadable, numbered.size
        );
        alarms.raise("unreadable", &what).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_storage::{Filed, Misfiled};

    #[test]
    fn an_alarm_names_what_is_found_by_something_else() {
        let misfiled = |entry, what| Misfiled {
            entry,
            record: 9,
            what,
        };
        let mut gap = Gap {
            entry: Some(4),
            missing: 1,
            changed: 0,
            misfiled: 2,
            named: vec![
                misfiled(None, Filed::ForeignKey),
                misfiled(Some(8), Filed::Patient),
            ],
        };
        assert_eq!(
            said(&gap),
            "audit entries are not as they were recorded: 1 deleted, 0 changed, 2 found by what they do not say, the first is 4; \
             row 9 without an entry: a key that is not its own; entry 8: another patient"
        );
        (gap.entry, gap.misfiled) = (None, 0);
        gap.named.clear();
        assert!(said(&gap).ends_with("do not say"));
    }
}
