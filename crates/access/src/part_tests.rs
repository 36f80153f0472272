use super::*;
use crate::decide::tests::{KEY, access, id, system, user};
use crate::role::Roles;
use crate::scopes::Scopes;
use crate::sight::Sight;
use crate::{Access, Caller, Facts, RolePolicy, decide};

/// Type, elements (none: all), interactions.
type Of<'a> = (&'a str, &'a [&'a str], &'a str);

fn roles(policies: &[(&str, &[Of<'_>])]) -> Roles {
    let interaction = |letter: char| match letter {
        'c' => "create",
        'r' => "read",
        'u' => "update",
        'd' => "delete",
        _ => "search-type",
    };
    let resource = |(ty, elements, letters): &Of<'_>| {
        let codes = letters
            .chars()
            .map(|letter| format!(r#"{{"code":"{}"}}"#, interaction(letter)));
        let named = elements.iter().map(|element| {
            format!(
                r#"{{"url":"{}","valueString":"{element}"}}"#,
                crate::role::ELEMENT
            )
        });
        let (codes, named): (Vec<_>, Vec<_>) = (codes.collect(), named.collect());
        let extension = match named.is_empty() {
            true => String::new(),
            false => format!(r#""extension":[{}],"#, named.join(",")),
        };
        format!(
            r#"{{"type":"{ty}",{extension}"interaction":[{}]}}"#,
            codes.join(",")
        )
    };
    let policy = |(name, types): &(&str, &[Of<'_>])| {
        let types: Vec<String> = types.iter().map(resource).collect();
        let text = format!(
            r#"{{"resourceType":"CapabilityStatement","name":"{name}","status":"active","date":"2026","kind":"requirements",
            "fhirVersion":"4.0.1","format":["json"],"rest":[{{"mode":"server","resource":[{}]}}]}}"#,
            types.join(",")
        );
        RolePolicy::read(text.as_bytes()).unwrap()
    };
    Roles::of(policies.iter().map(policy))
}

fn within(known: &Roles, names: &[&str], scope: &str, patient: Option<&str>) -> Access {
    let identity = Identity {
        roles: names.iter().map(|name| (*name).to_owned()).collect(),
        patient: patient.map(str::to_owned),
        scopes: Scopes::parse(scope).unwrap(),
        ..user("", "")
    };
    let facts = Facts {
        patient: patient.map(|_| KEY),
        ..Facts::default()
    };
    decide(&Caller::in_roles(identity, known), &facts)
}

fn sees(access: &Access, ty: &str, element: &str) -> bool {
    let elements = access.elements(id(ty));
    elements.is_none_or(|elements| elements.contains(element))
}

/// C23: a billing clerk sees what a claim needs of a Condition.
#[test]
fn c23_a_part_of_a_type_is_seen_with_what_it_needs() {
    let clerk = access(user("billing-clerk", "user/*.cruds"));
    let condition = id("Condition");
    for action in [Action::Read, Action::Search] {
        assert_eq!(*clerk.sight(condition, action), Sight::Everything);
    }
    assert!(!clerk.may(condition, Action::Update));
    for element in [
        "id",
        "meta",
        "implicitRules",
        "modifierExtension",
        "subject",
        "code",
        "onset",
    ] {
        assert!(sees(&clerk, "Condition", element), "{element}");
    }
    for element in [
        "note",
        "text",
        "contained",
        "extension",
        "language",
        "asserter",
        "evidence",
    ] {
        assert!(!sees(&clerk, "Condition", element), "{element}");
    }
    assert!(clerk.elements(id("Claim")).is_none() && clerk.elements(id("Observation")).is_none());
    // Who asserts a condition may be the patient: that lies in an element that is not seen.
    assert!(!clerk.places(condition) && clerk.places(id("Encounter")));
    let inside = clerk.narrow(KEY);
    assert_eq!(*inside.sight(condition, Action::Search), Sight::Nothing);
    assert_eq!(
        *inside.sight(id("Encounter"), Action::Search),
        Sight::Patients([KEY].into())
    );
}

#[test]
fn whoever_sees_all_sees_no_part() {
    let known = Roles::seeded();
    for (names, scope) in [
        (&["physician"][..], "user/*.rs"),
        (&["billing-clerk", "physician"], "user/*.rs"),
        (&["billing-clerk"], "user/Claim.rs"),
        (&["unknown"], "user/*.rs"),
    ] {
        let access = within(&known, names, scope, Some("1"));
        assert!(
            access.elements(id("Condition")).is_none(),
            "{names:?} {scope}"
        );
    }
    assert!(access(system("system/*.cruds")).seen().is_none());
    let both = within(&known, &["billing-clerk", "physician"], "user/*.rs", None);
    assert_eq!(
        *both.sight(id("Condition"), Action::Read),
        Sight::Everything
    );
}

/// An app that staff launch for a patient shows them what their role shows.
#[test]
fn what_a_launch_opens_is_seen_in_part() {
    let access = within(
        &Roles::seeded(),
        &["billing-clerk"],
        "patient/*.cruds",
        Some("1"),
    );
    let inside = Sight::Patients([KEY].into());
    for action in [Action::Read, Action::Search] {
        assert_eq!(*access.sight(id("Encounter"), action), inside);
        assert_eq!(*access.sight(id("Claim"), action), inside);
        // Nor is it seen whose a condition is, and of an observation nothing at all.
        assert_eq!(*access.sight(id("Condition"), action), Sight::Nothing);
        assert_eq!(*access.sight(id("Observation"), action), Sight::Nothing);
    }
    assert!(sees(&access, "Encounter", "period") && !sees(&access, "Encounter", "reasonCode"));
    assert!(!sees(&access, "Condition", "note") && access.elements(id("Claim")).is_none());
    assert!(!access.may(id("Encounter"), Action::Update));
    // A granular scope is one of them.
    let scope = "patient/Encounter.rs?status=finished";
    let access = within(&Roles::seeded(), &["billing-clerk"], scope, Some("1"));
    assert!(!sees(&access, "Encounter", "reasonCode"));
}

/// Patients see their own record whole, unless they have a role beside that shows a part: one set for each type.
#[test]
fn patients_see_their_record_whole() {
    let own = |roles: &[&str]| {
        access(Identity {
            fhir_user: Some("Patient/1".into()),
            patient: Some("1".into()),
            roles: roles.iter().map(|name| (*name).to_owned()).collect(),
            ..user("", "patient/*.rs")
        })
    };
    let patient = own(&[]);
    let inside = Sight::Patients([KEY].into());
    assert!(patient.seen().is_none());
    assert_eq!(*patient.sight(id("Condition"), Action::Read), inside);
    let clerk = own(&["billing-clerk"]);
    assert!(!sees(&clerk, "Encounter", "reasonCode") && !sees(&clerk, "Condition", "note"));
    assert_eq!(*clerk.sight(id("Encounter"), Action::Read), inside);
    assert_eq!(*clerk.sight(id("Condition"), Action::Read), Sight::Nothing);
    assert_eq!(*clerk.sight(id("Observation"), Action::Read), inside);
    assert!(clerk.elements(id("Observation")).is_none());
}

/// One row whole and another not: all in part, and by no right that goes by an element which is not seen.
#[test]
fn a_record_beside_makes_nothing_whole() {
    let known = Roles::seeded();
    let scope = "patient/*.rs user/Condition.r user/Encounter.r";
    let access = within(&known, &["billing-clerk"], scope, Some("1"));
    assert!(!sees(&access, "Condition", "note") && !sees(&access, "Encounter", "reasonCode"));
    assert_eq!(
        *access.sight(id("Condition"), Action::Read),
        Sight::Everything
    );
    assert_eq!(
        *access.sight(id("Condition"), Action::Search),
        Sight::Nothing
    );
    assert_eq!(
        *access.sight(id("Encounter"), Action::Search),
        Sight::Patients([KEY].into())
    );
    assert!(access.elements(id("Observation")).is_none());
}

#[test]
fn elements_of_one_role_do_not_come_under_the_interactions_of_another() {
    let known = roles(&[
        ("reader", &[("Condition", &["code"], "rs")]),
        ("noter", &[("Condition", &["code", "note"], "rs")]),
        ("finder", &[("Condition", &["note"], "s")]),
        ("editor", &[("Condition", &["code", "severity"], "rsu")]),
        ("writer", &[("Condition", &[], "c")]),
    ]);
    let seen = |names: &[&str], scope: &str| {
        let access = within(&known, names, scope, None);
        let named = ["code", "note", "severity"].into_iter();
        let seen: Vec<&str> = named
            .filter(|name| sees(&access, "Condition", name))
            .collect();
        seen.join(" ")
    };
    assert_eq!(seen(&["reader", "noter"], "user/*.rs"), "code note");
    assert_eq!(seen(&["reader", "finder"], "user/*.rs"), "code");
    assert_eq!(seen(&["reader", "finder"], "user/*.s"), "code note");
    assert_eq!(
        seen(&["noter", "editor"], "user/*.rs"),
        "code note severity"
    );
    // What is changed by the one is not what is seen by the other.
    assert_eq!(seen(&["noter", "editor"], "user/*.rus"), "code severity");
    assert_eq!(seen(&["reader", "writer"], "user/*.crs"), "code");
    let editor = within(&known, &["editor"], "user/*.cruds", None);
    assert!(editor.may(id("Condition"), Action::Update));
    assert!(!editor.may(id("Condition"), Action::Create));
}

/// What answers are made of cannot be told from what they hold.
#[test]
fn of_a_part_of_what_answers_are_made_of_nothing_is_seen() {
    let known = roles(&[(
        "x",
        &[
            ("Bundle", &["identifier"], "rs"),
            ("Parameters", &["parameter"], "rs"),
            ("OperationOutcome", &["issue"], "rs"),
            ("Flag", &["code"], "rs"),
        ],
    )]);
    let access = within(&known, &["x"], "user/*.rs", None);
    for ty in ["Bundle", "Parameters", "OperationOutcome"] {
        assert!(
            !access.may(id(ty), Action::Read) && access.elements(id(ty)).is_none(),
            "{ty}"
        );
    }
    assert!(access.may(id("Flag"), Action::Read) && !sees(&access, "Flag", "author"));
}
