//! Which resource each write entry of a transaction means, decided before anything is written: what it creates, replaces,
//! deletes or finds. <https://hl7.org/fhir/R4/http.html#trules>

use super::entry::{Entry, name};
use crate::audit_events;
use crate::binary::is_open;
use crate::call::Interaction;
use crate::conditional::{Matches, find, find_all};
use crate::create::multiple;
use crate::delete::demand_sight;
use crate::engine::{Context, stored};
use crate::place::demand_type;
use crate::read::{NO_ROW, not_found};
use crate::search::encode_query;
use crate::write::Replaced;
use std::collections::{HashMap, HashSet};
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::{Document, Failure, Kind, TypeId};
use ward_storage::{Current, Guard, Rid, Row};

/// What one entry does to the store.
pub enum Step {
    /// Writes the entry's resource under `id`; `register` when the id is the client's and new.
    Put {
        ty: TypeId,
        id: String,
        rid: Option<Rid>,
        register: bool,
        replaced: Replaced,
    },
    /// Applies the entry's patch to this version.
    Patch {
        row: Row,
    },
    Delete {
        rows: Vec<Row>,
    },
    /// A conditional create that found this one.
    Existing {
        row: Row,
    },
    /// Nothing to write: a read (answered after the commit), or a delete of what is not there.
    Nothing,
}

/// What the entries do, in their order, and what must still hold at the commit.
pub async fn resolve(
    cx: Context<'_>,
    document: &Document,
    entries: &[Entry],
) -> Result<(Vec<Step>, Vec<Guard>)> {
    let mut guards = Vec::new();
    for entry in entries {
        if audit_events::changes(&entry.call.interaction) {
            return Err(name(audit_events::unchangeable(), entry.at));
        }
    }
    let found = read_targets(cx, entries).await?;
    let mut steps = Vec::with_capacity(entries.len());
    let mut deletions = Vec::with_capacity(entries.len());
    let mut deleted: HashSet<Rid> = HashSet::new();
    // DELETE goes before POST, POST before PUT and PATCH: a condition meets the state after the deletions.
    for entry in entries {
        let rows = deletion(cx, entry, &found, &mut guards)
            .await
            .map_err(|f| name(f, entry.at))?;
        deleted.extend(rows.iter().flatten().map(|r| r.rid));
        deletions.push(rows);
    }
    for (entry, rows) in entries.iter().zip(deletions) {
        steps.push(match rows {
            Some(rows) => Step::Delete { rows },
            None => step(cx, document, entry, &found, &deleted, &mut guards)
                .await
                .map_err(|f| name(f, entry.at))?,
        });
    }
    Ok((steps, guards))
}

type Found = HashMap<(TypeId, String), (Option<Rid>, Current)>;

/// Current versions of everything named by id, in one look-up and one read for updates and one for deletions.
async fn read_targets(cx: Context<'_>, entries: &[Entry]) -> Result<Found> {
    let mut found = Found::new();
    for action in [Action::Update, Action::Delete] {
        let keys: Vec<(TypeId, &str)> = entries
            .iter()
            .filter_map(|e| named(&e.call.interaction, action))
            .collect();
        if keys.is_empty() {
            continue;
        }
        let rids = stored(cx.engine.store.locate(&keys).await)?;
        let rows: Vec<(TypeId, Rid)> = keys
            .iter()
            .zip(&rids)
            .map(|(key, rid)| (key.0, rid.unwrap_or(NO_ROW)))
            .collect();
        let rows = stored(cx.engine.store.read_many(cx.access, action, &rows).await)?;
        for ((key, rid), current) in keys.into_iter().zip(rids).zip(rows) {
            found.insert((key.0, key.1.to_owned()), (rid, current));
        }
    }
    Ok(found)
}

fn named(interaction: &Interaction, action: Action) -> Option<(TypeId, &str)> {
    match (interaction, action) {
        (Interaction::Update { ty, id } | Interaction::Patch { ty, id }, Action::Update) => {
            Some((*ty, id))
        }
        (Interaction::Delete { ty, id }, Action::Delete) => Some((*ty, id)),
        _ => None,
    }
}

/// The rows that a DELETE entry removes; `None` when it is no deletion, or names nothing that is there.
async fn deletion(
    cx: Context<'_>,
    entry: &Entry,
    found: &Found,
    guards: &mut Vec<Guard>,
) -> Result<Option<Vec<Row>>> {
    match &entry.call.interaction {
        Interaction::Delete { ty, id } => {
            demand_type(cx.access, *ty, Action::Delete)?;
            Ok(match found.get(&(*ty, id.clone())) {
                Some((_, Current::Live(row))) if is_open(cx, row).await? => Some(vec![row.clone()]),
                Some((_, Current::Absent)) | None => {
                    demand_sight(cx, *ty)?;
                    None
                }
                Some(_) => None,
            })
        }
        Interaction::ConditionalDelete { ty } => {
            let query = encode_query(&entry.call.parameters);
            let (rows, more, held) =
                find_all(cx, *ty, &query, cx.engine.settings().conditional_delete_max).await?;
            if more {
                return Err(multiple());
            }
            if rows.is_empty() {
                demand_sight(cx, *ty)?;
            }
            guards.extend(held);
            Ok(Some(rows))
        }
        _ => Ok(None),
    }
}

async fn step(
    cx: Context<'_>,
    document: &Document,
    entry: &Entry,
    found: &Found,
    deleted: &HashSet<Rid>,
    guards: &mut Vec<Guard>,
) -> Result<Step> {
    let query = || encode_query(&entry.call.parameters);
    let own_id = || {
        entry
            .resource
            .and_then(|r| document.node(r).text("id"))
            .map(str::to_owned)
    };
    match &entry.call.interaction {
        Interaction::Create { ty } => {
            demand_type(cx.access, *ty, Action::Create)?;
            let Some(condition) = &entry.call.conditions.if_none_exist else {
                return Ok(new(*ty));
            };
            match find(cx, *ty, condition).await? {
                Matches::Many => Err(multiple()),
                Matches::None(held) => {
                    guards.extend(held);
                    Ok(new(*ty))
                }
                Matches::One(rid, held) if deleted.contains(&rid) => {
                    guards.extend(held);
                    Ok(new(*ty))
                }
                Matches::One(rid, held) => {
                    guards.extend(held);
                    let row = crate::read::live(stored(
                        cx.engine
                            .store
                            .read(cx.access, Action::Search, *ty, rid)
                            .await,
                    )?)?;
                    Ok(Step::Existing { row })
                }
            }
        }
        Interaction::Update { ty, id } => {
            demand_type(cx.access, *ty, Action::Update)?;
            if own_id().as_deref() != Some(id) {
                return Err(Failure::new(
                    Kind::Invalid,
                    "an update needs the resource's id in the resource, equal to the url's",
                ));
            }
            let (rid, current) = found
                .get(&(*ty, id.clone()))
                .cloned()
                .unwrap_or((None, Current::Absent));
            let (rid, replaced) = crate::update::target(cx, *ty, rid, current).await?;
            Ok(Step::Put {
                ty: *ty,
                id: id.clone(),
                rid,
                register: false,
                replaced,
            })
        }
        Interaction::ConditionalUpdate { ty } => {
            demand_type(cx.access, *ty, Action::Update)?;
            match find(cx, *ty, &query()).await? {
                Matches::Many => Err(multiple()),
                Matches::None(held) => {
                    demand_type(cx.access, *ty, Action::Create)?;
                    demand_sight(cx, *ty)?;
                    guards.extend(held);
                    match own_id() {
                        None => Ok(new(*ty)),
                        Some(id) => {
                            let (rid, replaced) = crate::update::vacant(cx, *ty, &id).await?;
                            Ok(Step::Put {
                                ty: *ty,
                                id,
                                rid,
                                register: false,
                                replaced,
                            })
                        }
                    }
                }
                Matches::One(rid, held) => {
                    guards.extend(held);
                    let row = crate::read::live(stored(
                        cx.engine
                            .store
                            .read(cx.access, Action::Update, *ty, rid)
                            .await,
                    )?)?;
                    if own_id().is_some_and(|id| *id != *row.id) {
                        return Err(Failure::new(
                            Kind::Invalid,
                            "the id in the resource is not that of the one the criteria match",
                        ));
                    }
                    Ok(Step::Put {
                        ty: *ty,
                        id: row.id.to_string(),
                        rid: Some(rid),
                        register: false,
                        replaced: Replaced::Version(row),
                    })
                }
            }
        }
        Interaction::Patch { ty, id } => {
            demand_type(cx.access, *ty, Action::Update)?;
            match found.get(&(*ty, id.clone())) {
                Some((_, current)) => Ok(Step::Patch {
                    row: crate::read::live(current.clone())?,
                }),
                None => Err(not_found()),
            }
        }
        Interaction::ConditionalPatch { ty } => {
            demand_type(cx.access, *ty, Action::Update)?;
            match find(cx, *ty, &query()).await? {
                Matches::Many => Err(multiple()),
                Matches::None(_) => Err(not_found()),
                Matches::One(rid, held) => {
                    guards.extend(held);
                    Ok(Step::Patch {
                        row: crate::read::live(stored(
                            cx.engine
                                .store
                                .read(cx.access, Action::Update, *ty, rid)
                                .await,
                        )?)?,
                    })
                }
            }
        }
        Interaction::Bundle => Err(Failure::new(
            Kind::Invalid,
            "a Bundle entry cannot be a batch or transaction itself",
        )),
        _ => Ok(Step::Nothing),
    }
}

/// A creation whose id is given once the patient it belongs to is known.
fn new(ty: TypeId) -> Step {
    Step::Put {
        ty,
        id: String::new(),
        rid: None,
        register: false,
        replaced: Replaced::Nothing,
    }
}
