//! How far checkpoints were published elsewhere, what witnesses have signed of this log, and what this store has signed of others'.

use super::keys::{self, WITNESS_KEY};
use super::rows::{self, Anchored};
use crate::contract::StoreError;
use crate::store::{Backend, Store};
use ward_audit::note::{Note, Signature, Signer, VerifierKey};
use ward_audit::tree::Hash;
use ward_audit::tree::compact_range::CompactRange;
use ward_audit::witness::Seen;

/// A value of a statement that both stores know.
pub(crate) enum Given {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Store {
    /// The last checkpoint with its number. `None`: there is none.
    pub async fn last_numbered_checkpoint(&self) -> Result<Option<(i64, Note)>, StoreError> {
        let Some(stored) = rows::last_note(self).await? else {
            return Ok(None);
        };
        let note = Note::parse(&stored.note).map_err(|_| StoreError::Integrity)?;
        Ok(Some((stored.n, note)))
    }

    /// The root of the tree over the first `size` entries. `None`: there are not so many.
    pub async fn log_root(&self, size: u64) -> Result<Option<Hash>, StoreError> {
        if size > self.log_size().await? {
            return Ok(None);
        }
        let nodes = super::nodes::Nodes::read(self, size, |nodes| {
            let _ = CompactRange::from_nodes(0, size, nodes);
        });
        let nodes = nodes.await?;
        let range = CompactRange::from_nodes(0, size, |level, index| nodes.node(level, index));
        let root = range.and_then(|range| range.root());
        root.map(Some).ok_or(StoreError::Integrity)
    }

    /// What was published under each name.
    pub async fn anchors(&self) -> Result<Vec<(String, Anchored)>, StoreError> {
        rows::anchors(self).await
    }

    /// A checkpoint was published under the name.
    pub async fn anchored(&self, name: &str, anchored: Anchored) -> Result<(), StoreError> {
        let values = vec![
            Given::Text(name.to_owned()),
            Given::Int(anchored.n),
            Given::Int(anchored.size as i64),
            Given::Int(anchored.at_us),
        ];
        self.give(ANCHORED, values).await.map(drop)
    }

    /// The signature of a witness stands below the checkpoint with the number `n` from now on.
    pub async fn add_cosignature(
        &self,
        n: i64,
        key: &VerifierKey,
        signature: &Signature,
    ) -> Result<(), StoreError> {
        let values = vec![
            Given::Int(n),
            Given::Text(key.to_string()),
            Given::Text(signature.to_string()),
        ];
        self.give(COSIGNATURE, values).await.map(drop)
    }

    /// What was last signed of the logs of others.
    pub async fn witnessed(&self) -> Result<Vec<Seen>, StoreError> {
        rows::witnessed(self).await
    }

    /// Remembers what is signed of another's log, if nothing was signed since `before`. False: something was.
    pub async fn witness(&self, before: Option<&Seen>, seen: &Seen) -> Result<bool, StoreError> {
        let mut values = vec![
            Given::Text(seen.key.name().to_owned()),
            Given::Text(seen.key.to_string()),
            Given::Int(seen.size as i64),
            Given::Bytes(seen.root.0.to_vec()),
        ];
        let sql = match before {
            None => WITNESS_FIRST,
            Some(before) => {
                values.push(Given::Int(before.size as i64));
                values.push(Given::Bytes(before.root.0.to_vec()));
                WITNESS
            }
        };
        Ok(self.give(sql, values).await? > 0)
    }

    /// The key by which the logs of others are witnessed under this name, made when it is not there yet.
    pub async fn witness_key(&self, name: &str) -> Result<Signer, StoreError> {
        let log_keys = &self.core().log_keys;
        if keys::witness(self).await?.is_none() {
            let key = log_keys.generate(WITNESS_KEY, name);
            match &self.0 {
                Backend::Sqlite(store) => store.add_log_key(key).await?,
                Backend::Postgres(store) => store.add_log_key(key).await?,
            }
        }
        let key = keys::witness(self).await?.ok_or(StoreError::Integrity)?;
        log_keys.open_cosigner(&key)
    }

    async fn give(&self, sql: &'static str, values: Vec<Given>) -> Result<usize, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.give(sql, values).await,
            Backend::Postgres(store) => store.give(sql, values).await,
        }
    }
}

const ANCHORED: &str = "insert into anchor (name, n, size, at) values ($1, $2, $3, $4) \
    on conflict (name) do update set n = excluded.n, size = excluded.size, at = excluded.at";
const COSIGNATURE: &str =
    "insert into cosignature (n, name, line) values ($1, $2, $3) on conflict (n, name) do nothing";
const WITNESS_FIRST: &str = "insert into witnessed (origin, key, size, root) values ($1, $2, $3, $4) on conflict (origin) do nothing";
const WITNESS: &str = "update witnessed set key = $2, size = $3, root = $4 where origin = $1 and size = $5 and root = $6";
