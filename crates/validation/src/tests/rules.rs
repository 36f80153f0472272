//! Each kind of rule, refused and accepted.

use ward_fhir::{Kind, Severity, schema};

use super::{read, validate};
use crate::Context;

/// (kind, expression) of each issue.
fn found(text: &str) -> Vec<(Kind, String)> {
    validate(text)
        .into_iter()
        .map(|i| (i.kind, i.expression.unwrap_or_default()))
        .collect()
}

fn one(text: &str) -> (Kind, String, String) {
    let mut issues = validate(text);
    assert_eq!(issues.len(), 1, "{issues:?}");
    let issue = issues.remove(0);
    (
        issue.kind,
        issue.expression.unwrap_or_default(),
        issue.diagnostics,
    )
}

fn observation(rest: &str) -> String {
    format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}}{rest}}}"#)
}

#[test]
fn a_good_resource_has_no_issues() {
    assert_eq!(
        found(&observation(
            r#","subject":{"reference":"Patient/1"},"valueQuantity":{"value":1.10}"#
        )),
        []
    );
    assert_eq!(found(r#"{"resourceType":"Patient"}"#), []);
}

#[test]
fn required_elements() {
    let (kind, place, text) = one(r#"{"resourceType":"Observation","status":"final"}"#);
    assert_eq!((kind, place.as_str()), (Kind::Cardinality, "Observation"));
    assert_eq!(text, "Observation.code is required");
    let nested = observation(r#","component":[{"valueString":"a"},{"code":{"text":"b"}}]"#);
    assert_eq!(
        found(&nested),
        [(Kind::Cardinality, "Observation.component[0]".to_owned())]
    );
}

#[test]
fn an_element_with_a_maximum_of_one_is_not_repeated() {
    let schema = schema::r4();
    let patient = schema.resource_type("Patient").expect("a type");
    let gender = schema.find_member(patient, "gender").expect("a member");
    let mut builder = ward_fhir::tree::Builder::new(String::new());
    builder.open(None, patient);
    for text in ["male", "female"] {
        let at = builder.open(Some(gender.id), gender.ty);
        builder.value(at, text);
        builder.close();
    }
    builder.close();
    let issues = crate::r4().validate(builder.finish().root());
    assert_eq!(
        issues.iter().map(|i| i.kind).collect::<Vec<_>>(),
        [Kind::Cardinality]
    );
}

#[test]
fn required_bindings() {
    let (kind, place, text) = one(r#"{"resourceType":"Patient","gender":"robot"}"#);
    assert_eq!(
        (kind, place.as_str()),
        (Kind::CodeInvalid, "Patient.gender")
    );
    assert_eq!(
        text,
        "the code 'robot' is not in the required value set http://hl7.org/fhir/ValueSet/administrative-gender"
    );
    let long = format!(
        r#"{{"resourceType":"Patient","gender":"{}"}}"#,
        "x".repeat(500)
    );
    assert!(one(&long).2.len() < 200);
}

#[test]
fn required_bindings_of_concepts() {
    let condition = |status: &str| {
        format!(
            r#"{{"resourceType":"Condition","subject":{{"reference":"Patient/1"}},"clinicalStatus":{status}}}"#
        )
    };
    let system = "http://terminology.hl7.org/CodeSystem/condition-clinical";
    let coding = |code: &str| format!(r#"{{"system":"{system}","code":"{code}"}}"#);
    let with = |codings: &str| condition(&format!(r#"{{"coding":[{codings}]}}"#));
    assert_eq!(found(&with(&coding("active"))), []);
    assert_eq!(
        found(&with(&format!(
            r#"{{"system":"http://a","code":"b"}},{}"#,
            coding("active")
        ))),
        []
    );
    let refused = [(Kind::CodeInvalid, "Condition.clinicalStatus".to_owned())];
    assert_eq!(found(&with(&coding("asleep"))), refused);
    assert_eq!(found(&with(r#"{"code":"active"}"#)), refused);
    assert_eq!(found(&condition(r#"{"text":"active"}"#)), refused);
}

#[test]
fn codes_that_cannot_be_enumerated_pass() {
    let attachment = r#"{"resourceType":"Binary","contentType":"application/x-anything"}"#;
    assert_eq!(found(attachment), []);
}

#[test]
fn reference_targets() {
    let subject = |reference: &str| observation(&format!(r#","subject":{reference}"#));
    for good in [
        r#"{"reference":"Patient/1"}"#,
        r#"{"reference":"http://elsewhere/fhir/Group/1/_history/2"}"#,
        r#"{"reference":"urn:uuid:1b671a64-40d5-491e-99b0-da01ff1f3341"}"#,
        r#"{"reference":"Patient?identifier=a|b"}"#,
        r#"{"type":"Patient","identifier":{"value":"1"}}"#,
        r#"{"display":"somebody"}"#,
    ] {
        assert_eq!(found(&subject(good)), [], "{good}");
    }
    for bad in [
        r#"{"reference":"Practitioner/1"}"#,
        r#"{"reference":"http://elsewhere/fhir/Practitioner/1"}"#,
        r#"{"reference":"Practitioner?identifier=a|b"}"#,
        r#"{"type":"Practitioner","identifier":{"value":"1"}}"#,
        r#"{"reference":"Patient/1","type":"Group"}"#,
    ] {
        assert_eq!(
            found(&subject(bad)),
            [(Kind::Reference, "Observation.subject".to_owned())],
            "{bad}"
        );
    }
    let (.., text) = one(&subject(r#"{"reference":"Practitioner/1"}"#));
    assert_eq!(
        text,
        "a reference to Practitioner is not allowed here, only to Patient, Group, Device, Location"
    );
}

#[test]
fn reference_targets_inside_a_bundle() {
    let bundle = |ty: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[
            {{"fullUrl":"urn:uuid:1b671a64-40d5-491e-99b0-da01ff1f3341","resource":{{"resourceType":"{ty}"}}}},
            {{"fullUrl":"urn:uuid:1b671a64-40d5-491e-99b0-da01ff1f3342","resource":{{"resourceType":"Observation","status":"final",
            "code":{{"text":"x"}},"subject":{{"reference":"urn:uuid:1b671a64-40d5-491e-99b0-da01ff1f3341"}}}}}}]}}"#
        )
    };
    assert_eq!(found(&bundle("Patient")), []);
    assert_eq!(
        found(&bundle("Practitioner")),
        [(
            Kind::Reference,
            "Bundle.entry[1].resource.subject".to_owned()
        )]
    );
}

#[test]
fn canonical_targets() {
    let contained = |ty: &str| {
        format!(
            r##"{{"resourceType":"Questionnaire","status":"draft","contained":[{{"resourceType":"{ty}","id":"a","status":"draft"{}}}],
            "item":[{{"linkId":"1","type":"choice","answerValueSet":"#a"}}]}}"##,
            if ty == "CodeSystem" {
                r#","content":"complete""#
            } else {
                ""
            }
        )
    };
    assert_eq!(found(&contained("ValueSet")), []);
    let place = "Questionnaire.item[0].answerValueSet";
    let refused = |text: &str, place: &str| {
        assert_eq!(found(text), [(Kind::Reference, place.to_owned())], "{text}");
    };
    refused(&contained("CodeSystem"), place);
    let asks = |url: &str| {
        format!(
            r#"{{"resourceType":"Questionnaire","status":"draft","item":[{{"linkId":"1","type":"choice","answerValueSet":"{url}"}}]}}"#
        )
    };
    assert_eq!(
        found(&asks(
            "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1"
        )),
        []
    );
    assert_eq!(found(&asks("http://a.example/Patient/1")), []);
    refused(
        &asks("http://hl7.org/fhir/StructureDefinition/Patient"),
        place,
    );
    let (.., text) = one(&asks("http://hl7.org/fhir/StructureDefinition/Patient"));
    assert_eq!(
        text,
        "a canonical to StructureDefinition is not allowed here, only to ValueSet"
    );
    let profile =
        |url: &str| format!(r#"{{"resourceType":"Patient","meta":{{"profile":["{url}"]}}}}"#);
    assert_eq!(
        found(&profile("http://hl7.org/fhir/StructureDefinition/Patient")),
        []
    );
    refused(
        &profile("http://hl7.org/fhir/ValueSet/administrative-gender"),
        "Patient.meta.profile[0]",
    );
}

#[test]
fn canonical_targets_inside_a_bundle() {
    let bundle = |ty: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[
            {{"resource":{{"resourceType":"{ty}","url":"http://a.example/b","status":"draft"}}}},
            {{"resource":{{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"http://a.example/b|2"}}}}]}}"#
        )
    };
    assert_eq!(found(&bundle("Questionnaire")), []);
    assert_eq!(
        found(&bundle("ValueSet")),
        [(
            Kind::Reference,
            "Bundle.entry[1].resource.questionnaire".to_owned()
        )]
    );
}

#[test]
fn full_urls_of_identified_resources() {
    let bundle = |ty: &str, before: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"{ty}","entry":[{{{before}"resource":{{"resourceType":"Patient","id":"p"}}}}]}}"#
        )
    };
    let url = r#""fullUrl":"http://a.example/fhir/Patient/p","#;
    let missing = [(Kind::Cardinality, "Bundle.entry[0]".to_owned())];
    assert_eq!(found(&bundle("collection", "")), missing);
    assert_eq!(found(&bundle("document", "")).last(), missing.last());
    assert_eq!(found(&bundle("searchset", "")), []);
    assert_eq!(found(&bundle("collection", url)), []);
    let put = r#""request":{"method":"PUT","url":"Patient/p"},"#;
    assert_eq!(found(&bundle("transaction", put)), []);
    let unidentified = r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient"}}]}"#;
    assert_eq!(found(unidentified), []);
    let version = r#""fullUrl":"http://a.example/fhir/Patient/p/_history/1","#;
    let (kind, place, text) = one(&bundle("collection", version));
    assert_eq!((kind, place.as_str()), (Kind::Invariant, "Bundle.entry[0]"));
    assert!(text.starts_with("bdl-8: "));
}

/// The text demands it and two examples break it: `$validate` may tell, no write is refused.
#[test]
fn a_full_url_of_another_id_is_a_warning() {
    let bundle = |id: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"fullUrl":"http://a.example/fhir/Basic/{id}",
            "resource":{{"resourceType":"Basic","id":"b","code":{{"text":"x"}},"text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}}}}}}]}}"#
        )
    };
    let context = Context {
        warnings: true,
        ..Context::default()
    };
    let told = |id: &str| {
        let document = read(&bundle(id));
        let issues = crate::r4().validate_with(document.root(), &context);
        issues
            .into_iter()
            .map(|i| (i.severity, i.expression.unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(told("b"), []);
    assert_eq!(told("lab-b"), []);
    assert_eq!(
        told("c"),
        [(Severity::Warning, "Bundle.entry[0].fullUrl".to_owned())]
    );
    assert_eq!(found(&bundle("c")), []);
}

#[test]
fn reference_targets_from_the_context() {
    let text =
        observation(r#","subject":{"reference":"urn:uuid:1b671a64-40d5-491e-99b0-da01ff1f3341"}"#);
    let practitioner = schema::r4().resource_type("Practitioner");
    let context = Context {
        target_type: Some(&|_| practitioner),
        ..Context::default()
    };
    assert_eq!(
        crate::r4()
            .validate_with(read(&text).root(), &context)
            .len(),
        1
    );
}

#[test]
fn contained_resources() {
    let contained = |inner: &str, outer: &str| {
        observation(&format!(
            r##","contained":[{{"resourceType":"Patient","id":"p"{inner}}}]{outer}"##
        ))
    };
    let subject = r##","subject":{"reference":"#p"}"##;
    assert_eq!(found(&contained("", subject)), []);
    assert!(one(&contained("", "")).2.starts_with("dom-3: "));
    assert!(
        one(&contained(r#","meta":{"versionId":"1"}"#, subject))
            .2
            .starts_with("dom-4: ")
    );
    assert!(
        one(&contained(
            r#","meta":{"security":[{"code":"R"}]}"#,
            subject
        ))
        .2
        .starts_with("dom-5: ")
    );
    let nested = r##","contained":[{"resourceType":"Patient","id":"q"}],"link":[{"other":{"reference":"#q"},"type":"refer"}]"##;
    let keys: Vec<_> = validate(&contained(nested, subject))
        .iter()
        .map(|i| i.diagnostics[..5].to_owned())
        .collect();
    assert_eq!(keys, ["dom-2", "ref-1"]);
    let performer = r##","performer":[{"reference":"#p"}],"device":{"reference":"#p"}"##;
    assert_eq!(
        found(&contained("", performer)),
        [(Kind::Reference, "Observation.device".to_owned())]
    );
    assert!(
        one(&observation(r##","subject":{"reference":"#nobody"}"##))
            .2
            .starts_with("ref-1: ")
    );
}

#[test]
fn a_contained_resource_may_refer_to_its_container() {
    let text = r##","contained":[{"resourceType":"Provenance","id":"p","target":[{"reference":"#"}],
        "recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"display":"a"}}]}]"##;
    assert_eq!(found(&observation(text)), []);
    assert!(
        one(&observation(r##","focus":[{"reference":"#"}]"##))
            .2
            .starts_with("ref-1: ")
    );
}

#[test]
fn invariants_by_existence() {
    let place = |p: &str| (Kind::Invariant, p.to_owned());
    let extension = r#","extension":[{"url":"http://a","valueString":"b","extension":[{"url":"c","valueString":"d"}]}]"#;
    assert_eq!(
        found(&observation(extension)),
        [place("Observation.extension[0]")]
    );
    assert_eq!(
        found(&observation(r#","extension":[{"url":"http://a"}]"#)),
        [place("Observation.extension[0]")]
    );
    assert_eq!(
        found(&observation(r#","valueQuantity":{"value":1,"code":"mg"}"#)),
        [place("Observation.value")]
    );
    let low = r#","referenceRange":[{"low":{"value":1,"comparator":"<"}}]"#;
    assert_eq!(
        found(&observation(low)),
        [place("Observation.referenceRange[0].low")]
    );
    let issues = validate(&observation(r#","referenceRange":[{"type":{"text":"a"}}]"#));
    assert_eq!(
        issues[0].diagnostics,
        "obs-3: Must have at least a low or a high or text [low.exists() or high.exists() or text.exists()]"
    );
}

#[test]
fn invariants_of_periods() {
    let period = |start: &str, end: &str| {
        observation(&format!(
            r#","effectivePeriod":{{"start":"{start}","end":"{end}"}}"#
        ))
    };
    for (start, end) in [
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T10:00:00+02:00", "2020-01-01T09:00:00Z"),
        ("2020-01-01", "2020-01-01T09:00:00Z"),
        ("2020", "2020-01"),
    ] {
        assert_eq!(found(&period(start, end)), [], "{start} {end}");
    }
    for (start, end) in [
        ("2020-01-02", "2020-01-01"),
        ("2021", "2020-01-01"),
        ("2020-01-01T10:00:00Z", "2020-01-01T09:00:00Z"),
        ("2020-01-01T10:00:00+01:00", "2020-01-01T08:00:00Z"),
    ] {
        assert_eq!(
            found(&period(start, end)),
            [(Kind::Invariant, "Observation.effective".to_owned())],
            "{start} {end}"
        );
    }
}

#[test]
fn invariants_through_fhirpath() {
    let text =
        r#"{"resourceType":"Appointment","status":"booked","participant":[{"status":"accepted"}]}"#;
    let keys: Vec<_> = validate(text)
        .iter()
        .map(|i| i.diagnostics[..6].to_owned())
        .collect();
    assert_eq!(keys, ["app-3:", "app-1:"]);
}

#[test]
fn bundles() {
    let bundle =
        |ty: &str, rest: &str| format!(r#"{{"resourceType":"Bundle","type":"{ty}"{rest}}}"#);
    let key = |text: &str| one(text).2.split(':').next().unwrap_or_default().to_owned();
    let patient = r#""resource":{"resourceType":"Patient"}"#;
    let entry = |rest: &str| format!(r#","entry":[{{{patient}{rest}}}]"#);
    assert_eq!(key(&bundle("transaction", r#","total":1"#)), "bdl-1");
    assert_eq!(
        key(&bundle(
            "collection",
            &entry(r#","search":{"mode":"match"}"#)
        )),
        "bdl-2"
    );
    assert_eq!(key(&bundle("transaction", &entry(""))), "bdl-3");
    assert_eq!(
        key(&bundle(
            "collection",
            &entry(r#","response":{"status":"200"}"#)
        )),
        "bdl-4"
    );
    assert_eq!(
        key(&bundle(
            "collection",
            r#","entry":[{"fullUrl":"http://a/Patient/1"}]"#
        )),
        "bdl-5"
    );
    let twice = format!(
        r#","entry":[{{"fullUrl":"http://a/Patient/1",{patient}}},{{"fullUrl":"http://a/Patient/1",{patient}}}]"#
    );
    assert_eq!(key(&bundle("collection", &twice)), "bdl-7");
    assert_eq!(
        key(&bundle(
            "collection",
            &entry(r#","fullUrl":"http://a/Patient/1/_history/1""#)
        )),
        "bdl-8"
    );
}

#[test]
fn narratives() {
    let patient = |div: &str| {
        format!(r#"{{"resourceType":"Patient","text":{{"status":"generated","div":"{div}"}}}}"#)
    };
    assert_eq!(
        found(&patient(
            "<div xmlns='http://www.w3.org/1999/xhtml'>ok</div>"
        )),
        []
    );
    let script = patient("<div xmlns='http://www.w3.org/1999/xhtml'>a<script>b</script></div>");
    assert_eq!(
        found(&script),
        [(Kind::Invariant, "Patient.text.div".to_owned())]
    );
}

#[test]
fn warnings_are_given_when_asked_for() {
    let document = read(r#"{"resourceType":"Patient"}"#);
    let context = Context {
        warnings: true,
        ..Context::default()
    };
    let issues = crate::r4().validate_with(document.root(), &context);
    assert_eq!(
        issues.iter().map(|i| i.severity).collect::<Vec<_>>(),
        [Severity::Warning]
    );
    assert!(issues[0].diagnostics.starts_with("dom-6: "));
}

#[test]
fn the_number_of_issues_is_bounded() {
    let many = vec![r#"{"url":"http://a"}"#; 300].join(",");
    assert_eq!(
        validate(&observation(&format!(r#","extension":[{many}]"#))).len(),
        crate::ISSUES_MAX
    );
}

/// The set of present elements of a node is a `u64`.
#[test]
fn no_type_has_more_elements_than_bits() {
    let most = schema::r4().types.iter().map(|t| t.elements.len()).max();
    assert!(most.is_some_and(|most| most <= 64), "{most:?}");
}
