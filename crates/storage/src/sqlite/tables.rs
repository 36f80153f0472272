//! The statements that write a batch, one per table that changes.

use super::connection::Connection;
use super::delta::{Change, Delta, Resource};
use super::records;
use super::rows::{Kind, Rows};
use super::schema;
use super::statement::Value;
use crate::contract::{Rid, StoreError};
use crate::quantity;
use crate::store::search_parameter;
use std::collections::BTreeSet;
use ward_search::entries::{PhraseEntry, QuantityEntry};

impl Delta<'_> {
    /// Removals go first: an entry may be replaced by itself with another `k`.
    pub fn write(mut self, connection: &mut Connection) -> Result<(), StoreError> {
        self.write_bodies(connection)?;
        self.write_indexes(connection)?;
        self.write_counts(connection)?;
        self.write_rest(connection)
    }

    fn write_bodies(&mut self, connection: &mut Connection) -> Result<(), StoreError> {
        let mut superseded = Rows::new(&[Kind::Int, Kind::Int]);
        for (rid, until) in &self.superseded {
            superseded.int(*rid);
            superseded.int(*until);
        }
        run(connection, SUPERSEDE, superseded)?;
        use Kind::{Blob, Int, Text};
        let mut indexed = Rows::new(&[Int, Int, Int, Blob]);
        for (write, k) in &self.indexed {
            indexed.int(write.rid);
            indexed.int(i64::from(write.generation.new));
            indexed.int(*k);
            indexed.bytes(lower_ends(&write.entries.quantities).as_deref());
        }
        run(connection, SET_INDEXED, indexed)?;
        let mut rows = Rows::new(&[
            Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Text, Blob, Blob,
        ]);
        self.resources
            .sort_unstable_by_key(|resource| resource.write.rid);
        for Resource {
            write,
            sealed,
            at,
            own,
            alias,
        } in &self.resources
        {
            for value in [
                at.rid,
                i64::from(write.ty.0),
                i64::from(write.version),
                write.updated_us,
                write.op.number(),
                at.c,
                at.d,
                at.k,
                *own,
                i64::from(write.generation.new),
            ] {
                rows.int(value);
            }
            rows.bytes(alias.as_deref().map(str::as_bytes));
            rows.bytes(Some(sealed));
            rows.bytes(lower_ends(&write.entries.quantities).as_deref());
        }
        run(connection, PUT_RESOURCES, rows)
    }

    fn write_indexes(&mut self, connection: &mut Connection) -> Result<(), StoreError> {
        use Kind::{Int, Real, Text};
        let five = |rows: &mut Rows, t: &(i64, i64, i64, i64, i64)| {
            [t.0, t.1, t.2, t.3, t.4]
                .into_iter()
                .for_each(|v| rows.int(v))
        };
        self.terms.write(
            connection,
            &[Int; 5],
            DROP_TERMS,
            PUT_TERMS,
            |a, b| a.cmp(b),
            five,
        )?;
        let string = |rows: &mut Rows, s: &(i32, &str, i64, i64, i64)| {
            rows.int(i64::from(s.0));
            rows.bytes(Some(s.1.as_bytes()));
            [s.2, s.3, s.4].into_iter().for_each(|v| rows.int(v));
        };
        self.strings.write(
            connection,
            &[Int, Text, Int, Int, Int],
            DROP_STRINGS,
            PUT_STRINGS,
            |a, b| a.cmp(b),
            string,
        )?;
        let date = |rows: &mut Rows, t: &(i32, i64, i64, i64, i64, i64)| {
            [i64::from(t.0), t.1, t.2, t.3, t.4, t.5]
                .into_iter()
                .for_each(|v| rows.int(v))
        };
        self.dates.write(
            connection,
            &[Int; 6],
            DROP_DATES,
            PUT_DATES,
            |a, b| a.cmp(b),
            date,
        )?;
        let quantity = |rows: &mut Rows, q: &(i64, f64, f64, i64, i64, i64)| {
            rows.int(q.0);
            rows.real(q.1);
            rows.real(q.2);
            [q.3, q.4, q.5].into_iter().for_each(|v| rows.int(v));
        };
        let by_key = |a: &(i64, f64, f64, i64, i64, i64), b: &(i64, f64, f64, i64, i64, i64)| {
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.3.cmp(&b.3))
        };
        self.quantities.write(
            connection,
            &[Int, Real, Real, Int, Int, Int],
            DROP_QUANTITIES,
            PUT_QUANTITIES,
            by_key,
            quantity,
        )?;
        let value = |rows: &mut Rows, value: &quantity::Row| {
            rows.int(value.0);
            rows.real(value.1);
            rows.int(value.2);
        };
        self.values.write(
            connection,
            &[Int, Real, Int],
            DROP_VALUES,
            PUT_VALUES,
            |a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)),
            value,
        )?;
        let target =
            |rows: &mut Rows, t: &(i64, i64)| [t.0, t.1].into_iter().for_each(|v| rows.int(v));
        self.targets.write(
            connection,
            &[Int; 2],
            DROP_TARGETS,
            PUT_TARGETS,
            |a, b| a.cmp(b),
            target,
        )
    }

    fn write_counts(&mut self, connection: &mut Connection) -> Result<(), StoreError> {
        let mut counts = Rows::new(&[Kind::Int; 3]);
        for ((term, k), by) in self.counts.iter().filter(|(_, by)| **by != 0) {
            counts.int(*term);
            counts.int(*k);
            counts.int(*by);
        }
        run(connection, PUT_COUNTS, counts)?;
        self.forms.sort_unstable();
        self.forms.dedup();
        let mut forms = Rows::new(&[Kind::Int; 2]);
        for form in &self.forms {
            forms.int(form.form);
            forms.int(form.term);
        }
        run(connection, PUT_FORMS, forms)?;
        self.phrases.sort_unstable();
        self.phrases.dedup();
        run(connection, PUT_PHRASES, phrase_rows(&self.phrases))?;
        self.left_phrases.sort_unstable();
        self.left_phrases.dedup();
        run(connection, PUT_LEFT, phrase_rows(&self.left_phrases))
    }

    fn write_policies(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let mut revisions = Rows::new(&[Kind::Int; 3]);
        let mut raises = Rows::new(&[Kind::Int]);
        let mut turns = Rows::new(&[Kind::Int; 3]);
        for prepared in &self.units {
            for revision in &prepared.unit.revisions {
                revisions.int(revision.rid);
                revisions.int(i64::from(revision.version));
                revisions.int(revision.visibility_id());
            }
            let raised: BTreeSet<Rid> = prepared.unit.raises.iter().copied().collect();
            raised.into_iter().for_each(|c| raises.int(c));
            for turn in &prepared.unit.turns {
                turns.int(turn.patient);
                turns.int(turn.due_us.unwrap_or(i64::MAX));
                turns.int(i64::from(turn.is_closed));
            }
        }
        run(connection, REVISE, revisions)?;
        run(connection, RAISE, raises)?;
        run(connection, TURN, turns)
    }

    fn write_rest(&self, connection: &mut Connection) -> Result<(), StoreError> {
        self.write_policies(connection)?;
        let mut aliases = Rows::new(&[Kind::Int, Kind::Text, Kind::Int]);
        for (ty, id, rid) in &self.aliases {
            aliases.int(i64::from(*ty));
            aliases.bytes(Some(id.as_bytes()));
            aliases.int(*rid);
        }
        run(connection, PUT_ALIASES, aliases)?;
        let mut keys = Rows::new(&[Kind::Int, Kind::Int, Kind::Blob]);
        let mut master = Vec::new();
        for prepared in &self.units {
            for key in &prepared.new_keys {
                keys.int(key.patient);
                keys.int(i64::from(key.id));
                keys.bytes(Some(&key.wrapped));
                master = key.master_mark();
            }
        }
        if !keys.is_empty() {
            let values = [keys.into_value(), Value::Blob(master)];
            connection.run(PUT_KEYS, &values)?;
        }
        let units = self.units.iter();
        records::put(
            connection,
            units.flat_map(|prepared| &prepared.unit.records),
        )?;
        self.raise_parameters_mark(connection)
    }
}

impl Delta<'_> {
    fn raise_parameters_mark(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let mut resources = self.resources.iter();
        if !resources.any(|r| r.write.ty == search_parameter()) {
            return Ok(());
        }
        let mark = schema::get_int(connection, PARAMETERS_MARK)?.unwrap_or(0);
        let next = mark.wrapping_add(1).to_le_bytes().to_vec();
        schema::put(connection, PARAMETERS_MARK, next)
    }
}

impl<T> Change<T> {
    fn write(
        &mut self,
        connection: &mut Connection,
        kinds: &[Kind],
        removal: &str,
        addition: &str,
        order: impl Fn(&T, &T) -> std::cmp::Ordering,
        pack: impl Fn(&mut Rows, &T),
    ) -> Result<(), StoreError> {
        for (list, sql) in [(&mut self.removed, removal), (&mut self.added, addition)] {
            list.sort_unstable_by(&order);
            let mut rows = Rows::new(kinds);
            list.iter().for_each(|item| pack(&mut rows, item));
            run(connection, sql, rows)?;
        }
        Ok(())
    }
}

/// The distinct ones, packed; `None`: there are none.
fn lower_ends(quantities: &[QuantityEntry]) -> Option<Vec<u8>> {
    let mut ends: Vec<f64> = quantities.iter().map(|q| q.low).collect();
    ends.sort_unstable_by(f64::total_cmp);
    ends.dedup();
    let mut rows = Rows::new(&[Kind::Real]);
    ends.iter().for_each(|low| rows.real(*low));
    (!rows.is_empty()).then(|| rows.into_bytes())
}

fn run(connection: &mut Connection, sql: &str, rows: Rows) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    connection
        .run(sql, &[rows.into_value()] as &[Value])
        .map(drop)
}

/// Of `meta`: how often a SearchParameter was written.
pub const PARAMETERS_MARK: &str = "parameters";

/// Parameter, text and term of each.
fn phrase_rows(phrases: &[&PhraseEntry]) -> Rows {
    let mut rows = Rows::new(&[Kind::Int, Kind::Text, Kind::Int]);
    for phrase in phrases {
        rows.int(i64::from(phrase.param));
        rows.bytes(Some(phrase.value.as_bytes()));
        rows.int(phrase.term);
    }
    rows
}

const SUPERSEDE: &str = "insert into history (rid, ver, typ, upd, til, op, c, k, alias, body) \
    select r.rid, r.ver, r.typ, r.upd, b.b, r.op, r.c, r.k, r.alias, r.body from rows(?1) b cross join resource r on r.rid = b.a";
const PUT_RESOURCES: &str = "insert or replace into resource (rid, typ, ver, upd, op, c, d, k, self, g, alias, body, q) select a, b, c, d, e, f, g, h, i, j, k, l, m from rows(?1)";
const SET_INDEXED: &str = "update resource set g = b.b, k = b.c, q = b.d from (select a, b, c, d from rows(?1)) b where resource.rid = b.a";
const REVISE: &str = "update history set k = b.c from (select a, b, c from rows(?1)) b where history.rid = b.a and history.ver = b.b";
const RAISE: &str = "insert into policy (c, version) select a, 1 from rows(?1) where true on conflict (c) do update set version = version + 1";
const TURN: &str = "insert into policy (c, version, due, closed) select a, 0, b, c from rows(?1) where true \
    on conflict (c) do update set due = excluded.due, closed = excluded.closed, held = 0";
const DROP_TERMS: &str = "delete from term where (h, d, rid) in (select a, b, c from rows(?1))";
const PUT_TERMS: &str =
    "insert or replace into term (h, d, rid, c, k) select a, b, c, d, e from rows(?1)";
const DROP_STRINGS: &str = "delete from str where (p, v, rid) in (select a, b, c from rows(?1))";
const PUT_STRINGS: &str =
    "insert or replace into str (p, v, rid, c, k) select a, b, c, d, e from rows(?1)";
const DROP_DATES: &str =
    "delete from date where (p, lo, hi, rid) in (select a, b, c, d from rows(?1))";
const PUT_DATES: &str =
    "insert or replace into date (p, lo, hi, rid, c, k) select a, b, c, d, e, f from rows(?1)";
const DROP_QUANTITIES: &str =
    "delete from qty where (h, lo, hi, rid) in (select a, b, c, d from rows(?1))";
const PUT_QUANTITIES: &str =
    "insert or replace into qty (h, lo, hi, rid, c, k) select a, b, c, d, e, f from rows(?1)";
const DROP_VALUES: &str =
    "delete from qty_code where (h, v, rid) in (select a, b, c from rows(?1))";
const PUT_VALUES: &str = "insert or replace into qty_code (h, v, rid) select a, b, c from rows(?1)";
const DROP_TARGETS: &str = "delete from target where (t, rid) in (select a, b from rows(?1))";
const PUT_TARGETS: &str = "insert or replace into target (t, rid) select a, b from rows(?1)";
const PUT_COUNTS: &str = "insert into term_count (h, k, n) select a, b, c from rows(?1) where true on conflict (h, k) do update set n = n + excluded.n";
const PUT_FORMS: &str = "insert or ignore into vocabulary (form, term) select a, b from rows(?1)";
const PUT_PHRASES: &str = "insert or ignore into phrase (p, v, term) select a, b, c from rows(?1)";
/// Of what a row has lost again it is the last time that counts.
const PUT_LEFT: &str = "insert into phrase_left (p, v, term, since) select a, b, c, unixepoch() from rows(?1) where true \
    on conflict (p, v, term) do update set since = excluded.since";
const PUT_ALIASES: &str = "insert or ignore into alias (typ, id, rid) select a, b, c from rows(?1)";
/// Refused (no key may be NULL) when the store has another master key by now.
const PUT_KEYS: &str = "insert into data_key (c, id, wrapped) \
    select a, b, case when ?2 = (select value from meta where key = 'master') then c end from rows(?1) where true \
    on conflict (c, id) do nothing";
