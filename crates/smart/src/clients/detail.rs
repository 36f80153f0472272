//! The page of one client: all that is registered of it, what may be decided, and the forms that change it. (C17)

use super::parts::{self, Set};
use super::{limits, link, row, secret};
use crate::answer::Answer;
use crate::dates;
use crate::page::{ClientDetail, ClientPart, Page};
use crate::people::session::Session;
use crate::registration::Problem;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{Client, ClientState, KeysAt, Kind, SenderConstraint};

/// What is said on a client's page of the form that was sent.
pub(super) enum Told {
    Nothing,
    Notice(String),
    /// With the new secret, which nobody sees again.
    Secret(String, String),
    /// Of this form.
    Problems(Set, Vec<Problem>),
}

pub(super) fn detail(
    server: &AuthorizationServer,
    session: &Session,
    client: &Client,
    request: &Request<'_>,
    told: Told,
) -> Answer {
    let row = row(client, request.now_s);
    let (notice, secret, refused) = match told {
        Told::Nothing => (None, None, None),
        Told::Notice(notice) => (Some(notice), None, None),
        Told::Secret(notice, secret) => (Some(notice), Some(secret), None),
        Told::Problems(set, problems) => (None, None, Some((set, problems))),
    };
    let status = if refused.is_some() { 400 } else { 200 };
    let of = |set: Set| {
        let refused = refused.as_ref().filter(|(of, _)| *of == set);
        refused.map(|(_, problems)| (&request.parameters, problems.clone()))
    };
    let parts = ClientPart::ALL;
    let parts = parts.map(|part| parts::shown(part, server, client, of(Set::Part(part))));
    let cookie = request.session.unwrap_or_default();
    let page = ClientDetail {
        form: server.forms().form(cookie, &link(client)),
        person: session.person(),
        limits: limits::shown(server, client, of(Set::Limits)),
        parts: parts.to_vec(),
        facts: facts(client, request.now_s),
        decisions: decisions(client),
        row,
        notice,
        secret,
    };
    Answer::page(status, Page::Client(page))
}

fn decisions(client: &Client) -> Vec<(String, String)> {
    let decision = |value: &str, words: &str| (value.to_owned(), words.to_owned());
    let approve = decision("approve", "Approve for a year");
    let remove = decision("remove", "Remove");
    // Whoever launches apps says whom they are about, so it must be able to prove who it is.
    let launch = match (client.kind, client.may_launch) {
        (Kind::Public, _) => None,
        (_, false) => Some(decision("may-launch", "Let it launch apps")),
        (_, true) => Some(decision("may-not-launch", "Let it launch no apps")),
    };
    let exchange =
        secret::has_one(client).then(|| decision(secret::DECISION, "Exchange its secret"));
    match client.state {
        ClientState::Pending => vec![approve, remove],
        ClientState::Active => [
            Some(approve),
            launch,
            exchange,
            Some(decision("suspend", "Suspend")),
        ]
        .into_iter()
        .flatten()
        .chain([remove])
        .collect(),
        ClientState::Suspended => [Some(decision("resume", "Resume")), exchange, Some(remove)]
            .into_iter()
            .flatten()
            .collect(),
    }
}

fn facts(client: &Client, now_s: i64) -> Vec<(String, String)> {
    let keys = match &client.keys {
        None => String::new(),
        Some(KeysAt::Url(url)) => url.clone(),
        Some(KeysAt::Here(_)) => "registered by value".to_owned(),
    };
    let bound_to = match client.constraint() {
        SenderConstraint::None => "",
        SenderConstraint::Dpop => "a key (DPoP)",
        SenderConstraint::Mtls => "its TLS certificate",
    };
    let yes = |is: bool, words: &str| if is { words.to_owned() } else { String::new() };
    let person = client.acts_for.clone().unwrap_or_default();
    let review = client
        .review_due_s
        .map(|due_s| match client.is_review_due(now_s) {
            true => format!(
                "{}: it gets no tokens until it is approved anew",
                dates::day(due_s)
            ),
            false => dates::day(due_s),
        });
    let [requests, patients] = limits::own(&client.budgets);
    let facts = [
        ("Purpose", client.purpose.clone()),
        ("Contacts", client.contacts.join(", ")),
        ("Website", client.website.clone().unwrap_or_default()),
        ("Scope at most", client.scope.clone()),
        (
            "Purposes of use",
            client.purpose_of_use.clone().unwrap_or_default(),
        ),
        (
            "Organization",
            client.organization.clone().unwrap_or_default(),
        ),
        ("Cleared for", client.clearance.clone().unwrap_or_default()),
        (
            "Is shown labels",
            yes(client.sees_labels, "what each resource is about"),
        ),
        ("Authentication", client.authentication.method().to_owned()),
        ("Keys", keys),
        ("Tokens bound to", bound_to.to_owned()),
        ("Redirect URIs", client.redirect_uris.join(" ")),
        ("Launch URL", client.launch_uri.clone().unwrap_or_default()),
        ("Launches apps", yes(client.may_launch, "yes: it is an EHR")),
        ("Shows their pages at", client.frame_origins.join(" ")),
        (
            "Staff",
            yes(client.approved_for_staff, "are not asked each time"),
        ),
        ("Acts for", person.fhir_user.unwrap_or_default()),
        ("In the roles", person.roles.join(", ")),
        (
            "Is about",
            person
                .patient
                .map(|id| format!("Patient/{id}"))
                .unwrap_or_default(),
        ),
        (
            "Asks about tokens",
            yes(
                client.may_introspect,
                "of all clients: it is a resource server",
            ),
        ),
        ("Profile", yes(client.fapi2, "FAPI 2.0")),
        (
            "Pushes its requests",
            yes(client.must_push(), "yes: they are taken in no other way"),
        ),
        (
            "id_tokens signed by",
            yes(
                client.kind != Kind::System,
                client.id_token_algorithm().name(),
            ),
        ),
        (
            "Certificate",
            client.certificate.clone().unwrap_or_default(),
        ),
        ("Addresses", client.addresses.join(" ")),
        requests,
        patients,
        ("Origins", client.origins.join(" ")),
        ("Registered", dates::day(client.created_s)),
        ("Review due", review.unwrap_or_default()),
    ];
    facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| (label.to_owned(), value))
        .collect()
}
