//! One batch in one transaction: locks, checks by reads, then the units that passed. Three or four round trips.

use super::connection::{Connection, Failure};
use super::delta::{Current, Delta};
use super::indexing;
use super::search;
use super::statement::Value;
use super::visibility;
use crate::contract::{CommitError, Expect, Guard, Op, Rid, StoreError};
use crate::core::{Core, Prepared};
use futures_util::future::{try_join, try_join_all};
use std::collections::{BTreeMap, HashMap, HashSet};
use ward_fhir::TypeId;
use ward_search::check::hop_types;
use ward_search::plan::{Plan, Total};

/// Outcome of each unit; an `Err` of the whole means that nothing was written. `careful`: also look for rows where none
/// is expected (otherwise their keys refuse, and the batch is tried again unit by unit).
pub async fn write(
    connection: &Connection,
    core: &Core,
    batch: &[&Prepared],
    careful: bool,
) -> Result<Vec<Result<(), CommitError>>, Failure> {
    let done = async {
        begin(connection, batch).await?;
        let (delta, outcomes) = compose(connection, core, batch, careful).await?;
        delta.write(connection).await?;
        Ok(outcomes)
    };
    or_back(connection, done.await).await
}

/// Writes one unit and leaves its transaction open. `Ok(Err)`: it is refused; then, as after an error, nothing is open.
pub async fn open(
    connection: &Connection,
    core: &Core,
    prepared: &Prepared,
    careful: bool,
) -> Result<Result<(), CommitError>, Failure> {
    let done = async {
        begin(connection, &[prepared]).await?;
        let (delta, outcomes) = compose(connection, core, &[prepared], careful).await?;
        let outcome = outcomes.first().copied().unwrap_or(Ok(()));
        if outcome.is_ok() {
            delta.write_open(connection).await?;
            // What is asked from here on must not outlive the unit's time, also when nobody waits any more.
            let within = crate::staged::STAGED_MAX.as_millis();
            let bound = format!("set local statement_timeout = {within}");
            connection.batch(&bound).await?;
        } else {
            connection.batch("rollback").await?;
        }
        Ok(outcome)
    };
    or_back(connection, done.await).await
}

async fn begin(connection: &Connection, batch: &[&Prepared]) -> Result<(), Failure> {
    let mut locks = locks(batch);
    if locks.is_empty() {
        let lock = generation_lock();
        let begin = format!("begin; select pg_advisory_xact_lock_shared({lock})");
        return connection.batch(&begin).await;
    }
    locks.insert(generation_lock(), false);
    let (keys, exclusive) = locks.into_iter().unzip();
    // In one order everywhere, so that two batches cannot wait for each other.
    try_join(
        connection.batch("begin"),
        connection.run(LOCK, &[Value::Ints(keys), Value::Bools(exclusive)]),
    )
    .await
    .map(drop)
}

/// What `done` is, with no transaction open when it failed, so that the connection is another's to use.
pub async fn or_back<T>(connection: &Connection, done: Result<T, Failure>) -> Result<T, Failure> {
    if matches!(&done, Err(failure) if *failure != Failure::Broken) {
        connection.batch("rollback").await?;
    }
    done
}

/// What the batch writes, and which of its units pass.
async fn compose(
    connection: &Connection,
    core: &Core,
    batch: &[&Prepared],
    careful: bool,
) -> Result<(Delta, Vec<Result<(), CommitError>>), Failure> {
    let state = State::read(connection, batch, careful).await?;
    let guarded = state.guards(connection, core, batch).await?;
    let mut delta = Delta::default();
    let mut outcomes = Vec::with_capacity(batch.len());
    for (at, prepared) in batch.iter().enumerate() {
        let outcome = state.versions(at, prepared).and(guarded[at]);
        if outcome.is_ok() {
            delta.add(core, prepared, &state.current, &state.reserved);
        }
        outcomes.push(outcome);
    }
    Ok((delta, outcomes))
}

/// What the batch must hold until its end: key and whether alone. Beside it the generation, shared: see `indexing::change`.
///
/// - Compartment patients shared, and alone where their policy is raised: so when that is committed, nothing that was worked
///   out by the version before is under way, and nothing of it comes later.
/// - Required rows shared and deleted rows alone, so that a row and a new reference to it do not part: whoever comes
///   second sees what the first has committed, in `Exists` or in `Unreferenced`.
/// - Of a conditional interaction the types it asks about (at every hop) alone, those it writes shared: no other one, of whatever criteria
///   and on whatever node, can write into its question before it has committed. Locks on the criteria would not do: two
///   different ones may both be met by the row that either creates.
fn locks(batch: &[&Prepared]) -> BTreeMap<i64, bool> {
    let mut locks: BTreeMap<i64, bool> = BTreeMap::new();
    let mut add = |class: Class, id: i64, alone: bool| {
        *locks.entry(lock_key(class, id)).or_default() |= alone
    };
    for prepared in batch {
        let conditional = prepared.unit.is_conditional();
        for write in &prepared.unit.writes {
            if write.patient != 0 {
                add(Class::Compartment, write.patient, false);
            }
            if write.op == Op::Delete {
                add(Class::Required, write.rid, true);
            }
            if conditional {
                add(Class::Question, i64::from(write.ty.0), false);
                add(Class::Question, EVERY_TYPE, false);
            }
        }
        for patient in &prepared.unit.raises {
            add(Class::Compartment, *patient, true);
        }
        for guard in &prepared.unit.guards {
            match guard {
                Guard::Matches { plan, .. } if plan.types.is_empty() => {
                    add(Class::Question, EVERY_TYPE, true)
                }
                Guard::Matches { plan, .. } => plan
                    .types
                    .iter()
                    .chain(&hop_types(&plan.filter))
                    .for_each(|ty| add(Class::Question, i64::from(ty.0), true)),
                Guard::Exists { rid, .. } => add(Class::Required, *rid, false),
                Guard::Record { patient, .. } => add(Class::Compartment, *patient, true),
                // Its row is locked when it is read.
                Guard::Unchanged { .. } | Guard::Unreferenced { .. } => {}
            }
        }
    }
    locks
}

#[derive(Clone, Copy)]
enum Class {
    Compartment = 1,
    Required = 2,
    Question = 3,
    Generation = 4,
    VisibilityClasses = 5,
}

/// In place of a type's number: a question about all of them.
const EVERY_TYPE: i64 = -1;

pub fn generation_lock() -> i64 {
    lock_key(Class::Generation, 0)
}

pub fn visibility_lock() -> i64 {
    lock_key(Class::VisibilityClasses, 0)
}

/// One key space for all classes; a collision only makes two waits out of none.
fn lock_key(class: Class, id: i64) -> i64 {
    let mut z = (id as u64).wrapping_add((class as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) as i64
}

/// What the batch's rows, aliases and required rows are before it.
#[derive(Default)]
struct State {
    current: HashMap<Rid, Current>,
    /// (unit, write) to the row that owns the alias it wants.
    aliases: HashMap<(usize, usize), Rid>,
    /// Aliases that are registered already.
    reserved: Vec<(TypeId, String)>,
    live: HashSet<(Rid, TypeId)>,
    /// Versions of live rows that are to stay as they are.
    kept: HashMap<(Rid, TypeId), u32>,
    /// Which generation commits must be of; `None`: not asked, their statements look themselves.
    generation: Option<u32>,
    /// Of home patients, likewise.
    policies: Option<HashMap<Rid, i64>>,
}

impl State {
    async fn read(
        connection: &Connection,
        batch: &[&Prepared],
        careful: bool,
    ) -> Result<State, Failure> {
        let mut state = State::default();
        if careful {
            state.generation = Some(indexing::load(connection).await?.generation);
            let writes = batch.iter().flat_map(|prepared| &prepared.unit.writes);
            let homes: Vec<Rid> = writes.map(|write| write.patient).collect();
            let versions = visibility::policies(connection, &homes).await?;
            state.policies = Some(homes.into_iter().zip(versions).collect());
        }
        let mut expected: BTreeMap<TypeId, Vec<i64>> = BTreeMap::new();
        let mut required: BTreeMap<TypeId, Vec<i64>> = BTreeMap::new();
        let mut unchanged: BTreeMap<TypeId, Vec<i64>> = BTreeMap::new();
        let mut wanted: Vec<(usize, usize, TypeId, &str)> = Vec::new();
        for (at, prepared) in batch.iter().enumerate() {
            for (slot, write) in prepared.unit.writes.iter().enumerate() {
                if careful || write.alias.is_some() || write.expect != Expect::Absent {
                    expected.entry(write.ty).or_default().push(write.rid);
                }
                wanted.extend(write.alias.as_deref().map(|id| (at, slot, write.ty, id)));
            }
            for guard in &prepared.unit.guards {
                match guard {
                    Guard::Exists { ty, rid } => required.entry(*ty).or_default().push(*rid),
                    Guard::Unchanged { ty, rid, .. } => {
                        unchanged.entry(*ty).or_default().push(*rid);
                    }
                    Guard::Matches { .. } | Guard::Unreferenced { .. } | Guard::Record { .. } => {}
                }
            }
        }
        let keys: Vec<(TypeId, &str)> = wanted.iter().map(|w| (w.2, w.3)).collect();
        let rows = try_join_all(
            expected
                .into_iter()
                .map(|(ty, rids)| current(connection, ty, rids)),
        );
        let live = try_join_all(
            required
                .into_iter()
                .map(|(ty, rids)| live(connection, ty, rids)),
        );
        let kept = try_join_all(
            unchanged
                .into_iter()
                .map(|(ty, rids)| kept(connection, ty, rids)),
        );
        let ((rows, kept), (live, owners)) = try_join(
            try_join(rows, kept),
            try_join(live, super::read::aliases(connection, &keys)),
        )
        .await?;
        state.kept = kept.into_iter().flatten().collect();
        state.current = rows.into_iter().flatten().collect();
        state.live = live.into_iter().flatten().collect();
        for ((at, slot, ty, id), owner) in wanted.into_iter().zip(owners) {
            if let Some(owner) = owner {
                state.aliases.insert((at, slot), owner);
                state.reserved.push((ty, id.to_owned()));
            }
        }
        Ok(state)
    }

    fn versions(&self, unit: usize, prepared: &Prepared) -> Result<(), CommitError> {
        for (slot, write) in prepared.unit.writes.iter().enumerate() {
            let current = self.current.get(&write.rid);
            let expected = match write.expect.version() {
                None => current.is_none(),
                Some(version) => current
                    .is_some_and(|c| (c.version, c.generation) == (version, write.generation.old)),
            };
            let alias_free = self
                .aliases
                .get(&(unit, slot))
                .is_none_or(|owner| *owner == write.rid);
            if !expected || !alias_free {
                return Err(CommitError::Version(slot));
            }
            if self.generation.is_some_and(|g| g != write.generation.new) {
                return Err(CommitError::Generation);
            }
            let policy = self
                .policies
                .as_ref()
                .and_then(|all| all.get(&write.patient));
            let differs = |expected| policy.is_some_and(|policy| *policy != expected);
            if write.policy_expected().is_some_and(differs) {
                return Err(CommitError::Policy(slot));
            }
        }
        Ok(())
    }

    /// All guards of the batch, their statements sent together.
    async fn guards(
        &self,
        connection: &Connection,
        core: &Core,
        batch: &[&Prepared],
    ) -> Result<Vec<Result<(), CommitError>>, Failure> {
        try_join_all(batch.iter().map(async |prepared| {
            for (slot, guard) in prepared.unit.guards.iter().enumerate() {
                let holds = match guard {
                    Guard::Exists { ty, rid } => self.live.contains(&(*rid, *ty)),
                    Guard::Unchanged { ty, rid, version } => {
                        self.kept.get(&(*rid, *ty)) == Some(version)
                    }
                    Guard::Unreferenced { target } => {
                        unreferenced(connection, *target, prepared).await?
                    }
                    Guard::Record { patient, mark } => {
                        visibility::record(connection, *patient).await? == *mark
                    }
                    Guard::Matches {
                        plan, access, rids, ..
                    } => {
                        let probe = Plan {
                            count: rids.len() as u32,
                            total: Total::None,
                            after: None,
                            sort: Vec::new(),
                            ..plan.clone()
                        };
                        let mut found = search::rids(connection, core, access, &probe).await?;
                        let mut wanted = rids.clone();
                        found.sort_unstable();
                        wanted.sort_unstable();
                        found == wanted
                    }
                };
                if !holds {
                    return Ok(Err(CommitError::Guard(slot)));
                }
            }
            Ok(Ok(()))
        }))
        .await
    }
}

/// Locks the rows to be replaced, in order of their ids.
async fn current(
    connection: &Connection,
    ty: TypeId,
    rids: Vec<i64>,
) -> Result<Vec<(Rid, Current)>, Failure> {
    let sql = format!(
        "select x.rid, x.ver, x.op, x.d, x.w, x.alias, x.g from {} x where x.rid = any($1) order by x.rid for update",
        connection.tables.of(ty)
    );
    let rows = connection.rows(&sql, &[Value::Ints(rids)]).await?;
    let read = |row: &super::connection::Columns| {
        let current = Current {
            version: row.int(1)? as u32,
            deleted: row.int(2)? == Op::Delete.number(),
            date: row.int(3)?,
            visibility: row.int(4)?,
            alias: row.text(5),
            generation: row.int(6)? as u32,
        };
        Ok((row.int(0)?, current))
    };
    Ok(rows.iter().map(read).collect::<Result<_, StoreError>>()?)
}

async fn live(
    connection: &Connection,
    ty: TypeId,
    rids: Vec<i64>,
) -> Result<Vec<(Rid, TypeId)>, Failure> {
    let sql = format!(
        "select x.rid from {} x where x.rid = any($1) and x.op <> 2",
        connection.tables.of(ty)
    );
    let rows = connection.rows(&sql, &[Value::Ints(rids)]).await?;
    Ok(rows
        .iter()
        .map(|row| Ok((row.int(0)?, ty)))
        .collect::<Result<_, StoreError>>()?)
}

/// Locks live rows that are to stay as they are: who would change one waits for the end of the transaction, and what another one
/// is changing is waited for. In order of their ids.
async fn kept(
    connection: &Connection,
    ty: TypeId,
    rids: Vec<i64>,
) -> Result<Vec<((Rid, TypeId), u32)>, Failure> {
    let sql = format!(
        "select x.rid, x.ver from {} x where x.rid = any($1) and x.op <> 2 order by x.rid for share",
        connection.tables.of(ty)
    );
    let rows = connection.rows(&sql, &[Value::Ints(rids)]).await?;
    let read = |row: &super::connection::Columns| Ok(((row.int(0)?, ty), row.int(1)? as u32));
    Ok(rows.iter().map(read).collect::<Result<_, StoreError>>()?)
}

/// Nothing refers to the target except rows the unit itself writes.
async fn unreferenced(
    connection: &Connection,
    target: i64,
    prepared: &Prepared,
) -> Result<bool, Failure> {
    let own = prepared.unit.writes.iter().map(|w| w.rid).collect();
    let rows = connection
        .rows(REFERRERS, &[Value::Ints(vec![target]), Value::Ints(own)])
        .await?;
    Ok(rows.is_empty())
}

const LOCK: &str = "select case when alone then pg_advisory_xact_lock(key)::text else pg_advisory_xact_lock_shared(key)::text end \
    from unnest($1, $2) u (key, alone)";
const REFERRERS: &str =
    "select 1 from resource x where x.terms && $1 and x.op <> 2 and x.rid <> all($2) limit 1";
