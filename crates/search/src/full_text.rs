//! Words in the index, for `_text` and `_content` of the types that are indexed by words. <https://hl7.org/fhir/R4/search.html#content>
//!
//! A word is a term of the resource, so it is answered as a token is. Words are asked for by their beginning: the vocabulary lists
//! each distinct word of the store under its beginnings, a keyed hash as every term, so that no word is stored in clear.
//!
//! Ids, long numbers and the like are nearly as many as resources, and would be most of the vocabulary. Of them the index has the
//! first four characters, listed as if they were a word, and the first eight: whoever asks for more of one has the few resources
//! with these looked at (`Word::marks`), as those with more words than the index keeps.

use crate::entries::{Entries, FormEntry, Term, TermEntry, TermKey};
use crate::extract::Extractor;
use crate::plan::{Check, Filter, Word};
use crate::query::{Content, texts};
use std::collections::BTreeSet;
use ward_fhir::Node;

/// Distinct words of one resource that the index has of a parameter, the first in their own order. With more it is marked.
const WORDS_MAX: usize = 2_000;
/// Characters of a beginning that is listed, and of a word that is indexed, at least: with fewer nearly every resource has one.
const BEGINNING_CHARS_MIN: usize = 3;
/// Longer words with letters and digits are not listed, nor longer numbers, nor longer words without digits.
const MIXED_CHARS_MAX: usize = 6;
const NUMBER_CHARS_MAX: usize = 10;
const LETTERS_MAX: usize = 32;
/// First characters of a word that is not listed. Those of the first length are.
const STARTS_CHARS: [usize; 2] = [4, 8];

/// Adds the words of a resource, if its type is indexed by words. Part of the index format.
pub(crate) fn index(extractor: &Extractor, node: Node<'_>, entries: &mut Entries) {
    let registry = extractor.registry();
    if !registry.words().contains(&node.ty()) {
        return;
    }
    let contents = [
        ("_text", Content::Narrative),
        ("_content", Content::Everything),
    ];
    for (code, content) in contents {
        if let Some(parameter) = registry.find(node.ty(), code) {
            let index = Words {
                key: extractor.key(),
                param: parameter.def.number(),
            };
            index.add(&texts(node, &content), entries);
        }
    }
}

/// Those of one parameter.
pub(crate) struct Words<'k> {
    pub key: &'k TermKey,
    pub param: u16,
}

impl Words<'_> {
    /// What has a word that begins so; of less than the index lists the resource itself decides.
    pub fn beginning(&self, value: &str, check: Check) -> Filter {
        let chars = value.chars().count();
        if chars < BEGINNING_CHARS_MIN {
            return Filter::Check(check);
        }
        let longer = self.key.longer(self.param);
        let start = start(value).filter(|_| chars > STARTS_CHARS[0]);
        let start = start.map(|start| self.key.word_start(self.param, start));
        Filter::Word(Word {
            param: self.param,
            form: self.key.beginning(self.param, value),
            marks: std::iter::once(longer).chain(start).collect(),
            check,
        })
    }

    /// True of at least what has the whole word; `None`: the index does not tell.
    pub fn whole(&self, word: &str) -> Option<Filter> {
        if word.chars().count() < BEGINNING_CHARS_MIN {
            return None;
        }
        let term = match is_listed(word) {
            true => self.key.word(self.param, word),
            false => self.key.word_start(self.param, start(word)?),
        };
        Some(Filter::AnyTerm(vec![term, self.key.longer(self.param)]))
    }

    fn add(&self, texts: &[Vec<String>], entries: &mut Entries) {
        let words = texts.iter().flatten().map(String::as_str);
        let words = words.filter(|word| first(word, BEGINNING_CHARS_MIN).is_some());
        let words: BTreeSet<&str> = words.collect();
        if words.len() > WORDS_MAX {
            self.term(self.key.longer(self.param), false, entries);
        }
        for word in words.into_iter().take(WORDS_MAX) {
            if is_listed(word) {
                self.listed(word, self.key.word(self.param, word), entries);
                continue;
            }
            let [few, more] = STARTS_CHARS.map(|chars| first(word, chars));
            if let Some(start) = few {
                self.listed(start, self.key.word_start(self.param, start), entries);
            }
            if let Some(start) = more {
                self.term(self.key.word_start(self.param, start), false, entries);
            }
        }
    }

    /// A term that is found by every beginning of a text.
    fn listed(&self, text: &str, term: Term, entries: &mut Entries) {
        self.term(term, true, entries);
        for end in ends(text).skip(BEGINNING_CHARS_MIN - 1) {
            entries.vocabulary.push(FormEntry {
                form: self.key.beginning(self.param, &text[..end]),
                term,
            });
        }
    }

    fn term(&self, term: Term, counted: bool, entries: &mut Entries) {
        entries.terms.push(TermEntry {
            term,
            param: self.param,
            counted,
        });
    }
}

/// Whether there are few enough of its kind.
fn is_listed(word: &str) -> bool {
    let digits = word.chars().filter(|c| c.is_numeric()).count();
    let chars = word.chars().count();
    let chars_max = match digits {
        0 => LETTERS_MAX,
        digits if digits == chars => NUMBER_CHARS_MAX,
        _ => MIXED_CHARS_MAX,
    };
    chars <= chars_max
}

/// The most first characters by which a word that is not listed is kept.
fn start(word: &str) -> Option<&str> {
    let mut starts = STARTS_CHARS.iter().rev();
    starts.find_map(|chars| first(word, *chars))
}

/// So many first characters; `None`: there are fewer.
fn first(word: &str, chars: usize) -> Option<&str> {
    let end = ends(word).nth(chars.checked_sub(1)?)?;
    word.get(..end)
}

/// Where each character ends.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, c)| at + c.len_utf8())
}
