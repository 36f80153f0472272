//! Which right an interaction asks for, and what it shows to whom.

use crate::house::{House, call, json, loader, system, text, user};
use crate::placement::{entry, observation, patient, transaction};
use serde_json::{Value, json as value};
use ward_resources::route::Method::{Delete, Get, Patch, Post, Put};
use ward_resources::{Content, Reply};

pub async fn validating_a_deletion_takes_the_right_to_delete(house: House) {
    let path = house.put(&patient("1")).await;
    let url = format!("{path}/$validate");
    let delete = value!({ "resourceType": "Parameters", "parameter": [{ "name": "mode", "valueCode": "delete" }] });
    let create = patient("1");
    for (scopes, body, query, status) in [
        ("system/Patient.d", Some(&delete), "", 200),
        ("system/Patient.c", Some(&delete), "", 403),
        ("system/Patient.d", None, "?mode=delete", 200),
        ("system/Patient.crus", None, "?mode=delete", 403),
        ("system/Patient.c", Some(&create), "", 200),
        ("system/Patient.d", Some(&create), "", 403),
    ] {
        let url = format!("{url}{query}");
        let reply = house.ask(&system(scopes), Post, &url, body).await;
        assert_eq!(reply.status, status, "{scopes} {url}: {}", text(&reply));
    }
}

pub async fn a_binary_is_as_open_as_its_context(house: House) {
    let person = house.put(&patient("1")).await;
    let binary = |id: &str, context: &str| {
        value!({ "resourceType": "Binary", "id": id, "contentType": "text/plain", "data": "SGVsbG8=",
            "securityContext": { "reference": context } })
    };
    let free = value!({ "resourceType": "Binary", "id": "free", "contentType": "text/plain" });
    house.put(&free).await;
    house.put(&binary("bound", &person)).await;
    house.put(&binary("lost", "Patient/never")).await;
    let raw = |caller: &str| {
        let mut call = call(Get, "Binary/bound", None);
        call.raw_accepted = true;
        (system(caller), call)
    };
    let (both, call) = raw("system/Binary.cruds system/Patient.r");
    let reply = house.engine.answer(&both, &call).await;
    assert!(matches!(&reply.content, Content::Raw { bytes, .. } if bytes[..] == *b"Hello"));
    assert_eq!(reply.security_context.as_deref(), Some("Patient/1"));
    let (only, call) = raw("system/Binary.cruds system/Patient.cs");
    assert_eq!(house.engine.answer(&only, &call).await.status, 404);
    let found = |reply: &Reply| -> Vec<String> {
        let bundle = json(reply);
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        let ids = entries
            .iter()
            .map(|e| e["resource"]["id"].as_str().unwrap().to_owned());
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        ids
    };
    for url in ["Binary", "Binary/_history", "_history?_count=50"] {
        let seen = found(&house.ask(&only, Get, url, None).await);
        assert!(
            !seen.contains(&"bound".into()) && seen.contains(&"free".into()),
            "{url}"
        );
        let seen = found(&house.ask(&both, Get, url, None).await);
        assert!(
            seen.contains(&"bound".into()) && !seen.contains(&"lost".into()),
            "{url}"
        );
    }
    let none = value!({ "resourceType": "Parameters" });
    let mut bare = binary("bound", &person);
    bare.as_object_mut().unwrap().remove("securityContext");
    for (method, url, body, status) in [
        (Get, "Binary/bound/_history/1", None, 404),
        (Get, "Binary/bound/$meta", None, 404),
        (Patch, "Binary/bound", Some(&none), 404),
        (Put, "Binary/bound", Some(&bare), 404),
        (Delete, "Binary/bound", None, 204),
        (Get, "Binary/free", None, 200),
    ] {
        let reply = house.ask(&only, method, url, body).await;
        assert_eq!(reply.status, status, "{url}: {}", text(&reply));
    }
    assert_eq!(
        house.ask(&both, Get, "Binary/bound", None).await.version,
        Some(1)
    );
}

fn fhirpath(path: &str, code: &str) -> Value {
    value!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": path },
        { "name": "value", "valueCode": code }] }] })
}

pub async fn a_patch_that_changes_nothing_makes_no_version(house: House) {
    let path = house.create(&observation("Patient/1")).await;
    let nothing = value!({ "resourceType": "Parameters" });
    let same = fhirpath("Observation.status", "final");
    for patch in [&nothing, &same] {
        let reply = house.ask(&loader(), Patch, &path, Some(patch)).await;
        assert_eq!(
            (reply.status, reply.version),
            (200, Some(1)),
            "{}",
            text(&reply)
        );
        let bundle = transaction(vec![entry("PATCH", &path, patch.clone())]);
        let reply = house.ask(&loader(), Post, "", Some(&bundle)).await;
        let response = &json(&reply)["entry"][0]["response"];
        assert_eq!(
            (&response["status"], &response["etag"]),
            (&value!("200 OK"), &value!("W/\"1\""))
        );
    }
    let other = fhirpath("Observation.status", "amended");
    let reply = house.ask(&loader(), Patch, &path, Some(&other)).await;
    assert_eq!((reply.status, reply.version), (200, Some(2)));
}

pub async fn who_may_only_update_is_not_shown_the_rest(house: House) {
    let path = house.create(&observation("Patient/1")).await;
    let writer = system("system/Observation.u");
    for (code, version) in [("amended", 2), ("amended", 2), ("final", 3)] {
        let patch = fhirpath("Observation.status", code);
        let reply = house.ask(&writer, Patch, &path, Some(&patch)).await;
        assert_eq!(
            (reply.status, reply.version),
            (200, Some(version)),
            "{}",
            text(&reply)
        );
        assert_eq!(text(&reply), "");
    }
    let patch = fhirpath("Observation.status", "final");
    let reader = system("system/Observation.rs");
    assert_eq!(
        house.ask(&reader, Patch, &path, Some(&patch)).await.status,
        403
    );
}

/// What may be found and not deleted is left out of a conditional deletion, as a deletion by id passes over it.
pub async fn a_conditional_deletion_reaches_what_both_rights_reach(house: House) {
    let own = house.put(&patient("own")).await;
    let other = house.put(&patient("other")).await;
    let identified = |subject: &str| {
        let mut body = observation(subject);
        body["identifier"] = value!([{ "system": "http://example.org/i", "value": "7" }]);
        body
    };
    let foreign = house.create(&identified(&other)).await;
    let caller = {
        let app = crate::house::app("user/*.s patient/*.d", &own);
        let identity = ward_access::Identity {
            fhir_user: Some("Practitioner/1".into()),
            roles: vec!["clinician".into()],
            ..(*app).clone()
        };
        ward_access::Caller::in_roles(identity, crate::house::clinician())
    };
    let url = "Observation?identifier=http://example.org/i|7";
    assert_eq!(house.ask(&caller, Delete, url, None).await.status, 204);
    assert_eq!(house.ask(&loader(), Get, &foreign, None).await.status, 200);
    let mine = house.create(&identified(&own)).await;
    let reply = house.ask(&caller, Delete, url, None).await;
    // Two are found and one may be removed: which is meant is not for the caller to learn.
    assert!([204, 412].contains(&reply.status), "{}", text(&reply));
    assert_eq!(house.ask(&loader(), Get, &foreign, None).await.status, 200);
    let all = user("user/*.ds");
    let gone = house.ask(&all, Delete, &foreign, None).await;
    assert_eq!(gone.status, 204, "{}", text(&gone));
    assert_eq!(house.ask(&caller, Delete, url, None).await.status, 204);
    assert_eq!(house.ask(&loader(), Get, &mine, None).await.status, 410);
}

/// C2, C3: a launch for a patient gives staff nothing that their role does not.
pub async fn patient_scopes_of_staff_are_cut_to_the_role(house: House) {
    let own = house.put(&patient("own")).await;
    let pulse = house.create(&observation(&own)).await;
    let registrar = crate::house::app_in(Some("registrar"), "patient/*.cruds", &own);
    for (method, url) in [
        (Get, pulse.clone()),
        (Get, "Observation".into()),
        (Get, format!("{own}/Observation")),
        (Delete, pulse.clone()),
    ] {
        let reply = house.ask(&registrar, method, &url, None).await;
        assert_eq!(reply.status, 403, "{url}: {}", text(&reply));
    }
    let body = observation(&own);
    let reply = house
        .ask(&registrar, Post, "Observation", Some(&body))
        .await;
    assert_eq!(reply.status, 403, "{}", text(&reply));
    let everything = house
        .ask(&registrar, Get, &format!("{own}/$everything"), None)
        .await;
    assert_eq!(
        json(&everything)["entry"].as_array().unwrap().len(),
        1,
        "the Patient alone"
    );
    assert_eq!(house.ask(&registrar, Get, &own, None).await.status, 200);
    let physician = crate::house::app_in(Some("physician"), "patient/*.cruds", &own);
    assert_eq!(house.ask(&physician, Get, &pulse, None).await.status, 200);
    // And nobody's record but that of the launch.
    let other = house.put(&patient("other")).await;
    assert_eq!(house.ask(&physician, Get, &other, None).await.status, 404);
    assert_eq!(house.ask(&loader(), Get, &pulse, None).await.status, 200);
}

/// Patients add to their own record and neither change nor remove what is in it.
pub async fn patients_have_a_policy_of_their_own(house: House) {
    let own = house.put(&patient("own")).await;
    let pulse = house.create(&observation(&own)).await;
    let app = crate::house::app_in(None, "patient/*.cruds", &own);
    assert_eq!(house.ask(&app, Get, &pulse, None).await.status, 200);
    let body = observation(&own);
    let reply = house.ask(&app, Post, "Observation", Some(&body)).await;
    assert_eq!(reply.status, 201, "{}", text(&reply));
    let mut changed = observation(&own);
    changed["id"] = value!(pulse.trim_start_matches("Observation/"));
    let reply = house.ask(&app, Put, &pulse, Some(&changed)).await;
    assert_eq!(reply.status, 403, "{}", text(&reply));
    assert_eq!(house.ask(&app, Delete, &pulse, None).await.status, 403);
    let illness = value!({ "resourceType": "Condition", "subject": { "reference": own } });
    let reply = house.ask(&app, Post, "Condition", Some(&illness)).await;
    assert_eq!(reply.status, 403, "{}", text(&reply));
    // What somebody else launched for this patient is not the patient's own.
    let relative = ward_access::Identity {
        fhir_user: Some("RelatedPerson/1".into()),
        ..(*app).clone()
    };
    let relative = ward_access::Caller::new(relative);
    assert_eq!(house.ask(&relative, Get, &pulse, None).await.status, 403);
}
