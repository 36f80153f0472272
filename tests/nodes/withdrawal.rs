//! What a patient decides on one node holds there with the next request and on the other within five seconds: while pages are turned,
//! while searches run, and for what the other node writes meanwhile.

use super::{KNOWN_EVERYWHERE, Nodes, until};
use crate::apps::{self, CALLBACK, Place, text};
use crate::people::{self, App};
use crate::rest::backend_service::BackendService;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ward_testkit::Answer;

const SETTINGS: [(&str, &str); 1] = [("consent.organization", "Organization/h1")];
/// Resources of one record: one unit closes or opens them all.
const RECORD: usize = 60;

/// Two nodes, the privacy officer's token, and a service that treats at another organization.
struct Ward {
    nodes: Nodes,
    officer: String,
    service: BackendService,
    loader: BackendService,
}

impl Ward {
    fn open() -> Option<Ward> {
        let nodes = Nodes::start(&SETTINGS)?;
        let loader = nodes.loader();
        for id in ["h1", "h2"] {
            let body = json!({ "resourceType": "Organization", "id": id, "name": id });
            send(
                &nodes.a,
                &loader.token(),
                "PUT",
                &format!("Organization/{id}"),
                &body,
            )
            .expect(201);
        }
        let mut admin = nodes.signed_in("admin");
        let more = json!({ "purpose_of_use": "TREAT" });
        let (id, service) = apps::system(&nodes.a, &mut admin, &more);
        apps::belongs(&nodes.a, &mut admin, &id, ("Organization/h2", "TREAT"));
        let metadata = json!({ "client_name": "Reviews", "redirect_uris": [CALLBACK], "purpose_of_use": "HCOMPL",
            "scope": "openid fhirUser user/*.cruds" });
        let app = text(
            &apps::registered(&nodes.a, &mut admin, metadata),
            "client_id",
        );
        let account = [
            ("role", "privacy-officer"),
            ("fhir_user", "Practitioner/officer"),
        ];
        let invitation = people::invited(&nodes.a, &mut admin, "officer", &account);
        let mut browser = people::enrolled(&nodes.a, &invitation).browser;
        let app = App {
            client_id: &app,
            redirect_uri: CALLBACK,
            scope: "user/*.cruds",
        };
        Some(Ward {
            officer: people::token(&nodes.a, &mut browser, &app),
            service,
            loader,
            nodes,
        })
    }

    /// `Patient/id`
    fn patient(&self) -> String {
        let body = json!({ "resourceType": "Patient", "active": true });
        path_of(&send(
            &self.nodes.a,
            &self.loader.token(),
            "POST",
            "Patient",
            &body,
        ))
    }

    fn observation(&self, place: &Place, patient: &str) -> String {
        let body = observation(patient);
        path_of(&send(
            place,
            &self.loader.token(),
            "POST",
            "Observation",
            &body,
        ))
    }

    /// So many at once.
    fn record(&self, patient: &str) {
        let entry = || json!({ "resource": observation(patient), "request": { "method": "POST", "url": "Observation" } });
        let entries: Vec<Value> = (0..RECORD).map(|_| entry()).collect();
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
        send(&self.nodes.a, &self.loader.token(), "POST", "", &bundle).expect(200);
    }

    /// The officer stores or changes a Consent on a node.
    fn decides(&self, place: &Place, path: Option<&str>, patient: &str, is_denied: bool) -> String {
        let mut body = consent(patient, is_denied);
        let (method, to) = match path {
            None => ("POST", "Consent"),
            Some(path) => {
                body["id"] = json!(path.split('/').nth(1));
                ("PUT", path)
            }
        };
        let answer = send(place, &self.officer, method, to, &body);
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
        path.map_or_else(|| path_of(&answer), str::to_owned)
    }

    fn reads(&self, place: &Place, path: &str) -> Answer {
        place.get(&self.service.token(), path)
    }
}

#[test]
fn t54_r1_r21_what_is_decided_on_one_node_holds_on_the_other_within_5_s() {
    let Some(ward) = Ward::open() else { return };
    let (a, b) = (&ward.nodes.a, &ward.nodes.b);
    let patient = ward.patient();
    let o1 = ward.observation(a, &patient);
    for place in [a, b] {
        // Rows of a class that is new are seen on the other node once that has learnt it.
        until("seen", 200, KNOWN_EVERYWHERE, || ward.reads(place, &o1));
    }
    let consent = ward.decides(a, None, &patient, true);
    ward.reads(a, &o1).expect(404);
    until("denied, there", 404, KNOWN_EVERYWHERE, || {
        ward.reads(b, &o1)
    });
    // What the other node writes now is judged by what is in force, whatever it knew.
    let written = ward.observation(b, &patient);
    for place in [a, b] {
        ward.reads(place, &written).expect(404);
    }
    ward.decides(b, Some(&consent), &patient, false);
    ward.reads(b, &o1).expect(200);
    until("permitted, there", 200, KNOWN_EVERYWHERE, || {
        ward.reads(a, &o1)
    });
    until("permitted, there", 200, KNOWN_EVERYWHERE, || {
        ward.reads(a, &written)
    });
}

/// Pages are turned on one node while the patient denies on the other: from then on no page has anything of it, and none is an error.
#[test]
fn t54_r21_pages_of_one_node_end_where_another_closes_the_record() {
    let Some(ward) = Ward::open() else { return };
    let patient = ward.patient();
    ward.record(&patient);
    let token = ward.service.token();
    until("seen", 200, KNOWN_EVERYWHERE, || {
        ward.nodes.b.get(&token, &patient)
    });
    let first = ward
        .nodes
        .b
        .get(&token, &format!("Observation?patient={patient}&_count=5"))
        .expect(200);
    let next = next_of(&first.json()).unwrap();
    let next = next.split("/fhir/").nth(1).unwrap().to_owned();
    ward.decides(&ward.nodes.a, None, &patient, true);
    let begun = Instant::now();
    loop {
        let page = ward.nodes.b.get(&token, &next).expect(200).json();
        if page["entry"].as_array().is_none_or(Vec::is_empty) {
            println!("  no page has it after {} ms", begun.elapsed().as_millis());
            break;
        }
        assert!(begun.elapsed() < KNOWN_EVERYWHERE, "{page}");
    }
}

/// Searches run on both nodes all the time, while the record is closed and opened again and again: each of them is answered by what was
/// in force at one moment, so it has the whole record or nothing of it.
#[test]
fn t54_x48_r21_no_search_sees_half_of_a_decision() {
    let Some(ward) = Ward::open() else { return };
    let patient = ward.patient();
    ward.record(&patient);
    let consent = ward.decides(&ward.nodes.a, None, &patient, false);
    let is_over = AtomicBool::new(false);
    let query = format!("Observation?patient={patient}&_count=100&_total=accurate");
    std::thread::scope(|scope| {
        let searching: Vec<_> = [&ward.nodes.a, &ward.nodes.b, &ward.nodes.b]
            .into_iter()
            .map(|place| {
                let (ward, is_over, query) = (&ward, &is_over, &query);
                scope.spawn(move || {
                    let token = ward.service.token();
                    let mut counts = [0, 0];
                    while !is_over.load(Ordering::Relaxed) {
                        let page = place.get(&token, query).expect(200).json();
                        let entries = page["entry"].as_array().map_or(0, Vec::len);
                        assert!(entries == 0 || entries == RECORD, "{entries} of {RECORD}");
                        assert_eq!(page["total"], entries, "{page}");
                        counts[usize::from(entries > 0)] += 1;
                    }
                    counts
                })
            })
            .collect();
        for round in 0..6 {
            let place = if round % 2 == 0 {
                &ward.nodes.a
            } else {
                &ward.nodes.b
            };
            ward.decides(place, Some(&consent), &patient, round % 2 == 0);
            std::thread::sleep(Duration::from_millis(700));
        }
        is_over.store(true, Ordering::Relaxed);
        for searched in searching {
            let counts = searched.join().unwrap();
            println!(
                "  {} searches found nothing, {} the whole record",
                counts[0], counts[1]
            );
            assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
        }
    });
}

fn observation(patient: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "effectiveDateTime": "2025-03-01", "subject": { "reference": patient },
        "code": { "coding": [{ "system": "http://loinc.org", "code": "2345-7" }] } })
}

fn consent(patient: &str, is_denied: bool) -> Value {
    let mut body = json!({ "resourceType": "Consent", "status": "active", "dateTime": "2025-06-01T12:00:00Z", "patient": { "reference": patient },
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "policyRule": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN" }] } });
    if is_denied {
        body["provision"] = json!({ "provision": [{ "type": "deny",
            "class": [{ "system": "http://hl7.org/fhir/resource-types", "code": "Observation" }] }] });
    }
    body
}

fn send(place: &Place, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let url = format!("{}/fhir/{path}", place.origin);
    let request = place.http.request(method, url.trim_end_matches('/'));
    let request = request.header("Authorization", &format!("Bearer {token}"));
    request.json(body).send()
}

#[track_caller]
fn path_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    let location = answer.header("Location").unwrap();
    let path = location.split("/fhir/").nth(1).unwrap();
    path.split("/_history").next().unwrap().to_owned()
}

fn next_of(page: &Value) -> Option<String> {
    let links = page["link"].as_array()?;
    let next = links.iter().find(|link| link["relation"] == "next")?;
    next["url"].as_str().map(str::to_owned)
}
