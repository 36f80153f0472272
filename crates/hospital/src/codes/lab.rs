//! Laboratory panels and vital signs: LOINC codes, UCUM units, usual ranges.

use super::{Code, loinc};

/// One measured quantity. `low` and `high` are the usual range without the decimal point (`scale` digits after it).
pub struct Test {
    pub code: Code,
    pub unit: &'static str,
    pub low: i64,
    pub high: i64,
    pub scale: u8,
}

pub struct Panel {
    pub code: Code,
    pub tests: &'static [Test],
}

const fn test(
    code: &'static str,
    display: &'static str,
    unit: &'static str,
    low: i64,
    high: i64,
    scale: u8,
) -> Test {
    Test {
        code: loinc(code, display),
        unit,
        low,
        high,
        scale,
    }
}

pub const PANELS: &[Panel] = &[
    Panel {
        code: loinc(
            "24323-8",
            "Comprehensive metabolic 2000 panel - Serum or Plasma",
        ),
        tests: COMPREHENSIVE,
    },
    Panel {
        code: loinc("58410-2", "CBC panel - Blood by Automated count"),
        tests: BLOOD_COUNT,
    },
    Panel {
        code: loinc("51990-0", "Basic metabolic panel - Blood"),
        tests: METABOLIC,
    },
    Panel {
        code: loinc("57698-3", "Lipid panel with direct LDL - Serum or Plasma"),
        tests: LIPIDS,
    },
];

const LIPIDS: &[Test] = &[
    test(
        "2093-3",
        "Cholesterol [Mass/volume] in Serum or Plasma",
        "mg/dL",
        1200,
        2000,
        1,
    ),
    test(
        "2571-8",
        "Triglyceride [Mass/volume] in Serum or Plasma",
        "mg/dL",
        500,
        1500,
        1,
    ),
    test(
        "18262-6",
        "Low Density Lipoprotein Cholesterol",
        "mg/dL",
        600,
        1300,
        1,
    ),
    test(
        "2085-9",
        "High Density Lipoprotein Cholesterol",
        "mg/dL",
        400,
        800,
        1,
    ),
];
const METABOLIC: &[Test] = &[
    test(
        "2339-0",
        "Glucose [Mass/volume] in Blood",
        "mg/dL",
        700,
        1000,
        1,
    ),
    test(
        "6299-2",
        "Urea nitrogen [Mass/volume] in Blood",
        "mg/dL",
        70,
        200,
        1,
    ),
    test(
        "38483-4",
        "Creatinine [Mass/volume] in Blood",
        "mg/dL",
        60,
        130,
        2,
    ),
    test(
        "49765-1",
        "Calcium [Mass/volume] in Blood",
        "mg/dL",
        850,
        1020,
        2,
    ),
    test(
        "2947-0",
        "Sodium [Moles/volume] in Blood",
        "mmol/L",
        1350,
        1450,
        1,
    ),
    test(
        "6298-4",
        "Potassium [Moles/volume] in Blood",
        "mmol/L",
        350,
        510,
        2,
    ),
    test(
        "2069-3",
        "Chloride [Moles/volume] in Blood",
        "mmol/L",
        980,
        1070,
        1,
    ),
    test(
        "20565-8",
        "Carbon dioxide, total [Moles/volume] in Blood",
        "mmol/L",
        230,
        290,
        1,
    ),
];
const COMPREHENSIVE: &[Test] = &[
    test(
        "2345-7",
        "Glucose [Mass/volume] in Serum or Plasma",
        "mg/dL",
        700,
        1000,
        1,
    ),
    test(
        "3094-0",
        "Urea nitrogen [Mass/volume] in Serum or Plasma",
        "mg/dL",
        70,
        200,
        1,
    ),
    test(
        "2160-0",
        "Creatinine [Mass/volume] in Serum or Plasma",
        "mg/dL",
        60,
        130,
        2,
    ),
    test(
        "17861-6",
        "Calcium [Mass/volume] in Serum or Plasma",
        "mg/dL",
        850,
        1020,
        2,
    ),
    test(
        "2951-2",
        "Sodium [Moles/volume] in Serum or Plasma",
        "mmol/L",
        1350,
        1450,
        1,
    ),
    test(
        "2823-3",
        "Potassium [Moles/volume] in Serum or Plasma",
        "mmol/L",
        350,
        510,
        2,
    ),
    test(
        "2075-0",
        "Chloride [Moles/volume] in Serum or Plasma",
        "mmol/L",
        980,
        1070,
        1,
    ),
    test(
        "2028-9",
        "Carbon dioxide, total [Moles/volume] in Serum or Plasma",
        "mmol/L",
        230,
        290,
        1,
    ),
    test(
        "2885-2",
        "Protein [Mass/volume] in Serum or Plasma",
        "g/dL",
        600,
        830,
        2,
    ),
    test(
        "1751-7",
        "Albumin [Mass/volume] in Serum or Plasma",
        "g/dL",
        350,
        500,
        2,
    ),
    test(
        "1975-2",
        "Bilirubin.total [Mass/volume] in Serum or Plasma",
        "mg/dL",
        10,
        120,
        2,
    ),
    test(
        "6768-6",
        "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma",
        "U/L",
        200,
        1400,
        1,
    ),
    test(
        "1742-6",
        "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
        "U/L",
        80,
        400,
        1,
    ),
    test(
        "1920-8",
        "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
        "U/L",
        80,
        400,
        1,
    ),
];
const BLOOD_COUNT: &[Test] = &[
    test(
        "6690-2",
        "Leukocytes [#/volume] in Blood by Automated count",
        "10*3/uL",
        450,
        1100,
        2,
    ),
    test(
        "789-8",
        "Erythrocytes [#/volume] in Blood by Automated count",
        "10*6/uL",
        390,
        570,
        2,
    ),
    test(
        "718-7",
        "Hemoglobin [Mass/volume] in Blood",
        "g/dL",
        1200,
        1750,
        2,
    ),
    test(
        "4544-3",
        "Hematocrit [Volume Fraction] of Blood by Automated count",
        "%",
        350,
        500,
        1,
    ),
    test(
        "787-2",
        "MCV [Entitic volume] by Automated count",
        "fL",
        800,
        960,
        1,
    ),
    test(
        "785-6",
        "MCH [Entitic mass] by Automated count",
        "pg",
        270,
        330,
        1,
    ),
    test(
        "786-4",
        "MCHC [Mass/volume] by Automated count",
        "g/dL",
        330,
        360,
        1,
    ),
    test(
        "777-3",
        "Platelets [#/volume] in Blood by Automated count",
        "10*3/uL",
        1500,
        4500,
        1,
    ),
];

/// Tests that are ordered alone.
pub const SINGLE: &[Test] = &[
    test(
        "4548-4",
        "Hemoglobin A1c/Hemoglobin.total in Blood",
        "%",
        400,
        570,
        2,
    ),
    test(
        "33914-3",
        "Estimated Glomerular Filtration Rate",
        "mL/min/{1.73_m2}",
        600,
        1200,
        1,
    ),
    test(
        "14959-1",
        "Microalbumin/Creatinine [Mass Ratio] in Urine",
        "mg/g",
        20,
        300,
        1,
    ),
    test(
        "2857-1",
        "Prostate specific Ag [Mass/volume] in Serum or Plasma",
        "ng/mL",
        10,
        400,
        2,
    ),
];

pub const HEIGHT: Test = test("8302-2", "Body height", "cm", 0, 0, 1);
pub const WEIGHT: Test = test("29463-7", "Body weight", "kg", 0, 0, 1);
pub const BMI: Test = test(
    "39156-5",
    "Body mass index (BMI) [Ratio]",
    "kg/m2",
    185,
    250,
    1,
);
pub const HEART_RATE: Test = test("8867-4", "Heart rate", "/min", 58, 98, 0);
pub const RESPIRATION: Test = test("9279-1", "Respiratory rate", "/min", 12, 18, 0);
pub const TEMPERATURE: Test = test("8310-5", "Body temperature", "Cel", 362, 374, 1);
pub const SATURATION: Test = test(
    "2708-6",
    "Oxygen saturation in Arterial blood",
    "%",
    95,
    100,
    0,
);
pub const PAIN: Test = test(
    "72514-3",
    "Pain severity - 0-10 verbal numeric rating [Score] - Reported",
    "{score}",
    0,
    4,
    0,
);
pub const BLOOD_PRESSURE: Code =
    loinc("85354-9", "Blood pressure panel with all children optional");
pub const SYSTOLIC: Test = test("8480-6", "Systolic blood pressure", "mm[Hg]", 100, 135, 0);
pub const DIASTOLIC: Test = test("8462-4", "Diastolic blood pressure", "mm[Hg]", 62, 86, 0);
pub const SMOKING: Code = loinc("72166-2", "Tobacco smoking status");
pub const SMOKING_ANSWERS: &[Code] = &[
    super::snomed("266919005", "Never smoker"),
    super::snomed("266919005", "Never smoker"),
    super::snomed("8517006", "Former smoker"),
    super::snomed("449868002", "Smokes tobacco daily"),
];
