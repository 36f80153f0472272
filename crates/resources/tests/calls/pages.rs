//! Pages while others write: what stays is on one page, once and in its place, whatever comes, changes and goes meanwhile.

use crate::house::{House, json, loader, text};
use serde_json::{Value, json as value};
use std::collections::BTreeMap;
use ward_resources::route::Method::{Delete, Get};
use ward_testkit::Random;

/// Orders that an index holds, orders that are gathered, several keys, and none.
const SORTS: [&str; 16] = [
    "",
    "date",
    "-date",
    "value-string",
    "-value-string",
    "_id",
    "-_id",
    "_lastUpdated",
    "-_lastUpdated",
    "status",
    "-subject",
    "value-quantity",
    "-value-quantity",
    "status,-date",
    "date,-value-quantity",
    "-value-string,_id",
];
const STAYING: usize = 20;
const MOVING: usize = 8;
/// Pages of a walk after which others write: an order in which what is new comes last would never end.
const DISTURBED: usize = 6;

pub async fn pages_have_no_gap_and_no_duplicate_while_others_write(house: House) {
    let mut random = Random(7);
    for (at, sort) in SORTS.into_iter().enumerate() {
        let mut walk = Walk {
            house: &house,
            random: &mut random,
            code: format!("c{at}"),
            sort,
            made: 0,
            written: BTreeMap::new(),
        };
        for _ in 0..STAYING {
            walk.insert("stays").await;
        }
        for _ in 0..MOVING {
            walk.insert("moves").await;
        }
        walk.written.clear();
        let (forth, last) = walk.along("next", None).await;
        walk.demand(&forth).await;
        walk.written.clear();
        let (mut back, _) = walk.along("previous", Some(last)).await;
        back.reverse();
        walk.demand(&back).await;
    }
}

/// One is inserted for one that was deleted: the page is as full as before.
pub async fn a_page_that_was_gone_back_to_is_not_empty(house: House) {
    let patient =
        |id: &str, born: &str| value!({ "resourceType": "Patient", "id": id, "birthDate": born });
    for year in 1950..1956 {
        let born = format!("{year}-01-01");
        house.put(&patient(&format!("y{year}"), &born)).await;
    }
    let get = async |url: &str| {
        let url = url.rsplit("/fhir/").next().unwrap();
        json(&house.ask(&loader(), Get, url, None).await)
    };
    let link = |page: &Value, relation: &str| {
        let links = page["link"].as_array().unwrap().clone();
        let found = links.into_iter().find(|l| l["relation"] == relation);
        found.map(|l| l["url"].as_str().unwrap().to_owned())
    };
    let first = get("Patient?_sort=birthdate&_count=3").await;
    let second = get(&link(&first, "next").unwrap()).await;
    house.ask(&loader(), Delete, "Patient/y1952", None).await;
    house.put(&patient("new", "1950-06-01")).await;
    let back = get(&link(&second, "previous").unwrap()).await;
    assert_eq!(ids(&back), ["y1950", "new", "y1951"]);
    assert_eq!(link(&back, "previous"), None);
    let onward = get(&link(&back, "next").unwrap()).await;
    assert_eq!(ids(&onward), ["y1953", "y1954", "y1955"]);
}

struct Walk<'a> {
    house: &'a House,
    random: &'a mut Random,
    code: String,
    sort: &'static str,
    made: usize,
    /// What was written on the way, and how many pages had been seen then; `None`: changed or gone.
    written: BTreeMap<String, Option<usize>>,
}

impl Walk<'_> {
    fn body(&mut self, id: &str) -> Value {
        let random = &mut *self.random;
        let mut body = value!({ "resourceType": "Observation", "id": id,
            "status": random.one_of(&["final", "preliminary", "amended"]),
            "code": { "coding": [{ "system": "http://example.org", "code": self.code }] },
            "subject": { "reference": format!("Patient/{}", random.below(3)) } });
        // Few values, so that many are equal; some have none.
        if !random.once_in(5) {
            body["effectiveDateTime"] = value!(format!("2020-01-{:02}", 1 + random.below(9)));
        }
        match random.below(3) {
            0 => body["valueString"] = value!(random.one_of(&["a", "b", "c", "d"])),
            1 => body["valueQuantity"] = value!({ "value": random.below(5), "unit": "mg" }),
            _ => {}
        }
        body
    }

    async fn insert(&mut self, kind: &str) -> String {
        let id = format!("{}-{kind}-{}", self.code, self.made);
        self.made += 1;
        let body = self.body(&id);
        self.house.put(&body).await;
        id
    }

    /// What others do between two pages.
    async fn disturb(&mut self, seen: usize) {
        if seen > DISTURBED {
            return;
        }
        for _ in 0..2 {
            let id = self.insert("new").await;
            self.written.insert(id, Some(seen));
        }
        for _ in 0..3 {
            let id = format!(
                "{}-moves-{}",
                self.code,
                STAYING + self.random.below(MOVING)
            );
            if self.random.coin() {
                let body = self.body(&id);
                self.house.put(&body).await;
            } else {
                let path = format!("Observation/{id}");
                self.house.ask(&loader(), Delete, &path, None).await;
            }
            self.written.insert(id, None);
        }
    }

    /// The pages of a walk, and the last of them.
    async fn along(&mut self, relation: &str, from: Option<Value>) -> (Vec<Vec<String>>, Value) {
        let sort = match self.sort {
            "" => String::new(),
            sort => format!("&_sort={sort}"),
        };
        let first = format!("Observation?code={}{sort}&_count=5", self.code);
        let mut page = match from {
            Some(page) => page,
            None => self.get(&first).await,
        };
        let mut pages = vec![ids(&page)];
        loop {
            let links = page["link"].as_array().cloned().unwrap_or_default();
            let Some(link) = links.iter().find(|l| l["relation"] == relation) else {
                return (pages, page);
            };
            self.disturb(pages.len()).await;
            let url = link["url"].as_str().unwrap();
            page = self.get(url.split_once("/fhir/").unwrap().1).await;
            pages.push(ids(&page));
        }
    }

    async fn get(&self, url: &str) -> Value {
        let reply = self.house.ask(&loader(), Get, url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        json(&reply)
    }

    /// Pages in the order of the question.
    async fn demand(&self, pages: &[Vec<String>]) {
        let sort = self.sort;
        let whole = match sort {
            "" => format!("Observation?code={}&_count=1000", self.code),
            sort => format!("Observation?code={}&_sort={sort}&_count=1000", self.code),
        };
        let now = ids(&self.get(&whole).await);
        let seen: Vec<&String> = pages.iter().flatten().collect();
        let is_kept = |id: &&String| !self.written.contains_key(*id);
        let kept: Vec<&String> = seen.iter().copied().filter(is_kept).collect();
        let expected: Vec<&String> = now.iter().filter(is_kept).collect();
        assert_eq!(kept, expected, "sorted by '{sort}'");
        for id in &seen {
            let times = seen.iter().filter(|other| other == &id).count();
            let is_changed = self.written.get(*id) == Some(&None);
            assert!(
                times == 1 || is_changed,
                "{id} {times} times, sorted by '{sort}'"
            );
        }
    }
}

fn ids(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries
        .map(|e| e["resource"]["id"].as_str().unwrap().to_owned())
        .collect()
}
