//! Searches from query text to page: what the index answers, what resources decide, links, refusals.
//! <https://hl7.org/fhir/R4/search.html>

use super::crud::patient;
use super::{on_both, on_own, unique};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use ward_testkit::Client;

/// `Type/id` of the entries with this search mode.
pub fn entries(bundle: &Value, mode: &str) -> Vec<String> {
    let all = bundle["entry"].as_array().cloned().unwrap_or_default();
    all.iter()
        .filter(|e| e["search"]["mode"] == mode)
        .map(|e| {
            let url = e["fullUrl"].as_str().unwrap_or_default();
            url.rsplit_once("/fhir/")
                .map_or(url, |(_, path)| path)
                .to_owned()
        })
        .collect()
}

pub fn matches(ward: &Client, query: &str) -> Vec<String> {
    entries(&ward.get(query).expect(200).json(), "match")
}

pub fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array()?;
    let found = links.iter().find(|l| l["relation"] == relation)?;
    Some(found["url"].as_str()?.to_owned())
}

/// Posts a resource; its `Type/id`.
pub fn make(ward: &Client, body: Value) -> String {
    let ty = body["resourceType"].as_str().unwrap().to_owned();
    let id = ward.post(&ty, &body).expect(201).id();
    format!("{ty}/{id}")
}

pub fn observation(subject: &str, code: &str, date: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "subject": { "reference": subject },
        "code": { "coding": [{ "system": "http://example.org/search", "code": code, "display": format!("Display of {code}") }] },
        "effectiveDateTime": date })
}

#[test]
fn lists_are_read_as_the_caller_may() {
    on_own(&[], |server, ward| {
        let (a, b) = (make(ward, patient("A")), make(ward, patient("B")));
        let list = make(
            ward,
            json!({ "resourceType": "List", "status": "current", "mode": "changes", "entry": [
                { "item": { "reference": a } }, { "item": { "reference": b }, "deleted": true } ] }),
        );
        let id = list.split_once('/').unwrap().1;
        assert_eq!(matches(ward, &format!("Patient?_list={id}")), [a]);
        assert_eq!(matches(ward, "Patient?_list=absent"), [""; 0]);
        // Whoever may not read the List sees what they see of an absent one.
        let billing = server.client("billing");
        assert_eq!(matches(&billing, &format!("Patient?_list={id}")), [""; 0]);
    });
}

#[test]
fn value_sets_of_the_store_stand_beside_the_embedded() {
    on_both(|ward| {
        let word = unique("codes");
        let system = format!("http://example.org/{word}");
        let set = format!("http://example.org/set/{word}");
        make(
            ward,
            json!({ "resourceType": "CodeSystem", "url": system, "status": "active", "content": "complete", "concept": [
                { "code": "top", "concept": [{ "code": "middle", "concept": [{ "code": "low" }] }] }, { "code": "other" }] }),
        );
        let value_set = make(
            ward,
            json!({ "resourceType": "ValueSet", "url": set, "version": "1", "status": "active", "compose": { "include": [
                { "system": system, "filter": [{ "property": "concept", "op": "is-a", "value": "middle" }] }] } }),
        );
        let coded = |code: &str| json!({ "resourceType": "Basic", "code": { "coding": [{ "system": system, "code": code }] } });
        let [top, middle, low, other] =
            ["top", "middle", "low", "other"].map(|code| make(ward, coded(code)));
        let found = |criterion: &str| -> BTreeSet<String> {
            matches(ward, &format!("Basic?code{criterion}"))
                .into_iter()
                .collect()
        };
        let expected = BTreeSet::from([middle.clone(), low.clone()]);
        assert_eq!(found(&format!(":in={set}")), expected);
        assert_eq!(found(&format!(":in={set}|1")), expected);
        assert_eq!(found(&format!(":in={value_set}")), expected);
        let not = found(&format!(":not-in={set}&code={system}|"));
        assert_eq!(not, BTreeSet::from([top.clone(), other]));
        assert_eq!(
            found(&format!(":above={system}|low")),
            BTreeSet::from([low.clone(), middle.clone(), top.clone()])
        );
        assert_eq!(
            found(&format!(":below={system}|middle")),
            BTreeSet::from([low, middle])
        );
        for unknown in [
            format!("{set}|2"),
            format!("{set}-absent"),
            "ValueSet/absent".into(),
        ] {
            ward.get(&format!("Basic?code:in={unknown}")).expect(400);
        }
        assert!(!found(":in=http://hl7.org/fhir/ValueSet/basic-resource-type").contains(&top));
    });
}

/// A mistyped capital hides nobody's findings; where the code system makes a difference of it, it stays one.
#[test]
fn the_case_of_a_code_counts_where_its_system_says_so() {
    on_both(|ward| {
        let (lab, code) = (unique("http://example.org/lab"), unique("code"));
        let coded = |system: &str, code: &str| json!({ "resourceType": "Observation", "status": "final", "code": { "coding": [{ "system": system, "code": code }] } });
        let own = make(ward, coded(&lab, &format!("Cd-{code}")));
        let act = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
        let exact = make(ward, coded(act, &format!("cd-{code}")));
        let asked = |value: &str| {
            let mut found = matches(ward, &format!("Observation?code={value}"));
            found.sort();
            found
        };
        assert_eq!(asked(&format!("{lab}%7CCD-{code}")), [own.as_str()]);
        assert_eq!(asked(&format!("CD-{code}")), [own.as_str()]);
        assert_eq!(asked(&format!("{act}%7CCD-{code}")), [""; 0]);
        let mut both = [own, exact];
        both.sort();
        assert_eq!(asked(&format!("cd-{code}")), both);
        let total = |value: &str| {
            let query = format!("Observation?code={value}&_summary=count");
            ward.get(&query).expect(200).json()["total"].clone()
        };
        assert_eq!(
            [total(&format!("cd-{code}")), total(&format!("CD-{code}"))],
            [2, 1]
        );
    });
}

#[test]
fn resources_decide_what_no_index_tells() {
    on_both(|ward| {
        let word = unique("decide").replace('-', "");
        let subject = make(ward, patient(&word));
        let note = |text: &str| {
            let mut body = observation(&subject, "a", "2024-01-01");
            body["note"] = json!([{ "text": text }]);
            make(ward, body)
        };
        let (kidney, liver) = (note("the kidney hurts, kidney!"), note("liver"));
        let query = |criteria: &str| format!("Observation?subject={subject}&{criteria}");
        assert_eq!(
            matches(ward, &query("_content=kidney")),
            *std::slice::from_ref(&kidney)
        );
        let page = ward
            .get(&query("_content=kidney OR liver&_total=accurate"))
            .expect(200)
            .json();
        assert_eq!(page["total"], 2);
        assert_eq!(entries(&page, "match").len(), 2);
        let score = |path: &String| {
            let entry = page["entry"].as_array().unwrap().iter();
            let mut found =
                entry.filter(|e| e["fullUrl"].as_str().unwrap().ends_with(path.as_str()));
            found.next().unwrap()["search"]["score"].as_f64().unwrap()
        };
        assert!(score(&kidney) > score(&liver));
        assert_eq!(matches(ward, &query("code:text=display of A")).len(), 2);
        // Page by page, each once.
        let mut seen = Vec::new();
        let mut next = Some(query("_content=kidney OR liver&_count=1"));
        while let Some(url) = next {
            let page = ward.get(&url).expect(200).json();
            seen.extend(entries(&page, "match"));
            next = link(&page, "next");
        }
        assert_eq!(BTreeSet::from_iter(seen.iter()).len(), 2);
        assert_eq!(seen.len(), 2);
    });
}

#[test]
fn conditions_are_answered_by_the_index_alone() {
    on_both(|ward| {
        let refused = |criteria: &str, says: &str| {
            let answer = ward
                .request("POST", "Patient")
                .header("If-None-Exist", criteria)
                .json(&patient("Condition"))
                .send()
                .expect(400);
            assert!(answer.text().contains(says), "{}", answer.text());
        };
        refused("_content=kidney", "_content");
        refused("family=a&_include=Patient:organization", "_include");
        refused("family=a&_sort=family", "_sort");
        refused("family=a&_count=1", "_count");
        refused("famly=a", "family");
    });
}

#[test]
fn links_lead_forth_and_back() {
    on_both(|ward| {
        let family = unique("links");
        let all: BTreeSet<String> = (0..7).map(|_| make(ward, patient(&family))).collect();
        let query = format!("Patient?family={family}&_count=2&_sort=birthdate");
        let first = ward.get(&query).expect(200).json();
        assert_eq!(link(&first, "previous"), None);
        assert_eq!(link(&first, "self"), link(&first, "first"));
        let mut pages = vec![first];
        while let Some(url) = link(pages.last().unwrap(), "next") {
            let page = ward.get(&url).expect(200).json();
            assert_eq!(link(&page, "self"), Some(url));
            assert_eq!(link(&page, "first"), link(&pages[0], "first"));
            pages.push(page);
        }
        let shown: Vec<_> = pages.iter().map(|p| entries(p, "match")).collect();
        assert_eq!(shown.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2, 1]);
        assert_eq!(
            shown.iter().flatten().cloned().collect::<BTreeSet<_>>(),
            all
        );
        let mut at = pages.last().unwrap().clone();
        for expected in shown.iter().rev().skip(1) {
            at = ward.get(&link(&at, "previous").unwrap()).expect(200).json();
            assert_eq!(entries(&at, "match"), *expected);
        }
        assert_eq!(link(&at, "previous"), None);
    });
}

#[test]
fn self_states_what_was_used_and_names_what_was_not() {
    on_both(|ward| {
        let family = unique("used");
        let query = format!("Patient?family={family}&famly=x&_count=5");
        let page = ward.get(&query).expect(200).json();
        let own = link(&page, "self").unwrap();
        assert!(
            own.contains(&family) && own.contains("_count=5") && !own.contains("famly"),
            "{own}"
        );
        let outcome = page["entry"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(outcome["search"]["mode"], "outcome");
        assert!(outcome.to_string().contains("family"), "{outcome}");
        let strict = ward
            .request("GET", &query)
            .header("Prefer", "handling=strict")
            .send();
        assert!(strict.expect(400).text().contains("Did you mean family"));
        // A form and the query of its URL are one question.
        let body = format!("family={family}");
        let posted = ward
            .request("POST", "Patient/_search?_count=3")
            .body("application/x-www-form-urlencoded", body.into_bytes())
            .send()
            .expect(200)
            .json();
        let own = link(&posted, "self").unwrap();
        assert!(own.contains("_count=3") && own.contains(&family), "{own}");
    });
}

#[test]
fn compartments_of_others_than_patients() {
    on_both(|ward| {
        let subject = make(ward, patient("Compartment"));
        let encounter = make(
            ward,
            json!({ "resourceType": "Encounter", "status": "finished", "subject": { "reference": subject },
                "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" } }),
        );
        let practitioner = make(ward, json!({ "resourceType": "Practitioner" }));
        let mut body = observation(&subject, "in", "2024-01-01");
        body["encounter"] = json!({ "reference": encounter });
        body["performer"] = json!([{ "reference": practitioner }]);
        let within = make(ward, body);
        let outside = make(ward, observation(&subject, "out", "2024-01-01"));
        for owner in [&encounter, &practitioner] {
            assert_eq!(
                matches(ward, &format!("{owner}/Observation")),
                *std::slice::from_ref(&within)
            );
            let mut all = [within.clone(), owner.clone()];
            all.sort();
            let mut found = matches(ward, &format!("{owner}/*"));
            found.sort();
            assert_eq!(found, all);
            let page = ward
                .get(&format!("{owner}/*?_total=accurate&_count=1"))
                .expect(200)
                .json();
            assert_eq!(
                (&page["total"], entries(&page, "match").len()),
                (&json!(2), 1)
            );
            assert_eq!(
                matches(ward, &format!("{owner}/Observation?code=out")),
                [""; 0]
            );
        }
        assert_eq!(
            matches(ward, &format!("{encounter}/Encounter")),
            *std::slice::from_ref(&encounter)
        );
        let posted = ward
            .request("POST", &format!("{encounter}/Observation/_search"))
            .body("application/x-www-form-urlencoded", b"code=in".to_vec())
            .send()
            .expect(200)
            .json();
        assert_eq!(entries(&posted, "match"), *std::slice::from_ref(&within));
        assert_eq!(matches(ward, &format!("{subject}/Observation")).len(), 2);
        assert!(matches(ward, &format!("{subject}/*")).contains(&outside));
        ward.get("Organization/1/Observation").expect(404);
    });
}
