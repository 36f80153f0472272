//! Apps that break the glass for their user, and learn what the user has opened at our page.
//!
//! `GET` lists what is in force for the token's person, session and app. `POST` (JSON or a form) declares one: `patient` (logical
//! id), `reason_code` or `reason`, or both; or ends one: `decision` = `end`, `grant`. Declaring is for apps that are registered for the purpose
//! `BTG`; every other leads its user to the page. Where the second factor is older than [`super::FRESH_S`] the answer is the challenge
//! of <https://www.rfc-editor.org/rfc/rfc9470#section-3>.

use super::{Declared, FRESH_S, Person, declare, demand_right, end, in_force, is_fresh};
use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::bearer::presented_token;
use crate::client_authentication::challenge;
use crate::endpoints::Endpoint;
use crate::people::session::{self, Assurance, Session};
use crate::request::Request;
use crate::resource_server::Credentials;
use crate::server::AuthorizationServer;
use crate::state::{self, BreakGlass, Grant};
use crate::trail::Trail;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use ward_access::{BREAK_GLASS, Caller, Purposes};
use ward_fhir::date::instant_text;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    decision: Option<String>,
    grant: Option<String>,
    patient: Option<String>,
    reason_code: Option<String>,
    reason: Option<String>,
}

pub(crate) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let credentials = Credentials {
        authorization: request.authorization,
        dpop: request.dpop,
        certificate: request.certificate,
        source: request.source,
        method: request.method,
        url: request.url,
    };
    let caller = match server.authenticate(&credentials, request.now_s).await {
        Ok(caller) => caller,
        Err(refusal) => return Ok(challenge(refusal)),
    };
    trail.caller(&caller);
    let Some(sid) = caller.session.as_deref().filter(|_| caller.is_user()) else {
        return Err(denied("the token is of no person who is signed in"));
    };
    if request.method != "POST" {
        return list(server, &caller, sid, request.now_s).await;
    }
    let asked = Asked::read(request)?;
    match asked.decision.as_deref() {
        Some("end") => {
            let id = asked.grant.as_deref().unwrap_or_default();
            let ended = end(server, &caller.subject, id, request.now_s, trail).await?;
            Ok(Answer::json(200, &json!({ "ended": ended })))
        }
        None | Some("declare") => declared(server, &caller, sid, &asked, request, trail).await,
        Some(_) => Err(invalid("decision is declare or end")),
    }
}

async fn declared(
    server: &AuthorizationServer,
    caller: &Arc<Caller>,
    sid: &str,
    asked: &Asked,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    demand_registered(server, caller)?;
    demand_right(server, caller).await?;
    let now_s = request.now_s;
    let session = session_of(server, request, sid).await?;
    let is_sure = |session: &Session| {
        session.assurance() >= Some(Assurance::Multiple) && is_fresh(session.auth_time_s, now_s)
    };
    if !session.as_ref().is_some_and(is_sure) {
        trail.refused();
        return Ok(step_up(request));
    }
    let person = Person {
        subject: &caller.subject,
        fhir_user: caller.fhir_user.as_deref(),
        session: sid,
        client_id: Some(&caller.client_id),
    };
    let declared = Declared {
        patient: asked.patient.as_deref().unwrap_or_default(),
        reason_code: asked.reason_code.as_deref(),
        reason: asked.reason.as_deref(),
    };
    match declare(server, &person, &declared, request, trail).await? {
        Ok(glass) => Ok(Answer::json(201, &told(&glass, now_s))),
        Err(wrong) => {
            let why = wrong.iter().map(|(field, why)| format!("{field}: {why}"));
            Err(invalid(why.collect::<Vec<_>>().join(" ")))
        }
    }
}

/// What an app does in somebody's name nobody has seen: only apps that an administrator trusts with it may.
fn demand_registered(server: &AuthorizationServer, caller: &Caller) -> Result<(), OAuthError> {
    let client = server.registry().client(&caller.client_id);
    let registered = client.and_then(|client| client.purpose_of_use.clone());
    let registered = Purposes::parse(&registered.unwrap_or_default()).unwrap_or_default();
    if registered
        .iter()
        .any(|purpose| purpose.code() == BREAK_GLASS)
    {
        return Ok(());
    }
    let page = server.url(Endpoint::BreakGlass);
    Err(denied(format!(
        "this client is not registered for the purpose of use {BREAK_GLASS}: lead the user to {page}?patient= with the patient's id, and use what GET lists here"
    )))
}

/// The session of the token, as it is now: a fresh sign-in in the same browser has made it younger.
async fn session_of(
    server: &AuthorizationServer,
    request: &Request<'_>,
    sid: &str,
) -> Result<Option<Session>, OAuthError> {
    let token = presented_token(request.authorization).map_err(|_| denied("no token"))?;
    let verified = server.verified(token.1, request.now_s).await;
    let grant = verified.ok().and_then(|verified| verified.grant.clone());
    let Some(grant) = grant else { return Ok(None) };
    let found = state::get::<Grant>(server.store(), &grant, request.now_s).await?;
    match found {
        Some(grant) => session::of_sid(server, &grant.account, sid, request.now_s).await,
        None => Ok(None),
    }
}

async fn list(
    server: &AuthorizationServer,
    caller: &Caller,
    sid: &str,
    now_s: i64,
) -> Result<Answer, OAuthError> {
    let all = in_force(server, &caller.subject, now_s).await?;
    let of_app = |glass: &BreakGlass| {
        let by_app = glass.client_id.as_ref();
        glass.session == sid && by_app.is_none_or(|client| *client == caller.client_id)
    };
    let own = all.iter().filter(|held| of_app(held));
    let own: Vec<Value> = own.map(|held| told(held, now_s)).collect();
    Ok(Answer::json(200, &json!({ "grants": own })))
}

fn told(glass: &BreakGlass, now_s: i64) -> Value {
    json!({
        "grant": glass.id,
        "patient": glass.patient,
        "expires_in": glass.expires_s - now_s,
        "expires_at": instant_text(glass.expires_s.saturating_mul(1_000_000)),
        "review": format!("Task/{}", glass.task)
    })
}

fn step_up(request: &Request<'_>) -> Answer {
    const WHY: &str = "the user must have signed in with two factors within the last five minutes";
    let code = "insufficient_user_authentication";
    let scheme = match request.dpop {
        Some(_) => "DPoP",
        None => "Bearer",
    };
    let challenge = format!(
        "{scheme} error=\"{code}\", error_description=\"{WHY}\", max_age=\"{FRESH_S}\", acr_values=\"mfa\""
    );
    let body = json!({ "error": code, "error_description": WHY });
    Answer::json(401, &body).with_header("WWW-Authenticate", challenge)
}

impl Asked {
    fn read(request: &Request<'_>) -> Result<Asked, OAuthError> {
        if let Some(json) = request.json {
            let is_object = json.trim_start().starts_with('{');
            return serde_json::from_str(json)
                .ok()
                .filter(|_| is_object)
                .ok_or_else(|| invalid("the body is no JSON object of patient, reason_code and reason, or of decision and grant"));
        }
        if let Some(name) = request.parameters.repeated() {
            return Err(invalid(format!("{name} is sent more than once")));
        }
        let text = |name| request.parameters.get(name).map(str::to_owned);
        Ok(Asked {
            decision: text("decision"),
            grant: text("grant"),
            patient: text("patient"),
            reason_code: text("reason_code"),
            reason: text("reason"),
        })
    }
}

fn denied(why: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::AccessDenied, why)
}

fn invalid(why: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, why)
}
