//! Prefixes over ranges. <https://hl7.org/fhir/R4/search.html#prefix>

use crate::plan::{DateTest, NumberTest, Prefix};

/// A stored range [low, high] against a search range.
pub fn date(test: DateTest, low_us: i64, high_us: i64) -> bool {
    compare(test.prefix, (test.low_us, test.high_us), (low_us, high_us))
}

/// The same for numbers and quantities.
pub fn number(test: NumberTest, low: f64, high: f64) -> bool {
    compare(test.prefix, (test.low, test.high), (low, high))
}

/// | prefix | stored [l, h] against search [L, H] |
/// |---|---|
/// | eq | L ≤ l and h ≤ H |
/// | ne | not eq |
/// | gt · lt | h > H · l < L |
/// | ge · le | gt or eq · lt or eq |
/// | sa · eb | l > H · h < L |
/// | ap | overlap (the search range is already widened) |
fn compare<T: PartialOrd + Copy>(prefix: Prefix, search: (T, T), stored: (T, T)) -> bool {
    let inside = search.0 <= stored.0 && stored.1 <= search.1;
    match prefix {
        Prefix::Eq => inside,
        Prefix::Ne => !inside,
        Prefix::Gt => stored.1 > search.1,
        Prefix::Lt => stored.0 < search.0,
        Prefix::Ge => stored.1 > search.1 || inside,
        Prefix::Le => stored.0 < search.0 || inside,
        Prefix::Sa => stored.0 > search.1,
        Prefix::Eb => stored.1 < search.0,
        Prefix::Ap => stored.0 <= search.1 && search.0 <= stored.1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_over_ranges() {
        let day = (10, 19);
        let holds = |prefix, stored: (i64, i64)| compare(prefix, day, stored);
        assert!(holds(Prefix::Eq, (10, 19)) && holds(Prefix::Eq, (12, 12)));
        assert!(!holds(Prefix::Eq, (10, 20)) && holds(Prefix::Ne, (10, 20)));
        assert!(
            holds(Prefix::Gt, (15, 20))
                && !holds(Prefix::Gt, (10, 19))
                && !holds(Prefix::Sa, (15, 20))
        );
        assert!(
            holds(Prefix::Ge, (10, 19))
                && holds(Prefix::Le, (10, 19))
                && !holds(Prefix::Ge, (5, 12))
        );
        assert!(
            holds(Prefix::Lt, (5, 12)) && !holds(Prefix::Eb, (5, 12)) && holds(Prefix::Eb, (1, 9))
        );
        assert!(
            holds(Prefix::Sa, (20, i64::MAX))
                && holds(Prefix::Ap, (19, 30))
                && !holds(Prefix::Ap, (20, 30))
        );
        assert!(holds(Prefix::Gt, (i64::MIN, i64::MAX)) && holds(Prefix::Lt, (i64::MIN, i64::MAX)));
    }
}
