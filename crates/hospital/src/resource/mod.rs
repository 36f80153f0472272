//! One file per resource type; each writes one document from facts it is given and knows nothing of the others.

pub mod allergy_intolerance;
pub mod care_plan;
pub mod claim;
pub mod condition;
pub mod coverage;
pub mod diagnostic_report;
pub mod encounter;
pub mod explanation_of_benefit;
pub mod goal;
pub mod immunization;
pub mod medication_request;
pub mod observation;
pub mod patient;
pub mod procedure;

/// To whom and to what a clinical document belongs: three references.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub patient: &'a str,
    pub encounter: &'a str,
    pub practitioner: &'a str,
}

pub(crate) const CONFIRMED: &str = "confirmed";
