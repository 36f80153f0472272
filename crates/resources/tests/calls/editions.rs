//! Rows that an earlier edition of extraction wrote are found as before until they are indexed anew, and then by what is new.

use crate::house::{House, call, loader};
use crate::indexing::build;
use bytes::Bytes;
use serde_json::{Value, json as value};
use ward_resources::reindex::Indexer;
use ward_resources::route::Method::{Delete, Post, Put};

fn patient(id: &str, family: &str, email: &str) -> Value {
    value!({ "resourceType": "Patient", "id": id, "name": [{ "family": family }], "_gender": { "extension": [
            { "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown" }] },
        "telecom": [{ "system": "email", "value": email }],
        "identifier": [{ "system": "urn:s", "value": format!("{id}-X"), "type": { "coding": [{ "system": "urn:t", "code": "MR" }] } }] })
}

fn document(id: &str, media: &str) -> Value {
    value!({ "resourceType": "DocumentReference", "id": id, "status": "current",
        "content": [{ "attachment": { "contentType": media } }] })
}

/// As the index of a store without rows is told from that of an older one: by its state.
async fn older(house: &House) {
    let store = house.engine.store();
    let now = store.load_indexing().await.unwrap();
    assert_eq!(&now.state[..], b"edition 3", "a new store");
    let changed = store.change_indexing(now.revision, now.generation, Bytes::new());
    assert!(changed.await.unwrap());
}

/// The same whatever wrote the rows.
const ALWAYS: &[(&str, &[&str])] = &[
    ("Patient?email=John.Doe@Example.org", &["a"]),
    ("Patient?identifier=urn:s|a-X", &["a"]),
    ("Patient?identifier:of-type=urn:t|MR|a-X", &["a"]),
    ("Patient?telecom=email|John.Doe@Example.org", &["a"]),
    ("Patient?family=carreno", &["a"]),
    ("Patient?family=carreno q", &["a"]),
    ("Patient?family=uinones", &[]),
    ("Patient?family:exact=Quinones", &[]),
    ("Patient?family=김", &["c"]),
    ("Patient?_filter=family sw quinones", &[]),
    ("Patient?_sort=family&family=carreno,müller", &["a", "b"]),
    ("Observation?subject:Patient.family=carreno", &["o"]),
    ("Observation?subject:Patient.family=김", &["o3"]),
    (
        "Observation?subject:Patient.email=John.Doe@Example.org",
        &["o"],
    ),
    (
        "Patient?_has:Observation:subject:status=final&family=carreno",
        &["a"],
    ),
    ("Patient?_filter=identifier eq a-X", &["a"]),
    (
        "DocumentReference?contenttype:below=text/xml",
        &["x1", "x2"],
    ),
    (
        "DocumentReference?contenttype:below=text",
        &["x1", "x2", "x3"],
    ),
    (
        "DocumentReference?contenttype:below=Text/",
        &["x1", "x2", "x3"],
    ),
    ("DocumentReference?contenttype:below=te", &[]),
    ("DocumentReference?contenttype=text/xml", &["x1"]),
];

/// Once the rows are of this edition.
const THEN: &[(&str, &[&str])] = &[
    ("Patient?email=john.doe@example.ORG", &["a"]),
    ("Patient?telecom=email|john.doe@example.ORG", &["a"]),
    ("Patient?identifier=A-x", &["a"]),
    ("Patient?identifier=urn:s|a-x", &["a"]),
    ("Patient?identifier:of-type=urn:t|MR|A-x", &["a"]),
    ("Patient?identifier:not=A-x", &["b", "c"]),
    ("Patient?_filter=identifier eq A-x", &["a"]),
    (
        "Observation?subject:Patient.email=john.doe@example.ORG",
        &["o"],
    ),
    ("Observation?subject:Patient.family=quinones", &["o"]),
    ("Patient?family=quinones", &["a"]),
    ("Patient?family=lüden", &["b"]),
    ("Patient?_sort=family&family=quinones,müller", &["a", "b"]),
    ("Patient?gender:missing=true", &["a", "b", "c"]),
    ("Patient?gender:missing=false", &[]),
    ("Patient?family=기", &[]),
    ("Patient?family=민", &["c"]),
];

fn observation(id: &str, patient: &str) -> Value {
    value!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "x" },
        "subject": { "reference": format!("Patient/{patient}") } })
}

async fn stored(house: &House) {
    for body in [
        patient("a", "Carreno Quinones", "John.Doe@Example.org"),
        patient("b", "Müller-Lüdenscheid", "b@example.org"),
        patient("c", "김 민준", "c@example.org"),
        document("x1", "text/xml"),
        document("x2", "text/XML; charset=UTF-8"),
        document("x3", "text/xml-external"),
        observation("o", "a"),
        observation("o3", "c"),
    ] {
        house.put(&body).await;
    }
}

async fn demand(house: &House, questions: &[(&str, &[&str])], when: &str) {
    for (query, expected) in questions {
        let escaped = query.replace('|', "%7C").replace(' ', "%20");
        let found = house.found(&loader(), &escaped).await;
        assert_eq!(found, *expected, "{when}: {query}");
    }
}

pub async fn a_new_store_is_of_the_newest_edition(house: House) {
    stored(&house).await;
    demand(&house, ALWAYS, "at once").await;
    demand(&house, THEN, "at once").await;
    build(&house.engine).await;
    let generation = house.engine.store().indexing().generation;
    assert_eq!(generation, 0, "nothing to do");
}

pub async fn rows_of_an_older_store_are_brought_up(house: House) {
    older(&house).await;
    stored(&house).await;
    house.put(&patient("gone", "Gone Quinones", "x")).await;
    let before: &[(&str, &[&str])] = &[("Patient?gender:missing=true", &[])];
    demand(&house, before, "written as before").await;
    let gone = house.ask(&loader(), Delete, "Patient/gone", None).await;
    assert_eq!(gone.status, 204);
    demand(&house, ALWAYS, "before").await;
    build(&house.engine).await;
    demand(&house, ALWAYS, "after").await;
    demand(&house, THEN, "after").await;
    // Entries of the first edition have left nothing behind.
    let body = patient("a", "Other", "other@example.org");
    let changed = house.ask(&loader(), Put, "Patient/a", Some(&body)).await;
    assert_eq!(changed.status, 200);
    let nothing: &[(&str, &[&str])] = &[
        ("Patient?family=quinones", &[]),
        ("Patient?email=John.Doe@Example.org", &[]),
    ];
    demand(&house, nothing, "changed").await;
    build(&house.engine).await;
    assert_eq!(house.engine.store().indexing().generation, 1);
}

/// Steps that a process makes before another one takes the work up.
const STEPS: usize = 3;

/// Whoever does the work may end at any moment, and however large resources are they go by few at a time.
pub async fn what_was_found_is_found_while_they_are(house: House) {
    older(&house).await;
    stored(&house).await;
    for at in 0..120 {
        let mut further = patient(&format!("p{at}"), "Others", "others@example.org");
        further["resourceType"] = value!("Person");
        house.put(&further).await;
    }
    let large = "QUJD".repeat(300_000);
    for at in 0..7 {
        let mut body = document(&format!("large{at}"), "application/PDF");
        body["content"][0]["attachment"]["data"] = value!(large);
        house.put(&body).await;
    }
    let (mut indexer, mut steps) = (Indexer::default(), 0);
    while house.engine.index(&mut indexer).await.unwrap() {
        demand(&house, ALWAYS, "meanwhile").await;
        steps += 1;
        if steps % STEPS == 0 {
            indexer = Indexer::default();
        }
    }
    demand(&house, ALWAYS, "after").await;
    demand(&house, THEN, "after").await;
    let query = "DocumentReference?contenttype:below=application/pdf&_elements=id";
    assert_eq!(house.found(&loader(), query).await.len(), 7);
    let others = "Person?identifier=P7-x,p119-x&email=OTHERS@example.org";
    assert_eq!(house.found(&loader(), others).await, ["p119", "p7"]);
}

/// Of two that come at the same time and differ in case one is first.
pub async fn a_condition_takes_no_account_of_case(house: House) {
    let body = patient("any", "Any", "any@example.org");
    let under = |criteria: &str| {
        let mut asked = call(Post, "Patient", Some(&body));
        asked.conditions.if_none_exist = Some(criteria.to_owned());
        asked
    };
    let (lower, upper) = (
        under("identifier=urn:s|any-x"),
        under("identifier=urn:s|ANY-X"),
    );
    let caller = loader();
    let (one, other) = tokio::join!(
        house.engine.answer(&caller, &lower),
        house.engine.answer(&caller, &upper)
    );
    let mut said = [one.status, other.status];
    said.sort_unstable();
    assert_eq!(said, [200, 201]);
    let found = house.found(&caller, "Patient?identifier=Any-x").await;
    assert_eq!(found.len(), 1);
}
