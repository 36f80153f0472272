//! What single resources say of people and of what ties them.

use super::facts::key;
use ward_access::{Zone, period_us};
use ward_detection::{Explanation, Home, Key, Labels, Point, Stay, Tie};
use ward_fhir::Node;
use ward_fhir::date::PartialDate;
use ward_fhir::reference::{Reference, parse};
use ward_fhir::schema::r4;

/// Types in a patient's compartment by which people are tied to them, and how.
pub(super) const TIES: [(&str, Explanation); 20] = [
    ("Appointment", Explanation::Appointment),
    ("CarePlan", Explanation::CareTeam),
    ("CareTeam", Explanation::CareTeam),
    ("Claim", Explanation::Billing),
    ("Communication", Explanation::Thread),
    ("Composition", Explanation::Order),
    ("DeviceRequest", Explanation::Order),
    ("DiagnosticReport", Explanation::Order),
    ("DocumentReference", Explanation::Order),
    ("Encounter", Explanation::Encounter),
    ("EpisodeOfCare", Explanation::CareTeam),
    ("Immunization", Explanation::Order),
    ("Invoice", Explanation::Billing),
    ("MedicationRequest", Explanation::Order),
    ("NutritionOrder", Explanation::Order),
    ("Procedure", Explanation::Order),
    ("QuestionnaireResponse", Explanation::Order),
    ("ServiceRequest", Explanation::Referral),
    ("Specimen", Explanation::Order),
    ("VisionPrescription", Explanation::Order),
];

/// Where dates of these are.
const DATES: [&str; 12] = [
    "period",
    "effective",
    "performed",
    "occurrence",
    "billablePeriod",
    "authoredOn",
    "issued",
    "date",
    "dateTime",
    "sent",
    "created",
    "dateWritten",
];

pub(super) struct Reader<'a> {
    /// Service base URL.
    pub base: Option<&'a str>,
    pub zone: &'a dyn Zone,
}

impl Reader<'_> {
    /// From when until when a resource holds, in seconds; what names no time holds at `updated_s`.
    pub fn span_s(&self, node: Node<'_>, updated_s: i64) -> (i64, i64) {
        let times = (node.text("start"), node.text("end"));
        if let (Some(from), Some(until)) = (times.0.and_then(at_s), times.1.and_then(at_s)) {
            return (from, until);
        }
        for name in DATES {
            let Some(found) = node.get(name) else {
                continue;
            };
            if let Some(span) = self.period_s(found) {
                return span;
            }
            if let Some(at) = found.value().and_then(at_s) {
                return (at, at);
            }
        }
        (updated_s, updated_s)
    }

    fn period_s(&self, node: Node<'_>) -> Option<(i64, i64)> {
        let (from_us, until_us) = period_us(node, self.zone)?;
        Some((
            from_us.div_euclid(1_000_000),
            until_us.div_euclid(1_000_000),
        ))
    }

    /// Everybody whom a resource names, with the tie that this is.
    pub fn ties(&self, node: Node<'_>, by: Explanation, updated_s: i64) -> Vec<(Key, Tie)> {
        let (from_s, until_s) = self.span_s(node, updated_s);
        let tie = Tie {
            by,
            from_s,
            until_s,
            known_s: i64::MIN,
        };
        let mut found = Vec::new();
        self.people(node, &mut |person| found.push((person, tie)));
        found.dedup_by_key(|(person, _)| *person);
        found
    }

    fn people(&self, node: Node<'_>, found: &mut dyn FnMut(Key)) {
        if node.name() == "reference"
            && let Some(text) = node.value().and_then(|text| self.local(text))
        {
            if PEOPLE.iter().any(|ty| text.starts_with(ty)) {
                found(key(&text));
            }
            return;
        }
        for child in node.children() {
            self.people(child, found);
        }
    }

    /// Where an Encounter or Appointment was.
    pub fn stays(&self, node: Node<'_>, updated_s: i64) -> Vec<Stay> {
        let (from_s, until_s) = self.span_s(node, updated_s);
        let mut stays = Vec::new();
        for place in node.all("location") {
            let Some(department) = self.reference(place.get("location")) else {
                continue;
            };
            let period = place.get("period").and_then(|period| self.period_s(period));
            let (from_s, until_s) = period.unwrap_or((from_s, until_s));
            stays.push(Stay {
                department: key(&department),
                from_s,
                until_s,
            });
        }
        for participant in node.all("participant") {
            let actor = self.reference(participant.get("actor"));
            if let Some(department) = actor.filter(|actor| actor.starts_with("Location/")) {
                stays.push(Stay {
                    department: key(&department),
                    from_s,
                    until_s,
                });
            }
        }
        stays
    }

    /// The department of a PractitionerRole. An organization is none: mostly it is the whole hospital, and would explain everything.
    pub fn department(&self, role: Node<'_>) -> Option<Key> {
        let place = role
            .get("location")
            .or_else(|| role.get("healthcareService"));
        self.reference(place).map(|place| key(&place))
    }

    pub fn reference(&self, reference: Option<Node<'_>>) -> Option<String> {
        self.local(reference?.text("reference")?)
    }

    fn local(&self, text: &str) -> Option<String> {
        match parse(text, self.base)? {
            Reference::Local { ty, id, .. } => Some(format!("{}/{id}", r4().ty(ty).name)),
            _ => None,
        }
    }
}

/// Who they are, by name and birth date; 0 where that is not told.
pub(super) fn identity(person: Node<'_>) -> Key {
    let name = person.get("name");
    let text = |element: &str| name.and_then(|name| name.text(element)).unwrap_or_default();
    let born = person.text("birthDate").unwrap_or_default();
    match text("family").is_empty() || text("given").is_empty() || born.is_empty() {
        true => 0,
        false => key(&folded(&[text("family"), text("given"), born])),
    }
}

pub(super) fn surname(person: Node<'_>) -> Key {
    let name = person.get("name").and_then(|name| name.text("family"));
    name.map_or(0, |family| key(&folded(&[family])))
}

pub(super) fn home(person: Node<'_>) -> Option<Home> {
    let address = person.get("address")?;
    let parts = ["line", "postalCode", "city"].map(|part| address.text(part).unwrap_or_default());
    let address_key = match parts[0].is_empty() || parts[1].is_empty() {
        true => 0,
        false => key(&folded(&parts)),
    };
    Some(Home {
        address: address_key,
        at: point(address),
    })
}

fn point(address: Node<'_>) -> Option<Point> {
    let is_place = |one: &Node<'_>| one.text("url") == Some(GEOLOCATION);
    let place = address.all("extension").find(is_place)?;
    let part = |name: &str| {
        let mut parts = place.all("extension");
        let part = parts.find(|part| part.text("url") == Some(name))?;
        let degrees: f64 = part.text("value")?.parse().ok()?;
        (degrees.abs() <= 180.0).then_some((degrees * 1e6) as i32)
    };
    Some(Point {
        latitude: part("latitude")?,
        longitude: part("longitude")?,
    })
}

/// As far as they matter here.
pub(super) fn labels(resource: Node<'_>) -> Labels {
    let Some(meta) = resource.get("meta") else {
        return Labels::default();
    };
    let codes = meta.all("security").filter_map(|one| one.text("code"));
    codes.fold(Labels::default(), |labels, code| match code {
        "CEL" | "VIP" => labels.with(Labels::CELEBRITY),
        "EMP" => labels.with(Labels::EMPLOYEE),
        code if SENSITIVE.contains(&code) => labels.with(Labels::SENSITIVE),
        _ => labels,
    })
}

/// Whether a Flag says that the record is under a complaint or litigation hold.
pub(super) fn is_hold(flag: Node<'_>) -> bool {
    let codings = flag
        .get("code")
        .into_iter()
        .flat_map(|code| code.all("coding"));
    let mut codings = codings.map(|coding| (coding.text("system"), coding.text("code")));
    codings.any(|coding| coding == (Some(FLAG_SYSTEM), Some(HOLD)))
}

/// The first moment of a date or time, in seconds.
pub(super) fn at_s(text: &str) -> Option<i64> {
    let date = PartialDate::parse(text, true)?;
    Some(date.low_us().div_euclid(1_000_000))
}

fn folded(parts: &[&str]) -> String {
    parts.join("|").trim().to_lowercase()
}

/// What a Flag of a hold is coded by.
pub(super) const FLAG_SYSTEM: &str = "urn:ward:flag";
pub(super) const HOLD: &str = "hold";
const GEOLOCATION: &str = "http://hl7.org/fhir/StructureDefinition/geolocation";
const PEOPLE: [&str; 2] = ["Practitioner/", "PractitionerRole/"];
const SENSITIVE: [&str; 16] = [
    "ETH", "ETHUD", "OPIOIDUD", "SUD", "PSY", "PSYTHPN", "MH", "BH", "HIV", "STD", "SEX", "SDV",
    "DVD", "SICKLE", "GDIS", "TBOO",
];
