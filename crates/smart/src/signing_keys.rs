//! The keys of this server: made, published ahead, used, and kept until the last token they signed has expired (S15, X63).
//! <https://www.rfc-editor.org/rfc/rfc7517>

use crate::claims::TOKEN_LIFETIME_S_MAX;
use crate::state::{
    self, Changes, Held, IdTokenAlgorithm, KeyAlgorithm, KeyRing, Refused, RingKey,
};
use crate::tokens::CLOCK_SKEW_S;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use ward_seal::jws::foreign::unverified_header;
use ward_seal::rsa_key::{RsaAlgorithm, RsaKey};
use ward_seal::{JwsError, SigningKey, base64, from_base64};
use ward_storage::{Store, StoreError};

/// The keys as this node knows them. What other nodes make is read when the state revision rises.
pub struct SigningKeys {
    keys: RwLock<Arc<Vec<Key>>>,
    /// Rises when there are others: what was verified before is verified again.
    generation: AtomicU64,
    /// One key at a time is made in this process: an RSA key costs a second of CPU.
    making: tokio::sync::Mutex<()>,
    /// Held from reading or writing the ring until its keys are in memory: what was read before a change never takes its place.
    keeping: tokio::sync::Mutex<()>,
}

/// How long a key signs.
pub const KEY_PERIOD_S: i64 = 90 * 24 * 3600;
/// How long before its first use it is published; ≥ 24 h (S15).
pub const PUBLISHED_AHEAD_S: i64 = 48 * 3600;
/// How long it can be checked by after its last use.
pub const KEPT_S: i64 = TOKEN_LIFETIME_S_MAX + 2 * CLOCK_SKEW_S;

struct Key {
    signs_from_s: i64,
    pair: Pair,
}

#[allow(clippy::large_enum_variant, reason = "a few per process, moved once")]
enum Pair {
    Es256(SigningKey),
    Rs256(Box<RsaKey>),
}

impl SigningKeys {
    /// No key yet: see [`SigningKeys::ensure`].
    pub fn empty() -> SigningKeys {
        SigningKeys::of(Vec::new())
    }

    /// One key for access tokens that is never exchanged: of a process without a store.
    pub fn fixed(key: SigningKey) -> SigningKeys {
        SigningKeys::of(vec![Key {
            signs_from_s: i64::MIN,
            pair: Pair::Es256(key),
        }])
    }

    /// Reads what is stored. Keys in memory that are not in the row are gone: they were exchanged.
    pub async fn reread(&self, store: &Store, now_s: i64) -> Result<(), StoreError> {
        let _one = self.keeping.lock().await;
        let ring = state::get::<KeyRing>(store, "ring", now_s).await?;
        self.keep(ring.as_ref().map_or(&[], |ring| &ring.keys))
    }

    /// Sees to it that there is a key of this algorithm: makes the first one.
    pub async fn ensure(
        &self,
        store: &Store,
        algorithm: KeyAlgorithm,
        now_s: i64,
    ) -> Result<(), StoreError> {
        if self.has(algorithm) {
            return Ok(());
        }
        let _one = self.making.lock().await;
        if self.has(algorithm) {
            return Ok(());
        }
        self.change(store, now_s, |ring| {
            let has = ring.keys.iter().any(|key| key.algorithm == algorithm);
            (!has).then_some((algorithm, now_s))
        })
        .await
        .map(drop)
    }

    /// Publishes the next key of each algorithm when its time has come, and drops what no living token was signed with. Cheap
    /// when nothing is due; to be called every hour or so by each node. Whether it has changed the ring.
    pub async fn tend(&self, store: &Store, now_s: i64) -> Result<bool, StoreError> {
        let _one = self.making.lock().await;
        let mut changed = false;
        for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::Rs256] {
            let change = self.change(store, now_s, |ring| next_due(ring, algorithm, now_s));
            changed |= change.await?;
        }
        Ok(changed)
    }

    /// New keys at once, because others may know the old ones (X63). Tokens of the old keys are void here at once, and on other
    /// nodes when they have read the new ring.
    pub async fn replace_all(&self, store: &Store, now_s: i64) -> Result<(), StoreError> {
        let _one = self.making.lock().await;
        let es256 = made(KeyAlgorithm::Es256, now_s).await;
        let rs256 = made(KeyAlgorithm::Rs256, now_s).await;
        for _ in 0..ATTEMPTS_MAX {
            let found = state::get::<KeyRing>(store, "ring", now_s).await?;
            let ring = KeyRing {
                keys: vec![es256.clone(), rs256.clone()],
            };
            if self.write(store, found, ring, now_s).await? {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable)
    }

    /// An access token. `None`: no key could be read or made.
    pub fn sign_access(&self, typ: &str, payload: &[u8], now_s: i64) -> Option<String> {
        self.signing(KeyAlgorithm::Es256, now_s, |pair| match pair {
            Pair::Es256(key) => Some(key.sign(typ, payload)),
            Pair::Rs256(_) => None,
        })
    }

    /// An id_token. About 1 ms by the RSA key. By the key of access tokens too it is none of them: its `typ` is another (X54).
    pub fn sign_id(&self, by: IdTokenAlgorithm, payload: &[u8], now_s: i64) -> Option<String> {
        self.signing(by.key(), now_s, |pair| match (pair, by) {
            (Pair::Rs256(key), IdTokenAlgorithm::Rs256) => {
                Some(key.sign(RsaAlgorithm::Rs256, ID_TYP, payload))
            }
            (Pair::Rs256(key), IdTokenAlgorithm::Ps256) => {
                Some(key.sign(RsaAlgorithm::Ps256, ID_TYP, payload))
            }
            (Pair::Es256(key), IdTokenAlgorithm::Es256) => Some(key.sign(ID_TYP, payload)),
            _ => None,
        })
    }

    /// The payload of an access token that one of the keys signed: the one that its `kid` names.
    pub fn verify_access(&self, typ: &str, token: &str) -> Result<Vec<u8>, JwsError> {
        let kid = unverified_header(token)?.kid.ok_or(JwsError::UnknownKey)?;
        let keys = self.snapshot();
        let key = keys.iter().find_map(|key| match &key.pair {
            Pair::Es256(key) if key.kid() == kid => Some(key.verifying_key()),
            _ => None,
        });
        key.ok_or(JwsError::UnknownKey)?.verify(typ, token)
    }

    /// Of the keys that there are. To be read before a token is verified by them.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The JWK Set that `jwks_uri` serves: every key that signs, signed or will sign.
    pub fn jwks(&self) -> String {
        let keys = self.snapshot();
        let published: Vec<String> = keys
            .iter()
            .map(|key| match &key.pair {
                Pair::Es256(key) => key.public_jwk(),
                Pair::Rs256(key) => key.public().to_json(),
            })
            .collect();
        format!(r#"{{"keys":[{}]}}"#, published.join(","))
    }

    fn of(keys: Vec<Key>) -> SigningKeys {
        SigningKeys {
            keys: RwLock::new(Arc::new(keys)),
            generation: AtomicU64::new(0),
            making: tokio::sync::Mutex::new(()),
            keeping: tokio::sync::Mutex::new(()),
        }
    }

    fn snapshot(&self) -> Arc<Vec<Key>> {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn has(&self, algorithm: KeyAlgorithm) -> bool {
        self.snapshot().iter().any(|key| key.pair.is(algorithm))
    }

    /// The youngest key whose time has come. Where none has (this node's clock is behind that of the one that made the first
    /// key), the oldest.
    fn signing<T>(
        &self,
        algorithm: KeyAlgorithm,
        now_s: i64,
        sign: impl Fn(&Pair) -> Option<T>,
    ) -> Option<T> {
        let keys = self.snapshot();
        let fitting = || keys.iter().filter(|key| key.pair.is(algorithm));
        let current = fitting()
            .filter(|key| key.signs_from_s <= now_s)
            .max_by_key(|key| key.signs_from_s);
        current
            .or_else(|| fitting().min_by_key(|key| key.signs_from_s))
            .and_then(|key| sign(&key.pair))
    }

    /// Adds the key that `wanted` asks for after looking at the ring as it is stored, and drops what is over.
    async fn change(
        &self,
        store: &Store,
        now_s: i64,
        wanted: impl Fn(&KeyRing) -> Option<(KeyAlgorithm, i64)>,
    ) -> Result<bool, StoreError> {
        let mut new: Option<RingKey> = None;
        for _ in 0..ATTEMPTS_MAX {
            let found = state::get::<KeyRing>(store, "ring", now_s).await?;
            let before = found
                .as_ref()
                .map_or_else(KeyRing::default, |r| r.row.clone());
            let mut ring = KeyRing {
                keys: alive(&before, now_s),
            };
            if let Some((algorithm, signs_from_s)) = wanted(&before) {
                let key = match new.take() {
                    Some(key) => RingKey {
                        signs_from_s,
                        ..key
                    },
                    None => made(algorithm, signs_from_s).await,
                };
                new = Some(key.clone());
                ring.keys.push(key);
            }
            if ring == before {
                return self.reread(store, now_s).await.map(|()| false);
            }
            if self.write(store, found, ring, now_s).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Unavailable)
    }

    /// Whether the ring as it was found is still the one; then it is this one now.
    async fn write(
        &self,
        store: &Store,
        found: Option<Held<KeyRing>>,
        ring: KeyRing,
        now_s: i64,
    ) -> Result<bool, StoreError> {
        let changes = match found {
            None => Changes::new().insert(&ring),
            Some(mut held) => {
                held.row = ring.clone();
                Changes::new().replace(&held)
            }
        };
        let _one = self.keeping.lock().await;
        match state::commit(store, changes.announced(), now_s).await {
            Ok(()) => self.keep(&ring.keys).map(|()| true),
            Err(Refused::Conflict(_)) => Ok(false),
            Err(Refused::Unavailable) => Err(StoreError::Unavailable),
        }
    }

    fn keep(&self, ring: &[RingKey]) -> Result<(), StoreError> {
        let keys: Option<Vec<Key>> = ring.iter().map(Key::open).collect();
        let keys = keys.ok_or(StoreError::Integrity)?;
        let mut known = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = known.iter().map(Key::kid).eq(keys.iter().map(Key::kid));
        *known = Arc::new(keys);
        drop(known);
        if !is_same {
            self.generation.fetch_add(1, Ordering::Release);
        }
        Ok(())
    }
}

impl IdTokenAlgorithm {
    /// The key that signs by it.
    pub(crate) fn key(self) -> KeyAlgorithm {
        match self {
            IdTokenAlgorithm::Rs256 | IdTokenAlgorithm::Ps256 => KeyAlgorithm::Rs256,
            IdTokenAlgorithm::Es256 => KeyAlgorithm::Es256,
        }
    }
}

impl Pair {
    fn is(&self, algorithm: KeyAlgorithm) -> bool {
        matches!(
            (self, algorithm),
            (Pair::Es256(_), KeyAlgorithm::Es256) | (Pair::Rs256(_), KeyAlgorithm::Rs256)
        )
    }
}

impl Key {
    fn kid(&self) -> &str {
        match &self.pair {
            Pair::Es256(key) => key.kid(),
            Pair::Rs256(key) => key.kid(),
        }
    }

    fn open(stored: &RingKey) -> Option<Key> {
        let der = from_base64(&stored.pkcs8)?;
        let pair = match stored.algorithm {
            KeyAlgorithm::Es256 => Pair::Es256(SigningKey::from_pkcs8(&der)?),
            KeyAlgorithm::Rs256 => Pair::Rs256(Box::new(RsaKey::from_pkcs8(&der)?)),
        };
        Some(Key {
            signs_from_s: stored.signs_from_s,
            pair,
        })
    }
}

/// The key that must be published now, and when it begins to sign.
fn next_due(ring: &KeyRing, algorithm: KeyAlgorithm, now_s: i64) -> Option<(KeyAlgorithm, i64)> {
    let youngest = ring
        .keys
        .iter()
        .filter(|key| key.algorithm == algorithm)
        .map(|key| key.signs_from_s)
        .max()?;
    let due_s = youngest.saturating_add(KEY_PERIOD_S);
    let publish = now_s.saturating_add(PUBLISHED_AHEAD_S);
    (due_s <= publish).then_some((algorithm, due_s.max(publish)))
}

/// Without those whose successor has been signing for so long that nothing they signed is alive.
fn alive(ring: &KeyRing, now_s: i64) -> Vec<RingKey> {
    let is_over = |key: &RingKey| {
        ring.keys.iter().any(|other| {
            other.algorithm == key.algorithm
                && other.signs_from_s > key.signs_from_s
                && other.signs_from_s.saturating_add(KEPT_S) <= now_s
        })
    };
    ring.keys
        .iter()
        .filter(|key| !is_over(key))
        .cloned()
        .collect()
}

async fn made(algorithm: KeyAlgorithm, signs_from_s: i64) -> RingKey {
    let pkcs8 = match algorithm {
        KeyAlgorithm::Es256 => base64(SigningKey::generate().to_pkcs8()),
        KeyAlgorithm::Rs256 => {
            let made = tokio::task::spawn_blocking(|| base64(RsaKey::generate().to_pkcs8()));
            made.await.expect("making a key does not panic")
        }
    };
    RingKey {
        algorithm,
        pkcs8,
        signs_from_s,
    }
}

const ID_TYP: &str = "JWT";
/// How often a change that met another node's is tried again.
const ATTEMPTS_MAX: usize = 8;

#[cfg(test)]
#[path = "signing_keys_tests.rs"]
mod tests;
