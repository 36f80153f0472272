//! What a page of `$everything` refers to outside the compartments: it comes with the page.

use super::asked::Asked;
use crate::engine::{Context, stored};
use crate::masked::view;
use std::collections::{BTreeSet, HashSet};
use ward_access::Action;
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_storage::{Current, Rid, Row};

/// Live resources outside the rows that they refer to, of the types asked for, as far as the caller may read them.
pub async fn referred(cx: Context<'_>, rows: &[Row], asked: &Asked) -> Result<Vec<Row>> {
    let present: HashSet<Rid> = rows.iter().map(|r| r.rid).collect();
    // In their order, so that an answer is the same each time.
    let mut wanted: BTreeSet<(TypeId, String)> = BTreeSet::new();
    for row in rows {
        let document = view(cx.access, row)?;
        for node in document
            .root()
            .descendants_and_self()
            .filter(|n| n.type_name() == "Reference")
        {
            if let Some(Reference::Local { ty, id, .. }) = node
                .text("reference")
                .and_then(|t| reference::parse(t, Some(&cx.engine.settings.base)))
                && !ward_access::Compartments::r4().is_member(ty)
                && asked.is_of(ty)
            {
                wanted.insert((ty, id.to_owned()));
            }
        }
    }
    let keys: Vec<(TypeId, &str)> = wanted.iter().map(|(ty, id)| (*ty, id.as_str())).collect();
    let rids = stored(cx.engine.store.locate(&keys).await)?;
    let located: Vec<(TypeId, Rid)> = keys
        .iter()
        .zip(rids)
        .filter_map(|(k, rid)| rid.map(|rid| (k.0, rid)))
        .filter(|(_, rid)| !present.contains(rid))
        .collect();
    let found = stored(
        cx.engine
            .store
            .read_many(cx.access, Action::Read, &located)
            .await,
    )?;
    let live = |current| match current {
        Current::Live(row) => Some(row),
        _ => None,
    };
    let mut rows: Vec<Row> = found.into_iter().filter_map(live).collect();
    crate::binary::retain_open(cx, &mut rows).await?;
    Ok(rows)
}
