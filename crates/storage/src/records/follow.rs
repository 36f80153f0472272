//! Following the log: each Record once, in the order in which they became visible, for streams and whoever watches.
//!
//! On PostgreSQL numbers become visible out of order. So what is followed is the order of transactions, and of those only what lies below
//! the oldest that is still running: nothing can appear there any more. Transaction ids are those of one cluster. Where a follower comes
//! to another (a new one, or a dump that was loaded there), it first goes through what was there by its numbers, and some of that again.

use super::{SealedRecord, StoredRecord, opened, removal};
use crate::contract::StoreError;
use crate::store::{Backend, Store};

/// How far a follower has come. The default is before the first Record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordPlace {
    /// Who has given the transaction ids; 0: nobody yet.
    pub(crate) cluster: i64,
    /// Records up to this number are followed by their numbers.
    pub(crate) base: i64,
    /// Of the last Record, once those are through.
    pub(crate) xid: i64,
    pub(crate) id: i64,
}

/// Bytes of a place.
pub const PLACE_BYTES: usize = 32;
/// Numbers that are gone through again in another cluster: what was not followed yet lies among the last ones.
pub(crate) const OVERLAP: i64 = 10_000;

impl RecordPlace {
    pub fn to_bytes(self) -> [u8; PLACE_BYTES] {
        let numbers = [self.cluster, self.base, self.xid, self.id];
        let mut bytes = [0; PLACE_BYTES];
        let places = bytes.chunks_exact_mut(8).zip(numbers);
        places.for_each(|(place, number)| place.copy_from_slice(&number.to_le_bytes()));
        bytes
    }

    pub fn from_bytes(bytes: [u8; PLACE_BYTES]) -> RecordPlace {
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[at * 8..at * 8 + 8]);
            i64::from_le_bytes(number)
        };
        RecordPlace {
            cluster: number(0),
            base: number(1),
            xid: number(2),
            id: number(3),
        }
    }

    /// Whether those that were there before are not through yet.
    pub(crate) fn is_by_number(self) -> bool {
        self.id < self.base && self.xid == 0
    }

    /// Where to begin in another cluster, whose Records end at `base` now.
    pub(crate) fn moved(self, cluster: i64, base: i64) -> RecordPlace {
        RecordPlace {
            cluster,
            base,
            xid: 0,
            id: (self.id.max(self.base) - OVERLAP).clamp(0, base),
        }
    }

    /// Behind a Record.
    pub(crate) fn behind(self, xid: i64, id: i64) -> RecordPlace {
        RecordPlace { xid, id, ..self }
    }
}

impl Store {
    /// At most `limit` Records behind the place, and the place behind them. One that does not open is told to the log and left out, and
    /// notes of removals are. One
    /// statement; on PostgreSQL two.
    pub async fn records_after(
        &self,
        place: &RecordPlace,
        limit: usize,
    ) -> Result<(Vec<StoredRecord>, RecordPlace), StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (rows, place) = match &self.0 {
            Backend::Sqlite(store) => store.records_after(*place, limit),
            Backend::Postgres(store) => store.records_after(*place, limit).await,
        }?;
        let keys = &self.core().records;
        let open = |row: SealedRecord| {
            let opened = opened(keys, &row.sealed);
            if opened.is_none() && removal(keys, &row.sealed).is_none() {
                tracing::error!(
                    id = row.id,
                    "an audit record does not open and is not followed"
                );
            }
            opened.map(|(record, of)| StoredRecord {
                id: row.id,
                record,
                bytes: of.record,
                nonce: of.nonce,
            })
        };
        Ok((rows.into_iter().filter_map(open).collect(), place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = RecordPlace {
            cluster: i64::MIN,
            base: 5,
            xid: i64::MAX,
            id: 1 << 40,
        };
        assert_eq!(RecordPlace::from_bytes(place.to_bytes()), place);
        let first = RecordPlace::default().moved(7, 100);
        assert_eq!((first.id, first.is_by_number()), (0, true));
        let again = place.moved(8, (1 << 40) + 5);
        assert_eq!((again.id, again.xid), ((1 << 40) - OVERLAP, 0));
    }
}
