//! Composites of each kind of component, and the escaping of their values. <https://hl7.org/fhir/R4/search.html#combining>

use super::super::on_both;
use super::{Names, demand_refused};
use serde_json::{Value, json};
use ward_testkit::Client;

const UCUM: &str = "http://unitsofmeasure.org";

fn concept(code: &str) -> Value {
    json!({ "coding": [{ "system": "http://example.org/s", "code": code }] })
}

fn quantity(value: f64, code: &str) -> Value {
    json!({ "value": value, "system": UCUM, "code": code })
}

fn observation(code: &str, more: Value) -> Value {
    let mut body =
        json!({ "resourceType": "Observation", "status": "final", "code": concept(code) });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn observations(names: &mut Names<'_>) {
    let part = |code: &str, value: Value| json!({ "code": concept(code), "valueQuantity": value });
    let both = |systolic: f64, diastolic: f64| {
        let parts = [
            part("sys", quantity(systolic, "mm[Hg]")),
            part("dia", quantity(diastolic, "mm[Hg]")),
        ];
        observation("bp", json!({ "component": parts }))
    };
    names.make("calm", both(120.0, 80.0));
    names.make("high", both(150.0, 95.0));
    names.make(
        "whole",
        observation("sys", json!({ "valueQuantity": quantity(160.0, "mm[Hg]") })),
    );
    names.make(
        "grams",
        observation("mass", json!({ "valueQuantity": quantity(1500.0, "g") })),
    );
    let kind = |code: &str, value: &str| json!({ "code": concept(code), "valueCodeableConcept": concept(value) });
    names.make(
        "blood",
        observation(
            "blood",
            json!({ "component": [kind("abo", "A"), kind("rh", "neg")] }),
        ),
    );
    names.make(
        "eyes",
        observation("eyes", json!({ "valueCodeableConcept": concept("blue") })),
    );
    names.make(
        "due",
        observation("due", json!({ "valueDateTime": "2020-05-03" })),
    );
    names.make(
        "while",
        observation(
            "due",
            json!({ "valuePeriod": { "start": "2021-01-01", "end": "2021-02-01" } }),
        ),
    );
    names.make(
        "price",
        observation("a$b", json!({ "valueString": "costs 5$, or 6|7 \\ less" })),
    );
    names.make(
        "note",
        observation("note", json!({ "valueString": "Resting well" })),
    );
}

fn others(names: &mut Names<'_>) {
    let old = names.make("old", document(json!([])));
    let other = names.make("other", document(json!([])));
    names.make(
        "newer",
        document(
            json!([{ "code": "replaces", "target": { "reference": old } },
            { "code": "appends", "target": { "reference": other } }]),
        ),
    );
    names.make(
        "group",
        json!({ "resourceType": "Group", "type": "person", "actual": true, "characteristic": [
            { "code": concept("gender"), "valueCodeableConcept": concept("female"), "exclude": false },
            { "code": concept("owner"), "valueBoolean": true, "exclude": false }] }),
    );
    let context = |code: &str| json!({ "system": "http://example.org/t", "code": code });
    names.make(
        "form",
        json!({ "resourceType": "Questionnaire", "status": "active", "useContext": [
            { "code": context("age"), "valueRange": { "low": quantity(18.0, "a"), "high": quantity(30.0, "a") } },
            { "code": context("focus"), "valueCodeableConcept": concept("diabetes") }] }),
    );
    let sequence = |mut reference: Value| {
        reference["windowStart"] = json!(100);
        reference["windowEnd"] = json!(900);
        json!({ "resourceType": "MolecularSequence", "coordinateSystem": 0, "referenceSeq": reference,
            "variant": [{ "start": 10, "end": 20 }, { "start": 50, "end": 60 }] })
    };
    names.make(
        "sequence",
        sequence(json!({ "chromosome": concept("7"), "genomeBuild": "GRCh37" })),
    );
    names.make(
        "reference",
        sequence(json!({ "referenceSeqId": concept("NC_7") })),
    );
}

fn document(relates_to: Value) -> Value {
    let mut body = json!({ "resourceType": "DocumentReference", "status": "current",
        "content": [{ "attachment": { "url": "http://example.org/d" } }] });
    if relates_to.as_array().is_some_and(|list| !list.is_empty()) {
        body["relatesTo"] = relates_to;
    }
    body
}

fn with_all(ward: &Client) -> Names<'_> {
    let mut names = Names::new(ward);
    observations(&mut names);
    others(&mut names);
    names
}

#[test]
fn components_of_every_kind_belong_together() {
    on_both(|ward| {
        let names = with_all(ward);
        for (ty, parameter, value, expected) in FOUND {
            let found = names.found(ty, parameter, value);
            assert_eq!(found, *expected, "{ty}?{parameter}={value}");
        }
    });
}

#[test]
fn what_is_no_composite_is_refused() {
    on_both(|ward| demand_refused(ward, REFUSED));
}

const FOUND: &[(&str, &str, &str, &str)] = &[
    // A code and a quantity, of the resource, of one component, of either.
    ("Observation", "code-value-quantity", "sys$gt140", "whole"),
    (
        "Observation",
        "code-value-quantity",
        "http://example.org/s|sys$gt140",
        "whole",
    ),
    ("Observation", "code-value-quantity", "bp$gt100", ""),
    (
        "Observation",
        "code-value-quantity",
        "mass$1.5|http://unitsofmeasure.org|kg",
        "grams",
    ),
    (
        "Observation",
        "code-value-quantity",
        "mass$1.5|http://unitsofmeasure.org|g",
        "",
    ),
    (
        "Observation",
        "component-code-value-quantity",
        "sys$gt140",
        "high",
    ),
    (
        "Observation",
        "component-code-value-quantity",
        "dia$gt140",
        "",
    ),
    (
        "Observation",
        "component-code-value-quantity",
        "sys$lt121,dia$gt90",
        "calm high",
    ),
    (
        "Observation",
        "component-code-value-quantity",
        "http://example.org/s|$95||mm[Hg]",
        "high",
    ),
    (
        "Observation",
        "combo-code-value-quantity",
        "sys$gt140",
        "high whole",
    ),
    ("Observation", "combo-code-value-quantity", "sys$lt100", ""),
    (
        "Observation",
        "component-code-value-quantity:missing",
        "false",
        "calm high",
    ),
    // Two codes.
    ("Observation", "code-value-concept", "eyes$blue", "eyes"),
    (
        "Observation",
        "code-value-concept",
        "eyes$http://example.org/s|blue",
        "eyes",
    ),
    ("Observation", "code-value-concept", "eyes$brown", ""),
    (
        "Observation",
        "component-code-value-concept",
        "abo$A",
        "blood",
    ),
    ("Observation", "component-code-value-concept", "abo$neg", ""),
    (
        "Observation",
        "combo-code-value-concept",
        "eyes$blue,rh$neg",
        "blood eyes",
    ),
    ("Group", "characteristic-value", "gender$female", "group"),
    ("Group", "characteristic-value", "owner$true", "group"),
    ("Group", "characteristic-value", "owner$female", ""),
    (
        "Questionnaire",
        "context-type-value",
        "http://example.org/t|focus$diabetes",
        "form",
    ),
    ("Questionnaire", "context-type-value", "age$diabetes", ""),
    // A code and a Range.
    ("Questionnaire", "context-type-quantity", "age$gt20", "form"),
    ("Questionnaire", "context-type-quantity", "focus$gt20", ""),
    ("Questionnaire", "context-type-quantity", "age$gt40", ""),
    // A code and a date, or a period.
    ("Observation", "code-value-date", "due$2020", "due"),
    ("Observation", "code-value-date", "due$ge2020", "due while"),
    ("Observation", "code-value-date", "due$sa2020-12", "while"),
    ("Observation", "code-value-date", "due$lt2020", ""),
    // A code and a string, and what stands escaped in both.
    ("Observation", "code-value-string", "note$REST", "note"),
    ("Observation", "code-value-string", "note$well", ""),
    (
        "Observation",
        "code-value-string",
        r"a\$b$costs 5\$\, or 6\|7 \\ l",
        "price",
    ),
    ("Observation", "code-value-string", r"a\$b$costs 5", "price"),
    ("Observation", "code-value-string", r"a\$b$costs 6", ""),
    ("Observation", "code-value-string", r"a$costs 5", ""),
    (
        "Observation",
        "code-value-string",
        r"http://example.org/s|a\$b$costs",
        "price",
    ),
    // A code and a reference.
    (
        "DocumentReference",
        "relationship",
        "replaces${old}",
        "newer",
    ),
    ("DocumentReference", "relationship", "replaces${other}", ""),
    (
        "DocumentReference",
        "relationship",
        "appends${other},replaces${other}",
        "newer",
    ),
    // A code and two numbers.
    (
        "MolecularSequence",
        "chromosome-variant-coordinate",
        "7$10$20",
        "sequence",
    ),
    (
        "MolecularSequence",
        "chromosome-variant-coordinate",
        "7$10$60",
        "",
    ),
    (
        "MolecularSequence",
        "chromosome-variant-coordinate",
        "8$10$20",
        "",
    ),
    (
        "MolecularSequence",
        "chromosome-variant-coordinate",
        "7$ge40$le60",
        "sequence",
    ),
    (
        "MolecularSequence",
        "chromosome-window-coordinate",
        "7$100$900",
        "sequence",
    ),
    (
        "MolecularSequence",
        "chromosome-window-coordinate",
        "7$gt100$900",
        "",
    ),
    (
        "MolecularSequence",
        "referenceseqid-variant-coordinate",
        "NC_7$50$60",
        "reference",
    ),
    (
        "MolecularSequence",
        "referenceseqid-variant-coordinate",
        "NC_7$10$60",
        "",
    ),
    (
        "MolecularSequence",
        "referenceseqid-window-coordinate",
        "NC_7$le100$ge900",
        "reference",
    ),
    (
        "MolecularSequence",
        "referenceseqid-window-coordinate",
        "NC_8$le100$ge900",
        "",
    ),
];

const REFUSED: &[(&str, &str, &str, &str, &str)] = &[
    (
        "Observation",
        "code-value-quantity",
        "sys",
        "invalid",
        "code$value-quantity",
    ),
    (
        "Observation",
        "code-value-quantity",
        "sys$",
        "invalid",
        "code$value-quantity",
    ),
    (
        "Observation",
        "code-value-quantity",
        "$5",
        "invalid",
        "code$value-quantity",
    ),
    (
        "Observation",
        "code-value-quantity",
        "sys$5$6",
        "invalid",
        "code$value-quantity",
    ),
    (
        "Observation",
        "code-value-quantity",
        r"sys\$5",
        "invalid",
        "code$value-quantity",
    ),
    (
        "Observation",
        "code-value-quantity",
        "sys$x",
        "invalid",
        "value-quantity",
    ),
    (
        "Observation",
        "code-value-quantity",
        "sys$5|kg",
        "invalid",
        "value-quantity",
    ),
    (
        "Observation",
        "code-value-quantity:exact",
        "sys$5",
        "not-supported",
        "code-value-quantity",
    ),
    (
        "Observation",
        "code-value-date",
        "due$soon",
        "invalid",
        "value-date",
    ),
    (
        "Observation",
        "code-value-string",
        "a$b$costs",
        "invalid",
        "code$value-string",
    ),
    (
        "DocumentReference",
        "relationship",
        "replaces",
        "invalid",
        "relation$relatesto",
    ),
    (
        "MolecularSequence",
        "chromosome-variant-coordinate",
        "7$10",
        "invalid",
        "chromosome$variant-start$variant-end",
    ),
    (
        "MolecularSequence",
        "chromosome-variant-coordinate",
        "7$x$20",
        "invalid",
        "variant-start",
    ),
    (
        "Observation",
        "_sort",
        "code-value-quantity",
        "not-supported",
        "no order",
    ),
];
