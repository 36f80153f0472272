//! Where granular scopes decide: the sights of those types and actions, each the union of all that the token grants there.

use crate::access::Action;
use crate::compartment::Compartments;
use crate::decide::Facts;
use crate::granular::Granular;
use crate::grid::Reach;
use crate::sight::{Grant, PatientKey, Sight};
use std::collections::BTreeMap;
use std::sync::Arc;
use ward_fhir::TypeId;

/// Ordered by type and action.
#[derive(Debug)]
pub(crate) struct Granted(Vec<(Place, Sight)>);

type Place = (TypeId, u8);

impl Granted {
    /// `plain` is what plain scopes come to. `None`: no granular scope adds to them.
    pub(crate) fn new(
        granular: &[Granular],
        facts: &Facts,
        plain: impl Fn(TypeId, Action) -> Sight,
    ) -> Option<Granted> {
        let own: Option<Arc<[PatientKey]>> = facts.patient.map(|key| [key].into());
        let mut cells: BTreeMap<Place, Vec<Grant>> = BTreeMap::new();
        for (at, scope) in granular.iter().enumerate() {
            // What was not compiled grants nothing.
            let Some(criterion) = facts.criteria.get(at).cloned().flatten() else {
                continue;
            };
            for (ty, action, reach) in scope.reaches() {
                let patients = match (reach, &own) {
                    (Reach::Everything, _) | (Reach::Shared, Some(_)) => None,
                    (Reach::Patients, Some(own)) => Some(own.clone()),
                    (Reach::Nothing | Reach::Patients | Reach::Shared, _) => continue,
                };
                let criterion = Some(criterion.clone());
                let cell = cells.entry((ty, action as u8)).or_default();
                cell.push(Grant {
                    patients,
                    criterion,
                });
            }
        }
        let cells = cells.into_iter().filter_map(|(place, grants)| {
            let action = Action::ALL[usize::from(place.1)];
            Some((place, united(plain(place.0, action), grants)?))
        });
        let mut sights: Vec<(Place, Sight)> = cells.collect();
        share(&mut sights);
        (!sights.is_empty()).then_some(Granted(sights))
    }

    pub(crate) fn sight(&self, ty: TypeId, action: Action) -> Option<&Sight> {
        let at = self
            .0
            .binary_search_by_key(&(ty, action as u8), |cell| cell.0);
        at.ok().map(|at| &self.0[at].1)
    }

    pub(crate) fn has(&self, action: Action) -> bool {
        let mut cells = self.0.iter();
        cells.any(|((_, of), sight)| *of == action as u8 && *sight != Sight::Nothing)
    }

    /// The same for these actions; what is not here is for the grid to say.
    pub(crate) fn only(&self, actions: &[Action]) -> Granted {
        let cells = self.0.iter();
        let is_kept = |(_, action): &Place| actions.iter().any(|kept| *kept as u8 == *action);
        let kept = cells.filter(|(place, _)| is_kept(place));
        Granted(kept.cloned().collect())
    }

    /// The same inside one patient's compartment, of the types of which it is seen whose they are.
    pub(crate) fn narrow(&self, patient: PatientKey, places: impl Fn(TypeId) -> bool) -> Granted {
        let inside: Arc<[PatientKey]> = [patient].into();
        let cell = |(place, sight): &(Place, Sight)| {
            let Sight::Matching(grants) = sight else {
                return (*place, Sight::Nothing);
            };
            if !places(place.0) {
                return (*place, Sight::Nothing);
            }
            let is_member = Compartments::r4().is_member(place.0);
            let reaches = |grant: &&Grant| match &grant.patients {
                Some(keys) => keys.contains(&patient),
                None => is_member,
            };
            let narrowed = grants.iter().filter(reaches).map(|grant| Grant {
                patients: Some(inside.clone()),
                criterion: grant.criterion.clone(),
            });
            let narrowed: Vec<Grant> = narrowed.collect();
            let sight = match narrowed.is_empty() {
                true => Sight::Nothing,
                false => Sight::Matching(narrowed.into()),
            };
            (*place, sight)
        };
        Granted(self.0.iter().map(cell).collect())
    }
}

/// Plain scopes of the same type and action are of the union; `None`: they reach all there is.
fn united(plain: Sight, grants: Vec<Grant>) -> Option<Sight> {
    let plain = match plain {
        Sight::Nothing => None,
        Sight::Patients(keys) => Some(Grant {
            patients: Some(keys),
            criterion: None,
        }),
        Sight::Everything | Sight::Matching(_) => return None,
    };
    Some(Sight::Matching(plain.into_iter().chain(grants).collect()))
}

/// Types of the same grants share one list of them, as storage asks for them together.
fn share(sights: &mut [(Place, Sight)]) {
    let mut known: Vec<Sight> = Vec::new();
    for (_, sight) in sights {
        match known.iter().find(|known| *known == sight) {
            Some(known) => *sight = known.clone(),
            None => known.push(sight.clone()),
        }
    }
}

#[cfg(test)]
#[path = "granted_tests.rs"]
mod tests;
