//! `_text` and `_content`: words of the narrative, or of the whole resource. <https://hl7.org/fhir/R4/search.html#content>
//!
//! Words are compared by their beginning, without case and accents; how they are combined is in `asked`. Of the types that are indexed by words the index answers (`full_text`), and where
//! words stand side by side it proposes; of others each row is looked at, under the cost gate.
//!
//! What this server sets itself (id, version, time) is no content: `_id` and `_lastUpdated` ask for it.

mod asked;
mod narrative;

use self::asked::{DEPTH_MAX, Query, WORDS_MAX};
use self::narrative::shown;
use super::Reader;
use crate::full_text::Words;
use crate::normal::words;
use crate::plan::{Check, Filter};
use std::sync::Arc;
use ward_fhir::schema::Primitive;
use ward_fhir::{Failure, Kind, Node, TypeId};

/// The relevance of a hit by the words that a search asks for: n / (n + 1), where they occur n times. The more often, the
/// nearer to 1, and never 1, which is for what is exactly what was asked for. <https://hl7.org/fhir/R4/search.html#score>
#[derive(Clone)]
pub struct Score(Vec<Occurrences>);

/// How often the words of one `_text` or `_content` occur in a resource.
type Occurrences = Arc<dyn Fn(Node<'_>) -> usize + Send + Sync>;

impl Score {
    pub fn of(&self, resource: Node<'_>) -> f64 {
        let found: usize = self.0.iter().map(|words| words(resource)).sum();
        let found = found as f64;
        found / (found + 1.0)
    }

    /// By the words of both.
    pub(super) fn beside(mut self, other: Option<Score>) -> Score {
        self.0.extend(other.into_iter().flat_map(|score| score.0));
        self
    }
}

impl std::fmt::Debug for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Score")
    }
}

impl Reader<'_> {
    pub(super) fn words(
        &self,
        types: &[TypeId],
        code: &str,
        modifier: Option<&str>,
        value: &str,
    ) -> Result<Filter, Failure> {
        if modifier.is_some() {
            let text = format!("'{code}' has no modifiers.");
            return Err(Failure::new(Kind::NotSupported, text));
        }
        let query = Query::read(value).ok_or_else(|| {
            let text = format!(
                "The value of '{code}' must be words, {WORDS_MAX} at most, optionally with AND, OR, NOT, quotes and brackets, \
                 {DEPTH_MAX} deep at most, and each alternative must have a word that is not excluded."
            );
            Failure::new(Kind::Invalid, text)
        })?;
        if let Some(index) = self.indexed_words(types, code) {
            self.custom.set(true);
            return Ok(query.by(&index, code));
        }
        Ok(Filter::Check(check(code, move |texts| query.holds(texts))))
    }

    /// What the index has of the words, if it has those of all of the types.
    fn indexed_words(&self, types: &[TypeId], code: &str) -> Option<Words<'_>> {
        let (first, indexed) = (types.first()?, self.registry.words());
        let is_indexed = types.iter().all(|ty| indexed.contains(ty));
        let parameter = self.registry.find(*first, code).filter(|_| is_indexed)?;
        Some(Words {
            key: self.extractor.key(),
            param: parameter.def.number(),
        })
    }

    /// The score of a `_text` or `_content`; `None` for other names and values that cannot be read.
    pub(super) fn score(&self, name: &str, value: &str) -> Option<Score> {
        if !matches!(name, "_text" | "_content") {
            return None;
        }
        let (query, everything) = (Query::read(value)?, name == "_content");
        let occurrences = move |node: Node<'_>| query.occurrences(&texts(node, everything));
        Some(Score(vec![Arc::new(occurrences)]))
    }
}

/// A check of the texts of a resource.
fn check(code: &str, test: impl Fn(&[Vec<String>]) -> bool + Send + Sync + 'static) -> Check {
    let everything = code == "_content";
    Check {
        name: code.to_owned(),
        test: Arc::new(move |node| test(&texts(node, everything))),
    }
}

/// The words of each text: of the narrative, or of every primitive element that is not this server's own.
pub(crate) fn texts(resource: Node<'_>, everything: bool) -> Vec<Vec<String>> {
    let narrative = || resource.get("text").and_then(|t| t.text("div"));
    if !everything {
        let text = narrative().map(|div| words(&shown(div)).collect());
        return text.into_iter().collect();
    }
    let meta = resource.get("meta");
    let in_meta = ["versionId", "lastUpdated"].map(|name| meta.and_then(|m| m.get(name)));
    let own = [resource.get("id"), in_meta[0], in_meta[1]];
    resource
        .descendants_and_self()
        .filter(|n| !own.contains(&Some(*n)))
        .filter_map(|n| Some((n.primitive()?, n.value()?)))
        .filter(|(primitive, _)| *primitive != Primitive::Base64Binary)
        .map(|(primitive, value)| match primitive {
            Primitive::Xhtml => words(&shown(value)).collect(),
            _ => words(value).collect(),
        })
        .collect()
}
