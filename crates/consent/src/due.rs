//! When what consents say changes by time alone.

use crate::code::Ref;
use crate::facts::{Lookup, Row};
use crate::provision::Consent;
use crate::rules::Rules;
use crate::specialise::Specialiser;

/// The next instant after `now_us` (microseconds since 1970) at which a period of this patient's consents begins or ends, or one that
/// is dated ahead takes its place. `None`: nothing changes by itself. Cost: linear in the provisions.
pub fn next_change(consents: &[Consent], subjects: &[Ref], now_us: i64) -> Option<i64> {
    let ahead = boundaries(consents, subjects);
    ahead.into_iter().filter(|at| *at > now_us).min()
}

/// The same for one row: when its residual becomes another one. It may be told too early where more than
/// [`BOUNDARIES_MAX`] boundaries lie before it, never too late.
pub fn next_change_of(
    row: &Row,
    consents: &[Consent],
    subjects: &[Ref],
    now_us: i64,
    (rules, lookup): (&Rules, &dyn Lookup),
) -> Option<i64> {
    let at = |us| Specialiser::new(consents, subjects, us, rules, lookup).residual(row);
    let now = at(now_us);
    let mut ahead = boundaries(consents, subjects);
    ahead.retain(|at| *at > now_us);
    ahead.sort_unstable();
    ahead.dedup();
    let last = ahead.get(BOUNDARIES_MAX).copied();
    let mut near = ahead.into_iter().take(BOUNDARIES_MAX);
    near.find(|us| at(*us) != now).or(last)
}

/// How far [`next_change_of`] looks.
pub const BOUNDARIES_MAX: usize = 64;

fn boundaries(consents: &[Consent], subjects: &[Ref]) -> Vec<i64> {
    let mut all = Vec::new();
    let is_about = |consent: &&Consent| {
        let subject = consent.subject.as_ref();
        consent.is_active && subject.is_none_or(|subject| subjects.contains(subject))
    };
    for consent in consents.iter().filter(is_about) {
        all.extend(consent.date.map(|date| date.low));
        let nested = consent.root.walk().filter_map(|p| p.criteria.period);
        for period in nested.chain([consent.period]) {
            all.extend([period.from, period.until]);
        }
    }
    all.retain(|at| *at != i64::MIN && *at != i64::MAX);
    all
}
