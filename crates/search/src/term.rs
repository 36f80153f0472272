//! Terms: 64-bit keyed hashes of (kind, parameter, value). <https://hl7.org/fhir/R4/search.html#ptypes>
//!
//! SipHash-1-3 under the store's [`TermKey`]; every part is preceded by its length, so parts cannot run into each other.
//! What one value costs in index rows, and what a query asks with:
//!
//! | value | rows in `terms` | asked with |
//! |---|---|---|
//! | Coding, CodeableConcept (each coding) | [`token`](TermKey::token)`(system, code)`, the code folded where its system takes no account of case | `system|code` the same; `\|code` with system ""; `code` and `system\|` through the vocabulary |
//! | code, boolean, string as token, ContactPoint (of the last two the case is folded, of a code where its implied system takes no account of it) | [`code`](TermKey::code)`(code)` | `code`; `system\|code` after the value set confirms the implied system |
//! | Identifier (its value folded) | `token(system, value)`, `code(value)`, [`system`](TermKey::system)`(system)`; with a type also [`of_type`](TermKey::of_type) | the same |
//! | Reference, literal and local | [`reference`](TermKey::reference)`(Type, id)` = `target ^ spread`; versioned also [`url`](TermKey::url)`(Type/id/_history/v)` | `Type/id`; a bare id is expanded over the target types |
//! | Reference, elsewhere or `urn:` | `url(url)` | the absolute url |
//! | Reference.identifier | [`identifier`](TermKey::identifier)`(system, value)`, [`identifier_value`](TermKey::identifier_value)`(value)` | `:identifier` |
//! | canonical | `url(url)`; versioned also `url(url\|version)` | the same |
//! | uri | `url(uri)` | the same |
//! | string | [`exact`](TermKey::exact)`(text)` beside its `StringEntry` | `:exact` |
//! | composite within one element | [`tuple`](TermKey::tuple)`(part, part)`, as a term or as the term of a quantity | the parts' terms, looked up |
//! | text without a coding | [`text`](TermKey::text)`(text)` beside its `PhraseEntry` | `:text`, through the phrases |
//! | contained resource | [`contained`](TermKey::contained)`(Type)` | `_contained` |
//! | clinical date that a date leaves by a day, eight or 64, or that one begins before | [`long`](TermKey::long), [`open`](TermKey::open), counted | never: they bound a walk by the clinical date |
//! | a text longer than the index keeps | [`longer`](TermKey::longer) | what asks for a part of a text, see `query::long` |
//! | word of a text, where the type is indexed by words | [`word`](TermKey::word), or of what is nearly unique [`word_start`](TermKey::word_start) of its first 4 and 8 characters; none below 3 characters | the word's beginnings through the vocabulary, see `full_text` |
//! | presence | [`marker`](TermKey::marker) of the rarer state only; for `_tag`, `_security`, `_profile` none (`registry::Marks`) | `:missing` |
//!
//! The vocabulary lists, for each distinct coded term of the whole store, its wider forms (`code`, `system`, and of a folded one with letters
//! [`caseless`](TermKey::caseless)): one row per distinct code instead of two more rows per coding and resource. A code that is asked for
//! without a system is looked for as it is written under `code`, which finds what is exact and what is folded already, and where
//! it has capitals in lower case under `caseless`, which finds what is folded alone. A Synthea Observation has 6.7 term rows this way, 13 without.

use crate::entries::{Term, TermKey};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// Part of the index format: never renumber.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Kind {
    Token = 1,
    Code = 2,
    System = 3,
    OfType = 4,
    Reference = 5,
    Url = 6,
    Identifier = 7,
    IdentifierValue = 8,
    Exact = 9,
    Marker = 10,
    Target = 11,
    Membership = 12,
    Number = 13,
    Unit = 14,
    UnitText = 15,
    Lock = 16,
    Tuple = 17,
    Text = 18,
    Contained = 19,
    Latitude = 20,
    Longitude = 21,
    Long = 22,
    Open = 23,
    Longer = 24,
    Word = 25,
    WordStart = 26,
    Beginning = 27,
    Caseless = 28,
}

impl TermKey {
    /// `system|code`; an absent system is the empty string.
    pub fn token(&self, param: u16, system: &str, code: &str) -> Term {
        self.hash(Kind::Token, param, &[system, code])
    }
    /// A code whatever its system.
    pub fn code(&self, param: u16, code: &str) -> Term {
        self.hash(Kind::Code, param, &[code])
    }
    /// A code in lower case, where its case does not count: whatever its system, by another spelling than this one.
    pub fn caseless(&self, param: u16, code: &str) -> Term {
        self.hash(Kind::Caseless, param, &[code])
    }
    /// Any code of a system.
    pub fn system(&self, param: u16, system: &str) -> Term {
        self.hash(Kind::System, param, &[system])
    }
    /// `:of-type`: an identifier's value together with one coding of its type.
    pub fn of_type(&self, param: u16, system: &str, code: &str, value: &str) -> Term {
        self.hash(Kind::OfType, param, &[system, code, value])
    }
    /// A resource of this store: `target(ty, id) ^ spread(param)`, so that SQL can make the term by which others refer to a
    /// row from the row's own target term, without the key.
    pub fn reference(&self, param: u16, ty: &str, id: &str) -> Term {
        self.target(ty, id) ^ self.spread(param)
    }
    /// What turns a target into the reference term of a parameter.
    pub fn spread(&self, param: u16) -> Term {
        self.hash(Kind::Reference, param, &[])
    }
    /// Values of a composite's components within one element, by their own terms.
    pub fn tuple(&self, param: u16, parts: &[Term]) -> Term {
        let mut hasher = self.start(Kind::Tuple, param);
        for part in parts {
            hasher.write(&part.to_le_bytes());
        }
        term(hasher.finish())
    }
    /// A normalised text that belongs to no coding, for `:text`.
    pub fn text(&self, param: u16, text: &str) -> Term {
        self.hash(Kind::Text, param, &[text])
    }
    /// Holds a contained resource of this type.
    pub fn contained(&self, ty: &str) -> Term {
        self.hash(Kind::Contained, 0, &[ty])
    }
    /// Latitude of a position, as a number.
    pub fn latitude(&self, param: u16) -> Term {
        self.hash(Kind::Latitude, param, &[])
    }
    /// Longitude of a position, as a number.
    pub fn longitude(&self, param: u16) -> Term {
        self.hash(Kind::Longitude, param, &[])
    }
    /// An absolute URL, `urn:`, canonical, uri, or a versioned `Type/id/_history/v`.
    pub fn url(&self, param: u16, url: &str) -> Term {
        self.hash(Kind::Url, param, &[url])
    }
    /// The logical identifier of a Reference.
    pub fn identifier(&self, param: u16, system: &str, value: &str) -> Term {
        self.hash(Kind::Identifier, param, &[system, value])
    }
    /// The same, whatever its system.
    pub fn identifier_value(&self, param: u16, value: &str) -> Term {
        self.hash(Kind::IdentifierValue, param, &[value])
    }
    /// A string as sent, for `:exact`.
    pub fn exact(&self, param: u16, text: &str) -> Term {
        self.hash(Kind::Exact, param, &[text])
    }
    /// The parameter's rarer state (present or missing) on this resource.
    pub fn marker(&self, param: u16) -> Term {
        self.hash(Kind::Marker, param, &[])
    }
    /// The dates of the hot date parameter end no sooner than that one of [`REACHES_US`](crate::entries::REACHES_US) after the
    /// clinical date.
    pub fn long(&self, param: u16, reach: usize) -> Term {
        self.hash(Kind::Long, param, &[&reach.to_string()])
    }
    /// A date of the hot date parameter has no start, so it begins before the clinical date.
    pub fn open(&self, param: u16) -> Term {
        self.hash(Kind::Open, param, &[])
    }
    /// A text of the parameter goes on after what the index holds of it.
    pub fn longer(&self, param: u16) -> Term {
        self.hash(Kind::Longer, param, &[])
    }
    /// A word of `_text` or `_content`.
    pub fn word(&self, param: u16, word: &str) -> Term {
        self.hash(Kind::Word, param, &[word])
    }
    /// A word of which the index has no more than these first characters.
    pub fn word_start(&self, param: u16, start: &str) -> Term {
        self.hash(Kind::WordStart, param, &[start])
    }
    /// The form under which the vocabulary lists the words that begin so.
    pub fn beginning(&self, param: u16, text: &str) -> Term {
        self.hash(Kind::Beginning, param, &[text])
    }
    /// `Entries::targets`: some Reference in the document points to this resource.
    pub fn target(&self, ty: &str, id: &str) -> Term {
        self.hash(Kind::Target, 0, &[ty, id])
    }
    /// A further patient (not the home) whose compartment the resource is in, by its row id.
    pub fn membership(&self, patient: i64) -> Term {
        let mut hasher = self.start(Kind::Membership, 0);
        hasher.write(&patient.to_le_bytes());
        term(hasher.finish())
    }
    /// A number, or a quantity whatever its unit.
    pub fn number(&self, param: u16) -> Term {
        self.hash(Kind::Number, param, &[])
    }
    /// A quantity in a coded unit.
    pub fn unit(&self, param: u16, system: &str, code: &str) -> Term {
        self.hash(Kind::Unit, param, &[system, code])
    }
    /// A quantity by its unit's code or text, whatever the system.
    pub fn unit_text(&self, param: u16, unit: &str) -> Term {
        self.hash(Kind::UnitText, param, &[unit])
    }
    /// The lock of a conditional interaction: type and query text.
    pub fn lock(&self, ty: &str, query: &str) -> Term {
        self.hash(Kind::Lock, 0, &[ty, query])
    }

    fn start(&self, kind: Kind, param: u16) -> SipHasher13 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        let [low, high] = param.to_le_bytes();
        hasher.write(&[kind as u8, low, high, 0]);
        hasher
    }

    fn hash(&self, kind: Kind, param: u16, parts: &[&str]) -> Term {
        let mut hasher = self.start(kind, param);
        for part in parts {
            hasher.write(&(part.len() as u32).to_le_bytes());
            hasher.write(part.as_bytes());
        }
        term(hasher.finish())
    }
}

/// 0 means "none" in the hot columns, so no term is 0.
fn term(hash: u64) -> Term {
    if hash == 0 { 1 } else { hash as Term }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const KEY: TermKey = TermKey([7; 16]);

    #[test]
    fn kinds_parameters_and_boundaries_are_all_distinct() {
        let terms = [
            KEY.token(1, "a", "b"),
            KEY.token(1, "ab", ""),
            KEY.token(1, "", "ab"),
            KEY.token(2, "a", "b"),
            KEY.code(1, "ab"),
            KEY.system(1, "ab"),
            KEY.of_type(1, "a", "b", ""),
            KEY.of_type(1, "a", "", "b"),
            KEY.reference(1, "a", "b"),
            KEY.url(1, "ab"),
            KEY.identifier(1, "a", "b"),
            KEY.identifier_value(1, "ab"),
            KEY.exact(1, "ab"),
            KEY.marker(1),
            KEY.target("a", "b"),
            KEY.membership(1),
            KEY.number(1),
            KEY.unit(1, "a", "b"),
            KEY.unit_text(1, "ab"),
            KEY.lock("a", "b"),
            KEY.spread(1),
            KEY.tuple(1, &[1, 2]),
            KEY.tuple(1, &[2, 1]),
            KEY.tuple(2, &[1, 2]),
            KEY.text(1, "ab"),
            KEY.contained("ab"),
            KEY.latitude(1),
            KEY.longitude(1),
            KEY.long(1, 0),
            KEY.long(1, 1),
            KEY.open(1),
            KEY.longer(1),
            KEY.word(1, "ab"),
            KEY.word_start(1, "ab"),
            KEY.beginning(1, "ab"),
            KEY.caseless(1, "ab"),
        ];
        assert_eq!(terms.iter().collect::<HashSet<_>>().len(), terms.len());
        assert!(!terms.contains(&0));
    }

    #[test]
    fn references_are_made_from_targets() {
        let made = |param| KEY.target("Patient", "1") ^ KEY.spread(param);
        assert_eq!(KEY.reference(3, "Patient", "1"), made(3));
        assert_ne!(made(3), made(4));
    }

    #[test]
    fn another_key_gives_other_terms() {
        assert_ne!(KEY.code(1, "male"), TermKey([8; 16]).code(1, "male"));
        assert_eq!(KEY.code(1, "male"), TermKey([7; 16]).code(1, "male"));
    }
}
