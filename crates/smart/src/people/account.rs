//! A person's account, as far as tokens rest on it.

use crate::answer::OAuthError;
use crate::server::AuthorizationServer;
use crate::state::{self, Account};

/// The account as it is now; `None`: there is none, or it is closed.
pub(crate) async fn standing(
    server: &AuthorizationServer,
    username: &str,
    now_s: i64,
) -> Result<Option<Account>, OAuthError> {
    let found = state::get::<Account>(server.store(), username, now_s).await?;
    Ok(found.map(|held| held.row).filter(|account| !account.closed))
}
