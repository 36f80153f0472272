//! Which of many terms rows in reach have: what only others have decides nothing.

use super::connection::Connection;
use super::lower::{Probe, Sql};
use super::rows::Rows;
use crate::contract::StoreError;
use crate::core::Core;
use crate::names::Level;
use crate::reach::Reach;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use ward_access::{Access, Action};
use ward_search::entries::Term;

/// Those of the terms that a row of the level has; `None`: more than `most`. Statements: one for each type and 10,000 terms.
pub fn among(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    level: &Level,
    (terms, most): (&[Term], usize),
) -> Result<Option<Vec<Term>>, StoreError> {
    let access = level.access(access);
    let of = |types: &[_]| Reach::new(&core.term_key, access, Action::Search, types);
    let mut held = BTreeSet::new();
    for ty in of(&level.types)?.types() {
        let reach = of(&[ty])?;
        for some in terms.chunks(TERMS_PER_STEP) {
            let mut sql = Sql::new(access);
            let packed = sql.bind(Rows::of(some.iter().copied()).into_value());
            let _ = write!(
                sql.text,
                "select b.a from rows({packed}) b where exists (select 1 from term x where x.h = typed(b.a, {}) and ",
                ty.0
            );
            Probe::new(Some(ty)).access(&mut sql, &reach);
            sql.push(")");
            connection.each(&sql.text, &sql.values, |row| {
                held.insert(row.int(0)?);
                Ok(())
            })?;
            if held.len() > most {
                return Ok(None);
            }
        }
    }
    Ok(Some(held.into_iter().collect()))
}

/// Terms that are looked up in one statement.
const TERMS_PER_STEP: usize = 10_000;
