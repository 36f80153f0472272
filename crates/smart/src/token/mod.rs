//! The token endpoint. <https://www.rfc-editor.org/rfc/rfc6749#section-3.2>,
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-access-token> (S39 to S51)

mod client_credentials;
mod code;
mod refresh;
mod response;
mod standing;

pub(crate) use response::launch_parameters;

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::claims::Confirmation;
use crate::client_authentication::{authenticate, authenticate_for_refresh, may_get_tokens};
use crate::dpop::{self, ProofError, Proved};
use crate::fapi;
use crate::purposes;
use crate::request::Request;
use crate::revocations::what;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Client, Grant, Refused, SenderConstraint};
use crate::trail::Trail;
use ward_seal::base64url;

/// `grant_types_supported`; told in discovery.
pub(crate) const GRANT_TYPES: [&str; 3] =
    ["authorization_code", "refresh_token", "client_credentials"];

pub(crate) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    if let Some(name) = request.parameters.repeated() {
        let why = format!("{} is sent more than once", plain(name));
        return Err(OAuthError::new(ErrorCode::InvalidRequest, why));
    }
    let grant_type = match request.parameters.get("grant_type") {
        Some(grant_type) if GRANT_TYPES.contains(&grant_type) => grant_type,
        Some(_) => {
            return Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "grant_type is authorization_code, refresh_token or client_credentials",
            ));
        }
        None => {
            return Err(OAuthError::new(
                ErrorCode::InvalidRequest,
                "grant_type is missing",
            ));
        }
    };
    trail.event(match grant_type {
        "authorization_code" => "authorization_code",
        "refresh_token" => "refresh_token",
        _ => "client_credentials",
    });
    if grant_type != "client_credentials" && request.parameters.get(purposes::PARAMETER).is_some() {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "purpose_of_use is asserted where the user is asked: in the authorization request or by the launch",
        ));
    }
    let url = server.token_url();
    // Read before the client is: who changes it meanwhile voids what is issued by then.
    let revocations = server.tokens().revocations().generation();
    let client = match grant_type {
        "refresh_token" => authenticate_for_refresh(server, request, &url, trail)
            .await?
            .ok_or_else(|| invalid_grant(refresh::UNKNOWN))?,
        _ => authenticate(server, request, &url, trail).await?,
    };
    may_get_tokens(&client, request.now_s)?;
    let bound = match binding(server, &client, request).await {
        Ok(bound) => bound,
        Err(refused) => return Ok(refused),
    };
    let asked = Asked {
        server,
        request,
        client: &client,
        bound,
        revocations,
    };
    let answer = match grant_type {
        "authorization_code" => code::exchange(&asked, trail).await,
        "refresh_token" => refresh::refresh(&asked, trail).await,
        _ => client_credentials::issue(&asked, trail).await,
    }?;
    note_use(&asked).await;
    Ok(answer)
}

/// How old `last_used_s` of a client becomes before it is written anew.
const USE_NOTED_EVERY_S: i64 = 3600;

/// That the client was given tokens, for those who look after clients: to the hour, so that it is no write for each token. Whoever
/// changes the client at the same moment goes before.
async fn note_use(asked: &Asked<'_>) {
    let (store, now_s) = (asked.server.store(), asked.request.now_s);
    let is_noted = |at_s: i64| now_s - at_s < USE_NOTED_EVERY_S;
    if asked.client.last_used_s.is_some_and(is_noted) {
        return;
    }
    let Ok(Some(mut client)) = state::get::<Client>(store, &asked.client.client_id, now_s).await
    else {
        return;
    };
    client.last_used_s = Some(now_s);
    let changes = Changes::new().replace(&client).announced();
    if state::commit(store, changes, now_s).await.is_err() {
        tracing::debug!("the use of a client was not noted: it is being changed");
    }
}

/// A request for tokens by an authenticated client.
struct Asked<'a> {
    server: &'a AuthorizationServer,
    request: &'a Request<'a>,
    client: &'a Client,
    /// What the token will be bound to.
    bound: Option<Confirmation>,
    /// The generation of revocations that was known before the client was read.
    revocations: u64,
}

impl Asked<'_> {
    fn dpop_key(&self) -> Option<&str> {
        match &self.bound {
            Some(Confirmation::DpopKey(key)) => Some(key),
            _ => None,
        }
    }

    /// Whether a token that has been minted is one of the client as it is. Whoever changes a client voids what it had, and what is
    /// minted later is issued as of after that: so it must not be of a client that was read before.
    async fn is_current(&self) -> Result<(), Refused> {
        let revocations = self.server.tokens().revocations();
        if revocations.generation() == self.revocations {
            return Ok(());
        }
        let (store, now_s) = (self.server.store(), self.request.now_s);
        let found = state::get::<Client>(store, &self.client.client_id, now_s).await;
        let found = found.map_err(|_| Refused::Unavailable)?;
        let is_same = found.is_some_and(|found| found.is_but_for_its_use(self.client));
        match is_same {
            true => Ok(()),
            false => Err(Refused::Unavailable),
        }
    }

    /// A credential came twice, so somebody has stolen it: nothing that came of it holds any longer (S27, S92).
    async fn revoke_grant(&self, grant: &str) -> Result<(), OAuthError> {
        let changes = Changes::new().forget::<Grant>(grant);
        let now_s = self.request.now_s;
        self.server
            .revoke(changes, &[what::grant(grant)], now_s)
            .await?;
        Ok(())
    }
}

/// What the client proves that the token can be bound to. `Err`: the answer to a proof that will not do.
async fn binding(
    server: &AuthorizationServer,
    client: &Client,
    request: &Request<'_>,
) -> Result<Option<Confirmation>, Answer> {
    let constraint = client.constraint();
    if constraint == SenderConstraint::Mtls {
        let Some(certificate) = request.certificate else {
            let why = "this client's tokens are bound to its certificate: connect with it";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, why).into());
        };
        return Ok(Some(Confirmation::Certificate(base64url(&certificate))));
    }
    let Some(header) = request.dpop else {
        return match constraint {
            SenderConstraint::Dpop => Err(proof_error(
                server,
                ProofError::Invalid("this client's tokens are bound to a key: send a DPoP proof"),
                request.now_s,
            )),
            _ => Ok(None),
        };
    };
    let proved = Proved {
        method: request.method,
        url: request.url,
        token: None,
    };
    let now_s = request.now_s;
    let proof = dpop::check(header, proved, server.nonces(), now_s)
        .map_err(|error| proof_error(server, error, now_s))?;
    if !fapi::permits_proof(client, header) {
        return Err(proof_error(server, WEAK_PROOF, now_s));
    }
    match server.use_proof(&proof, now_s).await {
        Ok(()) => Ok(Some(Confirmation::DpopKey(proof.thumbprint))),
        Err(refused) => Err(used_proof(server, refused, now_s)),
    }
}

/// The answer to a proof by an algorithm that a FAPI 2.0 client may not use.
pub(crate) const WEAK_PROOF: ProofError =
    ProofError::Invalid("the DPoP proof of a FAPI 2.0 client is signed by PS256, ES256 or EdDSA");

/// RFC 9449 §5 and §8.
pub(crate) fn proof_error(server: &AuthorizationServer, error: ProofError, now_s: i64) -> Answer {
    let error = match error {
        ProofError::Invalid(why) => OAuthError::new(ErrorCode::InvalidDpopProof, why),
        ProofError::UseNonce => OAuthError::new(
            ErrorCode::UseDpopNonce,
            "the DPoP proof must hold the nonce of the DPoP-Nonce header",
        ),
    };
    Answer::from(error).with_header("DPoP-Nonce", server.nonces().current(now_s))
}

pub(crate) fn used_proof(server: &AuthorizationServer, refused: Refused, now_s: i64) -> Answer {
    match refused {
        Refused::Conflict(_) => proof_error(
            server,
            ProofError::Invalid("the DPoP proof was used before"),
            now_s,
        ),
        Refused::Unavailable => OAuthError::unavailable().into(),
    }
}

/// The client's registration holds nothing any more of what its user agreed to.
const NOTHING_LEFT: &str = "nothing is left of what was agreed to";

fn invalid_grant(why: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, why)
}

/// A parameter's name as it may be repeated in an error: what is no name is not.
fn plain(name: &str) -> &str {
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_name { name } else { "a parameter" }
}
