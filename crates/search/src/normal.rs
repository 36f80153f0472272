//! String normalisation: case, accents, surplus space and punctuation do not count. <https://hl7.org/fhir/R4/search.html#string>

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest normalised text kept in the index, in characters. Departs: what a longer text has after it is not found.
pub const STRING_CHARS_MAX: usize = 100;

/// Folded case, marks removed, white space trimmed and collapsed, at most [`STRING_CHARS_MAX`] characters.
pub fn normalise(text: &str) -> String {
    if text.is_ascii() {
        ascii(text)
    } else {
        unicode(text)
    }
}

fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(STRING_CHARS_MAX));
    for word in text.split_ascii_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() >= STRING_CHARS_MAX {
            out.truncate(STRING_CHARS_MAX);
            break;
        }
    }
    out.make_ascii_lowercase();
    out
}

fn unicode(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(4 * STRING_CHARS_MAX));
    let mut count = 0;
    for word in text.split_whitespace() {
        let space = (count > 0).then_some(' ').into_iter();
        for c in space.chain(fold(word)) {
            if count == STRING_CHARS_MAX {
                return out;
            }
            out.push(c);
            count += 1;
        }
    }
    out
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
        assert_eq!(
            normalise(&"ab ".repeat(500)).chars().count(),
            STRING_CHARS_MAX
        );
        assert_eq!(
            normalise(&"ü ".repeat(500)).chars().count(),
            STRING_CHARS_MAX
        );
    }
}
