//! C17: what an administrator changes of a registration, on its page, and what that does to what was granted before.

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use crate::registry::administrator;
use serde_json::{Value, json};
use ward_audit::{Outcome, Record};
use ward_smart::page::{ClientDetail, ClientPart};
use ward_smart::state::Client;
use ward_smart::{Answer, Endpoint, Page};

pub const LATER_S: i64 = NOW_S + 1;

pub async fn page(house: &House, cookie: &str) -> ClientDetail {
    let get = Ask::get("client=app").cookie(cookie);
    match shown(house.ask(Endpoint::Clients, &get).await) {
        Page::Client(page) => page,
        other => panic!("{other:?}"),
    }
}

/// The form of a part as the page has it, with other values in some of its fields.
pub fn filled(page: &ClientDetail, part: ClientPart, fields: &[(&str, &str)]) -> Ask {
    let is_new = |name: &str| fields.iter().any(|(field, _)| *field == name);
    let shown = page.parts.iter().find(|shown| shown.part == part).unwrap();
    let held = shown.values.iter().filter(|(name, _)| !is_new(name));
    let held = held.map(|(name, value)| (name.as_str(), value.as_str()));
    let own = [("csrf", page.form.csrf.as_str()), ("decision", part.word())];
    let all: Vec<_> = own
        .into_iter()
        .chain(held)
        .chain(fields.iter().copied())
        .collect();
    Ask::post(&all).query(&page.form.action)
}

/// Sets a part as an administrator does; status and page of the answer.
pub async fn set(house: &House, part: ClientPart, fields: &[(&str, &str)]) -> (u16, ClientDetail) {
    let admin = administrator(house).await;
    let form = filled(&page(house, &admin).await, part, fields).cookie(&admin);
    let answer = house.ask(Endpoint::Clients, &form).await;
    let status = answer.status();
    match shown(answer) {
        Page::Client(page) => (status, page),
        other => panic!("{other:?}"),
    }
}

pub async fn client(house: &House) -> Client {
    house.held("app", NOW_S).await.unwrap()
}

/// What the newest record says.
pub fn recorded(house: &House) -> Record {
    let log = house.engine.log().records_from(1, 10_000).unwrap();
    log.into_iter().next_back().unwrap().1
}

/// How many records are alarms: something was used that must have been stolen (S27, S92).
pub fn alarms(house: &House) -> usize {
    let log = house.engine.log().records_from(1, 10_000).unwrap();
    let records = log.into_iter().map(|(_, record)| record);
    let alarms = records.filter(|record| record.outcome == Outcome::Serious);
    alarms.filter(|record| record.client_id == "app").count()
}

pub fn errors(page: &ClientDetail) -> Vec<&str> {
    let errors = page.parts.iter().flat_map(|part| &part.errors);
    errors.map(|(field, _)| field.as_str()).collect()
}

pub fn assertion(audience: &str, id: &str) -> String {
    let claims =
        json!({ "iss": "app", "sub": "app", "aud": audience, "exp": NOW_S + 60, "jti": id });
    claims.to_string()
}

pub fn proved(ask: Ask, assertion: &str) -> Ask {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    ask.with("client_assertion", assertion)
        .with("client_assertion_type", kind)
}

/// The tokens of a client with a secret.
pub async fn by_secret(house: &House, scope: &str) -> Value {
    let cookie = house.clinician().await;
    let code = house.code(&asked(scope), &cookie).await;
    let ask = redeem(&code).basic("app", "secret");
    ok(house.ask(Endpoint::Token, &ask).await)
}

pub async fn c17_who_answers_for_a_client_is_changed_on_its_page(house: House) {
    house.confidential("secret").await;
    let token = by_secret(&house, "openid user/*.rs offline_access").await;
    let other = house.another().await;
    let fields = [
        ("owner", "New Owner Ltd"),
        ("contacts", "new@app.example, other@app.example"),
        ("review_due", "2024-02-29"),
    ];
    let (status, page) = set(&house, ClientPart::About, &fields).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    assert_eq!(page.row.owner, "New Owner Ltd");
    let is = client(&house).await;
    assert_eq!(is.contacts, ["new@app.example", "other@app.example"]);
    assert_eq!(is.review_due_s, Some(1_709_164_800));
    // Who did it, to which client, in which fields; and nothing of what stands in them.
    let record = recorded(&house);
    assert_eq!(
        (record.client_id.as_str(), record.user.as_str()),
        ("app", "Practitioner/admin")
    );
    let said = "client=app&decision=about&changed=owner&changed=contacts&changed=review_due&";
    assert!(record.query.starts_with(said), "{}", record.query);
    assert!(!record.query.contains("Owner"), "{}", record.query);
    if let Some(other) = other {
        other.watch(NOW_S).await.unwrap();
        assert_eq!(
            other.registry().client("app").unwrap().owner,
            "New Owner Ltd"
        );
    }
    // It may do what it may, until its review is due (AT17b).
    assert!(house.is_good(&token, NOW_S).await);
    let (status, _) = set(&house, ClientPart::About, &[("review_due", "2023-11-14")]).await;
    assert_eq!(status, 200);
    let due = house
        .ask(Endpoint::Token, &refresh(&token).basic("app", "secret"))
        .await;
    assert_eq!(refused(due), (400, "unauthorized_client".into()));
    // The same again changes nothing, and says so.
    let (_, page) = set(&house, ClientPart::About, &[]).await;
    assert_eq!(page.notice.as_deref(), Some("Nothing was changed."));
    assert!(!recorded(&house).query.contains("changed"));
}

pub async fn c17_what_will_not_do_is_named_at_its_field_and_changes_nothing(house: House) {
    house.confidential("secret").await;
    let before = client(&house).await;
    for (part, fields) in [
        (
            ClientPart::About,
            vec![
                ("owner", ""),
                ("contacts", "nobody"),
                ("review_due", "2024-02-30"),
            ],
        ),
        (ClientPart::About, vec![("review_due", "2031-01-01")]),
        (
            ClientPart::Rights,
            vec![
                ("scope", "system/*.cruds"),
                ("redirect_uris", "http://app.example/cb"),
            ],
        ),
        (
            ClientPart::Rights,
            vec![("redirect_uris", "https://good.example:x@evil.example/cb")],
        ),
        (ClientPart::Rights, vec![("launch_uri", "javascript:x")]),
        (
            ClientPart::Proof,
            vec![("token_endpoint_auth_method", "none")],
        ),
        (ClientPart::Proof, vec![("tokens_bound_to", "x")]),
        (
            ClientPart::Proof,
            vec![("jwks_uri", "http://127.0.0.1/jwks")],
        ),
    ] {
        let (status, page) = set(&house, part, &fields).await;
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let mut wrong = errors(&page);
        wrong.sort_by_key(|name| names.iter().position(|known| known == name));
        assert_eq!((status, wrong), (400, names), "{fields:?}");
        // What was typed is there again.
        let shown = page.parts.iter().find(|shown| shown.part == part).unwrap();
        for (name, typed) in fields {
            let value = shown
                .values
                .iter()
                .find(|(field, _)| field == name)
                .unwrap();
            assert_eq!(value.1, typed);
        }
    }
    // Nobody else changes anything, and no other page.
    let admin = administrator(&house).await;
    let doctor = house.clinician().await;
    let form = page(&house, &admin).await;
    let change = filled(&form, ClientPart::Rights, &[("may_introspect", "on")]);
    for ask in [
        change.clone().cookie(&doctor),
        change.clone().with("csrf", "x").cookie(&admin),
        change.cookie(""),
    ] {
        let answer = house.ask(Endpoint::Clients, &ask).await;
        let is_sign_in = matches!(answer, Answer::Redirect { .. });
        assert!(is_sign_in || answer.status() >= 400, "{answer:?}");
    }
    assert_eq!(client(&house).await, before);
    // An app in a browser has neither keys nor a profile, and no right to ask about others.
    house.app(|_| ()).await;
    let fields = [
        ("may_introspect", "on"),
        ("fapi2", "on"),
        ("acts_for_user", "Practitioner/1"),
    ];
    for part in [ClientPart::Rights, ClientPart::Proof] {
        set(&house, part, &fields).await;
    }
    let is = client(&house).await;
    assert!(!is.may_introspect && !is.fapi2 && is.acts_for.is_none());
}
