//! What one client has seen in the measured time, and the shared state that says which time that is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies above this count as this. Microseconds.
const LATENCY_MAX_US: u64 = 600_000_000;

/// Shared by all clients of a run.
pub struct Phase {
    measuring: AtomicBool,
    stopped: AtomicBool,
    requests: AtomicU64,
    requests_max: u64,
}

impl Phase {
    pub fn new(requests_max: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            measuring: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            requests_max: requests_max.unwrap_or(u64::MAX),
        })
    }

    pub fn measure(&self) {
        self.measuring.store(true, Ordering::Release);
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
            || self.requests.load(Ordering::Relaxed) >= self.requests_max
    }
}

/// Latencies by operation, failures by kind, resources moved.
pub struct Record {
    phase: Arc<Phase>,
    pub latencies: BTreeMap<&'static str, Histogram<u64>>,
    pub failures: BTreeMap<String, u64>,
    pub resources: u64,
    pub bytes: u64,
    /// Requests that asked for what is known to be absent.
    pub misses: u64,
}

impl Record {
    pub fn new(phase: Arc<Phase>) -> Self {
        Self {
            phase,
            latencies: BTreeMap::new(),
            failures: BTreeMap::new(),
            resources: 0,
            bytes: 0,
            misses: 0,
        }
    }

    pub fn answered(&mut self, name: &'static str, took: Duration, bytes: usize) {
        if !self.counts() {
            return;
        }
        self.bytes += bytes as u64;
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.histogram(name).saturating_record(took_us);
    }

    /// Failures count in the warm-up too: they say that nothing here can be trusted.
    pub fn failed(&mut self, what: String) {
        self.counts();
        *self.failures.entry(what).or_default() += 1;
    }

    /// Says that the last answer moved `n` resources.
    pub fn moved(&mut self, n: u64) {
        if self.phase.measuring.load(Ordering::Acquire) {
            self.resources += n;
        }
    }

    /// Says whether the last request was a deliberate miss.
    pub fn missed(&mut self, missed: bool) {
        if missed && self.phase.measuring.load(Ordering::Acquire) {
            self.misses += 1;
        }
    }

    pub fn merge(&mut self, other: Record) {
        for (name, histogram) in other.latencies {
            // Both have the same bounds, so that nothing is lost.
            let _ = self.histogram(name).add(histogram);
        }
        for (what, n) in other.failures {
            *self.failures.entry(what).or_default() += n;
        }
        self.resources += other.resources;
        self.bytes += other.bytes;
        self.misses += other.misses;
    }

    fn counts(&self) -> bool {
        self.phase.requests.fetch_add(1, Ordering::Relaxed);
        // What was asked before the end is answered after it: both its time and its answer belong to the run.
        self.phase.measuring.load(Ordering::Acquire)
    }

    fn histogram(&mut self, name: &'static str) -> &mut Histogram<u64> {
        self.latencies.entry(name).or_insert_with(empty_histogram)
    }
}

pub fn empty_histogram() -> Histogram<u64> {
    #[allow(clippy::expect_used)]
    // constants: 1 µs to ten minutes with three digits are valid bounds
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).expect("valid bounds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_measured_time_counts_but_every_failure_does() {
        let phase = Phase::new(Some(4));
        let mut record = Record::new(phase.clone());
        record.answered("read", Duration::from_micros(50), 10);
        record.failed("read: 500".to_owned());
        phase.measure();
        record.answered("read", Duration::from_micros(70), 10);
        record.moved(3);
        assert!(!phase.stopped());
        record.answered("read", Duration::from_micros(90), 10);
        assert!(phase.stopped(), "four requests were allowed");
        assert_eq!(record.latencies["read"].len(), 2);
        assert_eq!(
            (record.resources, record.bytes, record.failures["read: 500"]),
            (3, 20, 1)
        );
        let mut all = Record::new(phase);
        all.merge(record);
        assert_eq!(all.latencies["read"].len(), 2);
    }
}
