//! `$everything` of a patient, of all patients and of an encounter. <https://hl7.org/fhir/R4/patient-operation-everything.html>

use super::crud::patient;
use super::{on_both, on_own};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use ward_testkit::{Client, Server};

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

/// Entries of all pages by search mode, each page within its bound.
fn walk(ward: &Client, first: &str, page_max: usize) -> (Vec<String>, BTreeSet<String>) {
    let (mut matches, mut included) = (Vec::new(), BTreeSet::new());
    let mut next = Some(first.to_owned());
    while let Some(url) = next {
        let bundle = ward.get(&url).expect(200).json();
        let found = references(&bundle);
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        let of_page: Vec<String> = entries
            .iter()
            .filter(|e| e["search"]["mode"] == "match")
            .map(|e| {
                let part = |name: &str| e["resource"][name].as_str().unwrap().to_owned();
                format!("{}/{}", part("resourceType"), part("id"))
            })
            .collect();
        assert!(of_page.len() <= page_max, "{url}");
        included.extend(found.into_iter().filter(|f| !of_page.contains(f)));
        matches.extend(of_page);
        next = link(&bundle, "next");
    }
    (matches, included)
}

fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array().unwrap().iter();
    let mut links = links.filter(|l| l["relation"] == relation);
    links.next().map(|l| l["url"].as_str().unwrap().to_owned())
}

/// Two stories, and what belongs to nobody's record.
fn two_stories(ward: &Client) -> [Story; 2] {
    let stories = [Story::tell(ward), Story::tell(ward)];
    let nobodys = [
        json!({ "resourceType": "Organization", "name": "Not referred to" }),
        json!({ "resourceType": "Observation", "status": "final", "code": { "text": "air" }, "subject": { "display": "Room 4" } }),
    ];
    for body in nobodys {
        let ty = body["resourceType"].as_str().unwrap();
        ward.post(ty, &body).expect(201);
    }
    stories
}

fn record(story: &Story) -> [&String; 5] {
    let Story {
        patient,
        encounter,
        in_encounter,
        outside,
        condition,
        ..
    } = story;
    [patient, encounter, in_encounter, outside, condition]
}

#[test]
fn everything_of_all_patients() {
    on_own(&[], |_, ward| {
        let [one, two] = two_stories(ward);
        let all = set(&[record(&one), record(&two)].concat());
        let shared = set(&[&one.organization, &two.organization]);
        let bundle = ward.get("Patient/$everything").expect(200).json();
        assert_eq!(bundle["type"], "searchset");
        assert_eq!(references(&bundle), all.union(&shared).cloned().collect());
        let (matches, included) = walk(ward, "Patient/$everything", 100);
        assert_eq!(BTreeSet::from_iter(matches), all);
        assert_eq!(included, shared);
        let posted = json!({ "resourceType": "Parameters", "parameter": [{ "name": "_type", "valueCode": "Condition" }] });
        let conditions = ward.post("Patient/$everything", &posted).expect(200).json();
        assert_eq!(
            references(&conditions),
            set(&[&one.condition, &two.condition])
        );
        let typed = |types: &str| {
            let path = format!("Patient/$everything?_type={types}");
            references(&ward.get(&path).expect(200).json())
        };
        assert_eq!(typed("Patient"), set(&[&one.patient, &two.patient]));
        assert_eq!(
            typed("Organization"),
            shared,
            "they are in nobody's record, and records refer to them"
        );
        let since = ward.get(&two.outside).expect(200).json()["meta"]["lastUpdated"].clone();
        let recent = format!("Patient/$everything?_since={}", since.as_str().unwrap());
        let recent = references(&ward.get(&recent).expect(200).json());
        assert_eq!(recent, set(&[&two.outside, &two.condition]));
        let shown = ward
            .get("Patient/$everything?_elements=id&end=1900")
            .expect(200)
            .json();
        assert!(references(&shown).contains(&one.patient));
        ward.get("Patient/$everything?name=x").expect(400);
        ward.get("Patient/$everything?_type=Pancake").expect(400);
        let refused = ward.get("Patient/$everything?_summary=count").expect(400);
        assert!(refused.text().contains("nothing to count"));
    });
}

#[test]
fn everything_of_all_patients_comes_in_pages() {
    on_own(&[("limits.everything_entries_max", "3")], |_, ward| {
        let stories = two_stories(ward);
        let [one, two] = &stories;
        let all = set(&[record(one), record(two)].concat());
        for (asked, page_max) in [("", 3), ("?_count=2", 2), ("?_count=500", 3)] {
            let (matches, included) = walk(ward, &format!("Patient/$everything{asked}"), page_max);
            assert_eq!(
                matches.len(),
                10,
                "no duplicate among the matches: {matches:?}"
            );
            assert_eq!(BTreeSet::from_iter(matches), all);
            assert_eq!(included, set(&[&one.organization, &two.organization]));
        }
        let first = ward.get("Patient/$everything").expect(200).json();
        let second = ward.get(&link(&first, "next").unwrap()).expect(200).json();
        let again = ward
            .get(&link(&second, "previous").unwrap())
            .expect(200)
            .json();
        assert_eq!(references(&again), references(&first));
    });
}

#[test]
fn everything_of_all_patients_is_what_the_caller_may_see() {
    on_own(&[], |server, ward| {
        let [own, other] = two_stories(ward);
        let app = launched_for(server, &own.patient);
        let (of_all, shared) = walk(&app, "Patient/$everything", 100);
        let of_own = walk(&app, &format!("{}/$everything", own.patient), 100);
        assert_eq!(
            (of_all.clone(), shared),
            of_own,
            "an app's patients are its own"
        );
        assert_eq!(BTreeSet::from_iter(of_all), set(&record(&own)));
        let (billed, _) = walk(&server.client("billing"), "Patient/$everything", 100);
        let seen = [
            &own.patient,
            &own.encounter,
            &other.patient,
            &other.encounter,
        ];
        assert_eq!(BTreeSet::from_iter(billed), set(&seen));
        server
            .client("auditor")
            .get("Patient/$everything")
            .expect(403);
        server.anonymous().get("Patient/$everything").expect(401);
        let first = ward.get("Patient/$everything?_count=1").expect(200).json();
        let next = link(&first, "next").unwrap();
        app.get(&next).expect(400);
        ward.get(&next).expect(200);
    });
}

fn launched_for(server: &Server, patient: &str) -> Client {
    server.app(patient.rsplit('/').next().unwrap())
}

#[test]
fn everything_of_all_patients_follows_what_changes() {
    on_own(&[("integrity.delete_check", "false")], |_, ward| {
        let [gone, kept] = two_stories(ward);
        // In two records: the first patient's home, and the other one's as well.
        let both = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "both" },
            "subject": { "reference": gone.patient }, "performer": [{ "reference": kept.patient }] });
        let both = format!(
            "Observation/{}",
            ward.post("Observation", &both).expect(201).id()
        );
        let first = ward.get("Patient/$everything?_count=1").expect(200).json();
        ward.delete(&gone.patient).expect(204);
        ward.get(&format!("{}/$everything", gone.patient))
            .expect(410);
        let expected = set(&[record(&kept).as_slice(), &[&both]].concat());
        let (matches, _) = walk(ward, "Patient/$everything", 100);
        assert_eq!(BTreeSet::from_iter(matches), expected);
        let (matches, _) = walk(ward, &link(&first, "next").unwrap(), 1);
        assert!(matches.iter().all(|m| expected.contains(m)), "{matches:?}");
        let (matches, _) = walk(ward, &format!("{}/$everything", kept.patient), 100);
        assert_eq!(BTreeSet::from_iter(matches), expected, "as on the instance");
    });
}
