//! By which rules the rows of a store were labelled, and how classes are judged until a walk has been over all of them (L6).
//!
//! What the rules say of each label is kept in the store as a digest. A store that has no rows is labelled from the first one on. One from
//! before labels, and one whose rules differ from those of this process, is walked over (`relabel`); until that has ended, classes that
//! were there when it began are judged with all that the rules in force may add.

use super::VisibilityClass;
use crate::capabilities::all_types;
use crate::engine::{Engine, stored};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use ward_consent::Residual;
use ward_consent::labels::{Kind as LabelKind, Label, RowClass, RuleSet, marks};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_storage::state::{StateChange, StateError};
use ward_storage::{Indexed, View};

/// The state row of the rules; the authorization server numbers its own from 1.
const STATE: u8 = 201;
const KEY: &[u8] = b"rules";
/// Classes that are counted by one statement.
const CLASSES_PER_READ: u32 = 4_096;

/// What is known of the labels of all rows. Never changes: with another state there is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelling {
    /// Of the state row.
    pub(super) version: u64,
    /// Rises when classes are judged otherwise.
    pub edition: u64,
    /// Digest of what the rules say of each label.
    pub(super) marks: BTreeMap<String, String>,
    /// All live rows are labelled by these rules.
    pub is_complete: bool,
    /// There may be rows, deleted or superseded, of which no class was ever worked out.
    pub is_former: bool,
    /// Classes with lower ids may be those of rows that these rules have not seen.
    pub boundary: i32,
    /// What the rules may add to those.
    pub(super) adds: RowClass,
    pub(super) walk: Walk,
}

/// How far the walk is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Walk {
    /// Types that are done.
    pub done: BTreeSet<TypeId>,
    /// The last row that was passed.
    pub at: Option<(TypeId, Indexed)>,
    pub rows: u64,
    /// Rows that have got other labels.
    pub changed: u64,
}

impl Labelling {
    /// How a class is judged; `None`: as it is. `id`: of the class; 0 is that of rows of which nothing was worked out.
    pub fn judged(&self, id: usize, class: &VisibilityClass) -> Option<VisibilityClass> {
        let boundary = usize::try_from(self.boundary).unwrap_or(usize::MAX);
        let is_unseen = !self.is_complete && id < boundary;
        (is_unseen || (self.is_former && id == 0)).then(|| self.pessimistic(class))
    }

    /// The class with all that the rules may add. What consents come to then was not worked out: where any say something they are asked, which
    /// hides the row.
    pub fn pessimistic(&self, class: &VisibilityClass) -> VisibilityClass {
        let mut judged = class.clone();
        judged.labels = class.labels.union(&self.adds);
        let sensitivities = &mut judged.class.sensitivities;
        sensitivities.extend(self.adds.labels.iter().cloned());
        sensitivities.sort_unstable();
        sensitivities.dedup();
        if !class.is_shared && !class.residual.is_silent() {
            judged.residual = Residual::private();
        }
        judged
    }

    /// Rows that the walk has passed.
    pub fn rows_done(&self) -> u64 {
        self.walk.rows
    }

    /// A store that has no rows.
    pub(super) fn begun(rules: &RuleSet) -> Labelling {
        Labelling {
            version: 0,
            edition: 1,
            marks: digests(rules),
            is_complete: true,
            is_former: false,
            boundary: 0,
            adds: RowClass::unlabelled(),
            walk: Walk::default(),
        }
    }

    /// The same store by other rules than it was labelled by last.
    fn by(&self, rules: &RuleSet, boundary: i32) -> Labelling {
        let marks = digests(rules);
        let is_other = |label: &&Label| {
            let text = text_of(label);
            self.marks.get(&text) != marks.get(&text)
        };
        let labels: BTreeSet<Label> = rules
            .definitions()
            .map(|definition| &definition.label)
            .filter(is_other)
            .filter(|label| rules.kind(label) == LabelKind::Sensitivity)
            .cloned()
            .collect();
        let level = labels.iter().map(|label| rules.level(label)).max();
        let mut adds = RowClass {
            labels,
            ..RowClass::unlabelled()
        };
        adds.level = level.unwrap_or(adds.level).max(adds.level);
        if !self.is_complete {
            adds = adds.union(&self.adds);
        }
        Labelling {
            version: self.version,
            edition: self.edition + 1,
            marks,
            is_complete: false,
            is_former: self.is_former,
            boundary,
            adds,
            walk: Walk::default(),
        }
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let labels = self.adds.labels.iter();
        let labels: Vec<Value> = labels.map(|l| json!([&*l.system, &*l.code])).collect();
        let done: Vec<&str> = self.walk.done.iter().map(|ty| r4().ty(*ty).name).collect();
        let at = self.walk.at.map(|(ty, row)| {
            json!({ "type": r4().ty(ty).name, "rid": row.rid, "generation": row.generation, "place": row.place })
        });
        let body = json!({
            "edition": self.edition,
            "marks": self.marks,
            "complete": self.is_complete,
            "former": self.is_former,
            "boundary": self.boundary,
            "level": self.adds.level.code(),
            "adds": labels,
            "done": done,
            "at": at,
            "rows": self.walk.rows,
            "changed": self.walk.changed,
        });
        body.to_string().into_bytes()
    }

    fn read(version: u64, body: &[u8]) -> Option<Labelling> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let ty = |value: &Value| r4().resource_type(value.as_str()?);
        let label = |value: &Value| Some(Label::new(value[0].as_str()?, value[1].as_str()?));
        let mark =
            |(label, mark): (&String, &Value)| Some((label.clone(), mark.as_str()?.to_owned()));
        let at = match &body["at"] {
            Value::Null => None,
            at => Some((
                ty(&at["type"])?,
                Indexed {
                    rid: at["rid"].as_i64()?,
                    generation: u32::try_from(at["generation"].as_u64()?).ok()?,
                    place: at["place"].as_i64()?,
                },
            )),
        };
        let done = body["done"].as_array()?.iter().map(ty);
        let labels = body["adds"].as_array()?.iter().map(label);
        Some(Labelling {
            version,
            edition: body["edition"].as_u64()?,
            marks: body["marks"]
                .as_object()?
                .iter()
                .map(mark)
                .collect::<Option<_>>()?,
            is_complete: body["complete"].as_bool()?,
            is_former: body["former"].as_bool()?,
            boundary: i32::try_from(body["boundary"].as_i64()?).ok()?,
            adds: RowClass {
                level: ward_consent::Confidentiality::parse(body["level"].as_str()?)?,
                labels: labels.collect::<Option<_>>()?,
            },
            walk: Walk {
                done: done.collect::<Option<_>>()?,
                at,
                rows: body["rows"].as_u64()?,
                // A walk that an earlier build began has not counted them.
                changed: body["changed"].as_u64().unwrap_or(0),
            },
        })
    }
}

fn text_of(label: &Label) -> String {
    format!("{}|{}", label.system, label.code)
}

fn digests(rules: &RuleSet) -> BTreeMap<String, String> {
    let digest = |text: String| {
        let digest = ward_seal::hash::sha256(text.as_bytes());
        ward_seal::base64(&digest[..15])
    };
    let each = marks(rules).into_iter();
    each.map(|(label, text)| (text_of(&label), digest(text)))
        .collect()
}

impl Engine {
    /// What is known of the labels of all rows. Statements: none, but for the first time one to four.
    pub async fn labelling(&self) -> Result<Arc<Labelling>> {
        let known = self.known_labelling();
        match known {
            Some(known) => Ok(known),
            None => self.read_labelling().await,
        }
    }

    fn known_labelling(&self) -> Option<Arc<Labelling>> {
        let known = self
            .labelling
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Whether every live row is labelled by the rules in force. Nobody knows until it was asked for.
    pub(super) fn labels_are_complete(&self) -> bool {
        self.known_labelling()
            .is_some_and(|known| known.is_complete)
    }

    pub(crate) fn label_rules(&self) -> &RuleSet {
        &self.settings.consent.labels
    }

    /// The same as the store has it now; begins a walk where the rules differ.
    pub(super) async fn read_labelling(&self) -> Result<Arc<Labelling>> {
        loop {
            let found = stored(self.store.state(STATE, KEY, self.now_us()).await)?;
            let (read, next) = match found {
                None => (None, self.first_labelling().await?),
                Some(row) => {
                    let read = Labelling::read(row.version, &row.body).ok_or_else(unreadable)?;
                    if read.marks == *self.label_marks.get_or_init(|| digests(self.label_rules())) {
                        return Ok(self.keep_labelling(read));
                    }
                    let boundary = self.classes_there().await?;
                    let next = read.by(self.label_rules(), boundary);
                    (Some(row.version), next)
                }
            };
            if let Some(changed) = self.change_labelling(read, next).await? {
                return Ok(changed);
            }
        }
    }

    async fn first_labelling(&self) -> Result<Labelling> {
        let rules = self.label_rules();
        let begun = Labelling::begun(rules);
        let used = View::committed(&self.store).used(&all_types()).await;
        if stored(used)?.is_empty() {
            return Ok(begun);
        }
        let bare = Labelling {
            marks: BTreeMap::new(),
            is_former: true,
            ..begun
        };
        Ok(bare.by(rules, self.classes_there().await?))
    }

    /// In place of the version `from`; `None`: that is no longer the current one.
    pub(super) async fn change_labelling(
        &self,
        from: Option<u64>,
        next: Labelling,
    ) -> Result<Option<Arc<Labelling>>> {
        let change = StateChange::put(STATE, KEY.to_vec(), from, i64::MAX, next.body());
        let now_us = self.now_us();
        match self.store.change_state(vec![change], false, now_us).await {
            Ok(()) => {}
            Err(StateError::Conflict(_)) => return Ok(None),
            Err(_) => {
                return Err(crate::engine::store_failure(
                    ward_storage::StoreError::Unavailable,
                ));
            }
        }
        // With the version that the store has given it.
        let found = stored(self.store.state(STATE, KEY, now_us).await)?;
        let row = found.ok_or_else(unreadable)?;
        let read = Labelling::read(row.version, &row.body).ok_or_else(unreadable)?;
        Ok(Some(self.keep_labelling(read)))
    }

    fn keep_labelling(&self, read: Labelling) -> Arc<Labelling> {
        let known = self.labelling.write();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        known.insert(Arc::new(read)).clone()
    }

    /// Classes that anybody has interned by now.
    async fn classes_there(&self) -> Result<i32> {
        let mut from = 0;
        loop {
            let read = stored(self.store.classes(from, CLASSES_PER_READ).await)?.len();
            from += i32::try_from(read).unwrap_or(i32::MAX);
            if read < CLASSES_PER_READ as usize {
                return Ok(from);
            }
        }
    }
}

fn unreadable() -> Failure {
    Failure::new(Kind::Internal, "the state of the labels does not read")
}
