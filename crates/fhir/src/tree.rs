//! The document: one arena of nodes in document order over the text they were read from.
//! <https://hl7.org/fhir/R4/json.html>
//!
//! A node is a FHIR element (not a JSON value): a repeated element is a run of adjacent sibling nodes, and a primitive
//! with its `_name` extension sibling is one node with a value and children. Number text and string text are kept as
//! sent. The same shape comes out of JSON and XML; member order is kept as sent.

mod builder;
mod path;

pub use builder::Builder;

use crate::schema::{ElementDef, ElementId, MemberId, Primitive, TypeDef, TypeId, TypeKind, r4};
use std::ops::Range;

pub(crate) use path::expression;

/// Node 0 is the root resource. Children of node `i` start at `i + 1`; each child's subtree ends at its `end`.
#[derive(Clone)]
pub struct Document {
    pub(crate) source: String,
    /// Unescaped strings and values set after reading.
    pub(crate) side: String,
    pub(crate) nodes: Vec<NodeData>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeData {
    /// `u32::MAX` at the root.
    pub member: u32,
    pub parent: u32,
    pub end: u32,
    pub start: u32,
    pub len: u32,
    /// The actual type; for a contained or entry resource the resource type.
    pub ty: u16,
    pub flags: u16,
}
pub(crate) const HAS_VALUE: u16 = 1;
pub(crate) const VALUE_IN_SIDE: u16 = 2;
/// The value holds nothing that JSON must escape: it is written by copying.
pub(crate) const PLAIN: u16 = 4;
/// While reading JSON: the node came from `_name` and waits for its partner.
pub(crate) const SPLIT: u16 = 8;
/// While reading JSON: the array item was `null` and waits for its partner.
pub(crate) const NULL: u16 = 16;
/// While reading JSON: the children of this node hold split or null items.
pub(crate) const UNMERGED: u16 = 32;
/// `NodeData::member` of a root.
pub(crate) const NO_MEMBER: u32 = u32::MAX;

pub type NodeIndex = u32;

/// A borrowed view of one element.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    doc: &'a Document,
    index: NodeIndex,
}

/// Bounds of reading, each with its answer in `docs/errors`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Elements open inside one another, the root counted.
    pub depth_max: usize,
    pub nodes_max: usize,
    /// Structural issues collected before giving up.
    pub issues_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 64,
            nodes_max: 4_000_000,
            issues_max: 20,
        }
    }
}

impl Document {
    pub fn root(&self) -> Node<'_> {
        Node {
            doc: self,
            index: 0,
        }
    }
    pub fn node(&self, index: NodeIndex) -> Node<'_> {
        Node { doc: self, index }
    }
    pub fn len(&self) -> usize {
        self.nodes.len()
    }
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
    /// The text the document was read from (empty for one that was built).
    pub fn source(&self) -> &str {
        &self.source
    }
    /// Replaces the value of a primitive that has one (reference rewriting). The caller vouches for its form.
    /// The old text stays in memory until the document is dropped.
    pub fn set_value(&mut self, at: NodeIndex, text: &str) {
        let n = &mut self.nodes[at as usize];
        n.start = self.side.len() as u32;
        n.len = text.len() as u32;
        n.flags = (n.flags & !PLAIN) | HAS_VALUE | VALUE_IN_SIDE;
        self.side.push_str(text);
    }
    /// An independent copy of a subtree with `node` as its root; only the subtree's own text is kept.
    /// Cost: linear in the subtree.
    pub fn extract(node: Node<'_>) -> Document {
        let bytes = node
            .descendants_and_self()
            .map(|n| n.data().len as usize)
            .sum();
        let mut source = String::with_capacity(bytes);
        let base = node.index;
        let nodes = node
            .descendants_and_self()
            .map(|n| {
                let mut data = *n.data();
                data.parent = data.parent.saturating_sub(base);
                data.end -= base;
                data.flags &= !VALUE_IN_SIDE;
                data.start = source.len() as u32;
                source.push_str(n.value().unwrap_or_default());
                data
            })
            .collect::<Vec<_>>();
        let mut doc = Document {
            source,
            side: String::new(),
            nodes,
        };
        doc.nodes[0].member = NO_MEMBER;
        doc.nodes[0].parent = 0;
        doc
    }
}

impl<'a> Node<'a> {
    pub(crate) fn data(self) -> &'a NodeData {
        &self.doc.nodes[self.index as usize]
    }
    pub fn document(self) -> &'a Document {
        self.doc
    }
    pub fn index(self) -> NodeIndex {
        self.index
    }
    pub fn ty(self) -> TypeId {
        TypeId(self.data().ty)
    }
    pub fn type_def(self) -> &'static TypeDef {
        r4().ty(self.ty())
    }
    pub fn type_name(self) -> &'static str {
        self.type_def().name
    }
    pub fn member(self) -> Option<MemberId> {
        (self.data().member != NO_MEMBER).then(|| MemberId(self.data().member))
    }
    pub fn element(self) -> Option<&'static ElementDef> {
        self.member().map(|m| r4().element(r4().member(m).element))
    }
    pub fn element_id(self) -> Option<ElementId> {
        self.member().map(|m| r4().member(m).element)
    }
    /// FHIRPath name: `value` for `valueQuantity`; the type name at the root.
    pub fn name(self) -> &'static str {
        self.element().map_or_else(|| self.type_name(), |e| e.name)
    }
    /// `valueQuantity`.
    pub fn json_name(self) -> &'static str {
        self.member()
            .map_or_else(|| self.type_name(), |m| r4().member(m).json_name)
    }
    /// Text of a primitive value: strings unescaped, numbers and booleans as written. `None` for complex elements
    /// and for primitives that carry only extensions.
    pub fn value(self) -> Option<&'a str> {
        let n = self.data();
        if n.flags & HAS_VALUE == 0 {
            return None;
        }
        let text = if n.flags & VALUE_IN_SIDE != 0 {
            &self.doc.side
        } else {
            &self.doc.source
        };
        Some(&text[n.start as usize..(n.start + n.len) as usize])
    }
    /// Where the value lies in `Document::source`; `None` without a value, or when it was unescaped or set later.
    pub fn value_span(self) -> Option<Range<usize>> {
        let n = self.data();
        let in_source = n.flags & (HAS_VALUE | VALUE_IN_SIDE) == HAS_VALUE;
        in_source.then_some(n.start as usize..(n.start + n.len) as usize)
    }
    /// The primitive type, or `None` for a complex element or resource.
    pub fn primitive(self) -> Option<Primitive> {
        match self.type_def().kind {
            TypeKind::Primitive(p) => Some(p),
            _ => None,
        }
    }
    pub fn parent(self) -> Option<Node<'a>> {
        (self.index != 0).then(|| Node {
            doc: self.doc,
            index: self.data().parent,
        })
    }
    /// The parent, its parent, and so on up to the root.
    pub fn ancestors(self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        std::iter::successors(self.parent(), |n| n.parent())
    }
    pub fn children(self) -> Children<'a> {
        Children {
            doc: self.doc,
            at: self.index + 1,
            end: self.data().end,
        }
    }
    /// Children by FHIRPath name (`value` matches `valueQuantity`).
    pub fn all(self, name: &str) -> impl Iterator<Item = Node<'a>> + use<'a, '_> {
        self.children().filter(move |c| c.name() == name)
    }
    /// The same as `all`.
    pub fn children_named(self, name: &str) -> impl Iterator<Item = Node<'a>> + use<'a, '_> {
        self.all(name)
    }
    /// Children by member: an integer comparison per child.
    pub fn children_of(self, member: MemberId) -> impl Iterator<Item = Node<'a>> + use<'a> {
        self.children().filter(move |c| c.data().member == member.0)
    }
    pub fn get(self, name: &str) -> Option<Node<'a>> {
        self.children().find(|c| c.name() == name)
    }
    /// Value of the first child of that name.
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(Node::value)
    }
    pub fn has_children(self) -> bool {
        self.data().end > self.index + 1
    }
    pub fn is_resource(self) -> bool {
        matches!(self.type_def().kind, TypeKind::Resource)
    }
    /// The nearest enclosing resource (itself when it is one).
    pub fn resource(self) -> Node<'a> {
        let mut n = self;
        while !n.is_resource() {
            match n.parent() {
                Some(p) => n = p,
                None => break,
            }
        }
        n
    }
    /// Number of nodes in the subtree, itself included.
    pub fn size(self) -> usize {
        (self.data().end - self.index) as usize
    }
    /// Position among siblings of the same member. Cost: linear in the siblings before it.
    pub fn position(self) -> usize {
        path::position(&self.doc.nodes, self.index)
    }
    /// FHIRPath expression from the document's root: `Patient.name[0].given[1]`, `Observation.value`,
    /// `Bundle.entry[3].resource.status`. Repeating elements always carry their index.
    /// Cost: the earlier siblings of each ancestor; for errors, not for hot paths.
    pub fn expression(self) -> String {
        path::expression(&self.doc.nodes, self.index)
    }
    /// Every node of the subtree in document order, itself first.
    pub fn descendants_and_self(self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let doc = self.doc;
        (self.index..self.data().end).map(move |index| Node { doc, index })
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, o: &Self) -> bool {
        std::ptr::eq(self.doc, o.doc) && self.index == o.index
    }
}
impl Eq for Node<'_> {}

// Values stay out of debug text: it may end in a log.
impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.index)
    }
}
impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({} nodes)", self.nodes.len())
    }
}

pub struct Children<'a> {
    doc: &'a Document,
    at: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Node<'a>;
    fn next(&mut self) -> Option<Node<'a>> {
        if self.at >= self.end {
            return None;
        }
        let node = Node {
            doc: self.doc,
            index: self.at,
        };
        self.at = node.data().end;
        Some(node)
    }
}
