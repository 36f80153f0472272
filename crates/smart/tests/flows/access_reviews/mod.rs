//! Access reviews: what is in force, decided item by item, and suspended at the deadline.

mod decided;
mod ended;

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use serde_json::json;
use std::collections::BTreeSet;
use ward_audit::Record;
use ward_smart::page::{AccessReviewShown, AccessReviews, Form};
use ward_smart::state::{self, Account, ClientState, Grant, GrantKind, OpenedGlass, ReviewItem};
use ward_smart::{Answer, AuthorizationServer, Endpoint, Page};

pub use decided::*;
pub use ended::*;

/// The end of 20 November 2023.
const DEADLINE_S: i64 = 1_700_524_800;
const KINDS: [(&str, &str); 6] = [
    ("kind", "account"),
    ("kind", "role"),
    ("kind", "practitioner-role"),
    ("kind", "client"),
    ("kind", "grant"),
    ("kind", "break-glass"),
];

async fn person(house: &House, name: &str, roles: &[&str]) -> String {
    house
        .signed_in(|session| {
            session.account = name.into();
            session.fhir_user = Some(format!("Practitioner/{name}"));
            session.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        })
        .await
}

/// An administrator and a privacy officer.
async fn two(house: &House) -> (String, String) {
    let boss = person(house, "boss", &["system-administrator"]).await;
    (boss, person(house, "officer", &["privacy-officer"]).await)
}

async fn all(house: &House, cookie: &str) -> AccessReviews {
    let get = Ask::get("").cookie(cookie);
    match shown(house.ask(Endpoint::AccessReviews, &get).await) {
        Page::AccessReviews(page) => page,
        other => panic!("no reviews: {other:?}"),
    }
}

fn one(answer: Answer) -> AccessReviewShown {
    match shown(answer) {
        Page::AccessReview(page) => *page,
        other => panic!("no review: {other:?}"),
    }
}

async fn send(house: &House, cookie: &str, form: &Form, fields: &[(&str, &str)]) -> Answer {
    let csrf = [("csrf", form.csrf.as_str())];
    let post = Ask::post(&[&csrf, fields].concat());
    let post = post.query(&form.action).cookie(cookie);
    house.ask(Endpoint::AccessReviews, &post).await
}

/// Opens one of these kinds; its id and its page.
async fn open(house: &House, cookie: &str, more: &[(&str, &str)]) -> (String, AccessReviewShown) {
    let page = all(house, cookie).await;
    let fields = [
        ("decision", "open"),
        ("name", "Autumn"),
        ("deadline", "2023-11-20"),
    ];
    let page = one(send(house, cookie, &page.form, &[&fields, more].concat()).await);
    let (_, id) = page.form.action.split_once("?review=").unwrap();
    let id = id.split('&').next().unwrap().to_owned();
    (id, page)
}

async fn items(house: &House, review: &str) -> Vec<ReviewItem> {
    let store = house.engine.store();
    let held = state::list::<ReviewItem>(store, Some(review), 10_000, NOW_S).await;
    held.unwrap().into_iter().map(|held| held.row).collect()
}

/// Number of the item of a kind and name.
async fn number(house: &House, review: &str, kind: GrantKind, of: &str) -> String {
    let items = items(house, review).await;
    let found = items.iter().find(|item| item.kind == kind && item.of == of);
    found.unwrap_or_else(|| panic!("no {of}")).n.to_string()
}

async fn decide(
    house: &House,
    cookie: &str,
    form: &Form,
    decision: &str,
    numbers: &[&str],
) -> Answer {
    let mut fields = vec![("decision", decision), ("reason", "left in October")];
    fields.extend(numbers.iter().map(|n| ("item", *n)));
    send(house, cookie, form, &fields).await
}

fn records(house: &House) -> Vec<Record> {
    let log = house.engine.log().records_from(1, 100_000).unwrap();
    let records = log.into_iter().map(|(_, record)| record);
    records
        .filter(|record| record.interaction == "access-reviews")
        .collect()
}

/// Of decisions, steps and closes.
fn told(house: &House, subtype: &str) -> usize {
    let records = records(house);
    let of = |record: &&Record| record.detail.subtype == subtype && record.status == 200;
    records.iter().filter(of).count()
}

async fn tend(server: &AuthorizationServer, now_s: i64) {
    server.tend_access_reviews(now_s, || false).await.unwrap();
}

/// The form as the page of a review gives it to somebody.
async fn officers_form(house: &House, cookie: &str, review: &str) -> Form {
    let get = Ask::get(&format!("review={review}")).cookie(cookie);
    one(house.ask(Endpoint::AccessReviews, &get).await).form
}

pub async fn c14_a_review_holds_what_is_in_force(house: House) {
    let (boss, _) = two(&house).await;
    person(&house, "doctor", &["physician", "nurse"]).await;
    house.patient_account("p1").await;
    house
        .keep(&Account {
            username: "gone".into(),
            roles: vec!["nurse".into()],
            closed: true,
            ..Account::default()
        })
        .await;
    for (id, state) in [
        ("one", ClientState::Active),
        ("two", ClientState::Suspended),
        ("three", ClientState::Pending),
    ] {
        house
            .app(|client| (client.client_id, client.state) = (id.into(), state))
            .await;
    }
    for (id, user, refreshable) in [
        ("g1", "Practitioner/doctor", true),
        ("g2", "Practitioner/doctor", false),
        ("g3", "Patient/p1", true),
    ] {
        house
            .keep(&Grant {
                id: id.into(),
                client_id: "one".into(),
                account: "doctor".into(),
                subject: "subject of doctor".into(),
                fhir_user: Some(user.into()),
                refreshable,
                expires_s: NOW_S + 1_000_000,
                ..Grant::default()
            })
            .await;
    }
    for n in 0..450 {
        let practitioner = json!({ "display": "somebody" });
        house
            .put(json!({ "resourceType": "PractitionerRole", "id": format!("r{n}"), "active": n % 3 != 0, "practitioner": practitioner }))
            .await;
    }
    for (task, days) in [("t1", 1), ("t2", 89), ("t3", 91)] {
        house
            .keep(&OpenedGlass {
                task: task.into(),
                subject: "subject of doctor".into(),
                declared_s: NOW_S - days * 86_400,
                ..OpenedGlass::default()
            })
            .await;
    }
    let expected = |patients: bool| -> BTreeSet<String> {
        let mut expected: BTreeSet<String> = ["boss", "officer", "doctor"]
            .map(|name| format!("account {name}"))
            .into();
        for (role, of) in [
            ("system-administrator", "boss"),
            ("privacy-officer", "officer"),
            ("physician", "doctor"),
            ("nurse", "doctor"),
        ] {
            expected.insert(format!("role {of} {role}"));
        }
        let active = (0..450).filter(|n| n % 3 != 0);
        expected.extend(active.map(|n| format!("practitioner-role r{n}")));
        let rest = ["client one", "grant g1", "break-glass t1", "break-glass t2"];
        expected.extend(rest.map(str::to_owned));
        if patients {
            expected.extend(["account patient-p1", "grant g3"].map(str::to_owned));
        }
        expected
    };
    let named = |item: &ReviewItem| {
        let role = item.role.as_ref().map(|role| format!(" {role}"));
        let (kind, of) = (item.kind.word(), &item.of);
        format!("{kind} {of}{}", role.unwrap_or_default())
    };
    for patients in [false, true] {
        let more = if patients {
            &[("patients", "on")][..]
        } else {
            &[]
        };
        let (id, page) = open(&house, &boss, &[&KINDS, more].concat()).await;
        let items = items(&house, &id).await;
        let found: BTreeSet<String> = items.iter().map(named).collect();
        assert_eq!(found, expected(patients));
        assert_eq!(found.len(), items.len(), "nothing is there twice");
        assert!(page.decides && page.items.len() == 50 && page.next.is_some());
    }
    let (id, page) = open(&house, &boss, &[("kind", "client")]).await;
    assert_eq!(items(&house, &id).await.len(), 1);
    assert_eq!(page.back, "/auth/access-reviews");
    // The pages of a kind hold all of it.
    let reviews = all(&house, &boss).await.reviews;
    assert_eq!(reviews.len(), 3);
    assert_eq!(told(&house, "open"), 3);
    let (path, query) = reviews[2].link.split_once('?').unwrap();
    assert_eq!(path, "/auth/access-reviews");
    let mut query = format!("{query}&kind=practitioner-role&show=undecided");
    let mut seen = 0;
    loop {
        let get = Ask::get(&query).cookie(&boss);
        let page = one(house.ask(Endpoint::AccessReviews, &get).await);
        seen += page.items.len();
        match page.next {
            Some(next) => query = next.split_once('?').unwrap().1.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, 300);
}

pub async fn c14_who_may_not_is_refused_and_recorded(house: House) {
    let nobody = house.ask(Endpoint::AccessReviews, &Ask::get("")).await;
    assert!(
        matches!(&nobody, Answer::Redirect { to, .. } if to.ends_with("to=/auth/access-reviews"))
    );
    let doctor = house.clinician().await;
    let get = Ask::get("").cookie(&doctor);
    assert_eq!(house.ask(Endpoint::AccessReviews, &get).await.status(), 403);
    assert_eq!(records(&house).last().unwrap().status, 403);
    let boss = person(&house, "boss", &["system-administrator"]).await;
    let form = all(&house, &boss).await.form;
    // One who may decide is none: nobody could decide about theirs.
    let fields = [
        ("decision", "open"),
        ("name", "Autumn"),
        ("deadline", "2023-11-20"),
        ("kind", "account"),
    ];
    let alone = send(&house, &boss, &form, &fields).await;
    assert_eq!(alone.status(), 400);
    let Page::AccessReviews(page) = shown(alone) else {
        panic!("no page")
    };
    let errors = page.new.unwrap().errors;
    assert!(errors.iter().all(|(field, _)| field == "reviewers") && errors.len() == 1);
    person(&house, "officer", &["privacy-officer"]).await;
    let wrong = [
        ("name", ""),
        ("deadline", "2023-11-01"),
        ("since", "2030-01-01"),
        ("reviewers", "nobody-known"),
    ];
    let answer = send(
        &house,
        &boss,
        &form,
        &[&[("decision", "open")], &wrong[..]].concat(),
    )
    .await;
    let Page::AccessReviews(page) = shown(answer) else {
        panic!("no page")
    };
    let errors = page.new.unwrap().errors;
    let fields_wrong: BTreeSet<&str> = errors.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields_wrong,
        BTreeSet::from(["name", "deadline", "kind", "since", "reviewers"])
    );
    // An auditor looks, and opens and decides nothing.
    let auditor = person(&house, "auditor", &["auditor"]).await;
    let (id, _) = open(
        &house,
        &boss,
        &[("kind", "account"), ("reviewers", "boss\nDOCTOR\n")],
    )
    .await;
    let page = officers_form(&house, &auditor, &id).await;
    let n = number(&house, &id, GrantKind::Account, "officer").await;
    assert_eq!(
        decide(&house, &auditor, &page, "keep", &[&n])
            .await
            .status(),
        403
    );
    let list = all(&house, &auditor).await;
    assert!(list.new.is_none() && list.reviews.len() == 1);
    assert_eq!(
        send(&house, &auditor, &list.form, &fields).await.status(),
        403
    );
    // Whoever is named decides, whatever their role, and sees no other review.
    let page = officers_form(&house, &doctor, &id).await;
    assert_eq!(
        decide(&house, &doctor, &page, "keep", &[&n]).await.status(),
        200
    );
    let (other, _) = open(&house, &boss, &[("kind", "account")]).await;
    let get = Ask::get(&format!("review={other}")).cookie(&doctor);
    assert_eq!(house.ask(Endpoint::AccessReviews, &get).await.status(), 403);
    assert_eq!(all(&house, &doctor).await.reviews.len(), 1);
    // What is sent must be whole, ours and in time.
    let form = officers_form(&house, &boss, &id).await;
    let n = number(&house, &id, GrantKind::Account, "auditor").await;
    for fields in [
        &[("decision", "keep"), ("reason", "yes, still")][..],
        &[("decision", "keep"), ("item", &n), ("reason", "x")],
        &[
            ("decision", "erase"),
            ("item", &n),
            ("reason", "yes, still"),
        ],
        &[
            ("decision", "keep"),
            ("item", "x"),
            ("reason", "yes, still"),
        ],
        &[
            ("decision", "keep"),
            ("item", "999"),
            ("reason", "yes, still"),
        ],
    ] {
        assert_eq!(
            send(&house, &boss, &form, fields).await.status(),
            400,
            "{fields:?}"
        );
    }
    let forged = Form {
        csrf: "x".into(),
        ..form.clone()
    };
    assert_eq!(
        decide(&house, &boss, &forged, "keep", &[&n]).await.status(),
        400
    );
    let items = items(&house, &id).await;
    assert_eq!(
        items.iter().filter(|item| item.decided.is_some()).count(),
        1
    );
}
