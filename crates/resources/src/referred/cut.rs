//! A resource without what its reader does not see: pure. <https://hl7.org/fhir/R4/references.html#Reference>
//!
//! | what refers | what is left of it |
//! |---|---|
//! | a Reference | `type` alone where the caller reads resources of it, else nothing |
//! | an entry of a List, Group, Composition, Bundle, AuditEvent or Provenance | nothing: what is said beside it is about the target |
//! | the url of an Attachment | nothing |
//!
//! Nothing is left empty: what holds nothing else goes with it. Narrative goes, since it may say the same in words, and the resource
//! says that it is not whole.

use super::{Hidden, is_told, local};
use crate::shown::{marked, subsetted};
use std::collections::{HashMap, HashSet};
use ward_access::Access;
use ward_fhir::tree::{Builder, NodeIndex};
use ward_fhir::{Document, Node, TypeId};

/// A node that names a resource on this server.
pub(super) struct Place<'a> {
    /// A Reference, the url of an Attachment, or an entry of a stored Bundle.
    pub node: Node<'a>,
    pub ty: TypeId,
    pub id: &'a str,
}

/// All that a document names. `is_stored`: its root is a stored resource, and not an answer around some.
pub(super) fn places<'a>(
    root: Node<'a>,
    is_stored: bool,
    base: &str,
    told: &mut dyn FnMut(Place<'a>),
) {
    Look { base, told }.within(root, is_stored, false);
}

struct Look<'l, 'a> {
    base: &'l str,
    told: &'l mut dyn FnMut(Place<'a>),
}

impl<'a> Look<'_, 'a> {
    /// Recursion: the depth of the document. `is_foreign`: relative references are those of another server.
    fn within(&mut self, node: Node<'a>, is_stored: bool, is_foreign: bool) {
        match node.type_name() {
            "Reference" => self.text(node, node.text("reference"), is_foreign),
            "Attachment" => {
                if let Some(url) = node.get("url") {
                    self.text(url, url.value(), is_foreign);
                }
            }
            _ => {}
        }
        let is_bundle = is_stored && node.is_resource() && node.type_name() == "Bundle";
        for child in node.children() {
            let is_foreign = match is_bundle && child.name() == "entry" {
                true => self.entry(child),
                false => is_foreign,
            };
            let is_within = is_stored || self::is_stored(child);
            self.within(child, is_within, is_foreign);
        }
    }

    fn text(&mut self, node: Node<'a>, text: Option<&'a str>, is_foreign: bool) {
        let text = text.filter(|text| !is_foreign || text.contains(':'));
        if let Some((ty, id)) = text.and_then(|text| local(text, self.base)) {
            (self.told)(Place { node, ty, id });
        }
    }

    /// Whether what the entry holds is of another server.
    fn entry(&mut self, entry: Node<'a>) -> bool {
        let url = entry.text("fullUrl");
        let own = match (url, entry.get("resource")) {
            (Some(url), _) => local(url, self.base),
            (None, Some(resource)) => resource.text("id").map(|id| (resource.ty(), id)),
            (None, None) => {
                let asked = entry.get("request").and_then(|request| request.text("url"));
                asked.and_then(|url| local(url, self.base))
            }
        };
        if let Some((ty, id)) = own {
            let node = entry;
            (self.told)(Place { node, ty, id });
        }
        url.is_some() && own.is_none()
    }
}

/// Elements that say of one target that it belongs to a collection or an event: resource, element, and in it what refers.
const ENTRIES: &[(&str, &str, Option<&str>)] = &[
    ("AuditEvent", "entity", Some("what")),
    ("Composition", "entry", None),
    ("Group", "member", Some("entity")),
    ("List", "entry", Some("item")),
    ("Provenance", "entity", Some("what")),
    ("Provenance", "target", None),
];

pub(super) struct Cut<'h> {
    access: &'h Access,
    base: &'h str,
    hidden: &'h Hidden,
    marks: bool,
}

impl<'h> Cut<'h> {
    pub fn new(access: &'h Access, base: &'h str, hidden: &'h Hidden) -> Cut<'h> {
        Cut {
            access,
            base,
            hidden,
            marks: true,
        }
    }

    /// Without the tag that says that something is missing.
    pub fn unmarked(self) -> Cut<'h> {
        Cut {
            marks: false,
            ..self
        }
    }

    /// `None`: nothing of it is hidden.
    pub fn of(&self, root: Node<'_>, is_stored: bool) -> Option<Document> {
        let mut found = Found::default();
        places(root, is_stored, self.base, &mut |place| {
            if self.hidden.has(place.ty, place.id) {
                found.add(place.node, Some(place.ty));
            }
        });
        if found.hidden.is_empty() {
            return None;
        }
        let at = if is_stored { At::Stored } else { At::Answer };
        found.add_narrative(root, at);
        let mut builder = Builder::new(String::new());
        let written = Written {
            access: self.access,
            found,
            marks: self.marks,
        };
        written.copy(&mut builder, root, at);
        Some(builder.finish())
    }
}

/// Where a node of an answer stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Outside of what is stored.
    Answer,
    /// A resource that is stored: its meta says when it is not whole.
    Stored,
    Inside,
}

impl At {
    fn of(self, child: Node<'_>) -> At {
        match self {
            At::Answer if is_stored(child) => At::Stored,
            At::Answer => At::Answer,
            At::Stored | At::Inside => At::Inside,
        }
    }
}

/// A resource in an answer. One that is stored has an id; the Bundle that a search among the entries of a transaction answers has none.
fn is_stored(node: Node<'_>) -> bool {
    node.is_resource() && (node.type_name() != "Bundle" || node.get("id").is_some())
}

#[derive(Default)]
struct Found {
    /// What goes; for a Reference with the type that it is to.
    hidden: HashMap<NodeIndex, Option<TypeId>>,
    /// What goes, and what holds such.
    changed: HashSet<NodeIndex>,
}

impl Found {
    fn add(&mut self, node: Node<'_>, ty: Option<TypeId>) {
        self.hidden.insert(node.index(), ty);
        self.changed.insert(node.index());
        self.changed.extend(node.ancestors().map(Node::index));
    }

    /// That of each stored resource of which something else goes.
    fn add_narrative(&mut self, node: Node<'_>, at: At) {
        if !self.changed.contains(&node.index()) {
            return;
        }
        if at == At::Stored {
            let all = node.descendants_and_self();
            all.filter(|node| node.type_name() == "Narrative")
                .for_each(|node| self.add(node, None));
            return;
        }
        for child in node.children() {
            self.add_narrative(child, at.of(child));
        }
    }
}

struct Written<'w> {
    access: &'w Access,
    found: Found,
    marks: bool,
}

impl Written<'_> {
    /// Recursion: the depth of the document.
    fn copy(&self, builder: &mut Builder, node: Node<'_>, at: At) {
        if !self.found.changed.contains(&node.index()) {
            builder.copy(node, node.member());
            return;
        }
        let written = builder.open(node.member(), node.ty());
        if let Some(value) = node.value() {
            builder.value(written, value);
        }
        if let Some(Some(ty)) = self.found.hidden.get(&node.index()) {
            builder.leaf("type", ward_fhir::schema::r4().ty(*ty).name);
            builder.close();
            return;
        }
        let is_marked = self.marks && at == At::Stored;
        for child in node.children().filter(|child| !self.goes(*child)) {
            match is_marked && child.name() == "meta" {
                true => marked(builder, child),
                false => self.copy(builder, child, at.of(child)),
            }
        }
        if is_marked && node.get("meta").is_none() && builder.open_named("meta").is_some() {
            subsetted(builder);
            builder.close();
        }
        builder.close();
    }

    /// Whether nothing is left of it.
    fn goes(&self, node: Node<'_>) -> bool {
        if is_count(node) {
            let group = node.parent().into_iter();
            return group
                .flat_map(Node::children)
                .any(|n| n.name() == "member" && self.goes(n));
        }
        if !self.found.changed.contains(&node.index()) {
            return false;
        }
        if let Some(ty) = self.found.hidden.get(&node.index()) {
            let is_named = node.type_name() == "Reference" && !is_entry(node);
            return !(is_named && ty.is_some_and(|ty| is_told(self.access, ty)));
        }
        if node.is_resource() || node.value().is_some() {
            return false;
        }
        self.is_of_a_target(node)
            || self.is_emptied_section(node)
            || (node.type_name() == "Extension" && node.all("value").any(|value| self.goes(value)))
            || node.children().all(|child| self.goes(child))
    }

    /// An entry whose target is hidden.
    fn is_of_a_target(&self, node: Node<'_>) -> bool {
        let refers = |name: &str| {
            let mut targets = node.all(name);
            targets.any(|target| self.found.hidden.contains_key(&target.index()))
        };
        let (ty, name) = (node.resource().type_name(), node.name());
        let entry = ENTRIES
            .iter()
            .find(|(of, entry, _)| *of == ty && *entry == name);
        entry.is_some_and(|(.., refers_by)| refers_by.is_some_and(refers))
    }

    /// A section of a Composition whose entries all go: its title says what they were about.
    fn is_emptied_section(&self, node: Node<'_>) -> bool {
        if node.resource().type_name() != "Composition" || node.name() != "section" {
            return false;
        }
        let mut entries = node.all("entry").peekable();
        let mut sections = node.all("section");
        entries.peek().is_some()
            && entries.all(|entry| self.goes(entry))
            && sections.all(|section| self.goes(section))
    }
}

/// `Group.quantity`, which counts the members.
fn is_count(node: Node<'_>) -> bool {
    node.name() == "quantity"
        && node
            .parent()
            .is_some_and(|parent| parent.is_resource() && parent.type_name() == "Group")
}

fn is_entry(node: Node<'_>) -> bool {
    let ty = node.resource().type_name();
    let itself = |(of, entry, refers): &(&str, &str, Option<&str>)| {
        *of == ty && *entry == node.name() && refers.is_none()
    };
    ENTRIES.iter().any(itself)
}

#[cfg(test)]
#[path = "cut_tests.rs"]
mod tests;
