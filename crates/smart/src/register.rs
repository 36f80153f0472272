//! Dynamic registration. <https://www.rfc-editor.org/rfc/rfc7591#section-3> (S117)

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::purposes;
use crate::registration::{Made, Metadata, Problem, register};
use crate::registry::{Room, network};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Client, KeysAt, Kind, SenderConstraint};
use crate::trail::Trail;
use serde_json::{Value, json};

/// Makes a registration that waits for an administrator; it gets no tokens before.
pub(crate) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    if !server.settings().open_registration {
        return Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "registration by anybody is switched off here; an administrator registers clients",
        ));
    }
    trail.event("register");
    let metadata: Metadata = request
        .json
        .filter(|json| json.trim_start().starts_with('{'))
        .and_then(|json| serde_json::from_str(json).ok())
        .ok_or_else(|| {
            OAuthError::new(
                ErrorCode::InvalidClientMetadata,
                "the body is not client metadata in JSON (RFC 7591 §2)",
            )
        })?;
    let made = register(&metadata, request.now_s).map_err(|problems| refused(&problems))?;
    keep(server, &made, Some(request.source), request.now_s).await?;
    trail.client(&made.client);
    Ok(Answer::json(201, &document(&made)))
}

/// Stores a new registration. `source`: address of whoever registers it; `None`: an administrator does. One at a time on each node,
/// so that many at once are not more than are allowed.
pub(crate) async fn keep(
    server: &AuthorizationServer,
    made: &Made,
    source: Option<&str>,
    now_s: i64,
) -> Result<(), OAuthError> {
    let _one = server.registering().await;
    let client = Client {
        registered_from: source.map(network).unwrap_or_default(),
        ..made.client.clone()
    };
    let mut changes = Changes::new().insert(&client).announced();
    match server.registry().room(&client.registered_from, now_s) {
        Room::Free => {}
        Room::InPlaceOf(id) => {
            let oldest = state::get::<Client>(server.store(), &id, now_s).await?;
            // Whoever approves it at this moment goes before.
            if let Some(oldest) = oldest.filter(|oldest| oldest.waits_for_approval()) {
                changes = changes.remove(&oldest);
            }
        }
        Room::Later(wait_s) => return Err(OAuthError::too_many(wait_s, TOO_MANY)),
        Room::None => return Err(OAuthError::new(ErrorCode::TemporarilyUnavailable, FULL)),
    }
    state::commit(server.store(), changes, now_s).await?;
    // Whoever registered it, or looks at the registry next, finds it.
    Ok(server.watch(now_s).await?)
}

const TOO_MANY: &str = "too many registrations from your network wait for an administrator; one of them must be decided first";
const FULL: &str = "no further clients can be registered";

fn refused(problems: &[Problem]) -> OAuthError {
    let code = match problems {
        [("redirect_uris", _)] => ErrorCode::InvalidRedirectUri,
        _ => ErrorCode::InvalidClientMetadata,
    };
    let texts: Vec<String> = problems
        .iter()
        .map(|(field, why)| format!("{field} {why}"))
        .collect();
    OAuthError::new(code, texts.join("; "))
}

/// RFC 7591 §3.2.1
fn document(made: &Made) -> Value {
    let client = &made.client;
    let grant_types: &[&str] = match client.kind {
        Kind::System => &["client_credentials"],
        _ => &["authorization_code", "refresh_token"],
    };
    let mut body = json!({
        "client_id": client.client_id,
        "client_id_issued_at": client.created_s,
        "client_name": client.name,
        "contacts": client.contacts,
        "redirect_uris": client.redirect_uris,
        "scope": client.scope,
        "grant_types": grant_types,
        "token_endpoint_auth_method": client.authentication.method(),
        "id_token_signed_response_alg": client.id_token_algorithm().name(),
        "state": "pending",
    });
    if let Some(purposes) = &client.purpose_of_use {
        body[purposes::PARAMETER] = purposes.clone().into();
    }
    if let Some(secret) = &made.secret {
        body["client_secret"] = secret.clone().into();
        body["client_secret_expires_at"] = 0.into();
    }
    match client.sender_constraint {
        SenderConstraint::None => {}
        SenderConstraint::Dpop => body["dpop_bound_access_tokens"] = true.into(),
        SenderConstraint::Mtls => {
            body["tls_client_certificate_bound_access_tokens"] = true.into();
        }
    }
    match &client.keys {
        Some(KeysAt::Url(url)) => body["jwks_uri"] = url.clone().into(),
        Some(KeysAt::Here(set)) => {
            body["jwks"] = serde_json::from_str(set).unwrap_or_default();
        }
        None => {}
    }
    body
}
