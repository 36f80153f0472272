//! The audit message of DICOM as an AuditEvent. <https://dicom.nema.org/medical/dicom/current/output/html/part15.html#sect_A.5>
//! <https://hl7.org/fhir/R4/auditevent-mappings.html>
//!
//! What has no place in an AuditEvent (instances of a study, accession numbers) becomes a detail of its entity.

mod element;

use element::Element;
use serde_json::{Map, Value, json};
use ward_fhir::date::PartialDate;

/// The AuditEvent in JSON; whether it is a valid one is for who takes it to say. `at`: when it was sent, for a message whose own time is
/// without a zone. Errors: what is wrong with the message; never anything of it.
pub fn audit_event(xml: &str, at: &str) -> Result<Value, &'static str> {
    let message = element::read(xml)?;
    if message.name != "AuditMessage" {
        return Err("its root is not AuditMessage");
    }
    let identification = message
        .child("EventIdentification")
        .ok_or("it has no EventIdentification")?;
    let mut event = Map::new();
    event.insert("resourceType".into(), json!("AuditEvent"));
    let id = identification.child("EventID").ok_or("it has no EventID")?;
    event.insert("type".into(), coding(id));
    put_list(
        &mut event,
        "subtype",
        identification.children("EventTypeCode").map(coding),
    );
    put_text(
        &mut event,
        "action",
        identification.attribute("EventActionCode"),
    );
    event.insert("recorded".into(), json!(recorded(identification, at)));
    put_text(
        &mut event,
        "outcome",
        identification.attribute("EventOutcomeIndicator"),
    );
    let outcome = identification.child("EventOutcomeDescription");
    put_text(
        &mut event,
        "outcomeDesc",
        outcome.map(|description| description.text.as_str()),
    );
    put_list(
        &mut event,
        "purposeOfEvent",
        identification.children("PurposeOfUse").map(concept),
    );
    put_list(
        &mut event,
        "agent",
        message.children("ActiveParticipant").map(agent),
    );
    let source = message
        .child("AuditSourceIdentification")
        .ok_or("it has no AuditSourceIdentification")?;
    event.insert("source".into(), self::source(source));
    let entities = message.children("ParticipantObjectIdentification");
    put_list(&mut event, "entity", entities.map(entity));
    Ok(Value::Object(event))
}

/// An instant needs a zone.
fn recorded<'a>(identification: &'a Element, at: &'a str) -> &'a str {
    let own = identification.attribute("EventDateTime");
    let is_instant =
        |text: &&str| PartialDate::parse(text, false).is_some_and(|date| date.offset_min.is_some());
    own.filter(is_instant).unwrap_or(at)
}

fn agent(participant: &Element) -> Value {
    let mut agent = Map::new();
    let mut roles = participant.children("RoleIDCode").map(concept);
    if let Some(first) = roles.next() {
        agent.insert("type".into(), first);
    }
    put_list(&mut agent, "role", roles);
    if let Some(id) = participant.attribute("UserID") {
        agent.insert("who".into(), json!({ "identifier": { "value": id } }));
    }
    put_text(
        &mut agent,
        "altId",
        participant.attribute("AlternativeUserID"),
    );
    put_text(&mut agent, "name", participant.attribute("UserName"));
    let requestor = participant.attribute("UserIsRequestor");
    let is_requestor = !matches!(requestor, Some("false" | "0"));
    agent.insert("requestor".into(), json!(is_requestor));
    let media = participant
        .child("MediaIdentifier")
        .and_then(|media| media.child("MediaType"));
    if let Some(media) = media {
        agent.insert("media".into(), coding(media));
    }
    let mut network = Map::new();
    put_text(
        &mut network,
        "address",
        participant.attribute("NetworkAccessPointID"),
    );
    put_text(
        &mut network,
        "type",
        participant.attribute("NetworkAccessPointTypeCode"),
    );
    if !network.is_empty() {
        agent.insert("network".into(), Value::Object(network));
    }
    Value::Object(agent)
}

fn source(identification: &Element) -> Value {
    let mut source = Map::new();
    put_text(
        &mut source,
        "site",
        identification.attribute("AuditEnterpriseSiteID"),
    );
    let id = identification
        .attribute("AuditSourceID")
        .unwrap_or_default();
    source.insert("observer".into(), json!({ "identifier": { "value": id } }));
    let kinds = identification.children("AuditSourceTypeCode");
    put_list(
        &mut source,
        "type",
        kinds.map(|kind| match kind.attribute("codeSystemName") {
            Some(_) => coding(kind),
            None => code_of(SOURCE_TYPES, kind.code().unwrap_or(&kind.text)),
        }),
    );
    Value::Object(source)
}

fn entity(object: &Element) -> Value {
    let mut entity = Map::new();
    entity.insert("what".into(), what(object));
    for (member, attribute, system) in [
        ("type", "ParticipantObjectTypeCode", ENTITY_TYPES),
        ("role", "ParticipantObjectTypeCodeRole", ENTITY_ROLES),
        ("lifecycle", "ParticipantObjectDataLifeCycle", LIFECYCLES),
    ] {
        if let Some(code) = object.attribute(attribute) {
            entity.insert(member.into(), code_of(system, code));
        }
    }
    if let Some(label) = object.attribute("ParticipantObjectSensitivity") {
        entity.insert("securityLabel".into(), json!([{ "display": label }]));
    }
    let child = |name| {
        object
            .child(name)
            .map(|child| child.text.as_str())
            .filter(|text| !text.is_empty())
    };
    // Either of them, not both (sev-1).
    match (
        child("ParticipantObjectName"),
        child("ParticipantObjectQuery"),
    ) {
        (Some(name), _) => put_text(&mut entity, "name", Some(name)),
        (None, query) => put_text(&mut entity, "query", query.map(without_space).as_deref()),
    }
    let descriptions: Vec<&str> = object
        .children("ParticipantObjectDescription")
        .filter(|child| child.children.is_empty())
        .map(|child| child.text.as_str())
        .collect();
    put_text(&mut entity, "description", Some(&descriptions.join("; ")));
    let mut details: Vec<Value> = object
        .children("ParticipantObjectDetail")
        .filter_map(detail)
        .collect();
    others(object, &mut details);
    put_list(&mut entity, "detail", details.into_iter());
    Value::Object(entity)
}

/// A reference where it is written as one of a FHIR server, else an identifier with the kind that it says.
fn what(object: &Element) -> Value {
    let id = object.attribute("ParticipantObjectID").unwrap_or_default();
    if is_reference(id) {
        return json!({ "reference": id });
    }
    let mut identifier = Map::new();
    if let Some(kind) = object.child("ParticipantObjectIDTypeCode") {
        identifier.insert("type".into(), concept(kind));
    }
    // A patient's number as HL7 v2 writes it: 123^^^&1.2.3&ISO.
    let parts: Vec<&str> = id.split('^').collect();
    let authority = parts
        .get(3)
        .and_then(|authority| authority.split('&').nth(1));
    match (parts.first(), authority.filter(|oid| is_oid(oid))) {
        (Some(number), Some(oid)) if !number.is_empty() => {
            identifier.insert("system".into(), json!(format!("urn:oid:{oid}")));
            identifier.insert("value".into(), json!(number));
        }
        _ => put_text(&mut identifier, "value", Some(id)),
    }
    json!({ "identifier": identifier })
}

fn detail(detail: &Element) -> Option<Value> {
    let kind = detail.attribute("type")?;
    let value = without_space(detail.attribute("value").unwrap_or(&detail.text));
    let is_base64 = !value.is_empty() && ward_seal::from_base64(&value).is_some();
    is_base64.then(|| json!({ "type": kind, "valueBase64Binary": value }))
}

/// What DICOM tells of its own: accession numbers, protocol steps, instances by class.
fn others(object: &Element, details: &mut Vec<Value>) {
    let nested = object
        .children("ParticipantObjectDescription")
        .flat_map(|description| description.children.iter());
    for child in object.children.iter().chain(nested) {
        let value = match child.name.as_str() {
            "Accession" => child.attribute("Number"),
            "MPPS" | "ParticipantObjectContainsStudy" | "SOPClass" => child
                .attribute("UID")
                .or_else(|| child.child("StudyIDs")?.attribute("UID")),
            "Encrypted" | "Anonymized" => Some(child.text.as_str()),
            _ => None,
        };
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            details.push(json!({ "type": child.name, "valueString": value }));
        }
    }
}

fn concept(code: &Element) -> Value {
    let mut concept = Map::new();
    concept.insert("coding".into(), json!([coding(code)]));
    put_text(&mut concept, "text", code.attribute("originalText"));
    Value::Object(concept)
}

fn coding(code: &Element) -> Value {
    let mut coding = Map::new();
    let system = code.attribute("codeSystemName").and_then(system);
    put_text(&mut coding, "system", system.as_deref());
    put_text(&mut coding, "code", code.code());
    let display = code
        .attribute("displayName")
        .or_else(|| code.attribute("originalText"));
    put_text(&mut coding, "display", display);
    Value::Object(coding)
}

/// The URI of a code system by its name in DICOM. One that is not known has none, which says nothing false.
fn system(name: &str) -> Option<String> {
    match name {
        "DCM" => Some("http://dicom.nema.org/resources/ontology/DCM".into()),
        "IHE Transactions" => Some("urn:ihe:event-type-code".into()),
        "RFC-3881" => Some("urn:ietf:rfc:3881".into()),
        name if name.contains("://") || name.starts_with("urn:") => Some(name.into()),
        name if is_oid(name) => Some(format!("urn:oid:{name}")),
        _ => None,
    }
}

fn code_of(system: &str, code: &str) -> Value {
    json!({ "system": system, "code": code })
}

/// What is empty is left out: FHIR knows no empty text.
fn put_text(object: &mut Map<String, Value>, name: &str, text: Option<&str>) {
    if let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) {
        object.insert(name.into(), json!(text));
    }
}

fn put_list(object: &mut Map<String, Value>, name: &str, values: impl Iterator<Item = Value>) {
    let values: Vec<Value> = values.collect();
    if !values.is_empty() {
        object.insert(name.into(), Value::Array(values));
    }
}

fn without_space(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

fn is_reference(text: &str) -> bool {
    text.split_once('/').is_some_and(|(ty, id)| {
        ward_fhir::schema::r4().resource_type(ty).is_some() && ward_fhir::reference::is_id(id)
    })
}

fn is_oid(text: &str) -> bool {
    text.contains('.')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

const ENTITY_TYPES: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ENTITY_ROLES: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const LIFECYCLES: &str = "http://terminology.hl7.org/CodeSystem/dicom-audit-lifecycle";
const SOURCE_TYPES: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";

#[cfg(test)]
mod tests;
