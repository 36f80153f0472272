//! The page where a patient is chosen, and what the person may see of patients: asked through the same door as every other
//! search, so that access and audit hold. <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#requesting-context-with-scopes> (S83)

use super::next::Next;
use super::{at_page, link};
use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::endpoints::Endpoint;
use crate::page::{ChoosePatient, Page, PatientChoice};
use crate::people::session::Session;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Authorization, Changes};
use crate::trail::Trail;
use serde_json::Value;
use ward_access::{Caller, Identity, Scopes};
use ward_fhir::schema::r4;
use ward_resources::{Call, Interaction, Reply};

/// Patients on one page; who is not among them is found by name, birth date or number.
const CHOICES_MAX: usize = 20;
/// Bytes of what is typed into the search field.
const SEARCHED_BYTES_MAX: usize = 200;

pub(super) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let (mut under_way, session) =
        match at_page(server, request, Next::ChoosePatient, trail).await? {
            Ok(found) => found,
            Err(elsewhere) => return Ok(elsewhere),
        };
    let action = link(Endpoint::ChoosePatient, &under_way.authorization.id);
    let chosen = match request.method {
        "POST" => {
            server.forms().check(request, &action)?;
            request.parameters.get("patient")
        }
        _ => None,
    };
    let error = match chosen {
        None => None,
        Some(id) if sees(server, &session, id, request).await? => {
            under_way.authorization.patient = Some(id.to_owned());
            let changes = Changes::new().replace(&under_way.authorization);
            state::commit(server.store(), changes, request.now_s).await?;
            let id = &under_way.authorization.id;
            return Ok(Answer::redirect(link(Endpoint::Authorize, id)));
        }
        Some(_) => {
            trail.refused();
            Some("There is no such patient among those whose records you may see.".to_owned())
        }
    };
    let searched = request.parameters.get("name").unwrap_or_default();
    let found = search(server, &session, searched, request).await?;
    let more = found.len() > CHOICES_MAX;
    let page = ChoosePatient {
        form: server
            .forms()
            .form(request.session.unwrap_or_default(), &action),
        app: under_way.client.name.clone(),
        searched: searched.to_owned(),
        patients: found.iter().take(CHOICES_MAX).map(choice).collect(),
        more,
        error,
    };
    Ok(Answer::page(200, Page::ChoosePatient(page)))
}

/// Whether the person may see the patient that an authorization is about. True where it is about none.
pub(super) async fn may_see(
    server: &AuthorizationServer,
    session: &Session,
    authorization: &Authorization,
    request: &Request<'_>,
) -> Result<bool, OAuthError> {
    match authorization.patient_in_context() {
        None => Ok(true),
        Some(id) => sees(server, session, id, request).await,
    }
}

pub(super) fn not_seen() -> OAuthError {
    OAuthError::new(
        ErrorCode::AccessDenied,
        "the user may not see the record of this patient",
    )
}

/// Name of a patient as the person sees it; `None` where they do not.
pub(crate) async fn patient_name(
    server: &AuthorizationServer,
    session: &Session,
    id: &str,
    request: &Request<'_>,
) -> Result<Option<String>, OAuthError> {
    Ok(read(server, session, id, request)
        .await?
        .map(|patient| name(&patient)))
}

async fn sees(
    server: &AuthorizationServer,
    session: &Session,
    id: &str,
    request: &Request<'_>,
) -> Result<bool, OAuthError> {
    Ok(read(server, session, id, request).await?.is_some())
}

async fn read(
    server: &AuthorizationServer,
    session: &Session,
    id: &str,
    request: &Request<'_>,
) -> Result<Option<Value>, OAuthError> {
    let ty = patient_type()?;
    let id = id.to_owned();
    let reply = ask(
        server,
        session,
        Interaction::Read { ty, id },
        Vec::new(),
        request,
    )
    .await;
    match reply.status {
        200 => Ok(json(&reply)),
        503 | 504 => Err(OAuthError::unavailable()),
        _ => Ok(None),
    }
}

/// One more than is shown, so that it is known whether there are more.
async fn search(
    server: &AuthorizationServer,
    session: &Session,
    searched: &str,
    request: &Request<'_>,
) -> Result<Vec<Value>, OAuthError> {
    let mut parameters = vec![("_count".to_owned(), (CHOICES_MAX + 1).to_string())];
    let searched = searched.trim();
    if searched.len() > SEARCHED_BYTES_MAX {
        return Ok(Vec::new());
    }
    if !searched.is_empty() {
        parameters.push((parameter_for(searched).to_owned(), escaped(searched)));
    }
    let interaction = Interaction::SearchType {
        ty: patient_type()?,
    };
    let reply = ask(server, session, interaction, parameters, request).await;
    if matches!(reply.status, 503 | 504) {
        return Err(OAuthError::unavailable());
    }
    let bundle = json(&reply).unwrap_or_default();
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let patients = entries
        .into_iter()
        .map(|mut entry| entry["resource"].take());
    Ok(patients
        .filter(|r| r["resourceType"] == "Patient")
        .collect())
}

/// A birth date, a number, or a name.
fn parameter_for(searched: &str) -> &'static str {
    let digits = searched.bytes().filter(u8::is_ascii_digit).count();
    let is_date = searched.len() == 10
        && digits == 8
        && searched
            .bytes()
            .enumerate()
            .all(|(at, b)| (b == b'-') == (at == 4 || at == 7));
    match (is_date, digits) {
        (true, _) => "birthdate",
        (false, 0) => "name",
        _ => "identifier",
    }
}

/// What a search would take for its own punctuation.
fn escaped(searched: &str) -> String {
    let mut out = String::with_capacity(searched.len());
    for letter in searched.chars() {
        if matches!(letter, '\\' | ',' | '$' | '|') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// Asks as the person: staff by their roles, a patient's account for its own record.
async fn ask(
    server: &AuthorizationServer,
    session: &Session,
    interaction: Interaction,
    parameters: Vec<(String, String)>,
    request: &Request<'_>,
) -> Reply {
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    let mut call = Call::new(interaction, request_id, request.source.into());
    call.parameters = parameters;
    server
        .engine()
        .answer(&caller(session, request.now_s), &call)
        .await
}

fn caller(session: &Session, now_s: i64) -> Caller {
    let scope = match session.patient {
        Some(_) => "patient/Patient.rs",
        None => "user/Patient.rs",
    };
    Caller::new(Identity {
        subject: session.subject.clone(),
        client_id: OWN_CLIENT.to_owned(),
        fhir_user: session.fhir_user.clone(),
        patient: session.patient.clone(),
        scopes: Scopes::parse(scope).unwrap_or_default(),
        roles: session.roles.clone(),
        purpose: None,
        session: Some(session.sid().to_owned()),
        token_id: String::new(),
        expires_s: now_s,
    })
}

/// How the records name the authorization server itself.
const OWN_CLIENT: &str = "ward-authorization";

fn patient_type() -> Result<ward_fhir::TypeId, OAuthError> {
    r4().resource_type("Patient")
        .ok_or_else(OAuthError::unavailable)
}

fn json(reply: &Reply) -> Option<Value> {
    serde_json::from_slice(reply.json()?).ok()
}

fn choice(patient: &Value) -> PatientChoice {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    PatientChoice {
        id: text(&patient["id"]),
        name: name(patient),
        birth_date: text(&patient["birthDate"]),
        identifier: text(&patient["identifier"][0]["value"]),
    }
}

/// The official name, else the first.
fn name(patient: &Value) -> String {
    let names = patient["name"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let official = names.iter().find(|name| name["use"] == "official");
    let Some(name) = official.or_else(|| names.first()) else {
        return "(no name)".to_owned();
    };
    if let Some(text) = name["text"].as_str() {
        return text.to_owned();
    }
    let given = name["given"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let parts = given.iter().chain([&name["family"]]);
    let words: Vec<&str> = parts.filter_map(Value::as_str).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_typed_is_a_date_a_number_or_a_name() {
        for (typed, expected) in [
            ("1970-12-31", "birthdate"),
            ("1970-1-1", "identifier"),
            ("MRN123", "identifier"),
            ("Ada Lovelace", "name"),
            ("0123456789", "identifier"),
        ] {
            assert_eq!(parameter_for(typed), expected, "{typed}");
        }
        assert_eq!(escaped("a,b|c"), "a\\,b\\|c");
    }

    #[test]
    fn the_official_name_is_shown() {
        let patient = json!({"id": "1", "birthDate": "1970-01-01", "name": [
            {"use": "nickname", "text": "Ada"},
            {"use": "official", "given": ["Augusta", "Ada"], "family": "King"}
        ], "identifier": [{"value": "42"}]});
        let shown = choice(&patient);
        assert_eq!(shown.name, "Augusta Ada King");
        assert_eq!((shown.id.as_str(), shown.identifier.as_str()), ("1", "42"));
        assert_eq!(choice(&json!({"id": "1"})).name, "(no name)");
    }
}
