//! Counts statements and reports slow ones, by their text (values are always bound, so it holds none).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub struct Meter {
    statements: AtomicU64,
    slow: Duration,
}

impl Meter {
    pub fn new(slow_statement_ms: u64) -> Meter {
        Meter {
            statements: AtomicU64::new(0),
            slow: Duration::from_millis(slow_statement_ms),
        }
    }

    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    pub fn begin(&self) -> Instant {
        self.statements.fetch_add(1, Ordering::Relaxed);
        Instant::now()
    }

    pub fn end(&self, begun: Instant, sql: &str) {
        let took = begun.elapsed();
        if took >= self.slow {
            tracing::warn!(
                statement = name(sql),
                took_ms = took.as_millis() as u64,
                "slow statement"
            );
        }
    }
}

/// Enough of a statement's text to recognise it.
pub fn name(sql: &str) -> &str {
    let mut end = sql.len().min(NAME_BYTES_MAX);
    while !sql.is_char_boundary(end) {
        end -= 1;
    }
    &sql[..end]
}

/// A statement's text as a number.
pub fn mark(sql: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    sql.hash(&mut hasher);
    hasher.finish()
}

/// Statements one connection keeps prepared (some KB each) before it forgets them all.
pub const STATEMENTS_PREPARED_MAX: usize = 512;

const NAME_BYTES_MAX: usize = 300;
