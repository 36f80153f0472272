//! Illnesses with what is usually done about them: SNOMED CT findings, RxNorm medicines, care plans and goals.

use super::{Code, rxnorm, snomed};

/// One illness and its usual care.
pub struct Illness {
    pub code: Code,
    /// Years of age from which it occurs here.
    pub from_age: i64,
    /// Days until it is over; None for one that stays.
    pub days: Option<i64>,
    pub medicine: Code,
    pub plan: Code,
    pub activities: [Code; 2],
    pub goal: &'static str,
}

/// The two that the first, fixed patient has.
pub const HYPERTENSION: usize = 0;
pub const DIABETES: usize = 1;

const LIFESTYLE: Code = snomed("443402002", "Lifestyle education regarding hypertension");
const DIABETES_CARE: Code = snomed("698360004", "Diabetes self management plan");
const RESPIRATORY: Code = snomed("53950000", "Respiratory therapy");
const WOUND: Code = snomed("225358003", "Wound care");
const SELF_CARE: Code = snomed("736285004", "Self care plan");
const EXERCISE: Code = snomed("229065009", "Exercise therapy");
const DIET: Code = snomed("160670007", "Diabetic diet");
const SALT: Code = snomed("386463000", "Prescribed activity/exercise education");
const REST: Code = snomed("371605008", "Deep breathing and coughing exercises");
const DRESSING: Code = snomed("385949008", "Dressing change management");
const FLUIDS: Code = snomed("226234005", "Healthy diet");

const fn illness(
    code: Code,
    from_age: i64,
    days: Option<i64>,
    medicine: Code,
    plan: Code,
    activities: [Code; 2],
    goal: &'static str,
) -> Illness {
    Illness {
        code,
        from_age,
        days,
        medicine,
        plan,
        activities,
        goal,
    }
}

pub const ILLNESSES: &[Illness] = &[
    illness(
        snomed("59621000", "Essential hypertension"),
        30,
        None,
        rxnorm("314076", "lisinopril 10 MG Oral Tablet"),
        LIFESTYLE,
        [EXERCISE, SALT],
        "Blood pressure below 140/90 mmHg",
    ),
    illness(
        snomed("44054006", "Diabetes mellitus type 2"),
        35,
        None,
        rxnorm(
            "860975",
            "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet",
        ),
        DIABETES_CARE,
        [DIET, EXERCISE],
        "Hemoglobin A1c total in Blood below 7.0 %",
    ),
    illness(
        snomed("55822004", "Hyperlipidemia"),
        30,
        None,
        rxnorm("617311", "atorvastatin 40 MG Oral Tablet"),
        LIFESTYLE,
        [EXERCISE, FLUIDS],
        "LDL cholesterol below 100 mg/dL",
    ),
    illness(
        snomed("195967001", "Asthma"),
        4,
        None,
        rxnorm(
            "745679",
            "200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler",
        ),
        RESPIRATORY,
        [REST, EXERCISE],
        "No night waking because of asthma",
    ),
    illness(
        snomed("162864005", "Body mass index 30+ - obesity"),
        18,
        None,
        rxnorm(
            "1551468",
            "12 HR bupropion hydrochloride 90 MG / naltrexone hydrochloride 8 MG Extended Release Oral Tablet",
        ),
        SELF_CARE,
        [EXERCISE, FLUIDS],
        "Body mass index below 30 kg/m2",
    ),
    illness(
        snomed("13645005", "Chronic obstructive lung disease"),
        50,
        None,
        rxnorm(
            "896209",
            "60 ACTUAT fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT Dry Powder Inhaler",
        ),
        RESPIRATORY,
        [REST, EXERCISE],
        "Walks 300 m without stopping",
    ),
    illness(
        snomed("396275006", "Osteoarthritis"),
        45,
        None,
        rxnorm("849574", "naproxen sodium 220 MG Oral Tablet"),
        SELF_CARE,
        [EXERCISE, REST],
        "Pain score of 3 or less on most days",
    ),
    illness(
        snomed("444814009", "Viral sinusitis"),
        1,
        Some(14),
        rxnorm("308192", "amoxicillin 500 MG Oral Tablet"),
        SELF_CARE,
        [REST, FLUIDS],
        "Free of symptoms within two weeks",
    ),
    illness(
        snomed("10509002", "Acute bronchitis"),
        1,
        Some(21),
        rxnorm(
            "1020137",
            "dextromethorphan hydrobromide 1 MG/ML Oral Solution",
        ),
        RESPIRATORY,
        [REST, FLUIDS],
        "No cough after three weeks",
    ),
    illness(
        snomed("195662009", "Acute viral pharyngitis"),
        1,
        Some(10),
        rxnorm("313782", "acetaminophen 325 MG Oral Tablet"),
        SELF_CARE,
        [REST, FLUIDS],
        "Free of fever within three days",
    ),
    illness(
        snomed("65363002", "Otitis media"),
        1,
        Some(15),
        rxnorm("308182", "amoxicillin 250 MG Oral Capsule"),
        SELF_CARE,
        [REST, FLUIDS],
        "Free of ear pain within a week",
    ),
    illness(
        snomed("284551006", "Laceration of foot"),
        5,
        Some(21),
        rxnorm("310965", "ibuprofen 200 MG Oral Tablet"),
        WOUND,
        [DRESSING, FLUIDS],
        "Wound closed and dry",
    ),
    illness(
        snomed("44465007", "Sprain of ankle"),
        8,
        Some(28),
        rxnorm("310965", "ibuprofen 200 MG Oral Tablet"),
        SELF_CARE,
        [EXERCISE, REST],
        "Walks without support",
    ),
    illness(
        snomed("38822007", "Cystitis"),
        12,
        Some(9),
        rxnorm("311995", "nitrofurantoin 5 MG/ML Oral Suspension"),
        SELF_CARE,
        [FLUIDS, REST],
        "Free of symptoms within a week",
    ),
];

pub const ALLERGIES: &[(Code, &str)] = &[
    (snomed("91936005", "Allergy to penicillin"), "medication"),
    (snomed("91935009", "Allergy to peanuts"), "food"),
    (snomed("417532002", "Allergy to fish"), "food"),
    (snomed("300916003", "Latex allergy"), "environment"),
    (snomed("419474003", "Allergy to mould"), "environment"),
    (
        snomed("232347008", "Dander (animal) allergy"),
        "environment",
    ),
];
