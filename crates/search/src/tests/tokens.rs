//! What the case of a token means (of codes: `codes`), parts of names, media types, and elements without a value.

use super::sample::{document, extractor};
use super::small::{Small, kind};
use crate::edition::Edition;
use ward_fhir::Kind;

fn small() -> Small {
    Small::new(&[
        r#"{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:S","value":"Ab-1"}],
            "telecom":[{"system":"email","value":"John.Doe@Example.org"}],"gender":"male",
            "name":[{"family":"Carreno  Quinones","given":["Ana-Maria"]},{"text":"김 민준"}]}"#,
        r#"{"resourceType":"Patient","id":"none","_birthDate":{"extension":[{"url":"urn:x","valueCode":"y"}]},
            "_gender":{"id":"g","extension":[{"url":"urn:x","valueCode":"y"}]},"_active":{"extension":[{"url":"urn:x","valueCode":"y"}]},
            "_deceasedBoolean":{"extension":[{"url":"urn:x","valueCode":"y"}]},
            "name":[{"_family":{"extension":[{"url":"urn:x","valueCode":"y"}]}}],
            "telecom":[{"system":"phone","_value":{"extension":[{"url":"urn:x","valueCode":"y"}]}}]}"#,
        r#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"display":"somebody"},
            "effectivePeriod":{"_start":{"extension":[{"url":"urn:x","valueCode":"y"}]}},"valueQuantity":{"unit":"kg"}}"#,
        r#"{"resourceType":"Condition","id":"c","subject":{"identifier":{"system":"urn:S","value":"Ab-1"}},
            "code":{"coding":[{"system":"urn:codes","code":"Ab"}]}}"#,
        r#"{"resourceType":"DocumentReference","id":"d","status":"current","content":[{"attachment":{"contentType":"Text/XML; charset=UTF-8"}}]}"#,
        r#"{"resourceType":"Organization","id":"g","name":"General Hospital"}"#,
    ])
}

#[test]
fn case_does_not_count_in_strings() {
    let small = small();
    for (query, found) in [
        ("Patient?identifier=aB-1", "Patient/p"),
        ("Patient?identifier=urn:S|AB-1", "Patient/p"),
        ("Patient?identifier=urn:s|AB-1", ""),
        ("Patient?identifier:not=AB-1", "Patient/none"),
        ("Patient?email=john.doe@example.ORG", "Patient/p"),
        ("Patient?gender=Male", ""),
        ("Condition?subject:identifier=urn:S|ab-1", "Condition/c"),
        ("Condition?code=urn:codes|Ab", "Condition/c"),
    ] {
        assert_eq!(small.find(query), found, "{query}");
    }
}

#[test]
fn a_part_of_a_name_is_a_beginning() {
    let small = small();
    for (query, found) in [
        ("Patient?family=quin", "Patient/p"),
        ("Patient?family=CARRENO QUIN", "Patient/p"),
        ("Patient?family=uinones", ""),
        ("Patient?name=maria", "Patient/p"),
        ("Patient?name=민", "Patient/p"),
        ("Patient?name=김", "Patient/p"),
        ("Patient?name=기", ""),
        ("Patient?family:exact=Quinones", ""),
        ("Patient?_filter=family sw quin", ""),
        (
            "Patient?_filter=family eq \"carreno quinones\"",
            "Patient/p",
        ),
        ("Organization?name=hospital", ""),
    ] {
        assert_eq!(small.find(query), found, "{query}");
    }
}

#[test]
fn media_types_are_found_by_their_beginning() {
    let small = small();
    for (value, found) in [
        ("text/xml", "DocumentReference/d"),
        ("TEXT", "DocumentReference/d"),
        ("text/xml;charset=utf-8", "DocumentReference/d"),
        ("text/xm", ""),
        ("tex", ""),
        ("image", ""),
    ] {
        let query = format!("DocumentReference?contenttype:below={value}");
        assert_eq!(small.find(&query), found, "{query}");
    }
    for refused in ["contenttype:below=/", "contenttype:below=urn:s|text"] {
        assert_eq!(kind(&format!("DocumentReference?{refused}")), Kind::Invalid);
    }
    assert_eq!(
        kind("DocumentReference?contenttype:above=text/xml"),
        Kind::NotSupported
    );
}

#[test]
fn what_has_extensions_alone_is_missing() {
    let small = small();
    for code in [
        "birthdate",
        "gender",
        "active",
        "family",
        "telecom",
        "phone",
    ] {
        let query = format!("Patient?_id=none&{code}:missing=true");
        assert_eq!(small.find(&query), "Patient/none", "{query}");
        let query = format!("Patient?_id=none&{code}:missing=false");
        assert_eq!(small.find(&query), "", "{query}");
    }
    for code in ["date", "value-quantity"] {
        let query = format!("Observation?{code}:missing=true");
        assert_eq!(small.find(&query), "Observation/o", "{query}");
    }
    // A reference without an address is one all the same.
    assert_eq!(small.find("Observation?subject:missing=true"), "");
    assert_eq!(
        small.find("Patient?deceased=false"),
        "Patient/p Patient/none"
    );
}

/// What the first edition wrote is worked out again as it was, so that it can be taken away.
#[test]
fn the_first_edition_stays_what_it_was() {
    let text = r#"{"resourceType":"Patient","identifier":[{"value":"Ab"}],"name":[{"family":"A B 김"}],"_gender":{"id":"g"}}"#;
    let document = document(text);
    let of = |edition| {
        let extractor = extractor().of_edition(edition);
        extractor.extract(document.root(), &|_| None)
    };
    let (first, second) = (of(Edition::First), of(Edition::Second));
    let values = |entries: &crate::entries::Entries| {
        let strings = entries.strings.iter();
        strings.map(|s| s.value.clone()).collect::<Vec<_>>()
    };
    let apart = "a b \u{1100}\u{1175}\u{11b7}";
    // Of family, name and phonetic, which is name again.
    assert_eq!(values(&first), [apart, apart]);
    assert!(values(&second).contains(&"b 김".to_owned()));
    let numbers: Vec<u16> = first.strings.iter().map(|s| s.param).collect();
    assert!(numbers.iter().all(|number| *number < 0x2000));
    assert_ne!(first.terms, second.terms);
}
