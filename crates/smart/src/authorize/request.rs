//! Whether an authorization request asks for something that its client may have, in a way that is safe.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#request-4> (S18 to S24, S28, S29, S32, S36, S37)

use super::redirect::Redirect;
use crate::answer::{ErrorCode, OAuthError};
use crate::people::session::Assurance;
use crate::purposes;
use crate::request::Parameters;
use crate::scope_ceiling::{self, Flow};
use crate::server::AuthorizationServer;
use crate::state::{
    self, AUTHORIZATION_LIFETIME_S, Authorization, Client, Held, Kind, LaunchContext,
};
use ward_seal::pkce::is_challenge;

/// A request that is in order, and the launch context that it uses up.
#[derive(Debug)]
pub(crate) struct Checked {
    pub authorization: Authorization,
    pub launch: Option<Held<LaunchContext>>,
}

/// Bytes of `nonce`.
const NONCE_BYTES_MAX: usize = 1024;

/// Checks everything but client and redirect URI, which decide where an error is told.
pub(crate) async fn check(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters,
    now_s: i64,
) -> Result<Checked, OAuthError> {
    let redirect = Redirect::of(client, parameters)?;
    check_form(client, parameters)?;
    let challenge = check_challenge(parameters)?;
    check_audience(server, parameters)?;
    let asked = parameters.get("scope").unwrap_or_default();
    let scope = scope_ceiling::within(asked, client, Flow::User)?;
    let launch = check_launch(server, client, parameters, &scope, now_s).await?;
    let launched = launch.as_ref();
    let launched = launched.and_then(|launch| launch.values.purpose_of_use.as_deref());
    let asserted = purposes::of_request(client, parameters.get(purposes::PARAMETER), launched)?;
    let authorization = Authorization {
        id: ward_seal::random::token(),
        client_id: client.client_id.clone(),
        redirect_uri: redirect.uri().to_owned(),
        state: parameters.get("state").unwrap_or_default().to_owned(),
        nonce: check_nonce(parameters)?,
        scope: scope.join(" "),
        purpose_of_use: (!asserted.is_empty()).then(|| asserted.to_string()),
        challenge,
        dpop_key: parameters.get("dpop_jkt").map(str::to_owned),
        launch: launch.as_ref().map(|launch| launch.values.clone()),
        launch_user: launch.as_ref().and_then(|launch| launch.user.clone()),
        framed_by: launch
            .as_ref()
            .map(|launch| launch.framed_by.clone())
            .unwrap_or_default(),
        silent: prompts(parameters)?.contains(&"none"),
        ask: prompts(parameters)?.contains(&"consent"),
        signed_in_from_s: signed_in_from(parameters, now_s)?,
        acr: least_acr(parameters),
        session: None,
        patient: None,
        expires_s: now_s.saturating_add(AUTHORIZATION_LIFETIME_S),
    };
    Ok(Checked {
        authorization,
        launch,
    })
}

fn check_form(client: &Client, parameters: &Parameters) -> Result<(), OAuthError> {
    if let Some(name) = parameters.repeated() {
        return Err(invalid(format!("{name} is sent more than once")));
    }
    if client.kind == Kind::System {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "a backend service has no user to be authorized by",
        ));
    }
    if parameters.get("request").is_some() || parameters.get("request_uri").is_some() {
        return Err(invalid(
            "request objects are not taken; push the request instead (RFC 9126)",
        ));
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => {
            return Err(OAuthError::new(
                ErrorCode::UnsupportedResponseType,
                "response_type must be code",
            ));
        }
        None => return Err(invalid("response_type is missing")),
    }
    if parameters
        .get("response_mode")
        .is_some_and(|mode| mode != "query")
    {
        return Err(invalid("response_mode must be query"));
    }
    match parameters.get("state") {
        Some(_) => Ok(()),
        None => Err(invalid("state is missing")),
    }
}

/// PKCE by S256 and by nothing else, whoever the client is (S19, S20).
fn check_challenge(parameters: &Parameters) -> Result<String, OAuthError> {
    let challenge = parameters
        .get("code_challenge")
        .ok_or_else(|| invalid("code_challenge is missing"))?;
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method must be S256"));
    }
    if !is_challenge(challenge) {
        return Err(invalid("code_challenge is not base64url of a SHA-256 hash"));
    }
    Ok(challenge.to_owned())
}

/// The token must be meant for this server, to the letter (S18).
fn check_audience(server: &AuthorizationServer, parameters: &Parameters) -> Result<(), OAuthError> {
    let base = &server.settings().base;
    match parameters.get("aud").or_else(|| parameters.get("resource")) {
        Some(audience) if audience == base => Ok(()),
        Some(_) => Err(invalid(format!("aud must be {base}"))),
        None => Err(invalid(format!("aud is missing; it must be {base}"))),
    }
}

fn check_nonce(parameters: &Parameters) -> Result<Option<String>, OAuthError> {
    match parameters.get("nonce") {
        Some(nonce) if nonce.len() > NONCE_BYTES_MAX => Err(invalid("nonce is too long")),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}

/// The parameter `launch` and the scope `launch` belong together (S29); the context is there, young, and for this app (S28).
async fn check_launch(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters,
    scope: &[String],
    now_s: i64,
) -> Result<Option<Held<LaunchContext>>, OAuthError> {
    let scoped = scope.iter().any(|one| one == "launch");
    let id = match (parameters.get("launch"), scoped) {
        (None, false) => return Ok(None),
        (Some(id), true) => id,
        (Some(_), false) => {
            return Err(invalid("launch is given without the scope launch"));
        }
        (None, true) => return Err(invalid("the scope launch needs the parameter launch")),
    };
    let unknown = || invalid("launch is unknown, used or older than five minutes");
    let found = state::get::<LaunchContext>(server.store(), id, now_s).await?;
    let launch = found.ok_or_else(unknown)?;
    match &launch.client_id {
        Some(of) if *of != client.client_id => Err(unknown()),
        _ => Ok(Some(launch)),
    }
}

/// <https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest>
fn prompts(parameters: &Parameters) -> Result<Vec<&str>, OAuthError> {
    let prompts: Vec<&str> = parameters
        .get("prompt")
        .unwrap_or_default()
        .split(' ')
        .filter(|prompt| !prompt.is_empty())
        .collect();
    if prompts.contains(&"none") && prompts.len() > 1 {
        return Err(invalid("prompt none stands alone"));
    }
    let known = ["none", "login", "consent", "select_account"];
    match prompts.iter().all(|prompt| known.contains(prompt)) {
        true => Ok(prompts),
        false => Err(invalid("prompt is none, login, consent or select_account")),
    }
}

/// From when on the user must have signed in (S37).
fn signed_in_from(parameters: &Parameters, now_s: i64) -> Result<Option<i64>, OAuthError> {
    let prompts = prompts(parameters)?;
    if prompts.contains(&"login") || prompts.contains(&"select_account") {
        return Ok(Some(now_s));
    }
    let Some(max_age) = parameters.get("max_age") else {
        return Ok(None);
    };
    let max_age_s: u32 = max_age
        .parse()
        .map_err(|_| invalid("max_age is a number of seconds"))?;
    Ok(Some(now_s.saturating_sub(i64::from(max_age_s))))
}

/// The least of the levels that will do for the client. Words that are none of ours bind nobody (OpenID Connect Core §3.1.2.1).
fn least_acr(parameters: &Parameters) -> Option<String> {
    let values = parameters.get("acr_values").unwrap_or_default();
    let least = values.split(' ').filter_map(Assurance::parse).min();
    least.map(|least| least.word().to_owned())
}

fn invalid(why: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, why)
}
