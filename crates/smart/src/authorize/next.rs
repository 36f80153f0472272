//! Which page comes next in an authorization. Everything is decided here; pages only ask and answer.

use crate::answer::{ErrorCode, OAuthError};
use crate::apps;
use crate::people::session::{Assurance, Session};
use crate::scope_ceiling::covers;
use crate::server::AuthorizationServer;
use crate::state::{Authorization, Client};
use ward_access::{Context, Scope};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    SignIn,
    SecondFactor,
    ChoosePatient,
    Approve,
    /// Nothing is left to ask: all that the request may have is granted.
    Grant,
}

impl Next {
    /// Whether it is known as surely as is asked who the person is.
    pub(super) fn is_after_sign_in(self) -> bool {
        !matches!(self, Next::SignIn | Next::SecondFactor)
    }
}

pub(super) fn next(
    authorization: &Authorization,
    client: &Client,
    session: Option<&Session>,
) -> Next {
    let Some(session) = session else {
        return Next::SignIn;
    };
    let too_old = authorization
        .signed_in_from_s
        .is_some_and(|from_s| session.auth_time_s < from_s);
    if too_old {
        return Next::SignIn;
    }
    if session.assurance() < Some(assurance_needed(authorization)) {
        return Next::SecondFactor;
    }
    if needs_patient(authorization) && authorization.patient_in_context().is_none() {
        return Next::ChoosePatient;
    }
    // What the hospital approved for its staff; a patient decides for themselves.
    let decided = client.approved_for_staff && session.patient.is_none() && !authorization.ask;
    if decided { Next::Grant } else { Next::Approve }
}

/// S28: a launch belongs to the person at the EHR. And a patient's own account is about no other patient.
pub(super) fn may_use_launch(
    authorization: &Authorization,
    session: &Session,
) -> Result<(), OAuthError> {
    let is_user =
        |user: &String| *user == session.subject || session.fhir_user.as_ref() == Some(user);
    if !authorization.launch_user.as_ref().is_none_or(is_user) {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "launch was made for another user",
        ));
    }
    let launched = authorization
        .launch
        .as_ref()
        .and_then(|l| l.patient.as_ref());
    match (&session.patient, launched) {
        (Some(own), Some(launched)) if own != launched => Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "a patient's account opens that patient's record only",
        )),
        _ => Ok(()),
    }
}

/// Whether the user has already agreed to all of this for this app and patient.
pub(super) async fn remembered(
    server: &AuthorizationServer,
    authorization: &Authorization,
    session: &Session,
    now_s: i64,
) -> Result<bool, OAuthError> {
    let grants = apps::grants(server, &session.subject, now_s).await?;
    Ok(grants.iter().any(|grant| {
        grant.client_id == authorization.client_id
            && grant.patient.as_deref() == authorization.patient_in_context()
            && grant.purpose_of_use == authorization.purpose_of_use
            && grant.last_used_s.is_some()
            && authorization
                .scope
                .split(' ')
                .all(|scope| covers(&grant.scope, scope))
    }))
}

/// Two factors for whatever is clinical (C7), and what the client asks for.
fn assurance_needed(authorization: &Authorization) -> Assurance {
    let clinical = scopes(authorization).any(|scope| matches!(scope, Scope::Resource(_)));
    let least = if clinical {
        Assurance::Multiple
    } else {
        Assurance::Password
    };
    let asked = authorization.acr.as_deref().and_then(Assurance::parse);
    asked.map_or(least, |asked| asked.max(least))
}

/// S73: `patient/` scopes mean nothing without a patient.
fn needs_patient(authorization: &Authorization) -> bool {
    scopes(authorization).any(|scope| match scope {
        Scope::Resource(scope) => scope.context == Context::Patient,
        Scope::LaunchContext(ty) => ty == "patient",
        _ => false,
    })
}

fn scopes(authorization: &Authorization) -> impl Iterator<Item = Scope> + '_ {
    authorization
        .scope
        .split(' ')
        .filter_map(|scope| Scope::parse(scope).ok())
}

impl Authorization {
    /// Logical id of the patient it is about, as far as it is known.
    pub(super) fn patient_in_context(&self) -> Option<&str> {
        let launched = self.launch.as_ref().and_then(|l| l.patient.as_deref());
        launched.or(self.patient.as_deref())
    }

    /// Whoever is signed in goes on with it. Choices that somebody else made are forgotten, and a patient's own account has
    /// nothing to choose.
    pub(super) fn adopt(&mut self, session: &Session) {
        if self.session.as_ref() != Some(&session.id) {
            self.session = Some(session.id.clone());
            self.patient = None;
        }
        if session.patient.is_some() && needs_patient(self) {
            self.patient.clone_from(&session.patient);
        }
    }
}

#[cfg(test)]
#[path = "next_tests.rs"]
mod tests;
