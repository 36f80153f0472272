use super::*;
use crate::Hides;
use crate::granular::{Criterion, Granular};
use crate::scopes::Scopes;
use std::fmt::Write;
use ward_fhir::TypeId;
use ward_search::entries::TermKey;
use ward_search::extract::Extractor;
use ward_search::registry::Registry;

pub(crate) const KEY: PatientKey = PatientKey {
    rid: 4096,
    membership: 77,
};

pub(crate) fn id(name: &str) -> TypeId {
    r4().resource_type(name).unwrap_or_else(|| panic!("{name}"))
}

fn identity(scope: &str) -> Identity {
    Identity {
        subject: "someone".into(),
        client_id: "client".into(),
        scopes: Scopes::parse(scope).unwrap(),
        ..Identity::default()
    }
}

pub(crate) fn system(scope: &str) -> Identity {
    Identity {
        subject: "client".into(),
        ..identity(scope)
    }
}

pub(crate) fn user(role: &str, scope: &str) -> Identity {
    Identity {
        fhir_user: Some("Practitioner/1".into()),
        roles: vec![role.into()],
        ..identity(scope)
    }
}

fn app(scope: &str) -> Identity {
    Identity {
        fhir_user: Some("Patient/1".into()),
        patient: Some("1".into()),
        ..identity(scope)
    }
}

pub(crate) fn access(identity: Identity) -> Access {
    let caller = Caller::new(identity);
    let criterion = |scope: &Granular| {
        let compiled = Criterion::compile(extractor(), scope.ty(), scope.query());
        compiled.ok().map(Arc::new)
    };
    let facts = Facts {
        patient: Some(KEY),
        criteria: caller.granular().iter().map(criterion).collect(),
        ..Facts::of(Mask::every())
    };
    decide(&caller, &facts)
}

fn extractor() -> &'static Extractor {
    static EXTRACTOR: OnceLock<Extractor> = OnceLock::new();
    let new = || Extractor::new(Arc::new(Registry::new(r4())), TermKey([3; 16]), None);
    EXTRACTOR.get_or_init(new)
}

/// Letters of `cruds`: large for every row, small for the compartment; `+` for rows that match, `~` for those of them in the
/// compartment. `part`: not all elements are seen.
fn letters(access: &Access, ty: TypeId) -> String {
    let letter = |(action, letter): (Action, char)| match access.sight(ty, action) {
        Sight::Nothing => '-',
        Sight::Patients(keys) => {
            assert_eq!(keys.as_ref(), [KEY]);
            letter
        }
        Sight::Everything => letter.to_ascii_uppercase(),
        Sight::Matching(grants) if grants.iter().all(|grant| grant.patients.is_some()) => '~',
        Sight::Matching(_) => '+',
    };
    let letters = Action::ALL.into_iter().zip("cruds".chars());
    let letters: String = letters.map(letter).collect();
    match access.elements(ty) {
        Some(_) => format!("{letters} part"),
        None => letters,
    }
}

/// Every kind of caller × kind of type × action, as a file that can be read in review. After a wanted change:
/// `WARD_BLESS=1 cargo test -p ward-access`.
#[test]
fn golden_table() {
    let types = [
        "Patient",
        "Observation",
        "Condition",
        "Encounter",
        "Claim",
        "Group",
        "Device",
        "Practitioner",
        "Medication",
        "ValueSet",
        "StructureDefinition",
        "Binary",
        "Task",
        "Subscription",
        "AuditEvent",
    ];
    let callers: Vec<(&str, Identity)> = vec![
        ("system", system("system/*.cruds")),
        ("system", system("system/*.read")),
        ("system", system("system/*.write")),
        ("system", system("system/*.*")),
        ("system", system("system/Observation.c")),
        (
            "system",
            system("system/Observation.rs system/Observation.u system/Patient.r"),
        ),
        (
            "system",
            system("system/Observation.rs?category=laboratory"),
        ),
        ("system", system("system/Observation.rs?category=a|b")),
        (
            "system",
            system("system/Observation.cu?category=a|b system/Observation.rs"),
        ),
        ("system", system("system/*.cruds?_tag=http://a|b")),
        ("system", system("user/*.cruds")),
        ("system", system("patient/*.cruds")),
        ("system", system("openid fhirUser launch/patient")),
        ("system", system("system/*.sr")),
        ("physician", user("physician", "user/*.cruds")),
        ("physician", user("physician", "user/Observation.rs")),
        ("physician", user("physician", "system/*.cruds")),
        ("auditor", user("auditor", "user/AuditEvent.rs")),
        ("auditor", user("auditor", "user/*.cruds")),
        (
            "system-administrator",
            user("system-administrator", "user/*.cruds"),
        ),
        ("janitor", user("janitor", "user/*.cruds")),
        ("app", app("patient/*.rs")),
        ("app", app("patient/*.cruds")),
        ("app", app("patient/Observation.rs")),
        ("app", app("patient/Observation.rs?category=a|b")),
        (
            "app",
            app("patient/Observation.r patient/Observation.rs?category=a|b"),
        ),
        ("app", app("patient/*.rs?_tag=http://a|b")),
        ("app", app("patient/Observation.read patient/Medication.*")),
        ("app", app("user/*.cruds")),
        ("app", app("system/*.cruds")),
        (
            "app, clinician",
            Identity {
                patient: Some("1".into()),
                ..user("physician", "patient/*.cruds user/Claim.cud")
            },
        ),
        (
            "app, physician",
            Identity {
                patient: Some("1".into()),
                ..user(
                    "physician",
                    "patient/Observation.rs user/Observation.rs?category=a|b",
                )
            },
        ),
        (
            "app, registrar",
            Identity {
                patient: Some("1".into()),
                ..user("registrar", "patient/*.cruds")
            },
        ),
        (
            "app, registrar",
            Identity {
                patient: Some("1".into()),
                ..user("registrar", "patient/Observation.rs?category=a|b")
            },
        ),
        (
            "app, auditor",
            Identity {
                patient: Some("1".into()),
                ..user("auditor", "patient/*.cruds")
            },
        ),
        (
            "app, billing clerk",
            Identity {
                patient: Some("1".into()),
                ..user("billing-clerk", "patient/Condition.rs patient/Claim.cruds")
            },
        ),
        ("billing clerk", user("billing-clerk", "user/*.cruds")),
        (
            "app, billing clerk",
            Identity {
                patient: Some("1".into()),
                ..user("billing-clerk", "patient/*.cruds")
            },
        ),
        (
            "app, clerk at own record",
            Identity {
                roles: vec!["billing-clerk".into()],
                ..app("patient/*.cruds user/*.cruds")
            },
        ),
        (
            "app of another patient",
            Identity {
                fhir_user: Some("Patient/2".into()),
                ..app("patient/*.cruds")
            },
        ),
        (
            "app of a relative",
            Identity {
                fhir_user: Some("RelatedPerson/1".into()),
                ..app("patient/*.cruds")
            },
        ),
        (
            "app of nobody",
            Identity {
                fhir_user: None,
                ..app("patient/*.cruds")
            },
        ),
        (
            "app, named patient",
            Identity {
                roles: vec!["patient".into()],
                ..app("user/*.cruds")
            },
        ),
        (
            "app, named patient",
            Identity {
                roles: vec!["patient".into()],
                patient: Some("2".into()),
                ..app("patient/*.cruds")
            },
        ),
        (
            "app without patient",
            Identity {
                patient: None,
                ..app("patient/Observation.rs?category=a|b")
            },
        ),
        (
            "app without patient",
            Identity {
                patient: None,
                ..app("patient/*.cruds")
            },
        ),
        ("anonymous", Identity::default()),
    ];
    let mut table = format!("{:<80}", "caller: scopes");
    types
        .iter()
        .for_each(|ty| write!(table, "{ty:<20}").unwrap());
    for (name, identity) in callers {
        let heading = format!("{name}: {}", identity.scopes);
        let access = access(identity);
        write!(table, "\n{heading:<80}").unwrap();
        types
            .iter()
            .for_each(|ty| write!(table, "{:<20}", letters(&access, id(ty))).unwrap());
    }
    let table: String = table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/decide_golden.txt");
    if std::env::var_os("WARD_BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    assert_eq!(table, std::fs::read_to_string(path).unwrap());
}

#[test]
fn a_launch_patient_that_does_not_exist_gives_nothing() {
    let caller = Caller::new(app("patient/*.cruds"));
    let access = decide(&caller, &Facts::of(Mask::every()));
    for action in Action::ALL {
        assert!(!access.may_any(action));
    }
}

#[test]
fn non_resource_types_and_unknown_numbers_are_nothing() {
    let access = access(system("system/*.cruds"));
    for ty in &r4().types {
        let is_resource = r4().resource_type(ty.name).is_some();
        assert_eq!(access.may(ty.id, Action::Read), is_resource, "{}", ty.name);
    }
    assert!(!access.may(TypeId(u16::MAX), Action::Read));
}

#[test]
fn any_hint_of_a_user_makes_it_no_system() {
    let base = system("system/*.cruds");
    let with_user = Identity {
        fhir_user: Some("Practitioner/1".into()),
        ..base.clone()
    };
    let with_role = Identity {
        roles: vec!["physician".into()],
        ..base.clone()
    };
    let with_subject = Identity {
        subject: "someone".into(),
        ..base.clone()
    };
    let nameless = Identity {
        subject: String::new(),
        client_id: String::new(),
        ..base
    };
    for identity in [with_user, with_role, with_subject, nameless] {
        assert!(!access(identity).may_any(Action::Read));
    }
}

#[test]
fn narrowing_never_widens() {
    let other = PatientKey {
        rid: 8192,
        membership: 5,
    };
    let all = access(user("physician", "user/*.cruds")).narrow(other);
    assert_eq!(
        *all.sight(id("Observation"), Action::Search),
        Sight::Patients([other].into())
    );
    assert_eq!(
        *all.sight(id("Organization"), Action::Search),
        Sight::Nothing
    );
    assert_eq!(
        *all.narrow(KEY)
            .of_hops()
            .sight(id("Organization"), Action::Search),
        Sight::Everything,
        "what a chain leads to is not of the matches"
    );
    let own = access(app("patient/*.rs")).narrow(KEY);
    let hops = own.of_hops();
    assert_eq!(
        hops.sight(id("Observation"), Action::Search),
        access(app("patient/*.rs")).sight(id("Observation"), Action::Search)
    );
    assert_eq!(
        *own.sight(id("Observation"), Action::Search),
        Sight::Patients([KEY].into())
    );
    assert_eq!(
        *own.sight(id("Observation"), Action::Create),
        Sight::Nothing
    );
    assert_eq!(*own.sight(id("Medication"), Action::Search), Sight::Nothing);
    assert!(
        !access(app("patient/*.rs"))
            .narrow(other)
            .may_any(Action::Search)
    );
}

#[test]
fn fingerprints_tell_callers_apart_and_outlive_tokens() {
    let print = |identity| access(identity).fingerprint();
    let first = app("patient/*.rs");
    let renewed = Identity {
        token_id: "other".into(),
        expires_s: 9,
        scopes: Scopes::parse("openid").unwrap(),
        ..first.clone()
    };
    assert_eq!(print(first.clone()), print(renewed));
    assert_ne!(
        print(first.clone()),
        print(Identity {
            patient: Some("2".into()),
            ..first.clone()
        })
    );
    assert_ne!(
        print(first.clone()),
        print(Identity {
            subject: "other".into(),
            ..first.clone()
        })
    );
    assert_ne!(
        print(first.clone()),
        print(Identity {
            client_id: "other".into(),
            ..first.clone()
        })
    );
    assert_eq!(
        access(first.clone()).narrow(KEY).fingerprint(),
        print(first)
    );
}

#[test]
fn maintenance_does_only_what_it_is_for() {
    let check = maintenance(Maintenance::ReferenceCheck);
    assert!(check.may(id("Patient"), Action::Read) && check.may(id("Patient"), Action::Search));
    for action in [Action::Create, Action::Update, Action::Delete] {
        assert!(!check.may_any(action));
    }
    assert!(!maintenance(Maintenance::DemoImport).may_any(Action::Delete));
    assert!(check.mask().shows(i32::MAX));
}

/// R22: of nobody's record as much is seen behind a broken glass as without it.
#[test]
fn a_broken_glass_opens_nothing_of_nobodys_record() {
    let hides = Hides {
        shared: true,
        ..Hides::NOTHING
    };
    let plain = Mask::of(&[1, 2]).hiding(hides);
    let caller = Caller::new(user("physician", "user/*.cruds"));
    let access = decide(&caller, &Facts::of(plain.clone()));
    assert_eq!(access.of_nobody(), None);
    let open = access.break_glass(KEY, Mask::of(&[0, 1, 2]).hiding(Hides::NOTHING));
    for open in [&open, &open.narrow(KEY), &open.without(&[7])] {
        assert_eq!(open.home(), Some(KEY.rid));
        assert_eq!(open.of_nobody(), Some(&plain));
        assert!(open.mask().shows(0) && !open.mask().hides().records);
        assert!(open.may_hide(id("Organization")), "seen as without");
    }
}
