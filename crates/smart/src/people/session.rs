//! A person signed in at one browser. <https://openid.net/specs/openid-connect-core-1_0.html#IDToken> for `amr` and `acr`.

use crate::answer::{Answer, OAuthError};
use crate::endpoints::Endpoint;
use crate::page::Person;
use crate::people::lifetime;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::trail::Trail;
use serde::{Deserialize, Serialize};
use ward_access::Roles;

/// Who is signed in, where, and how surely. What tokens say of a person is taken from here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Tells sessions apart, and opens none.
    pub id: String,
    /// Id of the first of the sessions of one person at one browser that took each other's place, if there was one before.
    #[serde(default)]
    pub first: Option<String>,
    /// User name, in lower case.
    pub account: String,
    /// As pages greet the person.
    pub name: String,
    /// `sub` of tokens: never another person's, at most 255 characters.
    pub subject: String,
    /// `Practitioner/1`, relative to the FHIR base.
    pub fhir_user: Option<String>,
    /// Logical id of the person's own record, when this is a patient's account.
    pub patient: Option<String>,
    pub roles: Vec<String>,
    /// When the person last proved who they are: seconds since 1970.
    pub auth_time_s: i64,
    /// How, in the words of <https://www.rfc-editor.org/rfc/rfc8176>: `pwd`, `otp`, `mfa`, `hwk`.
    pub amr: Vec<String>,
    /// One of [`Assurance`]'s words.
    pub acr: String,
    /// The browser's own place, or the id of the shared computer it is bound to.
    pub workstation: String,
    /// Name of the shared computer that the browser has proved to be.
    #[serde(default)]
    pub computer: Option<String>,
}

/// How surely a person was recognised; the words of `acr`, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assurance {
    /// A password alone: opens no clinical data (C7).
    Password,
    /// Two factors.
    Multiple,
    /// A passkey with user verification, which cannot be phished.
    PhishingResistant,
}

impl Assurance {
    /// `pwd`, `mfa`, `phr`: the last as in
    /// <https://openid.net/specs/openid-connect-modrna-authentication-1_0.html#acr_values>.
    pub fn word(self) -> &'static str {
        match self {
            Assurance::Password => "pwd",
            Assurance::Multiple => "mfa",
            Assurance::PhishingResistant => "phr",
        }
    }

    pub fn parse(word: &str) -> Option<Assurance> {
        [
            Assurance::Password,
            Assurance::Multiple,
            Assurance::PhishingResistant,
        ]
        .into_iter()
        .find(|known| known.word() == word)
    }
}

/// Who is signed in at the browser with this cookie: perhaps with a password alone. To ask is to use the session.
pub(crate) async fn current(
    server: &AuthorizationServer,
    cookie: Option<&str>,
    now_s: i64,
) -> Result<Option<Session>, OAuthError> {
    match lifetime::held(server, cookie, now_s).await? {
        Some(held) => Ok(Some(lifetime::touch(server, held, now_s).await)),
        None => Ok(None),
    }
}

/// Who is signed in with two factors: what pages about oneself and others are for.
pub(crate) async fn sure(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Option<Session>, OAuthError> {
    let session = current(server, request.session, request.now_s).await?;
    if let Some(session) = &session {
        trail.session(session);
    }
    Ok(session.filter(|session| session.assurance() >= Some(Assurance::Multiple)))
}

/// Whether a session of the account, or one in its place, has not ended.
pub(crate) async fn is_alive(
    server: &AuthorizationServer,
    account: &str,
    sid: &str,
    now_s: i64,
) -> Result<bool, OAuthError> {
    let found = lifetime::alive(server.store(), account, sid, now_s).await?;
    Ok(found.is_some())
}

/// The session of an account by its `sid`, or the one in its place, as it is now.
pub(crate) async fn of_sid(
    server: &AuthorizationServer,
    account: &str,
    sid: &str,
    now_s: i64,
) -> Result<Option<Session>, OAuthError> {
    let found = lifetime::newest(server.store(), account, sid, now_s).await?;
    Ok(found.map(|held| held.row.session))
}

/// To the sign-in page, and from there to a page of ours.
pub(crate) fn sign_in(then: Endpoint) -> Answer {
    Answer::redirect(format!("{}?to={}", Endpoint::SignIn.path(), then.path()))
}

impl Session {
    /// `sid` of tokens: stays the same while the same person proves again who they are, so that what apps do goes on.
    pub fn sid(&self) -> &str {
        self.first.as_deref().unwrap_or(&self.id)
    }

    /// For the head of a page.
    pub fn person(&self) -> Person {
        let name = if self.name.is_empty() {
            &self.account
        } else {
            &self.name
        };
        Person {
            name: name.clone(),
            administers: self.administers(),
            is_staff: self.is_staff(),
            breaks_glass: self.breaks_glass(),
            is_patient: self.own_record().is_some(),
            reviews: self.reviews(),
            audits: self.audits(),
        }
    }

    /// May look after clients and accounts: an administrator who signed in with two factors.
    pub fn administers(&self) -> bool {
        self.roles.iter().any(|role| role == ADMINISTRATOR)
            && self.assurance() >= Some(Assurance::Multiple)
    }

    /// May break the glass of a record, as far as the account says: whoever has roles by the rota may.
    fn breaks_glass(&self) -> bool {
        let known = Roles::seeded();
        let mut roles = self.roles.iter().filter_map(|name| known.get(name));
        self.is_staff() && (self.roles.is_empty() || roles.any(|role| role.may_break_glass()))
    }

    /// Works here: what a patient or who looks after one is not.
    pub fn is_staff(&self) -> bool {
        let practises = |user: &String| user.starts_with("Practitioner");
        self.patient.is_none()
            && (!self.roles.is_empty() || self.fhir_user.as_ref().is_some_and(practises))
    }

    /// Looks after consents and accesses: a privacy officer who signed in with two factors.
    pub fn reviews(&self) -> bool {
        self.roles.iter().any(|role| role == PRIVACY_OFFICER)
            && self.assurance() >= Some(Assurance::Multiple)
    }

    /// Reads the audit log: an auditor or privacy officer who signed in with two factors.
    pub fn audits(&self) -> bool {
        self.roles
            .iter()
            .any(|role| role == AUDITOR || role == PRIVACY_OFFICER)
            && self.assurance() >= Some(Assurance::Multiple)
    }

    /// Logical id of the person's own record: what the account is for and who the person is must say the same.
    pub fn own_record(&self) -> Option<&str> {
        let user = self.fhir_user.as_deref()?.strip_prefix("Patient/")?;
        self.patient.as_deref().filter(|patient| *patient == user)
    }

    /// `None`: its `acr` is none of ours, and it counts for nothing.
    pub fn assurance(&self) -> Option<Assurance> {
        Assurance::parse(&self.acr)
    }
}

/// The role whose people look after the server.
pub(crate) const ADMINISTRATOR: &str = "system-administrator";
/// The role whose people look after consents and the record of accesses.
pub(crate) const PRIVACY_OFFICER: &str = "privacy-officer";
const AUDITOR: &str = "auditor";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assurance_is_ordered_and_known_by_its_words() {
        assert!(Assurance::Password < Assurance::Multiple);
        assert!(Assurance::Multiple < Assurance::PhishingResistant);
        assert_eq!(Assurance::parse("mfa"), Some(Assurance::Multiple));
        assert_eq!(Session::default().assurance(), None);
    }

    #[test]
    fn staff_practises_or_has_a_role_and_is_no_patient() {
        let is_staff = |user: &str, patient: Option<&str>, roles: &[&str]| {
            let session = Session {
                fhir_user: Some(user.into()),
                patient: patient.map(str::to_owned),
                roles: roles.iter().map(|&role| role.to_owned()).collect(),
                ..Session::default()
            };
            session.is_staff()
        };
        assert!(is_staff("Practitioner/1", None, &[]));
        assert!(is_staff("PractitionerRole/1", None, &[]));
        assert!(is_staff("Person/1", None, &["auditor"]));
        assert!(!is_staff("RelatedPerson/1", None, &[]));
        assert!(!is_staff("Patient/1", Some("1"), &[]));
        assert!(!is_staff("Patient/1", Some("1"), &["nurse"]));
        assert!(!Session::default().is_staff());
    }
}
