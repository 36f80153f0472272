//! String normalisation: case, accents and surplus space do not count; punctuation does, which R4 leaves open. <https://hl7.org/fhir/R4/search.html#string>

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest normalised text of a string kept in the index, in characters. What has a longer one is marked
/// ([`TermKey::longer`](crate::entries::TermKey::longer)), and looked at where what comes after decides.
pub const STRING_CHARS_MAX: usize = 100;
/// The same of a display or text by which `:text` finds a token: longer than the displays of the usual code systems.
pub const PHRASE_CHARS_MAX: usize = 400;
/// Words of one name by which it is found; the later ones are found by `:contains`.
pub const NAME_PARTS_MAX: usize = 16;

/// Folded case and nothing else: in tokens accents and spaces count.
pub fn lower_case(text: &str) -> Cow<'_, str> {
    let is_lower = |c: char| match c.is_ascii() {
        true => !c.is_ascii_uppercase(),
        false => c.to_lowercase().eq([c]),
    };
    match text.chars().all(is_lower) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().flat_map(char::to_lowercase).collect()),
    }
}

/// A normalised text as the first edition had it; `None`: the same.
pub(crate) fn taken_apart(normalised: &str) -> Option<String> {
    let apart: String = normalised.nfd().collect();
    (apart != normalised).then_some(apart)
}

/// [`cut`] as the first edition did it.
pub(crate) fn cut_apart(text: &str, chars_max: usize) -> (String, bool) {
    if text.is_ascii() {
        ascii(text, chars_max)
    } else {
        unicode(text, chars_max, |word| Box::new(apart(word)))
    }
}

/// Folded case, marks removed, white space trimmed and collapsed.
pub fn normalise(text: &str) -> String {
    cut(text, usize::MAX).0
}

/// The same, at most so many characters; whether there were more.
pub fn cut(text: &str, chars_max: usize) -> (String, bool) {
    if text.is_ascii() {
        ascii(text, chars_max)
    } else {
        unicode(text, chars_max, |word| Box::new(fold(word)))
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

type Fold = for<'w> fn(&'w str) -> Box<dyn Iterator<Item = char> + 'w>;

fn unicode(text: &str, chars_max: usize, fold: Fold) -> (String, bool) {
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

/// The words of a text, set apart by what is neither letter nor digit, folded. Hangul is taken apart in every edition: the index
/// of words ([`full_text`](crate::full_text)) asks and extracts by the same spelling.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || is_combining_mark(c)))
        .map(|word| {
            if word.is_ascii() {
                word.to_ascii_lowercase()
            } else {
                apart(word).collect()
            }
        })
        .filter(|word| !word.is_empty())
}

/// Without marks, lower case, `ß` as `ss`; what is no mark is put together again: a syllable of Hangul is one letter, and
/// does not begin with another.
fn fold(word: &str) -> impl Iterator<Item = char> {
    apart(word).nfc()
}

/// Compatibility decomposition without marks, lower case, `ß` as `ss`.
fn apart(word: &str) -> impl Iterator<Item = char> {
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
    fn a_syllable_of_hangul_is_one_letter() {
        for spelled in ["김", "\u{1100}\u{1175}\u{11b7}"] {
            assert_eq!(normalise(spelled), "김");
            assert_eq!(cut_apart(spelled, 9).0, "\u{1100}\u{1175}\u{11b7}");
        }
        assert!(!normalise("김").starts_with(&normalise("기")));
        assert!(normalise("김민준").starts_with(&normalise("김민")));
        assert_eq!(taken_apart("김").unwrap(), cut_apart("김", 9).0);
        for same in ["muller", "σισυφοσ", "日本", "strasse lodz"] {
            assert_eq!((taken_apart(same), normalise(same).as_str()), (None, same));
        }
    }

    #[test]
    fn tokens_lose_their_case_alone() {
        assert_eq!(lower_case("Jöhn.DOE@Ä  b"), "jöhn.doe@ä  b");
        assert!(matches!(lower_case("a-1 é"), Cow::Borrowed("a-1 é")));
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
