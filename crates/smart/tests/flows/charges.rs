//! What requests of clients cost, and whom: never somebody who was merely named.

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use std::sync::Mutex;
use ward_smart::state::{Budgets, Client, Code, digest};
use ward_smart::{Answer, Endpoint, Meter};

/// Who paid, in order; and whether there is anything left.
#[derive(Debug, Default)]
struct Purse {
    paid: Mutex<Vec<String>>,
    is_empty: bool,
}

impl Purse {
    fn take(&self, whose: String) -> Result<(), i64> {
        self.paid.lock().unwrap().push(whose);
        if self.is_empty { Err(17) } else { Ok(()) }
    }

    fn paid(&self) -> Vec<String> {
        std::mem::take(&mut self.paid.lock().unwrap())
    }
}

impl Meter for Purse {
    fn take_of_client(&self, client_id: &str, budget: Option<u32>) -> Result<(), i64> {
        self.take(format!("{client_id} {budget:?}"))
    }

    fn take_of_address(&self) -> Result<(), i64> {
        self.take("address".into())
    }
}

const CLIENTS_OWN: [Endpoint; 4] = [
    Endpoint::Token,
    Endpoint::Introspect,
    Endpoint::Revoke,
    Endpoint::PushedAuthorizationRequest,
];

async fn confidential(house: &House) {
    let client = house.confidential("secret").await;
    let budgets = Budgets {
        requests_per_minute: Some(600),
        ..Budgets::default()
    };
    house.keep(&Client { budgets, ..client }).await;
}

/// Something in order at each endpoint, but for who asks.
fn ask(endpoint: Endpoint) -> Ask {
    match endpoint {
        Endpoint::Token => redeem("no code"),
        Endpoint::PushedAuthorizationRequest => Ask {
            method: "POST",
            ..asked("openid").ask()
        },
        _ => Ask::post(&[("token", "no token")]),
    }
    .without("client_id")
}

async fn answer(house: &House, purse: &Purse, endpoint: Endpoint, ask: Ask) -> Answer {
    ask.metered(&house.server, endpoint, Some(purse)).await
}

pub async fn x74_who_proves_who_they_are_pays(house: House) {
    confidential(&house).await;
    let purse = Purse::default();
    for endpoint in CLIENTS_OWN {
        let proved = ask(endpoint).basic("app", "secret");
        let answer = answer(&house, &purse, endpoint, proved).await;
        assert!(answer.status() < 429, "{answer:?}");
        assert_eq!(purse.paid(), ["app Some(600)"], "{endpoint:?}, once");
    }
    // By a token of its own, too.
    let cookie = house.clinician().await;
    let page = house.approve(&asked("openid user/*.rs"), &cookie).await;
    let code = returned(&page)["code"].clone();
    let redeemed = redeem(&code).without("client_id").basic("app", "secret");
    let token = ok(answer(&house, &purse, Endpoint::Token, redeemed).await);
    assert_eq!(purse.paid(), ["app Some(600)"]);
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let asks = ask(Endpoint::Introspect).authorization(&bearer);
    ok(answer(&house, &purse, Endpoint::Introspect, asks).await);
    assert_eq!(purse.paid(), ["app Some(600)"]);
}

/// Whoever knows the id of a client uses up nothing of it: a wrong secret, somebody else's, none, or a client without any.
pub async fn x74_to_name_a_client_costs_it_nothing(house: House) {
    confidential(&house).await;
    house.app(|client| client.client_id = "public".into()).await;
    let purse = Purse::default();
    for endpoint in CLIENTS_OWN {
        for pretended in [
            ask(endpoint).with("client_id", "app"),
            ask(endpoint).basic("app", "wrong"),
            ask(endpoint).basic("public", "secret"),
            ask(endpoint)
                .with("client_id", "app")
                .with("client_assertion", "a.b.c"),
            ask(endpoint).authorization("Basic ???"),
            ask(endpoint).with("client_id", "nobody"),
            ask(endpoint).with("client_id", "public"),
            ask(endpoint),
        ] {
            answer(&house, &purse, endpoint, pretended.clone()).await;
            assert_eq!(purse.paid(), ["address"], "{endpoint:?}: {pretended:?}");
        }
    }
    let bad = ask(Endpoint::Introspect).authorization("Bearer a.b.c");
    answer(&house, &purse, Endpoint::Introspect, bad).await;
    assert_eq!(purse.paid(), ["address"]);
}

/// 429 with the time to wait, and a code that was sent meanwhile is good afterwards.
pub async fn x74_who_has_nothing_left_waits_and_changes_nothing(house: House) {
    confidential(&house).await;
    let cookie = house.clinician().await;
    let page = house.approve(&asked("openid user/*.rs"), &cookie).await;
    let code = returned(&page)["code"].clone();
    let empty = Purse {
        is_empty: true,
        ..Purse::default()
    };
    let redeemed = redeem(&code).without("client_id").basic("app", "secret");
    let wrong = redeemed.clone().basic("app", "wrong");
    for ask in [&redeemed, &wrong] {
        let answer = answer(&house, &empty, Endpoint::Token, ask.clone()).await;
        let Answer::Json {
            status, headers, ..
        } = &answer
        else {
            panic!("{answer:?}")
        };
        assert_eq!(*status, 429);
        assert!(headers.contains(&("Retry-After", "17".to_owned())));
        assert_eq!(refused(answer), (429, "temporarily_unavailable".into()));
    }
    let held: Code = house.held(&digest(&code), NOW_S).await.unwrap();
    assert!(!held.used);
    ok(house.ask(Endpoint::Token, &redeemed).await);
}
