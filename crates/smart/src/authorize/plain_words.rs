//! Scopes in words that a patient understands (S33).

use super::granular_choice::category_words;
use ward_access::{Action, Actions, Context, ResourceScope, Scope, Target};
use ward_fhir::schema::r4;

/// What a scope lets an app do, and a sentence more about it. `own`: the person is the patient. What is no scope says itself.
pub(crate) fn plain_words(text: &str, own: bool) -> (String, String) {
    let say = |words: &str, detail: &str| (words.to_owned(), detail.to_owned());
    match Scope::parse(text) {
        Ok(Scope::OpenId) => say(
            "Know that it is you",
            "The app gets a name for your account that no other person has.",
        ),
        Ok(Scope::FhirUser | Scope::Profile) => say(
            "Know who you are",
            "The app gets the number of your own entry in the records.",
        ),
        Ok(Scope::Launch) => say(
            "Know what you have open",
            "The app gets the patient and the visit that you were looking at when you opened it.",
        ),
        Ok(Scope::LaunchContext(_)) if own => say(
            "Know whose record it is",
            "The app gets the number of your record.",
        ),
        Ok(Scope::LaunchContext(_)) => say(
            "Ask which patient",
            "The app gets the number of the patient's record that you choose.",
        ),
        Ok(Scope::OfflineAccess) => say(
            "Go on when you are not there",
            "The app keeps this access after you close it, until you take it back under Apps.",
        ),
        Ok(Scope::OnlineAccess) => say(
            "Go on while you are signed in",
            "The app keeps this access until you sign out.",
        ),
        Ok(Scope::Resource(scope)) => resource(&scope, own),
        Err(_) => (text.to_owned(), String::new()),
    }
}

fn resource(scope: &ResourceScope, own: bool) -> (String, String) {
    let whose = match (scope.context, own) {
        (Context::Patient, true) => "your ",
        (Context::Patient, false) => "this patient's ",
        _ => "",
    };
    let everyone = match scope.context {
        Context::User => " of everyone whose records you may see",
        Context::System => " of everyone",
        Context::Patient => "",
    };
    let things = category_words(scope).map_or_else(|| things(scope), str::to_owned);
    let words = format!("{} {whose}{things}{everyone}", verbs(scope.actions));
    let detail = match (
        scope.actions.contains(Action::Delete),
        changes(scope.actions),
    ) {
        (true, _) => "The app can add to the record, change it and remove from it.",
        (false, true) => "The app can change what is in the record.",
        (false, false) => "The app can look and cannot change anything.",
    };
    (words, detail.to_owned())
}

fn changes(actions: Actions) -> bool {
    [Action::Create, Action::Update, Action::Delete]
        .iter()
        .any(|action| actions.contains(*action))
}

/// `See, add, change and delete`
fn verbs(actions: Actions) -> String {
    let may = |action| actions.contains(action);
    let named = [
        (may(Action::Read) || may(Action::Search), "see"),
        (may(Action::Create), "add"),
        (may(Action::Update), "change"),
        (may(Action::Delete), "delete"),
    ];
    let verbs: Vec<&str> = named
        .iter()
        .filter(|(may, _)| *may)
        .map(|(_, verb)| *verb)
        .collect();
    let text = match verbs.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => verbs.join(""),
    };
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn things(scope: &ResourceScope) -> String {
    let Target::Type(ty) = scope.target else {
        return match scope.query.is_empty() {
            true => "whole record".to_owned(),
            false => "record, limited to some entries".to_owned(),
        };
    };
    let things = things_of_type(r4().ty(ty).name);
    match scope.query.as_slice() {
        [] => things,
        conditions => {
            let said = conditions
                .iter()
                .map(|(parameter, value)| format!("{parameter} is {}", values(value)));
            let said: Vec<String> = said.collect();
            format!("{things} where {}", said.join(" and "))
        }
    }
}

/// `prescriptions` for `MedicationRequest`.
pub(crate) fn things_of_type(name: &str) -> String {
    let known = THINGS.iter().find(|(known, _)| *known == name);
    known.map_or_else(
        || format!("{} entries", apart(name)),
        |(_, things)| (*things).to_owned(),
    )
}

/// Each of what the commas of a value stand between: `laboratory or vital-signs`. What is named is what is given.
fn values(value: &str) -> String {
    let mut parts = vec![String::new()];
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        let part = parts.last_mut();
        match (letter, part) {
            // What follows a backslash is no punctuation.
            ('\\', Some(part)) => part.extend(letters.next()),
            (',', _) => parts.push(String::new()),
            // Of `system|code` the code: people know no systems.
            ('|', Some(part)) if !letters.as_str().is_empty() => part.clear(),
            (_, Some(part)) => part.push(letter),
            (_, None) => {}
        }
    }
    parts.join(" or ")
}

/// `MedicationRequest` as `medication request`.
fn apart(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// Types whose names say too little.
const THINGS: [(&str, &str); 36] = [
    ("AllergyIntolerance", "allergies"),
    ("Appointment", "appointments"),
    ("AuditEvent", "record of who looked at what"),
    ("CarePlan", "care plans"),
    ("CareTeam", "care team"),
    ("Claim", "bills"),
    ("Communication", "messages"),
    ("Condition", "conditions and diagnoses"),
    ("Consent", "consents"),
    ("Coverage", "insurance"),
    ("Device", "devices and implants"),
    ("DiagnosticReport", "reports of tests and examinations"),
    ("DocumentReference", "documents and notes"),
    ("Encounter", "visits and stays"),
    ("ExplanationOfBenefit", "what the insurance paid"),
    ("FamilyMemberHistory", "family history"),
    ("Goal", "goals"),
    ("Immunization", "vaccinations"),
    ("Location", "places of care"),
    ("Media", "pictures and recordings"),
    ("Medication", "medicines"),
    ("MedicationAdministration", "medicines given"),
    ("MedicationDispense", "medicines handed out"),
    ("MedicationRequest", "prescriptions"),
    ("MedicationStatement", "medicines taken"),
    (
        "Observation",
        "laboratory results, vital signs and other observations",
    ),
    ("Organization", "organizations"),
    (
        "Patient",
        "name, birth date, address and other personal details",
    ),
    ("Practitioner", "doctors, nurses and other staff"),
    ("PractitionerRole", "functions of staff"),
    ("Procedure", "operations and procedures"),
    ("Provenance", "where entries come from"),
    ("QuestionnaireResponse", "answers to questionnaires"),
    ("RelatedPerson", "relatives and other close people"),
    ("ServiceRequest", "orders for tests and treatments"),
    ("Specimen", "samples"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(scope: &str, own: bool) -> String {
        plain_words(scope, own).0
    }

    #[test]
    fn s33_scopes_are_said_in_plain_words() {
        for (scope, expected) in [
            (
                "patient/Observation.rs",
                "See your laboratory results, vital signs and other observations",
            ),
            (
                "patient/Observation.read",
                "See your laboratory results, vital signs and other observations",
            ),
            (
                "patient/*.cruds",
                "See, add, change and delete your whole record",
            ),
            ("patient/Appointment.c", "Add your appointments"),
            (
                "patient/MolecularSequence.rs",
                "See your molecular sequence entries",
            ),
            (
                "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
                "See your laboratory results",
            ),
            (
                "patient/Observation.rs?status=http://hl7.org/fhir/observation-status|final",
                "See your laboratory results, vital signs and other observations where status is final",
            ),
            (
                "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|social-history,http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
                "See your laboratory results, vital signs and other observations where category is social-history or vital-signs",
            ),
            (
                "patient/Patient.rs?family:exact=a\\,b,c\\|d&gender=female,male",
                "See your name, birth date, address and other personal details where family:exact is a,b or c|d and gender is female or male",
            ),
            ("offline_access", "Go on when you are not there"),
        ] {
            assert_eq!(words(scope, true), expected);
        }
        assert_eq!(
            words("patient/Condition.rs", false),
            "See this patient's conditions and diagnoses"
        );
        assert_eq!(
            words("user/Patient.u", false),
            "Change name, birth date, address and other personal details of everyone whose records you may see"
        );
        assert!(plain_words("patient/*.cud", true).1.contains("remove"));
        assert!(
            plain_words("patient/*.rs", true)
                .1
                .contains("cannot change")
        );
    }

    #[test]
    fn every_type_that_has_words_exists() {
        assert!(
            THINGS
                .iter()
                .all(|(name, _)| r4().resource_type(name).is_some())
        );
        assert!(
            THINGS.windows(2).all(|w| w[0].0 < w[1].0),
            "keep the table sorted"
        );
    }
}
