//! Whether for each answer that has left, as they are counted apart and signed with each checkpoint, there is an entry of its class.

use super::rows;
use crate::contract::StoreError;
use crate::store::Store;
use ward_audit::checkpoint::Checkpoint;
use ward_audit::counted::Counted;
use ward_audit::leaf::Class;

/// Entries that a process has counted, in their order.
#[derive(Debug, Default)]
pub struct Recount {
    at: u64,
    recorded: Counted,
}

/// More answers have left than are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrecorded {
    pub class: Class,
    pub answers: u64,
    pub recorded: u64,
    /// Entries of the checkpoint that says so.
    pub size: u64,
}

/// Entries that are counted in one look.
const ENTRIES_PER_LOOK: u64 = 1_000_000;
/// Entries of a statement.
const ENTRIES_AT_ONCE: u64 = 100_000;

impl Store {
    /// One look: counts on, and once all that the last checkpoint covers is counted compares with what it says. Of a log of many entries that
    /// takes a look for each million. About 20 ns for each entry, and two statements and one for each 100,000.
    pub async fn recount_log(
        &self,
        recount: &mut Recount,
    ) -> Result<Option<Unrecorded>, StoreError> {
        let Some(note) = self.log_checkpoint(None).await? else {
            return Ok(None);
        };
        let last = Checkpoint::parse(note.text()).map_err(|_| StoreError::Integrity)?;
        if last.size < recount.at {
            // A store that was restored.
            *recount = Recount::default();
        }
        let end = last.size.min(recount.at + ENTRIES_PER_LOOK);
        while recount.at < end {
            let until = end.min(recount.at + ENTRIES_AT_ONCE);
            let classes = rows::classes(self, recount.at as i64, until as i64).await?;
            if classes.len() as u64 != until - recount.at {
                return Err(StoreError::Integrity);
            }
            let recorded = &mut recount.recorded;
            classes.into_iter().for_each(|class| recorded.add(class, 1));
            recount.at = until;
        }
        if recount.at < last.size {
            return Ok(None);
        }
        let beyond = last.counted.beyond(&recount.recorded);
        Ok(beyond.map(|(class, answers, recorded)| Unrecorded {
            class,
            answers,
            recorded,
            size: last.size,
        }))
    }
}
