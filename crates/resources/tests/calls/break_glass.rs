//! R22: what is open while the glass is broken: one patient's record, to read, and for no longer than it holds.

use crate::house::{House, call, json, text};
use crate::placement::{observation, patient};
use serde_json::{Value, json as value};
use ward_access::{Caller, Clearance, Identity, Purposes, Registered, Scopes};
use ward_resources::route::Method::{self, Get, Post, Put};
use ward_resources::{BrokenGlass, Reply};

fn doctor(roles: &[&str], purposes: &str) -> Caller {
    Caller::new(Identity {
        subject: "doctor".into(),
        client_id: "desk".into(),
        fhir_user: Some("Practitioner/doctor".into()),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        scopes: Scopes::parse("user/*.cruds").unwrap(),
        purposes: Purposes::parse(purposes).unwrap(),
        ..Identity::default()
    })
}

/// Of a patient, until a minute after the house's now.
fn glass(house: &House, patient: &str, minutes: i64) -> BrokenGlass {
    BrokenGlass {
        patient: patient.into(),
        until_us: house.engine.now_us() + minutes * 60_000_000,
    }
}

async fn behind(
    house: &House,
    glass: &BrokenGlass,
    caller: &Caller,
    (method, url, body): (Method, &str, Option<&Value>),
) -> Reply {
    let mut call = call(method, url, body);
    call.break_glass = Some(glass.clone());
    house.engine.answer(caller, &call).await
}

async fn filled(house: &House) -> Value {
    house
        .put(&value!({ "resourceType": "Practitioner", "id": "doctor" }))
        .await;
    for id in ["p1", "p2"] {
        house.put(&patient(id)).await;
        let mut own = observation(&format!("Patient/{id}"));
        own["id"] = format!("of-{id}").into();
        house.put(&own).await;
    }
    let mut other = observation("Patient/p1");
    other["id"] = "of-p1".into();
    other
}

fn code(reply: &Reply) -> Value {
    json(reply)["issue"][0]["details"]["coding"][0]["code"].clone()
}

pub async fn t26_one_record_is_open_and_no_other(house: House) {
    let own = filled(&house).await;
    let doctor = doctor(&["physician"], "");
    let open = glass(&house, "p1", 1);
    let ask = |asked| behind(&house, &open, &doctor, asked);
    for url in [
        "Patient/p1",
        "Observation/of-p1",
        "Observation/of-p1/_history",
        "Patient/p1/Observation",
        "Patient/p1/$everything",
    ] {
        let reply = ask((Get, url, None)).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        let record = house.records().pop().unwrap();
        assert!(record.decision.break_glass, "{url}");
        assert_eq!(record.purpose, "TREAT BTG", "{url}");
    }
    // Others are as absent as what never was.
    let absent = text(&ask((Get, "Observation/none", None)).await);
    for url in ["Observation/of-p2", "Patient/p2"] {
        let reply = ask((Get, url, None)).await;
        assert_eq!(reply.status, 404, "{url}");
        assert_eq!(text(&reply), absent, "{url}");
        assert_eq!(
            house.ask(&doctor, Get, url, None).await.status,
            200,
            "{url}"
        );
    }
    // Of what lies in nobody's record nothing is asked behind it.
    let reply = ask((Get, "Practitioner/doctor", None)).await;
    assert_eq!(reply.status, 403);
    let found = ask((Get, "Observation", None)).await;
    let found = json(&found);
    assert_eq!(found["entry"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["entry"][0]["resource"]["id"], "of-p1");
    // To read, one request at a time.
    let batch = value!({ "resourceType": "Bundle", "type": "batch",
        "entry": [{ "request": { "method": "GET", "url": "Observation/of-p1" } }] });
    for asked in [
        (Put, "Observation/of-p1", Some(&own)),
        (Post, "Observation", Some(&own)),
        (Method::Delete, "Observation/of-p1", None),
        (Post, "", Some(&batch)),
    ] {
        let reply = ask(asked).await;
        assert_eq!(
            (reply.status, code(&reply)),
            (403, value!("access.break-glass")),
            "{}",
            asked.1
        );
        let record = house.records().pop().unwrap();
        assert!(record.decision.break_glass && record.status == 403);
    }
    // Without it nothing is marked.
    house.ask(&doctor, Get, "Observation/of-p1", None).await;
    assert!(!house.records().pop().unwrap().decision.break_glass);
    // What is for everybody is what it is.
    assert_eq!(ask((Get, "metadata", None)).await.status, 200);
}

/// What names the patient and is at home with another, whose denials hold: neither it nor its history, nor as the other end of a chain.
pub async fn t26_the_records_of_others_stay_closed(house: House) {
    filled(&house).await;
    let mut named = observation("Patient/p2");
    named["id"] = "named".into();
    named["performer"] = value!([{ "reference": "Patient/p1" }]);
    house.put(&named).await;
    let mut group = observation("Patient/p1");
    group["id"] = "group".into();
    group["hasMember"] =
        value!([{ "reference": "Observation/named" }, { "reference": "Observation/of-p1" }]);
    house.put(&group).await;
    let doctor = doctor(&["physician"], "");
    let open = glass(&house, "p1", 1);
    let ask = |url| behind(&house, &open, &doctor, (Get, url, None));
    for url in [
        "Observation/named",
        "Observation/named/_history",
        "Observation/named/_history/1",
    ] {
        assert_eq!(ask(url).await.status, 404, "{url}");
        assert_eq!(
            house.ask(&doctor, Get, url, None).await.status,
            200,
            "{url}"
        );
    }
    for (url, ids) in [
        ("Observation?_sort=_id", vec!["group", "of-p1"]),
        ("Patient/p1/Observation?_sort=_id", vec!["group", "of-p1"]),
        (
            "Observation?has-member:Observation.subject=Patient/p1",
            vec!["group"],
        ),
        (
            "Observation?has-member:Observation.subject=Patient/p2",
            vec![],
        ),
        (
            "Observation?has-member:Observation.performer=Patient/p1",
            vec![],
        ),
        (
            "Observation?_id=group&_include=Observation:has-member&_sort=_id",
            vec!["group", "of-p1"],
        ),
    ] {
        let reply = ask(url).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        let bundle = json(&reply);
        let entries = bundle["entry"].as_array().into_iter().flatten();
        let mut found: Vec<&str> = entries
            .map(|one| one["resource"]["id"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, ids, "{url}");
    }
}

/// What a label keeps of nobody's record from who breaks the glass is kept behind it, too: a Location and a Practitioner beyond their clearance are at no
/// other end of a chain, and no reference leads to them.
pub async fn t26_what_is_kept_of_nobodys_stays_closed(house: House) {
    filled(&house).await;
    for (id, is_kept) in [("kept", true), ("open", false)] {
        let code = if is_kept { "V" } else { "N" };
        let labels = value!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code }]);
        let called = format!("called{id}");
        house
            .put(&value!({ "resourceType": "Location", "id": id, "meta": { "security": labels }, "name": called }))
            .await;
        house
            .put(
                &value!({ "resourceType": "Practitioner", "id": id, "meta": { "security": labels },
                "name": [{ "family": called }] }),
            )
            .await;
        let mut own = observation("Patient/p1");
        own["id"] = format!("by-{id}").into();
        own["performer"] = value!([{ "reference": format!("Practitioner/{id}") }]);
        house.put(&own).await;
        house
            .put(&value!({ "resourceType": "Encounter", "id": format!("at-{id}"), "status": "finished",
                "class": { "code": "AMB" }, "subject": { "reference": "Patient/p1" },
                "location": [{ "location": { "reference": format!("Location/{id}") } }] }))
            .await;
    }
    // Through this app nobody sees more than what is normal.
    let doctor = Caller::new(Identity {
        client: Registered {
            clearance: Some(Clearance::parse("N *").unwrap()),
            ..Registered::default()
        },
        ..Identity::clone(&doctor(&["physician"], ""))
    });
    let open = glass(&house, "p1", 1);
    for id in ["kept", "open"] {
        let is_kept = id == "kept";
        let found = u64::from(!is_kept);
        for (path, url) in [
            (
                format!("Practitioner/{id}"),
                format!("Observation?performer:Practitioner.name=called{id}"),
            ),
            (
                format!("Location/{id}"),
                format!("Encounter?location.name=called{id}"),
            ),
        ] {
            let read = house.ask(&doctor, Get, &path, None).await;
            assert_eq!(read.status, if is_kept { 404 } else { 200 }, "{path}");
            // Nobody's record is not asked for behind it.
            let read = behind(&house, &open, &doctor, (Get, &path, None)).await;
            assert_eq!(read.status, 403, "{path}");
            let counted = format!("{url}&_total=accurate");
            for reply in [
                house.ask(&doctor, Get, &counted, None).await,
                behind(&house, &open, &doctor, (Get, &counted, None)).await,
            ] {
                assert_eq!(json(&reply)["total"], found, "{url}: {}", text(&reply));
            }
        }
        for url in [format!("Observation/by-{id}"), format!("Encounter/at-{id}")] {
            let reply = behind(&house, &open, &doctor, (Get, &url, None)).await;
            assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
            let names = ["Practitioner/", "Location/"];
            let names = names.iter().any(|name| text(&reply).contains(name));
            assert_eq!(names, !is_kept, "{url}: {}", text(&reply));
        }
    }
}

pub async fn t27_it_ends_and_needs_a_role_that_may(house: House) {
    filled(&house).await;
    let read = (Get, "Observation/of-p1", None);
    let physician = doctor(&["physician"], "");
    for (patient, minutes) in [("p1", 0), ("p1", -1), ("nobody", 1)] {
        let over = glass(&house, patient, minutes);
        let reply = behind(&house, &over, &physician, read).await;
        assert_eq!(reply.status, 404, "{patient} {minutes}");
    }
    let open = glass(&house, "p1", 1);
    for (roles, purposes) in [
        (&["pharmacist"][..], ""),
        (&["physician", "billing-clerk"], "HPAYMT"),
    ] {
        let reply = behind(&house, &open, &doctor(roles, purposes), read).await;
        assert_eq!(
            (reply.status, code(&reply)),
            (403, value!("access.break-glass")),
            "{roles:?}"
        );
    }
    // Nobody gets more by it than their scopes and roles open.
    let narrow = Caller::new(Identity {
        scopes: Scopes::parse("user/Patient.rs").unwrap(),
        ..Identity::clone(&physician)
    });
    let reply = behind(&house, &open, &narrow, read).await;
    assert_eq!(
        (reply.status, code(&reply)),
        (403, value!("access.forbidden"))
    );
    let patient = (Get, "Patient/p1", None);
    assert_eq!(behind(&house, &open, &narrow, patient).await.status, 200);
}
