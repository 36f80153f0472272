//! Pushed authorization requests. <https://www.rfc-editor.org/rfc/rfc9126> (S35, S36)

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::authorize::request::check;
use crate::client_authentication::authenticate;
use crate::dpop::{self, Proved};
use crate::endpoints::Endpoint;
use crate::fapi;
use crate::request::{Parameters, Request};
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Client, Held, PUSHED_LIFETIME_S, PushedRequest};
use crate::token::{WEAK_PROOF, proof_error};
use crate::trail::Trail;
use serde_json::json;

/// Checks a request as the authorization endpoint would, and keeps it.
pub(crate) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let url = server.url(Endpoint::PushedAuthorizationRequest);
    let client = authenticate(server, request, &url, trail).await?;
    if request.parameters.get("request_uri").is_some() {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "a pushed request names no request_uri",
        ));
    }
    let parameters = without_credentials(&request.parameters);
    check(
        server,
        &client,
        &Parameters::new(parameters.clone()),
        request.now_s,
    )
    .await?;
    let dpop_key = match proved(server, &client, request).await {
        Ok(key) => key,
        Err(refused) => return Ok(refused),
    };
    let named = request.parameters.get("dpop_jkt");
    let both = named.zip(dpop_key.as_deref());
    if both.is_some_and(|(named, proved)| named != proved) {
        return Err(OAuthError::new(
            ErrorCode::InvalidDpopProof,
            "dpop_jkt names another key than the one that signed the DPoP proof",
        ));
    }
    let pushed = PushedRequest {
        request_uri: format!("{PREFIX}{}", ward_seal::random::token()),
        client_id: client.client_id.clone(),
        parameters,
        dpop_key,
        expires_s: request.now_s.saturating_add(PUSHED_LIFETIME_S),
    };
    state::commit(
        server.store(),
        Changes::new().insert(&pushed),
        request.now_s,
    )
    .await?;
    let body = json!({ "request_uri": pushed.request_uri, "expires_in": PUSHED_LIFETIME_S });
    Ok(Answer::json(201, &body))
}

/// The pushed request that an authorization request names. `None`: it names none. Error: a page, because what it would be
/// answered to is not known.
pub(crate) async fn pushed(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters,
    now_s: i64,
) -> Result<Option<Held<PushedRequest>>, OAuthError> {
    let Some(uri) = parameters.get("request_uri") else {
        return Ok(None);
    };
    let unknown = || {
        OAuthError::new(
            ErrorCode::InvalidRequest,
            "request_uri is not one that this app pushed here within the last 90 seconds",
        )
    };
    // Nothing is fetched from anywhere (S36).
    if !uri.starts_with(PREFIX) {
        return Err(unknown());
    }
    let found = state::get::<PushedRequest>(server.store(), uri, now_s).await?;
    let found = found.filter(|pushed| pushed.client_id == client.client_id);
    found.map(Some).ok_or_else(unknown)
}

/// Thumbprint of the key of a DPoP proof, which the code will be bound to (RFC 9449 §10.1).
async fn proved(
    server: &AuthorizationServer,
    client: &Client,
    request: &Request<'_>,
) -> Result<Option<String>, Answer> {
    let Some(header) = request.dpop else {
        return Ok(None);
    };
    let proved = Proved {
        method: request.method,
        url: request.url,
        token: None,
    };
    let now_s = request.now_s;
    let proof = dpop::check(header, proved, server.nonces(), now_s)
        .map_err(|error| proof_error(server, error, now_s))?;
    if !fapi::permits_proof(client, header) {
        return Err(proof_error(server, WEAK_PROOF, now_s));
    }
    match server.use_proof(&proof, now_s).await {
        Ok(()) => Ok(Some(proof.thumbprint)),
        Err(refused) => Err(crate::token::used_proof(server, refused, now_s)),
    }
}

/// What authenticates the client is not part of what it asks for.
fn without_credentials(parameters: &Parameters) -> Vec<(String, String)> {
    const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];
    parameters
        .iter()
        .filter(|(name, _)| !CREDENTIALS.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
