//! `$effective-access`: what of a patient's record somebody would see, by type, and by which layer the rest is hidden.

use super::caller::Asked;
use super::decision::closed;
use super::record::{self, Entry};
use super::{code, count, demand_officer, parameters, part, reference};
use crate::engine::Context;
use crate::read::{locate, not_found};
use crate::reply::Reply;
use crate::visibility::Answers;
use crate::visibility::explain::{Asking, Subject};
use serde_json::Value;
use std::collections::BTreeMap;
use ward_consent::Effect;
use ward_fhir::TypeId;
use ward_fhir::issue::Result;

/// What is seen of one type.
#[derive(Default)]
struct Seen {
    all: usize,
    seen: usize,
    /// By layer and rule.
    hidden: BTreeMap<(&'static str, &'static str), usize>,
}

pub async fn effective(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    demand_officer(cx)?;
    let asked = Asked::of(cx, Some(id))?;
    let patient = locate(cx, ty, id).await?.ok_or_else(not_found)?;
    let home = record::one(cx, ty, id).await?;
    let entries = record::all(cx, patient).await?;
    let by_type = counted(cx, &asked, patient, &entries).await?;
    let mut all = vec![
        reference("patient", &home.reference()),
        count("resources", by_type.values().map(|seen| seen.all).sum()),
        count("seen", by_type.values().map(|seen| seen.seen).sum()),
    ];
    all.extend(by_type.iter().map(|(ty, seen)| of_type(ty, seen)));
    Ok(Reply {
        entities: vec![crate::read::seen(&home.row)],
        ..Reply::resource(200, parameters(all))
    })
}

async fn counted(
    cx: Context<'_>,
    asked: &Asked,
    patient: i64,
    entries: &[Entry],
) -> Result<BTreeMap<&'static str, Seen>> {
    let engine = cx.engine;
    let in_force = asked.in_force(cx).await?;
    let caller = &in_force.caller;
    let sees = engine.mask(caller).await?;
    let access = engine.access(caller, sees).await?;
    let who = engine.consent_caller(caller, asked.done()).await?;
    let policy = record::policy(cx, patient).await?;
    let known = record::known(cx, &policy, entries).await?;
    let answers = Answers {
        known: &known,
        house: engine.house(),
    };
    let asking = Asking {
        who: &who,
        site: engine.consent(),
        action: asked.done(),
        glass_until_us: None,
        now_us: engine.now_us(),
    };
    let mut by_type: BTreeMap<&'static str, Seen> = BTreeMap::new();
    for entry in entries {
        let seen = by_type.entry(entry.type_name()).or_default();
        seen.all += 1;
        if let Some(layer) = closed(&in_force, &access, asked, entry) {
            *seen.hidden.entry((layer.name, layer.rule)).or_default() += 1;
            continue;
        }
        let explained = asking.explain(&Subject {
            row: &entry.asked(cx, &known),
            labels: &entry.labels,
            class: entry.class.as_deref(),
            policy: Some(&policy),
            lookup: &answers,
        });
        if explained.effect == Effect::Permit {
            seen.seen += 1;
            continue;
        }
        let layers = explained.layers.iter();
        let rule = layers.rev().find(|layer| layer.name == explained.by);
        let rule = rule.map_or("", |layer| layer.rule);
        *seen.hidden.entry((explained.by, rule)).or_default() += 1;
    }
    Ok(by_type)
}

fn of_type(ty: &str, seen: &Seen) -> Value {
    let mut parts = vec![
        code("type", ty),
        count("resources", seen.all),
        count("seen", seen.seen),
    ];
    parts.extend(seen.hidden.iter().map(|((layer, rule), hidden)| {
        let parts = vec![
            code("layer", layer),
            code("rule", rule),
            count("resources", *hidden),
        ];
        part("hidden", parts)
    }));
    part("type", parts)
}
