//! Why a row is somebody's to see, or not, layer by layer (R24): by the interpreter, where a mask has one bit. What the layers come to is what
//! the mask shows.

use super::actors::ActingFor;
use super::class::VisibilityClass;
use super::judge::{Judge, is_beyond_clearance};
use super::policy::Policy;
use super::settings::ConsentSettings;
use ward_consent::labels::{Lacking, Masking, RowClass};
use ward_consent::{
    Action, BREAK_GLASS, By, Caller, Decision, Default, Effect, Fault, Kinship, Level, Lookup,
    Obligations, Question, Relation, Row, Rules, Step, TREATMENT, interpret,
};

/// A row with what is known of it.
pub(crate) struct Subject<'a> {
    pub row: &'a Row,
    pub labels: &'a RowClass,
    /// As it is stored; `None`: the row is nobody's to see.
    pub class: Option<&'a VisibilityClass>,
    /// Of its home patient; `None`: the row lies in nobody's record.
    pub policy: Option<&'a Policy>,
    pub lookup: &'a dyn Lookup,
}

/// Who asks, to do what.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub who: &'a ActingFor,
    pub site: &'a ConsentSettings,
    pub action: Action,
    /// The caller has broken the glass for the patient until then.
    pub glass_until_us: Option<i64>,
    pub now_us: i64,
}

/// What one layer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub name: &'static str,
    /// `None`: it says nothing, and the next one counts.
    pub effect: Option<Effect>,
    /// As `docs/guide/consent.md` lists them.
    pub rule: &'static str,
    pub text: String,
    /// Provisions that say so.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) struct Explained {
    pub effect: Effect,
    /// Name of the layer that decided.
    pub by: &'static str,
    pub layers: Vec<Layer>,
    pub obligations: Obligations,
    /// What of it the caller does not get (R15).
    pub masking: Masking,
    /// Consents that cannot be evaluated, or name somebody who is gone.
    pub faults: Vec<(String, Fault)>,
}

pub(crate) const CONSENT: &str = "consent";
pub(crate) const LABEL: &str = "label";
pub(crate) const CLEARANCE: &str = "clearance";
pub(crate) const DEFAULT: &str = "default";
const CLASS: &str = "class";

impl Asking<'_> {
    /// Cost: of [`interpret`].
    pub fn explain(&self, subject: &Subject<'_>) -> Explained {
        let like_a_consent = |class: &&VisibilityClass| {
            class.class.is_consent && subject.row.type_name() != "Consent"
        };
        if let Some(class) = subject.class.filter(like_a_consent) {
            return self.of_review(class);
        }
        let decision = match subject.policy {
            Some(policy) => self.decided(subject.row, policy, subject.lookup),
            None => self.of_nobody(subject),
        };
        let clearance = &self.who.clearance;
        let lacking = clearance.lacking(subject.labels, &self.site.labels);
        let masking = lacking.masking(&self.site.labels);
        let is_beyond = is_beyond_clearance(decision.verdict);
        let masking = masking.filter(|_| !is_beyond).unwrap_or_default();
        let mut layers = vec![
            consents(&decision, subject.policy.is_some()),
            labels(&decision),
            cleared(&decision, lacking, &masking),
            default(&decision),
        ];
        layers.extend(self.class(subject, &layers));
        let denies = layers
            .iter()
            .filter(|layer| layer.effect == Some(Effect::Deny));
        let denies: Vec<&'static str> = denies.map(|layer| layer.name).collect();
        let decided = decided(&decision);
        let (effect, by) = match (decision.verdict.effect, denies.last()) {
            (Effect::Deny, _) => (Effect::Deny, decided),
            // What a consent says of a row counts once: here it is permitted all the same, and another layer closes it.
            (Effect::Permit, Some(&last)) if [CLEARANCE, CLASS].contains(&last) => {
                (Effect::Deny, last)
            }
            (Effect::Permit, _) => (Effect::Permit, decided),
        };
        Explained {
            effect,
            by,
            layers,
            obligations: decision.verdict.obligations,
            masking,
            faults: decision.faults,
        }
    }

    /// The review of a broken glass is between the privacy role and the patient, whatever consents say.
    fn of_review(&self, class: &VisibilityClass) -> Explained {
        let moment = (self.glass_until_us, self.now_us);
        let judge = Judge::new(self.who, self.site, self.action, moment);
        let effect = match judge.shows(class) {
            true => Effect::Permit,
            false => Effect::Deny,
        };
        let layer = Layer {
            name: CONSENT,
            effect: Some(effect),
            rule: "R23",
            text: "a review of an access is shown to the patient and to privacy officers"
                .to_owned(),
            steps: Vec::new(),
        };
        Explained {
            effect,
            by: CONSENT,
            layers: vec![layer],
            obligations: Obligations::default(),
            masking: Masking::default(),
            faults: Vec::new(),
        }
    }

    /// Of a row of a record, by its home patient's consents. Cost: of [`interpret`].
    pub fn decided(&self, row: &Row, policy: &Policy, lookup: &dyn Lookup) -> Decision {
        let mut caller = Caller {
            action: self.action,
            ..self.who.caller.clone()
        };
        if self.glass_until_us.is_some() {
            caller.purposes.insert(BREAK_GLASS.into());
        }
        let custodian = row.custodian.as_ref();
        let relation = Relation {
            kind: self.who.kinship,
            treats: custodian.is_some_and(|kept| caller.actors.contains(kept)),
            break_glass_until_us: self.glass_until_us,
            law: None,
        };
        interpret(&Question {
            consents: &policy.consents,
            subjects: &policy.subjects,
            row,
            caller: &caller,
            relation: &relation,
            now_us: self.now_us,
            rules: &self.site.rules,
            lookup,
        })
    }

    /// By labels alone: no default closes what lies in nobody's record, and one's own record opens nothing there.
    fn of_nobody(&self, subject: &Subject<'_>) -> Decision {
        let mut caller = Caller {
            action: self.action,
            ..self.who.caller.clone()
        };
        caller.purposes.insert(TREATMENT.into());
        let rules = Rules {
            default: Default::PermitTpo,
            ..self.site.rules.clone()
        };
        let decided = |kind: Kinship| {
            let relation = Relation {
                kind,
                ..Relation::default()
            };
            interpret(&Question {
                consents: &[],
                subjects: &[],
                row: subject.row,
                caller: &caller,
                relation: &relation,
                now_us: self.now_us,
                rules: &rules,
                lookup: subject.lookup,
            })
        };
        let mut decision = decided(self.who.kinship);
        let as_others = self.who.kinship == Kinship::Own;
        if as_others && decision.verdict.effect == Effect::Permit {
            decision = decided(Kinship::Other);
        }
        decision
    }

    /// Rows are shown by classes. Where a row has none, or its consents ask more than a class holds, it is hidden whatever they say.
    fn class(&self, subject: &Subject<'_>, layers: &[Layer]) -> Option<Layer> {
        let text = match subject.class {
            None => {
                "the resource lies in the record of another patient with consents, too, and is hidden"
            }
            Some(class) => {
                let moment = (self.glass_until_us, self.now_us);
                let judge = Judge::new(self.who, self.site, self.action, moment);
                let is_denied = layers
                    .iter()
                    .any(|layer| layer.effect == Some(Effect::Deny));
                if judge.shows(class) || is_denied {
                    return None;
                }
                "the consents ask more than can be decided for many resources at once, so the resource is hidden"
            }
        };
        Some(Layer {
            name: CLASS,
            effect: Some(Effect::Deny),
            rule: "R11",
            text: text.to_owned(),
            steps: Vec::new(),
        })
    }
}

fn consents(decision: &Decision, is_of_record: bool) -> Layer {
    let level = decision.level;
    let effect = match level {
        _ if level.is_deny() => Some(Effect::Deny),
        _ if level.is_permit() => Some(Effect::Permit),
        _ => None,
    };
    let (rule, text) = match (level, decision.verdict.by) {
        (_, By::ConsentResource) => (
            "R23",
            "a Consent is shown to the patient, to whoever gave it, and to privacy officers",
        ),
        (_, By::OwnRecord) => ("R10", "no consent blocks the patient's own access"),
        (Level::OptedOut, By::TreatmentTeam) => (
            "R10a",
            "the patient opted out of sharing; those who treat at the organization that keeps it are exempt",
        ),
        (Level::Refused | Level::OptedOut, By::BreakGlass) => {
            ("R22", "the glass is broken, over what the patient denies")
        }
        (Level::Refused, _) => ("R4", "the patient denies it"),
        (Level::OptedOut, _) => ("R3", "the patient opted out of sharing"),
        (Level::Silent, _) if !is_of_record => ("R1", "the resource lies in nobody's record"),
        (Level::Silent, _) => ("R1", "no consent in force says anything about it"),
        (Level::Permitted, _) => ("R4", "the patient permits it"),
        (Level::Named, _) => ("R4", "the patient permits it, with the labels named"),
    };
    // A deny that is overcome denies nothing.
    let is_overcome = level.is_deny() && decision.verdict.by != By::Consent;
    let effect = match decision.verdict.by {
        By::ConsentResource => Some(decision.verdict.effect),
        _ if is_overcome => None,
        _ => effect,
    };
    Layer {
        name: CONSENT,
        effect,
        rule,
        text: text.to_owned(),
        steps: decision.path.clone(),
    }
}

fn labels(decision: &Decision) -> Layer {
    let (effect, text) = match decision.verdict.by {
        By::Label => (
            Some(decision.verdict.effect),
            "a label of the resource asks for more than is there: a consent that opens it, or to be its author",
        ),
        _ => (None, "no label of the resource has a rule that closes it"),
    };
    Layer {
        name: LABEL,
        effect,
        rule: "R9",
        text: text.to_owned(),
        steps: Vec::new(),
    }
}

fn cleared(decision: &Decision, lacking: Lacking, masking: &Masking) -> Layer {
    let (effect, text) = if lacking.is_empty() {
        (None, "the caller is cleared for the resource".to_owned())
    } else if is_beyond_clearance(decision.verdict) && decision.verdict.effect == Effect::Permit {
        let text =
            "the caller is not cleared for the resource; what opens it opens it all the same";
        (None, text.to_owned())
    } else if !masking.is_empty() {
        let text =
            "the caller is not cleared for a label that masks some elements; they see the rest";
        (None, text.to_owned())
    } else {
        let level = lacking.level.map(|level| format!("level {}", level.code()));
        let labels = lacking.labels.iter().map(|label| label.code.to_string());
        let what: Vec<String> = level.into_iter().chain(labels).collect();
        let text = format!("the caller is not cleared for {}", what.join(", "));
        (Some(Effect::Deny), text)
    };
    Layer {
        name: CLEARANCE,
        effect,
        rule: "L3",
        text,
        steps: Vec::new(),
    }
}

fn default(decision: &Decision) -> Layer {
    let (effect, rule, text) = match (decision.verdict.by, decision.verdict.effect) {
        (By::Default, Effect::Permit) => (
            Some(Effect::Permit),
            "R9",
            "treatment, payment and operations are permitted by default",
        ),
        (By::Default, Effect::Deny) => (
            Some(Effect::Deny),
            "R9",
            "the default of the installation does not permit this purpose",
        ),
        (By::Proxy, effect) => (Some(effect), "R10", "the caller acts for the patient"),
        (By::BreakGlass, effect) => (Some(effect), "R22", "the glass is broken"),
        (By::Law, effect) => (Some(effect), "R10", "law says so"),
        (By::TreatmentTeam, effect) => (Some(effect), "R10a", "the caller treats where it is kept"),
        (By::OwnRecord, effect) => (Some(effect), "R10", "it is the caller's own record"),
        (By::Consent | By::Label | By::ConsentResource, _) => {
            (None, "R9", "it is not asked, for a layer above has decided")
        }
    };
    Layer {
        name: DEFAULT,
        effect,
        rule,
        text: text.to_owned(),
        steps: Vec::new(),
    }
}

fn decided(decision: &Decision) -> &'static str {
    match decision.verdict.by {
        By::Consent | By::ConsentResource => CONSENT,
        By::Label => LABEL,
        _ => DEFAULT,
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
