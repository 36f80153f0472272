//! What a question has to know of the store before it can be put: counters of terms, and the terms of wider forms.
//!
//! Each process remembers what statements have told. A page is asked for by what is remembered, and the same statement tells
//! what is so at its own moment: where that is something else, the question is put anew. So nothing that is remembered is
//! believed, and a page is one statement.

use super::connection::{Columns, Connection, Failure};
use super::lower::Sql;
use super::statement::Value;
use crate::broad::Broad;
use crate::contract::StoreError;
use crate::estimate::Counts;
use quick_cache::sync::Cache;
use std::fmt::Write as _;
use std::sync::Arc;
use ward_search::entries::Term;

/// What statements told last, whoever wrote it.
pub struct Remembered {
    counts: Cache<i64, Option<u64>>,
    forms: Cache<Term, Arc<[Term]>>,
    pub broad: Broad,
}

impl Default for Remembered {
    fn default() -> Remembered {
        Remembered {
            counts: Cache::new(COUNTS_MAX),
            forms: Cache::new(FORMS_MAX),
            broad: Broad::default(),
        }
    }
}

impl Remembered {
    /// The terms of forms; `None`: not all are remembered, or they are many.
    pub fn forms(&self, wanted: &[Term]) -> Option<Vec<(Term, Term)>> {
        let mut all = Vec::new();
        for form in wanted {
            let terms = self.forms.get(form)?;
            all.extend(terms.iter().map(|term| (*form, *term)));
        }
        (all.len() <= TOLD_MAX).then_some(all)
    }

    /// Counters that there are; `None`: not all that is needed is remembered, or it is much.
    pub fn counts(&self, needed: &Needed) -> Option<Counts> {
        let mut counts = Counts::with_capacity(needed.keys.len());
        for key in &needed.keys {
            if let Some(rows) = self.counts.get(key)? {
                counts.insert(*key, rows);
            }
        }
        (needed.keys.len() <= TOLD_MAX).then_some(counts)
    }

    /// What is so of what was needed.
    pub fn learn(&self, needed: &Needed, told: &Told) {
        for key in &needed.keys {
            let rows = told.counts.get(key).copied();
            if self.counts.get(key) != Some(rows) {
                self.counts.insert(*key, rows);
            }
        }
        self.learn_forms(needed, &told.forms);
    }

    /// Form and term of the forms that were needed.
    pub fn learn_forms(&self, needed: &Needed, forms: &[(Term, Term)]) {
        for form in &needed.forms {
            let of = forms.iter().filter(|(known, _)| known == form);
            let terms: Arc<[Term]> = of.map(|(_, term)| *term).collect();
            if terms.len() > FORM_TERMS_MAX {
                self.forms.remove(form);
            } else if self.forms.get(form).is_none_or(|known| known != terms) {
                self.forms.insert(*form, terms);
            }
        }
    }
}

/// What decides how a question is put.
#[derive(Clone, Debug, Default)]
pub struct Needed {
    /// Of counters.
    pub keys: Vec<i64>,
    /// Of those: what has no counter has no row.
    pub marks: Vec<i64>,
    pub forms: Vec<Term>,
}

impl Needed {
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.forms.is_empty()
    }

    /// One statement, or none where nothing is counted.
    pub async fn count(&self, connection: &Connection) -> Result<Counts, Failure> {
        let mut counts = Counts::new();
        if !self.keys.is_empty() {
            let keys = [Value::Ints(self.keys.clone())];
            for row in connection.rows(COUNTS, &keys).await? {
                counts.insert(row.int(0)?, row.int(1)?.max(0) as u64);
            }
        }
        Ok(counts)
    }

    /// As choices are made by them.
    pub fn with_marks(&self, mut counts: Counts) -> Counts {
        for mark in &self.marks {
            counts.entry(*mark).or_insert(0);
        }
        counts
    }

    /// ` union all …`: what is so, in the columns of a page's rows, behind which are sort keys of these types.
    pub fn told_by(&self, sql: &mut Sql, keys: &[&str]) {
        let mut part = |kind: i64, (of, what): (&str, &str), from: &str, wanted: &[i64]| {
            if wanted.is_empty() {
                return;
            }
            let list = sql.bind(Value::Ints(wanted.to_vec()));
            let _ = write!(
                sql.text,
                " union all select {of}, ({kind})::smallint, 0, {what}, 0::smallint, 0::bigint, null::text, null::bytea, 0, 0"
            );
            for key in keys {
                let _ = write!(sql.text, ", null::{key}");
            }
            let _ = write!(sql.text, " from {}", from.replace("{list}", &list));
        };
        let counted = "term_count t where t.h = any({list}) group by t.h";
        part(COUNTER, ("t.h", "sum(t.n)::bigint"), counted, &self.keys);
        let widened = "vocabulary f where f.form = any({list})";
        part(FORM, ("f.form", "f.term"), widened, &self.forms);
    }

    /// ` union all …`: the terms of forms, in the columns of a total's counters.
    pub fn forms_by(&self, sql: &mut Sql) {
        if !self.forms.is_empty() {
            let list = sql.bind(Value::Ints(self.forms.clone()));
            let _ = write!(
                sql.text,
                " union all select f.form, f.term, ({FORM})::bigint from vocabulary f where f.form = any({list})"
            );
        }
    }
}

/// What is so of what is needed, or was when it was remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Of those counters that there are.
    pub counts: Counts,
    /// Form and term, in order.
    pub forms: Vec<(Term, Term)>,
}

impl Told {
    pub fn new(counts: Counts, mut forms: Vec<(Term, Term)>) -> Told {
        forms.sort_unstable();
        forms.dedup();
        Told { counts, forms }
    }

    /// Takes what is told out of the rows of a page.
    pub fn taken_from(rows: &mut Vec<Columns>) -> Result<Told, StoreError> {
        let (mut counts, mut forms) = (Counts::new(), Vec::new());
        let mut page = Vec::with_capacity(rows.len());
        for row in rows.drain(..) {
            match row.int(1)? {
                COUNTER => drop(counts.insert(row.int(0)?, row.int(3)?.max(0) as u64)),
                FORM => forms.push((row.int(0)?, row.int(3)?)),
                _ => page.push(row),
            }
        }
        *rows = page;
        Ok(Told::new(counts, forms))
    }

    /// Takes what `forms_by` asks out of the rows of a total, in order.
    pub fn forms_taken_from(rows: &mut Vec<Columns>) -> Result<Vec<(Term, Term)>, StoreError> {
        let (mut forms, mut counters) = (Vec::new(), Vec::with_capacity(rows.len()));
        for row in rows.drain(..) {
            match row.int(2)? {
                FORM => forms.push((row.int(0)?, row.int(1)?)),
                _ => counters.push(row),
            }
        }
        *rows = counters;
        Ok(Told::new(Counts::new(), forms).forms)
    }
}

/// In place of a type in the columns of a page's rows.
const COUNTER: i64 = -1;
const FORM: i64 = -2;

/// Counters remembered, about 60 bytes each.
const COUNTS_MAX: usize = 32_768;
/// Forms remembered, about 100 bytes each and 8 for each of their terms: 2 MB at most.
const FORMS_MAX: usize = 2_048;
/// Of a form with more terms nothing is remembered: a page's statement would not tell them either.
const FORM_TERMS_MAX: usize = TOLD_MAX;
/// Counters, and terms of forms, that a page's statement tells.
const TOLD_MAX: usize = 100;

const COUNTS: &str = "select h, sum(n)::bigint from term_count where h = any($1) group by h";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_remembered_as_far_as_a_page_tells_their_terms() {
        let remembered = Remembered::default();
        let needed = Needed {
            forms: vec![7],
            ..Needed::default()
        };
        let told = |terms: usize| {
            let each = (0..terms).map(|term| (7, term as Term));
            Told::new(Counts::new(), each.collect())
        };
        assert_eq!(remembered.forms(&[7]), None);
        remembered.learn(&needed, &told(0));
        assert_eq!(remembered.forms(&[7]), Some(Vec::new()));
        remembered.learn(&needed, &told(FORM_TERMS_MAX));
        let known = remembered.forms(&[7]).map(|terms| terms.len());
        assert_eq!(known, Some(FORM_TERMS_MAX));
        // What it had before is not so any more.
        remembered.learn(&needed, &told(FORM_TERMS_MAX + 1));
        assert_eq!(remembered.forms(&[7]), None);
    }
}
