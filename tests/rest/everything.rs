//! `$everything` of a patient and of an encounter. <https://hl7.org/fhir/R4/patient-operation-everything.html>

use super::crud::patient;
use super::on_both;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use ward_testkit::Client;

fn observation(subject: &str, encounter: Option<&str>) -> Value {
    let mut body = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "pulse" }, "subject": { "reference": subject } });
    if let Some(encounter) = encounter {
        body["encounter"] = json!({ "reference": encounter });
    }
    body
}

/// A patient with an encounter at an organization, two observations (one within the encounter) and a condition.
struct Story {
    patient: String,
    encounter: String,
    organization: String,
    in_encounter: String,
    outside: String,
    condition: String,
}

impl Story {
    fn tell(ward: &Client) -> Story {
        let create = |body: Value| {
            let ty = body["resourceType"].as_str().unwrap();
            format!("{ty}/{}", ward.post(ty, &body).expect(201).id())
        };
        let organization = create(json!({ "resourceType": "Organization", "name": "Ward" }));
        let patient = create(patient("Everything"));
        let encounter = create(json!({
            "resourceType": "Encounter", "status": "finished", "class": { "code": "AMB" },
            "subject": { "reference": patient }, "serviceProvider": { "reference": organization }
        }));
        let in_encounter = create(observation(&patient, Some(&encounter)));
        // Two creates may fall into one millisecond, which is all that an instant tells.
        std::thread::sleep(std::time::Duration::from_millis(2));
        let outside = create(observation(&patient, None));
        let condition =
            create(json!({ "resourceType": "Condition", "subject": { "reference": patient } }));
        Story {
            patient,
            encounter,
            organization,
            in_encounter,
            outside,
            condition,
        }
    }
}

fn references(bundle: &Value) -> BTreeSet<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let names: Vec<String> = entries
        .iter()
        .map(|e| {
            format!(
                "{}/{}",
                e["resource"]["resourceType"].as_str().unwrap(),
                e["resource"]["id"].as_str().unwrap()
            )
        })
        .collect();
    let set: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(set.len(), names.len(), "each once: {names:?}");
    set
}

fn set(names: &[&String]) -> BTreeSet<String> {
    names.iter().map(|n| (*n).clone()).collect()
}

#[test]
fn everything_of_a_patient() {
    on_both(|ward| {
        let story = Story::tell(ward);
        let other = Story::tell(ward);
        let path = format!("{}/$everything", story.patient);
        let Story {
            patient,
            encounter,
            organization,
            in_encounter,
            outside,
            condition,
        } = &story;
        let all = set(&[
            patient,
            encounter,
            organization,
            in_encounter,
            outside,
            condition,
        ]);
        let bundle = ward.get(&path).expect(200).json();
        assert_eq!(bundle["type"], "searchset");
        assert_eq!(references(&bundle), all);
        assert!(!references(&bundle).contains(&other.patient));
        let typed = ward
            .get(&format!("{path}?_type=Observation,Condition"))
            .expect(200)
            .json();
        assert_eq!(references(&typed), set(&[in_encounter, outside, condition]));
        let read = ward.get(outside).expect(200).json();
        let since = read["meta"]["lastUpdated"].as_str().unwrap();
        let recent = ward
            .get(&format!("{path}?_since={since}"))
            .expect(200)
            .json();
        assert_eq!(references(&recent), set(&[outside, condition]));
        let posted = json!({ "resourceType": "Parameters", "parameter": [{ "name": "_type", "valueCode": "Condition" }] });
        assert_eq!(
            references(&ward.post(&path, &posted).expect(200).json()),
            set(&[condition])
        );
        ward.get(&format!("{path}?_type=Pancake")).expect(400);
        ward.get("Patient/never-was-here/$everything").expect(404);
    });
}

#[test]
fn everything_comes_in_pages() {
    on_both(|ward| {
        let story = Story::tell(ward);
        let mut seen = BTreeSet::new();
        let mut matches = 0;
        let mut next = Some(format!("{}/$everything?_count=2", story.patient));
        while let Some(url) = next {
            let bundle = ward.get(&url).expect(200).json();
            let entries = bundle["entry"].as_array().unwrap();
            let matched = entries
                .iter()
                .filter(|e| e["search"]["mode"] == "match")
                .count();
            assert!(matched <= 2);
            matches += matched;
            seen.extend(references(&bundle));
            next = bundle["link"]
                .as_array()
                .unwrap()
                .iter()
                .find(|l| l["relation"] == "next")
                .and_then(|l| l["url"].as_str())
                .map(str::to_owned);
        }
        assert_eq!(matches, 5, "no duplicate among the matches");
        assert_eq!(seen.len(), 6);
    });
}

#[test]
fn everything_of_an_encounter() {
    on_both(|ward| {
        let story = Story::tell(ward);
        let bundle = ward
            .get(&format!("{}/$everything", story.encounter))
            .expect(200)
            .json();
        let found = references(&bundle);
        assert!(
            found.contains(&story.encounter) && found.contains(&story.in_encounter),
            "{found:?}"
        );
        assert!(!found.contains(&story.outside));
        ward.get("Encounter/never-was-here/$everything").expect(404);
    });
}
