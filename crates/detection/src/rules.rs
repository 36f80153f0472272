//! Rules of behaviour: whoever does something unlike others, whatever the record.

pub(crate) mod app;
pub(crate) mod grant;
pub(crate) mod person;
pub(crate) mod places;
pub(crate) mod refused;
pub(crate) mod sign_in;
pub(crate) mod system;
pub(crate) mod volume;

use crate::access::Access;
use crate::alert::{Reason, Subject};
use crate::explain::Explanation;
use crate::facts::{Patient, Person};
use crate::feedback::Found;
use crate::rule::Rule;
use crate::thresholds::Thresholds;
use crate::window::Evidence;

/// One access with what was looked up about it.
pub(crate) struct Seen<'a> {
    pub access: &'a Access,
    pub person: Option<Person>,
    pub patient: Option<Patient>,
    pub explained: Option<Explanation>,
    /// Staff opened a record, and no work explains it.
    pub is_unexplained: bool,
    pub limits: &'a Thresholds,
    pub found: &'a Found,
}

impl Seen<'_> {
    /// A threshold of counts, shifted by what was found at this site.
    pub fn limit(&self, rule: Rule, usual: f64) -> f64 {
        usual / self.found.weight(rule)
    }
}

/// What may be told, if it is not already.
#[derive(Debug)]
pub(crate) struct Finding {
    pub subject: Subject,
    /// Row id; 0: no single patient.
    pub patient: i64,
    /// The first is what it is called by.
    pub reasons: Vec<Reason>,
    pub evidence: Evidence,
}

impl Finding {
    pub fn new(rule: Rule, subject: Subject, evidence: Evidence, text: String) -> Finding {
        let points = rule.points();
        Finding {
            subject,
            patient: 0,
            reasons: vec![Reason { rule, points, text }],
            evidence,
        }
    }

    pub fn about(self, patient: i64) -> Finding {
        Finding { patient, ..self }
    }
}
