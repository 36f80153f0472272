//! Checkpoints published elsewhere, where whoever rules this server and its database cannot take them back: each kind at its own pace. A
//! failure holds nothing up, and is an alarm after ten minutes.

use super::alarm::Alarms;
use super::anchor_file::{self, AnchorFile};
use super::witness::{self, AskedWitness};
use crate::config::Config;
use crate::wiring::clock_us;
use std::time::{Duration, Instant};
use ward_audit::checkpoint::Checkpoint;
use ward_audit::note::Note;
use ward_resources::Engine;
use ward_storage::{Anchored, StoreError};

const FAILING_MAX: Duration = Duration::from_secs(600);

/// Why a checkpoint was not published.
pub enum Trouble {
    /// For now: tried again.
    Failed(String),
    /// The other side has seen another log, or a longer one. An alarm at once.
    Contradicts(String),
}

pub struct Anchors {
    all: Vec<Anchor>,
}

struct Anchor {
    kind: Kind,
    /// Since when nothing could be published.
    failing: Option<Instant>,
}

enum Kind {
    File(AnchorFile),
    Witness(Box<AskedWitness>),
}

impl From<StoreError> for Trouble {
    fn from(_: StoreError) -> Trouble {
        Trouble::Failed("the store cannot be read or written".to_owned())
    }
}

impl Anchors {
    /// Errors name the option.
    pub fn of(config: &Config) -> Result<Anchors, String> {
        let audit = &config.audit;
        let mut kinds = Vec::new();
        if !audit.anchor_folder.is_empty() {
            kinds.push(Kind::File(AnchorFile::new(
                audit.anchor_folder.as_ref(),
                audit.anchor_interval_s,
            )));
        }
        for witness in witness::all(config)? {
            kinds.push(Kind::Witness(Box::new(witness)));
        }
        let failing = None;
        let all = kinds.into_iter().map(|kind| Anchor { kind, failing });
        Ok(Anchors { all: all.collect() })
    }

    pub async fn publish(&mut self, engine: &Engine, alarms: &mut Alarms) {
        self.publish_all(engine, alarms, false).await;
    }

    /// Whatever the pace.
    pub async fn publish_last(&mut self, engine: &Engine, alarms: &mut Alarms) {
        self.publish_all(engine, alarms, true).await;
    }

    async fn publish_all(&mut self, engine: &Engine, alarms: &mut Alarms, is_last: bool) {
        if self.all.is_empty() {
            return;
        }
        let known = engine.store().anchors().await;
        let last = engine.store().last_numbered_checkpoint().await;
        let (Ok(known), Ok(Some((n, note)))) = (known, last) else {
            return;
        };
        let Ok(checkpoint) = Checkpoint::parse(note.text()) else {
            return;
        };
        for anchor in &mut self.all {
            let name = anchor.kind.name();
            let before = known.iter().find(|(known, _)| *known == name);
            let none = Anchored {
                n: -1,
                ..Anchored::default()
            };
            let now = Now {
                engine,
                n,
                note: &note,
                checkpoint: &checkpoint,
                before: before.map_or(none, |(_, anchored)| *anchored),
                name: &name,
                at_us: clock_us(),
            };
            let is_due = now.n > now.before.n
                && (is_last || now.at_us >= now.before.at_us + anchor.kind.interval_us());
            if is_due {
                anchor.publish(&now, alarms).await;
            }
        }
    }
}

/// What is there to publish, and what was published under the name.
pub struct Now<'a> {
    pub engine: &'a Engine,
    pub n: i64,
    pub note: &'a Note,
    pub checkpoint: &'a Checkpoint,
    pub before: Anchored,
    pub name: &'a str,
    pub at_us: i64,
}

impl Now<'_> {
    /// A checkpoint has been published.
    pub async fn published(&self, n: i64, size: u64) -> Result<(), Trouble> {
        let anchored = Anchored {
            n,
            size,
            at_us: self.at_us,
        };
        Ok(self.engine.store().anchored(self.name, anchored).await?)
    }
}

impl Anchor {
    async fn publish(&mut self, now: &Now<'_>, alarms: &mut Alarms) {
        let published = match &self.kind {
            Kind::File(file) => anchor_file::publish(file, now).await,
            Kind::Witness(witness) => witness.publish(now).await,
        };
        let subject = self.kind.subject();
        match published {
            Ok(()) => self.failing = None,
            Err(Trouble::Contradicts(what)) => alarms.raise(subject, &what).await,
            Err(Trouble::Failed(what)) => {
                let since = *self.failing.get_or_insert_with(Instant::now);
                tracing::warn!(
                    anchor = now.name,
                    reason = what,
                    "a checkpoint was not published"
                );
                if since.elapsed() >= FAILING_MAX {
                    let what = format!("no checkpoint was published for ten minutes: {what}");
                    alarms.raise(subject, &what).await;
                }
            }
        }
    }
}

impl Kind {
    fn name(&self) -> String {
        match self {
            Kind::File(file) => file.name(),
            Kind::Witness(witness) => witness.name(),
        }
    }

    fn subject(&self) -> &'static str {
        match self {
            Kind::File(_) => "anchor file",
            Kind::Witness(_) => "witness",
        }
    }

    fn interval_us(&self) -> i64 {
        match self {
            Kind::File(file) => file.interval_us(),
            Kind::Witness(witness) => witness.interval_us(),
        }
    }
}
