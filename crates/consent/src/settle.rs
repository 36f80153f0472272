//! The order of law, patient, emergency and default (R9, R10, R10a, R22, R23), once it is known what the consents say.

use crate::action::{Action, Actions};
use crate::class::Class;
use crate::facts::{Caller, Kinship, Relation};
use crate::level::Level;
use crate::provision::Effect;
use crate::purpose::{BREAK_GLASS, EMERGENCY};
use crate::rules::{Default, LabelRule, Need, Reach, Rules};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub effect: Effect,
    pub by: By,
    pub obligations: Obligations,
}

/// Which rule decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Law,
    /// Consents are for the patient, who gave them, and the privacy role (R23).
    ConsentResource,
    /// The patient's own record.
    OwnRecord,
    Consent,
    /// Exempt from an opt-out (R10a).
    TreatmentTeam,
    /// The label has a rule of its own (R9).
    Label,
    BreakGlass,
    /// Acts for the patient.
    Proxy,
    /// No consent says anything, and the default of the installation holds.
    Default,
}

/// What must happen where it is permitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Obligations {
    /// A notice against redisclosure goes with it (R16).
    pub notice: bool,
    /// It is disclosed because a consent permits it: a copy of it, or of its scope, goes with it (R16).
    pub consent_copy: bool,
    /// Recorded and told as an access in an emergency (R22).
    pub break_glass: bool,
}

/// What is asked, as far as it is one for a whole class.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub class: &'a Class,
    pub caller: &'a Caller,
    pub relation: &'a Relation,
    pub rules: &'a Rules,
    pub now_us: i64,
    /// The caller wrote the row; of a Consent: gave it.
    pub is_author: bool,
}

pub(crate) fn settle(level: Level, asked: &Asked<'_>) -> Verdict {
    let Asked { relation, .. } = *asked;
    if let Some(effect) = relation.law {
        return asked.verdict(effect, By::Law, level);
    }
    if let Some(verdict) = asked.of_consent(level) {
        return verdict;
    }
    if relation.kind == Kinship::Own {
        return asked.own(level);
    }
    asked.others(level)
}

impl Asked<'_> {
    fn of_consent(&self, level: Level) -> Option<Verdict> {
        if !self.class.is_consent || self.relation.kind == Kinship::Own {
            return None;
        }
        let may = self.is_author || self.caller.is_privacy;
        let effect = if may { Effect::Permit } else { Effect::Deny };
        Some(self.verdict(effect, By::ConsentResource, level))
    }

    /// No consent of theirs blocks a patient; what a label keeps from them does.
    fn own(&self, level: Level) -> Verdict {
        let is_kept = |rule: &LabelRule| !rule.is_for_patient && !self.is_author;
        if self.label_rules().any(is_kept) && level < Level::Named {
            return self.verdict(Effect::Deny, By::Label, level);
        }
        self.verdict(Effect::Permit, By::OwnRecord, level)
    }

    fn others(&self, level: Level) -> Verdict {
        let glass = self.breaks_glass();
        let is_exempt = level == Level::OptedOut && self.is_exempt();
        let is_over = match level {
            Level::Refused => glass && self.rules.break_glass == Reach::Everything,
            Level::OptedOut => is_exempt || (glass && self.rules.break_glass >= Reach::OptOut),
            _ => true,
        };
        if !is_over {
            return self.verdict(Effect::Deny, By::Consent, level);
        }
        if !glass && self.label_rules().any(|rule| self.is_kept(rule, level)) {
            return self.verdict(Effect::Deny, By::Label, level);
        }
        let by = if glass {
            By::BreakGlass
        } else if level.is_permit() {
            By::Consent
        } else if is_exempt {
            By::TreatmentTeam
        } else if self.relation.kind == Kinship::Proxy {
            By::Proxy
        } else {
            return self.by_default(level);
        };
        self.verdict(Effect::Permit, by, level)
    }

    fn by_default(&self, level: Level) -> Verdict {
        let may = self.rules.default == Default::PermitTpo && self.caller.treats_or_pays();
        let effect = if may { Effect::Permit } else { Effect::Deny };
        self.verdict(effect, By::Default, level)
    }

    /// Whether the rule of a label keeps the row from somebody else than the patient.
    fn is_kept(&self, rule: &LabelRule, level: Level) -> bool {
        let needed = if rule.is_named {
            Level::Named
        } else {
            Level::Permitted
        };
        match rule.need {
            _ if level >= needed => false,
            _ if self.relation.kind == Kinship::Proxy && !rule.is_for_proxies => true,
            Need::Nothing => rule.is_named,
            Need::ConsentToDisclose => self.discloses(),
            Need::Author => !self.is_author,
        }
    }

    /// In force for this patient, to read in an emergency, and of nothing that is never opened (R22).
    fn breaks_glass(&self) -> bool {
        let is_read = matches!(self.caller.action, Action::Access | Action::Use);
        let mut emergencies = [BREAK_GLASS, EMERGENCY].into_iter();
        self.relation.has_broken_glass(self.now_us)
            && is_read
            && emergencies.any(|listed| self.caller.has_purpose(listed, true))
            && self.label_rules().all(|rule| rule.opens_in_emergency)
    }

    fn is_exempt(&self) -> bool {
        self.rules.custodian_exemption
            && self.relation.treats
            && !self.caller.is_elsewhere(self.class.custodian.as_ref())
            && self.caller.is_for_treatment()
    }

    fn discloses(&self) -> bool {
        self.actions().has(Action::Disclose)
    }

    pub fn actions(&self) -> Actions {
        let custodian = self.class.custodian.as_ref();
        self.caller.actions(self.relation.kind, custodian)
    }

    fn label_rules(&self) -> impl Iterator<Item = &LabelRule> {
        self.rules.of(&self.class.sensitivities)
    }

    fn verdict(&self, effect: Effect, by: By, level: Level) -> Verdict {
        let is_noticed = effect == Effect::Permit
            && self.discloses()
            && self.label_rules().any(|rule| rule.has_notice);
        Verdict {
            effect,
            by,
            obligations: Obligations {
                notice: is_noticed,
                consent_copy: is_noticed && level.is_permit(),
                break_glass: by == By::BreakGlass,
            },
        }
    }
}
