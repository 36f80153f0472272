use super::*;
use crate::duty::WallClock;
use serde_json::{Value, json};
use ward_fhir::Document;
use ward_fhir::date::days_from_civil;
use ward_fhir::json;
use ward_fhir::tree::Limits;

fn document(value: &Value) -> Document {
    let text = value.to_string();
    json::read(text.as_bytes(), None, &Limits::default()).unwrap()
}

/// Noon of a day of November 2026.
fn noon(day: u8) -> i64 {
    (days_from_civil(2026, 11, day) * 24 + 12) * 3_600_000_000
}

fn reader(zone: &WallClock) -> Reader<'_> {
    Reader::new(Some("https://ward.example/fhir"), zone, noon(27))
}

fn with(mut base: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

fn us() -> BTreeSet<Ref> {
    [Ref::from("Practitioner/n"), Ref::from("Organization/h1")].into()
}

#[test]
fn r4_a_role_in_force_names_a_person_and_an_organization() {
    let zone = WallClock::default();
    let base = json!({ "resourceType": "PractitionerRole", "id": "r",
        "practitioner": { "reference": "Practitioner/n" },
        "organization": { "reference": "https://ward.example/fhir/Organization/h2/_history/3" } });
    let read = |change: Value| {
        let role = document(&with(base.clone(), &change));
        reader(&zone).role(role.root())
    };
    let plain = read(json!({}));
    assert!(plain.is_in_force && plain.has_organization);
    assert_eq!(plain.organization.as_deref(), Some("Organization/h2"));
    let actors: Vec<&str> = plain.actors.iter().map(|actor| &**actor).collect();
    assert_eq!(actors, ["PractitionerRole/r", "Practitioner/n"]);
    for (change, is_in_force) in [
        (json!({ "active": true }), true),
        (json!({ "active": false }), false),
        (json!({ "period": { "start": "2026-11-27" } }), true),
        (json!({ "period": { "end": "2026-11-26" } }), false),
        (json!({ "period": { "start": "2026-11-28" } }), false),
        (
            json!({ "modifierExtension": [{ "url": "urn:x", "valueCode": "y" }] }),
            false,
        ),
    ] {
        assert_eq!(read(change.clone()).is_in_force, is_in_force, "{change}");
    }
    // That there is one is known, and not which.
    let display = read(json!({ "organization": { "display": "another hospital" } }));
    assert!(display.has_organization && display.organization.is_none());
}

#[test]
fn r4_a_team_that_ended_does_not_count() {
    let zone = WallClock::default();
    let team = |change: Value, participant: Value| {
        let base = json!({ "resourceType": "CareTeam", "id": "t", "status": "active",
            "participant": [{ "member": { "reference": "Practitioner/x" } }, participant] });
        let team = document(&with(base, &change));
        let team = reader(&zone).team(team.root(), &us());
        team.as_deref() == Some("CareTeam/t")
    };
    let nurse = json!({ "member": { "reference": "Practitioner/n" } });
    assert!(team(json!({}), nurse.clone()));
    assert!(team(
        json!({}),
        json!({ "member": { "reference": "Organization/h1" } })
    ));
    assert!(!team(
        json!({}),
        json!({ "member": { "reference": "Organization/h2" } })
    ));
    for status in ["inactive", "suspended", "proposed", "entered-in-error"] {
        assert!(
            !team(json!({ "status": status }), nurse.clone()),
            "{status}"
        );
    }
    assert!(!team(
        json!({ "period": { "end": "2026-11-26" } }),
        nurse.clone()
    ));
    assert!(team(
        json!({ "period": { "end": "2026-11-27" } }),
        nurse.clone()
    ));
    let left = with(nurse, &json!({ "period": { "end": "2026-11-01" } }));
    assert!(!team(json!({}), left));
}

#[test]
fn r4_a_group_has_members_that_are_not_inactive() {
    let zone = WallClock::default();
    let group = |change: Value, member: Value| {
        let base = json!({ "resourceType": "Group", "id": "g", "type": "practitioner", "actual": true,
            "member": [member] });
        let group = document(&with(base, &change));
        reader(&zone).group(group.root(), &us()).is_some()
    };
    let nurse = json!({ "entity": { "reference": "Practitioner/n" } });
    assert!(group(json!({}), nurse.clone()));
    assert!(!group(json!({ "active": false }), nurse.clone()));
    assert!(!group(json!({ "actual": false }), nurse.clone()));
    assert!(!group(
        json!({}),
        with(nurse.clone(), &json!({ "inactive": true }))
    ));
    let later = json!({ "period": { "start": "2027-01-01" } });
    assert!(!group(json!({}), with(nurse, &later)));
}

#[test]
fn r4_what_was_read_holds_until_time_changes_it() {
    let zone = WallClock::default();
    let mut reader = reader(&zone);
    let role = json!({ "resourceType": "PractitionerRole", "id": "r",
        "practitioner": { "reference": "Practitioner/n" },
        "period": { "start": "2026-11-01", "end": "2026-11-28" } });
    assert!(reader.role(document(&role).root()).is_in_force);
    let later = json!({ "resourceType": "CareTeam", "id": "t", "period": { "start": "2026-11-28" },
        "participant": [{ "member": { "reference": "Practitioner/n" } }] });
    assert!(reader.team(document(&later).root(), &us()).is_none());
    let belonging = reader.finish(us());
    assert!(belonging.holds_at(noon(27)) && belonging.holds_at(noon(27) + 3_600_000_000));
    assert!(!belonging.holds_at(noon(28)) && !belonging.holds_at(noon(26)));
}
