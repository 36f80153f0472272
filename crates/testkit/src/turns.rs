//! What ways of doing the same cost, measured in turns in one process, so that whatever else the machine does falls on all.

use std::fs;
use std::time::Duration;

/// What one way has cost so far.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    cpu_ns: u64,
    /// How long each call took. Microseconds.
    took_us: Vec<u32>,
}

/// One way beside another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Of processor time for each call: 1 is no difference.
    pub cpu: f64,
    /// How much later the 99th percentile is. Microseconds.
    pub p99_later_us: f64,
}

impl Cost {
    pub fn took(&mut self, time: Duration) {
        let us = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.took_us.push(us);
    }

    /// Processor time of all threads for the calls of one turn.
    pub fn used(&mut self, cpu_ns: u64) {
        self.cpu_ns += cpu_ns;
    }

    pub fn add(&mut self, turn: Cost) {
        self.cpu_ns += turn.cpu_ns;
        self.took_us.extend(turn.took_us);
    }

    pub fn calls(&self) -> usize {
        self.took_us.len()
    }

    /// Processor time of one call. Microseconds; 0 where there was none.
    pub fn cpu_us(&self) -> f64 {
        match self.calls() {
            0 => 0.0,
            calls => self.cpu_ns as f64 / 1000.0 / calls as f64,
        }
    }

    /// Microseconds in which this share of the calls was done; 0 where there was none.
    pub fn within_us(&self, share: f64) -> f64 {
        let mut sorted = self.took_us.clone();
        sorted.sort_unstable();
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted
            .get(rank.saturating_sub(1))
            .map_or(0.0, |us| f64::from(*us))
    }

    /// This way beside `other`.
    pub fn beside(&self, other: &Cost) -> Compared {
        let cpu = match other.cpu_us() {
            0.0 => 0.0,
            without => self.cpu_us() / without,
        };
        Compared {
            cpu,
            p99_later_us: self.within_us(0.99) - other.within_us(0.99),
        }
    }
}

/// Processor time that the threads of this process have used so far, in nanoseconds. `None`: the kernel does not tell
/// (`CONFIG_SCHED_INFO`). What threads used that have ended is not in it: the ways must not make any.
pub fn cpu_ns() -> Option<u64> {
    let tasks = fs::read_dir("/proc/self/task").ok()?.flatten();
    let each = tasks.map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        running_ns(&text)
    });
    // One that ends while it is looked at counts as nothing.
    Some(each.flatten().sum::<u64>()).filter(|ns| *ns > 0)
}

/// The first number: time on a processor. <https://www.kernel.org/doc/html/latest/scheduler/sched-stats.html>
fn running_ns(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn cost(cpu_us: u64, took_us: &[u64]) -> Cost {
        let mut cost = Cost::default();
        cost.used(cpu_us * 1_000);
        took_us
            .iter()
            .for_each(|us| cost.took(Duration::from_micros(*us)));
        cost
    }

    #[test]
    fn ways_are_compared_by_call() {
        let without = cost(400, &[10, 10, 10, 10]);
        let mut with = cost(105, &[11]);
        with.add(cost(105, &[31]));
        assert_eq!((with.calls(), with.cpu_us()), (2, 105.0));
        let compared = Compared {
            cpu: 1.05,
            p99_later_us: 21.0,
        };
        assert_eq!(with.beside(&without), compared);
        assert_eq!(Cost::default().beside(&Cost::default()).cpu, 0.0);
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).rev().collect();
        let cost = cost(1, &hundred);
        let at = [0.5, 0.99, 1.0].map(|share| cost.within_us(share));
        assert_eq!(at, [50.0, 99.0, 100.0]);
        assert_eq!(Cost::default().within_us(0.99), 0.0);
    }

    #[test]
    fn work_takes_processor_time() {
        assert_eq!(running_ns("123 45 6\n"), Some(123));
        assert_eq!(running_ns("none"), None);
        assert!(cpu_ns().is_some(), "the kernel tells");
        // Of this thread: others of this process may end meanwhile, and with them what they used.
        let own = || running_ns(&fs::read_to_string("/proc/thread-self/schedstat").unwrap());
        let (before, begun) = (own(), Instant::now());
        let mut sum = 0u64;
        while own() == before {
            assert!(begun.elapsed() < Duration::from_secs(10), "{sum}");
            for n in 0..100_000u64 {
                sum = std::hint::black_box(sum.wrapping_add(n * n));
            }
        }
        assert!(own() > before);
    }
}
