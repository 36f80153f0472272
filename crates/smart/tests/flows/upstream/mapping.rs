//! Whose account a person of the provider has, and what it may do.

use super::*;
use ward_smart::people::account::{self, NewAccount};
use ward_smart::state::{Account, SessionRow};

async fn local(place: &Place, username: &str) -> Account {
    let new = NewAccount {
        username: username.into(),
        name: "Somebody Else".into(),
        fhir_user: Some("Practitioner/other".into()),
        roles: vec!["nurse".into()],
    };
    let store = place.house.engine.store();
    account::add(store, &new, NOW_S).await.unwrap();
    place.house.held::<Account>(username, NOW_S).await.unwrap()
}

pub async fn nobody_takes_an_account_over_by_its_name(house: House) {
    let place = Place::new(house, |_| ()).await;
    // As the provider's host makes them, and as people call themselves.
    let before = [
        local(&place, "okafor").await,
        local(&place, "okafor@id.example").await,
        local(&place, "okafor@hospital.example").await,
    ];
    let claims = json!({ "email": "okafor@hospital.example", "email_verified": true });
    let browser = place.signed_in(claims).await;
    let session = place.session(&browser.cookie).await;
    assert!(
        session.account.starts_with("upstream-"),
        "{}",
        session.account
    );
    assert_eq!(session.fhir_user.as_deref(), Some("Practitioner/9"));
    for account in before {
        assert_ne!(session.subject, account.subject);
        let after = place.house.held::<Account>(&account.username, NOW_S).await;
        assert_eq!(after.unwrap(), account, "untouched");
    }
    // The same person again is the same, whatever they are called by now; another one with the name is another.
    let renamed = json!({ "preferred_username": "brandt", "name": "Ute Brandt" });
    let again = place.signed_in(renamed).await;
    let again = place.session(&again.cookie).await;
    assert_eq!(
        (again.subject, again.name.as_str()),
        (session.subject.clone(), "Ute Brandt")
    );
    let other = place.signed_in(json!({ "sub": "u-2" })).await;
    let other = place.session(&other.cookie).await;
    assert_ne!(other.subject, session.subject);
    assert_ne!(other.account, session.account);
}

pub async fn a_new_person_has_a_readable_name(house: House) {
    let place = Place::new(house, |_| ()).await;
    let browser = place.signed_in(json!({})).await;
    let account = place.session(&browser.cookie).await.account;
    assert_eq!(account, "okafor@id.example");
    let account = place.house.held::<Account>(&account, NOW_S).await.unwrap();
    assert!(account.upstream && account.is_claimed() && account.password.is_none());
    assert_eq!(account.name, "Imani Okafor");
    let patient = json!({ "sub": "u-2", "fhirUser": "Patient/p1", "preferred_username": "<b>" });
    let browser = place.signed_in(patient).await;
    let session = place.session(&browser.cookie).await;
    assert_eq!(session.patient.as_deref(), Some("p1"));
    assert!(session.account.starts_with("upstream-"));
}

pub async fn an_unknown_person_is_refused_until_linked(house: House) {
    let place = Place::new(house, |upstream| {
        upstream.unknown_people = UnknownPeople::Refuse;
    })
    .await;
    local(&place, "okafor").await;
    let mut browser = place.browser();
    let answer = browser.through("", json!({})).await;
    // The person can tell an administrator what to link.
    assert!(format!("{answer:?}").contains("u-1"));
    assert_eq!(trouble(answer), (403, "No account here".into()));
    let store = place.house.engine.store();
    let upstream = place.server.settings().upstream.clone().unwrap();
    account::link(store, "okafor", &upstream, "u-1", NOW_S)
        .await
        .unwrap();
    local(&place, "brandt").await;
    let taken = account::link(store, "brandt", &upstream, "u-1", NOW_S).await;
    assert_eq!(taken, Err(account::AccountError::Linked));
    let answer = browser.through("", json!({})).await;
    assert_eq!(to(&answer), "/auth/apps");
    let session = place.session(&browser.cookie).await;
    assert_eq!(session.account, "okafor");
    account::unlink(store, "okafor", NOW_S).await.unwrap();
    let answer = place.browser().through("", json!({})).await;
    assert_eq!(trouble(answer).0, 403);
}

pub async fn administrators_link_and_unlink(house: House) {
    let place = Place::new(house, |upstream| {
        upstream.unknown_people = UnknownPeople::Refuse;
    })
    .await;
    local(&place, "okafor").await;
    let mut admin = place.browser();
    admin.cookie = place
        .house
        .signed_in(|session| {
            session.account = "boss".into();
            session.roles = vec!["system-administrator".into()];
        })
        .await;
    let Page::Accounts(page) = shown(admin.get("/auth/accounts").await) else {
        panic!("no accounts")
    };
    assert_eq!(page.upstream.as_deref(), Some("City Hospital"));
    let link = |username: &'static str, person: &'static str| {
        [
            ("decision", "link"),
            ("username", username),
            ("upstream_person", person),
        ]
    };
    for (username, person) in [("nobody", "u-1"), ("okafor", "")] {
        let answer = admin.send(&page.form, &link(username, person)).await;
        assert_eq!(answer.status(), 400, "{username} {person}");
    }
    assert_eq!(
        admin
            .send(&page.form, &link("okafor", "u-1"))
            .await
            .status(),
        200
    );
    let taken = admin.send(&page.form, &link("boss", "u-1")).await;
    assert_eq!(taken.status(), 400, "one person, one account");
    let mut browser = place.signed_in(json!({})).await;
    assert_eq!(place.session(&browser.cookie).await.account, "okafor");
    let unlink = [("decision", "unlink"), ("username", "okafor")];
    let Page::Accounts(after) = shown(admin.send(&page.form, &unlink).await) else {
        panic!("no accounts")
    };
    assert!(!browser.is_signed_in().await, "signed out at once");
    let row = after
        .accounts
        .iter()
        .find(|row| row.username == "okafor")
        .unwrap();
    assert!(
        row.decisions
            .iter()
            .all(|(decision, _)| decision != "unlink")
    );
    let answer = place.browser().through("", json!({})).await;
    assert_eq!(trouble(answer).0, 403);
}

pub async fn whoever_was_suspended_here_stays_so(house: House) {
    let place = Place::new(house, |_| ()).await;
    let browser = place.signed_in(json!({})).await;
    let account = place.session(&browser.cookie).await.account;
    let store = place.house.engine.store();
    account::close(store, &account, NOW_S).await.unwrap();
    let mut browser = place.browser();
    let answer = browser.through("", json!({})).await;
    assert_eq!(trouble(answer), (403, "This account is suspended".into()));
    assert!(!browser.is_signed_in().await);
    account::open(store, &account, NOW_S).await.unwrap();
    place.signed_in(json!({})).await;
}

pub async fn s94_roles_are_those_of_the_last_sign_in(house: House) {
    let place = Place::new(house, |_| ()).await;
    let mut first = place.signed_in(json!({})).await;
    let session = place.session(&first.cookie).await;
    assert_eq!(session.roles, ["physician"]);
    // The same again ends nothing.
    place
        .signed_in(json!({ "groups": ["doctors", "choir"] }))
        .await;
    assert!(first.is_signed_in().await);
    for fewer in [json!({ "groups": ["choir"] }), json!({ "groups": null })] {
        let browser = place.signed_in(fewer).await;
        assert!(place.session(&browser.cookie).await.roles.is_empty());
        let account = place.house.held::<Account>(&session.account, NOW_S).await;
        assert!(account.unwrap().roles.is_empty());
    }
    assert!(
        !first.is_signed_in().await,
        "what was begun with the roles of before is over"
    );
    let ended = place.house.held::<SessionRow>(&session.id, NOW_S).await;
    assert!(ended.is_none());
    let moved = place
        .signed_in(json!({ "fhirUser": "https://elsewhere.example/Practitioner/9" }))
        .await;
    assert_eq!(place.session(&moved.cookie).await.fhir_user, None);
}

pub async fn what_the_provider_does_not_decide_stays(house: House) {
    let place = Place::new(house, |upstream| {
        upstream.claims.fhir_user = None;
        upstream.claims.roles = None;
        upstream.claims.person = "employee".into();
    })
    .await;
    let account = local(&place, "okafor").await;
    let store = place.house.engine.store();
    let upstream = place.server.settings().upstream.clone().unwrap();
    account::link(store, "okafor", &upstream, "e-77", NOW_S)
        .await
        .unwrap();
    let browser = place.signed_in(json!({ "employee": "e-77" })).await;
    let session = place.session(&browser.cookie).await;
    assert_eq!(session.subject, account.subject);
    assert_eq!(session.roles, ["nurse"]);
    assert_eq!(session.fhir_user.as_deref(), Some("Practitioner/other"));
    let mut nameless = place.browser();
    let answer = nameless.through("", json!({})).await;
    assert_eq!(trouble(answer).0, 400);
}
