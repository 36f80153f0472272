//! What the log's index knows of a criterion: contexts, who acted, whom and what it was about, when. True of at least every event that
//! meets it; the event itself decides. <https://hl7.org/fhir/R4/auditevent.html#search>

use super::contexts::Left;
use super::event::Event;
use crate::engine::{Context, stored};
use crate::place::patient_type;
use crate::search::apart::{Apart, Criterion};
use std::collections::{BTreeSet, HashSet};
use ward_audit::Record;
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::reference::{Reference, is_id, parse};
use ward_fhir::schema::r4;
use ward_search::plan::{DateTest, Filter, Prefix};
use ward_storage::audit_row::ANYTHING;
use ward_storage::sent::{self, NEAR_US};
use ward_storage::{RecordQuestion, Rid};

/// Questions that one search is made of, at most; what would make more of them is left to the events.
const BRANCHES_MAX: usize = 16;
/// Rows and persons that one criterion may name, to be asked for by the index.
const NAMED_MAX: usize = 1_000;
/// `recorded` is written in milliseconds.
const SHOWN_US: i64 = 1_000;

/// Events that meet any of these questions, and what is known of them besides.
pub(super) struct Narrowed {
    pub branches: Vec<RecordQuestion>,
    /// Those of them that other systems sent, of which nothing but they themselves decides.
    pub sent: Vec<RecordQuestion>,
    /// Contexts of which an event may be.
    pub contexts: Left,
    /// The ids that the search names, where it does.
    pub ids: Option<BTreeSet<String>>,
    /// The index proposes few Records besides those that match.
    pub is_close: bool,
    /// The index decides all of it for what this server wrote, and each Record with all of its events: they are counted by it.
    pub is_exact: bool,
    /// Contexts of what other systems sent.
    pub foreign: Vec<i64>,
    /// Of each criterion about whom or what it was, all of its ways.
    asked: Vec<Named>,
}

/// Whatever meets a criterion has one of these.
#[derive(Default)]
struct Named {
    actors: HashSet<i64>,
    rows: HashSet<Rid>,
    contexts: HashSet<i64>,
}

/// One of the ways in which a criterion may be met.
#[derive(Clone, Default)]
struct Way {
    actors: Vec<i64>,
    /// Of patients, and of whatever it was about.
    rows: Vec<Rid>,
    contexts: Vec<i64>,
}

/// `own`: patients to whom the caller is bound, none: they are not.
pub(super) async fn narrowed(
    cx: Context<'_>,
    apart: &Apart,
    own: Option<&[Rid]>,
) -> Result<Narrowed> {
    let contexts = &cx.engine.audit_contexts;
    contexts.refresh(cx).await?;
    let mut narrowed = Narrowed {
        branches: vec![RecordQuestion::default()],
        sent: Vec::new(),
        contexts: Left::Every,
        ids: None,
        is_close: true,
        is_exact: own.is_none(),
        foreign: contexts.foreign(),
        asked: Vec::new(),
    };
    if let Some(own) = own {
        narrowed.and(vec![Way {
            rows: match own.is_empty() {
                // No row has it.
                true => vec![0],
                false => own.to_vec(),
            },
            ..Way::default()
        }]);
    }
    let (mut recorded, mut updated) = ((None, None), (None, None));
    for criterion in &apart.criteria {
        let is_decided = match Kind::of(criterion) {
            Kind::Context(is_exact) => {
                narrowed.contexts = narrowed.contexts.and(met(cx, apart, criterion));
                is_exact
            }
            Kind::Time => {
                let (range, is_exact) = range(&criterion.filter);
                match criterion.filter {
                    Filter::Updated(_) => narrow(&mut updated, range),
                    _ => narrow(&mut recorded, range),
                }
                is_exact
            }
            Kind::Ids => false,
            Kind::Reference(code) => {
                match ways(cx, apart, code, criterion).await? {
                    Some(ways) => {
                        narrowed.asked.push(Named::of(&ways));
                        narrowed.and(ways);
                    }
                    None => narrowed.is_close = false,
                }
                false
            }
            Kind::Event => {
                narrowed.is_close = false;
                false
            }
        };
        narrowed.is_exact &= is_decided;
        if let Some(ids) = &criterion.ids {
            narrowed.ids = Some(match narrowed.ids.take() {
                None => ids.clone(),
                Some(before) => before.intersection(ids).cloned().collect(),
            });
        }
    }
    let is_dated = recorded != (None, None);
    let names = sent::names_between(recorded.0, recorded.1);
    let far = is_dated.then(|| {
        let names = names.iter().map(String::as_str).chain([ANYTHING]);
        names.map(|name| cx.engine.store.named_key(name)).collect()
    });
    narrowed.settle(recorded, updated, far);
    Ok(narrowed)
}

impl Named {
    fn of(ways: &[Way]) -> Named {
        let mut named = Named::default();
        for way in ways {
            named.actors.extend(&way.actors);
            named.rows.extend(&way.rows);
            named.contexts.extend(&way.contexts);
        }
        named
    }

    /// By who acted, or by what the Record has in common with others: then all of its events may.
    fn has_all_of(&self, cx: Context<'_>, record: &Record) -> bool {
        let store = &cx.engine.store;
        let has =
            |keys: &HashSet<i64>, key: &dyn Fn() -> i64| !keys.is_empty() && keys.contains(&key());
        has(&self.actors, &|| store.record_actor(record))
            || has(&self.contexts, &|| store.record_context(record))
    }

    fn has(&self, event: &Event) -> bool {
        let about = event.about_what();
        self.rows.contains(&event.patient())
            || about.iter().any(|entity| self.rows.contains(&entity.rid))
    }
}

impl Narrowed {
    /// Whether an event of a Record may meet what is asked of whom and what it was about: where a Record names thousands of patients most of its events
    /// are about others, and are not rendered to find that out.
    pub fn may_meet<'n>(
        &'n self,
        cx: Context<'_>,
        record: &Record,
    ) -> impl Fn(&Event) -> bool + use<'n> {
        let asked = self.asked.iter();
        let left: Vec<&Named> = asked.filter(|one| !one.has_all_of(cx, record)).collect();
        // Of one event the index has told all that its Record tells.
        move |event: &Event| event.parts.events() == 1 || left.iter().all(|one| one.has(event))
    }

    /// Each question with each of the ways.
    fn and(&mut self, ways: Vec<Way>) {
        if self.branches.len() * ways.len() > BRANCHES_MAX {
            return;
        }
        let each = self.branches.iter().flat_map(|branch| {
            let with = |way: &Way| with(branch.clone(), way);
            ways.iter().map(with).collect::<Vec<_>>()
        });
        self.branches = each.collect();
    }

    /// `recorded`, `updated`: what is asked of the time that an event says and of the time at which it came, which are one but for those that other systems sent.
    /// `far`: the keys of those among them that came far from the time that they say; `None`: it is not asked of.
    fn settle(&mut self, recorded: Range, updated: Range, far: Option<Vec<i64>>) {
        let mut time = recorded;
        narrow(&mut time, updated);
        for branch in &mut self.branches {
            if branch.contexts.is_none() {
                branch.contexts = self.contexts.ids();
            }
            let contexts = branch.contexts.as_ref();
            let is_met = |id: &&i64| contexts.is_none_or(|contexts| contexts.contains(id));
            let foreign: Vec<i64> = self.foreign.iter().filter(is_met).copied().collect();
            if !foreign.is_empty() {
                let sent = RecordQuestion {
                    contexts: Some(foreign),
                    ..branch.clone()
                };
                let sent = of_times(sent, recorded, updated, far.as_deref());
                self.sent.extend(sent);
            }
            (branch.from_us, branch.until_us) = time;
        }
        if time != (None, None) {
            self.branches.extend(self.sent.iter().cloned());
        }
    }
}

/// What other systems sent, as it is asked for: by when it came, if that is near the time that it says, and by keys.
fn of_times(
    sent: RecordQuestion,
    recorded: Range,
    updated: Range,
    far: Option<&[i64]>,
) -> Vec<RecordQuestion> {
    let within = |question: RecordQuestion, (from_us, until_us): Range| RecordQuestion {
        from_us,
        until_us,
        ..question
    };
    match far {
        None => vec![within(sent, updated)],
        // It is about some resources or people, whose events are few, and has no keys to spare.
        Some(_) if sent.keys.is_some() => vec![within(sent, updated)],
        Some(far) => {
            let mut near = (
                recorded
                    .0
                    .map(|from_us| from_us.saturating_sub(2 * NEAR_US)),
                recorded
                    .1
                    .map(|until_us| until_us.saturating_add(2 * NEAR_US)),
            );
            narrow(&mut near, updated);
            let by_keys = RecordQuestion {
                keys: Some(far.to_vec()),
                ..sent.clone()
            };
            vec![within(sent, near), within(by_keys, updated)]
        }
    }
}

/// A question that has a list already keeps it: either is true of at least what both are.
fn with(mut question: RecordQuestion, way: &Way) -> RecordQuestion {
    let add = |list: &mut Option<Vec<i64>>, values: &[i64]| {
        if list.is_none() && !values.is_empty() {
            *list = Some(values.to_vec());
        }
    };
    add(&mut question.actors, &way.actors);
    if question.patients.is_some() {
        add(&mut question.keys, &way.rows);
    } else {
        add(&mut question.patients, &way.rows);
    }
    add(&mut question.contexts, &way.contexts);
    question
}

/// From the first, until before the second, in microseconds since 1970.
type Range = (Option<i64>, Option<i64>);

fn narrow(time: &mut Range, other: Range) {
    time.0 = time.0.max(other.0);
    time.1 = match (time.1, other.1) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
}

/// What decides a criterion.
enum Kind {
    /// `true`: all of what it asks.
    Context(bool),
    Time,
    Ids,
    /// A reference parameter without a modifier but a type.
    Reference(&'static str),
    Event,
}

/// The context decides these, and whether they are missing.
const OF_CONTEXTS: [&str; 4] = ["action", "outcome", "subtype", "type"];
/// An event has of these what its context has, or less.
const WITHIN_CONTEXTS: [&str; 6] = [
    "agent-role",
    "entity-role",
    "entity-type",
    "purpose",
    "site",
    "source",
];
const REFERENCES: [&str; 3] = ["agent", "entity", "patient"];

impl Kind {
    fn of(criterion: &Criterion) -> Kind {
        if criterion.ids.is_some() {
            return Kind::Ids;
        }
        let (code, modifier) = match criterion.name.split_once([':', '.']) {
            None => (criterion.name.as_str(), None),
            Some((code, _)) if criterion.ends.is_some() => (code, None),
            Some((code, modifier)) => (code, Some(modifier)),
        };
        if OF_CONTEXTS.contains(&code) {
            return Kind::Context(true);
        }
        let is_positive = match modifier {
            None | Some("text" | "in" | "above" | "below" | "identifier") => true,
            Some("missing") => criterion.value == "false",
            _ => false,
        };
        if WITHIN_CONTEXTS.contains(&code) && is_positive {
            return Kind::Context(false);
        }
        match code {
            "date" | "_lastUpdated" if modifier.is_none() => Kind::Time,
            _ => match REFERENCES.iter().find(|known| **known == code) {
                Some(code) if modifier.is_none_or(is_of_rows) => Kind::Reference(code),
                _ => Kind::Event,
            },
        }
    }
}

/// Whether the modifier leaves it a question by what rows and users are called.
fn is_of_rows(modifier: &str) -> bool {
    modifier == "identifier" || r4().resource_type(modifier).is_some()
}

fn met(cx: Context<'_>, apart: &Apart, criterion: &Criterion) -> Left {
    // Value sets are read as the caller may read them, and what is masked is asked otherwise.
    let is_plain = cx.access.seen().is_none() && cx.access.masked_groups().is_empty();
    let is_of_sets = ["in", "not-in", "above", "below"]
        .iter()
        .any(|modifier| criterion.name.ends_with(&format!(":{modifier}")));
    let name =
        (is_plain && !is_of_sets).then_some((criterion.name.as_str(), criterion.value.as_str()));
    let contexts = &cx.engine.audit_contexts;
    contexts.meeting(apart.extractor(), name, &criterion.filter)
}

/// From when to when what meets it was recorded, and whether nothing else was.
fn range(filter: &Filter) -> (Range, bool) {
    match filter {
        Filter::Date { test, .. } | Filter::Updated(test) => of_test(*test),
        _ => ((None, None), false),
    }
}

fn of_test(test: DateTest) -> (Range, bool) {
    let DateTest {
        prefix,
        low_us,
        high_us,
    } = test;
    let after = high_us.saturating_add(1);
    let is_exact = low_us.rem_euclid(SHOWN_US) == 0 && after.rem_euclid(SHOWN_US) == 0;
    // Of what is written in milliseconds less than one is not known.
    let (early, late) = match is_exact {
        true => (low_us, after),
        false => (
            low_us.saturating_sub(SHOWN_US),
            after.saturating_add(SHOWN_US),
        ),
    };
    let range = match prefix {
        Prefix::Eq | Prefix::Ap => (Some(early), Some(late)),
        Prefix::Gt | Prefix::Sa if is_exact => (Some(late), None),
        Prefix::Gt | Prefix::Sa | Prefix::Ge => (Some(early), None),
        Prefix::Lt | Prefix::Eb if is_exact => (None, Some(early)),
        Prefix::Lt | Prefix::Eb | Prefix::Le => (None, Some(late)),
        Prefix::Ne => (None, None),
    };
    (range, is_exact && prefix != Prefix::Ne)
}

/// `None`: the index tells nothing of it.
async fn ways(
    cx: Context<'_>,
    apart: &Apart,
    code: &str,
    criterion: &Criterion,
) -> Result<Option<Vec<Way>>> {
    let is_identifier = criterion.name.ends_with("identifier");
    let named = match &criterion.ends {
        Some(ends) => Some(ends.clone()),
        None if is_identifier => Some(BTreeSet::new()),
        None => named(cx, code, criterion),
    };
    let Some(named) = named.filter(|named| named.len() <= NAMED_MAX) else {
        return Ok(None);
    };
    let mut ways = Vec::new();
    if is_identifier {
        // Requests are identified as well, which nothing indexes.
        let identified = (code != "entity").then(|| identified(cx, apart, criterion));
        match identified.flatten() {
            None => return Ok(None),
            Some(way) => ways.extend(way),
        }
    }
    let actors = match code {
        "entity" => Vec::new(),
        _ => actors(cx, &named),
    };
    if !actors.is_empty() {
        ways.push(Way {
            actors,
            ..Way::default()
        });
    }
    ways.push(Way {
        rows: rows(cx, code, &named).await?,
        ..Way::default()
    });
    let consent = r4().resource_type("Consent");
    let contexts = cx.engine.audit_contexts.of_consents();
    if code == "entity" && !contexts.is_empty() && named.iter().any(|(ty, _)| Some(*ty) == consent)
    {
        ways.push(Way {
            contexts,
            ..Way::default()
        });
    }
    Ok(Some(ways))
}

/// The rows of what is named, and its name, for what tells no row of it. Never empty.
async fn rows(cx: Context<'_>, code: &str, named: &BTreeSet<(TypeId, String)>) -> Result<Vec<Rid>> {
    let store = &cx.engine.store;
    let names = named
        .iter()
        .map(|(ty, id)| format!("{}/{id}", r4().ty(*ty).name));
    let names = names.chain([ANYTHING.to_owned()]);
    let mut rows: Vec<Rid> = names.map(|name| store.named_key(&name)).collect();
    // Who acts is no row.
    if code == "agent" {
        return Ok(rows);
    }
    let keys: Vec<(TypeId, &str)> = named.iter().map(|(ty, id)| (*ty, id.as_str())).collect();
    rows.extend(stored(store.locate(&keys).await)?.into_iter().flatten());
    let own = named.iter().filter(|(ty, _)| super::is(*ty));
    rows.extend(own.filter_map(|(_, id)| super::event::row_of(cx, id)));
    Ok(rows)
}

/// By the identifiers that an event has itself: its client's, which the context tells, and that of a user without a resource, in the letters
/// in which it is asked for. `None`: most events may have it.
fn identified(cx: Context<'_>, apart: &Apart, criterion: &Criterion) -> Option<Vec<Way>> {
    let contexts = met(cx, apart, criterion).ids()?;
    let values = criterion.value.split(',');
    let texts = values.filter_map(|value| value.rsplit('|').next());
    let actors = texts.map(|text| cx.engine.store.actor_key(text)).collect();
    let mut ways = vec![Way {
        actors,
        ..Way::default()
    }];
    if !contexts.is_empty() {
        ways.push(Way {
            contexts,
            ..Way::default()
        });
    }
    Some(ways)
}

/// The resources that a criterion names by its values, those of another server as if they were of this one. `None`: by something else.
fn named(cx: Context<'_>, code: &str, criterion: &Criterion) -> Option<BTreeSet<(TypeId, String)>> {
    let only = criterion
        .name
        .split_once(':')
        .and_then(|(_, ty)| r4().resource_type(ty));
    let mut named = BTreeSet::new();
    for value in criterion
        .value
        .split(',')
        .map(str::trim)
        .filter(|v| !v.is_empty())
    {
        if is_id(value) {
            let types = match (only, code) {
                (Some(ty), _) => vec![ty],
                (None, "patient") => vec![patient_type()],
                (None, code) => targets(cx, code),
            };
            named.extend(types.into_iter().map(|ty| (ty, value.to_owned())));
            continue;
        }
        match parse(value, Some(&cx.engine.settings.base))? {
            Reference::Local { ty, id, .. }
            | Reference::Absolute {
                target: Some((ty, id)),
                ..
            } => drop(named.insert((ty, id.to_owned()))),
            _ => return None,
        }
    }
    Some(named)
}

fn targets(cx: Context<'_>, code: &str) -> Vec<TypeId> {
    let parameter = cx.engine.registry.find(super::ty(), code);
    parameter.map(|p| p.targets(r4())).unwrap_or_default()
}

/// The keys of users as whom they act, as tokens name them.
fn actors(cx: Context<'_>, named: &BTreeSet<(TypeId, String)>) -> Vec<i64> {
    let base = &cx.engine.settings.base;
    let store = &cx.engine.store;
    let users = named.iter().flat_map(|(ty, id)| {
        let local = format!("{}/{id}", r4().ty(*ty).name);
        [
            store.actor_key(&format!("{base}/{local}")),
            store.actor_key(&local),
        ]
    });
    users.collect()
}
