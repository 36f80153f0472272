//! Records in the order of an answer, step by step, of all questions that a search is made of.
//!
//! The log has an order of its own, by id, which is that of time but for what waited in a local log for the drain. Where events are asked
//! for by time, Records are read by stretches of time that are known to be whole, and put in order within each.

use crate::engine::{Context, stored};
use std::collections::BTreeMap;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_storage::{RecordQuestion, StoredRecord};

/// Records of one step at most.
const STEP_MAX: usize = 1_000;
/// A Record may be thousands of events: for each that a search may look at it may look at so many events.
const EVENTS_PER_RECORD: usize = 5;
/// Bytes of one step, of all questions together; a stretch of time may have [`STRETCH_STEPS`] times as many. What other systems sent has up to 256 KiB.
const STEP_BYTES_MAX: usize = 2 << 20;
const STRETCH_STEPS: usize = 4;
/// Records of one stretch of time at most.
const STRETCH_MAX: usize = 5_000;
/// How often a stretch is halved that has more.
const HALVINGS_MAX: usize = 32;

/// In which order events come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// By time, and only then by place in the log.
    pub by_time: bool,
    pub newest_first: bool,
}

/// Where a walk begins: at this Record, which is still in it.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub at_us: i64,
    pub id: i64,
}

pub(super) struct Walk<'a> {
    cx: Context<'a>,
    branches: Vec<RecordQuestion>,
    order: Order,
    /// Of the next step.
    limit: usize,
    /// Records that may still be read.
    left: usize,
    done: bool,
}

impl<'a> Walk<'a> {
    /// `step`: Records that are probably enough.
    pub fn new(
        cx: Context<'a>,
        mut branches: Vec<RecordQuestion>,
        order: Order,
        start: Option<Start>,
        step: usize,
    ) -> Self {
        for branch in &mut branches {
            branch.newest_first = order.newest_first;
        }
        let mut walk = Walk {
            cx,
            branches,
            order,
            limit: step.clamp(1, STEP_MAX),
            left: cx.engine.settings.rows_examined_max,
            done: false,
        };
        if let Some(start) = start {
            walk.begin(start);
        }
        walk
    }

    fn begin(&mut self, start: Start) {
        match (self.order.by_time, self.order.newest_first) {
            (true, true) => self.until(start.at_us.saturating_add(1)),
            (true, false) => self.from(start.at_us),
            (false, true) => self.after(start.id.saturating_add(1)),
            (false, false) => self.after(start.id.saturating_sub(1)),
        }
    }

    /// The next ones in order; `None`: there are no more.
    ///
    /// Errors: `TooCostly` beyond `limits.rows_examined_max` Records.
    pub async fn step(&mut self) -> Result<Option<Vec<StoredRecord>>> {
        if self.done {
            return Ok(None);
        }
        if self.left == 0 {
            return Err(too_costly(self.cx));
        }
        // Where each step is answered at once, nothing else would let the thread see that the client has gone away.
        tokio::task::yield_now().await;
        self.limit = self.limit.min(self.left.max(1));
        let found = match self.order.by_time {
            false => self.by_id().await?,
            true => self.by_time().await?,
        };
        self.left = self.left.saturating_sub(found.len().max(1));
        self.limit = (self.limit * 2).min(STEP_MAX);
        Ok(Some(found))
    }

    async fn by_id(&mut self) -> Result<Vec<StoredRecord>> {
        let (found, edge) = self.ask(self.limit, Some(STEP_BYTES_MAX)).await?;
        let newest_first = self.order.newest_first;
        let is_whole = |id: i64| match (edge, newest_first) {
            (None, _) => true,
            (Some(edge), true) => id >= edge.id,
            (Some(edge), false) => id <= edge.id,
        };
        match edge {
            Some(edge) => self.after(edge.id),
            None => self.done = true,
        }
        let mut found: Vec<StoredRecord> = found.into_values().filter(|r| is_whole(r.id)).collect();
        if newest_first {
            found.reverse();
        }
        Ok(found)
    }

    async fn by_time(&mut self) -> Result<Vec<StoredRecord>> {
        let (found, edge) = self.ask(self.limit, Some(STEP_BYTES_MAX)).await?;
        let Some(edge) = edge else {
            self.done = true;
            return Ok(self.timely(found));
        };
        let mut edge_us = edge.at_us;
        let mut bytes_max = Some(STRETCH_STEPS * STEP_BYTES_MAX);
        for _ in 0..HALVINGS_MAX {
            let stretch = self.stretch(edge_us);
            let (found, more) = stretch.ask(STRETCH_MAX, bytes_max).await?;
            if more.is_none() {
                match self.order.newest_first {
                    true => self.until(edge_us),
                    false => self.from(edge_us.saturating_add(1)),
                }
                return Ok(self.timely(found));
            }
            let mut times: Vec<i64> = found.values().map(|r| r.record.at_us).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            if middle == edge_us && bytes_max.is_none() {
                break;
            }
            // What came at one moment came in one Bundle, whose size is bounded.
            bytes_max = bytes_max.filter(|_| middle != edge_us);
            edge_us = middle;
        }
        Err(too_costly(self.cx))
    }

    /// The same questions up to a time, which is in it.
    fn stretch(&self, edge_us: i64) -> Walk<'a> {
        let mut stretch = Walk {
            cx: self.cx,
            branches: self.branches.clone(),
            ..*self
        };
        match self.order.newest_first {
            true => stretch.from(edge_us),
            false => stretch.until(edge_us.saturating_add(1)),
        }
        stretch
    }

    fn timely(&self, found: BTreeMap<i64, StoredRecord>) -> Vec<StoredRecord> {
        let mut found: Vec<StoredRecord> = found.into_values().collect();
        found.sort_by_key(|r| (r.record.at_us, r.id));
        if self.order.newest_first {
            found.reverse();
        }
        found
    }

    /// Records by id, each once, and the nearest end of a question of which there may be more.
    async fn ask(
        &self,
        limit: usize,
        bytes_max: Option<usize>,
    ) -> Result<(BTreeMap<i64, StoredRecord>, Option<Start>)> {
        let bytes_max = bytes_max.map(|most| most / self.branches.len().max(1));
        let mut all = BTreeMap::new();
        let mut edge: Option<Start> = None;
        for branch in &self.branches {
            let asked = RecordQuestion {
                limit,
                bytes_max,
                ..branch.clone()
            };
            let found = stored(self.cx.engine.store.records(&asked).await)?;
            if asked.is_full(&found)
                && let Some(end) = self.end(&found)
            {
                edge = Some(edge.map_or(end, |other| self.nearer(end, other)));
            }
            all.extend(found.into_iter().map(|record| (record.id, record)));
        }
        Ok((all, edge))
    }

    /// How far a question has come, by id and by time.
    fn end(&self, found: &[StoredRecord]) -> Option<Start> {
        let ids = found.iter().map(|r| r.id);
        let times = found.iter().map(|r| r.record.at_us);
        let (id, at_us) = match self.order.newest_first {
            true => (ids.min()?, times.min()?),
            false => (ids.max()?, times.max()?),
        };
        Some(Start { at_us, id })
    }

    fn nearer(&self, a: Start, b: Start) -> Start {
        match self.order.newest_first {
            true => Start {
                at_us: a.at_us.max(b.at_us),
                id: a.id.max(b.id),
            },
            false => Start {
                at_us: a.at_us.min(b.at_us),
                id: a.id.min(b.id),
            },
        }
    }

    fn after(&mut self, id: i64) {
        self.branches.iter_mut().for_each(|b| b.after = Some(id));
    }

    fn from(&mut self, at_us: i64) {
        for branch in &mut self.branches {
            branch.from_us = branch.from_us.max(Some(at_us));
        }
    }

    fn until(&mut self, at_us: i64) {
        for branch in &mut self.branches {
            branch.until_us = Some(branch.until_us.map_or(at_us, |until| until.min(at_us)));
        }
    }
}

/// Events that a search may look at.
pub(super) fn events_max(cx: Context<'_>) -> usize {
    let records = cx.engine.settings.rows_examined_max;
    records.saturating_mul(EVENTS_PER_RECORD)
}

pub(super) fn too_costly(cx: Context<'_>) -> Failure {
    let text = format!(
        "the search would have to look at more than {} records of the log, or at more than {} events of them, since no index answers all that it asks; \
         add the parameter date, patient, agent or entity to narrow it",
        cx.engine.settings.rows_examined_max,
        events_max(cx)
    );
    Failure::new(Kind::TooCostly, text)
}
