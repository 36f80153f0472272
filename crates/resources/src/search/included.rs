//! `_include` and `_revinclude`: what comes with the matches of a page. <https://hl7.org/fhir/R4/search.html#include>
//!
//! Hop by hop: the bodies of the page say what they refer to, one search per type tells what refers to them, and what was
//! found is the start of the next hop for `:iterate`. Each hop sees only what the caller may search *and* read.

use crate::binary::retain_open;
use crate::engine::{Context, stored};
use crate::masked::view;
use crate::seen::settle_order;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::{Document, Issue, Kind, Severity, TypeId};
use ward_search::entries::Term;
use ward_search::extract::Extractor;
use ward_search::groups::Groups;
use ward_search::plan::{Filter, Plan, Total};
use ward_search::query::{Include, Including, Referred};
use ward_storage::{Current, Rid, Row};

/// Included resources of one page.
pub const INCLUDED_MAX: usize = 1_000;
/// Hops of `:iterate` from the matches.
pub const HOPS_MAX: usize = 32;
/// Keys of one statement.
const KEYS_MAX: usize = 1_000;
/// Rows of each type that are asked for at first, where there are several types.
const FIRST_MAX: u32 = 100;
/// Types and keys that are asked for together.
const PLANS_MAX: usize = 24;
/// More types than this are first cut to those that have rows.
const TYPES_FEW: usize = 4;

/// What comes with a page, each once and no match among it.
pub struct Included {
    pub rows: Vec<Row>,
    /// There would have been more.
    pub cut: bool,
}

impl Included {
    /// For the page's outcome entry.
    pub fn issue(&self) -> Option<Issue> {
        let text = format!(
            "Not everything is included: a page includes {INCLUDED_MAX} resources, over {HOPS_MAX} hops, at most. \
             Ask for fewer matches with _count, or for the rest by searches of their own."
        );
        let issue = Issue::error(Kind::TooCostly, text).severity(Severity::Warning);
        self.cut.then_some(issue)
    }
}

/// Nothing comes with them.
pub(crate) fn none() -> Included {
    Included {
        rows: Vec::new(),
        cut: false,
    }
}

/// Statements: for each hop two for literal references (more when there are over a thousand), one for canonicals, and one for
/// all types that may refer to what was found (on SQLite one for each).
pub async fn of<'a>(
    cx: Context<'a>,
    extractor: &'a Extractor,
    includes: &[Include],
    matches: &[Row],
) -> Result<Included> {
    if includes.is_empty() {
        return Ok(none());
    }
    let known = matches.iter().map(|row| row.rid).collect();
    of_documents(cx, extractor, includes, documents(cx, matches)?, known).await
}

/// The same for matches that are documents already, as the caller sees them. `known`: their rows, which are not included.
pub(crate) async fn of_documents<'a>(
    cx: Context<'a>,
    extractor: &'a Extractor,
    includes: &[Include],
    mut from: Vec<Document>,
    known: HashSet<Rid>,
) -> Result<Included> {
    let mut gathering = Gathering {
        cx,
        extractor,
        known,
        included: none(),
    };
    let is_iterated = includes.iter().any(|i| i.iterate);
    for hop in 0..=HOPS_MAX {
        let asked = includes.iter().filter(|i| hop == 0 || i.iterate);
        let wanted = Wanted::of(cx, extractor, asked, &from);
        if wanted.is_empty() || gathering.included.cut {
            break;
        }
        if hop == HOPS_MAX {
            gathering.included.cut = true;
            break;
        }
        let before = gathering.included.rows.len();
        gathering.hop(wanted).await?;
        // Before the next hop: what is closed does not say what it refers to either.
        retain_open(cx, &mut gathering.included.rows).await?;
        if !is_iterated {
            break;
        }
        from = documents(cx, &gathering.included.rows[before..])?;
    }
    Ok(gathering.included)
}

/// As the caller sees them: what they do not see refers to nothing.
fn documents(cx: Context<'_>, rows: &[Row]) -> Result<Vec<Document>> {
    rows.iter().map(|row| view(cx.access, row)).collect()
}

/// What one hop asks for.
#[derive(Default)]
struct Wanted {
    resources: BTreeSet<(TypeId, String)>,
    /// With the type it must have, when the include names one.
    canonicals: BTreeSet<(Option<TypeId>, String)>,
    /// By the groups of elements that must be shown.
    referring: BTreeMap<(TypeId, Groups), BTreeSet<Term>>,
    /// What `referring` asks by, for each reverse include.
    referred: Vec<Referred>,
}

impl Wanted {
    fn of<'a>(
        cx: Context<'_>,
        extractor: &Extractor,
        includes: impl Iterator<Item = &'a Include>,
        from: &[Document],
    ) -> Wanted {
        let mut wanted = Wanted::default();
        if from.is_empty() {
            return wanted;
        }
        let nodes: Vec<_> = from.iter().map(Document::root).collect();
        for include in includes {
            for including in nodes.iter().flat_map(|n| include.targets(extractor, *n)) {
                match including {
                    Including::Resource { ty, id, .. } => drop(wanted.resources.insert((ty, id))),
                    Including::Canonical(url) => {
                        wanted.canonicals.insert((include.target, url));
                    }
                }
            }
            wanted.referred.extend(Referred::of(include, &nodes));
            for (ty, groups, terms) in include.referring(extractor, &nodes) {
                let known = wanted.referring.entry((ty, groups)).or_default();
                known.extend(terms);
            }
        }
        let may = |ty: TypeId| {
            let access = cx.access;
            access.may(ty, Action::Search) && access.may(ty, Action::Read)
        };
        wanted.resources.retain(|(ty, _)| may(*ty));
        wanted.referring.retain(|(ty, _), _| may(*ty));
        wanted
    }

    fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.canonicals.is_empty() && self.referring.is_empty()
    }
}

struct Gathering<'a> {
    cx: Context<'a>,
    extractor: &'a Extractor,
    /// Matches and what is included already.
    known: HashSet<Rid>,
    included: Included,
}

impl Gathering<'_> {
    async fn hop(&mut self, wanted: Wanted) -> Result<()> {
        self.literal(&wanted.resources).await?;
        self.canonical(&wanted.canonicals).await?;
        let mut referring = wanted.referring;
        // A wildcard names every type there is; most of them have no rows.
        if referring.len() > TYPES_FEW {
            let types: BTreeSet<TypeId> = referring.keys().map(|(ty, _)| *ty).collect();
            let types: Vec<TypeId> = types.into_iter().collect();
            let used = stored(self.cx.view.used(&types).await)?;
            referring.retain(|(ty, _), _| used.contains(ty));
        }
        self.referring(referring, &wanted.referred).await
    }

    /// The first of every type in one question, and what is beyond them type by type.
    async fn referring(
        &mut self,
        referring: BTreeMap<(TypeId, Groups), BTreeSet<Term>>,
        referred: &[Referred],
    ) -> Result<()> {
        let extractor = self.extractor;
        let cx = self.cx;
        let is_meant = |row: &Row| is_meant(cx, extractor, referred, row);
        let mut plans = Vec::new();
        for ((ty, groups), terms) in referring {
            let terms: Vec<Term> = terms.into_iter().collect();
            for terms in terms.chunks(KEYS_MAX) {
                let mut plan = self.plan(vec![ty], terms);
                if !groups.is_empty() {
                    plan.filter = Filter::And(vec![plan.filter, Filter::Shows(groups)]);
                }
                plans.push(plan);
            }
        }
        // What has an order of its own is asked for by itself.
        if plans.iter().any(|plan| !plan.sort.is_empty()) {
            for plan in &mut plans {
                self.search(plan, &is_meant).await?;
            }
            return Ok(());
        }
        if plans.len() > 1 {
            plans.iter_mut().for_each(|plan| plan.count = FIRST_MAX);
        }
        for some in plans.chunks_mut(PLANS_MAX) {
            if self.included.cut {
                break;
            }
            let pages = stored(self.cx.view.referring(self.cx.access, some).await)?;
            for (plan, page) in some.iter_mut().zip(pages) {
                let more = page.more;
                plan.after = page.next;
                let rows = page.rows.into_iter().filter(is_meant).collect();
                let rows = self.readable(rows).await?;
                rows.into_iter().for_each(|row| self.take(row));
                if more {
                    plan.count = INCLUDED_MAX as u32;
                    self.search(plan, &is_meant).await?;
                }
            }
        }
        Ok(())
    }

    async fn literal(&mut self, resources: &BTreeSet<(TypeId, String)>) -> Result<()> {
        let store = self.cx.view;
        let keys: Vec<(TypeId, &str)> = resources.iter().map(|(t, id)| (*t, id.as_str())).collect();
        for keys in keys.chunks(KEYS_MAX) {
            if self.included.cut {
                return Ok(());
            }
            let rids = stored(store.locate(keys).await)?;
            let located = keys.iter().zip(rids);
            let located: Vec<(TypeId, Rid)> = located
                .filter_map(|((ty, _), rid)| Some((*ty, rid?)))
                .filter(|(_, rid)| !self.known.contains(rid))
                .collect();
            let access = self.cx.access;
            let found = stored(store.read_many(access, Action::Search, &located).await)?;
            let rows = self
                .readable(found.into_iter().filter_map(live).collect())
                .await?;
            rows.into_iter().for_each(|row| self.take(row));
        }
        Ok(())
    }

    /// Canonical references by a search for the url; of a versioned one only that version.
    async fn canonical(&mut self, canonicals: &BTreeSet<(Option<TypeId>, String)>) -> Result<()> {
        let mut by_type: BTreeMap<Option<TypeId>, BTreeSet<&str>> = BTreeMap::new();
        for (ty, canonical) in canonicals {
            by_type.entry(*ty).or_default().insert(canonical);
        }
        for (ty, canonicals) in by_type {
            let (types, terms) = self.urls(ty, &canonicals);
            for terms in terms.chunks(KEYS_MAX).filter(|_| !types.is_empty()) {
                let cx = self.cx;
                let is_asked = |row: &Row| is_one_of(cx, row, &canonicals);
                let mut plan = self.plan(types.clone(), terms);
                self.search(&mut plan, &is_asked).await?;
            }
        }
        Ok(())
    }

    /// The types that have a canonical url and may be included, and the terms of the urls.
    fn urls(&self, only: Option<TypeId>, canonicals: &BTreeSet<&str>) -> (Vec<TypeId>, Vec<Term>) {
        let (engine, access) = (self.cx.engine, self.cx.access);
        let extractor = engine.extractor_of(access.seen());
        let mut terms = BTreeSet::new();
        let mut types = crate::capabilities::all_types();
        types.retain(|ty| {
            let seen = access.may(*ty, Action::Search) && access.may(*ty, Action::Read);
            let parameter = extractor.registry().find(*ty, "url");
            let parameter = parameter.filter(|p| p.is_served());
            let is_asked = seen && only.is_none_or(|o| o == *ty) && parameter.is_some();
            if is_asked {
                let urls = canonicals.iter().map(|c| c.split('|').next().unwrap_or(c));
                terms.extend(urls.flat_map(|url| crate::search::url_terms(self.cx, *ty, url)));
            }
            is_asked
        });
        (types, terms.into_iter().collect())
    }

    /// For what has one of the terms.
    fn plan(&self, types: Vec<TypeId>, terms: &[Term]) -> Plan {
        let mut plan = of_terms(types, terms);
        settle_order(self.cx, &mut plan);
        plan
    }

    /// Takes what a plan asks for, page by page until there is no room.
    async fn search(&mut self, plan: &mut Plan, is_asked: &dyn Fn(&Row) -> bool) -> Result<()> {
        while !self.included.cut {
            let page = stored(self.cx.view.search(self.cx.access, plan).await)?;
            plan.after = page.next;
            let rows = page.rows.into_iter().filter(|row| is_asked(row)).collect();
            let rows = self.readable(rows).await?;
            rows.into_iter().for_each(|row| self.take(row));
            if !page.more {
                break;
            }
        }
        Ok(())
    }

    /// Of rows that the caller may search, those that they may also read; a statement only where the two differ.
    async fn readable(&self, rows: Vec<Row>) -> Result<Vec<Row>> {
        let access = self.cx.access;
        let differs =
            |row: &Row| access.sight(row.ty, Action::Read) != access.sight(row.ty, Action::Search);
        let keys: Vec<(TypeId, Rid)> = rows
            .iter()
            .filter(|row| differs(row))
            .map(|row| (row.ty, row.rid))
            .collect();
        if keys.is_empty() {
            return Ok(rows);
        }
        let store = self.cx.view;
        let found = stored(store.read_many(access, Action::Read, &keys).await)?;
        let read: HashSet<Rid> = found.into_iter().filter_map(live).map(|r| r.rid).collect();
        let kept = |row: &Row| !differs(row) || read.contains(&row.rid);
        Ok(rows.into_iter().filter(kept).collect())
    }

    fn take(&mut self, row: Row) {
        if self.included.cut || !self.known.insert(row.rid) {
            return;
        }
        if self.included.rows.len() == INCLUDED_MAX {
            self.included.cut = true;
        } else {
            self.included.rows.push(row);
        }
    }
}

fn of_terms(types: Vec<TypeId>, terms: &[Term]) -> Plan {
    Plan {
        types,
        filter: Filter::AnyTerm(terms.to_vec()),
        sort: Vec::new(),
        count: INCLUDED_MAX as u32,
        total: Total::None,
        after: None,
    }
}

fn live(current: Current) -> Option<Row> {
    match current {
        Current::Live(row) => Some(row),
        Current::Deleted(_) | Current::Absent => None,
    }
}

/// Whether a resource that refers to something refers to what was asked by, and not to another version of it.
fn is_meant(cx: Context<'_>, extractor: &Extractor, referred: &[Referred], row: &Row) -> bool {
    if !referred.iter().any(|r| r.concerns(extractor, row.ty)) {
        return true;
    }
    let Ok(document) = view(cx.access, row) else {
        return false;
    };
    let root = document.root();
    referred.iter().any(|r| r.is_meant_by(extractor, root))
}

/// Whether the resource's url, alone or with its version, is among the canonicals.
fn is_one_of(cx: Context<'_>, row: &Row, canonicals: &BTreeSet<&str>) -> bool {
    let Ok(document) = view(cx.access, row) else {
        return false;
    };
    let root = document.root();
    let Some(url) = root.text("url") else {
        return false;
    };
    let version = root.text("version").unwrap_or_default();
    canonicals.contains(url) || canonicals.contains(format!("{url}|{version}").as_str())
}
