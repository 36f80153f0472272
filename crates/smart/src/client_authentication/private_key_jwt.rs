//! A client proves itself by a token that it signs. <https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html>
//! and <https://www.rfc-editor.org/rfc/rfc7523#section-3> (S52 to S60)

use super::unknown;
use crate::answer::{ErrorCode, OAuthError};
use crate::fapi;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Client, KeysAt, Refused, Replay};
use crate::tokens::CLOCK_SKEW_S;
use serde::Deserialize;
use ward_seal::from_base64url;
use ward_seal::jwk::Algorithm;
use ward_seal::jws::TOKEN_BYTES_MAX;
use ward_seal::jws::foreign::{Expected, Typ, unverified_header, verify};

pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far ahead an assertion may expire (S54).
pub(super) const ASSERTION_LIFETIME_S_MAX: i64 = 300;
const ID_BYTES_MAX: usize = 256;

/// Who an assertion says it is of: good for looking the client up, whose key then checks it.
pub(super) fn issuer(assertion: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    if assertion.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let payload = from_base64url(assertion.split('.').nth(1)?)?;
    serde_json::from_slice::<Issuer>(&payload)
        .ok()
        .map(|claims| claims.iss)
}

/// Checks an assertion of this client for this endpoint, and uses its `jti` up on every node.
pub(super) async fn check(
    server: &AuthorizationServer,
    client: &Client,
    assertion: &str,
    endpoint_url: &str,
    now_s: i64,
) -> Result<(), OAuthError> {
    let payload = signed(server, client, assertion, now_s).await?;
    let claims: AssertionClaims = serde_json::from_slice(&payload).map_err(|_| {
        refused("the assertion lacks iss, sub, aud, exp or jti, or one is of another type")
    })?;
    claims.check(server, client, endpoint_url, now_s)?;
    let until_s = claims.exp.saturating_add(CLOCK_SKEW_S + 1);
    let used = Replay::of("client assertion", &client.client_id, &claims.jti, until_s);
    match state::commit(server.store(), Changes::new().insert(&used), now_s).await {
        Ok(()) => Ok(()),
        Err(Refused::Conflict(_)) => Err(refused("the assertion was used before")),
        Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
    }
}

/// The payload, if one of the client's keys signed it. The header finds the key and decides nothing.
async fn signed(
    server: &AuthorizationServer,
    client: &Client,
    assertion: &str,
    now_s: i64,
) -> Result<Vec<u8>, OAuthError> {
    let keys = client.keys.as_ref().ok_or_else(unknown)?;
    let registered = match keys {
        KeysAt::Url(url) => Some(url.as_str()),
        KeysAt::Here(_) => None,
    };
    let header = unverified_header(assertion).map_err(|_| {
        refused("the assertion is not a signed token, or its header holds crit, b64, zip or enc")
    })?;
    let allowed = algorithms(server, client);
    let algorithm = header
        .algorithm
        .filter(|algorithm| allowed.contains(algorithm))
        .ok_or_else(|| refused("the assertion's algorithm is not accepted"))?;
    if header.jku.is_some() && header.jku.as_deref() != registered {
        return Err(refused("jku of the assertion is not the registered URL"));
    }
    let key = server
        .key_sets()
        .find(keys, header.kid.as_deref(), algorithm, now_s)
        .await
        .ok_or_else(|| refused("no single key of the client fits the assertion"))?;
    let expected = Expected {
        typ: Typ::IsOrAbsent("JWT"),
        algorithms: allowed,
        jku: registered,
    };
    verify(&key, &expected, assertion)
        .map_err(|_| refused("the assertion's signature does not hold"))
}

/// What the client may sign with.
fn algorithms<'a>(server: &'a AuthorizationServer, client: &Client) -> &'a [Algorithm] {
    match client.fapi2 {
        true => &fapi::ALGORITHMS,
        false => &server.settings().assertion_algorithms,
    }
}

#[derive(Deserialize)]
struct AssertionClaims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    jti: String,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    nbf: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl AssertionClaims {
    fn check(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        endpoint_url: &str,
        now_s: i64,
    ) -> Result<(), OAuthError> {
        if self.iss != client.client_id || self.sub != client.client_id {
            return Err(refused(
                "iss and sub of the assertion must both be the client_id",
            ));
        }
        if !self.is_for(server, client, endpoint_url) {
            return Err(refused(match client.fapi2 {
                true => "aud of the assertion must be the issuer, and nothing else (FAPI 2.0)",
                false => "aud of the assertion must be the URL of the token endpoint",
            }));
        }
        if self.exp.saturating_add(CLOCK_SKEW_S) < now_s {
            return Err(refused("the assertion has expired"));
        }
        if !self.is_short(now_s) {
            return Err(refused("the assertion expires more than 5 minutes ahead"));
        }
        let latest_s = now_s.saturating_add(CLOCK_SKEW_S);
        if self.nbf.is_some_and(|nbf| nbf > latest_s) || self.iat.is_some_and(|iat| iat > latest_s)
        {
            return Err(refused("the assertion is not valid yet"));
        }
        if self.jti.is_empty() || self.jti.len() > ID_BYTES_MAX {
            return Err(refused("jti of the assertion is empty or too long"));
        }
        Ok(())
    }

    fn is_for(&self, server: &AuthorizationServer, client: &Client, endpoint_url: &str) -> bool {
        if client.fapi2 {
            // §5.3.2.1: a string, not a list of one.
            return matches!(&self.aud, Audience::One(one) if *one == server.settings().issuer);
        }
        let audience = match &self.aud {
            Audience::One(audience) => audience,
            Audience::Many(audiences) => match audiences.as_slice() {
                [only] => only,
                _ => return false,
            },
        };
        let settings = server.settings();
        let is_issuer = settings.issuer_as_assertion_audience && *audience == settings.issuer;
        is_issuer || audience == endpoint_url || *audience == server.token_url()
    }

    /// By our clock; or by the client's, where it says when it made the assertion and its clock is close to ours.
    fn is_short(&self, now_s: i64) -> bool {
        let lives_from = |from_s: i64| self.exp.saturating_sub(from_s) <= ASSERTION_LIFETIME_S_MAX;
        let close = |iat: i64| (iat - CLOCK_SKEW_S..=iat + CLOCK_SKEW_S).contains(&now_s);
        lives_from(now_s)
            || self
                .iat
                .filter(|iat| iat.checked_add(CLOCK_SKEW_S).is_some())
                .is_some_and(|iat| iat > 0 && close(iat) && lives_from(iat))
    }
}

fn refused(why: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, why)
}
