//! The labelling service: what of a write's labels stands (L1, L2, L4), and labelling anew (L6).

use super::SECURITY_LABELS_MAX;
use super::find::found;
use super::held::{Held, Label, Labels, Origin};
use super::rules::RuleSet;
use super::stated::{codings, pair};
use crate::code::CONFIDENTIALITY;
use crate::sensitivity::Confidentiality;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, Node};

/// What the rules alone say of a resource: what it gives to what refers to it, and for a catalogue's resource the only thing it
/// gives.
pub fn derived(root: Node<'_>, rules: &RuleSet) -> Labels {
    found(root, rules)
}

/// The labels of a resource that is written (L2): what is stored, what the rules say now, what is carried to it from the
/// resources it belongs to, and what the client adds. Nothing of `stored` is lost: what the body leaves out stays (T56). A label
/// keeps the origin it had, so a body that was read with its labels and comes back makes none of them the client's.
/// `stored` is `None` for a create, and what `kept` leaves for somebody who may lower labels. What is stored without labels is
/// normal: a level below that is for a create to state (L1, L5).
/// Errors: `BusinessRule` when clients would have stated more than `SECURITY_LABELS_MAX` in all. Cost: one pass over the nodes.
pub fn label(
    root: Node<'_>,
    carried: &Labels,
    client: &Labels,
    stored: Option<&Labels>,
    rules: &RuleSet,
) -> Result<Labels> {
    let mut labels = stored.cloned().unwrap_or_default();
    for held in client.iter() {
        labels.add(&held.label, Origin::Client);
    }
    let counts = |stated: &Confidentiality| match stored {
        None => true,
        Some(stored) if stored.has_level() => *stated > stored.level(),
        Some(stored) => *stated >= stored.level(),
    };
    if let Some(stated) = client.stated_level().filter(counts) {
        labels.state(stated);
    }
    let of_clients = labels.iter().filter(|held| held.origin == Origin::Client);
    if of_clients.count() > SECURITY_LABELS_MAX {
        let text =
            "with those that are stored the resource would carry more than 64 security labels";
        let place = format!("{}.meta.security", root.type_name());
        return Err(Failure::new(Kind::BusinessRule, text).at(place));
    }
    Ok(served(labels, root, carried, rules))
}

/// The same for a stored resource when rules or what is around it have changed: what the service said before is forgotten, what
/// clients stated stays (L1, L6).
pub fn relabelled(root: Node<'_>, carried: &Labels, rules: &RuleSet) -> Labels {
    let stated = Labels::stored(root).filtered(|held| held.origin == Origin::Client);
    served(stated, root, carried, rules)
}

fn served(labels: Labels, root: Node<'_>, carried: &Labels, rules: &RuleSet) -> Labels {
    let mut labels = match rules.is_catalog(root.ty()) {
        true => labels,
        false => labels
            .union(&found(root, rules))
            .union(&carried.all_from(Origin::Carried)),
    };
    follow(&mut labels, rules);
    labels
}

/// What follows from the labels, whoever said them: further labels, and the level.
fn follow(labels: &mut Labels, rules: &RuleSet) {
    let also = |held: &Held| {
        let definition = rules.definition(&held.label);
        let also = definition.into_iter().flat_map(|d| d.also.iter().cloned());
        also.map(|label| (label, held.origin)).collect::<Vec<_>>()
    };
    let more: Vec<(Label, Origin)> = labels.iter().flat_map(also).collect();
    for (label, origin) in more {
        labels.add(&label, origin.min(Origin::Carried));
    }
    let highest = labels.iter().map(|held| rules.level(&held.label)).max();
    if let Some(level) = highest {
        let least = match labels.has_level() {
            true => level,
            false => level.max(Confidentiality::Normal),
        };
        labels.raise(least);
    }
}

/// What of the stored labels is left when somebody whose role lowers labels takes some away by a patch or `$meta-delete`, after which
/// the resource states `asked`: pass it to `label` in the place of `stored`. What rules say or what is carried comes back there:
/// only other rules take it away. A PUT leaves labels out without meaning it, whoever sends it: there `stored` stays whole (L2).
pub fn kept(stored: &Labels, asked: &Labels) -> Labels {
    let mut kept = stored
        .filtered(|held| asked.contains(&held.label))
        .without_levels();
    match asked.stated_level() {
        Some(level) if level != stored.level() => kept.state(level),
        Some(level) => {
            stored
                .stated_level()
                .into_iter()
                .for_each(|s| kept.state(s));
            kept.raise(level);
        }
        None => {}
    }
    kept
}

/// Refuses to remove or lower what is stored (L1, L4, T57): for a patch and for `$meta-delete`, where taking away is said and
/// not merely left out. Both resources as they are and as they would be.
/// Errors: `LabelRemoval` with the place of the first label that would be lost; of the level that is asked for where none is
/// stored, which is normal (L5).
pub fn refuse_removal(stored: Node<'_>, asked: Node<'_>) -> Result<()> {
    let (before, after) = (Labels::stored(stored), Labels::stored(asked));
    let is_lowered = after.level() < before.level();
    let is_lost = |coding: &Node<'_>| match pair(*coding) {
        (_, "") => false,
        (CONFIDENTIALITY, _) => is_lowered,
        (system, code) => !after.contains(&Label::new(system, code)),
    };
    let lowers = |coding: &Node<'_>| is_lowered && pair(*coding).0 == CONFIDENTIALITY;
    let lost = codings(stored).find(is_lost);
    let Some(lost) = lost.or_else(|| codings(asked).find(lowers)) else {
        return Ok(());
    };
    let text = "a security label can be added, but neither removed nor lowered";
    Err(Failure::new(Kind::LabelRemoval, text).at(lost.expression()))
}
