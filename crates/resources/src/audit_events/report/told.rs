//! What a report says of an event.

use super::super::event::Event;
use super::gathered::Gathered;
use crate::engine::Context;
use crate::reply::Reply;
use serde_json::{Value, json};
use ward_access::Action;
use ward_audit::{Entity, Record};
use ward_auditevent::Names;
use ward_fhir::date::instant_text;

/// Resources that one entry names; of more their number is told.
const RESOURCES_MAX: usize = 100;

/// What its reader is told of who acted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum People {
    Named,
    /// By role and app alone.
    Unnamed,
}

impl People {
    /// Whoever is bound to the patient is told names where the installation tells them.
    pub fn told(cx: Context<'_>) -> People {
        let is_bound = super::super::own(cx, Action::Search).is_some();
        match is_bound && !cx.engine.settings.staff_names_to_patients {
            true => People::Unnamed,
            false => People::Named,
        }
    }
}

/// `user`, `who`, `role`, `client`, `purpose`, `emergency`. `own`: the patient, who is told by name to themselves.
pub(super) fn who(record: &Record, names: &Names, people: People, own: &[String]) -> Vec<Value> {
    let mut parts = Vec::new();
    if people == People::Named || own.contains(&record.user) {
        let user = names.users.get(&record.user);
        parts.extend(text("user", &record.user));
        parts.extend(text("who", user.map_or("", |user| &user.name)));
    }
    let roles = record.detail.roles.split_ascii_whitespace();
    parts.extend(roles.flat_map(|role| text("role", role)));
    parts.extend(text("client", &record.client_id));
    let purposes = record.purpose.split_ascii_whitespace();
    parts.extend(purposes.map(|purpose| code("purpose", purpose)));
    if record.decision.break_glass {
        parts.push(json!({ "name": "emergency", "valueBoolean": true }));
    }
    parts
}

/// `event`, `when`, `kind`.
pub(super) fn what(cx: Context<'_>, event: &Event) -> Vec<Value> {
    let record = &event.stored.record;
    let kind = match record.detail.subtype.starts_with('$') {
        true => record.detail.subtype.as_str(),
        false => record.interaction.as_str(),
    };
    let when = instant_text(record.at_us);
    vec![
        json!({ "name": "event", "valueString": id(cx, event) }),
        json!({ "name": "when", "valueInstant": when }),
        code("kind", kind),
    ]
}

/// `resources`, and each `resource` by its version where the Record was about it; matches of searches are counted alone.
pub(super) fn resources(record: &Record, names: &Names, about: &[Entity]) -> Vec<Value> {
    let mut parts = vec![json!({ "name": "resources", "valueUnsignedInt": about.len() })];
    let is_search = record.interaction.starts_with("search") || record.interaction == "operation";
    let named = about.iter().filter(|_| !is_search);
    for entity in named.take(RESOURCES_MAX) {
        if let Some(reference) = names.references.get(&entity.rid) {
            let version = format!("{reference}/_history/{}", entity.version);
            parts.extend(text("resource", &version));
        }
    }
    parts
}

/// Parameters of what was asked, each entry with its parts, and how to go on.
pub(super) fn answer(
    cx: Context<'_>,
    head: Vec<Value>,
    name: &str,
    gathered: &Gathered,
    entry: impl Fn(&Event) -> Vec<Value>,
) -> Reply {
    let mut parameter = head;
    let entries = gathered.events.iter();
    parameter.extend(entries.map(|event| json!({ "name": name, "part": entry(event) })));
    if let (true, Some(last)) = (gathered.more, gathered.events.last()) {
        parameter.extend(text("next", &id(cx, last)));
    }
    let body = json!({ "resourceType": "Parameters", "parameter": parameter });
    Reply::resource(200, body.to_string())
}

/// `AuditEvent/[id]`
fn id(cx: Context<'_>, event: &Event) -> String {
    format!("AuditEvent/{}", cx.engine.store.event_id(event.number()))
}

pub(super) fn text(name: &str, value: &str) -> Option<Value> {
    let value = value.trim();
    (!value.is_empty()).then(|| json!({ "name": name, "valueString": value }))
}

pub(super) fn code(name: &str, value: &str) -> Value {
    json!({ "name": name, "valueCode": value })
}
