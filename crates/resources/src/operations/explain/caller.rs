//! The caller that a question is about: as they would be with a token that says so.

use crate::engine::Context;
use ward_access::{Action, Caller, Identity, Purpose, Purposes, Registered, Roles, Scopes};
use ward_fhir::issue::Result;
use ward_fhir::reference::is_id;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};

/// Who would ask, to do what.
pub(super) struct Asked {
    pub caller: Caller,
    pub action: Action,
    /// With the glass broken for the patient.
    pub breaks_glass: bool,
    /// Any other parameter of the question.
    pub resource: Option<String>,
}

/// The caller as they are at this moment.
pub(super) struct InForce {
    pub caller: Caller,
    /// Neither the account nor the rota gives them a role.
    pub is_off_duty: bool,
}

/// Parameters that name the caller, and `resource`.
const KNOWN: [&str; 9] = [
    "user",
    "client",
    "organization",
    "role",
    "purpose",
    "scope",
    "action",
    "break-glass",
    "resource",
];
/// Values of one parameter that may come several times.
const REPEATED_MAX: usize = 20;
/// Client of whom nothing is said.
const SOME_CLIENT: &str = "urn:ward:explain";

impl Asked {
    /// `patient`: logical id of the patient whose record it is about, for apps and those who act for the patient.
    pub fn of(cx: Context<'_>, patient: Option<&str>) -> Result<Asked> {
        let given = Given::read(cx)?;
        let user = given.one("user")?.map(|user| person(&user)).transpose()?;
        let client = given.one("client")?;
        if user.is_none() && client.is_none() {
            return Err(invalid("user", "name who asks: a user, or a client"));
        }
        let client_id = client.unwrap_or_else(|| SOME_CLIENT.to_owned());
        let own = user.as_deref().and_then(|user| user.split_once('/'));
        let patient = match own {
            Some(("Patient", id)) => Some(id.to_owned()),
            Some(("RelatedPerson", _)) => patient.map(str::to_owned),
            _ => None,
        };
        let scopes = match (given.one("scope")?, &user, &patient) {
            (Some(scopes), ..) => scopes,
            (None, _, Some(_)) => "patient/*.cruds".to_owned(),
            (None, Some(_), None) => "user/*.cruds".to_owned(),
            (None, None, _) => "system/*.cruds".to_owned(),
        };
        let scopes = Scopes::parse(&scopes)
            .map_err(|_| invalid("scope", "these scopes are too long, or too many"))?;
        let organization = given.one("organization")?;
        let identity = Identity {
            subject: user.clone().unwrap_or_else(|| client_id.clone()),
            client_id,
            fhir_user: user,
            patient,
            scopes,
            roles: roles(given.all("role"))?,
            purposes: purposes(given.all("purpose"))?,
            client: Registered {
                organization: organization
                    .map(|text| of_type(&text, "Organization"))
                    .transpose()?,
                ..Registered::default()
            },
            ..Identity::default()
        };
        Ok(Asked {
            caller: Caller::new(identity),
            action: action(given.one("action")?.as_deref().unwrap_or("read"))?,
            breaks_glass: yes_or_no(&given, "break-glass")?,
            resource: given.one("resource")?,
        })
    }

    /// The caller in the roles that are in force at this moment. Without a role, whoever needs one: nothing opens to them, and
    /// that is the answer.
    pub async fn in_force(&self, cx: Context<'_>) -> Result<InForce> {
        match cx.engine.on_duty(&self.caller).await {
            Ok(caller) => Ok(InForce {
                caller: caller.map_or_else(|| self.caller.clone(), |caller| Caller::clone(&caller)),
                is_off_duty: false,
            }),
            Err(failure) if failure.kind == Kind::ShiftEnded => Ok(InForce {
                caller: self.caller.clone(),
                is_off_duty: true,
            }),
            Err(failure) => Err(failure),
        }
    }

    /// As consents look at what is done.
    pub fn done(&self) -> ward_consent::Action {
        match self.action {
            Action::Create => ward_consent::Action::Collect,
            Action::Update | Action::Delete => ward_consent::Action::Correct,
            Action::Read | Action::Search => ward_consent::Action::Access,
        }
    }
}

/// Of the query, or of a Parameters body.
struct Given(Vec<(String, String)>);

impl Given {
    fn read(cx: Context<'_>) -> Result<Given> {
        let mut given = cx.call.parameters.clone();
        if cx.call.body.as_ref().is_some_and(|b| !b.bytes.is_empty()) {
            let ty = r4().resource_type("Parameters");
            let document = crate::document::read_body(cx.call, ty)?;
            for parameter in document.root().all("parameter") {
                let value = parameter.get("value");
                let value = value.and_then(|v| v.value().or_else(|| v.text("reference")));
                let name = parameter.text("name").unwrap_or_default();
                let value =
                    value.ok_or_else(|| invalid(name, "it has no value of a kind that is read"))?;
                given.push((name.to_owned(), value.to_owned()));
            }
        }
        match given
            .iter()
            .find(|(name, _)| !KNOWN.contains(&name.as_str()))
        {
            Some((name, _)) => Err(invalid(name, "there is no such parameter")),
            None => Ok(Given(given)),
        }
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.0.iter().filter(move |(known, _)| known == name);
        of_name.map(|(_, value)| value.as_str())
    }

    fn one(&self, name: &str) -> Result<Option<String>> {
        let mut all = self.all(name);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(invalid(name, "it is given twice")),
            (first, None) => Ok(first.filter(|text| !text.is_empty()).map(str::to_owned)),
        }
    }
}

fn yes_or_no(given: &Given, name: &str) -> Result<bool> {
    match given.one(name)?.as_deref() {
        Some("true") => Ok(true),
        None | Some("false") => Ok(false),
        Some(_) => Err(invalid(name, "it is true or false")),
    }
}

fn person(text: &str) -> Result<String> {
    let types = [
        "Practitioner",
        "PractitionerRole",
        "Patient",
        "RelatedPerson",
        "Person",
    ];
    types
        .iter()
        .find_map(|ty| of_type(text, ty).ok())
        .ok_or_else(|| invalid("user", "a user is a Practitioner, PractitionerRole, Patient, RelatedPerson or Person, by its reference"))
}

fn of_type(text: &str, ty: &str) -> Result<String> {
    let id = text
        .strip_prefix(ty)
        .and_then(|rest| rest.strip_prefix('/'));
    match id {
        Some(id) if is_id(id) => Ok(text.to_owned()),
        _ => Err(invalid(
            &ty.to_lowercase(),
            &format!("it is named by its reference: {ty}/id"),
        )),
    }
}

fn roles<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
    let known = Roles::seeded();
    let role = |name: &str| match known.get(name) {
        Some(_) => Ok(name.to_owned()),
        None => Err(invalid("role", "there is no such role")),
    };
    names.take(REPEATED_MAX).map(role).collect()
}

fn purposes<'a>(codes: impl Iterator<Item = &'a str>) -> Result<Purposes> {
    let purpose = |code: &str| {
        Purpose::of(code)
            .ok_or_else(|| invalid("purpose", "a purpose is a code of v3 PurposeOfUse"))
    };
    codes.take(REPEATED_MAX).map(purpose).collect()
}

fn action(name: &str) -> Result<Action> {
    let known = ["create", "read", "update", "delete", "search"];
    let at = known.iter().position(|known| *known == name);
    let found = at.and_then(|at| Action::ALL.get(at).copied());
    found.ok_or_else(|| {
        invalid(
            "action",
            "an action is create, read, update, delete or search",
        )
    })
}

pub(super) fn invalid(name: &str, why: &str) -> Failure {
    let name = crate::route::printable(name);
    Failure::new(Kind::Invalid, format!("parameter '{name}': {why}")).at("Parameters.parameter")
}
