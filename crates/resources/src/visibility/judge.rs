//! Which classes one caller sees: consents, then labels (`docs/decisions/0020-consent-in-the-interactions.md`).

use super::actors::ActingFor;
use super::class::VisibilityClass;
use super::settings::ConsentSettings;
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
        match class.is_shared {
            true => self.shows_shared(class),
            false => self.shows_of_record(class),
        }
    }

    fn shows_of_record(&self, class: &VisibilityClass) -> bool {
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
        let permit = verdict.filter(|verdict| verdict.effect == Effect::Permit);
        permit.is_some_and(|verdict| is_beyond_clearance(verdict) || self.is_cleared(class))
    }

    /// By labels and clearance: no consent is about it and no default. What holds for one's own record opens nothing here.
    fn shows_shared(&self, class: &VisibilityClass) -> bool {
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
        self.is_cleared(class) && kinships.iter().all(is_permitted)
    }

    fn is_cleared(&self, class: &VisibilityClass) -> bool {
        let clearance = &self.who.clearance;
        clearance.dominates(&class.labels, &self.site.labels)
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
