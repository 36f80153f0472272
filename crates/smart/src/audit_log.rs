//! The audit log as auditors and privacy officers look at it: a filter, and what it finds as a list, along time, as numbers, as who saw whom, or
//! as a file. Every question is asked by the same door as everybody's and so is itself in the log.

mod charts;
mod events;
mod export;
mod filter;
mod proof;
mod views;

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::endpoints::Endpoint;
use crate::page::{AuditFilter, AuditLog, AuditShown, Page};
use crate::people::session::Session;
use crate::records::Records;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::trail::Trail;
use crate::visitor::Visitor;
use filter::Asked;

pub(crate) async fn answer(visitor: Visitor<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let (server, request, session) = visitor.parts();
    if !session.audits() {
        return Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "the audit log is for auditors and privacy officers",
        ));
    }
    let auditor = Auditor {
        server,
        request,
        session,
        records: Records::by_role(server, request, session, SCOPES),
    };
    if visitor.sends()? {
        let said = views::decide(&auditor, trail).await?;
        return auditor.show(said).await;
    }
    match request.parameters.get("as") {
        Some(form @ ("ndjson" | "pdf")) => export::answer(&auditor, form).await,
        _ => auditor.show(Ok(None)).await,
    }
}

/// Somebody at the page.
struct Auditor<'a> {
    server: &'a AuthorizationServer,
    request: &'a Request<'a>,
    session: &'a Session,
    records: Records<'a>,
}

/// What was done, or why it was not, in words.
type Said = Result<Option<String>, String>;

impl Auditor<'_> {
    async fn show(&self, said: Said) -> Result<Answer, OAuthError> {
        let filter = filter::typed(self.request);
        let asked = Asked::of(&filter, self.request.now_s);
        let (shown, errors) = match asked {
            Ok(asked) => (self.shown(&filter, &asked).await?, Vec::new()),
            Err(errors) => (Ok(AuditShown::Nothing), errors),
        };
        let (shown, refused) = match shown {
            Ok(shown) => (shown, None),
            Err(why) => (AuditShown::Nothing, Some(why)),
        };
        let status = match (&said, &refused, errors.is_empty()) {
            (Ok(_), None, true) => 200,
            _ => 400,
        };
        let (notice, error) = match said {
            Ok(notice) => (notice, refused),
            Err(why) => (None, Some(why)),
        };
        let cookie = self.request.session.unwrap_or_default();
        let page = AuditLog {
            form: self.server.forms().form(cookie, Endpoint::AuditLog.path()),
            person: self.session.person(),
            ways: ways(&filter),
            views: views::of(self).await?,
            filter,
            errors,
            shown,
            notice,
            error,
        };
        Ok(Answer::page(status, Page::AuditLog(Box::new(page))))
    }

    async fn shown(
        &self,
        filter: &AuditFilter,
        asked: &Asked,
    ) -> Result<Result<AuditShown, String>, OAuthError> {
        if let Some(id) = self.request.parameters.get("event") {
            let event = events::one(self, filter, id).await?;
            return Ok(event.map(AuditShown::Event));
        }
        Ok(match filter.way.as_str() {
            TIMELINE => charts::timeline(self, filter, asked)
                .await?
                .map(AuditShown::Timeline),
            VOLUME => charts::volume(self, filter, asked)
                .await?
                .map(AuditShown::Volume),
            MAP => charts::map(self, filter, asked).await?.map(AuditShown::Map),
            PROOF => Ok(AuditShown::Proof(proof::status(self).await?)),
            _ => events::list(self, filter, asked)
                .await?
                .map(AuditShown::List),
        })
    }
}

/// Every way to look at what is found, and which of them it is.
fn ways(filter: &AuditFilter) -> Vec<(String, String, bool)> {
    let way = |(way, name): &(&str, &str)| {
        let other = AuditFilter {
            way: (*way).to_owned(),
            ..filter.clone()
        };
        let link = filter::link(&other, &[]);
        ((*name).to_owned(), link, filter.way == *way)
    };
    WAYS.iter().map(way).collect()
}

const SCOPES: &str = "user/AuditEvent.rs";
const TIMELINE: &str = "timeline";
const VOLUME: &str = "volume";
const MAP: &str = "map";
const PROOF: &str = "proof";
const WAYS: [(&str, &str); 5] = [
    ("", "List"),
    (TIMELINE, "Along time"),
    (VOLUME, "How many"),
    (MAP, "Who saw whom"),
    (PROOF, "Proof"),
];
