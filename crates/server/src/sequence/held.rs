//! What holds the numbering of the audit log back, or keeps it silent: told after a while, since each is usual for a moment.

use super::alarm::Alarms;
use std::time::{Duration, Instant};
use ward_audit::checkpoint::Checkpoint;
use ward_resources::Engine;
use ward_storage::Horizon;

/// So long a transaction may be open: what was recorded since is not numbered meanwhile.
const OPEN_MAX: Duration = Duration::from_secs(60);
/// So late the next checkpoint may be.
const LATE_MAX_US: i64 = 60_000_000;

/// The oldest transaction that is open, since when.
#[derive(Default)]
pub struct Held {
    since: Option<(i64, Instant)>,
}

impl Held {
    /// Whether one transaction has held all back for longer than [`OPEN_MAX`].
    fn is_long(&mut self, horizon: Horizon, now: Instant) -> bool {
        if horizon.oldest >= horizon.next {
            self.since = None;
            return false;
        }
        match self.since {
            Some((oldest, since)) if oldest == horizon.oldest => {
                now.duration_since(since) >= OPEN_MAX
            }
            _ => {
                self.since = Some((horizon.oldest, now));
                false
            }
        }
    }

    /// Raises alarms, and lowers nothing: each is told again while it lasts. Statements: two.
    pub async fn look(&mut self, engine: &Engine, now_us: i64, alarms: &mut Alarms) {
        match engine.store().log_horizon().await {
            Ok(Some(horizon)) if self.is_long(horizon, Instant::now()) => {
                let what = "a transaction in the database has been open for more than a minute: what was recorded since is not numbered, signed or followed";
                alarms.raise("held", what).await;
            }
            Ok(_) => {}
            Err(_) => tracing::warn!("what holds the audit log back could not be read"),
        }
        let Ok(Some(note)) = engine.store().log_checkpoint(None).await else {
            return;
        };
        if Checkpoint::parse(note.text()).is_ok_and(|last| is_silent(&last, now_us)) {
            let what =
                "the audit log is silent: the checkpoint that the last one promises has not come";
            alarms.raise("silent", what).await;
        }
    }
}

/// Whether the next checkpoint is late. Of a log that stopped none was promised; this server runs, and makes one all the same.
fn is_silent(last: &Checkpoint, now_us: i64) -> bool {
    let within_us = i64::from(last.within_s.unwrap_or(0)) * 1_000_000;
    now_us > last.time_us.saturating_add(within_us + LATE_MAX_US)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_audit::counted::Counted;
    use ward_audit::note::Signer;
    use ward_audit::tree::Hash;
    use ward_seal::Ed25519Key;

    #[test]
    fn a_transaction_that_stays_open_is_told_after_a_minute() {
        let (mut held, begun) = (Held::default(), Instant::now());
        let after = |seconds| begun + Duration::from_secs(seconds);
        let open = |oldest, next| Horizon { oldest, next };
        assert!(!held.is_long(open(5, 6), after(0)));
        assert!(!held.is_long(open(5, 60), after(59)));
        assert!(held.is_long(open(5, 61), after(60)));
        assert!(held.is_long(open(5, 61), after(90)));
        assert!(!held.is_long(open(60, 61), after(91)), "another");
        assert!(!held.is_long(open(61, 61), after(200)), "none");
        assert!(!held.is_long(open(61, 62), after(201)), "a new one");
    }

    #[test]
    fn the_log_is_silent_when_the_promised_checkpoint_is_a_minute_late() {
        let signer = Signer::new("log", Ed25519Key::from_seed(&[1; 32])).unwrap();
        let mut last = Checkpoint {
            origin: "log".to_owned(),
            size: 1,
            root: Hash([0; 32]),
            time_us: 1_000_000,
            previous: None,
            key: signer.public().id(),
            within_s: Some(60),
            counted: Counted::default(),
            next: None,
        };
        assert!(!is_silent(&last, 121_000_000));
        assert!(is_silent(&last, 121_000_001));
        last.within_s = None;
        assert!(is_silent(&last, 61_000_001));
    }
}
