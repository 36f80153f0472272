//! A grant and its code. <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2> (S26)

use super::redirect::Redirect;
use super::{UnderWay, end, patient_picker};
use crate::answer::{Answer, OAuthError};
use crate::apps;
use crate::claims::TOKEN_LIFETIME_S_MAX;
use crate::people::session::Session;
use crate::purposes;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{
    self, Authorization, CODE_LIFETIME_S, Changes, Code, Grant, LaunchValues, Refused, digest,
};
use crate::tokens::CLOCK_SKEW_S;
use crate::trail::Trail;

/// Grants all that was asked, where nobody need be asked.
pub(super) async fn all(
    server: &AuthorizationServer,
    under_way: UnderWay,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let Some(session) = under_way.session.clone() else {
        return Err(OAuthError::unavailable());
    };
    if !patient_picker::may_see(server, &session, &under_way.authorization, request).await? {
        let error = patient_picker::not_seen();
        return end(server, under_way, &error, request.now_s, trail).await;
    }
    let scope = under_way
        .authorization
        .scope
        .split(' ')
        .map(str::to_owned)
        .collect();
    code(server, under_way, &session, scope, request.now_s, trail).await
}

/// Ends the authorization with a code for these scopes. The row goes with it: of a form that is sent twice, one gets a code.
pub(super) async fn code(
    server: &AuthorizationServer,
    under_way: UnderWay,
    session: &Session,
    scope: Vec<String>,
    now_s: i64,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let authorization = &under_way.authorization;
    let for_ = purposes::of_authorization(server, &under_way.client, session, authorization).await;
    let for_ = match for_ {
        Ok(purposes) => purposes,
        Err(error) => return end(server, under_way, &error, now_s, trail).await,
    };
    trail.purposes(&for_);
    apps::make_room(server, &session.subject, &authorization.client_id, now_s).await?;
    let grant = grant(authorization, session, &scope, now_s);
    trail.grant(&grant);
    let secret = ward_seal::random::token();
    let expires_s = now_s.saturating_add(CODE_LIFETIME_S);
    let code = Code {
        digest: digest(&secret),
        grant: grant.id.clone(),
        client_id: authorization.client_id.clone(),
        redirect_uri: authorization.redirect_uri.clone(),
        challenge: authorization.challenge.clone(),
        nonce: authorization.nonce.clone(),
        dpop_key: authorization.dpop_key.clone(),
        expires_s,
        used: false,
        kept_until_s: expires_s,
    };
    let changes = Changes::new()
        .remove(authorization)
        .insert(&grant)
        .insert(&code);
    match state::commit(server.store(), changes, now_s).await {
        Ok(()) => Ok(Redirect::to(authorization).code(&server.settings().issuer, &secret)),
        Err(Refused::Conflict(_)) => Err(super::over()),
        Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
    }
}

fn grant(authorization: &Authorization, session: &Session, scope: &[String], now_s: i64) -> Grant {
    let has = |name: &str| scope.iter().any(|one| one == name);
    let context = has("launch")
        || scope
            .iter()
            .any(|one| one.starts_with("launch/") || one.starts_with("patient/"));
    Grant {
        id: ward_seal::random::uuid(),
        client_id: authorization.client_id.clone(),
        subject: session.subject.clone(),
        account: session.account.clone(),
        fhir_user: session.fhir_user.clone(),
        roles: session.roles.clone(),
        scope: scope.join(" "),
        purpose_of_use: authorization.purpose_of_use.clone(),
        patient: authorization
            .patient_in_context()
            .filter(|_| context)
            .map(str::to_owned),
        launch: match &authorization.launch {
            Some(launch) if context => launch.clone(),
            _ => LaunchValues::default(),
        },
        session: session.sid().to_owned(),
        auth_time_s: session.auth_time_s,
        acr: session.acr.clone(),
        amr: session.amr.clone(),
        computer: session.computer.clone(),
        offline: has("offline_access"),
        refreshable: has("offline_access") || has("online_access"),
        approved_s: now_s,
        last_used_s: None,
        expires_s: now_s + CODE_LIFETIME_S + TOKEN_LIFETIME_S_MAX + CLOCK_SKEW_S,
    }
}
