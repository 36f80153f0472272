//! What every write shares: composing the stored version, committing it with its record, and the answer to it.

use crate::audit_events;
use crate::call::Return;
use crate::document::reread;
use crate::engine::{Context, Engine};
use crate::place::{self, Literally, Renamed};
use crate::recorded::{Ended, compose_record, hash};
use crate::reply::{Content, Reply};
use crate::search::named::demand_answerable;
use crate::search_parameters::demand_servable;
use crate::visibility::{By, Decided, Draft, Labelled, SeenBy};
use bytes::Bytes;
use ward_audit::{Entity, Record};
use ward_fhir::date::instant_text;
use ward_fhir::issue::{Result, Severity};
use ward_fhir::json::{self, Stamp};
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Issue, Kind, Node, TypeId};
use ward_search::entries::Entries;
use ward_search::extract::Extractor;
use ward_storage::{CommitError, Expect, Generation, NewRecord, Op, Rid, Row, Unit, Write};

/// The identity under which a version is stored.
#[derive(Clone, Debug)]
pub struct Identity {
    pub ty: TypeId,
    pub rid: Rid,
    pub id: String,
    /// Register `id` as client-chosen with this version.
    pub register: bool,
}

/// The version that a write replaces.
#[derive(Clone, Debug)]
pub enum Replaced {
    Nothing,
    Version(Row),
}

impl Replaced {
    pub fn expect(&self) -> Expect {
        match self {
            Replaced::Nothing => Expect::Absent,
            Replaced::Version(row) => Expect::Version(row.version),
        }
    }

    /// Later than the replaced version also when the clock was set back: history is ordered by time.
    pub fn next_time(&self, now_us: i64) -> i64 {
        match self {
            Replaced::Nothing => now_us,
            Replaced::Version(row) => now_us.max(row.updated_us + 1),
        }
    }

    pub fn next_version(&self) -> u32 {
        match self {
            Replaced::Nothing => 1,
            Replaced::Version(row) => row.version + 1,
        }
    }
}

/// The version of a draft with its index entries, ready to commit.
pub(crate) async fn compose(
    engine: &Engine,
    draft: &Draft<'_>,
    labelled: &Labelled,
    seen_by: SeenBy,
    renamed: &dyn Renamed,
) -> Result<Write> {
    let Draft {
        identity,
        placement,
        replaced,
        ..
    } = draft;
    let node = labelled
        .document
        .as_ref()
        .map_or(draft.node, Document::root);
    demand_row(identity.ty)?;
    if draft.by != By::Service {
        demand_servable(engine, node, identity.rid).await?;
        demand_answerable(engine, node).await?;
    }
    let updated_us = replaced.next_time(engine.now_us());
    let version = replaced.next_version();
    let mut body = Vec::with_capacity(node.size() * 24);
    let stamp = Stamp {
        id: Some(&identity.id),
        version: Some((&version.to_string(), &instant_text(updated_us))),
    };
    json::write(node, stamp, &mut body);
    let before = labelled.before.as_ref().map(Document::root);
    let (old_entries, old) = old_entries(engine, replaced, before, renamed).await?;
    let generations = engine.generations()?;
    let set = generations.current();
    let mut entries = set.extractor.extract(node, &|_| None);
    placement.add_terms(engine, &mut entries);
    Ok(Write {
        ty: identity.ty,
        rid: identity.rid,
        alias: identity.register.then(|| identity.id.clone()),
        expect: replaced.expect(),
        version,
        updated_us,
        op: match replaced {
            Replaced::Nothing => Op::Create,
            Replaced::Version(row) if row.op == Op::Delete => Op::Create,
            Replaced::Version(_) => Op::Update,
        },
        patient: placement.home().unwrap_or(0),
        visibility: seen_by.visibility,
        policy: Some(seen_by.policy),
        body: Bytes::from(body),
        entries,
        old_entries,
        generation: Generation {
            new: set.generation,
            old,
        },
    })
}

/// The version that is there, seen by others: no version comes of it.
pub(crate) async fn compose_same(
    engine: &Engine,
    draft: &Draft<'_>,
    row: &Row,
    seen_by: SeenBy,
) -> Result<Write> {
    let generations = engine.generations()?;
    let (new, old) = (generations.current(), engine.set_of(row.generation).await?);
    let extract = |set: &Extractor| {
        let mut entries = set.extract(draft.node, &|_| None);
        draft.placement.add_terms(engine, &mut entries);
        entries
    };
    Ok(Write {
        ty: row.ty,
        rid: row.rid,
        alias: None,
        expect: Expect::Stays(row.version),
        version: row.version,
        updated_us: row.updated_us,
        op: Op::Update,
        patient: row.patient,
        visibility: seen_by.visibility,
        policy: Some(seen_by.policy),
        body: Bytes::new(),
        entries: extract(&new.extractor),
        old_entries: extract(&old.extractor),
        generation: Generation {
            new: new.generation,
            old: row.generation,
        },
    })
}

/// A deletion as a version of its own.
pub async fn compose_deletion(engine: &Engine, row: &Row) -> Result<Write> {
    demand_row(row.ty)?;
    let replaced = Replaced::Version(row.clone());
    let before = match row.op {
        Op::Delete => None,
        _ => Some(reread(&row.body)?),
    };
    let before = before.as_ref().map(Document::root);
    let (old_entries, old) = old_entries(engine, &replaced, before, &Literally).await?;
    Ok(Write {
        ty: row.ty,
        rid: row.rid,
        alias: None,
        expect: replaced.expect(),
        version: replaced.next_version(),
        updated_us: replaced.next_time(engine.now_us()),
        op: Op::Delete,
        patient: row.patient,
        visibility: row.visibility,
        policy: None,
        body: Bytes::new(),
        entries: Entries::default(),
        old_entries,
        generation: Generation {
            new: engine.generations()?.current().generation,
            old,
        },
    })
}

/// An AuditEvent is a Record of the log and no row: no door makes, changes or removes one, whatever the caller's rights.
fn demand_row(ty: TypeId) -> Result<()> {
    match audit_events::is(ty) {
        true => Err(audit_events::unchangeable()),
        false => Ok(()),
    }
}

/// The entries of the replaced version, extracted again from its body (`before`: if it is live) by what it is indexed by: no reverse
/// index is kept. With that generation.
async fn old_entries(
    engine: &Engine,
    replaced: &Replaced,
    before: Option<Node<'_>>,
    renamed: &dyn Renamed,
) -> Result<(Entries, u32)> {
    let Replaced::Version(row) = replaced else {
        return Ok((Entries::default(), 0));
    };
    let set = engine.set_of(row.generation).await?;
    let Some(before) = before else {
        return Ok((Entries::default(), row.generation));
    };
    let mut entries = set.extractor.extract(before, &|_| None);
    let destination = place::destination(engine, before, Some(row.rid), renamed).await?;
    destination
        .settle(engine)
        .await?
        .add_terms(engine, &mut entries);
    Ok((entries, row.generation))
}

pub fn entity(write: &Write) -> Entity {
    let action = match write.op {
        Op::Create => b'C',
        Op::Update => b'U',
        Op::Delete => b'D',
    };
    Entity {
        ty: write.ty.0,
        rid: write.rid,
        version: write.version,
        patient: write.patient,
        action,
    }
}

/// As a transaction is recorded, whether it commits or not.
pub(crate) const TRANSACTION: &str = "transaction";

/// Commits what was decided with the Call's record as one unit.
pub(crate) async fn commit(
    cx: Context<'_>,
    status: u16,
    decided: Decided,
) -> std::result::Result<Vec<Entity>, CommitError> {
    let entities: Vec<Entity> = decided.versions().map(entity).collect();
    let hashes: Vec<[u8; 32]> = decided.versions().filter_map(hash).collect();
    let ended = Ended {
        status,
        entities: &entities,
        hashes: &hashes,
        bytes_out: Some(bytes_out(cx, status, &decided)),
        ..Ended::default()
    };
    let mut record = compose_record(cx.engine.now_us(), cx.caller, cx.call, ended);
    record.decision.alert = decided.alert();
    commit_recorded(cx, decided, &[record]).await?;
    Ok(entities)
}

/// What [`Written::reply`] will hold; labels and elements that the caller is not shown are cut from it only then.
fn bytes_out(cx: Context<'_>, status: u16, decided: &Decided) -> u64 {
    let version = decided.versions().next();
    let bytes = match cx.call.prefer.returns {
        _ if status == 204 => 0,
        Some(Return::Minimal) => 0,
        None | Some(Return::Representation) => version.map_or(0, |write| write.body.len()),
        Some(Return::OperationOutcome) => success(status).len(),
    };
    bytes as u64
}

/// The same with all that is to be recorded.
pub(crate) async fn commit_recorded(
    cx: Context<'_>,
    decided: Decided,
    records: &[Record],
) -> std::result::Result<(), CommitError> {
    match cx.engine.is_behind(cx, &decided.unit).await {
        Ok(false) => {}
        Ok(true) => return Err(CommitError::Guard(usize::MAX)),
        Err(_) => return Err(CommitError::Unavailable),
    }
    if cx.engine.review_lowered(cx.caller, &decided).await.is_err() {
        return Err(CommitError::Unavailable);
    }
    let records = sealed(cx, records);
    let committed = decided.commit(cx.engine, async |unit| {
        cx.engine.store.commit(Unit { records, ..unit }).await
    });
    committed.await
}

/// As they commit with a unit.
pub(crate) fn sealed(cx: Context<'_>, records: &[Record]) -> Vec<NewRecord> {
    let store = &cx.engine.store;
    records
        .iter()
        .map(|record| store.new_record(record))
        .collect()
}

/// What a lost race means once the attempts are used up.
pub fn conflict(error: CommitError) -> Failure {
    match error {
        CommitError::Unavailable => Failure::new(
            Kind::Unavailable,
            "the write could not be made durable; nothing was stored",
        ),
        CommitError::Version(_)
        | CommitError::Guard(_)
        | CommitError::Policy(_)
        | CommitError::Generation => Failure::new(
            Kind::Conflict,
            "the resource is being changed by others at this moment; read it again and repeat",
        ),
    }
}

/// The written version, for the answer.
#[derive(Clone, Debug)]
pub struct Written {
    pub ty: TypeId,
    pub id: String,
    pub version: u32,
    pub updated_us: i64,
    pub body: Bytes,
}

impl Written {
    /// Of a unit that writes one resource.
    pub(crate) fn first(decided: &Decided, id: String) -> Self {
        Self::of(&decided.unit.writes[0], id)
    }

    pub fn of(write: &Write, id: String) -> Self {
        Self {
            ty: write.ty,
            id,
            version: write.version,
            updated_us: write.updated_us,
            body: write.body.clone(),
        }
    }

    /// A stored version as the answer to what did not write it.
    pub fn stored(row: Row) -> Self {
        Self {
            ty: row.ty,
            id: row.id.to_string(),
            version: row.version,
            updated_us: row.updated_us,
            body: row.body,
        }
    }

    pub fn location(&self) -> String {
        format!(
            "{}/{}/_history/{}",
            r4().ty(self.ty).name,
            self.id,
            self.version
        )
    }

    /// The reply to a write: body by `Prefer: return`, version headers, Location.
    pub fn reply(self, status: u16, returns: Option<Return>, entities: Vec<Entity>) -> Reply {
        let content = match returns {
            Some(Return::Minimal) => Content::Empty,
            None | Some(Return::Representation) => Content::Resource(self.body.clone()),
            Some(Return::OperationOutcome) => Content::Resource(Bytes::from(success(status))),
        };
        Reply {
            content,
            version: Some(self.version),
            last_modified_us: Some(self.updated_us),
            location: Some(self.location()),
            entities,
            recorded: true,
            ..Reply::status(status)
        }
    }
}

/// OperationOutcome of a write that succeeded.
pub fn success(status: u16) -> Vec<u8> {
    let text = if status == 201 {
        "the resource was created"
    } else {
        "the change was stored"
    };
    ward_fhir::issue::outcome_json(&[
        Issue::error(Kind::Informational, text).severity(Severity::Information)
    ])
}
