//! Binaries and what they are attached to: who does not see all of it sees none of the Binary, on no way. T42

use crate::house::{House, blind, json, loader, text};
use serde_json::{Value, json};
use ward_access::{Caller, Clearance, Registered};
use ward_resources::route::Method::{Delete, Get, Post};

fn binary(id: &str) -> Value {
    json!({ "resourceType": "Binary", "id": id, "contentType": "text/plain", "data": "c2VjcmV0" })
}

/// By an element that R4 has no search parameter for.
fn media(id: &str, binary: &str, level: &str) -> Value {
    json!({ "resourceType": "Media", "id": id, "status": "completed", "content": { "url": format!("Binary/{binary}") },
        "meta": { "security": [{ "system": ward_access::CONFIDENTIALITY, "code": level }] } })
}

fn cleared_for_normal() -> Caller {
    blind("system/*.cruds").through(Registered {
        clearance: Some(Clearance::default()),
        ..Registered::default()
    })
}

pub async fn a_binary_is_as_closed_as_what_it_is_attached_to(house: House) {
    for id in ["a", "b", "c"] {
        house.put(&binary(id)).await;
    }
    house.put(&media("shown", "a", "N")).await;
    house.put(&media("beside", "b", "N")).await;
    house.put(&media("hidden", "b", "R")).await;
    // Before the Binary is there.
    house.put(&media("early", "d", "R")).await;
    house.put(&binary("d")).await;
    let caller = cleared_for_normal();
    for (url, status) in [
        ("Binary/a", 200),
        ("Binary/b", 404),
        ("Binary/b/_history/1", 404),
        ("Binary/b/$meta", 404),
        ("Binary/c", 200),
        ("Binary/d", 404),
    ] {
        let reply = house.ask(&caller, Get, url, None).await;
        assert_eq!(reply.status, status, "{url}: {}", text(&reply));
        assert_eq!(house.ask(&loader(), Get, url, None).await.status, 200);
    }
    assert_eq!(house.found(&caller, "Binary").await, ["a", "c"]);
    let counted = house.ask(&caller, Get, "Binary?_summary=count", None).await;
    assert_eq!(json(&counted)["total"], 2);
    assert_eq!(house.found(&loader(), "Binary").await.len(), 4);
    // Nor does a reference that must resolve tell that it is there.
    for (id, status) in [("a", 200), ("b", 422), ("none", 422)] {
        let provenance = json!({ "resourceType": "Provenance", "target": [{ "reference": format!("Binary/{id}") }],
            "recorded": "2026-01-01T00:00:00Z", "agent": [{ "who": { "display": "w" } }] });
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction",
            "entry": [{ "resource": provenance, "request": { "method": "POST", "url": "Provenance" } }] });
        let reply = house.ask(&caller, Post, "", Some(&bundle)).await;
        assert_eq!(reply.status, status, "{id}: {}", text(&reply));
    }
    // What has let go of it closes it still, and so does what is gone.
    house.put(&media("hidden", "a", "R")).await;
    house.put(&media("hidden", "c", "R")).await;
    let gone = house.ask(&loader(), Delete, "Media/early", None).await;
    assert_eq!(gone.status, 204);
    assert!(house.found(&caller, "Binary").await.is_empty());
}
