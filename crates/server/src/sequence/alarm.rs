//! What is wrong with the audit log, told to whoever reads the server's log and to the audit log itself.

use crate::wiring::clock_us;
use std::collections::HashMap;
use std::sync::Arc;
use ward_audit::{Alert, Decision, Detail, Outcome, Record};
use ward_resources::Engine;

/// Tells each thing once, and again after [`AGAIN_US`] while it lasts.
pub struct Alarms {
    engine: Arc<Engine>,
    told: HashMap<&'static str, (String, i64)>,
}

const AGAIN_US: i64 = 600_000_000;

impl Alarms {
    pub fn new(engine: Arc<Engine>) -> Alarms {
        Alarms {
            engine,
            told: HashMap::new(),
        }
    }

    /// `what`: for the log; no stored value. `subject`: what it is about.
    pub async fn raise(&mut self, subject: &'static str, what: &str) {
        let now_us = clock_us();
        if let Some((before, at_us)) = self.told.get(subject)
            && before == what
            && now_us < at_us + AGAIN_US
        {
            return;
        }
        self.told.insert(subject, (what.to_owned(), now_us));
        tracing::error!(alert = %Alert::AUDIT_GAP, "{what}");
        if self
            .engine
            .log()
            .append(&record(now_us, what))
            .await
            .is_err()
        {
            tracing::error!("an alarm about the audit log could not be recorded");
        }
    }
}

fn record(now_us: i64, what: &str) -> Record {
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    Record {
        at_us: now_us,
        request_id,
        interaction: "audit-alarm".into(),
        client_id: "ward".into(),
        user: String::new(),
        purpose: String::new(),
        source: String::new(),
        outcome: Outcome::Serious,
        status: 500,
        query: what.into(),
        entities: Vec::new(),
        decision: Decision::alert(Alert::AUDIT_GAP),
        detail: Detail::default(),
    }
}
