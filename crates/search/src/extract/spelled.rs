//! Codes and other tokens as an edition spells them. <https://hl7.org/fhir/R4/search.html#token>

use super::Collector;
use crate::edition::Edition;
use crate::entries::{FormEntry, Term};
use crate::normal::lower_case;
use crate::param::token::case::{Case, folded_since, has_letters, spelled};
use crate::registry::Leaf;
use std::borrow::Cow;

impl Collector<'_> {
    /// A value whose case does not count.
    pub fn caseless<'v>(&self, value: &'v str) -> Cow<'v, str> {
        match self.extractor.edition {
            Edition::First => Cow::Borrowed(value),
            _ => lower_case(value),
        }
    }

    /// A code of a system; none: empty.
    pub fn code<'v>(&self, system: &str, code: &'v str) -> Cow<'v, str> {
        spelled(self.schema(), self.extractor.edition, system, code)
    }

    /// A value that names no system. Its term.
    pub fn plain(&mut self, leaf: &Leaf, value: &str, counted: bool) -> Term {
        let edition = self.extractor.edition;
        let value = match leaf.case != Case::Exact && edition >= folded_since(leaf.form) {
            true => lower_case(value),
            false => Cow::Borrowed(value),
        };
        let key = self.key();
        let term = key.code(leaf.param, &value);
        self.term(leaf, term, counted);
        if leaf.case == Case::Mixed && edition >= Edition::Third && has_letters(&value) {
            self.term(leaf, key.caseless(leaf.param, &value), counted);
        }
        term
    }

    /// A coded term with its wider forms.
    pub fn coded(&mut self, leaf: &Leaf, system: &str, code: &str) -> Term {
        let (key, code) = (self.key(), self.code(system, code));
        let term = key.token(leaf.param, system, &code);
        self.hot(leaf, term);
        if !leaf.indexed {
            return term;
        }
        self.term(leaf, term, true);
        let is_folded = self.extractor.edition >= Edition::Third
            && has_letters(&code)
            && !self.schema().is_case_sensitive(system);
        let mut form = |form| self.entries.vocabulary.push(FormEntry { form, term });
        if !code.is_empty() {
            form(key.code(leaf.param, &code));
        }
        if is_folded {
            form(key.caseless(leaf.param, &code));
        }
        if !system.is_empty() {
            form(key.system(leaf.param, system));
        }
        term
    }
}
