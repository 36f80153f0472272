//! The codes the hospital speaks: facts of LOINC, SNOMED CT, RxNorm, CVX and the FHIR code systems, as tables.

pub mod illness;
pub mod lab;
pub mod procedure;
pub mod vaccine;
pub mod visit;

/// One coding. An empty display is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub system: &'static str,
    pub code: &'static str,
    pub display: &'static str,
}

pub const SNOMED: &str = "http://snomed.info/sct";
pub const LOINC: &str = "http://loinc.org";
pub const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
pub const CVX: &str = "http://hl7.org/fhir/sid/cvx";

pub const fn snomed(code: &'static str, display: &'static str) -> Code {
    Code {
        system: SNOMED,
        code,
        display,
    }
}
pub const fn loinc(code: &'static str, display: &'static str) -> Code {
    Code {
        system: LOINC,
        code,
        display,
    }
}
pub const fn rxnorm(code: &'static str, display: &'static str) -> Code {
    Code {
        system: RXNORM,
        code,
        display,
    }
}

/// A code of a system of terminology.hl7.org, without display.
pub const fn hl7(system: &'static str, code: &'static str) -> Code {
    Code {
        system,
        code,
        display: "",
    }
}
