//! People and apps at the authorization server, step by step. What a step leaves lies between the two requests that mark it.

use super::routes::name;
use super::table::{Cell, Table};
use crate::apps::{self, CALLBACK, Place};
use crate::people;
use crate::upstream::browser::Browser;
use serde_json::json;
use ward_testkit::Server;

struct Steps<'a> {
    place: &'a Place,
    table: &'a mut Table,
    mark: String,
}

impl Steps<'_> {
    fn mark(&self) -> String {
        let name = name();
        let url = format!("{}/auth/jwks", self.place.origin);
        let request = self.place.http.request("GET", &url);
        request.header("X-Request-Id", &name).send().expect(200);
        name
    }

    /// What is done now is this step.
    fn step<T>(&mut self, what: &str, done: impl FnOnce() -> T) -> T {
        let done = done();
        let to = self.mark();
        let from = std::mem::replace(&mut self.mark, to.clone());
        self.table.row(what, vec![Cell::Between(from, to)]);
        done
    }
}

pub fn ask_all(server: &Server, table: &mut Table) {
    table.section("People and apps", PEOPLE, &["events"]);
    let place = Place::of(server);
    let mut steps = Steps {
        place: &place,
        table,
        mark: String::new(),
    };
    steps.mark = steps.mark();
    let origin = &place.origin;
    let mut admin = steps.step(
        "an administrator signs in: two pages, password, code",
        || apps::signed_in(server, &place, "admin"),
    );
    let mut guest = Browser::new();
    let page = guest.get(&format!("{origin}/auth/sign-in"));
    steps.mark = steps.mark();
    steps.step("a wrong password", || {
        guest.submit(
            &page,
            &[("username", "admin"), ("password", "wrong and long")],
        )
    });
    let invitation = steps.step("an account is added", || {
        let who = [("role", "physician"), ("fhir_user", "Practitioner/audit")];
        people::invited(&place, &mut admin, "newcomer", &who)
    });
    let mut newcomer = steps.step(
        "its owner claims it: page, password, page, authenticator app",
        || people::enrolled(&place, &invitation).browser,
    );
    steps.step("the page of one's factors", || {
        newcomer.get(&format!("{origin}/auth/enrol"))
    });
    let made = steps.step("an app is registered, and approved: page, decision", || {
        apps::registered(
            &place,
            &mut admin,
            json!({ "client_name": "My Health", "redirect_uris": [CALLBACK],
                "scope": "openid fhirUser offline_access user/*.cruds" }),
        )
    });
    let app = made["client_id"].as_str().unwrap();
    let code = steps.step("a person lets the app in: request, page, agreement", || {
        apps::code(&place, &mut newcomer, app)
    });
    let issued = steps.step("tokens for the code", || {
        place
            .post("/auth/token", &apps::redeeming(app, &code))
            .expect(200)
            .json()
    });
    steps.step("the same code again", || {
        place
            .post("/auth/token", &apps::redeeming(app, &code))
            .expect(400)
    });
    let code = apps::code(&place, &mut newcomer, app);
    steps.mark = steps.mark();
    let issued_again = steps.step("tokens for another", || {
        place
            .post("/auth/token", &apps::redeeming(app, &code))
            .expect(200)
            .json()
    });
    drop(issued);
    let refresh = issued_again["refresh_token"].as_str().unwrap();
    let refreshing = [
        ("grant_type", "refresh_token"),
        ("client_id", app),
        ("refresh_token", refresh),
    ];
    let refreshed = steps.step("a refresh", || {
        place.post("/auth/token", &refreshing).expect(200).json()
    });
    let access = refreshed["access_token"].as_str().unwrap();
    steps.step("a public app asks about a token", || {
        place.post("/auth/introspect", &[("client_id", app), ("token", access)])
    });
    steps.step("a token is given back", || {
        let fields = [("client_id", app), ("token", access)];
        place.post("/auth/revoke", &fields).expect(200)
    });
    steps.step("a refresh token comes twice", || {
        place.post("/auth/token", &refreshing).expect(400)
    });
    let (_, service) = apps::system(&place, &mut admin, &json!({}));
    steps.mark = steps.mark();
    steps.step("a backend service gets a token", || service.token());
    steps.step(
        "the registry of clients, and one of them is suspended",
        || apps::decide(&place, &mut admin, app, "suspend"),
    );
    steps.step("the page of accounts", || {
        admin.get(&format!("{origin}/auth/accounts"))
    });
    review(&mut steps, &mut admin);
    let page = newcomer.get(&format!("{origin}/auth/sessions"));
    steps.mark = steps.mark();
    steps.step("signing out", || newcomer.sign_out(&page));
    steps
        .table
        .section("The server itself", ITSELF, &["events"]);
    for subtype in ["start", "stop"] {
        steps
            .table
            .row(&format!("`{subtype}`"), vec![Cell::Itself(subtype)]);
    }
}

/// An access review of accounts by two people, of whom one is the administrator.
fn review(steps: &mut Steps<'_>, admin: &mut Browser) {
    let url = format!("{}/auth/access-reviews", steps.place.origin);
    let deadline = crate::consent::day(10);
    let page = steps.step("an access review: page, opening", || {
        let page = admin.get(&url);
        let fields = [
            ("decision", "open"),
            ("name", "Autumn"),
            ("deadline", deadline.as_str()),
            ("kind", "account"),
            ("reviewers", "admin\nnewcomer"),
        ];
        admin.submit(&page, &fields)
    });
    assert_eq!(page.status, 200, "{page:?}");
    let others = page.html().split(" value=\"").skip(1);
    let others = others.filter_map(|rest| rest.split_once('"'));
    let others = others.filter(|(value, _)| value.parse::<u32>().is_ok());
    let others: Vec<String> = others.map(|(value, _)| value.to_owned()).collect();
    let own = (0..).find(|n| !others.contains(&n.to_string())).unwrap();
    let own = own.to_string();
    let decide = |admin: &mut Browser, decision: &str, item: &str| {
        let reason = ("reason", "left in October");
        let fields = [("decision", decision), ("item", item), reason];
        admin.submit(&page, &fields)
    };
    let newcomer = &others[others.len() - 1];
    let kept = steps.step(
        "one item is kept: its own record, and the request's",
        || decide(admin, "keep", newcomer),
    );
    assert_eq!(kept.status, 200, "{kept:?}");
    let revoked = steps.step("one is revoked", || decide(admin, "revoke", &others[0]));
    assert_eq!(revoked.status, 200, "{revoked:?}");
    steps.step("nobody decides about their own access", || {
        decide(admin, "keep", &own)
    });
    steps.step("the evidence is taken", || {
        admin.follow(&page, "Evidence, signed (JSON)")
    });
}

const PEOPLE: &str = "Each step in a fresh place of the log, in this order.";
const ITSELF: &str = "`unclean-end`, `configuration`, `outage`, `back`, `rotate-key`, `import` and `update/label-change` are shown by `tests/audit/itself.rs`, where they happen;
`keys/rotate` and `sign-out/idle`, which take time, by `crates/smart/tests/flows` (`discovery.rs`, `sessions.rs`);
`audit-retention` and `audit-redaction` by `tests/audit_log`; `access-reviews/suspend`, `unreviewed`, `close` and `give-up` by
the tests of `smart`.";
