//! The stream out: every AuditEvent in the order of the log, to each collector by itself, from where it has got.
//!
//! What waits is in no queue: the log in the store is what is read, and it keeps its Records for years. A collector that was away for an
//! hour gets what it missed, in order, once it is back. An event may come twice (it has an id), none is left out.

use super::alarm::{self, Alarm};
use super::event::Event;
use super::message::Severity;
use super::otlp::Otlp;
use super::place::{Held, Position, Unreadable};
use super::syslog::Syslog;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ward_audit::{Outcome, Record};
use ward_resources::{Engine, Streamed};
use ward_storage::{RecordPlace, StoredRecord};

/// Records that are read and sent at once.
const RECORDS_AT_ONCE_MAX: usize = 200;
/// A Record may be thousands of events, each of some kilobytes: of more, fewer Records at once.
const EVENTS_AT_ONCE_MAX: usize = 1_000;
/// How often the log is looked at for new ones.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// How long what was written may wait for its confirmation, and how many events.
const CONFIRM_AFTER: Duration = Duration::from_secs(5);
const UNCONFIRMED_EVENTS_MAX: usize = 5_000;
/// Pause after a failure; it doubles with each one that follows.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

pub enum Collector {
    Syslog(Box<Syslog>),
    Otlp(Otlp),
}

impl Collector {
    /// As it is configured.
    pub fn name(&self) -> String {
        match self {
            Collector::Syslog(syslog) => syslog.address.clone(),
            Collector::Otlp(otlp) => otlp.url.clone(),
        }
    }

    async fn write(&mut self, events: &[Event]) -> Result<(), String> {
        match self {
            Collector::Syslog(syslog) => syslog.write(events).await,
            Collector::Otlp(otlp) => otlp.send(events).await,
        }
    }

    async fn confirm(&mut self) -> Result<(), String> {
        match self {
            Collector::Syslog(syslog) => syslog.confirm().await,
            Collector::Otlp(_) => Ok(()),
        }
    }

    /// Whether what it has answered is all that there is to wait for.
    fn confirms_at_once(&self) -> bool {
        matches!(self, Collector::Otlp(_))
    }
}

/// Runs until `stop` is set, then confirms what was written.
pub async fn run(engine: Arc<Engine>, collector: Collector, stop: Arc<AtomicBool>) {
    let mut holder = [0; 16];
    ward_seal::random::fill(&mut holder);
    let name = collector.name();
    let mut stream = Stream {
        position: Position {
            collector: name.clone(),
            holder,
        },
        engine,
        collector,
        held: None,
        written: None,
    };
    let (mut alarm, mut pause) = (Alarm::default(), PAUSE_MIN);
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        let told = match stream.step(stopping).await {
            Ok(more) => {
                pause = PAUSE_MIN;
                if stopping {
                    return stream.leave().await;
                }
                if !more {
                    sleep(LOOK_INTERVAL, &stop).await;
                }
                alarm.worked()
            }
            Err(problem) => {
                stream.written = None;
                if stopping {
                    return stream.leave().await;
                }
                if !alarm.is_failing() {
                    tracing::warn!(
                        collector = name,
                        problem,
                        "audit events wait in the store: a collector does not take them"
                    );
                }
                let told = alarm.failed(Instant::now());
                sleep(pause, &stop).await;
                pause = (pause * 2).min(PAUSE_MAX);
                told
            }
        };
        if let Some(told) = told {
            alarm::tell(&stream.engine, told, &name).await;
        }
    }
}

/// One collector and how far it has got.
struct Stream {
    engine: Arc<Engine>,
    collector: Collector,
    position: Position,
    /// While this process is the one that sends. Its place is what the collector surely has.
    held: Option<Held>,
    /// What was written beyond that and waits for its confirmation.
    written: Option<Written>,
}

struct Written {
    place: RecordPlace,
    events: usize,
    since: Instant,
}

impl Stream {
    /// Sends what is next. Whether there is more to do at once. Errors: why nothing was sent, in words for the log.
    async fn step(&mut self, stopping: bool) -> Result<bool, String> {
        let held = match self.held.take() {
            Some(held) => held,
            None => match self.position.take(&self.engine).await.map_err(unreadable)? {
                Some(held) => held,
                None => return Ok(false),
            },
        };
        let confirmed = held.place;
        self.held = Some(held);
        let from = self
            .written
            .as_ref()
            .map_or(confirmed, |written| written.place);
        let (mut records, mut place) = self.read(&from, RECORDS_AT_ONCE_MAX).await?;
        let fitting = fitting(&records);
        let is_last = records.len() < RECORDS_AT_ONCE_MAX && fitting == records.len();
        if fitting < records.len() {
            (records, place) = self.read(&from, fitting).await?;
        }
        if !records.is_empty() {
            let events = self.rendered(records).await?;
            self.collector.write(&events).await?;
            let written = self.written.get_or_insert(Written {
                place,
                events: 0,
                since: Instant::now(),
            });
            written.place = place;
            written.events += events.len();
        }
        self.confirm(stopping).await?;
        Ok(!is_last)
    }

    /// Confirms what was written, if it is time, and says in the store that this process still sends.
    async fn confirm(&mut self, now: bool) -> Result<(), String> {
        let is_due = self.written.as_ref().is_some_and(|written| {
            now || self.collector.confirms_at_once()
                || written.since.elapsed() >= CONFIRM_AFTER
                || written.events >= UNCONFIRMED_EVENTS_MAX
        });
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        let mut place = held.place;
        if is_due {
            self.collector.confirm().await?;
            place = self.written.take().map_or(place, |written| written.place);
        } else if !held.is_stale(self.engine.now_us()) {
            self.held = Some(held);
            return Ok(());
        }
        self.held = self
            .position
            .keep(&self.engine, held, place)
            .await
            .map_err(unreadable)?;
        if self.held.is_none() {
            // Another process has gone on from where this one was confirmed.
            self.written = None;
        }
        Ok(())
    }

    async fn read(
        &self,
        from: &RecordPlace,
        limit: usize,
    ) -> Result<(Vec<StoredRecord>, RecordPlace), String> {
        let read = self.engine.store().records_after(from, limit);
        read.await
            .map_err(|_| "the store cannot be read".to_owned())
    }

    async fn rendered(&self, records: Vec<StoredRecord>) -> Result<Vec<Event>, String> {
        let rendered = self.engine.audit_events_of(records).await;
        let rendered = rendered.map_err(|_| "events cannot be rendered".to_owned())?;
        let event = |streamed: Streamed| Event {
            id: streamed.id,
            at_us: streamed.stored.record.at_us,
            severity: severity(&streamed.stored.record),
            json: streamed.json,
        };
        Ok(rendered.into_iter().map(event).collect())
    }

    async fn leave(&mut self) {
        if let Some(held) = self.held.take() {
            self.position.leave(&self.engine, held).await;
        }
    }
}

/// How many of them, from the first on, are sent at once; at least one.
fn fitting(records: &[StoredRecord]) -> usize {
    let mut events = 0;
    let fits = |stored: &&StoredRecord| {
        events += stored.record.events();
        events <= EVENTS_AT_ONCE_MAX
    };
    let fitting = records.iter().take_while(fits).count();
    fitting.max(1).min(records.len())
}

fn severity(record: &Record) -> Severity {
    match (record.decision.alert, record.outcome) {
        (Some(_), _) => Severity::Alert,
        (None, Outcome::Success) => Severity::Notice,
        (None, _) => Severity::Warning,
    }
}

fn unreadable(_: Unreadable) -> String {
    "the store does not say or take how far it has got".to_owned()
}

/// Ends early when `stop` is set.
async fn sleep(time: Duration, stop: &AtomicBool) {
    let until = Instant::now() + time;
    while Instant::now() < until && !stop.load(Ordering::Relaxed) {
        let rest = until.saturating_duration_since(Instant::now());
        tokio::time::sleep(rest.min(LOOK_INTERVAL)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_audit::{Decision, Detail, Entity};

    fn stored(patients: usize) -> StoredRecord {
        let entity = |n: i64| Entity {
            ty: 1,
            rid: n,
            version: 1,
            patient: n,
            action: b'R',
        };
        StoredRecord {
            id: 1,
            record: Record {
                at_us: 0,
                request_id: [0; 16],
                interaction: "search-type".into(),
                client_id: String::new(),
                user: String::new(),
                purpose: String::new(),
                source: String::new(),
                outcome: Outcome::Success,
                status: 200,
                query: String::new(),
                entities: (1..=patients as i64).map(entity).collect(),
                decision: Decision::default(),
                detail: Detail::default(),
            },
            bytes: Vec::new(),
            nonce: [0; 16],
        }
    }

    #[test]
    fn records_of_many_patients_are_sent_a_few_at_a_time() {
        let fitting_of = |patients: &[usize]| {
            let records: Vec<StoredRecord> = patients.iter().map(|n| stored(*n)).collect();
            fitting(&records)
        };
        assert_eq!(fitting_of(&[]), 0);
        assert_eq!(fitting_of(&[1; 200]), 200);
        assert_eq!(fitting_of(&[0, 500, 499, 1]), 3);
        assert_eq!(fitting_of(&[400, 400, 400]), 2);
        // At least one, so that it goes on.
        assert_eq!(fitting_of(&[5_000, 1]), 1);
    }
}
