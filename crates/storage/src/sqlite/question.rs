//! A question to the SQLite tables: what is in reach, its names looked up, and its ranges counted.

use super::choice;
use super::connection::Connection;
use super::drive::{Driver, has_many_terms};
use super::lower::{Probe, Sql};
use super::names;
use super::rows::Rows;
use crate::broad::Broad;
use crate::clinical::{self, Clinical};
use crate::contract::StoreError;
use crate::core::Core;
use crate::estimate::{self, Counts, SET_ROWS_MAX};
use crate::index::{CODE, EVERY, typed};
use crate::names::Names;
use crate::quantity::{self, Ranged};
use crate::question::{Node, Resolver, members_of_type, terms_of};
use crate::reach::Reach;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::{Plan, Total};

/// A plan with its names looked up and its driving range chosen.
pub struct Question<'a> {
    pub access: &'a Access,
    pub reach: Reach,
    /// The conjunction.
    pub(super) members: Vec<Node>,
    pub(super) driver: Driver,
    pub(super) counts: Rc<Counts>,
    /// So many rows are gathered, or looked at one by one.
    pub(super) few: u64,
    /// Rows of a page in their natural order, where nothing but it is asked for.
    pub(super) page_rows: Option<u64>,
    /// A range of quantities holds more.
    pub(super) is_broad: bool,
    /// A member whose rows are a set that is made before the walk.
    pub(super) in_set: Option<usize>,
    /// What is asked is sorted by the latest clinical dates.
    pub(super) sorted: Option<Clinical>,
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
        let mut reach = Reach::new(&core.term_key, access, action, &plan.types)?;
        if reach.is_empty() {
            return Ok(None);
        }
        let types = reach.types();
        let found = names::find(
            connection,
            core,
            access,
            &Names::of(&plan.filter, &types, false)?,
        )?;
        let mut resolver = Resolver {
            access,
            key: &core.term_key,
            found: &found,
            phrase: 0,
            tuple: 0,
            leaf: 0,
            wide: 0,
            homes: false,
            walks_terms: true,
        };
        let mut members = resolver.members(&plan.filter, &types)?;
        reach.conditions_into(&mut members);
        if let [ty] = types.as_slice() {
            members = members_of_type(members, *ty);
        }
        let mut question = Question {
            access,
            reach,
            members,
            driver: Driver::Types,
            counts: Rc::default(),
            few: 0,
            page_rows: page_rows(plan),
            is_broad: false,
            in_set: None,
            sorted: match types.as_slice() {
                [ty] => Clinical::sorted(&core.term_key, *ty, &plan.sort),
                _ => None,
            },
        };
        question.counts = Rc::new(question.count(connection)?);
        question.count_hops(connection)?;
        // Once more for what an alternative that is left alone brings.
        if question.count_ranges(connection, &core.broad, plan)? {
            question.count_ranges(connection, &core.broad, plan)?;
        }
        question.driver = question.choose();
        question.walk_for_name(connection, &core.broad)?;
        question.walk_for_updates(connection, plan)?;
        Ok(Some(question))
    }

    pub fn members(&self) -> &[Node] {
        &self.members
    }

    /// Rows behind each term that was counted.
    pub fn counters(&self) -> Vec<(TypeId, u64)> {
        let mut terms = Vec::new();
        terms_of(&self.members, &self.reach.types(), &mut terms);
        let count = |(ty, t): (_, Term)| Some((ty, *self.counts.get(&typed(t, ty))?));
        terms.into_iter().filter_map(count).collect()
    }

    /// Names at the other end of a hop are counted to where they are too many for a set: a rule of thumb would be far off.
    fn count_hops(&mut self, connection: &mut Connection) -> Result<(), StoreError> {
        let probe = self.probe();
        for member in &mut self.members {
            let (Node::Chain(hop) | Node::Has(hop)) = member else {
                continue;
            };
            let driver = choice::driver(&hop.members, hop.ty, &probe.counts);
            let named = driver.map(|at| &hop.members[at]);
            let Some(named) = named.filter(|node| estimate::name(node).is_some()) else {
                continue;
            };
            let mut sql = Sql::default();
            sql.push("select count(*) from (");
            probe.inner(hop, "y").range(&mut sql, named, hop.ty);
            let limit = sql.int(SET_ROWS_MAX as i64 + 1);
            let _ = write!(sql.text, " limit {limit})");
            let mut rows = 0;
            connection.each(&sql.text, &sql.values, |row| {
                rows = row.int(0)?.max(0) as u64;
                Ok(())
            })?;
            hop.rows = Some(rows);
        }
        Ok(())
    }

    /// Ranges of quantities are counted to where it no longer matters, unless they were seen to be more a moment ago. `true`:
    /// there are other members now.
    fn count_ranges(
        &mut self,
        connection: &mut Connection,
        broad: &Broad,
        plan: &Plan,
    ) -> Result<bool, StoreError> {
        let Some((ty, _)) = self.reach.single() else {
            return Ok(false);
        };
        // As many as a walk in page order is expected to look at to fill a page, where so many match.
        let walked = quantity::walked(&self.members, ty, &self.counts);
        let page_rows = u64::from(plan.count) + 1;
        self.few = walked.saturating_mul(page_rows).isqrt().max(FEW_ROWS);
        // A walk in another order than that of pages passes nothing over.
        let most = match plan.sort.is_empty() {
            true => self.few.saturating_mul(CANDIDATES),
            false => self.few,
        };
        let ranged = quantity::ranged(&self.members, ty, &self.counts);
        let mut all = Vec::new();
        for member in &ranged {
            if broad.holds(member, ty, most) {
                all.push(vec![most.saturating_add(1)]);
                continue;
            }
            let rows = self.count_alternatives(connection, member, ty, most)?;
            broad.learn(member, ty, &rows, most);
            all.push(rows);
        }
        self.is_broad = all.iter().any(|rows| rows.iter().sum::<u64>() > most);
        Ok(quantity::mark(&mut self.members, ranged, &all, most))
    }

    /// Rows of each alternative, `most` and one at most.
    fn count_alternatives(
        &self,
        connection: &mut Connection,
        member: &Ranged,
        ty: TypeId,
        most: u64,
    ) -> Result<Vec<u64>, StoreError> {
        let mut rows = Vec::new();
        for ranges in &member.alternatives {
            let mut sql = Sql::default();
            sql.push("select count(*) from (");
            self.probe().among(&mut sql, "1", ranges, ty);
            let limit = sql.int(most.saturating_add(1) as i64);
            let _ = write!(sql.text, " limit {limit})");
            connection.each(&sql.text, &sql.values, |row| {
                rows.push(row.int(0)?.max(0) as u64);
                Ok(())
            })?;
        }
        Ok(rows)
    }

    /// Live rows of each counted term, hops included; asked only when there is a choice to make.
    fn count(&self, connection: &mut Connection) -> Result<Counts, StoreError> {
        let mut counts = Counts::new();
        let has_hop = |n: &Node| {
            matches!(
                n,
                Node::Chain(_) | Node::Has(_) | Node::Or(_) | Node::Not(_)
            )
        };
        let mut marks = Vec::new();
        if let Some((ty, _)) = self.reach.single() {
            marks = clinical::marks(&self.members, ty);
            marks.extend(self.sorted.iter().flat_map(|c| c.counted(ty)));
        }
        let ranged = self
            .reach
            .single()
            .filter(|_| quantity::is_asked(&self.members));
        let has_many = self.members.iter().any(has_many_terms);
        let plain = self.members.len() < 2
            && !self.members.iter().any(has_hop)
            && !has_many
            && ranged.is_none();
        if plain && self.reach.limited.is_empty() && marks.is_empty() {
            return Ok(counts);
        }
        let mut terms: Vec<(TypeId, Term)> = Vec::new();
        terms_of(&self.members, &self.reach.types(), &mut terms);
        let mut keys: Vec<i64> = terms
            .iter()
            .take(COUNTED_TERMS_MAX)
            .map(|(ty, t)| typed(*t, *ty))
            .collect();
        if ranged.is_some() {
            let codes: Vec<i64> = keys.iter().map(|key| key ^ CODE).collect();
            keys.extend(codes);
        }
        // How many rows there are to each at the other end of a hop, and to walk for a range.
        let hops = self.members.iter().filter_map(|member| match member {
            Node::Chain(hop) | Node::Has(hop) => Some(hop.ty),
            _ => None,
        });
        let mut every: Vec<TypeId> = hops.collect();
        if let Some((ty, _)) = self.reach.single()
            && (ranged.is_some() || has_many || !every.is_empty() || !marks.is_empty())
        {
            every.push(ty);
            keys.extend(every.iter().map(|ty| typed(EVERY, *ty)));
        }
        keys.extend(&marks);
        if keys.is_empty() {
            return Ok(counts);
        }
        connection.each(COUNTS, &[Rows::of(keys).into_value()], |row| {
            counts.insert(row.int(0)?, row.int(1)?.max(0) as u64);
            Ok(())
        })?;
        for mark in marks {
            counts.entry(mark).or_insert(0);
        }
        Ok(counts)
    }

    pub(super) fn probe(&self) -> Probe {
        let single = self.reach.single().map(|(ty, _)| ty);
        Probe {
            counts: self.counts.clone(),
            ..Probe::new(single)
        }
    }
}

fn page_rows(plan: &Plan) -> Option<u64> {
    let is_page = plan.count > 0 && plan.total == Total::None && plan.sort.is_empty();
    is_page.then_some(u64::from(plan.count) + 1)
}

/// Live rows of a type.
pub(super) fn every(connection: &mut Connection, ty: TypeId) -> Result<u64, StoreError> {
    let key = Rows::of([typed(EVERY, ty)]).into_value();
    let mut rows = 0;
    connection.each(COUNTS, &[key], |row| {
        rows = row.int(1)?.max(0) as u64;
        Ok(())
    })?;
    Ok(rows)
}

/// Types that have or had rows, by the counters.
pub fn used_types(
    connection: &mut Connection,
    types: &[TypeId],
) -> Result<Vec<TypeId>, StoreError> {
    let by_key: HashMap<i64, TypeId> = types.iter().map(|ty| (typed(EVERY, *ty), *ty)).collect();
    let mut used = Vec::new();
    let keys = Rows::of(by_key.keys().copied()).into_value();
    connection.each(COUNTS, &[keys], |row| {
        used.extend(by_key.get(&row.int(0)?));
        Ok(())
    })?;
    Ok(used)
}

const COUNTS: &str =
    "select h, sum(n) from term_count where h in (select a from rows(?1)) group by h";

/// Terms whose counters are looked up for the choice.
const COUNTED_TERMS_MAX: usize = 256;
/// So few rows are looked at one by one without further thought.
const FEW_ROWS: u64 = 1_000;
/// As many times what is looked at one by one are candidates of a range; of more, each row is looked at.
const CANDIDATES: u64 = 3;
