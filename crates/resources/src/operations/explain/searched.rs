//! Searches of one patient's record from which consents kept something: a deny, recorded like that of a resource that was asked for by its
//! id. Whether there is one is looked for behind the answer, which neither waits for it nor says anything of it.
//!
//! The search is asked once more, as by somebody from whom nothing of the caller's reach is kept; what then stands on the first page and did
//! not before was hidden. One Record for each search, by the first of those.

use super::recorded::{Asked, By};
use crate::audit_events;
use crate::call::Call;
use crate::door;
use crate::engine::{Context, Engine};
use crate::reply::Reply;
use crate::visibility::Sees;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use ward_access::Caller;
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_storage::{Rid, View};

/// Searches that wait; of more the oldest are given up, which is an error in the log.
const WAITING_MAX: usize = 2_000;
/// What one step looks at.
const STEP: usize = 20;

#[derive(Default)]
pub(super) struct Searches(Mutex<VecDeque<Searched>>);

pub(super) struct Searched {
    by: Arc<By>,
    call: Call,
    pub patient: Rid,
    shown: HashSet<Rid>,
}

impl Searches {
    /// Whether it is looked at. For callers from whom something is kept: about a microsecond for a search that names a patient; nothing for others. `patient`: of whom nothing was
    /// shown, 0: who is in the answer. Pages after the first are not looked at, nor what a broken glass opens, nor the audit log.
    pub fn asked(&self, caller: &Caller, call: &Call, reply: &Reply, patient: Rid) -> bool {
        let is_first_page = call.parameter("_cursor").is_none();
        let is_named = call.named_patient().is_some();
        if reply.status != 200 || !is_named || !is_first_page || call.break_glass.is_some() {
            return false;
        }
        if !audit_events::subtype(call).is_empty() {
            return false;
        }
        let shown = || reply.entities.iter();
        let found = shown().map(|entity| entity.patient).find(|rid| *rid != 0);
        let Some(patient) = Some(patient).filter(|rid| *rid != 0).or(found) else {
            return false;
        };
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            waiting.pop_front();
            tracing::error!(
                "too many searches wait to be looked through for what consents hid; the oldest is not"
            );
        }
        waiting.push_back(Searched {
            by: By::of(caller, call),
            call: call.clone(),
            patient,
            shown: shown().map(|entity| entity.rid).collect(),
        });
        true
    }

    pub fn take(&self) -> Vec<Searched> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let most = waiting.len().min(STEP);
        waiting.drain(..most).collect()
    }

    pub fn put_back(&self, searches: Vec<Searched>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let searches = searches.into_iter().rev();
        searches.for_each(|one| waiting.push_front(one));
    }
}

impl Engine {
    /// The first resource of the patient's record that a search would have shown. Statements: those of the search.
    pub(super) async fn hidden_from(&self, searched: &Searched) -> Result<Option<Asked>> {
        let caller = &searched.by.caller;
        let access = self.access(caller, Sees::everything()).await?;
        let cx = Context {
            engine: self,
            caller,
            access: &access,
            call: &searched.call,
            view: View::committed(&self.store),
            in_bundle: false,
        };
        // What cannot be asked any more is no deny.
        let Ok(reply) = door::asked_again(cx).await else {
            return Ok(None);
        };
        let is_hidden = |entity: &&ward_audit::Entity| {
            entity.patient == searched.patient && !searched.shown.contains(&entity.rid)
        };
        let hidden = reply.entities.iter().find(is_hidden);
        Ok(hidden.map(|entity| Asked {
            by: searched.by.clone(),
            key: (TypeId(entity.ty), entity.rid),
            patient: searched.patient,
            is_refused: true,
        }))
    }
}
