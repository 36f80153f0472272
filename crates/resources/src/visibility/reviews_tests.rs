use super::*;
use crate::route::{Method, route};
use crate::visibility::THIS_ORGANIZATION;
use crate::visibility::fixture::*;

/// Nobody is kept from deleting what others refer to.
async fn house() -> Place {
    let mut place = Place::open(THIS_ORGANIZATION).await;
    place.engine.settings.delete_check = false;
    for url in ["Practitioner/x", "Practitioner/y", "Patient/p", "Patient/q"] {
        place.put(url, "").await;
    }
    place
}

async fn ask(place: &Place, caller: &Caller, call: Call) -> crate::reply::Reply {
    let answer = place
        .engine
        .answer_within(caller, &place.access, &call, false);
    answer.await
}

fn call(method: Method, url: &str, patch: Option<Value>) -> Call {
    let mut call = Call::new(route(method, url).unwrap(), [7; 16], "test".into());
    call.body = patch.map(|patch| Body {
        bytes: patch.to_string().into(),
        format: Format::JsonPatch,
    });
    call
}

/// The Tasks with a code, as they are stored.
async fn tasks(place: &Place, code: &str) -> Vec<Value> {
    let mut asked = call(Method::Get, "Task", None);
    asked.parameters = vec![("code".into(), format!("{REVIEW_SYSTEM}|{code}"))];
    let reply = ask(place, &place.caller, asked).await;
    let bundle: Value = serde_json::from_slice(reply.json().unwrap()).unwrap();
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries.map(|entry| entry["resource"].clone()).collect()
}

#[tokio::test]
async fn a_consent_that_can_be_evaluated_no_longer_is_told_once() {
    let place = house().await;
    place.change("Consent/p", Some(&deny("p", RECIPIENT))).await;
    place
        .change(
            "Consent/q",
            Some(&deny("q", &RECIPIENT.replace("/x", "/y"))),
        )
        .await;
    let gone = call(Method::Delete, "Practitioner/x", None);
    assert_eq!(ask(&place, &place.caller, gone).await.status, 204);
    for _ in 0..3 {
        while place.engine.decide_due().await.unwrap() {}
        let told = tasks(&place, CONSENT_REVIEW).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["for"]["reference"], "Patient/p");
        assert_eq!(told[0]["focus"]["display"], "Consent/p/_history/1");
        assert_eq!(told[0]["status"], "requested");
        // For whatever reason it is decided again.
        let p = place.rid("Patient/p").await;
        let unit = ward_storage::Unit {
            turns: vec![ward_storage::Turn {
                patient: p,
                due_us: Some(0),
                is_closed: false,
            }],
            ..ward_storage::Unit::default()
        };
        place.engine.store.commit(unit).await.unwrap();
    }
    // Of another version it is told again.
    place.put("Practitioner/x", "").await;
    while place.engine.decide_due().await.unwrap() {}
    assert_eq!(tasks(&place, CONSENT_REVIEW).await.len(), 1);
    place
        .change(
            "Consent/p",
            Some(&deny(
                "p",
                &format!(r#""dataPeriod":{{"start":"2020"}},{RECIPIENT}"#),
            )),
        )
        .await;
    let gone = call(Method::Delete, "Practitioner/x", None);
    assert_eq!(ask(&place, &place.caller, gone).await.status, 204);
    while place.engine.decide_due().await.unwrap() {}
    assert_eq!(tasks(&place, CONSENT_REVIEW).await.len(), 2);
    // The privacy officer's and the patient's alone.
    let class = place
        .seen_by(&place.row(&task_url(&place).await).await)
        .await
        .unwrap();
    assert!(class.class.is_consent);
}

async fn task_url(place: &Place) -> String {
    let told = tasks(place, CONSENT_REVIEW).await;
    format!("Task/{}", told[0]["id"].as_str().unwrap())
}

#[tokio::test]
async fn labels_that_somebody_takes_away_are_told_once_for_each_person_and_record() {
    let place = house().await;
    let officer = |name: &str| {
        Caller::new(Identity {
            subject: name.to_owned(),
            client_id: "app".to_owned(),
            fhir_user: Some(format!("Practitioner/{name}")),
            roles: vec!["privacy-officer".to_owned()],
            scopes: Scopes::parse("system/*.cruds").unwrap(),
            ..Identity::default()
        })
    };
    let labelled = r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"},{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;
    for (url, patient) in [
        ("Observation/a", "p"),
        ("Observation/b", "p"),
        ("Observation/c", "q"),
    ] {
        place
            .put(
                url,
                &format!("{labelled}{}", observed(patient, "Practitioner/y")),
            )
            .await;
    }
    let lowers = async |who: &str, url: &str| {
        let patch = json!([{ "op": "remove", "path": "/meta/security" }]);
        let reply = ask(&place, &officer(who), call(Method::Patch, url, Some(patch))).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        tasks(&place, LABEL_REVIEW).await.len()
    };
    assert_eq!(lowers("x", "Observation/a").await, 1);
    assert_eq!(lowers("x", "Observation/b").await, 1);
    assert_eq!(lowers("x", "Observation/c").await, 2);
    place
        .put(
            "Observation/a",
            &format!("{labelled}{}", observed("p", "Practitioner/y")),
        )
        .await;
    assert_eq!(lowers("y", "Observation/a").await, 3);
    let told = tasks(&place, LABEL_REVIEW).await;
    let mut of: Vec<String> = told
        .iter()
        .map(|task| {
            format!(
                "{} {}",
                task["requester"]["reference"], task["for"]["reference"]
            )
        })
        .collect();
    of.sort();
    assert_eq!(
        of,
        [
            r#""Practitioner/x" "Patient/p""#,
            r#""Practitioner/x" "Patient/q""#,
            r#""Practitioner/y" "Patient/p""#
        ]
    );
    // What takes none away is nobody's affair.
    let patch = json!([{ "op": "replace", "path": "/status", "value": "amended" }]);
    let reply = ask(
        &place,
        &officer("x"),
        call(Method::Patch, "Observation/c", Some(patch)),
    )
    .await;
    assert_eq!(reply.status, 200);
    assert_eq!(tasks(&place, LABEL_REVIEW).await.len(), 3);
}
