//! A client's hour in the store: state rows, which expire with it. One row says how many patients were seen and what is reserved; the
//! patients themselves are in rows of [`PART`] each, in the order in which they came.

use super::ledger::Head;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use ward_storage::state::{StateChange, StateError};
use ward_storage::{Store, StoreError};

/// The kind of these rows among all state rows, whose numbers `ward_smart::state::RowKind` lists.
pub const RECORD_BUDGET_ROWS: u8 = 22;

/// Patients of one row: 32 KiB.
const PART: usize = 4_096;

/// Whose hour.
pub(super) struct Hour<'a> {
    pub client_id: &'a str,
    /// Since 1970.
    pub hour: i64,
}

/// The head with the version that it is replaced by; `None`: nobody has seen anything yet.
pub(super) async fn head(
    store: &Store,
    hour: &Hour<'_>,
    now_us: i64,
) -> Result<(Head, Option<u64>), StoreError> {
    let found = store
        .state(RECORD_BUDGET_ROWS, hour.head().as_bytes(), now_us)
        .await?;
    match found {
        None => Ok((Head::default(), None)),
        Some(row) => {
            let head = read(&row.body).ok_or_else(unreadable)?;
            Ok((head, Some(row.version)))
        }
    }
}

/// The patients from place `from` up to `to`. One statement for each row that they are in.
pub(super) async fn patients(
    store: &Store,
    hour: &Hour<'_>,
    from: usize,
    to: usize,
    now_us: i64,
) -> Result<Vec<i64>, StoreError> {
    let mut found = Vec::with_capacity(to.saturating_sub(from));
    let mut at = from;
    while at < to {
        let part = at / PART;
        let key = hour.part(part);
        let row = store
            .state(RECORD_BUDGET_ROWS, key.as_bytes(), now_us)
            .await?;
        let body = row.ok_or_else(unreadable)?.body;
        let end = to.min((part + 1) * PART);
        let wanted = (at - part * PART) * 8..(end - part * PART) * 8;
        let wanted = body.get(wanted).ok_or_else(unreadable)?;
        found.extend(
            wanted
                .as_chunks::<8>()
                .0
                .iter()
                .map(|bytes| i64::from_le_bytes(*bytes)),
        );
        at = end;
    }
    Ok(found)
}

/// Where the row begins that the next patient is put into.
pub(super) fn open_part(seen: usize) -> usize {
    seen / PART * PART
}

/// Puts the head in place of the version that was read. `tail`: the patients from [`open_part`] of what was seen before to the end;
/// empty where none was added. `Conflict`: another process came first.
pub(super) async fn write(
    store: &Store,
    hour: &Hour<'_>,
    (head, version): (&Head, Option<u64>),
    (first, tail): (usize, &[i64]),
    now_us: i64,
) -> Result<(), StateError> {
    let kind = RECORD_BUDGET_ROWS;
    let (key, expires_us) = (hour.head().into_bytes(), hour.expires_us());
    let mut changes = vec![StateChange::put(
        kind,
        key,
        version,
        expires_us,
        written(head),
    )];
    for (n, patients) in tail.chunks(PART).enumerate() {
        let key = hour.part(first / PART + n).into_bytes();
        changes.push(StateChange::Remove {
            kind,
            key: key.clone(),
            version: None,
        });
        changes.push(StateChange::Insert {
            kind,
            key,
            owner: Vec::new(),
            expires_us,
            body: patients.iter().flat_map(|rid| rid.to_le_bytes()).collect(),
        });
    }
    store.change_state(changes, false, now_us).await
}

impl Hour<'_> {
    fn head(&self) -> String {
        format!("{}\n{}", self.client_id, self.hour)
    }

    fn part(&self, part: usize) -> String {
        format!("{}\n{}\n{part}", self.client_id, self.hour)
    }

    /// An hour after its end: clocks of processes may differ.
    fn expires_us(&self) -> i64 {
        (self.hour + 2).saturating_mul(3_600_000_000)
    }
}

fn written(head: &Head) -> Vec<u8> {
    json!({ "seen": head.seen, "reserved": head.reserved })
        .to_string()
        .into_bytes()
}

fn read(body: &[u8]) -> Option<Head> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let reserved = body["reserved"].as_object()?.iter();
    let reserved = reserved.map(|(node, n)| Some((node.clone(), number(n)?)));
    Some(Head {
        seen: number(&body["seen"])?,
        reserved: reserved.collect::<Option<BTreeMap<_, _>>>()?,
    })
}

fn unreadable() -> StoreError {
    tracing::error!("the rows of a record budget do not fit each other");
    StoreError::Integrity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let head = Head {
            seen: 4_097,
            reserved: BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), 1)]),
        };
        assert_eq!(read(&written(&head)), Some(head));
        assert_eq!(read(b"{}"), None);
        assert_eq!(read(b"{\"seen\":-1,\"reserved\":{}}"), None);
        assert_eq!(
            (open_part(4_095), open_part(4_096), open_part(9_000)),
            (0, 4_096, 8_192)
        );
    }
}
