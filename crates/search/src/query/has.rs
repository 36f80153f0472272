//! Reverse chains: `_has:Observation:patient:code`, nested and combined with chains. <https://hl7.org/fhir/R4/search.html#has>

use super::chain::one_or;
use super::criterion::{demand_indexed, short};
use super::{Reader, Refusal};
use crate::param::{Form, reference_targets};
use crate::plan::Filter;
use ward_fhir::schema::SearchType;
use ward_fhir::{Failure, Kind, TypeId};

impl Reader<'_> {
    /// `text` is what follows `_has:`, `Type:reference:criterion`, where the criterion may be a chain or another `_has`.
    pub(super) fn has(
        &self,
        types: &[TypeId],
        text: &str,
        inner: &dyn Fn(TypeId, &str) -> Result<Filter, Refusal>,
    ) -> Result<Filter, Refusal> {
        let mut parts = text.splitn(3, ':');
        let (Some(source), Some(code), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid("'_has' must be '_has:Type:reference:parameter'.".into()).into());
        };
        let Some(source) = self.resource_type(source) else {
            let text = format!("'{}' in '_has' is no resource type.", short(source));
            return Err(invalid(text).into());
        };
        let name = self.registry.schema().ty(source).name;
        let meanings = self
            .meanings(&[source], code)
            .map_err(|refusal| self.among_references(&[source], refusal))
            .map_err(|refusal| refusal.behind(&format!("_has:{name}:")))?;
        let parameter = meanings[0].parameter;
        demand_indexed(parameter, "'_has'")?;
        if parameter.ty() == SearchType::Reference && !parameter.is_chainable() {
            let text = format!(
                "'{}' in '_has' holds canonical URLs, by which '_has' does not go; ask {name} by the URL instead.",
                short(code)
            );
            return Err(Failure::new(Kind::NotSupported, text).into());
        }
        if parameter.ty() != SearchType::Reference || !parameter.forms.contains(&Form::Reference) {
            let text = format!("'{}' in '_has' is no reference parameter.", short(code));
            return Err(invalid(text).into());
        }
        let possible = reference_targets(self.registry.schema(), parameter);
        if !types.is_empty() && !types.iter().any(|t| possible.contains(t)) {
            let text = format!(
                "'{}' in '_has' never refers to the resources searched.",
                short(code)
            );
            return Err(invalid(text).into());
        }
        let filter = inner(source, rest)
            .map_err(|refusal| refusal.behind(&format!("_has:{name}:{}:", short(code))))?;
        let filter = self.referred(source, parameter, filter);
        let owners = parameter.owners.iter();
        let any = owners.map(|o| {
            let has = Filter::Has {
                source,
                param: o.param,
                filter: Box::new(filter.clone()),
            };
            match o.only {
                Some(only) if types != [only] => Filter::And(vec![Filter::Types(vec![only]), has]),
                _ => has,
            }
        });
        Ok(one_or(any.collect()))
    }
}

fn invalid(text: String) -> Failure {
    Failure::new(Kind::Invalid, text)
}
