//! A client gives a token back. <https://www.rfc-editor.org/rfc/rfc7009> (S100)

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::bearer::BearerError;
use crate::client_authentication::authenticate;
use crate::endpoints::Endpoint;
use crate::request::Request;
use crate::revocations::what;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Grant, RefreshToken, Revocation, digest};
use crate::trail::Trail;
use serde_json::json;

/// 200 whatever the token is: a client that wants it gone has what it wants. Of another client's token nothing is done and
/// nothing said.
pub(crate) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let url = server.url(Endpoint::Revoke);
    let client = authenticate(server, request, &url, trail).await?;
    let token = request.parameters.get("token").ok_or_else(|| {
        OAuthError::new(
            ErrorCode::InvalidRequest,
            "token is missing, or sent more than once",
        )
    })?;
    let now_s = request.now_s;
    let done = Ok(Answer::json(200, &json!({})));
    let found = state::get::<RefreshToken>(server.store(), &digest(token), now_s).await?;
    if let Some(refresh) = found {
        if refresh.client_id == client.client_id {
            trail.event("refresh_token");
            // What it refreshed goes with it.
            let changes = Changes::new().forget::<Grant>(&refresh.grant);
            server
                .revoke(changes, &[what::grant(&refresh.grant)], now_s)
                .await?;
        }
        return done;
    }
    match server.verified(token, now_s).await {
        Ok(access) if access.caller.client_id == client.client_id => {
            let (id, exp) = (&access.caller.token_id, access.caller.expires_s);
            trail.event("access_token");
            trail.token(id);
            let row = Revocation::of_token(id, exp, now_s);
            server.void(Changes::new(), vec![row], now_s).await?;
            done
        }
        Err(BearerError::Unavailable) => Err(OAuthError::unavailable()),
        _ => done,
    }
}
