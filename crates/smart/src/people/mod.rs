//! People: who they are, how they sign in, and where they are signed in.

pub mod account;
pub(crate) mod accounts;
mod browser;
pub(crate) mod computers;
mod enrol;
mod factors;
pub mod hashing;
mod invitation;
mod known_browser;
mod lifetime;
mod passkey;
mod password;
mod recovery;
mod second_factor;
pub mod session;
pub(crate) mod sessions;
mod shared_computer;
mod sign_in;
mod throttle;
pub(crate) mod upstream;
mod way;
mod workstation;

pub(crate) use lifetime::Begun;
pub(crate) use workstation::end_idle;

use crate::answer::{Answer, OAuthError};
use crate::endpoints::Endpoint;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::trail::Trail;

/// Answers the endpoints at which people sign in and look after their accounts.
pub(crate) async fn answer(
    server: &AuthorizationServer,
    endpoint: Endpoint,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    match endpoint {
        Endpoint::SignIn => sign_in::answer(server, request, trail).await,
        Endpoint::SecondFactor => second_factor::answer(server, request, trail).await,
        Endpoint::Enrol => enrol::answer(server, request, trail).await,
        Endpoint::SignOut => sessions::sign_out(server, request, trail).await,
        Endpoint::Upstream => upstream::answer(server, request, trail).await,
        _ => {
            trail.refused();
            Err(OAuthError::unserved(endpoint.path()))
        }
    }
}
