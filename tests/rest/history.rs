//! history on instance, type and system level. <https://hl7.org/fhir/R4/http.html#history>

use super::crud::patient;
use super::{on_both, on_own};
use serde_json::{Value, json};
use ward_testkit::Client;

/// Makes a resource with a creation, an update and a deletion, each in a millisecond of its own: an instant tells no more.
fn with_three_versions(ward: &Client) -> String {
    let apart = || std::thread::sleep(std::time::Duration::from_millis(2));
    let id = ward.post("Patient", &patient("First")).expect(201).id();
    let mut second = patient("Second");
    second["id"] = json!(id);
    apart();
    ward.put(&format!("Patient/{id}"), &second).expect(200);
    apart();
    ward.delete(&format!("Patient/{id}")).expect(204);
    id
}

fn entries(bundle: &Value) -> Vec<Value> {
    bundle["entry"].as_array().cloned().unwrap_or_default()
}

fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array()?;
    links
        .iter()
        .find(|l| l["relation"] == relation)
        .and_then(|l| l["url"].as_str())
        .map(str::to_owned)
}

/// Versions (`Patient/1 W/"2"`) of all pages.
fn walk(ward: &Client, first: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(url) = next {
        let page = ward.get(&url).expect(200).json();
        for entry in entries(&page) {
            let url = entry["fullUrl"]
                .as_str()
                .unwrap()
                .rsplit_once("/fhir/")
                .unwrap()
                .1
                .to_owned();
            seen.push(format!(
                "{url} {}",
                entry["response"]["etag"].as_str().unwrap()
            ));
        }
        next = link(&page, "next");
        assert!(seen.len() < 10_000, "the pages do not end");
    }
    seen
}

#[test]
fn an_instance_has_every_version_newest_first() {
    on_both(|ward| {
        let id = with_three_versions(ward);
        let history = ward
            .get(&format!("Patient/{id}/_history"))
            .expect(200)
            .json();
        assert_eq!(history["type"], "history");
        let entries = entries(&history);
        let methods: Vec<&str> = entries
            .iter()
            .map(|e| e["request"]["method"].as_str().unwrap())
            .collect();
        assert_eq!(methods, ["DELETE", "PUT", "POST"]);
        let etags: Vec<&str> = entries
            .iter()
            .map(|e| e["response"]["etag"].as_str().unwrap())
            .collect();
        assert_eq!(etags, ["W/\"3\"", "W/\"2\"", "W/\"1\""]);
        assert!(
            entries[0].get("resource").is_none(),
            "a deletion has no resource"
        );
        assert_eq!(entries[1]["resource"]["name"][0]["family"], "Second");
        assert_eq!(entries[2]["resource"]["name"][0]["family"], "First");
        assert_eq!(entries[2]["fullUrl"], format!("{}/Patient/{id}", ward.base));
        assert!(entries[0]["response"]["lastModified"].is_string());
        assert_eq!(entries[0]["response"]["status"], "204 No Content");
        ward.get("Patient/never-was-here/_history").expect(404);
    });
}

#[test]
fn since_and_at_choose_versions_by_time() {
    on_both(|ward| {
        let id = with_three_versions(ward);
        let path = format!("Patient/{id}/_history");
        let all = entries(&ward.get(&path).expect(200).json());
        let time = |n: usize| {
            all[n]["response"]["lastModified"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let versions = |query: &str| walk(ward, &format!("{path}?{query}"));
        assert_eq!(
            versions(&format!("_since={}", time(1))),
            [
                format!("Patient/{id} W/\"3\""),
                format!("Patient/{id} W/\"2\"")
            ]
        );
        assert_eq!(versions("_since=2001-01-01").len(), 3);
        assert_eq!(versions("_since=2100-01-01").len(), 0);
        assert_eq!(
            versions(&format!("_at={}", time(2))),
            [format!("Patient/{id} W/\"1\"")],
            "what was current then"
        );
        assert_eq!(versions("_at=2001").len(), 0);
        ward.get(&format!("{path}?_since=yesterday")).expect(400);
        ward.get(&format!("{path}?_sort=x")).expect(400);
        ward.get(&format!("{path}?_count=-1")).expect(400);
    });
}

#[test]
fn since_and_at_hold_on_type_and_system_level() {
    on_own(&[], |_, ward| {
        let apart = || std::thread::sleep(std::time::Duration::from_millis(5));
        let patient = with_three_versions(ward);
        apart();
        let organization = json!({ "resourceType": "Organization", "name": "Ward" });
        let organization = ward.post("Organization", &organization).expect(201).id();
        apart();
        let later = with_three_versions(ward);
        let version = |path: &str, n: u32| format!("{path} W/\"{n}\"");
        let of = |id: &str, n: u32| version(&format!("Patient/{id}"), n);
        let organized = version(&format!("Organization/{organization}"), 1);
        let all = entries(&ward.get("_history").expect(200).json());
        let times = all
            .iter()
            .map(|e| e["response"]["lastModified"].as_str().unwrap());
        // Newest first: three of the later patient, the organization, three of the first patient.
        let times: Vec<&str> = times.collect();
        assert_eq!(times.len(), 7);
        let newest: Vec<String> = (1..=3).rev().map(|n| of(&later, n)).collect();
        let with_organization = [newest.as_slice(), std::slice::from_ref(&organized)].concat();
        for count in [1, 50] {
            let walked =
                |path: &str, time: &str| walk(ward, &format!("{path}={time}&_count={count}"));
            assert_eq!(walked("_history?_since", times[3]), with_organization);
            assert_eq!(walked("Patient/_history?_since", times[3]), newest);
            // What was current then: nothing of a patient who is deleted but the deletion.
            let then = [organized.clone(), of(&patient, 3)];
            assert_eq!(walked("_history?_at", times[3]), then);
            assert_eq!(walked("Patient/_history?_at", times[3]), then[1..]);
            assert_eq!(walked("Patient/_history?_at", times[6]), [of(&patient, 1)]);
            assert_eq!(walked("_history?_at", "2001"), [""; 0]);
            assert_eq!(walked("_history?_since", "2100-01-01"), [""; 0]);
        }
        for path in ["_history", "Patient/_history"] {
            ward.get(&format!("{path}?_since=yesterday")).expect(400);
            ward.get(&format!("{path}?_at=soon")).expect(400);
        }
    });
}

#[test]
fn pages_end_without_gap_or_duplicate() {
    on_own(&[], |_, ward| {
        let mut written = Vec::new();
        for n in 0..7 {
            let id = with_three_versions(ward);
            written.extend((1..=3).map(|v| format!("Patient/{id} W/\"{v}\"")));
            let organization =
                json!({ "resourceType": "Organization", "name": format!("Ward {n}") });
            let id = ward.post("Organization", &organization).expect(201).id();
            written.push(format!("Organization/{id} W/\"1\""));
        }
        written.reverse();
        let of_patients: Vec<String> = written
            .iter()
            .filter(|v| v.starts_with("Patient"))
            .cloned()
            .collect();
        for count in [1, 2, 5, 28, 100] {
            assert_eq!(
                walk(ward, &format!("_history?_count={count}")),
                written,
                "system, {count} a page"
            );
            assert_eq!(
                walk(ward, &format!("Patient/_history?_count={count}")),
                of_patients,
                "type, {count} a page"
            );
        }
        let id = with_three_versions(ward);
        let expected: Vec<String> = (1..=3)
            .rev()
            .map(|v| format!("Patient/{id} W/\"{v}\""))
            .collect();
        assert_eq!(
            walk(ward, &format!("Patient/{id}/_history?_count=1")),
            expected
        );
        let nothing = ward.get("_history?_count=0").expect(200).json();
        assert!(entries(&nothing).is_empty());
    });
}

#[test]
fn a_page_stays_where_it_was_while_versions_arrive() {
    on_own(&[], |_, ward| {
        for _ in 0..4 {
            with_three_versions(ward);
        }
        let expected = walk(ward, "Patient/_history?_count=100");
        let first = ward.get("Patient/_history?_count=5").expect(200).json();
        with_three_versions(ward);
        let rest = walk(ward, &link(&first, "next").unwrap());
        assert_eq!(rest, expected[5..]);
    });
}

#[test]
fn a_cursor_is_bound_to_its_caller_and_question() {
    on_own(&[], |server, ward| {
        with_three_versions(ward);
        let page = ward.get("Patient/_history?_count=1").expect(200).json();
        let next = link(&page, "next").unwrap();
        ward.get(&next).expect(200);
        assert_eq!(
            server.client("lab").get(&next).expect(400).issue().0,
            "invalid"
        );
        ward.get(&next.replace("Patient/_history", "_history"))
            .expect(400);
        ward.get(&next.replace("_count=1", "_count=2")).expect(400);
        ward.get(&format!("{next}x")).expect(400);
        ward.get("Patient/_history?_cursor=AAAA").expect(400);
    });
}

#[test]
fn a_count_of_zero_shows_no_version() {
    on_both(|ward| {
        let id = with_three_versions(ward);
        for url in [
            format!("Patient/{id}/_history?_count=0"),
            "Patient/_history?_count=0".into(),
            "_history?_count=0".into(),
        ] {
            let bundle = ward.get(&url).expect(200).json();
            assert_eq!(bundle["type"], "history", "{url}");
            assert!(
                entries(&bundle).is_empty() && link(&bundle, "next").is_none(),
                "{url}"
            );
        }
        ward.get("Patient/never-was-here/_history?_count=0")
            .expect(404);
    });
}
