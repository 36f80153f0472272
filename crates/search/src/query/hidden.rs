//! What may not be asked, since elements that are not seen would answer: 403, whatever the data, and also where unknown names
//! are left out. What were left out in silence would be another question.

use super::Reader;
use super::criterion::{Meaning, short};
use ward_fhir::{Failure, Kind, TypeId};

impl Reader<'_> {
    /// The refusal of a parameter of a type.
    pub(super) fn hidden(&self, code: &str, ty: TypeId) -> Failure {
        refused(&format!(
            "Search parameter '{}' of {}",
            short(code),
            self.registry.schema().ty(ty).name
        ))
    }

    /// Refuses what is of no single element where it would tell of hidden ones: the narrative of a type whose `text` is not seen,
    /// all the text of anything (a resource may contain one of a type that is seen in part), and members of Lists.
    pub(super) fn demand_seen(&self, types: &[TypeId], code: &str) -> Result<(), Failure> {
        let Some(seen) = self.registry.seen() else {
            return Ok(());
        };
        let list = self.registry.schema().resource_type("List");
        let mut hiding = seen.types().filter(|(ty, elements)| match code {
            "_content" => true,
            "_text" => (types.is_empty() || types.contains(ty)) && !elements.contains("text"),
            "_list" => Some(*ty) == list && !elements.contains("entry"),
            _ => false,
        });
        match hiding.next() {
            Some((ty, _)) => Err(self.hidden(code, ty)),
            None => Ok(()),
        }
    }

    /// Refuses to look at contained resources where those of some type are not seen.
    pub(super) fn demand_contained_seen(&self) -> Result<(), Failure> {
        let types = self
            .registry
            .seen()
            .into_iter()
            .flat_map(|seen| seen.types());
        let mut hiding = types.filter(|(_, elements)| !elements.contains("contained"));
        match hiding.next() {
            Some((ty, _)) => Err(self.hidden("_contained", ty)),
            None => Ok(()),
        }
    }

    /// Refuses to tell whether there is a reference to a resource of a type, where what is contained says of which type it is.
    pub(super) fn demand_target_seen(&self, meaning: &Meaning<'_>) -> Result<(), Failure> {
        if meaning.all.hides_contained() && meaning.parameter.asks_for_target() {
            let ty = meaning.types.first().copied().unwrap_or(TypeId(u16::MAX));
            let code = format!("{}:missing", meaning.parameter.code());
            return Err(self.hidden(&code, ty));
        }
        Ok(())
    }
}

pub(crate) fn refused(what: &str) -> Failure {
    let text = format!("{what} cannot be asked: it reads elements that your role does not show.");
    Failure::new(Kind::HiddenElement, text)
}
