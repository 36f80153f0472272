//! Patient with the US Core race, ethnicity and birth sex extensions. <https://hl7.org/fhir/R4/patient.html>

use crate::codes::Code;
use crate::decimal::Decimal;
use crate::json::{self, Json};
use crate::names;
use crate::person::Person;
use crate::rng::Rng;

pub const MRN_SYSTEM: &str = "http://hospital.example.org/mrn";

const RACE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race";
const ETHNICITY: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity";
const BIRTH_SEX: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex";
const MAIDEN_NAME: &str = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName";
const BIRTH_PLACE: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace";
const GEOLOCATION: &str = "http://hl7.org/fhir/StructureDefinition/geolocation";

pub fn write(
    rng: &mut Rng,
    id: Option<&str>,
    person: &Person,
    provider: Option<&str>,
    flipped: bool,
) -> String {
    json::resource("Patient", id, |j| {
        if rng.chance(25) {
            narrative(j, person);
        }
        j.array("extension", |j| extensions(j, person));
        j.array("identifier", |j| identifiers(j, rng, person));
        j.value("active", true);
        j.array("name", |j| names(j, person));
        j.array("telecom", |j| {
            let n = person.phone;
            j.item(|j| {
                j.text("system", "phone")
                    .plain("value", format_args!("555-01{:02}-{n:04}", n % 100))
                    .text("use", "home")
                    .end()
            });
            j.item(|j| {
                let mail = format!(
                    "{}.{}@example.org",
                    person.given.to_ascii_lowercase(),
                    person.family.to_ascii_lowercase()
                );
                j.text("system", "email").text("value", &mail).end()
            });
        });
        let gender = if flipped { "other" } else { person.gender() };
        j.text("gender", gender).plain("birthDate", person.birth);
        if let Some(day) = person.death {
            j.plain("deceasedDateTime", day.at(43_200));
        }
        j.one("address", |j| address(j, rng, person));
        marital_status(j, person);
        j.value("multipleBirthBoolean", false);
        j.one("communication", |j| {
            let (code, display) = *person.language;
            j.concept(
                "language",
                &Code {
                    system: "urn:ietf:bcp:47",
                    code,
                    display,
                },
            )
            .value("preferred", true)
            .end()
        });
        if let Some(provider) = provider {
            j.references("generalPractitioner", &[provider]);
        }
    })
}

fn narrative(j: &mut Json, person: &Person) {
    let div = format!(
        "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{} {}, born {}</p></div>",
        person.given, person.family, person.birth
    );
    j.object("text", |j| {
        j.text("status", "generated").text("div", &div).end()
    });
}

fn extensions(j: &mut Json, person: &Person) {
    for (url, code) in [(RACE, person.race), (ETHNICITY, person.ethnicity)] {
        j.item(|j| {
            j.text("url", url).array("extension", |j| {
                j.item(|j| {
                    j.text("url", "ombCategory")
                        .coding("valueCoding", code)
                        .end()
                });
                j.item(|j| {
                    j.text("url", "text")
                        .text("valueString", code.display)
                        .end()
                });
            });
        });
    }
    j.item(|j| {
        j.text("url", BIRTH_SEX)
            .text("valueCode", if person.female { "F" } else { "M" })
            .end()
    });
    let mother = format!("{} {}", person.mother.0, person.mother.1);
    j.item(|j| {
        j.text("url", MAIDEN_NAME)
            .text("valueString", &mother)
            .end()
    });
    j.item(|j| {
        j.text("url", BIRTH_PLACE).object("valueAddress", |j| {
            j.text("city", person.birth_town.name)
                .text("state", names::STATE)
                .text("country", "US")
                .end()
        });
    });
}

fn identifiers(j: &mut Json, rng: &mut Rng, person: &Person) {
    identifier(
        j,
        ("MR", "Medical Record Number"),
        MRN_SYSTEM,
        &person.mrn(),
    );
    let ssn = format!("999-{:02}-{:04}", rng.range(10, 99), rng.range(1000, 9999));
    identifier(
        j,
        ("SS", "Social Security Number"),
        "http://hl7.org/fhir/sid/us-ssn",
        &ssn,
    );
    if person.married.is_some() {
        let licence = format!("S999{:05}", rng.range(10_000, 99_999));
        identifier(
            j,
            ("DL", "Driver's License"),
            "urn:oid:2.16.840.1.113883.4.3.25",
            &licence,
        );
    }
}

fn identifier(j: &mut Json, kind: (&'static str, &'static str), system: &str, value: &str) {
    let code = Code {
        system: "http://terminology.hl7.org/CodeSystem/v2-0203",
        code: kind.0,
        display: kind.1,
    };
    j.item(|j| {
        j.concept("type", &code)
            .text("system", system)
            .text("value", value)
            .end()
    });
}

fn names(j: &mut Json, person: &Person) {
    let prefix = if person.female { "Ms." } else { "Mr." };
    j.item(|j| {
        j.text("use", "official")
            .text("family", person.family)
            .texts("given", &[person.given])
            .texts("prefix", &[prefix])
            .end()
    });
    if let Some(maiden) = person.maiden {
        j.item(|j| {
            j.text("use", "maiden")
                .text("family", maiden)
                .texts("given", &[person.given])
                .end()
        });
    }
}

fn address(j: &mut Json, rng: &mut Rng, person: &Person) {
    let town = person.town;
    let latitude = Decimal::new(town.latitude + rng.range(-30_000, 30_000), 6);
    let longitude = Decimal::new(town.longitude + rng.range(-30_000, 30_000), 6);
    j.one("extension", |j| {
        j.text("url", GEOLOCATION).array("extension", |j| {
            j.item(|j| {
                j.text("url", "latitude")
                    .value("valueDecimal", latitude)
                    .end()
            });
            j.item(|j| {
                j.text("url", "longitude")
                    .value("valueDecimal", longitude)
                    .end()
            });
        });
    });
    let line = format!("{} {}", person.house, person.street);
    j.text("use", "home")
        .texts("line", &[&line])
        .text("city", town.name)
        .text("state", names::STATE);
    j.text("postalCode", town.postal_code).text("country", "US");
}

fn marital_status(j: &mut Json, person: &Person) {
    let Some(married) = person.married else {
        return;
    };
    let (code, display) = if married {
        ("M", "Married")
    } else {
        ("S", "Never Married")
    };
    j.concept(
        "maritalStatus",
        &Code {
            system: "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus",
            code,
            display,
        },
    );
}
