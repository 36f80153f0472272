//! T51, T52 and R15: elements that are masked in single rows, for who is not cleared for a label that says so.

use super::data::id_of;
use super::hospital::{Chart, Hospital};
use super::seen::{found, pages};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::OnceLock;
use ward_testkit::{Backend, Client, backends};

/// As in `docs/guide/labels.md`: a result is masked, and seen as one all the same.
const RULES: &str = "ward-labels 1
label ward:RESULT N
  about results that only those see who treat
  mask value note identifier
rule results ward:RESULT
  in Observation
  code loinc 718-7 Hemoglobin
";
/// Labelled by the rule.
const CODE: &str = "718-7";
const READER: &str = "treatment at H2";

/// A hospital with the rule, and a service that is cleared for all but the label.
fn on_each_masking(conversation: impl Fn(&Hospital, &Client)) {
    static SQLITE: OnceLock<Hospital> = OnceLock::new();
    static POSTGRES: OnceLock<Hospital> = OnceLock::new();
    for backend in backends() {
        println!("on {backend:?}");
        let cell = match backend {
            Backend::Sqlite => &SQLITE,
            Backend::Postgres => &POSTGRES,
        };
        let ward = cell.get_or_init(|| with_rules(backend));
        conversation(ward, &ward.cleared(READER, "V HIV PSY SUD"));
    }
}

fn with_rules(backend: Backend) -> Hospital {
    let guide = include_str!("../../docs/guide/labels.md");
    assert!(guide.contains(RULES), "the example of the guide");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(RULES.as_bytes()).unwrap();
    let files = json!([file.path().to_str().unwrap()]).to_string();
    Hospital::open(backend, &[("consent.label_files", &files)])
}

fn result(chart: &Chart<'_>, code: &str, value: u32) -> String {
    chart.observation(
        code,
        &json!({
            "text": { "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">remarkable</div>" },
            "identifier": [{ "system": "http://a.example", "value": format!("{code}-{value}") }],
            "valueQuantity": { "value": value, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg" },
            "note": [{ "text": "remarkable" }] }),
    )
}

/// One that is masked for the reader, and one that is not.
fn two(ward: &Hospital) -> (Chart<'_>, String, String) {
    let chart = ward.patient();
    let masked = result(&chart, CODE, 4_711);
    let open = result(&chart, "2345-7", 4_712);
    (chart, masked, open)
}

#[track_caller]
fn is_masked(resource: &Value) {
    let text = resource.to_string();
    for hidden in ["4711", "remarkable", "valueQuantity"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    assert!(text.contains("SUBSETTED"), "{text}");
}

#[track_caller]
fn body(who: &Client, path: &str) -> Value {
    who.get(path).expect(200).json()
}

#[test]
fn t52_r15_what_is_masked_leaves_on_no_way() {
    on_each_masking(|ward, reader| {
        let (chart, masked, open) = two(ward);
        let read = body(reader, &masked);
        is_masked(&read);
        assert_eq!(read["dataAbsentReason"]["coding"][0]["code"], "masked");
        assert_eq!(read["note"][0]["extension"][0]["valueCode"], "masked");
        assert_eq!(read["code"]["coding"][0]["code"], CODE);
        assert!(read.get("text").is_none());
        let whole = body(&ward.loader, &masked);
        assert_eq!(whole["valueQuantity"]["value"], 4_711);
        assert!(!whole.to_string().contains("SUBSETTED"), "{whole}");
        assert!(body(reader, &open).to_string().contains("4712"));
        let id = id_of(&masked);
        for way in [
            format!("{masked}/_history/1"),
            format!("{masked}/_history"),
            format!("{masked}?_elements=value"),
            format!("{masked}?_summary=data"),
            format!("Observation?_id={id}"),
            format!("Observation?_id={id}&_elements=note,value"),
            format!("Observation?code={CODE}&patient={}", chart.patient),
            "Observation/_history?_count=20".to_owned(),
            format!("{}/Observation?_id={id}", chart.patient),
            format!(
                "Patient?_id={}&_revinclude=Observation:patient",
                id_of(&chart.patient)
            ),
            format!("{}/$everything?_type=Observation", chart.patient),
            format!("Observation/$lastn?patient={}&code={CODE}", chart.patient),
        ] {
            let answer = reader.get(&way).expect(200).text();
            assert!(answer.contains(id), "{way}: {answer}");
            assert!(!answer.contains("4711"), "{way}: {answer}");
            let told =
                answer.matches("\"remarkable\"").count() + answer.matches(">remarkable<").count();
            let open = answer.matches("4712").count();
            assert!(open > 0 || told == 0, "{way}: {answer}");
            assert!(answer.contains("SUBSETTED"), "{way}: {answer}");
        }
        for kind in ["batch", "transaction"] {
            let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": [
                { "request": { "method": "GET", "url": masked } },
                { "request": { "method": "GET", "url": format!("Observation?_id={id}") } }] });
            let answer = reader.post("", &bundle).expect(200).json();
            is_masked(&answer);
        }
    });
}

#[test]
fn t51_t52_r15_what_is_masked_is_not_found() {
    on_each_masking(|ward, reader| {
        let (chart, masked, open) = two(ward);
        let patient = &chart.patient;
        let both = |query: &str| found(reader, &format!("Observation?patient={patient}&{query}"));
        for query in [
            "value-quantity=gt4000",
            "value-quantity=gt4000&_total=accurate",
            "code-value-quantity=http://loinc.org|718-7$gt4000,http://loinc.org|2345-7$gt4000",
            "combo-value-quantity=gt4000",
            "value-quantity:missing=false",
            "identifier=http://a.example|718-7-4711,http://a.example|2345-7-4712",
            "_filter=value-quantity gt 4000",
            "_filter=value-quantity pr true",
            "_text=remarkable",
            "_content=remarkable",
        ] {
            assert_eq!(both(query), std::slice::from_ref(&open), "{query}");
            let all = found(
                &ward.loader,
                &format!("Observation?patient={patient}&{query}"),
            );
            assert_eq!(all.len(), 2, "{query}: {all:?}");
        }
        // As what has no such element.
        for query in [
            "value-quantity:missing=true",
            "identifier:not=http://a.example|2345-7-4712",
            "_filter=value-quantity pr false",
            "_filter=not (value-quantity gt 4000)",
        ] {
            assert_eq!(both(query), std::slice::from_ref(&masked), "{query}");
        }
        for sort in [
            "_sort=value-quantity",
            "_sort=-value-quantity",
            "_sort=identifier",
        ] {
            assert_eq!(both(sort), [open.clone(), masked.clone()], "{sort}");
            assert_eq!(
                both(&format!("{sort}&_count=1")),
                [open.clone(), masked.clone()]
            );
        }
        assert_eq!(both("_sort=code").len(), 2);
        let totals = |query: &str| pages(reader, query)[0]["total"].clone();
        let counted = format!("Observation?patient={patient}&value-quantity=gt4000");
        assert_eq!(totals(&format!("{counted}&_summary=count")), 1);
        let patients = |value: u32| {
            let query = format!(
                "Patient?_id={}&_has:Observation:patient:value-quantity={value}",
                id_of(patient)
            );
            found(reader, &query)
        };
        assert!(patients(4_711).is_empty());
        assert_eq!(patients(4_712), std::slice::from_ref(patient));
        let report = chart.report(&[&masked]);
        let of_report = |value: u32| {
            let query = format!(
                "DiagnosticReport?_id={}&result.value-quantity={value}",
                id_of(&report)
            );
            found(reader, &query)
        };
        assert!(of_report(4_711).is_empty());
        let of_code = format!("DiagnosticReport?_id={}&result.code={CODE}", id_of(&report));
        assert_eq!(found(reader, &of_code), [report]);
    });
}

#[test]
fn r15_r18_what_is_masked_is_not_written_back() {
    on_each_masking(|ward, reader| {
        let (chart, masked, _) = two(ward);
        let part = body(reader, &masked);
        reader.put(&masked, &part).expect(422);
        let mut unmarked = part.clone();
        unmarked["meta"].as_object_mut().unwrap().remove("tag");
        reader.put(&masked, &unmarked).expect(422);
        // Not even by who guesses it.
        let whole = body(&ward.loader, &masked);
        reader.put(&masked, &whole).expect(422);
        let patched = |patch: Value| {
            let request = reader.request("PATCH", &masked);
            let body = patch.to_string().into_bytes();
            request.body("application/json-patch+json", body).send()
        };
        for patch in [
            json!([{ "op": "test", "path": "/valueQuantity/value", "value": 4711 }, { "op": "replace", "path": "/status", "value": "amended" }]),
            json!([{ "op": "replace", "path": "/valueQuantity/value", "value": 1 }]),
            json!([{ "op": "remove", "path": "/note" }]),
            json!([{ "op": "add", "path": "/note/-", "value": { "text": "more" } }]),
            json!([{ "op": "add", "path": "/note/0/text", "value": "other" }]),
            json!([{ "op": "copy", "from": "/valueQuantity", "path": "/component" }]),
        ] {
            let answer = patched(patch.clone());
            assert!(
                matches!(answer.status, 400 | 403 | 422),
                "{patch}: {}",
                answer.text()
            );
            assert!(!answer.text().contains("4711"), "{}", answer.text());
        }
        assert_eq!(body(&ward.loader, &masked), whole);
        let answer = patched(json!([{ "op": "replace", "path": "/status", "value": "amended" }]));
        is_masked(&answer.expect(200).json());
        let stored = body(&ward.loader, &masked);
        assert_eq!(stored["status"], "amended");
        assert_eq!(stored["valueQuantity"], whole["valueQuantity"]);
        assert_eq!(stored["note"], whole["note"]);
        assert!(!stored.to_string().contains("SUBSETTED"), "{stored}");
        // As with what is hidden (T38): there is none to the condition.
        let new = json!({ "resourceType": "Observation", "status": "final", "subject": { "reference": chart.patient },
            "code": { "coding": [{ "system": "http://loinc.org", "code": "2345-7" }] } });
        let conditional = |who: &Client| {
            let request = who.request("POST", "Observation");
            let condition = format!(
                "identifier=http://a.example|718-7-4711&subject={}",
                chart.patient
            );
            let request = request.header("If-None-Exist", &condition);
            request.json(&new).send().status
        };
        assert_eq!(conditional(&ward.loader), 200);
        assert_eq!(conditional(reader), 201);
    });
}

#[test]
fn r15_who_is_cleared_gets_it_whole() {
    on_each_masking(|ward, reader| {
        let (_, masked, _) = two(ward);
        is_masked(&body(reader, &masked));
        let cleared = ward.cleared("the exchange", "V urn:ward:label|RESULT");
        assert_eq!(body(&cleared, &masked)["valueQuantity"]["value"], 4_711);
        assert_eq!(body(ward.dr_t(), &masked)["valueQuantity"]["value"], 4_711);
    });
}
