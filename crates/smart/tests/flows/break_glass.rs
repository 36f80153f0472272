//! R22: who breaks the glass of a record, how, and what is left of it.

use crate::answers::*;
use crate::asks::*;
use crate::browser::*;
use crate::house::*;
use serde_json::{Value, json};
use ward_access::{Caller, Identity, Scopes};
use ward_audit::{Alert, Outcome, Record};
use ward_fhir::schema::r4;
use ward_resources::{Call, Interaction};
use ward_smart::page::BreakGlass;
use ward_smart::{Answer, Credentials, Endpoint, GRANTS_MAX, MINUTES_MAX, Page};

const REASON: (&str, &str) = ("reason", "brought in unconscious");

fn page(answer: Answer) -> BreakGlass {
    match shown(answer) {
        Page::BreakGlass(page) => page,
        other => panic!("{other:?}"),
    }
}

async fn opened(browser: &mut Browser<'_>, patient: &str) -> BreakGlass {
    page(
        browser
            .get(&format!("/auth/break-glass?patient={patient}"))
            .await,
    )
}

/// The Tasks that wait for a review.
async fn reviews(house: &House) -> Vec<Value> {
    let ty = r4().resource_type("Task").unwrap();
    let mut call = Call::new(Interaction::SearchType { ty }, [0; 16], "test".into());
    call.parameters = vec![
        ("code".into(), "urn:ward:task|break-glass-review".into()),
        ("status".into(), "requested".into()),
    ];
    let officer = Caller::new(Identity {
        subject: "officer".into(),
        client_id: "app".into(),
        fhir_user: Some("Practitioner/officer".into()),
        roles: vec!["privacy-officer".into()],
        scopes: Scopes::parse("user/Task.rs").unwrap(),
        expires_s: i64::MAX,
        ..Identity::default()
    });
    let reply = house.engine.answer(&officer, &call).await;
    let bundle: Value = serde_json::from_slice(reply.json().unwrap()).unwrap();
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries.map(|entry| entry["resource"].clone()).collect()
}

fn marked(house: &House) -> Vec<Record> {
    let log = house.engine.log().records_from(1, 10_000).unwrap();
    let records = log.into_iter().map(|(_, record)| record);
    records.filter(|r| r.decision.break_glass).collect()
}

async fn caller(house: &House, token: &Value, now_s: i64) -> std::sync::Arc<Caller> {
    let header = bearer(token);
    let credentials = Credentials {
        authorization: Some(&header),
        ..Credentials::default()
    };
    house
        .server
        .authenticate(&credentials, now_s)
        .await
        .unwrap()
}

fn bearer(token: &Value) -> String {
    format!("Bearer {}", token["access_token"].as_str().unwrap())
}

pub async fn r22_a_person_opens_one_record_at_our_page(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let mut doctor = Browser::new(&house);
    doctor.cookie = house.clinician().await;
    let first = opened(&mut doctor, "p1").await;
    assert_eq!((first.patient.as_str(), first.minutes), ("p1", MINUTES_MAX));
    assert_eq!(first.patient_name.as_deref(), Some("Ada Lovelace"));
    assert!(first.grants.is_empty() && first.person.breaks_glass);
    // Without a patient or a reason nothing is opened, and nobody is bothered.
    for (fields, wrong) in [
        (vec![("patient", "p1")], vec!["reason"]),
        (
            vec![("patient", "p1"), ("reason", "too short")],
            vec!["reason"],
        ),
        (
            vec![("patient", "p1"), ("reason_code", "curious")],
            vec!["reason_code"],
        ),
        (vec![("patient", "nobody"), REASON], vec!["patient"]),
        (
            vec![("patient", "a b"), ("reason", "x")],
            vec!["patient", "reason"],
        ),
    ] {
        let answer = doctor.send(&first.form, &fields).await;
        assert_eq!(answer.status(), 400, "{fields:?}");
        let page = page(answer);
        let named: Vec<&str> = page
            .errors
            .iter()
            .map(|(field, _)| field.as_str())
            .collect();
        assert_eq!(named, wrong);
    }
    assert!(reviews(&house).await.is_empty() && marked(&house).is_empty());

    let done = page(doctor.send(&first.form, &[("patient", "p1"), REASON]).await);
    assert!(done.notice.unwrap().contains("patient p1"));
    assert_eq!(done.grants.len(), 1);
    let id = done.grants[0].id.clone();
    // The officer finds it at once.
    let reviews = reviews(&house).await;
    let [task] = &reviews[..] else {
        panic!("{reviews:?}")
    };
    assert_eq!(task["for"]["reference"], "Patient/p1");
    assert_eq!(task["requester"]["reference"], "Practitioner/doctor");
    assert_eq!(task["input"][0]["valueId"], "p1");
    assert_eq!(task["intent"], "order");
    assert_eq!(task["reasonCode"]["text"], REASON.1);
    assert_eq!(task["authoredOn"], "2023-11-14T22:13:20.000Z");
    assert_eq!(
        task["restriction"]["period"]["end"],
        "2023-11-14T23:13:20.000Z"
    );
    let records = marked(&house);
    let [record] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(record.decision.alert, Some(Alert::BREAK_GLASS));
    assert_eq!(
        (record.interaction.as_str(), record.purpose.as_str()),
        ("break-glass", "BTG")
    );
    assert_eq!(record.user, "Practitioner/doctor");
    assert!(
        record
            .query
            .starts_with("decision=declare&patient=p1&task="),
        "{}",
        record.query
    );
    assert!(!record.query.contains("unconscious"));
    assert!(!record.entities.is_empty());

    // It is for the apps of this person in this session, and for an hour.
    let token = house
        .tokens(&asked("openid user/*.rs online_access"), &doctor.cookie)
        .await;
    let own = caller(&house, &token, NOW_S).await;
    let open = |now_s| house.server.broken_glass(&own, &id, now_s);
    let glass = open(NOW_S).await.unwrap().unwrap();
    assert_eq!(glass.patient, "p1");
    assert_eq!(glass.until_us, (NOW_S + 3600) * 1_000_000);
    assert!(open(NOW_S + 3599).await.unwrap().is_some());
    assert!(open(NOW_S + 3600).await.unwrap().is_none());
    let elsewhere = house.clinician().await;
    let other = house
        .tokens(&asked("openid user/*.rs online_access"), &elsewhere)
        .await;
    let other = caller(&house, &other, NOW_S).await;
    assert!(
        house
            .server
            .broken_glass(&other, &id, NOW_S)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        house
            .server
            .broken_glass(&own, "x", NOW_S)
            .await
            .unwrap()
            .is_none()
    );

    // The app learns of it, and the person ends it: at once, on every node.
    let list = Ask::get("").authorization(&bearer(&token));
    let told = ok(house.ask(Endpoint::BreakGlassGrants, &list).await);
    assert_eq!(told["grants"][0]["grant"], id);
    assert_eq!(told["grants"][0]["patient"], "p1");
    assert_eq!(told["grants"][0]["expires_in"], 3600);
    assert!(
        told["grants"][0]["review"]
            .as_str()
            .unwrap()
            .starts_with("Task/")
    );
    let another = house.another().await;
    let ended = page(doctor.send(&first.form, &[("end", &id)]).await);
    assert!(ended.grants.is_empty());
    assert!(open(NOW_S).await.unwrap().is_none());
    if let Some(another) = another {
        assert!(
            another
                .broken_glass(&own, &id, NOW_S)
                .await
                .unwrap()
                .is_none()
        );
    }
    let told = ok(house.ask(Endpoint::BreakGlassGrants, &list).await);
    assert_eq!(told, json!({ "grants": [] }));
    let last = marked(&house).pop().unwrap();
    assert!(
        last.query.starts_with("decision=end&patient=p1&task="),
        "{}",
        last.query
    );
    assert_eq!(last.decision.alert, None);
}

pub async fn r22_the_second_factor_is_shown_just_before(house: House) {
    house.patient("p1", "Lovelace").await;
    let (secret, _) = enrolled(&house, "okafor").await;
    let mut nurse = Browser::new(&house);
    let answer = nurse.get("/auth/break-glass?patient=p1").await;
    let there = "/auth/sign-in?to=/auth/break-glass&patient=p1";
    assert_eq!(to(&answer), there);
    // From the sign-in back to the same patient.
    let query = there.strip_prefix("/auth/sign-in").unwrap();
    let answer = nurse.password(query, "okafor", PASSWORD).await;
    assert_eq!(
        to(&answer),
        "/auth/second-factor?to=/auth/break-glass&patient=p1"
    );
    nurse.sign_in("okafor", &secret, None).await;
    nurse.now_s += 300;
    let form = opened(&mut nurse, "p1").await.form;
    nurse.now_s += 1;
    let there = "/auth/second-factor?to=/auth/break-glass&patient=p1";
    let asked = nurse.get("/auth/break-glass?patient=p1").await;
    let sent = nurse.send(&form, &[("patient", "p1"), REASON]).await;
    assert_eq!((to(&asked), to(&sent)), (there, there));
    assert!(reviews(&house).await.is_empty());
    // The page takes a code again from whoever signed in with one, for this way alone.
    let Page::SecondFactor(plain) = shown(nurse.get("/auth/second-factor").await) else {
        panic!("no second factor")
    };
    assert!(!plain.takes_code);
    let Page::SecondFactor(again) = shown(nurse.get(there).await) else {
        panic!("no second factor")
    };
    assert!(again.takes_code);
    let wrong = nurse.send(&again.form, &[("code", "000000")]).await;
    assert_eq!(wrong.status(), 400);
    let code = secret.code(ward_seal::totp::step(nurse.now_s));
    let answer = nurse.send(&again.form, &[("code", &code)]).await;
    assert_eq!(to(&answer), "/auth/break-glass?patient=p1");
    let form = opened(&mut nurse, "p1").await.form;
    let done = page(
        nurse
            .send(&form, &[("patient", "p1"), ("reason_code", "emergency")])
            .await,
    );
    assert_eq!(done.grants.len(), 1);
    let task = &reviews(&house).await[0];
    assert_eq!(task["reasonCode"]["coding"][0]["code"], "emergency");
}

pub async fn t25_who_has_no_right_opens_nothing(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    for role in [
        "billing-clerk",
        "pharmacist",
        "privacy-officer",
        "system-administrator",
    ] {
        let mut clerk = Browser::new(&house);
        clerk.cookie = house
            .signed_in(|session| {
                session.account = role.into();
                session.fhir_user = Some("Practitioner/clerk".into());
                session.roles = vec![role.into()];
            })
            .await;
        assert_eq!(
            clerk.get("/auth/break-glass?patient=p1").await.status(),
            403,
            "{role}"
        );
    }
    let mut patient = Browser::new(&house);
    patient.cookie = house.patient_account("p1").await;
    assert_eq!(patient.get("/auth/break-glass").await.status(), 403);
    let own = house
        .tokens(
            &asked("openid launch/patient patient/*.rs online_access"),
            &patient.cookie,
        )
        .await;
    let post = Ask::post(&[("patient", "p1"), REASON]).authorization(&bearer(&own));
    let answer = house.ask(Endpoint::BreakGlassGrants, &post).await;
    assert_eq!(refused(answer), (403, "access_denied".into()));
    let last = house.engine.log().records_from(1, 10_000).unwrap();
    let last = last.into_iter().next_back().unwrap().1;
    assert_eq!(
        (last.interaction.as_str(), last.outcome),
        ("break-glass", Outcome::Minor)
    );
    assert!(reviews(&house).await.is_empty() && marked(&house).is_empty());
}

/// An app that an administrator trusts with it asks by itself; every other leads its user to the page.
pub async fn r22_an_app_asks_for_its_user(house: House) {
    house.patient("p1", "Lovelace").await;
    let doctor = house.clinician().await;
    house.app(|_| ()).await;
    let scope = asked("openid user/*.rs online_access");
    let declare =
        |token: &Value, fields: &[(&str, &str)]| Ask::post(fields).authorization(&bearer(token));
    let whole = [("patient", "p1"), REASON];
    let plain = house.tokens(&scope, &doctor).await;
    let answer = house
        .ask(Endpoint::BreakGlassGrants, &declare(&plain, &whole))
        .await;
    assert_eq!(refused(answer), (403, "access_denied".into()));

    house
        .app(|client| client.purpose_of_use = Some("TREAT BTG".into()))
        .await;
    let token = house.tokens(&scope, &doctor).await;
    for (fields, status, error) in [
        (&[("patient", "p1")][..], 400, "invalid_request"),
        (&[("patient", "nobody"), REASON], 400, "invalid_request"),
        (&[("decision", "open")], 400, "invalid_request"),
        (
            &[("patient", "p1"), ("patient", "p2"), REASON],
            400,
            "invalid_request",
        ),
    ] {
        let answer = house
            .ask(Endpoint::BreakGlassGrants, &declare(&token, fields))
            .await;
        assert_eq!(refused(answer), (status, error.into()), "{fields:?}");
    }
    let nobody = house
        .ask(Endpoint::BreakGlassGrants, &Ask::post(&whole))
        .await;
    assert_eq!(nobody.status(), 401);
    house.server.watch(NOW_S + 301).await.unwrap();
    let late = declare(&token, &whole).at(NOW_S + 301);
    let answer = house.ask(Endpoint::BreakGlassGrants, &late).await;
    let challenge = header(&answer, "WWW-Authenticate").unwrap();
    assert!(
        challenge.contains("error=\"insufficient_user_authentication\""),
        "{challenge}"
    );
    assert!(challenge.contains("max_age=\"300\""), "{challenge}");
    assert_eq!(
        refused(answer),
        (401, "insufficient_user_authentication".into())
    );

    let body = json!({ "patient": "p1", "reason_code": "cannot-ask", "reason": "asleep" });
    let post = Ask::post(&[]).json(&body).authorization(&bearer(&token));
    let answer = house.ask(Endpoint::BreakGlassGrants, &post).await;
    assert_eq!(answer.status(), 201, "{answer:?}");
    let made = json_of(answer);
    let id = made["grant"].as_str().unwrap();
    assert_eq!(
        (&made["patient"], &made["expires_in"]),
        (&json!("p1"), &json!(3600))
    );
    let caller = caller(&house, &token, NOW_S).await;
    assert!(
        house
            .server
            .broken_glass(&caller, id, NOW_S)
            .await
            .unwrap()
            .is_some()
    );
    let reviews = reviews(&house).await;
    assert_eq!(
        made["review"],
        format!("Task/{}", reviews[0]["id"].as_str().unwrap())
    );
    // There is room for so many.
    for _ in 1..GRANTS_MAX {
        let answer = house.ask(Endpoint::BreakGlassGrants, &post).await;
        assert_eq!(answer.status(), 201);
    }
    let answer = house.ask(Endpoint::BreakGlassGrants, &post).await;
    assert_eq!(header(&answer, "Retry-After").as_deref(), Some("3600"));
    assert_eq!(answer.status(), 429);
    let end = declare(&token, &[("decision", "end"), ("grant", id)]);
    let ended = |answer| ok(answer)["ended"].clone();
    assert_eq!(
        ended(house.ask(Endpoint::BreakGlassGrants, &end).await),
        true
    );
    assert_eq!(
        ended(house.ask(Endpoint::BreakGlassGrants, &end).await),
        false
    );
    assert!(
        house
            .server
            .broken_glass(&caller, id, NOW_S)
            .await
            .unwrap()
            .is_none()
    );
}
