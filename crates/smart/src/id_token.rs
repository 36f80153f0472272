//! Who the user is, for the app. <https://openid.net/specs/openid-connect-core-1_0.html#IDToken> (S87 to S89)

use crate::claims::TOKEN_LIFETIME_S;
use crate::server::AuthorizationServer;
use crate::state::{Client, Grant};
use serde_json::{Map, Value, json};
use ward_seal::base64url;
use ward_seal::hash::sha256;
use ward_storage::StoreError;

/// Signs it as the client is registered. The first one makes the key.
pub(crate) async fn sign(
    server: &AuthorizationServer,
    client: &Client,
    grant: &Grant,
    scope: &str,
    nonce: Option<&str>,
    access_token: &str,
    now_s: i64,
) -> Result<String, StoreError> {
    let keys = server.tokens().keys();
    let by = client.id_token_algorithm();
    keys.ensure(server.store(), by.key(), now_s).await?;
    let claims = Value::Object(claims(server, grant, scope, nonce, access_token, now_s));
    keys.sign_id(by, claims.to_string().as_bytes(), now_s)
        .ok_or(StoreError::Unavailable)
}

fn claims(
    server: &AuthorizationServer,
    grant: &Grant,
    scope: &str,
    nonce: Option<&str>,
    access_token: &str,
    now_s: i64,
) -> Map<String, Value> {
    let settings = server.settings();
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", settings.issuer.clone().into());
    put("sub", grant.subject.clone().into());
    put("aud", grant.client_id.clone().into());
    put("exp", (now_s + TOKEN_LIFETIME_S).into());
    put("iat", now_s.into());
    put("auth_time", grant.auth_time_s.into());
    put("acr", grant.acr.clone().into());
    put("amr", json!(grant.amr));
    put("at_hash", at_hash(access_token).into());
    if let Some(nonce) = nonce {
        put("nonce", nonce.into());
    }
    let asked = scope.split(' ').any(|one| one == "fhirUser");
    if let Some(user) = grant.fhir_user.as_deref().filter(|_| asked) {
        put("fhirUser", format!("{}/{user}", settings.base).into());
    }
    claims
}

/// The left half of the hash (OpenID Connect Core §3.1.3.6).
fn at_hash(access_token: &str) -> String {
    base64url(&sha256(access_token.as_bytes())[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix A.3 of OpenID Connect Core.
    #[test]
    fn s87_at_hash_is_the_left_half() {
        assert_eq!(
            at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
    }
}
