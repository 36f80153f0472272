//! The searches that find for whom a caller stands. Maintenance: what they find decides which consents are about the caller, and leaves
//! the server in no answer.

use super::belonging::{Belonging, Reader};
use super::{MEMBERSHIPS_MAX, NESTING_MAX, Who};
use crate::document::reread;
use crate::engine::Engine;
use std::collections::BTreeSet;
use ward_access::{Maintenance, maintenance};
use ward_consent::Ref;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Kind};
use ward_search::plan::{Plan, SortKey, Total};
use ward_search::query::Options;
use ward_search::terminology::Embedded;

/// What can be a participant of a CareTeam.
const PARTICIPANTS: [&str; 6] = [
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
    "Patient",
    "Organization",
    "CareTeam",
];
/// What can be a member of a Group, of those who may ask.
const MEMBERS: [&str; 5] = [
    "Practitioner",
    "PractitionerRole",
    "Patient",
    "Device",
    "Group",
];

/// Errors: the store cannot be read, or more names the caller than is read.
pub(super) async fn belonging(engine: &Engine, who: &Who) -> Result<Belonging> {
    let base = engine.extractor.base();
    let mut reader = Reader::new(base, &engine.settings.duty.clock, engine.now_us());
    let mut actors = BTreeSet::new();
    let organizations = roles(engine, &mut reader, who, &mut actors).await?;
    climb(engine, &reader, organizations, &mut actors).await?;
    gather(engine, &mut reader, &mut actors).await?;
    Ok(reader.finish(actors))
}

/// The user and their roles. Answers the organizations that the caller belongs to first.
///
/// Who has a role in another organization, in force or not, is not taken for one of this server's own.
async fn roles(
    engine: &Engine,
    reader: &mut Reader<'_>,
    who: &Who,
    actors: &mut BTreeSet<Ref>,
) -> Result<BTreeSet<Ref>> {
    let site = &engine.settings.consent;
    let mut organizations = BTreeSet::new();
    let mut is_placed = false;
    if let Some(user) = &who.user {
        let user: Ref = reader
            .local(user)
            .unwrap_or_else(|| Ref::from(user.as_str()));
        for document in roles_of(engine, &user).await? {
            let role = reader.role(document.root());
            is_placed |= role.has_organization;
            if role.is_in_force {
                actors.extend(role.actors);
                organizations.extend(role.organization);
            }
        }
        actors.insert(user);
    }
    if let Some(organization) = &who.organization {
        organizations.insert(Ref::from(organization.as_str()));
        is_placed = true;
    }
    // Where nobody has said which Organization runs the server, nobody is elsewhere.
    if !is_placed || site.is_unnamed() {
        organizations.insert(site.organization.clone());
    }
    Ok(organizations)
}

async fn roles_of(engine: &Engine, user: &str) -> Result<Vec<Document>> {
    match user.split_once('/') {
        Some(("Practitioner", _)) => {
            found(engine, "PractitionerRole", "practitioner", &[user]).await
        }
        // Signed in as a role: that one alone.
        Some(("PractitionerRole", id)) => found(engine, "PractitionerRole", "_id", &[id]).await,
        _ => Ok(Vec::new()),
    }
}

/// The organizations, and all that they are part of.
async fn climb(
    engine: &Engine,
    reader: &Reader<'_>,
    mut level: BTreeSet<Ref>,
    actors: &mut BTreeSet<Ref>,
) -> Result<()> {
    for _ in 0..NESTING_MAX {
        actors.extend(level.iter().cloned());
        let ids = level.iter();
        let ids: Vec<&str> = ids
            .filter_map(|one| one.strip_prefix("Organization/"))
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let documents = found(engine, "Organization", "_id", &ids).await?;
        let above = documents
            .iter()
            .filter_map(|document| reader.above(document.root()));
        level = above.filter(|above| !actors.contains(above)).collect();
    }
    match level.is_empty() {
        true => Ok(()),
        false => Err(too_deep()),
    }
}

/// The care teams and groups that name any of them, and those that name these.
async fn gather(
    engine: &Engine,
    reader: &mut Reader<'_>,
    actors: &mut BTreeSet<Ref>,
) -> Result<()> {
    let mut level = actors.clone();
    for _ in 0..NESTING_MAX {
        let mut new = BTreeSet::new();
        for document in named_in(engine, "CareTeam", "participant", &level, &PARTICIPANTS).await? {
            new.extend(reader.team(document.root(), &level));
        }
        for document in named_in(engine, "Group", "member", &level, &MEMBERS).await? {
            new.extend(reader.group(document.root(), &level));
        }
        level = new
            .into_iter()
            .filter(|one| !actors.contains(one))
            .collect();
        if level.is_empty() {
            return Ok(());
        }
        actors.extend(level.iter().cloned());
    }
    Err(too_deep())
}

async fn named_in(
    engine: &Engine,
    ty: &str,
    parameter: &str,
    members: &BTreeSet<Ref>,
    types: &[&str],
) -> Result<Vec<Document>> {
    let is_of = |member: &&str| {
        let ty = member.split_once('/').map(|(ty, _)| ty);
        ty.is_some_and(|ty| types.contains(&ty))
    };
    let members: Vec<&str> = members
        .iter()
        .map(|member| &**member)
        .filter(is_of)
        .collect();
    match members.is_empty() {
        true => Ok(Vec::new()),
        false => found(engine, ty, parameter, &members).await,
    }
}

/// One statement.
async fn found(
    engine: &Engine,
    ty: &str,
    parameter: &str,
    values: &[&str],
) -> Result<Vec<Document>> {
    if values.len() > MEMBERSHIPS_MAX {
        return Err(too_many(ty));
    }
    let plan = plan(engine, ty, parameter, &values.join(","))?;
    let access = maintenance(Maintenance::Memberships);
    let page = engine.store.search(&access, &plan).await;
    let page = page.map_err(|_| unread())?;
    if page.more {
        return Err(too_many(ty));
    }
    let documents = page.rows.iter().map(|row| reread(&row.body));
    documents.collect::<Result<_>>().map_err(|_| unread())
}

/// One more than are read would say that some are left out.
fn plan(engine: &Engine, ty: &str, parameter: &str, values: &str) -> Result<Plan> {
    let most = u32::try_from(MEMBERSHIPS_MAX).unwrap_or(u32::MAX);
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: most,
        count_max: most,
        terminology: &Embedded,
    };
    let types: Vec<_> = r4().resource_type(ty).into_iter().collect();
    let pairs = [(parameter, values)];
    let (plan, _) = ward_search::query::parse(&engine.extractor, &types, &pairs, &options)?;
    Ok(Plan {
        sort: vec![SortKey::Id { descending: false }],
        total: Total::None,
        ..plan
    })
}

fn unread() -> Failure {
    tracing::warn!("memberships of a caller cannot be read; nothing is answered to them");
    Failure::new(
        Kind::Unavailable,
        "whom the caller stands for cannot be read from the store; try again",
    )
}

fn too_many(ty: &str) -> Failure {
    let text = format!(
        "more than {MEMBERSHIPS_MAX} resources of type {ty} say whom this caller stands for"
    );
    Failure::new(Kind::Forbidden, text)
}

fn too_deep() -> Failure {
    let text = format!(
        "organizations or care teams of this caller are more than {NESTING_MAX} within each other"
    );
    Failure::new(Kind::Forbidden, text)
}
