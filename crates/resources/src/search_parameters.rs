//! The search parameters that are served: those of R4, and those that clients define by SearchParameter resources.
//! <https://hl7.org/fhir/R4/searchparameter.html>
//!
//! What is served is read from what is committed, before the next question after a change, so no crash can part the two;
//! `generations` says which of it the index answers. An `active` one that cannot be served is refused when it is written; `draft` and
//! `retired` ones are stored and not served, since a draft need not be finished.

use crate::capabilities::Documents;
use crate::document::reread;
use crate::engine::{Engine, stored};
use crate::generations::{Generations, extractor};
use crate::seen::Extractors;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use ward_access::{Maintenance, maintenance};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_search::custom::{self, PER_SERVER_MAX, PER_TYPE_MAX};
use ward_search::definition::{Custom, LOOKED_UP_FROM};
use ward_search::extract::Extractor;
use ward_search::plan::{Plan, SortKey, Total};
use ward_search::query::Options;
use ward_search::registry::Registry;
use ward_search::seen::Seen;
use ward_search::terminology::Embedded;
use ward_storage::{Rid, Row};

/// Active SearchParameter resources that are looked through, the oldest first; most of those of a package define what R4 has
/// already. With more no further definition is taken.
const ACTIVE_MAX: usize = 10_000;
const ROWS_PER_STEP: u32 = 500;

/// The newest snapshot, and whether it still holds.
pub(crate) struct Served {
    /// Raised by every change that this process knows of.
    wanted: AtomicU64,
    current: Mutex<Arc<Snapshot>>,
    generations: Mutex<Option<Arc<Generations>>>,
}

/// How queries are read: what clients define is looked up in the resources until the index has it.
pub(crate) struct Snapshot {
    /// Of `wanted`, when it was read.
    covers: u64,
    /// Of the store, when it was read; -1: never.
    mark: i64,
    /// Of `Indexing`, when it was read.
    revision: i64,
    /// By which rows were indexed then, if the index is asked for any parameter of clients or for words.
    pub generation: Option<u32>,
    pub extractor: Extractor,
    /// The same as far as callers see what it reads.
    extractors: Extractors,
    pub documents: Documents,
    custom: Arc<Defined>,
}

#[derive(Default)]
struct Defined {
    /// With the row of each definition.
    rows: Vec<(Rid, Arc<Custom>)>,
    /// There are more active resources than are looked through.
    is_full: bool,
}

impl Snapshot {
    pub fn registry(&self) -> &Registry {
        self.extractor.registry()
    }

    /// How a caller asks who sees these elements of types that they see in part.
    pub fn extractor_of(&self, seen: Option<&Arc<Seen>>) -> Extractor {
        self.extractors.of(&self.extractor, seen)
    }

    /// What clients have defined, the oldest first.
    pub fn wanted(&self) -> Vec<Arc<Custom>> {
        self.custom.rows.iter().map(|(_, c)| c.clone()).collect()
    }

    /// Which state of the SearchParameter resources that is.
    pub fn mark(&self) -> i64 {
        self.mark
    }
}

impl Served {
    /// Nothing is read yet.
    pub fn new(package: Extractor) -> Self {
        Self {
            wanted: AtomicU64::new(1),
            current: Mutex::new(Arc::new(Snapshot {
                covers: 0,
                mark: -1,
                revision: -1,
                generation: None,
                extractor: package,
                extractors: Extractors::default(),
                documents: Documents::default(),
                custom: Arc::default(),
            })),
            generations: Mutex::new(None),
        }
    }

    /// As it was read last, whatever has changed since.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Of two that were read at the same time the later state stays.
    fn keep(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let order = |s: &Snapshot| (s.mark, s.revision, s.covers);
        if order(&snapshot) >= order(&current) {
            *current = Arc::new(snapshot);
        }
        current.clone()
    }

    pub fn generations(&self) -> Option<Arc<Generations>> {
        let known = self.generations.lock();
        known.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Of two that were read at the same time the later one stays.
    pub fn keep_generations(&self, read: Generations) -> Arc<Generations> {
        let known = self.generations.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(later) if later.revision > read.revision => later.clone(),
            _ => known.insert(Arc::new(read)).clone(),
        }
    }

    pub fn expire(&self) {
        self.wanted.fetch_add(1, Ordering::AcqRel);
    }

    /// See [`Engine::written`].
    pub fn written(&self, writes: &[TypeId]) {
        if writes.contains(&search_parameter()) {
            self.expire();
        }
    }
}

impl Engine {
    /// What questions are read by now: every change that was answered before is in it. Statements: none, or two or three after a change.
    pub(crate) async fn asking(&self) -> Result<Arc<Snapshot>> {
        let current = self.served.current();
        let wanted = self.served.wanted.load(Ordering::Acquire);
        if current.covers >= wanted {
            return Ok(current);
        }
        let mark = stored(self.store.parameters_mark().await)?;
        let custom = match mark == current.mark {
            true => current.custom.clone(),
            false => Arc::new(load(self).await?),
        };
        if self.store.is_shared() {
            stored(self.store.load_indexing().await)?;
        }
        let generations = self.generations()?;
        let mut generation = None;
        let known = |(_, wanted): &(Rid, Arc<Custom>)| match generations.indexed(wanted) {
            Some(indexed) => {
                generation = Some(generations.current().generation);
                indexed.clone()
            }
            None => wanted.clone(),
        };
        let definitions = custom.rows.iter().map(known).collect();
        let words = generations.words();
        if !words.is_empty() {
            generation = Some(generations.current().generation);
        }
        Ok(self.served.keep(Snapshot {
            covers: wanted,
            mark,
            revision: generations.revision,
            generation,
            extractor: extractor(&self.extractor, &self.registry, definitions, words)
                .behind(generations.behind()),
            extractors: Extractors::default(),
            documents: Documents::default(),
            custom,
        }))
    }

    /// Learns what other processes over the same database have defined: to be called once a second. Two statements, and
    /// none where there is no other process.
    pub async fn watch_search_parameters(&self) {
        if !self.store.is_shared() {
            return;
        }
        let current = self.served.current();
        let mark = self.store.parameters_mark().await;
        let indexing = self.store.load_indexing().await;
        if mark.is_ok_and(|mark| mark != current.mark)
            || indexing.is_ok_and(|indexing| indexing.revision != current.revision)
        {
            self.served.expire();
        }
    }
}

/// Refuses a version that could not be served; `own` is its row.
pub(crate) async fn demand_servable(engine: &Engine, node: Node<'_>, own: Rid) -> Result<()> {
    if node.ty() != search_parameter() || node.text("status") != Some("active") {
        return Ok(());
    }
    let Some(new) = custom::read(node, &engine.registry, LOOKED_UP_FROM)? else {
        return Ok(());
    };
    let served = engine.asking().await?;
    let others = served.custom.rows.iter().filter(|(rid, _)| *rid != own);
    let others: Vec<&Custom> = others.map(|(_, custom)| custom.as_ref()).collect();
    let refused = |text: String| Failure::new(Kind::BusinessRule, text);
    if served.custom.is_full || others.len() >= PER_SERVER_MAX {
        return Err(refused(format!(
            "{PER_SERVER_MAX} search parameters are defined; retire one before another is added"
        )));
    }
    for (at, base) in new.bases.iter().enumerate() {
        let name = r4().ty(*base).name;
        let theirs = || others.iter().filter(|c| c.bases.contains(base));
        if theirs().any(|c| c.code == new.code) {
            let text = format!("another active SearchParameter defines this name for {name}");
            return Err(refused(text).at("SearchParameter.code"));
        }
        if theirs().count() >= PER_TYPE_MAX {
            let text = format!("{PER_TYPE_MAX} search parameters are defined for {name}");
            return Err(refused(text).at(format!("SearchParameter.base[{at}]")));
        }
    }
    Ok(())
}

/// The definitions of all active SearchParameters, the oldest first. What cannot be served is left out: it was stored before it
/// was refused, or two came at the same time.
async fn load(engine: &Engine) -> Result<Defined> {
    let access = maintenance(Maintenance::SearchParameters);
    let mut plan = active(engine)?;
    let (mut defined, mut seen) = (Defined::default(), 0);
    loop {
        let page = stored(engine.store.search(&access, &plan).await)?;
        seen += page.rows.len();
        for row in &page.rows {
            if let Some(custom) = definition(engine, row, defined.rows.len())? {
                defined.rows.push((row.rid, custom));
            }
        }
        defined.rows.truncate(PER_SERVER_MAX);
        defined.is_full = page.more && seen >= ACTIVE_MAX;
        if !page.more || defined.is_full || defined.rows.len() == PER_SERVER_MAX {
            return Ok(defined);
        }
        plan.after = page.next;
    }
}

fn definition(engine: &Engine, row: &Row, at: usize) -> Result<Option<Arc<Custom>>> {
    let number = LOOKED_UP_FROM.saturating_add(at as u16);
    let document = reread(&row.body)?;
    Ok(custom::read(document.root(), &engine.registry, number).unwrap_or(None))
}

fn active(engine: &Engine) -> Result<Plan> {
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: ROWS_PER_STEP,
        count_max: ROWS_PER_STEP,
        terminology: &Embedded,
    };
    let pairs = [("status", "active")];
    let types = [search_parameter()];
    let (plan, _) = ward_search::query::parse(&engine.extractor, &types, &pairs, &options)?;
    Ok(Plan {
        sort: vec![SortKey::Id { descending: false }],
        total: Total::None,
        ..plan
    })
}

fn search_parameter() -> TypeId {
    static TYPE: std::sync::OnceLock<TypeId> = std::sync::OnceLock::new();
    *TYPE.get_or_init(|| {
        r4().resource_type("SearchParameter")
            .unwrap_or(TypeId(u16::MAX))
    })
}
