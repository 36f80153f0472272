//! `_sort` over several types: each by its own parameter of the name, and all of one kind. <https://hl7.org/fhir/R4/search.html#sort>
//!
//! Types that are named must all know the name. Of the types of a compartment those that do are sorted by it, and the others come
//! last, as what has no value.

use super::super::criterion::Meaning;
use super::super::{Reader, Refusal};
use super::key_of;
use crate::nearest::nearest;
use crate::param::{tells_of_hidden, untold};
use crate::plan::SortKey;
use crate::registry::Parameter;
use ward_fhir::schema::SearchType;
use ward_fhir::{Failure, Kind, TypeId};

impl<'a> Reader<'a> {
    /// What the name means for the types that are sorted by it.
    pub(super) fn sorted_by(&self, code: &str) -> Result<Vec<Meaning<'a>>, Refusal> {
        let types = &self.plan.types;
        // What is hidden of a type is refused by its name, and is not what it lacks.
        let is_known =
            |ty: &&TypeId| self.is_served(**ty, code) || self.registry.of(**ty).hides(code);
        let Some(first) = types.iter().find(|ty| !is_known(ty)) else {
            return self.meanings(types, code);
        };
        let known: Vec<TypeId> = types.iter().filter(is_known).copied().collect();
        if !self.are_named && !known.is_empty() {
            return self.meanings(&known, code);
        }
        self.meanings(types, code).map_err(|refusal| match refusal {
            Refusal::Unknown(mut ignored) if types.len() > 1 => {
                ignored.nearest = self.sortable(code);
                ignored.lacking =
                    (!known.is_empty()).then(|| self.registry.schema().ty(*first).name);
                Refusal::Unknown(ignored)
            }
            other => other,
        })
    }

    /// The key of each type, as one.
    ///
    /// `NotSupported`: one of them has no order, or they are of different kinds.
    pub(super) fn of_each(
        &self,
        meanings: &[Meaning<'a>],
        code: &str,
        descending: bool,
    ) -> Result<SortKey, Failure> {
        if let Some(why) = differing(meanings, |ty| self.registry.schema().ty(ty).name) {
            return Err(self.unsorted(code, &why));
        }
        let mut keys = Vec::new();
        for meaning in meanings {
            self.demand_order(meaning)?;
            let key =
                key_of(meaning.parameter, descending).map_err(|why| self.unsorted(code, why))?;
            // The index has an order of what is masked too: each resource is looked at as it is seen.
            let key = match self.masks(meaning) {
                true => SortKey::Text {
                    param: meaning.parameter.def.number(),
                    descending,
                },
                false => key,
            };
            keys.extend(meaning.types.iter().map(|ty| (*ty, key.clone())));
        }
        let Some((_, first)) = keys.first().cloned() else {
            return Err(self.unsorted(code, "no type has it"));
        };
        let are_all = keys.len() >= self.plan.types.len();
        Ok(match are_all && keys.iter().all(|(_, key)| *key == first) {
            true => first,
            false => SortKey::Each {
                keys: keys.into(),
                descending,
            },
        })
    }

    /// Refuses an order by references to what may be hidden: it would tell of the ids.
    fn demand_order(&self, meaning: &Meaning<'a>) -> Result<(), Failure> {
        let (parameter, schema) = (meaning.parameter, self.registry.schema());
        let is_reference = parameter.ty() == SearchType::Reference;
        match is_reference && tells_of_hidden(schema, parameter, &meaning.types, self.targets) {
            true => Err(untold(&format!("_sort={}", parameter.code()))),
            false => Ok(()),
        }
    }

    fn unsorted(&self, code: &str, why: &str) -> Failure {
        let near = match self.sortable(code).as_slice() {
            [] => "_lastUpdated".to_owned(),
            near => near.join(", "),
        };
        let text =
            format!("The search cannot be sorted by '{code}': {why}. It can be sorted by {near}.");
        Failure::new(Kind::NotSupported, text)
    }

    /// Names most like it by which the types are sorted together.
    fn sortable(&self, code: &str) -> Vec<String> {
        let types = &self.plan.types;
        let names = types.iter().flat_map(|ty| self.registry.of(*ty).served());
        let mut names: Vec<&str> = names.map(Parameter::code).collect();
        names.sort_unstable();
        names.dedup();
        let is_shared = |name: &&str| *name != code && self.is_shared(name);
        let near = nearest(code, names.into_iter().filter(is_shared));
        near.into_iter().map(str::to_owned).collect()
    }

    /// Whether the types have an order by it together.
    fn is_shared(&self, code: &str) -> bool {
        let types = &self.plan.types;
        let found = || types.iter().filter_map(|ty| self.registry.find(*ty, code));
        let kind = found().next().map(Parameter::ty);
        let is_whole = !self.are_named || types.iter().all(|ty| self.is_served(*ty, code));
        let is_sorted =
            |p: &Parameter| p.is_served() && kind == Some(p.ty()) && key_of(p, false).is_ok();
        is_whole && found().all(is_sorted)
    }

    fn is_served(&self, ty: TypeId, code: &str) -> bool {
        self.registry
            .find(ty, code)
            .is_some_and(Parameter::is_served)
    }
}

/// Where the name is of different kinds of parameters: of which.
fn differing(meanings: &[Meaning<'_>], name: impl Fn(TypeId) -> &'static str) -> Option<String> {
    let (first, rest) = meanings.split_first()?;
    let other = rest
        .iter()
        .find(|m| m.parameter.ty() != first.parameter.ty())?;
    let of = |meaning: &Meaning<'_>| {
        let kind = kind(meaning.parameter.ty());
        format!(
            "{kind} of {}",
            meaning.types.first().map_or("", |ty| name(*ty))
        )
    };
    Some(format!("it is {} and {}", of(first), of(other)))
}

fn kind(ty: SearchType) -> &'static str {
    match ty {
        SearchType::Number => "a number",
        SearchType::Date => "a date",
        SearchType::String => "a string",
        SearchType::Token => "a token",
        SearchType::Reference => "a reference",
        SearchType::Composite => "a composite",
        SearchType::Quantity => "a quantity",
        SearchType::Uri => "a URI",
        SearchType::Special => "of a kind of its own",
    }
}
