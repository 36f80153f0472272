//! What a site decides about consents and labels.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ward_access::Purpose;
use ward_consent::labels::{Mistake, RuleSet};
use ward_consent::{Default as Unsaid, Reach, Rules};
use ward_fhir::reference::is_id;
use ward_resources::ConsentSettings;
use ward_resources::visibility::{THIS_ORGANIZATION, site_labels};

/// `[consent]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    pub default: String,
    pub organization: String,
    pub default_purpose: String,
    pub verified_only: bool,
    pub custodian_exemption: bool,
    pub break_glass: String,
    pub starter_labels: bool,
    pub label_files: Vec<PathBuf>,
    pub staff_names_to_patients: bool,
}

/// Without the files. Messages name the option.
pub fn check(consent: &Consent) -> Result<(), String> {
    unsaid(&consent.default)?;
    organization(&consent.organization)?;
    purpose(&consent.default_purpose)?;
    reach(&consent.break_glass).map(|_| ())
}

/// With the rules of labels, compiled: milliseconds. Messages name the option, and of files every mistake with its line.
pub fn settings(consent: &Consent) -> Result<ConsentSettings, String> {
    let settings = ConsentSettings::default();
    let settings = ConsentSettings {
        organization: organization(&consent.organization)?,
        default_purpose: purpose(&consent.default_purpose)?,
        rules: Rules {
            default: unsaid(&consent.default)?,
            verified_only: consent.verified_only,
            custodian_exemption: consent.custodian_exemption,
            break_glass: reach(&consent.break_glass)?,
            ..settings.rules
        },
        labels: settings.labels,
    };
    Ok(settings.with_labels(labels(consent)?))
}

fn unsaid(text: &str) -> Result<Unsaid, String> {
    match text {
        "permit_tpo" => Ok(Unsaid::PermitTpo),
        "deny" => Ok(Unsaid::Deny),
        _ => Err("consent.default must be permit_tpo or deny".into()),
    }
}

fn organization(text: &str) -> Result<Arc<str>, String> {
    if text.is_empty() {
        return Ok(THIS_ORGANIZATION.into());
    }
    match text.strip_prefix("Organization/") {
        Some(id) if is_id(id) => Ok(text.into()),
        _ => {
            Err("consent.organization must be a reference such as Organization/h1, or empty".into())
        }
    }
}

fn purpose(code: &str) -> Result<Option<Purpose>, String> {
    if code.is_empty() {
        return Ok(None);
    }
    let known = Purpose::of(code).ok_or_else(|| {
        "consent.default_purpose must be one code of v3 PurposeOfUse such as HOPERAT, or empty"
            .to_owned()
    });
    known.map(Some)
}

fn reach(text: &str) -> Result<Reach, String> {
    match text {
        "defaults" => Ok(Reach::Defaults),
        "opt_out" => Ok(Reach::OptOut),
        "everything" => Ok(Reach::Everything),
        _ => Err("consent.break_glass must be defaults, opt_out or everything".into()),
    }
}

fn labels(consent: &Consent) -> Result<Arc<RuleSet>, String> {
    let texts = consent.label_files.iter().map(|file| read(file));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    site_labels(consent.starter_labels, &texts).map_err(|mistakes| {
        let told = mistakes.iter().map(|one| told(&consent.label_files, one));
        let told: Vec<String> = told.collect();
        format!("consent.label_files:\n{}", told.join("\n"))
    })
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file)
        .map_err(|e| format!("consent.label_files: cannot read {}: {e}", file.display()))
}

fn told(files: &[PathBuf], mistake: &Mistake) -> String {
    let file = files.get(mistake.text);
    let file = file.map(|file| file.display().to_string());
    let file = file.unwrap_or_default();
    format!("  {file}:{}: {}", mistake.line, mistake.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Consent {
        Consent {
            default: "permit_tpo".into(),
            organization: String::new(),
            default_purpose: "HOPERAT".into(),
            verified_only: false,
            custodian_exemption: true,
            break_glass: "defaults".into(),
            starter_labels: true,
            label_files: Vec::new(),
            staff_names_to_patients: true,
        }
    }

    #[test]
    fn what_an_option_says_is_what_holds() {
        let plain = settings(&given()).unwrap();
        assert_eq!(&*plain.organization, THIS_ORGANIZATION);
        assert_eq!(plain.rules.default, Unsaid::PermitTpo);
        assert!(plain.rules.custodian_exemption && !plain.rules.verified_only);
        let strict = settings(&Consent {
            default: "deny".into(),
            organization: "Organization/h1".into(),
            default_purpose: String::new(),
            verified_only: true,
            custodian_exemption: false,
            break_glass: "everything".into(),
            starter_labels: false,
            ..given()
        });
        let strict = strict.unwrap();
        assert_eq!(&*strict.organization, "Organization/h1");
        assert_eq!(strict.rules.default, Unsaid::Deny);
        assert_eq!(strict.rules.break_glass, Reach::Everything);
        assert!(strict.rules.verified_only && !strict.rules.custodian_exemption);
        assert!(strict.default_purpose.is_none() && strict.rules.labels.is_empty());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_its_name() {
        type Change = fn(&mut Consent);
        let change: [(&str, Change); 5] = [
            ("consent.default ", |c| c.default = "permit".into()),
            ("consent.organization", |c| c.organization = "h1".into()),
            ("consent.organization", |c| {
                c.organization = "Organization/a b".into()
            }),
            ("consent.default_purpose", |c| {
                c.default_purpose = "CARE".into()
            }),
            ("consent.break_glass", |c| c.break_glass = "all".into()),
        ];
        for (option, change) in change {
            let mut consent = given();
            change(&mut consent);
            let error = check(&consent).unwrap_err();
            assert!(error.starts_with(option), "{error}");
        }
    }

    #[test]
    fn every_mistake_in_a_file_of_labels_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ours.txt");
        let absent = Consent {
            label_files: vec![file.clone()],
            ..given()
        };
        let error = settings(&absent).unwrap_err();
        assert!(
            error.starts_with("consent.label_files: cannot read"),
            "{error}"
        );
        std::fs::write(&file, "ward-labels 1\nlabel HIV Z\nlabel STD Q\n").unwrap();
        let error = settings(&absent).unwrap_err();
        for line in ["ours.txt:2: ", "ours.txt:3: "] {
            assert!(error.contains(line), "{error}");
        }
        std::fs::write(&file, "ward-labels 1\nlabel HIV V\n  about ours\n").unwrap();
        assert!(settings(&absent).is_ok());
    }
}
