//! T37 to T45, T49 and T53: versions, conditional writes, references, documents, records of accesses and errors tell of nothing that is
//! hidden. Of T41 there is `$everything` (T30, T36 and here); Ward has no `$document`, `$summary` and `$graphql` yet.

use super::data::id_of;
use super::hospital::{OFFICER, created, on_each};
use super::seen::{alike, found, hides, shows, told, without_moment};
use super::words::{Provisions, deny, opt_in};
use serde_json::{Value, json};

fn without_hiv() -> Provisions {
    opt_in().but(deny().label("HIV").actor("Practitioner/drx"))
}

/// The version of before was not labelled; today's label counts for it.
#[test]
fn t37_r19_a_former_version_is_as_hidden_as_the_current_one() {
    on_each(|ward| {
        let chart = ward.patient_with(&[without_hiv()]);
        let path = chart.glucose();
        shows(ward.dr_x(), &path);
        let mut body = ward.loader.get(&path).expect(200).json();
        body["code"]["coding"][0]["code"] = json!("20447-9");
        ward.loader.put(&path, &body).expect(200);
        hides(ward.dr_x(), &path);
        shows(ward.dr_t(), &path);
        let of_type = ward.dr_x().get("Observation/_history?_count=200");
        let of_type = of_type.expect(200).text();
        assert!(!of_type.contains(id_of(&path)), "{of_type}");
        let system = ward.dr_x().get("_history?_count=200");
        assert!(!system.text().contains(id_of(&path)));
    });
}

/// And a version that was labelled stays hidden when the current one is not.
#[test]
fn t37_r19_a_version_that_was_labelled_stays_hidden() {
    on_each(|ward| {
        let chart = ward.patient();
        let path = chart.note("Practitioner/drx", &json!({}));
        let mut body = ward.loader.get(&path).expect(200).json();
        body["author"] = json!([{ "reference": "Practitioner/drt" }]);
        ward.loader.put(&path, &body).expect(200);
        chart.gives(&opt_in().but(deny().data("authoredby", "Practitioner/drx")));
        let reader = ward.dr_t();
        reader.get(&path).expect(200);
        reader.get(&format!("{path}/_history/1")).expect(404);
        reader.get(&format!("{path}/_history/2")).expect(200);
        let history = reader.get(&format!("{path}/_history")).expect(200).json();
        assert_eq!(history["entry"].as_array().unwrap().len(), 1, "{history}");
        assert_eq!(history["total"].as_u64().unwrap_or(1), 1, "{history}");
    });
}

/// A tombstone is visible only where the last version was (R19).
#[test]
fn t37_r19_what_was_hidden_is_as_hidden_when_it_is_deleted() {
    on_each(|ward| {
        let chart = ward.patient_with(&[without_hiv()]);
        let (hidden, open) = (chart.viral_load(), chart.glucose());
        for path in [&hidden, &open] {
            ward.loader.delete(path).expect(204);
        }
        ward.dr_x().get(&open).expect(410);
        hides(ward.dr_x(), &hidden);
        let deletions = ward.dr_x().get("Observation/_history?_count=200").text();
        assert!(deletions.contains(id_of(&open)) && !deletions.contains(id_of(&hidden)));
    });
}

#[test]
fn t38_r18_a_condition_meets_nothing_that_is_hidden() {
    on_each(|ward| {
        let chart = ward.patient_with(&[without_hiv()]);
        let o2 = chart.viral_load();
        let query = format!("patient={}&code=http://loinc.org|20447-9", chart.patient);
        let body = ward.loader.get(&o2).expect(200).json();
        let unless = |who: &ward_testkit::Client| {
            let request = who
                .request("POST", "Observation")
                .header("If-None-Exist", &query);
            let mut body = body.clone();
            body.as_object_mut().unwrap().remove("id");
            request.json(&body).send()
        };
        // Who sees it meets it.
        assert_eq!(unless(ward.dr_t()).status, 200);
        let made = unless(ward.dr_x()).expect(201);
        let location = made.header("Location").unwrap();
        assert!(!location.contains(id_of(&o2)), "{location}");
    });
}

#[test]
fn t39_r13_a_conditional_reference_to_what_is_hidden_is_one_to_nothing() {
    on_each(|ward| {
        let (with, without) = (
            ward.patient_with(&[without_hiv()]),
            ward.patient_with(&[without_hiv()]),
        );
        with.viral_load();
        let told_of = |patient: &str| {
            let report = json!({ "resourceType": "DiagnosticReport", "status": "final", "subject": { "reference": patient },
                "code": { "text": "x" }, "result": [{ "reference": format!("Observation?patient={patient}&code=20447-9") }] });
            let bundle = json!({ "resourceType": "Bundle", "type": "transaction",
                "entry": [{ "resource": report, "request": { "method": "POST", "url": "DiagnosticReport" } }] });
            let answer = ward.dr_x().post("", &bundle);
            assert!(answer.status >= 400, "{}", answer.text());
            told(&answer, id_of(patient))
        };
        assert_eq!(told_of(&with.patient), told_of(&without.patient));
    });
}

#[test]
fn t40_r13_hidden_referrers_are_told_by_no_number_and_no_name() {
    on_each(|ward| {
        let service = ward.service("treatment at H1");
        let refused = |hidden: usize| {
            let chart = ward.patient();
            let e1 = chart.encounter(&json!({}));
            let within = json!({ "encounter": { "reference": e1 } });
            let mut consent = deny();
            for _ in 0..hidden {
                consent = consent.data("instance", &chart.condition("J45.909", &within));
            }
            chart.gives(&opt_in().but(consent));
            let answer = service.delete(&e1).expect(409);
            let text = answer.text();
            assert!(!text.contains("Condition"), "{text}");
            told(&answer, id_of(&e1))
        };
        assert_eq!(refused(1), refused(20));
    });
}

#[test]
fn t41_r14_everything_is_all_that_is_visible() {
    on_each(|ward| {
        let chart = ward.patient_with(&[without_hiv()]);
        let (o1, o2) = (chart.glucose(), chart.viral_load());
        let report = chart.report(&[&o1, &o2]);
        for more in ["", "?_count=1", "?_type=Observation", "?_since=2020-01-01"] {
            let all = found(ward.dr_x(), &format!("{}/$everything{more}", chart.patient));
            assert!(all.contains(&o1) && !all.contains(&o2), "{more}: {all:?}");
        }
        // The report of a result is as sensitive as the result.
        hides(ward.dr_x(), &report);
        shows(ward.dr_t(), &report);
    });
}

#[test]
fn t43_l2_what_is_contained_is_said_of_the_container() {
    on_each(|ward| {
        let chart = ward.patient_with(&[without_hiv()]);
        let inner = json!({ "resourceType": "Observation", "id": "in", "status": "final",
            "code": { "coding": [{ "system": "http://loinc.org", "code": "20447-9" }] } });
        let more = json!({ "contained": [inner], "hasMember": [{ "reference": "#in" }] });
        let container = chart.observation("2345-7", &more);
        hides(ward.dr_x(), &container);
        shows(ward.dr_t(), &container);
        for query in [
            "Observation?code=20447-9&_contained=true",
            "Observation?code=20447-9&_contained=both",
        ] {
            let query = format!("{query}&_count=200");
            assert!(
                !ward.dr_x().get(&query).text().contains(id_of(&container)),
                "{query}"
            );
        }
    });
}

#[test]
fn t44_r17_no_record_of_accesses_tells_of_what_is_hidden() {
    on_each(|ward| {
        let chart = ward.patient_with(&[without_hiv()]);
        let o2 = chart.viral_load();
        ward.dr_t().get(&o2).expect(200);
        for query in [
            format!("AuditEvent?entity={o2}&_total=accurate"),
            format!("AuditEvent?entity={o2}&_summary=count"),
        ] {
            let answer = ward.dr_x().get(&query);
            let is_none = answer.status == 403 || answer.json()["total"] == 0;
            assert!(is_none, "{query}: {}", answer.text());
        }
    });
}

#[test]
fn t45_r17_entries_that_name_what_is_hidden_are_stripped() {
    on_each(|ward| {
        let chart = ward.patient();
        let (o1, o2) = (chart.glucose(), chart.glucose());
        let both = [&o1, &o2].map(|path| json!({ "reference": path }));
        let provenance = created(ward.loader.post("Provenance", &json!({ "resourceType": "Provenance", "target": both,
            "recorded": "2025-04-01T00:00:00Z", "agent": [{ "who": { "reference": "Practitioner/drt" } }] })));
        let list = json!({ "resourceType": "List", "status": "current", "mode": "working",
            "entry": both.clone().map(|item| json!({ "item": item })) });
        let list = chart.stored("subject", list, &json!({}));
        let composition = json!({ "resourceType": "Composition", "status": "final", "date": "2025-04-01", "title": "x",
            "type": { "coding": [{ "system": "http://loinc.org", "code": "11506-3" }] }, "author": [{ "reference": "Practitioner/drt" }],
            "section": [{ "entry": both }] });
        let composition = chart.stored("subject", composition, &json!({}));
        let id = id_of(&o2);
        let queries = [
            format!("Provenance?target={o2}"),
            format!("List?item={o2}"),
            format!("List?item=Observation/{id}/_history/1,{o2}"),
            format!("List?item._id={id}"),
            format!("List?_filter=item eq {o2}"),
            format!("Composition?entry={o2}"),
            format!("Patient?_has:List:subject:item={o2}"),
        ];
        for query in &queries {
            assert!(!found(ward.dr_x(), query).is_empty(), "{query}");
        }
        chart.gives(&opt_in().but(deny().data("instance", &o2)));
        hides(ward.dr_x(), &o2);
        for path in [&provenance, &list, &composition] {
            let answer = ward.dr_x().get(path);
            let text = answer.text();
            assert!(matches!(answer.status, 200 | 404), "{text}");
            assert!(!text.contains(id_of(&o2)), "{path}: {text}");
        }
        for query in &queries {
            // As by one that never was.
            let asked = |id: &str| told(&ward.dr_x().get(&query.replace(id_of(&o2), id)), id);
            assert_eq!(asked(id), asked("nobody-is-here"), "{query}");
            assert!(found(ward.dr_x(), query).is_empty(), "{query}");
            let shown = found(ward.dr_x(), &query.replace(id, id_of(&o1)));
            assert!(!shown.is_empty(), "{query}");
        }
        for query in ["List?item:identifier=urn:s|1", "List?_sort=item"] {
            ward.dr_x().get(query).expect(403);
        }
        let text = ward.dr_x().get(&list).text();
        assert!(text.contains(&o1), "{text}");
    });
}

/// The answers are the same to the byte; whether their times are is a bench (`ward-loadgen timing`).
#[test]
fn t49_r13_existing_and_absent_answer_alike() {
    on_each(|ward| {
        let (with, without) = (
            ward.patient_with(&[without_hiv()]),
            ward.patient_with(&[without_hiv()]),
        );
        let o2 = with.viral_load();
        hides(ward.dr_x(), &o2);
        for method in ["HEAD", "DELETE"] {
            let ask = |path: &str| {
                let answer = ward.dr_x().request(method, path).send();
                told(&answer, id_of(path))
            };
            assert_eq!(ask(&o2), ask("Observation/nobody-is-here"), "{method}");
        }
        for query in [
            "Observation?subject=PATIENT",
            "PATIENT/Observation?code=20447-9",
            "DiagnosticReport?result.code=20447-9&patient=PATIENT",
        ] {
            alike(ward.dr_x(), query, [&with, &without]);
        }
        let batch = |path: &str| {
            let bundle = json!({ "resourceType": "Bundle", "type": "batch", "entry": [{ "request": { "method": "GET", "url": path } }] });
            let answer = ward.dr_x().post("", &bundle).expect(200).json();
            without_moment(answer)
                .to_string()
                .replace(id_of(path), "ID")
        };
        assert_eq!(batch(&o2), batch("Observation/nobody-is-here"));
    });
}

#[test]
fn t53_r13_errors_speak_of_what_is_hidden_as_of_nothing() {
    on_each(|ward| {
        let chart = ward.patient_with(&[without_hiv()]);
        let o2 = chart.viral_load();
        let said = |result: &str| {
            let report = json!({ "resourceType": "DiagnosticReport", "status": "final", "subject": { "reference": chart.patient },
                "code": { "text": "x" }, "result": [{ "reference": result }] });
            let validated = ward.dr_x().post("DiagnosticReport/$validate", &report);
            let bundle = json!({ "resourceType": "Bundle", "type": "transaction",
                "entry": [{ "resource": report, "request": { "method": "POST", "url": "DiagnosticReport" } }] });
            let stored = ward.dr_x().post("", &bundle);
            [validated, stored].map(|answer| {
                let id = answer
                    .header("Location")
                    .map(str::to_owned)
                    .unwrap_or_default();
                told(&answer, id_of(result)).replace(&id, "")
            })
        };
        let (hidden, absent) = (said(&o2), said("Observation/nobody-is-here"));
        assert_eq!(hidden, absent);
    });
}

/// A write of what is hidden is one of nothing (R18).
#[test]
fn r18_who_does_not_see_it_does_not_change_it() {
    on_each(|ward| {
        let chart = ward.patient_with(&[without_hiv()]);
        let o2 = chart.viral_load();
        let body = ward.loader.get(&o2).expect(200).json();
        ward.dr_x().put(&o2, &body).expect(404);
        let patch = json!([{ "op": "replace", "path": "/status", "value": "amended" }]);
        let patch = |path: &str| {
            let request = ward.dr_x().request("PATCH", path);
            let bytes = patch.to_string().into_bytes();
            let answer = request.body("application/json-patch+json", bytes).send();
            told(&answer.expect(404), id_of(path))
        };
        assert_eq!(patch(&o2), patch("Observation/nobody-is-here"));
        let after = ward.loader.get(&o2).expect(200).json();
        assert_eq!(after["meta"]["versionId"], "1", "{after}");
        assert_eq!(after, body);
    });
}

/// What is decided can be looked up by the privacy officer, and by nobody else (R24).
#[test]
fn r24_who_reviews_is_told_why() {
    on_each(|ward| {
        let chart = ward.patient();
        let consent = chart.gives(&without_hiv());
        let o2 = chart.viral_load();
        let ask = |who: &ward_testkit::Client| {
            let part = |name: &str, value: Value| json!({ "name": name, "valueReference": { "reference": value } });
            let body = json!({ "resourceType": "Parameters", "parameter": [part("resource", json!(o2)),
                part("user", json!("Practitioner/drx")), { "name": "role", "valueCode": "physician" }, { "name": "purpose", "valueCode": "TREAT" }] });
            who.post("$consent-decision", &body)
        };
        let told = ask(ward.person(OFFICER)).expect(200).text();
        assert!(told.contains("deny") && told.contains(&consent), "{told}");
        let others = ask(ward.dr_x()).status;
        assert!(matches!(others, 403 | 404), "{others}");
    });
}
