//! Single documents for load: bodies of create and update in the sizes of the published benchmarks, and the
//! two-entry transaction. Every call with the same arguments gives the same bytes.

use crate::bundle::{self, Entry};
use crate::calendar::{Moment, TODAY};
use crate::codes::illness::ILLNESSES;
use crate::codes::lab::{self, PANELS};
use crate::codes::procedure::PROCEDURES;
use crate::codes::visit::CHECK_UPS;
use crate::decimal::Decimal;
use crate::json;
use crate::person::Person;
use crate::resource::claim::{Line, Source};
use crate::resource::{
    Context, claim, condition, encounter, explanation_of_benefit, medication_request, observation,
    patient,
};
use crate::rng::Rng;
use crate::{staff, vitals};

/// The types of the create/read/update/delete workload, in the order in which they are created, and Condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Patient,
    Location,
    Organization,
    Practitioner,
    Encounter,
    Observation,
    MedicationRequest,
    Claim,
    ExplanationOfBenefit,
    Condition,
}

impl Kind {
    /// The nine types of W1 in order.
    pub const CRUD: [Kind; 9] = [
        Kind::Patient,
        Kind::Location,
        Kind::Organization,
        Kind::Practitioner,
        Kind::Encounter,
        Kind::Observation,
        Kind::MedicationRequest,
        Kind::Claim,
        Kind::ExplanationOfBenefit,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Patient => "Patient",
            Kind::Location => "Location",
            Kind::Organization => "Organization",
            Kind::Practitioner => "Practitioner",
            Kind::Encounter => "Encounter",
            Kind::Observation => "Observation",
            Kind::MedicationRequest => "MedicationRequest",
            Kind::Claim => "Claim",
            Kind::ExplanationOfBenefit => "ExplanationOfBenefit",
            Kind::Condition => "Condition",
        }
    }
}

/// Ids on the server that a document refers to. A document asks only for the kinds created before it.
#[derive(Clone, Debug, Default)]
pub struct Links {
    pub patient: String,
    pub location: String,
    pub organization: String,
    pub practitioner: String,
    pub encounter: String,
    pub claim: String,
}

/// A document of the create/read/update/delete workload. `id` must be given for an update; `revision` above 0 changes
/// one scalar. Bytes: Patient 2,500; Encounter 1,300; ExplanationOfBenefit 4,900; Claim 1,000; others 500 to 900.
pub fn body(kind: Kind, seed: u64, id: Option<&str>, revision: u32, links: &Links) -> String {
    let mut rng = Rng::of(seed, kind as u64);
    let rng = &mut rng;
    let links = References::of(links);
    let changed = revision % 2 == 1;
    let start = moment(rng);
    let context = Context {
        patient: &links.patient,
        encounter: &links.encounter,
        practitioner: &links.practitioner,
    };
    match kind {
        Kind::Patient => {
            let person = Person::draw(rng, 1 + (seed % 900_000) as usize);
            patient::write(rng, id, &person, None, changed)
        }
        Kind::Location => staff::location(
            rng,
            id,
            if changed {
                "Recovery room"
            } else {
                "Day surgery"
            },
            None,
        ),
        Kind::Organization => staff::organization(
            rng,
            id,
            if changed {
                "Northgate Clinic"
            } else {
                "Southgate Clinic"
            },
            &staff::PROVIDER,
        ),
        Kind::Practitioner => staff::practitioner(rng, id, 100_000 + seed % 900_000, !changed),
        Kind::Encounter => {
            let illness = rng.pick(ILLNESSES);
            let visit = rng.pick(CHECK_UPS);
            let facts = encounter::Facts {
                visit,
                start,
                end: start.plus_minutes(visit.minutes),
                reason: Some(&illness.code),
                location: &links.location,
                organization: &links.organization,
                in_progress: changed,
            };
            encounter::write(id, context, &facts)
        }
        Kind::Observation => {
            let value = vitals::result(rng, rng.clone().pick(PANELS[1].tests));
            observation::write(id, context, value, start, 60 * (1 + i64::from(revision)))
        }
        Kind::MedicationRequest => medication_request::write(
            id,
            context,
            &rng.pick(ILLNESSES).medicine,
            start,
            !changed,
            None,
        ),
        Kind::Claim => claim::write(id, &claim_facts(&links, start, &visit_line(rng), changed)),
        Kind::ExplanationOfBenefit => explanation(rng, id, &links, start, changed),
        Kind::Condition => condition::write(id, context, &rng.pick(ILLNESSES).code, start, None),
    }
}

/// A small document (250 to 600 bytes) of the mixed read/write workload: Observation, Patient, Condition, Encounter or
/// MedicationRequest; any other kind gives what [`body`] gives.
pub fn small(kind: Kind, seed: u64, id: Option<&str>, revision: u32, links: &Links) -> String {
    let mut rng = Rng::of(seed, kind as u64);
    let subject = format!("Patient/{}", links.patient);
    let start = moment(&mut rng);
    match kind {
        Kind::Patient => json::resource("Patient", id, |j| {
            let person = Person::draw(&mut rng, 1 + (seed % 900_000) as usize);
            j.one("identifier", |j| {
                j.text("system", crate::MRN_SYSTEM)
                    .text("value", &person.mrn())
                    .end()
            });
            j.one("name", |j| {
                j.text("family", person.family)
                    .texts("given", &[person.given])
                    .end()
            });
            j.text(
                "gender",
                if revision % 2 == 1 {
                    "other"
                } else {
                    person.gender()
                },
            )
            .plain("birthDate", person.birth);
        }),
        Kind::Observation => json::resource("Observation", id, |j| {
            let status = if revision % 2 == 1 {
                "amended"
            } else {
                "final"
            };
            j.text("status", status)
                .bare_concept("code", &lab::SYSTOLIC.code)
                .reference("subject", &subject);
            let value = Decimal::new(rng.range(90, 180), 0);
            j.plain("effectiveDateTime", start).quantity(
                "valueQuantity",
                value,
                lab::SYSTOLIC.unit,
            );
        }),
        Kind::Encounter => json::resource("Encounter", id, |j| {
            let visit = rng.pick(CHECK_UPS);
            j.text(
                "status",
                if revision % 2 == 1 {
                    "in-progress"
                } else {
                    "finished"
                },
            )
            .coding("class", &visit.class);
            j.concepts("type", &visit.code)
                .reference("subject", &subject);
            j.period("period", start, start.plus_minutes(visit.minutes));
        }),
        Kind::Condition => json::resource("Condition", id, |j| {
            let status = if revision % 2 == 1 {
                "recurrence"
            } else {
                "active"
            };
            let system = "http://terminology.hl7.org/CodeSystem/condition-clinical";
            j.bare_concept("clinicalStatus", &crate::codes::hl7(system, status));
            j.concept("code", &rng.pick(ILLNESSES).code)
                .reference("subject", &subject)
                .plain("onsetDateTime", start);
        }),
        Kind::MedicationRequest => json::resource("MedicationRequest", id, |j| {
            j.text(
                "status",
                if revision % 2 == 1 {
                    "stopped"
                } else {
                    "active"
                },
            )
            .text("intent", "order");
            j.concept("medicationCodeableConcept", &rng.pick(ILLNESSES).medicine)
                .reference("subject", &subject);
            j.plain("authoredOn", start);
        }),
        other => body(other, seed, id, revision, links),
    }
}

/// The transaction of the sweep: a Patient and one systolic blood pressure of that Patient.
pub fn patient_and_observation(seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let (patient_urn, observation_urn) = (rng.urn(), rng.urn());
    let born =
        crate::calendar::Day::of(1920 + rng.range(0, 100), rng.range(1, 12), rng.range(1, 28));
    let gender = rng.choose(&["female", "male"]);
    let patient = json::resource("Patient", None, |j| {
        j.text("gender", gender).plain("birthDate", born).end()
    });
    let value = Decimal::new(rng.range(90, 180), 0);
    let observation = json::resource("Observation", None, |j| {
        j.text("status", "final")
            .bare_concept("code", &lab::SYSTOLIC.code)
            .reference("subject", &patient_urn);
        j.plain("effectiveDateTime", moment(&mut rng)).quantity(
            "valueQuantity",
            value,
            lab::SYSTOLIC.unit,
        );
    });
    bundle::posts(&[
        Entry {
            urn: patient_urn,
            kind: "Patient",
            document: patient,
        },
        Entry {
            urn: observation_urn,
            kind: "Observation",
            document: observation,
        },
    ])
}

/// [`Links`] as references.
struct References {
    patient: String,
    location: String,
    organization: String,
    practitioner: String,
    encounter: String,
    claim: String,
}

impl References {
    fn of(links: &Links) -> Self {
        Self {
            patient: format!("Patient/{}", links.patient),
            location: format!("Location/{}", links.location),
            organization: format!("Organization/{}", links.organization),
            practitioner: format!("Practitioner/{}", links.practitioner),
            encounter: format!("Encounter/{}", links.encounter),
            claim: format!("Claim/{}", links.claim),
        }
    }
}

/// A moment of the last five years, in office hours.
fn moment(rng: &mut Rng) -> Moment {
    crate::calendar::Day(TODAY.0 - rng.range(5, 1800)).at(rng.range(8 * 3600, 17 * 3600))
}

fn visit_line(rng: &mut Rng) -> [Line; 1] {
    let visit = rng.pick(CHECK_UPS);
    [Line {
        code: visit.code,
        cents: Some(visit.cents),
        source: Source::Visit,
    }]
}

fn claim_facts<'a>(
    links: &'a References,
    start: Moment,
    lines: &'a [Line],
    cancelled: bool,
) -> claim::Facts<'a> {
    claim::Facts {
        patient: &links.patient,
        organization: &links.organization,
        encounter: &links.encounter,
        insurer: staff::INSURER_NAMES[0],
        coverage: None,
        prescription: None,
        start,
        end: start.plus_minutes(15),
        lines,
        cancelled,
    }
}

/// Two lines, so that the size is that of the published benchmark.
fn explanation(
    rng: &mut Rng,
    id: Option<&str>,
    links: &References,
    start: Moment,
    cancelled: bool,
) -> String {
    let [visit] = visit_line(rng);
    let done = rng.pick(PROCEDURES);
    let charge = Line {
        code: done.code,
        cents: Some(done.cents),
        source: Source::Charge,
    };
    let lines = [visit, charge];
    let facts = explanation_of_benefit::Facts {
        patient: &links.patient,
        practitioner: &links.practitioner,
        encounter: &links.encounter,
        claim: &links.claim,
        claim_number: &format!("{:012}", rng.below(1_000_000_000)),
        insurer: staff::INSURER_NAMES[0],
        start,
        end: start.plus_minutes(15),
        lines: &lines,
        cancelled,
    };
    explanation_of_benefit::write(id, &facts)
}
