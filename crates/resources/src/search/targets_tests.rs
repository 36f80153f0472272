//! Nothing is found by a reference to what its reader does not see: hidden and never there are the same, however it is asked for. (T44, T45)

use super::*;

const BASE: &str = "http://127.0.0.1:8080/fhir";
/// Ids of what is in the closed record, of what was never there, and of what is seen; of each type the same.
const IDS: [&str; 3] = ["hidden", "never", "shown"];

/// Resources of patient `p` that refer to each of the three.
async fn referring() -> House {
    let house = House::open().await;
    for (id, patient) in [("hidden", "q"), ("shown", "p")] {
        let subject = json!({ "reference": format!("Patient/{patient}") });
        house.put(&json!({ "resourceType": "Encounter", "id": id, "status": "finished", "class": { "code": "AMB" }, "subject": subject })).await;
        house.put(&json!({ "resourceType": "DocumentReference", "id": id, "status": "current", "subject": subject, "content": [{ "attachment": { "title": "t" } }] })).await;
    }
    for id in IDS {
        let (to, subject) = (
            |ty: &str| json!({ "reference": format!("{ty}/{id}") }),
            json!({ "reference": "Patient/p" }),
        );
        let mut naming = observation(&format!("of-{id}"), "p", &[id]);
        naming["hasMember"][0]["identifier"] = json!({ "system": "urn:s", "value": id });
        naming["encounter"] = to("Encounter");
        naming["derivedFrom"] =
            json!([{ "reference": format!("{BASE}/Observation/{id}/_history/1") }]);
        house.put(&naming).await;
        house.put(&json!({ "resourceType": "Provenance", "id": id, "target": [to("Observation")], "recorded": "2026-01-01T00:00:00Z",
            "agent": [{ "who": { "display": "w" } }] })).await;
        house.put(&json!({ "resourceType": "List", "id": id, "status": "current", "mode": "working", "subject": subject,
            "entry": [{ "item": to("Observation") }] })).await;
        house.put(&json!({ "resourceType": "DocumentReference", "id": format!("of-{id}"), "status": "current", "subject": subject,
            "content": [{ "attachment": { "title": "t" } }],
            "relatesTo": [{ "code": "replaces", "target": to("DocumentReference") }] })).await;
    }
    house
}

/// Ids of what is found.
fn found(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{reply:?}");
    let body = body(reply);
    let entries = body["entry"].as_array().into_iter().flatten();
    let ids = entries.filter_map(|entry| entry["resource"]["id"].as_str());
    ids.map(str::to_owned).collect()
}

/// Each with ID where the target stands; what is found by one that is seen.
const WAYS: [(&str, &str); 18] = [
    ("Observation?has-member=Observation/ID", "of-shown"),
    ("Observation?has-member=ID", "of-shown"),
    ("Observation?has-member:Observation=ID", "of-shown"),
    (
        "Observation?has-member=http://127.0.0.1:8080/fhir/Observation/ID",
        "of-shown",
    ),
    (
        "Observation?derived-from=Observation/ID/_history/1",
        "of-shown",
    ),
    (
        "Observation?has-member=Observation/else,Observation/ID",
        "of-shown",
    ),
    ("Observation?has-member._id=ID", "of-shown"),
    ("Observation?has-member.has-member=Observation/ID", ""),
    (
        "Observation?_filter=has-member eq Observation/ID",
        "of-shown",
    ),
    (
        "Observation?_filter=has-member re Observation/ID",
        "of-shown",
    ),
    ("Observation?_filter=encounter.id eq ID", "of-shown"),
    ("Observation?encounter:below=Encounter/ID", "of-shown"),
    ("Observation?encounter:above=ID", "of-shown"),
    ("Encounter/ID/Observation", "of-shown"),
    (
        "Patient?_has:Observation:patient:has-member=Observation/ID",
        "p",
    ),
    (
        "DocumentReference?relationship=replaces$DocumentReference/ID",
        "of-shown",
    ),
    ("Provenance?target=Observation/ID", "shown"),
    ("List?item=Observation/ID", "shown"),
];

#[tokio::test]
async fn nothing_is_found_by_what_is_not_seen() {
    let house = referring().await;
    for (way, expected) in WAYS {
        let asked = async |access: &Access, id: &str| {
            let url = way.replace("ID", id);
            let all = format!(
                "{url}{}_total=accurate",
                if url.contains('?') { '&' } else { '?' }
            );
            let reply = house.ask(access, Method::Get, &all, None).await;
            (found(&reply), body(&reply)["total"].clone())
        };
        for id in ["hidden", "never"] {
            let (ids, total) = asked(&house.masked, id).await;
            assert!(
                ids.is_empty() && total == 0,
                "{way} by {id}: {ids:?}, {total}"
            );
        }
        let (ids, _) = asked(&house.masked, "shown").await;
        let expected: Vec<&str> = Some(expected)
            .filter(|id| !id.is_empty())
            .into_iter()
            .collect();
        assert_eq!(ids, expected, "{way}");
        // From whom nothing is hidden, finds what is stored.
        let (ids, _) = asked(&house.everything, "hidden").await;
        assert_eq!(ids.is_empty(), expected.is_empty(), "{way}: {ids:?}");
    }
}

/// What does not match is the same for both: a row is not told by what it does not refer to.
#[tokio::test]
async fn nothing_is_left_out_by_what_is_not_seen() {
    let house = referring().await;
    for way in [
        "Observation?_filter=not (has-member eq Observation/ID)",
        "Observation?_filter=has-member ne Observation/ID",
    ] {
        let url = |id: &str| format!("{}&_sort=_id", way.replace("ID", id));
        let all = ["of-hidden", "of-never", "of-shown"];
        for id in ["hidden", "never"] {
            let ids = found(&house.masked(Method::Get, &url(id), None).await);
            let naming: Vec<&String> = ids.iter().filter(|id| id.starts_with("of-")).collect();
            assert_eq!(naming, all, "{way} by {id}");
        }
        let ids = found(&house.masked(Method::Get, &url("shown"), None).await);
        assert!(!ids.contains(&"of-shown".to_owned()), "{ids:?}");
    }
}

/// What is said beside a reference, and the order of what they lead to.
#[tokio::test]
async fn what_tells_more_of_a_reference_is_refused_where_something_may_be_hidden() {
    let house = referring().await;
    for url in [
        "Observation?has-member:identifier=urn:s|never",
        "Observation?_filter=has-member:identifier eq never",
        "Observation?_sort=has-member",
        "Observation?_sort=-encounter",
        "Bundle?composition.title=t",
    ] {
        let reply = house.masked(Method::Get, url, None).await;
        assert_eq!(reply.status, 403, "{url}: {reply:?}");
        let reply = house.ask(&house.everything, Method::Get, url, None).await;
        assert_eq!(reply.status, 200, "{url}: {reply:?}");
    }
    // Whose record a resource is in is told with it.
    let url = "Condition?_sort=patient";
    assert_eq!(house.masked(Method::Get, url, None).await.status, 200);
}

/// The same of parameters that a client defines, in each place where one may be asked.
#[tokio::test]
async fn what_a_client_defines_reads_nothing_beside_a_reference_where_something_may_be_hidden() {
    let house = referring().await;
    for (code, ty, path) in [
        ("m-display", "string", "display"),
        ("m-text", "string", "reference"),
        ("m-identifier", "token", "identifier"),
        ("m-marked", "reference", "where(display='hidden')"),
        ("m-plain", "reference", "where(resolve() is Observation)"),
    ] {
        let expression = format!("Observation.hasMember.{path}");
        house.put(&json!({ "resourceType": "SearchParameter", "id": code, "url": format!("urn:{code}"), "name": code, "status": "active",
            "description": code, "code": code, "base": ["Observation"], "type": ty, "expression": expression })).await;
    }
    for url in [
        "Observation?m-display=hidden",
        "Observation?m-display=never",
        "Observation?m-display:missing=false",
        "Observation?m-text=Observation",
        "Observation?m-identifier=urn:s|hidden",
        "Observation?m-marked:missing=false",
        "Observation?has-member.m-display=hidden",
        "Patient?_has:Observation:patient:m-display=hidden",
        "Observation?_filter=m-display co hidden",
        "Observation?_sort=m-display",
    ] {
        let reply = house.masked(Method::Get, url, None).await;
        assert_eq!(reply.status, 403, "{url}: {reply:?}");
        // Until the index has it nobody asks by it behind a hop.
        let reply = house.ask(&house.everything, Method::Get, url, None).await;
        assert!(matches!(reply.status, 200 | 400), "{url}: {reply:?}");
    }
    for id in IDS {
        let url = format!("Observation?m-plain=Observation/{id}");
        let ids = found(&house.masked(Method::Get, &url, None).await);
        assert_eq!(ids.is_empty(), id != "shown", "{url}: {ids:?}");
    }
}

/// A section, or an entry, that is about what is hidden leaves as a whole: nothing is found by what else it says, nor by its words.
#[tokio::test]
async fn what_is_said_of_a_target_finds_nothing_where_it_may_be_hidden() {
    let house = referring().await;
    for id in IDS {
        let code =
            json!({ "coding": [{ "system": "urn:s", "code": id }], "text": format!("Coded{id}") });
        let target = json!({ "reference": format!("Observation/{id}") });
        let subject = json!({ "reference": "Patient/p" });
        house.put(&json!({ "resourceType": "Composition", "id": format!("of-{id}"), "status": "final", "type": { "text": "t" },
            "subject": subject, "date": "2026-01-01", "author": [{ "display": "a" }], "title": "t",
            "section": [{ "title": format!("Section{id}"), "code": code, "entry": [target] }, { "title": format!("Aside{id}"), "text":
                { "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>" } }] })).await;
        house.put(&json!({ "resourceType": "List", "id": format!("of-{id}"), "status": "current", "mode": "working", "subject": subject,
            "entry": [{ "item": target, "flag": code }] })).await;
    }
    house.put(&json!({ "resourceType": "SearchParameter", "id": "flag", "url": "urn:flag", "name": "flag", "status": "active",
        "description": "flag", "code": "flag", "base": ["List"], "type": "token", "expression": "List.entry.flag" })).await;
    for url in [
        "Composition?section=urn:s|hidden",
        "Composition?section:missing=false",
        "Composition?_sort=section",
        "List?flag=urn:s|never",
    ] {
        let reply = house.masked(Method::Get, url, None).await;
        assert_eq!(reply.status, 403, "{url}: {reply:?}");
        let reply = house.ask(&house.everything, Method::Get, url, None).await;
        assert_eq!(reply.status, 200, "{url}: {reply:?}");
    }
    for id in IDS {
        for (ty, word, is_cut) in [
            ("Composition", "section", true),
            ("Composition", "coded", true),
            ("Composition", "aside", false),
            ("List", "coded", true),
        ] {
            let url = format!("{ty}?_content={word}{id}");
            let all = house.ask(&house.everything, Method::Get, &url, None).await;
            assert_eq!(found(&all), [format!("of-{id}")], "{url}");
            let some = found(&house.masked(Method::Get, &url, None).await);
            assert_eq!(some.is_empty(), is_cut, "{url}");
        }
    }
    let url = "Composition?entry=Observation/shown";
    assert_eq!(
        found(&house.masked(Method::Get, url, None).await),
        ["of-shown"]
    );
}

/// Nor are its words, which whoever knows them would find; beside what is not cut they are.
#[tokio::test]
async fn nothing_is_found_by_words_that_stand_in_a_reference_to_what_may_be_hidden() {
    let house = referring().await;
    for id in IDS {
        let mut naming = observation(&format!("words-{id}"), "p", &[id]);
        naming["hasMember"][0]["display"] = format!("Marker{id}").into();
        naming["note"] = json!([{ "text": format!("Beside{id}") }]);
        house.put(&naming).await;
    }
    for id in IDS {
        for (word, is_cut) in [("marker", true), ("beside", false)] {
            let url = format!("Observation?_content={word}{id}&_total=accurate");
            let (all, some) = (
                house.ask(&house.everything, Method::Get, &url, None).await,
                house.masked(Method::Get, &url, None).await,
            );
            assert_eq!(found(&all), [format!("words-{id}")], "{url}");
            assert_eq!(found(&some).is_empty(), is_cut, "{url}");
            assert_eq!(body(&some)["total"] == 0, is_cut, "{url}");
        }
    }
}

/// A condition of a write meets nothing by it either, and by what is seen it does.
#[tokio::test]
async fn no_condition_is_met_by_what_is_not_seen() {
    let house = referring().await;
    for (id, status) in [("hidden", 201), ("never", 201), ("shown", 200)] {
        let new = observation("x", "p", &[]);
        let url = format!("Observation?has-member=Observation/{id}&status=final");
        let reply = house.masked(Method::Put, &url, Some(&new)).await;
        // The one that is met has another id.
        let expected = if status == 200 { 400 } else { status };
        assert_eq!(reply.status, expected, "{id}: {reply:?}");
        let gone = house
            .ask(&house.everything, Method::Delete, "Observation/x", None)
            .await;
        assert!(gone.status < 300 || gone.status == 404, "{gone:?}");
    }
}

#[tokio::test]
async fn the_patients_own_resources_are_found_where_the_patient_is_hidden() {
    let house = referring().await;
    // Whoever is not there is nobody's, and is asked by all the same.
    for (id, is_any) in [("p", true), ("q", false), ("nobody", false)] {
        let url = format!("Observation?subject=Patient/{id}");
        let ids = found(&house.masked(Method::Get, &url, None).await);
        assert_eq!(!ids.is_empty(), is_any, "{id}: {ids:?}");
    }
}

/// One statement for all targets and one for ids that clients chose, and none for whom nothing is hidden.
#[tokio::test]
async fn a_search_by_references_takes_one_look_up() {
    let house = referring().await;
    let store = &house.engine.store;
    let quiet = Facts::of(all_known().hiding(Hides::NOTHING));
    let quiet = decide(&house.caller, &quiet);
    let mut taken = Vec::new();
    let url = "Observation?has-member=Observation/hidden,Observation/never&encounter=Encounter/never&_count=5";
    for access in [&house.everything, &house.everything, &quiet, &house.masked] {
        let before = store.statements();
        let reply = house.ask(access, Method::Get, url, None).await;
        assert_eq!(reply.status, 200);
        taken.push(store.statements() - before);
    }
    assert_eq!(taken[1], taken[2]);
    assert!(taken[3] <= taken[2] + 2, "{taken:?}");
}
