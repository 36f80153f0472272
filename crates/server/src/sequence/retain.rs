//! Takes records out of the audit log when their time is over, at the start and once a day, by the rules of `audit.retention_*`. What is taken
//! out, and by which rule, stands in the log itself: as a removal that the log's key has signed, and as a Record.

use crate::config::retention::Retention;
use crate::wiring::clock_us;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ward_audit::removal::Removal;
use ward_audit::{Decision, Detail, Outcome, Record};
use ward_resources::Engine;
use ward_resources::search::encode_query;
use ward_storage::{Expiry, Held, Store, TakeError};

/// After the start, so that requests come first.
const FIRST_AFTER: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_secs(24 * 3_600);
/// After a failure.
const RETRY: Duration = Duration::from_secs(3_600);
/// Between two steps, so that others write in between.
const PAUSE: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(250);

/// Which rules are due, and who is held.
pub struct Pass {
    pub expiries: Vec<Expiry>,
    pub held: Held,
    /// Behind which record it begins.
    first: i64,
}

/// What a pass has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    pub records: u64,
    /// The last removal's record.
    pub removal: Option<i64>,
}

/// Runs until `stop` is set.
pub async fn run(engine: Arc<Engine>, retention: Retention, node: String, stop: Arc<AtomicBool>) {
    if retention.is_for_ever() {
        return;
    }
    let mut due = Instant::now() + FIRST_AFTER;
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOK).await;
        if Instant::now() < due {
            continue;
        }
        due = Instant::now() + INTERVAL;
        match pass(engine.store(), &retention, &node, &stop).await {
            Ok(Passed { records: 0, .. }) => {}
            Ok(passed) => {
                tracing::info!(
                    records = passed.records,
                    "audit records are over and were taken out"
                );
            }
            // Another node is at it.
            Err(TakeError::Busy) => {}
            Err(error) => {
                tracing::warn!(%error, "audit records that are over could not be taken out");
                due = Instant::now() + RETRY;
            }
        }
    }
}

/// Takes out all that is over. What was taken out before a failure is.
pub async fn pass(
    store: &Store,
    retention: &Retention,
    node: &str,
    stop: &AtomicBool,
) -> Result<Passed, TakeError> {
    let pass = Pass::read(store, retention, clock_us()).await?;
    let mut passed = Passed::default();
    for expiry in &pass.expiries {
        let mut after = Some(pass.first);
        while let Some(from) = after
            && !stop.load(Ordering::Relaxed)
        {
            let now_us = clock_us();
            let event = |removal: &Removal| event("audit-retention", node, removal, &[]);
            let taken = store.expire(expiry, &pass.held, from, now_us, event);
            let taken = taken.await?;
            passed.records += taken.records;
            passed.removal = taken.removal.or(passed.removal);
            after = taken.after;
            tokio::time::sleep(PAUSE).await;
        }
    }
    if passed.records > 0 {
        // What has lost its last record goes as a whole.
        super::tend(store).await;
    }
    Ok(passed)
}

impl Pass {
    pub async fn read(
        store: &Store,
        retention: &Retention,
        now_us: i64,
    ) -> Result<Pass, TakeError> {
        let contexts = store.record_contexts(0).await?;
        let oldest = store.oldest_record().await?;
        Ok(Pass {
            expiries: expiries(retention, &contexts, now_us),
            held: store.held(&retention.hold).await?,
            first: oldest.map_or(0, |oldest| oldest - 1),
        })
    }

    /// How many records of a rule would be taken out.
    pub async fn count(&self, store: &Store, expiry: &Expiry) -> Result<u64, TakeError> {
        let (mut count, mut after) = (0, Some(self.first));
        while let Some(from) = after {
            let (found, next) = store.expiring(expiry, &self.held, from).await?;
            count += found.len() as u64;
            after = next;
        }
        Ok(count)
    }
}

/// One for each rule, with what is decided by it.
fn expiries(retention: &Retention, contexts: &[(i64, Record)], now_us: i64) -> Vec<Expiry> {
    let mut by_rule: HashMap<&str, Expiry> = HashMap::new();
    for (number, context) in contexts {
        let kept = retention.kept(context);
        if let Some(until_us) = kept.until_us(now_us) {
            let expiry = by_rule.entry(&kept.rule).or_insert_with(|| Expiry {
                contexts: Vec::new(),
                until_us,
                rule: kept.rule.clone(),
            });
            expiry.contexts.push(*number);
        }
    }
    let mut expiries: Vec<Expiry> = by_rule.into_values().collect();
    expiries.sort_by(|one, other| one.rule.cmp(&other.rule));
    expiries
}

/// The Record of a removal. `about`: what is told beside its entries and its rule.
pub fn event(interaction: &str, node: &str, removal: &Removal, about: &[(&str, &str)]) -> Record {
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    let lengths = removal.entries.iter().map(|range| range.end - range.start);
    let count = lengths.sum::<u64>().to_string();
    let first = removal.entries.first().map_or(0, |range| range.start);
    let last = removal.entries.last().map_or(0, |range| range.end - 1);
    let (first, last) = (first.to_string(), last.to_string());
    let told = [
        ("records", count.as_str()),
        ("first-entry", &first),
        ("last-entry", &last),
        ("rule", &removal.rule),
    ];
    let told = told.iter().chain(about);
    let told: Vec<(String, String)> = told
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Record {
        at_us: removal.time_us,
        request_id,
        interaction: interaction.to_owned(),
        client_id: "ward".into(),
        user: String::new(),
        purpose: "HSYSADMIN".into(),
        source: node.to_owned(),
        outcome: Outcome::Success,
        status: 200,
        query: encode_query(&told),
        entities: Vec::new(),
        decision: Decision::default(),
        detail: Detail::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;
    use ward_audit::removal::RemovalKind;

    fn removal() -> Removal {
        Removal {
            origin: "log.example".into(),
            time_us: 1_700_000_000_000_000,
            kind: RemovalKind::Expiry,
            entries: vec![3..5, 9..10],
            rule: "retention: all for 6 years".into(),
        }
    }

    #[test]
    fn contexts_are_sorted_by_the_rule_that_is_met() {
        let flags: Flags = vec![(
            "audit.retention_rules",
            r#"["capabilities 1", "* serious forever"]"#.into(),
        )];
        let config = crate::config::load(None, &flags).unwrap().config;
        let retention = Retention::of(&config.audit).unwrap();
        let of = |interaction: &str, outcome: Outcome| Record {
            outcome,
            ..event(interaction, "node", &removal(), &[])
        };
        let contexts = [
            (1, of("read", Outcome::Success)),
            (2, of("capabilities", Outcome::Serious)),
            (3, of("read", Outcome::Serious)),
            (4, of("token", Outcome::Minor)),
        ];
        let now_us = 1_700_000_000_000_000;
        let found = expiries(&retention, &contexts, now_us);
        let told: Vec<(&str, &[i64])> = found
            .iter()
            .map(|expiry| (expiry.rule.as_str(), &expiry.contexts[..]))
            .collect();
        assert_eq!(
            told,
            [
                ("retention: all for 6 years", &[1, 4][..]),
                ("retention: capabilities for 1 year", &[2]),
            ]
        );
        assert!(found[0].until_us < found[1].until_us && found[1].until_us < now_us);
    }

    #[test]
    fn the_record_tells_entries_and_rule() {
        let event = event("audit-redaction", "node", &removal(), &[("by", "Dr. & Co")]);
        assert_eq!(
            event.query,
            "records=3&first-entry=3&last-entry=9&rule=retention:%20all%20for%206%20years&by=Dr.%20%26%20Co"
        );
        assert_eq!(event.at_us, removal().time_us);
    }
}
