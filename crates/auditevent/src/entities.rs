//! What it was about: resources by their versions, a question, the patient, the consents, the request.
//! <https://profiles.ihe.net/ITI/BALP/content.html>

use crate::code::{self, Code};
use crate::extensions::NOT_DISCLOSED;
use crate::json::Json;
use crate::kind::{About, is_changed, type_name};
use crate::render::View;
use std::collections::HashSet;
use ward_audit::{Entity, Outcome};
use ward_fhir::reference::{self, Reference};
use ward_seal::base64;
use ward_seal::random::uuid_text;

pub(crate) fn write(j: &mut Json, view: &View<'_>) {
    match view.kind.about {
        About::Data => data(j, view),
        About::Query => {
            j.item(|j| question(j, view));
            changed(j, view);
        }
        About::Token => j.item(|j| question(j, view)),
        About::Consents => consents(j, view),
        About::Named => {
            j.item(|j| named(j, view));
            let of_events = view.entities.iter();
            of_events.for_each(|entity| j.item(|j| resource(j, view, entity, false)));
        }
    }
    // A request for a token is about nobody yet, and its profile has room for the request alone.
    if view.patient != 0 && view.kind.about != About::Token {
        j.item(|j| patient(j, view));
    }
    if !matches!(view.kind.about, About::Token | About::Consents) {
        j.item(|j| request_id(j, view));
    }
}

/// The first is the data of BALP's patterns, which have room for one; all others stand by the types of their resources.
fn data(j: &mut Json, view: &View<'_>) {
    if view.entities.is_empty() && view.record.status >= 400 {
        j.item(|j| asked_for(j, view));
    }
    if view.is_context() {
        let any = view.entities.first();
        any.into_iter()
            .for_each(|entity| j.item(|j| resource(j, view, entity, true)));
        let others = view.entities.iter();
        return others.for_each(|entity| j.item(|j| resource(j, view, entity, false)));
    }
    let mut seen = HashSet::new();
    for entity in view.entities {
        let version = if is_history(view) { 0 } else { entity.version };
        if seen.insert((entity.rid, version, entity.action)) {
            let first = seen.len() == 1;
            j.item(|j| resource(j, view, entity, first));
        }
    }
}

fn is_history(view: &View<'_>) -> bool {
    view.record.interaction.starts_with("history")
}

fn changed(j: &mut Json, view: &View<'_>) {
    for entity in view.entities.iter().filter(|entity| is_changed(entity)) {
        j.item(|j| resource(j, view, entity, false));
    }
}

fn resource(j: &mut Json, view: &View<'_>, entity: &Entity, is_data: bool) {
    let reference = view.reference(entity.rid);
    j.object("what", |j| match reference {
        Some(reference) if is_history(view) => j.text("reference", reference),
        Some(reference) => j.text("reference", &version(reference, entity.version)),
        None => j.text("type", type_name(entity.ty)),
    });
    match is_data {
        true => j.object("type", |j| code::SYSTEM_OBJECT.members(j)),
        false => by_type(j, type_name(entity.ty)),
    }
    j.object("role", |j| code::DOMAIN_RESOURCE.members(j));
    if view.is_context() {
        return;
    }
    labels(j, view, entity);
    j.array("detail", |j| {
        if let Some(reference) = reference
            && matches!(entity.action, b'U' | b'D')
            && entity.version > 1
        {
            detail(j, "previous", &version(reference, entity.version - 1));
        }
        if let Some(hash) = view.hash(entity) {
            j.item(|j| {
                j.text("type", "sha256");
                j.text("valueBase64Binary", &base64(&hash));
            });
        }
    });
}

fn version(reference: &str, version: u32) -> String {
    format!("{reference}/_history/{version}")
}

fn by_type(j: &mut Json, name: &str) {
    j.object("type", |j| {
        j.text("system", code::RESOURCE_TYPES);
        j.text("code", name);
    });
}

fn labels(j: &mut Json, view: &View<'_>, entity: &Entity) {
    let labels = view.names.labels.get(&(entity.rid, entity.version));
    j.array("securityLabel", |j| {
        for label in labels.into_iter().flatten() {
            j.item(|j| {
                j.text("system", &label.system);
                j.text("code", &label.code);
            });
        }
    });
}

/// What was refused, by the name under which it was asked for: whether it is there is not said.
fn asked_for(j: &mut Json, view: &View<'_>) {
    let asked = &view.record.detail.request;
    let reference = match reference::parse(asked, None) {
        Some(Reference::Local { .. }) => asked.as_str(),
        _ => "",
    };
    j.object("what", |j| j.text("reference", reference));
    j.object("type", |j| code::SYSTEM_OBJECT.members(j));
    j.object("role", |j| code::DOMAIN_RESOURCE.members(j));
    if reference.is_empty() && !asked.is_empty() {
        j.text("query", &base64(asked.as_bytes()));
    }
}

/// As it was asked; where that was not kept, by the names of its parameters.
fn question(j: &mut Json, view: &View<'_>) {
    let record = view.record;
    let texts = [&record.detail.request, &record.query, &record.interaction];
    let asked = texts.into_iter().find(|text| !text.is_empty());
    j.object("type", |j| code::SYSTEM_OBJECT.members(j));
    j.object("role", |j| code::QUERY.members(j));
    let (said, names) = decided(&record.query);
    j.text("description", &names.join(", "));
    j.text("query", &base64(asked.map_or(&[][..], String::as_bytes)));
    if view.kind.about == About::Token {
        j.array("detail", |j| details(j, &said));
    }
}

/// Something of the server's own: an endpoint, a command, with what was decided there.
fn named(j: &mut Json, view: &View<'_>) {
    let (said, names) = decided(&view.record.query);
    j.object("type", |j| code::SYSTEM_OBJECT.members(j));
    j.object("role", |j| code::SECURITY_RESOURCE.members(j));
    j.text("name", &view.record.interaction);
    j.text("description", &names.join(", "));
    j.array("detail", |j| details(j, &said));
}

fn details(j: &mut Json, said: &[(String, String)]) {
    for (name, value) in said {
        if !name.trim().is_empty() && !value.trim().is_empty() {
            detail(j, name, value);
        }
    }
}

fn detail(j: &mut Json, name: &str, value: &str) {
    j.item(|j| {
        j.text("type", name);
        j.text("valueString", value);
    });
}

/// What a Record's query says: what was decided, by name, and the names of all other parameters.
fn decided(query: &str) -> (Vec<(String, String)>, Vec<&str>) {
    let (mut said, mut names) = (Vec::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some((name, value)) => said.push((decoded(name), decoded(value))),
            None => names.push(pair),
        }
    }
    (said, names)
}

/// Without percent-encoding; what is none stays.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped.filter(|_| *byte == b'%') {
            Some(byte) => {
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The one patient of an event. <https://profiles.ihe.net/ITI/BALP/content.html>
fn patient(j: &mut Json, view: &View<'_>) {
    let is_disclosed = view.record.outcome == Outcome::Success || view.is_context();
    let names_nobody = |entity: &Entity| entity.patient == 0;
    if !is_disclosed && view.entities.iter().all(names_nobody) {
        j.array("extension", |j| {
            j.item(|j| {
                j.text("url", NOT_DISCLOSED);
                j.literal("valueBoolean", "true");
            });
        });
    }
    j.object("what", |j| match view.reference(view.patient) {
        Some(reference) => j.text("reference", reference),
        None => j.text("type", "Patient"),
    });
    j.object("type", |j| code::PERSON.members(j));
    j.object("role", |j| code::PATIENT.members(j));
}

/// The consents that decided, each in its version, and the token by its id.
fn consents(j: &mut Json, view: &View<'_>) {
    for consent in &view.record.decision.consents {
        j.item(|j| {
            j.object("what", |j| match view.consent(consent.rid) {
                Some(reference) => j.text("reference", &version(reference, consent.version)),
                None => j.text("type", "Consent"),
            });
            by_type(j, "Consent");
        });
    }
    let token_id = &view.record.detail.token_id;
    if view.is_context() {
        j.item(|j| by_type(j, "Consent"));
        j.item(|j| j.object("type", |j| code::OAUTH_USER.members(j)));
    } else if !token_id.is_empty() {
        j.item(|j| {
            identified(j, &code::OAUTH_USER, token_id);
        });
    }
}

/// As the client gave it, then ours in the detail; else ours alone. It is in the answer's header and in the server's log.
fn request_id(j: &mut Json, view: &View<'_>) {
    if view.is_context() {
        return j.object("type", |j| code::REQUEST_ID.members(j));
    }
    let ours = uuid_text(view.record.request_id);
    let theirs = &view.record.detail.client_request_id;
    match theirs.trim().is_empty() {
        true => identified(j, &code::REQUEST_ID, &ours),
        false => {
            identified(j, &code::REQUEST_ID, theirs);
            j.array("detail", |j| detail(j, "request-id", &ours));
        }
    }
}

fn identified(j: &mut Json, ty: &Code, value: &str) {
    j.object("what", |j| {
        j.object("identifier", |j| j.text("value", value));
    });
    j.object("type", |j| ty.members(j));
}
