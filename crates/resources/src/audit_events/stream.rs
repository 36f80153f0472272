//! Events as they leave for collectors: all of them, whole but for labels, which tell what kind of record it was.

use super::event::Event;
use super::names::names;
use crate::call::{Call, Interaction};
use crate::engine::{Context, Engine};
use std::sync::Arc;
use ward_access::{Caller, Identity, Maintenance, maintenance};
use ward_auditevent::{Event as Rendered, render};
use ward_fhir::issue::Result;
use ward_storage::{StoredRecord, View};

/// The kind of the rows that say how far collectors have got among all state rows, whose numbers `ward_smart::state::RowKind` lists.
pub const FEED_ROWS: u8 = 40;

/// One AuditEvent of a Record.
pub struct Streamed {
    /// Public id.
    pub id: String,
    pub stored: Arc<StoredRecord>,
    /// The AuditEvent in JSON.
    pub json: Vec<u8>,
}

impl Engine {
    /// Every AuditEvent of these Records, in order. Two statements at most. Errors: names cannot be looked up.
    pub async fn audit_events_of(&self, records: Vec<StoredRecord>) -> Result<Vec<Streamed>> {
        let caller = Caller::new(Identity::default());
        let access = maintenance(Maintenance::Names);
        let call = Call::new(Interaction::Unknown, [0; 16], "".into());
        let cx = Context {
            engine: self,
            caller: &caller,
            access: &access,
            call: &call,
            view: View::committed(&self.store),
            in_bundle: false,
        };
        let events: Vec<Event> = records.into_iter().flat_map(Event::all).collect();
        let names = names(cx, &events).await?;
        let streamed = events.into_iter().map(|event| {
            let id = self.store.event_id(event.number());
            let rendered = Rendered {
                record: &event.stored.record,
                parts: &event.parts,
                nth: event.nth,
                id: &id,
                sequence: None,
                nonce: None,
            };
            Streamed {
                json: render(&rendered, &names),
                id,
                stored: event.stored,
            }
        });
        Ok(streamed.collect())
    }
}
