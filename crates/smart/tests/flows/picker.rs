//! The list of patients that an app's user chooses from.

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use serde_json::json;
use ward_smart::{Endpoint, Page};

pub async fn s83_the_picker_shows_whom_the_user_may_see(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    house.patient("p2", "Hopper").await;
    let request = asked("openid launch/patient patient/*.rs");
    let doctor = house.clinician().await;
    let Page::ChoosePatient(page) = shown(house.authorize(&request, &doctor).await) else {
        panic!("no picker")
    };
    assert_eq!(page.patients.len(), 2);
    let ask = |pairs: &[(&str, &str)]| Ask::post(pairs).query(&page.form.action).cookie(&doctor);
    let searched = Ask {
        method: "GET",
        ..ask(&[("name", "hop")])
    };
    let Page::ChoosePatient(found) = shown(house.ask(Endpoint::ChoosePatient, &searched).await)
    else {
        panic!("no picker")
    };
    assert_eq!(
        found
            .patients
            .iter()
            .map(|p| p.id.as_str())
            .collect::<Vec<_>>(),
        ["p2"]
    );
    let nobody = ask(&[("csrf", &page.form.csrf), ("patient", "p3")]);
    let Page::ChoosePatient(again) = shown(house.ask(Endpoint::ChoosePatient, &nobody).await)
    else {
        panic!("no picker")
    };
    assert!(again.error.is_some());
    let chosen = ask(&[("csrf", &page.form.csrf), ("patient", "p2")]);
    let answer = house.ask(Endpoint::ChoosePatient, &chosen).await;
    let page = house.follow(answer, &doctor, NOW_S).await;
    let answer = house.approve_page(page, &doctor, NOW_S, |_| true).await;
    let token = ok(house.ask(Endpoint::Token, &redeem(&code(&answer))).await);
    assert_eq!(token["patient"], "p2");
    // A patient has nothing to choose, and an administrator sees nobody.
    let own = house.patient_account("p1").await;
    assert_eq!(house.tokens(&request, &own).await["patient"], "p1");
    let admin = house
        .signed_in(|session| {
            session.account = "admin".into();
            session.fhir_user = Some("Practitioner/admin".into());
            session.roles = vec!["system-administrator".into()];
        })
        .await;
    let Page::ChoosePatient(none) = shown(house.authorize(&request, &admin).await) else {
        panic!("no picker")
    };
    assert!(none.patients.is_empty());
}

/// In the order of family and given names, each patient once, also when somebody is added meanwhile.
pub async fn s83_the_picker_goes_by_names_page_by_page(house: House) {
    house.app(|_| ()).await;
    for n in (0..45).rev() {
        let (family, given) = (format!("Family{:02}", n / 3), format!("Given{}", n % 3));
        let name = json!([{ "family": family, "given": [given] }]);
        let id = format!("p{}", (n * 7) % 45);
        house
            .put(json!({ "resourceType": "Patient", "id": id, "name": name, "birthDate": "1970-01-01" }))
            .await;
    }
    let request = asked("openid launch/patient patient/*.rs");
    let doctor = house.clinician().await;
    let Page::ChoosePatient(mut page) = shown(house.authorize(&request, &doctor).await) else {
        panic!("no picker")
    };
    assert!(page.previous.is_none());
    let mut names = Vec::new();
    let mut pages = Vec::new();
    loop {
        names.extend(page.patients.iter().map(|patient| patient.name.clone()));
        pages.push(page.patients.len());
        let Some(next) = page.next.clone() else {
            break;
        };
        if pages.len() == 1 {
            // Before those that were shown already.
            house.patient("early", "Aaron").await;
        }
        page = turned(&house, &doctor, &next).await;
    }
    assert_eq!(pages, [20, 20, 5]);
    let expected = (0..45).map(|n| format!("Family{:02}, Given{}", n / 3, n % 3));
    assert_eq!(names, expected.collect::<Vec<_>>());
    // Back again, and by a link that is no good to the first.
    let back = turned(&house, &doctor, &page.previous.unwrap()).await;
    assert_eq!(back.patients[0].name, "Family06, Given2");
    let bad = format!("{}&page=x", page.form.action);
    assert_eq!(
        turned(&house, &doctor, &bad).await.patients[0].name,
        "Aaron, Ada"
    );
    // The pages of what is searched for stay with it.
    let searched = turned(
        &house,
        &doctor,
        &format!("{}&name=family", page.form.action),
    )
    .await;
    let next = turned(&house, &doctor, &searched.next.unwrap()).await;
    assert_eq!(next.searched, "family");
    assert_eq!(next.patients[0].name, "Family06, Given2");
}

/// The picker at one of its own links.
async fn turned(house: &House, cookie: &str, link: &str) -> ward_smart::page::ChoosePatient {
    let (path, query) = link.split_once('?').unwrap();
    assert_eq!(path, Endpoint::ChoosePatient.path());
    let get = Ask::get(query).cookie(cookie).at(NOW_S + 5);
    let Page::ChoosePatient(page) = shown(house.ask(Endpoint::ChoosePatient, &get).await) else {
        panic!("no picker")
    };
    page
}
