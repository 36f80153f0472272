//! Generations of what the index holds beside R4's parameters (those that clients define, and the words of types): by which set of them
//! each row is indexed.
//! <https://hl7.org/fhir/R4/searchparameter.html>
//!
//! Every row names the generation that its entries were extracted by, every commit must be of the store's own, and the sets
//! of all generations that rows may still have are kept. So old entries are always extracted by exactly what made them, and
//! a parameter is answered by the index as soon as no row of its types is older than it.

mod known;

use crate::capabilities::all_types;
use crate::capabilities::parameters::type_name;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::schema::{SearchType, r4};
use ward_fhir::{Failure, Kind};
use ward_search::definition::{CUSTOM_FROM, Custom, LOOKED_UP_FROM};
use ward_search::edition::Edition;
use ward_search::extract::Extractor;
use ward_search::registry::Registry;
use ward_storage::Indexing;

/// Sets that are kept while rows are brought up to the newest; a further change waits for that, and is looked up until then.
pub const GENERATIONS_MAX: usize = 32;

/// The state of a store that had no rows when it was made or brought to a format: what it has is of the edition that was the newest
/// then. One without any state is older. Written by the stores' steps.
const EMPTY_STORES: [(&[u8], Edition); 2] = [
    (b"edition 2", Edition::Second),
    (b"edition 3", Edition::Third),
];

/// One set of parameters.
#[derive(Clone)]
pub struct Set {
    pub generation: u32,
    pub extractor: Extractor,
}

/// What `Indexing::state` says. Never changes: with another state there is another one.
#[derive(Clone)]
pub struct Generations {
    pub revision: i64,
    /// Which state of the SearchParameter resources the newest set is of.
    pub mark: i64,
    /// Oldest first; the newest is what writes are indexed by. Rows of a generation before the oldest have the same
    /// entries as the oldest would give them.
    kept: Vec<Set>,
    /// All live rows of the type are of this generation or a later one, or have the same entries.
    ready: BTreeMap<TypeId, u32>,
    /// The number of the next parameter: none is given twice, so that entries of one never answer for another.
    next: u16,
}

impl Generations {
    /// `base`: the R4 package alone.
    pub fn read(indexing: &Indexing, base: &Extractor, package: &Arc<Registry>) -> Result<Self> {
        let mut generations = Self {
            revision: indexing.revision,
            mark: -1,
            kept: vec![Set {
                generation: 0,
                extractor: base.of_edition(Edition::First),
            }],
            ready: BTreeMap::new(),
            next: CUSTOM_FROM,
        };
        let mut empty = EMPTY_STORES.iter();
        if let Some((_, edition)) = empty.find(|(state, _)| indexing.state == *state) {
            generations.kept[0].extractor = base.of_edition(*edition);
        } else if !indexing.state.is_empty() {
            let state: Option<Value> = serde_json::from_slice(&indexing.state).ok();
            let read = state.and_then(|state| generations.fill(&state, base, package));
            read.ok_or_else(|| {
                Failure::new(Kind::Internal, "the state of the index does not read")
            })?;
        }
        Ok(generations)
    }

    fn fill(&mut self, state: &Value, base: &Extractor, package: &Arc<Registry>) -> Option<()> {
        self.mark = state["mark"].as_i64()?;
        self.next = u16::try_from(state["next"].as_u64()?).ok()?;
        let mut parameters = BTreeMap::new();
        for parameter in state["parameters"].as_array()? {
            let custom = Arc::new(parameter_of(parameter)?);
            parameters.insert(custom.number, custom);
        }
        self.kept.clear();
        let sets = state.get("sets").unwrap_or(&state["generations"]);
        for set in sets.as_array()? {
            let mut custom = Vec::new();
            for number in set["parameters"].as_array()? {
                let number = u16::try_from(number.as_u64()?).ok()?;
                custom.push(parameters.get(&number)?.clone());
            }
            let edition = match &set["edition"] {
                Value::Null => Edition::First,
                edition => Edition::of(edition.as_u64()?)?,
            };
            self.kept.push(Set {
                generation: u32::try_from(set["generation"].as_u64()?).ok()?,
                extractor: extractor(base, package, custom, types_of(&set["words"])?)
                    .of_edition(edition),
            });
        }
        for (name, generation) in state["ready"].as_object()? {
            let generation = u32::try_from(generation.as_u64()?).ok()?;
            self.ready.insert(r4().resource_type(name)?, generation);
        }
        (!self.kept.is_empty()).then_some(())
    }

    pub fn state(&self) -> Bytes {
        let mut parameters = BTreeMap::new();
        for custom in self.kept.iter().flat_map(Set::custom) {
            parameters.insert(custom.number, json_of(custom));
        }
        let sets = self.kept.iter().map(|set| {
            let numbers: Vec<u16> = set.custom().iter().map(|c| c.number).collect();
            json!({ "generation": set.generation, "parameters": numbers, "words": names(set.words()),
                "edition": set.edition().number() })
        });
        let ready = self.ready.iter();
        let ready: serde_json::Map<String, Value> = ready
            .map(|(ty, generation)| (r4().ty(*ty).name.to_owned(), json!(generation)))
            .collect();
        let state = json!({
            "mark": self.mark,
            "next": self.next,
            "parameters": parameters.into_values().collect::<Vec<_>>(),
            // Called otherwise than before editions: what knows none must not write by it.
            "sets": sets.collect::<Vec<_>>(),
            "ready": ready,
        });
        Bytes::from(state.to_string())
    }

    /// What everything that is written now is indexed by.
    pub fn current(&self) -> &Set {
        &self.kept[self.kept.len() - 1]
    }

    /// What a row of the generation was indexed by; `None`: the generation is newer than what is known here.
    pub fn of(&self, generation: u32) -> Option<&Set> {
        if generation > self.current().generation {
            return None;
        }
        let older = |set: &&Set| set.generation <= generation;
        self.kept.iter().rev().find(older).or(self.kept.first())
    }

    /// The numbered parameter that means the same, if the index answers it for all of its types.
    pub fn indexed(&self, wanted: &Custom) -> Option<&Arc<Custom>> {
        let found = self
            .current()
            .custom()
            .iter()
            .find(|c| means_same(c, wanted))?;
        let answers = |ty: &TypeId| {
            let born = self.since(|set| set.numbers(*ty).contains(&found.number));
            born.is_some_and(|born| self.ready(*ty) >= born)
        };
        found.bases.iter().all(answers).then_some(found)
    }

    /// Types with rows that may be of a set that has changed, and the generation that they must reach.
    pub fn stale(&self) -> Vec<(TypeId, u32)> {
        let mut types: Vec<TypeId> = self.kept.iter().flat_map(Set::types).collect();
        let edition = self.current().edition();
        if self.kept.iter().any(|set| set.edition() != edition) {
            types = all_types();
        }
        types.sort_unstable();
        types.dedup();
        let wanted = types.into_iter().filter_map(|ty| {
            let what = |set: &Set| (set.edition(), set.numbers(ty), set.words().contains(&ty));
            let now = what(self.current());
            Some((ty, self.since(|set| what(set) == now)?))
        });
        wanted
            .filter(|(ty, since)| self.ready(*ty) < *since)
            .collect()
    }

    /// Types of which the index has the words of every resource.
    pub fn words(&self) -> Vec<TypeId> {
        let answers = |ty: &TypeId| {
            let born = self.since(|set| set.words().contains(ty));
            born.is_some_and(|born| self.ready(*ty) >= born)
        };
        let types = self.current().words().iter();
        types.copied().filter(answers).collect()
    }

    /// Types that have parameters of clients or an index of words now.
    pub fn types(&self) -> Vec<TypeId> {
        let mut types: Vec<TypeId> = self.current().types().collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    /// Types of which rows may still be of an older edition than the newest, and the oldest that they may be of.
    pub fn behind(&self) -> Vec<(TypeId, Edition)> {
        let newest = self.since(|set| set.edition() == Edition::NEWEST);
        if newest == Some(0) {
            return Vec::new();
        }
        let reaches = |ty: &TypeId| newest.is_some_and(|newest| self.ready(*ty) >= newest);
        let late = all_types().into_iter().filter(|ty| !reaches(ty));
        let oldest = |ty| self.of(self.ready(ty)).map_or(Edition::First, Set::edition);
        late.map(|ty| (ty, oldest(ty))).collect()
    }

    /// The generation since which it is true without a break; 0: for all rows there are.
    fn since(&self, is: impl Fn(&Set) -> bool) -> Option<u32> {
        let run = self.kept.iter().rev().take_while(|set| is(set)).count();
        match self.kept.len() - run {
            _ if run == 0 => None,
            0 => Some(0),
            first => Some(self.kept[first].generation),
        }
    }

    fn ready(&self, ty: TypeId) -> u32 {
        self.ready.get(&ty).copied().unwrap_or(0)
    }

    /// With a further generation for the parameters that are `wanted` now, in their order, the types whose `words` are, and the
    /// newest edition. `None`: they are what rows are indexed by already, that is an older state of the parameters, or there is no room.
    pub fn raised(
        &self,
        (wanted, words): (&[Arc<Custom>], &[TypeId]),
        mark: i64,
        base: &Extractor,
        package: &Arc<Registry>,
    ) -> Option<Self> {
        let now = self.current().custom();
        let is_older = self.current().edition() < base.edition();
        // Of an older state of the parameters only the edition is news.
        let is_passed = mark <= self.mark;
        let (wanted, words) = match is_passed {
            true if mark < self.mark => (now, self.current().words()),
            true => (now, words),
            false => (wanted, words),
        };
        let same =
            now.len() == wanted.len() && now.iter().zip(wanted).all(|(a, b)| means_same(a, b));
        let same_words = self.current().words() == words;
        let is_new = !same || !same_words || is_older;
        if !is_new || self.kept.len() >= GENERATIONS_MAX {
            return None;
        }
        let mut next = self.clone();
        let mut custom = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            let known = now.iter().find(|c| means_same(c, wanted)).cloned();
            let known = known.filter(|c| !custom.contains(c));
            custom.push(match known {
                Some(known) => known,
                None if next.next >= LOOKED_UP_FROM => return None,
                None => {
                    let number = next.next;
                    next.next += 1;
                    Arc::new(Custom {
                        number,
                        ..Custom::clone(wanted)
                    })
                }
            });
        }
        next.mark = mark.max(self.mark);
        next.kept.push(Set {
            generation: self.current().generation + 1,
            extractor: extractor(base, package, custom, words.to_vec()),
        });
        Some(next.settled())
    }

    /// With all rows of the type at least of this generation.
    pub fn reached(&self, ty: TypeId, generation: u32) -> Self {
        let mut next = self.clone();
        let ready = next.ready.entry(ty).or_default();
        *ready = generation.max(*ready);
        next.settled()
    }

    /// Once every row has the entries that the newest set gives, the others are not needed.
    fn settled(mut self) -> Self {
        if self.stale().is_empty() {
            self.kept.drain(..self.kept.len() - 1);
            self.ready.clear();
        }
        self
    }
}

impl Set {
    pub fn custom(&self) -> &[Arc<Custom>] {
        self.extractor.registry().custom()
    }

    /// Types whose resources it indexes by their words, in order.
    pub fn words(&self) -> &[TypeId] {
        self.extractor.registry().words()
    }

    /// Types that it indexes by more than R4's parameters, some twice.
    fn types(&self) -> impl Iterator<Item = TypeId> {
        let custom = self.custom().iter().flat_map(|c| c.bases.iter().copied());
        custom.chain(self.words().iter().copied())
    }

    fn edition(&self) -> Edition {
        self.extractor.edition()
    }

    fn numbers(&self, ty: TypeId) -> Vec<u16> {
        self.extractor.registry().custom_of(ty)
    }
}

/// The same parameters beside those of the package, and the words of these types.
pub fn extractor(
    base: &Extractor,
    package: &Arc<Registry>,
    custom: Vec<Arc<Custom>>,
    words: Vec<TypeId>,
) -> Extractor {
    if custom.is_empty() && words.is_empty() {
        return base.clone();
    }
    let registry = Registry::with(package, custom).with_words(words);
    base.with(Arc::new(registry))
}

/// Whatever their numbers.
fn means_same(a: &Custom, b: &Custom) -> bool {
    let meaning = |c: &Custom| Custom {
        number: 0,
        ..c.clone()
    };
    meaning(a) == meaning(b)
}

fn names(types: &[TypeId]) -> Vec<&'static str> {
    types.iter().map(|ty| r4().ty(*ty).name).collect()
}

/// None where there is no list; `None`: a type is not known.
fn types_of(names: &Value) -> Option<Vec<TypeId>> {
    let names = names.as_array().into_iter().flatten();
    names
        .map(|name| r4().resource_type(name.as_str()?))
        .collect()
}

fn json_of(custom: &Custom) -> Value {
    json!({
        "number": custom.number,
        "url": custom.url,
        "code": custom.code,
        "type": type_name(custom.ty),
        "base": names(&custom.bases),
        "expression": custom.expression,
        "target": names(&custom.targets),
    })
}

fn parameter_of(value: &Value) -> Option<Custom> {
    let text = |name: &str| value[name].as_str().map(Box::from);
    let types = |name: &str| value[name].as_array().and_then(|_| types_of(&value[name]));
    let ty = value["type"].as_str()?;
    Some(Custom {
        number: u16::try_from(value["number"].as_u64()?).ok()?,
        url: text("url")?,
        code: text("code")?,
        ty: INDEXED.into_iter().find(|known| type_name(*known) == ty)?,
        bases: types("base")?,
        expression: text("expression")?,
        targets: types("target")?,
    })
}

/// What a client's parameter may be.
const INDEXED: [SearchType; 7] = [
    SearchType::Number,
    SearchType::Date,
    SearchType::String,
    SearchType::Token,
    SearchType::Reference,
    SearchType::Quantity,
    SearchType::Uri,
];

#[cfg(test)]
#[path = "generations/tests.rs"]
mod tests;
