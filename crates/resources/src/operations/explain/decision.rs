//! `$consent-decision`: whether somebody would see one resource, and which layer says so.

use super::caller::{Asked, InForce, invalid};
use super::record::{self, Entry};
use super::{code, demand_officer, parameters, part, reference, text, yes};
use crate::call::Target;
use crate::engine::{Context, stored};
use crate::read::{not_found, seen};
use crate::reply::Reply;
use crate::visibility::explain::{Asking, Explained, Layer, Subject};
use crate::visibility::{Answers, Policy};
use serde_json::Value;
use std::collections::BTreeSet;
use ward_access::Access;
use ward_consent::labels::{Group, Masking};
use ward_consent::{Effect, Level, Obligations, Step};
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::reference::{self as references, Reference};
use ward_storage::Current;

/// How long a broken glass is taken to last: nothing is opened by asking.
const GLASS_US: i64 = 3_600_000_000;
const SCOPE: &str = "scope";
const ROLE: &str = "role";

pub async fn decision(cx: Context<'_>, target: &Target) -> Result<Reply> {
    demand_officer(cx)?;
    let patient = match target {
        Target::Instance(_, id) => Some(id.as_str()),
        _ => None,
    };
    let asked = Asked::of(cx, patient)?;
    let (ty, id) = named(cx, &asked, target)?;
    let entry = record::one(cx, ty, &id).await?;
    if let Target::Instance(ty, id) = target {
        // What is asked about a patient is in their record.
        let rid = crate::read::locate(cx, *ty, id).await?;
        if rid != entry.patients.first().copied() {
            return Err(not_found());
        }
    }
    let told = Told::of(cx, &asked, &entry).await?;
    Ok(Reply {
        entities: vec![seen(&entry.row)],
        ..Reply::resource(200, told.parameters(&entry))
    })
}

/// The resource that it is about: the one that is named, or the patient.
fn named(cx: Context<'_>, asked: &Asked, target: &Target) -> Result<(TypeId, String)> {
    let base = cx.engine.settings.base.as_str();
    match (&asked.resource, target) {
        (Some(text), _) => match references::parse(text, Some(base)) {
            Some(Reference::Local { ty, id, .. }) => Ok((ty, id.to_owned())),
            _ => Err(invalid(
                "resource",
                "a resource is named by its reference: Observation/1",
            )),
        },
        (None, Target::Instance(ty, id)) => Ok((*ty, id.clone())),
        _ => Err(invalid("resource", "name the resource that it is about")),
    }
}

/// What would be answered, and what is.
struct Told {
    effect: Effect,
    by: &'static str,
    layers: Vec<Layer>,
    explained: Explained,
    /// Whether this caller would get it, asked of the store.
    is_seen: Option<bool>,
}

impl Told {
    async fn of(cx: Context<'_>, asked: &Asked, entry: &Entry) -> Result<Told> {
        let engine = cx.engine;
        let in_force = asked.in_force(cx).await?;
        let caller = &in_force.caller;
        let sees = engine.mask(caller).await?;
        let access = engine.access(caller, sees).await?;
        let mut layers = vec![
            scope(caller, asked, entry.row.ty),
            role(&access, asked, entry, &in_force),
        ];
        let policy = match entry.patients.first() {
            Some(home) => Some(record::policy(cx, *home).await?),
            None => None,
        };
        let explained = explained(cx, asked, caller, entry, policy.as_deref()).await?;
        layers.extend(explained.layers.iter().cloned());
        let closed = layers[..2]
            .iter()
            .find(|layer| layer.effect == Some(Effect::Deny));
        let (effect, by) = match closed {
            Some(layer) => (Effect::Deny, layer.name),
            None => (explained.effect, explained.by),
        };
        let is_seen = match asked.breaks_glass || asked.done() != ward_consent::Action::Access {
            true => None,
            false => {
                let row = (entry.row.ty, entry.row.rid);
                let found = engine.store.read(&access, asked.action, row.0, row.1).await;
                let is_open = !caller.is_out_of_purpose() && !in_force.is_off_duty;
                Some(is_open && matches!(stored(found)?, Current::Live(_)))
            }
        };
        Ok(Told {
            effect,
            by,
            layers,
            explained,
            is_seen,
        })
    }

    fn parameters(&self, entry: &Entry) -> String {
        let resource = format!("{}/_history/{}", entry.reference(), entry.row.version);
        let mut all = vec![
            // Named, not referred to: whoever looks after consents sees few resources themselves (R17).
            text("resource", &resource),
            code("effect", effect_code(Some(self.effect))),
            code("decided-by", self.by),
        ];
        all.extend(self.is_seen.map(|is_seen| yes("seen", is_seen)));
        all.extend(self.layers.iter().map(layer));
        if self.effect == Effect::Permit {
            all.extend(obligations(self.explained.obligations));
            all.extend(masked(&self.explained.masking));
        }
        for (consent, fault) in &self.explained.faults {
            all.push(part(
                "fault",
                vec![
                    reference("consent", &format!("Consent/{consent}")),
                    text("expression", &fault.expression),
                    text("text", fault.reason.text()),
                ],
            ));
        }
        parameters(all)
    }
}

async fn explained(
    cx: Context<'_>,
    asked: &Asked,
    caller: &ward_access::Caller,
    entry: &Entry,
    policy: Option<&Policy>,
) -> Result<Explained> {
    let engine = cx.engine;
    let none = Policy::none();
    let entries = std::slice::from_ref(entry);
    let known = record::known(cx, policy.unwrap_or(&none), entries).await?;
    let answers = Answers {
        known: &known,
        house: engine.house(),
    };
    let who = engine.consent_caller(caller, asked.done()).await?;
    let now_us = engine.now_us();
    let asking = Asking {
        who: &who,
        site: engine.consent(),
        action: asked.done(),
        glass_until_us: asked.breaks_glass.then(|| now_us.saturating_add(GLASS_US)),
        now_us,
    };
    Ok(asking.explain(&Subject {
        row: &entry.asked(cx, &known),
        labels: &entry.labels,
        class: entry.class.as_deref(),
        policy,
        lookup: &answers,
    }))
}

fn scope(caller: &ward_access::Caller, asked: &Asked, ty: TypeId) -> Layer {
    let mut scopes = caller.scopes.resources();
    let is_covered =
        scopes.any(|scope| scope.target.covers(ty) && scope.actions.contains(asked.action));
    let (effect, text) = match is_covered {
        true => (None, "the scopes ask for this of this type"),
        false => (Some(Effect::Deny), "no scope asks for this of this type"),
    };
    Layer {
        name: SCOPE,
        effect,
        rule: "scope",
        text: text.to_owned(),
        steps: Vec::new(),
    }
}

/// What roles, and the compartment of an app, leave of the scopes.
fn role(access: &Access, asked: &Asked, entry: &Entry, in_force: &InForce) -> Layer {
    let home = entry.patients.first().copied();
    let node = Some(entry.document.root());
    let permits = access.permits(entry.row.ty, asked.action, home, node);
    let is_shut = in_force.caller.is_out_of_purpose();
    let (effect, text) = match (in_force.is_off_duty, is_shut, permits) {
        (true, ..) => (
            Some(Effect::Deny),
            "the rota gives the caller no role at this moment; the parameter role asks about one that an account names",
        ),
        (false, true, _) => (
            Some(Effect::Deny),
            "no role of the caller acts for the purpose that is asserted",
        ),
        (false, false, true) => (None, "the roles permit this of this resource"),
        (false, false, false) => (
            Some(Effect::Deny),
            "the roles, or the record that an app is bound to, do not permit this of this resource",
        ),
    };
    Layer {
        name: ROLE,
        effect,
        rule: "role",
        text: text.to_owned(),
        steps: Vec::new(),
    }
}

fn layer(layer: &Layer) -> Value {
    let mut parts = vec![
        code("name", layer.name),
        code("effect", effect_code(layer.effect)),
        code("rule", layer.rule),
        text("text", &layer.text),
    ];
    parts.extend(layer.steps.iter().map(step));
    part("layer", parts)
}

fn step(step: &Step) -> Value {
    let consent = match step.version.is_empty() {
        true => format!("Consent/{}", step.consent),
        false => format!("Consent/{}/_history/{}", step.consent, step.version),
    };
    let level = match step.level {
        Level::Refused => "deny",
        Level::OptedOut => "opt-out",
        Level::Silent => "silent",
        Level::Permitted => "permit",
        Level::Named => "permit-named",
    };
    part(
        "provision",
        vec![
            reference("consent", &consent),
            text("expression", &step.expression),
            code("level", level),
        ],
    )
}

fn obligations(obligations: Obligations) -> impl Iterator<Item = Value> {
    let all = [
        (obligations.notice, "redisclosure-notice"),
        (obligations.consent_copy, "consent-copy"),
        (obligations.break_glass, "break-glass-record"),
    ];
    all.into_iter()
        .filter(|(is_due, _)| *is_due)
        .map(|(_, name)| code("obligation", name))
}

/// `mask-value`, `redact-note`, ... (R15)
fn masked(masking: &Masking) -> impl Iterator<Item = Value> {
    let named = |word: &'static str, groups: &BTreeSet<Group>| {
        let names = groups
            .iter()
            .map(|group| format!("{word}-{}", group.word()));
        names.collect::<Vec<String>>()
    };
    let all = [
        named("mask", &masking.masked),
        named("redact", &masking.redacted),
    ];
    let names = all.into_iter().flatten();
    names.map(|name| code("obligation", &name))
}

pub(super) fn effect_code(effect: Option<Effect>) -> &'static str {
    match effect {
        Some(Effect::Permit) => "permit",
        Some(Effect::Deny) => "deny",
        None => "none",
    }
}

/// What closes it before consents and labels are asked.
pub(super) fn closed(
    in_force: &InForce,
    access: &Access,
    asked: &Asked,
    entry: &Entry,
) -> Option<Layer> {
    let layers = [
        scope(&in_force.caller, asked, entry.row.ty),
        role(access, asked, entry, in_force),
    ];
    layers
        .into_iter()
        .find(|layer| layer.effect == Some(Effect::Deny))
}
