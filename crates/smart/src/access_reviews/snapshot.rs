//! What is in force, as the items of a review. What is read and what becomes of it are apart: the second is a function of the first.

use super::{ITEMS_MAX, rota};
use crate::answer::OAuthError;
use crate::dates;
use crate::server::AuthorizationServer;
use crate::state::{
    self, AccessReview, Account, Client, ClientState, Grant, GrantKind, OpenedGlass, ReviewItem,
};
use serde_json::Value;
use std::collections::HashMap;

/// Rows of one statement.
const PAGE_ROWS: usize = 500;

/// What there is of the kinds that a review is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub accounts: Vec<Account>,
    /// PractitionerRoles.
    pub rota: Vec<Value>,
    pub clients: Vec<Client>,
    pub grants: Vec<Grant>,
    pub opened: Vec<OpenedGlass>,
    /// Names of clients by their ids.
    pub names: HashMap<String, String>,
}

/// Reads it. `None`: it is more than a review can hold. Statements: one for each 500 rows.
pub(super) async fn read(
    server: &AuthorizationServer,
    review: &AccessReview,
    now_s: i64,
) -> Result<Option<Found>, OAuthError> {
    let has = |kind: GrantKind| review.kinds.contains(&kind);
    let most = ITEMS_MAX + 1;
    let mut found = Found::default();
    if has(GrantKind::Account) || has(GrantKind::Role) {
        let accounts = rows(server, most, now_s, |account: &Account| {
            is_reviewed(review, account)
        });
        found.accounts = accounts.await?;
    }
    if has(GrantKind::PractitionerRole) {
        found.rota = rota::all(server, most, now_s).await?;
    }
    if has(GrantKind::Client) {
        found.clients = rows(server, most, now_s, is_active).await?;
    }
    if has(GrantKind::Grant) {
        let grants = rows(server, most, now_s, |grant: &Grant| {
            is_granted(review, grant)
        });
        found.grants = grants.await?;
    }
    if has(GrantKind::BreakGlass) {
        let opened = rows(server, most, now_s, |opened: &OpenedGlass| {
            opened.declared_s >= review.since_s
        });
        found.opened = opened.await?;
    }
    let known = server.registry().all();
    let named = |client: &std::sync::Arc<Client>| (client.client_id.clone(), client.name.clone());
    found.names = known.iter().map(named).collect();
    let most = [
        found.accounts.len(),
        found.rota.len(),
        found.clients.len(),
        found.grants.len(),
        found.opened.len(),
    ];
    Ok((most.into_iter().sum::<usize>() <= ITEMS_MAX).then_some(found))
}

async fn rows<R: state::Row>(
    server: &AuthorizationServer,
    most: usize,
    now_s: i64,
    is_wanted: impl Fn(&R) -> bool,
) -> Result<Vec<R>, OAuthError> {
    let mut wanted = Vec::new();
    let mut after = None;
    loop {
        let (page, next) = state::page::<R>(server.store(), after, PAGE_ROWS, now_s).await?;
        wanted.extend(
            page.into_iter()
                .map(|held| held.row)
                .filter(|row| is_wanted(row)),
        );
        match next {
            Some(_) if wanted.len() < most => after = next,
            _ => return Ok(wanted),
        }
    }
}

/// The items, by kind and in the order in which they were found. Their review and number they get when they are placed.
pub(super) fn items(review: &AccessReview, found: &Found) -> Vec<ReviewItem> {
    let has = |kind: GrantKind| review.kinds.contains(&kind);
    let accounts = || found.accounts.iter().filter(|one| is_reviewed(review, one));
    let mut items = Vec::new();
    if has(GrantKind::Account) {
        items.extend(accounts().map(account));
    }
    if has(GrantKind::Role) {
        items.extend(accounts().flat_map(roles));
    }
    if has(GrantKind::PractitionerRole) {
        let active = found.rota.iter().filter(|role| rota::is_active(role));
        items.extend(active.map(practitioner_role));
    }
    if has(GrantKind::Client) {
        items.extend(
            found
                .clients
                .iter()
                .filter(|one| is_active(one))
                .map(client),
        );
    }
    if has(GrantKind::Grant) {
        let grants = found.grants.iter().filter(|one| is_granted(review, one));
        items.extend(grants.map(|one| grant(one, &found.names)));
    }
    if has(GrantKind::BreakGlass) {
        let opened = found.opened.iter();
        let opened = opened.filter(|one| one.declared_s >= review.since_s);
        items.extend(opened.map(|one| glass(one, &found.names)));
    }
    items
}

fn is_reviewed(review: &AccessReview, account: &Account) -> bool {
    !account.closed && (review.patients || !is_patients(account))
}

/// Of a patient, or of somebody who acts for one.
pub(super) fn is_patients(account: &Account) -> bool {
    account.patient.is_some() || is_patients_user(account.fhir_user.as_deref())
}

fn is_patients_user(user: Option<&str>) -> bool {
    user.is_some_and(|user| user.starts_with("Patient/") || user.starts_with("RelatedPerson/"))
}

fn is_active(client: &Client) -> bool {
    client.state == ClientState::Active
}

/// Without refresh tokens it ends with its access token, within minutes.
fn is_granted(review: &AccessReview, grant: &Grant) -> bool {
    grant.refreshable && (review.patients || !is_patients_user(grant.fhir_user.as_deref()))
}

fn account(account: &Account) -> ReviewItem {
    let mut facts = vec![fact("Name", &account.name)];
    let user = account.fhir_user.as_deref().unwrap_or_default();
    facts.push(fact("In the records", user));
    facts.push(fact("Roles", &account.roles.join(", ")));
    let last = account.last_sign_in_s.map(dates::moment);
    facts.push(fact("Last sign-in", last.as_deref().unwrap_or("never")));
    if account.upstream {
        facts.push(fact("Signs in with", "the provider"));
    }
    ReviewItem {
        kind: GrantKind::Account,
        of: account.username.clone(),
        title: account.username.clone(),
        owners: owners(account),
        facts: said(facts),
        ..ReviewItem::default()
    }
}

fn roles(account: &Account) -> impl Iterator<Item = ReviewItem> {
    account.roles.iter().map(|role| ReviewItem {
        kind: GrantKind::Role,
        of: account.username.clone(),
        role: Some(role.clone()),
        title: format!("{role} of {}", account.username),
        owners: owners(account),
        facts: said(vec![fact("Name", &account.name)]),
        ..ReviewItem::default()
    })
}

fn owners(account: &Account) -> Vec<String> {
    let own = [account.username.clone(), account.subject.clone()];
    let own = own.into_iter().chain(account.fhir_user.clone());
    own.filter(|name| !name.is_empty()).collect()
}

fn practitioner_role(role: &Value) -> ReviewItem {
    let id = role["id"].as_str().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let practitioner = text(&role["practitioner"]["reference"]);
    let codes = role["code"].as_array().into_iter().flatten();
    let codes: Vec<String> = codes.map(rota::code).collect();
    let facts = vec![
        fact("Practitioner", &practitioner),
        fact("Codes", &codes.join(", ")),
        fact("Organization", &text(&role["organization"]["reference"])),
        fact("From", &text(&role["period"]["start"])),
        fact("Until", &text(&role["period"]["end"])),
    ];
    ReviewItem {
        kind: GrantKind::PractitionerRole,
        of: id.to_owned(),
        title: format!("PractitionerRole/{id}"),
        owners: Some(practitioner)
            .into_iter()
            .filter(|p| !p.is_empty())
            .collect(),
        facts: said(facts),
        ..ReviewItem::default()
    }
}

fn client(client: &Client) -> ReviewItem {
    let last = client.last_used_s.map(dates::moment);
    let mut facts = vec![
        fact("Owner", &client.owner),
        fact("Kind", client.kind.word()),
        fact("At most", &client.scope),
        fact("Last used", last.as_deref().unwrap_or("never")),
    ];
    let mut owners = Vec::new();
    if let Some(acts_for) = &client.acts_for {
        facts.push(fact("Acts for", &acts_for.subject));
        facts.push(fact("Roles", &acts_for.roles.join(", ")));
        owners.push(acts_for.subject.clone());
        owners.extend(acts_for.fhir_user.clone());
    }
    ReviewItem {
        kind: GrantKind::Client,
        of: client.client_id.clone(),
        title: format!("{} ({})", client.name, client.client_id),
        owners: owners.into_iter().filter(|name| !name.is_empty()).collect(),
        facts: said(facts),
        ..ReviewItem::default()
    }
}

fn grant(grant: &Grant, names: &HashMap<String, String>) -> ReviewItem {
    let last = grant.last_used_s.map(dates::moment);
    let while_away = if grant.offline { "yes" } else { "no" };
    let facts = vec![
        fact("Scopes", &grant.scope),
        fact("While nobody is there", while_away),
        fact("Agreed to", &dates::moment(grant.approved_s)),
        fact("Last used", last.as_deref().unwrap_or("never")),
        fact("Ends", &dates::moment(grant.expires_s)),
    ];
    let own = [grant.account.clone(), grant.subject.clone()];
    let own = own.into_iter().chain(grant.fhir_user.clone());
    ReviewItem {
        kind: GrantKind::Grant,
        of: grant.id.clone(),
        title: format!("{} for {}", named(names, &grant.client_id), grant.account),
        owners: own.filter(|name| !name.is_empty()).collect(),
        facts: said(facts),
        ..ReviewItem::default()
    }
}

/// Whose record it was is not for everybody who reviews: the Task says it, to those who may read that.
fn glass(opened: &OpenedGlass, names: &HashMap<String, String>) -> ReviewItem {
    let who = opened.fhir_user.as_ref().unwrap_or(&opened.subject);
    let by = opened.client_id.as_ref();
    let facts = vec![
        fact("Who", who),
        fact("When", &dates::moment(opened.declared_s)),
        fact("By", &by.map(|id| named(names, id)).unwrap_or_default()),
        fact("Review", &format!("Task/{}", opened.task)),
    ];
    let own = [opened.subject.clone()].into_iter();
    ReviewItem {
        kind: GrantKind::BreakGlass,
        of: opened.task.clone(),
        title: format!("{who}, {}", dates::moment(opened.declared_s)),
        owners: own.chain(opened.fhir_user.clone()).collect(),
        facts: said(facts),
        ..ReviewItem::default()
    }
}

fn named(names: &HashMap<String, String>, client_id: &str) -> String {
    let name = names.get(client_id);
    name.map_or_else(
        || client_id.to_owned(),
        |name| format!("{name} ({client_id})"),
    )
}

fn fact(label: &str, value: &str) -> (String, String) {
    /// Of one value; the scopes of a client can be longer.
    const VALUE_BYTES_MAX: usize = 2_000;
    let kept = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
    (label.to_owned(), kept.to_owned())
}

/// Those that say something.
fn said(facts: Vec<(String, String)>) -> Vec<(String, String)> {
    let said = facts.into_iter().filter(|(_, value)| !value.is_empty());
    said.collect()
}
