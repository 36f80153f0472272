//! Documents made element by element: for XML, patches and built resources.
//! <https://hl7.org/fhir/R4/formats.html>

use super::{Document, HAS_VALUE, NO_MEMBER, Node, NodeData, NodeIndex, VALUE_IN_SIDE};
use crate::schema::{MemberId, TypeId, TypeKind, r4};

/// Builds a document in document order. Siblings of one member must be adjacent, and a member that does not repeat
/// may come once: `mismatch` tells before it is too late.
pub struct Builder {
    doc: Document,
    open: Vec<NodeIndex>,
}

impl Builder {
    pub fn new(source: String) -> Self {
        let doc = Document {
            source,
            side: String::new(),
            nodes: Vec::new(),
        };
        Self {
            doc,
            open: Vec::new(),
        }
    }
    /// Opens a node (the root when `member` is `None`); `close` ends it.
    pub fn open(&mut self, member: Option<MemberId>, ty: TypeId) -> NodeIndex {
        let index = self.doc.nodes.len() as u32;
        self.doc.nodes.push(NodeData {
            member: member.map_or(NO_MEMBER, |m| m.0),
            parent: self.open.last().copied().unwrap_or(0),
            end: index + 1,
            start: 0,
            len: 0,
            ty: ty.0,
            flags: 0,
        });
        self.open.push(index);
        index
    }
    pub fn close(&mut self) {
        if let Some(i) = self.open.pop() {
            self.doc.nodes[i as usize].end = self.doc.nodes.len() as u32;
        }
    }
    /// Opens a child of the innermost open node by its JSON name (`valueQuantity`). `None`: its type has no such
    /// member, or the member's type is a resource and must be opened with its actual type.
    pub fn open_named(&mut self, json_name: &str) -> Option<NodeIndex> {
        let member = r4().find_member(self.current()?.ty(), json_name)?;
        if matches!(r4().ty(member.ty).kind, TypeKind::Resource) {
            return None;
        }
        Some(self.open(Some(member.id), member.ty))
    }
    /// A primitive child with a value, opened and closed. `None`: no such member.
    pub fn leaf(&mut self, json_name: &str, text: &str) -> Option<NodeIndex> {
        let at = self.open_named(json_name)?;
        self.value(at, text);
        self.close();
        Some(at)
    }
    /// Copies a subtree, of any document, under the innermost open node as its `member`; as the root when nothing is
    /// open. Cost: linear in the subtree.
    pub fn copy(&mut self, node: Node<'_>, member: Option<MemberId>) -> NodeIndex {
        let top = self.open(member, node.ty());
        self.open.pop();
        self.copy_value(top, node);
        let shift = top.wrapping_sub(node.index());
        for n in node.descendants_and_self().skip(1) {
            let mut data = *n.data();
            data.parent = data.parent.wrapping_add(shift);
            data.end = data.end.wrapping_add(shift);
            let at = self.doc.nodes.len() as u32;
            self.doc.nodes.push(data);
            self.copy_value(at, n);
        }
        self.doc.nodes[top as usize].end = self.doc.nodes.len() as u32;
        top
    }
    /// Sets the value of an open or closed node from new text.
    pub fn value(&mut self, at: NodeIndex, text: &str) {
        self.doc.set_value(at, text);
    }
    /// Sets the value from a span of the source.
    pub fn value_span(&mut self, at: NodeIndex, start: usize, len: usize) {
        let n = &mut self.doc.nodes[at as usize];
        (n.start, n.len) = (start as u32, len as u32);
        n.flags = (n.flags & !VALUE_IN_SIDE) | HAS_VALUE;
    }
    /// The innermost open node.
    pub fn current(&self) -> Option<Node<'_>> {
        self.open.last().map(|i| self.doc.node(*i))
    }
    /// Number of open nodes.
    pub fn depth(&self) -> usize {
        self.open.len()
    }
    /// Number of nodes so far.
    pub fn len(&self) -> usize {
        self.doc.len()
    }
    pub fn is_empty(&self) -> bool {
        self.doc.is_empty()
    }
    /// A node that is open or closed: for its expression while building.
    pub fn node(&self, at: NodeIndex) -> Node<'_> {
        self.doc.node(at)
    }
    /// What would be wrong with opening `member` in the innermost open node now: a second value of an element that
    /// does not repeat, two choices of one `value[x]`, or a run of siblings that was interrupted.
    /// Cost: linear in the children of the open node.
    pub fn mismatch(&self, member: MemberId) -> Option<&'static str> {
        let parent = *self.open.last()?;
        let (def, mut at, mut last) = (r4().member(member), parent + 1, None);
        let (mut same, mut other_choice) = (false, false);
        while (at as usize) < self.doc.nodes.len() {
            let n = &self.doc.nodes[at as usize];
            same |= n.member == member.0;
            other_choice |=
                n.member != member.0 && r4().member(MemberId(n.member)).element == def.element;
            last = Some(n.member);
            at = n.end;
        }
        if other_choice {
            Some("two choices of one element")
        } else if same && !def.is_array {
            Some("the element does not repeat")
        } else if same && last != Some(member.0) {
            Some("repetitions of an element must be adjacent")
        } else {
            None
        }
    }
    pub fn finish(self) -> Document {
        self.doc
    }

    fn copy_value(&mut self, at: NodeIndex, from: Node<'_>) {
        let n = &mut self.doc.nodes[at as usize];
        n.flags = from.data().flags;
        if let Some(text) = from.value() {
            n.start = self.doc.side.len() as u32;
            n.len = text.len() as u32;
            n.flags |= VALUE_IN_SIDE;
            self.doc.side.push_str(text);
        }
    }
}
