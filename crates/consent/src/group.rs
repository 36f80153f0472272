//! Which consents count: those in force, and in each group the newest (R1, R8).

use crate::code::Ref;
use crate::period::Span;
use crate::provision::Consent;
use std::collections::BTreeMap;

/// Groups of consents that are in force now, each with those that no newer one of it supersedes. More than one where it
/// cannot be told which is newer: then what either does not permit is not permitted.
pub(crate) fn current<'c>(
    consents: &'c [Consent],
    subjects: &[Ref],
    now_us: i64,
) -> Vec<Vec<&'c Consent>> {
    let mut groups: BTreeMap<&str, Vec<&Consent>> = BTreeMap::new();
    for consent in consents.iter().filter(|c| c.applies(subjects, now_us)) {
        groups.entry(&consent.group).or_default().push(consent);
    }
    let newest = |all: Vec<&'c Consent>| {
        let span = |consent: &Consent| known(consent.date, now_us);
        let is_superseded =
            |one: &&Consent| all.iter().any(|other| span(other).low > span(one).high);
        all.iter()
            .filter(|one| !is_superseded(one))
            .copied()
            .collect()
    };
    groups.into_values().map(newest).collect()
}

/// A date that is missing or still to come supersedes nothing (X44), and is superseded by nothing.
fn known(date: Option<Span>, now_us: i64) -> Span {
    let unknown = Span {
        low: i64::MIN,
        high: i64::MAX,
    };
    date.filter(|date| date.low <= now_us).unwrap_or(unknown)
}
