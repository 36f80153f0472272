//! What leaves of a resource that is masked.

use super::*;
use crate::document::reread;
use ward_consent::labels::Masking;

fn cut_by(masking: &Masking, json: &str) -> String {
    let document = reread(json.as_bytes()).unwrap();
    let root = document.root();
    let id: Arc<str> = Arc::from(root.text("id").unwrap());
    let handed = Handed(BTreeMap::from([((root.ty(), id), masking.clone())]));
    let cut = handed.cut(&Bytes::from(json.to_owned())).unwrap();
    String::from_utf8(cut.to_vec()).unwrap()
}

fn masked(groups: &[Group]) -> Masking {
    Masking {
        masked: groups.iter().copied().collect(),
        ..Masking::default()
    }
}

const TAG: &str = r#""tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]"#;
const TEXT: &str =
    r#""text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"#;
const ABSENT: &str = r#"{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}"#;
const BESIDE: &str = r#""dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"masked"}]}"#;

#[test]
fn t52_values_and_narrative_go_and_it_is_said() {
    let json = format!(
        r#"{{"resourceType":"Observation","id":"1","meta":{{"versionId":"1"}},{TEXT}"status":"final","code":{{"text":"a"}},"valueQuantity":{{"value":5.0}},"note":[{{"text":"n"}},{{"text":"m"}}],"component":[{{"code":{{"text":"b"}},"valueString":"v"}}]}}"#
    );
    let head = format!(
        r#"{{"resourceType":"Observation","id":"1","meta":{{"versionId":"1",{TAG}}},"status":"final","code":{{"text":"a"}},"#
    );
    assert_eq!(
        cut_by(&masked(&[Group::Value]), &json),
        format!(
            r#"{head}{BESIDE},"note":[{{"text":"n"}},{{"text":"m"}}],"component":[{{"code":{{"text":"b"}},{BESIDE}}}]}}"#
        )
    );
    assert_eq!(
        cut_by(&masked(&[Group::Note]), &json),
        format!(
            r#"{head}"valueQuantity":{{"value":5.0}},"note":[{ABSENT},{ABSENT}],"component":[{{"code":{{"text":"b"}},"valueString":"v"}}]}}"#
        )
    );
    let redacted = Masking {
        redacted: [Group::Value, Group::Note].into(),
        ..Masking::default()
    };
    assert_eq!(
        cut_by(&redacted, &json),
        format!(r#"{head}"component":[{{"code":{{"text":"b"}}}}]}}"#)
    );
}

#[test]
fn what_it_contains_is_cut_with_it_and_what_stands_beside_is_not() {
    let inner = r#"{"resourceType":"Observation","id":"2","status":"final","code":{"text":"a"},"valueString":"v"}"#;
    let json = format!(
        r#"{{"resourceType":"Bundle","id":"0","type":"searchset","entry":[{{"resource":{{"resourceType":"DiagnosticReport","id":"1","contained":[{inner}],"status":"final","code":{{"text":"a"}},"conclusion":"c"}}}},{{"resource":{inner}}}]}}"#
    );
    let document = reread(json.as_bytes()).unwrap();
    let report = r4().resource_type("DiagnosticReport").unwrap();
    let handed = Handed(BTreeMap::from([(
        (report, Arc::from("1")),
        masked(&[Group::Value]),
    )]));
    assert!(handed.has_any(document.root()));
    let cut = handed.cut(&Bytes::from(json.clone())).unwrap();
    let cut = String::from_utf8(cut.to_vec()).unwrap();
    assert!(
        cut.ends_with(&format!(r#",{{"resource":{inner}}}]}}"#)),
        "{cut}"
    );
    let contained = format!(
        r#""contained":[{{"resourceType":"Observation","id":"2","status":"final","code":{{"text":"a"}},{BESIDE}}}]"#
    );
    assert!(cut.contains(&contained), "{cut}");
    assert!(cut.contains(&format!(r#""_conclusion":{ABSENT}"#)), "{cut}");
    assert_eq!(cut.matches("SUBSETTED").count(), 1, "{cut}");
}

#[test]
fn nothing_is_left_empty_and_cutting_again_changes_nothing() {
    let json = format!(
        r#"{{"resourceType":"Composition","id":"1","status":"final","type":{{"text":"t"}},"date":"2026","author":[{{"display":"a"}}],"title":"t","section":[{{{}}}]}}"#,
        TEXT.trim_end_matches(',')
    );
    let masking = masked(&[Group::Performer]);
    let once = cut_by(&masking, &json);
    assert!(!once.contains("section"), "{once}");
    assert!(once.contains(&format!(r#""author":[{ABSENT}]"#)), "{once}");
    assert_eq!(cut_by(&masking, &once), once);
}

#[test]
fn groups_come_back_from_their_veil() {
    let masking = Masking {
        masked: [Group::Value, Group::Reason].into(),
        redacted: [Group::Note].into(),
    };
    let back = super::masking(veil(&masking));
    assert_eq!(back.masked, masking.masked);
    assert_eq!(back.redacted, [Group::Note, Group::Narrative].into());
    assert!(veil(&Masking::default()).is_empty());
}

/// In no group lie the dates and codes that rows are kept by: their order and counters are the same for everybody.
#[test]
fn what_rows_are_ordered_by_is_in_no_group() {
    for ty in crate::capabilities::all_types() {
        let name = r4().ty(ty).name;
        let date = ward_search::hot::of(name).date;
        let of = |p: &&SearchParameterDef| p.code == date && p.bases.contains(&ty);
        for parameter in r4().search_parameters.iter().filter(of) {
            assert!(reads(name, parameter).is_empty(), "{name}.{date}");
        }
    }
}

/// Whoever writes an expression another way must not be read past.
#[test]
fn t52_every_parameter_that_names_an_element_of_a_group_reads_it() {
    let is_named = |expression: &str, path: &str| {
        let mut ends = expression
            .match_indices(path)
            .map(|(at, _)| at + path.len());
        ends.any(|end| !expression[end..].starts_with(|c: char| c.is_ascii_alphanumeric()))
    };
    let mut told = 0;
    for parameter in r4().search_parameters.iter() {
        for ty in crate::capabilities::all_types() {
            let name = r4().ty(ty).name;
            if !parameter.bases.iter().any(|base| r4().is_a(ty, *base)) {
                continue;
            }
            for group in Group::ALL {
                let named = group.paths().iter().any(|path| {
                    let (of, at) = path.split_once('.').unwrap();
                    let of_type = of == "*" || of == name;
                    of_type && is_named(parameter.expression, &format!("{name}.{at}"))
                });
                if named {
                    told += 1;
                    let read = reads(name, parameter).within(number(group));
                    assert!(
                        !read.is_empty(),
                        "{name} {}: {}",
                        parameter.code,
                        group.word()
                    );
                }
            }
        }
    }
    assert!(told > 100, "{told}");
}
