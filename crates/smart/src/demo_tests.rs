use super::*;
use crate::TokenService;
use ward_access::{Access, Action, Facts, PatientKey, Sight, decide};
use ward_fhir::schema::r4;
use ward_seal::jws::SigningKey;

const KEY: PatientKey = PatientKey {
    rid: 1,
    membership: 2,
};

/// The whole way: claims, token, caller, access.
fn access(name: &str) -> Access {
    let service = TokenService::fixed(SigningKey::generate(), "iss", "aud");
    let claims = demo_caller(name, Some("p1")).unwrap();
    let token = service.mint(&claims, 1000).unwrap().token;
    let caller = service.verify(&token, 1000).unwrap().caller.clone();
    assert!(caller.scopes.refused().is_empty(), "{name}");
    decide(
        &caller,
        &Facts {
            patient: Some(KEY),
            ..Facts::default()
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
fn names_that_do_not_exist_and_apps_without_patient_are_refused() {
    assert_eq!(demo_caller("root", None), Err(DemoError::UnknownCaller));
    assert_eq!(demo_caller("app", None), Err(DemoError::PatientMissing));
    assert!(DemoError::UnknownCaller.to_string().contains("clinician"));
    assert!(
        DEMO_CALLERS
            .iter()
            .all(|name| demo_caller(name, Some("p")).is_ok())
    );
}

#[test]
fn a_caller_may_ask_for_less() {
    let app = || demo_caller("app", Some("p1")).unwrap();
    let lab = "patient/Observation.rs?category=http://example.org/kinds|laboratory";
    for scope in [
        "openid",
        "patient/Observation.r",
        lab,
        "patient/*.read fhirUser",
    ] {
        let less = narrowed(app(), scope).unwrap();
        assert_eq!(
            (less.scope.as_str(), less.patient.as_deref()),
            (scope, Some("p1"))
        );
    }
    for scope in [
        "patient/Observation.cruds",
        "user/Observation.rs",
        "patient/Observation.sr",
        "patient/Observation.rs?category=laboratory",
        "offline_access",
    ] {
        let error = narrowed(app(), &format!("openid {scope}")).unwrap_err();
        assert_eq!(error, DemoError::Scope(scope.to_owned()));
        assert!(error.to_string().contains(scope));
    }
}
