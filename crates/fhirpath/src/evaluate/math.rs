//! Math functions. <http://hl7.org/fhirpath/N1/#math-2>

use std::cmp::Ordering;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, MathematicalOps, RoundingStrategy};

use super::run::{Result, Run, Scope};
use crate::compile::Call;
use crate::error::EvaluationError;
use crate::function::Function;
use crate::value::{Collection, Item, Quantity, compare, integer};

/// Most digits a result is rounded to.
const DIGITS_MAX: i64 = 28;

impl<'a> Run<'a, '_> {
    pub fn math(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let function = call.function;
        let at = function.name();
        if matches!(
            function,
            Function::Sum | Function::Min | Function::Max | Function::Avg
        ) {
            return self.fold(call, scope, out);
        }
        let Some(input) = self.single(&call.input, scope, at)?.map(|i| i.system()) else {
            return Ok(());
        };
        let argument = match call.arguments.first() {
            None => None,
            Some(argument) => match self.single(argument, scope, at)?.map(|i| i.system()) {
                None if function == Function::Round => None,
                None => return Ok(()),
                Some(item) => Some(decimal(&item).ok_or(EvaluationError::Type(at))?),
            },
        };
        if let (Function::Abs, Item::Quantity(q)) = (function, &input) {
            out.push(Item::Quantity(Box::new(Quantity {
                value: q.value.abs(),
                ..q.as_ref().clone()
            })));
            return Ok(());
        }
        let x = decimal(&input).ok_or(EvaluationError::Type(at))?;
        let whole = matches!(input, Item::Integer(_));
        out.extend(compute(function, x, whole, argument)?);
        Ok(())
    }

    /// `sum`, `min`, `max`, `avg` of later FHIRPath.
    fn fold(&self, call: &'a Call, scope: &Scope<'a, '_>, out: &mut Collection<'a>) -> Result<()> {
        let at = call.function.name();
        let input = self.collect(&call.input, scope)?;
        self.charge(input.len())?;
        if matches!(call.function, Function::Min | Function::Max) {
            let mut best: Option<Item<'a>> = None;
            let wanted = if call.function == Function::Min {
                Ordering::Less
            } else {
                Ordering::Greater
            };
            for item in input {
                let better = match &best {
                    None => true,
                    Some(b) => {
                        compare(&item, b).map_err(|()| EvaluationError::Type(at))? == Some(wanted)
                    }
                };
                if better {
                    best = Some(item);
                }
            }
            out.extend(best);
            return Ok(());
        }
        let (mut sum, mut whole) = (Decimal::ZERO, true);
        for item in &input {
            let item = item.system();
            whole &= matches!(item, Item::Integer(_));
            let Some(next) = sum.checked_add(decimal(&item).ok_or(EvaluationError::Type(at))?)
            else {
                return Ok(());
            };
            sum = next;
        }
        if call.function == Function::Sum {
            out.extend(if whole {
                sum.to_i64().and_then(integer)
            } else {
                Some(Item::Decimal(sum))
            });
        } else {
            out.extend(
                sum.checked_div(Decimal::from(input.len()))
                    .map(Item::Decimal),
            );
        }
        Ok(())
    }
}

/// Empty where the result does not exist or leaves the range.
fn compute(
    function: Function,
    x: Decimal,
    whole: bool,
    argument: Option<Decimal>,
) -> Result<Option<Item<'static>>> {
    let to_integer = |d: Decimal| d.to_i64().and_then(integer);
    Ok(match function {
        Function::Abs if whole => to_integer(x.abs()),
        Function::Abs => Some(Item::Decimal(x.abs())),
        Function::Ceiling => to_integer(x.ceil()),
        Function::Floor => to_integer(x.floor()),
        Function::Truncate => to_integer(x.trunc()),
        Function::Round => return round(x, argument),
        Function::Exp => x.checked_exp().map(Item::Decimal),
        Function::Ln => x.checked_ln().map(Item::Decimal),
        Function::Log => argument.and_then(|base| log(x, base)).map(Item::Decimal),
        Function::Sqrt => x.sqrt().map(Item::Decimal),
        Function::Power => match argument.and_then(|exponent| power(x, exponent)) {
            Some(d)
                if whole
                    && d.is_integer()
                    && argument.is_some_and(|a| a.is_integer() && a >= Decimal::ZERO) =>
            {
                to_integer(d)
            }
            result => result.map(Item::Decimal),
        },
        _ => None,
    })
}

fn round(x: Decimal, digits: Option<Decimal>) -> Result<Option<Item<'static>>> {
    let digits = digits
        .map_or(Some(0), |d| d.to_i64())
        .filter(|d| (0..=DIGITS_MAX).contains(d));
    let digits = digits.ok_or(EvaluationError::Argument("round"))?;
    Ok(Some(Item::Decimal(x.round_dp_with_strategy(
        digits as u32,
        RoundingStrategy::MidpointAwayFromZero,
    ))))
}

/// The quotient of two logarithms misses whole results by a last digit: it is rounded a little.
fn log(x: Decimal, base: Decimal) -> Option<Decimal> {
    const DIGITS: u32 = 20;
    let divisor = base.checked_ln()?;
    Some(
        x.checked_ln()?
            .checked_div(divisor)?
            .round_dp(DIGITS)
            .normalize(),
    )
}

/// Whole exponents exactly; others through the logarithm, which misses a last digit: rounded a little.
fn power(x: Decimal, exponent: Decimal) -> Option<Decimal> {
    const EXPONENT_MAX: i64 = 10_000;
    const DIGITS: u32 = 20;
    if x.is_zero() {
        return match exponent.is_sign_negative() {
            true => None,
            false => Some(if exponent.is_zero() {
                Decimal::ONE
            } else {
                Decimal::ZERO
            }),
        };
    }
    if exponent.is_integer() {
        return x.checked_powi(exponent.to_i64().filter(|e| e.abs() <= EXPONENT_MAX)?);
    }
    if x.is_sign_negative() {
        return None;
    }
    Some(
        x.checked_ln()?
            .checked_mul(exponent)?
            .checked_exp()?
            .round_dp(DIGITS)
            .normalize(),
    )
}

fn decimal(item: &Item<'_>) -> Option<Decimal> {
    match item {
        Item::Integer(i) => Some(Decimal::from(*i)),
        Item::Decimal(d) => Some(*d),
        _ => None,
    }
}
