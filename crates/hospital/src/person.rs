//! Who a patient is: everything about a person that does not depend on visits.

use crate::calendar::{Day, TODAY};
use crate::codes::Code;
use crate::names::{self, Town};
use crate::rng::Rng;

/// The stream of the first patient: fixed, so that this patient is the same in every hospital.
const FIRST_PATIENT_SEED: u64 = 0x0057_4152_4420_0001;

/// Family name, given name, birth date and medical record number of the first patient of every hospital.
pub const FIRST_PATIENT: FirstPatient = FirstPatient {
    family: "Hartwell",
    given: "Amelia",
    birth_date: "1956-04-17",
    mrn: "MRN-000001",
};

/// The value of `identifier` that finds the patient of bundle `index`: system and medical record number.
pub fn patient_identifier(index: usize) -> String {
    format!("{}|{}", crate::MRN_SYSTEM, record_number(index as u64 + 1))
}

fn record_number(number: u64) -> String {
    format!("MRN-{number:06}")
}

pub struct FirstPatient {
    pub family: &'static str,
    pub given: &'static str,
    pub birth_date: &'static str,
    pub mrn: &'static str,
}

pub struct Person {
    pub number: u64,
    pub female: bool,
    pub given: &'static str,
    pub family: &'static str,
    pub maiden: Option<&'static str>,
    pub mother: (&'static str, &'static str),
    pub birth: Day,
    pub death: Option<Day>,
    pub town: &'static Town,
    pub birth_town: &'static Town,
    pub house: i64,
    pub street: &'static str,
    pub phone: i64,
    pub race: &'static Code,
    pub ethnicity: &'static Code,
    pub married: Option<bool>,
    pub language: &'static (&'static str, &'static str),
    /// Body height when grown, millimetres.
    pub height_mm: i64,
    /// Body mass index when grown, tenths.
    pub bmi_tenths: i64,
}

impl Person {
    /// The stream that patient `index` of a hospital is drawn from.
    pub fn rng(seed: u64, index: usize) -> Rng {
        if index == 0 {
            Rng::new(FIRST_PATIENT_SEED)
        } else {
            Rng::of(seed, index as u64)
        }
    }

    /// Patient number `index + 1`. Ages run from 1 to 94 years.
    pub fn draw(rng: &mut Rng, index: usize) -> Self {
        let female = rng.chance(51);
        let age_days = rng.range(365, 94 * 365).min(rng.range(365, 110 * 365));
        let birth = Day(TODAY.0 - age_days);
        let grown = age_days > 20 * 365;
        let mut person = Self {
            number: index as u64 + 1,
            female,
            given: if female {
                rng.choose(names::WOMEN)
            } else {
                rng.choose(names::MEN)
            },
            family: rng.choose(names::FAMILIES),
            maiden: (female && grown && rng.chance(60)).then(|| rng.choose(names::FAMILIES)),
            mother: (rng.choose(names::WOMEN), rng.choose(names::FAMILIES)),
            birth,
            death: (age_days > 60 * 365 && rng.chance(12))
                .then(|| Day(TODAY.0 - rng.range(10, 2000))),
            town: rng.pick(names::TOWNS),
            birth_town: rng.pick(names::TOWNS),
            house: rng.range(1, 999),
            street: rng.choose(names::STREETS),
            phone: rng.range(0, 9999),
            race: rng.pick(RACES),
            ethnicity: rng.pick(ETHNICITIES),
            married: grown.then(|| rng.chance(65)),
            language: rng.pick(LANGUAGES),
            height_mm: if female {
                rng.range(1520, 1760)
            } else {
                rng.range(1630, 1900)
            },
            bmi_tenths: rng.range(190, 360),
        };
        if index == 0 {
            person.fix();
        }
        person
    }

    pub fn gender(&self) -> &'static str {
        if self.female { "female" } else { "male" }
    }

    pub fn mrn(&self) -> String {
        record_number(self.number)
    }

    /// The last day of this person's record.
    pub fn last_day(&self) -> Day {
        self.death.unwrap_or(TODAY)
    }

    fn fix(&mut self) {
        self.female = true;
        self.given = FIRST_PATIENT.given;
        self.family = FIRST_PATIENT.family;
        self.maiden = Some("Lindqvist");
        self.birth = Day::of(1956, 4, 17);
        self.death = None;
        self.town = &names::TOWNS[0];
        self.race = &RACES[0];
        self.ethnicity = &ETHNICITIES[0];
        self.married = Some(true);
        self.language = &LANGUAGES[0];
        self.height_mm = 1660;
        self.bmi_tenths = 268;
    }
}

const OMB: &str = "urn:oid:2.16.840.1.113883.6.238";

const fn omb(code: &'static str, display: &'static str) -> Code {
    Code {
        system: OMB,
        code,
        display,
    }
}

const RACES: &[Code] = &[
    omb("2106-3", "White"),
    omb("2106-3", "White"),
    omb("2054-5", "Black or African American"),
    omb("2028-9", "Asian"),
    omb("1002-5", "American Indian or Alaska Native"),
];
const ETHNICITIES: &[Code] = &[
    omb("2186-5", "Not Hispanic or Latino"),
    omb("2186-5", "Not Hispanic or Latino"),
    omb("2135-2", "Hispanic or Latino"),
];
const LANGUAGES: &[(&str, &str)] = &[
    ("en-US", "English"),
    ("en-US", "English"),
    ("en-US", "English"),
    ("es", "Spanish"),
    ("pt", "Portuguese"),
    ("zh", "Chinese"),
];
