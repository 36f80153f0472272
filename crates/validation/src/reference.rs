//! Which types a Reference may point at. <https://hl7.org/fhir/R4/references.html#Reference>

use std::collections::HashMap;

use ward_fhir::reference::{Reference, parse};
use ward_fhir::schema::{Schema, TypeId};
use ward_fhir::tree::NodeIndex;
use ward_fhir::{Issue, Kind, Node};

use crate::Context;

/// Finds the types of targets, as far as text, document and context tell.
pub(crate) struct Targets<'a> {
    pub(crate) schema: &'static Schema,
    context: &'a Context<'a>,
    /// Types of the entries of the enclosing Bundle by `fullUrl`; filled when first asked.
    entries: Option<HashMap<&'a str, TypeId>>,
    /// Types of the entries of the enclosing Bundle by canonical `url`; filled when first asked.
    pub(crate) definitions: Option<HashMap<&'a str, TypeId>>,
    /// Types of the contained resources by id, for each container asked about.
    contained: HashMap<NodeIndex, HashMap<&'a str, TypeId>>,
    pub(crate) root: Node<'a>,
}

impl<'a> Targets<'a> {
    pub fn new(schema: &'static Schema, context: &'a Context<'a>, root: Node<'a>) -> Self {
        Self {
            schema,
            context,
            entries: None,
            definitions: None,
            contained: HashMap::new(),
            root,
        }
    }

    /// Checks one Reference against the `allowed` types (empty: any) and against its own `type`.
    pub fn check(&mut self, node: Node<'a>, allowed: &[TypeId]) -> Option<Issue> {
        let stated = node
            .text("type")
            .and_then(|name| self.schema.resource_type(name));
        let found = node
            .text("reference")
            .and_then(|text| self.target(node, text));
        if let (Some(stated), Some(found)) = (stated, found)
            && stated != found
        {
            let (stated, found) = (self.schema.ty(stated).name, self.schema.ty(found).name);
            return Some(issue(
                node,
                format!("the reference is to {found}, but its type says {stated}"),
            ));
        }
        self.refuse(node, "reference", found.or(stated)?, allowed)
    }

    /// `None` when `found` is one of the `allowed` types (empty: any).
    pub(crate) fn refuse(
        &self,
        node: Node<'a>,
        what: &str,
        found: TypeId,
        allowed: &[TypeId],
    ) -> Option<Issue> {
        if allowed.is_empty() || allowed.iter().any(|a| self.schema.is_a(found, *a)) {
            return None;
        }
        let allowed: Vec<_> = allowed.iter().map(|a| self.schema.ty(*a).name).collect();
        let name = self.schema.ty(found).name;
        Some(issue(
            node,
            format!(
                "a {what} to {name} is not allowed here, only to {}",
                allowed.join(", ")
            ),
        ))
    }

    fn target(&mut self, node: Node<'a>, text: &'a str) -> Option<TypeId> {
        match parse(text, self.context.base)? {
            Reference::Contained(id) => self.contained(node, id),
            Reference::Local { ty, .. } | Reference::Conditional { ty, .. } => Some(ty),
            Reference::Urn(url) => self.elsewhere(url),
            Reference::Absolute { url, target } => {
                target.map(|(ty, _)| ty).or_else(|| self.elsewhere(url))
            }
        }
    }

    /// The type that `#id` means at `node`: of a resource contained in the outermost one, or for `#` of that one itself.
    pub fn contained(&mut self, node: Node<'a>, id: &str) -> Option<TypeId> {
        let container = container(node);
        if id.is_empty() {
            return Some(container.ty());
        }
        let by_id = self.contained.entry(container.index()).or_insert_with(|| {
            container
                .all("contained")
                .filter_map(|c| Some((c.text("id")?, c.ty())))
                .collect()
        });
        by_id.get(id).copied()
    }

    fn elsewhere(&mut self, url: &str) -> Option<TypeId> {
        let root = self.root;
        let entries = self.entries.get_or_insert_with(|| entries(root));
        entries
            .get(url)
            .copied()
            .or_else(|| self.context.target_type.and_then(|find| find(url)))
    }
}

/// The resource that holds `node`, or that holds the contained resource that holds it: FHIRPath's `%rootResource`.
pub(crate) fn container(node: Node<'_>) -> Node<'_> {
    let mut resource = node.resource();
    while let Some(parent) = resource.parent().filter(|_| resource.name() == "contained") {
        resource = parent.resource();
    }
    resource
}

fn entries(root: Node<'_>) -> HashMap<&str, TypeId> {
    if root.type_name() != "Bundle" {
        return HashMap::new();
    }
    let entries = root.all("entry");
    entries
        .filter_map(|e| Some((e.text("fullUrl")?, e.get("resource")?.ty())))
        .collect()
}

fn issue(node: Node<'_>, text: String) -> Issue {
    Issue::error(Kind::Reference, text).at(node.expression())
}
