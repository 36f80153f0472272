//! What ends on one node ends there at once and on the other within five seconds, and what becomes of a role on one holds on the other.

use super::load::Load;
use super::{KNOWN_EVERYWHERE, Nodes, OPENS, dead, until};
use crate::apps::{self, Place, redeem, refresh, text};
use crate::upstream::browser::Browser;
use serde_json::{Value, json};
use std::time::Duration;
use ward_testkit::Answer;

/// Physicians have their role on duty only: by a PractitionerRole.
const BOUND: [(&str, &str); 1] = [("shifts.bound_roles", "[\"physician\"]")];
/// Longer than the second that a revocation holds for: what was issued in the same second is void, too.
const ANOTHER_SECOND: Duration = Duration::from_millis(1_100);

#[test]
fn s100_at17a_what_ends_on_one_node_ends_on_the_other_within_5_s() {
    let Some(nodes) = Nodes::start(&BOUND) else {
        return;
    };
    let mut admin = nodes.signed_in("admin");
    let app = apps::app(&nodes.a, &mut admin);
    let mut user = nodes.signed_in("clinician");
    set_rota(&nodes, &nodes.a, None);
    let load = Load::begin(&nodes);
    a_token(&nodes);
    a_grant(&nodes, &app, &mut user);
    a_client(&nodes, &mut admin);
    an_account(&nodes, &mut admin);
    roles(&nodes, &mut user);
    a_session(&nodes, &mut user);
    load.end();
}

#[track_caller]
fn opens_on_both(nodes: &Nodes, token: &str) {
    for place in nodes.both() {
        place.get(token, OPENS).expect(200);
    }
}

fn a_token(nodes: &Nodes) {
    let service = nodes.loader().at(&nodes.a.origin);
    let (token, other) = (service.token(), service.token());
    opens_on_both(nodes, &token);
    service.revoke(&token);
    dead("a token", &nodes.a, &nodes.b, &token);
    opens_on_both(nodes, &other);
}

/// Its person stops the app.
fn a_grant(nodes: &Nodes, app: &str, user: &mut Browser) {
    let code = apps::code(&nodes.b, user, app);
    let tokens = redeem(&nodes.a, app, &code).expect(200).json();
    let access = text(&tokens, "access_token");
    opens_on_both(nodes, &access);
    let page = user.get(&format!("{}/auth/apps", nodes.a.origin));
    let page = user.submit(&page, &[("grant", app)]);
    assert!(page.html().contains("has no access any more"), "{page:?}");
    let again = refresh(&nodes.b, app, &text(&tokens, "refresh_token"));
    again.expect(400);
    dead("a grant", &nodes.a, &nodes.b, &access);
}

/// The kill switch (C17), and the way back from the other node.
fn a_client(nodes: &Nodes, admin: &mut Browser) {
    let (id, service) = apps::system(&nodes.a, admin, &json!({}));
    let at = |place: &Place| service.at(&place.origin);
    let token = at(&nodes.b).token();
    opens_on_both(nodes, &token);
    apps::decide(&nodes.a, admin, &id, "suspend");
    for place in nodes.both() {
        at(place).ask_token(None).expect(401);
    }
    dead("a client", &nodes.a, &nodes.b, &token);
    std::thread::sleep(ANOTHER_SECOND);
    apps::decide(&nodes.b, admin, &id, "resume");
    let new = at(&nodes.a).token();
    opens_on_both(nodes, &new);
    for place in nodes.both() {
        place.get(&token, OPENS).expect(401);
    }
}

/// An administrator closes it.
fn an_account(nodes: &Nodes, admin: &mut Browser) {
    let mut auditor = nodes.signed_in("auditor");
    let token = desk_token(
        &nodes.b,
        &mut auditor,
        "demo-audit-desk",
        "user/AuditEvent.rs",
    );
    let asked = |place: &Place| place.get(&token, "AuditEvent?_count=1");
    for place in nodes.both() {
        assert_ne!(asked(place).status, 401);
    }
    let page = admin.get(&format!("{}/auth/accounts", nodes.a.origin));
    let close = [("decision", "close"), ("username", "auditor")];
    assert_eq!(admin.submit(&page, &close).status, 200);
    assert_eq!(asked(&nodes.a).status, 401);
    until("an account", 401, KNOWN_EVERYWHERE, || asked(&nodes.b));
    for place in nodes.both() {
        let page = auditor.get(&format!("{}/auth/sessions", place.origin));
        assert_eq!(page.path(), "/auth/sign-in", "{page:?}");
    }
}

/// C4: off duty on one node is off duty on the other, and back.
fn roles(nodes: &Nodes, user: &mut Browser) {
    let token = desk_token(&nodes.a, user, "demo-desk", "user/*.rs");
    let asked = |place: &Place| place.get(&token, OPENS);
    for place in nodes.both() {
        until("on duty", 200, KNOWN_EVERYWHERE, || asked(place));
    }
    set_rota(nodes, &nodes.a, Some("2000-12-31"));
    until("off duty, here", 403, KNOWN_EVERYWHERE, || asked(&nodes.a));
    until("off duty, there", 403, KNOWN_EVERYWHERE, || asked(&nodes.b));
    set_rota(nodes, &nodes.b, None);
    until("on duty, here", 200, KNOWN_EVERYWHERE, || asked(&nodes.b));
    until("on duty, there", 200, KNOWN_EVERYWHERE, || asked(&nodes.a));
}

/// Whoever signs out takes along what apps do through the session.
fn a_session(nodes: &Nodes, user: &mut Browser) {
    let token = desk_token(&nodes.b, user, "demo-desk", "user/*.rs");
    opens_on_both(nodes, &token);
    let page = user.get(&format!("{}/auth/sessions", nodes.a.origin));
    let cookie = user.cookie(&nodes.b.origin).unwrap().to_owned();
    user.sign_out(&page);
    user.put_cookie(&nodes.b.origin, &cookie);
    let page = user.get(&format!("{}/auth/sessions", nodes.b.origin));
    assert_eq!(page.path(), "/auth/sign-in", "{page:?}");
    dead("a session", &nodes.a, &nodes.b, &token);
}

/// The hospital's own desks take no refresh tokens: their tokens live in the session.
fn desk_token(place: &Place, user: &mut Browser, client: &str, scope: &str) -> String {
    const DESK: &str = crate::upstream::browser::APP;
    let change = [("redirect_uri", Some(DESK)), ("scope", Some(scope))];
    let url = apps::approved(user, &apps::request(place, client, &change));
    let code = apps::parameter(&url, "code").unwrap_or_else(|| panic!("no code: {url}"));
    let fields = apps::redeeming(client, &code).map(|(name, value)| match name {
        "redirect_uri" => (name, DESK),
        _ => (name, value),
    });
    let tokens: Value = place.post("/auth/token", &fields).expect(200).json();
    text(&tokens, "access_token")
}

/// When the demo's clinician is a physician: until this day, or without end.
fn set_rota(nodes: &Nodes, place: &Place, until: Option<&str>) {
    let mut rota = json!({ "resourceType": "PractitionerRole", "id": "desk", "active": true,
        "practitioner": { "reference": "Practitioner/demo-clinician" },
        "code": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/practitioner-role", "code": "doctor" }] }] });
    if let Some(until) = until {
        rota["period"] = json!({ "start": "2000-01-01", "end": until });
    }
    let token = nodes.loader().token();
    let url = format!("{}/fhir/PractitionerRole/desk", place.origin);
    let request = place.http.request("PUT", &url);
    let request = request.header("Authorization", &format!("Bearer {token}"));
    let answer: Answer = request.json(&rota).send();
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
}
