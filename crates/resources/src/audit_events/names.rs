//! What rows and people are called in the events of a page, looked up together. <https://hl7.org/fhir/R4/auditevent.html>

use super::event::{Event, reference_of};
use crate::document::reread;
use crate::engine::{Context, stored};
use crate::place::patient_type;
use std::collections::{BTreeMap, BTreeSet};
use ward_access::{Action, Maintenance, maintenance};
use ward_auditevent::{Label, Names, Organization, User};
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::{Node, TypeId};
use ward_search::plan::{Plan, SortKey, Total};
use ward_search::query::Options;
use ward_search::terminology::Embedded;
use ward_storage::{Current, Rid, Row};

/// PractitionerRoles of the people of a page that are looked at.
const ROLES_MAX: u32 = 1_000;

/// What this server is called in its events.
pub(super) fn own(cx: Context<'_>) -> Names {
    let settings = &cx.engine.settings;
    let host = settings.base.split("://").nth(1).unwrap_or(&settings.base);
    let host = host.split('/').next().unwrap_or(host);
    Names {
        base: settings.base.clone(),
        issuer: settings.base.trim_end_matches("/fhir").to_owned(),
        node: host.to_owned(),
        site: host.to_owned(),
        ..Names::default()
    }
}

/// Rows by number and the versions in which they are named; users by their row.
#[derive(Default)]
struct Wanted {
    rows: BTreeMap<Rid, (TypeId, BTreeSet<u32>)>,
    users: BTreeSet<String>,
    clients: BTreeSet<String>,
    /// Users whose organization an event names.
    placed: BTreeSet<String>,
}

/// Statements: one for the ids that clients chose for people and organizations, one for all rows, and none where nothing is named; one or
/// two more where decisions are among the events, which name organizations.
pub(super) async fn names(cx: Context<'_>, events: &[Event]) -> Result<Names> {
    let mut names = own(cx);
    let mut wanted = Wanted::default();
    for event in events {
        wanted.add(event);
    }
    let events = wanted.rows.keys().filter(|rid| **rid < 0);
    let events: Vec<Rid> = events.copied().collect();
    names
        .references
        .extend(events.iter().map(|rid| (*rid, reference_of(cx, *rid))));
    wanted.rows.retain(|rid, _| *rid > 0);
    for client in &wanted.clients {
        let name = cx.engine.client_name(client);
        names
            .clients
            .extend(name.map(|name| (client.clone(), name)));
    }
    let organizations = organizations(cx, &wanted.placed).await?;
    let named: BTreeSet<String> = wanted
        .users
        .iter()
        .chain(organizations.values())
        .cloned()
        .collect();
    let people = people(cx, &named).await?;
    let rows = wanted.rows.iter().map(|(rid, (ty, _))| (*ty, *rid));
    let keys: BTreeSet<(TypeId, Rid)> = rows.chain(people.iter().map(|(_, key)| *key)).collect();
    let keys: Vec<(TypeId, Rid)> = keys.into_iter().collect();
    if keys.is_empty() {
        return Ok(names);
    }
    let access = maintenance(Maintenance::Names);
    let found = stored(cx.view.read_many(&access, Action::Read, &keys).await)?;
    for (key, current) in keys.iter().zip(found) {
        let (Current::Live(row) | Current::Deleted(row)) = current else {
            continue;
        };
        let local = format!("{}/{}", r4().ty(row.ty).name, row.id);
        names.references.insert(row.rid, local);
        if let Some((_, versions)) = wanted.rows.get(&row.rid)
            && versions.contains(&row.version)
            && cx.caller.sees_labels()
        {
            names.labels.insert((row.rid, row.version), labels(&row)?);
        }
        for (user, _) in people.iter().filter(|(_, of)| of == key) {
            let user_name = User {
                name: name_of(&row)?,
                ..User::default()
            };
            names.users.insert(user.clone(), user_name);
        }
    }
    place(&mut names, &organizations, &wanted.users);
    Ok(names)
}

/// Of each user the organization; what it is called was looked up like a user.
fn place(names: &mut Names, organizations: &BTreeMap<String, String>, users: &BTreeSet<String>) {
    for (user, reference) in organizations {
        let called = names.users.get(reference);
        let organization = Organization {
            reference: reference.clone(),
            name: called.map_or(String::new(), |called| called.name.clone()),
        };
        names.users.entry(user.clone()).or_default().organization = Some(organization);
    }
    for reference in organizations.values().filter(|one| !users.contains(*one)) {
        names.users.remove(reference);
    }
}

/// `Organization/x` for which each of these acts: that of the first PractitionerRole that names one, else the one that runs the server, if
/// that is known.
async fn organizations(
    cx: Context<'_>,
    users: &BTreeSet<String>,
) -> Result<BTreeMap<String, String>> {
    let site = &cx.engine.settings.consent;
    let mut organizations = BTreeMap::new();
    if !site.is_unnamed() {
        let own = site.organization.to_string();
        organizations.extend(users.iter().map(|user| (user.clone(), own.clone())));
    }
    let people = users
        .iter()
        .filter(|user| user.starts_with("Practitioner/"));
    let people: Vec<&str> = people.map(String::as_str).collect();
    if people.is_empty() {
        return Ok(organizations);
    }
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: ROLES_MAX,
        count_max: ROLES_MAX,
        terminology: &Embedded,
    };
    let types: Vec<TypeId> = r4().resource_type("PractitionerRole").into_iter().collect();
    let asked = people.join(",");
    let pairs = [("practitioner", asked.as_str())];
    let (plan, _) = ward_search::query::parse(&cx.engine.extractor, &types, &pairs, &options)?;
    let plan = Plan {
        sort: vec![SortKey::Id { descending: true }],
        total: Total::None,
        ..plan
    };
    let access = maintenance(Maintenance::Memberships);
    for row in stored(cx.engine.store.search(&access, &plan).await)?.rows {
        let document = reread(&row.body)?;
        let local = |name: &str| {
            let text = document.root().get(name)?.text("reference")?;
            match reference::parse(text, Some(&cx.engine.settings.base))? {
                Reference::Local { ty, id, .. } => Some(format!("{}/{id}", r4().ty(ty).name)),
                _ => None,
            }
        };
        if let Some((user, organization)) = local("practitioner").zip(local("organization"))
            && users.contains(&user)
        {
            organizations.insert(user, organization);
        }
    }
    Ok(organizations)
}

impl Wanted {
    fn add(&mut self, event: &Event) {
        let record = &event.stored.record;
        let is_search = record.interaction.starts_with("search");
        for entity in event.about_what().iter().filter(|_| !is_search) {
            self.row(TypeId(entity.ty), entity.rid, entity.version);
        }
        self.row(patient_type(), event.patient(), 0);
        let consent = r4().resource_type("Consent").unwrap_or(TypeId(u16::MAX));
        for one in &record.decision.consents {
            self.row(consent, one.rid, one.version);
        }
        if !record.user.is_empty() {
            self.users.insert(record.user.clone());
            let is_decision = record.detail.subtype.starts_with("AuthZ-");
            if is_decision || record.interaction == "break-glass" {
                self.placed.insert(record.user.clone());
            }
        }
        if !record.client_id.is_empty() {
            self.clients.insert(record.client_id.clone());
        }
    }

    fn row(&mut self, ty: TypeId, rid: Rid, version: u32) {
        if rid != 0 && r4().types.get(usize::from(ty.0)).is_some() {
            let known = self.rows.entry(rid).or_insert((ty, BTreeSet::new()));
            known.1.insert(version);
        }
    }
}

/// The rows of users who are resources of this server.
async fn people(cx: Context<'_>, users: &BTreeSet<String>) -> Result<Vec<(String, (TypeId, Rid))>> {
    let base = Some(cx.engine.settings.base.as_str());
    let local = users
        .iter()
        .filter_map(|user| match reference::parse(user, base)? {
            Reference::Local { ty, id, .. } => Some((user, (ty, id))),
            _ => None,
        });
    let local: Vec<(&String, (TypeId, &str))> = local.collect();
    let keys: Vec<(TypeId, &str)> = local.iter().map(|(_, key)| *key).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rids = stored(cx.engine.store.locate(&keys).await)?;
    let found = local.iter().zip(rids);
    let found = found.filter_map(|((user, (ty, _)), rid)| Some(((*user).clone(), (*ty, rid?))));
    Ok(found.collect())
}

fn labels(row: &Row) -> Result<Vec<Label>> {
    if row.body.is_empty() {
        return Ok(Vec::new());
    }
    let document = reread(&row.body)?;
    let Some(meta) = document.root().get("meta") else {
        return Ok(Vec::new());
    };
    let text = |label: Node<'_>, name: &str| label.text(name).unwrap_or_default().to_owned();
    let label = |label: Node<'_>| Label {
        system: text(label, "system"),
        code: text(label, "code"),
    };
    Ok(meta.all("security").map(label).collect())
}

/// As people read it; empty: it has none.
fn name_of(row: &Row) -> Result<String> {
    if row.body.is_empty() {
        return Ok(String::new());
    }
    let document = reread(&row.body)?;
    let Some(name) = document.root().all("name").next() else {
        return Ok(String::new());
    };
    if let Some(text) = name.value().or_else(|| name.text("text")) {
        return Ok(text.to_owned());
    }
    let parts = ["prefix", "given", "family"].into_iter();
    let parts = parts.flat_map(|part| name.all(part).filter_map(Node::value));
    Ok(parts.collect::<Vec<_>>().join(" "))
}
