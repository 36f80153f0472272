//! Chains into contained resources: those that contain what a chain may lead to are looked at before the question is asked.
//! <https://hl7.org/fhir/R4/search.html#contained>

use super::closed;
use super::long;
use super::looked_at::LookedAt;
use super::question::{LIST_MEMBERS_MAX, costly_place};
use super::wide;
use crate::binary::retain_open;
use crate::capabilities::all_types;
use crate::engine::Context;
use crate::masked::view;
use crate::places::Place;
use ward_access::Access;
use ward_fhir::issue::Result;
use ward_fhir::tree::Document;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::contained::{Container, refers_to};
use ward_search::extract::Extractor;
use ward_search::plan::{Filter, Plan, Total};
use ward_search::query::{
    ContainedChain, ContainedChains, Onward, contained_chains, hops, replace_contained_chains,
};
use ward_storage::Row;

/// Containers of one step.
const ROWS_PER_STEP: u32 = 500;

/// The filter, with what contained resources decide of its chains as far as the caller may search their containers. Statements: none, or one for each hop of a chain, and for every 500 containers a further one and one for each
/// chain that goes on from them.
///
/// Errors: `TooCostly` beyond `limits.rows_examined_max` containers, or 10,000 of them that match; `TooManyRequests` where there
/// are more than 500 and the client has no place left for what no index bounds.
pub async fn decided(
    cx: Context<'_>,
    extractor: &Extractor,
    types: &[TypeId],
    mut filter: Filter,
    place: &mut Option<Place>,
    looked_at: &mut LookedAt,
) -> Result<Filter> {
    let Some(furthest) = hops(&filter) else {
        return Ok(filter);
    };
    let mut look = Look {
        cx,
        extractor,
        left: cx.engine.settings.rows_examined_max,
        looked_at,
    };
    for hop in (0..=furthest).rev() {
        if let Some(group) = contained_chains(&filter, types, extractor.key(), hop) {
            let found = look.at(&group, place).await?;
            filter = replace_contained_chains(filter, types, hop, &found);
        }
    }
    Ok(filter)
}

struct Look<'c> {
    cx: Context<'c>,
    extractor: &'c Extractor,
    /// Containers that may still be looked at.
    left: usize,
    looked_at: &'c mut LookedAt,
}

/// Type and logical id of what matches.
type Found = Vec<(TypeId, String)>;

impl Look<'_> {
    /// Which containers each chain leads into.
    async fn at(
        &mut self,
        group: &ContainedChains,
        place: &mut Option<Place>,
    ) -> Result<Vec<Found>> {
        let mut found: Vec<Found> = vec![Vec::new(); group.chains.len()];
        let mut plan = plan(group.types.clone(), group.candidates.clone());
        if self.cx.access.seen().is_some() {
            plan.types = open(self.cx.access, plan.types);
            if plan.types.is_empty() {
                return Ok(found);
            }
        }
        loop {
            let page = wide::search(self.cx, self.extractor, &plan).await?;
            if plan.after.is_none() {
                self.looked_at.note(&plan, &page.rows);
            }
            self.left = self.left.saturating_sub(page.rows.len());
            self.page(group, &page.rows, &mut found).await?;
            let most = found.iter().map(Vec::len).max();
            if page.more && self.left == 0 || most > Some(LIST_MEMBERS_MAX) {
                return Err(too_many());
            }
            if !page.more {
                return Ok(found);
            }
            if place.is_none() {
                *place = Some(costly_place(self.cx)?);
            }
            plan.after = page.next;
        }
    }

    async fn page(&self, group: &ContainedChains, rows: &[Row], found: &mut [Found]) -> Result<()> {
        let documents = rows.iter().map(|row| view(self.cx.access, row));
        let documents = documents.collect::<Result<Vec<Document>>>()?;
        let mut chains = Vec::new();
        for chain in &group.chains {
            chains.push(self.led_on(chain, &documents).await?);
        }
        for (row, document) in rows.iter().zip(&documents) {
            let container = Container::read(self.extractor, document.root());
            for (at, chain) in chains.iter().enumerate() {
                if group.chains[at].types.contains(&row.ty) && container.leads(chain) {
                    found[at].push((row.ty, row.id.to_string()));
                }
            }
        }
        Ok(())
    }

    /// The chain as the containers decide it: where it goes on from one to resources of the store, those are asked.
    async fn led_on(&self, chain: &ContainedChain, documents: &[Document]) -> Result<Filter> {
        let mut found = Vec::new();
        for onward in chain.onward() {
            let ids = documents
                .iter()
                .flat_map(|d| refers_to(self.extractor, d.root(), onward.target));
            let mut ids: Vec<String> = ids.collect();
            ids.sort_unstable();
            ids.dedup();
            found.push(self.matching(onward, ids).await?);
        }
        Ok(chain.with(self.extractor.key(), &found))
    }

    /// Those of the ids that fulfil what is asked at the far end.
    async fn matching(&self, onward: Onward, ids: Vec<String>) -> Result<Vec<String>> {
        let mut found = Vec::new();
        if ids.is_empty() {
            return Ok(found);
        }
        let types = [onward.target];
        let filter = Filter::And(vec![Filter::Ids(ids), onward.filter]);
        let mut looked_at = LookedAt::default();
        let filter = long::decided(self.cx, self.extractor, &types, filter, &mut looked_at).await?;
        let filter = closed::left_out(self.cx, self.extractor, filter, &mut None).await?;
        let mut plan = plan(types.to_vec(), filter);
        loop {
            let mut page = wide::search(self.cx, self.extractor, &plan).await?;
            retain_open(self.cx, &mut page.rows).await?;
            found.extend(page.rows.iter().map(|row| row.id.to_string()));
            if !page.more {
                return Ok(found);
            }
            plan.after = page.next;
        }
    }
}

/// Those of the types (none: all) of which it is seen what they contain: no chain leads into others, and whether there are any of them is
/// not told either.
fn open(access: &Access, types: Vec<TypeId>) -> Vec<TypeId> {
    let mut types = match types.is_empty() {
        true => all_types(),
        false => types,
    };
    types.retain(|ty| {
        let elements = access.elements(*ty);
        elements.is_none_or(|elements| elements.contains("contained"))
    });
    types
}

fn plan(types: Vec<TypeId>, filter: Filter) -> Plan {
    Plan {
        types,
        filter,
        sort: Vec::new(),
        count: ROWS_PER_STEP,
        total: Total::None,
        after: None,
    }
}

fn too_many() -> Failure {
    let text = "too many resources contain one of a type that a chained parameter leads to; add what narrows the search, \
                or name the type (name:Type)";
    Failure::new(Kind::TooCostly, text)
}
