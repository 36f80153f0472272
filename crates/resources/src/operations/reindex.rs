//! `$reindex`: how far the index of what clients define and of words is, and building it on at once.
//! <https://hl7.org/fhir/R4/async.html>
//!
//! The index is built without being asked; whoever posts this only spares it the wait.

use crate::capabilities::all_types;
use crate::engine::{Context, stored};
use crate::reply::Reply;
use crate::search::explain::has_all_rights;
use serde_json::{Value, json};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};

/// Of the rows of one type.
struct Progress {
    ty: TypeId,
    state: &'static str,
    /// That its rows are to reach.
    generation: u32,
    done: u64,
    all: u64,
}

/// 202 when posted, with where progress is told; asked for it, 202 as long as it goes on, and then 200.
pub async fn reindex(cx: Context<'_>, only: Option<TypeId>, posted: bool) -> Result<Reply> {
    if !has_all_rights(cx) {
        let text = "$reindex is for callers with all rights";
        return Err(Failure::new(Kind::Forbidden, text));
    }
    if posted {
        cx.engine.ask_to_index();
    }
    let (body, is_done) = progress(cx, only).await?;
    let path = only.map_or("$reindex".to_owned(), |ty| {
        format!("{}/$reindex", r4().ty(ty).name)
    });
    let status = if posted || !is_done { 202 } else { 200 };
    Ok(Reply {
        location: posted.then_some(path),
        ..Reply::resource(status, body.to_string())
    })
}

/// As Parameters, and whether all is done.
async fn progress(cx: Context<'_>, only: Option<TypeId>) -> Result<(Value, bool)> {
    let engine = cx.engine;
    let served = engine.asking().await?;
    stored(engine.store.load_indexing().await)?;
    let generations = engine.generations()?;
    let is_pending = engine.lags(&generations, &served);
    let stale = generations.stale();
    let mut types = generations.types();
    types.extend(stale.iter().map(|(ty, _)| *ty));
    types.sort_unstable();
    types.dedup();
    types.retain(|ty| only.is_none_or(|only| only == *ty));
    let counted = stored(engine.store.counted(&types).await)?;
    let told = stored(engine.store.progress().await)?;
    let told: Value = serde_json::from_str(&told).unwrap_or_default();
    let of = |(ty, all): (&TypeId, u64)| {
        let target = stale.iter().find(|(stale, _)| stale == ty);
        let generation = target.map_or(generations.current().generation, |t| t.1);
        let is_told = told["type"] == r4().ty(*ty).name && told["generation"] == generation;
        let (state, done) = match (target, is_told) {
            (None, _) => ("completed", all),
            (Some(_), true) => ("in-progress", told["done"].as_u64().unwrap_or(0).min(all)),
            (Some(_), false) => ("requested", 0),
        };
        Progress {
            ty: *ty,
            state,
            generation,
            done,
            all,
        }
    };
    let types: Vec<Progress> = types.iter().zip(counted).map(of).collect();
    let is_done = !is_pending && types.iter().all(|p| p.state == "completed");
    let mut list = vec![
        json!({ "name": "state", "valueCode": if is_done { "completed" } else { "in-progress" } }),
        json!({ "name": "generation", "valueUnsignedInt": generations.current().generation }),
        count("rowsDone", types.iter().map(|p| p.done).sum()),
        count("rowsAll", types.iter().map(|p| p.all).sum()),
    ];
    list.extend(types.iter().map(of_type));
    let by = |is_whole| if is_whole { "index" } else { "resources" };
    let words = generations.words();
    for ty in &engine.settings.full_text {
        if only.is_none_or(|only| only == *ty) {
            list.push(json!({ "name": "fullText", "part": [
                { "name": "type", "valueCode": r4().ty(*ty).name },
                { "name": "answeredBy", "valueCode": by(words.contains(ty)) },
            ] }));
        }
    }
    for custom in served.wanted() {
        if only.is_none_or(|only| custom.bases.contains(&only)) {
            let by = by(generations.indexed(&custom).is_some());
            list.push(json!({ "name": "parameter", "part": [
                { "name": "url", "valueUri": custom.url },
                { "name": "code", "valueCode": custom.code },
                { "name": "answeredBy", "valueCode": by },
            ] }));
        }
    }
    let labelling = engine.labelling().await?;
    let all = stored(engine.store.counted(&all_types()).await)?;
    list.push(json!({ "name": "labels", "part": [
        { "name": "state", "valueCode": if labelling.is_complete { "completed" } else { "in-progress" } },
        count("rowsDone", labelling.rows_done()),
        count("rowsAll", all.into_iter().sum()),
    ] }));
    let is_done = is_done && labelling.is_complete;
    let body = json!({ "resourceType": "Parameters", "parameter": list });
    Ok((body, is_done))
}

fn of_type(progress: &Progress) -> Value {
    json!({ "name": "type", "part": [
        { "name": "type", "valueCode": r4().ty(progress.ty).name },
        { "name": "state", "valueCode": progress.state },
        { "name": "generation", "valueUnsignedInt": progress.generation },
        count("rowsDone", progress.done),
        count("rowsAll", progress.all),
    ] })
}

/// R4 has no number beyond 31 bits.
fn count(name: &str, rows: u64) -> Value {
    json!({ "name": name, "valueUnsignedInt": rows.min(i32::MAX as u64) })
}
