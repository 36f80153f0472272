//! Reading the compact table that `cargo xtask profiles` writes: one record per line, fields separated by tabs.
//!
//! | record | fields |
//! |---|---|
//! | `ward-table` | format, package name, version, sha256 of the input |
//! | `N` | numbers of types, elements and members that follow |
//! | `I` | key, `E`rror or `W`arning, human text, expression; its position is its number |
//! | `T` | name, kind `P C R B`, abstract, number of the base, count of `E`, count of `M`, invariants |
//! | `E` | path, min, max, flags `c`hoice `m`odifier `s`ummary xml `a`ttribute, types `n:target,target;n`, strength, value set, invariants |
//! | `M` | JSON name, index of the element within the type, type, is array |
//! | `V` / `S` | value set url, `-` or count of codes / system, its codes |
//! | `Y` | the code systems whose codes are case sensitive |
//! | `P` / `K` | search parameter / component: definition url, expression |
//! | `O` | url, code, affects state, system, type, instance, resources |
//! | `C` / `B` | compartment code / member type, parameters |

use std::collections::{HashMap, HashSet};
use std::str::Split;

use super::{
    Binding, CompartmentDef, ElementDef, ElementId, Invariant, Member, MemberId, OperationDef,
    Package, Primitive, Schema, SearchParameterDef, SearchType, Strength, TypeDef, TypeId,
    TypeKind, TypeRef, ValueSetDef,
};

const FORMAT: &str = "1";
/// Upper bound of an uncompressed table; the R4 core table is about 2 MB.
const TABLE_BYTES_MAX: usize = 32 << 20;

/// Builds the schema; every string is a slice of the one decompressed text, which is never freed.
/// Errors name the line that cannot be read.
pub(super) fn load(compressed: &[u8]) -> Result<Schema, String> {
    let text: &'static str = Box::leak(decompress(compressed)?.into_boxed_str());
    let mut lines = text.lines();
    let mut head = Fields::of(lines.next().unwrap_or_default());
    if head.text() != Some("ward-table") || head.text() != Some(FORMAT) {
        return Err("not a table of this format".to_owned());
    }
    let package = head.package().ok_or("no package in the first line")?;
    let mut reader = Reader {
        schema: empty(package),
        element_types: 0,
    };
    for (index, line) in lines.enumerate() {
        reader
            .line(line)
            .ok_or_else(|| format!("line {} cannot be read", index + 2))?;
    }
    reader.finish()
}

/// The text of an embedded table.
pub(super) fn decompress(compressed: &[u8]) -> Result<String, String> {
    let bytes = zstd::bulk::decompress(compressed, size_of_frame(compressed))
        .map_err(|e| format!("zstd: {e}"))?;
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

/// Decompressed size as the frame's header states it, so that the buffer is exact.
fn size_of_frame(compressed: &[u8]) -> usize {
    let stated = zstd::zstd_safe::get_frame_content_size(compressed)
        .ok()
        .flatten();
    stated.map_or(TABLE_BYTES_MAX, |bytes| TABLE_BYTES_MAX.min(bytes as usize))
}

fn empty(package: Package) -> Schema {
    Schema {
        package,
        types: Vec::new(),
        elements: Vec::new(),
        members: Vec::new(),
        invariants: Vec::new(),
        search_parameters: Vec::new(),
        operations: Vec::new(),
        compartments: Vec::new(),
        value_sets: Vec::new(),
        type_names: HashMap::new(),
        value_set_urls: HashMap::new(),
        case_sensitive_systems: HashSet::new(),
    }
}

struct Reader {
    schema: Schema,
    /// Elements of the current type read so far.
    element_types: u16,
}

impl Reader {
    fn line(&mut self, line: &'static str) -> Option<()> {
        let mut f = Fields::of(line);
        match f.text()? {
            "N" => self.sizes(&mut f),
            "I" => self.schema.invariants.push(f.invariant()?),
            "T" => self.type_def(&mut f)?,
            "E" => self.element(&mut f)?,
            "M" => self.member(&mut f)?,
            "V" => self.value_set(&mut f)?,
            "S" => self.system(f)?,
            "Y" => self.schema.case_sensitive_systems.extend(f.0),
            "P" => self.search_parameter(&mut f)?,
            "K" => self
                .schema
                .search_parameters
                .last_mut()?
                .components
                .push((f.text()?, f.text()?)),
            "O" => self.schema.operations.push(f.operation()?),
            "C" => self.schema.compartments.push(CompartmentDef {
                code: f.text()?,
                members: Vec::new(),
            }),
            "B" => {
                let member = (TypeId(f.number()?), f.texts()?);
                self.schema.compartments.last_mut()?.members.push(member);
            }
            _ => return None,
        }
        Some(())
    }

    fn sizes(&mut self, f: &mut Fields) {
        let mut next = || f.number::<usize>().unwrap_or_default();
        self.schema.types.reserve_exact(next());
        self.schema.elements.reserve_exact(next());
        self.schema.members.reserve_exact(next());
        self.schema.type_names.reserve(self.schema.types.capacity());
    }

    fn type_def(&mut self, f: &mut Fields) -> Option<()> {
        let id = TypeId(u16::try_from(self.schema.types.len()).ok()?);
        let name = f.text()?;
        let kind = match f.text()? {
            "P" => TypeKind::Primitive(primitive(name)?),
            "C" => TypeKind::Complex,
            "R" => TypeKind::Resource,
            "B" => TypeKind::Backbone,
            _ => return None,
        };
        let (first_element, first_member) = (
            self.schema.elements.len() as u32,
            self.schema.members.len() as u32,
        );
        self.schema.type_names.insert(name, id);
        self.schema.types.push(TypeDef {
            id,
            name,
            kind,
            is_abstract: f.flag()?,
            base: f.optional_number()?.map(TypeId),
            elements: first_element..first_element + f.number::<u32>()?,
            members: first_member..first_member + f.number::<u32>()?,
            invariants: f.numbers()?,
        });
        self.element_types = 0;
        Some(())
    }

    fn element(&mut self, f: &mut Fields) -> Option<()> {
        let path = f.text()?;
        let name = path.rsplit('.').next()?;
        let min = f.number()?;
        let max = match f.text()? {
            "*" => None,
            number => Some(number.parse().ok()?),
        };
        let flags = f.text()?;
        let types = f.type_refs()?;
        let (strength, value_set) = (f.text()?, f.text()?);
        self.schema.elements.push(ElementDef {
            id: ElementId(self.schema.elements.len() as u32),
            path,
            name: name.strip_suffix("[x]").unwrap_or(name),
            owner: self.schema.types.last()?.id,
            min,
            max,
            is_choice: flags.contains('c'),
            is_modifier: flags.contains('m'),
            is_summary: flags.contains('s'),
            order: self.element_types,
            types,
            binding: strength_of(strength).map(|strength| Binding {
                strength,
                value_set,
            }),
            invariants: f.numbers()?,
            is_xml_attribute: flags.contains('a'),
        });
        self.element_types += 1;
        Some(())
    }

    fn member(&mut self, f: &mut Fields) -> Option<()> {
        let owner = self.schema.types.last()?;
        self.schema.members.push(Member {
            id: MemberId(self.schema.members.len() as u32),
            json_name: f.text()?,
            element: ElementId(owner.elements.start + f.number::<u32>()?),
            ty: TypeId(f.number()?),
            is_array: f.flag()?,
        });
        Some(())
    }

    fn value_set(&mut self, f: &mut Fields) -> Option<()> {
        let url = f.text()?;
        let codes = match f.text()? {
            "-" => None,
            count => Some(Vec::with_capacity(count.parse().ok()?)),
        };
        self.schema
            .value_set_urls
            .insert(url, self.schema.value_sets.len());
        self.schema.value_sets.push(ValueSetDef { url, codes });
        Some(())
    }

    fn system(&mut self, mut f: Fields) -> Option<()> {
        let system = f.text()?;
        let codes = self.schema.value_sets.last_mut()?.codes.as_mut()?;
        codes.extend(f.0.map(|code| (system, code)));
        Some(())
    }

    fn search_parameter(&mut self, f: &mut Fields) -> Option<()> {
        let id = u16::try_from(self.schema.search_parameters.len()).ok()?;
        self.schema.search_parameters.push(SearchParameterDef {
            id,
            url: f.text()?,
            code: f.text()?,
            ty: search_type(f.text()?)?,
            bases: f.type_ids()?,
            expression: f.text()?,
            targets: f.type_ids()?,
            multiple_or: f.flag()?,
            multiple_and: f.flag()?,
            comparators: f.texts()?,
            modifiers: f.texts()?,
            chains: f.texts()?,
            components: Vec::new(),
        });
        Some(())
    }

    /// Refuses a table whose numbers point outside it, so that indexing by them is safe ever after.
    fn finish(self) -> Result<Schema, String> {
        let s = self.schema;
        let is_type = |id: &TypeId| (id.0 as usize) < s.types.len();
        let is_invariant = |n: &u16| (*n as usize) < s.invariants.len();
        let types = s.types.iter().all(|t| {
            t.base.iter().all(is_type)
                && t.invariants.iter().all(is_invariant)
                && t.elements.end as usize <= s.elements.len()
                && t.members.end as usize <= s.members.len()
        });
        let elements = s.elements.iter().all(|e| {
            e.invariants.iter().all(is_invariant)
                && e.types
                    .iter()
                    .all(|t| is_type(&t.ty) && t.targets.iter().all(is_type))
        });
        let members = s
            .members
            .iter()
            .all(|m| is_type(&m.ty) && (m.element.0 as usize) < s.elements.len());
        let parameters = s
            .search_parameters
            .iter()
            .all(|p| p.bases.iter().chain(&p.targets).all(is_type));
        let operations = s.operations.iter().all(|o| o.resources.iter().all(is_type));
        let compartments = s
            .compartments
            .iter()
            .all(|c| c.members.iter().all(|(t, _)| is_type(t)));
        if types && elements && members && parameters && operations && compartments {
            Ok(s)
        } else {
            Err("a number points outside the table".to_owned())
        }
    }
}

/// The fields of one line, taken in order; `None` when one is missing or has the wrong form.
struct Fields(Split<'static, char>);

impl Fields {
    fn of(line: &'static str) -> Self {
        Self(line.split('\t'))
    }

    fn text(&mut self) -> Option<&'static str> {
        self.0.next()
    }

    fn number<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.text()?.parse().ok()
    }

    /// Outer `None`: unreadable; inner `None`: empty.
    fn optional_number(&mut self) -> Option<Option<u16>> {
        let text = self.text()?;
        if text.is_empty() {
            Some(None)
        } else {
            text.parse().ok().map(Some)
        }
    }

    fn flag(&mut self) -> Option<bool> {
        self.text().map(|t| t == "1")
    }

    fn texts(&mut self) -> Option<Vec<&'static str>> {
        let text = self.text()?;
        Some(if text.is_empty() {
            Vec::new()
        } else {
            text.split(',').collect()
        })
    }

    fn numbers(&mut self) -> Option<Vec<u16>> {
        numbers(self.text()?).collect()
    }

    fn type_ids(&mut self) -> Option<Vec<TypeId>> {
        numbers(self.text()?).map(|n| n.map(TypeId)).collect()
    }

    fn type_refs(&mut self) -> Option<Vec<TypeRef>> {
        let text = self.text()?;
        let mut refs = Vec::with_capacity(text.bytes().filter(|b| *b == b';').count() + 1);
        for part in text.split(';').filter(|p| !p.is_empty()) {
            let (ty, targets) = part.split_once(':').unwrap_or((part, ""));
            let targets = numbers(targets)
                .map(|n| n.map(TypeId))
                .collect::<Option<Vec<_>>>()?;
            refs.push(TypeRef {
                ty: TypeId(ty.parse().ok()?),
                targets,
            });
        }
        Some(refs)
    }

    fn package(&mut self) -> Option<Package> {
        Some(Package {
            name: self.text()?,
            version: self.text()?,
            sha256: self.text()?,
        })
    }

    fn invariant(&mut self) -> Option<Invariant> {
        Some(Invariant {
            key: self.text()?,
            is_error: self.text()? == "E",
            human: self.text()?,
            expression: self.text()?,
        })
    }

    fn operation(&mut self) -> Option<OperationDef> {
        Some(OperationDef {
            url: self.text()?,
            code: self.text()?,
            affects_state: self.flag()?,
            system: self.flag()?,
            type_level: self.flag()?,
            instance: self.flag()?,
            resources: self.type_ids()?,
        })
    }
}

fn numbers(text: &'static str) -> impl Iterator<Item = Option<u16>> {
    text.split(',')
        .filter(|n| !n.is_empty())
        .map(|n| n.parse().ok())
}

fn strength_of(text: &str) -> Option<Strength> {
    Some(match text {
        "required" => Strength::Required,
        "extensible" => Strength::Extensible,
        "preferred" => Strength::Preferred,
        "example" => Strength::Example,
        _ => return None,
    })
}

fn search_type(text: &str) -> Option<SearchType> {
    Some(match text {
        "number" => SearchType::Number,
        "date" => SearchType::Date,
        "string" => SearchType::String,
        "token" => SearchType::Token,
        "reference" => SearchType::Reference,
        "composite" => SearchType::Composite,
        "quantity" => SearchType::Quantity,
        "uri" => SearchType::Uri,
        "special" => SearchType::Special,
        _ => return None,
    })
}

fn primitive(name: &str) -> Option<Primitive> {
    Some(match name {
        "boolean" => Primitive::Boolean,
        "integer" => Primitive::Integer,
        "unsignedInt" => Primitive::UnsignedInt,
        "positiveInt" => Primitive::PositiveInt,
        "decimal" => Primitive::Decimal,
        "string" => Primitive::String,
        "markdown" => Primitive::Markdown,
        "code" => Primitive::Code,
        "id" => Primitive::Id,
        "uri" => Primitive::Uri,
        "url" => Primitive::Url,
        "canonical" => Primitive::Canonical,
        "oid" => Primitive::Oid,
        "uuid" => Primitive::Uuid,
        "base64Binary" => Primitive::Base64Binary,
        "date" => Primitive::Date,
        "dateTime" => Primitive::DateTime,
        "time" => Primitive::Time,
        "instant" => Primitive::Instant,
        "xhtml" => Primitive::Xhtml,
        _ => return None,
    })
}
