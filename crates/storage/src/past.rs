//! Superseded versions: of them only the bodies are kept, so what an access says of one is decided by looking at it.
//! <https://hl7.org/fhir/R4/http.html#history>
//!
//! The statements let through the versions of resources whose current version is seen. What the resource was before may be
//! outside of a granular scope, or in another patient's compartment: the stricter of both holds.

use crate::contract::{HistoryQuery, Op, Page, Row, StoreError};
use crate::staged::View;
use crate::store::history_page;
use ward_access::{Access, Action};
use ward_fhir::json;
use ward_fhir::tree::Limits;
use ward_search::compartment::Compartments;

/// Versions that one page may have looked at.
pub const VERSIONS_EXAMINED_MAX: usize = 20_000;
/// Versions that are asked for at a time, at least, once one was not shown.
const VERSIONS_PER_STEP: u32 = 200;

/// A page of the versions that are shown. `TooCostly`: more would have to be looked at than [`VERSIONS_EXAMINED_MAX`].
pub async fn history(
    view: View<'_>,
    access: &Access,
    memberships: &Compartments,
    query: &HistoryQuery,
) -> Result<Page, StoreError> {
    let action = query.scope.action();
    let mut step = query.clone();
    let mut shown: Vec<Row> = Vec::new();
    let mut left = VERSIONS_EXAMINED_MAX;
    loop {
        let mut rows = view.versions(access, &step).await?;
        let more = rows.len() > step.count as usize;
        // The last one is only there to tell that there are more, unless the page has room for it.
        step.after = rows
            .last()
            .map(|row| (row.updated_us, row.rid, row.version));
        left = left.saturating_sub(rows.len());
        for row in rows.drain(..) {
            if is_shown(access, memberships, action, &row)? {
                shown.push(row);
            } else {
                step.count = query.count.max(VERSIONS_PER_STEP);
            }
        }
        if !more || shown.len() > query.count as usize {
            shown.truncate(query.count as usize + 1);
            return Ok(history_page(shown, query));
        }
        if left == 0 {
            return Err(StoreError::TooCostly);
        }
    }
}

/// Whether a version of a resource whose current one is seen may be shown itself.
pub fn is_shown(
    access: &Access,
    memberships: &Compartments,
    action: Action,
    row: &Row,
) -> Result<bool, StoreError> {
    if access.shows_any_version(row.ty, action, row.patient) {
        return Ok(true);
    }
    let place = (row.ty, action);
    if row.op == Op::Delete {
        return Ok(access.shows_version(memberships, place, row.patient, None));
    }
    // Deeper than what is taken in, so that nothing stored is ever refused.
    let limits = Limits {
        depth_max: 128,
        ..Limits::default()
    };
    let document = json::read(&row.body, None, &limits).map_err(|_| StoreError::Integrity)?;
    Ok(access.shows_version(memberships, place, row.patient, Some(document.root())))
}
