//! `_query`: named queries, which OperationDefinitions of `kind` query define. <https://hl7.org/fhir/R4/search.html#query>
//!
//! A named query becomes an ordinary one before anything else is read of it, so access, limits and pages are those of every
//! search. Its definition is read as the caller may read it: for who may not, there is no such query.

mod definition;
mod template;

pub(crate) use definition::demand_answerable;

use self::definition::NamedQuery;
use super::Pairs;
use crate::document::reread;
use crate::engine::{Context, stored};
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::nearest::nearest;
use ward_search::plan::{Plan, Total};
use ward_search::query::{Options, is_blank};
use ward_search::terminology::Embedded;
use ward_storage::{Current, Row};

/// Definitions that one question looks through.
const DEFINITIONS_MAX: u32 = 200;

/// The query that a named one stands for, and whether it was one: unknown parameters are then refused, since one that were left
/// out would widen what the query means. Statements: none without `_query`, else one, and another for a name that is not known.
pub(crate) async fn expand(
    cx: Context<'_>,
    types: &[TypeId],
    pairs: Pairs,
) -> Result<(Pairs, bool)> {
    // A blank one is left with the others, which are told that it has no value.
    let is_asked = |(name, value): &(String, String)| name == "_query" && !is_blank(value);
    let (asked, given): (Pairs, Pairs) = pairs.into_iter().partition(is_asked);
    let name = match asked.as_slice() {
        [] => return Ok((given, false)),
        [(_, name)] => name,
        _ => {
            return Err(Failure::new(
                Kind::Invalid,
                "'_query' may be given once in a search",
            ));
        }
    };
    let definition = find(cx, types, name).await?;
    demand_known(cx, types, &definition, &given).await?;
    Ok((definition.fill(given)?, true))
}

/// The one definition of the name for all of these types (none: for the system).
async fn find(cx: Context<'_>, types: &[TypeId], name: &str) -> Result<NamedQuery> {
    let mut found = definitions(cx, Some(name)).await?;
    found.retain(|d| d.code == name && d.is_for(types));
    let printed = crate::route::printable(name);
    match (found.pop(), found.is_empty()) {
        (Some(definition), true) => Ok(definition),
        (Some(_), false) => {
            let text = format!(
                "several active OperationDefinitions define the query '{printed}' here; retire all but one"
            );
            Err(Failure::new(Kind::BusinessRule, text))
        }
        (None, _) => {
            let known = definitions(cx, None).await?;
            let names = known.iter().filter(|d| d.is_for(types));
            let near = nearest(name, names.map(|d| d.code.as_str()));
            Err(unknown(&format!("named query '{printed}'"), &near))
        }
    }
}

/// Those that the caller may search and read, of one name or of all; such as cannot be answered are none, nor are any that are seen
/// in part.
async fn definitions(cx: Context<'_>, name: Option<&str>) -> Result<Vec<NamedQuery>> {
    let ty = r4()
        .resource_type("OperationDefinition")
        .unwrap_or(TypeId(u16::MAX));
    let is_seen = cx.access.elements(ty).is_none();
    if !is_seen || !cx.access.may(ty, Action::Search) || !cx.access.may(ty, Action::Read) {
        return Ok(Vec::new());
    }
    let mut pairs = vec![("kind", "query"), ("status", "active")];
    if let Some(name) = name {
        if !definition::is_name(name) {
            return Ok(Vec::new());
        }
        pairs.push(("code", name));
    }
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: DEFINITIONS_MAX,
        count_max: DEFINITIONS_MAX,
        terminology: &Embedded,
    };
    let (plan, _) = ward_search::query::parse(&cx.engine.extractor, &[ty], &pairs, &options)?;
    let plan = Plan {
        total: Total::None,
        ..plan
    };
    let store = &cx.engine.store;
    let mut rows = stored(store.search(cx.access, &plan).await)?.rows;
    if cx.access.sight(ty, Action::Search) != cx.access.sight(ty, Action::Read) {
        let keys: Vec<_> = rows.iter().map(|row| (row.ty, row.rid)).collect();
        let read = stored(store.read_many(cx.access, Action::Read, &keys).await)?;
        let is_open = |current: &Current| matches!(current, Current::Live(_));
        let mut open = read.iter().map(is_open);
        rows.retain(|_| open.next() == Some(true));
    }
    rows.iter()
        .filter_map(|row| read(row).transpose())
        .collect()
}

fn read(row: &Row) -> Result<Option<NamedQuery>> {
    Ok(definition::read(reread(&row.body)?.root()).unwrap_or(None))
}

/// Refuses what neither the definition nor the types have as a parameter, naming those of both. Over the system `_type` may
/// say which those are: there the query itself tells.
async fn demand_known(
    cx: Context<'_>,
    types: &[TypeId],
    definition: &NamedQuery,
    given: &[(String, String)],
) -> Result<()> {
    if types.is_empty() {
        return Ok(());
    }
    let served = cx.engine.asking().await?;
    let own: Vec<&str> = definition.names().collect();
    for (name, _) in given {
        let code = name.split([':', '.']).next().unwrap_or(name);
        let known = |ty: &TypeId| served.registry().find(*ty, code).is_some();
        if own.contains(&name.as_str()) || code.starts_with('_') || types.iter().any(known) {
            continue;
        }
        let of_types = types
            .iter()
            .flat_map(|ty| served.registry().of(*ty).served());
        let names = own.iter().copied().chain(of_types.map(|p| p.code()));
        let printed = crate::route::printable(code);
        return Err(unknown(
            &format!("search parameter '{printed}'"),
            &nearest(code, names),
        ));
    }
    Ok(())
}

fn unknown(what: &str, nearest: &[&str]) -> Failure {
    let mut text = format!("Unknown {what} is not supported here.");
    if !nearest.is_empty() {
        text.push_str(&format!(" Did you mean {}?", nearest.join(", ")));
    }
    Failure::new(Kind::NotSupported, text)
}
