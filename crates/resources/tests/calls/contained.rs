//! Chains into contained resources: what a resource brings with it is asked as what it refers to elsewhere.
//! <https://hl7.org/fhir/R4/search.html#contained>

use crate::house::{House, app, call, json, loader, text};
use serde_json::{Value, json as value};
use std::collections::BTreeMap;
use ward_resources::route::Method::{Get, Post, Put};

fn patient(id: &str, family: &str) -> Value {
    value!({ "resourceType": "Patient", "id": id, "name": [{ "family": family }] })
}

fn observation(id: &str, subject: &str) -> Value {
    value!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "x" },
        "subject": { "reference": subject } })
}

fn prescription(id: &str, subject: &str, code: &str) -> Value {
    value!({ "resourceType": "MedicationRequest", "id": id, "status": "active", "intent": "order",
        "subject": { "reference": subject }, "medicationReference": { "reference": "#m" },
        "contained": [{ "resourceType": "Medication", "id": "m", "code": { "coding": [{ "code": code }] } }] })
}

/// `inner` contains its patient, who belongs to a stored organization and has a practitioner beside them in the container.
async fn ward(house: &House) {
    house
        .put(&value!({ "resourceType": "Organization", "id": "acme", "name": "Acme" }))
        .await;
    house.put(&patient("a", "outer")).await;
    house.put(&prescription("r1", "Patient/a", "R1")).await;
    house.put(&prescription("r2", "Patient/a", "R2")).await;
    house.put(&observation("outer", "Patient/a")).await;
    house
        .put(&value!({ "resourceType": "Encounter", "id": "e", "status": "finished", "class": { "code": "AMB" } }))
        .await;
    let mut inner = observation("inner", "#p");
    inner["encounter"] = value!({ "reference": "Encounter/e" });
    inner["contained"] = value!([
        { "resourceType": "Patient", "id": "p", "gender": "male", "name": [{ "family": "Inner" }],
          "managingOrganization": { "reference": "Organization/acme" },
          "generalPractitioner": [{ "reference": "#d" }] },
        { "resourceType": "Practitioner", "id": "d", "name": [{ "family": "Beside" }] }
    ]);
    house.put(&inner).await;
    house
        .put(&value!({ "resourceType": "DiagnosticReport", "id": "report", "status": "final", "code": { "text": "x" },
            "result": [{ "reference": "Observation/inner" }] }))
        .await;
}

pub async fn chains_lead_into_contained_resources(house: House) {
    ward(&house).await;
    let all = loader();
    for (query, expected) in [
        ("MedicationRequest?medication.code=R1", vec!["r1"]),
        ("MedicationRequest?medication.code=R1,R2", vec!["r1", "r2"]),
        ("MedicationRequest?medication.code=R3", vec![]),
        (
            "MedicationRequest?medication.code:not=R1&patient=a",
            vec!["r2"],
        ),
        ("Observation?subject.family=inner", vec!["inner"]),
        (
            "Observation?subject.family=inner,outer",
            vec!["inner", "outer"],
        ),
        ("Observation?patient.family=inner", vec!["inner"]),
        (
            "Observation?subject:Patient.family:contains=nne",
            vec!["inner"],
        ),
        (
            "Observation?subject:Patient.gender:missing=true",
            vec!["outer"],
        ),
        (
            "Observation?subject.family=inner&status=final",
            vec!["inner"],
        ),
        ("Observation?subject.family=inner&status=amended", vec![]),
        (
            "Observation?subject.family=inner&subject.gender=male",
            vec!["inner"],
        ),
        (
            "Observation?subject.family=inner&subject.gender=female",
            vec![],
        ),
        // An id within a container is no logical id, and nothing in it has a time of its own.
        ("Observation?subject:Patient._id=p", vec![]),
        (
            "Observation?subject:Patient._lastUpdated=gt2000",
            vec!["outer"],
        ),
        ("Observation?subject:Patient._lastUpdated=lt2000", vec![]),
        // On to the store, to what stands beside it, and from further away.
        ("Observation?subject.organization.name=acme", vec!["inner"]),
        (
            "Observation?subject.organization.name:contains=cm",
            vec!["inner"],
        ),
        ("Observation?subject.organization.name=other", vec![]),
        (
            "Observation?subject:Patient.general-practitioner:Practitioner.family=beside",
            vec!["inner"],
        ),
        (
            "DiagnosticReport?result.subject.family=inner",
            vec!["report"],
        ),
        (
            "DiagnosticReport?result.subject.organization.name=acme",
            vec!["report"],
        ),
        ("DiagnosticReport?result.subject.family=outer", vec![]),
        (
            "Encounter?_has:Observation:encounter:subject.family=inner",
            vec!["e"],
        ),
        // What refers to it stands in the container, too.
        (
            "Observation?subject:Patient._has:Observation:subject:status=final",
            vec!["inner", "outer"],
        ),
        (
            "Observation?_filter=subject.family%20eq%20inner",
            vec!["inner"],
        ),
        (
            "Observation?_filter=not%20(subject.family%20eq%20inner)",
            vec!["outer"],
        ),
        (
            "Observation?_filter=subject[family%20eq%20inner].gender%20eq%20male",
            vec!["inner"],
        ),
    ] {
        assert_eq!(house.found(&all, query).await, expected, "{query}");
    }
    let reply = house
        .ask(
            &all,
            Get,
            "Observation?subject.family=inner&_summary=count",
            None,
        )
        .await;
    assert_eq!(json(&reply)["total"], 1);
}

pub async fn contained_resources_are_as_open_as_their_container(house: House) {
    house.put(&patient("a", "A")).await;
    house.put(&patient("b", "B")).await;
    house.put(&prescription("of-a", "Patient/a", "R1")).await;
    let mut observed = observation("of-a", "Patient/a");
    observed["performer"] = value!([{ "reference": "#d" }]);
    observed["contained"] =
        value!([{ "resourceType": "Practitioner", "id": "d", "name": [{ "family": "Inner" }] }]);
    house.put(&observed).await;
    house
        .put(&value!({ "resourceType": "DiagnosticReport", "id": "of-b", "status": "final", "code": { "text": "x" },
            "subject": { "reference": "Patient/b" }, "result": [{ "reference": "Observation/of-a" }] }))
        .await;
    let (a, b) = (
        app("patient/*.rs", "Patient/a"),
        app("patient/*.rs", "Patient/b"),
    );
    let report = "DiagnosticReport?result.performer:Practitioner.family=inner";
    for (caller, query, expected) in [
        (&a, "MedicationRequest?medication.code=R1", vec!["of-a"]),
        (&b, "MedicationRequest?medication.code=R1", vec![]),
        (&b, "MedicationRequest?medication.code:not=R2", vec![]),
        (&b, report, vec![]),
        (&loader(), report, vec!["of-b"]),
    ] {
        assert_eq!(house.found(caller, query).await, expected, "{query}");
    }
    // Who may not see the Observations at all gets nothing through them.
    let some = app(
        "patient/DiagnosticReport.rs patient/Practitioner.rs",
        "Patient/b",
    );
    assert_eq!(house.found(&some, report).await, Vec::<String>::new());
}

pub async fn a_condition_of_a_write_looks_into_no_container(house: House) {
    ward(&house).await;
    let body = observation("inner", "Patient/a");
    let url = "Observation?subject.family=inner";
    let reply = house.ask(&loader(), Put, url, Some(&body)).await;
    assert_eq!(reply.status, 400, "{}", text(&reply));
    assert!(
        text(&reply).contains("contained resources"),
        "{}",
        text(&reply)
    );
}

/// Each of them finds no container to look into, until the first has stored one.
pub async fn a_container_that_comes_meanwhile_ends_a_condition(house: House) {
    house.put(&patient("a", "outer")).await;
    let mut body = prescription("x", "Patient/a", "R1");
    body.as_object_mut().unwrap().remove("id");
    let mut create = call(Post, "MedicationRequest", Some(&body));
    create.conditions.if_none_exist = Some("medication.code=R1".to_owned());
    assert_eq!(
        house.at_once(&create, 8).await,
        BTreeMap::from([(201, 1), (400, 7)])
    );
    let stored = house.found(&loader(), "MedicationRequest?_count=100").await;
    assert_eq!(stored.len(), 1);
    // The same by an update, where what matches is none of what is contained.
    let mut inside = observation("inside", "#p");
    inside["contained"] =
        value!([{ "resourceType": "Patient", "id": "p", "name": [{ "family": "outer" }] }]);
    inside.as_object_mut().unwrap().remove("id");
    let update = call(Put, "Observation?subject.family=outer", Some(&inside));
    let said = house.at_once(&update, 8).await;
    assert_eq!(said, BTreeMap::from([(201, 1), (400, 7)]));
    let stored = house.found(&loader(), "Observation?_count=100").await;
    assert_eq!(stored.len(), 1);
}

/// Totals of the pages, and the entries of all of them.
async fn counted(house: &House, query: &str) -> (Value, Vec<String>) {
    let reply = house.ask(&loader(), Get, query, None).await;
    assert_eq!(reply.status, 200, "{query}: {}", text(&reply));
    let bundle = json(&reply);
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let urls = entries.iter().map(|e| {
        let url = e["fullUrl"].as_str().unwrap();
        url.rsplit_once("/fhir/").unwrap().1.to_owned()
    });
    (bundle["total"].clone(), urls.collect())
}

pub async fn totals_count_the_contained_resources_that_are_shown(house: House) {
    let medication = |id: &str| value!({ "resourceType": "Medication", "id": id, "code": { "coding": [{ "code": "RR" }] } });
    let mut body = prescription("two", "Patient/a", "R1");
    body["contained"] =
        value!([medication("m"), medication("n"), { "resourceType": "Medication", "id": "o" }]);
    body["supportingInformation"] = value!([{ "reference": "#n" }, { "reference": "#o" }]);
    house.put(&body).await;
    house.put(&medication("own")).await;
    // A container that is no match itself, of the type that is asked for.
    let mut kit = value!({ "resourceType": "Medication", "id": "kit", "contained": [medication("part")],
        "ingredient": [{ "itemReference": { "reference": "#part" } }] });
    house.put(&kit).await;
    let rendered = "&_containedType=contained&_total=accurate&_sort=_id";
    let inside = [
        "MedicationRequest/two#m",
        "MedicationRequest/two#n",
        "Medication/kit#part",
    ];
    let (total, urls) = counted(
        &house,
        &format!("Medication?code=RR&_contained=true{rendered}"),
    )
    .await;
    assert_eq!(
        (total, urls.as_slice()),
        (3.into(), inside.map(String::from).as_slice())
    );
    let both = format!("Medication?code=RR&_contained=both{rendered}");
    let (total, urls) = counted(&house, &both).await;
    let all = [inside[0], inside[1], "Medication/own", inside[2]].map(String::from);
    assert_eq!((total, urls.as_slice()), (4.into(), all.as_slice()));
    // On each page the same, and of what is only counted.
    for shape in ["&_count=1", "&_count=0", "&_summary=count"] {
        let (total, _) = counted(&house, &format!("{both}{shape}")).await;
        assert_eq!(total, 4, "{shape}");
    }
    let containers = "Medication?code=RR&_contained=true&_total=accurate";
    assert_eq!(counted(&house, containers).await.0, 2);
    kit["code"] = value!({ "coding": [{ "code": "RR" }] });
    house.put(&kit).await;
    assert_eq!(counted(&house, &both).await.0, 5);
}
