//! Binaries that other resources hold as attachments: who does not see every one of those does not see the Binary (T42).
//! <https://hl7.org/fhir/R4/binary.html#security>
//!
//! R4 has no search parameter for most attachments, so the store keeps a list by Binary of what has ever named it, put there before the
//! commit. What has let go of a Binary, or is deleted, still closes it: the content was its own.

use crate::engine::{Context, Engine, store_failure, stored};
use crate::link::identity;
use crate::visibility::{Draft, target};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::OnceLock;
use ward_access::{Action, Maintenance, maintenance};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_storage::state::{CHANGES_MAX, ROWS_MAX, StateChange};
use ward_storage::{Current, Rid, Row, StoreError};

/// State rows of the list.
const LISTED: u8 = 202;

/// A resource that names a Binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attached {
    /// `Binary/id`
    binary: String,
    to: (TypeId, Rid),
}

impl Attached {
    /// What a draft names that `before`, the version that it replaces, does not. One pass over it.
    pub fn of(engine: &Engine, draft: &Draft<'_>, before: Option<Node<'_>>) -> Vec<Attached> {
        let named = named(engine, draft.node);
        if named.is_empty() {
            return Vec::new();
        }
        let known = before.map(|node| self::named(engine, node));
        let known = known.unwrap_or_default();
        let to = (draft.identity.ty, draft.identity.rid);
        let new = named.difference(&known);
        new.map(|id| Attached {
            binary: identity(binary(), id),
            to,
        })
        .collect()
    }

    /// The same for the same.
    fn key(&self) -> Vec<u8> {
        let (ty, rid) = self.to;
        [
            self.binary.as_bytes(),
            b"\0",
            r4().ty(ty).name.as_bytes(),
            &rid.to_be_bytes(),
        ]
        .concat()
    }

    fn changes(&self) -> [StateChange; 2] {
        let (ty, rid) = self.to;
        let body = [&rid.to_be_bytes(), r4().ty(ty).name.as_bytes()].concat();
        // Whether it is there or not.
        [
            StateChange::Remove {
                kind: LISTED,
                key: self.key(),
                version: None,
            },
            StateChange::Insert {
                kind: LISTED,
                key: self.key(),
                owner: self.binary.clone().into_bytes(),
                expires_us: i64::MAX,
                body,
            },
        ]
    }
}

/// Ids of the Binaries here that its attachments name, those of contained resources too.
fn named<'a>(engine: &Engine, node: Node<'a>) -> BTreeSet<&'a str> {
    let nodes = node.descendants_and_self();
    let urls = nodes.filter(|node| node.ty() == attachment());
    let local = urls.filter_map(|node| target(engine, node.text("url")?));
    local
        .filter(|(ty, _)| *ty == binary())
        .map(|(_, id)| id)
        .collect()
}

impl Engine {
    /// Puts them on the list, durably. One transaction of the state for each few.
    pub(crate) async fn attach(&self, attached: &[Attached]) -> Result<()> {
        for some in attached.chunks(CHANGES_MAX / 2) {
            let changes = some.iter().flat_map(Attached::changes).collect();
            let done = self.store.change_state(changes, false, self.now_us());
            done.await
                .map_err(|_| store_failure(StoreError::Unavailable))?;
        }
        Ok(())
    }

    async fn attached_to(&self, binary: &str) -> Result<Vec<(TypeId, Rid)>> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let owner = Some(binary.as_bytes());
            let now_us = self.now_us();
            let page = self.store.states(LISTED, owner, after, ROWS_MAX, now_us);
            let page = stored(page.await)?;
            for (_, row) in &page {
                all.push(read(&row.body).ok_or_else(|| {
                    Failure::new(Kind::Internal, "a list of attachments does not read")
                })?);
            }
            match page.last() {
                Some((place, _)) if page.len() == ROWS_MAX as usize => after = Some(*place),
                _ => return Ok(all),
            }
        }
    }
}

/// Those of the rows that are attached to something that the caller does not see. Statements: none for who sees everything; else one for
/// each Binary, and one or two for all that they are attached to.
pub(crate) async fn closed(cx: Context<'_>, rows: &[Row]) -> Result<HashSet<Rid>> {
    let mut holders: BTreeMap<(TypeId, Rid), Vec<Rid>> = BTreeMap::new();
    if cx.access.may_hide_any() {
        for row in rows.iter().filter(|row| row.ty == binary()) {
            let all = cx.engine.attached_to(&identity(row.ty, &row.id)).await?;
            for holder in all {
                holders.entry(holder).or_default().push(row.rid);
            }
        }
    }
    let keys: Vec<(TypeId, Rid)> = holders.keys().copied().collect();
    let visible = stored(cx.engine.store.visible(cx.access, &keys).await)?;
    let hidden = keys.iter().zip(visible).filter(|(_, visible)| !visible);
    let hidden: Vec<(TypeId, Rid)> = hidden.map(|(key, _)| *key).collect();
    if hidden.is_empty() {
        return Ok(HashSet::new());
    }
    // What was put on the list and then not stored closes nothing.
    let access = maintenance(Maintenance::Labels);
    let there = cx
        .engine
        .store
        .read_many(&access, Action::Read, &hidden)
        .await;
    let there = hidden.iter().zip(stored(there)?);
    let there = there.filter(|(_, current)| !matches!(current, Current::Absent));
    Ok(there
        .flat_map(|(key, _)| holders[key].iter().copied())
        .collect())
}

fn read(body: &[u8]) -> Option<(TypeId, Rid)> {
    let (rid, name) = body.split_first_chunk::<8>()?;
    let ty = r4().resource_type(std::str::from_utf8(name).ok()?)?;
    Some((ty, Rid::from_be_bytes(*rid)))
}

fn binary() -> TypeId {
    static TYPE: OnceLock<TypeId> = OnceLock::new();
    *TYPE.get_or_init(|| r4().resource_type("Binary").unwrap_or(TypeId(u16::MAX)))
}

fn attachment() -> TypeId {
    static TYPE: OnceLock<TypeId> = OnceLock::new();
    *TYPE.get_or_init(|| r4().type_id("Attachment").unwrap_or(TypeId(u16::MAX)))
}
