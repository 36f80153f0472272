//! What a unit writes, decided: its labels, its classes, by which policies, and what must hold at the commit.

use super::consents::Followed;
use super::draft::{By, Draft};
use super::labels::{At, Labelled, carries, grows, label};
use super::named::Changed;
use super::neighbours::{self, Versions};
use super::policy::Judged;
use super::reviews::{Lowered, is_lowered};
use super::spread::Spread;
use crate::attached::Attached;
use crate::engine::{Engine, Touched};
use crate::place::Renamed;
use crate::write::{Replaced, compose, compose_same};
use std::collections::BTreeSet;
use ward_audit::Alert;
use ward_consent::labels::{Labels, RowClass};
use ward_fhir::{Document, Failure};
use ward_storage::{CommitError, Expect, Guard, Rid, Row, Unit, Write};

/// A unit that is ready but for its record.
#[derive(Default)]
pub(crate) struct Decided {
    pub unit: Unit,
    /// What gives others something else than before.
    pub spreads: Vec<Spread>,
    /// Binaries that it attaches to something.
    attached: Vec<Attached>,
    /// What its Consents leave.
    followed: Followed,
    /// Whom it changes of those whom Consents name.
    changed: Changed,
    /// What somebody who may takes labels from.
    pub lowered: Vec<Lowered>,
}

/// Who sees a version, and by which policy that was worked out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenBy {
    pub visibility: i32,
    pub policy: i64,
}

/// Labels the drafts, works out who sees them, and composes what is to be stored, in their order. A failure is that of one draft.
pub(crate) async fn decide(
    engine: &Engine,
    drafts: &[Draft<'_>],
    renamed: &dyn Renamed,
) -> Result<Decided, At> {
    let of_all = |failure| (failure, 0);
    engine.labelling().await.map_err(of_all)?;
    let versions: Versions = drafts
        .iter()
        .filter_map(|draft| draft.placement.home())
        .map(|home| (home, engine.policy(home).version))
        .collect();
    let unit = label(engine, drafts, &versions).await?;
    let classes = classes(engine, drafts, &unit.each).await;
    let classes = classes.map_err(of_all)?;
    let mut decided = Decided::default();
    let each = drafts.iter().zip(&unit.each).zip(classes);
    for (at, ((draft, labelled), visibility)) in each.enumerate() {
        let before = labelled.before.as_ref().map(Document::root);
        // A walk over all rows finds what was stored before there was a list.
        let before = before.filter(|_| draft.by != By::Service);
        decided.attached.extend(Attached::of(engine, draft, before));
        let seen_by = SeenBy {
            visibility,
            policy: version(&versions, draft),
        };
        let write = match draft.keeps(labelled) {
            Some(row) if row.visibility == visibility => continue,
            Some(row) => compose_same(engine, draft, row, seen_by).await,
            None => {
                decided.spreads.extend(Spread::of(engine, draft, labelled));
                decided.lowered.extend(draft.lowers(labelled));
                compose(engine, draft, labelled, seen_by, renamed).await
            }
        };
        decided
            .unit
            .writes
            .push(write.map_err(|failure| (failure, at))?);
    }
    decided.unit.raises = raises(engine, drafts, &unit.each, &versions);
    decided.unit.guards = unit.guards;
    Ok(decided)
}

/// Visibility ids of the drafts.
async fn classes(
    engine: &Engine,
    drafts: &[Draft<'_>],
    unit: &[Labelled],
) -> Result<Vec<i32>, Failure> {
    let rules = engine.label_rules();
    let labels: Vec<RowClass> = unit
        .iter()
        .map(|one| RowClass::of(&one.labels, rules))
        .collect();
    let judged = drafts
        .iter()
        .zip(unit)
        .zip(&labels)
        .map(|((draft, one), labels)| Judged {
            node: one.document.as_ref().map_or(draft.node, Document::root),
            reference: crate::link::identity(draft.identity.ty, &draft.identity.id).into(),
            labels,
            patients: &draft.placement.patients,
        });
    class_ids(engine, &Vec::from_iter(judged)).await
}

/// Visibility ids of the classes of rows.
pub(super) async fn class_ids(engine: &Engine, judged: &[Judged<'_>]) -> Result<Vec<i32>, Failure> {
    let classes = engine.classes(judged).await?;
    let bytes = classes.iter().map(|class| class.as_ref()?.to_bytes());
    engine
        .visibility
        .intern(engine, &Vec::from_iter(bytes))
        .await
}

/// Of a single draft.
pub(crate) async fn decide_one(
    engine: &Engine,
    draft: Draft<'_>,
    renamed: &dyn Renamed,
) -> Result<Decided, Failure> {
    let decided = decide(engine, std::slice::from_ref(&draft), renamed).await;
    decided.map_err(|(failure, _)| failure)
}

impl Draft<'_> {
    /// Where its writer, who may, takes labels away.
    fn lowers(&self, labelled: &Labelled) -> Option<Lowered> {
        let before = labelled.before.as_ref().map(Document::root)?;
        let lowers =
            self.by == By::Lowering && is_lowered(&Labels::stored(before), &labelled.labels);
        lowers.then(|| Lowered {
            identity: crate::link::identity(self.identity.ty, &self.identity.id).into(),
            home: self.placement.home().unwrap_or(0),
        })
    }

    /// The row that stays as it is where the service finds the labels that it has; at most its class changes.
    fn keeps(&self, labelled: &Labelled) -> Option<&Row> {
        match &self.replaced {
            Replaced::Version(row) if self.by == By::Service => {
                (Labels::stored(self.node) == labelled.labels).then_some(row)
            }
            _ => None,
        }
    }
}

fn version(versions: &Versions, draft: &Draft<'_>) -> i64 {
    let home = draft.placement.home();
    home.and_then(|home| versions.get(&home))
        .copied()
        .unwrap_or(0)
}

/// Records in which something carries labels that did not before: what others work out of the labels there meanwhile is refused.
fn raises(
    engine: &Engine,
    drafts: &[Draft<'_>],
    unit: &[Labelled],
    versions: &Versions,
) -> Vec<Rid> {
    let rules = engine.label_rules();
    let gives_more = |(draft, labelled): &(&Draft<'_>, &Labelled)| {
        let after = &labelled.labels;
        if version(versions, draft) == 0 {
            return carries(after, rules);
        }
        let before = labelled.before.as_ref().map(Document::root);
        let before = before.map_or_else(Labels::none, Labels::stored);
        draft.may_be_named() && grows(&before, after, rules)
    };
    let of = drafts.iter().zip(unit).filter(gives_more);
    let homes: BTreeSet<Rid> = of.filter_map(|(draft, _)| draft.placement.home()).collect();
    homes.into_iter().collect()
}

impl Decided {
    /// A unit of writes that need no decision: what keeps who sees it.
    pub fn of(writes: Vec<Write>, guards: Vec<Guard>, spreads: Vec<Spread>) -> Decided {
        Decided {
            unit: Unit {
                writes,
                guards,
                ..Unit::default()
            },
            spreads,
            attached: Vec::new(),
            followed: Followed::default(),
            changed: Changed::default(),
            lowered: Vec::new(),
        }
    }

    /// What gets another version: what alone is seen otherwise, by its patient's consents, is nobody's change.
    pub fn versions(&self) -> impl Iterator<Item = &Write> {
        self.versions_at().map(|(_, write)| write)
    }

    /// The same, each with its place among the writes.
    pub fn versions_at(&self) -> impl Iterator<Item = (usize, &Write)> {
        let writes = self.unit.writes.iter().enumerate();
        writes.filter(|(_, write)| !matches!(write.expect, Expect::Stays(_)))
    }

    /// What is told to whoever reads the records (A24, A27).
    pub fn alert(&self) -> Option<Alert> {
        match (self.followed.has_unevaluable, self.lowered.is_empty()) {
            (true, _) => Some(Alert::UNEVALUABLE_CONSENT),
            (false, false) => Some(Alert::LABEL_LOWERED),
            (false, true) => None,
        }
    }

    /// Adds what follows from Consents in it, and for Consents that name whom it changes; to be called when all else is in it. `is_lenient`: nobody is there to mend them.
    pub(crate) async fn follow(&mut self, engine: &Engine, is_lenient: bool) -> Result<(), At> {
        self.followed = engine.follow(&mut self.unit, is_lenient).await?;
        let changed = engine.call_due(&mut self.unit).await;
        self.changed = changed.map_err(|failure| (failure, 0))?;
        Ok(())
    }

    /// Runs the commit, and labels anew what takes labels from what was written.
    pub(crate) async fn commit<T>(
        mut self,
        engine: &Engine,
        run: impl AsyncFnOnce(Unit) -> Result<T, CommitError>,
    ) -> Result<T, CommitError> {
        let spreads = std::mem::take(&mut self.spreads);
        if spreads.is_empty() {
            return self.run(engine, run).await;
        }
        let Ok(listed) = engine.list(spreads).await else {
            return Err(CommitError::Unavailable);
        };
        let committed = self.run(engine, run).await;
        match &committed {
            Ok(_) => engine.carry_on(listed).await,
            Err(_) => engine.unlist(&listed).await,
        }
        committed
    }

    /// Runs the commit, and learns from what comes of it: what is kept of what was written, and what was taken for current and is not.
    pub(super) async fn run<T>(
        self,
        engine: &Engine,
        run: impl AsyncFnOnce(Unit) -> Result<T, CommitError>,
    ) -> Result<T, CommitError> {
        let touched = Touched::by(&self.unit.writes);
        let homes: BTreeSet<Rid> = self.unit.writes.iter().map(|w| w.patient).collect();
        let written: Vec<Rid> = self.unit.writes.iter().map(|w| w.rid).collect();
        let rests_on = neighbours::rests_on(&self.unit.guards);
        if engine.attach(&self.attached).await.is_err() {
            return Err(CommitError::Unavailable);
        }
        let committed = run(self.unit).await;
        let ended = committed.as_ref().map(|_| ()).map_err(|error| *error);
        engine.followed(self.followed, ended).await;
        if committed.is_ok() {
            engine.called(self.changed).await;
        }
        engine.written(&touched);
        engine.known_labels.forget(&written);
        if let Err(error) = &committed {
            engine.known_labels.forget(&rests_on);
            if matches!(error, CommitError::Policy(_)) {
                // If it fails, the next attempt is refused as well.
                let _ = engine.read_policies(&Vec::from_iter(homes)).await;
            }
        }
        engine.heed(&committed).await;
        committed
    }
}
