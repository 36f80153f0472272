//! What comes with the matches, under the access of the caller at every hop.
//! <https://hl7.org/fhir/R4/search.html#include>

use super::crud::patient;
use super::search::{entries, make, observation};
use super::{on_both, on_own, unique};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use ward_testkit::Client;

fn included(ward: &Client, query: &str) -> BTreeSet<String> {
    let page = ward.get(query).expect(200).json();
    let list = entries(&page, "include");
    let set: BTreeSet<String> = list.iter().cloned().collect();
    assert_eq!(list.len(), set.len(), "{query}: each once");
    assert!(
        entries(&page, "match").iter().all(|m| !set.contains(m)),
        "{query}: no match again"
    );
    set
}

fn set(paths: &[&String]) -> BTreeSet<String> {
    paths.iter().map(|p| (*p).clone()).collect()
}

fn organization(name: &str, part_of: Option<&String>) -> Value {
    let mut body = json!({ "resourceType": "Organization", "name": name });
    if let Some(whole) = part_of {
        body["partOf"] = json!({ "reference": whole });
    }
    body
}

#[test]
fn forward_reverse_and_to_the_end() {
    on_both(|ward| {
        let top = make(ward, organization("top", None));
        let middle = make(ward, organization("middle", Some(&top)));
        let low = make(ward, organization("low", Some(&middle)));
        let family = unique("include");
        let mut body = patient(&family);
        body["managingOrganization"] = json!({ "reference": low });
        let subject = make(ward, body);
        let one = make(ward, observation(&subject, "one", "2024-01-01"));
        let mut body = observation(&subject, "two", "2024-01-02");
        body["hasMember"] = json!([{ "reference": one }]);
        let two = make(ward, body);
        let of = |criteria: &str| included(ward, &format!("Patient?family={family}&{criteria}"));

        assert_eq!(of("_include=Patient:organization"), set(&[&low]));
        assert_eq!(
            of("_include=Patient:organization:Organization"),
            set(&[&low])
        );
        assert_eq!(of("_include=Patient:*"), set(&[&low]));
        assert_eq!(of("_include=*"), set(&[&low]));
        assert_eq!(of("_include=Patient:general-practitioner"), set(&[]));
        let further = "_include=Patient:organization&_include:iterate=Organization:partof";
        assert_eq!(of(further), set(&[&low, &middle, &top]));
        assert_eq!(of("_revinclude=Observation:subject"), set(&[&one, &two]));
        assert_eq!(of("_revinclude=*"), set(&[&one, &two]));
        assert_eq!(
            of("_revinclude=Observation:subject&_include=Patient:organization"),
            set(&[&low, &one, &two])
        );
        // What was found by a reverse hop is where the next one starts, and nothing comes twice.
        let round = format!(
            "Observation?subject={subject}&code=one&_revinclude:iterate=Observation:has-member&_include:iterate=Observation:has-member"
        );
        assert_eq!(included(ward, &round), set(&[&two]));
        // A match is no include.
        let both = format!("Observation?subject={subject}&_include=Observation:has-member");
        assert_eq!(included(ward, &both), set(&[]));
        assert_eq!(
            included(
                ward,
                &format!(
                    "Observation?code=one&subject={subject}&_include=Observation:subject:Patient"
                )
            ),
            set(&[&subject])
        );
    });
}

#[test]
fn canonical_references_are_found_by_url() {
    on_both(|ward| {
        let url = format!("http://example.org/questionnaire/{}", unique("q"));
        let questionnaire = |version: &str| {
            let body = json!({ "resourceType": "Questionnaire", "status": "active", "url": url, "version": version });
            make(ward, body)
        };
        let (first, second) = (questionnaire("1"), questionnaire("2"));
        let response = |canonical: String| {
            let body = json!({ "resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": canonical });
            make(ward, body)
        };
        let (exact, any) = (response(format!("{url}|2")), response(url.clone()));
        let with = |path: &String| {
            let id = path.split_once('/').unwrap().1;
            included(
                ward,
                &format!(
                    "QuestionnaireResponse?_id={id}&_include=QuestionnaireResponse:questionnaire"
                ),
            )
        };
        assert_eq!(with(&exact), set(&[&second]));
        assert_eq!(with(&any), set(&[&first, &second]));
        let reverse =
            format!("Questionnaire?url={url}&_revinclude=QuestionnaireResponse:questionnaire");
        assert_eq!(included(ward, &reverse), set(&[&exact, &any]));
    });
}

#[test]
fn the_bound_is_told() {
    on_own(&[("limits.page_entries_max", "10")], |_, ward| {
        let subject = make(ward, patient("Bound"));
        let entry = json!({ "resource": observation(&subject, "many", "2024-01-01"), "request": { "method": "POST", "url": "Observation" } });
        let bundle =
            json!({ "resourceType": "Bundle", "type": "transaction", "entry": vec![entry; 1_001] });
        ward.post("", &bundle).expect(200);
        let page = ward
            .get("Patient?_revinclude=Observation:subject")
            .expect(200)
            .json();
        assert_eq!(entries(&page, "include").len(), 1_000);
        let outcome = page["entry"].as_array().unwrap().last().unwrap();
        assert_eq!(outcome["search"]["mode"], "outcome");
        assert_eq!(outcome["resource"]["issue"][0]["code"], "too-costly");
        assert_eq!(outcome["resource"]["issue"][0]["severity"], "warning");
    });
}

#[test]
fn the_hops_of_iterate_are_bounded_and_that_is_told() {
    // Over each on to the next, so that 32 of them come with the first.
    const LINE: usize = 40;
    on_own(&[("limits.page_entries_max", "10")], |_, ward| {
        let entry = |at: usize| {
            let mut body = json!({ "resourceType": "Organization", "id": format!("line{at}"), "name": "Line" });
            if at + 1 < LINE {
                body["partOf"] = json!({ "reference": format!("Organization/line{}", at + 1) });
            }
            json!({ "resource": body, "request": { "method": "PUT", "url": format!("Organization/line{at}") } })
        };
        let all: Vec<Value> = (0..LINE).map(entry).collect();
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": all });
        ward.post("", &bundle).expect(200);
        let include = "_include:iterate=Organization:partof";
        let ask = |at: usize| {
            let page = ward.get(&format!("Organization?_id=line{at}&{include}"));
            let page = page.expect(200).json();
            let last = page["entry"].as_array().unwrap().last().unwrap();
            let is_told = last["search"]["mode"] == "outcome";
            (entries(&page, "include").len(), is_told)
        };
        assert_eq!(ask(0), (32, true));
        assert_eq!(ask(LINE - 33), (32, false), "the last has no other");
        assert_eq!(ask(LINE - 10), (9, false));
    });
}

#[test]
fn nobody_is_brought_what_they_may_not_see() {
    on_own(&[], |server, ward| {
        let (own, other) = (make(ward, patient("Own")), make(ward, patient("Other")));
        let theirs = make(ward, observation(&other, "theirs", "2024-01-01"));
        let mut body = observation(&own, "mine", "2024-01-01");
        body["hasMember"] = json!([{ "reference": theirs }]);
        body["derivedFrom"] = json!([{ "reference": theirs }]);
        let mine = make(ward, body);
        let claim = json!({ "resourceType": "Claim", "status": "active", "use": "claim", "created": "2024-01-01",
            "type": { "text": "x" }, "patient": { "reference": own }, "provider": { "display": "x" }, "priority": { "text": "x" },
            "insurance": [{ "sequence": 1, "focal": true, "coverage": { "display": "x" } }] });
        let claim = make(ward, claim);
        let id = own.split_once('/').unwrap().1;
        let app = server.app(id);
        for query in [
            "Observation?_include=Observation:has-member",
            "Observation?_include=*",
            "Observation?_include=Observation:derived-from&_include:iterate=Observation:subject",
        ] {
            let set = included(&app, query);
            assert!(
                !set.contains(&theirs) && !set.contains(&other),
                "{query}: {set:?}"
            );
        }
        assert_eq!(
            included(&app, "Observation?_include=Observation:subject"),
            set(&[&own])
        );
        let billing = server.client("billing");
        let of_patient =
            |caller: &Client| included(caller, &format!("Patient?_id={id}&_revinclude=*"));
        assert_eq!(of_patient(&billing), set(&[&claim]));
        let lab = server.client("lab");
        assert!(!of_patient(&lab).contains(&claim));
        assert_eq!(of_patient(ward), set(&[&claim, &mine]));
    });
}
