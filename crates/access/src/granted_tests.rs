use super::*;
use crate::decide::tests::{KEY, access, id, system, user};
use crate::{Caller, Identity, Mask, decide};
use ward_fhir::Document;
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_search::compartment::Compartments as Memberships;

const LAB: &str = "category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";

#[test]
fn what_was_not_compiled_grants_nothing() {
    let caller = Caller::new(system(&format!("system/Observation.rs?{LAB}")));
    assert_eq!(caller.granular().len(), 1);
    for criteria in [Vec::new(), vec![None]] {
        let facts = Facts {
            criteria,
            ..Facts::of(Mask::every())
        };
        assert!(!decide(&caller, &facts).may_any(Action::Read));
    }
}

#[test]
fn a_plain_scope_that_reaches_as_far_absorbs() {
    let user = |scope: &str| Identity {
        patient: Some("1".into()),
        ..user("physician", scope)
    };
    for (scopes, granular) in [
        (format!("user/Observation.rs user/Observation.rs?{LAB}"), 0),
        (
            format!("user/Observation.rs patient/Observation.rs?{LAB}"),
            0,
        ),
        (format!("user/*.cruds patient/Observation.rs?{LAB}"), 0),
        (format!("user/Observation.r user/Observation.rs?{LAB}"), 1),
        // One besides, for the devices of the launch patient.
        (format!("patient/*.rs user/Observation.rs?{LAB}"), 2),
        (
            format!("patient/Patient.rs patient/Observation.rs?{LAB}"),
            1,
        ),
    ] {
        let caller = Caller::new(user(&scopes));
        assert_eq!(caller.granular().len(), granular, "{scopes}");
    }
    let both = access(user(&format!(
        "user/Observation.r user/Observation.rs?{LAB}"
    )));
    assert_eq!(
        *both.sight(id("Observation"), Action::Read),
        Sight::Everything
    );
    assert!(matches!(
        both.sight(id("Observation"), Action::Search),
        Sight::Matching(_)
    ));
}

#[test]
fn scopes_of_one_type_are_united() {
    let scopes = format!(
        "patient/Observation.rs user/Observation.rs?{LAB} user/Observation.s?status=final&code=http://a|b"
    );
    let access = access(Identity {
        patient: Some("1".into()),
        ..user("physician", &scopes)
    });
    let grants = |action| match access.sight(id("Observation"), action) {
        Sight::Matching(grants) => grants.to_vec(),
        other => panic!("{other:?}"),
    };
    let bounds = |action| -> Vec<(bool, bool)> {
        let of = |grant: &Grant| (grant.patients.is_some(), grant.criterion.is_some());
        grants(action).iter().map(of).collect()
    };
    assert_eq!(bounds(Action::Read), [(true, false), (false, true)]);
    assert_eq!(
        bounds(Action::Search),
        [(true, false), (false, true), (false, true)]
    );
    assert_eq!(grants(Action::Read)[1], grants(Action::Search)[1]);
    assert_ne!(grants(Action::Search)[1], grants(Action::Search)[2]);
}

#[test]
fn granular_sights_are_narrowed_too() {
    let other = PatientKey {
        rid: 8192,
        membership: 5,
    };
    let scopes = format!(
        "patient/Observation.rs user/Observation.rs?{LAB} user/Organization.rs?name:exact=a"
    );
    let access = access(Identity {
        patient: Some("1".into()),
        ..user("physician", &scopes)
    });
    let narrowed = |patient, ty: &str| access.narrow(patient).sight(id(ty), Action::Search).clone();
    let Sight::Matching(grants) = narrowed(other, "Observation") else {
        panic!()
    };
    assert_eq!(grants.len(), 1);
    assert_eq!(grants[0].patients.as_deref(), Some([other].as_slice()));
    assert!(grants[0].criterion.is_some());
    let Sight::Matching(grants) = narrowed(KEY, "Observation") else {
        panic!()
    };
    assert_eq!(grants.len(), 2);
    assert_eq!(narrowed(KEY, "Organization"), Sight::Nothing);
    let hops = access.narrow(other);
    assert_eq!(
        hops.of_hops().sight(id("Organization"), Action::Search),
        access.sight(id("Organization"), Action::Search)
    );
}

fn read(text: &str) -> Document {
    ward_fhir::json::read(text.as_bytes(), None, &Limits::default()).unwrap()
}

fn observation(category: &str, subject: &str) -> Document {
    read(&format!(
        r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},"subject":{{"reference":"{subject}"}},
            "category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"{category}"}}]}}]}}"#
    ))
}

#[test]
fn writes_are_permitted_by_home_and_state_together() {
    let identity = Identity {
        patient: Some("1".into()),
        ..user(
            "physician",
            &format!("patient/Observation.u user/Observation.u?{LAB}"),
        )
    };
    let (access, ty) = (access(identity), id("Observation"));
    let (lab, vital) = (
        observation("laboratory", "Patient/2"),
        observation("vital-signs", "Patient/2"),
    );
    let permits = |home, state: Option<&Document>| {
        access.permits(ty, Action::Update, home, state.map(Document::root))
    };
    assert!(permits(Some(9), Some(&lab)) && permits(None, Some(&lab)));
    assert!(!permits(Some(9), Some(&vital)) && !permits(None, None));
    assert!(permits(Some(KEY.rid), Some(&vital)) && permits(Some(KEY.rid), None));
    assert!(!access.permits(ty, Action::Create, Some(KEY.rid), Some(lab.root())));
}

#[test]
fn a_version_is_shown_by_what_it_says_itself() {
    let memberships = Memberships::new(r4(), None);
    let ty = id("Observation");
    let (lab, vital) = (
        observation("laboratory", "Patient/1"),
        observation("vital-signs", "Patient/1"),
    );
    let elsewhere = observation("laboratory", "Patient/2");
    let shown = |scopes: &str, home, state: Option<&Document>| {
        let access = access(Identity {
            patient: Some("1".into()),
            ..user("physician", scopes)
        });
        let state = state.map(Document::root);
        let is_shown = access.shows_version(&memberships, (ty, Action::Read), home, state);
        assert!(is_shown || !access.shows_any_version(ty, Action::Read, home));
        is_shown
    };
    let granular = format!("patient/Observation.rs?{LAB}");
    assert!(shown(&granular, KEY.rid, Some(&lab)));
    assert!(shown(&granular, 9, Some(&lab)), "named, at home elsewhere");
    assert!(!shown(&granular, KEY.rid, Some(&vital)));
    assert!(!shown(&granular, 9, Some(&elsewhere)));
    assert!(!shown(&granular, KEY.rid, None), "a deletion says nothing");
    let mixed = format!("patient/Observation.rs user/Observation.rs?{LAB}");
    assert!(shown(&mixed, 9, Some(&elsewhere)) && shown(&mixed, KEY.rid, Some(&vital)));
    assert!(shown(&mixed, KEY.rid, None) && !shown(&mixed, 9, None));
    let plain = "patient/Observation.rs";
    assert!(shown(plain, KEY.rid, Some(&vital)) && shown(plain, 9, Some(&vital)));
    assert!(!shown(plain, 9, Some(&elsewhere)) && shown(plain, 9, None));
}
