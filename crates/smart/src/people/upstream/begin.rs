//! From the sign-in page to the provider. <https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest>

use super::provider::{Metadata, Provider};
use super::trouble::Trouble;
use crate::answer::Answer;
use crate::endpoints::Endpoint;
use crate::people::enrol::FRESH_S;
use crate::people::lifetime;
use crate::people::way::Way;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{
    self, Authorization, Changes, UPSTREAM_SIGN_IN_LIFETIME_S, UpstreamSignIn, digest,
};
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod,
};
use openidconnect::{
    AuthType, AuthenticationContextClass, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use std::borrow::Cow;
use std::time::Duration;
use ward_seal::random;

/// The links of the sign-in page: name and path. `csrf` makes them good for this browser only, so that no other site can begin a
/// sign-in in its place. `is_shared`: it is a shared computer, and need not be told so.
pub(crate) fn links(
    server: &AuthorizationServer,
    request: &Request<'_>,
    cookie: &str,
    is_shared: bool,
) -> Vec<(String, String)> {
    let Some(provider) = server.upstream() else {
        return Vec::new();
    };
    let path = Endpoint::Upstream.path();
    let csrf = server.forms().form(cookie, path).csrf;
    let way = Way::of(request).link(Endpoint::Upstream);
    let mark = if way.contains('?') { '&' } else { '?' };
    let link = format!("{way}{mark}csrf={csrf}");
    let name = &provider.settings.name;
    match is_shared {
        true => vec![(name.clone(), link)],
        false => vec![
            (name.clone(), link.clone()),
            (
                format!("{name}, on a computer that others use too"),
                format!("{link}&shared=yes"),
            ),
        ],
    }
}

/// Remembers that this browser went there, and sends it.
pub(super) async fn begin(
    server: &AuthorizationServer,
    provider: &Provider,
    cookie: &str,
    request: &Request<'_>,
) -> Result<Answer, Trouble> {
    let now_s = request.now_s;
    let metadata = provider.metadata(now_s).await?;
    let way = Way::of(request);
    let (tx, to) = way.kept();
    let max_age_s = max_age_s(server, &way, now_s).await?;
    let state = random::token();
    let row = UpstreamSignIn {
        id: UpstreamSignIn::key_of(&state),
        browser: digest(cookie),
        nonce: random::token(),
        verifier: random::token(),
        max_age_s,
        tx,
        to,
        shared: request.parameters.get("shared").is_some(),
        begun_s: now_s,
        expires_s: now_s.saturating_add(UPSTREAM_SIGN_IN_LIFETIME_S),
    };
    let to = authorize_url(server, provider, &metadata, state, &row)?;
    state::commit(server.store(), Changes::new().insert(&row), now_s).await?;
    Ok(Answer::redirect(to))
}

/// How old the sign-in there may be: as old as a session here, or as young as what waits for it asks.
async fn max_age_s(server: &AuthorizationServer, way: &Way, now_s: i64) -> Result<i64, Trouble> {
    let (tx, to) = way.kept();
    let from_s = match (tx, to) {
        (Some(tx), _) => {
            let found = state::get::<Authorization>(server.store(), &tx, now_s).await?;
            found.and_then(|waiting| waiting.signed_in_from_s)
        }
        (None, Some(to)) if to == Endpoint::Enrol.path() => Some(now_s - FRESH_S),
        _ => None,
    };
    let asked = from_s.map_or(lifetime::LIFETIME_S, |from_s| now_s.saturating_sub(from_s));
    Ok(asked.clamp(0, lifetime::LIFETIME_S))
}

fn authorize_url(
    server: &AuthorizationServer,
    provider: &Provider,
    metadata: &Metadata,
    state: String,
    row: &UpstreamSignIn,
) -> Result<String, Trouble> {
    let settings = &provider.settings;
    let client = client(provider, metadata);
    let verifier = PkceCodeVerifier::new(row.verifier.clone());
    let nonce = row.nonce.clone();
    let redirect = redirect_url(server)?;
    let mut asked = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        )
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .set_redirect_uri(Cow::Owned(redirect))
        .set_max_age(Duration::from_secs(row.max_age_s.unsigned_abs()));
    if row.max_age_s < lifetime::LIFETIME_S {
        // Not every provider knows max_age; what it says of the time is checked in any case.
        asked = asked.add_prompt(CoreAuthPrompt::Login);
    }
    for scope in &settings.scopes {
        asked = asked.add_scope(Scope::new(scope.clone()));
    }
    for value in &settings.acr_values {
        asked = asked.add_auth_context_value(AuthenticationContextClass::new(value.clone()));
    }
    for (name, value) in &settings.parameters {
        asked = asked.add_extra_param(name.clone(), value.clone());
    }
    let (url, _, _) = asked.url();
    Ok(url.to_string())
}

/// Where the provider sends people back: what must be registered there.
pub(super) fn redirect_url(server: &AuthorizationServer) -> Result<RedirectUrl, Trouble> {
    RedirectUrl::new(server.url(Endpoint::Upstream)).map_err(|_| {
        tracing::error!("server.base_url is no URL that a provider could send people back to");
        Trouble::Unreachable
    })
}

pub(super) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// We, as the provider's client.
pub(super) fn client(provider: &Provider, metadata: &Metadata) -> Client {
    let settings = &provider.settings;
    let client = CoreClient::from_provider_metadata(
        metadata.clone(),
        ClientId::new(settings.client_id.clone()),
        Some(ClientSecret::new(settings.client_secret.text().to_owned())),
    );
    // By the header unless the provider takes the secret in the body only (RFC 6749 §2.3.1).
    let known = metadata.token_endpoint_auth_methods_supported();
    let takes = |method: &CoreClientAuthMethod| known.is_some_and(|known| known.contains(method));
    let in_body = takes(&CoreClientAuthMethod::ClientSecretPost)
        && !takes(&CoreClientAuthMethod::ClientSecretBasic);
    if in_body {
        client.set_auth_type(AuthType::RequestBody)
    } else {
        client
    }
}
