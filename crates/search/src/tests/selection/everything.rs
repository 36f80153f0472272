//! Made resources that hold every element an expression of their type names: each type of each choice, references to each
//! type, each code and URL that an expression compares with. The examples leave many of them out.

use crate::registry::Registry;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use ward_fhir::TypeId;
use ward_fhir::schema::{Primitive, Schema, TypeKind};
use ward_fhir::tree::{Document, Limits};

/// Resources of a type: more than the widest choice has types, and than its extensions have kinds of values.
pub const VARIANTS: usize = 24;
/// Elements inside one another, the root counted.
const DEPTH_MAX: usize = 7;

/// What the expressions of one type name.
pub struct Maker<'r> {
    schema: &'static Schema,
    ty: TypeId,
    names: BTreeSet<&'r str>,
    codes: Vec<&'r str>,
    urls: Vec<&'r str>,
    types: Vec<&'r str>,
}

impl<'r> Maker<'r> {
    pub fn new(registry: &'r Registry, ty: TypeId) -> Maker<'r> {
        let parameters = || registry.of(ty).all();
        let own = parameters().map(|p| p.def.expression());
        let parts = parameters().flat_map(|p| p.def.components().iter().map(|(_, e)| *e));
        let mut maker = Maker {
            schema: registry.schema(),
            ty,
            names: BTreeSet::new(),
            codes: vec!["c"],
            urls: Vec::new(),
            types: vec![
                "Patient",
                "Group",
                "Practitioner",
                "Organization",
                "Location",
                "Device",
            ],
        };
        for expression in own.chain(parts) {
            maker.read(expression);
        }
        maker
    }

    fn read(&mut self, expression: &'r str) {
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric());
        self.names.extend(words);
        if expression.contains("hasExtension") {
            self.names.insert("extension");
        }
        let quoted = expression.split('\'').skip(1).step_by(2);
        for text in quoted {
            let list = match text.contains(':') {
                true => &mut self.urls,
                false => &mut self.codes,
            };
            list.push(text);
        }
        let tests = expression.split("resolve() is ").skip(1);
        let names = tests.map(|t| t.split(')').next().unwrap_or(t).trim());
        self.types.extend(names);
        for list in [&mut self.codes, &mut self.urls, &mut self.types] {
            list.sort_unstable();
            list.dedup();
        }
    }

    pub fn resource(&self, variant: usize) -> Document {
        let mut body = json!({ "resourceType": self.schema.ty(self.ty).name, "id": "x" });
        if let Value::Object(members) = self.members(self.ty, variant, DEPTH_MAX) {
            members
                .into_iter()
                .for_each(|(name, value)| body[name] = value);
        }
        let read = ward_fhir::json::read(body.to_string().as_bytes(), None, &Limits::default());
        read.unwrap_or_else(|f| panic!("{body}: {:?}", f.issues))
    }

    fn value(&self, ty: TypeId, variant: usize, depth: usize) -> Option<Value> {
        let def = self.schema.ty(ty);
        Some(match (def.kind, def.name) {
            (TypeKind::Primitive(primitive), _) => self.primitive(primitive, variant),
            (TypeKind::Resource, _) => inside(variant),
            (_, "Reference") => self.reference(variant),
            (_, "Extension") => self.extension(variant)?,
            (_, _) if depth == 0 => return None,
            _ => match self.members(ty, variant, depth - 1) {
                Value::Object(members) if members.is_empty() => {
                    self.anything(ty, variant, depth)?
                }
                members => members,
            },
        })
    }

    /// The elements that an expression names; of a choice the one whose turn it is.
    fn members(&self, ty: TypeId, variant: usize, depth: usize) -> Value {
        let mut members = Map::new();
        for (_, choice) in self.choices(ty) {
            let member = &self.schema.members[choice[variant % choice.len()]];
            if !self
                .names
                .contains(self.schema.element(member.element).name)
            {
                continue;
            }
            let values = match member.is_array {
                true => vec![variant, variant + 1],
                false => vec![variant],
            };
            let values = values.into_iter();
            let mut values: Vec<Value> = values
                .filter_map(|v| self.value(member.ty, v, depth))
                .collect();
            match (values.is_empty(), member.is_array) {
                (true, _) => {}
                (false, true) => drop(members.insert(member.json_name.into(), values.into())),
                (false, false) => drop(members.insert(member.json_name.into(), values.remove(0))),
            }
        }
        Value::Object(members)
    }

    /// Positions of the members of each element, as they stand in the definitions.
    fn choices(&self, ty: TypeId) -> BTreeMap<u32, Vec<usize>> {
        let range = &self.schema.ty(ty).members;
        let mut choices: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for at in range.start as usize..range.end as usize {
            let element = self.schema.members[at].element;
            choices.entry(element.0).or_default().push(at);
        }
        choices
    }

    /// Of an element whose parts no expression names: the first that holds something.
    fn anything(&self, ty: TypeId, variant: usize, depth: usize) -> Option<Value> {
        let range = &self.schema.ty(ty).members;
        let members = &self.schema.members[range.start as usize..range.end as usize];
        let usable = members
            .iter()
            .filter(|m| !["id", "extension", "modifierExtension"].contains(&m.json_name));
        usable.into_iter().find_map(|member| {
            let value = self.value(member.ty, variant, depth - 1)?;
            let value = match member.is_array {
                true => json!([value]),
                false => value,
            };
            Some(json!({ member.json_name: value }))
        })
    }

    fn primitive(&self, primitive: Primitive, variant: usize) -> Value {
        match primitive {
            Primitive::Boolean => json!(variant.is_multiple_of(2)),
            Primitive::Integer | Primitive::UnsignedInt | Primitive::PositiveInt => {
                json!(variant + 1)
            }
            Primitive::Decimal => json!(variant as f64 + 0.5),
            Primitive::Code => json!(self.codes[variant % self.codes.len()]),
            Primitive::Uri | Primitive::Url | Primitive::Canonical => {
                json!(format!("http://example.org/{variant}"))
            }
            Primitive::Oid => json!(format!("urn:oid:1.2.{variant}")),
            Primitive::Uuid => json!("urn:uuid:04121321-4af5-424c-a0e1-ed3aab1c349d"),
            Primitive::Base64Binary => json!("AAAA"),
            Primitive::Date => json!(format!("20{:02}-01-01", variant + 10)),
            Primitive::DateTime | Primitive::Instant => {
                json!(format!("20{:02}-01-01T00:00:00Z", variant + 10))
            }
            Primitive::Time => json!("12:00:00"),
            Primitive::Xhtml => json!("<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"),
            Primitive::String | Primitive::Markdown | Primitive::Id => {
                json!(format!("text{variant}"))
            }
        }
    }

    /// To each of the types, in each of the forms.
    fn reference(&self, variant: usize) -> Value {
        let ty = self.types[variant % self.types.len()];
        match (variant + variant / self.types.len()) % 7 {
            4 => {
                json!({ "reference": format!("http://elsewhere.example.org/fhir/{ty}/{variant}") })
            }
            5 => json!({ "reference": format!("{ty}/{variant}/_history/1") }),
            6 => json!({ "reference": "urn:oid:1.2.3", "display": "nobody knows of which type" }),
            _ => json!({ "reference": format!("{ty}/{variant}") }),
        }
    }

    /// `None`: no expression names one.
    fn extension(&self, variant: usize) -> Option<Value> {
        let count = self.urls.len().max(1);
        let url = self.urls.get(variant % count)?;
        Some(match variant / count % 3 {
            0 => json!({ "url": url, "valueReference": self.reference(variant) }),
            1 => {
                json!({ "url": url, "valueCodeableConcept": { "text": format!("text{variant}") } })
            }
            _ => json!({ "url": url, "valueString": format!("text{variant}") }),
        })
    }
}

/// What a Bundle may begin with.
fn inside(variant: usize) -> Value {
    let types = ["Composition", "MessageHeader", "Patient"];
    json!({ "resourceType": types[variant % types.len()], "id": format!("i{variant}") })
}
