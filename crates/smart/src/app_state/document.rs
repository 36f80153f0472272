//! App state as it is sent and shown. <https://hl7.org/fhir/smart-app-launch/STU2.2/StructureDefinition-smart-app-state-basic.html>

use super::APP_STATE_BYTES_MAX;
use crate::server::AuthorizationServer;
use crate::state::{AppCode, AppState, Held};
use serde_json::{Value, json};
use ward_fhir::date::instant_text;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_resources::Call;
use ward_resources::document::read_body;

const PROFILE: &str =
    "http://hl7.org/fhir/smart-app-launch/StructureDefinition/smart-app-state-basic";

/// Room for the id and what else the server adds.
const META_BYTES: usize = 1_024;
/// When this base was last made another.
const LAST_CHANGED: &str = "2026-11-29";

/// What a body says.
pub struct Stated {
    pub id: Option<String>,
    pub subject: Option<String>,
    pub code: AppCode,
    pub extensions: Vec<(String, String)>,
}

/// Reads a body. What would not be kept is refused.
pub fn stated(call: &Call, ty: TypeId) -> Result<Stated> {
    let size = call.body.as_ref().map_or(0, |body| body.bytes.len());
    if size > APP_STATE_BYTES_MAX {
        return Err(too_large());
    }
    let document = read_body(call, Some(ty))?;
    let root = document.root();
    only(
        root,
        &["id", "meta", "code", "subject", "extension"],
        "Basic",
    )?;
    let extensions = root.all("extension").map(extension);
    Ok(Stated {
        id: root.text("id").map(str::to_owned),
        subject: root.get("subject").map(subject).transpose()?,
        code: code(root)?,
        extensions: extensions.collect::<Result<_>>()?,
    })
}

/// What is sent as XML may be longer as it is kept.
pub fn demand_room(state: &AppState) -> Result<()> {
    let kept = written(state).to_string().len();
    let permitted = kept <= APP_STATE_BYTES_MAX + META_BYTES;
    permitted.then_some(()).ok_or_else(too_large)
}

fn too_large() -> Failure {
    let text = format!("a state has at most {APP_STATE_BYTES_MAX} bytes");
    Failure::new(Kind::TooLarge, text)
}

fn subject(subject: Node<'_>) -> Result<String> {
    only(subject, &["reference"], "Basic.subject")?;
    let reference = subject.text("reference");
    let reference =
        reference.ok_or_else(|| refused("the subject is a reference", "Basic.subject"))?;
    Ok(reference.to_owned())
}

fn code(root: Node<'_>) -> Result<AppCode> {
    let one = || {
        refused(
            "code has exactly one coding, with system and code",
            "Basic.code",
        )
    };
    let concept = root.get("code").ok_or_else(one)?;
    only(concept, &["coding"], "Basic.code")?;
    let mut codings = concept.all("coding");
    let (Some(coding), None) = (codings.next(), codings.next()) else {
        return Err(one());
    };
    only(coding, &["system", "code", "display"], "Basic.code.coding")?;
    let text = |name: &str| coding.text(name).map(str::to_owned);
    Ok(AppCode {
        system: text("system").ok_or_else(one)?,
        code: text("code").ok_or_else(one)?,
        display: text("display"),
    })
}

fn extension(extension: Node<'_>) -> Result<(String, String)> {
    let simple = || refused("extensions have a url and a valueString", "Basic.extension");
    let mut values = extension.all("value");
    let value = values
        .next()
        .filter(|value| value.json_name() == "valueString");
    let (Some(value), None, 2) = (value, values.next(), extension.children().count()) else {
        return Err(simple());
    };
    match (extension.text("url"), value.value(), value.has_children()) {
        (Some(url), Some(text), false) => Ok((url.to_owned(), text.to_owned())),
        _ => Err(simple()),
    }
}

/// Whether an element has no other children than these.
fn only(node: Node<'_>, names: &[&str], place: &str) -> Result<()> {
    match node.children().find(|child| !names.contains(&child.name())) {
        None => Ok(()),
        Some(other) => {
            let text = format!(
                "a state has no {} here: {} are kept",
                other.name(),
                names.join(", ")
            );
            Err(refused(&text, place))
        }
    }
}

fn refused(text: &str, place: &str) -> Failure {
    Failure::new(Kind::BusinessRule, text).at(place)
}

/// As the app gets it back.
pub fn written(state: &AppState) -> Value {
    let AppCode {
        system,
        code,
        display,
    } = &state.code;
    let mut coding = json!({ "system": system, "code": code });
    if let Some(display) = display {
        coding["display"] = json!(display);
    }
    let mut basic = json!({
        "resourceType": "Basic",
        "id": state.id,
        "meta": { "versionId": state.version.to_string(), "lastUpdated": instant_text(state.updated_us) },
        "code": { "coding": [coding] },
    });
    if let Some(subject) = &state.subject {
        basic["subject"] = json!({ "reference": subject });
    }
    let extension = |(url, text): &(String, String)| json!({ "url": url, "valueString": text });
    if !state.extensions.is_empty() {
        basic["extension"] = state.extensions.iter().map(extension).collect();
    }
    basic
}

pub fn bundle<'s>(
    server: &AuthorizationServer,
    states: impl Iterator<Item = &'s Held<AppState>>,
) -> String {
    let base = server.app_state_base();
    let entry = |state: &Held<AppState>| json!({ "fullUrl": format!("{base}/Basic/{}", state.id), "resource": written(state), "search": { "mode": "match" } });
    let entries: Vec<Value> = states.map(entry).collect();
    let mut bundle =
        json!({ "resourceType": "Bundle", "type": "searchset", "total": entries.len() });
    if !entries.is_empty() {
        bundle["entry"] = entries.into();
    }
    bundle.to_string()
}

/// The CapabilityStatement of this base.
pub fn capabilities(server: &AuthorizationServer) -> String {
    let codes = ["create", "read", "update", "delete", "search-type"];
    let interactions = codes.map(|code| json!({ "code": code }));
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": LAST_CHANGED,
        "kind": "instance",
        "implementation": { "description": "App state of Ward", "url": server.app_state_base() },
        "fhirVersion": "4.0.1",
        "format": ["json", "xml"],
        "instantiates": ["http://hl7.org/fhir/smart-app-launch/CapabilityStatement/smart-app-state-server"],
        "rest": [{
            "mode": "server",
            "security": server.engine().settings().security,
            "resource": [{
                "type": "Basic",
                "supportedProfile": [PROFILE],
                "interaction": interactions,
                "versioning": "versioned-update",
                "updateCreate": false,
                "searchParam": [
                    { "name": "code", "type": "token" },
                    { "name": "subject", "type": "reference" }
                ]
            }]
        }]
    })
    .to_string()
}
