//! Why somebody breaks the glass: one of the usual reasons by its code, or in words of their own, or both.

use super::Wrong;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    /// Code and words.
    pub usual: Option<(&'static str, &'static str)>,
    pub text: Option<String>,
}

/// Code, and how people say it.
pub(super) const REASONS: [(&str, &str); 4] = [
    (
        "emergency",
        "Emergency: the patient is in danger, and the record may help",
    ),
    (
        "cannot-ask",
        "Cannot be asked: the patient is not able to give consent now",
    ),
    (
        "patient-asks",
        "Asked to: the patient is here and wants me to look",
    ),
    (
        "duty",
        "Danger to others: the law has me look, and it cannot wait",
    ),
];
/// Letters of a reason in words, where no code is chosen.
pub(super) const TEXT_CHARS_MIN: usize = 10;
pub(super) const TEXT_BYTES_MAX: usize = 1_000;

impl Reason {
    pub fn of(code: Option<&str>, text: Option<&str>) -> Result<Reason, Wrong> {
        let usual = match code.map(|code| REASONS.into_iter().find(|(known, _)| *known == code)) {
            Some(None) => return Err(("reason_code", unknown())),
            usual => usual.flatten(),
        };
        let text = text.map(str::trim).filter(|text| !text.is_empty());
        let is_plain = |c: char| !c.is_control() || c == '\n' || c == '\r' || c == '\t';
        match text {
            Some(text) if text.len() > TEXT_BYTES_MAX => Err(("reason", too_long())),
            Some(text) if !text.chars().all(is_plain) => Err(("reason", NOT_PLAIN.to_owned())),
            None if usual.is_none() => Err(("reason", too_short())),
            Some(text) if usual.is_none() && text.chars().count() < TEXT_CHARS_MIN => {
                Err(("reason", too_short()))
            }
            text => Ok(Reason {
                usual,
                text: text.map(str::to_owned),
            }),
        }
    }
}

fn unknown() -> String {
    let codes: Vec<_> = REASONS.iter().map(|(code, _)| *code).collect();
    format!("The code of a reason is one of {}.", codes.join(", "))
}

fn too_short() -> String {
    format!("Choose a reason, or give one in {TEXT_CHARS_MIN} letters or more.")
}

fn too_long() -> String {
    format!("A reason has at most {TEXT_BYTES_MAX} bytes.")
}

const NOT_PLAIN: &str = "A reason is plain text.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r22_a_reason_is_a_code_or_ten_letters() {
        let of = |code, text| Reason::of(code, text).map_err(|(field, _)| field);
        assert!(of(Some("emergency"), None).is_ok());
        assert!(of(Some("emergency"), Some("short")).is_ok());
        assert!(of(None, Some("ärztlich nötig")).is_ok());
        for text in [None, Some(""), Some("too short"), Some("   x       x  ")] {
            let given = of(None, text);
            let is_short = text.is_none_or(|text| text.trim().chars().count() < TEXT_CHARS_MIN);
            assert_eq!(given.is_err(), is_short, "{text:?}");
        }
        assert_eq!(
            of(Some("curious"), Some("because I want to")),
            Err("reason_code")
        );
        assert_eq!(of(None, Some("with a bell \u{7} in it")), Err("reason"));
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        assert_eq!(of(Some("emergency"), Some(&long)), Err("reason"));
    }
}
