//! `_text` and `_content`: words of the narrative, or of the whole resource. <https://hl7.org/fhir/R4/search.html#content>
//!
//! Words are compared by their beginning, without case and accents. All must occur; `OR` separates alternatives, `NOT`
//! excludes a word, quotes keep words together. No index holds them: each row is looked at, under the cost gate.

mod narrative;

use self::narrative::shown;
use super::Reader;
use crate::normal::words;
use crate::plan::{Check, Filter};
use std::sync::Arc;
use ward_fhir::schema::Primitive;
use ward_fhir::{Failure, Kind, Node};

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
        let everything = code == "_content";
        Ok(Filter::Check(Check {
            name: code.to_owned(),
            test: Arc::new(move |node| query.holds(&texts(node, everything))),
        }))
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

    fn holds(&self, texts: &[Vec<String>]) -> bool {
        let found = |t: &Term| texts.iter().any(|text| t.count(text) > 0) != t.not;
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
    fn count(&self, text: &[String]) -> usize {
        let Some((last, before)) = self.words.split_last() else {
            return 0;
        };
        text.windows(self.words.len())
            .filter(|w| w[..before.len()] == *before && w[before.len()].starts_with(last.as_str()))
            .count()
    }
}

/// The words of each text: of the narrative, or of every primitive element.
fn texts(resource: Node<'_>, everything: bool) -> Vec<Vec<String>> {
    let narrative = || resource.get("text").and_then(|t| t.text("div"));
    if !everything {
        let text = narrative().map(|div| words(&shown(div)).collect());
        return text.into_iter().collect();
    }
    resource
        .descendants_and_self()
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
