//! A Record as AuditEvents: one for each patient, of changes one for each resource. <https://hl7.org/fhir/R4/auditevent.html>

use crate::json::Json;
use crate::kind::{About, Kind, is_changed};
use crate::names::Names;
use crate::parts::Parts;
use crate::profile::Holds;
use crate::{agents, code, entities, extensions, received};
use ward_audit::{Entity, Outcome, Record};
use ward_fhir::date::instant_text;

/// Which AuditEvent of which Record.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub record: &'a Record,
    /// Of the same Record.
    pub parts: &'a Parts,
    /// Of those that the Record is, from 0: see [`Record::events`].
    pub nth: usize,
    /// Logical id.
    pub id: &'a str,
    /// Number of the leaf in the tree, once it has one.
    pub sequence: Option<u64>,
    /// Of the leaf.
    pub nonce: Option<&'a [u8]>,
}

/// The AuditEvent as compact JSON, members in the order of the definition. Cost: linear in what the event is about, whatever else the Record
/// is; some microseconds for a read.
pub fn render(event: &Event<'_>, names: &Names) -> Vec<u8> {
    if let Some(json) = received::rendered(event, names) {
        return json;
    }
    written(&View {
        record: event.record,
        names,
        kind: &event.parts.kind,
        entities: event.parts.event(event.nth),
        patient: event.parts.patient(event.nth),
        event: Some(event),
    })
}

/// A context (a Record without times, users and patients) as an AuditEvent with everything that type, subtype, action, outcome, agent-role,
/// site, source, entity-type, entity-role and purpose can match in any AuditEvent of any Record that has this context. It names a patient, who
/// may be in none of them; and of the types of entities those of the whole Record.
pub fn render_context(context: &Record, names: &Names) -> Vec<u8> {
    written(&View {
        record: context,
        names,
        kind: &Kind::of(context),
        entities: &context.entities,
        patient: SOMEBODY,
        event: None,
    })
}

/// What is written of.
pub(crate) struct View<'a> {
    pub(crate) record: &'a Record,
    pub(crate) names: &'a Names,
    pub(crate) kind: &'a Kind,
    /// Of this event.
    pub(crate) entities: &'a [Entity],
    /// Row id. 0: nobody.
    pub(crate) patient: i64,
    /// None: a context.
    pub(crate) event: Option<&'a Event<'a>>,
}

impl View<'_> {
    pub(crate) fn is_context(&self) -> bool {
        self.event.is_none()
    }

    /// Of the version that was written.
    pub(crate) fn hash(&self, entity: &Entity) -> Option<[u8; 32]> {
        self.event?.parts.hash(entity)
    }

    /// `Observation/abc`
    pub(crate) fn reference(&self, rid: i64) -> Option<&str> {
        self.names.references.get(&rid).map(String::as_str)
    }

    /// `Consent/abc`; `None`: the row has no name, or is none.
    pub(crate) fn consent(&self, rid: i64) -> Option<&str> {
        self.reference(rid)
            .filter(|reference| reference.starts_with("Consent/"))
    }

    /// Whether a token was used, and by a person.
    pub(crate) fn by_user(&self) -> bool {
        !self.record.user.is_empty()
    }

    fn holds(&self) -> Holds {
        let record = self.record;
        let is_data = |entity: &Entity| match self.kind.about {
            About::Data => true,
            _ => is_changed(entity),
        };
        Holds {
            patient: self.patient != 0,
            data: self.entities.iter().any(is_data),
            user: self.by_user(),
            token_id: agents::by_token(self),
            consents: !record.decision.consents.is_empty(),
        }
    }
}

fn written(view: &View<'_>) -> Vec<u8> {
    let mut json = Json::default();
    json.root(|j| {
        j.text("resourceType", "AuditEvent");
        j.text("id", view.event.map_or("context", |event| event.id));
        meta(j, view);
        j.array("extension", |j| extensions::write(j, view));
        j.object("type", |j| view.kind.ty.members(j));
        j.array("subtype", |j| {
            for subtype in &view.kind.subtypes {
                j.item(|j| subtype.members(j));
            }
        });
        j.text("action", view.kind.action);
        j.text("recorded", &instant_text(view.record.at_us));
        j.text("outcome", outcome(view.record.outcome));
        j.text("outcomeDesc", &outcome_text(view.record));
        purposes(j, "purposeOfEvent", &view.record.purpose);
        j.array("agent", |j| agents::write(j, view));
        j.object("source", |j| agents::source(j, view.names));
        j.array("entity", |j| entities::write(j, view));
    });
    json.into_bytes()
}

fn meta(j: &mut Json, view: &View<'_>) {
    let profiles = view.kind.profile.urls(view.record, view.holds());
    j.object("meta", |j| {
        j.text("versionId", VERSION);
        j.text("lastUpdated", &instant_text(view.record.at_us));
        j.array("profile", |j| {
            profiles.iter().for_each(|url| j.text_item(url))
        });
    });
}

/// <https://hl7.org/fhir/R4/valueset-audit-event-outcome.html>
fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "0",
        Outcome::Minor => "4",
        Outcome::Serious => "8",
        Outcome::Major => "12",
    }
}

/// The rule by which it did not succeed; nothing of what was asked.
fn outcome_text(record: &Record) -> String {
    let status = match record.outcome {
        Outcome::Success => None,
        _ => Some(format!("http-{}", record.status)),
    };
    let alert = record.decision.alert.map(|alert| format!("alert-{alert}"));
    let rules: Vec<String> = status.into_iter().chain(alert).collect();
    rules.join(" ")
}

/// Codes with spaces between, as a list of CodeableConcepts.
pub(crate) fn purposes(j: &mut Json, name: &str, purposes: &str) {
    j.array(name, |j| {
        let is_code = |purpose: &&str| purpose.bytes().all(|b| b.is_ascii_graphic());
        for purpose in purposes.split_ascii_whitespace().filter(is_code) {
            j.item(|j| {
                j.array("coding", |j| {
                    j.item(|j| {
                        j.text("system", code::PURPOSES);
                        j.text("code", purpose);
                    });
                });
            });
        }
    });
}

/// No AuditEvent changes.
pub(crate) const VERSION: &str = "1";
/// A patient of a context, who is nobody in particular.
const SOMEBODY: i64 = 1;
