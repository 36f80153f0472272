//! Editions of extraction: how values become entries has changed, and stores hold rows of the edition that wrote them until
//! they are indexed anew (`docs/decisions/0015-editions-of-extraction.md`). Part of the index format: an edition never changes.

/// What each has is true of the later ones, too, where they do not say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edition {
    /// Case counts in every token. An element that has extensions alone is there for `:missing`. Hangul is taken apart.
    First = 1,
    /// Case does not count in values of identifiers, contact points and strings that are tokens; names are found by their parts
    /// (`definition::starts_of`), media types by what they begin with; an element without a value is missing;
    /// Hangul stays whole.
    Second = 2,
    /// Case does not count in codes either, but in those of code systems that say so (`param::token::case`).
    Third = 3,
}

impl Edition {
    /// By which everything is written.
    pub const NEWEST: Edition = Edition::Third;

    pub fn number(self) -> u8 {
        self as u8
    }

    /// `None`: it is newer than this.
    pub fn of(number: u64) -> Option<Edition> {
        match number {
            1 => Some(Edition::First),
            2 => Some(Edition::Second),
            3 => Some(Edition::Third),
            _ => None,
        }
    }
}
