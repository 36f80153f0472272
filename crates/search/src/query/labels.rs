//! Security labels as criteria of who is not shown all of them: what they may ask is the level and how to handle a resource. By anything
//! else that reads labels nothing can be asked, as by a name that nobody knows.
//! <https://hl7.org/fhir/R4/search.html#security>

use super::criterion::Meaning;
use super::outcome::Ignored;
use super::{Reader, Refusal};
use crate::escape::{split, split_once, unescape};
use crate::registry::Parameter;
use ward_fhir::Node;

/// Why a criterion is not taken.
const WHY: &str = "what resources are labelled with is not shown to you. A level is asked for with its system, \
     http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R, and so is what says how to handle a resource.";

impl Reader<'_> {
    /// Refuses a criterion that reads labels, unless each of its values may be told.
    pub(super) fn demand_told(
        &self,
        meanings: &[Meaning<'_>],
        name: &str,
        value: &str,
    ) -> Result<(), Refusal> {
        let Some(told) = self.extractor.told() else {
            return Ok(());
        };
        if !self.read_labels(meanings) {
            return Ok(());
        }
        let is_told = |one: &str| {
            let parts = split_once(one, b'|').filter(|(system, _)| !system.is_empty());
            parts.is_some_and(|(system, code)| told(&unescape(system), &unescape(code)))
        };
        let mut values = split(value, b',').filter(|one| !one.is_empty());
        let may = match name {
            "_security" | "_security:not" => values.all(is_told),
            // What has any label has a level, which is shown.
            "_security:missing" => true,
            _ => false,
        };
        match may {
            true => Ok(()),
            false => Err(Refusal::Unknown(untold(name))),
        }
    }

    /// The same for an order.
    pub(super) fn demand_orderly(
        &self,
        meanings: &[Meaning<'_>],
        code: &str,
    ) -> Result<(), Refusal> {
        match self.extractor.told().is_some() && self.read_labels(meanings) {
            true => Err(Refusal::Unknown(untold(code))),
            false => Ok(()),
        }
    }

    fn read_labels(&self, meanings: &[Meaning<'_>]) -> bool {
        meanings
            .iter()
            .any(|meaning| self.reads_labels(meaning.parameter))
    }

    /// Of one that a client has defined and that is no plain path nothing is known.
    fn reads_labels(&self, parameter: &Parameter) -> bool {
        let schema = self.registry.schema();
        let mut hops = parameter.atoms.iter().flat_map(|atom| &atom.hops);
        parameter.is_custom() && parameter.atoms.is_empty()
            || hops.any(|hop| {
                let element = schema.element(schema.member(hop.member).element);
                element.path == "Meta.security"
            })
    }
}

/// Whether a node is a label, or within one.
pub(super) fn is_of_label(node: Node<'_>) -> bool {
    let mut above = std::iter::once(node).chain(node.ancestors());
    above.any(|node| {
        let is_meta = |parent: Node<'_>| parent.type_name() == "Meta";
        node.name() == "security" && node.parent().is_some_and(is_meta)
    })
}

fn untold(name: &str) -> Ignored {
    Ignored {
        what: "search parameter",
        name: name.to_owned(),
        nearest: Vec::new(),
        lacking: None,
        is_blank: false,
        why: Some(WHY),
    }
}
