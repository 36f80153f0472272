//! Which profiles of BALP an event says that it conforms to: only such as it does.
//! <https://profiles.ihe.net/ITI/BALP/artifacts.html>

use ward_audit::{Outcome, Record};

/// That of a kind of events, as far as they succeed and name what it demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    None,
    Create,
    Read,
    Update,
    Delete,
    Query,
    /// IHE IUA, ITI-71.
    Token,
    /// An authorization decision.
    Decision,
    DisclosureSource,
    DisclosureRecipient,
}

/// What an event holds of what profiles demand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holds {
    pub(crate) patient: bool,
    pub(crate) data: bool,
    pub(crate) user: bool,
    pub(crate) token_id: bool,
    pub(crate) consents: bool,
}

impl Profile {
    /// Canonical URLs.
    pub(crate) fn urls(self, record: &Record, holds: Holds) -> Vec<String> {
        let name = self.name(record, holds);
        let by_token = holds.user && holds.token_id && self != Profile::Token;
        let use_of_token = by_token.then_some("IHE.BasicAudit.OAUTHaccessTokenUse.Minimal");
        let names = name.into_iter().chain(use_of_token);
        names.map(|name| format!("{BALP}{name}")).collect()
    }

    fn name(self, record: &Record, holds: Holds) -> Option<&'static str> {
        let succeeded = record.outcome == Outcome::Success;
        let of_data = |alone, with_patient| match holds.patient {
            _ if !succeeded || !holds.data => None,
            true => Some(with_patient),
            false => Some(alone),
        };
        match self {
            Profile::None => None,
            Profile::Create => of_data("IHE.BasicAudit.Create", "IHE.BasicAudit.PatientCreate"),
            Profile::Read => of_data("IHE.BasicAudit.Read", "IHE.BasicAudit.PatientRead"),
            Profile::Update => of_data("IHE.BasicAudit.Update", "IHE.BasicAudit.PatientUpdate"),
            Profile::Delete => of_data("IHE.BasicAudit.Delete", "IHE.BasicAudit.PatientDelete"),
            Profile::Query if succeeded && holds.patient => Some("IHE.BasicAudit.PatientQuery"),
            Profile::Query => succeeded.then_some("IHE.BasicAudit.Query"),
            Profile::Token => succeeded.then_some("IHE.IUA.71"),
            Profile::Decision => (holds.patient && holds.user && holds.consents)
                .then_some("IHE.BasicAudit.AuthZconsent"),
            Profile::DisclosureSource => {
                (holds.patient && holds.data).then_some("IHE.BasicAudit.PrivacyDisclosure.Source")
            }
            Profile::DisclosureRecipient => (holds.patient && holds.data)
                .then_some("IHE.BasicAudit.PrivacyDisclosure.Recipient"),
        }
    }
}

const BALP: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/";
