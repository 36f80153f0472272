//! The page where a person says what an app may do. <https://hl7.org/fhir/smart-app-launch/STU2.2/best-practices.html> (S31, S33, S34)

use super::next::Next;
use super::{UnderWay, at_page, end, granular_choice, issue, link, patient_picker, plain_words};
use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{AppShown, Approve, Asked, Page};
use crate::people::session::Session;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::settings::origin;
use crate::state::{Authorization, Client};
use crate::trail::Trail;

pub(super) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let (under_way, session) = match at_page(server, request, Next::Approve, trail).await? {
        Ok(found) => found,
        Err(elsewhere) => return Ok(elsewhere),
    };
    if !patient_picker::may_see(server, &session, &under_way.authorization, request).await? {
        return end(
            server,
            under_way,
            &patient_picker::not_seen(),
            request.now_s,
            trail,
        )
        .await;
    }
    if request.method != "POST" {
        return show(server, &under_way, &session, request, None).await;
    }
    let action = link(Endpoint::Approve, &under_way.authorization.id);
    server.forms().check(request, &action)?;
    match request.parameters.get("decision") {
        Some("approve") => {
            trail.event("approve");
            decided(server, under_way, &session, request, trail).await
        }
        _ => {
            trail.event("deny");
            let denied = OAuthError::new(ErrorCode::AccessDenied, "the user did not agree");
            end(server, under_way, &denied, request.now_s, trail).await
        }
    }
}

async fn decided(
    server: &AuthorizationServer,
    under_way: UnderWay,
    session: &Session,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let asked: Vec<String> = scopes(&under_way.authorization)
        .map(str::to_owned)
        .collect();
    let sent: Vec<&str> = request.parameters.all("scope").collect();
    let granted = granular_choice::chosen(&asked, is_fixed, &sent);
    if !granted.iter().any(|scope| matters(scope)) {
        trail.refused();
        let error = "Choose at least one thing that the app may do, or say no.";
        return show(server, &under_way, session, request, Some(error)).await;
    }
    issue::code(server, under_way, session, granted, request.now_s, trail).await
}

async fn show(
    server: &AuthorizationServer,
    under_way: &UnderWay,
    session: &Session,
    request: &Request<'_>,
    error: Option<&str>,
) -> Result<Answer, OAuthError> {
    let authorization = &under_way.authorization;
    let patient = match authorization.patient_in_context() {
        Some(id) => patient_picker::patient_name(server, session, id, request).await?,
        None => None,
    };
    let own = session.patient.is_some();
    let action = link(Endpoint::Approve, &authorization.id);
    let page = Approve {
        form: server
            .forms()
            .form(request.session.unwrap_or_default(), &action)
            .leading_to(Some(authorization.redirect_uri.clone()))
            .framed_by(&authorization.framed_by),
        app: shown(&under_way.client, &authorization.redirect_uri),
        user: session.person().name,
        patient,
        asked: scopes(authorization)
            .map(|scope| asked(scope, own, authorization))
            .collect(),
        error: error.map(str::to_owned),
    };
    let status = if error.is_some() { 400 } else { 200 };
    Ok(Answer::page(status, Page::Approve(page)))
}

fn asked(scope: &str, own: bool, authorization: &Authorization) -> Asked {
    let (words, detail) = plain_words(scope, own);
    // A part that is asked for by itself has a box of its own: a second one of the same name could not be told from it.
    let mut parts = granular_choice::parts(scope);
    parts.retain(|(part, _)| scopes(authorization).all(|asked| asked != part));
    Asked {
        scope: scope.to_owned(),
        words,
        detail,
        fixed: is_fixed(scope),
        away: scope == "offline_access",
        parts,
    }
}

fn shown(client: &Client, redirect_uri: &str) -> AppShown {
    let place = origin(redirect_uri);
    let host = place
        .split_once("://")
        .map_or(place.as_str(), |(_, host)| host);
    AppShown {
        name: client.name.clone(),
        owner: client.owner.clone(),
        contact: client.contacts.first().cloned().unwrap_or_default(),
        host: host.to_owned(),
        verified: client.verified,
        registered: dates::day(client.created_s),
    }
}

fn scopes(authorization: &Authorization) -> impl Iterator<Item = &str> {
    authorization.scope.split(' ')
}

/// What cannot be dropped by itself: who the person is, and what the rest is about.
fn is_fixed(scope: &str) -> bool {
    matches!(scope, "openid" | "fhirUser" | "launch" | "online_access")
        || scope.starts_with("launch/")
}

/// A grant of context alone opens nothing.
fn matters(scope: &str) -> bool {
    scope == "openid" || !is_fixed(scope) && scope != "offline_access"
}
