//! X23: hostile strings in every part of a request. A sample over HTTP; the many are asked in
//! `crates/resources/tests/calls/injection.rs`.

use crate::rest::encoded;
use serde_json::{Value, json};
use ward_testkit::hostile::{MARK, hostile};
use ward_testkit::{Answer, Client, Random, Server, Start, backends};

const STRINGS: usize = 500;
const TOGETHER: &str = "http://example.org/together";

#[test]
fn x23_hostile_strings_are_refused_or_find_nothing() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let ward = server.client("loader");
        let path = patient(&ward);
        let mut random = Random::seeded();
        for n in 0..STRINGS {
            // What an URL can hold on its way to any server.
            let string: String = hostile(&mut random, n).chars().take(1_500).collect();
            let string = format!("{string}{MARK}");
            let (name, answer) = PLACES[n % PLACES.len()];
            let answer = answer(&ward, &path, &string);
            let at = format!("{name} {string:?}: {} {}", answer.status, answer.text());
            assert!(answer.status < 500, "{at}");
            demand_nothing_more(&answer, &path, &at);
        }
        let page = ward.get("Patient?_total=accurate").expect(200).json();
        assert_eq!(
            (&page["total"], shown(&page)),
            (&json!(1), vec![path.clone()])
        );
        assert_eq!(ward.get(&path).expect(200).json()["meta"]["versionId"], "1");
    }
}

fn patient(ward: &Client) -> String {
    let body = json!({ "resourceType": "Patient", "gender": "female", "name": [{ "family": "O'Neil" }],
        "identifier": [{ "system": TOGETHER, "value": "1" }] });
    format!("Patient/{}", ward.post("Patient", &body).expect(201).id())
}

/// A refusal says so in FHIR's words; a page shows what the patient's own criterion shows, or nothing.
fn demand_nothing_more(answer: &Answer, path: &str, at: &str) {
    if answer.status == 304 || answer.bytes.is_empty() {
        return;
    }
    let body = answer.json();
    match answer.status {
        200 => assert!(shown(&body).iter().all(|p| p == path), "{at}"),
        _ => assert_eq!(body["resourceType"], "OperationOutcome", "{at}"),
    }
}

fn shown(answer: &Value) -> Vec<String> {
    let path = |r: &Value| {
        Some(format!(
            "{}/{}",
            r["resourceType"].as_str()?,
            r["id"].as_str()?
        ))
    };
    match answer["entry"].as_array() {
        Some(entries) => {
            let shown = entries.iter().filter(|e| e["search"]["mode"] != "outcome");
            shown.filter_map(|e| path(&e["resource"])).collect()
        }
        None if answer["resourceType"] == "Patient" => path(answer).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The patient's own criterion beside a hostile one.
fn beside(ward: &Client, name: &str, value: &str) -> Answer {
    ward.get(&format!(
        "Patient?identifier={TOGETHER}%7C1&{}={}",
        encoded(name),
        encoded(value)
    ))
}

fn with_header(ward: &Client, path: &str, header: &str, value: &str) -> Answer {
    // A client can send no others.
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    ward.request("GET", path).header(header, &value).send()
}

type Sending = fn(&Client, &str, &str) -> Answer;

const PLACES: &[(&str, Sending)] = &[
    ("value", |ward, _, s| beside(ward, "family", s)),
    ("token", |ward, _, s| beside(ward, "identifier", s)),
    ("reference", |ward, _, s| beside(ward, "organization", s)),
    ("date", |ward, _, s| beside(ward, "birthdate", s)),
    ("_filter", |ward, _, s| beside(ward, "_filter", s)),
    ("_sort", |ward, _, s| beside(ward, "_sort", s)),
    ("_cursor", |ward, _, s| beside(ward, "_cursor", s)),
    ("_format", |ward, _, s| beside(ward, "_format", s)),
    ("name", |ward, _, s| beside(ward, s, "x")),
    ("modifier", |ward, _, s| {
        beside(ward, &format!("family:{s}"), "x")
    }),
    ("_has", |ward, _, s| {
        beside(ward, &format!("_has:Observation:subject:{s}"), "x")
    }),
    ("query, as it is", |ward, path, s| {
        // What no URL can hold is sent by its code; the rest stands as it is.
        let raw: String = s
            .chars()
            .filter(|c| c.is_ascii_graphic() && *c != '#')
            .collect();
        ward.get(&format!(
            "Patient?_id={}&{raw}",
            path.trim_start_matches("Patient/")
        ))
    }),
    ("bytes that are no UTF-8", |ward, _, s| {
        ward.get(&format!(
            "Patient?identifier={TOGETHER}%7C1&family=%ff%c0%a7{}",
            encoded(s)
        ))
    }),
    ("id", |ward, _, s| {
        ward.get(&format!("Patient/{}", encoded(s)))
    }),
    ("version", |ward, path, s| {
        ward.get(&format!("{path}/_history/{}", encoded(s)))
    }),
    ("type", |ward, _, s| ward.get(&encoded(s))),
    ("compartment", |ward, _, s| {
        ward.get(&format!("Patient/{}/Observation", encoded(s)))
    }),
    ("form", |ward, _, s| {
        let body = format!("identifier={TOGETHER}%7C1&family={}", encoded(s));
        form(ward, body.into_bytes())
    }),
    ("form, as it is", |ward, _, s| {
        let mut body = format!("identifier={TOGETHER}%7C1&family=").into_bytes();
        body.extend(s.bytes().filter(|b| *b != b'&'));
        body.extend([0xff, 0x00, 0xc0]);
        form(ward, body)
    }),
    ("If-None-Match", |ward, path, s| {
        with_header(ward, path, "If-None-Match", s)
    }),
    ("If-Modified-Since", |ward, path, s| {
        with_header(ward, path, "If-Modified-Since", s)
    }),
    ("Prefer", |ward, path, s| {
        with_header(ward, path, "Prefer", s)
    }),
    ("Accept", |ward, path, s| {
        with_header(ward, path, "Accept", s)
    }),
    ("X-Request-Id", |ward, path, s| {
        with_header(ward, path, "X-Request-Id", s)
    }),
    ("User-Agent", |ward, path, s| {
        with_header(ward, path, "User-Agent", s)
    }),
    ("token of access", |ward, path, s| {
        let value: String = s.chars().filter(|c| !c.is_control()).collect();
        let stranger = Client::new(&ward.base, None);
        let request = stranger.request("GET", path);
        request
            .header("Authorization", &format!("Bearer {value}"))
            .send()
    }),
    ("If-Match", |ward, path, s| {
        let value: String = s.chars().filter(|c| !c.is_control()).collect();
        let id = path.trim_start_matches("Patient/");
        let body = json!({ "resourceType": "Patient", "id": id });
        ward.request("PUT", path)
            .header("If-Match", &value)
            .json(&body)
            .send()
    }),
];

fn form(ward: &Client, body: Vec<u8>) -> Answer {
    ward.request("POST", "Patient/_search")
        .body("application/x-www-form-urlencoded", body)
        .send()
}
