use super::*;
use crate::decide::tests::{KEY, access, id, system, user};
use crate::role::Roles;
use crate::scopes::Scopes;
use crate::sight::Sight;
use crate::{Access, Caller, Facts, Mask, RolePolicy, decide};

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
        ..Facts::of(Mask::every())
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

/// C2, C23: an app that staff launch for a patient shows them what their role shows, of that record. Which rows are in it is not
/// for what is seen of them to say: who asserts a condition, who may be the patient, is hidden.
#[test]
fn c2_c23_what_a_launch_opens_is_seen_in_part() {
    let access = within(
        &Roles::seeded(),
        &["billing-clerk"],
        "patient/*.cruds",
        Some("1"),
    );
    let inside = Sight::Patients([KEY].into());
    for action in [Action::Read, Action::Search] {
        for ty in ["Encounter", "Claim", "Condition"] {
            assert_eq!(*access.sight(id(ty), action), inside, "{ty}");
        }
        assert_eq!(*access.sight(id("Observation"), action), Sight::Nothing);
    }
    assert!(sees(&access, "Encounter", "period") && !sees(&access, "Encounter", "reasonCode"));
    assert!(sees(&access, "Condition", "code") && !sees(&access, "Condition", "note"));
    assert!(access.elements(id("Claim")).is_none());
    for ty in ["Encounter", "Condition"] {
        assert!(!access.may(id(ty), Action::Update), "{ty}");
    }
    // What is asked for as a record's is told by who asserts it, the own launch no less than another.
    let own = access.narrow(KEY);
    assert_eq!(*own.sight(id("Condition"), Action::Search), Sight::Nothing);
    assert_eq!(*own.sight(id("Encounter"), Action::Search), inside);
    // A granular scope is one of them.
    let scope = "patient/Encounter.rs?status=finished";
    let access = within(&Roles::seeded(), &["billing-clerk"], scope, Some("1"));
    assert!(!sees(&access, "Encounter", "reasonCode"));
}

fn patient(scope: &str, roles: &[&str]) -> Access {
    access(Identity {
        fhir_user: Some("Patient/1".into()),
        patient: Some("1".into()),
        roles: roles.iter().map(|name| (*name).to_owned()).collect(),
        ..user("", scope)
    })
}

/// C2: whoever is a clerk beside sees their own record as any patient does.
#[test]
fn c2_patients_see_their_record_whole_whatever_their_role() {
    let inside = Sight::Patients([KEY].into());
    for roles in [&[][..], &["billing-clerk"]] {
        let own = patient("patient/*.rs", roles);
        assert!(own.seen().is_none(), "{roles:?}");
        for ty in [
            "Patient",
            "Condition",
            "Encounter",
            "Observation",
            "Procedure",
        ] {
            for action in [Action::Read, Action::Search] {
                assert_eq!(*own.sight(id(ty), action), inside, "{ty} {roles:?}");
            }
        }
    }
    // By the type and its scopes, a granular one included.
    let one = patient("patient/Condition.rs user/Encounter.rs", &["billing-clerk"]);
    assert!(sees(&one, "Condition", "note") && !sees(&one, "Encounter", "reasonCode"));
    let lab = patient("patient/Condition.rs?category=a|b", &["billing-clerk"]);
    assert!(sees(&lab, "Condition", "note"));
    // Outside of the own record the role shows its part.
    let other = access(Identity {
        fhir_user: Some("Patient/2".into()),
        patient: Some("1".into()),
        ..user("billing-clerk", "patient/*.rs")
    });
    assert!(!sees(&other, "Condition", "note"));
    assert_eq!(*other.sight(id("Condition"), Action::Read), inside);
}

/// C23: where the own record is seen whole, a role that sees a part opens nobody else's, nor does it add what it may do.
#[test]
fn c23_a_role_that_sees_a_part_is_silent_beside_the_own_record() {
    let scope = "patient/*.cruds user/*.cruds";
    let both = patient(scope, &["billing-clerk"]);
    let inside = Sight::Patients([KEY].into());
    for ty in ["Patient", "Condition", "Encounter", "Procedure"] {
        assert!(both.elements(id(ty)).is_none(), "{ty}");
        for action in Action::ALL {
            let sight = both.sight(id(ty), action);
            let alone = patient("patient/*.cruds", &[]);
            assert_eq!(sight, alone.sight(id(ty), action), "{ty}");
            assert_ne!(*sight, Sight::Everything, "{ty}");
        }
    }
    assert_eq!(*both.sight(id("Condition"), Action::Read), inside);
    // Of a type that the role sees whole it opens all that it ever did.
    assert_eq!(*both.sight(id("Claim"), Action::Read), Sight::Everything);
    // And without a scope for the own record it speaks.
    let desk = patient(
        "patient/Observation.rs user/Condition.rs",
        &["billing-clerk"],
    );
    assert_eq!(
        *desk.sight(id("Condition"), Action::Read),
        Sight::Everything
    );
    assert!(!sees(&desk, "Condition", "note"));
    // What patients may only send in, they see no more of for a role that may read a part.
    let known = roles(&[
        (crate::PATIENT, &[("Condition", &[], "c")]),
        ("reader", &[("Condition", &["code"], "rs")]),
    ]);
    let identity = Identity {
        fhir_user: Some("Patient/1".into()),
        patient: Some("1".into()),
        ..user("reader", scope)
    };
    let facts = Facts {
        patient: Some(KEY),
        ..Facts::of(Mask::every())
    };
    let sender = decide(&Caller::in_roles(identity, &known), &facts);
    assert_eq!(*sender.sight(id("Condition"), Action::Create), inside);
    assert!(!sender.may(id("Condition"), Action::Read));
    assert!(sender.elements(id("Condition")).is_none());
}

/// A site may let patients see a part of a type of their own record.
#[test]
fn patients_may_see_a_part_too() {
    let known = roles(&[
        (crate::PATIENT, &[("Condition", &["code"], "rs")]),
        ("reader", &[("Condition", &["note"], "rs")]),
        ("physician", &[("Condition", &[], "rs")]),
    ]);
    let own = |names: &[&str]| {
        let identity = Identity {
            fhir_user: Some("Patient/1".into()),
            patient: Some("1".into()),
            roles: names.iter().map(|name| (*name).to_owned()).collect(),
            ..user("", "patient/*.rs user/*.rs")
        };
        let facts = Facts {
            patient: Some(KEY),
            ..Facts::of(Mask::every())
        };
        decide(&Caller::in_roles(identity, &known), &facts)
    };
    let inside = Sight::Patients([KEY].into());
    for names in [&[][..], &["reader"]] {
        let access = own(names);
        assert_eq!(*access.sight(id("Condition"), Action::Read), inside);
        assert!(sees(&access, "Condition", "code") && !sees(&access, "Condition", "note"));
    }
    let physician = own(&["physician"]);
    assert!(physician.seen().is_none());
    assert_eq!(
        *physician.sight(id("Condition"), Action::Read),
        Sight::Everything
    );
}

/// Scopes of a launch beside those of the user: one set of elements.
#[test]
fn a_launch_beside_makes_nothing_whole() {
    let known = Roles::seeded();
    let scope = "patient/*.rs user/Condition.r user/Encounter.r";
    let access = within(&known, &["billing-clerk"], scope, Some("1"));
    let inside = Sight::Patients([KEY].into());
    for ty in ["Condition", "Encounter"] {
        assert_eq!(*access.sight(id(ty), Action::Read), Sight::Everything);
        assert_eq!(*access.sight(id(ty), Action::Search), inside);
    }
    assert!(!sees(&access, "Condition", "note") && !sees(&access, "Encounter", "reasonCode"));
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
