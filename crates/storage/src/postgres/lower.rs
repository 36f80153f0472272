//! A Plan and an Access together become SQL over one type's table. <https://hl7.org/fhir/R4/search.html>
//!
//! Each statement has one shape and one sensible plan: the conditions that may drive are written so that their index
//! fits, the others so that none does (`$1 = any(terms)` instead of `terms @> …`). Containment with an ordered limit
//! is a trap for the planner (549 ms instead of 5), so such statements order by expressions that no index has.

use super::choice::Walk;
use super::probe::Probe;
use super::sizes;
use super::statement::Value;
use super::tables::Tables;
use crate::clinical::Window;
use crate::index::{after_prefix, parameter};
use crate::order::Key;
use crate::question::{Node, TextTest};
use std::fmt::Write as _;
use std::sync::Arc;
use ward_access::{Access, Mask, PatientKey};
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::SortKey;

use crate::estimate::Counts;

/// Statement text with its numbered values.
#[derive(Clone, Default, PartialEq)]
pub struct Sql {
    pub text: String,
    pub values: Vec<Value>,
    /// Aliases given to rows of hops.
    rows: usize,
    mask: Option<Shown>,
    /// Homes whose rows are hidden.
    closed: Option<String>,
    glass: Option<Glass>,
}

/// Closed bits of a mask and the position of its last zero bits, as they are bound.
#[derive(Clone, PartialEq)]
pub(super) struct Shown {
    bits: String,
    closing: String,
}

/// Behind a broken glass.
#[derive(Clone, PartialEq)]
struct Glass {
    /// The one home whose rows are seen.
    home: String,
    /// What is seen of nobody's rows.
    of_nobody: Option<Shown>,
}

impl Sql {
    /// A statement about what no access decides.
    pub fn plain(text: String, values: Vec<Value>) -> Sql {
        Sql {
            text,
            values,
            ..Sql::default()
        }
    }

    /// A statement about rows that the access sees. Where its mask hides any, that is `$1`, the position of its closing zero
    /// bits `$2`.
    pub fn new(access: &Access) -> Sql {
        let mut sql = Sql {
            text: String::with_capacity(512),
            ..Sql::default()
        };
        let shown = |sql: &mut Sql, mask: &Mask| mask.closed_bits().map(|b| Shown::of(sql, b));
        sql.mask = shown(&mut sql, access.mask());
        if !access.closed().is_empty() {
            sql.closed = Some(sql.bind(Value::Ints(access.closed().to_vec())));
        }
        let glass = access.home().zip(access.of_nobody());
        sql.glass = glass.map(|(home, mask)| Glass {
            home: sql.int(home),
            of_nobody: shown(&mut sql, mask),
        });
        sql
    }

    /// The mask lets a row through, and its record is not closed, nor another than the one behind a broken glass: a condition for every table reference of rows.
    /// Where nothing is hidden it is a constant, which the planner leaves out.
    pub fn visible(&self, row: &str) -> String {
        let of_row = |mask: &Option<Shown>| match mask {
            Some(shown) => shown.of_row(row),
            None => "true".to_owned(),
        };
        let mask = of_row(&self.mask);
        let open = match &self.glass {
            Some(Glass { home, of_nobody }) => {
                let of_nobody = of_row(of_nobody);
                format!("({row}.c = {home} and {mask} or {row}.c = 0 and {of_nobody})")
            }
            None => mask,
        };
        match &self.closed {
            Some(homes) => format!("{open} and {row}.c <> all({homes})"),
            None => open,
        }
    }

    /// An alias that no other row of the statement has.
    pub fn alias(&mut self) -> String {
        self.rows += 1;
        format!("y{}", self.rows)
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

impl Shown {
    pub fn of(sql: &mut Sql, bits: &Arc<[u8]>) -> Shown {
        Shown {
            bits: sql.bind(Value::Shared(bits.clone())),
            closing: sql.int((bits.len() as i64 - 1) * 8),
        }
    }

    /// `<> 0`, never `= 1`: that estimate costs the plan its index order (81 times). Ids beyond the mask fall on a bit that is always 0:
    /// unknown is hidden.
    pub fn of_row(&self, row: &str) -> String {
        let Shown { bits, closing } = self;
        format!("get_bit({bits}, least({row}.w, {closing})) <> 0")
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
    /// All that have this term, which few have.
    Long(Term),
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
    /// So many rows in page order are looked at first: if a page is among them, nothing is gathered.
    pub near: Option<u64>,
    /// What drives tells keys, which are in order before rows are fetched.
    pub keyed: Option<Keys>,
}

/// How the keys of a page come about; see `keyed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Of few homes those of a code are put in order.
    OfHomes,
    /// Those of the type are looked up among the homes of a hop's rows.
    AmongHomes,
    /// Those of the type are walked over, and rows of the hop looked for at each.
    Walked,
}

pub struct Lowering<'a> {
    pub ty: TypeId,
    /// Where the rows of the type are.
    pub table: String,
    pub branch: Branch<'a>,
    pub members: &'a [Node],
    pub walk: Walk,
    pub shape: Shape,
    /// Clinical dates of what is walked.
    pub window: Window,
    pub counts: &'a Counts,
    pub tables: &'a Tables,
}

impl Lowering<'_> {
    /// `from … x where …` with mask, branch and filter.
    pub fn from(&self, sql: &mut Sql) {
        let visible = sql.visible("x");
        let _ = write!(
            sql.text,
            " from {} x where {visible} and x.op <> 2",
            self.table
        );
        self.branch(sql);
        self.probe().conjunction(sql, self.members, &self.shape);
        for (sign, us) in [(">=", self.window.from_us), ("<=", self.window.to_us)] {
            if let Some(us) = us {
                let us = sql.int(us);
                let _ = write!(sql.text, " and x.d {sign} {us}");
            }
        }
    }

    pub(super) fn probe(&self) -> Probe<'_> {
        Probe {
            row: "x".into(),
            ty: self.ty,
            counts: self.counts,
            tables: self.tables,
        }
    }

    fn branch(&self, sql: &mut Sql) {
        match self.branch {
            Branch::All => {}
            Branch::Long(term) => {
                let list = sql.bind(Value::Ints(vec![term]));
                let _ = write!(sql.text, " and x.terms && {list}");
            }
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
}

impl Probe<'_> {
    /// ` and …` for each member of a conjunction, in the form that its part in the shape asks for.
    pub fn conjunction(&self, sql: &mut Sql, members: &[Node], shape: &Shape) {
        for (at, member) in members.iter().enumerate() {
            sql.push(" and ");
            match member {
                Node::Terms(terms) if shape.code == Some(at) => self.column(sql, "code", terms),
                Node::Terms(terms) if shape.category == Some(at) => self.column(sql, "cat", terms),
                _ if shape.driving.contains(&at) && shape.keyed.is_some() => self.told(sql, member),
                _ if shape.driving.contains(&at) => self.drive(sql, member),
                _ => self.test(sql, member),
            }
        }
    }

    /// ` and …` for the column of code or category that the shape names first.
    pub(super) fn hot(&self, sql: &mut Sql, members: &[Node], shape: &Shape) {
        let columns = [(shape.code, "code"), (shape.category, "cat")];
        for (at, column) in columns {
            if let Some(Node::Terms(terms)) = at.and_then(|at| members.get(at)) {
                sql.push(" and ");
                return self.column(sql, column, terms);
            }
        }
    }

    fn column(&self, sql: &mut Sql, column: &str, terms: &[Term]) {
        let row = &self.row;
        match terms {
            [term] => {
                let term = sql.int(*term);
                let _ = write!(sql.text, "{row}.{column} = {term}");
            }
            _ => {
                let list = sql.bind(Value::Ints(terms.to_vec()));
                let _ = write!(sql.text, "{row}.{column} = any({list})");
            }
        }
    }

    fn drive(&self, sql: &mut Sql, member: &Node) {
        let row = &self.row;
        match member {
            Node::Terms(terms) => {
                let list = sql.bind(Value::Ints(terms.clone()));
                let _ = write!(sql.text, "{row}.terms && {list}");
            }
            Node::Rids(rids) => {
                let list = sql.bind(Value::Ints(rids.clone()));
                let _ = write!(sql.text, "{row}.rid = any({list})");
            }
            Node::Text {
                param,
                test: test @ (TextTest::Prefix | TextTest::Equals),
                value,
            } => {
                let _ = write!(sql.text, "{row}.rid = any(array(");
                string_rids(sql, (self.ty, *param), *test, value);
                sql.push("))");
            }
            Node::Among { node, ranges, .. } => {
                let _ = write!(sql.text, "{row}.rid = any(array(");
                sizes::rids(sql, ranges, self.ty);
                sql.push(")) and ");
                self.test(sql, node);
            }
            Node::Chain(hop) => self.drive_chain(sql, hop),
            Node::Has(hop) => self.drive_has(sql, hop),
            Node::Or(list) => {
                sql.push("(false");
                for node in list {
                    sql.push(" or (");
                    self.drive(sql, node);
                    sql.push(")");
                }
                sql.push(")");
            }
            other => self.test(sql, other),
        }
    }
}

/// `select …`: the rows of a type with a string of a parameter that begins with the value, or is it.
pub fn string_rids(sql: &mut Sql, (ty, param): (TypeId, u16), test: TextTest, value: &str) {
    let p = sql.int(i64::from(parameter(param, ty)));
    let from = sql.bind(Value::Text(value.to_owned()));
    let compare = if test == TextTest::Equals { "=" } else { ">=" };
    let _ = write!(
        sql.text,
        "select s.rid from string_term s where s.p = {p} and s.v {compare} {from}"
    );
    if test != TextTest::Equals
        && let Some(end) = after_prefix(value)
    {
        let to = sql.bind(Value::Text(end));
        let _ = write!(sql.text, " and s.v < {to}");
    }
}

/// Sort expressions over the row itself.
pub fn sort_key(key: &SortKey) -> Key {
    match *key {
        SortKey::Updated { descending } => Key::int("x.upd", descending),
        SortKey::Id { descending } => Key::int("x.rid", descending),
        // Over several types the part of each has its own.
        SortKey::Each { descending, .. } | SortKey::Absent { descending, .. } => {
            let nothing = if key.is_text() {
                "null::text"
            } else {
                "null::bigint"
            };
            let none = (None, String::new());
            Key::nullable(nothing.to_owned(), none, key.is_text(), descending)
        }
        // Gathered by `examine`, which asks for the rows in no order of these.
        SortKey::Quantity { descending, .. }
        | SortKey::Text { descending, .. }
        | SortKey::Score { descending } => Key::int("x.rid", descending),
        SortKey::Date { param, descending } => {
            let (column, at) = if descending {
                ("max(x.dates[i + 2])", 3)
            } else {
                ("min(x.dates[i + 1])", 2)
            };
            // Most rows have one date; a function of rows for each would cost more than all else.
            let text = format!(
                "case when cardinality(x.dates) = 3 and x.dates[1] = {param} then x.dates[{at}] \
                 else (select {column} from generate_series(1, cardinality(x.dates), 3) i where x.dates[i] = {param}) end"
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

pub const MARK_CHARS: usize = 5;
