//! Objects: members to elements, and what may not come twice. <https://hl7.org/fhir/R4/json.html#xml>

use super::{NO_PARENT, Reader, Step, refuse, split};
use crate::issue::Kind;
use crate::json::names::{Shape, Slot};
use crate::json::scan::Span;
use crate::schema::r4;
use crate::tree::{NULL, NodeData, SPLIT, UNMERGED};

/// The elements of one object that have come, by their bit: `name` and `_name`.
#[derive(Default)]
struct Seen {
    value: u128,
    extension: u128,
}

impl Reader<'_> {
    /// After the opening brace; reads the members into children of `node`.
    pub(super) fn object(&mut self, node: u32, ty: u16) -> Step {
        self.depth += 1;
        self.open = node;
        if self.depth > self.limits.depth_max {
            let text = format!("elements may be nested {} deep", self.limits.depth_max);
            return self.fatal(Kind::TooCostly, text);
        }
        self.scan.space();
        if self.scan.peek() == b'}' {
            self.scan.at += 1;
            self.issue(node, Kind::Structure, "an object must not be empty".into())?;
        } else {
            let mut seen = Seen::default();
            loop {
                self.member(node, ty, &mut seen)?;
                self.open = node;
                if !self.more(b'}')? {
                    break;
                }
            }
        }
        if self.nodes[node as usize].flags & UNMERGED != 0 {
            split::merge(self, node)?;
        }
        self.nodes[node as usize].end = self.nodes.len() as u32;
        self.depth -= 1;
        Ok(())
    }

    #[inline]
    fn member(&mut self, node: u32, ty: u16, seen: &mut Seen) -> Step {
        let name = self.name()?;
        if name.escaped {
            return self.escaped_member(node, ty, name, seen);
        }
        let extension = self.scan.bytes[name.start] == b'_';
        let start = name.start + usize::from(extension);
        let slot = self
            .names
            .find(ty, self.scan.bytes, start, name.end.saturating_sub(start));
        let text = self.scan.text;
        match slot {
            Some(slot) => self.known(node, slot, extension, seen),
            None => self.unknown(node, ty, &text[name.start..name.end]),
        }
    }

    #[cold]
    fn escaped_member(&mut self, node: u32, ty: u16, name: Span, seen: &mut Seen) -> Step {
        let text = self.unescaped(name)?;
        let bare = text.strip_prefix('_').unwrap_or(&text);
        match self.names.find(ty, bare.as_bytes(), 0, bare.len()) {
            Some(slot) => self.known(node, slot, bare.len() < text.len(), seen),
            None => self.unknown(node, ty, &text),
        }
    }

    #[inline(always)]
    fn known(&mut self, node: u32, slot: &'static Slot, extension: bool, seen: &mut Seen) -> Step {
        let bit = 1u128 << slot.bit;
        if extension {
            return self.extension(node, slot, seen);
        }
        if seen.value & bit != 0 || slot.is_choice && seen.extension & bit != 0 {
            let another = slot.is_choice && self.other_choice(node, slot);
            if another || seen.value & bit != 0 {
                return self.repeated(node, slot, "", another);
            }
        }
        seen.value |= bit;
        if slot.is_array {
            self.array(node, slot, 0)
        } else {
            self.item(node, slot, false)
        }
    }

    /// `_name`: `id` and `extension` of a primitive.
    fn extension(&mut self, node: u32, slot: &'static Slot, seen: &mut Seen) -> Step {
        let bit = 1u128 << slot.bit;
        if slot.is_bare {
            let name = format!("_{}", refuse::name(slot));
            return self.unknown(node, self.nodes[node as usize].ty, &name);
        }
        if (seen.value | seen.extension) & bit != 0 {
            let another = slot.is_choice && self.other_choice(node, slot);
            if another || seen.extension & bit != 0 {
                return self.repeated(node, slot, "_", another);
            }
        }
        seen.extension |= bit;
        if slot.is_array {
            self.nodes[node as usize].flags |= UNMERGED;
            return self.array(node, slot, SPLIT);
        }
        // The usual order is `name`, `_name`: the children go right under the node that was pushed last.
        let last = self.nodes.len() as u32 - 1;
        let n = self.nodes[last as usize];
        if last != node && n.parent == node && n.member == slot.member {
            return self.extension_item(last, slot, "");
        }
        self.nodes[node as usize].flags |= UNMERGED;
        let at = self.push(slot.member, node, slot.ty, SPLIT)?;
        self.extension_item(at, slot, "")
    }

    /// At the value of `_name`, or an item of it.
    fn extension_item(&mut self, at: u32, slot: &Slot, or: &str) -> Step {
        if self.scan.peek() != b'{' {
            return self.wrong_type(at, &format!("an object with `id` or `extension`{or}"));
        }
        self.scan.at += 1;
        self.object(at, slot.ty)
    }

    /// A repeated element; `half` is `SPLIT` for `_name`.
    fn array(&mut self, node: u32, slot: &'static Slot, half: u16) -> Step {
        if self.scan.peek() != b'[' {
            let at = self.push(slot.member, node, slot.ty, half)?;
            let place = self.place(node, slot);
            return self.wrong_type_at(at, place, "an array, because the element repeats");
        }
        self.scan.at += 1;
        self.scan.space();
        if self.scan.peek() == b']' {
            self.scan.at += 1;
            self.push(slot.member, node, slot.ty, half)?;
            let place = self.place(node, slot);
            return self.issue_at(place, Kind::Structure, "an array must not be empty".into());
        }
        loop {
            if self.scan.peek() == b'n' && matches!(slot.shape, Shape::Primitive(_)) {
                let word = self.scan.word("null");
                self.syntax(word)?;
                self.push(slot.member, node, slot.ty, half | NULL)?;
                self.nodes[node as usize].flags |= UNMERGED;
            } else if half == SPLIT {
                let at = self.push(slot.member, node, slot.ty, SPLIT)?;
                self.extension_item(at, slot, " or null")?;
            } else {
                self.item(node, slot, true)?;
            }
            self.open = node;
            if !self.more(b']')? {
                return Ok(());
            }
        }
    }

    /// Whether another choice of the same element is among the children read so far.
    #[cold]
    fn other_choice(&self, node: u32, slot: &Slot) -> bool {
        let element = r4().members[slot.member as usize].element;
        let mut at = node + 1;
        while (at as usize) < self.nodes.len() {
            let n = &self.nodes[at as usize];
            if n.member != slot.member && r4().members[n.member as usize].element == element {
                return true;
            }
            at = n.end;
        }
        false
    }

    #[inline(always)]
    pub(super) fn push(&mut self, member: u32, parent: u32, ty: u16, flags: u16) -> Step<u32> {
        let index = self.nodes.len() as u32;
        if index as usize >= self.limits.nodes_max {
            return self.too_many_nodes();
        }
        let parent = if parent == NO_PARENT { 0 } else { parent };
        let end = index + 1;
        self.nodes.push(NodeData {
            member,
            parent,
            end,
            start: 0,
            len: 0,
            ty,
            flags,
        });
        Ok(index)
    }

    #[cold]
    fn too_many_nodes(&mut self) -> Step<u32> {
        let text = format!("a document may have {} elements", self.limits.nodes_max);
        self.fatal(Kind::TooLarge, text)
    }
}
