//! Labels of what is written, through every door. `docs/guide/labels.md`, L1-L5 of consents and labels

use crate::house::{House, clinician, json, loader, text};
use serde_json::{Value, json};
use ward_access::{Caller, Identity, RolePolicy, Roles, Scopes};
use ward_resources::route::Method;
use ward_resources::{Body, Format, Reply, Return};

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const LEVEL: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

async fn houses() -> Vec<House> {
    let mut houses = vec![House::sqlite().await];
    houses.extend(House::postgres().await);
    houses
}

fn lab(code: &str, patient: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "subject": { "reference": patient },
        "code": { "coding": [{ "system": "http://loinc.org", "code": code }] } })
}

const HIV_TEST: &str = "20447-9";
const GLUCOSE: &str = "2339-0";

/// `meta.security` in short: `HIV R`.
fn labels(resource: &Value) -> String {
    let codings = resource["meta"]["security"].as_array();
    let mut codes: Vec<&str> = codings
        .into_iter()
        .flatten()
        .map(|coding| coding["code"].as_str().unwrap())
        .collect();
    codes.sort_unstable();
    codes.join(" ")
}

async fn stored(house: &House, path: &str) -> Value {
    let reply = house.ask(&loader(), Method::Get, path, None).await;
    assert_eq!(reply.status, 200, "{path}: {}", text(&reply));
    json(&reply)
}

async fn labels_of(house: &House, path: &str) -> String {
    labels(&stored(house, path).await)
}

async fn patient(house: &House) -> String {
    house.create(&json!({ "resourceType": "Patient" })).await
}

fn with(mut resource: Value, name: &str, value: Value) -> Value {
    resource[name] = value;
    resource
}

fn reference(path: &str) -> Value {
    json!({ "reference": path })
}

#[tokio::test]
async fn what_is_written_is_labelled_and_catalogues_are_not() {
    for house in houses().await {
        let patient = patient(&house).await;
        let hiv = house.create(&lab(HIV_TEST, &patient)).await;
        assert_eq!(labels_of(&house, &hiv).await, "HIV R");
        let glucose = house.create(&lab(GLUCOSE, &patient)).await;
        let plain = stored(&house, &glucose).await;
        assert!(plain["meta"].get("security").is_none(), "{plain}");
        let found = house.found(&loader(), "Observation?_security=HIV").await;
        assert_eq!(found.len(), 1);
        let ward = house
            .create(&json!({ "resourceType": "Location", "type": [{ "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "SURF" }] }] }))
            .await;
        assert_eq!(labels_of(&house, &ward).await, "");
    }
}

#[tokio::test]
async fn a_report_takes_the_labels_of_its_results_and_gives_its_own_to_them() {
    for house in houses().await {
        let patient = patient(&house).await;
        let hiv = house.create(&lab(HIV_TEST, &patient)).await;
        let glucose = house.create(&lab(GLUCOSE, &patient)).await;
        let report = json!({ "resourceType": "DiagnosticReport", "status": "final", "subject": reference(&patient),
            "code": { "text": "results" }, "result": [reference(&hiv), reference(&glucose)] });
        let report = house.create(&report).await;
        assert_eq!(labels_of(&house, &report).await, "HIV R");
        // What was carried to the report does not go on.
        assert_eq!(labels_of(&house, &glucose).await, "");
    }
}

/// An Encounter at a ward for addiction labels its data; the ward itself stays as it is.
fn visit(patient: &str, ward: &str) -> Value {
    json!({ "resourceType": "Encounter", "status": "in-progress", "subject": reference(patient),
        "class": { "system": ACT_CODE, "code": "IMP" }, "location": [{ "location": reference(ward) }] })
}

fn ward() -> Value {
    json!({ "resourceType": "Location", "type": [{ "coding": [{
        "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "SURF" }] }] })
}

#[tokio::test]
async fn a_visit_labels_its_data_across_requests_and_within_a_transaction() {
    for house in houses().await {
        let ward = house.create(&ward()).await;
        let patient = patient(&house).await;
        let encounter = house.create(&visit(&patient, &ward)).await;
        let seen = labels_of(&house, &encounter).await;
        assert!(seen.contains("SUD"), "{seen}");
        let during = with(lab(GLUCOSE, &patient), "encounter", reference(&encounter));
        let during = house.create(&during).await;
        assert_eq!(labels_of(&house, &during).await, seen);

        let entry = |url: &str, resource: Value| {
            json!({ "fullUrl": url, "resource": resource.clone(),
                "request": { "method": "POST", "url": resource["resourceType"] } })
        };
        let (p, e, o, r) = (
            "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a",
            "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0b",
            "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0c",
            "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0d",
        );
        let report = json!({ "resourceType": "DiagnosticReport", "status": "final", "subject": reference(p),
            "code": { "text": "results" }, "result": [reference(o)] });
        // Whoever takes comes before whoever gives.
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
            entry(r, report),
            entry(o, with(lab(GLUCOSE, p), "encounter", reference(e))),
            entry(e, visit(p, &ward)),
            entry(p, json!({ "resourceType": "Patient" })),
        ] });
        let reply = house.ask(&loader(), Method::Post, "", Some(&bundle)).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        let answer = json(&reply);
        for (at, entry) in answer["entry"].as_array().unwrap().iter().enumerate() {
            let location = entry["response"]["location"].as_str().unwrap();
            let path = location.split("/fhir/").nth(1).unwrap();
            let path = path.split("/_history").next().unwrap();
            let expected = if at == 3 { "" } else { seen.as_str() };
            assert_eq!(labels_of(&house, path).await, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn a_container_is_as_sensitive_as_what_it_contains() {
    for house in houses().await {
        let patient = patient(&house).await;
        let order = json!({ "resourceType": "ServiceRequest", "status": "active", "intent": "order",
            "subject": reference(&patient), "contained": [with(lab(HIV_TEST, &patient), "id", json!("o"))],
            "supportingInfo": [{ "reference": "#o" }] });
        let order = house.create(&order).await;
        assert_eq!(labels_of(&house, &order).await, "HIV R");
    }
}

#[tokio::test]
async fn a_binary_takes_the_labels_of_its_context() {
    for house in houses().await {
        let patient = patient(&house).await;
        let hiv = house.create(&lab(HIV_TEST, &patient)).await;
        let binary = json!({ "resourceType": "Binary", "contentType": "text/plain", "data": "YQ==",
            "securityContext": reference(&hiv) });
        let binary = house.create(&binary).await;
        assert_eq!(labels_of(&house, &binary).await, "HIV R");
    }
}

#[tokio::test]
async fn t56_a_put_without_labels_loses_none() {
    for house in houses().await {
        let patient = patient(&house).await;
        let own = json!({ "security": [{ "system": ACT_CODE, "code": "STD" }] });
        let path = house
            .create(&with(lab(HIV_TEST, &patient), "meta", own))
            .await;
        assert_eq!(labels_of(&house, &path).await, "HIV R STD");
        let id = path.split('/').next_back().unwrap();
        let body = with(lab(GLUCOSE, &patient), "id", json!(id));
        let reply = house.ask(&loader(), Method::Put, &path, Some(&body)).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        assert_eq!(labels(&json(&reply)), "HIV R STD");
        assert_eq!(labels_of(&house, &path).await, "HIV R STD");
        // Nor does a deletion take them away from what comes back.
        let reply = house.ask(&loader(), Method::Delete, &path, None).await;
        assert_eq!(reply.status, 204);
        let reply = house.ask(&loader(), Method::Put, &path, Some(&body)).await;
        assert_eq!(labels(&json(&reply)), "HIV R STD", "{}", text(&reply));
    }
}

/// A patch of one of the three forms.
async fn patch(house: &House, caller: &Caller, path: &str, format: Format, bytes: String) -> Reply {
    let mut call = crate::house::call(Method::Patch, path, None);
    call.body = Some(Body {
        bytes: bytes.into(),
        format,
    });
    house.engine.answer(caller, &call).await
}

fn in_a_transaction(path: &str, operations: &Value) -> Value {
    use ward_seal::base64;
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": [{
        "resource": { "resourceType": "Binary", "contentType": "application/json-patch+json",
            "data": base64(operations.to_string().as_bytes()) },
        "request": { "method": "PATCH", "url": path } }] })
}

fn meta(security: Value) -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "security": security } }] })
}

#[tokio::test]
async fn t57_x40_nobody_takes_a_label_away_through_any_door() {
    for house in houses().await {
        let patient = patient(&house).await;
        let path = house.create(&lab(HIV_TEST, &patient)).await;
        let before = stored(&house, &path).await;
        let at = |code: &str| {
            let all = before["meta"]["security"].as_array().unwrap();
            all.iter().position(|c| c["code"] == code).unwrap()
        };
        let place = format!("/meta/security/{}", at("HIV"));
        let remove = json!([{ "op": "remove", "path": place }]);
        let lower = json!([{ "op": "replace", "path": format!("/meta/security/{}/code", at("R")), "value": "N" }]);
        let rename = json!([{ "op": "replace", "path": format!("{place}/code"), "value": "STD" }]);
        let all = json!([{ "op": "remove", "path": "/meta/security" }]);
        let mut answers = Vec::new();
        for operations in [&remove, &lower, &rename, &all] {
            let text = operations.to_string();
            answers.push(patch(&house, &loader(), &path, Format::JsonPatch, text).await);
            let bundle = in_a_transaction(&path, operations);
            answers.push(house.ask(&loader(), Method::Post, "", Some(&bundle)).await);
        }
        let by_path = json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
            { "name": "type", "valueCode": "delete" },
            { "name": "path", "valueString": "Observation.meta.security.where(code = 'HIV')" }] }] });
        answers.push(patch(&house, &loader(), &path, Format::Json, by_path.to_string()).await);
        let xml = format!(
            "<diff xmlns:f=\"http://hl7.org/fhir\"><remove sel=\"f:Observation/f:meta/f:security[{}]\"/></diff>",
            at("HIV") + 1
        );
        answers.push(patch(&house, &loader(), &path, Format::XmlPatch, xml).await);
        let hiv = meta(json!([{ "system": ACT_CODE, "code": "HIV" }]));
        let url = format!("{path}/$meta-delete");
        answers.push(house.ask(&loader(), Method::Post, &url, Some(&hiv)).await);
        let restricted = meta(json!([{ "system": LEVEL, "code": "R" }]));
        answers.push(
            house
                .ask(&loader(), Method::Post, &url, Some(&restricted))
                .await,
        );
        for (at, reply) in answers.iter().enumerate() {
            assert_eq!(reply.status, 403, "{at}: {}", text(reply));
            assert!(
                text(reply).contains("access.label-removal"),
                "{at}: {}",
                text(reply)
            );
        }
        assert_eq!(stored(&house, &path).await, before);
        // Adding is everybody's, and what is not a label is changed as ever.
        let add = json!([{ "op": "add", "path": "/meta/security/-", "value": { "system": ACT_CODE, "code": "STD" } }]);
        let reply = patch(&house, &loader(), &path, Format::JsonPatch, add.to_string()).await;
        assert_eq!(labels(&json(&reply)), "HIV R STD", "{}", text(&reply));
    }
}

#[tokio::test]
async fn who_looks_after_privacy_takes_away_what_clients_stated() {
    for house in houses().await {
        let patient = patient(&house).await;
        let own = json!({ "security": [{ "system": ACT_CODE, "code": "STD" }] });
        let path = house
            .create(&with(lab(HIV_TEST, &patient), "meta", own))
            .await;
        let officer = Caller::in_roles(
            Identity {
                subject: "officer".into(),
                client_id: "client".into(),
                fhir_user: Some("Practitioner/1".into()),
                scopes: Scopes::parse("user/*.cruds").unwrap(),
                roles: vec!["clinician".into(), "privacy-officer".into()],
                ..Identity::default()
            },
            &Roles::seeded().with(clinician().iter().map(|role| RolePolicy::clone(role))),
        );
        let all = json!([{ "op": "remove", "path": "/meta/security" }]);
        let reply = patch(&house, &officer, &path, Format::JsonPatch, all.to_string()).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        assert_eq!(labels_of(&house, &path).await, "HIV R");
    }
}

#[tokio::test]
async fn t58_a_part_of_a_resource_is_not_stored_as_the_whole() {
    for house in houses().await {
        let patient = patient(&house).await;
        let path = house.create(&lab(GLUCOSE, &patient)).await;
        let before = stored(&house, &path).await;
        let part = stored(&house, &format!("{path}?_elements=code")).await;
        let tag = part["meta"]["tag"][0].clone();
        let mut answers = vec![house.ask(&loader(), Method::Put, &path, Some(&part)).await];
        answers.push(
            house
                .ask(&loader(), Method::Post, "Observation", Some(&part))
                .await,
        );
        let entry = json!({ "resource": part, "request": { "method": "PUT", "url": path } });
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
        answers.push(house.ask(&loader(), Method::Post, "", Some(&bundle)).await);
        let add = json!([{ "op": "add", "path": "/meta/tag", "value": [tag] }]);
        answers.push(patch(&house, &loader(), &path, Format::JsonPatch, add.to_string()).await);
        let marked = json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "tag": [tag] } }] });
        let url = format!("{path}/$meta-add");
        answers.push(
            house
                .ask(&loader(), Method::Post, &url, Some(&marked))
                .await,
        );
        for (at, reply) in answers.iter().enumerate() {
            assert_eq!(reply.status, 422, "{at}: {}", text(reply));
        }
        assert_eq!(stored(&house, &path).await, before);
    }
}

#[tokio::test]
async fn labels_beyond_their_bounds_are_refused_with_their_place() {
    for house in houses().await {
        let patient = patient(&house).await;
        let many: Vec<Value> = (0..65)
            .map(|n| json!({ "system": ACT_CODE, "code": format!("X{n}") }))
            .collect();
        let body = with(lab(GLUCOSE, &patient), "meta", json!({ "security": many }));
        let reply = house
            .ask(&loader(), Method::Post, "Observation", Some(&body))
            .await;
        assert_eq!(reply.status, 422);
        assert!(
            text(&reply).contains("Observation.meta.security[64]"),
            "{}",
            text(&reply)
        );
    }
}

#[tokio::test]
async fn what_nothing_around_can_label_costs_no_statement_for_it() {
    for house in houses().await {
        let patient = patient(&house).await;
        let encounter = with(
            json!({ "resourceType": "Encounter", "status": "planned", "class": { "code": "AMB" } }),
            "subject",
            reference(&patient),
        );
        let encounter = house.create(&encounter).await;
        let (alone, of_a_visit) = (
            lab(GLUCOSE, &patient),
            with(lab(GLUCOSE, &patient), "encounter", reference(&encounter)),
        );
        let mut least = [u64::MAX; 2];
        for _ in 0..4 {
            for (least, body) in least.iter_mut().zip([&alone, &of_a_visit]) {
                let caller = loader();
                // What is answered of references costs statements of its own.
                let mut call = crate::house::call(Method::Post, "Observation", Some(body));
                call.prefer.returns = Some(Return::Minimal);
                let asked = house.engine.answer(&caller, &call);
                let (reply, statements) = house.statements(asked).await;
                assert_eq!(reply.status, 201);
                *least = (*least).min(statements);
            }
        }
        assert_eq!(least[0], least[1]);
    }
}

#[tokio::test]
async fn what_takes_labels_from_a_resource_follows_it() {
    for house in houses().await {
        let patient = patient(&house).await;
        let plain = json!({ "resourceType": "Encounter", "status": "in-progress", "subject": reference(&patient),
            "class": { "system": ACT_CODE, "code": "IMP" } });
        let encounter = house.create(&plain).await;
        let during = with(lab(GLUCOSE, &patient), "encounter", reference(&encounter));
        let during = house.create(&during).await;
        // By an element that R4 has no search parameter for.
        let cause = with(plain.clone(), "status", json!("planned"));
        let cause = house.create(&cause).await;
        let order = json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "subject": reference(&patient), "medicationCodeableConcept": { "text": "a" },
            "reasonReference": [reference(&during)] });
        let order = house.create(&order).await;
        assert_eq!(labels_of(&house, &order).await, "");
        let id = encounter.split('/').next_back().unwrap();
        let sud = json!({ "security": [{ "system": ACT_CODE, "code": "SUD" }] });
        house
            .put(&with(with(plain, "id", json!(id)), "meta", sud))
            .await;
        let seen = labels_of(&house, &encounter).await;
        assert!(seen.contains("SUD"), "{seen}");
        assert_eq!(labels_of(&house, &during).await, seen);
        assert_eq!(labels_of(&house, &order).await, seen);
        assert_eq!(labels_of(&house, &cause).await, "");
        // What it carried is taken back when it is gone; what a client stated would not be.
        let reply = house.ask(&loader(), Method::Delete, &order, None).await;
        assert_eq!(reply.status, 204, "{}", text(&reply));
    }
}

#[tokio::test]
async fn rows_are_labelled_anew_when_the_rules_change() {
    use ward_resources::visibility::{ConsentSettings, Labeller, site_labels};
    let with_rules = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let labels = site_labels(false, &texts).unwrap();
        ward_resources::Settings {
            consent: ConsentSettings::default().with_labels(labels),
            ..ward_resources::Settings::default()
        }
    };
    let none =
        with_rules(&["ward-labels 1\nsystem loinc http://loinc.org\nlabel HIV R\n  about it\n"]);
    let house = House::sqlite().await.restarted(none).await;
    let patient = patient(&house).await;
    let hiv = house.create(&lab(HIV_TEST, &patient)).await;
    assert_eq!(labels_of(&house, &hiv).await, "");
    let labelling = house.engine.labelling().await.unwrap();
    assert!(labelling.is_complete && !labelling.is_former);
    let one = with_rules(&[
        "ward-labels 1\nsystem loinc http://loinc.org\nlabel HIV R\n  about it\nrule tests HIV\n  code loinc 20447-9 a test\n",
    ]);
    let house = house.restarted(one).await;
    let labelling = house.engine.labelling().await.unwrap();
    assert!(!labelling.is_complete);
    let (mut labeller, mut steps) = (Labeller::default(), 0);
    while house.engine.label(&mut labeller).await.unwrap() {
        steps += 1;
        assert!(steps < 1_000);
    }
    assert!(house.engine.labelling().await.unwrap().is_complete);
    assert_eq!(labels_of(&house, &hiv).await, "HIV R");
    // The privacy officer is told once what other rules have changed.
    let url = "Task?code=urn:ward:task%7Clabel-review&_total=accurate";
    let officer = crate::callers::officer();
    let reply = house.ask(&officer, Method::Get, url, None).await;
    let told: Value = serde_json::from_str(&text(&reply)).unwrap();
    assert_eq!(told["total"], 1, "{told}");
    let description = told["entry"][0]["resource"]["description"].to_string();
    assert!(description.contains("1 have other labels"), "{description}");
}
