//! One entry of a batch or transaction as a Call. <https://hl7.org/fhir/R4/bundle.html#transaction>

use crate::call::{Body, Call, Conditions, Format, Interaction};
use crate::engine::Context;
use crate::route::{Method, route};
use crate::search::decode_query;
use bytes::Bytes;
use ward_fhir::date::PartialDate;
use ward_fhir::issue::Result;
use ward_fhir::json::{self, Stamp};
use ward_fhir::tree::NodeIndex;
use ward_fhir::{Failure, Kind, Node};

/// An entry understood: the Call it stands for (without body) and where its resource is.
pub struct Entry {
    /// Position in the Bundle.
    pub at: usize,
    pub method: Method,
    pub full_url: Option<String>,
    pub call: Call,
    pub resource: Option<NodeIndex>,
}

/// Understands every entry; a wrong one is named by its place.
pub fn entries(cx: Context<'_>, bundle: Node<'_>) -> Vec<Result<Entry>> {
    bundle
        .all("entry")
        .enumerate()
        .map(|(at, node)| entry(cx, at, node).map_err(|f| name(f, at)))
        .collect()
}

fn entry(cx: Context<'_>, at: usize, node: Node<'_>) -> Result<Entry> {
    let request = node
        .get("request")
        .ok_or_else(|| Failure::new(Kind::Invalid, "the entry has no request"))?;
    let method = request.text("method").and_then(Method::parse);
    let method = method.ok_or_else(|| {
        Failure::new(
            Kind::Invalid,
            "request.method is GET, HEAD, POST, PUT, PATCH or DELETE",
        )
    })?;
    let url = request
        .text("url")
        .ok_or_else(|| Failure::new(Kind::Invalid, "the entry's request has no url"))?;
    let (path, query) = split(url, &cx.engine.settings().base);
    let interaction = route(method, path)?;
    let mut call = Call::new(interaction, cx.call.request_id, cx.call.source.clone());
    call.parameters = decode_query(query)?;
    call.asked_by(path, &[query]);
    call.parameters
        .retain(|(name, _)| name != "_format" && name != "_pretty");
    call.client_request_id
        .clone_from(&cx.call.client_request_id);
    call.conditions = conditions(request)?;
    call.prefer = cx.call.prefer;
    call.patients_per_hour = cx.call.patients_per_hour;
    let resource = node.get("resource").map(Node::index);
    Ok(Entry {
        at,
        method,
        full_url: node.text("fullUrl").map(str::to_owned),
        call,
        resource,
    })
}

/// Path below the base and query of a relative or absolute url.
fn split<'a>(url: &'a str, base: &str) -> (&'a str, &'a str) {
    let relative = url
        .strip_prefix(base)
        .map_or(url, |rest| rest.trim_start_matches('/'));
    relative.split_once('?').unwrap_or((relative, ""))
}

fn conditions(request: Node<'_>) -> Result<Conditions> {
    let text = |name: &str| request.text(name).map(str::to_owned);
    let since = match request.text("ifModifiedSince") {
        None => None,
        Some(instant) => Some(
            PartialDate::parse(instant, false)
                .ok_or_else(|| Failure::new(Kind::Invalid, "ifModifiedSince is an instant"))?
                .low_us(),
        ),
    };
    Ok(Conditions {
        if_match: text("ifMatch"),
        if_none_match: text("ifNoneMatch"),
        if_modified_since: since,
        if_none_exist: text("ifNoneExist"),
    })
}

impl Entry {
    /// The body that the entry's Call would carry as a request of its own.
    pub fn body(&self, bundle: Node<'_>) -> Option<Body> {
        let node = bundle.document().node(self.resource?);
        Some(body(node, &self.call.interaction))
    }
}

/// A patch entry carries its patch in a Binary, or a FHIRPath Patch in Parameters.
fn body(node: Node<'_>, interaction: &Interaction) -> Body {
    let is_patch = matches!(
        interaction,
        Interaction::Patch { .. } | Interaction::ConditionalPatch { .. }
    );
    if is_patch && node.type_name() == "Binary" {
        let format = match node.text("contentType") {
            Some(t) if t.starts_with("application/json-patch+json") => Format::JsonPatch,
            Some(t) if t.starts_with("application/xml-patch+xml") => Format::XmlPatch,
            other => Format::Raw(other.unwrap_or_default().to_owned()),
        };
        let data = node
            .text("data")
            .and_then(ward_seal::from_base64)
            .unwrap_or_default();
        return Body {
            bytes: Bytes::from(data),
            format,
        };
    }
    let mut bytes = Vec::new();
    json::write(node, Stamp::default(), &mut bytes);
    Body {
        bytes: Bytes::from(bytes),
        format: Format::Json,
    }
}

/// Puts the entry's place before what went wrong in it.
pub fn name(mut failure: Failure, at: usize) -> Failure {
    for issue in &mut failure.issues {
        let place = format!("Bundle.entry[{at}]");
        match &issue.expression {
            Some(expression) if expression.starts_with("Bundle.entry[") => {}
            Some(expression) => {
                issue.diagnostics = format!("{place}: {}", issue.diagnostics);
                let below = expression.split_once('.').map_or("", |(_, below)| below);
                issue.expression = Some(if below.is_empty() {
                    format!("{place}.resource")
                } else {
                    format!("{place}.resource.{below}")
                });
            }
            None => {
                issue.diagnostics = format!("{place}: {}", issue.diagnostics);
                issue.expression = Some(place);
            }
        }
    }
    failure
}
