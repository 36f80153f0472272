//! Shared computers: set up by staff who sit at them, listed, removed.

use crate::answers::*;
use crate::asks::*;
use crate::browser::*;
use crate::house::*;
use crate::registry::administrator;
use ward_smart::page::Computers;
use ward_smart::state::{SHARED_COMPUTER_LIFETIME_S, SharedComputer, digest};
use ward_smart::{Answer, Endpoint, Page};

async fn page(browser: &mut Browser<'_>) -> Computers {
    computers(browser.get("/auth/computers").await)
}

fn computers(answer: Answer) -> Computers {
    match shown(answer) {
        Page::Computers(page) => page,
        other => panic!("{other:?}"),
    }
}

/// A browser in which somebody has set up the computer.
async fn set_up(browser: &mut Browser<'_>, name: &str) -> Computers {
    let form = page(browser).await.form;
    computers(browser.send(&form, &[("name", name)]).await)
}

fn names(page: &Computers) -> Vec<&str> {
    page.computers.iter().map(|c| c.name.as_str()).collect()
}

/// What is on record of the page: status and what was decided.
fn on_record(house: &House) -> Vec<(u16, String)> {
    let records = house.engine.log().records_from(1, 1_000).unwrap();
    records
        .into_iter()
        .map(|(_, record)| record)
        .filter(|record| record.interaction == "computers" && record.query.contains("csrf"))
        .map(|record| (record.status, record.query))
        .collect()
}

pub async fn at5a_staff_sets_a_browser_up_as_a_shared_computer(house: House) {
    let (okafor, _) = enrolled(&house, "okafor").await;
    let (patient, _) = enrolled_as(&house, &new_patient("ada", "Patient/p1")).await;
    // Whoever has proved too little, or does not work here, sets up nothing.
    let mut half_way = Browser::new(&house);
    half_way.password("", "okafor", PASSWORD).await;
    let answer = half_way.get("/auth/computers").await;
    assert_eq!(to(&answer), "/auth/sign-in?to=/auth/computers");
    let mut ada = Browser::new(&house);
    ada.sign_in("ada", &patient, None).await;
    assert_eq!(ada.get("/auth/computers").await.status(), 403);

    let mut nurse = Browser::new(&house);
    nurse.sign_in("okafor", &okafor, None).await;
    let before = nurse.device.clone();
    let empty = page(&mut nurse).await;
    assert!(empty.here.is_none() && empty.computers.is_empty());
    for bad in ["", "<script>", &"x".repeat(41)] {
        let answer = nurse.send(&empty.form, &[("name", bad)]).await;
        assert_eq!(answer.status(), 400, "{bad}");
    }
    // Another site cannot make a browser a shared computer.
    let mut admin = Browser::new(&house);
    admin.cookie = administrator(&house).await;
    let stranger = page(&mut admin).await;
    let answer = nurse.send(&stranger.form, &[("name", "icu-3")]).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(nurse.device, before);

    let done = set_up(&mut nurse, " icu-3 ").await;
    assert_eq!(done.here.as_deref(), Some("icu-3"));
    assert_eq!(names(&done), ["icu-3"]);
    assert_ne!(nurse.device, before, "a secret that nobody has seen there");
    let sessions = nurse.sessions_page().await;
    assert_eq!(sessions.sessions[0].workstation, "Shared computer icu-3");
    assert_eq!(sessions.browsers[0].name, "Shared computer icu-3");
    assert_eq!(
        nurse.sign_in_page("").await.computer.as_deref(),
        Some("icu-3")
    );
    // Not twice, neither the browser nor the name.
    let form = page(&mut nurse).await.form;
    let answer = nurse.send(&form, &[("name", "icu-4")]).await;
    assert_eq!(answer.status(), 400);
    nurse.device = before;
    let answer = nurse.send(&form, &[("name", "ICU-3")]).await;
    assert_eq!(answer.status(), 400);
    let said = on_record(&house);
    assert!(said.contains(&(200, "decision=set-up&computer=icu-3&name&csrf".to_owned())));
    assert_eq!(said.iter().filter(|(status, _)| *status == 200).count(), 1);
}

pub async fn at5a_a_computer_that_is_removed_is_none(house: House) {
    let (okafor, _) = enrolled(&house, "okafor").await;
    let (brandt, _) = enrolled(&house, "brandt").await;
    let mut there = Browser::new(&house);
    there.sign_in("okafor", &okafor, None).await;
    set_up(&mut there, "icu-3").await;
    there.ask(Endpoint::SignOut, Ask::post(&[])).await;
    there.now_s += 30;
    there.sign_in("okafor", &okafor, None).await;
    assert_eq!(
        there.sessions_page().await.sessions[0].workstation,
        "Shared computer icu-3"
    );
    let mut colleague = Browser::new(&house);
    colleague.sign_in("brandt", &brandt, None).await;
    let others = page(&mut colleague).await;
    assert!(others.computers.is_empty(), "somebody else set it up");
    let mut admin = Browser::new(&house);
    admin.cookie = administrator(&house).await;
    admin.now_s = there.now_s;
    let all = page(&mut admin).await;
    assert_eq!(all.computers[0].set_up_by, "okafor");
    let remove = [("remove", all.computers[0].id.as_str())];
    assert_eq!(colleague.send(&others.form, &remove).await.status(), 400);
    assert!(there.is_signed_in().await);
    let after = computers(admin.send(&all.form, &remove).await);
    assert!(after.computers.is_empty() && after.notice.is_some());
    assert!(!there.is_signed_in().await, "it may have been stolen");
    assert!(there.sign_in_page("").await.computer.is_none());
    assert_eq!(admin.send(&all.form, &remove).await.status(), 400);
    there.now_s += 30;
    there.sign_in("okafor", &okafor, None).await;
    let here = &there.sessions_page().await.sessions[0];
    assert_eq!(here.workstation, "A computer of your own");
    let removed = (200, "decision=remove&computer=icu-3&remove&csrf".to_owned());
    assert!(on_record(&house).contains(&removed));
}

pub async fn at5a_computers_have_bounds_and_are_forgotten(house: House) {
    let (okafor, _) = enrolled(&house, "okafor").await;
    for n in 0..100 {
        house
            .keep(&SharedComputer {
                key: format!("key {n}"),
                id: format!("id {n}"),
                name: format!("desk {n}"),
                account: "okafor".into(),
                set_up_s: NOW_S,
                used_s: NOW_S,
            })
            .await;
    }
    let mut browser = Browser::new(&house);
    browser.sign_in("okafor", &okafor, None).await;
    let form = page(&mut browser).await.form;
    let answer = browser.send(&form, &[("name", "one more")]).await;
    assert_eq!(answer.status(), 400);
    let mut admin = Browser::new(&house);
    admin.cookie = administrator(&house).await;
    assert_eq!(set_up(&mut admin, "one more").await.computers.len(), 101);
    // What nobody uses for long is forgotten; a sign-in there keeps it.
    let key = digest(&admin.device);
    let held = |at_s: i64| house.held::<SharedComputer>(&key, at_s);
    let end_s = NOW_S + SHARED_COMPUTER_LIFETIME_S;
    assert!(held(end_s - 1).await.is_some() && held(end_s).await.is_none());
    let mut next = Browser::new(&house);
    next.device.clone_from(&admin.device);
    next.now_s = NOW_S + 24 * 3600;
    next.sign_in("okafor", &okafor, None).await;
    assert!(held(end_s).await.is_some());
}

/// Whoever sets a computer up is signed in there as at any: the next person takes over, and ten minutes end it.
pub async fn at5c_a_computer_ends_what_idles_whoever_set_it_up(house: House) {
    house.app(|_| ()).await;
    let (okafor, _) = enrolled(&house, "okafor").await;
    let (brandt, _) = enrolled(&house, "brandt").await;
    let mut there = Browser::new(&house);
    there.sign_in("okafor", &okafor, None).await;
    set_up(&mut there, "icu-3").await;
    let online = asked("openid user/Observation.rs online_access");
    let token = house.tokens(&online, &there.cookie).await;
    let idle_s = NOW_S + 10 * 60;
    house.server.tend(idle_s).await.unwrap();
    there.now_s = idle_s;
    assert!(!there.is_signed_in().await);
    assert!(!house.is_good(&token, idle_s).await);
    // The same, and somebody comes before.
    there.sign_in("okafor", &okafor, None).await;
    let token = house.tokens(&online.at(idle_s), &there.cookie).await;
    let mut next = Browser::new(&house);
    next.device.clone_from(&there.device);
    next.now_s = idle_s + 30;
    next.sign_in("brandt", &brandt, None).await;
    there.now_s = next.now_s;
    assert!(!there.is_signed_in().await);
    assert!(!house.is_good(&token, next.now_s).await);
}
