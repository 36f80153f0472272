//! Purposes of use and what includes what. <https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html>

use crate::provision::Effect;
use std::sync::Arc;

pub const BREAK_GLASS: &str = "BTG";
pub const TREATMENT: &str = "TREAT";
pub const EMERGENCY: &str = "ETREAT";
/// What an implied consent is for (R9).
pub const TPO: [&str; 3] = ["TREAT", "HPAYMT", "HOPERAT"];

/// Whether what is permitted for `listed` is permitted for `purpose`. A code that is not of R4 equals itself alone.
/// Departs: breaking the glass is no emergency treatment and a legal purpose no operations here; both are permitted
/// where they are named.
pub fn covers(listed: &str, purpose: &str) -> bool {
    listed == purpose || (!is_named_alone(purpose) && is_below(purpose, listed))
}

/// What a criterion that lists these codes comes to: what is forbidden for operations is forbidden for legal purposes, too.
pub(crate) fn listed(effect: Effect, codes: &mut Vec<Arc<str>>) {
    let has_legal = codes.iter().any(|code| is_below(LEGAL, code));
    if effect == Effect::Deny && has_legal {
        codes.push(LEGAL.into());
    }
    codes.sort_unstable();
    codes.dedup();
}

/// Whether it is a code of R4 below `PurposeOfUse`, or that itself.
pub(crate) fn is_known(code: &str) -> bool {
    let mut rows = PARENTS.iter();
    rows.any(|(parent, kids)| *parent == code || kids.contains(&code))
}

fn is_named_alone(purpose: &str) -> bool {
    purpose == BREAK_GLASS || purpose == LEGAL
}

fn is_below(code: &str, ancestor: &str) -> bool {
    let parent = |code: &str| {
        let row = PARENTS.iter().find(|(_, kids)| kids.contains(&code));
        row.map(|(parent, _)| *parent)
    };
    std::iter::successors(parent(code), |code| parent(code)).any(|code| code == ancestor)
}

const LEGAL: &str = "HLEGAL";

/// v3-ActReason of R4 4.0.1, below `PurposeOfUse`.
const PARENTS: &[(&str, &[&str])] = &[
    (
        "PurposeOfUse",
        &[
            "HMARKT", "HOPERAT", "HPAYMT", "HRESCH", "PATRQT", "PUBHLTH", "TREAT",
        ],
    ),
    (
        "HOPERAT",
        &[
            "CAREMGT",
            "DONAT",
            "FRAUD",
            "GOV",
            "HACCRED",
            "HCOMPL",
            "HDECD",
            "HDIRECT",
            "HDM",
            "HLEGAL",
            "HOUTCOMS",
            "HPRGRP",
            "HQUALIMP",
            "HSYSADMIN",
            "MEMADMIN",
            "MILCDM",
            "PATADMIN",
            "PATSFTY",
            "PERFMSR",
            "RECORDMGT",
            "SYSDEV",
            "TRAIN",
        ],
    ),
    ("HSYSADMIN", &["LABELING", "METAMGT"]),
    ("SYSDEV", &["HTEST"]),
    ("HPAYMT", &["CLMATTCH", "COVAUTH", "COVERAGE", "REMITADV"]),
    ("COVERAGE", &["ELIGDTRM", "ELIGVER", "ENROLLM", "MILDCRG"]),
    (
        "HRESCH",
        &["BIORCH", "CLINTRCH", "DSRCH", "POARCH", "TRANSRCH"],
    ),
    ("CLINTRCH", &["CLINTRCHNPC", "CLINTRCHPC", "PRECLINTRCH"]),
    ("PATRQT", &["FAMRQT", "PWATRNY", "SUPNWK"]),
    ("PUBHLTH", &["DISASTER", "THREAT"]),
    ("TREAT", &["CLINTRL", "COC", "ETREAT", "POPHLTH"]),
    ("ETREAT", &["BTG", "ERTREAT"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_includes_what() {
        assert!(covers("TREAT", "ETREAT") && covers("TREAT", "ERTREAT") && covers("BTG", "BTG"));
        assert!(!covers("TREAT", "BTG") && !covers("ETREAT", "BTG") && !covers("ETREAT", "TREAT"));
        assert!(!covers("HOPERAT", "HLEGAL") && covers("HLEGAL", "HLEGAL"));
        assert!(covers("X", "X") && !covers("PurposeOfUse", "X"));
    }

    #[test]
    fn a_deny_of_operations_is_one_of_legal_purposes() {
        let of = |effect| {
            let mut codes = vec!["HOPERAT".into()];
            listed(effect, &mut codes);
            codes.join(" ")
        };
        assert_eq!(of(Effect::Deny), "HLEGAL HOPERAT");
        assert_eq!(of(Effect::Permit), "HOPERAT");
    }
}
