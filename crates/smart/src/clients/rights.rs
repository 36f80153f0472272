//! What a client may ask for at most, where it is sent back to, and whom it acts for. (C17, S61)

use super::parts::{Offered, Values, is_new, is_ticked, several, text, tick};
use crate::people::account::is_fhir_user;
use crate::purposes;
use crate::registration::{
    Metadata, Problem, check_redirects, check_scope, is_frame_origin, purpose_of_use,
};
use crate::request::Parameters;
use crate::state::{ActsFor, Client, Kind};
use ward_access::{Clearance, Roles};
use ward_fhir::reference::is_id;

const ORGANIZATION: &str = "organization";
const CLEARANCE: &str = "clearance";
const SEES_LABELS: &str = "sees_labels";
const ACTS_FOR: &str = "acts_for_user";
const ROLE: &str = "role";
const ABOUT: &str = "acts_for_patient";
const FRAMES: &str = "frame_origins";
/// Origins of one EHR.
const FRAMES_MAX: usize = 10;

pub(super) fn values(client: &Client) -> Values {
    let may_assert = client.purpose_of_use.clone().unwrap_or_default();
    let mut values = vec![
        ("scope", client.scope.clone()),
        (purposes::PARAMETER, may_assert),
        (
            ORGANIZATION,
            client.organization.clone().unwrap_or_default(),
        ),
        (CLEARANCE, client.clearance.clone().unwrap_or_default()),
    ];
    if client.kind == Kind::System {
        values.push((SEES_LABELS, tick(client.sees_labels)));
        let person = client.acts_for.clone().unwrap_or_default();
        values.push((ACTS_FOR, person.fhir_user.unwrap_or_default()));
        match person.roles.is_empty() {
            true => values.push((ROLE, String::new())),
            false => values.extend(person.roles.into_iter().map(|role| (ROLE, role))),
        }
        values.push((ABOUT, person.patient.unwrap_or_default()));
    } else {
        let launch = client.launch_uri.clone();
        values.push(("redirect_uris", client.redirect_uris.join("\n")));
        values.push(("launch_uri", launch.unwrap_or_default()));
        values.push(("approved_for_staff", tick(client.approved_for_staff)));
    }
    if client.kind != Kind::Public {
        values.push(("may_introspect", tick(client.may_introspect)));
    }
    if client.may_launch {
        values.push((FRAMES, client.frame_origins.join("\n")));
    }
    values
}

pub(super) fn offered(client: &Client) -> Offered {
    if client.kind != Kind::System {
        return Offered::new();
    }
    let roles = Roles::seeded();
    let mut offered: Vec<_> = roles
        .iter()
        .map(|role| (role.name.clone(), role.title.clone()))
        .collect();
    offered.sort();
    offered
        .into_iter()
        .map(|(name, title)| (ROLE, name, title))
        .collect()
}

pub(super) fn entered(client: &Client, parameters: &Parameters) -> Result<Client, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut entered = Client {
        scope: words(parameters, "scope").join(" "),
        purpose_of_use: purpose_of_use(
            parameters.get(purposes::PARAMETER).unwrap_or_default(),
            &mut problems,
        ),
        ..client.clone()
    };
    entered.organization = organization(parameters, &mut problems);
    entered.clearance = clearance(parameters, &mut problems);
    match client.kind {
        Kind::System => {
            entered.sees_labels = is_ticked(parameters, SEES_LABELS);
            entered.acts_for = acts_for(client, parameters, &mut problems);
        }
        _ => {
            entered.redirect_uris = words(parameters, "redirect_uris");
            entered.launch_uri = text(parameters, "launch_uri");
            entered.approved_for_staff = is_ticked(parameters, "approved_for_staff");
        }
    }
    if client.kind != Kind::Public {
        entered.may_introspect = is_ticked(parameters, "may_introspect");
    }
    if client.may_launch {
        entered.frame_origins = frames(parameters, &mut problems);
    }
    let metadata = Metadata {
        scope: entered.scope.clone(),
        redirect_uris: entered.redirect_uris.clone(),
        launch_uri: entered.launch_uri.clone(),
        application_type: client.native.then(|| "native".to_owned()),
        ..Metadata::default()
    };
    check_scope(&metadata, &ceiling(&entered), &mut problems);
    check_redirects(&metadata, client.kind, &mut problems);
    if entered.redirect_uris != client.redirect_uris {
        entered.follow_redirects();
    }
    let held = values(client);
    // What cannot be read is left as it is, which is for nothing, unless something else is entered.
    if !is_new(&held, parameters, purposes::PARAMETER) {
        entered.purpose_of_use = client.purpose_of_use.clone();
    }
    let is_address = |field: &str| {
        ["scope", purposes::PARAMETER, "redirect_uris", "launch_uri"].contains(&field)
    };
    problems.retain(|(field, _)| !is_address(field) || is_new(&held, parameters, field));
    match problems.is_empty() {
        true => Ok(entered),
        false => Err(problems),
    }
}

fn organization(parameters: &Parameters, problems: &mut Vec<Problem>) -> Option<String> {
    let typed = text(parameters, ORGANIZATION)?;
    let id = typed.strip_prefix("Organization/");
    if !id.is_some_and(is_id) {
        let why = "is a reference such as Organization/123".to_owned();
        problems.push((ORGANIZATION, why));
    }
    Some(typed)
}

fn clearance(parameters: &Parameters, problems: &mut Vec<Problem>) -> Option<String> {
    let typed = text(parameters, CLEARANCE)?;
    match Clearance::parse(&typed) {
        Ok(clearance) => Some(clearance.to_string()),
        Err(error) => {
            problems.push((CLEARANCE, format!("does not do: {error}")));
            None
        }
    }
}

/// What is separated by spaces or lines; a comma is part of a granular scope, and may be of an address.
fn words(parameters: &Parameters, field: &str) -> Vec<String> {
    let typed = parameters.get(field).unwrap_or_default();
    typed.split_whitespace().map(str::to_owned).collect()
}

/// The widest scope that an administrator can give to a client of this kind.
fn ceiling(client: &Client) -> String {
    if client.kind != Kind::System {
        return crate::registration::CEILING_OF_APPS.to_owned();
    }
    let person = client.acts_for.as_ref();
    let of = |is: bool, scope: &str| {
        if is {
            format!(" {scope}")
        } else {
            String::new()
        }
    };
    let user = of(
        person.is_some_and(|p| p.fhir_user.is_some()),
        "user/*.cruds",
    );
    let patient = of(
        person.is_some_and(|p| p.patient.is_some()),
        "patient/*.cruds",
    );
    format!("{}{user}{patient}", crate::registration::CEILING_OF_SYSTEMS)
}

/// `None`: it acts for nobody but itself.
fn acts_for(
    client: &Client,
    parameters: &Parameters,
    problems: &mut Vec<Problem>,
) -> Option<ActsFor> {
    let fhir_user = text(parameters, ACTS_FOR);
    if fhir_user.as_deref().is_some_and(|user| !is_fhir_user(user)) {
        let why = "is a reference such as Practitioner/123".to_owned();
        problems.push((ACTS_FOR, why));
    }
    let roles = roles(parameters, problems);
    if fhir_user.is_none() && !roles.is_empty() {
        problems.push((ROLE, "are those of a person: say who that is".to_owned()));
    }
    let typed = text(parameters, ABOUT);
    let patient = typed.map(|id| id.trim_start_matches("Patient/").to_owned());
    if patient
        .as_deref()
        .is_some_and(|id| !is_fhir_user(&format!("Patient/{id}")))
    {
        problems.push((ABOUT, "is the id of a patient, such as 123".to_owned()));
    } else if patient.is_some() && fhir_user.is_none() {
        let why = "takes a person who asks about the patient: say who that is".to_owned();
        problems.push((ABOUT, why));
    }
    let is_somebody = fhir_user.is_some();
    is_somebody.then(|| ActsFor {
        subject: client.acts_for.clone().unwrap_or_default().subject,
        fhir_user,
        roles,
        patient,
    })
}

/// Only roles that this server knows: a role that nobody defined would open nothing, and be missed.
fn roles(parameters: &Parameters, problems: &mut Vec<Problem>) -> Vec<String> {
    let known = Roles::seeded();
    let sent = parameters.all(ROLE).filter(|role| !role.is_empty());
    let mut roles: Vec<String> = sent.map(str::to_owned).collect();
    roles.sort_unstable();
    roles.dedup();
    if roles.iter().any(|role| known.get(role).is_none()) {
        problems.push((ROLE, "are those of the list".to_owned()));
    }
    roles
}

fn frames(parameters: &Parameters, problems: &mut Vec<Problem>) -> Vec<String> {
    let origins = several(parameters, FRAMES);
    if origins.len() > FRAMES_MAX || !origins.iter().all(|origin| is_frame_origin(origin)) {
        let why = format!(
            "are at most {FRAMES_MAX} origins such as https://ehr.example, without a path or a wildcard"
        );
        problems.push((FRAMES, why));
    }
    origins
}
