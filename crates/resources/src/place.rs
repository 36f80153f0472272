//! Where a resource lives: the patients whose compartments it is in. The first is its home, which decides key and
//! shard; every further membership is a term. <https://hl7.org/fhir/R4/compartmentdefinition.html>

use crate::document::reread;
use crate::engine::{Engine, stored};
use crate::write::Replaced;
use std::collections::HashMap;
use ward_access::{Access, Action, Sight};
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Kind, Node, TypeId};
use ward_search::entries::{Entries, TermEntry};
use ward_storage::{Op, Rid, Row};

/// Row ids of the compartment patients, home first; empty for shared resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    pub patients: Vec<Rid>,
}

impl Placement {
    pub fn home(&self) -> Option<Rid> {
        self.patients.first().copied()
    }

    /// The row of a new resource of this type placed so: a Patient's is its home, any other's is in its home's shard.
    pub fn row(&self, engine: &Engine, ty: TypeId) -> Rid {
        match self.home() {
            Some(home) if ty == patient_type() => home,
            home => engine.store.allocate(home),
        }
    }

    /// Adds the membership terms of all patients but the home.
    pub fn add_terms(&self, engine: &Engine, entries: &mut Entries) {
        for rid in self.patients.iter().skip(1) {
            let term = engine.store.term_key().membership(*rid);
            entries.terms.push(TermEntry {
                term,
                param: u16::MAX,
                counted: false,
            });
        }
        entries.terms.sort_unstable();
        entries.terms.dedup();
    }
}

/// Where a write would put its resource, found by look-ups only. Nothing is allocated before the write is permitted: a
/// refused one must leave no trace but its record.
pub struct Destination {
    /// Home first.
    members: Vec<Member>,
}

/// A patient in whose compartment the resource would be.
#[derive(PartialEq, Eq)]
enum Member {
    Row(Rid),
    /// The resource itself: a Patient without a row.
    Itself,
    /// An id that has no row yet.
    Unknown(String),
}

/// What is known of references before they are looked up: inside a transaction they may stand for its own entries.
pub trait Renamed {
    /// `Type/id` of an identity in the place where the text stands; `None`: the text says it itself.
    fn renamed(&self, text: &str) -> Option<String>;
    /// The row of a patient that is known already, by logical id.
    fn patient(&self, id: &str) -> Option<Rid>;
}

/// Outside of transactions every reference says itself what it means.
pub struct Literally;

impl Renamed for Literally {
    fn renamed(&self, _: &str) -> Option<String> {
        None
    }

    fn patient(&self, _: &str) -> Option<Rid> {
        None
    }
}

/// Where the resource would live. One look-up at most.
pub async fn destination(
    engine: &Engine,
    node: Node<'_>,
    own: Option<Rid>,
    renamed: &dyn Renamed,
) -> Result<Destination> {
    let mut destinations = [Destination::of(engine, node, own, renamed)];
    locate(engine, &mut destinations).await?;
    let [destination] = destinations;
    Ok(destination)
}

/// Looks up the patients that have no row yet, those of all destinations in one statement. Their rows by logical id.
pub async fn locate(
    engine: &Engine,
    destinations: &mut [Destination],
) -> Result<HashMap<String, Rid>> {
    let rids = stored(engine.store.locate(&unknown(destinations)).await)?;
    let mut known = HashMap::new();
    let members = destinations.iter_mut().flat_map(|d| &mut d.members);
    for (member, rid) in members.filter(|m| m.is_unknown()).zip(rids) {
        if let (Member::Unknown(id), Some(rid)) = (&*member, rid) {
            known.insert(id.clone(), rid);
            *member = Member::Row(rid);
        }
    }
    Ok(known)
}

/// The patients in whose compartments stored resources are, home first; each with its own row. One look-up at most for all of
/// them. A patient whose id has no row is left out.
pub async fn compartments(engine: &Engine, nodes: &[(Node<'_>, Rid)]) -> Result<Vec<Vec<Rid>>> {
    let of = |(node, own): &(Node<'_>, Rid)| Destination::of(engine, *node, Some(*own), &Literally);
    let mut destinations: Vec<Destination> = nodes.iter().map(of).collect();
    locate(engine, &mut destinations).await?;
    let rows = |destination: Destination| {
        let rid = |member| match member {
            Member::Row(rid) => Some(rid),
            Member::Itself | Member::Unknown(_) => None,
        };
        destination.members.into_iter().filter_map(rid).collect()
    };
    Ok(destinations.into_iter().map(rows).collect())
}

/// Gives rows to what has none, for all destinations at once; to be called when all their writes are permitted. Ids of
/// patients that do not exist yet are reserved, so that membership holds once they do.
pub async fn settle(engine: &Engine, destinations: Vec<Destination>) -> Result<Vec<Placement>> {
    let reserved = stored(engine.store.reserve(&unknown(&destinations)).await)?;
    let mut reserved = reserved.into_iter();
    let placement = |destination: Destination| {
        let mut placement = Placement::default();
        for member in destination.members {
            let rid = match member {
                Member::Row(rid) => Some(rid),
                Member::Itself => Some(engine.store.allocate(None)),
                Member::Unknown(_) => reserved.next(),
            };
            let new = rid.filter(|rid| !placement.patients.contains(rid));
            placement.patients.extend(new);
        }
        placement
    };
    Ok(destinations.into_iter().map(placement).collect())
}

fn unknown(destinations: &[Destination]) -> Vec<(TypeId, &str)> {
    let members = destinations.iter().flat_map(|d| &d.members);
    members
        .filter_map(|member| match member {
            Member::Unknown(id) => Some((patient_type(), id.as_str())),
            _ => None,
        })
        .collect()
}

/// The patient that a reference names; `None`: it names no patient.
fn patient(engine: &Engine, text: &str, renamed: &dyn Renamed) -> Option<Member> {
    match reference::parse(text, Some(&engine.settings.base))? {
        Reference::Local { ty, id, .. } if ty == patient_type() => Some(
            renamed
                .patient(id)
                .or_else(|| engine.store.decode_id(id))
                .map_or_else(|| Member::Unknown(id.to_owned()), Member::Row),
        ),
        _ => None,
    }
}

impl Member {
    fn is_unknown(&self) -> bool {
        matches!(self, Member::Unknown(_))
    }
}

impl Destination {
    /// `own`: its own row id, when it has one (a Patient is its own home).
    pub fn of(
        engine: &Engine,
        node: Node<'_>,
        own: Option<Rid>,
        renamed: &dyn Renamed,
    ) -> Destination {
        let mut members: Vec<Member> = Vec::new();
        if node.ty() == patient_type() {
            members.push(own.map_or(Member::Itself, Member::Row));
        }
        for text in engine.compartments.patients(node) {
            let new = renamed.renamed(text);
            let member = patient(engine, new.as_deref().unwrap_or(text), renamed);
            members.extend(member.filter(|member| !members.contains(member)));
        }
        Destination { members }
    }

    /// 403 when the resource there, or what it says, lies outside what the caller may write. One restricted to compartments
    /// writes only at home in them: a resource about another patient that merely names this one is not theirs to write, and
    /// their own patient has a row.
    pub fn demand(&self, access: &Access, node: Node<'_>, action: Action) -> Result<()> {
        let home = match self.members.first() {
            Some(Member::Row(rid)) => Some(*rid),
            _ => None,
        };
        if access.permits(node.ty(), action, home, Some(node)) {
            Ok(())
        } else {
            Err(not_theirs(node.ty(), action))
        }
    }

    /// `settle` of this one.
    pub async fn settle(self, engine: &Engine) -> Result<Placement> {
        let mut placements = settle(engine, vec![self]).await?;
        Ok(placements.pop().unwrap_or_default())
    }
}

pub fn patient_type() -> TypeId {
    static PATIENT: std::sync::OnceLock<TypeId> = std::sync::OnceLock::new();
    *PATIENT.get_or_init(|| r4().resource_type("Patient").unwrap_or(TypeId(u16::MAX)))
}

/// 403 when the version that a write replaces is at home where the caller may not write.
pub fn demand_home_of(
    replaced: &Replaced,
    access: &Access,
    ty: TypeId,
    action: Action,
) -> Result<()> {
    match replaced {
        Replaced::Nothing => Ok(()),
        Replaced::Version(row) => demand_home(row, access, ty, action),
    }
}

/// 403 when the stored row is at home in a compartment that the caller may not write in, or says what they may not change.
pub fn demand_home(row: &Row, access: &Access, ty: TypeId, action: Action) -> Result<()> {
    let home = Some(row.patient);
    let is_read = matches!(access.sight(ty, action), Sight::Matching(_)) && row.op != Op::Delete;
    let document = if is_read {
        Some(reread(&row.body)?)
    } else {
        None
    };
    if access.permits(ty, action, home, document.as_ref().map(Document::root)) {
        Ok(())
    } else {
        Err(not_theirs(ty, action))
    }
}

/// Whether the action reaches only some of the rows of the type.
pub fn is_bound(access: &Access, ty: TypeId, action: Action) -> bool {
    matches!(
        access.sight(ty, action),
        Sight::Patients(_) | Sight::Matching(_)
    )
}

/// Whether who may update rows of the type may read those same rows: a patch answers with what it did not send.
pub fn reads_what_it_updates(access: &Access, ty: TypeId) -> bool {
    let read = access.sight(ty, Action::Read);
    *read == Sight::Everything || read == access.sight(ty, Action::Update)
}

fn not_theirs(ty: TypeId, action: Action) -> Failure {
    Failure::new(
        Kind::Forbidden,
        format!(
            "the token's scopes do not permit this {} of {}",
            verb(action),
            r4().ty(ty).name
        ),
    )
}

/// 403 when no scope reaches the type at all, whatever the data.
pub fn demand_type(access: &Access, ty: TypeId, action: Action) -> Result<()> {
    if access.may(ty, action) {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Forbidden,
        format!(
            "the token's scopes do not permit {} of {}",
            verb(action),
            r4().ty(ty).name
        ),
    ))
}

/// 403 when no scope reaches any type, whatever the data.
pub fn demand_any(access: &Access, action: Action) -> Result<()> {
    if access.may_any(action) {
        return Ok(());
    }
    let text = format!(
        "the token's scopes do not permit {} of any type",
        verb(action)
    );
    Err(Failure::new(Kind::Forbidden, text))
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Read => "read",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Search => "search",
    }
}
