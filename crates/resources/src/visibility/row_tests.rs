use super::*;
use crate::visibility::ConsentSettings;
use ward_fhir::tree::Limits;
use ward_fhir::{Document, json};

const BASE: &str = "http://ward.test/fhir";

fn read(text: &str) -> Document {
    let read = json::read(text.as_bytes(), None, &Limits::default());
    read.unwrap_or_else(|failure| panic!("{text}: {failure:?}"))
}

/// As a row of an organization of several.
fn row_of(text: &str) -> Row {
    row_in(text, "Organization/h1")
}

fn row_in(text: &str, organization: &str) -> Row {
    let settings = ConsentSettings::default();
    let house = House {
        base: BASE,
        organization,
        rules: &settings.rules,
        labels: &settings.labels,
    };
    let known = Known::default();
    let labels = RowClass::unlabelled();
    row(read(text).root(), "Observation/o", &labels, house, &known)
}

fn at(text: &str) -> Span {
    Span::parse(text).unwrap()
}

fn refs(all: &[&str]) -> Vec<Ref> {
    all.iter().map(|one| Ref::from(*one)).collect()
}

#[test]
fn a_row_has_every_coding_and_every_reference() {
    let row = row_of(
        r##"{"resourceType":"Observation","id":"o","meta":{"profile":["http://p.test/x|1"],
          "security":[{"system":"http://s.test","code":"label"}],"tag":[{"system":"http://s.test","code":"tag"}]},
          "contained":[{"resourceType":"Specimen","id":"s","type":{"coding":[{"system":"http://s.test","code":"blood"}]},
            "subject":{"reference":"Patient/p"}}],
          "status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1-8"},{"code":"bare"},{"display":"no code"}]},
          "subject":{"reference":"http://ward.test/fhir/Patient/p"},"encounter":{"reference":"Encounter/e/_history/2"},
          "specimen":{"reference":"#s"},"device":{"reference":"http://other.test/Device/d"},
          "component":[{"code":{"coding":[{"system":"http://loinc.org","code":"2-6"}]},"valueString":"x"}]}"##,
    );
    let code = |system: &str, code: &str| Coding::new(system, code);
    assert_eq!(
        row.codes,
        [
            code("", "bare"),
            code("http://loinc.org", "1-8"),
            code("http://loinc.org", "2-6"),
            code("http://s.test", "blood")
        ]
    );
    assert_eq!(row.refers_to, refs(&["Encounter/e", "Patient/p"]));
    assert_eq!(&*row.reference, "Observation/o");
    assert_eq!(row.profiles, refs(&["http://p.test/x|1"]));
    assert_eq!(row.documents, []);
}

#[test]
fn a_document_has_types_and_media_types() {
    let row = row_of(
        r#"{"resourceType":"DocumentReference","id":"d","status":"current",
          "type":{"coding":[{"system":"http://loinc.org","code":"34133-9"}]},
          "custodian":{"reference":"Organization/h2"},"author":[{"reference":"Practitioner/x"}],
          "content":[{"attachment":{"contentType":"Application/PDF; charset=utf-8"}}]}"#,
    );
    let media = Coding::new("urn:ietf:bcp:13", "application/pdf");
    assert_eq!(
        row.documents,
        [Coding::new("http://loinc.org", "34133-9"), media]
    );
    assert_eq!(row.custodian.as_deref(), Some("Organization/h2"));
    assert_eq!(row.authors, Some(refs(&["Practitioner/x"])));
}

#[test]
fn what_may_have_an_author_and_names_none_is_not_known_to_be_by_anybody() {
    let by = |authors: &str| {
        row_of(&format!(
            r##"{{"resourceType":"Observation","id":"o","status":"final","code":{{"text":"x"}}{authors}}}"##
        ))
        .authors
    };
    assert_eq!(by(""), None);
    assert_eq!(by(r##","performer":[{"display":"somebody"}]"##), None);
    assert_eq!(
        by(r##","performer":[{"reference":"Practitioner/x"},{"reference":"#c"}]"##),
        None
    );
    // Whose role that is would have to be looked up.
    assert_eq!(
        by(r##","performer":[{"reference":"PractitionerRole/x"}]"##),
        None
    );
    assert_eq!(
        by(r##","performer":[{"reference":"Practitioner/x"},{"reference":"Organization/h"}]"##),
        Some(refs(&["Organization/h", "Practitioner/x"]))
    );
    let patient = row_of(r#"{"resourceType":"Patient","id":"p"}"#);
    assert_eq!(patient.authors, Some(Vec::new()));
    let procedure = row_of(
        r#"{"resourceType":"Procedure","id":"p","status":"completed","subject":{"reference":"Patient/p"},
          "performer":[{"actor":{"reference":"Practitioner/x"},"onBehalfOf":{"reference":"Organization/h"}}]}"#,
    );
    assert_eq!(
        procedure.authors,
        Some(refs(&["Organization/h", "Practitioner/x"]))
    );
}

#[test]
fn a_row_is_kept_by_whom_it_names_and_else_by_the_house() {
    let kept = |custodian: &str, organization: &str| {
        let text = format!(
            r##"{{"resourceType":"Encounter","id":"e","status":"finished","class":{{"code":"AMB"}}{custodian}}}"##
        );
        row_in(&text, organization).custodian.map(|c| c.to_string())
    };
    let h1 = Some("Organization/h1".to_owned());
    assert_eq!(kept("", "Organization/h1"), h1);
    assert_eq!(
        kept(
            r#","serviceProvider":{"display":"a name"}"#,
            "Organization/h1"
        ),
        h1
    );
    let other = r#","serviceProvider":{"reference":"Organization/h2"}"#;
    assert_eq!(
        kept(other, "Organization/h1"),
        Some("Organization/h2".into())
    );
    let untold = r##","serviceProvider":{"identifier":{"value":"7"}}"##;
    assert_eq!(kept(untold, "Organization/h1"), None);
    // Where there is but one organization nobody is elsewhere.
    let alone = crate::visibility::THIS_ORGANIZATION;
    for said in ["", other, untold] {
        assert_eq!(kept(said, alone), Some(alone.into()));
    }
}

#[test]
fn a_row_has_the_date_when_it_was_and_none_that_cannot_be_told() {
    let dated = |ty: &str, members: &str| {
        row_of(&format!(r#"{{"resourceType":"{ty}","id":"x"{members}}}"#)).date
    };
    let observed = dated(
        "Observation",
        r#","status":"final","code":{"text":"x"},"effectiveDateTime":"2019-05","issued":"2020-01-01T00:00:00Z""#,
    );
    assert_eq!(observed, Some(at("2019-05")));
    let issued = dated(
        "Observation",
        r#","status":"final","code":{"text":"x"},"issued":"2020-01-01T00:00:00Z""#,
    );
    assert_eq!(issued, Some(at("2020-01-01T00:00:00Z")));
    assert_eq!(
        dated("Observation", r#","status":"final","code":{"text":"x"}"#),
        None
    );
    let subject = r#","subject":{"reference":"Patient/p"}"#;
    let ill = |members: &str| dated("Condition", &format!("{subject}{members}"));
    assert_eq!(
        ill(r#","recordedDate":"2020-02-03""#),
        Some(at("2020-02-03"))
    );
    let lasting =
        ill(r#","onsetDateTime":"2018","abatementDateTime":"2020-03","recordedDate":"2021""#);
    let span = lasting.unwrap();
    assert_eq!((span.low, span.high), (at("2018").low, at("2020-03").high));
    assert_eq!(
        ill(r#","onsetString":"as a child","recordedDate":"2020""#),
        None
    );
    let visit = dated(
        "Encounter",
        r#","status":"in-progress","class":{"code":"AMB"},"period":{"start":"2019-05-01"}"#,
    );
    assert_eq!(visit.unwrap().low, at("2019-05-01").low);
    assert!(visit.unwrap().high > at("2999").high);
    let ordered = dated(
        "ServiceRequest",
        r#","status":"active","intent":"order","subject":{"reference":"Patient/p"},
          "occurrenceTiming":{"event":["2019-05-01","2020-07-01"]}"#,
    );
    let span = ordered.unwrap();
    assert_eq!(
        (span.low, span.high),
        (at("2019-05-01").low, at("2020-07-01").high)
    );
    let specimen = dated("Specimen", r#","collection":{"collectedDateTime":"2019"}"#);
    assert_eq!(specimen, Some(at("2019")));
}

#[test]
fn what_must_be_looked_up_is_asked_for() {
    let settings = ConsentSettings::default();
    let text = r#"{"resourceType":"DocumentReference","id":"d","status":"current","custodian":{"reference":"Organization/h2"},
      "author":[{"reference":"PractitionerRole/r"},{"reference":"Practitioner/x"}],"content":[{"attachment":{"title":"x"}}]}"#;
    let document = read(text);
    let asked = |organization: &str, with_authors| {
        let house = House {
            base: BASE,
            organization,
            rules: &settings.rules,
            labels: &settings.labels,
        };
        asks(document.root(), house, with_authors)
    };
    let alone = crate::visibility::THIS_ORGANIZATION;
    assert_eq!(asked(alone, false), refs(&[]));
    assert_eq!(asked(alone, true), refs(&["PractitionerRole/r"]));
    assert_eq!(asked("Organization/h2", false), refs(&[]));
    let both = refs(&["Organization/h2", "PractitionerRole/r"]);
    assert_eq!(asked("Organization/h1", true), both);
}
