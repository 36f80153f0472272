//! A Plan and an Access together become SQL over one type's table. <https://hl7.org/fhir/R4/search.html>
//!
//! Each statement has one shape and one sensible plan: the conditions that may drive are written so that their index
//! fits, the others so that none does (`$1 = any(terms)` instead of `terms @> …`). Containment with an ordered limit
//! is a trap for the planner (549 ms instead of 5), so such statements order by expressions that no index has.

use super::statement::Value;
use crate::compare::compare_sql;
use crate::index::{after_prefix, parameter};
use crate::order::Key;
use crate::question::Node;
use std::fmt::Write as _;
use ward_access::{Access, PatientKey};
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::SortKey;

/// Statement text with its numbered values.
pub struct Sql {
    pub text: String,
    pub values: Vec<Value>,
}

/// The mask lets a row `x` through. `<> 0`, never `= 1`: that estimate costs the plan its index order (81 times).
/// Ids beyond the mask fall on a bit that is always 0: unknown is hidden.
pub const VISIBLE: &str = "get_bit($1, least(x.w, $2)) <> 0";

impl Sql {
    /// The mask is `$1`, the position of its closing zero bit `$2`.
    pub fn new(access: &Access) -> Sql {
        let mask = &access.mask().0;
        let mut padded = Vec::with_capacity(mask.len() + 1);
        padded.extend_from_slice(mask);
        padded.push(0);
        Sql {
            text: String::with_capacity(512),
            values: vec![Value::Bytes(padded), Value::Int(mask.len() as i64 * 8)],
        }
    }

    pub fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    pub fn int(&mut self, value: i64) -> String {
        self.bind(Value::Int(value))
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// Which rows of a type a statement is about; a caller bound to patients takes two, without overlap.
#[derive(Clone, Copy)]
pub enum Branch<'a> {
    All,
    /// At home with one of the patients.
    Home(&'a [PatientKey]),
    /// At home elsewhere (or nowhere), and in one of the compartments by a membership term.
    Member(&'a [PatientKey]),
}

/// How the members of the conjunction are used.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Members that drive, through their index.
    pub driving: Vec<usize>,
    /// Members that are a test of the `code` or `category` column.
    pub code: Option<usize>,
    pub category: Option<usize>,
    /// The hits are sorted; otherwise an index is walked in page order.
    pub fenced: bool,
}

pub struct Lowering<'a> {
    pub ty: TypeId,
    /// Where the rows of the type are.
    pub table: String,
    pub branch: Branch<'a>,
    pub members: &'a [Node],
    pub shape: Shape,
}

impl Lowering<'_> {
    /// `from … x where …` with mask, branch and filter.
    pub fn from(&self, sql: &mut Sql) {
        let _ = write!(
            sql.text,
            " from {} x where {VISIBLE} and x.op <> 2",
            self.table
        );
        self.branch(sql);
        for (at, member) in self.members.iter().enumerate() {
            sql.push(" and ");
            match member {
                Node::Terms(terms) if self.shape.code == Some(at) => {
                    self.column(sql, "code", terms)
                }
                Node::Terms(terms) if self.shape.category == Some(at) => {
                    self.column(sql, "cat", terms)
                }
                _ if self.shape.driving.contains(&at) => self.drive(sql, member),
                _ => self.probe(sql, member),
            }
        }
    }

    fn branch(&self, sql: &mut Sql) {
        match self.branch {
            Branch::All => {}
            Branch::Home([key]) => {
                let c = sql.int(key.rid);
                let _ = write!(sql.text, " and x.c = {c}");
            }
            Branch::Home(keys) => {
                let list = sql.bind(Value::Ints(keys.iter().map(|k| k.rid).collect()));
                let _ = write!(sql.text, " and x.c = any({list})");
            }
            Branch::Member(keys) => {
                let homes = sql.bind(Value::Ints(keys.iter().map(|k| k.rid).collect()));
                let terms = sql.bind(Value::Ints(keys.iter().map(|k| k.membership).collect()));
                let _ = write!(sql.text, " and x.terms && {terms} and x.c <> all({homes})");
            }
        }
    }

    fn column(&self, sql: &mut Sql, column: &str, terms: &[Term]) {
        match terms {
            [term] => {
                let term = sql.int(*term);
                let _ = write!(sql.text, "x.{column} = {term}");
            }
            _ => {
                let list = sql.bind(Value::Ints(terms.to_vec()));
                let _ = write!(sql.text, "x.{column} = any({list})");
            }
        }
    }

    fn drive(&self, sql: &mut Sql, member: &Node) {
        match member {
            Node::Terms(terms) => {
                let list = sql.bind(Value::Ints(terms.clone()));
                let _ = write!(sql.text, "x.terms && {list}");
            }
            Node::Rids(rids) => {
                let list = sql.bind(Value::Ints(rids.clone()));
                let _ = write!(sql.text, "x.rid = any({list})");
            }
            Node::Prefix { param, value } => {
                let p = sql.int(i64::from(parameter(*param, self.ty)));
                let from = sql.bind(Value::Text(value.clone()));
                let _ = write!(
                    sql.text,
                    "x.rid in (select s.rid from string_term s where s.p = {p} and s.v >= {from}"
                );
                if let Some(end) = after_prefix(value) {
                    let to = sql.bind(Value::Text(end));
                    let _ = write!(sql.text, " and s.v < {to}");
                }
                sql.push(")");
            }
            other => self.probe(sql, other),
        }
    }

    /// A condition read from the row itself; true or false, never NULL.
    fn probe(&self, sql: &mut Sql, node: &Node) {
        match node {
            Node::All => sql.push("true"),
            Node::Nothing => sql.push("false"),
            Node::And(list) => self.join(sql, list, " and ", "true"),
            Node::Or(list) => self.join(sql, list, " or ", "false"),
            Node::Not(inner) => {
                sql.push("not (");
                self.probe(sql, inner);
                sql.push(")");
            }
            Node::Terms(terms) => match terms.as_slice() {
                [] => sql.push("false"),
                [term] => {
                    let term = sql.int(*term);
                    let _ = write!(sql.text, "{term} = any(x.terms)");
                }
                // A function of the column: no index applies.
                _ => {
                    let list = sql.bind(Value::Ints(terms.clone()));
                    let _ = write!(sql.text, "(x.terms || '{{}}'::bigint[]) && {list}");
                }
            },
            Node::Prefix { param, value } => {
                let start = sql.bind(Value::Text(format!("{}{value}", mark(*param))));
                let _ = write!(
                    sql.text,
                    "exists (select 1 from unnest(x.strs) s where s ^@ {start})"
                );
            }
            Node::Contains { param, value } => {
                let (start, part) = (
                    sql.bind(Value::Text(mark(*param))),
                    sql.bind(Value::Text(value.clone())),
                );
                let _ = write!(
                    sql.text,
                    "exists (select 1 from unnest(x.strs) s where s ^@ {start} and strpos(substr(s, {MARK_CHARS} + 1), {part}) > 0)"
                );
            }
            Node::Date { param, test } => {
                let p = sql.int(i64::from(*param));
                let condition = compare_sql(
                    test.prefix,
                    "x.dates[i + 1]",
                    "x.dates[i + 2]",
                    (test.low_us, test.high_us),
                    &mut |v| sql.int(v),
                );
                let _ = write!(
                    sql.text,
                    "exists (select 1 from generate_series(1, cardinality(x.dates), 3) i where x.dates[i] = {p} and {condition})"
                );
            }
            Node::Updated(test) => {
                let condition = compare_sql(
                    test.prefix,
                    "x.upd",
                    "x.upd",
                    (test.low_us, test.high_us),
                    &mut |v| sql.int(v),
                );
                sql.push(&condition);
            }
            Node::Rids(rids) => {
                let list = sql.bind(Value::Ints(rids.clone()));
                let _ = write!(sql.text, "(x.rid + 0) = any({list})");
            }
            Node::Quantity { term, test } => {
                let h = sql.int(*term);
                let condition = compare_sql(
                    test.prefix,
                    "x.qv[i * 2 - 1]",
                    "x.qv[i * 2]",
                    (test.low, test.high),
                    &mut |v| sql.bind(Value::Real(v)),
                );
                let _ = write!(
                    sql.text,
                    "exists (select 1 from generate_series(1, cardinality(x.qh)) i where x.qh[i] = {h} and {condition})"
                );
            }
        }
    }

    fn join(&self, sql: &mut Sql, list: &[Node], word: &str, none: &str) {
        if list.is_empty() {
            return sql.push(none);
        }
        for (at, node) in list.iter().enumerate() {
            sql.push(if at == 0 { "(" } else { word });
            self.probe(sql, node);
        }
        sql.push(")");
    }
}

/// Sort expressions over the row itself.
pub fn sort_key(key: &SortKey) -> Key {
    match *key {
        SortKey::Updated { descending } => Key::int("x.upd", descending),
        // `Store::search` lets neither numbers nor texts come here yet.
        SortKey::Id { descending }
        | SortKey::Quantity { descending, .. }
        | SortKey::Text { descending, .. } => Key::int("x.rid", descending),
        SortKey::Date { param, descending } => {
            let column = if descending {
                "max(x.dates[i + 2])"
            } else {
                "min(x.dates[i + 1])"
            };
            let text = format!(
                "(select {column} from generate_series(1, cardinality(x.dates), 3) i where x.dates[i] = {param})"
            );
            Key::nullable(text, (None, String::new()), false, descending)
        }
        SortKey::String { param, descending } => {
            let column = if descending { "max" } else { "min" };
            let mark = mark(param);
            let text = format!(
                "(select {column}(substr(s, {MARK_CHARS} + 1) collate \"C\") from unnest(x.strs) s where s ^@ '{mark}')"
            );
            Key::nullable(text, (None, String::new()), true, descending)
        }
    }
}

/// How a string of a parameter starts in the row's array.
pub fn mark(param: u16) -> String {
    format!("{param:04x}:")
}

const MARK_CHARS: usize = 5;
