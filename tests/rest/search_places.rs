//! X28: a client has so many costly searches under way at once and no more, and what it has takes nothing from the others.
//! <https://hl7.org/fhir/R4/search.html#errors>

use super::crud::patient;
use super::on_own;
use super::search::{entries, make, matches};
use super::search_cancel::ask;
use super::search_limits::{crowd, endless};
use serde_json::json;
use std::net::TcpStream;
use std::time::{Duration, Instant};
use ward_testkit::{Answer, Client, Server};

const PATIENCE: Duration = Duration::from_secs(20);
const METERED: &[(&str, &str)] = &[
    ("server.metrics_listen", "127.0.0.1:0"),
    ("log.format", "json"),
];

/// Costly searches of the loader, under way until these are dropped.
fn held(server: &Server, count: u64) -> Vec<TcpStream> {
    let token = server.token("loader");
    let body = endless();
    let streams = (0..count).map(|_| ask(server, &token, &body)).collect();
    let begun = Instant::now();
    while metric(server, "ward_requests_in_flight") < count {
        assert!(begun.elapsed() < PATIENCE, "they did not arrive");
    }
    // From their arrival to their places.
    std::thread::sleep(Duration::from_millis(700));
    streams
}

/// The first answer with this status.
fn until(status: u16, ask: impl Fn() -> Answer) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if answer.status == status {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", answer.text());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn metric(server: &Server, name: &str) -> u64 {
    let text = server.metrics();
    let mut lines = text.lines();
    let value = lines.find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
    value
        .unwrap_or_else(|| panic!("no {name}:\n{text}"))
        .parse()
        .unwrap()
}

fn refusals(server: &Server) -> u64 {
    metric(server, "ward_costly_searches_refused_total")
}

fn costly(client: &Client) -> Answer {
    client.get("Patient?_content=zzlast&_count=1")
}

fn refused(answer: Answer) {
    let answer = answer.expect(429);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let issue = &answer.json()["issue"][0];
    assert_eq!(issue["code"], "throttled");
    assert_eq!(issue["details"]["coding"][0]["code"], "limit.rate");
    let says = issue["diagnostics"].as_str().unwrap();
    assert!(
        says.contains("at once (2)") && says.contains("try again"),
        "{says}"
    );
}

#[test]
fn x28_a_client_has_so_many_costly_searches_and_no_more() {
    let settings = [&[("limits.costly_searches_per_client_max", "2")], METERED].concat();
    on_own(&settings, |server, ward| {
        crowd(ward);
        let one = make(ward, patient("One"));
        costly(ward).expect(200);
        assert_eq!(refusals(server), 0);
        let streams = held(server, 2);
        refused(costly(ward));
        let before = refusals(server);
        let asked = [
            "Patient?_text=zzlast",
            "Patient?family=Crowd&_content=zzlast",
            "Patient?name:contains=zz",
            "Patient?_sort=gender",
            "Patient?gender:not=male",
            "Patient?_filter=name ew \"zz\"",
            "Observation?subject:Patient.name:contains=zz",
            "?_type=Patient&_content=zz",
            "Patient/$everything?start=2000",
        ];
        for url in asked {
            refused(ward.get(url));
        }
        assert_eq!(refusals(server), before + asked.len() as u64);
        // What an index bounds is answered, by itself and beside what is refused.
        assert_eq!(matches(ward, "Patient?family=Crowd&_count=3").len(), 3);
        assert_eq!(
            matches(ward, "Patient?family=One&gender:not=male"),
            [one.as_str()]
        );
        ward.get(&one).expect(200);
        let get = |url: &str| json!({ "request": { "method": "GET", "url": url } });
        let batch = json!({ "resourceType": "Bundle", "type": "batch",
            "entry": [get("Patient?_text=zzlast"), get(&one)] });
        let answer = ward.post("", &batch).expect(200).json();
        let response = &answer["entry"][0]["response"];
        assert_eq!(response["status"], "429 Too Many Requests");
        assert_eq!(response["outcome"]["issue"][0]["code"], "throttled");
        assert_eq!(answer["entry"][1]["response"]["status"], "200 OK");
        // Other clients have their own.
        costly(&server.client("lab")).expect(200);
        costly(&server.client("clinician")).expect(200);
        // Whoever leaves gives it back.
        drop(streams);
        until(200, || costly(ward));
    });
}

#[test]
fn x28_a_place_is_given_back_however_the_search_ends() {
    let settings = [
        ("limits.costly_searches_per_client_max", "1"),
        ("store.statement_timeout_ms", "400"),
        ("limits.rows_examined_max", "450"),
    ];
    on_own(&settings, |_, ward| {
        crowd(ward);
        let send = |body: String| {
            ward.request("POST", "Patient/_search")
                .body("application/x-www-form-urlencoded", body.into())
                .send()
        };
        for _ in 0..3 {
            // Answered, cut off by its deadline, refused for its cost, and for what it asks besides.
            let page = costly(ward).expect(200).json();
            assert_eq!(entries(&page, "match").len(), 1);
            send(endless()).expect(503);
            ward.get("Patient?_content=zzlast&_sort=gender&_cursor=A")
                .expect(400);
        }
        for n in 0..60 {
            make(ward, patient(&format!("Beyond {n}")));
        }
        for _ in 0..3 {
            ward.get("Patient?_content=absent").expect(400);
            costly(ward).expect(200);
        }
    });
}

#[test]
fn x28_one_client_does_not_keep_the_others_waiting() {
    on_own(METERED, |server, ward| {
        crowd(ward);
        let lab = server.client("lab");
        let streams = held(server, 8);
        costly(ward).expect(429);
        // One that takes long by itself.
        let absent: Vec<String> = (0..20).map(|i| format!("z{i}")).collect();
        let long = format!(
            "name:contains={},zzlast&_total=accurate&_count=1",
            absent.join(",")
        );
        for _ in 0..2 {
            let begun = Instant::now();
            let answer = lab
                .request("POST", "Patient/_search")
                .body("application/x-www-form-urlencoded", long.clone().into())
                .send();
            assert_eq!(answer.expect(200).json()["total"], 400);
            assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
            let begun = Instant::now();
            assert_eq!(matches(&lab, "Patient?family=Crowd&_count=3").len(), 3);
            assert!(begun.elapsed() < PATIENCE / 4, "{:?}", begun.elapsed());
        }
        // They were under way all the time.
        costly(ward).expect(429);
        drop(streams);
    });
}
