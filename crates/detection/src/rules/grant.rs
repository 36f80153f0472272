//! A26: a role that somebody gives to themselves, or that is used on records without a reason right after it was given.

use super::{Finding, Seen};
use crate::access::{Act, Key, Outcome};
use crate::alert::Subject;
use crate::bounded::Bounded;
use crate::memory::User;
use crate::rule::Rule;
use crate::window::Evidence;

pub(crate) fn granted(seen: &Seen, users: &mut Bounded<Key, User>, findings: &mut Vec<Finding>) {
    let access = seen.access;
    if access.act != Act::Grant || access.outcome != Outcome::Granted || access.target == 0 {
        return;
    }
    if access.target == access.user {
        let text = "somebody gave a role to themselves".to_owned();
        let evidence = Evidence::of(access.seq, access.at_s);
        let subject = Subject::user(access.user);
        findings.push(Finding::new(Rule::A26, subject, evidence, text));
    }
    let user = users.entry(access.target, access.at_s, User::default);
    user.granted_s = Some(access.at_s);
    user.after_grant.clear();
}

pub(crate) fn used(seen: &Seen, user: &mut User, findings: &mut Vec<Finding>) {
    let access = seen.access;
    let within = (seen.limits.after_grant_minutes * 60.0) as i64;
    let is_new = user
        .granted_s
        .is_some_and(|granted| access.at_s - granted <= within);
    if !is_new || !seen.is_unexplained || !access.is_clinical {
        return;
    }
    let burst = &mut user.after_grant;
    burst.push(access.at_s, access.patient as u64, access.seq, within);
    let patients = burst.distinct(|_| true);
    if patients as f64 >= seen.limit(Rule::A26, seen.limits.after_grant_patients) {
        let text = format!(
            "{patients} records were opened without a reason within {} minutes of a role",
            within / 60
        );
        let subject = Subject::user(access.user);
        findings.push(Finding::new(Rule::A26, subject, burst.evidence(), text));
    }
}
