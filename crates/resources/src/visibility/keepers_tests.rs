use crate::visibility::fixture::*;

const HOSPITAL: &str = "Organization/h1";

fn part(of: &str) -> String {
    format!(r#","name":"one","partOf":{{"reference":"Organization/{of}"}}"#)
}

fn encounter(members: &str) -> String {
    format!(r#","status":"finished","class":{{"code":"AMB"}}{members}"#)
}

async fn settled(place: &Place) {
    while place.engine.decide_due().await.unwrap() {}
}

const OF_P: &str = r#","subject":{"reference":"Patient/p"}"#;
const IN_WARD: &str = r#","serviceProvider":{"reference":"Organization/ward"}"#;

/// A department leaves the hospital, comes back and is no more.
#[tokio::test]
async fn rows_are_of_whom_they_are_kept_for_once_that_has_moved() {
    let mut place = Place::open(HOSPITAL).await;
    place.engine.settings.delete_check = false;
    for hospital in ["Organization/h1", "Organization/h2"] {
        place.put(hospital, r#","name":"one""#).await;
    }
    place.put("Patient/p", "").await;
    place.put("Organization/dep", &part("h1")).await;
    place.put("Organization/ward", &part("dep")).await;
    let urls = ["Encounter/kept", "Encounter/nobodys", "Encounter/ours"];
    let members = [format!("{OF_P}{IN_WARD}"), IN_WARD.into(), OF_P.into()];
    for (url, members) in urls.iter().zip(members) {
        place.put(url, &encounter(&members)).await;
    }
    settled(&place).await;
    let ids = async || {
        let mut ids = Vec::new();
        for url in urls {
            ids.push(place.row(url).await.visibility);
        }
        ids
    };
    let at_home = ids().await;
    assert_eq!(at_home[0], at_home[2]);

    place.put("Organization/dep", &part("h2")).await;
    assert_eq!(ids().await, at_home);
    settled(&place).await;
    let away = ids().await;
    assert_ne!((away[0], away[1]), (at_home[0], at_home[1]));
    assert_ne!(away[0], at_home[0]);
    assert_ne!(away[1], at_home[1]);
    assert_eq!(away[2], at_home[2]);
    // What is written from then on is of the same class.
    place
        .put("Encounter/later", &encounter(&format!("{OF_P}{IN_WARD}")))
        .await;
    assert_eq!(place.row("Encounter/later").await.visibility, away[0]);

    place.put("Organization/dep", &part("h1")).await;
    settled(&place).await;
    assert_eq!(ids().await, at_home);
    // A name says nothing of whose they are.
    let renamed = part("h1").replace("one", "other");
    place.put("Organization/dep", &renamed).await;
    assert!(!place.engine.decide_due().await.unwrap());
    // Of a record without consents nobody has to read a policy because of it.
    let patient = place.rid("Patient/p").await;
    let versions = place.engine.store.policies(&[patient]).await.unwrap();
    assert_eq!(versions, [0]);
}
