//! Conditions read from the row itself, in forms that no index fits: what drives is chosen before.

use super::lower::{MARK_CHARS, Shown, Sql, mark};
use super::read::compartment;
use super::statement::Value;
use super::tables::Tables;
use crate::compare::compare_sql;
use crate::contract::Rid;
use crate::estimate::Counts;
use crate::question::{Node, TextTest};
use std::fmt::Write as _;
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::{DateTest, NumberTest};

/// Conditions on the rows of one alias, which are whole rows of one type's table.
pub struct Probe<'a> {
    pub row: String,
    pub ty: TypeId,
    /// Rows behind the counted terms, for the choices that hops need.
    pub counts: &'a Counts,
    /// Where the rows of the hops' types are.
    pub tables: &'a Tables,
}

impl Probe<'_> {
    /// A condition that is true or false, never NULL.
    pub fn test(&self, sql: &mut Sql, node: &Node) {
        let row = &self.row;
        match node {
            Node::All => sql.push("true"),
            Node::Nothing => sql.push("false"),
            Node::And(list) => self.join(sql, list, " and ", "true"),
            Node::Or(list) => self.join(sql, list, " or ", "false"),
            Node::Not(inner) => {
                sql.push("not (");
                self.test(sql, inner);
                sql.push(")");
            }
            Node::Types(list) => sql.push(if list.contains(&self.ty) {
                "true"
            } else {
                "false"
            }),
            Node::Shows(bits) => {
                let shown = Shown::of(sql, bits);
                let _ = write!(sql.text, "{}", shown.of_row(row));
            }
            // A function of the column: no index applies.
            Node::Nobodys => {
                let _ = write!(sql.text, "{row}.c + 0 = 0");
            }
            Node::Terms(terms) => match terms.as_slice() {
                [] => sql.push("false"),
                [term] => {
                    let term = sql.int(*term);
                    let _ = write!(sql.text, "{term} = any({row}.terms)");
                }
                // A function of the column: no index applies.
                _ => {
                    let list = sql.bind(Value::Ints(terms.clone()));
                    let _ = write!(sql.text, "({row}.terms || '{{}}'::bigint[]) && {list}");
                }
            },
            Node::AtHome { rids, terms } => self.at_home(sql, rids, terms),
            Node::Compartment(keys) => compartment(sql, row, keys),
            Node::Text { param, test, value } => self.text(sql, *param, *test, value),
            Node::Date { param, test, .. } => self.date(sql, *param, test),
            Node::Updated(test) => {
                let upd = format!("{row}.upd");
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
                let list = sql.bind(Value::Ints(rids.clone()));
                let _ = write!(sql.text, "({row}.rid + 0) = any({list})");
            }
            Node::Quantity { term, test, .. } => self.quantity(sql, *term, test),
            Node::Among { node, .. } => self.test(sql, node),
            Node::Chain(hop) => self.chain(sql, hop),
            Node::Has(hop) => self.has(sql, hop),
        }
    }

    /// The home by its column, which an index may begin with; the term is tested all the same.
    fn at_home(&self, sql: &mut Sql, rids: &[Rid], terms: &[Term]) {
        let row = &self.row;
        match rids {
            [rid] => {
                let c = sql.int(*rid);
                let _ = write!(sql.text, "{row}.c = {c} and ");
            }
            _ => {
                let list = sql.bind(Value::Ints(rids.to_vec()));
                let _ = write!(sql.text, "{row}.c = any({list}) and ");
            }
        }
        self.test(sql, &Node::Terms(terms.to_vec()));
    }

    /// A function of rows costs more than all else that is done for a row, and most rows have one date.
    fn date(&self, sql: &mut Sql, param: u16, test: &DateTest) {
        let dates = format!("{}.dates", self.row);
        let p = sql.int(i64::from(param));
        let bounds = (test.low_us, test.high_us);
        let fits = compare_sql(test.prefix, "{lo}", "{hi}", bounds, &mut |v| sql.int(v));
        let at = |i: &str, lo: &str, hi: &str| {
            let ends = [("{lo}", lo), ("{hi}", hi)];
            let fits = ends.iter().fold(fits.clone(), |text, (name, at)| {
                text.replace(name, &format!("{dates}[{at}]"))
            });
            format!("{dates}[{i}] = {p} and {fits}")
        };
        let _ = write!(
            sql.text,
            "case cardinality({dates}) when 3 then {} else exists (select 1 from generate_series(1, cardinality({dates}), 3) i where {}) end",
            at("1", "2", "3"),
            at("i", "i + 1", "i + 2")
        );
    }

    /// The same: few rows have a term twice.
    fn quantity(&self, sql: &mut Sql, term: Term, test: &NumberTest) {
        let row = &self.row;
        let h = sql.int(term);
        let bounds = (test.low, test.high);
        let bind = &mut |v| sql.bind(Value::Real(v));
        let fits = compare_sql(test.prefix, "{lo}", "{hi}", bounds, bind);
        let at = |i: &str| {
            let fits = fits.replace("{lo}", &format!("{row}.qv[{i} * 2 - 1]"));
            fits.replace("{hi}", &format!("{row}.qv[{i} * 2]"))
        };
        let first = format!("array_position({row}.qh, {h})");
        let _ = write!(
            sql.text,
            "case when {first} is null then false when {} then true \
             when array_position({row}.qh, {h}, {first} + 1) is null then false \
             else exists (select 1 from generate_series(1, cardinality({row}.qh)) i where {row}.qh[i] = {h} and {}) end",
            at(&first),
            at("i")
        );
    }

    fn text(&self, sql: &mut Sql, param: u16, test: TextTest, value: &str) {
        let row = &self.row;
        // Prefix and whole text stand right behind the parameter's mark.
        if matches!(test, TextTest::Prefix | TextTest::Equals) {
            let start = sql.bind(Value::Text(format!("{}{value}", mark(param))));
            let compare = if test == TextTest::Prefix { "^@" } else { "=" };
            let _ = write!(
                sql.text,
                "exists (select 1 from unnest({row}.strs) s where s {compare} {start})"
            );
            return;
        }
        let start = sql.bind(Value::Text(mark(param)));
        let part = sql.bind(Value::Text(value.to_owned()));
        let condition = if test == TextTest::Contains {
            format!("strpos(substr(s, {MARK_CHARS} + 1), {part}) > 0")
        } else {
            format!("right(substr(s, {MARK_CHARS} + 1), length({part})) = {part}")
        };
        let _ = write!(
            sql.text,
            "exists (select 1 from unnest({row}.strs) s where s ^@ {start} and {condition})"
        );
    }

    fn join(&self, sql: &mut Sql, list: &[Node], word: &str, none: &str) {
        if list.is_empty() {
            return sql.push(none);
        }
        for (at, node) in list.iter().enumerate() {
            sql.push(if at == 0 { "(" } else { word });
            self.test(sql, node);
        }
        sql.push(")");
    }
}
