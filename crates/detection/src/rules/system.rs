//! What is told by a single event: A22, A24, A25, A27, A29.

use super::{Finding, Seen};
use crate::access::{Act, Outcome};
use crate::alert::Subject;
use crate::facts::Kind;
use crate::rule::Rule;
use crate::window::Evidence;

pub(crate) fn judge(seen: &Seen, findings: &mut Vec<Finding>) {
    let access = seen.access;
    let whole = Subject {
        user: access.user,
        client: access.client,
        source: 0,
    };
    let mut tell = |rule: Rule, subject: Subject, patient: i64, text: &str| {
        let evidence = Evidence::of(access.seq, access.at_s);
        findings.push(Finding::new(rule, subject, evidence, text.to_owned()).about(patient));
    };
    match access.act {
        Act::TokenReuse => tell(
            Rule::A22,
            whole,
            0,
            "a code, refresh token or key was used that is not its holder's any more",
        ),
        Act::PolicyFault => tell(
            Rule::A24,
            Subject::default(),
            access.patient,
            "what cannot be evaluated denies until it is mended",
        ),
        Act::AuditGap => tell(
            Rule::A25,
            Subject::default(),
            0,
            "the log does not hold what was answered",
        ),
        Act::LabelDown if !is_service(seen) => {
            let text = match access.outcome {
                Outcome::Granted => "a label was lowered by hand",
                _ => "somebody tried to lower a label and was refused",
            };
            tell(Rule::A27, Subject::user(access.user), access.patient, text);
        }
        Act::Change | Act::Delete if access.is_clinical && access.outcome == Outcome::Granted => {
            let held = seen.patient.and_then(|patient| patient.held_s);
            if held.is_some_and(|since| since <= access.at_s) {
                let text = "the record is under a complaint or litigation hold";
                tell(Rule::A29, Subject::user(access.user), access.patient, text);
            }
        }
        _ => (),
    }
}

fn is_service(seen: &Seen) -> bool {
    seen.person
        .is_none_or(|person| person.kind == Kind::Service)
}
