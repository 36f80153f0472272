//! What is used once is used once on both nodes: one after the other, and when both are asked at the same moment.

use super::load::Load;
use super::{KNOWN_EVERYWHERE, Nodes, OPENS, until};
use crate::apps::{self, Place, redeem, refresh, text};
use crate::rest::backend_service::Holder;
use crate::upstream::browser::Browser;
use serde_json::Value;
use ward_testkit::Answer;

/// How often both nodes are asked at the same moment.
const MOMENTS: usize = 8;
/// The same for what takes an authorization each.
const AUTHORIZATIONS: usize = 3;

#[test]
fn x57_s106_s27_x58_what_is_used_on_one_node_is_used_on_the_other() {
    let Some(nodes) = Nodes::start(&[]) else {
        return;
    };
    let app = apps::app(&nodes.a, &mut nodes.signed_in("admin"));
    let mut user = nodes.signed_in("clinician");
    let load = Load::begin(&nodes);
    assertions(&nodes);
    proofs(&nodes);
    codes(&nodes, &app, &mut user);
    refresh_tokens(&nodes, &app, &mut user);
    grace(&nodes, &app, &mut user);
    load.end();
}

/// Exactly one of two wins.
#[track_caller]
fn one_wins(what: &str, [first, second]: &[Answer; 2], lost: u16) {
    let statuses = (first.status, second.status);
    assert_eq!(
        statuses,
        (200, lost),
        "{what}: {} {}",
        first.text(),
        second.text()
    );
}

/// X57, S55
fn assertions(nodes: &Nodes) {
    let service = nodes.loader();
    let ask = |place: &Place, assertion: &str| service.at(&place.origin).ask_with(assertion);
    let assertion = service.assertion();
    ask(&nodes.a, &assertion).expect(200);
    ask(&nodes.b, &assertion).expect(401);
    for _ in 0..MOMENTS {
        let assertion = service.assertion();
        let answers = nodes.at_once(|place| ask(place, &assertion));
        one_wins("an assertion", &answers, 401);
    }
}

/// S106: at the FHIR base and at the token endpoint.
fn proofs(nodes: &Nodes) {
    let (service, mut holder) = (nodes.loader(), Holder::new());
    let token = service.bound_token(&mut holder);
    let url = format!("{}/Patient", nodes.a.base);
    let opened = |place: &Place, proof: &str| {
        let request = place
            .http
            .request("GET", &format!("{}/fhir/{OPENS}", place.origin));
        let request = request.header("Authorization", &format!("DPoP {token}"));
        request.header("DPoP", proof).send()
    };
    let proof = || holder.proof("GET", &url, Some(&token), service.now_s());
    let first = proof();
    opened(&nodes.a, &first).expect(200);
    opened(&nodes.b, &first).expect(401);
    for _ in 0..MOMENTS {
        let proof = proof();
        let answers = nodes.at_once(|place| opened(place, &proof));
        one_wins("a proof", &answers, 401);
    }
    let token_url = format!("{}/auth/token", nodes.a.issuer());
    for _ in 0..MOMENTS {
        let proof = holder.proof("POST", &token_url, None, service.now_s());
        let ask = |place: &Place| service.at(&place.origin).ask_token(Some(&proof));
        one_wins("a proof for a token", &nodes.at_once(ask), 400);
    }
}

/// S26, S27: whoever comes second takes everything back.
fn codes(nodes: &Nodes, app: &str, user: &mut Browser) {
    let code = apps::code(&nodes.a, user, app);
    let won = redeem(&nodes.a, app, &code).expect(200).json();
    opens_on_both(nodes, &won);
    let lost = redeem(&nodes.b, app, &code).expect(400);
    assert_eq!(text(&lost.json(), "error"), "invalid_grant");
    all_dead(nodes, app, &won);
    for _ in 0..AUTHORIZATIONS {
        // Shown on one node, redeemed on both.
        let code = apps::code(&nodes.b, user, app);
        let answers = nodes.at_once(|place| redeem(place, app, &code));
        one_wins("a code", &answers, 400);
        all_dead(nodes, app, &answers[0].json());
    }
}

/// X58, S92: the family ends, as nobody can tell which of the two has stolen it.
fn refresh_tokens(nodes: &Nodes, app: &str, user: &mut Browser) {
    let first = granted(nodes, app, user);
    let old = text(&first, "refresh_token");
    let won = refresh(&nodes.a, app, &old).expect(200).json();
    opens_on_both(nodes, &won);
    let lost = refresh(&nodes.b, app, &old).expect(400);
    assert_eq!(text(&lost.json(), "error"), "invalid_grant");
    all_dead(nodes, app, &won);
    for _ in 0..AUTHORIZATIONS {
        let old = text(&granted(nodes, app, user), "refresh_token");
        let answers = nodes.at_once(|place| refresh(place, app, &old));
        one_wins("a refresh token", &answers, 400);
        all_dead(nodes, app, &answers[0].json());
    }
}

/// S92: over a lost answer, and only for who holds the key.
fn grace(nodes: &Nodes, app: &str, user: &mut Browser) {
    let service = nodes.loader();
    let mut holder = Holder::new();
    service.bound_token(&mut holder);
    let code = apps::code(&nodes.a, user, app);
    let url = format!("{}/auth/token", nodes.a.issuer());
    let proof = |holder: &Holder| holder.proof("POST", &url, None, service.now_s());
    let redeeming = apps::redeeming(app, &code);
    let redeemed = nodes
        .a
        .post_with("/auth/token", &redeeming, Some(&proof(&holder)));
    let old = text(&redeemed.expect(200).json(), "refresh_token");
    let again = |place: &Place, holder: &Holder| {
        let fields = apps::refreshing(app, &old);
        place.post_with("/auth/token", &fields, Some(&proof(holder)))
    };
    for answer in nodes.at_once(|place| again(place, &holder)) {
        answer.expect(200);
    }
    let thief = Holder::new().knowing(&holder);
    for place in nodes.both() {
        again(place, &thief).expect(400);
    }
}

fn granted(nodes: &Nodes, app: &str, user: &mut Browser) -> Value {
    let code = apps::code(&nodes.a, user, app);
    redeem(&nodes.b, app, &code).expect(200).json()
}

fn opens_on_both(nodes: &Nodes, tokens: &Value) {
    for place in nodes.both() {
        place.get(&text(tokens, "access_token"), OPENS).expect(200);
    }
}

/// Neither token of a grant opens anything on either node.
fn all_dead(nodes: &Nodes, app: &str, tokens: &Value) {
    let access = text(tokens, "access_token");
    for place in nodes.both() {
        until("its access token is dead", 401, KNOWN_EVERYWHERE, || {
            place.get(&access, OPENS)
        });
        refresh(place, app, &text(tokens, "refresh_token")).expect(400);
    }
}
