//! Where rows that match a range of dates lie in the order of the clinical date `d`, which the driving indexes have.
//! <https://hl7.org/fhir/R4/search.html#date>
//!
//! No date of the type's hot date parameter begins before `d` unless the row is marked as open, and none ends a day after
//! `d` or later unless it is marked as long; eight and 64 days have marks of their own. Marks are counted terms: the counters
//! tell whether there are any such rows, and which reach has few beyond it, who are a range of their own. A bound is used
//! where that makes it exact, or not at all; the dates themselves are tested all the same.

use crate::estimate::Counts;
use crate::index::typed;
use crate::question::Node;
use std::collections::HashMap;
use std::sync::LazyLock;
use ward_fhir::TypeId;
use ward_fhir::schema::{SearchType, r4};
use ward_search::entries::{REACHES_US, Term, TermKey};
use ward_search::hot;
use ward_search::plan::{DateTest, Prefix, SortKey};

/// The marks of a type's hot date parameter.
#[derive(Clone, Copy, Debug)]
pub struct Clinical {
    /// Of each reach.
    pub long: [Term; REACHES_US.len()],
    pub open: Term,
}

impl Clinical {
    /// `None`: the clinical date is not of this parameter.
    pub fn of(key: &TermKey, ty: TypeId, param: u16) -> Option<Clinical> {
        static HOT: LazyLock<HashMap<TypeId, u16>> = LazyLock::new(parameters);
        (HOT.get(&ty) == Some(&param)).then(|| Clinical {
            long: std::array::from_fn(|reach| key.long(param, reach)),
            open: key.open(param),
        })
    }

    /// What a sort asks of a type: by the latest dates.
    pub fn sorted(key: &TermKey, ty: TypeId, sort: &[SortKey]) -> Option<Clinical> {
        let [only] = sort else { return None };
        match only.of_type(ty) {
            SortKey::Date {
                param,
                descending: true,
            } => Clinical::of(key, ty, param),
            _ => None,
        }
    }

    /// Keys of the counters of all marks.
    pub fn counted(self, ty: TypeId) -> impl Iterator<Item = i64> {
        let marks = self.long.into_iter().chain([self.open]);
        marks.map(move |term| typed(term, ty))
    }

    /// Whether no row of the type is marked as open.
    fn is_closed(self, ty: TypeId, counts: &Counts) -> bool {
        counts.get(&typed(self.open, ty)) == Some(&0)
    }

    /// The least reach that few rows go beyond; `None`: there is none, or nobody knows.
    pub fn long(self, ty: TypeId, counts: &Counts) -> Option<Long> {
        let each = self.long.into_iter().zip(REACHES_US);
        let mut known = each.map_while(|(term, reach_us)| {
            let rows = *counts.get(&typed(term, ty))?;
            Some((term, reach_us, rows))
        });
        let (term, reach_us, rows) = known.find(|(.., rows)| *rows <= LONG_ROWS_MAX)?;
        Some(Long {
            reach_us,
            rows: (rows > 0).then_some(term),
        })
    }
}

/// How far dates reach, and what reaches further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Long {
    /// Microseconds after the clinical date.
    pub reach_us: i64,
    /// What all rows beyond have; `None`: there are none.
    pub rows: Option<Term>,
}

/// Counters that tell whether bounds are exact. Where they were asked for, an absent one is 0.
pub fn marks(members: &[Node], ty: TypeId) -> Vec<i64> {
    let mut marks: Vec<i64> = Vec::new();
    for node in members {
        match node {
            Node::Date {
                clinical: Some(clinical),
                ..
            } => marks.extend(clinical.counted(ty)),
            Node::Or(list) => marks.extend(self::marks(list, ty)),
            _ => {}
        }
    }
    marks.sort_unstable();
    marks.dedup();
    marks
}

fn parameters() -> HashMap<TypeId, u16> {
    let of = |ty: &TypeId| {
        let code = hot::of(r4().ty(*ty).name).date;
        let mut all = r4().search_parameters.iter();
        let found =
            all.find(|p| p.code == code && p.ty == SearchType::Date && p.bases.contains(ty));
        found.map(|p| (*ty, p.id))
    };
    crate::store::resource_types()
        .iter()
        .filter_map(of)
        .collect()
}

/// Clinical dates between which every match lies, long rows apart. Inclusive microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub from_us: Option<i64>,
    pub to_us: Option<i64>,
    /// Matches that lie before `from_us` have this term.
    pub long: Option<Term>,
}

impl Window {
    /// Of a conjunction over a type.
    pub fn of(members: &[Node], ty: TypeId, counts: &Counts) -> Window {
        let mut window = Window::default();
        for node in members {
            let Some((from, to, long)) = bounds(node, ty, counts) else {
                continue;
            };
            window.from_us = window.from_us.max(from);
            window.to_us = window.to_us.into_iter().chain(to).min();
            window.long = window.long.or(long);
        }
        window
    }

    /// Where long rows have no range of their own: what no long row is beyond.
    pub fn without_long(self) -> Window {
        match self.long {
            None => self,
            Some(_) => Window {
                from_us: None,
                long: None,
                ..self
            },
        }
    }
}

/// Whether a walk in the order of the clinical date meets the matches of a range of dates one after the other.
pub fn is_bounded(node: &Node, ty: TypeId, counts: &Counts) -> bool {
    bounds(node, ty, counts).is_some()
}

/// First and last clinical date, and the term of further matches.
type Bounds = (Option<i64>, Option<i64>, Option<Term>);

/// Of what matches, of alternatives of all that match; `None`: not all of the bounds are exact.
fn bounds(node: &Node, ty: TypeId, counts: &Counts) -> Option<Bounds> {
    let (test, clinical) = match node {
        Node::Or(list) => {
            let mut each = list.iter().map(|node| bounds(node, ty, counts));
            let first = each.next()??;
            return each.try_fold(first, |all, one| Some(around(all, one?)));
        }
        Node::Date {
            test,
            clinical: Some(clinical),
            ..
        } => (test, clinical),
        _ => return None,
    };
    let long = clinical.long(ty, counts);
    let (from, to) = reach(test, long.map_or(0, |long| long.reach_us))?;
    if to.is_some() && !clinical.is_closed(ty, counts) {
        return None;
    }
    let rows = match from {
        None => None,
        Some(_) => long?.rows,
    };
    Some((from, to, rows))
}

fn around((from, to, long): Bounds, (other_from, other_to, other_long): Bounds) -> Bounds {
    let from = from.zip(other_from).map(|(a, b)| a.min(b));
    let to = to.zip(other_to).map(|(a, b)| a.max(b));
    // Without a first date nothing lies before it.
    (from, to, from.and(long.or(other_long)))
}

/// A match begins at `to` at the latest and, unless it is long, at `from` at the earliest. `None`: anywhere.
fn reach(test: &DateTest, reach_us: i64) -> Option<(Option<i64>, Option<i64>)> {
    let (low, high) = (test.low_us, test.high_us);
    let before = |us: i64| Some(us.saturating_sub(reach_us));
    Some(match test.prefix {
        Prefix::Eq | Prefix::Ap => (before(low), Some(high)),
        Prefix::Ge => (before(low), None),
        Prefix::Gt | Prefix::Sa => (before(high), None),
        Prefix::Lt | Prefix::Eb => (None, Some(low)),
        Prefix::Le => (None, Some(high)),
        Prefix::Ne => return None,
    })
}

/// So many long rows are looked at beside a walk.
const LONG_ROWS_MAX: u64 = 2_000;

#[cfg(test)]
mod tests {
    use super::*;
    use ward_search::entries::DAY_US;
    use ward_search::evaluate;

    /// Every range of whole days within three that a row that is neither long nor open may have, against every test.
    #[test]
    fn what_matches_lies_within_the_bounds() {
        let prefixes = [
            Prefix::Eq,
            Prefix::Ne,
            Prefix::Gt,
            Prefix::Lt,
            Prefix::Ge,
            Prefix::Le,
            Prefix::Sa,
            Prefix::Eb,
            Prefix::Ap,
        ];
        let step = DAY_US / 4;
        for at in 0..prefixes.len() * 12 * 12 * 12 * 4 {
            let (prefix, rest) = (prefixes[at % 9], at / 9);
            let (low, high, d, length) = (rest % 12, rest / 12 % 12, rest / 144 % 12, rest / 1728);
            let test = DateTest {
                prefix,
                low_us: low as i64 * step,
                high_us: high.max(low) as i64 * step + step - 1,
            };
            let (from, to) = (d as i64 * step, (d + length) as i64 * step + step - 1);
            for beyond in REACHES_US.map(|reach_us| reach_us - DAY_US) {
                let to = to + beyond;
                let Some((first, last)) = reach(&test, DAY_US + beyond) else {
                    continue;
                };
                if evaluate::date(test, from, to) {
                    assert!(first.is_none_or(|us| us <= from), "{test:?} {from} {to}");
                    assert!(last.is_none_or(|us| from <= us), "{test:?} {from} {to}");
                }
            }
        }
    }

    #[test]
    fn alternatives_lie_between_the_first_and_the_last() {
        let (ty, long) = (TypeId(3), 11);
        let clinical = Clinical {
            long: [long, 12, 13],
            open: 14,
        };
        let on = |prefix, low_us: i64| Node::Date {
            param: 1,
            test: DateTest {
                prefix,
                low_us,
                high_us: low_us + 9,
            },
            clinical: Some(clinical),
        };
        let of = |list: Vec<Node>, rows: u64| {
            let members = [Node::Or(list)];
            let mut counts: Counts = marks(&members, ty).into_iter().map(|m| (m, 0)).collect();
            counts.insert(typed(long, ty), rows);
            let window = Window::of(&members, ty, &counts);
            let from = window.from_us.map(|us| us + DAY_US);
            (from, window.to_us, window.long)
        };
        use Prefix::{Eq, Ge, Lt, Ne};
        let days = vec![on(Eq, 50), on(Eq, 20), on(Eq, 30)];
        assert_eq!(of(days.clone(), 0), (Some(20), Some(59), None));
        assert_eq!(of(days, 7), (Some(20), Some(59), Some(long)));
        assert_eq!(of(vec![on(Eq, 20), on(Ge, 50)], 0), (Some(20), None, None));
        assert_eq!(of(vec![on(Lt, 20), on(Eq, 50)], 7), (None, Some(59), None));
        assert_eq!(of(vec![on(Eq, 20), on(Ne, 50)], 0), (None, None, None));
        assert_eq!(of(vec![on(Eq, 20), Node::All], 0), (None, None, None));
        assert_eq!(of(vec![], 0), (None, None, None));
    }

    #[test]
    fn the_least_reach_that_few_go_beyond_is_taken() {
        let ty = TypeId(3);
        let clinical = Clinical {
            long: [11, 12, 13],
            open: 14,
        };
        let long = |rows: [u64; 3]| {
            let terms = clinical.long.into_iter().zip(rows);
            let counts = terms.map(|(term, rows)| (typed(term, ty), rows)).collect();
            clinical
                .long(ty, &counts)
                .map(|long| (long.reach_us / DAY_US, long.rows))
        };
        assert_eq!(long([0, 0, 0]), Some((1, None)));
        assert_eq!(long([7, 0, 0]), Some((1, Some(11))));
        assert_eq!(long([5_000, 3, 0]), Some((8, Some(12))));
        assert_eq!(long([5_000, 4_000, 0]), Some((64, None)));
        assert_eq!(long([5_000, 4_000, 3_000]), None);
        assert_eq!(clinical.long(ty, &Counts::new()), None);
    }

    #[test]
    fn the_hot_date_of_a_type_is_known() {
        let ty = |name: &str| r4().resource_type(name).unwrap();
        let of = |name: &str, code: &str| {
            let mut all = r4().search_parameters.iter();
            let param = all.find(|p| p.code == code && p.bases.contains(&ty(name)));
            Clinical::of(&TermKey([7; 16]), ty(name), param.unwrap().id)
        };
        assert!(of("Observation", "date").is_some() && of("Condition", "onset-date").is_some());
        assert!(of("Condition", "recorded-date").is_none());
        assert!(of("Patient", "birthdate").is_some() && of("Patient", "death-date").is_none());
    }
}
