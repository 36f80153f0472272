//! The page of shared computers, for staff: the browser at hand becomes one, and those that there are can be removed.

use super::session::Session;
use super::shared_computer;
use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{ComputerRow, Computers, Page};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::SharedComputer;
use crate::trail::Trail;
use crate::visitor::Visitor;

pub(crate) async fn answer(visitor: Visitor<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let (server, request, session) = visitor.parts();
    if !session.is_staff() {
        return Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "shared computers are set up by staff",
        ));
    }
    if !visitor.sends()? {
        let here = shared_computer::here(server, request).await?;
        let here = here.map(|computer| computer.row.name);
        return show(server, session, request, here, Said::Nothing).await;
    }
    match request.parameters.get("remove") {
        Some(id) => remove(server, session, request, id, trail).await,
        None => set_up(server, session, request, trail).await,
    }
}

async fn set_up(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    trail.decided("decision", "set-up");
    match shared_computer::set_up(server, session, request).await? {
        Ok(done) => {
            trail.decided("computer", &done.name);
            let notice = format!(
                "This browser is the shared computer {} from now on. Sign out when you go.",
                done.name
            );
            let here = Some(done.name);
            let answer = show(server, session, request, here, Said::Notice(notice)).await?;
            Ok(answer.with_device(Some(done.secret)))
        }
        Err(why) => {
            trail.refused();
            show(server, session, request, None, Said::Error(why)).await
        }
    }
}

async fn remove(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    id: &str,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    trail.decided("decision", "remove");
    let said = match shared_computer::removed(server, session, id, request.now_s).await? {
        Ok(name) => {
            trail.decided("computer", &name);
            Said::Notice(format!("{name} is no shared computer any more."))
        }
        Err(why) => {
            trail.refused();
            Said::Error(why)
        }
    };
    let here = shared_computer::here(server, request).await?;
    let here = here.map(|computer| computer.row.name);
    show(server, session, request, here, said).await
}

enum Said {
    Nothing,
    Notice(String),
    Error(&'static str),
}

/// `here`: the name of the computer that this browser is.
async fn show(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    here: Option<String>,
    said: Said,
) -> Result<Answer, OAuthError> {
    let computers = shared_computer::of(server, session, request.now_s).await?;
    let cookie = request.session.unwrap_or_default();
    let (status, notice, error) = match said {
        Said::Nothing => (200, None, None),
        Said::Notice(notice) => (200, Some(notice), None),
        Said::Error(why) => (400, None, Some(why.to_owned())),
    };
    let typed = request.parameters.get("name").filter(|_| error.is_some());
    let page = Computers {
        form: server.forms().form(cookie, Endpoint::Computers.path()),
        person: session.person(),
        here,
        computers: computers.iter().map(|computer| row(computer)).collect(),
        typed: typed.unwrap_or_default().to_owned(),
        notice,
        error,
    };
    Ok(Answer::page(status, Page::Computers(page)))
}

fn row(computer: &SharedComputer) -> ComputerRow {
    ComputerRow {
        id: computer.id.clone(),
        name: computer.name.clone(),
        set_up_by: computer.account.clone(),
        set_up: dates::day(computer.set_up_s),
        last_used: dates::day(computer.used_s),
    }
}
