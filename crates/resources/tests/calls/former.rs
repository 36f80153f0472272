//! R19: a version is shown when the current one is seen and it would be seen itself.

use crate::granular::{LAB, observation, status, ward};
use crate::house::{House, app, call, json, system};
use crate::pinned::follow;
use serde_json::{Value, json as value};
use ward_resources::route::Method::Get;

pub async fn former_versions_outside_the_scope_are_not_shown(house: House) {
    ward(&house).await;
    let mut path = String::new();
    for category in [
        "vital-signs",
        "laboratory",
        "vital-signs",
        "vital-signs",
        "laboratory",
    ] {
        path = house
            .put(&observation("moved", category, "Patient/one"))
            .await;
    }
    let caller = app(&format!("patient/Observation.rs?{LAB}"), "Patient/one");
    for (version, expected) in [(1, 404), (2, 200), (3, 404), (4, 404), (5, 200), (6, 404)] {
        let url = format!("{path}/_history/{version}");
        assert_eq!(
            status(&house, &caller, Get, &url, &Value::Null).await,
            expected,
            "{url}"
        );
    }
    for count in [1, 2, 10] {
        let mut versions = Vec::new();
        let mut next = Some(call(Get, &format!("{path}/_history?_count={count}"), None));
        while let Some(call) = next {
            let page = json(&house.engine.answer(&caller, &call).await);
            let entries = page["entry"].as_array().unwrap();
            assert!(!entries.is_empty() && entries.len() <= count);
            versions.extend(entries.iter().map(|e| e["response"]["etag"].to_string()));
            next = follow(&page, "next");
        }
        assert_eq!(versions, ["\"W/\\\"5\\\"\"", "\"W/\\\"2\\\"\""], "{count}");
    }
    // Once the current one is outside, so are all.
    house
        .put(&observation("moved", "vital-signs", "Patient/one"))
        .await;
    for below in ["", "/_history", "/_history/2"] {
        let url = format!("{path}{below}");
        assert_eq!(
            status(&house, &caller, Get, &url, &Value::Null).await,
            404,
            "{url}"
        );
    }
}

/// The same rule for compartments: what was another patient's when it was written stays theirs.
pub async fn former_versions_of_another_patient_are_not_shown(house: House) {
    ward(&house).await;
    house
        .put(&observation("moved", "laboratory", "Patient/two"))
        .await;
    let mut both = observation("moved", "laboratory", "Patient/two");
    both["performer"] = value!([{ "reference": "Patient/one" }]);
    house.put(&both).await;
    house
        .put(&observation("moved", "laboratory", "Patient/one"))
        .await;
    for scopes in [
        "patient/Observation.rs".to_owned(),
        format!("patient/Observation.rs?{LAB}"),
    ] {
        let caller = app(&scopes, "Patient/one");
        for (version, expected) in [(1, 404), (2, 200), (3, 200)] {
            let url = format!("Observation/moved/_history/{version}");
            assert_eq!(
                status(&house, &caller, Get, &url, &Value::Null).await,
                expected,
                "{scopes} {url}"
            );
        }
        let history = json(
            &house
                .ask(&caller, Get, "Observation/moved/_history", None)
                .await,
        );
        assert_eq!(history["entry"].as_array().unwrap().len(), 2, "{scopes}");
    }
    let system = system(&format!("system/Observation.rs?{LAB}"));
    let history = json(
        &house
            .ask(&system, Get, "Observation/moved/_history", None)
            .await,
    );
    assert_eq!(history["entry"].as_array().unwrap().len(), 3);
}
