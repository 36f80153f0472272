//! PractitionerRoles, by which the rota gives people roles: read and ended by the server itself, whoever opens the review.

use crate::answer::OAuthError;
use crate::authorize::OWN_CLIENT;
use crate::records::cursor_of;
use crate::server::AuthorizationServer;
use crate::state::Effect;
use serde_json::{Value, json};
use ward_access::{Caller, Identity, Scopes};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_resources::{Body, Call, Conditions, Format, Interaction, Reply};

/// Of one answer.
const PAGE_ENTRIES: &str = "200";

/// All of them; of more than `most` some.
pub(super) async fn all(
    server: &AuthorizationServer,
    most: usize,
    now_s: i64,
) -> Result<Vec<Value>, OAuthError> {
    let mut roles = Vec::new();
    let mut cursor = None;
    loop {
        let mut call = call(Interaction::SearchType { ty: of_type()? });
        let count = ("_count".to_owned(), PAGE_ENTRIES.to_owned());
        let further = cursor.take().map(|cursor| ("_cursor".to_owned(), cursor));
        call.parameters = [count].into_iter().chain(further).collect();
        let reply = server.engine().answer(&ourselves(now_s), &call).await;
        if reply.status != 200 {
            tracing::error!(status = reply.status, "PractitionerRoles cannot be read");
            return Err(OAuthError::unavailable());
        }
        let bundle = json_of(&reply);
        roles.extend(crate::records::matches(&bundle));
        cursor = cursor_of(&bundle, "next");
        if cursor.is_none() || roles.len() > most {
            return Ok(roles);
        }
    }
}

/// Whether it gives anything: what is not said of `active` is not denied.
pub(super) fn is_active(role: &Value) -> bool {
    role["active"] != false
}

/// Of a code of it, in words.
pub(super) fn code(concept: &Value) -> String {
    let coding = &concept["coding"][0];
    let words = [&concept["text"], &coding["display"], &coding["code"]];
    let mut words = words.into_iter().filter_map(Value::as_str);
    words.next().unwrap_or_default().to_owned()
}

/// Says of one that it is active no longer. `again`: it may have been done before.
pub(super) async fn end(
    server: &AuthorizationServer,
    id: &str,
    again: bool,
    now_s: i64,
) -> Result<Effect, OAuthError> {
    const ATTEMPTS_MAX: usize = 4;
    let (ty, id) = (of_type()?, id.to_owned());
    let gone = if again { Effect::Done } else { Effect::Gone };
    for _ in 0..ATTEMPTS_MAX {
        let read = call(Interaction::Read { ty, id: id.clone() });
        let reply = server.engine().answer(&ourselves(now_s), &read).await;
        let mut role = match reply.status {
            200 => json_of(&reply),
            404 | 410 => return Ok(gone),
            _ => return Err(OAuthError::unavailable()),
        };
        if !is_active(&role) {
            return Ok(gone);
        }
        role["active"] = json!(false);
        let version = role["meta"]["versionId"].as_str().unwrap_or_default();
        let mut update = call(Interaction::Update { ty, id: id.clone() });
        update.conditions = Conditions {
            if_match: Some(format!("W/\"{version}\"")),
            ..Conditions::default()
        };
        update.body = Some(Body {
            bytes: role.to_string().into_bytes().into(),
            format: Format::Json,
        });
        let reply = server.engine().answer(&ourselves(now_s), &update).await;
        match reply.status {
            200 | 201 => return Ok(Effect::Done),
            // Somebody else has changed it meanwhile: it is looked at anew.
            409 | 412 => {}
            400..=499 => return Ok(Effect::Failed),
            _ => return Err(OAuthError::unavailable()),
        }
    }
    Err(OAuthError::unavailable())
}

fn call(interaction: Interaction) -> Call {
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    let mut call = Call::new(interaction, request_id, "".into());
    call.patients_per_hour = Some(0);
    call
}

fn ourselves(now_s: i64) -> Caller {
    Caller::new(Identity {
        subject: OWN_CLIENT.to_owned(),
        client_id: OWN_CLIENT.to_owned(),
        scopes: Scopes::parse("system/PractitionerRole.rus").unwrap_or_default(),
        expires_s: now_s,
        ..Identity::default()
    })
}

fn of_type() -> Result<TypeId, OAuthError> {
    r4().resource_type("PractitionerRole")
        .ok_or_else(OAuthError::unavailable)
}

fn json_of(reply: &Reply) -> Value {
    let body = reply
        .json()
        .and_then(|body| serde_json::from_slice(body).ok());
    body.unwrap_or_default()
}
