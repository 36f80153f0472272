//! What a refusal tells of what is there: nothing, neither by what is answered nor by how long it takes (S79).

use super::as_long::take_as_long;
use super::crud::patient;
use super::on_own;
use super::search::{entries, make, matches};
use serde_json::json;
use ward_testkit::{Client, Server};

/// Two types that the laboratory sees nothing of, with and without data: paths of searches and reads, and of the one resource.
struct Denied {
    searches: Vec<String>,
    reads: [String; 2],
}

fn denied(ward: &Client) -> Denied {
    let (with, without) = (make(ward, patient("With")), make(ward, patient("Without")));
    let condition = json!({ "resourceType": "Condition", "subject": { "reference": with } });
    let path = make(ward, condition);
    Denied {
        searches: vec![
            format!("Condition?subject={without}"),
            format!("Condition?subject={with}"),
            "Condition?subject=Patient/never".to_owned(),
            "Condition".to_owned(),
            format!("{with}/Condition"),
            format!("{without}/Condition"),
        ],
        reads: ["Condition/never".to_owned(), path],
    }
}

#[test]
fn s79_a_type_that_is_denied_is_denied_with_and_without_data() {
    on_own(&[], |server, ward| {
        let denied = denied(ward);
        let lab = server.client("lab");
        let said = |url: &String| {
            let answer = lab.get(url).expect(403);
            let length = answer.header("content-length").map(str::to_owned);
            (answer.text(), length)
        };
        let expected = said(&denied.searches[0]);
        for url in &denied.searches {
            assert_eq!(said(url), expected, "{url}");
        }
        let [never, path] = &denied.reads;
        assert_eq!(said(path), said(never));
        // Nor does a way around tell.
        let id = path.split_once('/').unwrap().1;
        for url in [
            &format!("Patient?_has:Condition:subject:_id={id}"),
            "Patient?_has:Condition:subject:clinical-status=active",
        ] {
            assert_eq!(matches(&lab, url), [""; 0], "{url}");
        }
        let page = lab.get("Patient?_revinclude=Condition:subject");
        assert_eq!(entries(&page.expect(200).json(), "include"), [""; 0]);
    });
}

/// Nothing is asked of the store before the refusal, and it takes as long.
#[test]
fn s79_a_refusal_takes_as_long_with_and_without_data() {
    let settings = [
        ("server.metrics_listen", "127.0.0.1:0"),
        ("log.format", "json"),
        ("rates.client_per_minute", "0"),
    ];
    on_own(&settings, |server, ward| {
        let denied = denied(ward);
        let lab = server.client("lab");
        let least = |url: &String| {
            let statements = (0..8).map(|_| {
                let before = statements(server);
                lab.get(url).expect(403);
                statements(server) - before
            });
            statements.min().unwrap()
        };
        let [never, path] = &denied.reads;
        let pairs = [
            (&denied.searches[0], &denied.searches[1]),
            (&denied.searches[5], &denied.searches[4]),
            (never, path),
        ];
        for (without, with) in pairs {
            let (of_none, of_some) = (least(without), least(with));
            // Whose record a resource is in goes into the Record of the refusal: two look-ups, whether it is there or not.
            assert_eq!(of_none, of_some, "{with}");
            assert!(of_some <= 2, "{with}: {of_some}");
            let ask = |url: &String| {
                lab.get(url).expect(403);
            };
            let is_alike = take_as_long(&|| ask(without), &|| ask(with));
            assert!(is_alike, "{with} and {without}");
        }
    });
}

/// Asked of the store since the start.
fn statements(server: &Server) -> u64 {
    let text = server.metrics();
    let mut lines = text.lines();
    let count = lines.find_map(|line| line.strip_prefix("ward_store_statements_total "));
    count.unwrap().parse().unwrap()
}
