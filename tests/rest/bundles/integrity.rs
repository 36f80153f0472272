//! All or nothing, and no reference that leads nowhere. <https://hl7.org/fhir/R4/http.html#trules>

use super::{
    about, bundle, criteria, entry, identified, named, refused, statuses, transact, with_condition,
};
use crate::rest::crud::patient;
use crate::rest::{on_both, unique};
use serde_json::{Value, json};

#[test]
fn the_same_resource_is_written_once() {
    on_both(|ward| {
        let value = unique("twice");
        let path = format!(
            "Patient/{}",
            ward.post("Patient", &identified(&value)).expect(201).id()
        );
        let mut body = identified(&value);
        body["id"] = json!(path.trim_start_matches("Patient/"));
        let put = || entry("PUT", &path, Some(body.clone()));
        refused(ward, &value, vec![put(), put()], 400, Some(1));
        refused(
            ward,
            &value,
            vec![put(), entry("DELETE", &path, None)],
            400,
            Some(1),
        );
        refused(
            ward,
            &value,
            vec![
                put(),
                entry(
                    "PUT",
                    &format!("Patient?{}", criteria(&value)),
                    Some(identified(&value)),
                ),
            ],
            400,
            Some(1),
        );
        let same = "urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-0000000000aa";
        let create = || named(same, entry("POST", "Patient", Some(identified(&value))));
        refused(ward, &value, vec![create(), create()], 422, None);
        assert_eq!(ward.get(&path).expect(200).header("etag"), Some("W/\"1\""));
    });
}

#[test]
fn all_or_nothing_and_the_failing_entry_is_named() {
    on_both(|ward| {
        let value = unique("all-or-nothing");
        let path = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Untouched")).expect(201).id()
        );
        let deleted = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Still here"))
                .expect(201)
                .id()
        );
        let good = || entry("POST", "Patient", Some(identified(&value)));
        let mut wrong = patient("Wrong");
        wrong["gender"] = json!("purple");
        let mut changed = patient("Changed");
        changed["id"] = json!(path.trim_start_matches("Patient/"));
        let bad: Vec<(&str, Value, u16)> = vec![
            ("binding", entry("POST", "Patient", Some(wrong)), 422),
            (
                "type",
                entry("POST", "Patient", Some(about("Patient/1"))),
                400,
            ),
            ("no resource", entry("POST", "Patient", None), 400),
            ("url", entry("POST", "Pancake", Some(patient("x"))), 404),
            (
                "id",
                entry("PUT", "Patient/other", Some(changed.clone())),
                400,
            ),
            (
                "If-Match",
                with_condition(
                    entry("PUT", &path, Some(changed.clone())),
                    "ifMatch",
                    "W/\"9\"",
                ),
                412,
            ),
            (
                "If-None-Match",
                with_condition(entry("PUT", &path, Some(changed)), "ifNoneMatch", "*"),
                412,
            ),
            (
                "reference",
                entry("POST", "Observation", Some(about("Patient/never-was-here"))),
                422,
            ),
            (
                "urn",
                entry(
                    "POST",
                    "Observation",
                    Some(about("urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-0000000000ff")),
                ),
                422,
            ),
            (
                "criteria",
                entry("PUT", "Patient?frobnicate=1", Some(patient("x"))),
                400,
            ),
            (
                "patch of nothing",
                entry(
                    "PATCH",
                    "Patient/never-was-here",
                    Some(json!({ "resourceType": "Parameters" })),
                ),
                404,
            ),
            (
                "bundle",
                entry("POST", "/", Some(bundle("batch", vec![]))),
                400,
            ),
            (
                "operation",
                entry(
                    "POST",
                    &format!("{path}/$meta-add"),
                    Some(json!({ "resourceType": "Parameters" })),
                ),
                400,
            ),
        ];
        for (name, bad, status) in bad {
            println!("{name}");
            refused(
                ward,
                &value,
                vec![good(), entry("DELETE", &deleted, None), good(), bad],
                status,
                Some(3),
            );
            for path in [&path, &deleted] {
                assert_eq!(
                    ward.get(path).expect(200).header("etag"),
                    Some("W/\"1\""),
                    "{name}"
                );
            }
        }
    });
}

#[test]
fn deletions_inside_look_at_the_whole() {
    on_both(|ward| {
        let patient = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Deleted")).expect(201).id()
        );
        let observation = format!(
            "Observation/{}",
            ward.post("Observation", &about(&patient)).expect(201).id()
        );
        transact(ward, vec![entry("DELETE", &patient, None)]).expect(409);
        let both = vec![
            entry("DELETE", &patient, None),
            entry("DELETE", &observation, None),
            entry("DELETE", "Patient/never-was-here", None),
        ];
        assert_eq!(
            statuses(&transact(ward, both).expect(200).json()),
            ["204", "204", "204"]
        );
        ward.get(&patient).expect(410);
        ward.get(&observation).expect(410);
    });
}

#[test]
fn what_is_deleted_inside_is_not_referred_to() {
    on_both(|ward| {
        let path = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Doomed")).expect(201).id()
        );
        let pulse = entry("POST", "Observation", Some(about(&path)));
        let delete = entry("DELETE", &path, None);
        for entries in [vec![delete.clone(), pulse.clone()], vec![pulse, delete]] {
            transact(ward, entries).expect(422);
            ward.get(&path).expect(200);
        }
        let found = ward.get(&format!("Observation?subject={path}")).expect(200);
        assert!(found.json().get("entry").is_none());
    });
}

#[test]
fn of_several_references_that_lead_nowhere_the_first_is_named() {
    on_both(|ward| {
        let stored = ward.post("Observation", &about("Patient/x")).expect(201);
        let pulse = format!("Observation/{}", stored.id());
        let mut entries: Vec<Value> = (0..12)
            .map(|n| {
                let absent = about(&format!("Patient/absent-{}", 11 - n));
                entry("POST", "Observation", Some(absent))
            })
            .collect();
        // What a patch makes is judged in its place.
        let patch = json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
            { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": "Observation.subject.reference" },
            { "name": "value", "valueString": "Patient/absent" }] }] });
        entries.insert(3, entry("PATCH", &pulse, Some(patch)));
        for skipped in 0..5 {
            let refused = transact(ward, entries[skipped..].to_vec()).expect(422);
            let place = "Bundle.entry[0].resource.subject.reference";
            assert_eq!(refused.issue().1, place, "{skipped}: {}", refused.text());
        }
        let read = ward.get(&pulse).expect(200).json();
        assert_eq!(read["subject"]["reference"], "Patient/x");
    });
}
