//! What revoking does: the switches that administrators have anyway, used for one item.

use super::rota;
use crate::answer::OAuthError;
use crate::people::account::{self, AccountError};
use crate::server::AuthorizationServer;
use crate::state::{self, Account, Decision, Effect, Grant, GrantKind, ReviewItem};
use crate::{apps, clients};

/// Takes away what the item is about, for good or (`Decision::Suspend`) so that an administrator can give it back. `again`: somebody who is gone may have done it, wholly or in part. Error: it is to be tried again.
pub(super) async fn carry_out(
    server: &AuthorizationServer,
    item: &ReviewItem,
    decision: Decision,
    again: bool,
    now_s: i64,
) -> Result<Effect, OAuthError> {
    let gone = if again { Effect::Done } else { Effect::Gone };
    match item.kind {
        GrantKind::Account => put_out(server, &item.of, None, again, now_s).await,
        GrantKind::Role => {
            // An account that is closed can be opened again; a role that was taken is given by nobody.
            let taken = item
                .role
                .as_deref()
                .filter(|_| decision == Decision::Revoke);
            put_out(server, &item.of, taken, again, now_s).await
        }
        GrantKind::PractitionerRole => rota::end(server, &item.of, again, now_s).await,
        GrantKind::Client => match clients::suspend(server, &item.of, now_s).await? {
            true => Ok(Effect::Done),
            false => Ok(gone),
        },
        GrantKind::Grant => {
            let found = state::get::<Grant>(server.store(), &item.of, now_s).await?;
            apps::end_one(server, &item.of, now_s).await?;
            Ok(found.map_or(gone, |_| Effect::Done))
        }
        GrantKind::BreakGlass => Ok(Effect::None),
    }
}

/// Takes a role from an account, or closes it where none is named; with both ends whatever goes on in its name.
async fn put_out(
    server: &AuthorizationServer,
    username: &str,
    role: Option<&str>,
    again: bool,
    now_s: i64,
) -> Result<Effect, OAuthError> {
    const ATTEMPTS_MAX: usize = 4;
    let store = server.store();
    for _ in 0..ATTEMPTS_MAX {
        let found = state::get::<Account>(store, username, now_s).await?;
        let Some(account) = found.map(|held| held.row) else {
            return Ok(Effect::Gone);
        };
        let role = role.filter(|_| !roles_come_back(server, &account));
        let is_out = match role {
            Some(role) => !account.roles.iter().any(|one| one == role),
            None => account.closed,
        };
        if is_out && !again {
            return Ok(Effect::Gone);
        }
        let done = match role {
            Some(role) => account::take_role(store, username, role, now_s).await,
            None => account::close(store, username, now_s).await,
        };
        match done {
            Ok(void) => {
                server.note(&void, now_s);
                return Ok(Effect::Done);
            }
            Err(AccountError::Changed) => {}
            Err(AccountError::Unavailable) => return Err(OAuthError::unavailable()),
            Err(_) => return Ok(Effect::Failed),
        }
    }
    Err(OAuthError::unavailable())
}

/// The upstream provider says at each sign-in which roles the person has: what is taken away here would be there again. So the account is
/// closed until the provider says otherwise and an administrator opens it.
fn roles_come_back(server: &AuthorizationServer, account: &Account) -> bool {
    let provider = server.upstream().filter(|_| account.upstream);
    provider.is_some_and(|provider| provider.settings.claims.roles.is_some())
}
