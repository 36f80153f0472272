//! Places of costly searches: so many may be under way at once for one client, so that none takes what the others need (X28).
//!
//! A search is costly when no index bounds what it takes ([`ward_search::cost`]), or when its matches are gathered for an order
//! that no index has. It has a place from before its first statement until its question is dropped: answered, refused, or
//! its client has gone away. Counted by node, as the connections of the store are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub struct Places {
    per_client_max: usize,
    taken: Arc<Taken>,
    refused: AtomicU64,
}

/// Costly searches under way by client; a client without any is not in it.
#[derive(Default)]
struct Taken(Mutex<HashMap<String, usize>>);

/// Given back when dropped.
pub struct Place {
    taken: Arc<Taken>,
    client: String,
}

impl Places {
    pub fn new(per_client_max: usize) -> Places {
        Places {
            per_client_max,
            taken: Arc::default(),
            refused: AtomicU64::new(0),
        }
    }

    pub fn per_client_max(&self) -> usize {
        self.per_client_max
    }

    /// `None`: the client has as many as it may have.
    pub fn take(&self, client: &str) -> Option<Place> {
        let mut taken = self.taken.by_client();
        let count = taken.get(client).copied().unwrap_or(0);
        if count >= self.per_client_max {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        taken.insert(client.to_owned(), count + 1);
        Some(Place {
            taken: self.taken.clone(),
            client: client.to_owned(),
        })
    }

    /// Searches refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Taken {
    fn by_client(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.by_client();
        match taken.get_mut(&self.client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_and_gets_them_back() {
        let places = Places::new(2);
        let first = places.take("a");
        let second = places.take("a");
        assert!(first.is_some() && second.is_some());
        assert!(places.take("a").is_none());
        let other = places.take("b");
        assert!(other.is_some());
        let under_way = || places.taken.by_client().values().sum::<usize>();
        assert_eq!((places.refused(), under_way()), (1, 3));
        drop(first);
        let third = places.take("a");
        assert!(third.is_some() && places.take("a").is_none());
        drop((second, third, other));
        assert_eq!(places.refused(), 2);
        assert!(places.taken.by_client().is_empty());
    }
}
