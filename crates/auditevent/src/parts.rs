//! A Record taken apart once for all the AuditEvents that it is: a search may have found something of thousands of patients, and each event
//! would else go through all of it.

use crate::kind::Kind;
use std::collections::HashMap;
use ward_audit::{Entity, Record};

/// What the events of one Record are about, and what they have in common.
pub struct Parts {
    pub(crate) kind: Kind,
    /// Of all events.
    count: usize,
    /// What each is about, from this place on.
    first: usize,
    events: Vec<Vec<Entity>>,
    /// Row id of the patient of the first event, where it names nobody.
    undisclosed: i64,
    /// By row and version.
    hashes: HashMap<(i64, u32), [u8; 32]>,
}

impl Parts {
    /// Cost: linear in the entities.
    pub fn of(record: &Record) -> Parts {
        let is_written = |entity: &&Entity| matches!(entity.action, b'C' | b'U');
        let written = record.entities.iter().filter(is_written);
        let hashes = written.zip(&record.detail.hashes);
        let events = record.apart();
        Parts {
            kind: Kind::of(record),
            count: events.len(),
            first: 0,
            events,
            undisclosed: record.detail.patient,
            hashes: hashes
                .map(|(entity, hash)| ((entity.rid, entity.version), *hash))
                .collect(),
        }
    }

    /// One of them at its place, without what the others are about: for whoever keeps few events of many Records.
    pub fn alone(&self, nth: usize) -> Parts {
        let about = self.event(nth).to_vec();
        let hashes = about.iter().filter_map(|entity| {
            let hash = self.hash(entity)?;
            Some(((entity.rid, entity.version), hash))
        });
        Parts {
            kind: self.kind.clone(),
            count: self.count,
            first: nth,
            undisclosed: self.undisclosed,
            hashes: hashes.collect(),
            events: vec![about],
        }
    }

    /// How many there are; at least one.
    pub fn events(&self) -> usize {
        self.count
    }

    /// What one of them is about: nothing beyond the last.
    pub fn event(&self, nth: usize) -> &[Entity] {
        let place = nth.checked_sub(self.first);
        let about = place.and_then(|place| self.events.get(place));
        about.map_or(&[], Vec::as_slice)
    }

    /// Row id of the patient that one of them is about; 0: nobody.
    pub fn patient(&self, nth: usize) -> i64 {
        let named = self.event(nth).iter().find(|entity| entity.patient != 0);
        match named {
            Some(entity) => entity.patient,
            None if nth == 0 => self.undisclosed,
            None => 0,
        }
    }

    pub(crate) fn hash(&self, entity: &Entity) -> Option<[u8; 32]> {
        let is_written = matches!(entity.action, b'C' | b'U');
        let hash = self.hashes.get(&(entity.rid, entity.version));
        hash.copied().filter(|_| is_written)
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
