//! The text of a narrative as a reader sees it. <https://hl7.org/fhir/R4/narrative.html>

use ward_fhir::xml::markup::{Event, Scanner};

/// Without markup, references resolved; what begins a new line or cell is set apart, what only looks different is not.
/// Text that is not well-formed is read up to the fault. Linear.
pub(super) fn shown(div: &str) -> String {
    let mut out = String::with_capacity(div.len());
    let mut scanner = Scanner::new(div.trim(), DEPTH_MAX);
    // Of the open elements, whether each sets apart.
    let mut open = Vec::new();
    while let Ok(event) = scanner.next() {
        match event {
            Event::Start(tag) => {
                let is_apart = INLINE.binary_search(&tag.local).is_err();
                open.push(is_apart);
                set_apart(&mut out, is_apart);
            }
            Event::End(_) => {
                let is_apart = open.pop().unwrap_or(true);
                set_apart(&mut out, is_apart);
            }
            Event::Text(text) | Event::CData(text) => out.push_str(text),
            Event::Reference(c) => out.push(c),
            Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    out
}

fn set_apart(out: &mut String, is_apart: bool) {
    if is_apart {
        out.push(' ');
    }
}

/// Nesting of elements: more than a stored narrative may have.
const DEPTH_MAX: usize = 256;

/// Elements that stand within a word as well as around one. Sorted.
const INLINE: [&str; 21] = [
    "a", "abbr", "acronym", "b", "bdo", "big", "cite", "code", "dfn", "em", "i", "kbd", "samp",
    "small", "span", "strong", "sub", "sup", "tt", "u", "var",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::words;

    #[test]
    fn words_are_those_that_are_seen() {
        for (div, expected) in [
            ("<b>Chronic</b> pain", "chronic pain"),
            ("caf&#233; caf&#xE9; au lait", "cafe cafe au lait"),
            ("meta<b>stases</b>", "metastases"),
            ("HbA<sub>1c</sub> of <i>10</i> &lt; 12", "hba1c of 10 12"),
            (
                "knee&#160;pain<br/>worse<hr/>today",
                "knee pain worse today",
            ),
            (
                "<table><tr><td>left</td><td>right</td></tr></table><p>below</p>",
                "left right below",
            ),
            ("seen<!-- hidden -->", "seen"),
            ("<a href=\"hidden\" title=\"a > b\">link</a>", "link"),
            ("whole <b>broken", "whole broken"),
        ] {
            let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{div}</div>");
            let found: Vec<String> = words(&shown(&div)).collect();
            assert_eq!(found.join(" "), expected, "{div}");
        }
    }

    #[test]
    fn inline_elements_are_in_order() {
        assert!(INLINE.is_sorted());
    }
}
