//! Groups of elements that are masked together in some rows of a caller. Which elements they are, and of which row, is not for this
//! crate to know: it says which groups a condition reads.

use ward_fhir::schema::SearchParameterDef;

/// A set of them, each with a number below eight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Groups(u8);

/// Those that a parameter of the R4 package reads in resources of a type.
pub type Reads = fn(&str, &SearchParameterDef) -> Groups;

impl Groups {
    pub const NONE: Groups = Groups(0);
    pub const ALL: Groups = Groups(u8::MAX);

    /// The one with a number; none has a greater one than seven.
    pub const fn of(number: usize) -> Groups {
        match number {
            0..8 => Groups(1 << number),
            _ => Groups::NONE,
        }
    }

    pub const fn and(self, other: Groups) -> Groups {
        Groups(self.0 | other.0)
    }

    pub const fn within(self, other: Groups) -> Groups {
        Groups(self.0 & other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Groups> for Groups {
    fn from_iter<I: IntoIterator<Item = Groups>>(all: I) -> Groups {
        all.into_iter().fold(Groups::NONE, Groups::and)
    }
}
