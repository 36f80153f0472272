//! A21: somebody tries passwords, of one account or of many, or wears out who has to confirm a second factor.

use super::{Finding, Seen};
use crate::access::{Act, Key, Outcome};
use crate::alert::Subject;
use crate::bounded::Bounded;
use crate::memory::{Account, Source};
use crate::rule::Rule;

pub(crate) fn judge(
    seen: &Seen,
    source: &mut Source,
    accounts: &mut Bounded<Key, Account>,
    findings: &mut Vec<Finding>,
) {
    let access = seen.access;
    let at = access.at_s;
    if !matches!(access.act, Act::Login | Act::SecondFactor) {
        return;
    }
    let hour = at.div_euclid(3_600);
    if source.hour != hour {
        (source.hour, source.sign_ins) = (hour, 0);
    }
    if access.outcome == Outcome::Granted {
        source.sign_ins += 1;
        return;
    }
    if access.target != 0 {
        let account = accounts.entry(access.target, at, Account::default);
        of_account(seen, account, findings);
    }
    if access.act == Act::SecondFactor || access.source == 0 {
        return;
    }
    // Whose account it was is not always told.
    let tried = match access.target {
        0 => access.seq as u64,
        account => account,
    };
    source.failures.push(at, tried, access.seq, 3_600);
    let tried = source.failures.distinct(|_| true);
    let most = seen.limit(Rule::A21, seen.limits.sprayed_accounts);
    // Behind the address of a whole hospital people mistype; more of them sign in.
    if tried as f64 >= most.max(f64::from(source.sign_ins)) {
        let text = format!("{tried} accounts were refused from one address in an hour");
        let subject = Subject::source(access.source);
        let evidence = source.failures.evidence();
        findings.push(Finding::new(Rule::A21, subject, evidence, text));
    }
}

fn of_account(seen: &Seen, account: &mut Account, findings: &mut Vec<Finding>) {
    let access = seen.access;
    let (burst, most, what) = match access.act {
        Act::SecondFactor => (
            &mut account.factors,
            seen.limits.factor_failures,
            "second factors",
        ),
        _ => (&mut account.failures, seen.limits.failures, "sign-ins"),
    };
    burst.push(access.at_s, access.target, access.seq, 600);
    if burst.len() as f64 >= seen.limit(Rule::A21, most) {
        let text = format!(
            "{} refused {what} of one account in 10 minutes",
            burst.len()
        );
        let subject = Subject::user(access.target);
        findings.push(Finding::new(Rule::A21, subject, burst.evidence(), text));
    }
}
