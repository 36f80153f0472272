//! The answer that holds the tokens of a user, with the launch context. <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#response-5> (S39, S40, S83 to S87, S90)

use super::{Asked, invalid_grant};
use crate::answer::{Answer, OAuthError};
use crate::claims::{
    Claims, Confirmation, SCOPE_IN_TOKEN_BYTES_MAX, TOKEN_LIFETIME_S, TOKEN_LIFETIME_S_MAX,
};
use crate::discovery::style_url;
use crate::id_token;
use crate::purposes::{self, Person};
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Grant, Held, RefreshToken, Refused, ScopeText, digest};
use crate::tokens::{CLOCK_SKEW_S, Minted};
use crate::trail::Trail;
use serde_json::{Map, Value, json};
use ward_access::Purposes;

/// How long a grant of offline access lives without being used; each use begins it anew. More than three months (S90).
pub const OFFLINE_IDLE_S: i64 = 180 * 24 * 3600;
/// How long a grant of online access lives without being used; it ends with its session before.
pub const ONLINE_IDLE_S: i64 = 24 * 3600;

pub(super) struct Granted<'a> {
    pub scope: &'a str,
    pub purposes: Purposes,
    /// Of the authorization request, for the id_token.
    pub nonce: Option<&'a str>,
    /// The refresh token that stays good (FAPI 2.0); `None`: a new one is issued.
    pub kept: Option<&'a str>,
}

/// Mints the tokens, makes the changes together with what must be remembered of them, and only then lets the tokens go.
pub(super) async fn respond(
    (asked, trail): (&Asked<'_>, &mut Trail),
    grant: &mut Held<Grant>,
    granted: Granted<'_>,
    changes: Changes,
) -> Result<Answer, Refused> {
    let (server, now_s) = (asked.server, asked.request.now_s);
    let minted = server
        .tokens()
        .mint(&claims(asked, grant, &granted), now_s)
        .map_err(|_| Refused::Unavailable)?;
    asked.is_current().await?;
    grant.last_used_s = Some(now_s);
    grant.expires_s = now_s + lifetime_s(grant);
    let new = (grant.refreshable && granted.kept.is_none()).then(ward_seal::random::token);
    let mut changes = changes.replace(grant);
    if let Some(secret) = &new {
        changes = changes.insert(&remembered(asked, grant, secret));
    }
    changes = apart(changes, &minted, granted.scope);
    let mut body = token_members(&minted, granted.scope, asked.bound.as_ref(), now_s);
    body.extend(launch_parameters(server, grant));
    if granted.scope.split(' ').any(|scope| scope == "openid") {
        let token = id_token::sign(
            server,
            asked.client,
            grant,
            granted.scope,
            granted.nonce,
            &minted.token,
            now_s,
        )
        .await;
        body.insert(
            "id_token".to_owned(),
            token.map_err(|_| Refused::Unavailable)?.into(),
        );
    }
    if let Some(secret) = new.as_deref().or(granted.kept) {
        body.insert("refresh_token".to_owned(), secret.into());
    }
    state::commit(server.store(), changes, now_s).await?;
    trail.issued(&minted, granted.scope);
    Ok(Answer::json(200, &Value::Object(body)))
}

/// What every answer with a token says.
pub(super) fn token_members(
    minted: &Minted,
    scope: &str,
    bound: Option<&Confirmation>,
    now_s: i64,
) -> Map<String, Value> {
    let token_type = match bound {
        Some(Confirmation::DpopKey(_)) => "DPoP",
        _ => "Bearer",
    };
    let members = json!({
        "access_token": minted.token,
        "token_type": token_type,
        "expires_in": minted.expires_s - now_s,
        "scope": scope,
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A scope that no header should carry is kept for the token (S49).
pub(super) fn apart(changes: Changes, minted: &Minted, scope: &str) -> Changes {
    match scope.len() > SCOPE_IN_TOKEN_BYTES_MAX {
        true => changes.insert(&ScopeText {
            token_id: minted.id.clone(),
            scope: scope.to_owned(),
            expires_s: minted.expires_s,
        }),
        false => changes,
    }
}

fn claims(asked: &Asked<'_>, grant: &Grant, granted: &Granted<'_>) -> Claims {
    Claims {
        subject: grant.subject.clone(),
        client_id: grant.client_id.clone(),
        scope: granted.scope.to_owned(),
        patient: grant.patient.clone(),
        fhir_user: grant.fhir_user.clone(),
        roles: grant.roles.clone(),
        purposes: granted.purposes.clone(),
        // What is granted for when nobody is there outlives the session; the rest dies with it.
        session: (!grant.offline).then(|| grant.session.clone()),
        workstation: grant.computer.clone(),
        acr: Some(grant.acr.clone()).filter(|acr| !acr.is_empty()),
        amr: grant.amr.clone(),
        grant: Some(grant.id.clone()),
        confirmation: asked.bound.clone(),
        lifetime_s: TOKEN_LIFETIME_S,
    }
}

/// What tokens of a grant are for, by the registration and the roles as they are now.
pub(super) fn acted_for(
    asked: &Asked<'_>,
    grant: &Grant,
    scope: &str,
) -> Result<Purposes, OAuthError> {
    let asserted = purposes::asserted(grant.purpose_of_use.as_deref());
    let person = Person::of_account(grant.fhir_user.as_deref(), &grant.roles);
    let purposes =
        asserted.and_then(|asserted| purposes::of_person(asked.client, &person, asserted, scope));
    purposes.map_err(|error| invalid_grant(&error.description))
}

fn remembered(asked: &Asked<'_>, grant: &Grant, secret: &str) -> RefreshToken {
    RefreshToken {
        digest: digest(secret),
        grant: grant.id.clone(),
        client_id: grant.client_id.clone(),
        dpop_key: asked.dpop_key().map(str::to_owned),
        used_s: None,
        expires_s: grant.expires_s,
    }
}

/// How long a grant lives from its use on, and with it its refresh token.
pub(super) fn lifetime_s(grant: &Grant) -> i64 {
    match (grant.offline, grant.refreshable) {
        (true, _) => OFFLINE_IDLE_S,
        (false, true) => ONLINE_IDLE_S,
        (false, false) => TOKEN_LIFETIME_S_MAX + CLOCK_SKEW_S,
    }
}

/// What a launch is about, as the answer to a grant and what is told of its tokens say it.
pub(crate) fn launch_parameters(server: &AuthorizationServer, grant: &Grant) -> Map<String, Value> {
    let launch = &grant.launch;
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    let text = |value: &Option<String>| value.clone().map(Value::from);
    put("patient", text(&grant.patient));
    put("encounter", text(&launch.encounter));
    put("intent", text(&launch.intent));
    let context = (!launch.fhir_context.is_empty()).then(|| launch.fhir_context.clone().into());
    put("fhirContext", context);
    let has_patient = grant.patient.is_some();
    put(
        "need_patient_banner",
        has_patient.then(|| launch.need_patient_banner.unwrap_or(true).into()),
    );
    put("smart_style_url", Some(style_url(server).into()));
    body
}
