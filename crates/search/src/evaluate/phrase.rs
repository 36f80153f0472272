//! When a phrase fits. <https://hl7.org/fhir/R4/search.html#modifiers>

use crate::plan::PhraseTest;

/// `phrase` as stored, `value` as asked: both normalised texts, or both uris.
pub fn fits(test: PhraseTest, phrase: &str, value: &str) -> bool {
    match test {
        PhraseTest::Words => begins_a_word(phrase, value),
        PhraseTest::Contains => phrase.contains(value),
        PhraseTest::Below => phrase.starts_with(value),
        PhraseTest::Above => value.starts_with(phrase),
    }
}

/// Words are set apart by anything that is neither letter nor digit.
fn begins_a_word(phrase: &str, value: &str) -> bool {
    phrase.match_indices(value).any(|(at, _)| {
        phrase[..at]
            .chars()
            .next_back()
            .is_none_or(|before| !before.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_with_the_value() {
        let fits = |phrase, value| fits(PhraseTest::Words, phrase, value);
        assert!(fits("body height", "body") && fits("body height", "height"));
        assert!(fits("body height", "body h") && fits("(body) height", "body"));
        assert!(!fits("body height", "eight") && !fits("body height", "ody h"));
        assert!(!fits("body height", "heights"));
    }

    #[test]
    fn uris_are_compared_from_the_left() {
        let (short, long) = ("http://a/b/", "http://a/b/c");
        assert!(super::fits(PhraseTest::Below, long, short));
        assert!(!super::fits(PhraseTest::Below, short, long));
        assert!(super::fits(PhraseTest::Above, short, long));
        assert!(!super::fits(PhraseTest::Above, long, short));
        assert!(super::fits(PhraseTest::Contains, long, "/b/"));
    }
}
