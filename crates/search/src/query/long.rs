//! Texts of which the index does not have all: which conditions their end may decide, and what is made of them once that is known.
//!
//! Resources with such a text are marked (`TermKey::longer`; for words of which it has the first characters alone `Word::marks`).
//! Before a question is asked, those that the caller may search are looked at, and what the index cannot tell of them is added by their ids. Most parameters have none, and nothing changes.

use super::list::held;
use super::visit::{Visited, stated, visited};
use crate::entries::{Term, TermKey};
use crate::normal::STRING_CHARS_MAX;
use crate::plan::{Filter, Word};
use ward_fhir::TypeId;

/// Resources whose long texts may decide a question.
#[derive(Clone, Debug)]
pub struct LongTexts {
    /// Of the resources that are asked for.
    pub types: Vec<TypeId>,
    /// Those with a long text of the parameter, and what else is asked of them.
    pub candidates: Filter,
    /// What they are asked, by its place in the whole; [`crate::check::decide`] answers it.
    pub conditions: Vec<(usize, Filter)>,
    /// Terms of which they have one.
    marks: Vec<Term>,
    /// The conjunct they stand in; `None`: at the other end of a reference.
    member: Option<usize>,
}

/// What looking at the candidates of a condition has shown.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// There were any.
    pub any: bool,
    /// Type and logical id of those that fulfil the condition.
    pub matches: Vec<(TypeId, String)>,
}

/// Those of a filter over `types`.
pub fn long_texts(filter: &Filter, types: &[TypeId], key: &TermKey) -> Vec<LongTexts> {
    let members = match filter {
        Filter::And(list) => list.as_slice(),
        other => std::slice::from_ref(other),
    };
    let types = stated(members).unwrap_or(types);
    let (mut groups, mut place) = (Vec::<LongTexts>::new(), 0);
    for (at, member) in members.iter().enumerate() {
        replaced(member.clone(), types, &mut |types, is_far, leaf| {
            let member = (!is_far).then_some(at);
            let marks = marks(&leaf, key);
            let same =
                |g: &&mut LongTexts| g.marks == marks && g.member == member && g.types == types;
            let condition = (place, leaf.clone());
            match groups.iter_mut().find(same) {
                Some(group) => group.conditions.push(condition),
                None => groups.push(LongTexts {
                    types: types.to_vec(),
                    candidates: candidates(&marks, member.map(|at| (at, members))),
                    conditions: vec![condition],
                    marks,
                    member,
                }),
            }
            place += 1;
            leaf
        });
    }
    groups
}

/// With what was seen of each condition, by its place.
pub fn replace_long_texts(
    filter: Filter,
    types: &[TypeId],
    key: &TermKey,
    looked: &[Looked],
) -> Filter {
    let mut looked = looked.iter();
    replaced(filter, types, &mut |_, _, leaf| match looked.next() {
        Some(looked) if looked.any => decided(leaf, key, &looked.matches),
        _ => leaf,
    })
}

/// What is asked of the same resource beside the conjunct narrows what is looked at.
fn candidates(marks: &[Term], place: Option<(usize, &[Filter])>) -> Filter {
    let mut all = vec![Filter::AnyTerm(marks.to_vec())];
    if let Some((at, members)) = place {
        let others = members.iter().enumerate().filter(|(other, _)| *other != at);
        let plain = others.filter(|(_, filter)| is_plain(filter));
        all.extend(plain.map(|(_, filter)| filter.clone()));
    }
    Filter::And(all)
}

/// Types, whether it is at the other end of a reference, and the condition.
type Take<'t> = &'t mut dyn FnMut(&[TypeId], bool, Filter) -> Filter;

/// Replaces every condition that the end of a text may decide.
fn replaced(filter: Filter, types: &[TypeId], take: Take<'_>) -> Filter {
    visited(
        filter,
        types,
        &mut |place, condition| match parameter(&condition) {
            Some(_) => Visited::Replaced(take(place.types, place.hops > 0, condition)),
            None => Visited::Kept(condition),
        },
    )
}

/// Of a condition that the end of a text may decide.
fn parameter(leaf: &Filter) -> Option<u16> {
    let least = |value: &str, chars: usize| value.chars().count() >= chars;
    match leaf {
        Filter::StringPrefix { param, value } if least(value, STRING_CHARS_MAX + 1) => Some(*param),
        Filter::StringEquals { param, value } if least(value, STRING_CHARS_MAX) => Some(*param),
        Filter::StringContains { param, .. }
        | Filter::StringEnds { param, .. }
        | Filter::Phrase { param, .. }
        | Filter::Word(Word { param, .. }) => Some(*param),
        _ => None,
    }
}

/// Terms of the resources that are looked at for a condition.
fn marks(leaf: &Filter, key: &TermKey) -> Vec<Term> {
    match leaf {
        Filter::Word(word) => word.marks.clone(),
        leaf => parameter(leaf)
            .map(|param| key.longer(param))
            .into_iter()
            .collect(),
    }
}

/// The condition with what fulfils it by a long text; where the index may be wrong of such a resource, that alone decides.
fn decided(leaf: Filter, key: &TermKey, matches: &[(TypeId, String)]) -> Filter {
    let by_index = match leaf {
        Filter::StringEquals { param, .. } | Filter::StringEnds { param, .. } => {
            let marked = Filter::AnyTerm(vec![key.longer(param)]);
            Filter::And(vec![leaf, Filter::Not(Box::new(marked))])
        }
        other => other,
    };
    if matches.is_empty() {
        return by_index;
    }
    Filter::Or(vec![by_index, held(matches)])
}

/// The index answers it as it stands.
pub(super) fn is_plain(filter: &Filter) -> bool {
    match filter {
        Filter::Check(_) | Filter::List(_) => false,
        Filter::And(list) | Filter::Or(list) => list.iter().all(is_plain),
        Filter::Not(inner)
        | Filter::Chain { filter: inner, .. }
        | Filter::Has { filter: inner, .. } => is_plain(inner),
        leaf => parameter(leaf).is_none(),
    }
}
