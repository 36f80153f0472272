//! The Patient compartment: whose record a resource belongs to. <https://hl7.org/fhir/R4/compartmentdefinition-patient.html>

use crate::entries::{Term, TermKey};
use crate::expression::{self, Shape};
use crate::plan::Filter;
use crate::program::{Program, Visitor, resolve};
use crate::registry::Registry;
use crate::words::words;
use smallvec::SmallVec;
use std::sync::{Arc, OnceLock};
use ward_fhir::reference::{Reference, parse};
use ward_fhir::schema::{CompartmentDef, Schema};
use ward_fhir::{Node, TypeId};

/// Reads compartment membership from resources. Built once; a type is compiled on its first use.
pub struct Compartments {
    schema: &'static Schema,
    patient: TypeId,
    base: Option<Arc<str>>,
    types: Box<[OnceLock<Program<Rank>>]>,
}

/// Lower comes first: the first patient is the resource's home.
type Rank = u8;

/// Parameters that name whom a resource is about; they decide the home before others of the same compartment do.
const ABOUT: &[&str] = &["patient", "subject", "beneficiary", "individual"];

impl Compartments {
    /// `base`: our own base URL without trailing slash.
    pub fn new(schema: &'static Schema, base: Option<&str>) -> Self {
        let patient = schema.resource_type("Patient").expect("R4 defines Patient");
        let types = schema.types.iter().map(|_| OnceLock::new()).collect();
        Self {
            schema,
            patient,
            base: base.map(Arc::from),
            types,
        }
    }

    /// The references that put the resource in patients' compartments, as written, first the home's: `Patient/1`, an absolute
    /// URL of ours, `Patient?…`, and every `urn:` (only the caller knows what it points to). Empty: in no compartment.
    /// A Patient is its own home and nothing is listed for it.
    pub fn patients<'a>(&self, resource: Node<'a>) -> SmallVec<[&'a str; 2]> {
        let program =
            self.types[resource.ty().0 as usize].get_or_init(|| self.compile(resource.ty()));
        let mut found = Found {
            compartment: self,
            document: resource,
            references: SmallVec::new(),
        };
        program.walk(resource, &mut found);
        found.references.sort_by_key(|(rank, _)| *rank);
        let mut texts: SmallVec<[&'a str; 2]> = SmallVec::new();
        for (_, text) in found.references {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts
    }

    /// Whether the resource is in the compartment of the patient with this logical id: its own, or named as itself.
    pub fn has(&self, resource: Node<'_>, id: &str) -> bool {
        if resource.ty() == self.patient && resource.text("id") == Some(id) {
            return true;
        }
        let names = |text: &str| {
            matches!(parse(text, self.base.as_deref()),
                Some(Reference::Local { ty, id: named, .. }) if ty == self.patient && named == id)
        };
        self.patients(resource).into_iter().any(names)
    }

    /// Whether resources of this type can be in a patient's compartment.
    pub fn has_type(&self, ty: TypeId) -> bool {
        ty == self.patient || !members(self.schema, ty).is_empty()
    }

    /// Resources of type `ty` in the compartment of a patient: `[base]/Patient/[id]/[type]`.
    pub fn filter(&self, registry: &Registry, key: &TermKey, ty: TypeId, id: &str) -> Filter {
        let found = members(self.schema, ty)
            .iter()
            .filter_map(|code| registry.find(ty, code));
        let mut terms: Vec<Term> = found
            .flat_map(|p| &p.owners)
            .map(|o| key.reference(o.param, "Patient", id))
            .collect();
        terms.sort_unstable();
        terms.dedup();
        match terms.is_empty() {
            true if ty == self.patient => Filter::Ids(vec![id.to_owned()]),
            true => Filter::Nothing,
            false => Filter::AnyTerm(terms),
        }
    }

    fn compile(&self, ty: TypeId) -> Program<Rank> {
        let mut program = Program::new(self.schema, ty);
        for (at, code) in members(self.schema, ty).iter().enumerate() {
            let rank = ABOUT
                .iter()
                .position(|c| c == code)
                .unwrap_or(ABOUT.len() + at) as Rank;
            let parameters = self.schema.search_parameters.iter();
            for parameter in parameters.filter(|p| p.code == *code && p.bases.contains(&ty)) {
                let Some(Shape::Paths(paths)) = expression::parse(parameter.expression) else {
                    continue;
                };
                for atom in paths
                    .iter()
                    .filter_map(|p| resolve(self.schema, ty, p))
                    .flatten()
                {
                    // What a reference points to is read from its text below, where a `urn:` may be anything.
                    program.add(self.schema, &atom.unrestricted().0, rank);
                }
            }
        }
        program
    }
}

/// Codes of the parameters that put a type into the Patient compartment.
///
/// Departs: `Patient.link` gives no membership, as in `access`: a `seealso` must not open one record to another's app (S82).
fn members(schema: &'static Schema, ty: TypeId) -> &'static [&'static str] {
    if schema.ty(ty).name == "Patient" {
        return &[];
    }
    let patient: Option<&CompartmentDef> = schema.compartments.iter().find(|c| c.code == "Patient");
    let found = patient.and_then(|c| c.members.iter().find(|(t, _)| *t == ty));
    found.map_or(&[], |(_, codes)| codes.as_slice())
}

struct Found<'s, 'a> {
    compartment: &'s Compartments,
    document: Node<'a>,
    references: SmallVec<[(Rank, &'a str); 2]>,
}

impl Visitor<Rank> for Found<'_, '_> {
    fn leaf(&mut self, node: Node<'_>, rank: &Rank) {
        let member = words().reference_reference;
        // The same node through the document's own lifetime.
        let node = self.document.document().node(node.index());
        let Some(text) = node
            .children()
            .find(|c| c.member() == Some(member))
            .and_then(Node::value)
        else {
            return;
        };
        let belongs = match parse(text, self.compartment.base.as_deref()) {
            Some(Reference::Local { ty, .. } | Reference::Conditional { ty, .. }) => {
                ty == self.compartment.patient
            }
            Some(Reference::Urn(_)) => true,
            Some(Reference::Contained(_) | Reference::Absolute { .. }) | None => false,
        };
        if belongs {
            self.references.push((*rank, text));
        }
    }

    fn resolves_to(&mut self, _: Node<'_>, _: TypeId) -> bool {
        true
    }
}
