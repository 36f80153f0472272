//! Access tokens: ES256 JWTs of type `at+jwt`, verified once and then known by a keyed hash.
//! <https://www.rfc-editor.org/rfc/rfc9068#section-4>

use crate::bearer::BearerError;
use crate::claims::{Claims, Confirmation, Payload, TOKEN_LIFETIME_S_MAX};
use crate::revocations::{Revocable, Revocations};
use crate::signing_keys::SigningKeys;
use quick_cache::sync::Cache;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use ward_access::{Caller, Registered};
use ward_seal::Fingerprinter;
use ward_seal::jws::{SigningKey, TOKEN_BYTES_MAX};

/// Mints and verifies the tokens of one server. Share it behind an `Arc`.
pub struct TokenService {
    keys: SigningKeys,
    revocations: Revocations,
    issuer: String,
    audience: String,
    fingerprints: Fingerprinter,
    /// By fingerprint of the token: what is kept in memory cannot be used as a token.
    verified: Cache<[u8; 16], Arc<Verified>>,
}

/// A token that is ours and in force, as it was found.
#[derive(Debug)]
pub struct Verified {
    pub caller: Arc<Caller>,
    pub grant: Option<String>,
    /// Who may use it; to be proved with each request.
    pub confirmation: Option<Confirmation>,
    /// `iat`
    pub issued_s: i64,
    /// The generation of revocations that it was last compared with.
    checked: AtomicU64,
    /// Of the keys that it was verified by.
    keys: u64,
    /// The caller through the client as it was registered last.
    registered: Mutex<Option<Arc<Caller>>>,
}

/// A token with what its issuer must remember of it.
#[derive(Clone)]
pub struct Minted {
    pub token: String,
    /// `jti`
    pub id: String,
    /// Seconds since 1970.
    pub expires_s: i64,
}

/// Why a token was not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unverified {
    Refused(BearerError),
    /// A good token whose scope is kept under this `jti`: verify it again with it.
    ScopeApart(String),
}

/// Tokens that are remembered; beyond it the least used is verified again when it comes back.
pub const TOKENS_CACHED_MAX: usize = 4096;
/// How far another node's clock may run ahead. Expiry is exact.
pub const CLOCK_SKEW_S: i64 = 60;
/// How far in the future `iat` may lie: whoever may have tokens again after a revocation gets one as of its end, which is as far away as
/// another node's clock may be ahead; and this one's may be behind.
const ISSUED_AHEAD_S_MAX: i64 = 2 * CLOCK_SKEW_S + 1;

impl TokenService {
    /// `issuer` goes into `iss`; `audience` is the FHIR base, and tokens for any other are refused. Keys and revocations are
    /// read by [`crate::AuthorizationServer::watch`]; until then no token holds.
    pub fn new(issuer: &str, audience: &str) -> TokenService {
        TokenService::with(
            SigningKeys::empty(),
            Revocations::unread(),
            issuer,
            audience,
        )
    }

    /// With one key that is never exchanged, and nothing ever revoked: for a process without a store.
    pub fn fixed(signing: SigningKey, issuer: &str, audience: &str) -> TokenService {
        TokenService::with(
            SigningKeys::fixed(signing),
            Revocations::none(),
            issuer,
            audience,
        )
    }

    /// A signed token that holds from `now_s` (seconds since 1970) on. Error: there is no key.
    ///
    /// A scope of more than [`crate::SCOPE_IN_TOKEN_BYTES_MAX`] is not in it: the caller keeps it under the token's id.
    pub fn mint(&self, claims: &Claims, now_s: i64) -> Result<Minted, BearerError> {
        let id = ward_seal::random::uuid();
        let mut payload = Payload::new(claims, &self.issuer, &self.audience, id.clone(), now_s);
        // Who may have tokens again after a revocation gets one that it is not about.
        let void_until_s = self
            .revocations
            .void_until_s(&claims.client_id, &claims.subject);
        payload.iat = void_until_s.map_or(now_s, |until_s| now_s.max(until_s.saturating_add(1)));
        let bytes =
            serde_json::to_vec(&payload).expect("text and numbers can always be written as JSON");
        let token = self.keys.sign_access(TYP, &bytes, now_s);
        Ok(Minted {
            token: token.ok_or(BearerError::Unavailable)?,
            id,
            expires_s: payload.exp,
        })
    }

    /// What a token says, at `now_s`. Under 1 µs for a token that was seen before, about 0.1 ms for a new one.
    ///
    /// Whether the one who sent it may use it (`confirmation`) is the caller's to check.
    pub fn verify(&self, token: &str, now_s: i64) -> Result<Arc<Verified>, Unverified> {
        self.verify_with(token, None, now_s)
    }

    /// The same for a token whose scope is kept apart.
    pub fn verify_with(
        &self,
        token: &str,
        scope: Option<&str>,
        now_s: i64,
    ) -> Result<Arc<Verified>, Unverified> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(BearerError::InvalidToken("the token is too long").into());
        }
        if self.revocations.is_stale(now_s) {
            return Err(BearerError::Unavailable.into());
        }
        let seen = self.fingerprints.of(token.as_bytes());
        // What other keys verified is verified again: theirs may have been replaced (X63).
        let verified = self.verified.get(&seen);
        if let Some(verified) = verified.filter(|v| v.keys == self.keys.generation()) {
            if now_s >= verified.caller.expires_s {
                self.verified.remove(&seen);
                return Err(EXPIRED.into());
            }
            self.check_revoked(&verified)?;
            return Ok(verified);
        }
        let verified = Arc::new(self.verify_new(token, scope, now_s)?);
        self.check_revoked(&verified)?;
        self.verified.insert(seen, verified.clone());
        Ok(verified)
    }

    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn audience(&self) -> &str {
        &self.audience
    }

    fn with(keys: SigningKeys, revocations: Revocations, issuer: &str, audience: &str) -> Self {
        TokenService {
            keys,
            revocations,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            fingerprints: Fingerprinter::new(),
            verified: Cache::new(TOKENS_CACHED_MAX),
        }
    }

    /// Compares with what was revoked, unless nothing was since the last time.
    fn check_revoked(&self, verified: &Verified) -> Result<(), Unverified> {
        // Read before the list: what is added meanwhile is looked at the next time.
        let generation = self.revocations.generation();
        if verified.checked.load(Ordering::Acquire) == generation {
            return Ok(());
        }
        if self.revocations.cover(&verified.revocable()) {
            return Err(REVOKED.into());
        }
        verified.checked.store(generation, Ordering::Release);
        Ok(())
    }

    /// The signature comes first: nothing of an unsigned payload is read.
    fn verify_new(
        &self,
        token: &str,
        scope: Option<&str>,
        now_s: i64,
    ) -> Result<Verified, Unverified> {
        let keys = self.keys.generation();
        let bytes = self.keys.verify_access(TYP, token).map_err(|_| {
            BearerError::InvalidToken("the token is not an access token signed by this server")
        })?;
        let mut payload: Payload = serde_json::from_slice(&bytes).map_err(|_| INCOMPLETE)?;
        self.check(&payload, now_s)?;
        if payload.scope_apart {
            match scope {
                Some(scope) => scope.clone_into(&mut payload.scope),
                None => return Err(Unverified::ScopeApart(payload.jti)),
            }
        }
        Ok(Verified {
            caller: Arc::new(payload.caller().ok_or(INCOMPLETE)?),
            grant: payload.grant,
            confirmation: payload.confirmation,
            issued_s: payload.iat,
            checked: AtomicU64::new(0),
            keys,
            registered: Mutex::default(),
        })
    }

    fn check(&self, payload: &Payload, now_s: i64) -> Result<(), BearerError> {
        if payload.iss != self.issuer {
            return Err(BearerError::InvalidToken("the token has another issuer"));
        }
        if payload.aud != self.audience {
            return Err(BearerError::InvalidToken("the token is for another server"));
        }
        if now_s >= payload.exp {
            return Err(EXPIRED);
        }
        let is_later = |at: i64, by: i64| at > now_s.saturating_add(by);
        let nbf = payload.nbf;
        if is_later(payload.iat, ISSUED_AHEAD_S_MAX)
            || nbf.is_some_and(|nbf| is_later(nbf, CLOCK_SKEW_S))
        {
            return Err(BearerError::InvalidToken("the token is not valid yet"));
        }
        if payload.exp.saturating_sub(payload.iat) > TOKEN_LIFETIME_S_MAX {
            return Err(BearerError::InvalidToken(
                "the token's lifetime is too long",
            ));
        }
        if payload.sub.is_empty() || payload.client_id.is_empty() || payload.jti.is_empty() {
            return Err(INCOMPLETE);
        }
        Ok(())
    }
}

impl Verified {
    /// The caller through a client that is registered so; made once for each registration.
    pub(crate) fn through(&self, registered: Registered) -> Arc<Caller> {
        if registered == self.caller.client {
            return self.caller.clone();
        }
        let mut known = self
            .registered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match known.as_ref().filter(|known| known.client == registered) {
            Some(known) => known.clone(),
            None => known
                .insert(Arc::new(self.caller.through(registered)))
                .clone(),
        }
    }

    pub fn revocable(&self) -> Revocable<'_> {
        Revocable {
            client_id: &self.caller.client_id,
            subject: &self.caller.subject,
            session: self.caller.session.as_deref(),
            grant: self.grant.as_deref(),
            token_id: &self.caller.token_id,
            issued_s: self.issued_s,
        }
    }
}

impl From<BearerError> for Unverified {
    fn from(error: BearerError) -> Unverified {
        Unverified::Refused(error)
    }
}

const TYP: &str = "at+jwt";
const EXPIRED: BearerError = BearerError::Expired;
const REVOKED: BearerError = BearerError::InvalidToken("the token was revoked");
const INCOMPLETE: BearerError = BearerError::InvalidToken("the token lacks a required claim");

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
