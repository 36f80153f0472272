//! Which of many terms rows in reach have: what only others have decides nothing.

use super::connection::{Connection, Failure};
use super::lower::Sql;
use super::probe::Probe;
use super::read::compartment;
use super::statement::Value;
use crate::core::Core;
use crate::estimate::Counts;
use crate::names::Level;
use crate::reach::Reach;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::entries::Term;

/// Those of the terms that a row of the level has; `None`: more than `most`. Statements: one for each type and 1,000 terms.
pub async fn among(
    connection: &Connection,
    core: &Core,
    access: &Access,
    level: &Level,
    (terms, most): (&[Term], usize),
) -> Result<Option<Vec<Term>>, Failure> {
    let access = level.access(access);
    let of = |types: &[TypeId]| Reach::new(&core.term_key, access, Action::Search, types);
    let mut held = BTreeSet::new();
    for ty in of(&level.types)?.types() {
        let reach = of(&[ty])?;
        for some in terms.chunks(TERMS_PER_STEP) {
            let sql = statement(connection, access, &reach, ty, some);
            for row in connection.rows(&sql.text, &sql.values).await? {
                held.insert(row.int(0)?);
            }
            if held.len() > most {
                return Ok(None);
            }
        }
    }
    Ok(Some(held.into_iter().collect()))
}

/// The rows with any of the terms are found once, and what they have compared with them: of a look-up for each term the planner
/// takes the first row of the table to be one that has it, and scans.
fn statement(
    connection: &Connection,
    access: &Access,
    reach: &Reach,
    ty: TypeId,
    terms: &[Term],
) -> Sql {
    let mut sql = Sql::new(access);
    let list = sql.bind(Value::Ints(terms.to_vec()));
    let visible = sql.visible("x");
    let _ = write!(
        sql.text,
        "select distinct u.t from {} x cross join lateral unnest(x.terms) v (t) join unnest({list}) u (t) on u.t = v.t \
         where x.terms && {list} and {visible} and x.op <> 2",
        connection.tables.of(ty)
    );
    if let Some((_, Some(keys))) = reach.single() {
        sql.push(" and ");
        compartment(&mut sql, "x", keys);
    }
    let counts = Counts::new();
    let probe = Probe {
        row: "x".into(),
        ty,
        counts: &counts,
        tables: &connection.tables,
    };
    for condition in reach.conditions() {
        sql.push(" and ");
        probe.test(&mut sql, condition);
    }
    sql
}

/// Terms that are looked up in one statement.
const TERMS_PER_STEP: usize = 1_000;
