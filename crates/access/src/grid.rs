//! How far each action reaches on each type, before the launch patient is looked up: made once for a Caller.

use crate::access::Action;
use ward_fhir::TypeId;

/// Ordered: a union of scopes takes the larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    Nothing,
    /// The launch patient's compartment.
    Patients,
    /// A type without patients, readable with any `patient/` scope as long as the launch patient exists.
    Shared,
    Everything,
}

/// Two bits for each action, one word for each type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grid(Vec<u16>);

impl Grid {
    pub(crate) fn reach(&self, ty: TypeId, action: Action) -> Reach {
        let word = self.0.get(usize::from(ty.0)).copied().unwrap_or_default();
        match word >> (2 * action as u16) & 3 {
            1 => Reach::Patients,
            2 => Reach::Shared,
            3 => Reach::Everything,
            _ => Reach::Nothing,
        }
    }

    /// Reaches at least that far from now on.
    pub(crate) fn widen(&mut self, ty: TypeId, action: Action, reach: Reach) {
        if reach > self.reach(ty, action) {
            self.set(ty, action, reach);
        }
    }

    /// A grid of the same types with each reach changed.
    pub(crate) fn map(&self, change: impl Fn(TypeId, Reach) -> Reach) -> Grid {
        let mut changed = Grid(vec![0; self.0.len()]);
        for ty in self.types() {
            for action in Action::ALL {
                match change(ty, self.reach(ty, action)) {
                    Reach::Nothing => (),
                    reach => changed.set(ty, action, reach),
                }
            }
        }
        changed
    }

    /// The same for these actions, and nothing for others.
    pub(crate) fn only(&self, actions: &[Action]) -> Grid {
        let kept = actions
            .iter()
            .fold(0, |kept, action| kept | 3 << (2 * *action as u16));
        Grid(self.0.iter().map(|word| word & kept).collect())
    }

    /// The types something may be done with.
    pub(crate) fn types(&self) -> impl Iterator<Item = TypeId> + '_ {
        self.0
            .iter()
            .enumerate()
            .filter(|(_, word)| **word != 0)
            .map(|(at, _)| TypeId(at as u16))
    }

    fn set(&mut self, ty: TypeId, action: Action, reach: Reach) {
        let at = usize::from(ty.0);
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        let shift = 2 * action as u16;
        self.0[at] = self.0[at] & !(3 << shift) | (reach as u16) << shift;
    }
}
