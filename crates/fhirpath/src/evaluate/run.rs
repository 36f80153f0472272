//! One evaluation: its budget, its scopes, and the operators that yield collections.

use std::borrow::Cow;
use std::cell::Cell;

use ward_fhir::tree::Node;

use super::Context;
use super::sets::Known;
use super::walk::Flow;
use crate::compile::{Call, Op, Variable};
use crate::error::EvaluationError;
use crate::function::Function;
use crate::names::{NameId, names};
use crate::syntax::Operator;
use crate::value::{Collection, Item};

pub(super) type Result<T> = std::result::Result<T, EvaluationError>;

pub(super) struct Run<'a, 'c> {
    pub cx: &'c Context<'a>,
    pub focus: Option<&'c Item<'a>>,
    pub member_names: &'static [NameId],
    steps_left: Cell<u64>,
}

/// What `$this`, `$index` and `$total` are. An empty `this` is the empty collection.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a, 's> {
    pub this: Option<&'s Item<'a>>,
    pub index: i64,
    pub total: &'s [Item<'a>],
}

impl<'a, 's> Scope<'a, 's> {
    pub fn of(this: Option<&'s Item<'a>>) -> Self {
        Self {
            this,
            index: 0,
            total: &[],
        }
    }

    pub fn with(&self, this: &'s Item<'a>, index: usize) -> Self {
        Self {
            this: Some(this),
            index: index as i64,
            total: self.total,
        }
    }
}

impl<'a, 'c> Run<'a, 'c> {
    pub fn new(cx: &'c Context<'a>, focus: Option<&'c Item<'a>>) -> Self {
        Self {
            cx,
            focus,
            member_names: &names().of_member,
            steps_left: Cell::new(cx.steps_max),
        }
    }

    #[inline]
    pub fn charge(&self, steps: usize) -> Result<()> {
        match self.steps_left.get().checked_sub(steps as u64) {
            Some(left) => {
                self.steps_left.set(left);
                Ok(())
            }
            None => Err(EvaluationError::StepsExceeded),
        }
    }

    /// Appends the value of `op`.
    pub fn eval(&self, op: &'a Op, scope: &Scope<'a, '_>, out: &mut Collection<'a>) -> Result<()> {
        self.charge(1)?;
        match op {
            Op::Items(items) => out.extend(items.iter().map(Item::borrowed)),
            Op::This => out.extend(scope.this.cloned()),
            Op::Index => out.push(Item::Integer(scope.index)),
            Op::Total => out.extend(scope.total.iter().cloned()),
            Op::Variable(variable) => out.extend(self.variable(*variable)),
            Op::Named(name) => self.named(name, out)?,
            Op::Walk { start, steps } => {
                self.walk(start, steps, scope, &mut |item| {
                    out.push(item);
                    Ok(Flow::Continue)
                })?;
            }
            Op::At(pair) => self.at(&pair.0, &pair.1, scope, out)?,
            Op::Negate(operand) => self.negate(operand, scope, out)?,
            Op::Plus(operand) => self.plus(operand, scope, out)?,
            Op::Union(operands) => self.union(operands, scope, out)?,
            Op::As {
                input,
                test,
                single,
            } => self.as_type(input, *test, *single, scope, out)?,
            Op::Binary(operator, pair) if is_arithmetic(*operator) => {
                self.arithmetic(*operator, &pair.0, &pair.1, scope, out)?;
            }
            Op::Call(call) if !super::truth::is_truth(call.function) => {
                self.call(call, scope, out)?
            }
            _ => out.extend(self.truth(op, scope)?.map(Item::Boolean)),
        }
        Ok(())
    }

    pub fn collect(&self, op: &'a Op, scope: &Scope<'a, '_>) -> Result<Collection<'a>> {
        let mut out = Collection::new();
        self.eval(op, scope, &mut out)?;
        Ok(out)
    }

    /// At most one item; a primitive without value counts as none.
    pub fn single(
        &self,
        op: &'a Op,
        scope: &Scope<'a, '_>,
        at: &'static str,
    ) -> Result<Option<Item<'a>>> {
        let mut items = self.collect(op, scope)?;
        match items.len() {
            0 | 1 => Ok(items.pop().filter(|i| !i.is_valueless())),
            _ => Err(EvaluationError::SingletonExpected(at)),
        }
    }

    /// A single string.
    pub fn single_text(
        &self,
        op: &'a Op,
        scope: &Scope<'a, '_>,
        at: &'static str,
    ) -> Result<Option<Cow<'a, str>>> {
        self.single(op, scope, at)?
            .map(|item| text_of(item, at))
            .transpose()
    }

    pub fn single_integer(
        &self,
        op: &'a Op,
        scope: &Scope<'a, '_>,
        at: &'static str,
    ) -> Result<Option<i64>> {
        match self.single(op, scope, at)?.map(|i| i.system()) {
            None => Ok(None),
            Some(Item::Integer(i)) => Ok(Some(i)),
            Some(_) => Err(EvaluationError::Type(at)),
        }
    }

    fn variable(&self, variable: Variable) -> Option<Item<'a>> {
        let resource = || {
            self.cx
                .resource
                .or_else(|| self.focus?.node().map(Node::resource))
        };
        match variable {
            Variable::Context => self.focus.cloned(),
            Variable::Resource => resource().map(Item::Node),
            Variable::RootResource => self
                .cx
                .root_resource
                .or_else(|| resource().map(container))
                .map(Item::Node),
        }
    }

    fn named(&self, name: &str, out: &mut Collection<'a>) -> Result<()> {
        let (_, items) = self
            .cx
            .constants
            .iter()
            .find(|(n, _)| *n == name)
            .ok_or(EvaluationError::UnknownConstant)?;
        self.charge(items.len())?;
        out.extend(items.iter().cloned());
        Ok(())
    }

    /// `input[index]`
    fn at(
        &self,
        input: &'a Op,
        index: &'a Op,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let Some(index) = self.single_integer(index, scope, "[]")? else {
            return Ok(());
        };
        let Ok(mut left) = usize::try_from(index) else {
            return Ok(());
        };
        self.each(input, scope, &mut |item| {
            if left == 0 {
                out.push(item);
                return Ok(Flow::Stop);
            }
            left -= 1;
            Ok(Flow::Continue)
        })
    }

    /// Calls `visit` with each item, without a collection where `op` is a walk.
    pub fn each(
        &self,
        op: &'a Op,
        scope: &Scope<'a, '_>,
        visit: &mut dyn FnMut(Item<'a>) -> Result<Flow>,
    ) -> Result<()> {
        if let Op::Walk { start, steps } = op {
            return self
                .walk(start, steps, scope, &mut |item| visit(item))
                .map(drop);
        }
        for item in self.collect(op, scope)? {
            if visit(item)? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    fn as_type(
        &self,
        input: &'a Op,
        test: crate::syntax::TypeTest,
        single: bool,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let items = self.collect(input, scope)?;
        if single && items.len() > 1 {
            return Err(EvaluationError::SingletonExpected("as"));
        }
        self.charge(items.len())?;
        out.extend(items.into_iter().filter(|i| super::walk::casts_to(i, test)));
        Ok(())
    }

    fn call(&self, call: &'a Call, scope: &Scope<'a, '_>, out: &mut Collection<'a>) -> Result<()> {
        use Function::*;
        match call.function {
            First | Last | Tail | Skip | Take | Single | Count | Where | Select | Repeat | Sort
            | Aggregate | Iif | Trace => self.filter(call, scope, out),
            AllTrue | AnyTrue | AllFalse | AnyFalse | SubsetOf | SupersetOf | Distinct
            | IsDistinct | Intersect | Exclude | Union | Combine => self.set(call, scope, out),
            IndexOf | LastIndexOf | Substring | StartsWith | EndsWith | Contains | Upper
            | Lower | Replace | Matches | MatchesFull | ReplaceMatches | Length | ToChars
            | Trim | Split | Join | Encode | Decode | Escape | Unescape => {
                self.string(call, scope, out)
            }
            Abs | Ceiling | Exp | Floor | Ln | Log | Power | Round | Sqrt | Truncate | Sum
            | Min | Max | Avg => self.math(call, scope, out),
            Children | Descendants | Extension | HasExtension | GetValue | Resolve | Type
            | ElementDefinition | Slice | CheckModifiers | HtmlChecks => {
                self.tree(call, scope, out)
            }
            MemberOf | Subsumes | SubsumedBy | ConformsTo => self.terminology(call, scope, out),
            Now | Today | TimeOfDay => {
                out.extend(self.clock(call.function));
                Ok(())
            }
            _ => self.convert(call, scope, out),
        }
    }

    /// `a | b | c`: all items once.
    fn union(
        &self,
        operands: &'a [Op],
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let start = out.len();
        for operand in operands {
            self.eval(operand, scope, out)?;
        }
        if out.len() - start > 1 {
            let items: Collection<'a> = out.drain(start..).collect();
            self.push_distinct(items, out)?;
        }
        Ok(())
    }

    /// Appends each of the items once.
    pub fn push_distinct(&self, items: Collection<'a>, out: &mut Collection<'a>) -> Result<()> {
        let start = out.len();
        let mut known = Known::for_count(items.len());
        for item in items {
            if !known.has_or_add(&out[start..], &item, |n| self.charge(n))? {
                out.push(item);
            }
        }
        Ok(())
    }
}

fn is_arithmetic(operator: Operator) -> bool {
    use Operator::*;
    matches!(
        operator,
        Multiply | Divide | Div | Mod | Add | Subtract | Concatenate
    )
}

fn container(resource: Node<'_>) -> Node<'_> {
    match resource.parent() {
        Some(parent) if resource.name() == "contained" => parent.resource(),
        _ => resource,
    }
}

pub(super) fn text_of<'a>(item: Item<'a>, at: &'static str) -> Result<Cow<'a, str>> {
    match item {
        Item::String(s) => Ok(s),
        Item::Node(n) => match Item::Node(n).system() {
            Item::String(s) => Ok(s),
            // Dates and times of the tree are texts to string functions: `birthDate.startsWith('19')` is common.
            Item::Temporal(_) => n
                .value()
                .map(Cow::Borrowed)
                .ok_or(EvaluationError::Type(at)),
            _ => Err(EvaluationError::Type(at)),
        },
        _ => Err(EvaluationError::Type(at)),
    }
}
