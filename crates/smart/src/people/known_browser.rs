//! Browsers that an account knows: somebody has signed in there with two factors, and a cookie that lives long tells the browser
//! again. The cookie opens nothing. It is for the day on which others guess at the account: what they try from elsewhere does not
//! slow its owner here (X78, AT7d).

use super::session::Session;
use crate::answer::OAuthError;
use crate::dates;
use crate::page::BrowserShown;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Held, KnownBrowser, SessionRow};
use std::cmp::Reverse;
use ward_seal::random;
use ward_storage::{Store, StoreError};

/// Browsers of one account. With one more, the one that was signed in with longest ago is forgotten.
pub const KNOWN_BROWSERS_MAX: usize = 20;
/// Of a secret of ours in base64url: what is shorter was not made here.
const SECRET_BYTES: usize = 43;

/// The secret that the browser keeps.
pub(super) fn secret<'a>(request: &Request<'a>) -> Option<&'a str> {
    request.device.filter(|secret| secret.len() == SECRET_BYTES)
}

/// Its row, where the account knows the browser. The same work whether or not there is such an account.
pub(super) async fn known(
    server: &AuthorizationServer,
    account: &str,
    request: &Request<'_>,
) -> Result<Option<Held<KnownBrowser>>, OAuthError> {
    let Some(secret) = secret(request) else {
        return Ok(None);
    };
    let id = KnownBrowser::key_of(secret, account);
    Ok(state::get(server.store(), &id, request.now_s).await?)
}

/// The account of a session knows the browser with this secret from now on. Costs one statement beside the changes.
pub(super) async fn remembered(
    server: &AuthorizationServer,
    row: &SessionRow,
    secret: &str,
    request: &Request<'_>,
    changes: Changes,
) -> Result<Changes, OAuthError> {
    let (account, now_s) = (&row.session.account, request.now_s);
    let id = KnownBrowser::key_of(secret, account);
    let mut others = of(server.store(), account, now_s).await?;
    let before = others.iter().position(|known| known.id == id);
    let before = before.map(|at| others.swap_remove(at));
    let browser = KnownBrowser {
        id,
        account: account.clone(),
        computer: row.session.computer.clone(),
        source: request.source.to_owned(),
        since_s: before.map_or(now_s, |before| before.since_s),
        signed_in_s: now_s,
    };
    others.sort_by_key(|known| Reverse(known.signed_in_s));
    let too_many = others.iter().skip(KNOWN_BROWSERS_MAX - 1);
    let changes = too_many.fold(changes, |changes, known| {
        changes.forget::<KnownBrowser>(&known.id)
    });
    Ok(changes.forget::<KnownBrowser>(&browser.id).insert(&browser))
}

/// The secret that the browser keeps from a sign-in on: its own, or a new one.
pub(super) fn kept(request: &Request<'_>) -> String {
    secret(request).map_or_else(random::token, str::to_owned)
}

/// What the account no longer knows when its sign-in is reset: an attacker may have signed in.
pub(super) async fn forgotten(
    store: &Store,
    account: &str,
    changes: Changes,
    now_s: i64,
) -> Result<Changes, StoreError> {
    let known = of(store, account, now_s).await?;
    Ok(known.iter().fold(changes, |changes, known| {
        changes.forget::<KnownBrowser>(&known.id)
    }))
}

/// Its owner does not use a browser any more.
pub(super) async fn forget(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
) -> Result<&'static str, OAuthError> {
    let id = request.parameters.get("browser").unwrap_or_default();
    let found = state::get::<KnownBrowser>(server.store(), id, request.now_s).await?;
    let Some(found) = found.filter(|known| known.account == session.account) else {
        return Ok("That browser was forgotten already.");
    };
    let changes = Changes::new().forget::<KnownBrowser>(&found.id);
    state::commit(server.store(), changes, request.now_s).await?;
    Ok("The browser is forgotten.")
}

/// For the page of one's own, the latest first.
pub(super) async fn shown(
    server: &AuthorizationServer,
    account: &str,
    request: &Request<'_>,
) -> Result<Vec<BrowserShown>, OAuthError> {
    let mut all = of(server.store(), account, request.now_s).await?;
    let here = secret(request).map(|secret| KnownBrowser::key_of(secret, account));
    all.sort_by_key(|known| (here.as_ref() != Some(&known.id), Reverse(known.signed_in_s)));
    let shown = all.iter().map(|known| BrowserShown {
        id: known.id.clone(),
        this_one: here.as_ref() == Some(&known.id),
        name: match &known.computer {
            Some(computer) => format!("Shared computer {computer}"),
            None => format!("Browser at {}", known.source),
        },
        since: dates::day(known.since_s),
        last_used: dates::day(known.signed_in_s),
    });
    Ok(shown.collect())
}

async fn of(
    store: &Store,
    account: &str,
    now_s: i64,
) -> Result<Vec<Held<KnownBrowser>>, StoreError> {
    state::list(store, Some(account), BROWSERS_READ_MAX, now_s).await
}

/// Two that sign in at once may make one more than [`KNOWN_BROWSERS_MAX`]; the next one ends that.
const BROWSERS_READ_MAX: usize = 100;
