//! What one resource version contributes to the index, in a form that both stores lower to their own layout.

/// Secret of the store: terms are SipHash-1-3 of (parameter, kind, value) under it, so index rows tell nothing.
#[derive(Clone)]
pub struct TermKey(pub [u8; 16]);

/// 64-bit keyed hash of (parameter, kind, value). Never 0.
pub type Term = i64;

/// All lists sorted and without duplicates, so that an update is a merge of old and new.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entries {
    /// Clinical date (earliest low instant, µs since 1970; the high one where there is no low) of the type's hot date
    /// parameter; storage falls back to lastUpdated. Rows whose dates end no sooner than one of [`REACHES_US`] after
    /// it, or begin before it, have the counted terms `TermKey::long` and `TermKey::open`.
    pub date_us: Option<i64>,
    /// Hot columns: primary coding of `code`, first coding of `category`; 0 when absent. Also present in `terms`.
    pub code: Term,
    pub category: Term,
    /// Value of the hot quantity parameter, as written.
    pub value: Option<f64>,
    /// Token, uri, reference and `:missing` equality terms of every parameter, and further compartment memberships.
    pub terms: Vec<TermEntry>,
    pub strings: Vec<StringEntry>,
    pub dates: Vec<DateEntry>,
    pub quantities: Vec<QuantityEntry>,
    /// Hash of each distinct literal target `Type/id` in the whole document, search parameter or not: who refers to X.
    pub targets: Vec<Term>,
    /// Wider forms of the coded terms above. Storage keeps one row per distinct pair of the whole store (insert or
    /// ignore, never removed): it is how `code` without system and `system|` without code are answered.
    pub vocabulary: Vec<FormEntry>,
    /// Texts of the terms above (displays, texts of concepts, uris). Storage keeps one row per distinct triple of the whole
    /// store, never removed, as with the vocabulary: it is how `:text`, `uri:below` and `uri:above` are answered.
    pub phrases: Vec<PhraseEntry>,
}

/// `value` is a normalised text (tokens; at most [`PHRASE_CHARS_MAX`](crate::normal::PHRASE_CHARS_MAX) characters) or a uri
/// as written (at most [`PHRASE_URI_BYTES_MAX`]) of what has `term`. What has more has the term `TermKey::longer`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhraseEntry {
    pub param: u16,
    pub value: String,
    pub term: Term,
}

/// A longer uri is no phrase.
pub const PHRASE_URI_BYTES_MAX: usize = 1_024;

/// Whoever asks for `form` (a code without its system, or a system without a code) asks for `term` among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormEntry {
    pub form: Term,
    pub term: Term,
}

impl Entries {
    /// Adds a term that is not of the document itself (compartment memberships), keeping the order.
    pub fn add_term(&mut self, entry: TermEntry) {
        if let Err(at) = self.terms.binary_search(&entry) {
            self.terms.insert(at, entry);
        }
    }

    pub fn has_term(&self, term: Term) -> bool {
        let at = self.terms.partition_point(|e| e.term < term);
        self.terms.get(at).is_some_and(|e| e.term == term)
    }

    /// Brings every list into the order the stores rely on.
    pub(crate) fn settle(&mut self) {
        self.terms.sort_unstable();
        self.terms.dedup_by_key(|e| e.term);
        self.strings.sort_unstable();
        self.strings.dedup();
        self.dates.sort_unstable();
        self.dates.dedup();
        self.quantities.sort_by(|a, b| {
            (a.term, a.low)
                .partial_cmp(&(b.term, b.low))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        self.quantities.dedup();
        self.targets.sort_unstable();
        self.targets.dedup();
        self.vocabulary.sort_unstable();
        self.vocabulary.dedup();
        self.phrases.sort_unstable();
        self.phrases.dedup();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TermEntry {
    pub term: Term,
    pub param: u16,
    /// Kept in the per-term counters (low-cardinality tokens, never identifiers or references).
    pub counted: bool,
}

/// Normalised (folded case, marks removed), at most [`STRING_CHARS_MAX`](crate::normal::STRING_CHARS_MAX) characters: what has
/// more has the term `TermKey::longer` too. `exact` is a term in `terms`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StringEntry {
    pub param: u16,
    pub value: String,
}

/// Inclusive microseconds; open ends are `i64::MIN` / `i64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateEntry {
    pub param: u16,
    pub low_us: i64,
    pub high_us: i64,
}

/// A date with a day's precision does not end later than this after its start.
pub const DAY_US: i64 = 86_400_000_000;
/// Microseconds after the clinical date: rows whose dates end no sooner than one of them have its term `TermKey::long`.
pub const REACHES_US: [i64; 3] = [DAY_US, 8 * DAY_US, 64 * DAY_US];

/// `term` hashes (parameter, unit in canonical form or none), the range is in that unit; numbers use the bare parameter.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct QuantityEntry {
    pub term: Term,
    pub low: f64,
    pub high: f64,
    /// The term is of a tuple, whose code it has in it.
    pub in_tuple: bool,
}
