//! A question to the SQLite tables: what is in reach, and which index range drives.

use super::connection::Connection;
use super::lower::{Probe, Sql, Types};
use super::read;
use super::rows::Rows;
use crate::contract::StoreError;
use crate::core::Core;
use crate::index::typed;
use crate::question::{Node, Reach, resolve};
use std::collections::HashMap;
use std::fmt::Write as _;
use ward_access::{Access, Action};
use ward_search::entries::Term;
use ward_search::plan::Plan;

/// A plan with its ids looked up and its driving range chosen.
pub struct Question<'a> {
    pub access: &'a Access,
    pub reach: Reach,
    node: Node,
    /// Which member of a top-level `And` (or the whole) drives.
    driver: Driver,
}

enum Driver {
    /// All live rows of the types.
    Types,
    /// The compartments that bound the caller.
    Compartment,
    /// Member of the conjunction.
    Member(usize),
}

impl<'a> Question<'a> {
    /// `None`: nothing is in reach.
    pub fn new(
        connection: &mut Connection,
        core: &'a Core,
        access: &'a Access,
        action: Action,
        plan: &Plan,
    ) -> Result<Option<Question<'a>>, StoreError> {
        let reach = Reach::new(access, action, &plan.types);
        if reach.is_empty() {
            return Ok(None);
        }
        let types = reach.types();
        let cell = std::cell::RefCell::new(connection);
        let mut ids = |list: &[String]| read::rids_of(&mut cell.borrow_mut(), core, &types, list);
        let mut forms = |list: &[Term]| widen(&mut cell.borrow_mut(), list);
        let node = match resolve(&plan.filter, 0, &mut ids, &mut forms)? {
            Node::And(list) => Node::And(list),
            other => Node::And(vec![other]),
        };
        let mut question = Question {
            access,
            reach,
            node,
            driver: Driver::Types,
        };
        question.driver = question.choose(cell.into_inner())?;
        Ok(Some(question))
    }

    pub fn members(&self) -> &[Node] {
        if let Node::And(list) = &self.node {
            list
        } else {
            std::slice::from_ref(&self.node)
        }
    }

    /// The smallest range wins, by the counters for counted terms and by rule for the rest.
    fn choose(&self, connection: &mut Connection) -> Result<Driver, StoreError> {
        let single = self.reach.single();
        let mut best = match single {
            Some((_, Some(keys))) => (COMPARTMENT_ROWS * keys.len() as u64, Driver::Compartment),
            _ => (u64::MAX, Driver::Types),
        };
        let counts = self.counts(connection)?;
        for (at, node) in self.members().iter().enumerate() {
            let rows = match node {
                Node::Nothing => 0,
                Node::Rids(rids) => rids.len() as u64,
                Node::Terms(terms) => {
                    let of = |t: &Term| {
                        self.reach
                            .types()
                            .iter()
                            .map(|ty| counts.get(&typed(*t, *ty)).copied().unwrap_or(0))
                            .sum::<u64>()
                    };
                    terms.iter().map(|t| of(t).max(TERM_ROWS)).sum()
                }
                Node::Prefix { .. } if single.is_some() => PREFIX_ROWS,
                Node::Quantity { .. } if single.is_some() => RANGE_ROWS,
                Node::Date { .. } if single.is_some() => RANGE_ROWS * 4,
                _ => continue,
            };
            if rows < best.0 {
                best = (rows, Driver::Member(at));
            }
        }
        Ok(best.1)
    }

    /// Live rows of each counted term of the conjunction; asked only when there is a choice to make.
    fn counts(&self, connection: &mut Connection) -> Result<HashMap<i64, u64>, StoreError> {
        let mut counts = HashMap::new();
        if self.members().len() < 2 && self.reach.limited.is_empty() {
            return Ok(counts);
        }
        let types = self.reach.types();
        let terms = self
            .members()
            .iter()
            .filter_map(|n| {
                if let Node::Terms(terms) = n {
                    Some(terms)
                } else {
                    None
                }
            })
            .flatten();
        let keys = Rows::of(
            terms
                .take(COUNTED_TERMS_MAX)
                .flat_map(|t| types.iter().map(|ty| typed(*t, *ty))),
        );
        connection.each(COUNTS, &[keys.into_value()], |row| {
            counts.insert(row.int(0)?, row.int(1)?.max(0) as u64);
            Ok(())
        })?;
        Ok(counts)
    }

    fn probe(&self) -> Probe {
        let types = self
            .reach
            .single()
            .map_or(Types::Column, |(ty, _)| Types::One(ty));
        Probe { types }
    }

    /// `from … x where …` with filter and access.
    pub fn from(&self, sql: &mut Sql) {
        let probe = self.probe();
        let members = self.members();
        match self.driver {
            Driver::Types => self.drive_types(sql),
            Driver::Compartment => self.drive_compartment(sql),
            Driver::Member(at) => self.drive_member(sql, &probe, &members[at]),
        }
        probe.access(sql, &self.reach);
        for (at, member) in members.iter().enumerate() {
            if !matches!(self.driver, Driver::Member(driving) if driving == at) {
                sql.push(" and ");
                probe.filter(sql, member);
            }
        }
    }

    fn drive_types(&self, sql: &mut Sql) {
        match self.reach.single() {
            Some((ty, _)) => {
                let ty = sql.int(i64::from(ty.0));
                let _ = write!(
                    sql.text,
                    " from resource x where x.typ = {ty} and x.op <> 2 and "
                );
            }
            None => {
                let types = sql.ints(self.reach.types().iter().map(|t| i64::from(t.0)));
                let _ = write!(
                    sql.text,
                    " from resource x where x.typ in {types} and x.op <> 2 and "
                );
            }
        }
    }

    /// Home rows and further memberships of the caller's patients, each once.
    fn drive_compartment(&self, sql: &mut Sql) {
        let Some((ty, Some(keys))) = self.reach.single() else {
            return self.drive_types(sql);
        };
        let homes = sql.ints(keys.iter().map(|k| k.rid));
        let t = sql.int(i64::from(ty.0));
        let memberships = sql.ints(keys.iter().map(|k| typed(k.membership, ty)));
        let _ = write!(
            sql.text,
            " from (select rid, d, c, k from resource where c in {homes} and c <> 0 and typ = {t} and op <> 2 \
             union select rid, d, c, k from term where h in {memberships}) x where "
        );
    }

    fn drive_member(&self, sql: &mut Sql, probe: &Probe, member: &Node) {
        let source = match member {
            Node::Nothing => "select 0 as rid where 0".to_owned(),
            Node::Rids(rids) => {
                let packed = sql.bind(Rows::of(rids.iter().copied()).into_value());
                format!("select distinct a as rid from rows({packed})")
            }
            Node::Terms(terms) => return self.drive_terms(sql, terms),
            Node::Prefix { param, value } => format!(
                "select distinct s.rid from str s where {}",
                probe.prefix(sql, *param, value)
            ),
            Node::Date { param, test } => format!(
                "select distinct s.rid from date s where {}",
                probe.date(sql, *param, test)
            ),
            Node::Quantity { term, test } => format!(
                "select distinct s.rid from qty s where {}",
                probe.quantity(sql, *term, test)
            ),
            _ => return self.drive_types(sql),
        };
        let _ = write!(
            sql.text,
            " from ({source}) i cross join resource x on x.rid = i.rid where x.op <> 2 and "
        );
        if let Some((ty, _)) = self.reach.single() {
            let ty = sql.int(i64::from(ty.0));
            let _ = write!(sql.text, "x.typ = {ty} and ");
        }
    }

    fn drive_terms(&self, sql: &mut Sql, terms: &[Term]) {
        match (self.reach.single(), terms) {
            // One range in page order.
            (Some((ty, _)), [term]) => {
                let h = sql.int(typed(*term, ty));
                let _ = write!(sql.text, " from term x where x.h = {h} and ");
            }
            (Some((ty, _)), _) => {
                let list = sql.ints(terms.iter().map(|t| typed(*t, ty)));
                let _ = write!(
                    sql.text,
                    " from (select distinct rid, d, c, k from term where h in {list}) x where "
                );
            }
            (None, _) => {
                let types = self.reach.types();
                let list = sql.ints(
                    terms
                        .iter()
                        .flat_map(|t| types.iter().map(|ty| typed(*t, *ty))),
                );
                let _ = write!(
                    sql.text,
                    " from (select distinct rid from term where h in {list}) i cross join resource x on x.rid = i.rid where "
                );
            }
        }
    }
}

/// The terms that the vocabulary lists under wider forms.
fn widen(connection: &mut Connection, forms: &[Term]) -> Result<Vec<Term>, StoreError> {
    let mut terms = Vec::new();
    connection.each(
        WIDEN,
        &[Rows::of(forms.iter().copied()).into_value()],
        |row| {
            terms.push(row.int(0)?);
            Ok(())
        },
    )?;
    terms.sort_unstable();
    terms.dedup();
    Ok(terms)
}
const COUNTS: &str =
    "select h, sum(n) from term_count where h in (select a from rows(?1)) group by h";
const WIDEN: &str = "select v.term from rows(?1) b cross join vocabulary v on v.form = b.a";

/// Rows assumed behind a term that is not counted (an identifier, a reference).
const TERM_ROWS: u64 = 50;
/// Rows assumed behind a string prefix.
const PREFIX_ROWS: u64 = 300;
/// Rows assumed behind a quantity range; a date range is wider.
const RANGE_ROWS: u64 = 5_000;
/// Rows of one type assumed in one patient's compartment.
const COMPARTMENT_ROWS: u64 = 500;
/// Terms whose counters are looked up for the choice.
const COUNTED_TERMS_MAX: usize = 256;
