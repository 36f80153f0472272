//! Codes of a system, compared bytewise. <https://hl7.org/fhir/R4/datatypes.html#Coding>

use std::sync::Arc;

/// `Type/id` of a resource in this store.
pub type Ref = Arc<str>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coding {
    /// Empty where none was given.
    pub system: Arc<str>,
    pub code: Arc<str>,
}

impl Coding {
    pub fn new(system: &str, code: &str) -> Coding {
        Coding {
            system: system.into(),
            code: code.into(),
        }
    }

    pub fn is_of(&self, system: &str) -> bool {
        *self.system == *system
    }
}

pub(crate) const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
pub(crate) const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
pub(crate) const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
pub(crate) const CONSENT_ACTION: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
pub(crate) const CONSENT_SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
pub(crate) const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
pub(crate) const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";
pub(crate) const CONTENT_CLASS: &str = "http://hl7.org/fhir/consent-content-class";
pub(crate) const MEDIA_TYPES: &str = "urn:ietf:bcp:13";
pub(crate) const URIS: &str = "urn:ietf:rfc:3986";
pub(crate) const LOINC: &str = "http://loinc.org";
