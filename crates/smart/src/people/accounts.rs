//! People's accounts, for administrators: add, close, open, reset.

use super::account::{self, AccountError, NewAccount};
use super::session::Session;
use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{AccountRow, Accounts, Page};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Account, Held};
use crate::trail::Trail;
use crate::visitor::Visitor;
use ward_access::Roles;
use ward_fhir::schema::r4;
use ward_storage::Store;

/// Accounts on one page.
const ACCOUNTS_ON_PAGE: usize = 100;
/// Bytes of a user name that is looked for.
const SOUGHT_BYTES_MAX: usize = 200;

pub(crate) async fn answer(visitor: Visitor<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let (server, request, session) = visitor.parts();
    if !session.administers() {
        return Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "accounts are for administrators who signed in with two factors",
        ));
    }
    if !visitor.sends()? {
        return show(server, session, request, None, None).await;
    }
    let is_search = request.parameters.all("find").next().is_some();
    if is_search && request.parameters.get("decision").is_none() {
        return show(server, session, request, None, None).await;
    }
    say(request, trail);
    match decided(server, session, request).await {
        Ok(invitation) => show(server, session, request, invitation, None).await,
        Err(error) => {
            trail.refused();
            show(server, session, request, None, Some(error)).await
        }
    }
}

/// Puts on record what is decided about whose account, also where it fails.
fn say(request: &Request<'_>, trail: &mut Trail) {
    const DECISIONS: [&str; 6] = ["add", "close", "open", "reset", "link", "unlink"];
    let sent = |name| request.parameters.get(name).unwrap_or_default();
    let Some(decision) = DECISIONS.iter().find(|known| **known == sent("decision")) else {
        return;
    };
    trail.decided("decision", decision);
    if let Some(username) = account::username(sent("username")) {
        trail.decided("username", &username);
    }
    if *decision == "add" {
        for role in roles(request).unwrap_or_default() {
            trail.decided("role", &role);
        }
        let whose = request.parameters.get("fhir_user").unwrap_or_default();
        if is_reference(whose) {
            trail.decided("fhir_user", whose);
        }
    }
}

/// `Practitioner/x`, and nothing that could be more.
fn is_reference(text: &str) -> bool {
    let is_id = |id: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        (1..=64).contains(&id.len()) && id.bytes().all(is_plain)
    };
    let parts = text.split_once('/');
    parts.is_some_and(|(ty, id)| r4().resource_type(ty).is_some() && is_id(id))
}

/// The link of an invitation, where one was made.
async fn decided(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
) -> Result<Option<String>, String> {
    let (store, now_s) = (server.store(), request.now_s);
    let sent = |name| request.parameters.get(name).unwrap_or_default();
    let said = |error: AccountError| error.to_string();
    let username = sent("username");
    let decision = sent("decision");
    let is_own = account::username(username).as_deref() == Some(session.account.as_str());
    if is_own && matches!(decision, "close" | "reset" | "unlink") {
        return Err("You cannot do this to your own account.".to_owned());
    }
    match decision {
        "add" => {
            let new = NewAccount {
                username: username.to_owned(),
                name: sent("name").to_owned(),
                fhir_user: request.parameters.get("fhir_user").map(str::to_owned),
                roles: roles(request)?,
            };
            let token = account::add(store, &new, now_s).await.map_err(said)?;
            Ok(Some(link(server, &token)))
        }
        "close" => {
            let void = account::close(store, username, now_s).await.map_err(said)?;
            server.note(&void, now_s);
            Ok(None)
        }
        "open" => {
            account::open(store, username, now_s).await.map_err(said)?;
            Ok(None)
        }
        "reset" => {
            let (token, void) = account::reset(store, username, now_s).await.map_err(said)?;
            server.note(&void, now_s);
            Ok(Some(link(server, &token)))
        }
        "link" => {
            let upstream = server
                .upstream()
                .ok_or("There is no provider to link with.")?;
            let person = sent("upstream_person");
            account::link(store, username, &upstream.settings, person, now_s)
                .await
                .map_err(said)?;
            Ok(None)
        }
        "unlink" => {
            let void = account::unlink(store, username, now_s)
                .await
                .map_err(said)?;
            server.note(&void, now_s);
            Ok(None)
        }
        _ => Err("Nothing was changed.".to_owned()),
    }
}

/// Only roles that this server knows: a role that nobody defined would open nothing, and be missed.
fn roles(request: &Request<'_>) -> Result<Vec<String>, String> {
    let known = Roles::seeded();
    let mut roles: Vec<String> = request.parameters.all("role").map(str::to_owned).collect();
    roles.sort_unstable();
    roles.dedup();
    match roles.iter().find(|role| known.get(role).is_none()) {
        Some(_) => Err("There is no such role.".to_owned()),
        None => Ok(roles),
    }
}

fn roles_offered() -> Vec<(String, String)> {
    let policies = Roles::seeded();
    let offered = policies.iter();
    offered
        .map(|role| (role.name.clone(), role.title.clone()))
        .collect()
}

fn link(server: &AuthorizationServer, token: &str) -> String {
    format!("{}?invitation={token}", server.url(Endpoint::Enrol))
}

async fn show(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    invitation: Option<String>,
    error: Option<String>,
) -> Result<Answer, OAuthError> {
    let here = Listed::of(request);
    let (rows, next) = here.rows(server.store(), request.now_s).await?;
    let cookie = request.session.unwrap_or_default();
    let status = if error.is_some() { 400 } else { 200 };
    let page = Accounts {
        form: server.forms().form(cookie, &here.link()),
        person: session.person(),
        accounts: rows.iter().map(|held| shown(held)).collect(),
        first: (here != Listed::From(None)).then(|| Listed::From(None).link()),
        next: next.map(|last| Listed::From(Some(last)).link()),
        sought: here.sought().to_owned(),
        roles: roles_offered(),
        error,
        invitation,
        upstream: server
            .upstream()
            .map(|upstream| upstream.settings.name.clone()),
    };
    Ok(Answer::page(status, Page::Accounts(page)))
}

/// Which accounts the page lists. Its forms say it again, so that whoever decides about one stays where they are.
#[derive(Debug, PartialEq, Eq)]
enum Listed {
    /// In the order in which they were added, after this place.
    From(Option<i64>),
    /// The one of this user name, as typed.
    Named(String),
}

impl Listed {
    fn of(request: &Request<'_>) -> Listed {
        let sought = request.parameters.get("find").unwrap_or_default().trim();
        if !sought.is_empty() && sought.len() <= SOUGHT_BYTES_MAX {
            return Listed::Named(sought.to_owned());
        }
        let after = request.parameters.get("after");
        Listed::From(after.and_then(|place| place.parse().ok()))
    }

    fn sought(&self) -> &str {
        match self {
            Listed::Named(sought) => sought,
            Listed::From(_) => "",
        }
    }

    /// What is looked for stands in a field, and in no address.
    fn link(&self) -> String {
        let path = Endpoint::Accounts.path();
        match self {
            Listed::From(Some(after)) => format!("{path}?after={after}"),
            Listed::From(None) | Listed::Named(_) => path.to_owned(),
        }
    }

    /// The accounts, and the place of the last where more come after it.
    async fn rows(
        &self,
        store: &Store,
        now_s: i64,
    ) -> Result<(Vec<Held<Account>>, Option<i64>), OAuthError> {
        match self {
            Listed::From(after) => Ok(state::page(store, *after, ACCOUNTS_ON_PAGE, now_s).await?),
            Listed::Named(sought) => {
                let Some(username) = account::username(sought) else {
                    return Ok((Vec::new(), None));
                };
                let found = state::get::<Account>(store, &username, now_s).await?;
                Ok((found.into_iter().collect(), None))
            }
        }
    }
}

fn shown(account: &Account) -> AccountRow {
    let decision = |name: &str, words: &str| (name.to_owned(), words.to_owned());
    let mut decisions = if account.closed {
        vec![decision("open", "Enable")]
    } else {
        vec![
            decision("close", "Disable"),
            decision("reset", "Reset sign-in"),
        ]
    };
    if account.upstream {
        decisions.push(decision("unlink", "Unlink"));
    }
    AccountRow {
        username: account.username.clone(),
        name: account.name.clone(),
        fhir_user: account.fhir_user.clone().unwrap_or_default(),
        roles: account.roles.join(", "),
        factors: factors(account),
        state: match (account.closed, account.is_claimed()) {
            (true, _) => "disabled",
            (false, false) => "invited",
            (false, true) => "active",
        }
        .to_owned(),
        last_sign_in: account.last_sign_in_s.map(dates::moment),
        decisions,
    }
}

fn factors(account: &Account) -> String {
    let passkeys = match account.passkeys.len() {
        0 => None,
        1 => Some("a passkey".to_owned()),
        n => Some(format!("{n} passkeys")),
    };
    let password = account.password.as_ref().map(|_| "password".to_owned());
    let code = account.totp.as_ref().map(|_| "code".to_owned());
    let provider = account.upstream.then(|| "provider".to_owned());
    let all: Vec<String> = [provider, password, code, passkeys]
        .into_iter()
        .flatten()
        .collect();
    if all.is_empty() {
        "nothing yet".to_owned()
    } else {
        all.join(", ")
    }
}
