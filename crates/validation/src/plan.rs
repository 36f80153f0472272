//! The definitions as flat tables for the walk: per member, per element, per type.
//! <https://hl7.org/fhir/R4/elementdefinition.html>

use std::collections::HashMap;

use ward_fhir::schema::{Invariant, Schema, Strength, TypeId, TypeKind};

use crate::binding::CodeSet;
use crate::existence::Program;
use crate::native::{self, Native};
use crate::path::Expression;

pub(crate) struct Plan {
    pub schema: &'static Schema,
    /// By `MemberId`.
    pub members: Vec<MemberPlan>,
    /// By `ElementId`.
    pub elements: Vec<ElementPlan>,
    /// By `TypeId`.
    pub types: Vec<TypePlan>,
    /// By invariant number.
    pub rules: Vec<Rule>,
    pub code_sets: Vec<CodeSet>,
    pub unsupported: Vec<Unsupported>,
    pub xhtml: Option<TypeId>,
}

#[derive(Clone, Copy)]
pub(crate) struct MemberPlan {
    /// The element's bit in the set of present elements of its owner.
    pub bit: u64,
    pub is_single: bool,
}

#[derive(Default)]
pub(crate) struct ElementPlan {
    /// Checks by the type of the node (choices have several).
    pub checks: Box<[(TypeId, Check)]>,
    /// Index into `Plan::code_sets` of an enumerable required binding.
    pub code_set: Option<u16>,
    /// Allowed targets of a Reference; empty: any.
    pub targets: &'static [TypeId],
    /// Allowed targets of a canonical; empty: any.
    pub canonical_targets: &'static [TypeId],
}

pub(crate) struct TypePlan {
    pub is_primitive: bool,
    pub is_reference: bool,
    pub is_canonical: bool,
    pub is_bundle: bool,
    /// Bits of the elements with a minimum of one.
    pub required: u64,
    pub checks: Box<[Check]>,
}

/// How one invariant is decided for one type.
pub(crate) enum Check {
    Existence { rule: u16, program: Program },
    Other { rule: u16 },
}

pub(crate) struct Rule {
    pub invariant: &'static Invariant,
    pub native: Option<Native>,
    /// `None` when it could not be compiled; see `Plan::unsupported`.
    pub path: Option<Expression>,
}

/// An invariant whose expression could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    pub key: &'static str,
    pub expression: &'static str,
    pub reason: String,
}

impl Plan {
    pub fn new(schema: &'static Schema) -> Self {
        let mut code_sets = CodeSets::default();
        let mut plan = Self {
            schema,
            members: schema.members.iter().map(|m| member(schema, m)).collect(),
            elements: schema
                .elements
                .iter()
                .map(|e| element(schema, e, &mut code_sets))
                .collect(),
            types: schema.types.iter().map(|t| type_plan(schema, t)).collect(),
            rules: Vec::new(),
            code_sets: code_sets.all,
            unsupported: Vec::new(),
            xhtml: schema.type_id("xhtml"),
        };
        plan.compile_rules();
        plan
    }

    fn compile_rules(&mut self) {
        for invariant in &self.schema.invariants {
            let path = Expression::compile(invariant.expression);
            if let Err(error) = &path {
                self.unsupported.push(Unsupported {
                    key: invariant.key,
                    expression: invariant.expression,
                    reason: error.clone(),
                });
            }
            self.rules.push(Rule {
                invariant,
                native: native::find(invariant.expression),
                path: path.ok(),
            });
        }
    }
}

fn member(schema: &Schema, member: &ward_fhir::schema::Member) -> MemberPlan {
    let element = schema.element(member.element);
    MemberPlan {
        bit: bit(element.order),
        is_single: element.max == Some(1),
    }
}

/// Types of R4 have at most 55 elements; a type with more than 64 would share the last bit.
fn bit(order: u16) -> u64 {
    1 << order.min(63)
}

fn element(
    schema: &'static Schema,
    element: &'static ward_fhir::schema::ElementDef,
    code_sets: &mut CodeSets,
) -> ElementPlan {
    let mut checks = Vec::new();
    for ty in &element.types {
        checks.extend(
            element
                .invariants
                .iter()
                .map(|rule| (ty.ty, check(schema, ty.ty, *rule))),
        );
    }
    let required = element
        .binding
        .as_ref()
        .filter(|b| b.strength == Strength::Required);
    let targets = |name: &str| {
        let mut of_type = element
            .types
            .iter()
            .filter(|t| schema.ty(t.ty).name == name);
        of_type
            .next()
            .map(|t| t.targets.as_slice())
            .unwrap_or_default()
    };
    ElementPlan {
        checks: checks.into(),
        code_set: required.and_then(|b| code_sets.find(schema, b.value_set)),
        targets: targets("Reference"),
        canonical_targets: targets("canonical"),
    }
}

fn type_plan(schema: &'static Schema, ty: &ward_fhir::schema::TypeDef) -> TypePlan {
    let required = schema
        .elements_of(ty.id)
        .iter()
        .filter(|e| e.min > 0)
        .map(|e| bit(e.order));
    TypePlan {
        is_primitive: matches!(ty.kind, TypeKind::Primitive(_)),
        is_reference: ty.name == "Reference",
        is_canonical: ty.name == "canonical",
        is_bundle: ty.name == "Bundle",
        required: required.fold(0, |all, one| all | one),
        checks: ty
            .invariants
            .iter()
            .map(|rule| check(schema, ty.id, *rule))
            .collect(),
    }
}

fn check(schema: &Schema, ty: TypeId, rule: u16) -> Check {
    let expression = schema.invariants[rule as usize].expression;
    match Program::compile(schema, ty, expression) {
        Some(program) => Check::Existence { rule, program },
        None => Check::Other { rule },
    }
}

/// Code sets by value set, each built once.
#[derive(Default)]
struct CodeSets {
    all: Vec<CodeSet>,
    by_url: HashMap<&'static str, Option<u16>>,
}

impl CodeSets {
    fn find(&mut self, schema: &'static Schema, url: &'static str) -> Option<u16> {
        if let Some(known) = self.by_url.get(url) {
            return *known;
        }
        let index = schema
            .value_set(url)
            .and_then(CodeSet::new)
            .and_then(|set| {
                self.all.push(set);
                u16::try_from(self.all.len() - 1).ok()
            });
        self.by_url.insert(url, index);
        index
    }
}
