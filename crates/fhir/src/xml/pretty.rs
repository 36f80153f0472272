//! Line breaks and indentation for people (`_pretty=true`); narrative is left as it is.

/// Indents FHIR XML as [`super::write()`] makes it: no text outside the narrative, one narrative `div` at a time.
pub fn pretty(xml: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(xml.len() * 5 / 4);
    let mut depth = 0usize;
    let mut at = 0;
    while at < xml.len() {
        let end = tag_end(xml, at);
        let tag = &xml[at..end];
        let is_close = tag.starts_with(b"</");
        let is_whole = tag.ends_with(b"/>") || tag.starts_with(b"<?");
        if is_close {
            depth = depth.saturating_sub(1);
        }
        if !out.is_empty() {
            out.push(b'\n');
            out.resize(out.len() + depth * 2, b' ');
        }
        at = if tag.starts_with(b"<div ") {
            narrative_end(xml, at)
        } else {
            end
        };
        out.extend_from_slice(&xml[end - tag.len()..at]);
        if !is_close && !is_whole && at == end {
            depth += 1;
        }
    }
    out
}

/// One past the `>` of the tag that starts at `at`, quotes respected.
fn tag_end(xml: &[u8], at: usize) -> usize {
    let mut quote = None;
    for (n, byte) in xml.iter().enumerate().skip(at) {
        match (quote, byte) {
            (None, b'>') => return n + 1,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(q), b) if q == *b => quote = None,
            _ => {}
        }
    }
    xml.len()
}

/// One past the end tag of the div that starts at `at`, nested ones counted.
fn narrative_end(xml: &[u8], at: usize) -> usize {
    let (mut from, mut depth) = (at, 0usize);
    while from < xml.len() {
        if xml[from] != b'<' {
            from += 1;
            continue;
        }
        let end = tag_end(xml, from);
        let tag = &xml[from..end];
        let is_div = |prefix: &[u8]| {
            tag.starts_with(prefix)
                && tag
                    .get(prefix.len())
                    .is_some_and(|b| b" >/\n\t".contains(b))
        };
        if is_div(b"</div") {
            depth -= 1;
        } else if is_div(b"<div") && !tag.ends_with(b"/>") {
            depth += 1;
        }
        from = end;
        if depth == 0 {
            return from;
        }
    }
    xml.len()
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn elements_are_indented_and_narrative_is_not() {
        let xml = br#"<Patient xmlns="http://hl7.org/fhir"><id value="a>b"/><text><div xmlns="x"><div>a</div> b</div></text></Patient>"#;
        let text = String::from_utf8(pretty(xml)).expect("utf-8");
        assert_eq!(
            text,
            "<Patient xmlns=\"http://hl7.org/fhir\">\n  <id value=\"a>b\"/>\n  <text>\n    <div xmlns=\"x\"><div>a</div> b</div>\n  </text>\n</Patient>"
        );
    }
}
