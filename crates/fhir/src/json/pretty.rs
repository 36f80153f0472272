//! `_pretty=true`: JSON text with lines and indentation. <https://hl7.org/fhir/R4/http.html#parameters>

use super::scan::special;

/// Pretty-prints JSON text without touching any value. The text must be well-formed.
pub fn pretty(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + json.len() / 2);
    let (mut at, mut depth) = (0, 0usize);
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                let end = string_end(json, at + 1);
                out.extend_from_slice(&json[at..end]);
                at = end;
                continue;
            }
            b'{' | b'[' => {
                out.push(*byte);
                depth += 1;
                at = space_end(json, at + 1);
                // An empty container stays on its line.
                match json.get(at) {
                    Some(b'}' | b']') => depth -= 1,
                    _ => line(&mut out, depth),
                }
                if let Some(close @ (b'}' | b']')) = json.get(at) {
                    out.push(*close);
                    at += 1;
                }
                continue;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(*byte);
            }
            b',' => {
                out.push(b',');
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            b' ' | b'\n' | b'\r' | b'\t' => {}
            other => out.push(*other),
        }
        at += 1;
    }
    out.push(b'\n');
    out
}

fn line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + depth * 2, b' ');
}

fn space_end(json: &[u8], mut at: usize) -> usize {
    while matches!(json.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// After the closing quote of the string whose content starts at `at`.
fn string_end(json: &[u8], mut at: usize) -> usize {
    loop {
        at = special(json, at);
        match json.get(at) {
            None => return json.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at = (at + 2).min(json.len()),
            Some(_) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_space_outside_strings_changes() {
        let text = br#"{"a":[1.10,"x, {\"y\": 1}"],"b":{},"c":[ ]}"#;
        let expected = "{\n  \"a\": [\n    1.10,\n    \"x, {\\\"y\\\": 1}\"\n  ],\n  \"b\": {},\n  \"c\": []\n}\n";
        assert_eq!(String::from_utf8_lossy(&super::pretty(text)), expected);
        assert_eq!(super::pretty(&super::pretty(text)), super::pretty(text));
    }
}
