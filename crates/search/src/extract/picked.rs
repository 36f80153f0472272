//! Which elements the walk reads, for the comparison with FHIRPath in `tests/selection.rs`.

use super::{Collector, Extractor};
use crate::program::Visitor;
use crate::registry::Leaf;
use ward_fhir::{Node, TypeId};

impl Extractor {
    /// Every element that the walk reads, with what it is read for.
    pub(crate) fn picked<'n>(&self, resource: Node<'n>) -> Vec<(Leaf, Node<'n>)> {
        let mut recorder = Recorder {
            collector: self.collector(resource, &|_| None, false),
            found: Vec::new(),
        };
        let program = &self.registry.of(resource.ty()).program;
        program.walk(resource, &mut recorder);
        let found = recorder.found.into_iter();
        found
            .map(|(leaf, index)| (leaf, resource.document().node(index)))
            .collect()
    }

    /// Type of the target of a Reference element of the resource.
    pub(crate) fn target(&self, resource: Node<'_>, reference: Node<'_>) -> Option<TypeId> {
        let collector = self.collector(resource, &|_| None, false);
        collector.target_type(reference)
    }
}

struct Recorder<'a> {
    collector: Collector<'a>,
    found: Vec<(Leaf, u32)>,
}

impl Visitor<Leaf> for Recorder<'_> {
    fn leaf(&mut self, node: Node<'_>, leaf: &Leaf) {
        self.found.push((*leaf, node.index()));
    }

    fn resolves_to(&mut self, node: Node<'_>, ty: TypeId) -> bool {
        self.collector.resolves_to(node, ty)
    }
}
