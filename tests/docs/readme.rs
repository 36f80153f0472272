//! The newcomer's five minutes of the README: its shell blocks are run by a shell, and print what stands below them.

use super::{demo, text};
use serde_json::Value;
use std::os::unix::fs::symlink;
use std::process::Command;
use ward_testkit::{Backend, Server, ward_binary};

const SECTION: &str = "\n## The first five minutes\n";
/// Where the README's server listens.
const BASE: &str = "http://127.0.0.1:8080/fhir";
const AFTER: &str = "\n==== printed by the next\n";

#[test]
fn the_first_five_minutes_go_as_printed() {
    let server = demo(Backend::Sqlite);
    let readme = text("README.md");
    let section = readme.split_once(SECTION).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let steps = steps(section);
    let printed = run(&server, &steps);
    let mut compared = 0;
    for (step, printed) in steps.iter().zip(&printed) {
        if let Some(shape) = &step.shape {
            demand_shape(shape, printed);
            compared += 1;
        }
        if step.has_one_entry {
            let bundle: Value = serde_json::from_str(printed).unwrap();
            assert_eq!(
                bundle["entry"].as_array().unwrap().len(),
                1,
                "{}",
                step.command
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 5, "what the README prints");
    for public in ["metadata", "openapi.json"] {
        assert!(section.contains(&format!("`$BASE/{public}`")));
        server.anonymous().get(public).expect(200);
    }
    server.anonymous().get("Patient").expect(401);
}

/// A command and what is said of its output.
struct Step {
    command: String,
    shape: Option<String>,
    has_one_entry: bool,
}

/// Fenced blocks in order: what begins with a brace is printed by the block before. A command within a sentence counts too.
fn steps(section: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let step = |command: &str| Step {
        command: command.to_owned(),
        shape: None,
        has_one_entry: false,
    };
    for (at, part) in section.split("```\n").enumerate() {
        match at % 2 {
            0 => {
                let sentences = part.split("`curl ").skip(1);
                steps.extend(sentences.map(|rest| {
                    let (command, said) = rest.split_once("` ").unwrap();
                    Step {
                        has_one_entry: said.starts_with("has one entry"),
                        ..step(&format!("curl {command}"))
                    }
                }));
            }
            _ if part.starts_with('{') => steps.last_mut().unwrap().shape = Some(part.to_owned()),
            _ => steps.push(step(part)),
        }
    }
    steps
}

/// In one shell, in a folder that looks like a checkout in which the demo was started.
fn run(server: &Server, steps: &[Step]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("target/release")).unwrap();
    symlink(ward_binary(), folder.path().join("target/release/ward")).unwrap();
    symlink(server.data(), folder.path().join("ward-data")).unwrap();
    let commands = steps.iter().map(|s| s.command.replace(BASE, &server.base));
    let script: String = commands
        .map(|command| format!("{command}\nprintf '%s' '{AFTER}'\n"))
        .collect();
    assert!(script.contains(&server.base), "the README names {BASE}");
    let output = Command::new("bash")
        .args(["-eu", "-c", &script])
        .env("no_proxy", "127.0.0.1")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let text = String::from_utf8(output.stdout).unwrap();
    let printed: Vec<String> = text.split(AFTER).map(str::to_owned).collect();
    assert_eq!(printed.len(), steps.len() + 1, "{text}");
    printed
}

/// The pieces between `...` occur in their order; spaces do not count, and ids are the server's.
fn demand_shape(shape: &str, printed: &str) {
    let found = plain(printed);
    let mut rest = found.as_str();
    for (at, piece) in plain(shape).split("...").enumerate() {
        let place = rest.find(piece);
        let place = place.unwrap_or_else(|| panic!("not printed: {piece}\nbut: {printed}"));
        assert!(
            at > 0 || place == 0,
            "it begins with: {piece}\nbut: {printed}"
        );
        rest = &rest[place + piece.len()..];
    }
    let is_whole = shape.matches('{').count() == shape.matches('}').count();
    assert!(!is_whole || rest.is_empty(), "more is printed: {rest}");
}

fn plain(text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    let mut parts = text.split("\"id\":\"");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str("\"id\":\"");
        out.push_str(part.split_once('"').map_or(part, |(_, rest)| rest));
    }
    out
}
