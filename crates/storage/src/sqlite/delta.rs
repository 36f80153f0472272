//! The rows a batch removes and adds, table by table, in key order: one statement per table touched.

use crate::contract::{Expect, Op, Rid, Write};
use crate::core::{Core, Prepared};
use crate::index::{CATEGORY, CODE, EVERY, difference, parameter, typed};
use crate::quantity::{self, Keys};
use std::collections::{BTreeMap, HashMap};
use ward_search::entries::{
    DateEntry, Entries, FormEntry, PhraseEntry, QuantityEntry, StringEntry, Term, TermEntry,
};

/// The row being replaced.
pub struct Current {
    pub version: u32,
    pub deleted: bool,
    pub patient: Rid,
    pub date: i64,
    pub visibility: i64,
    pub alias: Option<String>,
    pub ty: u16,
    pub generation: u32,
}

/// What every index row of one resource carries.
#[derive(Clone, Copy)]
pub(super) struct Carried {
    pub rid: Rid,
    pub d: i64,
    pub c: i64,
    pub k: i64,
}

impl Current {
    fn carried(&self, rid: Rid) -> Carried {
        Carried {
            rid,
            d: self.date,
            c: self.patient,
            k: self.visibility,
        }
    }
}

/// A row of `resource` to be.
pub(super) struct Resource<'a> {
    pub write: &'a Write,
    pub sealed: &'a [u8],
    pub at: Carried,
    /// Its own target term.
    pub own: Term,
    pub alias: Option<String>,
}

#[derive(Default)]
pub struct Delta<'a> {
    /// Of rows whose entries, generation and visibility alone change; with the visibility.
    pub(super) indexed: Vec<(&'a Write, i64)>,
    pub(super) superseded: Vec<(Rid, i64)>,
    pub(super) resources: Vec<Resource<'a>>,
    pub(super) terms: Change<(i64, i64, Rid, i64, i64)>,
    pub(super) strings: Change<(i32, &'a str, Rid, i64, i64)>,
    pub(super) dates: Change<(i32, i64, i64, Rid, i64, i64)>,
    pub(super) quantities: Change<(i64, f64, f64, Rid, i64, i64)>,
    /// Of `qty_code`.
    pub(super) values: Change<quantity::Row>,
    pub(super) targets: Change<(i64, Rid)>,
    pub(super) counts: BTreeMap<(i64, i64), i64>,
    pub(super) forms: Vec<FormEntry>,
    pub(super) phrases: Vec<&'a PhraseEntry>,
    /// Which rows have lost.
    pub(super) left_phrases: Vec<&'a PhraseEntry>,
    pub(super) aliases: Vec<(u16, &'a str, Rid)>,
    pub(super) units: Vec<&'a Prepared>,
}

#[derive(Default)]
pub(super) struct Change<T> {
    pub removed: Vec<T>,
    pub added: Vec<T>,
}

impl<'a> Delta<'a> {
    pub fn add(&mut self, core: &Core, prepared: &'a Prepared, current: &HashMap<Rid, Current>) {
        for (write, sealed) in prepared.unit.writes.iter().zip(&prepared.sealed) {
            self.add_write(core, write, sealed, current.get(&write.rid));
        }
        self.forms.extend(&prepared.fresh.forms);
        self.phrases.extend(&prepared.fresh.phrases);
        self.units.push(prepared);
    }

    fn add_write(
        &mut self,
        core: &Core,
        write: &'a Write,
        sealed: &'a [u8],
        current: Option<&Current>,
    ) {
        if let (Expect::Stays(_), Some(current)) = (write.expect, current) {
            let at = current.carried(write.rid);
            let k = write.visibility_id(Some(at.k));
            self.indexed.push((write, k));
            if !current.deleted {
                self.count(typed(EVERY, write.ty), at.k, -1);
                self.count(typed(EVERY, write.ty), k, 1);
            }
            return self.add_entries(write, Some(at), Carried { k, ..at });
        }
        let new = carried(write, current);
        if let Some(current) = current {
            self.superseded.push((write.rid, write.updated_us));
            self.add_entries(write, Some(current.carried(write.rid)), new);
        } else {
            self.add_entries(write, None, new);
        }
        let live_before = current.is_some_and(|c| !c.deleted);
        let every = typed(EVERY, write.ty);
        if live_before {
            self.count(every, current.map_or(0, |c| c.visibility), -1);
        }
        if write.op != Op::Delete {
            self.count(every, new.k, 1);
        }
        if let Some(id) = &write.alias {
            self.aliases.push((write.ty.0, id, write.rid));
        }
        let alias = write
            .alias
            .clone()
            .or_else(|| current.and_then(|c| c.alias.clone()));
        let own = core.target(write.ty, write.rid, alias.as_deref());
        self.resources.push(Resource {
            write,
            sealed,
            at: new,
            own,
            alias,
        });
    }

    /// Only what differs, unless something that every index row carries has changed.
    fn add_entries(&mut self, write: &'a Write, old: Option<Carried>, new: Carried) {
        let (was, is) = (&write.old_entries, &write.entries);
        let ty = write.ty;
        let term = |at: Carried, e: &TermEntry| (typed(e.term, ty), at.d, at.rid, at.c, at.k);
        let string = |at: Carried, e: &'a StringEntry| {
            (parameter(e.param, ty), e.value.as_str(), at.rid, at.c, at.k)
        };
        let date = |at: Carried, e: &DateEntry| {
            (
                parameter(e.param, ty),
                e.low_us,
                e.high_us,
                at.rid,
                at.c,
                at.k,
            )
        };
        let quantity =
            |at: Carried, e: &QuantityEntry| (typed(e.term, ty), e.low, e.high, at.rid, at.c, at.k);
        let same = old.is_none_or(|old| (old.d, old.c, old.k) == (new.d, new.c, new.k));
        let left = &mut self.left_phrases;
        difference(&was.phrases, &is.phrases, |lost| left.push(lost), |_| {});
        let from = old.unwrap_or(new);
        self.count_terms(write, was, is, from.k, new.k);
        merge(
            same,
            &was.terms,
            &is.terms,
            &mut self.terms,
            |e| term(from, e),
            |e| term(new, e),
        );
        merge(
            same,
            &was.strings,
            &is.strings,
            &mut self.strings,
            |e| string(from, e),
            |e| string(new, e),
        );
        merge(
            same,
            &was.dates,
            &is.dates,
            &mut self.dates,
            |e| date(from, e),
            |e| date(new, e),
        );
        merge(
            same,
            &was.quantities,
            &is.quantities,
            &mut self.quantities,
            |e| quantity(from, e),
            |e| quantity(new, e),
        );
        let values = |entries| quantity::rows(entries, Keys::OfCode, ty, new.rid);
        let (was_values, is_values) = (values(was), values(is));
        merge(
            true,
            &was_values,
            &is_values,
            &mut self.values,
            |row| *row,
            |row| *row,
        );
        merge(
            true,
            &was.targets,
            &is.targets,
            &mut self.targets,
            |t| (*t, from.rid),
            |t| (*t, new.rid),
        );
    }

    fn count_terms(&mut self, write: &Write, was: &Entries, is: &Entries, old_k: i64, new_k: i64) {
        for (entries, k, by) in [(was, old_k, -1), (is, new_k, 1)] {
            for entry in entries.terms.iter().filter(|e| e.counted) {
                let term = typed(entry.term, write.ty);
                self.count(term, k, by);
                if entry.term == entries.code {
                    self.count(term ^ CODE, k, by);
                }
                if entry.term == entries.category {
                    self.count(term ^ CATEGORY, k, by);
                }
            }
        }
    }

    fn count(&mut self, term: i64, k: i64, by: i64) {
        *self.counts.entry((term, k)).or_default() += by;
    }
}

/// `d` falls back to when the row was made, and keeps that: otherwise every update of an undated type would rewrite all.
fn carried(write: &Write, current: Option<&Current>) -> Carried {
    let d = write.entries.date_us.unwrap_or_else(|| match current {
        Some(current) if write.old_entries.date_us.is_none() || write.op == Op::Delete => {
            current.date
        }
        _ => write.updated_us,
    });
    Carried {
        rid: write.rid,
        d,
        c: write.patient,
        k: write.visibility_id(current.map(|current| current.visibility)),
    }
}

fn merge<'a, E: PartialOrd, T>(
    same: bool,
    was: &'a [E],
    is: &'a [E],
    change: &mut Change<T>,
    from: impl Fn(&'a E) -> T,
    to: impl Fn(&'a E) -> T,
) {
    if same {
        difference(
            was,
            is,
            |e| change.removed.push(from(e)),
            |e| change.added.push(to(e)),
        );
    } else {
        change.removed.extend(was.iter().map(from));
        change.added.extend(is.iter().map(to));
    }
}
