//! Value sets and code systems for `:in`, `:not-in`, `:above` and `:below`: those of R4, and beside them ValueSet and CodeSystem
//! resources that the caller may search and read. <https://hl7.org/fhir/R4/search.html#modifiers>
//!
//! The embedded ones come first: nobody changes by a write what a code of FHIR means. What a stored one says is kept per version.

mod asked;
mod content;

use self::content::{Content, Part};
use crate::document::reread;
use crate::engine::{Context, stored};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::extract::Extractor;
use ward_search::normal::lower_case;
use ward_search::plan::{Filter, Plan, Total};
use ward_search::query::{Options, TERMS_MAX};
use ward_search::terminology::{Embedded, Terminology, Unknown};
use ward_storage::{Current, Rid, Row};

/// Rounds of reading what the value sets read before draw from; also how deep they may import one another.
const ROUNDS_MAX: usize = 4;
/// Value sets and code systems that one query may draw on.
const NAMES_MAX: usize = 200;
/// Versions of them in one statement, and of those that one round reads.
const ROWS_PER_STEP: u32 = 100;
const ROWS_MAX: usize = 2_000;
/// Versions whose content is kept.
const KEPT_MAX: usize = 256;

/// What a query may ask for, read before it is parsed.
pub(crate) struct Known {
    contents: HashMap<String, Arc<Content>>,
}

/// Reads what the query asks for and the embedded definitions do not answer.
///
/// Errors: `TooCostly` for more than 200 value sets and code systems, or 2,000 resources with their URLs.
pub(crate) async fn of(
    cx: Context<'_>,
    extractor: &Extractor,
    types: &[TypeId],
    pairs: &[(String, String)],
    options: Options<'_>,
) -> Result<Known> {
    let mut known = Known {
        contents: HashMap::new(),
    };
    let mut asked = asked::names(extractor, types, pairs, options);
    for _ in 0..ROUNDS_MAX {
        asked.retain(|name| !known.contents.contains_key(name));
        if asked.is_empty() {
            break;
        }
        if known.contents.len() + asked.len() > NAMES_MAX {
            return Err(too_many());
        }
        let mut next = BTreeSet::new();
        for (name, content) in read(cx, &asked).await? {
            next.extend(content.needs().map(str::to_owned));
            known.contents.insert(name, content);
        }
        asked = next;
    }
    Ok(known)
}

/// The resources behind `url`, `url|version` and `ValueSet/id`, relative or under our own base; of several with one url the newest. One or two statements, and
/// further ones for every 100 resources with one of the URLs.
async fn read(cx: Context<'_>, names: &BTreeSet<String>) -> Result<Vec<(String, Arc<Content>)>> {
    let mut found = Vec::new();
    let mut urls = Vec::new();
    for name in names {
        match name.strip_prefix("ValueSet/") {
            Some(id) => {
                let row = by_id(cx, id).await?;
                found.extend(
                    row.map(|row| content(cx, &row))
                        .transpose()?
                        .map(|c| (name.clone(), c)),
                );
            }
            None => urls.push(name.as_str()),
        }
    }
    let mut best: HashMap<&str, Row> = HashMap::new();
    for row in by_url(cx, &urls).await? {
        let document = reread(&row.body)?;
        let root = document.root();
        let (url, version) = (root.text("url"), root.text("version").unwrap_or_default());
        for name in &urls {
            let (asked, asked_version) = name.split_once('|').unwrap_or((name, version));
            let newer = best.get(name).is_none_or(|b| b.updated_us < row.updated_us);
            if url == Some(asked) && version == asked_version && newer {
                best.insert(*name, row.clone());
            }
        }
    }
    let by_url: BTreeSet<&str> = best.keys().copied().collect();
    for name in urls.iter().filter(|name| !by_url.contains(*name)) {
        // No canonical of anything: it may say where one is stored.
        let own = name.strip_prefix(cx.engine.settings.base.as_str());
        if let Some(id) = own.and_then(|path| path.strip_prefix("/ValueSet/"))
            && let Some(row) = by_id(cx, id).await?
        {
            found.push(((*name).to_owned(), content(cx, &row)?));
        }
    }
    for (name, row) in best {
        found.push((name.to_owned(), content(cx, &row)?));
    }
    Ok(found)
}

async fn by_id(cx: Context<'_>, id: &str) -> Result<Option<Row>> {
    let ty = r4().resource_type("ValueSet").unwrap_or(TypeId(u16::MAX));
    if cx.access.elements(ty).is_some() {
        return Ok(None);
    }
    match crate::read::current(cx, Action::Read, ty, id).await? {
        Current::Live(row) => Ok(Some(row)),
        Current::Deleted(_) | Current::Absent => Ok(None),
    }
}

async fn by_url(cx: Context<'_>, urls: &[&str]) -> Result<Vec<Row>> {
    let access = cx.access;
    let mut terms = BTreeSet::new();
    let mut types = Vec::new();
    for name in ["ValueSet", "CodeSystem"] {
        let ty = r4().resource_type(name).unwrap_or(TypeId(u16::MAX));
        // One that is seen in part is none: what is kept of it is the whole.
        let is_seen = access.elements(ty).is_none();
        if is_seen && access.may(ty, Action::Search) && access.may(ty, Action::Read) {
            let bare = urls.iter().map(|u| u.split('|').next().unwrap_or(u));
            terms.extend(bare.flat_map(|url| crate::search::url_terms(cx, ty, url)));
            types.push(ty);
        }
    }
    if types.is_empty() || urls.is_empty() {
        return Ok(Vec::new());
    }
    let mut plan = Plan {
        types,
        filter: Filter::AnyTerm(terms.into_iter().collect()),
        sort: Vec::new(),
        count: ROWS_PER_STEP,
        total: Total::None,
        after: None,
    };
    let mut rows = Vec::new();
    loop {
        let page = stored(cx.view.search(access, &plan).await)?;
        rows.extend(page.rows);
        if !page.more {
            return Ok(rows);
        }
        if rows.len() >= ROWS_MAX {
            return Err(too_many());
        }
        plan.after = page.next;
    }
}

fn too_many() -> Failure {
    let text = format!(
        "the query draws on more than {NAMES_MAX} value sets and code systems, or {ROWS_MAX} resources have their URLs; \
         ask for fewer at a time"
    );
    Failure::new(Kind::TooCostly, text)
}

/// What versions say, read once while they are kept.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<Version, Arc<Content>>>);

/// Row, version, and when it was made (microseconds).
type Version = (Rid, u32, i64);

fn content(cx: Context<'_>, row: &Row) -> Result<Arc<Content>> {
    let key = (row.rid, row.version, row.updated_us);
    let kept = &cx.engine.terminology.0;
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(content) = kept.get(&key) {
        return Ok(content.clone());
    }
    let content = Arc::new(Content::read(reread(&row.body)?.root()));
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
    kept.insert(key, content.clone());
    Ok(content)
}

impl Terminology for Known {
    fn expand(&self, value_set: &str) -> std::result::Result<Vec<(String, String)>, Unknown> {
        match Embedded.expand(value_set) {
            Ok(codes) => Ok(codes),
            Err(refusal) if !self.contents.contains_key(value_set) => Err(refusal),
            Err(_) => Ok(self.codes(value_set, 0)?.into_iter().collect()),
        }
    }

    fn ancestors(&self, system: &str, code: &str) -> std::result::Result<Vec<String>, Unknown> {
        match (Embedded.ancestors(system, code), self.contents.get(system)) {
            (Err(_), Some(content)) => content.ancestors(system, code).ok_or(Unknown::Code),
            (embedded, _) => embedded,
        }
    }

    fn descendants(&self, system: &str, code: &str) -> std::result::Result<Vec<String>, Unknown> {
        match (
            Embedded.descendants(system, code),
            self.contents.get(system),
        ) {
            (Err(_), Some(content)) => content.descendants(system, code).ok_or(Unknown::Code),
            (embedded, _) => embedded,
        }
    }
}

type Codes = BTreeSet<(String, String)>;

/// By what a code is the same as another: systems take account of case or not.
fn key((system, code): &(String, String)) -> (String, String) {
    let code = match r4().is_case_sensitive(system) {
        true => Cow::Borrowed(code.as_str()),
        false => lower_case(code),
    };
    (system.clone(), code.into_owned())
}

fn keys(codes: &Codes) -> Codes {
    codes.iter().map(key).collect()
}

/// Those that are among the others.
fn common(mut codes: Codes, others: &Codes) -> Codes {
    let others = keys(others);
    codes.retain(|code| others.contains(&key(code)));
    codes
}

impl Known {
    /// Of a stored value set. Recursion: `ROUNDS_MAX` imports.
    fn codes(&self, name: &str, depth: usize) -> std::result::Result<Codes, Unknown> {
        let content = match self.contents.get(name) {
            Some(content) if depth < ROUNDS_MAX => content,
            _ => return Ok(Embedded.expand(name)?.into_iter().collect()),
        };
        let Content::Set {
            include,
            exclude,
            expansion,
        } = content.as_ref()
        else {
            return Err(Unknown::Absent);
        };
        let composed = match (include.is_empty(), expansion) {
            (true, Some(expansion)) => Ok(expansion.clone()),
            _ => self.composed(include, exclude, depth),
        };
        // What cannot be computed here, somebody else has: R4 gives the expansion for that.
        let codes = match (composed, expansion) {
            (Err(Unknown::Open | Unknown::Absent), Some(expansion)) => expansion.clone(),
            (composed, _) => composed?,
        };
        if codes.len() > TERMS_MAX {
            return Err(Unknown::TooMany);
        }
        Ok(codes)
    }

    fn composed(
        &self,
        include: &[Part],
        exclude: &[Part],
        depth: usize,
    ) -> std::result::Result<Codes, Unknown> {
        let mut codes = Codes::new();
        for part in include {
            codes.extend(self.part(part, depth)?);
        }
        for part in exclude {
            let excluded = keys(&self.part(part, depth)?);
            codes.retain(|code| !excluded.contains(&key(code)));
        }
        Ok(codes)
    }

    /// A part is what its system's codes and all its imports have in common.
    fn part(&self, part: &Part, depth: usize) -> std::result::Result<Codes, Unknown> {
        let mut codes = match &part.system {
            Some(system) => Some(self.of_system(system, part)?),
            None => None,
        };
        for import in &part.imports {
            let imported = self.codes(import, depth + 1)?;
            codes = Some(match codes {
                None => imported,
                Some(codes) => common(codes, &imported),
            });
        }
        Ok(codes.unwrap_or_default())
    }

    fn of_system(&self, system: &str, part: &Part) -> std::result::Result<Codes, Unknown> {
        let of = |codes: Vec<String>| -> Codes {
            codes.into_iter().map(|c| (system.to_owned(), c)).collect()
        };
        if !part.codes.is_empty() {
            return Ok(of(part.codes.clone()));
        }
        if part.filters.is_empty() {
            let stored = || self.contents.get(system).and_then(|content| content.all());
            let all = Embedded.all_of(system).ok().or_else(stored);
            return Ok(of(all.ok_or(Unknown::Open)?));
        }
        let mut codes: Option<Codes> = None;
        for (operator, code) in &part.filters {
            let mut found = of(self.descendants(system, code)?);
            match operator.as_str() {
                "is-a" => drop(found.insert((system.to_owned(), code.clone()))),
                "descendent-of" => {}
                _ => return Err(Unknown::Open),
            }
            codes = Some(match codes {
                None => found,
                Some(codes) => common(codes, &found),
            });
        }
        Ok(codes.unwrap_or_default())
    }
}
