//! Ranges of quantities that were seen to be much, or little, and how many rows names and types have, so that they need not be
//! counted before each page. By it only is chosen how a page is asked for: whatever has become of them since, the page is the same.

use crate::estimate::Name;
use crate::index::parameter;
use crate::quantity::{self, Range, Ranged};
use crate::question::TextTest;
use quick_cache::sync::Cache;
use std::time::{Duration, Instant};
use ward_fhir::TypeId;

/// Ranges with one end, and names.
pub struct Broad {
    /// Of a key, upwards or not: the narrowest range that is much.
    ends: Cache<(i64, bool), Counted>,
    /// And the widest that is little.
    slim: Cache<(i64, bool), Counted>,
    names: Cache<Known, (u64, Instant)>,
    types: Cache<TypeId, (u64, Instant)>,
}

/// Parameter of a type, whether the name is whole, and the name.
type Known = (i32, bool, String);

/// A range that was counted.
#[derive(Clone, Copy)]
struct Counted {
    end: f64,
    /// It has so many rows, or at least so many where it is much.
    rows: u64,
    counted: Instant,
}

/// Then it is counted anew.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Ends remembered, about 80 bytes each.
const ENDS_MAX: usize = 8_192;
/// Names remembered, about 100 bytes each, and the bytes of one.
const NAMES_MAX: usize = 8_192;
const NAME_BYTES_MAX: usize = 64;
/// There are no more types.
const TYPES_MAX: usize = 256;

impl Default for Broad {
    fn default() -> Broad {
        Broad {
            ends: Cache::new(ENDS_MAX),
            slim: Cache::new(ENDS_MAX),
            names: Cache::new(NAMES_MAX),
            types: Cache::new(TYPES_MAX),
        }
    }
}

impl Broad {
    /// Whether the matches of a member are among more than `few` rows.
    pub fn holds(&self, member: &Ranged, ty: TypeId, few: u64) -> bool {
        let Some((key, end)) = single(member, ty) else {
            return false;
        };
        let known = self.ends.get(&key);
        known.is_some_and(|known| {
            known.rows > few
                && !is_narrower(key.1, end, known.end)
                && known.counted.elapsed() < REMEMBERED
        })
    }

    /// How many rows a name of a type has, as far as they were counted.
    pub fn rows(&self, name: Name<'_>, ty: TypeId) -> Option<u64> {
        let (rows, counted) = self.names.get(&known(name, ty)?)?;
        (counted.elapsed() < REMEMBERED).then_some(rows)
    }

    pub fn learn_rows(&self, name: Name<'_>, ty: TypeId, rows: u64) {
        if let Some(known) = known(name, ty) {
            self.names.insert(known, (rows, Instant::now()));
        }
    }

    /// How many rows a type has.
    pub fn every(&self, ty: TypeId) -> Option<u64> {
        let (rows, counted) = self.types.get(&ty)?;
        (counted.elapsed() < REMEMBERED).then_some(rows)
    }

    pub fn learn_every(&self, ty: TypeId, rows: u64) {
        self.types.insert(ty, (rows, Instant::now()));
    }

    /// Among how many rows the matches of a member are, where that is `few` or less; 1 at least, since one may have come.
    pub fn slim(&self, member: &Ranged, ty: TypeId, few: u64) -> Option<u64> {
        let (key, end) = single(member, ty)?;
        let known = self.slim.get(&key)?;
        let is_within = !is_narrower(key.1, known.end, end);
        let is_so = is_within && known.rows <= few && known.counted.elapsed() < REMEMBERED;
        is_so.then_some(known.rows.max(1))
    }

    /// `rows`: of each alternative, counted to one more than `few`.
    pub fn learn(&self, member: &Ranged, ty: TypeId, rows: &[u64], few: u64) {
        let (Some((key, end)), [rows]) = (single(member, ty), rows) else {
            return;
        };
        let (kept, is_much) = match *rows > few {
            true => (&self.ends, true),
            false => (&self.slim, false),
        };
        let is_new = kept.get(&key).is_none_or(|known| {
            let is_further = is_narrower(key.1, end, known.end) == is_much;
            known.counted.elapsed() >= REMEMBERED
                || (is_much && *rows > known.rows)
                || (is_further && (!is_much || *rows == known.rows))
        });
        if is_new {
            let (counted, rows) = (Instant::now(), *rows);
            kept.insert(key, Counted { end, rows, counted });
        }
    }
}

fn known((param, test, value): Name<'_>, ty: TypeId) -> Option<Known> {
    let is_whole = test == TextTest::Equals;
    let is_short = value.len() <= NAME_BYTES_MAX;
    is_short.then(|| (parameter(param, ty), is_whole, value.to_owned()))
}

/// Key, direction and end of a member that is one range with one end.
fn single(member: &Ranged, ty: TypeId) -> Option<((i64, bool), f64)> {
    let [ranges] = member.alternatives.as_slice() else {
        return None;
    };
    let [range] = ranges.as_slice() else {
        return None;
    };
    let Range { test, .. } = range;
    match (quantity::values(test).from, quantity::values(test).to) {
        (Some((_, end)), None) => Some(((range.key(ty), true), end)),
        (None, Some((_, end))) => Some(((range.key(ty), false), end)),
        _ => None,
    }
}

fn is_narrower(upwards: bool, end: f64, than: f64) -> bool {
    if upwards { end > than } else { end < than }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_search::plan::{NumberTest, Prefix};

    fn member(prefix: Prefix, value: f64) -> Ranged {
        let test = NumberTest {
            prefix,
            low: value,
            high: value,
        };
        let range = Range {
            term: 7,
            code: None,
            test,
        };
        Ranged {
            at: 0,
            alternatives: vec![vec![range]],
        }
    }

    #[test]
    fn the_rows_of_a_name_are_remembered_for_its_parameter_and_test() {
        let broad = Broad::default();
        let name = |param, test| (param, test, "smith");
        assert_eq!(broad.rows(name(1, TextTest::Prefix), TypeId(3)), None);
        broad.learn_rows(name(1, TextTest::Prefix), TypeId(3), 111);
        assert_eq!(broad.rows(name(1, TextTest::Prefix), TypeId(3)), Some(111));
        assert_eq!(broad.rows(name(1, TextTest::Equals), TypeId(3)), None);
        assert_eq!(broad.rows(name(2, TextTest::Prefix), TypeId(3)), None);
        assert_eq!(broad.rows(name(1, TextTest::Prefix), TypeId(4)), None);
        let long = "s".repeat(NAME_BYTES_MAX + 1);
        let name = (1, TextTest::Prefix, long.as_str());
        broad.learn_rows(name, TypeId(3), 1);
        assert_eq!(broad.rows(name, TypeId(3)), None);
        broad.learn_every(TypeId(3), 6_670);
        let every = [3, 4].map(|ty| broad.every(TypeId(ty)));
        assert_eq!(every, [Some(6_670), None]);
    }

    #[test]
    fn what_holds_more_than_a_broad_range_is_broad() {
        let (broad, ty) = (Broad::default(), TypeId(3));
        let holds = |prefix, value, few| broad.holds(&member(prefix, value), ty, few);
        assert!(!holds(Prefix::Gt, 5.0, 10));
        broad.learn(&member(Prefix::Gt, 5.0), ty, &[11], 10);
        broad.learn(&member(Prefix::Eq, 5.0), ty, &[500], 10);
        assert!(holds(Prefix::Gt, 5.0, 10) && holds(Prefix::Ge, 4.0, 10));
        assert!(!holds(Prefix::Gt, 6.0, 10), "it may have fewer rows");
        assert!(!holds(Prefix::Gt, 5.0, 11), "so many are few here");
        assert!(!holds(Prefix::Lt, 5.0, 10) && !holds(Prefix::Eq, 5.0, 10));
        assert!(!broad.holds(&member(Prefix::Gt, 5.0), TypeId(4), 10));
        broad.learn(&member(Prefix::Gt, 6.0), ty, &[11], 10);
        assert!(holds(Prefix::Gt, 6.0, 10), "the narrowest is kept");
        broad.learn(&member(Prefix::Gt, 9.0), ty, &[3], 10);
        assert!(holds(Prefix::Gt, 6.0, 10) && !holds(Prefix::Gt, 9.0, 2));
    }

    #[test]
    fn what_a_little_range_holds_is_little() {
        let (broad, ty) = (Broad::default(), TypeId(3));
        let slim = |prefix, value, few| broad.slim(&member(prefix, value), ty, few);
        assert_eq!(slim(Prefix::Lt, 5.0, 10), None);
        broad.learn(&member(Prefix::Lt, 5.0), ty, &[7], 10);
        assert_eq!(slim(Prefix::Lt, 5.0, 10), Some(7));
        assert_eq!(slim(Prefix::Lt, 4.0, 10), Some(7));
        assert_eq!(slim(Prefix::Lt, 6.0, 10), None, "it may have more rows");
        assert_eq!(slim(Prefix::Lt, 4.0, 6), None, "so many are not few here");
        assert_eq!(slim(Prefix::Gt, 5.0, 10), None);
        broad.learn(&member(Prefix::Lt, 4.0), ty, &[0], 10);
        assert_eq!(slim(Prefix::Lt, 5.0, 10), Some(7), "the widest is kept");
        broad.learn(&member(Prefix::Gt, 9.0), ty, &[0], 10);
        assert_eq!(slim(Prefix::Gt, 9.0, 10), Some(1), "one may have come");
        assert!(!broad.holds(&member(Prefix::Lt, 5.0), ty, 0));
    }
}
