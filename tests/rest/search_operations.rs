//! Operations that search, and the documents that tell what can be searched.
//! <https://hl7.org/fhir/R4/operations.html>

use super::crud::patient;
use super::search::{entries, link, make, matches, observation};
use super::{on_both, on_own};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn the_latest_of_each_kind() {
    on_both(|ward| {
        let subject = make(ward, patient("Lastn"));
        let other = make(ward, patient("Other"));
        let at = |code: &str, date: &str| make(ward, observation(&subject, code, date));
        let [_, pulse_2, pulse_3] =
            ["2024-01-01", "2024-01-02", "2024-01-03"].map(|d| at("pulse", d));
        let weight = at("weight", "2023-01-01");
        make(ward, observation(&other, "pulse", "2025-01-01"));
        let last = |criteria: &str| {
            let page = ward
                .get(&format!("Observation/$lastn?patient={subject}&{criteria}"))
                .expect(200)
                .json();
            assert!(link(&page, "self").unwrap().contains("$lastn"));
            entries(&page, "match")
        };
        let system = "code=http://example.org/search|";
        assert_eq!(last(system), [pulse_3.clone(), weight.clone()]);
        assert_eq!(
            last(&format!("{system}&max=2")),
            [pulse_3.clone(), pulse_2, weight]
        );
        assert_eq!(last("code=pulse"), [pulse_3]);
        assert_eq!(last(&format!("{system}&_summary=count")), [""; 0]);
        let counted = ward
            .get(&format!(
                "Observation/$lastn?patient={subject}&{system}&_summary=count"
            ))
            .expect(200)
            .json();
        assert_eq!(counted["total"], 2);
        let refused = |query: &str| ward.get(query).expect(400).text();
        assert!(refused(&format!("Observation/$lastn?patient={subject}")).contains("category"));
        assert!(refused("Observation/$lastn?code=pulse").contains("patient"));
        refused(&format!(
            "Observation/$lastn?patient={subject}&code=pulse&max=0"
        ));
        ward.get("Condition/$lastn?patient=1").expect(404);
    });
}

#[test]
fn the_latest_are_those_the_caller_may_see() {
    on_own(&[], |server, ward| {
        let (own, other) = (make(ward, patient("Own")), make(ward, patient("Other")));
        let mine = make(ward, observation(&own, "pulse", "2024-01-01"));
        make(ward, observation(&other, "pulse", "2025-01-01"));
        let app = server.app(own.split('/').nth(1).unwrap());
        let last = |subject: &str| {
            let page = app
                .get(&format!("Observation/$lastn?patient={subject}&code=pulse"))
                .expect(200)
                .json();
            entries(&page, "match")
        };
        assert_eq!(last(&own), [mine]);
        assert_eq!(last(&other), [""; 0]);
        assert_eq!(last("Patient/absent"), [""; 0]);
    });
}

#[test]
fn a_record_within_care_dates() {
    on_both(|ward| {
        let subject = make(ward, patient("Care"));
        let early = make(ward, observation(&subject, "a", "2020-05-01"));
        let late = make(ward, observation(&subject, "a", "2024-05-01"));
        let undated = {
            let mut body = observation(&subject, "a", "");
            body.as_object_mut().unwrap().remove("effectiveDateTime");
            make(ward, body)
        };
        let found = |parameters: &str| -> BTreeSet<String> {
            let page = ward
                .get(&format!("{subject}/$everything?{parameters}"))
                .expect(200)
                .json();
            entries(&page, "match").into_iter().collect()
        };
        let set = |paths: &[&String]| {
            paths
                .iter()
                .map(|p| (*p).clone())
                .collect::<BTreeSet<String>>()
        };
        assert_eq!(found(""), set(&[&subject, &early, &late, &undated]));
        assert_eq!(found("start=2021"), set(&[&subject, &late, &undated]));
        assert_eq!(found("end=2020-05"), set(&[&subject, &early, &undated]));
        assert_eq!(
            found("start=2020&end=2020"),
            set(&[&subject, &early, &undated])
        );
        assert_eq!(
            found("start=2021&_type=Observation"),
            set(&[&late, &undated])
        );
        assert_eq!(found("_since=2199-01-01"), set(&[]));
        let mut next = Some(format!("{subject}/$everything?_count=1&start=2019"));
        let mut seen = Vec::new();
        while let Some(url) = next {
            let page = ward.get(&url).expect(200).json();
            seen.extend(entries(&page, "match"));
            next = link(&page, "next");
        }
        assert_eq!(seen.len(), 4);
        ward.get(&format!("{subject}/$everything?start=soon"))
            .expect(400);
    });
}

#[test]
fn explanations_are_for_callers_with_all_rights() {
    on_own(&[], |server, ward| {
        let query = "Observation?code=qqa&_content=qqb&subject:Patient.name=qqc&explain=true";
        let page = ward.get(query).expect(200).json();
        let said = page["entry"][0]["resource"].to_string();
        for told in [
            "types: Observation",
            "_content",
            "subject refers to Patient with (name starts with)",
            "page by: ",
            "select x.rid",
            "steps:",
        ] {
            assert!(said.contains(told), "{told}: {said}");
        }
        // The counters by which a term was chosen to begin with.
        let patient = make(ward, patient("Counted"));
        for at in 1..=3 {
            let day = format!("2024-01-0{at}");
            make(ward, observation(&patient, "qqa", &day));
        }
        let counted = "Observation?code=qqa&status=final&explain=true";
        let counted = ward.get(counted).expect(200).text();
        assert!(
            counted.contains("rows behind each term: ") && counted.contains("Observation 3"),
            "{counted}"
        );
        // Neither what was asked for nor what is bound to the statement.
        assert!(!said.contains("qq"), "{said}");
        assert!(link(&page, "self").unwrap().contains("explain=true"));
        for caller in ["lab", "clinician"] {
            let said = server.client(caller).get(query).expect(200).text();
            assert!(
                said.contains("Unknown search parameter 'explain'") && !said.contains("AnyTerm"),
                "{said}"
            );
        }
    });
}

#[test]
fn documents_tell_every_parameter() {
    on_own(&[], |server, _| {
        let anyone = server.anonymous();
        let statement = anyone.get("metadata").expect(200).json();
        let api = anyone.get("openapi.json").expect(200);
        assert_eq!(api.header("content-type"), Some("application/json"));
        let api = api.json();
        assert_eq!(api["openapi"], "3.1.0");
        let rest = &statement["rest"][0];
        let types = rest["resource"].as_array().unwrap();
        assert_eq!(types.len(), 146);
        for resource in types {
            let ty = resource["type"].as_str().unwrap();
            let search = &api["paths"][format!("/{ty}")]["get"]["parameters"];
            let told: BTreeSet<String> = search
                .as_array()
                .unwrap()
                .iter()
                .map(|p| parameter(&api, p)["name"].as_str().unwrap().to_owned())
                .collect();
            for p in resource["searchParam"].as_array().unwrap() {
                assert!(told.contains(p["name"].as_str().unwrap()), "{ty} {p}");
            }
            // Every resource but Binary, Bundle and Parameters has a narrative to search.
            let common = rest["searchParam"].as_array().unwrap().iter();
            for p in common.filter(|p| p["name"] != "_text" || resource["type"] == "Patient") {
                assert!(told.contains(p["name"].as_str().unwrap()), "{ty} {p}");
            }
            for path in [
                "_search",
                "_history",
                "{id}",
                "{id}/_history",
                "{id}/_history/{vid}",
            ] {
                assert!(
                    api["paths"].get(format!("/{ty}/{path}")).is_some(),
                    "{ty}/{path}"
                );
            }
            for operation in resource["operation"].as_array().into_iter().flatten() {
                let name = operation["name"].as_str().unwrap();
                let paths = [format!("/{ty}/${name}"), format!("/{ty}/{{id}}/${name}")];
                assert!(
                    paths.iter().any(|p| api["paths"].get(p).is_some()),
                    "{ty} {name}"
                );
            }
        }
        let patient = types.iter().find(|r| r["type"] == "Patient").unwrap();
        let has =
            |list: &str, value: &str| patient[list].as_array().unwrap().contains(&json!(value));
        assert!(has("searchInclude", "Patient:organization") && has("searchInclude", "*"));
        assert!(
            has("searchRevInclude", "Observation:subject")
                && !has("searchRevInclude", "Patient:organization")
        );
        let name = patient["searchParam"]
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["name"] == "family");
        assert!(
            name.unwrap()["documentation"]
                .as_str()
                .unwrap()
                .contains(":exact")
        );
        assert_eq!(rest["compartment"].as_array().unwrap().len(), 5);
        assert_eq!(
            matches(&server.client("loader"), "Patient?_count=1"),
            [""; 0]
        );
    });
}

/// What a `$ref` stands for.
fn parameter<'a>(api: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference["$ref"].as_str().unwrap().trim_start_matches('#');
    api.pointer(pointer)
        .unwrap_or_else(|| panic!("{pointer} is not there"))
}
