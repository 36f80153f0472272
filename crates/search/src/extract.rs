//! Value extraction: one walk over a resource gives everything it contributes to the index.
//! <https://hl7.org/fhir/R4/searchparameter.html#selection>

#[cfg(test)]
mod picked;
mod present;
mod spelled;

use crate::definition::starts_of;
use crate::edition::Edition;
use crate::entries::{
    Entries, FormEntry, PHRASE_URI_BYTES_MAX, PhraseEntry, QuantityEntry, REACHES_US, StringEntry,
    Term, TermEntry, TermKey,
};
use crate::full_text;
use crate::groups::{Groups, Reads};
use crate::hot::Role;
use crate::normal::{
    NAME_PARTS_MAX, PHRASE_CHARS_MAX, STRING_CHARS_MAX, cut, cut_apart, normalise,
};
use crate::param;
use crate::param::Form;
use crate::program::Visitor;
use crate::registry::{Leaf, Marks, Parameter, Registry, TypeParameters};
use crate::seen::Seen;
use crate::words::words;
use std::sync::Arc;
use ward_fhir::reference::{Reference, parse};
use ward_fhir::schema::Schema;
use ward_fhir::{Node, TypeId};
use ward_fhirpath::resolve_within;

/// Turns resources into index entries. Built once and shared by all threads.
#[derive(Clone)]
pub struct Extractor {
    registry: Arc<Registry>,
    key: TermKey,
    base: Option<Arc<str>>,
    edition: Edition,
    behind: Arc<[(TypeId, Edition)]>,
    told: Option<Told>,
}

/// Which security labels may be asked for, by system and code; an empty code stands for every one of the system.
pub type Told = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// Type of what a reference text points to, when the caller knows more than the text says (`urn:uuid` within a bundle).
pub type Resolve<'a> = &'a dyn Fn(&str) -> Option<TypeId>;

impl Extractor {
    /// `base`: our own base URL without trailing slash; absolute references under it count as local.
    pub fn new(registry: Arc<Registry>, key: TermKey, base: Option<&str>) -> Self {
        Self {
            registry,
            key,
            base: base.map(Arc::from),
            edition: Edition::NEWEST,
            behind: Arc::default(),
            told: None,
        }
    }

    /// With these parameters instead.
    pub fn with(&self, registry: Arc<Registry>) -> Self {
        Self {
            registry,
            ..self.clone()
        }
    }

    /// Extracts as an edition did.
    pub fn of_edition(&self, edition: Edition) -> Self {
        Self {
            edition,
            ..self.clone()
        }
    }

    /// Of these types there are rows that an older edition has extracted, the oldest of which is this: what is read by it asks for
    /// them as they were written, too.
    pub fn behind(&self, types: Vec<(TypeId, Edition)>) -> Self {
        Self {
            behind: Arc::from(types),
            ..self.clone()
        }
    }

    pub fn edition(&self) -> Edition {
        self.edition
    }

    /// The oldest edition that rows of the types (empty: of all) may be of.
    pub fn oldest(&self, types: &[TypeId]) -> Edition {
        let is_asked = |ty: &TypeId| types.is_empty() || types.contains(ty);
        let behind = self.behind.iter().filter(|(ty, _)| is_asked(ty));
        behind
            .map(|(_, edition)| *edition)
            .min()
            .unwrap_or(Edition::NEWEST)
    }

    /// The same by the parameters that read only what is seen ([`Registry::within`]).
    pub fn within(&self, seen: &Arc<Seen>) -> Self {
        Self {
            registry: Arc::new(Registry::within(&self.registry, seen.clone())),
            ..self.clone()
        }
    }

    /// For questions of somebody who is told these security labels and no others.
    pub fn telling(&self, told: Told) -> Self {
        Self {
            told: Some(told),
            ..self.clone()
        }
    }

    /// The same for a caller in some of whose rows these groups of elements are masked ([`Registry::masking`]).
    pub fn masking(&self, groups: Groups, reads: Reads) -> Self {
        Self {
            registry: Arc::new(Registry::masking(&self.registry, groups, reads)),
            ..self.clone()
        }
    }

    /// `None`: all labels may be asked for.
    pub(crate) fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn key(&self) -> &TermKey {
        &self.key
    }

    /// Our own base URL without trailing slash.
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// The entries of one resource node, every list sorted. Linear in the size of the resource; never fails: an element
    /// without a usable value contributes nothing.
    pub fn extract(&self, node: Node<'_>, resolve: Resolve<'_>) -> Entries {
        self.entries(node, resolve, false)
    }

    /// The same with every text to its end and what refers to contained resources, for a look at the resource itself.
    pub(crate) fn extract_whole(&self, node: Node<'_>) -> Entries {
        self.entries(node, &|_| None, true)
    }

    fn entries(&self, node: Node<'_>, resolve: Resolve<'_>, whole: bool) -> Entries {
        let parameters = self.registry.of(node.ty());
        let mut collector = self.collector(node, resolve, whole);
        parameters.program.walk(node, &mut collector);
        collector.markers(parameters);
        collector.clinical();
        collector.targets(node);
        collector.contained_types(node);
        let mut entries = collector.entries;
        full_text::index(self, node, &mut entries);
        entries.settle();
        entries
    }

    fn collector<'a>(&'a self, root: Node<'a>, resolve: Resolve<'a>, whole: bool) -> Collector<'a> {
        Collector {
            extractor: self,
            root,
            resolve,
            whole,
            entries: Entries {
                terms: Vec::with_capacity(24),
                vocabulary: Vec::with_capacity(12),
                ..Entries::default()
            },
            present: [0; PRESENT_WORDS],
            clinical: None,
        }
    }
}

/// Parameters per type in the presence set: 256 (Observation has 55 with the common ones).
const PRESENT_WORDS: usize = 4;

pub(crate) struct Collector<'a> {
    extractor: &'a Extractor,
    root: Node<'a>,
    resolve: Resolve<'a>,
    /// Texts are not cut to what the index keeps.
    whole: bool,
    entries: Entries,
    present: [u64; PRESENT_WORDS],
    /// The hot date parameter, and from where to where its dates reach.
    clinical: Option<(u16, i64, i64)>,
}

impl Visitor<Leaf> for Collector<'_> {
    fn leaf(&mut self, node: Node<'_>, leaf: &Leaf) {
        if leaf.form == Form::Tuple {
            if param::composite::index(self, node, leaf) {
                self.mark(leaf);
            }
            return;
        }
        if leaf.form == Form::Truth {
            if self.is_present(node, leaf) && node.value() != Some("false") {
                self.mark(leaf);
            }
            return;
        }
        if self.is_present(node, leaf) {
            self.mark(leaf);
        }
        if !leaf.indexed && leaf.role == Role::None {
            return;
        }
        match leaf.form {
            Form::Coding
            | Form::Concept
            | Form::Identifier
            | Form::Contact
            | Form::Code
            | Form::StringToken
            | Form::PlainToken => param::token::index(self, node, leaf),
            Form::Text | Form::HumanName | Form::Address => param::string::index(self, node, leaf),
            Form::Reference | Form::Inline => param::reference::index(self, node, leaf),
            Form::Canonical | Form::Url => param::uri::index(self, node, leaf),
            Form::Instant | Form::Period | Form::Timing => param::date::index(self, node, leaf),
            Form::Number => param::number::index(self, node, leaf),
            Form::Quantity | Form::Money | Form::Range | Form::Samples => {
                param::quantity::index(self, node, leaf)
            }
            Form::Position => param::position::index(self, node, leaf),
            Form::Tuple | Form::Truth => {}
        }
    }

    fn resolves_to(&mut self, node: Node<'_>, ty: TypeId) -> bool {
        self.target_type(node) == Some(ty)
    }
}

impl<'a> Collector<'a> {
    fn mark(&mut self, leaf: &Leaf) {
        if let Some(word) = self.present.get_mut(leaf.slot as usize / 64) {
            *word |= 1 << (leaf.slot % 64);
        }
    }

    /// For `:missing`. <https://hl7.org/fhir/R4/search.html#missing>
    fn is_present(&self, node: Node<'_>, leaf: &Leaf) -> bool {
        self.extractor.edition == Edition::First || present::has_value(node, leaf.form)
    }

    /// The parameter that a leaf belongs to.
    pub fn parameter(&self, leaf: &Leaf) -> &'a Parameter {
        let types = self.extractor.registry.of(self.root.ty());
        types.at(leaf.slot as usize)
    }

    /// What `read` contributes, apart from the entries so far.
    pub fn aside(&mut self, read: impl FnOnce(&mut Self)) -> Entries {
        let before = std::mem::take(&mut self.entries);
        read(self);
        std::mem::replace(&mut self.entries, before)
    }

    pub fn key(&self) -> &'a TermKey {
        &self.extractor.key
    }

    /// The resource itself is looked at: nothing of this is stored.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    pub fn base(&self) -> Option<&'a str> {
        self.extractor.base.as_deref()
    }

    pub fn term(&mut self, leaf: &Leaf, term: Term, counted: bool) {
        if leaf.indexed {
            self.entries.terms.push(TermEntry {
                term,
                param: leaf.param,
                counted,
            });
        }
        if leaf.listed {
            let form = self.extractor.key.marker(leaf.param);
            self.entries.vocabulary.push(FormEntry { form, term });
        }
    }

    /// The first term of a hot token parameter.
    pub fn hot(&mut self, leaf: &Leaf, term: Term) {
        match leaf.role {
            Role::Code if self.entries.code == 0 => self.entries.code = term,
            Role::Category if self.entries.category == 0 => self.entries.category = term,
            _ => {}
        }
    }

    /// A text by which `:text` finds the term.
    pub fn phrase(&mut self, leaf: &Leaf, text: &str, term: Term) {
        if !leaf.indexed {
            return;
        }
        let value = self.cut(leaf, text, PHRASE_CHARS_MAX);
        if !value.is_empty() {
            self.entries.phrases.push(PhraseEntry {
                param: leaf.param,
                value,
                term,
            });
        }
    }

    /// A text that belongs to no coding: its own term, and its phrase.
    pub fn text(&mut self, leaf: &Leaf, text: &str) {
        let value = self.normalised(text, PHRASE_CHARS_MAX).0;
        let term = self.key().text(leaf.param, &value);
        self.phrase(leaf, text, term);
        if leaf.indexed {
            self.entries.terms.push(TermEntry {
                term,
                param: leaf.param,
                counted: false,
            });
        }
    }

    /// A media type, found by its beginning too.
    pub fn media(&mut self, leaf: &Leaf, value: String, term: Term) {
        if !leaf.indexed || self.extractor.edition < Edition::Second {
            return;
        }
        let is_longer = value.chars().nth(PHRASE_CHARS_MAX).is_some();
        if is_longer {
            self.longer(leaf.param);
        }
        if self.whole || !is_longer {
            self.entries.phrases.push(PhraseEntry {
                param: leaf.param,
                value,
                term,
            });
        }
    }

    /// A uri, found by its beginning too.
    pub fn url(&mut self, leaf: &Leaf, url: &str) {
        let term = self.key().url(leaf.param, url);
        self.term(leaf, term, false);
        let is_longer = url.len() > PHRASE_URI_BYTES_MAX;
        if is_longer && leaf.indexed {
            self.longer(leaf.param);
        }
        if leaf.indexed && (self.whole || !is_longer) {
            self.entries.phrases.push(PhraseEntry {
                param: leaf.param,
                value: url.to_owned(),
                term,
            });
        }
    }

    pub fn string(&mut self, leaf: &Leaf, text: &str) {
        if !leaf.indexed {
            return;
        }
        let value = self.cut(leaf, text, STRING_CHARS_MAX);
        if !value.is_empty() {
            self.entries.strings.push(StringEntry {
                param: leaf.param,
                value,
            });
        }
        let term = self.key().exact(leaf.param, text);
        self.term(leaf, term, false);
        if leaf.of_name && self.extractor.edition >= Edition::Second {
            self.starts(starts_of(leaf.param), &normalise(text));
        }
    }

    /// A name from each of its first words on: a family name may have several, any of which people go by.
    fn starts(&mut self, param: u16, name: &str) {
        let after = name.match_indices([' ', '-']).map(|(at, _)| at + 1);
        for at in std::iter::once(0).chain(after).take(NAME_PARTS_MAX) {
            let mut value = name[at..].to_owned();
            let end = value.char_indices().nth(STRING_CHARS_MAX);
            if let Some((end, _)) = end.filter(|_| !self.whole) {
                value.truncate(end);
                self.longer(param);
            }
            if !value.is_empty() {
                self.entries.strings.push(StringEntry { param, value });
            }
        }
    }

    /// The text normalised, as far as the index keeps it; what has more is marked.
    fn cut(&mut self, leaf: &Leaf, text: &str, chars_max: usize) -> String {
        let chars_max = if self.whole { usize::MAX } else { chars_max };
        let (value, is_cut) = self.normalised(text, chars_max);
        if is_cut && leaf.indexed {
            self.longer(leaf.param);
        }
        value
    }

    fn normalised(&self, text: &str, chars_max: usize) -> (String, bool) {
        match self.extractor.edition {
            Edition::First => cut_apart(text, chars_max),
            _ => cut(text, chars_max),
        }
    }

    fn longer(&mut self, param: u16) {
        self.entries.terms.push(TermEntry {
            term: self.extractor.key.longer(param),
            param,
            counted: false,
        });
    }

    /// A range of microseconds, both ends inclusive.
    pub fn date(&mut self, leaf: &Leaf, low_us: i64, high_us: i64) {
        if leaf.role == Role::Date {
            let first = [low_us, high_us]
                .into_iter()
                .find(|us| *us != i64::MIN && *us != i64::MAX);
            self.entries.date_us = self.entries.date_us.into_iter().chain(first).min();
            let (_, low, high) = self.clinical.unwrap_or((leaf.param, i64::MAX, i64::MIN));
            self.clinical = Some((leaf.param, low.min(low_us), high.max(high_us)));
        }
        if leaf.indexed {
            self.entries.dates.push(crate::entries::DateEntry {
                param: leaf.param,
                low_us,
                high_us,
            });
        }
    }

    pub fn term_entry(&mut self, entry: TermEntry) {
        self.entries.terms.push(entry);
    }

    pub fn quantity_entry(&mut self, entry: QuantityEntry) {
        self.entries.quantities.push(entry);
    }

    pub fn schema(&self) -> &'static Schema {
        self.extractor.registry.schema()
    }

    pub fn quantity(&mut self, leaf: &Leaf, term: Term, low: f64, high: f64) {
        if leaf.indexed {
            self.quantity_entry(QuantityEntry {
                term,
                low,
                high,
                in_tuple: false,
            });
        }
    }

    /// The value of the hot quantity column: the first one.
    pub fn value(&mut self, leaf: &Leaf, value: f64) {
        if leaf.role == Role::Value && self.entries.value.is_none() {
            self.entries.value = Some(value);
        }
    }

    /// Type of the target of a Reference element, as far as its text, its `type` or the caller can tell.
    pub fn target_type(&self, reference: Node<'_>) -> Option<TypeId> {
        let words = words();
        let child = |member| {
            reference
                .children()
                .find(|c| c.member() == Some(member))
                .and_then(Node::value)
        };
        let stated = || {
            child(words.reference_type)
                .and_then(|t| self.extractor.registry.schema().resource_type(t))
        };
        let Some(text) = child(words.reference_reference) else {
            return stated();
        };
        let known = match parse(text, self.base())? {
            Reference::Local { ty, .. } | Reference::Conditional { ty, .. } => Some(ty),
            Reference::Absolute { target, .. } => {
                target.map(|t| t.0).or_else(|| (self.resolve)(text))
            }
            Reference::Contained(_) | Reference::Urn(_) => (self.resolve)(text),
        };
        // The container, what it contains, and the entries of a Bundle that it is part of.
        let within = || resolve_within(text, reference).map(Node::ty);
        known.or_else(within).or_else(stated)
    }

    fn is_marked(&self, slot: usize) -> bool {
        self.present
            .get(slot / 64)
            .is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// Markers for `:missing`, and the parameters whose expression is a truth about the whole resource.
    fn markers(&mut self, parameters: &TypeParameters) {
        for slot in parameters.after_walk() {
            let parameter = parameters.at(*slot as usize);
            let (id, present) = (parameter.def.number(), self.is_marked(*slot as usize));
            if parameter.truth {
                let term = self.key().code(id, if present { "true" } else { "false" });
                self.entries.terms.push(TermEntry {
                    term,
                    param: id,
                    counted: true,
                });
            } else if present == (parameter.marks == Marks::Present) {
                let term = self.key().marker(id);
                self.entries.terms.push(TermEntry {
                    term,
                    param: id,
                    counted: false,
                });
            }
        }
    }

    /// Marks dates that a walk in the order of the clinical date would miss.
    fn clinical(&mut self) {
        let (Some((param, low_us, high_us)), Some(date_us)) = (self.clinical, self.entries.date_us)
        else {
            return;
        };
        let key = self.key();
        let length_us = high_us.saturating_sub(date_us);
        let reached = (0..REACHES_US.len()).filter(|reach| length_us >= REACHES_US[*reach]);
        let long = reached.map(|reach| key.long(param, reach));
        let open = (low_us < date_us).then(|| key.open(param));
        for term in long.chain(open) {
            self.entries.terms.push(TermEntry {
                term,
                param,
                counted: true,
            });
        }
    }

    /// For `_contained`: which types it contains.
    fn contained_types(&mut self, node: Node<'_>) {
        let schema = self.extractor.registry.schema();
        let Some(member) = schema.find_member(node.ty(), "contained") else {
            return;
        };
        for contained in node.children_of(member.id) {
            self.entries.terms.push(TermEntry {
                term: self.extractor.key.contained(contained.type_name()),
                param: u16::MAX,
                counted: false,
            });
        }
    }

    /// Every literal reference in the document that names a resource of this store.
    fn targets(&mut self, node: Node<'_>) {
        let member = words().reference_reference;
        for reference in node
            .descendants_and_self()
            .filter(|n| n.member() == Some(member))
        {
            if let Some(Reference::Local { ty, id, .. }) =
                reference.value().and_then(|text| parse(text, self.base()))
            {
                let name = self.extractor.registry.schema().ty(ty).name;
                self.entries
                    .targets
                    .push(self.extractor.key.target(name, id));
            }
        }
    }
}
