//! The public keys of clients and of the upstream provider, by value and by URL. <https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys> (S56 to S59)

use crate::fetch::Fetch;
use crate::state::KeysAt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use ward_seal::jwk::{Algorithm, Jwk, JwkSet, SET_BYTES_MAX};

/// Sets by URL as this node has fetched them.
pub struct KeySets {
    fetch: Arc<dyn Fetch>,
    slots: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Slot>>>>,
}

/// A set is used no longer than this whatever its header says.
pub const SET_AGE_S_MAX: i64 = 24 * 3600;
/// How long it is used when the header says nothing.
pub const SET_AGE_S: i64 = 300;
/// A `kid` that is not in the set makes it be fetched again, at most so often.
pub const REFETCH_PERIOD_S: i64 = 60;
/// A set that may not be kept is used by whoever waits for it: for this long.
pub const SET_AGE_S_MIN: i64 = 1;

#[derive(Default)]
struct Slot {
    set: Option<JwkSet>,
    fresh_until_s: i64,
    /// When it was last asked for, whatever came of it.
    tried_s: Option<i64>,
}

impl KeySets {
    pub fn new(fetch: Arc<dyn Fetch>) -> KeySets {
        KeySets {
            fetch,
            slots: Mutex::default(),
        }
    }

    /// The key of a client that a token names. `None`: there is none, there are two, or they cannot be fetched.
    pub async fn find(
        &self,
        keys: &KeysAt,
        kid: Option<&str>,
        algorithm: Algorithm,
        now_s: i64,
    ) -> Option<Jwk> {
        match keys {
            KeysAt::Here(json) => {
                let set = JwkSet::parse(json.as_bytes()).ok()?;
                set.find(kid, algorithm).cloned()
            }
            KeysAt::Url(url) => self.find_at(url, kid, algorithm, now_s).await,
        }
    }

    /// Requests about one URL wait for each other, so that a hundred make one fetch; those about others go on.
    async fn find_at(
        &self,
        url: &str,
        kid: Option<&str>,
        algorithm: Algorithm,
        now_s: i64,
    ) -> Option<Jwk> {
        let slot = self.slot(url);
        let mut slot = slot.lock().await;
        if !slot.is_fresh(now_s) && slot.may_try(SET_AGE_S_MIN, now_s) {
            self.fetch_into(&mut slot, url, now_s).await;
        }
        let known = slot.find(kid, algorithm, now_s);
        if known.is_some() || !slot.may_try(REFETCH_PERIOD_S, now_s) {
            return known;
        }
        self.fetch_into(&mut slot, url, now_s).await;
        slot.find(kid, algorithm, now_s)
    }

    fn slot(&self, url: &str) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(url.to_owned()).or_default().clone()
    }

    async fn fetch_into(&self, slot: &mut Slot, url: &str, now_s: i64) {
        slot.tried_s = Some(now_s);
        let fetched = match self.fetch.get(url, SET_BYTES_MAX).await {
            Ok(fetched) if fetched.status == 200 => fetched,
            Ok(fetched) => {
                let status = fetched.status;
                tracing::warn!(url, status, "a JWK Set cannot be fetched");
                return;
            }
            Err(reason) => {
                tracing::warn!(url, %reason, "a JWK Set cannot be fetched");
                return;
            }
        };
        match JwkSet::parse(&fetched.body) {
            Ok(set) => {
                let said = fetched
                    .max_age_s()
                    .map(|age| i64::try_from(age).unwrap_or(i64::MAX));
                let age_s = said
                    .unwrap_or(SET_AGE_S)
                    .clamp(SET_AGE_S_MIN, SET_AGE_S_MAX);
                slot.fresh_until_s = now_s + age_s;
                slot.set = Some(set);
            }
            Err(reason) => tracing::warn!(url, %reason, "a JWK Set cannot be used"),
        }
    }
}

impl Slot {
    fn is_fresh(&self, now_s: i64) -> bool {
        self.set.is_some() && now_s < self.fresh_until_s
    }

    fn may_try(&self, period_s: i64, now_s: i64) -> bool {
        self.tried_s
            .is_none_or(|tried_s| now_s >= tried_s + period_s)
    }

    fn find(&self, kid: Option<&str>, algorithm: Algorithm, now_s: i64) -> Option<Jwk> {
        let set = self.set.as_ref().filter(|_| self.is_fresh(now_s))?;
        set.find(kid, algorithm).cloned()
    }
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
