//! For whom a caller stands: the organizations, teams and groups that consents name (R4), and how long a change takes to hold.

use crate::house::{House, loader};
use serde_json::{Value, json as value};
use std::time::{Duration, Instant};
use ward_access::{BREAK_GLASS, Caller, Clearance, Identity, Registered, Scopes};
use ward_consent::labels::{Clearance as Cleared, Label};
use ward_consent::{Action, Confidentiality, Kinship};
use ward_resources::visibility::{ACTORS_KEPT, ActingFor, ConsentSettings, THIS_ORGANIZATION};
use ward_resources::{Engine, Settings};
use ward_testkit::Backend;

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_micros()).unwrap()
}

/// H1 runs the server; H2 has a department; `n` works in the department.
async fn house(backend: Backend) -> House {
    let settings = Settings {
        consent: ConsentSettings {
            organization: "Organization/h1".into(),
            ..ConsentSettings::default()
        },
        ..Settings::default()
    };
    let house = House::with(backend, settings, now).await;
    for (id, above) in [
        ("net", None),
        ("h1", Some("net")),
        ("h2", None),
        ("dep", Some("h2")),
    ] {
        let mut organization = value!({ "resourceType": "Organization", "id": id, "name": id });
        if let Some(above) = above {
            organization["partOf"] = value!({ "reference": format!("Organization/{above}") });
        }
        house.put(&organization).await;
    }
    for id in ["n", "x"] {
        let person = value!({ "resourceType": "Practitioner", "id": id });
        house.put(&person).await;
    }
    house.put(&role("dep", true)).await;
    house
}

fn role(organization: &str, active: bool) -> Value {
    value!({ "resourceType": "PractitionerRole", "id": "r", "active": active,
        "practitioner": { "reference": "Practitioner/n" },
        "organization": { "reference": format!("Organization/{organization}") } })
}

fn team(status: &str, member: &str) -> Value {
    value!({ "resourceType": "CareTeam", "id": "t", "status": status,
        "participant": [{ "member": { "reference": member } }] })
}

fn person(id: &str) -> Caller {
    Caller::new(Identity {
        subject: "someone".into(),
        client_id: "desk".into(),
        fhir_user: Some(format!("Practitioner/{id}")),
        roles: vec!["physician".into()],
        scopes: Scopes::parse("user/*.rs").unwrap(),
        ..Identity::default()
    })
}

async fn acting(engine: &Engine, caller: &Caller) -> std::sync::Arc<ActingFor> {
    engine.consent_caller(caller, Action::Access).await.unwrap()
}

async fn actors(engine: &Engine, caller: &Caller) -> Vec<String> {
    let acting = acting(engine, caller).await;
    let actors = acting.caller.actors.iter();
    actors.map(|actor| actor.to_string()).collect()
}

pub async fn t23_a_person_of_a_department_is_of_the_organization(backend: Backend) {
    let house = house(backend).await;
    let known = actors(&house.engine, &person("n")).await;
    assert_eq!(
        known,
        [
            "Organization/dep",
            "Organization/h2",
            "Practitioner/n",
            "PractitionerRole/r",
            "urn:ward:client:desk"
        ]
    );
    // Of whom nobody says anything: of the organization that runs the server, and all that this is part of.
    for (caller, itself) in [
        (person("x"), "Practitioner/x"),
        (loader(), "urn:ward:client:"),
    ] {
        let known = actors(&house.engine, &caller).await;
        assert!(
            known.iter().any(|actor| actor.starts_with(itself)),
            "{known:?}"
        );
        assert_eq!(&known[..2], ["Organization/h1", "Organization/net"]);
    }
    // Who was of another organization is not of this one once that has ended.
    house.put(&role("dep", false)).await;
    let known = actors(&house.engine, &person("n")).await;
    assert_eq!(known, ["Practitioner/n", "urn:ward:client:desk"]);
}

pub async fn r4_the_organization_of_a_client_is_one_more(backend: Backend) {
    let house = house(backend).await;
    let registered = Registered {
        organization: Some("Organization/dep".into()),
        ..Registered::default()
    };
    let known = actors(&house.engine, &person("x").through(registered.clone())).await;
    assert_eq!(&known[..2], ["Organization/dep", "Organization/h2"]);
    assert!(!known.iter().any(|actor| actor == "Organization/h1"));
    let known = actors(&house.engine, &loader().through(registered)).await;
    assert_eq!(&known[..2], ["Organization/dep", "Organization/h2"]);
    // Nobody is elsewhere where no Organization is said to run the server.
    let house = house.restarted(Settings::default()).await;
    for caller in [person("n"), person("x"), loader()] {
        let known = actors(&house.engine, &caller).await;
        assert!(known.iter().any(|actor| actor == THIS_ORGANIZATION));
    }
}

pub async fn r4_teams_and_groups_count_while_they_hold(backend: Backend) {
    let house = house(backend).await;
    let has = async |actor: &str| {
        let known = actors(&house.engine, &person("n")).await;
        known.iter().any(|one| one == actor)
    };
    assert!(!has("CareTeam/t").await);
    for (status, member, is_in) in [
        ("active", "Practitioner/n", true),
        ("inactive", "Practitioner/n", false),
        ("active", "Practitioner/x", false),
        ("active", "PractitionerRole/r", true),
        ("active", "Organization/h2", true),
    ] {
        house.put(&team(status, member)).await;
        assert_eq!(has("CareTeam/t").await, is_in, "{status} {member}");
    }
    // A team of which a team is a part, and a group.
    let mut whole = team("active", "CareTeam/t");
    whole["id"] = "whole".into();
    house.put(&whole).await;
    let mut group = value!({ "resourceType": "Group", "id": "g", "type": "practitioner", "actual": true,
        "member": [{ "entity": { "reference": "Practitioner/n" } }] });
    house.put(&group).await;
    assert!(has("CareTeam/whole").await && has("Group/g").await);
    group["member"][0]["inactive"] = true.into();
    house.put(&group).await;
    house.put(&team("inactive", "Organization/h2")).await;
    assert!(!has("Group/g").await && !has("CareTeam/whole").await && !has("CareTeam/t").await);
}

pub async fn r4_a_circle_of_organizations_ends(backend: Backend) {
    let house = house(backend).await;
    house
        .put(
            &value!({ "resourceType": "Organization", "id": "h2", "name": "h2",
            "partOf": { "reference": "Organization/dep" } }),
        )
        .await;
    let known = actors(&house.engine, &person("n")).await;
    assert_eq!(&known[..2], ["Organization/dep", "Organization/h2"]);
    for n in 0..12 {
        house.put(&value!({ "resourceType": "Organization", "id": format!("o{n}"), "name": "one of many",
                "partOf": { "reference": format!("Organization/o{}", n + 1) } }))
            .await;
    }
    house.put(&role("o0", true)).await;
    let refused = house
        .engine
        .consent_caller(&person("n"), Action::Access)
        .await;
    let said = String::from_utf8(refused.unwrap_err().to_json()).unwrap();
    assert!(said.contains("within each other"), "{said}");
}

pub async fn a_membership_that_is_revoked_counts_no_more_in_2_s(backend: Backend) {
    let house = house(backend).await;
    let Some(other) = house.another().await else {
        assert_eq!(backend, Backend::Sqlite);
        return;
    };
    house.put(&team("active", "Practitioner/n")).await;
    let is_in = async |engine: &Engine| {
        let known = actors(engine, &person("n")).await;
        known.iter().any(|actor| actor == "CareTeam/t")
    };
    assert!(is_in(&house.engine).await && is_in(&other).await);
    house.put(&team("inactive", "Practitioner/n")).await;
    let since = Instant::now();
    assert!(!is_in(&house.engine).await);
    while is_in(&other).await {
        let most = ACTORS_KEPT + Duration::from_millis(500);
        assert!(since.elapsed() < most);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn memberships_that_are_known_cost_no_statement(backend: Backend) {
    let house = house(backend).await;
    let asked = async |caller: &Caller| {
        let before = house.engine.store().statements();
        acting(&house.engine, caller).await;
        house.engine.store().statements() - before
    };
    // Five searches (PractitionerRole, two levels of organizations, CareTeam, Group), each after a look for ids that clients chose.
    let first = asked(&person("n")).await;
    assert!(first <= 11, "{first}");
    assert_eq!(asked(&person("n")).await, 0);
    let before = house.engine.store().statements();
    let nurse = person("n");
    let correct = house.engine.consent_caller(&nurse, Action::Correct).await;
    assert_eq!(correct.unwrap().caller.action, Action::Correct);
    assert_eq!(house.engine.store().statements(), before);
}

/// T25: the same token acts for an emergency behind the glass alone, whichever is asked first.
pub async fn t25_who_breaks_the_glass_acts_for_that_behind_it_alone(backend: Backend) {
    let house = house(backend).await;
    let (nurse, other) = (person("n"), person("x"));
    for (caller, glass_first) in [(&nurse, true), (&other, false)] {
        for is_broken in [glass_first, !glass_first, glass_first] {
            let acting = match is_broken {
                true => acting(&house.engine, &caller.breaking_glass()).await,
                false => acting(&house.engine, caller).await,
            };
            let purposes = &acting.caller.purposes;
            assert_eq!(purposes.contains(BREAK_GLASS), is_broken, "{purposes:?}");
        }
    }
}

pub async fn memberships_that_cannot_be_read_refuse(backend: Backend) {
    let house = house(backend).await;
    if house.another().await.is_none() {
        assert_eq!(backend, Backend::Sqlite);
        return;
    }
    house.engine.store().close().await;
    for caller in [person("n"), person("x")] {
        let refused = house.engine.consent_caller(&caller, Action::Access).await;
        assert_eq!(refused.unwrap_err().status(), 503);
    }
}

pub async fn who_somebody_is_to_a_patient(backend: Backend) {
    let house = house(backend).await;
    let of = |user: &str, roles: &[&str], scopes: &str| Identity {
        subject: "someone".into(),
        client_id: "app".into(),
        fhir_user: Some(user.into()),
        patient: Some("p".into()),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        scopes: Scopes::parse(scopes).unwrap(),
        ..Identity::default()
    };
    let service = Registered {
        acts_for: true,
        ..Registered::default()
    };
    for (identity, client, kinship) in [
        (of("Patient/p", &[], "patient/*.rs"), None, Kinship::Own),
        (
            of("Patient/p", &[], "patient/*.rs"),
            Some(service),
            Kinship::Proxy,
        ),
        (of("Patient/q", &[], "patient/*.rs"), None, Kinship::Other),
        (
            of("RelatedPerson/p", &[], "patient/*.rs"),
            None,
            Kinship::Proxy,
        ),
        (
            of("Practitioner/n", &["nurse"], "patient/*.rs"),
            None,
            Kinship::Other,
        ),
        // A nurse at her own record, with an app that reaches those of others too.
        (
            of("Patient/p", &["nurse"], "patient/*.rs user/*.rs"),
            None,
            Kinship::Other,
        ),
    ] {
        let who = format!("{identity:?}");
        let caller = Caller::new(identity).through(client.unwrap_or_default());
        assert_eq!(
            acting(&house.engine, &caller).await.kinship,
            kinship,
            "{who}"
        );
    }
}

pub async fn what_somebody_asks_for_and_is_cleared_for(backend: Backend) {
    let house = house(backend).await;
    let told = async |caller: &Caller| {
        let acting = acting(&house.engine, caller).await;
        let purposes: Vec<&str> = acting.caller.purposes.iter().map(|code| &**code).collect();
        (
            purposes.join(" "),
            (*acting.clearance).clone(),
            acting.caller.is_privacy,
        )
    };
    let all = |level| Cleared::for_all(level);
    let [restricted, very] = [Confidentiality::Restricted, Confidentiality::VeryRestricted];
    assert_eq!(told(&person("n")).await, ("TREAT".into(), all(very), false));
    assert_eq!(
        told(&loader()).await,
        ("HOPERAT".into(), all(restricted), false)
    );
    let officer = Caller::new(Identity {
        roles: vec!["privacy-officer".into()],
        ..Identity::clone(&person("n"))
    });
    assert_eq!(
        told(&officer).await,
        ("HCOMPL".into(), all(restricted), true)
    );
    let registered = Registered {
        clearance: Some(Clearance::parse("N HIV").unwrap()),
        ..Registered::default()
    };
    let some = Cleared {
        level: Confidentiality::Normal,
        labels: [Label::act("HIV")].into(),
    };
    for caller in [person("n"), loader()] {
        let (_, clearance, _) = told(&caller.through(registered.clone())).await;
        assert_eq!(clearance, some);
    }
}
