//! The apps that act for a person, for that person to see and to stop. (S101; `management_endpoint`)

use crate::answer::{Answer, OAuthError};
use crate::authorize::{patient_name, plain_words};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{AppGrant, Apps, Page};
use crate::people::session::Session;
use crate::request::Request;
use crate::revocations::what;
use crate::scope_ceiling::covers;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Grant, Held};
use crate::trail::Trail;
use crate::visitor::Visitor;

/// Grants of one person to one client; with one more the one that was used longest ago ends.
const GRANTS_OF_ONE_APP_MAX: usize = 100;
/// Grants that one change of the store ends: two rows each.
const GRANTS_AT_ONCE: usize = 100;

pub(crate) async fn answer(visitor: Visitor<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let (server, request, session) = visitor.parts();
    let mut notice = None;
    if visitor.sends()? {
        trail.event("end-grants");
        let client_id = request.parameters.get("grant").unwrap_or_default();
        let ended = revoke(server, &session.subject, client_id, request.now_s).await?;
        notice = Some(match ended {
            0 => "That app had no access any more.".to_owned(),
            _ => "The app has no access any more.".to_owned(),
        });
    }
    show(server, session, request, notice).await
}

/// Ends all that a person has granted to a client, on every node within a second; how many grants there were.
pub(crate) async fn revoke(
    server: &AuthorizationServer,
    subject: &str,
    client_id: &str,
    now_s: i64,
) -> Result<usize, OAuthError> {
    let mut ended = 0;
    loop {
        let mut grants = grants(server, subject, now_s).await?;
        grants.retain(|grant| grant.client_id == client_id);
        if grants.is_empty() {
            return Ok(ended);
        }
        ended += grants.len();
        for some in grants.chunks(GRANTS_AT_ONCE) {
            let ids = some.iter().map(|grant| grant.id.clone()).collect();
            end(server, ids, now_s).await?;
        }
        // Once more: one that was made meanwhile is not left.
    }
}

/// Ends one grant, on every node within a second.
pub(crate) async fn end_one(
    server: &AuthorizationServer,
    id: &str,
    now_s: i64,
) -> Result<(), OAuthError> {
    end(server, vec![id.to_owned()], now_s).await
}

/// Makes room for one more grant of a person to a client.
pub(crate) async fn make_room(
    server: &AuthorizationServer,
    subject: &str,
    client_id: &str,
    now_s: i64,
) -> Result<(), OAuthError> {
    let mut grants = grants(server, subject, now_s).await?;
    grants.retain(|grant| grant.client_id == client_id);
    grants.sort_by_key(|grant| grant.last_used_s.unwrap_or(grant.approved_s));
    let beyond = (grants.len() + 1).saturating_sub(GRANTS_OF_ONE_APP_MAX);
    let oldest = grants.iter().take(beyond.min(GRANTS_AT_ONCE));
    let ids: Vec<String> = oldest.map(|grant| grant.id.clone()).collect();
    match ids.is_empty() {
        true => Ok(()),
        false => end(server, ids, now_s).await,
    }
}

async fn end(server: &AuthorizationServer, ids: Vec<String>, now_s: i64) -> Result<(), OAuthError> {
    let forget = |changes: Changes, id: &String| changes.forget::<Grant>(id);
    let changes = ids.iter().fold(Changes::new(), forget);
    let what: Vec<String> = ids.iter().map(|id| what::grant(id)).collect();
    Ok(server.revoke(changes, &what, now_s).await?)
}

async fn show(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    notice: Option<String>,
) -> Result<Answer, OAuthError> {
    let grants = grants(server, &session.subject, request.now_s).await?;
    let mut clients: Vec<&str> = grants
        .iter()
        .map(|grant| grant.client_id.as_str())
        .collect();
    clients.sort_unstable();
    clients.dedup();
    let mut apps = Vec::new();
    for client_id in clients {
        let of: Vec<&Grant> = grants
            .iter()
            .map(|held| &held.row)
            .filter(|grant| grant.client_id == client_id)
            .collect();
        apps.push(shown(server, session, client_id, &of, request).await?);
    }
    apps.sort_by(|a, b| a.name.cmp(&b.name));
    let cookie = request.session.unwrap_or_default();
    Ok(Answer::page(
        200,
        Page::Apps(Apps {
            form: server.forms().form(cookie, Endpoint::Apps.path()),
            person: session.person(),
            apps,
            notice,
        }),
    ))
}

/// One app with all that it may do, by whichever of its grants.
async fn shown(
    server: &AuthorizationServer,
    session: &Session,
    client_id: &str,
    grants: &[&Grant],
    request: &Request<'_>,
) -> Result<AppGrant, OAuthError> {
    let own = session.patient.is_some();
    let mut may: Vec<String> = Vec::new();
    let client = server.registry().client(client_id);
    let held = |scope: &str| client.as_ref().is_some_and(|c| covers(&c.scope, scope));
    let scopes = grants.iter().flat_map(|grant| grant.scope.split(' '));
    for scope in scopes.filter(|scope| held(scope)) {
        let (words, _) = plain_words(scope, own);
        if !may.contains(&words) {
            may.push(words);
        }
    }
    let patient = match grants.iter().find_map(|grant| grant.patient.as_deref()) {
        Some(id) => patient_name(server, session, id, request).await?,
        None => None,
    };
    let approved_s = grants.iter().map(|grant| grant.approved_s).min();
    Ok(AppGrant {
        grant: client_id.to_owned(),
        name: client
            .as_ref()
            .map_or_else(|| client_id.to_owned(), |c| c.name.clone()),
        owner: client
            .as_ref()
            .map_or_else(String::new, |c| c.owner.clone()),
        patient,
        may,
        approved: approved_s.map_or_else(String::new, dates::day),
        last_used: grants
            .iter()
            .filter_map(|grant| grant.last_used_s)
            .max()
            .map(dates::moment),
        offline: grants.iter().any(|grant| grant.offline),
    })
}

/// All of one person's: at most [`GRANTS_OF_ONE_APP_MAX`] for each client.
pub(crate) async fn grants(
    server: &AuthorizationServer,
    subject: &str,
    now_s: i64,
) -> Result<Vec<Held<Grant>>, OAuthError> {
    Ok(state::list::<Grant>(server.store(), Some(subject), usize::MAX, now_s).await?)
}
