//! What an installation says of itself, for whatever is worked out of its rows.

use super::THIS_ORGANIZATION;
use crate::engine::Engine;
use ward_consent::Rules;
use ward_consent::labels::RuleSet;

/// The settings that consents are read and evaluated by.
#[derive(Clone, Copy)]
pub(crate) struct House<'a> {
    /// Service base URL without trailing slash.
    pub base: &'a str,
    /// `Organization/id`, or the constant.
    pub organization: &'a str,
    pub rules: &'a Rules,
    pub labels: &'a RuleSet,
}

impl House<'_> {
    /// Nobody has said which organization this is: it is the only one that there is.
    pub fn is_alone(&self) -> bool {
        self.organization == THIS_ORGANIZATION
    }
}

impl Engine {
    pub(crate) fn house(&self) -> House<'_> {
        let settings = &self.settings.consent;
        House {
            base: &self.settings.base,
            organization: &settings.organization,
            rules: &settings.rules,
            labels: &settings.labels,
        }
    }
}
