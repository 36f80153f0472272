//! What `$consent-decision`, `$effective-access` and `$access-impact` say is what happens (C3, R24; AT3b).

use crate::house::{House, json, loader, text};
use serde_json::{Value, json as value};
use std::collections::{BTreeMap, BTreeSet};
use ward_access::{Caller, Identity, Purpose, Scopes};
use ward_resources::route::Method;
use ward_resources::{ConsentSettings, Settings};
use ward_testkit::consents::{self, Asker};
use ward_testkit::{Backend, Random, backends};

/// 2026-11-30
fn clock() -> i64 {
    1_796_000_000_000_000
}

async fn open(backend: Backend) -> House {
    let settings = Settings {
        consent: ConsentSettings {
            organization: consents::HERE.into(),
            ..ConsentSettings::default()
        },
        ..Settings::default()
    };
    House::with(backend, settings, clock).await
}

fn officer() -> Caller {
    Caller::new(Identity {
        subject: "officer".into(),
        client_id: "privacy-desk".into(),
        fhir_user: Some("Practitioner/officer".into()),
        roles: vec!["privacy-officer".into()],
        scopes: Scopes::parse("user/*.crus").unwrap(),
        ..Identity::default()
    })
}

/// The caller that the parameters of a question name.
fn caller(asker: &Asker) -> Caller {
    let user = Some(asker.user.clone()).filter(|user| !user.is_empty());
    let patient = match asker.user.split_once('/') {
        Some(("Patient", id)) => Some(id.to_owned()),
        Some(("RelatedPerson", id)) => Some(id.trim_end_matches("-mother").to_owned()),
        _ => None,
    };
    let scopes = match (&user, &patient) {
        (_, Some(_)) => "patient/*.cruds",
        (Some(_), None) => "user/*.cruds",
        (None, None) => "system/*.cruds",
    };
    Caller::new(Identity {
        subject: user.clone().unwrap_or_else(|| asker.client.clone()),
        client_id: asker.client.clone(),
        fhir_user: user,
        patient,
        scopes: Scopes::parse(scopes).unwrap(),
        roles: asker.role.iter().map(|role| (*role).to_owned()).collect(),
        purposes: asker.purpose.into_iter().filter_map(Purpose::of).collect(),
        ..Identity::default()
    })
}

fn query(asker: &Asker) -> String {
    let mut query = format!("client={}", asker.client);
    if !asker.user.is_empty() {
        query.push_str(&format!("&user={}", asker.user));
    }
    for (name, given) in [("role", asker.role), ("purpose", asker.purpose)] {
        if let Some(given) = given {
            query.push_str(&format!("&{name}={given}"));
        }
    }
    query
}

fn said<'v>(parameters: &'v Value, name: &str) -> &'v Value {
    let all = parameters["parameter"]
        .as_array()
        .or(parameters["part"].as_array());
    let found = all.and_then(|all| all.iter().find(|one| one["name"] == name));
    found.unwrap_or(&Value::Null)
}

async fn read(house: &House, caller: &Caller, url: &str) -> bool {
    let reply = house.ask(caller, Method::Get, url, None).await;
    assert!(
        [200, 403, 404].contains(&reply.status),
        "{url}: {}",
        text(&reply)
    );
    reply.status == 200
}

/// Patients with data and consents: the names of what is in each record.
async fn filled(house: &House, r: &mut Random, patients: usize) -> Vec<(String, Vec<String>)> {
    for resource in consents::staff() {
        house.put(&resource).await;
    }
    let mut all = Vec::new();
    for n in 0..patients {
        let patient = format!("p{n}");
        let mut resources = consents::patient(r, &patient);
        for resource in &resources {
            house.put(resource).await;
        }
        for c in 0..r.below(4) {
            let consent = consents::consent(r, &patient, &format!("{patient}-c{c}"));
            let url = format!("Consent/{patient}-c{c}");
            let reply = house
                .ask(&loader(), Method::Put, &url, Some(&consent))
                .await;
            match reply.status {
                200 | 201 => resources.push(consent),
                // What cannot be decided is not taken.
                422 => {}
                _ => panic!("{consent}: {}", text(&reply)),
            }
        }
        all.push((patient, consents::names(&resources)));
    }
    all
}

/// Of so many random pairs of somebody and a resource, the explanation is the answer.
async fn decisions_are_what_happens(backend: Backend, patients: usize, pairs: usize) {
    let house = open(backend).await;
    let mut r = Random::seeded();
    let records = filled(&house, &mut r, patients).await;
    let mut by_layer: BTreeMap<String, usize> = BTreeMap::new();
    for pair in 0..pairs {
        let (patient, names) = &records[r.below(records.len())];
        let name = &names[r.below(names.len())];
        let asker = consents::asker(&mut r, patient);
        let url = format!("$consent-decision?resource={name}&{}", query(&asker));
        let reply = house.ask(&officer(), Method::Get, &url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        let told = json(&reply);
        let is_permitted = said(&told, "effect")["valueCode"] == "permit";
        let is_seen = read(&house, &caller(&asker), name).await;
        assert_eq!(is_permitted, is_seen, "{pair}: {url}\n{told:#}");
        assert_eq!(said(&told, "seen")["valueBoolean"], is_seen, "{url}");
        let decided = said(&told, "decided-by")["valueCode"].as_str().unwrap();
        let effect = if is_seen { "permit" } else { "deny" };
        *by_layer.entry(format!("{decided} {effect}")).or_default() += 1;
    }
    println!("{by_layer:?}");
    let layers: BTreeSet<&str> = by_layer.keys().map(String::as_str).collect();
    for expected in [
        "consent permit",
        "consent deny",
        "default permit",
        "default deny",
        "role deny",
        "label deny",
    ] {
        assert!(
            pairs < 1_000 || layers.contains(expected),
            "{expected}: {by_layer:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at3b_r24_5000_decisions_are_what_happens() {
    decisions_are_what_happens(Backend::Sqlite, 120, 5_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at3b_r24_500_decisions_are_what_happens_on_postgres() {
    if backends().contains(&Backend::Postgres) {
        decisions_are_what_happens(Backend::Postgres, 20, 500).await;
    }
}

/// By type, and by reason: the numbers are those of reading everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r24_effective_access_counts_what_is_read() {
    let house = open(Backend::Sqlite).await;
    let mut r = Random::seeded();
    for (patient, names) in filled(&house, &mut r, 12).await {
        let asker = consents::asker(&mut r, &patient);
        let url = format!("Patient/{patient}/$effective-access?{}", query(&asker));
        let reply = house.ask(&officer(), Method::Get, &url, None).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        let told = json(&reply);
        let mut seen = 0;
        for name in &names {
            seen += u64::from(read(&house, &caller(&asker), name).await);
        }
        assert_eq!(
            said(&told, "resources")["valueUnsignedInt"],
            names.len() as u64
        );
        assert_eq!(
            said(&told, "seen")["valueUnsignedInt"],
            seen,
            "{url}\n{told:#}"
        );
    }
}

/// What a consent is said to hide is hidden once it is written, and seen again when it is withdrawn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r24_an_impact_is_what_the_consent_does() {
    let house = open(Backend::Sqlite).await;
    let mut r = Random::seeded();
    let records = filled(&house, &mut r, 25).await;
    let asker = Asker {
        user: "Practitioner/x".to_owned(),
        client: "desk".to_owned(),
        role: Some("physician"),
        purpose: Some("TREAT"),
    };
    let mut changed = 0;
    for (patient, names) in &records {
        let mut consent = consents::consent(&mut r, patient, &format!("{patient}-new"));
        consent["provision"] = value!({ "type": "deny", "actor": [{
            "role": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] },
            "reference": { "reference": "Practitioner/x" } }] });
        consent["status"] = value!("active");
        consent.as_object_mut().unwrap().remove("policyRule");
        consent["policy"] = value!([{ "uri": "urn:test:new" }]);
        let url = format!("Patient/{patient}/$access-impact");
        let reply = house
            .ask(&officer(), Method::Post, &url, Some(&consent))
            .await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        let told = json(&reply);
        let callers = told["parameter"].as_array().unwrap();
        let named = callers.iter().find(|one| {
            said(one, "actor")["valueReference"]["reference"] == "Practitioner/x"
                && said(one, "purpose")["valueCode"] == "TREAT"
        });
        let hidden: BTreeSet<String> = named.unwrap()["part"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|part| part["name"] == "hidden")
            .flat_map(|part| part["part"].as_array().unwrap())
            .filter_map(|part| part["valueString"].as_str())
            .map(str::to_owned)
            .collect();
        let of = async || {
            let mut seen = BTreeSet::new();
            for name in names {
                if read(&house, &caller(&asker), name).await {
                    seen.insert(name.clone());
                }
            }
            seen
        };
        let before = of().await;
        house.put(&consent).await;
        let after = of().await;
        let gone: BTreeSet<String> = before.difference(&after).cloned().collect();
        assert_eq!(gone, hidden, "{told:#}");
        changed += gone.len();
        consent["status"] = value!("inactive");
        // Whoever wrote it for the patient does not see it (R23).
        let url = format!("Consent/{patient}-new");
        let reply = house
            .ask(&officer(), Method::Put, &url, Some(&consent))
            .await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        assert_eq!(of().await, before);
    }
    assert!(changed > 50, "{changed}");
}

/// Whoever looks after consents is told; a patient of a change in their own record, and nothing of what is kept from them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r24_explanations_are_for_officers_and_impacts_for_patients() {
    let house = open(Backend::Sqlite).await;
    for resource in consents::staff() {
        house.put(&resource).await;
    }
    house
        .put(&value!({ "resourceType": "Patient", "id": "ada" }))
        .await;
    house
        .put(&value!({ "resourceType": "Patient", "id": "alan" }))
        .await;
    let own = caller(&Asker {
        user: "Patient/ada".to_owned(),
        client: "app".to_owned(),
        role: None,
        purpose: None,
    });
    let physician = caller(&Asker {
        user: "Practitioner/t".to_owned(),
        client: "desk".to_owned(),
        role: Some("physician"),
        purpose: None,
    });
    let asked = "user=Practitioner/t&role=physician";
    let decision = format!("Patient/ada/$consent-decision?{asked}");
    let effective = format!("Patient/ada/$effective-access?{asked}");
    for url in [&decision, &effective] {
        for (who, status) in [
            (&officer(), 200),
            (&own, 403),
            (&physician, 403),
            (&loader(), 403),
        ] {
            let reply = house.ask(who, Method::Get, url, None).await;
            assert_eq!(reply.status, status, "{url}: {}", text(&reply));
        }
    }
    let mut r = Random::seeded();
    let mut consent = consents::consent(&mut r, "ada", "c");
    consent["status"] = value!("inactive");
    let impact = |patient: &str| format!("Patient/{patient}/$access-impact");
    for (who, patient, status) in [
        (&officer(), "ada", 200),
        (&own, "ada", 200),
        (&own, "alan", 403),
        (&physician, "ada", 403),
        // The Consent is of another patient.
        (&officer(), "alan", 422),
        (&officer(), "nobody", 404),
    ] {
        let reply = house
            .ask(who, Method::Post, &impact(patient), Some(&consent))
            .await;
        assert_eq!(reply.status, status, "{patient}: {}", text(&reply));
    }
    for (bad, why) in [
        ("user=Practitioner", "user"),
        ("role=physician", "user"),
        ("user=Practitioner/t&role=king", "role"),
        ("user=Practitioner/t&purpose=FUN", "purpose"),
        ("user=Practitioner/t&nothing=1", "nothing"),
        ("user=Practitioner/t&break-glass=maybe", "break-glass"),
        ("user=Practitioner/t&user=Practitioner/x", "user"),
    ] {
        let url = format!("Patient/ada/$consent-decision?{bad}");
        let reply = house.ask(&officer(), Method::Get, &url, None).await;
        assert_eq!(reply.status, 400, "{url}");
        assert!(text(&reply).contains(why), "{url}: {}", text(&reply));
    }
}

/// Whom neither an account nor the rota gives a role sees nothing, and that is what the officer is told: not that the officer has none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r24_who_is_in_no_role_sees_nothing() {
    let house = open(Backend::Sqlite).await;
    house
        .put(&value!({ "resourceType": "Patient", "id": "ada" }))
        .await;
    let ask = async |url: &str| {
        let reply = house.ask(&officer(), Method::Get, url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        json(&reply)
    };
    let told = ask("Patient/ada/$consent-decision?user=Practitioner/idle").await;
    assert_eq!(said(&told, "effect")["valueCode"], "deny", "{told:#}");
    assert_eq!(said(&told, "decided-by")["valueCode"], "role", "{told:#}");
    assert_eq!(said(&told, "seen")["valueBoolean"], false, "{told:#}");
    let told = ask("Patient/ada/$effective-access?user=Practitioner/idle").await;
    assert_eq!(said(&told, "resources")["valueUnsignedInt"], 1, "{told:#}");
    assert_eq!(said(&told, "seen")["valueUnsignedInt"], 0, "{told:#}");
}
