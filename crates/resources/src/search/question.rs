//! A query as the store can answer it: parsed, with Lists read, and split into what the index and what the resources decide.
//! <https://hl7.org/fhir/R4/search.html>

use crate::document::reread;
use crate::engine::{Context, store_failure, stored};
use crate::masked;
use crate::places::Place;
use crate::search::looked_at::LookedAt;
use crate::search::targets::{self, AskedBy};
use crate::search::{closed, contained, hierarchy, long, open, terminology, wide};
use crate::search_parameters::Snapshot;
use crate::seen::settle_order;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use ward_access::{Access, Action};
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::check;
use ward_search::cost::is_costly;
use ward_search::extract::Extractor;
use ward_search::plan::{Check, Filter, Listed, Plan, Total};
use ward_search::query::{Options, Used, held, lists, parse_by, referring, replace_lists};
use ward_search::registry::Registry;
use ward_search::terminology::Embedded;
use ward_storage::{Current, Looking, Page, StoreError, is_gathered};

/// Members of all Lists of one query.
pub const LIST_MEMBERS_MAX: usize = 10_000;

/// What is asked of the store, and what was made of the query.
pub(crate) struct Question {
    /// Its filter is answered by the index alone.
    pub plan: Plan,
    /// What every row must pass besides.
    pub checks: Vec<Check>,
    /// Resources that were looked at before: the filter names some of them.
    pub looked_at: LookedAt,
    pub used: Used,
    served: Arc<Snapshot>,
    /// What it was read by.
    extractor: Extractor,
    /// Of a costly question.
    place: Option<Place>,
}

impl Question {
    /// Reads a query over `types` (empty: all). Lists, value sets and code systems are read as the caller may read them.
    /// Statements: none, or one or two for Lists, one to three for terminology that is not embedded, and one or more for each
    /// parameter that is asked for a part of a text, for each hop of a chain, and for each level of a hierarchy; for whom something may be hidden
    /// one or two for the references.
    ///
    /// `TooManyRequests`: it is costly, and the client has as many such questions under way as it may have.
    pub async fn read(
        cx: Context<'_>,
        types: &[TypeId],
        pairs: &[(String, String)],
        strict: bool,
    ) -> Result<Question> {
        Question::read_by(cx, types, pairs, strict, None).await
    }

    /// The same, where it is known what the caller may ask by.
    pub async fn read_by(
        cx: Context<'_>,
        types: &[TypeId],
        pairs: &[(String, String)],
        strict: bool,
        asked: Option<AskedBy<'_>>,
    ) -> Result<Question> {
        let settings = &cx.engine.settings;
        let served = cx.engine.asking().await?;
        let extractor = masked::asking(served.extractor_of(cx.access.seen()), cx.access);
        let extractor = cx.engine.asking_as(cx.caller, extractor);
        let extractor = &extractor;
        let options = Options {
            strict,
            now_us: cx.engine.now_us(),
            count_default: settings.page_entries_default,
            count_max: settings.page_entries_max,
            terminology: &Embedded,
        };
        let terminology = terminology::of(cx, extractor, types, pairs, options).await?;
        let options = Options {
            terminology: &terminology,
            ..options
        };
        let asked = match asked {
            Some(asked) => asked,
            None => targets::of(cx, extractor, types, pairs, &options).await?,
        };
        let by = asked.targets();
        let (mut plan, used) = parse_by(extractor, types, pairs, &options, by)?;
        settle_order(cx, &mut plan);
        let is_costly = is_costly(&plan.filter) || plan.sort.iter().any(is_gathered);
        let mut place = match is_costly {
            true => Some(costly_place(cx)?),
            false => None,
        };
        let filter = std::mem::replace(&mut plan.filter, Filter::All);
        let mut looked_at = LookedAt::default();
        asked.note(&mut looked_at);
        let (types, looking) = (&plan.types, &mut looked_at);
        let filter = with_listed(cx, extractor, filter, looking).await?;
        let filter = contained::decided(cx, extractor, types, filter, &mut place, looking).await?;
        let filter = long::decided(cx, extractor, types, filter, looking).await?;
        let split = check::split(filter, extractor)?;
        plan.filter = closed::left_out(cx, extractor, split.index, &mut place).await?;
        Ok(Question {
            plan,
            checks: split.checks,
            looked_at,
            used,
            extractor: extractor.clone(),
            served,
            place,
        })
    }

    /// What the index alone answers, and no query was read for.
    pub fn of_index(cx: Context<'_>, mut plan: Plan, used: Used) -> Question {
        settle_order(cx, &mut plan);
        let served = cx.engine.served.current();
        Question {
            extractor: masked::asking(served.extractor_of(cx.access.seen()), cx.access),
            plan,
            checks: Vec::new(),
            looked_at: LookedAt::default(),
            used,
            served,
            place: None,
        }
    }

    /// Adds what each row must pass, which makes the question a costly one.
    pub fn check(&mut self, cx: Context<'_>, check: Check) -> Result<()> {
        if self.place.is_none() {
            self.place = Some(costly_place(cx)?);
        }
        self.checks.push(check);
        Ok(())
    }

    /// A page of what the access lets through and, of Binaries, their contexts.
    pub async fn ask(&self, cx: Context<'_>, access: &Access) -> Result<Page> {
        match open::is_met(access, &self.plan, self.used.contained.as_ref()) {
            true => open::page(cx, access, self).await,
            false => self.examine(cx, access, &self.plan).await,
        }
    }

    /// A page of what the access lets through, whatever the contexts of Binaries say.
    pub(super) async fn examine(
        &self,
        cx: Context<'_>,
        access: &Access,
        plan: &Plan,
    ) -> Result<Page> {
        match self.look(cx, access, plan, &self.checks).await {
            Err(StoreError::Wide(wide)) => self.loosened(cx, access, plan, wide).await,
            other => other.map_err(|error| self.refusal(cx, error, &self.checks)),
        }
    }

    /// The same where more entries of the index fit than it combines.
    async fn loosened(
        &self,
        cx: Context<'_>,
        access: &Access,
        plan: &Plan,
        mut wide: u64,
    ) -> Result<Page> {
        let _place = match self.place {
            None => Some(costly_place(cx)?),
            Some(_) => None,
        };
        let (mut plan, mut checks) = (plan.clone(), self.checks.clone());
        for _ in 0..wide::LOOSENED_MAX {
            let (without, further) = wide::loosened(cx, self.extractor(), &plan, wide).await?;
            plan = without;
            checks.extend(further);
            match self.look(cx, access, &plan, &checks).await {
                Err(StoreError::Wide(more)) => wide = more,
                other => return other.map_err(|error| self.refusal(cx, error, &checks)),
            }
        }
        Err(store_failure(StoreError::Wide(wide)))
    }

    async fn look(
        &self,
        cx: Context<'_>,
        access: &Access,
        plan: &Plan,
        checks: &[Check],
    ) -> std::result::Result<Page, StoreError> {
        let looking = Looking {
            checks,
            score: self.used.score.as_ref(),
            contained: self.used.contained.as_ref(),
            extractor: &self.extractor,
            rows_max: cx.engine.settings.rows_examined_max,
            view: &|row| masked::view(access, row).ok(),
        };
        cx.view.examine(access, plan, looking).await
    }

    /// Whether what the index was asked for was whole when it answered: rows were indexed by the same parameters before and
    /// after. To be asked after the last statement. One statement where other processes may change them, and none unless the
    /// question is by what a client has defined, or by words.
    pub async fn was_whole(&self, cx: Context<'_>) -> Result<bool> {
        let Some(generation) = self.served.generation.filter(|_| self.used.custom) else {
            return Ok(true);
        };
        let store = &cx.engine.store;
        let now = match store.is_shared() {
            true => stored(store.load_indexing().await)?,
            false => store.indexing(),
        };
        if now.generation != generation {
            cx.engine.served.expire();
        }
        Ok(now.generation == generation)
    }

    pub(super) fn has_place(&self) -> bool {
        self.place.is_some()
    }

    /// What the query was read by.
    pub fn extractor(&self) -> &Extractor {
        &self.extractor
    }

    /// Narrows the matches further.
    pub fn and(&mut self, filter: Filter) {
        let before = std::mem::replace(&mut self.plan.filter, Filter::All);
        self.plan.filter = match before {
            Filter::All => filter,
            before => Filter::And(vec![before, filter]),
        };
    }

    /// What costs too much is told together with what would make it cheap.
    fn refusal(&self, cx: Context<'_>, error: StoreError, checks: &[Check]) -> Failure {
        let (kind, what) = match error {
            StoreError::TooCostly => (
                Kind::TooCostly,
                format!(
                    "the search would have to look at more than {} resources{}",
                    cx.engine.settings.rows_examined_max,
                    unindexed(checks)
                ),
            ),
            StoreError::Timeout => (
                Kind::Timeout,
                "the deadline of the search passed".to_owned(),
            ),
            other => return store_failure(other),
        };
        let advice = advice(self.extractor.registry(), &self.plan.types, &self.used);
        Failure::new(kind, format!("{what}; add {advice} to narrow it"))
    }
}

/// What no index answers, by the names that the caller used.
fn unindexed(checks: &[Check]) -> String {
    let mut names: Vec<&str> = checks.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [] => String::new(),
        names => format!(", since no index answers {}", names.join(" and ")),
    }
}

/// A place of the client's for a costly question.
pub(super) fn costly_place(cx: Context<'_>) -> Result<Place> {
    let places = &cx.engine.places;
    places.take(cx.caller).ok_or_else(|| {
        let text = format!(
            "as many searches that no index bounds are under way for this caller or client as may be at once ({}); \
             try again when one of them has ended",
            places.most(cx.caller)
        );
        Failure::new(Kind::TooManyRequests, text)
    })
}

/// Parameters that would narrow a search over the types by an index, among those it does not use yet.
fn advice(registry: &Registry, types: &[TypeId], used: &Used) -> String {
    let used = |code: &str| {
        let same = |name: &str| name.split([':', '.']).next() == Some(code);
        used.pairs.iter().any(|(name, _)| same(name))
    };
    let of = |ty: &TypeId, code: &str| registry.find(*ty, code).is_some_and(|p| p.is_served());
    let served = |code: &str| match types {
        [] => code.starts_with('_'),
        types => types.iter().all(|ty| of(ty, code)),
    };
    let narrowing = NARROWING.iter().filter(|code| served(code) && !used(code));
    let names: Vec<&str> = narrowing.take(3).copied().collect();
    match names.as_slice() {
        [] => "a further parameter".to_owned(),
        names => format!("the parameter {}", names.join(" or ")),
    }
}

/// What an index answers best, the most selective first.
const NARROWING: &[&str] = &[
    "patient",
    "identifier",
    "subject",
    "encounter",
    "code",
    "category",
    "date",
    "birthdate",
    "family",
    "name",
    "_type",
    "_lastUpdated",
];

/// Replaces the sets that the filter names by what is in them, as far as the caller may know.
pub(super) async fn with_listed(
    cx: Context<'_>,
    extractor: &Extractor,
    filter: Filter,
    looked_at: &mut LookedAt,
) -> Result<Filter> {
    let mut found: BTreeMap<Listed, Filter> = BTreeMap::new();
    let named: BTreeSet<&Listed> = lists(&filter).into_iter().collect();
    if named.is_empty() {
        return Ok(filter);
    }
    let mut ids = Vec::new();
    for listed in named {
        match listed {
            Listed::Members(id) => ids.push(id.as_str()),
            Listed::Hierarchy(asked) => {
                looked_at.any = true;
                let related = hierarchy::related(cx, extractor, asked).await?;
                let filter = referring(extractor.key(), asked, &related);
                found.insert(listed.clone(), filter);
            }
        }
    }
    let members = members_of(cx, &ids, looked_at).await?;
    Ok(replace_lists(filter, &|listed| match listed {
        Listed::Members(id) => held(members.get(id).map_or(&[], Vec::as_slice)),
        Listed::Hierarchy(_) => found.get(listed).cloned().unwrap_or(Filter::Nothing),
    }))
}

/// The members of Lists, as far as the caller may read the Lists: one that is absent or forbidden has none.
async fn members_of(
    cx: Context<'_>,
    ids: &[&str],
    looked_at: &mut LookedAt,
) -> Result<HashMap<String, Vec<(TypeId, String)>>> {
    let mut held: HashMap<String, Vec<(TypeId, String)>> = HashMap::new();
    if ids.is_empty() {
        return Ok(held);
    }
    let ty = r4().resource_type("List").unwrap_or(TypeId(u16::MAX));
    let keys: Vec<(TypeId, &str)> = ids.iter().map(|id| (ty, *id)).collect();
    let rids = stored(cx.view.locate(&keys).await)?;
    let located: Vec<(usize, (TypeId, i64))> = rids
        .into_iter()
        .enumerate()
        .filter_map(|(at, rid)| Some((at, (ty, rid?))))
        .collect();
    let keys: Vec<(TypeId, i64)> = located.iter().map(|(_, key)| *key).collect();
    let found = stored(cx.view.read_many(cx.access, Action::Read, &keys).await)?;
    let mut count = 0;
    for ((at, _), current) in located.iter().zip(found) {
        if let Current::Live(row) = current {
            let members = members(cx, &row.body)?;
            count += members.len();
            looked_at.lists.push((row.ty, row.rid, row.version));
            held.insert(ids[*at].to_owned(), members);
        }
    }
    let not_there = ids.iter().filter(|id| !held.contains_key(**id));
    let not_there: Vec<String> = not_there.map(|id| (*id).to_owned()).collect();
    // Where what is read may be searched and the other way round: else there may be one that only the one of them shows.
    let is_told = cx.access.sight(ty, Action::Read) == cx.access.sight(ty, Action::Search);
    if !not_there.is_empty() && is_told {
        looked_at.absent.push(Plan {
            types: vec![ty],
            filter: Filter::Ids(not_there),
            sort: Vec::new(),
            count: 1,
            total: Total::None,
            after: None,
        });
    }
    if count > LIST_MEMBERS_MAX {
        let text = format!("'_list' names Lists with more than {LIST_MEMBERS_MAX} members");
        return Err(Failure::new(Kind::TooCostly, text));
    }
    Ok(held)
}

/// The resources of this store that a List holds; entries marked as deleted are none.
fn members(cx: Context<'_>, body: &[u8]) -> Result<Vec<(TypeId, String)>> {
    let document = reread(body)?;
    let root = document.root();
    let kept = root
        .all("entry")
        .filter(|e| e.text("deleted") != Some("true"));
    let references = kept.filter_map(|e| e.get("item")?.text("reference"));
    let local = references.filter_map(|text| {
        match reference::parse(text, Some(&cx.engine.settings.base))? {
            Reference::Local { ty, id, .. } => Some((ty, id.to_owned())),
            _ => None,
        }
    });
    Ok(local.collect())
}
