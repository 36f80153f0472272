//! What carries labels to the resources of a unit, read under maintenance: only labels go on from here.
//!
//! In a record whose policy has version 0 nothing carries labels: whoever stores the first label there raises it, and so does
//! whoever changes later what a resource gives. So what is at home in the same record is compared at the commit by the version
//! that the write names (`Write::policy`), without a look at it; anything else by `Guard::Unchanged`.

use super::draft::{By, Draft};
use super::known_labels::Gives;
use super::labels::places;
use crate::document::reread;
use crate::engine::{Engine, stored};
use crate::place::patient_type;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use ward_access::{Action, Compartments, Maintenance, maintenance};
use ward_consent::labels::{Amount, Labels, Neighbour, gives_named, takes_named, takes_referring};
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::{Document, Node, TypeId};
use ward_search::plan::{Plan, Total};
use ward_search::query::Options;
use ward_search::terminology::Embedded;
use ward_storage::{Current, Guard, Rid, Row};

/// Resources that are read by one statement.
const READ_AT_ONCE: usize = 500;
/// Of resources that name a new one, so many at once; and of the values of one question.
const FOUND_AT_ONCE: u32 = 200;
const NAMED_AT_ONCE: usize = 100;
/// Bits of a row id that are those of its home.
const SHARD: Rid = 0xfff;

/// A resource whose neighbours are asked for.
pub(crate) struct Asked<'a> {
    pub node: Node<'a>,
    /// The version that it replaces: what that names has carried already.
    pub before: Option<Node<'a>>,
    pub home: Rid,
    /// `Type/id`
    pub identity: String,
    /// Others may name it, of whom it has heard nothing.
    pub is_found: bool,
}

impl<'a> Asked<'a> {
    pub fn of(draft: &Draft<'a>, before: Option<&'a Document>) -> Asked<'a> {
        let is_anew = draft.by == By::Service;
        let ty = draft.identity.ty;
        Asked {
            node: draft.node,
            before: before.map(Document::root).filter(|_| !is_anew),
            home: draft.placement.home().unwrap_or(0),
            identity: crate::link::identity(ty, &draft.identity.id),
            is_found: is_anew || draft.fills_a_gap(),
        }
    }
}

/// What stored resources carry to each, and which of the unit carry to which.
pub(crate) struct Carried {
    pub labels: Vec<Labels>,
    /// From, to.
    pub within: Vec<(usize, usize, Amount)>,
    pub guards: Vec<Guard>,
}

/// A stored resource that one of the unit names.
struct Wanted {
    at: usize,
    ty: TypeId,
    id: String,
    amount: Amount,
}

/// Versions of policies of the records that a unit writes to, as this process knew them before it read anything else.
pub(crate) type Versions = HashMap<Rid, i64>;

pub(crate) async fn carried(
    engine: &Engine,
    asked: &[Asked<'_>],
    versions: &Versions,
) -> Result<Carried> {
    let own = places(asked);
    let mut carried = Carried {
        labels: vec![Labels::none(); asked.len()],
        within: Vec::new(),
        guards: Vec::new(),
    };
    let (mut wanted, mut canonicals) = (Vec::new(), Vec::new());
    for (at, one) in asked.iter().enumerate() {
        gives_within(engine, one, at, &own, &mut carried.within);
        if engine.label_rules().is_catalog(one.node.ty()) {
            continue;
        }
        let known = one.before.map(takes_named).unwrap_or_default();
        for neighbour in takes_named(one.node).difference(&known) {
            let Neighbour::Named { text, amount, .. } = neighbour else {
                continue;
            };
            match target(engine, text) {
                Some((ty, id)) => match own.get(&crate::link::identity(ty, id)) {
                    Some(from) => carried.within.push((*from, at, *amount)),
                    None => wanted.push(Wanted {
                        at,
                        ty,
                        id: id.to_owned(),
                        amount: *amount,
                    }),
                },
                None if is_canonical(one.node, text) => {
                    let url = text.split('|').next().unwrap_or_default();
                    let of = asked
                        .iter()
                        .enumerate()
                        .filter(|(_, a)| is_named_by(a.node, url));
                    carried
                        .within
                        .extend(of.map(|(from, _)| (from, at, *amount)));
                    canonicals.push((at, url, *amount));
                }
                None => {}
            }
        }
    }
    named(engine, (asked, versions), wanted, &mut carried).await?;
    by_url(engine, canonicals, &mut carried).await?;
    referring(engine, (asked, versions), &mut carried).await?;
    Ok(carried)
}

/// Which of the unit a resource of it gives labels to because it names them.
fn gives_within(
    engine: &Engine,
    one: &Asked<'_>,
    at: usize,
    own: &HashMap<String, usize>,
    within: &mut Vec<(usize, usize, Amount)>,
) {
    for neighbour in gives_named(one.node) {
        if let Neighbour::Named { text, amount, .. } = neighbour
            && let Some((ty, id)) = target(engine, text)
            && let Some(to) = own.get(&crate::link::identity(ty, id))
        {
            within.push((at, *to, amount));
        }
    }
}

/// The resource of this server that a reference or the URL of an attachment names.
pub(crate) fn target<'t>(engine: &Engine, text: &'t str) -> Option<(TypeId, &'t str)> {
    match reference::parse(text, Some(&engine.settings.base))? {
        Reference::Local { ty, id, .. } => Some((ty, id)),
        _ => None,
    }
}

/// `QuestionnaireResponse.questionnaire` is the only element of its kind that carries labels.
fn is_canonical(node: Node<'_>, text: &str) -> bool {
    node.type_name() == "QuestionnaireResponse"
        && matches!(
            reference::parse(text, None),
            Some(Reference::Absolute { .. } | Reference::Urn(_))
        )
}

fn is_named_by(node: Node<'_>, url: &str) -> bool {
    node.type_name() == "Questionnaire" && node.text("url") == Some(url)
}

/// What the unit names by reference.
async fn named(
    engine: &Engine,
    (asked, versions): (&[Asked<'_>], &Versions),
    wanted: Vec<Wanted>,
    carried: &mut Carried,
) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let keys: Vec<(TypeId, &str)> = wanted.iter().map(|w| (w.ty, w.id.as_str())).collect();
    let rids = stored(engine.store.locate(&keys).await)?;
    let mut found: BTreeMap<Rid, Arc<Gives>> = BTreeMap::new();
    let mut unread: BTreeSet<(TypeId, Rid)> = BTreeSet::new();
    let mut asked_for = Vec::with_capacity(wanted.len());
    for (wanted, rid) in wanted.iter().zip(rids) {
        let home = asked[wanted.at].home;
        let Some(rid) = rid.filter(|rid| !is_silent(engine, (home, versions), wanted.ty, *rid))
        else {
            continue;
        };
        asked_for.push((wanted, rid));
        match engine.known_labels.get(rid, versions) {
            Some(gives) => drop(found.insert(rid, gives)),
            None => drop(unread.insert((wanted.ty, rid))),
        }
    }
    let unread = Vec::from_iter(unread);
    for keys in unread.chunks(READ_AT_ONCE) {
        read(engine, keys, versions, &mut found).await?;
    }
    for (wanted, rid) in asked_for {
        let Some(gives) = found.get(&rid) else {
            continue;
        };
        let home = asked[wanted.at].home;
        take(&mut carried.labels[wanted.at], gives.amount(wanted.amount));
        guard(&mut carried.guards, gives, wanted.ty, rid, home);
    }
    Ok(())
}

/// Whether what stands in this row gives nothing, by what is known of the record that it lies in: the one that the resource lies in, too.
fn is_silent(engine: &Engine, (home, versions): (Rid, &Versions), ty: TypeId, rid: Rid) -> bool {
    let is_of_a_record = ty == patient_type() || Compartments::r4().is_member(ty);
    is_of_a_record && rid & SHARD == home & SHARD && is_quiet(engine, home, versions)
}

/// Whether nothing at home in the record carries labels.
fn is_quiet(engine: &Engine, home: Rid, versions: &Versions) -> bool {
    home != 0 && versions.get(&home) == Some(&0) && engine.labels_are_complete()
}

async fn read(
    engine: &Engine,
    keys: &[(TypeId, Rid)],
    versions: &Versions,
    found: &mut BTreeMap<Rid, Arc<Gives>>,
) -> Result<()> {
    let access = maintenance(Maintenance::Labels);
    let rows = engine.store.read_many(&access, Action::Read, keys);
    for current in stored(rows.await)? {
        if let Current::Live(row) = current {
            let gives = Arc::new(Gives::of(engine, &row, versions)?);
            engine.known_labels.keep(row.rid, gives.clone());
            found.insert(row.rid, gives);
        }
    }
    Ok(())
}

fn take(carried: &mut Labels, given: &Labels) {
    if !given.is_empty() {
        *carried = std::mem::take(carried).union(given);
    }
}

fn guard(guards: &mut Vec<Guard>, gives: &Gives, ty: TypeId, rid: Rid, home: Rid) {
    let is_there =
        |guard: &Guard| matches!(guard, Guard::Unchanged { rid: known, .. } if *known == rid);
    if (home == 0 || gives.home != home) && !guards.iter().any(is_there) {
        guards.push(Guard::Unchanged {
            ty,
            rid,
            version: gives.version,
        });
    }
}

/// What the unit names by a canonical URL.
async fn by_url(
    engine: &Engine,
    canonicals: Vec<(usize, &str, Amount)>,
    carried: &mut Carried,
) -> Result<()> {
    let Some(ty) = r4().resource_type("Questionnaire") else {
        return Ok(());
    };
    for (at, url, amount) in canonicals {
        for row in search(engine, ty, "url", &[escaped(url)], |row| row).await? {
            let gives = Gives::of(engine, &row, &Versions::new())?;
            take(&mut carried.labels[at], gives.amount(amount));
            guard(&mut carried.guards, &gives, ty, row.rid, 0);
        }
    }
    Ok(())
}

/// What names resources of the unit that were not there until now, by the parameters that R4 has for it: what R4 has none for
/// gives its labels when it is written the next time.
async fn referring(
    engine: &Engine,
    (asked, versions): (&[Asked<'_>], &Versions),
    carried: &mut Carried,
) -> Result<()> {
    let mut groups: BTreeMap<(TypeId, &str), BTreeMap<&str, usize>> = BTreeMap::new();
    for (at, one) in asked.iter().enumerate() {
        let ty = one.node.ty();
        if !one.is_found || engine.label_rules().is_catalog(ty) {
            continue;
        }
        let is_quiet = is_quiet(engine, one.home, versions);
        for neighbour in takes_referring(ty) {
            if let Neighbour::Referring {
                ty,
                parameter: Some(parameter),
                ..
            } = neighbour
                && !(is_quiet && Compartments::r4().is_member(ty))
            {
                let group = groups.entry((ty, parameter)).or_default();
                group.insert(&one.identity, at);
            }
        }
    }
    for ((ty, parameter), of) in groups {
        let identities: Vec<String> = of.keys().map(|id| (*id).to_owned()).collect();
        for some in identities.chunks(NAMED_AT_ONCE) {
            for row in search(engine, ty, parameter, some, |row| row).await? {
                let document = reread(&row.body)?;
                let gives = Gives::of(engine, &row, versions)?;
                for neighbour in gives_named(document.root()) {
                    if let Neighbour::Named { text, amount, .. } = neighbour
                        && let Some((ty, id)) = target(engine, text)
                        && let Some(at) = of.get(crate::link::identity(ty, id).as_str())
                    {
                        take(&mut carried.labels[*at], gives.amount(amount));
                    }
                }
            }
        }
    }
    Ok(())
}

/// All resources of a type that have one of the values.
pub(super) async fn search<T>(
    engine: &Engine,
    ty: TypeId,
    parameter: &str,
    values: &[String],
    keep: impl Fn(Row) -> T,
) -> Result<Vec<T>> {
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: FOUND_AT_ONCE,
        count_max: FOUND_AT_ONCE,
        terminology: &Embedded,
    };
    let pairs = [(parameter, values.join(","))];
    let (plan, _) = ward_search::query::parse(&engine.extractor, &[ty], &pairs, &options)?;
    let mut plan = Plan {
        total: Total::None,
        sort: vec![ward_search::plan::SortKey::Id { descending: false }],
        ..plan
    };
    let access = maintenance(Maintenance::Labels);
    let mut rows = Vec::new();
    loop {
        let page = stored(engine.store.search(&access, &plan).await)?;
        rows.extend(page.rows.into_iter().map(&keep));
        plan.after = page.next;
        if !page.more || plan.after.is_none() {
            return Ok(rows);
        }
    }
}

/// A value of a query, in which some characters part values.
pub(super) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | ',' | '$' | '|') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// What must be as it was read.
pub(super) fn rests_on(guards: &[Guard]) -> Vec<Rid> {
    let rid = |guard: &Guard| match guard {
        Guard::Unchanged { rid, .. } => Some(*rid),
        _ => None,
    };
    guards.iter().filter_map(rid).collect()
}
