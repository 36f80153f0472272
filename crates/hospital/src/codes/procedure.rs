//! Procedures with their usual length and price.

use super::{Code, snomed};

pub struct Procedure {
    pub code: Code,
    pub minutes: i64,
    pub cents: i64,
}

const fn procedure(
    code: &'static str,
    display: &'static str,
    minutes: i64,
    cents: i64,
) -> Procedure {
    Procedure {
        code: snomed(code, display),
        minutes,
        cents,
    }
}

pub const PROCEDURES: &[Procedure] = &[
    procedure("430193006", "Medication reconciliation", 15, 51_650),
    procedure(
        "428191000124101",
        "Documentation of current medications",
        15,
        51_650,
    ),
    procedure("399208008", "Plain chest X-ray", 20, 15_120),
    procedure("127783003", "Spirometry", 20, 28_740),
    procedure("288086009", "Suture open wound", 25, 49_490),
    procedure("269911007", "Sputum examination", 15, 12_480),
    procedure("73761001", "Colonoscopy", 60, 184_200),
    procedure("29303009", "Electrocardiographic procedure", 15, 9_630),
    procedure("274474001", "Bone immobilization", 30, 51_650),
    procedure("71651007", "Mammography", 30, 31_275),
    procedure(
        "710824005",
        "Assessment of health and social care needs",
        20,
        43_140,
    ),
    procedure("762993000", "Assessment using Morse Fall Scale", 15, 43_140),
];
