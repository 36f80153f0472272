//! Signing in through another OpenID provider: there by a link of the sign-in page, back with a code.
//! <https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>, RFC 9207, RFC 9700 §2 and §4.4
//!
//! Nothing that comes back counts unless this browser took its state along: nobody can be signed in as somebody else, and of two
//! that come back with one state only the first is heard.

mod begin;
mod home;
mod person;
mod provider;
mod said;
mod trouble;

pub(crate) use begin::links;
pub(crate) use provider::Provider;

use super::browser;
use super::lifetime::{self, Place};
use super::session::Assurance;
use super::way::Way;
use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::endpoints::Endpoint;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Held, UpstreamSignIn, digest};
use crate::trail::Trail;
use trouble::Trouble;
use ward_seal::hash::constant_time_eq;

pub(super) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let Some(provider) = server.upstream() else {
        trail.refused();
        return Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "this server has no other provider to sign in with",
        ));
    };
    let parameters = &request.parameters;
    let is_back = ["state", "code", "error"]
        .iter()
        .any(|name| parameters.all(name).next().is_some());
    let mut way = Way::of(request);
    let outcome = match request.session.filter(|_| request.method == "GET") {
        Some(cookie) if is_back => back(server, provider, cookie, request, &mut way, trail).await,
        None if is_back => Err(Trouble::Lost),
        // Somebody else's link, or a page that is too old: the sign-in page has a good one.
        Some(cookie)
            if server
                .forms()
                .check(request, Endpoint::Upstream.path())
                .is_ok() =>
        {
            begin::begin(server, provider, cookie, request).await
        }
        _ => return Ok(way.step(Endpoint::SignIn)),
    };
    Ok(outcome.unwrap_or_else(|trouble| {
        trail.refused();
        trouble.page(&provider.settings.name, way.link(Endpoint::SignIn))
    }))
}

/// The browser is back from the provider. `way`: where its pages lead, as soon as it is known.
async fn back(
    server: &AuthorizationServer,
    provider: &Provider,
    cookie: &str,
    request: &Request<'_>,
    way: &mut Way,
    trail: &mut Trail,
) -> Result<Answer, Trouble> {
    let begun = used_up(server, cookie, request).await?;
    *way = Way::again(begun.tx.as_deref(), begun.to.as_deref());
    let now_s = request.now_s;
    check_issuer(provider, request, now_s).await?;
    let code = match (
        request.parameters.get("error"),
        request.parameters.get("code"),
    ) {
        (None, Some(code)) => code,
        (Some("access_denied"), _) => return Err(Trouble::Declined),
        _ => return Err(Trouble::Refused),
    };
    let said = said::redeem(server, provider, code, &begun, now_s).await?;
    let base = &server.settings().base;
    let person = person::person(&said, &provider.settings, base).ok_or(Trouble::Nameless)?;
    let home = home::of(server, provider, &person, now_s).await?;
    let place = place(server, &begun, request).await?;
    let (account, proof) = (&home.account, &person.proof);
    let begun = lifetime::begin(server, account, proof, place, request, home.changes);
    let begun = begun.await??;
    trail.begun(&begun);
    let answer = if begun.session.assurance() >= Some(Assurance::Multiple) {
        Answer::redirect(way.end())
    } else if home.account.has_second_factor() {
        way.step(Endpoint::SecondFactor)
    } else {
        way.step(Endpoint::Enrol)
    };
    Ok(begun.given(answer))
}

/// What this browser took along, which is gone from now on whatever comes of it.
async fn used_up(
    server: &AuthorizationServer,
    cookie: &str,
    request: &Request<'_>,
) -> Result<Held<UpstreamSignIn>, Trouble> {
    let now_s = request.now_s;
    let sent = request.parameters.get("state").ok_or(Trouble::Lost)?;
    let key = UpstreamSignIn::key_of(sent);
    let found = state::get::<UpstreamSignIn>(server.store(), &key, now_s).await?;
    let begun = found.ok_or(Trouble::Lost)?;
    state::commit(server.store(), Changes::new().remove(&begun), now_s).await?;
    let is_own = constant_time_eq(begun.browser.as_bytes(), digest(cookie).as_bytes());
    match is_own {
        true => Ok(begun),
        false => {
            tracing::warn!("a sign-in at the upstream provider came back in another browser");
            Err(Trouble::Lost)
        }
    }
}

/// RFC 9207 §2.4: an answer that names an issuer names ours, and one of a provider that always names it does.
async fn check_issuer(
    provider: &Provider,
    request: &Request<'_>,
    now_s: i64,
) -> Result<(), Trouble> {
    let mut sent = request.parameters.all("iss");
    let issuer = provider.settings.issuer.as_str();
    match (sent.next(), sent.next()) {
        (Some(one), None) if one == issuer => Ok(()),
        (None, _) => {
            let metadata = provider.metadata(now_s).await?;
            let always = metadata
                .additional_metadata()
                .authorization_response_iss_parameter_supported;
            if always {
                Err(Trouble::AnotherIssuer)
            } else {
                Ok(())
            }
        }
        _ => Err(Trouble::AnotherIssuer),
    }
}

/// Where the browser is that went there and is back.
async fn place(
    server: &AuthorizationServer,
    begun: &UpstreamSignIn,
    request: &Request<'_>,
) -> Result<Place, OAuthError> {
    let before = lifetime::held(server, request.session, request.now_s).await?;
    let place = browser::place(server, request, before.as_deref()).await?;
    Ok(Place {
        shared: place.shared || begun.shared,
        ..place
    })
}
