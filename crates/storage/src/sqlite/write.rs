//! One batch in one transaction: check everything by reads, then write the units that passed. A constant number of
//! statements whatever the number of rows (only conditional guards take one each).

use super::connection::Connection;
use super::delta::{Current, Delta};
use super::rows::{Kind, Rows};
use super::search;
use super::statement::Value;
use super::visibility;
use crate::contract::{CommitError, Guard, Op, Rid, StoreError};
use crate::core::{Core, Prepared};
use std::collections::{BTreeSet, HashMap};
use ward_search::plan::{Plan, Total};

/// Outcome of each unit; an `Err` of the whole means that nothing was written.
pub fn write(
    connection: &mut Connection,
    core: &Core,
    batch: &[&Prepared],
) -> Result<Vec<Result<(), CommitError>>, StoreError> {
    let state = State::read(connection, batch)?;
    // Only this thread raises it, and between two transactions.
    let generation = core.indexing.get().generation;
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut delta = Delta::default();
    for (at, prepared) in batch.iter().enumerate() {
        let mut outcome = state.versions(at, prepared, generation);
        if outcome.is_ok() {
            outcome = state.guards(connection, core, prepared)?;
        }
        if outcome.is_ok() {
            delta.add(core, prepared, &state.current);
        }
        outcomes.push(outcome);
    }
    delta.write(connection)?;
    Ok(outcomes)
}

/// What the batch's rows, aliases and required rows are before it.
struct State {
    current: HashMap<Rid, Current>,
    /// (unit, write) to the row that owns the alias it wants.
    aliases: HashMap<(usize, usize), Rid>,
    /// Versions of required rows that are live, with their type.
    live: HashMap<(Rid, u16), u32>,
    /// Of home patients who have one.
    policies: HashMap<Rid, i64>,
}

impl State {
    fn read(connection: &mut Connection, batch: &[&Prepared]) -> Result<State, StoreError> {
        let mut state = State {
            current: HashMap::new(),
            aliases: HashMap::new(),
            live: HashMap::new(),
            policies: HashMap::new(),
        };
        let mut aliases = Rows::new(&[Kind::Int, Kind::Int, Kind::Int, Kind::Text]);
        let mut required = Rows::new(&[Kind::Int, Kind::Int]);
        for (at, prepared) in batch.iter().enumerate() {
            for (slot, write) in prepared.unit.writes.iter().enumerate() {
                let Some(id) = &write.alias else { continue };
                aliases.int(at as i64);
                aliases.int(slot as i64);
                aliases.int(i64::from(write.ty.0));
                aliases.bytes(Some(id.as_bytes()));
            }
            for guard in &prepared.unit.guards {
                let (Guard::Exists { ty, rid } | Guard::Unchanged { ty, rid, .. }) = guard else {
                    continue;
                };
                required.int(*rid);
                required.int(i64::from(ty.0));
            }
        }
        state.read_current(connection, batch)?;
        if !aliases.is_empty() {
            connection.each(ALIASES, &[aliases.into_value()], |row| {
                state
                    .aliases
                    .insert((row.int(0)? as usize, row.int(1)? as usize), row.int(2)?);
                Ok(())
            })?;
        }
        if !required.is_empty() {
            connection.each(REQUIRED, &[required.into_value()], |row| {
                let key = (row.int(0)?, row.int(1)? as u16);
                state.live.insert(key, row.int(2)? as u32);
                Ok(())
            })?;
        }
        Ok(state)
    }

    fn read_current(
        &mut self,
        connection: &mut Connection,
        batch: &[&Prepared],
    ) -> Result<(), StoreError> {
        let writes = || batch.iter().flat_map(|prepared| &prepared.unit.writes);
        let rids = Rows::of(writes().map(|write| write.rid));
        if rids.is_empty() {
            return Ok(());
        }
        let homes: BTreeSet<Rid> = writes().map(|write| write.patient).collect();
        let values = [rids.into_value(), Rows::of(homes).into_value()];
        connection.each(CURRENT, &values, |row| {
            if row.int(2)? == POLICY {
                self.policies.insert(row.int(0)?, row.int(1)?);
                return Ok(());
            }
            let current = Current {
                version: row.int(1)? as u32,
                deleted: row.int(2)? == Op::Delete.number(),
                patient: row.int(3)?,
                date: row.int(4)?,
                visibility: row.int(5)?,
                alias: row.text(6),
                ty: row.int(7)? as u16,
                generation: row.int(8)? as u32,
            };
            self.current.insert(row.int(0)?, current);
            Ok(())
        })
    }

    fn versions(
        &self,
        unit: usize,
        prepared: &Prepared,
        generation: u32,
    ) -> Result<(), CommitError> {
        for (slot, write) in prepared.unit.writes.iter().enumerate() {
            let current = self.current.get(&write.rid);
            let expected = match write.expect.version() {
                None => current.is_none(),
                Some(version) => current.is_some_and(|c| {
                    (c.version, c.ty, c.generation) == (version, write.ty.0, write.generation.old)
                }),
            };
            let alias_free = self
                .aliases
                .get(&(unit, slot))
                .is_none_or(|owner| *owner == write.rid);
            if !expected || !alias_free {
                return Err(CommitError::Version(slot));
            }
            if write.generation.new != generation {
                return Err(CommitError::Generation);
            }
            let policy = self.policies.get(&write.patient).copied().unwrap_or(0);
            if write
                .policy_expected()
                .is_some_and(|expected| expected != policy)
            {
                return Err(CommitError::Policy(slot));
            }
        }
        Ok(())
    }

    fn guards(
        &self,
        connection: &mut Connection,
        core: &Core,
        prepared: &Prepared,
    ) -> Result<Result<(), CommitError>, StoreError> {
        for (slot, guard) in prepared.unit.guards.iter().enumerate() {
            let holds = match guard {
                Guard::Exists { ty, rid } => self.live.contains_key(&(*rid, ty.0)),
                Guard::Unchanged { ty, rid, version } => {
                    self.live.get(&(*rid, ty.0)) == Some(version)
                }
                Guard::Unreferenced { target } => unreferenced(connection, *target, prepared)?,
                Guard::Record { patient, mark } => {
                    visibility::record(connection, *patient)? == *mark
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
                    // The writer must not be held up: an interrupted read leaves the transaction as it was.
                    let asked = connection.within(core.timeout(), |connection| {
                        search::rids(connection, core, access, &probe)
                    });
                    let mut found = match asked {
                        Err(StoreError::Timeout) => return Ok(Err(CommitError::Unavailable)),
                        asked => asked?,
                    };
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
    }
}

/// Nothing refers to the target except rows the unit itself writes.
fn unreferenced(
    connection: &mut Connection,
    target: i64,
    prepared: &Prepared,
) -> Result<bool, StoreError> {
    let own = Rows::of(prepared.unit.writes.iter().map(|w| w.rid));
    let mut found = false;
    connection.each(REFERRERS, &[Value::Int(target), own.into_value()], |_| {
        found = true;
        Ok(())
    })?;
    Ok(!found)
}

/// The rows to be replaced, and the policies of the patients whose rows are written.
const CURRENT: &str = "select r.rid, r.ver, r.op, r.c, r.d, r.k, r.alias, r.typ, r.g from rows(?1) b cross join resource r on r.rid = b.a \
    union all select p.c, p.version, -1, 0, 0, 0, null, 0, 0 from rows(?2) b cross join policy p on p.c = b.a";
/// In place of what happened to a row.
const POLICY: i64 = -1;
const ALIASES: &str =
    "select b.a, b.b, x.rid from rows(?1) b cross join alias x on x.typ = b.c and x.id = b.d";
const REQUIRED: &str = "select r.rid, r.typ, r.ver from rows(?1) b cross join resource r on r.rid = b.a where r.typ = b.b and r.op <> 2";
const REFERRERS: &str =
    "select 1 from target t where t.t = ?1 and t.rid not in (select a from rows(?2)) limit 1";
