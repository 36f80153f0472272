//! Lists of labels in bytes.

use super::*;

fn without(json: &str) -> Option<String> {
    let rules = RuleSet::starter();
    let shown = Found::in_bytes(json.as_bytes()).without(json.as_bytes(), &rules);
    shown
        .unwrap()
        .map(|json| String::from_utf8(json.to_vec()).unwrap())
}

fn label(system: &str, code: &str) -> String {
    format!(r#"{{"system":"{system}","code":"{code}"}}"#)
}

#[test]
fn r16_lists_are_cut_out_of_the_bytes_wherever_they_stand() {
    let (level, hiv) = (label(CONFIDENTIALITY, "R"), label(ACT_CODE, "HIV"));
    let around = |security: &str| {
        format!(
            r#"{{"resourceType":"Bundle","entry":[{{"resource":{{"resourceType":"Basic","id":"1","meta":{{"versionId":"1",{security}"tag":[{{"code":"a\"]"}}]}},"code":{{"text":"\"security\":["}}}}}}]}}"#
        )
    };
    let both = around(&format!(r#""security":[{level},{hiv}],"#));
    let kept = around(&format!(r#""security":[{level}],"#));
    assert_eq!(without(&both), Some(kept.clone()));
    assert_eq!(without(&kept), None);
    // Nothing is left of the list.
    let only = around(&format!(r#""security":[{hiv}],"#));
    assert_eq!(without(&only), Some(around("")));
    let last =
        format!(r#"{{"resourceType":"Basic","meta":{{"versionId":"1","security":[{hiv}]}}}}"#);
    let bare = r#"{"resourceType":"Basic","meta":{"versionId":"1"}}"#;
    assert_eq!(without(&last), Some(bare.to_owned()));
    // Nor of what it stands in.
    let alone = format!(r#"{{"resourceType":"Basic","meta":{{"security":[{hiv}]}}}}"#);
    assert_eq!(
        without(&alone),
        Some(r#"{"resourceType":"Basic"}"#.to_owned())
    );
}

#[test]
fn lists_end_where_they_end() {
    for text in [
        r#"[{"code":"]"}]"#,
        r#"[{"code":"\"]"}]"#,
        r#"[{"a":[1,[2]]},{}]"#,
        "[]",
    ] {
        let json = format!(r#"{{"security":{text},"x":[]}}"#);
        let found = Found::in_bytes(json.as_bytes());
        let end = json.find(r#","x""#).unwrap();
        assert_eq!((found.0[0].start, found.0[0].end), (1, end), "{text}");
        assert_eq!(found.0.len(), 1);
    }
    assert!(
        Found::in_bytes(br#"{"security":{"cors":true}}"#)
            .0
            .is_empty()
    );
}
