//! Places of costly searches: so many may be under way at once for one client, and half as many for one person who uses it, so
//! that none takes what the others need (X28).
//!
//! A search is costly when no index bounds what it takes ([`ward_search::cost`]), or when its matches are gathered for an order
//! that no index has. It has a place from before its first statement until its question is dropped: answered, refused, or
//! its client has gone away. Counted by node, as the connections of the store are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use ward_access::Caller;

pub struct Places {
    per_client_max: usize,
    taken: Arc<Taken>,
    refused: AtomicU64,
}

/// Costly searches under way; whoever has none is not in it.
#[derive(Default)]
struct Taken(Mutex<HashMap<Whose, usize>>);

/// A client's, or one person's through it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Whose {
    client: String,
    person: Option<String>,
}

/// Given back when dropped.
pub struct Place {
    taken: Arc<Taken>,
    whose: Vec<Whose>,
}

impl Places {
    pub fn new(per_client_max: usize) -> Places {
        Places {
            per_client_max,
            taken: Arc::default(),
            refused: AtomicU64::new(0),
        }
    }

    /// The person's own where there is one: half of the client's, rounded up.
    pub fn most(&self, caller: &Caller) -> usize {
        match caller.is_user() {
            true => self.per_client_max.div_ceil(2),
            false => self.per_client_max,
        }
    }

    /// `None`: the client or the person has as many as it may have.
    pub fn take(&self, caller: &Caller) -> Option<Place> {
        let client = Whose {
            client: caller.client_id.clone(),
            person: None,
        };
        let person = caller.is_user().then(|| Whose {
            person: Some(caller.subject.clone()),
            ..client.clone()
        });
        let most = self.most(caller);
        let wanted: Vec<(Whose, usize)> = std::iter::once((client, self.per_client_max))
            .chain(person.map(|person| (person, most)))
            .collect();
        let mut taken = self.taken.counts();
        let full = |(whose, most): &(Whose, usize)| taken.get(whose).is_some_and(|n| n >= most);
        if wanted.iter().any(full) || self.per_client_max == 0 {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let whose: Vec<Whose> = wanted.into_iter().map(|(whose, _)| whose).collect();
        for one in &whose {
            *taken.entry(one.clone()).or_default() += 1;
        }
        Some(Place {
            taken: self.taken.clone(),
            whose,
        })
    }

    /// Searches refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Taken {
    fn counts(&self) -> MutexGuard<'_, HashMap<Whose, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.counts();
        for whose in &self.whose {
            match taken.get_mut(whose) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(taken.remove(whose)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_access::Identity;

    fn system(client: &str) -> Caller {
        Caller::new(Identity {
            client_id: client.into(),
            subject: client.into(),
            ..Identity::default()
        })
    }

    fn person(client: &str, subject: &str) -> Caller {
        Caller::new(Identity {
            client_id: client.into(),
            subject: subject.into(),
            fhir_user: Some("Practitioner/1".into()),
            ..Identity::default()
        })
    }

    #[test]
    fn each_client_has_its_own_and_gets_them_back() {
        let places = Places::new(2);
        let (a, b) = (system("a"), system("b"));
        let first = places.take(&a);
        let second = places.take(&a);
        assert!(first.is_some() && second.is_some());
        assert!(places.take(&a).is_none());
        let other = places.take(&b);
        assert!(other.is_some());
        let under_way = || places.taken.counts().values().sum::<usize>();
        assert_eq!((places.refused(), under_way()), (1, 3));
        drop(first);
        let third = places.take(&a);
        assert!(third.is_some() && places.take(&a).is_none());
        drop((second, third, other));
        assert_eq!(places.refused(), 2);
        assert!(places.taken.counts().is_empty());
    }

    #[test]
    fn x28_one_person_leaves_the_others_of_an_app_their_places() {
        let places = Places::new(3);
        let (one, other) = (person("app", "okafor"), person("app", "lindqvist"));
        let of_one = [places.take(&one), places.take(&one)];
        assert!(of_one.iter().all(Option::is_some) && places.take(&one).is_none());
        let of_other = places.take(&other);
        assert!(of_other.is_some());
        // The client has no more.
        assert!(places.take(&other).is_none());
        drop(of_one);
        assert!(places.take(&other).is_some());
        drop(of_other);
        assert!(places.taken.counts().is_empty());
    }
}
