//! Which part of the resources an answer shows, and what stands beside them.
//! <https://hl7.org/fhir/R4/search.html#summary>

use super::crud::patient;
use super::on_both;
use super::search::{link, make, observation};
use serde_json::{Value, json};
use ward_testkit::Client;

fn narrated(ward: &Client) -> String {
    let subject = make(ward, patient("Shape"));
    let mut body = observation(&subject, "shape", "2024-01-01");
    body["text"] = json!({ "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">told</div>" });
    body["note"] = json!([{ "text": "noted" }]);
    body["component"] = json!([{ "code": { "text": "c" }, "valueString": "v", "interpretation": [{ "text": "i" }] }]);
    make(ward, body)
}

fn members(resource: &Value) -> Vec<String> {
    let mut names: Vec<String> = resource.as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}

fn is_marked(resource: &Value) -> bool {
    let tags = resource["meta"]["tag"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    tags.iter().any(|t| {
        t["code"] == "SUBSETTED"
            && t["system"] == "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
    })
}

#[test]
fn summaries_of_every_kind() {
    on_both(|ward| {
        let path = narrated(ward);
        let id = path.split_once('/').unwrap().1;
        let first = |parameter: &str| {
            let page = ward
                .get(&format!("Observation?_id={id}&{parameter}"))
                .expect(200)
                .json();
            page["entry"][0]["resource"].clone()
        };
        let whole = first("_summary=false");
        assert_eq!(whole, first(""));
        assert!(!is_marked(&whole));
        let summary = first("_summary=true");
        assert_eq!(
            members(&summary),
            [
                "code",
                "component",
                "effectiveDateTime",
                "id",
                "meta",
                "resourceType",
                "status",
                "subject"
            ]
        );
        assert_eq!(members(&summary["component"][0]), ["code", "valueString"]);
        assert_eq!(
            members(&first("_summary=text")),
            ["code", "id", "meta", "resourceType", "status", "text"]
        );
        let data = first("_summary=data");
        assert!(data.get("text").is_none() && data.get("note").is_some());
        assert_eq!(
            members(&first("_elements=note,Patient.name")),
            ["code", "id", "meta", "note", "resourceType", "status"]
        );
        for parameter in [
            "_summary=true",
            "_summary=text",
            "_summary=data",
            "_elements=note",
        ] {
            assert!(is_marked(&first(parameter)), "{parameter}");
            assert!(
                is_marked(&ward.get(&format!("{path}?{parameter}")).expect(200).json()),
                "read {parameter}"
            );
            let vread = ward
                .get(&format!("{path}/_history/1?{parameter}"))
                .expect(200)
                .json();
            assert!(is_marked(&vread), "vread {parameter}");
            let history = ward
                .get(&format!("{path}/_history?{parameter}"))
                .expect(200)
                .json();
            assert!(
                is_marked(&history["entry"][0]["resource"]),
                "history {parameter}"
            );
        }
        let count = ward
            .get(&format!("Observation?_id={id}&_summary=count"))
            .expect(200)
            .json();
        assert_eq!(
            (count["total"].as_u64(), count.get("entry")),
            (Some(1), None)
        );
        // What is stored stays whole.
        assert_eq!(ward.get(&path).expect(200).json(), whole);
        ward.get(&format!("{path}?_summary=count")).expect(400);
        ward.get(&format!("{path}?_summary=some")).expect(400);
        ward.get("Observation?_summary=text&_include=Observation:subject")
            .expect(400);
        let xml = ward
            .get(&format!("{path}?_elements=note&_format=xml"))
            .expect(200)
            .text();
        assert!(xml.contains("SUBSETTED") && !xml.contains("told"), "{xml}");
    });
}

#[test]
fn contained_resources_with_or_as_their_container() {
    on_both(|ward| {
        let body = json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "contained": [{ "resourceType": "Medication", "id": "m1", "code": { "text": "containedshape" } },
                { "resourceType": "Medication", "id": "m2", "status": "inactive" }],
            "medicationReference": { "reference": "#m1" }, "supportingInformation": [{ "reference": "#m2" }], "subject": { "display": "x" } });
        let container = make(ward, body);
        let own = make(
            ward,
            json!({ "resourceType": "Medication", "status": "inactive" }),
        );
        let urls = |query: &str| -> Vec<(String, String)> {
            let page = ward.get(query).expect(200).json();
            assert!(link(&page, "self").unwrap().contains("_contained"));
            let all = page["entry"].as_array().cloned().unwrap_or_default();
            let one = |e: &Value| {
                let url = e["fullUrl"]
                    .as_str()
                    .unwrap()
                    .rsplit_once("/fhir/")
                    .unwrap()
                    .1;
                (
                    url.to_owned(),
                    e["resource"]["resourceType"].as_str().unwrap().to_owned(),
                )
            };
            let mut urls: Vec<_> = all.iter().map(one).collect();
            urls.sort();
            urls
        };
        let pair = |url: String, ty: &str| (url, ty.to_owned());
        let inside = pair(format!("{container}#m2"), "Medication");
        assert!(
            urls("Medication?status=inactive&_contained=true")
                .contains(&pair(container.clone(), "MedicationRequest"))
        );
        let found = urls("Medication?status=inactive&_contained=true&_containedType=contained");
        assert!(
            found.contains(&inside) && found.iter().all(|(url, _)| url.contains('#')),
            "{found:?}"
        );
        let both = urls("Medication?status=inactive&_contained=both&_containedType=contained");
        assert!(
            both.contains(&inside) && both.contains(&pair(own, "Medication")),
            "{both:?}"
        );
    });
}
