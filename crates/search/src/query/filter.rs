//! `_filter`: expressions over search parameters, lowered to the same filters. <https://hl7.org/fhir/R4/search_filter.html>
//!
//! Departs: `ne` of strings, tokens, uris and references is "has a value, and
//! none of them is equal": the index does not tell which of several values an unequal one belongs to.

mod operator;
mod parse;

use self::parse::{Expression, Fault, Operator, Step, Test, parse};
use super::chain::one_or;
use super::criterion::Meaning;
use super::{FILTER_BYTES_MAX, FILTER_NODES_MAX, Reader, Refusal};
use crate::param::composite;
use crate::plan::Filter;
use crate::registry::composite::Alternative;
use ward_fhir::schema::SearchType;
use ward_fhir::{Failure, Kind, TypeId};

impl Reader<'_> {
    pub(super) fn filter_expression(
        &self,
        types: &[TypeId],
        modifier: Option<&str>,
        value: &str,
        depth: usize,
    ) -> Result<Filter, Refusal> {
        if modifier.is_some() {
            let text = "'_filter' has no modifiers.";
            return Err(Failure::new(Kind::NotSupported, text).into());
        }
        let expression = parse(value).map_err(failure)?;
        // What is not known inside an expression cannot be left out of it.
        self.lower(types, &expression, depth).map_err(|r| match r {
            Refusal::Unknown(ignored) => ignored.failure().into(),
            failure => failure,
        })
    }

    fn lower(
        &self,
        types: &[TypeId],
        expression: &Expression,
        depth: usize,
    ) -> Result<Filter, Refusal> {
        let each = |list: &[Expression]| {
            list.iter()
                .map(|e| self.lower(types, e, depth))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(match expression {
            Expression::And(all) => Filter::And(each(all)?),
            Expression::Or(any) => Filter::Or(each(any)?),
            Expression::Not(inner) => Filter::Not(Box::new(self.lower(types, inner, depth)?)),
            Expression::Test(test) => self.test(types, &test.path, test, depth)?,
        })
    }

    /// `path` is what is left of the test's.
    fn test(
        &self,
        types: &[TypeId],
        path: &[Step],
        test: &Test,
        depth: usize,
    ) -> Result<Filter, Refusal> {
        let Some((step, rest)) = path.split_first() else {
            return Ok(Filter::Nothing);
        };
        self.spend(&step.name, depth)?;
        if let Some(text) = step.name.strip_prefix("_has:") {
            let inner = |ty: TypeId, name: &str| {
                let first = Step {
                    name: name.to_owned(),
                    inside: None,
                };
                self.hop(&[ty], &first, rest, test, depth + 1)
            };
            return self.has(types, text, &inner);
        }
        self.hop(types, step, rest, test, depth)
    }

    fn hop(
        &self,
        types: &[TypeId],
        step: &Step,
        rest: &[Step],
        test: &Test,
        depth: usize,
    ) -> Result<Filter, Refusal> {
        if step.name.starts_with("_has:") {
            let path = [Step {
                name: step.name.clone(),
                inside: None,
            }];
            return self.test(types, &path, test, depth);
        }
        // The examples of the specification write `subject.id`.
        let name = if step.name == "id" { "_id" } else { &step.name };
        if rest.is_empty() {
            return match &step.inside {
                None => self.last(types, name, test),
                Some(_) => Err(invalid("needs a parameter after ']'").into()),
            };
        }
        if let Some(filter) = self.element(types, name, step, rest, test)? {
            return Ok(filter);
        }
        let inner = |ty: TypeId| {
            let after = self.test(&[ty], rest, test, depth + 1)?;
            Ok(match &step.inside {
                None => after,
                Some(inside) => Filter::And(vec![self.lower(&[ty], inside, depth + 1)?, after]),
            })
        };
        self.chain(types, name, &inner)
    }

    fn last(&self, types: &[TypeId], name: &str, test: &Test) -> Result<Filter, Refusal> {
        let (code, modifier) = name
            .split_once(':')
            .map_or((name, None), |(code, modifier)| (code, Some(modifier)));
        if let Some(filter) = self.special(types, code, modifier, &test.value)? {
            return match test.operator {
                Operator::Eq => Ok(filter),
                _ => Err(invalid(&format!("tests '{code}' by 'eq' alone")).into()),
            };
        }
        let mut any = Vec::new();
        let meanings = self.meanings(types, code)?;
        let is_equal = matches!(test.operator, Operator::Eq | Operator::Ne);
        self.demand_told(&meanings, if is_equal { name } else { "" }, &test.value)?;
        let several = meanings.len() > 1;
        for meaning in meanings {
            let filter = self.compare(&meaning, modifier, test.operator, &test.value)?;
            let filter = self.looked_at(meaning.parameter, filter);
            any.push(if several {
                Filter::And(vec![Filter::Types(meaning.types), filter])
            } else {
                filter
            });
        }
        Ok(one_or(any))
    }

    /// `composite[component eq x].component gt y`: both in one element. `None`: not a composite.
    fn element(
        &self,
        types: &[TypeId],
        name: &str,
        step: &Step,
        rest: &[Step],
        test: &Test,
    ) -> Result<Option<Filter>, Refusal> {
        let ([last], Some(inside)) = (rest, &step.inside) else {
            return Ok(None);
        };
        let Expression::Test(first) = inside.as_ref() else {
            return Ok(None);
        };
        let meanings = self.meanings(types, name.split(':').next().unwrap_or(name))?;
        let mut any = Vec::new();
        for meaning in meanings {
            if meaning.parameter.ty() != SearchType::Composite {
                return Ok(None);
            }
            let values = [
                (first.path.as_slice(), first),
                (std::slice::from_ref(last), test),
            ];
            let value = composite_value(&meaning, values)?;
            let filter = composite::ask(&self.ask(&meaning, None), &value)?;
            any.push(self.told(&meaning, filter));
        }
        Ok(Some(one_or(any)))
    }
}

/// The values of two tests on components, in the order of the composite.
fn composite_value(meaning: &Meaning<'_>, tests: [(&[Step], &Test); 2]) -> Result<String, Failure> {
    let parts = match meaning.parameter.composite.first() {
        Some(Alternative::Tuple { parts, .. }) => parts.as_slice(),
        Some(Alternative::Whole { parts, .. }) => parts.as_slice(),
        None => &[],
    };
    let mut values = Vec::new();
    for part in parts {
        let found = tests.iter().find(
            |(path, _)| matches!(path, [step] if *step.name == *part.code && step.inside.is_none()),
        );
        let (_, test) = found.ok_or_else(|| {
            let names: Vec<&str> = parts.iter().map(|p| &*p.code).collect();
            invalid(&format!(
                "must test the components {} of '{}'",
                names.join(" and "),
                meaning.parameter.code()
            ))
        })?;
        values.push(operator::component(test.operator, part.ty, &test.value)?);
    }
    Ok(values.join("$"))
}

fn failure(fault: Fault) -> Failure {
    match fault {
        Fault::At(at, expected) => invalid(&format!(
            "is no filter: {expected} was expected at position {at}"
        )),
        Fault::TooLarge => Failure::new(
            Kind::TooCostly,
            format!(
                "'_filter' may have {FILTER_BYTES_MAX} bytes and {FILTER_NODES_MAX} conditions at most."
            ),
        ),
    }
}

fn invalid(what: &str) -> Failure {
    Failure::new(Kind::Invalid, format!("The value of '_filter' {what}."))
}
