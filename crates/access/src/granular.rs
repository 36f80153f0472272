//! Granular scopes: what stands behind the `?` is a search over the scope's type.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters> (S69-S72)
//!
//! Read by the same parser as a search. Taken is only what a row's own index entries decide: tokens with their system,
//! references, uris, exact strings and dates. Whatever else is asked makes the whole scope grant nothing: a part that were
//! left out would grant more than was agreed.

use crate::access::Action;
use crate::grid::Reach;
use std::sync::{Arc, OnceLock};
use ward_fhir::schema::r4;
use ward_fhir::{Node, TypeId};
use ward_search::entries::TermKey;
use ward_search::evaluate::{Candidate, World, matches};
use ward_search::extract::Extractor;
use ward_search::plan::{DateTest, Filter, Prefix};
use ward_search::query::{Options, parse};
use ward_search::registry::Registry;
use ward_search::terminology::Embedded;

/// A granular scope, where no plain scope of the same token reaches as far.
#[derive(Clone, Debug)]
pub struct Granular {
    /// `None`: every type.
    ty: Option<TypeId>,
    query: Vec<(String, String)>,
    reaches: Vec<(TypeId, Reaches)>,
}

/// Of each action, in the order of [`Action::ALL`].
pub(crate) type Reaches = [Reach; Action::ALL.len()];

/// What the rows of a granular scope match.
pub struct Criterion {
    filter: Filter,
    extractor: Extractor,
}

/// The scope's parameters ask for what no row's index entries decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecidable;

/// Index terms that one granular scope may come to.
pub const SCOPE_TERMS_MAX: usize = 200;

impl Granular {
    /// `None`: it grants nothing.
    pub(crate) fn new(
        ty: Option<TypeId>,
        query: &[(String, String)],
        reaches: impl Iterator<Item = (TypeId, Reaches)>,
    ) -> Option<Granular> {
        let grants = |reaches: &Reaches| reaches.iter().any(|reach| *reach != Reach::Nothing);
        let reaches: Vec<_> = reaches.filter(|(_, reaches)| grants(reaches)).collect();
        (!reaches.is_empty()).then(|| Granular {
            ty,
            query: query.to_vec(),
            reaches,
        })
    }

    /// The one type it is about; `None`: all of them, by parameters that all have.
    pub fn ty(&self) -> Option<TypeId> {
        self.ty
    }

    /// Names and values, as written.
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    pub(crate) fn reaches(&self) -> impl Iterator<Item = (TypeId, Action, Reach)> {
        let of_type = |(ty, reaches): &(TypeId, Reaches)| {
            let (ty, reaches) = (*ty, *reaches);
            Action::ALL
                .into_iter()
                .zip(reaches)
                .map(move |(action, reach)| (ty, action, reach))
        };
        self.reaches.iter().flat_map(of_type)
    }
}

impl Criterion {
    /// Reads the parameters of a granular scope on a type (`None`: on every type, whose common parameters mean the same for
    /// each). Some microseconds.
    pub fn compile(
        extractor: &Extractor,
        ty: Option<TypeId>,
        query: &[(String, String)],
    ) -> Result<Criterion, Undecidable> {
        let is_plain = |(name, value): &(String, String)| is_name(name) && !value.contains('%');
        // Nothing asked would be everything granted.
        if query.is_empty() || !query.iter().all(is_plain) {
            return Err(Undecidable);
        }
        let options = Options {
            strict: true,
            now_us: 0,
            count_default: 1,
            count_max: 1,
            terminology: &Embedded,
        };
        let (plan, used) =
            parse(extractor, ty.as_slice(), query, &options).map_err(|_| Undecidable)?;
        let every_pair = used.pairs.len() == query.len();
        let filter = decided(plan.filter).filter(|_| every_pair && !used.custom);
        match filter {
            Some(filter) if size(&filter) <= SCOPE_TERMS_MAX => Ok(Criterion {
                filter,
                extractor: extractor.clone(),
            }),
            _ => Err(Undecidable),
        }
    }

    /// Of `AnyTerm` and `Date`, joined by `And` and `Or`.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }
}

impl std::fmt::Debug for Criterion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Criterion({:?})", self.filter)
    }
}

/// Whether the resource matches any of the criteria. It is read once.
pub(crate) fn any<'c>(criteria: impl IntoIterator<Item = &'c Criterion>, node: Node<'_>) -> bool {
    let mut criteria = criteria.into_iter().peekable();
    let Some(first) = criteria.peek() else {
        return false;
    };
    let entries = first.extractor.extract(node, &|_| None);
    let candidate = Candidate {
        id: node.text("id").unwrap_or_default(),
        ty: node.ty(),
        updated_us: 0,
        entries: &entries,
        node: None,
    };
    criteria.any(|one| matches(&one.filter, candidate, World::default()) == Ok(true))
}

/// Whether a scope with these parameters can be compiled, whatever the store.
pub(crate) fn is_decidable(ty: Option<TypeId>, query: &[(String, String)]) -> bool {
    static PLAIN: OnceLock<Extractor> = OnceLock::new();
    let new = || Extractor::new(Arc::new(Registry::new(r4())), TermKey([0; 16]), None);
    Criterion::compile(PLAIN.get_or_init(new), ty, query).is_ok()
}

/// The filter when index entries of the row alone decide it, without look-ups; what it can never match is a mistake.
fn decided(filter: Filter) -> Option<Filter> {
    match filter {
        Filter::AnyTerm(terms) | Filter::AnyPatient { terms, .. } => {
            (!terms.is_empty()).then_some(Filter::AnyTerm(terms))
        }
        // `ap` means something else every day.
        Filter::Date { test, .. } if is_fixed(&test) => Some(filter),
        Filter::And(list) => all(list).map(Filter::And),
        Filter::Or(list) => all(list).map(Filter::Or),
        _ => None,
    }
}

/// A parameter of the type itself, without chain or modifier; `:exact` asks for a term and nothing else. `_filter` and the
/// like ask for more than one thing, whatever they come to.
fn is_name(name: &str) -> bool {
    let code = name.strip_suffix(":exact").unwrap_or(name);
    !code.contains(['.', ':']) && (!code.starts_with('_') || COMMON.contains(&code))
}

fn all(list: Vec<Filter>) -> Option<Vec<Filter>> {
    let decided: Option<Vec<Filter>> = list.into_iter().map(decided).collect();
    decided.filter(|list| !list.is_empty())
}

fn is_fixed(test: &DateTest) -> bool {
    test.prefix != Prefix::Ap
}

fn size(filter: &Filter) -> usize {
    match filter {
        Filter::AnyTerm(terms) => terms.len(),
        Filter::And(list) | Filter::Or(list) => list.iter().map(size).sum(),
        _ => 1,
    }
}

/// What can be asked of every type.
const COMMON: [&str; 4] = ["_tag", "_security", "_profile", "_source"];

#[cfg(test)]
#[path = "granular_tests.rs"]
mod tests;
