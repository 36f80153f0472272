//! The callers of a demo store: registered once, whoever starts over the store, and left as somebody has made them.

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use serde_json::json;
use std::collections::BTreeSet;
use ward_seal::{Es384Key, TotpSecret, from_base64, password};
use ward_smart::demo::{self, DemoPatient};
use ward_smart::state::{Account, Client, ClientState, DemoSecrets};
use ward_smart::{AuthorizationServer, DemoCaller, Endpoint};

fn ada() -> DemoPatient {
    DemoPatient {
        id: "ada".into(),
        name: "Ada King".into(),
    }
}

/// Of a start that registers something.
async fn registered(
    server: &AuthorizationServer,
    patient: Option<&DemoPatient>,
    now_s: i64,
) -> DemoSecrets {
    let registered = demo::register(server, patient, now_s).await.unwrap();
    assert!(registered.changed);
    registered.secrets
}

fn assertion(secrets: &DemoSecrets, caller: DemoCaller, audience: &str, jti: &str) -> String {
    let mut systems = secrets.systems.iter();
    let secret = systems.find(|s| s.client_id == caller.client_id()).unwrap();
    let key = Es384Key::from_pkcs8(&from_base64(&secret.pkcs8).unwrap()).unwrap();
    let id = caller.client_id();
    let claims = json!({ "iss": id, "sub": id, "aud": audience, "exp": NOW_S + 60, "jti": jti });
    key.sign("JWT", claims.to_string().as_bytes())
}

pub async fn systems_sign_in_with_the_keys_that_were_made(house: House) {
    let secrets = registered(&house.server, None, NOW_S).await;
    let audience = house.server.url(Endpoint::Token);
    for caller in [DemoCaller::Lab, DemoCaller::Billing, DemoCaller::Loader] {
        let assertion = assertion(&secrets, caller, &audience, caller.name());
        let post = Ask::post(&[
            ("grant_type", "client_credentials"),
            ("scope", caller.scope()),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &assertion),
        ]);
        let token = ok(house.ask(Endpoint::Token, &post).await);
        assert_eq!(token["scope"], caller.scope());
        assert_eq!(token["expires_in"], 300);
    }
}

pub async fn people_have_a_password_and_a_second_factor(house: House) {
    let secrets = registered(&house.server, None, NOW_S).await;
    assert!(
        house.held::<Account>(demo::PATIENT, NOW_S).await.is_none(),
        "nobody to be"
    );
    let again = registered(&house.server, Some(&ada()), NOW_S).await;
    assert!(again == secrets);
    let mut subjects = BTreeSet::new();
    for person in &secrets.people {
        let account: Account = house.held(&person.username, NOW_S).await.unwrap();
        let kept = account.password.as_deref().unwrap();
        // Of the least work until it is typed.
        let checked = password::verify(&person.password, kept);
        assert_eq!(checked, Ok(password::Checked::RightButOld));
        assert_eq!(account.totp.as_ref(), Some(&person.totp));
        assert!(TotpSecret::from_base32(&person.totp).is_some());
        subjects.insert(account.subject);
    }
    assert_eq!(subjects.len(), secrets.people.len());
    let patient: Account = house.held(demo::PATIENT, NOW_S).await.unwrap();
    assert_eq!(patient.patient.as_deref(), Some("ada"));
    assert_eq!(
        (patient.name.as_str(), patient.roles.len()),
        ("Ada King", 0)
    );
    let clinician: Account = house.held("clinician", NOW_S).await.unwrap();
    assert_eq!(clinician.roles, ["physician"]);
    // A patient is asked each time, staff are not.
    let client = async |id: &str| house.held::<Client>(id, NOW_S).await.unwrap();
    assert!(!client("demo-app").await.approved_for_staff);
    assert!(client("demo-desk").await.approved_for_staff);
}

pub async fn another_start_changes_nothing(house: House) {
    let first = registered(&house.server, Some(&ada()), NOW_S).await;
    let same = demo::register(&house.server, Some(&ada()), NOW_S).await;
    assert!(!same.unwrap().changed);
    let mut suspended: Client = house.held("demo-lab", NOW_S).await.unwrap();
    suspended.state = ClientState::Suspended;
    house.keep(&suspended).await;
    let mut moved: Client = house.held("demo-app", NOW_S).await.unwrap();
    moved.redirect_uris = vec!["http://127.0.0.1:1/demo/app/".into()];
    house.keep(&moved).await;
    let account: Account = house.held("auditor", NOW_S).await.unwrap();

    let later = NOW_S + 1_000;
    let again = match house.another().await {
        // Another node over the same database.
        Some(node) => registered(&node, Some(&ada()), later).await,
        None => registered(&house.server, Some(&ada()), later).await,
    };
    assert!(again == first);
    assert_eq!(house.held("auditor", later).await, Some(account));
    let lab: Client = house.held("demo-lab", later).await.unwrap();
    assert_eq!(lab, suspended, "as somebody has made it");
    // The app is sent back to where the server is now.
    let app: Client = house.held("demo-app", later).await.unwrap();
    assert_eq!(app.redirect_uris, ["https://ward.example/demo/app/"]);
}
