//! Where a person is signed in, and the end of it.

use super::known_browser;
use super::lifetime::{self, SESSIONS_MAX};
use super::session::Session;
use crate::answer::{Answer, Cookie, ErrorCode, OAuthError};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{Message, Page, SessionShown, Sessions};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, SessionRow};
use crate::trail::Trail;
use crate::visitor::Visitor;

pub(crate) async fn answer(visitor: Visitor<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let (server, request, session) = visitor.parts();
    let mut notice = None;
    if visitor.sends()? {
        trail.event(match request.parameters.get("decision") {
            Some("forget-browser") => "forget-browser",
            Some("end-others") => "end-others",
            _ => "end-session",
        });
        notice = Some(ended(server, session, request).await?);
    }
    show(server, session, request, notice).await
}

async fn ended(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
) -> Result<&'static str, OAuthError> {
    let now_s = request.now_s;
    let decision = request.parameters.get("decision");
    if decision == Some("forget-browser") {
        return known_browser::forget(server, session, request).await;
    }
    if decision == Some("end-others") {
        let own = Some(session.id.as_str());
        let void = lifetime::end_all(server.store(), &session.account, own, now_s).await?;
        server.note(&void, now_s);
        return Ok("All other sessions have ended.");
    }
    let id = request.parameters.get("session").unwrap_or_default();
    let found = state::get::<SessionRow>(server.store(), id, now_s).await?;
    match found.filter(|held| held.session.account == session.account) {
        Some(held) => {
            lifetime::end(server, &held.session, now_s).await?;
            Ok("The session has ended.")
        }
        None => Ok("That session had ended already."),
    }
}

async fn show(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    notice: Option<&str>,
) -> Result<Answer, OAuthError> {
    let store = server.store();
    let account = Some(session.account.as_str());
    let mut rows = state::list::<SessionRow>(store, account, SESSIONS_MAX, request.now_s).await?;
    rows.sort_by_key(|held| (held.session.id != session.id, -held.last_used_s));
    let cookie = request.session.unwrap_or_default();
    let page = Sessions {
        form: server.forms().form(cookie, Endpoint::Sessions.path()),
        person: session.person(),
        sessions: rows.iter().map(|held| shown(held, session)).collect(),
        browsers: known_browser::shown(server, &session.account, request).await?,
        notice: notice.map(str::to_owned),
    };
    Ok(Answer::page(200, Page::Sessions(page)))
}

fn shown(row: &SessionRow, current: &Session) -> SessionShown {
    let known = &row.session;
    SessionShown {
        id: known.id.clone(),
        this_one: known.id == current.id,
        workstation: match &known.computer {
            Some(name) => format!("Shared computer {name}"),
            None if row.shared => "A computer that others use too".to_owned(),
            None => "A computer of your own".to_owned(),
        },
        begun: dates::moment(row.begun_s),
        last_used: dates::moment(row.last_used_s),
        how: how(&known.amr),
    }
}

fn how(amr: &[String]) -> String {
    let has = |word: &str| amr.iter().any(|known| known == word);
    if has("hwk") || has("swk") {
        "passkey"
    } else if has("otp") {
        "password and code"
    } else if has("kba") {
        "password and recovery code"
    } else {
        "password alone"
    }
    .to_owned()
}

/// Signing out. Its button has no secret of its own: `SameSite` keeps the cookie from other sites' forms, and the browser names
/// its origin.
pub(super) async fn sign_out(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    trail.event("logout");
    let own = &server.settings().issuer;
    if request.origin.is_some_and(|origin| origin != own) {
        trail.refused();
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "the form is not from this server",
        ));
    }
    if let Some(held) = lifetime::held(server, request.session, request.now_s).await? {
        trail.session(&held.session);
        lifetime::end(server, &held.session, request.now_s).await?;
    }
    let page = Message {
        title: "You are signed out".to_owned(),
        text: "Apps that you allowed to work while you are away go on; all else has ended."
            .to_owned(),
        is_error: false,
        link: Some((
            "Sign in again".to_owned(),
            Endpoint::SignIn.path().to_owned(),
        )),
    };
    Ok(Answer::page(200, Page::Message(page)).with_cookie(Cookie::Clear))
}
