//! All that is judged of one user, in the order in which it is remembered.

use super::{Finding, Seen, grant, places, volume};
use crate::access::{Act, Outcome};
use crate::alert::Subject;
use crate::case::acquainted;
use crate::facts::{Facts, Kind, Person};
use crate::memory::{Peers, Source, User};
use crate::rule::Rule;
use crate::window::{Evidence, scramble};

pub(crate) fn judge(
    seen: &Seen,
    person: &Person,
    user: &mut User,
    peers: &mut Peers,
    source: &mut Source,
    facts: &impl Facts,
    findings: &mut Vec<Finding>,
) {
    let access = seen.access;
    places::judge(seen, user, source, facts, findings);
    dormant(seen, person, user, findings);
    volume::changes(seen, user, peers, findings);
    probing(seen, user, findings);
    if person.kind == Kind::Staff {
        glass(seen, person, user, facts, findings);
        grant::used(seen, user, findings);
        volume::judge(seen, user, peers, findings);
    }
    user.last_s = access.at_s;
}

/// A13: the first record that is opened after long.
fn dormant(seen: &Seen, person: &Person, user: &mut User, findings: &mut Vec<Finding>) {
    let access = seen.access;
    let slept_s = (seen.limits.dormant_days * 86_400.0) as i64;
    let before = match user.last_s {
        0 => person.used_s,
        last => Some(last),
    };
    let slept = before
        .map(|last| access.at_s - last)
        .filter(|s| *s > slept_s);
    user.woke |= slept.is_some();
    let is_first = access.patient != 0 && access.outcome == Outcome::Granted;
    if !user.woke || !is_first {
        return;
    }
    user.woke = false;
    let text = format!("not used for more than {} days", seen.limits.dormant_days);
    let evidence = Evidence::of(access.seq, access.at_s);
    let subject = Subject::user(access.user);
    findings.push(Finding::new(Rule::A13, subject, evidence, text));
}

/// A17: questions of one shape with other values each, which give next to nothing: their answers are yes or no.
fn probing(seen: &Seen, user: &mut User, findings: &mut Vec<Finding>) {
    let access = seen.access;
    let is_probe = access.act == Act::Search
        && access.is_clinical
        && access.results <= 1
        && access.outcome != Outcome::Failed;
    if !is_probe {
        return;
    }
    let shape = scramble(access.shape) & SHAPE;
    let value = shape | (scramble(access.target) & !SHAPE);
    user.probes.push(access.at_s, value, access.seq, 300);
    let same = user.probes.distinct(|value| value & SHAPE == shape);
    if same as f64 >= seen.limit(Rule::A17, seen.limits.probes) {
        let text = format!("{same} questions of one shape with next to no results in 5 minutes");
        let subject = Subject::user(access.user);
        let evidence = user.probes.evidence();
        findings.push(Finding::new(Rule::A17, subject, evidence, text));
    }
}

/// A16: too many, on somebody they know, or without anything that follows.
fn glass(
    seen: &Seen,
    person: &Person,
    user: &mut User,
    facts: &impl Facts,
    findings: &mut Vec<Finding>,
) {
    let access = seen.access;
    let subject = Subject::user(access.user);
    follow_up(seen, user, facts, findings);
    if access.act != Act::BreakGlass || access.outcome != Outcome::Granted {
        return;
    }
    user.glass_open = Some((access.patient, access.at_s, access.seq));
    user.glasses
        .push(access.at_s, access.patient as u64, access.seq, 7 * 86_400);
    let count = user.glasses.len();
    if count as f64 > seen.limit(Rule::A16, seen.limits.glasses_week) {
        let text = format!("{count} emergency overrides in a week");
        let evidence = user.glasses.evidence();
        findings.push(Finding::new(Rule::A16, subject, evidence, text));
    }
    let Some(patient) = seen.patient else { return };
    let known = acquainted(access, person, &patient, facts, seen.limits);
    if let Some((rule, _)) = known.iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
        let text = format!("an emergency override on {}", rule.title());
        let evidence = Evidence::of(access.seq, access.at_s);
        let finding = Finding::new(Rule::A16, subject, evidence, text);
        findings.push(finding.about(access.patient));
    }
}

/// A day after an override the record should say what the emergency was.
fn follow_up(seen: &Seen, user: &mut User, facts: &impl Facts, findings: &mut Vec<Finding>) {
    let access = seen.access;
    let Some((patient, at, seq)) = user.glass_open else {
        return;
    };
    if access.at_s - at < 86_400 {
        return;
    }
    user.glass_open = None;
    let around = 86_400;
    let happened =
        |from: i64, until: i64| from - around <= at && at <= until.saturating_add(around);
    let is_followed = facts
        .ties(access.user, patient)
        .iter()
        .any(|tie| happened(tie.from_s, tie.until_s))
        || facts
            .stays(patient)
            .iter()
            .any(|stay| happened(stay.from_s, stay.until_s));
    if !is_followed {
        let text = "nothing in the record follows an emergency override".to_owned();
        let subject = Subject::user(access.user);
        let finding = Finding::new(Rule::A16, subject, Evidence::of(seq, at), text);
        findings.push(finding.about(patient));
    }
}

const SHAPE: u64 = 0xffff_ffff_0000_0000;
