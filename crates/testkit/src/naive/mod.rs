//! What a search must answer, worked out from JSON by looking at every resource: no index, no SQL, none of Ward's own code.
//! <https://hl7.org/fhir/R4/search.html>
//!
//! Read as the specification of search as Ward serves it. Slow and obvious on purpose. What the specification leaves open is
//! decided as `docs/guide/search.md` and the engine's "Departs:" notes say it: the order without `_sort`, `_sort=_id`, missing
//! values last. Not covered: `docs/guide/how-we-know.md`.

mod compartment;
mod composite;
mod contained;
mod criterion;
mod date;
mod hierarchy;
mod include;
mod list;
mod number;
mod parameters;
mod position;
mod reference;
mod sort;
mod string;
mod terminology;
mod token;
mod uri;
mod walk;
mod words;

pub use compartment::{home, is_in as is_in_compartment};
pub use criterion::split;
pub use hierarchy::HIERARCHICAL;
pub use include::included;
pub use parameters::{Kind, PARAMETERS, Parameter, find};
pub use reference::local;

use serde_json::Value;

/// A current resource.
#[derive(Clone, Debug)]
pub struct Stored {
    pub body: Value,
    /// When its id was first used: later is greater. Equal rows are told apart by it, the latest first.
    pub made: u64,
    /// Microseconds since 1970.
    pub updated_us: i64,
    /// What it is ordered by without `_sort`: its clinical date, or when it was made.
    pub natural_us: i64,
}

impl Stored {
    pub fn ty(&self) -> &str {
        self.body["resourceType"].as_str().unwrap_or_default()
    }

    pub fn id(&self) -> &str {
        self.body["id"].as_str().unwrap_or_default()
    }

    /// `Type/id`
    pub fn path(&self) -> String {
        format!("{}/{}", self.ty(), self.id())
    }
}

/// All that is stored, as it is now.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub resources: Vec<Stored>,
    /// For the `ap` prefix of dates. Microseconds since 1970.
    pub now_us: i64,
    /// What was deleted: its id keeps its place in the order.
    gone: Vec<Stored>,
    made: u64,
}

impl World {
    /// What an update (or create with the client's id) leaves.
    pub fn put(&mut self, body: Value, updated_us: i64) {
        let dated = sort::clinical_date(&body);
        let same = |s: &&mut Stored| {
            s.body["resourceType"] == body["resourceType"] && s.body["id"] == body["id"]
        };
        if let Some(stored) = self.resources.iter_mut().find(same) {
            let was_dated = sort::clinical_date(&stored.body).is_some();
            stored.natural_us = match (dated, was_dated) {
                (Some(date), _) => date,
                (None, false) => stored.natural_us,
                (None, true) => updated_us,
            };
            stored.updated_us = updated_us;
            stored.body = body;
            return;
        }
        if let Some(at) = self.gone.iter_mut().position(|mut s| same(&mut s)) {
            let before = self.gone.remove(at);
            self.resources.push(Stored {
                natural_us: dated.unwrap_or(before.natural_us),
                updated_us,
                body,
                ..before
            });
            return;
        }
        self.made += 1;
        self.resources.push(Stored {
            natural_us: dated.unwrap_or(updated_us),
            made: self.made,
            updated_us,
            body,
        });
    }

    pub fn remove(&mut self, path: &str) {
        let (gone, kept) = std::mem::take(&mut self.resources)
            .into_iter()
            .partition(|s| s.path() == path);
        self.resources = kept;
        self.gone.extend::<Vec<Stored>>(gone);
    }

    pub fn get(&self, path: &str) -> Option<&Stored> {
        self.resources.iter().find(|s| s.path() == path)
    }
}

/// A search: `path` is `Patient`, nothing (all types), `Patient/1/Observation` or `Patient/1/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub path: String,
    pub pairs: Vec<(String, String)>,
}

impl Question {
    pub fn text(&self) -> String {
        let pairs: Vec<String> = self.pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
        format!("{}?{}", self.path, pairs.join("&"))
    }

    /// The last value of a parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().rev().find(|(n, _)| n == name);
        found.map(|(_, v)| v.as_str())
    }
}

/// `Type/id` of every match, in order.
pub fn answer(world: &World, question: &Question) -> Vec<String> {
    let (owner, ty) = parts(&question.path);
    let types: Option<Vec<&str>> = match (ty, question.value("_type")) {
        (Some(ty), _) => Some(vec![ty]),
        (None, Some(list)) => Some(list.split(',').collect()),
        (None, None) => None,
    };
    let mut found: Vec<&Stored> = world
        .resources
        .iter()
        .filter(|s| types.as_ref().is_none_or(|types| types.contains(&s.ty())))
        .filter(|s| owner.is_none_or(|owner| compartment::is_in(&s.body, owner)))
        .filter(|s| {
            let criteria = question.pairs.iter().filter(|(name, _)| !shapes(name));
            criteria
                .into_iter()
                .all(|(name, value)| criterion::matches(world, s, name, value))
        })
        .collect();
    sort::sort(&mut found, question.value("_sort").unwrap_or_default());
    found.into_iter().map(Stored::path).collect()
}

/// Owner of the compartment, and type; `None`: all types.
fn parts(path: &str) -> (Option<&str>, Option<&str>) {
    match path.rsplit_once('/') {
        Some((owner, ty)) => (Some(owner), Some(ty).filter(|t| *t != "*")),
        None => (None, Some(path).filter(|p| !p.is_empty())),
    }
}

/// Parameters that shape the answer and not the matches.
fn shapes(name: &str) -> bool {
    let name = name.split(':').next().unwrap_or_default();
    [
        "_sort",
        "_count",
        "_total",
        "_summary",
        "_include",
        "_revinclude",
        "_type",
        "_elements",
    ]
    .contains(&name)
}
