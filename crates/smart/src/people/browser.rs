//! The browser: before anybody is signed in it gets a cookie that its forms belong to, so that nobody can sign it in as somebody
//! else (login CSRF, X56). And where it is.

use super::lifetime::Place;
use super::shared_computer;
use crate::answer::{Answer, Cookie, OAuthError};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::SessionRow;
use ward_seal::random;

pub(super) struct Browser {
    pub cookie: String,
    is_new: bool,
}

impl Browser {
    /// The cookie that it has, or a new one.
    pub(super) fn of(request: &Request<'_>) -> Browser {
        match request.session {
            Some(cookie) => Browser {
                cookie: cookie.to_owned(),
                is_new: false,
            },
            None => Browser {
                cookie: random::token(),
                is_new: true,
            },
        }
    }

    /// The answer, with the cookie when it is new.
    pub(super) fn given(self, answer: Answer) -> Answer {
        if self.is_new {
            answer.with_cookie(Cookie::Set(self.cookie))
        } else {
            answer
        }
    }
}

/// Where a sign-in is made: the shared computer that this browser was made, whose secret it keeps; else its own place, kept from
/// session to session. What a request merely names is no place.
pub(super) async fn place(
    server: &AuthorizationServer,
    request: &Request<'_>,
    before: Option<&SessionRow>,
) -> Result<Place, OAuthError> {
    if let Some(here) = shared_computer::here(server, request).await? {
        let here = shared_computer::used(server, here, request.now_s).await;
        return Ok(Place {
            workstation: here.id,
            computer: Some(here.name),
            shared: true,
        });
    }
    let own = before.filter(|before| before.session.computer.is_none());
    Ok(Place {
        workstation: own.map_or_else(random::uuid, |before| before.session.workstation.clone()),
        computer: None,
        shared: request.parameters.get("shared").is_some(),
    })
}

/// Where a session is that takes the place of another of the same person: a computer proves itself anew.
pub(super) async fn same_place(
    server: &AuthorizationServer,
    request: &Request<'_>,
    before: &SessionRow,
) -> Result<Place, OAuthError> {
    let place = place(server, request, Some(before)).await?;
    Ok(Place {
        shared: place.shared || before.shared,
        ..place
    })
}
