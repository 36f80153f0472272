//! People: who they are, how they sign in, and where they are signed in.

pub(crate) mod account;
pub mod session;

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::endpoints::Endpoint;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::trail::Trail;

/// Answers the endpoints at which people sign in and look after their accounts.
pub(crate) async fn answer(
    _: &AuthorizationServer,
    endpoint: Endpoint,
    _: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    trail.refused();
    Err(OAuthError::new(
        ErrorCode::AccessDenied,
        format!("{} is not served here", endpoint.path()),
    ))
}
