//! String normalisation: case, accents and surplus space do not count; punctuation does, which R4 leaves open. <https://hl7.org/fhir/R4/search.html#string>

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest normalised text of a string kept in the index, in characters. What has a longer one is marked
/// ([`TermKey::longer`](crate::entries::TermKey::longer)), and looked at where what comes after decides.
pub const STRING_CHARS_MAX: usize = 100;
/// The same of a display or text by which `:text` finds a token: longer than the displays of the usual code systems.
pub const PHRASE_CHARS_MAX: usize = 400;

/// Folded case, marks removed, white space trimmed and collapsed.
pub fn normalise(text: &str) -> String {
    cut(text, usize::MAX).0
}

/// The same, at most so many characters; whether there were more.
pub fn cut(text: &str, chars_max: usize) -> (String, bool) {
    if text.is_ascii() {
        ascii(text, chars_max)
    } else {
        unicode(text, chars_max)
    }
}

fn ascii(text: &str, chars_max: usize) -> (String, bool) {
    let mut out = String::with_capacity(text.len().min(chars_max));
    for word in text.split_ascii_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() > chars_max {
            break;
        }
    }
    let is_cut = out.len() > chars_max;
    out.truncate(chars_max);
    out.make_ascii_lowercase();
    (out, is_cut)
}

fn unicode(text: &str, chars_max: usize) -> (String, bool) {
    let mut out = String::with_capacity(text.len().min(chars_max.saturating_mul(4)));
    let mut count = 0;
    for word in text.split_whitespace() {
        let space = (count > 0).then_some(' ').into_iter();
        for c in space.chain(fold(word)) {
            if count == chars_max {
                return (out, true);
            }
            out.push(c);
            count += 1;
        }
    }
    (out, false)
}

/// The words of a text, set apart by what is neither letter nor digit, folded.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || is_combining_mark(c)))
        .map(|word| {
            if word.is_ascii() {
                word.to_ascii_lowercase()
            } else {
                fold(word).collect()
            }
        })
        .filter(|word| !word.is_empty())
}

/// Compatibility decomposition without marks, lower case, `ß` as `ss`.
fn fold(word: &str) -> impl Iterator<Item = char> {
    word.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .flat_map(|c| {
            let (first, second) = match c {
                'ß' => ('s', Some('s')),
                'ς' => ('σ', None),
                'ł' => ('l', None),
                'ø' => ('o', None),
                'đ' => ('d', None),
                'æ' => ('a', Some('e')),
                'œ' => ('o', Some('e')),
                c => (c, None),
            };
            std::iter::once(first).chain(second)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_variants_are_one() {
        assert_eq!(normalise("  Peter   James\tVan "), "peter james van");
        assert_eq!(normalise("Müller"), normalise("mu\u{308}ller"));
        assert_eq!(normalise("MÜLLER"), "muller");
        assert_eq!(normalise("Straße"), "strasse");
        assert_eq!(normalise("Ångström Æsir Łódź"), "angstrom aesir lodz");
        assert_eq!(normalise("Σίσυφος"), normalise("ΣΊΣΥΦΟΣ"));
        assert_eq!(normalise(" \u{a0} "), "");
    }

    #[test]
    fn length_is_bounded_in_characters() {
        for text in ["ab ", "ü "] {
            let (kept, is_cut) = cut(&text.repeat(500), STRING_CHARS_MAX);
            assert_eq!((kept.chars().count(), is_cut), (STRING_CHARS_MAX, true));
            let whole = normalise(&text.repeat(500));
            assert_eq!(whole.chars().count(), 500 * text.chars().count() - 1);
            assert!(whole.starts_with(&kept));
        }
        for text in ["x", "ß"] {
            let exact = text.repeat(STRING_CHARS_MAX / normalise(text).len());
            assert_eq!(cut(&exact, STRING_CHARS_MAX), (normalise(&exact), false));
            assert!(cut(&format!("{exact} y"), STRING_CHARS_MAX).1);
            assert!(!cut(&format!("{exact}  "), STRING_CHARS_MAX).1);
        }
    }
}
