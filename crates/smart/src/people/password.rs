//! What a password may be (NIST SP 800-63B §5.1.1): long enough, not one of the first that anybody would try, not made of the
//! user's name. No rule of which characters it has, none that it must be changed. (C22, AT22)

use super::hashing::Hashing;
use crate::answer::OAuthError;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;
use ward_seal::password::{self, Checked};

pub const PASSWORD_CHARACTERS_MIN: usize = 12;
/// Longer ones are no password of anybody, and are not looked at.
pub const PASSWORD_BYTES_MAX: usize = 256;

/// A password as it is compared: whichever keyboard wrote its accents (NFKC). `None`: longer than any.
pub(super) fn normalized(password: &str) -> Option<String> {
    if password.len() > PASSWORD_BYTES_MAX {
        return None;
    }
    Some(password.nfkc().collect())
}

/// Why a new password will not do.
pub(super) fn unfit(password: &str, username: &str) -> Option<&'static str> {
    if password.chars().count() < PASSWORD_CHARACTERS_MIN {
        return Some("This password is too short: it must have at least twelve characters.");
    }
    if is_common(password, username) {
        return Some("This password is one of the first that anybody would try. Choose another.");
    }
    None
}

/// The hash of a new password.
pub(super) async fn hash(hashing: &Hashing, password: String) -> Result<String, OAuthError> {
    hashing.run(move || password::hash(&password)).await
}

/// Whether it is the password of an account that has this hash. The same work for an account that has none.
pub(super) async fn check(
    hashing: &Hashing,
    password: Option<String>,
    stored: Option<String>,
) -> Result<Checked, OAuthError> {
    hashing
        .run(move || {
            let password = password.unwrap_or_default();
            match stored {
                Some(stored) => password::verify(&password, &stored).unwrap_or_else(|_| {
                    tracing::error!("the hash of a password cannot be read");
                    password::verify_nobody(&password)
                }),
                None => password::verify_nobody(&password),
            }
        })
        .await
}

/// Nothing but words of the list, the user's name, digits, keys in their order on a keyboard and repetition.
fn is_common(password: &str, username: &str) -> bool {
    let lower = password.to_lowercase();
    if COMMON.lines().any(|word| word == lower) || is_walk(&lower) {
        return true;
    }
    // A letter beyond ASCII is a choice of its own.
    password.is_ascii()
        && [letters(&lower), letters(&unmasked(&lower))]
            .into_iter()
            .any(|letters| own_letters(&letters, username) < OWN_LETTERS_MIN)
}

/// How many different letters are of no word; the longest words are looked for first.
fn own_letters(text: &str, username: &str) -> usize {
    let name = letters(username);
    let name = (name.len() >= WORD_LETTERS_MIN).then_some(name.as_str());
    let words = name.into_iter().chain(WORDS.iter().map(String::as_str));
    let rest = words.fold(text.to_owned(), |rest, word| rest.replace(word, ""));
    rest.bytes().collect::<BTreeSet<u8>>().len()
}

fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).collect()
}

/// `p@ssw0rd` is `password`.
fn unmasked(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .collect()
}

/// One or a few characters again and again, or keys beside each other.
fn is_walk(text: &str) -> bool {
    let bytes = text.as_bytes();
    let repeats =
        (1..=3).any(|n| bytes.len() > n && bytes[n..].iter().zip(bytes).all(|(a, b)| a == b));
    let steps = bytes.windows(2).filter(|pair| {
        let next = pair[1].abs_diff(pair[0]) <= 1;
        next || ROWS.iter().any(|row| {
            row.windows(2)
                .any(|w| w == *pair || (w[0] == pair[1] && w[1] == pair[0]))
        })
    });
    repeats || steps.count() * 4 >= bytes.len().saturating_sub(1) * 3
}

const ROWS: [&[u8]; 4] = [b"1234567890", b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
/// Letters of the list's words, the longest first, and the product's name.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut words: Vec<String> = COMMON.lines().chain(["ward"]).map(letters).collect();
    words.retain(|word| word.len() >= WORD_LETTERS_MIN);
    words.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    words.dedup();
    words
});
const WORD_LETTERS_MIN: usize = 4;
/// Different letters of a password that are of no common word: fewer are no password.
const OWN_LETTERS_MIN: usize = 6;
/// A thousand words and passwords that are tried first, of our own making: one a line, in lower case.
const COMMON: &str = include_str!("common_passwords.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at22_a_thousand_common_passwords_are_refused() {
        assert_eq!(COMMON.lines().count(), 1000);
        for word in COMMON.lines() {
            assert!(unfit(word, "someone").is_some(), "{word}");
            // Made long enough as people do.
            let longer = format!("{word}{word}{word}123!");
            assert!(unfit(&longer, "someone").is_some(), "{longer}");
        }
    }

    #[test]
    fn no_rule_of_composition() {
        for good in [
            "correct horse battery staple",
            "lavender tin snow kettle",
            "zwölf lange Zeichen hier",
            "mqzkvtrwpxjd",
            "8231-tulip-umbrella-4410",
        ] {
            assert_eq!(unfit(good, "okafor"), None, "{good}");
        }
        for bad in [
            "short one",
            "Password1234!",
            "P@ssw0rd2026!!",
            "okafor-okafor",
            "Okafor123456",
            "aaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "qwertyuiopasdf",
            "123456789012",
            "wardwardward1",
        ] {
            assert!(unfit(bad, "okafor").is_some(), "{bad}");
        }
    }

    #[test]
    fn accents_are_the_same_however_they_were_typed() {
        assert_eq!(normalized("cafe\u{301}"), normalized("caf\u{e9}"));
        assert_eq!(normalized(&"a".repeat(257)), None);
    }
}
