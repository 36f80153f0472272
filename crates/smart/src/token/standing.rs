//! Whether the person behind a grant still is who they were when they agreed to it (S94, C5).

use super::invalid_grant;
use crate::answer::OAuthError;
use crate::people::{account, session};
use crate::server::AuthorizationServer;
use crate::state::Grant;

/// The account is there and open, and has every role that the grant was made with.
pub(super) async fn check(
    server: &AuthorizationServer,
    grant: &Grant,
    now_s: i64,
) -> Result<(), OAuthError> {
    let person = account::standing(server, &grant.account, now_s).await?;
    let person = person.ok_or_else(|| invalid_grant("the user's account is closed"))?;
    let same = person.subject == grant.subject
        && person.fhir_user == grant.fhir_user
        && grant.roles.iter().all(|role| person.roles.contains(role));
    match same {
        true => Ok(()),
        false => Err(invalid_grant(
            "the user is no longer who they were when they agreed; authorize again",
        )),
    }
}

/// The session in which it was agreed to has not ended.
pub(super) async fn check_session(
    server: &AuthorizationServer,
    grant: &Grant,
    now_s: i64,
) -> Result<(), OAuthError> {
    match session::is_alive(server, &grant.account, &grant.session, now_s).await? {
        true => Ok(()),
        false => Err(invalid_grant("the user has signed out")),
    }
}
