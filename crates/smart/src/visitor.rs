//! Somebody who has signed in with two factors, at one of the pages that are for nobody else.

use crate::answer::{Answer, OAuthError};
use crate::endpoints::Endpoint;
use crate::people::session::{self, Session};
use crate::people::{accounts, computers, sessions};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::trail::Trail;
use crate::{access_reviews, apps, audit_log, break_glass, consents, reviews};

#[derive(Clone, Copy)]
pub(crate) struct Visitor<'a> {
    pub server: &'a AuthorizationServer,
    pub request: &'a Request<'a>,
    pub session: &'a Session,
    /// Where they are.
    page: Endpoint,
}

/// Whoever has not signed in with two factors is sent to do so, and from there back.
pub(crate) async fn answer(
    server: &AuthorizationServer,
    page: Endpoint,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let Some(session) = session::sure(server, request, trail).await? else {
        return Ok(match page {
            Endpoint::BreakGlass => break_glass::sign_in(request),
            _ => session::sign_in(page),
        });
    };
    let visitor = Visitor {
        server,
        request,
        session: &session,
        page,
    };
    match page {
        Endpoint::AccessReviews => access_reviews::answer(visitor, trail).await,
        Endpoint::Accounts => accounts::answer(visitor, trail).await,
        Endpoint::Apps => apps::answer(visitor, trail).await,
        Endpoint::AuditLog => audit_log::answer(visitor, trail).await,
        Endpoint::BreakGlass => break_glass::answer_person(visitor, trail).await,
        Endpoint::Computers => computers::answer(visitor, trail).await,
        Endpoint::Consents => consents::answer(visitor, trail).await,
        Endpoint::Reviews => reviews::answer(visitor, trail).await,
        Endpoint::Sessions => sessions::answer(visitor, trail).await,
        _ => {
            trail.refused();
            Err(OAuthError::unserved(page.path()))
        }
    }
}

impl<'a> Visitor<'a> {
    pub fn parts(&self) -> (&'a AuthorizationServer, &'a Request<'a>, &'a Session) {
        (self.server, self.request, self.session)
    }

    /// Whether they send a form. Error: it is not from this page (S30).
    pub fn sends(&self) -> Result<bool, OAuthError> {
        let is_sent = self.request.method == "POST";
        if is_sent {
            self.server.forms().check(self.request, self.page.path())?;
        }
        Ok(is_sent)
    }
}
