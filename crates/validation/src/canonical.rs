//! Which types a canonical may point at, where its target can be found without a look-up.
//! <https://hl7.org/fhir/R4/references.html#canonical>
//!
//! Found are the resources contained beside it (`#id`), the entries of the enclosing Bundle by their `url`, and the types
//! and value sets of the base definitions. Any other canonical passes: whether it resolves is no rule of R4.

use std::collections::HashMap;

use ward_fhir::schema::{Schema, TypeId};
use ward_fhir::{Issue, Node};

use crate::reference::Targets;

const STRUCTURE_DEFINITION: &str = "http://hl7.org/fhir/StructureDefinition/";

impl<'a> Targets<'a> {
    /// Checks a canonical against the `allowed` types (empty: any).
    pub fn check_canonical(&mut self, node: Node<'a>, allowed: &[TypeId]) -> Option<Issue> {
        let text = node.value().filter(|_| !allowed.is_empty())?;
        let found = match text.strip_prefix('#') {
            Some(id) => self.contained(node, id)?,
            None => self.defined(text.split(['|', '#']).next()?)?,
        };
        self.refuse(node, "canonical", found, allowed)
    }

    fn defined(&mut self, url: &str) -> Option<TypeId> {
        let root = self.root;
        let entries = self.definitions.get_or_insert_with(|| definitions(root));
        entries.get(url).copied().or_else(|| core(self.schema, url))
    }
}

/// Types of the entries of a Bundle by canonical url.
fn definitions(root: Node<'_>) -> HashMap<&str, TypeId> {
    if root.type_name() != "Bundle" {
        return HashMap::new();
    }
    root.all("entry")
        .filter_map(|e| e.get("resource"))
        .filter_map(|r| Some((r.text("url")?, r.ty())))
        .collect()
}

fn core(schema: &Schema, url: &str) -> Option<TypeId> {
    let kind = if schema.value_set(url).is_some() {
        "ValueSet"
    } else {
        schema.type_id(url.strip_prefix(STRUCTURE_DEFINITION)?)?;
        "StructureDefinition"
    };
    schema.resource_type(kind)
}
