//! What a patient has filled in, and the Consent that it is. Each is a Consent of its own, with a policy of its own, so that none takes
//! another's place (R8): a rule that holds where it matches and says nothing elsewhere (IHE PCF: a root with a type).

use super::Kind;
use super::own::CHOICE;
use crate::dates;
use crate::request::Parameters;
use serde_json::{Value, json};

/// What is filled in, as it is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    pub who: String,
    pub sought: String,
    pub is_whole: bool,
    pub categories: Vec<String>,
    pub is_always: bool,
    pub purposes: Vec<String>,
    pub until: String,
}

/// One thing that is kept private, or allowed.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub kind: Kind,
    pub who: Who,
    /// Empty: the whole record.
    pub categories: Vec<&'static Category>,
    /// Empty: for whatever purpose.
    pub purposes: Vec<&'static str>,
    /// The last day.
    pub until: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Everybody,
    /// Whoever is not of the organization that keeps an entry.
    Elsewhere,
    /// `Practitioner/1`, `Organization/1`, and the name.
    One(String, String),
}

/// Data that many do not want everybody to see.
#[derive(Debug)]
pub(super) struct Category {
    /// The value in the form.
    pub code: &'static str,
    /// Title and meaning.
    pub words: &'static str,
    /// Codes of v3-ActCode that it stands for.
    pub labels: &'static [&'static str],
}

/// Field and what is wrong with it.
pub(super) type Errors = Vec<(String, String)>;

/// Values of `who`.
pub(super) const EVERYBODY: &str = "everybody";
pub(super) const ELSEWHERE: &str = "elsewhere";

impl Filled {
    pub fn of(parameters: &Parameters, kind: Kind) -> Filled {
        let text = |name| parameters.get(name).unwrap_or_default().trim().to_owned();
        let all = |name| parameters.all(name).map(str::to_owned).collect();
        let or = |name, otherwise: &'static str| parameters.get(name).unwrap_or(otherwise) == YES;
        Filled {
            who: text("who"),
            sought: text("find"),
            is_whole: or("whole", YES),
            categories: all("what"),
            // What is allowed is allowed for something.
            is_always: kind == Kind::Keep && or("always", YES),
            purposes: all("purpose"),
            until: text("until"),
        }
    }

    /// `name`: of whom `who` names, where that is a reference and leads to somebody.
    pub fn choice(&self, kind: Kind, name: Option<String>, now_s: i64) -> Result<Choice, Errors> {
        let mut errors = Errors::new();
        let mut wrong = |field: &str, why: &str| errors.push((field.to_owned(), why.to_owned()));
        let who = match (self.who.as_str(), name) {
            (EVERYBODY, _) => Some(Who::Everybody),
            (ELSEWHERE, _) if kind == Kind::Keep => Some(Who::Elsewhere),
            (reference, Some(name)) => Some(Who::One(reference.to_owned(), name)),
            _ => None,
        };
        if who.is_none() {
            wrong("who", "Choose who it is about.");
        }
        let categories = match self.is_whole {
            true => Vec::new(),
            false => CATEGORIES
                .iter()
                .filter(|category| self.categories.iter().any(|code| code == category.code))
                .collect(),
        };
        if !self.is_whole && categories.is_empty() {
            wrong("what", "Tick at least one, or choose the whole record.");
        }
        let purposes = match self.is_always {
            true => Vec::new(),
            false => PURPOSES
                .iter()
                .map(|(code, _)| *code)
                .filter(|code| self.purposes.iter().any(|ticked| ticked == code))
                .collect(),
        };
        if !self.is_always && purposes.is_empty() {
            wrong("purpose", "Tick what it is for.");
        }
        let is_past = |until: i64| until < now_s - now_s.rem_euclid(86_400);
        match dates::from_iso_day(&self.until) {
            _ if self.until.is_empty() => {}
            None => wrong("until", "Write a day as 2027-12-31."),
            Some(day) if is_past(day) => wrong("until", "This day is over."),
            Some(_) => {}
        }
        match who {
            Some(who) if errors.is_empty() => Ok(Choice {
                kind,
                who,
                categories,
                purposes,
                until: Some(self.until.clone()).filter(|until| !until.is_empty()),
            }),
            _ => Err(errors),
        }
    }

    /// The same fields again, for a form that shows what they come to.
    pub fn fields(&self, kind: Kind) -> Vec<(String, String)> {
        let yes = |is: bool| if is { YES } else { NO };
        let mut fields = vec![
            ("new", kind.word()),
            ("who", &self.who),
            ("whole", yes(self.is_whole)),
            ("always", yes(self.is_always)),
            ("until", &self.until),
        ];
        fields.extend(self.categories.iter().map(|code| ("what", code.as_str())));
        fields.extend(self.purposes.iter().map(|code| ("purpose", code.as_str())));
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

impl Choice {
    /// `id`: of the choice, the same each time that the same form is sent.
    pub fn consent(&self, patient: &str, id: &str, now_s: i64) -> Value {
        let patient = json!({ "reference": format!("Patient/{patient}") });
        let consent = json!({
            "resourceType": "Consent",
            "identifier": [{ "system": CHOICE, "value": id }],
            "status": "active",
            "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
            "category": [coded("http://loinc.org", "59284-0")],
            "patient": patient,
            "dateTime": dates::instant(now_s),
            "performer": [patient],
            "policy": [{ "uri": format!("{CHOICE}:{id}") }],
            "provision": self.provision()
        });
        consent
    }

    fn provision(&self) -> Value {
        let effect = match self.kind {
            Kind::Keep => "deny",
            Kind::Allow => "permit",
        };
        let mut provision = json!({ "type": effect });
        if let Some(until) = &self.until {
            provision["period"] = json!({ "end": until });
        }
        match &self.who {
            Who::Everybody => {}
            Who::Elsewhere => {
                let action = coded(
                    "http://terminology.hl7.org/CodeSystem/consentaction",
                    "disclose",
                );
                provision["action"] = json!([action]);
            }
            Who::One(reference, name) => {
                let role = coded(
                    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                    "IRCP",
                );
                let reference = json!({ "reference": reference, "display": name });
                provision["actor"] = json!([{ "role": role, "reference": reference }]);
            }
        }
        let labels = self.categories.iter().flat_map(|category| category.labels);
        let labels: Vec<Value> = labels.map(|code| coding(ACT_CODE, code)).collect();
        if !labels.is_empty() {
            provision["securityLabel"] = labels.into();
        }
        let purposes = self.purposes.iter().map(|code| coding(ACT_REASON, code));
        let purposes: Vec<Value> = purposes.collect();
        if !purposes.is_empty() {
            provision["purpose"] = purposes.into();
        }
        provision
    }
}

fn coded(system: &str, code: &str) -> Value {
    json!({ "coding": [coding(system, code)] })
}

fn coding(system: &str, code: &str) -> Value {
    json!({ "system": system, "code": code })
}

const YES: &str = "yes";
const NO: &str = "no";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

pub(super) const CATEGORIES: [Category; 9] = [
    Category {
        code: "mental-health",
        words: "Mental health: psychiatric and psychological care, and medicines for it",
        labels: &["MH"],
    },
    Category {
        code: "substances",
        words: "Alcohol and drugs: use of alcohol, opioids and other substances, and treatment for it",
        labels: &["SUD"],
    },
    Category {
        code: "hiv",
        words: "HIV: tests, infection and treatment",
        labels: &["HIV"],
    },
    Category {
        code: "std",
        words: "Sexually transmitted infections: tests and treatment",
        labels: &["STD"],
    },
    Category {
        code: "sexuality",
        words: "Sexuality and reproduction: contraception, pregnancy, fertility, sexual health",
        labels: &["SEX"],
    },
    Category {
        code: "violence",
        words: "Abuse and violence: assault, abuse and violence at home",
        labels: &["SDV", "VIO"],
    },
    Category {
        code: "genetics",
        words: "Genetics: inherited risks and tests for them",
        labels: &["GDIS"],
    },
    Category {
        code: "sickle-cell",
        words: "Sickle cell: the disease and the trait",
        labels: &["SCA"],
    },
    Category {
        code: "minors",
        words: "Confidential care of a minor: what a young person has asked to keep from parents",
        labels: &["ADOL"],
    },
];

/// Codes of v3-ActReason with title and meaning.
pub(super) const PURPOSES: [(&str, &str); 6] = [
    (
        "TREAT",
        "Treatment: doctors, nurses and others who care for you",
    ),
    ("ETREAT", "Emergencies: care that cannot wait"),
    ("HPAYMT", "Bills: what is charged to you and your insurance"),
    (
        "HOPERAT",
        "Running the hospital: quality, training, administration",
    ),
    ("HRESCH", "Research: studies that use records"),
    (
        "PUBHLTH",
        "Public health: authorities that watch over diseases",
    ),
];

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
