//! The requests of `docs/requests`, replayed in their order on both stores.

use super::replay::File;
use super::{demo, text};
use ward_testkit::{Answer, Server, backends};

#[test]
fn requests_are_answered_as_they_say() {
    for backend in backends() {
        let server = demo(backend);
        replay(&server, "first.http", 16);
        replay(&server, "search.http", 15);
        replay(&server, "audit.http", 8);
        replay(&server, "audit-feed.http", 6);
    }
}

fn replay(server: &Server, name: &str, count: usize) {
    let file = File::read(&text(&format!("docs/requests/{name}")), server);
    assert_eq!(file.requests.len(), count, "requests of {name}");
    for (asked, answer) in file.replay(&server.anonymous()) {
        let title = &asked.title;
        let expected = &asked.answers;
        let status = answer.status;
        let is_expected = expected.contains(&status);
        assert!(
            is_expected,
            "{name}: {title}: {status}, not {expected:?}\n{}",
            answer.text()
        );
        if answer.status == 200 && asked.finds_something() {
            assert!(!is_empty(&answer), "{name}: {title} finds nothing");
        }
    }
}

fn is_empty(answer: &Answer) -> bool {
    let is_json = answer
        .header("content-type")
        .is_some_and(|t| t.contains("json"));
    is_json && {
        let body = answer.json();
        body["resourceType"] == "Bundle" && body["entry"].as_array().is_none_or(Vec::is_empty)
    }
}
