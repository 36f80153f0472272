use super::*;
use std::collections::BTreeSet;
use ward_fhir::schema::r4;

fn words(neighbours: &BTreeSet<Neighbour<'_>>) -> Vec<String> {
    let word = |neighbour: &Neighbour<'_>| match neighbour {
        Neighbour::Named { text, amount, .. } => format!("{text} {amount:?}"),
        Neighbour::Referring {
            path,
            parameter,
            amount,
            ..
        } => {
            let parameter = parameter.unwrap_or("-");
            format!("{path} {parameter} {amount:?}")
        }
    };
    neighbours.iter().map(word).collect()
}

/// But Compositions, whose sections may name anything.
fn takes_of(json: &str) -> Vec<String> {
    let mut taken = words(&takes(document(json).root()));
    taken.retain(|word| word != "Composition.section.entry entry Own");
    taken
}

fn gives_of(json: &str) -> Vec<String> {
    words(&gives(document(json).root()))
}

const ENCOUNTER: &str = r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"IMP"},"subject":{"reference":"Patient/p"},"partOf":{"reference":"Encounter/f"},"location":[{"location":{"reference":"Location/l"}}],"diagnosis":[{"condition":{"reference":"Condition/c"}}]}"#;
const REPORT: &str = r#"{"resourceType":"DiagnosticReport","status":"final","code":{"text":"a"},"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e"},"result":[{"reference":"Observation/a"},{"reference":"Observation/b"}],"presentedForm":[{"url":"Binary/x"}]}"#;

#[test]
fn an_encounter_takes_from_its_place_and_gives_to_its_data() {
    let taken = takes_of(ENCOUNTER);
    assert_eq!(
        taken,
        ["Encounter/f All", "Location/l All", "Patient/p Person"]
    );
    let given = gives_of(ENCOUNTER);
    for wanted in [
        "Observation.encounter encounter All",
        "Condition.encounter encounter All",
        "MedicationRequest.encounter encounter All",
        "DocumentReference.context.encounter encounter All",
        "MedicationAdministration.context context All",
        "Encounter.partOf part-of All",
        // R4 has no parameter for this one.
        "Immunization.encounter - All",
    ] {
        assert!(given.iter().any(|g| g == wanted), "{wanted}: {given:#?}");
    }
}

#[test]
fn a_report_and_its_results_share_labels_both_ways() {
    let taken = takes_of(REPORT);
    let wanted = [
        "Encounter/e All",
        "Observation/a All",
        "Observation/b All",
        "Patient/p Person",
    ];
    assert_eq!(taken, wanted);
    let given = gives_of(REPORT);
    for wanted in ["Observation/a Own", "Observation/b Own", "Binary/x All"] {
        assert!(given.iter().any(|g| g == wanted), "{wanted}: {given:#?}");
    }
    let result = observation("", LOINC, GLUCOSE);
    assert!(takes_of(&result).contains(&"DiagnosticReport.result result Own".to_owned()));
    assert!(gives_of(&result).contains(&"DiagnosticReport.result result All".to_owned()));
}

#[test]
fn an_order_takes_from_its_reason_and_its_medicine() {
    let order = r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/p"},"medicationReference":{"reference":"Medication/m"},"reasonReference":[{"reference":"https://ward.example/fhir/Condition/c"}]}"#;
    let taken = takes_of(order);
    let wanted = [
        "Medication/m All",
        "Patient/p Person",
        "https://ward.example/fhir/Condition/c All",
    ];
    assert_eq!(taken, wanted);
    let condition = gives_of(&condition("F10.20"));
    assert!(condition.contains(&"MedicationRequest.reasonReference - All".to_owned()));
    let answers = r#"{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"http://a.example/q|1"}"#;
    // They may be a member of a panel, too.
    let taken = takes_of(answers);
    assert_eq!(
        taken,
        [
            "http://a.example/q|1 All",
            "Observation.hasMember has-member Own"
        ]
    );
    let contained = r##"{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/p"},"contained":[{"resourceType":"Medication","id":"m"}],"medicationReference":{"reference":"#m"}}"##;
    assert_eq!(takes_of(contained), ["Patient/p Person"]);
}

/// A Binary has the labels of every document that refers to it.
#[test]
fn t42_a_binary_follows_whatever_refers_to_it() {
    let binary = r#"{"resourceType":"Binary","contentType":"text/plain","securityContext":{"reference":"Patient/p"},"data":"YQ=="}"#;
    let taken = takes_of(binary);
    for wanted in [
        "Patient/p All",
        "DocumentReference.content.attachment location All",
        "DiagnosticReport.presentedForm - All",
        "Media.content - All",
        "Communication.payload.content[x] - All",
        "QuestionnaireResponse.item.answer.value[x] - All",
    ] {
        assert!(taken.iter().any(|t| t == wanted), "{wanted}: {taken:#?}");
    }
    let note = r#"{"resourceType":"DocumentReference","id":"d","status":"current","type":{"coding":[{"system":"http://loinc.org","code":"34857-3"}]},"content":[{"attachment":{"url":"Binary/b"}}]}"#;
    assert!(gives_of(note).contains(&"Binary/b All".to_owned()));
    let given = given(stored(note).root(), Amount::All, starter());
    let document = document(binary);
    let none = Labels::none();
    let labels = label(document.root(), &given, &none, None, starter()).expect("few labels");
    assert_eq!(told(&labels), "R ETH SUD");
    // Elsewhere than on a server of FHIR nothing is named.
    let elsewhere = note.replace("Binary/b", "https://files.example/b.pdf");
    assert!(
        !gives_of(&elsewhere)
            .iter()
            .any(|g| g.contains("files.example"))
    );
}

#[test]
fn sections_of_a_composition_share_labels_both_ways() {
    let composition = r#"{"resourceType":"Composition","status":"final","type":{"text":"a"},"date":"2026","author":[{"display":"a"}],"title":"a","section":[{"entry":[{"reference":"Observation/o"}],"section":[{"entry":[{"reference":"Condition/c"}]}]}]}"#;
    assert_eq!(
        takes_of(composition),
        ["Condition/c All", "Observation/o All"]
    );
    let given = gives_of(composition);
    for wanted in ["Condition/c Own", "Observation/o Own"] {
        assert!(given.iter().any(|g| g == wanted), "{wanted}: {given:#?}");
    }
}

/// What went to the report from its results does not come back to them as the report's own.
#[test]
fn labels_that_go_in_a_circle_go_once() {
    let result = stored(&observation("", LOINC, VIRAL_LOAD));
    let up = given(result.root(), Amount::All, starter());
    let none = Labels::none();
    let report = document(REPORT);
    let labels = label(report.root(), &up, &none, None, starter()).expect("few labels");
    assert_eq!(told(&labels), "R HIV");
    let report = with_security(report.root(), &labels, starter());
    let down = given(report.root(), Amount::Own, starter());
    assert_eq!(told(&down), "N");
    // The report's own do.
    let sensitive = REPORT.replace(
        r#"{"text":"a"}"#,
        r#"{"coding":[{"system":"http://loinc.org","code":"20447-9"}]}"#,
    );
    let down = given(stored(&sensitive).root(), Amount::Own, starter());
    assert_eq!(told(&down), "R HIV");
}

/// Too much is hidden, never too little.
#[test]
fn labels_in_a_circle_of_rows_that_carry_all_stay() {
    let (none, rules) = (Labels::none(), starter());
    let order = |code: &str, other: &str| {
        document(&format!(
            r#"{{"resourceType":"ServiceRequest","status":"active","intent":"order","subject":{{"reference":"Patient/p"}},"basedOn":[{{"reference":"ServiceRequest/{other}"}}],"code":{{"coding":[{{"system":"{LOINC}","code":"{code}"}}]}}}}"#
        ))
    };
    let (a, b) = (order(VIRAL_LOAD, "b"), order(GLUCOSE, "a"));
    let labels = |d: &Document, carried: &Labels| {
        with_security(d.root(), &relabelled(d.root(), carried, rules), rules)
    };
    let all = |d: &Document| given(d.root(), Amount::All, rules);
    let a = labels(&a, &none);
    let b = labels(&b, &all(&a));
    // The code goes, and what the second order has of it comes back.
    let mut a = labels(&order(GLUCOSE, "b"), &all(&b));
    assert_eq!(told(&Labels::stored(a.root())), "R HIV");
    // Out of the circle it ends.
    a = labels(&a, &none);
    assert_eq!(told(&all(&labels(&b, &all(&a)))), "N");
}

#[test]
fn purposes_are_not_carried() {
    let reason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
    let meta = security(&[
        (reason, "HTEST"),
        (ACT_CODE, "HIV"),
        (ACT_CODE, "NORDSCLCD"),
    ]);
    let source = stored(&observation(&meta, LOINC, GLUCOSE));
    assert_eq!(told(&given(source.root(), Amount::All, starter())), "R HIV");
}

#[test]
fn a_patient_gives_only_what_is_about_the_person() {
    let meta = security(&[(ACT_CODE, "CEL"), (ACT_CODE, "HIV")]);
    let patient = stored(&format!(r#"{{"resourceType":"Patient","id":"p"{meta}}}"#));
    assert_eq!(
        told(&given(patient.root(), Amount::Person, starter())),
        "R CEL"
    );
    let given = gives_of(r#"{"resourceType":"Patient","id":"p"}"#);
    assert!(
        given.contains(&"Observation.subject patient Person".to_owned()),
        "{given:#?}"
    );
    assert!(given.contains(&"Coverage.beneficiary patient Person".to_owned()));
}

/// What could lead back by the definitions: orders and reasons, which in a record lie before what was done. A visit and its data
/// are none of them.
#[test]
fn what_is_carried_whole_does_not_return_to_a_visit() {
    let mut ways: BTreeSet<(&str, &str)> = BTreeSet::new();
    let types = r4()
        .types
        .iter()
        .filter(|t| r4().resource_type(t.name).is_some());
    for ty in types {
        let mut body = ward_fhir::tree::Builder::new(String::new());
        body.open(None, ty.id);
        body.close();
        for neighbour in gives(body.finish().root()) {
            if let Neighbour::Referring {
                ty: to,
                amount: Amount::All,
                ..
            } = neighbour
            {
                ways.insert((ty.name, r4().ty(to).name));
            }
        }
    }
    for way in [
        ("Encounter", "Observation"),
        ("Observation", "DiagnosticReport"),
        ("Condition", "MedicationRequest"),
    ] {
        assert!(ways.contains(&way), "{way:?}");
    }
    let back = ways
        .iter()
        .filter(|(a, b)| a != b && ways.contains(&(*b, *a)));
    let back: BTreeSet<&str> = back.map(|(a, _)| *a).collect();
    for visit in ["Encounter", "EpisodeOfCare", "Patient", "Location"] {
        assert!(!back.contains(visit), "{visit} of {back:?}");
    }
}
