//! S34: of Conditions and Observations a person may grant parts.

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use ward_smart::{Endpoint, Page};

pub async fn s34_parts_are_granted_in_place_of_the_whole(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.patient_account("p1").await;
    let request =
        asked("launch/patient patient/Patient.rs patient/Observation.rs patient/Condition.rs");
    let page = house.authorize(&request, &cookie).await;
    let lab = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
    let answer = house
        .approve_page(page, &cookie, NOW_S, |s| {
            s == lab || s == "patient/Patient.rs"
        })
        .await;
    let token = ok(house.ask(Endpoint::Token, &redeem(&code(&answer))).await);
    assert_eq!(
        token["scope"],
        format!("launch/patient patient/Patient.rs {lab}")
    );
    let page = house.authorize(&request, &cookie).await;
    let answer = house.approve_page(page, &cookie, NOW_S, |_| false).await;
    assert_eq!(answer.status(), 400, "nothing is chosen: {answer:?}");
}

/// The page offers the parts of what has parts, eight in all; each is granted by itself, in place of the whole.
pub async fn s34_each_of_eight_parts_is_offered_and_granted_alone(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.patient_account("p1").await;
    const WHOLE: [&str; 2] = ["patient/Condition.rs", "patient/Observation.rs"];
    let request = asked(&format!(
        "launch/patient patient/Patient.rs {}",
        WHOLE.join(" ")
    ));
    let Page::Approve(page) = shown(house.authorize(&request, &cookie).await) else {
        panic!("no page of approval")
    };
    let with_parts = page.asked.iter().filter(|asked| !asked.parts.is_empty());
    let with_parts: Vec<_> = with_parts.map(|asked| asked.scope.as_str()).collect();
    assert_eq!(with_parts, WHOLE);
    let parts = page.asked.iter().flat_map(|asked| &asked.parts);
    let parts: Vec<String> = parts.map(|(part, _)| part.clone()).collect();
    assert_eq!(parts.len(), 8, "{parts:?}");
    for part in parts {
        let page = house.authorize(&request, &cookie).await;
        let which = |scope: &str| scope == part || scope == "patient/Patient.rs";
        let answer = house.approve_page(page, &cookie, NOW_S, which).await;
        let token = ok(house.ask(Endpoint::Token, &redeem(&code(&answer))).await);
        let granted = format!("launch/patient patient/Patient.rs {part}");
        assert_eq!(token["scope"], granted);
    }
}
