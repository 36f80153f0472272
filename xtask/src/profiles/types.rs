//! StructureDefinitions become types, elements and members. <https://hl7.org/fhir/R4/structuredefinition.html>

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::invariants::Invariants;
use super::package::{Package, items_of, last_segment, text_of, texts_of, without_version};

const STRUCTURE_DEFINITION: &str = "http://hl7.org/fhir/StructureDefinition/";
const FHIR_TYPE: &str = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type";

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Primitive,
    Complex,
    Resource,
    Backbone,
}

pub struct TypeRow {
    pub name: String,
    pub kind: Kind,
    pub is_abstract: bool,
    pub base: Option<String>,
    pub invariants: Vec<usize>,
    pub elements: Vec<ElementRow>,
}

pub struct ElementRow {
    pub path: String,
    pub min: u64,
    /// As written: a number or `*`.
    pub max: String,
    pub is_choice: bool,
    pub is_modifier: bool,
    pub is_summary: bool,
    pub is_xml_attribute: bool,
    pub types: Vec<TypeRefRow>,
    /// Strength and canonical url without version.
    pub binding: Option<(String, String)>,
    pub invariants: Vec<usize>,
}

pub struct TypeRefRow {
    pub name: String,
    pub targets: Vec<String>,
}

/// The types of a package, ordered primitives, data types, resources, backbones, then by name: the order of their numbers.
pub struct Types {
    pub all: Vec<TypeRow>,
    pub invariants: Invariants,
    numbers: HashMap<String, usize>,
}

impl Types {
    pub fn build(package: &Package) -> Result<Self, String> {
        let mut invariants = Invariants::default();
        let mut all = Vec::new();
        for definition in package
            .all("StructureDefinition")
            .filter(|d| is_base_definition(d))
        {
            Builder {
                package,
                definition,
                invariants: &mut invariants,
            }
            .build(&mut all);
        }
        all.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        let numbers = all
            .iter()
            .enumerate()
            .map(|(i, t)| (t.name.clone(), i))
            .collect();
        let mut types = Self {
            all,
            invariants,
            numbers,
        };
        types.check()?;
        types.drop_repeated_invariants();
        Ok(types)
    }

    /// Whether the package defines types of its own, and not only profiles of others'.
    pub fn are_in(package: &Package) -> bool {
        package.all("StructureDefinition").any(is_base_definition)
    }

    pub fn number_text(&self, name: &str) -> Result<String, String> {
        self.number(name)
            .map(|number| number.to_string())
            .ok_or_else(|| format!("the type {name} is not defined"))
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    pub fn required_value_sets(&self) -> BTreeSet<&str> {
        let bindings = self
            .all
            .iter()
            .flat_map(|t| &t.elements)
            .filter_map(|e| e.binding.as_ref());
        bindings
            .filter(|(strength, _)| strength == "required")
            .map(|(_, url)| url.as_str())
            .collect()
    }

    /// JSON member names of a type: (name, index of the element within the type, type name, is array), sorted by name.
    pub fn members(row: &TypeRow) -> Vec<(String, usize, &str, bool)> {
        let mut members = Vec::new();
        for (index, element) in row
            .elements
            .iter()
            .enumerate()
            .filter(|(_, e)| e.max != "0")
        {
            let name = element.path.rsplit('.').next().unwrap_or_default();
            for ty in &element.types {
                let json_name = match name.strip_suffix("[x]") {
                    Some(stem) => format!("{stem}{}", capitalised(&ty.name)),
                    None => name.to_owned(),
                };
                members.push((json_name, index, ty.name.as_str(), element.max != "1"));
            }
        }
        members.sort();
        members
    }

    fn check(&self) -> Result<(), String> {
        for row in &self.all {
            let named = row.elements.iter().flat_map(|e| &e.types);
            let named = named
                .flat_map(|t| t.targets.iter().chain([&t.name]))
                .chain(&row.base);
            if let Some(unknown) = named.into_iter().find(|n| !self.numbers.contains_key(*n)) {
                return Err(format!(
                    "{} speaks of the type {unknown}, which the package does not define",
                    row.name
                ));
            }
        }
        Ok(())
    }

    /// Snapshots repeat on every element what its type demands already (`ele-1`, `ext-1`): keep it on the type alone.
    fn drop_repeated_invariants(&mut self) {
        let of_type: Vec<Vec<usize>> = self.all.iter().map(|t| t.invariants.clone()).collect();
        for element in self.all.iter_mut().flat_map(|t| &mut t.elements) {
            let types: Vec<usize> = element
                .types
                .iter()
                .filter_map(|t| self.numbers.get(&t.name).copied())
                .collect();
            element
                .invariants
                .retain(|i| !types.iter().all(|t| of_type[*t].contains(i)));
        }
    }
}

/// Types proper: no profiles, no logical models, no examples.
fn is_base_definition(definition: &Value) -> bool {
    let is_type = matches!(
        text_of(definition, "kind"),
        "primitive-type" | "complex-type" | "resource"
    );
    let is_own = text_of(definition, "url").strip_prefix(STRUCTURE_DEFINITION)
        == Some(text_of(definition, "type"));
    is_type
        && is_own
        && text_of(definition, "derivation") != "constraint"
        && definition.get("snapshot").is_some()
}

struct Builder<'a> {
    package: &'a Package,
    definition: &'a Value,
    invariants: &'a mut Invariants,
}

impl Builder<'_> {
    fn build(&mut self, out: &mut Vec<TypeRow>) {
        let definition = self.definition;
        let elements = items_of(&definition["snapshot"], "element");
        let mut children: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for element in elements {
            if let Some((parent, _)) = text_of(element, "path").rsplit_once('.') {
                children.entry(parent).or_default().push(element);
            }
        }
        for element in elements {
            let path = text_of(element, "path");
            let is_root = !path.contains('.');
            let Some(own) = children
                .get(path)
                .map(Vec::as_slice)
                .or(is_root.then_some(&[]))
            else {
                continue;
            };
            let base = if is_root {
                Some(last_segment(text_of(definition, "baseDefinition")))
            } else {
                items_of(element, "type")
                    .first()
                    .map(|t| text_of(t, "code"))
            };
            let invariants = self.invariants.of(element);
            let own = own.iter().filter(|e| !is_primitive_value(self.kind(), e));
            let own: Vec<&Value> = own.copied().collect();
            out.push(TypeRow {
                name: path.to_owned(),
                kind: if is_root { self.kind() } else { Kind::Backbone },
                is_abstract: is_root && definition["abstract"] == true,
                base: base.filter(|b| !b.is_empty()).map(str::to_owned),
                invariants,
                elements: own
                    .into_iter()
                    .map(|e| self.element(e, children.contains_key(text_of(e, "path"))))
                    .collect(),
            });
        }
    }

    fn kind(&self) -> Kind {
        match text_of(self.definition, "kind") {
            "primitive-type" => Kind::Primitive,
            "resource" => Kind::Resource,
            _ => Kind::Complex,
        }
    }

    fn element(&mut self, element: &Value, is_backbone: bool) -> ElementRow {
        let path = text_of(element, "path");
        let binding = element
            .get("binding")
            .filter(|b| b.get("valueSet").is_some());
        ElementRow {
            path: path.to_owned(),
            min: element["min"].as_u64().unwrap_or_default(),
            max: text_of(element, "max").to_owned(),
            is_choice: path.ends_with("[x]"),
            is_modifier: element["isModifier"] == true,
            is_summary: element["isSummary"] == true,
            is_xml_attribute: texts_of(element, "representation").contains(&"xmlAttr"),
            types: type_refs(element, is_backbone),
            binding: binding.map(|b| {
                (
                    text_of(b, "strength").to_owned(),
                    without_version(text_of(b, "valueSet")).to_owned(),
                )
            }),
            // What is demanded of a backbone element belongs to its type, where a contentReference finds it too.
            invariants: if is_backbone {
                Vec::new()
            } else {
                self.element_invariants(element)
            },
        }
    }

    /// Those of the element and of the type profiles it names (`SimpleQuantity`).
    fn element_invariants(&mut self, element: &Value) -> Vec<usize> {
        let mut numbers = self.invariants.of(element);
        for profile in items_of(element, "type")
            .iter()
            .flat_map(|t| texts_of(t, "profile"))
        {
            let definition = self
                .package
                .get("StructureDefinition", without_version(profile));
            let root = definition.and_then(|d| items_of(&d["snapshot"], "element").first());
            numbers.extend(root.map(|r| self.invariants.of(r)).unwrap_or_default());
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// `string.value`: the node itself carries it.
fn is_primitive_value(kind: Kind, element: &Value) -> bool {
    kind == Kind::Primitive && text_of(element, "path").ends_with(".value")
}

fn type_refs(element: &Value, is_backbone: bool) -> Vec<TypeRefRow> {
    let path = text_of(element, "path");
    if let Some(reference) = text_of(element, "contentReference").split_once('#') {
        return vec![TypeRefRow {
            name: reference.1.to_owned(),
            targets: Vec::new(),
        }];
    }
    if is_backbone {
        return vec![TypeRefRow {
            name: path.to_owned(),
            targets: Vec::new(),
        }];
    }
    // The snapshot types `Resource.id` as a string; the specification's text and its regular expression say `id`.
    let is_resource_id = element["base"]["path"] == "Resource.id";
    let of_type = |ty: &Value| TypeRefRow {
        name: if is_resource_id {
            "id".to_owned()
        } else {
            type_code(ty)
        },
        targets: targets(ty),
    };
    items_of(element, "type").iter().map(of_type).collect()
}

/// `string` for `http://hl7.org/fhirpath/System.String` with the FHIR type beside it.
fn type_code(ty: &Value) -> String {
    let code = text_of(ty, "code");
    let Some(system) = code.strip_prefix("http://hl7.org/fhirpath/System.") else {
        return code.to_owned();
    };
    let fhir_type = items_of(ty, "extension")
        .iter()
        .find(|e| text_of(e, "url") == FHIR_TYPE);
    match fhir_type
        .map(|e| text_of(e, "valueUrl"))
        .filter(|t| !t.is_empty())
    {
        Some(name) => name.to_owned(),
        None => system.to_lowercase(),
    }
}

/// Allowed target types; `Resource` among them allows all, which is written as none.
fn targets(ty: &Value) -> Vec<String> {
    let targets: Vec<String> = texts_of(ty, "targetProfile")
        .into_iter()
        .map(|p| last_segment(p).to_owned())
        .collect();
    if targets.iter().any(|t| t == "Resource") {
        Vec::new()
    } else {
        targets
    }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
