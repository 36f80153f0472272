//! Chains: `subject:Patient.name`, `patient.organization.name`. <https://hl7.org/fhir/R4/search.html#chaining>

use super::criterion::{demand_indexed, short};
use super::outcome::meant;
use super::{Reader, Refusal};
use crate::check::{decidable, holds};
use crate::param::{Form, reference_targets, untold};
use crate::plan::{Check, Filter};
use crate::program::{Atom, ends};
use crate::registry::Parameter;
use std::sync::Arc;
use ward_fhir::schema::SearchType;
use ward_fhir::{Failure, Kind, Node, TypeId};

/// Reads what follows a hop for the type that the hop leads to.
pub(super) type Inner<'i> = &'i dyn Fn(TypeId) -> Result<Filter, Refusal>;

impl<'a> Reader<'a> {
    /// `reference` is `name[:Type]`. Without a type the chain is the union over those targets of the definition that know the
    /// name that follows.
    pub(super) fn chain(
        &self,
        types: &[TypeId],
        reference: &str,
        inner: Inner<'_>,
    ) -> Result<Filter, Refusal> {
        let (code, ty) = reference
            .split_once(':')
            .map_or((reference, None), |(code, ty)| (code, Some(ty)));
        let meanings = self
            .meanings(types, code)
            .map_err(|refusal| self.among_references(types, refusal))?;
        let several = meanings.len() > 1;
        let mut any = Vec::new();
        for meaning in meanings {
            demand_indexed(meaning.parameter, "a chain")?;
            let filter = self.chain_of(meaning.parameter, ty, inner)?;
            let filter = self.told(&meaning, filter);
            any.push(if several {
                Filter::And(vec![Filter::Types(meaning.types), filter])
            } else {
                filter
            });
        }
        Ok(one_or(any))
    }

    fn chain_of(
        &self,
        parameter: &Parameter,
        ty: Option<&str>,
        inner: Inner<'_>,
    ) -> Result<Filter, Refusal> {
        let targets = self.chain_targets(parameter, ty)?;
        if parameter.forms.contains(&Form::Inline) {
            return self.inline(parameter, &targets, inner);
        }
        let link = |target: TypeId, filter: Filter| {
            let owners = parameter.owners.iter();
            let reach = owners.filter(|o| o.only.is_none_or(|only| only == target));
            let chains = reach.map(|o| Filter::Chain {
                param: o.param,
                target,
                filter: Box::new(filter.clone()),
            });
            Ok(one_or(chains.collect()))
        };
        let hop = match ty {
            Some(ty) => format!("{}:{ty}.", parameter.code()),
            None => format!("{}.", parameter.code()),
        };
        self.over(&targets, ty.is_some(), &hop, inner, link)
    }

    /// The union over targets. Without a stated type the targets that do not know the name are left out. `hop` is how it is
    /// written.
    fn over(
        &self,
        targets: &[TypeId],
        stated: bool,
        hop: &str,
        inner: Inner<'_>,
        link: impl Fn(TypeId, Filter) -> Result<Filter, Failure>,
    ) -> Result<Filter, Refusal> {
        let (mut any, mut refusal) = (Vec::new(), None);
        for target in targets {
            match inner(*target) {
                Ok(filter) => any.push(link(*target, filter)?),
                Err(Refusal::Failure(f))
                    if stated || matches!(f.kind, Kind::TooCostly | Kind::HiddenElement) =>
                {
                    return Err(f.into());
                }
                // A value that one of the types refuses says more than a name that another does not know.
                Err(Refusal::Failure(f)) => refusal = Some(Refusal::Failure(f)),
                Err(unknown) => refusal = refusal.or(Some(unknown)),
            }
        }
        match (any.is_empty(), refusal) {
            (false, _) => Ok(one_or(any)),
            (true, Some(Refusal::Unknown(ignored))) => Err(Refusal::Unknown(ignored.behind(hop))),
            (true, Some(refusal)) => Err(refusal),
            (true, None) => Ok(Filter::Nothing),
        }
    }

    /// The types a chain over the parameter may lead to: the stated one, or those of the definition.
    fn chain_targets(
        &self,
        parameter: &Parameter,
        ty: Option<&str>,
    ) -> Result<Vec<TypeId>, Failure> {
        let code = parameter.code();
        if parameter.ty() != SearchType::Reference {
            let text = format!("Search parameter '{code}' is no reference: it cannot be chained.");
            return Err(Failure::new(Kind::Invalid, text));
        }
        if !parameter.is_chainable() {
            let text = format!(
                "Search parameter '{code}' holds canonical URLs: it cannot be chained. Ask for the URL instead."
            );
            return Err(Failure::new(Kind::NotSupported, text));
        }
        let possible = reference_targets(self.registry.schema(), parameter);
        let Some(name) = ty else {
            return Ok(possible);
        };
        let found = self.resource_type(name).filter(|t| possible.contains(t));
        found.map(|t| vec![t]).ok_or_else(|| {
            let names = possible.iter().map(|t| self.registry.schema().ty(*t).name);
            let text = format!(
                "'{code}' does not refer to resources of type '{}'{}.",
                short(name),
                meant(name, names)
            );
            Failure::new(Kind::Invalid, text)
        })
    }

    /// Resources inside a Bundle are no rows of their own: the Bundle itself decides.
    fn inline(
        &self,
        parameter: &Parameter,
        targets: &[TypeId],
        inner: Inner<'_>,
    ) -> Result<Filter, Refusal> {
        let code = parameter.code();
        let link = |target: TypeId, filter: Filter| {
            if self.targets.may_hide(&[], parameter.def.number(), target) {
                return Err(untold(&format!("{code}.")));
            }
            decidable(&filter, code)?;
            let extractor = self.extractor.clone();
            let atoms: Vec<Atom> = parameter.atoms.clone();
            let test = move |bundle: Node<'_>| {
                let found = atoms.iter().flat_map(|a| ends(bundle, &a.hops));
                found
                    .filter(|n| n.ty() == target)
                    .any(|n| holds(&extractor, &filter, n))
            };
            Ok(Filter::Check(Check {
                name: code.to_owned(),
                test: Arc::new(test),
            }))
        };
        self.over(targets, true, &format!("{code}."), inner, link)
    }
}

/// The conjunction.
pub(super) fn one_and(mut all: Vec<Filter>) -> Filter {
    match all.len() {
        0 => Filter::All,
        1 => all.remove(0),
        _ => Filter::And(all),
    }
}

/// The union.
pub(super) fn one_or(mut any: Vec<Filter>) -> Filter {
    match any.len() {
        0 => Filter::Nothing,
        1 => any.remove(0),
        _ => Filter::Or(any),
    }
}
