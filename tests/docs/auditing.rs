//! The auditor's day of `docs/guide/auditing.md`, asked in its order: each request says how it is answered, and what the answer tells.

use super::replay::{Asked, File};
use super::{consent, text};
use std::time::{Duration, Instant};
use ward_testkit::{Answer, Backend, Server, Start};

/// Requests in the guide.
const EXAMPLES: usize = 9;
/// What happened is told within a second; a slow machine gets more.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn an_auditors_day_goes_as_the_guide_says() {
    let start = Start::empty(Backend::Sqlite).with("smart.open_registration", "true");
    let server = Server::start(start);
    let guide = text("docs/guide/auditing.md");
    let variables = ["loader", "clinician"].map(|who| format!("@{who} = ward token --as {who}\n"));
    let examples = consent::examples(&guide);
    let officer = consent::officer(&server);
    let head = format!("@base = \n{}@officer = {officer}\n", variables.concat());
    let file = File::read(&format!("{head}{examples}"), &server);
    assert_eq!(file.requests.len(), EXAMPLES);
    let begun = Instant::now();
    loop {
        let answers = file.replay(&server.anonymous());
        for (asked, answer) in &answers {
            let said = answer.text();
            assert!(
                asked.answers.contains(&answer.status),
                "{}: {said}",
                asked.title
            );
        }
        let Some((asked, answer)) = answers
            .iter()
            .find(|(asked, answer)| !is_told(asked, answer))
        else {
            return;
        };
        assert!(
            begun.elapsed() < TOLD_WITHIN,
            "{}: {}",
            asked.title,
            answer.text()
        );
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// `# tells`: what stands in the answer; `# tells not`: what does not.
fn is_told(asked: &Asked, answer: &Answer) -> bool {
    let said = answer.text();
    match asked.comment("# tells not ") {
        Some(hidden) => !said.contains(&hidden),
        None => asked
            .comment("# tells ")
            .is_none_or(|told| said.contains(&told)),
    }
}
