use super::*;
use crate::visibility::THIS_ORGANIZATION;
use crate::visibility::fixture::*;
use crate::visibility::record::ROWS_MAX;
use ward_storage::{Current, HistoryQuery, HistoryScope};

const EVERYTHING: &str =
    r#""class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]"#;

async fn house() -> Place {
    let place = Place::open(THIS_ORGANIZATION).await;
    for person in ["Practitioner/x", "Practitioner/y", "Patient/p"] {
        place.put(person, "").await;
    }
    place
        .put("Observation/o", &observed("p", "Practitioner/y"))
        .await;
    place
}

/// Every version of a resource, the newest first, with whether a consent says anything of it.
async fn versions(place: &Place, url: &str) -> Vec<(u32, bool)> {
    let row = place.row(url).await;
    let access = maintenance(Maintenance::Policies);
    let mut all = place
        .engine
        .store
        .superseded(&access, &[row.rid])
        .await
        .unwrap();
    all.push(row);
    all.sort_unstable_by_key(|row| std::cmp::Reverse(row.version));
    let mut versions = Vec::new();
    for row in all {
        let seen_by = place.seen_by(&row).await;
        versions.push((
            row.version,
            seen_by.is_some_and(|class| !class.residual.is_silent()),
        ));
    }
    versions
}

#[tokio::test]
async fn a_consent_is_a_policy_for_every_row_version_and_deletion() {
    let place = house().await;
    place
        .put("Observation/o", &observed("p", "Practitioner/x"))
        .await;
    place
        .put("Observation/gone", &observed("p", "Practitioner/x"))
        .await;
    place.change("Observation/gone", None).await;
    place.change("Consent/c", Some(&deny("p", RECIPIENT))).await;
    assert_eq!(
        versions(&place, "Observation/o").await,
        [(2, true), (1, true)]
    );
    assert_eq!(
        versions(&place, "Observation/gone").await,
        [(2, true), (1, true)]
    );
    assert_eq!(versions(&place, "Patient/p").await, [(1, true)]);
    assert_eq!(versions(&place, "Consent/c").await, [(1, true)]);
    let p = place.rid("Patient/p").await;
    assert_eq!(place.engine.policy(p).version, 1);
    let other = deny("p", EVERYTHING);
    place.change("Consent/c", Some(&other)).await;
    assert_eq!(
        versions(&place, "Observation/o").await,
        [(2, true), (1, true)]
    );
    let withdrawn = other.replace("\"active\"", "\"inactive\"");
    place.change("Consent/c", Some(&withdrawn)).await;
    assert_eq!(
        versions(&place, "Observation/o").await,
        [(2, false), (1, false)]
    );
    assert_eq!(
        versions(&place, "Observation/gone").await,
        [(2, false), (1, false)]
    );
    assert_eq!(
        versions(&place, "Consent/c").await,
        [(3, false), (2, false), (1, false)]
    );
    place.change("Consent/c", Some(&deny("p", RECIPIENT))).await;
    place.change("Consent/c", None).await;
    assert_eq!(
        versions(&place, "Observation/o").await,
        [(2, false), (1, false)]
    );
    assert_eq!(place.engine.store.policies(&[p]).await, Ok(vec![5]));
}

#[tokio::test]
async fn rows_of_the_same_unit_are_judged_by_its_consents() {
    let place = house().await;
    let consent = deny(
        "p",
        RECIPIENT
            .replace("Practitioner/x", "Practitioner/new")
            .as_str(),
    );
    let permit = consent.replace("\"deny\"", "\"permit\"");
    let observation = observed("p", "Practitioner/new");
    let unit = [
        ("Consent/c", Some(permit.as_str())),
        ("Observation/n", Some(&observation)),
        ("Observation/o", None),
        ("Practitioner/new", Some("")),
    ];
    assert_eq!(place.write(&unit, false).await.unwrap(), Ok(()));
    for url in ["Observation/n", "Observation/o", "Patient/p"] {
        assert!(
            versions(&place, url).await.iter().all(|(_, told)| *told),
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_consent_that_cannot_be_used_is_refused_with_every_place() {
    let place = house().await;
    let refused = async |members: &str| {
        let refused = place.write(&[("Consent/c", Some(members))], false).await;
        let (failure, at) = refused.map(|_| ()).unwrap_err();
        assert_eq!(at, 0);
        let issues = failure.issues.iter();
        let mut places: Vec<String> = issues.flat_map(|issue| issue.expression.clone()).collect();
        places.sort_unstable();
        places
    };
    let odd = deny(
        "p",
        r#""purpose":[{"system":"urn:mine","code":"X"}],"code":[{"text":"no code"}]"#,
    );
    assert_eq!(
        refused(&odd).await,
        [
            "Consent.provision.provision[0].code[0]",
            "Consent.provision.provision[0].purpose[0]"
        ]
    );
    let to_nobody = deny(
        "p",
        &RECIPIENT.replace("Practitioner/x", "Practitioner/nobody"),
    );
    let to_nobody = to_nobody.replace("\"deny\"", "\"permit\"");
    assert_eq!(
        refused(&to_nobody).await,
        ["Consent.provision.provision[0].actor"]
    );
    // One that is not in force says nothing.
    place
        .change(
            "Consent/draft",
            Some(&odd.replace("\"active\"", "\"draft\"")),
        )
        .await;
    assert!(place.residual("Observation/o").await.is_silent());
    assert_eq!(
        place
            .write(&[("Consent/c", Some(&odd))], true)
            .await
            .unwrap(),
        Ok(())
    );
    let silent = ward_consent::Residual::silent().to_bytes();
    assert_ne!(place.residual("Observation/o").await.to_bytes(), silent);
}

#[tokio::test]
async fn a_merge_and_its_end_change_whose_consents_count() {
    let place = house().await;
    place.put("Patient/old", "").await;
    place
        .put("Observation/old", &observed("old", "Practitioner/y"))
        .await;
    place
        .change("Consent/c", Some(&deny("old", RECIPIENT)))
        .await;
    assert!(!versions(&place, "Observation/o").await[0].1);
    let link = r#","link":[{"other":{"reference":"Patient/old"},"type":"replaces"}]"#;
    place.change("Patient/p", Some(link)).await;
    for url in ["Observation/o", "Observation/old", "Patient/p"] {
        assert!(versions(&place, url).await[0].1, "{url}");
    }
    place.change("Patient/p", Some(r#","active":true"#)).await;
    assert!(!versions(&place, "Observation/o").await[0].1);
    assert!(versions(&place, "Observation/old").await[0].1);
}

#[tokio::test]
async fn a_consent_costs_the_same_statements_for_few_rows_and_for_many() {
    let place = house().await;
    let cost = async |n: usize| {
        let provisions: Vec<String> = (0..n)
            .map(|at| {
                format!(
                    r#"{{"type":"deny",{}}}"#,
                    RECIPIENT.replace("Practitioner/x", &format!("Practitioner/{at}"))
                )
            })
            .collect();
        let members = deny("p", RECIPIENT).replace(
            r#""provision":[{"type":"deny","#,
            &format!(r#""provision":[{},{{"type":"deny","#, provisions.join(",")),
        );
        let before = place.engine.store.statements();
        let begun = std::time::Instant::now();
        place.change("Consent/c", Some(&members)).await;
        println!("{n} provisions: {:?}", begun.elapsed());
        place.engine.store.statements() - before
    };
    cost(1).await;
    let few = cost(2).await;
    for at in 0..60 {
        let url = format!("Observation/n{at}");
        place
            .write(&[(&url, Some(&observed("p", "Practitioner/y")))], false)
            .await
            .unwrap()
            .unwrap();
    }
    let many = cost(200).await;
    println!("{few} and {many} statements");
    assert!(many <= few + 2, "{few} and {many} statements");
}

#[tokio::test]
async fn a_large_record_is_closed_until_it_is_decided() {
    let place = house().await;
    let p = place.rid("Patient/p").await;
    for part in 0..=(ROWS_MAX / 200) {
        let mut unit = Unit::default();
        for at in 0..200 {
            let url = format!("Observation/n{}", part * 200 + at);
            unit.writes.push(
                place
                    .compose(&url, Some(&observed("p", "Practitioner/y")))
                    .await,
            );
        }
        place.engine.store.commit(unit).await.unwrap();
    }
    place.change("Consent/c", Some(&deny("p", RECIPIENT))).await;
    assert_eq!(*place.engine.closed.get(), [p]);
    let access = place.engine.without_closed(place.access.clone());
    let observation = ward_fhir::schema::r4()
        .resource_type("Observation")
        .unwrap();
    let rid = place.rid("Observation/o").await;
    let read = place
        .engine
        .store
        .read(&access, Action::Read, observation, rid);
    assert!(matches!(read.await.unwrap(), Current::Absent));
    let history = HistoryQuery {
        scope: HistoryScope::Instance {
            ty: observation,
            rid,
        },
        since_us: None,
        at_us: None,
        count: 10,
        after: None,
    };
    let read = place
        .engine
        .store
        .history(&access, &place.engine.compartments, &history)
        .await
        .unwrap();
    assert!(read.rows.is_empty());
    assert!(place.engine.decide_due().await.unwrap());
    assert!(!place.engine.decide_due().await.unwrap());
    assert!(place.engine.closed.get().is_empty());
    for url in [
        "Observation/o",
        "Observation/n0",
        "Observation/n1999",
        "Patient/p",
    ] {
        assert!(versions(&place, url).await[0].1, "{url}");
    }
}

#[tokio::test]
async fn a_policy_is_decided_anew_when_its_time_has_come() {
    let place = house().await;
    let now_s = NOW_US.with(std::cell::Cell::get) / 1_000_000;
    let end = ward_fhir::date::instant_text((now_s + 100) * 1_000_000);
    let members = deny("p", &format!(r#""period":{{"end":"{end}"}},{RECIPIENT}"#));
    place.change("Consent/c", Some(&members)).await;
    let before = place.residual("Observation/o").await;
    assert!(!place.engine.decide_due().await.unwrap());
    let p = place.rid("Patient/p").await;
    NOW_US.with(|now| now.set(now.get() + 103_000_000));
    place.engine.watch_closed().await.unwrap();
    assert!(place.engine.closed.get().is_empty());
    NOW_US.with(|now| now.set(now.get() + 5_000_000));
    place.engine.watch_closed().await.unwrap();
    assert_eq!(*place.engine.closed.get(), [p]);
    assert!(place.engine.decide_due().await.unwrap());
    // What is left is the base alone, as for somebody whom nothing is denied.
    let after = place.residual("Observation/o").await;
    assert_ne!(after, before);
    assert_eq!(after, place.residual("Patient/p").await);
    assert_eq!(place.engine.policy(p).version, 2);
    assert!(place.engine.closed.get().is_empty());
}

#[tokio::test]
async fn a_row_that_names_a_further_patient_is_nobodys_while_they_have_consents() {
    let place = house().await;
    place.put("Patient/q", "").await;
    let members = observed("q", "Patient/p");
    place.put("Observation/both", &members).await;
    place.change("Consent/c", Some(&deny("p", RECIPIENT))).await;
    assert_eq!(
        place.row("Observation/both").await.visibility,
        ward_storage::NOBODY
    );
    place.change("Consent/c", None).await;
    assert!(place.residual("Observation/both").await.is_silent());
    // Nor does whoever is named beside see as their own what the one at home denies.
    place.change("Consent/c", Some(&deny("q", RECIPIENT))).await;
    assert_eq!(
        place.row("Observation/both").await.visibility,
        ward_storage::NOBODY
    );
}
