//! A question to the PostgreSQL tables: what is in reach, and what drives each of its statements.

use super::connection::{Connection, Failure};
use super::lower::{Branch, Lowering, Shape};
use super::read;
use super::statement::Value;
use super::tables::Tables;
use crate::contract::Rid;
use crate::core::Core;
use crate::index::{CATEGORY, CODE, EVERY, typed};
use crate::question::{Node, Reach, names, resolve};
use std::collections::HashMap;
use std::sync::Arc;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::{Plan, SortKey};

/// Which order an index can be walked in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// Date and row id descending: every driving index has it.
    Natural,
    /// Last update descending: only whole types have it.
    Updated,
    /// Everything is gathered: another sort, or a count.
    None,
}

impl Walk {
    pub fn of(plan: &Plan) -> Walk {
        match plan.sort.as_slice() {
            [] => Walk::Natural,
            [SortKey::Updated { descending: true }] => Walk::Updated,
            _ => Walk::None,
        }
    }
}

pub struct Question<'a> {
    pub access: &'a Access,
    pub reach: Reach,
    /// The conjunction.
    pub members: Vec<Node>,
    /// Rows behind each counted term: in all, as primary code, as first category.
    counts: HashMap<i64, u64>,
    page_rows: u64,
    pub tables: Arc<Tables>,
}

impl<'a> Question<'a> {
    /// `None`: nothing is in reach. Without `counted` every term counts as rare.
    pub async fn new(
        connection: &Connection,
        core: &Core,
        access: &'a Access,
        plan: &Plan,
        counted: bool,
    ) -> Result<Option<Question<'a>>, Failure> {
        let mut reach = Reach::new(access, Action::Search, &plan.types);
        if reach.types().len() > TYPES_FEW {
            let used = used_types(connection, &reach.types()).await?;
            reach.retain(|ty| used.contains(&ty));
        }
        if reach.is_empty() {
            return Ok(None);
        }
        let node = look_up(connection, core, &reach.types(), plan).await?;
        let members = if let Node::And(list) = node {
            list
        } else {
            vec![node]
        };
        let counts = if counted {
            counts(connection, &members, &reach.types()).await?
        } else {
            HashMap::new()
        };
        Ok(Some(Question {
            access,
            reach,
            members,
            counts,
            page_rows: u64::from(plan.count) + 1,
            tables: connection.tables.clone(),
        }))
    }

    /// The statements that together cover what is in reach, without overlap.
    pub fn parts(&self, walk: Walk) -> Vec<Lowering<'_>> {
        let mut parts = Vec::new();
        let mut add = |ty: TypeId, branch| {
            parts.push(Lowering {
                ty,
                table: self.tables.of(ty),
                branch,
                members: &self.members,
                shape: self.shape(ty, branch, walk),
            })
        };
        for ty in &self.reach.everything {
            add(*ty, Branch::All);
        }
        for (keys, types) in &self.reach.limited {
            for ty in types {
                add(*ty, Branch::Home(keys));
                add(*ty, Branch::Member(keys));
            }
        }
        parts
    }

    /// The server, not the planner, chooses what drives.
    fn shape(&self, ty: TypeId, branch: Branch, walk: Walk) -> Shape {
        let gather = |driving| Shape {
            driving,
            fenced: true,
            ..Shape::default()
        };
        let rare: Vec<usize> = (0..self.members.len())
            .filter(|at| self.rows(&self.members[*at], ty) <= RARE_ROWS)
            .collect();
        if !rare.is_empty() || matches!(branch, Branch::Member(_)) {
            return gather(rare);
        }
        let column = |column| {
            self.members
                .iter()
                .position(|m| matches!(m, Node::Terms(terms) if self.is_column(terms, ty, column)))
        };
        let (code, category) = (column(CODE), column(CATEGORY));
        let restricted = code.is_some() || matches!(branch, Branch::Home(_));
        let columns = Shape {
            code,
            category,
            fenced: restricted && walk != Walk::Natural,
            ..Shape::default()
        };
        if let Branch::Home(_) = branch {
            return columns;
        }
        let walked = code.map_or_else(|| self.every(ty), |at| self.rows(&self.members[at], ty));
        let smallest = (0..self.members.len())
            .filter(|at| Some(*at) != code)
            .map(|at| (self.rows(&self.members[at], ty), at))
            .min();
        match smallest {
            // A walk in page order that meets the rarest term often enough is cheaper than gathering all its rows.
            Some((rows, at)) if rows < u64::MAX => {
                let few = if walk == Walk::None || (restricted && walk != Walk::Natural) {
                    rows < walked
                } else {
                    rows.saturating_mul(rows) < walked.saturating_mul(self.page_rows)
                };
                if few { gather(vec![at]) } else { columns }
            }
            _ => columns,
        }
    }

    /// Whether every row that has one of the terms has it in the hot column.
    fn is_column(&self, terms: &[Term], ty: TypeId, column: i64) -> bool {
        let of = |term: Term, column: i64| {
            self.counts
                .get(&(typed(term, ty) ^ column))
                .copied()
                .unwrap_or(0)
        };
        !terms.is_empty()
            && terms
                .iter()
                .all(|term| of(*term, column) > 0 && of(*term, column) == of(*term, 0))
    }

    /// Rows behind a member, as far as it can drive.
    fn rows(&self, member: &Node, ty: TypeId) -> u64 {
        match member {
            Node::Nothing => 0,
            Node::Rids(rids) => rids.len() as u64,
            Node::Terms(terms) => terms
                .iter()
                .map(|t| {
                    self.counts
                        .get(&typed(*t, ty))
                        .copied()
                        .unwrap_or(0)
                        .max(TERM_ROWS)
                })
                .sum(),
            Node::Prefix { .. } => PREFIX_ROWS,
            _ => u64::MAX,
        }
    }

    fn every(&self, ty: TypeId) -> u64 {
        self.counts.get(&typed(EVERY, ty)).copied().unwrap_or(0)
    }
}

/// Types that have or had rows, by the counters.
pub async fn used_types(connection: &Connection, types: &[TypeId]) -> Result<Vec<TypeId>, Failure> {
    let by_key: HashMap<i64, TypeId> = types.iter().map(|ty| (typed(EVERY, *ty), *ty)).collect();
    let rows = connection
        .rows(COUNTS, &[Value::Ints(by_key.keys().copied().collect())])
        .await?;
    let mut used = Vec::new();
    for row in rows {
        used.extend(by_key.get(&row.int(0)?));
    }
    Ok(used)
}

async fn counts(
    connection: &Connection,
    members: &[Node],
    types: &[TypeId],
) -> Result<HashMap<i64, u64>, Failure> {
    let terms: Vec<Term> = members
        .iter()
        .filter_map(|n| {
            if let Node::Terms(terms) = n {
                Some(terms)
            } else {
                None
            }
        })
        .flatten()
        .copied()
        .collect();
    let mut counts = HashMap::new();
    if terms.is_empty() {
        return Ok(counts);
    }
    let mut keys: Vec<i64> = types.iter().map(|ty| typed(EVERY, *ty)).collect();
    for term in terms.iter().take(COUNTED_TERMS_MAX) {
        keys.extend(
            types
                .iter()
                .flat_map(|ty| [0, CODE, CATEGORY].map(|column| typed(*term, *ty) ^ column)),
        );
    }
    for row in connection.rows(COUNTS, &[Value::Ints(keys)]).await? {
        counts.insert(row.int(0)?, row.int(1)?.max(0) as u64);
    }
    Ok(counts)
}

/// Logical ids and wider forms of the filter, one statement each.
async fn look_up(
    connection: &Connection,
    core: &Core,
    types: &[TypeId],
    plan: &Plan,
) -> Result<Node, Failure> {
    let (mut ids, mut forms) = (Vec::new(), Vec::new());
    names(&plan.filter, 0, &mut ids, &mut forms)?;
    let foreign: Vec<&str> = ids
        .iter()
        .map(String::as_str)
        .filter(|id| core.cipher.decode(id).is_none())
        .collect();
    let keys: Vec<(TypeId, &str)> = foreign
        .iter()
        .flat_map(|id| types.iter().map(move |ty| (*ty, *id)))
        .collect();
    let found = read::aliases(connection, &keys).await?;
    let aliases: Vec<(&str, Rid)> = keys
        .iter()
        .zip(found)
        .filter_map(|((_, id), rid)| Some((*id, rid?)))
        .collect();
    let mut wider: Vec<(Term, Term)> = Vec::new();
    if !forms.is_empty() {
        for row in connection.rows(WIDEN, &[Value::Ints(forms)]).await? {
            wider.push((row.int(0)?, row.int(1)?));
        }
    }
    let mut rids_of = |list: &[String]| {
        let own = list.iter().filter_map(|id| core.cipher.decode(id));
        let chosen = aliases
            .iter()
            .filter(|(id, _)| list.iter().any(|l| l == id))
            .map(|(_, rid)| *rid);
        Ok(own.chain(chosen).collect())
    };
    let mut terms_of = |list: &[Term]| {
        let mut terms: Vec<Term> = wider
            .iter()
            .filter(|(form, _)| list.contains(form))
            .map(|(_, term)| *term)
            .collect();
        terms.sort_unstable();
        terms.dedup();
        Ok(terms)
    };
    Ok(resolve(&plan.filter, 0, &mut rids_of, &mut terms_of)?)
}

const COUNTS: &str = "select h, sum(n)::bigint from term_count where h = any($1) group by h";
const WIDEN: &str = "select form, term from vocabulary where form = any($1)";

/// More types than this are first cut to those that have rows.
const TYPES_FEW: usize = 4;
/// Rows assumed behind a term that is not counted (an identifier, a reference).
const TERM_ROWS: u64 = 50;
/// Rows assumed behind a string prefix.
const PREFIX_ROWS: u64 = 300;
/// So few rows are gathered and sorted without further thought.
const RARE_ROWS: u64 = 2_000;
/// Terms whose counters are looked up for the choice.
const COUNTED_TERMS_MAX: usize = 256;
