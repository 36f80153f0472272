//! `+ - * / div mod &` and the signs. <http://hl7.org/fhirpath/N1/#math>

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::run::{Result, Run, Scope};
use crate::STRING_BYTES_MAX;
use crate::compile::Op;
use crate::error::EvaluationError;
use crate::syntax::Operator;
use crate::value::{Collection, Item, Quantity, Temporal, integer};

const AT: &str = "arithmetic";

impl<'a> Run<'a, '_> {
    /// Empty where an operand is, where the result leaves the range, and on division by zero.
    pub fn arithmetic(
        &self,
        operator: Operator,
        a: &'a Op,
        b: &'a Op,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        if operator == Operator::Concatenate {
            return self.concatenate(a, b, scope, out);
        }
        let (x, y) = (self.single(a, scope, AT)?, self.single(b, scope, AT)?);
        let (Some(x), Some(y)) = (x, y) else {
            return Ok(());
        };
        out.extend(self.compute(operator, x.system(), y.system())?);
        Ok(())
    }

    fn compute(&self, operator: Operator, x: Item<'a>, y: Item<'a>) -> Result<Option<Item<'a>>> {
        use Operator::*;
        match (operator, x, y) {
            (_, Item::Integer(x), Item::Integer(y)) => Ok(integers(operator, x, y)),
            (_, Item::Integer(x), Item::Decimal(y)) => Ok(decimals(operator, x.into(), y)),
            (_, Item::Decimal(x), Item::Integer(y)) => Ok(decimals(operator, x, y.into())),
            (_, Item::Decimal(x), Item::Decimal(y)) => Ok(decimals(operator, x, y)),
            (Add, Item::String(x), Item::String(y)) => self.joined(&x, &y).map(Some),
            (Add, Item::Temporal(t), Item::Quantity(q))
            | (Add, Item::Quantity(q), Item::Temporal(t)) => moved(t, &q, q.value),
            (Subtract, Item::Temporal(t), Item::Quantity(q)) => moved(t, &q, -q.value),
            (_, Item::Quantity(x), Item::Quantity(y)) => Ok(quantities(operator, &x, &y)),
            (_, Item::Quantity(x), y @ (Item::Integer(_) | Item::Decimal(_))) => {
                Ok(quantities(operator, &x, &number(&y)))
            }
            (_, x @ (Item::Integer(_) | Item::Decimal(_)), Item::Quantity(y)) => {
                Ok(quantities(operator, &number(&x), &y))
            }
            _ => Err(EvaluationError::Type(AT)),
        }
    }

    /// `&`: an empty operand is the empty string.
    fn concatenate(
        &self,
        a: &'a Op,
        b: &'a Op,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let x = self.single_text(a, scope, "&")?.unwrap_or_default();
        let y = self.single_text(b, scope, "&")?.unwrap_or_default();
        out.push(self.joined(&x, &y)?);
        Ok(())
    }

    fn joined(&self, x: &str, y: &str) -> Result<Item<'a>> {
        self.charge_text(x.len() + y.len())?;
        Ok(Item::text([x, y].concat()))
    }

    /// Bounds the length of a string that is about to be built, and pays for it.
    pub fn charge_text(&self, bytes: usize) -> Result<()> {
        const BYTES_PER_STEP: usize = 64;
        if bytes > STRING_BYTES_MAX {
            return Err(EvaluationError::StringTooLong);
        }
        self.charge(bytes / BYTES_PER_STEP)
    }

    pub fn negate(
        &self,
        operand: &'a Op,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        out.extend(
            match self.single(operand, scope, "-")?.map(|i| i.system()) {
                None => None,
                Some(Item::Integer(i)) => integer(-i),
                Some(Item::Decimal(d)) => Some(Item::Decimal(if d.is_zero() { d } else { -d })),
                Some(Item::Quantity(q)) => Some(Item::Quantity(Box::new(Quantity {
                    value: -q.value,
                    ..*q
                }))),
                Some(_) => return Err(EvaluationError::Type("-")),
            },
        );
        Ok(())
    }

    pub fn plus(
        &self,
        operand: &'a Op,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        match self.single(operand, scope, "+")?.map(|i| i.system()) {
            None => {}
            Some(item @ (Item::Integer(_) | Item::Decimal(_) | Item::Quantity(_))) => {
                out.push(item)
            }
            Some(_) => return Err(EvaluationError::Type("+")),
        }
        Ok(())
    }
}

fn number(item: &Item<'_>) -> Quantity<'static> {
    Quantity::of_number(match item {
        Item::Integer(i) => Decimal::from(*i),
        Item::Decimal(d) => *d,
        _ => Decimal::ZERO,
    })
}

fn integers(operator: Operator, x: i64, y: i64) -> Option<Item<'static>> {
    use Operator::*;
    integer(match operator {
        Add => x.checked_add(y)?,
        Subtract => x.checked_sub(y)?,
        Multiply => x.checked_mul(y)?,
        Div => x.checked_div(y)?,
        Mod => x.checked_rem(y)?,
        _ => return decimals(operator, x.into(), y.into()),
    })
}

fn decimals(operator: Operator, x: Decimal, y: Decimal) -> Option<Item<'static>> {
    use Operator::*;
    Some(Item::Decimal(match operator {
        Add => x.checked_add(y)?,
        Subtract => x.checked_sub(y)?,
        Multiply => x.checked_mul(y)?,
        Divide => x.checked_div(y)?,
        Mod => x.checked_rem(y)?,
        Div => return integer(x.checked_div(y)?.trunc().to_i64()?),
        _ => return None,
    }))
}

fn quantities<'a>(operator: Operator, x: &Quantity<'a>, y: &Quantity<'a>) -> Option<Item<'a>> {
    let result = match operator {
        Operator::Add => x.plus(y, 1),
        Operator::Subtract => x.plus(y, -1),
        Operator::Multiply => x.times(y),
        Operator::Divide => x.divided_by(y),
        _ => None,
    };
    result.map(|q| Item::Quantity(Box::new(q)))
}

fn moved<'a>(t: Temporal, quantity: &Quantity<'_>, amount: Decimal) -> Result<Option<Item<'a>>> {
    let unit = quantity
        .time_unit()
        .ok_or(EvaluationError::Type("date arithmetic"))?;
    let moved = t
        .add(amount, unit)
        .map_err(|()| EvaluationError::Type("date arithmetic"))?;
    Ok(moved.map(Item::Temporal))
}
