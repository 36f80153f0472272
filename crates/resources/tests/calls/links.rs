//! The link to itself that an answer has: what was used of the question, and where the page begins. <https://hl7.org/fhir/R4/search.html#conformance>

use crate::house::{House, json, loader, text};
use serde_json::{Value, json as value};
use ward_resources::route::Method::{Delete, Get};

async fn page(house: &House, url: &str) -> Value {
    let reply = house.ask(&loader(), Get, url, None).await;
    assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
    json(&reply)
}

/// Below the base.
fn link(page: &Value, relation: &str) -> Option<String> {
    let mut links = page["link"].as_array().unwrap().iter();
    let link = links.find(|link| link["relation"] == relation)?;
    let url = link["url"].as_str().unwrap();
    Some(url.rsplit_once("/fhir/").unwrap().1.to_owned())
}

pub async fn a_page_says_what_was_used(house: House) {
    let body = value!({ "resourceType": "Patient", "id": "one", "gender": "male" });
    house.put(&body).await;
    for (asked, used) in [
        (
            "Patient?_elements=name,foo&gender=male",
            "Patient?_elements=name&gender=male",
        ),
        (
            "Patient?_sort=birthdate,foo,-gender",
            "Patient?_sort=birthdate,-gender",
        ),
        ("Patient?_sort=foo&_elements=foo", "Patient"),
        (
            "Patient/one/_history?_elements=foo,name",
            "Patient/one/_history?_elements=name",
        ),
        (
            "Patient/one/$everything?_elements=foo,name",
            "Patient/one/$everything?_elements=name",
        ),
    ] {
        let first = page(&house, asked).await;
        let own = link(&first, "self").unwrap().replace("%2C", ",");
        assert_eq!(own, used, "{asked}");
    }
}

pub async fn a_page_of_history_is_found_again(house: House) {
    for gender in ["male", "female", "other"] {
        let body = value!({ "resourceType": "Patient", "id": "one", "gender": gender });
        house.put(&body).await;
    }
    for path in ["Patient/one/_history", "Patient/_history", "_history"] {
        let first = page(&house, &format!("{path}?_count=1")).await;
        let next = link(&first, "next").unwrap();
        let second = page(&house, &next).await;
        assert_eq!(link(&second, "self"), Some(next.clone()), "{path}");
        let again = page(&house, &link(&second, "self").unwrap()).await;
        assert_eq!(again["entry"], second["entry"], "{path}");
        assert_ne!(again["entry"], first["entry"], "{path}");
    }
}

/// <https://hl7.org/fhir/R4/http.html#history>: the request of an entry is the one that was made.
pub async fn a_version_says_what_made_it(house: House) {
    let made = async |path: &str| {
        let history = page(&house, &format!("{path}/_history")).await;
        let entries = history["entry"].as_array().unwrap().clone();
        let text = |e: &Value, name: &str| e["request"][name].as_str().unwrap().to_owned();
        let requests = entries.iter();
        let requests = requests.map(|e| format!("{} {}", text(e, "method"), text(e, "url")));
        requests.collect::<Vec<_>>()
    };
    let mut body = value!({ "resourceType": "Patient", "gender": "male" });
    let posted = house.create(&body).await;
    assert_eq!(made(&posted).await, ["POST Patient"]);
    body["id"] = value!("one");
    let put = house.put(&body).await;
    assert_eq!(made(&put).await, ["PUT Patient/one"]);
    for path in [posted, put] {
        let first = made(&path).await;
        assert_eq!(house.ask(&loader(), Delete, &path, None).await.status, 204);
        body["id"] = value!(path.trim_start_matches("Patient/"));
        house.put(&body).await;
        let again = [
            format!("PUT {path}"),
            format!("DELETE {path}"),
            first[0].clone(),
        ];
        assert_eq!(made(&path).await, again);
    }
}
