use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use serde_json::{Value, json};
use ward_smart::state::{Authentication, Client, ClientState, KeysAt, Kind};
use ward_smart::{Answer, AuthorizationServer, Endpoint, Page, Secrets, Settings};

pub async fn administrator(house: &House) -> String {
    house
        .signed_in(|session| {
            session.account = "admin".into();
            session.fhir_user = Some("Practitioner/admin".into());
            session.roles = vec!["system-administrator".into()];
        })
        .await
}

/// Decides about a client as an administrator does.
pub async fn decide(house: &House, cookie: &str, client: &str, decision: &str) {
    let get = Ask::get(&format!("client={client}")).cookie(cookie);
    let Page::Client(page) = shown(house.ask(Endpoint::Clients, &get).await) else {
        panic!("no page of a client")
    };
    assert!(
        page.decisions.iter().any(|(known, _)| known == decision),
        "{:?}",
        page.decisions
    );
    let post = Ask::post(&[("csrf", &page.form.csrf), ("decision", decision)])
        .query(&page.form.action)
        .cookie(cookie);
    let mut answer = house.ask(Endpoint::Clients, &post).await;
    if decision == "remove" {
        let Page::Confirm(asks) = shown(answer) else {
            panic!("it is not asked whether that is meant")
        };
        assert!(house.held::<Client>(client, NOW_S).await.is_some());
        let fields = [
            ("csrf", asks.form.csrf.as_str()),
            ("decision", "remove"),
            ("sure", "yes"),
        ];
        let post = Ask::post(&fields).query(&asks.form.action).cookie(cookie);
        answer = house.ask(Endpoint::Clients, &post).await;
    }
    assert!(matches!(shown(answer), Page::Clients(page) if page.notice.is_some()));
}

pub async fn s117_registration_is_off_and_then_pending(house: House) {
    let post = Ask::post(&[]).json(&metadata());
    assert_eq!(
        refused(house.ask(Endpoint::Register, &post).await),
        (403, "access_denied".into())
    );
    let open = open(&house).await;
    let made = post.of(&open, Endpoint::Register).await;
    assert_eq!(made.status(), 201, "{made:?}");
    let id = json_of(made)["client_id"].as_str().unwrap().to_owned();
    let wild = json!({ "redirect_uris": ["https://*.app.example/cb"], "scope": "openid patient/*.rs",
        "client_name": "New App", "owner": "x", "purpose": "x", "contacts": ["dev@app.example"] });
    let answer = Ask::post(&[])
        .json(&wild)
        .of(&open, Endpoint::Register)
        .await;
    assert_eq!(refused(answer), (400, "invalid_redirect_uri".into()));
    let answer = Ask::post(&[])
        .json(&json!([]))
        .of(&open, Endpoint::Register)
        .await;
    assert_eq!(refused(answer), (400, "invalid_client_metadata".into()));
    // It gets nothing until somebody approves it.
    let cookie = house.patient_account("p1").await;
    house.patient("p1", "Lovelace").await;
    let request = asked("openid").with("client_id", &id);
    assert_eq!(house.authorize(&request, &cookie).await.status(), 400);
    let pending = redeem("x").with("client_id", &id);
    assert_eq!(
        refused(house.ask(Endpoint::Token, &pending).await),
        (401, "invalid_client".into())
    );
    house.server.watch(NOW_S).await.unwrap();
    decide(&house, &administrator(&house).await, &id, "approve").await;
    assert!(returned(&house.approve(&request, &cookie).await).contains_key("code"));
    let client: Client = house.held(&id, NOW_S).await.unwrap();
    assert!(client.verified && client.review_due_s.is_some());
}

pub async fn at17a_a_suspended_client_is_dead_everywhere(house: House) {
    house.app(|_| ()).await;
    let other = house.another().await;
    let cookie = house.clinician().await;
    let token = house
        .tokens(&asked("openid user/*.rs offline_access"), &cookie)
        .await;
    if let Some(other) = &other {
        other.watch(NOW_S).await.unwrap();
        assert!(holds(other, &token, NOW_S).await);
    }
    let admin = administrator(&house).await;
    decide(&house, &admin, "app", "suspend").await;
    assert!(!house.is_good(&token, NOW_S).await);
    if let Some(other) = &other {
        other.watch(NOW_S).await.unwrap();
        assert!(!holds(other, &token, NOW_S).await);
        assert_eq!(
            other.registry().client("app").unwrap().state,
            ClientState::Suspended
        );
    }
    assert_eq!(
        refused(house.ask(Endpoint::Token, &refresh(&token)).await).1,
        "invalid_client"
    );
    decide(&house, &admin, "app", "resume").await;
    assert!(!house.is_good(&token, NOW_S).await, "old tokens stay dead");
    let new = ok(house
        .ask(Endpoint::Token, &refresh(&token).at(NOW_S + 1))
        .await);
    for later_s in [NOW_S + 1, NOW_S + 120] {
        house.server.watch(later_s).await.unwrap();
        assert!(
            house.is_good(&new, later_s).await,
            "and new ones open at once"
        );
    }
    assert!(!house.is_good(&token, NOW_S + 1).await);
    decide(&house, &admin, "app", "remove").await;
    assert!(house.held::<Client>("app", NOW_S).await.is_none());
}

/// Somebody may have read the keys: what they signed is void everywhere, and whoever comes in an honest way goes on.
pub async fn x63_stolen_keys_are_replaced(house: House) {
    house.app(|_| ()).await;
    let other = house.another().await;
    let cookie = house.clinician().await;
    let token = house
        .tokens(&asked("openid user/*.rs offline_access"), &cookie)
        .await;
    // Both have verified it and remember that.
    assert!(house.is_good(&token, NOW_S).await);
    if let Some(other) = &other {
        other.watch(NOW_S).await.unwrap();
        assert!(holds(other, &token, NOW_S).await);
    }
    let admin = administrator(&house).await;
    let get = Ask::get("").cookie(&admin);
    let Page::Clients(page) = shown(house.ask(Endpoint::Clients, &get).await) else {
        panic!("no registry")
    };
    let replace = |csrf: &str, cookie: &str| {
        Ask::post(&[
            ("csrf", csrf),
            ("decision", "replace-keys"),
            ("sure", "yes"),
        ])
        .cookie(cookie)
    };
    // Nobody else does it, and no other page.
    for (csrf, cookie) in [(page.form.csrf.as_str(), &cookie), ("x", &admin)] {
        let answer = house.ask(Endpoint::Clients, &replace(csrf, cookie)).await;
        assert!((400..500).contains(&answer.status()), "{answer:?}");
    }
    let unsure = replace(&page.form.csrf, &admin).without("sure");
    let answer = house.ask(Endpoint::Clients, &unsure).await;
    assert!(matches!(shown(answer), Page::Confirm(_)));
    assert!(house.is_good(&token, NOW_S).await);
    let before = json_of(house.ask(Endpoint::Jwks, &Ask::get("")).await);
    let answer = house
        .ask(Endpoint::Clients, &replace(&page.form.csrf, &admin))
        .await;
    assert!(matches!(shown(answer), Page::Clients(page) if page.notice.is_some()));
    assert!(!house.is_good(&token, NOW_S).await);
    let after = json_of(house.ask(Endpoint::Jwks, &Ask::get("")).await);
    let known = before["keys"].as_array().unwrap();
    for key in after["keys"].as_array().unwrap() {
        assert!(!known.contains(key));
    }
    if let Some(other) = &other {
        other.watch(NOW_S).await.unwrap();
        assert!(!holds(other, &token, NOW_S).await);
    }
    let again = ok(house.ask(Endpoint::Token, &refresh(&token)).await);
    assert!(house.is_good(&again, NOW_S).await);
    if let Some(other) = &other {
        assert!(holds(other, &again, NOW_S).await);
    }
}

/// Whoever launches apps says whom they are about: never a client that cannot prove who it is.
pub async fn an_administrator_says_which_client_is_an_ehr(house: House) {
    house.confidential("secret").await;
    let admin = administrator(&house).await;
    let launch = Ask::post(&[]).basic("app", "secret");
    let asked = house.ask(Endpoint::Launch, &launch).await;
    assert_eq!(refused(asked), (400, "unauthorized_client".into()));
    decide(&house, &admin, "app", "may-launch").await;
    assert_eq!(house.ask(Endpoint::Launch, &launch).await.status(), 201);
    decide(&house, &admin, "app", "may-not-launch").await;
    assert_eq!(house.ask(Endpoint::Launch, &launch).await.status(), 400);

    house.app(|client| client.client_id = "public".into()).await;
    let get = Ask::get("client=public").cookie(&admin);
    let Page::Client(page) = shown(house.ask(Endpoint::Clients, &get).await) else {
        panic!("no page of a client")
    };
    let offers = |word: &str| page.decisions.iter().any(|(known, _)| known == word);
    assert!(
        offers("suspend") && !offers("may-launch"),
        "{:?}",
        page.decisions
    );
    let fields = [
        ("csrf", page.form.csrf.as_str()),
        ("decision", "may-launch"),
    ];
    let post = Ask::post(&fields).query(&page.form.action).cookie(&admin);
    let answer = house.ask(Endpoint::Clients, &post).await;
    assert!(
        matches!(shown(answer), Page::Client(_)),
        "nothing was decided"
    );
    assert!(
        !house
            .held::<Client>("public", NOW_S)
            .await
            .unwrap()
            .may_launch
    );
}

/// From one network only so many wait at once, also of many that come at the same moment; others and administrators register on.
pub async fn s117_one_network_does_not_fill_the_list(house: House) {
    let open = open(&house).await;
    let register = async |source: &str| {
        let post = Ask {
            source: source.to_owned(),
            ..Ask::post(&[]).json(&metadata())
        };
        post.of(&open, Endpoint::Register).await
    };
    let sources: Vec<String> = (0..24).map(|n| format!("198.51.100.{n}")).collect();
    let mut statuses = Vec::new();
    for pair in sources.chunks(2) {
        let (one, other) = tokio::join!(register(&pair[0]), register(&pair[1]));
        statuses.extend([one.status(), other.status()]);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 20);
    let Answer::Json {
        status, headers, ..
    } = register("198.51.100.77").await
    else {
        panic!("no JSON")
    };
    assert_eq!(status, 429);
    let wait = headers.iter().find(|(name, _)| *name == "Retry-After");
    assert_eq!(wait.unwrap().1, (30 * 24 * 3600).to_string());
    let elsewhere = register("203.0.113.7").await;
    assert_eq!(elsewhere.status(), 201);
    // One that is decided about makes room.
    house.server.watch(NOW_S).await.unwrap();
    let waiting = house.server.registry().all();
    let from_there = |client: &&std::sync::Arc<Client>| client.registered_from == "198.51.100.0/24";
    let one = waiting.iter().find(from_there).unwrap();
    let admin = administrator(&house).await;
    decide(&house, &admin, &one.client_id, "approve").await;
    open.watch(NOW_S).await.unwrap();
    assert_eq!(register("198.51.100.77").await.status(), 201);
    assert_eq!(register("198.51.100.78").await.status(), 429);
}

fn metadata() -> Value {
    json!({
        "client_name": "New App", "owner": "Example Ltd", "purpose": "Shows results",
        "contacts": ["dev@app.example"], "redirect_uris": [CALLBACK], "scope": "openid patient/*.rs"
    })
}

/// A server at which anybody may register.
async fn open(house: &House) -> AuthorizationServer {
    let settings = Settings {
        open_registration: true,
        ..Settings::for_base(BASE)
    };
    let secrets = Secrets {
        forms: [1; 32],
        nonces: [2; 32],
    };
    let outgoing = ward_smart::fetch::Outgoing::all(house.shelf.clone());
    let open = AuthorizationServer::open(house.engine.clone(), settings, secrets, outgoing, NOW_S);
    open.await.unwrap()
}

/// Whoever registers without being asked costs nothing until somebody approves it, and not for ever.
pub async fn s117_what_waits_for_approval_fetches_nothing_and_ends(house: House) {
    const DAY_S: i64 = 24 * 3600;
    let key = ward_seal::es384_key::Es384Key::generate();
    let waiting = |client: &mut Client| {
        client.kind = Kind::System;
        client.state = ClientState::Pending;
        client.authentication = Authentication::PrivateKeyJwt;
        client.keys = Some(KeysAt::Url("https://app.example/jwks".into()));
    };
    house.app(waiting).await;
    let token = house.server.url(Endpoint::Token);
    let claims = json!({ "iss": "app", "sub": "app", "aud": token, "exp": NOW_S + 60, "jti": "1" });
    let assertion = key.sign("JWT", claims.to_string().as_bytes());
    let ask = Ask::post(&[
        ("grant_type", "client_credentials"),
        ("scope", "system/*.rs"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", &assertion),
    ]);
    let answer = house.ask(Endpoint::Token, &ask).await;
    assert_eq!(refused(answer), (401, "invalid_client".into()));
    assert!(house.shelf.asked.lock().unwrap().is_empty());

    let held = |at_s| house.held::<Client>("app", at_s);
    assert!(held(NOW_S + 29 * DAY_S).await.is_some());
    assert!(held(NOW_S + 31 * DAY_S).await.is_none());
    house.server.watch(NOW_S).await.unwrap();
    decide(&house, &administrator(&house).await, "app", "approve").await;
    assert!(held(NOW_S + 31 * DAY_S).await.is_some(), "approved");
}

/// Who decided what about which client or account is on record, and nothing secret with it.
pub async fn what_administrators_decide_is_on_record(house: House) {
    house.confidential("secret").await;
    let admin = administrator(&house).await;
    decide(&house, &admin, "app", "suspend").await;
    let get = Ask::get("").cookie(&admin);
    let Page::Accounts(page) = shown(house.ask(Endpoint::Accounts, &get).await) else {
        panic!("no accounts")
    };
    let csrf = ("csrf", page.form.csrf.as_str());
    let add = [
        csrf,
        ("decision", "add"),
        ("username", "Curie@ward"),
        ("name", "Marie"),
        ("role", "nurse"),
    ];
    let close = [csrf, ("decision", "close"), ("username", "nobody")];
    let made_up = [csrf, ("decision", "x y"), ("username", "Marie")];
    for (fields, status) in [(&add[..], 200), (&close, 400), (&made_up, 400)] {
        let post = Ask::post(fields).query(&page.form.action).cookie(&admin);
        assert_eq!(house.ask(Endpoint::Accounts, &post).await.status(), status);
    }
    let records = house.engine.log().records_from(1, 1_000).unwrap();
    let said: Vec<_> = records
        .into_iter()
        .map(|(_, record)| record)
        .filter(|record| record.query.contains("csrf"))
        .map(|record| (record.user, record.status, record.query))
        .collect();
    let expected = [
        (200, "client=app&decision=suspend&csrf"),
        (
            200,
            "decision=add&username=curie%40ward&role=nurse&csrf&name",
        ),
        (400, "decision=close&username=nobody&csrf"),
        (400, "csrf&decision&username"),
    ];
    let by_admin =
        |(status, query): (u16, &str)| ("Practitioner/admin".to_owned(), status, query.to_owned());
    assert_eq!(said, expected.map(by_admin));
}

pub async fn the_registry_is_for_administrators(house: House) {
    house.app(|_| ()).await;
    let weak = house
        .signed_in(|session| {
            session.account = "admin".into();
            session.roles = vec!["system-administrator".into()];
            session.acr = "pwd".into();
        })
        .await;
    for cookie in [house.clinician().await, weak] {
        for endpoint in [Endpoint::Clients, Endpoint::Developer] {
            assert_eq!(
                house
                    .ask(endpoint, &Ask::get("").cookie(&cookie))
                    .await
                    .status(),
                403
            );
        }
    }
    let admin = administrator(&house).await;
    let get = Ask::get("").cookie(&admin);
    let Page::Clients(page) = shown(house.ask(Endpoint::Clients, &get).await) else {
        panic!("no registry")
    };
    assert_eq!(page.clients.len(), 1);
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
        ("jwks_uri", "https://lab.example/jwks"),
    ];
    let bad = Ask::post(&fields).with("owner", "").cookie(&admin);
    let Page::Developer(page) = shown(house.ask(Endpoint::Developer, &bad).await) else {
        panic!("no form")
    };
    assert_eq!(page.errors[0].0, "owner");
    assert!(
        page.typed
            .iter()
            .any(|(field, value)| field == "client_name" && value == "Lab system")
    );
    let Page::Developer(page) = shown(
        house
            .ask(Endpoint::Developer, &Ask::post(&fields).cookie(&admin))
            .await,
    ) else {
        panic!("no form")
    };
    let id = page.registered.unwrap().client_id;
    let client: Client = house.held(&id, NOW_S).await.unwrap();
    assert_eq!(client.state, ClientState::Pending);
    // The administrator who looks at once finds it.
    let get = Ask::get("").cookie(&admin);
    let Page::Clients(page) = shown(house.ask(Endpoint::Clients, &get).await) else {
        panic!("no list")
    };
    assert!(page.clients.iter().any(|row| row.client_id == id));
}
