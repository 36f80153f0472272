//! Non-interference of consents and labels: every answer on the data D to a caller P equals the answer on D|P, a copy that never held
//! what consents, labels and scopes keep from P (DESIGN §6), nor what labels mask of the rest (0022, `veiled`). What that is the interpreter
//! says, resource by resource (`judge`).
//!
//! Consents, and what is in nobody's record, are in the copy as well: so what is left is judged there as it was, and all of it is
//! shown ([`checked`]); but for whoever has broken a glass what is hidden of nobody's record is deleted there, be it at the other end of a chain. Besides, nothing that is hidden is named in an answer whose question did not name it.

use crate::callers;
use crate::conditions::outcome;
use crate::hospitals::{Furnished, Hospital};
use crate::house::{House, call, text};
use crate::noninterference::{self, Write, ask, difference, said};
use crate::party::{Held, Mode, Party};
use crate::past;
use crate::pinned::{half_of_cases, pages, random, set_clock};
use crate::shrink::simpler;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use ward_resources::route::Method::Get;
use ward_resources::{Call, Reply};
use ward_testkit::Backend;
use ward_testkit::naive::Question;

/// Callers of one hospital, and what each asks before and after it goes on.
const PARTIES: usize = 4;
/// Writes of one caller, and for how many cases one counts.
const WRITES: usize = 20;
const CASES_PER_WRITE: usize = 20;

fn questions(backend: Backend) -> usize {
    match backend {
        Backend::Sqlite => 125,
        Backend::Postgres => 312,
    }
}

pub async fn what_consents_hide_changes_no_answer(backend: Backend) {
    let mut random = random();
    let mut counts = Counts::default();
    while counts.asked < half_of_cases() {
        let hospital = Hospital::any(&mut random);
        let mut whole = hospital.stored(backend).await;
        let parties: Vec<Party> = (0..PARTIES)
            .map(|_| callers::any(&mut random, &whole, "rs"))
            .collect();
        for (round, later) in [&[][..], &hospital.later].into_iter().enumerate() {
            // The same process goes on: what it remembers of who sees what must not outlive a withdrawal.
            if round > 0 {
                whole = whole.later(later).await;
            }
            for party in &parties {
                let party = party.before(&whole.judge);
                let Some(copy) = whole.without(backend, &party).await else {
                    counts.refused += 1;
                    continue;
                };
                let looked = checked(&whole, &copy, &party, &mut counts).await;
                let mut failed = looked.err();
                let is_misread = failed.is_some();
                for _ in 0..questions(backend) {
                    if failed.is_some() {
                        break;
                    }
                    let asked = ask(&mut random, Mode::Whole);
                    counts.asked += 1;
                    let told = compare(&whole, &copy, &party, &asked).await;
                    failed = told.err().map(|what| (asked, what));
                }
                if let Some((asked, what)) = failed {
                    let failure = Failure {
                        party: &party,
                        asked,
                        round,
                        is_misread,
                        what,
                    };
                    panic!("{}", shrunk(backend, &hospital, failure).await);
                }
            }
        }
    }
    println!("the same without what consents hide, on {backend:?}: {counts:?}");
    let Counts {
        seen,
        hidden,
        masked,
        refused,
        asked,
    } = counts;
    assert!(asked < 5_000 || masked > 0, "nothing is masked");
    assert!(
        hidden > seen / 20 && seen > hidden / 20,
        "nearly all is hidden, or nearly nothing"
    );
    assert!(
        refused * questions(backend) < 4 * asked,
        "few copies can be made"
    );
}

pub async fn what_consents_hide_changes_no_write(backend: Backend) {
    let mut random = random();
    let (mut done, mut changed) = (0, 0);
    while done < half_of_cases().div_ceil(CASES_PER_WRITE) {
        let hospital = Hospital::any(&mut random);
        let whole = hospital.stored(backend).await;
        let party = callers::any(&mut random, &whole, "cruds");
        let Some(copy) = whole.without(backend, &party).await else {
            continue;
        };
        for at in 0..WRITES {
            let asked = crate::conditions::asked_of_any(&mut random);
            if names_hidden(&whole, &party, &asked) {
                continue;
            }
            let mut told = Vec::new();
            for house in [&whole.house, &copy] {
                set_clock(whole.asked_us + (at as i64 + 1) * 1_000_000);
                let said = outcome(house, &party, &asked).await;
                told.push(without_labels(said));
            }
            let what = format!(
                "{:?} {:?} {}",
                asked.interaction, asked.parameters, party.scopes
            );
            assert_eq!(told[0], told[1], "{what}");
            done += 1;
            changed += usize::from(told[0].starts_with("status 20"));
        }
        for ty in ["Observation", "Condition"] {
            let count = call(Get, &format!("{ty}?_summary=count"), None);
            let on_whole = text(&whole.house.engine.answer(&party.caller, &count).await);
            let on_copy = text(&copy.engine.answer(&party.caller, &count).await);
            assert_eq!(on_whole, on_copy, "{}", party.scopes);
        }
    }
    println!(
        "{done} writes, {changed} of them done, are the same without what consents hide, on {backend:?}"
    );
    assert!(changed > done / 20, "the writes are hardly ever permitted");
}

/// Whether a write refers to what its author does not see: it takes the labels of that, which the copy does not have.
fn names_hidden(whole: &Furnished, party: &Party, asked: &Call) -> bool {
    let body = asked.body.as_ref();
    let text = body.map_or(String::new(), |body| {
        String::from_utf8_lossy(&body.bytes).into_owned()
    });
    let held = whole.held();
    let mut hidden = held.iter().filter(|(_, held)| !party.sees(held));
    hidden.any(|(path, _)| {
        ["\"", "/"]
            .iter()
            .any(|end| text.contains(&format!("{path}{end}")))
    })
}

#[derive(Debug, Default)]
struct Counts {
    seen: usize,
    hidden: usize,
    /// Of what is seen.
    masked: usize,
    /// Copies that cannot be made.
    refused: usize,
    asked: usize,
}

/// Every resource is read by P exactly when the interpreter says so; and in the copy nothing is left to hide. `Err`: what was read and
/// how it differs.
async fn checked(
    whole: &Furnished,
    copy: &House,
    party: &Party,
    counts: &mut Counts,
) -> Result<(), (Question, String)> {
    for (path, held) in whole.held() {
        let is_shown = party.sees(&held);
        let read = party.asking(call(Get, path, None));
        let on_whole = whole.house.engine.answer(&party.caller, &read).await;
        let on_copy = copy.engine.answer(&party.caller, &read).await;
        let expected = match (is_shown, held.is_deleted) {
            (false, _) => [404, 403].as_slice(),
            (true, true) => &[410],
            (true, false) => &[200],
        };
        let (on_whole, on_copy) = (on_whole.status, on_copy.status);
        if !expected.contains(&on_whole) || on_whole != on_copy {
            let asked = Question {
                path: path.to_owned(),
                pairs: Vec::new(),
            };
            let what = format!(
                "{on_whole}, on the copy {on_copy}, and {expected:?} by the interpreter: {}\n{}",
                held.body,
                party.explained(held.body)
            );
            return Err((asked, what));
        }
        match is_shown {
            true => {
                counts.seen += 1;
                counts.masked += usize::from(!party.masking(held.body).is_empty());
            }
            false => counts.hidden += usize::from(party.is_kept_from(held.body)),
        }
    }
    Ok(())
}

/// What differs between D and D|P, or is named in an answer and hidden.
async fn compare(
    whole: &Furnished,
    copy: &House,
    party: &Party,
    asked: &Question,
) -> Result<(), String> {
    let call = || party.asking(noninterference::call(asked));
    let replies = pages(&whole.house, &party.caller, call(), true).await;
    let on_copy = pages(copy, &party.caller, call(), true).await;
    let said = |replies: &[Reply]| -> Vec<String> {
        replies.iter().map(said).map(without_marks).collect()
    };
    let (on_whole, on_copy) = (said(&replies), said(&on_copy));
    if on_whole != on_copy {
        return Err(difference("asked by P", &on_whole, &on_copy));
    }
    if asked.path.contains("_history") {
        past::check(&whole.writes(), party, asked, &replies)?;
    }
    if party.glass.is_some() {
        return Ok(());
    }
    let question = asked.text();
    for (path, held) in whole.held() {
        let names = |text: &String| {
            let ours = [format!("\"{path}"), format!("{}/{path}", whole.judge.base)];
            let mut ends = ours
                .iter()
                .flat_map(|path| [format!("{path}\""), format!("{path}/")]);
            ends.any(|named| text.contains(&named))
        };
        let is_asked =
            question.contains(path) || question.contains(path.split('/').nth(1).unwrap());
        // Whose the resources are is known to who sees them.
        let is_asked = is_asked || path.starts_with("Patient/");
        if !is_asked && is_hidden(party, &held) && on_whole.iter().any(names) {
            return Err(format!(
                "{path} is hidden and named:\n{}",
                on_whole.join("\n")
            ));
        }
    }
    Ok(())
}

fn is_hidden(party: &Party, held: &Held<'_>) -> bool {
    party.is_kept_from(held.body)
}

/// Labels without who gave them, and members in one order: in the copy all labels are stated.
fn without_marks(text: String) -> String {
    changed(text, |members| {
        let labels = members.get_mut("security").and_then(Value::as_array_mut);
        for label in labels.into_iter().flatten() {
            label.as_object_mut().map(|label| label.remove("extension"));
        }
    })
}

/// A write labels anew what rules have labelled, and in the copy all labels are stated: what it leaves of them differs.
fn without_labels(text: String) -> String {
    changed(text, |members| drop(members.remove("security")))
}

/// An answer as `said` tells it, with each object of its body changed.
fn changed(text: String, change: impl Fn(&mut Map<String, Value>)) -> String {
    fn walk(node: &mut Value, change: &dyn Fn(&mut Map<String, Value>)) {
        match node {
            Value::Array(all) => all.iter_mut().for_each(|one| walk(one, change)),
            Value::Object(members) => {
                change(members);
                members.values_mut().for_each(|one| walk(one, change));
            }
            _ => {}
        }
    }
    let at = text.find('{').unwrap_or(text.len());
    let (head, body) = text.split_at(at);
    match serde_json::from_str::<Value>(body) {
        Ok(mut body) => {
            walk(&mut body, &change);
            format!("{head}{body}")
        }
        Err(_) => text,
    }
}

/// Left out by no shrinking.
const NEEDED: &[&str] = &[
    "Patient/",
    "Organization/",
    "Practitioner/",
    "PractitionerRole/",
];

struct Failure<'a> {
    party: &'a Party,
    asked: Question,
    /// 0: before the hospital goes on.
    round: usize,
    /// What a read shows is not what the interpreter says.
    is_misread: bool,
    what: String,
}

/// Hospitals are made anew without one path after the other, as long as the answers still differ.
async fn shrunk(backend: Backend, hospital: &Hospital, failure: Failure<'_>) -> String {
    let Failure {
        party,
        mut asked,
        round,
        is_misread,
        mut what,
    } = failure;
    println!("shrinking: {}: {what}", asked.text());
    let mut hospital = hospital.clone();
    if round == 0 {
        hospital.later.clear();
    }
    let writes = hospital.story.iter().chain(&hospital.later);
    let paths: BTreeSet<String> = writes.map(|write| write.path.clone()).collect();
    // Who is there, and works where, is part of every question.
    let is_needed = |path: &String| NEEDED.iter().any(|ty| path.starts_with(ty));
    let paths: Vec<String> = paths.into_iter().filter(|p| !is_needed(p)).collect();
    let how = (party, is_misread);
    for size in [10, 1] {
        for some in paths.chunks(size) {
            let fewer = hospital.without(some);
            if fewer.size() < hospital.size()
                && let Err(found) = again(backend, &fewer, how, &asked).await
            {
                (hospital, what) = (fewer, found);
            }
        }
    }
    while let Some((simple, found)) = simpler_failure(backend, &hospital, how, &asked).await {
        (asked, what) = (simple, found);
    }
    let stored = hospital.stored(backend).await.later(&hospital.later).await;
    let is_stored = |write: &Write| {
        let mut versions = stored.versions.iter();
        versions.any(|v| v.path == write.path && v.at_us == write.at_us)
    };
    let story = hospital.story.iter().chain(&hospital.later);
    let story = story.filter(|write| is_stored(write)).map(|write| {
        let body = write
            .body
            .as_ref()
            .map_or("deleted".into(), |body| body.to_string());
        format!("  {} at {}: {body}", write.path, write.at_us)
    });
    let story: Vec<String> = story.collect();
    let (rules, scopes) = (&hospital.settings.rules, &party.scopes);
    format!(
        "{}\nby {scopes}\nwhere {:?}, verified only {}, exempt {}\n{what}\nwrites:\n{}",
        asked.text(),
        rules.default,
        rules.verified_only,
        rules.custodian_exemption,
        story.join("\n")
    )
}

/// Who asked, and whether a read alone showed it.
type How<'a> = (&'a Party, bool);

async fn again(
    backend: Backend,
    hospital: &Hospital,
    how: How<'_>,
    asked: &Question,
) -> Result<(), String> {
    let mut whole = hospital.stored(backend).await;
    if !hospital.later.is_empty() {
        again_of(backend, &whole, how, asked).await?;
        whole = whole.later(&hospital.later).await;
    }
    again_of(backend, &whole, how, asked).await
}

async fn again_of(
    backend: Backend,
    whole: &Furnished,
    (party, is_misread): How<'_>,
    asked: &Question,
) -> Result<(), String> {
    let party = party.before(&whole.judge);
    let Some(copy) = whole.without(backend, &party).await else {
        return Ok(());
    };
    if !is_misread {
        return compare(whole, &copy, &party, asked).await;
    }
    let mut counts = Counts::default();
    match checked(whole, &copy, &party, &mut counts).await {
        Err((read, what)) if read.path == asked.path => Err(what),
        _ => Ok(()),
    }
}

async fn simpler_failure(
    backend: Backend,
    hospital: &Hospital,
    how: How<'_>,
    asked: &Question,
) -> Option<(Question, String)> {
    for simple in simpler(asked) {
        if let Err(what) = again(backend, hospital, how, &simple).await {
            return Some((simple, what));
        }
    }
    None
}
