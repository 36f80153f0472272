//! How far a collector has got: a row in the store, so that neither an outage nor a restart loses anything, and one process sends at a time.

use std::time::Duration;
use ward_resources::{Engine, FEED_ROWS};
use ward_storage::RecordPlace;
use ward_storage::state::{StateChange, StateError};

/// How long a process that sends keeps others from it without a word. After one that has stopped another goes on.
pub const LEASE: Duration = Duration::from_secs(30);

/// Of which collector, and who asks.
pub struct Position {
    /// What tells it from others: how it is configured.
    pub collector: String,
    /// This process.
    pub holder: [u8; 16],
}

/// The row as this process holds it.
pub struct Held {
    version: u64,
    pub place: RecordPlace,
    until_us: i64,
}

/// The store cannot be asked.
pub struct Unreadable;

const PLACE_BYTES: usize = 32;
const BODY_BYTES: usize = PLACE_BYTES + 16 + 8;

impl Position {
    /// `None`: another process sends. A collector that is new begins at the first Record there is.
    pub async fn take(&self, engine: &Engine) -> Result<Option<Held>, Unreadable> {
        let now_us = engine.now_us();
        let key = self.collector.as_bytes();
        let found = engine.store().state(FEED_ROWS, key, now_us).await;
        let Some(row) = found.map_err(|_| Unreadable)? else {
            let place = RecordPlace::default();
            let until_us = until(now_us);
            let insert = StateChange::Insert {
                kind: FEED_ROWS,
                key: key.to_vec(),
                owner: Vec::new(),
                expires_us: i64::MAX,
                body: self.body(place, until_us),
            };
            // Its version is the store's to say: it is read the next time.
            self.change(engine, insert).await?;
            return Ok(None);
        };
        let (place, holder, until_us) = read(&row.body).ok_or(Unreadable)?;
        if holder != self.holder && until_us > now_us {
            return Ok(None);
        }
        let held = Held {
            version: row.version,
            place,
            until_us: 0,
        };
        self.keep(engine, held, place).await
    }

    /// Moves the place, or only stays. `None`: another process has taken over meanwhile.
    pub async fn keep(
        &self,
        engine: &Engine,
        held: Held,
        place: RecordPlace,
    ) -> Result<Option<Held>, Unreadable> {
        let until_us = until(engine.now_us());
        let replace = StateChange::Replace {
            kind: FEED_ROWS,
            key: self.collector.as_bytes().to_vec(),
            version: held.version,
            owner: Vec::new(),
            expires_us: i64::MAX,
            body: self.body(place, until_us),
        };
        let kept = self.change(engine, replace).await?;
        Ok(kept.then_some(Held {
            version: held.version + 1,
            place,
            until_us,
        }))
    }

    /// Lets another process go on at once.
    pub async fn leave(&self, engine: &Engine, held: Held) {
        let replace = StateChange::Replace {
            kind: FEED_ROWS,
            key: self.collector.as_bytes().to_vec(),
            version: held.version,
            owner: Vec::new(),
            expires_us: i64::MAX,
            body: self.body(held.place, 0),
        };
        let _ = self.change(engine, replace).await;
    }

    async fn change(&self, engine: &Engine, change: StateChange) -> Result<bool, Unreadable> {
        let changed = engine
            .store()
            .change_state(vec![change], false, engine.now_us());
        match changed.await {
            Ok(()) => Ok(true),
            Err(StateError::Conflict(_)) => Ok(false),
            Err(StateError::TooLarge | StateError::Unavailable) => Err(Unreadable),
        }
    }

    fn body(&self, place: RecordPlace, until_us: i64) -> Vec<u8> {
        [&place.to_bytes()[..], &self.holder, &until_us.to_le_bytes()].concat()
    }
}

impl Held {
    /// Whether it is time to say that this process still sends.
    pub fn is_stale(&self, now_us: i64) -> bool {
        self.until_us - now_us < lease_us() / 2
    }
}

fn read(body: &[u8]) -> Option<(RecordPlace, [u8; 16], i64)> {
    let body: &[u8; BODY_BYTES] = body.try_into().ok()?;
    let (place, rest) = body.split_at(PLACE_BYTES);
    let (holder, until_us) = rest.split_at(16);
    Some((
        RecordPlace::from_bytes(place.try_into().ok()?),
        holder.try_into().ok()?,
        i64::from_le_bytes(until_us.try_into().ok()?),
    ))
}

fn until(now_us: i64) -> i64 {
    now_us.saturating_add(lease_us())
}

fn lease_us() -> i64 {
    LEASE.as_micros() as i64
}
