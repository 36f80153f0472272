//! Parts of a scope that a person may grant in its place. <https://hl7.org/fhir/us/core/STU7/scopes.html> (S34)

use ward_access::{Action, Context, ResourceScope, Scope, Target};
use ward_fhir::schema::r4;

/// Type, system, code and words of each category: the ones that US Core's profiles tell records apart by.
const CATEGORIES: [(&str, &str, &str, &str); 8] = [
    (
        "Condition",
        CONDITION,
        "encounter-diagnosis",
        "diagnoses made at a visit",
    ),
    (
        "Condition",
        CONDITION,
        "problem-list-item",
        "problems on the problem list",
    ),
    (
        "Condition",
        US_CORE_CONDITION,
        "health-concern",
        "health concerns",
    ),
    (
        "Observation",
        OBSERVATION,
        "laboratory",
        "laboratory results",
    ),
    ("Observation", OBSERVATION, "vital-signs", "vital signs"),
    (
        "Observation",
        OBSERVATION,
        "social-history",
        "social history",
    ),
    (
        "Observation",
        OBSERVATION,
        "survey",
        "answers to questionnaires",
    ),
    ("Observation", US_CORE, "sdoh", "living conditions"),
];

const CONDITION: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const US_CORE_CONDITION: &str = "http://hl7.org/fhir/us/core/CodeSystem/condition-category";
const OBSERVATION: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const US_CORE: &str = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category";

/// The narrower scopes that may be granted instead of this one, with their words. Version 1 has no such scopes, so none are
/// offered to who asked in its words.
pub(super) fn parts(text: &str) -> Vec<(String, String)> {
    let Ok(Scope::Resource(scope)) = Scope::parse(text) else {
        return Vec::new();
    };
    let is_reading = |scope: &ResourceScope| {
        let mut actions = scope.actions.iter();
        actions.all(|action| matches!(action, Action::Read | Action::Search))
    };
    let version_1 = text.ends_with(".read") || text.ends_with(".*");
    let Some(ty) = type_name(&scope).filter(|_| {
        scope.context != Context::System
            && scope.query.is_empty()
            && is_reading(&scope)
            && !version_1
    }) else {
        return Vec::new();
    };
    CATEGORIES
        .iter()
        .filter(|(of, ..)| *of == ty)
        .map(|(_, system, code, words)| {
            (
                format!("{text}?category={system}|{code}"),
                (*words).to_owned(),
            )
        })
        .collect()
}

/// The words of a category, when the scope's only condition is one of ours.
pub(super) fn category_words(scope: &ResourceScope) -> Option<&'static str> {
    let ty = type_name(scope)?;
    let [(parameter, value)] = scope.query.as_slice() else {
        return None;
    };
    CATEGORIES
        .iter()
        .filter(|(of, ..)| *of == ty && parameter == "category")
        .find(|(_, system, code, _)| value.split_once('|') == Some((system, code)))
        .map(|(.., words)| *words)
}

/// What is granted of what was asked: the scopes that stay, and in the place of a scope its parts when some were chosen. Of a
/// scope and its parts both sent, the parts count: who ticked them meant less than all. A part that the app asks for by itself
/// has a box of its own, and says nothing about the whole.
pub(super) fn chosen(asked: &[String], fixed: impl Fn(&str) -> bool, sent: &[&str]) -> Vec<String> {
    let mut granted = Vec::new();
    for scope in asked {
        let narrowed: Vec<String> = parts(scope)
            .into_iter()
            .map(|(part, _)| part)
            .filter(|part| sent.contains(&part.as_str()) && !asked.contains(part))
            .collect();
        if !narrowed.is_empty() {
            granted.extend(narrowed);
        } else if fixed(scope) || sent.contains(&scope.as_str()) {
            granted.push(scope.clone());
        }
    }
    granted
}

fn type_name(scope: &ResourceScope) -> Option<&'static str> {
    match scope.target {
        Target::Every => None,
        Target::Type(ty) => Some(r4().ty(ty).name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The eight of the (g)(10) tests, each a scope that this server understands.
    #[test]
    fn s34_conditions_and_observations_have_parts() {
        let count = |scope: &str| parts(scope).len();
        assert_eq!(count("patient/Condition.rs"), 3);
        assert_eq!(count("user/Observation.rs"), 5);
        assert_eq!(count("patient/Observation.s"), 5);
        for none in [
            "patient/Patient.rs",
            "patient/*.rs",
            "patient/Observation.cruds",
            "patient/Observation.read",
            "system/Observation.rs",
            "patient/Observation.rs?category=laboratory",
            "openid",
        ] {
            assert_eq!(count(none), 0, "{none}");
        }
        for (part, words) in parts("patient/Condition.rs")
            .into_iter()
            .chain(parts("patient/Observation.rs"))
        {
            let Ok(Scope::Resource(scope)) = Scope::parse(&part) else {
                panic!("{part}")
            };
            assert_eq!(category_words(&scope), Some(words.as_str()));
        }
    }

    /// To the letter as the (g)(10) tests ask for them, and no other.
    #[test]
    fn s34_the_parts_are_these_eight() {
        const HL7: &str = "http://terminology.hl7.org/CodeSystem";
        const CORE: &str = "http://hl7.org/fhir/us/core/CodeSystem";
        let mut expected = [
            format!("patient/Condition.rs?category={HL7}/condition-category|encounter-diagnosis"),
            format!("patient/Condition.rs?category={HL7}/condition-category|problem-list-item"),
            format!("patient/Condition.rs?category={CORE}/condition-category|health-concern"),
            format!("patient/Observation.rs?category={HL7}/observation-category|laboratory"),
            format!("patient/Observation.rs?category={HL7}/observation-category|social-history"),
            format!("patient/Observation.rs?category={HL7}/observation-category|vital-signs"),
            format!("patient/Observation.rs?category={HL7}/observation-category|survey"),
            format!("patient/Observation.rs?category={CORE}/us-core-category|sdoh"),
        ];
        let of = |scope: &str| {
            let parts = parts(scope).into_iter();
            parts.map(|(part, _)| part).collect::<Vec<_>>()
        };
        let mut offered = [of("patient/Condition.rs"), of("patient/Observation.rs")].concat();
        offered.sort_unstable();
        expected.sort_unstable();
        assert_eq!(offered, expected);
        // Of no other type there is any.
        for ty in r4().types.iter().map(|ty| ty.name) {
            let known = ["Condition", "Observation"].contains(&ty);
            let has_parts = !of(&format!("user/{ty}.rs")).is_empty();
            assert_eq!(has_parts, known, "{ty}");
        }
    }

    #[test]
    fn s34_parts_replace_the_whole() {
        let asked = ["openid", "patient/Observation.rs", "patient/Patient.rs"].map(str::to_owned);
        let fixed = |scope: &str| scope == "openid";
        let lab = parts("patient/Observation.rs")[0].0.clone();
        let granted = |sent: &[&str]| chosen(&asked, fixed, sent).join(" ");
        assert_eq!(granted(&[]), "openid");
        assert_eq!(
            granted(&["patient/Patient.rs"]),
            "openid patient/Patient.rs"
        );
        assert_eq!(granted(&[&lab]), format!("openid {lab}"));
        assert_eq!(
            granted(&["patient/Observation.rs", &lab]),
            format!("openid {lab}")
        );
        assert_eq!(granted(&["patient/*.cruds", "user/*.cruds"]), "openid");
        let both = [lab.clone(), "patient/Observation.rs".to_owned()];
        let granted = |sent: &[&str]| chosen(&both, fixed, sent);
        assert_eq!(granted(&[&lab, "patient/Observation.rs"]), both);
        assert_eq!(granted(&[&lab]), both[..1]);
        assert_eq!(granted(&["patient/Observation.rs"]), both[1..]);
    }
}
