use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::*;
use crate::calendar::{Day, Moment};
use crate::load::{Kind, Links};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn entries(text: &str) -> Vec<Value> {
    parsed(text)["entry"].as_array().unwrap().clone()
}

fn references<'v>(value: &'v Value, out: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "reference" => out.push(text),
                    other => references(other, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, out)),
        _ => {}
    }
}

fn empties(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty() || members.values().any(empties),
        Value::Array(items) => items.is_empty() || items.iter().any(empties),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let once: Vec<String> = bundles(7, 5).collect();
    let again: Vec<String> = bundles(7, 5).collect();
    assert_eq!(once, again);
    assert_eq!(once.len(), SHARED_BUNDLES + 5);
    let other: Vec<String> = bundles(8, 5).collect();
    assert_ne!(once[SHARED_BUNDLES + 1], other[SHARED_BUNDLES + 1]);
    let more: Vec<String> = bundles(7, 9).take(SHARED_BUNDLES + 5).collect();
    assert_eq!(once, more);
}

#[test]
fn the_first_patient_is_the_same_in_every_hospital() {
    let first = bundles(1, 1).nth(SHARED_BUNDLES).unwrap();
    assert_eq!(first, bundles(99, 3).nth(SHARED_BUNDLES).unwrap());
    let patient = &entries(&first)[0]["resource"];
    assert_eq!(patient["name"][0]["family"], FIRST_PATIENT.family);
    assert_eq!(patient["name"][0]["given"][0], FIRST_PATIENT.given);
    assert_eq!(patient["birthDate"], FIRST_PATIENT.birth_date);
    assert_eq!(patient["identifier"][0]["value"], FIRST_PATIENT.mrn);
    assert_eq!(patient["identifier"][0]["system"], MRN_SYSTEM);
    assert_eq!(
        patient_identifier(0),
        format!("{MRN_SYSTEM}|{}", FIRST_PATIENT.mrn)
    );
    assert!(first.contains("Essential hypertension"));
}

#[test]
fn every_reference_is_to_an_entry_of_the_bundle_or_to_a_shared_resource() {
    let mut known: HashSet<String> = HashSet::new();
    for (n, text) in bundles(3, 60).enumerate() {
        let entries = entries(&text);
        let mut here = HashSet::new();
        for entry in &entries {
            assert!(
                here.insert(entry["fullUrl"].as_str().unwrap().to_owned()),
                "fullUrl twice"
            );
        }
        let written: HashSet<String> = entries
            .iter()
            .filter(|e| e["request"]["method"] == "PUT")
            .map(|e| e["request"]["url"].as_str().unwrap().to_owned())
            .collect();
        for entry in &entries {
            let mut found = Vec::new();
            references(&entry["resource"], &mut found);
            for reference in found {
                let contained = ["#referral", "#coverage"].contains(&reference);
                assert!(
                    contained || here.contains(reference) || known.contains(reference),
                    "bundle {n}: {reference}"
                );
            }
            let url = entry["request"]["url"].as_str().unwrap();
            assert!(url.starts_with(entry["resource"]["resourceType"].as_str().unwrap()));
        }
        known.extend(written);
    }
}

#[test]
fn documents_have_no_empty_values_and_no_date_before_birth_or_after_the_record() {
    for text in bundles(11, 80) {
        let entries = entries(&text);
        assert!(entries.iter().all(|e| !empties(e)));
        let Some(birth) = entries[0]["resource"]["birthDate"]
            .as_str()
            .map(str::to_owned)
        else {
            continue;
        };
        let end = entries[0]["resource"]["deceasedDateTime"]
            .as_str()
            .unwrap_or("2025-12-31T23:59:59")
            .to_owned();
        for entry in &entries[1..] {
            let resource = &entry["resource"];
            for name in [
                "effectiveDateTime",
                "occurrenceDateTime",
                "onsetDateTime",
                "abatementDateTime",
                "authoredOn",
            ] {
                let Some(date) = resource[name].as_str() else {
                    continue;
                };
                assert!(
                    date >= birth.as_str() && date[..10] <= end[..10],
                    "{name} {date} not in {birth}..{end}"
                );
            }
            for name in ["period", "billablePeriod", "performedPeriod"] {
                if let (Some(start), Some(stop)) = (
                    resource[name]["start"].as_str(),
                    resource[name]["end"].as_str(),
                ) {
                    assert!(start <= stop && start >= birth.as_str());
                }
            }
        }
    }
}

#[test]
fn the_mix_is_that_of_synthea() {
    let hospital = Hospital {
        seed: 5,
        patients: 100,
        entries_per_patient: 300,
    };
    let (mut count, mut bytes): (HashMap<String, usize>, HashMap<String, usize>) =
        Default::default();
    for text in hospital.bundles() {
        for entry in entries(&text) {
            let kind = entry["resource"]["resourceType"]
                .as_str()
                .unwrap()
                .to_owned();
            *bytes.entry(kind.clone()).or_default() += entry["resource"].to_string().len();
            *count.entry(kind).or_default() += 1;
        }
    }
    let total: usize = count.values().sum();
    let mean = total / 100;
    assert!((285..=315).contains(&mean), "{mean} resources per patient");
    // Percent of all resources in tenths, and mean bytes, as published.
    let wanted = [
        ("Observation", 460, 835),
        ("Claim", 120, 1498),
        ("Encounter", 97, 788),
        ("ExplanationOfBenefit", 97, 5471),
        ("Procedure", 76, 707),
        ("Immunization", 37, 578),
        ("DiagnosticReport", 33, 1553),
        ("Condition", 24, 803),
        ("MedicationRequest", 23, 833),
        ("CarePlan", 9, 1352),
        ("Goal", 6, 466),
    ];
    let mut report = String::new();
    let mut wrong = false;
    for (kind, share, size) in wanted {
        let (n, b) = (count[kind], bytes[kind]);
        let (got_share, got_size) = (n * 1000 / total, b / n);
        report += &format!("{kind}: {got_share} (wanted {share}), {got_size} B (wanted {size})\n");
        wrong |=
            got_share.abs_diff(share) > 3 + share / 10 || got_size.abs_diff(size) > size * 45 / 100;
    }
    let mean_bytes = bytes.values().sum::<usize>() / total;
    report += &format!("mean {mean_bytes} B (wanted 1373)");
    println!("{report}");
    assert!(!wrong && mean_bytes.abs_diff(1373) < 200, "{report}");
}

#[test]
fn load_bodies_have_the_published_sizes() {
    let id = "0123456789abcdef".to_owned();
    let links = Links {
        patient: id.clone(),
        location: id.clone(),
        organization: id.clone(),
        practitioner: id.clone(),
        encounter: id.clone(),
        claim: id.clone(),
    };
    let wanted = [2500, 600, 500, 600, 1400, 800, 600, 1000, 4900];
    for (kind, size) in Kind::CRUD.into_iter().zip(wanted) {
        let texts: Vec<String> = (0..50)
            .map(|seed| load::body(kind, seed, None, 0, &links))
            .collect();
        let mean = texts.iter().map(String::len).sum::<usize>() / 50;
        assert!(
            mean.abs_diff(size) < size * 35 / 100,
            "{kind:?}: {mean} B, wanted {size}"
        );
        let (before, after) = (
            load::body(kind, 1, Some("a"), 0, &links),
            load::body(kind, 1, Some("a"), 1, &links),
        );
        assert_ne!(before, after);
        assert_eq!(parsed(&before)["id"], "a");
        assert_eq!(parsed(&before)["resourceType"], kind.name());
    }
    for kind in [
        Kind::Observation,
        Kind::Patient,
        Kind::Condition,
        Kind::Encounter,
        Kind::MedicationRequest,
    ] {
        let text = load::small(kind, 9, None, 0, &links);
        assert!(
            (250..=600).contains(&text.len()),
            "{kind:?}: {} B",
            text.len()
        );
        assert_ne!(
            parsed(&text),
            parsed(&load::small(kind, 9, None, 1, &links))
        );
    }
    assert_eq!(entries(&load::patient_and_observation(4)).len(), 2);
}

#[test]
fn days_and_decimals_are_written_as_the_calendar_and_the_scale_say() {
    assert_eq!(Day::of(2000, 2, 29).to_string(), "2000-02-29");
    assert_eq!(Day::of(1969, 12, 31).0, -1);
    for day in (-40_000..40_000).step_by(7) {
        let (y, m, d) = Day(day).civil();
        assert_eq!(Day::of(y, m, d).0, day);
    }
    assert_eq!(Moment(0).to_string(), "1970-01-01T00:00:00+00:00");
    assert_eq!(crate::decimal::Decimal::new(540, 2).to_string(), "5.40");
    assert_eq!(crate::decimal::Decimal::new(-7, 1).to_string(), "-0.7");
    assert_eq!(Day::of(1956, 4, 17).years_to(Day::of(2025, 4, 16)), 68);
}
