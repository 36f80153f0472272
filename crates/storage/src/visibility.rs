//! Who sees a row: classes of visibility, by which version of a patient's policy rows get theirs, and what is in a record.
//!
//! What a class or a policy says is the caller's affair. Here an id stands for the bytes of a class, and a version for a policy.

use crate::contract::{Expect, Rid, Row, StoreError, Write};
use crate::store::{Backend, Store};
use bytes::Bytes;
use ward_access::{Access, Action, Sight};
use ward_fhir::TypeId;
use ward_search::entries::Term;

impl Store {
    /// The visibility ids of classes, in that order: an id for [`Write::visibility`]. What a class says is the caller's affair; equal
    /// bytes are one class, the empty one has id 0, and no id is given twice. New ones are durable when it returns, a unit that is
    /// refused later notwithstanding. [`NOBODY`]: longer than [`CLASS_BYTES_MAX`], or no id is left of [`VISIBILITY_IDS_MAX`].
    /// One statement where all are known, else a transaction that others wait for who intern new ones.
    pub async fn intern_classes(&self, classes: &[Bytes]) -> Result<Vec<i32>, StoreError> {
        let fits = |class: &Bytes| class.len() <= CLASS_BYTES_MAX;
        let short = classes.iter().filter(|class| fits(class));
        let short: Vec<Bytes> = short.cloned().collect();
        let mut interned = self.interned(&short).await?.into_iter();
        let id = |class: &Bytes| match fits(class) {
            true => interned.next().ok_or(StoreError::Integrity),
            false => Ok(NOBODY),
        };
        classes.iter().map(id).collect()
    }

    async fn interned(&self, classes: &[Bytes]) -> Result<Vec<i32>, StoreError> {
        if classes.is_empty() {
            return Ok(Vec::new());
        }
        match &self.0 {
            Backend::Sqlite(store) => store.intern_classes(classes).await,
            Backend::Postgres(store) => store.intern_classes(classes).await,
        }
    }

    /// The classes that have the ids from `from` on, in their order and without a gap; at most `most`. Fewer: there are no more
    /// at this moment. So a process learns what others have interned. One statement. `Integrity`: an id is missing.
    pub async fn classes(&self, from: i32, most: u32) -> Result<Vec<Bytes>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.classes(from, most),
            Backend::Postgres(store) => store.classes(from, most).await,
        }
    }

    /// The versions of patients' policies, in that order: 0 is that of a patient who has none. What a policy says is the caller's
    /// affair, and so is what is kept of it by its version. One statement.
    pub async fn policies(&self, patients: &[Rid]) -> Result<Vec<i64>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.policies(patients),
            Backend::Postgres(store) => store.policies(patients).await,
        }
    }

    /// Whether each of the rows is there for this access to read, a deletion too; of types that it does not reach at all, whether
    /// consents, labels and closed records let the row through. Nothing of a row comes with the answer. For what is referred
    /// to: a row that is hidden and one that never was are both `false`. One statement, or two where some of the types are not
    /// reached; on PostgreSQL one for each type, sent together.
    pub async fn visible(
        &self,
        access: &Access,
        keys: &[(TypeId, Rid)],
    ) -> Result<Vec<bool>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        match &self.0 {
            Backend::Sqlite(store) => store.visible(access, keys),
            Backend::Postgres(store) => store.visible(access, keys).await,
        }
    }

    /// Live rows at home with a patient, in the order of their row ids; at most `most` after `after`. Of types that the access
    /// shows in part none. Costs a look at the whole record for each page.
    pub async fn at_home(
        &self,
        access: &Access,
        patient: Rid,
        after: Option<Rid>,
        most: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let after = after.unwrap_or(i64::MIN);
        let mut rows = match &self.0 {
            Backend::Sqlite(store) => store.at_home(access, patient, after, most)?,
            Backend::Postgres(store) => store.at_home(access, patient, after, most).await?,
        };
        rows.retain(|row| *access.sight(row.ty, Action::Read) == Sight::Everything);
        Ok(rows)
    }

    /// What was deleted at home with a patient, in no order, at most `most`: without bodies, which the versions before have
    /// ([`Store::superseded`]). Of types that the access shows in part none.
    pub async fn deleted_at_home(
        &self,
        access: &Access,
        patient: Rid,
        most: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = match &self.0 {
            Backend::Sqlite(store) => store.deleted_at_home(access, patient, most)?,
            Backend::Postgres(store) => store.deleted_at_home(access, patient, most).await?,
        };
        rows.retain(|row| *access.sight(row.ty, Action::Read) == Sight::Everything);
        Ok(rows)
    }

    /// Patients whose policy is due by now ([`crate::Turn`]), the first ones first, at most `most`. No other process over the
    /// same store is given them until `held_until_us`; then whoever took them is taken to be gone. One statement.
    pub async fn take_due(
        &self,
        now_us: i64,
        held_until_us: i64,
        most: u32,
    ) -> Result<Vec<Rid>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.due(now_us, most),
            Backend::Postgres(store) => store.take_due(now_us, held_until_us, most).await,
        }
    }

    /// Patients whose records are closed, or whose policy was due before a time and is not decided yet, in order. One statement.
    pub async fn closed(&self, late_us: i64) -> Result<Vec<Rid>, StoreError> {
        let mut closed = match &self.0 {
            Backend::Sqlite(store) => store.closed(late_us)?,
            Backend::Postgres(store) => store.closed(late_us).await?,
        };
        closed.sort_unstable();
        Ok(closed)
    }

    /// Live rows of a type that refer to any of these targets ([`ward_search::entries::TermKey::target`]), wherever in them that stands, with
    /// their home patients (0: none), in the order of their row ids: at most `most` after `after`. Of a type that the access shows in part none.
    /// One statement; on SQLite it costs a look at all that refers to them, of whatever type.
    pub async fn referrers(
        &self,
        access: &Access,
        ty: TypeId,
        targets: &[Term],
        after: Option<Rid>,
        most: u32,
    ) -> Result<Vec<(Rid, Rid)>, StoreError> {
        if targets.is_empty() || *access.sight(ty, Action::Read) != Sight::Everything {
            return Ok(Vec::new());
        }
        let page = (after.unwrap_or(i64::MIN), most);
        match &self.0 {
            Backend::Sqlite(store) => store.referrers(access, ty, targets, page),
            Backend::Postgres(store) => store.referrers(access, ty, targets, page).await,
        }
    }

    /// The superseded versions of rows, in no order. Of types that the access shows in part none.
    pub async fn superseded(&self, access: &Access, rids: &[Rid]) -> Result<Vec<Row>, StoreError> {
        let mut rows = match &self.0 {
            Backend::Sqlite(store) => store.superseded(access, rids)?,
            Backend::Postgres(store) => store.superseded(access, rids).await?,
        };
        rows.retain(|row| *access.sight(row.ty, Action::Read) == Sight::Everything);
        Ok(rows)
    }
}

/// Visibility id of rows that only the server itself sees: beyond every mask. In place of a class that cannot be interned.
pub const NOBODY: i32 = i32::MAX;

/// Classes of visibility that a store interns. A caller's mask has a bit for each, and each statement carries it: 8 KB, of which
/// PostgreSQL makes 4 µs.
pub const VISIBILITY_IDS_MAX: usize = 65_536;

/// Bytes of a class that is interned.
pub const CLASS_BYTES_MAX: usize = 4_096;

impl Write {
    /// As the row will have it: a negative id is nobody's. `current`: of the row that is there.
    pub(crate) fn visibility_id(&self, current: Option<i64>) -> i64 {
        match (self.policy, current, self.visibility) {
            (None, Some(kept), _) => kept,
            (.., ..0) => i64::from(NOBODY),
            (.., id) => i64::from(id),
        }
    }

    /// The version that the home patient's policy must have at commit; `None`: any.
    pub(crate) fn policy_expected(&self) -> Option<i64> {
        match self.expect {
            Expect::Absent => Some(self.policy.unwrap_or(0)),
            Expect::Version(_) | Expect::Stays(_) => self.policy,
        }
    }
}

/// Another visibility id for a superseded version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    pub rid: Rid,
    pub version: u32,
    pub visibility: i32,
}

impl Revision {
    /// As the version will have it: a negative id is nobody's.
    pub(crate) fn visibility_id(&self) -> i64 {
        match self.visibility {
            ..0 => i64::from(NOBODY),
            id => i64::from(id),
        }
    }
}

/// What tells one set of live rows from another: enough to see that a row has come, gone or changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordMark {
    pub rows: i64,
    pub versions: i64,
    pub rids: i64,
}

impl RecordMark {
    /// Of rows as [`crate::Store::at_home`] gives them.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> RecordMark {
        let mut mark = RecordMark::default();
        for row in rows {
            mark.rows += 1;
            mark.versions += i64::from(row.version);
            mark.rids += row.rid & RID_BITS;
        }
        mark
    }
}

/// Of a row id, so that the sum over all rows of a store is no overflow.
pub(crate) const RID_BITS: i64 = 0xffff_ffff;
