//! A19: one user at two places at once.

use super::{Finding, Seen};
use crate::access::Outcome;
use crate::alert::Subject;
use crate::facts::Facts;
use crate::memory::{Source, User};
use crate::rule::Rule;
use crate::window::Evidence;

pub(crate) fn judge(
    seen: &Seen,
    user: &mut User,
    source: &mut Source,
    facts: &impl Facts,
    findings: &mut Vec<Finding>,
) {
    let access = seen.access;
    if access.outcome != Outcome::Granted || access.user == 0 {
        return;
    }
    workstations(seen, user, findings);
    if access.source == 0 {
        return;
    }
    source.users.add(access.user);
    let day = access.at_s.div_euclid(86_400);
    let is_known = user.sources.days_before(access.source, day) >= KNOWN_DAYS
        || source.users.count() >= KNOWN_USERS;
    let Some(place) = facts.place(access.source) else {
        return;
    };
    let before = user.place.replace((place, access.at_s));
    let Some((other, when)) = before.filter(|_| !is_known) else {
        return;
    };
    let km = place.metres_to(other) / 1_000.0;
    let hours = ((access.at_s - when).max(60) as f64) / 3_600.0;
    let limits = seen.limits;
    if km >= limits.travel_km && km / hours > seen.limit(Rule::A19, limits.travel_kmh) {
        let text = format!(
            "{km:.0} km away from {} minutes before, at an address that is new",
            (hours * 60.0).round()
        );
        let evidence = Evidence::of(access.seq, access.at_s);
        let subject = Subject::user(access.user);
        findings.push(Finding::new(Rule::A19, subject, evidence, text));
    }
}

/// Back and forth between two workstations faster than anybody walks.
fn workstations(seen: &Seen, user: &mut User, findings: &mut Vec<Finding>) {
    let access = seen.access;
    if access.workstation == 0 {
        return;
    }
    let before = std::mem::replace(&mut user.workstation, access.workstation);
    if before == 0 || before == access.workstation {
        return;
    }
    let burst = &mut user.switches;
    burst.push(access.at_s, access.workstation, access.seq, 300);
    if burst.len() >= SWITCHES && burst.distinct(|_| true) == 2 {
        let text = format!(
            "{} changes between two workstations in 5 minutes",
            burst.len()
        );
        let subject = Subject::user(access.user);
        findings.push(Finding::new(Rule::A19, subject, burst.evidence(), text));
    }
}

/// An address at which a user was on so many days is theirs.
const KNOWN_DAYS: u32 = 2;
/// One that so many use is a gateway: where it is says little of where they are.
const KNOWN_USERS: f64 = 4.0;
const SWITCHES: usize = 8;
