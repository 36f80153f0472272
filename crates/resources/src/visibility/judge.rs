//! Which classes one caller sees: consents, then labels (`docs/decisions/0020-consent-in-the-interactions.md`).

use super::actors::ActingFor;
use super::class::VisibilityClass;
use super::settings::ConsentSettings;
use ward_consent::labels::Masking;
use ward_consent::{
    Action, BREAK_GLASS, By, Caller, Context, Default, Effect, Kinship, Relation, Residual, Rules,
    TREATMENT, Varies, Verdict,
};

/// A caller, ready for many classes.
pub(crate) struct Judge<'a> {
    who: &'a ActingFor,
    site: &'a ConsentSettings,
    caller: Caller,
    glass_until_us: Option<i64>,
    now_us: i64,
    /// For what lies in nobody's record: no default closes it.
    open: (Caller, Rules),
}

impl<'a> Judge<'a> {
    /// `glass_until_us`: the caller has broken the glass for the patient whose rows these are. Verdicts hold as long.
    pub fn new(
        who: &'a ActingFor,
        site: &'a ConsentSettings,
        action: Action,
        (glass_until_us, now_us): (Option<i64>, i64),
    ) -> Judge<'a> {
        let mut caller = Caller {
            action,
            ..who.caller.clone()
        };
        let mut open = caller.clone();
        open.purposes.insert(TREATMENT.into());
        let rules = Rules {
            default: Default::PermitTpo,
            ..site.rules.clone()
        };
        if glass_until_us.is_some() {
            caller.purposes.insert(BREAK_GLASS.into());
        }
        Judge {
            who,
            site,
            caller,
            glass_until_us,
            now_us,
            open: (open, rules),
        }
    }

    /// Whether rows of the class are this caller's to see. What only the interpreter could tell of one row is not.
    pub fn shows(&self, class: &VisibilityClass) -> bool {
        self.sees(class).is_some()
    }

    /// What of rows of the class this caller does not get (R15). `None`: the rows are not theirs to see.
    pub fn sees(&self, class: &VisibilityClass) -> Option<Masking> {
        match class.is_shared {
            true => self.sees_shared(class),
            false => self.sees_of_record(class),
        }
    }

    fn sees_of_record(&self, class: &VisibilityClass) -> Option<Masking> {
        let custodian = class.class.custodian.as_ref();
        let relation = Relation {
            kind: self.who.kinship,
            // Who acts for treatment where the row is kept counts as of its treatment team (R10a).
            treats: custodian.is_some_and(|kept| self.caller.actors.contains(kept)),
            break_glass_until_us: self.glass_until_us,
            law: None,
        };
        let context = self.context(&self.caller, &relation, &self.site.rules);
        let verdict = class.residual.verdict(&class.class, &context);
        let permit = verdict.filter(|verdict| verdict.effect == Effect::Permit)?;
        match is_beyond_clearance(permit) {
            true => Some(Masking::default()),
            false => self.masking(class),
        }
    }

    /// By labels and clearance: no consent is about it and no default. What holds for one's own record opens nothing here.
    fn sees_shared(&self, class: &VisibilityClass) -> Option<Masking> {
        let kinships: &[Kinship] = match self.who.kinship {
            Kinship::Own => &[Kinship::Own, Kinship::Other],
            Kinship::Proxy => &[Kinship::Proxy],
            Kinship::Other => &[Kinship::Other],
        };
        let (caller, rules) = &self.open;
        let is_permitted = |kind: &Kinship| {
            let relation = Relation {
                kind: *kind,
                ..Relation::default()
            };
            let context = self.context(caller, &relation, rules);
            let verdict = Residual::silent().verdict(&class.class, &context);
            verdict.is_some_and(|verdict| verdict.effect == Effect::Permit)
        };
        let masking = self.masking(class)?;
        kinships.iter().all(is_permitted).then_some(masking)
    }

    /// What the labels take that the caller is not cleared for.
    fn masking(&self, class: &VisibilityClass) -> Option<Masking> {
        let rules = &self.site.labels;
        let lacking = self.who.clearance.lacking(&class.labels, rules);
        lacking.masking(rules)
    }

    fn context<'c>(
        &self,
        caller: &'c Caller,
        relation: &'c Relation,
        rules: &'c Rules,
    ) -> Context<'c> {
        Context {
            caller,
            relation,
            varies: Varies::default(),
            rules,
            now_us: self.now_us,
        }
    }
}

/// What opens a row to whom no clearance does (L3).
pub(crate) fn is_beyond_clearance(verdict: Verdict) -> bool {
    matches!(verdict.by, By::OwnRecord | By::Consent | By::BreakGlass)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
