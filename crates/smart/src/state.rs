//! Everything the authorization server remembers: typed rows with an expiry, each kind in a file of its own. None of it lives
//! in the memory of one process alone, so every node of an installation knows the same.

mod access_review;
mod account;
mod app_state;
mod authorization;
mod brands;
mod break_glass;
mod client;
mod code;
mod credential;
mod demo_secrets;
mod enrolment;
mod grant;
mod known_browser;
mod launch_context;
mod pushed_request;
mod refresh_token;
mod replay;
mod revocation;
mod saved_view;
mod scope_text;
mod session;
mod shared_computer;
mod signing_keys;
mod throttle;
mod upstream_identity;
mod upstream_sign_in;
mod workstation;

pub use access_review::{
    AccessReview, Decided, Decision, Effect, GrantKind, OPENED_GLASS_KEPT_S, OpenedGlass,
    REVIEW_KEPT_S, ReviewItem, ReviewWork, Stage,
};
pub use account::{Account, NamedPasskey};
pub use app_state::{AppCode, AppState};
pub use authorization::{AUTHORIZATION_LIFETIME_S, Authorization};
pub use brands::Brands;
pub use break_glass::BreakGlass;
pub use client::{
    ActsFor, Authentication, Budgets, Client, ClientState, IdTokenAlgorithm, KeysAt, Kind,
    PENDING_LIFETIME_S, SenderConstraint,
};
pub use code::{CODE_LIFETIME_S, Code};
pub use credential::Credential;
pub use demo_secrets::{DemoSecrets, PersonSecret, SystemSecret};
pub use enrolment::{Enrolment, INVITATION_LIFETIME_S, SECRET_SHOWN_S};
pub use grant::{Grant, LaunchValues};
pub use known_browser::{KNOWN_BROWSER_LIFETIME_S, KnownBrowser};
pub use launch_context::{LAUNCH_LIFETIME_S, LaunchContext};
pub use pushed_request::{PUSHED_LIFETIME_S, PushedRequest};
pub use refresh_token::RefreshToken;
pub use replay::Replay;
pub use revocation::Revocation;
pub use saved_view::SavedView;
pub use scope_text::ScopeText;
pub use session::SessionRow;
pub use shared_computer::{SHARED_COMPUTER_LIFETIME_S, SharedComputer};
pub use signing_keys::{KeyAlgorithm, KeyRing, RingKey};
pub use throttle::Throttle;
pub use upstream_identity::UpstreamIdentity;
pub use upstream_sign_in::{UPSTREAM_SIGN_IN_LIFETIME_S, UpstreamSignIn};
pub use workstation::Workstation;

use crate::answer::OAuthError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::{Deref, DerefMut};
use ward_storage::state::{StateChange, StateError, StatePlace, StateRow};
use ward_storage::{Store, StoreError};

/// The numbers of the kinds, as they are stored. Never change one, and never use one again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RowKind {
    Client = 1,
    Account = 2,
    Session = 3,
    Authorization = 4,
    PushedRequest = 5,
    Code = 6,
    Grant = 7,
    RefreshToken = 8,
    LaunchContext = 9,
    Replay = 10,
    Revocation = 11,
    SigningKeys = 12,
    Throttle = 13,
    Enrolment = 14,
    ScopeText = 15,
    Credential = 16,
    Workstation = 17,
    DemoSecrets = 18,
    UpstreamIdentity = 19,
    UpstreamSignIn = 20,
    AppState = 21,
    KnownBrowser = 23,
    SharedComputer = 24,
    Brands = 25,
    BreakGlass = 26,
    SavedView = 28,
    AccessReview = 34,
    ReviewItem = 35,
    ReviewWork = 36,
    OpenedGlass = 37,
    /// Of `ward_resources`, which counts whom clients see.
    RecordBudget = ward_resources::RECORD_BUDGET_ROWS,
    /// Of `ward_server`, which says how far each collector of audit events has got.
    AuditFeed = ward_resources::FEED_ROWS,
}

/// A record of one kind. Secrets are keys and never in the body; keys and owners are stored as keyed hashes, the body sealed.
pub trait Row: Serialize + DeserializeOwned {
    const KIND: RowKind;
    fn key(&self) -> &str;
    /// Whose rows are listed together; empty: nobody's.
    fn owner(&self) -> &str {
        ""
    }
    /// Seconds since 1970 from which on it is forgotten; [`NEVER`].
    fn expires_s(&self) -> i64;
}

/// Expiry of what is kept until it is removed.
pub const NEVER: i64 = i64::MAX;

/// A row as it was read: what is written back meets this version or fails.
#[derive(Clone, Debug)]
pub struct Held<R> {
    pub row: R,
    version: u64,
}

impl<R> Deref for Held<R> {
    type Target = R;
    fn deref(&self) -> &R {
        &self.row
    }
}

impl<R> DerefMut for Held<R> {
    fn deref_mut(&mut self) -> &mut R {
        &mut self.row
    }
}

/// Changes that happen together or not at all.
#[derive(Debug, Default)]
pub struct Changes {
    changes: Vec<StateChange>,
    announced: bool,
}

/// Why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Change number `0` met another state than it was decided on: another request came first.
    Conflict(usize),
    Unavailable,
}

impl Changes {
    pub fn new() -> Changes {
        Changes::default()
    }

    /// Conflict when there is such a row.
    pub fn insert<R: Row>(mut self, row: &R) -> Changes {
        self.changes.push(StateChange::Insert {
            kind: R::KIND as u8,
            key: row.key().as_bytes().to_vec(),
            owner: row.owner().as_bytes().to_vec(),
            expires_us: microseconds(row.expires_s()),
            body: body(row),
        });
        self
    }

    /// Writes a row back as it has become. Its key must be what it was. Conflict when another did before.
    pub fn replace<R: Row>(mut self, held: &Held<R>) -> Changes {
        self.changes.push(StateChange::Replace {
            kind: R::KIND as u8,
            key: held.key().as_bytes().to_vec(),
            version: held.version,
            owner: held.owner().as_bytes().to_vec(),
            expires_us: microseconds(held.expires_s()),
            body: body(&held.row),
        });
        self
    }

    /// Conflict when it was changed or removed since it was read: of several that use up one row, one succeeds.
    pub fn remove<R: Row>(mut self, held: &Held<R>) -> Changes {
        self.changes.push(StateChange::Remove {
            kind: R::KIND as u8,
            key: held.key().as_bytes().to_vec(),
            version: Some(held.version),
        });
        self
    }

    /// Removes whatever is there.
    pub fn forget<R: Row>(mut self, key: &str) -> Changes {
        self.changes.push(StateChange::Remove {
            kind: R::KIND as u8,
            key: key.as_bytes().to_vec(),
            version: None,
        });
        self
    }

    /// Other nodes learn of it within a second (revocations, registrations, keys).
    pub fn announced(mut self) -> Changes {
        self.announced = true;
        self
    }

    pub fn len(&self) -> usize {
        self.changes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// The live row of a key.
pub async fn get<R: Row>(
    store: &Store,
    key: &str,
    now_s: i64,
) -> Result<Option<Held<R>>, StoreError> {
    let found = store
        .state(R::KIND as u8, key.as_bytes(), microseconds(now_s))
        .await?;
    found.map(held).transpose()
}

/// Live rows of a kind (of one owner), oldest first, at most `most`.
pub async fn list<R: Row>(
    store: &Store,
    owner: Option<&str>,
    most: usize,
    now_s: i64,
) -> Result<Vec<Held<R>>, StoreError> {
    const PAGE_ROWS: usize = 500;
    let mut rows = Vec::new();
    let mut after = None;
    while rows.len() < most {
        let wanted = PAGE_ROWS.min(most - rows.len());
        let page = store
            .states(
                R::KIND as u8,
                owner.map(str::as_bytes),
                after,
                u32::try_from(wanted).unwrap_or(u32::MAX),
                microseconds(now_s),
            )
            .await?;
        let is_last = page.len() < wanted;
        after = page.last().map(|(place, _)| *place);
        for (_, row) in page {
            rows.push(held(row)?);
        }
        if is_last {
            break;
        }
    }
    Ok(rows)
}

/// Live rows of a kind, oldest first, at most `most` of those after a place; and the place of the last, where more come after it. One
/// statement.
pub async fn page<R: Row>(
    store: &Store,
    after: Option<i64>,
    most: usize,
    now_s: i64,
) -> Result<(Vec<Held<R>>, Option<i64>), StoreError> {
    let asked = u32::try_from(most + 1).unwrap_or(u32::MAX);
    let after = after.map(StatePlace::of_number);
    let now_us = microseconds(now_s);
    let mut found = store
        .states(R::KIND as u8, None, after, asked, now_us)
        .await?;
    let goes_on = found.len() > most;
    found.truncate(most);
    let last = found.last().map(|(place, _)| place.number());
    let rows: Result<Vec<_>, _> = found.into_iter().map(|(_, row)| held(row)).collect();
    Ok((rows?, last.filter(|_| goes_on)))
}

/// Makes the changes, durably.
pub async fn commit(store: &Store, changes: Changes, now_s: i64) -> Result<(), Refused> {
    store
        .change_state(changes.changes, changes.announced, microseconds(now_s))
        .await
        .map_err(|error| match error {
            StateError::Conflict(at) => Refused::Conflict(at),
            StateError::TooLarge => {
                tracing::error!("a change of state is beyond the store's bounds");
                Refused::Unavailable
            }
            StateError::Unavailable => Refused::Unavailable,
        })
}

/// Another request came first: what was asked can be asked again.
impl From<Refused> for OAuthError {
    fn from(_: Refused) -> OAuthError {
        OAuthError::unavailable()
    }
}

fn held<R: Row>(row: StateRow) -> Result<Held<R>, StoreError> {
    let body = serde_json::from_slice(&row.body).map_err(|_| {
        tracing::error!(
            kind = R::KIND as u8,
            "a row of the authorization server cannot be understood"
        );
        StoreError::Integrity
    })?;
    Ok(Held {
        row: body,
        version: row.version,
    })
}

fn body<R: Row>(row: &R) -> Vec<u8> {
    serde_json::to_vec(row).expect("text, numbers and lists can always be written as JSON")
}

fn microseconds(seconds: i64) -> i64 {
    match seconds {
        NEVER => i64::MAX,
        seconds => seconds.saturating_mul(1_000_000),
    }
}

/// The key under which a secret's row lies when lists must be able to name it again: its SHA-256. What is listed then opens
/// nothing.
pub fn digest(secret: &str) -> String {
    ward_seal::base64url(&ward_seal::hash::sha256(secret.as_bytes()))
}
