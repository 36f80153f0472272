//! The worked examples of `docs/guide/consent.md`, asked in their order: each says how it is answered, and what the answer says.

use super::replay::{Asked, File};
use super::text;
use crate::apps::{self, CALLBACK, Place};
use crate::people::{self, App};
use serde_json::Value;
use ward_testkit::{Answer, Backend, Server, Start};

/// Requests in the guide.
const EXAMPLES: usize = 10;

#[test]
fn the_guides_examples_are_answered_as_they_say() {
    let start = Start::empty(Backend::Sqlite).with("smart.open_registration", "true");
    let server = Server::start(start);
    let guide = text("docs/guide/consent.md");
    let variables = ["loader", "clinician"].map(|who| format!("@{who} = ward token --as {who}\n"));
    let examples = examples(&guide);
    let officer = format!("@officer = {}\n", officer(&server));
    let file = File::read(
        &format!("@base = \n{}{officer}{examples}", variables.concat()),
        &server,
    );
    assert_eq!(file.requests.len(), EXAMPLES);
    for (asked, answer) in file.replay(&server.anonymous()) {
        let title = &asked.title;
        assert!(
            asked.answers.contains(&answer.status),
            "{title}: {}\n{}",
            answer.status,
            answer.text()
        );
        demand_said(asked, &answer);
    }
}

/// `# effect`, `# decided-by`: parameters of the answer. `# hides`: a resource that somebody no longer sees.
fn demand_said(asked: &Asked, answer: &Answer) {
    for name in ["effect", "decided-by"] {
        if let Some(expected) = asked.comment(&format!("# {name} ")) {
            let body = answer.json();
            let all = body["parameter"].as_array().unwrap();
            let said = all.iter().find(|one| one["name"] == name).unwrap();
            assert_eq!(said["valueCode"], expected, "{}: {body:#}", asked.title);
        }
    }
    if let Some(hidden) = asked.comment("# hides ") {
        let body = answer.json();
        let callers = body["parameter"].as_array().unwrap().iter();
        let parts = callers.flat_map(|caller| caller["part"].as_array().into_iter().flatten());
        let mut hides = parts.filter(|part| part["name"] == "hidden");
        let names = |part: &Value| part.to_string().contains(&hidden);
        assert!(hides.any(names), "{}: {body:#}", asked.title);
    }
}

/// The requests of a guide, one after another.
pub(super) fn examples(guide: &str) -> String {
    guide
        .split("```http\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .map(|example| format!("\n{example}\n"))
        .collect()
}

/// A token of somebody who looks after consents, and after the log.
pub(super) fn officer(server: &Server) -> String {
    let place = Place::of(server);
    let mut admin = apps::signed_in(server, &place, "admin");
    let client_id = apps::app(&place, &mut admin);
    let who = [
        ("role", "privacy-officer"),
        ("fhir_user", "Practitioner/guide-officer"),
    ];
    let invitation = people::invited(&place, &mut admin, "guide-officer", &who);
    let mut browser = people::enrolled(&place, &invitation).browser;
    let app = App {
        client_id: &client_id,
        redirect_uri: CALLBACK,
        scope: "user/*.rs",
    };
    people::token(&place, &mut browser, &app)
}
