//! The code becomes what the provider says of the person, checked in every point of
//! <https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation>.

use super::begin::{client, redirect_url};
use super::provider::{Metadata, Provider};
use super::trouble::Trouble;
use crate::server::AuthorizationServer;
use crate::state::UpstreamSignIn;
use openidconnect::core::{
    CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
    CoreRequestTokenError, CoreTokenResponse,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClaimsVerificationError, ClientId, HttpRequest, IssuerUrl,
    Nonce, OAuth2TokenResponse, PkceCodeVerifier, RequestTokenError, TokenResponse,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ward_seal::from_base64url;
use ward_seal::jwk::Algorithm;

/// Claims whose signature, issuer, audience, time and nonce are right.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub claims: Map<String, Value>,
    /// When the person signed in there: seconds since 1970, never in the future.
    pub auth_time_s: i64,
}

/// How far the provider's clock may be from ours.
pub const CLOCK_SKEW_S: i64 = 60;
/// Signatures that are taken: none with a shared secret, and not `none`.
const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Ps256,
    Algorithm::Es256,
    Algorithm::Es384,
];

pub(super) async fn redeem(
    server: &AuthorizationServer,
    provider: &Provider,
    code: &str,
    begun: &UpstreamSignIn,
    now_s: i64,
) -> Result<Said, Trouble> {
    let metadata = provider.metadata(now_s).await?;
    let answer = ask(server, provider, &metadata, code, begun).await?;
    let id_token = answer.id_token().ok_or_else(|| {
        tracing::error!("the upstream provider gave no id_token: is the scope openid permitted?");
        Trouble::Untrusted
    })?;
    let written = id_token.to_string();
    let verifier = verifier(provider, &metadata, &written, now_s).await?;
    let nonce = Nonce::new(begun.nonce.clone());
    let claims = id_token.claims(&verifier, &nonce).map_err(refused)?;
    check_access_token(&answer, id_token, &verifier, claims.access_token_hash())?;
    let client_id = provider.settings.client_id.as_str();
    if claims
        .authorized_party()
        .is_some_and(|party| party.as_str() != client_id)
    {
        tracing::warn!("the upstream provider's id_token was issued to another client (azp)");
        return Err(Trouble::Untrusted);
    }
    let auth_time_s = claims.auth_time().map(|at| at.timestamp());
    Ok(Said {
        auth_time_s: check_age(auth_time_s, begun.max_age_s, now_s)?,
        claims: payload(&written)?,
    })
}

/// The token request, with the code, our secret and the verifier of the challenge.
async fn ask(
    server: &AuthorizationServer,
    provider: &Provider,
    metadata: &Metadata,
    code: &str,
    begun: &UpstreamSignIn,
) -> Result<CoreTokenResponse, Trouble> {
    let client = client(provider, metadata);
    let request = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .map_err(|_| {
            tracing::error!("the upstream provider names no token endpoint");
            Trouble::Unreachable
        })?
        .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier.clone()))
        .set_redirect_uri(std::borrow::Cow::Owned(redirect_url(server)?));
    let http = |request: HttpRequest| provider.send(request);
    let answered = request.request_async(&http).await;
    answered.map_err(|error: CoreRequestTokenError<_>| match error {
        RequestTokenError::ServerResponse(said) => {
            // A word of RFC 6749 §5.2, or one that is not known: never what the provider wrote beside it.
            let code = said.error().as_ref().to_owned();
            let known = TOKEN_ERRORS.iter().find(|known| **known == code);
            let error = known.copied().unwrap_or("another error");
            tracing::error!(error, "the upstream provider did not redeem a code");
            Trouble::Refused
        }
        RequestTokenError::Request(reason) => {
            tracing::warn!(%reason, "the upstream provider's token endpoint cannot be reached");
            Trouble::Unreachable
        }
        _ => {
            tracing::error!("the upstream provider's token endpoint answers what cannot be read");
            Trouble::Refused
        }
    })
}

/// Knows the one key that the token may be signed with. The algorithm is bound to the key, not chosen by the token.
async fn verifier(
    provider: &Provider,
    metadata: &Metadata,
    written: &str,
    now_s: i64,
) -> Result<CoreIdTokenVerifier<'static>, Trouble> {
    let untrusted = || {
        tracing::warn!("the upstream provider's id_token is not signed by a key that it publishes");
        Trouble::Untrusted
    };
    let header = written.split('.').next().and_then(from_base64url);
    let header: Header = header
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(untrusted)?;
    let algorithm = Algorithm::of(&header.alg)
        .filter(|algorithm| ALGORITHMS.contains(algorithm))
        .ok_or_else(untrusted)?;
    let kid = header.kid.as_deref();
    let key = provider.key(metadata, kid, algorithm, now_s).await;
    let key = key.ok_or_else(untrusted)?.to_json();
    let key: CoreJsonWebKey = serde_json::from_str(&key).map_err(|_| untrusted())?;
    let named = Value::String(algorithm.name().to_owned());
    let named: CoreJwsSigningAlgorithm = serde_json::from_value(named).map_err(|_| untrusted())?;
    let issuer = IssuerUrl::new(provider.settings.issuer.clone()).map_err(|_| untrusted())?;
    let client_id = ClientId::new(provider.settings.client_id.clone());
    // Of a public client: then no signature by a shared secret is ever tried.
    let verifier = CoreIdTokenVerifier::new_public_client(
        client_id,
        issuer,
        CoreJsonWebKeySet::new(vec![key]),
    );
    Ok(verifier
        .set_allowed_algs([named])
        .set_time_fn(move || time(now_s - CLOCK_SKEW_S).into())
        .set_issue_time_verifier_fn(move |at| match at.timestamp() {
            at_s if at_s > now_s + CLOCK_SKEW_S => Err("issued in the future".to_owned()),
            at_s if at_s < now_s - CLOCK_SKEW_S - ISSUED_AGE_S_MAX => {
                Err("issued too long ago".to_owned())
            }
            _ => Ok(()),
        }))
}

/// An id_token is made for the code that was just redeemed: seconds that it may be old.
const ISSUED_AGE_S_MAX: i64 = 300;

/// What names the key. Providers put more beside it (`x5t` and the like), which counts for nothing; `crit` is refused with the rest.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// `at_hash`: the access token came with this id_token. Nothing is done with it, but an answer put together of two is refused.
fn check_access_token(
    answer: &CoreTokenResponse,
    id_token: &CoreIdToken,
    verifier: &CoreIdTokenVerifier<'_>,
    expected: Option<&AccessTokenHash>,
) -> Result<(), Trouble> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let actual = id_token
        .signing_alg()
        .ok()
        .zip(id_token.signing_key(verifier).ok())
        .and_then(|(alg, key)| AccessTokenHash::from_token(answer.access_token(), alg, key).ok());
    match actual.as_ref() == Some(expected) {
        true => Ok(()),
        false => {
            tracing::warn!("the upstream provider's id_token belongs to another access token");
            Err(Trouble::Untrusted)
        }
    }
}

/// Asked with `max_age`, a provider must say when (OpenID Connect Core §2).
fn check_age(auth_time_s: Option<i64>, max_age_s: i64, now_s: i64) -> Result<i64, Trouble> {
    let Some(at_s) = auth_time_s else {
        tracing::error!("the upstream provider's id_token has no auth_time");
        return Err(Trouble::TooOld);
    };
    if at_s > now_s.saturating_add(CLOCK_SKEW_S) {
        return Err(Trouble::Clocks);
    }
    if now_s.saturating_sub(at_s) > max_age_s.saturating_add(CLOCK_SKEW_S) {
        return Err(Trouble::TooOld);
    }
    Ok(at_s.min(now_s))
}

/// Names the rule, never what was said.
fn refused(error: ClaimsVerificationError) -> Trouble {
    let (why, trouble) = match error {
        ClaimsVerificationError::Expired(_) => ("time", Trouble::Clocks),
        ClaimsVerificationError::InvalidAudience(_) => ("audience", Trouble::Untrusted),
        ClaimsVerificationError::InvalidIssuer(_) => ("issuer", Trouble::AnotherIssuer),
        ClaimsVerificationError::InvalidNonce(_) => ("nonce", Trouble::Untrusted),
        ClaimsVerificationError::SignatureVerification(_) => ("signature", Trouble::Untrusted),
        _ => ("form", Trouble::Untrusted),
    };
    tracing::warn!(why, "the upstream provider's id_token is refused");
    trouble
}

/// All claims of a token that has been verified.
fn payload(written: &str) -> Result<Map<String, Value>, Trouble> {
    let json = written.split('.').nth(1).and_then(from_base64url);
    json.and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or(Trouble::Untrusted)
}

fn time(now_s: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(now_s.max(0).unsigned_abs())
}

const TOKEN_ERRORS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];
