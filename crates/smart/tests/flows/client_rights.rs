//! C17: what a client may do at most is changed on its page, and what was granted before is worth what is left of it.

use crate::answers::*;
use crate::asks::*;
use crate::client_forms::*;
use crate::house::*;
use crate::registry::administrator;
use serde_json::{Value, json};
use ward_access::{Clearance, Registered};
use ward_seal::Es384Key;
use ward_smart::page::ClientPart;
use ward_smart::state::{Authentication, Client, KeysAt, Kind};
use ward_smart::{Answer, AuthorizationServer, Endpoint, Page};

/// At once, on every node: what was granted is worth what is left of it, and a wider ceiling gives no old token back.
pub async fn c17_a_narrower_ceiling_cuts_what_was_granted(house: House) {
    house.confidential("secret").await;
    let other = house.another().await;
    let token = by_secret(&house, "openid user/*.rs user/Patient.rs offline_access").await;
    if let Some(other) = &other {
        other.watch(NOW_S).await.unwrap();
        assert!(holds(other, &token, NOW_S).await);
    }
    // One code is issued and one authorization is under way when it happens.
    let cookie = house.clinician().await;
    let code = house
        .code(&asked("openid user/*.rs user/Patient.rs"), &cookie)
        .await;
    let under_way = house
        .authorize(&asked("openid user/*.rs user/Patient.rs"), &cookie)
        .await;
    let before = client(&house).await.scope;
    let scope = [("scope", "openid offline_access\r\nuser/Patient.rs")];
    let (status, page) = set(&house, ClientPart::Rights, &scope).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    assert_eq!(
        client(&house).await.scope,
        "openid offline_access user/Patient.rs"
    );
    assert!(
        recorded(&house)
            .query
            .contains("decision=rights&changed=scope&")
    );
    assert!(!house.is_good(&token, NOW_S).await);
    if let Some(other) = &other {
        other.watch(NOW_S).await.unwrap();
        assert!(!holds(other, &token, NOW_S).await);
    }
    let left = |answer: &Value| answer["scope"].as_str().unwrap().to_owned();
    let by = |ask: Ask| ask.basic("app", "secret").at(LATER_S);
    let again = ok(house.ask(Endpoint::Token, &by(refresh(&token))).await);
    assert_eq!(left(&again), "openid user/Patient.rs offline_access");
    assert!(house.is_good(&again, LATER_S).await);
    let redeemed = ok(house.ask(Endpoint::Token, &by(redeem(&code))).await);
    assert_eq!(left(&redeemed), "openid user/Patient.rs");
    let Page::Approve(asks) = shown(under_way) else {
        panic!("no page of approval")
    };
    let fields = [
        ("csrf", asks.form.csrf.as_str()),
        ("decision", "approve"),
        ("scope", "user/*.rs"),
        ("scope", "user/Patient.rs"),
    ];
    let post = Ask::post(&fields).query(&asks.form.action).cookie(&cookie);
    let late = crate::answers::code(&house.ask(Endpoint::Approve, &post).await);
    let late = ok(house.ask(Endpoint::Token, &by(redeem(&late))).await);
    assert!(!left(&late).contains('*'), "{late}");
    // The person sees what it may do now.
    let get = Ask::get("").cookie(&cookie);
    let Page::Apps(apps) = shown(house.ask(Endpoint::Apps, &get).await) else {
        panic!("no apps")
    };
    let may = &apps.apps[0].may;
    let sees: Vec<&String> = may.iter().filter(|may| may.starts_with("See ")).collect();
    assert_eq!(sees.len(), 1, "{may:?}");
    set(&house, ClientPart::Rights, &[("scope", &before)]).await;
    assert!(
        !house.is_good(&token, LATER_S).await,
        "old tokens stay dead"
    );
    assert!(
        house.is_good(&again, LATER_S).await,
        "it may do more than before"
    );
    // Nothing at all is left.
    set(&house, ClientPart::Rights, &[("scope", "launch")]).await;
    let nothing = house.ask(Endpoint::Token, &by(refresh(&again))).await;
    assert_eq!(refused(nothing), (400, "invalid_grant".into()));
    let two = "user/Observation.rs?category=http://example.org/kinds|a,http://example.org/kinds|b";
    set(&house, ClientPart::Rights, &[("scope", two)]).await;
    assert_eq!(
        client(&house).await.scope,
        two,
        "a comma is part of a scope"
    );
}

/// S22: whoever has an address now that was the app's gets nothing there, neither by what was under way nor by a code that was sent.
pub async fn c17_s22_nothing_goes_to_an_address_that_was_taken_away(house: House) {
    const NEW: &str = "https://app.example/new";
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let request = asked("openid user/Patient.rs offline_access");
    let token = house.tokens(&request, &cookie).await;
    let code = house.code(&request, &cookie).await;
    let under_way = house.authorize(&request, &cookie).await;
    let Page::Approve(asks) = shown(under_way) else {
        panic!("no page of approval")
    };
    let addresses = [("redirect_uris", NEW)];
    let (status, page) = set(&house, ClientPart::Rights, &addresses).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    let approve = |decision| {
        let fields = [
            ("csrf", asks.form.csrf.as_str()),
            ("decision", decision),
            ("scope", "user/Patient.rs"),
        ];
        Ask::post(&fields).query(&asks.form.action).cookie(&cookie)
    };
    for decision in ["approve", "deny"] {
        let answer = house.ask(Endpoint::Approve, &approve(decision)).await;
        assert_eq!(answer.status(), 400, "{decision}: {answer:?}");
        assert!(matches!(shown(answer), Page::Message(page) if page.is_error));
    }
    let begun = house.authorize(&request, &cookie).await;
    assert!(matches!(shown(begun), Page::Message(page) if page.is_error));
    let late = house.ask(Endpoint::Token, &redeem(&code)).await;
    assert_eq!(refused(late), (400, "invalid_grant".into()));
    // What the app has it got while the address was its own; and it goes on at the new one.
    assert!(house.is_good(&token, NOW_S).await);
    ok(house
        .ask(Endpoint::Token, &refresh(&token).at(LATER_S))
        .await);
    let there = request.with("redirect_uri", NEW);
    let answer = house.approve(&there, &cookie).await;
    let Answer::Redirect { to, .. } = &answer else {
        panic!("no redirect: {answer:?}")
    };
    let query = to.strip_prefix(&format!("{NEW}?"));
    let sent = pairs(query.unwrap_or_else(|| panic!("not there: {to}")));
    let (_, code) = sent.iter().find(|(name, _)| name == "code").unwrap();
    let redeemed = redeem(code).with("redirect_uri", NEW);
    ok(house.ask(Endpoint::Token, &redeemed).await);
}

/// S61: by the page, and the tokens that spoke for somebody else are void.
pub async fn c17_s61_a_service_acts_for_whom_its_page_says(house: House) {
    let key = Es384Key::generate();
    let set_of = format!(r#"{{"keys":[{}]}}"#, key.public().to_json());
    house
        .app(|client| {
            client.kind = Kind::System;
            client.authentication = Authentication::PrivateKeyJwt;
            client.redirect_uris = Vec::new();
            client.scope = "system/Patient.rs".into();
            client.keys = Some(KeysAt::Here(set_of));
        })
        .await;
    let url = house.server.url(Endpoint::Token);
    let grant = [
        ("grant_type", "client_credentials"),
        (
            "scope",
            "system/Patient.rs user/Patient.rs patient/Patient.rs",
        ),
    ];
    let ask = |id: &str, at_s: i64| {
        let assertion = key.sign("JWT", assertion(&url, id).as_bytes());
        proved(Ask::post(&grant), &assertion).at(at_s)
    };
    let alone = ok(house.ask(Endpoint::Token, &ask("1", NOW_S)).await);
    assert_eq!(alone["scope"], "system/Patient.rs");
    for (fields, wrong) in [
        (vec![("acts_for_user", "robot")], vec!["acts_for_user"]),
        (vec![("role", "nurse")], vec!["role"]),
        (
            vec![("acts_for_user", "Practitioner/robot"), ("role", "king")],
            vec!["role"],
        ),
        (
            vec![("acts_for_patient", "no id")],
            vec!["acts_for_patient"],
        ),
        // Nobody asks: its scopes of the patient would open nothing.
        (vec![("acts_for_patient", "p1")], vec!["acts_for_patient"]),
        (
            vec![("scope", "system/Patient.rs user/Patient.rs")],
            vec!["scope"],
        ),
        (vec![("scope", "openid")], vec!["scope"]),
    ] {
        let before = client(&house).await;
        let (status, page) = set(&house, ClientPart::Rights, &fields).await;
        assert_eq!((status, errors(&page)), (400, wrong), "{fields:?}");
        assert_eq!(client(&house).await, before);
    }
    let fields = [
        (
            "scope",
            "system/Patient.rs user/Patient.rs patient/Patient.rs",
        ),
        ("acts_for_user", "Practitioner/robot"),
        ("role", "physician"),
        ("role", "nurse"),
        ("acts_for_patient", "Patient/p1"),
    ];
    let (status, page) = set(&house, ClientPart::Rights, &fields).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    let changed = "changed=scope&changed=acts_for_user&changed=role&changed=acts_for_patient&";
    assert!(recorded(&house).query.contains(changed));
    assert!(!house.is_good(&alone, NOW_S).await);
    let token = ok(house.ask(Endpoint::Token, &ask("2", LATER_S)).await);
    let said = claims(&token["access_token"]);
    assert_eq!(said["fhirUser"], "Practitioner/robot");
    assert_eq!(said["roles"], json!(["nurse", "physician"]));
    assert_eq!(
        (&token["patient"], said["sub"].as_str()),
        (&json!("p1"), Some("Practitioner/robot"))
    );
    // Scopes of a user are worth something to a user alone.
    let text = token["access_token"].as_str().unwrap();
    let verified = house.server.tokens().verify(text, LATER_S).unwrap();
    assert!(verified.caller.is_user());
    assert!(token["scope"].as_str().unwrap().contains("user/Patient.rs"));
    let fields = [
        ("acts_for_user", ""),
        ("role", ""),
        ("acts_for_patient", ""),
        ("scope", "system/Patient.rs"),
    ];
    set(&house, ClientPart::Rights, &fields).await;
    assert_eq!(client(&house).await.acts_for, None);
    assert!(!house.is_good(&token, LATER_S).await);
}

/// Tokens that are being minted while the client is changed: none of them has what the client may have no longer.
pub async fn c17_no_token_of_before_outlives_a_change(house: House) {
    const TOKENS: usize = 12;
    let key = Es384Key::generate();
    let set_of = format!(r#"{{"keys":[{}]}}"#, key.public().to_json());
    house
        .app(|client| {
            client.kind = Kind::System;
            client.authentication = Authentication::PrivateKeyJwt;
            client.redirect_uris = Vec::new();
            client.scope = "system/*.rs".into();
            client.keys = Some(KeysAt::Here(set_of));
        })
        .await;
    let url = house.server.url(Endpoint::Token);
    let admin = administrator(&house).await;
    let narrower = [("scope", "system/Patient.rs")];
    let form = filled(&page(&house, &admin).await, ClientPart::Rights, &narrower).cookie(&admin);
    let minted = async |whose: &str| {
        let mut tokens = Vec::new();
        for n in 0..TOKENS {
            let fields = [
                ("grant_type", "client_credentials"),
                ("scope", "system/Patient.rs system/Observation.rs"),
            ];
            let id = format!("{whose} {n}");
            let assertion = key.sign("JWT", assertion(&url, &id).as_bytes());
            let ask = proved(Ask::post(&fields), &assertion).at(LATER_S);
            let answer = house.ask(Endpoint::Token, &ask).await;
            match answer.status() {
                200 => tokens.push(json_of(answer)),
                // It was changed meanwhile: the client asks again.
                503 => {}
                _ => panic!("{answer:?}"),
            }
        }
        tokens
    };
    let change = house.ask(Endpoint::Clients, &form);
    let (first, second, third, changed) =
        tokio::join!(minted("a"), minted("b"), minted("c"), change);
    let Page::Client(changed) = shown(changed) else {
        panic!("no page of a client")
    };
    // That the client is used meanwhile keeps nobody from changing it.
    let done = "My Health may do this from now on.";
    assert_eq!(changed.notice.as_deref(), Some(done));
    for token in first.iter().chain(&second).chain(&third) {
        let is_wide = token["scope"].as_str().unwrap().contains("Observation");
        assert!(!is_wide || !house.is_good(token, LATER_S).await, "{token}");
    }
    let new = minted("d").await;
    assert_eq!(new.len(), TOKENS);
    assert!(
        new.iter()
            .all(|token| token["scope"] == "system/Patient.rs")
    );
}

/// S99
pub async fn c17_s99_who_may_ask_about_every_token_is_set_on_the_page(house: House) {
    house.confidential("secret").await;
    let of_another = {
        let other = Client {
            client_id: "other".into(),
            kind: Kind::Public,
            authentication: Authentication::None,
            secret_digest: None,
            ..client(&house).await
        };
        house.keep(&other).await;
        let cookie = house.clinician().await;
        let code = house
            .code(
                &asked("openid user/*.rs").with("client_id", "other"),
                &cookie,
            )
            .await;
        let ask = redeem(&code).with("client_id", "other");
        ok(house.ask(Endpoint::Token, &ask).await)
    };
    let token = of_another["access_token"].as_str().unwrap();
    let about = Ask::post(&[("token", token)]).basic("app", "secret");
    let told = async || ok(house.ask(Endpoint::Introspect, &about).await)["active"].clone();
    assert_eq!(told().await, false);
    set(&house, ClientPart::Rights, &[("may_introspect", "on")]).await;
    assert_eq!(told().await, true);
    set(&house, ClientPart::Rights, &[("may_introspect", "")]).await;
    assert_eq!(told().await, false);
}

/// S30: only what is an EHR frames anything, and only at origins that are named.
pub async fn c17_s30_an_ehr_says_where_its_launches_are_shown(house: House) {
    house.confidential("secret").await;
    let frames = [(
        "frame_origins",
        "https://ehr.example\r\nhttps://ehr.example:8443",
    )];
    set(&house, ClientPart::Rights, &frames).await;
    assert!(
        client(&house).await.frame_origins.is_empty(),
        "it is no EHR"
    );
    let before = client(&house).await;
    house
        .keep(&Client {
            may_launch: true,
            ..before
        })
        .await;
    for bad in [
        "https://*.example",
        "http://ehr.example",
        "https://ehr.example/x",
        "*",
    ] {
        let (status, page) = set(&house, ClientPart::Rights, &[("frame_origins", bad)]).await;
        assert_eq!(
            (status, errors(&page)),
            (400, vec!["frame_origins"]),
            "{bad}"
        );
    }
    let (status, _) = set(&house, ClientPart::Rights, &frames).await;
    assert_eq!(status, 200);
    let expected = ["https://ehr.example", "https://ehr.example:8443"];
    assert_eq!(client(&house).await.frame_origins, expected);
}

/// Its tokens stay, and are worth what the registration says at each request.
pub async fn c17_l3_whose_a_client_is_and_what_it_sees_holds_at_once(house: House) {
    house.confidential("secret").await;
    let other = house.another().await;
    let token = by_secret(&house, "openid user/*.rs").await;
    let registered = async |server: &AuthorizationServer| {
        let header = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let credentials = ward_smart::Credentials {
            authorization: Some(&header),
            ..ward_smart::Credentials::default()
        };
        let caller = server.authenticate(&credentials, NOW_S).await.unwrap();
        caller.client.clone()
    };
    assert_eq!(registered(&house.server).await, Registered::default());
    for (field, value) in [
        ("organization", "h2"),
        ("organization", "Organization/a b"),
        ("organization", "Practitioner/1"),
        ("clearance", "HIV"),
        ("clearance", "R a|b|c"),
    ] {
        let before = client(&house).await;
        let (status, page) = set(&house, ClientPart::Rights, &[(field, value)]).await;
        assert_eq!((status, errors(&page)), (400, vec![field]), "{value}");
        assert_eq!(client(&house).await, before);
    }
    let fields = [
        ("organization", "Organization/h2"),
        ("clearance", "R  SUD HIV"),
        // Of people their roles say that.
        ("sees_labels", "on"),
    ];
    let (status, page) = set(&house, ClientPart::Rights, &fields).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    assert!(
        recorded(&house)
            .query
            .contains("changed=organization&changed=clearance")
    );
    let is = Registered {
        organization: Some("Organization/h2".into()),
        clearance: Some(Clearance::parse("R HIV SUD").unwrap()),
        sees_labels: false,
        acts_for: false,
    };
    assert_eq!(registered(&house.server).await, is);
    if let Some(other) = &other {
        other.watch(NOW_S).await.unwrap();
        assert_eq!(registered(other).await, is);
    }
    set(
        &house,
        ClientPart::Rights,
        &[("organization", ""), ("clearance", "")],
    )
    .await;
    assert_eq!(registered(&house.server).await, Registered::default());
}
