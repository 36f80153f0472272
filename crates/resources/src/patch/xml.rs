//! XML Patch. <https://www.rfc-editor.org/rfc/rfc5261> on the XML form of the resource.
//!
//! Departs: `ws` is accepted and means nothing (white space between elements carries nothing in FHIR), and `id()` is not
//! known. The prefixes `f` (FHIR) and `h` (XHTML) need no declaration, as in the official cases.

mod dom;
mod selector;
#[cfg(test)]
mod tests;

use dom::{Attribute, Dom, Id, Item};
use selector::{Found, Selector, Target};
use ward_fhir::json::{Stamp, write};
use ward_fhir::tree::Limits;
use ward_fhir::{Failure, Kind, Node};

use super::{
    NODES_MAX, OPERATIONS_MAX, WORK_MAX, malformed, too_big, too_many_operations, unprocessable,
};

type Result<T> = std::result::Result<T, Failure>;

/// Applies an XML Patch to a resource and gives the new JSON text. Elements must end up in the order of the definitions.
///
/// # Errors
/// 400 when the patch is not one; 422 when a selector does not lead to exactly one node, or the outcome is not FHIR.
pub fn xml(doc: Node<'_>, patch: &[u8]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    ward_fhir::xml::write(doc, &mut text);
    let patched = apply(&text, patch)?;
    let document =
        ward_fhir::xml::read(&patched, Some(doc.ty()), &Limits::default()).map_err(not_fhir)?;
    let mut out = Vec::with_capacity(text.len());
    write(document.root(), Stamp::default(), &mut out);
    Ok(out)
}

/// The operations one after the other on any XML document.
pub(super) fn apply(target: &[u8], patch: &[u8]) -> Result<Vec<u8>> {
    let mut target = Dom::read(target)?;
    let patch = Dom::read(patch)?;
    let operations: Vec<Id> = patch.elements(patch.root()).collect();
    if operations.is_empty() {
        return Err(Failure::new(Kind::Invalid, "the patch has no operations"));
    }
    if operations.len() > OPERATIONS_MAX {
        return Err(too_many_operations());
    }
    for (index, at) in operations.into_iter().enumerate() {
        let operation = Operation {
            index,
            patch: &patch,
            at,
        };
        match patch.local(at) {
            "add" => operation.add(&mut target)?,
            "replace" => operation.replace(&mut target)?,
            "remove" => operation.remove(&mut target)?,
            _ => {
                return Err(malformed(
                    index,
                    "an operation is `add`, `replace` or `remove`",
                ));
            }
        }
        if target.len() > NODES_MAX || (index + 1).saturating_mul(target.len()) > WORK_MAX {
            return Err(too_big(index));
        }
    }
    Ok(target.write())
}

struct Operation<'p> {
    index: usize,
    patch: &'p Dom,
    at: Id,
}

impl Operation<'_> {
    fn add(&self, target: &mut Dom) -> Result<()> {
        let found = self.find(target)?;
        match self.patch.attribute(self.at, "type") {
            Some(kind) => self.add_to_tag(target, &found, kind),
            None => self.add_nodes(target, &found),
        }
    }

    fn add_to_tag(&self, target: &mut Dom, found: &Found, kind: &str) -> Result<()> {
        let Found::Node(element) = *found else {
            return Err(self.malformed("`sel` must lead to an element"));
        };
        if !target.is_element(element) {
            return Err(self.malformed("`sel` must lead to an element"));
        }
        let value = self.text_content()?;
        if let Some(prefix) = kind.strip_prefix("namespace::") {
            if !dom::is_name(prefix) || target.declares(element, prefix) {
                return Err(self.unprocessable("the prefix is declared already or is not a name"));
            }
            target.declare(element, prefix, &value);
            return Ok(());
        }
        let name = kind
            .strip_prefix('@')
            .or_else(|| kind.strip_prefix("attribute::"));
        let Some(name) = name else {
            return Err(self.malformed("`type` must be `@name` or `namespace::prefix`"));
        };
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        if !dom::is_name(local) || !matches!(prefix, "" | "xml") {
            return Err(self.malformed("`type` does not name an attribute"));
        }
        if target.attribute_index(element, prefix, local).is_some() {
            return Err(self.unprocessable("the attribute is there already"));
        }
        let attribute = Attribute {
            prefix: prefix.to_owned(),
            local: local.to_owned(),
            value,
        };
        target.add_attribute(element, attribute);
        Ok(())
    }

    fn add_nodes(&self, target: &mut Dom, found: &Found) -> Result<()> {
        let Found::Node(node) = *found else {
            return Err(self.malformed("`sel` must lead to a node that can have siblings"));
        };
        let siblings = |target: &Dom| {
            let place = target.parent(node).zip(target.position(node));
            place.ok_or_else(|| self.unprocessable("nothing can stand beside the root element"))
        };
        let (parent, at) = match self.patch.attribute(self.at, "pos") {
            Some("before") => siblings(target)?,
            Some("after") => siblings(target).map(|(parent, at)| (parent, at + 1))?,
            Some("prepend") => (node, 0),
            None => (node, target.children(node).len()),
            Some(_) => return Err(self.malformed("`pos` must be before, after or prepend")),
        };
        if !target.is_element(parent) {
            return Err(self.malformed("`sel` must lead to an element"));
        }
        for (offset, child) in self.patch.children(self.at).iter().enumerate() {
            target
                .graft(self.patch, *child, parent, at + offset)
                .ok_or_else(|| too_big(self.index))?;
        }
        target.join_texts(parent);
        Ok(())
    }

    fn replace(&self, target: &mut Dom) -> Result<()> {
        match self.find(target)? {
            Found::Attribute(element, at) => {
                target.set_attribute(element, at, self.text_content()?)
            }
            Found::Namespace(element, prefix) => {
                target.declare(element, &prefix, &self.text_content()?)
            }
            Found::Node(node) => return self.replace_node(target, node),
        }
        Ok(())
    }

    fn replace_node(&self, target: &mut Dom, node: Id) -> Result<()> {
        if target.is_text(node) {
            target.set_text(node, self.text_content()?);
            return Ok(());
        }
        let is_element = target.is_element(node);
        let mut content = self
            .patch
            .children(self.at)
            .iter()
            .copied()
            .filter(|c| !self.patch.is_blank(*c));
        let (Some(new), None) = (content.next(), content.next()) else {
            return Err(self.malformed("`replace` must hold exactly one node"));
        };
        if self.patch.is_element(new) != is_element || self.patch.is_text(new) {
            return Err(self.malformed("a node must be replaced by one of its kind"));
        }
        let placed = match target.parent(node).zip(target.position(node)) {
            Some((parent, at)) => {
                target.detach(node);
                target.graft(self.patch, new, parent, at)
            }
            None => target.graft_root(self.patch, new),
        };
        placed.map(|_| ()).ok_or_else(|| too_big(self.index))
    }

    fn remove(&self, target: &mut Dom) -> Result<()> {
        match self.find(target)? {
            Found::Attribute(element, at) => target.remove_attribute(element, at),
            Found::Namespace(element, prefix) => target.undeclare(element, &prefix),
            Found::Node(node) => match target.parent(node) {
                Some(parent) => {
                    target.detach(node);
                    target.join_texts(parent);
                }
                None => return Err(self.unprocessable("the root element cannot be removed")),
            },
        }
        Ok(())
    }

    /// The one node that `sel` leads to.
    fn find(&self, target: &Dom) -> Result<Found> {
        let text = self
            .patch
            .attribute(self.at, "sel")
            .ok_or_else(|| self.malformed("`sel` is missing"))?;
        let namespace = |prefix: &str| self.patch.namespace_of(self.at, prefix);
        let selector = Selector::parse(text, &namespace)
            .map_err(|what| self.malformed(format_args!("`sel`: {what}")))?;
        if matches!(selector.target, Target::Namespace(_)) && self.patch.local(self.at) == "add" {
            return Err(self.malformed("a namespace is added with `type`"));
        }
        let mut found = selector.select(target);
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(_), false) => Err(self.unprocessable("`sel` leads to more than one node")),
            (None, _) => Err(self.unprocessable("`sel` leads to nothing")),
        }
    }

    fn text_content(&self) -> Result<String> {
        let mut out = String::new();
        for child in self.patch.children(self.at) {
            match self.patch.item(*child) {
                Item::Text(text) => out.push_str(text),
                _ => return Err(self.malformed("only text is expected here")),
            }
        }
        Ok(out)
    }

    fn malformed(&self, what: impl std::fmt::Display) -> Failure {
        malformed(self.index, what)
    }

    fn unprocessable(&self, what: impl std::fmt::Display) -> Failure {
        unprocessable(self.index, what)
    }
}

/// The patch could be applied, but what came of it is no resource.
fn not_fhir(failure: Failure) -> Failure {
    let mut issues = failure.issues;
    for issue in &mut issues {
        issue.kind = Kind::BusinessRule;
        issue.diagnostics = format!("after the patch: {}", issue.diagnostics);
    }
    Failure::from_issues(issues)
}
