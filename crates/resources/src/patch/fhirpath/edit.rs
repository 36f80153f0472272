//! One change at one place of a document, made by building the document anew around it.
//! <https://hl7.org/fhir/R4/fhirpatch.html>

use ward_fhir::schema::MemberId;
use ward_fhir::tree::{Builder, Document, Node, NodeIndex};

use super::value::NewValue;

/// A change among the children of one node.
pub(super) struct Edit<'v> {
    parent: NodeIndex,
    place: Place<'v>,
}

/// Numbers are places among all children of the node.
#[derive(Clone, Copy)]
pub(super) enum Place<'v> {
    Insert {
        at: usize,
        member: MemberId,
        value: NewValue<'v>,
    },
    Replace {
        at: usize,
        member: MemberId,
        value: NewValue<'v>,
    },
    Remove {
        at: usize,
    },
    Move {
        from: usize,
        to: usize,
    },
}

impl<'v> Edit<'v> {
    pub fn new(parent: Node<'_>, place: Place<'v>) -> Self {
        Self {
            parent: parent.index(),
            place,
        }
    }

    /// A new document; what lies beside the change is copied as it is.
    pub fn apply(&self, root: Node<'_>) -> Result<Document, &'static str> {
        let mut builder = Builder::new(String::new());
        let mut path = vec![root.document().node(self.parent)];
        while let Some(parent) = path.last().and_then(|n| n.parent()) {
            path.push(parent);
        }
        self.level(&mut builder, &path)?;
        Ok(builder.finish())
    }

    /// `path` from the changed node up to the root; the depth of recursion is that of the document.
    fn level(&self, builder: &mut Builder, path: &[Node<'_>]) -> Result<(), &'static str> {
        let Some((node, below)) = path.split_last() else {
            return Ok(());
        };
        let at = builder.open(node.member(), node.ty());
        if let Some(text) = node.value() {
            builder.value(at, text);
        }
        match below.last() {
            None => self.children(builder, *node)?,
            Some(next) => {
                for child in node.children() {
                    if child == *next {
                        self.level(builder, below)?;
                    } else {
                        builder.copy(child, child.member());
                    }
                }
            }
        }
        builder.close();
        Ok(())
    }

    fn children(&self, builder: &mut Builder, parent: Node<'_>) -> Result<(), &'static str> {
        let mut old: Vec<Option<Node<'_>>> = parent.children().map(Some).collect();
        let mut new = None;
        match self.place {
            Place::Insert { at, member, value } => {
                old.insert(at.min(old.len()), None);
                new = Some((member, value));
            }
            Place::Replace { at, member, value } => {
                old[at] = None;
                new = Some((member, value));
            }
            Place::Remove { at } => drop(old.remove(at)),
            Place::Move { from, to } => {
                let moved = old.remove(from);
                old.insert(to, moved);
            }
        }
        for child in old {
            match (child, new) {
                (Some(child), _) => {
                    builder.copy(child, child.member());
                }
                (None, Some((member, value))) => value.write(builder, member)?,
                (None, None) => {}
            }
        }
        Ok(())
    }
}

/// Place of a node among the children of its parent.
pub(super) fn place_of(node: Node<'_>) -> usize {
    node.parent()
        .map_or(0, |p| p.children().take_while(|c| *c != node).count())
}

/// Nesting of elements.
pub(super) fn depth(document: &Document) -> usize {
    let mut depths: Vec<usize> = Vec::with_capacity(document.len());
    for node in document.root().descendants_and_self() {
        depths.push(node.parent().map_or(1, |p| depths[p.index() as usize] + 1));
    }
    depths.into_iter().max().unwrap_or(0)
}
