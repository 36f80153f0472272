//! What the page asks of the records, as the patient.

use crate::answer::OAuthError;
use crate::people::session::Session;
use crate::records::{self, Records, Written};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::visitor::Visitor;
use serde_json::Value;
use std::sync::OnceLock;
use ward_access::{RolePolicy, Roles};

/// A patient at their own page.
pub(super) struct Own<'a> {
    pub server: &'a AuthorizationServer,
    pub request: &'a Request<'a>,
    pub session: &'a Session,
    /// Logical id of their record.
    patient: &'a str,
    records: Records<'a>,
}

/// Consents that are read of one patient.
const CONSENTS_MAX: usize = 200;
/// People and organizations of each kind that a search shows.
const FOUND_MAX: usize = 8;
/// Characters of what is sought.
const SOUGHT_CHARS_MAX: usize = 100;

impl<'a> Own<'a> {
    /// `None`: the person has no record of their own.
    pub fn of(visitor: Visitor<'a>) -> Option<Own<'a>> {
        let (server, request, session) = visitor.parts();
        let patient = session.own_record()?;
        let rights = (SCOPES, page_of_consents());
        Some(Own {
            records: Records::own(server, request, session, patient, rights),
            server,
            request,
            session,
            patient,
        })
    }

    pub fn patient(&self) -> &str {
        self.patient
    }

    /// The patient's Consents, those changed last first.
    pub async fn consents(&self) -> Result<Vec<Value>, OAuthError> {
        let most = CONSENTS_MAX.to_string();
        let parameters = [("_sort", "-_lastUpdated"), ("_count", &most)];
        self.records.search("Consent", &parameters).await
    }

    /// One of the patient's Consents; `None`: there is none with this id.
    pub async fn consent(&self, id: &str) -> Result<Option<Value>, OAuthError> {
        self.records.read("Consent", id).await
    }

    /// Name of whom a consent names; `None`: the patient sees none.
    pub async fn name(&self, reference: &str) -> Result<Option<String>, OAuthError> {
        self.records.name(reference).await
    }

    /// People and organizations of this name: reference and name.
    pub async fn find(&self, sought: &str) -> Result<Vec<(String, String)>, OAuthError> {
        let sought: String = sought.chars().take(SOUGHT_CHARS_MAX).collect();
        let sought = sought.replace(['\\', ',', '$', '|'], " ");
        let most = FOUND_MAX.to_string();
        let mut found = Vec::new();
        for ty in ["Practitioner", "Organization"] {
            let parameters = [("name", sought.trim()), ("_count", &most)];
            for resource in self.records.search(ty, &parameters).await? {
                let id = resource["id"].as_str().unwrap_or_default();
                let name = records::name(&resource).unwrap_or_else(|| id.to_owned());
                found.push((format!("{ty}/{id}"), name));
            }
        }
        Ok(found)
    }

    /// The Consent that was made, or that was there because the same form was sent before.
    pub async fn create(&self, consent: &Value, choice: &str) -> Result<Written, OAuthError> {
        let condition = format!("identifier={CHOICE}|{choice}");
        self.records.create(consent, condition).await
    }

    pub async fn update(&self, consent: &Value) -> Result<Written, OAuthError> {
        self.records.update(consent).await
    }

    /// `$access-impact` of a Consent that is not written: Parameters.
    pub async fn impact(&self, consent: &Value) -> Result<Written, OAuthError> {
        let patient = ("Patient", self.patient);
        self.records
            .operation("access-impact", patient, consent)
            .await
    }
}

/// What patients may do at this page and through no app: give consents and take them back.
fn page_of_consents() -> &'static Roles {
    static ROLES: OnceLock<Roles> = OnceLock::new();
    // A test reads the policy.
    ROLES.get_or_init(|| Roles::of(RolePolicy::read(POLICY.as_bytes()).ok()))
}

/// System of the identifier that a consent given here has.
pub(super) const CHOICE: &str = "urn:ward:choice";
const SCOPES: &str = "patient/Consent.crus patient/Patient.rs patient/Practitioner.rs patient/Organization.rs \
                      patient/RelatedPerson.rs patient/CareTeam.rs";
const POLICY: &str = include_str!("page.json");

#[cfg(test)]
mod tests {
    use super::*;
    use ward_access::Action;
    use ward_fhir::schema::r4;

    #[test]
    fn the_policy_of_the_page_is_for_consents() {
        let policy = RolePolicy::read(POLICY.as_bytes()).unwrap();
        assert_eq!(policy.name, ward_access::PATIENT);
        let of = |ty| policy.actions(r4().resource_type(ty).unwrap());
        assert!(of("Consent").contains(Action::Create));
        assert!(!of("Consent").contains(Action::Delete));
        assert!(!of("Observation").contains(Action::Read));
    }
}
