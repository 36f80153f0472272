//! The labels of what is written, before it is serialised: what the body states, what the rules say, and what the resources
//! around it carry to it (L1, L2, L4). `docs/guide/labels.md`
//!
//! Within one unit resources carry labels to each other until nothing changes any more: labels are only added on the way, so that ends.

use super::draft::{By, Draft};
use super::neighbours::{self, Asked, Carried, Versions};
use crate::document::reread;
use crate::engine::{Context, Engine, stored};
use crate::shown::is_subsetted;
use crate::write::Replaced;
use std::collections::{BTreeMap, HashMap};
use ward_access::{Caller, Maintenance, maintenance};
use ward_consent::Confidentiality;
use ward_consent::labels::{
    self, Amount, Kind as LabelKind, Labels, RuleSet, given_of, with_security,
};
use ward_fhir::issue::Result;
use ward_fhir::{Document, Failure, Kind, Node};
use ward_storage::{Guard, Op};

/// A resource of a unit with its labels.
pub(crate) struct Labelled {
    /// With its labels in `meta.security`; `None`: as it was sent.
    pub document: Option<Document>,
    pub labels: Labels,
    /// Of the version that it replaces, if that is live.
    pub before: Option<Document>,
}

/// Labels of a unit, and what must hold at its commit so that they still are.
pub(crate) struct LabelledUnit {
    pub each: Vec<Labelled>,
    pub guards: Vec<Guard>,
}

/// A failure of one resource of the unit, by its place.
pub(crate) type At = (Failure, usize);

/// Whether this caller may take labels away by a patch or `$meta-delete` (L1). Who is not shown them leaves them out unknowingly.
pub(crate) fn lowers_labels(caller: &Caller) -> bool {
    caller.sees_labels() && caller.roles.iter().any(|role| role == PRIVACY_ROLE)
}

/// The seeded role of who looks after consents and labels.
const PRIVACY_ROLE: &str = "privacy-officer";

/// Refuses a change that takes labels away or lowers the level, unless the caller may (T57, X40).
pub(crate) fn demand_kept_labels(cx: Context<'_>, before: Node<'_>, after: Node<'_>) -> Result<()> {
    match lowers_labels(cx.caller) {
        true => Ok(()),
        false => labels::refuse_removal(before, after),
    }
}

/// Labels the resources of a unit. Statements: none where what they belong to is at home in a record of which nothing carries labels;
/// else one or two for all that they name, and one for each element by which others may name what has just got an id of a client.
///
/// Errors: `BusinessRule` for labels beyond their bounds and for a body that is not whole (T58).
pub(crate) async fn label(
    engine: &Engine,
    drafts: &[Draft<'_>],
    versions: &Versions,
) -> std::result::Result<LabelledUnit, At> {
    let rules = engine.label_rules();
    let mut unit = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.iter().enumerate() {
        let prior = Prior::of(engine, draft).await;
        unit.push(prior.map_err(|failure| (failure, at))?);
    }
    let asked: Vec<Asked<'_>> = drafts
        .iter()
        .zip(&unit)
        .map(|(draft, prior)| Asked::of(draft, prior.before.as_ref()))
        .collect();
    let carried = neighbours::carried(engine, &asked, versions).await;
    let carried = carried.map_err(|failure| (failure, 0))?;
    let Carried {
        labels: mut around,
        within,
        guards,
    } = carried;
    let mut labels = Vec::with_capacity(drafts.len());
    for (at, (draft, prior)) in drafts.iter().zip(&unit).enumerate() {
        let one = prior.labelled(draft, &around[at], rules);
        labels.push(one.map_err(|failure| (failure, at))?);
    }
    spread(drafts, &unit, &within, &mut around, &mut labels, rules)?;
    let each = drafts.iter().zip(unit).zip(labels);
    let each = each.map(|((draft, prior), labels)| {
        let states = draft
            .node
            .get("meta")
            .is_some_and(|m| m.get("security").is_some());
        let is_plain = labels.is_empty() && !states;
        let written = || with_security(draft.node, &labels, rules);
        Labelled {
            document: (!is_plain).then(written),
            labels,
            before: prior.before,
        }
    });
    Ok(LabelledUnit {
        each: each.collect(),
        guards,
    })
}

/// Carries labels from one resource of the unit to another until none changes any more.
fn spread(
    drafts: &[Draft<'_>],
    unit: &[Prior],
    within: &[(usize, usize, Amount)],
    around: &mut [Labels],
    labels: &mut [Labels],
    rules: &RuleSet,
) -> std::result::Result<(), At> {
    let mut to: BTreeMap<usize, Vec<(usize, Amount)>> = BTreeMap::new();
    for (from, target, amount) in within {
        to.entry(*from).or_default().push((*target, *amount));
    }
    let gives = |at: &usize| !labels[*at].is_empty() || rules.is_catalog(drafts[*at].node.ty());
    let mut changed: Vec<usize> = to.keys().copied().filter(gives).collect();
    while let Some(from) = changed.pop() {
        for (target, amount) in to.get(&from).into_iter().flatten() {
            let given = given_of(drafts[from].node, labels[from].clone(), *amount, rules);
            let more = around[*target].clone().union(&given);
            if more == around[*target] {
                continue;
            }
            around[*target] = more;
            let new = unit[*target].labelled(&drafts[*target], &around[*target], rules);
            let new = new.map_err(|failure| (failure, *target))?;
            if new != labels[*target] {
                labels[*target] = new;
                changed.push(*target);
            }
        }
    }
    Ok(())
}

/// What is known of a resource of the unit before what is around it.
struct Prior {
    client: Labels,
    stored: Option<Labels>,
    before: Option<Document>,
}

impl Prior {
    async fn of(engine: &Engine, draft: &Draft<'_>) -> Result<Prior> {
        let (before, last) = match &draft.replaced {
            Replaced::Nothing => (None, None),
            Replaced::Version(row) if row.op == Op::Delete => {
                (None, deleted(engine, &draft.replaced).await?)
            }
            Replaced::Version(row) => (Some(reread(&row.body)?), None),
        };
        let root = before.as_ref().or(last.as_ref()).map(Document::root);
        if draft.by != By::Service {
            demand_whole(draft.node, root)?;
        }
        let stored = root.map(Labels::stored);
        let stored = match (&stored, draft.by) {
            (Some(stored), By::Lowering) => Some(labels::kept(stored, &Labels::stored(draft.node))),
            _ => stored,
        };
        let client = match draft.by {
            By::Service => Labels::none(),
            By::Body | By::Lowering => Labels::stated(draft.node)?,
        };
        Ok(Prior {
            client,
            stored,
            before,
        })
    }

    fn labelled(&self, draft: &Draft<'_>, carried: &Labels, rules: &RuleSet) -> Result<Labels> {
        match draft.by {
            By::Service => Ok(labels::relabelled(draft.node, carried, rules)),
            By::Body | By::Lowering => {
                let stored = self.stored.as_ref();
                labels::label(draft.node, carried, &self.client, stored, rules)
            }
        }
    }
}

/// The last version before a deletion: what comes back under its id has the labels that it had.
async fn deleted(engine: &Engine, replaced: &Replaced) -> Result<Option<Document>> {
    let Replaced::Version(row) = replaced else {
        return Ok(None);
    };
    let access = maintenance(Maintenance::Labels);
    let version = row.version.saturating_sub(1);
    let read = engine
        .store
        .read_version(&access, &engine.compartments, row.ty, row.rid, version);
    match stored(read.await)? {
        Some(row) if row.op != Op::Delete => reread(&row.body).map(Some),
        _ => Ok(None),
    }
}

/// Refuses a body that says of itself that a part of it is missing: stored, the rest would be lost (T58).
fn demand_whole(node: Node<'_>, before: Option<Node<'_>>) -> Result<()> {
    let is_part = |node: Node<'_>| node.get("meta").is_some_and(is_subsetted);
    if !is_part(node) || before.is_some_and(is_part) {
        return Ok(());
    }
    let text = "the resource is marked as a part of itself (SUBSETTED): stored, the rest of it would be lost; read it whole and change that";
    Err(Failure::new(Kind::BusinessRule, text).at(format!("{}.meta.tag", node.type_name())))
}

/// Whether others get anything from a resource with these labels.
pub(crate) fn carries(labels: &Labels, rules: &RuleSet) -> bool {
    labels.level() > Confidentiality::Normal
        || labels
            .iter()
            .any(|held| rules.kind(&held.label) == LabelKind::Sensitivity)
}

/// Whether `after` gives others something that `before` does not.
pub(crate) fn grows(before: &Labels, after: &Labels, rules: &RuleSet) -> bool {
    let is_new = |held: &labels::Held| {
        let known = before.get(&held.label);
        // What was carried here becomes its own, and goes on where only that does.
        known.is_none_or(|known| {
            known.origin == labels::Origin::Carried && held.origin != known.origin
        }) && rules.kind(&held.label) == LabelKind::Sensitivity
    };
    let level = |labels: &Labels| labels.level().max(Confidentiality::Normal);
    level(after) > level(before)
        || after.stated_level() > before.stated_level().max(Some(Confidentiality::Normal))
        || after.iter().any(is_new)
}

/// Identities (`Type/id`) of the unit, by their places.
pub(super) fn places(drafts: &[Asked<'_>]) -> HashMap<String, usize> {
    let each = drafts.iter().enumerate();
    each.map(|(at, asked)| (asked.identity.clone(), at))
        .collect()
}
