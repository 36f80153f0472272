//! `_elements`: which elements the answer shows. <https://hl7.org/fhir/R4/search.html#elements>

use super::{Ignored, Reader};
use crate::nearest::nearest;
use ward_fhir::{Failure, TypeId};

impl Reader<'_> {
    /// Names of elements at the top of the resources, `name` or `Type.name`. Unknown ones are ignored under lenient handling.
    /// What of it is known; `None`: nothing.
    pub(super) fn elements(&mut self, value: &str) -> Result<Option<String>, Failure> {
        let mut known = Vec::new();
        for text in value.split(',').filter(|t| !t.is_empty()) {
            if self.is_element(text) {
                self.used.elements.push(text.to_owned());
                known.push(text);
                continue;
            }
            let near = nearest(text, self.element_names().into_iter());
            self.ignore(Ignored {
                what: "element",
                name: text.to_owned(),
                nearest: near.into_iter().map(str::to_owned).collect(),
                lacking: None,
                is_blank: false,
                why: None,
            })?;
        }
        Ok((!known.is_empty()).then(|| known.join(",")))
    }

    fn is_element(&self, text: &str) -> bool {
        let schema = self.registry.schema();
        let (types, name) = match text.split_once('.') {
            Some((ty, name)) => (schema.resource_type(ty).into_iter().collect(), name),
            None => (self.result_types(), text),
        };
        let has = |ty: &TypeId| schema.elements_of(*ty).iter().any(|e| e.name == name);
        types.iter().any(has)
    }

    fn element_names(&self) -> Vec<&'static str> {
        let schema = self.registry.schema();
        let mut names: Vec<&str> = self
            .result_types()
            .into_iter()
            .flat_map(|t| schema.elements_of(t))
            .map(|e| e.name)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn result_types(&self) -> Vec<TypeId> {
        if self.plan.types.is_empty() {
            self.resource_types().collect()
        } else {
            self.plan.types.clone()
        }
    }
}
