//! The accounts page, for administrators of many people.

use crate::answers::*;
use crate::browser::*;
use crate::house::*;
use ward_smart::page::Accounts;
use ward_smart::state::{Account, Changes, commit};
use ward_smart::{Answer, Page};

/// However many accounts there are, each is on a page, and each is found by its name.
pub async fn accounts_come_page_by_page(house: House) {
    const ACCOUNTS: usize = 230;
    for n in 0..ACCOUNTS {
        let account = Account {
            username: format!("person-{n}"),
            name: format!("Person {n}"),
            ..Account::default()
        };
        let changes = Changes::new().insert(&account);
        commit(house.engine.store(), changes, NOW_S).await.unwrap();
    }
    let mut admin = Browser::new(&house);
    admin.cookie = house
        .signed_in(|session| {
            session.account = "boss".into();
            session.roles = vec!["system-administrator".into()];
        })
        .await;
    let accounts = |answer: Answer| match shown(answer) {
        Page::Accounts(page) => page,
        other => panic!("no accounts: {other:?}"),
    };
    let names = |page: &Accounts| -> Vec<String> {
        let rows = page.accounts.iter();
        rows.map(|account| account.username.clone()).collect()
    };
    let mut listed = Vec::new();
    let mut link = Some("/auth/accounts".to_owned());
    let mut pages = 0;
    while let Some(path) = link {
        let page = accounts(admin.get(&path).await);
        assert_eq!(page.first.is_some(), pages > 0, "{path}");
        listed.extend(names(&page));
        (link, pages) = (page.next, pages + 1);
    }
    let expected = (0..ACCOUNTS).map(|n| format!("person-{n}"));
    let expected: Vec<String> = expected.chain(["boss".into()]).collect();
    assert_eq!(
        (listed, pages),
        (expected, 3),
        "in the order they were added"
    );
    // Whoever decides about somebody stays on the page.
    let first = accounts(admin.get("/auth/accounts").await);
    let second = accounts(admin.get(&first.next.unwrap()).await);
    let close = [("decision", "close"), ("username", "person-150")];
    let closed = accounts(admin.send(&second.form, &close).await);
    assert_eq!(names(&closed), names(&second));
    assert_eq!(closed.accounts[50].state, "disabled");
    // By name, however it is typed.
    let find = |name: &'static str| [("find", name)];
    let found = accounts(admin.send(&second.form, &find(" Person-229 ")).await);
    assert_eq!(names(&found), ["person-229"]);
    assert_eq!((found.sought.as_str(), &found.next), ("Person-229", &None));
    let close = [
        ("decision", "close"),
        ("username", "person-229"),
        ("find", "Person-229"),
    ];
    let closed = accounts(admin.send(&found.form, &close).await);
    assert_eq!(
        (names(&closed), &*closed.accounts[0].state),
        (names(&found), "disabled")
    );
    for nobody in ["person-230", "no such name", "-"] {
        let answer = admin.send(&second.form, &find(nobody)).await;
        assert_eq!(answer.status(), 200);
        assert!(accounts(answer).accounts.is_empty(), "{nobody}");
    }
    let all = accounts(admin.send(&second.form, &find("")).await);
    assert_eq!(all.accounts.len(), 100);
    for absent in ["after=x", "after=9223372036854775808", "after="] {
        let page = accounts(admin.get(&format!("/auth/accounts?{absent}")).await);
        assert_eq!(page.accounts.len(), 100, "{absent}");
    }
}
