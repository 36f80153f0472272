//! Who asks for a resource: the token of a request, and that whoever sends it may use it.
//! <https://www.rfc-editor.org/rfc/rfc6750>, <https://www.rfc-editor.org/rfc/rfc9449#section-7>, <https://www.rfc-editor.org/rfc/rfc8705#section-3> (S103 to S107)

use crate::bearer::{BearerError, Refusal, Scheme, presented_token};
use crate::claims::Confirmation;
use crate::client_authentication::addresses;
use crate::dpop::{self, ProofError, Proved};
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Refused, Replay, ScopeText};
use crate::tokens::{Unverified, Verified};
use std::sync::Arc;
use ward_access::Caller;
use ward_seal::base64url;

/// What a request to the FHIR API shows of its sender.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// The `Authorization` header; two of them are refused before.
    pub authorization: Option<&'a str>,
    /// The `DPoP` header.
    pub dpop: Option<&'a str>,
    /// SHA-256 of the client certificate that TLS has verified on this connection.
    pub certificate: Option<[u8; 32]>,
    /// Address of the peer, without port.
    pub source: &'a str,
    pub method: &'a str,
    /// As the client addressed it, without query.
    pub url: &'a str,
}

impl AuthorizationServer {
    /// The caller behind a request's token. No statement and under 1 µs for a bearer token that was seen before; one statement
    /// more for a token with a DPoP proof, which is used up on every node.
    pub async fn authenticate(
        &self,
        credentials: &Credentials<'_>,
        now_s: i64,
    ) -> Result<Arc<Caller>, Refusal> {
        let answered = self.caller(credentials, now_s).await;
        // Whoever came with a proof is not told to come without one.
        answered.map_err(|refusal| match Scheme::of(credentials.authorization) {
            Scheme::Bearer => refusal,
            scheme => Refusal { scheme, ..refusal },
        })
    }

    async fn caller(
        &self,
        credentials: &Credentials<'_>,
        now_s: i64,
    ) -> Result<Arc<Caller>, Refusal> {
        let (scheme, token) = presented_token(credentials.authorization)?;
        let verified = self.verified(token, now_s).await?;
        self.comes_from_its_place(&verified.caller.client_id, credentials.source)?;
        self.may_use(&verified, scheme, token, credentials, now_s)
            .await?;
        Ok(self.as_registered(&verified))
    }

    /// A client that is bound to addresses brings its tokens from there too, not only when it asks for them (C17).
    fn comes_from_its_place(&self, client_id: &str, source: &str) -> Result<(), BearerError> {
        let client = self.registry().client(client_id);
        let permitted = client.is_none_or(|client| addresses::permit(&client.addresses, source));
        permitted.then_some(()).ok_or(BearerError::InvalidToken(
            "the token is of a client that is bound to other addresses",
        ))
    }

    /// What the registration says of the client holds as it is now, whenever the token was issued. One look where it says nothing that
    /// consents ask for.
    fn as_registered(&self, verified: &Verified) -> Arc<Caller> {
        let client = self.registry().client(&verified.caller.client_id);
        let registered = client.map(|client| client.registered());
        verified.through(registered.unwrap_or_default())
    }

    /// A token that is in force, whoever holds it.
    pub(crate) async fn verified(
        &self,
        token: &str,
        now_s: i64,
    ) -> Result<Arc<Verified>, BearerError> {
        let id = match self.tokens().verify(token, now_s) {
            Ok(verified) => return Ok(verified),
            Err(Unverified::Refused(error)) => return Err(error),
            Err(Unverified::ScopeApart(id)) => id,
        };
        let found = state::get::<ScopeText>(self.store(), &id, now_s).await;
        let scope = found
            .map_err(|_| BearerError::Unavailable)?
            .ok_or(BearerError::InvalidToken("the token's scope is gone"))?;
        match self.tokens().verify_with(token, Some(&scope.scope), now_s) {
            Ok(verified) => Ok(verified),
            Err(Unverified::Refused(error)) => Err(error),
            Err(Unverified::ScopeApart(_)) => Err(BearerError::Unavailable),
        }
    }

    async fn may_use(
        &self,
        verified: &Verified,
        scheme: Scheme,
        token: &str,
        credentials: &Credentials<'_>,
        now_s: i64,
    ) -> Result<(), Refusal> {
        match (&verified.confirmation, scheme) {
            (None, Scheme::Bearer) => Ok(()),
            (Some(Confirmation::Certificate(bound)), Scheme::Bearer) => {
                let shown = credentials.certificate.map(|digest| base64url(&digest));
                match shown {
                    Some(shown) if shown == *bound => Ok(()),
                    _ => Err(refused("the token is bound to another client certificate")),
                }
            }
            (Some(Confirmation::DpopKey(bound)), Scheme::Dpop) => {
                self.proved(bound, token, credentials, now_s).await
            }
            (Some(Confirmation::DpopKey(_)), Scheme::Bearer) => Err(Refusal {
                scheme: Scheme::Dpop,
                ..refused(
                    "the token is bound to a key: present it with the scheme DPoP and a proof",
                )
            }),
            (_, Scheme::Dpop) => Err(refused("the token is not bound to a DPoP key")),
        }
    }

    async fn proved(
        &self,
        bound: &str,
        token: &str,
        credentials: &Credentials<'_>,
        now_s: i64,
    ) -> Result<(), Refusal> {
        let nonce = || Some(self.nonces().current(now_s));
        let refused = |error| Refusal {
            nonce: nonce(),
            ..Refusal::from(error)
        };
        let header = credentials
            .dpop
            .ok_or_else(|| refused(BearerError::InvalidProof("a DPoP proof is required")))?;
        let proved = Proved {
            method: credentials.method,
            url: credentials.url,
            token: Some(token),
        };
        let proof = dpop::check(header, proved, self.nonces(), now_s).map_err(|e| match e {
            ProofError::Invalid(why) => refused(BearerError::InvalidProof(why)),
            ProofError::UseNonce => refused(BearerError::UseNonce),
        })?;
        if proof.thumbprint != bound {
            return Err(refused(BearerError::InvalidProof(
                "the DPoP proof is by another key than the token's",
            )));
        }
        self.use_proof(&proof, now_s).await.map_err(|e| match e {
            Refused::Conflict(_) => {
                refused(BearerError::InvalidProof("the DPoP proof was used before"))
            }
            Refused::Unavailable => BearerError::Unavailable.into(),
        })
    }

    /// Uses a proof up, on every node. Conflict: it was before.
    pub(crate) async fn use_proof(&self, proof: &dpop::Proof, now_s: i64) -> Result<(), Refused> {
        let used = Replay::of("DPoP proof", &proof.thumbprint, &proof.id, proof.expires_s);
        state::commit(self.store(), Changes::new().insert(&used), now_s).await
    }
}

fn refused(why: &'static str) -> Refusal {
    BearerError::InvalidToken(why).into()
}
