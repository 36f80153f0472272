//! Booleans of three values, without building collections. <http://hl7.org/fhirpath/N1/#boolean-logic>

use std::cmp::Ordering;

use super::run::{Result, Run, Scope};
use super::walk::{Flow, is_of};
use crate::compile::{Call, Op};
use crate::error::EvaluationError;
use crate::function::Function;
use crate::host;
use crate::syntax::{Operator, TypeTest};
use crate::value::{Item, all_equal, all_equivalent, compare, equal};

/// Functions answered by `truth` itself.
pub(super) fn is_truth(function: Function) -> bool {
    use Function::*;
    matches!(function, Exists | Empty | Not | All | HasValue)
}

impl<'a> Run<'a, '_> {
    /// The boolean value of `op`; `None` is empty.
    pub fn truth(&self, op: &'a Op, scope: &Scope<'a, '_>) -> Result<Option<bool>> {
        self.charge(1)?;
        match op {
            Op::And(operands) => self.decide(operands, scope, false),
            Op::Or(operands) => self.decide(operands, scope, true),
            Op::Binary(operator, pair) => self.binary(op, *operator, &pair.0, &pair.1, scope),
            Op::Is(input, test) => self.is_type(input, *test, scope),
            Op::ResolvesTo(input, test) => self.resolves_to(input, *test, scope),
            Op::Call(call) if is_truth(call.function) => self.truth_call(call, scope),
            _ => singleton_truth(&self.collect(op, scope)?),
        }
    }

    /// `and` ends at the first false, `or` at the first true.
    fn decide(
        &self,
        operands: &'a [Op],
        scope: &Scope<'a, '_>,
        decisive: bool,
    ) -> Result<Option<bool>> {
        let mut open = false;
        for operand in operands {
            match self.truth(operand, scope)? {
                Some(value) if value == decisive => return Ok(Some(decisive)),
                Some(_) => {}
                None => open = true,
            }
        }
        Ok((!open).then_some(!decisive))
    }

    fn binary(
        &self,
        op: &'a Op,
        operator: Operator,
        a: &'a Op,
        b: &'a Op,
        scope: &Scope<'a, '_>,
    ) -> Result<Option<bool>> {
        use Operator::*;
        match operator {
            Equal => self.equals(a, b, scope),
            NotEqual => Ok(self.equals(a, b, scope)?.map(|e| !e)),
            Equivalent => self.is_equivalent(a, b, scope).map(Some),
            NotEquivalent => self.is_equivalent(a, b, scope).map(|e| Some(!e)),
            Less => self.ordered(a, b, scope, Ordering::is_lt),
            LessOrEqual => self.ordered(a, b, scope, Ordering::is_le),
            Greater => self.ordered(a, b, scope, Ordering::is_gt),
            GreaterOrEqual => self.ordered(a, b, scope, Ordering::is_ge),
            In => self.membership(a, b, scope),
            Contains => self.membership(b, a, scope),
            Xor => match (self.truth(a, scope)?, self.truth(b, scope)?) {
                (Some(x), Some(y)) => Ok(Some(x != y)),
                _ => Ok(None),
            },
            Implies => match self.truth(a, scope)? {
                Some(false) => Ok(Some(true)),
                Some(true) => self.truth(b, scope),
                None => Ok(self.truth(b, scope)?.filter(|b| *b)),
            },
            Multiply | Divide | Div | Mod | Add | Subtract | Concatenate => {
                singleton_truth(&self.collect(op, scope)?)
            }
        }
    }

    fn equals(&self, a: &'a Op, b: &'a Op, scope: &Scope<'a, '_>) -> Result<Option<bool>> {
        let (x, y) = (self.collect(a, scope)?, self.collect(b, scope)?);
        self.charge(cost(&x) + cost(&y))?;
        if let ([x], [y]) = (x.as_slice(), y.as_slice())
            && (x.is_valueless() || y.is_valueless())
            && x.node() != y.node()
        {
            return Ok(None);
        }
        Ok(all_equal(&x, &y))
    }

    fn is_equivalent(&self, a: &'a Op, b: &'a Op, scope: &Scope<'a, '_>) -> Result<bool> {
        let (x, y) = (self.collect(a, scope)?, self.collect(b, scope)?);
        self.charge(cost(&x) + cost(&y))?;
        all_equivalent(&x, &y, |n| self.charge(n))
    }

    fn ordered(
        &self,
        a: &'a Op,
        b: &'a Op,
        scope: &Scope<'a, '_>,
        accepts: fn(Ordering) -> bool,
    ) -> Result<Option<bool>> {
        const AT: &str = "comparison";
        let (x, y) = (self.single(a, scope, AT)?, self.single(b, scope, AT)?);
        let (Some(x), Some(y)) = (x, y) else {
            return Ok(None);
        };
        Ok(compare(&x, &y)
            .map_err(|()| EvaluationError::Type(AT))?
            .map(accepts))
    }

    /// `item in collection`
    fn membership(
        &self,
        item: &'a Op,
        collection: &'a Op,
        scope: &Scope<'a, '_>,
    ) -> Result<Option<bool>> {
        let Some(item) = self.single(item, scope, "in")? else {
            return Ok(None);
        };
        let mut found = false;
        self.each(collection, scope, &mut |other| {
            self.charge(1)?;
            found = equal(&item, &other) == Some(true);
            Ok(if found { Flow::Stop } else { Flow::Continue })
        })?;
        Ok(Some(found))
    }

    fn is_type(
        &self,
        input: &'a Op,
        test: TypeTest,
        scope: &Scope<'a, '_>,
    ) -> Result<Option<bool>> {
        let items = self.collect(input, scope)?;
        match items.as_slice() {
            [] => Ok(None),
            [item] => Ok(Some(is_of(item, test))),
            _ => Err(EvaluationError::SingletonExpected("is")),
        }
    }

    /// The reference's own text first, which costs nothing; then the target.
    fn resolves_to(
        &self,
        input: &'a Op,
        test: TypeTest,
        scope: &Scope<'a, '_>,
    ) -> Result<Option<bool>> {
        let mut answer = None;
        self.each(input, scope, &mut |item| {
            let Item::Node(node) = item else {
                return Ok(Flow::Continue);
            };
            let reference = super::tree::reference_text(node);
            let named = reference.and_then(host::reference_type);
            let wanted = match test {
                TypeTest::Fhir(ty) | TypeTest::Either(ty, _) => ty,
                _ => return Err(EvaluationError::Type("is")),
            };
            let is = match named {
                Some(ty) => Some(ward_fhir::schema::r4().is_a(ty, wanted)),
                None => self
                    .resolve(node)?
                    .map(|target| is_of(&Item::Node(target), test)),
            };
            match (answer, is) {
                (Some(_), Some(_)) => Err(EvaluationError::SingletonExpected("is")),
                (_, None) => Ok(Flow::Continue),
                (None, is) => {
                    answer = is;
                    Ok(Flow::Continue)
                }
            }
        })?;
        Ok(answer)
    }

    fn truth_call(&self, call: &'a Call, scope: &Scope<'a, '_>) -> Result<Option<bool>> {
        match call.function {
            Function::Exists if !call.arguments.is_empty() => self.any_where(call, scope).map(Some),
            Function::Exists => self.has_any(&call.input, scope).map(Some),
            Function::Empty => Ok(Some(!self.has_any(&call.input, scope)?)),
            Function::All => self.all(call, scope).map(Some),
            Function::HasValue => self.has_value(&call.input, scope).map(Some),
            _ => Ok(self.truth(&call.input, scope)?.map(|b| !b)),
        }
    }

    pub fn has_any(&self, op: &'a Op, scope: &Scope<'a, '_>) -> Result<bool> {
        match op {
            Op::This => Ok(scope.this.is_some()),
            Op::Walk { start, steps } => {
                Ok(self.walk(start, steps, scope, &mut |_| Ok(Flow::Stop))? == Flow::Stop)
            }
            Op::Union(operands) => {
                for operand in operands {
                    if self.has_any(operand, scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Ok(!self.collect(op, scope)?.is_empty()),
        }
    }

    /// `exists(criteria)` where the input is no plain walk.
    fn any_where(&self, call: &'a Call, scope: &Scope<'a, '_>) -> Result<bool> {
        let (mut index, mut found) = (0, false);
        self.each(&call.input, scope, &mut |item| {
            found = self.truth(&call.arguments[0], &scope.with(&item, index))? == Some(true);
            index += 1;
            Ok(if found { Flow::Stop } else { Flow::Continue })
        })?;
        Ok(found)
    }

    fn all(&self, call: &'a Call, scope: &Scope<'a, '_>) -> Result<bool> {
        let (mut index, mut holds) = (0, true);
        self.each(&call.input, scope, &mut |item| {
            holds = self.truth(&call.arguments[0], &scope.with(&item, index))? == Some(true);
            index += 1;
            Ok(if holds { Flow::Continue } else { Flow::Stop })
        })?;
        Ok(holds)
    }

    /// True for one primitive that has a value.
    fn has_value(&self, op: &'a Op, scope: &Scope<'a, '_>) -> Result<bool> {
        let (mut count, mut value) = (0, false);
        self.each(op, scope, &mut |item| {
            count += 1;
            value = match item {
                Item::Node(node) => node.value().is_some(),
                _ => true,
            };
            Ok(if count > 1 {
                Flow::Stop
            } else {
                Flow::Continue
            })
        })?;
        Ok(count == 1 && value)
    }
}

/// <http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections>: a single item that is no boolean is true.
pub(super) fn singleton_truth(items: &[Item<'_>]) -> Result<Option<bool>> {
    match items {
        [] => Ok(None),
        [item] => Ok(item
            .as_boolean()
            .or_else(|| (!is_boolean(item)).then_some(true))),
        _ => Err(EvaluationError::SingletonExpected("boolean")),
    }
}

/// A boolean element without value is no truth at all.
fn is_boolean(item: &Item<'_>) -> bool {
    item.is_valueless() && item.node().is_some_and(|n| n.type_name() == "boolean")
}

/// Deep comparison costs what the subtrees hold.
fn cost(items: &[Item<'_>]) -> usize {
    items
        .iter()
        .map(|i| i.node().map_or(1, ward_fhir::Node::size))
        .sum()
}
