//! One criterion, `name[:modifier]=value[,value…]`, over one or several types. <https://hl7.org/fhir/R4/search.html#modifiers>
//!
//! Over several types a name may mean a different parameter for each: the filter is then a union in which each part holds
//! for its type only, so that `:not` and `:missing` mean the same as in a search over one.

use super::include::references;
use super::{CHAIN_DEPTH_MAX, CRITERIA_MAX, Ignored, Reader, Refusal};
use crate::check::fresh;
use crate::edition::Edition;
use crate::nearest::nearest;
use crate::param::Form;
use crate::plan::Filter;
use crate::registry::{Parameter, TypeParameters};
use ward_fhir::schema::TypeKind;
use ward_fhir::{Failure, Kind, TypeId};

/// A parameter and the types for which it is read the same way.
pub(super) struct Meaning<'a> {
    pub types: Vec<TypeId>,
    pub all: &'a TypeParameters,
    pub parameter: &'a Parameter,
    /// See [`Ask::oldest`](crate::param::Ask::oldest).
    pub oldest: Edition,
}

impl<'a> Reader<'a> {
    /// The filter of a criterion over `types` (empty: all), `depth` hops away from the resources searched.
    pub(super) fn read(
        &self,
        types: &[TypeId],
        name: &str,
        value: &str,
        depth: usize,
    ) -> Result<Filter, Refusal> {
        self.spend(name, depth)?;
        if let Some(rest) = name.strip_prefix("_has:") {
            let inner = |ty, rest: &str| self.read(&[ty], rest, value, depth + 1);
            return self.has(types, rest, &inner);
        }
        if let Some((reference, rest)) = name.split_once('.') {
            let inner = |ty| self.read(&[ty], rest, value, depth + 1);
            return self.chain(types, reference, &inner);
        }
        let (code, modifier) = name
            .split_once(':')
            .map_or((name, None), |(code, modifier)| (code, Some(modifier)));
        if code == "_filter" {
            return self.filter_expression(types, modifier, value, depth);
        }
        if let Some(filter) = self.special(types, code, modifier, value)? {
            return Ok(filter);
        }
        let mut meanings = self.meanings(types, code)?;
        self.demand_told(&meanings, name, value)?;
        if let [only] = meanings.as_mut_slice() {
            let filter = self.values(only, modifier, value)?;
            return Ok(self.looked_at(only.parameter, filter));
        }
        let mut any = Vec::new();
        for meaning in meanings {
            let filter = self.values(&meaning, modifier, value)?;
            let filter = self.looked_at(meaning.parameter, filter);
            any.push(Filter::And(vec![Filter::Types(meaning.types), filter]));
        }
        Ok(Filter::Or(any))
    }

    /// The filter of a parameter that means the same for every type and is of no element; `None`: it is not one of them.
    /// The same in a criterion, at the end of a chain, and in `_filter`.
    pub(super) fn special(
        &self,
        types: &[TypeId],
        code: &str,
        modifier: Option<&str>,
        value: &str,
    ) -> Result<Option<Filter>, Failure> {
        self.demand_seen(types, code)?;
        match code {
            "_text" | "_content" => {
                let words = self.words(types, code, modifier, value)?;
                Ok(Some(self.told_of_all(words)))
            }
            "_list" => self.list(modifier, value).map(Some),
            // Whoever answers it has replaced it by the query that it names.
            "_query" => {
                let text = "'_query' is asked of a search by itself: not of a condition, a chain or '_filter'.";
                Err(Failure::new(Kind::NotSupported, text))
            }
            "_has" => {
                let text = "'_has' must be '_has:Type:reference:parameter'.";
                Err(Failure::new(Kind::Invalid, text))
            }
            "_filter" => {
                let text = "'_filter' does not stand within another one.";
                Err(Failure::new(Kind::NotSupported, text))
            }
            _ => Ok(None),
        }
    }

    /// The filter of a parameter as the store can answer it: without entries in the index each resource decides itself.
    pub(super) fn looked_at(&self, parameter: &Parameter, filter: Filter) -> Filter {
        match parameter.indexed {
            true => filter,
            false => fresh(self.extractor, parameter.code().to_owned(), filter),
        }
    }

    /// Counts a criterion against the limits.
    pub(super) fn spend(&self, name: &str, depth: usize) -> Result<(), Failure> {
        self.criteria.set(self.criteria.get() + 1);
        if depth > CHAIN_DEPTH_MAX || self.criteria.get() > CRITERIA_MAX {
            let text = format!(
                "'{}' has more than {CHAIN_DEPTH_MAX} hops, or they lead to too many types; name the types (name:Type) or ask in steps.",
                short(name)
            );
            return Err(Failure::new(Kind::TooCostly, text));
        }
        Ok(())
    }

    /// What the name means for each of the types, those with the same meaning together; at least one.
    pub(super) fn meanings(
        &self,
        types: &[TypeId],
        code: &str,
    ) -> Result<Vec<Meaning<'a>>, Refusal> {
        let registry = self.registry;
        let common_only = types.is_empty();
        let representative = [registry.schema().resource_type("Basic")];
        let types: Vec<TypeId> = match types {
            [] => representative.into_iter().flatten().collect(),
            listed => listed.to_vec(),
        };
        // Before a name that another of the types does not know.
        if let Some(ty) = types.iter().find(|ty| registry.of(**ty).hides(code)) {
            return Err(self.hidden(code, *ty).into());
        }
        let mut found: Vec<Meaning<'a>> = Vec::new();
        for ty in &types {
            let all = registry.of(*ty);
            let usable = |p: &&Parameter| !common_only || p.def.code().starts_with('_');
            let Some(parameter) = all.find(code).filter(usable) else {
                return Err(Refusal::Unknown(self.unknown(&types, common_only, code)));
            };
            if let Err(reason) = parameter.service {
                let text = format!("Search parameter '{code}' is not supported: {reason}.");
                return Err(Failure::new(Kind::NotSupported, text).into());
            }
            self.demand_bare(*ty, parameter)?;
            self.custom
                .set(self.custom.get() || parameter.is_custom() && parameter.indexed);
            let oldest = match common_only {
                true => self.extractor.oldest(&[]),
                false => self.extractor.oldest(&[*ty]),
            };
            match found.iter_mut().find(|m| same(m.parameter, parameter)) {
                Some(known) => {
                    known.types.push(*ty);
                    known.oldest = known.oldest.min(oldest);
                }
                None => found.push(Meaning {
                    types: vec![*ty],
                    all,
                    parameter,
                    oldest,
                }),
            }
        }
        Ok(found)
    }

    /// With the names most like it that all of the types know, and which type lacks what others have.
    fn unknown(&self, types: &[TypeId], common_only: bool, code: &str) -> Ignored {
        let first = types.first().map(|t| self.registry.of(*t));
        let names = first
            .into_iter()
            .flat_map(TypeParameters::served)
            .map(|p| p.def.code())
            .filter(|n| !common_only || n.starts_with('_'))
            .filter(|n| types.iter().all(|t| self.registry.find(*t, n).is_some()))
            .chain(SPECIAL.iter().copied())
            .filter(|n| *n != code);
        let has = |ty: &&TypeId| self.registry.find(**ty, code).is_some();
        let lacking = types.iter().find(|ty| !has(ty));
        let lacking = lacking.filter(|_| types.iter().any(|ty| has(&ty)));
        let mut defined = self.registry.schema().search_parameters.iter();
        let is_of_some = common_only && defined.any(|p| p.code == code && !p.bases.is_empty());
        Ignored {
            what: "search parameter",
            name: code.to_owned(),
            nearest: nearest(code, names)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            lacking: lacking.map(|ty| self.registry.schema().ty(*ty).name),
            is_blank: false,
            why: is_of_some.then_some(NOT_OF_ALL),
        }
    }

    /// What a hop goes by may have been meant as another reference of the types.
    pub(super) fn among_references(&self, types: &[TypeId], refusal: Refusal) -> Refusal {
        match (refusal, types.first()) {
            (Refusal::Unknown(mut ignored), Some(first)) => {
                let names = references(self.registry.of(*first)).map(Parameter::code);
                let near = nearest(&ignored.name, names);
                ignored.nearest = near.into_iter().map(str::to_owned).collect();
                Refusal::Unknown(ignored)
            }
            (refusal, _) => refusal,
        }
    }

    /// Concrete resource types that a name may stand for.
    pub(super) fn resource_type(&self, name: &str) -> Option<TypeId> {
        self.registry.schema().resource_type(name)
    }

    /// Every concrete resource type.
    pub(super) fn resource_types(&self) -> impl Iterator<Item = TypeId> + use<'a> {
        let types = self.registry.schema().types.iter();
        types
            .filter(|t| t.kind == TypeKind::Resource && !t.is_abstract)
            .map(|t| t.id)
    }
}

/// One definition, answered from the same entries. What a `code` implies may differ between the elements of two types.
fn same(a: &Parameter, b: &Parameter) -> bool {
    a.def.number() == b.def.number()
        && a.owners == b.owners
        && a.marks == b.marks
        && a.forms == b.forms
        && (!a.forms.contains(&Form::Code) || a.atoms == b.atoms || a.def.bases().len() == 1)
}

/// Where the index is asked for what refers to something: the resource that refers cannot be found by looking at another.
pub(super) fn demand_indexed(parameter: &Parameter, what: &str) -> Result<(), Failure> {
    if parameter.indexed {
        return Ok(());
    }
    let code = parameter.code();
    let text = format!(
        "'{code}' is defined by a client and not in the index yet: {what} by it is answered once $reindex says that it is."
    );
    Err(Failure::new(Kind::NotSupported, text))
}

/// A name as a message may repeat it.
pub(super) fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

/// What was given as the name of a parameter of the whole search may have been meant as one that shapes the answer.
pub(super) fn or_shaping(name: &str, ignored: &mut Ignored) {
    if let Some((bare, _)) = name.split_once(':')
        && SHAPING.contains(&bare)
    {
        ignored.why = Some(match bare {
            "_sort" => "it takes no modifier; '_sort=-date' is the descending order.",
            _ => "it takes no modifier.",
        });
    }
    if !name.contains(['.', ':']) {
        let names = ignored.nearest.iter().map(String::as_str);
        let near = nearest(&ignored.name, names.chain(SHAPING.iter().copied()));
        ignored.nearest = near.into_iter().map(str::to_owned).collect();
    }
}

/// Why a name that types have is not known over all of them.
const NOT_OF_ALL: &str =
    "over all types only what each of them has is taken; name those that are meant by '_type'.";

/// Criteria of no element.
const SPECIAL: &[&str] = &["_content", "_filter", "_has", "_list", "_query", "_text"];

/// Parameters that are no criteria.
const SHAPING: &[&str] = &[
    "_contained",
    "_containedType",
    "_count",
    "_elements",
    "_format",
    "_include",
    "_pretty",
    "_revinclude",
    "_score",
    "_sort",
    "_summary",
    "_total",
    "_type",
];

impl Ignored {
    /// Behind a hop: its name and those like it are said as they are to be written, from the resources that are searched on.
    pub(super) fn behind(mut self, hop: &str) -> Ignored {
        let whole = |name: &str| format!("{hop}{name}");
        self.nearest = self.nearest.iter().map(|name| whole(name)).collect();
        self.name = whole(&self.name);
        self
    }

    /// As the name of a key to sort by, which none of the criteria of no element is.
    pub(super) fn of_sort(mut self) -> Ignored {
        if self.why.is_some() {
            self.what = "sort parameter";
            return self;
        }
        let criteria = self.nearest.iter().map(String::as_str);
        let keys = criteria.filter(|n| !SPECIAL.contains(n)).chain(["_score"]);
        let near = nearest(&self.name, keys);
        self.nearest = near.into_iter().map(str::to_owned).collect();
        self.what = "sort parameter";
        self
    }
}
