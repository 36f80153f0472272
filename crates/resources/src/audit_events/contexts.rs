//! Contexts of Records: what decides kind, outcome, client, purpose and roles of an event. There are few, so what a search asks of those
//! is asked of each context once, on the event that it renders to, and remembered. <https://hl7.org/fhir/R4/auditevent.html#search>

use crate::document::reread;
use crate::engine::{Context as Call, stored};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use ward_audit::Record;
use ward_auditevent::{Names, render_context};
use ward_fhir::Document;
use ward_fhir::issue::Result;
use ward_search::entries::Entries;
use ward_search::evaluate::{Candidate, World, matches};
use ward_search::extract::Extractor;
use ward_search::plan::Filter;

/// Answers that are remembered; when there are more, all are found anew.
const ANSWERS_MAX: usize = 1_000;

/// The contexts of a store as far as they are known. Rows of contexts are only ever added.
#[derive(Default)]
pub(crate) struct Contexts(Mutex<Known>);

#[derive(Default)]
struct Known {
    all: Vec<One>,
    /// By parameter and value, in the order of `all`.
    answers: HashMap<(String, String), Vec<bool>>,
}

struct One {
    id: i64,
    document: Document,
    entries: Entries,
    /// Its events are rendered as another system sent them: nothing but they tell what they are.
    is_foreign: bool,
    /// Its events name the consents that decided.
    has_consents: bool,
}

/// Which contexts a question leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Every,
    These(Arc<HashSet<i64>>),
}

impl Left {
    pub fn has(&self, context: i64) -> bool {
        match self {
            Left::Every => true,
            Left::These(ids) => ids.contains(&context),
        }
    }

    pub fn and(self, other: Left) -> Left {
        match (self, other) {
            (Left::Every, left) | (left, Left::Every) => left,
            (Left::These(a), Left::These(b)) => {
                Left::These(Arc::new(a.intersection(&b).copied().collect()))
            }
        }
    }

    /// For the store; `None`: all.
    pub fn ids(&self) -> Option<Vec<i64>> {
        match self {
            Left::Every => None,
            Left::These(ids) => Some(ids.iter().copied().collect()),
        }
    }
}

impl Contexts {
    /// Learns what is new. One statement.
    pub(super) async fn refresh(&self, cx: Call<'_>) -> Result<()> {
        let count = self.known().all.len();
        let new = stored(cx.engine.store.record_contexts(count).await)?;
        if new.is_empty() {
            return Ok(());
        }
        let (extractor, names) = (&cx.engine.extractor, super::names::own(cx));
        let mut known = self.known();
        let seen: HashSet<i64> = known.all.iter().map(|one| one.id).collect();
        for (id, record) in new.iter().filter(|(id, _)| !seen.contains(id)) {
            known.all.push(One::read(extractor, &names, *id, record)?);
        }
        Ok(())
    }

    /// Those whose events may meet a condition that contexts decide; `name` and `value`: as it was asked, by which the answer is
    /// remembered (`None`: it depends on who asks).
    pub(super) fn meeting(
        &self,
        extractor: &Extractor,
        name: Option<(&str, &str)>,
        filter: &Filter,
    ) -> Left {
        let mut known = self.known();
        let Known { all, answers } = &mut *known;
        let mut own = Vec::new();
        let answer = match name {
            None => &mut own,
            Some((name, value)) => {
                if answers.len() >= ANSWERS_MAX {
                    answers.clear();
                }
                answers
                    .entry((name.to_owned(), value.to_owned()))
                    .or_default()
            }
        };
        for one in all.iter().skip(answer.len()) {
            answer.push(one.is_foreign || one.meets(extractor, filter));
        }
        if answer.iter().all(|met| *met) {
            return Left::Every;
        }
        let met = all.iter().zip(answer).filter(|(_, met)| **met);
        Left::These(Arc::new(met.map(|(one, _)| one.id).collect()))
    }

    /// Contexts of events that other systems sent.
    pub(super) fn foreign(&self) -> Vec<i64> {
        let known = self.known();
        let foreign = known.all.iter().filter(|one| one.is_foreign);
        foreign.map(|one| one.id).collect()
    }

    /// Contexts of events that name consents as what they are about.
    pub(super) fn of_consents(&self) -> Vec<i64> {
        let known = self.known();
        let named = known.all.iter().filter(|one| one.has_consents);
        named.map(|one| one.id).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl One {
    fn read(extractor: &Extractor, names: &Names, id: i64, record: &Record) -> Result<One> {
        let document = reread(&render_context(record, names))?;
        Ok(One {
            id,
            entries: extractor.extract(document.root(), &|_| None),
            is_foreign: super::is_foreign(record),
            has_consents: record.detail.subtype.starts_with("AuthZ-"),
            document,
        })
    }

    fn meets(&self, extractor: &Extractor, filter: &Filter) -> bool {
        let node = self.document.root();
        let candidate = Candidate {
            id: "",
            ty: node.ty(),
            updated_us: 0,
            entries: &self.entries,
            node: Some(node),
        };
        let world = World {
            key: Some(extractor.key()),
            others: None,
        };
        // What cannot be decided here is decided by each event.
        matches(filter, candidate, world) != Ok(false)
    }
}
