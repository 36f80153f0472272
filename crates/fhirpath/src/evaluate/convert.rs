//! Conversions, boundaries and the clock. <http://hl7.org/fhirpath/N1/#conversion>

use std::borrow::Cow;

use rust_decimal::Decimal;
use ward_fhir::date::instant_text;

use super::run::{Result, Run, Scope};
use crate::compile::Call;
use crate::error::EvaluationError;
use crate::function::Function;
use crate::value::{
    Collection, Item, Kind, Quantity, Side, Temporal, boundary, parse_decimal, parse_integer,
    parse_quantity, precision,
};

impl<'a> Run<'a, '_> {
    pub fn convert(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let at = call.function.name();
        let Some(item) = self.single(&call.input, scope, at)? else {
            return Ok(());
        };
        if let Some((target, question)) = target(call.function) {
            let mut converted = converted(&item, target);
            if let (Some(unit), Target::Quantity) = (call.arguments.first(), target) {
                converted = self.in_unit(converted, unit, scope)?;
            }
            out.extend(if question {
                Some(Item::Boolean(converted.is_some()))
            } else {
                converted
            });
            return Ok(());
        }
        match call.function {
            Function::LowBoundary | Function::HighBoundary => {
                let digits = match call.arguments.first() {
                    Some(argument) => self.single_integer(argument, scope, at)?,
                    None => None,
                };
                let side = if call.function == Function::LowBoundary {
                    Side::Low
                } else {
                    Side::High
                };
                out.extend(boundary(&item, side, digits));
                Ok(())
            }
            Function::Precision => {
                out.extend(precision(&item).map(Item::Integer));
                Ok(())
            }
            Function::Comparable => {
                let other = self
                    .single(&call.arguments[0], scope, at)?
                    .map(|i| i.system());
                match (item.system(), other) {
                    (_, None) => {}
                    (Item::Quantity(x), Some(Item::Quantity(y))) => {
                        out.push(Item::Boolean(x.is_comparable(&y)))
                    }
                    _ => return Err(EvaluationError::Type(at)),
                }
                Ok(())
            }
            _ => Err(EvaluationError::Unsupported(at)),
        }
    }

    /// `toQuantity(unit)`: only when the quantity can be expressed in the unit.
    fn in_unit(
        &self,
        item: Option<Item<'a>>,
        unit: &'a crate::compile::Op,
        scope: &Scope<'a, '_>,
    ) -> Result<Option<Item<'a>>> {
        let Some(unit) = self.single_text(unit, scope, "toQuantity")? else {
            return Ok(None);
        };
        let Some(Item::Quantity(quantity)) = item else {
            return Ok(None);
        };
        let zero = Quantity::new(Decimal::ZERO, unit);
        Ok(zero.plus(&quantity, 1).map(|q| Item::Quantity(Box::new(q))))
    }

    pub fn clock(&self, function: Function) -> Option<Item<'a>> {
        let text = instant_text(self.cx.now_us);
        let (kind, part) = match function {
            Function::Now => (Kind::DateTime, text.as_str()),
            Function::Today => (Kind::Date, text.get(..10)?),
            _ => (Kind::Time, text.get(11..)?.trim_end_matches('Z')),
        };
        Temporal::parse(kind, part).map(Item::Temporal)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Boolean,
    Integer,
    Decimal,
    String,
    Temporal(Kind),
    Quantity,
}

/// The type a function converts to, and whether it only asks.
fn target(function: Function) -> Option<(Target, bool)> {
    use Function::*;
    Some(match function {
        ToBoolean => (Target::Boolean, false),
        ConvertsToBoolean => (Target::Boolean, true),
        ToInteger => (Target::Integer, false),
        ConvertsToInteger => (Target::Integer, true),
        ToDecimal => (Target::Decimal, false),
        ConvertsToDecimal => (Target::Decimal, true),
        ToString => (Target::String, false),
        ConvertsToString => (Target::String, true),
        ToDate => (Target::Temporal(Kind::Date), false),
        ConvertsToDate => (Target::Temporal(Kind::Date), true),
        ToDateTime => (Target::Temporal(Kind::DateTime), false),
        ConvertsToDateTime => (Target::Temporal(Kind::DateTime), true),
        ToTime => (Target::Temporal(Kind::Time), false),
        ConvertsToTime => (Target::Temporal(Kind::Time), true),
        ToQuantity => (Target::Quantity, false),
        ConvertsToQuantity => (Target::Quantity, true),
        _ => return None,
    })
}

fn converted<'a>(item: &Item<'a>, target: Target) -> Option<Item<'a>> {
    if target == Target::String {
        return item
            .to_text()
            .map(|t| Item::String(Cow::Owned(t.into_owned())));
    }
    let item = item.system();
    match target {
        Target::Boolean => boolean(&item).map(Item::Boolean),
        Target::Integer => match item {
            Item::Integer(_) => Some(item),
            Item::Boolean(b) => Some(Item::Integer(b.into())),
            Item::String(s) => parse_integer(&s).map(Item::Integer),
            _ => None,
        },
        Target::Decimal => decimal(&item).map(Item::Decimal),
        Target::Quantity => match item {
            Item::Quantity(_) => Some(item),
            Item::String(s) => parse_quantity(&s).map(|q| Item::Quantity(Box::new(q))),
            other => decimal(&other).map(|d| Item::Quantity(Box::new(Quantity::of_number(d)))),
        },
        Target::Temporal(kind) => temporal(&item, kind).map(Item::Temporal),
        Target::String => None,
    }
}

fn boolean(item: &Item<'_>) -> Option<bool> {
    match item {
        Item::Boolean(b) => Some(*b),
        Item::Integer(0) => Some(false),
        Item::Integer(1) => Some(true),
        Item::Decimal(d) if *d == Decimal::ZERO => Some(false),
        Item::Decimal(d) if *d == Decimal::ONE => Some(true),
        Item::String(s) => match s.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(true),
            "false" | "f" | "no" | "n" | "0" | "0.0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn decimal(item: &Item<'_>) -> Option<Decimal> {
    match item {
        Item::Decimal(d) => Some(*d),
        Item::Integer(i) => Some(Decimal::from(*i)),
        Item::Boolean(b) => Some(Decimal::from(u8::from(*b))),
        Item::String(s) => {
            let digits = s.strip_prefix(['+', '-']).unwrap_or(s);
            let plain = digits.split('.').count() <= 2
                && digits
                    .split('.')
                    .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
            if plain {
                parse_decimal(s.strip_prefix('+').unwrap_or(s))
            } else {
                None
            }
        }
        _ => None,
    }
}

fn temporal(item: &Item<'_>, kind: Kind) -> Option<Temporal> {
    match item {
        Item::String(s) => {
            Temporal::parse(kind, s).or_else(|| date_of(Temporal::parse(Kind::DateTime, s)?, kind))
        }
        Item::Temporal(t) if t.kind == kind => Some(*t),
        Item::Temporal(t) => date_of(*t, kind),
        _ => None,
    }
}

/// Between Date and DateTime: cut to the date, or kept at its precision.
fn date_of(t: Temporal, kind: Kind) -> Option<Temporal> {
    match (t.kind, kind) {
        (Kind::DateTime, Kind::Date) => Some(t.date()),
        (Kind::Date, Kind::DateTime) => Some(Temporal { kind, ..t }),
        _ => None,
    }
}
