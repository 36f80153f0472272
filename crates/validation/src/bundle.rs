//! What the text says of `fullUrl` beyond the invariants. <https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl>
//!
//! `bdl-7` (unique) and `bdl-8` (no version) are invariants of the definitions and are checked as such.

use ward_fhir::reference::{Reference, parse};
use ward_fhir::{Issue, Kind, Node, Severity};

use crate::Context;

/// Types whose entries are resources that stand somewhere else already, so that their identity must be told. Entries of
/// batches and transactions may be meant for any identity; outcomes in their answers and in searches have none.
const IDENTIFIED: [&str; 3] = ["document", "message", "collection"];

/// Issues of the entries of a Bundle.
pub(crate) fn check(bundle: Node<'_>, context: &Context<'_>, issues: &mut Vec<Issue>) {
    let identified = bundle.text("type").is_some_and(|t| IDENTIFIED.contains(&t));
    for entry in bundle.all("entry") {
        let Some((resource, id)) = entry.get("resource").and_then(|r| Some((r, r.text("id")?)))
        else {
            continue;
        };
        match entry.get("fullUrl") {
            None if identified => issues.push(missing(entry)),
            Some(url) if context.warnings => issues.extend(other_id(url, resource, id)),
            _ => {}
        }
    }
}

/// "The fullUrl element SHALL have a value except that" it may be empty on a POST, and for what is not identified.
fn missing(entry: Node<'_>) -> Issue {
    let text =
        "in a document, message or collection, an entry whose resource has an id needs a fullUrl";
    Issue::error(Kind::Cardinality, text).at(entry.expression())
}

/// "If the fullUrl does look like a RESTful server URL, then the 'id' portion SHALL end with the Resource.id."
/// Departs: a warning, because two examples of the specification itself break it.
fn other_id(url: Node<'_>, resource: Node<'_>, id: &str) -> Option<Issue> {
    let Some(Reference::Absolute {
        target: Some((_, last)),
        ..
    }) = parse(url.value()?, None)
    else {
        return None;
    };
    let text = format!(
        "the fullUrl does not end with the id of the {}",
        resource.type_name()
    );
    (!last.ends_with(id)).then(|| {
        Issue::error(Kind::Invariant, text)
            .severity(Severity::Warning)
            .at(url.expression())
    })
}
