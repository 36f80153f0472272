//! Which reference makes a patient the home of a resource. <https://hl7.org/fhir/R4/compartmentdefinition-patient.html>
//!
//! Rows carry their home patient as `c`. Where a reference parameter can lead to no other Patient than the home, a chain
//! to the patient, or back from it, is a look-up by `c`; the reference's own term is tested all the same.

use std::collections::HashSet;
use std::sync::LazyLock;
use ward_access::Compartments;
use ward_fhir::TypeId;
use ward_fhir::schema::{SearchType, r4};

/// Whether every Patient that a `from` refers to by `param` is its home.
pub fn leads_home(from: TypeId, param: u16, to: TypeId) -> bool {
    static PAIRS: LazyLock<HashSet<(TypeId, u16)>> = LazyLock::new(pairs);
    r4().ty(to).name == "Patient" && PAIRS.contains(&(from, param))
}

/// The first parameter of the compartment decides the home; every parameter over the same element leads there too, unless
/// the element repeats.
fn pairs() -> HashSet<(TypeId, u16)> {
    let mut pairs = HashSet::new();
    for ty in crate::store::resource_types() {
        let Some(first) = Compartments::r4().parameters(*ty).first() else {
            continue;
        };
        let name = r4().ty(*ty).name;
        let of_type = || {
            r4().search_parameters
                .iter()
                .filter(|p| p.ty == SearchType::Reference && p.bases.contains(ty))
        };
        let Some(path) = of_type()
            .find(|p| p.code == *first)
            .and_then(|p| path_in(p.expression, name))
        else {
            continue;
        };
        let single = r4()
            .elements_of(*ty)
            .iter()
            .any(|e| e.path == path && e.max == Some(1));
        if single {
            let same = of_type().filter(|p| path_in(p.expression, name) == Some(path));
            pairs.extend(same.map(|p| (*ty, p.id)));
        }
    }
    pairs
}

/// The one path of an expression that starts with the type, without its `where`.
fn path_in<'a>(expression: &'a str, ty: &str) -> Option<&'a str> {
    let mut paths = expression.split('|').map(str::trim).filter(|path| {
        path.strip_prefix(ty)
            .is_some_and(|rest| rest.starts_with('.'))
    });
    let path = paths.next()?;
    if paths.next().is_some() {
        return None;
    }
    Some(path.split(".where(").next().unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(ty: &str, code: &str) -> (TypeId, u16) {
        let ty = r4().resource_type(ty).unwrap();
        let found = r4()
            .search_parameters
            .iter()
            .find(|p| p.code == code && p.bases.contains(&ty));
        (ty, found.unwrap().id)
    }

    #[test]
    fn subjects_lead_home_and_performers_do_not() {
        let patient = r4().resource_type("Patient").unwrap();
        let home = |ty, code| {
            let (ty, param) = parameter(ty, code);
            leads_home(ty, param, patient)
        };
        assert!(home("Observation", "subject") && home("Observation", "patient"));
        assert!(home("Condition", "patient") && home("Condition", "subject"));
        assert!(home("Encounter", "patient") && home("Claim", "patient"));
        assert!(!home("Observation", "performer") && !home("Condition", "asserter"));
        assert!(!home("Appointment", "actor"));
        let (observation, subject) = parameter("Observation", "subject");
        let group = r4().resource_type("Group").unwrap();
        assert!(!leads_home(observation, subject, group));
    }
}
