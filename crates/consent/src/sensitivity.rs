//! Order of confidentiality, and which sensitivity includes which.
//! <https://terminology.hl7.org/ValueSet-v3-Confidentiality.html>
//! <https://terminology.hl7.org/ValueSet-v3-InformationSensitivityPolicy.html>

use crate::code::{ACT_CODE, Coding};

/// The higher, the more protected. What has no label is `Normal` (L5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidentiality {
    Unrestricted,
    Low,
    Moderate,
    #[default]
    Normal,
    Restricted,
    VeryRestricted,
}

impl Confidentiality {
    const CODES: [&str; 6] = ["U", "L", "M", "N", "R", "V"];

    pub fn code(self) -> &'static str {
        Confidentiality::CODES[self as usize]
    }

    pub fn parse(code: &str) -> Option<Confidentiality> {
        use Confidentiality::*;
        let all = [
            Unrestricted,
            Low,
            Moderate,
            Normal,
            Restricted,
            VeryRestricted,
        ];
        all.into_iter().find(|level| level.code() == code)
    }
}

/// Whether `label` is `ancestor` or below it. Labels of other systems than v3-ActCode equal themselves alone.
pub fn is_within(label: &Coding, ancestor: &Coding) -> bool {
    if label == ancestor {
        return true;
    }
    let parent = |code: &str| {
        let row = PARENTS.iter().find(|(_, kids)| kids.contains(&code));
        row.map(|(parent, _)| *parent)
    };
    label.is_of(ACT_CODE)
        && ancestor.is_of(ACT_CODE)
        && std::iter::successors(parent(&label.code), |code| parent(code))
            .any(|code| *code == *ancestor.code)
}

/// v3-ActCode of R4 4.0.1, below `_InformationSensitivityPolicy`.
const PARENTS: &[(&str, &[&str])] = &[
    (
        "_InformationSensitivityPolicy",
        &[
            "_ActInformationSensitivityPolicy",
            "_EntitySensitivityPolicyType",
            "_RoleInformationSensitivityPolicy",
            "ADOL",
            "CEL",
            "DIA",
            "DRGIS",
            "EMP",
            "PDS",
            "PHY",
            "PRS",
        ],
    ),
    (
        "_ActInformationSensitivityPolicy",
        &[
            "ETH", "GDIS", "HIV", "MST", "SCA", "SDV", "SEX", "SPI", "STD", "TBOO", "VIO", "SICKLE",
        ],
    ),
    ("SPI", &["BH", "MH", "PSY", "PSYTHPN", "SUD"]),
    ("BH", &["COGN", "DVD", "EMOTDIS"]),
    ("SUD", &["ETHUD", "OPIOIDUD"]),
    (
        "_EntitySensitivityPolicyType",
        &["DEMO", "DOB", "GENDER", "LIVARG", "MARST", "RACE", "REL"],
    ),
    (
        "_RoleInformationSensitivityPolicy",
        &["B", "EMPL", "LOCIS", "SSP"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_or_below() {
        let within = |a, b| is_within(&Coding::new(ACT_CODE, a), &Coding::new(ACT_CODE, b));
        assert!(within("OPIOIDUD", "SUD") && within("OPIOIDUD", "SPI") && within("X", "X"));
        assert!(!within("SUD", "OPIOIDUD") && !within("HIV", "SPI"));
        let local = Coding::new("urn:site", "SUD");
        assert!(!is_within(&local, &Coding::new(ACT_CODE, "SPI")) && is_within(&local, &local));
    }

    #[test]
    fn confidentiality_has_an_order() {
        let order: Vec<_> = ["U", "L", "M", "N", "R", "V"]
            .into_iter()
            .map(|code| Confidentiality::parse(code).unwrap())
            .collect();
        assert!(order.is_sorted() && Confidentiality::parse("B").is_none());
    }
}
