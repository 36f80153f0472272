//! Which steps of a Call a bench leaves out, to measure what each costs (W12). No product has the choice: it is compiled by the feature
//! `bench` alone, and everything is always done without it.

use crate::Call;

/// The steps that are done.
#[cfg(feature = "bench")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Token and scopes, by who builds the Call.
    pub auth: bool,
    /// What consents and labels hide.
    pub consent: bool,
    /// The Record of what is read.
    pub audit: bool,
}

#[cfg(feature = "bench")]
impl Steps {
    pub const ALL: Steps = Steps {
        auth: true,
        consent: true,
        audit: true,
    };

    /// Of words with spaces between, such as `auth consent`.
    pub fn of(words: &str) -> Steps {
        let has = |step: &str| words.split(' ').any(|word| word == step);
        Steps {
            auth: has("auth"),
            consent: has("consent"),
            audit: has("audit"),
        }
    }
}

#[cfg(feature = "bench")]
impl Call {
    pub(crate) fn is_judged(&self) -> bool {
        self.steps.consent
    }

    pub(crate) fn is_recorded(&self) -> bool {
        self.steps.audit
    }
}

#[cfg(not(feature = "bench"))]
impl Call {
    /// Whether consents and labels decide what is shown.
    pub(crate) const fn is_judged(&self) -> bool {
        true
    }

    /// Whether a read leaves a Record.
    pub(crate) const fn is_recorded(&self) -> bool {
        true
    }
}
