//! The page where a patient is chosen, and what the person may see of patients: asked through the same door as every other
//! search, so that access and audit hold. <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#requesting-context-with-scopes> (S83)

use super::next::Next;
use super::{at_page, link, percent_encode};
use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::claims::authenticated;
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

/// Patients on one page.
const CHOICES_MAX: usize = 20;
/// Beyond so many patients nobody is listed before something is searched for: all of them would have to be put in order.
const LISTED_MAX: u64 = 20_000;
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
    let searched = request.parameters.get("name").unwrap_or_default().trim();
    let is_listed = !searched.is_empty() || all(server, &session, request).await? <= LISTED_MAX;
    let found = match is_listed {
        true => search(server, &session, searched, request).await?,
        false => Found::default(),
    };
    let turned =
        |cursor: Option<String>| cursor.map(|cursor| page_link(&action, searched, &cursor));
    let page = ChoosePatient {
        form: server
            .forms()
            .form(request.session.unwrap_or_default(), &action)
            .leading_to(Some(under_way.authorization.redirect_uri.clone()))
            .framed_by(&under_way.authorization.framed_by),
        app: under_way.client.name.clone(),
        searched: searched.to_owned(),
        patients: found.patients.iter().map(choice).collect(),
        is_listed,
        previous: turned(found.previous),
        next: turned(found.next),
        error,
    };
    Ok(Answer::page(200, Page::ChoosePatient(page)))
}

/// The page of the picker where a page of the search is.
fn page_link(action: &str, searched: &str, cursor: &str) -> String {
    let mut link = action.to_owned();
    for (name, value) in [("name", searched), ("page", cursor)] {
        if !value.is_empty() {
            link.push('&');
            link.push_str(name);
            link.push('=');
            percent_encode(value, &mut link);
        }
    }
    link
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

/// A page of patients, and the cursors of those beside it.
#[derive(Default)]
struct Found {
    patients: Vec<Value>,
    previous: Option<String>,
    next: Option<String>,
}

/// How many patients the person may see.
async fn all(
    server: &AuthorizationServer,
    session: &Session,
    request: &Request<'_>,
) -> Result<u64, OAuthError> {
    let summary = pair("_summary", "count");
    let bundle = searched_for(server, session, vec![summary], request).await?;
    Ok(bundle["total"].as_u64().unwrap_or_default())
}

/// By family name, then by given name.
async fn search(
    server: &AuthorizationServer,
    session: &Session,
    searched: &str,
    request: &Request<'_>,
) -> Result<Found, OAuthError> {
    if searched.len() > SEARCHED_BYTES_MAX {
        return Ok(Found::default());
    }
    let mut parameters = vec![
        pair("_sort", "family,given"),
        pair("_count", &CHOICES_MAX.to_string()),
    ];
    if !searched.is_empty() {
        parameters.push(pair(parameter_for(searched), &escaped(searched)));
    }
    let mut bundle = Value::Null;
    if let Some(cursor) = request.parameters.get("page") {
        let turned = [&parameters[..], &[pair("_cursor", cursor)]].concat();
        bundle = searched_for(server, session, turned, request).await?;
    }
    // The first page; and whoever comes with a link that is too old begins anew.
    if bundle.is_null() {
        bundle = searched_for(server, session, parameters, request).await?;
    }
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let patients = entries.map(|entry| &entry["resource"]);
    Ok(Found {
        patients: patients
            .filter(|resource| resource["resourceType"] == "Patient")
            .cloned()
            .collect(),
        previous: cursor(&bundle, "previous"),
        next: cursor(&bundle, "next"),
    })
}

/// The Bundle; null where there is none.
async fn searched_for(
    server: &AuthorizationServer,
    session: &Session,
    parameters: Vec<(String, String)>,
    request: &Request<'_>,
) -> Result<Value, OAuthError> {
    let interaction = Interaction::SearchType {
        ty: patient_type()?,
    };
    let reply = ask(server, session, interaction, parameters, request).await;
    match reply.status {
        200 => Ok(json(&reply).unwrap_or_default()),
        503 | 504 => Err(OAuthError::unavailable()),
        _ => Ok(Value::Null),
    }
}

/// What stands in a link of a Bundle for the place of its page.
fn cursor(bundle: &Value, relation: &str) -> Option<String> {
    let mut links = bundle["link"].as_array()?.iter();
    let link = links.find(|link| link["relation"] == relation)?;
    let (_, query) = link["url"].as_str()?.split_once('?')?;
    let cursor = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("_cursor="));
    cursor.map(str::to_owned)
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
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
    let mut call = Call::new(interaction, request.request_id, request.source.into());
    call.client_request_id = request.client_request_id.map(Into::into);
    call.parameters = parameters;
    // Who chooses is a person who may see these patients; the authorization server is no client that has a budget.
    call.patients_per_hour = Some(0);
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
        session: Some(session.sid().to_owned()),
        workstation: session.computer.clone(),
        authenticated: authenticated(Some(&session.acr), &session.amr),
        expires_s: now_s,
        ..Identity::default()
    })
}

/// How the records name the authorization server itself.
pub(crate) const OWN_CLIENT: &str = "ward-authorization";

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
        name: name_in_a_list(patient),
        birth_date: text(&patient["birthDate"]),
        identifier: text(&patient["identifier"][0]["value"]),
    }
}

const NO_NAME: &str = "(no name)";

/// The official name, else the first; null where there is none.
fn official(patient: &Value) -> &Value {
    let names = patient["name"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let official = names.iter().find(|name| name["use"] == "official");
    official.or_else(|| names.first()).unwrap_or(&Value::Null)
}

fn name(patient: &Value) -> String {
    let name = official(patient);
    if let Some(text) = name["text"].as_str() {
        return text.to_owned();
    }
    let parts = given(name).chain(name["family"].as_str());
    match parts.collect::<Vec<_>>().join(" ") {
        words if words.is_empty() => NO_NAME.to_owned(),
        words => words,
    }
}

/// `Lovelace, Ada`: what the list goes by stands first.
fn name_in_a_list(patient: &Value) -> String {
    let official = official(patient);
    let given = given(official).collect::<Vec<_>>().join(" ");
    match official["family"].as_str() {
        Some(family) if given.is_empty() => family.to_owned(),
        Some(family) => format!("{family}, {given}"),
        None => name(patient),
    }
}

fn given(name: &Value) -> impl Iterator<Item = &str> {
    let given = name["given"].as_array().into_iter().flatten();
    given.filter_map(Value::as_str)
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
        assert_eq!(name(&patient), "Augusta Ada King");
        assert_eq!(shown.name, "King, Augusta Ada");
        assert_eq!((shown.id.as_str(), shown.identifier.as_str()), ("1", "42"));
        let of = |name: Value| choice(&json!({"id": "1", "name": [name]})).name;
        assert_eq!(of(json!({"text": "Ada L."})), "Ada L.");
        assert_eq!(of(json!({"family": "King"})), "King");
        assert_eq!(of(json!({"given": ["Ada"]})), "Ada");
        assert_eq!(of(json!({"use": "usual"})), NO_NAME);
        assert_eq!(choice(&json!({"id": "1"})).name, NO_NAME);
    }

    #[test]
    fn a_page_of_the_search_is_a_page_of_the_picker() {
        let bundle = json!({"link": [{"relation": "self", "url": "https://ward.example/fhir/Patient?_count=20"},
            {"relation": "next", "url": "https://ward.example/fhir/Patient?_count=20&_cursor=AbC_-"}]});
        let next = cursor(&bundle, "next").unwrap();
        assert_eq!(cursor(&bundle, "self"), None);
        assert_eq!(cursor(&bundle, "previous"), None);
        let link = |searched| page_link("/auth/patient?tx=1", searched, &next);
        assert_eq!(link(""), "/auth/patient?tx=1&page=AbC_-");
        assert_eq!(
            link("van Gogh"),
            "/auth/patient?tx=1&name=van%20Gogh&page=AbC_-"
        );
    }
}
