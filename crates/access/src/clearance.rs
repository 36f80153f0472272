//! How sensitive data somebody is cleared for (L3): a level of confidentiality and labels. What a label means, and which are below
//! which, is the labelling service's to know. <https://hl7.org/fhir/R4/security-labels.html>

use std::collections::BTreeSet;
use std::fmt;

/// What a role's policy or a client's registration says. By default: for what is normal and has no label.
///
/// As text the level comes first, then labels: `R HIV urn:ward:label|SUD-COUNSELING-NOTE`, `V *`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Clearance {
    pub level: Level,
    /// Each opens the label and those below it.
    pub labels: BTreeSet<LabelCode>,
}

/// A code of v3 Confidentiality, `U` to `V`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelCode {
    pub system: String,
    pub code: String,
}

/// Why a text, or a policy, is no clearance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClearanceError {
    /// It does not begin with one level.
    Level,
    /// This is no label, cut to 32 characters.
    Label(String),
    TooMany,
}

pub const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
/// The code system of labels that are written without one.
pub const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
/// What groups the sensitivities of v3 ActCode: here every one, of whatever system; `*` in text.
pub const EVERY_SENSITIVITY: &str = "_InformationSensitivityPolicy";
/// Labels of one clearance.
pub const CLEARANCE_LABELS_MAX: usize = 64;
const LABEL_BYTES_MAX: usize = 255;

/// Lowest first.
const LEVELS: [&str; 6] = ["U", "L", "M", "N", "R", "V"];

impl Clearance {
    /// Of systems whose registration says nothing, and of people without any role: restricted, and every label.
    pub fn usual() -> Clearance {
        Clearance {
            level: Level::of("R").unwrap_or_default(),
            labels: [LabelCode::every()].into(),
        }
    }

    /// See the type. Errors: what is wrong first.
    pub fn parse(text: &str) -> Result<Clearance, ClearanceError> {
        let mut words = text.split_ascii_whitespace();
        let level = words.next().and_then(Level::of);
        let level = level.ok_or(ClearanceError::Level)?;
        let labels: BTreeSet<LabelCode> = words.map(LabelCode::parse).collect::<Result<_, _>>()?;
        if labels.len() > CLEARANCE_LABELS_MAX {
            return Err(ClearanceError::TooMany);
        }
        Ok(Clearance { level, labels })
    }

    /// What a code of a policy adds. Errors: it is no level and no label.
    pub(crate) fn add(&mut self, system: &str, code: &str) -> Result<(), ClearanceError> {
        if system == CONFIDENTIALITY {
            self.level = Level::of(code).ok_or(ClearanceError::Level)?;
            return Ok(());
        }
        self.labels.insert(LabelCode::new(system, code)?);
        match self.labels.len() > CLEARANCE_LABELS_MAX {
            true => Err(ClearanceError::TooMany),
            false => Ok(()),
        }
    }

    /// Of somebody who has both: the higher level, and the labels of each.
    pub fn and(mut self, other: &Clearance) -> Clearance {
        self.level = self.level.max(other.level);
        self.labels.extend(other.labels.iter().cloned());
        self
    }
}

impl Level {
    pub fn of(code: &str) -> Option<Level> {
        let at = LEVELS.iter().position(|level| *level == code)?;
        u8::try_from(at).ok().map(Level)
    }

    pub fn code(self) -> &'static str {
        LEVELS[usize::from(self.0)]
    }
}

/// Normal (L5).
impl Default for Level {
    fn default() -> Level {
        Level(3)
    }
}

impl LabelCode {
    fn every() -> LabelCode {
        LabelCode {
            system: ACT_CODE.into(),
            code: EVERY_SENSITIVITY.into(),
        }
    }

    pub fn is_every(&self) -> bool {
        self.system == ACT_CODE && self.code == EVERY_SENSITIVITY
    }

    fn new(system: &str, code: &str) -> Result<LabelCode, ClearanceError> {
        let is_word = |text: &str| {
            !text.is_empty()
                && text.len() <= LABEL_BYTES_MAX
                && text.bytes().all(|b| b.is_ascii_graphic() && b != b'|')
        };
        match is_word(system) && is_word(code) && system != CONFIDENTIALITY {
            true => Ok(LabelCode {
                system: system.to_owned(),
                code: code.to_owned(),
            }),
            false => Err(ClearanceError::Label(code.chars().take(32).collect())),
        }
    }

    fn parse(word: &str) -> Result<LabelCode, ClearanceError> {
        match word.split_once('|') {
            _ if word == "*" => Ok(LabelCode::every()),
            Some((system, code)) => LabelCode::new(system, code),
            None => LabelCode::new(ACT_CODE, word),
        }
    }
}

impl fmt::Display for Clearance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.level.code())?;
        self.labels
            .iter()
            .try_for_each(|label| write!(f, " {label}"))
    }
}

impl fmt::Display for LabelCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.system {
            _ if self.is_every() => f.write_str("*"),
            ACT_CODE => f.write_str(&self.code),
            system => write!(f, "{system}|{}", self.code),
        }
    }
}

impl fmt::Display for ClearanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClearanceError::Level => {
                f.write_str("a clearance begins with one level: U, L, M, N, R or V")
            }
            ClearanceError::Label(label) => write!(
                f,
                "{label} is no label: a code of v3 ActCode, system|code, or * for every one"
            ),
            ClearanceError::TooMany => {
                write!(f, "more than {CLEARANCE_LABELS_MAX} labels are named")
            }
        }
    }
}

impl std::error::Error for ClearanceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l3_a_text_is_a_level_and_labels() {
        for (text, written) in [
            ("V *", "V *"),
            ("N", "N"),
            (" R  SUD HIV SUD", "R HIV SUD"),
            ("R urn:ward:label|X", "R urn:ward:label|X"),
        ] {
            let read = Clearance::parse(text).unwrap();
            assert_eq!(read.to_string(), written);
            assert_eq!(Clearance::parse(written), Ok(read));
        }
        for (text, error) in [
            ("", ClearanceError::Level),
            ("HIV", ClearanceError::Level),
            ("X HIV", ClearanceError::Level),
            ("R a|b|c", ClearanceError::Label("b|c".into())),
            ("R |HIV", ClearanceError::Label("HIV".into())),
        ] {
            assert_eq!(Clearance::parse(text), Err(error), "{text}");
        }
        let many = (0..=CLEARANCE_LABELS_MAX).map(|n| format!(" X{n}"));
        let many = format!("R{}", many.collect::<String>());
        assert_eq!(Clearance::parse(&many), Err(ClearanceError::TooMany));
    }

    #[test]
    fn l3_nothing_said_is_cleared_for_what_is_normal() {
        assert_eq!(Clearance::default().to_string(), "N");
        assert_eq!(Clearance::usual().to_string(), "R *");
        let (low, high) = ("N HIV", "R SUD");
        let of = |text| Clearance::parse(text).unwrap();
        assert_eq!(of(low).and(&of(high)).to_string(), "R HIV SUD");
    }
}
