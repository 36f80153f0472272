//! The page at which somebody breaks the glass of one patient's record, sees what is open to them in this way, and ends it.

use super::{Declared, Person, Wrong, declare, demand_right, end, in_force, is_fresh, is_id};
use crate::answer::{Answer, OAuthError};
use crate::authorize::{OWN_CLIENT, patient_name};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{BreakGlass, GlassRow, Page};
use crate::people::session::Session;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::trail::Trail;
use crate::visitor::Visitor;
use ward_access::{Caller, Identity};

pub(crate) async fn answer(visitor: Visitor<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let (server, request, session) = visitor.parts();
    demand_right(server, &caller(session, request.now_s)).await?;
    let is_sent = visitor.sends()?;
    if is_sent && let Some(id) = request.parameters.get("end") {
        let said = match end(server, &session.subject, id, request.now_s, trail).await? {
            true => "The record is closed to you again.",
            false => "It was over already.",
        };
        return show(server, session, request, Said::Notice(said.to_owned())).await;
    }
    if !is_fresh(session.auth_time_s, request.now_s) {
        return Ok(by_way_of(Endpoint::SecondFactor, request));
    }
    if !is_sent {
        return show(server, session, request, Said::Nothing).await;
    }
    let person = Person {
        subject: &session.subject,
        fhir_user: session.fhir_user.as_deref(),
        session: session.sid(),
        client_id: None,
    };
    let declared = Declared {
        patient: request.parameters.get("patient").unwrap_or_default().trim(),
        reason_code: request.parameters.get("reason_code"),
        reason: request.parameters.get("reason"),
    };
    let said = match declare(server, &person, &declared, request, trail).await? {
        Ok(glass) => Said::Notice(format!(
            "The record of patient {} is open to you until {}, to read. Go back to your app.",
            glass.patient,
            dates::moment(glass.expires_s)
        )),
        Err(wrong) => {
            trail.refused();
            Said::Wrong(wrong)
        }
    };
    show(server, session, request, said).await
}

/// For who has not signed in.
pub(crate) fn sign_in(request: &Request<'_>) -> Answer {
    by_way_of(Endpoint::SignIn, request)
}

/// To where one proves who one is, and back to the same patient.
fn by_way_of(page: Endpoint, request: &Request<'_>) -> Answer {
    let mut to = format!("{}?to={}", page.path(), Endpoint::BreakGlass.path());
    let patient = request.parameters.get("patient").filter(|id| is_id(id));
    if let Some(id) = patient {
        to.push_str("&patient=");
        to.push_str(id);
    }
    Answer::redirect(to)
}

/// The person, without any purpose of their own.
fn caller(session: &Session, now_s: i64) -> Caller {
    Caller::new(Identity {
        subject: session.subject.clone(),
        client_id: OWN_CLIENT.to_owned(),
        fhir_user: session.fhir_user.clone(),
        roles: session.roles.clone(),
        session: Some(session.sid().to_owned()),
        expires_s: now_s,
        ..Identity::default()
    })
}

enum Said {
    Nothing,
    Notice(String),
    Wrong(Vec<Wrong>),
}

async fn show(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
    said: Said,
) -> Result<Answer, OAuthError> {
    let grants = in_force(server, &session.subject, request.now_s).await?;
    let mut rows = Vec::new();
    for glass in &grants {
        rows.push(GlassRow {
            id: glass.id.clone(),
            patient: glass.patient.clone(),
            until: dates::moment(glass.expires_s),
            here: glass.session == session.sid(),
        });
    }
    let (status, notice, errors) = match said {
        Said::Nothing => (200, None, Vec::new()),
        Said::Notice(notice) => (200, Some(notice), Vec::new()),
        Said::Wrong(wrong) => (400, None, wrong),
    };
    // What was sent and is done is not there to be sent again.
    let typed = |name| request.parameters.get(name).filter(|_| notice.is_none());
    let patient = typed("patient").map(str::trim).unwrap_or_default();
    let name = match is_id(patient) {
        true => patient_name(server, session, patient, request).await?,
        false => None,
    };
    let cookie = request.session.unwrap_or_default();
    let page = BreakGlass {
        form: server.forms().form(cookie, Endpoint::BreakGlass.path()),
        person: session.person(),
        patient: patient.to_owned(),
        patient_name: name,
        reasons: super::reason::REASONS
            .map(|(code, words)| (code.to_owned(), words.to_owned()))
            .to_vec(),
        reason_code: typed("reason_code").unwrap_or_default().to_owned(),
        reason: typed("reason").unwrap_or_default().to_owned(),
        minutes: server.settings().break_glass_minutes,
        errors: errors
            .into_iter()
            .map(|(field, why)| (field.to_owned(), why))
            .collect(),
        notice,
        grants: rows,
    };
    Ok(Answer::page(status, Page::BreakGlass(page)))
}
