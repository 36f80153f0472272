//! One criterion, `name[:modifier]=value[,value…]`, to a [`Filter`]. <https://hl7.org/fhir/R4/search.html#modifiers>

use super::{Ignored, OR_VALUES_MAX, Reader, TERMS_MAX};
use crate::escape::{split, unescape};
use crate::nearest::nearest;
use crate::param::{Ask, date, number, quantity, reference, string, token, uri};
use crate::plan::Filter;
use crate::registry::{Marks, Parameter, TypeParameters};
use ward_fhir::reference::is_id;
use ward_fhir::schema::SearchType;
use ward_fhir::{Failure, Kind, TypeId};

impl<'a> Reader<'a> {
    /// Adds the filter of one criterion; `false`: ignored as unknown.
    pub(super) fn criterion(&mut self, name: &str, value: &str) -> Result<bool, Failure> {
        let (code, modifier) = name
            .split_once(':')
            .map_or((name, None), |(code, modifier)| (code, Some(modifier)));
        if name.contains('.') {
            return Err(Failure::new(
                Kind::NotSupported,
                "Chained parameters are not supported yet.",
            ));
        }
        let mut alternatives: Vec<(u16, Filter)> = Vec::new();
        for (types, parameter) in self.meanings(code)? {
            if !alternatives.iter().any(|(id, _)| *id == parameter.def.id) {
                alternatives.push((
                    parameter.def.id,
                    self.filter(types, parameter, modifier, value)?,
                ));
            }
        }
        match alternatives.len() {
            0 => return Ok(false),
            1 => self
                .filters
                .extend(alternatives.pop().map(|(_, filter)| filter)),
            _ if alternatives.iter().any(|(_, f)| negates(f)) => {
                let text = format!(
                    "':{}' on '{code}' needs a search over one type.",
                    modifier.unwrap_or("missing")
                );
                return Err(Failure::new(Kind::NotSupported, text));
            }
            // Index entries of one type never match the parameter of another, so the union is exact.
            _ => self.filters.push(Filter::Or(
                alternatives.into_iter().map(|(_, filter)| filter).collect(),
            )),
        }
        Ok(true)
    }

    /// The parameter of that name, for `_sort`; several types must agree.
    pub(super) fn look_up(&mut self, code: &str) -> Result<Option<&'a Parameter>, Failure> {
        let found = self.meanings(code)?;
        match found.as_slice() {
            [] => Ok(None),
            [(_, first), rest @ ..] if rest.iter().all(|(_, p)| p.def.id == first.def.id) => {
                Ok(Some(first))
            }
            _ => Err(Failure::new(
                Kind::NotSupported,
                format!("Sorting by '{code}' needs a search over one type."),
            )),
        }
    }

    /// What the name means for each of the types; empty: unknown and ignored.
    fn meanings(
        &mut self,
        code: &str,
    ) -> Result<Vec<(&'a TypeParameters, &'a Parameter)>, Failure> {
        let registry = self.registry;
        let types: Vec<TypeId> = match self.plan.types.as_slice() {
            [] => registry
                .schema()
                .resource_type("Basic")
                .into_iter()
                .collect(),
            listed => listed.to_vec(),
        };
        let common_only = self.plan.types.is_empty() && !code.starts_with('_');
        let found: Vec<_> = types
            .iter()
            .map(|t| registry.of(*t))
            .filter_map(|t| t.find(code).map(|p| (t, p)))
            .collect();
        if found.len() < types.len() || common_only {
            let names = types
                .iter()
                .flat_map(|t| registry.of(*t).served())
                .map(|p| p.def.code);
            let near = nearest(
                code,
                names
                    .filter(|n| !common_only || n.starts_with('_'))
                    .chain(RESULT_PARAMETERS.iter().copied()),
            );
            let ignored = Ignored {
                name: code.to_owned(),
                nearest: near,
            };
            if self.options.strict {
                return Err(ignored.failure());
            }
            self.used.ignored.push(ignored);
            return Ok(Vec::new());
        }
        for (_, parameter) in &found {
            if let Err(reason) = parameter.service {
                return Err(Failure::new(
                    Kind::NotSupported,
                    format!("Search parameter '{code}' is not supported: {reason}."),
                ));
            }
        }
        Ok(found)
    }

    fn filter(
        &self,
        types: &TypeParameters,
        parameter: &Parameter,
        modifier: Option<&str>,
        value: &str,
    ) -> Result<Filter, Failure> {
        if modifier == Some("missing") {
            return match value {
                "true" => Ok(missing(self.key, types, parameter, true)),
                "false" => Ok(missing(self.key, types, parameter, false)),
                _ => Err(Failure::new(
                    Kind::Invalid,
                    format!(
                        "The value of '{}:missing' must be true or false.",
                        parameter.code()
                    ),
                )),
            };
        }
        let not = modifier == Some("not")
            && parameter.ty() == SearchType::Token
            && parameter.code() != "_id";
        let ask = Ask {
            key: self.key,
            schema: self.registry.schema(),
            parameter,
            modifier: if not { None } else { modifier },
            base: self.options.base,
            now_us: self.options.now_us,
        };
        let mut any = Vec::new();
        for (at, one) in split(value, b',').enumerate() {
            if at == OR_VALUES_MAX {
                return Err(too_many(parameter));
            }
            if !one.is_empty() {
                any.push(self.one(&ask, one)?);
            }
        }
        let filter = merge(any);
        if size(&filter) > TERMS_MAX {
            return Err(too_many(parameter));
        }
        Ok(if not {
            Filter::Not(Box::new(filter))
        } else {
            filter
        })
    }

    fn one(&self, ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
        if ask.parameter.code() == "_id" {
            return match ask.modifier {
                None => Ok(id(&unescape(value))),
                Some(modifier) => Err(ask.bad_modifier(modifier, &["missing"])),
            };
        }
        match ask.parameter.ty() {
            SearchType::Token => token::ask(ask, value),
            SearchType::String => string::ask(ask, value),
            SearchType::Reference => reference::ask(ask, value),
            SearchType::Date => date::ask(ask, value),
            SearchType::Uri => uri::ask(ask, value),
            SearchType::Number => number::ask(ask, value),
            SearchType::Quantity => quantity::ask(ask, value),
            SearchType::Composite | SearchType::Special => Ok(Filter::Nothing),
        }
    }
}

/// Modifiers answered for a type of parameter, for the CapabilityStatement and for messages.
pub fn modifiers(ty: SearchType) -> Vec<&'static str> {
    let own = match ty {
        SearchType::Token => token::MODIFIERS,
        SearchType::String => string::MODIFIERS,
        SearchType::Reference => reference::MODIFIERS,
        SearchType::Date => date::MODIFIERS,
        SearchType::Uri => uri::MODIFIERS,
        SearchType::Number => number::MODIFIERS,
        SearchType::Quantity => quantity::MODIFIERS,
        SearchType::Composite | SearchType::Special => return Vec::new(),
    };
    std::iter::once("missing")
        .chain(own.iter().copied())
        .collect()
}

const RESULT_PARAMETERS: &[&str] = &[
    "_count",
    "_elements",
    "_format",
    "_pretty",
    "_sort",
    "_summary",
    "_total",
];

fn id(text: &str) -> Filter {
    if is_id(text) {
        Filter::Ids(vec![text.to_owned()])
    } else {
        Filter::Nothing
    }
}

/// `:missing`, from whichever state leaves a marker.
fn missing(
    key: &crate::entries::TermKey,
    types: &TypeParameters,
    parameter: &Parameter,
    wanted: bool,
) -> Filter {
    let marked = || Filter::AnyTerm(vec![key.marker(parameter.def.id)]);
    match (parameter.marks, wanted) {
        (Marks::Missing, true) | (Marks::Present, false) => marked(),
        (Marks::Missing, false) | (Marks::Present, true) => Filter::Not(Box::new(marked())),
        (Marks::Listed, false) => Filter::AnyForm(vec![key.marker(parameter.def.id)]),
        (Marks::Listed, true) => Filter::Not(Box::new(Filter::AnyForm(vec![
            key.marker(parameter.def.id),
        ]))),
        (Marks::Nothing, _) if parameter.is_column() || parameter.truth => {
            if wanted {
                Filter::Nothing
            } else {
                Filter::All
            }
        }
        (Marks::Nothing, _) => {
            let owners = parameter
                .owners
                .iter()
                .filter_map(|o| types.all().find(|p| p.def.id == o.param));
            let each = owners
                .filter(|p| p.def.id != parameter.def.id)
                .map(|p| missing(key, types, p, wanted))
                .collect();
            if wanted {
                Filter::And(each)
            } else {
                Filter::Or(each)
            }
        }
    }
}

/// The union of the values' filters, with all terms in one list.
fn merge(any: Vec<Filter>) -> Filter {
    let (mut terms, mut forms, mut ids, mut rest) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut open = any;
    while let Some(filter) = open.pop() {
        match filter {
            Filter::AnyTerm(t) => terms.extend(t),
            Filter::AnyForm(f) => forms.extend(f),
            Filter::Ids(i) => ids.extend(i),
            Filter::Or(inner) => open.extend(inner),
            Filter::Nothing => {}
            other => rest.push(other),
        }
    }
    for list in [&mut terms, &mut forms] {
        list.sort_unstable();
        list.dedup();
    }
    ids.sort_unstable();
    ids.dedup();
    rest.reverse();
    if !ids.is_empty() {
        rest.insert(0, Filter::Ids(ids));
    }
    if !forms.is_empty() {
        rest.insert(0, Filter::AnyForm(forms));
    }
    if !terms.is_empty() {
        rest.insert(0, Filter::AnyTerm(terms));
    }
    match rest.len() {
        0 => Filter::Nothing,
        1 => rest.remove(0),
        _ => Filter::Or(rest),
    }
}

fn size(filter: &Filter) -> usize {
    match filter {
        Filter::AnyTerm(list) | Filter::AnyForm(list) => list.len(),
        Filter::Or(list) | Filter::And(list) => list.iter().map(size).sum(),
        Filter::Not(inner) => size(inner),
        _ => 1,
    }
}

fn negates(filter: &Filter) -> bool {
    match filter {
        Filter::Not(_) | Filter::All => true,
        Filter::Or(list) | Filter::And(list) => list.iter().any(negates),
        _ => false,
    }
}

fn too_many(parameter: &Parameter) -> Failure {
    Failure::new(
        Kind::TooCostly,
        format!(
            "Search parameter '{}' has too many values (at most {OR_VALUES_MAX}).",
            parameter.code()
        ),
    )
}
