//! What consents say about a row and a caller: an order, so that what is not known comes to the lowest it may be.

use crate::provision::Effect;

/// The lower, the less is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Denied.
    Refused,
    /// Denied by an opt-out that exempts the custodian's own treatment team (R10a).
    OptedOut,
    /// Nothing is said.
    Silent,
    Permitted,
    /// Permitted with every label listed that must be.
    Named,
}

impl Level {
    pub const ALL: [Level; 5] = [
        Level::Refused,
        Level::OptedOut,
        Level::Silent,
        Level::Permitted,
        Level::Named,
    ];

    pub fn is_deny(self) -> bool {
        self < Level::Silent
    }

    pub fn is_permit(self) -> bool {
        self > Level::Silent
    }

    /// Of two that both hold: deny wins (R7, R8).
    pub fn join(self, other: Level) -> Level {
        if self.is_deny() || other.is_deny() {
            self.min(other)
        } else {
            self.max(other)
        }
    }

    /// What exceptions say, and where they are silent the `effect` of what they are exceptions from. Of two permits the further.
    pub fn or(self, effect: Level) -> Level {
        match self {
            Level::Silent => effect,
            said if said.is_permit() && effect.is_permit() => said.max(effect),
            said => said,
        }
    }

    /// What a provision comes to where it matches. Without a verification that is asked for, permits say nothing (R2).
    pub fn of(effect: Effect, is_exempting: bool, is_named: bool, counts_permits: bool) -> Level {
        match effect {
            Effect::Deny if is_exempting => Level::OptedOut,
            Effect::Deny => Level::Refused,
            Effect::Permit if !counts_permits => Level::Silent,
            Effect::Permit if is_named => Level::Named,
            Effect::Permit => Level::Permitted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So that the lowest over what may be is never above what is.
    #[test]
    fn joining_and_inheriting_keep_the_order() {
        for a in Level::ALL {
            for b in Level::ALL.into_iter().filter(|b| a <= *b) {
                for c in Level::ALL {
                    assert!(a.join(c) <= b.join(c), "{a:?} {b:?} {c:?}");
                    // An exception is no opt-out.
                    assert!(
                        a == Level::OptedOut || a.or(c) <= b.or(c),
                        "{a:?} {b:?} {c:?}"
                    );
                    assert_eq!(a.join(c), c.join(a));
                    assert_eq!(a.join(b).join(c), a.join(b.join(c)));
                }
            }
        }
    }
}
