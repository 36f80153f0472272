//! Splitting values at `,`, `$` and `|`, which a backslash makes literal. <https://hl7.org/fhir/R4/search.html#escaping>

use std::borrow::Cow;

/// Parts between unescaped separators, still escaped.
pub(crate) fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let at = find(text, separator);
        rest = at.map(|at| &text[at + 1..]);
        Some(&text[..at.unwrap_or(text.len())])
    })
}

/// At the first unescaped separator.
pub(crate) fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    find(text, separator).map(|at| (&text[..at], &text[at + 1..]))
}

/// Removes the backslashes before `,`, `$`, `|` and `\`; any other backslash is itself.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\'
            && let Some(next @ (',' | '$' | '|' | '\\')) = chars.peek().copied()
        {
            out.push(next);
            chars.next();
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn find(text: &str, separator: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b if b == separator => return Some(at),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_can_be_escaped() {
        let parts: Vec<&str> = split(r"a\,b,c\\,d|e\|f", b',').collect();
        assert_eq!(parts, [r"a\,b", r"c\\", r"d|e\|f"]);
        assert_eq!(unescape(parts[0]), "a,b");
        assert_eq!(unescape(parts[1]), r"c\");
        assert_eq!(split_once(parts[2], b'|'), Some(("d", r"e\|f")));
        assert_eq!(unescape(r"e\|f\$g\n\"), r"e|f$g\n\");
        assert_eq!(split("", b',').collect::<Vec<_>>(), [""]);
        assert_eq!(split("a,", b',').collect::<Vec<_>>(), ["a", ""]);
        assert_eq!(split("ends\\", b',').collect::<Vec<_>>(), ["ends\\"]);
    }
}
