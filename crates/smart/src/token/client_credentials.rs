//! Tokens for backend services. <https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html> (S40, S61, S62)

use super::Asked;
use super::response::{apart, token_members};
use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::claims::{Claims, SYSTEM_TOKEN_LIFETIME_S};
use crate::purposes::{self, Person};
use crate::scope_ceiling::{Flow, within};
use crate::state::{self, ActsFor, Changes, Client, Kind};
use crate::trail::Trail;
use serde_json::Value;
use ward_access::Purposes;

pub(super) async fn issue(asked: &Asked<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let (server, client, now_s) = (asked.server, asked.client, asked.request.now_s);
    check_kind(client)?;
    let scope = asked.request.parameters.get("scope").unwrap_or_default();
    let acts_for = client.acts_for.as_ref();
    let flow = Flow::System {
        for_user: acts_for.is_some_and(|person| person.fhir_user.is_some()),
        for_patient: acts_for.is_some_and(|person| person.patient.is_some()),
    };
    let scope = within(scope, client, flow)?.join(" ");
    let purposes = acted_for(asked, &scope)?;
    trail.purposes(&purposes);
    let minted = server
        .tokens()
        .mint(&claims(asked, &scope, purposes), now_s)
        .map_err(|_| OAuthError::unavailable())?;
    asked.is_current().await?;
    let changes = apart(Changes::new(), &minted, &scope);
    if !changes.is_empty() {
        state::commit(server.store(), changes, now_s).await?;
    }
    trail.issued(&minted, &scope);
    let mut body = token_members(&minted, &scope, asked.bound.as_ref(), now_s);
    let patient = acts_for.and_then(|person| person.patient.clone());
    if let Some(patient) = patient {
        body.insert("patient".to_owned(), patient.into());
    }
    Ok(Answer::json(200, &Value::Object(body)))
}

/// Only who proves to have a key: a secret that goes over the wire is not for systems.
fn check_kind(client: &Client) -> Result<(), OAuthError> {
    match client.kind == Kind::System && client.has_key() {
        true => Ok(()),
        false => Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "client_credentials is for backend services with a key of their own",
        )),
    }
}

/// What it asserts or is registered for; where it acts for a person, what that person's roles act for too.
fn acted_for(asked: &Asked<'_>, scope: &str) -> Result<Purposes, OAuthError> {
    let client = asked.client;
    let asserted = purposes::asserted(asked.request.parameters.get(purposes::PARAMETER))?;
    let person = client.acts_for.as_ref();
    match person.filter(|person| person.fhir_user.is_some()) {
        None => purposes::of_system(client, asserted),
        Some(person) => {
            let person = Person::of_account(person.fhir_user.as_deref(), &person.roles);
            let purposes = purposes::of_person(client, &person, asserted, scope);
            purposes.map_err(at_the_token_endpoint)
        }
    }
}

/// RFC 6749 §5.2: `access_denied` is for the authorization endpoint.
fn at_the_token_endpoint(error: OAuthError) -> OAuthError {
    match error.code {
        ErrorCode::AccessDenied => {
            OAuthError::new(ErrorCode::UnauthorizedClient, error.description)
        }
        _ => error,
    }
}

fn claims(asked: &Asked<'_>, scope: &str, purposes: Purposes) -> Claims {
    let client = asked.client;
    let person = client.acts_for.clone().unwrap_or_default();
    Claims {
        subject: subject(client, &person),
        client_id: client.client_id.clone(),
        scope: scope.to_owned(),
        patient: person.patient,
        fhir_user: person.fhir_user,
        roles: person.roles,
        purposes,
        confirmation: asked.bound.clone(),
        lifetime_s: SYSTEM_TOKEN_LIFETIME_S,
        ..Claims::default()
    }
}

/// Who the token speaks for: the person as registered, else by what it is in the record. Who has the client's own name is nobody
/// but the client.
fn subject(client: &Client, person: &ActsFor) -> String {
    let named = Some(&person.subject).filter(|subject| !subject.is_empty());
    let known = named.or(person.fhir_user.as_ref());
    known.unwrap_or(&client.client_id).clone()
}
