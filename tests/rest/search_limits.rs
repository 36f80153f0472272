//! What a search may cost and how far its links lead: each limit is met over HTTP, and its refusal says what to do.
//! <https://hl7.org/fhir/R4/search.html#errors>

use super::crud::patient;
use super::search::{entries, link, make, matches};
use super::{on_both, on_own, unique};
use serde_json::{Value, json};
use std::time::Duration;
use ward_testkit::{Answer, Client};

/// Status, issue type and stable code; all of `says` is in the diagnostics.
pub fn refused(answer: Answer, expected: (u16, &str, &str), says: &[&str]) {
    let text = answer.text();
    let issue = &answer.json()["issue"][0];
    let code = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = (
        answer.status,
        code(&issue["code"]),
        code(&issue["details"]["coding"][0]["code"]),
    );
    let expected = (expected.0, expected.1.to_owned(), expected.2.to_owned());
    assert_eq!(found, expected, "{text}");
    let diagnostics = code(&issue["diagnostics"]);
    for part in says {
        assert!(diagnostics.contains(part), "no '{part}' in {diagnostics}");
    }
}

fn too_costly(answer: Answer, says: &[&str]) {
    refused(answer, (400, "too-costly", "limit.cost"), says);
}

fn form(ward: &Client, path: &str, body: &str) -> Answer {
    ward.request("POST", path)
        .body("application/x-www-form-urlencoded", body.into())
        .send()
}

/// Patients with many names, of which the last one is the same.
pub fn crowd(ward: &Client) {
    let person = |n: usize| {
        let given = (0..100).map(|i| format!("crowd{n}name{i}"));
        let given: Vec<String> = given.chain(["zzlast".to_owned()]).collect();
        json!({ "resource": { "resourceType": "Patient", "name": [{ "family": "Crowd", "given": given }] },
            "request": { "method": "POST", "url": "Patient" } })
    };
    let entry: Vec<Value> = (0..400).map(person).collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry });
    ward.post("", &bundle).expect(200);
}

/// A question over the crowd that is soon understood and takes far longer than a test waits: each of many values is looked for
/// in every name, and of each list only the last is found, in the last name. No list is long, since the time that a database
/// takes to read a statement, which nothing interrupts, grows faster than the lists.
pub fn endless() -> String {
    let list = |k: usize| {
        let absent: Vec<String> = (0..150).map(|i| format!("z{k}{i}")).collect();
        format!("name:contains={},zzlast", absent.join(","))
    };
    let lists: Vec<String> = (0..8).map(list).collect();
    format!("{}&_total=accurate", lists.join("&"))
}

#[test]
fn rows_are_looked_at_up_to_the_budget() {
    on_own(&[("limits.rows_examined_max", "10")], |_, ward| {
        let all: Vec<String> = (0..10).map(|_| make(ward, patient("Budget"))).collect();
        assert_eq!(matches(ward, "Patient?_content=budget").len(), all.len());
        make(ward, patient("Beyond"));
        let says = ["more than 10 resources", "identifier", "birthdate"];
        for criteria in [
            "_content=absent",
            "_content=beyond&_total=accurate",
            "_text=absent",
            "_sort=gender",
        ] {
            too_costly(ward.get(&format!("Patient?{criteria}")), &says[..1]);
        }
        let says = [
            "more than 10 resources",
            "the parameter identifier or birthdate or family",
        ];
        too_costly(ward.get("Patient?_content=absent"), &says);
        // What was asked already is not advised again.
        let asked = ward.get("Patient?_content=absent&identifier:missing=true");
        too_costly(asked, &["the parameter birthdate"]);
        // As advised; and a page that fills before the budget is spent needs no advice.
        assert_eq!(
            matches(ward, "Patient?_content=budget&family=Budget").len(),
            10
        );
        let page = ward
            .get("Patient?_content=budget&_count=3")
            .expect(200)
            .json();
        assert_eq!(entries(&page, "match").len(), 3);
    });
}

#[test]
fn more_codes_than_the_index_combines_are_looked_at() {
    on_own(&[("limits.rows_examined_max", "10")], |_, ward| {
        let component = |n: usize| {
            json!({ "code": { "coding": [{ "system": "urn:many", "code": format!("m{n}") }] },
                "valueQuantity": { "value": 5, "system": "http://unitsofmeasure.org", "code": "mg" } })
        };
        let observation = |components: usize| {
            let components: Vec<Value> = (0..components).map(component).collect();
            json!({ "resourceType": "Observation", "status": "final", "code": { "text": "many" }, "component": components })
        };
        let url = "Observation?component-code-value-quantity=urn:many%7C%24gt4";
        let first = make(ward, observation(201));
        assert_eq!(matches(ward, url).len(), 1);
        for _ in 0..10 {
            make(ward, observation(1));
        }
        let says = [
            "more than 10 resources",
            "no index answers component-code-value-quantity",
        ];
        too_costly(ward.get(&format!("{url}&_total=accurate")), &says);
        let id = first.trim_start_matches("Observation/");
        assert_eq!(matches(ward, &format!("{url}&_id={id}")), [first.as_str()]);
    });
}

#[test]
fn a_deadline_ends_the_search_and_nothing_else() {
    on_own(&[("store.statement_timeout_ms", "400")], |_, ward| {
        crowd(ward);
        for _ in 0..3 {
            let answer = form(ward, "Patient/_search", &endless());
            let says = [
                "the deadline of the search passed",
                "the parameter identifier",
            ];
            refused(answer, (503, "timeout", "server.timeout"), &says);
        }
        let found = ward
            .get("Patient?_count=3&_total=accurate")
            .expect(200)
            .json();
        assert_eq!(entries(&found, "match").len(), 3);
    });
}

#[test]
fn page_links_are_for_one_caller_and_one_question() {
    on_own(&[], |server, ward| {
        for _ in 0..4 {
            make(ward, patient("Cursor"));
        }
        let page = ward
            .get("Patient?family=Cursor&_count=1")
            .expect(200)
            .json();
        let next = link(&page, "next").unwrap();
        let invalid = (400, "invalid", "request.invalid");
        let says = ["start again from the first page"];
        let other = server.client("clinician");
        assert_eq!(other.get("Patient?family=Cursor&_count=1").status, 200);
        refused(other.get(&next), invalid, &says);
        refused(ward.get(&next.replace("Cursor", "Other")), invalid, &says);
        refused(
            ward.get(&next.replace("_count=1", "_count=2")),
            invalid,
            &says,
        );
        let (question, cursor) = next.split_once("_cursor=").unwrap();
        for broken in [
            &cursor[1..],
            &cursor[..cursor.len() - 1],
            "",
            "A",
            "%00",
            "\u{e9}",
        ] {
            refused(
                ward.get(&format!("{question}_cursor={broken}")),
                invalid,
                &says,
            );
        }
        let long = "A".repeat(7_000);
        refused(
            form(ward, "Patient/_search", &format!("_cursor={long}")),
            invalid,
            &says,
        );
        ward.get(&next).expect(200);
    });
}

#[test]
fn page_links_expire() {
    on_own(&[("limits.page_link_lifetime_s", "1")], |_, ward| {
        for _ in 0..3 {
            make(ward, patient("Expires"));
        }
        let page = ward.get("Patient?_count=1").expect(200).json();
        let next = link(&page, "next").unwrap();
        ward.get(&next).expect(200);
        std::thread::sleep(Duration::from_millis(2_200));
        let says = ["expired", "1 seconds", "start again from the first page"];
        refused(ward.get(&next), (400, "invalid", "request.invalid"), &says);
        ward.get("Patient?_count=1").expect(200);
    });
}

#[test]
fn a_question_has_its_bounds() {
    on_both(|ward| {
        let list = |n: usize| {
            let values: Vec<String> = (0..n).map(|i| format!("v{i}")).collect();
            values.join(",")
        };
        let ask = |ty: &str, body: &str| form(ward, &format!("{ty}/_search"), body);
        ask("Patient", &format!("identifier={}", list(500))).expect(200);
        too_costly(
            ask("Patient", &format!("identifier={}", list(501))),
            &["identifier", "500"],
        );
        too_costly(
            ask(
                "Observation",
                &format!("subject:Patient.identifier={}", list(501)),
            ),
            &["500"],
        );
        let chain = |hops: usize| format!("{}family=x", "link:Patient.".repeat(hops));
        ask("Patient", &chain(8)).expect(200);
        too_costly(ask("Patient", &chain(9)), &["hops"]);
        let has = |hops: usize| format!("{}family=x", "_has:Patient:link:".repeat(hops));
        ask("Patient", &has(8)).expect(200);
        too_costly(ask("Patient", &has(9)), &["hops"]);
        let includes = |n: usize| vec!["_include=Patient:organization"; n].join("&");
        let word = unique("bounds");
        ask("Patient", &format!("family={word}&{}", includes(20))).expect(200);
        too_costly(
            ask("Patient", &format!("family={word}&{}", includes(21))),
            &["20 includes"],
        );
        let conditions = |n: usize| vec!["family eq x"; n].join(" or ").replace(' ', "+");
        ask("Patient", &format!("_filter={}", conditions(100))).expect(200);
        too_costly(
            ask("Patient", &format!("_filter={}", conditions(201))),
            &["200 conditions"],
        );
        let long = format!("_filter=family+eq+{}", "x".repeat(8 << 10));
        too_costly(ask("Patient", &long), &["8192 bytes"]);
    });
}
