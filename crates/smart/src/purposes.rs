//! For which purposes of use a token is (C23, R12, S115): those that are asserted, where the client's registration and, of people, a
//! current role allow them.
//!
//! They are asserted by the parameter `purpose_of_use`, codes of v3 PurposeOfUse separated by spaces: of an authorization request, of the
//! launch that it comes from, or of a backend service's request for a token. Without it the first purpose of the registration holds
//! that a role of the person acts for; where the registration names none, what each of their roles is for first. Patients always
//! ask at their own request. What a token says of it is held to the roles again with each request for data (`ward_access`).

use crate::answer::{ErrorCode, OAuthError};
use crate::people::session::Session;
use crate::server::AuthorizationServer;
use crate::state::{Authorization, Client, Kind};
use std::sync::Arc;
use ward_access::{
    Caller, Identity, PATIENT_REQUEST, PURPOSES_MAX, Purpose, PurposeError, Purposes, RolePolicy,
    Roles, Scope,
};
use ward_fhir::{Failure, Kind as Failed};

/// The parameter of requests, and the name in metadata, tokens and introspection.
pub(crate) const PARAMETER: &str = "purpose_of_use";

/// Whom a token would be of.
pub(crate) struct Person<'a> {
    pub fhir_user: Option<&'a str>,
    /// `None`: those of the rota, which is looked at with each request for data.
    pub roles: Option<&'a [String]>,
}

/// What a request asserts; empty: nothing. Error: no code of v3 PurposeOfUse, or too many.
pub(crate) fn asserted(text: Option<&str>) -> Result<Purposes, OAuthError> {
    let refused = |error: PurposeError| {
        let why = format!("{PARAMETER}: {error}");
        OAuthError::new(ErrorCode::InvalidRequest, why)
    };
    Purposes::parse(text.unwrap_or_default()).map_err(refused)
}

/// What an authorization request asserts, as its app may: by itself, of what the launch is for, or all of that.
pub(crate) fn of_request(
    client: &Client,
    sent: Option<&str>,
    launched: Option<&str>,
) -> Result<Purposes, OAuthError> {
    let (sent, launched) = (asserted(sent)?, asserted(launched)?);
    let beyond = sent.iter().find(|purpose| !launched.allow(*purpose));
    if let Some(purpose) = beyond.filter(|_| !launched.is_empty()) {
        let why = format!("{PARAMETER}: the launch is for {launched}, not for {purpose}");
        return Err(OAuthError::new(ErrorCode::InvalidRequest, why));
    }
    let asserted = if sent.is_empty() { launched } else { sent };
    check_client(client, &asserted)?;
    Ok(asserted)
}

/// Whether the registration allows them, whoever the person will be. That a patient asks needs no registration.
pub(crate) fn check_client(client: &Client, asserted: &Purposes) -> Result<(), OAuthError> {
    let is_app = client.kind != Kind::System;
    let registered = match registered(client) {
        None if is_app => return Ok(()),
        registered => registered.unwrap_or_default(),
    };
    let acts_for = client.acts_for.as_ref();
    let user = acts_for.and_then(|person| person.fhir_user.as_deref());
    let may_be_patients = is_app || user.is_some_and(is_patients_account);
    let is_allowed = |purpose| registered.allow(purpose) || may_be_patients && is_patients(purpose);
    match asserted.iter().find(|purpose| !is_allowed(*purpose)) {
        None => Ok(()),
        Some(purpose) => Err(not_registered(purpose)),
    }
}

/// Of a backend service that acts for nobody: what it asserts, else the first purpose of its registration.
pub(crate) fn of_system(client: &Client, asserted: Purposes) -> Result<Purposes, OAuthError> {
    check_client(client, &asserted)?;
    match asserted.is_empty() {
        true => Ok(registered(client)
            .and_then(|all| all.first())
            .into_iter()
            .collect()),
        false => Ok(asserted),
    }
}

/// Of a person. Errors: the registration or none of their roles allows what is asserted; or nothing is, and for clinical scopes
/// no role acts for anything that the client is registered for.
pub(crate) fn of_person(
    client: &Client,
    person: &Person<'_>,
    asserted: Purposes,
    scope: &str,
) -> Result<Purposes, OAuthError> {
    let roles = Acting::of(person);
    let purposes = match asserted.is_empty() {
        true => usual(client, &roles, scope)?,
        false => checked(client, &roles, asserted)?,
    };
    let own = roles.own.then(|| Purpose::of(PATIENT_REQUEST)).flatten();
    let all = own.into_iter().chain(purposes.iter());
    Ok(all.take(PURPOSES_MAX).collect())
}

/// Whether whoever is signed in may go on with an authorization, and for which purposes. Who asserts one needs a role for it at this
/// moment, by the rota too.
pub(crate) async fn of_authorization(
    server: &AuthorizationServer,
    client: &Client,
    session: &Session,
    authorization: &Authorization,
) -> Result<Purposes, OAuthError> {
    let asserted = asserted(authorization.purpose_of_use.as_deref())?;
    let current = match asserted.is_empty() {
        true => None,
        false => Some(current_roles(server, session).await?),
    };
    let named = Person::of_account(session.fhir_user.as_deref(), &session.roles);
    let person = Person {
        roles: current.as_deref().or(named.roles),
        ..named
    };
    of_person(client, &person, asserted, &authorization.scope)
}

impl<'a> Person<'a> {
    /// By what their account says.
    pub(crate) fn of_account(fhir_user: Option<&'a str>, roles: &'a [String]) -> Person<'a> {
        let is_staff = fhir_user.is_some_and(|user| user.starts_with("Practitioner/"));
        Person {
            fhir_user,
            roles: (!roles.is_empty() || !is_staff).then_some(roles),
        }
    }
}

/// Whether a `fhirUser` is a patient, or somebody who is related to one.
fn is_patients_account(user: &str) -> bool {
    user.starts_with("Patient/") || user.starts_with("RelatedPerson/")
}

/// The policies that a person acts by.
struct Acting {
    /// `None`: nobody can tell now.
    roles: Option<Vec<Arc<RolePolicy>>>,
    /// It is a patient's account.
    own: bool,
}

impl Acting {
    fn of(person: &Person<'_>) -> Acting {
        let known = Roles::seeded();
        let policies = |names: &[String]| {
            let named = names.iter().filter_map(|name| known.get(name));
            named.cloned().collect()
        };
        Acting {
            roles: person.roles.map(policies),
            own: person.fhir_user.is_some_and(is_patients_account),
        }
    }

    fn allow(&self, purpose: Purpose) -> bool {
        let by_role =
            |roles: &Vec<Arc<RolePolicy>>| roles.iter().any(|role| role.acts_for(purpose));
        self.own && is_patients(purpose) || self.roles.as_ref().is_none_or(by_role)
    }

    /// What each role is for first.
    fn firsts(&self) -> Purposes {
        let roles = self.roles.iter().flatten();
        roles.filter_map(|role| role.purposes.first()).collect()
    }

    fn has_roles(&self) -> bool {
        self.roles.as_ref().is_none_or(|roles| !roles.is_empty())
    }
}

/// Where nothing is asserted.
fn usual(client: &Client, roles: &Acting, scope: &str) -> Result<Purposes, OAuthError> {
    let Some(registered) = registered(client) else {
        return Ok(roles.firsts());
    };
    let acted = registered.iter().find(|purpose| roles.allow(*purpose));
    // Whoever has no role at all is refused nothing by one: nothing opens for them.
    let any = registered
        .first()
        .filter(|_| !roles.has_roles() && !roles.own);
    match acted.or(any) {
        None if !roles.own && is_clinical(scope) => Err(OAuthError::new(
            ErrorCode::AccessDenied,
            format!(
                "no role of the user acts for what this client is registered for ({registered})"
            ),
        )),
        purpose => Ok(purpose.into_iter().collect()),
    }
}

fn checked(client: &Client, roles: &Acting, asserted: Purposes) -> Result<Purposes, OAuthError> {
    check_client(client, &asserted)?;
    // A client that is registered for nothing of its own is for what people are there for.
    let usual = registered(client).is_none().then(|| roles.firsts());
    let usual = usual.filter(|_| roles.roles.is_some());
    for purpose in asserted.iter() {
        let is_patients = roles.own && is_patients(purpose);
        if usual.as_ref().is_some_and(|usual| !usual.allow(purpose)) && !is_patients {
            return Err(not_registered(purpose));
        }
        if !roles.allow(purpose) {
            let why = format!("no role of the user acts for the purpose of use {purpose}");
            return Err(OAuthError::new(ErrorCode::AccessDenied, why));
        }
    }
    Ok(asserted)
}

/// Those of the registration; `None`: it names none. A code that is none allows nothing.
fn registered(client: &Client) -> Option<Purposes> {
    let text = client.purpose_of_use.as_deref()?;
    Some(text.split_whitespace().filter_map(Purpose::of).collect())
}

/// Those in force at this moment. Error: the person is not on duty.
async fn current_roles(
    server: &AuthorizationServer,
    session: &Session,
) -> Result<Vec<String>, OAuthError> {
    let person = Caller::new(Identity {
        subject: session.subject.clone(),
        fhir_user: session.fhir_user.clone(),
        roles: session.roles.clone(),
        ..Identity::default()
    });
    let roles = server.engine().roles_in_force(&person).await;
    roles.map_err(|failure| match failure.kind {
        Failed::ShiftEnded => OAuthError::new(ErrorCode::AccessDenied, said(failure)),
        _ => OAuthError::unavailable(),
    })
}

/// The words of a failure.
pub(crate) fn said(failure: Failure) -> String {
    let why = failure.issues.into_iter().map(|issue| issue.diagnostics);
    why.collect()
}

fn is_patients(purpose: Purpose) -> bool {
    Purpose::of(PATIENT_REQUEST).is_some_and(|own| purpose.is_within(own))
}

fn is_clinical(scope: &str) -> bool {
    let mut scopes = scope.split(' ').filter_map(|one| Scope::parse(one).ok());
    scopes.any(|scope| matches!(scope, Scope::Resource(_)))
}

fn not_registered(purpose: Purpose) -> OAuthError {
    let why = format!("this client is not registered for the purpose of use {purpose}");
    OAuthError::new(ErrorCode::UnauthorizedClient, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(registered: Option<&str>) -> Client {
        Client {
            purpose_of_use: registered.map(str::to_owned),
            ..Client::default()
        }
    }

    /// The purposes of a token, or the error's code.
    fn person(
        registered: Option<&str>,
        user: &str,
        roles: &[&str],
        sent: &str,
    ) -> Result<String, ErrorCode> {
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let person = Person::of_account(Some(user), &roles);
        let asserted = Purposes::parse(sent).unwrap();
        let purposes = of_person(&client(registered), &person, asserted, "user/*.rs");
        purposes.map(|p| p.to_string()).map_err(|error| error.code)
    }

    #[test]
    fn c23_a_person_asserts_what_client_and_role_allow() {
        const DENIED: Result<&str, ErrorCode> = Err(ErrorCode::AccessDenied);
        const CLIENT: Result<&str, ErrorCode> = Err(ErrorCode::UnauthorizedClient);
        for (registered, role, sent, expected) in [
            (None, "nurse", "", Ok("TREAT")),
            (None, "billing-clerk", "", Ok("HPAYMT")),
            (None, "nurse", "ETREAT", Ok("ETREAT")),
            (None, "nurse", "HPAYMT", CLIENT),
            (None, "nurse", "BTG", CLIENT),
            (Some("TREAT ETREAT"), "nurse", "", Ok("TREAT")),
            (Some("TREAT"), "nurse", "ERTREAT", Ok("ERTREAT")),
            (Some("TREAT"), "nurse", "HPAYMT", CLIENT),
            (Some("TREAT HPAYMT"), "nurse", "HPAYMT", DENIED),
            (Some("TREAT HPAYMT"), "nurse", "TREAT HPAYMT", DENIED),
            (Some("TREAT HPAYMT"), "billing-clerk", "", Ok("HPAYMT")),
            (Some("TREAT BTG"), "physician", "", Ok("TREAT")),
            (Some("TREAT BTG"), "physician", "BTG", Ok("BTG")),
            (Some("TREAT BTG"), "pharmacist", "BTG", DENIED),
            (Some("HRESCH"), "nurse", "", DENIED),
            (Some("none of ours"), "nurse", "", DENIED),
            (Some("none of ours"), "nurse", "TREAT", CLIENT),
            (Some("TREAT"), "nurse", "PATRQT", DENIED),
        ] {
            let expected = expected.map(str::to_owned);
            let found = person(registered, "Practitioner/1", &[role], sent);
            assert_eq!(found, expected, "{registered:?} {role} {sent}");
        }
        let both = person(None, "Practitioner/1", &["nurse", "billing-clerk"], "");
        assert_eq!(both, Ok("TREAT HPAYMT".to_owned()));
    }

    #[test]
    fn c23_a_patient_asks_at_their_own_request() {
        for (registered, roles, sent, expected) in [
            (None, &[][..], "", Ok("PATRQT")),
            (Some("TREAT"), &[], "", Ok("PATRQT")),
            (Some("TREAT"), &[], "PATRQT", Ok("PATRQT")),
            (None, &[], "TREAT", Err(ErrorCode::UnauthorizedClient)),
            (Some("TREAT"), &[], "TREAT", Err(ErrorCode::AccessDenied)),
            (None, &["nurse"], "", Ok("PATRQT TREAT")),
            (Some("TREAT"), &["nurse"], "TREAT", Ok("PATRQT TREAT")),
        ] {
            let expected = expected.map(str::to_owned);
            let found = person(registered, "Patient/1", roles, sent);
            assert_eq!(found, expected, "{registered:?} {roles:?} {sent}");
        }
    }

    /// Whose roles the rota gives: what is asserted was held to them when it was, and is with each request for data.
    #[test]
    fn c23_the_rota_is_looked_at_later() {
        assert_eq!(person(None, "Practitioner/1", &[], ""), Ok(String::new()));
        let default = person(Some("TREAT"), "Practitioner/1", &[], "");
        assert_eq!(default, Ok("TREAT".to_owned()));
        let asserted = person(Some("TREAT"), "Practitioner/1", &[], "ETREAT");
        assert_eq!(asserted, Ok("ETREAT".to_owned()));
    }

    #[test]
    fn c23_a_system_is_for_what_it_is_registered_for() {
        let of = |registered: Option<&str>, sent: &str| {
            let system = Client {
                kind: Kind::System,
                ..client(registered)
            };
            let purposes = of_system(&system, Purposes::parse(sent).unwrap());
            purposes.map(|p| p.to_string()).map_err(|error| error.code)
        };
        assert_eq!(of(None, ""), Ok(String::new()));
        assert_eq!(of(None, "TREAT"), Err(ErrorCode::UnauthorizedClient));
        assert_eq!(of(Some("HPAYMT TREAT"), ""), Ok("HPAYMT".into()));
        assert_eq!(of(Some("HPAYMT TREAT"), "TREAT"), Ok("TREAT".into()));
        assert_eq!(
            of(Some("TREAT"), "PATRQT"),
            Err(ErrorCode::UnauthorizedClient)
        );
    }

    #[test]
    fn c23_an_app_may_say_less_than_its_launch() {
        let of = |sent: Option<&str>, launched: Option<&str>| {
            let asserted = of_request(&client(None), sent, launched);
            asserted.map(|p| p.to_string()).map_err(|error| error.code)
        };
        assert_eq!(of(None, None), Ok(String::new()));
        assert_eq!(of(None, Some("TREAT")), Ok("TREAT".into()));
        assert_eq!(of(Some("ETREAT"), Some("TREAT")), Ok("ETREAT".into()));
        assert_eq!(
            of(Some("HPAYMT"), Some("TREAT")),
            Err(ErrorCode::InvalidRequest)
        );
        assert_eq!(of(Some("treat"), None), Err(ErrorCode::InvalidRequest));
    }
}
