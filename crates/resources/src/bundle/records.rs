//! The Records of a transaction: one of the whole, and one for each kind of change among its entries, which is an event for each resource;
//! and one for each read. All bear the transaction's request id, and commit with it.

use super::entry::Entry;
use crate::call::Interaction;
use crate::engine::Context;
use crate::recorded::{Ended, compose_record, hash};
use crate::visibility::Decided;
use crate::write::{TRANSACTION, entity};
use std::collections::BTreeMap;
use ward_audit::{Entity, Record};
use ward_fhir::schema::r4;
use ward_storage::{Op, Write};

/// What entries of one kind did.
struct Kind<'a> {
    /// One of them.
    entry: &'a Entry,
    status: u16,
    entities: Vec<Entity>,
    hashes: Vec<[u8; 32]>,
}

/// Changes are of one kind when their Records would differ in nothing but the resource.
type Key = (&'static str, bool, bool, u16);

/// Of the changes. `places`: whose entry each write of the unit is; `seen`: what an entry found and did not write.
pub fn changes(
    cx: Context<'_>,
    entries: &[Entry],
    decided: &Decided,
    places: &[usize],
    seen: &[(usize, Entity)],
) -> Vec<Record> {
    let mut kinds: BTreeMap<Key, Kind<'_>> = BTreeMap::new();
    for (at, write) in decided.versions_at() {
        // What follows from several is the first one's.
        let place = places.get(at).copied().unwrap_or(0);
        let Some(entry) = entries.get(place) else {
            continue;
        };
        let status = match write.op {
            Op::Create => 201,
            Op::Update => 200,
            Op::Delete => 204,
        };
        let kind = kind(&mut kinds, entry, is_consent(write), status);
        kind.entities.push(entity(write));
        kind.hashes.extend(hash(write));
    }
    for (at, entity) in seen {
        if let Some(entry) = entries.get(*at) {
            kind(&mut kinds, entry, false, 200).entities.push(*entity);
        }
    }
    let now_us = cx.engine.now_us();
    let record = |kind: Kind<'_>| {
        let ended = Ended {
            status: kind.status,
            entities: &kind.entities,
            hashes: &kind.hashes,
            ..Ended::default()
        };
        compose_record(now_us, cx.caller, &kind.entry.call, ended)
    };
    kinds.into_values().map(record).collect()
}

fn kind<'k, 'a>(
    kinds: &'k mut BTreeMap<Key, Kind<'a>>,
    entry: &'a Entry,
    is_consent: bool,
    status: u16,
) -> &'k mut Kind<'a> {
    let call = &entry.call;
    let is_conditional = call.conditions.if_none_exist.is_some()
        || matches!(
            call.interaction,
            Interaction::ConditionalUpdate { .. }
                | Interaction::ConditionalPatch { .. }
                | Interaction::ConditionalDelete { .. }
        );
    let key = (call.interaction.code(), is_consent, is_conditional, status);
    kinds.entry(key).or_insert_with(|| Kind {
        entry,
        status,
        entities: Vec::new(),
        hashes: Vec::new(),
    })
}

fn is_consent(write: &Write) -> bool {
    r4().ty(write.ty).name == "Consent"
}

/// Of the whole. What was touched is said by the others.
pub fn whole(cx: Context<'_>, entries: &[Entry]) -> Record {
    let ended = Ended {
        status: 200,
        turned_out: Some(TRANSACTION),
        entries: Some(u32::try_from(entries.len()).unwrap_or(u32::MAX)),
        ..Ended::default()
    };
    compose_record(cx.engine.now_us(), cx.caller, cx.call, ended)
}
