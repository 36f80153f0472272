//! The classes that this process knows, each decoded once. Ids are dense and never given twice, so the list only grows; a row whose
//! class is not in it yet is seen by nobody.

use super::class::VisibilityClass;
use bytes::Bytes;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};
use ward_storage::{NOBODY, Store, StoreError};

/// How long what was read of a store that other processes write to may be gone by. Older, nothing clinical is answered: too much would
/// be hidden without a word.
pub const CLASSES_KEPT: Duration = Duration::from_secs(5);
/// Classes that one statement reads.
const CLASSES_PER_READ: u32 = 4_096;

pub(crate) struct Classes {
    known: RwLock<Known>,
    /// Milliseconds after `begun` at which what was read last was asked for, plus one; 0: nothing was.
    read_ms: AtomicU64,
    begun: Instant,
    /// What id 0 is taken for.
    unworked: Arc<VisibilityClass>,
}

#[derive(Default)]
struct Known {
    /// By id. `None`: it cannot be read, and its rows are seen by nobody.
    classes: Vec<Option<Arc<VisibilityClass>>>,
    /// Ids of those that were interned here or read.
    ids: HashMap<Bytes, i32>,
}

impl Classes {
    /// None is known. Rows of id 0, of which nothing was worked out, are judged like `unworked`.
    pub fn new(unworked: VisibilityClass) -> Classes {
        Classes {
            known: RwLock::default(),
            read_ms: AtomicU64::new(0),
            begun: Instant::now(),
            unworked: Arc::new(unworked),
        }
    }

    pub fn len(&self) -> usize {
        self.read().classes.len()
    }

    /// Those from an id on, as far as they are known.
    pub fn from(&self, id: usize) -> Vec<Option<Arc<VisibilityClass>>> {
        let known = self.read();
        let from = known.classes.get(id..);
        from.unwrap_or_default().to_vec()
    }

    /// One of them; `None`: it is not known here, or cannot be read.
    pub fn one(&self, id: usize) -> Option<Arc<VisibilityClass>> {
        self.read().classes.get(id).cloned().flatten()
    }

    /// Whether a caller may be answered by what is known.
    pub fn are_current(&self, is_shared: bool) -> bool {
        let Some(read_ms) = self.read_ms.load(Ordering::Acquire).checked_sub(1) else {
            return false;
        };
        let age = self.elapsed_ms().saturating_sub(read_ms);
        !is_shared || u128::from(age) < CLASSES_KEPT.as_millis()
    }

    /// Reads those that others have interned since. One statement, and one more for each further 4,096. Error: nothing has changed but what
    /// was read until then.
    pub async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let asked_ms = self.elapsed_ms();
        loop {
            let from = self.len();
            let id = i32::try_from(from).map_err(|_| StoreError::Integrity)?;
            let read = store.classes(id, CLASSES_PER_READ).await?;
            let is_all = read.len() < CLASSES_PER_READ as usize;
            self.append(from, read);
            if is_all {
                break;
            }
        }
        self.read_ms.fetch_max(asked_ms + 1, Ordering::AcqRel);
        Ok(())
    }

    /// The ids of classes, in that order; `None` has no bytes, and its row is nobody's to see. Statements: none for those that are known
    /// here, else one or a transaction, and one more where others have interned in between.
    pub async fn intern(
        &self,
        store: &Store,
        classes: &[Option<Bytes>],
    ) -> Result<Vec<i32>, StoreError> {
        let unknown: Vec<Bytes> = {
            let known = self.read();
            let asked = classes.iter().flatten();
            let unknown = asked.filter(|class| !known.ids.contains_key(*class));
            let unknown: BTreeSet<&Bytes> = unknown.collect();
            unknown.into_iter().cloned().collect()
        };
        let mut given = HashMap::new();
        if !unknown.is_empty() {
            let ids = store.intern_classes(&unknown).await?;
            given.extend(unknown.into_iter().zip(ids));
            self.learn(store, &given).await;
        }
        let known = self.read();
        let id = |class: &Bytes| given.get(class).or_else(|| known.ids.get(class)).copied();
        let ids = classes.iter().map(|class| match class {
            None => Some(NOBODY),
            Some(class) => id(class),
        });
        ids.collect::<Option<_>>().ok_or(StoreError::Integrity)
    }

    /// What was interned here is known here at once.
    async fn learn(&self, store: &Store, given: &HashMap<Bytes, i32>) {
        let mut new: Vec<(usize, &Bytes)> = given
            .iter()
            .filter(|(_, id)| **id != NOBODY)
            .filter_map(|(class, id)| Some((usize::try_from(*id).ok()?, class)))
            .collect();
        new.sort_unstable();
        for (id, class) in &new {
            self.append(*id, vec![Bytes::clone(class)]);
        }
        let last = new.last().map(|(id, _)| *id);
        if last.is_some_and(|last| last >= self.len()) && self.refresh(store).await.is_err() {
            tracing::warn!(
                "new classes of visibility cannot be read; their rows are hidden until then"
            );
        }
    }

    /// Adds those that begin at an id, as far as they follow what is known.
    fn append(&self, from: usize, read: Vec<Bytes>) {
        let decoded: Vec<_> = read.iter().map(|bytes| self.decoded(bytes)).collect();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Some(skipped) = known.classes.len().checked_sub(from) else {
            return;
        };
        for (bytes, class) in read.into_iter().zip(decoded).skip(skipped) {
            let Ok(id) = i32::try_from(known.classes.len()) else {
                return;
            };
            known.classes.push(class);
            known.ids.insert(bytes, id);
        }
    }

    fn decoded(&self, bytes: &Bytes) -> Option<Arc<VisibilityClass>> {
        if bytes.is_empty() {
            return Some(self.unworked.clone());
        }
        let class = VisibilityClass::from_bytes(bytes).map(Arc::new);
        if class.is_none() {
            tracing::error!(
                "a class of visibility cannot be read; its rows are hidden from everybody"
            );
        }
        class
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// As if what was read had been read so much earlier.
    #[cfg(test)]
    pub fn age(&mut self, by: Duration) {
        if let Some(begun) = self.begun.checked_sub(by) {
            self.begun = begun;
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
#[path = "classes_tests.rs"]
mod tests;
