//! The page where an app's developer asks for a registration. <https://www.rfc-editor.org/rfc/rfc7591#section-2> (S117)

use crate::answer::{Answer, Cookie, ErrorCode, OAuthError};
use crate::endpoints::Endpoint;
use crate::page::{Developer, Page, Registered};
use crate::people::session::{self, Session};
use crate::register::keep;
use crate::registration::{Metadata, Problem, register};
use crate::request::{Parameters, Request};
use crate::server::AuthorizationServer;
use crate::trail::Trail;
use serde_json::Value;

/// Anybody where registration is open, else administrators.
pub(crate) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let session = session::current(server, request.session, request.now_s).await?;
    let session = session.as_ref();
    if let Some(session) = session {
        trail.session(session);
    }
    let open = server.settings().open_registration;
    match session {
        None if !open => return Ok(session::sign_in(Endpoint::Developer)),
        Some(session) if !open && !session.administers() => {
            return Err(OAuthError::new(
                ErrorCode::AccessDenied,
                "clients are registered by administrators here; write to whoever runs this server",
            ));
        }
        _ => {}
    }
    if request.method != "POST" {
        return Ok(form(server, session, request, &[], None));
    }
    server.forms().check(request, Endpoint::Developer.path())?;
    trail.event("register");
    match register(&metadata(&request.parameters), request.now_s) {
        Err(problems) => {
            trail.refused();
            Ok(form(server, session, request, &problems, None))
        }
        Ok(made) => {
            let by_administrator = session.is_some_and(Session::administers);
            let source = (!by_administrator).then_some(request.source);
            keep(server, &made, source, request.now_s).await?;
            trail.client(&made.client);
            let registered = Registered {
                client_id: made.client.client_id.clone(),
                client_secret: made.secret.clone(),
                state: PENDING.to_owned(),
            };
            Ok(form(server, session, request, &[], Some(registered)))
        }
    }
}

fn form(
    server: &AuthorizationServer,
    session: Option<&Session>,
    request: &Request<'_>,
    problems: &[Problem],
    registered: Option<Registered>,
) -> Answer {
    // Whoever is not signed in gets a cookie that the form belongs to.
    let new = request.session.is_none().then(ward_seal::random::token);
    let cookie = request.session.or(new.as_deref()).unwrap_or_default();
    let typed = match (request.method, &registered) {
        ("POST", None) => FIELDS
            .iter()
            .filter_map(|field| {
                Some((
                    (*field).to_owned(),
                    request.parameters.get(field)?.to_owned(),
                ))
            })
            .collect(),
        _ => Vec::new(),
    };
    let page = Developer {
        form: server.forms().form(cookie, Endpoint::Developer.path()),
        person: session.map(Session::person),
        typed,
        errors: problems
            .iter()
            .map(|(field, why)| ((*field).to_owned(), why.clone()))
            .collect(),
        registered,
    };
    let status = if problems.is_empty() { 200 } else { 400 };
    let answer = Answer::page(status, Page::Developer(page));
    match new.clone() {
        Some(new) => answer.with_cookie(Cookie::Set(new)),
        None => answer,
    }
}

const PENDING: &str = "The registration waits for an administrator. Nobody can sign in with it before it is approved.";

/// The fields of the page in RFC 7591's words.
const FIELDS: [&str; 13] = [
    "client_name",
    "owner",
    "purpose",
    "contacts",
    "client_uri",
    "kind",
    "redirect_uris",
    "launch_uri",
    "scope",
    "purpose_of_use",
    "jwks_uri",
    "jwks",
    "token_endpoint_auth_method",
];

fn metadata(parameters: &Parameters) -> Metadata {
    let text = |name: &str| {
        parameters
            .get(name)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let owned = |name: &str| text(name).map(str::to_owned);
    let lines = |name: &str| {
        let parts = text(name)
            .unwrap_or_default()
            .split([' ', '\r', '\n', '\t', ',']);
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    Metadata {
        client_name: owned("client_name").unwrap_or_default(),
        owner: owned("owner").unwrap_or_default(),
        purpose: owned("purpose").unwrap_or_default(),
        contacts: lines("contacts"),
        client_uri: owned("client_uri"),
        kind: owned("kind"),
        redirect_uris: lines("redirect_uris"),
        launch_uri: owned("launch_uri"),
        scope: owned("scope").unwrap_or_default(),
        purpose_of_use: owned("purpose_of_use").unwrap_or_default(),
        token_endpoint_auth_method: owned("token_endpoint_auth_method"),
        jwks: owned("jwks").map(Value::String),
        jwks_uri: owned("jwks_uri"),
        ..Metadata::default()
    }
}
