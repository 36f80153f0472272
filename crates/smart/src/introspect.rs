//! What a token says, for who must know it. <https://www.rfc-editor.org/rfc/rfc7662>,
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html> (S96 to S99)

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::bearer::BearerError;
use crate::claims::Confirmation;
use crate::client_authentication::asker;
use crate::endpoints::Endpoint;
use crate::purposes;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Client, Grant};
use crate::token::launch_parameters;
use crate::tokens::Verified;
use crate::trail::Trail;
use serde_json::{Map, Value, json};
use ward_access::Scope;

pub(crate) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let url = server.url(Endpoint::Introspect);
    let asker = match asker(server, request, &url, trail).await? {
        Ok(asker) => asker,
        Err(refused) => return Ok(refused),
    };
    let token = request.parameters.get("token").ok_or_else(|| {
        OAuthError::new(
            ErrorCode::InvalidRequest,
            "token is missing, or sent more than once",
        )
    })?;
    let body = match server.verified(token, request.now_s).await {
        Ok(found) if may_know(&asker, &found) => {
            trail.token(&found.caller.token_id);
            active(server, &found, request.now_s).await?
        }
        Err(BearerError::Unavailable) => return Err(OAuthError::unavailable()),
        // Unknown, expired, revoked, of another kind or not the asker's business: all the same (S98).
        _ => json!({ "active": false }),
    };
    Ok(Answer::json(200, &body))
}

/// One's own tokens, or all of them for who is registered as a resource server (S99).
fn may_know(asker: &Client, found: &Verified) -> bool {
    asker.may_introspect || asker.client_id == found.caller.client_id
}

async fn active(
    server: &AuthorizationServer,
    found: &Verified,
    now_s: i64,
) -> Result<Value, OAuthError> {
    let caller = &found.caller;
    let settings = server.settings();
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("active", true.into());
    put("scope", caller.scopes.as_str().into());
    put("client_id", caller.client_id.clone().into());
    put("exp", caller.expires_s.into());
    put("iat", found.issued_s.into());
    put("iss", settings.issuer.clone().into());
    put("sub", caller.subject.clone().into());
    put("aud", settings.base.clone().into());
    put("jti", caller.token_id.clone().into());
    let (token_type, confirmation) = match &found.confirmation {
        None => ("Bearer", None),
        Some(Confirmation::DpopKey(key)) => ("DPoP", Some(json!({ "jkt": key }))),
        Some(Confirmation::Certificate(of)) => ("Bearer", Some(json!({ "x5t#S256": of }))),
    };
    put("token_type", token_type.into());
    if let Some(confirmation) = confirmation {
        put("cnf", confirmation);
    }
    // Who the user is learns whoever was allowed to, here as in the id_token.
    let may_name =
        caller.scopes.contains(&Scope::OpenId) && caller.scopes.contains(&Scope::FhirUser);
    if let Some(user) = caller.fhir_user.as_ref().filter(|_| may_name) {
        put("fhirUser", format!("{}/{user}", settings.base).into());
    }
    if !caller.acts_for().is_empty() {
        put(purposes::PARAMETER, caller.acts_for().to_string().into());
    }
    if let Some(patient) = &caller.patient {
        put("patient", patient.clone().into());
    }
    if let Some(grant) = &found.grant
        && let Some(grant) = state::get::<Grant>(server.store(), grant, now_s).await?
    {
        // Each launch parameter that the token response had.
        body.extend(launch_parameters(server, &grant));
    }
    Ok(Value::Object(body))
}
