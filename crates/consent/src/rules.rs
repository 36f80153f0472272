//! What an installation decides for all its patients: defaults, labels with rules of their own, known policies.

use crate::code::{ACT_CODE, Coding};
use crate::labels::WARD_LABEL;
use crate::provision::Effect;
use crate::sensitivity::is_within;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct Rules {
    /// What holds where no consent says anything (R9).
    pub default: Default,
    pub labels: Vec<LabelRule>,
    /// What `policyRule` codes and `policy.uri` stand for, beside OPTIN and OPTOUT (R3).
    pub bases: Vec<(Arc<str>, Base)>,
    /// Without a verification only what a consent denies counts (R2).
    pub verified_only: bool,
    /// The custodian's own treatment team is exempt from an opt-out (R10a).
    pub custodian_exemption: bool,
    pub break_glass: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// Treatment, payment and operations.
    PermitTpo,
    Deny,
}

/// How far breaking the glass reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Over what is denied by default only: what the patient denies stays denied (R10).
    Defaults,
    /// Over a patient's opt-out from sharing, too.
    OptOut,
    /// Over every deny of the patient.
    Everything,
}

/// What a base that is known by its code or URI says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    pub effect: Effect,
    /// Of the permit: normal confidentiality and lower only.
    pub is_normal_only: bool,
    /// Breaking the glass is permitted.
    pub permits_break_glass: bool,
}

/// What holds for data with a label, or one below it, whatever the default is.
#[derive(Clone, Debug)]
pub struct LabelRule {
    pub label: Coding,
    pub need: Need,
    /// A permit must list this label, or one between it and that of the data. Where nothing is needed else, it is needed.
    pub is_named: bool,
    /// Breaking the glass opens it.
    pub opens_in_emergency: bool,
    /// Persons who act for the patient see it.
    pub is_for_proxies: bool,
    /// The patient sees it by their own right.
    pub is_for_patient: bool,
    /// A disclosure carries a notice against disclosing it further, and a consent it is made on goes with it (R16).
    pub has_notice: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Nothing,
    /// To disclose it to another organization a consent must permit it.
    ConsentToDisclose,
    /// Its author alone, unless a consent permits it.
    Author,
}

impl std::default::Default for Rules {
    fn default() -> Rules {
        Rules {
            default: Default::PermitTpo,
            labels: seeded_labels(),
            bases: seeded_bases(),
            verified_only: false,
            custodian_exemption: true,
            break_glass: Reach::Defaults,
        }
    }
}

impl Rules {
    pub fn base(&self, code: &str) -> Option<Base> {
        let row = self.bases.iter().find(|(known, _)| **known == *code);
        row.map(|(_, base)| *base)
    }

    /// The rules for data with these labels.
    pub fn of<'a>(&'a self, labels: &'a [Coding]) -> impl Iterator<Item = &'a LabelRule> {
        let is_of = |rule: &&LabelRule| labels.iter().any(|label| is_within(label, &rule.label));
        self.labels.iter().filter(is_of)
    }
}

/// Substance use under 42 CFR Part 2, notes that are kept apart, violence and sexual health, what the patient hides: what the
/// starter set of label rules says, too.
fn seeded_labels() -> Vec<LabelRule> {
    let open = |code| LabelRule {
        label: Coding::new(ACT_CODE, code),
        need: Need::Nothing,
        is_named: false,
        opens_in_emergency: true,
        is_for_proxies: true,
        is_for_patient: true,
        has_notice: false,
    };
    let mut rules = vec![
        LabelRule {
            need: Need::ConsentToDisclose,
            has_notice: true,
            ..open("SUD")
        },
        LabelRule {
            need: Need::Author,
            is_named: true,
            opens_in_emergency: false,
            is_for_proxies: false,
            is_for_patient: false,
            ..open("PSYTHPN")
        },
        LabelRule {
            label: Coding::new(WARD_LABEL, "SUD-COUNSELING-NOTE"),
            need: Need::Author,
            is_named: true,
            opens_in_emergency: false,
            is_for_proxies: false,
            has_notice: true,
            ..open("SUD")
        },
        LabelRule {
            is_named: true,
            ..open("PRS")
        },
        LabelRule {
            opens_in_emergency: false,
            ..open("CEL")
        },
    ];
    rules.extend(["ADOL", "SDV", "SEX", "STD"].map(|code| LabelRule {
        is_for_proxies: false,
        ..open(code)
    }));
    // ETH is the older code for the same data as SUD.
    rules.push(LabelRule {
        need: Need::ConsentToDisclose,
        has_notice: true,
        ..open("ETH")
    });
    rules
}

/// Example policies of IHE PCF. What the texts behind them leave open is read narrowly.
fn seeded_bases() -> Vec<(Arc<str>, Base)> {
    let base = |effect, is_normal_only, permits_break_glass| Base {
        effect,
        is_normal_only,
        permits_break_glass,
    };
    let known = [
        ("Policy-basic-normal", base(Effect::Permit, true, false)),
        ("Policy-all-normal", base(Effect::Permit, true, false)),
        ("Policy-break-glass-only", base(Effect::Deny, false, true)),
        ("Policy-deny", base(Effect::Deny, false, false)),
    ];
    let uri = |(name, base)| {
        (
            format!("https://profiles.ihe.net/ITI/PCF/{name}").into(),
            base,
        )
    };
    known.into_iter().map(uri).collect()
}
