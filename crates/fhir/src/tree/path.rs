//! Where a node is, as FHIRPath: only repeating elements carry an index.
//! <https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression>

use super::{NO_MEMBER, NodeData, SPLIT};
use crate::schema::{MemberId, TypeId, r4};

/// Works on an unfinished arena too: only the nodes before `index` need their `end`.
pub(crate) fn expression(nodes: &[NodeData], index: u32) -> String {
    let mut up = Vec::new();
    let mut at = index;
    while nodes[at as usize].member != NO_MEMBER {
        up.push(at);
        at = nodes[at as usize].parent;
    }
    let schema = r4();
    let mut text = schema.ty(TypeId(nodes[at as usize].ty)).name.to_owned();
    for at in up.into_iter().rev() {
        let member = schema.member(MemberId(nodes[at as usize].member));
        text.push('.');
        text.push_str(schema.element(member.element).name);
        if member.is_array {
            text.push_str(&format!("[{}]", position(nodes, at)));
        }
    }
    text
}

/// Number of earlier siblings of the same member (and, while reading JSON, of the same half of a split primitive).
pub(crate) fn position(nodes: &[NodeData], index: u32) -> usize {
    let node = &nodes[index as usize];
    if node.member == NO_MEMBER {
        return 0;
    }
    let (mut at, mut count) = (node.parent + 1, 0);
    while at < index {
        let sibling = &nodes[at as usize];
        if sibling.member == node.member && (sibling.flags ^ node.flags) & SPLIT == 0 {
            count += 1;
        }
        at = sibling.end;
    }
    count
}
