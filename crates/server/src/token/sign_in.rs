//! A caller of a demo store gets an access token from the server that runs on it, as any client of it does.

use super::remote::{Issued, Remote};
use super::{person, system};
use crate::data_folder;
use crate::demo::callers::CallerFiles;
use std::path::{Path, PathBuf};
use ward_smart::DemoCaller;

pub struct SignIn {
    caller: DemoCaller,
    scope: String,
    /// What is asserted: purposes of use.
    purpose: Option<String>,
    /// Logical id of the patient who has an account.
    own_patient: Option<String>,
    /// Whom the app is about, when it is another.
    patient: Option<String>,
    data: PathBuf,
    base: String,
}

impl SignIn {
    /// Errors say which word to mend.
    pub fn of(data: &Path, name: &str) -> Result<SignIn, String> {
        let demo = data_folder::read_demo(data)?.ok_or_else(|| {
            format!(
                "{} is not a demo store; start one with: ward serve --demo",
                data.display()
            )
        })?;
        let caller = DemoCaller::of(name).ok_or_else(|| {
            let names = DemoCaller::ALL.map(DemoCaller::name);
            format!(
                "there is no demo caller '{name}'; there are: {}",
                names.join(", ")
            )
        })?;
        Ok(SignIn {
            caller,
            scope: caller.scope().to_owned(),
            purpose: None,
            own_patient: demo.patient,
            patient: None,
            data: data.to_owned(),
            base: demo.base,
        })
    }

    /// For the app: whom it is about. `None`: the demo's own patient, where the demo has one.
    pub fn about(self, patient: Option<&str>) -> Result<SignIn, String> {
        let (name, is_app) = (self.caller.name(), self.caller == DemoCaller::App);
        match patient {
            Some(_) if !is_app => Err(format!(
                "'{name}' acts for no single patient: leave --patient out"
            )),
            None if is_app && self.own_patient.is_none() => {
                Err(format!("'{name}' acts for one patient: give --patient"))
            }
            _ => Ok(SignIn {
                patient: patient
                    .map(str::to_owned)
                    .filter(|id| Some(id) != self.own_patient.as_ref()),
                ..self
            }),
        }
    }

    /// Scopes in place of the caller's own. The server would drop what is beyond them without a word.
    pub fn within(self, scope: Option<&str>) -> Result<SignIn, String> {
        let Some(scope) = scope else {
            return Ok(self);
        };
        let mut asked = scope.split(' ').filter(|one| !one.is_empty());
        match asked.find(|one| !self.caller.may_ask(one)) {
            Some(one) => Err(format!(
                "'{one}' is no part of what '{}' may do",
                self.caller.name()
            )),
            None => Ok(SignIn {
                scope: scope.to_owned(),
                ..self
            }),
        }
    }

    /// For other purposes of use than what the caller is there for. The server refuses those that it may not act for.
    pub fn acting_for(self, purpose: Option<&str>) -> SignIn {
        SignIn {
            purpose: purpose.map(str::to_owned),
            ..self
        }
    }

    /// FHIR base of the server that the token is for.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Each time with connections of its own, so that it can be asked from any thread's runtime.
    pub async fn token(&self) -> Result<Issued, String> {
        let files = CallerFiles::of(&self.data);
        let remote = Remote::open(&self.base, &self.data)?;
        match self.caller.username() {
            None => {
                let key = files.key(self.caller)?;
                let purpose = self.purpose.as_deref();
                system::token(&remote, self.caller, &self.scope, purpose, &key).await
            }
            Some(own) => {
                // The demo's patient has an account; every other one's record is opened by the clinician in the same app.
                let other = self.patient.as_ref().and(DemoCaller::Clinician.username());
                let username = other.unwrap_or(own);
                let person = files.person(username)?;
                let mut session = files.session(username)?;
                let asked = person::Asked {
                    caller: self.caller,
                    scope: &self.scope,
                    purpose: self.purpose.as_deref(),
                    patient: self.patient.as_deref(),
                };
                person::token(&remote, &asked, &person, &mut session).await
            }
        }
    }
}
