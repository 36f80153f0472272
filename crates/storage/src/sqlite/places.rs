//! Places of long reads: so many at once for one caller, and a few times as many for all, so that nobody's reads keep those of
//! the others waiting until their time is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Callers who may have all their places taken before anybody waits for another.
const CALLERS_APART: usize = 4;

pub struct Places {
    of_one: usize,
    all: Arc<Semaphore>,
    /// By caller; those of callers who neither read nor wait are let go.
    lanes: Mutex<HashMap<u64, Arc<Semaphore>>>,
}

/// Given back when dropped.
pub struct Place {
    _lane: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    pub fn new(of_one: usize) -> Places {
        Places {
            of_one,
            all: Arc::new(Semaphore::new(of_one * CALLERS_APART)),
            lanes: Mutex::default(),
        }
    }

    /// Waits first for the caller's own reads, then for those of all.
    pub async fn take(&self, caller: u64) -> Result<Place, AcquireError> {
        let lane = self.lane(caller).acquire_owned().await?;
        Ok(Place {
            _lane: lane,
            _of_all: self.all.clone().acquire_owned().await?,
        })
    }

    fn lane(&self, caller: u64) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        let lane = lanes.entry(caller);
        lane.or_insert_with(|| Arc::new(Semaphore::new(self.of_one)))
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn one_caller_leaves_places_to_the_others() {
        let places = Places::new(2);
        let is_free = async |caller| {
            let wait = tokio::time::timeout(Duration::from_millis(20), places.take(caller));
            wait.await.ok().and_then(Result::ok)
        };
        let (first, second) = (is_free(1).await, is_free(1).await);
        assert!(first.is_some() && second.is_some());
        assert!(is_free(1).await.is_none());
        let other = is_free(2).await;
        assert!(other.is_some());
        drop(first);
        assert!(is_free(1).await.is_some());
        drop((second, other));
        // Together they have no more than there are.
        let mut held = Vec::new();
        for caller in 0..8 {
            held.extend(is_free(caller % 4).await);
        }
        assert_eq!(held.len(), 8);
        assert!(is_free(9).await.is_none());
        held.pop();
        assert!(is_free(9).await.is_some());
        drop(held);
        drop(is_free(7).await);
        assert_eq!(places.lanes.lock().map(|lanes| lanes.len()).ok(), Some(1));
    }
}
