//! The Patient compartment, and the types that have no patient. <https://hl7.org/fhir/R4/compartmentdefinition-patient.html>

use crate::access::Action;
use crate::grid::Reach;
use std::sync::OnceLock;
use ward_fhir::TypeId;
use ward_fhir::schema::{Schema, r4};

/// Which types belong to patients, by which parameters, and which are shared by all (S75, S76, S82).
pub struct Compartments {
    types: Vec<Place>,
    owned: Vec<(TypeId, &'static str)>,
}

#[derive(Clone, Default)]
struct Place {
    /// Parameter codes of the Patient CompartmentDefinition; `None`: not in the compartment.
    parameters: Option<Vec<&'static str>>,
    is_shared: bool,
    is_closed: bool,
}

impl Compartments {
    /// Those of R4, built on first use.
    pub fn r4() -> &'static Compartments {
        static R4: OnceLock<Compartments> = OnceLock::new();
        R4.get_or_init(|| Compartments::of(r4()))
    }

    /// Whether resources of the type can be in a patient's compartment.
    pub fn is_member(&self, ty: TypeId) -> bool {
        self.place(ty)
            .is_some_and(|place| place.parameters.is_some())
    }

    /// Reference parameters whose target's compartment a resource of the type is in. A Patient is in its own besides.
    ///
    /// Departs: `Patient.link` gives no membership. The definition names it without regard to the kind of link, and a
    /// `seealso` must not open one patient's record to another's app (S82).
    pub fn parameters(&self, ty: TypeId) -> &[&'static str] {
        self.place(ty)
            .and_then(|place| place.parameters.as_deref())
            .unwrap_or_default()
    }

    /// Whether any app with a `patient/` scope for the type may read it: it says nothing about patients.
    pub fn is_shared(&self, ty: TypeId) -> bool {
        self.place(ty).is_some_and(|place| place.is_shared)
    }

    /// Whether `patient/` scopes reach the type inside the compartment. Not so for types that list other patients beside
    /// this one (S76).
    pub fn is_open_to_patients(&self, ty: TypeId) -> bool {
        self.place(ty)
            .is_some_and(|place| place.parameters.is_some() && !place.is_closed)
    }

    /// Types outside the compartment whose resources may be a patient's all the same, each with the parameter that says whose. Read
    /// and searched where it names the launch patient; what names nobody is not shown to an app (S75).
    pub(crate) fn owned(&self) -> impl Iterator<Item = (TypeId, &'static str)> + '_ {
        self.owned.iter().copied()
    }

    /// The parameter that says whose a resource of the type is; `None`: it is in the compartment, or nobody's.
    pub fn owner(&self, ty: TypeId) -> Option<&'static str> {
        let mut owned = self.owned();
        owned.find(|(known, _)| *known == ty).map(|(_, code)| code)
    }

    /// How far `patient/` scopes reach on the type by its compartment.
    pub(crate) fn reach(&self, ty: TypeId, action: Action) -> Reach {
        let is_reading = matches!(action, Action::Read | Action::Search);
        if self.is_open_to_patients(ty) {
            Reach::Patients
        } else if self.is_shared(ty) && is_reading {
            Reach::Shared
        } else {
            Reach::Nothing
        }
    }

    fn of(schema: &Schema) -> Compartments {
        let mut types = vec![Place::default(); schema.types.len()];
        let definition = schema
            .compartments
            .iter()
            .find(|definition| definition.code == "Patient");
        for (ty, codes) in definition
            .into_iter()
            .flat_map(|definition| &definition.members)
        {
            let name = schema.ty(*ty).name;
            let is_used = |code: &&str| *code != "{def}" && !(name == "Patient" && *code == "link");
            if name == "Patient" || !codes.is_empty() {
                types[usize::from(ty.0)].parameters =
                    Some(codes.iter().copied().filter(is_used).collect());
            }
        }
        for ty in &schema.types {
            let place = &mut types[usize::from(ty.id.0)];
            // A type that can belong to a patient is never shared, whatever the lists say.
            place.is_shared = place.parameters.is_none()
                && (SHARED.contains(&ty.name) || DEFINITIONS.contains(&ty.name));
            place.is_closed = CLOSED.contains(&ty.name);
        }
        let owned = OWNED.iter().filter_map(|(name, parameter)| {
            let ty = schema.resource_type(name)?;
            Some((ty, *parameter))
        });
        Compartments {
            owned: owned.collect(),
            types,
        }
    }

    fn place(&self, ty: TypeId) -> Option<&Place> {
        self.types.get(usize::from(ty.0))
    }
}

/// What the definition of the compartment leaves out though it may be a patient's.
const OWNED: &[(&str, &str)] = &[("Device", "patient")];

/// Whom and what care refers to.
const SHARED: &[&str] = &[
    "HealthcareService",
    "Location",
    "Medication",
    "Organization",
    "Practitioner",
    "PractitionerRole",
];

/// Terminology and definitions of what resources mean.
pub(crate) const DEFINITIONS: &[&str] = &[
    "ActivityDefinition",
    "CapabilityStatement",
    "ChargeItemDefinition",
    "CodeSystem",
    "CompartmentDefinition",
    "ConceptMap",
    "EventDefinition",
    "ExampleScenario",
    "GraphDefinition",
    "ImplementationGuide",
    "Library",
    "Measure",
    "MessageDefinition",
    "NamingSystem",
    "ObservationDefinition",
    "OperationDefinition",
    "PlanDefinition",
    "Questionnaire",
    "SearchParameter",
    "SpecimenDefinition",
    "StructureDefinition",
    "StructureMap",
    "TerminologyCapabilities",
    "ValueSet",
];

/// Members of the compartment that name other patients.
const CLOSED: &[&str] = &["Group"];

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> TypeId {
        r4().resource_type(name).unwrap_or_else(|| panic!("{name}"))
    }

    #[test]
    fn follows_the_definition() {
        let compartments = Compartments::r4();
        assert_eq!(
            compartments.parameters(id("Observation")),
            ["subject", "performer"]
        );
        assert_eq!(compartments.parameters(id("Encounter")), ["patient"]);
        assert!(
            compartments.is_member(id("Patient"))
                && compartments.parameters(id("Patient")).is_empty()
        );
        assert!(
            !compartments.is_member(id("Device")) && !compartments.is_member(id("Organization"))
        );
        assert_eq!(compartments.owner(id("Device")), Some("patient"));
        assert_eq!(compartments.owner(id("Observation")), None);
        let members = r4()
            .types
            .iter()
            .filter(|ty| compartments.is_member(ty.id))
            .count();
        assert_eq!(members, 66);
    }

    #[test]
    fn every_named_type_exists_and_none_is_both() {
        let compartments = Compartments::r4();
        for name in SHARED.iter().chain(DEFINITIONS) {
            assert!(compartments.is_shared(id(name)), "{name}");
        }
        for ty in &r4().types {
            assert!(
                !(compartments.is_shared(ty.id) && compartments.is_member(ty.id)),
                "{}",
                ty.name
            );
        }
        assert!(
            compartments.is_member(id("Group")) && !compartments.is_open_to_patients(id("Group"))
        );
        assert!(
            !compartments.is_shared(TypeId(u16::MAX)) && !compartments.is_member(TypeId(u16::MAX))
        );
    }
}
