//! Who took part: the client, this server, the person, the service that acts for them where they are not there, and of decisions the
//! organization for which they act.
//! <https://profiles.ihe.net/ITI/BALP/content.html#324-consistent-agents>

use crate::code::{self, Code};
use crate::json::Json;
use crate::kind::Agents;
use crate::names::Names;
use crate::render::{View, purposes};
use std::net::IpAddr;
use ward_fhir::reference::{self, Reference};

pub(crate) fn write(j: &mut Json, view: &View<'_>) {
    let (client, server) = roles(view.kind.agents);
    if view.kind.agents != Agents::Activity || !view.record.client_id.is_empty() {
        j.item(|j| of_client(j, view, &client));
    }
    j.item(|j| of_server(j, view, &server));
    let has_user = view.by_user() || view.is_context();
    if has_user {
        j.item(|j| of_user(j, view));
    }
    if view.by_user() && view.record.detail.is_delegate {
        j.item(|j| of_delegate(j, view));
    }
    if view.kind.agents == Agents::Decision {
        j.item(|j| of_organization(j, view));
    }
}

fn roles(agents: Agents) -> (Code, Code) {
    match agents {
        Agents::In => (code::SOURCE, code::DESTINATION),
        Agents::Out => (code::DESTINATION, code::SOURCE),
        Agents::Deletion => (code::APPLICATION, code::CUSTODIAN),
        Agents::Authorization => (code::APPLICATION, code::OAUTH_SERVICE),
        Agents::Decision => (code::APPLICATION, code::AUTHORIZATION_SERVER),
        Agents::Activity => (code::LAUNCHER, code::APPLICATION),
    }
}

fn of_client(j: &mut Json, view: &View<'_>, role: &Code) {
    let record = view.record;
    concept(j, std::slice::from_ref(role));
    if !view.by_user() && view.kind.agents != Agents::Decision {
        acting_in(j, &record.detail.roles);
    }
    j.object("who", |j| match record.client_id.is_empty() {
        true => j.text("display", "no client that proved who it is"),
        false => {
            j.object("identifier", |j| j.text("value", &record.client_id));
            let name = view.names.clients.get(&record.client_id);
            j.text("display", name.map_or("", String::as_str));
        }
    });
    j.literal("requestor", "false");
    if !view.by_user() {
        j.array("policy", |j| token_id(j, &record.detail.token_id));
    }
    j.object("network", |j| network(j, &record.source, &view.names.node));
}

/// A background job of the server has no address but the server's name.
fn network(j: &mut Json, source: &str, node: &str) {
    let address = match source.trim().is_empty() {
        true => node,
        false => source,
    };
    j.text("address", address);
    let kind = match address.parse::<IpAddr>() {
        Ok(_) => "2",
        Err(_) => "1",
    };
    j.text("type", kind);
}

/// The consents that decided stand where they are enforced: of the user BALP wants the token's id and nothing else.
fn of_server(j: &mut Json, view: &View<'_>, role: &Code) {
    let names = view.names;
    let decides = view.kind.agents == Agents::Decision;
    concept(j, std::slice::from_ref(role));
    j.object("who", |j| this_server(j, names));
    j.literal("requestor", "false");
    if decides {
        return;
    }
    j.array("policy", |j| {
        for consent in &view.record.decision.consents {
            if let Some(reference) = view.consent(consent.rid) {
                let version = consent.version;
                j.text_item(&format!("{}/{reference}/_history/{version}", names.base));
            }
        }
    });
    j.object("network", |j| {
        j.text("address", &names.base);
        j.text("type", "5");
    });
}

/// The same wherever it is named: profiles compare the observer with the agent.
fn this_server(j: &mut Json, names: &Names) {
    j.text("type", "Device");
    j.object("identifier", |j| {
        j.text("system", "urn:ietf:rfc:3986");
        j.text("value", &names.base);
    });
    j.text("display", &names.node);
}

fn of_user(j: &mut Json, view: &View<'_>) {
    let record = view.record;
    let detail = &record.detail;
    let user = view.names.users.get(&record.user);
    let name = user.map_or("", |user| &user.name);
    let mut types = vec![part(view)];
    types.extend(by_token(view).then_some(code::OAUTH_USER));
    concept(j, &types);
    acting_in(j, &detail.roles);
    j.object("who", |j| person(j, view, name));
    j.text("name", name);
    j.literal("requestor", "true");
    if view.kind.agents != Agents::Decision {
        j.object("location", |j| j.text("display", &detail.workstation));
    }
    j.array("policy", |j| token_id(j, &detail.token_id));
    purposes(j, "purposeOfUse", &record.purpose);
}

/// The service that acts for the user, who is not there, as one of the users; who asks is one alone, and that is the user by whose right it is done.
fn of_delegate(j: &mut Json, view: &View<'_>) {
    let record = view.record;
    let name = view.names.clients.get(&record.client_id);
    let name = name.map_or("", String::as_str);
    concept(j, &[code::DELEGATEE]);
    j.object("who", |j| {
        j.object("identifier", |j| j.text("value", &record.client_id));
        j.text("display", name);
    });
    j.text("name", name);
    j.literal("requestor", "false");
    purposes(j, "purposeOfUse", &record.purpose);
}

/// Whether it was asked with an access token: at the authorization server one is asked for.
pub(crate) fn by_token(view: &View<'_>) -> bool {
    !view.record.detail.token_id.is_empty() && view.kind.agents != Agents::Authorization
}

/// Staff write what they themselves say, patients and relatives tell, devices and organizations keep.
fn part(view: &View<'_>) -> Code {
    let resource = view.record.user.split('/').next().unwrap_or_default();
    match resource {
        _ if !view.kind.is_change() => code::RECIPIENT,
        "Patient" | "RelatedPerson" | "Person" => code::INFORMANT,
        "Device" | "Organization" => code::CUSTODIAL,
        _ => code::AUTHOR,
    }
}

/// Their own resource; or, who has none, the subject at the authorization server.
fn person(j: &mut Json, view: &View<'_>, name: &str) {
    let user = &view.record.user;
    match reference::parse(user, Some(&view.names.base)) {
        Some(Reference::Local { .. } | Reference::Absolute { .. }) => j.text("reference", user),
        _ if user.is_empty() => j.text("display", "somebody"),
        _ => j.object("identifier", |j| {
            j.text("system", &view.names.issuer);
            j.text("value", user);
        }),
    }
    j.text("display", name);
}

/// Of whom it is not known for whom they act is of this installation.
fn of_organization(j: &mut Json, view: &View<'_>) {
    let user = view.names.users.get(&view.record.user);
    let organization = user.and_then(|user| user.organization.as_ref());
    concept(j, &[code::PROVIDER]);
    j.object("who", |j| match organization {
        Some(organization) => {
            j.text("reference", &organization.reference);
            j.text("display", &organization.name);
        }
        None => j.text("display", &view.names.site),
    });
    j.literal("requestor", "false");
}

pub(crate) fn source(j: &mut Json, names: &Names) {
    j.text("site", &names.site);
    j.object("observer", |j| this_server(j, names));
    j.array("type", |j| {
        j.item(|j| code::APPLICATION_SERVER.members(j));
    });
}

fn concept(j: &mut Json, codes: &[Code]) {
    j.object("type", |j| codings(j, codes));
}

fn codings(j: &mut Json, codes: &[Code]) {
    j.array("coding", |j| {
        for code in codes {
            j.item(|j| code.members(j));
        }
    });
}

fn acting_in(j: &mut Json, roles: &str) {
    j.array("role", |j| {
        for role in roles.split_ascii_whitespace().filter_map(code::role) {
            j.item(|j| codings(j, &[role]));
        }
    });
}

/// <https://www.rfc-editor.org/rfc/rfc7519#section-4.1.7>
fn token_id(j: &mut Json, jti: &str) {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:".contains(&b);
    if !jti.is_empty() && jti.bytes().all(is_plain) {
        j.text_item(&format!("urn:ietf:params:oauth:jti:{jti}"));
    }
}
