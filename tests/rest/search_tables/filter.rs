//! `_filter`: each operator, and how they are joined. <https://hl7.org/fhir/R4/search_filter.html>

use super::super::on_both;
use super::{Names, demand_refused};
use serde_json::{Value, json};
use ward_testkit::Client;

const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";

fn coded(code: &str, display: &str) -> Value {
    json!({ "coding": [{ "system": LOINC, "code": code, "display": display }] })
}

fn measured(value: f64, code: &str) -> Value {
    json!({ "value": value, "unit": code, "system": UCUM, "code": code })
}

fn people(names: &mut Names<'_>) {
    let acme = json!({ "resourceType": "Organization", "name": "Acme Hospital", "active": true });
    let acme = names.make("acme", acme);
    names.make(
        "ada",
        json!({ "resourceType": "Patient", "name": [{ "family": "Lovelace", "given": ["Ada"] }], "gender": "female", "active": true,
            "birthDate": "1815-12-10", "identifier": [{ "system": "http://example.org/mrn", "value": "1" }],
            "managingOrganization": { "reference": acme } }),
    );
    names.make(
        "bob",
        json!({ "resourceType": "Patient", "name": [{ "family": "Loveless", "given": ["Bob"] }], "gender": "male",
            "birthDate": "1980-05", "identifier": [{ "system": "http://example.org/mrn", "value": "2" }] }),
    );
    names.make(
        "cy",
        json!({ "resourceType": "Patient", "name": [{ "family": "Ng" }], "active": false, "birthDate": "2001-02-03" }),
    );
    names.make("nil", json!({ "resourceType": "Patient" }));
}

fn observations(names: &mut Names<'_>) {
    let subject = |names: &Names<'_>, who: &str| json!({ "reference": names.paths[who] });
    let ada = subject(names, "ada");
    names.make(
        "sodium",
        json!({ "resourceType": "Observation", "status": "final", "code": coded("2951-2", "Sodium in blood"), "subject": ada,
            "effectivePeriod": { "start": "2020-01-01", "end": "2020-03-01" }, "valueQuantity": measured(150.0, "mmol/L") }),
    );
    let bob = subject(names, "bob");
    names.make(
        "weight",
        json!({ "resourceType": "Observation", "status": "preliminary", "code": coded("29463-7", "Body weight"), "subject": bob,
            "effectiveDateTime": "2020-02-10T08:00:00Z", "valueQuantity": measured(70.0, "kg") }),
    );
    names.make(
        "pressure",
        json!({ "resourceType": "Observation", "status": "final", "code": coded("85354-9", "Blood pressure"), "subject": bob,
            "effectiveDateTime": "2021-06-15", "component": [
                { "code": coded("8480-6", "Systolic"), "valueQuantity": measured(150.0, "mm[Hg]") },
                { "code": coded("8462-4", "Diastolic"), "valueQuantity": measured(90.0, "mm[Hg]") }] }),
    );
}

fn others(names: &mut Names<'_>) {
    for (name, probability) in [("low", 0.1), ("high", 0.9)] {
        let subject = json!({ "reference": names.paths["ada"] });
        names.make(
            name,
            json!({ "resourceType": "RiskAssessment", "status": "final", "subject": subject,
                "prediction": [{ "probabilityDecimal": probability }] }),
        );
    }
    for (name, code) in [("acute", "ACUTE"), ("ambulatory", "AMB")] {
        let system = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
        names.make(
            name,
            json!({ "resourceType": "Encounter", "status": "finished", "class": { "system": system, "code": code } }),
        );
    }
    let url = format!("http://acme.test/{}/fhir/x", names.tag);
    names.make(
        "set",
        json!({ "resourceType": "ValueSet", "status": "active", "url": url }),
    );
}

fn with_all(ward: &Client) -> Names<'_> {
    let mut names = Names::new(ward);
    people(&mut names);
    observations(&mut names);
    others(&mut names);
    names
}

#[test]
fn each_operator_finds_what_it_means() {
    on_both(|ward| {
        let names = with_all(ward);
        names.demand("_filter", STRINGS_AND_TOKENS);
        names.demand("_filter", RANGES);
        names.demand("_filter", REFERENCES_AND_URIS);
        // The url holds the test's own word.
        let url = format!("http://acme.test/{}", names.tag);
        for (filter, expected) in [
            (format!("url eq {url}/fhir/x"), "set"),
            (format!("url eq {url}/fhir"), ""),
            (format!("url ne {url}/fhir"), "set"),
            (format!("url sw {url}/"), "set"),
            (format!("url sw {url}/y"), ""),
            (format!("url co {}/fhir", names.tag), "set"),
        ] {
            assert_eq!(names.found("ValueSet", "_filter", &filter), expected);
        }
    });
}

#[test]
fn operators_are_joined_and_nested() {
    on_both(|ward| {
        let names = with_all(ward);
        names.demand("_filter", JOINED);
        names.demand("_filter", HOPS);
        // As deep as it may be, and one deeper.
        let deep = |n: usize| format!("{}gender eq male{}", "(".repeat(n), ")".repeat(n));
        assert_eq!(names.found("Patient", "_filter", &deep(32)), "bob");
        let nots = |n: usize| format!("{}gender pr false{}", "not (".repeat(n), ")".repeat(n));
        assert_eq!(names.found("Patient", "_filter", &nots(2)), "cy nil");
        assert_eq!(names.found("Patient", "_filter", &nots(31)), "ada bob");
        let most = "8192 bytes and 200 conditions";
        demand_refused(
            ward,
            &[
                ("Patient", "_filter", &deep(33), "too-costly", most),
                ("Patient", "_filter", &nots(33), "too-costly", most),
                ("Patient", "_filter", &deep(4_000), "too-costly", most),
            ],
        );
    });
}

#[test]
fn what_is_no_filter_is_refused_with_its_place() {
    on_both(|ward| demand_refused(ward, REFUSED));
}

const STRINGS_AND_TOKENS: &[(&str, &str, &str)] = &[
    ("Patient", "family eq lovelace", "ada"),
    ("Patient", r#"family eq "LOVELACE""#, "ada"),
    ("Patient", "family eq love", ""),
    ("Patient", "family ne lovelace", "bob cy"),
    ("Patient", "name co ovel", "ada bob"),
    ("Patient", "name co zzz", ""),
    ("Patient", "family sw lovele", "bob"),
    ("Patient", "family sw ovel", ""),
    ("Patient", "family ew lace", "ada"),
    ("Patient", "family ew love", ""),
    ("Patient", "given pr true", "ada bob"),
    ("Patient", "gender pr false", "cy nil"),
    ("Patient", "gender eq female", "ada"),
    ("Patient", "gender eq other", ""),
    ("Patient", "gender ne female", "bob"),
    ("Patient", "active eq false", "cy"),
    ("Patient", "identifier eq http://example.org/mrn|2", "bob"),
    ("Patient", "identifier eq http://example.org/other|2", ""),
    (
        "Patient",
        "identifier eq http://example.org/mrn|",
        "ada bob",
    ),
    ("Patient", "id eq {cy.id}", "cy"),
    ("Patient", "_id eq {acme.id}", ""),
    ("Observation", "code eq http://loinc.org|2951-2", "sodium"),
    ("Observation", "code co sodium", "sodium"),
    ("Observation", r#"code co "in blood""#, "sodium"),
    ("Observation", "code co potassium", ""),
    (
        "Encounter",
        "class ss http://terminology.hl7.org/CodeSystem/v3-ActCode|IMP",
        "acute",
    ),
    (
        "Encounter",
        "class sb http://terminology.hl7.org/CodeSystem/v3-ActCode|AMB",
        "ambulatory",
    ),
    (
        "Encounter",
        "class in http://terminology.hl7.org/ValueSet/v3-ActEncounterCode",
        "acute ambulatory",
    ),
    (
        "Encounter",
        "class ni http://terminology.hl7.org/ValueSet/v3-ActEncounterCode",
        "",
    ),
    (
        "Encounter",
        "class ni http://hl7.org/fhir/ValueSet/administrative-gender",
        "acute ambulatory",
    ),
];

const RANGES: &[(&str, &str, &str)] = &[
    ("Patient", "birthdate eq 1980-05", "bob"),
    ("Patient", "birthdate eq 1980-05-01", ""),
    ("Patient", "birthdate ne 1980-05", "ada cy"),
    ("Patient", "birthdate gt 1980-05", "cy"),
    ("Patient", "birthdate lt 1980-05", "ada"),
    ("Patient", "birthdate ge 1980-05", "bob cy"),
    ("Patient", "birthdate le 1980-05", "ada bob"),
    ("Patient", "birthdate sa 1980-05", "cy"),
    ("Patient", "birthdate sa 1980-05-15", "cy"),
    ("Patient", "birthdate eb 1980-05", "ada"),
    ("Patient", "birthdate ap 1980-04", "bob"),
    ("Patient", "birthdate po 1980-05-17", "bob"),
    ("Patient", "birthdate po 1700", ""),
    ("Observation", "date po 2020-02", "sodium weight"),
    ("Observation", "date eq 2020-02", "weight"),
    ("Observation", "date eq 2020", "sodium weight"),
    ("Observation", "date sa 2020", "pressure"),
    ("RiskAssessment", "probability eq 0.9", "high"),
    ("RiskAssessment", "probability eq 0.5", ""),
    ("RiskAssessment", "probability ne 0.9", "low"),
    ("RiskAssessment", "probability gt 0.5", "high"),
    ("RiskAssessment", "probability lt 0.5", "low"),
    ("RiskAssessment", "probability ge 0.9", "high"),
    ("RiskAssessment", "probability le 0.1", "low"),
    ("RiskAssessment", "probability sa 0.5", "high"),
    ("RiskAssessment", "probability eb 0.5", "low"),
    ("RiskAssessment", "probability ap 0.95", "high"),
    ("Observation", "value-quantity gt 149", "sodium"),
    (
        "Observation",
        "value-quantity eq 150|http://unitsofmeasure.org|mmol/L",
        "sodium",
    ),
    (
        "Observation",
        "value-quantity eq 150|http://unitsofmeasure.org|kg",
        "",
    ),
    ("Observation", "value-quantity lt 71||kg", "weight"),
    (
        "Observation",
        "value-quantity eq 70000|http://unitsofmeasure.org|g",
        "weight",
    ),
    (
        "Observation",
        "component-value-quantity ge 90 and component-value-quantity le 90",
        "pressure",
    ),
];

const REFERENCES_AND_URIS: &[(&str, &str, &str)] = &[
    ("Observation", "subject eq {ada}", "sodium"),
    ("Observation", "subject re {bob}", "pressure weight"),
    ("Observation", "subject re {acme}", ""),
    ("Observation", "subject ne {bob}", "sodium"),
    ("Observation", "subject pr false", ""),
    ("Patient", "organization re {acme}", "ada"),
];

const JOINED: &[(&str, &str, &str)] = &[
    ("Patient", "gender eq female and family eq lovelace", "ada"),
    ("Patient", "gender eq female and family eq ng", ""),
    ("Patient", "gender eq male or family eq ng", "bob cy"),
    ("Patient", "not (gender eq male)", "ada cy nil"),
    ("Patient", "not(gender pr true)", "cy nil"),
    ("Patient", "not (not (gender eq male))", "bob"),
    // `and` binds closer.
    (
        "Patient",
        "family eq ng or gender eq male and active eq true",
        "cy",
    ),
    (
        "Patient",
        "(family eq ng or gender eq male) and active eq true",
        "",
    ),
    (
        "Patient",
        "(family eq ng or gender eq male) and active eq false",
        "cy",
    ),
    (
        "Patient",
        "not (gender eq male or not (active eq true))",
        "ada",
    ),
    (
        "Patient,Organization",
        "name sw ac or name sw ng",
        "acme cy",
    ),
];

const HOPS: &[(&str, &str, &str)] = &[
    ("Observation", "subject.family eq lovelace", "sodium"),
    ("Observation", "subject:Patient.birthdate lt 1900", "sodium"),
    (
        "Observation",
        "subject:Patient.id eq {bob.id}",
        "pressure weight",
    ),
    (
        "Observation",
        "subject[gender eq male].family sw love",
        "pressure weight",
    ),
    ("Observation", "subject[gender eq male].family eq ng", ""),
    (
        "Observation",
        "not (subject.gender eq male) and status eq final",
        "sodium",
    ),
    ("Patient", "organization.name co acme", "ada"),
    ("Patient", "organization[active eq false].name co acme", ""),
    (
        "Patient",
        "_has:Observation:patient:code eq http://loinc.org|29463-7",
        "bob",
    ),
    (
        "Patient",
        "not (_has:Observation:patient:status eq final) and name pr true",
        "cy",
    ),
    (
        "Observation",
        "component-code-value-quantity[component-code eq 8480-6].component-value-quantity gt 140",
        "pressure",
    ),
    (
        "Observation",
        "component-code-value-quantity[component-code eq 8462-4].component-value-quantity gt 140",
        "",
    ),
];

/// Type, parameter, value, issue type, and what the answer says.
const REFUSED: &[(&str, &str, &str, &str, &str)] = &[
    ("Patient", "_filter", "name", "invalid", "position 4"),
    (
        "Patient",
        "_filter",
        "name xx 1",
        "invalid",
        "an operator such as 'eq'",
    ),
    (
        "Patient",
        "_filter",
        "name eq",
        "invalid",
        "a value was expected",
    ),
    (
        "Patient",
        "_filter",
        "name eq 1 and",
        "invalid",
        "position 13",
    ),
    (
        "Patient",
        "_filter",
        "(name eq 1",
        "invalid",
        "')' was expected",
    ),
    ("Patient", "_filter", "name eq 1)", "invalid", "position 9"),
    (
        "Patient",
        "_filter",
        "name eq \"x",
        "invalid",
        "position 10",
    ),
    (
        "Patient",
        "_filter",
        r#"name eq "\q""#,
        "invalid",
        "an escape of JSON",
    ),
    (
        "Patient",
        "_filter",
        "not name eq x",
        "invalid",
        "'(' after 'not'",
    ),
    (
        "Patient",
        "_filter",
        "organization[name eq x",
        "invalid",
        "']' was expected",
    ),
    (
        "Patient",
        "_filter",
        "organization[name eq x] eq y",
        "invalid",
        "needs a parameter",
    ),
    (
        "Patient",
        "_filter",
        "gender[active eq true].name eq x",
        "invalid",
        "gender",
    ),
    (
        "Patient",
        "_filter",
        "nothing eq 1",
        "not-supported",
        "nothing",
    ),
    (
        "Patient",
        "_filter",
        "famly eq x",
        "not-supported",
        "family",
    ),
    (
        "Patient",
        "_filter",
        "gender gt male",
        "invalid",
        "Operator 'gt'",
    ),
    (
        "Patient",
        "_filter",
        "gender sw m",
        "invalid",
        "Operator 'sw'",
    ),
    (
        "Patient",
        "_filter",
        "birthdate co 1",
        "invalid",
        "Operator 'co'",
    ),
    (
        "Patient",
        "_filter",
        "family ss x",
        "invalid",
        "Operator 'ss'",
    ),
    (
        "Patient",
        "_filter",
        "family gt x",
        "invalid",
        "Operator 'gt'",
    ),
    (
        "Patient",
        "_filter",
        "birthdate eq x",
        "invalid",
        "birthdate",
    ),
    (
        "Patient",
        "_filter",
        "gender pr maybe",
        "invalid",
        "true or false",
    ),
    (
        "Patient",
        "_filter",
        "organization po 2020",
        "invalid",
        "Operator 'po'",
    ),
    (
        "Patient",
        "_filter:exact",
        "gender eq male",
        "not-supported",
        "no modifiers",
    ),
    (
        "RiskAssessment",
        "_filter",
        "probability eq x",
        "invalid",
        "probability",
    ),
    (
        "Encounter",
        "_filter",
        "class in http://example.org/absent",
        "invalid",
        "class",
    ),
    (
        "Observation",
        "_filter",
        "component-code-value-quantity[status eq final].component-value-quantity gt 1",
        "invalid",
        "must test the components",
    ),
];
