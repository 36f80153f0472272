//! Follows what is recorded and tells privacy officers of misuse ([`ward_detection`]): Records become accesses, what the store
//! knows of the people in them is looked up, and an alert becomes a DetectedIssue, a Task to be reviewed and a Record.
//! <https://hl7.org/fhir/R4/detectedissue.html>
//!
//! One process at a time does it ([`turn`]). Statements for up to [`RECORDS_AT_ONCE`] Records: one for the Records, at most
//! thirty for the facts of each hundred people and patients; more only for what is told.

mod accesses;
mod alerts;
mod facts;
mod feedback;
mod read;
mod turn;

pub use alerts::{ALERT_SYSTEM, MISUSE_REVIEW_CODE};
pub use feedback::{CONFIRMED, EXPLAINED};

use crate::engine::{Engine, stored};
use facts::Known;
use turn::Turn;
use ward_detection::{Access, Detector, Thresholds};
use ward_fhir::issue::Result;
use ward_storage::{RecordQuestion, Rid, StoredRecord};

/// Records that are judged together.
pub const RECORDS_AT_ONCE: usize = 200;
/// Records of before that are gone through again when a process begins: what is usual is learnt from them, and nothing told.
pub const RECORDS_LEARNT: i64 = 50_000;
/// A number that is missing among Records may belong to a commit that has not ended; so long it is waited for.
const COMMIT_US: i64 = 10_000_000;

/// What one process remembers. It is made again from the Records.
pub struct Watch {
    detector: Detector,
    known: Known,
    turn: Turn,
    /// The last Record that was gone through; `None`: nothing was.
    reached: Option<i64>,
    /// When feedback was looked for last, and the last change of a Task that was seen.
    fed_us: i64,
    closed_us: i64,
}

impl Watch {
    pub fn new(limits: Thresholds) -> Watch {
        Watch {
            detector: Detector::new(limits),
            known: Known::default(),
            turn: Turn::default(),
            reached: None,
            fed_us: 0,
            closed_us: 0,
        }
    }
}

impl Engine {
    /// Goes on by some Records, where it is this process' turn. `true`: there are more. Errors: the store cannot be read or
    /// written; what was not told yet is told the next time.
    pub async fn watch_misuse(&self, watch: &mut Watch) -> Result<bool> {
        let Some(position) = self.take_turn(&mut watch.turn).await? else {
            watch.reached = None;
            return Ok(false);
        };
        let position = match position {
            Some(position) => position,
            None => self.newest_record().await?,
        };
        let reached = *watch
            .reached
            .get_or_insert((position - RECORDS_LEARNT).max(0));
        self.learn_from_reviews(watch).await?;
        let page = self.records_after(reached).await?;
        let Some(last) = page.last().map(|one| one.id) else {
            // All that was before is learnt, or there is nothing new.
            self.keep_turn(&mut watch.turn, reached.max(position))
                .await?;
            return Ok(false);
        };
        let told = self.judge(watch, &page, position).await?;
        watch.reached = Some(last);
        let judged = last.max(position);
        match told {
            0 => self.keep_turn_at_times(&mut watch.turn, judged).await?,
            _ => self.keep_turn(&mut watch.turn, judged).await?,
        }
        Ok(true)
    }

    /// How much was told. Those up to `position` are learnt from only.
    async fn judge(
        &self,
        watch: &mut Watch,
        page: &[StoredRecord],
        position: i64,
    ) -> Result<usize> {
        let mut accesses: Vec<Access> = Vec::new();
        let mut read: Vec<Option<(u16, Rid)>> = Vec::new();
        let given: Vec<Vec<Rid>> = page.iter().map(accesses::roles_given).collect();
        let holders = facts::holders(self, given.iter().flatten().copied()).await?;
        for (one, given) in page.iter().zip(given) {
            let granted = given.iter().filter_map(|rid| holders.get(rid));
            for whose in granted {
                accesses.push(accesses::granted(one, whose, &mut watch.known));
            }
            read.resize(accesses.len(), None);
            accesses.extend(accesses::of(one, &mut watch.known));
            read.resize(accesses.len(), accesses::read_alone(one));
        }
        watch.known.load(self, &accesses).await?;
        // Of what others read no rule asks for labels.
        for (access, row) in accesses.iter().zip(&mut read) {
            if !watch.known.is_staff(access.user) {
                *row = None;
            }
        }
        let rows: Vec<(u16, Rid)> = read.iter().flatten().copied().collect();
        watch.known.load_labels(self, &rows).await?;
        let mut alerts = Vec::new();
        for (access, row) in accesses.iter_mut().zip(read) {
            let before = alerts.len();
            if let Some((ty, rid)) = row {
                access.labels = watch.known.labels_of(ty, rid);
            }
            watch.detector.observe(access, &watch.known, &mut alerts);
            if access.seq <= position {
                alerts.truncate(before);
            }
        }
        for alert in &alerts {
            self.tell_misuse(alert, &watch.known).await?;
        }
        Ok(alerts.len())
    }

    /// Ends before a number that is missing and may still come.
    async fn records_after(&self, reached: i64) -> Result<Vec<StoredRecord>> {
        let question = RecordQuestion {
            after: Some(reached),
            limit: RECORDS_AT_ONCE,
            ..RecordQuestion::default()
        };
        let mut page = stored(self.store.records(&question).await)?;
        let settled_us = self.now_us() - COMMIT_US;
        let mut before = reached;
        let is_open = |one: &StoredRecord| {
            let follows = before + 1 == one.id;
            before = one.id;
            !follows && reached != 0 && one.record.at_us > settled_us
        };
        if let Some(at) = page.iter().position(is_open) {
            page.truncate(at);
        }
        Ok(page)
    }

    async fn newest_record(&self) -> Result<i64> {
        let question = RecordQuestion {
            newest_first: true,
            limit: 1,
            ..RecordQuestion::default()
        };
        let newest = stored(self.store.records(&question).await)?;
        Ok(newest.first().map_or(0, |one| one.id))
    }
}
