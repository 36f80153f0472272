//! A page over several types in the order of values: each type is asked for a page of its own, by its own parameters and
//! indexes, and these are merged. <https://hl7.org/fhir/R4/search.html#sort>
//!
//! One statement over all of them would have to sort every match: what one index has in order is of one type.

use super::connection::Connection;
use super::question::{self, Question};
use super::read;
use super::search::Found;
use crate::contract::{Rid, StoreError};
use crate::core::Core;
use crate::order::Order;
use crate::reach::Reach;
use ward_access::{Access, Action};
use ward_search::plan::{Plan, Position, SortKey, SortValue, Total};

/// Whether a plan is answered so.
pub fn is_asked_of_each(plan: &Plan) -> bool {
    plan.types.len() > 1 && plan.sort.iter().any(SortKey::is_of_values)
}

/// The plan of each type in reach that has rows; last those of types without the first key's parameter.
pub fn plans(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Vec<Plan>, StoreError> {
    let mut types = Reach::new(&core.term_key, access, Action::Search, &plan.types)?.types();
    if types.len() > TYPES_FEW {
        types = question::used_types(connection, &types)?;
    }
    types.sort_unstable();
    let mut plans: Vec<Plan> = types.into_iter().map(|ty| plan.of_type(ty)).collect();
    plans.sort_by_key(is_without);
    Ok(plans)
}

/// Statements: those of a search over one type for each of them, without bodies, and one for the bodies of the page.
pub fn search(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    plan: &Plan,
) -> Result<Found, StoreError> {
    let wanted = plan.count as usize;
    let mut positions: Vec<Position> = Vec::new();
    let mut total = 0;
    for of_type in plans(connection, core, access, plan)? {
        // What has no value comes after all that has one.
        let is_beyond = is_without(&of_type) && is_full(&positions, wanted);
        if plan.total == Total::None && (is_beyond || plan.count == 0) {
            continue;
        }
        let asked = Question::new(connection, core, access, Action::Search, &of_type)?;
        let Some(question) = asked else { continue };
        if plan.total != Total::None {
            total += question.total(connection)?;
        }
        if plan.count > 0 && !is_beyond {
            positions.extend(question.page(connection, &of_type)?);
        }
    }
    let order = Order::of_positions(&plan.sort);
    positions.sort_by(|a, b| order.compare(a, b));
    let more = positions.len() > wanted;
    positions.truncate(wanted);
    let rids: Vec<Rid> = positions.iter().map(|p| p.rid).collect();
    let rows = read::bodies(connection, access, &rids)?;
    if rows.len() != positions.len() {
        return Err(StoreError::Integrity);
    }
    Ok(Found {
        rows,
        positions,
        more,
        total: (plan.total != Total::None).then_some(total),
    })
}

fn is_without(plan: &Plan) -> bool {
    matches!(plan.sort.first(), Some(SortKey::Absent { .. }))
}

/// Whether so many have a value that the page and the first row after it do.
fn is_full(positions: &[Position], wanted: usize) -> bool {
    let has_value = |p: &&Position| !matches!(p.values.first(), None | Some(SortValue::Missing));
    positions.iter().filter(has_value).count() > wanted
}

/// More types than this are first cut to those that have rows.
const TYPES_FEW: usize = 4;
