use super::*;
use ward_access::{
    Access, Action, Caller, Facts, Identity, Mask, PatientKey, Scopes, Sight, decide,
};
use ward_fhir::schema::r4;

const KEY: PatientKey = PatientKey {
    rid: 1,
    membership: 2,
};

/// What a token of the caller opens.
fn access(name: &str) -> Access {
    let known = DemoCaller::of(name).unwrap();
    let roles = known.roles().iter().map(|role| (*role).to_owned());
    let caller = Caller::new(Identity {
        subject: known.username().unwrap_or(known.client_id()).to_owned(),
        client_id: known.client_id().to_owned(),
        fhir_user: known.username().map(|name| match known {
            DemoCaller::App => "Patient/p1".to_owned(),
            _ => format!("Practitioner/demo-{name}"),
        }),
        patient: (known == DemoCaller::App).then(|| "p1".to_owned()),
        scopes: Scopes::parse(known.scope()).unwrap(),
        roles: roles.collect(),
        expires_s: i64::MAX,
        ..Identity::default()
    });
    assert!(caller.scopes.refused().is_empty(), "{name}");
    decide(
        &caller,
        &Facts {
            patient: Some(KEY),
            ..Facts::of(Mask::every())
        },
    )
}

fn sight<'a>(access: &'a Access, ty: &str, action: Action) -> &'a Sight {
    access.sight(r4().resource_type(ty).unwrap(), action)
}

#[test]
fn each_sees_its_own_part() {
    for (name, ty, action, expected) in [
        ("lab", "Observation", Action::Create, Sight::Everything),
        ("lab", "ServiceRequest", Action::Read, Sight::Everything),
        ("lab", "ServiceRequest", Action::Update, Sight::Nothing),
        ("lab", "Observation", Action::Delete, Sight::Nothing),
        ("lab", "Claim", Action::Read, Sight::Nothing),
        ("billing", "Claim", Action::Create, Sight::Everything),
        ("billing", "Observation", Action::Read, Sight::Nothing),
        ("billing", "Patient", Action::Update, Sight::Nothing),
        (
            "app",
            "Observation",
            Action::Search,
            Sight::Patients([KEY].into()),
        ),
        ("app", "Observation", Action::Create, Sight::Nothing),
        ("app", "Organization", Action::Read, Sight::Everything),
        ("auditor", "AuditEvent", Action::Search, Sight::Everything),
        ("auditor", "Patient", Action::Read, Sight::Nothing),
        (
            "clinician",
            "Observation",
            Action::Update,
            Sight::Everything,
        ),
        ("clinician", "AuditEvent", Action::Read, Sight::Nothing),
        ("clerk", "Condition", Action::Read, Sight::Everything),
        ("clerk", "Condition", Action::Update, Sight::Nothing),
        ("clerk", "Observation", Action::Read, Sight::Nothing),
        ("admin", "Patient", Action::Read, Sight::Nothing),
        (
            "admin",
            "SearchParameter",
            Action::Create,
            Sight::Everything,
        ),
        ("loader", "Patient", Action::Delete, Sight::Everything),
        ("loader", "AuditEvent", Action::Delete, Sight::Nothing),
    ] {
        assert_eq!(
            *sight(&access(name), ty, action),
            expected,
            "{name} {ty} {action:?}"
        );
    }
}

#[test]
fn callers_are_known_by_their_names() {
    for caller in DemoCaller::ALL {
        assert_eq!(DemoCaller::of(caller.name()), Some(caller));
    }
    assert_eq!(DemoCaller::of("root"), None);
}

#[test]
fn a_caller_may_ask_for_less() {
    for scope in [
        "openid",
        "fhirUser",
        "patient/Observation.r",
        "patient/Observation.rs?category=http://example.org/kinds|laboratory",
        "patient/*.read",
    ] {
        assert!(DemoCaller::App.may_ask(scope), "{scope}");
    }
    for scope in [
        "patient/Observation.cruds",
        "user/Observation.rs",
        "patient/Observation.sr",
        "patient/Observation.rs?category=laboratory",
        "offline_access",
    ] {
        assert!(!DemoCaller::App.may_ask(scope), "{scope}");
    }
    assert!(!DemoCaller::Lab.may_ask("openid"));
}
