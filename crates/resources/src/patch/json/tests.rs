//! Beyond the official cases: number text, escapes, bounds, what removals leave behind.

use super::apply;
use super::value::Value;

fn patched(doc: &str, patch: &str) -> Result<String, u16> {
    let mut root = Value::read(doc.as_bytes()).unwrap();
    let patch = Value::read(patch.as_bytes()).map_err(|f| f.status())?;
    apply(&mut root, &patch).map_err(|f| f.status())?;
    root.drop_emptied();
    let mut out = Vec::new();
    root.write(&mut out);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn numbers_keep_their_text_and_compare_by_value() {
    let test = |a: &str, b: &str| {
        patched(
            &format!("{{\"a\":{a}}}"),
            &format!(r#"[{{"op":"test","path":"/a","value":{b}}}]"#),
        )
    };
    for (a, b) in [
        ("1.10", "1.1"),
        ("100", "1e2"),
        ("-0", "0.0"),
        ("0.00120", "12e-4"),
        ("1E400", "10e399"),
    ] {
        assert_eq!(test(a, b), Ok(format!("{{\"a\":{a}}}")));
    }
    for (a, b) in [
        ("1", "10"),
        ("1", "-1"),
        ("12345678901234567890", "12345678901234567891"),
        ("1", "\"1\""),
    ] {
        assert_eq!(test(a, b), Err(422));
    }
}

#[test]
fn tests_ignore_member_order() {
    let patch =
        r#"[{"op":"test","path":"","value":{"b":[1,{"d":2,"c":null}],"a":"\u00e9\ud83d\ude00"}}]"#;
    assert!(patched(r#"{"a":"é😀","b":[1.0,{"c":null,"d":2}]}"#, patch).is_ok());
}

#[test]
fn what_is_emptied_goes_and_what_is_sent_empty_stays() {
    let doc = r#"{"a":[{"b":[1]}],"c":2}"#;
    assert_eq!(
        patched(doc, r#"[{"op":"remove","path":"/a/0/b/0"}]"#).unwrap(),
        r#"{"c":2}"#
    );
    let refill = r#"[{"op":"remove","path":"/a/0"},{"op":"add","path":"/a/-","value":3}]"#;
    assert_eq!(patched(doc, refill).unwrap(), r#"{"a":[3],"c":2}"#);
    assert_eq!(
        patched(doc, r#"[{"op":"replace","path":"/a","value":[]}]"#).unwrap(),
        r#"{"a":[],"c":2}"#
    );
}

#[test]
fn statuses_tell_a_bad_patch_from_one_that_does_not_fit() {
    let doc = r#"{"a":[1],"b":{}}"#;
    for patch in [
        "{}",
        "[1]",
        "[{}]",
        r#"[{"op":"add","path":"/a/0"}]"#,
        r#"[{"op":"add","path":"a","value":1}]"#,
        r#"[{"op":"add","path":"/~2","value":1}]"#,
        r#"[{"op":"jump","path":"/a"}]"#,
        r#"[{"op":"move","path":"/a"}]"#,
        r#"[{"op":"add","op":"add","path":"/c","value":1}]"#,
        r#"[{"op":"add","path":"/c","value":01}]"#,
        r#"[{"op":"add","path":"/c","value":"\ud800"}]"#,
        r#"[{"op":"test","path":"/a/0","value":1}"#,
    ] {
        assert_eq!(patched(doc, patch), Err(400), "{patch}");
    }
    for patch in [
        r#"[{"op":"add","path":"/a/2","value":1}]"#,
        r#"[{"op":"add","path":"/a/01","value":1}]"#,
        r#"[{"op":"add","path":"/a/0/x","value":1}]"#,
        r#"[{"op":"remove","path":"/c"}]"#,
        r#"[{"op":"remove","path":"/a/-"}]"#,
        r#"[{"op":"remove","path":""}]"#,
        r#"[{"op":"replace","path":"/c","value":1}]"#,
        r#"[{"op":"move","from":"/b","path":"/b/c"}]"#,
        r#"[{"op":"copy","from":"/x","path":"/c"}]"#,
    ] {
        assert_eq!(patched(doc, patch), Err(422), "{patch}");
    }
}

#[test]
fn growth_is_bounded() {
    let doubling = vec![r#"{"op":"copy","from":"","path":"/a/-"}"#; 40].join(",");
    assert_eq!(
        patched(r#"{"a":[1,2,3]}"#, &format!("[{doubling}]")),
        Err(400)
    );
    let many = vec![r#"{"op":"test","path":"/a","value":1}"#; 1_001].join(",");
    assert_eq!(patched(r#"{"a":1}"#, &format!("[{many}]")), Err(400));
    assert_eq!(patched("1", &"[".repeat(1_000_000)), Err(400));
}
