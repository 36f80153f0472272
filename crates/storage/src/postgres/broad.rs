//! Ranges of quantities that were seen to be much, so that they need not be counted before each page. By it only is chosen how
//! a page is asked for: whatever has become of a range since, the page is the same.

use crate::quantity::{self, Range, Ranged};
use quick_cache::sync::Cache;
use std::time::{Duration, Instant};
use ward_fhir::TypeId;

/// Ranges with one end.
pub struct Broad {
    /// Of a key, upwards or not.
    ends: Cache<(i64, bool), Narrowest>,
}

/// The narrowest range that was counted.
#[derive(Clone, Copy)]
struct Narrowest {
    end: f64,
    /// It has so many rows at least.
    rows: u64,
    counted: Instant,
}

/// Then it is counted anew.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Ends remembered, about 80 bytes each.
const ENDS_MAX: usize = 8_192;

impl Default for Broad {
    fn default() -> Broad {
        Broad {
            ends: Cache::new(ENDS_MAX),
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

    /// `rows`: of each alternative, as far as they were counted.
    pub fn learn(&self, member: &Ranged, ty: TypeId, rows: &[u64]) {
        let (Some((key, end)), [rows]) = (single(member, ty), rows) else {
            return;
        };
        let is_new = self.ends.get(&key).is_none_or(|known| {
            known.counted.elapsed() >= REMEMBERED
                || *rows > known.rows
                || (*rows == known.rows && is_narrower(key.1, end, known.end))
        });
        if is_new {
            let counted = Instant::now();
            let rows = *rows;
            self.ends.insert(key, Narrowest { end, rows, counted });
        }
    }
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
    fn what_holds_more_than_a_broad_range_is_broad() {
        let (broad, ty) = (Broad::default(), TypeId(3));
        let holds = |prefix, value, few| broad.holds(&member(prefix, value), ty, few);
        assert!(!holds(Prefix::Gt, 5.0, 10));
        broad.learn(&member(Prefix::Gt, 5.0), ty, &[11]);
        broad.learn(&member(Prefix::Eq, 5.0), ty, &[500]);
        assert!(holds(Prefix::Gt, 5.0, 10) && holds(Prefix::Ge, 4.0, 10));
        assert!(!holds(Prefix::Gt, 6.0, 10), "it may have fewer rows");
        assert!(!holds(Prefix::Gt, 5.0, 11), "so many are few here");
        assert!(!holds(Prefix::Lt, 5.0, 10) && !holds(Prefix::Eq, 5.0, 10));
        assert!(!broad.holds(&member(Prefix::Gt, 5.0), TypeId(4), 10));
        broad.learn(&member(Prefix::Gt, 6.0), ty, &[11]);
        assert!(holds(Prefix::Gt, 6.0, 10), "the narrowest is kept");
        broad.learn(&member(Prefix::Gt, 9.0), ty, &[3]);
        assert!(holds(Prefix::Gt, 6.0, 10) && !holds(Prefix::Gt, 9.0, 2));
    }
}
