//! Relevance: which matches have a score, that pages go by it forth and back, and that it is told of.
//! <https://hl7.org/fhir/R4/search.html#score>

use super::search::{entries, link, make, matches};
use super::{on_both, unique};
use serde_json::{Value, json};
use ward_testkit::Client;

/// Notes in which the word stands 1 to `most` times, under one code; with their scores.
fn notes(ward: &Client, code: &str, word: &str, most: usize) -> Vec<(String, f64)> {
    let note = |times: usize| {
        let text = format!("{word} ").repeat(times);
        let path = make(
            ward,
            json!({ "resourceType": "Observation", "status": "final", "note": [{ "text": text }],
                "code": { "coding": [{ "system": "http://example.org/score", "code": code }] } }),
        );
        (path, times as f64 / (times as f64 + 1.0))
    };
    // Neither in their order nor against it.
    let (odd, even): (Vec<usize>, Vec<usize>) = (1..=most).partition(|n| n % 2 == 1);
    let mut all: Vec<(String, f64)> = odd.into_iter().chain(even).map(note).collect();
    all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    all
}

fn scores(page: &Value) -> Vec<Option<f64>> {
    let all = page["entry"].as_array().cloned().unwrap_or_default();
    let score = |entry: &Value| entry["search"]["score"].as_f64();
    all.iter().map(score).collect()
}

#[test]
fn pages_go_by_relevance_forth_and_back() {
    on_both(|ward| {
        let (code, word) = (unique("score"), unique("word").replace('-', ""));
        let ranked = notes(ward, &code, &word, 7);
        let paths: Vec<String> = ranked.iter().map(|(path, _)| path.clone()).collect();
        let query = format!("Observation?code={code}&_content={word}&_count=2");
        for (sort, expected) in [
            ("-_score", paths.clone()),
            ("_score", paths.iter().rev().cloned().collect()),
        ] {
            let mut pages = vec![
                ward.get(&format!("{query}&_sort={sort}"))
                    .expect(200)
                    .json(),
            ];
            while let Some(next) = link(pages.last().unwrap(), "next") {
                pages.push(ward.get(&next).expect(200).json());
            }
            let shown: Vec<Vec<String>> = pages.iter().map(|p| entries(p, "match")).collect();
            assert_eq!(shown.concat(), expected, "{sort}");
            assert_eq!(pages.len(), 4);
            for page in &pages {
                for (path, score) in entries(page, "match").iter().zip(scores(page)) {
                    let (_, expected) = ranked.iter().find(|(p, _)| p == path).unwrap();
                    assert!((score.unwrap() - expected).abs() < 0.000_1, "{path}");
                }
            }
            let mut at = pages.pop().unwrap();
            for expected in shown.iter().rev().skip(1) {
                at = ward.get(&link(&at, "previous").unwrap()).expect(200).json();
                assert_eq!(entries(&at, "match"), *expected, "{sort}");
            }
        }
        // Ties are told apart by the next key.
        for path in &paths[..3] {
            let mut body = ward.get(path).expect(200).json();
            body["note"][0]["text"] = json!(word);
            ward.put(path, &body).expect(200);
        }
        let sorted = format!("Observation?code={code}&_content={word}&_sort=-_score,_lastUpdated");
        let found = matches(ward, &sorted);
        let last = [&paths[6..], &paths[..3]].concat();
        assert_eq!(found, [&paths[3..6], &last[..]].concat());
    });
}

#[test]
fn what_is_exactly_asked_for_has_the_score_1() {
    on_both(|ward| {
        let (code, word) = (unique("exact"), unique("exactword").replace('-', ""));
        let all = notes(ward, &code, &word, 3);
        let query = format!("Observation?code={code}");
        let of =
            |criteria: &str| scores(&ward.get(&format!("{query}{criteria}")).expect(200).json());
        assert_eq!(of(""), [None; 3]);
        assert_eq!(of("&_score=false"), [None; 3]);
        assert_eq!(of("&_score=true"), [Some(1.0); 3]);
        assert_eq!(of(&format!("&_content={word}&_score=false")), [None; 3]);
        let graded = of(&format!("&_content={word}&_score=true"));
        assert!(graded.iter().all(|s| s.is_some_and(|s| 0.0 < s && s < 1.0)));
        // Included is what belongs to a match, not a match.
        let subject = make(ward, json!({ "resourceType": "Patient" }));
        let mut body = ward.get(&all[0].0).expect(200).json();
        body["subject"] = json!({ "reference": subject });
        ward.put(&all[0].0, &body).expect(200);
        let included = ward.get(&format!("{query}&_include=Observation:subject&_score=true"));
        let included = included.expect(200).json();
        assert_eq!(entries(&included, "include"), [subject]);
        assert_eq!(scores(&included), [Some(1.0), Some(1.0), Some(1.0), None]);
        // Equally relevant: the order is the one that there is without it, and the link says what was asked.
        assert_eq!(
            matches(ward, &format!("{query}&_sort=-_score")),
            matches(ward, &query)
        );
        let page = ward
            .get(&format!("{query}&_sort=-_score&_count=1"))
            .expect(200)
            .json();
        assert!(link(&page, "self").unwrap().contains("_sort=-_score"));
        ward.get(&link(&page, "next").unwrap()).expect(200);
        for (criteria, says) in [
            ("_score=perhaps", "_score"),
            (
                "_text=a&_contained=true&_sort=_score",
                "_lastUpdated and _id",
            ),
            ("_scor=true", "_score"),
        ] {
            let refused = ward
                .request("GET", &format!("{query}&{criteria}"))
                .header("Prefer", "handling=strict")
                .send()
                .expect(400);
            assert!(refused.text().contains(says), "{}", refused.text());
        }
    });
}

#[test]
fn documents_tell_of_it() {
    on_both(|ward| {
        let statement = ward.get("metadata").expect(200).json();
        let listed = |list: &Value| {
            let all = list.as_array().unwrap().iter();
            all.filter(|p| p["name"] == "_score").count()
        };
        assert_eq!(listed(&statement["rest"][0]["searchParam"]), 1);
        let document = ward.get("openapi.json").expect(200).json();
        let parameter = &document["components"]["parameters"]["_score"];
        assert_eq!(parameter["in"], "query");
        let asked = document["paths"]["/Patient"]["get"]["parameters"].to_string();
        assert!(asked.contains("/_score\"}"), "{asked}");
    });
}
