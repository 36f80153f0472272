//! What it is to see a resource and not to see it: every way to one resource answers, or answers as if there were none (R13, R14).

use super::hospital::Chart;
use serde_json::Value;
use ward_testkit::{Answer, Client};

/// Looks like an id of the store, and is nobody's.
const NOBODY: &str = "nobody-is-here";

/// The caller reads and finds it.
#[track_caller]
pub fn shows(who: &Client, path: &str) {
    let (ty, id) = path.split_once('/').unwrap();
    who.get(path).expect(200);
    who.get(&format!("{path}/_history/1")).expect(200);
    let found = who.get(&format!("{ty}?_id={id}&_total=accurate"));
    let found = found.expect(200).json();
    assert_eq!(found["total"], 1, "{path} is read and not found: {found}");
    assert_eq!(found["entry"][0]["resource"]["id"], id, "{found}");
}

/// Each way to it is answered as the way to an id that is nobody's.
#[track_caller]
pub fn hides(who: &Client, path: &str) {
    let (ty, id) = path.split_once('/').unwrap();
    for way in [
        path.to_string(),
        format!("{path}/_history"),
        format!("{path}/_history/1"),
        format!("{ty}?_id={id}"),
        format!("{ty}?_id={id}&_total=accurate"),
        format!("{ty}?_id={id}&_summary=count"),
    ] {
        let hidden = who.get(&way);
        let absent = who.get(&way.replace(id, NOBODY));
        assert_eq!(
            told(&hidden, id),
            told(&absent, NOBODY),
            "{way} tells a hidden resource from none"
        );
        let is_found = hidden.status == 200 && hidden.json()["total"].as_u64() != Some(0);
        let is_empty = hidden.status == 404 || hidden.json().get("entry").is_none();
        assert!(
            is_empty && !(is_found && way.contains("_total")),
            "{way}: {}",
            hidden.text()
        );
    }
    who.get(path).expect(404);
}

/// Status, headers that tell something, and body, without the id that was asked for and what is of the moment.
pub fn told(answer: &Answer, id: &str) -> String {
    let names = [
        "etag",
        "last-modified",
        "location",
        "content-location",
        "content-type",
        "cache-control",
    ];
    let headers = names.map(|name| format!("{name}: {:?}", answer.header(name)));
    let body = answer.text().replace(id, "ID");
    let body = match serde_json::from_str::<Value>(&body) {
        Ok(json) => without_moment(json).to_string(),
        Err(_) => body,
    };
    format!("{} {}\n{body}", answer.status, headers.join(", "))
}

/// A page as it would be at another moment and by another id.
pub fn without_moment(mut json: Value) -> Value {
    if let Some(bundle) = json.as_object_mut() {
        bundle.remove("id");
        bundle.remove("timestamp");
    }
    without_times(&mut json);
    json
}

fn without_times(json: &mut Value) {
    match json {
        Value::Array(all) => all.iter_mut().for_each(without_times),
        Value::Object(members) => {
            members.remove("lastUpdated");
            members.values_mut().for_each(without_times);
        }
        _ => {}
    }
}

/// Ids of the entries of all pages of a search, in order.
#[track_caller]
pub fn found(who: &Client, query: &str) -> Vec<String> {
    let pages = pages(who, query);
    let entries = pages
        .iter()
        .flat_map(|page| page["entry"].as_array().into_iter().flatten());
    entries
        .filter_map(|entry| {
            let resource = &entry["resource"];
            let id = resource["id"].as_str()?;
            Some(format!("{}/{id}", resource["resourceType"].as_str()?))
        })
        .filter(|path| !path.starts_with("OperationOutcome/"))
        .collect()
}

/// All pages of a search.
#[track_caller]
pub fn pages(who: &Client, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut next = Some(query.to_owned());
    while let Some(url) = next {
        let page = who.get(&url).expect(200).json();
        next = next_of(&page);
        all.push(page);
        assert!(all.len() < 100, "{query} has no end");
    }
    all
}

/// Where the next page is.
pub fn next_of(page: &Value) -> Option<String> {
    let links = page["link"].as_array()?;
    let next = links.iter().find(|link| link["relation"] == "next")?;
    next["url"].as_str().map(str::to_owned)
}

/// A question about one patient is answered as about another one: nothing is left of the first but the ids. `query` has `PATIENT`
/// where the patient stands (`Patient/id`).
#[track_caller]
pub fn alike(who: &Client, query: &str, [one, other]: [&Chart<'_>; 2]) {
    let ask = |chart: &Chart<'_>| {
        let id = chart.patient.split('/').nth(1).unwrap();
        let asked = query.replace("PATIENT", &chart.patient);
        told(&who.get(&asked), id)
    };
    let (one, other) = (ask(one), ask(other));
    assert_eq!(without_cursors(&one), without_cursors(&other), "{query}");
}

/// Cursors are sealed under a nonce: of one that is there its length is told.
fn without_cursors(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("_cursor=") {
        let (before, after) = rest.split_at(at + "_cursor=".len());
        let end = after.find(['"', '&']).unwrap_or(after.len());
        out.push_str(before);
        out.push_str(&format!("{end}"));
        rest = &after[end..];
    }
    out + rest
}
