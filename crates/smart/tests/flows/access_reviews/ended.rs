//! What happens at the deadline, after a crash, and what the evidence says.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use ward_audit::evidence::{Evidence, EvidenceError};
use ward_smart::answer::File;
use ward_smart::state::{
    AccessReview, Changes, Client, Decided, Decision, Effect, ReviewWork, Stage,
};
use ward_storage::Numbering;

pub async fn c14_the_deadline_suspends_what_nobody_decided_once(house: House) {
    let (boss, _) = two(&house).await;
    house.confidential("secret").await;
    person(&house, "doctor", &["physician"]).await;
    house
        .keep(&Grant {
            id: "g1".into(),
            client_id: "app".into(),
            account: "doctor".into(),
            refreshable: true,
            expires_s: DEADLINE_S + 1_000_000,
            ..Grant::default()
        })
        .await;
    let glass = OpenedGlass {
        task: "t1".into(),
        declared_s: NOW_S - 10,
        ..OpenedGlass::default()
    };
    house.keep(&glass).await;
    let fields = [
        ("kind", "account"),
        ("kind", "role"),
        ("kind", "client"),
        ("kind", "grant"),
        ("kind", "break-glass"),
        ("reviewers", "boss\nOfficer"),
    ];
    let (id, page) = open(&house, &boss, &fields).await;
    let officer = number(&house, &id, GrantKind::Account, "officer").await;
    let role = number(&house, &id, GrantKind::Role, "officer").await;
    let kept = decide(&house, &boss, &page.form, "keep", &[&officer, &role]).await;
    assert_eq!(one(kept).notice.as_deref(), Some("2 items are kept."));
    tend(&house.server, DEADLINE_S - 1).await;
    assert_eq!(told(&house, "suspend"), 0, "not before the deadline");
    let another = house.another().await;
    // A process that is killed between two items leaves the rest to the next; two at once share them.
    let asked = AtomicUsize::new(0);
    let dies = || asked.fetch_add(1, Ordering::Relaxed) >= 2;
    let died = house.server.tend_access_reviews(DEADLINE_S, dies).await;
    died.unwrap();
    let open_still: AccessReview = house.held(&id, NOW_S).await.unwrap();
    assert_eq!(open_still.stage, Stage::Open);
    match &another {
        Some(other) => {
            tokio::join!(tend(&house.server, DEADLINE_S), tend(other, DEADLINE_S));
        }
        None => tend(&house.server, DEADLINE_S).await,
    }
    tend(&house.server, DEADLINE_S + 5).await;
    tend(&house.server, DEADLINE_S + 500).await;
    let closed: AccessReview = house.held(&id, NOW_S).await.unwrap();
    assert_eq!(closed.stage, Stage::Closed);
    for name in ["boss", "doctor"] {
        let account: Account = house.held(name, NOW_S).await.unwrap();
        assert!(account.closed, "{name}");
        assert_eq!(account.roles.len(), 1, "an administrator can give it back");
    }
    let officer: Account = house.held("officer", NOW_S).await.unwrap();
    assert!(!officer.closed);
    let client: Client = house.held("app", NOW_S).await.unwrap();
    assert_eq!(client.state, ClientState::Suspended);
    assert!(house.held::<Grant>("g1", NOW_S).await.is_none());
    let items = items(&house, &id).await;
    let decided = items.iter().map(|item| {
        let decided = item.decided.clone().unwrap();
        assert_ne!(decided.effect, Effect::Pending);
        (item.of.clone(), decided.decision)
    });
    let decided: BTreeSet<(String, &str)> = decided.map(|(of, d)| (of, d.word())).collect();
    let expected = [
        ("boss", "suspend"),
        ("officer", "keep"),
        ("doctor", "suspend"),
        ("app", "suspend"),
        ("g1", "suspend"),
        ("t1", "unreviewed"),
    ];
    let expected: BTreeSet<_> = expected.map(|(of, d)| (of.to_owned(), d)).into();
    assert_eq!(decided, expected);
    if another.is_none() {
        // Each node has a log of its own.
        let said = (told(&house, "suspend"), told(&house, "unreviewed"));
        assert_eq!((said, told(&house, "close")), ((6, 1), 1));
    }
    let left = state::list::<ReviewWork>(house.engine.store(), None, 10, NOW_S).await;
    assert!(left.unwrap().is_empty());
}

pub async fn c14_what_a_process_left_behind_is_carried_out(house: House) {
    let (boss, _) = two(&house).await;
    house.confidential("secret").await;
    let (id, _) = open(&house, &boss, &[("kind", "client")]).await;
    let store = house.engine.store();
    let mut held = state::list::<ReviewItem>(store, Some(&id), 10, NOW_S)
        .await
        .unwrap();
    let mut item = held.pop().unwrap();
    item.decided = Some(Decided {
        decision: Decision::Revoke,
        by: "officer".into(),
        reason: "left".into(),
        at_s: NOW_S,
        effect: Effect::Pending,
        from: None,
    });
    let work = ReviewWork::of_item(&item, NOW_S + 60);
    let changes = Changes::new().replace(&item).insert(&work);
    state::commit(store, changes, NOW_S).await.unwrap();
    tend(&house.server, NOW_S + 59).await;
    let client: Client = house.held("app", NOW_S).await.unwrap();
    assert_eq!(client.state, ClientState::Active, "somebody is at it");
    for later_s in [60, 65, 200] {
        tend(&house.server, NOW_S + later_s).await;
        let client: Client = house.held("app", NOW_S).await.unwrap();
        assert_eq!(client.state, ClientState::Suspended);
    }
    assert_eq!(told(&house, "revoke"), 1);
    let by_secret = redeem("x").basic("app", "secret");
    let answer = house.ask(Endpoint::Token, &by_secret).await;
    assert_eq!(answer.status(), 401);
    // A review whose items were never all written down is none.
    let half = AccessReview {
        id: "half".into(),
        opened_s: NOW_S,
        deadline_s: DEADLINE_S,
        ..AccessReview::default()
    };
    house.keep(&half).await;
    house.keep(&ReviewItem::default().placed(&half, 0)).await;
    let get = Ask::get("review=half").cookie(&boss);
    assert_eq!(house.ask(Endpoint::AccessReviews, &get).await.status(), 400);
    tend(&house.server, NOW_S + 599).await;
    assert!(house.held::<AccessReview>("half", NOW_S).await.is_some());
    tend(&house.server, NOW_S + 600).await;
    assert!(house.held::<AccessReview>("half", NOW_S).await.is_none());
    assert!(items(&house, "half").await.is_empty());
    assert_eq!(told(&house, "give-up"), 1);
}

pub async fn c14_the_evidence_is_signed_by_the_log(house: House) {
    let (boss, officer) = two(&house).await;
    house.confidential("secret").await;
    let kinds = [("kind", "client"), ("kind", "account")];
    let (id, page) = open(&house, &boss, &kinds).await;
    let n = number(&house, &id, GrantKind::Client, "app").await;
    decide(&house, &boss, &page.form, "keep", &[&n]).await;
    let get = Ask::get(&format!("review={id}&as=evidence"));
    let early = house
        .ask(Endpoint::AccessReviews, &get.clone().cookie(&boss))
        .await;
    assert_eq!(early.status(), 503, "the log has no key yet");
    let store = house.engine.store();
    let mut numbering = Numbering::new("ward.example/audit");
    let numbered = store
        .number_records(&mut numbering, NOW_S * 1_000_000)
        .await;
    numbered.unwrap();
    let keys = store.log_keys().await.unwrap();
    let evidence = async || match house
        .ask(Endpoint::AccessReviews, &get.clone().cookie(&officer))
        .await
    {
        Answer::File {
            file: File::Json(text),
            ..
        } => text,
        other => panic!("no evidence: {other:?}"),
    };
    let text = evidence().await;
    let document = Evidence::verify(&text, &keys).unwrap().document;
    assert_eq!(document["stage"], "open");
    let counts = json!({ "undecided": 2, "keep": 1, "revoke": 0, "suspend": 0, "unreviewed": 0 });
    assert_eq!(document["counts"], counts);
    assert_eq!(document["takenBy"], "officer");
    let kept = document["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["of"] == "app");
    let decision = &kept.unwrap()["decision"];
    assert_eq!(
        (&decision["by"], &decision["reason"]),
        (&json!("boss"), &json!("left in October"))
    );
    for (from, to) in [
        ("left in October", "left in October."),
        ("\"boss\"", "\"Boss\""),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        let refused = Evidence::verify(&changed, &keys).unwrap_err();
        assert_eq!(refused, EvidenceError::Changed);
    }
    let step = text.len() / 97 + 1;
    for at in (0..text.len()).step_by(step) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        assert!(Evidence::verify(&changed, &keys).is_err(), "{at}");
    }
    // What was changed is there with what it was.
    decide(&house, &boss, &page.form, "revoke", &[&n]).await;
    let document = Evidence::verify(&evidence().await, &keys).unwrap().document;
    let mut changed = document["items"].as_array().unwrap().iter();
    let changed = changed.find(|item| item["of"] == "app").unwrap();
    let decision = &changed["decision"];
    assert_eq!(
        (&decision["decision"], &decision["from"]["decision"]),
        (&json!("revoke"), &json!("keep"))
    );
    assert_eq!(
        (&decision["from"]["by"], &decision["from"]["reason"]),
        (&json!("boss"), &json!("left in October"))
    );
    tend(&house.server, DEADLINE_S).await;
    assert_eq!(told(&house, "evidence"), 2);
}
