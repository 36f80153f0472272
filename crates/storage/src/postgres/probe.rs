//! Conditions read from the row itself, in forms that no index fits: what drives is chosen before.

use super::lower::{MARK_CHARS, Sql, mark};
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
            Node::Date { param, test, .. } => {
                let p = sql.int(i64::from(*param));
                let condition = compare_sql(
                    test.prefix,
                    &format!("{row}.dates[i + 1]"),
                    &format!("{row}.dates[i + 2]"),
                    (test.low_us, test.high_us),
                    &mut |v| sql.int(v),
                );
                let _ = write!(
                    sql.text,
                    "exists (select 1 from generate_series(1, cardinality({row}.dates), 3) i where {row}.dates[i] = {p} and {condition})"
                );
            }
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
            Node::Quantity { term, test, .. } => {
                let h = sql.int(*term);
                let condition = compare_sql(
                    test.prefix,
                    &format!("{row}.qv[i * 2 - 1]"),
                    &format!("{row}.qv[i * 2]"),
                    (test.low, test.high),
                    &mut |v| sql.bind(Value::Real(v)),
                );
                let _ = write!(
                    sql.text,
                    "exists (select 1 from generate_series(1, cardinality({row}.qh)) i where {row}.qh[i] = {h} and {condition})"
                );
            }
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
