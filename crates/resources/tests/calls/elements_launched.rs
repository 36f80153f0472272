//! Who sees a part of a type, through an app that was launched for a patient: staff in somebody's record, and in their own.

use crate::elements::{HIDDEN, READ, condition, refused};
use crate::house::{House, Policy, app_in, in_role_of, json, loader, role, text};
use serde_json::{Value, json as value};
use ward_access::{Caller, Identity, Scopes};
use ward_resources::Reply;
use ward_resources::route::Method::{Get, Post, Put};

/// `a` is patient 1's; `b` is patient 2's, and patient 1 asserts it; `c` is patient 2's alone.
async fn fill(house: &House) {
    for id in ["1", "2"] {
        let patient = value!({ "resourceType": "Patient", "id": id });
        house.put(&patient).await;
    }
    let doctor = value!({ "resourceType": "Practitioner", "id": "dr" });
    house.put(&doctor).await;
    for (id, subject, asserter) in [
        ("a", "Patient/1", "Practitioner/dr"),
        ("b", "Patient/2", "Patient/1"),
        ("c", "Patient/2", "Practitioner/dr"),
    ] {
        let mut body = condition(id);
        body["subject"] = value!({ "reference": subject });
        body["asserter"] = value!({ "reference": asserter });
        house.put(&body).await;
    }
}

fn shown(reply: &Reply) -> Value {
    let said = text(reply);
    assert_eq!(reply.status, 200, "{said}");
    for hidden in ["the secret", "asserter", "severity"] {
        assert!(!said.contains(hidden), "{said}");
    }
    assert!(said.contains("SUBSETTED"), "{said}");
    json(reply)
}

/// C2, C23: what is in the record is the same for every app; what is shown of it is what the role shows without one.
pub async fn staff_are_shown_of_a_record_what_their_role_shows(house: House) {
    fill(&house).await;
    let policies: [Policy<'_>; 2] = [
        ("Condition", &["code", "onset"], READ),
        ("Patient", &[], READ),
    ];
    let site = role(&policies);
    let desk = in_role_of(&site, "user/*.cruds", None);
    let app = in_role_of(&site, "patient/*.cruds", Some("Patient/1"));
    assert_eq!(house.found(&desk, "Condition").await, ["a", "b", "c"]);
    assert_eq!(house.found(&app, "Condition").await, ["a", "b"]);
    for url in [
        "Condition/a",
        "Condition/a/_history",
        "Condition/a/_history/1",
        "Condition?subject=Patient/1",
    ] {
        let by_desk = shown(&house.ask(&desk, Get, url, None).await);
        let by_app = shown(&house.ask(&app, Get, url, None).await);
        assert_eq!(by_app["entry"], by_desk["entry"], "{url}");
        assert_eq!(by_app["code"], by_desk["code"], "{url}");
    }
    shown(&house.ask(&app, Get, "Condition/b", None).await);
    assert_eq!(house.ask(&app, Get, "Condition/c", None).await.status, 404);
    // What is not shown is not asked through an app either, and whose record it is in is such a question.
    for url in [
        "Condition?asserter=Patient/1",
        "Condition?severity=http://a|b",
        "Patient/1/Condition",
        "Patient/1/$everything",
    ] {
        for caller in [&desk, &app] {
            let reply = house.ask(caller, Get, url, None).await;
            assert_eq!(refused(&reply), HIDDEN, "{url}: {}", text(&reply));
        }
    }
    let everything = "Patient/1/$everything?_type=Patient";
    assert_eq!(house.found(&app, everything).await, ["1"]);
    // Nor by a role that does not see the type at all.
    let blind = in_role_of(&role(&policies[1..]), "patient/*.cruds", Some("Patient/1"));
    assert_eq!(
        house.ask(&blind, Get, "Condition/a", None).await.status,
        403
    );
}

/// The rest of what is changed stays, and it stays at home where it was.
pub async fn what_staff_change_of_a_record_stays_in_it(house: House) {
    fill(&house).await;
    let written = &["create", "read", "update", "search-type"][..];
    let site = role(&[("Condition", &["code"], written)]);
    let app = in_role_of(&site, "patient/*.cruds", Some("Patient/1"));
    let coded = |id: &str, subject: &str| value!({ "resourceType": "Condition", "id": id, "subject": { "reference": subject }, "code": { "text": "new" } });
    let reply = house
        .ask(&app, Put, "Condition/a", Some(&coded("a", "Patient/1")))
        .await;
    shown(&reply);
    let stored = json(&house.ask(&loader(), Get, "Condition/a", None).await);
    assert_eq!(stored["note"], condition("a")["note"]);
    assert_eq!(stored["code"]["text"], "new");
    // Out of the record, into it from another's, and in another's that this patient has part in.
    for (id, subject) in [("a", "Patient/2"), ("c", "Patient/1"), ("b", "Patient/2")] {
        let before = text(
            &house
                .ask(&loader(), Get, &format!("Condition/{id}"), None)
                .await,
        );
        let url = format!("Condition/{id}");
        let reply = house.ask(&app, Put, &url, Some(&coded(id, subject))).await;
        assert!(reply.status >= 400, "{url}: {}", text(&reply));
        let after = text(&house.ask(&loader(), Get, &url, None).await);
        assert_eq!(after, before, "{url}");
    }
    for (subject, status) in [("Patient/1", 201), ("Patient/2", 403)] {
        let mut body = coded("", subject);
        body.as_object_mut().unwrap().remove("id");
        let reply = house.ask(&app, Post, "Condition", Some(&body)).await;
        assert_eq!(reply.status, status, "{subject}: {}", text(&reply));
    }
}

/// A billing clerk who is a patient here.
fn clerk(scopes: &str) -> Caller {
    let own = app_in(None, scopes, "Patient/1");
    Caller::new(Identity {
        roles: vec!["billing-clerk".into()],
        ..(*own).clone()
    })
}

/// C2: the role takes nothing from the person's own record, and the own record adds nothing to the role.
pub async fn a_clerk_sees_their_own_record_as_patients_do(house: House) {
    fill(&house).await;
    let patient = app_in(None, "patient/*.rs", "Patient/1");
    for scopes in ["patient/*.rs", "patient/*.cruds user/*.cruds"] {
        let clerk = clerk(scopes);
        for url in ["Condition/a", "Condition/a/_history/1", "Patient/1"] {
            let own = house.ask(&patient, Get, url, None).await;
            let reply = house.ask(&clerk, Get, url, None).await;
            assert_eq!(own.status, 200, "{}", text(&own));
            assert_eq!(text(&reply), text(&own), "{scopes}");
        }
        for (url, found) in [
            ("Condition", &["a", "b"][..]),
            ("Condition?asserter=Practitioner/dr", &["a"]),
            ("Patient/1/Condition", &["a", "b"]),
            ("Patient/1/$everything?_type=Condition", &["a", "b"]),
        ] {
            assert_eq!(house.found(&clerk, url).await, found, "{scopes} {url}");
        }
        // Nobody else's, and nothing is changed that patients do not change.
        for other in ["Condition/c", "Patient/2"] {
            let reply = house.ask(&clerk, Get, other, None).await;
            assert_eq!(reply.status, 404, "{scopes} {other}: {}", text(&reply));
        }
        let reply = house
            .ask(&clerk, Put, "Condition/a", Some(&condition("a")))
            .await;
        assert_eq!(reply.status, 403, "{scopes}: {}", text(&reply));
    }
    // At the desk they see everybody's in part, their own as well.
    let desk = clerk("user/*.rs");
    assert_eq!(house.found(&desk, "Condition").await, ["a", "b", "c"]);
    for id in ["a", "c"] {
        shown(
            &house
                .ask(&desk, Get, &format!("Condition/{id}"), None)
                .await,
        );
    }
    // In another's record they are staff.
    let other = Caller::new(Identity {
        patient: Some("2".into()),
        scopes: Scopes::parse("patient/*.rs").unwrap(),
        ..(*desk).clone()
    });
    shown(&house.ask(&other, Get, "Condition/c", None).await);
    assert_eq!(
        house.ask(&other, Get, "Condition/a", None).await.status,
        404
    );
}
