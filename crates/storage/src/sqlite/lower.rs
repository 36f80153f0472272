//! A Plan and an Access together become SQL over the index tables. <https://hl7.org/fhir/R4/search.html>
//!
//! Every statement runs over a set `x` of (rid, d, c, k), driven by the one index range that the plan's own terms make
//! smallest; everything else of the filter is a probe on it. The Access predicate is part of `x`, before any limit.

use super::rows::Rows;
use super::statement::Value;
use crate::compare::compare_sql;
use crate::estimate::Counts;
use crate::index::{after_prefix, of_code, parameter, typed};
use crate::quantity::{self, Range};
use crate::question::{Node, TextTest};
use crate::reach::Reach;
use std::fmt::Write as _;
use std::rc::Rc;
use ward_access::{Access, Mask, PatientKey};
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::{DateTest, NumberTest};

/// Statement text with its numbered values.
#[derive(Default)]
pub struct Sql {
    pub text: String,
    pub values: Vec<Value>,
    /// Aliases given to rows of hops.
    rows: usize,
    /// The mask as it is bound.
    mask: Option<String>,
    /// Homes whose rows are hidden.
    closed: Option<String>,
    glass: Option<Glass>,
}

/// Behind a broken glass.
struct Glass {
    /// The one home whose rows are seen.
    home: String,
    /// The mask of nobody's rows.
    of_nobody: Option<String>,
}

impl Sql {
    /// A statement about rows that the access sees. A mask that hides any is bound first.
    pub fn new(access: &Access) -> Sql {
        let mut sql = Sql {
            text: String::with_capacity(512),
            ..Sql::default()
        };
        sql.mask = sql.bind_mask(access.mask());
        if !access.closed().is_empty() {
            sql.closed = Some(sql.ints(access.closed().iter().copied()));
        }
        let glass = access.home().zip(access.of_nobody());
        sql.glass = glass.map(|(home, mask)| Glass {
            home: sql.int(home),
            of_nobody: sql.bind_mask(mask),
        });
        sql
    }

    fn bind_mask(&mut self, mask: &Mask) -> Option<String> {
        let bits = mask.closed_bits()?;
        Some(self.bind(Value::Shared(bits.clone())))
    }

    /// The mask lets a row through, and its record is not closed, nor another than the one behind a broken glass: a condition for every table reference of rows. Where nothing is
    /// hidden it is a constant, which costs nothing.
    pub fn visible(&self, row: &str) -> String {
        let of_row = |mask: &Option<String>| match mask {
            Some(mask) => format!("vis({mask}, {row}.k)"),
            None => "1".to_owned(),
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
            Some(homes) => format!("{open} and {row}.c not in {homes}"),
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
        format!("?{}", self.values.len())
    }

    pub fn int(&mut self, value: i64) -> String {
        self.bind(Value::Int(value))
    }

    pub fn ints(&mut self, values: impl IntoIterator<Item = i64>) -> String {
        let packed = self.bind(Rows::of(values).into_value());
        format!("(select a from rows({packed}))")
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// How the rows of a probe name their type: a constant, or their own column.
#[derive(Clone, Copy)]
pub enum Types {
    One(TypeId),
    Column,
}

/// Probes of a filter on the rows of one alias, which have (rid, d, c, k), and `typ` when it is not constant.
pub struct Probe {
    pub row: String,
    pub types: Types,
    /// Rows behind the counted terms, for the choices that hops need.
    pub counts: Rc<Counts>,
    /// Quantities, and what refers to a row, are looked up for each row rather than gathered into a set first.
    pub points: bool,
    /// Many terms are too.
    pub term_points: bool,
    /// The primary code of every row, where that is known.
    pub code: Option<Term>,
}

impl Probe {
    /// Of the rows `x`, of one type or several.
    pub fn new(single: Option<TypeId>) -> Probe {
        Probe {
            row: "x".into(),
            types: single.map_or(Types::Column, Types::One),
            counts: Rc::default(),
            points: false,
            term_points: false,
            code: None,
        }
    }

    /// Appends a condition that is true or false, never NULL.
    pub fn filter(&self, sql: &mut Sql, node: &Node) {
        let row = &self.row;
        match node {
            Node::All => sql.push("1"),
            Node::Nothing => sql.push("0"),
            Node::And(list) => self.join(sql, list, " and ", "1"),
            Node::Or(list) => self.join(sql, list, " or ", "0"),
            Node::Not(inner) => {
                sql.push("not (");
                self.filter(sql, inner);
                sql.push(")");
            }
            Node::Types(list) => match self.types {
                Types::One(ty) => sql.push(if list.contains(&ty) { "1" } else { "0" }),
                Types::Column => {
                    let list = sql.ints(list.iter().map(|t| i64::from(t.0)));
                    let _ = write!(sql.text, "{row}.typ in {list}");
                }
            },
            Node::Shows(bits) => {
                let mask = sql.bind(Value::Shared(bits.clone()));
                let _ = write!(sql.text, "vis({mask}, {row}.k)");
            }
            Node::Nobodys => {
                let _ = write!(sql.text, "{row}.c = 0");
            }
            // A range of the term is as good as one of the home.
            Node::Terms(terms) | Node::AtHome { terms, .. } => self.terms(sql, terms),
            Node::Compartment(keys) => self.compartment(sql, keys),
            Node::Text { param, test, value } => {
                let condition = self.text(sql, *param, *test, value);
                let _ = write!(
                    sql.text,
                    "exists (select 1 from str s where s.rid = {row}.rid and {condition})"
                );
            }
            Node::Date { param, test, .. } => {
                let range = self.date(sql, *param, test);
                let _ = write!(
                    sql.text,
                    "exists (select 1 from date s indexed by date_r where s.rid = {row}.rid and {range})"
                );
            }
            Node::Updated(test) => {
                let upd = format!("(select r.upd from resource r where r.rid = {row}.rid)");
                let condition = compare_sql(
                    test.prefix,
                    &upd,
                    &upd,
                    (test.low_us, test.high_us),
                    &mut |v| sql.int(v),
                );
                sql.push(&condition);
            }
            Node::Rids(rids) => {
                let list = sql.ints(rids.iter().copied());
                let _ = write!(sql.text, "{row}.rid in {list}");
            }
            Node::Quantity { term, test, .. } if self.points => {
                self.quantity_point(sql, *term, test);
            }
            Node::Quantity {
                term,
                test,
                in_tuple: false,
            } if self.code.is_some() => self.quantity_of_code(sql, *term, test),
            Node::Quantity { term, test, .. } => {
                let _ = write!(sql.text, "{row}.rid in (");
                self.quantities(sql, "s.rid", *term, test);
                sql.push(")");
            }
            Node::Among { node, .. } => self.filter(sql, node),
            Node::Chain(hop) => self.chain(sql, hop),
            Node::Has(hop) => self.has(sql, hop),
        }
    }

    fn join(&self, sql: &mut Sql, list: &[Node], word: &str, none: &str) {
        if list.is_empty() {
            return sql.push(none);
        }
        if list.len() > OPERANDS_MAX {
            let (first, second) = list.split_at(list.len() / 2);
            sql.push("(");
            self.join(sql, first, word, none);
            sql.push(word);
            self.join(sql, second, word, none);
            return sql.push(")");
        }
        for (at, node) in list.iter().enumerate() {
            sql.push(if at == 0 { "(" } else { word });
            self.filter(sql, node);
        }
        sql.push(")");
    }

    /// The row knows the lower ends of its quantities, each a point of the clustered index.
    fn quantity_point(&self, sql: &mut Sql, term: Term, test: &NumberTest) {
        let (row, range) = (&self.row, self.quantity(sql, term, test));
        let _ = write!(
            sql.text,
            "exists (select 1 from resource q cross join rows(coalesce(q.q, {NO_ENDS})) b cross join qty s \
             where q.rid = {row}.rid and s.lo = b.a and s.rid = {row}.rid and {range})"
        );
    }

    /// In the set of the code's rows with a single value in the range, or in that of its other rows and truly in the range.
    fn quantity_of_code(&self, sql: &mut Sql, term: Term, test: &NumberTest) {
        let (Types::One(ty), Some(code)) = (self.types, self.code) else {
            return self.quantity_point(sql, term, test);
        };
        let row = &self.row;
        let h = sql.int(of_code(typed(term, ty), code));
        let range = values(sql, test, "s.v");
        let ends = (test.low, test.high);
        let mut bind = |v| sql.bind(Value::Real(v));
        let test_of_value = compare_sql(test.prefix, "s.v", "s.v", ends, &mut bind);
        let _ = write!(
            sql.text,
            "({row}.rid in (select s.rid from qty_code s where s.h = {h}{range} and s.v < 9e999 and {test_of_value}) \
             or {row}.rid in (select s.rid from qty_code s where s.h = {h} and s.v = 9e999) and "
        );
        self.quantity_point(sql, term, test);
        sql.push(")");
    }

    /// A few terms are points of the clustered index, since the row knows its own date; many are one set made once.
    fn terms(&self, sql: &mut Sql, terms: &[Term]) {
        let row = &self.row;
        match (terms, self.types) {
            ([], _) => sql.push("0"),
            ([term], _) => {
                let h = self.term(sql, *term);
                let _ = write!(
                    sql.text,
                    "exists (select 1 from term t where t.h = {h} and t.d = {row}.d and t.rid = {row}.rid)"
                );
            }
            (_, Types::One(ty)) if terms.len() > POINTS_MAX && !self.term_points => {
                let list = sql.ints(terms.iter().map(|t| typed(*t, ty)));
                let _ = write!(
                    sql.text,
                    "{row}.rid in (select t.rid from term t where t.h in {list})"
                );
            }
            _ => {
                let packed = sql.bind(Rows::of(terms.iter().copied()).into_value());
                let h = match self.types {
                    Types::One(ty) => format!("typed(b.a, {})", ty.0),
                    Types::Column => format!("typed(b.a, {row}.typ)"),
                };
                let _ = write!(
                    sql.text,
                    "exists (select 1 from rows({packed}) b cross join term t on t.h = {h} and t.d = {row}.d and t.rid = {row}.rid)"
                );
            }
        }
    }

    fn term(&self, sql: &mut Sql, term: Term) -> String {
        match self.types {
            Types::One(ty) => sql.int(typed(term, ty)),
            Types::Column => {
                let term = sql.int(term);
                format!("typed({term}, {}.typ)", self.row)
            }
        }
    }

    fn parameter(&self, sql: &mut Sql, param: u16) -> String {
        match self.types {
            Types::One(ty) => sql.int(i64::from(parameter(param, ty))),
            Types::Column => format!("(({}.typ << 16) | {param})", self.row),
        }
    }

    /// A condition on `str s`; for a prefix a range of it.
    pub fn text(&self, sql: &mut Sql, param: u16, test: TextTest, value: &str) -> String {
        let p = self.parameter(sql, param);
        let bound = sql.bind(Value::Text(value.to_owned()));
        match test {
            TextTest::Prefix => match after_prefix(value) {
                Some(end) => {
                    let to = sql.bind(Value::Text(end));
                    format!("s.p = {p} and s.v >= {bound} and s.v < {to}")
                }
                None => format!("s.p = {p} and s.v >= {bound}"),
            },
            TextTest::Equals => format!("s.p = {p} and s.v = {bound}"),
            TextTest::Contains => format!("s.p = {p} and instr(s.v, {bound}) > 0"),
            // `substr` counts characters from the end; of an empty value everything ends with it.
            TextTest::Ends => {
                format!("s.p = {p} and ({bound} = '' or substr(s.v, -length({bound})) = {bound})")
            }
        }
    }

    /// A condition on `date s`.
    pub fn date(&self, sql: &mut Sql, param: u16, test: &DateTest) -> String {
        let p = self.parameter(sql, param);
        format!(
            "s.p = {p} and {}",
            compare_sql(
                test.prefix,
                "s.lo",
                "s.hi",
                (test.low_us, test.high_us),
                &mut |v| sql.int(v)
            )
        )
    }

    /// A condition on `qty s`.
    pub fn quantity(&self, sql: &mut Sql, term: Term, test: &NumberTest) -> String {
        let h = self.term(sql, term);
        format!("s.h = {h} and {}", self.ends(sql, test))
    }

    fn ends(&self, sql: &mut Sql, test: &NumberTest) -> String {
        let mut bind = |v| sql.bind(Value::Real(v));
        let ends = (test.low, test.high);
        compare_sql(test.prefix, "s.lo", "s.hi", ends, &mut bind)
    }

    /// `select …`: the rows of `qty s` in a range. Single values are one range of the table, whichever end is asked of.
    pub fn quantities(&self, sql: &mut Sql, select: &str, term: Term, test: &NumberTest) {
        let (h, ends) = (self.term(sql, term), self.ends(sql, test));
        let values = values(sql, test, "s.lo");
        let _ = write!(
            sql.text,
            "select {select} from qty s where s.h = {h} and {ends} and s.hi = s.lo{values} \
             union all select {select} from qty s where s.h | 0 = {h} and {ends} and s.hi <> s.lo"
        );
    }

    /// `select …`: the rows that may be in one of the ranges, some twice.
    pub fn among(&self, sql: &mut Sql, select: &str, ranges: &[Range], ty: TypeId) {
        if ranges.is_empty() {
            sql.push("select 0 as rid where 0");
        }
        for (at, range) in ranges.iter().enumerate() {
            sql.push(if at == 0 { "" } else { " union all " });
            if range.code.is_none() {
                self.quantities(sql, select, range.term, &range.test);
                continue;
            }
            let h = sql.int(range.key(ty));
            let values = values(sql, &range.test, "s.v");
            let _ = write!(
                sql.text,
                "select {select} from qty_code s where s.h = {h}{values}"
            );
            // Infinity is above every lower end.
            if quantity::values(&range.test).to.is_some() {
                let _ = write!(
                    sql.text,
                    " union all select {select} from qty_code s where s.h = {h} and s.v = 9e999"
                );
            }
        }
    }

    /// What the caller may see of `x`: the mask, the compartments, and what else it must match.
    pub fn access(&self, sql: &mut Sql, reach: &Reach) {
        let row = &self.row;
        let visible = sql.visible(row);
        sql.push(&visible);
        match reach.single() {
            Some((_, None)) => {}
            Some((_, Some(keys))) => {
                sql.push(" and ");
                self.compartment(sql, keys);
            }
            None => {
                let everything = sql.ints(reach.everything.iter().map(|t| i64::from(t.0)));
                let _ = write!(sql.text, " and ({row}.typ in {everything}");
                for (keys, types) in &reach.limited {
                    let types = sql.ints(types.iter().map(|t| i64::from(t.0)));
                    let _ = write!(sql.text, " or ({row}.typ in {types} and ");
                    self.compartment(sql, keys);
                    sql.push(")");
                }
                sql.push(")");
            }
        }
        for condition in reach.conditions() {
            sql.push(" and ");
            self.filter(sql, condition);
        }
    }

    /// In the compartment of one of the patients: at home there, or by a membership term.
    pub fn compartment(&self, sql: &mut Sql, keys: &[PatientKey]) {
        match keys {
            [key] => {
                let c = sql.int(key.rid);
                let _ = write!(sql.text, "({}.c = {c} or ", self.row);
            }
            _ => {
                let list = sql.ints(keys.iter().map(|k| k.rid));
                let _ = write!(sql.text, "({}.c in {list} or ", self.row);
            }
        }
        self.terms(sql, &keys.iter().map(|k| k.membership).collect::<Vec<_>>());
        sql.push(")");
    }
}

/// ` and …`: single values in the range of a test.
fn values(sql: &mut Sql, test: &NumberTest, column: &str) -> String {
    let values = quantity::values(test);
    let ends = values.from.into_iter().chain(values.to);
    let each = ends.map(|(sign, v)| format!(" and {column} {sign} {}", sql.bind(Value::Real(v))));
    each.collect()
}

/// No lower ends, packed.
const NO_ENDS: &str = "x'0101'";
/// Beyond so many a row of operands is made of two halves: each operand is a level of SQLite's tree, which has 1,000 at most.
const OPERANDS_MAX: usize = 64;
/// Terms probed one by one; more are gathered into a set first.
const POINTS_MAX: usize = 16;
