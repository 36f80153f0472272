//! Compartment search: `[compartment]/[id]/[type]` and `*`. <https://hl7.org/fhir/R4/compartmentdefinition.html>
//!
//! The Patient compartment narrows what the caller may see; the others (Encounter, Practitioner, RelatedPerson, Device) are
//! plain filters beside it.

use super::question::Question;
use super::targets::{AskedBy, is_asked};
use crate::engine::Context;
use crate::place::{demand_any, demand_type, patient_type};
use crate::read::{NO_ROW, locate};
use crate::reply::Reply;
use crate::seen::demand_placed;
use ward_access::{Action, Compartments};
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_search::entries::Term;
use ward_search::plan::Filter;

/// `ty`: `None` is `*`, every type of the compartment.
pub async fn compartment(
    cx: Context<'_>,
    compartment: TypeId,
    id: &str,
    ty: Option<TypeId>,
) -> Result<Reply> {
    match ty {
        Some(ty) => demand_type(cx.access, ty, Action::Search)?,
        None => demand_any(cx.access, Action::Search)?,
    }
    let name = |ty| r4().ty(ty).name;
    let path = format!("{}/{id}/{}", name(compartment), ty.map_or("*", name));
    if compartment == patient_type() {
        let types = ty.map_or_else(patient_types, |ty| vec![ty]);
        demand_placed(cx.access, &asked(cx, &types))?;
        let rid = locate(cx, compartment, id).await?.unwrap_or(NO_ROW);
        let access = cx.access.narrow(cx.engine.patient_key(rid));
        return super::answer(cx, &access, &types, &path, None).await;
    }
    let (types, filter) = members(cx, compartment, id, ty).await?;
    super::answer(cx, cx.access, &types, &path, Some(filter)).await
}

/// The types that are searched: of the path, or of `_type`, or all.
fn asked(cx: Context<'_>, types: &[TypeId]) -> Vec<TypeId> {
    if let [ty] = types {
        return vec![*ty];
    }
    let named = cx.call.parameter("_type").unwrap_or_default();
    let named: Vec<TypeId> = named
        .split(',')
        .filter_map(|name| r4().resource_type(name))
        .collect();
    match named.is_empty() {
        true => crate::capabilities::all_types(),
        false => named,
    }
}

/// Types of the Patient compartment.
fn patient_types() -> Vec<TypeId> {
    let compartments = Compartments::r4();
    let types = r4().types.iter().map(|ty| ty.id);
    types.filter(|ty| compartments.is_member(*ty)).collect()
}

/// The types asked for, and the filter for what is in the compartment: what refers to its owner by a parameter of the
/// definition, and the owner itself.
async fn members(
    cx: Context<'_>,
    compartment: TypeId,
    id: &str,
    only: Option<TypeId>,
) -> Result<(Vec<TypeId>, Filter)> {
    let owner = r4().ty(compartment).name;
    let reference = format!("{owner}/{id}");
    let mut by_type: Vec<(TypeId, Vec<Filter>)> = Vec::new();
    let definition = r4().compartments.iter().find(|c| c.code == owner);
    let listed = definition.iter().flat_map(|c| &c.members);
    for (ty, codes) in listed.filter(|(ty, _)| only.is_none_or(|o| o == *ty)) {
        let mut any = Vec::new();
        for code in codes {
            if cx
                .engine
                .registry
                .find(*ty, code)
                .is_some_and(|p| p.is_served())
            {
                let pairs = [((*code).to_owned(), reference.clone())];
                let (of, by) = ([*ty], Some(AskedBy::Every));
                let question = Question::read_by(cx, &of, &pairs, true, by);
                any.push(question.await?.plan.filter);
            }
        }
        if !any.is_empty() {
            by_type.push((*ty, any));
        }
    }
    if only.is_none_or(|ty| ty == compartment) {
        let itself = Filter::Ids(vec![id.to_owned()]);
        match by_type.iter_mut().find(|(ty, _)| *ty == compartment) {
            Some((_, any)) => any.push(itself),
            None => by_type.push((compartment, vec![itself])),
        }
    }
    let asked = only.map_or_else(
        || by_type.iter().map(|(ty, _)| *ty).collect(),
        |ty| vec![ty],
    );
    // By one that is not seen nothing is found, as by one that is not there.
    Ok(match is_asked(cx, compartment, id).await? {
        true => (asked, union(by_type)),
        false => (asked, Filter::Nothing),
    })
}

/// Over several types the terms of all come first, with the owner's id, so that index ranges find the candidates; then each type
/// by its own.
fn union(mut by_type: Vec<(TypeId, Vec<Filter>)>) -> Filter {
    if let [(_, any)] = by_type.as_mut_slice() {
        return Filter::Or(std::mem::take(any));
    }
    let (mut terms, mut ids): (Vec<Term>, Vec<String>) = (Vec::new(), Vec::new());
    let mut open: Vec<&Filter> = by_type.iter().flat_map(|(_, any)| any).collect();
    while let Some(filter) = open.pop() {
        match filter {
            Filter::AnyTerm(some) | Filter::AnyPatient { terms: some, .. } => terms.extend(some),
            Filter::Ids(some) => ids.extend(some.iter().cloned()),
            // With what must be shown of the row.
            Filter::And(list) => open.extend(list),
            _ => {}
        }
    }
    terms.sort_unstable();
    terms.dedup();
    let each = by_type
        .into_iter()
        .map(|(ty, any)| Filter::And(vec![Filter::Types(vec![ty]), Filter::Or(any)]));
    let candidates = Filter::Or(vec![Filter::AnyTerm(terms), Filter::Ids(ids)]);
    Filter::And(vec![candidates, Filter::Or(each.collect())])
}
