//! For whom a Call asks, as consents and labels look at a caller.

use crate::engine::Engine;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use ward_access::Caller;
use ward_consent::labels::{Clearance, Label, RuleSet};
use ward_consent::{Action, Confidentiality, Kinship};
use ward_fhir::issue::Result;

/// For every sensitivity that the rules or HL7 know. One that nobody knows is in no clearance.
pub(super) struct Clearances {
    /// Of whoever acts for treatment.
    clinical: Arc<Clearance>,
    others: Arc<Clearance>,
}

/// Whoever is equal sees the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActingFor {
    /// To read: the other actions of a mask are asked with the same actors and purposes.
    pub caller: ward_consent::Caller,
    /// What they are to every patient whose data they reach.
    pub kinship: Kinship,
    pub clearance: Arc<Clearance>,
}

/// A clearance has hundreds of labels, and there are few of them.
impl Hash for ActingFor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.caller.hash(state);
        self.kinship.hash(state);
    }
}

impl Engine {
    /// Who asks, for what. Errors: it cannot be told.
    pub(crate) async fn consent_caller(
        &self,
        caller: &Caller,
        action: Action,
    ) -> Result<Arc<ActingFor>> {
        let site = self.consent();
        let user = caller.fhir_user.as_deref();
        let client = format!("urn:ward:client:{}", caller.client_id);
        let actors = user.into_iter().chain([&*client, &*site.organization]);
        let asserted = caller.acts_for().iter();
        let by_default = site
            .default_purpose
            .filter(|_| caller.acts_for().is_empty());
        let purposes = asserted.chain(by_default);
        let acting = ward_consent::Caller {
            actors: actors.map(Into::into).collect(),
            purposes: purposes.map(|purpose| purpose.code().into()).collect(),
            action,
            is_privacy: caller.roles.iter().any(|role| role == PRIVACY_ROLE),
        };
        let Clearances { clinical, others } = &self.visibility.clearances;
        let clearance = match acting.is_for_treatment() {
            true => clinical,
            false => others,
        };
        Ok(Arc::new(ActingFor {
            caller: acting,
            kinship: kinship(caller),
            clearance: clearance.clone(),
        }))
    }
}

/// The patient, or who acts for the patient, only where nothing of anybody else is reached: else what is true of the one record would
/// open the others.
fn kinship(caller: &Caller) -> Kinship {
    let user = caller.fhir_user.as_deref().unwrap_or_default();
    match caller.is_user() && caller.is_at_one_record() {
        true if caller.is_at_own_record() => Kinship::Own,
        true if user.starts_with("RelatedPerson/") => Kinship::Proxy,
        _ => Kinship::Other,
    }
}

impl Clearances {
    pub fn by(rules: &RuleSet) -> Clearances {
        let defined = rules.definitions().map(|definition| &definition.label);
        let labels = defined.cloned().chain([Label::act(EVERY_SENSITIVITY)]);
        let labels: BTreeSet<Label> = labels.collect();
        let up_to = |level| {
            let labels = labels.clone();
            Arc::new(Clearance { level, labels })
        };
        Clearances {
            clinical: up_to(Confidentiality::VeryRestricted),
            others: up_to(Confidentiality::Restricted),
        }
    }
}

/// Sees and keeps Consents (R23).
const PRIVACY_ROLE: &str = "privacy-officer";
/// Above every sensitivity of v3-ActCode.
const EVERY_SENSITIVITY: &str = "_InformationSensitivityPolicy";
