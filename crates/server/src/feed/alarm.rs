//! A collector that takes nothing for ten minutes is an alarm: a Record and a line of the log; and when it takes events again, that is told, too.

use std::time::{Duration, Instant};
use ward_audit::{Alert, Decision, Detail, Outcome, Record};
use ward_resources::Engine;

/// How long a collector may fail before somebody is told.
pub const ALARM_AFTER: Duration = Duration::from_secs(600);

/// Of one collector.
#[derive(Default)]
pub struct Alarm {
    failing_since: Option<Instant>,
    raised: bool,
}

/// What is to be told.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    Outage,
    Back,
}

impl Alarm {
    pub fn failed(&mut self, now: Instant) -> Option<Told> {
        let since = *self.failing_since.get_or_insert(now);
        let is_due = !self.raised && now.duration_since(since) >= ALARM_AFTER;
        self.raised |= is_due;
        is_due.then_some(Told::Outage)
    }

    pub fn worked(&mut self) -> Option<Told> {
        self.failing_since = None;
        std::mem::take(&mut self.raised).then_some(Told::Back)
    }

    pub fn is_failing(&self) -> bool {
        self.failing_since.is_some()
    }
}

/// Leaves a Record of it. `collector`: as it is configured.
pub async fn tell(engine: &Engine, told: Told, collector: &str) {
    let (subtype, outcome, status) = match told {
        Told::Outage => ("outage", Outcome::Major, 503),
        Told::Back => ("back", Outcome::Success, 200),
    };
    match told {
        Told::Outage => tracing::error!(
            collector,
            "audit events have reached this collector for ten minutes no more; they wait in the store"
        ),
        Told::Back => tracing::info!(collector, "audit events reach this collector again"),
    }
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    let record = Record {
        at_us: engine.now_us(),
        request_id,
        interaction: "application".into(),
        client_id: String::new(),
        user: String::new(),
        purpose: String::new(),
        source: String::new(),
        outcome,
        status,
        query: format!("collector={collector}"),
        entities: Vec::new(),
        decision: match told {
            Told::Outage => Decision::alert(Alert::AUDIT_GAP),
            Told::Back => Decision::default(),
        },
        detail: Detail {
            subtype: subtype.into(),
            ..Detail::default()
        },
    };
    if engine.log().append(&record).await.is_err() {
        tracing::error!(collector, "the outage of a collector could not be recorded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_after_ten_minutes_and_once_when_it_is_over() {
        let (mut alarm, begun) = (Alarm::default(), Instant::now());
        assert_eq!(alarm.worked(), None);
        assert_eq!(alarm.failed(begun), None);
        assert_eq!(alarm.failed(begun + ALARM_AFTER / 2), None);
        assert_eq!(alarm.failed(begun + ALARM_AFTER), Some(Told::Outage));
        assert_eq!(alarm.failed(begun + ALARM_AFTER * 3), None);
        assert_eq!(alarm.worked(), Some(Told::Back));
        assert_eq!(alarm.worked(), None);
        assert_eq!(alarm.failed(begun + ALARM_AFTER * 3), None);
        assert_eq!(alarm.worked(), None);
    }
}
