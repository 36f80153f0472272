//! Writes JSON text from left to right; no tree. <https://hl7.org/fhir/R4/json.html>
//!
//! Commas come from the last byte written, nesting from closures, so a document cannot be left open.

use std::fmt::{Display, Write};

use crate::calendar::Moment;
use crate::codes::Code;
use crate::decimal::Decimal;

/// Capacity of a fresh document: most resources fit without growing. Bytes.
const DOCUMENT_BYTES: usize = 2048;

pub struct Json {
    text: String,
}

/// One resource as JSON text.
pub fn resource(kind: &str, id: Option<&str>, fill: impl FnOnce(&mut Json)) -> String {
    let mut json = Json {
        text: String::with_capacity(DOCUMENT_BYTES),
    };
    json.braces(|j| {
        j.text("resourceType", kind);
        if let Some(id) = id {
            j.text("id", id);
        }
        fill(j);
        // Says of every document where it comes from, so that synthetic data can be found and removed.
        j.object("meta", |j| {
            j.array("tag", |j| {
                j.item(|j| {
                    j.text("system", crate::TAG_SYSTEM)
                        .text("code", crate::TAG_CODE)
                        .end()
                })
            });
        });
    });
    json.text
}

/// One JSON object without a resourceType of its own (a Bundle names it itself).
pub fn document(capacity_bytes: usize, fill: impl FnOnce(&mut Json)) -> String {
    let mut json = Json {
        text: String::with_capacity(capacity_bytes),
    };
    json.braces(fill);
    json.text
}

impl Json {
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.quoted(value);
        self
    }

    /// A number or boolean.
    pub fn value(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.name(name);
        self.show(value);
        self
    }

    /// A string made of something that needs no escaping: dates, numbers, ids.
    pub fn plain(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.name(name);
        self.text.push('"');
        self.show(value);
        self.text.push('"');
        self
    }

    /// JSON text put in as it is.
    pub fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.text.push_str(value);
        self
    }

    pub fn object(&mut self, name: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.name(name);
        self.braces(fill);
        self
    }

    pub fn array(&mut self, name: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.name(name);
        self.text.push('[');
        fill(self);
        self.text.push(']');
        self
    }

    /// An object inside an array.
    pub fn item(&mut self, fill: impl FnOnce(&mut Self)) {
        self.comma();
        self.braces(fill);
    }

    /// An array with one object.
    pub fn one(&mut self, name: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.array(name, |j| j.item(fill))
    }

    /// An array of strings.
    pub fn texts(&mut self, name: &str, values: &[&str]) -> &mut Self {
        self.array(name, |j| {
            for value in values {
                j.comma();
                j.quoted(value);
            }
        })
    }

    /// Ends a chain where a closure must return nothing.
    pub fn end(&mut self) {}

    fn name(&mut self, name: &str) {
        self.comma();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
    }

    fn comma(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.text.push(',');
        }
    }

    fn braces(&mut self, fill: impl FnOnce(&mut Self)) {
        self.text.push('{');
        fill(self);
        self.text.push('}');
    }

    fn show(&mut self, value: impl Display) {
        // Writing to a String does not fail.
        let _ = write!(self.text, "{value}");
    }

    fn quoted(&mut self, value: &str) {
        self.text.push('"');
        if value.bytes().any(|b| b == b'"' || b == b'\\' || b < b' ') {
            for c in value.chars() {
                match c {
                    '"' | '\\' => self.text.extend(['\\', c]),
                    c if c < ' ' => {
                        let _ = write!(self.text, "\\u{:04x}", c as u32);
                    }
                    c => self.text.push(c),
                }
            }
        } else {
            self.text.push_str(value);
        }
        self.text.push('"');
    }
}

/// The FHIR data types, one method each.
impl Json {
    pub fn coding(&mut self, name: &str, code: &Code) -> &mut Self {
        self.object(name, |j| j.code(code))
    }

    /// CodeableConcept with its text.
    pub fn concept(&mut self, name: &str, code: &Code) -> &mut Self {
        self.object(name, |j| j.concept_body(code))
    }

    /// An array with one CodeableConcept.
    pub fn concepts(&mut self, name: &str, code: &Code) -> &mut Self {
        self.one(name, |j| j.concept_body(code))
    }

    /// CodeableConcept without text.
    pub fn bare_concept(&mut self, name: &str, code: &Code) -> &mut Self {
        self.object(name, |j| j.one("coding", |j| j.code(code)).end())
    }

    pub fn concept_body(&mut self, code: &Code) {
        self.one("coding", |j| j.code(code))
            .text("text", code.display);
    }

    pub fn code(&mut self, code: &Code) {
        self.text("system", code.system).text("code", code.code);
        if !code.display.is_empty() {
            self.text("display", code.display);
        }
    }

    pub fn reference(&mut self, name: &str, target: &str) -> &mut Self {
        self.object(name, |j| j.text("reference", target).end())
    }

    pub fn references(&mut self, name: &str, targets: &[&str]) -> &mut Self {
        self.array(name, |j| {
            for target in targets {
                j.item(|j| j.text("reference", target).end());
            }
        })
    }

    pub fn period(&mut self, name: &str, start: Moment, end: Moment) -> &mut Self {
        self.object(name, |j| j.plain("start", start).plain("end", end).end())
    }

    /// Quantity in UCUM.
    pub fn quantity(&mut self, name: &str, value: Decimal, unit: &str) -> &mut Self {
        self.object(name, |j| {
            j.value("value", value)
                .text("unit", unit)
                .text("system", "http://unitsofmeasure.org")
                .text("code", unit)
                .end()
        })
    }

    /// Money in US dollars; `cents` may be 0.
    pub fn money(&mut self, name: &str, cents: i64) -> &mut Self {
        self.object(name, |j| {
            j.value("value", Decimal::new(cents, 2))
                .text("currency", "USD")
                .end()
        })
    }
}
