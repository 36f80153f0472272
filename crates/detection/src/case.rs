//! What somebody did with one patient's record without a reason: it is scored as a whole, and grows.

use crate::access::{Access, Labels};
use crate::alert::Reason;
use crate::facts::{Duty, Facts, Kin, Patient, Person};
use crate::memory::{Peers, User};
use crate::rule::Rule;
use crate::rules::Seen;
use crate::thresholds::Thresholds;
use crate::window::Evidence;

#[derive(Debug, Default)]
pub(crate) struct Case {
    /// A2 to A8, A12 and A14: what does not change while it is open.
    relation: Vec<(Rule, f64)>,
    accesses: u32,
    /// Of clinical types, by the number modulo 64.
    types: u64,
    days: u32,
    last_day: i64,
    is_off_shift: bool,
    is_sensitive: bool,
    pub evidence: Evidence,
    pub last_s: i64,
    pub alerted: bool,
}

impl Case {
    pub fn add(&mut self, seen: &Seen, person: &Person, facts: &impl Facts) {
        let access = seen.access;
        if self.accesses == 0 {
            self.relation = relation(seen, person, facts);
        }
        self.accesses += 1;
        self.last_s = access.at_s;
        let day = access.at_s.div_euclid(86_400);
        self.days += u32::from(day != self.last_day);
        self.last_day = day;
        if access.is_clinical {
            self.types |= 1 << (access.ty % 64);
        }
        self.is_sensitive |= access.labels.has(Labels::SENSITIVE);
        if !self.is_off_shift {
            let overrun = (seen.limits.overrun_hours * 3_600.0) as i64;
            let (from, until) = (access.at_s - overrun, access.at_s + overrun);
            self.is_off_shift = facts.duty(access.user, from, until) == Duty::Off;
        }
        self.evidence.add(access.seq, access.at_s);
    }

    /// All reasons with their points, what weighs most first.
    pub fn reasons(&self, seen: &Seen, peers: &Peers, user: &User) -> Vec<Reason> {
        let limits = seen.limits;
        let mut reasons: Vec<Reason> = Vec::new();
        let mut add = |rule: Rule, points: f64, text: String| {
            let points = (points * seen.found.weight(rule)).round() as u32;
            reasons.push(Reason { rule, points, text });
        };
        for (rule, points) in &self.relation {
            add(*rule, *points, rule.title().to_owned());
        }
        if self.types != 0 && seen.explained.is_none() {
            let (points, text) = self.unexplained(limits, peers);
            add(Rule::A1, points, text);
        }
        if self.is_off_shift {
            add(Rule::A11, points(Rule::A11), Rule::A11.title().to_owned());
        }
        if self.is_sensitive {
            let text = "sensitive entries were read".to_owned();
            add(Rule::A15, SENSITIVE_POINTS, text);
        }
        if crate::rules::volume::many_documents(user, peers, limits) {
            let text = format!("{} documents today", user.documents);
            add(Rule::A28, points(Rule::A28), text);
        }
        reasons.retain(|reason| reason.points > 0);
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points));
        reasons
    }

    /// A1: an access without a reason says less of who has many such accesses by the nature of their work.
    fn unexplained(&self, limits: &Thresholds, peers: &Peers) -> (f64, String) {
        let share = peers.unexplained_share(limits.unexplained_share);
        let scale = 1.0 - 0.5 * (share / limits.unexplained_share).log10();
        let types = self.types.count_ones();
        let mut worth = points(Rule::A1) * scale.clamp(0.4, 1.0);
        if f64::from(types) >= limits.depth_types {
            worth += limits.depth_points;
        }
        if self.days > 1 {
            worth += limits.depth_points;
        }
        let text = format!(
            "no reason of work is known: {} accesses, {types} clinical types, {} days; {:.1} % of what peers open is unexplained",
            self.accesses,
            self.days,
            share * 100.0
        );
        (worth, text)
    }
}

/// How they know each other, and how far the patient is from the user's work.
fn relation(seen: &Seen, person: &Person, facts: &impl Facts) -> Vec<(Rule, f64)> {
    let Some(patient) = seen.patient else {
        return Vec::new();
    };
    let access = seen.access;
    let mut relation = acquainted(access, person, &patient, facts, seen.limits);
    let mut far = |rule: Rule, holds: bool| {
        if holds {
            relation.push((rule, points(rule)));
        }
    };
    let stays = facts.stays(access.patient);
    let was_there = stays.iter().any(|s| s.department == person.department);
    far(Rule::A12, person.department != 0 && !was_there);
    let unseen_s = (seen.limits.unseen_days * 86_400.0) as i64;
    let is_gone = patient.deceased_s.is_some_and(|at| at <= access.at_s)
        || patient.seen_s.is_some_and(|at| access.at_s - at > unseen_s);
    far(Rule::A14, is_gone);
    relation
}

/// A2 to A8: what ties them outside of work.
pub(crate) fn acquainted(
    access: &Access,
    person: &Person,
    patient: &Patient,
    facts: &impl Facts,
    limits: &Thresholds,
) -> Vec<(Rule, f64)> {
    let mut found = Vec::new();
    let is_vip = patient.is_vip || access.labels.has(Labels::CELEBRITY);
    if is_vip {
        found.push((Rule::A6, points(Rule::A6)));
    }
    if person.patient != 0 && person.patient == access.patient {
        found.push((Rule::A7, points(Rule::A7)));
        return found;
    }
    if patient.staff != 0 || access.labels.has(Labels::EMPLOYEE) {
        found.push((Rule::A2, points(Rule::A2)));
    }
    let homes = person.home.zip(patient.home);
    let shares_address = homes.is_some_and(|(a, b)| a.address != 0 && a.address == b.address);
    let shares_name = person.surname != 0 && person.surname == patient.surname;
    let kin = facts.kin(access.user, access.patient);
    if kin == Some(Kin::Family) || (shares_address && shares_name) {
        found.push((Rule::A3, points(Rule::A3)));
        return found;
    }
    if kin == Some(Kin::Household) || shares_address {
        found.push((Rule::A8, points(Rule::A8)));
    } else if homes.is_some_and(|(a, b)| is_near(a.at, b.at, limits.neighbour_metres)) {
        found.push((Rule::A5, points(Rule::A5)));
    }
    if shares_name {
        let rarity = rarity(patient.surname_share, limits.rare_surname_share);
        found.push((Rule::A4, points(Rule::A4) * rarity));
    }
    found
}

fn is_near(
    one: Option<crate::facts::Point>,
    other: Option<crate::facts::Point>,
    metres: f64,
) -> bool {
    one.zip(other)
        .is_some_and(|(one, other)| one.metres_to(other) < metres)
}

/// 1 for a name that nearly nobody bears, 0 for one that is a hundred times as common, by the logarithm between.
fn rarity(share: f64, rare: f64) -> f64 {
    if share <= 0.0 || rare <= 0.0 {
        return 1.0;
    }
    (1.0 - (share / rare).log10() / 2.0).clamp(0.0, 1.0)
}

fn points(rule: Rule) -> f64 {
    f64::from(rule.points())
}

const SENSITIVE_POINTS: f64 = 10.0;
