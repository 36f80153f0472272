//! Whose state a token opens: that of its user, of its patient, or of all who use the app, as far as its scopes on Basic reach.

use crate::server::AuthorizationServer;
use crate::state::AppCode;
use ward_access::{Action, Caller, Context, ResourceScope, Target};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};

/// Who a state is about, seen from a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Everybody who uses the app.
    Everybody,
    User,
    /// Of the launch.
    Patient,
    /// Another, for a client that acts for itself.
    Named,
}

pub struct Rights<'a> {
    caller: &'a Caller,
    base: &'a str,
}

/// What a search asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// Absolute URL; `None`: of everybody.
    pub subject: Option<&'a str>,
    /// System and code.
    code: Option<(&'a str, &'a str)>,
}

/// Whom state can be about. <https://hl7.org/fhir/R4/basic.html> itself would take any resource.
const SUBJECTS: [&str; 5] = [
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
    "Person",
];

impl<'a> Rights<'a> {
    pub fn of(server: &'a AuthorizationServer, caller: &'a Caller) -> Rights<'a> {
        Rights {
            caller,
            base: &server.settings().base,
        }
    }

    /// Who an absolute URL names. Refused: not absolute, or not somebody whose state the caller could have.
    pub fn subject(&self, subject: Option<&str>) -> Result<Subject> {
        let Some(url) = subject else {
            return Ok(Subject::Everybody);
        };
        let below = url
            .strip_prefix(self.base)
            .and_then(|rest| rest.strip_prefix('/'));
        let Some((ty, id)) = below.and_then(|below| below.split_once('/')) else {
            let text = format!("the subject is an absolute URL below {}", self.base);
            return Err(Failure::new(Kind::Invalid, text).at("Basic.subject.reference"));
        };
        if !SUBJECTS.contains(&ty) || !is_id(id) {
            let text = format!("the subject is one of {}", SUBJECTS.join(", "));
            return Err(Failure::new(Kind::Invalid, text).at("Basic.subject.reference"));
        }
        if self.caller.fhir_user.as_deref() == below {
            return Ok(Subject::User);
        }
        if ty == "Patient" && self.caller.patient.as_deref() == Some(id) {
            return Ok(Subject::Patient);
        }
        match self.caller.is_system() {
            true => Ok(Subject::Named),
            false => Err(forbidden(
                "the subject is neither the user nor the patient of the token",
            )),
        }
    }

    pub fn permit(&self, action: Action, about: Subject, code: &AppCode) -> bool {
        self.scopes(action)
            .any(|scope| reaches(scope.context, about) && covers(scope, code))
    }

    pub fn demand(&self, action: Action, about: Subject, code: &AppCode) -> Result<()> {
        let permitted = self.permit(action, about, code);
        permitted.then_some(()).ok_or_else(|| forbidden(NO_SCOPE))
    }

    /// For some code.
    pub fn demand_about(&self, action: Action, about: Subject) -> Result<()> {
        let permitted = self
            .scopes(action)
            .any(|scope| reaches(scope.context, about));
        permitted.then_some(()).ok_or_else(|| forbidden(NO_SCOPE))
    }

    /// For some code and subject.
    pub fn demand_some(&self, action: Action) -> Result<()> {
        let permitted = self.scopes(action).next().is_some();
        permitted.then_some(()).ok_or_else(|| forbidden(NO_SCOPE))
    }

    /// Those that may do it with some Basic, each in a context that is the token's.
    fn scopes(&self, action: Action) -> impl Iterator<Item = &'a ResourceScope> {
        let basic = r4().resource_type("Basic");
        let caller = self.caller;
        let is_own = move |context| match context {
            Context::User => caller.is_user(),
            Context::Patient => caller.patient.is_some(),
            Context::System => caller.is_system(),
        };
        caller.scopes.resources().filter(move |scope| {
            let is_basic = match scope.target {
                Target::Every => true,
                Target::Type(ty) => Some(ty) == basic,
            };
            is_basic && scope.actions.contains(action) && is_own(scope.context)
        })
    }
}

fn reaches(context: Context, about: Subject) -> bool {
    match context {
        Context::Patient => about == Subject::Patient,
        Context::User => about != Subject::Named,
        Context::System => true,
    }
}

/// Whether a granular scope, which can only be by `code`, takes this code in.
fn covers(scope: &ResourceScope, code: &AppCode) -> bool {
    scope.query.iter().all(|(name, value)| {
        let one = |token: &str| match token.split_once('|') {
            Some((system, own)) => system == code.system && own == code.code,
            None => token == code.code,
        };
        name == "code" && value.split(',').any(one)
    })
}

/// Reads `code`, and `subject` or `subject:missing=true`. What else is asked is refused: it would be passed over in silence.
pub fn query(parameters: &[(String, String)]) -> Result<Query<'_>> {
    let (mut subject, mut code) = (None, None);
    for (name, value) in parameters {
        let is_new = match (name.as_str(), value.as_str()) {
            ("subject", url) => subject.replace(Some(url)).is_none(),
            ("subject:missing", "true") => subject.replace(None).is_none(),
            ("code", token) => {
                let coding = token
                    .split_once('|')
                    .ok_or_else(|| invalid("code is system|code"))?;
                code.replace(coding).is_none()
            }
            _ => {
                return Err(invalid(
                    "app state is searched by code, and by subject or subject:missing=true",
                ));
            }
        };
        if !is_new {
            return Err(invalid("a parameter is sent more than once"));
        }
    }
    match subject {
        Some(subject) => Ok(Query { subject, code }),
        None => Err(invalid("subject, or subject:missing=true, is needed")),
    }
}

impl Query<'_> {
    pub fn is_of(&self, code: &AppCode) -> bool {
        let asked = self.code;
        asked.is_none_or(|(system, own)| system == code.system && own == code.code)
    }
}

/// <https://hl7.org/fhir/R4/datatypes.html#id>
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

const NO_SCOPE: &str =
    "the token's scopes do not permit this with app state of this subject and code";

fn forbidden(text: &str) -> Failure {
    Failure::new(Kind::Forbidden, text)
}

fn invalid(text: &str) -> Failure {
    Failure::new(Kind::Invalid, text)
}
