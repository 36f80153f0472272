use super::small::{Small, kind};
use ward_fhir::Kind;

fn small() -> Small {
    let pressure = |id: &str, systolic: u32, diastolic: u32| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"85354-9"}}]}},
            "component":[{{"code":{{"coding":[{{"system":"http://loinc.org","code":"8480-6"}}]}},
                "valueQuantity":{{"value":{systolic},"system":"http://unitsofmeasure.org","code":"mm[Hg]","unit":"mmHg"}}}},
              {{"code":{{"coding":[{{"system":"http://loinc.org","code":"8462-4"}}]}},
                "valueQuantity":{{"value":{diastolic},"system":"http://unitsofmeasure.org","code":"mm[Hg]","unit":"mmHg"}}}}]}}"#
        )
    };
    let whole = r#"{"resourceType":"Observation","id":"w","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},
        "valueQuantity":{"value":150,"system":"http://unitsofmeasure.org","code":"mm[Hg]"}}"#;
    let concept = r#"{"resourceType":"Observation","id":"c","status":"final","code":{"coding":[{"code":"blood"}]},
        "component":[{"code":{"coding":[{"system":"http://s","code":"abo"}]},"valueCodeableConcept":{"coding":[{"system":"http://s","code":"A"}]}},
            {"code":{"coding":[{"system":"http://s","code":"rh"}]},"valueCodeableConcept":{"coding":[{"system":"http://s","code":"neg"}]}}]}"#;
    let dated = r#"{"resourceType":"Observation","id":"d","status":"final","code":{"coding":[{"code":"lmp"}]},"valueDateTime":"2020-05-03"}"#;
    let string = r#"{"resourceType":"Observation","id":"s","status":"final","code":{"coding":[{"code":"note"}]},"valueString":"Resting well"}"#;
    let document = r#"{"resourceType":"DocumentReference","id":"r","status":"current","content":[{"attachment":{"url":"http://x/1"}}],
        "relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/old"}},{"code":"appends","target":{"reference":"DocumentReference/other"}}]}"#;
    let group = r#"{"resourceType":"Group","id":"g","type":"person","actual":true,"characteristic":[
        {"code":{"coding":[{"code":"gender"}]},"valueCodeableConcept":{"coding":[{"code":"female"}]},"exclude":false},
        {"code":{"coding":[{"code":"owner"}]},"valueBoolean":true,"exclude":false}]}"#;
    let questionnaire = r#"{"resourceType":"Questionnaire","id":"q","status":"active","useContext":[
        {"code":{"system":"http://t","code":"age"},"valueRange":{"low":{"value":18,"code":"a","system":"http://unitsofmeasure.org"}}},
        {"code":{"system":"http://t","code":"focus"},"valueCodeableConcept":{"coding":[{"code":"diabetes"}]}}]}"#;
    let value_set = r#"{"resourceType":"ValueSet","id":"v","status":"active","useContext":[
        {"code":{"system":"http://t","code":"focus"},"valueCodeableConcept":{"coding":[{"code":"diabetes"}]}}]}"#;
    let sequence = r#"{"resourceType":"MolecularSequence","id":"m","coordinateSystem":0,
        "referenceSeq":{"chromosome":{"coding":[{"code":"7"}]},"windowStart":100,"windowEnd":900,"referenceSeqId":{"coding":[{"code":"NC_7"}]}},
        "variant":[{"start":10,"end":20},{"start":50,"end":60}]}"#;
    Small::new(&[
        &pressure("bp1", 120, 80),
        &pressure("bp2", 150, 95),
        whole,
        concept,
        dated,
        string,
        document,
        group,
        questionnaire,
        value_set,
        sequence,
    ])
}

#[test]
fn components_belong_together() {
    let small = small();
    for (query, found) in [
        (
            "Observation?component-code-value-quantity=http://loinc.org|8480-6$gt140",
            "Observation/bp2",
        ),
        (
            "Observation?component-code-value-quantity=http://loinc.org|8462-4$gt140",
            "",
        ),
        (
            "Observation?component-code-value-quantity=8480-6$gt100",
            "Observation/bp1 Observation/bp2",
        ),
        (
            "Observation?component-code-value-quantity=http://loinc.org|$95",
            "Observation/bp2",
        ),
        (
            "Observation?component-code-value-quantity=8480-6$150|http://unitsofmeasure.org|mm[Hg]",
            "Observation/bp2",
        ),
        (
            "Observation?component-code-value-quantity=8480-6$150||mm[Hg]",
            "Observation/bp2",
        ),
        (
            "Observation?component-code-value-quantity=8480-6$150||mmHg",
            "Observation/bp2",
        ),
        (
            "Observation?component-code-value-quantity=8480-6$150|http://unitsofmeasure.org|kg",
            "",
        ),
        (
            "Observation?component-code-value-quantity=8480-6$lt121,8462-4$gt90",
            "Observation/bp1 Observation/bp2",
        ),
        (
            "Observation?combo-code-value-quantity=http://loinc.org|8480-6$gt140",
            "Observation/bp2 Observation/w",
        ),
        (
            "Observation?code-value-quantity=http://loinc.org|8480-6$gt140",
            "Observation/w",
        ),
        (
            "Observation?component-code-value-concept=http://s|abo$http://s|A",
            "Observation/c",
        ),
        (
            "Observation?component-code-value-concept=abo$A",
            "Observation/c",
        ),
        (
            "Observation?component-code-value-concept=http://s|abo$http://s|neg",
            "",
        ),
        (
            "Observation?combo-code-value-concept=abo$A",
            "Observation/c",
        ),
        ("Observation?code-value-date=lmp$2020", "Observation/d"),
        ("Observation?code-value-date=lmp$lt2020", ""),
        ("Observation?code-value-string=note$rest", "Observation/s"),
        (
            "DocumentReference?relationship=replaces$DocumentReference/old",
            "DocumentReference/r",
        ),
        (
            "DocumentReference?relationship=replaces$DocumentReference/other",
            "",
        ),
        ("Group?characteristic-value=gender$female", "Group/g"),
        ("Group?characteristic-value=owner$true", "Group/g"),
        ("Group?characteristic-value=owner$female", ""),
        (
            "Questionnaire?context-type-quantity=http://t|age$gt20",
            "Questionnaire/q",
        ),
        (
            "Questionnaire?context-type-value=http://t|focus$diabetes",
            "Questionnaire/q",
        ),
        ("Questionnaire?context-type-value=http://t|age$diabetes", ""),
        ("ValueSet?context-type-value=focus$diabetes", "ValueSet/v"),
        (
            "MolecularSequence?chromosome-variant-coordinate=7$10$20",
            "MolecularSequence/m",
        ),
        (
            "MolecularSequence?chromosome-variant-coordinate=7$10$60",
            "",
        ),
        (
            "MolecularSequence?chromosome-variant-coordinate=8$10$20",
            "",
        ),
        (
            "MolecularSequence?chromosome-variant-coordinate=7$ge40$le60",
            "MolecularSequence/m",
        ),
        (
            "MolecularSequence?chromosome-window-coordinate=7$gt50$lt1000",
            "MolecularSequence/m",
        ),
        (
            "MolecularSequence?referenceseqid-variant-coordinate=NC_7$50$60",
            "MolecularSequence/m",
        ),
        (
            "MolecularSequence?referenceseqid-window-coordinate=NC_7$100$900",
            "MolecularSequence/m",
        ),
    ] {
        assert_eq!(small.find(query), found, "{query}");
        assert_eq!(small.find_split(query), found, "{query}, split");
    }
}

#[test]
fn missing_means_no_element_has_all_components() {
    let small = small();
    for (query, found) in [
        (
            "Observation?component-code-value-quantity:missing=false",
            "Observation/bp1 Observation/bp2",
        ),
        (
            "Observation?combo-code-value-quantity:missing=false",
            "Observation/bp1 Observation/bp2 Observation/w",
        ),
        (
            "Observation?code-value-string:missing=false",
            "Observation/s",
        ),
        ("Group?characteristic-value:missing=true", ""),
        (
            "DocumentReference?relationship:missing=false",
            "DocumentReference/r",
        ),
    ] {
        assert_eq!(small.find(query), found, "{query}");
    }
}

#[test]
fn values_need_all_their_parts() {
    for (query, expected) in [
        (
            "Observation?component-code-value-quantity=8480-6",
            Kind::Invalid,
        ),
        (
            "Observation?component-code-value-quantity=8480-6$",
            Kind::Invalid,
        ),
        (
            "Observation?component-code-value-quantity=8480-6$x",
            Kind::Invalid,
        ),
        (
            "Observation?component-code-value-quantity=a$1$2",
            Kind::Invalid,
        ),
        (
            "Observation?component-code-value-quantity:not=a$1",
            Kind::NotSupported,
        ),
        (
            "MolecularSequence?chromosome-variant-coordinate=7$10",
            Kind::Invalid,
        ),
    ] {
        assert_eq!(kind(query), expected, "{query}");
    }
}
