//! The lexical cases of `data/tests/primitives`, each read as the value of an element of its type.
//!
//! The cases come from an implementation with absent values: `null` in a valid file means "no value", which in JSON is
//! said by leaving the member out, so those lines are checked to be refused as a value. One valid line, the empty
//! xhtml, is refused by the rule of JSON that no string is empty. Two files test a complex type (Reference).

use crate::shared;
use ward_fhir::json::read;
use ward_fhir::tree::Limits;

/// (file, the resource around a line)
const ELEMENTS: &[(&str, &str)] = &[
    ("base64_binary", VALUE),
    ("boolean", VALUE),
    ("canonical", VALUE),
    ("code", VALUE),
    ("date", VALUE),
    ("date_time", VALUE),
    ("decimal", VALUE),
    ("id", VALUE),
    ("instant", VALUE),
    ("integer", VALUE),
    ("markdown", VALUE),
    ("oid", VALUE),
    ("positive_int", VALUE),
    ("reference", VALUE),
    ("string", VALUE),
    ("time", VALUE),
    ("unsigned_int", VALUE),
    ("uri", VALUE),
    ("url", VALUE),
    ("uuid", VALUE),
    (
        "xhtml",
        r#"{"resourceType":"Basic","text":{"status":"generated","div":@}}"#,
    ),
];
const VALUE: &str = r#"{"resourceType":"Parameters","parameter":[{"name":"a","value#":@}]}"#;

fn resource(element: &str, file: &str, line: &str) -> String {
    let name: String = file
        .split('_')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect();
    element.replace('#', &name).replace('@', line)
}

#[test]
fn every_line_of_every_file() {
    let Some(folder) = shared::folder() else {
        return;
    };
    let (mut lines, mut files) = (0, 0);
    for (file, element) in ELEMENTS {
        for valid in [true, false] {
            let name = format!("{file}.{}.ndjson", if valid { "valid" } else { "invalid" });
            let text =
                std::fs::read_to_string(folder.join("data/tests/primitives").join(&name)).unwrap();
            files += 1;
            for line in text.lines().filter(|l| !l.is_empty()) {
                lines += 1;
                let json = resource(element, file, line);
                let accepted = read(json.as_bytes(), None, &Limits::default()).is_ok();
                let expected = valid && line != "null" && !(*file == "xhtml" && line == "\"\"");
                assert_eq!(accepted, expected, "{name}: {line}");
            }
        }
    }
    assert_eq!((files, lines), (42, 161));
    println!("official suite run: primitives {lines}");
}
