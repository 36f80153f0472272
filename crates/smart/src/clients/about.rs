//! Who answers for a client, what it is for, and until when somebody has looked at it. (C17, AT17b)

use super::parts::{Values, is_new, several, text};
use crate::dates;
use crate::registration::{Metadata, Problem, check_texts};
use crate::request::Parameters;
use crate::state::{Client, ClientState};

/// How far ahead the next review may be.
const REVIEW_DAYS_MAX: i64 = 3 * 366;
const DAY_S: i64 = 24 * 3600;
const REVIEW: &str = "review_due";

pub(super) fn values(client: &Client) -> Values {
    let mut values = vec![
        ("client_name", client.name.clone()),
        ("owner", client.owner.clone()),
        ("purpose", client.purpose.clone()),
        ("contacts", client.contacts.join(" ")),
        ("client_uri", client.website.clone().unwrap_or_default()),
    ];
    // Approval sets the first one.
    if client.state != ClientState::Pending {
        let due = client.review_due_s.map(dates::iso_day);
        values.push((REVIEW, due.unwrap_or_default()));
    }
    values
}

pub(super) fn entered(
    client: &Client,
    parameters: &Parameters,
    now_s: i64,
) -> Result<Client, Vec<Problem>> {
    let metadata = Metadata {
        client_name: text(parameters, "client_name").unwrap_or_default(),
        owner: text(parameters, "owner").unwrap_or_default(),
        purpose: text(parameters, "purpose").unwrap_or_default(),
        contacts: several(parameters, "contacts"),
        client_uri: text(parameters, "client_uri"),
        ..Metadata::default()
    };
    let mut problems = Vec::new();
    check_texts(&metadata, &mut problems);
    let review_due_s = match client.state {
        ClientState::Pending => client.review_due_s,
        _ => review(client, parameters, now_s, &mut problems),
    };
    let entered = Client {
        name: metadata.client_name,
        owner: metadata.owner,
        purpose: metadata.purpose,
        contacts: metadata.contacts,
        website: metadata.client_uri,
        review_due_s,
        ..client.clone()
    };
    problems.retain(|(field, _)| is_new(&values(client), parameters, field));
    match problems.is_empty() {
        true => Ok(entered),
        false => Err(problems),
    }
}

/// A day, from whose beginning on the client gets no new tokens. That it stays the same changes nothing of the hour.
fn review(
    client: &Client,
    parameters: &Parameters,
    now_s: i64,
    problems: &mut Vec<Problem>,
) -> Option<i64> {
    let typed = text(parameters, REVIEW);
    if typed == client.review_due_s.map(dates::iso_day) {
        return client.review_due_s;
    }
    let due_s = typed.as_deref().and_then(dates::from_iso_day);
    let last_s = now_s.saturating_add(REVIEW_DAYS_MAX * DAY_S);
    if due_s.is_none_or(|due_s| due_s > last_s) {
        let why = "is a day within three years, such as 2027-03-31".to_owned();
        problems.push((REVIEW, why));
    }
    due_s
}
