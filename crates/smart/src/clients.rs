//! The registry of clients for administrators, and the page where an app's developer asks for a registration. (C17)

use crate::answer::{Answer, Cookie, ErrorCode, OAuthError};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{ClientDetail, ClientRow, Clients, Developer, Page, Registered};
use crate::people::session::{self, Session};
use crate::register::keep;
use crate::registration::{Metadata, Problem, register};
use crate::request::{Parameters, Request};
use crate::revocations::what;
use crate::server::AuthorizationServer;
use crate::state::{
    self, Changes, Client, ClientState, Held, KeysAt, Kind, Refused, SenderConstraint,
};
use crate::trail::Trail;
use serde_json::Value;

/// How long an approval holds before somebody must look again.
pub const REVIEW_PERIOD_S: i64 = 365 * 24 * 3600;

pub(crate) async fn answer(
    server: &AuthorizationServer,
    endpoint: Endpoint,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let session = session::current(server, request.session, request.now_s).await?;
    if let Some(session) = &session {
        trail.session(session);
    }
    if endpoint == Endpoint::Developer {
        return developer(server, session.as_ref(), request, trail).await;
    }
    let Some(session) = session else {
        return Ok(session::sign_in(Endpoint::Clients));
    };
    if !session.administers() {
        return Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "the registry of clients is for administrators who signed in with two factors",
        ));
    }
    match (request.parameters.get("client"), request.method) {
        (None, "POST") => replace_keys(server, &session, request).await,
        (None, _) => Ok(list(server, &session, request, None)),
        (Some(id), "POST") => decide(server, &session, id, request).await,
        (Some(id), _) => {
            let client = held(server, id, request.now_s).await?;
            Ok(detail(server, &session, &client, request))
        }
    }
}

async fn held(
    server: &AuthorizationServer,
    id: &str,
    now_s: i64,
) -> Result<Held<Client>, OAuthError> {
    let found = state::get::<Client>(server.store(), id, now_s).await?;
    found.ok_or_else(|| OAuthError::new(ErrorCode::InvalidRequest, "there is no such client"))
}

/// Approve, suspend (the kill switch: effective everywhere within a second), resume, remove.
async fn decide(
    server: &AuthorizationServer,
    session: &Session,
    id: &str,
    request: &Request<'_>,
) -> Result<Answer, OAuthError> {
    let now_s = request.now_s;
    server.forms().check(request, Endpoint::Clients.path())?;
    let mut client = held(server, id, now_s).await?;
    let name = client.name.clone();
    let (done, notice) = match request.parameters.get("decision") {
        Some("approve") => {
            client.state = ClientState::Active;
            client.verified = true;
            client.review_due_s = Some(now_s + REVIEW_PERIOD_S);
            (
                change(server, &client, now_s).await,
                "is approved for a year",
            )
        }
        Some("resume") => {
            client.state = ClientState::Active;
            (change(server, &client, now_s).await, "may work again")
        }
        Some("suspend") => (suspend(server, client, now_s).await, "is suspended"),
        Some(decision @ ("may-launch" | "may-not-launch")) if client.kind != Kind::Public => {
            client.may_launch = decision == "may-launch";
            let notice = match client.may_launch {
                true => "may launch apps",
                false => "may launch apps no longer",
            };
            (change(server, &client, now_s).await, notice)
        }
        Some("remove") => {
            let changes = Changes::new().remove(&client);
            let done = server.revoke(changes, &[what::client(id)], now_s).await;
            (done, "is removed")
        }
        _ => return Ok(detail(server, session, &client, request)),
    };
    let notice = match done {
        Ok(()) => format!("{name} {notice}."),
        Err(Refused::Conflict(_)) => {
            format!("{name} was changed by somebody else meanwhile; look again.")
        }
        Err(Refused::Unavailable) => return Err(OAuthError::unavailable()),
    };
    server.watch(now_s).await?;
    Ok(list(server, session, request, Some(notice)))
}

/// New keys when somebody else may know the old ones: every token that they signed is void on all nodes within a second (X63).
/// What is no signed token, as refresh tokens and sessions, stays.
async fn replace_keys(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
) -> Result<Answer, OAuthError> {
    server.forms().check(request, Endpoint::Clients.path())?;
    if request.parameters.get("decision") != Some("replace-keys") {
        return Ok(list(server, session, request, None));
    }
    let keys = server.tokens().keys();
    let replaced = keys.replace_all(server.store(), request.now_s).await;
    replaced.map_err(|_| OAuthError::unavailable())?;
    tracing::warn!("the signing keys were replaced");
    let notice = "All keys are replaced. Apps and systems are asking for new tokens.";
    Ok(list(server, session, request, Some(notice.to_owned())))
}

async fn change(
    server: &AuthorizationServer,
    client: &Held<Client>,
    now_s: i64,
) -> Result<(), Refused> {
    let changes = Changes::new().replace(client).announced();
    state::commit(server.store(), changes, now_s).await
}

/// The client gets no tokens, and those it has are void (AT17a).
pub(crate) async fn suspend(
    server: &AuthorizationServer,
    mut client: Held<Client>,
    now_s: i64,
) -> Result<(), Refused> {
    client.state = ClientState::Suspended;
    let what = what::client(&client.client_id);
    server
        .revoke(Changes::new().replace(&client), &[what], now_s)
        .await
}

fn list(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    notice: Option<String>,
) -> Answer {
    let (clients, now_s) = (server.registry().all(), request.now_s);
    let cookie = request.session.unwrap_or_default();
    Answer::page(
        200,
        Page::Clients(Clients {
            form: server.forms().form(cookie, Endpoint::Clients.path()),
            person: session.person(),
            clients: clients.iter().map(|client| row(client, now_s)).collect(),
            notice,
        }),
    )
}

fn row(client: &Client, now_s: i64) -> ClientRow {
    let state = match client.state {
        ClientState::Pending => "pending",
        ClientState::Suspended => "suspended",
        ClientState::Active if client.is_review_due(now_s) => "review is due",
        ClientState::Active => "active",
    };
    ClientRow {
        link: format!("{}?client={}", Endpoint::Clients.path(), client.client_id),
        client_id: client.client_id.clone(),
        name: client.name.clone(),
        owner: client.owner.clone(),
        kind: client.kind.word().to_owned(),
        state: state.to_owned(),
        last_used: client.last_used_s.map(dates::moment),
    }
}

fn detail(
    server: &AuthorizationServer,
    session: &Session,
    client: &Client,
    request: &Request<'_>,
) -> Answer {
    let row = row(client, request.now_s);
    let decision = |value: &str, words: &str| (value.to_owned(), words.to_owned());
    let approve = decision("approve", "Approve for a year");
    let remove = decision("remove", "Remove");
    // Whoever launches apps says whom they are about, so it must be able to prove who it is.
    let launch = match (client.kind, client.may_launch) {
        (Kind::Public, _) => None,
        (_, false) => Some(decision("may-launch", "Let it launch apps")),
        (_, true) => Some(decision("may-not-launch", "Let it launch no apps")),
    };
    let decisions = match client.state {
        ClientState::Pending => vec![approve, remove],
        ClientState::Active => [Some(approve), launch, Some(decision("suspend", "Suspend"))]
            .into_iter()
            .flatten()
            .chain([remove])
            .collect(),
        ClientState::Suspended => vec![decision("resume", "Resume"), remove],
    };
    let cookie = request.session.unwrap_or_default();
    let page = ClientDetail {
        form: server.forms().form(cookie, &row.link),
        person: session.person(),
        facts: facts(client),
        row,
        decisions,
    };
    Answer::page(200, Page::Client(page))
}

fn facts(client: &Client) -> Vec<(String, String)> {
    let keys = match &client.keys {
        None => String::new(),
        Some(KeysAt::Url(url)) => url.clone(),
        Some(KeysAt::Here(_)) => "registered by value".to_owned(),
    };
    let bound_to = match client.constraint() {
        SenderConstraint::None => "",
        SenderConstraint::Dpop => "a key (DPoP)",
        SenderConstraint::Mtls => "its TLS certificate",
    };
    let launches = if client.may_launch {
        "yes: it is an EHR"
    } else {
        ""
    };
    let facts = [
        ("Purpose", client.purpose.clone()),
        ("Contacts", client.contacts.join(", ")),
        ("Website", client.website.clone().unwrap_or_default()),
        ("Scope at most", client.scope.clone()),
        ("Authentication", client.authentication.method().to_owned()),
        ("Keys", keys),
        ("Tokens bound to", bound_to.to_owned()),
        ("Redirect URIs", client.redirect_uris.join(" ")),
        ("Launch URL", client.launch_uri.clone().unwrap_or_default()),
        ("Launches apps", launches.to_owned()),
        ("Addresses", client.addresses.join(" ")),
        ("Origins", client.origins.join(" ")),
        ("Registered", dates::day(client.created_s)),
        (
            "Review due",
            client.review_due_s.map(dates::day).unwrap_or_default(),
        ),
    ];
    facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| (label.to_owned(), value))
        .collect()
}

/// Anybody where registration is open, else administrators.
async fn developer(
    server: &AuthorizationServer,
    session: Option<&Session>,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
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
    match register(&metadata(&request.parameters), request.now_s) {
        Err(problems) => {
            trail.refused();
            Ok(form(server, session, request, &problems, None))
        }
        Ok(made) => {
            keep(server, &made, request.now_s).await?;
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
const FIELDS: [&str; 12] = [
    "client_name",
    "owner",
    "purpose",
    "contacts",
    "client_uri",
    "kind",
    "redirect_uris",
    "launch_uri",
    "scope",
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
        token_endpoint_auth_method: owned("token_endpoint_auth_method"),
        jwks: owned("jwks").map(Value::String),
        jwks_uri: owned("jwks_uri"),
        ..Metadata::default()
    }
}
