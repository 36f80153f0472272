//! Claim of a visit or of a prescription. <https://hl7.org/fhir/R4/claim.html>

use crate::calendar::Moment;
use crate::codes::{Code, hl7};
use crate::json::{self, Json};

/// One line of a bill.
#[derive(Clone)]
pub struct Line {
    pub code: Code,
    /// None for a diagnosis, which costs nothing.
    pub cents: Option<i64>,
    /// The Condition, Procedure or Immunization it is for.
    pub source: Source,
}

#[derive(Clone)]
pub enum Source {
    Visit,
    /// A charge of its own, for no recorded act.
    Charge,
    Diagnosis(String),
    Procedure(String),
    Immunization(String),
}

pub struct Facts<'a> {
    pub patient: &'a str,
    pub organization: &'a str,
    pub encounter: &'a str,
    pub insurer: &'a str,
    /// Reference to a Coverage; a display alone where there is none.
    pub coverage: Option<&'a str>,
    pub prescription: Option<&'a str>,
    pub start: Moment,
    pub end: Moment,
    pub lines: &'a [Line],
    pub cancelled: bool,
}

pub fn write(id: Option<&str>, facts: &Facts<'_>) -> String {
    json::resource("Claim", id, |j| {
        let kind = if facts.prescription.is_some() {
            "pharmacy"
        } else {
            "institutional"
        };
        j.text(
            "status",
            if facts.cancelled {
                "cancelled"
            } else {
                "active"
            },
        );
        j.bare_concept("type", &hl7(CLAIM_TYPE, kind))
            .text("use", "claim")
            .reference("patient", facts.patient);
        j.period("billablePeriod", facts.start, facts.end)
            .plain("created", facts.end);
        j.reference("provider", facts.organization);
        j.bare_concept(
            "priority",
            &hl7(
                "http://terminology.hl7.org/CodeSystem/processpriority",
                "normal",
            ),
        );
        if let Some(prescription) = facts.prescription {
            j.reference("prescription", prescription);
        }
        sources(j, facts.lines);
        j.one("insurance", |j| {
            j.value("sequence", 1)
                .value("focal", true)
                .object("coverage", |j| {
                    if let Some(coverage) = facts.coverage {
                        j.text("reference", coverage);
                    }
                    j.text("display", facts.insurer);
                });
        });
        items(j, facts);
        j.money("total", facts.lines.iter().filter_map(|l| l.cents).sum());
    })
}

pub const CLAIM_TYPE: &str = "http://terminology.hl7.org/CodeSystem/claim-type";

/// supportingInfo, diagnosis and procedure, each numbered from 1, in the order of the definition.
fn sources(j: &mut Json, lines: &[Line]) {
    list(
        j,
        "supportingInfo",
        lines.iter().filter_map(|l| {
            if let Source::Immunization(r) = &l.source {
                Some(r)
            } else {
                None
            }
        }),
        |j, r| {
            let information = hl7(
                "http://terminology.hl7.org/CodeSystem/claiminformationcategory",
                "info",
            );
            j.bare_concept("category", &information)
                .reference("valueReference", r);
        },
    );
    list(
        j,
        "diagnosis",
        lines.iter().filter_map(|l| {
            if let Source::Diagnosis(r) = &l.source {
                Some(r)
            } else {
                None
            }
        }),
        |j, r| {
            j.reference("diagnosisReference", r);
        },
    );
    list(
        j,
        "procedure",
        lines.iter().filter_map(|l| {
            if let Source::Procedure(r) = &l.source {
                Some(r)
            } else {
                None
            }
        }),
        |j, r| {
            j.reference("procedureReference", r);
        },
    );
}

/// A numbered list; left out where it is empty.
pub fn list<'a>(
    j: &mut Json,
    name: &str,
    references: impl Iterator<Item = &'a String>,
    fill: impl Fn(&mut Json, &str),
) {
    let mut references = references.peekable();
    if references.peek().is_none() {
        return;
    }
    j.array(name, |j| {
        for (n, reference) in references.enumerate() {
            j.item(|j| {
                j.value("sequence", n + 1);
                fill(j, reference);
            });
        }
    });
}

fn items(j: &mut Json, facts: &Facts<'_>) {
    let mut numbers = Numbers::default();
    j.array("item", |j| {
        for (n, line) in facts.lines.iter().enumerate() {
            j.item(|j| {
                j.value("sequence", n + 1);
                numbers.write(j, &line.source);
                j.concept("productOrService", &line.code);
                match (&line.source, line.cents) {
                    (Source::Visit, _) => j.references("encounter", &[facts.encounter]).end(),
                    (_, Some(cents)) => j.money("net", cents).end(),
                    _ => {}
                }
            });
        }
    });
}

/// Counts which diagnosis, procedure or supporting information a line is for.
#[derive(Default)]
pub struct Numbers {
    diagnosis: usize,
    procedure: usize,
    information: usize,
}

impl Numbers {
    pub fn write(&mut self, j: &mut Json, source: &Source) {
        let (name, counter) = match source {
            Source::Visit | Source::Charge => return,
            Source::Diagnosis(_) => ("diagnosisSequence", &mut self.diagnosis),
            Source::Procedure(_) => ("procedureSequence", &mut self.procedure),
            Source::Immunization(_) => ("informationSequence", &mut self.information),
        };
        *counter += 1;
        j.raw(name, &format!("[{counter}]"));
    }
}
