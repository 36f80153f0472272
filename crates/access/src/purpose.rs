//! Purposes of use: why somebody asks. <https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html> (C23, R12)
//!
//! A purpose lies within a wider one as v3 ActReason of R4 has it: who may act for treatment may for emergency treatment. Departs: to
//! break the glass lies within nothing, so that it is never had by a wider purpose and always has to be named (R4).

use std::fmt;

/// A code of v3 PurposeOfUse.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Purpose(&'static (&'static str, &'static str));

/// Some purposes in the order in which they were named, each once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Purposes(Vec<Purpose>);

/// Why a text names no purposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurposeError {
    /// This is none, cut to 32 characters.
    Unknown(String),
    TooMany,
}

/// Purposes that are named at once.
pub const PURPOSES_MAX: usize = 8;

impl Purpose {
    /// `None`: no code of v3 PurposeOfUse. Letters count as they are written.
    pub fn of(code: &str) -> Option<Purpose> {
        let mut known = CODES.iter();
        known.find(|(known, _)| *known == code).map(Purpose)
    }

    /// Every code, in the order of the value set.
    pub fn all() -> impl Iterator<Item = Purpose> {
        CODES.iter().map(Purpose)
    }

    pub fn code(self) -> &'static str {
        self.0.0
    }

    /// Whether it is the other one or lies within it.
    pub fn is_within(self, wider: Purpose) -> bool {
        let mut at = Some(self);
        while let Some(purpose) = at {
            if purpose == wider {
                return true;
            }
            at = Purpose::of(purpose.0.1);
        }
        false
    }
}

impl Purposes {
    /// Codes separated by spaces; none where there is no code.
    pub fn parse(text: &str) -> Result<Purposes, PurposeError> {
        let mut purposes = Vec::new();
        for code in text.split_ascii_whitespace() {
            let cut = || PurposeError::Unknown(code.chars().take(32).collect());
            let purpose = Purpose::of(code).ok_or_else(cut)?;
            if !purposes.contains(&purpose) {
                purposes.push(purpose);
            }
            if purposes.len() > PURPOSES_MAX {
                return Err(PurposeError::TooMany);
            }
        }
        Ok(Purposes(purposes))
    }

    pub fn iter(&self) -> impl Iterator<Item = Purpose> + '_ {
        self.0.iter().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn first(&self) -> Option<Purpose> {
        self.0.first().copied()
    }

    /// Whether it is one of these or lies within one.
    pub fn allow(&self, purpose: Purpose) -> bool {
        self.iter().any(|wider| purpose.is_within(wider))
    }
}

/// Of those that come twice the first counts.
impl FromIterator<Purpose> for Purposes {
    fn from_iter<I: IntoIterator<Item = Purpose>>(all: I) -> Purposes {
        let mut purposes = Vec::new();
        for purpose in all {
            if !purposes.contains(&purpose) {
                purposes.push(purpose);
            }
        }
        Purposes(purposes)
    }
}

/// The codes, separated by spaces.
impl fmt::Display for Purposes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, purpose) in self.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{}", purpose.code())?;
        }
        Ok(())
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Purposes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

impl fmt::Display for PurposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PurposeError::Unknown(code) => write!(f, "{code} is no code of v3 PurposeOfUse"),
            PurposeError::TooMany => write!(f, "more than {PURPOSES_MAX} purposes are named"),
        }
    }
}

impl std::error::Error for PurposeError {}

/// To break the glass: the override of one patient's record in an emergency (R22).
pub const BREAK_GLASS: &str = "BTG";
/// At the patient's own request.
pub const PATIENT_REQUEST: &str = "PATRQT";
/// The code system that policies name purposes of.
pub const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

/// Each code with the one that it lies within.
const CODES: [(&str, &str); 59] = [
    ("HMARKT", ""),
    ("HOPERAT", ""),
    ("CAREMGT", "HOPERAT"),
    ("DONAT", "HOPERAT"),
    ("FRAUD", "HOPERAT"),
    ("GOV", "HOPERAT"),
    ("HACCRED", "HOPERAT"),
    ("HCOMPL", "HOPERAT"),
    ("HDECD", "HOPERAT"),
    ("HDIRECT", "HOPERAT"),
    ("HDM", "HOPERAT"),
    ("HLEGAL", "HOPERAT"),
    ("HOUTCOMS", "HOPERAT"),
    ("HPRGRP", "HOPERAT"),
    ("HQUALIMP", "HOPERAT"),
    ("HSYSADMIN", "HOPERAT"),
    ("LABELING", "HSYSADMIN"),
    ("METAMGT", "HSYSADMIN"),
    ("MEMADMIN", "HOPERAT"),
    ("MILCDM", "HOPERAT"),
    ("PATADMIN", "HOPERAT"),
    ("PATSFTY", "HOPERAT"),
    ("PERFMSR", "HOPERAT"),
    ("RECORDMGT", "HOPERAT"),
    ("SYSDEV", "HOPERAT"),
    ("HTEST", "SYSDEV"),
    ("TRAIN", "HOPERAT"),
    ("HPAYMT", ""),
    ("CLMATTCH", "HPAYMT"),
    ("COVAUTH", "HPAYMT"),
    ("COVERAGE", "HPAYMT"),
    ("ELIGDTRM", "COVERAGE"),
    ("ELIGVER", "COVERAGE"),
    ("ENROLLM", "COVERAGE"),
    ("MILDCRG", "COVERAGE"),
    ("REMITADV", "HPAYMT"),
    ("HRESCH", ""),
    ("BIORCH", "HRESCH"),
    ("CLINTRCH", "HRESCH"),
    ("CLINTRCHNPC", "CLINTRCH"),
    ("CLINTRCHPC", "CLINTRCH"),
    ("PRECLINTRCH", "CLINTRCH"),
    ("DSRCH", "HRESCH"),
    ("POARCH", "HRESCH"),
    ("TRANSRCH", "HRESCH"),
    ("PATRQT", ""),
    ("FAMRQT", "PATRQT"),
    ("PWATRNY", "PATRQT"),
    ("SUPNWK", "PATRQT"),
    ("PUBHLTH", ""),
    ("DISASTER", "PUBHLTH"),
    ("THREAT", "PUBHLTH"),
    ("TREAT", ""),
    ("CLINTRL", "TREAT"),
    ("COC", "TREAT"),
    ("ETREAT", "TREAT"),
    ("BTG", ""),
    ("ERTREAT", "ETREAT"),
    ("POPHLTH", "TREAT"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str) -> Purpose {
        Purpose::of(code).unwrap()
    }

    #[test]
    fn c23_a_purpose_lies_within_wider_ones() {
        for (code, wider) in [
            ("TREAT", "TREAT"),
            ("ETREAT", "TREAT"),
            ("ERTREAT", "TREAT"),
            ("ERTREAT", "ETREAT"),
            ("HSYSADMIN", "HOPERAT"),
            ("LABELING", "HOPERAT"),
            ("ELIGVER", "HPAYMT"),
            ("FAMRQT", "PATRQT"),
            ("BTG", "BTG"),
        ] {
            assert!(of(code).is_within(of(wider)), "{code} {wider}");
        }
        for (code, wider) in [
            ("TREAT", "ETREAT"),
            ("BTG", "ETREAT"),
            ("BTG", "TREAT"),
            ("HPAYMT", "HOPERAT"),
            ("HRESCH", "TREAT"),
            ("CAREMGT", "TREAT"),
        ] {
            assert!(!of(code).is_within(of(wider)), "{code} {wider}");
        }
    }

    #[test]
    fn every_wider_code_is_one_and_none_comes_twice() {
        for (at, (code, wider)) in CODES.iter().enumerate() {
            assert!(wider.is_empty() || Purpose::of(wider).is_some(), "{code}");
            assert!(CODES[..at].iter().all(|(before, _)| before != code));
        }
    }

    #[test]
    fn codes_are_read_in_their_order() {
        let read = Purposes::parse(" HPAYMT  TREAT HPAYMT ").unwrap();
        assert_eq!(read.to_string(), "HPAYMT TREAT");
        assert_eq!(read.first(), Some(of("HPAYMT")));
        assert!(read.allow(of("COVAUTH")) && read.allow(of("ETREAT")));
        assert!(!read.allow(of("BTG")));
        assert!(Purposes::parse("").unwrap().is_empty());
        for unknown in ["PurposeOfUse", "treat", "TREAT,HPAYMT", "urn:x"] {
            let error = PurposeError::Unknown(unknown.into());
            assert_eq!(Purposes::parse(unknown), Err(error));
        }
        let many: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(Purposes::parse(&many.join(" ")), Err(PurposeError::TooMany));
    }
}
