//! Rows with an expiry: what the authorization server remembers (clients, accounts, sessions, codes, grants, revocations). No
//! FHIR, no history, no access rules.
//!
//! A row is found by its kind and key; keys and owners are stored as keyed hashes only, so neither can be got back (a body that
//! must tell its own key carries it). Bodies are sealed, bound to their row, version, owner and expiry. An expired row is
//! absent to every question from the moment of its expiry; `expire_states` frees its space.

pub(crate) mod sealed;

use crate::contract::StoreError;
use crate::store::{Backend, Store};

/// One row as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRow {
    /// One more with each `Replace`. A row that is inserted begins with a random one, so that a row that was removed and
    /// inserted again is not taken for the one that was read.
    pub version: u64,
    /// Microseconds since 1970; `i64::MAX`: never.
    pub expires_us: i64,
    pub body: Vec<u8>,
}

/// A change of one row. An owner may be empty: then the row is in the list of its kind only.
#[derive(Clone, Debug)]
pub enum StateChange {
    /// Conflict when a live row is there.
    Insert {
        kind: u8,
        key: Vec<u8>,
        owner: Vec<u8>,
        expires_us: i64,
        body: Vec<u8>,
    },
    /// Conflict when the row has another version than this one by now, has expired or is gone. It keeps its place in lists.
    Replace {
        kind: u8,
        key: Vec<u8>,
        version: u64,
        owner: Vec<u8>,
        expires_us: i64,
        body: Vec<u8>,
    },
    /// `Some`: conflict when the row has another version, has expired or is gone. `None`: whatever is there.
    Remove {
        kind: u8,
        key: Vec<u8>,
        version: Option<u64>,
    },
}

impl StateChange {
    /// A row of nobody's, in place of the version `from`; `None`: there is none yet. Conflict when another is there.
    pub fn put(
        kind: u8,
        key: Vec<u8>,
        from: Option<u64>,
        expires_us: i64,
        body: Vec<u8>,
    ) -> StateChange {
        let owner = Vec::new();
        match from {
            None => StateChange::Insert {
                kind,
                key,
                owner,
                expires_us,
                body,
            },
            Some(version) => StateChange::Replace {
                kind,
                key,
                version,
                owner,
                expires_us,
                body,
            },
        }
    }
}

/// Where a list of rows goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatePlace(pub(crate) i64);

impl StatePlace {
    /// As a link to the next page names it. Of one store.
    pub fn number(self) -> i64 {
        self.0
    }

    /// Any number is a place: the list goes on with what comes after it.
    pub fn of_number(number: i64) -> StatePlace {
        StatePlace(number)
    }
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateError {
    /// Change number `0` met something else than it expected.
    Conflict(usize),
    /// More than [`CHANGES_MAX`] changes, or a key, an owner or a body beyond its bound.
    TooLarge,
    /// Could not be made durable.
    Unavailable,
}

/// Changes of one call.
pub const CHANGES_MAX: usize = 256;
/// Bytes of a key, and of an owner.
pub const KEY_BYTES_MAX: usize = 1_024;
/// Bytes of a body.
pub const BODY_BYTES_MAX: usize = 264 * 1_024;
/// Rows of one list, and expired rows forgotten in one call; asked for more, there are so many.
pub const ROWS_MAX: u32 = 1_000;

impl Store {
    /// The live row of a key. One statement.
    pub async fn state(
        &self,
        kind: u8,
        key: &[u8],
        now_us: i64,
    ) -> Result<Option<StateRow>, StoreError> {
        let keys = &self.core().state;
        let hashed = keys.key(kind, key);
        let found = match &self.0 {
            Backend::Sqlite(store) => store.state(kind, &hashed, now_us)?,
            Backend::Postgres(store) => store.state(kind, &hashed, now_us).await?,
        };
        found.map(|row| keys.open(kind, row)).transpose()
    }

    /// Live rows of a kind (of one owner), oldest first, at most `most` after the place of the last one. Rows that others
    /// insert meanwhile may be missed. One statement.
    pub async fn states(
        &self,
        kind: u8,
        owner: Option<&[u8]>,
        after: Option<StatePlace>,
        most: u32,
        now_us: i64,
    ) -> Result<Vec<(StatePlace, StateRow)>, StoreError> {
        let keys = &self.core().state;
        let question = sealed::List {
            kind,
            owner: owner.map(|owner| keys.owner(kind, owner)),
            after: after.map_or(i64::MIN, |place| place.0),
            most: most.min(ROWS_MAX),
            now_us,
        };
        let found = match &self.0 {
            Backend::Sqlite(store) => store.states(&question)?,
            Backend::Postgres(store) => store.states(&question).await?,
        };
        found
            .into_iter()
            .map(|row| Ok((StatePlace(row.place), keys.open(kind, row)?)))
            .collect()
    }

    /// All or nothing, durable before it answers. Several changes of one key follow each other. Of changes that meet each
    /// other, by whichever process, one wins. `announce`: raises the state revision.
    pub async fn change_state(
        &self,
        changes: Vec<StateChange>,
        announce: bool,
        now_us: i64,
    ) -> Result<(), StateError> {
        let changes = self.core().state.seal(changes)?;
        let changes = sealed::Changes {
            changes,
            announce,
            now_us,
        };
        let refused = match &self.0 {
            Backend::Sqlite(store) => store.change_state(changes).await,
            Backend::Postgres(store) => store.change_state(&changes).await,
        };
        match refused {
            Ok(None) => Ok(()),
            Ok(Some(at)) => Err(StateError::Conflict(at)),
            Err(_) => Err(StateError::Unavailable),
        }
    }

    /// Rises with every announced change, by whichever process, in the order of their commits: whoever has read it sees in
    /// what it reads later every change announced by then. One statement.
    pub async fn state_revision(&self) -> Result<i64, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.state_revision(),
            Backend::Postgres(store) => store.state_revision().await,
        }
    }

    /// Forgets expired rows, at most `most`; how many.
    pub async fn expire_states(&self, most: u32, now_us: i64) -> Result<u64, StoreError> {
        let most = most.min(ROWS_MAX);
        match &self.0 {
            Backend::Sqlite(store) => store.expire_states(most, now_us).await,
            Backend::Postgres(store) => store.expire_states(most, now_us).await,
        }
    }
}
