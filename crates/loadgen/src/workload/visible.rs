//! How long after its answer a read is found in the audit log: a new patient is read, whom nobody else
//! reads, and an auditor asks for the reads of that patient until there
//! is one more, while other clients read as fast as they are answered.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::mix::{self, Verbs};
use crate::arguments::{Pace, Visible};
use crate::client::Client;
use crate::record::{Phase, Record};
use crate::report::Report;
use crate::run::{Measured, Watched};
use crate::target::Target;
use crate::tokens::Token;

/// Between two questions of the auditor: as exact as what is measured.
const BETWEEN: Duration = Duration::from_millis(10);
/// A read that is not found then is a failure.
const GIVEN_UP: Duration = Duration::from_secs(30);
/// Longer than any run: the others stop when the probes are over.
const BESIDE_S: u64 = 3_600;
/// By then the others know what they read: not what is created later.
const HARVESTED: Duration = Duration::from_secs(3);

pub async fn run(target: &Target, options: &Visible, seed: u64) -> Result<Vec<Report>, String> {
    let auditor = Token::printed_by(&options.auditor_token_command)?;
    auditor.renew_by(options.auditor_token_command.clone());
    let auditors = Target {
        tokens: vec![auditor],
        ..target.clone()
    };
    let phase = Phase::new(None);
    phase.measure();
    let mut reader = Client::new(target, 0, Record::new(phase.clone()))?;
    let mut auditor = Client::new(&auditors, 0, Record::new(Phase::new(None)))?;
    let beside = beside(target, options.clients, seed);
    tokio::time::sleep(HARVESTED).await;
    let body = json!({"resourceType": "Patient", "active": true}).to_string();
    let created = reader.create("Patient", body).await;
    let patient = created.and_then(|reply| reply.id());
    let patient = &patient.ok_or("a patient to read cannot be created")?;
    let mut found = Record::new(phase);
    let begun = Instant::now();
    for _ in 0..options.probes {
        let before = reads(&mut auditor, patient).await?;
        reader.get("read", &format!("Patient/{patient}")).await;
        let answered = Instant::now();
        while reads(&mut auditor, patient).await? <= before {
            if answered.elapsed() > GIVEN_UP {
                found.failed("not found within 30 s".to_owned());
                break;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        found.answered("found", answered.elapsed(), 0);
    }
    let seconds = begun.elapsed().as_secs_f64();
    if let Some(beside) = beside {
        beside.abort();
    }
    let measured = Measured {
        clients: options.clients,
        seconds,
        record: found,
        server: None,
        database: None,
        own_cpu_ms: 0,
    };
    Ok(vec![Report::new("visible".to_owned(), measured)])
}

/// Clients that read other things meanwhile.
fn beside(target: &Target, clients: usize, seed: u64) -> Option<tokio::task::JoinHandle<()>> {
    let pace = Pace {
        clients,
        warm_up: 0,
        duration: BESIDE_S,
        requests: None,
    };
    let target = target.clone();
    (clients > 0).then(|| {
        tokio::spawn(async move {
            let watched = Watched::default();
            if let Err(problem) = mix::run(&target, &watched, &pace, seed, Verbs::ReadOnly).await {
                eprintln!("ward-loadgen: {problem}");
            }
        })
    })
}

/// Reads of one patient that the log shows.
async fn reads(auditor: &mut Client, patient: &str) -> Result<u64, String> {
    let path = format!("AuditEvent?subtype=read&entity=Patient/{patient}&_summary=count");
    let reply = auditor.ask(&path).await?;
    let json: Value = serde_json::from_slice(&reply.body).map_err(|e| format!("{path}: {e}"))?;
    json["total"]
        .as_u64()
        .ok_or_else(|| format!("{path}: {} without a total", reply.status))
}
