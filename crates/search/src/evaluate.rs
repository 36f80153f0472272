//! What a [`Filter`] means, in memory: the reference semantics that the stores' SQL must agree with.
//! <https://hl7.org/fhir/R4/search.html#prefix>

mod compare;
mod phrase;
mod tuple;

pub use compare::{date, number};
pub use phrase::fits as phrase_fits;

use crate::entries::{Entries, TermKey};
use crate::plan::{Filter, Word};
use ward_fhir::schema::r4;
use ward_fhir::{Node, TypeId};

/// One current resource as a filter sees it.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// Logical id.
    pub id: &'a str,
    pub ty: TypeId,
    pub updated_us: i64,
    pub entries: &'a Entries,
    /// The resource itself, for [`Filter::Check`] and [`Filter::Word`].
    pub node: Option<Node<'a>>,
}

/// What a filter may need beside the candidate; the default is nothing of it.
#[derive(Clone, Copy, Default)]
pub struct World<'a> {
    /// For `Chain`, `Has` and `Tuple`.
    pub key: Option<&'a TermKey>,
    /// For `Chain` and `Has`.
    pub others: Option<&'a dyn Others>,
}

/// The other resources of the store. Only those the caller may search.
pub trait Others {
    /// Whether any current resource of the type passes the test.
    fn any(
        &self,
        ty: TypeId,
        test: &mut dyn FnMut(Candidate<'_>) -> Result<bool, Undecided>,
    ) -> Result<bool, Undecided>;
}

/// What a filter needs beyond what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// `Chain` or `Has` without [`World::others`].
    Others,
    /// `Chain`, `Has` or `Tuple` without [`World::key`].
    Key,
    /// `Check` or `Word` without [`Candidate::node`].
    Resource,
    /// `List`, which must have been replaced.
    List,
}

/// Whether the candidate is in the result. A repeated element matches when any of its values does.
///
/// Errors: what is missing to decide; never when the rest decides alone. Linear in the entries, for `Chain` and `Has` in
/// the resources of the other type at each hop.
pub fn matches(
    filter: &Filter,
    candidate: Candidate<'_>,
    world: World<'_>,
) -> Result<bool, Undecided> {
    let entries = candidate.entries;
    Ok(match filter {
        Filter::All | Filter::Shows(_) => true,
        Filter::Nothing => false,
        Filter::And(all) => return decide(all, false, candidate, world),
        Filter::Or(any) => return decide(any, true, candidate, world),
        Filter::Not(inner) => !matches(inner, candidate, world)?,
        Filter::Types(types) => types.contains(&candidate.ty),
        Filter::AnyTerm(terms) | Filter::AnyPatient { terms, .. } => {
            terms.iter().any(|t| entries.has_term(*t))
        }
        Filter::AnyForm(forms) => entries.vocabulary.iter().any(|v| forms.contains(&v.form)),
        Filter::StringPrefix { param, value } => {
            strings(entries, *param).any(|s| s.starts_with(value.as_str()))
        }
        Filter::StringContains { param, value } => {
            strings(entries, *param).any(|s| s.contains(value.as_str()))
        }
        Filter::StringEquals { param, value } => strings(entries, *param).any(|s| s == value),
        Filter::StringEnds { param, value } => {
            strings(entries, *param).any(|s| s.ends_with(value.as_str()))
        }
        Filter::Date { param, test } => entries
            .dates
            .iter()
            .any(|d| d.param == *param && date(*test, d.low_us, d.high_us)),
        Filter::Updated(test) => date(*test, candidate.updated_us, candidate.updated_us),
        Filter::Ids(ids) => ids.iter().any(|id| id == candidate.id),
        Filter::Quantity { term, test } => entries
            .quantities
            .iter()
            .any(|q| q.term == *term && number(*test, q.low, q.high)),
        Filter::Tuple(wanted) => tuple::matches(wanted, entries, world.key.ok_or(Undecided::Key)?),
        Filter::Phrase { param, test, value } => entries
            .phrases
            .iter()
            .any(|p| p.param == *param && phrase::fits(*test, &p.value, value)),
        Filter::Word(Word { check, .. }) | Filter::Check(check) => {
            (check.test)(candidate.node.ok_or(Undecided::Resource)?)
        }
        Filter::List(_) => return Err(Undecided::List),
        Filter::Chain {
            param,
            target,
            filter,
        } => return chain(*param, *target, filter, candidate, world),
        Filter::Has {
            source,
            param,
            filter,
        } => return has(*source, *param, filter, candidate, world),
    })
}

/// And (`wanted` false) and Or (true): one member that is `wanted` decides, whatever is undecided beside it.
fn decide(
    list: &[Filter],
    wanted: bool,
    candidate: Candidate<'_>,
    world: World<'_>,
) -> Result<bool, Undecided> {
    let mut missing = None;
    for filter in list {
        match matches(filter, candidate, world) {
            Ok(found) if found == wanted => return Ok(wanted),
            Ok(_) => {}
            Err(undecided) => missing = Some(undecided),
        }
    }
    missing.map_or(Ok(!wanted), Err)
}

fn chain(
    param: u16,
    target: TypeId,
    filter: &Filter,
    candidate: Candidate<'_>,
    world: World<'_>,
) -> Result<bool, Undecided> {
    let key = world.key.ok_or(Undecided::Key)?;
    let name = r4().ty(target).name;
    let others = world.others.ok_or(Undecided::Others)?;
    others.any(target, &mut |other| {
        let refers = candidate
            .entries
            .has_term(key.reference(param, name, other.id));
        Ok(refers && matches(filter, other, world)?)
    })
}

fn has(
    source: TypeId,
    param: u16,
    filter: &Filter,
    candidate: Candidate<'_>,
    world: World<'_>,
) -> Result<bool, Undecided> {
    let key = world.key.ok_or(Undecided::Key)?;
    let term = key.reference(param, r4().ty(candidate.ty).name, candidate.id);
    let others = world.others.ok_or(Undecided::Others)?;
    others.any(source, &mut |other| {
        Ok(other.entries.has_term(term) && matches(filter, other, world)?)
    })
}

fn strings(entries: &Entries, param: u16) -> impl Iterator<Item = &str> {
    entries
        .strings
        .iter()
        .filter(move |s| s.param == param)
        .map(|s| s.value.as_str())
}
