//! What a history or a vread must show, worked out from the story of the writes: versions of resources whose last one is
//! seen, as far as they would be seen themselves.

use crate::noninterference::{Write, last};
use crate::party::{Held, Party};
use serde_json::Value;
use ward_resources::Reply;
use ward_testkit::naive::Question;

struct Version<'a> {
    path: &'a str,
    number: usize,
    write: &'a Write,
}

/// Compares the answer to P, all its pages, with what the story says.
pub fn check(
    writes: &[Write],
    party: &Party,
    asked: &Question,
    replies: &[Reply],
) -> Result<(), String> {
    if replies[0].status == 403 {
        return Ok(());
    }
    let (path, number) = asked.path.split_once("_history").unwrap_or_default();
    let path = path.trim_end_matches('/');
    let seen = seen(writes, party);
    if let Some(number) = number.strip_prefix('/') {
        let is_it = |v: &&Version| v.path == path && v.number.to_string() == number;
        let status = match seen.iter().find(is_it) {
            None => 404,
            Some(version) if version.write.body.is_none() => 410,
            Some(_) => 200,
        };
        return same(
            &[format!("status {status}")],
            &[format!("status {}", replies[0].status)],
        );
    }
    let since = asked.value("_since").map_or(0, |_| SINCE_US);
    let is_asked = |v: &&Version| {
        v.write.at_us >= since
            && (path.is_empty() || format!("{}/", v.path).starts_with(&format!("{path}/")))
    };
    let expected: Vec<String> = seen
        .iter()
        .filter(is_asked)
        .map(|v| format!("{}/_history/{}", v.path, v.number))
        .collect();
    if expected.is_empty() && path.contains('/') {
        return same(
            &["status 404".into()],
            &[format!("status {}", replies[0].status)],
        );
    }
    let (mut expected, mut told) = (expected, told(replies));
    if party.is_consented() {
        // Labels that are carried along make a version in the same moment.
        expected.sort();
        told.sort();
    }
    same(&expected, &told)
}

/// Microseconds of the one `_since` that is asked.
const SINCE_US: i64 = 1_700_006_400_000_000;

/// Newest first.
fn seen<'a>(writes: &'a [Write], party: &Party) -> Vec<Version<'a>> {
    let last = last(writes);
    let mut seen: Vec<Version> = Vec::new();
    for (at, write) in writes.iter().enumerate() {
        let path = write.path.as_str();
        let of_path = || writes[..at].iter().filter(|w| w.path == path);
        // Of a deletion only the home is known, which it shares with what was deleted.
        let before = of_path().rev().find_map(|w| w.body.as_ref());
        let Some(body) = write.body.as_ref().or(before) else {
            continue;
        };
        let is_deleted = write.body.is_none();
        if party.sees(&last[path]) && party.sees(&Held { body, is_deleted }) {
            let number = of_path().count() + 1;
            seen.push(Version {
                path,
                number,
                write,
            });
        }
    }
    seen.sort_by_key(|version| std::cmp::Reverse(version.write.at_us));
    seen
}

/// The versions of the entries of all pages.
fn told(replies: &[Reply]) -> Vec<String> {
    let mut told = Vec::new();
    for reply in replies {
        let bundle: Value = serde_json::from_slice(reply.json().unwrap_or_default()).unwrap();
        for entry in bundle["entry"].as_array().into_iter().flatten() {
            let url = entry["fullUrl"].as_str().unwrap();
            let path = url.split_once("/fhir/").unwrap().1;
            let etag = entry["response"]["etag"].as_str().unwrap();
            let number: String = etag.chars().filter(char::is_ascii_digit).collect();
            told.push(format!("{path}/_history/{number}"));
        }
    }
    told
}

fn same(expected: &[String], told: &[String]) -> Result<(), String> {
    if expected == told {
        return Ok(());
    }
    Err(format!(
        "by the story: {expected:?}\nanswered:     {told:?}"
    ))
}
