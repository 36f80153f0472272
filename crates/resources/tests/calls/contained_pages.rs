//! Pages of contained resources: `_count` counts the entries that are shown, wherever in a container a page ends.
//! <https://hl7.org/fhir/R4/search.html#contained>

use crate::house::{House, json, loader, text};
use serde_json::{Value, json as value};
use ward_resources::route::Method::{Delete, Get};

fn medication(id: &str, code: &str) -> Value {
    value!({ "resourceType": "Medication", "id": id, "code": { "coding": [{ "code": code }] } })
}

/// A List that contains medications, some of which match; what it names is there to be included.
fn list(id: &str, codes: &[&str]) -> Value {
    let each = codes.iter().enumerate();
    let contained: Vec<Value> = each
        .map(|(at, code)| medication(&format!("m{at}"), code))
        .collect();
    let entries = (0..codes.len()).map(|at| value!({ "item": { "reference": format!("#m{at}") } }));
    let entries: Vec<Value> = entries.collect();
    value!({ "resourceType": "List", "id": id, "status": "current", "mode": "working",
        "subject": { "reference": "Patient/p" }, "contained": contained, "entry": entries })
}

async fn lists(house: &House) {
    house
        .put(&value!({ "resourceType": "Patient", "id": "p" }))
        .await;
    house.put(&list("one", &["R", "R", "other", "R"])).await;
    house.put(&medication("own", "R")).await;
    house.put(&list("two", &["other", "R"])).await;
    house.put(&list("three", &["R", "R", "R", "R", "R"])).await;
    house.put(&list("none", &["other"])).await;
}

/// Nine that are contained, and one of its own.
const MATCHES: usize = 10;

const ASKED: &str = "Medication?code=R&_contained=both&_containedType=contained";

async fn page(house: &House, url: &str) -> Value {
    let reply = house.ask(&loader(), Get, url, None).await;
    assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
    json(&reply)
}

/// Where each match is: `List/one#m0`.
fn places(page: &Value) -> Vec<String> {
    let entries = page["entry"].as_array().into_iter().flatten();
    let matches = entries.filter(|e| e["search"]["mode"] == "match");
    let places = matches.map(|e| {
        let url = e["fullUrl"].as_str().unwrap();
        url.rsplit_once("/fhir/").unwrap().1.to_owned()
    });
    places.collect()
}

fn link(page: &Value, relation: &str) -> Option<String> {
    let links = page["link"].as_array().into_iter().flatten();
    let mut links = links.filter(|l| l["relation"] == relation);
    let url = links.next()?["url"].as_str()?;
    Some(url.split_once("/fhir/")?.1.to_owned())
}

/// The pages that links lead to, and the last of them.
async fn walk(house: &House, from: Value, relation: &str) -> (Vec<Vec<String>>, Value) {
    let mut last = from;
    let mut pages = vec![places(&last)];
    while let Some(url) = link(&last, relation) {
        last = page(house, &url).await;
        pages.push(places(&last));
    }
    (pages, last)
}

pub async fn a_page_holds_as_many_contained_resources_as_are_asked_for(house: House) {
    lists(&house).await;
    for sort in [
        "",
        "&_sort=_id",
        "&_sort=-_id",
        "&_sort=_lastUpdated",
        "&_sort=-_lastUpdated",
    ] {
        let whole = places(&page(&house, &format!("{ASKED}{sort}")).await);
        assert_eq!(whole.len(), MATCHES, "{sort}");
        for count in 1..=MATCHES {
            for total in ["", "&_total=accurate"] {
                let url = format!("{ASKED}{sort}&_count={count}{total}");
                let first = page(&house, &url).await;
                let (forth, last) = walk(&house, first, "next").await;
                let full = forth.iter().rev().skip(1);
                assert!(
                    full.clone().all(|page| page.len() == count),
                    "{url}: {forth:?}"
                );
                assert!((1..=count).contains(&forth[forth.len() - 1].len()), "{url}");
                assert_eq!(forth.concat(), whole, "{url}");
                let (mut back, _) = walk(&house, last, "previous").await;
                back.reverse();
                assert_eq!(back, forth, "{url}");
            }
        }
    }
    let counted = page(&house, &format!("{ASKED}&_total=accurate&_count=3")).await;
    assert_eq!(counted["total"], MATCHES);
}

pub async fn pages_of_contained_resources_have_no_gap_and_no_duplicate_while_others_write(
    house: House,
) {
    lists(&house).await;
    let staying = places(&page(&house, ASKED).await);
    house.put(&list("going", &["R", "R", "R"])).await;
    let mut last = page(&house, &format!("{ASKED}&_count=2")).await;
    let mut seen = places(&last);
    assert_eq!(seen, ["List/going#m0", "List/going#m1"]);
    // The page ended within it.
    house.ask(&loader(), Delete, "List/going", None).await;
    for n in 0.. {
        let Some(url) = link(&last, "next") else {
            break;
        };
        house.put(&list(&format!("new-{n}"), &["R", "R"])).await;
        last = page(&house, &url).await;
        seen.extend(places(&last));
    }
    assert_eq!(seen[2..], staying);
}

pub async fn what_comes_with_a_page_comes_once(house: House) {
    lists(&house).await;
    let url = format!("{ASKED}&_include=*&_count=20");
    let reply = house.ask(&loader(), Get, &url, None).await;
    let entries = json(&reply)["entry"].as_array().cloned().unwrap();
    let included = entries.iter().filter(|e| e["search"]["mode"] == "include");
    let urls: Vec<_> = included.map(|e| e["fullUrl"].as_str().unwrap()).collect();
    assert_eq!(urls.len(), 1, "{urls:?}");
    assert!(urls[0].ends_with("/Patient/p"));
    // Three containers, one of its own, and who comes with them.
    assert_eq!(reply.entities.len(), 5);
}
