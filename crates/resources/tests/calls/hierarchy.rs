//! `:below` and `:above` of references: everything at a place or what belongs to it, as far as the caller may see the way.

use crate::house::{House, app, loader, system, text};
use serde_json::{Value, json as value};
use ward_resources::route::Method::{Delete, Get};

fn place(id: &str, part_of: &str) -> Value {
    let mut body = value!({ "resourceType": "Location", "id": id, "status": "active" });
    if !part_of.is_empty() {
        body["partOf"] = value!({ "reference": format!("Location/{part_of}") });
    }
    body
}

fn procedure(id: &str, location: &str) -> Value {
    value!({ "resourceType": "Procedure", "id": id, "status": "completed", "subject": { "reference": "Patient/p" },
        "location": { "reference": format!("Location/{location}") } })
}

async fn hospital(house: &House) {
    house
        .put(&value!({ "resourceType": "Patient", "id": "p" }))
        .await;
    for (id, part_of) in [
        ("house", ""),
        ("ward", "house"),
        ("room", "ward"),
        ("bed", "room"),
        ("shed", ""),
    ] {
        house.put(&place(id, part_of)).await;
        house.put(&procedure(&format!("in-{id}"), id)).await;
    }
}

pub async fn what_is_part_of_a_place_is_below_it(house: House) {
    hospital(&house).await;
    let all = loader();
    for (query, expected) in [
        (
            "Procedure?location:below=ward",
            vec!["in-bed", "in-room", "in-ward"],
        ),
        (
            "Procedure?location:below=Location/house",
            vec!["in-bed", "in-house", "in-room", "in-ward"],
        ),
        ("Procedure?location:below=bed", vec!["in-bed"]),
        (
            "Procedure?location:above=room",
            vec!["in-house", "in-room", "in-ward"],
        ),
        (
            "Procedure?location:above=shed,bed",
            vec!["in-bed", "in-house", "in-room", "in-shed", "in-ward"],
        ),
        ("Procedure?location:below=nowhere", vec![]),
        ("Location?partof:below=ward", vec!["bed", "room"]),
        ("Location?partof:above=ward", vec!["room", "ward"]),
        (
            "Patient?_has:Procedure:patient:location:below=room",
            vec!["p"],
        ),
        (
            "Procedure?location:below=room&status=completed&_id=in-bed,in-shed",
            vec!["in-bed"],
        ),
    ] {
        assert_eq!(house.found(&all, query).await, expected, "{query}");
    }
    // A circle ends where it began.
    house.put(&place("house", "bed")).await;
    let query = "Procedure?location:above=ward&_total=accurate";
    assert_eq!(house.found(&all, query).await.len(), 4);
    // What it means may change until a commit.
    let reply = house
        .ask(&all, Delete, "Procedure?location:below=ward", None)
        .await;
    assert_eq!(reply.status, 400, "{}", text(&reply));
}

pub async fn a_hierarchy_has_its_bounds(house: House) {
    house.put(&place("l0", "")).await;
    for at in 1..=32 {
        house
            .put(&place(&format!("l{at}"), &format!("l{}", at - 1)))
            .await;
    }
    let all = loader();
    assert_eq!(
        house
            .found(&all, "Location?partof:below=l1&_count=100")
            .await
            .len(),
        31
    );
    let reply = house.ask(&all, Get, "Location?partof:below=l0", None).await;
    assert_eq!(reply.status, 400, "{}", text(&reply));
    assert!(text(&reply).contains("32 levels"), "{}", text(&reply));
}

pub async fn only_what_may_be_seen_leads_further(house: House) {
    hospital(&house).await;
    // Whoever may not search places knows of the one that is named, and of none behind it.
    let billing = system("system/Procedure.rs");
    assert_eq!(
        house
            .found(&billing, "Procedure?location:below=house")
            .await,
        ["in-house"]
    );
    let own = app("patient/Procedure.rs patient/Patient.rs", "Patient/p");
    assert_eq!(
        house.found(&own, "Procedure?location:above=bed").await,
        ["in-bed"]
    );
    let own = app("patient/*.rs", "Patient/p");
    assert_eq!(
        house
            .found(&own, "Procedure?location:above=bed")
            .await
            .len(),
        4
    );
}
