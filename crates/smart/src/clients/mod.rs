//! The registry of clients for administrators. (C17)

mod about;
mod detail;
mod effect;
mod limits;
mod parts;
mod proof;
mod rights;
mod secret;

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{ClientRow, Clients, Confirm, Page};
use crate::people::session::{self, Session};
use crate::request::Request;
use crate::revocations::what;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Client, ClientState, Held, Kind, Refused};
use crate::trail::Trail;
use detail::{Told, detail};
use parts::Set;

/// How long an approval holds before somebody must look again.
pub const REVIEW_PERIOD_S: i64 = 365 * 24 * 3600;

pub(crate) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let session = session::current(server, request.session, request.now_s).await?;
    if let Some(session) = &session {
        trail.session(session);
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
        (None, "POST") => replace_keys(server, &session, request, trail).await,
        (None, _) => Ok(list(server, &session, request, None)),
        (Some(id), "POST") => {
            server.forms().check(request, Endpoint::Clients.path())?;
            let client = held(server, id, request.now_s).await?;
            trail.about(&client);
            trail.decided("client", id);
            let decision = request.parameters.get("decision").unwrap_or_default();
            if let Some(set) = Set::of(decision) {
                trail.decided("decision", decision);
                return change_part(server, &session, client, set, request, trail).await;
            }
            match decision {
                secret::DECISION => {
                    secret::exchange(server, &session, client, request, trail).await
                }
                _ => decide(server, &session, client, request, trail).await,
            }
        }
        (Some(id), _) => {
            let client = held(server, id, request.now_s).await?;
            Ok(detail(server, &session, &client, request, Told::Nothing))
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

/// How often a change that met the note of a use is tried again.
const ATTEMPTS_MAX: usize = 4;

/// What may be decided about a client.
const DECISIONS: [&str; 6] = [
    "approve",
    "resume",
    "suspend",
    "may-launch",
    "may-not-launch",
    "remove",
];

/// Approve, suspend (the kill switch: effective everywhere within a second), resume, remove.
async fn decide(
    server: &AuthorizationServer,
    session: &Session,
    mut client: Held<Client>,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let now_s = request.now_s;
    let decision = request.parameters.get("decision");
    // Asked whether it is meant, nothing is decided yet.
    let is_meant = |said: &&str| *said != "remove" || is_sure(request);
    let known = decision.filter(|said| DECISIONS.contains(said));
    if let Some(known) = known.filter(is_meant) {
        trail.decided("decision", known);
    }
    if decision == Some("remove") {
        return remove(server, session, client, request).await;
    }
    let was = client.row.clone();
    let Some((ends_tokens, notice)) = decided(&mut client.row, decision, now_s) else {
        return Ok(detail(server, session, &client, request, Told::Nothing));
    };
    let done = keep(server, &was, client, ends_tokens, now_s).await;
    let notice = outcome(done, &was.name, notice)?;
    server.watch(now_s).await?;
    Ok(list(server, session, request, Some(notice)))
}

/// Stops a client as its page does: it gets no tokens, and those it has are void. `false`: it was stopped or is gone.
pub(crate) async fn suspend(
    server: &AuthorizationServer,
    client_id: &str,
    now_s: i64,
) -> Result<bool, OAuthError> {
    let found = state::get::<Client>(server.store(), client_id, now_s).await?;
    let Some(mut client) = found.filter(|client| client.state == ClientState::Active) else {
        return Ok(false);
    };
    let was = client.row.clone();
    client.state = ClientState::Suspended;
    keep(server, &was, client, true, now_s).await?;
    server.watch(now_s).await?;
    Ok(true)
}

/// The client as it is decided; whether the tokens that it has are void then, and what is said of it after its name. `None`: nothing is
/// decided.
fn decided(
    client: &mut Client,
    decision: Option<&str>,
    now_s: i64,
) -> Option<(bool, &'static str)> {
    match decision? {
        "approve" => {
            client.state = ClientState::Active;
            client.verified = true;
            client.review_due_s = Some(now_s + REVIEW_PERIOD_S);
            Some((false, "is approved for a year"))
        }
        "resume" => {
            client.state = ClientState::Active;
            Some((false, "may work again"))
        }
        // The client gets no tokens, and those it has are void (AT17a).
        "suspend" => {
            client.state = ClientState::Suspended;
            Some((true, "is suspended"))
        }
        "may-launch" if client.kind != Kind::Public => {
            client.may_launch = true;
            Some((false, "may launch apps"))
        }
        "may-not-launch" if client.kind != Kind::Public => {
            client.may_launch = false;
            // Should it be one again, it is said anew where its launches are shown.
            client.frame_origins.clear();
            Some((false, "may launch apps no longer"))
        }
        _ => None,
    }
}

/// Forgets a client whatever has become of it meanwhile; every token that it has is void.
async fn remove(
    server: &AuthorizationServer,
    session: &Session,
    client: Held<Client>,
    request: &Request<'_>,
) -> Result<Answer, OAuthError> {
    if !is_sure(request) {
        return Ok(confirm(server, session, request, removal(&client)));
    }
    let now_s = request.now_s;
    let changes = Changes::new().forget::<Client>(&client.client_id);
    let what = what::client(&client.client_id);
    let done = server.revoke(changes.announced(), &[what], now_s).await;
    let notice = outcome(done, &client.name, "is removed")?;
    server.watch(now_s).await?;
    Ok(list(server, session, request, Some(notice)))
}

/// What one of the forms sets: it holds on every node within a second, and so does the end of the tokens that know nothing of it.
async fn change_part(
    server: &AuthorizationServer,
    session: &Session,
    mut client: Held<Client>,
    set: Set,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let now_s = request.now_s;
    let was = client.row.clone();
    match set.entered(server, &was, request) {
        Ok(entered) => client.row = entered,
        Err(problems) => {
            trail.refused();
            let told = Told::Problems(set, problems);
            return Ok(detail(server, session, &client, request, told));
        }
    }
    let made = secret::made_if_needed(&mut client.row);
    let changed = set.changed(&was, &client.row);
    if changed.is_empty() {
        let told = Told::Notice("Nothing was changed.".to_owned());
        return Ok(detail(server, session, &client, request, told));
    }
    let (name, ends_tokens) = (client.name.clone(), effect::ends_tokens(&was, &client.row));
    let done = keep(server, &was, client, ends_tokens, now_s).await;
    let is_done = done.is_ok();
    let notice = outcome(done, &name, set.notice())?;
    if is_done {
        changed
            .iter()
            .for_each(|field| trail.decided("changed", field));
    }
    server.watch(now_s).await?;
    let client = held(server, &was.client_id, now_s).await?;
    let told = match made.filter(|_| is_done) {
        Some(secret) => Told::Secret(notice, secret),
        None => Told::Notice(notice),
    };
    Ok(detail(server, session, &client, request, told))
}

/// Writes a client as it has become. `ends_tokens`: those that it has are void. That it was used meanwhile, which is noted in its row, is
/// no change that this one gives way to: else a busy client could not be stopped.
async fn keep(
    server: &AuthorizationServer,
    was: &Client,
    mut client: Held<Client>,
    ends_tokens: bool,
    now_s: i64,
) -> Result<(), Refused> {
    for _ in 0..ATTEMPTS_MAX {
        match write(server, &client, ends_tokens, now_s).await {
            Err(Refused::Conflict(_)) => {}
            done => return done,
        }
        let found = state::get::<Client>(server.store(), &client.client_id, now_s).await;
        let found = found.map_err(|_| Refused::Unavailable)?;
        let Some(mut found) = found.filter(|found| found.is_but_for_its_use(was)) else {
            break;
        };
        found.row = Client {
            last_used_s: found.last_used_s,
            ..client.row
        };
        client = found;
    }
    Err(Refused::Conflict(0))
}

async fn write(
    server: &AuthorizationServer,
    client: &Held<Client>,
    ends_tokens: bool,
    now_s: i64,
) -> Result<(), Refused> {
    let changes = Changes::new().replace(client);
    match ends_tokens {
        true => {
            let what = what::client(&client.client_id);
            server.revoke(changes, &[what], now_s).await
        }
        false => state::commit(server.store(), changes.announced(), now_s).await,
    }
}

/// What came of a change, in words.
fn outcome(done: Result<(), Refused>, name: &str, notice: &str) -> Result<String, OAuthError> {
    match done {
        Ok(()) => Ok(format!("{name} {notice}.")),
        Err(Refused::Conflict(_)) => Ok(format!(
            "{name} was changed by somebody else meanwhile; look again."
        )),
        Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
    }
}

/// New keys when somebody else may know the old ones: every token that they signed is void on all nodes within a second (X63).
/// What is no signed token, as refresh tokens and sessions, stays.
async fn replace_keys(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    server.forms().check(request, Endpoint::Clients.path())?;
    if request.parameters.get("decision") != Some("replace-keys") {
        return Ok(list(server, session, request, None));
    }
    if !is_sure(request) {
        return Ok(confirm(server, session, request, replacement()));
    }
    trail.decided("decision", "replace-keys");
    let keys = server.tokens().keys();
    let replaced = keys.replace_all(server.store(), request.now_s).await;
    replaced.map_err(|_| OAuthError::unavailable())?;
    tracing::warn!("the signing keys were replaced");
    let notice = "All keys are replaced. Apps and systems are asking for new tokens.";
    Ok(list(server, session, request, Some(notice.to_owned())))
}

/// What cannot be undone, and is asked about before it is done.
struct Grave {
    question: String,
    text: String,
    decision: (&'static str, &'static str),
    back: String,
}

fn removal(client: &Client) -> Grave {
    Grave {
        question: format!("Remove {}?", client.name),
        text: "Its registration is lost with its keys or its secret, and every token that it has is void. \
               To stop it for a time only, suspend it instead."
            .to_owned(),
        decision: ("remove", "Remove for good"),
        back: link(client),
    }
}

fn replacement() -> Grave {
    Grave {
        question: "Replace all keys?".to_owned(),
        text: "Every token that apps and systems hold becomes void at once. They ask for others by themselves; \
               people stay signed in."
            .to_owned(),
        decision: ("replace-keys", "Replace them now"),
        back: Endpoint::Clients.path().to_owned(),
    }
}

fn is_sure(request: &Request<'_>) -> bool {
    request.parameters.get("sure") == Some("yes")
}

fn confirm(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    grave: Grave,
) -> Answer {
    let cookie = request.session.unwrap_or_default();
    let (decision, words) = grave.decision;
    let page = Confirm {
        form: server.forms().form(cookie, &grave.back),
        person: session.person(),
        question: grave.question,
        text: grave.text,
        decision: (decision.to_owned(), words.to_owned()),
        back: grave.back,
    };
    Answer::page(200, Page::Confirm(page))
}

fn list(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    notice: Option<String>,
) -> Answer {
    let all = server.registry().all();
    let mut clients: Vec<_> = all
        .iter()
        .map(|client| row(client, request.now_s))
        .collect();
    // What there is to do comes first, the rest by name.
    clients.sort_by_key(|client| !client.waits());
    let cookie = request.session.unwrap_or_default();
    Answer::page(
        200,
        Page::Clients(Clients {
            form: server.forms().form(cookie, Endpoint::Clients.path()),
            person: session.person(),
            clients,
            notice,
        }),
    )
}

/// Where the page of a client is.
fn link(client: &Client) -> String {
    format!("{}?client={}", Endpoint::Clients.path(), client.client_id)
}

fn row(client: &Client, now_s: i64) -> ClientRow {
    let state = match client.state {
        ClientState::Pending => ClientRow::PENDING,
        ClientState::Suspended => "suspended",
        ClientState::Active if client.is_review_due(now_s) => ClientRow::DUE,
        ClientState::Active => "active",
    };
    ClientRow {
        link: link(client),
        client_id: client.client_id.clone(),
        name: client.name.clone(),
        owner: client.owner.clone(),
        kind: client.kind.word().to_owned(),
        state: state.to_owned(),
        last_used: client.last_used_s.map(dates::moment),
    }
}
