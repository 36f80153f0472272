//! The values of one parameter to a filter. <https://hl7.org/fhir/R4/search.html#combining>

use super::criterion::Meaning;
use super::{OR_VALUES_MAX, Reader, TERMS_MAX, missing};
use crate::edition::Edition;
use crate::entries::Term;
use crate::escape::{split, unescape};
use crate::param::{
    Ask, composite, date, number, position, quantity, reference, string, token, uri,
};
use crate::plan::Filter;
use crate::registry::Parameter;
use ward_fhir::reference::is_id;
use ward_fhir::schema::{Schema, SearchType};
use ward_fhir::{Failure, Kind};

impl Reader<'_> {
    /// One of the values of the comma list, or with `:not` and `:not-in` none of them.
    pub(super) fn values(
        &self,
        meaning: &Meaning<'_>,
        modifier: Option<&str>,
        value: &str,
    ) -> Result<Filter, Failure> {
        let parameter = meaning.parameter;
        if modifier == Some("missing") {
            self.demand_target_seen(meaning)?;
            return match value {
                "true" => Ok(self.missing(meaning, true)),
                "false" => Ok(self.missing(meaning, false)),
                _ => {
                    let text = format!(
                        "The value of '{}:missing' must be true or false.",
                        parameter.code()
                    );
                    Err(Failure::new(Kind::Invalid, text))
                }
            };
        }
        // Where it is answered from its own entries, those depend on the type of the target.
        if modifier == Some("identifier") && parameter.owners.iter().any(|o| o.only.is_none()) {
            self.demand_target_seen(meaning)?;
        }
        let is_token = parameter.ty() == SearchType::Token;
        let (not, modifier) = match modifier {
            Some("not") if is_token => (true, None),
            Some("not-in") if is_token && !parameter.is_column() => (true, Some("in")),
            other => (false, other),
        };
        let filter = self.any(&self.ask(meaning, modifier), value)?;
        let filter = self.told(meaning, filter);
        Ok(if not {
            Filter::Not(Box::new(filter))
        } else {
            filter
        })
    }

    /// Whether it has no value, or has one.
    pub(super) fn missing(&self, meaning: &Meaning<'_>, wanted: bool) -> Filter {
        let is = |wanted| {
            let (key, parameter) = (self.extractor.key(), meaning.parameter);
            missing::filter(key, meaning.all, parameter, wanted)
        };
        match (self.masks(meaning), wanted) {
            (false, wanted) => is(wanted),
            (true, false) => self.present(meaning, is(false)),
            (true, true) => Filter::Not(Box::new(self.present(meaning, is(false)))),
        }
    }

    pub(super) fn ask<'m>(
        &'m self,
        meaning: &'m Meaning<'m>,
        modifier: Option<&'m str>,
    ) -> Ask<'m> {
        Ask {
            extractor: self.extractor,
            key: self.extractor.key(),
            schema: self.registry.schema(),
            types: meaning.all,
            parameter: meaning.parameter,
            of: &meaning.types,
            targets: self.targets,
            oldest: meaning.oldest,
            modifier,
            base: self.extractor.base(),
            now_us: self.options.now_us,
            terminology: self.options.terminology,
        }
    }

    fn any(&self, ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
        let mut any = Vec::new();
        for (at, one) in split(value, b',').enumerate() {
            if at == OR_VALUES_MAX {
                return Err(too_many(ask.parameter));
            }
            if !one.is_empty() {
                any.push(value_filter(ask, one)?);
            }
        }
        let filter = merge(any);
        // Of an older edition a code may have another term.
        let most = match ask.oldest < Edition::NEWEST {
            true => 2 * TERMS_MAX,
            false => TERMS_MAX,
        };
        if size(&filter) > most {
            return Err(too_many(ask.parameter));
        }
        Ok(match filter {
            Filter::AnyTerm(terms) => of_patients(ask, value, terms),
            other => other,
        })
    }
}

/// Tells storage when every value names a Patient.
fn of_patients(ask: &Ask<'_>, value: &str, terms: Vec<Term>) -> Filter {
    let mut ids = Vec::new();
    for one in split(value, b',').filter(|one| !one.is_empty()) {
        match reference::patient(ask, one) {
            Some(id) => ids.push(id),
            None => return Filter::AnyTerm(terms),
        }
    }
    match ask.parameter.owners.as_slice() {
        [owner] if !ids.is_empty() => {
            ids.retain(|id| reference::resolves_patient(ask, owner, id));
            Filter::AnyPatient {
                param: owner.param,
                ids,
                terms,
            }
        }
        _ => Filter::AnyTerm(terms),
    }
}

/// What one value asks, as its kind of parameter reads it.
pub(super) fn value_filter(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    if ask.parameter.code() == "_id" {
        return match ask.modifier {
            None => Ok(id(&unescape(value))),
            Some(modifier) => Err(ask.bad_modifier(modifier, &["missing", "not"])),
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
        SearchType::Composite => composite::ask(ask, value),
        SearchType::Special => position::ask(ask, value),
    }
}

/// Modifiers that the parameter takes, beside the `:[type]` of references: for the CapabilityStatement.
pub fn modifiers(schema: &'static Schema, parameter: &Parameter) -> Vec<&'static str> {
    let own = match parameter.ty() {
        _ if parameter.is_whole() => return Vec::new(),
        SearchType::Token if parameter.is_column() => vec!["not"],
        _ if parameter.is_column() => Vec::new(),
        SearchType::Token => token::modifiers(schema, parameter),
        SearchType::String => string::MODIFIERS.to_vec(),
        SearchType::Reference => reference::modifiers(schema, parameter),
        SearchType::Date => date::MODIFIERS.to_vec(),
        SearchType::Uri => uri::MODIFIERS.to_vec(),
        SearchType::Number => number::MODIFIERS.to_vec(),
        SearchType::Quantity => quantity::MODIFIERS.to_vec(),
        SearchType::Composite => Vec::new(),
        SearchType::Special => return Vec::new(),
    };
    std::iter::once("missing").chain(own).collect()
}

fn id(text: &str) -> Filter {
    if is_id(text) {
        Filter::Ids(vec![text.to_owned()])
    } else {
        Filter::Nothing
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
        Filter::AnyPatient { terms, .. } => terms.len(),
        Filter::Or(list) | Filter::And(list) => list.iter().map(size).sum(),
        Filter::Not(inner) => size(inner),
        _ => 1,
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
