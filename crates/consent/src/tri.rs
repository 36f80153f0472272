//! Match, no match, or not to be told (R5).

/// `min` is Kleene's and, `max` is Kleene's or.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tri {
    No,
    Unknown,
    Yes,
}

impl From<bool> for Tri {
    fn from(known: bool) -> Tri {
        if known { Tri::Yes } else { Tri::No }
    }
}

impl From<Option<bool>> for Tri {
    fn from(known: Option<bool>) -> Tri {
        known.map_or(Tri::Unknown, Tri::from)
    }
}

/// Whether any holds; nothing holds of nothing.
pub(crate) fn any(all: impl IntoIterator<Item = Tri>) -> Tri {
    let mut best = Tri::No;
    for one in all {
        best = best.max(one);
        if best == Tri::Yes {
            break;
        }
    }
    best
}
