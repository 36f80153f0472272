//! A backend service proves itself by its private key. <https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html>

use super::remote::{Issued, Remote};
use crate::wiring::clock_us;
use serde_json::json;
use ward_seal::{Es384Key, random};
use ward_smart::DemoCaller;

/// How long an assertion could be used, were it not used at once.
const ASSERTION_LIFETIME_S: i64 = 60;

pub async fn token(
    remote: &Remote,
    caller: DemoCaller,
    scope: &str,
    purpose: Option<&str>,
    key: &Es384Key,
) -> Result<Issued, String> {
    let endpoint = remote.endpoints().await?.token_endpoint;
    let now_s = clock_us() / 1_000_000;
    let claims = json!({
        "iss": caller.client_id(),
        "sub": caller.client_id(),
        "aud": endpoint,
        "iat": now_s,
        "exp": now_s + ASSERTION_LIFETIME_S,
        "jti": random::uuid(),
    });
    let assertion = key.sign("JWT", claims.to_string().as_bytes());
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("scope", scope),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &assertion),
    ];
    fields.extend(purpose.map(|purpose| ("purpose_of_use", purpose)));
    remote.token(&endpoint, &fields).await
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
