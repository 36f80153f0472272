//! How long records of the audit log are kept: `audit.retention_years`, and rules for some of them. 45 CFR 164.316(b)(2) and 164.528 ask for six
//! years.

use super::audit::Audit;
use ward_audit::{Outcome, Record};
use ward_fhir::reference::{self, Reference};
use ward_resources::may_be_accounted;

/// What is kept how long. The first rule that is met decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    rules: Vec<Rule>,
    default: Kept,
    /// `Patient/x`, `Practitioner/x`, `client:x`: whose records stay.
    pub hold: Vec<String>,
}

/// `INTERACTION[/SUBTYPE] [OUTCOME] YEARS`
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// None: any.
    interaction: Option<String>,
    subtype: Option<String>,
    outcome: Option<Outcome>,
    kept: Kept,
}

/// None: for ever.
pub type Years = Option<u32>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub years: Years,
    /// The rule, as it stands in a removal.
    pub rule: String,
}

/// What is accounted for is kept so long, whatever a rule says.
const ACCOUNTED_YEARS: u32 = 6;
const YEARS_MAX: u32 = 1_000;

impl Retention {
    /// Messages name the option.
    pub fn of(audit: &Audit) -> Result<Retention, String> {
        let years = audit.retention_years;
        if years != 0 && !(ACCOUNTED_YEARS..=YEARS_MAX).contains(&years) {
            return Err(format!(
                "audit.retention_years must be at least {ACCOUNTED_YEARS}, as accountings of disclosures need, or 0: for ever"
            ));
        }
        let rules = audit.retention_rules.iter().map(|text| {
            Rule::parse(text).ok_or_else(|| {
                format!("audit.retention_rules: {text:?} is no rule (INTERACTION[/SUBTYPE] [success|minor|serious|major] YEARS|forever)")
            })
        });
        if let Some(bad) = audit.retention_hold.iter().find(|text| !is_somebody(text)) {
            return Err(format!(
                "audit.retention_hold: {bad:?} is none of Patient/x, Practitioner/x and client:x"
            ));
        }
        Ok(Retention {
            rules: rules.collect::<Result<_, _>>()?,
            default: Kept::new("all", (years != 0).then_some(years)),
            hold: audit.retention_hold.clone(),
        })
    }

    /// Of a Record, or of what it has in common with others.
    pub fn kept(&self, record: &Record) -> &Kept {
        let is_accounted = may_be_accounted(record);
        let is_short = |years: Years| years.is_some_and(|years| years < ACCOUNTED_YEARS);
        let decides =
            |rule: &&Rule| rule.is_met(record) && !(is_accounted && is_short(rule.kept.years));
        let rule = self.rules.iter().find(decides);
        rule.map_or(&self.default, |rule| &rule.kept)
    }

    /// Whether nothing is ever taken out.
    pub fn is_for_ever(&self) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.kept);
        rules
            .chain([&self.default])
            .all(|kept| kept.years.is_none())
    }
}

impl Kept {
    fn new(of: &str, years: Years) -> Kept {
        let rule = match years {
            None => format!("retention: {of} for ever"),
            Some(1) => format!("retention: {of} for 1 year"),
            Some(years) => format!("retention: {of} for {years} years"),
        };
        Kept { years, rule }
    }

    /// Before which time records are over, microseconds since 1970: a year has 365.25 days, and there is a day more.
    pub fn until_us(&self, now_us: i64) -> Option<i64> {
        let kept_us = i64::from(self.years?) * YEAR_US + DAY_US;
        Some(now_us.saturating_sub(kept_us))
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Rule> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (kind, outcome, years) = match words[..] {
            [kind, years] => (kind, None, years),
            [kind, outcome, years] => (kind, Some(self::outcome(outcome)?), years),
            _ => return None,
        };
        let years = match years {
            "forever" => None,
            years => Some(years.parse().ok().filter(|n| (1..=YEARS_MAX).contains(n))?),
        };
        let (interaction, subtype) = match kind.split_once('/') {
            Some((interaction, subtype)) => (interaction, Some(subtype)),
            None => (kind, None),
        };
        let is_word = |word: &str| !word.is_empty() && !word.contains(char::is_control);
        let named = words[..words.len() - 1].join(" ");
        (is_word(interaction) && subtype.is_none_or(is_word) && text.len() <= RULE_BYTES_MAX).then(
            || Rule {
                interaction: (interaction != "*").then(|| interaction.to_owned()),
                subtype: subtype.map(str::to_owned),
                outcome,
                kept: Kept::new(&named, years),
            },
        )
    }

    fn is_met(&self, record: &Record) -> bool {
        let is =
            |asked: &Option<String>, had: &str| asked.as_ref().is_none_or(|asked| asked == had);
        is(&self.interaction, &record.interaction)
            && is(&self.subtype, &record.detail.subtype)
            && self.outcome.is_none_or(|outcome| outcome == record.outcome)
    }
}

fn outcome(word: &str) -> Option<Outcome> {
    Some(match word {
        "success" => Outcome::Success,
        "minor" => Outcome::Minor,
        "serious" => Outcome::Serious,
        "major" => Outcome::Major,
        _ => return None,
    })
}

fn is_somebody(text: &str) -> bool {
    let is_client = text
        .strip_prefix("client:")
        .is_some_and(|id| !id.is_empty());
    let reference = reference::parse(text, None);
    is_client || matches!(reference, Some(Reference::Local { version: None, .. }))
}

const RULE_BYTES_MAX: usize = 200;
const DAY_US: i64 = 86_400_000_000;
const YEAR_US: i64 = DAY_US / 4 * 1_461;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;
    use ward_audit::{Decision, Detail, Entity};

    fn retention(years: &str, rules: &str, hold: &str) -> Result<Retention, String> {
        let flags: Flags = vec![
            ("audit.retention_years", years.to_owned()),
            ("audit.retention_rules", rules.to_owned()),
            ("audit.retention_hold", hold.to_owned()),
        ];
        let loaded = crate::config::load(None, &flags)?;
        Retention::of(&loaded.config.audit)
    }

    fn record(interaction: &str, purpose: &str, outcome: Outcome) -> Record {
        Record {
            at_us: 0,
            request_id: [0; 16],
            interaction: interaction.into(),
            client_id: String::new(),
            user: String::new(),
            purpose: purpose.into(),
            source: String::new(),
            outcome,
            status: 200,
            query: String::new(),
            entities: vec![Entity {
                ty: 0,
                rid: 1,
                version: 1,
                patient: 1,
                action: b'R',
            }],
            decision: Decision::default(),
            detail: Detail::default(),
        }
    }

    #[test]
    fn the_first_rule_that_is_met_decides() {
        let rules = r#"["read/audit-log forever", "capabilities 1", "read 2", "* serious 20"]"#;
        let retention = retention("7", rules, r#"["Patient/1", "client:lab"]"#).unwrap();
        let mut of_log = record("read", "TREAT", Outcome::Success);
        of_log.detail.subtype = "audit-log".into();
        for (record, rule) in [
            (of_log, "retention: read/audit-log for ever"),
            (
                record("capabilities", "", Outcome::Success),
                "retention: capabilities for 1 year",
            ),
            (
                record("read", "TREAT", Outcome::Serious),
                "retention: read for 2 years",
            ),
            (
                record("update", "", Outcome::Serious),
                "retention: * serious for 20 years",
            ),
            (
                record("update", "", Outcome::Success),
                "retention: all for 7 years",
            ),
            // It is a disclosure: not after two years.
            (
                record("read", "HRESCH", Outcome::Success),
                "retention: all for 7 years",
            ),
            (
                record("read", "HRESCH", Outcome::Serious),
                "retention: read for 2 years",
            ),
        ] {
            assert_eq!(retention.kept(&record).rule, rule);
        }
        assert_eq!(retention.hold, ["Patient/1", "client:lab"]);
    }

    #[test]
    fn what_is_kept_for_ever_has_no_end() {
        assert!(retention("0", "[]", "[]").unwrap().is_for_ever());
        assert!(!retention("0", r#"["* 9"]"#, "[]").unwrap().is_for_ever());
        let six = Kept::new("all", Some(6));
        let now_us = 1_700_000_000_000_000;
        let days = (now_us - six.until_us(now_us).unwrap()) / DAY_US;
        assert_eq!(days, 6 * 365 + 2);
        assert_eq!(Kept::new("all", None).until_us(now_us), None);
    }

    #[test]
    fn what_is_no_rule_is_told() {
        for (years, rules, hold, told) in [
            ("5", "[]", "[]", "audit.retention_years"),
            ("6", r#"["read"]"#, "[]", "audit.retention_rules"),
            ("6", r#"["read bad 7"]"#, "[]", "audit.retention_rules"),
            ("6", r#"["read 0"]"#, "[]", "audit.retention_rules"),
            ("6", r#"["/x 7"]"#, "[]", "audit.retention_rules"),
            ("6", "[]", r#"["somebody"]"#, "audit.retention_hold"),
            ("6", "[]", r#"["client:"]"#, "audit.retention_hold"),
        ] {
            let problem = retention(years, rules, hold).unwrap_err();
            assert!(problem.contains(told), "{problem}");
        }
    }
}
