//! Granular scopes, by their assertions: S69 union, S70 reading, S72 never widened. S71 is in `granular_writes.rs`.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters>

use crate::house::{House, app, clinician, json, system, text, user};
use crate::pinned::follow;
use crate::placement::patient;
use serde_json::{Value, json as value};
use std::collections::BTreeSet;
use ward_access::{Caller, Identity};
use ward_resources::route::Method::{self, Get, Post};

const CATEGORIES: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
pub const LAB: &str =
    "category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
pub const VITALS: &str =
    "category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";

pub fn observation(id: &str, category: &str, subject: &str) -> Value {
    value!({ "resourceType": "Observation", "id": id, "status": "final",
        "category": [{ "coding": [{ "system": CATEGORIES, "code": category }] }],
        "code": { "coding": [{ "system": "http://loinc.org", "code": id }] },
        "subject": { "reference": subject }, "effectiveDateTime": "2024-02-03" })
}

/// Two patients; each with one of the laboratory, one vital sign and one social history, which name an encounter.
pub async fn ward(house: &House) {
    for who in ["one", "two"] {
        let path = house.put(&patient(who)).await;
        let encounter = format!("visit-{who}");
        house
            .put(&value!({ "resourceType": "Encounter", "id": encounter, "status": "finished",
                "class": { "system": "http://a", "code": "AMB" }, "subject": { "reference": path } }))
            .await;
        for category in ["laboratory", "vital-signs", "social-history"] {
            let mut body = observation(&format!("{category}-{who}"), category, &path);
            body["encounter"] = value!({ "reference": format!("Encounter/{encounter}") });
            house.put(&body).await;
        }
    }
    let panel = |id: &str, members: [&str; 2]| {
        let mut body = observation(id, "laboratory", "Patient/one");
        let members = members.map(|m| value!({ "reference": format!("Observation/{m}") }));
        body["hasMember"] = value!(members);
        body
    };
    house
        .put(&panel("panel", ["laboratory-one", "vital-signs-one"]))
        .await;
}

pub async fn status(
    house: &House,
    caller: &Caller,
    method: Method,
    url: &str,
    body: &Value,
) -> u16 {
    let body = (!body.is_null()).then_some(body);
    house.ask(caller, method, url, body).await.status
}

/// Ids of the Observations of an answer.
pub async fn seen(house: &House, caller: &Caller, url: &str) -> BTreeSet<String> {
    let reply = house.ask(caller, Get, url, None).await;
    assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
    ids(&json(&reply), "Observation")
}

fn ids(bundle: &Value, ty: &str) -> BTreeSet<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let of_type = entries
        .iter()
        .filter(|e| e["resource"]["resourceType"] == ty);
    of_type
        .map(|e| e["resource"]["id"].as_str().unwrap().to_owned())
        .collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

pub async fn s69_scopes_of_one_type_are_united(house: House) {
    ward(&house).await;
    let lab = format!("Observation.rs?{LAB}");
    let vitals = format!("Observation.rs?{VITALS}");
    let both = [
        "laboratory-one",
        "laboratory-two",
        "panel",
        "vital-signs-one",
        "vital-signs-two",
    ];
    let two = format!("{LAB}&code=http://loinc.org|laboratory-two");
    for (caller, expected) in [
        (system(&format!("system/{lab} system/{vitals}")), set(&both)),
        (system(&format!("system/{vitals} system/{lab}")), set(&both)),
        (user(&format!("user/{lab} user/{vitals}")), set(&both)),
        // All parameters of one scope hold together.
        (
            system(&format!("system/Observation.rs?{two}")),
            set(&["laboratory-two"]),
        ),
        (
            system(&format!("system/Observation.rs?{LAB}&{VITALS}")),
            set(&[]),
        ),
        (
            app(&format!("patient/{lab} patient/{vitals}"), "Patient/one"),
            set(&["laboratory-one", "panel", "vital-signs-one"]),
        ),
        // A plain scope that reaches as far has it all, one that does not adds its part.
        (
            app(
                &format!("patient/{lab} patient/Observation.rs"),
                "Patient/one",
            ),
            set(&[
                "laboratory-one",
                "panel",
                "social-history-one",
                "vital-signs-one",
            ]),
        ),
        (
            mixed(&format!("patient/Observation.rs user/Observation.rs?{two}")),
            set(&[
                "laboratory-one",
                "laboratory-two",
                "panel",
                "social-history-one",
                "vital-signs-one",
            ]),
        ),
        (
            mixed(&format!("patient/{vitals} user/{lab}")),
            set(&[
                "laboratory-one",
                "laboratory-two",
                "panel",
                "vital-signs-one",
            ]),
        ),
    ] {
        let scopes = caller.scopes.to_string();
        let found = seen(&house, &caller, "Observation?_total=accurate").await;
        assert_eq!(found, expected, "{scopes}");
        let count = house
            .ask(&caller, Get, "Observation?_summary=count", None)
            .await;
        assert_eq!(json(&count)["total"], expected.len(), "{scopes}");
        for who in [
            "laboratory-one",
            "laboratory-two",
            "social-history-one",
            "vital-signs-two",
        ] {
            let url = format!("Observation/{who}");
            let read = status(&house, &caller, Get, &url, &Value::Null).await;
            assert_eq!(
                read,
                if expected.contains(who) { 200 } else { 404 },
                "{scopes} {who}"
            );
        }
    }
}

/// A clinician's app, launched with the first patient.
fn mixed(scopes: &str) -> Caller {
    let identity = Identity {
        patient: Some("one".into()),
        ..Identity::clone(&user(scopes))
    };
    Caller::in_roles(identity, clinician())
}

pub async fn s78_each_scope_has_its_own_context(house: House) {
    ward(&house).await;
    for (scopes, own, foreign, patients) in [
        ("patient/Observation.rs user/Patient.rs", 200, 404, 2),
        ("user/Patient.rs patient/Observation.rs", 200, 404, 2),
        ("patient/Patient.rs user/Observation.rs", 200, 200, 1),
        ("patient/*.rs user/Observation.r", 200, 200, 1),
        ("patient/Patient.rs user/Patient.s", 403, 403, 2),
        ("patient/*.rs", 200, 404, 1),
        ("user/*.rs", 200, 200, 2),
    ] {
        let caller = mixed(scopes);
        for (who, expected) in [("one", own), ("two", foreign)] {
            let url = format!("Observation/laboratory-{who}");
            let read = status(&house, &caller, Get, &url, &Value::Null).await;
            assert_eq!(read, expected, "{scopes} {url}");
        }
        let found = json(
            &house
                .ask(&caller, Get, "Patient?_total=accurate", None)
                .await,
        );
        assert_eq!(found["total"], patients, "{scopes}");
        assert_eq!(ids(&found, "Patient").len(), patients, "{scopes}");
    }
    // Each by its own action: what may be found may not for that reason be read.
    let caller = mixed("patient/Patient.rs user/Patient.s");
    for (who, expected) in [("one", 200), ("two", 404)] {
        let url = format!("Patient/{who}");
        assert_eq!(
            status(&house, &caller, Get, &url, &Value::Null).await,
            expected
        );
    }
}

pub async fn s70_no_way_leads_outside_the_scope(house: House) {
    ward(&house).await;
    let scopes = format!("Observation.rs?{LAB} patient/Patient.rs patient/Encounter.rs");
    let caller = app(&format!("patient/{scopes}"), "Patient/one");
    let own = set(&["laboratory-one", "panel"]);
    for below in ["", "/_history", "/_history/1", "/$meta"] {
        let url = |id: &str| format!("Observation/{id}{below}");
        for id in [
            "vital-signs-one",
            "laboratory-two",
            "vital-signs-two",
            "nobody",
        ] {
            let asked = status(&house, &caller, Get, &url(id), &Value::Null).await;
            assert_eq!(asked, 404, "{}", url(id));
        }
        let asked = status(&house, &caller, Get, &url("laboratory-one"), &Value::Null).await;
        assert_eq!(asked, 200, "{}", url("laboratory-one"));
    }
    for url in [
        "Observation",
        "Observation?patient=Patient/one",
        "Observation?category=laboratory",
        "Observation?_sort=-date",
        "Observation?_sort=status,-_lastUpdated",
        "Observation?status:not=amended",
        "Observation?status:missing=false",
        "Observation?encounter.status=finished&_count=50",
        "Observation?_filter=status eq final",
        "?_type=Observation,Encounter",
        "?_lastUpdated=gt2000",
        "_history",
        "Observation/_history",
        "Patient/one/Observation",
        "Patient/one/*",
        "Patient/one/$everything",
        "Observation/$lastn?patient=Patient/one&category=laboratory,vital-signs,social-history&max=5",
        "Encounter?_revinclude=Observation:encounter",
        "Patient?_revinclude=Observation:subject",
        "Observation?_id=panel,vital-signs-one,laboratory-one,laboratory-two",
    ] {
        let found: BTreeSet<String> = seen(&house, &caller, url).await;
        let expected = match url {
            "Observation?encounter.status=finished&_count=50"
            | "Encounter?_revinclude=Observation:encounter" => set(&["laboratory-one"]),
            _ => own.clone(),
        };
        assert_eq!(found, expected, "{url}");
    }
    // The vital sign that the panel has is not included, nor a way to find the panel by it.
    let included = seen(
        &house,
        &caller,
        "Observation?_id=panel&_include=Observation:has-member",
    )
    .await;
    assert_eq!(included, own);
    for (url, expected) in [
        (
            "Observation?has-member.code=http://loinc.org|laboratory-one",
            set(&["panel"]),
        ),
        (
            "Observation?has-member.code=http://loinc.org|vital-signs-one",
            set(&[]),
        ),
        (
            "Observation?_has:Observation:has-member:_id=panel",
            set(&["laboratory-one"]),
        ),
    ] {
        assert_eq!(seen(&house, &caller, url).await, expected, "{url}");
    }
    for (code, expected) in [("laboratory-one", 1), ("vital-signs-one", 0)] {
        let url = format!("Patient?_has:Observation:subject:code=http://loinc.org|{code}");
        let found = house.ask(&caller, Get, &url, None).await;
        assert_eq!(ids(&json(&found), "Patient").len(), expected, "{url}");
    }
    // A batch is read entry by entry, each as by itself.
    let get = |url: &str| value!({ "request": { "method": "GET", "url": url } });
    let batch = value!({ "resourceType": "Bundle", "type": "batch", "entry": [
        get("Observation/laboratory-one"), get("Observation/vital-signs-one"), get("Observation?_summary=count")] });
    let reply = json(&house.ask(&caller, Post, "", Some(&batch)).await);
    assert_eq!(reply["entry"][0]["response"]["status"], "200 OK");
    assert_eq!(reply["entry"][1]["response"]["status"], "404 Not Found");
    assert_eq!(reply["entry"][2]["resource"]["total"], 2);
}

pub async fn s70_totals_are_of_what_is_seen(house: House) {
    ward(&house).await;
    let caller = system(&format!("system/Observation.rs?{LAB} system/Patient.rs"));
    for (query, total) in [
        ("", 3),
        (
            "category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
            3,
        ),
        (
            "category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
            0,
        ),
        ("status=final", 3),
        ("patient=Patient/two", 1),
        ("date=ge2024", 3),
    ] {
        for shape in [
            "_summary=count",
            "_total=accurate",
            "_total=estimate",
            "_count=0",
        ] {
            let url = format!("Observation?{query}&{shape}");
            let reply = house.ask(&caller, Get, &url, None).await;
            assert_eq!(json(&reply)["total"], total, "{url}: {}", text(&reply));
        }
    }
    let reply = house
        .ask(
            &caller,
            Get,
            "?_type=Observation,Patient&_total=accurate",
            None,
        )
        .await;
    assert_eq!(json(&reply)["total"], 5);
}

pub async fn s72_what_is_not_understood_grants_nothing(house: House) {
    ward(&house).await;
    for query in [
        "category=laboratory",
        "category:not=http://a|b",
        "category:text=lab",
        "category:in=http://hl7.org/fhir/ValueSet/observation-category",
        "subject:Patient.active=true",
        "patient.active=true",
        "_has:Provenance:target:agent=Practitioner/1",
        "_filter=status",
        "_id=laboratory-one",
        "_lastUpdated=gt2000",
        "_include=Observation:subject",
        "_sort=date",
        "value-quantity=gt1",
        "date=ap2024",
        "unheard-of=1",
        "category=",
        "category=http://a|b&",
        "category=http%3A%2F%2Fa%7Cb",
    ] {
        let caller = system(&format!("system/Observation.cruds?{query}"));
        assert_eq!(caller.scopes.refused().len(), 1, "{query}");
        for url in [
            "Observation",
            "Observation/laboratory-one",
            "Observation/_history",
        ] {
            let asked = status(&house, &caller, Get, url, &Value::Null).await;
            assert_eq!(asked, 403, "{query} {url}");
        }
        let with_patient = system(&format!("system/Observation.rs?{query} system/Patient.rs"));
        assert_eq!(
            seen(&house, &with_patient, "?_lastUpdated=gt2000").await,
            set(&[]),
            "{query}"
        );
    }
}

pub async fn types_without_patients_and_all_types_can_be_granular(house: House) {
    ward(&house).await;
    let tagged = |mut body: Value| {
        body["meta"] = value!({ "tag": [{ "system": "http://tags", "code": "open" }] });
        body
    };
    house
        .put(&tagged(observation(
            "tagged-one",
            "laboratory",
            "Patient/one",
        )))
        .await;
    house
        .put(&tagged(observation(
            "tagged-two",
            "laboratory",
            "Patient/two",
        )))
        .await;
    for (id, name) in [("a", "Lab"), ("b", "Clinic")] {
        house
            .put(&value!({ "resourceType": "Organization", "id": id, "name": name }))
            .await;
    }
    house
        .put(&tagged(
            value!({ "resourceType": "Organization", "id": "c", "name": "Ward" }),
        ))
        .await;
    let all = system("system/*.rs?_tag=http://tags|open");
    let found = json(
        &house
            .ask(&all, Get, "?_lastUpdated=gt2000&_total=accurate", None)
            .await,
    );
    assert_eq!(
        (found["total"].as_u64(), ids(&found, "Organization").len()),
        (Some(3), 1)
    );
    assert_eq!(
        ids(&found, "Observation"),
        set(&["tagged-one", "tagged-two"])
    );
    let own = app(
        "patient/*.rs?_tag=http://tags|open patient/Organization.rs?name:exact=Lab",
        "Patient/one",
    );
    let found = json(&house.ask(&own, Get, "?_lastUpdated=gt2000", None).await);
    assert_eq!(ids(&found, "Observation"), set(&["tagged-one"]));
    assert_eq!(ids(&found, "Organization"), set(&["a", "c"]));
    assert_eq!(ids(&found, "Patient"), set(&[]));
    let inside = json(&house.ask(&own, Get, "Patient/one/*", None).await);
    assert_eq!(ids(&inside, "Observation"), set(&["tagged-one"]));
}

/// A page link is its caller's, whatever the token: what they may see is decided anew for each page.
pub async fn each_page_is_decided_afresh(house: House) {
    for at in 0..12 {
        let category = ["laboratory", "vital-signs"][at % 2];
        let who = ["one", "two"][at / 2 % 2];
        house.put(&patient(who)).await;
        house
            .put(&observation(
                &format!("o{at:02}"),
                category,
                &format!("Patient/{who}"),
            ))
            .await;
    }
    let wide = app("patient/Observation.rs", "Patient/one");
    let narrow = app(&format!("patient/Observation.rs?{LAB}"), "Patient/one");
    for (url, path) in [
        ("Observation?_count=2", true),
        ("Observation/_history?_count=2", false),
    ] {
        let first = json(&house.ask(&wide, Get, url, None).await);
        assert_eq!(ids(&first, "Observation"), set(&["o08", "o09"]), "{url}");
        let mut rest = BTreeSet::new();
        let mut next = follow(&first, "next");
        while let Some(call) = next {
            let reply = house.engine.answer(&narrow, &call).await;
            assert_eq!(reply.status, 200, "{}", text(&reply));
            let page = json(&reply);
            rest.extend(ids(&page, "Observation"));
            next = follow(&page, "next");
        }
        assert_eq!(rest, set(&["o00", "o04"]), "{url} {path}");
        // Wider again, from the same link.
        let call = follow(&first, "next").unwrap();
        let page = json(&house.engine.answer(&wide, &call).await);
        assert_eq!(ids(&page, "Observation"), set(&["o04", "o05"]), "{url}");
    }
    // Without any scope for the type the link is refused; another patient's app does not have it at all.
    let first = json(&house.ask(&wide, Get, "Observation?_count=2", None).await);
    let link = follow(&first, "next").unwrap();
    let nothing = app("patient/Condition.rs", "Patient/one");
    assert_eq!(house.engine.answer(&nothing, &link).await.status, 403);
    let other = app("patient/Observation.rs", "Patient/two");
    assert_eq!(house.engine.answer(&other, &link).await.status, 400);
}

/// What the granular scope costs in statements: none.
pub async fn granular_reads_take_as_many_statements(house: House) {
    ward(&house).await;
    let plain = app("patient/*.rs", "Patient/one");
    let granular = app(
        // And the types that Observations refer to, which are looked for in both.
        &format!(
            "patient/Observation.rs?{LAB} patient/Observation.rs?{VITALS} patient/Patient.rs patient/Encounter.rs"
        ),
        "Patient/one",
    );
    for url in [
        "Observation/laboratory-one",
        "Observation/laboratory-one/_history/1",
        "Observation/laboratory-one/_history",
        "Observation?status=final",
        "Observation?patient.active=true",
    ] {
        let mut counts = Vec::new();
        for caller in [&plain, &granular, &plain, &granular] {
            let (reply, count) = house.statements(house.ask(caller, Get, url, None)).await;
            assert_eq!(reply.status, 200, "{url}");
            counts.push(count);
        }
        assert_eq!(counts[2], counts[3], "{url}");
    }
}
