//! Whose record a row belongs to: of what is found over all patients, what is in the compartment of one whom the caller sees.

use crate::document::reread;
use crate::engine::{Context, stored};
use crate::place::{compartments, patient_type};
use std::collections::{BTreeSet, HashSet};
use ward_access::Action;
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_storage::{Current, Rid, Row};

/// Leaves out what is in nobody's compartment, or only in those of patients who are gone or whom the caller may not search. A
/// page may so be shorter than asked for. Two statements at most: one for the ids that clients chose, one for the patients.
pub async fn retain(cx: Context<'_>, rows: &mut Vec<Row>) -> Result<()> {
    let documents = rows.iter().map(|row| reread(&row.body));
    let documents: Vec<_> = documents.collect::<Result<_>>()?;
    let nodes = documents.iter().zip(rows.iter());
    let nodes: Vec<_> = nodes.map(|(d, row)| (d.root(), row.rid)).collect();
    let owners = compartments(cx.engine, &nodes).await?;
    let seen = seen(cx, owners.iter().flatten().copied().collect()).await?;
    let mut owners = owners.iter();
    rows.retain(|_| {
        owners
            .next()
            .is_some_and(|o| o.iter().any(|rid| seen.contains(rid)))
    });
    Ok(())
}

/// Those of the patients who are there and whom the caller may search.
async fn seen(cx: Context<'_>, patients: BTreeSet<Rid>) -> Result<HashSet<Rid>> {
    let keys: Vec<(TypeId, Rid)> = patients
        .into_iter()
        .map(|rid| (patient_type(), rid))
        .collect();
    let found = stored(cx.view.read_many(cx.access, Action::Search, &keys).await)?;
    let live = |current| match current {
        Current::Live(row) => Some(row.rid),
        Current::Deleted(_) | Current::Absent => None,
    };
    Ok(found.into_iter().filter_map(live).collect())
}
