//! What our own pages ask of the records: as the person who looks at them, through the same door as every other Call, so that access
//! and audit hold.

use crate::answer::OAuthError;
use crate::claims::authenticated;
use crate::people::session::Session;
use crate::request::Request;
use crate::server::AuthorizationServer;
use serde_json::Value;
use ward_access::{Caller, Identity, Roles, Scopes};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_resources::call::Target;
use ward_resources::{Body, Call, Conditions, Format, Interaction, Reply};

/// The records as one person sees them.
pub(crate) struct Records<'a> {
    server: &'a AuthorizationServer,
    request: &'a Request<'a>,
    caller: Caller,
}

/// What was written, or why it was not, in words.
pub(crate) type Written = Result<Value, String>;

impl<'a> Records<'a> {
    /// Of their own record: `patient` is its logical id, and what they may do in it is said by `roles`.
    pub fn own(
        server: &'a AuthorizationServer,
        request: &'a Request<'a>,
        session: &Session,
        patient: &str,
        (scopes, roles): (&str, &Roles),
    ) -> Records<'a> {
        let identity = Identity {
            patient: Some(patient.to_owned()),
            ..identity(session, scopes, request)
        };
        Records {
            server,
            request,
            caller: Caller::in_roles(identity, roles),
        }
    }

    /// By the roles of the person.
    pub fn by_role(
        server: &'a AuthorizationServer,
        request: &'a Request<'a>,
        session: &Session,
        scopes: &str,
    ) -> Records<'a> {
        let identity = Identity {
            roles: session.roles.clone(),
            ..identity(session, scopes, request)
        };
        Records {
            server,
            request,
            caller: Caller::new(identity),
        }
    }

    pub async fn read(&self, ty: &str, id: &str) -> Result<Option<Value>, OAuthError> {
        let (ty, id) = (of_type(ty)?, id.to_owned());
        if !ward_fhir::reference::is_id(&id) {
            return Ok(None);
        }
        let reply = self.ask(self.call(Interaction::Read { ty, id })).await?;
        Ok(json(&reply).filter(|_| reply.status == 200))
    }

    /// The Bundle; null where the person may not search.
    pub async fn page(&self, ty: &str, parameters: &[(&str, &str)]) -> Result<Value, OAuthError> {
        let ty = of_type(ty)?;
        let pairs = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let call = Call {
            parameters: pairs.collect(),
            ..self.call(Interaction::SearchType { ty })
        };
        let reply = self.ask(call).await?;
        Ok(json(&reply)
            .filter(|_| reply.status == 200)
            .unwrap_or_default())
    }

    pub async fn search(
        &self,
        ty: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Vec<Value>, OAuthError> {
        Ok(matches(&self.page(ty, parameters).await?))
    }

    /// `if_none_exist`: a search; what it finds was made before, and is the answer.
    pub async fn create(
        &self,
        resource: &Value,
        if_none_exist: String,
    ) -> Result<Written, OAuthError> {
        let ty = type_of(resource)?;
        let conditions = Conditions {
            if_none_exist: Some(if_none_exist),
            ..Conditions::default()
        };
        let call = Call {
            body: Some(body(resource)),
            conditions,
            ..self.call(Interaction::Create { ty })
        };
        self.written(call).await
    }

    /// Another version of the resource, if nobody has changed it meanwhile.
    pub async fn update(&self, resource: &Value) -> Result<Written, OAuthError> {
        let ty = type_of(resource)?;
        let id = resource["id"].as_str().unwrap_or_default().to_owned();
        let version = resource["meta"]["versionId"].as_str().unwrap_or_default();
        let conditions = Conditions {
            if_match: Some(format!("W/\"{version}\"")),
            ..Conditions::default()
        };
        let call = Call {
            body: Some(body(resource)),
            conditions,
            ..self.call(Interaction::Update { ty, id })
        };
        self.written(call).await
    }

    /// What an operation that changes nothing answers; `Err`: why it did not, in words.
    pub async fn asked(&self, name: &str, target: Target) -> Result<Written, OAuthError> {
        let call = self.call(Interaction::Operation {
            name: name.to_owned(),
            target,
            posted: false,
        });
        let reply = self.server.engine().answer(&self.caller, &call).await;
        let said = json(&reply).unwrap_or_default();
        Ok(match reply.status {
            200 => Ok(said),
            _ => Err(refusal(&said)),
        })
    }

    /// The Bundle of a search; `Err`: why it is not answered, in words.
    pub async fn bundle(
        &self,
        ty: &str,
        parameters: Vec<(String, String)>,
    ) -> Result<Written, OAuthError> {
        let ty = of_type(ty)?;
        let call = Call {
            parameters,
            ..self.call(Interaction::SearchType { ty })
        };
        let reply = self.ask(call).await?;
        let said = json(&reply).unwrap_or_default();
        Ok(match reply.status {
            200 => Ok(said),
            _ => Err(refusal(&said)),
        })
    }

    /// An operation on one resource with another in the body.
    pub async fn operation(
        &self,
        name: &str,
        (ty, id): (&str, &str),
        resource: &Value,
    ) -> Result<Written, OAuthError> {
        let call = Call {
            body: Some(body(resource)),
            ..self.call(Interaction::Operation {
                name: name.to_owned(),
                target: Target::Instance(of_type(ty)?, id.to_owned()),
                posted: true,
            })
        };
        self.written(call).await
    }

    /// Name of whoever or whatever `Type/id` is; `None`: the person does not see it, or it has none.
    pub async fn name(&self, reference: &str) -> Result<Option<String>, OAuthError> {
        match reference.split_once('/') {
            Some((ty, id)) if NAMED.contains(&ty) => {
                Ok(self.read(ty, id).await?.as_ref().and_then(name))
            }
            _ => Ok(None),
        }
    }

    async fn written(&self, call: Call) -> Result<Written, OAuthError> {
        let reply = self.ask(call).await?;
        let said = json(&reply).unwrap_or_default();
        Ok(match reply.status {
            200 | 201 => Ok(said),
            404 | 410 => Err("It is not there any more.".to_owned()),
            409 | 412 => Err(
                "It was changed at the same moment. Look at it again, and then decide.".to_owned(),
            ),
            _ => Err(refusal(&said)),
        })
    }

    async fn ask(&self, call: Call) -> Result<Reply, OAuthError> {
        let reply = self.server.engine().answer(&self.caller, &call).await;
        match reply.status {
            503 | 504 => Err(OAuthError::unavailable()),
            _ => Ok(reply),
        }
    }

    fn call(&self, interaction: Interaction) -> Call {
        let request = self.request;
        let mut call = Call::new(interaction, request.request_id, request.source.into());
        call.client_request_id = request.client_request_id.map(Into::into);
        // A person at a page of ours; the authorization server is no client that has a budget.
        call.patients_per_hour = Some(0);
        call
    }
}

/// The resources that match.
pub(crate) fn matches(bundle: &Value) -> Vec<Value> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let matches = entries.filter(|entry| entry["search"]["mode"] == "match");
    matches.map(|entry| entry["resource"].clone()).collect()
}

/// Where the Bundle goes on (`next`) or back (`previous`).
pub(crate) fn cursor_of(bundle: &Value, relation: &str) -> Option<String> {
    let mut links = bundle["link"].as_array()?.iter();
    let link = links.find(|link| link["relation"] == relation)?;
    let (_, query) = link["url"].as_str()?.split_once('?')?;
    let mut pairs = query.split('&');
    pairs
        .find_map(|pair| pair.strip_prefix("_cursor="))
        .map(str::to_owned)
}

/// Of a person the text or the parts of the name, of an organization the name.
pub(crate) fn name(resource: &Value) -> Option<String> {
    if let Some(name) = resource["name"].as_str() {
        return Some(name.to_owned());
    }
    let names = resource["name"].as_array()?;
    let official = names.iter().find(|name| name["use"] == "official");
    let name = official.or_else(|| names.first())?;
    if let Some(text) = name["text"].as_str() {
        return Some(text.to_owned());
    }
    let parts = |element: &str| {
        let parts = name[element].as_array().into_iter().flatten();
        let parts = parts.filter_map(Value::as_str).map(str::to_owned);
        parts.collect::<Vec<_>>()
    };
    let mut words = parts("prefix");
    words.extend(parts("given"));
    words.extend(name["family"].as_str().map(str::to_owned));
    (!words.is_empty()).then(|| words.join(" "))
}

fn identity(session: &Session, scopes: &str, request: &Request<'_>) -> Identity {
    Identity {
        subject: session.subject.clone(),
        client_id: OWN_CLIENT.to_owned(),
        fhir_user: session.fhir_user.clone(),
        scopes: Scopes::parse(scopes).unwrap_or_default(),
        session: Some(session.sid().to_owned()),
        workstation: session.computer.clone(),
        authenticated: authenticated(Some(&session.acr), &session.amr),
        expires_s: request.now_s,
        ..Identity::default()
    }
}

fn of_type(name: &str) -> Result<TypeId, OAuthError> {
    r4().resource_type(name).ok_or_else(OAuthError::unavailable)
}

fn type_of(resource: &Value) -> Result<TypeId, OAuthError> {
    of_type(resource["resourceType"].as_str().unwrap_or_default())
}

fn body(resource: &Value) -> Body {
    Body {
        bytes: resource.to_string().into(),
        format: Format::Json,
    }
}

fn json(reply: &Reply) -> Option<Value> {
    serde_json::from_slice(reply.json()?).ok()
}

/// The first thing that an OperationOutcome says. It is about what was sent, and holds nothing that is stored.
fn refusal(outcome: &Value) -> String {
    let said = outcome["issue"][0]["diagnostics"].as_str();
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    format!("The server does not take this{said}.")
}

/// How the records name the authorization server itself.
const OWN_CLIENT: &str = "ward-authorization";
/// Types of whoever may be named.
const NAMED: [&str; 7] = [
    "CareTeam",
    "Device",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_people_and_of_organizations() {
        let of = |value: Value| name(&value);
        let person = json!({"name": [{"use": "nickname", "text": "G."}, {"use": "official", "prefix": ["Dr."], "given": ["Grace"], "family": "Hopper"}]});
        assert_eq!(of(person).as_deref(), Some("Dr. Grace Hopper"));
        let hospital = json!({"name": "City Hospital"});
        assert_eq!(of(hospital).as_deref(), Some("City Hospital"));
        let text = json!({"name": [{"text": "Grace H."}]});
        assert_eq!(of(text).as_deref(), Some("Grace H."));
        assert_eq!(of(json!({})), None);
    }

    #[test]
    fn a_refusal_says_why() {
        let outcome =
            json!({"issue": [{"diagnostics": "who is named here is not there any more"}]});
        assert!(refusal(&outcome).contains("not there any more"));
        assert!(!refusal(&Value::Null).contains(':'));
    }
}
