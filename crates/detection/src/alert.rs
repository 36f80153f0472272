//! What a privacy officer is told, once for an incident.

use crate::access::Key;
use crate::rule::Rule;

#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Names the incident: the same stream gives the same.
    pub id: u64,
    /// The one that weighs most.
    pub rule: Rule,
    pub subject: Subject,
    /// Row id; 0: it is about no single patient.
    pub patient: i64,
    pub at_s: i64,
    /// When the first access of the evidence was.
    pub since_s: i64,
    pub points: u32,
    pub reasons: Vec<Reason>,
    /// `seq` of accesses, those of last, at most [`EVIDENCE_MAX`].
    pub evidence: Vec<i64>,
    /// Of the user.
    pub department: Key,
    /// The alert of whose incident this is a part: it is added there, and no alert of its own.
    pub follows: Option<u64>,
}

/// Whom it is about; 0: nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Subject {
    pub user: Key,
    pub client: Key,
    pub source: Key,
}

impl Subject {
    pub fn user(user: Key) -> Subject {
        Subject {
            user,
            ..Subject::default()
        }
    }

    pub fn client(client: Key) -> Subject {
        Subject {
            client,
            ..Subject::default()
        }
    }

    pub fn source(source: Key) -> Subject {
        Subject {
            source,
            ..Subject::default()
        }
    }
}

/// Never a stored value: numbers and the words of the rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    pub rule: Rule,
    pub points: u32,
    pub text: String,
}

/// Accesses that an alert names.
pub const EVIDENCE_MAX: usize = 24;
