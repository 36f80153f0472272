//! Granular scopes as an app meets them: S69 union, S70 reading, S71 writing, each over HTTP on both stores.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters>

use super::on_own;
use super::search::link;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use ward_testkit::{Client, Server};

const CATEGORIES: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const LAB: &str = "category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
const VITALS: &str =
    "category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";
const EVERY: [&str; 3] = ["laboratory", "vital-signs", "social-history"];

fn observation(id: &str, category: &str, who: &str) -> Value {
    json!({ "resourceType": "Observation", "id": id, "status": "final",
        "category": [{ "coding": [{ "system": CATEGORIES, "code": category }] }],
        "code": { "coding": [{ "system": "http://loinc.org", "code": id }] },
        "subject": { "reference": format!("Patient/{who}") },
        "encounter": { "reference": format!("Encounter/visit-{who}") }, "effectiveDateTime": "2024-02-03" })
}

/// Of each of two patients a visit, an Observation of each category, and a report on two of them.
fn fill(ward: &Client) {
    let put = |body: Value| {
        let (ty, id) = (&body["resourceType"], &body["id"]);
        let path = format!("{}/{}", ty.as_str().unwrap(), id.as_str().unwrap());
        ward.put(&path, &body).expect(201);
    };
    for who in ["one", "two"] {
        let subject = json!({ "reference": format!("Patient/{who}") });
        put(json!({ "resourceType": "Patient", "id": who, "active": true }));
        put(
            json!({ "resourceType": "Encounter", "id": format!("visit-{who}"), "status": "finished",
            "class": { "system": "http://a", "code": "AMB" }, "subject": subject }),
        );
        for category in EVERY {
            put(observation(&format!("{category}-{who}"), category, who));
        }
        let result = ["laboratory", "vital-signs"]
            .map(|category| json!({ "reference": format!("Observation/{category}-{who}") }));
        put(
            json!({ "resourceType": "DiagnosticReport", "id": format!("report-{who}"), "status": "final",
            "code": { "text": "report" }, "subject": subject, "result": result }),
        );
        put(
            json!({ "resourceType": "AllergyIntolerance", "id": format!("allergy-{who}"), "patient": subject,
            "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active" }] } }),
        );
    }
}

fn app(server: &Server, scope: &str) -> Client {
    server.client_within("app", Some("one"), scope)
}

/// Ids of what an answer shows of a type, each of which it shows once.
fn ids(bundle: &Value, ty: &str) -> BTreeSet<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let of_type = entries.iter().map(|e| &e["resource"]);
    let of_type = of_type.filter(|r| r["resourceType"] == ty);
    let all: Vec<String> = of_type
        .map(|r| r["id"].as_str().unwrap().to_owned())
        .collect();
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(set.len(), all.len(), "{all:?}");
    set
}

fn seen(caller: &Client, url: &str) -> BTreeSet<String> {
    ids(&caller.get(url).expect(200).json(), "Observation")
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn s69_scopes_of_one_type_are_united() {
    on_own(&[], |server, ward| {
        fill(ward);
        let lab = format!("patient/Observation.rs?{LAB}");
        let vitals = format!("patient/Observation.rs?{VITALS}");
        let of = |categories: &[&str]| -> BTreeSet<String> {
            categories
                .iter()
                .map(|category| format!("{category}-one"))
                .collect()
        };
        for (scope, expected) in [
            (lab.clone(), of(&EVERY[..1])),
            (format!("{lab} {vitals}"), of(&EVERY[..2])),
            (format!("{vitals} {lab}"), of(&EVERY[..2])),
            (format!("{lab}&status=final"), of(&EVERY[..1])),
            (format!("{lab}&status=amended"), of(&[])),
            (format!("{lab}&{VITALS}"), of(&[])),
            (format!("{lab} patient/Observation.rs"), of(&EVERY)),
            (format!("{lab} patient/*.rs"), of(&EVERY)),
            (format!("{lab} patient/Condition.rs"), of(&EVERY[..1])),
        ] {
            let caller = app(server, &scope);
            for url in [
                "Observation",
                "Observation?patient=one",
                "Patient/one/Observation",
            ] {
                assert_eq!(seen(&caller, url), expected, "{scope} {url}");
            }
            let count = caller.get("Observation?_summary=count").expect(200).json();
            assert_eq!(count["total"], expected.len(), "{scope}");
            for category in EVERY {
                let id = format!("{category}-one");
                let status = if expected.contains(&id) { 200 } else { 404 };
                caller.get(&format!("Observation/{id}")).expect(status);
                caller
                    .get(&format!("Observation/{category}-two"))
                    .expect(404);
            }
        }
        // Scopes of several types are each its own.
        let caller = app(server, &format!("{lab} patient/AllergyIntolerance.rs"));
        caller.get("AllergyIntolerance/allergy-one").expect(200);
        caller.get("AllergyIntolerance/allergy-two").expect(404);
        caller.get("Encounter/visit-one").expect(403);
        let all = caller
            .get("?_lastUpdated=gt2000&_total=accurate")
            .expect(200)
            .json();
        assert_eq!(all["total"], 2);
        // A system's are about every patient.
        let scope = format!("system/Observation.rs?{LAB} system/Observation.rs?{VITALS}");
        let system = server.client_within("loader", None, &scope);
        let expected = set(&[
            "laboratory-one",
            "laboratory-two",
            "vital-signs-one",
            "vital-signs-two",
        ]);
        assert_eq!(seen(&system, "Observation?_total=accurate"), expected);
    });
}

#[test]
fn s70_nothing_that_is_read_leads_outside() {
    on_own(&[], |server, ward| {
        fill(ward);
        let others = "patient/Patient.rs patient/Encounter.rs patient/DiagnosticReport.rs";
        let caller = app(server, &format!("patient/Observation.rs?{LAB} {others}"));
        for below in ["", "/_history", "/_history/1", "/$meta"] {
            caller
                .get(&format!("Observation/laboratory-one{below}"))
                .expect(200);
            let absent = caller
                .get(&format!("Observation/nobody{below}"))
                .expect(404);
            for id in ["vital-signs-one", "laboratory-two", "vital-signs-two"] {
                let url = format!("Observation/{id}{below}");
                let hidden = caller.get(&url).expect(404);
                assert_eq!(hidden.text(), absent.text(), "{url}");
                caller.request("HEAD", &url).send().expect(404);
                let known = caller
                    .request("GET", &url)
                    .header("If-None-Match", "W/\"1\"");
                known.send().expect(404);
            }
        }
        let own = set(&["laboratory-one"]);
        for url in [
            "Observation",
            "Observation?_format=json&_count=50",
            "Observation?patient=one,two",
            "Observation?category=laboratory,vital-signs",
            "Observation?code=http://loinc.org|laboratory-one,http://loinc.org|vital-signs-one",
            "Observation?_id=vital-signs-one,laboratory-one,laboratory-two",
            "Observation?_sort=-date",
            "Observation?_sort=status,-_lastUpdated",
            "Observation?status:not=amended",
            "Observation?date=ge2024&_total=accurate",
            "Observation?encounter.status=finished",
            "Observation?subject:Patient.active=true",
            "Observation?_filter=status eq final",
            "Observation?_content=final",
            "Observation/_history",
            "?_type=Observation,Encounter",
            "_history",
            "Patient/one/Observation",
            "Patient/one/*",
            "Patient/one/$everything",
            "Patient/$everything",
            "Encounter/visit-one/$everything",
            "Observation/$lastn?patient=one&category=laboratory,vital-signs,social-history&max=9",
            "Encounter?_revinclude=Observation:encounter",
            "Patient?_revinclude=Observation:subject",
            "Patient?_revinclude=*",
            "DiagnosticReport?_include=DiagnosticReport:result",
            "DiagnosticReport?_include=*",
        ] {
            assert_eq!(seen(&caller, url), own, "{url}");
        }
        let form = |body: &str| {
            caller
                .request("POST", "Observation/_search")
                .body("application/x-www-form-urlencoded", body.into())
                .send()
        };
        assert_eq!(
            ids(&form("status=final").expect(200).json(), "Observation"),
            own
        );
        // What is found by what it does not see is found by nothing.
        for (ty, by) in [
            ("DiagnosticReport", "result.code=http://loinc.org|"),
            (
                "Encounter",
                "_has:Observation:encounter:code=http://loinc.org|",
            ),
            ("Patient", "_has:Observation:subject:code=http://loinc.org|"),
            (
                "Patient",
                "_has:Encounter:subject:_has:Observation:encounter:code=http://loinc.org|",
            ),
        ] {
            for (code, count) in [
                ("laboratory-one", 1),
                ("vital-signs-one", 0),
                ("laboratory-two", 0),
            ] {
                let url = format!("{ty}?{by}{code}&_total=accurate");
                let found = caller.get(&url).expect(200).json();
                assert_eq!(
                    (&found["total"], ids(&found, ty).len()),
                    (&json!(count), count),
                    "{url}"
                );
            }
        }
        // Each entry of a batch is read as by itself.
        let get = |url: &str| json!({ "request": { "method": "GET", "url": url } });
        let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": [
            get("Observation/laboratory-one"), get("Observation/vital-signs-one"), get("Observation?_summary=count")] });
        let answer = caller.post("", &batch).expect(200).json();
        assert_eq!(answer["entry"][0]["response"]["status"], "200 OK");
        assert_eq!(answer["entry"][1]["response"]["status"], "404 Not Found");
        assert_eq!(answer["entry"][2]["resource"]["total"], 1);
    });
}

#[test]
fn s70_totals_and_pages_are_of_what_is_seen() {
    on_own(&[], |server, ward| {
        fill(ward);
        let scope = format!("system/Observation.rs?{LAB} system/Patient.rs");
        let caller = server.client_within("loader", None, &scope);
        for (query, total) in [
            ("", 2),
            ("category=laboratory", 2),
            ("category=vital-signs", 0),
            ("status=final", 2),
            ("patient=two", 1),
            ("date=ge2024", 2),
            ("status:not=amended", 2),
        ] {
            for shape in [
                "_summary=count",
                "_total=accurate",
                "_total=estimate",
                "_count=0",
            ] {
                let url = format!("Observation?{query}&{shape}");
                assert_eq!(caller.get(&url).expect(200).json()["total"], total, "{url}");
            }
        }
        let all = caller
            .get("?_type=Observation,Patient&_total=accurate")
            .expect(200)
            .json();
        assert_eq!(all["total"], 4);
        let mut shown = Vec::new();
        let mut next = Some("Observation?_count=1".to_owned());
        while let Some(url) = next {
            let page = caller.get(&url).expect(200).json();
            shown.push(ids(&page, "Observation"));
            next = link(&page, "next");
        }
        assert_eq!(shown.iter().map(BTreeSet::len).collect::<Vec<_>>(), [1, 1]);
        // A link that a token with more gave shows no more than the token that follows it may see.
        let wide = server.client_within("loader", None, "system/Observation.rs");
        let page = wide
            .get("Observation?_count=1&_sort=_lastUpdated")
            .expect(200)
            .json();
        let next = link(&page, "next").unwrap();
        assert_eq!(seen(&wide, &next), set(&["vital-signs-one"]));
        assert_eq!(seen(&caller, &next), set(&["laboratory-two"]));
    });
}

#[test]
fn s71_what_is_written_lies_inside_before_and_after() {
    on_own(&[], |server, ward| {
        fill(ward);
        let scope = format!("system/Observation.cruds?{LAB} system/Patient.rs system/Encounter.rs");
        let caller = server.client_within("loader", None, &scope);
        let new = |category: &str| {
            let mut body = observation("new", category, "one");
            body.as_object_mut().unwrap().remove("id");
            body
        };
        caller.post("Observation", &new("vital-signs")).expect(403);
        let made = caller
            .post("Observation", &new("laboratory"))
            .expect(201)
            .id();
        caller.get(&format!("Observation/{made}")).expect(200);
        let put = |id: &str, category: &str| {
            caller.put(
                &format!("Observation/{id}"),
                &observation(id, category, "one"),
            )
        };
        put("laboratory-one", "vital-signs").expect(403);
        put("laboratory-one", "laboratory").expect(200);
        for category in ["laboratory", "vital-signs"] {
            put("vital-signs-one", category).expect(404);
        }
        let patch = |id: &str, code: &str| {
            let operations =
                json!([{ "op": "replace", "path": "/category/0/coding/0/code", "value": code }]);
            caller
                .request("PATCH", &format!("Observation/{id}"))
                .body("application/json-patch+json", operations.to_string().into())
                .send()
        };
        patch("laboratory-two", "vital-signs").expect(403);
        patch("vital-signs-two", "laboratory").expect(404);
        // A deletion of what is not there is 204 too.
        caller.delete("Observation/vital-signs-one").expect(204);
        caller.delete("Observation/nobody").expect(204);
        ward.get("Observation/vital-signs-one").expect(200);
        let by_code = "Observation?code=http://loinc.org|vital-signs-one";
        caller.delete(by_code).expect(204);
        ward.get("Observation/vital-signs-one").expect(200);
        // All of a transaction or nothing; of a batch each by itself.
        let entry = |body: Value| json!({ "resource": body, "request": { "method": "POST", "url": "Observation" } });
        let count = || ward.get("Observation?_summary=count").expect(200).json()["total"].clone();
        let before = count();
        let bundle = |kind: &str| {
            json!({ "resourceType": "Bundle", "type": kind,
                "entry": [entry(new("laboratory")), entry(new("vital-signs"))] })
        };
        let refused = caller.post("", &bundle("transaction")).expect(403);
        assert!(
            refused.text().contains("Bundle.entry[1]"),
            "{}",
            refused.text()
        );
        assert_eq!(count(), before);
        let answer = caller.post("", &bundle("batch")).expect(200).json();
        assert_eq!(answer["entry"][0]["response"]["status"], "201 Created");
        assert_eq!(answer["entry"][1]["response"]["status"], "403 Forbidden");
        caller.delete(&format!("Observation/{made}")).expect(204);
        ward.get(&format!("Observation/{made}")).expect(410);
    });
}
