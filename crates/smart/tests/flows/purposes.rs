//! C23, R12: for which purposes of use tokens are: what is asserted, as the client's registration and a role of the person allow.

use crate::answers::*;
use crate::asks::*;
use crate::client_forms::{LATER_S, assertion, by_secret, client, errors, proved, recorded, set};
use crate::house::*;
use crate::registry::administrator;
use serde_json::{Value, json};
use ward_seal::Es384Key;
use ward_smart::page::ClientPart;
use ward_smart::state::{Authentication, Client, Grant, KeysAt, Kind};
use ward_smart::{Endpoint, Page};

fn for_(token: &Value) -> String {
    let claims = claims(&token["access_token"]);
    claims["purpose_of_use"].as_str().unwrap_or_default().into()
}

async fn registered(house: &House, purposes: Option<&str>) {
    let change = |client: &mut Client| client.purpose_of_use = purposes.map(str::to_owned);
    house.app(change).await;
}

async fn staff(house: &House, roles: &[&str]) -> String {
    let own = |role: &&str| (*role).to_owned();
    house
        .signed_in(|session| {
            session.account = roles.join("-");
            session.fhir_user = Some("Practitioner/doctor".into());
            session.roles = roles.iter().map(own).collect();
        })
        .await
}

pub async fn r12_c23_a_token_is_for_what_client_and_user_are_for(house: House) {
    house.patient("p1", "Lovelace").await;
    let doctor = house.clinician().await;
    let clerk = staff(&house, &["billing-clerk"]).await;
    let both = staff(&house, &["nurse", "billing-clerk"]).await;
    let patient = house.patient_account("p1").await;
    for (purposes, cookie, expected) in [
        (None, &doctor, "TREAT"),
        (None, &clerk, "HPAYMT"),
        (None, &both, "TREAT HPAYMT"),
        (Some("HPAYMT TREAT"), &doctor, "TREAT"),
        (Some("HPAYMT TREAT"), &both, "HPAYMT"),
        (Some("COC"), &doctor, "COC"),
    ] {
        registered(&house, purposes).await;
        let token = house.tokens(&asked("openid user/*.rs"), cookie).await;
        assert_eq!(for_(&token), expected, "{purposes:?}");
        // Who asks about the token is told, and the record of the request says it.
        assert_eq!(recorded(&house).purpose, expected);
        let about = [
            ("client_id", "app"),
            ("token", token["access_token"].as_str().unwrap()),
        ];
        let told = ok(house.ask(Endpoint::Introspect, &Ask::post(&about)).await);
        assert_eq!(told["purpose_of_use"], expected);
    }
    for purposes in [None, Some("TREAT"), Some("PATRQT")] {
        registered(&house, purposes).await;
        let own = asked("launch/patient patient/*.rs");
        assert_eq!(for_(&house.tokens(&own, &patient).await), "PATRQT");
    }
}

pub async fn c23_what_is_asserted_needs_the_client_and_a_role(house: House) {
    let doctor = house.clinician().await;
    let both = staff(&house, &["physician", "billing-clerk"]).await;
    let request = |purposes: &str| asked("openid user/*.rs").with("purpose_of_use", purposes);
    for (purposes, cookie, sent, expected) in [
        (None, &doctor, "ETREAT", Ok("ETREAT")),
        (Some("TREAT HPAYMT"), &doctor, "ERTREAT", Ok("ERTREAT")),
        (
            Some("TREAT HPAYMT"),
            &both,
            "HPAYMT TREAT",
            Ok("HPAYMT TREAT"),
        ),
        (Some("TREAT"), &doctor, "treat", Err("invalid_request")),
        (
            Some("TREAT"),
            &doctor,
            "TREAT,ETREAT",
            Err("invalid_request"),
        ),
        (Some("TREAT"), &both, "HPAYMT", Err("unauthorized_client")),
        (Some("TREAT"), &doctor, "BTG", Err("unauthorized_client")),
        (None, &doctor, "HRESCH", Err("unauthorized_client")),
        (Some("TREAT BTG"), &doctor, "BTG", Ok("BTG")),
        (
            Some("TREAT HSYSADMIN"),
            &doctor,
            "HSYSADMIN",
            Err("access_denied"),
        ),
        (
            Some("TREAT HPAYMT"),
            &doctor,
            "HPAYMT",
            Err("access_denied"),
        ),
        (Some("HRESCH"), &doctor, "HRESCH", Err("access_denied")),
    ] {
        registered(&house, purposes).await;
        let request = request(sent);
        match expected {
            Ok(expected) => assert_eq!(for_(&house.tokens(&request, cookie).await), expected),
            Err(expected) => {
                let answer = house.authorize(&request, cookie).await;
                assert_eq!(error(&answer), expected, "{purposes:?} {sent}");
            }
        }
    }
    // Twice is not one assertion, and a token request takes none: whoever is asked must know what for.
    registered(&house, None).await;
    let twice = request("TREAT").twice("purpose_of_use", "ETREAT");
    assert_eq!(
        error(&house.authorize(&twice, &doctor).await),
        "invalid_request"
    );
    let code = house.code(&asked("openid user/*.rs"), &doctor).await;
    let late = redeem(&code).with("purpose_of_use", "ETREAT");
    assert_eq!(
        refused(house.ask(Endpoint::Token, &late).await),
        (400, "invalid_request".into())
    );
    assert_eq!(
        house.ask(Endpoint::Token, &redeem(&code)).await.status(),
        200
    );
}

/// Where nothing is asserted and nobody acts for what the client is registered for, nothing clinical is granted. Who somebody is may
/// be told all the same.
pub async fn c23_a_client_for_another_purpose_gets_nothing_clinical(house: House) {
    registered(&house, Some("HRESCH")).await;
    let doctor = house.clinician().await;
    let answer = house.authorize(&asked("openid user/*.rs"), &doctor).await;
    assert_eq!(error(&answer), "access_denied");
    assert!(returned(&answer)["error_description"].contains("HRESCH"));
    let token = house.tokens(&asked("openid fhirUser"), &doctor).await;
    assert_eq!(for_(&token), "");
}

pub async fn c23_a_pushed_request_is_judged_at_once(house: House) {
    house.confidential("secret").await;
    let push = |purposes: &str| {
        let request = asked("openid user/*.rs").with("purpose_of_use", purposes);
        let pairs: Vec<_> = request.pairs.clone();
        Ask {
            pairs,
            ..Ask::post(&[]).basic("app", "secret")
        }
    };
    let endpoint = Endpoint::PushedAuthorizationRequest;
    assert_eq!(house.ask(endpoint, &push("ETREAT")).await.status(), 201);
    assert_eq!(
        refused(house.ask(endpoint, &push("none")).await),
        (400, "invalid_request".into())
    );
    let client: Client = house.held("app", NOW_S).await.unwrap();
    house
        .keep(&Client {
            purpose_of_use: Some("TREAT".into()),
            ..client
        })
        .await;
    assert_eq!(
        refused(house.ask(endpoint, &push("HPAYMT")).await),
        (400, "unauthorized_client".into())
    );
}

pub async fn c23_a_launch_says_what_it_is_for(house: House) {
    house.confidential("secret").await;
    let ehr: Client = house.held("app", NOW_S).await.unwrap();
    house
        .keep(&Client {
            client_id: "ehr".into(),
            may_launch: true,
            ..ehr
        })
        .await;
    registered(&house, Some("TREAT HPAYMT")).await;
    house.patient("p1", "Lovelace").await;
    let doctor = house.clinician().await;
    let made = async |context: Value| {
        let ask = Ask::post(&[]).basic("ehr", "secret").json(&context);
        house.ask(Endpoint::Launch, &ask).await
    };
    let launched = async |purposes: &str| {
        let context = json!({ "patient": "p1", "purpose_of_use": purposes });
        let launch = json_of(made(context).await);
        asked("launch patient/*.rs").with("launch", launch["launch"].as_str().unwrap())
    };
    let token = house.tokens(&launched("ETREAT").await, &doctor).await;
    assert_eq!(for_(&token), "ETREAT");
    let narrower = launched("TREAT").await.with("purpose_of_use", "ETREAT");
    assert_eq!(for_(&house.tokens(&narrower, &doctor).await), "ETREAT");
    for (launch, sent, expected) in [
        ("ETREAT", Some("TREAT"), "invalid_request"),
        ("HPAYMT", None, "access_denied"),
        ("HRESCH", None, "unauthorized_client"),
    ] {
        let request = launched(launch).await;
        let request = match sent {
            Some(sent) => request.with("purpose_of_use", sent),
            None => request,
        };
        assert_eq!(error(&house.authorize(&request, &doctor).await), expected);
    }
    // What the app that is named could never use is refused to the EHR; so is what is none.
    for (purposes, expected) in [("HRESCH", "unauthorized_client"), ("x", "invalid_request")] {
        let context = json!({ "patient": "p1", "app": "app", "purpose_of_use": purposes });
        assert_eq!(refused(made(context).await), (400, expected.into()));
    }
}

pub async fn c23_a_service_is_for_what_it_is_registered_for(house: House) {
    let key = Es384Key::generate();
    let system = async |purposes: Option<&str>| {
        let set_of = format!(r#"{{"keys":[{}]}}"#, key.public().to_json());
        let change = |client: &mut Client| {
            client.kind = Kind::System;
            client.authentication = Authentication::PrivateKeyJwt;
            client.redirect_uris = Vec::new();
            client.scope = "system/Patient.rs".into();
            client.keys = Some(KeysAt::Here(set_of));
            client.purpose_of_use = purposes.map(str::to_owned);
        };
        house.app(change).await;
    };
    let url = house.server.url(Endpoint::Token);
    let ask = async |id: &str, purposes: Option<&str>| {
        let grant = [
            ("grant_type", "client_credentials"),
            ("scope", "system/Patient.rs"),
        ];
        let assertion = key.sign("JWT", assertion(&url, id).as_bytes());
        let ask = proved(Ask::post(&grant), &assertion);
        let ask = match purposes {
            Some(purposes) => ask.with("purpose_of_use", purposes),
            None => ask,
        };
        house.ask(Endpoint::Token, &ask).await
    };
    system(None).await;
    assert_eq!(for_(&ok(ask("1", None).await)), "");
    assert_eq!(
        refused(ask("2", Some("TREAT")).await).1,
        "unauthorized_client"
    );
    system(Some("HPAYMT HOPERAT")).await;
    assert_eq!(for_(&ok(ask("3", None).await)), "HPAYMT");
    let both = ok(ask("4", Some("HQUALIMP HPAYMT")).await);
    assert_eq!(for_(&both), "HQUALIMP HPAYMT");
    assert_eq!(recorded(&house).purpose, "HQUALIMP HPAYMT");
    assert_eq!(
        refused(ask("5", Some("TREAT")).await).1,
        "unauthorized_client"
    );
    assert_eq!(refused(ask("6", Some("?")).await).1, "invalid_request");
    // A service that acts for a person is held to that person's roles.
    system(Some("TREAT HPAYMT")).await;
    let fields = [
        ("scope", "system/Patient.rs user/Patient.rs"),
        ("acts_for_user", "Practitioner/robot"),
        ("role", "billing-clerk"),
    ];
    let (status, page) = set(&house, ClientPart::Rights, &fields).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    assert_eq!(for_(&ok(ask("7", None).await)), "HPAYMT");
    let denied = refused(ask("8", Some("TREAT")).await);
    assert_eq!(denied, (400, "unauthorized_client".into()));
}

/// What was granted is worth what registration and roles allow of it by now.
pub async fn c23_c17_purposes_are_set_on_the_page_and_hold_at_once(house: House) {
    house.confidential("secret").await;
    let (status, page) = set(&house, ClientPart::Rights, &[("purpose_of_use", "TREAT x")]).await;
    assert_eq!((status, errors(&page)), (400, vec!["purpose_of_use"]));
    let purposes = |text| [("purpose_of_use", text)];
    let (status, page) = set(&house, ClientPart::Rights, &purposes(" TREAT  HPAYMT")).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    assert!(recorded(&house).query.contains("changed=purpose_of_use&"));
    let fact = page
        .facts
        .iter()
        .find(|(label, _)| label == "Purposes of use");
    assert_eq!(fact.unwrap().1, "TREAT HPAYMT");

    let both = staff(&house, &["physician", "billing-clerk"]).await;
    let request = asked("openid user/*.rs offline_access").with("purpose_of_use", "HPAYMT");
    let code = house.code(&request, &both).await;
    let redeemed = redeem(&code).basic("app", "secret");
    let asserted = ok(house.ask(Endpoint::Token, &redeemed).await);
    let usual = by_secret(&house, "openid user/*.rs offline_access").await;
    assert_eq!((&*for_(&asserted), &*for_(&usual)), ("HPAYMT", "TREAT"));
    // More leaves what there is.
    set(&house, ClientPart::Rights, &purposes("TREAT HPAYMT ETREAT")).await;
    assert!(house.is_good(&asserted, LATER_S).await && house.is_good(&usual, LATER_S).await);
    // Less ends it, and what was agreed to for what is gone.
    set(&house, ClientPart::Rights, &purposes("TREAT")).await;
    assert!(!house.is_good(&asserted, LATER_S).await && !house.is_good(&usual, LATER_S).await);
    let again = |token: &Value| refresh(token).basic("app", "secret").at(LATER_S);
    assert_eq!(
        refused(house.ask(Endpoint::Token, &again(&asserted)).await),
        (400, "invalid_grant".into())
    );
    let usual = ok(house.ask(Endpoint::Token, &again(&usual)).await);
    assert_eq!(for_(&usual), "TREAT");
    set(&house, ClientPart::Rights, &purposes("")).await;
    assert_eq!(client(&house).await.purpose_of_use, None);
}

/// A developer asks for purposes; whoever approves the registration sees them.
pub async fn c23_s117_a_registration_asks_for_purposes(house: House) {
    let admin = administrator(&house).await;
    let get = Ask::get("").cookie(&admin);
    let Page::Developer(form) = shown(house.ask(Endpoint::Developer, &get).await) else {
        panic!("no form")
    };
    let fields = [
        ("csrf", form.form.csrf.as_str()),
        ("client_name", "Lab system"),
        ("owner", "Lab"),
        ("purpose", "Sends results"),
        ("contacts", "lab@lab.example"),
        ("kind", "system"),
        ("scope", "system/Observation.c"),
        ("purpose_of_use", "TREAT PUBHLTH"),
        ("jwks_uri", "https://lab.example/jwks"),
    ];
    let asked = async |ask: Ask| match shown(house.ask(Endpoint::Developer, &ask).await) {
        Page::Developer(page) => page,
        other => panic!("{other:?}"),
    };
    let post = Ask::post(&fields).cookie(&admin);
    let wrong = asked(post.clone().with("purpose_of_use", "treatment")).await;
    assert_eq!(wrong.errors[0].0, "purpose_of_use");
    assert!(
        wrong
            .typed
            .contains(&("purpose_of_use".into(), "treatment".into()))
    );
    let id = asked(post).await.registered.unwrap().client_id;
    let client: Client = house.held(&id, NOW_S).await.unwrap();
    assert_eq!(client.purpose_of_use.as_deref(), Some("TREAT PUBHLTH"));
}

/// What somebody agreed to for one purpose is no agreement for another.
pub async fn c23_silence_needs_an_agreement_for_the_same_purpose(house: House) {
    registered(&house, Some("TREAT")).await;
    let doctor = house.clinician().await;
    let request = asked("openid user/*.rs");
    house.tokens(&request, &doctor).await;
    let silent = request.with("prompt", "none");
    assert!(returned(&house.authorize(&silent, &doctor).await).contains_key("code"));
    let emergency = silent.with("purpose_of_use", "ETREAT");
    assert_eq!(
        error(&house.authorize(&emergency, &doctor).await),
        "interaction_required"
    );
}

/// Whose roles the rota gives asserts what those of the moment act for; off duty nothing.
pub async fn c23_a_current_role_is_one_of_the_rota(house: House) {
    registered(&house, Some("TREAT HPAYMT")).await;
    let rota = |active: bool| {
        json!({ "resourceType": "PractitionerRole", "id": "r", "active": active,
            "practitioner": { "reference": "Practitioner/doctor" },
            "code": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/practitioner-role", "code": "doctor" }] }] })
    };
    house
        .put(json!({ "resourceType": "Practitioner", "id": "doctor" }))
        .await;
    house.put(rota(true)).await;
    let doctor = staff(&house, &[]).await;
    let request = |purposes: &str| asked("openid user/*.rs").with("purpose_of_use", purposes);
    let token = house.tokens(&request("ETREAT"), &doctor).await;
    assert_eq!(for_(&token), "ETREAT");
    let other = house.authorize(&request("HPAYMT"), &doctor).await;
    assert_eq!(error(&other), "access_denied");
    house.put(rota(false)).await;
    let off_duty = house.authorize(&request("ETREAT"), &doctor).await;
    assert_eq!(error(&off_duty), "access_denied");
    // Signing in without a claim is for any hour, as before: each request for data is held to the rota.
    let token = house.tokens(&asked("openid user/*.rs"), &doctor).await;
    assert_eq!(for_(&token), "TREAT");
    let grant: Grant = {
        let id = claims(&token["access_token"])["grant"].clone();
        house.held(id.as_str().unwrap(), NOW_S).await.unwrap()
    };
    assert_eq!(grant.purpose_of_use, None);
}
