//! What a report leaves out: resources that are hidden from whom it is for.

use super::super::event::Event;
use crate::engine::{Context, stored};
use std::collections::{BTreeSet, HashSet};
use ward_access::Action;
use ward_audit::Entity;
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_storage::Rid;

/// Rows of a patient's record.
#[derive(Default)]
pub(super) struct Unseen(HashSet<Rid>);

impl Unseen {
    /// Those that events are about and that the reader does not see, who is bound to the patient: who looks after the whole log is told all that
    /// is in it. Statements: none where nothing can be hidden, else one or two (on PostgreSQL one for each type).
    pub async fn of(cx: Context<'_>, events: &[Event], patient: Rid) -> Result<Unseen> {
        let is_bound = super::super::own(cx, Action::Search).is_some();
        if !is_bound || !cx.access.may_hide_any() {
            return Ok(Unseen::default());
        }
        let about = events.iter().flat_map(|event| super::of(event, patient));
        let asked: BTreeSet<(TypeId, Rid)> = about
            .map(|entity| (TypeId(entity.ty), entity.rid))
            .filter(|(ty, rid)| *rid > 0 && *rid != patient && cx.access.may_hide(*ty))
            .collect();
        let asked: Vec<(TypeId, Rid)> = asked.into_iter().collect();
        let visible = stored(cx.engine.store.visible(cx.access, &asked).await)?;
        let unseen = asked.iter().zip(visible).filter(|(_, visible)| !visible);
        Ok(Unseen(unseen.map(|((_, rid), _)| *rid).collect()))
    }

    /// What is left.
    pub fn without(&self, mut about: Vec<Entity>) -> Vec<Entity> {
        about.retain(|entity| !self.0.contains(&entity.rid));
        about
    }
}
