//! The order of the specification, and the conditions that are met on the way. <https://hl7.org/fhir/R4/http.html#trules>

use super::{
    about, batch, criteria, entry, found, identified, located, named, statuses, transact,
    with_condition,
};
use crate::rest::crud::patient;
use crate::rest::{on_both, unique};
use serde_json::json;

#[test]
fn entries_are_processed_in_the_order_of_the_specification() {
    on_both(|ward| {
        let value = unique("order");
        let old = format!(
            "Patient/{}",
            ward.post("Patient", &identified(&value)).expect(201).id()
        );
        let kept = unique("order-kept");
        let path = format!(
            "Patient/{}",
            ward.post("Patient", &identified(&kept)).expect(201).id()
        );
        let mut changed = identified(&kept);
        changed["id"] = json!(path.trim_start_matches("Patient/"));
        changed["gender"] = json!("male");
        // Written backwards: reads see what the writes made, and the creation what the deletion left.
        let response = transact(
            ward,
            vec![
                entry("GET", &path, None),
                entry("GET", &format!("Patient?{}", criteria(&value)), None),
                entry("PUT", &path, Some(changed)),
                with_condition(
                    entry("POST", "Patient", Some(identified(&value))),
                    "ifNoneExist",
                    &criteria(&value),
                ),
                entry("DELETE", &old, None),
            ],
        )
        .expect(200)
        .json();
        assert_eq!(statuses(&response), ["200", "200", "200", "201", "204"]);
        assert_eq!(response["entry"][0]["resource"]["gender"], "male");
        assert_ne!(located(&response, 3), old);
        assert_eq!(
            response["entry"][1]["resource"]["entry"]
                .as_array()
                .map(Vec::len),
            Some(1)
        );
        ward.get(&old).expect(410);
    });
}

#[test]
fn a_conditional_create_inside_finds_or_makes() {
    on_both(|ward| {
        let value = unique("inside");
        let urn = "urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-0000000000bb";
        let send = || {
            let create = with_condition(
                named(urn, entry("POST", "Patient", Some(identified(&value)))),
                "ifNoneExist",
                &criteria(&value),
            );
            transact(
                ward,
                vec![create, entry("POST", "Observation", Some(about(urn)))],
            )
            .expect(200)
            .json()
        };
        let (first, second) = (send(), send());
        assert_eq!(
            (statuses(&first), statuses(&second)),
            (
                vec!["201".into(), "201".into()],
                vec!["200".into(), "201".into()]
            )
        );
        assert_eq!(located(&first, 0), located(&second, 0));
        assert_eq!(
            ward.get(&located(&second, 1)).expect(200).json()["subject"]["reference"],
            located(&first, 0)
        );
        assert_eq!(found(ward, &value), 1);
        // The resource under the identity decides, not the entry's order.
        let update = entry(
            "PUT",
            &format!("Patient?{}", criteria(&value)),
            Some(identified(&value)),
        );
        assert_eq!(
            statuses(&transact(ward, vec![update]).expect(200).json()),
            ["200"]
        );
    });
}

#[test]
fn clients_choose_ids_within_a_transaction() {
    on_both(|ward| {
        let (patient_id, observation_id) = (unique("chosen-patient"), unique("chosen-observation"));
        let mut person = patient("Chosen");
        person["id"] = json!(patient_id);
        let mut observation = about(&format!("Patient/{patient_id}"));
        observation["id"] = json!(observation_id);
        let entries = || {
            vec![
                entry(
                    "PUT",
                    &format!("Observation/{observation_id}"),
                    Some(observation.clone()),
                ),
                entry(
                    "PUT",
                    &format!("Patient/{patient_id}"),
                    Some(person.clone()),
                ),
            ]
        };
        assert_eq!(
            statuses(&transact(ward, entries()).expect(200).json()),
            ["201", "201"]
        );
        assert_eq!(
            statuses(&transact(ward, entries()).expect(200).json()),
            ["200", "200"]
        );
        assert_eq!(
            ward.get(&format!("Observation/{observation_id}"))
                .expect(200)
                .header("etag"),
            Some("W/\"2\"")
        );
        let compartment = ward
            .get(&format!("Patient/{patient_id}/Observation"))
            .expect(200)
            .json();
        assert_eq!(compartment["entry"][0]["resource"]["id"], observation_id);
    });
}

#[test]
fn conditions_hold_inside() {
    on_both(|ward| {
        let id = ward.post("Patient", &patient("Guarded")).expect(201).id();
        let path = format!("Patient/{id}");
        let mut body = patient("Changed");
        body["id"] = json!(id);
        let put =
            |etag: &str| with_condition(entry("PUT", &path, Some(body.clone())), "ifMatch", etag);
        assert_eq!(
            statuses(&batch(ward, vec![put("W/\"2\""), put("W/\"1\"")])),
            ["412", "200"]
        );
        assert_eq!(
            statuses(&transact(ward, vec![put("W/\"2\"")]).expect(200).json()),
            ["200"]
        );
        transact(
            ward,
            vec![with_condition(
                entry("DELETE", &path, None),
                "ifMatch",
                "W/\"1\"",
            )],
        )
        .expect(412);
        let unchanged = with_condition(entry("GET", &path, None), "ifNoneMatch", "W/\"3\"");
        assert_eq!(statuses(&batch(ward, vec![unchanged])), ["304"]);
    });
}
