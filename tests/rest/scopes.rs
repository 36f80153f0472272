//! What scopes permit of the interactions, over HTTP on both stores: S66 to S68 and S73 to S82. Granular ones are in
//! `scopes_granular`, what a refusal tells in `scopes_denied`. <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html>

use super::crud::patient;
use super::search::{entries, make, matches, observation};
use super::{on_own, unique};
use serde_json::{Value, json};
use ward_testkit::{Answer, Client, Server};

fn system(server: &Server, scope: &str) -> Client {
    server.client_within("loader", None, scope)
}

fn id_of(path: &str) -> &str {
    path.split_once('/').unwrap().1
}

fn identified(value: &str) -> Value {
    let mut body = patient("Scoped");
    body["identifier"] = json!([{ "system": "http://example.org/scoped", "value": value }]);
    body
}

#[test]
fn s66_r_is_for_one_and_s_for_many() {
    on_own(&[], |server, ward| {
        let subject = make(ward, patient("Read"));
        let observed = make(ward, observation(&subject, "a", "2024-01-01"));
        let reader = system(server, "system/Observation.r system/Patient.s");
        for below in ["", "/_history", "/_history/1"] {
            reader.get(&format!("{observed}{below}")).expect(200);
            reader.get(&format!("{subject}{below}")).expect(403);
        }
        for below in ["", "?_count=1", "/_history"] {
            reader.get(&format!("Observation{below}")).expect(403);
            reader.get(&format!("Patient{below}")).expect(200);
        }
        // Together they show what may be searched, and include what may be read as well.
        assert_eq!(matches(&reader, "?_lastUpdated=gt2000"), [subject.as_str()]);
        let page = reader.get("_history").expect(200).json();
        assert_eq!(page["entry"].as_array().unwrap().len(), 1);
        let both = "Patient?_revinclude=Observation:subject";
        let included = |caller: &Client| entries(&caller.get(both).expect(200).json(), "include");
        assert_eq!(included(&reader), [""; 0]);
        let all = system(server, "system/Observation.rs system/Patient.s");
        assert_eq!(included(&all), [observed]);
    });
}

#[test]
fn s67_each_way_of_writing_takes_its_letters() {
    on_own(&[], |server, ward| {
        let path = make(ward, identified("known"));
        let body = |value: &str| {
            let mut body = identified(value);
            body["id"] = json!(id_of(&path));
            body
        };
        let patch = |caller: &Client, url: &str| {
            let operations = json!([{ "op": "replace", "path": "/gender", "value": "other" }]);
            caller
                .request("PATCH", url)
                .body("application/json-patch+json", operations.to_string().into())
                .send()
        };
        let unless = |caller: &Client, value: &str| {
            let request = caller.request("POST", "Patient");
            let request = request.header("If-None-Exist", &criteria(value));
            request.json(&identified(value)).send()
        };
        let by = |value: &str| format!("Patient?{}", criteria(value));
        let caller = |letters: &str| system(server, &format!("system/Patient.{letters}"));
        let (c, u, d) = (caller("c"), caller("u"), caller("d"));
        c.post("Patient", &identified("new")).expect(201);
        c.put(&path, &body("known")).expect(403);
        patch(&c, &path).expect(403);
        c.delete(&path).expect(403);
        u.put(&path, &body("known")).expect(200);
        patch(&u, &path).expect(200);
        u.post("Patient", &identified("new")).expect(403);
        u.delete(&path).expect(403);
        // An update creates where there is nothing.
        let mut chosen = identified("chosen");
        chosen["id"] = json!("chosen");
        u.put("Patient/chosen", &chosen).expect(201);
        d.post("Patient", &identified("new")).expect(403);
        d.put(&path, &body("known")).expect(403);
        // Conditions ask what there is.
        for (letters, expected) in [("c", 403), ("cr", 403), ("cs", 200)] {
            unless(&caller(letters), "known").expect(expected);
        }
        unless(&caller("cs"), "conditional").expect(201);
        for (letters, found, none) in [("u", 403, 403), ("us", 200, 403), ("cus", 200, 201)] {
            caller(letters)
                .put(&by("known"), &identified("known"))
                .expect(found);
            let value = unique("none");
            caller(letters)
                .put(&by(&value), &identified(&value))
                .expect(none);
        }
        patch(&u, &by("known")).expect(403);
        patch(&caller("us"), &by("known")).expect(200);
        d.delete(&by("known")).expect(403);
        ward.get(&path).expect(200);
        caller("ds").delete(&by("known")).expect(204);
        ward.get(&path).expect(410);
        d.delete("Patient/chosen").expect(204);
    });
}

fn criteria(value: &str) -> String {
    format!("identifier=http://example.org/scoped|{value}")
}

#[test]
fn s68_each_entry_of_a_bundle_takes_its_own_right() {
    on_own(&[], |server, ward| {
        let path = make(ward, patient("Bundled"));
        let caller = system(server, "system/Patient.crs system/Observation.s");
        let entry = |method: &str, url: &str, resource: Option<Value>| {
            let mut entry = json!({ "request": { "method": method, "url": url } });
            if let Some(resource) = resource {
                entry["resource"] = resource;
            }
            entry
        };
        let bundle = |kind: &str, entry: Vec<Value>| json!({ "resourceType": "Bundle", "type": kind, "entry": entry });
        let create = || entry("POST", "Patient", Some(identified("bundled")));
        let forbidden = [
            entry("POST", "Observation", Some(observation(&path, "a", "2024"))),
            entry("DELETE", &path, None),
            entry(
                "PUT",
                &path,
                Some({
                    let mut body = patient("Other");
                    body["id"] = json!(id_of(&path));
                    body
                }),
            ),
            entry("GET", "Encounter?status=finished", None),
        ];
        let status = |answer: &Value, at: usize| {
            let text = answer["entry"][at]["response"]["status"].as_str().unwrap();
            text[..3].to_owned()
        };
        let count = || ward.get(&format!("Patient?{}&_summary=count", criteria("bundled")));
        let count = || count().expect(200).json()["total"].as_u64().unwrap();
        for (at, one) in forbidden.into_iter().enumerate() {
            let refused = caller.post("", &bundle("transaction", vec![create(), one.clone()]));
            assert_eq!(refused.expect(403).issue().1, "Bundle.entry[1]");
            assert_eq!(count(), at as u64);
            let read = entry("GET", &path, None);
            let answer = caller.post("", &bundle("batch", vec![one, create(), read]));
            let answer = answer.expect(200).json();
            let each: Vec<String> = (0..3).map(|at| status(&answer, at)).collect();
            assert_eq!(each, ["403", "201", "200"], "{answer}");
        }
        ward.get(&path).expect(200);
    });
}

/// Every kind of request that could show or change something.
fn everything(caller: &Client, path: &str) -> Vec<(String, u16)> {
    let mut all = Vec::new();
    let mut note = |url: &str, answer: Answer| all.push((url.to_owned(), answer.status));
    for url in [
        path,
        &format!("{path}/_history"),
        &format!("{path}/_history/1"),
        &format!("{path}/$everything"),
        &format!("{path}/$meta"),
        &format!("{path}/Observation"),
        &format!("{path}/*"),
        "Patient",
        "Patient/_history",
        "Patient/$everything",
        "Observation?patient=Patient/never",
        "_history",
        "?_lastUpdated=gt2000",
    ] {
        note(url, caller.get(url));
    }
    note("create", caller.post("Patient", &patient("Nobody's")));
    note("delete", caller.delete(path));
    all
}

#[test]
fn s73_patient_scopes_without_a_patient_open_nothing() {
    on_own(&[], |server, ward| {
        // Nobody is launched with a patient that there never was (`demo::what_is_wrong_is_said`). While there is one, the same
        // token opens theirs.
        let path = make(ward, patient("Launch"));
        let app = server.client_within("app", Some(id_of(&path)), "patient/*.rs");
        assert_eq!(matches(&app, "Patient"), [path.as_str()]);
        ward.delete(&path).expect(204);
        for (url, status) in everything(&app, &path) {
            assert!([403, 404].contains(&status), "{url}: {status}");
        }
    });
}

#[test]
fn s74_a_token_without_resource_scopes_reads_nothing() {
    on_own(&[], |server, ward| {
        let path = make(ward, patient("Nothing"));
        for caller in [
            server.client_within("app", Some(id_of(&path)), "openid fhirUser launch/patient"),
            server.client_within("clinician", None, "openid fhirUser"),
        ] {
            for (url, status) in everything(&caller, &path) {
                assert_eq!(status, 403, "{url}");
            }
            caller.get("metadata").expect(200);
        }
    });
}

#[test]
fn s75_s76_an_app_sees_one_compartment_and_what_belongs_to_nobody() {
    on_own(&[], |server, ward| {
        let (one, two) = (make(ward, patient("One")), make(ward, patient("Two")));
        let about = |who: &str| observation(who, "a", "2024-01-01");
        let own = make(ward, about(&one));
        let foreign = make(ward, about(&two));
        // A parameter of the definition gives membership, `focus` does not.
        let performed = make(ward, {
            let mut body = about(&two);
            body["performer"] = json!([{ "reference": one }]);
            body
        });
        let focused = make(ward, {
            let mut body = about(&two);
            body["focus"] = json!([{ "reference": one }]);
            body
        });
        let shared: Vec<String> = [
            json!({ "resourceType": "Organization", "name": "Lab" }),
            json!({ "resourceType": "Practitioner" }),
            json!({ "resourceType": "Location", "name": "Ward" }),
            json!({ "resourceType": "Medication" }),
            json!({ "resourceType": "ValueSet", "status": "active" }),
        ]
        .map(|body| make(ward, body))
        .into();
        let consent = |who: &str| {
            json!({ "resourceType": "Consent", "status": "active", "patient": { "reference": who },
                "scope": { "coding": [{ "code": "patient-privacy" }] }, "category": [{ "coding": [{ "code": "a" }] }],
                "policyRule": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN" }] } })
        };
        let (mine, theirs) = (make(ward, consent(&one)), make(ward, consent(&two)));
        let group = make(
            ward,
            json!({ "resourceType": "Group", "type": "person", "actual": true,
            "member": [{ "entity": { "reference": two } }] }),
        );
        let device = |who: Option<&str>| {
            let mut body = json!({ "resourceType": "Device", "type": { "text": "pacemaker" } });
            if let Some(who) = who {
                body["patient"] = json!({ "reference": who });
            }
            make(ward, body)
        };
        let (implant, foreign_implant) = (device(Some(&one)), device(Some(&two)));
        let nobodys = device(None);
        let app = server.client_within("app", Some(id_of(&one)), "patient/*.rs");
        for path in [&implant, &foreign_implant, &nobodys] {
            let status = if path == &implant { 200 } else { 404 };
            app.get(path).expect(status);
            app.get(&format!("{path}/_history")).expect(status);
        }
        assert_eq!(matches(&app, "Device"), std::slice::from_ref(&implant));
        assert_eq!(matches(&app, &format!("Device?patient={two}")), [""; 0]);
        let typed = server.client_within("app", Some(id_of(&one)), "patient/Device.r");
        typed.get(&implant).expect(200);
        typed.get("Device").expect(403);
        for path in [&one, &own].into_iter().chain(&shared) {
            app.get(path).expect(200);
        }
        // Consents are the patient's own to see and the privacy officer's (R23), not those of an app whose user nobody knows.
        // What lies in two records, of which one has consents, is nobody's.
        for path in [&two, &foreign, &focused, &performed, &mine, &theirs] {
            app.get(path).expect(404);
        }
        let found = matches(&app, "Observation");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(matches(&app, "Consent"), [""; 0]);
        // Types that tell of others beside the patient are no app's.
        for url in ["Group", &group] {
            app.get(url).expect(403);
        }
        // What the clinician who launched the app may not see, it may not either.
        app.get("AuditEvent").expect(403);
        // Only what a scope names.
        let narrow = server.client_within("app", Some(id_of(&one)), "patient/Observation.rs");
        narrow.get(&own).expect(200);
        for path in [&one].into_iter().chain(&shared) {
            narrow.get(path).expect(403);
        }
    });
}

/// Departs from what S82 leaves open: no link opens one record to the app of another.
#[test]
fn s82_a_link_between_patients_opens_nothing() {
    on_own(&[], |server, ward| {
        let one = make(ward, patient("Linked"));
        for kind in ["replaced-by", "replaces", "refer", "seealso"] {
            let mut body = patient("Other");
            body["link"] = json!([{ "other": { "reference": one }, "type": kind }]);
            let other = make(ward, body);
            let observed = make(ward, observation(&other, "a", "2024-01-01"));
            let app = server.client_within("app", Some(id_of(&one)), "patient/*.rs");
            for path in [&other, &observed] {
                app.get(path).expect(404);
            }
            assert_eq!(matches(&app, "Patient"), [one.as_str()], "{kind}");
            assert_eq!(matches(&app, "Observation"), [""; 0], "{kind}");
            let linked = server.client_within("app", Some(id_of(&other)), "patient/*.rs");
            linked.get(&observed).expect(200);
            linked.get(&one).expect(404);
        }
    });
}

#[test]
fn s77_a_user_has_what_scope_and_role_both_permit() {
    on_own(&[], |server, ward| {
        let path = make(ward, patient("Role"));
        let physician = server.client("clinician");
        physician.get(&path).expect(200);
        // Her role, with a scope for everything.
        physician.delete(&path).expect(403);
        physician.get("AuditEvent").expect(403);
        physician
            .post("Claim", &json!({ "resourceType": "Claim" }))
            .expect(403);
        // Her scope, with a role for more.
        let narrow = server.client_within("clinician", None, "user/Patient.r");
        narrow.get(&path).expect(200);
        narrow.get("Patient").expect(403);
        narrow.get("Observation").expect(403);
        // Left out of what is searched over many types, without a word.
        let auditor = make(
            ward,
            json!({ "resourceType": "Basic", "code": { "text": "basic" } }),
        );
        let all = matches(
            &server.client_within("clinician", None, "user/Patient.rs"),
            "?_lastUpdated=gt2000",
        );
        assert!(all == [path.as_str()] && !all.contains(&auditor), "{all:?}");
        assert_eq!(
            matches(&server.client("auditor"), "?_lastUpdated=gt2000"),
            [""; 0]
        );
    });
}

#[test]
fn s80_operations_take_the_rights_of_what_they_do() {
    on_own(&[], |server, ward| {
        let subject = make(ward, patient("Operated"));
        let observed = make(ward, observation(&subject, "a", "2024-01-01"));
        let everything = |scope: &str| {
            let answer = system(server, scope).get(&format!("{subject}/$everything"));
            let shown = entries(&answer.json(), "match");
            (answer.status, shown.len())
        };
        for (scope, expected) in [
            ("system/*.rs", (200, 2)),
            ("system/Patient.rs", (200, 1)),
            ("system/Patient.rs system/Observation.r", (200, 1)),
            ("system/Patient.rs system/Observation.s", (200, 1)),
            ("system/Patient.rs system/Observation.rs", (200, 2)),
            ("system/Observation.rs", (403, 0)),
            ("system/Patient.s", (403, 0)),
        ] {
            assert_eq!(everything(scope), expected, "{scope}");
        }
        let lastn = format!("Observation/$lastn?patient={subject}&category:missing=true");
        for (scope, url, expected) in [
            ("system/Observation.s", lastn.as_str(), 200),
            ("system/Observation.r", &lastn, 403),
            ("system/Patient.rs", &lastn, 403),
            ("system/Observation.r", &format!("{observed}/$meta"), 200),
            ("system/Patient.cruds", &format!("{observed}/$meta"), 403),
            ("system/Patient.cruds", "$reindex", 403),
        ] {
            let answer = system(server, scope).get(url);
            assert_eq!(answer.status, expected, "{scope} {url}: {}", answer.text());
        }
        for (scope, expected) in [("system/Patient.c", 200), ("system/Patient.ruds", 403)] {
            let answer = system(server, scope).post("Patient/$validate", &patient("Valid"));
            assert_eq!(answer.status, expected, "{scope}: {}", answer.text());
        }
        // What is not served is not done, whoever asks.
        for url in [
            "$export",
            "Patient/$export",
            "Group/1/$export",
            "Patient/$nothing",
        ] {
            let answer = ward.get(url);
            assert!(
                (400..500).contains(&answer.status),
                "{url}: {}",
                answer.status
            );
        }
    });
}
