//! `_text` and `_content`: words of the narrative, or of the whole resource. <https://hl7.org/fhir/R4/search.html#content>
//!
//! Words are compared by their beginning, without case and accents. All must occur; `OR` separates alternatives, `NOT`
//! excludes a word, quotes keep words together. Of the types that are indexed by words the index answers (`full_text`), and where
//! words stand side by side it proposes; of others each row is looked at, under the cost gate.
//!
//! What this server sets itself (id, version, time) is no content: `_id` and `_lastUpdated` ask for it.

mod narrative;

use self::narrative::shown;
use super::Reader;
use super::chain::{one_and, one_or};
use crate::full_text::Words;
use crate::normal::words;
use crate::plan::{Check, Filter};
use std::sync::Arc;
use ward_fhir::schema::Primitive;
use ward_fhir::{Failure, Kind, Node, TypeId};

/// Words of one query.
const WORDS_MAX: usize = 50;

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
                "The value of '{code}' must be words, optionally with OR, AND, NOT and quotes, {WORDS_MAX} at most."
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

/// Alternatives, each of which asks for all of its terms.
#[derive(Debug, PartialEq)]
struct Query(Vec<Vec<Term>>);

#[derive(Debug, PartialEq)]
struct Term {
    not: bool,
    /// Side by side; the last by its beginning.
    words: Vec<String>,
}

impl Query {
    /// `None`: no word, or too many.
    fn read(value: &str) -> Option<Query> {
        let (mut any, mut not) = (vec![Vec::new()], false);
        for (at, part) in value.split('"').enumerate() {
            let quoted = at % 2 == 1;
            let pieces: Vec<&str> = if quoted {
                vec![part]
            } else {
                part.split([' ', '\t', ',']).collect()
            };
            for piece in pieces {
                match piece {
                    "OR" | "|" if !quoted => any.push(Vec::new()),
                    "AND" | "&" if !quoted => {}
                    "NOT" if !quoted => not = true,
                    _ => {
                        let words: Vec<String> = words(piece).collect();
                        if !words.is_empty() {
                            any.last_mut()?.push(Term { not, words });
                            not = false;
                        }
                    }
                }
            }
        }
        any.retain(|all| all.iter().any(|t| !t.not));
        let count: usize = any.iter().flatten().map(|t| t.words.len()).sum();
        (count > 0 && count <= WORDS_MAX).then_some(Query(any))
    }

    /// As the index is asked.
    fn by(self, index: &Words<'_>, code: &str) -> Filter {
        let all =
            |terms: Vec<Term>| one_and(terms.into_iter().map(|t| t.by(index, code)).collect());
        one_or(self.0.into_iter().map(all).collect())
    }

    fn holds(&self, texts: &[Vec<String>]) -> bool {
        let found = |t: &Term| t.is_in(texts) != t.not;
        self.0.iter().any(|all| all.iter().all(found))
    }

    fn occurrences(&self, texts: &[Vec<String>]) -> usize {
        let terms = self.0.iter().flatten().filter(|t| !t.not);
        terms
            .map(|t| texts.iter().map(|text| t.count(text)).sum::<usize>())
            .sum()
    }
}

impl Term {
    /// Of several words the index proposes what has those that are whole.
    fn by(self, index: &Words<'_>, code: &str) -> Filter {
        let (not, words) = (self.not, self.words.clone());
        let check = check(code, move |texts| self.is_in(texts));
        let filter = match words.as_slice() {
            [word] => index.beginning(word, check),
            words => {
                let whole = &words[..words.len().saturating_sub(1)];
                let mut all: Vec<Filter> = whole.iter().filter_map(|w| index.whole(w)).collect();
                all.push(Filter::Check(check));
                one_and(all)
            }
        };
        match not {
            true => Filter::Not(Box::new(filter)),
            false => filter,
        }
    }

    fn is_in(&self, texts: &[Vec<String>]) -> bool {
        texts.iter().any(|text| self.count(text) > 0)
    }

    fn count(&self, text: &[String]) -> usize {
        let Some((last, before)) = self.words.split_last() else {
            return 0;
        };
        text.windows(self.words.len())
            .filter(|w| w[..before.len()] == *before && w[before.len()].starts_with(last.as_str()))
            .count()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(query: &str, text: &str) -> bool {
        let text: Vec<String> = words(text).collect();
        Query::read(query).is_some_and(|q| q.holds(&[text]))
    }

    #[test]
    fn words_alternatives_and_quotes() {
        let text = "Chronic Kidney disease, stage 3 (Müller)";
        for query in [
            "kidney",
            "KIDNEY chronic",
            "muller",
            "kid",
            "liver OR kidney",
            "\"kidney disease\"",
            "kidney NOT liver",
            "kidney AND disease",
            "\"chronic kid\"",
        ] {
            assert!(found(query, text), "{query}");
        }
        for query in [
            "liver",
            "kidney liver",
            "idney",
            "\"disease kidney\"",
            "kidney NOT disease",
            "NOT liver",
            "",
            "OR",
        ] {
            assert!(!found(query, text), "{query}");
        }
        assert_eq!(Query::read(&"x ".repeat(WORDS_MAX + 1)), None);
    }
}
