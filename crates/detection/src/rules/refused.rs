//! A18: many different resources refused within a minute, as by somebody who tries ids.

use super::{Finding, Seen};
use crate::access::{Act, Key, Outcome};
use crate::alert::Subject;
use crate::bounded::Bounded;
use crate::memory::{Source, User};
use crate::rule::Rule;

pub(crate) fn judge(
    seen: &Seen,
    source: &mut Source,
    users: &mut Bounded<Key, User>,
    findings: &mut Vec<Finding>,
) {
    let access = seen.access;
    let at = access.at_s;
    let is_refused = matches!(access.outcome, Outcome::Denied | Outcome::NotFound)
        && !matches!(access.act, Act::Login | Act::SecondFactor);
    if !is_refused {
        return;
    }
    let (burst, subject) = match access.user {
        0 => {
            let subject = Subject {
                client: access.client,
                source: access.source,
                user: 0,
            };
            (&mut source.refused, subject)
        }
        user => (
            &mut users.entry(user, at, User::default).refused,
            Subject::user(user),
        ),
    };
    burst.push(at, access.target, access.seq, 60);
    let different = burst.distinct(|_| true);
    if different as f64 > seen.limit(Rule::A18, seen.limits.refusals_minute) {
        let text = format!("{different} different resources were refused in a minute");
        findings.push(Finding::new(Rule::A18, subject, burst.evidence(), text));
    }
}
