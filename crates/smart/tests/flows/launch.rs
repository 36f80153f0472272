use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use serde_json::json;
use ward_smart::state::Client;
use ward_smart::{Endpoint, Page};

const SECRET: &str = "ehr-secret";

async fn ehr(house: &House) {
    house.confidential(SECRET).await;
    let client: Client = house.held("app", NOW_S).await.unwrap();
    house
        .keep(&Client {
            client_id: "ehr".into(),
            may_launch: true,
            ..client
        })
        .await;
    house
        .app(|client| client.launch_uri = Some("https://app.example/launch".into()))
        .await;
}

fn launch() -> Ask {
    Ask::post(&[]).basic("ehr", SECRET)
}

pub async fn s83_s84_an_ehr_gives_context(house: House) {
    ehr(&house).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.clinician().await;
    let context = json!({
        "patient": "p1", "encounter": "e1", "intent": "order-review", "need_patient_banner": false,
        "user": "Practitioner/doctor", "app": "app",
        "fhirContext": [{ "reference": "ImagingStudy/1", "role": "https://ehr.example/shown" }]
    });
    let made = house.ask(Endpoint::Launch, &launch().json(&context)).await;
    assert_eq!(made.status(), 201, "{made:?}");
    let made = json_of(made);
    assert!(made["expires_in"].as_i64().unwrap() <= 300);
    let id = made["launch"].as_str().unwrap();
    let url = made["launch_url"].as_str().unwrap();
    assert!(
        url.starts_with("https://app.example/launch?iss=https%3A%2F%2Fward.example%2Ffhir&launch=")
    );
    let request = asked("launch openid user/*.rs patient/*.rs").with("launch", id);
    let token = house.tokens(&request, &cookie).await;
    assert_eq!(token["patient"], "p1");
    assert_eq!(token["encounter"], "e1");
    assert_eq!(token["intent"], "order-review");
    assert_eq!(token["need_patient_banner"], false);
    assert_eq!(token["fhirContext"], context["fhirContext"]);
    assert!(
        token["smart_style_url"]
            .as_str()
            .unwrap()
            .starts_with(ISSUER)
    );
    // R277: whoever asks about the token learns each of them.
    let about = Ask::post(&[
        ("client_id", "app"),
        ("token", token["access_token"].as_str().unwrap()),
    ]);
    let told = ok(house.ask(Endpoint::Introspect, &about).await);
    for name in [
        "patient",
        "encounter",
        "intent",
        "need_patient_banner",
        "fhirContext",
        "smart_style_url",
    ] {
        assert_eq!(told[name], token[name], "{name}");
        assert!(!told[name].is_null(), "{name}");
    }
    assert!(told.get("fhirUser").is_none(), "it was not asked for");
    // The same as a form.
    let form = launch().with("patient", "p1").with("fhirContext", "[]");
    assert_eq!(house.ask(Endpoint::Launch, &form).await.status(), 201);
    for bad in [
        json!({ "patient": "p 1" }),
        json!({ "patient": "p1", "fhirContext": [{ "reference": "Patient/1" }] }),
        json!({ "patient": "p1", "app": "unknown" }),
        json!({ "pateint": "p1" }),
        json!([]),
    ] {
        let answer = house.ask(Endpoint::Launch, &launch().json(&bad)).await;
        assert_eq!(refused(answer), (400, "invalid_request".into()), "{bad}");
    }
}

pub async fn s28_a_launch_is_used_once_and_by_its_user(house: House) {
    ehr(&house).await;
    house.patient("p1", "Lovelace").await;
    house.patient("p2", "Hopper").await;
    let context = json!({ "patient": "p1" });
    let made = json_of(house.ask(Endpoint::Launch, &launch().json(&context)).await);
    let request = asked("launch patient/*.rs").with("launch", made["launch"].as_str().unwrap());
    // A patient's account opens its own record only, whatever the EHR has open.
    let other = house.patient_account("p2").await;
    assert_eq!(
        error(&house.authorize(&request, &other).await),
        "access_denied"
    );
    let doctor = house.clinician().await;
    assert_eq!(
        error(&house.authorize(&request, &doctor).await),
        "invalid_request",
        "used by now"
    );
    // Who may not see the patient gets no token about them.
    let made = json_of(house.ask(Endpoint::Launch, &launch().json(&context)).await);
    let request = asked("launch patient/*.rs").with("launch", made["launch"].as_str().unwrap());
    let admin = house
        .signed_in(|session| {
            session.account = "admin".into();
            session.fhir_user = Some("Practitioner/admin".into());
            session.roles = vec!["system-administrator".into()];
        })
        .await;
    assert_eq!(
        error(&house.authorize(&request, &admin).await),
        "access_denied"
    );
}

pub async fn only_an_ehr_launches(house: House) {
    ehr(&house).await;
    let body = json!({ "patient": "p1" });
    let nobody = house
        .ask(Endpoint::Launch, &Ask::post(&[]).json(&body))
        .await;
    assert_eq!(refused(nobody), (401, "invalid_client".into()));
    let app = Ask::post(&[("client_id", "app")]).json(&body);
    assert_eq!(
        refused(house.ask(Endpoint::Launch, &app).await),
        (400, "unauthorized_client".into())
    );
    let cookie = house.clinician().await;
    let token = house.tokens(&asked("openid user/*.rs"), &cookie).await;
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let by_token = Ask::post(&[]).authorization(&bearer).json(&body);
    assert_eq!(
        refused(house.ask(Endpoint::Launch, &by_token).await),
        (400, "unauthorized_client".into())
    );
    house.app(|client| client.may_launch = true).await;
    assert_eq!(house.ask(Endpoint::Launch, &by_token).await.status(), 201);
}

/// Both ways in which an EHR knows its user by `fhirUser`.
pub async fn s28_an_ehr_names_its_user_by_url_too(house: House) {
    ehr(&house).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.clinician().await;
    for (user, is_theirs) in [
        ("Practitioner/doctor", true),
        ("https://ward.example/fhir/Practitioner/doctor", true),
        ("https://ward.example/fhir/Practitioner/other", false),
    ] {
        let context = json!({ "patient": "p1", "user": user });
        let made = json_of(house.ask(Endpoint::Launch, &launch().json(&context)).await);
        let request = asked("launch patient/*.rs").with("launch", made["launch"].as_str().unwrap());
        let answer = house.authorize(&request, &cookie).await;
        match is_theirs {
            true => assert_eq!(answer.status(), 200, "{user}"),
            false => assert_eq!(error(&answer), "invalid_request", "{user}"),
        }
    }
    for elsewhere in [
        "https://other.example/fhir/Practitioner/doctor",
        "https://ward.example/fhirs/Practitioner/doctor",
        "https://ward.example/fhir/",
    ] {
        let context = json!({ "patient": "p1", "user": elsewhere });
        let answer = house.ask(Endpoint::Launch, &launch().json(&context)).await;
        assert_eq!(
            refused(answer),
            (400, "invalid_request".into()),
            "{elsewhere}"
        );
    }
}

/// The pages of a launch, and no others, may be shown within those of the EHR that made it.
pub async fn s30_an_ehr_that_is_registered_so_frames_the_pages_of_its_launches(house: House) {
    ehr(&house).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.clinician().await;
    let framed = async |launched: bool| {
        let request = match launched {
            true => {
                let context = json!({ "patient": "p1" });
                let made = json_of(house.ask(Endpoint::Launch, &launch().json(&context)).await);
                asked("launch patient/*.rs").with("launch", made["launch"].as_str().unwrap())
            }
            false => asked("openid"),
        };
        match shown(house.authorize(&request, &cookie).await) {
            Page::Approve(page) => page.form.framed_by,
            other => panic!("{other:?}"),
        }
    };
    assert!(framed(true).await.is_empty(), "nobody by default");
    let client: Client = house.held("ehr", NOW_S).await.unwrap();
    let origins = vec!["https://ehr.example".to_owned()];
    house
        .keep(&Client {
            frame_origins: origins.clone(),
            ..client
        })
        .await;
    assert_eq!(framed(true).await, origins);
    assert!(framed(false).await.is_empty());
}
