//! What an evaluation may ask of the world around it. <https://hl7.org/fhir/R4/fhirpath.html#functions>

use ward_fhir::schema::{TypeId, r4};
use ward_fhir::tree::Node;

use crate::value::Item;

/// A code with its system, as `memberOf` and `subsumes` see it. An empty system is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coded<'a> {
    pub system: &'a str,
    pub code: &'a str,
}

/// Answers from outside the focus. The defaults know only the document itself and the R4 definitions.
pub trait Host {
    /// The target of a reference. `None`: not to be had, the item is left out.
    fn resolve<'a>(&'a self, reference: &str, from: Node<'a>) -> Option<Node<'a>> {
        resolve_within(reference, from)
    }

    /// Whether the code is in the value set (canonical, perhaps with `|version`). `None`: cannot tell.
    fn member_of(&self, coded: Coded<'_>, value_set: &str) -> Option<bool> {
        let url = value_set.split('|').next().unwrap_or(value_set);
        let codes = r4().value_set(url)?.codes.as_ref()?;
        if coded.system.is_empty() {
            return Some(codes.iter().any(|(_, code)| *code == coded.code));
        }
        Some(codes.binary_search(&(coded.system, coded.code)).is_ok())
    }

    /// Whether `general` subsumes `special`. `None`: cannot tell.
    fn subsumes(&self, general: Coded<'_>, special: Coded<'_>) -> Option<bool> {
        (general == special).then_some(true)
    }

    /// Whether the element conforms to the profile. `None`: the profile is not known.
    fn conforms_to(&self, node: Node<'_>, profile: &str) -> Option<bool> {
        let name = profile.strip_prefix("http://hl7.org/fhir/StructureDefinition/")?;
        let ty = r4().type_id(name)?;
        Some(r4().is_a(node.ty(), ty))
    }

    /// Members of a slice of a profile. `None`: the profile is not known.
    fn slice<'a>(&'a self, _node: Node<'a>, _profile: &str, _name: &str) -> Option<bool> {
        None
    }

    /// `trace()`: never changes the answer. The default says nothing, since items are stored values.
    fn trace(&self, _name: &str, _items: &[Item<'_>]) {}
}

/// The host that knows nothing but the document and the R4 definitions.
pub struct Offline;
impl Host for Offline {}

/// Finds the target of a reference inside the document: `#id`, `#`, or an entry of the enclosing Bundle.
/// Cost: linear in the number of contained resources or entries.
pub fn resolve_within<'a>(reference: &str, from: Node<'a>) -> Option<Node<'a>> {
    if let Some(id) = reference.strip_prefix('#') {
        let container = container(from.resource());
        if id.is_empty() {
            return Some(container);
        }
        return container
            .all("contained")
            .find(|c| c.text("id") == Some(id));
    }
    let (mut at, mut entry) = (from, None);
    while let Some(parent) = at.parent() {
        if at.name() == "entry" && parent.type_name() == "Bundle" {
            entry = Some((parent, at.text("fullUrl")));
        }
        at = parent;
    }
    let (bundle, full_url) = match entry {
        Some(found) => found,
        None if at.type_name() == "Bundle" => (at, None),
        None => return None,
    };
    bundle_target(bundle, full_url, reference)
}

/// <https://hl7.org/fhir/R4/bundle.html#references>: absolute by `fullUrl`; relative against the base of the entry.
fn bundle_target<'a>(
    bundle: Node<'a>,
    full_url: Option<&str>,
    reference: &str,
) -> Option<Node<'a>> {
    let bare = reference.split("/_history/").next().unwrap_or(reference);
    let absolute = bare.contains("://") || bare.starts_with("urn:");
    let base = full_url.and_then(restful_base);
    bundle
        .all("entry")
        .find(|e| {
            e.text("fullUrl").is_some_and(|url| match (absolute, base) {
                (true, _) => url == bare,
                (false, Some(base)) => url.strip_prefix(base) == Some(bare),
                (false, None) => url
                    .strip_suffix(bare)
                    .is_some_and(|b| b.is_empty() || b.ends_with('/')),
            })
        })
        .and_then(|e| e.get("resource"))
}

/// `http://a/b/` of `http://a/b/Patient/1`.
fn restful_base(url: &str) -> Option<&str> {
    let (head, _) = url.rsplit_once('/')?;
    let (base, ty) = head.rsplit_once('/')?;
    r4().resource_type(ty)?;
    Some(&url[..=base.len()])
}

fn container(resource: Node<'_>) -> Node<'_> {
    match resource.parent() {
        Some(parent) if resource.name() == "contained" => parent.resource(),
        _ => resource,
    }
}

/// The resource type a reference names by its text: `Patient/1`, `http://x/fhir/Patient/1/_history/2`, `Patient?identifier=1`.
pub fn reference_type(reference: &str) -> Option<TypeId> {
    if reference.starts_with('#') || reference.starts_with("urn:") {
        return None;
    }
    if let Some((head, _)) = reference.split_once('?') {
        return r4().resource_type(head.rsplit('/').next().unwrap_or(head));
    }
    let bare = reference.split("/_history/").next().unwrap_or(reference);
    let (head, id) = bare.rsplit_once('/')?;
    if id.is_empty() {
        return None;
    }
    r4().resource_type(head.rsplit('/').next().unwrap_or(head))
}
