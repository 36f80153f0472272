//! What all patients share: organizations, practitioners with their roles, locations. They have client-chosen ids
//! (`Practitioner/prac-0007`) and are written by PUT, so patients can refer to them by literal reference on any server.

use crate::codes::{Code, snomed};
use crate::json::{self, Json};
use crate::names;
use crate::rng::Rng;

pub const HOSPITALS: usize = 4;
pub const INSURERS: usize = 3;
pub const PRACTITIONERS: usize = 24;
pub const LOCATIONS: usize = 8;

const ORGANIZATION_NAMES: [&str; HOSPITALS] = [
    "Saint Brannoc General Hospital",
    "Larkhill Community Clinic",
    "Harbour Street Primary Care",
    "Millpond Children's Hospital",
];
pub const INSURER_NAMES: [&str; INSURERS] = [
    "Commonwealth Mutual Health",
    "Pilgrim Family Insurance",
    "Beacon Hill Health Plan",
];
const WARDS: [&str; LOCATIONS] = [
    "Emergency department",
    "Internal medicine",
    "Cardiology ward",
    "Outpatient clinic",
    "Radiology",
    "Laboratory",
    "Paediatric ward",
    "Surgery",
];
const SPECIALTIES: &[Code] = &[
    snomed("394814009", "General practice"),
    snomed("419192003", "Internal medicine"),
    snomed("394579002", "Cardiology"),
    snomed("394537008", "Paediatric specialty"),
    snomed("394609007", "General surgery"),
];

pub fn organization_reference(n: u64) -> String {
    format!("Organization/org-{:02}", n % HOSPITALS as u64 + 1)
}
pub fn insurer_reference(n: u64) -> String {
    format!("Organization/payer-{:02}", n % INSURERS as u64 + 1)
}
pub fn practitioner_reference(n: u64) -> String {
    format!("Practitioner/prac-{:04}", n % PRACTITIONERS as u64 + 1)
}
pub fn location_reference(n: u64) -> String {
    format!("Location/loc-{:02}", n % LOCATIONS as u64 + 1)
}

/// (type, id, resource) of everything that refers to nothing: first bundle.
pub fn first(seed: u64) -> Vec<(&'static str, String, String)> {
    let mut rng = Rng::of(seed, u64::MAX);
    let mut out = Vec::new();
    for (n, name) in ORGANIZATION_NAMES.iter().enumerate() {
        let id = format!("org-{:02}", n + 1);
        out.push((
            "Organization",
            id.clone(),
            organization(&mut rng, Some(&id), name, &PROVIDER),
        ));
    }
    for (n, name) in INSURER_NAMES.iter().enumerate() {
        let id = format!("payer-{:02}", n + 1);
        out.push((
            "Organization",
            id.clone(),
            organization(&mut rng, Some(&id), name, &INSURER),
        ));
    }
    for n in 0..PRACTITIONERS {
        let id = format!("prac-{:04}", n + 1);
        out.push((
            "Practitioner",
            id.clone(),
            practitioner(&mut rng, Some(&id), n as u64 + 1, true),
        ));
    }
    out
}

/// (type, id, resource) of what refers to the first bundle.
pub fn second(seed: u64) -> Vec<(&'static str, String, String)> {
    let mut rng = Rng::of(seed, u64::MAX - 1);
    let mut out = Vec::new();
    for (n, name) in WARDS.iter().enumerate() {
        let id = format!("loc-{:02}", n + 1);
        out.push((
            "Location",
            id.clone(),
            location(
                &mut rng,
                Some(&id),
                name,
                Some(&organization_reference(n as u64)),
            ),
        ));
    }
    for n in 0..PRACTITIONERS as u64 {
        let id = format!("role-{:04}", n + 1);
        out.push(("PractitionerRole", id.clone(), role(&mut rng, &id, n)));
    }
    out
}

const ORGANIZATION_TYPE: &str = "http://terminology.hl7.org/CodeSystem/organization-type";
pub const PROVIDER: Code = Code {
    system: ORGANIZATION_TYPE,
    code: "prov",
    display: "Healthcare Provider",
};
const INSURER: Code = Code {
    system: ORGANIZATION_TYPE,
    code: "ins",
    display: "Insurance Company",
};

pub fn organization(rng: &mut Rng, id: Option<&str>, name: &str, kind: &Code) -> String {
    json::resource("Organization", id, |j| {
        j.one("identifier", |j| {
            j.text("system", "urn:ward:hospital:organization")
                .plain("value", rng.range(100_000, 999_999))
                .end()
        });
        j.value("active", true)
            .concepts("type", kind)
            .text("name", name);
        telecom(j, rng);
        j.array("address", |j| j.item(|j| address(j, rng)));
    })
}

pub fn practitioner(rng: &mut Rng, id: Option<&str>, number: u64, active: bool) -> String {
    let female = rng.chance(50);
    let given = if female {
        rng.choose(names::WOMEN)
    } else {
        rng.choose(names::MEN)
    };
    json::resource("Practitioner", id, |j| {
        j.one("identifier", |j| {
            j.text("system", "http://hl7.org/fhir/sid/us-npi")
                .plain("value", 9_999_000_000 + number)
                .end()
        });
        j.value("active", active);
        j.one("name", |j| {
            j.text("family", rng.choose(names::FAMILIES))
                .texts("given", &[given])
                .texts("prefix", &["Dr."])
                .end()
        });
        telecom(j, rng);
        j.array("address", |j| j.item(|j| address(j, rng)));
        j.text("gender", if female { "female" } else { "male" });
    })
}

pub fn location(rng: &mut Rng, id: Option<&str>, name: &str, organization: Option<&str>) -> String {
    json::resource("Location", id, |j| {
        j.text("status", "active")
            .text("name", name)
            .text("mode", "instance");
        j.one("type", |j| {
            j.one("coding", |j| j.code(&HOSPITAL_UNIT)).end()
        });
        telecom(j, rng);
        j.object("address", |j| address(j, rng));
        let town = rng.pick(names::TOWNS);
        j.object("position", |j| {
            j.value("longitude", crate::decimal::Decimal::new(town.longitude, 6));
            j.value("latitude", crate::decimal::Decimal::new(town.latitude, 6));
        });
        if let Some(organization) = organization {
            j.reference("managingOrganization", organization);
        }
    })
}

const HOSPITAL_UNIT: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
    code: "HU",
    display: "Hospital unit",
};
const DOCTOR: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/practitioner-role",
    code: "doctor",
    display: "Doctor",
};

fn role(rng: &mut Rng, id: &str, n: u64) -> String {
    json::resource("PractitionerRole", Some(id), |j| {
        j.value("active", true);
        j.reference("practitioner", &practitioner_reference(n))
            .reference("organization", &organization_reference(n));
        j.concepts("code", &DOCTOR)
            .concepts("specialty", rng.pick(SPECIALTIES));
        telecom(j, rng);
    })
}

fn telecom(j: &mut Json, rng: &mut Rng) {
    j.one("telecom", |j| {
        j.text("system", "phone")
            .plain("value", format_args!("555-01{:02}", rng.range(0, 99)))
            .text("use", "work")
            .end()
    });
}

fn address(j: &mut Json, rng: &mut Rng) {
    let town = rng.pick(names::TOWNS);
    let line = format!("{} {}", rng.range(1, 400), rng.choose(names::STREETS));
    j.texts("line", &[&line])
        .text("city", town.name)
        .text("state", names::STATE);
    j.text("postalCode", town.postal_code).text("country", "US");
}
