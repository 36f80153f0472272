//! The authorization server: one entry for its endpoints, and what keeps its nodes of one mind.

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::dpop::Nonces;
use crate::endpoints::Endpoint;
use crate::fetch::Outgoing;
use crate::forms::Forms;
use crate::jwks::KeySets;
use crate::page::{Message, Page};
use crate::people::hashing::Hashing;
use crate::people::upstream::Provider;
use crate::registry::Registry;
use crate::request::Request;
use crate::settings::Settings;
use crate::state::{self, Changes, KeyAlgorithm, Refused, Revocation};
use crate::tokens::TokenService;
use crate::trail::{self, Trail};
use crate::{
    authorize, brands, break_glass, client_authentication, clients, developer, discovery,
    introspect, launch, par, people, register, revoke, token, visitor,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;
use ward_resources::Engine;
use ward_storage::{Store, StoreError};

/// Shared by all workers of a node behind an `Arc`. Everything it remembers is in the store.
pub struct AuthorizationServer {
    engine: Arc<Engine>,
    tokens: TokenService,
    settings: Settings,
    forms: Forms,
    hashing: Hashing,
    nonces: Nonces,
    registry: Arc<Registry>,
    key_sets: KeySets,
    upstream: Option<Provider>,
    /// One at a time rereads what is in memory: else what one has read before another could take the place of what that has read
    /// since, and stay until something else is announced.
    watching: tokio::sync::Mutex<()>,
    /// One at a time registers a client: else many at once would each find room.
    registering: tokio::sync::Mutex<()>,
    /// The state revision that keys, revocations and clients in memory are of.
    revision: AtomicI64,
    /// When keys were last tended: seconds since 1970.
    tended_s: AtomicI64,
    /// Since when the published brands are as they are.
    brands_since_s: i64,
}

/// Secrets that every node of an installation shares, each for one use.
#[derive(Clone)]
pub struct Secrets {
    pub forms: [u8; 32],
    pub nonces: [u8; 32],
}

/// Expired rows that are forgotten in one step, so that no step keeps others from writing.
const EXPIRED_ROWS_MAX: u32 = 1_000;
/// Steps of one call of [`AuthorizationServer::tend`].
const EXPIRED_STEPS_MAX: u32 = 100;
/// How often keys are looked after.
const KEYS_TENDED_EVERY_S: i64 = 3600;

impl AuthorizationServer {
    /// Reads keys, revocations and clients, makes the key for access tokens where there is none, and keeps since when the
    /// published brands are as they are.
    pub async fn open(
        engine: Arc<Engine>,
        settings: Settings,
        secrets: Secrets,
        outgoing: Outgoing,
        now_s: i64,
    ) -> Result<AuthorizationServer, StoreError> {
        let brands_since_s = brands::since(engine.store(), &settings, now_s).await?;
        let registry = Arc::new(Registry::default());
        engine.name_clients(registry.clone());
        let server = AuthorizationServer {
            brands_since_s,
            tokens: TokenService::new(&settings.issuer, &settings.base),
            forms: Forms::new(secrets.forms, &settings.issuer),
            hashing: Hashing::default(),
            nonces: Nonces::new(secrets.nonces),
            registry,
            key_sets: KeySets::new(outgoing.clients),
            upstream: settings
                .upstream
                .clone()
                .map(|upstream| Provider::new(upstream, outgoing.upstream)),
            watching: tokio::sync::Mutex::new(()),
            registering: tokio::sync::Mutex::new(()),
            revision: AtomicI64::new(i64::MIN),
            tended_s: AtomicI64::new(now_s),
            engine,
            settings,
        };
        server.watch(now_s).await?;
        let keys = server.tokens.keys();
        keys.ensure(server.store(), KeyAlgorithm::Es256, now_s)
            .await?;
        Ok(server)
    }

    /// Answers one request. Never fails; leaves one audit record.
    ///
    /// Run it in a task of its own: when the client goes away, what was begun must end and be recorded.
    pub async fn answer(&self, endpoint: Endpoint, request: Request<'_>) -> Answer {
        let begun = Instant::now();
        let mut trail = Trail::default();
        let answer = self.meaning(endpoint, &request, &mut trail).await;
        trail::recorded(self, endpoint, &request, (trail, begun), answer).await
    }

    /// Learns what other nodes have changed. To be called twice a second: when nothing has, it costs one statement. A node where
    /// it fails for [`crate::revocations::STALE_AFTER_S`] lets nobody in (S102).
    pub async fn watch(&self, now_s: i64) -> Result<(), StoreError> {
        let _one = self.watching.lock().await;
        let revision = self.store().state_revision().await?;
        if revision != self.revision.load(Ordering::Acquire) {
            self.tokens
                .revocations()
                .reread(self.store(), now_s)
                .await?;
            self.tokens.keys().reread(self.store(), now_s).await?;
            self.registry.reread(self.store(), now_s).await?;
            self.revision.store(revision, Ordering::Release);
        }
        self.tokens.revocations().are_current(now_s);
        Ok(())
    }

    /// Forgets what has expired, publishes and drops signing keys when their time has come, and ends what goes on through sessions
    /// that have idled. To be called every few seconds.
    pub async fn tend(&self, now_s: i64) -> Result<(), StoreError> {
        let now_us = now_s.saturating_mul(1_000_000);
        for _ in 0..EXPIRED_STEPS_MAX {
            let forgotten = self.store().expire_states(EXPIRED_ROWS_MAX, now_us).await?;
            if forgotten < u64::from(EXPIRED_ROWS_MAX) {
                break;
            }
        }
        if now_s >= self.tended_s.load(Ordering::Relaxed) + KEYS_TENDED_EVERY_S {
            self.tended_s.store(now_s, Ordering::Relaxed);
            if self.tokens.keys().tend(self.store(), now_s).await? {
                trail::of_itself(self, "keys", "rotate", "").await;
            }
        }
        people::end_idle(self, now_s).await
    }

    /// Makes changes, and voids every token that any node has issued by now for `what` names ([`crate::revocations::what`]): here
    /// at once, on other nodes within a second. All or nothing.
    pub(crate) async fn revoke(
        &self,
        changes: Changes,
        what: &[String],
        now_s: i64,
    ) -> Result<(), Refused> {
        let revocations = self.tokens.revocations();
        let rows = what.iter().map(|one| revocations.next(one, now_s));
        let rows = rows.collect();
        self.void(changes, rows, now_s).await
    }

    /// The same, as the rows say. Error: of one of their kinds there are too many at once.
    pub(crate) async fn void(
        &self,
        changes: Changes,
        rows: Vec<Revocation>,
        now_s: i64,
    ) -> Result<(), Refused> {
        let revocations = self.tokens.revocations();
        if rows.iter().any(|row| revocations.is_full(&row.what)) {
            tracing::error!("too many revocations of one kind at once; no more are taken");
            return Err(Refused::Unavailable);
        }
        let changes = rows
            .iter()
            .fold(changes, |changes, row| changes.insert(row));
        state::commit(self.store(), changes.announced(), now_s).await?;
        rows.iter().for_each(|row| revocations.note(row));
        Ok(())
    }

    /// Notes on this node what is void in the store already.
    pub(crate) fn note(&self, void: &[String], now_s: i64) {
        for one in void {
            let row = Revocation::new(one.clone(), now_s);
            self.tokens.revocations().note(&row);
        }
    }

    pub fn tokens(&self) -> &TokenService {
        &self.tokens
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Held by whoever registers a client.
    pub(crate) async fn registering(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.registering.lock().await
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn store(&self) -> &Store {
        self.engine.store()
    }

    /// Seconds since 1970.
    pub(crate) fn brands_since_s(&self) -> i64 {
        self.brands_since_s
    }

    pub(crate) fn forms(&self) -> &Forms {
        &self.forms
    }

    pub(crate) fn hashing(&self) -> &Hashing {
        &self.hashing
    }

    pub(crate) fn nonces(&self) -> &Nonces {
        &self.nonces
    }

    pub(crate) fn key_sets(&self) -> &KeySets {
        &self.key_sets
    }

    /// The provider that people may sign in with.
    pub(crate) fn upstream(&self) -> Option<&Provider> {
        self.upstream.as_ref()
    }

    /// Absolute URL of an endpoint.
    pub fn url(&self, endpoint: Endpoint) -> String {
        let below = match endpoint {
            Endpoint::SmartConfiguration => &self.settings.base,
            _ => &self.settings.issuer,
        };
        format!("{below}{}", endpoint.path())
    }

    pub(crate) fn token_url(&self) -> String {
        self.url(Endpoint::Token)
    }

    /// What clients ask for.
    async fn asked(
        &self,
        endpoint: Endpoint,
        request: &Request<'_>,
        trail: &mut Trail,
    ) -> Result<Answer, OAuthError> {
        match endpoint {
            Endpoint::Token => token::answer(self, request, trail).await,
            Endpoint::Introspect => introspect::answer(self, request, trail).await,
            Endpoint::Revoke => revoke::answer(self, request, trail).await,
            Endpoint::PushedAuthorizationRequest => par::answer(self, request, trail).await,
            Endpoint::Register => register::answer(self, request, trail).await,
            Endpoint::BreakGlassGrants => break_glass::answer_client(self, request, trail).await,
            _ => launch::answer(self, request, trail).await,
        }
    }

    async fn meaning(
        &self,
        endpoint: Endpoint,
        request: &Request<'_>,
        trail: &mut Trail,
    ) -> Answer {
        // One at a time on the heap: an answer's future would else be as large as all of them.
        match endpoint {
            Endpoint::Token
            | Endpoint::Introspect
            | Endpoint::Revoke
            | Endpoint::PushedAuthorizationRequest
            | Endpoint::Register
            | Endpoint::BreakGlassGrants
            | Endpoint::Launch => {
                let answer = Box::pin(self.asked(endpoint, request, trail)).await;
                for_client(request, trail, answer)
            }
            Endpoint::Jwks
            | Endpoint::Style
            | Endpoint::Brands
            | Endpoint::OpenIdConfiguration
            | Endpoint::SmartConfiguration => {
                let answer = discovery::answer(self, endpoint, request.now_s).await;
                for_client(request, trail, answer)
            }
            Endpoint::Authorize | Endpoint::ChoosePatient | Endpoint::Approve => {
                for_person(Box::pin(authorize::answer(self, endpoint, request, trail)).await)
            }
            Endpoint::Developer => {
                for_person(Box::pin(developer::answer(self, request, trail)).await)
            }
            Endpoint::Clients => for_person(Box::pin(clients::answer(self, request, trail)).await),
            Endpoint::AccessReviews
            | Endpoint::Accounts
            | Endpoint::Apps
            | Endpoint::AuditLog
            | Endpoint::BreakGlass
            | Endpoint::Computers
            | Endpoint::Consents
            | Endpoint::Reviews
            | Endpoint::Sessions => {
                for_person(Box::pin(visitor::answer(self, endpoint, request, trail)).await)
            }
            Endpoint::SignIn
            | Endpoint::SecondFactor
            | Endpoint::Enrol
            | Endpoint::SignOut
            | Endpoint::Upstream => {
                for_person(Box::pin(people::answer(self, endpoint, request, trail)).await)
            }
        }
    }
}

/// What no client has proved to have asked for, its address pays for: then nothing else is said.
fn for_client(
    request: &Request<'_>,
    trail: &mut Trail,
    answer: Result<Answer, OAuthError>,
) -> Answer {
    match client_authentication::charge_address(request, trail) {
        Ok(()) => answer.unwrap_or_else(client_authentication::refusal),
        Err(too_many) => too_many.into(),
    }
}

/// An error as a page: who reads it is a person, and no redirect may be trusted.
pub(crate) fn for_person(answer: Result<Answer, OAuthError>) -> Answer {
    answer.unwrap_or_else(|error| {
        let title = match error.code {
            ErrorCode::TemporarilyUnavailable => "Try again in a moment",
            ErrorCode::TooManyRequests => "Try again later",
            ErrorCode::AccessDenied => "Not permitted",
            _ => "This request cannot be answered",
        };
        let page = Answer::page(
            error.code.status(),
            Page::Message(Message {
                title: title.to_owned(),
                text: error.description,
                is_error: true,
                link: None,
            }),
        );
        match error.retry_after_s {
            Some(wait_s) => page.retry_after(wait_s),
            None => page,
        }
    })
}
