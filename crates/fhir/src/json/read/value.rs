//! Values: what an element's type allows to stand for it. <https://hl7.org/fhir/R4/json.html#primitive>

use super::{Reader, Step};
use crate::json::names::{Shape, Slot};
use crate::primitive;
use crate::schema::Primitive;
use crate::tree::{HAS_VALUE, PLAIN, VALUE_IN_SIDE};

impl Reader<'_> {
    /// One value of an element.
    #[inline]
    pub(super) fn item(&mut self, node: u32, slot: &'static Slot, in_array: bool) -> Step {
        match slot.shape {
            Shape::Primitive(p) => self.primitive(node, slot, p),
            Shape::Complex if self.scan.peek() == b'{' => {
                let at = self.push(slot.member, node, slot.ty, 0)?;
                self.scan.at += 1;
                self.object(at, slot.ty)
            }
            Shape::Resource if self.scan.peek() == b'{' => self.resource(node, slot.member),
            Shape::TypeName => {
                // `resource_type` has read it.
                let skipped = self.scan.skip();
                self.syntax(skipped)
            }
            Shape::Complex | Shape::Resource => {
                let at = self.push(slot.member, node, slot.ty, 0)?;
                let array = self.scan.peek() == b'[' && !in_array;
                self.wrong_type(
                    at,
                    if array {
                        "an object, because the element does not repeat"
                    } else {
                        "an object"
                    },
                )
            }
        }
    }

    #[inline]
    fn primitive(&mut self, node: u32, slot: &Slot, primitive: Primitive) -> Step {
        let at = self.push(slot.member, node, slot.ty, 0)?;
        self.open = at;
        let (start, end, flags) = match (primitive, self.scan.peek()) {
            (Primitive::Boolean, b't') => self.word("true")?,
            (Primitive::Boolean, b'f') => self.word("false")?,
            (Primitive::Boolean, _) => return self.wrong_type(at, "true or false"),
            (
                Primitive::Integer
                | Primitive::UnsignedInt
                | Primitive::PositiveInt
                | Primitive::Decimal,
                b'-' | b'0'..=b'9',
            ) => {
                let number = self.scan.number();
                let (start, end) = self.syntax(number)?;
                (start, end, HAS_VALUE | PLAIN)
            }
            (
                Primitive::Integer
                | Primitive::UnsignedInt
                | Primitive::PositiveInt
                | Primitive::Decimal,
                _,
            ) => {
                return self.wrong_type(at, "a number");
            }
            (_, b'"') => self.text()?,
            (_, _) => return self.wrong_type(at, "a string"),
        };
        let data = &mut self.nodes[at as usize];
        (data.start, data.len, data.flags) = (start as u32, (end - start) as u32, flags);
        let value = if flags & VALUE_IN_SIDE != 0 {
            &self.side[start..end]
        } else {
            &self.scan.text[start..end]
        };
        let wrong = if value.is_empty() {
            Some("a string must not be empty")
        } else {
            primitive::check(primitive, value)
        };
        match wrong {
            Some(wrong) => self.bad_value(at, wrong),
            None => Ok(()),
        }
    }

    #[inline(always)]
    fn text(&mut self) -> Step<(usize, usize, u16)> {
        self.scan.at += 1;
        let span = self.string()?;
        if !span.escaped {
            return Ok((span.start, span.end, HAS_VALUE | PLAIN));
        }
        let start = self.side.len();
        let done = self.scan.unescape(span, &mut self.side);
        self.syntax(done)?;
        Ok((start, self.side.len(), HAS_VALUE | VALUE_IN_SIDE))
    }

    fn word(&mut self, word: &'static str) -> Step<(usize, usize, u16)> {
        let found = self.scan.word(word);
        let (start, end) = self.syntax(found)?;
        Ok((start, end, HAS_VALUE | PLAIN))
    }
}
