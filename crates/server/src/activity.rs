//! What the server does of itself leaves Records, too: its starts and stops, what it was told by its configuration, and when its store was
//! out of reach. DCM 110100, Application Activity. <https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html>

use crate::config::{Origin, Rows};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use ward_audit::{Decision, Detail, Outcome, Record};
use ward_resources::Engine;

/// What happened, as these Records name it (`docs/audit-events.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    Start,
    /// Requests have ended, and nothing is left to be written.
    Stop,
    /// The last run did not end so. Recorded at the next start.
    UncleanEnd,
    /// Options have other values than at the last start.
    Configuration,
    /// The store does not answer. The Record waits in the local log.
    Outage,
    /// It does again.
    Back,
    RotateKey,
    Import,
}

impl Activity {
    pub fn word(self) -> &'static str {
        match self {
            Activity::Start => "start",
            Activity::Stop => "stop",
            Activity::UncleanEnd => "unclean-end",
            Activity::Configuration => "configuration",
            Activity::Outage => "outage",
            Activity::Back => "back",
            Activity::RotateKey => "rotate-key",
            Activity::Import => "import",
        }
    }

    fn outcome(self) -> (Outcome, u16) {
        match self {
            Activity::Outage => (Outcome::Major, 503),
            Activity::UncleanEnd => (Outcome::Serious, 500),
            _ => (Outcome::Success, 200),
        }
    }
}

/// Who does it.
const SERVER: &str = "ward";

/// Durable when this returns. `about`: numbers and names of our own, never a value of the configuration. Error: it could not be written.
pub async fn record(
    engine: &Engine,
    node: &str,
    activity: Activity,
    about: &str,
) -> Result<(), String> {
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    let (outcome, status) = activity.outcome();
    let record = Record {
        at_us: engine.now_us(),
        request_id,
        interaction: activity.word().to_owned(),
        client_id: SERVER.to_owned(),
        user: String::new(),
        purpose: "HSYSADMIN".to_owned(),
        source: node.to_owned(),
        outcome,
        status,
        query: about.to_owned(),
        entities: Vec::new(),
        decision: Decision::default(),
        detail: Detail::default(),
    };
    let written = engine.log().append(&record).await;
    written.map(|_| ()).map_err(|_| {
        format!(
            "the audit record of {} could not be written",
            activity.word()
        )
    })
}

/// What the data folder tells of the last run: whether it ended, and by which configuration it ran.
pub struct Runs {
    path: PathBuf,
    digest: String,
}

impl Runs {
    pub fn of(data: &Path, rows: &Rows) -> Runs {
        Runs {
            path: data.join(FILE),
            digest: digest(rows),
        }
    }

    /// Records that the server starts, and what is to be told of the run before.
    pub async fn begin(&self, engine: &Engine, node: &str) -> Result<(), String> {
        let before = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(format!("{} cannot be read: {e}", self.path.display())),
        };
        let (state, digest) = before.trim_end().split_once(' ').unwrap_or_default();
        if state == RUNNING {
            tracing::warn!("the last run did not end as it should");
            record(engine, node, Activity::UncleanEnd, "").await?;
        }
        if !digest.is_empty() && digest != self.digest {
            let about = format!("before={digest}&after={}", self.digest);
            record(engine, node, Activity::Configuration, &about).await?;
        }
        let about = format!("version={}", env!("CARGO_PKG_VERSION"));
        record(engine, node, Activity::Start, &about).await?;
        self.write(RUNNING)
    }

    /// To be called when all is written and the Record of the stop lies in the store.
    pub fn end(&self) -> Result<(), String> {
        self.write(STOPPED)
    }

    fn write(&self, state: &str) -> Result<(), String> {
        let write = || -> std::io::Result<()> {
            let next = self.path.with_extension("next");
            let mut file = std::fs::File::create(&next)?;
            file.write_all(format!("{state} {}\n", self.digest).as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&next, &self.path)?;
            let folder = self.path.parent().unwrap_or(Path::new("."));
            std::fs::File::open(folder)?.sync_all()
        };
        write().map_err(|e| format!("{} cannot be written: {e}", self.path.display()))
    }
}

/// Of all options that somebody has given, with their values: it tells that something is another, and not what.
fn digest(rows: &Rows) -> String {
    let given = rows
        .iter()
        .filter(|(.., origin)| *origin != Origin::Default);
    let lines: String = given
        .map(|(option, value, _)| format!("{}={value}\n", option.name))
        .collect();
    let digest = ward_seal::hash::sha256(lines.as_bytes());
    digest[..16].iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether the store answers, for the Records of when it did not.
pub struct Reach {
    node: String,
    since: Option<Instant>,
}

impl Reach {
    pub fn new(node: String) -> Reach {
        Reach { node, since: None }
    }

    /// Records what is news.
    pub async fn is(&mut self, engine: &Engine, is_reached: bool) {
        let told = match (is_reached, self.since) {
            (false, None) => {
                self.since = Some(Instant::now());
                record(engine, &self.node, Activity::Outage, "").await
            }
            (true, Some(since)) => {
                self.since = None;
                let about = format!("seconds={}", since.elapsed().as_secs());
                record(engine, &self.node, Activity::Back, &about).await
            }
            _ => return,
        };
        if let Err(problem) = told {
            tracing::error!(problem, "what the server does is not recorded");
        }
    }
}

const FILE: &str = "run";
const RUNNING: &str = "running";
const STOPPED: &str = "stopped";
