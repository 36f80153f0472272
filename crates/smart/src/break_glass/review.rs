//! The Task by which the privacy officer reviews a broken glass. <https://hl7.org/fhir/R4/task.html>
//!
//! It is searched for and closed through FHIR like any other: `Task?code=urn:ward:task|break-glass-review&status=requested`.

use super::Person;
use super::reason::Reason;
use crate::answer::{ErrorCode, OAuthError};
use crate::authorize::OWN_CLIENT;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::BreakGlass;
use serde_json::{Value, json};
use ward_access::{Caller, Identity, Scopes};
use ward_audit::Entity;
use ward_fhir::date::instant_text;
use ward_fhir::schema::r4;
use ward_resources::{Body, Call, Format, Interaction, REVIEW_CODE, REVIEW_SYSTEM};

/// One that was stored.
pub(super) struct Review {
    /// Logical id.
    pub task: String,
    pub entities: Vec<Entity>,
}

pub(super) async fn open(
    server: &AuthorizationServer,
    person: &Person<'_>,
    glass: &BreakGlass,
    reason: &Reason,
    request: &Request<'_>,
) -> Result<Review, OAuthError> {
    let ty = r4()
        .resource_type("Task")
        .ok_or_else(OAuthError::unavailable)?;
    let mut call = Call::new(
        Interaction::Create { ty },
        request.request_id,
        request.source.into(),
    );
    let task = task(person, glass, reason).to_string();
    call.body = Some(Body {
        bytes: task.into_bytes().into(),
        format: Format::Json,
    });
    let reply = server
        .engine()
        .answer(&ourselves(request.now_s), &call)
        .await;
    let id = reply.location.as_deref().and_then(|l| l.split('/').nth(1));
    match (reply.status, id) {
        (201, Some(id)) => Ok(Review {
            task: id.to_owned(),
            entities: reply.entities,
        }),
        (503 | 409, _) => Err(OAuthError::unavailable()),
        (status, _) => {
            tracing::error!(status, "the review of a broken glass could not be stored");
            Err(OAuthError::new(
                ErrorCode::ServerError,
                "the review of this access could not be stored; nothing was opened",
            ))
        }
    }
}

fn task(person: &Person<'_>, glass: &BreakGlass, reason: &Reason) -> Value {
    let instant = |seconds: i64| instant_text(seconds.saturating_mul(1_000_000));
    let (begins, ends) = (instant(glass.declared_s), instant(glass.expires_s));
    let mut why = json!({});
    if let Some((code, words)) = reason.usual {
        why["coding"] = json!([{ "system": REASON_SYSTEM, "code": code, "display": words }]);
    }
    if let Some(text) = &reason.text {
        why["text"] = text.as_str().into();
    }
    let requester = match person.fhir_user {
        Some(user) => json!({ "reference": user }),
        None => json!({ "display": person.subject }),
    };
    json!({
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": { "coding": [{ "system": REVIEW_SYSTEM, "code": REVIEW_CODE, "display": "Review of a broken glass" }] },
        "description": "This record was opened in an emergency, past what the patient or a rule keeps closed. Look whether that was right, and close this Task.",
        "for": { "reference": format!("Patient/{}", glass.patient) },
        "authoredOn": begins,
        "requester": requester,
        "performerType": [{ "text": "Privacy officer" }],
        "reasonCode": why,
        // Also for whom the patient's own consents hide the patient, and with that the reference (R17).
        "input": [{ "type": { "coding": [{ "system": REVIEW_SYSTEM, "code": "patient", "display": "Id of the patient" }] }, "valueId": glass.patient }],
        "restriction": { "period": { "start": begins, "end": ends } }
    })
}

/// The authorization server writes it for itself: whoever breaks the glass may not write such Tasks, or close them.
fn ourselves(now_s: i64) -> Caller {
    Caller::new(Identity {
        subject: OWN_CLIENT.to_owned(),
        client_id: OWN_CLIENT.to_owned(),
        scopes: Scopes::parse("system/Task.c").unwrap_or_default(),
        expires_s: now_s,
        ..Identity::default()
    })
}

const REASON_SYSTEM: &str = "urn:ward:break-glass-reason";
