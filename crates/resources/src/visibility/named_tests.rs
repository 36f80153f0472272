use crate::call::Call;
use crate::route::{Method, route};
use crate::visibility::THIS_ORGANIZATION;
use crate::visibility::fixture::*;

const AUTHORED: &str =
    r#""data":[{"meaning":"authoredby","reference":{"reference":"Practitioner/x"}}]"#;

/// Nobody is kept from deleting what others refer to.
async fn house() -> Place {
    let mut place = Place::open(THIS_ORGANIZATION).await;
    place.engine.settings.delete_check = false;
    for person in ["Practitioner/x", "Practitioner/y", "Patient/p", "Patient/q"] {
        place.put(person, "").await;
    }
    place
}

async fn delete(place: &Place, url: &str) {
    let call = Call::new(route(Method::Delete, url).unwrap(), [7; 16], "test".into());
    let reply = place
        .engine
        .answer_within(&place.caller, &place.access, &call, false);
    assert_eq!(reply.await.status, 204, "{url}");
}

async fn nobody_is_due(place: &Place) {
    assert!(!place.engine.decide_due().await.unwrap());
}

/// What is left for a row, in words.
async fn of_x(place: &Place, url: &str) -> String {
    named(&place.residual(url).await)
}

/// Of the second patient, who has denied somebody who never was, as if that had been the other.
async fn of_nobody(place: &Place, id: &str) -> String {
    let left = of_x(place, "Observation/q").await;
    left.replace(&format!("Practitioner/{id}"), "Practitioner/x")
}

fn named(residual: &ward_consent::Residual) -> String {
    format!("{residual:?}")
}

#[tokio::test]
async fn t24_a_deny_of_somebody_who_is_deleted_is_of_anybody() {
    let place = house().await;
    for patient in ["p", "q"] {
        let url = format!("Observation/{patient}");
        place.put(&url, &observed(patient, "Practitioner/y")).await;
    }
    place.change("Consent/p", Some(&deny("p", RECIPIENT))).await;
    let recipient = RECIPIENT.replace("Practitioner/x", "Practitioner/never");
    place
        .change("Consent/q", Some(&deny("q", &recipient)))
        .await;
    // Whom the second one names nobody is: the privacy officer is told.
    assert!(place.engine.decide_due().await.unwrap());
    nobody_is_due(&place).await;
    let before = place.residual("Observation/p").await;
    assert_ne!(named(&before), of_nobody(&place, "never").await);

    delete(&place, "Practitioner/x").await;
    // Whom the store has on its list is not lost with the process.
    assert!(place.engine.decide_due().await.unwrap());
    nobody_is_due(&place).await;
    assert_eq!(
        of_x(&place, "Observation/p").await,
        of_nobody(&place, "never").await
    );
    // What is written from then on is judged by it as well.
    place
        .put("Observation/later", &observed("p", "Practitioner/y"))
        .await;
    assert_eq!(
        of_x(&place, "Observation/later").await,
        of_nobody(&place, "never").await
    );
    assert!(place.engine.closed.get().is_empty());

    // And with whoever comes back it is of them alone.
    place.put("Practitioner/x", "").await;
    assert!(place.engine.decide_due().await.unwrap());
    assert_eq!(place.residual("Observation/p").await, before);
    nobody_is_due(&place).await;
}

#[tokio::test]
async fn who_is_named_by_nobody_calls_nobody() {
    let place = house().await;
    place.change("Consent/p", Some(&deny("p", RECIPIENT))).await;
    place.put("Practitioner/y", r#","gender":"other""#).await;
    place.put("Organization/o", r#","name":"one""#).await;
    place.put("Organization/o", r#","name":"other""#).await;
    delete(&place, "Practitioner/y").await;
    // What is said of a person but for whether they are there is of no consent.
    place.put("Practitioner/x", r#","gender":"other""#).await;
    nobody_is_due(&place).await;
}

#[tokio::test]
async fn t24_who_wrote_a_note_is_told_anew_when_their_role_is_of_another_person() {
    let place = house().await;
    let role = |person: &str| format!(r#","practitioner":{{"reference":"Practitioner/{person}"}}"#);
    place.put("PractitionerRole/r", &role("y")).await;
    place
        .put("Observation/o", &observed("p", "PractitionerRole/r"))
        .await;
    place.change("Consent/p", Some(&deny("p", AUTHORED))).await;
    let before = place.residual("Observation/o").await;
    place.put("PractitionerRole/r", &role("x")).await;
    assert!(place.engine.decide_due().await.unwrap());
    let after = place.residual("Observation/o").await;
    assert_ne!(before, after);
    // Also where they are named no more.
    place.put("PractitionerRole/r", &role("y")).await;
    assert!(place.engine.decide_due().await.unwrap());
    assert_eq!(place.residual("Observation/o").await, before);
}

/// A Consent that comes while its actor is deleted: whoever looks last finds it.
#[tokio::test]
async fn who_is_named_between_the_look_and_the_commit_is_called_then() {
    let place = house().await;
    place
        .put("Observation/p", &observed("p", "Practitioner/y"))
        .await;
    let mut unit = ward_storage::Unit::default();
    unit.writes
        .push(place.compose("Practitioner/x", None).await);
    let changed = place.engine.call_due(&mut unit).await.unwrap();
    assert!(unit.turns.is_empty());
    place.change("Consent/p", Some(&deny("p", RECIPIENT))).await;
    let before = place.residual("Observation/p").await;
    place.engine.store.commit(unit).await.unwrap();
    place.engine.called(changed).await;
    assert!(place.engine.decide_due().await.unwrap());
    assert_ne!(place.residual("Observation/p").await, before);
    assert!(matches!(
        place.row("Practitioner/x").await.op,
        ward_storage::Op::Delete
    ));
}

const RELATED: &str = r#""data":[{"meaning":"related","reference":{"reference":"Encounter/e"}}]"#;

#[tokio::test]
async fn what_a_named_resource_refers_to_is_told_anew_when_it_refers_to_something_else() {
    let place = house().await;
    let encounter = |about: &str| {
        format!(
            r#","status":"finished","class":{{"code":"AMB"}},"subject":{{"reference":"Patient/p"}},"reasonReference":[{{"reference":"Condition/{about}"}}]"#
        )
    };
    for condition in ["Condition/a", "Condition/b"] {
        let members = r#","subject":{"reference":"Patient/p"}"#;
        place.put(condition, members).await;
    }
    place.put("Encounter/e", &encounter("a")).await;
    place.change("Consent/p", Some(&deny("p", RELATED))).await;
    nobody_is_due(&place).await;
    let (a, b) = (
        place.residual("Condition/a").await,
        place.residual("Condition/b").await,
    );
    assert_ne!(a, b);
    // What refers to the same as before is no news.
    let same = format!("{},\"priority\":{{\"text\":\"x\"}}", encounter("a"));
    place.put("Encounter/e", &same).await;
    nobody_is_due(&place).await;
    place.put("Encounter/e", &encounter("b")).await;
    assert!(place.engine.decide_due().await.unwrap());
    assert_eq!(place.residual("Condition/a").await, b);
    assert_eq!(place.residual("Condition/b").await, a);
    // Of what is gone nobody knows to what it referred.
    delete(&place, "Encounter/e").await;
    assert!(place.engine.decide_due().await.unwrap());
    assert_eq!(place.residual("Condition/a").await, a);
    assert_eq!(place.residual("Condition/b").await, a);
}
