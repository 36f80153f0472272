//! What each operator of `_filter` asks of each type of parameter. <https://hl7.org/fhir/R4/search_filter.html#ops>

use super::parse::{OPERATORS, Operator};
use crate::check::fresh;
use crate::escape::unescape;
use crate::param::string::{any, wanted};
use crate::param::{Ask, Form, date};
use crate::plan::{Filter, PhraseTest};
use crate::query::criterion::Meaning;
use crate::query::values::value_filter;
use crate::query::{Reader, is_blank};
use ward_fhir::schema::SearchType::{self, Date, Number, Quantity, Reference, String, Token, Uri};
use ward_fhir::{Failure, Kind};

impl Reader<'_> {
    /// What the operator asks, of what is shown of the parameter.
    pub(super) fn compare(
        &self,
        meaning: &Meaning<'_>,
        modifier: Option<&str>,
        operator: Operator,
        value: &str,
    ) -> Result<Filter, Failure> {
        let filter = self.compared(meaning, modifier, operator, value)?;
        Ok(match operator {
            Operator::Present => filter,
            _ => self.told(meaning, filter),
        })
    }

    fn compared(
        &self,
        meaning: &Meaning<'_>,
        modifier: Option<&str>,
        operator: Operator,
        value: &str,
    ) -> Result<Filter, Failure> {
        let ask = self.ask(meaning, modifier);
        if is_blank(value) {
            return Err(ask.bad("is empty"));
        }
        let with = |modifier: &'static str| {
            let ask = Ask {
                modifier: Some(modifier),
                ..ask
            };
            value_filter(&ask, value)
        };
        let ty = meaning.parameter.ty();
        if matches!(operator, Operator::Present | Operator::Ne) {
            self.demand_target_seen(meaning)?;
        }
        match (operator, ty) {
            (Operator::Eq, String) => string(&ask, value, |param, value| Filter::StringEquals {
                param,
                value,
            }),
            (Operator::Contains, String) => string(&ask, value, |param, value| {
                Filter::StringContains { param, value }
            }),
            (Operator::Starts, String) => string(&ask, value, |param, value| {
                Filter::StringPrefix { param, value }
            }),
            (Operator::Ends, String) => string(&ask, value, |param, value| Filter::StringEnds {
                param,
                value,
            }),
            (Operator::Contains, Token) => text(&ask, value),
            (Operator::Contains, Uri) => {
                Ok(any(&meaning.parameter.owners, |owner| Filter::Phrase {
                    param: owner.param,
                    test: PhraseTest::Contains,
                    value: unescape(value).into_owned(),
                }))
            }
            (Operator::Starts, Uri) => with("below"),
            (Operator::Present, _) => match value {
                "true" | "false" => Ok(self.missing(meaning, value == "false")),
                _ => Err(ask.bad("must be true or false with 'pr'")),
            },
            (Operator::Overlaps, Date) if !meaning.parameter.is_column() => {
                date::overlaps(&ask, value)
            }
            (Operator::Overlaps, Date) => value_filter(&ask, value),
            (Operator::Subsumes, Token) => with("below"),
            (Operator::SubsumedBy, Token) => with("above"),
            (Operator::In, Token) => with("in"),
            (Operator::NotIn, Token) => Ok(Filter::Not(Box::new(with("in")?))),
            (Operator::Refers, Reference) => value_filter(&ask, value),
            (Operator::Ne, String | Token | Uri | Reference) => {
                let equal = self.compared(meaning, modifier, Operator::Eq, value)?;
                let present = self.missing(meaning, false);
                Ok(Filter::And(vec![present, Filter::Not(Box::new(equal))]))
            }
            (operator, ty) => value_filter(&ask, &component(operator, ty, value)?),
        }
    }
}

/// The value with the prefix that means the operator.
pub(super) fn component(
    operator: Operator,
    ty: SearchType,
    value: &str,
) -> Result<std::string::String, Failure> {
    let ranges = matches!(ty, Date | Number | Quantity);
    let name = OPERATORS
        .iter()
        .find(|(_, o)| *o == operator)
        .map_or("", |(name, _)| name);
    match operator {
        Operator::Eq if !ranges => Ok(value.to_owned()),
        Operator::Eq
        | Operator::Ne
        | Operator::Gt
        | Operator::Lt
        | Operator::Ge
        | Operator::Le
        | Operator::Ap
        | Operator::Sa
        | Operator::Eb
            if ranges =>
        {
            Ok(format!("{name}{value}"))
        }
        _ => Err(Failure::new(
            Kind::Invalid,
            format!("Operator '{name}' of '_filter' is not for parameters of type {ty:?}."),
        )),
    }
}

fn string(
    ask: &Ask<'_>,
    value: &str,
    one: fn(u16, std::string::String) -> Filter,
) -> Result<Filter, Failure> {
    let value = wanted(ask, value)?;
    if ask.modifier.is_some() {
        return Err(ask.bad("takes no modifier in '_filter'"));
    }
    Ok(any(&ask.parameter.owners, |owner| {
        one(owner.param, value.clone())
    }))
}

/// `co` on tokens: the display or text contains it.
fn text(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let coded = |f: &Form| matches!(f, Form::Coding | Form::Concept | Form::Identifier);
    if !ask.parameter.forms.iter().any(coded) {
        return Err(ask.bad("has no text for 'co'"));
    }
    let value = wanted(ask, value)?;
    let phrase = any(&ask.parameter.owners, |owner| Filter::Phrase {
        param: owner.param,
        test: PhraseTest::Contains,
        value: value.clone(),
    });
    let name = ask.code().to_owned();
    Ok(Filter::And(vec![
        phrase.clone(),
        fresh(ask.extractor, name, phrase),
    ]))
}
