//! What is done from the command line leaves a Record, as what is asked over HTTP does.

use ward_audit::{Decision, Detail, Outcome, Record};
use ward_resources::Engine;
use ward_smart::Endpoint;

/// What somebody who runs the program has done to accounts and clients.
pub struct Done<'a> {
    /// The command, as the record's client.
    pub by: &'a str,
    pub what: &'a str,
    pub succeeded: bool,
}

/// Appends the record; it is durable when this returns. Error: it could not be written, and what was done must not be told of.
pub async fn record(engine: &Engine, done: Done<'_>) -> Result<(), String> {
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    let (outcome, status) = match done.succeeded {
        true => (Outcome::Success, 200),
        false => (Outcome::Minor, 400),
    };
    let record = Record {
        at_us: engine.now_us(),
        request_id,
        interaction: Endpoint::Accounts.interaction().to_owned(),
        client_id: done.by.to_owned(),
        user: String::new(),
        purpose: "HSYSADMIN".to_owned(),
        source: "command line".to_owned(),
        outcome,
        status,
        query: done.what.to_owned(),
        entities: Vec::new(),
        decision: Decision::default(),
        detail: Detail::default(),
    };
    let written = engine.log().append(&record).await;
    written
        .map(|_| ())
        .map_err(|_| "the audit record could not be written".to_owned())
}
