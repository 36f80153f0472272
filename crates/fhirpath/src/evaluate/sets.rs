//! Collections as sets. <http://hl7.org/fhirpath/N1/#combining>, <http://hl7.org/fhirpath/N1/#existence>

use std::collections::HashMap;

use super::run::{Result, Run, Scope};
use crate::compile::{Call, Op};
use crate::error::EvaluationError;
use crate::function::Function;
use crate::value::{Collection, Item, distinct_key, equal};

/// Above this many items members are found by hash.
const LINEAR_MAX: usize = 16;

/// The members of a growing list of items.
pub(super) struct Known {
    hashed: bool,
    by_key: HashMap<u64, Vec<usize>>,
}

impl Known {
    pub fn for_count(count: usize) -> Self {
        Self {
            hashed: count > LINEAR_MAX,
            by_key: HashMap::new(),
        }
    }

    /// True when `item` equals one of `kept`; else the caller appends it to `kept`.
    pub fn has_or_add(
        &mut self,
        kept: &[Item<'_>],
        item: &Item<'_>,
        charge: impl FnOnce(usize) -> Result<()>,
    ) -> Result<bool> {
        let same = |other: &Item<'_>| equal(other, item) == Some(true);
        if !self.hashed {
            charge(kept.len())?;
            return Ok(kept.iter().any(same));
        }
        let slot = self.by_key.entry(distinct_key(item)).or_default();
        charge(slot.len() + 1)?;
        let found = slot.iter().any(|at| same(&kept[*at]));
        if !found {
            slot.push(kept.len());
        }
        Ok(found)
    }
}

/// The members of a finished list.
struct Members<'i, 'a> {
    items: &'i [Item<'a>],
    by_key: Option<HashMap<u64, Vec<usize>>>,
}

impl<'i, 'a> Members<'i, 'a> {
    fn of(items: &'i [Item<'a>]) -> Self {
        let by_key = (items.len() > LINEAR_MAX).then(|| {
            let mut map: HashMap<u64, Vec<usize>> = HashMap::with_capacity(items.len());
            for (at, item) in items.iter().enumerate() {
                map.entry(distinct_key(item)).or_default().push(at);
            }
            map
        });
        Self { items, by_key }
    }

    fn has(&self, item: &Item<'_>, run: &Run<'_, '_>) -> Result<bool> {
        let same = |other: &Item<'_>| equal(other, item) == Some(true);
        match &self.by_key {
            None => {
                run.charge(self.items.len())?;
                Ok(self.items.iter().any(same))
            }
            Some(map) => {
                let Some(slot) = map.get(&distinct_key(item)) else {
                    return Ok(false);
                };
                run.charge(slot.len())?;
                Ok(slot.iter().any(|at| same(&self.items[*at])))
            }
        }
    }
}

impl<'a> Run<'a, '_> {
    pub fn set(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        use Function::*;
        let input = self.collect(&call.input, scope)?;
        self.charge(input.len())?;
        match call.function {
            AllTrue => out.push(every(&input, true)?),
            AllFalse => out.push(every(&input, false)?),
            AnyTrue => out.push(not(every(&input, false)?)),
            AnyFalse => out.push(not(every(&input, true)?)),
            Distinct => self.push_distinct(input, out)?,
            IsDistinct => out.push(Item::Boolean(self.is_distinct(&input)?)),
            function => {
                let other = self.argument(&call.arguments, scope)?;
                self.charge(other.len())?;
                self.with_other(function, input, other, out)?;
            }
        }
        Ok(())
    }

    fn argument(&self, arguments: &'a [Op], scope: &Scope<'a, '_>) -> Result<Collection<'a>> {
        arguments
            .first()
            .map_or_else(|| Ok(Collection::new()), |a| self.collect(a, scope))
    }

    fn with_other(
        &self,
        function: Function,
        mut input: Collection<'a>,
        other: Collection<'a>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        match function {
            Function::SubsetOf => out.push(Item::Boolean(self.is_subset(&input, &other)?)),
            Function::SupersetOf => out.push(Item::Boolean(self.is_subset(&other, &input)?)),
            Function::Combine => {
                out.extend(input);
                out.extend(other);
            }
            Function::Union => {
                input.extend(other);
                self.push_distinct(input, out)?;
            }
            Function::Intersect => {
                let members = Members::of(&other);
                let mut shared = Collection::new();
                for item in input {
                    if members.has(&item, self)? {
                        shared.push(item);
                    }
                }
                self.push_distinct(shared, out)?;
            }
            _ => {
                let members = Members::of(&other);
                for item in input {
                    if !members.has(&item, self)? {
                        out.push(item);
                    }
                }
            }
        }
        Ok(())
    }

    fn is_subset(&self, part: &[Item<'a>], whole: &[Item<'a>]) -> Result<bool> {
        let members = Members::of(whole);
        for item in part {
            if !members.has(item, self)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_distinct(&self, items: &[Item<'a>]) -> Result<bool> {
        let mut known = Known::for_count(items.len());
        for (at, item) in items.iter().enumerate() {
            if known.has_or_add(&items[..at], item, |n| self.charge(n))? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn every(items: &[Item<'_>], wanted: bool) -> Result<Item<'static>> {
    let mut all = true;
    for item in items {
        all &= item.as_boolean().ok_or(EvaluationError::Type(
            "allTrue, anyTrue, allFalse, anyFalse",
        ))? == wanted;
    }
    Ok(Item::Boolean(all))
}

fn not(item: Item<'_>) -> Item<'_> {
    match item {
        Item::Boolean(b) => Item::Boolean(!b),
        other => other,
    }
}
