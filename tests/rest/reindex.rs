//! `$reindex`: progress of the index of what clients define, and what is answered by it once it is there.

use super::on_own;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use ward_testkit::{Answer, Client};

const PATIENTS: usize = 240;
/// Far more than it takes.
const BUILT_WITHIN: Duration = Duration::from_secs(60);

/// SearchParameter of a Patient's extension of that name.
pub fn definition(code: &str, ty: &str) -> Value {
    json!({ "resourceType": "SearchParameter", "id": code, "url": format!("http://example.org/{code}"), "name": "Test",
        "status": "active", "description": "test", "code": code, "base": ["Patient"], "type": ty, "target": ["Patient"],
        "expression": format!("Patient.extension('http://example.org/{code}').value") })
}

/// Patients `p0` and on; every third is red, and each has the one of half its number as a friend.
pub fn people(range: std::ops::Range<usize>) -> Value {
    let entry = range.map(|at| {
        json!({ "resource": person(at, ["red", "green", "blue"][at % 3]),
            "request": { "method": "PUT", "url": format!("Patient/p{at}") } })
    });
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry.collect::<Vec<_>>() })
}

pub fn person(at: usize, colour: &str) -> Value {
    json!({ "resourceType": "Patient", "id": format!("p{at}"), "extension": [
        { "url": "http://example.org/colour", "valueCode": colour },
        { "url": "http://example.org/friend", "valueReference": { "reference": format!("Patient/p{}", at / 2) } } ] })
}

/// Until the index is whole; each answer on the way.
pub fn wait_until_built(ward: &Client, path: &str) -> Vec<Answer> {
    let begun = Instant::now();
    let mut answers = Vec::new();
    loop {
        let answer = ward.get(path);
        let status = answer.status;
        answers.push(answer);
        match status {
            200 => return answers,
            202 => assert!(begun.elapsed() < BUILT_WITHIN, "it is not built"),
            other => panic!("{other}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn value(parameters: &Value, name: &str) -> Value {
    let list = parameters["parameter"].as_array().unwrap();
    let found = list.iter().find(|p| p["name"] == name).unwrap();
    let members = found.as_object().unwrap().iter();
    let mut values = members.filter(|(key, _)| key.starts_with("value"));
    values.next().unwrap().1.clone()
}

fn ids(ward: &Client, query: &str) -> Vec<String> {
    let page = ward.get(query).expect(200).json();
    let entries = page["entry"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> = entries
        .iter()
        .map(|e| e["resource"]["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[test]
fn the_index_is_built_and_tells_how_far_it_is() {
    on_own(&[], |server, ward| {
        ward.post("", &people(0..PATIENTS)).expect(200);
        let idle = ward.get("$reindex").expect(200).json();
        assert_eq!(value(&idle, "state"), "completed");
        assert_eq!(value(&idle, "rowsAll"), 0, "nothing is defined: {idle}");
        for (code, ty) in [("colour", "token"), ("friend", "reference")] {
            ward.put(&format!("SearchParameter/{code}"), &definition(code, ty))
                .expect(201);
            // At once, whether or not it is in the index.
            let red = ids(ward, "Patient?colour=red&_count=200");
            assert_eq!(red.len(), PATIENTS / 3, "{code}");
        }
        let asked = ward.post("$reindex", &Value::Null).expect(202);
        let place = asked.header("content-location").unwrap().to_owned();
        assert!(place.ends_with("/fhir/$reindex"), "{place}");
        let answers = wait_until_built(ward, "Patient/$reindex");
        for answer in &answers {
            let told = answer.json();
            let (done, all) = (value(&told, "rowsDone"), value(&told, "rowsAll"));
            assert!(done.as_u64() <= all.as_u64(), "{told}");
            let state = if answer.status == 200 {
                "completed"
            } else {
                "in-progress"
            };
            assert_eq!(value(&told, "state"), state);
        }
        let told = answers.last().unwrap().json();
        assert_eq!(value(&told, "rowsDone"), PATIENTS);
        assert_eq!(value(&told, "rowsAll"), PATIENTS);
        let text = told.to_string();
        assert!(
            text.contains("http://example.org/friend") && !text.contains("\"resources\""),
            "both are answered by the index: {text}"
        );
        let other = ward.get("Observation/$reindex").expect(200).json();
        assert_eq!(value(&other, "rowsAll"), 0);
        // What only an index answers.
        assert_eq!(ids(ward, "Patient?_has:Patient:friend:_id=p7"), ["p3"]);
        assert_eq!(
            ids(ward, "Patient?_id=p3&_revinclude=Patient:friend"),
            ["p3", "p6", "p7"]
        );
        assert_eq!(
            ids(ward, "Patient?friend:Patient.colour=green&_id=p2,p3,p4,p5"),
            ["p2", "p3"]
        );
        let lines = ward
            .get("Patient?colour=red&explain=true")
            .expect(200)
            .text();
        assert!(
            lines.contains("looking at each resource: nothing"),
            "{lines}"
        );
        // Whoever may not see everything is told nothing of it.
        for caller in ["lab", "auditor"] {
            let refused = server.client(caller).get("$reindex");
            assert!(
                matches!(refused.status, 401 | 403),
                "{caller}: {}",
                refused.status
            );
        }
        assert_eq!(server.anonymous().get("$reindex").status, 401);
        // It ends as it came.
        ward.delete("SearchParameter/colour").expect(204);
        wait_until_built(ward, "$reindex");
        let unknown = ward
            .request("GET", "Patient?colour=red")
            .header("Prefer", "handling=strict")
            .send();
        assert_eq!(unknown.status, 400);
        assert_eq!(ids(ward, "Patient?friend=Patient/p9"), ["p18", "p19"]);
    });
}
