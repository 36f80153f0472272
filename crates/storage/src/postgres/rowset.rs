//! Many rows of `resource` as the arrays that one statement unnests.

use super::lower::mark;
use super::statement::Value;
use crate::contract::Write;
use std::sync::LazyLock;
use ward_search::entries::Term;

/// Columns of many rows. Arrays of a row are slices of one flat array: an array of arrays must be rectangular.
#[derive(Default)]
pub struct Rowset {
    pub rids: Vec<i64>,
    ints: [Vec<i64>; INTS],
    values: Vec<Option<f64>>,
    aliases: Vec<Option<String>>,
    bodies: Vec<Vec<u8>>,
    terms: Vec<i64>,
    dates: Vec<i64>,
    quantity_terms: Vec<i64>,
    quantity_values: Vec<Option<f64>>,
    strings: Vec<Option<String>>,
    /// Ends of each row's slice of terms, dates, quantities and strings.
    ends: [Vec<i64>; 4],
}

/// typ, ver, upd, op, c, d, code, cat, w, self, g, p
const INTS: usize = 12;

impl Rowset {
    pub fn add(
        &mut self,
        write: &Write,
        sealed: &[u8],
        (date, visibility, own): (i64, i64, Term),
        alias: Option<String>,
    ) {
        let entries = &write.entries;
        self.rids.push(write.rid);
        let ints = [
            i64::from(write.ty.0),
            i64::from(write.version),
            write.updated_us,
            write.op.number(),
            write.patient,
            date,
            entries.code,
            entries.category,
            visibility,
            own,
            i64::from(write.generation.new),
            write.policy_expected().unwrap_or(ANY_POLICY),
        ];
        self.ints
            .iter_mut()
            .zip(ints)
            .for_each(|(column, value)| column.push(value));
        self.values.push(entries.value);
        self.aliases.push(alias);
        self.bodies.push(sealed.to_vec());
        self.terms.extend(entries.terms.iter().map(|t| t.term));
        // Who refers to whom is asked rarely: further elements of the same index instead of a narrow table.
        self.terms.extend(&entries.targets);
        self.dates.extend(
            entries
                .dates
                .iter()
                .flat_map(|d| [i64::from(d.param), d.low_us, d.high_us]),
        );
        self.quantity_terms
            .extend(entries.quantities.iter().map(|q| q.term));
        self.quantity_values.extend(
            entries
                .quantities
                .iter()
                .flat_map(|q| [Some(q.low), Some(q.high)]),
        );
        self.strings.extend(
            entries
                .strings
                .iter()
                .map(|s| Some(format!("{}{}", mark(s.param), s.value))),
        );
        let ends = [
            self.terms.len(),
            self.dates.len(),
            self.quantity_terms.len(),
            self.strings.len(),
        ];
        self.ends
            .iter_mut()
            .zip(ends)
            .for_each(|(column, end)| column.push(end as i64));
    }

    pub fn into_values(self) -> Vec<Value> {
        let mut values = vec![Value::Ints(self.rids)];
        values.extend(self.ints.into_iter().map(Value::Ints));
        values.extend([
            Value::Reals(self.values),
            Value::Texts(self.aliases),
            Value::Blobs(self.bodies),
        ]);
        for ends in self.ends {
            let mut starts = Vec::with_capacity(ends.len());
            starts.push(1);
            starts.extend(ends.iter().map(|end| end + 1));
            starts.truncate(ends.len());
            values.extend([Value::Ints(starts), Value::Ints(ends)]);
        }
        values.extend([
            Value::Ints(self.terms),
            Value::Ints(self.dates),
            Value::Ints(self.quantity_terms),
            Value::Reals(self.quantity_values),
            Value::Texts(self.strings),
        ]);
        values
    }
}

/// The rows of a `Rowset`, `u`.
const ROWS: &str = "unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24) \
    u (rid, typ, ver, upd, op, c, d, code, cat, w, self, g, p, v, alias, body, ta, te, da, de, qa, qe, sa, se)";
/// Their array columns.
const SLICES: [(&str, &str); 5] = [
    ("terms", "$25[u.ta:u.te]"),
    ("dates", "$26[u.da:u.de]"),
    ("qh", "$27[u.qa:u.qe]"),
    ("qv", "$28[u.qa * 2 - 1:u.qe * 2]"),
    ("strs", "$29[u.sa:u.se]"),
];

/// The generation, unless rows are to be indexed by another one by now: then there is none, which the column refuses. Commits
/// hold the lock of `indexing::change` when this is looked at.
const CURRENT: &str = "case when u.g = (select i.generation from indexing i) then u.g::int end";

/// In place of the version of a policy: the id is the row's own.
const ANY_POLICY: i64 = -1;
/// The visibility id, unless it was worked out by another version of the home patient's policy: then there is none, which the column
/// refuses. Commits hold the lock of the patient when this is looked at.
const VISIBILITY: &str = "case when u.p < 0 or u.p = coalesce((select p.version from policy p where p.c = u.c), 0) then u.w::int end";

/// Through the parent: every row finds the table of its type.
pub static INSERT: LazyLock<String> = LazyLock::new(|| {
    let names: Vec<&str> = SLICES.iter().map(|s| s.0).collect();
    let slices: Vec<String> = SLICES
        .iter()
        .map(|s| format!("({}){}", &s.1[..3], &s.1[3..]))
        .collect();
    format!(
        "insert into resource (rid, typ, ver, upd, op, c, d, code, cat, w, self, g, k, v, alias, body, {}) \
         select u.rid, u.typ::smallint, u.ver::int, u.upd, u.op::smallint, u.c, u.d, u.code, u.cat, {VISIBILITY}, u.self, {CURRENT}, 0::smallint, u.v, u.alias, u.body, {} from {ROWS}",
        names.join(", "),
        slices.join(", ")
    )
});

/// The superseded versions move to `history` in the same statement, from the same snapshot.
pub static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let slices: Vec<String> = SLICES
        .iter()
        .map(|s| format!("{} = ({}){}", s.0, &s.1[..3], &s.1[3..]))
        .collect();
    format!(
        "with moved as (insert into history (rid, upd, til, c, ver, w, typ, op, k, alias, body) \
         select x.rid, x.upd, b.til, x.c, x.ver, x.w, x.typ, x.op, x.k, x.alias, x.body from unnest($1, $4) b (rid, til) join {{table}} x on x.rid = b.rid) \
         update {{table}} x set ver = u.ver::int, upd = u.upd, op = u.op::smallint, c = u.c, d = u.d, code = u.code, cat = u.cat, \
         w = {VISIBILITY}, self = u.self, g = {CURRENT}, v = u.v, alias = u.alias, body = u.body, {} from {ROWS} where x.rid = u.rid",
        slices.join(", ")
    )
});

/// The entries, primary codes among them, the generation and the visibility alone.
pub static REINDEX: LazyLock<String> = LazyLock::new(|| {
    let slices: Vec<String> = SLICES
        .iter()
        .map(|s| format!("{} = ({}){}", s.0, &s.1[..3], &s.1[3..]))
        .collect();
    format!(
        "update {{table}} x set code = u.code, cat = u.cat, g = {CURRENT}, w = {VISIBILITY}, {} from {ROWS} where x.rid = u.rid",
        slices.join(", ")
    )
});
