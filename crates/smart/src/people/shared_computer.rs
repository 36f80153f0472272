//! Shared computers of the house. A browser is one because staff, who sat at it, gave it a secret: the name, which stands on the
//! computer, gives nobody its place (C5, AT5a).

use super::known_browser;
use super::lifetime::{self, IDLE_SHARED_S};
use super::session::Session;
use super::workstation;
use crate::answer::OAuthError;
use crate::request::Request;
use crate::revocations::what;
use crate::server::AuthorizationServer;
use crate::state::{
    self, Changes, Held, KnownBrowser, Refused, SessionRow, SharedComputer, Workstation, digest,
};
use ward_seal::random;
use ward_storage::StoreError;

/// Shared computers of one installation.
pub const COMPUTERS_MAX: usize = 5_000;
/// Those that one person may set up who does not administer the server.
pub const COMPUTERS_OF_ONE_MAX: usize = 100;
pub const NAME_CHARACTERS_MAX: usize = 40;
/// Use is written down this often at most.
const USE_NOTED_EVERY_S: i64 = 24 * 3600;

/// The one that this browser is.
pub(super) async fn here(
    server: &AuthorizationServer,
    request: &Request<'_>,
) -> Result<Option<Held<SharedComputer>>, OAuthError> {
    match known_browser::secret(request) {
        Some(secret) => Ok(state::get(server.store(), &digest(secret), request.now_s).await?),
        None => Ok(None),
    }
}

/// Notes that it is in use. What another request notes at the same moment will do.
pub(super) async fn used(
    server: &AuthorizationServer,
    mut computer: Held<SharedComputer>,
    now_s: i64,
) -> SharedComputer {
    if now_s.saturating_sub(computer.used_s) >= USE_NOTED_EVERY_S {
        computer.used_s = now_s;
        let noted = state::commit(server.store(), Changes::new().replace(&computer), now_s).await;
        if noted == Err(Refused::Unavailable) {
            tracing::warn!("the use of a shared computer could not be noted");
        }
    }
    computer.row
}

/// Those that a person may remove: administrators all, others what they set up themselves. By name.
pub(super) async fn of(
    server: &AuthorizationServer,
    session: &Session,
    now_s: i64,
) -> Result<Vec<Held<SharedComputer>>, StoreError> {
    let owner = (!session.administers()).then_some(session.account.as_str());
    let mut all =
        state::list::<SharedComputer>(server.store(), owner, COMPUTERS_MAX, now_s).await?;
    all.sort_by_cached_key(|computer| computer.name.to_lowercase());
    Ok(all)
}

/// A browser that has become a shared computer: its name, and the secret that it keeps.
pub(super) struct SetUp {
    pub name: String,
    pub secret: String,
}

/// This browser is a shared computer from now on, where whoever set it up is signed in. `Err`: why not, for a person.
pub(super) async fn set_up(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
) -> Result<Result<SetUp, &'static str>, OAuthError> {
    let (store, now_s) = (server.store(), request.now_s);
    let Some(name) = name(request.parameters.get("name").unwrap_or_default()) else {
        return Ok(Err(NAME));
    };
    if here(server, request).await?.is_some() {
        return Ok(Err(ALREADY));
    }
    let all = state::list::<SharedComputer>(store, None, COMPUTERS_MAX, now_s).await?;
    if let Some(why) = no_room(&all, session, &name) {
        return Ok(Err(why));
    }
    let Some(held) = lifetime::held(server, request.session, now_s).await? else {
        return Ok(Err(AT_ONCE));
    };
    let secret = random::token();
    let computer = SharedComputer {
        key: digest(&secret),
        id: random::uuid(),
        name,
        account: session.account.clone(),
        set_up_s: now_s,
        used_s: now_s,
    };
    let changes = moved(server, held, &computer, &secret, request).await?;
    match state::commit(store, changes.insert(&computer), now_s).await {
        Ok(()) => Ok(Ok(SetUp {
            name: computer.name,
            secret,
        })),
        Err(Refused::Conflict(_)) => Ok(Err(AT_ONCE)),
        Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
    }
}

fn no_room(all: &[Held<SharedComputer>], session: &Session, name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let own = all.iter().filter(|known| known.account == session.account);
    if all.iter().any(|known| known.name.to_lowercase() == lower) {
        Some(TAKEN)
    } else if all.len() >= COMPUTERS_MAX {
        Some(FULL)
    } else if !session.administers() && own.count() >= COMPUTERS_OF_ONE_MAX {
        Some(TOO_MANY)
    } else {
        None
    }
}

/// The session of the person at the browser is one at a shared computer from now on, and the browser known to them by its new
/// secret: the one of before may be known to whoever used it then.
async fn moved(
    server: &AuthorizationServer,
    mut held: Held<SessionRow>,
    computer: &SharedComputer,
    secret: &str,
    request: &Request<'_>,
) -> Result<Changes, OAuthError> {
    held.session.workstation.clone_from(&computer.id);
    held.session.computer = Some(computer.name.clone());
    held.shared = true;
    held.idle_s = IDLE_SHARED_S;
    held.last_used_s = request.now_s;
    let there = workstation::of(&held);
    let mut changes = Changes::new().replace(&held).insert(&there);
    if let Some(before) = known_browser::secret(request) {
        let known = KnownBrowser::key_of(before, &held.session.account);
        changes = changes.forget::<KnownBrowser>(&known);
    }
    known_browser::remembered(server, &held, secret, request, changes).await
}

/// The browser is no shared computer any more, and whoever is signed in there is signed out: it may have been stolen. Its name.
/// `Err`: why not, for a person.
pub(super) async fn removed(
    server: &AuthorizationServer,
    session: &Session,
    id: &str,
    now_s: i64,
) -> Result<Result<String, &'static str>, OAuthError> {
    let all = of(server, session, now_s).await?;
    let Some(computer) = all.into_iter().find(|known| known.id == id) else {
        return Ok(Err(GONE));
    };
    let mut changes = Changes::new().remove(&computer);
    let there = state::get::<Workstation>(server.store(), id, now_s).await?;
    let mut ended = Vec::new();
    // Whoever removes the one that they sit at goes on there.
    if let Some(there) = there.filter(|there| there.sid() != session.sid()) {
        ended.push(what::session(there.sid()));
        changes = changes.forget::<SessionRow>(&there.session).remove(&there);
    }
    match server.revoke(changes, &ended, now_s).await {
        Ok(()) => Ok(Ok(computer.row.name)),
        Err(Refused::Conflict(_)) => Ok(Err(AT_ONCE)),
        Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
    }
}

/// A name as it is kept. `None`: it cannot be one.
fn name(typed: &str) -> Option<String> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_name = (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count())
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || " -_.,/#".contains(c));
    is_name.then_some(name)
}

const NAME: &str =
    "A name has letters, digits, spaces and any of - _ . , / #, at most 40 characters.";
const TAKEN: &str = "There is a shared computer of this name. If this is the same computer, remove the one of the list first.";
const ALREADY: &str = "This browser is a shared computer already.";
const FULL: &str = "No further computers can be set up. Remove those that are not used any more.";
const TOO_MANY: &str = "You have set up a hundred computers. An administrator can set up more.";
const GONE: &str = "That computer was removed already, or somebody else set it up.";
const AT_ONCE: &str = "Something else was changed at the same moment. Try again.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_stands_on_a_computer() {
        assert_eq!(name(" Ward 3,  desk 1 ").as_deref(), Some("Ward 3, desk 1"));
        assert_eq!(name("Zürich/icu-3").as_deref(), Some("Zürich/icu-3"));
        for bad in ["", "  ", "<b>", "a\u{202E}b", "a=b", &"a".repeat(41)] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }
}
