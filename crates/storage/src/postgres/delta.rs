//! The rows a batch writes, as the arrays its statements take: one insert for all types, one update per type.

use super::connection::{Connection, Failure};
use super::records;
use super::rowset::{INSERT, REINDEX, Rowset, UPDATE};
use super::statement::Value;
use super::tables::table;
use crate::contract::{Expect, Op, Rid, Turn, Write};
use crate::core::{Core, Prepared};
use crate::index::{CATEGORY, CODE, EVERY, difference, parameter, typed};
use crate::quantity::{Keys, Row, rows as quantity_rows, sort as sort_quantities};
use crate::records::NewRecord;
use crate::store::search_parameter;
use crate::visibility::Revision;
use futures_util::future::try_join_all;
use std::collections::{BTreeMap, HashMap};
use ward_fhir::TypeId;
use ward_search::entries::{Entries, FormEntry, PhraseEntry, StringEntry};

/// The row being replaced.
pub struct Current {
    pub version: u32,
    pub deleted: bool,
    pub date: i64,
    pub visibility: i64,
    pub alias: Option<String>,
    pub generation: u32,
}

#[derive(Default)]
pub struct Delta {
    created: Rowset,
    updated: BTreeMap<TypeId, Rowset>,
    /// Rows whose entries alone change.
    indexed: BTreeMap<TypeId, Rowset>,
    strings_removed: Vec<(i32, String, Rid)>,
    strings_added: Vec<(i32, String, Rid)>,
    quantities_removed: Vec<Row>,
    quantities_added: Vec<Row>,
    counts: BTreeMap<(i64, i64), i64>,
    forms: Vec<FormEntry>,
    phrases: Vec<PhraseEntry>,
    /// Which rows have lost.
    left_phrases: Vec<PhraseEntry>,
    aliases: Vec<(i64, String, Rid)>,
    keys: (Vec<i64>, Vec<i64>, Vec<Vec<u8>>),
    /// The master key that wraps them.
    master: Vec<u8>,
    records: Vec<NewRecord>,
    revisions: Vec<Revision>,
    /// Patients whose policy gets the next version.
    raises: Vec<Rid>,
    turns: Vec<Turn>,
    /// A SearchParameter is among the rows.
    parameters: bool,
}

impl Delta {
    pub fn add(
        &mut self,
        core: &Core,
        prepared: &Prepared,
        current: &HashMap<Rid, Current>,
        reserved: &[(TypeId, String)],
    ) {
        for (write, sealed) in prepared.unit.writes.iter().zip(&prepared.sealed) {
            self.add_write(core, write, sealed, current.get(&write.rid), reserved);
        }
        self.forms.extend(&prepared.fresh.forms);
        self.phrases.extend_from_slice(&prepared.fresh.phrases);
        for key in &prepared.new_keys {
            self.keys.0.push(key.patient);
            self.keys.1.push(i64::from(key.id));
            self.keys.2.push(key.wrapped.clone());
            self.master = key.master_mark();
        }
        self.records.extend_from_slice(&prepared.unit.records);
        self.revisions.extend(&prepared.unit.revisions);
        self.raises.extend(&prepared.unit.raises);
        self.turns.extend(&prepared.unit.turns);
    }

    fn add_write(
        &mut self,
        core: &Core,
        write: &Write,
        sealed: &[u8],
        current: Option<&Current>,
        reserved: &[(TypeId, String)],
    ) {
        if let (Expect::Stays(_), Some(current)) = (write.expect, current) {
            let visibility = write.visibility_id(Some(current.visibility));
            let rows = self.indexed.entry(write.ty).or_default();
            rows.add(write, sealed, (current.date, visibility, 0), None);
            self.add_ranges(write);
            if !current.deleted {
                self.count(write.ty, EVERY, 0, current.visibility, -1);
                self.count(write.ty, EVERY, 0, visibility, 1);
            }
            self.count_terms(write.ty, &write.old_entries, current.visibility, -1);
            return self.count_terms(write.ty, &write.entries, visibility, 1);
        }
        self.parameters |= write.ty == search_parameter();
        let visibility = write.visibility_id(current.map(|current| current.visibility));
        let date = date(write, current);
        let alias = write
            .alias
            .clone()
            .or_else(|| current.and_then(|c| c.alias.clone()));
        let rows = if current.is_some() {
            self.updated.entry(write.ty).or_default()
        } else {
            &mut self.created
        };
        let own = core.target(write.ty, write.rid, alias.as_deref());
        rows.add(write, sealed, (date, visibility, own), alias);
        self.add_ranges(write);
        let old_visibility = current.map_or(visibility, |c| c.visibility);
        if current.is_some_and(|c| !c.deleted) {
            self.count(write.ty, EVERY, 0, old_visibility, -1);
        }
        if write.op != Op::Delete {
            self.count(write.ty, EVERY, 0, visibility, 1);
        }
        self.count_terms(write.ty, &write.old_entries, old_visibility, -1);
        self.count_terms(write.ty, &write.entries, visibility, 1);
        if let Some(id) = write
            .alias
            .as_ref()
            .filter(|id| !reserved.iter().any(|(ty, r)| *ty == write.ty && r == *id))
        {
            self.aliases
                .push((i64::from(write.ty.0), id.clone(), write.rid));
        }
    }

    fn add_ranges(&mut self, write: &Write) {
        let left = &mut self.left_phrases;
        difference(
            &write.old_entries.phrases,
            &write.entries.phrases,
            |lost| left.push(lost.clone()),
            |_| {},
        );
        let key = |s: &StringEntry| (parameter(s.param, write.ty), s.value.clone(), write.rid);
        let (removed, added) = (&mut self.strings_removed, &mut self.strings_added);
        difference(
            &write.old_entries.strings,
            &write.entries.strings,
            |s| removed.push(key(s)),
            |s| added.push(key(s)),
        );
        let (removed, added) = (&mut self.quantities_removed, &mut self.quantities_added);
        let (old, new) = (&write.old_entries, &write.entries);
        difference(
            &quantity_rows(old, Keys::All, write.ty, write.rid),
            &quantity_rows(new, Keys::All, write.ty, write.rid),
            |row| removed.push(*row),
            |row| added.push(*row),
        );
    }

    fn count_terms(&mut self, ty: TypeId, entries: &Entries, visibility: i64, by: i64) {
        for entry in entries.terms.iter().filter(|e| e.counted) {
            self.count(ty, entry.term, 0, visibility, by);
            if entry.term == entries.code {
                self.count(ty, entry.term, CODE, visibility, by);
            }
            if entry.term == entries.category {
                self.count(ty, entry.term, CATEGORY, visibility, by);
            }
        }
    }

    fn count(&mut self, ty: TypeId, term: i64, column: i64, visibility: i64, by: i64) {
        *self
            .counts
            .entry((typed(term, ty) ^ column, visibility))
            .or_default() += by;
    }

    /// Sends everything together; with `COMMIT` behind it when the connection knows all statements already.
    pub async fn write(self, connection: &Connection) -> Result<(), Failure> {
        let statements = self.statements(connection.slot);
        if statements.is_empty() {
            return connection.batch("commit").await;
        }
        let all = try_join_all(
            statements
                .iter()
                .map(|(sql, values)| connection.run(sql, values)),
        );
        if statements
            .iter()
            .all(|(sql, _)| connection.is_prepared(sql))
        {
            // A failed statement turns the COMMIT behind it into a rollback, and its own error is what counts.
            let (written, committed) =
                futures_util::future::join(all, connection.batch("commit")).await;
            written.and(committed)
        } else {
            all.await?;
            connection.batch("commit").await
        }
    }

    /// Sends everything together and leaves the transaction open.
    pub async fn write_open(self, connection: &Connection) -> Result<(), Failure> {
        let statements = self.statements(connection.slot);
        let all = statements
            .iter()
            .map(|(sql, values)| connection.run(sql, values));
        try_join_all(all).await.map(drop)
    }

    fn statements(mut self, slot: i64) -> Vec<(String, Vec<Value>)> {
        let mut list = Vec::new();
        if !self.created.rids.is_empty() {
            list.push((INSERT.clone(), self.created.into_values()));
        }
        for (ty, rows) in self.updated {
            list.push((UPDATE.replace("{table}", &table(ty)), rows.into_values()));
        }
        for (ty, rows) in self.indexed {
            list.push((REINDEX.replace("{table}", &table(ty)), rows.into_values()));
        }
        for (sql, mut rows) in [
            (DROP_STRINGS, self.strings_removed),
            (PUT_STRINGS, self.strings_added),
        ] {
            rows.sort_unstable();
            if !rows.is_empty() {
                let (mut p, mut v, mut rid) = (Vec::new(), Vec::new(), Vec::new());
                rows.into_iter().for_each(|row| {
                    p.push(i64::from(row.0));
                    v.push(Some(row.1));
                    rid.push(row.2);
                });
                list.push((
                    sql.into(),
                    vec![Value::Ints(p), Value::Texts(v), Value::Ints(rid)],
                ));
            }
        }
        for (sql, mut rows) in [
            (DROP_QUANTITIES, self.quantities_removed),
            (PUT_QUANTITIES, self.quantities_added),
        ] {
            sort_quantities(&mut rows);
            if !rows.is_empty() {
                list.push((
                    sql.into(),
                    vec![
                        Value::Ints(rows.iter().map(|row| row.0).collect()),
                        Value::Reals(rows.iter().map(|row| Some(row.1)).collect()),
                        Value::Ints(rows.iter().map(|row| row.2).collect()),
                    ],
                ));
            }
        }
        self.counts.retain(|_, by| *by != 0);
        if !self.counts.is_empty() {
            let (keys, by): (Vec<(i64, i64)>, Vec<i64>) = self.counts.into_iter().unzip();
            let (h, w) = keys.into_iter().unzip();
            list.push((
                PUT_COUNTS.into(),
                vec![
                    Value::Ints(h),
                    Value::Ints(w),
                    Value::Ints(by),
                    Value::Int(slot),
                ],
            ));
        }
        self.forms.sort_unstable();
        self.forms.dedup();
        if !self.forms.is_empty() {
            let (form, term) = self.forms.iter().map(|f| (f.form, f.term)).unzip();
            list.push((PUT_FORMS.into(), vec![Value::Ints(form), Value::Ints(term)]));
        }
        for (sql, phrases) in [(PUT_PHRASES, self.phrases), (PUT_LEFT, self.left_phrases)] {
            if !phrases.is_empty() {
                list.push((sql.into(), phrase_values(phrases)));
            }
        }
        self.aliases.sort_unstable();
        if !self.aliases.is_empty() {
            let (mut typ, mut id, mut rid) = (Vec::new(), Vec::new(), Vec::new());
            self.aliases.into_iter().for_each(|alias| {
                typ.push(alias.0);
                id.push(Some(alias.1));
                rid.push(alias.2);
            });
            list.push((
                PUT_ALIASES.into(),
                vec![Value::Ints(typ), Value::Texts(id), Value::Ints(rid)],
            ));
        }
        if !self.keys.0.is_empty() {
            list.push((
                PUT_KEYS.into(),
                vec![
                    Value::Ints(self.keys.0),
                    Value::Ints(self.keys.1),
                    Value::Blobs(self.keys.2),
                    Value::Bytes(self.master),
                ],
            ));
        }
        if !self.records.is_empty() {
            list.push((records::PUT.clone(), records::values(&self.records)));
        }
        if !self.revisions.is_empty() {
            list.push((REVISE.into(), revision_values(&self.revisions)));
        }
        // After the rows, whose statements compare with the version before.
        self.raises.sort_unstable();
        self.raises.dedup();
        if !self.raises.is_empty() {
            list.push((RAISE.into(), vec![Value::Ints(self.raises)]));
        }
        // What was told last of a patient counts.
        self.turns.reverse();
        self.turns.sort_by_key(|turn| turn.patient);
        self.turns.dedup_by_key(|turn| turn.patient);
        if !self.turns.is_empty() {
            list.push((TURN.into(), turn_values(&self.turns)));
        }
        // Last, so that whoever holds its row waits for nothing else.
        if self.parameters {
            list.push((RAISE_PARAMETERS_MARK.into(), Vec::new()));
        }
        list
    }
}

fn revision_values(revisions: &[Revision]) -> Vec<Value> {
    let column = |of: &dyn Fn(&Revision) -> i64| Value::Ints(revisions.iter().map(of).collect());
    vec![
        column(&|revision| revision.rid),
        column(&|revision| i64::from(revision.version)),
        column(&|revision| revision.visibility_id()),
    ]
}

fn turn_values(turns: &[Turn]) -> Vec<Value> {
    let due = turns.iter().map(|turn| turn.due_us.unwrap_or(i64::MAX));
    vec![
        Value::Ints(turns.iter().map(|turn| turn.patient).collect()),
        Value::Ints(due.collect()),
        Value::Bools(turns.iter().map(|turn| turn.is_closed).collect()),
    ]
}

/// Parameters, texts and terms, each phrase once and in order.
fn phrase_values(mut phrases: Vec<PhraseEntry>) -> Vec<Value> {
    phrases.sort_unstable();
    phrases.dedup();
    let (mut p, mut v, mut term) = (Vec::new(), Vec::new(), Vec::new());
    phrases.into_iter().for_each(|phrase| {
        p.push(i64::from(phrase.param));
        v.push(Some(phrase.value));
        term.push(phrase.term);
    });
    vec![Value::Ints(p), Value::Texts(v), Value::Ints(term)]
}

/// Falls back to when the row was made, and keeps that.
fn date(write: &Write, current: Option<&Current>) -> i64 {
    write.entries.date_us.unwrap_or_else(|| match current {
        Some(current) if write.old_entries.date_us.is_none() || write.op == Op::Delete => {
            current.date
        }
        _ => write.updated_us,
    })
}

const DROP_STRINGS: &str = "delete from string_term s using unnest($1, $2, $3) u (p, v, rid) where s.p = u.p::int and s.v = u.v collate \"C\" and s.rid = u.rid";
const PUT_STRINGS: &str = "insert into string_term (p, v, rid) select p::int, v, rid from unnest($1, $2, $3) u (p, v, rid) on conflict do nothing";
const DROP_QUANTITIES: &str = "delete from quantity_term s using unnest($1, $2, $3) u (h, v, rid) where s.h = u.h and s.v = u.v and s.rid = u.rid";
const PUT_QUANTITIES: &str = "insert into quantity_term (h, v, rid) select h, v, rid from unnest($1, $2, $3) u (h, v, rid) on conflict do nothing";
const PUT_COUNTS: &str = "insert into term_count (h, w, n, slot) select h, w::int, n, $4::smallint from unnest($1, $2, $3) u (h, w, n) \
    on conflict (h, w, slot) do update set n = term_count.n + excluded.n";
const PUT_FORMS: &str = "insert into vocabulary (form, term) select form, term from unnest($1, $2) u (form, term) on conflict do nothing";
const PUT_PHRASES: &str = "insert into phrase (p, v, term) select p::int, v, term from unnest($1, $2, $3) u (p, v, term) on conflict do nothing";
/// Of what a row has lost again it is the last time that counts.
const PUT_LEFT: &str = "insert into phrase_left (p, v, term, since) \
    select p::int, v, term, (extract(epoch from clock_timestamp()) * 1000000)::bigint from unnest($1, $2, $3) u (p, v, term) \
    on conflict (p, v, term) do update set since = excluded.since";
const PUT_ALIASES: &str = "insert into id_alias (typ, id, rid) select typ::smallint, id, rid from unnest($1, $2, $3) u (typ, id, rid)";
/// Refused (no key may be null) when the store has another master key by now: see `rotate`.
const PUT_KEYS: &str = "insert into data_key (c, id, wrapped) \
    select c, id, case when $4 = (select value from meta where key = 'master') then wrapped end \
    from unnest($1, $2, $3) u (c, id, wrapped) on conflict do nothing";
const REVISE: &str = "update history h set w = u.w::int from unnest($1, $2, $3) u (rid, ver, w) where h.rid = u.rid and h.ver = u.ver::int";
const RAISE: &str = "insert into policy as p (c, version) select c, 1 from unnest($1) u (c) on conflict (c) do update set version = p.version + 1";
const TURN: &str = "insert into policy as p (c, version, due, closed) select c, 0, due, closed from unnest($1, $2, $3) u (c, due, closed) \
    on conflict (c) do update set due = excluded.due, closed = excluded.closed, held = 0";
const RAISE_PARAMETERS_MARK: &str = "insert into block as b (one, next) values (2, 1) on conflict (one) do update set next = b.next + 1";
pub const PARAMETERS_MARK: &str = "select coalesce((select next from block where one = 2), 0)";
