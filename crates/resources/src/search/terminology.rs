//! Value sets and code systems for `:in`, `:not-in`, `:above` and `:below`: those of R4, and beside them ValueSet and CodeSystem
//! resources that the caller may search and read. <https://hl7.org/fhir/R4/search.html#modifiers>
//!
//! The embedded ones come first: nobody changes by a write what a code of FHIR means. What a stored one says is kept per version.

mod content;

use self::content::{Content, Part};
use crate::document::reread;
use crate::engine::{Context, stored};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use ward_access::Action;
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_search::plan::{Filter, Plan, Total};
use ward_search::query::TERMS_MAX;
use ward_search::terminology::{Embedded, Terminology, Unknown};
use ward_storage::{Current, Rid, Row};

/// Rounds of reading what the value sets read before draw from; also how deep they may import one another.
const ROUNDS_MAX: usize = 4;
/// Value sets and code systems of one round.
const READ_MAX: usize = 100;
/// Versions whose content is kept.
const KEPT_MAX: usize = 256;

/// What a query may ask for, read before it is parsed.
pub(crate) struct Known {
    contents: HashMap<String, Arc<Content>>,
}

/// Reads what the query names and the embedded definitions do not answer.
pub(crate) async fn of(cx: Context<'_>, pairs: &[(String, String)]) -> Result<Known> {
    let mut known = Known {
        contents: HashMap::new(),
    };
    let mut asked: BTreeSet<String> = pairs.iter().flat_map(|(n, v)| named(n, v)).collect();
    for _ in 0..ROUNDS_MAX {
        asked.retain(|name| !known.contents.contains_key(name));
        if asked.is_empty() {
            break;
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

/// Value sets and code systems that a criterion names and that are not embedded.
fn named(name: &str, value: &str) -> Vec<String> {
    let modifier = name.rsplit(':').next().unwrap_or_default();
    let found: Vec<&str> = match modifier {
        "in" | "not-in" => value.split(',').collect(),
        "above" | "below" => value.split(',').filter_map(system).collect(),
        "_filter" => {
            let words: Vec<&str> = value.split([' ', '(', ')', '"']).collect();
            let pairs = words.windows(2);
            let asked = pairs.filter_map(|pair| match pair[0] {
                "in" | "ni" => Some(pair[1]),
                "ss" | "sb" => system(pair[1]),
                _ => None,
            });
            asked.collect()
        }
        _ => Vec::new(),
    };
    let is_embedded = |name: &str| Embedded.expand(name).is_ok();
    let asked = found
        .into_iter()
        .filter(|n| !n.is_empty() && !is_embedded(n));
    asked.map(str::to_owned).collect()
}

fn system(value: &str) -> Option<&str> {
    value.split_once('|').map(|(system, _)| system)
}

/// The resources behind `url`, `url|version` and `ValueSet/id`; of several with one url the newest. One or two statements.
async fn read(cx: Context<'_>, names: &BTreeSet<String>) -> Result<Vec<(String, Arc<Content>)>> {
    let mut found = Vec::new();
    let mut urls = Vec::new();
    for name in names.iter().take(READ_MAX) {
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
    for (name, row) in best {
        found.push((name.to_owned(), content(cx, &row)?));
    }
    Ok(found)
}

async fn by_id(cx: Context<'_>, id: &str) -> Result<Option<Row>> {
    let ty = r4().resource_type("ValueSet").unwrap_or(TypeId(u16::MAX));
    match crate::read::current(cx, Action::Read, ty, id).await? {
        Current::Live(row) => Ok(Some(row)),
        Current::Deleted(_) | Current::Absent => Ok(None),
    }
}

async fn by_url(cx: Context<'_>, urls: &[&str]) -> Result<Vec<Row>> {
    let (engine, access) = (cx.engine, cx.access);
    let mut terms = BTreeSet::new();
    let mut types = Vec::new();
    for name in ["ValueSet", "CodeSystem"] {
        let ty = r4().resource_type(name).unwrap_or(TypeId(u16::MAX));
        if access.may(ty, Action::Search) && access.may(ty, Action::Read) {
            let bare = urls.iter().map(|u| u.split('|').next().unwrap_or(u));
            terms.extend(bare.flat_map(|url| crate::search::url_terms(cx, ty, url)));
            types.push(ty);
        }
    }
    if types.is_empty() || urls.is_empty() {
        return Ok(Vec::new());
    }
    let plan = Plan {
        types,
        filter: Filter::AnyTerm(terms.into_iter().collect()),
        sort: Vec::new(),
        count: READ_MAX as u32,
        total: Total::None,
        after: None,
    };
    Ok(stored(engine.store.search(access, &plan).await)?.rows)
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
            (Err(_), Some(content)) => content.ancestors(code).ok_or(Unknown::Code),
            (embedded, _) => embedded,
        }
    }

    fn descendants(&self, system: &str, code: &str) -> std::result::Result<Vec<String>, Unknown> {
        match (
            Embedded.descendants(system, code),
            self.contents.get(system),
        ) {
            (Err(_), Some(content)) => content.descendants(code).ok_or(Unknown::Code),
            (embedded, _) => embedded,
        }
    }
}

type Codes = BTreeSet<(String, String)>;

impl Known {
    /// Of a stored value set. Recursion: `ROUNDS_MAX` imports.
    fn codes(&self, name: &str, depth: usize) -> std::result::Result<Codes, Unknown> {
        let content = match self.contents.get(name) {
            Some(content) if depth < ROUNDS_MAX => content,
            _ => return Ok(Embedded.expand(name)?.into_iter().collect()),
        };
        let Content::Set { include, exclude } = content.as_ref() else {
            return Err(Unknown::Absent);
        };
        let mut codes = Codes::new();
        for part in include {
            codes.extend(self.part(part, depth)?);
        }
        for part in exclude {
            for code in self.part(part, depth)? {
                codes.remove(&code);
            }
        }
        if codes.len() > TERMS_MAX {
            return Err(Unknown::TooMany);
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
                Some(codes) => codes.intersection(&imported).cloned().collect(),
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
            let content = self.contents.get(system).ok_or(Unknown::Open)?;
            return Ok(of(content.all().ok_or(Unknown::Open)?));
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
                Some(codes) => codes.intersection(&found).cloned().collect(),
            });
        }
        Ok(codes.unwrap_or_default())
    }
}
