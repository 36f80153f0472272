//! X23, second order: what is stored as a definition of a search parameter, and read when somebody asks by it.

use crate::house::{House, json, loader, text};
use crate::injection::{demand_bound, found};
use crate::parameters::{define, parameter};
use crate::pinned::{cases, random};
use serde_json::json as value;
use ward_resources::route::Method;
use ward_testkit::hostile::hostile;

/// Definitions are fewer than questions: each is compiled anew.
const SHARE: usize = 40;

pub async fn hostile_definitions_stay_text(house: House) {
    let person = value!({ "resourceType": "Patient", "id": "p", "name": [{ "family": "Smith" }],
        "extension": [{ "url": "http://example.org/x", "valueString": "Smith" }] });
    house.put(&person).await;
    let mut random = random();
    let mut served = 0;
    for n in 0..cases() / SHARE {
        let string = hostile(&mut random, n);
        for (code, expression) in [(string.as_str(), "Patient.name"), ("x", string.as_str())] {
            let status = define(&house, &parameter("refused", code, expression)).await;
            assert!(
                [400, 422].contains(&status),
                "{code:?} {expression:?}: {status}"
            );
        }
        // As a text within an expression it may stand, and is compared with URLs.
        let code = format!("c{n}");
        let expression = format!("Patient.extension('{string}').value");
        let status = define(&house, &parameter("served", &code, &expression)).await;
        assert!(
            [200, 201, 400, 422].contains(&status),
            "{expression:?}: {status}"
        );
        if status < 300 {
            served += 1;
            ask(&house, &code, &string).await;
        }
    }
    assert!(served > 0, "some are served");
    println!("{served} of {} are served", cases() / SHARE);
    let count = house
        .ask(&loader(), Method::Get, "Patient?_summary=count", None)
        .await;
    assert_eq!(json(&count)["total"], 1);
}

/// No resource has such an extension.
async fn ask(house: &House, code: &str, string: &str) {
    for (query, rows) in [
        (format!("Patient?{code}=Smith&explain=true"), 0),
        (format!("Patient?{code}:missing=false&explain=true"), 0),
        (format!("Patient?{code}:missing=true&explain=true"), 1),
    ] {
        let reply = house.ask(&loader(), Method::Get, &query, None).await;
        let at = format!("{query} {string:?}: {}", text(&reply));
        assert_eq!(reply.status, 200, "{at}");
        let bundle = json(&reply);
        assert_eq!(found(&bundle).len(), rows, "{at}");
        demand_bound(&bundle, &at);
    }
}
