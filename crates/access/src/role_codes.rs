//! Which role of the site a code of `PractitionerRole.code` stands for.

use crate::role::Roles;
use std::collections::HashMap;
use std::sync::Arc;
use ward_fhir::Node;

/// Roles by code. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleCodes(Arc<HashMap<(String, String), String>>);

/// The example codes of R4: <https://hl7.org/fhir/R4/valueset-practitioner-role.html>. `ict`, `teacher` and `researcher` stand for
/// nothing: who looks after the system is named by an account, and the others have no role that Ward comes with.
const SHIPPED: [(&str, &str); 3] = [
    ("doctor", "physician"),
    ("nurse", "nurse"),
    ("pharmacist", "pharmacist"),
];
const PRACTITIONER_ROLE: &str = "http://terminology.hl7.org/CodeSystem/practitioner-role";

impl RoleCodes {
    /// The codes that Ward comes with.
    pub fn shipped() -> RoleCodes {
        let rows = SHIPPED.map(|(code, role)| {
            let coding = (PRACTITIONER_ROLE.to_owned(), code.to_owned());
            (coding, role.to_owned())
        });
        RoleCodes(Arc::new(rows.into_iter().collect()))
    }

    /// These, and the ones of a site: `system|code=role`, or `system|code=` for a code that stands for no role. Errors name the
    /// row that is not understood, or whose role there is not among `known`.
    pub fn with(&self, rows: &[String], known: &Roles) -> Result<RoleCodes, String> {
        let mut all = HashMap::clone(&self.0);
        for row in rows {
            let (coding, role) = row
                .rsplit_once('=')
                .ok_or_else(|| format!("`{row}` is not system|code=role"))?;
            let (system, code) = coding
                .split_once('|')
                .filter(|(system, code)| !system.is_empty() && !code.is_empty())
                .ok_or_else(|| format!("`{row}` is not system|code=role"))?;
            let coding = (system.to_owned(), code.to_owned());
            if role.is_empty() {
                all.remove(&coding);
            } else if known.get(role).is_some() {
                all.insert(coding, role.to_owned());
            } else {
                return Err(format!("there is no role `{role}`"));
            }
        }
        Ok(RoleCodes(Arc::new(all)))
    }

    /// The role of a Coding, where it stands for one.
    pub fn role(&self, coding: Node<'_>) -> Option<&str> {
        let part = |name: &str| coding.text(name).map(str::to_owned);
        self.0
            .get(&(part("system")?, part("code")?))
            .map(String::as_str)
    }
}

impl Default for RoleCodes {
    fn default() -> RoleCodes {
        RoleCodes::shipped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_adds_replaces_and_takes_away() {
        let rows = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
        let known = Roles::seeded();
        let with = |these: &[&str]| RoleCodes::shipped().with(&rows(these), &known);
        let codes = with(&[
            "http://snomed.info/sct|224535009=nurse",
            &format!("{PRACTITIONER_ROLE}|doctor="),
        ])
        .unwrap();
        let get = |system: &str, code: &str| codes.0.get(&(system.into(), code.into())).cloned();
        assert_eq!(
            get("http://snomed.info/sct", "224535009").as_deref(),
            Some("nurse")
        );
        assert_eq!(get(PRACTITIONER_ROLE, "doctor"), None);
        assert_eq!(get(PRACTITIONER_ROLE, "nurse").as_deref(), Some("nurse"));
        for wrong in ["nurse", "a=nurse", "|a=nurse", "a|=nurse", "a|b=no-role"] {
            assert!(with(&[wrong]).is_err(), "{wrong}");
        }
        for (_, role) in SHIPPED {
            assert!(known.get(role).is_some(), "{role}");
        }
    }
}
