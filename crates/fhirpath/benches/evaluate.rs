//! Time per evaluation and per compilation: `cargo bench -p ward-fhirpath`. Needs no data but its own.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use ward_fhir::tree::Limits;
use ward_fhirpath::{Context, compile};

const PATIENT: &str = r##"{"resourceType":"Patient","id":"example","meta":{"versionId":"1"},"active":true,
"identifier":[{"use":"usual","system":"urn:oid:1.2.36","value":"12345","period":{"start":"2001-05-06","end":"2003"}}],
"name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":["Jim"]}],
"telecom":[{"system":"phone","value":"(03) 5555 6473","use":"work","rank":1},{"system":"phone","value":"(03) 3410 5613","use":"mobile"}],
"gender":"male","birthDate":"1974-12-25","deceasedBoolean":false,
"address":[{"use":"home","line":["534 Erewhon St"],"city":"PleasantVille","state":"Vic","postalCode":"3999","period":{"start":"1974-12-25"}}],
"contact":[{"name":{"family":"du Marché","given":["Bénédicte"]},"telecom":[{"system":"phone","value":"+33 (237) 998327"}]}],
"managingOrganization":{"reference":"Organization/1"}}"##;

const OBSERVATION: &str = r##"{"resourceType":"Observation","id":"example","status":"final",
"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
"code":{"coding":[{"system":"http://loinc.org","code":"29463-7"},{"system":"http://snomed.info/sct","code":"27113001"}]},
"subject":{"reference":"Patient/example"},"encounter":{"reference":"Encounter/example"},"effectiveDateTime":"2016-03-28",
"valueQuantity":{"value":185,"unit":"lbs","system":"http://unitsofmeasure.org","code":"[lb_av]"}}"##;

const CASES: &[(&str, &str, &str)] = &[
    ("path", PATIENT, "Patient.birthDate"),
    ("path of 3", PATIENT, "Patient.name.given"),
    ("path of 4", OBSERVATION, "Observation.code.coding.code"),
    ("as", OBSERVATION, "(Observation.value as Quantity)"),
    (
        "where resolve",
        OBSERVATION,
        "Observation.subject.where(resolve() is Patient)",
    ),
    (
        "union",
        PATIENT,
        "AllergyIntolerance.code | Condition.code | (Observation.value as CodeableConcept) | Patient.telecom.where(system='phone')",
    ),
    (
        "ele-1",
        PATIENT,
        "hasValue() or (children().count() > id.count())",
    ),
    (
        "pat-1",
        PATIENT,
        "contact.all(name.exists() or telecom.exists() or address.exists() or organization.exists())",
    ),
    (
        "obs-6",
        OBSERVATION,
        "dataAbsentReason.empty() or value.empty()",
    ),
    (
        "obs-7",
        OBSERVATION,
        "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()",
    ),
    ("dom-2", PATIENT, "contained.contained.empty()"),
    (
        "dom-4",
        PATIENT,
        "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()",
    ),
    ("dom-6", PATIENT, "text.`div`.exists()"),
    (
        "per-1",
        PATIENT,
        "identifier.period.all(start.hasValue().not() or end.hasValue().not() or (start <= end))",
    ),
    (
        "qty-3",
        OBSERVATION,
        "value.all(code.empty() or system.exists())",
    ),
    ("equals", PATIENT, "gender = 'male'"),
    (
        "where",
        PATIENT,
        "name.where(use = 'official').given.first()",
    ),
    ("count", PATIENT, "(identifier.count() + name.count()) > 0"),
    ("arithmetic", PATIENT, "birthDate + 18 years < today()"),
];

fn main() {
    let cx = Context::at(1_795_356_187_123_000);
    for (name, json, text) in CASES {
        let document = ward_fhir::json::read(json.as_bytes(), None, &Limits::default()).unwrap();
        let expression = compile(text).unwrap();
        let root = document.root();
        let evaluate = per_run_ns(|| {
            black_box(expression.evaluate(black_box(root), &cx).unwrap());
        });
        let test = per_run_ns(|| {
            black_box(expression.test(black_box(root), &cx).ok());
        });
        let compile_ns = per_run_ns(|| {
            black_box(compile(black_box(text)).unwrap());
        });
        println!(
            "{name:14} evaluate {evaluate:6.0} ns   test {test:6.0} ns   compile {compile_ns:7.0} ns   {text}"
        );
    }
}

/// The best of a few rounds: what the machine can do when left alone.
fn per_run_ns(mut work: impl FnMut()) -> f64 {
    const RUNS: u32 = 20_000;
    (0..7)
        .map(|_| {
            let start = Instant::now();
            (0..RUNS).for_each(|_| work());
            start.elapsed().as_nanos() as f64 / f64::from(RUNS)
        })
        .fold(f64::MAX, f64::min)
}
