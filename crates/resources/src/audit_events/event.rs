//! One AuditEvent of a Record: its id, what it is about, how it is written. <https://hl7.org/fhir/R4/auditevent.html>
//!
//! The id is a cipher of the Record's number and the event's place in it, so that neither tells how many there are.

use super::ty;
use crate::document::reread;
use crate::engine::{Context, stored};
use crate::shown::marked;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use ward_access::Action;
use ward_audit::Entity;
use ward_auditevent::{Event as Rendered, Names, Parts, render};
use ward_fhir::issue::Result;
use ward_fhir::json::{Stamp, write};
use ward_fhir::tree::Builder;
use ward_fhir::{Document, Node};
use ward_storage::{Op, Rid, Row, Store, StoredRecord};

/// Bits of an event's number that say where it stands among those of its Record.
const PLACE_BITS: u32 = 16;

/// Events of one Record that are shown and counted.
const EVENTS_MAX: usize = i16::MAX as usize;

/// An event of a Record that was read.
#[derive(Clone)]
pub(super) struct Event {
    pub stored: Arc<StoredRecord>,
    /// Of all events of the Record.
    pub parts: Arc<Parts>,
    pub nth: usize,
}

/// The Record of an id, and which of its events is meant; `None`: no id of ours.
pub(super) fn place_of(cx: Context<'_>, id: &str) -> Option<(i64, usize)> {
    let number = cx.engine.store.decode_event_id(id)?;
    let nth = number & ((1 << PLACE_BITS) - 1);
    Some((number >> PLACE_BITS, nth as usize))
}

/// The number of the Record that an AuditEvent of this id is of; `None`: no id of ours.
pub fn record_of_event(store: &Store, id: &str) -> Option<i64> {
    store.decode_event_id(id).map(|number| number >> PLACE_BITS)
}

/// Id of the first event of a Record.
pub(super) fn first_id(cx: Context<'_>, record: i64) -> String {
    cx.engine.store.event_id(record << PLACE_BITS)
}

/// As what an event is an entity of Records, apart from all rows.
pub(super) fn row_of(cx: Context<'_>, id: &str) -> Option<Rid> {
    cx.engine.store.decode_event_id(id).map(|number| -number)
}

/// The number of the Record of a row that an event is shown as.
pub(super) fn record_of(row: &Row) -> i64 {
    -row.rid >> PLACE_BITS
}

/// `AuditEvent/id` of such an entity.
pub(super) fn reference_of(cx: Context<'_>, rid: Rid) -> String {
    format!("AuditEvent/{}", cx.engine.store.event_id(-rid))
}

impl Event {
    /// All events of a Record. Those whose place has no number are not shown.
    pub fn all(stored: StoredRecord) -> Vec<Event> {
        let first = Event::first(stored);
        let count = first.parts.events().min(EVENTS_MAX);
        (0..count).map(|nth| first.beside(nth)).collect()
    }

    /// Those of them that are about any of some patients.
    pub fn about(stored: StoredRecord, patients: &[Rid]) -> Vec<Event> {
        let first = Event::first(stored);
        let places = first.stored.record.events_about(patients).into_iter();
        let places = places.filter(|nth| *nth < EVENTS_MAX);
        places.map(|nth| first.beside(nth)).collect()
    }

    /// The first event of a Record.
    fn first(stored: StoredRecord) -> Event {
        Event {
            parts: Arc::new(Parts::of(&stored.record)),
            stored: Arc::new(stored),
            nth: 0,
        }
    }

    /// Another of the same Record.
    fn beside(&self, nth: usize) -> Event {
        Event {
            nth,
            ..self.clone()
        }
    }

    /// One of a Record; `None`: it has none at this place.
    pub fn at(stored: StoredRecord, nth: usize) -> Option<Event> {
        let first = Event::first(stored);
        (nth < first.parts.events()).then(|| first.beside(nth))
    }

    /// It alone, without what its Record is besides: thousands of patients may be.
    fn alone(&self) -> Event {
        if self.parts.events() == 1 {
            return self.clone();
        }
        let mut record = self.stored.record.clone();
        record.entities = Vec::new();
        record.detail.hashes = Vec::new();
        let stored = StoredRecord {
            id: self.stored.id,
            record,
            bytes: Vec::new(),
            nonce: self.stored.nonce,
        };
        Event {
            stored: Arc::new(stored),
            parts: Arc::new(self.parts.alone(self.nth)),
            nth: self.nth,
        }
    }

    /// What it is about.
    pub fn about_what(&self) -> &[Entity] {
        self.parts.event(self.nth)
    }

    pub fn number(&self) -> i64 {
        self.stored.id << PLACE_BITS | self.nth as i64
    }

    /// Row id of the patient that it is about; 0: nobody.
    pub fn patient(&self) -> Rid {
        self.parts.patient(self.nth)
    }

    /// As the caller may see it; `None`: not at all.
    pub fn seen(
        &self,
        cx: Context<'_>,
        action: Action,
        names: &Arc<Names>,
    ) -> Result<Option<Seen>> {
        let id = cx.engine.store.event_id(self.number());
        let mut body = Bytes::from(self.rendered(&id, None, names));
        let mut document = reread(&body)?;
        let is_bound = super::own(cx, action).is_some();
        let record = &self.stored.record;
        if is_bound && (super::is_foreign(record) || super::is_alert(record)) {
            return Ok(None);
        }
        let patient = self.patient();
        let home = (patient != 0).then_some(patient);
        if !cx.access.permits(ty(), action, home, Some(document.root())) {
            return Ok(None);
        }
        if is_bound {
            let people = cx.engine.settings.staff_names_to_patients;
            document = for_patients(document.root(), people);
            let mut out = Vec::with_capacity(body.len());
            write(document.root(), Stamp::default(), &mut out);
            body = out.into();
        }
        Ok(Some(Seen {
            row: Row {
                ty: ty(),
                rid: -self.number(),
                id: id.into(),
                version: 1,
                updated_us: self.stored.record.at_us,
                op: Op::Create,
                patient,
                body,
                generation: 0,
                visibility: 0,
            },
            document,
            event: self.clone(),
            names: names.clone(),
        }))
    }

    /// `place`: number of the leaf in the tree.
    fn rendered(&self, id: &str, place: Option<u64>, names: &Names) -> Vec<u8> {
        let event = Rendered {
            record: &self.stored.record,
            parts: &self.parts,
            nth: self.nth,
            id,
            sequence: place,
            nonce: place.map(|_| &self.stored.nonce[..]),
        };
        render(&event, names)
    }
}

/// An event that may leave.
pub(super) struct Seen {
    pub row: Row,
    pub document: Document,
    event: Event,
    names: Arc<Names>,
}

impl Seen {
    /// As it is kept until the answer is whole.
    pub fn kept(self) -> Kept {
        Kept {
            row: self.row,
            event: self.event.alone(),
            names: self.names,
        }
    }
}

/// One that leaves.
pub(super) struct Kept {
    pub row: Row,
    event: Event,
    names: Arc<Names>,
}

/// With the number in the tree and the nonce of the leaf, as far as they are numbered: for whoever sees all of the log. Others would learn
/// how many events there are, and could check what they guess of a Record that is not all theirs. Statements: two for a hundred Records.
pub(super) async fn place(
    cx: Context<'_>,
    action: Action,
    kept: impl Iterator<Item = &mut Kept>,
) -> Result<()> {
    if super::own(cx, action).is_some() || super::is_filtered(cx, action) {
        return Ok(());
    }
    let kept: Vec<&mut Kept> = kept.collect();
    let records: BTreeSet<i64> = kept.iter().map(|one| one.event.stored.id).collect();
    let places = stored(cx.engine.store.log_places(&records).await)?;
    for one in kept {
        if let Some(place) = places.get(&one.event.stored.id) {
            let body = one.event.rendered(&one.row.id, Some(*place), &one.names);
            one.row.body = body.into();
        }
    }
    Ok(())
}

/// As the Record of an answer names the events in it.
pub(super) fn entity(row: &Row) -> Entity {
    Entity {
        ty: row.ty.0,
        rid: row.rid,
        version: 1,
        patient: row.patient,
        action: b'R',
    }
}

/// For somebody who is bound to the patient: without what was asked beside it, which may name others, without counts of what else was
/// in the answer, without the ids of others' sessions and tokens, and without details, which name earlier versions and what was decided whether
/// or not the patient sees these. `people`: with the names of those who acted, too.
fn for_patients(root: Node<'_>, people: bool) -> Document {
    let mut builder = Builder::new(String::new());
    builder.open(None, root.ty());
    for child in root.children() {
        match child.name() {
            "extension" => {}
            "meta" => marked(&mut builder, child),
            "agent" if !people && child.text("requestor") == Some("true") => {
                without(&mut builder, child, &["policy", "who", "name"]);
            }
            "agent" => without(&mut builder, child, &["policy"]),
            "entity" => without(&mut builder, child, &["query", "detail"]),
            _ => {
                builder.copy(child, child.member());
            }
        }
    }
    builder.close();
    builder.finish()
}

fn without(builder: &mut Builder, node: Node<'_>, names: &[&str]) {
    builder.open(node.member(), node.ty());
    for child in node
        .children()
        .filter(|child| !names.contains(&child.name()))
    {
        builder.copy(child, child.member());
    }
    builder.close();
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_audit::{Decision, Detail, Outcome, Record};

    fn stored(action: u8) -> StoredRecord {
        let entity = |n: i64| Entity {
            ty: ty().0,
            rid: 100 + n,
            version: 2,
            patient: 1_000 + n,
            action,
        };
        let record = Record {
            at_us: 1_700_000_000_000_000,
            request_id: [1; 16],
            interaction: if action == b'U' {
                "update"
            } else {
                "search-type"
            }
            .into(),
            client_id: "desk".into(),
            user: "Practitioner/p1".into(),
            purpose: "TREAT".into(),
            source: "10.0.0.1".into(),
            outcome: Outcome::Success,
            status: 200,
            query: "code".into(),
            entities: (0..50).map(entity).collect(),
            decision: Decision::default(),
            detail: Detail {
                hashes: if action == b'U' {
                    (0..50).map(|n| [n; 32]).collect()
                } else {
                    Vec::new()
                },
                ..Detail::default()
            },
        };
        StoredRecord {
            id: 7,
            record,
            bytes: vec![0; 9_000],
            nonce: [3; 16],
        }
    }

    #[test]
    fn what_is_kept_of_one_renders_as_it_did() {
        let names = Names::default();
        for action in [b'R', b'U'] {
            let all = Event::all(stored(action));
            assert_eq!(all.len(), 50);
            for event in all {
                let alone = event.alone();
                let left = &alone.stored;
                assert_eq!(
                    (
                        left.record.entities.len(),
                        left.record.detail.hashes.len(),
                        left.bytes.len()
                    ),
                    (0, 0, 0)
                );
                assert_eq!(alone.number(), event.number());
                assert_eq!(alone.about_what(), event.about_what());
                let place = Some(9);
                assert_eq!(
                    alone.rendered("x", place, &names),
                    event.rendered("x", place, &names)
                );
            }
        }
    }
}
