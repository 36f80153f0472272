use super::*;
use crate::state::LaunchValues;

fn authorization(scope: &str) -> Authorization {
    Authorization {
        scope: scope.into(),
        ..Authorization::default()
    }
}

fn session(assurance: Assurance) -> Session {
    Session {
        id: "session".into(),
        subject: "subject".into(),
        fhir_user: Some("Practitioner/1".into()),
        auth_time_s: 1000,
        acr: assurance.word().into(),
        ..Session::default()
    }
}

fn page(authorization: &Authorization, session: Option<&Session>) -> Next {
    next(authorization, &Client::default(), session)
}

#[test]
fn s37_a_sign_in_must_be_young_and_sure_enough() {
    let mfa = session(Assurance::Multiple);
    let openid = authorization("openid");
    assert_eq!(page(&openid, None), Next::SignIn);
    assert_eq!(
        page(&openid, Some(&session(Assurance::Password))),
        Next::Approve
    );
    let fresh = Authorization {
        signed_in_from_s: Some(1001),
        ..openid.clone()
    };
    assert_eq!(page(&fresh, Some(&mfa)), Next::SignIn);
    let sure = Authorization {
        acr: Some("phr".into()),
        ..openid.clone()
    };
    assert_eq!(page(&sure, Some(&mfa)), Next::SecondFactor);
    let passkey = session(Assurance::PhishingResistant);
    assert_eq!(page(&sure, Some(&passkey)), Next::Approve);
    let unknown = Session {
        acr: "made up".into(),
        ..mfa
    };
    assert_eq!(page(&openid, Some(&unknown)), Next::SecondFactor);
}

/// AT7a
#[test]
fn c7_clinical_scopes_need_two_factors() {
    let clinical = authorization("user/Observation.rs");
    let password = session(Assurance::Password);
    assert_eq!(page(&clinical, Some(&password)), Next::SecondFactor);
    let mfa = session(Assurance::Multiple);
    assert_eq!(page(&clinical, Some(&mfa)), Next::Approve);
}

#[test]
fn s73_patient_scopes_need_a_patient() {
    let mfa = session(Assurance::Multiple);
    for scope in ["patient/Observation.rs", "launch/patient"] {
        let mut asked = authorization(scope);
        assert_eq!(page(&asked, Some(&mfa)), Next::ChoosePatient, "{scope}");
        asked.patient = Some("1".into());
        assert_eq!(page(&asked, Some(&mfa)), Next::Approve, "{scope}");
    }
    let launched = Authorization {
        launch: Some(LaunchValues {
            patient: Some("1".into()),
            ..LaunchValues::default()
        }),
        ..authorization("launch patient/*.rs")
    };
    assert_eq!(page(&launched, Some(&mfa)), Next::Approve);
}

#[test]
fn what_the_hospital_approved_is_asked_of_patients_only() {
    let client = Client {
        approved_for_staff: true,
        ..Client::default()
    };
    let asked = authorization("user/*.rs");
    let staff = session(Assurance::Multiple);
    let patient = Session {
        patient: Some("1".into()),
        ..staff.clone()
    };
    assert_eq!(next(&asked, &client, Some(&staff)), Next::Grant);
    assert_eq!(next(&asked, &client, Some(&patient)), Next::Approve);
    let consent = Authorization { ask: true, ..asked };
    assert_eq!(next(&consent, &client, Some(&staff)), Next::Approve);
}

#[test]
fn s28_a_launch_is_for_its_user_and_a_patient_for_no_other() {
    let user = session(Assurance::Multiple);
    let launched = |of: &str, patient: &str| Authorization {
        launch_user: Some(of.into()),
        launch: Some(LaunchValues {
            patient: Some(patient.into()),
            ..LaunchValues::default()
        }),
        ..Authorization::default()
    };
    assert!(may_use_launch(&launched("Practitioner/1", "1"), &user).is_ok());
    assert!(may_use_launch(&launched("subject", "1"), &user).is_ok());
    assert!(may_use_launch(&launched("Practitioner/2", "1"), &user).is_err());
    let patient = Session {
        patient: Some("1".into()),
        ..user
    };
    assert!(may_use_launch(&launched("subject", "1"), &patient).is_ok());
    assert!(may_use_launch(&launched("subject", "2"), &patient).is_err());
}

#[test]
fn a_choice_is_forgotten_when_somebody_else_goes_on() {
    let mut asked = authorization("launch/patient");
    let first = session(Assurance::Multiple);
    asked.adopt(&first);
    asked.patient = Some("1".into());
    asked.adopt(&first);
    assert_eq!(asked.patient.as_deref(), Some("1"));
    let second = Session {
        id: "other".into(),
        ..first
    };
    asked.adopt(&second);
    assert_eq!(asked.patient, None);
    let own = Session {
        patient: Some("7".into()),
        ..second
    };
    asked.adopt(&own);
    assert_eq!(asked.patient.as_deref(), Some("7"));
}
