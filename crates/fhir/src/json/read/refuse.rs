//! Refusals: what was wrong and where, never the value itself. <https://hl7.org/fhir/R4/operationoutcome.html>

use super::{NO_PARENT, Reader, Step, Stop, UNTYPED, unknown};
use crate::issue::{Issue, Kind};
use crate::json::names::{Shape, Slot};
use crate::json::scan;
use crate::schema::{TypeId, r4};
use crate::tree::expression;

impl Reader<'_> {
    pub(super) fn issue(&mut self, at: u32, kind: Kind, text: String) -> Step {
        self.issue_at(expression(&self.nodes, at), kind, text)
    }

    /// Notes an issue and goes on, unless there are enough.
    pub(super) fn issue_at(&mut self, place: String, kind: Kind, text: String) -> Step {
        self.issues.push(Issue::error(kind, text).at(place));
        if self.issues.len() < self.limits.issues_max.max(1) {
            Ok(())
        } else {
            Err(Stop)
        }
    }

    pub(super) fn has_issues(&self) -> bool {
        !self.issues.is_empty()
    }

    /// Reports the value that stands here and passes over it.
    #[cold]
    pub(super) fn wrong_type(&mut self, at: u32, expected: &str) -> Step {
        let place = expression(&self.nodes, at);
        self.wrong_type_at(at, place, expected)
    }

    /// The same with another place than that of the node: of what should be an array, no item is meant.
    #[cold]
    pub(super) fn wrong_type_at(&mut self, at: u32, place: String, expected: &str) -> Step {
        let found = match self.scan.peek() {
            b'{' => "an object",
            b'[' => "an array",
            b'"' => "a string",
            b't' | b'f' => "a boolean",
            b'n' => "null",
            _ => "a number",
        };
        let open = self.open;
        self.open = at;
        let skipped = self.scan.skip();
        self.syntax(skipped)?;
        self.open = open;
        self.issue_at(
            place,
            Kind::Structure,
            format!("expected {expected}, found {found}"),
        )
    }

    #[cold]
    pub(super) fn bad_value(&mut self, at: u32, wrong: &str) -> Step {
        let ty = r4().ty(TypeId(self.nodes[at as usize].ty)).name;
        self.issue(at, Kind::Structure, format!("{ty}: {wrong}"))
    }

    #[cold]
    pub(super) fn unknown(&mut self, node: u32, ty: u16, name: &str) -> Step {
        let place = unknown::place(expression(&self.nodes, node), name);
        self.issue_at(place, Kind::Structure, unknown::member(TypeId(ty), name))?;
        let skipped = self.scan.skip();
        self.syntax(skipped)
    }

    #[cold]
    pub(super) fn repeated(&mut self, node: u32, slot: &Slot, prefix: &str, another: bool) -> Step {
        let name = name(slot);
        let place = self.place(node, slot);
        let (kind, text) = if another {
            (
                Kind::Structure,
                format!("`{prefix}{name}`: the element has a value of another type already"),
            )
        } else {
            (
                Kind::Malformed,
                format!("`{prefix}{name}` comes twice in one object"),
            )
        };
        self.issue_at(place, kind, text)?;
        let skipped = self.scan.skip();
        self.syntax(skipped)
    }

    /// The expression of an element of `node` as a whole: without an index, whether it has nodes of its own or not.
    pub(super) fn place(&self, node: u32, slot: &Slot) -> String {
        let parent = expression(&self.nodes, node);
        match slot.shape {
            Shape::TypeName => parent,
            _ => format!(
                "{parent}.{}",
                r4().element(r4().members[slot.member as usize].element)
                    .name
            ),
        }
    }

    #[cold]
    pub(super) fn malformed<T>(&mut self, wrong: scan::Syntax) -> Step<T> {
        if wrong == scan::TOO_DEEP {
            return self.fatal(Kind::TooCostly, wrong.into());
        }
        let before = &self.scan.bytes[..self.scan.at.min(self.scan.bytes.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        self.fatal(
            Kind::Malformed,
            format!("line {line}, byte {column}: {wrong}"),
        )
    }

    pub(super) fn fatal<T>(&mut self, kind: Kind, text: String) -> Step<T> {
        let place = if self.open == NO_PARENT {
            UNTYPED.into()
        } else {
            expression(&self.nodes, self.open)
        };
        self.issues.push(Issue::error(kind, text).at(place));
        Err(Stop)
    }
}

pub(super) fn name(slot: &Slot) -> &'static str {
    match slot.shape {
        Shape::TypeName => "resourceType",
        _ => r4().members[slot.member as usize].json_name,
    }
}
