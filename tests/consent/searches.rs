//! T30 to T36, T50, T51 and T54: what is hidden from a caller takes part in no search of theirs.

use super::data::id_of;
use super::hospital::{Chart, Hospital, on_each};
use super::seen::{alike, found, hides, next_of, pages, shows};
use super::words::{Provisions, deny, opt_in};
use serde_json::{Value, json};

/// What is of HIV is denied to drX.
fn without_hiv() -> Provisions {
    opt_in().but(deny().label("HIV").actor("Practitioner/drx"))
}

/// A patient with such a consent and a viral load, and one with the consent alone.
fn with_and_without(ward: &Hospital) -> (Chart<'_>, Chart<'_>, String) {
    let with = ward.patient_with(&[without_hiv()]);
    let without = ward.patient_with(&[without_hiv()]);
    let o2 = with.viral_load();
    hides(ward.dr_x(), &o2);
    shows(ward.dr_t(), &o2);
    (with, without, o2)
}

#[test]
fn t30_r14_a_search_finds_nothing_as_with_a_patient_who_has_nothing() {
    on_each(|ward| {
        let (with, without, _) = with_and_without(ward);
        let both = [&with, &without];
        for query in [
            "Observation?code=http://loinc.org|20447-9&patient=PATIENT",
            "Observation?code=http://loinc.org|20447-9&patient=PATIENT&_total=accurate",
            "Observation?patient=PATIENT&_count=1",
            "Observation?patient=PATIENT&_sort=-date",
            "Observation?patient=PATIENT&code:text=viral",
            "PATIENT/Observation",
            "PATIENT/*",
            "PATIENT/$everything",
            "Observation/$lastn?patient=PATIENT",
            "Observation/_history?_count=0",
        ] {
            alike(ward.dr_x(), query, both);
        }
        let query = format!("Observation?code=20447-9&patient={}", with.patient);
        assert!(found(ward.dr_x(), &query).is_empty());
        assert_eq!(found(ward.dr_t(), &query).len(), 1);
    });
}

#[test]
fn t31_r14_has_finds_no_patient_by_what_is_hidden() {
    on_each(|ward| {
        let (with, without, _) = with_and_without(ward);
        let query = "Patient?_has:Observation:patient:code=20447-9&_id=";
        let asked = format!("{query}{}", id_of(&with.patient));
        assert!(found(ward.dr_x(), &asked).is_empty());
        assert_eq!(
            found(ward.dr_t(), &asked),
            std::slice::from_ref(&with.patient)
        );
        let of_all = "Patient?_has:Observation:patient:code=20447-9&_total=accurate&_summary=count";
        let before = ward.dr_x().get(of_all).expect(200).json()["total"].clone();
        let more = with.viral_load();
        hides(ward.dr_x(), &more);
        let after = ward.dr_x().get(of_all).expect(200).json()["total"].clone();
        assert_eq!(before, after);
        drop(without);
    });
}

/// R4 has no `reason-reference` of MedicationRequest: what leads to C1 is asked of an Encounter and of a Procedure, which are visible
/// themselves.
#[test]
fn t32_r14_a_chain_leads_to_nothing_that_is_hidden() {
    on_each(|ward| {
        let chart = ward.patient();
        let c1 = chart.condition("J45.909", &json!({}));
        let reason = json!({ "reasonReference": [{ "reference": c1 }] });
        let visit = chart.encounter(&reason);
        let procedure = json!({ "resourceType": "Procedure", "status": "completed", "performedDateTime": "2025-04-03",
            "code": { "coding": [{ "system": "http://snomed.info/sct", "code": "399208008" }] } });
        let procedure = chart.stored("subject", procedure, &reason);
        let m1 = chart.naltrexone(&c1);
        let chained = [
            (
                format!(
                    "Encounter?reason-reference:Condition.code=J45.909&patient={}",
                    chart.patient
                ),
                &visit,
            ),
            (
                format!(
                    "Procedure?reason-reference:Condition.code=J45.909&patient={}",
                    chart.patient
                ),
                &procedure,
            ),
        ];
        for (query, path) in &chained {
            assert_eq!(found(ward.dr_x(), query), [(*path).clone()], "{query}");
        }
        chart.gives(&opt_in().but(deny().data("instance", &c1)));
        hides(ward.dr_x(), &c1);
        for (query, path) in &chained {
            shows(ward.dr_x(), path);
            assert!(found(ward.dr_x(), query).is_empty(), "{query}");
        }
        shows(ward.dr_x(), &m1);
        let text = ward.dr_x().get(&m1).text();
        assert!(!text.contains(id_of(&c1)), "{text}");
    });
}

#[test]
fn t33_r14_includes_bring_nothing_that_is_hidden() {
    on_each(|ward| {
        let chart = ward.patient();
        let e1 = chart.encounter(&json!({}));
        let within = json!({ "encounter": { "reference": e1 } });
        let (hidden, open) = (
            chart.condition("J45.909", &within),
            chart.condition("J45.901", &within),
        );
        chart.gives(&opt_in().but(deny().data("instance", &hidden)));
        let visit = format!("Encounter?_id={}", id_of(&e1));
        for query in [
            format!("{visit}&_revinclude=Condition:encounter"),
            format!("{visit}&_revinclude=*"),
            format!(
                "Condition?_id={}&_include=Condition:encounter&_revinclude:iterate=Condition:encounter",
                id_of(&open)
            ),
        ] {
            let all = pages(ward.dr_x(), &query);
            let text = Value::from(all.clone()).to_string();
            assert!(!text.contains(id_of(&hidden)), "{query}: {text}");
            assert!(text.contains(id_of(&open)), "{query}: {text}");
            assert_eq!(all[0]["total"].as_u64().unwrap_or(1), 1, "{query}");
        }
    });
}

#[test]
fn t34_r14_totals_are_of_what_is_visible() {
    on_each(|ward| {
        let (with, _, _) = with_and_without(ward);
        let o1 = with.glucose();
        for more in [
            "_summary=count",
            "_total=accurate",
            "_total=estimate",
            "_total=accurate&_count=0",
        ] {
            let query = format!("Observation?patient={}&{more}", with.patient);
            let page = ward.dr_x().get(&query).expect(200).json();
            assert_eq!(page["total"], 1, "{more}: {page}");
            let whole = ward.dr_t().get(&query).expect(200).json();
            assert_eq!(whole["total"], 2, "{more}: {whole}");
        }
        shows(ward.dr_x(), &o1);
        // Of all patients, where counters answer.
        for more in ["_total=accurate", "_total=estimate"] {
            let query = format!("Observation?code=20447-9&_count=0&{more}");
            let before = ward.dr_x().get(&query).expect(200).json()["total"].clone();
            with.viral_load();
            assert_eq!(
                ward.dr_x().get(&query).expect(200).json()["total"],
                before,
                "{more}"
            );
        }
    });
}

#[test]
fn t35_r14_pages_have_no_gap_where_something_is_hidden() {
    on_each(|ward| {
        let chart = ward.patient_with(&[without_hiv()]);
        let first = chart.glucose();
        chart.viral_load();
        let last = chart.glucose();
        let query = format!(
            "Observation?patient={}&_count=1&_sort=_lastUpdated",
            chart.patient
        );
        let all = pages(ward.dr_x(), &query);
        assert_eq!(all.len(), 2, "{all:?}");
        for (page, path) in all.iter().zip([&first, &last]) {
            let entries = page["entry"].as_array().unwrap();
            assert_eq!(entries.len(), 1, "{page}");
            assert_eq!(entries[0]["resource"]["id"], id_of(path));
        }
        // The next page is the caller's own.
        let next = next_of(&all[0]).unwrap();
        let others = ward.dr_t().get(&next);
        assert!(
            matches!(others.status, 400 | 403 | 404 | 410),
            "{}",
            others.text()
        );
    });
}

#[test]
fn t36_r14_no_time_tells_of_what_is_hidden() {
    on_each(|ward| {
        let (with, without, _) = with_and_without(ward);
        for query in [
            "Observation?patient=PATIENT&_sort=_lastUpdated",
            "Observation?patient=PATIENT&_lastUpdated=ge2020-01-01&_sort=-_lastUpdated",
            "Observation?patient=PATIENT&_sort=-date",
        ] {
            alike(ward.dr_x(), query, [&with, &without]);
        }
        let everything = format!("{}/$everything", with.patient);
        let told = || {
            let answer = ward.dr_x().get(&everything).expect(200);
            let json = answer.json();
            let of_bundle = json["meta"].to_string();
            let header = |name| answer.header(name).map(str::to_owned);
            (
                header("etag"),
                header("last-modified"),
                of_bundle,
                json["total"].clone(),
                json["entry"].clone(),
            )
        };
        let before = told();
        with.viral_load();
        assert_eq!(told(), before);
    });
}

/// Who does not see labels asks by none: the parameter is not known to them, or shows what is visible.
#[test]
fn t50_r14_r16_labels_tags_and_profiles_find_what_is_visible() {
    on_each(|ward| {
        let (with, _, o2) = with_and_without(ward);
        let tag = json!({ "tag": [{ "system": "http://a.example", "code": "t50" }], "profile": ["http://a.example/t50"], "source": "http://a.example/t50" });
        let tagged = with.observation("20447-9", &json!({ "meta": tag }));
        let all = found(
            ward.dr_x(),
            &format!("Observation?patient={}", with.patient),
        );
        for (parameter, is_told) in [
            ("_security=HIV", false),
            ("_security:not=SUD", false),
            (
                "_security=http://terminology.hl7.org/CodeSystem/v3-ActCode|HIV",
                false,
            ),
            ("subject._has:Observation:subject:_security=HIV", false),
            ("_tag=t50", true),
            ("_profile=http://a.example/t50", true),
            ("_source=http://a.example/t50", true),
            (
                "_security=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R",
                true,
            ),
        ] {
            let query = format!("Observation?{parameter}&patient={}", with.patient);
            let strict = ward
                .dr_x()
                .request("GET", &query)
                .header("Prefer", "handling=strict")
                .send();
            let expected = if is_told { 200 } else { 400 };
            assert_eq!(strict.status, expected, "{parameter}: {}", strict.text());
            let ids = found(ward.dr_x(), &query);
            assert!(
                !ids.contains(&o2) && !ids.contains(&tagged),
                "{parameter}: {ids:?}"
            );
            // What is not told is left out, and that is said.
            if !is_told {
                assert_eq!(ids, all, "{parameter}");
                let answer = ward.dr_x().get(&query).expect(200).text();
                assert!(answer.contains("OperationOutcome"), "{answer}");
            }
        }
        // Who sees labels asks by them.
        let query = format!("Observation?_security=HIV&patient={}", with.patient);
        let told = found(&ward.loader, &query);
        assert!(told.contains(&o2) && told.contains(&tagged), "{told:?}");
    });
}

#[test]
fn t51_r14_nothing_is_told_by_what_does_not_match() {
    on_each(|ward| {
        let (with, without, _) = with_and_without(ward);
        for query in [
            "Observation?patient=PATIENT&code:not=2345-7",
            "Observation?patient=PATIENT&value-string:missing=true",
            "Observation?patient=PATIENT&code:missing=false",
            "Observation?patient=PATIENT&_filter=code eq 20447-9",
            "Observation?patient=PATIENT&_filter=not (code eq 2345-7)",
            "Observation?patient=PATIENT&_text=load",
            "Observation?patient=PATIENT&_content=20447",
            "Patient?_id=ID&_has:Observation:patient:code:not=2345-7",
        ] {
            let of = |chart: &Chart<'_>| {
                let query = query
                    .replace("PATIENT", &chart.patient)
                    .replace("=ID", &format!("={}", id_of(&chart.patient)));
                let answer = ward.dr_x().get(&query);
                super::seen::told(&answer, id_of(&chart.patient))
            };
            assert_eq!(of(&with), of(&without), "{query}");
        }
    });
}

#[test]
fn t54_r21_what_is_withdrawn_while_pages_are_turned_is_not_on_the_next() {
    on_each(|ward| {
        let chart = ward.patient_with(&[opt_in()]);
        let mut all: Vec<String> = (0..4).map(|_| chart.glucose()).collect();
        let protected = chart.viral_load();
        all.push(protected.clone());
        all.push(chart.glucose());
        let query = format!(
            "Observation?patient={}&_count=2&_sort=_lastUpdated",
            chart.patient
        );
        let first = ward.dr_x().get(&query).expect(200).json();
        chart.gives(&without_hiv().written("2025-07-01T12:00:00Z"));
        let mut seen = Vec::new();
        let mut next = next_of(&first);
        while let Some(url) = next {
            let page = ward.dr_x().get(&url).expect(200).json();
            let entries = page["entry"].as_array().unwrap();
            assert!(!entries.is_empty(), "{page}");
            seen.extend(
                entries
                    .iter()
                    .map(|e| format!("Observation/{}", e["resource"]["id"].as_str().unwrap())),
            );
            next = next_of(&page);
        }
        let expected: Vec<String> = all[2..]
            .iter()
            .filter(|path| **path != protected)
            .cloned()
            .collect();
        assert_eq!(seen, expected);
    });
}

/// What is decided is decided with the next request (R21), in both directions and with each of many.
#[test]
fn r21_a_change_holds_with_the_next_request() {
    on_each(|ward| {
        let chart = ward.patient();
        let o1 = chart.glucose();
        let consent = chart.gives(&opt_in());
        for _ in 0..5 {
            chart.changes(&consent, &opt_in().but(deny().class("Observation")));
            hides(ward.dr_t(), &o1);
            chart.changes(&consent, &opt_in());
            shows(ward.dr_t(), &o1);
        }
    });
}
