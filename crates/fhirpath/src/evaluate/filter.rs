//! Filtering, projection and subsetting. <http://hl7.org/fhirpath/N1/#filtering-and-projection>, <http://hl7.org/fhirpath/N1/#subsetting>

use std::cmp::Ordering;

use super::run::{Result, Run, Scope};
use super::sets::Known;
use super::walk::Flow;
use crate::compile::{Call, Op};
use crate::error::EvaluationError;
use crate::function::Function;
use crate::value::{Collection, Item, compare};

impl<'a> Run<'a, '_> {
    pub fn filter(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        use Function::*;
        match call.function {
            First => self.each(&call.input, scope, &mut |item| {
                out.push(item);
                Ok(Flow::Stop)
            }),
            Count => {
                let mut count = 0;
                self.each(&call.input, scope, &mut |_| {
                    count += 1;
                    Ok(Flow::Continue)
                })?;
                out.push(Item::Integer(count));
                Ok(())
            }
            Where => self.where_or_select(call, scope, out),
            Select => self.where_or_select(call, scope, out),
            Iif => self.iif(call, scope, out),
            Repeat => self.repeat(call, scope, out),
            Aggregate => self.aggregate(call, scope, out),
            Sort => self.sort(call, scope, out),
            Trace => self.trace(call, scope, out),
            _ => self.subset(call, scope, out),
        }
    }

    fn subset(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let mut input = self.collect(&call.input, scope)?;
        self.charge(input.len())?;
        let count = match call.arguments.first() {
            Some(argument) => self
                .single_integer(argument, scope, "skip, take")?
                .map(|n| usize::try_from(n).unwrap_or(0)),
            None => None,
        };
        match call.function {
            Function::Single if input.len() > 1 => {
                return Err(EvaluationError::SingletonExpected("single"));
            }
            Function::Last => out.extend(input.pop()),
            Function::Tail => out.extend(input.into_iter().skip(1)),
            Function::Skip => out.extend(input.into_iter().skip(count.unwrap_or(0))),
            Function::Take => out.extend(input.into_iter().take(count.unwrap_or(0))),
            _ => out.extend(input),
        }
        Ok(())
    }

    fn where_or_select(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let argument = &call.arguments[0];
        let mut index = 0;
        self.each(&call.input, scope, &mut |item| {
            let inner = scope.with(&item, index);
            index += 1;
            if call.function == Function::Select {
                self.eval(argument, &inner, out)?;
            } else if self.truth(argument, &inner)? == Some(true) {
                out.push(item);
            }
            Ok(Flow::Continue)
        })
    }

    /// Only the branch taken is evaluated; `$this` is the input where there is one.
    fn iif(&self, call: &'a Call, scope: &Scope<'a, '_>, out: &mut Collection<'a>) -> Result<()> {
        let input = self.collect(&call.input, scope)?;
        if input.len() > 1 {
            return Err(EvaluationError::SingletonExpected("iif"));
        }
        let inner = match &call.input {
            Op::This => *scope,
            _ => Scope {
                this: input.first(),
                ..*scope
            },
        };
        match (
            self.truth(&call.arguments[0], &inner)?,
            call.arguments.get(2),
        ) {
            (Some(true), _) => self.eval(&call.arguments[1], &inner, out),
            (_, Some(otherwise)) => self.eval(otherwise, &inner, out),
            (_, None) => Ok(()),
        }
    }

    /// The projection of the input, of that again, and so on; each item once.
    fn repeat(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let mut found = Collection::new();
        let mut known = Known::for_count(usize::MAX);
        let mut pending = self.collect(&call.input, scope)?;
        while !pending.is_empty() {
            let mut next = Collection::new();
            for (index, item) in pending.iter().enumerate() {
                let mut projected = Collection::new();
                self.eval(&call.arguments[0], &scope.with(item, index), &mut projected)?;
                for item in projected {
                    self.charge(1)?;
                    if !known.has_or_add(&found, &item, |n| self.charge(n))? {
                        found.push(item.clone());
                        next.push(item);
                    }
                }
            }
            pending = next;
        }
        out.extend(found);
        Ok(())
    }

    fn aggregate(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let mut total = match call.arguments.get(1) {
            Some(start) => self.collect(start, scope)?,
            None => Collection::new(),
        };
        for (index, item) in self.collect(&call.input, scope)?.iter().enumerate() {
            let mut next = Collection::new();
            let inner = Scope {
                total: &total,
                ..scope.with(item, index)
            };
            self.eval(&call.arguments[0], &inner, &mut next)?;
            self.charge(next.len())?;
            total = next;
        }
        out.extend(total);
        Ok(())
    }

    /// By the given keys, or by the items themselves; empty keys come first. The order of equals is kept.
    fn sort(&self, call: &'a Call, scope: &Scope<'a, '_>, out: &mut Collection<'a>) -> Result<()> {
        let input = self.collect(&call.input, scope)?;
        let mut keyed = Vec::with_capacity(input.len());
        for (index, item) in input.into_iter().enumerate() {
            let mut keys: Vec<Option<Item<'a>>> = Vec::with_capacity(call.arguments.len().max(1));
            if call.arguments.is_empty() {
                keys.push(Some(item.clone()));
            }
            for argument in &call.arguments {
                keys.push(self.single(argument, &scope.with(&item, index), "sort")?);
            }
            keyed.push((keys, item));
        }
        let count = keyed.len();
        self.charge(count * (usize::BITS - count.leading_zeros()) as usize)?;
        let mut failed = false;
        let order = merge_sorted((0..count).collect(), &mut |x, y| {
            let order = key_order(&keyed[x].0, &keyed[y].0, &call.descending);
            failed |= order.is_err();
            order.unwrap_or(Ordering::Equal)
        });
        if failed {
            return Err(EvaluationError::Type("sort"));
        }
        out.extend(order.into_iter().map(|at| keyed[at].1.clone()));
        Ok(())
    }

    fn trace(&self, call: &'a Call, scope: &Scope<'a, '_>, out: &mut Collection<'a>) -> Result<()> {
        let input = self.collect(&call.input, scope)?;
        let name = self
            .single_text(&call.arguments[0], scope, "trace")?
            .unwrap_or_default();
        match call.arguments.get(1) {
            None => self.cx.host.trace(&name, &input),
            Some(projection) => {
                let mut shown = Collection::new();
                for (index, item) in input.iter().enumerate() {
                    self.eval(projection, &scope.with(item, index), &mut shown)?;
                }
                self.cx.host.trace(&name, &shown);
            }
        }
        out.extend(input);
        Ok(())
    }
}

fn key_order(
    a: &[Option<Item<'_>>],
    b: &[Option<Item<'_>>],
    descending: &[bool],
) -> std::result::Result<Ordering, ()> {
    for (at, (x, y)) in a.iter().zip(b).enumerate() {
        let order = match (x, y) {
            (Some(x), Some(y)) => compare(x, y)?.unwrap_or(Ordering::Equal),
            // What is empty comes first, whichever way the key runs.
            (x, y) if x.is_some() != y.is_some() => return Ok(x.is_some().cmp(&y.is_some())),
            _ => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return Ok(if descending.get(at) == Some(&true) {
                order.reverse()
            } else {
                order
            });
        }
    }
    Ok(Ordering::Equal)
}

/// A stable merge sort. The library's may panic when an order is not total, and partial dates are not.
fn merge_sorted(items: Vec<usize>, order: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    if items.len() < 2 {
        return items;
    }
    let (left, right) = items.split_at(items.len() / 2);
    let (left, right) = (
        merge_sorted(left.to_vec(), order),
        merge_sorted(right.to_vec(), order),
    );
    let mut merged = Vec::with_capacity(items.len());
    let (mut l, mut r) = (0, 0);
    while l < left.len() && r < right.len() {
        if order(left[l], right[r]).is_le() {
            merged.push(left[l]);
            l += 1;
        } else {
            merged.push(right[r]);
            r += 1;
        }
    }
    merged.extend_from_slice(&left[l..]);
    merged.extend_from_slice(&right[r..]);
    merged
}
