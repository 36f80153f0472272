//! Exchanging the master key of a store that nobody has open. It wraps the store's secret and the data keys, so those are
//! wrapped anew, in one transaction with the mark that says by which key; no body and no index entry is touched.

use crate::contract::{Database, OpenError, StoreError, StoreSettings};
use crate::{postgres, sqlite};
use ward_seal::MasterKey;

/// What an exchange came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Wrapped anew; 0 when the store had the new master key already.
    pub data_keys: u64,
    /// The store had the new master key already: it was exchanged before.
    pub done_before: bool,
}

impl Rotation {
    pub(crate) fn before() -> Rotation {
        Rotation {
            data_keys: 0,
            done_before: true,
        }
    }
}

/// Why the master key was not exchanged: the store is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotateError {
    /// Old and new key are the same.
    SameKey,
    /// There is no store.
    Absent,
    /// So many connections of other processes are open: a server would go on with the old key.
    InUse(u64),
    /// It cannot be opened with the old key.
    Open(OpenError),
    /// The data key of a row does not open under the old master key.
    DataKey,
    /// The database refused.
    Unavailable,
}

impl std::fmt::Display for RotateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RotateError::SameKey => write!(f, "the new master key is the one in use"),
            RotateError::Absent => write!(f, "there is no store"),
            RotateError::InUse(connections) => write!(
                f,
                "{connections} connections of ward to the database are open: stop every server on it first"
            ),
            RotateError::Open(error) => error.fmt(f),
            RotateError::DataKey => write!(
                f,
                "a data key does not open under the present master key: restore a backup"
            ),
            RotateError::Unavailable => write!(f, "the database cannot be read or written"),
        }
    }
}

impl std::error::Error for RotateError {}

impl From<OpenError> for RotateError {
    fn from(error: OpenError) -> RotateError {
        RotateError::Open(error)
    }
}

impl From<StoreError> for RotateError {
    fn from(error: StoreError) -> RotateError {
        match error {
            StoreError::Integrity => RotateError::DataKey,
            _ => RotateError::Unavailable,
        }
    }
}

/// Puts `new` in the place of `old`. All or nothing and durable: whenever it is cut off, the store opens with one of them and
/// not with the other; done again with the same keys, it says so. Costs an unwrapping and a wrapping for each data key.
///
/// No process may have the store open. Where one has nevertheless, it can go on to read and write what it has the keys of; a
/// commit that would store a data key under the old master key is refused.
pub async fn rotate_master(
    settings: &StoreSettings,
    old: &MasterKey,
    new: &MasterKey,
) -> Result<Rotation, RotateError> {
    if old.id() == new.id() {
        return Err(RotateError::SameKey);
    }
    let keys = Exchange { old, new };
    match &settings.database {
        Database::Sqlite { path } => sqlite::rotate(path, &keys),
        Database::Postgres { url } => postgres::rotate(url, &keys).await,
    }
}

/// The two keys that are to change places.
pub(crate) struct Exchange<'a> {
    pub old: &'a MasterKey,
    pub new: &'a MasterKey,
}

/// Data keys wrapped anew at once.
pub(crate) const KEYS_AT_ONCE: usize = 1_000;

impl Exchange<'_> {
    /// The store's secret under the new key; `None`: it is under it already. `master` and `secret` are what the store holds.
    pub fn secret(
        &self,
        master: Option<i64>,
        secret: &[u8],
    ) -> Result<Option<Vec<u8>>, RotateError> {
        let store = master.ok_or(RotateError::Absent)? as u32;
        let damaged = |_| RotateError::Open(OpenError::Secret);
        if store == self.new.id() {
            self.new.unwrap_secret(secret).map_err(damaged)?;
            return Ok(None);
        }
        if store != self.old.id() {
            let given = self.old.id();
            return Err(OpenError::WrongMaster { store, given }.into());
        }
        let secret = self.old.unwrap_secret(secret).map_err(damaged)?;
        Ok(Some(self.new.wrap_secret(&secret)))
    }
}
