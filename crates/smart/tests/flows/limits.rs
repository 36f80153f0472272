//! C17: what an administrator allows a client at most, on the page of the registry.

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use crate::registry::administrator;
use ward_smart::page::ClientDetail;
use ward_smart::state::{Budgets, Client, Kind, digest};
use ward_smart::{Endpoint, Page};

/// A client with a server of its own.
async fn lab(house: &House) -> Client {
    house.confidential("secret").await
}

async fn page(house: &House, cookie: &str) -> ClientDetail {
    let get = Ask::get("client=app").cookie(cookie);
    let Page::Client(page) = shown(house.ask(Endpoint::Clients, &get).await) else {
        panic!("no page of a client")
    };
    page
}

fn sent(page: &ClientDetail, cookie: &str, fields: &[(&str, &str)]) -> Ask {
    let own = [("csrf", page.form.csrf.as_str()), ("decision", "limits")];
    Ask::post(&[&own[..], fields].concat())
        .query(&page.form.action)
        .cookie(cookie)
}

/// Sets limits as an administrator does; status and page of the answer.
async fn set(house: &House, fields: &[(&str, &str)]) -> (u16, ClientDetail) {
    let admin = administrator(house).await;
    let form = page(house, &admin).await;
    let answer = house
        .ask(Endpoint::Clients, &sent(&form, &admin, fields))
        .await;
    let status = answer.status();
    let Page::Client(page) = shown(answer) else {
        panic!("no page of a client")
    };
    (status, page)
}

fn value<'a>(page: &'a ClientDetail, field: &str) -> &'a str {
    let mut values = page.limits.values.iter();
    &values.find(|(name, _)| name == field).unwrap().1
}

fn fact<'a>(page: &'a ClientDetail, label: &str) -> &'a str {
    let fact = page.facts.iter().find(|(known, _)| known == label);
    fact.map_or("", |(_, value)| value)
}

pub async fn c17_budgets_are_set_on_the_page_and_hold_everywhere(house: House) {
    lab(&house).await;
    let other = house.another().await;
    let (status, page) = set(
        &house,
        &[("requests_per_minute", "600"), ("patients_per_hour", "50")],
    )
    .await;
    assert_eq!((status, page.notice.is_some()), (200, true));
    assert_eq!(
        (
            value(&page, "requests_per_minute"),
            value(&page, "patients_per_hour")
        ),
        ("600", "50")
    );
    assert_eq!(fact(&page, "Requests"), "600 a minute");
    assert_eq!(fact(&page, "Patients"), "50 an hour");
    let budgets = Budgets {
        requests_per_minute: Some(600),
        patients_per_hour: Some(50),
    };
    assert_eq!(
        house.server.registry().client("app").unwrap().budgets,
        budgets
    );
    if let Some(other) = other {
        other.watch(NOW_S).await.unwrap();
        assert_eq!(other.registry().client("app").unwrap().budgets, budgets);
    }
    // Empty: as the installation says, whatever that is by then.
    let (_, page) = set(&house, &[]).await;
    assert_eq!(value(&page, "requests_per_minute"), "");
    assert_eq!(fact(&page, "Patients"), "as the installation says");
    let client = house.held::<Client>("app", NOW_S).await.unwrap();
    assert_eq!(client.budgets, Budgets::default());
}

pub async fn c17_limits_that_will_not_do_change_nothing(house: House) {
    let before = lab(&house).await;
    let fields = [
        ("requests_per_minute", "a lot"),
        ("patients_per_hour", "50"),
        ("addresses", "lab.example"),
    ];
    let (status, page) = set(&house, &fields).await;
    assert_eq!((status, &page.notice), (400, &None));
    let named: Vec<&str> = page
        .limits
        .errors
        .iter()
        .map(|(field, _)| field.as_str())
        .collect();
    assert_eq!(named, ["requests_per_minute", "addresses"]);
    for (field, typed) in fields {
        assert_eq!(value(&page, field), typed, "what was typed is there again");
    }
    assert_eq!(house.held::<Client>("app", NOW_S).await.unwrap(), before);
    // Nobody else sets them, and no other page.
    let admin = administrator(&house).await;
    let form = self::page(&house, &admin).await;
    let budget = [("patients_per_hour", "50")];
    let doctor = house.clinician().await;
    let forged = ClientDetail {
        form: ward_smart::page::Form::new(form.form.action.clone(), "x"),
        ..form.clone()
    };
    for ask in [
        sent(&form, &doctor, &budget),
        sent(&forged, &admin, &budget),
    ] {
        let answer = house.ask(Endpoint::Clients, &ask).await;
        assert!((400..500).contains(&answer.status()), "{answer:?}");
    }
    assert_eq!(house.held::<Client>("app", NOW_S).await.unwrap(), before);
}

/// The record says who changed which client's limits.
pub async fn c17_a_change_of_limits_is_recorded(house: House) {
    lab(&house).await;
    set(&house, &[("patients_per_hour", "50")]).await;
    let log = house.engine.log().records_from(1, 10_000).unwrap();
    let mut records = log.into_iter().map(|(_, record)| record);
    let record = records.next_back().unwrap();
    assert_eq!(record.client_id, "app");
    assert_eq!(record.user, "Practitioner/admin");
    assert_eq!(record.interaction, Endpoint::Clients.interaction());
    assert!(record.query.contains("patients_per_hour") && !record.query.contains("50"));
}

/// Bound to a certificate, whatever the client proves itself by: nothing without it, and what it had before is void.
pub async fn c17_a_certificate_binds_a_client_and_its_tokens(house: House) {
    lab(&house).await;
    let cookie = house.clinician().await;
    let asked = asked("openid user/*.rs offline_access");
    let code = house.code(&asked, &cookie).await;
    let by_secret = |ask: Ask| ask.basic("app", "secret");
    let token = ok(house.ask(Endpoint::Token, &by_secret(redeem(&code))).await);
    assert!(house.is_good(&token, NOW_S).await);
    let print = "07".repeat(32);
    let (status, page) = set(&house, &[("certificate", print.as_str())]).await;
    assert_eq!(status, 200);
    assert_eq!(fact(&page, "Certificate"), print);
    assert_eq!(fact(&page, "Tokens bound to"), "its TLS certificate");
    assert!(
        !house.is_good(&token, NOW_S).await,
        "it was bound to nothing"
    );
    let again = by_secret(refresh(&token)).at(NOW_S + 1);
    for wrong in [None, Some([8; 32])] {
        let ask = Ask {
            certificate: wrong,
            ..again.clone()
        };
        let answer = house.ask(Endpoint::Token, &ask).await;
        assert_eq!(refused(answer), (401, "invalid_client".into()));
    }
    let ask = Ask {
        certificate: Some([7; 32]),
        ..again
    };
    let bound = ok(house.ask(Endpoint::Token, &ask).await);
    assert!(
        !house.is_good(&bound, NOW_S + 1).await,
        "without the certificate"
    );
    assert!(claims(&bound["access_token"])["cnf"]["x5t#S256"].is_string());
    // The person's browser has another certificate, or none.
    assert!(house.authorize(&asked, &cookie).await.status() < 400);
}

/// An app in a browser comes from wherever its user is.
pub async fn c17_only_what_has_a_server_is_bound_to_places(house: House) {
    house.app(|_| ()).await;
    let fields = [
        ("patients_per_hour", "0"),
        ("addresses", "192.0.2.7"),
        ("certificate", "x"),
    ];
    let (status, page) = set(&house, &fields).await;
    assert_eq!((status, page.limits.binds), (200, false));
    assert_eq!(fact(&page, "Patients"), "no limit");
    let client = house.held::<Client>("app", NOW_S).await.unwrap();
    assert!(client.addresses.is_empty() && client.certificate.is_none());
    assert_eq!(client.kind, Kind::Public);
}

/// All that the registry holds of a client is on its page. AT17b: who is past its review is shown as such.
pub async fn c17_the_page_says_all_that_is_registered(house: House) {
    house
        .app(|client| {
            client.kind = Kind::Confidential;
            client.secret_digest = Some(digest("secret"));
            client.purpose = "Shows results".into();
            client.contacts = vec!["dev@app.example".into()];
            client.addresses = vec!["192.0.2.0/24".into()];
            client.review_due_s = Some(NOW_S);
        })
        .await;
    let admin = administrator(&house).await;
    let page = page(&house, &admin).await;
    assert_eq!(
        (page.row.owner.as_str(), page.row.state.as_str()),
        ("Example Ltd", "review is due")
    );
    assert_eq!(fact(&page, "Purpose"), "Shows results");
    assert_eq!(fact(&page, "Contacts"), "dev@app.example");
    assert_eq!(fact(&page, "Addresses"), "192.0.2.0/24");
    assert!(fact(&page, "Scope at most").contains("user/*.cruds"));
    assert!(
        fact(&page, "Review due").contains("no tokens until"),
        "{:?}",
        page.facts
    );
    let get = Ask::get("").cookie(&admin);
    let Page::Clients(list) = shown(house.ask(Endpoint::Clients, &get).await) else {
        panic!("no registry")
    };
    assert_eq!(list.clients[0].state, "review is due");
    // It is approved anew, and the date is ahead again.
    let post = Ask::post(&[("csrf", &page.form.csrf), ("decision", "approve")])
        .query(&page.form.action)
        .cookie(&admin);
    house.ask(Endpoint::Clients, &post).await;
    let page = self::page(&house, &admin).await;
    assert_eq!(
        (page.row.state.as_str(), fact(&page, "Review due")),
        ("active", "13 November 2024")
    );
}
