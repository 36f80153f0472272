//! Resources: objects whose type is their `resourceType`. <https://hl7.org/fhir/R4/json.html#resources>

use super::{Reader, Step, UNTYPED, unknown};
use crate::issue::Kind;
use crate::json::scan::Span;
use crate::schema::{TypeId, r4};

impl Reader<'_> {
    /// At the opening brace of an object with a `resourceType`, wherever that stands among its members.
    pub(super) fn resource(&mut self, parent: u32, member: u32) -> Step {
        // The place of an error in front of the type is the element that holds the resource.
        let place = self.push(member, parent, r4_resource(), 0)?;
        self.open = place;
        let start = self.scan.at;
        let ty = self.resource_type()?;
        match ty {
            Some(ty) => {
                self.nodes[place as usize].ty = ty.0;
                self.scan.at = start + 1;
                self.object(place, ty.0)
            }
            None => {
                self.scan.at = start;
                let skipped = self.scan.skip();
                self.syntax(skipped)
            }
        }
    }

    /// Looks through the members of the object for `resourceType`; usually the first. `None`: reported as an issue.
    fn resource_type(&mut self) -> Step<Option<TypeId>> {
        self.scan.at += 1;
        self.scan.space();
        let mut more = self.scan.peek() != b'}';
        while more {
            let name = self.name()?;
            if self.is_resource_type(name)? {
                return self.type_name();
            }
            let skipped = self.scan.skip();
            self.syntax(skipped)?;
            more = self.more(b'}')?;
        }
        let text = "`resourceType` is missing".to_owned();
        self.issue(self.open, Kind::Structure, text)?;
        Ok(None)
    }

    fn is_resource_type(&mut self, name: Span) -> Step<bool> {
        const NAME: &str = "resourceType";
        if name.escaped {
            return Ok(self.unescaped(name)? == NAME);
        }
        Ok(&self.scan.text[name.start..name.end] == NAME)
    }

    /// At the value of `resourceType`.
    fn type_name(&mut self) -> Step<Option<TypeId>> {
        if self.scan.peek() != b'"' {
            self.issue(
                self.open,
                Kind::Structure,
                "`resourceType` must be a string".into(),
            )?;
            return Ok(None);
        }
        self.scan.at += 1;
        let span = self.string()?;
        let text = self.unescaped(span)?;
        let ty = r4().resource_type(&text);
        if ty.is_none() {
            let text = unknown::resource_type(&text);
            self.issue(self.open, Kind::Structure, text)?;
        }
        Ok(ty)
    }
}

/// The abstract type that stands for a resource until its `resourceType` is read.
fn r4_resource() -> u16 {
    r4().type_id(UNTYPED).map_or(0, |t| t.0)
}
