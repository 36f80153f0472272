//! What a site decides for all its patients, beside what they decide themselves: `consent.*` in `docs/guide/configuration.md`.

use std::fmt;
use std::sync::{Arc, OnceLock};
use ward_access::Purpose;
use ward_consent::Rules;
use ward_consent::labels::{Mistake, RuleSet, STARTER};
use ward_search::terminology::{Embedded, Terminology};

/// The organization that runs this server, where nobody has said which one of the store it is. No resource has this name, so no
/// consent can name it.
pub const THIS_ORGANIZATION: &str = "urn:ward:this-organization";
/// What whoever asserts no purpose acts for, by default: within treatment, payment and operations (R9), and no treatment.
pub const DEFAULT_PURPOSE: &str = "HOPERAT";

/// Cheap to clone but for its rules.
#[derive(Clone)]
pub struct ConsentSettings {
    /// `Organization/id`, or [`THIS_ORGANIZATION`]: keeps every row that does not say otherwise, and is the organization of people and
    /// clients of whom none is known.
    pub organization: Arc<str>,
    /// Of callers of whom none is known (R12). `None`: they see only what needs none.
    pub default_purpose: Option<Purpose>,
    pub rules: Rules,
    /// Which codes make a resource how sensitive. `rules.labels` are what they mean: [`ConsentSettings::with_labels`] sets both.
    pub labels: Arc<RuleSet>,
}

impl ConsentSettings {
    /// Whether nobody has said which Organization of the store runs this server.
    pub fn is_unnamed(&self) -> bool {
        *self.organization == *THIS_ORGANIZATION
    }

    /// The same with these rules of labels.
    pub fn with_labels(self, labels: Arc<RuleSet>) -> ConsentSettings {
        ConsentSettings {
            rules: Rules {
                labels: labels.label_rules(),
                ..self.rules
            },
            labels,
            ..self
        }
    }
}

impl Default for ConsentSettings {
    fn default() -> ConsentSettings {
        let bare = ConsentSettings {
            organization: THIS_ORGANIZATION.into(),
            default_purpose: Purpose::of(DEFAULT_PURPOSE),
            rules: Rules::default(),
            labels: Arc::default(),
        };
        bare.with_labels(starter_labels())
    }
}

/// Thousands of rules are no help in a message.
impl fmt::Debug for ConsentSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsentSettings")
            .field("organization", &self.organization)
            .field("default_purpose", &self.default_purpose)
            .field("rules", &self.rules)
            .field("labels", &self.labels.rules().len())
            .finish()
    }
}

/// The rules that Ward brings, compiled once for a process: some milliseconds.
pub fn starter_labels() -> Arc<RuleSet> {
    static STARTER_LABELS: OnceLock<Arc<RuleSet>> = OnceLock::new();
    STARTER_LABELS
        .get_or_init(|| Arc::new(RuleSet::starter()))
        .clone()
}

/// The rules of a site: those of the starter set, if it wants them, and then its own texts, of which a later one replaces labels and rules
/// of the same name. Value sets are those of the R4 package. Errors: every mistake; its `text` counts the site's own from 0.
pub fn site_labels(has_starter: bool, texts: &[String]) -> Result<Arc<RuleSet>, Vec<Mistake>> {
    if has_starter && texts.is_empty() {
        return Ok(starter_labels());
    }
    let starter = has_starter.then_some(STARTER);
    let ours = usize::from(has_starter);
    let all: Vec<&str> = starter
        .into_iter()
        .chain(texts.iter().map(String::as_str))
        .collect();
    let compiled = RuleSet::compile(&all, &|value_set| Embedded.expand(value_set).ok());
    compiled.map(Arc::new).map_err(|mistakes| {
        let theirs = mistakes.into_iter().map(|mistake| Mistake {
            text: mistake.text.saturating_sub(ours),
            ..mistake
        });
        theirs.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_consent::labels::Label;

    fn text(rest: &str) -> String {
        format!("ward-labels 1\nsystem loinc http://loinc.org\n{rest}")
    }

    #[test]
    fn what_labels_mean_follows_from_their_rules() {
        let settings = ConsentSettings::default();
        let meant = settings.rules.labels.len();
        assert_eq!(meant, settings.labels.definitions().count());
        assert_eq!(settings.default_purpose.unwrap().code(), "HOPERAT");
        assert_eq!(&*settings.organization, THIS_ORGANIZATION);
        let alone = site_labels(false, &[text("label HIV R\n  about tests of it\n")]).unwrap();
        let settings = settings.with_labels(alone);
        assert_eq!(settings.rules.labels.len(), 1);
    }

    #[test]
    fn a_site_adds_to_the_starter_set_or_replaces_it() {
        let own = [text(
            "label X R\n  about ours\nrule ours X\n  code loinc 1-8 a test\n",
        )];
        let label = Label::new("http://terminology.hl7.org/CodeSystem/v3-ActCode", "HIV");
        for (has_starter, is_known) in [(true, true), (false, false)] {
            let labels = site_labels(has_starter, &own);
            let labels = labels.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
            assert_eq!(labels.definition(&label).is_some(), is_known);
        }
    }

    #[test]
    fn every_mistake_is_told_with_the_site_s_own_text_and_line() {
        let own = [
            text(""),
            text("label HIV Z\nrule a NOPE\n  code loinc 1-8 a test\n"),
        ];
        for has_starter in [true, false] {
            let mistakes = site_labels(has_starter, &own).map(|_| ()).unwrap_err();
            assert!(!mistakes.is_empty());
            assert!(
                mistakes.iter().all(|mistake| mistake.text == 1),
                "{mistakes:?}"
            );
            assert!(
                mistakes.iter().any(|mistake| mistake.line == 3),
                "{mistakes:?}"
            );
        }
    }

    /// Two tables that must not know each other: they say the same but for what the one of consents departs in.
    #[test]
    fn purposes_lie_within_each_other_alike_for_roles_and_for_consents() {
        for wide in Purpose::all() {
            for purpose in Purpose::all() {
                let by_consents = ward_consent::covers(wide.code(), purpose.code());
                let departs = purpose.code() == "HLEGAL" && wide.code() == "HOPERAT";
                let by_roles = purpose.is_within(wide) && !departs;
                assert_eq!(by_consents, by_roles, "{wide} {purpose}");
            }
        }
    }
}
