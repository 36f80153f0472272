//! Where an EHR says what it has open before it launches an app.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch> (S28, S83, S84)
//!
//! SMART leaves to the EHR how the context comes to be. Here it is one POST, in JSON or as a form, by a client that is
//! registered as an EHR, with a token of its own or by client authentication: `patient`, `encounter` (logical ids), `fhirContext`
//! (array), `intent`, `need_patient_banner`, `purpose_of_use` (what the launch is for: codes separated by spaces), `user` (the `fhirUser` at the EHR, also as the absolute URL at this server), `app` (the
//! `client_id` of the app). It answers
//! `launch`, and `launch_url` where the app has one.

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::authorize::percent_encode;
use crate::client_authentication::asker;
use crate::endpoints::Endpoint;
use crate::purposes;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Client, LAUNCH_LIFETIME_S, LaunchContext, LaunchValues};
use crate::trail::Trail;
use serde::Deserialize;
use serde_json::{Value, json};
use ward_fhir::schema::r4;

/// Items of `fhirContext`.
const CONTEXT_ITEMS_MAX: usize = 50;
const TEXT_BYTES_MAX: usize = 1024;

pub(crate) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let url = server.url(Endpoint::Launch);
    let ehr = match asker(server, request, &url, trail).await? {
        Ok(ehr) => ehr,
        Err(refused) => return Ok(refused),
    };
    if !ehr.may_launch {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "this client is not registered as an EHR",
        ));
    }
    let asked = Asked::read(request)?;
    asked.check()?;
    let app = match &asked.app {
        None => None,
        Some(id) => Some(
            state::get::<Client>(server.store(), id, request.now_s)
                .await?
                .ok_or_else(|| invalid("app is no registered client_id"))?,
        ),
    };
    let asserted = purposes::asserted(asked.purpose_of_use.as_deref())?;
    if let Some(app) = &app {
        purposes::check_client(app, &asserted)?;
    }
    let launch = LaunchContext {
        id: ward_seal::random::token(),
        client_id: asked.app.clone(),
        user: asked.user(&server.settings().base)?,
        values: asked.values(),
        framed_by: ehr.frame_origins.clone(),
        expires_s: request.now_s.saturating_add(LAUNCH_LIFETIME_S),
    };
    state::commit(
        server.store(),
        Changes::new().insert(&launch),
        request.now_s,
    )
    .await?;
    let url = app.and_then(|app| app.launch_uri.clone());
    let url = url.map(|uri| launch_url(&uri, &server.settings().base, &launch.id));
    let mut body = json!({ "launch": launch.id, "expires_in": LAUNCH_LIFETIME_S });
    if let Some(url) = url {
        body["launch_url"] = url.into();
    }
    Ok(Answer::json(201, &body))
}

fn launch_url(launch_uri: &str, base: &str, launch: &str) -> String {
    let mut url = launch_uri.to_owned();
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str("iss=");
    percent_encode(base, &mut url);
    url.push_str("&launch=");
    url.push_str(launch);
    url
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    patient: Option<String>,
    encounter: Option<String>,
    #[serde(rename = "fhirContext")]
    fhir_context: Vec<Value>,
    intent: Option<String>,
    need_patient_banner: Option<bool>,
    purpose_of_use: Option<String>,
    user: Option<String>,
    app: Option<String>,
}

impl Asked {
    fn read(request: &Request<'_>) -> Result<Asked, OAuthError> {
        if let Some(json) = request.json {
            // An array would be read as the members in their order.
            let is_object = json.trim_start().starts_with('{');
            return serde_json::from_str(json)
                .ok()
                .filter(|_| is_object)
                .ok_or_else(|| invalid("the body is not a launch context in JSON"));
        }
        if request.parameters.repeated().is_some() {
            return Err(invalid("a parameter is sent more than once"));
        }
        let text = |name| request.parameters.get(name).map(str::to_owned);
        let fhir_context = match request.parameters.get("fhirContext") {
            None => Vec::new(),
            Some(json) => serde_json::from_str(json)
                .map_err(|_| invalid("fhirContext is not an array in JSON"))?,
        };
        let need_patient_banner = match request.parameters.get("need_patient_banner") {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err(invalid("need_patient_banner is true or false")),
        };
        Ok(Asked {
            patient: text("patient"),
            encounter: text("encounter"),
            fhir_context,
            intent: text("intent"),
            need_patient_banner,
            purpose_of_use: text(purposes::PARAMETER),
            user: text("user"),
            app: text("app"),
        })
    }

    fn check(&self) -> Result<(), OAuthError> {
        let ids = [&self.patient, &self.encounter];
        if !ids.into_iter().flatten().all(|id| is_id(id)) {
            return Err(invalid("patient and encounter are logical ids"));
        }
        let texts = [&self.intent, &self.user, &self.purpose_of_use];
        if texts
            .into_iter()
            .flatten()
            .any(|text| text.len() > TEXT_BYTES_MAX)
        {
            return Err(invalid("intent, user or purpose_of_use is too long"));
        }
        if self.fhir_context.len() > CONTEXT_ITEMS_MAX {
            return Err(invalid("fhirContext has too many items"));
        }
        self.fhir_context.iter().try_for_each(check_item)
    }

    /// As sessions know people: relative to this server's base. Whoever an absolute URL of another server names is nobody here.
    fn user(&self, base: &str) -> Result<Option<String>, OAuthError> {
        let Some(user) = &self.user else {
            return Ok(None);
        };
        if !user.contains("://") {
            return Ok(Some(user.clone()));
        }
        let own = user
            .strip_prefix(base)
            .and_then(|rest| rest.strip_prefix('/'));
        match own.filter(|own| !own.is_empty()) {
            Some(own) => Ok(Some(own.to_owned())),
            None => Err(invalid("user is the URL of somebody at another server")),
        }
    }

    fn values(&self) -> LaunchValues {
        LaunchValues {
            from_ehr: true,
            patient: self.patient.clone(),
            encounter: self.encounter.clone(),
            fhir_context: self.fhir_context.clone(),
            intent: self.intent.clone(),
            need_patient_banner: self.need_patient_banner,
            purpose_of_use: self.purpose_of_use.clone(),
        }
    }
}

/// <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#fhir-context> (S84)
fn check_item(item: &Value) -> Result<(), OAuthError> {
    let Value::Object(members) = item else {
        return Err(invalid("an item of fhirContext is not an object"));
    };
    let known = ["reference", "canonical", "identifier", "type", "role"];
    if !members.keys().all(|name| known.contains(&name.as_str())) {
        return Err(invalid(
            "items of fhirContext have reference, canonical, identifier, type and role",
        ));
    }
    if !["reference", "canonical", "identifier"]
        .iter()
        .any(|name| members.contains_key(*name))
    {
        return Err(invalid("an item of fhirContext names nothing"));
    }
    let role = members.get("role");
    if role.is_some_and(|role| role.as_str().is_none_or(str::is_empty)) {
        return Err(invalid("role of an item of fhirContext is empty"));
    }
    if let Some(reference) = members.get("reference") {
        let reference = reference.as_str().unwrap_or_default();
        let (ty, id) = reference.split_once('/').unwrap_or_default();
        if r4().resource_type(ty).is_none() || !is_id(id) {
            return Err(invalid(
                "reference of an item of fhirContext is not Type/id",
            ));
        }
        let launched = role.is_none_or(|role| role == "launch");
        if launched && matches!(ty, "Patient" | "Encounter") {
            return Err(invalid(
                "the patient and the encounter of a launch are named by patient and encounter",
            ));
        }
    }
    Ok(())
}

/// <https://hl7.org/fhir/R4/datatypes.html#id>
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

fn invalid(why: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s84_items_of_the_context_are_checked() {
        for good in [
            json!({"reference": "ImagingStudy/1"}),
            json!({"reference": "Patient/1", "role": "https://ehr.example/sibling"}),
            json!({"canonical": "http://q.example/Questionnaire/1|2", "type": "Questionnaire"}),
            json!({"identifier": {"value": "1"}, "role": "launch"}),
        ] {
            assert!(check_item(&good).is_ok(), "{good}");
        }
        for bad in [
            json!("ImagingStudy/1"),
            json!({}),
            json!({"role": "launch"}),
            json!({"reference": "https://ehr.example/ImagingStudy/1"}),
            json!({"reference": "ImagingStudy/1", "role": ""}),
            json!({"reference": "ImagingStudy/1", "role": 1}),
            json!({"reference": "Patient/1"}),
            json!({"reference": "Encounter/1", "role": "launch"}),
            json!({"reference": "Nothing/1"}),
            json!({"reference": "ImagingStudy/1", "x": 1}),
        ] {
            assert!(check_item(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_app_is_launched_with_server_and_context() {
        assert_eq!(
            launch_url(
                "https://app.example/launch?x=1",
                "https://ward.example/fhir",
                "abc"
            ),
            "https://app.example/launch?x=1&iss=https%3A%2F%2Fward.example%2Ffhir&launch=abc"
        );
    }
}
