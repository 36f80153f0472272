//! Who a client is, and that it is. <https://hl7.org/fhir/smart-app-launch/STU2.2/client-authentication.html> (S45 to S47, S52 to S63)

pub(crate) mod addresses;
mod certificate;
mod private_key_jwt;
mod secret;

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::bearer::Refusal;
use crate::request::Request;
use crate::resource_server::Credentials;
use crate::server::AuthorizationServer;
use crate::state::{self, Authentication, Client, ClientState, Held, RefreshToken, digest};
use crate::trail::Trail;
use secret::Basic;
use serde_json::json;

/// What a request shows of its client. Never more than one proof.
enum Shown<'a> {
    Nothing,
    Secret(String),
    Assertion(&'a str),
}

/// The client of a request, authenticated by the method it is registered with, active, and from an address it may come from.
pub(crate) async fn authenticate(
    server: &AuthorizationServer,
    request: &Request<'_>,
    endpoint_url: &str,
    trail: &mut Trail,
) -> Result<Held<Client>, OAuthError> {
    let (client_id, shown) = shown(request)?;
    prove(server, request, &client_id, shown, endpoint_url, trail).await
}

/// The client of a refresh. One that has nothing to prove itself by need not name itself either, as fhirclient does not: its
/// refresh token tells whose it is (RFC 6749 §6). Whoever is registered with a proof must show it. `Ok(None)`: nobody's token.
pub(crate) async fn authenticate_for_refresh(
    server: &AuthorizationServer,
    request: &Request<'_>,
    endpoint_url: &str,
    trail: &mut Trail,
) -> Result<Option<Held<Client>>, OAuthError> {
    let names = ["client_id", "client_secret", "client_assertion"];
    let is_named = request.authorization.is_some()
        || names
            .iter()
            .any(|name| request.parameters.get(name).is_some());
    let token = request.parameters.get("refresh_token");
    let Some(token) = token.filter(|_| !is_named) else {
        let client = authenticate(server, request, endpoint_url, trail).await?;
        return Ok(Some(client));
    };
    let known = state::get::<RefreshToken>(server.store(), &digest(token), request.now_s).await?;
    let Some(known) = known else {
        return Ok(None);
    };
    let shown = Shown::Nothing;
    let id = &known.client_id;
    let client = prove(server, request, id, shown, endpoint_url, trail).await?;
    Ok(Some(client))
}

/// Whether what is shown is the proof that the client is registered with.
async fn prove(
    server: &AuthorizationServer,
    request: &Request<'_>,
    client_id: &str,
    shown: Shown<'_>,
    endpoint_url: &str,
    trail: &mut Trail,
) -> Result<Held<Client>, OAuthError> {
    let found = state::get::<Client>(server.store(), client_id, request.now_s).await?;
    let Some(client) = found else {
        return Err(unknown());
    };
    if client.fapi2 && !client.has_key() {
        return Err(unknown());
    }
    match (client.authentication, shown) {
        (Authentication::None, Shown::Nothing) => {}
        (Authentication::ClientSecretBasic, Shown::Secret(secret)) => {
            secret::check(&client, &secret)?;
        }
        (Authentication::PrivateKeyJwt, Shown::Assertion(assertion)) => {
            // Nothing is fetched for a client that nobody approved.
            active(&client)?;
            private_key_jwt::check(server, &client, assertion, endpoint_url, request.now_s).await?;
        }
        (Authentication::TlsClientAuth, Shown::Nothing) => certificate::check(&client, request)?,
        _ => return Err(unknown()),
    }
    trail.client(&client);
    permitted(&client, request)?;
    match client.authentication {
        // Anybody can name it.
        Authentication::None => charge_address(request, trail)?,
        _ => charge_client(&client, request, trail)?,
    }
    Ok(client)
}

/// What the request costs the client, which has proved who it is (C17).
fn charge_client(
    client: &Client,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<(), OAuthError> {
    let budget = client.budgets.requests_per_minute;
    let Some(meter) = request.meter.filter(|_| trail.charge()) else {
        return Ok(());
    };
    meter
        .take_of_client(&client.client_id, budget)
        .map_err(|wait_s| OAuthError::too_many(wait_s, "too many requests of this client"))
}

/// What the request costs the address that it comes from, unless somebody has paid.
pub(crate) fn charge_address(request: &Request<'_>, trail: &mut Trail) -> Result<(), OAuthError> {
    let Some(meter) = request.meter.filter(|_| trail.charge()) else {
        return Ok(());
    };
    let why = "too many requests come from this address without proof of which client asks";
    meter
        .take_of_address()
        .map_err(|wait_s| OAuthError::too_many(wait_s, why))
}

/// Who asks: by a token of its own, or by client authentication.
pub(crate) async fn asker(
    server: &AuthorizationServer,
    request: &Request<'_>,
    endpoint_url: &str,
    trail: &mut Trail,
) -> Result<Result<Held<Client>, Answer>, OAuthError> {
    let scheme = request
        .authorization
        .and_then(|value| value.split(' ').next());
    let by_token = scheme.is_some_and(|scheme| {
        scheme.eq_ignore_ascii_case("Bearer") || scheme.eq_ignore_ascii_case("DPoP")
    });
    if !by_token {
        return Ok(Ok(authenticate(server, request, endpoint_url, trail).await?));
    }
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
        Err(refusal) => return Ok(Err(challenge(refusal))),
    };
    let found = state::get::<Client>(server.store(), &caller.client_id, request.now_s).await?;
    let client = found.ok_or_else(|| {
        OAuthError::new(
            ErrorCode::InvalidClient,
            "the client is not registered any more",
        )
    })?;
    trail.client(&client);
    permitted(&client, request)?;
    charge_client(&client, request, trail)?;
    Ok(Ok(client))
}

/// RFC 6750 §3
pub(crate) fn challenge(refusal: Refusal) -> Answer {
    let code = refusal.error.code().unwrap_or("invalid_token");
    let body = json!({ "error": code, "error_description": refusal.error.description() });
    let answer = Answer::json(refusal.error.status(), &body)
        .with_header("WWW-Authenticate", refusal.www_authenticate());
    match refusal.nonce {
        Some(nonce) => answer.with_header("DPoP-Nonce", nonce),
        None => answer,
    }
}

/// Whether a client may be served at all, and from where the request comes.
pub(crate) fn permitted(client: &Client, request: &Request<'_>) -> Result<(), OAuthError> {
    active(client)?;
    let refused = |why| Err(OAuthError::new(ErrorCode::InvalidClient, why));
    if !addresses::permit(&client.addresses, request.source) {
        return refused("the client may not come from this address");
    }
    if !certificate::permits(client, request) {
        return refused("the client is bound to a certificate: connect with it");
    }
    Ok(())
}

fn active(client: &Client) -> Result<(), OAuthError> {
    let why = match client.state {
        ClientState::Active => return Ok(()),
        ClientState::Pending => "the client's registration is not approved yet",
        ClientState::Suspended => "the client is suspended",
    };
    Err(OAuthError::new(ErrorCode::InvalidClient, why))
}

/// Clients past their review date get no new tokens (AT17b).
pub(crate) fn may_get_tokens(client: &Client, now_s: i64) -> Result<(), OAuthError> {
    if client.is_review_due(now_s) {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "the client's registration must be reviewed before it gets further tokens",
        ));
    }
    Ok(())
}

/// The answer to a failed authentication names the scheme that may be used (RFC 6749 §5.2).
pub(crate) fn refusal(error: OAuthError) -> Answer {
    let challenge = error.code == ErrorCode::InvalidClient;
    let answer = Answer::from(error);
    match challenge {
        true => answer.with_header("WWW-Authenticate", "Basic realm=\"ward\"".to_owned()),
        false => answer,
    }
}

/// One text for a client that is unknown, for a wrong proof and for a proof of the wrong kind: nobody learns which.
fn unknown() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidClient,
        "the client is unknown or did not prove itself by its registered method",
    )
}

fn shown<'a>(request: &'a Request<'_>) -> Result<(String, Shown<'a>), OAuthError> {
    let invalid = |why| Err(OAuthError::new(ErrorCode::InvalidRequest, why));
    let parameters = &request.parameters;
    let named = parameters.get("client_id");
    let in_body = parameters.get("client_secret");
    let assertion = parameters.get("client_assertion");
    let basic = Basic::read(request.authorization)?;
    let proofs = [basic.is_some(), in_body.is_some(), assertion.is_some()];
    if proofs.iter().filter(|given| **given).count() > 1 {
        return invalid("the client authenticates by more than one method");
    }
    let kind = parameters.get("client_assertion_type");
    if (assertion.is_some() || kind.is_some()) && kind != Some(private_key_jwt::ASSERTION_TYPE) {
        return invalid("client_assertion_type is not the one of RFC 7523");
    }
    let (client_id, shown) = match (basic, in_body, assertion) {
        (Some(basic), _, _) => (Some(basic.client_id), Shown::Secret(basic.secret)),
        (_, Some(secret), _) => (None, Shown::Secret(secret.to_owned())),
        (_, _, Some(assertion)) => (
            private_key_jwt::issuer(assertion),
            Shown::Assertion(assertion),
        ),
        _ => (None, Shown::Nothing),
    };
    match (client_id, named) {
        (Some(proved), Some(named)) if proved != named => {
            invalid("client_id is another than the one that authenticates")
        }
        (Some(proved), _) => Ok((proved, shown)),
        (None, Some(named)) if !matches!(shown, Shown::Assertion(_)) => {
            Ok((named.to_owned(), shown))
        }
        _ => Err(unknown()),
    }
}
