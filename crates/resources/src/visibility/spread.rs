//! After a write: what takes labels from the resource is labelled anew, and what takes labels from that.
//!
//! Before the commit the resource is put on a list in the store, and it leaves that when all is done: a process that ends in between
//! leaves the rest to whoever looks next. Until then rows around it have the labels they had.

use super::draft::Draft;
use super::labels::Labelled;
use super::neighbours::{escaped, search, target};
use crate::document::reread;
use crate::engine::{Engine, store_failure, stored};
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use ward_access::{Maintenance, maintenance};
use ward_consent::labels::{
    Amount, Labels, Neighbour, given_of, gives_named, gives_referring, takes_named,
};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Kind, Node, TypeId};
use ward_storage::state::{CHANGES_MAX, StateChange, StateError};
use ward_storage::{Rid, Row, StoreError};

/// State rows of the list; the authorization server numbers its own from 1.
const LISTED: u8 = 200;
/// Rows that one commit labels anew.
const ROWS_PER_COMMIT: usize = 20;
/// Rows that are labelled before the write is answered; of more the rest is done in the background.
const ROWS_AT_ONCE: usize = 200;
/// Of a record that is looked through.
const RECORD_PAGE: u32 = 500;
/// After this what stands on the list is anybody's: whoever put it there has ended.
const LEFT_AFTER_US: i64 = 5_000_000;

/// A resource that gives others something else than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    /// `Type/id`
    identity: String,
    /// Of a Questionnaire.
    url: Option<String>,
    home: Rid,
    /// What it names, or named before, and gives to: `Type/id`.
    named: BTreeSet<String>,
    /// Others may name it.
    is_named: bool,
}

/// One of the list, by its key.
pub(crate) type Listed = (Vec<u8>, Spread);

impl Spread {
    /// `None`: it gives what it gave, to those it gave it to. No pass over the resource where neither version has labels.
    pub fn of(engine: &Engine, draft: &Draft<'_>, labelled: &Labelled) -> Option<Spread> {
        let before = labelled.before.as_ref().map(Document::root);
        let stored = before.map(Labels::stored).unwrap_or_default();
        let (old, new) = (
            before.map(|node| Given::of(engine, node, stored)),
            Given::of(engine, draft.node, labelled.labels.clone()),
        );
        let old = old.unwrap_or_default();
        if old.is_empty() && new.is_empty() {
            return None;
        }
        let after = named(engine, draft.node);
        let gone = before.map(|node| named(engine, node)).unwrap_or_default();
        let is_same = old == new;
        let named: BTreeSet<String> = match is_same {
            true => after.symmetric_difference(&gone).cloned().collect(),
            false => after.union(&gone).cloned().collect(),
        };
        let is_named = draft.may_be_named() && !is_same;
        (is_named || !named.is_empty()).then(|| Spread {
            identity: crate::link::identity(draft.identity.ty, &draft.identity.id),
            url: url(draft.node),
            home: draft.placement.home().unwrap_or(0),
            named,
            is_named,
        })
    }

    /// Of a resource that is deleted.
    pub fn of_deletion(engine: &Engine, row: &Row) -> Result<Option<Spread>> {
        let document = reread(&row.body)?;
        let root = document.root();
        let given = Given::of(engine, root, Labels::stored(root));
        Ok((!given.is_empty()).then(|| Spread {
            identity: crate::link::identity(row.ty, &row.id),
            url: url(root),
            home: row.patient,
            named: named(engine, root),
            is_named: true,
        }))
    }

    fn body(&self) -> Vec<u8> {
        let named: Vec<&String> = self.named.iter().collect();
        let body = json!({ "resource": self.identity, "url": self.url, "home": self.home, "named": named,
            "isNamed": self.is_named });
        body.to_string().into_bytes()
    }

    fn read(body: &[u8]) -> Option<Spread> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let named = body["named"].as_array()?.iter().map(text);
        Some(Spread {
            identity: text(&body["resource"])?,
            url: text(&body["url"]),
            home: body["home"].as_i64()?,
            named: named.collect::<Option<_>>()?,
            is_named: body["isNamed"].as_bool()?,
        })
    }
}

/// What a resource gives to others, by amount.
#[derive(Default, PartialEq, Eq)]
struct Given {
    all: Labels,
    own: Labels,
}

impl Given {
    fn of(engine: &Engine, node: Node<'_>, labels: Labels) -> Given {
        let rules = engine.label_rules();
        if labels.is_empty() && !rules.is_catalog(node.ty()) {
            return Given::default();
        }
        let given = |amount| given_of(node, labels.clone(), amount, rules);
        Given {
            all: given(Amount::All),
            own: given(Amount::Own),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Given::default()
    }
}

fn url(node: Node<'_>) -> Option<String> {
    let is_named_so = node.type_name() == "Questionnaire";
    node.text("url").filter(|_| is_named_so).map(str::to_owned)
}

fn named(engine: &Engine, node: Node<'_>) -> BTreeSet<String> {
    let identity = |neighbour: Neighbour<'_>| match neighbour {
        Neighbour::Named { text, .. } => {
            let (ty, id) = target(engine, text)?;
            Some(crate::link::identity(ty, id))
        }
        Neighbour::Referring { .. } => None,
    };
    gives_named(node).into_iter().filter_map(identity).collect()
}

fn parts(identity: &str) -> Option<(TypeId, &str)> {
    let (ty, id) = identity.split_once('/')?;
    Some((r4().resource_type(ty)?, id))
}

impl Engine {
    /// Puts them on the list, durably.
    pub(super) async fn list(&self, spreads: Vec<Spread>) -> Result<Vec<Listed>> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let now_us = self.now_us();
        let key = |spread: Spread| {
            let mut key = now_us.to_be_bytes().to_vec();
            key.extend(LAST.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            key.extend(std::process::id().to_be_bytes());
            key.extend(spread.identity.as_bytes());
            (key, spread)
        };
        let listed: Vec<Listed> = spreads.into_iter().map(key).collect();
        for some in listed.chunks(CHANGES_MAX) {
            let insert = |(key, spread): &Listed| StateChange::Insert {
                kind: LISTED,
                key: key.clone(),
                owner: Vec::new(),
                expires_us: i64::MAX,
                body: [with_length(key), spread.body()].concat(),
            };
            let changes = some.iter().map(insert).collect();
            let done = self.store.change_state(changes, false, now_us).await;
            done.map_err(|_| store_failure(StoreError::Unavailable))?;
        }
        Ok(listed)
    }

    pub(super) async fn unlist(&self, listed: &[Listed]) {
        for some in listed.chunks(CHANGES_MAX) {
            let remove = |(key, _): &Listed| StateChange::Remove {
                kind: LISTED,
                key: key.clone(),
                version: None,
            };
            let changes = some.iter().map(remove).collect();
            let done = self.store.change_state(changes, false, self.now_us());
            // What stays is done once more.
            if matches!(done.await, Err(StateError::Unavailable)) {
                tracing::warn!("a list of labels to carry on is kept longer than needed");
            }
        }
    }

    /// Labels anew what is around these, and what is around that, until nothing changes or enough is done; the rest stays on the list.
    pub(super) async fn carry_on(&self, listed: Vec<Listed>) {
        let mut left: VecDeque<Listed> = listed.into();
        let mut rows = 0;
        while let Some((key, spread)) = left.pop_front() {
            match self
                .label_around(&spread, ROWS_AT_ONCE.saturating_sub(rows))
                .await
            {
                Ok(Some((done, more))) => {
                    rows += done;
                    self.unlist(&[(key, spread)]).await;
                    left.extend(more);
                }
                // Too many, or not now.
                Ok(None) => return self.ask_to_label(),
                Err(failure) => {
                    tracing::warn!(reason = ?failure.kind, "labels are carried on after a pause");
                    return self.ask_to_label();
                }
            }
        }
    }

    pub(super) fn is_asked_to_label(&self) -> bool {
        self.labels_asked.load(Ordering::Acquire)
    }

    /// Makes the background look at the list without waiting.
    fn ask_to_label(&self) {
        self.labels_asked.store(true, Ordering::Release);
        self.index_asked.notify_one();
    }

    /// What is on the list for so long that whoever put it there has ended or left it; whether there was any.
    pub(super) async fn carry_labels_on(&self) -> Result<bool> {
        let now_us = self.now_us();
        let is_asked = self.labels_asked.swap(false, Ordering::AcqRel);
        let rows = self.store.states(LISTED, None, None, 16, now_us).await;
        let mut any = false;
        for (_, row) in stored(rows)? {
            let Some((key, spread)) = read(&row.body) else {
                return Err(Failure::new(
                    Kind::Internal,
                    "a list of labels does not read",
                ));
            };
            if !is_asked && listed_us(&key) > now_us - LEFT_AFTER_US {
                continue;
            }
            any = true;
            // What that spreads to stands on the list as well.
            self.label_around(&spread, usize::MAX).await?;
            self.unlist(&[(key, spread)]).await;
        }
        Ok(any)
    }

    /// How many rows were labelled anew, and what that spreads to; `None`: more than `most` may have to be.
    async fn label_around(
        &self,
        spread: &Spread,
        most: usize,
    ) -> Result<Option<(usize, Vec<Listed>)>> {
        let around = self.around(spread).await?;
        if around.len() > most {
            return Ok(None);
        }
        let mut more = Vec::new();
        let around = Vec::from_iter(around);
        for some in around.chunks(ROWS_PER_COMMIT) {
            let (listed, _) = self.label_anew(some, false).await?;
            more.extend(listed);
        }
        Ok(Some((around.len(), more)))
    }

    /// The rows that take labels from it.
    async fn around(&self, spread: &Spread) -> Result<BTreeSet<(TypeId, Rid)>> {
        let keys: Vec<(TypeId, &str)> = spread.named.iter().filter_map(|id| parts(id)).collect();
        let rids = stored(self.store.locate(&keys).await)?;
        let located = keys.iter().zip(rids);
        let located = located.filter_map(|((ty, _), rid)| Some((*ty, rid?)));
        let mut around: BTreeSet<(TypeId, Rid)> = located.collect();
        let Some((ty, _)) = parts(&spread.identity).filter(|_| spread.is_named) else {
            return Ok(around);
        };
        let (mut asked, mut unindexed) = (BTreeSet::new(), BTreeSet::new());
        for neighbour in gives_referring(ty) {
            if let Neighbour::Referring { ty, parameter, .. } = neighbour {
                match parameter {
                    Some(parameter) => drop(asked.insert((ty, parameter))),
                    None => drop(unindexed.insert(ty)),
                }
            }
        }
        let mut values = vec![spread.identity.clone()];
        values.extend(spread.url.as_deref().map(escaped));
        for (ty, parameter) in asked {
            let rids = search(self, ty, parameter, &values, |row| row.rid).await?;
            around.extend(rids.into_iter().map(|rid| (ty, rid)));
        }
        if spread.home != 0 && !unindexed.is_empty() {
            self.in_the_record(spread, &unindexed, &mut around).await?;
        }
        Ok(around)
    }

    /// Those that name it by elements that R4 has no search parameter for.
    async fn in_the_record(
        &self,
        spread: &Spread,
        types: &BTreeSet<TypeId>,
        around: &mut BTreeSet<(TypeId, Rid)>,
    ) -> Result<()> {
        let access = maintenance(Maintenance::Labels);
        let mut after = None;
        loop {
            let rows = self
                .store
                .at_home(&access, spread.home, after, RECORD_PAGE)
                .await;
            let rows = stored(rows)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = Some(last.rid);
            for row in rows.iter().filter(|row| types.contains(&row.ty)) {
                let document = reread(&row.body)?;
                let is_it = |neighbour: Neighbour<'_>| match neighbour {
                    Neighbour::Named { text, .. } => target(self, text)
                        .is_some_and(|(ty, id)| crate::link::identity(ty, id) == spread.identity),
                    Neighbour::Referring { .. } => false,
                };
                if takes_named(document.root()).into_iter().any(is_it) {
                    around.insert((row.ty, row.rid));
                }
            }
        }
    }
}

/// The key goes with the body: rows of a list do not tell theirs.
fn with_length(key: &[u8]) -> Vec<u8> {
    let mut out = (key.len() as u16).to_le_bytes().to_vec();
    out.extend_from_slice(key);
    out
}

fn read(body: &[u8]) -> Option<Listed> {
    let (length, rest) = body.split_first_chunk::<2>()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    Some((key.to_vec(), Spread::read(rest)?))
}

fn listed_us(key: &[u8]) -> i64 {
    key.first_chunk::<8>()
        .map_or(0, |at| i64::from_be_bytes(*at))
}
